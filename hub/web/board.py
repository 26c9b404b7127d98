"""Today: who is in and expected, the taps as they arrive, and what staff have to settle. Reasons are for staff; no pupil sees it."""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from heapq import nlargest, nsmallest
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Header, HTTPException, Response
from fastapi.responses import HTMLResponse, StreamingResponse

from hub.core import questions
from hub.core.books import Books
from hub.core.facts import ScanTaken
from hub.core.inside import Missing, Room
from hub.core.kept import Wallet
from hub.core.ledger import wallet_account
from hub.core.lists import fold
from hub.core.school import Programme, Pupil, School, Site
from hub.core.sheets import Stay
from hub.fleet import Condition, Seen, condition_of
from hub.web import asking
from hub.web.asking import NOWHERE, LastAct, Question, last_act
from hub.web.live import Live
from hub.web.render import packed, page
from hub.web.rights import Right, sites_where
from hub.web.session import Sees, SignedIn, Visit, still_valid
from hub.web.turns import in_turns

NAMES = 8
"""Names under a programme on the board, newest first; its own page has them all."""
QUESTIONS = 20
"""Things to settle on the board; more are counted."""
DEBTS = 5
"""Wallets in debt on the board, deepest first."""
REST_S = 5.0
"""An open board reckons at most this often who is expected: it takes some 30 ms at a large school."""
SHARED_S = 1.0
"""How long a block is as good as a fresh one where nothing has happened since: what it says of the time is in minutes."""

Today = Annotated[Visit, Depends(Sees(Right.TODAY))]

router = APIRouter()
_CSRF, _ASK = re.compile(r'name="csrf" value="[^"]*"'), re.compile(r'name="ask_id" value="[^"]*"')


@dataclass(frozen=True, slots=True)
class Tap:
    """One line of the board. `pupil` is None for a badge that is nobody's."""

    scan: ScanTaken
    pupil: Pupil | None
    place: str
    site: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Present:
    """One child who is in, and since when (Unix ms)."""

    pupil: Pupil
    from_ms: int


@dataclass(frozen=True, slots=True)
class Inside:
    """Who is in at one programme: how many, the `NAMES` who came last; and who is expected and has not come."""

    programme: Programme
    count: int
    newest: tuple[Present, ...]
    expected: int
    missing: tuple[Missing, ...]


@dataclass(frozen=True, slots=True)
class Class:
    """How many of a class are in the building, and how many are expected and were seen nowhere."""

    group: str
    count: int
    expected: int


@dataclass(frozen=True, slots=True)
class Place:
    """One site: its programmes and its classes. `count`: children in the building; `in_class`: those of them at no programme."""

    site: Site
    count: int
    in_class: int
    programmes: tuple[Inside, ...]
    classes: tuple[Class, ...]


@dataclass(frozen=True, slots=True)
class Lame:
    """A device that nobody hears. `waiting`: scans in it that the hub has not got, as it said last."""

    name: str
    site: str
    condition: str
    heard_ms: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Debt:
    """A wallet below zero, by the name of who it belongs to."""

    wallet: int
    name: str
    site: str
    cents: int


@dataclass(frozen=True, slots=True)
class BoardPage:
    """`debts` are those of the page as it was opened; they change once a week."""

    version: str
    taps: tuple[Tap, ...]
    places: tuple[Place, ...]
    questions: tuple[Question, ...]
    more_questions: int
    last: LastAct | None
    lame: tuple[Lame, ...]
    debts: tuple[Debt, ...]
    more_debts: int
    sees_devices: bool
    zone: ZoneInfo
    has_pupils: bool
    has_devices: bool


@dataclass(frozen=True, slots=True)
class PresentPage:
    version: str
    programme: Programme
    site: Site
    people: tuple[Present, ...]
    missing: tuple[Missing, ...]


class Shared:
    """The live block of the last change, written once for all boards that show the same. One per hub.

    It depends on nothing of a visitor but the language, the rights, and what they may undo; forms get their own secret and ids.
    """

    def __init__(self) -> None:
        self._written: dict[tuple[object, ...], asyncio.Future[str]] = {}
        self._pen = asyncio.Lock()
        """One block after the other: written at once, all would be there as late as the last."""
        self._places: tuple[tuple[object, ...], asyncio.Future[tuple[Place, ...]] | None] = ((), None)

    async def block(self, visit: Visit) -> str:
        """The block for this visitor."""
        assert visit.person is not None, "signed in"
        answers = sites_where(visit.person.posts, Right.PRESENCE, visit.school, does=True)
        opens = (visit.where(Right.PUPILS), visit.where(Right.PRESENCE), visit.may(Right.DEVICES))
        key = (*_moment(visit), visit.language, visit.sites, answers, opens, last_act(visit))
        if key not in self._written:
            self._written = {known: text for known, text in self._written.items() if known[:2] == key[:2]}
            self._written[key] = asyncio.ensure_future(self._live_block(visit))
        text = await asyncio.shield(self._written[key])  # who goes away leaves it to the others
        csrf = visit.web_session.csrf if visit.web_session else ""
        return _ASK.sub(lambda _: f'name="ask_id" value="{visit.office.new_id()}"', _CSRF.sub(f'name="csrf" value="{csrf}"', text))

    async def _live_block(self, visit: Visit) -> str:
        async with self._pen:
            answer = await page(visit, "board.html", await board_page(visit), block="live")
        return bytes(answer.body).decode()

    async def places(self, visit: Visit) -> tuple[Place, ...]:
        """Who is in, reckoned once for all who look at the same sites."""
        key = (*_moment(visit), visit.sites)
        known, reckoning = self._places
        if reckoning is None or known != key:
            reckoning = asyncio.ensure_future(_places(visit))
            self._places = key, reckoning
        return await asyncio.shield(reckoning)


