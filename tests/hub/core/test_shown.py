"""The shown outcome wins: a scan the hub had decided, for which the device then reports what it has lit by itself."""

from dataclasses import dataclass
from datetime import date

import msgspec
import pytest

from hub.core import scans
from hub.core.books import Books
from hub.core.codes import Code, Reason
from hub.core.facts import Refusal, Reversed, ShownBooked
from hub.core.ledger import sales_account
from hub.core.scans import Arrived
from hub.core.school import Policy
from hub.core.wallets import Sale, charge
from hub.core.whys import Rule, Why
from proto.messages import Light
from tests.hub.core.test_scans import blocked_at
from tests.schools import FIRST_LIFE, SECOND_LIFE, Day, moment, number, reported, scan

YES, NO = Light.ACCEPTED, Light.ADULT


@dataclass(frozen=True, slots=True)
class Case:
    """What the hub decided for Léa's tap at this reader, what the device lit, and what is true afterwards."""

    why: str
    reader: str
    code: Code
    lit: Light
    cents: int
    """Charged in all, from what the family `has`."""
    is_in: bool = False
    reason: Reason | None = None
    """What staff are asked for because of the difference."""
    has: int = 20_00
    before: tuple[tuple[str, str], ...] = ()
    blocked: bool = False


CASES = [
    Case("seen, and lit: as it is", "sandwich-till", Code.SEEN, YES, 0),
    Case("seen, not lit: staff are told", "sandwich-till", Code.SEEN, NO, 0, reason=Reason.NOT_LIT),
    Case("a meal, and lit", "meal-till", Code.WALK_UP, YES, 4_50),
    Case("a meal, not lit: it may have been eaten, but is not paid", "meal-till", Code.WALK_UP, NO, 0, reason=Reason.NOT_LIT),
    Case("arrived, and lit", "care-in", Code.IN, YES, 0, is_in=True),
    Case("arrived, not lit: the presence stays", "care-in", Code.IN, NO, 0, is_in=True, reason=Reason.NOT_LIT),
    Case("left, and lit", "care-out", Code.OUT, YES, 75, before=(("care-in", "11:30"),)),
    Case("left, not lit: gone, and not paid", "care-out", Code.OUT, NO, 0, reason=Reason.NOT_LIT, before=(("care-in", "11:30"),)),
    Case("no entry, lit", "care-out", Code.NO_ENTRY, YES, 0),
    Case("no entry, not lit", "care-out", Code.NO_ENTRY, NO, 0, reason=Reason.NO_ENTRY),
    Case("blocked, and not lit", "care-in", Code.BLOCKED, NO, 0, blocked=True),
    Case("blocked, but lit: let in, so in", "care-in", Code.BLOCKED, YES, 0, is_in=True, reason=Reason.OFFLINE, blocked=True),
    Case("blocked, but lit at the till: eaten", "meal-till", Code.BLOCKED, YES, 4_50, reason=Reason.OFFLINE, blocked=True),
    Case("blocked, lit at the till, no money: eaten", "meal-till", Code.BLOCKED, YES, 4_50, reason=Reason.OFFLINE, has=0, blocked=True),
    Case("no such reader, but lit", "spare", Code.NO_READER, YES, 0, reason=Reason.OFFLINE),
    Case("no such reader, not lit", "spare", Code.NO_READER, NO, 0),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why)
def test_what_was_lit_is_what_is_booked(day: Day, case: Case) -> None:
    day.bring("Vanderzande", case.has)
    day.date = day.date.replace(day=8)  # a Wednesday: care is open at noon
    for n, (reader, clock) in enumerate(case.before, 1):
        day.take(scan("Léa", reader, clock, day=day.date, n=n))
    if case.blocked:
        day.change(blocked_at(day.school, "Léa", "07:00"))
    arrived = scan("Léa", case.reader, "12:00", day=day.date, n=9)
    assert day.take(arrived).code is case.code
    asked = len(day.questions())
    booked, *_ = day.report(reported(arrived, case.lit))
    assert isinstance(booked, ShownBooked)
    assert day.balance_cents("Vanderzande") == case.has - case.cents
    assert day.is_in("Léa") is case.is_in
    assert [question.reason for question in day.questions()[asked:]] == ([] if case.reason is None else [case.reason])
    assert day.books.line(arrived.device, FIRST_LIFE).shown_n == 9


def test_the_questions_about_a_difference_name_the_pupil(day: Day) -> None:
    arrived = scan("Léa", "care-in", "16:00")
    day.take(arrived)
    day.report(reported(arrived, NO))
    assert [(question.pupil, question.subject) for question in day.questions()] == [(number("Léa"), arrived.ask)]


