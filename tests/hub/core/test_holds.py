"""Money set aside, and the daily limit a parent has set: what may be spent, by when, and that nothing old piles up."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.books import Books
from hub.core.calendar import day_code
from hub.core.codes import Level, Reason
from hub.core.facts import Charged, Facts, HoldPlaced, HoldReleased, LowBalance, Refusal
from hub.core.folds import LIMIT_DAYS_KEPT
from hub.core.ledger import wallet_account
from hub.core.school import Policy, School
from hub.core.wallets import Sale, available_cents, charge, hold, hold_id, release, reverse, set_aside
from hub.core.whys import Rule, Why
from tests.schools import MONDAY, TUESDAY, Day, moment, number

NOON = moment("12:00")
HOUR_MS = 3_600_000


def sale(day: Day, cents: int, at_ms: int = NOON, policy: Policy = Policy.MUST_HAVE_FUNDS, **more: int) -> Sale:
    """A sandwich for Léa at this price."""
    lea, site = day.school.pupils[number("Léa")], day.school.sites[number("Tilleuls")]
    return Sale(lea, site, number("sandwich"), cents, Why(Rule.PRICE, unit_tenths=cents * 10), policy, at_ms, **more)  # type: ignore[arg-type]


def code(outcome: Facts | Refusal) -> str:
    return outcome.code if isinstance(outcome, Refusal) else ""


def held(day: Day, cents: int, until_ms: int = NOON + HOUR_MS, at_ms: int = NOON) -> int:
    """Set aside; the hold's id."""
    placed = day.do(hold, sale(day, cents, at_ms), until_ms)
    assert not isinstance(placed, Refusal)
    return hold_id(placed[0].ask)


def has(day: Day, at_ms: int = NOON) -> int:
    """What is available to the Vanderzandes."""
    (wallet,) = day.books.owners
    return available_cents(day.books, wallet, at_ms)


# --- holds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("minute", "available"), [(0, 4_00), (59, 4_00), (60, 10_00), (6_000, 10_00)])
def test_a_hold_is_free_again_by_itself_when_its_time_is_over(day: Day, minute: int, available: int) -> None:
    day.bring("Vanderzande", 10_00)
    held(day, 6_00)
    assert has(day, NOON + minute * 60_000) == available
    assert day.balance_cents("Vanderzande") == 10_00


@pytest.mark.parametrize(
    ("policy", "price", "sold"),
    [
        (Policy.MUST_HAVE_FUNDS, 4_00, ""),
        (Policy.MUST_HAVE_FUNDS, 4_01, "shortage"),
        (Policy.LIMIT, 14_00, ""),
        (Policy.LIMIT, 14_01, "shortage"),
        (Policy.MUST_SERVE, 50_00, ""),
    ],
)
def test_a_sale_looks_at_what_is_available_and_care_and_meals_do_not(day: Day, policy: Policy, price: int, sold: str) -> None:
    day.bring("Vanderzande", 10_00)
    held(day, 6_00)
    assert code(day.do(charge, sale(day, price, policy=policy))) == sold


def test_a_charge_settles_its_hold_and_says_so(day: Day) -> None:
    day.bring("Vanderzande", 10_00)
    own = held(day, 9_00)
    assert code(day.do(charge, sale(day, 9_00))) == "shortage"
    assert code(day.do(charge, sale(day, 9_00, hold=own))) == ""
    assert [(fact.hold, fact.reason) for fact in day.last if isinstance(fact, HoldReleased)] == [(own, Reason.SETTLED)]
    assert (has(day), day.books.holds) == (1_00, {})


def test_a_hold_that_has_expired_reserves_nothing_for_its_charge(day: Day) -> None:
    day.bring("Vanderzande", 10_00)
    own = held(day, 9_00)
    later = NOON + HOUR_MS
    day.do(charge, sale(day, 5_00, later))
    assert code(day.do(charge, sale(day, 9_00, later, hold=own))) == "shortage"


