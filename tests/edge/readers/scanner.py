"""A scanner as its cable shows it: texts to keys, keys to the kernel's records, tags to frames. And the desk that listens to readers."""

import os
import queue
import struct
from pathlib import Path

from edge.events import Clock, Found, ReaderChanged, ReadIn
from edge.readers.framing import ALT, DOWN, ENTER, EV_KEY, EV_SYN, SYN_REPORT, UP, Key
from edge.readers.keytables import CODES, KEYPAD_DIGITS, NONE, ROWS
from proto.messages import ClockQuality

SHIFT, CTRL, ALT_GR, CAPS_LOCK = 42, 29, 100, 58
REPORT: Key = (EV_SYN, SYN_REPORT, 0)
BADGE = "KBBBKOVDUBJFIHBPPPPGD"
DEADLINE_S = 10.0
"""A busy machine may be slow; a test that waits this long has failed."""

_KEYPAD = {digit: code for code, digit in KEYPAD_DIGITS.items()}


def press(code: int, *held: int) -> list[Key]:
    """One key pressed and let go, with others held meanwhile; a report after each change, as a keyboard sends them."""
    changes = [(key, DOWN) for key in (*held, code)] + [(key, UP) for key in (code, *reversed(held))]
    return [event for key, value in changes for event in ((EV_KEY, key, value), REPORT)]


def types(text: str, layout: str = "us", end: int | None = ENTER) -> list[Key]:
    """What a scanner set to this layout sends for a text, and its end key."""
    plain, shifted = ROWS[layout]
    keys: list[Key] = []
    for character in text:
        assert character != NONE
        if character in plain:
            keys += press(CODES[plain.index(character)])
        else:
            keys += press(CODES[shifted.index(character)], SHIFT)
    return keys + (press(end) if end is not None else [])


def types_alt(text: str, end: int | None = ENTER) -> list[Key]:
    """The same by Alt codes, which need no layout: Alt held, the decimal code with a leading zero on the keypad."""
    keys: list[Key] = []
    for character in text:
        digits = [event for digit in f"0{ord(character)}" for event in press(_KEYPAD[digit])]
        keys += [(EV_KEY, ALT, DOWN), REPORT, *digits, (EV_KEY, ALT, UP), REPORT]
    return keys + (press(end) if end is not None else [])


def records(keys: list[Key]) -> bytes:
    """The kernel's `struct input_event` records of these keys."""
    return b"".join(struct.pack("llHHi", 1_790_000_000, 123_456, *key) for key in keys)


def frame(uid: str, *, newline: bool = False) -> bytes:
    """What an RDM6300 sends for five bytes in hexadecimal, or with `newline` an ID-12."""
    checksum = 0
    for byte in bytes.fromhex(uid):
        checksum ^= byte
    return b"\x02" + f"{uid}{checksum:02X}".encode() + (b"\r\n" if newline else b"") + b"\x03"


class Listener:
    """Takes what readers put, and lets a test wait for it."""

    def __init__(self) -> None:
        self._events: queue.Queue[ReadIn | ReaderChanged] = queue.Queue()
        self.put = self._events.put

    def next(self) -> ReadIn | ReaderChanged:
        return self._events.get(timeout=DEADLINE_S)

    def read(self) -> tuple[str, Found]:
        """The next read, and which reader it came from. Everything before it must be reads too."""
        event = self.next()
        assert isinstance(event, ReadIn), event
        return event.reader, event.found

    def changed(self) -> tuple[str, bool]:
        event = self.next()
        assert isinstance(event, ReaderChanged), event
        return event.reader, event.ok

    def nothing_more(self) -> bool:
        return self._events.empty()


def stamp() -> tuple[Clock, str]:
    return Clock(boot="0123456789abcdef", wall_ms=1, err_ms=2, quality=ClockQuality.NTP), "00112233445566aa"


class PtyPort:
    """A serial device under a stable link: plugged in as a new pseudo-terminal, as real ones get a new number."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.plug()

    def plug(self) -> None:
        self._device, self._port = os.openpty()
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(self._port))

    def unplug(self) -> None:
        os.close(self._device)
        os.close(self._port)
        self.link.unlink()

    def send(self, sent: bytes, *, at_once: bool = True) -> None:
        for part in [sent] if at_once else [bytes([byte]) for byte in sent]:
            os.write(self._device, part)


class FifoPort:
    """A keyboard as a machine without input devices has it: event records through a FIFO, unplugged by letting go of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self.plug()

    def plug(self) -> None:
        # Read and write: opening does not wait until somebody reads.
        self._fd = os.open(self.path, os.O_RDWR)

    def unplug(self) -> None:
        os.close(self._fd)

    def send(self, keys: list[Key], *, at_once: bool = True) -> None:
        sent = records(keys)
        for part in [sent] if at_once else [bytes([byte]) for byte in sent]:
            os.write(self._fd, part)
