"""Custody that was entered late: what the wrong parent was charged is taken back line by line, and charged to who pays; by hand."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core import canteen, till
from hub.core.attendance import upkeep
from hub.core.canteen import Wish
from hub.core.codes import By, Compartment, Level, Reason, Stage
from hub.core.facts import Charged, Fact, Facts, LowBalance, MealReserved, Refusal, Reversed, TillSold, WalletOpened
from hub.core.formulas import ByBracket, Fixed, Line, Periods, Session, Siblings
from hub.core.menus import Menu, Offer
from hub.core.rerating import Past, asks, corrected, families, per_wallet, repaid
from hub.core.school import Custody, FamilyFile, PayerOverride, TariffGroup, WalletScope, Weeks
from hub.core.statements import Kind, Whose, statement
from hub.core.till import Cashier, Goods
from proto.messages import Light
from tests.journals import check_books
from tests.schools import MONDAY, TUESDAY, WEDNESDAY, Day, moment, number, reported, scan, tariff

MOTHER, FATHER, LEA, CARE, SITE = (number(name) for name in ("Vanderzande", "Quintelier", "Léa", "care", "Tilleuls"))
RUN = number("run")
LATER = moment("09:00", date(2025, 1, 27))
GRID = ByBracket(tuple(range(100, 1100, 100)))
"""0,10 € in bracket 1 to 1,00 € in bracket 10."""


def custody(since: date = MONDAY, weeks: Weeks = Weeks.EVERY, who: str = "Léa") -> Custody:
    """The father has the child, and pays."""
    return Custody(number(f"custody of {who}"), number(who), FATHER, since, None, weeks)


def past(day: Day) -> list[Past]:
    children = families(day.school, LEA)
    return [fact for each in day.facts for fact in each if isinstance(fact, Past) and fact.pupil in children]


def move(day: Day, since: date = MONDAY, run: int = RUN, today: date = MONDAY) -> list[Facts]:
    """Staff ask for it, and what they are shown before is what happens to the wallets."""
    changes = repaid(day.school, day.books, past(day), LEA, since)
    shown = per_wallet(day.school, day.books, [one for some in asks(day.books, run, changes, today).values() for one in some])
    before = {place: day.books.balance_cents(f"wallet:{day.books.wallets.get(place, 0)}") for place in shown}
    found = []
    for ask, some in asks(day.books, run, changes, today).items():
        facts = corrected(day.school, day.books, ask, some, LATER, who=5)
        assert {fact.ask for fact in facts} == {ask}
        for fact in facts:
            day.books.apply(fact)
        day.facts.append(facts)
        found.append(facts)
    for place, cents in shown.items():
        assert day.books.balance_cents(f"wallet:{day.books.wallets[place]}") - before[place] == cents
    return found


def stay(day: Day, who: str = "Léa", start: str = "15:30", end: str = "16:40") -> None:
    """70 minutes: three half hours at 0,75 € are 2,25 €."""
    day.tap(who, "care-in", start)
    day.tap(who, "care-out", end)


def standing(day: Day) -> list[tuple[int, int, int]]:
    """Pupil, cents and payer of what stands."""
    back = {fact.charge for each in day.facts for fact in each if isinstance(fact, Reversed)}
    charged = [fact for each in day.facts for fact in each if isinstance(fact, Charged) and fact.charge not in back]
    return sorted((one.pupil, one.cents, one.payer) for one in charged)


# --- amounts by hand ------------------------------------------------------------------------------


def test_custody_entered_late_moves_nothing_by_itself_and_each_charge_when_staff_ask(day: Day) -> None:
    day.bring("Vanderzande", 10_00)
    stay(day)
    day.next_day()
    stay(day, end="16:10")  # 40 minutes: two half hours, 1,50 €
    first, second = day.books.charges.values()
    day.change((custody(TUESDAY),))
    assert day.balance_cents("Vanderzande") == 10_00 - 2_25 - 1_50
    ((taken, opened, made, low),) = move(day)
    assert isinstance(taken, Reversed)
    assert isinstance(opened, WalletOpened)
    assert isinstance(made, Charged)
    assert isinstance(low, LowBalance)
    assert (taken.charge, taken.cents, taken.wallet, taken.reason, taken.who) == (second.id, 1_50, second.wallet, Reason.OTHER_PAYER, 5)
    assert (made.cents, made.payer, made.wallet, made.who) == (1_50, FATHER, opened.wallet, 5)
    assert (made.stay, made.day, made.item, made.at_ms, made.pupil) == (second.stay, 20250107, CARE, LATER, LEA)
    assert (made.why.units, made.why.minutes) == (2, 40)
    assert (low.payer, low.level, low.balance_cents) == (FATHER, Level.DEBT, -1_50)
    assert not day.books.charges[first.id].reversed
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (10_00 - 2_25, -1_50)


def test_only_the_weeks_of_the_other_parent_move_and_only_from_the_chosen_day_on(day: Day) -> None:
    """2025-01-06 is in week 2, even; the week after is odd."""
    for _ in range(3):
        stay(day)
        day.next_day(7)
    day.change((custody(weeks=Weeks.EVEN),))
    assert len(repaid(day.school, day.books, past(day), LEA, MONDAY)) == 2
    move(day, since=MONDAY + timedelta(days=1))
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (-4_50, -2_25)


def test_asked_again_nothing_is_left_and_what_was_cut_off_is_done(day: Day) -> None:
    stay(day)
    day.tap("Léa", "meal-till", "12:05")
    day.change((custody(),))
    assert len(move(day)) == 1
    assert move(day, run=RUN + 1) == []
    day.change((replace(custody(), until_day=MONDAY),))  # a mistake: the custody was never his
    assert len(move(day, run=RUN + 2)) == 1
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (-2_25 - 4_50, 0)


def test_who_pays_for_one_thing_only_gets_the_charges_of_that_thing(day: Day) -> None:
    stay(day)
    day.tap("Léa", "meal-till", "12:05")
    day.change((PayerOverride(1, LEA, FATHER, MONDAY, item=number("meal")),))
    move(day)
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (-2_25, -4_50)


def test_the_price_is_that_of_the_household_that_pays(day: Day) -> None:
    """No file: bracket 10, 3 × 1,00 €. The father has bracket 4: 3 × 0,40 €."""
    day.change((tariff("care", Line(Periods(GRID, 30, 5))), FamilyFile(7, FATHER, MONDAY, None, 4, validated_day=MONDAY)))
    stay(day)
    stay(day, "Tom")
    day.change((custody(),))
    ((_, _, made, _),) = move(day)
    assert isinstance(made, Charged)
    assert made.why.terms is not None
    assert (made.cents, made.why.terms.bracket, made.why.terms.file) == (1_20, 4, 7)
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (-3_00, -1_20)


def test_a_brother_whose_elder_sister_is_paid_for_by_the_other_parent_is_the_first_child_again(day: Day) -> None:
    """The second child pays half: Tom 1,13 € (half of 2,25 €, half a cent up); alone with his mother 2,25 €."""
    lea, tom = day.school.pupils[LEA], day.school.pupils[number("Tom")]
    half = Line(Periods(Fixed(750), 30, 5), siblings=Siblings((0, 50)))
    day.change((replace(lea, born=date(2014, 1, 1)), replace(tom, born=date(2017, 1, 1)), tariff("care", half)))
    stay(day)
    stay(day, "Tom")
    day.next_day()
    stay(day, "Tom")
    assert sorted(standing(day)) == sorted([(LEA, 2_25, MOTHER), *[(tom.id, 1_13, MOTHER)] * 2])
    day.change((custody(),))
    move(day)
    assert standing(day) == sorted([(LEA, 2_25, FATHER), *[(tom.id, 2_25, MOTHER)] * 2])
    taken = [fact.reason for fact in day.last if isinstance(fact, Reversed)]
    assert set(taken) <= {Reason.CORRECTED, Reason.OTHER_PAYER}


def test_a_brothers_own_custody_is_not_touched_by_his_sisters(day: Day) -> None:
    stay(day)
    stay(day, "Tom")
    day.change((custody(), custody(who="Tom")))
    move(day)
    assert standing(day) == sorted([(LEA, 2_25, FATHER), (number("Tom"), 2_25, MOTHER)])


def test_a_groups_day_fills_up_again_at_the_new_payers_price(day: Day) -> None:
    """Bracket 10: care 3,00 and study 2,00 of 5,00 at most. The father's bracket 4: care 1,20, and study 3,80 of its 4,00."""
    euros = ByBracket(tuple(range(1000, 11000, 1000)))
    grouped = tariff("care", Line(Periods(GRID, 30, 5)), group="day"), tariff("study", Line(Session(euros)), group="day")
    day.change((*grouped, TariffGroup(number("day"), "Jour", 5_00), FamilyFile(7, FATHER, MONDAY, None, 4, validated_day=MONDAY)))
    stay(day, start="07:00", end="08:10")
    day.tap("Léa", "study-door", "16:05")
    assert sorted(cents for _, cents, _ in standing(day)) == [2_00, 3_00]
    day.change((PayerOverride(1, LEA, FATHER, MONDAY, item=CARE),))
    move(day)
    assert standing(day) == sorted([(LEA, 1_20, FATHER), (LEA, 3_80, MOTHER)])


