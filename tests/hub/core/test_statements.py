"""The periodic statement: amounts worked out by hand, and what holds whatever happened."""

from dataclasses import replace
from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.canteen import reserve
from hub.core.codes import Clearing, Compartment, Reason, Stage
from hub.core.facts import Charged, ChargesPosted, Fact, MealReserved, Refusal, derived
from hub.core.ledger import move, sales_account, wallet_account
from hub.core.school import PayerOverride, Policy, WalletScope
from hub.core.statements import Kind, Period, Statement, Whose, period_of, statement
from hub.core.timetable import LegalClass
from hub.core.transfers import Payment, clear
from hub.core.wallets import Sale, balance_cents, charge, reverse
from hub.core.whys import Rule, Why
from tests.schools import MONDAY, TUESDAY, Day, moment, number, scan

JANUARY: Period = (date(2025, 1, 1), date(2025, 1, 31))
FEBRUARY: Period = (date(2025, 2, 1), date(2025, 2, 28))
FOREVER: Period = (date(2024, 1, 1), date(2030, 12, 31))
OUTSIDE, OPTIONAL = LegalClass.OUTSIDE_HOURS, LegalClass.OPTIONAL


def wallet_of(day: Day, family: str) -> int:
    return day.books.wallets[number("Tilleuls"), number(family), Compartment.WHOLE]


def told(day: Day, period: Period = JANUARY, family: str = "Vanderzande", payer: str = "") -> Statement:
    facts: list[Fact] = [fact for each in day.facts for fact in each]
    whose = Whose(wallet_of(day, family), number(payer) if payer else 0)
    return statement(day.school, day.books.owners, facts, whose, period)


def stay(day: Day, who: str = "Léa", start: str = "15:30", end: str = "16:40") -> None:
    """70 minutes: three half hours, 2,25 €."""
    day.tap(who, "care-in", start)
    day.tap(who, "care-out", end)


def top_up(day: Day, cents: int) -> None:
    day.do(clear, Payment(wallet_of(day, "Vanderzande"), Clearing.TOP_UP, cents), moment("12:00", day.date))


def last_charge(day: Day) -> int:
    return next(reversed(day.books.charges))


def take_back(day: Day, charge_id: int, on: date) -> None:
    taken = day.books.charges[charge_id]
    day.do(lambda _school, _books, ask: reverse(ask, taken, moment("09:00", on), Reason.CORRECTED))


# --- amounts by hand ------------------------------------------------------------------------------


def test_a_month_begins_with_a_balance_has_each_line_with_object_and_legal_class_and_ends_with_a_balance(day: Day) -> None:
    day.bring("Vanderzande", 20_00)
    day.change((replace(day.school.products[number("sandwich")], legal=LegalClass.MANDATORY),))
    day.buy("Tom", "sandwich", "12:10")
    stay(day)
    day.next_day()
    top_up(day, 10_00)
    day.tap("Léa", "study-door", "16:05")
    found = told(day)
    assert [(line.day, line.kind, line.pupil, line.item, line.legal, line.minutes, line.units, line.cents) for line in found.lines] == [
        (MONDAY, Kind.BROUGHT, 0, 0, None, 0, 0, 20_00),
        (MONDAY, Kind.CHARGE, number("Tom"), number("sandwich"), LegalClass.MANDATORY, 0, 1, -3_20),
        (MONDAY, Kind.CHARGE, number("Léa"), number("care"), OUTSIDE, 70, 3, -2_25),
        (TUESDAY, Kind.TOP_UP, 0, 0, None, 0, 0, 10_00),
        (TUESDAY, Kind.CHARGE, number("Léa"), number("study"), OUTSIDE, 0, 1, -1_00),
    ]
    assert (found.opening_cents, found.closing_cents) == (0, 20_00 - 2_25 - 3_20 - 1_00 + 10_00)
    assert found.totals == {OUTSIDE: 2_25 + 1_00, LegalClass.MANDATORY: 3_20}
    assert {line.payer for line in found.lines} == {number("Vanderzande")}
    assert all(line.charge in day.books.charges for line in found.lines if line.kind is Kind.CHARGE)
    assert (told(day, FEBRUARY).opening_cents, told(day, FEBRUARY).lines) == (found.closing_cents, ())


