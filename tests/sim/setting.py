"""What is set up in a world beyond the ordinary, by its seed: who pays on which days, who is expected, a pilot, class mornings, files,
and by what care and study are priced.

The same tables are told twice: as rows of the register for the hub (`rows`), and as plain questions for the oracle, which asks no rule.
"""

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache
from random import Random

from msgspec import structs

from hub.core.formulas import Band, Bands, ByBracket, ByEffort, Fixed, Line, Session, Siblings
from hub.core.school import Custody, FamilyFile, PayerOverride, Row, School, TariffGroup, WalletScope, Weeks
from hub.core.timetable import AbsenceReason, Attendance, ClassHours, Plan
from tests import schools

PUPILS, HOUSEHOLDS = 24, 9
PARC, TILLEULS = schools.number("Parc"), schools.number("Tilleuls")
CARE, STUDY = schools.number("care"), schools.number("study")
FIRST_DAY = date(2025, 1, 1)
"""Of whatever is told here; the worlds' own day is Monday the 6th."""


class Study(enum.StrEnum):
    """Who is expected at study, and where it takes place."""

    OPEN = "open to all"
    WITHIN = "within care, for those who are registered"
    AUTO = "those who are registered count as present"


class Pricing(enum.StrEnum):
    """What is not priced as usual: started half hours of care, a session of study by the bracket of a family's file."""

    USUAL = "as usual"
    BANDS = "care by hours of the clock"
    EFFORT = "study by a rate of what the family earns"
    SIBLINGS = "care less for whoever has older brothers and sisters there"
    TOGETHER = "care and study together at most so much a day"


class Feature(enum.StrEnum):
    """What has to be seen in a long run: of a rule that never had anything to say nothing is proved."""

    PILOT = "charges of a pilot"
    DEFERRED = "orders of a pilot, charged after it"
    PROMISED = "orders of a pilot that pass a limit after it"
    OTHER_PAYER = "charges to who has the pupil's turn"
    AUTO = "stays without a scan"
    STRANGER = "stays of pupils who are not expected"
    NESTED = "sessions within care"
    ABSENT = "absences that cost something"
    FILED = "charges priced again with a family's file"
    BANDS = "stays priced by hours of the clock"
    EFFORT = "sessions priced by what the family earns"
    YOUNGER = "stays that cost less for an older brother or sister"
    KIN = "charges made anew because a brother or sister came"
    FULL = "charges that a full day has lowered"
    LATE = "late mornings"
    MISSED = "missed mornings"
    CAME_AFTER_ALL = "mornings that were not missed after all"
    JUSTIFIED = "mornings justified"
    TO_HOUSEHOLD = "wallets of pupils emptied into their payers'"
    TO_PUPIL = "wallets of payers emptied into their pupils'"
    ONE_FAMILY = "money of families that were entered twice brought over"
    ONE_FAMILY_LATER = "money that came to a second entry later"
    REPAID = "charges moved to who has the turn"
    ORDER_REPAID = "orders moved to who has the turn"


@dataclass(frozen=True, slots=True)
class Lesson:
    """When class begins, is late, is missed, is over; minutes of each weekday."""

    begins_min: int
    late_min: int
    missed_min: int
    ends_min: int


@dataclass(frozen=True, slots=True)
class Setting:
    """`pilot`: site -> the first day whose services are charged. `files`: whether families bring theirs along, late. `afterwards`: whether
    families turn out to be one that was entered twice, and it is told late whose turn it is to pay."""

    study: Study = Study.OPEN
    pilot: tuple[tuple[int, date], ...] = ()
    lesson: Lesson | None = None
    files: bool = False
    prices: Pricing = Pricing.USUAL
    afterwards: bool = False

    def in_pilot(self, site: int, day: int) -> bool:
        """Whether a service of this day (YYYYMMDD) costs nothing yet."""
        return any(site == where and day < code(live) for where, live in self.pilot)

    def is_expected(self, pupil: int, day: int) -> bool:
        """Whether a pupil is planned for study on a day."""
        weekdays, excluded = _EXPECTED.get(pupil, (frozenset(), 0))
        return self.study is not Study.OPEN and day != excluded and decoded(day).weekday() in weekdays


@dataclass(frozen=True, slots=True)
class Known:
    """What the office has set up meanwhile, and no fact tells. `by_pupil`: whose the wallets of Le Parc are; `first`: family that was
    entered a second time -> the one it is; `late`: pupils of whom a turn is known that came late."""

    by_pupil: bool = True
    first: Mapping[int, int] = field(default_factory=dict)
    late: frozenset[int] = frozenset()


