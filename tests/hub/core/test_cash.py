"""The cash desk: sessions with their counts, forms sold whole or not at all, top-ups with receipts, and what is taken back by whom."""

from collections import defaultdict
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core import canteen, till
from hub.core.codes import By, Level, Reason
from hub.core.facts import CashCounted, CashPaidIn, Charged, Fact, Facts, LowBalance, Refusal, TillSold, TillVoided
from hub.core.ledger import cash_account, imbalance_account, vault_account
from hub.core.menus import Allergen, Canteen, Diet, Menu, Offer, Unordered
from hub.core.school import Custody, Policy
from hub.core.till import MAX_PAID_IN_CENTS, Cashier, CashierView, Goods
from tests.journals import check_books
from tests.schools import MONDAY, Day, moment, number

TILLEULS, PARC = number("Tilleuls"), number("Parc")
ANNE, BORIS = 71, 72
"""Two cashiers."""


@pytest.fixture
def desk(day: Day) -> Day:
    """The desk at Les Tilleuls is open, with 50,00 € of change."""
    opened(day)
    return day


def at(clock: str, who: int = ANNE, place: str = "till") -> Cashier:
    return Cashier(place, who, moment(clock))


def opened(day: Day, counted_cents: int = 50_00, clock: str = "08:00", place: str = "till") -> Facts | Refusal:
    return day.do(till.open_desk, at(clock, place=place), counted_cents)


def closed(day: Day, counted_cents: int, clock: str = "16:00") -> CashCounted:
    facts = day.do(till.close_desk, at(clock), counted_cents)
    assert not isinstance(facts, Refusal)
    (fact,) = facts
    assert isinstance(fact, CashCounted)
    return fact


def sell(day: Day, who: str, total_cents: int, **goods: int) -> Facts | Refusal:
    """`sell(day, "Léa", 4_70, sandwich=1, drink=1)`."""
    lines = tuple(Goods(number(product), quantity) for product, quantity in goods.items())
    return day.do(till.sell, at("12:00"), number(who), lines, total_cents)


def pay_in(day: Day, who: str, cents: int, clock: str = "08:10", place: str = "till") -> Facts | Refusal:
    return day.do(till.pay_in, at(clock, place=place), number(who), cents)


def act_of(outcome: Facts | Refusal) -> int:
    """The number under which it can be taken back."""
    assert not isinstance(outcome, Refusal), outcome
    (act,) = (fact.act for fact in outcome if isinstance(fact, TillSold | CashPaidIn))
    return act


def code(outcome: Facts | Refusal) -> str:
    return outcome.code if isinstance(outcome, Refusal) else ""


def cash_cents(day: Day) -> tuple[int, int, int]:
    """In the drawer, in the vault, and missing or too much, at Les Tilleuls."""
    accounts = (cash_account(TILLEULS, "till"), vault_account(TILLEULS), imbalance_account(TILLEULS))
    drawer, vault, imbalance = (day.books.balance_cents(account) for account in accounts)
    return -drawer, -vault, imbalance


# --- the form -------------------------------------------------------------------------------------


def test_a_form_is_sold_whole_each_product_with_its_price_and_quantity(desk: Day) -> None:
    desk.bring("Vanderzande", 20_00)
    sold = sell(desk, "Léa", 9_40, sandwich=2, drink=2)
    assert not isinstance(sold, Refusal)
    charges = {fact.item: (fact.cents, fact.why.units, fact.why.unit_tenths) for fact in sold if isinstance(fact, Charged)}
    assert charges == {number("sandwich"): (6_40, 2, 3200), number("drink"): (3_00, 2, 1500)}
    assert desk.balance_cents("Vanderzande") == 10_60
    assert desk.books.balance_cents(f"sales:{TILLEULS}:{number('drink')}") == 3_00


@pytest.mark.parametrize(
    ("has", "refused"),
    [
        (9_40, ""),
        (9_39, "shortage"),  # a sandwich needs money, and the drinks beside it have used some
        (6_40, "shortage"),
        (0, "shortage"),
    ],
)
@pytest.mark.parametrize("first", ["sandwich", "drink"])
def test_a_form_that_cannot_be_paid_whole_sells_nothing_whatever_is_named_first(desk: Day, first: str, has: int, refused: str) -> None:
    desk.bring("Vanderzande", has)
    second = "drink" if first == "sandwich" else "sandwich"
    assert code(sell(desk, "Léa", 9_40, **{first: 2, second: 2})) == refused
    assert desk.balance_cents("Vanderzande") == (has if refused else 0)


