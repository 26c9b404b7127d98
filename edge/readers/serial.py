"""Serial readers: scanners that send lines, and tag readers. The only module that imports pyserial.

It opens a port, feeds its bytes to a framing, and turns every way pyserial has of saying "unplugged" into ReaderGoneError.
"""

import os
from typing import Protocol

import serial

from edge.errors import ReaderGoneError
from edge.events import Found
from edge.readers.reading import Stop, trouble

READ_BYTES = 4096
"""At most this many bytes at once: as much as the kernel keeps of a serial line."""


class BytesFraming(Protocol):
    """A framing of bytes (framing.py)."""

    def feed(self, came: bytes, now_ms: int, /) -> list[Found]: ...


def open_source(path: str, baud: int, framing: BytesFraming, _stop: Stop) -> "SerialSource":
    """The port at a path, for this program alone. Raises ReaderGoneError when it is not there or not ours."""
    try:
        port = serial.Serial(path, baud, timeout=0, exclusive=True)
    except ValueError as error:
        raise ReaderGoneError(f"{path}: the port cannot do {baud} baud: correct `baud`") from error
    except OSError as error:  # pyserial's own exception is one
        raise ReaderGoneError(trouble(path, error)) from error
    return SerialSource(path, port, framing)


class SerialSource:
    """An open port with its framing."""

    def __init__(self, path: str, port: serial.Serial, framing: BytesFraming) -> None:
        self.name = path
        self._port, self._framing = port, framing

    def fileno(self) -> int:
        number: int = self._port.fileno()
        return number

    def read(self, now_ms: int) -> list[Found]:
        try:
            # Past pyserial, which asks the kernel three times. Where there is nothing, it can tell silence from a port that has gone.
            came = os.read(self._port.fileno(), READ_BYTES) or self._port.read(READ_BYTES)
        except BlockingIOError:
            came = b""
        except OSError as error:
            raise ReaderGoneError(f"{self.name}: unplugged: {error}") from error
        return self._framing.feed(came, now_ms)

    def close(self) -> None:
        self._port.close()


def ports() -> list[tuple[str, str]]:
    """The serial ports of this machine: device path, and what it calls itself."""
    from serial.tools import list_ports  # a device that runs does not look for its ports

    return sorted((port.device, port.description) for port in list_ports.comports())
