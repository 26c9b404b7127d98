"""What services and products earned, by legal class: charges and what was taken back, on the day of booking; what waits for a run apart."""

import asyncio
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from fastapi import APIRouter, Response

from hub.core.calendar import day_code
from hub.core.money import write_cents
from hub.core.named import item_name
from hub.core.reports import QUARTER_MS, Earned, Gathered, Line, Span, by_legal_class, gathered, together
from hub.core.timetable import LegalClass
from hub.web.charts import Bars, bars
from hub.web.render import page
from hub.web.reports.chosen import Chosen, LooksAtMoney, choose, say
from hub.web.session import Visit
from hub.web.table import amount, csv_file, defused

NAMED = 12
"""Bars of the chart; the table has all."""
_LEGAL = {LegalClass.MANDATORY: "Mandatory", LegalClass.OPTIONAL: "Optional", LegalClass.OUTSIDE_HOURS: "Outside school hours"}
HEADER = ("Legal category", "Service or product", "Charges", "Charged", "Corrections", "Cancelled", "Earned", "Waiting to be billed")

router = APIRouter()


class Named(NamedTuple):
    name: str
    earned: Earned
    gathered: Gathered


class Class(NamedTuple):
    legal: str
    lines: tuple[Named, ...]
    total: Named


@dataclass(frozen=True, slots=True)
class RevenuePage:
    """`pilot`: whether a part of the period is before the site went live: what would have cost is in no figure."""

    chosen: Chosen
    classes: tuple[Class, ...]
    total: Named
    chart: Bars | None
    pilot: bool


@router.get("/reports/revenue")
async def revenue(visit: LooksAtMoney, site: int = 0, span: str = "", day: str = "") -> Response:
    """As a page."""
    chosen, found = await _found(visit, site, span, day)
    return await page(visit, "report_revenue.html", _page(visit, chosen, found))


@router.get("/reports/revenue.csv")
async def revenue_file(visit: LooksAtMoney, site: int = 0, span: str = "", day: str = "") -> Response:
    """The same table."""
    chosen, found = await _found(visit, site, span, day)
    word = say(visit)
    rows = [
        [word(_LEGAL[legal]), defused(item_name(visit.school, line.earned.item)), *_cells(line)]
        for legal, lines in found.items()
        for line in lines
    ]
    rows.append([word("Total"), "", *_cells(together(chain.from_iterable(found.values())))])
    return await asyncio.to_thread(csv_file, f"revenue-{chosen.file}", [word(each) for each in HEADER], rows)


async def _found(visit: Visit, site: int, span: str, day: str) -> tuple[Chosen, dict[LegalClass, tuple[Line, ...]]]:
    chosen = choose(visit, site, span, day, Span.MONTH)
    await visit.office.caught_up()
    books, school, here = visit.office.desk.books, visit.school, frozenset({chosen.site.id})
    waiting = [number for those in books.gathered.values() for number in those]
    from_ms, until_ms = chosen.times_ms
    earned = await visit.office.reports.earned(here, (from_ms // QUARTER_MS, until_ms // QUARTER_MS))
    days = (day_code(chosen.period.first), day_code(chosen.period.last))

    def reckon() -> dict[LegalClass, tuple[Line, ...]]:
        return by_legal_class(school, earned, gathered((books.charges[number] for number in waiting), here, days))

    return chosen, await asyncio.to_thread(reckon)


def _page(visit: Visit, chosen: Chosen, found: dict[LegalClass, tuple[Line, ...]]) -> RevenuePage:
    classes = tuple(
        Class(legal.value, tuple(_named(item_name(visit.school, line.earned.item), line) for line in lines), _named("", together(lines)))
        for legal, lines in found.items()
    )
    most = sorted((line for each in classes for line in each.lines), key=lambda line: -line.earned.cents)[:NAMED]
    live = chosen.site.live_from
    return RevenuePage(
        chosen=chosen,
        classes=classes,
        total=_named("", together(chain.from_iterable(found.values()))),
        chart=bars([line.name for line in most], [line.earned.cents for line in most], write_cents) if most else None,
        pilot=live is not None and chosen.period.first < live,
    )


def _named(name: str, line: Line) -> Named:
    return Named(name, line.earned, line.gathered)


def _cells(line: Line) -> list[str]:
    one = line.earned
    cents = (amount(one.corrected_cents), amount(one.cents), amount(line.gathered.cents))
    return [str(one.charges), amount(one.charged_cents), str(one.corrections), *cents]
