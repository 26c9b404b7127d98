"""Who saw and did what: every form, and every page about a person or a wallet, noted without delaying the answer; and the list of it.

A form that only shows what it would do is a look like any other (`Visit.only_shows`).

Notes wait in memory and are written once a second in one transaction: at a crash at most the last second of them is lost.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.core.codes import Compartment
from hub.core.lists import fold
from hub.core.payers import payers
from hub.core.school import Device, Product, Programme, School, Site
from hub.core.trail import Step, Wanted
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
LOOKS = frozenset({"GET", "HEAD"})
_ACT = re.compile("[a-z-]{1,20}")
ABOUT = ("pupil", "household", "adult", "wallet", "badge", "charge", "member")
"""Parameters of a path, or of a question in an address, that make a page one about a person or a wallet."""
OF_SCHOOL = ("device", "programme", "product", "priced", "site")
"""Those that say with a form which thing of the school it is about."""
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
        staff, method, thing = scope.get("state", {}).get("staff", 0), _method(scope), _thing(scope)
        if staff and "route" in scope and (method not in LOOKS or (thing and status < BAD_REQUEST)):
            refused = status >= BAD_REQUEST or scope["state"].get("put_off")  # something was asked for first: nothing was done
            act = f"{method} {_route(scope)}{REFUSED if refused else ''}"
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


def _method(scope: Scope) -> str:
    return "GET" if scope.get("state", {}).get("only_shows") else str(scope["method"])


def _route(scope: Scope) -> str:
    """The route's path; where it has the word for what is done with money, that word."""
    route: str = scope["route"].path
    act = str(scope.get("path_params", {}).get("act", ""))
    return route.replace("{act}", act) if _ACT.fullmatch(act) else route


def _thing(scope: Scope) -> str:
    """The ids that the address names, those of people first; of other things only for a form."""
    kinds = ABOUT if _method(scope) in LOOKS else (*ABOUT, *OF_SCHOOL)
    named = dict(scope.get("path_params", {}))
    asked = (pair.partition("=") for pair in scope.get("query_string", b"").decode("latin-1").split("&"))
    named |= {name: value for name, _, value in asked if name in ABOUT and value.isdigit() and len(value) < 20 and name not in named}
    return "".join(f"{kind}={named[kind]};" for kind in kinds if kind in named)


# --- the list -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """`what`: seen, done or tried, and which page or button; `about`: of whom or what, by name where the reader may know it."""

    at_ms: int
    person: str
    what: str
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
    found = [await visit.office.trail.steps(wanted, MOST) if wanted else ()]
    return await asyncio.to_thread(_file, visit, people, found)


def _file(visit: Visit, people: tuple[Staff, ...], found: list[tuple[Step, ...]]) -> Response:
    """For a thread, which takes the steps out of `found`, so that it is the one to let go of them: that takes a millisecond."""
    zone, say = _zone(visit), words(visit.language).gettext
    said = ((f"{datetime.fromtimestamp(line.at_ms / 1000, zone):%d/%m/%Y %H:%M:%S}", line) for line in _lines(visit, people, found.pop()))
    rows = ((when, *map(defused, (line.person, line.what, line.about))) for when, line in said)
    return csv_file("trail", [say(each) for each in HEADER], rows)


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
    """What stands in the trail of the pupils of a name: themselves, who pays for them, the wallets that it is paid from, their badges."""
    school, wallets = visit.school, visit.office.desk.books.wallets
    said = fold(typed).split()
    named = (one for one in school.everyone if all(word in fold(f"{one.first_name} {one.last_name}") for word in said))
    for _, one in zip(range(NAMESAKES), filter(visit.knows, named), strict=False):
        ids, homes = school.ids_of(one.id), payers(school, one)
        yield from (f"pupil={each}" for each in ids)
        yield from (f"household={home}" for home in homes)
        yield from (f"badge={badge.id}" for each in ids for badge in school.badges_of(each))
        places = [(home, Compartment.WHOLE) for home in homes]
        places += [(each, own) for each in ids for own in (Compartment.GENERAL, Compartment.RESERVE)]
        found = (wallets.get((site, *place)) for site in school.sites for place in places)
        yield from (f"wallet={wallet}" for wallet in found if wallet)


