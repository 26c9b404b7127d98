"""Serial readers on real pseudo-terminals, which end as a pulled USB plug does (hardware.md, 2)."""

import threading
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from edge.errors import ReaderGoneError
from edge.events import Layout, ReadIn, Spoilt, Tag, Text
from edge.readers import serial
from edge.readers.framing import IDLE_MS, LineFraming
from edge.readers.opening import open_reader
from edge.readers.reading import Stop
from edge.settings import ReaderSettings
from tests.edge.readers.conftest import Plug
from tests.edge.readers.scanner import BADGE, Listener, PtyPort, frame, stamp

LINE = BADGE.encode() + b"\r\n"


@pytest.fixture
def port(tmp_path: Path) -> PtyPort:
    return PtyPort(tmp_path / "by-path")


@pytest.mark.parametrize("at_once", [True, False], ids=["whole", "byte by byte"])
def test_a_badge_is_read_from_a_line_scanner(port: PtyPort, listen: Plug, listener: Listener, at_once: bool) -> None:
    listen(port.link, "line")
    assert listener.changed() == ("door", True)
    port.send(LINE * 2, at_once=at_once)
    assert [listener.read(), listener.read()] == [("door", Text(BADGE))] * 2


def test_a_read_carries_the_time_and_nonce_it_was_given(port: PtyPort, listen: Plug, listener: Listener) -> None:
    listen(port.link, "line")
    listener.changed()
    port.send(LINE)
    assert listener.next() == ReadIn("door", Text(BADGE), *stamp())


def test_a_badge_without_an_end_mark_is_read_after_a_pause(port: PtyPort, listen: Plug, listener: Listener) -> None:
    listen(port.link, "line", pause_ms=None)
    listener.changed()
    port.send(BADGE.encode())
    assert listener.read() == ("door", Text(BADGE))


@pytest.mark.parametrize("repeats", [1, 3])
def test_a_scanner_that_is_unplugged_in_the_middle_and_replugged_goes_on(
    port: PtyPort, listen: Plug, listener: Listener, repeats: int
) -> None:
    listen(port.link, "line")
    assert listener.changed() == ("door", True)
    for _ in range(repeats):
        port.send(LINE + b"HALF\r\nHA")
        assert [listener.read(), listener.read()] == [("door", Text(BADGE)), ("door", Text("HALF"))]
        port.unplug()
        assert listener.read() == ("door", Spoilt.VOID)
        assert listener.changed() == ("door", False)
        port.plug()
        assert listener.changed() == ("door", True)
    port.send(LINE)
    assert listener.read() == ("door", Text(BADGE))


def test_a_scanner_that_is_plugged_in_later_is_found(
    tmp_path: Path, listen: Plug, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    listen(tmp_path / "by-path", "line")
    assert listener.changed() == ("door", False)
    assert "nothing is plugged in there" in caplog.text
    port = PtyPort(tmp_path / "by-path")
    assert listener.changed() == ("door", True)
    port.send(LINE)
    assert listener.read() == ("door", Text(BADGE))


def test_two_scanners_in_turns_byte_by_byte_do_not_mix(tmp_path: Path, listen: Plug, listener: Listener) -> None:
    ports = [PtyPort(tmp_path / name) for name in ("in", "out")]
    for port in ports:
        listen(port.link, "line", port.link.name)
        listener.changed()
    for first, second in zip(b"KIND-IN\r", b"KIND-OUT"[::-1], strict=True):
        ports[0].send(bytes([first]))
        ports[1].send(bytes([second]))
    ports[1].send(b"\r")
    assert {listener.read(), listener.read()} == {("in", Text("KIND-IN")), ("out", Text("TUO-DNIK"))}


def test_a_tag_that_is_held_there_is_found_once_then_the_next(port: PtyPort, listen: Plug, listener: Listener) -> None:
    listen(port.link, "rdm6300")
    listener.changed()
    port.send(frame("6F007B3972") * 8 + frame("010063E9AE", newline=True), at_once=False)
    assert [listener.read(), listener.read()] == [("door", Tag("EM:6F007B3972")), ("door", Tag("EM:010063E9AE"))]


def test_after_100_kb_of_rubbish_a_badge_is_read(port: PtyPort, listen: Plug, listener: Listener) -> None:
    listen(port.link, "line")
    listener.changed()
    for _ in range(100):
        port.send(b"\x00\xff" * 512)
    port.send(b"\r" + LINE)
    assert [listener.read(), listener.read()] == [("door", Spoilt.OVERLONG), ("door", Text(BADGE))]


def test_two_readers_on_one_port_the_second_is_told_so(
    port: PtyPort, listen: Plug, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    listen(port.link, "line", "first")
    assert listener.changed() == ("first", True)
    listen(port.link, "line", "second")
    assert listener.changed() == ("second", False)
    assert "another program has it" in caplog.text


def test_a_reader_stops_at_once_and_frees_its_port(port: PtyPort, listen: Plug, listener: Listener) -> None:
    reader = open_reader(ReaderSettings(id="first", kind="line", path=str(port.link)), Layout("us", IDLE_MS), listener.put, stamp)
    reader.start()
    assert listener.changed() == ("first", True)
    port.send(b"HALF")
    reader.stop()
    assert "reader-first" not in {thread.name for thread in threading.enumerate()}
    assert listener.nothing_more()
    listen(port.link, "line", "second")
    assert listener.changed() == ("second", True)


def test_a_baud_that_the_port_cannot_do_is_named(mocker: MockerFixture) -> None:
    mocker.patch("edge.readers.serial.serial.Serial", side_effect=ValueError("Failed to set custom baud rate (7)"))
    with pytest.raises(ReaderGoneError, match="cannot do 7 baud: correct `baud`"):
        serial.open_source("/dev/ttyUSB0", 7, LineFraming(), Stop())
