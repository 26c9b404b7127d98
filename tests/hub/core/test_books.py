"""The books: a fold over the facts. Random days at the small school, and what must hold after every fact of them."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core import scans
from hub.core.badges import block, give
from hub.core.books import Books, replay
from hub.core.calendar import day_of
from hub.core.codes import Code, Reason
from hub.core.facts import BalanceOpened, Charged, Entry, Fact, MealServed, Reversed, ScanTaken, StayClosed, StayOpened
from hub.core.folds import DECIDED_KEPT
from hub.core.ledger import balanced, wallet_account
from hub.core.money import half_up
from hub.core.scans import Arrived
from hub.core.school import Badge, BadgeState, Policy, School
from proto.messages import YES, Light
from tests.journals import check_books
from tests.schools import DEVICE_OF, FIRST_LIFE, PEOPLE, SECOND_LIFE, ZONE, Day, badge, moment, number, reported, scan

STEPS_MS = (500, 2_500, 30_000, 119_000, 121_000, 600_000, 3_600_000, 20 * 3_600_000)
"""Between two acts: around every limit of the rules, and over night."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that happens, `step_ms` after the last one; a tap with `late_ms` happened that much earlier."""

    what: str
    who: str
    reader: str
    step_ms: int
    late_ms: int = 0
    life: str = FIRST_LIFE
    lit: Light | None = None
    err_ms: int = 0


acts = st.lists(
    st.builds(
        Act,
        what=st.sampled_from(["tap"] * 6 + ["report", "close", "block", "give"]),
        who=st.sampled_from([name for name, *_ in PEOPLE] + ["a stranger"]),
        reader=st.sampled_from([*DEVICE_OF, "spare"]),
        step_ms=st.sampled_from(STEPS_MS),
        late_ms=st.sampled_from([0] * 4 + [5_000, 4_000_000]),
        life=st.sampled_from([FIRST_LIFE, SECOND_LIFE]),
        lit=st.sampled_from([None, None, *Light]),
        err_ms=st.sampled_from([0, 200, 10_000_000]),
    ),
    max_size=40,
)


@dataclass(slots=True)
class World:
    """A day that acts are played on, and the scans that were open."""

    day: Day
    now_ms: int
    open: list[Arrived]

    def play(self, act: Act) -> None:
        self.now_ms += act.step_ms
        match act.what:
            case "tap":
                self._tap(act)
            case "report" if self.open:
                self.day.report(reported(self.open.pop(0), act.lit or Light.ADULT))
            case "close":
                self.day.close(f"{datetime.fromtimestamp(self.now_ms / 1000, ZONE):%H:%M}")
            case "block":
                rows = block(self.day.school, badge(act.who), BadgeState.BLOCKED, self.now_ms, self.now_ms)
                self.day.change(*([rows] if isinstance(rows, tuple) else []))
            case "give" if act.who != "a stranger":
                rows = give(self.day.school, number(act.who), Badge(self.now_ms, badge(act.who), 0, BadgeState.ACTIVE, self.now_ms))
                self.day.change(*([rows] if isinstance(rows, tuple) else []))

    def _tap(self, act: Act) -> None:
        """As a device does: numbered in its own life, reported later when it was open."""
        base = scan(act.who, act.reader, "00:00", inc=act.life, shown=act.lit, err_ms=act.err_ms)
        n = self.day.books.line(base.device, act.life).n + 1
        wire = scan(act.who, act.reader, "00:00", n=n, inc=act.life, shown=act.lit, err_ms=act.err_ms).scan
        arrived = Arrived(base.device, wire, self.now_ms - act.late_ms, act.err_ms, self.now_ms)
        self.day.take(arrived)
        if act.lit is None:
            self.open.append(arrived)


def played(each: list[Act]) -> World:
    world = World(Day(), moment("06:00"), [])
    world.day.bring("Vanderzande", 8_00)
    for act in each:
        world.day.date = datetime.fromtimestamp(world.now_ms / 1000, UTC).astimezone(ZONE).date()
        world.play(act)
    return world


def facts_of(world: World) -> list[Fact]:
    return [fact for facts in world.day.facts for fact in facts]


@given(acts)
@settings(max_examples=300)
def test_replay_equals_live_and_no_cent_is_made_or_lost(each: list[Act]) -> None:
    world = played(each)
    check_books(facts_of(world), world.day.books)


@given(acts)
def test_facts_of_one_ask_stand_together_and_every_ask_is_found_by_its_first_fact(each: list[Act]) -> None:
    world = played(each)
    number = 1
    for facts in world.day.facts:
        assert {fact.ask for fact in facts} == {facts[0].ask}
        assert world.day.books.asks[facts[0].ask] == number
        number += len(facts)
    assert world.day.books.number == number - 1


