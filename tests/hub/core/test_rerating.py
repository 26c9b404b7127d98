"""Regularisation: what is priced again when a family file comes, and the credit notes line by line; amounts worked out by hand."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core import canteen, till
from hub.core.attendance import upkeep
from hub.core.canteen import Wish
from hub.core.codes import By, Level, Reason, Stage
from hub.core.corrections import Place, Staff, absent
from hub.core.facts import Charged, Fact, Facts, LowBalance, MealReserved, Refusal, Reversed, TillSold
from hub.core.formulas import ByBracket, ByEffort, Line, Periods, Session, Siblings
from hub.core.menus import Menu, Offer
from hub.core.rerating import Past, asks, corrected, rerated
from hub.core.school import FamilyFile, PayerOverride, TariffGroup
from hub.core.statements import Whose, statement
from hub.core.till import Cashier, Goods
from hub.core.timetable import AbsenceReason, LegalClass, Plan
from proto.messages import Light
from tests.journals import check_books
from tests.schools import MONDAY, TUESDAY, WEDNESDAY, Day, moment, number, reported, scan, tariff

HOUSEHOLD, CARE, STUDY, MEAL = (number(name) for name in ("Vanderzande", "care", "study", "meal"))
GRID = ByBracket(tuple(range(100, 1100, 100)))
"""0,10 € in bracket 1 to 1,00 € in bracket 10."""
EUROS = ByBracket(tuple(range(1000, 11000, 1000)))
"""1,00 € in bracket 1 to 10,00 € in bracket 10."""
BY_INCOME = (tariff("care", Line(Periods(GRID, 30, 5))), tariff("study", Line(Session(EUROS))), tariff("meal", Line(Session(GRID))))
RUN = number("run")
LATER = moment("09:00", date(2025, 1, 20))


@pytest.fixture
def day(day: Day) -> Day:
    """A Monday at the small school where care, study and meals go by income, and the families have no file yet."""
    day.change(BY_INCOME)
    return day


def file(bracket: int, since: date = MONDAY, **rest: object) -> FamilyFile:
    return FamilyFile(**{"id": 7, "household": HOUSEHOLD, "from_day": since, "bracket": bracket, "validated_day": since, **rest})  # type: ignore[arg-type]


def past(day: Day) -> list[Past]:
    return [fact for each in day.facts for fact in each if isinstance(fact, Past)]


def regularise(day: Day, valid: FamilyFile, *, run: int = RUN, at_ms: int = LATER) -> list[Facts]:
    """Edit first, then the corrections, ask by ask."""
    day.change((valid,))
    changes = rerated(day.school, day.books, past(day), HOUSEHOLD, valid.from_day)
    found = []
    for ask, some in asks(day.books, run, changes, MONDAY).items():
        facts = corrected(day.school, day.books, ask, some, at_ms)
        assert {fact.ask for fact in facts} == {ask}
        for fact in facts:
            day.books.apply(fact)
        day.facts.append(facts)
        found.append(facts)
    return found


def stay(day: Day, who: str = "Léa", start: str = "15:30", end: str = "16:40") -> None:
    """70 minutes: three half hours."""
    day.tap(who, "care-in", start)
    day.tap(who, "care-out", end)


def standing(day: Day) -> list[tuple[int, int]]:
    """What stands, by item: cents."""
    return sorted((one.item, one.cents) for one in day.books.charges.values() if not one.reversed)


def cents_of(day: Day, *items: int) -> list[int]:
    return [cents for item, cents in standing(day) if not items or item in items]


# --- amounts by hand ------------------------------------------------------------------------------


def test_what_was_charged_without_a_file_is_taken_back_whole_and_charged_again_from_the_chosen_day_on(day: Day) -> None:
    day.bring("Vanderzande", 10_00)
    stay(day)
    day.next_day()
    stay(day, "Tom", end="16:10")
    day.buy("Tom", "sandwich", "12:10")
    first, second, sandwich = day.books.charges.values()
    assert cents_of(day, CARE) == [2_00, 3_00]
    ((taken, made),) = regularise(day, file(4, TUESDAY))
    assert isinstance(taken, Reversed)
    assert isinstance(made, Charged)
    assert (taken.charge, taken.cents, taken.reason) == (second.id, 2_00, Reason.CORRECTED)
    assert (made.cents, made.pupil, made.payer, made.wallet) == (80, number("Tom"), HOUSEHOLD, second.wallet)
    assert (made.stay, made.day, made.item, made.at_ms) == (second.stay, 20250107, CARE, LATER)
    assert made.why.terms is not None
    assert (made.why.terms.bracket, made.why.terms.file, made.why.units) == (4, 7, 2)
    assert not day.books.charges[first.id].reversed
    assert not day.books.charges[sandwich.id].reversed
    assert day.books.sheet(number("Tom"), CARE, 20250107).lines[second.stay].charge == made.charge
    assert day.balance_cents("Vanderzande") == 10_00 - (3_00 + 80 + 3_20)


def test_a_credit_note_is_made_for_each_line_and_one_ask_for_each_pupil(day: Day) -> None:
    for _ in range(2):
        stay(day)
        stay(day, "Tom", end="16:10")
        day.next_day()
    found = regularise(day, file(4))
    assert [[type(fact) for fact in facts] for facts in found] == [[Reversed, Charged] * 2] * 2
    assert cents_of(day) == [80, 80, 1_20, 1_20]
    assert day.balance_cents("Vanderzande") == -4_00


def test_a_run_that_was_cut_off_is_run_again_and_a_run_that_was_not_finds_nothing(day: Day) -> None:
    stay(day)
    stay(day, "Tom", end="16:10")
    day.change((file(4),))
    changes = rerated(day.school, day.books, past(day), HOUSEHOLD, MONDAY)
    (ask, some), _ = asks(day.books, RUN, changes, MONDAY).items()
    for fact in (facts := corrected(day.school, day.books, ask, some, LATER)):
        day.books.apply(fact)
    day.facts.append(facts)
    assert len(regularise(day, file(4), run=RUN + 1)) == 1
    assert cents_of(day) == [80, 1_20]
    assert regularise(day, file(4), run=RUN + 2) == []


def test_a_scan_that_comes_late_after_the_regularisation_corrects_the_new_charge(day: Day) -> None:
    stay(day, start="16:00")
    regularise(day, file(4))
    assert cents_of(day) == [80]
    day.tap("Léa", "care-in", "15:30")
    assert cents_of(day) == [1_20]


def test_another_payers_charges_and_those_of_before_the_chosen_day_stand(day: Day) -> None:
    day.change((PayerOverride(1, number("Léa"), number("Quintelier"), MONDAY, item=CARE),))
    stay(day)
    day.tap("Noé", "care-in", "15:30")
    day.tap("Noé", "care-out", "16:40")
    assert regularise(day, file(4)) == []
    assert cents_of(day) == [3_00, 3_00]


def test_gathered_charges_stay_gathered_and_those_of_a_pilot_stay_of_the_pilot(day: Day) -> None:
    site = day.school.sites[number("Tilleuls")]
    day.change((replace(site, pilot_from=MONDAY, live_from=TUESDAY),))
    day.change((replace(day.school.programmes[CARE], post_days=7),))
    stay(day)
    day.next_day()
    stay(day)
    assert day.balance_cents("Vanderzande") == 0
    ((_, pilot, _, gathered),) = regularise(day, file(4))
    assert isinstance(pilot, Charged)
    assert isinstance(gathered, Charged)
    assert [(one.stage, one.cents, one.entries) for one in (pilot, gathered)] == [(Stage.PILOT, 1_20, ()), (Stage.GATHERED, 1_20, ())]
    assert list(day.books.gathered[gathered.wallet]) == [gathered.charge]
    assert day.balance_cents("Vanderzande") == 0


def test_a_groups_day_fills_up_again_in_the_order_of_the_clock(day: Day) -> None:
    """Bracket 10: care 3,00 and study 10,00, of 5,00 at most. Bracket 1: care 0,30 and study 1,00."""
    grouped = tariff("care", Line(Periods(GRID, 30, 5)), group="day"), tariff("study", Line(Session(EUROS)), group="day")
    day.change((*grouped, TariffGroup(number("day"), "Jour", 5_00)))
    day.tap("Léa", "care-in", "07:00")
    day.tap("Léa", "care-out", "08:10")
    day.tap("Léa", "study-door", "16:05")
    assert sorted(cents_of(day)) == [2_00, 3_00]
    regularise(day, file(1))
    assert sorted(cents_of(day)) == [30, 1_00]
    regularise(day, file(4), run=RUN + 1)
    assert sorted(cents_of(day)) == [1_20, 5_00 - 1_20]


def test_what_was_free_because_the_groups_day_was_full_costs_something_when_there_is_room(day: Day) -> None:
    grouped = tariff("care", Line(Periods(GRID, 30, 5)), group="day"), tariff("study", Line(Session(EUROS)), group="day")
    day.change((*grouped, TariffGroup(number("day"), "Jour", 3_00)))
    day.tap("Léa", "care-in", "07:00")
    day.tap("Léa", "care-out", "08:10")
    day.tap("Léa", "study-door", "16:05")
    assert sorted(cents_of(day)) == [0, 3_00]
    regularise(day, file(1))
    assert sorted(cents_of(day)) == [30, 1_00]


def test_what_a_file_makes_free_is_kept_as_a_line_and_priced_again_when_the_file_was_wrong(day: Day) -> None:
    day.change((tariff("care", Line(Periods(ByBracket((0, *range(200, 1100, 100))), 30, 5))),))
    stay(day)
    regularise(day, file(1))
    assert cents_of(day) == [0]
    stay(day, "Tom")
    assert cents_of(day) == [0, 0]
    regularise(day, file(4), run=RUN + 1)
    assert cents_of(day) == [1_20, 1_20]


def test_a_sibling_who_was_there_counts_again_as_on_the_day(day: Day) -> None:
    lea, tom = day.school.pupils[number("Léa")], day.school.pupils[number("Tom")]
    half = Line(Periods(GRID, 30, 5), siblings=Siblings((0, 50), present=True))
    day.change((replace(lea, born=date(2014, 1, 1)), replace(tom, born=date(2017, 1, 1)), tariff("care", half)))
    stay(day)
    stay(day, "Tom")
    day.next_day()
    stay(day, "Tom")
    assert cents_of(day) == [1_50, 3_00, 3_00]
    regularise(day, file(4))
    assert cents_of(day) == [60, 1_20, 1_20]


def test_an_effort_rate_is_worked_out_from_the_quotient_of_the_file(day: Day) -> None:
    """0,12 % of 1 000,00 € is 1,20 €; without a file the maximum, 4,00 €."""
    day.change((tariff("study", Line(Session(ByEffort(1200, 50, 4_00)))),))
    day.tap("Léa", "study-door", "16:05")
    assert cents_of(day) == [4_00]
    regularise(day, file(0, qf_cents=1_000_00))
    assert cents_of(day) == [1_20]


def test_of_an_absence_the_percentage_of_the_new_price_is_charged(day: Day) -> None:
    """Planned are three half hours from 07:00 and five from 15:30. Half of 3,00 and of 5,00, then half of 1,20 and of 2,00."""
    half = AbsenceReason(number("ill"), "Maladie", percent=50)
    day.change((Plan(1, number("Léa"), CARE, MONDAY), half))
    day.do(absent, Staff(5, Reason.CONFIRMED, LATER), Place(number("Léa"), CARE, 20250106), half.id)
    assert cents_of(day) == [1_50, 2_50]
    regularise(day, file(4))
    assert cents_of(day) == [60, 1_00]


def test_a_statement_names_each_credit_note_and_the_charge_that_stands_instead(day: Day) -> None:
    stay(day)
    day.next_day()
    stay(day)
    first, second = day.books.charges
    ((_, one, _, other),) = regularise(day, file(4))
    assert isinstance(one, Charged)
    assert isinstance(other, Charged)
    facts: list[Fact] = [fact for each in day.facts for fact in each]
    found = statement(day.school, day.books.owners, facts, Whose(one.wallet), (date(2025, 1, 1), date(2025, 1, 31)))
    assert [(line.day, line.cents, line.charge, line.corrects) for line in found.lines] == [
        (MONDAY, -3_00, first, 0),
        (MONDAY, 3_00, first, first),
        (MONDAY, -1_20, one.charge, first),
        (TUESDAY, -3_00, second, 0),
        (TUESDAY, 3_00, second, second),
        (TUESDAY, -1_20, other.charge, second),
    ]
    assert found.totals == {LegalClass.OUTSIDE_HOURS: 2_40}


# --- orders ---------------------------------------------------------------------------------------


def test_a_meal_ordered_for_a_later_day_is_repriced_and_its_cancellation_in_time_gives_the_new_price_back(day: Day) -> None:
    day.change((Menu(number("Tilleuls"), WEDNESDAY, (Offer(MEAL, 9_99),)),))
    wish = Wish(number("Léa"), number("Tilleuls"), WEDNESDAY, By.PARENT, moment("12:00"))
    day.do(canteen.order, wish, MEAL)
    assert cents_of(day) == [1_00]
    ((taken, reserved, made),) = regularise(day, file(4), at_ms=moment("13:00"))
    assert (type(taken), type(reserved), type(made)) == (Reversed, MealReserved, Charged)
    assert day.balance_cents("Vanderzande") == -40
    assert regularise(day, file(4), run=RUN + 1) == []
    day.do(canteen.cancel, replace_at(wish, "14:00"))
    assert (day.balance_cents("Vanderzande"), day.books.meals) == (0, {})


def test_a_meal_cancelled_late_keeps_its_price_as_long_as_it_may_be_resold(day: Day) -> None:
    day.change((Menu(number("Tilleuls"), MONDAY, (Offer(MEAL, 9_99),)),))
    wish = Wish(number("Léa"), number("Tilleuls"), MONDAY, By.PARENT, moment("08:00"))
    day.do(canteen.order, wish, MEAL)
    day.do(canteen.cancel, replace_at(wish, "10:00"))
    assert regularise(day, file(4)) == []
    day.do(canteen.wait, Wish(number("Noé"), number("Tilleuls"), MONDAY, By.PARENT, moment("10:30")), MEAL)
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (0, -1_00)


def test_a_meal_cancelled_late_is_repriced_when_its_day_is_over(day: Day) -> None:
    day.change((Menu(number("Tilleuls"), MONDAY, (Offer(MEAL, 9_99),)),))
    wish = Wish(number("Léa"), number("Tilleuls"), MONDAY, By.PARENT, moment("08:00"))
    day.do(canteen.order, wish, MEAL)
    day.do(canteen.cancel, replace_at(wish, "10:00"))
    day.change((file(4),))
    (change,) = rerated(day.school, day.books, past(day), HOUSEHOLD, MONDAY)
    assert (change.day, change.charged.cents, change.cents, change.more_cents) == (MONDAY, 1_00, 40, -60)
    assert asks(day.books, RUN, [change], MONDAY) == {}
    assert len(asks(day.books, RUN, [change], TUESDAY)) == 1


def test_a_meal_that_was_eaten_is_repriced_and_stays_eaten(day: Day) -> None:
    day.tap("Léa", "meal-till", "12:05")
    assert cents_of(day) == [1_00]
    before = day.books.meals.copy()
    regularise(day, file(4))
    assert (cents_of(day), day.books.meals) == ([40], before)


def test_a_meal_that_was_refused_at_the_till_after_all_is_paid_back_at_its_new_price(day: Day) -> None:
    arrived = scan("Léa", "meal-till", "12:05", n=1)
    day.take(arrived)
    regularise(day, file(4))
    assert cents_of(day) == [40]
    day.report(reported(arrived, Light.ADULT))
    assert (cents_of(day), day.balance_cents("Vanderzande")) == ([], 0)


def replace_at(wish: Wish, clock: str) -> Wish:
    return Wish(wish.pupil, wish.site, wish.day, wish.by, moment(clock))


# --- dearer ---------------------------------------------------------------------------------------


def test_a_file_that_was_too_favourable_is_corrected_upwards_and_who_pays_is_told_when_the_wallet_falls(day: Day) -> None:
    day.bring("Vanderzande", 3_50)
    day.change((file(4),))
    stay(day)
    ((_, made, low),) = regularise(day, file(9))
    assert isinstance(made, Charged)
    assert isinstance(low, LowBalance)
    assert (made.cents, low.level, low.balance_cents) == (2_70, Level.LOW, 80)


def test_an_article_that_passes_a_limit_by_a_correction_says_why(day: Day) -> None:
    day.change((tariff("sandwich", Line(Session(EUROS))), file(1)))
    day.bring("Vanderzande", 2_00)
    day.buy("Léa", "sandwich", "12:10")
    ((_, made, _),) = regularise(day, file(9))
    assert isinstance(made, Charged)
    assert (made.cents, made.reason, made.limit_day) == (9_00, Reason.CORRECTED, 20250106)
    assert day.books.spent[number("Léa")] == {20250106: 9_00}


def test_a_cashiers_sale_that_was_priced_again_is_not_taken_back_as_if_it_still_cost_the_old_price(day: Day) -> None:
    day.change((tariff("sandwich", Line(Session(EUROS))),))
    day.bring("Vanderzande", 50_00)
    cashier = Cashier("till", 71, moment("12:00"))
    day.do(till.open_desk, cashier, 0)
    sold = day.do(till.sell, cashier, number("Léa"), (Goods(number("sandwich")),), 10_00)
    assert not isinstance(sold, Refusal)
    (act,) = (fact.act for fact in sold if isinstance(fact, TillSold))
    regularise(day, file(4))
    assert day.do(till.void, replace_who(cashier, 72), act, Reason.WRONG_PUPIL) == Refusal("corrected_since")
    assert day.balance_cents("Vanderzande") == 50_00 - 4_00


def replace_who(cashier: Cashier, who: int) -> Cashier:
    return Cashier(cashier.desk, who, cashier.at_ms)


# --- whatever happens -----------------------------------------------------------------------------

TAPS = st.lists(
    st.tuples(
        st.sampled_from(["Léa", "Tom", "Noé"]),
        st.sampled_from(["care-in", "care-out", "study-in", "meal-till", "sandwich-till"]),
        st.integers(15 * 60 + 30, 18 * 60),
        st.integers(0, 2),
    ),
    max_size=20,
)
BRACKETS = st.integers(1, 10)


@settings(deadline=None)
@given(TAPS, BRACKETS, BRACKETS, st.booleans(), st.booleans())
def test_in_the_end_each_day_costs_what_it_would_have_cost_had_the_file_been_there_and_all_sums_are_zero(
    taps: list[tuple[str, str, int, int]], one: int, other: int, together: bool, gathered: bool
) -> None:
    lived, ideal = (_lived(taps, valid, together=together, gathered=gathered) for valid in (None, file(other)))
    before = dict(lived.books.balances)
    stands = {charge.id: charge for charge in lived.books.charges.values() if not charge.reversed and charge.pupil == number("Noé")}
    regularise(lived, file(one))
    regularise(lived, file(other), run=RUN + 1)
    assert standing(lived) == standing(ideal)
    assert lived.balance_cents("Vanderzande") == ideal.balance_cents("Vanderzande")
    assert {charge: lived.books.charges[charge] for charge in stands} == stands
    assert regularise(lived, file(other), run=RUN + 2) == []
    if other == 10:
        assert lived.books.balances == before
    check_books([fact for each in lived.facts for fact in each], lived.books)
    for charge in _charged(lived):
        assert charge.stage is (Stage.GATHERED if gathered and charge.item == CARE else Stage.POSTED)


def _lived(taps: list[tuple[str, str, int, int]], valid: FamilyFile | None, *, together: bool, gathered: bool) -> Day:
    """The same scans, with a file or without."""
    day, group = Day(), "day" if together else ""
    half = Siblings((0, 50), present=True)
    day.change((tariff("care", Line(Periods(GRID, 30, 5), siblings=half), group=group), tariff("study", Line(Session(EUROS)), group=group)))
    day.change((TariffGroup(number("day"), "Jour", 4_00), tariff("meal", Line(Session(GRID)))))
    lea, tom = day.school.pupils[number("Léa")], day.school.pupils[number("Tom")]
    day.change((replace(lea, born=date(2014, 1, 1)), replace(tom, born=date(2017, 1, 1))))
    if gathered:
        day.change((replace(day.school.programmes[CARE], post_days=7),))
    if valid:
        day.change((valid,))
    for who, reader, minute, after in taps:
        day.date = MONDAY + timedelta(days=after)
        day.tap(who, reader, f"{minute // 60}:{minute % 60:02d}")
    day.date = MONDAY + timedelta(days=11)
    day.do(lambda school, books, ask: upkeep(school, books, ask, moment("23:00", day.date)))
    return day


def _charged(day: Day) -> Iterator[Charged]:
    for facts in day.facts:
        yield from (fact for fact in facts if isinstance(fact, Charged))
