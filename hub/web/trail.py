"""Who saw and did what: every form, and every page about a person or a wallet, noted without delaying the answer; and the list of it.

A form that only shows what it would do is a look like any other (`Visit.only_shows`).

Notes wait in memory and are written once a second in one transaction: at a crash at most the last second of them is lost.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.core.lists import fold
from hub.core.school import Pupil, School
from hub.core.trail import Step, Wanted
from hub.core.wallets import place_of
from hub.web.asking import NOWHERE
from hub.web.office import Office
from hub.web.render import page, words
from hub.web.rights import Right, Staff, is_everywhere
from hub.web.session import Sees, Visit
from hub.web.table import csv_file, defused

EVERY_S = 1.0
REFUSED = " refused"
"""How the act of a form ends that had no effect."""
BAD_REQUEST = 400
_ACT = re.compile("[a-z-]{1,20}")
ABOUT = ("pupil", "household", "adult", "wallet", "badge", "charge", "member")
"""Parameters of a path, or of a question in an address, that make a page one about a person or a wallet."""
LISTED = 60
MOST = 20_000
"""Lines of a file."""
HEADER = ("When", "Who", "What", "About")
"""Its columns."""
NAMESAKES = 20
"""Pupils that a search for a name follows at most."""

Looks = Annotated[Visit, Depends(Sees(Right.STAFF))]

router = APIRouter()


class Footsteps:
    """Notes of what was answered, on their way to the register. One per application."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._steps: list[Step] = []
        self._ended = asyncio.Event()

    def note(self, scope: Scope, status: int) -> None:
        """Note a request that was answered, if it is one to be noted."""
        state, thing = scope.get("state", {}), _thing(scope)
        staff, method = state.get("staff", 0), "GET" if state.get("only_shows") else scope["method"]
        if staff and "route" in scope and (method not in {"GET", "HEAD"} or (thing and status < BAD_REQUEST)):
            act = f"{method} {_route(scope)}{REFUSED if status >= BAD_REQUEST else ''}"
            self._steps.append(Step(self._office.wall_ms(), staff, act, thing))

    async def write(self) -> None:
        """Write what waits."""
        if self._steps:
            steps, self._steps = self._steps, []
            await self._office.trail.write(steps)

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Write once a second while the application runs, and what is left at its end."""
        writing = asyncio.create_task(self._write_on())
        yield
        self._ended.set()
        await writing

    async def _write_on(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), EVERY_S)
            await self.write()


class Noted:
    """Has every answer noted when its first byte goes out."""

    def __init__(self, app: ASGIApp, footsteps: Footsteps) -> None:
        self._app = app
        self._footsteps = footsteps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._footsteps.note(scope, message["status"])
            await send(message)

        await self._app(scope, receive, noted if scope["type"] == "http" else send)


def _route(scope: Scope) -> str:
    """The route's path; where it has the word for what is done with money, that word."""
    route: str = scope["route"].path
    act = str(scope.get("path_params", {}).get("act", ""))
    return route.replace("{act}", act) if _ACT.fullmatch(act) else route


def _thing(scope: Scope) -> str:
    """The ids that the address names, those of people first."""
    named = dict(scope.get("path_params", {}))
    asked = (pair.partition("=") for pair in scope.get("query_string", b"").decode("latin-1").split("&"))
    named |= {name: value for name, _, value in asked if name in ABOUT and value.isdigit() and len(value) < 20 and name not in named}
    return "".join(f"{name}={named[name]};" for name in ABOUT if name in named)


