"""The bytes of the cheap devices: what is packed comes out again, however the wire cuts it."""

import pytest

from tests.bench.tappers import packet, packets


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 40_000])
@pytest.mark.parametrize("cut", [1, 7, 4_096])
def test_packets_come_out_whole_however_the_wire_cuts_them(size: int, cut: int) -> None:
    sent = [(0x30, bytes(size)), (0x20, b"\0\0"), (0x30, b"x" * size)]
    wire, buffer = b"".join(packet(first, body) for first, body in sent), bytearray()
    came: list[tuple[int, bytes]] = []
    for at in range(0, len(wire), cut):
        buffer += wire[at : at + cut]
        came += packets(buffer)
    assert came == sent
    assert not buffer


def test_the_length_is_written_as_the_standard_has_it() -> None:
    """MQTT 3.1.1, 2.2.3, table 2.4: the first and last lengths of one to three bytes."""
    lengths = {127: b"\x7f", 128: b"\x80\x01", 16_383: b"\xff\x7f", 16_384: b"\x80\x80\x01"}
    assert {size: packet(0x30, bytes(size))[1:-size] for size in lengths} == lengths
