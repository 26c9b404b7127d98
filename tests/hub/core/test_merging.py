"""A child that was entered twice becomes one: nothing is rewritten, nothing is lost, and everything to come is the one child's."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core import corrections
from hub.core.canteen import Wish, counts, order
from hub.core.codes import By, Clearing, Compartment, Reason
from hub.core.corrections import Place, Staff
from hub.core.facts import HoldReleased, Refusal, StayClosed, Transferred
from hub.core.inside import evacuation
from hub.core.ledger import wallet_account
from hub.core.menus import Allergen, Diet, Menu, Offer
from hub.core.merging import brought_over, same_child
from hub.core.rerating import family
from hub.core.school import Custody, Pupil, Rows, edited
from hub.core.statements import Whose, concerning, statement
from hub.core.timetable import Plan
from hub.core.transfers import Payment, clear
from hub.core.wallets import available_cents, set_aside
from proto.messages import Light
from tests.hub.core.test_transfers import bring, by_pupil, cents
from tests.journals import check_books
from tests.schools import MONDAY, Day, badge, moment, number

LEA, TOM, NOE, TILLEULS = number("Léa"), number("Tom"), number("Noé"), number("Tilleuls")
FAMILY = number("Vanderzande")
JANE = 15


def at(day: Day, clock: str) -> int:
    return moment(clock, day.date)


def made_one(day: Day, kept: int = LEA, gone: int = TOM, clock: str = "08:00") -> str:
    """Make the second the first, with its money; the code of a refusal."""
    rows = same_child(day.school, day.books, (kept, gone), lambda _pair: True, at(day, clock))
    if isinstance(rows, Refusal):
        return rows.code
    day.change(rows)
    day.do(brought_over, at(day, clock), JANE)
    return ""


def _ordered(day: Day) -> None:
    tuesday = day.date + timedelta(days=1)
    day.change((Menu(TILLEULS, tuesday, (Offer(number("meal"), 4_50),)),))
    assert not isinstance(day.do(order, Wish(TOM, TILLEULS, tuesday, By.PARENT, at(day, "07:00")), number("meal")), Refusal)


def test_the_badge_of_a_second_entry_is_the_childs_from_then_on_also_for_a_scan_that_comes_late(day: Day) -> None:
    day.tap("Tom", "care-in", "15:40")
    day.tap("Tom", "care-out", "16:40")
    day.next_day()
    assert made_one(day) == ""
    assert day.tap("Tom", "care-in", "15:40").pupil == LEA
    assert day.is_in("Léa")
    assert day.school.badges[badge("Tom")][-1].pupil == LEA


def test_a_list_has_the_child_once_and_what_facts_say_of_the_second_entry_is_said_of_it(day: Day) -> None:
    day.next_day()
    assert made_one(day) == ""
    assert [pupil.id for pupil in day.school.everyone if pupil.last_name == "Vanderzande"] == [LEA]
    assert day.school.pupils[TOM].first_name == "Léa"
    assert day.school.as_entered(TOM) == replace(day.school.merged[TOM], same_as=LEA)
    assert day.school.ids_of(LEA) == (LEA, TOM)
    assert day.school.kin[FAMILY] == (LEA,), "one child has no brother in itself"
    assert family(day.school, FAMILY) == {LEA, TOM}, "prices of both are corrected when a family file comes late"


def test_a_third_entry_and_a_change_of_the_child_are_known_under_every_id(day: Day) -> None:
    day.change((replace(day.school.pupils[NOE], household=FAMILY),))
    assert (made_one(day, TOM, NOE), made_one(day, LEA, TOM)) == ("", "")
    day.change((replace(day.school.pupils[LEA], group="4A"),))
    assert {day.school.pupils[each].group for each in (LEA, TOM, NOE)} == {"4A"}
    assert set(day.school.ids_of(LEA)) == {LEA, TOM, NOE}


def test_what_only_one_of_the_two_had_is_kept_and_allergies_of_both(day: Day) -> None:
    plan = Plan(71, TOM, number("study"), MONDAY)
    turn = Custody(72, TOM, number("Quintelier"), MONDAY)
    diets = (Diet(LEA, "", frozenset({Allergen.EGGS})), Diet(TOM, "halal", frozenset({Allergen.MILK})))
    tom = replace(day.school.pupils[TOM], born=date(2018, 2, 3), key="K7")
    day.change((tom, plan, turn, *diets))
    assert made_one(day) == ""
    lea = day.school.pupils[LEA]
    assert (lea.born, lea.key, day.school.merged[TOM].key) == (date(2018, 2, 3), "K7", "")
    assert day.school.diets == {LEA: Diet(LEA, "halal", frozenset({Allergen.EGGS, Allergen.MILK}))}
    assert day.school.plans == {LEA: (replace(plan, pupil=LEA),)}
    assert day.school.custody[LEA] == day.school.custody[TOM] == (replace(turn, pupil=LEA),)


def test_what_is_edited_is_what_a_start_reads(day: Day) -> None:
    """Rows as the register has them afterwards, in any order, make the same school."""
    day.change((Plan(71, TOM, number("study"), MONDAY), Diet(TOM, "halal")))
    assert made_one(day) == ""
    merged, others = tuple(day.school.merged.values()), tuple(day.school.everyone)
    rows: Rows = (Diet(TOM), *merged, *others, *day.school.plans[LEA], *day.school.diets.values())
    fresh = edited(replace(day.school, pupils={}, merged={}, plans={}, diets={}, everyone=(), kin={}), rows)
    assert (fresh.pupils, fresh.everyone, fresh.plans, fresh.diets) == (
        day.school.pupils,
        day.school.everyone,
        day.school.plans,
        day.school.diets,
    )


def test_money_of_a_second_entry_goes_to_the_childs_wallets_with_its_reason_and_author(day: Day) -> None:
    by_pupil(day)
    day.do(bring, {TOM: 12_00})
    wallet = day.books.wallets[TILLEULS, TOM, Compartment.GENERAL]
    day.do(set_aside, wallet, 5_00, (moment("09:00"), moment("23:00")))
    day.next_day()
    assert made_one(day) == ""
    (moved,) = [fact for fact in day.last if isinstance(fact, Transferred)]
    assert (moved.cents, moved.reason, moved.by, moved.who) == (12_00, Reason.SAME_CHILD, By.STAFF, JANE)
    assert [fact.reason for fact in day.last if isinstance(fact, HoldReleased)] == [Reason.SAME_CHILD]
    assert (cents(day, LEA), cents(day, TOM)) == (12_00, 0)
    assert available_cents(day.books, day.books.wallets[TILLEULS, LEA, Compartment.GENERAL], at(day, "09:00")) == 12_00


def test_what_comes_to_the_old_wallet_later_is_brought_over_too(day: Day) -> None:
    by_pupil(day)
    day.do(bring, {TOM: 12_00})
    day.next_day()
    made_one(day)
    wallet = day.books.wallets[TILLEULS, TOM, Compartment.GENERAL]
    day.do(clear, Payment(wallet, Clearing.TOP_UP, 20_00), at(day, "10:00"))
    assert not isinstance(day.do(brought_over, at(day, "10:01")), Refusal)
    assert (cents(day, LEA), cents(day, TOM)) == (32_00, 0)
    assert day.do(brought_over, at(day, "10:02")) == ()


@pytest.mark.parametrize(
    ("under_way", "code"),
    [
        (lambda day: day.tap("Tom", "care-in", "07:40"), "there_today"),
        (lambda day: day.tap("Tom", "entrance", "07:50"), "there_today"),
        (_ordered, "has_orders"),
        (lambda day: day.change((replace(day.school.pupils[TOM], household=number("Quintelier")),)), "other_household"),
        (lambda day: day.change((Custody(1, TOM, FAMILY, MONDAY), Custody(2, LEA, number("Quintelier"), MONDAY))), "custody_differs"),
        (lambda _day: None, ""),
    ],
)
def test_what_is_under_way_has_to_be_over_first(day: Day, under_way: object, code: str) -> None:
    under_way(day)  # type: ignore[operator]
    before = day.school
    assert made_one(day) == code
    assert (day.school is before) == bool(code)


def test_a_question_about_the_second_entry_is_answered_first(day: Day) -> None:
    day.tap("Tom", "care-in", "15:40")
    day.close("19:31")
    day.next_day()
    assert made_one(day) == "has_questions"


def test_nobody_is_made_itself_and_what_has_changed_is_looked_at_again(day: Day) -> None:
    assert made_one(day, LEA, LEA) == "same_one"
    assert same_child(day.school, day.books, (LEA, TOM), lambda _pair: False, at(day, "08:00")) == Refusal("changed_meanwhile")


def test_a_past_day_of_the_second_entry_can_still_be_corrected_and_costs_the_same_family(day: Day) -> None:
    day.bring("Vanderzande", 20_00)
    day.tap("Tom", "care-in", "15:40")
    day.tap("Tom", "care-out", "16:40")
    day.close("19:31")
    assert day.balance_cents("Vanderzande") == 18_50
    day.next_day()
    made_one(day)
    place = Place(TOM, number("care"), 20250106)
    (first, *_) = day.books.sheet(TOM, number("care"), 20250106).marks
    day.do(corrections.void, Staff(JANE, Reason.CORRECTED, at(day, "09:00")), place, first)
    assert day.balance_cents("Vanderzande") == 20_00


def test_a_light_that_is_reported_after_it_is_the_childs(day: Day) -> None:
    day.tap("Tom", "meal-till", "12:05", shown=Light.ACCEPTED)
    day.next_day()
    made_one(day)
    assert day.tap("Tom", "care-in", "15:40").pupil == LEA
    assert [one.pupil.id for one in evacuation(day.school, day.books, TILLEULS, at(day, "15:45"))] == [LEA]


def test_the_kitchens_count_of_a_day_has_the_meals_of_both_entries(day: Day) -> None:
    day.tap("Tom", "meal-till", "12:05")
    on = day.date
    day.next_day()
    made_one(day)
    assert sum(count.collected for count in counts(day.school, day.books, on)) == 1


# --- whatever was done with the two before and after ---------------------------------------------

ACTS = st.lists(
    st.tuples(st.sampled_from(("Léa", "Tom")), st.sampled_from(("stay", "drink", "meal", "top_up", "hold")), st.integers(1, 30_00)),
    max_size=6,
)


@settings(max_examples=25, deadline=None)
@given(before=ACTS, after=ACTS, own_wallets=st.booleans())
def test_no_cent_and_no_line_of_a_statement_is_lost_by_it(
    before: list[tuple[str, str, int]], after: list[tuple[str, str, int]], own_wallets: bool
) -> None:
    day = by_pupil(Day()) if own_wallets else Day()
    for one in before:
        _acted(day, *one)
    day.close("19:31")
    day.next_day()
    before_lines = _lines(day)
    assert made_one(day) == ""
    assert len(_lines(day)) >= len(before_lines)
    for one in after:
        _acted(day, *one)
    day.close("19:31")
    day.do(brought_over, at(day, "20:00"))
    assert sum(day.books.balances.values()) == 0
    assert cents(day, TOM) == 0
    own = [wallet for wallet in day.books.owners.values() if wallet.household == FAMILY or wallet.pupil in (LEA, TOM)]
    assert sum(_lines(day)) == sum(day.books.balance_cents(wallet_account(wallet.id)) for wallet in own)
    stays = [fact for facts in day.facts for fact in facts if isinstance(fact, StayClosed)]
    assert {stay.pupil for stay in stays if stay.at_ms > moment("00:00", day.date)} <= {LEA}
    check_books([fact for facts in day.facts for fact in facts], day.books)


def _acted(day: Day, who: str, act: str, amount: int) -> None:
    """Something that happens to one of the two; what is refused does not happen."""
    pupil: Pupil = day.school.pupils[number(who)]
    owner = (
        (TILLEULS, pupil.id, Compartment.GENERAL)
        if day.school.sites[TILLEULS].wallet_scope == "pupil"
        else (TILLEULS, FAMILY, Compartment.WHOLE)
    )
    wallet = day.books.wallets.get(owner, 0)
    match act:
        case "stay":
            day.tap(who, "care-door", "15:40")
            day.tap(who, "care-door", "16:40")
        case "drink":
            day.buy(who, "drink", "12:30")
        case "meal":
            day.tap(who, "meal-till", "12:05")
        case "top_up":
            day.do(clear, Payment(wallet, Clearing.TOP_UP, amount), at(day, "13:00"))
        case "hold":
            day.do(set_aside, wallet, amount, (at(day, "13:00"), at(day, "13:00") + 9 * 86_400_000))


def _lines(day: Day) -> list[int]:
    """What the family's statements of January come to, line by line."""
    own = {
        wallet.id
        for wallet in day.books.owners.values()
        if wallet.household == FAMILY or wallet.pupil in day.school.ids_of(LEA) or wallet.pupil == TOM
    }
    facts = [fact for each in day.facts for fact in concerning(each, own)]
    made = statement(day.school, day.books.owners, facts, Whose(payer=FAMILY), (date(2025, 1, 1), date(2025, 1, 31)))
    return [line.cents for line in made.lines]
