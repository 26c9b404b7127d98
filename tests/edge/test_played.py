"""What lamps, buzzer and relays really do, to the millisecond: the pins' own record against the table, in a time of the test's own.

gpiozero's `assert_states_and_times` lets 50 ms pass and stops at the shorter list, so the same record is compared exactly as well.
"""

import threading
from collections.abc import Iterator
from itertools import cycle, pairwise
from types import SimpleNamespace, TracebackType
from typing import Any

import pytest
from pytest_mock import MockerFixture

from edge.events import Pattern
from edge.outputs import Outputs
from edge.patterns import SCORES, Lamp, Step
from proto.messages import MAX_PULSE_MS
from tests.edge.test_outputs import ACCEPTED, ADULT, BUZZER, DOOR, GATE, LOOK, READERS, RING, WAIT_S, lamps, pin

LAMPS = {Lamp.RING: RING, Lamp.ACCEPTED: ACCEPTED, Lamp.LOOK: LOOK, Lamp.ADULT: ADULT}
DUTY = 0.5
PLAYED_MS = 40_000
"""Longer than every pattern that ends."""

Line = list[tuple[int, float]]
"""When something changed, in ms, and to what."""


class OwnTime:
    """The condition on which the outputs' thread sleeps, in a time of its own: it sleeps for no time, and the clock is later.

    It goes on as far as `run` lets it; there the thread rests, and the test looks.
    """

    def __init__(self) -> None:
        self.now_ms = self._until_ms = 1_000_000
        self.heard: Line = []
        self.buzzer: Any = None
        self._real, self._resting = threading.Condition(), False

    def mono_ms(self) -> int:
        return self.now_ms

    def __enter__(self) -> None:
        self._real.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._real.__exit__(kind, error, trace)

    def notify(self) -> None:
        self._resting = False
        self._real.notify_all()

    def wait(self, timeout_s: float | None) -> None:
        assert timeout_s is None or timeout_s > 0, "the outputs' thread is busy with itself"
        if self.buzzer:
            self.heard.append((self.now_ms, self.buzzer.frequency if self.buzzer.state else 0))
        later_ms = self._until_ms + 1 if timeout_s is None else self.now_ms + round(timeout_s * 1000)
        if later_ms <= self._until_ms:
            self.now_ms = later_ms
            return
        self.now_ms = self._until_ms
        self._resting = True
        self._real.notify_all()
        self._real.wait_for(lambda: not self._resting)

    def run(self, ms: int) -> None:
        """Let so much time go by."""
        with self._real:
            self._until_ms += ms
            self.notify()
            assert self._real.wait_for(lambda: self._resting, WAIT_S), "the outputs' thread does not rest"


@pytest.fixture
def time(mocker: MockerFixture) -> OwnTime:
    own = OwnTime()
    mocker.patch("edge.outputs.threading", SimpleNamespace(Condition=lambda: own, Thread=threading.Thread))
    mocker.patch("gpiozero.pins.mock.monotonic", side_effect=lambda: own.now_ms / 1000)
    return own


@pytest.fixture
def outputs(time: OwnTime) -> Iterator[Outputs]:
    outputs = Outputs(lamps(), READERS, time.mono_ms)
    time.run(0)
    for number in (*LAMPS.values(), BUZZER, DOOR, GATE):
        pin(outputs, number).clear_states()
    time.buzzer = pin(outputs, BUZZER)
    yield outputs
    outputs.close()


def did(outputs: Outputs, number: int) -> Line:
    """The record of a pin: how many ms after the change before, and the new level."""
    return [(round(state.timestamp * 1000), float(state.state)) for state in pin(outputs, number).states]


def steps(pattern: Pattern) -> Iterator[tuple[int, Step]]:
    """The steps a pattern plays in PLAYED_MS, each with its beginning; dark at the end."""
    at_ms, score = 0, SCORES[pattern]
    for step in cycle(score.steps) if score.forever else score.steps:
        if at_ms <= PLAYED_MS:
            yield at_ms, step
        else:
            return
        at_ms += step.ms
    yield at_ms, Step(0)


def changed(line: Line) -> Line:
    """Only what differs from what was before, and then nothing is on."""
    return [after for before, after in pairwise([(0, 0.0), *line]) if after[1] != before[1]]


