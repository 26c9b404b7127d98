"""Wallets: what may stop a sale, what never may, taking back, and balances brought along."""

import pytest

from hub.core.books import Books
from hub.core.codes import Compartment, Level, Reason
from hub.core.facts import Charged, DayClosed, Facts, LowBalance, Refusal, WalletOpened
from hub.core.givenback import take_back as staff_take_back
from hub.core.ledger import opening_account, sales_account
from hub.core.school import Policy, School, Site
from hub.core.wallets import Sale, charge, charge_id, fallen, open_balances, reverse
from hub.core.whys import Rule, Why
from tests.planned import cheaper_together
from tests.schools import ZONE, Day, moment, number

NOW = moment("12:00")


def bring(school: School, books: Books, ask: int, balances: dict[tuple[str, str], int]) -> Facts | Refusal:
    named = {(number(site), number(family)): cents for (site, family), cents in balances.items()}
    return open_balances(school, books, ask, named, NOW)


def sell(school: School, books: Books, ask: int, cents: int, policy: Policy) -> Facts | Refusal:
    """Sell Léa a sandwich at this price."""
    why = Why(Rule.PRICE, unit_tenths=cents * 10)
    pupil, site = school.pupils[number("Léa")], school.sites[number("Tilleuls")]
    return charge(school, books, ask, Sale(pupil, site, number("sandwich"), cents, why, policy, NOW))


def take_back(school: School, books: Books, ask: int, charged: int) -> Facts:
    return reverse(ask, books.charges[charged], NOW, Reason.CORRECTED)


@pytest.mark.parametrize(
    ("policy", "has", "price", "sold"),
    [
        (Policy.MUST_SERVE, 0, 5_00, True),
        (Policy.MUST_SERVE, -100_00, 5_00, True),
        (Policy.MUST_HAVE_FUNDS, 5_00, 5_00, True),
        (Policy.MUST_HAVE_FUNDS, 4_99, 5_00, False),
        (Policy.MUST_HAVE_FUNDS, 0, 1, False),
        (Policy.MUST_HAVE_FUNDS, 0, 0, True),
        (Policy.MUST_HAVE_FUNDS, -3_00, 0, True),  # what costs nothing needs no money
        (Policy.LIMIT, 0, 10_00, True),  # the site's floor, -10,00 €, is just reached
        (Policy.LIMIT, 0, 10_01, False),
        (Policy.LIMIT, -5_00, 5_00, True),
        (Policy.LIMIT, -5_00, 5_01, False),
        (Policy.LIMIT, -20_00, 1, False),  # care has driven it below the floor
        (Policy.LIMIT, 20_00, 30_00, True),
    ],
)
def test_the_policy_says_whether_a_lack_of_money_stops_a_sale(day: Day, policy: Policy, has: int, price: int, sold: bool) -> None:
    day.bring("Vanderzande", has)
    outcome = day.do(sell, price, policy)
    assert isinstance(outcome, Refusal) is not sold
    assert day.balance_cents("Vanderzande") == (has - price if sold else has)


def test_a_refused_sale_names_the_balance_and_the_price(day: Day) -> None:
    day.bring("Vanderzande", 3_00)
    assert day.do(sell, 3_20, Policy.MUST_HAVE_FUNDS) == Refusal("shortage", {"balance_cents": 3_00, "price_cents": 3_20})


def test_a_charge_names_payer_and_beneficiary_and_moves_the_money_from_wallet_to_sales(day: Day) -> None:
    day.bring("Vanderzande", 20_00)
    sold = day.do(sell, 3_20, Policy.LIMIT)
    assert not isinstance(sold, Refusal)
    (charged,) = [fact for fact in sold if isinstance(fact, Charged)]
    assert (charged.payer, charged.pupil, charged.cents) == (number("Vanderzande"), number("Léa"), 3_20)
    assert charged.charge == charge_id(charged.ask)
    assert day.books.balance_cents(sales_account(number("Tilleuls"), number("sandwich"))) == 3_20


def test_a_wallet_is_opened_by_the_first_charge_and_shared_by_the_siblings(day: Day) -> None:
    day.tap("Léa", "meal-till", "12:00")
    assert [type(fact) for fact in day.last if isinstance(fact, WalletOpened)] == [WalletOpened]
    day.tap("Tom", "meal-till", "12:01")
    assert not [fact for fact in day.last if isinstance(fact, WalletOpened)]
    assert day.balance_cents("Vanderzande") == -9_00


def test_a_family_has_one_wallet_per_site_and_pays_where_it_was_served(day: Day) -> None:
    day.bring("Vanderzande", 20_00)
    day.tap("Léa", "parc-meal-till", "12:00")
    assert day.balance_cents("Vanderzande", "Tilleuls") == 20_00
    assert day.balance_cents("Vanderzande", "Parc") == -4_00


