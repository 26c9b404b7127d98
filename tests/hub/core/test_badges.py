"""Giving, blocking and replacing a badge; a scan that arrives late is judged by the state of its own time."""

from dataclasses import replace

import pytest

from hub.core.badges import badge_at, block, charge_fee, fee_ask, fee_charged, fee_of, give, give_each, is_valid, put_fee, swap
from hub.core.books import Books
from hub.core.codes import Reason
from hub.core.facts import Charged, Facts, Refusal
from hub.core.givenback import take_back
from hub.core.school import Badge, BadgeState, Policy, ProductKind, Rows, School, edited
from hub.core.timetable import LegalClass
from hub.core.whys import Rule
from tests.schools import Day, badge, moment, number, small_school

ACTIVE, BLOCKED, LOST, REPLACED = BadgeState.ACTIVE, BadgeState.BLOCKED, BadgeState.LOST, BadgeState.REPLACED


def card(name: str, since: str = "12:00") -> Badge:
    """A new badge, not yet anybody's."""
    return Badge(number(f"state of {name}"), badge(name), 0, ACTIVE, moment(since))


def done(school: School, rows: Rows | Refusal) -> School:
    assert not isinstance(rows, Refusal), rows
    return edited(school, rows)


def state(school: School, name: str, clock: str) -> tuple[int, BadgeState] | None:
    found = badge_at(school, badge(name), moment(clock))
    return (found.pupil, found.state) if found else None


LEA, TOM = number("Léa"), number("Tom")


def test_a_new_badge_is_a_pupils_from_that_instant_on() -> None:
    school = done(small_school(), give(small_school(), LEA, card("a new card")))
    assert [state(school, "a new card", clock) for clock in ("11:59", "12:00")] == [None, (LEA, ACTIVE)]
    assert state(school, "Léa", "12:00") == (LEA, ACTIVE)
    assert [each.hash for each in school.badges_of(LEA)] == [badge("a new card"), badge("Léa")]


def test_a_badge_that_is_someones_is_given_to_nobody_else() -> None:
    assert give(small_school(), TOM, card("Léa")) == Refusal("badge_in_use", {"pupil": LEA})
    assert give(small_school(), number("Nobody"), card("a new card")) == Refusal("no_such_pupil")


@pytest.mark.parametrize("why", [BLOCKED, LOST, REPLACED])
def test_a_badge_ends_being_good_at_the_instant_it_is_blocked_lost_or_replaced(why: BadgeState) -> None:
    school = done(small_school(), block(small_school(), badge("Léa"), why, moment("12:00"), 5))
    assert [state(school, "Léa", clock) for clock in ("11:59:59.999", "12:00", "18:00")] == [(LEA, ACTIVE), (LEA, why), (LEA, why)]
    assert block(school, badge("Léa"), why, moment("13:00"), 6) == Refusal("badge_not_active")


def test_a_badge_nobody_knows_cannot_be_blocked() -> None:
    assert block(small_school(), badge("a stranger"), BLOCKED, moment("12:00"), 5) == Refusal("badge_not_active")


def test_a_blocked_badge_is_good_again_when_it_is_given_again() -> None:
    school = done(small_school(), block(small_school(), badge("Léa"), BLOCKED, moment("10:00"), 5))
    school = done(school, give(school, LEA, card("Léa", "12:00")))
    assert [state(school, "Léa", clock) for clock in ("09:00", "11:00", "12:00")] == [(LEA, ACTIVE), (LEA, BLOCKED), (LEA, ACTIVE)]


def test_a_lost_tag_that_was_found_may_become_another_pupils_and_its_past_stays() -> None:
    school = done(small_school(), block(small_school(), badge("Léa"), LOST, moment("10:00"), 5))
    school = done(school, give(school, TOM, card("Léa", "12:00")))
    assert [state(school, "Léa", clock) for clock in ("09:00", "11:00", "13:00")] == [(LEA, ACTIVE), (LEA, LOST), (TOM, ACTIVE)]
    school = done(school, block(school, badge("Léa"), BLOCKED, moment("14:00"), 6))
    assert [state(school, "Léa", clock) for clock in ("09:00", "13:00", "14:00")] == [(LEA, ACTIVE), (TOM, ACTIVE), (TOM, BLOCKED)]


def test_a_replaced_badge_and_its_successor_are_the_same_pupils() -> None:
    school = done(small_school(), swap(small_school(), badge("Léa"), card("a new card"), moment("12:00"), 5))
    assert (state(school, "Léa", "11:00"), state(school, "Léa", "12:00")) == ((LEA, ACTIVE), (LEA, REPLACED))
    assert state(school, "a new card", "12:00") == (LEA, ACTIVE)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [("a stranger", "a new card", "badge_not_active"), ("Léa", "Tom", "badge_in_use"), ("Léa", "Léa", "badge_in_use")],
)
def test_a_replacement_is_refused_whole(old: str, new: str, code: str) -> None:
    refused = swap(small_school(), badge(old), card(new), moment("12:00"), 5)
    assert isinstance(refused, Refusal)
    assert refused.code == code


