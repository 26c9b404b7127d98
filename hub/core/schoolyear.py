"""The school calendar as staff see and change it: a year in periods, days made something else or ordinary again, and what lies on them.

A word is said of one site or of all sites. What was charged stays as it was, whatever a day is called afterwards; what is still to come
goes by the new word.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from hub.core.books import Books
from hub.core.calendar import CalendarDay, DayKind, day_code
from hub.core.days import CLASS_DAYS, day_kind, said_of
from hub.core.facts import Refusal
from hub.core.kept import MealPlace
from hub.core.lists import MAX_NAME
from hub.core.school import Programme, Rows, School, edited

MAX_DAYS = 366
FIRST_MONTH = 8
"""A school year is shown from August: the French community's begins in its last week."""
_SATURDAY = 5
Same = Callable[[object], bool]


@dataclass(frozen=True, slots=True)
class Range:
    """Days [first, last] at a site (0 = all). `kind` None: ordinary again, weekends too.

    Else weekends only where `weekends` says so, or for a single day.
    """

    site: int
    first: date
    last: date
    kind: DayKind | None
    name: str = ""
    weekends: bool = False


@dataclass(frozen=True, slots=True)
class Period:
    """Days that follow each other with the same word; weekends in between do not part them. `days` counts those with the word."""

    first: date
    last: date
    kind: DayKind
    name: str
    site: int
    days: int


@dataclass(frozen=True, slots=True)
class Touched:
    """What lies on the days that change at one site, of which there are `days`.

    `orders` of meals, `menus`; `recorded`: days of pupils with a stay; `mornings`: classes that fall away, or come, on some of the days.
    `closes`, `opens`: programmes whose hours hold on these days no more, or newly, with the pupils' days that were planned there;
    `repriced`: programmes whose tariff has other lines for the new kind of day.
    """

    site: int
    days: tuple[date, ...]
    orders: int
    menus: int
    recorded: int
    mornings: bool
    closes: tuple[tuple[Programme, int], ...]
    opens: tuple[tuple[Programme, int], ...]
    repriced: tuple[Programme, ...]


def year_of(day: date) -> int:
    """The school year of a day, by the calendar year in which it begins."""
    return day.year if day.month >= FIRST_MONTH else day.year - 1


def span(year: int) -> tuple[date, date]:
    """First and last day of a school year."""
    return date(year, FIRST_MONTH, 1), date(year + 1, FIRST_MONTH, 1) - timedelta(days=1)


def each_day(first: date, last: date) -> Iterator[date]:
    """Every day from one to the other, both included."""
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def periods(school: School, site: int, first: date, last: date) -> tuple[Period, ...]:
    """What is said of these days at a site, in order; `site` 0: what is said of all sites."""
    return grouped(row for day in each_day(first, last) if (row := said_of(school, site, day)) is not None)


def grouped(rows: Iterable[CalendarDay]) -> tuple[Period, ...]:
    """Days of the calendar, in order, as periods. Words that were taken back are left out."""
    found: list[Period] = []
    for row in rows:
        if row.kind is None:
            continue
        last = found[-1] if found else None
        if last is not None and (last.kind, last.name, last.site) == (row.kind, row.name, row.site) and _follows(last.last, row.day):
            found[-1] = Period(last.first, row.day, last.kind, last.name, last.site, last.days + 1)
        else:
            found.append(Period(row.day, row.day, row.kind, row.name, row.site, 1))
    return tuple(found)


def said_in(school: School, site: int, first: date, last: date) -> tuple[CalendarDay, ...]:
    """The words of exactly this site (0 = of all) on these days, taken back or not: what a form was made from."""
    found = (school.days.get((site, day)) for day in each_day(first, last))
    return tuple(row for row in found if row is not None)


def wrong_with(said: Range) -> Refusal | None:
    """Why a range cannot be meant; None where it can."""
    if said.last < said.first:
        return Refusal("ends_before_it_begins")
    if (said.last - said.first).days >= MAX_DAYS:
        return Refusal("range_long")
    return Refusal("name_long") if len(said.name) > MAX_NAME else None


def rows_of(school: School, said: Range) -> tuple[CalendarDay, ...]:
    """The rows that a range changes."""
    every = said.first == said.last or said.weekends or said.kind is None
    days = (day for day in each_day(said.first, said.last) if every or day.weekday() < _SATURDAY)
    rows = (CalendarDay(said.site, day, said.kind, said.name if said.kind else "") for day in days)
    return tuple(row for row in rows if _is_news(school, row))


def put_range(school: School, said: Range, same: Same) -> Rows | Refusal:
    """Say of these days what they are. `same` is asked about `said_in` of the range."""
    wrong = wrong_with(said)
    if wrong:
        return wrong
    return put_days(school, rows_of(school, said), said_in(school, said.site, said.first, said.last), same)