# --- as far as they were --------------------------------------------------------------------------


def test_what_is_gathered_or_of_a_pilot_stays_so_for_the_other_payer(day: Day) -> None:
    site = day.school.sites[SITE]
    day.change((replace(site, pilot_from=MONDAY, live_from=TUESDAY), replace(day.school.programmes[CARE], post_days=7)))
    stay(day)
    day.next_day()
    stay(day)
    day.change((custody(),))
    assert per_wallet(day.school, day.books, repaid(day.school, day.books, past(day), LEA, MONDAY)) == {}
    (facts,) = move(day)
    made = [fact for fact in facts if isinstance(fact, Charged)]
    assert [(one.stage, one.payer, one.entries) for one in made] == [(Stage.PILOT, FATHER, ()), (Stage.GATHERED, FATHER, ())]
    assert {wallet: list(charges) for wallet, charges in day.books.gathered.items()} == {made[1].wallet: [made[1].charge]}


def test_where_the_wallet_is_the_pupils_the_charge_names_the_other_payer_and_no_money_moves(day: Day) -> None:
    day.change((replace(day.school.sites[SITE], wallet_scope=WalletScope.PUPIL),))
    stay(day)
    day.change((custody(),))
    ((_, made),) = move(day)
    assert isinstance(made, Charged)
    assert (made.payer, made.wallet) == (FATHER, day.books.wallets[SITE, LEA, Compartment.GENERAL])
    assert day.books.balance_cents(f"wallet:{made.wallet}") == -2_25