def test_a_hold_is_released_once_before_its_time(day: Day) -> None:
    day.bring("Vanderzande", 10_00)
    own = held(day, 6_00)
    (wallet,) = day.books.owners
    assert code(day.do(release, wallet, own, NOON)) == ""
    assert (has(day), code(day.do(release, wallet, own, NOON))) == (10_00, "no_such_hold")


def test_a_hold_tells_who_placed_and_who_released_it(day: Day) -> None:
    day.bring("Vanderzande", 10_00)
    (wallet,) = day.books.owners
    day.do(set_aside, wallet, 1_00, (NOON, NOON + HOUR_MS), 15)
    own = hold_id(day.last[0].ask)
    assert day.books.holds[wallet][own].who == 15
    day.do(release, wallet, own, NOON, 16)
    assert [fact.who for fact in day.last if isinstance(fact, HoldReleased)] == [16]


@pytest.mark.parametrize(
    ("cents", "until", "refused"),
    [(10_01, HOUR_MS, "shortage"), (0, HOUR_MS, "no_hold"), (-1, HOUR_MS, "no_hold"), (1_00, 0, "no_hold"), (10_00, 1, "")],
)
def test_a_hold_needs_an_amount_that_is_there_and_an_end_to_come(day: Day, cents: int, until: int, refused: str) -> None:
    day.bring("Vanderzande", 10_00)
    assert code(day.do(hold, sale(day, cents), NOON + until)) == refused
    (wallet,) = day.books.owners
    if not refused:
        day.do(release, wallet, hold_id(day.last[0].ask), NOON)
    assert code(day.do(set_aside, wallet, cents, (NOON, NOON + until))) == refused


def test_nothing_is_set_aside_in_a_wallet_that_is_not_there(day: Day) -> None:
    assert code(day.do(set_aside, 5, 1_00, (NOON, NOON + 1))) == "no_such_wallet"


def test_setting_money_aside_may_leave_little_and_settling_it_changes_nothing_more(day: Day) -> None:
    day.bring("Vanderzande", 10_00)
    own = held(day, 8_50)
    assert [(fact.level, fact.balance_cents) for fact in day.last if isinstance(fact, LowBalance)] == [(Level.LOW, 10_00)]
    day.do(charge, sale(day, 8_50, hold=own))
    assert not [fact for fact in day.last if isinstance(fact, LowBalance)]
    day.do(charge, sale(day, 1_75, policy=Policy.MUST_SERVE))
    assert [(fact.level, fact.balance_cents) for fact in day.last if isinstance(fact, LowBalance)] == [(Level.DEBT, -25)]


@given(st.lists(st.tuples(st.integers(1, 3_00), st.integers(1, 500), st.integers(0, 200)), max_size=40))
def test_old_holds_do_not_pile_up_and_what_is_available_is_never_above_the_balance(each: list[tuple[int, int, int]]) -> None:
    day, now_ms = Day(), NOON
    day.bring("Vanderzande", 10_00)
    placed: list[HoldPlaced] = []
    for cents, lasts_ms, step_ms in each:
        now_ms += step_ms
        done = day.do(hold, sale(day, cents, now_ms), now_ms + lasts_ms)
        placed += [fact for fact in done if isinstance(fact, HoldPlaced)] if not isinstance(done, Refusal) else []
        live = sum(one.cents for one in placed if one.until_ms > now_ms)
        assert has(day, now_ms) == 10_00 - live >= 0
        if not isinstance(done, Refusal):
            assert sum(map(len, day.books.holds.values())) == sum(one.until_ms > now_ms for one in placed)


# --- the parent's daily limit ---------------------------------------------------------------------


def limited(day: Day, cents: int) -> Day:
    """Léa's parents let her spend this much a day."""
    day.bring("Vanderzande", 50_00)
    day.change((replace(day.school.pupils[number("Léa")], daily_limit_cents=cents),))
    return day


