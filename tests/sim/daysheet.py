"""What a pupil's day in care and study comes to, from its marks alone, in whatever order they were told: told anew, asking no code.

A mark is a scan at a care or study reader, or what staff put in its place. Only two programmes of the small school are here: care, with
its entries and exits and started half hours; and study, of which the entry counts and costs a session. Study may be within care: then
who is expected there, or was scanned there, pays care before it and after it. Or those who are expected count as present.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from hub.core.facts import derived
from tests import schools
from tests.sim.setting import (
    ABSENCES,
    BANDS,
    CARE,
    HIGHEST_CENTS,
    LESS_PERCENT,
    STUDY,
    TOGETHER_CENTS,
    Pricing,
    Setting,
    Study,
    decoded,
    payer,
    session_cents,
)

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


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that is known of a pupil's day at one programme. `absence`: staff's reason, 0 = none; `through`: what they said of a split."""

    marks: Collection[Mark] = ()
    verified: frozenset[int] = frozenset()
    absence: int = 0
    through: bool | None = None


@dataclass(frozen=True, slots=True)
class PupilsDay:
    """A pupil's day (YYYYMMDD) as it is set up, and as it is known at an instant."""

    setting: Setting
    pupil: int
    day: int
    sheets: dict[int, Sheet] = field(default_factory=dict)
    now_ms: int = 0
    filed: frozenset[int] | None = None
    """Households whose file is there; None: nobody knows when it came."""
    elders: int = 0
    """Older brothers and sisters who were there that day."""

    def sheet(self, programme: int) -> Sheet:
        return self.sheets.get(programme, Sheet())

    @property
    def is_expected(self) -> bool:
        """At study, and not said to be absent."""
        return self.setting.is_expected(self.pupil, self.day) and not self.sheet(STUDY).absence

    def counts_as_present(self, programme: int) -> bool:
        return programme == STUDY and self.setting.study is Study.AUTO and self.is_expected


Prices = frozenset[int]
"""What a charge may come to: two prices where a family's file may be there already, or not yet."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that is charged, from when on. `percent` of its prices; a `fixed` one is no part of what a day costs at most."""

    from_ms: int
    programme: int
    prices: Prices
    percent: int = 100
    fixed: bool = False
    absent: bool = False


def hours_of(programme: int, day: int, setting: Setting) -> list[Hours]:
    """When a programme is open on a day."""
    weekday = decoded(day).weekday()
    if weekday > _FRIDAY:
        return []
    if programme == STUDY:
        until = "17:15" if setting.study is Study.WITHIN else "18:00"
        clocks = [] if weekday == _WEDNESDAY else [("16:05", until)]
    else:
        clocks = [("07:00", "08:30"), ("12:00" if weekday == _WEDNESDAY else "15:30", "18:00")]
    return [(_instant_ms(day, start), _instant_ms(day, end)) for start, end in clocks]


def read(whose: PupilsDay, programme: int) -> tuple[list[Visit], dict[int, str]]:
    """The visits that the marks of a programme make, and what each mark did."""
    hours = hours_of(programme, whose.day, whose.setting)
    auto = whose.counts_as_present(programme)
    walk = _Walk(hours, entry_only=programme == STUDY and not auto, exit_only=auto)
    codes = {mark.id: walk.step(mark) for mark in sorted(mark for mark in whose.sheet(programme).marks if not mark.void)}
    seen = {visit.over_ms for visit in walk.visits}
    planned = [Visit(0, start, end, lit=True) for start, end in hours if auto and start <= whose.now_ms and end not in seen]
    return [*walk.visits, *planned], codes


