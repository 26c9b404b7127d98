"""Sessions: a flat price once a day, beside prices by the minute and beside what it costs to be fetched late."""

from datetime import date

import pytest

from hub.core.calendar import DayKind
from hub.core.codes import Reason
from hub.core.corrections import Place, Staff, void
from hub.core.facts import Charged
from hub.core.formulas import ByBracket, Fixed, Late, Line, Session
from hub.core.rerating import Past, rerated
from hub.core.school import FamilyFile
from hub.core.tryout import Stayed, reckon
from hub.core.why import sentences
from tests.schools import CARE_LINE, MONDAY, WEDNESDAY, ZONE, Day, moment, number, tariff

CARE = number("care")
WEDNESDAYS = Line(Session(Fixed(5000)), days=(DayKind.WEDNESDAY,))
"""A Wednesday costs 5,00 €, however long."""
FLAT = Line(Session(Fixed(1000)), late=Late(18 * 60, 2_50, 15, 5))
"""1,00 € a day, and 2,50 € for each quarter of an hour after six, five minutes forgiven."""


def come(day: Day, *clocks: str) -> None:
    for start, end in zip(clocks[::2], clocks[1::2], strict=True):
        day.tap("Léa", "care-in", start)
        day.tap("Léa", "care-out", end)


def costs(day: Day) -> list[int]:
    return [one.cents for one in day.books.charges.values() if not one.reversed]


@pytest.mark.parametrize(("on", "cents"), [(MONDAY, [1_50, 1_50]), (WEDNESDAY, [5_00])])
def test_where_only_wednesdays_are_a_session_every_stay_of_the_other_days_is_charged(day: Day, on: date, cents: list[int]) -> None:
    day.change((tariff("care", WEDNESDAYS, CARE_LINE),))
    day.date = on
    come(day, "07:00", "08:00", "15:40", "16:40")
    assert costs(day) == cents


def test_who_was_there_in_the_morning_too_pays_for_being_fetched_late(day: Day) -> None:
    day.change((tariff("care", FLAT),))
    come(day, "07:00", "08:00", "15:40", "18:21")
    assert costs(day) == [1_00, 5_00], "21 minutes are two quarters of an hour"
    assert reckon(day.school, tuple(Stayed(one.pupil, one.site, CARE, *_times(one)) for one in _charged(day))) == [1_00, 5_00]
    (late,) = [one for one in _charged(day) if not one.why.units]
    said = [sentence.text for sentence in sentences(late.why, ZONE)]
    assert said == ["Collected %(minutes)s minutes after %(hour)s: supplement %(units)s × %(unit)s.", "Total: %(amount)s."]


def test_who_was_there_in_the_morning_too_and_left_in_time_pays_the_session_once(day: Day) -> None:
    day.change((tariff("care", FLAT),))
    come(day, "07:00", "08:00", "15:40", "18:05")
    assert costs(day) == [1_00]


def test_the_session_moves_to_the_stay_that_is_the_first_one_of_the_day_now(day: Day) -> None:
    day.change((tariff("care", FLAT),))
    come(day, "15:40", "18:21")
    assert costs(day) == [6_00]
    come(day, "07:00", "08:00")  # known later
    assert sorted(costs(day)) == [1_00, 5_00]
    place, sheet = Place(number("Léa"), CARE, 20250106), day.books.sheet(number("Léa"), CARE, 20250106)
    for mark in [each.id for each in sheet.marks.values() if each.at_ms < moment("12:00")]:
        day.do(void, Staff(7, Reason.WRONG_PUPIL, moment("19:00")), place, mark)
    assert costs(day) == [6_00]


def test_a_supplement_alone_stays_alone_when_a_family_file_comes_late(day: Day) -> None:
    by_income = Line(Session(ByBracket(tuple(range(1000, 11000, 1000)))), late=FLAT.late)
    day.change((tariff("care", by_income),))
    come(day, "07:00", "08:00", "15:40", "18:21")
    assert costs(day) == [10_00, 5_00]
    file = FamilyFile(7, number("Vanderzande"), MONDAY, bracket=2, validated_day=MONDAY)
    day.change((file,))
    past = [fact for facts in day.facts for fact in facts if isinstance(fact, Past)]
    assert [each.cents for each in rerated(day.school, day.books, past, number("Vanderzande"), MONDAY)] == [2_00]


def _charged(day: Day) -> list[Charged]:
    return [fact for facts in day.facts for fact in facts if isinstance(fact, Charged)]


def _times(one: Charged) -> tuple[int, int]:
    return one.why.from_ms, one.why.to_ms
