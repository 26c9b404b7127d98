"""The school calendar as a country has it (the `holidays` package) and as staff write it (TOML), to rows of the register.

    [calendar]
    country = "BE"                    # or FR; without: only the days written here
    part = "French"                   # whose school holidays count: French, Flemish, German; FR: Zone A, Zone B, Zone C
    from = 2025-09-01
    until = 2026-09-01
    days = [{ day = 2025-11-17, kind = "pedagogic", site = "Centre" }]

What the register knows of a day already is not touched by the country's calendar: staff may have changed it.
"""

from datetime import date

from msgspec import Struct, field

from hub.core.calendar import CalendarDay, DayKind
from hub.core.days import ALL_SITES
from hub.core.school import School
from hub.errors import ImportRefusedError

_LONGEST_YEARS = 10
"""A longer calendar is a typing error."""


class DayFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`site` empty: all sites. A holiday on which the school is open is of the kind `school` (or `wednesday`)."""

    day: date
    kind: DayKind
    site: str = ""
    name: str = ""


class CalendarFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    country: str = ""
    part: str = ""
    since: date | None = field(name="from", default=None)
    until: date | None = None
    days: list[DayFile] = []


def calendar_rows(file: CalendarFile, name: str, school: School) -> tuple[CalendarDay, ...]:
    """The days of a file. Raises ImportRefusedError for a country, a part or a site that is not known."""
    sites = {site.name: site.id for site in school.sites.values()} | {"": ALL_SITES}
    unknown = [one.site for one in file.days if one.site not in sites]
    if unknown:
        raise ImportRefusedError(f"{name}: calendar: site `{unknown[0]}` is not known: use the name it has under [[sites]]")
    own = {(sites[one.site], one.day): CalendarDay(sites[one.site], one.day, one.kind, one.name) for one in file.days}
    if not file.country:
        return tuple(own.values())
    if file.since is None or file.until is None or not file.since < file.until or file.until.year - file.since.year > _LONGEST_YEARS:
        raise ImportRefusedError(f"{name}: calendar: say `from` and `until`, at most {_LONGEST_YEARS} years apart")
    known = school.days.keys() | own.keys()
    official = (day for day in country_days(file.country, file.part, file.since, file.until, name) if (ALL_SITES, day.day) not in known)
    return (*official, *own.values())


def country_days(country: str, part: str, since: date, until: date, name: str, language: str = "fr") -> list[CalendarDay]:
    """Public and school holidays of the days [since, until), for all sites; a day that is both is a public holiday.

    `language`: of their names, as the package calls it. Weekends in a holiday are left out: they are weekends. Raises ImportRefusedError
    for what the package does not know.
    """
    import holidays  # its tables are read when a calendar is set up, and never for a scan

    years = range(since.year, until.year + 1)
    found: dict[date, CalendarDay] = {}
    for category, kind in (("school", DayKind.HOLIDAY), ("public", DayKind.PUBLIC)):
        try:
            days = holidays.country_holidays(country, subdiv=part or None, years=years, categories=(category,), language=language)
        except (NotImplementedError, ValueError) as error:
            raise ImportRefusedError(f"{name}: calendar: {country} {part}: {error}") from error
        found |= {day: CalendarDay(ALL_SITES, day, kind, title) for day, title in days.items()}
    if not any(row.kind is DayKind.HOLIDAY for row in found.values()):
        raise ImportRefusedError(f"{name}: calendar: {country} `{part}` has no school holidays: name its `part`, or write the days")
    return [found[day] for day in sorted(found) if since <= day < until and day.weekday() < 5]


def belgian_days(community: str, since: date, until: date, language: str) -> list[CalendarDay]:
    """Those of Belgium, named in `fr`, `nl`, `de` or English, whatever else is asked for."""
    spoken = language if language in {"fr", "nl", "de"} else "en_US"
    return country_days("BE", community, since, until, "calendar", spoken)