def test_a_meal_stands_on_the_day_it_is_eaten_and_a_top_up_on_the_day_it_is_booked(day: Day) -> None:
    day.do(reserve, number("Léa"), number("meal"), "2025-02-03", moment("10:00", date(2025, 1, 30)))
    assert (told(day).lines, told(day).closing_cents) == ((), 0)
    (meal,) = told(day, FEBRUARY).lines
    assert (meal.day, meal.cents, meal.legal) == (date(2025, 2, 3), -4_50, OPTIONAL)


def test_a_correction_stands_on_the_day_of_service_names_its_charge_and_the_total_is_the_sum_of_both(day: Day) -> None:
    stay(day, start="16:00")
    first = last_charge(day)
    day.tap("Léa", "care-in", "15:30")
    found = told(day)
    assert [(line.kind, line.cents, line.charge, line.corrects) for line in found.lines] == [
        (Kind.CHARGE, -75 * 2, first, 0),
        (Kind.CREDIT, 75 * 2, first, first),
        (Kind.CHARGE, -2_25, last_charge(day), first),
    ]
    assert found.totals == {OUTSIDE: 2_25}
    assert found.closing_cents == -2_25 == balance_cents(day.books, wallet_of(day, "Vanderzande"))


def test_what_is_corrected_after_its_period_is_named_in_the_period_of_the_booking_and_its_balance_has_it_already(day: Day) -> None:
    stay(day)
    day.next_day()
    stay(day)
    charge_id = last_charge(day)
    assert told(day, FEBRUARY).opening_cents == -4_50
    take_back(day, charge_id, date(2025, 2, 10))
    february = told(day, FEBRUARY)
    assert [(line.day, line.cents, line.corrects) for line in february.late] == [(TUESDAY, 2_25, charge_id)]
    assert (february.opening_cents, february.lines, february.closing_cents) == (-2_25, (), -2_25)
    assert (told(day).closing_cents, told(day).late) == (-2_25, ())


def test_a_meal_without_an_order_that_is_known_weeks_later_is_named_when_it_is_booked_and_stands_on_its_day(day: Day) -> None:
    eaten = scan("Léa", "meal-till", "12:05", day=MONDAY)
    day.take(msgspec.structs.replace(eaten, taken_ms=moment("09:00", date(2025, 2, 3))))
    (charged,) = [fact for fact in day.last if isinstance(fact, Charged)]
    assert (charged.at_ms, charged.day) == (moment("09:00", date(2025, 2, 3)), 20250106)
    assert [(line.day, line.cents) for line in told(day).lines] == [(MONDAY, -4_50)]
    assert [(line.day, line.cents) for line in told(day, FEBRUARY).late] == [(MONDAY, -4_50)]


def test_gathered_charges_are_provisional_until_a_run_posts_them_and_then_final_on_their_day_of_service(day: Day) -> None:
    day.change((replace(day.school.programmes[number("care")], post_days=7),))
    stay(day)
    stay(day, "Tom", end="16:10")
    lea, tom = list(day.books.charges)
    before = told(day)
    assert [(line.cents, line.charge) for line in before.provisional] == [(-2_25, lea), (-1_50, tom)]
    assert (before.lines, before.closing_cents, before.totals) == ((), 0, {})
    post(day, [lea], date(2025, 2, 3))
    after = told(day)
    assert [(line.day, line.cents, line.charge) for line in after.lines] == [(MONDAY, -2_25, lea)]
    assert [line.charge for line in after.provisional] == [tom]
    assert (after.totals, after.closing_cents) == ({OUTSIDE: 2_25}, -2_25)
    assert [line.charge for line in told(day, FEBRUARY).late] == [lea]


