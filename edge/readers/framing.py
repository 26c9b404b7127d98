"""Bytes or keys, however they are cut, to reads. Pure: no clock, no port, no thread; `now_ms` is an argument (any monotonic clock).

Each framing is one small machine for one reader:

    feed(what came, now_ms)  -> what was found in it
    due_ms                   -> when idle() wants to be called, or None
    idle(now_ms)             -> what a pause ends
    void()                   -> the reader vanished: what that spoils, and a fresh start

Only idle() lets time pass. A reading thread that was held up finds the rest of a scan waiting in the kernel and feeds it, so a
busy machine cannot cut a good scan in two. What a read means (is it a badge? a double tap?) is the station's to say.
"""

from collections.abc import Iterable
from functools import reduce
from operator import xor
from typing import NamedTuple

import msgspec
from msgspec import Struct

from edge.events import Found, Layout, Spoilt, Tag, Text
from edge.readers.keytables import KEYPAD_DIGITS, LAYOUTS, character
from proto import badge

IDLE_MS = 80
"""A pause that ends a scan without an end mark: ten times the slowest usual HID polling interval, in ms (edge.md, 1.2)."""
MAX_IDLE_MS = 1_000
"""However slow a scanner types, a person must not wait longer for a scan without an end mark, in ms."""
GAPS = 4
"""A pause is this many times longer than the longest gap inside a scan (edge.md, 1.2)."""


def _ended(text: str | None, *, paused: bool) -> Found:
    """What a finished scan is. None: it holds something that is no character. A pause ends only what proves to be a badge."""
    if paused:
        return Text(text) if text is not None and badge.read_code(text) else Spoilt.PARTIAL
    return Spoilt.MALFORMED if text is None else Text(text)


# --- serial scanners ------------------------------------------------------------------------------

LINE_ENDS = frozenset(b"\r\n\t")
BITS_A_BYTE = 10
"""8N1: start, eight, stop."""


