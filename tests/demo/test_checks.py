"""Each check of a day holds for an honest day, and complains of the one thing that was done to it."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from hub.core import facts as f
from hub.core.books import Books, replay
from hub.core.codes import Code
from hub.core.facts import Fact, derived
from proto.messages import Light
from tests.demo.browser import Board, wallet_name
from tests.demo.checks import CHECKS, Evidence, Live, Past, every_scan_was_a_tap, verdicts, who_is_only_known_has_bought_nothing
from tests.demo.dayplan import Means
from tests.demo.picture import inside
from tests.demo.player import SentTap
from tests.demo.report import histogram, outcomes, written
from tests.schools import DEVICE_OF, Day, badge, moment, number, small_school

MIDNIGHT_MS = moment("00:00")
TAPS = (
    ("Léa", "care-door", "07:30", Means.ARRIVES),
    ("Tom", "care-door", "07:31", Means.ARRIVES),
    ("Léa", "care-door", "08:20", Means.LEAVES),
    ("Noé", "meal-till", "12:05", Means.EATS),
    ("Tom", "drink-till", "12:40", Means.SHOWS),
    ("Léa", "study-in", "16:10", Means.STUDIES),
)


@pytest.fixture
def day() -> Day:
    lived = Day()
    for who, reader, clock, _ in TAPS[:-1]:
        lived.tap(who, reader, clock)
    lived.tap(*TAPS[-1][:3], shown=Light.ACCEPTED)
    lived.close("19:40")
    return lived


@pytest.fixture
def honest(day: Day) -> Evidence:
    """What an honest day leaves behind: six taps, the last one answered by its device, and Tom's missing exit."""
    facts = tuple(fact for asked in day.facts for fact in asked)
    return Evidence(
        sent=tuple(
            SentTap(DEVICE_OF[reader], reader, who, means, nth * 10_000_000, (moment(clock) - MIDNIGHT_MS) / 1000)
            for nth, (who, reader, clock, means) in enumerate(TAPS, 1)
        ),
        hashes={who: badge(who) for who in ("Léa", "Tom", "Noé")},
        lit=_lit(facts),
        facts=facts,
        books=day.books,
        paper=frozenset(),
        school=small_school(),
        midnight_ms=MIDNIGHT_MS,
        speed=1.0,
        live=_live(day.books, facts),
        past=Past(
            scans=tuple(fact for fact in facts if isinstance(fact, f.ScanTaken)),
            entries={1: tuple(fact for fact in facts if isinstance(fact, f.Charged))},
            stays={1: tuple(fact for fact in facts if isinstance(fact, f.StayClosed))},
        ),
        unsettled={"door": 0},
        statuses={"hub": 0, "door": 0},
    )


def _lit(facts: tuple[Fact, ...]) -> dict[str, tuple[dict[str, str | int], ...]]:
    found: dict[str, tuple[dict[str, str | int], ...]] = {}
    scans = (fact for fact in facts if isinstance(fact, f.ScanTaken))
    for nth, fact in enumerate(scans, 1):
        line: dict[str, str | int] = {"mono_us": nth * 10_000_000 + 8_000, "reader": fact.reader, "pattern": fact.light.value}
        found[fact.device] = (*found.get(fact.device, ()), line | {"inc": fact.inc, "n": fact.n})
    return found


def _live(books: Books, facts: tuple[Fact, ...]) -> Live:
    asks = tuple(fact.ask for fact in reversed(facts) if isinstance(fact, f.ScanTaken))
    purses = {place: books.balance_cents(f"wallet:{wallet}") for place, wallet in books.wallets.items()}
    people = small_school()
    balances = {
        (pupil.id, wallet_name(people.sites[site].name, people.households[household].name, "")): cents
        for (site, household, _), cents in purses.items()
        for pupil in people.pupils.values()
        if pupil.household == household
    }
    return Live(Board(asks, {number("care"): 0}, len(books.unresolved)), balances)


def with_facts(seen: Evidence, facts: tuple[Fact, ...]) -> Evidence:
    """Other facts, and everything that is made from them: a journal that is wrong in itself."""
    books = replay(facts)
    past = replace(seen.past, scans=tuple(fact for fact in facts if isinstance(fact, f.ScanTaken)))
    return replace(seen, facts=facts, books=books, live=_live(books, facts), past=past)


