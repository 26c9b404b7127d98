"""What went wrong, in words: one page for every status. Nobody sees a stack trace."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from hub.web.render import page
from hub.web.session import Visit, anyone


@dataclass(frozen=True, slots=True)
class OopsPage:
    """`status`: the HTTP status; unknown ones are worded as 500."""

    status: int


async def oops(request: Request, status: int) -> Response:
    """The page for this status; for an unexpected error without asking the register who is there, as that may be what failed."""
    visit = Visit(request, request.app.state.office, request.app.state.office.language) if status >= 500 else await anyone(request)
    return await page(visit, "oops.html", OopsPage(status), status=status)