def line_idle_ms(baud: int) -> int:
    """The pause that ends a line, in ms: longer on a line so slow that single characters take a while."""
    return max(IDLE_MS, GAPS * BITS_A_BYTE * 1000 // baud)


class LineFraming(Struct):
    """A serial scanner: printable ASCII; CR, LF, Tab or a pause ends a line (so CR LF does too: empty lines are nothing)."""

    idle_ms: int = IDLE_MS
    _line: bytearray = msgspec.field(default_factory=bytearray)
    _dropping: bool = False
    _last_ms: int = 0

    @property
    def due_ms(self) -> int | None:
        return self._last_ms + self.idle_ms if self._line or self._dropping else None

    def feed(self, came: bytes, now_ms: int) -> list[Found]:
        found: list[Found] = []
        for byte in came:
            if byte in LINE_ENDS:
                found += self._end(paused=False)
            elif not self._dropping:
                self._line.append(byte)
                if len(self._line) > badge.MAX_READ:
                    found += [Spoilt.OVERLONG]
                    self._line.clear()
                    self._dropping = True
        self._last_ms = now_ms
        return found

    def idle(self, now_ms: int) -> list[Found]:
        due_ms = self.due_ms
        return [] if due_ms is None or now_ms < due_ms else self._end(paused=True)

    def void(self) -> list[Found]:
        found: list[Found] = [Spoilt.VOID] if self._line else []
        self._line.clear()
        self._dropping = False
        return found

    def _end(self, *, paused: bool) -> list[Found]:
        line = bytes(self._line)
        self._line.clear()
        self._dropping = False
        if not line:
            return []
        printable = all(0x20 <= byte <= 0x7E for byte in line)
        return [_ended(line.decode("ascii") if printable else None, paused=paused)]


# --- tags -----------------------------------------------------------------------------------------

TAG_START, TAG_END = 0x02, 0x03
TAG_DIGITS = 12
"""Five bytes and their XOR, in hexadecimal."""
TAG_BODY = TAG_DIGITS + 2
"""ID-12 sends CR LF before the end, RDM6300 does not (edge.md, 2.1 and 2.2)."""
HEX_DIGITS = frozenset(b"0123456789ABCDEFabcdef")
ABSENT_MS = 400
"""RDM6300 repeats its frame every 50 ms while the tag is held: this long without one and the tag is gone, in ms (edge.md, 1.5)."""


class TagFraming(Struct):
    """125 kHz readers, RDM6300 and ID-12 (edge.md, 2.1 and 2.2): a tag is found once while it is held there.

    A frame of the wrong length or with other characters is noise and is dropped. A wrong checksum is a tag that could not be read:
    said once, and not at all beside good frames of a tag.
    """

    _frame: bytearray | None = None
    _present: Tag | Spoilt | None = None
    _seen_ms: int = 0

    @property
    def due_ms(self) -> int | None:
        return None if self._present is None else self._seen_ms + ABSENT_MS

    def feed(self, came: bytes, now_ms: int) -> list[Found]:
        found: list[Found] = []
        for byte in came:
            if byte == TAG_START:
                self._frame = bytearray()
            elif self._frame is None:
                continue
            elif byte == TAG_END:
                found += self._seen(_tag(bytes(self._frame)), now_ms)
                self._frame = None
            elif len(self._frame) < TAG_BODY:
                self._frame.append(byte)
            else:
                self._frame = None
        return found

    def idle(self, now_ms: int) -> list[Found]:
        due_ms = self.due_ms
        if due_ms is not None and now_ms >= due_ms:
            self._present = None
        return []

    def void(self) -> list[Found]:
        """Nothing is lost: a tag that is still held is read again after the replug."""
        self._frame = self._present = None
        return []

    def _seen(self, found: Tag | Spoilt | None, now_ms: int) -> list[Found]:
        if found is None:
            return []
        self._seen_ms = now_ms
        news = found != self._present and (isinstance(found, Tag) or self._present is None)
        if news:
            self._present = found
        return [found] if news else []


def _tag(body: bytes) -> Tag | Spoilt | None:
    """The tag between the start and end of a frame; CHECKSUM when its digits do not add up; None for noise."""
    digits = body.removesuffix(b"\r\n")
    if len(digits) != TAG_DIGITS or not HEX_DIGITS.issuperset(digits):
        return None
    *uid, checksum = bytes.fromhex(digits.decode("ascii"))
    return Tag(badge.tag("EM", bytes(uid))) if reduce(xor, uid) == checksum else Spoilt.CHECKSUM


# --- keyboard scanners ----------------------------------------------------------------------------

Key = tuple[int, int, int]
"""Type, code and value of one `struct input_event` (linux/input.h), without its time, which is the wall clock's."""

EV_SYN, EV_KEY = 0, 1
SYN_REPORT, SYN_DROPPED = 0, 3
UP, DOWN, REPEAT = 0, 1, 2

ENTER, KEYPAD_ENTER, TAB = 28, 96, 15
KEY_ENDS = frozenset({ENTER, KEYPAD_ENTER, TAB})
CAPS_LOCK, NUM_LOCK = 58, 69
SHIFTS = frozenset({42, 54})
ALT = 56
MODIFIERS = SHIFTS | {ALT, 100, 29, 97, 125, 126}
"""Shift, Alt, AltGr, Ctrl, Meta; left and right."""
ALT_DIGITS = 4
"""Digits of an Alt code, its leading zero included."""


class Stroke(NamedTuple):
    """One key as it was pressed: which character that is, a key table says."""

    code: int
    shift: bool
    caps: bool


UNREADABLE = Stroke(0, shift=False, caps=False)
"""Stands for what no layout reads: Ctrl and AltGr combinations, an Alt code outside ASCII. It spoils its scan, not the reader."""


def decode(strokes: Iterable[Stroke | str], layout: str) -> str | None:
    """The text a scan types in a layout, or None when a key of it types no character there. A str is sure already."""
    text = ""
    for stroke in strokes:
        typed = stroke if isinstance(stroke, str) else character(layout, stroke.code, shift=stroke.shift, caps=stroke.caps)
        if typed is None:
            return None
        text += typed
    return text


def calibrate(strokes: list[Stroke | str]) -> str | None:
    """The one layout in which these keys are the calibration code (badge.CALIBRATION), or None: it is not, or not for one only."""
    if len(strokes) != len(badge.CALIBRATION):
        return None
    fits = [layout for layout in LAYOUTS if (decode(strokes, layout) or "").upper() == badge.CALIBRATION]
    return fits[0] if len(fits) == 1 else None


class KeyFraming(Struct):
    """A scanner that types (edge.md, 1.1 and 1.2): Enter, keypad Enter, Tab or a pause ends a scan.

    `layout` reads ordinary scans and is replaced by the calibration code, which also teaches how slowly this scanner types.
    After SYN_DROPPED `lost` is true: the caller asks the kernel which keys are down and tells by hold().
    """

    layout: str = "us"
    idle_ms: int = IDLE_MS
    lost: bool = False
    _deaf: bool = False
    _dropping: bool = False
    _held: set[int] = msgspec.field(default_factory=set)
    _caps: bool = False
    _alt: str = ""
    _strokes: list[Stroke | str] = msgspec.field(default_factory=list)
    _gap_ms: int = 0
    _last_ms: int = 0

    @property
    def due_ms(self) -> int | None:
        return self._last_ms + self.idle_ms if self._begun() else None

    def feed(self, came: Iterable[Key], now_ms: int) -> list[Found]:
        found: list[Found] = []
        for kind, code, value in came:
            if kind == EV_SYN:
                found += self._report(code, now_ms)
            elif kind == EV_KEY and value != REPEAT and not self._deaf:
                self._gap_ms = max(self._gap_ms, now_ms - self._last_ms) if self._begun() else 0
                self._last_ms = now_ms
                found += self._key(code, down=value == DOWN)
        return found

    def idle(self, now_ms: int) -> list[Found]:
        due_ms = self.due_ms
        return [] if due_ms is None or now_ms < due_ms else self._end(paused=True)

    def void(self) -> list[Found]:
        found: list[Found] = [Spoilt.VOID] if self._strokes or self._alt else []
        self._clear()
        self._held.clear()
        self._deaf = self.lost = False
        return found

    def hold(self, down: Iterable[int]) -> None:
        """Which keys the kernel says are down now; only modifiers matter."""
        self._held = set(MODIFIERS.intersection(down))
        self.lost = False

    def _begun(self) -> bool:
        return bool(self._strokes or self._alt or self._caps or self._dropping)

    def _clear(self) -> None:
        # Caps Lock counts inside one scan: grabbed, the keyboard's own lamp never changes, so each scan starts with it off.
        self._strokes, self._alt, self._caps, self._dropping, self._gap_ms = [], "", False, False, 0

    def _report(self, code: int, now_ms: int) -> list[Found]:
        """SYN_DROPPED: keys are missing, and the events up to the next report are leftovers (event-codes.rst)."""
        if code == SYN_REPORT:
            self._deaf = False
        if code != SYN_DROPPED:
            return []
        found: list[Found] = [] if self._dropping else [Spoilt.VOID]
        self._clear()
        self._held.clear()
        self._deaf = self.lost = self._dropping = True
        self._last_ms = now_ms
        return found

    def _key(self, code: int, *, down: bool) -> list[Found]:
        if code in MODIFIERS:
            return self._modifier(code, down=down)
        if not down or code == NUM_LOCK:
            return []
        if code in KEY_ENDS:
            return self._end(paused=False)
        if code == CAPS_LOCK:
            self._caps = not self._caps
            return []
        return self._press(code)

    def _modifier(self, code: int, *, down: bool) -> list[Found]:
        if down:
            self._held.add(code)
            return []
        self._held.discard(code)
        if code != ALT or not self._alt:
            return []
        typed, self._alt = _alt_character(self._alt), ""
        return self._add(typed)

    def _press(self, code: int) -> list[Found]:
        digit = KEYPAD_DIGITS.get(code)
        combined = self._held - SHIFTS
        if digit is not None and combined == {ALT}:
            self._alt = (self._alt + digit)[: ALT_DIGITS + 1]  # one too many is kept, so that it is refused
            return []
        if combined:
            return self._add(UNREADABLE)
        return self._add(digit or Stroke(code, shift=bool(self._held), caps=self._caps))

    def _add(self, stroke: Stroke | str) -> list[Found]:
        if self._dropping:
            return []
        self._strokes.append(stroke)
        if len(self._strokes) <= badge.MAX_READ:
            return []
        self._clear()
        self._dropping = True
        return [Spoilt.OVERLONG]

    def _end(self, *, paused: bool) -> list[Found]:
        strokes, gap_ms = self._strokes, self._gap_ms
        if self._alt:
            strokes.append(UNREADABLE)
        self._clear()
        if not strokes:
            return []
        text = decode(strokes, self.layout)
        layout = calibrate(strokes)
        if layout is None and text == badge.CALIBRATION:
            layout = self.layout  # typed as Alt codes: every table reads it, the present one does
        if layout is None:
            return [_ended(text, paused=paused)]
        self.layout = layout
        self.idle_ms = min(max(IDLE_MS, GAPS * gap_ms), MAX_IDLE_MS)
        return [Layout(layout, self.idle_ms)]


def _alt_character(digits: str) -> Stroke | str:
    """What Alt and keypad digits type: a decimal code of printable ASCII; above that it depends on Windows' code page."""
    code = int(digits)
    return chr(code) if len(digits) <= ALT_DIGITS and 0x20 <= code <= 0x7E else UNREADABLE