def test_balances_are_brought_along_against_the_opening_account(day: Day) -> None:
    day.do(bring, {("Tilleuls", "Vanderzande"): 12_50, ("Tilleuls", "Quintelier"): -3_00, ("Parc", "Okonkwo"): 0})
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier"), day.balance_cents("Okonkwo", "Parc")) == (12_50, -3_00, 0)
    assert day.books.balance_cents(opening_account(number("Tilleuls"))) == -9_50
    assert (number("Parc"), number("Okonkwo"), Compartment.WHOLE) in day.books.wallets


@pytest.mark.parametrize("stranger", [("Tilleuls", "Nobody"), ("Nowhere", "Quintelier")])
def test_balances_are_brought_along_all_or_nothing(day: Day, stranger: tuple[str, str]) -> None:
    refused = day.do(bring, {("Tilleuls", "Vanderzande"): 12_50, stranger: 1_00})
    assert refused == Refusal("no_such_wallet", {"site": number(stranger[0]), "household": number(stranger[1])})
    assert day.books == Books()


def test_a_balance_is_brought_along_once_even_when_the_file_is_read_twice(day: Day) -> None:
    day.bring("Vanderzande", 12_50)
    again = day.do(bring, {("Tilleuls", "Quintelier"): 1_00, ("Tilleuls", "Vanderzande"): 12_50})
    assert isinstance(again, Refusal)
    assert again.code == "already_opened"
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (12_50, 0)


def test_a_wallet_that_was_charged_before_may_still_bring_its_balance_along(day: Day) -> None:
    day.tap("Léa", "meal-till", "12:00")
    day.bring("Vanderzande", 20_00)
    assert day.balance_cents("Vanderzande") == 15_50


def test_a_charge_is_taken_back_whole_and_once(day: Day) -> None:
    day.bring("Vanderzande", 20_00)
    sold = day.do(sell, 3_20, Policy.LIMIT)
    assert not isinstance(sold, Refusal)
    day.do(take_back, charge_id(sold[0].ask))
    assert day.balance_cents("Vanderzande") == 20_00
    assert day.do(take_back, charge_id(sold[0].ask)) == ()
    assert day.balance_cents("Vanderzande") == 20_00


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [
        (5_00, 2_00, None),
        (2_00, 1_99, Level.LOW),
        (2_00, 0, Level.LOW),
        (1_99, 0, None),  # it was low before
        (1_99, -1, Level.DEBT),
        (2_00, -1, Level.DEBT),  # low and debt at once: one notice, the worse
        (-1, -10_00, None),
        (-10_00, -10_01, Level.MINIMUM),
        (5_00, -10_01, Level.MINIMUM),
        (-10_01, -20_00, None),
        (-20_00, 5_00, None),
    ],
)
def test_a_balance_is_told_of_once_when_it_falls_below_two_euros_zero_and_the_floor(before: int, after: int, level: Level | None) -> None:
    assert fallen(Site(1, "Centre", ZONE, floor_cents=-10_00), (before, 0), (after, 0)) is level


def test_each_site_says_from_which_balance_on_it_warns_and_where_its_minimum_is() -> None:
    """Requirement S36: the threshold of 2,00 € can be another one."""
    careful = Site(1, "Centre", ZONE, low_cents=5_00, floor_cents=-2_00)
    assert [fallen(careful, (5_00, 0), (cents, 0)) for cents in (5_00, 4_99, -1, -2_00, -2_01)] == [
        None,
        Level.LOW,
        Level.DEBT,
        Level.DEBT,
        Level.MINIMUM,
    ]
    assert fallen(careful, (4_99, 0), (1_99, 0)) is None


def test_without_a_floor_below_zero_there_is_no_minimum_beside_debt() -> None:
    assert fallen(Site(1, "Centre", ZONE), (1_00, 0), (-50_00, 0)) is Level.DEBT


def notices(day: Day) -> list[tuple[Level, int]]:
    return [(fact.level, fact.balance_cents) for facts in day.facts for fact in facts if isinstance(fact, LowBalance)]


def test_the_payer_is_told_once_for_each_crossing_by_what_crosses(day: Day) -> None:
    day.bring("Vanderzande", 7_00)
    for clock in ("12:00", "12:01", "12:02", "12:03"):
        day.buy("Léa", "drink", clock)
    assert notices(day) == [(Level.LOW, 1_00)]
    day.buy("Léa", "drink", "12:04")
    day.tap("Léa", "meal-till", "12:05")
    assert notices(day) == [(Level.LOW, 1_00), (Level.DEBT, -50)]
    day.buy("Tom", "drink", "12:06")
    day.tap("Tom", "meal-till", "12:07")
    assert notices(day)[2:] == [(Level.MINIMUM, -11_00)]