def put_days(school: School, rows: tuple[CalendarDay, ...], before: object, same: Same) -> Rows | Refusal:
    """Rows of the calendar as they were shown; `before` is what `same` is asked about."""
    if not same(before):
        return Refusal("changed_meanwhile")
    return tuple(row for row in rows if _is_news(school, row)) or Refusal("nothing_changes")


def proposed(school: School, site: int, official: Iterable[CalendarDay]) -> tuple[tuple[CalendarDay, ...], tuple[CalendarDay, ...]]:
    """Of a country's days those that nothing is said of yet at a site (0 = all), and those of which staff have said something else."""
    new: list[CalendarDay] = []
    kept: list[CalendarDay] = []
    for one in official:
        row = said_of(school, site, one.day)
        if row is None:
            new.append(CalendarDay(site, one.day, one.kind, one.name[:MAX_NAME]))
        elif row.kind is not one.kind:
            kept.append(row)
    return tuple(new), tuple(kept)


# --- what a change does ---------------------------------------------------------------------------


def changed_days(school: School, after: School, site: int, rows: Iterable[CalendarDay]) -> tuple[date, ...]:
    """The days that are another kind at a site afterwards."""
    days = sorted({row.day for row in rows})
    return tuple(day for day in days if day_kind(school, site, day) is not day_kind(after, site, day))


def recorded_on(books: Books, site: int, day: date) -> int:
    """How many pupils have a stay at a site on a day; sheets are kept for 60 days."""
    pupils = books.days.get(day_code(day), {}).values()
    return sum(any(stay.site == site for sheet in sheets.values() for stay in sheet.stays.values()) for sheets in pupils)


def touched(school: School, rows: Rows, site: int, meals: Collection[MealPlace], recorded: Mapping[date, int]) -> Touched | None:
    """What lies on the days that would change at one site; None where none does. `meals`: all orders; `recorded`: by day."""
    after = edited(school, rows)
    days = changed_days(school, after, site, (row for row in rows if isinstance(row, CalendarDay)))
    if not days:
        return None
    codes = {day_code(day) for day in days}
    programmes = sorted((one for one in school.programmes.values() if one.site == site), key=lambda one: (one.name, one.id))
    closes = {one.id: [day for day in days if _is_open(school, one, day) and not _is_open(after, one, day)] for one in programmes}
    opens = {one.id: [day for day in days if _is_open(after, one, day) and not _is_open(school, one, day)] for one in programmes}
    classes = any(place == site for place, *_ in school.class_hours)
    return Touched(
        site=site,
        days=days,
        orders=sum(place == site and day in codes for _, place, day in meals),
        menus=sum(bool(menu.offers) for day in days if (menu := school.menus.get((site, day))) is not None),
        recorded=sum(recorded.get(day, 0) for day in days),
        mornings=classes and any((day_kind(school, site, day) in CLASS_DAYS) != (day_kind(after, site, day) in CLASS_DAYS) for day in days),
        closes=tuple((one, _planned(school, one, closes[one.id])) for one in programmes if closes[one.id]),
        opens=tuple((one, _planned(school, one, opens[one.id])) for one in programmes if opens[one.id]),
        repriced=tuple(one for one in programmes if any(_other_lines(school, after, one, day) for day in days)),
    )


def _is_open(school: School, programme: Programme, day: date) -> bool:
    """Whether its hours hold on a day."""
    hours = any(window.covers(day) for window in programme.windows)
    return hours and (not programme.days or day_kind(school, programme.site, day) in programme.days)


def _planned(school: School, programme: Programme, days: Collection[date]) -> int:
    plans = (plan for plans in school.plans.values() for plan in plans if plan.programme == programme.id)
    return sum(plan.covers(day) for plan in plans for day in days)


def _other_lines(school: School, after: School, programme: Programme, day: date) -> bool:
    """Whether a price of that day is found in other lines of the tariff."""
    before, now = day_kind(school, programme.site, day), day_kind(after, programme.site, day)
    versions = school.tariffs.get(programme.id, ())
    lines = [line for one in versions if one.from_day <= day and (one.until_day is None or day < one.until_day) for line in one.lines]
    return _is_open(after, programme, day) and any((before in line.days) != (now in line.days) for line in lines if line.days)


def _is_news(school: School, row: CalendarDay) -> bool:
    """Whether a row says something else than is known; taking a word back that was never said does not."""
    known = school.days.get((row.site, row.day))
    return (known.kind, known.name) != (row.kind, row.name) if known is not None else row.kind is not None


def _follows(last: date, day: date) -> bool:
    """Whether nothing but a weekend lies between."""
    return all(between.weekday() >= _SATURDAY for between in each_day(last + timedelta(days=1), day - timedelta(days=1)))
