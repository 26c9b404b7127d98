"""What must be true of a whole journal, as complaints: pure, on facts and on what people saw. Rules are told anew, not asked."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hub.core.codes import Code, Reason
from hub.core.facts import (
    Charged,
    Fact,
    HoleDeclared,
    MealCancelled,
    MealReserved,
    MealResold,
    MealServed,
    Reversed,
    ScanTaken,
    ShownBooked,
    StayClosed,
    StayOpened,
    StayVoided,
    derived,
    scan_ask,
)
from proto.messages import YES
from tests import schools

if TYPE_CHECKING:
    from tests.sim.oracle import Tap

Key = tuple[str, str, int]
"""Device, incarnation, number."""
LOWEST_CENTS = {schools.number("sandwich"): 0, schools.number("drink"): -10_00}
"""How low a wallet may be after a sale of this article; anything else is served whatever the balance."""
PRICES_CENTS = {schools.number("sandwich"): 3_20, schools.number("drink"): 1_50, schools.number("meal"): 4_50}
WALK_UPS = {"drink-till": 0, "sandwich-till": 0, "meal-till": schools.number("meal")}
"""What a tap at a till costs who has no order: a meal, or nothing."""
FOUND_LATER = frozenset({Code.UNKNOWN, Code.BLOCKED})
"""The device had said yes alone, and the hub no: by a clock that was wrong, or a register that came from a backup."""
AGAIN_S = 44.0
"""Less than the rule's minute, by the true time of both taps: of the second the hub may hear seconds late."""


_NOBODYS: Key = ("", "", 0)


def complaints(taps: "Mapping[Key, Tap]", facts: list[Fact], excused: AbstractSet[Key]) -> Iterator[str]:
    """Everything that is wrong, worst first."""
    yield from money(facts)
    yield from order(facts)
    yield from presence(facts)
    yield from outcomes(taps, facts, excused)
    yield from prices(taps, facts, excused)


def money(facts: Iterable[Fact]) -> Iterator[str]:
    """Entries sum to zero, charges are made and taken back once, no sale passes a limit."""
    balances: dict[str, int] = defaultdict(int)
    charges: dict[int, Charged] = {}
    promised, moved = _Promised(), 0
    for fact in facts:
        promised.take(fact)
        entries = getattr(fact, "entries", ())
        if sum(entry.cents for entry in entries):
            yield f"entries do not sum to zero: {fact}"
        for entry in entries:
            balances[entry.account] += entry.cents
        if isinstance(fact, Charged):
            if fact.charge in charges:
                yield f"charged twice: {fact}"
            charges[fact.charge] = fact
            due = fact.ask == moved if fact.reason is Reason.CORRECTED else fact.ask == promised.ask and fact.reason is Reason.PROMISED
            yield from _charge(fact, balances[f"wallet:{fact.wallet}"], due=due)
        elif isinstance(fact, Reversed):
            moved = fact.ask if fact.reason is Reason.OTHER_PAYER else moved
            taken = charges.get(fact.charge)
            if taken is None or taken.cents != fact.cents:
                yield f"taken back what was not there, or twice: {fact}"
            else:
                charges[fact.charge] = replace(taken, cents=-1)  # a second time is once too often
    if sum(balances.values()):
        yield f"the books sum to {sum(balances.values())}"


@dataclass(slots=True)
class _Promised:
    """What was ordered in a pilot for a day after it is charged later; it may pass a limit then, and says so. `ask`: the last that did."""

    orders: set[tuple[int, int, int]] = field(default_factory=set)
    ask: int = 0

    def take(self, fact: Fact) -> None:
        if isinstance(fact, MealReserved | MealServed):
            key = (fact.pupil, fact.site, fact.day)
            if isinstance(fact, MealReserved) and fact.deferred:
                self.orders.add(key)
            elif key in self.orders:
                self.orders.discard(key)
                self.ask = fact.ask
        elif isinstance(fact, MealResold) or (isinstance(fact, MealCancelled) and not fact.late):  # late, it stays due
            self.orders.discard((fact.pupil, fact.site, fact.day))


