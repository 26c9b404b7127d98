"""The hub's clock in life and in exercises."""

import time

from hub.clock import Clock, wall_ms

MONDAY_7_MS = 1_768_197_600_000


def test_in_life_the_clock_is_the_machines_and_a_span_is_a_span() -> None:
    clock = Clock(speed=60.0)
    before_ms = wall_ms()
    assert before_ms <= clock.now_ms() <= wall_ms()
    assert clock.stretched(1_500) == 1_500


def test_a_fast_day_begins_where_it_was_told_and_stretches_a_devices_ages_alike() -> None:
    clock = Clock(speed=60.0, start_ms=MONDAY_7_MS)
    began_s = time.monotonic()
    now_ms = clock.now_ms()
    assert MONDAY_7_MS <= now_ms <= MONDAY_7_MS + (time.monotonic() - began_s + 1) * 60_000
    assert clock.stretched(1_500) == 90_000


def test_a_hub_that_is_started_again_goes_on_in_the_same_day() -> None:
    """Ten real seconds into a day at speed 60 it is ten minutes later, whenever the clock was made."""
    again = Clock(speed=60.0, start_ms=MONDAY_7_MS, since_ms=wall_ms() - 10_000)
    assert 600_000 <= again.now_ms() - MONDAY_7_MS < 660_000


def test_an_exercise_at_the_speed_of_life_keeps_its_own_day() -> None:
    clock = Clock(speed=1.0, start_ms=MONDAY_7_MS)
    assert 0 <= clock.now_ms() - MONDAY_7_MS < 60_000
    assert clock.stretched(1_500) == 1_500
