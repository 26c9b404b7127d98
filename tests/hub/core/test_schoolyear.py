"""The school calendar as staff change it, and what lies on the days that change."""

from dataclasses import replace
from datetime import date

import pytest

from hub.core.calendar import CalendarDay, DayKind, day_code
from hub.core.days import day_kind
from hub.core.facts import Refusal
from hub.core.formulas import Fixed, Line, Session
from hub.core.menus import Menu, Offer
from hub.core.school import Rows, School, edited
from hub.core.schoolyear import Period, Range, periods, proposed, put_days, put_range, said_in, span, touched, year_of
from hub.core.timetable import ClassHours, Plan
from tests.schools import number, small_school, tariff

TILLEULS, PARC = number("Tilleuls"), number("Parc")
LEA = number("Léa")
MONDAY, FRIDAY, NEXT = date(2026, 10, 19), date(2026, 10, 23), date(2026, 10, 26)
BREAK = Range(0, MONDAY, date(2026, 10, 30), DayKind.HOLIDAY, "Vacances d'automne")


def same(_: object) -> bool:
    return True


def saved(school: School, outcome: Rows | Refusal) -> School:
    assert not isinstance(outcome, Refusal), outcome
    return edited(school, outcome)


def test_a_school_year_runs_from_august_to_july() -> None:
    assert (year_of(date(2026, 8, 1)), year_of(date(2027, 7, 31))) == (2026, 2026)
    assert span(2026) == (date(2026, 8, 1), date(2027, 7, 31))


def test_two_weeks_of_holidays_are_one_period_and_leave_the_weekend_alone() -> None:
    school = saved(small_school(), put_range(small_school(), BREAK, same))
    assert day_kind(school, PARC, FRIDAY) is DayKind.HOLIDAY
    assert day_kind(school, PARC, date(2026, 10, 24)) is DayKind.WEEKEND
    assert periods(school, PARC, *span(2026)) == (Period(MONDAY, date(2026, 10, 30), DayKind.HOLIDAY, "Vacances d'automne", 0, 10),)


def test_one_site_says_otherwise_and_takes_its_word_back() -> None:
    school = saved(small_school(), put_range(small_school(), BREAK, same))
    camp = saved(school, put_range(school, Range(PARC, FRIDAY, FRIDAY, DayKind.CAMP, "Stage"), same))
    assert [period.kind for period in periods(camp, PARC, MONDAY, NEXT)] == [DayKind.HOLIDAY, DayKind.CAMP, DayKind.HOLIDAY]
    assert day_kind(camp, TILLEULS, FRIDAY) is DayKind.HOLIDAY
    again = saved(camp, put_range(camp, Range(PARC, FRIDAY, FRIDAY, None), same))
    assert day_kind(again, PARC, FRIDAY) is DayKind.HOLIDAY  # what is said of all sites
    assert said_in(again, PARC, MONDAY, NEXT) == (CalendarDay(PARC, FRIDAY, None),)
    ordinary = saved(again, put_range(again, replace(BREAK, kind=None), same))
    assert day_kind(ordinary, PARC, FRIDAY) is DayKind.SCHOOL
    assert periods(ordinary, PARC, *span(2026)) == ()


def test_a_saturday_is_meant_when_it_is_said_alone_or_with_the_weekends() -> None:
    saturday = date(2026, 10, 24)
    assert put_range(small_school(), Range(0, saturday, saturday, DayKind.SCHOOL, "Portes ouvertes"), same) == (
        CalendarDay(0, saturday, DayKind.SCHOOL, "Portes ouvertes"),
    )
    with_weekends = put_range(small_school(), replace(BREAK, kind=DayKind.CAMP, weekends=True), same)
    assert not isinstance(with_weekends, Refusal)
    assert len(with_weekends) == 12
    again = saved(edited(small_school(), with_weekends), put_range(edited(small_school(), with_weekends), replace(BREAK, kind=None), same))
    assert periods(again, PARC, *span(2026)) == ()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (replace(BREAK, last=date(2026, 10, 18)), "ends_before_it_begins"),
        (replace(BREAK, last=date(2027, 10, 20)), "range_long"),
        (replace(BREAK, name="x" * 81), "name_long"),
        (replace(BREAK, kind=None), "nothing_changes"),
        (Range(0, date(2026, 10, 24), date(2026, 10, 25), DayKind.CAMP), "nothing_changes"),
    ],
)
def test_a_range_that_cannot_be_meant_is_refused(said: Range, code: str) -> None:
    assert put_range(small_school(), said, same) == Refusal(code)


def test_nobody_is_overwritten() -> None:
    seen = said_in(small_school(), 0, BREAK.first, BREAK.last)
    school = saved(small_school(), put_range(small_school(), BREAK, seen.__eq__))
    assert put_range(school, replace(BREAK, kind=DayKind.CAMP), seen.__eq__) == Refusal("changed_meanwhile")


def test_official_days_are_proposed_where_staff_have_said_nothing() -> None:
    school = edited(small_school(), (CalendarDay(0, MONDAY, DayKind.CAMP, "Stage"), CalendarDay(0, FRIDAY, None)))
    official = [CalendarDay(0, day, DayKind.HOLIDAY, "Automne") for day in (MONDAY, FRIDAY, NEXT)]
    new, kept = proposed(school, 0, official)
    assert [row.day for row in new] == [FRIDAY, NEXT]
    assert kept == (CalendarDay(0, MONDAY, DayKind.CAMP, "Stage"),)
    assert put_days(school, new, (), same) == new
    assert proposed(edited(school, new), 0, official) == ((), kept)


def test_what_lies_on_the_days_is_told_before_they_change() -> None:
    care = small_school().programmes[number("care")]
    lines = (Line(Session(Fixed(0)), days=(DayKind.PEDAGOGIC,)), Line(Session(Fixed(1000))))
    school = edited(
        small_school(),
        (
            replace(small_school().programmes[number("study")], days=frozenset({DayKind.SCHOOL})),
            tariff("care", *lines),
            Menu(TILLEULS, MONDAY, (Offer(number("meal"), 4_50),)),
            ClassHours(TILLEULS, "", 0, 510),
            Plan(1, LEA, number("study"), date(2026, 9, 1), weekdays=frozenset({0})),
        ),
    )
    rows = put_range(school, Range(TILLEULS, MONDAY, MONDAY, DayKind.PEDAGOGIC, "Journée pédagogique"), same)
    assert not isinstance(rows, Refusal)
    meals = [(LEA, TILLEULS, day_code(MONDAY)), (LEA, TILLEULS, day_code(FRIDAY)), (LEA, PARC, day_code(MONDAY))]
    found = touched(school, rows, TILLEULS, meals, {MONDAY: 3, FRIDAY: 5})
    assert found is not None
    assert (found.days, found.orders, found.menus, found.recorded, found.mornings) == ((MONDAY,), 1, 1, 3, True)
    assert [(one.name, planned) for one, planned in found.closes] == [("Étude", 1)]
    assert found.opens == ()
    assert found.repriced == (care,)
    assert touched(school, rows, PARC, meals, {}) is None
