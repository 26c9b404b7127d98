"""Orders: until nine o'clock, at the day's price, changed, cancelled, resold to who waits, and collected with or without a badge."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core import canteen
from hub.core.calendar import DayKind
from hub.core.canteen import Count, Wish
from hub.core.facts import By, Charged, Code, Fact, Facts, MealReserved, MealResold, MealServed, Reason, Refusal, Reversed, Rule, Why
from hub.core.formulas import ByBracket, Line, Session
from hub.core.school import (
    Allergen,
    CalendarDay,
    Canteen,
    Diet,
    FamilyFile,
    Menu,
    Offer,
    Policy,
    Product,
    ProductKind,
    Unordered,
)
from hub.core.tariffs import cents_of
from proto.messages import Light
from tests.journals import check_books
from tests.schools import LONG_DAY, MONDAY, SHORT_DAY, TUESDAY, Day, moment, number, tariff

TILLEULS, PARC = number("Tilleuls"), number("Parc")
OFFERS = (Offer(number("meal"), 4_50), Offer(number("soup"), 2_00), Offer(number("sandwich"), 3_20))
DAYS = (*(MONDAY + timedelta(days=ahead) for ahead in range(18)), LONG_DAY, SHORT_DAY)


def put_on_the_menu(day: Day) -> None:
    """Meal 4,50, soup 2,00 and sandwich 3,20 at Les Tilleuls, on every day of these tests."""
    soup = Product(number("soup"), TILLEULS, ProductKind.MEAL, "Potage", 2_50, Policy.MUST_SERVE)
    day.change((soup, *(Menu(TILLEULS, each, OFFERS) for each in DAYS)))


@pytest.fixture
def canteen_day(day: Day) -> Day:
    put_on_the_menu(day)
    return day


def wish(day: Day, who: str, clock: str = "08:00", on: date | None = None, by: By = By.PARENT, person: int = 77) -> Wish:
    """For today unless said otherwise, received today at this time."""
    return Wish(number(who), TILLEULS, on or day.date, by, moment(clock, day.date), person)


def order(day: Day, who: str, product: str = "meal", clock: str = "08:00", on: date | None = None) -> Facts | Refusal:
    return day.do(canteen.order, wish(day, who, clock, on), number(product))


def change(day: Day, who: str, product: str, clock: str = "08:30") -> Facts | Refusal:
    return day.do(canteen.change, wish(day, who, clock), number(product))


def cancel(day: Day, who: str, clock: str = "08:30", on: date | None = None) -> Facts | Refusal:
    return day.do(canteen.cancel, wish(day, who, clock, on))


def wait(day: Day, who: str, product: str = "meal", clock: str = "09:30") -> Facts | Refusal:
    return day.do(canteen.wait, wish(day, who, clock), number(product))


def code(outcome: Facts | Refusal) -> str:
    """The code of a refusal; empty for what was done."""
    return outcome.code if isinstance(outcome, Refusal) else ""


def rules(day: Day, **changed: object) -> None:
    day.change((replace(Canteen(TILLEULS), **changed),))  # type: ignore[arg-type]


# --- when, and for how much -----------------------------------------------------------------------


@pytest.mark.parametrize("on", [MONDAY, LONG_DAY, SHORT_DAY], ids=["24 hours", "25 hours", "23 hours"])
@pytest.mark.parametrize(("clock", "late"), [("00:00", False), ("08:59:59.999", False), ("09:00", True), ("09:00:00.001", True)])
def test_a_day_s_orders_close_at_nine_by_the_clock_of_the_school(canteen_day: Day, on: date, clock: str, late: bool) -> None:
    day = canteen_day
    day.date = on
    order(day, "Tom", clock="00:00")
    refusals = [order(day, "Léa", clock=clock), change(day, "Tom", "soup", clock)]
    assert [code(each) for each in refusals] == ["too_late" if late else ""] * 2
    cancel(day, "Tom", clock)
    paid = {charge.pupil for charge in day.books.charges.values() if not charge.reversed}
    assert paid == {number("Tom" if late else "Léa")}, "a late cancellation gives nothing back"


def test_what_is_too_late_is_told_the_instant_it_closed_and_the_instant_it_came(canteen_day: Day) -> None:
    assert order(canteen_day, "Léa", clock="09:00:01") == Refusal(
        "too_late", {"cut_off_ms": moment("09:00"), "received_ms": moment("09:00:01")}
    )


def test_a_site_may_close_orders_a_working_day_before(canteen_day: Day) -> None:
    """Monday is a public holiday: what is for Tuesday had to be ordered on Friday before ten."""
    day = canteen_day
    rules(day, days_before=1, cut_off_min=600)
    day.change((CalendarDay(0, MONDAY, DayKind.PUBLIC),))
    day.date = MONDAY - timedelta(days=3)
    assert code(order(day, "Léa", clock="09:59:59", on=TUESDAY)) == ""
    assert code(order(day, "Tom", clock="10:00", on=TUESDAY)) == "too_late"


@pytest.mark.parametrize(("ahead", "refused"), [(-1, "past_day"), (0, ""), (15, ""), (16, "too_early")])
def test_orders_are_taken_fifteen_days_ahead(canteen_day: Day, ahead: int, refused: str) -> None:
    assert code(order(canteen_day, "Léa", on=MONDAY + timedelta(days=ahead))) == refused


@pytest.mark.parametrize(
    ("who", "product", "refused"),
    [("Nobody", "meal", "no_such_pupil"), ("Léa", "drink", "not_on_menu"), ("Léa", "parc-meal", "not_on_menu")],
)
def test_only_what_is_on_the_menu_is_ordered_and_only_for_a_pupil(canteen_day: Day, who: str, product: str, refused: str) -> None:
    assert code(order(canteen_day, who, product)) == refused


def test_a_pupil_has_one_order_a_day(canteen_day: Day) -> None:
    order(canteen_day, "Léa")
    assert code(order(canteen_day, "Léa", "sandwich")) == "already_reserved"
    assert code(order(canteen_day, "Léa", on=TUESDAY)) == ""


def test_an_order_costs_what_the_menu_of_its_day_says_and_tells_who_asked(canteen_day: Day) -> None:
    day = canteen_day
    order(day, "Léa", "soup")
    reserved, charged = day.last[0], next(fact for fact in day.last if isinstance(fact, Charged))
    assert isinstance(reserved, MealReserved)
    assert (reserved.by, reserved.who, reserved.at_ms) == (By.PARENT, 77, moment("08:00"))
    assert (charged.cents, charged.why) == (2_00, Why(Rule.PRICE, unit_tenths=2000))
    assert day.balance_cents("Vanderzande") == -2_00


def test_a_meal_with_a_tariff_costs_what_the_family_s_file_says_on_the_day_it_is_eaten(canteen_day: Day) -> None:
    """Bracket 1 until Monday, then no file: the tenth. The walk-up's surcharge comes on top of either."""
    day = canteen_day
    grid = Line(Session(ByBracket(tuple(range(1000, 11000, 1000)))))
    file = FamilyFile(1, number("Vanderzande"), MONDAY, TUESDAY, bracket=1, validated_day=MONDAY)
    day.change((tariff("meal", grid), file))
    order(day, "Léa")
    order(day, "Léa", on=TUESDAY)
    assert day.balance_cents("Vanderzande") == -1_00 - 10_00
    rules(day, walk_up=Unordered.SURCHARGE, walk_up_cents=50)
    day.tap("Tom", "meal-till", "12:00")
    assert day.balance_cents("Vanderzande") == -1_00 - 10_00 - 1_50


