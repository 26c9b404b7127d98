"""A family that was entered twice becomes one: its money is in one wallet, and what was booked for either stays as it was."""

from dataclasses import replace
from itertools import permutations

from hub.core import corrections
from hub.core.codes import By, Clearing, Compartment, Reason
from hub.core.corrections import Place, Staff
from hub.core.facts import HoldReleased, Refusal, Transferred
from hub.core.merging import brought_over, merge
from hub.core.people import put_adult, put_custody, put_file, put_override, put_pupil
from hub.core.rerating import Past, repaid, rerated
from hub.core.school import Adult, Custody, FamilyFile, Household, PayerOverride, Pupil, edited
from hub.core.statements import Whose, concerning, statement
from hub.core.transfers import Payment, clear
from hub.core.wallets import set_aside
from tests.hub.core.test_rerating import BY_INCOME
from tests.journals import check_books
from tests.schools import MONDAY, Day, moment, number

FIRST, SECOND, THIRD = (number(name) for name in ("Vanderzande", "Quintelier", "Okonkwo"))
NOE, TILLEULS, CARE = number("Noé"), number("Tilleuls"), number("care")
JANE = 15


def made_one(day: Day, kept: int = FIRST, gone: int = SECOND, clock: str = "08:00") -> None:
    owners = {owner.household for owner in day.books.owners.values()}
    rows = merge(day.school, (kept, gone), owners, lambda _pair: True, number("merge"))
    assert not isinstance(rows, Refusal)
    day.change(rows)
    day.do(brought_over, moment(clock, day.date), JANE)


def stayed(day: Day, *, arrived: str = "15:40", left: str = "16:40") -> None:
    """Noé, and his family pays."""
    day.tap("Noé", "care-in", arrived)
    day.tap("Noé", "care-out", left)
    day.close("19:31")


def past(day: Day) -> list[Past]:
    return [fact for each in day.facts for fact in each if isinstance(fact, Past)]


def wallet(day: Day, household: int) -> int:
    return day.books.wallets[TILLEULS, household, Compartment.WHOLE]


def test_what_either_had_and_owed_is_in_the_wallet_of_the_one_that_stays(day: Day) -> None:
    day.bring("Vanderzande", 10_00)
    day.bring("Quintelier", -3_50)
    made_one(day)
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (6_50, 0)
    (moved,) = [fact for fact in day.last if isinstance(fact, Transferred)]
    assert (moved.cents, moved.reason, moved.by, moved.who) == (-3_50, Reason.SAME_FAMILY, By.STAFF, JANE)
    check_books((fact for each in day.facts for fact in each), day.books)


def test_a_transfer_with_the_old_communication_is_brought_over_and_what_was_set_aside_there_is_free(day: Day) -> None:
    day.bring("Vanderzande", 10_00)
    day.bring("Quintelier", 8_00)
    day.do(set_aside, wallet(day, SECOND), 5_00, (moment("07:00"), moment("23:00")))
    made_one(day)
    assert [fact.reason for fact in day.last if isinstance(fact, HoldReleased)] == [Reason.SAME_FAMILY]
    day.do(clear, Payment(wallet(day, SECOND), Clearing.TOP_UP, 20_00), moment("10:00"))
    assert day.do(brought_over, moment("10:01")) != ()
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (38_00, 0)
    assert day.do(brought_over, moment("10:02")) == (), "nothing is left to move"


def test_what_is_written_down_for_the_second_entry_at_that_very_moment_is_the_firsts(day: Day) -> None:
    """The form was sent before the two were one, and is dealt with behind it."""
    made_one(day)
    school, today = day.school, day.date
    written = (
        put_pupil(school, Pupil(91, SECOND, TILLEULS, "Zoé", "Quintelier"), same, today),
        put_adult(school, Adult(92, SECOND, "Ann", "Quintelier"), same, lambda _text: True),
        put_custody(school, Custody(93, NOE, SECOND, today), same),
        put_override(school, PayerOverride(94, NOE, SECOND, today), same),
        put_file(school, TILLEULS, FamilyFile(95, SECOND, today, bracket=3, validated_day=today), same),
    )
    for rows in written:
        assert not isinstance(rows, Refusal)
        assert [row.household for row in rows] == [FIRST]  # type: ignore[union-attr]