def _moment(visit: Visit) -> tuple[object, object]:
    """What has happened so far, and roughly when it is."""
    return visit.request.app.state.live.version, asyncio.get_running_loop().time() // SHARED_S


@router.get("/")
async def board(visit: Today) -> Response:
    """The live board, or its live block."""
    await visit.office.desk.seen()
    if visit.is_fragment:
        shared: Shared = visit.request.app.state.shared
        return HTMLResponse(await shared.block(visit), headers={"cache-control": "no-store"})
    return await packed(visit, await page(visit, "board.html", await board_page(visit)))


@router.get("/present/{programme}")
async def present(visit: Today, programme: int) -> Response:
    """Everyone who is in at one programme, by name, and who is expected: to read out, or to print."""
    desk, live = visit.office.desk, visit.request.app.state.live
    await desk.seen()
    found = visit.programme(programme)
    version = live.version
    here = (await in_turns(_stays(desk.books)))[programme]
    people = await asyncio.to_thread(sorted, _people(desk.school, here), key=lambda one: _named(one.pupil))
    rooms = await visit.request.app.state.rolls.of(visit, rest_s=REST_S if visit.is_fragment else 0)
    context = PresentPage(version, found, desk.school.sites[found.site], tuple(people), _missing(desk.books, rooms[found.site], found))
    return await packed(visit, await page(visit, "present.html", context, block="live" if visit.is_fragment else ""))


@router.get("/board/events")
async def events(visit: SignedIn, since: str = "", last_event_id: Annotated[str, Header()] = "") -> Response:
    """Server-sent events: `changed` when the page should fetch its block, `tick` every few seconds, `gone` when signed out."""
    live: Live = visit.request.app.state.live
    if live.is_full:
        raise HTTPException(503)
    stream = live.events(visit.token_hash, last_event_id or since, lambda: still_valid(visit))
    return StreamingResponse(stream, media_type="text/event-stream", headers={"cache-control": "no-store", "x-accel-buffering": "no"})


async def board_page(visit: Visit) -> BoardPage:
    """The board of this moment, of the visit's sites; what belongs to no site is everybody's."""
    school, live, sites = visit.school, visit.request.app.state.live, visit.sites
    version = live.version  # what happens from here on may be missing, and rings again
    places = await (visit.request.app.state.shared.places(visit) if visit.is_fragment else _places(visit))
    asked, more = await in_turns(_questions(visit, live.quiet))
    debts, more_debts = await in_turns(_debts(visit)) if not visit.is_fragment else ((), 0)
    return BoardPage(
        version=version,
        taps=tuple(_tap(school, scan) for scan in live.taps if _site_of(school, scan.device) in sites | {0}),
        places=places,
        questions=asked,
        more_questions=more,
        last=last_act(visit),
        lame=tuple(_lame(visit)),
        debts=debts,
        more_debts=more_debts,
        sees_devices=visit.may(Right.DEVICES),
        zone=next((site.zone for site in school.sites.values()), NOWHERE),
        has_pupils=bool(school.pupils),
        has_devices=bool(school.devices),
    )


def _tap(school: School, scan: ScanTaken) -> Tap:
    device = school.devices.get(scan.device)
    site = school.sites.get(device.site) if device else None
    reader = school.readers.get((scan.device, scan.reader))
    place = reader.name if reader else device.name if device else scan.device
    return Tap(scan, school.pupils.get(scan.pupil), place, site.name if site else "", site.zone if site else NOWHERE)


def _site_of(school: School, device: str) -> int:
    """Where a device stands; 0 for one that is not set up any more."""
    return school.devices[device].site if device in school.devices else 0


# --- what is to settle ----------------------------------------------------------------------------


def _questions(visit: Visit, quiet: dict[int, int]) -> Generator[None, None, tuple[tuple[Question, ...], int]]:
    """Who is still in after the hours, then what is asked, newest first; and how many more there are, which nobody works out."""
    school, books, now_ms = visit.school, visit.office.desk.books, visit.office.now_ms()
    late, shown = [], []
    for found in questions.overdue(school, books, now_ms):
        yield
        if found and found[0].site in visit.sites and quiet.get(found[0].id, 0) <= now_ms:
            late.append(found)
    mine = [fact for fact in books.unresolved.values() if fact.site in visit.sites or fact.site not in school.sites]
    newest = nlargest(QUESTIONS - len(late[:QUESTIONS]), mine, key=lambda fact: fact.at_ms)
    for stay, end_ms in late[:QUESTIONS]:
        yield
        shown.append(asking.overdue(visit, stay, end_ms))
    for fact in newest:
        yield
        shown.append(asking.question(visit, fact))
    return tuple(shown), len(late) + len(mine) - len(shown)