def test_a_meal_is_ordered_whatever_the_balance_and_a_sandwich_is_not(canteen_day: Day) -> None:
    day = canteen_day
    day.bring("Vanderzande", -50_00)
    day.bring("Quintelier", 3_19)
    assert [code(order(day, who, "meal")) for who in ("Léa", "Tom")] == ["", ""]
    assert order(day, "Noé", "sandwich") == Refusal("shortage", {"balance_cents": 3_19, "price_cents": 3_20})


# --- changing and cancelling in time --------------------------------------------------------------


@pytest.mark.parametrize(
    ("has", "first", "second", "left"),
    [
        (10_00, "soup", "meal", 5_50),  # 2,00 comes back, 4,50 is paid: 2,50 more
        (10_00, "meal", "soup", 8_00),
        (10_00, "meal", "sandwich", 6_80),
        (4_50, "meal", "sandwich", 1_30),  # the meal's money pays for the sandwich
        (3_20, "sandwich", "meal", -1_30),
        (0, "meal", "soup", -2_00),
    ],
)
def test_a_change_to_another_product_books_the_difference(canteen_day: Day, has: int, first: str, second: str, left: int) -> None:
    day = canteen_day
    day.bring("Vanderzande", has)
    order(day, "Léa", first)
    assert code(change(day, "Léa", second)) == ""
    assert day.balance_cents("Vanderzande") == left
    day.tap("Léa", "meal-till", "12:00")
    assert [fact.product for fact in day.last if isinstance(fact, MealServed)] == [number(second)]


def test_a_change_that_cannot_be_paid_changes_nothing(canteen_day: Day) -> None:
    day = canteen_day
    day.bring("Vanderzande", 3_00)
    order(day, "Léa", "soup")
    assert change(day, "Léa", "sandwich") == Refusal("shortage", {"balance_cents": 3_00, "price_cents": 3_20})
    assert day.books.meals[number("Léa"), TILLEULS, 20250106].product == number("soup")
    assert day.balance_cents("Vanderzande") == 1_00