def _charge(fact: Charged, balance_cents: int, *, due: bool) -> Iterator[str]:
    """`due`: whether it is due in any case, and says so: promised in a pilot, or moved to who has to pay it."""
    if fact.item in PRICES_CENTS and fact.cents % PRICES_CENTS[fact.item]:
        yield f"not the price: {fact}"
    if fact.entries and not due and balance_cents < LOWEST_CENTS.get(fact.item, balance_cents):
        yield f"a limit is passed: {fact}"


def order(facts: Iterable[Fact]) -> Iterator[str]:
    """Each device's scans are taken strictly in order, each once; a hole stands for what is missing."""
    lines: dict[tuple[str, str], int] = defaultdict(int)
    for fact in facts:
        if isinstance(fact, ScanTaken):
            if fact.n != lines[fact.device, fact.inc] + 1:
                yield f"scan {fact.n} follows {lines[fact.device, fact.inc]} of {fact.device} {fact.inc}"
            lines[fact.device, fact.inc] = fact.n
        elif isinstance(fact, HoleDeclared):
            lines[fact.device, fact.inc] = max(lines[fact.device, fact.inc], fact.to_n)


def holes(facts: Iterable[Fact]) -> list[HoleDeclared]:
    """Everything a device has declared lost."""
    return [fact for fact in facts if isinstance(fact, HoleDeclared)]


OpenStays = dict[tuple[int, int, int], tuple[int, int]]
"""Pupil, programme, day -> the stay that is open, and since when."""


def presence(facts: Iterable[Fact]) -> Iterator[str]:
    """Nobody is in twice, no stay ends twice, nothing is voided that is not there; a meal is handed out once."""
    open_stays: OpenStays = {}
    ended: set[int] = set()
    meals: set[tuple[int, int, int]] = set()
    for fact in facts:
        if isinstance(fact, StayOpened | StayClosed | StayVoided):
            yield from _stay(fact, open_stays, ended)
        elif isinstance(fact, MealServed):
            if (fact.pupil, fact.site, fact.day) in meals:
                yield f"a second meal: {fact}"
            meals.add((fact.pupil, fact.site, fact.day))


def _stay(fact: StayOpened | StayClosed | StayVoided, open_stays: OpenStays, ended: set[int]) -> Iterator[str]:
    key = (fact.pupil, fact.programme, fact.day)
    if isinstance(fact, StayOpened):
        stay, from_ms = open_stays.get(key, (fact.stay, 0))
        if (stay, from_ms == fact.at_ms) != (fact.stay, False) or fact.stay in ended:  # by a correction it may begin at another time
            yield f"in twice: {fact}"
        open_stays[key] = (fact.stay, fact.at_ms)
        return
    was_open = key in open_stays and open_stays[key][0] == fact.stay
    if was_open:
        del open_stays[key]
    if isinstance(fact, StayClosed):
        if fact.stay in ended:
            yield f"out twice: {fact}"
        ended.add(fact.stay)
    elif not was_open and fact.stay not in ended:
        yield f"voided without being there: {fact}"
    else:
        ended.discard(fact.stay)


def seen_lights(facts: Iterable[Fact]) -> dict[Key, str]:
    """What the books say each person saw in the end."""
    seen: dict[Key, str] = {}
    for fact in facts:
        if isinstance(fact, ScanTaken):
            seen[fact.device, fact.inc, fact.n] = fact.shown or fact.light.value
        elif isinstance(fact, ShownBooked):
            seen[fact.device, fact.inc, fact.n] = fact.light.value
    return seen


def outcomes(taps: "Mapping[Key, Tap]", facts: list[Fact], excused: AbstractSet[Key]) -> Iterator[str]:
    """Every light is booked as it was shown; whatever is booked was tapped, with this badge at this reader."""
    seen = seen_lights(facts)
    for fact in facts:
        if isinstance(fact, ScanTaken):
            tap = taps.get((fact.device, fact.inc, fact.n))
            if tap is None or (tap.badge, tap.reader) != (fact.badge, fact.reader):
                yield f"nobody did this: {fact}, {tap}"
    for key, tap in taps.items():
        if tap.lit and key not in excused and seen.get(key) != tap.lit:
            yield f"{key} was shown {tap.lit} and is booked as {seen.get(key, 'nothing')}: {tap}"


