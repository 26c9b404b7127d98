"""What a pupil's day at a programme comes to, reckoned from its marks alone, in whatever order they were told: told anew, asking no code.

A mark is a scan at a care or study reader, or what staff put in its place. Only two programmes of the small school are here: care, with
its entries and exits and started half hours; and study, of which the entry counts and costs a session.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from hub.core.facts import derived
from tests import schools

CARE, STUDY = schools.number("care"), schools.number("study")
READERS = {
    "care-gate": (CARE, "toggle"),
    "care-door": (CARE, "toggle"),
    "care-in": (CARE, "in"),
    "care-out": (CARE, "out"),
    "study-door": (STUDY, "toggle"),
}
REACH_MS, RETAP_MS, MINUTE_MS = 90 * 60_000, 120_000, 60_000
_WEDNESDAY, _FRIDAY = 2, 4

Hours = tuple[int, int]
Key = tuple[int, int, int]
"""Pupil, programme, day as YYYYMMDD."""


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """At an instant somebody came or went, or both may be (`toggle`). `void`: it counts no more."""

    at_ms: int
    id: int
    way: str
    lit: bool = True
    void: bool = False


@dataclass(slots=True)
class Visit:
    """`until_ms` 0: nobody saw the exit."""

    mark: int
    from_ms: int
    over_ms: int
    """When its hours end."""
    lit: bool
    until_ms: int = 0

    @property
    def stay(self) -> int:
        return derived(self.mark, "stay")


def hours_of(programme: int, day: int) -> list[Hours]:
    """When a programme is open on a day."""
    weekday = date(day // 10_000, day // 100 % 100, day % 100).weekday()
    if weekday > _FRIDAY:
        return []
    if programme == STUDY:
        clocks = [] if weekday == _WEDNESDAY else [("16:05", "18:00")]
    else:
        clocks = [("07:00", "08:30"), ("12:00" if weekday == _WEDNESDAY else "15:30", "18:00")]
    return [(_instant_ms(day, start), _instant_ms(day, end)) for start, end in clocks]


def read(programme: int, day: int, marks: Iterable[Mark]) -> tuple[list[Visit], dict[int, str]]:
    """The visits these marks make, and what each mark did."""
    walk = _Walk(hours_of(programme, day), entry_only=programme == STUDY)
    codes = {mark.id: walk.step(mark) for mark in sorted(mark for mark in marks if not mark.void)}
    return walk.visits, codes


def amounts(programme: int, day: int, marks: Iterable[Mark], verified: Collection[int]) -> list[int]:
    """What the day costs, charge by charge: what was seen and lit at both ends, or what staff say was so."""
    visits, _ = read(programme, day, marks)
    counted = [visit for visit in visits if visit.lit or visit.stay in verified]
    if programme == STUDY:
        return [1_00] if counted else []
    ended = [(visit, visit.until_ms or (max(visit.over_ms, visit.from_ms) if visit.stay in verified else 0)) for visit in counted]
    return [cents for visit, until_ms in ended if until_ms and (cents := _care_cents(until_ms - visit.from_ms))]


def _care_cents(stayed_ms: int) -> int:
    """0,75 € for each started half hour, five minutes are forgiven, 6,00 € at most."""
    halves, rest = divmod(stayed_ms // MINUTE_MS, 30)
    return min(75 * (halves + (rest > 5)), 6_00)


class _Walk:
    """Where a pupil is after the marks so far."""

    def __init__(self, hours: list[Hours], *, entry_only: bool) -> None:
        self._hours, self._entry_only = hours, entry_only
        self.visits: list[Visit] = []
        self._inside: Visit | None = None
        self._moved_ms: int | None = None

    def step(self, mark: Mark) -> str:
        forgot = self._forgot_to_leave(mark)
        again = self._moved_ms is not None and mark.at_ms - self._moved_ms < RETAP_MS
        if mark.way == "toggle" and again and not forgot:
            return "already_in" if self._inside else "already_out"
        if mark.way == "in" or (mark.way == "toggle" and self._inside is None):
            return self._come(mark, again=again)
        return self._go(mark, again=again)

    def _come(self, mark: Mark, *, again: bool) -> str:
        if self._inside is not None:
            return "already_in"
        hours = self._hours_for(mark.at_ms)
        if hours is None:
            done = again or (self._entry_only and self._moved_ms is not None)
            return "already_out" if mark.way == "toggle" and done else "closed"
        self._inside, self._moved_ms = Visit(mark.id, mark.at_ms, hours[1], mark.lit), mark.at_ms
        self.visits.append(self._inside)
        return "in"

    def _go(self, mark: Mark, *, again: bool) -> str:
        visit = self._inside
        if visit is None:
            return "already_out" if again or (self._entry_only and self._moved_ms is not None) else "no_entry"
        visit.until_ms = min(mark.at_ms, visit.over_ms) if self._entry_only else mark.at_ms
        visit.lit = visit.lit and (mark.lit or self._entry_only)
        self._inside, self._moved_ms = None, mark.at_ms
        return "out"

    def _forgot_to_leave(self, mark: Mark) -> bool:
        """Who is still in from hours long over has left with them; also who is nearer to the next ones and does not go."""
        visit = self._inside
        if visit is None:
            return False
        over_ms, hours = mark.at_ms - visit.over_ms, self._hours_for(mark.at_ms) if mark.way != "out" else None
        nearer = over_ms >= 0 and hours is not None and hours[0] - mark.at_ms < over_ms
        if over_ms < REACH_MS and not nearer:
            return False
        self._inside, self._moved_ms = None, max(visit.over_ms, visit.from_ms)
        return True

    def _hours_for(self, at_ms: int) -> Hours | None:
        """The hours that somebody comes for."""
        return next((hours for hours in self._hours if hours[0] - REACH_MS <= at_ms < hours[1]), None)


def _instant_ms(day: int, clock: str) -> int:
    return schools.moment(clock, date(day // 10_000, day // 100 % 100, day % 100))
