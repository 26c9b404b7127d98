"""Keyboard scanners: the kernel's own records through a FIFO, and a stand-in for evdev where only a real keyboard has the fault."""

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from pytest_mock import MockerFixture

from edge.errors import ReaderGoneError
from edge.events import Layout, Spoilt, Text
from edge.readers import hid
from edge.readers.framing import DOWN, ENTER, EV_KEY, EV_SYN, SYN_DROPPED, Key, KeyFraming
from edge.readers.reading import Stop
from proto import badge
from tests.edge.readers.conftest import Plug
from tests.edge.readers.scanner import BADGE, REPORT, SHIFT, FifoPort, Listener, press, types


@pytest.fixture
def port(tmp_path: Path) -> FifoPort:
    return FifoPort(tmp_path / "by-path")


@pytest.mark.parametrize("at_once", [True, False], ids=["whole", "byte by byte"])
def test_a_badge_is_read_from_the_kernels_records(port: FifoPort, listen: Plug, listener: Listener, at_once: bool) -> None:
    listen(port.path, "hid")
    assert listener.changed() == ("door", True)
    port.send(types(BADGE) * 2, at_once=at_once)
    assert [listener.read(), listener.read()] == [("door", Text(BADGE))] * 2


def test_records_that_were_waiting_before_the_reader_came_are_read(port: FifoPort, listen: Plug, listener: Listener) -> None:
    port.send(types("7"))
    listen(port.path, "hid")
    assert listener.changed() == ("door", True)
    assert listener.read() == ("door", Text("7"))


def test_records_that_were_fetched_before_an_unplug_are_read_before_it_is_told(port: FifoPort) -> None:
    port.send(types("7"))
    keyboard = hid.PipeKeyboard(str(port.path))
    port.unplug()
    assert keyboard.keys() == types("7")
    with pytest.raises(OSError, match="No such device"):
        keyboard.keys()
    keyboard.close()


def test_a_badge_without_an_end_key_is_read_after_a_pause(port: FifoPort, listen: Plug, listener: Listener) -> None:
    listen(port.path, "hid", pause_ms=None)
    listener.changed()
    port.send(types(BADGE, end=None))
    assert listener.read() == ("door", Text(BADGE))


def test_a_scanner_that_is_unplugged_in_the_middle_and_replugged_goes_on(port: FifoPort, listen: Plug, listener: Listener) -> None:
    listen(port.path, "hid")
    assert listener.changed() == ("door", True)
    port.send([*types(BADGE), *types("HALF", end=None), (EV_KEY, SHIFT, DOWN)])
    assert listener.read() == ("door", Text(BADGE))
    port.unplug()
    assert listener.read() == ("door", Spoilt.VOID)
    assert listener.changed() == ("door", False)
    port.plug()
    assert listener.changed() == ("door", True)
    port.send(types("one"))
    assert listener.read() == ("door", Text("one")), "Shift is up again"


def test_a_calibrated_layout_outlives_a_replug(port: FifoPort, listen: Plug, listener: Listener) -> None:
    listen(port.path, "hid")
    listener.changed()
    port.send(types(badge.CALIBRATION, "be"))
    _, found = listener.read()
    assert isinstance(found, Layout), found
    assert found.layout == "be"
    port.unplug()
    assert listener.changed() == ("door", False)
    port.plug()
    assert listener.changed() == ("door", True)
    port.send(types("K7:QAZWM-0123456789", "be"))
    assert listener.read() == ("door", Text("K7:QAZWM-0123456789"))


def test_dropped_keys_void_the_scan_and_a_shift_still_held_is_known(port: FifoPort, listen: Plug, listener: Listener) -> None:
    listen(port.path, "hid")
    listener.changed()
    port.send([*types("HALF", end=None), (EV_KEY, SHIFT, DOWN), (EV_SYN, SYN_DROPPED, 0), REPORT])
    assert listener.read() == ("door", Spoilt.VOID)
    port.send([*press(ENTER), *press(30), *press(ENTER)])
    assert listener.read() == ("door", Text("A"))


def test_two_scanners_in_turns_do_not_mix(tmp_path: Path, listen: Plug, listener: Listener) -> None:
    ports = [FifoPort(tmp_path / name) for name in ("in", "out")]
    for port in ports:
        listen(port.path, "hid", port.path.name)
        listener.changed()
    for first, second in zip(types("one-in"), types("TW", "fr"), strict=False):
        ports[0].send([first])
        ports[1].send([second])
    ports[0].send(types("one-in")[len(types("TW", "fr")) :])
    assert {listener.read(), listener.read()} == {("in", Text("one-in")), ("out", Text("TZ"))}


