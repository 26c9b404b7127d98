"""The office as one ASGI application: every page, the static files, the errors in words. Started by `hub/__main__.py`."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.web import (
    account,
    badges,
    billing,
    board,
    calendar,
    canteen,
    day,
    devices,
    enrolment,
    evacuation,
    families,
    files,
    handover,
    imports,
    kept,
    kiosk,
    leaving,
    merges,
    mornings,
    ordering,
    own,
    papers,
    payers,
    presence,
    products,
    promotion,
    pupils,
    questions,
    repaying,
    reports,
    roster,
    second,
    setup,
    sites,
    staff,
    statements,
    tariffs,
    trail,
    verification,
    wallets,
    why,
)
from hub.web.live import REMEMBERED, Live
from hub.web.office import Office
from hub.web.oops import oops
from hub.web.passwords import Passwords
from hub.web.render import SECURITY, Pages
from hub.web.rolls import Rolls
from hub.web.session import Anyone, PinNeededError, SealedBeforeError, SecondNeededError, SignInNeededError, sign_in_path
from hub.web.till import routes as till

log = logging.getLogger(__name__)

PAGES = (
    board,
    evacuation,
    questions,
    presence,
    day,
    verification,
    mornings,
    enrolment,
    papers,
    why,
    setup,
    handover,
    imports,
    families,
    files,
    payers,
    repaying,
    promotion,
    merges,
    leaving,
    pupils,
    wallets,
    billing,
    statements,
    badges,
    roster,
    devices,
    till,
    kiosk,
    canteen,
    products,
    account,
    own,
    second,
    sites,
    ordering,
    calendar,
    tariffs,
    staff,
    trail,
    reports,
)
"""In the order in which their paths are tried."""


def make_app(office: Office, pages: Pages) -> FastAPI:
    """The office, as these pages. Its lifespan must run: it reads the last taps and follows the desk."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, lifespan=_follow_the_desk)
    app.state.office = office
    app.state.pages = pages
    app.state.live = Live(office.random_bytes(4).hex())
    app.state.passwords = Passwords()
    app.state.appointing = asyncio.Lock()
    app.state.sheets = badges.Sheets()
    app.state.uploads = imports.Uploads()
    app.state.passed = till.Passed()
    app.state.guests = kiosk.Guests()
    app.state.kept = kept.Kept()
    app.state.rolls = Rolls()
    app.state.shared = board.Shared()
    app.state.goings = billing.Goings()
    app.state.drafts = tariffs.Drafts()
    app.state.prints = statements.Prints()
    for page in PAGES:
        # Not include_router: it analyses every signature a second time, at the first request, which then takes a second.
        app.router.routes.extend(page.router.routes)
    app.add_api_route("/static/{version}/{name}", static_file, methods=["GET", "HEAD"])
    _answer_errors(app)
    app.add_middleware(SecurityHeaders)
    app.state.footsteps = trail.Footsteps(office)
    app.add_middleware(trail.Noted, footsteps=app.state.footsteps)
    return app


def _answer_errors(app: FastAPI) -> None:
    """Everything that is not answered by a page: sent elsewhere, or said in words."""
    app.add_exception_handler(SignInNeededError, _to_sign_in)
    app.add_exception_handler(SecondNeededError, _to_second)
    app.add_exception_handler(PinNeededError, _to_pin)
    app.add_exception_handler(SealedBeforeError, _to_its_page)
    app.add_exception_handler(StarletteHTTPException, _in_words)
    app.add_exception_handler(RequestValidationError, _no_such_thing)
    app.add_exception_handler(OverflowError, _out_of_range)
    app.add_exception_handler(Exception, _ours)


async def static_file(visit: Anyone, version: str, name: str) -> Response:
    """One of our own files, for ever under this version."""
    found = visit.request.app.state.pages.files.get(name)
    if found is None or found.version != version:
        raise HTTPException(404)
    headers = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
    if "gzip" in visit.request.headers.get("accept-encoding", ""):
        return Response(found.packed, media_type=found.media_type, headers=headers | {"content-encoding": "gzip"})
    return Response(found.content, media_type=found.media_type, headers=headers)


class SecurityHeaders:
    """Puts the security headers on every answer, streams and redirects too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, sealed if scope["type"] == "http" else send)


@asynccontextmanager
async def _follow_the_desk(app: FastAPI) -> AsyncIterator[None]:
    office: Office = app.state.office
    live: Live = app.state.live
    stop = office.desk.watch(live.heard)
    await office.caught_up()
    live.remember(await office.past.scans(REMEMBERED))
    async with app.state.footsteps.kept():
        yield
    stop()


async def _to_sign_in(request: Request, _: Exception) -> Response:
    # A fragment must not be replaced by a sign-in form: htmx reloads the whole page instead.
    if request.headers.get("hx-request") == "true":
        return Response(status_code=401, headers={"hx-refresh": "true"})
    typed = await kept.typed_in(request)
    if typed:
        return await account.ask_again(request, typed)
    path = sign_in_path(request)
    if request.method == "POST" and request.url.path != kept.LEAVES:
        path += f"{'&' if '?' in path else '?'}lost=yes"
    return RedirectResponse(path, 303)


async def _to_its_page(request: Request, _: Exception) -> Response:
    request.state.put_off = True
    if request.headers.get("hx-request") == "true":
        return Response(status_code=401, headers={"hx-refresh": "true"})
    return RedirectResponse(await kept.way_on(request), 303)


async def _to_second(request: Request, _: Exception) -> Response:
    return await _first(request, "/account/second")


async def _to_pin(request: Request, _: Exception) -> Response:
    return await _first(request, "/account/pin")


async def _first(request: Request, path: str) -> Response:
    """Something is asked for first, with the way back to the page, and to what was typed there."""
    request.state.put_off = True
    path = f"{path}?next={quote(await kept.way_on(request))}"
    if request.headers.get("hx-request") == "true":
        return Response(status_code=401, headers={"hx-redirect": path})
    return RedirectResponse(path, 303)


async def _in_words(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException), "registered for this one"
    return await oops(request, error.status_code)


async def _no_such_thing(request: Request, _: Exception) -> Response:
    """A number in the address that is none."""
    return await oops(request, 404)


async def _out_of_range(request: Request, error: Exception) -> Response:
    """A number beyond what the register keeps, or a day before the first or after the last one that there is."""
    log.warning("%s %s: %s", request.method, request.url.path, error)
    return await oops(request, 404 if request.method in {"GET", "HEAD"} else 422)


async def _ours(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return await oops(request, 500)
