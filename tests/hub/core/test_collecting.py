"""Collecting what was ordered, with and without a badge; coming without an order; what the kitchen counts; and any sequence of it all."""

from collections import Counter
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core import canteen
from hub.core.canteen import Count
from hub.core.codes import By, Code
from hub.core.facts import Charged, Fact, MealResold, MealServed, Reversed
from hub.core.menus import Allergen, Canteen, Diet, Unordered
from hub.core.tariffs import cents_of
from proto.messages import Light
from tests.canteen import TILLEULS, cancel, code, order, put_on_the_menu, rules, wait, wish
from tests.journals import check_books
from tests.schools import MONDAY, TUESDAY, Day, number

PARC = number("Parc")


@pytest.fixture
def canteen_day(day: Day) -> Day:
    put_on_the_menu(day)
    return day


# --- at the till ----------------------------------------------------------------------------------


def test_a_sandwich_that_was_ordered_is_handed_out_at_its_till_once_and_charged_no_second_time(canteen_day: Day) -> None:
    day = canteen_day
    day.bring("Vanderzande", 10_00)
    order(day, "Léa", "sandwich")
    taps = [day.tap("Léa", "sandwich-till", clock) for clock in ("12:00", "12:01")]
    assert [tap.code for tap in taps] == [Code.MEAL, Code.MEAL_AGAIN]
    assert day.balance_cents("Vanderzande") == 6_80


@pytest.mark.parametrize(("balance", "cents"), [(100_00, 95_50), (-100_00, -104_50)])
def test_a_meal_is_handed_out_with_the_same_light_whatever_the_balance(canteen_day: Day, balance: int, cents: int) -> None:
    day = canteen_day
    day.bring("Vanderzande", balance)
    order(day, "Léa")
    assert day.tap("Léa", "meal-till", "12:00").light is Light.ACCEPTED
    assert day.balance_cents("Vanderzande") == cents


@pytest.mark.parametrize(
    ("walk_up", "cents"),
    [(Unordered.ALLOW, 4_50), (Unordered.SURCHARGE, 5_25)],
)
def test_a_child_without_an_order_eats_by_the_site_s_policy_and_the_surcharge_is_told(
    canteen_day: Day, walk_up: Unordered, cents: int
) -> None:
    day = canteen_day
    rules(day, walk_up=walk_up, walk_up_cents=75)
    assert day.tap("Léa", "meal-till", "12:00").code is Code.WALK_UP
    (charged,) = (fact for fact in day.last if isinstance(fact, Charged))
    assert (charged.cents, charged.why.unit_tenths, charged.why.supplement_cents) == (cents, 4500, cents - 4_50)


def test_no_site_may_refuse_a_meal() -> None:
    with pytest.raises(ValueError, match="a child who is there eats"):
        Canteen(TILLEULS, walk_up=Unordered.REFUSE)


def test_a_sandwich_nobody_ordered_is_not_handed_out_by_a_tap_and_the_pupil_sees_no_difference(canteen_day: Day) -> None:
    """Whether it is sold, and for how much, is the cashier's form's matter (test_cash.py)."""
    day = canteen_day
    tap = day.tap("Léa", "sandwich-till", "12:00")
    assert (tap.code, tap.light, day.last) == (Code.SEEN, Light.ACCEPTED, (tap,))


@pytest.mark.parametrize("ordered", [True, False])
def test_a_forgotten_badge_changes_nothing_but_that_staff_are_named(canteen_day: Day, ordered: bool) -> None:
    day = canteen_day
    for who in ("Léa", "Noé"):
        if ordered:
            order(day, who)
    by_hand = wish(day, "Léa", "12:00", by=By.STAFF, person=5)
    assert code(day.do(canteen.collect, by_hand, number("meal"))) == ""
    (hand,) = (fact for fact in day.facts[-1] if isinstance(fact, MealServed))
    day.tap("Noé", "meal-till", "12:00")
    (badge,) = (fact for fact in day.facts[-1] if isinstance(fact, MealServed))
    assert (hand.by, hand.who, badge.by, badge.who) == (By.STAFF, 5, By.PUPIL, 0)
    assert (hand.meal != 0, badge.meal != 0) == (ordered, ordered)
    assert day.balance_cents("Vanderzande") == day.balance_cents("Quintelier") == -4_50
    assert code(day.do(canteen.collect, by_hand, number("meal"))) == "already_collected"
    assert day.tap("Léa", "meal-till", "12:30").code is Code.MEAL_AGAIN


def test_a_sandwich_that_was_ordered_is_handed_out_by_staff_too(canteen_day: Day) -> None:
    day = canteen_day
    day.bring("Vanderzande", 10_00)
    order(day, "Léa", "sandwich")
    assert code(day.do(canteen.collect, wish(day, "Léa", "12:00", by=By.STAFF, person=5), number("sandwich"))) == ""
    assert day.balance_cents("Vanderzande") == 6_80
    assert day.tap("Léa", "sandwich-till", "12:10").code is Code.MEAL_AGAIN


@pytest.mark.parametrize(("who", "product", "refused"), [("Nobody", "meal", "no_such_pupil"), ("Léa", "sandwich", "no_such_meal")])
def test_what_cannot_be_handed_out_is_named(canteen_day: Day, who: str, product: str, refused: str) -> None:
    assert code(canteen_day.do(canteen.collect, wish(canteen_day, who), number(product))) == refused


# --- for the kitchen ------------------------------------------------------------------------------