def test_two_readers_on_one_keyboard_the_second_is_told_so(
    port: FifoPort, listen: Plug, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    listen(port.path, "hid", "first")
    assert listener.changed() == ("first", True)
    listen(port.path, "hid", "second")
    assert listener.changed() == ("second", False)
    assert "another program has it" in caplog.text


# --- what only a real keyboard does ---------------------------------------------------------------


@dataclass
class InputDevice:
    """Stands in for evdev's: keys held for a number of questions, refusals to open or to be grabbed, events, an unplug."""

    name: str = "Honeywell Scanner"
    held: list[list[int]] = field(default_factory=list)
    """What the next questions for held keys are answered; after that none are."""
    refusals: list[int] = field(default_factory=list)
    """The errno of each attempt to open it that fails, before it opens."""
    grab_refusals: list[int] = field(default_factory=list)
    events: list[list[Key]] = field(default_factory=list)
    keys: tuple[int, ...] = (ENTER, *range(2, 12))
    did: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._read_end, self._write_end = os.pipe()

    def open(self, _path: str, *, readonly: bool) -> "InputDevice":
        assert readonly, "opened for writing, it would set its lamps"
        self.did.append("open")
        _refuse(self.refusals)
        return self

    def plugged(self, *batches: list[Key]) -> None:
        self.events += batches
        os.write(self._write_end, b"x" * len(batches))

    def fileno(self) -> int:
        return self._read_end

    def read(self) -> Iterator[SimpleNamespace]:
        if not self.events:
            raise BlockingIOError
        os.read(self._read_end, 1)
        batch = self.events.pop(0)
        if not batch:
            raise OSError(errno.ENODEV, "No such device")
        return (SimpleNamespace(type=kind, code=code, value=value) for kind, code, value in batch)

    def active_keys(self) -> list[int]:
        down = self.held.pop(0) if self.held else []
        self.did.append(f"down {down}")
        return down

    def grab(self) -> None:
        self.did.append("grab")
        _refuse(self.grab_refusals)

    def capabilities(self) -> dict[int, list[int]]:
        return {EV_KEY: list(self.keys)}

    def close(self) -> None:
        self.did.append("close")


def _refuse(refusals: list[int]) -> None:
    if refusals:
        raise OSError(refusals.pop(0), "refused")


UNPLUG: list[Key] = []


@pytest.fixture
def device(mocker: MockerFixture, tmp_path: Path) -> InputDevice:
    (tmp_path / "event3").touch()
    device = InputDevice()
    mocker.patch("edge.readers.hid.evdev.InputDevice", device.open)
    return device


def test_a_keyboard_is_grabbed_only_when_all_its_keys_are_up(device: InputDevice, tmp_path: Path, listen: Plug, listener: Listener) -> None:
    device.held = [[ENTER], [ENTER], []]
    listen(tmp_path / "event3", "hid")
    assert listener.changed() == ("door", True)
    assert device.did[:5] == ["open", f"down [{ENTER}]", f"down [{ENTER}]", "down []", "grab"]
    device.plugged(types(BADGE))
    assert listener.read() == ("door", Text(BADGE))


def test_a_key_that_stays_down_is_named_and_the_keyboard_closed(
    device: InputDevice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hid, "RELEASE_S", 0.1)
    device.held = [[30]] * 99
    with pytest.raises(ReaderGoneError, match=r"Honeywell Scanner: keys \[30\] are held down: release them"):
        hid.open_source(str(tmp_path / "event3"), KeyFraming(), Stop())
    assert device.did[-1] == "close"
    assert "grab" not in device.did


def test_waiting_for_a_held_key_ends_at_once_when_the_program_does(device: InputDevice, tmp_path: Path) -> None:
    device.held = [[30]] * 99
    stop = Stop()
    stop.set()
    with pytest.raises(ReaderGoneError, match="the program ends"):
        hid.open_source(str(tmp_path / "event3"), KeyFraming(), stop)


def test_a_keyboard_that_another_program_has_is_tried_until_it_is_free(
    device: InputDevice, tmp_path: Path, listen: Plug, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    device.grab_refusals = [errno.EBUSY]
    listen(tmp_path / "event3", "hid")
    assert listener.changed() == ("door", False)
    assert listener.changed() == ("door", True)
    assert "another program has it" in caplog.text
    assert device.did.count("close") == 1


def test_a_keyboard_that_udev_has_not_handed_over_yet_is_tried_again(
    device: InputDevice, tmp_path: Path, listen: Plug, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    device.refusals = [errno.EACCES, errno.EACCES]
    listen(tmp_path / "event3", "hid")
    assert listener.changed() == ("door", False)
    assert listener.changed() == ("door", True)
    assert caplog.text.count("must be in the group") == 1, "told once, not at each try"


def test_a_keyboard_that_the_kernel_says_is_gone_is_opened_again(
    device: InputDevice, tmp_path: Path, listen: Plug, listener: Listener
) -> None:
    listen(tmp_path / "event3", "hid")
    assert listener.changed() == ("door", True)
    device.plugged(types("HALF", end=None), UNPLUG)
    assert listener.read() == ("door", Spoilt.VOID)
    assert listener.changed() == ("door", False)
    assert listener.changed() == ("door", True)


def test_after_dropped_keys_the_kernel_is_asked_which_are_down(
    device: InputDevice, tmp_path: Path, listen: Plug, listener: Listener
) -> None:
    device.held = [[], [], [SHIFT]]  # before the grab, after it, after the loss
    listen(tmp_path / "event3", "hid")
    listener.changed()
    device.plugged([*types("HALF", end=None), (EV_SYN, SYN_DROPPED, 0), REPORT], [*press(ENTER), *press(30), *press(ENTER)])
    assert [listener.read(), listener.read()] == [("door", Spoilt.VOID), ("door", Text("A"))]


def test_only_keyboards_with_digits_and_enter_count_as_scanners(device: InputDevice, mocker: MockerFixture) -> None:
    mocker.patch("edge.readers.hid.evdev.list_devices", return_value=["/dev/input/event3"])
    assert hid.keyboards() == [("/dev/input/event3", "Honeywell Scanner")]
    device.keys = (ENTER, 116)
    assert hid.keyboards() == []
