"""Virtual scanners: they send the bytes a real one would send, to a port a real device could open.

A serial QR scanner and an RDM6300 on pseudo-terminals; a keyboard scanner through /dev/uinput where that exists, else the kernel's
own event records through a FIFO. They know no hub and no pupil.
"""

import asyncio
import contextlib
import os
import select
import time
from pathlib import Path
from typing import Any, Protocol

import evdev

from tests.edge.readers.scanner import records, types

QR_END = b"\r"
HELD_FRAMES, FRAME_PAUSE_S = 6, 0.05
"""A tag held for a third of a second: an RDM6300 repeats its frame every 50 ms."""
UINPUT = Path("/dev/uinput")


class Scanner(Protocol):
    """One scanner. `path` is the port for the device's settings."""

    @property
    def kind(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def name(self) -> str:
        """What it is, for people."""

    def is_listened_to(self) -> bool:
        """Whether a device has it open."""

    def scan(self, badge: str) -> int | None:
        """Send what a badge makes it send. CLOCK_BOOTTIME in µs just before its last byte; None when no device was listening."""

    def close(self) -> None: ...


def boot_us() -> int:
    """The clock of the devices' traces, in µs."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


class _Pty:
    """A pseudo-terminal under a stable link. Only the device has its port open: while nobody does, the line is hung up."""

    def __init__(self, link: Path) -> None:
        self.path = str(link)
        self._closed = False
        self._device, port = os.openpty()
        os.set_blocking(self._device, False)
        link.symlink_to(os.ttyname(port))
        os.close(port)

    def is_listened_to(self) -> bool:
        poll = select.poll()
        poll.register(self._device, 0)
        return not poll.poll(0)  # POLLHUP: nobody has the port open

    def write(self, sent: bytes) -> int | None:
        if self._closed or not self.is_listened_to():
            return None
        now_us = boot_us()
        os.write(self._device, sent)
        return now_us

    def close(self) -> None:
        self._closed = True
        os.close(self._device)


class QrScanner:
    """A serial QR scanner: the code, then CR."""

    kind = "line"

    def __init__(self, link: Path) -> None:
        self._pty = _Pty(link)
        self.path, self.name = self._pty.path, "serial QR scanner (pseudo-terminal)"
        self.is_listened_to, self.close = self._pty.is_listened_to, self._pty.close

    def scan(self, badge: str) -> int | None:
        return self._pty.write(badge.encode() + QR_END)


class TagReader:
    """An RDM6300: the frame of the tag, again and again while it is held. The first one is the tap."""

    kind = "rdm6300"

    def __init__(self, link: Path) -> None:
        self._pty = _Pty(link)
        self.path, self.name = self._pty.path, "serial RFID reader, RDM6300 (pseudo-terminal)"
        self.is_listened_to, self.close = self._pty.is_listened_to, self._pty.close

    def scan(self, badge: str) -> int | None:
        sent = rdm6300(badge.removeprefix("EM:"))
        first_us = self._pty.write(sent)
        for frame in range(1, HELD_FRAMES):
            asyncio.get_running_loop().call_later(frame * FRAME_PAUSE_S, self._pty.write, sent)
        return first_us


def rdm6300(digits: str) -> bytes:
    """Start, ten hex digits, their checksum, end. Digits that are no five bytes (a torn read) get a checksum that fits nothing."""
    checksum = 0
    whole = len(digits) == 10
    for byte in bytes.fromhex(digits) if whole else b"":
        checksum ^= byte
    return b"\x02" + f"{digits:0<10}{checksum if whole else 0xFF:02X}".encode() + b"\x03"


class FifoKeyboard:
    """A keyboard scanner on a machine without /dev/uinput: the kernel's event records through a FIFO."""

    kind = "hid"

    def __init__(self, path: Path) -> None:
        self.path, self.name = str(path), "keyboard scanner (event records through a FIFO)"
        os.mkfifo(path)
        # A reader is needed to open for writing; with O_RDWR we would never see that the device has gone.
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        os.close(reader)

    def is_listened_to(self) -> bool:
        poll = select.poll()
        poll.register(self._fd, 0)
        return not poll.poll(0)  # POLLERR: nobody has it open for reading

    def scan(self, badge: str) -> int | None:
        if not self.is_listened_to():
            return None
        keys = types(badge)
        try:
            for key in keys[:-2]:
                os.write(self._fd, records([key]))
            now_us = boot_us()
            os.write(self._fd, records(keys[-2:]))
        except (BrokenPipeError, BlockingIOError):  # it went away, or is full of what nobody reads
            return None
        return now_us

    def close(self) -> None:
        os.close(self._fd)


class UinputKeyboard:
    """A keyboard scanner that the kernel itself makes. It types only while a device has grabbed it, never into the user's windows."""

    kind = "hid"

    def __init__(self) -> None:
        self._keyboard: Any = evdev.UInput(name="Préau virtual scanner")
        self.path, self.name = str(self._keyboard.device.path), "keyboard scanner (/dev/uinput)"

    def scan(self, badge: str) -> int | None:
        if not self.is_listened_to():
            return None
        keys = types(badge)
        for key in keys[:-2]:
            self._keyboard.write(*key)
        now_us = boot_us()
        for key in keys[-2:]:
            self._keyboard.write(*key)
        return now_us

    def is_listened_to(self) -> bool:
        with contextlib.closing(evdev.InputDevice(self.path, readonly=True)) as other:
            try:
                other.grab()
            except OSError:
                return True
            return False

    def close(self) -> None:
        self._keyboard.close()


def keyboard(path: Path) -> FifoKeyboard | UinputKeyboard:
    """The best keyboard scanner this machine has."""
    if os.access(UINPUT, os.W_OK):
        with contextlib.suppress(OSError, evdev.UInputError):  # the driver is not there, or not for us
            return UinputKeyboard()
    return FifoKeyboard(path)
