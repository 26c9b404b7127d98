"""The script of a school day: who holds which badge where and when, and what that should mean. Pure: the same seed, the same day.

Also what may happen to the machines on such a day. Times are seconds after the school's midnight; nothing here knows a process.
"""

import enum
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from proto.badge import CODE_BYTES, code
from tests.demo.school import CENTRE, MOULIN, Child

HOUR_S, MINUTE_S = 3600, 60
DAY_FROM_S, DAY_TO_S = 7 * HOUR_S, 19 * HOUR_S + 40 * MINUTE_S
"""Until the hub has ended the stays that nobody ended: an hour and a half after the care's hours."""
SIBLING_MS, DOUBLE_MS = 300, 500
"""Real milliseconds: between two siblings in a queue, and between the two taps of an impatient child."""
DOOR, MEALS, SNACKS, TAGS = "care-door/door", "till/meals", "till/snacks", "hall/tags"
READERS = (DOOR, MEALS, SNACKS, TAGS)
"""Device and reader, as the pupil sees them."""
FRONT = "care-door/front"
"""The school's entrance, in the two weeks only: it opens no stay, and tells who comes late."""


class Means(enum.StrEnum):
    """What a tap should come to."""

    ARRIVES = "arrives"
    LEAVES = "leaves"
    EATS = "eats"
    SHOWS = "shows who it is"  # to the cashier, whose form sells
    STUDIES = "studies"
    COMES = "comes to class"
    DOUBLE = "double tap"
    STRANGER = "unknown badge"
    BLOCKED = "blocked badge"
    TORN = "torn read"


NO_BADGE = frozenset({Means.TORN, Means.STRANGER})
"""Taps of nobody's badge."""


@dataclass(frozen=True, slots=True)
class PlannedTap:
    """One tap; `later_ms` real milliseconds after its time, whatever the day's speed is."""

    at_s: int
    reader: str
    badge: str
    means: Means
    later_ms: int = 0


class Blow(enum.StrEnum):
    """What may happen to the machines."""

    BROKER_RESTARTS = "broker restarts"
    HUB_KILLED = "hub killed (-9)"
    DEVICE_KILLED = "device killed (-9)"
    NETWORK_CUT = "network cut"
    NETWORK_STALLS = "network stalls"


@dataclass(frozen=True, slots=True)
class Incident:
    """From `at_s`; what is cut or killed comes back at `until_s`. `device` is empty where the hub or the broker is meant."""

    at_s: int
    until_s: int
    blow: Blow
    device: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """A whole script: taps in order of time, incidents in order of time, and whose badge is blocked before it begins."""

    from_s: int
    to_s: int
    taps: tuple[PlannedTap, ...]
    incidents: tuple[Incident, ...] = ()
    blocked: str = ""


def whole_day(everyone: Sequence[Child], seed: int = 1) -> Day:
    """Care, meals, the sandwich till, study and care again, with all that goes wrong between children and machines.

    A tap at the sandwiches only identifies; what is charged at the till is the meals of those who come without an order.
    """
    chance = random.Random(seed)
    centre = [child for child in everyone if child.site == CENTRE]
    lost, *badges = chance.sample([child.badge for child in centre], len(centre))
    early, late, hungry = badges[:30], badges[20:60], [child for child in centre if child.badge != lost]
    taps = [
        *care(chance, early, clock(7, 0), clock(7, 50), clock(8, 14), clock(8, 40)),
        *_meals(chance, hungry),
        *spread(chance, badges[60:75], SNACKS, Means.SHOWS, clock(15, 35), clock(15, 55)),
        *spread(chance, tagged(everyone)[:34], TAGS, Means.STUDIES, clock(16, 0), clock(16, 30)),
        *care(chance, late, clock(15, 32), clock(16, 5), clock(16, 40), clock(17, 58), stay=3),
        *_mishaps(chance, lost),
    ]
    taps = with_impatience(chance, with_siblings(taps, everyone))
    return Day(DAY_FROM_S, DAY_TO_S, in_order(taps), blocked=lost)