def test_what_a_change_gives_back_counts_no_more_for_the_parent_s_daily_limit(canteen_day: Day) -> None:
    day = canteen_day
    day.bring("Vanderzande", 20_00)
    bagel = Product(number("bagel"), TILLEULS, ProductKind.ARTICLE, "Bagel", 4_00, Policy.MUST_HAVE_FUNDS)
    menu = Menu(TILLEULS, MONDAY, (*OFFERS, Offer(bagel.id, 4_00)))
    day.change((bagel, menu, replace(day.school.pupils[number("Léa")], daily_limit_cents=4_00)))
    order(day, "Léa", "sandwich")
    assert code(change(day, "Léa", "bagel")) == ""
    assert day.tap("Léa", "drink-till", "12:00").code is Code.SHORTAGE
    assert day.balance_cents("Vanderzande") == 16_00


def test_there_is_nothing_to_change_without_an_order_to_the_same_or_after_lunch(canteen_day: Day) -> None:
    day = canteen_day
    assert code(change(day, "Léa", "soup")) == "nothing_to_change"
    order(day, "Léa")
    assert code(change(day, "Léa", "meal")) == "nothing_to_change"
    day.tap("Léa", "meal-till", "08:10")
    assert code(change(day, "Léa", "soup")) == "nothing_to_change"


def test_a_cancellation_in_time_gives_back_the_price_that_was_paid(canteen_day: Day) -> None:
    """Not the price of today: the menu has become dearer since, and the meal was changed in between."""
    day = canteen_day
    order(day, "Léa", "soup", on=TUESDAY)
    day.do(canteen.change, wish(day, "Léa", on=TUESDAY), number("meal"))
    day.change((Menu(TILLEULS, TUESDAY, (Offer(number("meal"), 9_99),)),))
    assert code(cancel(day, "Léa", on=TUESDAY)) == ""
    assert day.balance_cents("Vanderzande") == 0
    assert code(cancel(day, "Léa", on=TUESDAY)) == "nothing_to_cancel"
    assert code(order(day, "Léa", on=TUESDAY)) == ""
    assert day.balance_cents("Vanderzande") == -9_99


def test_a_meal_of_the_office_s_list_is_cancelled_and_changed_like_any_other(canteen_day: Day) -> None:
    day = canteen_day
    for who in ("Léa", "Tom"):
        day.do(canteen.reserve, number(who), number("meal"), "2025-01-06", moment("08:00"))
    cancel(day, "Léa")
    change(day, "Tom", "soup")
    assert day.balance_cents("Vanderzande") == -2_00


# --- late: resold, or paid for nothing ------------------------------------------------------------


def test_who_cancels_late_has_nothing_back_and_may_still_eat(canteen_day: Day) -> None:
    day = canteen_day
    order(day, "Léa")
    assert code(cancel(day, "Léa", "09:00")) == ""
    assert code(cancel(day, "Léa", "09:01")) == "already_cancelled"
    assert day.balance_cents("Vanderzande") == -4_50
    assert day.tap("Léa", "meal-till", "12:00").code is Code.MEAL
    assert day.books.portions == {}
    assert code(cancel(day, "Léa", "13:00")) == "already_collected"


def test_a_meal_that_nobody_collects_stays_paid(canteen_day: Day) -> None:
    day = canteen_day
    order(day, "Léa")
    day.next_day()
    assert code(cancel(day, "Léa", "08:00", on=MONDAY)) == "past_day"
    assert day.balance_cents("Vanderzande") == -4_50


@pytest.mark.parametrize("waits_first", [True, False])
def test_a_portion_that_is_cancelled_late_is_resold_to_who_waits_and_only_then_refunded(canteen_day: Day, waits_first: bool) -> None:
    day = canteen_day
    order(day, "Léa")
    if waits_first:
        wait(day, "Noé", clock="09:10")
    cancel(day, "Léa", "09:20")
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == ((0, -4_50) if waits_first else (-4_50, 0))
    if not waits_first:
        wait(day, "Noé", clock="09:30")
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (0, -4_50)
    assert [fact.to_pupil for fact in day.last if isinstance(fact, MealResold)] == [number("Noé")]
    assert [fact.reason for fact in day.last if isinstance(fact, Reversed)] == [Reason.RESOLD]
    assert day.tap("Noé", "meal-till", "12:00").code is Code.MEAL
    assert day.tap("Léa", "meal-till", "12:01").code is Code.WALK_UP