def test_a_shortage_tells_the_cashier_the_total(desk: Day) -> None:
    desk.bring("Vanderzande", 1_00)
    assert sell(desk, "Léa", 3_20, sandwich=1) == Refusal("shortage", {"balance_cents": 1_00, "price_cents": 3_20, "total_cents": 3_20})


def test_drinks_alone_are_sold_down_to_the_floor_of_the_site(desk: Day) -> None:
    assert [code(sell(desk, "Léa", 4_50, drink=3)) for _ in range(3)] == ["", "", "shortage"]
    assert desk.balance_cents("Vanderzande") == -9_00


@pytest.mark.parametrize(
    ("goods", "total", "refused"),
    [
        ({"sandwich": 1}, 3_00, "other_total"),
        ({"sandwich": 0}, 0, "no_quantity"),
        ({"sandwich": -1}, -3_20, "no_quantity"),
        ({"sandwich": 100}, 320_00, "no_quantity"),
        ({"nothing": 1}, 0, "no_such_article"),
        ({"meal": 1}, 4_50, "no_such_article"),
        ({"parc-meal": 1}, 4_00, "no_such_article"),
        ({}, 0, "nothing_sold"),
    ],
)
def test_a_form_that_makes_no_sense_is_refused(desk: Day, goods: dict[str, int], total: int, refused: str) -> None:
    desk.bring("Vanderzande", 500_00)
    assert code(sell(desk, "Léa", total, **goods)) == refused
    assert desk.balance_cents("Vanderzande") == 500_00


def test_a_price_that_has_changed_since_the_form_was_shown_is_told_and_not_charged(desk: Day) -> None:
    desk.bring("Vanderzande", 10_00)
    desk.change((replace(desk.school.products[number("sandwich")], price_cents=3_50),))
    assert sell(desk, "Léa", 3_20, sandwich=1) == Refusal("other_total", {"total_cents": 3_50})


def test_a_form_shows_what_each_line_will_cost_before_it_is_sold(desk: Day) -> None:
    site, lea = desk.school.sites[TILLEULS], desk.school.pupils[number("Léa")]
    goods = (Goods(number("sandwich"), 2), Goods(number("drink")))
    assert till.quote(desk.school, site, lea, goods, moment("12:00")) == (6_40, 1_50)
    assert till.quote(desk.school, site, lea, (Goods(number("meal")),), moment("12:00")) == Refusal("no_such_article", {"line": 1})


def test_nobody_sells_to_a_stranger_or_at_a_desk_that_is_closed(day: Day) -> None:
    assert code(sell(day, "Léa", 3_20, sandwich=1)) == "not_open"
    assert code(pay_in(day, "Léa", 10_00)) == "not_open"
    opened(day)
    assert code(sell(day, "Nobody", 3_20, sandwich=1)) == "no_such_pupil"
    assert code(pay_in(day, "Nobody", 10_00)) == "no_such_pupil"


@pytest.mark.parametrize(
    ("policy", "total", "refused"), [(Unordered.ALLOW, 6_00, ""), (Unordered.SURCHARGE, 7_00, ""), (Unordered.REFUSE, 6_00, "not_ordered")]
)
def test_a_sandwich_of_the_menu_that_nobody_ordered_goes_by_the_site_s_policy(
    desk: Day, policy: Unordered, total: int, refused: str
) -> None:
    desk.bring("Vanderzande", 20_00)
    menu = Menu(TILLEULS, MONDAY, (Offer(number("sandwich"), 3_00),))
    desk.change((Canteen(TILLEULS, unordered=policy, unordered_cents=50), menu))
    assert code(sell(desk, "Léa", total, sandwich=2)) == refused
    if not refused:
        (charged,) = (fact for fact in desk.last if isinstance(fact, Charged))
        assert (charged.cents, charged.why.supplement_cents) == (total, total - 6_00)


# --- top-ups --------------------------------------------------------------------------------------