def test_a_gathered_charge_that_is_taken_back_before_a_run_leaves_no_line(day: Day) -> None:
    day.change((replace(day.school.programmes[number("care")], post_days=7),))
    stay(day)
    take_back(day, last_charge(day), TUESDAY)
    assert (told(day).lines, told(day).provisional) == ((), ())


def test_what_a_pilot_would_have_cost_is_shown_apart_and_never_in_a_sum(day: Day) -> None:
    day.bring("Vanderzande", 20_00)
    site = day.school.sites[number("Tilleuls")]
    day.change((replace(site, pilot_from=MONDAY, live_from=TUESDAY),))
    stay(day)
    day.next_day()
    stay(day)
    found = told(day)
    assert [(line.day, line.cents) for line in found.pilot] == [(MONDAY, -2_25)]
    assert [(line.day, line.cents) for line in found.lines] == [(MONDAY, 20_00), (TUESDAY, -2_25)]
    assert (found.closing_cents, found.totals) == (17_75, {OUTSIDE: 2_25})


def test_of_a_pupils_wallet_each_payer_sees_the_own_lines_and_together_they_make_its_balance(day: Day) -> None:
    site = day.school.sites[number("Tilleuls")]
    override = PayerOverride(1, number("Léa"), number("Quintelier"), TUESDAY, item=number("care"))
    day.change((replace(site, wallet_scope=WalletScope.PUPIL), override))
    stay(day)
    day.next_day()
    stay(day, end="16:10")
    wallet = day.books.wallets[number("Tilleuls"), number("Léa"), Compartment.GENERAL]
    day.do(clear, Payment(wallet, Clearing.TOP_UP, 5_00), moment("12:00", TUESDAY))
    facts: list[Fact] = [fact for each in day.facts for fact in each]
    own, other, both = (
        statement(day.school, day.books.owners, facts, Whose(wallet, number(payer) if payer else 0), JANUARY)
        for payer in ("Vanderzande", "Quintelier", "")
    )
    assert [line.cents for line in own.lines] == [-2_25, 5_00]
    assert [line.cents for line in other.lines] == [-1_50]
    assert own.closing_cents + other.closing_cents == both.closing_cents == 1_25 == balance_cents(day.books, wallet)


def post(day: Day, charges: list[int], on: date) -> None:
    """What a settlement run does with these charges of care at Les Tilleuls."""
    cents = sum(day.books.charges[one].cents for one in charges)
    wallet, site, care = wallet_of(day, "Vanderzande"), number("Tilleuls"), number("care")
    entries = move(wallet_account(wallet), sales_account(site, care), cents)
    payer, at_ms = number("Vanderzande"), moment("06:00", on)
    day.do(lambda _school, _books, ask: (ChargesPosted(ask, wallet, payer, site, care, tuple(charges), cents, at_ms, entries),))


# --- one to four months ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "period"),
    [
        (date(2025, 1, 1), date(2025, 1, 1), JANUARY),
        (date(2024, 2, 17), date(2024, 2, 3), (date(2024, 2, 1), date(2024, 2, 29))),
        (date(2024, 11, 1), date(2025, 2, 1), (date(2024, 11, 1), date(2025, 2, 28))),
        (date(2025, 9, 1), date(2025, 12, 1), (date(2025, 9, 1), date(2025, 12, 31))),
    ],
)
def test_a_statement_covers_one_to_four_whole_months(first: date, last: date, period: Period) -> None:
    assert period_of(first, last) == period


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [(date(2025, 1, 1), date(2025, 5, 1), 5), (date(2025, 2, 1), date(2025, 1, 1), 0), (date(2024, 9, 1), date(2025, 9, 1), 13)],
)
def test_no_month_and_more_than_four_are_refused_with_their_number(first: date, last: date, months: int) -> None:
    assert period_of(first, last) == Refusal("months", {"months": months, "most": 4})


