"""Tariff groups: what care, meals and articles of a day cost a pupil together, at most, in whatever order they become known."""

from datetime import date

import pytest

from hub.core.formulas import Fixed, Line, Session
from hub.core.school import TariffGroup
from tests.canteen import order, put_on_the_menu
from tests.schools import CARE_LINE, MONDAY, Day, number, tariff

MEAL = Line(Session(Fixed(4500)))
"""4,50 €."""


@pytest.fixture
def day(day: Day) -> Day:
    """A Monday on which care and meals cost 6,00 € together at most."""
    put_on_the_menu(day)
    day.change((TariffGroup(number("day"), "Journée", 6_00), tariff("care", CARE_LINE, group="day"), tariff("meal", MEAL, group="day")))
    return day


def care(day: Day, start: str = "15:40", end: str = "17:20", who: str = "Léa") -> None:
    """100 minutes are four half hours: 3,00 €."""
    day.tap(who, "care-in", start)
    day.tap(who, "care-out", end)


def costs(day: Day, on: date = MONDAY, who: str = "Léa") -> list[int]:
    """What stands of a pupil's day, meals first."""
    code = int(f"{on:%Y%m%d}")
    stands = (one for one in day.books.charges.values() if not one.reversed and one.pupil == number(who) and one.day == code)
    return [one.cents for one in sorted(stands, key=lambda one: one.stay > 0)]


def test_care_after_a_meal_costs_what_is_left_of_the_day(day: Day) -> None:
    order(day, "Léa")
    care(day)
    assert costs(day) == [4_50, 1_50]


def test_a_scan_ten_days_late_still_knows_of_the_meal_of_its_day(day: Day) -> None:
    order(day, "Léa")
    care(day, end="16:10")
    assert costs(day) == [4_50, 75]
    day.next_day(10)
    order(day, "Léa")
    care(day)
    later, day.date = day.date, MONDAY
    care(day, "16:20", "17:50")
    assert (costs(day), costs(day, later)) == ([4_50, 75, 75], [4_50, 1_50])
