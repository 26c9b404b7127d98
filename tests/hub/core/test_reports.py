"""Reports reckoned by hand: periods, heads at a quarter of an hour, age groups, sums; and that nobody is lost between them."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core import reports
from hub.core.kept import Charge
from hub.core.reports import Attendance, Counts, Gathered, Level, Moved, Period, Span, attendance, heads, period, quarter_of, steps
from tests.schools import LONG_DAY, MONDAY, SHORT_DAY, TUESDAY, ZONE, moment

HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("span", "day", "first", "last"),
    [
        (Span.DAY, date(2025, 2, 28), date(2025, 2, 28), date(2025, 2, 28)),
        (Span.WEEK, date(2025, 1, 1), date(2024, 12, 30), date(2025, 1, 5)),
        (Span.MONTH, date(2024, 2, 29), date(2024, 2, 1), date(2024, 2, 29)),
        (Span.MONTH, date(2025, 12, 31), date(2025, 12, 1), date(2025, 12, 31)),
        (Span.QUARTER, date(2025, 5, 31), date(2025, 4, 1), date(2025, 6, 30)),
        (Span.QUARTER, date(2025, 12, 1), date(2025, 10, 1), date(2025, 12, 31)),
        (Span.YEAR, date(2025, 7, 31), date(2024, 8, 1), date(2025, 7, 31)),
    ],
)
def test_a_period_has_its_first_and_its_last_day(span: Span, day: date, first: date, last: date) -> None:
    assert period(span, day) == Period(span, first, last)


@given(st.sampled_from(Span), st.dates(date(2001, 1, 1), date(2098, 1, 1)))
def test_periods_and_their_steps_meet_without_a_gap(span: Span, day: date) -> None:
    whole = period(span, day)
    assert whole.first <= day <= whole.last
    assert period(span, whole.after).first == whole.after
    assert period(span, whole.before).last == whole.before
    days = [part.first + timedelta(days=n) for part in steps(whole) for n in range((part.last - part.first).days + 1)]
    assert days == [whole.first + timedelta(days=n) for n in range((whole.last - whole.first).days + 1)]
    assert len(steps(whole)) <= 31


# --- heads ----------------------------------------------------------------------------------------


def stay(came: str, left: str, day: date = MONDAY) -> list[Moved]:
    from_ms, until_ms = moment(came, day), moment(left, day)
    return [Moved(1, quarter_of(from_ms), 1, 0, until_ms - from_ms), Moved(1, quarter_of(until_ms), 0, 1, 0)]


def test_who_comes_at_a_minute_past_counts_from_the_next_quarter_of_an_hour_on() -> None:
    found = heads([*stay("16:01", "16:31"), *stay("16:00", "16:30"), *stay("16:02", "16:14")], ZONE)
    assert found == {MONDAY: {16 * 60: 1, 16 * 60 + 15: 2, 16 * 60 + 30: 1}}


@pytest.mark.parametrize("day", [LONG_DAY, SHORT_DAY])
def test_a_day_on_which_the_clock_is_changed_has_its_own_hours(day: date) -> None:
    assert heads(stay("07:50", "08:20", day), ZONE) == {day: {8 * 60: 1, 8 * 60 + 15: 1}}


def test_mean_and_peak_are_of_the_days_when_somebody_came() -> None:
    """Two Mondays with 2 and 1 pupils at 16:15, and a Tuesday; the Monday when nobody came does not count."""
    next_week = MONDAY + timedelta(days=7)
    moved = [*stay("16:10", "16:20"), *stay("16:05", "16:40"), *stay("16:10", "16:20", next_week), *stay("17:00", "17:01", TUESDAY)]
    monday, tuesday = reports.by_weekday(heads(moved, ZONE))
    assert (monday.weekday, monday.days, tuesday.weekday, tuesday.days) == (0, 2, 1, 1)
    assert [(slot.minute, slot.mean_tenths, slot.most) for slot in monday.slots] == [(975, 15, 2), (990, 5, 1)]


STAYS = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 120)), max_size=30)


@given(STAYS)
@settings(max_examples=60)
def test_at_each_quarter_of_an_hour_exactly_those_are_there_who_came_and_have_not_left(stays: list[tuple[int, int]]) -> None:
    begins_ms = moment("07:00")
    times = [(begins_ms + came * 60_000, begins_ms + (came + long) * 60_000) for came, long in stays]
    moved = [Moved(1, quarter_of(a), 1, 0, b - a) for a, b in times] + [Moved(1, quarter_of(b), 0, 1, 0) for _, b in times]
    found = heads(moved, ZONE).get(MONDAY, {})
    for minute in range(7 * 60, 18 * 60, 15):
        there_ms = begins_ms + (minute - 7 * 60) * 60_000
        assert found.get(minute, 0) == sum(a <= there_ms < b for a, b in times)


# --- subsidies ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("born", "day", "level"),
    [
        (date(2019, 1, 1), date(2024, 10, 1), Level.NURSERY),  # turns six in 2025
        (date(2018, 12, 31), date(2024, 10, 1), Level.PRIMARY),
        (date(2018, 12, 31), date(2024, 7, 31), Level.NURSERY),  # the school year before
        (date(2013, 1, 1), date(2025, 6, 30), Level.PRIMARY),
        (date(2012, 12, 31), date(2025, 6, 30), Level.OLDER),
        (None, date(2025, 6, 30), Level.UNKNOWN),
    ],
)
def test_primary_school_begins_in_the_calendar_year_in_which_a_child_turns_six(born: date | None, day: date, level: Level) -> None:
    assert reports.level_on(born, day) is level


def test_a_child_counts_once_a_day_and_twice_in_half_days_when_it_was_there_before_and_after_noon() -> None:
    """Places: 1 in nursery, 2 in primary school. 1 comes in the morning and the afternoon, 2 after noon only; on Tuesday 1 comes again."""
    morning, noon = moment("07:30") // HOUR_MS, moment("12:00") // HOUR_MS
    cells = [(morning, 0b010), (morning + 1, 0b010), (noon, 0b100), (noon + 4, 0b110), (morning + 24, 0b010)]
    found = attendance(cells, {1: date(2020, 1, 1), 2: date(2015, 1, 1)}, ZONE)
    assert found == Attendance(
        {MONDAY: {Level.NURSERY: Counts(1, 1, 1), Level.PRIMARY: Counts(1, 0, 1)}, TUESDAY: {Level.NURSERY: Counts(1, 1, 0)}},
        {Level.NURSERY: 1, Level.PRIMARY: 1},
        2,
    )
    assert reports.summed(found.days.values())[Level.NURSERY] == Counts(2, 2, 1)
    assert reports.summed(found.days.values())[Level.NURSERY].half_days == 3


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 23), st.sampled_from(range(1, 9))), max_size=60))
@settings(max_examples=40)
def test_no_child_is_lost_or_counted_twice(seen: list[tuple[int, int, int]]) -> None:
    begins = moment("00:00") // HOUR_MS
    born = {place: None if place == 8 else date(2012 + place, 6, 1) for place in range(1, 9)}
    found = attendance([(begins + 24 * day + hour, 1 << place) for day, hour, place in seen], born, ZONE)
    assert sum(one.children for those in found.days.values() for one in those.values()) == len({(day, place) for day, _, place in seen})
    assert found.children == len({place for _, _, place in seen})
    halves = {(day, hour < 12, place) for day, hour, place in seen}
    assert sum(one.half_days for those in found.days.values() for one in those.values()) == len(halves)


def test_a_stay_touches_its_hours_and_a_moment_the_one_it_begins() -> None:
    assert list(reports.hours_of(moment("07:59"), moment("08:00"))) == [moment("07:00") // HOUR_MS]
    assert len(reports.hours_of(moment("07:59"), moment("10:01"))) == 4
    assert len(reports.hours_of(moment("08:00"), moment("08:00"))) == 1


# --- revenue --------------------------------------------------------------------------------------


def test_what_waits_is_of_the_days_of_service_and_the_sites_that_are_asked_for() -> None:
    charges = [
        Charge(1, 5, 100, 1, 20, 150, day=20250106),
        Charge(2, 5, 100, 1, 20, 75, day=20250107),
        Charge(3, 5, 100, 1, 20, 900, day=20250201),
        Charge(4, 5, 100, 2, 20, 900, day=20250106),
    ]
    assert reports.gathered(charges, frozenset({1}), (20250101, 20250131)) == {(1, 20): Gathered(2, 225)}