# --- whatever happens -----------------------------------------------------------------------------

ACTS = st.lists(st.tuples(st.sampled_from(["charge", "meal", "gather", "post", "back", "top up"]), st.integers(0, 90), st.integers(1, 900)))


@settings(deadline=None)
@given(ACTS, st.integers(1, 4))
def test_opening_and_lines_make_the_closing_balance_each_period_begins_where_the_last_one_ended_and_the_last_has_what_the_wallet_has(
    acts: list[tuple[str, int, int]], months: int
) -> None:
    day = Day()
    day.bring("Vanderzande", 50_00)
    expected = [(MONDAY, 50_00)]
    service: dict[int, date] = {}
    for act, after, cents in acts:
        day.date = MONDAY + timedelta(days=after)
        expected += _done(day, act, cents, service)
    periods = [JANUARY, FEBRUARY, (date(2025, 3, 1), date(2025, 6, 30))][: min(months, 3)]
    opening_cents = 0
    for period in periods:
        found = told(day, period)
        assert found.opening_cents == opening_cents
        assert found.opening_cents + sum(line.cents for line in found.lines) == found.closing_cents
        assert found.closing_cents == sum(cents for on, cents in expected if on <= period[1])
        assert sum(found.totals.values()) == -sum(line.cents for line in found.lines if line.charge)
        opening_cents = found.closing_cents
    whole = told(day, FOREVER)
    assert whole.closing_cents == balance_cents(day.books, wallet_of(day, "Vanderzande"))
    waiting = {one.id for one in day.books.charges.values() if one.stage is Stage.GATHERED and not one.reversed}
    assert {line.charge for line in whole.provisional} == waiting


def _done(day: Day, act: str, cents: int, service: dict[int, date]) -> list[tuple[date, int]]:
    """Do something on the day, and say by hand what it means: (day on the statement, cents to the wallet)."""
    charges = [one for one in day.books.charges.values() if not one.reversed]
    match act:
        case "charge" | "gather" | "meal":
            on = day.date + timedelta(days=cents % 15 if act == "meal" else 0)
            service[_sold(day, act, cents, on)] = on
            return [] if act == "gather" else [(on, -cents)]
        case "post":
            gathered = [one for one in charges if one.stage is Stage.GATHERED][: cents % 3 + 1]
            if gathered:
                post(day, [one.id for one in gathered], day.date)
            return [(service[one.id], -one.cents) for one in gathered]
        case "back" if charges:
            taken = charges[cents % len(charges)]
            take_back(day, taken.id, day.date)
            return [(service[taken.id], taken.cents)] if taken.stage is Stage.POSTED else []
        case "top up":
            top_up(day, cents)
            return [(day.date, cents)]
    return []


def _sold(day: Day, act: str, cents: int, on: date) -> int:
    """A charge of so much, ordered for a day, or for a stay; its number."""
    why, at_ms = Why(Rule.PRICE, unit_tenths=cents * 10), moment("10:00", day.date)
    lea, site, stage = day.school.pupils[number("Léa")], day.school.sites[number("Tilleuls")], Stage.POSTED
    item = number("care" if act == "gather" else "meal")
    stage = Stage.GATHERED if act == "gather" else stage
    place = len(day.facts) if act == "gather" else 0
    sale = Sale(lea, site, item, cents, why, Policy.MUST_SERVE, at_ms, day=on, stay=place, stage=stage)

    def decide(school, books, ask):  # type: ignore[no-untyped-def]
        booked = charge(school, books, ask, sale)
        assert not isinstance(booked, Refusal)
        code = on.year * 10_000 + on.month * 100 + on.day
        meal = () if act == "gather" else (MealReserved(ask, derived(ask, "meal"), lea.id, site.id, item, code),)
        return (*meal, *booked)

    facts = day.do(decide)
    assert not isinstance(facts, Refusal)
    return next(fact.charge for fact in facts if isinstance(fact, Charged))
