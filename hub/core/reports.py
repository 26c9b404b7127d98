"""Reports: periods, who is there at a quarter of an hour, presence for subsidies, what programmes and products earned, cash desk sessions.

It adds up what the history counts (hub/sums.py); prices nothing and names nobody. Where a law counts (the age groups of ONE and
Opgroeien) the rule stands here once: a presence is a child that came, whether or not it was charged, verified or scanned out.
"""

import enum
import functools
import operator
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from hub.core import schoolyear
from hub.core.calendar import MINUTE_MS, at, day_of, instant_ms
from hub.core.kept import Charge
from hub.core.money import half_up
from hub.core.school import School
from hub.core.timetable import LegalClass

QUARTER_MIN = 15
QUARTER_MS = QUARTER_MIN * MINUTE_MS
HOUR_MS = 60 * MINUTE_MS
_NOON = 12
_MONTHS_OF_A_QUARTER = 3
_PRIMARY_AGE = 6
_PRIMARY_YEARS = 6


# --- periods --------------------------------------------------------------------------------------


class Span(enum.StrEnum):
    """How long a period is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"  # of the calendar year: what ONE asks for (requirements, 3.1)
    YEAR = "year"  # of school


class Period(Struct, frozen=True):
    """Days from `first` to `last`, both included."""

    span: Span
    first: date
    last: date

    @property
    def before(self) -> date:
        """A day of the period before this one."""
        return self.first - timedelta(days=1)

    @property
    def after(self) -> date:
        """A day of the next one."""
        return self.last + timedelta(days=1)


def period(span: Span, day: date) -> Period:
    """The period of this length that a day belongs to."""
    match span:
        case Span.DAY:
            return Period(span, day, day)
        case Span.WEEK:
            monday = day - timedelta(days=day.weekday())
            return Period(span, monday, monday + timedelta(days=6))
        case Span.MONTH:
            return Period(span, day.replace(day=1), _month_after(day, 1) - timedelta(days=1))
        case Span.QUARTER:
            first = day.replace(month=(day.month - 1) // _MONTHS_OF_A_QUARTER * _MONTHS_OF_A_QUARTER + 1, day=1)
            return Period(span, first, _month_after(first, _MONTHS_OF_A_QUARTER) - timedelta(days=1))
        case Span.YEAR:
            return Period(span, *schoolyear.span(schoolyear.year_of(day)))


def steps(whole: Period) -> tuple[Period, ...]:
    """The parts that a chart of a period has columns for: days, of a quarter weeks, of a year months; cut at its ends."""
    short = {Span.QUARTER: Span.WEEK, Span.YEAR: Span.MONTH}.get(whole.span, Span.DAY)
    found: list[Period] = []
    day = whole.first
    while day <= whole.last:
        part = period(short, day)
        found.append(Period(short, day, min(part.last, whole.last)))
        day = part.after
    return tuple(found)


def bounds_ms(whole: Period, zone: ZoneInfo) -> tuple[int, int]:
    """The instants [from, until) of a period, in a site's zone."""
    return instant_ms(whole.first, 0, zone), instant_ms(whole.after, 0, zone)


def _month_after(day: date, months: int) -> date:
    """The first day of the month so many months later."""
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


# --- who is there at a quarter of an hour ---------------------------------------------------------


class Moved(Struct, frozen=True, array_like=True):
    """Pupils who count at a programme from this quarter of an hour on (`came`), or no more (`gone`); `quarter`: Unix time in quarters.

    Who comes at 16:01 counts at 16:15, and who leaves at 16:16 does still. `ms`: how long those who came stayed.
    """

    programme: int
    quarter: int
    came: int
    gone: int
    ms: int


Heads = dict[date, dict[int, int]]
"""By local day, by minute after midnight: how many were there."""


class Slot(Struct, frozen=True):
    """A time of day over several days: how many were there on average, in tenths, and at most."""

    minute: int
    mean_tenths: int
    most: int


class Weekday(Struct, frozen=True):
    """A weekday (0 = Monday) of a period: on how many days somebody came, and the times from the first to the last pupil."""

    weekday: int
    days: int
    slots: tuple[Slot, ...]


