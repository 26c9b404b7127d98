"""Days and times of a school: kinds of day, local days, windows of the week, and when a scan really happened.

Instants are Unix milliseconds (`_ms`, UTC); local time exists only inside these functions, with the site's zone.
"""

import enum
import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

MINUTE_MS = 60_000
DAY_MS = 86_400_000
DAY_MIN = 24 * 60


class DayKind(enum.StrEnum):
    """What a day is at a site; tariffs and cut-offs go by it."""

    SCHOOL = "school"
    WEDNESDAY = "wednesday"  # a school day that ends at noon
    WEEKEND = "weekend"
    PUBLIC = "public"  # a public holiday: nobody works
    HOLIDAY = "holiday"  # of the school
    PEDAGOGIC = "pedagogic"  # teachers only
    CAMP = "camp"


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day that is not what its weekday says, or is all the same; `site` 0 = all sites. A site's own word goes before that of all.

    `kind` None: the word was taken back, and nothing is said any more.
    """

    site: int
    day: date
    kind: DayKind | None
    name: str = ""


class Window(Struct, frozen=True, cache_hash=True):
    """Hours of the week, local: `weekdays` 0 = Monday; minutes after midnight, end not included. An end past 1440 is on the next day.

    They are valid on the days [from_day, until_day), None = open: a day keeps the hours it had, whatever comes later.
    """

    weekdays: frozenset[int]
    start_min: int
    end_min: int
    from_day: date = date.min
    until_day: date | None = None

    def covers(self, day: date) -> bool:
        """Whether these are hours of a day."""
        return day.weekday() in self.weekdays and self.is_valid(day)

    def is_valid(self, day: date) -> bool:
        """Whether they are valid on a day, be it of their weekdays or not."""
        return self.from_day <= day and (self.until_day is None or day < self.until_day)


Windows = tuple[Window, ...]


def night_min(start_min: int, end_min: int) -> int:
    """The end of hours as people say it, in minutes after the midnight before they begin: 18:00 to 00:30 is until 24:30."""
    return end_min if end_min > start_min else end_min + DAY_MIN


def can_be_hours(window: Window) -> bool:
    """Whether hours end after they begin, on the same day; a night begins after noon, and ends by the next one: other ends are slips."""
    start_min, end_min = window.start_min, window.end_min
    is_night = DAY_MIN // 2 <= start_min < DAY_MIN < end_min <= DAY_MIN + DAY_MIN // 2
    return 0 <= start_min < end_min <= DAY_MIN or is_night


def at(instant_ms: int, zone: ZoneInfo) -> datetime:
    """The instant as an aware local time."""
    return datetime.fromtimestamp(instant_ms // 1000, UTC).replace(microsecond=instant_ms % 1000 * 1000).astimezone(zone)


def day_of(instant_ms: int, zone: ZoneInfo) -> date:
    """The school's calendar day of an instant."""
    return _day_of_minute(instant_ms // MINUTE_MS, zone)


@functools.lru_cache(maxsize=1024)  # a tap asks several times, and in the break hundreds of taps are of the same few minutes
def _day_of_minute(minute: int, zone: ZoneInfo) -> date:
    """Days begin with a minute, everywhere since 1972."""
    return datetime.fromtimestamp(minute * 60, zone).date()


def day_code(day: date) -> int:
    """A day as facts have it: 20250106."""
    return day.year * 10_000 + day.month * 100 + day.day


@functools.lru_cache(maxsize=1024)  # a pupil's day asks for it again and again
def day_coded(code: int) -> date:
    """The day of a code."""
    return date(code // 10_000, code // 100 % 100, code % 100)


def clock_of(minute: int) -> str:
    """`16:05`, of a minute of the local day."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def instant_ms(day: date, minute: int, zone: ZoneInfo) -> int:
    """The instant of a local wall-clock minute.

    Where the clock goes back, the first instant with that reading; a reading it skips is counted on (02:30 is 03:30).
    """
    return int(datetime.combine(day + timedelta(days=minute // 1440), time(minute % 1440 // 60, minute % 60), zone).timestamp()) * 1000


Span = tuple[int, int]
"""Start and end of hours, in ms; hours that touch are one."""


def window_of(windows: Windows, moment_ms: int, zone: ZoneInfo, early_min: int = 0) -> tuple[int, int] | None:
    """Start and end (ms) of the hours that hold this instant, or that begin within `early_min` after it; hours that touch are one."""
    early_ms = early_min * MINUTE_MS
    spans = spans_around(windows, day_of(moment_ms, zone), zone)
    return next((span for span in spans if span[0] - early_ms <= moment_ms < span[1]), None)


@functools.lru_cache(maxsize=512)  # a school day asks for its few programmes thousands of times
def spans_around(windows: Windows, day: date, zone: ZoneInfo) -> tuple[Span, ...]:
    """The hours of a day and of its neighbours, each as they are valid on it, in order: some go past midnight."""
    days = (day + timedelta(days=shift) for shift in (-1, 0, 1))
    found = (
        (instant_ms(each, window.start_min, zone), instant_ms(each, window.end_min, zone))
        for each in days
        for window in windows
        if window.covers(each)
    )
    return tuple(joined(found))


def versions(windows: Windows) -> dict[date, Windows]:
    """Hours of the week by the day from which on they are valid, until the next; the days are not said again in the hours."""
    days = {window.from_day for window in windows} | {window.until_day for window in windows if window.until_day}
    return {day: tuple(replace(one, from_day=date.min, until_day=None) for one in windows if one.is_valid(day)) for day in sorted(days)}


def in_turn(hours: Mapping[date, Windows]) -> Windows:
    """The same back: hours that follow each other, each from its day on."""
    return tuple(replace(one, from_day=first, until_day=until) for first, until, windows in following(hours) for one in windows)


_V = TypeVar("_V")


def following(found: Mapping[date, _V]) -> Iterator[tuple[date, date | None, _V]]:
    """What follows each other, each from its day on, with its days [from, until); what is the same as before goes on."""
    days = sorted(found)
    days = [day for before, day in zip([None, *days], days, strict=False) if before is None or found[before] != found[day]]
    return ((day, until, found[day]) for day, until in zip(days, [*days[1:], None], strict=False))


def joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Beginnings and ends in order, in whatever unit; those that touch are one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def happened(
    *, same_boot: bool, age_ms: int, arrived_ms: int, wall_ms: int, wall_err_ms: int, transit_err_ms: int = 200
) -> tuple[int, int]:
    """When a scan happened, and how far off that may be, both in ms (design.md, Time).

    Same boot as the message's sender: the arrival minus the scan's age on the device's own monotonic clock.
    An earlier boot, or an age that cannot be: the wall clock the device believed, with its error. Never later than the arrival.
    """
    if same_boot and 0 <= age_ms <= arrived_ms:
        return arrived_ms - age_ms, transit_err_ms
    return min(wall_ms, arrived_ms), wall_err_ms
