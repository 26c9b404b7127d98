"""The quick lane: whatever way bytes are cut, each message arrives once, in order, and the library reads all that is not for the lane."""

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.lane import READ_BYTES, Lane, publication

PING = b"\xd0\x00"
"""A ping's answer: what only the library understands."""
RETAINED = b"\x31" + publication("a/b", b"kept")[1:]
LEVEL_1 = b"\x32\x09\x00\x03a/b\x00\x07hi"


@dataclass
class Wire:
    """The other end: what it has sent arrives in these pieces, and so much of what is sent fits at a time."""

    pieces: deque[bytes] = field(default_factory=deque)
    fits: deque[int] = field(default_factory=deque)
    sent: bytearray = field(default_factory=bytearray)
    broken: bool = False
    closed: bool = False

    def fileno(self) -> int:
        return 7

    def recv(self, size: int, /) -> bytes:
        if self.broken:
            raise ConnectionResetError
        if not self.pieces:
            raise BlockingIOError
        piece = self.pieces.popleft()
        assert len(piece) <= size
        return piece

    def send(self, frame: bytes | bytearray, /) -> int:
        size = min(self.fits.popleft(), len(frame)) if self.fits else len(frame)
        if not size:
            raise BlockingIOError
        self.sent += frame[:size]
        return size

    def close(self) -> None:
        self.closed = True


class Library:
    """Reads packets as paho does: byte by byte to the length, and then what is left of it."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._packet = bytearray()
        self.packets: list[bytes] = []
        self.ended = False

    def read(self) -> None:
        """One packet, or as much of it as there is."""
        try:
            while True:
                part = self._lane.recv(self._missing())
                if not part:
                    self.ended = True
                    return
                self._packet += part
                if len(self._packet) > 1 and self._missing() == 0:
                    self.packets.append(bytes(self._packet))
                    self._packet.clear()
                    return
        except BlockingIOError:
            return

    def _missing(self) -> int:
        size = 0
        for place, byte in enumerate(self._packet[1:5]):
            size |= (byte & 127) << 7 * place
            if byte < 128:
                return 2 + place + size - len(self._packet)
        return 1


def followed(pieces: list[bytes]) -> tuple[list[tuple[str, bytes]], Library, Lane]:
    """What a lane and a library make of these pieces together."""
    lane = Lane(Wire(deque(pieces)))
    library, messages = Library(lane), []
    for _ in pieces:
        lane.fill()
        while True:
            while (message := lane.take()) is not None:
                messages.append(message)
            if not lane.waits() or library.ended:
                break
            library.read()
    return messages, library, lane


def test_a_message_goes_over_the_wire_as_the_standard_has_it() -> None:
    assert publication("a/b", b"hello") == b"\x30\x0a\x00\x03a/bhello"
    assert publication("a/b", b"x" * 123)[:3] == b"\x30\x80\x01"
    assert publication("a/b", b"x" * 16_379)[:4] == b"\x30\x80\x80\x01"


def test_messages_at_level_0_are_taken_and_the_library_reads_all_others() -> None:
    messages, library, _ = followed([publication("a", b"1") + PING + RETAINED + publication("b", b"") + LEVEL_1 + publication("é", b"3")])
    assert messages == [("a", b"1"), ("b", b""), ("é", b"3")]
    assert library.packets == [PING, RETAINED, LEVEL_1]


PACKETS = st.lists(
    st.one_of(
        st.sampled_from([PING, RETAINED, LEVEL_1]),
        st.builds(publication, st.sampled_from(["a", "preau/v1/door/scan", "é" * 20]), st.binary(max_size=300)),
    ),
    max_size=8,
)


@given(PACKETS, st.lists(st.integers(0, 2_500), max_size=12))
def test_however_bytes_are_cut_every_packet_is_read_once_and_in_order(packets: list[bytes], cuts: list[int]) -> None:
    """A message of which only the beginning is there may be either's; nothing else may change."""
    stream = b"".join(packets)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[begin:end] for begin, end in pairwise(places) if end > begin]
    messages, library, _ = followed(pieces)
    taken = [publication(*message) for message in messages]
    assert sorted([*taken, *library.packets]) == sorted(packets)
    assert [packet for packet in packets if packet[0] != 0x30] == [packet for packet in library.packets if packet[0] != 0x30]
    assert not library.ended


@pytest.mark.parametrize(
    "broken",
    [b"\x30\x01\x00", b"\x30\x03\x00\x09a", b"\x30\x03\x00\x01\xff", b"\x30\x00"],
    ids=["no room for a topic", "a topic that is too long", "a topic that is no text", "empty"],
)
def test_what_is_broken_is_the_librarys(broken: bytes) -> None:
    messages, library, _ = followed([broken + publication("a", b"1")])
    assert messages == [("a", b"1")]
    assert library.packets == [broken]


def test_a_length_that_cannot_be_one_is_handed_on_instead_of_waited_for() -> None:
    lane = Lane(Wire(deque([b"\x30\xff\xff\xff\xff\xff"])))
    lane.fill()
    assert lane.take() is None
    assert lane.waits()
    assert b"".join(lane.recv(1) for _ in range(6)) == b"\x30\xff\xff\xff\xff\xff"


def test_the_end_of_the_connection_reaches_the_library_behind_all_that_came_before() -> None:
    messages, library, lane = followed([publication("a", b"1") + PING + publication("b", b"22")[:4], b""])
    assert messages == [("a", b"1")]
    assert library.packets == [PING]
    assert library.ended
    assert not lane.unsent


def test_a_connection_that_breaks_is_told_as_the_socket_tells_it() -> None:
    lane = Lane(Wire(broken=True))
    lane.fill()
    assert lane.waits()
    with pytest.raises(ConnectionResetError):
        lane.recv(1)


def test_what_the_socket_does_not_take_is_sent_before_anything_else() -> None:
    wire = Wire(fits=deque([3, 0, 0, 7]))
    lane = Lane(wire)
    assert lane.publish("a", b"first")
    assert lane.unsent
    assert not lane.publish("a", b"second"), "the library queues what the lane does not take"
    with pytest.raises(BlockingIOError):
        lane.send(PING)
    lane.flush()
    assert lane.unsent
    assert lane.send(PING) == 2
    assert wire.sent == publication("a", b"first") + PING[:2]
    assert not lane.unsent


def test_a_full_socket_takes_no_message_and_keeps_nothing_of_it() -> None:
    wire = Wire(fits=deque([0]))
    lane = Lane(wire)
    assert not lane.publish("a", b"x")
    assert not lane.unsent
    assert wire.sent == b""


def test_the_socket_is_the_librarys_to_close_and_to_name() -> None:
    wire = Wire()
    lane = Lane(wire)
    assert lane.fileno() == wire.fileno()
    lane.close()
    assert wire.closed


def test_a_message_may_be_longer_than_one_reading() -> None:
    long = publication("a", b"x" * READ_BYTES)
    messages, library, _ = followed([long[:READ_BYTES], long[READ_BYTES:] + PING])
    assert messages == []
    assert library.packets == [long, PING]