def test_a_top_up_in_cash_is_in_the_wallet_and_in_the_drawer_with_the_site_s_next_receipt(desk: Day) -> None:
    opened(desk, 0, place="parc-till")
    paid = [pay_in(desk, "Léa", 20_00), pay_in(desk, "Mia", 5_00, place="parc-till"), pay_in(desk, "Noé", 10_00)]
    receipts = [fact.receipt for each in paid if not isinstance(each, Refusal) for fact in each if isinstance(fact, CashPaidIn)]
    assert receipts == [1, 1, 2]
    assert (desk.balance_cents("Vanderzande"), desk.balance_cents("Okonkwo", "Parc")) == (20_00, 5_00)
    assert cash_cents(desk) == (80_00, -50_00, 0)


@pytest.mark.parametrize("cents", [0, -5_00, MAX_PAID_IN_CENTS + 1])
def test_an_amount_that_cannot_be_is_not_paid_in(desk: Day, cents: int) -> None:
    assert pay_in(desk, "Léa", cents) == Refusal("no_amount", {"most_cents": MAX_PAID_IN_CENTS})


def test_a_top_up_is_for_the_household_that_pays_for_the_pupil_today(desk: Day) -> None:
    desk.change((Custody(1, number("Léa"), number("Okonkwo"), MONDAY),))
    pay_in(desk, "Léa", 20_00)
    assert (desk.balance_cents("Vanderzande"), desk.balance_cents("Okonkwo")) == (0, 20_00)


# --- taking back ----------------------------------------------------------------------------------


def void(day: Day, act: int, who: int = ANNE, clock: str = "13:00", reason: Reason = Reason.WRONG_PUPIL) -> Facts | Refusal:
    return day.do(till.void, at(clock, who), act, reason)


def undo(day: Day, act: int, who: int = ANNE, clock: str = "12:04") -> Facts | Refusal:
    return day.do(till.undo, at(clock, who), act)


@pytest.mark.parametrize(
    ("quantity", "who", "refused"),
    [(3, ANNE, ""), (4, ANNE, "another_person"), (4, BORIS, "")],  # 9,60 and 12,80, where the site's limit is 10,00
)
def test_above_the_site_s_limit_another_person_takes_a_sale_back(desk: Day, quantity: int, who: int, refused: str) -> None:
    desk.bring("Vanderzande", 20_00)
    act = act_of(sell(desk, "Léa", 3_20 * quantity, sandwich=quantity))
    assert code(void(desk, act, who)) == refused
    assert desk.balance_cents("Vanderzande") == (20_00 - 3_20 * quantity if refused else 20_00)


def test_a_sale_is_taken_back_with_all_its_products_and_its_reason_once(desk: Day) -> None:
    desk.bring("Vanderzande", 10_00)
    act = act_of(sell(desk, "Léa", 4_70, sandwich=1, drink=1))
    voided = void(desk, act, BORIS, reason=Reason.TWICE)
    assert desk.balance_cents("Vanderzande") == 10_00
    assert not isinstance(voided, Refusal)
    assert [(fact.reason, fact.who, fact.cents) for fact in voided if isinstance(fact, TillVoided)] == [(Reason.TWICE, BORIS, 4_70)]
    assert code(void(desk, act, BORIS)) == "already_voided"
    assert code(undo(desk, act)) == "already_voided"
    assert desk.balance_cents("Vanderzande") == 10_00


@pytest.mark.parametrize("reason", [Reason.NONE, Reason.OFFLINE, Reason.UNDONE])
def test_nothing_is_taken_back_without_a_reason_a_person_would_give(desk: Day, reason: Reason) -> None:
    assert code(void(desk, act_of(pay_in(desk, "Léa", 5_00)), reason=reason)) == "no_reason"


def test_a_top_up_that_is_taken_back_leaves_the_wallet_and_the_drawer_as_they_were(desk: Day) -> None:
    act = act_of(pay_in(desk, "Léa", 20_00))
    assert code(void(desk, act)) == "another_person"
    assert code(void(desk, act, BORIS)) == ""
    assert (desk.balance_cents("Vanderzande"), cash_cents(desk)) == (0, (50_00, -50_00, 0))
    assert act_of(pay_in(desk, "Léa", 1_00)) != act
    assert desk.books.receipts[TILLEULS] == 2, "a number that was voided is not given again"


def test_a_top_up_that_is_taken_back_tells_the_payer_that_the_wallet_is_low_again(desk: Day) -> None:
    act = act_of(pay_in(desk, "Léa", 5_00))
    void(desk, act)
    assert [fact.level for fact in desk.last if isinstance(fact, LowBalance)] == [Level.LOW]