def quarter_of(moment_ms: int) -> int:
    """The first quarter of an hour that is not before an instant."""
    return -(-moment_ms // QUARTER_MS)


def heads(moved: Iterable[Moved], zone: ZoneInfo) -> Heads:
    """How many pupils were there at each quarter of an hour, on the days when somebody was."""
    change: defaultdict[int, int] = defaultdict(int)
    for one in moved:
        change[one.quarter] += one.came - one.gone
    found: Heads = {}
    there, before = 0, 0
    for quarter in sorted(change):
        for still in range(before, quarter if there > 0 else before):
            _note(found, still, there, zone)
        there, before = there + change[quarter], quarter
    return found


def _note(found: Heads, quarter: int, there: int, zone: ZoneInfo) -> None:
    local = at(quarter * QUARTER_MS, zone)
    day = found.setdefault(local.date(), {})
    minute = local.hour * 60 + local.minute
    day[minute] = max(day.get(minute, 0), there)  # the hour that the clock goes back is read twice


def by_weekday(found: Heads) -> tuple[Weekday, ...]:
    """Mean and peak of each weekday, over the days when somebody came."""
    days: defaultdict[int, list[dict[int, int]]] = defaultdict(list)
    for day, counts in found.items():
        days[day.weekday()].append(counts)
    return tuple(Weekday(weekday, len(those), _slots(those)) for weekday, those in sorted(days.items()))


def _slots(days: list[dict[int, int]]) -> tuple[Slot, ...]:
    first, last = min(map(min, days)), max(map(max, days))
    minutes = range(first, last + QUARTER_MIN, QUARTER_MIN)
    counts = ((minute, [day.get(minute, 0) for day in days]) for minute in minutes)
    return tuple(Slot(minute, half_up(10 * sum(each), len(each)), max(each)) for minute, each in counts)


# --- presence for subsidies -----------------------------------------------------------------------


class Level(enum.StrEnum):
    """A child's age group, as ONE (*maternelle, primaire*) and Opgroeien (*kleuter, lager*) count."""

    NURSERY = "nursery"
    PRIMARY = "primary"
    OLDER = "older"
    UNKNOWN = "unknown"  # no date of birth, or not in the register any more


Bits = int
"""A set of pupils: a bit for each, at its place."""


class Counts(Struct, frozen=True):
    """Children who came on a day, each once; before noon, and after it. Of several days: the sums."""

    children: int = 0
    mornings: int = 0
    afternoons: int = 0

    @property
    def half_days(self) -> int:
        return self.mornings + self.afternoons

    def plus(self, other: "Counts") -> "Counts":
        """Both together."""
        return Counts(self.children + other.children, self.mornings + other.mornings, self.afternoons + other.afternoons)


class Attendance(Struct, frozen=True):
    """By day and age group who came; `different`: how many different children did in the whole period, in each group and in all.

    `ageless`: those whose age is not known.
    """

    days: dict[date, dict[Level, Counts]]
    different: dict[Level, int]
    children: int
    ageless: Bits = 0


def hours_of(from_ms: int, until_ms: int) -> range:
    """The hours (Unix time in hours) that a stay touches; a moment belongs to the hour it begins."""
    first = from_ms // HOUR_MS
    return range(first, max(-(-until_ms // HOUR_MS), first + 1))


def level_on(born: date | None, day: date) -> Level:
    """A child's age group on a day: primary school begins with the school year of the calendar year in which a child turns six."""
    if born is None:
        return Level.UNKNOWN
    turns = schoolyear.year_of(day) - born.year
    return Level.NURSERY if turns < _PRIMARY_AGE else Level.PRIMARY if turns < _PRIMARY_AGE + _PRIMARY_YEARS else Level.OLDER


def as_one(cells: Iterable[tuple[int, Bits]], places: Mapping[int, int], same: Mapping[int, int]) -> list[tuple[int, Bits]]:
    """The same where a child that was entered twice has one place; `same`: the pupil that stays, by the one that it was entered as."""
    again = [(1 << places[old], 1 << places[kept]) for old, kept in same.items() if old in places and kept in places]
    found = []
    for hour, pupils in cells:
        here = pupils
        for old, kept in again:
            if here & old:
                here = here & ~old | kept
        found.append((hour, here))
    return found


def attendance(cells: Iterable[tuple[int, Bits]], born: Mapping[int, date | None], zone: ZoneInfo) -> Attendance:
    """What sets of pupils by hour (of any programmes) tell; `born`: dates of birth by place."""
    mornings: defaultdict[date, Bits] = defaultdict(int)
    afternoons: defaultdict[date, Bits] = defaultdict(int)
    for hour, pupils in cells:
        local = at(hour * HOUR_MS, zone)
        (mornings if local.hour < _NOON else afternoons)[local.date()] |= pupils
    groups: dict[int, dict[Level, Bits]] = {}
    days: dict[date, dict[Level, Counts]] = {}
    ever: defaultdict[Level, Bits] = defaultdict(int)
    for day in sorted(mornings.keys() | afternoons.keys()):
        before, after = mornings.get(day, 0), afternoons.get(day, 0)
        year = schoolyear.year_of(day)
        if year not in groups:
            groups[year] = _groups(born, day)
        for level, group in groups[year].items():
            if came := (before | after) & group:
                counts = Counts(came.bit_count(), (before & group).bit_count(), (after & group).bit_count())
                days.setdefault(day, {})[level] = counts
                ever[level] |= came
    everybody = functools.reduce(operator.or_, ever.values(), 0)
    different = {level: pupils.bit_count() for level, pupils in ever.items()}
    return Attendance(days, different, everybody.bit_count(), ever.get(Level.UNKNOWN, 0))


def _groups(born: Mapping[int, date | None], day: date) -> dict[Level, Bits]:
    """The pupils of each age group in the school year of a day."""
    found: dict[Level, Bits] = dict.fromkeys(Level, 0)
    for place, birthday in born.items():
        found[level_on(birthday, day)] |= 1 << place
    return found


def summed(days: Iterable[Mapping[Level, Counts]]) -> dict[Level, Counts]:
    """The sums of some days, by age group."""
    found: dict[Level, Counts] = {}
    for day in days:
        for level, counts in day.items():
            found[level] = found.get(level, Counts()).plus(counts)
    return found


# --- what programmes and products earned ----------------------------------------------------------


class Earned(Struct, frozen=True, array_like=True):
    """What was booked for a programme or product (`item`) of a site in some time: charges, and what was taken back of them (below zero)."""

    site: int
    item: int
    charges: int
    charged_cents: int
    corrections: int
    corrected_cents: int

    @property
    def cents(self) -> int:
        return self.charged_cents + self.corrected_cents


class Gathered(Struct, frozen=True):
    """Charges that wait for a settlement run: in no sum yet."""

    charges: int = 0
    cents: int = 0


class Line(Struct, frozen=True):
    """A programme or product in the report."""

    earned: Earned
    gathered: Gathered


def gathered(charges: Iterable[Charge], sites: frozenset[int], days: tuple[int, int]) -> dict[tuple[int, int], Gathered]:
    """By (site, item), what of these charges is for days of service (YYYYMMDD) from one to the other."""
    found: dict[tuple[int, int], Gathered] = {}
    for one in charges:
        if one.site in sites and days[0] <= one.day <= days[1]:
            known = found.get((one.site, one.item), Gathered())
            found[one.site, one.item] = Gathered(known.charges + 1, known.cents + one.cents)
    return found


def by_legal_class(
    school: School, earned: Iterable[Earned], waiting: Mapping[tuple[int, int], Gathered]
) -> dict[LegalClass, tuple[Line, ...]]:
    """What each programme and product earned and what of it waits; those that earned most first."""
    booked = {(one.site, one.item): one for one in earned}
    found: dict[LegalClass, list[Line]] = {legal: [] for legal in LegalClass}
    for place in booked.keys() | waiting.keys():
        item = school.programmes.get(place[1]) or school.products.get(place[1])
        legal = item.legal if item else LegalClass.OPTIONAL
        found[legal].append(Line(booked.get(place, Earned(*place, 0, 0, 0, 0)), waiting.get(place, Gathered())))
    return {legal: tuple(sorted(those, key=_most_first)) for legal, those in found.items() if those}


def _most_first(one: Line) -> tuple[int, int, int, int]:
    return -one.earned.cents, -one.gathered.cents, one.earned.site, one.earned.item


def together(lines: Iterable[Line]) -> Line:
    """The sum of some lines."""
    those = tuple(lines)
    total = Earned(
        site=0,
        item=0,
        charges=sum(one.earned.charges for one in those),
        charged_cents=sum(one.earned.charged_cents for one in those),
        corrections=sum(one.earned.corrections for one in those),
        corrected_cents=sum(one.earned.corrected_cents for one in those),
    )
    return Line(total, Gathered(sum(one.gathered.charges for one in those), sum(one.gathered.cents for one in those)))


# --- cash -----------------------------------------------------------------------------------------


class DeskSession(Struct, frozen=True, array_like=True):
    """A cash desk session: what the drawer began with, what was paid in and handed back, what it should hold and what was counted.

    `sold_cents` is paid from wallets, less what was taken back: it never touches the drawer. `until_ms` 0: still open.
    """

    session: int
    site: int
    desk: str
    opened_by: int
    from_ms: int
    opening_cents: int
    sold_cents: int
    paid_in_cents: int
    paid_back_cents: int
    closed_by: int
    until_ms: int
    expected_cents: int
    counted_cents: int

    @property
    def difference_cents(self) -> int:
        """Too much, or missing (below zero); 0 while it is open."""
        return self.counted_cents - self.expected_cents


class Takings(Struct, frozen=True):
    """What some sessions come to."""

    sessions: int
    sold_cents: int
    paid_in_cents: int
    paid_back_cents: int
    difference_cents: int


def takings(sessions: Iterable[DeskSession]) -> Takings:
    """The sum of some sessions."""
    those = tuple(sessions)
    return Takings(
        sessions=len(those),
        sold_cents=sum(one.sold_cents for one in those),
        paid_in_cents=sum(one.paid_in_cents for one in those),
        paid_back_cents=sum(one.paid_back_cents for one in those),
        difference_cents=sum(one.difference_cents for one in those),
    )


def paid_in_by_step(sessions: Iterable[DeskSession], parts: Iterable[Period], zone: ZoneInfo) -> list[int]:
    """What was paid in, less what was handed back, in the sessions that began in each part of a period."""
    found: defaultdict[date, int] = defaultdict(int)
    for one in sessions:
        found[day_of(one.from_ms, zone)] += one.paid_in_cents - one.paid_back_cents
    return [sum(found.get(day, 0) for day in schoolyear.each_day(part.first, part.last)) for part in parts]
