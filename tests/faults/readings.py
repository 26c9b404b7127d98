"""Readers and files as targets of rubbish: the framings of three kinds of reader, and what reads a file that a person wrote.

A reader's input is bytes: which framing, then over and over a pause (10 ms units), a length, and so many bytes; a key is four of them.
"""

import hashlib
import re
import struct
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from random import Random

from edge.events import Found, Layout, Spoilt, Tag, Text
from edge.readers.framing import (
    CAPS_LOCK,
    ENTER,
    IDLE_MS,
    KEY_ENDS,
    MAX_IDLE_MS,
    MODIFIERS,
    SHIFTS,
    KeyFraming,
    LineFraming,
    TagFraming,
)
from edge.readers.keytables import CODES, KEYPAD_DIGITS, LAYOUTS, character
from edge.settings import Settings as DeviceSettings
from hub import imports, setup
from hub.core.books import Books
from hub.core.imports import WANTED, Kind, plan
from hub.core.plans import Plan, Stamp
from hub.core.school import School
from hub.errors import ImportRefusedError
from hub.settings import Settings as HubSettings
from proto import roster
from proto.badge import CALIBRATION, MAX_READ, read_code
from proto.errors import SettingsError
from proto.messages import RosterManifest
from proto.settings import parse
from tests import fakes
from tests.boxes import town
from tests.faults.hubend import BrokenError, Ward
from tests.faults.rubbish import bytes_of
from tests.schools import BADGE_KEY

Framing = LineFraming | TagFraming | KeyFraming
FRAMINGS: tuple[Callable[[], Framing], ...] = (LineFraming, TagFraming, KeyFraming)
KEY = struct.Struct(">BHB")
"""Type, code and value of a key event."""
CODE = fakes.code("Léa")
OTHER = fakes.code("Tom")
TAGS = (b"\x026F007B39725F\x03", b"\x020800F8C0AB9B\r\n\x03", b"\x026F007B39725E\x03")
SYN = KEY.pack(0, 0, 0)
DROPPED = KEY.pack(0, 3, 0)


def presses(text: str, layout: str = "us") -> bytes:
    """The key events that type a text in a layout, with Shift where it takes one, and Enter."""
    events = b""
    for wanted in text:
        code, shift = next(
            (code, shift) for code in CODES for shift in (False, True) if character(layout, code, shift=shift, caps=False) == wanted
        )
        stroke = KEY.pack(1, code, 1) + SYN + KEY.pack(1, code, 0) + SYN
        events += KEY.pack(1, 42, 1) + stroke + KEY.pack(1, 42, 0) if shift else stroke
    return events + KEY.pack(1, ENTER, 1) + SYN + KEY.pack(1, ENTER, 0) + SYN


GOOD = ((f"{CODE}\r\n".encode(), f"{OTHER}\t".encode(), b"x" * 600 + b"\r"), TAGS, (presses(CODE), presses(OTHER), presses(CALIBRATION)))
"""For each framing what a good reader sends; and an overlong line, a wrong checksum, a calibration."""
AFTER: tuple[tuple[bytes, Found], ...] = ((f"{CODE}\r".encode(), Text(CODE)), (TAGS[0], Tag("EM:6F007B3972")), (presses(CODE), Text(CODE)))
"""What must be read, whatever came before, once the reader was plugged in anew."""


