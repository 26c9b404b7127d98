"""Money between a pupil's wallets, to and from the world, and a site that changes whose its wallets are: never a cent more or less."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.books import Books
from hub.core.codes import By, Clearing, Compartment, Level, Reason
from hub.core.facts import Charged, Facts, LowBalance, Refusal, Transferred, WalletOpened
from hub.core.ledger import clearing_account, wallet_account
from hub.core.school import Custody, Household, Policy, School, WalletScope
from hub.core.transfers import Move, Payment, Shares, clear, regroup, transfer
from hub.core.wallets import Sale, available_cents, charge, hold, open_balances
from hub.core.whys import Rule, Why
from tests.journals import check_books
from tests.schools import Day, moment, number

TILLEULS, LEA, TOM, NOE = number("Tilleuls"), number("Léa"), number("Tom"), number("Noé")
VANDERZANDE, QUINTELIER = number("Vanderzande"), number("Quintelier")
FATHER = Household(number("Delcourt"), "Delcourt")
NOON = moment("12:00")


def by_pupil(day: Day) -> Day:
    """The school with two wallets per pupil at Les Tilleuls."""
    day.change((replace(day.school.sites[TILLEULS], wallet_scope=WalletScope.PUPIL),))
    return day


def bring(school: School, books: Books, ask: int, balances: dict[int, int]) -> Facts | Refusal:
    return open_balances(school, books, ask, {(TILLEULS, owner): cents for owner, cents in balances.items()}, NOON)


def cents(day: Day, owner: int, compartment: Compartment = Compartment.GENERAL) -> int:
    """What an owner has at Les Tilleuls; 0 without a wallet."""
    wallet = day.books.wallets.get((TILLEULS, owner, compartment))
    return day.books.balance_cents(wallet_account(wallet)) if wallet else 0


def put(cents: int, *, back: bool = False, owner: int = LEA, to: int = 0, by: By = By.PARENT) -> Move:
    """From general to reserve, or back."""
    general, reserve = (TILLEULS, owner, Compartment.GENERAL), (TILLEULS, to or owner, Compartment.RESERVE)
    return Move(reserve, general, cents, by, 7) if back else Move(general, reserve, cents, by, 7)


def moved(day: Day, wish: Move) -> Facts | Refusal:
    return day.do(transfer, wish, NOON)


def paid(day: Day, owner: int, kind: Clearing, amount: int, compartment: Compartment = Compartment.WHOLE) -> Facts | Refusal:
    return day.do(clear, Payment(day.books.wallets[TILLEULS, owner, compartment], kind, amount, Reason.REQUESTED, 7), NOON)


def codes(outcome: Facts | Refusal) -> str:
    return outcome.code if isinstance(outcome, Refusal) else ""


# --- two wallets per pupil ------------------------------------------------------------------------


def test_where_wallets_are_the_pupils_a_charge_goes_to_the_general_one_and_names_the_payer(day: Day) -> None:
    by_pupil(day).do(bring, {LEA: 20_00, TOM: 5_00})
    day.tap("Léa", "meal-till", "12:00")
    (charged,) = [fact for fact in day.last if isinstance(fact, Charged)]
    assert (charged.payer, charged.pupil) == (VANDERZANDE, LEA)
    assert (cents(day, LEA), cents(day, TOM), day.balance_cents("Vanderzande")) == (15_50, 5_00, 0)


def test_at_another_site_the_household_still_has_its_one_wallet(day: Day) -> None:
    by_pupil(day).tap("Léa", "parc-meal-till", "12:00")
    assert day.balance_cents("Vanderzande", "Parc") == -4_00


def test_the_reserve_is_opened_by_the_first_transfer_and_never_drawn_by_itself(day: Day) -> None:
    by_pupil(day).do(bring, {LEA: 20_00})
    assert codes(moved(day, put(18_00))) == ""
    assert [fact.compartment for fact in day.last if isinstance(fact, WalletOpened)] == [Compartment.RESERVE]
    day.tap("Léa", "meal-till", "12:00")
    assert (cents(day, LEA), cents(day, LEA, Compartment.RESERVE)) == (-2_50, 18_00)
    assert codes(moved(day, put(3_00, back=True, by=By.PUPIL))) == ""
    assert (cents(day, LEA), cents(day, LEA, Compartment.RESERVE)) == (50, 15_00)


@pytest.mark.parametrize("by", list(By))
def test_a_transfer_says_who_wished_it(day: Day, by: By) -> None:
    by_pupil(day).do(bring, {LEA: 20_00})
    moved(day, put(5_00, by=by))
    assert [(fact.by, fact.who, fact.reason) for fact in day.last if isinstance(fact, Transferred)] == [(by, 7, Reason.NONE)]


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (put(20_01), "shortage"),
        (put(1, back=True), "shortage"),
        (put(0), "no_amount"),
        (put(-5_00), "no_amount"),
        (put(1_00, to=TOM), "not_the_same_pupil"),
        (put(1_00, owner=VANDERZANDE), "not_the_same_pupil"),
        (Move((TILLEULS, LEA, Compartment.GENERAL), (TILLEULS, LEA, Compartment.GENERAL), 1_00, By.PARENT), "same_wallet"),
        (Move((TILLEULS, LEA, Compartment.GENERAL), (number("Parc"), LEA, Compartment.RESERVE), 1_00, By.PARENT), "no_such_wallet"),
        (Move((TILLEULS, LEA, Compartment.WHOLE), (TILLEULS, LEA, Compartment.RESERVE), 1_00, By.PARENT), "not_the_same_pupil"),
    ],
)
def test_a_transfer_is_refused_with_what_is_wrong_and_moves_nothing(day: Day, wish: Move, code: str) -> None:
    by_pupil(day).do(bring, {LEA: 20_00, TOM: 20_00})
    assert codes(moved(day, wish)) == code
    assert (cents(day, LEA), cents(day, TOM)) == (20_00, 20_00)


def test_what_is_set_aside_is_not_transferred(day: Day) -> None:
    by_pupil(day).do(bring, {LEA: 20_00})
    sale = Sale(
        day.school.pupils[LEA], day.school.sites[TILLEULS], number("sandwich"), 15_00, Why(Rule.PRICE), Policy.MUST_HAVE_FUNDS, NOON
    )
    day.do(hold, sale, NOON + 60_000)
    assert codes(moved(day, put(5_01))) == "shortage"
    assert codes(moved(day, put(5_00))) == ""


def test_a_transfer_that_leaves_little_is_told_to_the_payer_and_one_out_of_the_reserve_is_not(day: Day) -> None:
    by_pupil(day).do(bring, {LEA: 20_00})
    moved(day, put(18_01))
    assert [(fact.level, fact.payer) for fact in day.last if isinstance(fact, LowBalance)] == [(Level.LOW, VANDERZANDE)]
    moved(day, put(18_01, back=True))
    assert not [fact for fact in day.last if isinstance(fact, LowBalance)]


# --- to and from the world ------------------------------------------------------------------------


def test_a_top_up_comes_from_the_clearing_account_of_the_site(day: Day) -> None:
    day.bring("Vanderzande", 3_00)
    paid(day, VANDERZANDE, Clearing.TOP_UP, 25_00)
    assert (day.balance_cents("Vanderzande"), day.books.balance_cents(clearing_account(TILLEULS))) == (28_00, -25_00)


@pytest.mark.parametrize(
    ("has", "kind", "amount", "code", "left"),
    [
        (10_00, Clearing.REFUND, 4_00, "", 6_00),
        (10_00, Clearing.REFUND, 10_00, "", 0),
        (10_00, Clearing.REFUND, 10_01, "shortage", 10_00),
        (-1_00, Clearing.REFUND, 1, "shortage", -1_00),
        (10_00, Clearing.REFUND, 0, "nothing_to_pay", 10_00),
        (10_00, Clearing.REFUND, -5_00, "nothing_to_pay", 10_00),
        (10_00, Clearing.TOP_UP, 0, "nothing_to_pay", 10_00),
        (10_00, Clearing.TOP_UP, -5_00, "nothing_to_pay", 10_00),
        (7_35, Clearing.PAYOUT, 0, "", 0),
        (7_35, Clearing.PAYOUT, 7_36, "shortage", 7_35),
        (0, Clearing.PAYOUT, 0, "nothing_to_pay", 0),
        (-3_00, Clearing.PAYOUT, 0, "nothing_to_pay", -3_00),
    ],
)
def test_what_goes_out_was_there_and_a_leaver_gets_the_rest(day: Day, has: int, kind: Clearing, amount: int, code: str, left: int) -> None:
    day.bring("Vanderzande", has)
    assert codes(paid(day, VANDERZANDE, kind, amount)) == code
    assert day.balance_cents("Vanderzande") == left


def test_a_refund_that_leaves_little_is_told_to_the_payer_and_a_leavers_rest_is_not(day: Day) -> None:
    day.bring("Vanderzande", 10_00)
    day.bring("Quintelier", 10_00)
    paid(day, VANDERZANDE, Clearing.REFUND, 9_00)
    assert [fact.level for fact in day.last if isinstance(fact, LowBalance)] == [Level.LOW]
    paid(day, QUINTELIER, Clearing.PAYOUT, 0)
    assert not [fact for fact in day.last if isinstance(fact, LowBalance)]


def test_a_wallet_that_is_not_there_is_not_paid(day: Day) -> None:
    assert codes(day.do(clear, Payment(5, Clearing.TOP_UP, 1_00), NOON)) == "no_such_wallet"


# --- another policy -------------------------------------------------------------------------------


def switched(day: Day, scope: WalletScope, shares: Shares | None = None) -> Facts | Refusal:
    """The site's policy is another from now on, and its wallets follow."""
    day.change((replace(day.school.sites[TILLEULS], wallet_scope=scope),))
    return day.do(regroup, TILLEULS, shares or {}, NOON)