@pytest.mark.parametrize(
    ("who", "clock", "refused"),
    [(ANNE, "12:00", ""), (ANNE, "12:05", ""), (ANNE, "12:05:00.001", "too_late"), (BORIS, "12:01", "another_person")],
)
def test_within_five_minutes_a_cashier_undoes_what_she_did_herself_with_its_money(desk: Day, who: int, clock: str, refused: str) -> None:
    desk.bring("Vanderzande", 20_00)
    act = act_of(sell(desk, "Léa", 16_00, sandwich=5))
    assert code(undo(desk, act, who, clock)) == refused
    assert desk.balance_cents("Vanderzande") == (4_00 if refused else 20_00)


def test_what_never_was_or_was_elsewhere_is_not_taken_back(desk: Day) -> None:
    act = act_of(pay_in(desk, "Léa", 5_00))
    assert code(void(desk, 12345)) == code(undo(desk, 12345)) == "no_such_act"
    opened(desk, 0, place="parc-till")
    assert code(desk.do(till.void, at("13:00", place="parc-till"), act, Reason.TWICE)) == "no_such_act"
    closed(desk, 55_00)
    assert code(void(desk, act, clock="17:00")) == "not_open"


# --- sessions and counts --------------------------------------------------------------------------


@pytest.mark.parametrize(("counted", "difference"), [(75_00, 0), (73_50, -1_50), (76_00, 1_00), (0, -75_00)])
def test_a_closing_count_books_what_is_missing_or_too_much(desk: Day, counted: int, difference: int) -> None:
    """50,00 of change and 25,00 paid in; what was paid from a wallet, or given back, is not in the drawer."""
    pay_in(desk, "Léa", 25_00)
    void(desk, act_of(pay_in(desk, "Noé", 5_00)))
    sell(desk, "Léa", 3_20, sandwich=1)
    assert closed(desk, counted).expected_cents == 75_00
    assert cash_cents(desk) == (counted, -50_00, difference)


def test_what_the_next_session_begins_with_comes_from_the_vault_or_went_there(desk: Day) -> None:
    pay_in(desk, "Léa", 25_00)
    closed(desk, 75_00)
    assert code(desk.do(till.close_desk, at("16:01"), 75_00)) == "not_open"
    assert code(opened(desk, 20_00, "17:00")) == ""
    assert cash_cents(desk) == (20_00, 5_00, 0)
    (began,) = desk.last
    assert isinstance(began, CashCounted)
    assert (began.closing, began.counted_cents, began.expected_cents) == (False, 20_00, 75_00)


@pytest.mark.parametrize(
    ("place", "cents", "refused"),
    [("till", 50_00, "already_open"), ("nowhere", 50_00, "no_such_desk"), ("hall", -1, "no_amount"), ("hall", 0, "")],
)
def test_a_desk_is_opened_once_where_there_is_one_with_a_count(desk: Day, place: str, cents: int, refused: str) -> None:
    assert code(opened(desk, cents, "09:00", place)) == refused


# --- the alert ------------------------------------------------------------------------------------


def eats(day: Day) -> None:
    """Léa is vegetarian, and allergic to nuts and fish. Today's meal has fish in it, the soup always has celery and suits her."""
    soup = replace(day.school.products[number("meal")], id=number("soup"), allergens=frozenset([Allergen.CELERY]))
    soup = replace(soup, diets=frozenset(["vegetarian"]))
    menu = Menu(TILLEULS, MONDAY, (Offer(number("meal"), 4_50, frozenset([Allergen.FISH, Allergen.MILK])), Offer(soup.id, 2_00)))
    day.change((soup, menu, Diet(number("Léa"), "vegetarian", frozenset([Allergen.NUTS, Allergen.FISH]))))


@pytest.mark.parametrize(
    ("who", "product", "allergens", "suits"),
    [
        ("Léa", "meal", {Allergen.FISH}, False),
        ("Léa", "soup", set(), True),
        ("Léa", "", {Allergen.FISH}, False),  # nothing ordered: any meal of the menu may be hers
        ("Noé", "meal", set(), True),
    ],
)
def test_the_cashier_alone_sees_which_allergens_today_s_meal_would_meet(
    day: Day, who: str, product: str, allergens: set[Allergen], suits: bool
) -> None:
    eats(day)
    if product:
        day.do(canteen.order, canteen.Wish(number(who), TILLEULS, MONDAY, By.PARENT, moment("08:00")), number(product))
    view = till.cashier_view(day.school, day.books, TILLEULS, number(who), MONDAY)
    diet = "vegetarian" if who == "Léa" else ""
    assert view == CashierView(number(product) if product else 0, False, frozenset(allergens), diet, suits)