def short_day(everyone: Sequence[Child]) -> Day:
    """A quarter of an hour in the afternoon on all four readers: the hub is killed once, one cable pulled, one network slow."""
    centre = [child.badge for child in everyone if child.site == CENTRE]
    from_s = clock(16, 5)
    each = [(DOOR, centre[:8], Means.ARRIVES), (MEALS, centre[8:14], Means.EATS), (SNACKS, centre[14:18], Means.SHOWS)]
    each.append((TAGS, tagged(everyone)[:6], Means.STUDIES))
    taps = [
        PlannedTap(from_s + 30 + 780 * place // len(badges), reader, badge, means)
        for reader, badges, means in each
        for place, badge in enumerate(badges)
    ]
    taps.append(PlannedTap(from_s + 500, DOOR, centre[0], Means.LEAVES))
    incidents = (
        Incident(from_s + 150, from_s + 420, Blow.NETWORK_CUT, "hall"),
        Incident(from_s + 20, from_s + 140, Blow.NETWORK_STALLS, "care-door"),
        Incident(from_s + 300, from_s + 360, Blow.HUB_KILLED),
    )
    return Day(from_s, from_s + 15 * MINUTE_S, in_order(taps), incidents)


def clock(hour: int, minute: int) -> int:
    """A time of day in seconds after midnight."""
    return hour * HOUR_S + minute * MINUTE_S


def tagged(everyone: Iterable[Child]) -> list[str]:
    """The badges of Moulin."""
    return [child.badge for child in everyone if child.site == MOULIN]


def spread(chance: random.Random, badges: Iterable[str], reader: str, means: Means, from_s: int, to_s: int) -> Iterator[PlannedTap]:
    """Each badge once, some time between the two."""
    yield from (PlannedTap(chance.randrange(from_s, to_s), reader, badge, means) for badge in badges)


def care(
    chance: random.Random, badges: Sequence[str], in_s: int, in_to_s: int, out_s: int, out_to_s: int, stay: int = 0
) -> Iterator[PlannedTap]:
    """All come; all but the first `stay` are seen leaving."""
    yield from spread(chance, badges, DOOR, Means.ARRIVES, in_s, in_to_s)
    yield from spread(chance, badges[stay:], DOOR, Means.LEAVES, out_s, out_to_s)


def _meals(chance: random.Random, hungry: Sequence[Child]) -> Iterator[PlannedTap]:
    """Those with a reserved meal come, two of them do not; six come without one."""
    reserved = [child.badge for child in hungry if child.eats]
    walk_up = [child.badge for child in hungry if not child.eats]
    yield from spread(chance, reserved[2:] + walk_up[:6], MEALS, Means.EATS, clock(12, 0), clock(12, 45))


def _mishaps(chance: random.Random, lost: str) -> Iterator[PlannedTap]:
    """A badge nobody knows, one that was blocked, and reads of which half is missing."""
    stranger = code(chance.randbytes(CODE_BYTES))
    yield PlannedTap(clock(7, 31), DOOR, lost, Means.BLOCKED)
    yield PlannedTap(clock(12, 31), MEALS, stranger, Means.STRANGER)
    yield PlannedTap(clock(8, 2), DOOR, stranger[:9], Means.TORN)
    yield PlannedTap(clock(12, 38), MEALS, stranger[:12], Means.TORN)
    yield PlannedTap(clock(16, 12), TAGS, "EM:6F007B", Means.TORN)


def with_impatience(chance: random.Random, taps: list[PlannedTap]) -> list[PlannedTap]:
    """Some hold their badge twice: the same tap."""
    twice = chance.sample([tap for tap in taps if tap.means not in NO_BADGE], 8)
    return taps + [replace(tap, means=Means.DOUBLE, later_ms=tap.later_ms + DOUBLE_MS) for tap in twice]


def with_siblings(taps: list[PlannedTap], everyone: Iterable[Child]) -> list[PlannedTap]:
    """Brothers and sisters who come to the door do so together: one after the other."""
    household = {child.badge: child.household for child in everyone}
    together: dict[tuple[str, str, Means], list[int]] = defaultdict(list)
    for place, tap in enumerate(taps):
        if tap.reader == DOOR and tap.means in {Means.ARRIVES, Means.LEAVES}:
            half_day = "morning" if tap.at_s < 12 * HOUR_S else "evening"
            together[household[tap.badge], half_day, tap.means].append(place)
    found = list(taps)
    for places in together.values():
        for nth, place in enumerate(places[1:], 1):
            found[place] = replace(taps[place], at_s=taps[places[0]].at_s, later_ms=nth * SIBLING_MS)
    return found


def in_order(taps: Iterable[PlannedTap]) -> tuple[PlannedTap, ...]:
    """As they are held to the readers."""
    return tuple(sorted(taps, key=lambda tap: (tap.at_s, tap.later_ms, tap.reader, tap.badge)))
