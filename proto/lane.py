"""The quick lane of an MQTT connection: whole messages at QoS 0, past the client library, which makes twenty objects for each.

A `Lane` stands between the library and its socket. What comes is read once; messages at QoS 0 that are whole and next in line are taken
out, the library reads everything else, packet by packet, as if nobody stood there (MQTT 3.1.1, sections 2.2 and 3.3).
It knows no topic, and no connection: who connects and who is told is the business of the two links.
"""

from typing import Protocol

READ_BYTES = 65_536
PUBLISH = 0x30
"""First byte of a message at QoS 0, neither repeated nor retained. All others are the library's."""
LENGTH_BYTES = 4
"""Of the length of a packet, at most; seven bits each, the lowest first."""


class Socket(Protocol):
    """What is needed of a socket that does not block."""

    def fileno(self) -> int: ...
    def recv(self, size: int, /) -> bytes: ...
    def send(self, frame: bytes | bytearray, /) -> int: ...
    def close(self) -> None: ...


class Lane:
    """One connection, used by one thread. `fileno`, `recv`, `send` and `close` are for the library."""

    def __init__(self, sock: Socket) -> None:
        self._sock = sock
        self._came = bytearray()
        self._left = 0
        """Bytes of a packet that the library has begun to read, and that are its alone."""
        self._unsent = b""
        """What the socket did not take of a message; nothing overtakes it."""
        self._over: OSError | bool = False
        """Whether the other end has gone, or how."""

    @property
    def unsent(self) -> bool:
        """Whether `flush` has something to do."""
        return bool(self._unsent)

    def fill(self) -> None:
        """Take in what has come. How a connection ends is told to the library, by `recv`."""
        try:
            came = self._sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._over = error
            return
        self._came += came
        self._over = not came

    def take(self) -> tuple[str, bytes] | None:
        """Topic and payload of the next message, if it is at QoS 0 and whole."""
        came = self._came
        if self._left or not came or came[0] != PUBLISH:
            return None
        start, end = _bounds(came)
        if end > len(came) or end < start + 2:
            return None
        middle = start + 2 + (came[start] << 8 | came[start + 1])
        if middle > end:
            return None  # what is broken is the library's business, too
        try:
            topic = came[start + 2 : middle].decode()
        except UnicodeDecodeError:
            return None
        payload = bytes(came[middle:end])
        del came[:end]
        return topic, payload

    def waits(self) -> bool:
        """Whether the library has something to read."""
        return bool(self._over) or (bool(self._came) and (self._left > 0 or _bounds(self._came)[1] > 0))

    def publish(self, topic: str, payload: bytes) -> bool:
        """Send a message at QoS 0 now; False when the socket takes nothing, or is gone: the library knows what to do then."""
        if self._unsent:
            return False
        frame = publication(topic, payload)
        try:
            sent = self._sock.send(frame)
        except OSError:
            return False
        self._unsent = frame[sent:]
        return True

    def flush(self) -> None:
        """Send what the socket did not take."""
        if self._unsent:
            try:
                self._unsent = self._unsent[self._sock.send(self._unsent) :]
            except BlockingIOError:
                return
            except OSError:
                self._unsent = b""  # reading tells what has happened

    # --- the library's socket ---

    def fileno(self) -> int:
        """The socket's."""
        return self._sock.fileno()

    def recv(self, size: int) -> bytes:
        """At most `size` bytes of one packet. Raises BlockingIOError where there is nothing yet, and what the socket raised before."""
        if not self._left:
            self._left = _bounds(self._came)[1]
        part = bytes(self._came[: min(size, self._left)])
        if part:
            del self._came[: len(part)]
            self._left -= len(part)
            return part
        if isinstance(self._over, OSError):
            raise self._over
        if self._over:
            return b""
        raise BlockingIOError

    def send(self, frame: bytes | bytearray) -> int:
        """How much of it was sent. Raises BlockingIOError while something else waits."""
        self.flush()
        if self._unsent:
            raise BlockingIOError
        return self._sock.send(frame)

    def close(self) -> None:
        """The socket's."""
        self._sock.close()


def publication(topic: str, payload: bytes) -> bytes:
    """A message at QoS 0 as it goes over the wire."""
    name = topic.encode()
    return bytes((PUBLISH,)) + _length(2 + len(name) + len(payload)) + len(name).to_bytes(2, "big") + name + payload


def _length(size: int) -> bytes:
    """Of what follows in the packet, as section 2.2.3 has it."""
    written = bytearray()
    while size > 127:
        written.append(size & 127 | 128)
        size >>= 7
    written.append(size)
    return bytes(written)


def _bounds(came: bytearray) -> tuple[int, int]:
    """Where the body of the packet at the front begins and ends; (0, 0) while that is not known.

    A length that cannot be one ends where it stands: the library finds the fault by itself.
    """
    size = 0
    for place in range(1, LENGTH_BYTES + 1):
        if place >= len(came):
            return 0, 0
        size |= (came[place] & 127) << 7 * (place - 1)
        if came[place] < 128:
            return place + 1, place + 1 + size
    return LENGTH_BYTES + 2, LENGTH_BYTES + 2
