"""`preau-edge probe`: which readers are plugged in, what they read, and the settings lines for them. Sends nothing, keeps nothing.

Keyboards are listened to without taking them for ourselves: the one on this desk must still be able to type Ctrl-C.
"""

import contextlib
import json
import queue
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from edge.events import Clock, Found, Layout, ReaderChanged, ReadIn, Spoilt, Tag, Text
from edge.readers import hid, serial
from edge.readers.framing import KeyFraming, LineFraming, TagFraming, line_idle_ms
from edge.readers.reading import Put, Reader, ThreadReader
from edge.settings import BAUD, ReaderSettings
from proto import badge
from proto.messages import ClockQuality

INPUT_PORTS, SERIAL_PORTS = Path("/dev/input/by-path"), Path("/dev/serial/by-path")
"""Links named after the port, which stay the same when a reader is replugged."""
QUEUE = 1000
"""Reads that wait to be shown; a reader that is faster waits itself."""
UNNAMED = "n/a"
"""What pyserial calls a port whose device has no name."""
LOOK_S = 0.2
"""How often it is looked whether to end, in s."""

WHY = {
    Spoilt.OVERLONG: f"more than {badge.MAX_READ} characters without Enter",
    Spoilt.PARTIAL: "ended without Enter, and is no badge: let the scanner send Enter after each code",
    Spoilt.MALFORMED: "holds keys or bytes that are no characters: show it the calibration code, or try another --baud",
    Spoilt.CHECKSUM: "a tag, but its checksum is wrong: hold it closer",
    Spoilt.VOID: "keys were lost on the way: scan again",
}