def test_the_kitchen_counts_by_site_product_diet_and_class(canteen_day: Day) -> None:
    day = canteen_day
    tom = replace(day.school.pupils[number("Tom")], group="5B")
    day.change((tom, Diet(number("Léa"), "vegetarian", frozenset([Allergen.NUTS]))))
    for who, product in (("Léa", "soup"), ("Tom", "meal"), ("Noé", "meal")):
        order(day, who, product)
    wait(day, "Mia")
    day.tap("Noé", "meal-till", "12:00")
    day.tap("Mia", "parc-meal-till", "12:00")
    counted = canteen.counts(day.school, day.books, MONDAY)
    assert set(counted) == {
        Count(TILLEULS, number("soup"), "vegetarian", "3A", ordered=1),
        Count(TILLEULS, number("meal"), "", "5B", ordered=1),
        Count(TILLEULS, number("meal"), "", "3A", ordered=1, collected=1, waiting=1),
        Count(PARC, number("parc-meal"), "", "3A", collected=1),
    }
    assert canteen.counts(day.school, day.books, TUESDAY) == ()


def test_what_was_cancelled_late_is_cooked_and_what_was_resold_is_counted_once(canteen_day: Day) -> None:
    day = canteen_day
    order(day, "Léa")
    cancel(day, "Léa", "09:10")
    assert [count.ordered for count in canteen.counts(day.school, day.books, MONDAY)] == [1]
    wait(day, "Noé")
    assert [(count.ordered, count.waiting) for count in canteen.counts(day.school, day.books, MONDAY)] == [(1, 0)]


# --- any sequence ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Act:
    """Something a pupil's family, or the pupil, does `step_min` after the last thing."""

    what: str
    who: str
    product: str
    step_min: int


ACTS = st.lists(
    st.builds(
        Act,
        what=st.sampled_from(["order", "order", "change", "cancel", "cancel", "wait", "wait", "leave", "tap", "tap", "collect"]),
        who=st.sampled_from(["Léa", "Tom", "Noé", "Mia"]),
        product=st.sampled_from(["meal", "soup", "sandwich"]),
        step_min=st.integers(0, 20),
    ),
    max_size=40,
)


def played(acts: list[Act], surcharge: bool) -> Day:
    day = Day()
    put_on_the_menu(day)
    day.bring("Vanderzande", 6_00)
    rules(day, walk_up=Unordered.SURCHARGE if surcharge else Unordered.ALLOW, walk_up_cents=50)
    now_min = 8 * 60 + 20
    for act in acts:
        now_min = min(now_min + act.step_min, 23 * 60)
        clock, product = f"{now_min // 60:02}:{now_min % 60:02}", number(act.product)
        asked = wish(day, act.who, clock)
        match act.what:
            case "tap":
                day.tap(act.who, "sandwich-till" if act.product == "sandwich" else "meal-till", clock)
            case "cancel":
                day.do(canteen.cancel, asked)
            case "leave":
                day.do(canteen.leave, asked)
            case "order":
                day.do(canteen.order, asked, product)
            case "change":
                day.do(canteen.change, asked, product)
            case "wait":
                day.do(canteen.wait, asked, product)
            case "collect":
                day.do(canteen.collect, asked, product)
    return day


def facts_of(day: Day) -> list[Fact]:
    return [fact for facts in day.facts for fact in facts]


@given(ACTS, st.booleans())
@settings(max_examples=300)
def test_replay_equals_live_and_no_cent_is_made_or_lost(acts: list[Act], surcharge: bool) -> None:
    day = played(acts, surcharge)
    check_books(facts_of(day), day.books)
    standing_cents = sum(charge.cents for charge in day.books.charges.values() if not charge.reversed)
    families_cents = sum(day.balance_cents(family) for family in ("Vanderzande", "Quintelier", "Okonkwo"))
    assert families_cents == 6_00 - standing_cents


@given(ACTS, st.booleans())
@settings(max_examples=300)
def test_nobody_pays_twice_for_a_day_s_meal_and_each_is_handed_out_at_most_once(acts: list[Act], surcharge: bool) -> None:
    day = played(acts, surcharge)
    facts = facts_of(day)
    served = Counter(fact.pupil for fact in facts if isinstance(fact, MealServed))
    meals = {number("meal"), number("soup")}
    standing = Counter(charge.pupil for charge in day.books.charges.values() if not charge.reversed and charge.item in meals)
    assert max([*served.values(), *standing.values()], default=1) == 1


@given(ACTS, st.booleans())
@settings(max_examples=300)
def test_a_refund_never_exceeds_what_was_paid_and_a_portion_is_resold_at_most_once(acts: list[Act], surcharge: bool) -> None:
    paid: dict[int, int] = {}
    resold: Counter[int] = Counter()
    for fact in facts_of(played(acts, surcharge)):
        if isinstance(fact, Charged):
            assert fact.cents == cents_of(fact.why)
            paid[fact.charge] = fact.cents
        elif isinstance(fact, Reversed):
            assert paid.pop(fact.charge) == fact.cents
        elif isinstance(fact, MealResold):
            resold[fact.meal] += 1
            assert fact.to_pupil != fact.pupil
    assert max(resold.values(), default=1) == 1


@given(ACTS)
def test_whoever_has_an_order_waits_for_nothing_and_every_portion_on_offer_is_somebody_s(acts: list[Act]) -> None:
    books = played(acts, surcharge=False).books
    for (site, day), waiting in books.waiting.items():
        assert waiting
        assert not [pupil for pupil in waiting if (pupil, site, day) in books.meals]
    for (site, day), portions in books.portions.items():
        for pupil, product in portions.items():
            meal = books.meals[pupil, site, day]
            assert (meal.late, meal.product, meal.served_ms) == (True, product, 0)
