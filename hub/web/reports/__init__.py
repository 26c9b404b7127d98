"""Reports: attendance by the quarter of an hour, presence for subsidies, revenue, cash, debts; each as a page, to print, and as a file.

Figures come from the history once it has seen all that is on disk; what they mean stands in core/reports.py.
"""

from fastapi import APIRouter

from hub.web.reports import attendance, cash, debts, overview, revenue, subsidies

__all__ = ["router"]

router = APIRouter(
    routes=[
        *overview.router.routes,
        *attendance.router.routes,
        *subsidies.router.routes,
        *revenue.router.routes,
        *cash.router.routes,
        *debts.router.routes,
    ]
)