def test_the_waiting_are_served_in_their_order_and_each_portion_once(canteen_day: Day) -> None:
    day = canteen_day
    order(day, "Léa")
    for who in ("Tom", "Noé", "Mia"):
        wait(day, who)
    day.do(canteen.leave, wish(day, "Tom", "09:40"))
    cancel(day, "Léa", "09:50")
    orders = {who: (number(who), TILLEULS, 20250106) in day.books.meals for who in ("Léa", "Tom", "Noé", "Mia")}
    assert orders == {"Léa": False, "Tom": False, "Noé": True, "Mia": False}
    cancel(day, "Noé", "10:00")
    assert (day.balance_cents("Quintelier"), day.balance_cents("Okonkwo")) == (0, -4_50)
    assert code(cancel(day, "Noé", "10:01")) == "nothing_to_cancel"


def test_one_waits_for_a_product_and_gets_no_other(canteen_day: Day) -> None:
    day = canteen_day
    order(day, "Léa")
    wait(day, "Noé", "soup")
    wait(day, "Mia", "meal")
    cancel(day, "Léa", "10:00")
    assert (day.balance_cents("Quintelier"), day.balance_cents("Okonkwo")) == (0, -4_50)


def test_a_sandwich_is_resold_to_the_first_who_can_pay_for_it(canteen_day: Day) -> None:
    day = canteen_day
    day.bring("Vanderzande", 3_20)
    day.bring("Okonkwo", 5_00)
    order(day, "Léa", "sandwich")
    wait(day, "Noé", "sandwich")
    wait(day, "Mia", "sandwich")
    cancel(day, "Léa", "10:00")
    assert [day.balance_cents(family) for family in ("Vanderzande", "Quintelier", "Okonkwo")] == [3_20, 0, 1_80]
    assert list(day.books.waiting[TILLEULS, 20250106]) == [number("Noé")]


def test_a_brother_may_eat_what_his_sister_cancelled(canteen_day: Day) -> None:
    day = canteen_day
    order(day, "Léa")
    cancel(day, "Léa", "09:20")
    wait(day, "Tom")
    assert day.balance_cents("Vanderzande") == -4_50


def test_nothing_is_resold_when_the_meal_is_over(canteen_day: Day) -> None:
    day = canteen_day
    for who in ("Léa", "Tom"):
        order(day, who)
    wait(day, "Noé", clock="11:00")
    cancel(day, "Léa", "12:00")
    assert code(wait(day, "Mia", clock="12:00")) == "too_late"
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (-9_00, 0)


def test_who_has_an_order_does_not_wait_and_who_eats_or_orders_waits_no_longer(canteen_day: Day) -> None:
    day = canteen_day
    order(day, "Léa")
    assert code(wait(day, "Léa")) == "already_reserved"
    wait(day, "Noé", clock="08:00")
    assert code(wait(day, "Noé", clock="08:01")) == "already_waiting"
    order(day, "Noé", clock="08:30")
    wait(day, "Tom")
    day.tap("Tom", "meal-till", "09:40")
    assert day.books.waiting == {}
    assert code(day.do(canteen.leave, wish(day, "Tom", "09:50"))) == "not_waiting"
    cancel(day, "Léa", "10:00")
    assert day.balance_cents("Vanderzande") == -9_00


# --- at the till ----------------------------------------------------------------------------------


def test_a_sandwich_that_was_ordered_is_handed_out_at_its_till_once_and_sold_to_nobody(canteen_day: Day) -> None:
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


@pytest.mark.parametrize(
    ("policy", "sold", "left"),
    [(Unordered.ALLOW, Code.SOLD, 6_80), (Unordered.SURCHARGE, Code.SOLD, 6_30), (Unordered.REFUSE, Code.NOT_ORDERED, 10_00)],
)
def test_a_sandwich_nobody_ordered_goes_by_the_site_s_policy_and_the_pupil_sees_no_difference(
    canteen_day: Day, policy: Unordered, sold: Code, left: int
) -> None:
    day = canteen_day
    day.bring("Vanderzande", 10_00)
    rules(day, unordered=policy, unordered_cents=50)
    tap = day.tap("Léa", "sandwich-till", "12:00")
    assert (tap.code, tap.light, day.balance_cents("Vanderzande")) == (sold, Light.ACCEPTED, left)
    assert day.questions() == []
    assert day.tap("Léa", "drink-till", "12:01").code is Code.SOLD, "a drink is on no menu: nobody orders it"


def test_a_sandwich_that_a_device_handed_over_offline_is_booked_all_the_same(canteen_day: Day) -> None:
    day = canteen_day
    rules(day, unordered=Unordered.REFUSE)
    assert day.tap("Léa", "sandwich-till", "12:00", shown=Light.ACCEPTED).code is Code.SOLD
    assert day.balance_cents("Vanderzande") == -3_20


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
