"""Orders: until nine o'clock, at the day's price, changed, cancelled, resold to who waits, and collected with or without a badge."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from hub.core import canteen
from hub.core.calendar import CalendarDay, DayKind
from hub.core.codes import By, Code, Reason
from hub.core.facts import Charged, MealReserved, MealResold, MealServed, Refusal, Reversed
from hub.core.formulas import ByBracket, Line, Session
from hub.core.menus import Menu, Offer, Unordered
from hub.core.school import FamilyFile, Policy, Product, ProductKind
from hub.core.whys import Rule, Why
from tests.canteen import OFFERS, TILLEULS, cancel, change, code, order, put_on_the_menu, rules, wait, wish
from tests.schools import LONG_DAY, MONDAY, SHORT_DAY, TUESDAY, Day, moment, number, tariff


@pytest.fixture
def canteen_day(day: Day) -> Day:
    put_on_the_menu(day)
    return day


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
    refused = day.buy("Léa", "drink", "12:00")
    assert isinstance(refused, Refusal)
    assert refused.code == "daily_limit"
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


@pytest.mark.parametrize("today_cents", [3_00, 9_99])
def test_what_is_cancelled_late_keeps_the_price_that_was_paid_and_the_buyer_pays_the_price_of_the_day(
    canteen_day: Day, today_cents: int
) -> None:
    """An order's price is made once (S77): a menu that changes since moves nothing, and what comes back is what was paid (S76, M12)."""
    day = canteen_day
    order(day, "Léa")
    cancel(day, "Léa", "09:20")
    day.change((Menu(TILLEULS, MONDAY, (Offer(number("meal"), today_cents),)),))
    assert day.balance_cents("Vanderzande") == -4_50
    wait(day, "Noé")
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (0, -today_cents)


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