def same(_shown: object) -> bool:
    return True


def test_what_comes_is_charged_to_the_one_that_stays_and_a_past_day_costs_the_same_family(day: Day) -> None:
    day.bring("Vanderzande", 10_00)
    day.bring("Quintelier", 10_00)
    stayed(day)
    assert day.balance_cents("Quintelier") == 8_50
    day.next_day()
    made_one(day)
    stayed(day)
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (17_00, 0)
    (first, *_) = day.books.sheet(NOE, CARE, 20250106).marks
    day.do(corrections.void, Staff(JANE, Reason.CORRECTED, moment("18:00", day.date)), Place(NOE, CARE, 20250106), first)
    day.do(brought_over, moment("18:01", day.date))
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (18_50, 0)
    check_books((fact for each in day.facts for fact in each), day.books)


def test_past_charges_are_nobody_elses_to_pay_and_a_file_that_comes_late_is_for_them_too(day: Day) -> None:
    day.change(BY_INCOME)
    day.bring("Vanderzande", 10_00)
    day.bring("Quintelier", 10_00)
    stayed(day)
    day.next_day()
    made_one(day)
    assert repaid(day.school, day.books, past(day), NOE, MONDAY) == ()
    day.change((FamilyFile(7, FIRST, MONDAY, bracket=1, validated_day=MONDAY),))
    (again,) = rerated(day.school, day.books, past(day), FIRST, MONDAY)
    assert (again.charged.payer, again.charged.cents, again.cents) == (SECOND, 2_00, 20)


def test_the_statement_of_the_family_has_the_lines_of_both_wallets(day: Day) -> None:
    day.bring("Vanderzande", 10_00)
    day.bring("Quintelier", 10_00)
    stayed(day)
    made_one(day, clock="20:00")
    wallets = {wallet(day, home) for home in day.school.homes_of(FIRST)}
    assert len(wallets) == 2
    facts = [fact for each in day.facts for fact in concerning(each, wallets)]
    period = (MONDAY.replace(day=1), MONDAY.replace(day=31))
    both = [statement(day.school, day.books.owners, facts, Whose(each, FIRST), period) for each in sorted(wallets)]
    assert sum(one.closing_cents for one in both) == 18_50
    assert sorted(line.cents for one in both for line in one.lines) == [-8_50, -1_50, 8_50, 10_00, 10_00]


def test_a_third_entry_is_the_same_family_and_a_start_reads_the_same_school(day: Day) -> None:
    for family in ("Vanderzande", "Quintelier", "Okonkwo"):
        day.bring(family, 5_00)
    made_one(day, SECOND, THIRD)
    made_one(day, FIRST, SECOND)
    school = day.school
    assert {school.home(each) for each in (FIRST, SECOND, THIRD)} == {FIRST}
    assert set(school.homes_of(FIRST)) == {FIRST, SECOND, THIRD}
    assert school.households[THIRD] is school.households[FIRST]
    assert day.balance_cents("Vanderzande") == 15_00
    rows = (*school.homes, *school.second_homes.values())
    for order in permutations(rows):
        fresh = edited(replace(school, households={}, second_homes={}, homes=()), order)
        assert (fresh.households, fresh.homes, fresh.second_homes) == (school.households, school.homes, school.second_homes)
    assert THIRD not in {home.id for home in school.homes}


def test_of_two_the_one_with_a_wallet_stays_and_what_only_one_said_is_kept(day: Day) -> None:
    day.change((replace(day.school.households[FIRST], address="Rue Haute 1", key="K1"),))
    day.bring("Quintelier", 5_00)
    made_one(day)
    assert day.school.households[FIRST] == Household(SECOND, "Quintelier", "K1", "Rue Haute 1")
    assert {day.school.pupils[number(name)].household for name in ("Léa", "Tom", "Noé")} == {SECOND}


def test_one_without_a_name_was_made_another_before_that_was_kept_and_is_listed_nowhere(day: Day) -> None:
    day.change((Household(99, ""),))
    assert 99 in day.school.households
    assert 99 not in {home.id for home in day.school.homes}
