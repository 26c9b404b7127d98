"""Lamps and relays on gpiozero's mock pins: right ones on, everything off when it has to be."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from edge.errors import PinsError
from edge.events import Pattern
from edge.outputs import Outputs
from edge.settings import OutputSettings, ReaderSettings
from proto.messages import MAX_PULSE_MS

RING, ACCEPTED, LOOK, ADULT, BUZZER, DOOR, GATE = 12, 16, 17, 18, 19, 20, 21
READERS = [
    ReaderSettings(id="door-1", kind="line", path="a", door_pin=DOOR),
    ReaderSettings(id="gate", kind="line", path="b", door_pin=GATE, door_active_high=False),
    ReaderSettings(id="till", kind="line", path="c"),
]
WAIT_S = 5.0


class Clock:
    """A monotonic clock that a test may push ahead; it also runs."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        return time.monotonic_ns() // 1_000_000 + self.ahead_ms


def lamps(pins: str = "mock", trace: str = "", ring: int = RING) -> OutputSettings:
    return OutputSettings(pins=pins, ring=ring, accepted=ACCEPTED, look=LOOK, adult=ADULT, buzzer=BUZZER, trace=trace)  # type: ignore[arg-type]


@contextmanager
def running(settings: OutputSettings | None = None, clock: Callable[[], int] | None = None) -> Iterator[Outputs]:
    outputs = Outputs(settings or lamps(), READERS, clock or Clock())
    try:
        yield outputs
    finally:
        outputs.close()


def pin(outputs: Outputs, number: int) -> Any:
    assert outputs._pins
    return outputs._pins._factory.pin(number)


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, with a deadline; the interval is the pause of a wait, nothing relies on it."""
    deadline_s = time.monotonic() + WAIT_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline_s, "it never happened"
        pause.wait(0.002)


def is_on(outputs: Outputs, number: int) -> Callable[[], bool]:
    return lambda: bool(pin(outputs, number).state)


def is_off(outputs: Outputs, number: int) -> Callable[[], bool]:
    return lambda: not pin(outputs, number).state


def test_everything_is_off_at_the_start_also_a_relay_that_is_on_when_low() -> None:
    with running() as outputs:
        assert [pin(outputs, number).state for number in (RING, ACCEPTED, LOOK, ADULT, BUZZER, DOOR)] == [0] * 6
        assert pin(outputs, GATE).state == 1


def test_accepted_lights_the_tick_for_its_time_and_two_tones_sound() -> None:
    with running() as outputs:
        outputs.show(Pattern.ACCEPTED, "door-1")
        until(is_on(outputs, ACCEPTED))
        until(is_off(outputs, ACCEPTED))
        pin(outputs, ACCEPTED).assert_states([False, True, False])
        (_, _on, off) = pin(outputs, ACCEPTED).states
        assert 1.0 < off.timestamp < 1.6
        assert pin(outputs, ADULT).states[-1].state == 0


def test_every_pattern_ends_dark_and_silent_but_away() -> None:
    clock = Clock()
    with running(clock=clock) as outputs:
        for pattern in set(Pattern) - {Pattern.AWAY}:
            outputs.show(pattern)
            clock.ahead_ms += 60_000
        outputs.show(Pattern.READING)
        until(lambda: outputs._playing is None)
        assert not any(pin(outputs, number).state for number in (RING, ACCEPTED, LOOK, ADULT, BUZZER))


def test_an_answer_interrupts_the_reading_tick_and_the_answer_before() -> None:
    with running() as outputs:
        outputs.show(Pattern.LOCATE)
        until(is_on(outputs, LOOK))
        outputs.show(Pattern.READING)
        outputs.show(Pattern.ADULT)
        until(lambda: [pin(outputs, number).state for number in (RING, ACCEPTED, LOOK, ADULT)] == [0, 0, 0, 1])


def test_away_breathes_dimly_behind_the_answers_until_ready() -> None:
    with running() as outputs:
        outputs.show(Pattern.AWAY)
        until(is_on(outputs, RING))
        assert pin(outputs, RING).state == pytest.approx(0.2)
        outputs.show(Pattern.AGAIN)
        until(lambda: pin(outputs, RING).state == 1)
        until(lambda: pin(outputs, RING).state == pytest.approx(0.2))
        outputs.show(Pattern.READY)
        until(lambda: pin(outputs, RING).state == 1)
        until(lambda: outputs._playing is None)
        assert pin(outputs, RING).state == 0


@pytest.mark.parametrize("news", [Pattern.AWAY, Pattern.READY])
def test_news_about_the_hub_never_cuts_an_answer_short(news: Pattern) -> None:
    with running() as outputs:
        outputs.show(Pattern.ADULT)
        until(is_on(outputs, ADULT))
        outputs.show(news)
        until(is_off(outputs, ADULT))
        until(is_on(outputs, ADULT))


def test_a_door_opens_for_its_pulse_while_lamps_play() -> None:
    with running() as outputs:
        started_s = time.monotonic()
        outputs.pulse("door-1", 300)
        outputs.show(Pattern.ACCEPTED, "door-1")
        until(is_on(outputs, DOOR))
        outputs.show(Pattern.LOCATE)
        until(is_off(outputs, DOOR))
        assert 0.28 < time.monotonic() - started_s < 0.6
        assert pin(outputs, GATE).state == 1, "the other door stayed shut"


def test_a_relay_that_is_on_when_low_is_pulled_low() -> None:
    with running() as outputs:
        outputs.pulse("gate", 50)
        until(is_off(outputs, GATE))
        until(is_on(outputs, GATE))


def test_further_grants_keep_a_door_open_but_never_beyond_ten_seconds() -> None:
    clock = Clock()
    with running(clock=clock) as outputs:
        outputs.pulse("door-1", 8000)
        until(is_on(outputs, DOOR))
        since_ms = outputs._doors["door-1"][0]
        clock.ahead_ms += 5000
        outputs.pulse("door-1", 8000)
        assert outputs._doors["door-1"] == (since_ms, since_ms + MAX_PULSE_MS)
        clock.ahead_ms += 5000
        outputs.show(Pattern.READING)
        until(is_off(outputs, DOOR))


def test_a_shorter_grant_does_not_shorten_the_one_before() -> None:
    with running() as outputs:
        outputs.pulse("door-1", 5000)
        until_ms = outputs._doors["door-1"][1]
        outputs.pulse("door-1", 100)
        assert outputs._doors["door-1"][1] == until_ms


def test_closing_in_the_middle_of_a_pulse_shuts_the_door() -> None:
    outputs = Outputs(lamps(), READERS, Clock())
    outputs.show(Pattern.LOCATE)
    outputs.pulse("door-1", 9000)
    until(is_on(outputs, DOOR))
    door, tick = pin(outputs, DOOR), pin(outputs, ACCEPTED)
    outputs.close()
    door.assert_states([False, True, False])
    assert len(door.states) == 3
    assert tick.states[-1].state == 0
    assert outputs._thread
    assert not outputs._thread.is_alive()


def test_a_lamp_that_fails_shuts_the_door_and_is_told(mocker: MockerFixture, caplog: pytest.LogCaptureFixture) -> None:
    with running() as outputs:
        outputs.pulse("door-1", 9000)
        until(is_on(outputs, DOOR))
        door = pin(outputs, DOOR)
        mocker.patch.object(pin(outputs, ADULT), "_set_state", side_effect=OSError("the chip is gone"))
        outputs.show(Pattern.ADULT)
        assert outputs._thread
        outputs._thread.join(WAIT_S)
        assert door.states[-1].state == 0
        with pytest.raises(PinsError, match="the chip is gone"):
            outputs.show(Pattern.ACCEPTED)
        assert "the outputs stopped" in caplog.text


def test_a_reader_without_a_door_pin_opens_nothing() -> None:
    with running() as outputs, pytest.raises(PinsError, match="reader `till` has no `door_pin`"):
        outputs.pulse("till", 500)


def test_a_pin_used_twice_stops_the_start_and_leaves_nothing_claimed() -> None:
    with pytest.raises(PinsError, match=r'pins = "mock".*GPIO20'):
        Outputs(lamps(ring=DOOR), READERS, Clock())


def test_without_gpio_lgpio_fails_loudly_instead_of_falling_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if any(Path("/dev").glob("gpiochip*")):
        pytest.skip("this machine has GPIO lines: they are not touched")
    monkeypatch.setenv("LG_WD", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PinsError, match=r'pins = "lgpio".*LG_WD'):
        Outputs(lamps("lgpio"), READERS, Clock())


class Chip:
    """What lgpio does with a chip's lines, as far as it is asked here: every level that a line was ever given."""

    def __init__(self) -> None:
        self.levels: dict[int, list[int]] = {}

    def claim_output(self, handle: int, line: int, level: int = 0, flags: int = 0) -> int:
        return self.write(handle, line, level)

    def write(self, _handle: int, line: int, level: int) -> int:
        self.levels.setdefault(line, []).append(int(level))
        return 0

    def mode(self, _handle: int, line: int) -> int:
        return 2 if line in self.levels else 0