def test_who_was_told_that_little_is_left_is_not_told_again_by_a_correction(day: Day) -> None:
    day.bring("Vanderzande", 4_00)
    day.tap("Léa", "care-in", "15:40")
    day.tap("Léa", "care-out", "17:20")
    assert (notices(day), day.balance_cents("Vanderzande")) == ([(Level.LOW, 1_00)], 1_00)
    for reader, clock, left_cents in (("care-in", "15:31", 1_00), ("care-out", "17:00", 1_75), ("care-in", "15:00", 1_00)):
        day.tap("Léa", reader, clock)  # each comes late, and takes the charge back and makes it anew
        assert (notices(day), day.balance_cents("Vanderzande")) == ([(Level.LOW, 1_00)], left_cents)
    day.tap("Léa", "care-in", "14:00")
    assert (notices(day), day.balance_cents("Vanderzande")) == ([(Level.LOW, 1_00), (Level.DEBT, -50)], -50)


def test_what_a_correction_takes_more_is_told_where_it_crosses_and_once(day: Day) -> None:
    day.bring("Vanderzande", 3_50)
    day.tap("Léa", "care-in", "15:40")
    day.tap("Léa", "care-out", "16:40")
    assert (notices(day), day.balance_cents("Vanderzande")) == ([], 2_00)
    day.tap("Léa", "care-in", "15:31")
    assert (notices(day), day.balance_cents("Vanderzande")) == ([(Level.LOW, 1_25)], 1_25)


def test_nobody_is_told_of_what_a_price_that_falls_for_the_brother_brings_back_at_once(day: Day) -> None:
    cheaper_together(day)
    day.bring("Vanderzande", 5_20)
    day.tap("Tom", "care-in", "15:40")
    day.tap("Tom", "care-out", "17:20")
    assert day.balance_cents("Vanderzande") == 2_20
    day.tap("Léa", "study-in", "16:10")  # 1,00 € for her, and 1,50 € back for Tom, who is the second child now
    assert (day.balance_cents("Vanderzande"), notices(day)) == (2_70, [])


def sell_two(school: School, books: Books, ask: int, cents: int) -> Facts | Refusal:
    """Two sandwiches under one ask."""
    why = Why(Rule.PRICE, unit_tenths=cents * 10)
    sale = Sale(school.pupils[number("Léa")], school.sites[number("Tilleuls")], number("sandwich"), cents, why, Policy.MUST_HAVE_FUNDS, NOW)
    first = charge(school, books, ask, sale)
    if isinstance(first, Refusal):
        return first
    second = charge(school, books, ask, sale, first)
    return second if isinstance(second, Refusal) else (*first, *second)


def test_what_one_ask_buys_in_pieces_has_to_be_paid_together(day: Day) -> None:
    day.bring("Vanderzande", 6_39)
    assert day.do(sell_two, 3_20) == Refusal("shortage", {"balance_cents": 3_19, "price_cents": 3_20})
    assert day.balance_cents("Vanderzande") == 6_39


def test_the_pieces_of_one_ask_are_charges_of_their_own_in_one_wallet(day: Day) -> None:
    assert not isinstance(day.do(sell_two, 0), Refusal)
    charges = [fact.charge for fact in day.last if isinstance(fact, Charged)]
    assert len(set(charges)) == 2
    assert len([fact for fact in day.last if isinstance(fact, WalletOpened)]) == 1


# --- what staff take back -------------------------------------------------------------------------


def test_staff_take_a_charge_back_once(day: Day) -> None:
    day.bring("Vanderzande", 10_00)
    sold = day.do(sell, 3_20, Policy.LIMIT)
    assert isinstance(sold, tuple)
    (charged,) = [fact.charge for fact in sold if isinstance(fact, Charged)]
    day.do(staff_take_back, charged, NOW, Reason.WRONG_PRODUCT)
    assert day.balance_cents("Vanderzande") == 10_00
    assert day.do(staff_take_back, charged, NOW, Reason.WRONG_PRODUCT) == Refusal("already_taken_back")
    assert day.do(staff_take_back, 7, NOW, Reason.WRONG_PRODUCT) == Refusal("no_such_charge")


def test_what_a_stay_costs_is_corrected_in_its_day_as_long_as_that_is_kept(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    day.tap("Léa", "care-out", "16:40")
    (charged,) = [fact for fact in day.last if isinstance(fact, Charged)]
    refused = day.do(staff_take_back, charged.charge, NOW, Reason.WRONG_PUPIL)
    assert refused == Refusal("correct_the_day", {"pupil": number("Léa"), "day": 20250106})
    day.do(_close_all, 20250401)
    day.do(staff_take_back, charged.charge, NOW, Reason.WRONG_PUPIL)
    assert day.balance_cents("Vanderzande") == 0


def _close_all(school: School, _books: Books, ask: int, through: int) -> Facts:
    return tuple(DayClosed(ask, site, through, NOW) for site in school.sites)
