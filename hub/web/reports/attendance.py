"""Who was there at each quarter of an hour: of a day each programme, of longer periods one programme by weekday, mean and peak."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from babel.dates import get_day_names
from fastapi import APIRouter, Response

from hub.core.calendar import clock_of
from hub.core.reports import QUARTER_MIN, QUARTER_MS, Heads, Moved, Span, Weekday, by_weekday, heads, quarter_of
from hub.core.school import Programme
from hub.core.sheets import Stay
from hub.web.charts import Columns, columns
from hub.web.render import LOCALES, page
from hub.web.reports.chosen import Chosen, Looks, choose, hours, programmes_of, say, tenths
from hub.web.session import Visit
from hub.web.table import csv_file, defused

HEADER = ("Service", "Day", "Hour of the day", "Pupils")

router = APIRouter()


class Seen(NamedTuple):
    """A programme in the period: how many stays, how long together (`312 h 15`), the most at once and when that was (`16:15`)."""

    programme: Programme
    stays: int
    hours: str
    most: int
    most_clock: str
    chart: Columns | None


class Row(NamedTuple):
    clock: str
    counts: tuple[int, ...]


class Time(NamedTuple):
    """A time of a weekday: `12,5` on average, and the most."""

    mean: str
    most: int


class Mean(NamedTuple):
    """A weekday: on how many days somebody came, its chart and its times, by minute."""

    name: str
    days: int
    chart: Columns
    slots: Mapping[int, Time]


@dataclass(frozen=True, slots=True)
class AttendancePage:
    """`programme` 0: all, as on a single day. `rows`: of a day, in the order of `seen`; `weekdays` and `clocks`: of a longer period."""

    chosen: Chosen
    programmes: tuple[Programme, ...]
    programme: int
    seen: tuple[Seen, ...]
    rows: tuple[Row, ...]
    weekdays: tuple[Mean, ...]
    minutes: tuple[tuple[int, str], ...]


@router.get("/reports/attendance")
async def attendance(visit: Looks, site: int = 0, span: str = "", day: str = "", programme: int = 0) -> Response:
    """As a page."""
    chosen = choose(visit, site, span, day, Span.DAY)
    programmes, wanted, told = await _told(visit, chosen, programme)
    return await page(visit, "report_attendance.html", await asyncio.to_thread(_page, visit.language, chosen, programmes, (wanted, told)))


@router.get("/reports/attendance.csv")
async def attendance_file(visit: Looks, site: int = 0, span: str = "", day: str = "", programme: int = 0) -> Response:
    """Each day by itself: programme, day, time, pupils."""
    chosen = choose(visit, site, span, day, Span.DAY)
    _, wanted, told = await _told(visit, chosen, programme)
    rows = await asyncio.to_thread(_cells, chosen, wanted, told)
    word = say(visit)
    return await asyncio.to_thread(csv_file, f"attendance-{chosen.file}", [word(each) for each in HEADER], rows)


async def _told(visit: Visit, chosen: Chosen, programme: int) -> tuple[tuple[Programme, ...], tuple[Programme, ...], list[Moved]]:
    """The programmes of the site, those that are asked for, and who came and went there; who is still there goes now.

    Of a longer period it is one programme: where nobody says which, the one to which most came.
    """
    await visit.office.caught_up()
    programmes = programmes_of(visit, chosen.site)
    one = visit.programme(programme) if programme else None
    wanted = tuple(each for each in programmes if one is None or each.id == one.id)
    (from_ms, until_ms), numbers, now_ms = chosen.times_ms, {each.id for each in wanted}, visit.office.now_ms()
    there = [stay for stays in visit.office.desk.books.inside.values() for stay in stays.values()]
    over = await visit.office.reports.moved(numbers, (from_ms // QUARTER_MS, until_ms // QUARTER_MS))

    def reckon() -> tuple[tuple[Programme, ...], tuple[Programme, ...], list[Moved]]:
        mine = (stay for stay in there if stay.programme in numbers and from_ms <= stay.from_ms < until_ms)
        told = [*over, *(moved for stay in mine for moved in _still_there(stay, now_ms))]
        if one is not None or chosen.period.span is Span.DAY or not wanted:
            return programmes, wanted, told
        busiest = max(wanted, key=lambda each: sum(moved.came for moved in told if moved.programme == each.id))
        return programmes, (busiest,), [moved for moved in told if moved.programme == busiest.id]

    return await asyncio.to_thread(reckon)


def _still_there(stay: Stay, now_ms: int) -> tuple[Moved, Moved]:
    """Who came, and goes now."""
    came = quarter_of(stay.from_ms)
    return Moved(stay.programme, came, 1, 0, max(0, now_ms - stay.from_ms)), Moved(stay.programme, max(quarter_of(now_ms), came), 0, 1, 0)


def _page(
    language: str, chosen: Chosen, programmes: tuple[Programme, ...], asked: tuple[tuple[Programme, ...], Sequence[Moved]]
) -> AttendancePage:
    wanted, told = asked
    by_programme = {each.id: [one for one in told if one.programme == each.id] for each in wanted}
    found = {number: heads(those, chosen.site.zone) for number, those in by_programme.items()}
    single = chosen.period.span is Span.DAY
    top = max((max(day.values()) for days in found.values() for day in days.values()), default=0)
    minutes = _minutes(found.values())
    means = () if single or not wanted else tuple(_mean(each, top, language) for each in by_weekday(found[wanted[0].id]))
    return AttendancePage(
        chosen=chosen,
        programmes=programmes,
        programme=wanted[0].id if len(wanted) == 1 else 0,
        seen=tuple(_seen(each, by_programme[each.id], found[each.id], minutes if single else (), top) for each in wanted),
        rows=tuple(Row(clock_of(minute), tuple(_at(found[each.id], minute) for each in wanted)) for minute in minutes) if single else (),
        weekdays=means,
        minutes=() if single else tuple((minute, clock_of(minute)) for minute in minutes),
    )


def _minutes(found: Iterable[Heads]) -> tuple[int, ...]:
    """The quarters of an hour from the first pupil to the last, of all programmes."""
    seen = [minute for days in found for day in days.values() for minute in day]
    return tuple(range(min(seen), max(seen) + QUARTER_MIN, QUARTER_MIN)) if seen else ()


def _at(days: Heads, minute: int) -> int:
    """Of a single day."""
    return max((day.get(minute, 0) for day in days.values()), default=0)


def _seen(programme: Programme, moved: Sequence[Moved], days: Heads, minutes: Sequence[int], top: int) -> Seen:
    most, when = max(((count, -minute) for day in days.values() for minute, count in day.items()), default=(0, 0))
    chart = columns([clock_of(each) for each in minutes], [(_at(days, each),) for each in minutes], top=top) if minutes and most else None
    stays = sum(one.came for one in moved)
    return Seen(programme, stays, hours(sum(one.ms for one in moved)), most, clock_of(-when) if most else "", chart)


def _mean(found: Weekday, top: int, language: str) -> Mean:
    """Columns for the mean, a line over each for the peak."""
    labels = [clock_of(slot.minute) for slot in found.slots]
    means = [((slot.mean_tenths + 5) // 10,) for slot in found.slots]
    chart = columns(labels, means, marks=[slot.most for slot in found.slots], top=top)
    slots = {slot.minute: Time(tenths(slot.mean_tenths), slot.most) for slot in found.slots}
    return Mean(get_day_names(locale=LOCALES[language])[found.weekday].capitalize(), found.days, chart, slots)


def _cells(chosen: Chosen, wanted: Sequence[Programme], told: Sequence[Moved]) -> list[list[str]]:
    rows = []
    for each in wanted:
        found = heads([one for one in told if one.programme == each.id], chosen.site.zone)
        for day, counts in sorted(found.items()):
            rows += [[defused(each.name), f"{day:%d/%m/%Y}", clock_of(minute), str(count)] for minute, count in sorted(counts.items())]
    return rows