@given(acts)
@settings(max_examples=300)
def test_a_wallet_goes_below_its_limit_only_with_a_reason(each: list[Act]) -> None:
    """Promise P7, walked over every fact."""
    world, books = played(each), Books()
    for fact in facts_of(world):
        books.apply(fact)
        if isinstance(fact, Charged) and fact.reason is Reason.NONE:
            after_cents = books.balance_cents(wallet_account(fact.wallet))
            assert after_cents >= _lowest_cents(world.day.school, fact, after_cents)


def _lowest_cents(school: School, fact: Charged, after_cents: int) -> int:
    product = school.products.get(fact.item)
    if product is None or product.id in {number("meal"), number("parc-meal")}:
        return after_cents
    return 0 if product.policy is Policy.MUST_HAVE_FUNDS else school.sites[fact.site].floor_cents


@given(acts)
@settings(max_examples=300)
def test_a_session_is_charged_and_a_meal_handed_out_at_most_once_a_day(each: list[Act]) -> None:
    world = played(each)
    sessions: Counter[tuple[int, str]] = Counter()
    meals: Counter[tuple[int, int, int]] = Counter()
    taken_back = {fact.charge for fact in facts_of(world) if isinstance(fact, Reversed)}
    for fact in facts_of(world):
        if isinstance(fact, Charged) and fact.item == number("study") and fact.charge not in taken_back:
            sessions[fact.pupil, day_of(fact.at_ms, ZONE).isoformat()] += 1
        if isinstance(fact, MealServed):
            meals[fact.pupil, fact.site, fact.day] += 1
    assert max([*sessions.values(), *meals.values()], default=1) == 1


@given(acts)
@settings(max_examples=300)
def test_a_stay_is_opened_once_ended_once_and_never_ends_before_it_began(each: list[Act]) -> None:
    opened: dict[int, StayOpened] = {}
    ended: set[int] = set()
    for fact in facts_of(played(each)):
        if isinstance(fact, StayOpened):
            assert fact.stay not in opened
            opened[fact.stay] = fact
        if isinstance(fact, StayClosed):
            assert fact.stay not in ended
            ended.add(fact.stay)
            assert opened[fact.stay].at_ms == fact.from_ms <= fact.at_ms
            assert (opened[fact.stay].pupil, opened[fact.stay].programme) == (fact.pupil, fact.programme)


@given(acts)
def test_no_charge_is_without_a_price_that_can_be_worked_out_again(each: list[Act]) -> None:
    for fact in facts_of(played(each)):
        if isinstance(fact, Charged):
            cents = half_up(fact.why.units * fact.why.unit_tenths, 10)
            assert fact.cents == (min(cents, fact.why.max_cents) if fact.why.max_cents else cents)
            assert balanced(fact.entries)


@given(acts)
def test_a_scan_that_is_decided_again_on_the_same_books_is_the_same(each: list[Act]) -> None:
    """A hub that lost its answer in a power cut decides as it did."""
    world = played(each)
    arrived = scan("Léa", "care-door", "16:00", n=10**6, day=world.day.date)
    once = scans.take(world.day.school, world.day.books, arrived)
    assert once == scans.take(world.day.school, replay(facts_of(world)), arrived)


def test_decisions_are_kept_for_the_last_records_of_a_device_and_not_for_all() -> None:
    books, last = Books(), 5 * DECIDED_KEPT + 10
    for n in range(1, last + 1):
        life = FIRST_LIFE if n <= 100 else SECOND_LIFE
        books.apply(ScanTaken(n, "door", life, n * 3, "care-in", badge("Léa"), 5, n, 0, Code.SEEN, Light.ACCEPTED))
    kept = books.decided["door"]
    assert DECIDED_KEPT <= len(kept) <= 2 * DECIDED_KEPT
    assert (FIRST_LIFE, 100 * 3) not in kept
    assert all((SECOND_LIFE, n * 3) in kept for n in range(last - DECIDED_KEPT + 1, last + 1))


def test_entries_that_do_not_sum_to_zero_are_never_booked() -> None:
    with pytest.raises(AssertionError, match="do not sum to zero"):
        Books().apply(BalanceOpened(1, 2, 3, (Entry("opening:1", -5), Entry("wallet:2", 6))))


def test_a_yes_is_what_the_next_tap_is_measured_by_and_a_no_is_not() -> None:
    books = Books()
    for n, light in enumerate(Light, 1):
        books.apply(ScanTaken(n, "door", FIRST_LIFE, n, f"reader-{n}", badge("Léa"), 5, n, 0, Code.SEEN, light))
    assert {reader for _, reader, _ in books.taps} == {f"reader-{n}" for n, light in enumerate(Light, 1) if light in YES}