class ReaderTarget:
    """What a framing finds is what it says, however it is cut; it keeps no more than one read; and the next good read is read."""

    def __init__(self, _ward: Ward) -> None:
        """Each input gets a new framing."""

    def make(self, luck: Random) -> bytes:
        which = luck.randrange(3)
        came = b"".join(luck.choice(GOOD[which]) for _ in range(luck.choice((1, 1, 2))))
        if luck.random() < 0.95:
            came = _keys_of(luck, came) if which == 2 else bytes_of(luck, came, luck.choice(GOOD[which]))
        return bytes([which]) + b"".join(_cut(luck, came, KEY.size if which == 2 else 1))

    def take(self, given: bytes) -> str:
        which = given[0] % 3 if given else 0
        steps = list(_steps(given[1:], KEY.size if which == 2 else 1))
        framing, now_ms = FRAMINGS[which](), 1_000
        found: list[Found] = []
        for pause_ms, came in steps:
            now_ms += pause_ms
            found += framing.idle(now_ms)
            found += _feed(framing, came, now_ms)
        for one in found:
            _check(one)
        whole = b"".join(came for _, came in steps)
        if not any(pause_ms for pause_ms, _ in steps) and DROPPED[:3] not in whole and _feed(FRAMINGS[which](), whole, 1_000) != found:
            raise BrokenError("cut in another way, something else was read")
        if len(given) % 3 == 0:  # of every third input: a good scan costs as much as all the rest
            _read_again(framing, which, now_ms)
        else:
            found += _ended(framing)
        spoilt = [one for one in found if isinstance(one, Spoilt)]
        return spoilt[0].value if spoilt else "read" if found else "nothing found"

    def check(self) -> None:
        """Every framing was new: there is nothing more to look at."""


def _ended(framing: Framing) -> list[Found]:
    """A long pause, and nothing is begun any more."""
    found = framing.idle(framing.due_ms or 0)
    if framing.due_ms is not None:
        raise BrokenError(f"a pause ends nothing: still due at {framing.due_ms}")
    return found


def _read_again(framing: Framing, which: int, now_ms: int) -> None:
    """The reader is unplugged and plugged in: the next read is a good one."""
    framing.void()
    good, expected = AFTER[which]
    if (read := _feed(framing, good, now_ms + 10_000)) != [expected]:
        raise BrokenError(f"after it a good scan was read as {read}")


def _feed(framing: Framing, came: bytes, now_ms: int) -> list[Found]:
    if not isinstance(framing, KeyFraming):
        return framing.feed(came, now_ms)
    found = framing.feed(KEY.iter_unpack(came), now_ms)
    if framing.lost:
        framing.hold([])
    return found


def _check(one: Found) -> None:
    """A read is what it says it is."""
    match one:
        case Text(text):
            good = len(text) <= MAX_READ and read_code(text) in {None, text.strip().upper()}
        case Tag(canonical):
            good = re.fullmatch(r"EM:[0-9A-F]{10}", canonical) is not None
        case Layout(layout, idle_ms):
            good = layout in LAYOUTS and IDLE_MS <= idle_ms <= MAX_IDLE_MS
        case _:
            good = True
    if not good:
        raise BrokenError(f"read as {one}")


def _keys_of(luck: Random, came: bytes) -> bytes:
    """Key events with something wrong: lost, doubled, in another order, of other keys, values or types; dropped by the kernel."""
    keys = [came[at : at + KEY.size] for at in range(0, len(came), KEY.size)]
    for _ in range(luck.choice((1, 1, 2, 4, 20))):
        at = luck.randrange(len(keys) + 1)
        match luck.randrange(7):
            case 0:
                del keys[at : at + luck.choice((1, 2, 10))]
            case 1:
                keys[at:at] = keys[at : at + 8] * luck.choice((1, 1, 60))
            case 2:
                keys.insert(at, KEY.pack(1, luck.choice([*MODIFIERS, *SHIFTS, *KEY_ENDS, CAPS_LOCK, *KEYPAD_DIGITS]), luck.randrange(3)))
            case 3:
                keys.insert(at, KEY.pack(1, luck.randrange(0x300), luck.choice((0, 1, 1, 2, 255))))
            case 4:
                keys.insert(at, luck.choice((DROPPED, DROPPED + SYN, SYN)))
            case 5:
                some = keys[at : at + 12]
                luck.shuffle(some)
                keys[at : at + 12] = some
            case _:
                keys.insert(at, KEY.pack(luck.randrange(256), luck.randrange(65_536), luck.randrange(256)))
    return b"".join(keys)