# --- the list -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """`what`: the first word of the route's path; `about`: of whom or what, by name where the reader may know it.

    `refused`: a form that had no effect.
    """

    at_ms: int
    person: str
    looked: bool
    refused: bool
    what: str
    route: str
    about: str
    link: str


@dataclass(frozen=True, slots=True)
class TrailPage:
    """`staff`, `pupil`, `day`: what was searched for, as it was typed. `older`: where the next lines begin, 0 = there are none."""

    people: tuple[Staff, ...]
    staff: str
    pupil: str
    day: str
    lines: tuple[Line, ...]
    older: int
    zone: ZoneInfo
    query: str
    problem: str


@router.get("/trail")
async def trail(visit: Looks, staff: str = "", pupil: str = "", day: str = "", before: int = 0) -> Response:
    """Newest first, by person, pupil and day."""
    people, wanted = await _wanted(visit, staff, pupil, day, before)
    steps = await visit.office.trail.steps(wanted, LISTED + 1) if wanted else ()
    context = await asyncio.to_thread(_page, visit, people, (staff, pupil[:80], day), steps, "" if wanted else "nobody")
    return await page(visit, "trail.html", context)


@router.get("/trail.csv")
async def trail_file(visit: Looks, staff: str = "", pupil: str = "", day: str = "") -> Response:
    """The same as a table."""
    people, wanted = await _wanted(visit, staff, pupil, day, 0)
    steps = await visit.office.trail.steps(wanted, MOST) if wanted else ()
    names, zone = {one.id: one.name for one in people}, _zone(visit)
    lines = (_line(visit, names, step) for step in steps)
    said = ((f"{datetime.fromtimestamp(line.at_ms / 1000, zone):%d/%m/%Y %H:%M:%S}", line) for line in lines)
    rows = ((when, *map(defused, (line.person, f"{line.route}{REFUSED if line.refused else ''}", line.about))) for when, line in said)
    say = words(visit.language).gettext
    return await asyncio.to_thread(csv_file, "trail", [say(each) for each in HEADER], rows)


async def _wanted(visit: Visit, staff: str, pupil: str, day: str, before: int) -> tuple[tuple[Staff, ...], Wanted | None]:
    """Whose steps this visitor may read, and which are asked for; None = nobody is called so."""
    assert visit.person is not None, "signed in"
    everywhere = is_everywhere(visit.person.posts, Right.STAFF)
    people = tuple(one for one in await visit.office.accounts.everyone() if everywhere or any(site in visit.sites for _, site in one.posts))
    chosen = frozenset(one.id for one in people if str(one.id) == staff)
    things = await asyncio.to_thread(tuple, _things(visit, pupil)) if pupil.strip() else ()
    if pupil.strip() and not things:
        return people, None
    from_ms, until_ms = _day(day, _zone(visit))
    whose = chosen or (None if everywhere else frozenset(one.id for one in people))
    return people, Wanted(whose, things, from_ms, until_ms, before or 2**62)


def _things(visit: Visit, typed: str) -> Iterator[str]:
    """What stands in the trail of the pupils of a name: themselves, their families, wallets and badges."""
    school, owners = visit.school, visit.office.desk.books.wallets
    said = fold(typed).split()
    named = (one for one in school.everyone if all(word in fold(f"{one.first_name} {one.last_name}") for word in said))
    for _, one in zip(range(NAMESAKES), filter(visit.knows, named), strict=False):
        yield f"pupil={one.id}"
        yield f"household={one.household}"
        yield from (f"badge={badge.id}" for badge in school.badges_of(one.id))
        places = (place_of(site, one.household, one.id) for site in school.sites.values())
        yield from (f"wallet={owners[place]}" for place in places if place in owners)


def _day(text: str, zone: ZoneInfo) -> tuple[int, int]:
    try:
        begin = datetime.combine(date.fromisoformat(text), time(), zone)
    except ValueError:
        return 0, 2**62
    end = datetime.combine(begin.date() + timedelta(days=1), time(), zone)
    return round(begin.timestamp() * 1000), round(end.timestamp() * 1000)


def _page(visit: Visit, people: tuple[Staff, ...], typed: tuple[str, str, str], steps: tuple[Step, ...], problem: str) -> TrailPage:
    names = {one.id: one.name for one in people}
    shown = steps[:LISTED]
    return TrailPage(
        people=people,
        staff=typed[0],
        pupil=typed[1],
        day=typed[2],
        lines=tuple(_line(visit, names, step) for step in shown),
        older=shown[-1].id if len(steps) > LISTED else 0,
        zone=_zone(visit),
        query=visit.request.url.query,
        problem=problem,
    )


def _zone(visit: Visit) -> ZoneInfo:
    return next((site.zone for site in visit.own_sites()), NOWHERE)


def _line(visit: Visit, names: dict[int, str], step: Step) -> Line:
    method, route = step.act.split(" ")[:2]
    things = dict(pair.split("=", 1) for pair in step.thing.split(";") if "=" in pair)
    about, link = _about(visit, things, names)
    what = next((word for word in route.split("/") if word), "")
    looked, refused = method in {"GET", "HEAD"}, step.act.endswith(REFUSED)
    return Line(step.at_ms, names.get(step.staff, ""), looked, refused, what, step.act.removesuffix(REFUSED), about, link)


def _about(visit: Visit, things: dict[str, str], names: dict[int, str]) -> tuple[str, str]:
    """By name, with its page: of a pupil or household this reader may know of, or a colleague."""
    school: School = visit.school
    number = {kind: int(text) for kind, text in things.items() if text.isdigit()}
    pupil: Pupil | None = school.pupils.get(number.get("pupil", 0))
    if pupil and visit.knows(pupil):
        return f"{pupil.first_name} {pupil.last_name}", f"/pupils/{pupil.id}"
    household = school.households.get(number.get("household", 0))
    if household and any(visit.knows(school.pupils[one]) for one in school.kin.get(household.id, ())):
        return household.name, f"/families/{household.id}"
    if number.get("member", 0) in names:
        return names[number["member"]], f"/staff/{number['member']}"
    kind = next(iter(things), "")
    return (f"{kind} …{things[kind][-4:]}", "") if kind else ("", "")
