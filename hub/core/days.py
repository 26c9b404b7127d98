"""What kind of day it is at a site, when class is on it, how programmes were run on it, and until when something for it may be changed.

The school calendar is rows of the register: an ordinary week, and the days that staff or the country's calendar say are something
else. A row of one site goes before a row of all sites. Nothing here knows a country.
"""

import functools
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from hub.core import indexes
from hub.core.calendar import MINUTE_MS, CalendarDay, DayKind, instant_ms
from hub.core.school import Programme, Pupil, School, Site
from hub.core.timetable import ClassHours

ALL_SITES = 0
CLASS_DAYS = frozenset({DayKind.SCHOOL, DayKind.WEDNESDAY})
_FRIDAY = 4


class ClassTimes(Struct, frozen=True):
    """A class morning as instants: it begins, later is late, who has not come by then is absent, class is over."""

    begins_ms: int
    late_ms: int
    missed_ms: int
    ends_ms: int


def day_kind(school: School, site: int, day: date) -> DayKind:
    """What the calendar says of this day; without a word of it, what its weekday is."""
    row = said_of(school, site, day)
    if row is not None and row.kind is not None:
        return row.kind
    weekday = day.weekday()
    return DayKind.WEEKEND if weekday > _FRIDAY else DayKind.WEDNESDAY if weekday == 2 else DayKind.SCHOOL


def said_of(school: School, site: int, day: date) -> CalendarDay | None:
    """The word of the calendar on a day, the site's own before that of all; None where nothing is said."""
    row = school.days.get((site, day))
    if row is None or row.kind is None:
        row = school.days.get((ALL_SITES, day))
    return row if row is not None and row.kind is not None else None


def as_run_on(school: School, day: date) -> School:
    """The school with its programmes as they were run on a day: which scans made a stay, who was expected, what was within what.

    A late scan or a correction of a day that is over reads it as it was then. Hours carry their own days (calendar.py).
    """
    if school.changed_day is None or day >= school.changed_day:
        return school
    untils = (was.until_day for programme in school.programmes.values() for was in programme.formerly)
    until = min(until for until in untils if day < until)
    if until not in school.runs:
        programmes = {number: _as_run(programme, day) for number, programme in school.programmes.items()}
        then = replace(school, programmes=programmes, changed_day=None)
        school.runs[until] = replace(then, inner=indexes.inner(then), by_use=indexes.by_use(then))
    return school.runs[until]


def _as_run(programme: Programme, day: date) -> Programme:
    was = next((was for was in programme.formerly if day < was.until_day), None)
    if was is None:
        return programme
    return replace(programme, scans=was.scans, attendance=was.attendance, within=was.within, days=was.days)


def is_working(school: School, site: int, day: date) -> bool:
    """Monday to Friday without public holidays, as Belgium counts; school holidays are working days, a Saturday with school is one."""
    kind = day_kind(school, site, day)
    return kind is DayKind.SCHOOL or (kind is not DayKind.PUBLIC and day.weekday() <= _FRIDAY)


def cut_off_ms(school: School, site: Site, day: date, days_before: int, minute: int) -> int:
    """The first instant that is too late: `minute` after midnight, in the site's zone, `days_before` working days before `day`.

    0 days before is the day itself, whatever it is (requirements, section 5: walk back, then compare; S73: 0 and 09:00).
    """
    last = day
    for _ in range(days_before):
        last -= timedelta(days=1)
        while not is_working(school, site.id, last):
            last -= timedelta(days=1)
    return instant_ms(last, minute, site.zone)


def class_on(school: School, pupil: Pupil, day: date) -> ClassTimes | None:
    """The morning of a pupil's class on a day: by its own hours, else by those of the whole site; None where there is no class."""
    hours = hours_of_class(school, pupil, day) if pupil.is_here(day) else None
    if hours is None or day_kind(school, pupil.site, day) not in CLASS_DAYS:
        return None
    return class_times(hours, day, school.sites[pupil.site].zone)


def hours_of_class(school: School, pupil: Pupil, day: date) -> ClassHours | None:
    """The row of the timetable for a pupil's weekday: the class's own, else that of the whole site, as it is valid on that day."""
    for group in (pupil.group, ""):
        for hours in school.class_hours.get((pupil.site, group, day.weekday()), ()):
            if hours.covers(day):
                return hours
    return None


@functools.lru_cache(maxsize=512)  # every scan of a morning asks for one of a few
def class_times(hours: ClassHours, day: date, zone: ZoneInfo) -> ClassTimes:
    """The hours of a class on a day, in the site's zone."""
    begins_ms = instant_ms(day, hours.start_min, zone)
    late_ms = begins_ms + hours.tolerance_min * MINUTE_MS
    return ClassTimes(begins_ms, late_ms, instant_ms(day, hours.missed_min, zone), instant_ms(day, hours.end_min, zone))