def _cut(luck: Random, came: bytes, size: int) -> Iterator[bytes]:
    """Steps: mostly at once, sometimes with pauses, in pieces of whole keys or bytes."""
    slow = luck.random() < 0.3
    at = 0
    while at < len(came):
        piece = came[at : at + size * luck.choice((1, 7, 50))]
        yield bytes([luck.choice((0, 1, 9, 60)) if slow else 0, len(piece)]) + piece
        at += len(piece)


def _steps(given: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    """Pause in ms and what came after it, in whole keys or bytes."""
    at = 0
    while at + 2 <= len(given):
        came = given[at + 2 : at + 2 + given[at + 1]]
        yield given[at] * 10, came[: len(came) // size * size]
        at += 2 + given[at + 1]


# --- files ----------------------------------------------------------------------------------------

PROVISIONING = Path(__file__).parents[2] / "provisioning"
PUPILS = "household;site;last_name;first_name;group;badge\nA;Les Tilleuls;Peeters;Zoé;1A;EM:6F007B3972\nB;Les Tilleuls;Ø;Al;;" + CODE + "\n"
BALANCES = "site;household;balance\nLes Tilleuls;Vanderzande;12,50\nLes Tilleuls;Okonkwo;-3,00\n"
MEALS = "site;household;last_name;first_name;meal;day\nLes Tilleuls;Vanderzande;Vanderzande;Léa;Repas;2025-01-06\n"
ROSTER = "".join(roster.pack(list(fakes.rows("Léa", "Tom", "Noé"))))
REFUSALS = (SettingsError, ImportRefusedError)


def _planned(kind: Kind, text: str, school: School) -> Plan:
    """A list all the way to its plan: whatever it says, its complaints are sentences."""
    table = imports.read(text.encode(), "file", WANTED[kind]).table
    planned = plan(kind, table, school, Books(), Stamp(BADGE_KEY, 0, date(2026, 1, 12), 77, imports.is_address))
    imports.refuse(planned.complaints, "file", WANTED[kind])
    return planned


class FileTarget:
    """A file is read, or refused with a sentence that names it; nothing else comes out."""

    def __init__(self, _ward: Ward) -> None:
        school, books, fresh = town(), Books(), iter(range(1, 10**12))
        examples = [(PROVISIONING / f"{name}.example.toml").read_bytes() for name in ("edge", "hub", "school")]
        self._readers: tuple[tuple[bytes, Callable[[str], object]], ...] = (
            (examples[0], lambda text: parse(text, DeviceSettings, "file")),
            (examples[1], lambda text: parse(text, HubSettings, "file")),
            (examples[2], lambda text: setup.describe(text, "file", school, lambda: next(fresh), 0)),
            (PUPILS.encode(), lambda text: _planned(Kind.PUPILS, text, school)),
            (BALANCES.encode(), lambda text: _planned(Kind.BALANCES, text, school)),
            (MEALS.encode(), lambda text: setup.reservations(text, "file", school, books)),
            (ROSTER.encode(), _roster),
        )

    def make(self, luck: Random) -> bytes:
        which = luck.randrange(len(self._readers))
        good = self._readers[which][0]
        return bytes([which]) + bytes_of(luck, good, luck.choice(self._readers)[0])

    def take(self, given: bytes) -> str:
        which = given[0] % len(self._readers) if given else 0
        text = given[1:].decode(errors="replace")
        try:
            read = self._readers[which][1](text)
        except REFUSALS as refused:
            if not str(refused).startswith("file"):
                raise BrokenError(f"the file is not named: {refused}") from refused
            return "refused"
        return "refused" if read is None else "read"

    def check(self) -> None:
        """Nothing is kept."""


def _roster(text: str) -> object:
    """Under a manifest that is right about its hash, so that its rows are looked at."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    manifest = RosterManifest(version=1, parts=1, rows=text.count("\n"), sha256=digest, issued_ms=0, sig="")
    return roster.unpack(manifest, [text])