def test_an_allergy_changes_no_light_and_the_cashier_sees_that_it_was_collected(day: Day) -> None:
    eats(day)
    lights = [day.tap(who, "meal-till", "12:00").light for who in ("Léa", "Noé")]
    assert lights[0] is lights[1]
    assert till.cashier_view(day.school, day.books, TILLEULS, number("Léa"), MONDAY).collected


# --- any sequence ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Move:
    what: str
    who: str
    cashier: int
    amount: int
    step_min: int


MOVES = st.lists(
    st.builds(
        Move,
        what=st.sampled_from(["sell", "sell", "pay_in", "pay_in", "void", "undo", "open", "close"]),
        who=st.sampled_from(["Léa", "Tom", "Noé"]),
        cashier=st.sampled_from([ANNE, BORIS]),
        amount=st.integers(0, 5),
        step_min=st.integers(0, 7),
    ),
    max_size=40,
)


def played(moves: list[Move]) -> Day:
    day, now_ms = Day(), moment("08:00")
    day.bring("Vanderzande", 20_00)
    opened(day)
    for move in moves:
        now_ms += move.step_min * 60_000
        cashier, acts = Cashier("till", move.cashier, now_ms), list(day.books.till)
        match move.what:
            case "sell":
                goods = (Goods(number("sandwich"), move.amount), Goods(number("drink"), 1))
                day.do(till.sell, cashier, number(move.who), goods, 3_20 * move.amount + 1_50)
            case "pay_in":
                day.do(till.pay_in, cashier, number(move.who), move.amount * 2_50)
            case "void" if acts:
                day.do(till.void, cashier, acts[-1 - move.amount % len(acts)], Reason.WRONG_AMOUNT)
            case "undo" if acts:
                day.do(till.undo, cashier, acts[-1])
            case "open":
                day.do(till.open_desk, cashier, move.amount * 10_00)
            case "close":
                day.do(till.close_desk, cashier, move.amount * 10_00)
    return day


@given(MOVES)
@settings(max_examples=200)
def test_replay_equals_live_and_the_drawer_holds_what_was_paid_in_and_not_given_back(moves: list[Move]) -> None:
    day = played(moves)
    facts: list[Fact] = [fact for each in day.facts for fact in each]
    check_books(facts, day.books)
    drawer_cents = 0
    for fact in facts:
        if isinstance(fact, CashCounted):
            assert fact.expected_cents == drawer_cents
            drawer_cents = fact.counted_cents
        elif isinstance(fact, CashPaidIn):
            drawer_cents += fact.cents
        elif isinstance(fact, TillVoided) and fact.wallet:
            drawer_cents -= fact.cents
    assert cash_cents(day)[0] == drawer_cents


@given(MOVES)
@settings(max_examples=200)
def test_receipts_count_up_without_a_gap_and_nothing_is_taken_back_twice(moves: list[Move]) -> None:
    receipts: list[int] = []
    voided: defaultdict[int, int] = defaultdict(int)
    for fact in (fact for each in played(moves).facts for fact in each):
        if isinstance(fact, CashPaidIn):
            receipts.append(fact.receipt)
        elif isinstance(fact, TillVoided):
            voided[fact.act] += 1
    assert receipts == list(range(1, len(receipts) + 1))
    assert max(voided.values(), default=1) == 1


@given(MOVES)
@settings(max_examples=100)
def test_a_sandwich_is_never_sold_below_zero(moves: list[Move]) -> None:
    day = played(moves)
    books_cents: defaultdict[str, int] = defaultdict(int)
    for fact in (fact for each in day.facts for fact in each):
        for entry in getattr(fact, "entries", ()):
            books_cents[entry.account] += entry.cents
        if isinstance(fact, Charged) and fact.item == number("sandwich"):
            assert books_cents[f"wallet:{fact.wallet}"] >= 0
            assert day.school.products[fact.item].policy is Policy.MUST_HAVE_FUNDS
