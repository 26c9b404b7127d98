"""When pupils are expected, as a school's description says it (TOML), to rows: programmes within others, class hours, absences, pilots.

A part of setup.py, which knows the keys of sites and programmes; who is planned where comes with a list (`preau-hub import plans`).
What is wrong is a ValueError or ImportRefusedError that names the key and what to do.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from hub.core.books import Books
from hub.core.calendar import clock_of, day_coded
from hub.core.money import read_cents, write_cents
from hub.core.school import Programme, Rows, School, Site
from hub.core.sites import live_moved, nested
from hub.core.timetable import AbsenceReason, ClassHours
from hub.errors import ImportRefusedError

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Clock = Annotated[str, Meta(pattern=r"\A([01]\d|2[0-3]):[0-5]\d\Z")]
Minutes = Annotated[int, Meta(ge=0, le=1440)]


class PostingFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Charges are gathered, and posted by a settlement run every so many days, on a weekday (requirement Q3)."""

    every_days: Annotated[int, Meta(ge=0, le=366)] = 0
    weekday: Weekday | None = None


class ClassHoursFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`groups` empty: every group of the site. Who comes later than `tolerance_min` is late, who has not come by `absent_at` absent.

    Without `end`, class lasts until midnight; `from`: the first day that is looked at, without it all are (requirement S46).
    """

    groups: list[Annotated[str, Meta(min_length=1)]] = []
    days: Annotated[list[Weekday], Meta(min_length=1)]
    start: Clock
    tolerance_min: Minutes = 0
    absent_at: Clock = "12:00"
    end: Clock | None = None
    since: date | None = field(name="from", default=None)


class AbsenceFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an absence costs: `percent` of the planned time's price, or an `amount`; nothing without either (requirement P18)."""

    name: str
    percent: Annotated[int, Meta(ge=0, le=100)] | None = None
    amount: str | None = None


def minutes(clock: str) -> int:
    """Minutes after midnight of `16:05`."""
    hours, rest = clock.split(":")
    return int(hours) * 60 + int(rest)


def posting(file: PostingFile) -> tuple[int, int]:
    """Days between two runs, 0 = at once, and the weekday."""
    if file.weekday is not None and not file.every_days:
        raise ValueError("key `posting`: `weekday` without `every_days`: say every how many days, or leave `posting` out to post at once")
    if file.weekday is not None and file.every_days % len(WEEKDAYS):
        raise ValueError(f"key `posting`: {file.every_days} days do not end on the same weekday: leave `weekday` out, or say 7, 14, …")
    return file.every_days, WEEKDAYS.index(file.weekday or "mon")


def _end(file: ClassHoursFile) -> int:
    return minutes(file.end) if file.end else 24 * 60


def class_hours(files: Sequence[ClassHoursFile], site: int, school: School) -> tuple[ClassHours, ...]:
    """The mornings of a site, one row for each group and weekday; those it had and the file does not name hold on no day any more."""
    rows = tuple(
        ClassHours(site, group, WEEKDAYS.index(day), minutes(one.start), one.tolerance_min, minutes(one.absent_at), _end(one), one.since)
        for one in files
        for group in one.groups or [""]
        for day in one.days
    )
    for (group, weekday), count in Counter((row.group, row.weekday) for row in rows).items():
        if count > 1:
            who = f"group `{group}`" if group else "every group"
            raise ValueError(f"key `class_hours`: {who} has two beginnings on {WEEKDAYS[weekday]}: keep one")
    named = {(row.site, row.group, row.weekday) for row in rows}
    gone = (row for place, row in school.class_hours.items() if row.site == site and place not in named)
    return (*rows, *(replace(row, from_day=date.max) for row in gone))


def absences(files: Sequence[AbsenceFile], school: School, new_id: Callable[[], int]) -> Iterator[AbsenceReason]:
    """The reasons of absence; known by their names."""
    known = {one.name: one.id for one in school.absences.values()}
    for name, count in Counter(one.name for one in files).items():
        if count > 1:
            raise ValueError(f"absence `{name}` is described twice: give each its own name")
    for one in files:
        if one.percent is not None and one.amount is not None:
            raise ValueError(f"absence `{one.name}`: `percent` and `amount` together: keep one")
        cents = read_cents(one.amount or "0")
        if cents is None or cents < 0:
            raise ValueError(f'absence `{one.name}`: key `amount`: `{one.amount}` is not an amount from 0: write it as "2,50"')
        yield AbsenceReason(known.get(one.name) or new_id(), one.name, one.percent or 0, cents)


# --- programmes within others ---------------------------------------------------------------------


def check_nesting(school: School) -> None:
    """Raise ValueError for a programme that is within another one as none can be (requirement S44)."""
    for inner in school.programmes.values():
        trouble = _nesting(inner, school.programmes[inner.within]) if inner.within else ""
        if trouble:
            raise ValueError(f"programme `{inner.name}`: key `within`: {trouble}")


def _nesting(inner: Programme, outer: Programme) -> str:
    """Why one cannot be within the other; empty when it can."""
    found = nested(inner, outer)
    if found is None:
        return ""
    if found.code == "within_itself":
        return "it cannot be within itself: name the programme around it, or leave the key out"
    if found.code == "within_another":
        return f"`{outer.name}` is within another one already: name that one"
    if found.code == "within_entries":
        return f'of `{outer.name}` only entries are scanned, so nothing can be taken out of its stays: let its `scans` be "both" or "exit"'
    start_min, end_min = found.numbers["start_min"], found.numbers["end_min"]
    span = f"{clock_of(start_min)} to {clock_of(end_min)}"
    day = WEEKDAYS[found.numbers["day"]]
    return f"its hours on {day}, {span}, are not all within those of `{outer.name}`: correct the `hours` of one of them"


# --- pilots -----------------------------------------------------------------------------------------


def check_live(rows: Rows, school: School, books: Books, name: str) -> None:
    """Refuse a `live_from` that would make days that cost nothing so far cost something, or the other way round (requirements S2, Q4).

    Raises ImportRefusedError with the first such day.
    """
    for row in rows:
        if isinstance(row, Site) and row.id in school.sites and row.live_from != school.sites[row.id].live_from:
            trouble = _moved(row, books)
            if trouble:
                raise ImportRefusedError(f"{name}: site `{row.name}`: key `live_from`: {trouble}")


def _moved(site: Site, books: Books) -> str:
    found = live_moved(site, books)
    if found is None:
        return ""
    day = day_coded(found.numbers["day"])
    if found.code == "live_was_pilot":
        return f"{day} was a day of the pilot and cost nothing: set it to a later day"
    return f"{day} has cost {write_cents(found.numbers['cents'])} already: set it to that day or an earlier one"
