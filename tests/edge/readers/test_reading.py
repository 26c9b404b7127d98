"""The reading thread: it survives everything, tells it, and ends at once."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from edge.errors import ReaderGoneError
from edge.events import Found, ReaderChanged, ReadIn, Text
from edge.readers.framing import LineFraming
from edge.readers.reading import Stop, ThreadReader
from tests.edge.readers.scanner import DEADLINE_S, Listener, stamp


@dataclass
class Plugs:
    """A port where each plug-in brings one surprise: an error to open with, an error to read with, or reads."""

    surprises: list[Exception | list[Found]]
    closed: int = 0
    empty: threading.Event = field(default_factory=threading.Event)
    name: str = "a port"

    def __post_init__(self) -> None:
        self._zero = os.open("/dev/zero", os.O_RDONLY)

    def open(self, stop: Stop) -> "Plugs":
        if not self.surprises:
            self.empty.set()
            raise ReaderGoneError("nothing is plugged in there")
        return self

    def fileno(self) -> int:
        return self._zero

    def read(self, now_ms: int) -> list[Found]:
        surprise = self.surprises.pop(0) if self.surprises else ReaderGoneError("unplugged")
        if isinstance(surprise, Exception):
            raise surprise
        return surprise

    def close(self) -> None:
        self.closed += 1


def reader(plugs: Plugs, put: Callable[[ReadIn | ReaderChanged], None]) -> ThreadReader:
    return ThreadReader("door", plugs.open, LineFraming(), put, stamp)


def test_a_defect_in_reading_is_logged_told_and_survived(listener: Listener, caplog: pytest.LogCaptureFixture) -> None:
    plugs = Plugs([ZeroDivisionError("a defect"), [Text("one")]])
    door = reader(plugs, listener.put)
    door.start()
    assert [listener.changed(), listener.changed(), listener.changed()] == [("door", True), ("door", False), ("door", True)]
    assert listener.read() == ("door", Text("one"))
    door.stop()
    assert "ZeroDivisionError: a defect" in caplog.text
    assert plugs.closed == 2


def test_a_defect_where_events_are_put_does_not_end_the_thread(listener: Listener, caplog: pytest.LogCaptureFixture) -> None:
    defects = [RuntimeError("full"), RuntimeError("full")]

    def put(event: ReadIn | ReaderChanged) -> None:
        if defects:
            raise defects.pop()
        listener.put(event)

    door = reader(Plugs([[Text("one")]]), put)
    door.start()
    assert listener.changed() == ("door", True)
    assert listener.read() == ("door", Text("one"))
    door.stop()
    assert "RuntimeError: full" in caplog.text


def test_an_empty_port_is_told_once_and_logged_once(listener: Listener, caplog: pytest.LogCaptureFixture) -> None:
    plugs = Plugs([])
    door = reader(plugs, listener.put)
    door.start()
    assert listener.changed() == ("door", False)
    for _ in range(2):
        plugs.empty.clear()
        assert plugs.empty.wait(DEADLINE_S)
    door.stop()
    assert listener.nothing_more()
    assert caplog.text.count("nothing is plugged in there") == 1


def test_a_very_long_name_is_cut_to_what_a_message_holds(listener: Listener) -> None:
    door = reader(Plugs([[]], name="x" * 999), listener.put)
    door.start()
    assert listener.next() == ReaderChanged("door", ok=True, name="x" * 200)
    door.stop()


def test_a_reader_that_was_never_started_can_be_stopped(listener: Listener) -> None:
    reader(Plugs([]), listener.put).stop()
    assert listener.nothing_more()


def test_whoever_waits_is_woken_by_stop_and_not_by_a_silent_file() -> None:
    stop = Stop()
    silent, other = os.pipe()
    assert not stop.wait_readable(silent, 0.001)
    os.write(other, b"x")
    assert stop.wait_readable(silent, None)
    stop.set()
    stop.set()
    assert stop.is_set()
    assert stop.wait(DEADLINE_S)
    assert not stop.wait_readable(silent, None)


@pytest.mark.parametrize(("kind", "absent"), [("line", "evdev"), ("rdm6300", "evdev"), ("hid", "serial")])
def test_a_device_loads_only_the_library_of_the_readers_it_has(kind: str, absent: str) -> None:
    program = f"""
import sys
from edge.readers.opening import calibrated, open_reader
from edge.settings import ReaderSettings
settings = ReaderSettings(id="door", kind="{kind}", path="/nowhere")
open_reader(settings, calibrated(settings, lambda key: None), print, print)
assert "{absent}" not in sys.modules
assert not any(name.partition(".")[0] == "hub" for name in sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
