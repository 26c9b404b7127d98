"""A tariff is refused before it is saved, naming the version and the line."""

from datetime import date

import pytest
from hypothesis import given

from hub.core.calendar import DayKind
from hub.core.complaints import Complaint, Wrong, check_tariffs
from hub.core.formulas import Band, Bands, ByBracket, ByEffort, Fixed, Late, Line, Periods, Session, Siblings
from hub.core.school import Programme, Tariff, TariffGroup, edited
from proto.messages import Use
from tests.hub.core.test_tariffs import tariff_lines
from tests.schools import CARE_HOURS, CARE_LINE, STUDY_LINE, number, small_school, tariff

CARE = number("care")
TEN = (100,) * 10
SEPTEMBER, JANUARY, APRIL = date(2025, 9, 1), date(2026, 1, 1), date(2026, 4, 1)
FREE = Line(Session(Fixed(0)))


def found(*rows: Tariff | Programme | TariffGroup) -> list[Complaint]:
    return check_tariffs(small_school(), rows)


@pytest.mark.parametrize(
    ("line", "what", "which"),
    [
        (Line(Periods(Fixed(750), 0)), Wrong.NO_PERIOD, 0),
        (Line(Periods(Fixed(750), 30, -1)), Wrong.NEGATIVE, 0),
        (Line(Periods(Fixed(-1), 30)), Wrong.NEGATIVE, 0),
        (Line(Session(Fixed(1)), max_cents=-1), Wrong.NEGATIVE, 0),
        (Line(Session(ByBracket((100,) * 9))), Wrong.BRACKET, 10),
        (Line(Session(ByBracket((100,) * 11))), Wrong.BRACKET, 12),
        (Line(Session(ByBracket(()))), Wrong.BRACKET, 1),
        (Line(Session(ByBracket((*TEN[:9], -1)))), Wrong.NEGATIVE, 0),
        (Line(Session(ByBracket(TEN, (1, 2, 3)))), Wrong.LIMITS, 0),
        (Line(Session(ByBracket(TEN, (1, 2, 3, 4, 5, 6, 7, 8, 8)))), Wrong.LIMITS, 0),
        (Line(Session(ByEffort(1200, 3_00, 50))), Wrong.BACKWARDS, 0),
        (Line(Session(ByEffort(-1, 0, 50))), Wrong.NEGATIVE, 0),
        (Line(Bands(())), Wrong.NO_LINES, 0),
        (Line(Bands((Band(960, 960, Fixed(1), 30),))), Wrong.BACKWARDS, 0),
        (Line(Bands((Band(960, 1020, Fixed(1), 0),))), Wrong.NO_PERIOD, 0),
        (Line(Bands((Band(930, 960, Fixed(1), 30), Band(970, 1020, Fixed(1), 30)))), Wrong.BAND_GAP, 1),
        (Line(Bands((Band(930, 960, Fixed(1), 30), Band(950, 1020, Fixed(1), 30)))), Wrong.BAND_OVERLAP, 1),
        (Line(Session(Fixed(1)), siblings=Siblings(())), Wrong.PERCENT, 0),
        (Line(Session(Fixed(1)), siblings=Siblings((0, 101))), Wrong.PERCENT, 0),
        (Line(Session(Fixed(1)), late=Late(1080, -1)), Wrong.NEGATIVE, 0),
        (Line(Session(Fixed(1)), late=Late(1080, 1, -15)), Wrong.NEGATIVE, 0),
        (Line(Session(Fixed(1)), child="CPAS"), Wrong.NOT_FOR_ALL, 0),
        (Line(Session(Fixed(1)), days=(DayKind.CAMP,)), Wrong.NOT_FOR_ALL, 0),
    ],
)
def test_a_line_of_which_no_price_can_be_made_is_named(line: Line, what: Wrong, which: int) -> None:
    camp = Line(Session(Fixed(0)), child="staff", days=(DayKind.HOLIDAY,))
    assert found(tariff("care", camp, line, since=SEPTEMBER, until=None), tariff("care", CARE_LINE, until=SEPTEMBER)) == [
        Complaint(what, CARE, SEPTEMBER, 2, which)
    ]


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ([(date.min, SEPTEMBER), (SEPTEMBER, None)], []),
        ([(date.min, SEPTEMBER), (JANUARY, None)], [(Wrong.GAP, JANUARY)]),
        ([(date.min, JANUARY), (SEPTEMBER, None)], [(Wrong.OVERLAP, SEPTEMBER)]),
        ([(date.min, None), (SEPTEMBER, None)], [(Wrong.OVERLAP, SEPTEMBER)]),
        ([(date.min, SEPTEMBER), (SEPTEMBER, APRIL)], [(Wrong.ENDS, SEPTEMBER)]),
        ([(date.min, JANUARY), (SEPTEMBER, SEPTEMBER), (JANUARY, None)], []),  # the one of September is withdrawn
        ([(date.min, SEPTEMBER), (SEPTEMBER, date(2025, 1, 1))], [(Wrong.BACKWARDS, SEPTEMBER), (Wrong.ENDS, SEPTEMBER)]),
    ],
)
def test_versions_follow_each_other_without_gap_or_overlap_and_the_last_one_stays(
    spans: list[tuple[date, date | None]], said: list[tuple[Wrong, date]]
) -> None:
    complaints = found(*(tariff("care", CARE_LINE, since=since, until=until) for since, until in spans))
    assert complaints == [Complaint(what, CARE, day) for what, day in said]