class Screen(Protocol):
    """Where lines are shown: sys.stdout."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...


def probe(out: Screen, stop: threading.Event, baud: int = BAUD) -> int:
    """Show all readers of this machine and what they read, until `stop` or Ctrl-C. Returns the exit status: 1 when there are none.

    `baud` is for serial ports; scanners that are plugged in by USB read at any.
    """
    found = plugged_in(baud)
    if not found:
        print("No reader found. Plug one in; if one is, this user may not read it (groups input and dialout).", file=out)
        return 1
    watch(found, out, stop, port_names(found))
    return 0


def plugged_in(baud: int) -> list[ReaderSettings]:
    """The keyboards and serial ports of this machine, under their stable paths."""
    keyboards = [stable_path(path, INPUT_PORTS) for path, _ in hid.keyboards()]
    ports = [stable_path(path, SERIAL_PORTS) for path, _ in serial.ports()]
    return [ReaderSettings(id=f"hid{n}", kind="hid", path=path) for n, path in enumerate(keyboards, 1)] + [
        ReaderSettings(id=f"serial{n}", kind="line", path=path, baud=baud) for n, path in enumerate(ports, 1)
    ]


def port_names(found: Sequence[ReaderSettings]) -> dict[str, str]:
    """What is plugged into the serial ports among these calls itself, by reader id: keyboards say it when they are opened."""
    said = {stable_path(path, SERIAL_PORTS): name for path, name in serial.ports() if name != UNNAMED}
    return {settings.id: said[settings.path] for settings in found if settings.path in said}


def stable_path(path: str, links: Path) -> str:
    """The link to a device that is named after its port, else the path itself."""
    named = [link for link in links.iterdir() if _same_device(link, path)] if links.is_dir() else []
    return str(min(named, default=path))


def watch(found: Sequence[ReaderSettings], out: Screen, stop: threading.Event, names: Mapping[str, str] | None = None) -> None:
    """Show what these readers read, one line each, then the settings lines with what was learned from it. `names`: by reader id."""
    events: queue.Queue[ReadIn | ReaderChanged] = queue.Queue(QUEUE)
    known = {settings.id: settings for settings in found}
    readers = [listen(settings, events.put) for settings in found]
    print(
        "Show each reader a badge, and a keyboard scanner first the calibration code (provisioning/calibration.svg). Ctrl-C ends.",
        file=out,
        flush=True,
    )
    try:
        for reader in readers:
            reader.start()
        with contextlib.suppress(KeyboardInterrupt):
            while not stop.is_set():
                with contextlib.suppress(queue.Empty):
                    event = _renamed(events.get(timeout=LOOK_S), names or {})
                    known[event.reader] = learn(known[event.reader], event)
                    print(line(known[event.reader], event), file=out, flush=True)
    finally:
        for reader in readers:
            reader.stop()
    print("\nFor the settings file of this device:\n", *map(toml, known.values()), sep="\n", file=out)


def listen(settings: ReaderSettings, put: Put) -> Reader:
    """The reader of these settings, listening only; a serial one finds out by itself whether it reads lines or tags."""
    if settings.kind == "hid":
        keys = KeyFraming()
        return ThreadReader(settings.id, partial(hid.open_source, settings.path, keys, grab=False), keys, put, _no_stamp)
    either = EitherFraming(LineFraming(line_idle_ms(settings.baud)))
    return ThreadReader(settings.id, partial(serial.open_source, settings.path, settings.baud, either), either, put, _no_stamp)


def learn(settings: ReaderSettings, event: ReadIn | ReaderChanged) -> ReaderSettings:
    """What a read tells about its reader."""
    match event:
        case ReadIn(found=Layout(layout=layout)):
            return msgspec.structs.replace(settings, layout=layout)
        case ReadIn(found=Tag()):
            return msgspec.structs.replace(settings, kind="rdm6300")
        case _:
            return settings


def line(settings: ReaderSettings, event: ReadIn | ReaderChanged) -> str:
    """One event as one line: reader, what was read, with which key table, and whether it is a badge."""
    if isinstance(event, ReaderChanged):
        what = f"ready: {event.name} at {settings.path}" if event.ok else f"not there: {settings.path}"
        return f"{settings.id}: {what}"
    table = f", key table {_table(settings)}" if settings.kind == "hid" else ""
    return f"{settings.id}: {_found(event.found)}{table}"


def toml(settings: ReaderSettings) -> str:
    """The lines of the settings file for a reader."""
    lines: dict[str, str | int] = {"id": settings.id, "kind": settings.kind, "path": settings.path}
    if settings.layout != "auto":
        lines["layout"] = settings.layout
    if settings.kind != "hid" and settings.baud != BAUD:
        lines["baud"] = settings.baud
    return "\n".join(["[[readers]]", *(f"{key} = {json.dumps(value)}" for key, value in lines.items()), ""])


class EitherFraming(Struct):
    """Lines, until a tag comes: tags from then on. Which one it is, is not known before the first read."""

    lines: LineFraming = msgspec.field(default_factory=LineFraming)
    tags: TagFraming = msgspec.field(default_factory=TagFraming)
    tagged: bool = False

    @property
    def due_ms(self) -> int | None:
        return min((due_ms for due_ms in (self.lines.due_ms, self.tags.due_ms) if due_ms is not None), default=None)

    def feed(self, came: bytes, now_ms: int) -> list[Found]:
        tags, lines = self.tags.feed(came, now_ms), self.lines.feed(came, now_ms)
        self.tagged = self.tagged or any(isinstance(found, Tag) for found in tags)
        return tags if self.tagged else lines

    def idle(self, now_ms: int) -> list[Found]:
        tags, lines = self.tags.idle(now_ms), self.lines.idle(now_ms)
        return tags if self.tagged else lines

    def void(self) -> list[Found]:
        return self.tags.void() if self.tagged else self.lines.void()


def _renamed(event: ReadIn | ReaderChanged, names: Mapping[str, str]) -> ReadIn | ReaderChanged:
    """A serial port knows its own path only."""
    named = isinstance(event, ReaderChanged) and event.ok and event.reader in names
    return msgspec.structs.replace(event, name=names[event.reader]) if named else event


def _same_device(link: Path, path: str) -> bool:
    """Whether both lead to the same device; one that was unplugged meanwhile leads nowhere."""
    try:
        return link.samefile(path)
    except OSError:
        return False


def _found(found: Found) -> str:
    match found:
        case Text(text=text):
            return f"{json.dumps(text, ensure_ascii=False)}, {'a badge' if badge.read_code(text) else 'no badge'}"
        case Tag(canonical=canonical):
            return f"{canonical}, a tag"
        case Layout(layout=layout):
            return f"the calibration code: its key table is {layout}"
        case Spoilt():
            return f"unreadable: {WHY[found]}"


def _table(settings: ReaderSettings) -> str:
    return "us (not calibrated)" if settings.layout == "auto" else settings.layout


def _no_stamp() -> tuple[Clock, str]:
    """Nothing is sent anywhere, so nothing needs a time."""
    return Clock(boot="", wall_ms=0, err_ms=0, quality=ClockQuality.NONE), ""
