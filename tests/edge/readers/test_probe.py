"""`preau-edge probe` on pseudo-terminals and FIFOs."""

import fcntl
import os
import signal
import termios
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from pytest_mock import MockerFixture

from edge.events import Found, ReaderChanged, ReadIn, Spoilt, Tag, Text
from edge.readers.probe import WHY, EitherFraming, line, plugged_in, probe, stable_path, watch
from edge.settings import ReaderSettings, Settings
from proto import badge
from proto.settings import parse
from tests.edge.readers.scanner import BADGE, DEADLINE_S, FifoPort, PtyPort, frame, stamp, types


class Screen:
    """A terminal on which a test can wait for a text, and at which somebody presses Ctrl-C when a text comes."""

    def __init__(self, ctrl_c_on: str = "\0") -> None:
        self.text = ""
        self._ctrl_c_on = ctrl_c_on
        self._changed = threading.Condition()

    def write(self, text: str) -> None:
        with self._changed:
            self.text += text
            self._changed.notify_all()
        if self._ctrl_c_on in text:
            signal.raise_signal(signal.SIGINT)

    def flush(self) -> None:
        pass

    def wait_for(self, text: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: text in self.text, DEADLINE_S), f"{text!r} is not in {self.text!r}"


def test_probe_shows_what_each_reader_reads_and_then_the_settings_for_it(tmp_path: Path) -> None:
    keys, lines, tags = FifoPort(tmp_path / "keys"), PtyPort(tmp_path / "lines"), PtyPort(tmp_path / "tags")
    found = [
        ReaderSettings(id="hid1", kind="hid", path=str(keys.path)),
        ReaderSettings(id="serial1", kind="line", path=str(lines.link)),
        ReaderSettings(id="serial2", kind="line", path=str(tags.link)),
    ]
    screen, stop = Screen(), threading.Event()
    somebody = os.open(keys.path, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.flock(somebody, fcntl.LOCK_EX)  # probe listens to a keyboard that others have, and takes none
    thread = threading.Thread(target=watch, args=(found, screen, stop), daemon=True)
    thread.start()
    try:
        for name in ("hid1", "serial1", "serial2"):
            screen.wait_for(f"{name}: ready")
        keys.send(types(badge.CALIBRATION, "fr") + types(BADGE))
        screen.wait_for("hid1: the calibration code: its key table is fr")
        screen.wait_for(f'hid1: "{BADGE}", a badge, key table fr')
        lines.send(b"4006381333931\r")
        screen.wait_for('serial1: "4006381333931", no badge')
        tags.send(frame("6F007B3972"))
        screen.wait_for("serial2: EM:6F007B3972, a tag")
    finally:
        stop.set()
        thread.join(DEADLINE_S)
        os.close(somebody)
    pasted = 'device = "d"\ndata = "x"\nbroker = {host = "h", password = "p"}\n' + screen.text.partition("settings file of this device:")[2]
    assert parse(pasted, Settings, "pasted").readers == [
        ReaderSettings(id="hid1", kind="hid", path=str(keys.path), layout="fr"),
        ReaderSettings(id="serial1", kind="line", path=str(lines.link)),
        ReaderSettings(id="serial2", kind="rdm6300", path=str(tags.link)),
    ]


def test_probe_without_readers_says_what_to_do_and_fails(mocker: MockerFixture) -> None:
    mocker.patch("edge.readers.hid.evdev.list_devices", return_value=[])
    mocker.patch("serial.tools.list_ports.comports", return_value=[])
    screen = Screen()
    assert probe(screen, threading.Event()) == 1
    assert screen.text.startswith("No reader found. Plug one in")


def test_probe_listens_at_the_baud_it_is_told_and_says_so_in_the_settings(tmp_path: Path) -> None:
    port = PtyPort(tmp_path / "lines")
    screen, stop = Screen(), threading.Event()
    found = [ReaderSettings(id="serial1", kind="line", path=str(port.link), baud=115_200)]
    thread = threading.Thread(target=watch, args=(found, screen, stop), daemon=True)
    thread.start()
    try:
        screen.wait_for("serial1: ready")
        with port.link.open("rb", buffering=0) as line:
            assert termios.tcgetattr(line)[5] == termios.B115200
    finally:
        stop.set()
        thread.join(DEADLINE_S)
    assert screen.text.endswith(f'[[readers]]\nid = "serial1"\nkind = "line"\npath = "{port.link}"\nbaud = 115200\n\n')


def test_probe_ends_with_ctrl_c(mocker: MockerFixture, tmp_path: Path) -> None:
    port = PtyPort(tmp_path / "ttyACM0")
    mocker.patch("edge.readers.hid.evdev.list_devices", return_value=[])
    mocker.patch("serial.tools.list_ports.comports", return_value=[SimpleNamespace(device=str(port.link), description="Scanner")])

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background is started deaf to Ctrl-C
    try:
        screen = Screen(ctrl_c_on="ready")
        assert probe(screen, threading.Event()) == 0
    finally:
        signal.signal(signal.SIGINT, before)
    assert f"serial1: ready: Scanner at {port.link}\n" in screen.text
    assert f'path = "{port.link}"' in screen.text


def test_readers_are_named_by_their_port_where_it_has_a_link(mocker: MockerFixture, tmp_path: Path) -> None:
    (tmp_path / "ttyUSB1").touch()
    (tmp_path / "ttyS0").touch()
    links = tmp_path / "by-path"
    links.mkdir()
    (links / "usb-0:1.2").symlink_to("../ttyUSB1")
    (links / "usb-0:1.3").symlink_to("../ttyUSB9")
    assert stable_path(str(tmp_path / "ttyUSB1"), links) == str(links / "usb-0:1.2")
    assert stable_path(str(tmp_path / "ttyS0"), links) == str(tmp_path / "ttyS0")
    assert stable_path(str(tmp_path / "ttyS0"), tmp_path / "nowhere") == str(tmp_path / "ttyS0")
    mocker.patch("edge.readers.hid.evdev.list_devices", return_value=[])
    mocker.patch("serial.tools.list_ports.comports", return_value=[SimpleNamespace(device="/dev/ttyS7", description="n/a")])
    assert plugged_in(115_200) == [ReaderSettings(id="serial1", kind="line", path="/dev/ttyS7", baud=115_200)]


SAID: list[tuple[Found, str]] = [
    (Text(BADGE), f'r: "{BADGE}", a badge, key table us (not calibrated)'),
    (Text("\x1b[2J"), 'r: "\\u001b[2J", no badge, key table us (not calibrated)'),
    (Tag("EM:6F007B3972"), "r: EM:6F007B3972, a tag, key table us (not calibrated)"),
    *[(spoilt, f"r: unreadable: {WHY[spoilt]}, key table us (not calibrated)") for spoilt in Spoilt],
]


@pytest.mark.parametrize(("found", "said"), SAID)
def test_each_read_is_one_line(found: Found, said: str) -> None:
    assert line(ReaderSettings(id="r", kind="hid", path="/p"), ReadIn("r", found, *stamp())) == said


def test_a_reader_that_is_not_there_is_named_by_its_path() -> None:
    assert line(ReaderSettings(id="r", kind="line", path="/p"), ReaderChanged("r", ok=False)) == "r: not there: /p"


def test_a_serial_reader_is_taken_for_lines_until_a_tag_comes() -> None:
    either = EitherFraming()
    assert either.feed(b"one\r", 0) == [Text("one")]
    assert either.feed(frame("6F007B3972") * 2, 10) == [Tag("EM:6F007B3972")]
    assert either.tagged
    assert either.idle(10_000) == []
    assert either.void() == []
    assert either.feed(b"two\r", 10_001) == []