def test_no_relay_is_driven_on_while_its_pin_is_taken(mocker: MockerFixture) -> None:
    """Not for an instant: gpiozero's own way is to take a pin low and then to set it, which a relay that is on when low hears."""
    chip = Chip()
    mocker.patch("gpiozero.pins.local.get_pi_revision", return_value=0xC03114)
    calls = {"gpio_claim_output": chip.claim_output, "gpio_write": chip.write, "gpio_get_mode": chip.mode}
    for name in ("gpiochip_open", "gpiochip_close", "gpio_claim_input", "tx_pwm", "gpio_free"):
        calls[name] = lambda *_arguments: 0
    for name, call in calls.items():
        mocker.patch(f"lgpio.{name}", call)
    with running(lamps("lgpio")) as outputs:
        assert outputs._pins
    assert set(chip.levels[DOOR]) == {0}
    assert set(chip.levels[GATE]) == {1}


def test_a_device_without_lamps_never_loads_gpiozero(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    program = f"""
import sys
from edge.events import Pattern
from edge.outputs import Outputs
from edge.settings import OutputSettings
outputs = Outputs(OutputSettings(pins="none", trace={str(trace)!r}), [], lambda: 7)
outputs.show(Pattern.ACCEPTED, "till", inc="aa", n=3)
outputs.pulse("till", 50)
outputs.close()
print(sorted(name for name in sys.modules if name.split(".")[0] in ("gpiozero", "lgpio")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout == "[]\n"
    lines = [json.loads(line) for line in trace.read_text().splitlines()]
    first_us, second_us = (line.pop("mono_us") for line in lines)
    assert first_us <= second_us <= time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
    assert lines == [
        {"mono_ms": 7, "reader": "till", "pattern": "accepted", "inc": "aa", "n": 3},
        {"mono_ms": 7, "reader": "till", "pattern": "pulse", "ms": 50},
    ]


def test_the_trace_is_on_disk_with_the_light_and_is_appended_to(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    for number in (1, 2):
        with running(lamps(trace=str(trace))) as outputs:
            outputs.show(Pattern.READING, "door-1", n=number)
            assert [json.loads(line)["n"] for line in trace.read_text().splitlines()] == list(range(1, number + 1))
