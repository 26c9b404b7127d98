"""Today: the taps as they arrive, who is in, and what staff have to settle. Reasons are for staff; no pupil sees this page."""

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from heapq import nlargest
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Header, HTTPException, Response
from fastapi.responses import StreamingResponse

from hub.core.books import Books
from hub.core.facts import ScanTaken, Unresolved
from hub.core.school import Programme, Pupil, School, Site
from hub.core.sheets import Stay
from hub.web.live import Live
from hub.web.render import page
from hub.web.rights import Right
from hub.web.session import Sees, SignedIn, Visit, still_valid

NAMES = 8
"""Names under a programme on the board, newest first; its own page has them all."""
QUESTIONS = 20
"""Things to settle on the board; more are counted."""
NOWHERE = ZoneInfo("Europe/Brussels")
"""The zone of what belongs to no known site."""

Today = Annotated[Visit, Depends(Sees(Right.TODAY))]

router = APIRouter()


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
    """Who is in at one programme: how many, and the `NAMES` who came last."""

    programme: Programme
    count: int
    newest: tuple[Present, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """One site with its programmes."""

    site: Site
    programmes: tuple[Inside, ...]

    @property
    def count(self) -> int:
        return sum(inside.count for inside in self.programmes)


@dataclass(frozen=True, slots=True)
class Question:
    """One thing a person has to settle."""

    fact: Unresolved
    pupil: Pupil | None
    site: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class BoardPage:
    version: str
    taps: tuple[Tap, ...]
    places: tuple[Place, ...]
    questions: tuple[Question, ...]
    more_questions: int
    zone: ZoneInfo
    has_pupils: bool
    has_devices: bool


@dataclass(frozen=True, slots=True)
class PresentPage:
    version: str
    programme: Programme
    site: Site
    people: tuple[Present, ...]


@router.get("/")
async def board(visit: Today) -> Response:
    """The live board, or its live block."""
    desk, live = visit.office.desk, visit.request.app.state.live
    await desk.seen()
    context = board_page(desk.school, desk.books, live.taps, live.version, visit.sites)
    return await page(visit, "board.html", context, block="live" if visit.is_fragment else "")


@router.get("/present/{programme}")
async def present(visit: Today, programme: int) -> Response:
    """Everyone who is in at one programme, by name: to read out, or to print."""
    desk, live = visit.office.desk, visit.request.app.state.live
    await desk.seen()
    found = visit.programme(programme)
    people = sorted(_people(desk.school, _stays(desk.books)[programme]), key=lambda one: (one.pupil.last_name, one.pupil.first_name))
    context = PresentPage(live.version, found, desk.school.sites[found.site], tuple(people))
    return await page(visit, "present.html", context, block="live" if visit.is_fragment else "")


@router.get("/board/events")
async def events(visit: SignedIn, since: str = "", last_event_id: Annotated[str, Header()] = "") -> Response:
    """Server-sent events: `changed` when the page should fetch its block, `tick` every few seconds, `gone` when signed out."""
    live: Live = visit.request.app.state.live
    if live.is_full:
        raise HTTPException(503)
    stream = live.events(visit.token_hash, last_event_id or since, lambda: still_valid(visit))
    return StreamingResponse(stream, media_type="text/event-stream", headers={"cache-control": "no-store", "x-accel-buffering": "no"})


def board_page(school: School, books: Books, taps: Iterable[ScanTaken], version: str, sites: AbstractSet[int]) -> BoardPage:
    """The board of this moment, of these sites; what belongs to no site is everybody's."""
    open_questions = [fact for fact in books.unresolved.values() if fact.site in sites or fact.site not in school.sites]
    newest = nlargest(QUESTIONS, open_questions, key=lambda fact: fact.at_ms)
    return BoardPage(
        version=version,
        taps=tuple(_tap(school, scan) for scan in taps if _site_of(school, scan.device) in sites | {0}),
        places=_places(school, books, sites),
        questions=tuple(_question(school, fact) for fact in newest),
        more_questions=len(open_questions) - len(newest),
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


def _question(school: School, fact: Unresolved) -> Question:
    site = school.sites.get(fact.site)
    return Question(fact, school.pupils.get(fact.pupil), site.name if site else "", site.zone if site else NOWHERE)


def _places(school: School, books: Books, sites: AbstractSet[int]) -> tuple[Place, ...]:
    stays = _stays(books)
    found: dict[int, list[Inside]] = {site: [] for site in school.sites if site in sites}
    for programme in school.programmes.values():
        if programme.site not in found:
            continue
        here = stays[programme.id]
        newest = nlargest(NAMES, here, key=lambda stay: stay.from_ms)
        found[programme.site].append(Inside(programme, len(here), tuple(_people(school, newest))))
    return tuple(Place(school.sites[site], tuple(programmes)) for site, programmes in found.items())


def _stays(books: Books) -> defaultdict[int, list[Stay]]:
    found: defaultdict[int, list[Stay]] = defaultdict(list)
    for stays in books.inside.values():
        for stay in stays.values():
            found[stay.programme].append(stay)
    return found


def _people(school: School, stays: Iterable[Stay]) -> Iterable[Present]:
    """Those of them who are in the register: an erased pupil has no name to show, but is still counted."""
    return (Present(school.pupils[stay.pupil], stay.from_ms) for stay in stays if stay.pupil in school.pupils)