def without_a_scan(seen: Evidence) -> Evidence:
    lost = next(fact.ask for fact in seen.facts if isinstance(fact, f.ScanTaken))
    return with_facts(seen, tuple(fact for fact in seen.facts if fact.ask != lost))


def another_light(seen: Evidence) -> Evidence:
    return replace(seen, lit={device: tuple({**line, "pattern": "look"} for line in lines) for device, lines in seen.lit.items()})


def a_no_in_the_books(seen: Evidence) -> Evidence:
    first, *others = seen.facts
    return with_facts(seen, (msgspec.structs.replace(first, light=Light.ADULT), *others))


def a_tap_nobody_made(seen: Evidence) -> Evidence:
    return replace(seen, sent=seen.sent[1:])


def a_tap_at_another_hour(seen: Evidence) -> Evidence:
    return replace(seen, sent=(replace(seen.sent[0], at_s=seen.sent[0].at_s - 3600), *seen.sent[1:]))


def a_fact_from_nowhere(seen: Evidence) -> Evidence:
    stray = f.StayOpened(derived(1, "nowhere"), derived(1, "stay"), number("Noé"), number("Tilleuls"), number("care"), moment("12:00"))
    return with_facts(seen, (*seen.facts, stray))


def a_meal_twice(seen: Evidence) -> Evidence:
    served = next(fact for fact in seen.facts if isinstance(fact, f.MealServed))
    return with_facts(seen, (*seen.facts, served))


def a_charge_twice(seen: Evidence) -> Evidence:
    charged = next(fact for fact in seen.facts if isinstance(fact, f.Charged))
    return with_facts(seen, (*seen.facts, charged))


def a_sale_by_a_tap(seen: Evidence) -> Evidence:
    known = next(fact for fact in seen.facts if isinstance(fact, f.ScanTaken) and fact.code is Code.SEEN)
    charged = next(fact for fact in seen.facts if isinstance(fact, f.Charged))
    return with_facts(seen, (*seen.facts, msgspec.structs.replace(charged, ask=known.ask, charge=charged.charge + 1)))


def a_cent_from_nowhere(seen: Evidence) -> Evidence:
    facts = tuple(
        msgspec.structs.replace(fact, entries=(f.Entry("wallet:1", 1), *fact.entries)) if isinstance(fact, f.Charged) else fact
        for fact in seen.facts
    )
    return replace(seen, facts=facts)


def other_books(seen: Evidence) -> Evidence:
    return replace(seen, books=Books())


def another_board(seen: Evidence) -> Evidence:
    return replace(seen, live=replace(seen.live, board=Board(seen.live.board.taps[1:], {number("care"): 3}, 9)))


def another_balance(seen: Evidence) -> Evidence:
    return replace(seen, live=replace(seen.live, balances={place: cents + 1 for place, cents in seen.live.balances.items()}))


def a_scan_the_history_lost(seen: Evidence) -> Evidence:
    return replace(seen, past=replace(seen.past, scans=seen.past.scans[1:]))


def an_entry_only_the_history_has(seen: Evidence) -> Evidence:
    return replace(seen, past=replace(seen.past, entries={1: (*seen.past.entries[1], *seen.past.entries[1][:1])}))


def a_stay_the_history_lost(seen: Evidence) -> Evidence:
    return replace(seen, past=replace(seen.past, stays={}))


def a_scan_left_on_a_card(seen: Evidence) -> Evidence:
    return replace(seen, unsettled={"door": 1})


def a_program_that_failed(seen: Evidence) -> Evidence:
    return replace(seen, statuses={"hub": 70})


DOCTORED: tuple[tuple[str, Callable[[Evidence], Evidence]], ...] = (
    ("every tap a pupil got a yes for is in the books exactly once", without_a_scan),
    ("every tap a pupil got a yes for is in the books exactly once", a_no_in_the_books),
    ("what was shown is what is booked", another_light),
    ("every scan in the books was a tap", a_tap_nobody_made),
    ("every scan in the books was a tap", a_tap_at_another_hour),
    ("everything else in the books has a cause", a_fact_from_nowhere),
    ("nothing happened twice", a_meal_twice),
    ("nothing happened twice", a_charge_twice),
    ("who was only identified has bought nothing", a_sale_by_a_tap),
    ("the books sum to zero", a_cent_from_nowhere),
    ("replay equals live", other_books),
    ("replay equals live", another_board),
    ("replay equals live", another_balance),
    ("history equals journal", a_scan_the_history_lost),
    ("history equals journal", an_entry_only_the_history_has),
    ("history equals journal", a_stay_the_history_lost),
    ("no scan is left on a device", a_scan_left_on_a_card),
    ("every program ended orderly", a_program_that_failed),
)


