"""When pupils are expected, as a school's description says it (TOML), to rows: programmes within others, class hours, absences, pilots.

A part of setup.py, which knows the keys of sites and programmes; who is planned where comes with a list (`preau-hub import plans`).
What is wrong is a ValueError or ImportRefusedError that names the key and what to do.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, TypeVar

from msgspec import Meta, Struct, field

from hub.core.books import Books
from hub.core.calendar import Window, Windows, can_be_hours, clock_of, day_coded, in_turn, night_min, versions
from hub.core.money import read_cents, write_cents
from hub.core.school import Programme, Rows, School, Site
from hub.core.sites import LATEST, begins, class_rows, live_moved, nested
from hub.core.timetable import AbsenceReason, ClassHours
from hub.core.weekdays import WEEKDAYS, Weekday
from hub.errors import ImportRefusedError
from proto.settings import Written

Clock = Annotated[str, Meta(pattern=r"\A([01]\d|2[0-3]):[0-5]\d\Z")]
Minutes = Annotated[int, Meta(ge=0, le=1440)]


class PostingFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Charges are gathered, and posted by a settlement run every so many days, on a weekday (requirement Q3)."""

    every_days: Annotated[int, Meta(ge=0, le=366)] = 0
    weekday: Weekday | None = None


class HoursFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`from`: the first day on which they are valid, in the place of all that were before; without it, always."""

    days: list[Weekday]
    start: Clock
    end: Clock
    since: date = field(name="from", default=date.min)


class ClassHoursFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`groups` empty: every group of the site. Who comes later than `tolerance_min` is late, who has not come by `absent_at` absent.

    Without `end`, class lasts until midnight; `from`: the first day on which they are valid, in the place of those before (S46).
    """

    groups: list[Annotated[str, Meta(min_length=1)]] = []
    days: Annotated[list[Weekday], Meta(min_length=1)]
    start: Clock
    tolerance_min: Minutes = 0
    absent_at: Clock = "12:00"
    end: Clock | None = None
    since: date = field(name="from", default=date.min)


class AbsenceFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an absence costs: `percent` of what all planned hours of the day would have cost, or an `amount`; else nothing (P18)."""

    name: Written
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


def windows_of(files: Sequence[HoursFile], before: Windows, today: date) -> Windows:
    """The hours of a programme; days that are over keep those it had `before`."""
    said: dict[date, Windows] = {}
    for one in files:
        start_min = minutes(one.start)
        window = Window(frozenset(WEEKDAYS.index(day) for day in one.days), start_min, night_min(start_min, minutes(one.end)))
        if not can_be_hours(window):
            raise ValueError("hours must end after they start; a night starts after noon, and ends by noon of the next day")
        said[_since(one.since)] = (*said.get(one.since, ()), window)
    return in_turn(_from_today(versions(before), said, today, ()))


def _since(day: date) -> date:
    if day >= LATEST:
        raise ValueError(f"key `from`: {day} is too late for anything to begin: correct the year")
    return day


_V = TypeVar("_V")


def _from_today(before: Mapping[date, _V], said: Mapping[date, _V], today: date, none: _V) -> dict[date, _V]:
    """What a file says, from today on; days that are over keep what they had, for it may have made prices (requirement S70)."""
    if not before:
        return dict(said)
    now = max((day for day in said if day <= today), default=None)
    over = {day: one for day, one in before.items() if day < today}
    return over | {today: none if now is None else said[now]} | {day: one for day, one in said.items() if day > today}


def class_hours(files: Sequence[ClassHoursFile], site: int, school: School, today: date) -> tuple[ClassHours, ...]:
    """The mornings of a site that change; from today on those that the file does not name hold no more."""
    rows = tuple(
        ClassHours(
            site, group, WEEKDAYS.index(day), minutes(one.start), one.tolerance_min, minutes(one.absent_at), _end(one), _since(one.since)
        )
        for one in files
        for group in one.groups or [""]
        for day in one.days
    )
    for (group, weekday, _), count in Counter((row.group, row.weekday, row.from_day) for row in rows).items():
        if count > 1:
            who = f"group `{group}`" if group else "every group"
            raise ValueError(f"key `class_hours`: {who} has two beginnings on {WEEKDAYS[weekday]}: keep one")
    said: dict[tuple[int, str, int], dict[date, ClassHours | None]] = defaultdict(dict)
    for row in rows:
        said[site, row.group, row.weekday][row.from_day] = row
    known = {place: versions for place, versions in school.class_hours.items() if place[0] == site}
    return tuple(
        row
        for place in dict.fromkeys((*said, *known))
        for row in class_rows(known.get(place, ()), _from_today(begins(known.get(place, ())), said.get(place, {}), today, None))
    )


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


def check_nesting(school: School, today: date) -> None:
    """Raise ValueError for a programme that from today on is within another one as none can be (requirement S44)."""
    for inner in school.programmes.values():
        trouble = _nesting(inner, school.programmes[inner.within], today) if inner.within else ""
        if trouble:
            raise ValueError(f"programme `{inner.name}`: key `within`: {trouble}")


def _nesting(inner: Programme, outer: Programme, today: date) -> str:
    """Why one cannot be within the other; empty when it can."""
    found = nested(inner, outer, today)
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
