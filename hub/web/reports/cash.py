"""Cash desk sessions: what each began with, what was paid in and handed back, what was counted, and the difference."""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

from fastapi import APIRouter, Response

from hub.core.money import write_cents
from hub.core.reports import DeskSession, Span, Takings, paid_in_by_step, steps, takings
from hub.web.charts import WIDE, Columns, columns
from hub.web.render import clock, day, page
from hub.web.reports.chosen import Chosen, LooksAtMoney, choose, say, written
from hub.web.rights import Right
from hub.web.session import Visit
from hub.web.table import amount, csv_file, defused

LISTED = 60
"""Sessions on the page; the file has all."""
HEADER = (
    "Till", "Opened", "Closed", "Opened by", "Closed by", "In the drawer at the start", "Sold from wallets", "Paid in", "Given back",
    "Should be there", "Counted", "Difference",
)  # fmt: skip

router = APIRouter()


class Row(NamedTuple):
    """Names are empty for those who may not know who sat there."""

    desk: str
    opened_by: str
    closed_by: str
    session: DeskSession


@dataclass(frozen=True, slots=True)
class CashPage:
    """`more` sessions are in the file only; `total` is of all, `open` of them not closed yet. `by_person`: whether names are shown."""

    chosen: Chosen
    rows: tuple[Row, ...]
    more: int
    total: Takings
    open: int
    by_person: bool
    chart: Columns | None


@router.get("/reports/cash")
async def cash(visit: LooksAtMoney, site: int = 0, span: str = "", day: str = "") -> Response:
    """As a page."""
    chosen, rows = await _rows(visit, site, span, day)
    sessions = [row.session for row in rows]
    parts = steps(chosen.period)
    counts = [(max(0, each),) for each in paid_in_by_step(sessions, parts, chosen.site.zone)]
    context = CashPage(
        chosen=chosen,
        rows=tuple(rows[:LISTED]),
        more=max(0, len(rows) - LISTED),
        total=takings(sessions),
        open=sum(not one.until_ms for one in sessions),
        by_person=_knows_people(visit, chosen),
        chart=columns([written(visit, part) for part in parts], counts, write=_euros, size=WIDE) if sessions and len(parts) > 1 else None,
    )
    return await page(visit, "report_cash.html", context)


@router.get("/reports/cash.csv")
async def cash_file(visit: LooksAtMoney, site: int = 0, span: str = "", day: str = "") -> Response:
    """All sessions."""
    chosen, rows = await _rows(visit, site, span, day)
    word, zone = say(visit), chosen.site.zone

    def when(ms: int) -> str:
        return f"{_day(ms, chosen)} {clock(ms, zone)}" if ms else ""

    cells = (
        [
            defused(row.desk),
            when(row.session.from_ms),
            when(row.session.until_ms),
            defused(row.opened_by),
            defused(row.closed_by),
            *_cells(row),
        ]
        for row in rows
    )
    return await asyncio.to_thread(csv_file, f"cash-{chosen.file}", [word(each) for each in HEADER], cells)


async def _rows(visit: Visit, site: int, span: str, day: str) -> tuple[Chosen, list[Row]]:
    chosen = choose(visit, site, span, day, Span.WEEK)
    await visit.office.caught_up()
    found = await visit.office.reports.desks([chosen.site.id], chosen.times_ms)
    names = {one.id: one.name for one in await visit.office.accounts.everyone()} if _knows_people(visit, chosen) else {}
    return chosen, [Row(_desk(visit, one.desk), names.get(one.opened_by, ""), names.get(one.closed_by, ""), one) for one in found]


def _knows_people(visit: Visit, chosen: Chosen) -> bool:
    """Whoever manages staff there may know who sat at a cash desk."""
    return chosen.site.id in visit.where(Right.STAFF)


def _desk(visit: Visit, desk: str) -> str:
    device = visit.school.devices.get(desk)
    return device.name if device else desk


def _day(ms: int, chosen: Chosen) -> str:
    return day(ms, chosen.site.zone)


def _cells(row: Row) -> list[str]:
    one = row.session
    cents = (one.opening_cents, one.sold_cents, one.paid_in_cents, one.paid_back_cents)
    ending = (one.expected_cents, one.counted_cents, one.difference_cents) if one.until_ms else ()
    return [*map(amount, cents), *map(amount, ending), *[""] * (3 - len(ending))]


def _euros(cents: int) -> str:
    """Whole euros where they are: the words of a scale are short."""
    return write_cents(cents).replace(",00", "")
