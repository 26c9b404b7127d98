"""Presence: a week of a programme as a grid, a row for each pupil and a column for each day; each cell leads to that day's sheet.

Rows are who is planned or was there; with a class chosen, all of the class. Plain links; the arrow keys are added by presence.js.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Response

from hub.core.books import Books
from hub.core.calendar import DayKind, day_code, day_coded, day_of
from hub.core.days import day_kind, said_of
from hub.core.lists import fold
from hub.core.questions import place_of
from hub.core.school import Programme, Pupil, School, Site
from hub.core.sheets import Stay
from hub.web.asking import LastAct, day_in, last_act
from hub.web.render import page
from hub.web.rights import Right
from hub.web.session import Sees, Visit

ROWS = 30
"""Pupils on one page: a class, and not more than a page may weigh."""
WEEK_DAYS = 7

Looks = Annotated[Visit, Depends(Sees(Right.PRESENCE))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Cell:
    """A pupil's day, under whichever id it was booked. `absence`: the name of its reason. `asks`: staff are asked about it.

    `missing`: was planned, and did not come.
    """

    planned: bool
    stays: tuple[Stay, ...]
    asks: bool
    verified: bool
    absence: str
    missing: bool
    split: bool | None


@dataclass(frozen=True, slots=True)
class Row:
    pupil: Pupil
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A day of the week. `kind`: empty on an ordinary day; `name`: what the calendar calls it. How many came, and were planned."""

    day: date
    kind: str
    name: str
    came: int
    planned: int


@dataclass(frozen=True, slots=True)
class PresencePage:
    """`programme` None: there is none yet. `to_verify`: questions up to the end of the week. Pages are counted from 1."""

    programme: Programme | None
    zone: ZoneInfo
    programmes: tuple[tuple[Site, Programme], ...]
    group: str
    groups: tuple[str, ...]
    monday: date
    before: date
    after: date
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    page: int
    pages: int
    total: int
    to_verify: int
    last: LastAct | None
    here: str
    """This very page, for forms and the way back."""


@router.get("/presence")
async def presence(visit: Looks, programme: int = 0, group: str = "", week: str = "", page: int = 1, who: int = 0) -> Response:
    """The grid of a programme's week: a page of it, or the one that a pupil is on."""
    await visit.office.desk.seen()
    context = await _presence(visit, programme, group[:100], day_in(week), (page, who))
    return await _page(visit, context)


async def _page(visit: Visit, context: PresencePage) -> Response:
    return await page(visit, "presence.html", context)