def _lame(visit: Visit) -> Iterator[Lame]:
    """Devices that should be heard and are not, and those that hold scans back."""
    office, school = visit.office, visit.school
    for device in school.devices.values():
        seen = office.fleet.devices.get(device.id) or Seen()
        condition = condition_of(seen, office.now_ms() - office.silent_ms)
        waiting = seen.health.outbox if seen.health else 0
        late = condition in (Condition.SILENT, Condition.LOST) or (waiting and seen.health and seen.health.away)
        if late and device.site in visit.sites and not device.blocked:
            yield Lame(device.name, school.sites[device.site].name, condition.value, seen.heard_ms, waiting)


def _debts(visit: Visit) -> Generator[None, None, tuple[tuple[Debt, ...], int]]:
    """The wallets deepest below zero where the visitor may see money, and how many more are below."""
    books, allowed, below = visit.office.desk.books, visit.where(Right.MONEY) & visit.sites, []
    for wallet, owner in tuple(books.owners.items()) if allowed else ():
        yield
        if owner.site in allowed and (cents := books.balance_cents(wallet_account(wallet))) < 0:
            below.append((cents, wallet))
    deepest = nsmallest(DEBTS, below)
    return tuple(_debt(visit.school, wallet, cents, books.owners[wallet]) for cents, wallet in deepest), len(below) - len(deepest)


def _debt(school: School, wallet: int, cents: int, owner: Wallet) -> Debt:
    pupil, household = school.pupils.get(owner.pupil), school.households.get(owner.household)
    name = household.name if household else f"{pupil.last_name} {pupil.first_name}" if pupil else str(wallet)
    return Debt(wallet, name, school.sites[owner.site].name, cents)


# --- who is in and who is expected ----------------------------------------------------------------


async def _places(visit: Visit) -> tuple[Place, ...]:
    rooms = await visit.request.app.state.rolls.of(visit, rest_s=REST_S if visit.is_fragment else 0)
    stays, found = await in_turns(_stays(visit.office.desk.books)), []
    for site in visit.own_sites():
        found.append(_place(visit.school, visit.office.desk.books, site, stays, rooms.get(site.id, ())))
        await asyncio.sleep(0)  # the taps that came meanwhile go before the next site
    return tuple(found)


def _place(school: School, books: Books, site: Site, stays: defaultdict[int, list[Stay]], roll: tuple[Room, ...]) -> Place:
    """One site; who came to a programme since the roll was reckoned is in, and expected no more."""
    programmes = [programme for programme in school.programmes.values() if programme.site == site.id]
    insides = tuple(_inside(school, books, programme, stays[programme.id], roll) for programme in programmes)
    at_programmes = {stay.pupil for programme in programmes for stay in stays[programme.id]}
    in_class = {one.pupil.id for room in roll for one in room.present if one.pupil.id not in books.inside}
    lost = {one.pupil.id for room in roll for one in room.missing if not one.seen and one.pupil.id not in books.inside}
    pupils = at_programmes | in_class
    return Place(site, len(pupils), len(in_class), insides, tuple(_classes(school, pupils, lost)))


def _classes(school: School, present: Iterable[int], lost: Iterable[int]) -> Iterator[Class]:
    here, expected = (Counter(school.pupils[pupil].group for pupil in those if pupil in school.pupils) for those in (present, lost))
    yield from (Class(group, here[group], expected[group]) for group in sorted({*here, *expected}, key=fold))


def _inside(school: School, books: Books, programme: Programme, here: list[Stay], roll: tuple[Room, ...]) -> Inside:
    newest = nlargest(NAMES, here, key=lambda stay: stay.from_ms)
    missing = _missing(books, roll, programme)
    return Inside(programme, len(here), tuple(_people(school, newest)), len(missing), missing[:NAMES])


def _missing(books: Books, roll: tuple[Room, ...], programme: Programme) -> tuple[Missing, ...]:
    """Who is expected in the room of a programme and has not come, by name."""
    name = programme.room or programme.name
    lost = (one for room in roll if room.name == name for one in room.missing)
    return tuple(one for one in lost if programme.id not in books.inside.get(one.pupil.id, {}))


def _stays(books: Books) -> Generator[None, None, defaultdict[int, list[Stay]]]:
    found: defaultdict[int, list[Stay]] = defaultdict(list)
    for stays in tuple(books.inside.values()):
        yield
        for stay in stays.values():
            found[stay.programme].append(stay)
    return found


def _people(school: School, stays: Iterable[Stay]) -> Iterable[Present]:
    """Those of them who are in the register: an erased pupil has no name to show, but is still counted."""
    return (Present(school.pupils[stay.pupil], stay.from_ms) for stay in stays if stay.pupil in school.pupils)


def _named(pupil: Pupil) -> tuple[str, str]:
    return fold(pupil.last_name), fold(pupil.first_name)