def costs(whose: PupilsDay) -> dict[int, list[Prices]]:
    """What the day costs at each programme, charge by charge: what was seen and lit at both ends, or what staff say was so."""
    found: dict[int, list[Prices]] = {CARE: [], STUDY: []}
    together, spent = whose.setting.prices is Pricing.TOGETHER, Prices({0})
    for part in sorted(_parts(whose), key=lambda part: (part.from_ms, part.programme)):
        sums = {(before, _left(cents, before, part) if together else cents) for before in spent for cents in part.prices}
        prices = Prices((cents * part.percent + 50) // 100 for _, cents in sums)
        spent = Prices(before + (cents * part.percent + 50) // 100 for before, cents in sums) if together else spent
        if prices != {0} or (together and not part.absent):
            found[part.programme].append(prices)
    return found


def _left(cents: int, before_cents: int, part: Part) -> int:
    """What is left of the maximum of a day."""
    return cents if part.fixed else min(cents, max(TOGETHER_CENTS - before_cents, 0))


def _parts(whose: PupilsDay) -> Iterator[Part]:
    """Stays in care, without the hours at study; one session; or what it costs to be absent from it."""
    cuts, sessions = list(_cuts(whose)), [visit.from_ms for visit in _counted(whose, STUDY)]
    for visit in _counted(whose, CARE):
        pieces, studied = _pieces((visit.from_ms, visit.until_ms or max(visit.over_ms, visit.from_ms)), cuts)
        sessions += studied
        yield from (Part(start, CARE, Prices({_care_cents(whose, start, end)})) for start, end in pieces)
    if sessions:
        yield Part(min(sessions), STUDY, _session(whose))
    else:
        yield from _absent(whose)


def _counted(whose: PupilsDay, programme: int) -> list[Visit]:
    """The visits that are charged; at study the entry is enough, at care somebody has to have seen the exit, or to say that it was so."""
    verified = whose.sheet(programme).verified
    visits = [visit for visit in read(whose, programme)[0] if visit.lit or visit.stay in verified]
    return [visit for visit in visits if programme == STUDY or visit.until_ms or visit.stay in verified]


def _cuts(whose: PupilsDay) -> Iterator[tuple[int, int, bool]]:
    """The hours that study takes out of a stay in care, and whether they are a session because the pupil is expected there."""
    if whose.setting.study is not Study.WITHIN:
        return
    hours = hours_of(STUDY, whose.day, whose.setting)
    scanned = _counted(whose, STUDY)
    for visit in sorted(scanned, key=lambda visit: visit.from_ms):
        yield visit.from_ms, next((end for _, end in hours if visit.from_ms < end), visit.from_ms), False
    sheet = whose.sheet(STUDY)
    through = whose.is_expected if sheet.through is None else sheet.through and not sheet.absence
    if not scanned and through:
        yield from ((start, end, True) for start, end in hours)


def _pieces(stay: Hours, cuts: Iterable[tuple[int, int, bool]]) -> tuple[list[Hours], list[int]]:
    """What is left of a stay in care, and when it went to study because the pupil is expected there."""
    pieces, sessions, (from_ms, until_ms) = list[Hours](), list[int](), stay
    for start, end, expected in cuts:
        start_ms, end_ms = max(start, from_ms), min(end, until_ms)
        if start_ms < end_ms:
            pieces, from_ms = [*pieces, (from_ms, start_ms)], end_ms
            sessions += [start_ms] if expected else []
    pieces.append((from_ms, until_ms))
    return [piece for piece in pieces if piece[0] < piece[1] or piece == stay], sessions


def _absent(whose: PupilsDay) -> Iterator[Part]:
    """What staff's reason says it costs that somebody did not come who was expected."""
    percent, cents = ABSENCES.get(whose.sheet(STUDY).absence, (0, 0))
    hours = hours_of(STUDY, whose.day, whose.setting)
    if (percent or cents) and not read(whose, STUDY)[0] and hours:
        begun_ms = hours[0][0]
        if percent:
            yield Part(begun_ms, STUDY, _session(whose), percent, absent=True)
        else:
            yield Part(begun_ms, STUDY, Prices({cents}), fixed=True, absent=True)


def _session(whose: PupilsDay) -> Prices:
    household = payer(whose.pupil, STUDY, whose.day)
    filed = session_cents(household, whose.day, whose.setting.prices)
    if whose.filed is not None:
        return Prices({filed if household in whose.filed else HIGHEST_CENTS})
    return Prices({HIGHEST_CENTS, filed} if whose.setting.files else {HIGHEST_CENTS})


def _care_cents(whose: PupilsDay, from_ms: int, until_ms: int) -> int:
    """0,75 € for each started half hour, five minutes are forgiven, less for who has elders there, 6,00 € at most; or by the clock."""
    if whose.setting.prices is Pricing.BANDS:
        return sum(_of_band(whose.day, (from_ms, until_ms), band) for band in BANDS)
    full_cents = 75 * _started((until_ms - from_ms) // MINUTE_MS, 30, 5)
    percent = LESS_PERCENT[min(whose.elders, len(LESS_PERCENT) - 1)]
    return min((full_cents * (100 - percent) + 50) // 100, 6_00)


def _of_band(day: int, stay: Hours, band: tuple[str, str, int, int, int]) -> int:
    begins, ends, cents, period_min, forgiven_min = band
    stayed_ms = min(stay[1], _instant_ms(day, ends)) - max(stay[0], _instant_ms(day, begins))
    return cents * _started(max(stayed_ms, 0) // MINUTE_MS, period_min, forgiven_min)


def _started(minutes: int, period_min: int, forgiven_min: int) -> int:
    """How many periods were started; a rest that is forgiven starts none."""
    whole, rest = divmod(minutes, period_min)
    return whole + (rest > forgiven_min)


class _Walk:
    """Where a pupil is after the marks so far."""

    def __init__(self, hours: list[Hours], *, entry_only: bool, exit_only: bool) -> None:
        self._hours, self._entry_only, self._exit_only = hours, entry_only, exit_only
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
        visit = self._inside or self._came_with_the_hours(mark, again=again)
        if visit is None:
            return "already_out" if again or (self._entry_only and self._moved_ms is not None) else "no_entry"
        visit.until_ms = min(mark.at_ms, visit.over_ms) if self._entry_only else mark.at_ms
        visit.lit = visit.lit and (mark.lit or self._entry_only)
        self._inside, self._moved_ms = None, mark.at_ms
        return "out"

    def _came_with_the_hours(self, mark: Mark, *, again: bool) -> Visit | None:
        """Who counts as present and is seen leaving came when the hours began, or left last."""
        inside = (hours for hours in self._hours if hours[0] <= mark.at_ms < hours[1] + REACH_MS)
        hours = next(inside, None) if self._exit_only and not again else None
        if hours is None:
            return None
        visit = Visit(mark.id, max(min(hours[0], mark.at_ms), self._moved_ms or 0), hours[1], lit=True)
        self.visits.append(visit)
        return visit

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
    return schools.moment(clock, decoded(day))