def test_an_honest_day_passes_every_check(honest: Evidence) -> None:
    assert [complaint for _, complaints in verdicts(honest) for complaint in complaints] == []


def test_every_check_can_fail() -> None:
    assert {sentence for sentence, _ in DOCTORED} == {sentence for sentence, _ in CHECKS}


@pytest.mark.parametrize(("sentence", "doctor"), DOCTORED, ids=lambda one: getattr(one, "__name__", ""))
def test_a_check_complains_of_what_was_done_to_the_day(honest: Evidence, sentence: str, doctor: Callable[[Evidence], Evidence]) -> None:
    assert dict(verdicts(doctor(honest)))[sentence] != []


def test_each_tap_is_told_with_its_scan_and_how_long_its_light_took(honest: Evidence) -> None:
    came = outcomes(honest)
    assert [one.scan.code.value if one.scan else "" for one in came] == ["in", "in", "out", "walk_up", "seen", "in"]
    assert {one.took_ms for one in came} == {8.0}
    assert [one.alone for one in came] == [False, False, False, False, False, True]


def test_a_second_tap_of_an_impatient_child_led_to_no_scan(honest: Evidence) -> None:
    twice = replace(honest.sent[0], means=Means.DOUBLE, sent_us=honest.sent[0].sent_us + 500_000, at_s=honest.sent[0].at_s + 0.5)
    came = outcomes(replace(honest, sent=(*honest.sent, twice)))
    assert [one.scan is None for one in came] == [False, True, False, False, False, False, False]


def test_the_histogram_counts_every_light_once() -> None:
    assert histogram([0.4, 5.0, 5.1, 399.0, 9_000.0]) == [2, 1, 0, 0, 0, 0, 1, 0, 0, 1]


def test_the_report_says_what_failed_and_why(honest: Evidence) -> None:
    doctored = a_scan_left_on_a_card(honest)
    text = written(doctored, (), verdicts(doctored))
    assert "FAILED  no scan is left on a device\n          1 scans are left on the card of door" in text
    assert "holds   the books sum to zero" in text


def test_a_stay_whose_end_was_corrected_is_drawn_as_it_ended_last(honest: Evidence) -> None:
    closed = next(fact for fact in honest.facts if isinstance(fact, f.StayClosed))
    corrected = msgspec.structs.replace(closed, at_ms=closed.at_ms - 60_000)
    drawn = {name: [count for _, count in steps] for name, steps in inside(replace(honest, facts=(*honest.facts, corrected)))}
    assert drawn
    assert all(min(counts) == 0 == counts[-1] for counts in drawn.values())


@pytest.mark.parametrize(("device", "reader", "complaints"), [("hall", "entrance", 0), ("till", "drink-till", 1)])
def test_a_tap_at_the_entrance_tells_who_came_to_class_and_one_at_a_till_does_not(
    honest: Evidence, device: str, reader: str, complaints: int
) -> None:
    lived = Day()
    lived.tap("Noé", "entrance", "08:20")
    scan, passed = lived.last
    assert isinstance(passed, f.EntrancePassed)
    doctored = msgspec.structs.replace(scan, device=device, reader=reader)
    seen = replace(honest, facts=(*honest.facts, doctored, passed))
    assert len(who_is_only_known_has_bought_nothing(seen)) == complaints


@pytest.mark.parametrize(("held", "life", "complaints"), [("EM:1", "b" * 16, 0), ("EM:1", "", 1), ("Léa", "b" * 16, 1)])
def test_a_held_tag_is_read_once_in_each_life_of_its_device(honest: Evidence, held: str, life: str, complaints: int) -> None:
    """Kills, seed 4: a device that was back within a quarter of a second read the tag that its earlier life had read."""
    first = next(fact for fact in honest.facts if isinstance(fact, f.ScanTaken))
    again = msgspec.structs.replace(first, inc=life or first.inc, n=9, at_ms=first.at_ms + 250)
    tap, *others = honest.sent
    seen = with_facts(replace(honest, sent=(replace(tap, badge=held), *others), hashes={held: first.badge}), (first, again))
    assert len(every_scan_was_a_tap(seen)) == complaints