def test_a_household_with_one_pupil_needs_no_word_about_where_its_money_goes(day: Day) -> None:
    day.bring("Quintelier", 12_34)
    assert codes(switched(day, WalletScope.PUPIL)) == ""
    assert (day.balance_cents("Quintelier"), cents(day, NOE)) == (0, 12_34)
    assert {fact.reason for fact in day.last if isinstance(fact, Transferred)} == {Reason.POLICY}
    assert not [fact for fact in day.last if isinstance(fact, LowBalance)]


@pytest.mark.parametrize(
    ("has", "shares", "code"),
    [
        (20_00, {}, "shares_needed"),
        (20_00, {VANDERZANDE: {LEA: 12_00, TOM: 8_00}}, ""),
        (20_00, {VANDERZANDE: {TOM: 20_00}}, ""),
        (20_00, {VANDERZANDE: {LEA: 12_00, TOM: 8_01}}, "shares_differ"),
        (20_00, {VANDERZANDE: {LEA: 25_00, TOM: -5_00}}, "shares_differ"),
        (20_00, {VANDERZANDE: {LEA: 12_00, NOE: 8_00}}, "not_an_heir"),
        (20_00, {QUINTELIER: {NOE: 1}}, "no_such_wallet"),
        (-6_00, {VANDERZANDE: {LEA: -3_00, TOM: -3_00}}, ""),
        (-6_00, {VANDERZANDE: {LEA: 3_00, TOM: -9_00}}, "shares_differ"),
        (0, {}, ""),
    ],
)
def test_the_money_of_a_household_with_several_pupils_goes_where_the_bursar_says_to_the_cent(
    day: Day, has: int, shares: Shares, code: str
) -> None:
    day.bring("Vanderzande", has)
    before = day.books.total_cents()
    assert codes(switched(day, WalletScope.PUPIL, shares)) == code
    assert day.balance_cents("Vanderzande") == (has if code else 0)
    given = shares.get(VANDERZANDE, {}) if not code else {}
    assert (cents(day, LEA), cents(day, TOM)) == (given.get(LEA, 0), given.get(TOM, 0))
    assert day.books.total_cents() == before == 0