def test_a_line_that_can_never_be_used_is_named_with_the_one_that_takes_all() -> None:
    camp = Line(Session(Fixed(0)), days=(DayKind.CAMP, DayKind.HOLIDAY))
    staff = Line(Session(Fixed(0)), child="staff", days=(DayKind.CAMP,))
    assert found(tariff("care", camp, staff, FREE)) == [Complaint(Wrong.NEVER, CARE, line=2, number=1)]
    assert found(tariff("care", staff, camp, FREE)) == []


def test_minutes_are_not_counted_where_nobody_counts_them() -> None:
    assert found(tariff("study", CARE_LINE)) == [Complaint(Wrong.NEEDS_EXIT, number("study"), line=1)]
    assert found(tariff("sandwich", CARE_LINE)) == [Complaint(Wrong.NO_MINUTES, number("sandwich"), line=1)]
    assert found(tariff("sandwich", STUDY_LINE), tariff("study", STUDY_LINE)) == []


def test_a_programme_needs_a_tariff_and_a_group_a_maximum() -> None:
    camp = Programme(number("camp"), number("Tilleuls"), Use.CARE, "Plaine", CARE_HOURS)
    assert found(camp) == [Complaint(Wrong.NO_TARIFF, camp.id)]
    assert found(tariff("care", CARE_LINE, group="day")) == [Complaint(Wrong.NO_GROUP, CARE)]
    group = TariffGroup(number("day"), "Jour", 9_00)
    assert found(tariff("care", CARE_LINE, group="day"), group) == []
    assert found(TariffGroup(number("day"), "Jour", -1)) == [Complaint(Wrong.NEGATIVE, number("day"))]


def test_a_days_maximum_is_for_services_and_the_meals_of_one_site_and_for_no_article() -> None:
    group, meal = TariffGroup(number("day"), "Jour", 9_00), tariff("meal", STUDY_LINE, group="day")
    assert found(group, tariff("care", CARE_LINE, group="day"), tariff("parc-care", CARE_LINE, group="day"), meal) == []
    sandwich = tariff("sandwich", STUDY_LINE, group="day")
    assert found(group, sandwich) == [Complaint(Wrong.OUTSIDE_GROUP, number("sandwich"))]
    assert found(group, meal, tariff("parc-meal", STUDY_LINE, group="day"))[-1] == Complaint(Wrong.OUTSIDE_GROUP, number("parc-meal"))
    assert found(group, tariff("parc-meal", STUDY_LINE, group="day")) == []
    withdrawn = tariff("sandwich", STUDY_LINE, since=SEPTEMBER, until=SEPTEMBER, group="day")
    assert found(group, tariff("sandwich", STUDY_LINE), withdrawn) == []


def test_an_article_that_had_a_days_maximum_may_be_given_a_price_without_one() -> None:
    before = edited(small_school(), (TariffGroup(number("day"), "Jour", 9_00), tariff("sandwich", STUDY_LINE, group="day")))
    over = tariff("sandwich", STUDY_LINE, until=SEPTEMBER, group="day")
    assert check_tariffs(before, (over, tariff("sandwich", STUDY_LINE, since=SEPTEMBER))) == []
    again = tariff("sandwich", STUDY_LINE, since=SEPTEMBER, group="day")
    assert check_tariffs(before, (over, again)) == [Complaint(Wrong.OUTSIDE_GROUP, number("sandwich"), SEPTEMBER)]


@given(tariff_lines)
def test_a_line_that_prices_every_stay_is_not_complained_of(line: Line) -> None:
    assert found(tariff("care", line)) == []