async def _presence(visit: Visit, programme: int, group: str, on: int, place: tuple[int, int]) -> PresencePage:
    school, books, now_ms = visit.school, visit.office.desk.books, visit.office.now_ms()
    programmes = tuple((site, each) for site in visit.own_sites() for each in school.programmes.values() if each.site == site.id)
    chosen = visit.programme(programme) if programme else _busiest(books, [each for _, each in programmes])
    zone = school.sites[chosen.site].zone if chosen else next((site.zone for site in visit.own_sites()), ZoneInfo("Europe/Brussels"))
    today = day_of(now_ms, zone)
    monday = _monday(day_coded(on) if on else today)
    week = [monday + timedelta(days=shift) for shift in range(WEEK_DAYS)]
    days = [day for day in week if chosen and _is_open(books, chosen, day)]
    planned = await asyncio.to_thread(planned_in, school, chosen, days) if chosen else set()
    there = {pupil for pupil, _ in planned}
    for day in days:
        there |= {pupil for pupil, sheets in books.days.get(day_code(day), {}).items() if chosen and chosen.id in sheets}
        await asyncio.sleep(0)  # the taps that came meanwhile go first; likewise below
    pupils = await asyncio.to_thread(_pupils, school, chosen, days, there, group) if chosen else []
    pages = max(1, -(-len(pupils) // ROWS))
    number, who = place
    number = next((1 + row // ROWS for row, pupil in enumerate(pupils) if pupil.id == who), min(max(1, number), pages))
    shown = pupils[(number - 1) * ROWS : number * ROWS]
    asked = _asked(school, books, shown)
    rows = [Row(pupil, tuple(_cell(school, books, chosen, pupil, day, today, asked) for day in days)) for pupil in shown if chosen]
    columns = []
    for day in days if chosen else ():
        await asyncio.sleep(0)
        columns += [_column(school, books, chosen, day, planned)] if chosen else []
    await asyncio.sleep(0)
    here = f"/presence?programme={chosen.id if chosen else 0}&group={quote(group)}&week={monday}&page={number}"
    return PresencePage(
        programme=chosen,
        zone=zone,
        programmes=programmes,
        group=group,
        groups=tuple(sorted({pupil.group for pupil in school.everyone if chosen and pupil.site == chosen.site} - {""}, key=fold)),
        monday=monday,
        before=monday - timedelta(days=WEEK_DAYS),
        after=monday + timedelta(days=WEEK_DAYS),
        columns=tuple(columns),
        rows=tuple(rows),
        page=number,
        pages=pages,
        total=len(pupils),
        to_verify=_to_verify(school, books, chosen, day_code(week[-1])) if chosen else 0,
        last=last_act(visit),
        here=here,
    )


def planned_in(school: School, programme: Programme, days: list[date]) -> set[tuple[int, date]]:
    """Who is planned at a programme on which of these days."""
    return {
        (pupil, day)
        for pupil, plans in school.plans.items()
        for plan in plans
        if plan.programme == programme.id
        for day in days
        if plan.covers(day)
    }


def _busiest(books: Books, programmes: list[Programme]) -> Programme | None:
    """Of these programmes the one with the most pupils on the last day that is known: what somebody looks for who chose none."""
    sheets = books.days[max(books.days)].values() if books.days else ()
    count = Counter(number for each in sheets for number in each)
    return max(programmes, key=lambda one: count[one.id], default=None)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _is_open(books: Books, programme: Programme, day: date) -> bool:
    """Whether a day has a column: the programme has hours on it, or somebody was there."""
    return any(window.covers(day) for window in programme.windows) or any(
        programme.id in sheets for sheets in books.days.get(day_code(day), {}).values()
    )


def _pupils(school: School, programme: Programme, days: list[date], numbers: Iterable[int], group: str) -> list[Pupil]:
    """The rows: who is planned or was there, and all of the class that was chosen; by class and name."""
    found = list({school.pupils[number].id: school.pupils[number] for number in numbers if number in school.pupils}.values())
    if group:
        here = (pupil for pupil in school.everyone if all(map(pupil.is_here, days[:1])))
        of_class = (pupil for pupil in here if pupil.group == group and pupil.site == programme.site)
        found = [pupil for pupil in {pupil.id: pupil for pupil in (*found, *of_class)}.values() if pupil.group == group]
    return sorted(found, key=lambda pupil: (fold(pupil.group), fold(pupil.last_name), fold(pupil.first_name), pupil.id))


def _asked(school: School, books: Books, pupils: Iterable[Pupil]) -> set[tuple[int, int, int]]:
    """(pupil, programme, day) about which staff are asked."""
    entries = (entry for pupil in pupils for entry in school.ids_of(pupil.id))
    questions = (books.unresolved[item] for entry in entries for item in books.asked_of.get(entry, ()))
    places = (place_of(school, books, question) for question in questions)
    return {(place.pupil, place.programme, place.day) for place in places if place}


def _cell(
    school: School, books: Books, programme: Programme, pupil: Pupil, day: date, today: date, asked: set[tuple[int, int, int]]
) -> Cell:
    on, entries = day_code(day), school.ids_of(pupil.id)
    sheets = [books.sheet(entry, programme.id, on) for entry in entries]
    stays = sorted((stay for sheet in sheets for stay in sheet.stays.values()), key=lambda stay: stay.from_ms)
    planned, absence = school.is_planned(pupil.id, programme.id, day), next((sheet.absence for sheet in sheets if sheet.absence), None)
    reason = school.absences.get(absence.reason) if absence else None
    return Cell(
        planned=planned,
        stays=tuple(stays),
        asks=any((entry, programme.id, on) in asked for entry in entries),
        verified=any(sheet.verified for sheet in sheets),
        absence=reason.name if reason else "",
        missing=planned and day < today and not stays and absence is None and _counts(school, programme, day),
        split=next((sheet.split for sheet in sheets if sheet.split is not None), None),
    )


def _counts(school: School, programme: Programme, day: date) -> bool:
    """Whether there is school or its care on a day, so that who is planned is expected."""
    return day_kind(school, programme.site, day) not in {DayKind.PUBLIC, DayKind.HOLIDAY, DayKind.PEDAGOGIC}


def _column(school: School, books: Books, programme: Programme, day: date, planned: set[tuple[int, date]]) -> Column:
    row = said_of(school, programme.site, day)
    sheets = books.days.get(day_code(day), {})
    there = [number for number, each in sheets.items() if programme.id in each and each[programme.id].stays]
    came = len({school.pupils[number].id if number in school.pupils else number for number in there})
    kind = day_kind(school, programme.site, day)
    ordinary = {DayKind.SCHOOL, DayKind.WEDNESDAY}
    return Column(day, "" if kind in ordinary else kind.value, row.name if row else "", came, sum(on == day for _, on in planned))


def _to_verify(school: School, books: Books, programme: Programme, through_day: int) -> int:
    """How many questions are open about a programme up to a day."""
    mine = (question for question in books.unresolved.values() if question.site == programme.site)
    places = (place_of(school, books, question) for question in mine)
    return sum(place is not None and place.programme == programme.id and place.day <= through_day for place in places)