def test_a_pupil_with_two_paying_households_is_split_between_them_reserve_and_all(day: Day) -> None:
    by_pupil(day).change((FATHER, Custody(1, LEA, FATHER.id, date(2025, 1, 1))))
    day.do(bring, {LEA: 20_00, NOE: 3_00})
    moved(day, put(15_00))
    assert codes(switched(day, WalletScope.HOUSEHOLD)) == "shares_needed"
    assert codes(switched(day, WalletScope.HOUSEHOLD, {LEA: {VANDERZANDE: 12_50, FATHER.id: 7_50}})) == ""
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Delcourt"), day.balance_cents("Quintelier")) == (12_50, 7_50, 3_00)
    assert (cents(day, LEA), cents(day, LEA, Compartment.RESERVE), cents(day, NOE)) == (0, 0, 0)


def test_a_pupils_communication_is_constant_for_the_whole_schooling_and_is_given_to_no_other_wallet(day: Day) -> None:
    """Requirement S31: through another class, household and year, and through a site that switches its policy and back."""
    by_pupil(day).do(bring, {LEA: 20_00})
    wallet = day.books.wallets[TILLEULS, LEA, Compartment.GENERAL]
    reference = day.books.owners[wallet].reference
    day.change((replace(day.school.pupils[LEA], group="4B", household=QUINTELIER),))
    day.next_day(365)
    day.tap("Léa", "meal-till", "12:00")
    assert codes(switched(day, WalletScope.HOUSEHOLD)) == ""
    day.tap("Léa", "meal-till", "12:00")
    assert codes(switched(day, WalletScope.PUPIL, {QUINTELIER: {LEA: day.balance_cents("Quintelier")}})) == ""
    assert day.books.wallets[TILLEULS, LEA, Compartment.GENERAL] == wallet
    assert day.books.owners[wallet].reference == reference
    assert [owner.id for owner in day.books.owners.values() if owner.reference == reference] == [wallet]


def test_a_site_nobody_knows_changes_nothing(day: Day) -> None:
    assert codes(day.do(regroup, 5, {}, NOON)) == "no_such_site"


