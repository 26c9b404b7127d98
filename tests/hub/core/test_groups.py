"""Tariff groups: what care, meals and articles of a day cost a pupil together, at most, in whatever order they become known."""

from dataclasses import replace
from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.codes import Level, Reason
from hub.core.facts import Charged, LowBalance, Reversed
from hub.core.formulas import Fixed, Line, Session
from hub.core.givenback import take_back
from hub.core.school import TariffGroup
from proto.messages import Light
from tests.canteen import cancel, change, order, put_on_the_menu, wait
from tests.schools import CARE_LINE, MONDAY, Day, moment, number, reported, scan, tariff

MEAL = Line(Session(Fixed(4500)))
"""4,50 €."""


def full(lived: Day) -> Day:
    """A Monday on which care and meals cost 6,00 € together at most."""
    put_on_the_menu(lived)
    lived.change((TariffGroup(number("day"), "Journée", 6_00), tariff("care", CARE_LINE, group="day"), tariff("meal", MEAL, group="day")))
    return lived


@pytest.fixture
def day(day: Day) -> Day:
    return full(day)


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


def test_a_meal_after_care_makes_care_cost_what_is_left_of_the_day(day: Day) -> None:
    care(day, "07:00", "08:40")
    assert costs(day) == [3_00]
    order(day, "Léa", clock="08:50")
    assert costs(day) == [4_50, 1_50]
    assert day.balance_cents("Vanderzande") == -6_00


def test_a_meal_that_makes_care_cheaper_tells_nobody_of_a_moment_without_money(day: Day) -> None:
    day.bring("Vanderzande", 7_00)
    care(day, "07:00", "08:40")
    order(day, "Léa", clock="08:50")
    told = [(fact.level, fact.balance_cents) for facts in day.facts for fact in facts if isinstance(fact, LowBalance)]
    assert (day.balance_cents("Vanderzande"), told) == (1_00, [(Level.LOW, 1_00)])


def test_a_meal_that_is_cancelled_or_changed_in_time_leaves_room_for_care_again(day: Day) -> None:
    care(day, "07:00", "08:40")
    order(day, "Léa", clock="08:41")
    cancel(day, "Léa", "08:42")
    assert (costs(day), day.balance_cents("Vanderzande")) == ([3_00], -3_00)
    order(day, "Léa", clock="08:43")
    change(day, "Léa", "soup", "08:44")  # it stands in no group: 2,00 € beside the maximum
    assert (costs(day), day.balance_cents("Vanderzande")) == ([2_00, 3_00], -5_00)


def test_a_meal_without_an_order_counts_towards_the_maximum_of_its_day_whenever_it_is_known(day: Day) -> None:
    care(day, "07:00", "08:40")
    day.tap("Léa", "meal-till", "12:05")
    assert (costs(day), day.balance_cents("Vanderzande")) == ([4_50, 1_50], -6_00)
    care(day, "07:00", "08:40", "Noé")
    late = scan("Noé", "meal-till", "12:06", n=2)
    day.take(msgspec.structs.replace(late, taken_ms=moment("09:00", date(2025, 1, 16))))
    assert (costs(day, who="Noé"), day.balance_cents("Quintelier")) == ([4_50, 1_50], -6_00)


def test_a_portion_that_is_resold_makes_room_for_the_seller_and_takes_it_from_the_buyer(day: Day) -> None:
    for who in ("Léa", "Noé"):
        care(day, "07:00", "08:40", who)
    order(day, "Léa", clock="08:50")
    wait(day, "Noé", clock="09:10")
    cancel(day, "Léa", "09:20")
    assert (costs(day), costs(day, who="Noé")) == ([3_00], [4_50, 1_50])


def test_a_meal_that_staff_take_back_leaves_room_for_care_at_once(day: Day) -> None:
    day.bring("Vanderzande", 20_00)
    order(day, "Léa")
    care(day)
    (meal, _) = day.books.charges.values()
    day.do(take_back, meal.id, moment("18:30"), Reason.TWICE, 5)
    assert costs(day) == [3_00]
    assert day.balance_cents("Vanderzande") == 17_00
    assert {fact.who for fact in day.last if isinstance(fact, Charged | Reversed)} == {5}
    assert sum(isinstance(fact, LowBalance) for fact in day.last) == 0, "more came back than care costs more"


def test_a_meal_whose_light_nobody_saw_leaves_room_for_care_at_once(day: Day) -> None:
    care(day, "07:00", "08:40")
    meal = scan("Léa", "meal-till", "12:05")
    day.take(meal)
    assert costs(day) == [4_50, 1_50]
    day.report(reported(meal, Light.ADULT))
    assert costs(day) == [3_00]


def test_what_a_run_gathers_of_a_full_day_is_gathered_anew(day: Day) -> None:
    day.change((replace(day.school.programmes[number("care")], post_days=7, post_weekday=4),))
    care(day, "07:00", "08:40")
    order(day, "Léa", clock="08:50")
    assert (costs(day), day.balance_cents("Vanderzande")) == ([4_50, 1_50], -4_50)
    assert [day.books.charges[one].cents for waiting in day.books.gathered.values() for one in waiting] == [1_50]


SCANS = (("care-in", "07:00"), ("care-out", "08:40"), ("meal-till", "12:05"), ("care-in", "15:40"), ("care-out", "17:20"))


@given(st.permutations(SCANS))
def test_the_order_in_which_a_day_s_scans_arrive_changes_no_amount(scans: list[tuple[str, str]]) -> None:
    lived = full(Day())
    for reader, clock in scans:
        lived.tap("Léa", reader, clock)
    assert (costs(lived)[0], sum(costs(lived)), lived.balance_cents("Vanderzande")) == (4_50, 6_00, -6_00)
