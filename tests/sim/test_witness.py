"""Each complaint of the witness on a journal that deserves it: a check that cannot fail proves nothing."""

from collections.abc import Callable
from functools import cache

import pytest
from msgspec.structs import replace

from hub.core.books import Books
from hub.core.codes import Code, Reason
from hub.core.facts import (
    AbsenceMarked,
    CashCounted,
    CashPaidIn,
    Charged,
    ChargesPosted,
    Corrected,
    Fact,
    HoldPlaced,
    HoldReleased,
    Marked,
    MealCancelled,
    MealReserved,
    MealServed,
    MorningNoted,
    Reversed,
    RollTaken,
    ScanTaken,
    ShownBooked,
    StayOpened,
    StayVerified,
    Transferred,
    Unresolved,
)
from proto.messages import Light
from tests import schools
from tests.sim.faults import Plan
from tests.sim.features import features
from tests.sim.setting import PARC, Feature, Pricing, Setting, Study, lesson_in
from tests.sim.witness import Witness
from tests.sim.world import World

CALM = Plan(frozenset(), ("door", "till"), 2_400.0, schools.moment("15:40"), 20.0, lunch_s=1_200.0)


@cache
def a_calm_day() -> World:
    """Nothing goes wrong, and everybody comes."""
    world = World(4, CALM)
    assert not world.live().violation
    return world


def complaints(facts: list[Fact], witness: Witness | None = None, books: Books | None = None) -> list[str]:
    world = a_calm_day()
    assert world.hub is not None
    return list((witness or world.oracle.witness).complaints(facts, books or world.hub.desk.books, world.hub_wall_ms()))


def journal() -> list[Fact]:
    return a_calm_day().disk.facts()


def test_an_honest_journal_is_not_complained_of() -> None:
    assert complaints(journal()) == []
    kinds = {type(fact) for fact in journal()}
    assert {CashCounted, CashPaidIn, HoldPlaced, HoldReleased, MealCancelled, MealServed, Transferred} <= kinds


def first(kind: type[Fact]) -> Fact:
    return next(fact for fact in journal() if isinstance(fact, kind))


def without(kind: type[Fact]) -> list[Fact]:
    """The journal with one fact of this kind missing."""
    facts = journal()
    del facts[next(at for at, fact in enumerate(facts) if isinstance(fact, kind) and fact.ask in a_calm_day().oracle.witness.wishes)]
    return facts


def changed(kind: type[Fact], **fields: object) -> list[Fact]:
    """The journal with one fact of this kind that says something else."""
    facts = journal()
    at = next(at for at, fact in enumerate(facts) if isinstance(fact, kind) and fact.ask in a_calm_day().oracle.witness.wishes)
    return [*facts[:at], replace(facts[at], **fields), *facts[at + 1 :]]


def care_with(reason: Reason) -> list[Fact]:
    """The journal with this reason at each charge of a stay."""
    return [replace(fact, reason=reason) if isinstance(fact, Charged) and fact.stay else fact for fact in journal()]


def tapped(code: Code) -> ScanTaken:
    """The first scan of this code."""
    return next(fact for fact in journal() if isinstance(fact, ScanTaken) and fact.code is code)


def doctored(scan: ScanTaken, **fields: object) -> list[Fact]:
    """The journal with another scan in its place."""
    return [replace(fact, **fields) if fact is scan else fact for fact in journal()]


def shown(scan: ScanTaken, light: Light, *, asked: bool) -> list[Fact]:
    """The journal, and in the end the device tells what it had lit."""
    question = Unresolved(9, 10, scan.ask, scan.pupil, 0, scan.code, Reason.NOT_LIT, scan.at_ms)
    return [*journal(), ShownBooked(9, scan.device, scan.inc, scan.n, light), *([question] if asked else [])]


CRIMES: dict[str, tuple[Callable[[], list[Fact]], str]] = {
    "an order that was never charged": (lambda: without(Charged), "not [("),
    "a cancellation without its money": (lambda: without(Reversed), "not [("),
    "an order that is not there": (lambda: without(MealReserved), "not [("),
    "a hold nobody asked for": (lambda: changed(HoldPlaced, ask=9), "nobody asked for this"),
    "a hold of another amount": (lambda: changed(HoldPlaced, cents=1), "not [("),
    "care that says it passed a limit": (lambda: care_with(Reason.OFFLINE), "a charge with a reason"),
    "a promise nobody made": (lambda: changed(Charged, reason=Reason.PROMISED), "not [("),
    "an article of another day's limit": (lambda: changed(Charged, limit_day=20250103), "not [("),
    "a receipt out of its order": (lambda: changed(CashPaidIn, receipt=7), "not [("),
    "another count": (lambda: changed(CashCounted, expected_cents=1), "not [("),
    "another portion cancelled": (lambda: changed(MealCancelled, product=1), "not [("),
    "a mark at another moment": (lambda: changed(Marked, at_ms=1), "not [("),
    "a stay verified that nobody verified": (lambda: changed(StayVerified, stay=1), "not [("),
    "posted twice": (lambda: [*journal(), replace(first(ChargesPosted), ask=9)], "posted twice"),
    "at another time than it was asked": (lambda: changed(Transferred, at_ms=1), "when nobody asked"),
    "a drink sold at a tap": (lambda: doctored(tapped(Code.SEEN), code=Code.WALK_UP, light=Light.LOOK), "not seen"),
    "a light that is not the tap's": (lambda: doctored(tapped(Code.SEEN), light=Light.LOOK), "not the light of seen"),
    "a tap taken for the one before": (lambda: doctored(tapped(Code.SEEN), code=Code.AGAIN, light=Light.LOOK), "not seen"),
    "a meal that nobody hands out": (lambda: doctored(tapped(Code.WALK_UP), code=Code.MEAL_AGAIN), "not walk_up"),
    "a yes that was lit, refused": (
        lambda: doctored(tapped(Code.UNKNOWN), code=Code.BLOCKED, shown="accepted"),
        "not that",
    ),
    "a light that nobody saw, and nobody is asked": (lambda: shown(tapped(Code.WALK_UP), Light.ADULT, asked=False), "staff are not asked"),
    "a light that nobody saw, and paid all the same": (lambda: shown(tapped(Code.WALK_UP), Light.ADULT, asked=True), "not [('back'"),
    "a presence that nobody saw, and lit all the same": (lambda: shown(tapped(Code.IN), Light.ADULT, asked=True), "not [('mark'"),
    "a yes that is not booked": (list, "answered yes, and not booked"),
}


