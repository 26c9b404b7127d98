"""Each complaint of the oracle on books that deserve it: a check that cannot fail proves nothing."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from hub.core import canteen
from hub.core.codes import By, Code, Reason
from hub.core.facts import Charged, Fact, HoleDeclared, MealCancelled, MealReserved, MealServed, ScanTaken, StayOpened
from proto.messages import Light, Shown
from tests import schools
from tests.schools import Day, badge
from tests.sim import ledgers
from tests.sim.oracle import Tap

LIFE = schools.FIRST_LIFE


def honest() -> tuple[dict[ledgers.Key, Tap], list[Fact]]:
    """Léa eats without an order, which the till itself has lit; Tom goes to care, a stranger is refused."""
    day = Day()
    day.bring("Vanderzande", -9_00)
    taps: dict[ledgers.Key, Tap] = {}
    acts = (("Léa", "meal-till", "16:00"), ("Tom", "care-in", "16:01"), ("Nobody", "drink-till", "16:02"))
    shown = Shown(Light.ACCEPTED, "offline")
    for who, reader, clock in acts:
        taken = day.tap(who, reader, clock, shown=shown if who == "Léa" else None)
        taps[taken.device, LIFE, taken.n] = Tap(badge(who), reader, 60.0 * taken.n, taken.at_ms, lit=taken.shown or taken.light.value)
    return taps, [fact for facts in day.facts for fact in facts]


def complaints(taps: dict[ledgers.Key, Tap], facts: list[Fact]) -> list[str]:
    return list(ledgers.complaints(taps, facts, frozenset()))


def test_honest_books_are_not_complained_of() -> None:
    taps, facts = honest()
    assert complaints(taps, facts) == []
    assert any(isinstance(fact, Charged) and fact.cents == 4_50 for fact in facts)


def changed(facts: list[Fact], kind: type[Fact], **fields: object) -> list[Fact]:
    """The first fact of a kind with other fields."""
    at = next(number for number, fact in enumerate(facts) if isinstance(fact, kind))
    return [*facts[:at], replace(facts[at], **fields), *facts[at + 1 :]]


def again(facts: list[Fact], kind: type[Fact]) -> list[Fact]:
    return [*facts, next(fact for fact in facts if isinstance(fact, kind))]


def one_side(fact: Fact) -> Fact:
    return replace(fact, entries=fact.entries[:1]) if isinstance(fact, Charged) else fact


def without(facts: list[Fact], kind: type[Fact]) -> list[Fact]:
    return [fact for fact in facts if not isinstance(fact, kind)]


CRIMES: dict[str, tuple[Callable[[list[Fact]], list[Fact]], str]] = {
    "a charge twice": (lambda facts: again(facts, Charged), "charged twice"),
    "a scan twice": (lambda facts: again(facts, ScanTaken), "scan 1 follows"),
    "a gap": (lambda facts: changed(facts, ScanTaken, n=3), "scan 3 follows 0"),
    "in twice": (lambda facts: again(facts, StayOpened), "in twice"),
    "an article below the limit": (lambda facts: changed(facts, Charged, item=schools.number("drink")), "a limit is passed"),
    "whatever the reason": (
        lambda facts: changed(facts, Charged, item=schools.number("drink"), reason=Reason.OFFLINE),
        "a limit is passed",
    ),
    "one side only": (
        lambda facts: list(map(one_side, facts)),
        "do not sum to zero",
    ),
    "too dear": (lambda facts: changed(facts, Charged, cents=4_51), "not the price"),
    "not charged": (lambda facts: without(facts, Charged), "is charged 0, not 450"),
    "not booked": (lambda facts: without(facts, ScanTaken), "is booked as nothing"),
    "another light": (lambda facts: changed(facts, ScanTaken, shown="look"), "is booked as look"),
    "another child": (lambda facts: changed(facts, ScanTaken, badge=badge("Mia")), "nobody did this"),
    "a tap nobody made": (lambda facts: changed(facts, ScanTaken, reader="drink-till"), "nobody did this"),
}


@pytest.mark.parametrize("crime", CRIMES)
def test_books_that_were_doctored_are_complained_of(crime: str) -> None:
    taps, facts = honest()
    doctor, sentence = CRIMES[crime]
    assert any(sentence in complaint for complaint in complaints(taps, doctor(facts)))


@pytest.mark.parametrize(
    ("reason", "ask", "complaint"), [("promised", 0, ""), ("", 0, "a limit is passed"), ("promised", 9, "a limit is passed")]
)
def test_what_a_pilot_promised_may_pass_a_limit_if_it_says_so_and_nothing_else_may(reason: str, ask: int, complaint: str) -> None:
    day, place = Day(), (schools.number("Léa"), schools.number("Tilleuls"), 20250107)
    meal = MealReserved(1, 5, *place[:2], schools.number("sandwich"), place[2], deferred=True)
    day.bring("Vanderzande", 0)
    day.do(lambda _school, _books, own: (replace(meal, ask=own),))
    day.do(canteen.charge_deferred, place, schools.moment("00:00", schools.TUESDAY))
    facts = [fact for facts in day.facts for fact in facts]
    charged = next(fact for fact in facts if isinstance(fact, Charged))
    doctored = changed(facts, Charged, reason=Reason(reason), ask=ask or charged.ask)
    assert [each.split(":")[0] for each in ledgers.money(doctored)] == ([complaint] if complaint else [])


def test_a_no_that_was_charged_is_complained_of() -> None:
    taps, facts = honest()
    key = ("till", LIFE, 1)
    taps[key].lit = Light.ADULT.value
    assert any("was shown adult and is charged 450" in complaint for complaint in complaints(taps, facts))


def test_a_stranger_who_was_charged_is_complained_of_unless_the_device_had_said_yes_alone() -> None:
    taps, facts = honest()
    facts = changed(facts, ScanTaken, code=Code.UNKNOWN)
    assert any("is unknown and is charged 450" in complaint for complaint in complaints(taps, facts))
    taps["till", LIFE, 1].own = True
    assert complaints(taps, facts) == []


@pytest.mark.parametrize("code", [Code.SEEN, Code.MEAL, Code.MEAL_AGAIN, Code.AGAIN])
def test_a_tap_that_identified_or_found_its_order_and_is_charged_is_complained_of(code: Code) -> None:
    taps, facts = honest()
    assert any(f"is {code} and is charged 450" in complaint for complaint in complaints(taps, changed(facts, ScanTaken, code=code)))


def test_what_a_pilot_promised_may_be_charged_when_it_is_handed_out_also_after_a_late_cancellation() -> None:
    """Seed 10721: the oracle had taken a late cancellation for the end of the order, and complained of its charge."""
    taps, facts = honest()
    (served,) = (fact for fact in facts if isinstance(fact, MealServed))
    place = (7, served.pupil, served.site, served.product, served.day, By.PARENT, 0, 0)
    ordered = changed(facts, ScanTaken, code=Code.MEAL)
    for late, complained in ((True, False), (False, True)):
        before: list[Fact] = [MealReserved(5, *place, deferred=True), MealCancelled(6, *place, late)]
        assert any("is meal and is charged 450" in each for each in complaints(taps, [*before, *ordered])) == complained


def test_one_service_that_was_taken_for_two_is_complained_of() -> None:
    """The till died before its light; Léa tapped again at its next life and was not told that she had."""
    day = Day()
    first = day.tap("Léa", "drink-till", "16:00")
    second = day.tap("Léa", "drink-till", "16:02", inc=schools.SECOND_LIFE)
    taps = {
        ("till", LIFE, 1): Tap(badge("Léa"), "drink-till", 0.0, first.at_ms),
        ("till", schools.SECOND_LIFE, 1): Tap(badge("Léa"), "drink-till", 20.0, second.at_ms, lit="accepted"),
    }
    facts = [fact for each in day.facts for fact in each]
    assert any("one service, taken for two" in complaint for complaint in ledgers.twice(taps, facts))
    taps["till", LIFE, 1].lit = "accepted"
    assert not list(ledgers.twice(taps, facts))


def test_holes_are_named() -> None:
    hole = HoleDeclared(1, "till", LIFE, 1, 2)
    assert ledgers.holes([hole]) == [hole]
