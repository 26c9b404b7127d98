"""Which reports there are, for the site and the period that one chooses here."""

from dataclasses import dataclass

from fastapi import APIRouter, Response

from hub.core.reports import Span
from hub.web.render import page
from hub.web.reports.chosen import Chosen, Looks, choose
from hub.web.rights import Right

router = APIRouter()


@dataclass(frozen=True, slots=True)
class ReportsPage:
    """`money`: whether the visitor may see the reports about it."""

    chosen: Chosen
    money: bool


@router.get("/reports")
async def overview(visit: Looks, site: int = 0, span: str = "", day: str = "") -> Response:
    """All of them."""
    chosen = choose(visit, site, span, day, Span.MONTH)
    return await page(visit, "reports.html", ReportsPage(chosen, chosen.site.id in visit.where(Right.MONEY)))
