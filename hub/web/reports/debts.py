"""Debts by age as they are now: how many wallets, and for those who may see money how much and whose."""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

from fastapi import APIRouter, Response

from hub.core.debts import Age, Debt, by_age
from hub.core.lists import fold
from hub.core.money import write_cents
from hub.core.references import printed
from hub.core.reports import Span
from hub.web.charts import Bars, bars
from hub.web.owing import owing, owner_name
from hub.web.render import day, page
from hub.web.reports.chosen import Chosen, Looks, LooksAtMoney, choose, say
from hub.web.rights import Right
from hub.web.session import Visit
from hub.web.table import amount, csv_file, defused

LISTED = 200
"""Wallets on the page, deepest first; the file has all."""
AGES = {Age.MONTH: "0 to 30 days", Age.TWO_MONTHS: "31 to 60 days", Age.THREE_MONTHS: "61 to 90 days", Age.OLDER: "older"}
HEADER = ("Communication", "Household or pupil", "Age", "Below zero since", "Days", "Owed")

router = APIRouter()


class AgeRow(NamedTuple):
    age: str
    wallets: int
    cents: int


class Row(NamedTuple):
    wallet: int
    reference: str
    owner: str
    debt: Debt


@dataclass(frozen=True, slots=True)
class DebtsPage:
    """Amounts and `rows` are there only where `money` may be seen. `wallets`: of the site, whether in debt or not."""

    chosen: Chosen
    money: bool
    ages: tuple[AgeRow, ...]
    total: AgeRow
    rows: tuple[Row, ...]
    more: int
    chart: Bars | None
    wallets: int


@router.get("/reports/debts")
async def debts(visit: Looks, site: int = 0) -> Response:
    """As a page."""
    chosen = choose(visit, site, "", "", Span.DAY)
    money = chosen.site.id in visit.where(Right.MONEY)
    wallets, rows = await _rows(visit, chosen)
    ages = tuple(AgeRow(age.value, *counts) for age, counts in by_age(row.debt for row in rows).items())
    word = say(visit)
    figures = [each.cents if money else each.wallets for each in ages]
    chart = bars([word(AGES[Age(each.age)]) for each in ages], figures, write_cents if money else str) if rows else None
    context = DebtsPage(
        chosen=chosen,
        money=money,
        ages=ages,
        total=AgeRow("", len(rows), sum(each.cents for each in ages)),
        rows=tuple(rows[:LISTED]) if money else (),
        more=max(0, len(rows) - LISTED) if money else 0,
        chart=chart,
        wallets=wallets,
    )
    return await page(visit, "report_debts.html", context)


@router.get("/reports/debts.csv")
async def debts_file(visit: LooksAtMoney, site: int = 0) -> Response:
    """All of them, wallet by wallet."""
    chosen = choose(visit, site, "", "", Span.DAY)
    _, rows = await _rows(visit, chosen)
    word, zone = say(visit), chosen.site.zone
    cells = (
        [
            row.reference.strip("+"),
            defused(row.owner),
            word(AGES[row.debt.age]),
            day(row.debt.since_ms, zone),
            str(row.debt.days),
            amount(row.debt.cents),
        ]
        for row in rows
    )
    return await asyncio.to_thread(csv_file, f"debts-{chosen.today.isoformat()}", [word(each) for each in HEADER], cells)


async def _rows(visit: Visit, chosen: Chosen) -> tuple[int, list[Row]]:
    """How many wallets the site has, and those in debt, deepest first."""
    owners = visit.office.desk.books.owners
    here = [wallet.id for wallet in owners.values() if wallet.site == chosen.site.id]
    found = await owing(visit, here)
    rows = [
        Row(number, printed(owners[number].reference), owner_name(visit.school, owners[number]), debt) for number, debt in found.items()
    ]
    return len(here), sorted(rows, key=lambda row: (-row.debt.cents, fold(row.owner), row.wallet))