def test_a_yes_that_was_not_lit_takes_the_meal_s_price_back_with_its_reason(day: Day) -> None:
    day.bring("Vanderzande", 20_00)
    arrived = scan("Léa", "meal-till", "12:00")
    day.take(arrived)
    booked = day.report(reported(arrived, NO))
    assert [fact.reason for fact in booked if isinstance(fact, Reversed)] == [Reason.NOT_LIT]
    assert day.books.balance_cents(sales_account(number("Tilleuls"), number("meal"))) == 0


def test_a_tap_after_a_no_that_was_lit_is_the_pupils_first(day: Day) -> None:
    """Seen, but the answer came too late and "ask an adult" was lit: the pupil taps again."""
    arrived = scan("Léa", "sandwich-till", "12:00")
    day.take(arrived)
    day.report(reported(arrived, NO))
    assert day.take(scan("Léa", "sandwich-till", "12:00:02", n=2)).code is Code.SEEN


def test_a_tap_in_the_device_s_next_life_after_a_no_that_was_lit_is_the_pupils_first(day: Day) -> None:
    arrived = scan("Léa", "sandwich-till", "12:00")
    day.take(arrived)
    day.report(reported(arrived, NO))
    assert day.take(scan("Léa", "sandwich-till", "12:00:30", inc=SECOND_LIFE)).code is Code.SEEN


def test_a_yes_that_was_lit_stands_and_the_device_s_next_life_asks_again(day: Day) -> None:
    arrived = scan("Léa", "sandwich-till", "12:00")
    day.take(arrived)
    day.report(reported(arrived, YES))
    assert day.take(scan("Léa", "sandwich-till", "12:00:30", inc=SECOND_LIFE)).code is Code.AGAIN


def test_a_no_that_was_lit_does_not_forget_a_later_tap(day: Day) -> None:
    first = scan("Léa", "sandwich-till", "12:00")
    day.take(first)
    day.take(scan("Léa", "sandwich-till", "12:01", n=2))
    day.report(reported(first, NO))
    assert day.take(scan("Léa", "sandwich-till", "12:01:30", inc=SECOND_LIFE)).code is Code.AGAIN


@pytest.mark.parametrize("lit", [YES, NO])
def test_a_tap_that_was_answered_again_is_served_no_second_time_whatever_was_lit(day: Day, lit: Light) -> None:
    day.take(scan("Léa", "meal-till", "12:00"))
    again = scan("Léa", "meal-till", "12:00:30", inc=SECOND_LIFE)
    assert day.take(again).code is Code.AGAIN
    day.report(reported(again, lit))
    assert day.balance_cents("Vanderzande") == -4_50


@pytest.mark.parametrize("lit", [YES, NO])
def test_what_was_lit_for_a_record_that_was_given_up_is_asked_of_staff(day: Day, lit: Light) -> None:
    """A card's unreadable record turns up after it was declared a hole: nothing is booked, nothing is lost."""
    lost: Arrived = scan("Léa", "sandwich-till", "12:00", n=4)
    day.report(reported(lost, lit))
    assert [(question.code, question.subject) for question in day.questions()] == [(Code.UNCERTAIN, lost.ask)]


def test_a_stranger_s_badge_that_was_lit_is_asked_of_staff(day: Day) -> None:
    arrived = scan("a stranger", "sandwich-till", "12:00")
    day.take(arrived)
    day.report(reported(arrived, YES))
    assert [question.reason for question in day.questions()] == [Reason.NONE, Reason.OFFLINE]


def test_a_badge_that_was_nobody_s_by_a_clock_put_right_since_pays_for_whoever_it_was_decided_for(day: Day) -> None:
    """The hub's clock was a day ahead: the report of the same tap lies before its badge was given."""
    day.change(blocked_at(day.school, "Léa", "11:00"))
    arrived = scan("Léa", "meal-till", "12:00")
    assert day.take(arrived).code is Code.BLOCKED
    day.report(msgspec.structs.replace(reported(arrived, YES), at_ms=moment("12:00", date(2024, 8, 30))))
    assert day.balance_cents("Vanderzande") == -4_50
    assert [question.pupil for question in day.questions()][-1] == number("Léa")


def test_a_departure_charged_before_days_were_kept_and_not_lit_gives_its_money_back(day: Day) -> None:
    arrived = scan("Léa", "care-out", "16:45")
    day.bring("Vanderzande", 20_00)
    taken = day.take(arrived)
    sale = Sale(
        day.school.pupils[number("Léa")],
        day.school.sites[number("Tilleuls")],
        number("care"),
        2_25,
        Why(Rule.PERIODS),
        Policy.MUST_SERVE,
        0,
    )
    older = charge(day.school, day.books, arrived.ask, sale)
    assert not isinstance(older, Refusal)
    fresh = Books()
    for fact in (*(fact for facts in day.facts[:-1] for fact in facts), taken, *older):  # no mark: older journals had none
        fresh.apply(fact)
    reversed_cents = [fact.cents for fact in scans.book_shown(day.school, fresh, reported(arrived, NO)) if isinstance(fact, Reversed)]
    assert reversed_cents == [2_25]
