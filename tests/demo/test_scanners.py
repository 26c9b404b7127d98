"""Virtual scanners on the real readers: what they send is read as a real scan, and nobody types into the void."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.events import ReadIn, Spoilt, Tag, Text
from edge.readers.opening import calibrated, open_reader
from edge.settings import ReaderSettings
from proto.badge import CODE_BYTES, code
from tests.demo.cable import Cable
from tests.demo.pace import until
from tests.demo.scanners import FifoKeyboard, QrScanner, Scanner, TagReader, boot_us
from tests.edge.readers.scanner import DEADLINE_S, Listener, stamp

BADGE = code(bytes(range(CODE_BYTES)))
TAG = "EM:6F007B3972"


@pytest.fixture(
    params=[(QrScanner, BADGE, Text(BADGE)), (TagReader, TAG, Tag(TAG)), (FifoKeyboard, BADGE, Text(BADGE))], ids=["qr", "tag", "keys"]
)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Scanner, str, Any]]:
    made, badge, found = request.param
    scanner = made(tmp_path / "port")
    yield scanner, badge, found
    scanner.close()


def reader(scanner: Scanner, listener: Listener) -> Any:
    settings = ReaderSettings(id="in", kind=scanner.kind, path=scanner.path)  # type: ignore[arg-type]
    return open_reader(settings, calibrated(settings, lambda _key: None), listener.put, stamp)


async def test_a_scan_is_read_by_the_real_reader_and_dated_before_it(case: tuple[Scanner, str, Any]) -> None:
    scanner, badge, found = case
    listener = Listener()
    device = reader(scanner, listener)
    device.start()
    try:
        await until(scanner.is_listened_to, DEADLINE_S, "the reader")
        assert await asyncio.to_thread(listener.changed) == ("in", True)
        began_us = boot_us()
        sent_us = scanner.scan(badge)
        assert await asyncio.to_thread(listener.read) == ("in", found)
        assert sent_us is not None
        assert began_us <= sent_us <= boot_us()
    finally:
        device.stop()


async def test_a_tag_that_is_held_is_one_read(tmp_path: Path) -> None:
    scanner, listener = TagReader(tmp_path / "port"), Listener()
    device = reader(scanner, listener)
    device.start()
    await until(scanner.is_listened_to, DEADLINE_S, "the reader")
    assert await asyncio.to_thread(listener.changed) == ("in", True)
    scanner.scan(TAG)
    assert await asyncio.to_thread(listener.read) == ("in", Tag(TAG))
    scanner.scan("EM:010063E9AE")
    assert await asyncio.to_thread(listener.read) == ("in", Tag("EM:010063E9AE"))
    device.stop()
    scanner.close()


async def test_half_a_tag_is_a_read_that_failed(tmp_path: Path) -> None:
    scanner, listener = TagReader(tmp_path / "port"), Listener()
    device = reader(scanner, listener)
    device.start()
    await until(scanner.is_listened_to, DEADLINE_S, "the reader")
    assert await asyncio.to_thread(listener.changed) == ("in", True)
    scanner.scan("EM:6F007B")
    event = await asyncio.to_thread(listener.next)
    assert isinstance(event, ReadIn)
    assert event.found is Spoilt.CHECKSUM
    device.stop()
    scanner.close()


async def test_nobody_listens_nothing_is_sent(case: tuple[Scanner, str, Any]) -> None:
    scanner, badge, _ = case
    assert not scanner.is_listened_to()
    assert scanner.scan(badge) is None


async def test_a_cable_carries_bytes_holds_them_while_pulled_and_resets_when_cut() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while came := await reader.read(100):
            writer.write(came)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    cable = Cable(server.sockets[0].getsockname()[1])
    await cable.start()
    here, there = await asyncio.open_connection("127.0.0.1", cable.port)
    there.write(b"one")
    assert await asyncio.wait_for(here.readexactly(3), DEADLINE_S) == b"one"
    carried_bytes = cable.carried_bytes
    cable.pull()
    there.write(b"two")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(here.readexactly(3), 0.2)
    cable.plug()
    assert await asyncio.wait_for(here.readexactly(3), DEADLINE_S) == b"two"
    assert cable.carried_bytes == carried_bytes + 6
    cable.cut()
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(here.read(1), DEADLINE_S)
    there.close()
    await cable.close()
    server.close()