def test_a_meal_that_is_ordered_for_the_other_parents_week_is_paid_and_cancelled_by_that_parent(day: Day) -> None:
    day.change((Menu(SITE, WEDNESDAY, (Offer(number("meal"), 4_50),)),))
    wish = Wish(LEA, SITE, WEDNESDAY, By.PARENT, moment("12:00"))
    day.do(canteen.order, wish, number("meal"))
    day.change((custody(TUESDAY),))
    ((taken, _, reserved, made, _),) = move(day)
    assert (type(taken), type(reserved), type(made)) == (Reversed, MealReserved, Charged)
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (0, -4_50)
    day.do(canteen.cancel, replace_at(wish, "14:00"))
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier"), day.books.meals) == (0, 0, {})


def test_a_meal_that_was_refused_at_the_till_after_all_is_paid_back_to_whom_it_was_moved(day: Day) -> None:
    """The till had lost the hub's yes, said no by itself, and tells it when the network is back; meanwhile the custody was entered."""
    arrived = scan("Léa", "meal-till", "12:05", n=1)
    day.take(arrived)
    day.change((custody(),))
    move(day)
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (0, -4_50)
    day.report(reported(arrived, Light.ADULT))
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier"), standing(day)) == (0, 0, [])


def replace_at(wish: Wish, clock: str) -> Wish:
    return Wish(wish.pupil, wish.site, wish.day, wish.by, moment(clock))


def test_a_cashiers_sale_moves_counts_once_for_the_childs_limit_and_says_why_it_passes_the_other_parents(day: Day) -> None:
    day.bring("Vanderzande", 10_00)
    day.change((replace(day.school.pupils[LEA], daily_limit_cents=4_00),))
    cashier = Cashier("till", 71, moment("12:00"))
    day.do(till.open_desk, cashier, 0)
    sold = day.do(till.sell, cashier, LEA, (Goods(number("sandwich")),), 3_20)
    assert not isinstance(sold, Refusal)
    (act,) = (fact.act for fact in sold if isinstance(fact, TillSold))
    day.change((custody(),))
    (facts,) = move(day)
    (made,) = (fact for fact in facts if isinstance(fact, Charged))
    assert (made.cents, made.payer, made.reason, made.limit_day) == (3_20, FATHER, Reason.CORRECTED, 20250106)
    assert day.books.spent[LEA] == {20250106: 3_20}
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (10_00, -3_20)
    assert day.do(till.void, Cashier("till", 72, moment("12:30")), act, Reason.WRONG_PUPIL) == Refusal("corrected_since")