def test_articles_of_a_day_stay_within_the_limit_and_the_next_day_is_another(day: Day) -> None:
    limited(day, 5_00)
    assert code(day.do(charge, sale(day, 3_00))) == ""
    refused = day.do(charge, sale(day, 2_01))
    assert refused == Refusal("daily_limit", {"limit_cents": 5_00, "spent_cents": 3_00, "price_cents": 2_01})
    assert code(day.do(charge, sale(day, 2_00))) == ""
    assert code(day.do(charge, sale(day, 1))) == "daily_limit"
    assert code(day.do(charge, sale(day, 5_00, moment("00:00", TUESDAY)))) == ""


def test_care_and_meals_know_no_daily_limit_and_do_not_count_for_it(day: Day) -> None:
    limited(day, 1_00)
    assert code(day.do(charge, sale(day, 4_50, policy=Policy.MUST_SERVE))) == ""
    assert code(day.do(charge, sale(day, 1_00))) == ""


def test_a_limit_set_at_noon_counts_what_was_bought_in_the_morning(day: Day) -> None:
    day.bring("Vanderzande", 50_00)
    day.do(charge, sale(day, 3_00, moment("10:00")))
    day.change((replace(day.school.pupils[number("Léa")], daily_limit_cents=4_00),))
    assert code(day.do(charge, sale(day, 2_00))) == "daily_limit"


def test_what_is_taken_back_may_be_spent_again(day: Day) -> None:
    limited(day, 3_00)
    day.do(charge, sale(day, 3_00))
    (bought,) = day.books.charges.values()
    day.do(taken_back, bought.id)
    assert code(day.do(charge, sale(day, 3_00))) == ""


def taken_back(_school: School, books: Books, ask: int, bought: int) -> Facts:
    return reverse(ask, books.charges[bought], NOON, Reason.CORRECTED)


def test_an_order_for_another_day_counts_on_that_day(day: Day) -> None:
    limited(day, 3_00)
    assert code(day.do(charge, msgspec.structs.replace(sale(day, 3_00), day=TUESDAY))) == ""
    assert code(day.do(charge, sale(day, 3_00))) == ""
    assert code(day.do(charge, sale(day, 1, moment("10:00", TUESDAY)))) == "daily_limit"


def two_at_once(school: School, books: Books, ask: int, one: Sale) -> Facts | Refusal:
    first = charge(school, books, ask, one)
    assert not isinstance(first, Refusal)
    return charge(school, books, ask, one, first)


def test_several_articles_of_one_form_count_together(day: Day) -> None:
    limited(day, 5_00)
    assert code(day.do(two_at_once, sale(day, 2_51))) == "daily_limit"
    assert code(day.do(two_at_once, sale(day, 2_50))) == ""


def test_of_what_was_spent_only_the_last_days_are_kept() -> None:
    books = Books()
    days = [MONDAY + timedelta(days=n) for n in range(3 * LIMIT_DAYS_KEPT)]
    for n, on in enumerate(days, 1):
        bought = Charged(n, n, 9, 8, 5, 2, 7, 0, moment("12:00", on), Why(Rule.PRICE), Reason.NONE, (), day_code(on))
        books.apply(bought)
    assert list(books.spent[5]) == [day_code(on) for on in days[-LIMIT_DAYS_KEPT - 1 :]]


def test_orders_for_many_days_to_come_do_not_make_today_s_limit_forgotten(day: Day) -> None:
    limited(day, 3_20)
    assert code(day.do(charge, sale(day, 3_20))) == ""
    for ahead in range(1, 2 * LIMIT_DAYS_KEPT):
        day.do(charge, msgspec.structs.replace(sale(day, 1_00), day=MONDAY + timedelta(days=ahead)))
    assert code(day.do(charge, sale(day, 1))) == "daily_limit"


def test_the_limit_goes_by_the_schools_own_day(day: Day) -> None:
    limited(day, 1_00)
    assert code(day.do(charge, sale(day, 1_00, moment("23:59", MONDAY)))) == ""
    assert code(day.do(charge, sale(day, 1_00, moment("00:01", TUESDAY)))) == ""
    assert day.books.balance_cents(wallet_account(next(iter(day.books.owners)))) == 48_00
