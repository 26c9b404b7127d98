"""Scanners that are keyboards. The only module that imports evdev.

A keyboard is opened by the path of its port, taken for this program alone, and its keys are fed to a KeyFraming. Where a machine
has no input devices (the demo, tests), the path may be a FIFO that carries the kernel's own event records: PipeKeyboard.
"""

import contextlib
import errno
import fcntl
import os
import stat
import struct
from pathlib import Path
from typing import Protocol

import evdev

from edge.errors import ReaderGoneError
from edge.events import Found
from edge.readers.framing import ENTER, EV_KEY, UP, Key, KeyFraming
from edge.readers.reading import Stop, trouble

RELEASE_S = 5.0
"""A key held longer than this is stuck, or a person leans on it: said, and tried again later. In s."""
RELEASE_POLL_S = 0.02
"""How often the kernel is asked whether all keys are up, in s."""
SCANNER_KEYS = frozenset({ENTER, *range(2, 12)})
"""Enter and the digit row: what every scanner's keyboard interface has and a power button has not."""

RECORD = struct.Struct("llHHi")
"""struct input_event (linux/input.h) of this machine: seconds, microseconds, type, code, value."""
RECORDS = 64
"""Records read at once: what the kernel's buffer of a device holds (hardware.md, 2)."""


class Keyboard(Protocol):
    """What is asked of an input device; every method raises OSError, with ENODEV once it was unplugged."""

    @property
    def name(self) -> str: ...
    def fileno(self) -> int: ...
    def keys(self) -> list[Key]:
        """The events that are waiting."""

    def active_keys(self) -> list[int]: ...
    def grab(self) -> None: ...
    def close(self) -> None: ...


def open_source(path: str, framing: KeyFraming, stop: Stop, *, grab: bool = True) -> "HidSource":
    """The keyboard at a path; unless `grab` is false nobody else sees its keys any more.

    Raises ReaderGoneError when it is not there, not ours, or a key of it stays down.
    """
    try:
        keyboard = open_keyboard(path)
        try:
            if grab:
                grab_released(keyboard, stop)
            framing.hold(keyboard.active_keys())
        except BaseException:
            keyboard.close()
            raise
    except OSError as error:
        raise ReaderGoneError(trouble(path, error)) from error
    return HidSource(path, keyboard, framing)


class HidSource:
    """An open keyboard with its framing."""

    def __init__(self, path: str, keyboard: Keyboard, framing: KeyFraming) -> None:
        self.name = keyboard.name
        self._path, self._keyboard, self._framing = path, keyboard, framing

    def fileno(self) -> int:
        return self._keyboard.fileno()

    def read(self, now_ms: int) -> list[Found]:
        try:
            found = self._framing.feed(self._keyboard.keys(), now_ms)
            if self._framing.lost:
                self._framing.hold(self._keyboard.active_keys())
        except OSError as error:
            raise ReaderGoneError(f"{self._path}: unplugged: {error.strerror}") from error
        return found

    def close(self) -> None:
        self._keyboard.close()


def grab_released(keyboard: Keyboard, stop: Stop) -> None:
    """Grab once all keys are up: a key that is down at that moment would stay down for everybody else (edge.md, 1.1)."""
    for _ in range(round(RELEASE_S / RELEASE_POLL_S)):
        if not keyboard.active_keys():
            keyboard.grab()
            return
        if stop.wait(RELEASE_POLL_S):
            raise ReaderGoneError(f"{keyboard.name}: not opened, the program ends")
    raise ReaderGoneError(f"{keyboard.name}: keys {keyboard.active_keys()} are held down: release them")


def keyboards() -> list[tuple[str, str]]:
    """Keyboards this user may read that have digits and Enter, as a scanner has: device path, and what it calls itself."""
    found = []
    for path in evdev.list_devices(writable=False):
        with contextlib.suppress(OSError), contextlib.closing(evdev.InputDevice(path, readonly=True)) as device:
            if SCANNER_KEYS.issubset(device.capabilities().get(EV_KEY, ())):
                found.append((path, device.name))
    return sorted(found)


def open_keyboard(path: str) -> Keyboard:
    """The keyboard at a path, or the FIFO. Raises OSError."""
    if stat.S_ISFIFO(Path(path).stat().st_mode):
        return PipeKeyboard(path)
    return EvdevKeyboard(path)


class EvdevKeyboard:
    """A real one. Read-only: opened for writing, some scanners set their lamps anew and type keys (edge.md, 1.1)."""

    def __init__(self, path: str) -> None:
        self._device = evdev.InputDevice(path, readonly=True)

    @property
    def name(self) -> str:
        return self._device.name

    def fileno(self) -> int:
        return self._device.fileno()

    def keys(self) -> list[Key]:
        try:
            return [(event.type, event.code, event.value) for event in self._device.read()]
        except BlockingIOError:
            return []

    def active_keys(self) -> list[int]:
        return list(self._device.active_keys())

    def grab(self) -> None:
        self._device.grab()

    def close(self) -> None:
        self._device.close()


class PipeKeyboard:
    """Event records from a FIFO. It is plugged in while somebody has it open for writing, as a real one while it is on the bus."""

    def __init__(self, path: str) -> None:
        self.name = f"records from {Path(path).name}"
        self._down: set[int] = set()
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self._bytes = self._pull()
        except OSError:
            self.close()
            raise

    def fileno(self) -> int:
        return self._fd

    def keys(self) -> list[Key]:
        if len(self._bytes) < RECORD.size:
            self._bytes += self._pull()
        whole = len(self._bytes) // RECORD.size * RECORD.size
        records, self._bytes = self._bytes[:whole], self._bytes[whole:]
        keys = [(kind, code, value) for *_, kind, code, value in RECORD.iter_unpack(records)]
        for kind, code, value in keys:
            if kind == EV_KEY:
                (self._down.discard if value == UP else self._down.add)(code)
        return keys

    def active_keys(self) -> list[int]:
        return sorted(self._down)

    def grab(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self) -> None:
        os.close(self._fd)

    def _pull(self) -> bytes:
        try:
            came = os.read(self._fd, RECORDS * RECORD.size)
        except BlockingIOError:
            return b""
        if not came:  # nobody has it open for writing: what the kernel says of a keyboard that was unplugged
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        return came