def test_a_day_pass_ends_by_itself_and_is_nobodys_afterwards() -> None:
    pass_today = replace(card("a pass"), until_ms=moment("23:00"))
    school = done(small_school(), give(small_school(), LEA, pass_today))
    assert [state(school, "a pass", clock) for clock in ("12:00", "22:59", "23:00")] == [(LEA, ACTIVE), (LEA, ACTIVE), None]
    assert [is_valid(pass_today, moment(clock)) for clock in ("22:59", "23:00")] == [True, False]
    assert give(school, TOM, card("a pass", "13:00")) == Refusal("badge_in_use", {"pupil": LEA})
    assert not isinstance(give(school, TOM, card("a pass", "23:00")), Refusal)


def test_a_lost_day_pass_is_blocked_before_its_day_is_over() -> None:
    school = done(small_school(), give(small_school(), LEA, replace(card("a pass"), until_ms=moment("23:00"))))
    blocked = done(school, block(school, badge("a pass"), LOST, moment("14:00"), 5))
    assert [state(blocked, "a pass", clock) for clock in ("13:59", "14:00", "23:30")] == [(LEA, ACTIVE), (LEA, LOST), (LEA, LOST)]
    assert block(school, badge("a pass"), LOST, moment("23:00"), 6) == Refusal("badge_not_active")


def test_new_cards_replace_day_passes_too() -> None:
    school = done(small_school(), give(small_school(), LEA, replace(card("a pass"), until_ms=moment("23:00"))))
    school = done(school, give_each(school, (replace(card("a new card", "14:00"), pupil=LEA),), 7, replace_old=True))
    assert [state(school, name, "14:00") for name in ("a pass", "Léa", "a new card")] == [(LEA, REPLACED), (LEA, REPLACED), (LEA, ACTIVE)]


# --- what replacing one costs ---------------------------------------------------------------------


def replaced(day: Day) -> Badge:
    """Léa's badge is lost; its last state."""
    day.change(done_rows(block(day.school, badge("Léa"), LOST, moment("12:00"), 5)))
    return day.school.badges[badge("Léa")][-1]


def done_rows(rows: Rows | Refusal) -> Rows:
    assert not isinstance(rows, Refusal), rows
    return rows


def asked(school: School, books: Books, _ask: int, old: Badge) -> Facts | Refusal:
    return charge_fee(school, books, old, moment("12:05"), 15)


def test_a_site_without_a_fee_charges_nothing_for_a_badge(day: Day) -> None:
    old = replaced(day)
    assert (day.do(asked, old), put_fee(day.school, number("Tilleuls"), 0, "Badge")) == ((), ())
    assert fee_of(day.school, number("Tilleuls")) is None


def test_the_payer_pays_the_fee_of_a_lost_badge_whatever_is_in_the_wallet(day: Day) -> None:
    day.change(put_fee(day.school, number("Tilleuls"), 5_00, "Badge remplacé"))
    fee = fee_of(day.school, number("Tilleuls"))
    assert fee is not None
    assert (fee.kind, fee.policy, fee.legal) == (ProductKind.FEE, Policy.MUST_SERVE, LegalClass.OPTIONAL)
    old = replaced(day)
    facts = charge_fee(day.school, day.books, old, moment("12:05"), 15)
    assert not isinstance(facts, Refusal)
    (charged,) = [fact for fact in facts if isinstance(fact, Charged)]
    assert (charged.pupil, charged.payer, charged.item, charged.cents, charged.who) == (LEA, number("Vanderzande"), fee.id, 5_00, 15)
    assert (charged.why.rule, charged.why.unit_tenths) == (Rule.PRICE, 50_00)
    assert {fact.ask for fact in facts} == {fee_ask(old)}, "asked for again, it is the same charge"
    day.do(lambda _school, _books, _ask: facts)
    assert day.balance_cents("Vanderzande") == -5_00
    paid = fee_charged(day.books, old)
    assert paid is not None
    day.do(take_back, paid.id, moment("12:30"), Reason.CORRECTED, 15)
    assert day.balance_cents("Vanderzande") == 0


def test_a_fee_that_is_changed_stays_the_same_product_and_0_charges_nothing(day: Day) -> None:
    day.change(put_fee(day.school, number("Tilleuls"), 5_00, "Badge"))
    day.change(put_fee(day.school, number("Tilleuls"), 0, "Badge"))
    old = replaced(day)
    assert day.do(asked, old) == ()
    assert put_fee(day.school, number("Tilleuls"), 0, "Badge") == ()
