"""The paper roster: who is on it, and codes that name a pupil for one day."""

from datetime import date

import pytest

from hub.core.calendar import CalendarDay, DayKind
from hub.core.paperroster import expected, read_short, short_code
from hub.core.school import School, edited
from hub.core.timetable import Plan
from proto.badge import ALPHABET
from tests.schools import BADGE_KEY, MONDAY, TUESDAY, number, small_school

LEA, TOM = number("Léa"), number("Tom")


def planned() -> School:
    care = next(programme for programme in small_school().programmes.values() if programme.site == small_school().pupils[LEA].site)
    rows = tuple(Plan(number(f"plan {pupil}"), pupil, care.id, MONDAY, weekdays=frozenset({0})) for pupil in (TOM, LEA))
    return edited(small_school(), rows)


def names(school: School, day: date, group: str = "") -> set[int]:
    plan = school.plans[LEA][0]
    return {pupil.id for pupil in expected(school, school.programmes[plan.programme], day, group)}


def test_a_roster_names_who_is_planned_that_day_and_nobody_on_a_holiday() -> None:
    school = planned()
    assert names(school, MONDAY) == {LEA, TOM}
    assert names(school, TUESDAY) == set()
    closed = edited(school, (CalendarDay(0, MONDAY, DayKind.PUBLIC),))
    assert names(closed, MONDAY) == set()


def test_a_class_roster_names_the_whole_class_planned_or_not() -> None:
    school = planned()
    lea = school.pupils[LEA]
    mates = {pupil.id for pupil in school.pupils.values() if (pupil.group, pupil.site) == (lea.group, lea.site)}
    assert names(school, TUESDAY, lea.group) == mates
    assert names(school, TUESDAY, "9Z") == set()


def test_a_code_names_a_pupil_for_one_day_and_is_another_one_the_next() -> None:
    code = short_code(BADGE_KEY, LEA, MONDAY)
    assert code == short_code(BADGE_KEY, LEA, MONDAY)
    assert len({code, short_code(BADGE_KEY, LEA, TUESDAY), short_code(BADGE_KEY, TOM, MONDAY), short_code(b"x" * 32, LEA, MONDAY)}) == 4
    assert read_short(f" {code[:3].lower()} {code[3:]} ") == code


@pytest.mark.parametrize("place", range(6))
def test_one_wrong_letter_is_found(place: int) -> None:
    code = short_code(BADGE_KEY, LEA, MONDAY)
    wrong = [code[:place] + letter + code[place + 1 :] for letter in ALPHABET if letter != code[place]]
    assert [read_short(text) for text in wrong] == [None] * 19


@pytest.mark.parametrize("text", ["", "ABC", "BCDEFGH", "àéèùç!", "123456"])
def test_what_is_no_code_is_none(text: str) -> None:
    assert read_short(text) is None