def _day(text: str, zone: ZoneInfo) -> tuple[int, int]:
    try:
        begin = datetime.combine(date.fromisoformat(text), time(), zone)
    except ValueError:
        return 0, 2**62
    end = datetime.combine(begin.date() + timedelta(days=1), time(), zone)
    return round(begin.timestamp() * 1000), round(end.timestamp() * 1000)


def _page(visit: Visit, people: tuple[Staff, ...], typed: tuple[str, str, str], steps: tuple[Step, ...], problem: str) -> TrailPage:
    shown = steps[:LISTED]
    return TrailPage(
        people=people,
        staff=typed[0],
        pupil=typed[1],
        day=typed[2],
        lines=tuple(_lines(visit, people, shown)),
        older=shown[-1].id if len(steps) > LISTED else 0,
        zone=_zone(visit),
        query=visit.request.url.query,
        problem=problem,
    )


def _zone(visit: Visit) -> ZoneInfo:
    return next((site.zone for site in visit.own_sites()), NOWHERE)


def _lines(visit: Visit, people: Iterable[Staff], steps: Iterable[Step]) -> Iterator[Line]:
    """Steps in the reader's words. For a thread: they may be twenty thousand."""
    say, names = words(visit.language).gettext, {one.id: one.name for one in people}
    holders = {badge.id: badge.pupil for states in visit.school.badges.values() for badge in states}
    for step in steps:
        things = dict(pair.split("=", 1) for pair in step.thing.split(";") if "=" in pair)
        about, link = _about(visit, things, names, holders)
        yield Line(step.at_ms, names.get(step.staff, ""), _what(step.act, say), about, link)


def _what(act: str, say: Callable[[str], str]) -> str:
    """A step as the page or the button is called; what an older version of ours called otherwise, as it was written."""
    asked = act.removesuffix(REFUSED)
    method, _, path = asked.partition(" ")
    verb = SAW if method in LOOKS else TRIED if asked != act else DID
    called = STEPS.get(asked) or STEPS.get(path)
    return f"{say(verb)} · {say(called) if called else asked}"


def _about(visit: Visit, things: Mapping[str, str], names: Mapping[int, str], holders: Mapping[int, int]) -> tuple[str, str]:
    """By name, with its page: a pupil or household this reader may know of, or a colleague; else what of the school it was.

    Of whom a badge (`holders`) or a wallet is, is looked up as it is now.
    """
    school, number = visit.school, {kind: int(text) for kind, text in things.items() if text.isdigit()}
    wallet = visit.office.desk.books.owners.get(number.get("wallet", 0))
    whose = number.get("pupil") or holders.get(number.get("badge", 0)) or (wallet.pupil if wallet else 0)
    pupil = school.pupils.get(whose)
    if pupil and visit.knows(pupil):
        return f"{pupil.first_name} {pupil.last_name}", f"/pupils/{pupil.id}"
    household = school.households.get(number.get("household") or (wallet.household if wallet else 0))
    if household and any(visit.knows(school.pupils[one]) for one in school.kin.get(household.id, ())):
        return household.name, f"/families/{household.id}"
    if number.get("member", 0) in names:
        return names[number["member"]], f"/staff/{number['member']}"
    thing = _of_school(school, things, number)
    if thing and (thing.id if isinstance(thing, Site) else thing.site) in visit.sites:
        return thing.name, ""
    kind = next(iter(things), "")
    return (f"…{things[kind][-4:]}", "") if kind else ("", "")


