"""Meals: reserved, handed out once, and handed out to a child who had none reserved."""

from dataclasses import replace

import pytest

from hub.core import canteen
from hub.core.codes import Code
from hub.core.facts import MealServed, Refusal
from hub.core.school import Policy
from proto.messages import Light
from tests.schools import MONDAY, Day, moment, number


def reserve(day: Day, who: str, date: str = "2025-01-06", product: str = "meal") -> object:
    return day.do(canteen.reserve, number(who), number(product), date, moment("08:00", day.date))


def test_a_reserved_meal_is_paid_when_it_is_ordered_and_handed_out_once(day: Day) -> None:
    reserve(day, "Léa")
    assert day.balance_cents("Vanderzande") == -4_50
    first, second = day.tap("Léa", "meal-till", "12:05"), day.tap("Léa", "meal-till", "12:15")
    assert (first.code, first.light) == (Code.MEAL, Light.ACCEPTED)
    assert (second.code, second.light) == (Code.MEAL_AGAIN, Light.LOOK)
    assert day.balance_cents("Vanderzande") == -4_50


def test_a_child_without_a_reserved_meal_eats_once_and_is_charged_once(day: Day) -> None:
    first, second = day.tap("Léa", "meal-till", "12:05"), day.tap("Léa", "meal-till", "12:15")
    assert (first.code, first.light) == (Code.WALK_UP, Light.LOOK)
    assert second.code is Code.MEAL_AGAIN
    assert day.balance_cents("Vanderzande") == -4_50


@pytest.mark.parametrize("policy", list(Policy))
def test_no_policy_and_no_debt_keeps_a_child_from_eating_or_a_parent_from_ordering(day: Day, policy: Policy) -> None:
    day.change((replace(day.school.products[number("meal")], policy=policy, price_cents=100_00),))
    reserve(day, "Léa")
    assert day.tap("Léa", "meal-till", "12:05").code is Code.MEAL
    assert day.tap("Tom", "meal-till", "12:06").code is Code.WALK_UP
    assert day.balance_cents("Vanderzande") == -200_00


def test_a_meal_is_reserved_once_a_day(day: Day) -> None:
    reserve(day, "Léa")
    assert reserve(day, "Léa") == Refusal("already_reserved", {"day": 20250106})
    assert not isinstance(reserve(day, "Léa", "2025-01-07"), Refusal)
    assert not isinstance(reserve(day, "Tom"), Refusal)
    assert day.balance_cents("Vanderzande") == -13_50


def test_a_meal_that_was_already_eaten_cannot_be_reserved_any_more(day: Day) -> None:
    day.tap("Léa", "meal-till", "12:05")
    assert isinstance(reserve(day, "Léa"), Refusal)


@pytest.mark.parametrize("date", ["", "demain", "2025-02-29", "2025-13-01", "2025-1-6", "06/01/2025"])
def test_a_meal_is_not_reserved_for_a_day_that_is_none(day: Day, date: str) -> None:
    assert reserve(day, "Léa", date) == Refusal("no_such_day")


def test_a_meal_can_be_reserved_for_the_29th_of_february(day: Day) -> None:
    reserve(day, "Léa", "2028-02-29")
    day.date = MONDAY.replace(year=2028, month=2, day=29)
    assert day.tap("Léa", "meal-till", "12:00").code is Code.MEAL


@pytest.mark.parametrize(("who", "product"), [("Nobody", "meal"), ("Léa", "nothing"), ("Léa", "sandwich")])
def test_only_a_meal_can_be_reserved_and_only_for_a_pupil(day: Day, who: str, product: str) -> None:
    assert reserve(day, who, product=product) == Refusal("no_such_meal")


def test_yesterdays_meal_is_not_todays(day: Day) -> None:
    reserve(day, "Léa")
    day.next_day()
    assert day.tap("Léa", "meal-till", "12:05").code is Code.WALK_UP


def test_a_meal_reserved_at_one_site_is_not_handed_out_at_the_other(day: Day) -> None:
    reserve(day, "Mia", product="parc-meal")
    assert day.tap("Mia", "meal-till", "12:00").code is Code.WALK_UP
    assert day.tap("Mia", "parc-meal-till", "12:30").code is Code.MEAL
    assert (day.balance_cents("Okonkwo", "Parc"), day.balance_cents("Okonkwo", "Tilleuls")) == (-4_00, -4_50)


def test_a_meal_belongs_to_the_day_of_the_school_and_not_of_greenwich(day: Day) -> None:
    day.tap("Léa", "meal-till", "00:30")
    (served,) = [fact for fact in day.last if isinstance(fact, MealServed)]
    assert served.day == 20250106


def test_a_meal_that_was_ordered_from_another_menu_is_handed_out_as_ordered(day: Day) -> None:
    other = replace(day.school.products[number("meal")], id=number("soup"), price_cents=2_00)
    day.change((other,))
    reserve(day, "Léa", product="soup")
    day.tap("Léa", "meal-till", "12:00")
    assert [fact.product for fact in day.last if isinstance(fact, MealServed)] == [number("soup")]
    assert day.balance_cents("Vanderzande") == -2_00


def test_a_meal_the_device_refused_is_handed_out_but_not_charged(day: Day) -> None:
    taken = day.tap("Léa", "meal-till", "12:00", shown=Light.ADULT)
    assert taken.code is Code.WALK_UP
    assert day.balance_cents("Vanderzande") == 0
    assert [question.code for question in day.questions()] == [Code.WALK_UP]
