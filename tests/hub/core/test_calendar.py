"""Local days, hours of the week, and when a scan really happened. The zone is Belgium's, with its 25-hour and 23-hour days."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.calendar import DAY_MS, MINUTE_MS, Window, at, can_be_hours, day_of, happened, instant_ms, night_min, window_of
from tests.schools import CARE_HOURS, LONG_DAY, MONDAY, SHORT_DAY, STUDY_HOURS, TUESDAY, WEDNESDAY, WEEK, ZONE, hours, moment

HOUR_MS = 60 * MINUTE_MS


def clock(instant: int) -> str:
    return f"{at(instant, ZONE):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("day", "clock", "early_min", "span"),
    [
        (MONDAY, "06:59", 0, None),
        (MONDAY, "07:00", 0, ("07:00", "08:30")),
        (MONDAY, "08:29:59", 0, ("07:00", "08:30")),
        (MONDAY, "08:30", 0, None),
        (MONDAY, "05:29", 90, None),
        (MONDAY, "05:30", 90, ("07:00", "08:30")),
        (MONDAY, "08:31", 90, None),
        (MONDAY, "13:59", 90, None),
        (MONDAY, "14:00", 90, ("15:30", "18:00")),
        (WEDNESDAY, "12:30", 0, ("12:00", "18:00")),
        (WEDNESDAY, "18:00", 90, None),
        (date(2025, 1, 11), "16:00", 90, None),  # a Saturday
    ],
)
def test_hours_hold_their_first_minute_and_not_their_last(day: date, clock: str, early_min: int, span: tuple[str, str] | None) -> None:
    expected = (moment(span[0], day), moment(span[1], day)) if span else None
    assert window_of(CARE_HOURS, moment(clock, day), ZONE, early_min) == expected


def test_hours_that_touch_or_overlap_are_one() -> None:
    until_six = (moment("16:05"), moment("18:00"))
    assert window_of(STUDY_HOURS, moment("16:30"), ZONE) == until_six
    assert window_of(STUDY_HOURS, moment("17:15"), ZONE) == until_six
    two_ends = (hours(WEEK, "16:05", "18:00"), hours(WEEK, "16:05", "17:15"))
    assert window_of(two_ends, moment("17:30"), ZONE) == until_six


def test_hours_past_midnight_hold_the_small_hours_of_the_next_day() -> None:
    night = (hours({0}, "22:00", "26:00"),)
    span = (moment("22:00"), moment("02:00", TUESDAY))
    assert window_of(night, moment("23:59"), ZONE) == span
    assert window_of(night, moment("00:30", TUESDAY), ZONE) == span
    assert window_of(night, moment("02:00", TUESDAY), ZONE) is None
    assert window_of(night, moment("00:30", WEDNESDAY), ZONE) is None


def test_an_end_before_the_beginning_is_on_the_next_day_where_that_can_be_a_night() -> None:
    for said, ends_min, possible in (
        (("18:00", "00:30"), 24 * 60 + 30, True),
        (("20:00", "08:00"), 32 * 60, True),
        (("18:00", "00:00"), 24 * 60, True),
        (("00:00", "00:00"), 24 * 60, True),
        (("12:00", "12:00"), 36 * 60, True),
        (("15:30", "15:00"), 39 * 60, False),  # an afternoon that was typed the wrong way round
        (("08:30", "07:00"), 31 * 60, False),
    ):
        clocks = hours({0}, *said)
        typed = Window(clocks.weekdays, clocks.start_min, night_min(clocks.start_min, clocks.end_min))
        assert (typed.end_min, can_be_hours(typed)) == (ends_min, possible), said


def test_hours_until_midnight_and_hours_from_midnight_are_one() -> None:
    party = (hours({0}, "20:00", "24:00"), hours({1}, "00:00", "01:00"))
    assert window_of(party, moment("00:10", TUESDAY), ZONE) == (moment("20:00"), moment("01:00", TUESDAY))


def test_a_day_of_25_hours_and_a_day_of_23_hours() -> None:
    for day, length_h in ((LONG_DAY, 25), (SHORT_DAY, 23), (MONDAY, 24)):
        assert instant_ms(day, 1440, ZONE) - instant_ms(day, 0, ZONE) == length_h * HOUR_MS
        whole = (hours({day.weekday()}, "00:00", "24:00"),)
        assert window_of(whole, instant_ms(day, 23 * 60, ZONE), ZONE) == (instant_ms(day, 0, ZONE), instant_ms(day, 1440, ZONE))


def test_the_hour_that_comes_twice_is_meant_the_first_time_and_the_hour_that_is_missing_is_counted_on() -> None:
    assert instant_ms(LONG_DAY, 150, ZONE) - instant_ms(LONG_DAY, 0, ZONE) == 150 * MINUTE_MS
    assert instant_ms(LONG_DAY, 180, ZONE) - instant_ms(LONG_DAY, 0, ZONE) == 240 * MINUTE_MS
    assert clock(instant_ms(SHORT_DAY, 150, ZONE)) == "2025-03-30 03:30"
    assert clock(instant_ms(SHORT_DAY, 180, ZONE)) == "2025-03-30 03:00"


def test_hours_of_the_afternoon_begin_by_the_wall_clock_on_days_when_the_clock_changes() -> None:
    sunday = (hours({6}, "15:30", "18:00"),)
    for day in (LONG_DAY, SHORT_DAY):
        span = window_of(sunday, instant_ms(day, 16 * 60, ZONE), ZONE)
        assert span is not None
        assert [clock(instant)[11:] for instant in span] == ["15:30", "18:00"]


def test_a_day_ends_at_midnight_of_the_school_and_not_of_greenwich() -> None:
    midnight = instant_ms(TUESDAY, 0, ZONE)
    assert (day_of(midnight - 1, ZONE), day_of(midnight, ZONE)) == (MONDAY, TUESDAY)
    assert midnight % DAY_MS == 23 * HOUR_MS


def test_the_29th_of_february_is_a_day_like_others() -> None:
    leap = date(2028, 2, 29)
    assert day_of(instant_ms(leap, 16 * 60, ZONE), ZONE) == leap
    assert day_of(instant_ms(leap, 1440, ZONE), ZONE) == date(2028, 3, 1)
    assert window_of(CARE_HOURS, instant_ms(leap, 16 * 60, ZONE), ZONE) is not None


@given(st.integers(0, 4_102_444_800_000), st.integers(0, 180))
def test_an_instant_is_in_the_hours_that_are_found_for_it(instant: int, early_min: int) -> None:
    span = window_of(CARE_HOURS, instant, ZONE, early_min)
    assert span is None or span[0] - early_min * MINUTE_MS <= instant < span[1]


NOON = moment("12:00")


@pytest.mark.parametrize(
    ("why", "same_boot", "age_ms", "wall_ms", "expected"),
    [
        ("the device counted two seconds", True, 2_000, 5, (NOON - 2_000, 200)),
        ("just now", True, 0, 5, (NOON, 200)),
        ("the device was restarted: its wall clock", False, 2_000, NOON - 9_000, (NOON - 9_000, 300)),
        ("its wall clock runs ahead: never later than the arrival", False, 0, NOON + DAY_MS, (NOON, 300)),
        ("a scan younger than its message cannot be: the wall clock", True, -1, NOON - 9_000, (NOON - 9_000, 300)),
        ("older than 1970 cannot be: the wall clock", True, 2**53, NOON - 9_000, (NOON - 9_000, 300)),
        ("a device that knows no time at all", False, 0, 0, (0, 300)),
    ],
)
def test_when_a_scan_happened(why: str, same_boot: bool, age_ms: int, wall_ms: int, expected: tuple[int, int]) -> None:
    assert happened(same_boot=same_boot, age_ms=age_ms, arrived_ms=NOON, wall_ms=wall_ms, wall_err_ms=300) == expected


@given(st.booleans(), st.integers(-(2**53), 2**53), st.integers(0, 2**53))
def test_a_scan_never_happened_after_its_arrival_nor_before_there_were_clocks(same_boot: bool, age_ms: int, wall_ms: int) -> None:
    at_ms, _ = happened(same_boot=same_boot, age_ms=age_ms, arrived_ms=NOON, wall_ms=wall_ms, wall_err_ms=0)
    assert 0 <= at_ms <= NOON
    assert day_of(at_ms, ZONE) <= MONDAY