def prices(taps: "Mapping[Key, Tap]", facts: list[Fact], excused: AbstractSet[Key]) -> Iterator[str]:
    """A tap at a till costs nothing but a meal that was not ordered, and that once, for a yes that was seen."""
    net = _charged_cents(facts)
    codes = {(fact.device, fact.inc, fact.n): fact.code for fact in facts if isinstance(fact, ScanTaken)}
    late = _paid_at_last(facts)
    for key, code in codes.items():
        tap = taps.get(key)
        if tap is None or tap.reader not in WALK_UPS or not tap.lit or key in excused or (code is Code.MEAL and scan_ask(*key) in late):
            continue
        cents, price_cents = net.get(key, 0), PRICES_CENTS.get(WALK_UPS[tap.reader], 0)
        if tap.lit not in YES and cents:
            yield f"{key} was shown {tap.lit} and is charged {cents}"
        if tap.lit in YES and code is Code.WALK_UP and cents != price_cents:
            yield f"{key} was shown {tap.lit} and is charged {cents}, not {price_cents}"
        found_later = tap.own and tap.lit in YES and code in FOUND_LATER and cents == price_cents
        if code is not Code.WALK_UP and cents and not found_later:
            yield f"{key} is {code} and is charged {cents}"


def twice(taps: "Mapping[Key, Tap]", facts: list[Fact]) -> Iterator[str]:
    """A device died before its light, and the person tapped again within the minute: one service, not two (by honest clocks)."""
    seen = seen_lights(facts)
    last: dict[tuple[str, str, str], Key] = {}
    for fact in facts:
        if not isinstance(fact, ScanTaken) or fact.code is Code.AGAIN:
            continue
        key, place = (fact.device, fact.inc, fact.n), (fact.device, fact.reader, fact.badge)
        before = last.get(place)
        if before is not None and before[1] != key[1] and not taps[before].lit and 0 <= taps[key].at_s - taps[before].at_s < AGAIN_S:
            yield f"one service, taken for two: {before} without a light, then {key}"
        if fact.light in YES and seen[key] in YES:
            last[place] = key


def _paid_at_last(facts: Iterable[Fact]) -> set[int]:
    """Asks that hand out what was ordered in a pilot, before anything else has charged it: the reckoning knows for how much."""
    promised, found = _Promised(), set()
    for fact in facts:
        promised.take(fact)
        if isinstance(fact, MealServed) and promised.ask == fact.ask:
            found.add(fact.ask)
    return found


def _charged_cents(facts: Iterable[Fact]) -> dict[Key, int]:
    """What each scan costs in the end, what was taken back left out."""
    asks: dict[int, Key] = {}
    charges: dict[int, Key] = {}
    net: dict[Key, int] = defaultdict(int)
    moved = _NOBODYS, 0
    for fact in facts:
        if isinstance(fact, ScanTaken):
            key = (fact.device, fact.inc, fact.n)
            ask = scan_ask(*key)
            asks[ask] = asks[derived(ask, "shown")] = key
        elif isinstance(fact, Charged) and fact.ask in asks:
            charges[fact.charge] = asks[fact.ask]
            net[asks[fact.ask]] += fact.cents
        elif isinstance(fact, Charged) and fact.ask == moved[1]:  # what was taken back is there again
            charges[fact.charge] = moved[0]
            net[moved[0]] += fact.cents
            moved = _NOBODYS, 0
        elif isinstance(fact, Reversed):
            of = charges.get(fact.charge, _NOBODYS)
            moved = of, fact.ask if of is not _NOBODYS and fact.reason is Reason.OTHER_PAYER else 0
            net[of] -= fact.cents
    return net