amounts = st.integers(-30_00, 60_00)


@given(amounts, amounts, st.integers(0, 100))
def test_there_and_back_every_household_has_what_it_had(vanderzande: int, quintelier: int, percent: int) -> None:
    day = Day()
    day.bring("Vanderzande", vanderzande)
    day.bring("Quintelier", quintelier)
    lea = abs(vanderzande) * percent // 100 * (1 if vanderzande > 0 else -1)
    shares = {VANDERZANDE: {LEA: lea, TOM: vanderzande - lea}} if vanderzande else {}
    assert codes(switched(day, WalletScope.PUPIL, shares)) == ""
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (0, 0)
    if cents(day, LEA) > 0:
        moved(day, put(cents(day, LEA)))
    assert codes(switched(day, WalletScope.HOUSEHOLD)) == ""
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (vanderzande, quintelier)
    assert all(cents(day, pupil, which) == 0 for pupil in (LEA, TOM, NOE) for which in (Compartment.GENERAL, Compartment.RESERVE))
    check_books([fact for facts in day.facts for fact in facts], day.books)


# --- any sequence ---------------------------------------------------------------------------------

acts = st.lists(
    st.tuples(
        st.sampled_from(["sell", "hold", "settle", "put", "back", "top_up", "refund", "payout", "pupil", "household"]),
        st.sampled_from(["Léa", "Tom", "Noé"]),
        st.integers(-2_00, 25_00),
        st.sampled_from([0, 1_000, 90_000]),
    ),
    max_size=25,
)


class Bursar:
    """Plays acts on a day, and knows what came in from the world."""

    def __init__(self) -> None:
        self.day = Day()
        self.now_ms = NOON
        self.holds: list[int] = []
        self.day.do(bring, {VANDERZANDE: 30_00, QUINTELIER: 1_00})

    def play(self, what: str, who: str, amount: int, step_ms: int) -> None:
        self.now_ms += step_ms
        day, pupil = self.day, self.day.school.pupils[number(who)]
        site = day.school.sites[TILLEULS]
        sale = Sale(pupil, site, number("sandwich"), max(amount, 0), Why(Rule.PRICE), Policy.MUST_HAVE_FUNDS, self.now_ms)
        owned = [one.id for one in day.books.owners.values() if one.pupil == pupil.id or one.household == pupil.household]
        match what:
            case "sell" | "settle":
                day.do(charge, replaced(sale, self.holds.pop(0)) if self.holds and what == "settle" else sale)
            case "hold":
                held = day.do(hold, sale, self.now_ms + 60_000)
                self.holds += [fact.hold for fact in held if hasattr(fact, "hold")] if not isinstance(held, Refusal) else []
            case "put" | "back":
                moved(day, put(amount, back=what == "back", owner=pupil.id))
            case "pupil" | "household":
                switched(day, WalletScope(what), self.halves(WalletScope(what)))
            case _:
                day.do(clear, Payment(owned[amount % len(owned)], Clearing(what), max(amount, 0)), self.now_ms)

    def halves(self, scope: WalletScope) -> Shares:
        """All of it to the first heir."""
        found: dict[int, dict[int, int]] = {}
        for owner in self.day.books.owners.values():
            if bool(owner.compartment) is (scope is WalletScope.PUPIL):
                continue
            has = self.day.books.balance_cents(wallet_account(owner.id))
            heirs = [pupil.id for pupil in self.day.school.pupils.values() if pupil.household == owner.household]
            heir = self.day.school.pupils[owner.pupil].household if owner.pupil else heirs[0]
            if has:
                name = owner.pupil or owner.household
                found[name] = {heir: found.get(name, {}).get(heir, 0) + has}
        return {name: shares for name, shares in found.items() if sum(shares.values())}


def replaced(sale: Sale, held: int) -> Sale:
    return Sale(sale.pupil, sale.site, sale.item, sale.cents, sale.why, sale.policy, sale.at_ms, hold=held)


@given(acts)
@settings(max_examples=150)
def test_whatever_the_bursar_does_no_cent_is_made_or_lost_and_nothing_available_is_above_the_balance(
    each: list[tuple[str, str, int, int]],
) -> None:
    bursar = Bursar()
    books = bursar.day.books
    for act in each:
        bursar.play(*act)
        for wallet in books.owners:
            balance = books.balance_cents(wallet_account(wallet))
            assert available_cents(books, wallet, bursar.now_ms) <= balance
            assert balance >= 0, "nothing here may go below zero"
    facts = [fact for done in bursar.day.facts for fact in done]
    check_books(facts, books)
    wallets = sum(books.balance_cents(wallet_account(wallet)) for wallet in books.owners)
    outside = sum(amount for account, amount in books.balances.items() if not account.startswith("wallet:"))
    assert wallets == -outside
