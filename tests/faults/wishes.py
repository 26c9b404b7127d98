"""What must be true of wishes whose devices died under them. Pure: from the books to complaints; no complaint means that it holds.

A pupil who saw no light holds the badge again. The hub knows that for the same wish within a minute (reliability.md, 2.3).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

from hub.core import facts as f
from hub.core.codes import Code
from hub.core.facts import Fact, derived
from hub.core.scans import AGAIN_MS
from proto.messages import YES, Light
from tests.demo.checks import Evidence, taps_of_scans
from tests.demo.player import SentTap
from tests.faults.crowd import Wish

Scans = Sequence[tuple[Wish, Sequence[f.ScanTaken]]]
"""Wishes with their scans in the books, oldest first."""
Check = Callable[[Scans, Sequence[Fact]], list[str]]


def scans_of(wishes: Iterable[Wish], seen: Evidence) -> Scans:
    """What came of each wish, within the minute that begins with its first scan."""
    by_key = {(fact.device, fact.inc, fact.n): fact for fact in seen.facts if isinstance(fact, f.ScanTaken)}
    by_tap: defaultdict[SentTap, list[f.ScanTaken]] = defaultdict(list)
    for key, tap in taps_of_scans(seen).items():
        by_tap[tap].append(by_key[key])
    found = [(wish, sorted((scan for tap in wish.taps for scan in by_tap[tap]), key=_at)) for wish in wishes]
    return [(wish, [scan for scan in scans if scan.at_ms - scans[0].at_ms < AGAIN_MS]) for wish, scans in found]


def booked_twice(scans: Scans, facts: Sequence[Fact]) -> list[str]:
    """One wish is one charge, one coming or going, one meal at most, however often the badge had to be held."""
    times, found = _bookings(facts), []
    for wish, own in scans:
        asks = [ask for scan in own for ask in (scan.ask, derived(scan.ask, "shown"))]
        counts = {what: sum(times[what, ask] for ask in asks) for what in ("charge", "move", "meal")}
        found += [f"{_named(wish, own)} was booked {booked} times as a {what}" for what, booked in counts.items() if booked > 1]
    return found


def decided_twice(scans: Scans, facts: Sequence[Fact]) -> list[str]:
    """Who comes back to a device that died between commit and light is asked "again?", whatever the reader is for."""
    unseen = {(fact.device, fact.inc, fact.n) for fact in facts if isinstance(fact, f.ShownBooked) and fact.light not in YES}
    found = []
    for wish, own in scans:
        first = next((scan for scan in own if _stands(scan) and (scan.device, scan.inc, scan.n) not in unseen), None)
        later = [scan for scan in own if first is not None and scan.inc != first.inc and scan.at_ms >= first.at_ms]
        if any(scan.code is not Code.AGAIN for scan in later):
            found.append(f"{_named(wish, own)} was decided more than once: {[scan.code.value for scan in own]}")
    return found


CHECKS: tuple[tuple[str, Check], ...] = (
    ("nobody gets one thing twice", booked_twice),
    ("who comes back is asked: again?", decided_twice),
)


def wrong(scans: Scans, facts: Sequence[Fact]) -> list[tuple[str, list[str]]]:
    """The checks that complain."""
    return [(sentence, found) for sentence, check in CHECKS if (found := check(scans, facts))]


def _at(scan: f.ScanTaken) -> int:
    return scan.at_ms


def _bookings(facts: Iterable[Fact]) -> Counter[tuple[str, int]]:
    """(what, ask) -> how many that stand."""
    times: Counter[tuple[str, int]] = Counter()
    charges: dict[int, int] = {}
    for fact in facts:
        if isinstance(fact, f.Charged):
            charges[fact.charge] = fact.ask
            times["charge", fact.ask] += 1
        elif isinstance(fact, f.Reversed):
            times["charge", charges[fact.charge]] -= 1
        elif isinstance(fact, f.StayOpened | f.StayClosed):
            times["move", fact.ask] += 1
        elif isinstance(fact, f.MealServed):
            times["meal", fact.ask] += 1
    return times


def _stands(scan: f.ScanTaken) -> bool:
    return (Light(scan.shown) if scan.shown else scan.light) in YES


def _named(wish: Wish, scans: Sequence[f.ScanTaken]) -> str:
    return f"one wish at {wish.place} with {len(wish.taps)} taps, scans {[f'{scan.n} ({scan.inc[:6]})' for scan in scans]},"