def test_a_scan_that_comes_late_afterwards_corrects_the_charge_of_the_one_who_pays_now(day: Day) -> None:
    stay(day, start="16:00")
    day.change((custody(),))
    move(day)
    day.tap("Léa", "care-in", "15:30")
    assert standing(day) == [(LEA, 2_25, FATHER)]
    assert day.balance_cents("Vanderzande") == 0


def test_neither_parents_statement_tells_of_the_others_wallet(day: Day) -> None:
    stay(day)
    (first,) = day.books.charges
    day.change((custody(),))
    ((_, _, made, _),) = move(day)
    assert isinstance(made, Charged)
    facts: list[Fact] = [fact for each in day.facts for fact in each]
    month = (date(2025, 1, 1), date(2025, 1, 31))
    old, new = (
        statement(day.school, day.books.owners, facts, Whose(wallet), month) for wallet in (day.books.charges[first].wallet, made.wallet)
    )
    assert [(line.kind, line.cents, line.charge) for line in old.lines] == [(Kind.CHARGE, -2_25, first), (Kind.CREDIT, 2_25, first)]
    assert [(line.day, line.kind, line.cents, line.charge) for line in new.lines] == [(MONDAY, Kind.CHARGE, -2_25, made.charge)]


# --- whatever happens -----------------------------------------------------------------------------

TAPS = st.lists(
    st.tuples(
        st.sampled_from(["Léa", "Tom", "Noé"]),
        st.sampled_from(["care", "care", "study-in", "meal-till"]),
        st.integers(15 * 60 + 30, 17 * 60),
        st.integers(0, 8),
    ),
    max_size=20,
)


@settings(deadline=None)
@given(TAPS, st.sampled_from(list(Weeks)), st.booleans(), st.booleans())
def test_in_the_end_everybody_pays_what_they_would_have_paid_had_the_custody_been_there(
    taps: list[tuple[str, str, int, int]], weeks: Weeks, together: bool, gathered: bool
) -> None:
    lived, ideal = (_lived(taps, known, together=together, gathered=gathered) for known in (None, custody(weeks=weeks)))
    before = dict(lived.books.balances)
    lived.change((custody(weeks=weeks),))
    move(lived)
    assert standing(lived) == standing(ideal)
    for household in ("Vanderzande", "Quintelier"):
        assert lived.balance_cents(household) == ideal.balance_cents(household)
    assert move(lived, run=RUN + 1) == []
    check_books([fact for each in lived.facts for fact in each], lived.books)
    lived.change((replace(custody(weeks=weeks), until_day=MONDAY),))
    move(lived, run=RUN + 2)
    assert {account: cents for account, cents in lived.books.balances.items() if cents} == {
        account: cents for account, cents in before.items() if cents
    }


def _lived(taps: list[tuple[str, str, int, int]], known: Custody | None, *, together: bool, gathered: bool) -> Day:
    """The same scans, with the custody or without."""
    day, group = Day(), "day" if together else ""
    half = Siblings((0, 50))
    day.change(
        (tariff("care", Line(Periods(GRID, 30, 5), siblings=half), group=group), tariff("study", Line(Session(Fixed(1000))), group=group))
    )
    day.change((TariffGroup(number("day"), "Jour", 2_00), FamilyFile(7, FATHER, MONDAY, None, 4, validated_day=MONDAY)))
    for who, born in (("Léa", 2014), ("Tom", 2017), ("Noé", 2015)):
        day.change((replace(day.school.pupils[number(who)], born=date(born, 1, 1)),))
    if gathered:
        day.change((replace(day.school.programmes[CARE], post_days=7),))
    if known:
        day.change((known,))
    for who, reader, minute, after in taps:
        day.date = MONDAY + timedelta(days=after)
        for each, at in ((reader, minute),) if reader != "care" else (("care-in", minute), ("care-out", minute + 50)):
            day.tap(who, each, f"{at // 60}:{at % 60:02d}")
    day.date = MONDAY + timedelta(days=18)
    day.do(lambda school, books, ask: upkeep(school, books, ask, moment("23:00", day.date)))
    return day
