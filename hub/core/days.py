"""What kind of day it is at a site, and until when something for that day may still be changed.

The school calendar is rows of the register: an ordinary week, and the days that staff or the country's calendar say are something
else. A row of one site goes before a row of all sites. Nothing here knows a country.
"""

from datetime import date, timedelta

from hub.core.calendar import DayKind, instant_ms
from hub.core.school import School, Site

ALL_SITES = 0
_FRIDAY = 4


def day_kind(school: School, site: int, day: date) -> DayKind:
    """What the calendar says of this day; without a word of it, what its weekday is."""
    days = school.days
    row = days.get((site, day)) or days.get((ALL_SITES, day))
    if row is not None:
        return row.kind
    weekday = day.weekday()
    return DayKind.WEEKEND if weekday > _FRIDAY else DayKind.WEDNESDAY if weekday == 2 else DayKind.SCHOOL


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