def apart(line: Line) -> Line:
    """As a pin records it: off at first, then how long after the change before."""
    return [(0, 0.0), *((after[0] - before[0], after[1]) for before, after in pairwise([(0, 0.0), *line]))]


# --- patterns -----------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", Pattern)
def test_every_lamp_follows_its_table_to_the_millisecond(time: OwnTime, outputs: Outputs, pattern: Pattern) -> None:
    outputs.show(pattern, "door-1")
    time.run(PLAYED_MS)
    for lamp, number in LAMPS.items():
        levels = [(at_ms, (step.level if lamp is Lamp.RING else 1.0) if lamp in step.lamps else 0.0) for at_ms, step in steps(pattern)]
        expected = apart(changed(levels))
        assert did(outputs, number) == expected, lamp
        pin(outputs, number).assert_states_and_times([(ms / 1000, level) for ms, level in expected])


@pytest.mark.parametrize("pattern", Pattern)
def test_every_tone_sounds_at_its_pitch_for_its_time_and_then_there_is_silence(time: OwnTime, outputs: Outputs, pattern: Pattern) -> None:
    began_ms = time.now_ms
    outputs.show(pattern, "door-1")
    time.run(PLAYED_MS)
    heard = changed([(at_ms - began_ms, hz) for at_ms, hz in time.heard])
    assert heard == changed([(at_ms, float(step.tone_hz)) for at_ms, step in steps(pattern)])
    assert {level for _, level in did(outputs, BUZZER)} <= {0.0, DUTY}, "a square wave, or nothing"


def test_an_answer_cuts_the_reading_tick_at_once(time: OwnTime, outputs: Outputs) -> None:
    outputs.show(Pattern.READING, "door-1")
    time.run(7)
    outputs.show(Pattern.ACCEPTED, "door-1")
    time.run(PLAYED_MS)
    assert did(outputs, RING) == [(0, 0), (0, 1), (7, 0)]
    assert did(outputs, ACCEPTED) == [(0, 0), (7, 1), (1200, 0)]


# --- doors --------------------------------------------------------------------------------------


def test_a_relay_is_on_for_its_pulse_to_the_millisecond_and_its_neighbour_never(time: OwnTime, outputs: Outputs) -> None:
    outputs.show(Pattern.ACCEPTED, "door-1")
    outputs.pulse("door-1", 800)
    time.run(PLAYED_MS)
    assert did(outputs, DOOR) == [(0, 0), (0, 1), (800, 0)]
    assert did(outputs, GATE) == [(0, 1)]


def test_a_relay_that_is_on_when_low_is_low_for_its_pulse(time: OwnTime, outputs: Outputs) -> None:
    outputs.pulse("gate", 50)
    time.run(PLAYED_MS)
    assert did(outputs, GATE) == [(0, 1), (0, 0), (50, 1)]


def test_grants_that_follow_each_other_are_one_pulse_of_ten_seconds_at_most(time: OwnTime, outputs: Outputs) -> None:
    for _ in range(5):
        outputs.pulse("door-1", 3_000)
        time.run(2_500)
    time.run(PLAYED_MS)
    (_, on, off, *more) = did(outputs, DOOR)
    assert (on, off) == ((0, 1), (MAX_PULSE_MS, 0))
    assert more == [(0, 1), (3_000, 0)], "only the grant that came when the ten seconds were over"


# --- the end ------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", Pattern)
def test_stopped_in_the_middle_of_a_pattern_and_a_pulse_everything_is_off_at_that_moment(
    time: OwnTime, outputs: Outputs, pattern: Pattern
) -> None:
    pins = {number: pin(outputs, number) for number in (*LAMPS.values(), BUZZER, DOOR, GATE)}
    outputs.pulse("door-1", 9_000)
    outputs.pulse("gate", 9_000)
    outputs.show(pattern, "door-1")
    time.run(10)
    assert pins[DOOR].state
    assert any(pins[number].state for number in LAMPS.values()), "every pattern lights something first"
    outputs.close()
    records = {number: [(round(state.timestamp * 1000), float(state.state)) for state in one.states] for number, one in pins.items()}
    assert records[DOOR][-1] == (10, 0)
    assert records[GATE][-2:] == [(10, 1), (0, 0)], "off is high at this relay; then its line is given back, which the mock calls low"
    assert [records[number][-1][1] for number in (*LAMPS.values(), BUZZER)] == [0] * 5