def known_in(school: School) -> Known:
    """What is set up just now."""
    first = {second: row.same_as for second, row in school.second_homes.items()}
    late = frozenset(pupil for pupil in LATE_TURNS if any(turn.id == _late_id(pupil) for turn in school.custody.get(pupil, ())))
    return Known(school.sites[PARC].wallet_scope is WalletScope.PUPIL, first, late)


ORDINARY = Setting()
PILOTS: tuple[tuple[tuple[tuple[int, date], ...], float], ...] = (
    ((), 5),
    (((TILLEULS, schools.TUESDAY),), 2.5),
    (((TILLEULS, schools.MONDAY),), 1.5),
    (((PARC, schools.TUESDAY),), 1),
    (((PARC, schools.MONDAY), (TILLEULS, schools.MONDAY)), 1),
)
"""Sites that go live today or tomorrow, and how often."""
LIVE_AT_MIDNIGHT = ((TILLEULS, schools.TUESDAY),)
"""In a storm that goes on past midnight: then what was ordered for later is charged while it storms."""
AFTERWARDS_SHARE = 0.6
_LAST_MIN = 24 * 60 - 1


def drawn(chance: Random, begins_min: int, storm_s: float) -> Setting:
    """What a seed sets up, for a storm that begins at this minute of the day: a class begins early in it, and is missed late in it."""
    study = chance.choice((Study.OPEN, Study.WITHIN, Study.WITHIN, Study.AUTO))
    pilot = chance.choices([which for which, _ in PILOTS], [often for _, often in PILOTS])[0]
    if begins_min + storm_s / 60 > _LAST_MIN:
        pilot = LIVE_AT_MIDNIGHT
    lesson = lesson_in(begins_min, storm_s) if chance.random() < 0.6 else None
    files = chance.random() < 0.5
    prices = chance.choice([each for each in Pricing if _can_be(each, study, files=files)])
    by_family = files or prices in {Pricing.SIBLINGS, Pricing.TOGETHER}  # they ask whose file, who is whose brother, who paid before
    return Setting(study, pilot, lesson, files, prices, chance.random() < AFTERWARDS_SHARE and not by_family)


def _can_be(prices: Pricing, study: Study, *, files: bool) -> bool:
    """Who comes by plan comes when the hub looks, once a minute, and a file corrects what its own family pays: then nobody outside could
    say at each moment who was there, or what was left of a day's maximum."""
    by_others = prices in {Pricing.SIBLINGS, Pricing.TOGETHER}
    return not (by_others and study is Study.AUTO) and not (prices is Pricing.TOGETHER and files)