def _of_school(school: School, things: Mapping[str, str], number: Mapping[str, int]) -> Device | Programme | Product | Site | None:
    """The device, service, product or site that a form was about, the narrowest first."""
    item = number.get("programme") or number.get("product") or number.get("priced") or 0
    found = school.devices.get(things.get("device", "")) or school.programmes.get(item) or school.products.get(item)
    return found or school.sites.get(number.get("site", 0))


# --- what each step is called: as the page that was seen, or the button that was pressed --------------


def word(text: str) -> str:
    """Marks a text for the catalogues; it is said in a language when it is shown."""
    return text


SAW, DID, TRIED = word("saw"), word("did"), word("tried, and was refused")

STEPS: Mapping[str, str] = {
    "/account/everywhere": word("Sign out everywhere"),
    "/account/language": word("Language of my pages"),
    "/account/new-pin": word("PIN for shared devices"),
    "/account/password": word("Change the password"),
    "/account/pin": word("Your PIN"),
    "/account/second": word("Two-step sign-in"),
    "/account/second/codes": word("Make ten new codes"),
    "/account/second/end": word("Switch off two-step sign-in"),
    "/account/second/new": word("Set up two-step sign-in"),
    "/account/second/recovery": word("Recovery code"),
    "/badges/find": word("Whose badge is this?"),
    "/badges/give": word("Give a badge"),
    "/badges/print": word("Print cards"),
    "/badges/sheet.pdf": word("Make and print the cards (PDF)"),
    "/badges/{badge}": word("Badge"),
    "POST /badges/{badge}": word("Block a badge, or report it lost"),
    "/billing/{site}": word("Billing"),
    "/calendar": word("Change days"),
    "/calendar/official/take": word("Official holidays"),
    "/canteen/{site}/copy": word("Copy last week’s menus to the empty days"),
    "/canteen/{site}/{on}/menu": word("Menu"),
    "/canteen/{site}/{on}/orders": word("Orders"),
    "/devices/new": word("Add a device"),
    "/devices/{device}": word("Name and place"),
    "/devices/{device}/block": word("Block this device"),
    "/devices/{device}/locate": word("Make it blink"),
    "/devices/{device}/readers": word("Add a reader"),
    "/devices/{device}/readers/{reader}": word("Readers"),
    "/devices/{device}/renew": word("Give it a new password"),
    "/devices/{device}/restart": word("Restart it"),
    "/devices/{device}/try": word("Try it"),
    "/diets/{site}": word("Diets and allergies"),
    "/families/new": word("Add a household"),
    "/families/{household}": word("Family"),
    "/families/{household}/adult": word("Parents and other adults"),
    "/families/{household}/edit": word("Change name and address"),
    "/families/{household}/files": word("Add a family file"),
    "/families/{household}/files/end": word("End a family file"),
    "/families/{household}/files/{file}": word("Family file"),
    "/families/{household}/merge": word("Entered twice?"),
    "/first/{token}": word("First account"),
    "/imports": word("Check the list"),
    "/imports/{upload}": word("Import a list"),
    "/invite/{token}": word("New password"),
    "/kiosk/{device}/{reader}/start": word("Kiosk"),
    "/language": word("Language"),
    "/overdue/{stay}": word("Still here after closing time"),
    "/presence/day/{pupil}/{day}": word("Arrivals and departures"),
    "POST /presence/day/{pupil}/{day}": word("Correct the day"),
    "/presence/day/{pupil}/{day}/note": word("Erase the note"),
    "/presence/mornings/{pupil}/{day}": word("Late arrivals and absences"),
    "/presence/mornings/{pupil}/{day}/note": word("Erase the note"),
    "/presence/verify/{programme}": word("To verify before billing"),
    "/products/new": word("Add a meal or an item"),
    "/products/{product}": word("Meals and items"),
    "/promotion": word("Change of school year"),
    "/pupils/new": word("Add a pupil"),
    "/pupils/{pupil}": word("The pupil’s page"),
    "/pupils/{pupil}/diet": word("Diet and allergies"),
    "/pupils/{pupil}/edit": word("Change the details"),
    "/pupils/{pupil}/leave": word("Leaves the school"),
    "/pupils/{pupil}/merge": word("Entered twice?"),
    "/pupils/{pupil}/note": word("What staff should know"),
    "/pupils/{pupil}/papers": word("Photo, pick-ups, diet, note"),
    "/pupils/{pupil}/charged": word("Who was charged?"),
    "/pupils/{pupil}/payers": word("Who pays?"),
    "/pupils/{pupil}/payers/{turn}/end": word("End a line of who pays"),
    "/pupils/{pupil}/photo": word("Photo"),
    "/pupils/{pupil}/pickups": word("May collect the child"),
    "/pupils/{pupil}/pickups/{pickup}/end": word("May no longer collect the child"),
    "/pupils/{pupil}/why/{charge}": word("Why this price?"),
    "/questions/{item}": word("To sort out"),
    "/roster/{programme}": word("Type in the register"),
    "/setup/badge": word("The first badge"),
    "/setup/device": word("Add the device"),
    "/setup/devices/{device}": word("Show its settings and password"),
    "/setup/service": word("Add the service"),
    "/setup/site": word("Add the site"),
    "/sign-in": word("Sign in"),
    "/sign-out": word("Sign out"),
    "/sites/absences": word("Reasons for absence"),
    "/sites/{site}": word("Site"),
    "/sites/{site}/class-hours": word("Class hours"),
    "/sites/{site}/class-hours/end": word("End class hours"),
    "/sites/{site}/ordering": word("How meals are ordered"),
    "/sites/{site}/programmes/{programme}": word("Service"),
    "/staff/new": word("Invite somebody"),
    "/staff/{member}": word("Account"),
    "POST /staff/{member}": word("What they may do"),
    "/staff/{member}/end": word("No longer works here: end the account"),
    "/staff/{member}/invite": word("New invitation"),
    "/staff/{member}/second": word("Phone lost: switch off two-step sign-in"),
    "/statements/all/{site}": word("Make one PDF of them all"),
    "/statements/{household}": word("Statement of the family"),
    "/statements/{household}/statement.pdf": word("Statement of the family (PDF)"),
    "/tariffs/groups": word("Daily maximum"),
    "/tariffs/{priced}": word("New prices"),
    "/tariffs/{priced}/try/month": word("Try for this month"),
    "/tariffs/{priced}/withdraw": word("Withdraw new prices"),
    "/till/{device}/{reader}": word("Till"),
    "/till/{device}/{reader}/cash": word("Cash for the wallet"),
    "/till/{device}/{reader}/desk": word("Till sessions"),
    "/till/{device}/{reader}/hand-out": word("Meal handed out"),
    "/till/{device}/{reader}/next": word("Next, without a sale"),
    "/till/{device}/{reader}/photo/{pupil}": word("Photo"),
    "/till/{device}/{reader}/queue": word("Who is waiting"),
    "/till/{device}/{reader}/receipt/{act}": word("Receipt"),
    "POST /till/{device}/{reader}/receipt/{act}": word("Cancel a sale or a top-up"),
    "/till/{device}/{reader}/sell": word("Sale"),
    "/trail": word("Activity log"),
    "/trail.csv": word("Activity log"),
    "/undo": word("Undo"),
    "/wallets/{wallet}": word("Wallet"),
    "/wallets/{wallet}/hold": word("Set an amount aside"),
    "/wallets/{wallet}/note": word("Erase the note"),
    "/wallets/{wallet}/payout": word("Pay out the balance (leaver)"),
    "/wallets/{wallet}/refund": word("Refund"),
    "/wallets/{wallet}/release": word("Release an amount early"),
    "/wallets/{wallet}/take-back": word("Cancel a charge"),
    "/wallets/{wallet}/top-up": word("Record money received"),
    "/wallets/{wallet}/transfer": word("Transfer to the other wallet"),
}
"""By the path of a route, or (where the form is another thing than the page) by its method and path."""
