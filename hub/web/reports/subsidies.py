"""Presence for subsidies: children by age group, day and half-day, as ONE and Opgroeien ask for them each quarter."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from fastapi import APIRouter, Response

from hub.core.reports import HOUR_MS, Attendance, Counts, Level, Period, Span, as_one, attendance, hours_of, steps, summed
from hub.core.school import Programme, Pupil
from hub.core.timetable import LegalClass
from hub.web.charts import WIDE, Columns, columns
from hub.web.render import page
from hub.web.reports.chosen import Chosen, Looks, choose, programmes_of, say, written
from hub.web.rights import Right
from hub.web.session import Visit
from hub.web.table import csv_file

LEVELS = tuple(Level)
NAMED = 12
"""Children without a date of birth who are named; the others are counted."""
_WORDS = {Level.NURSERY: "Nursery school", Level.PRIMARY: "Primary school", Level.OLDER: "Older", Level.UNKNOWN: "Age unknown"}
HEADER = ("Day", "Age group", "Attendance days", "Before noon", "After noon", "Half-days", "Different children")

router = APIRouter()


class Line(NamedTuple):
    """An age group, or all of them (`level` empty): different children, presence days, half-days."""

    level: str
    children: int
    counts: Counts


class Row(NamedTuple):
    """A day, or a month of a year: how many children of each age group."""

    first: date
    children: tuple[int, ...]
    together: int


@dataclass(frozen=True, slots=True)
class SubsidiesPage:
    """`counted`: the programmes that count. `levels`: those somebody is of. `months`: whether the rows are months, not days.

    `unknown`: how many have no date of birth; `ageless`: the first of them, for those who may open their pages.
    """

    chosen: Chosen
    programmes: tuple[Programme, ...]
    counted: frozenset[int]
    levels: tuple[str, ...]
    lines: tuple[Line, ...]
    together: Line
    rows: tuple[Row, ...]
    months: bool
    chart: Columns | None
    unknown: int
    ageless: tuple[Pupil, ...]


@router.get("/reports/subsidies")
async def subsidies(visit: Looks, site: int = 0, span: str = "", day: str = "") -> Response:
    """As a page."""
    chosen, programmes, counted, found = await _found(visit, site, span, day)
    school, places = visit.school, await visit.office.reports.places() if found.ageless else {}
    ageless = tuple(school.pupils[one] for one, place in places.items() if found.ageless >> place & 1 and one in school.pupils)
    context = await asyncio.to_thread(_page, visit, (chosen, programmes, counted), found, ageless[:NAMED])
    return await page(visit, "report_subsidies.html", context)


@router.get("/reports/subsidies.csv")
async def subsidies_file(visit: Looks, site: int = 0, span: str = "", day: str = "") -> Response:
    """Each day by age group, with the sums of the period at the end."""
    chosen, _, _, found = await _found(visit, site, span, day)
    word = say(visit)
    rows = [
        [f"{on:%d/%m/%Y}", word(_WORDS[level]), *_cells(counts), ""] for on, those in found.days.items() for level, counts in those.items()
    ]
    span_words = f"{chosen.period.first:%d/%m/%Y} – {chosen.period.last:%d/%m/%Y}"
    sums = _lines(found)
    rows += [[span_words, word(_WORDS[Level(line.level)]), *_cells(line.counts), str(line.children)] for line in sums]
    total = _together(found, sums)
    rows.append([span_words, word("Total"), *_cells(total.counts), str(total.children)])
    return await asyncio.to_thread(csv_file, f"subsidies-{chosen.file}", [word(each) for each in HEADER], rows)


async def _found(visit: Visit, site: int, span: str, day: str) -> tuple[Chosen, tuple[Programme, ...], frozenset[int], Attendance]:
    """Who came to the programmes that count; who is still there counts too."""
    chosen = choose(visit, site, span, day, Span.QUARTER)
    programmes = programmes_of(visit, chosen.site)
    named = {int(text) for text in visit.request.query_params.getlist("programme") if text.isascii() and text.isdigit()}
    asked = named & {one.id for one in programmes}
    counted = frozenset(one.id for one in programmes if (one.id in asked if asked else one.legal is LegalClass.OUTSIDE_HOURS))
    await visit.office.caught_up()
    from_ms, until_ms = chosen.times_ms
    cells = await visit.office.reports.attended(counted, (from_ms // HOUR_MS, until_ms // HOUR_MS))
    places = await visit.office.reports.places()
    stays = [
        (stay.pupil, stay.from_ms)
        for each in visit.office.desk.books.inside.values()
        for stay in each.values()
        if stay.programme in counted and from_ms <= stay.from_ms < until_ms
    ]
    school, now_ms = visit.school, visit.office.now_ms()

    def reckon() -> Attendance:
        for pupil, came_ms in stays:
            place = places.setdefault(pupil, len(places) + 1)
            cells.extend((hour, 1 << place) for hour in hours_of(came_ms, max(came_ms, now_ms)))
        same = {old: row.same_as for old, row in school.merged.items()}
        known = {place: school.pupils.get(same.get(pupil, pupil)) for pupil, place in places.items()}
        born = {place: one.born if one else None for place, one in known.items()}
        return attendance(as_one(cells, places, same), born, chosen.site.zone)

    return chosen, programmes, counted, await asyncio.to_thread(reckon)


def _page(
    visit: Visit, asked: tuple[Chosen, tuple[Programme, ...], frozenset[int]], found: Attendance, ageless: tuple[Pupil, ...]
) -> SubsidiesPage:
    chosen, programmes, counted = asked
    lines = _lines(found)
    levels = tuple(line.level for line in lines)
    parts = steps(chosen.period)
    stacks = [_of(found.days, part, levels) for part in parts]
    months = chosen.period.span is Span.YEAR
    rows = (
        [Row(part.first, stack, sum(stack)) for part, stack in zip(parts, stacks, strict=True) if any(stack)]
        if months
        else _days(found, levels)
    )
    chart = columns([written(visit, part) for part in parts], stacks, size=WIDE) if lines else None
    return SubsidiesPage(
        chosen=chosen,
        programmes=programmes,
        counted=counted,
        levels=levels,
        lines=lines,
        together=_together(found, lines),
        rows=tuple(rows),
        months=months,
        chart=chart,
        unknown=found.different.get(Level.UNKNOWN, 0),
        ageless=ageless if chosen.site.id in visit.where(Right.PUPILS) else (),
    )


def _lines(found: Attendance) -> tuple[Line, ...]:
    """The age groups that somebody was of."""
    counts = summed(found.days.values())
    return tuple(Line(level.value, found.different[level], counts[level]) for level in LEVELS if level in counts)


def _together(found: Attendance, lines: Iterable[Line]) -> Line:
    total = Counts()
    for line in lines:
        total = total.plus(line.counts)
    return Line("", found.children, total)


def _of(days: Mapping[date, Mapping[Level, Counts]], part: Period, levels: Sequence[str]) -> tuple[int, ...]:
    """Presence days of each age group in a part of the period."""
    counts = summed(those for day, those in days.items() if part.first <= day <= part.last)
    return tuple(counts[Level(level)].children if Level(level) in counts else 0 for level in levels)


def _days(found: Attendance, levels: Sequence[str]) -> list[Row]:
    rows = []
    for day, those in found.days.items():
        children = tuple(those[Level(level)].children if Level(level) in those else 0 for level in levels)
        rows.append(Row(day, children, sum(children)))
    return rows


def _cells(counts: Counts) -> list[str]:
    return [str(each) for each in (counts.children, counts.mornings, counts.afternoons, counts.half_days)]