def lesson_in(begins_min: int, storm_s: float) -> Lesson | None:
    """A class that is waited for in a storm that begins at this minute; none past midnight."""
    clocks = [begins_min + int(storm_s // 60) * tenths // 10 for tenths in (1, 2, 3, 9)]
    return Lesson(*clocks) if clocks[-1] <= _LAST_MIN else None


# --- who pays -----------------------------------------------------------------------------------


def _pupil(n: int) -> int:
    return schools.number(f"pupil {n}")


def family(n: int) -> int:
    """The id of a family."""
    return schools.number(f"family {n % HOUSEHOLDS}")


_TURNS: tuple[tuple[int, int, Weeks, frozenset[int]], ...] = (
    *((n, n + 3, Weeks.ODD, frozenset(range(7))) for n in (1, 5, 13)),
    *((n, n + 2, Weeks.EVEN, frozenset({0, 1, 2})) for n in (3, 7, 11)),
    *((n, n + 4, Weeks.EVERY, frozenset({1, 3, 5})) for n in (2, 6)),
)
"""Pupil, whose turn it is beside its own family's, in which weeks, on which weekdays. The worlds' own week is an even one."""
_OVERRIDES: tuple[tuple[int, int, int, date, date | None], ...] = (
    (4, 8, CARE, schools.MONDAY, schools.TUESDAY),
    (8, 1, 0, date(2025, 1, 3), schools.MONDAY),
    (3, 6, STUDY, FIRST_DAY, None),
)
"""Pupil, who pays, for what (0 = everything), from, until."""
LATE_TURNS: dict[int, tuple[int, date]] = {
    _pupil(n): (family(n + 5), (date(2025, 1, 3), schools.MONDAY, schools.TUESDAY)[n % 3]) for n in (0, 4, 8, 9, 15, 17)
}
"""Pupil -> whose turn it is on every day, since when; told late, in some worlds. Of 4 and 8 somebody else pays for some days anyway."""
_OWN = {_pupil(n): family(n) for n in range(PUPILS)}


def _late_id(pupil: int) -> int:
    return schools.number(f"late turn {pupil}")


def late_turn(pupil: int, household: int) -> Custody:
    """A turn that is told late, as a row."""
    return Custody(_late_id(pupil), pupil, household, LATE_TURNS[pupil][1])


@cache
def payer(pupil: int, item: int, day: int, *, late: bool = False) -> int:
    """Who pays for a pupil's programme or product on a day; 0 for a stranger. `late`: once it is told whose turn it is."""
    on = decoded(day)
    bound = [
        (what, payer) for n, payer, what, since, until in _OVERRIDES if _pupil(n) == pupil and since <= on and (not until or on < until)
    ]
    for wanted in (item, 0):
        for what, other in bound:
            if what == wanted:
                return family(other)
    if late and LATE_TURNS[pupil][1] <= on:
        return LATE_TURNS[pupil][0]
    even = on.isocalendar().week % 2 == 0
    for n, other, weeks, weekdays in _TURNS:
        if _pupil(n) == pupil and on.weekday() in weekdays and weeks in {Weeks.EVERY, Weeks.EVEN if even else Weeks.ODD}:
            return family(other)
    return _OWN.get(pupil, 0)


def own_family(pupil: int) -> int:
    """Who pays where nobody else has the turn."""
    return _OWN.get(pupil, 0)


def payers(pupil: int, known: Known) -> list[int]:
    """Everybody who may have to pay for a pupil, in order."""
    others = [family(other) for n, other in (*(turn[:2] for turn in _TURNS), *(each[:2] for each in _OVERRIDES)) if _pupil(n) == pupil]
    late = [LATE_TURNS[pupil][0]] if pupil in known.late else []
    return sorted({known.first.get(household, household) for household in (_OWN[pupil], *others, *late)})


def children(household: int, known: Known) -> list[int]:
    """Everybody a household may have to pay for."""
    return [pupil for pupil in _OWN if household in payers(pupil, known)]


# --- who is expected, and what that comes to ------------------------------------------------------


_EXPECTED: dict[int, tuple[frozenset[int], int]] = {
    _pupil(n): (frozenset({3, 4}) if n == 6 else schools.SCHOOL_DAYS, 20250103 if n == 2 else 20250106 if n == 12 else 0)
    for n in range(0, 16, 2)
}
"""Pupil -> weekdays of study, and a day that is left out."""
ABSENCES: dict[int, tuple[int, int]] = {71: (0, 0), 72: (50, 0), 73: (0, 2_50)}
"""Reason -> percent of the session, or cents."""
FILES: dict[int, tuple[int, int, date]] = {
    family(n): (n % 9 + 1, 37_50 + 125_00 * n, (FIRST_DAY, date(2025, 1, 3), schools.MONDAY)[n % 3]) for n in range(HOUSEHOLDS)
}
"""Household -> the bracket and the monthly QF (cents) of its file, and from when on it counts."""
HIGHEST_CENTS, BRACKET_CENTS = 1_00, 10
"""A session without a file; with one, for each bracket."""
LOWEST_CENTS, RATE_PPM = 10, 1_200
"""By what the family earns, a session is at least so much, and 0,12 % of it."""
TOGETHER_CENTS = 1_60
"""Care and study of a day, where they have a maximum together."""
BANDS = (("07:00", "08:30", 50, 30, 0), ("08:30", "16:30", 75, 30, 5), ("16:30", "18:00", 40, 15, 2))
"""From, until, cents for each started period, its minutes, and how many of them are forgiven."""
LESS_PERCENT = (0, 20, 50)
"""What the first, the second and any further child has taken off."""


def session_cents(household: int, day: int, prices: Pricing) -> int:
    """What a session costs once the household's file is there."""
    bracket, qf_cents, since = FILES.get(household, (10, -1, FIRST_DAY))
    if day < code(since) or qf_cents < 0:
        return HIGHEST_CENTS
    earned_cents = (qf_cents * RATE_PPM + 500_000) // 1_000_000
    return max(LOWEST_CENTS, min(earned_cents, HIGHEST_CENTS)) if prices is Pricing.EFFORT else BRACKET_CENTS * bracket


def file_of(household: int) -> FamilyFile:
    """A family's file, as it comes in."""
    bracket, qf_cents, since = FILES[household]
    file = schools.number(f"file {household}")
    return FamilyFile(file, household, since, bracket=bracket, qf_cents=qf_cents, validated_day=schools.MONDAY)


def born(pupil: int) -> date:
    """When a pupil was born: in a family the numbers are not the order of age, and 5 and 14 are twins."""
    n = next(n for n in range(PUPILS) if _pupil(n) == pupil)
    return date(2014 + n * 5 % 7, 1 + n % 3, 5) if n not in {5, 14} else date(2016, 2, 2)


@cache
def older(pupil: int, day: int) -> tuple[int, ...]:
    """Who is older, and has care paid by the same household on a day (YYYYMMDD); of twins the lower number is."""
    household, age = payer(pupil, CARE, day), (born(pupil), pupil)
    return tuple(other for other in _OWN if (born(other), other) < age and payer(other, CARE, day) == household)


@cache
def kin(pupil: int) -> frozenset[int]:
    """Brothers and sisters: everybody for whom one may pay who may pay for this one."""
    at_first = Known()
    return frozenset(child for household in payers(pupil, at_first) for child in children(household, at_first)) - {pupil}


# --- days ---------------------------------------------------------------------------------------


def code(day: date) -> int:
    """YYYYMMDD."""
    return day.year * 10_000 + day.month * 100 + day.day


def day_at(at_ms: int) -> date:
    """The school's day of an instant."""
    return datetime.fromtimestamp(at_ms / 1000, schools.ZONE).date()


def day_code(at_ms: int) -> int:
    """The same as YYYYMMDD."""
    return code(day_at(at_ms))


def decoded(day: int) -> date:
    return date(day // 10_000, day // 100 % 100, day % 100)


# --- as rows ------------------------------------------------------------------------------------


def rows(setting: Setting, school: School) -> Iterator[Row]:
    """What the register holds of all this."""
    yield from (replace(school.sites[site], pilot_from=FIRST_DAY, live_from=live) for site, live in setting.pilot)
    yield from _payer_rows()
    yield from _tariff_rows(setting.prices)
    yield from (AbsenceReason(reason, f"reason {reason}", *what) for reason, what in ABSENCES.items())
    yield from _study_rows(setting.study, school)
    if setting.lesson:
        at = setting.lesson
        tolerance_min = at.late_min - at.begins_min
        yield from (ClassHours(TILLEULS, "", day, at.begins_min, tolerance_min, at.missed_min, at.ends_min) for day in range(5))


def _tariff_rows(prices: Pricing) -> Iterator[Row]:
    """Nothing of care where it is priced as usual."""
    group, by_bracket = "", ByBracket(tuple(10 * BRACKET_CENTS * bracket for bracket in range(1, 11)))
    match prices:
        case Pricing.BANDS:
            bands = (Band(_minute(start), _minute(end), Fixed(10 * cents), *period) for start, end, cents, *period in BANDS)
            yield schools.tariff("care", Line(Bands(tuple(bands))))
        case Pricing.SIBLINGS:
            yield schools.tariff("care", structs.replace(schools.CARE_LINE, siblings=Siblings(LESS_PERCENT, present=True)))
        case Pricing.TOGETHER:
            group = "together"
            yield TariffGroup(schools.number(group), group, TOGETHER_CENTS)
            yield schools.tariff("care", schools.CARE_LINE, group=group)
    by_effort = ByEffort(RATE_PPM, LOWEST_CENTS, HIGHEST_CENTS)
    yield schools.tariff("study", Line(Session(by_effort if prices is Pricing.EFFORT else by_bracket)), group=group)


def _minute(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def _payer_rows() -> Iterator[Row]:
    for n, other, weeks, weekdays in _TURNS:
        yield Custody(schools.number(f"turn {n}"), _pupil(n), family(other), FIRST_DAY, None, weeks, weekdays)
    for n, other, item, since, until in _OVERRIDES:
        yield PayerOverride(schools.number(f"override {n}"), _pupil(n), family(other), since, until, item)


def _study_rows(study: Study, school: School) -> Iterator[Row]:
    if study is Study.OPEN:
        return
    programme = school.programmes[STUDY]
    if study is Study.WITHIN:
        hours = (schools.hours(schools.SCHOOL_DAYS, "16:05", "17:15"),)
        yield replace(programme, within=CARE, attendance=Attendance.REGISTERED, windows=hours)
    else:
        yield replace(programme, attendance=Attendance.AUTO)
    for pupil, (weekdays, excluded) in _EXPECTED.items():
        days = frozenset({decoded(excluded)}) if excluded else frozenset[date]()
        yield Plan(schools.number(f"plan {pupil}"), pupil, STUDY, FIRST_DAY, None, weekdays, days)