@pytest.mark.parametrize("crime", CRIMES)
def test_a_journal_that_was_doctored_is_complained_of(crime: str) -> None:
    doctor, sentence = CRIMES[crime]
    found = complaints(doctor())
    assert any(sentence in complaint for complaint in found), found[:3]


SET_UP = Plan(
    frozenset(),
    ("door", "hall"),
    2_400.0,
    schools.moment("15:40"),
    12.0,
    lunch_s=1_200.0,
    setting=Setting(Study.AUTO, ((PARC, schools.TUESDAY),), lesson_in(15 * 60 + 40, 2_400.0), files=True),
)


@cache
def a_day_with_a_setting() -> World:
    """A pilot at Le Parc, study that counts who is registered, a class that is waited for, files that come late."""
    world = World(5, SET_UP)
    assert not world.live().violation
    return world


def doctored_there(kind: type[Fact], **fields: object) -> list[Fact]:
    """The journal of that day with the first fact of a kind that says something else."""
    facts = a_day_with_a_setting().disk.facts()
    at = next(at for at, fact in enumerate(facts) if isinstance(fact, kind))
    return [*facts[:at], replace(facts[at], **fields), *facts[at + 1 :]]


def without_the_roll() -> list[Fact]:
    facts = a_day_with_a_setting().disk.facts()
    rolls = {fact.ask for fact in facts if isinstance(fact, RollTaken)}
    return [fact for fact in facts if fact.ask not in rolls]


def without_who_came_by_plan() -> list[Fact]:
    facts = a_day_with_a_setting().disk.facts()
    told = {fact.ask for fact in facts if isinstance(fact, ScanTaken | Corrected)}
    alone = {fact.ask for fact in facts if isinstance(fact, StayOpened) and fact.ask not in told}
    return [fact for fact in facts if fact.ask not in alone]


CRIMES_THERE: dict[str, tuple[Callable[[], list[Fact]], str]] = {
    "another household pays": (lambda: doctored_there(Charged, payer=1), "another one pays"),
    "late by another minute": (lambda: doctored_there(MorningNoted, late_min=99), "not [("),
    "an absence at another price": (lambda: doctored_there(AbsenceMarked, cents=1), "not [("),
    "nobody is called": (without_the_roll, "was seen by nobody"),
    "nobody counts as present": (without_who_came_by_plan, "costs []"),
}


@pytest.mark.parametrize("crime", CRIMES_THERE)
def test_a_journal_that_breaks_what_is_set_up_is_complained_of(crime: str) -> None:
    world = a_day_with_a_setting()
    assert world.hub is not None
    doctor, sentence = CRIMES_THERE[crime]
    found = list(world.oracle.witness.complaints(doctor(), world.hub.desk.books, world.hub_wall_ms()))
    assert any(sentence in complaint for complaint in found), found[:3]


PRICED = {Pricing.BANDS: Feature.BANDS, Pricing.EFFORT: Feature.EFFORT, Pricing.SIBLINGS: Feature.YOUNGER, Pricing.TOGETHER: Feature.FULL}


@pytest.mark.parametrize("prices", PRICED)
def test_a_cent_too_much_is_complained_of_whatever_care_and_study_are_priced_by(prices: Pricing) -> None:
    setting = Setting(files=prices is Pricing.EFFORT, prices=prices)
    world = World(7, Plan(frozenset(), ("door", "room"), 2_400.0, schools.moment("15:40"), 6.0, setting=setting))
    assert not world.live().violation
    assert world.seen[PRICED[prices].value]
    assert world.hub is not None
    facts = world.disk.facts()
    charged = next(fact for fact in facts if isinstance(fact, Charged) and PRICED[prices].value in features([fact], setting))
    facts[facts.index(charged)] = replace(charged, cents=charged.cents + 1)
    found = list(world.oracle.witness.complaints(facts, world.hub.desk.books, world.hub_wall_ms()))
    assert any(" costs [" in complaint for complaint in found), found[:3]


def test_balances_that_are_not_what_the_facts_say_are_complained_of() -> None:
    books = Books()
    for fact in journal():
        books.apply(fact)
    wallet = next(account for account in books.balances if account.startswith("wallet:"))
    books.balances[wallet] += 1
    assert any(wallet in complaint for complaint in complaints(journal(), books=books))


def test_a_refusal_that_was_none_and_an_answer_that_changes_are_complained_of() -> None:
    world, witness = a_calm_day(), Witness({}, a_calm_day().oracle.witness.lunch, CALM.setting)
    ask, act = next(iter(world.oracle.witness.wishes.items()))
    witness.wished(ask, act)
    witness.noes.append(replace(world.oracle.witness.noes[0], number=0, ask=ask, code="shortage"))
    assert "refused as shortage" in next(iter(witness.complaints([], Books(), 0)))
    witness.changed.append("asked again, another answer")
    assert next(iter(witness.complaints([], Books(), 0))) == "asked again, another answer"
