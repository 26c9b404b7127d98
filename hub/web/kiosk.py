"""The kiosk: two weeks of menus as pictures, for pupils who may not read yet. Tap, choose, done.

The browser is a kiosk and nothing else (session.begin_kiosk). Whoever tapped last at its reader may choose, for ten seconds after each
touch; it shows no money and nobody else. What this pupil cannot order, or must not eat, is not shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Response
from fastapi.responses import StreamingResponse
from starlette.responses import RedirectResponse

from hub.core import canteen
from hub.core.books import Books
from hub.core.calendar import day_code, day_of, instant_ms
from hub.core.canteen import Wish, day_number
from hub.core.codes import By, Code
from hub.core.facts import Refusal, ScanTaken, derived
from hub.core.kept import Meal
from hub.core.menus import Diet
from hub.core.school import Product, Pupil, School, Site
from hub.web.live import Live
from hub.web.render import page
from hub.web.rights import Right
from hub.web.session import AtKiosk, Does, Form, PostedAtKiosk, Visit, begin_kiosk, still_valid
from proto.messages import Use

STAYS_MS = 10_000
"""So long after the last touch a pupil is signed out."""
DAYS = 14
NOON_MIN = 720
PLATE = "plate"
"""The drawing of what has none."""
ANY_ASK = 1
"""To ask a rule what it would say; nothing comes of it."""

Starts = Annotated[Form, Depends(Does(Right.MEALS))]

router = APIRouter()


@dataclass(slots=True)
class Guest:
    """Who stands at a kiosk, by their tap's ask, until when; and the days they have ordered for meanwhile."""

    tap: int
    until_ms: int
    ordered: set[int] = field(default_factory=set)


class Guests:
    """The one at each kiosk. After a restart of the hub nobody is: tap again."""

    def __init__(self) -> None:
        self._here: dict[str, Guest] = {}

    def at(self, path: str, taps: tuple[ScanTaken, ...], now_ms: int) -> Guest | None:
        """Whoever tapped last, as long as they stay."""
        newest = taps[0] if taps and taps[0].code is Code.SEEN else None
        if newest is None:
            return None
        guest = self._here.get(path)
        if guest is None or guest.tap != newest.ask:
            guest = self._here[path] = Guest(newest.ask, newest.taken_ms + STAYS_MS)
        return guest if now_ms < guest.until_ms else None


@dataclass(frozen=True, slots=True)
class Dish:
    """Something to choose, or that was chosen; `wish` is what its button says."""

    product: Product
    picture: str
    is_chosen: bool
    wish: str


@dataclass(frozen=True, slots=True)
class DayMenu:
    day_ms: int
    is_today: bool
    dishes: tuple[Dish, ...]


@dataclass(frozen=True, slots=True)
class KioskPage:
    """`pupil` None: nobody stands there. `tap` and `until_ms` name the guest's stay. `has_failed`: something came in between."""

    version: str
    path: str
    site: Site
    pupil: Pupil | None
    tap: int
    until_ms: int
    weeks: tuple[tuple[DayMenu, ...], ...]
    has_failed: bool = False


@router.post("/kiosk/{device}/{reader}/start")
async def start(form: Starts, device: str, reader: str) -> Response:
    """From now on this browser is this kiosk; whoever started it is signed out here."""
    if form.visit.reader(device, reader).use is not Use.KIOSK:
        raise HTTPException(404)
    answer = RedirectResponse(_path(device, reader), 303)
    await begin_kiosk(form, answer)
    return answer


@router.get("/kiosk/{device}/{reader}")
async def kiosk(visit: AtKiosk, device: str, reader: str) -> Response:
    """Menus for whoever has tapped; a picture of what to do for nobody."""
    await visit.office.desk.seen()
    return await page(visit, "kiosk.html", _context(visit, device, reader), _block(visit))


@router.get("/kiosk/{device}/{reader}/events")
async def events(visit: AtKiosk, device: str, reader: str, since: str = "") -> Response:
    """Server-sent events of this kiosk: that something has changed, never what."""
    _site(visit, device, reader)
    live: Live = visit.request.app.state.live
    if live.is_full:
        raise HTTPException(503)
    stream = live.events(visit.token_hash, since, lambda: still_valid(visit))
    return StreamingResponse(stream, media_type="text/event-stream", headers={"cache-control": "no-store", "x-accel-buffering": "no"})


@router.post("/kiosk/{device}/{reader}/choose")
async def choose(form: PostedAtKiosk, device: str, reader: str) -> Response:
    """Order a dish, or another one instead; the same once more takes back what was ordered just now."""
    visit, path = form.visit, _path(device, reader)
    site, guest, pupil = _site(visit, device, reader), _guest(visit, device, reader), _pupil(visit, device, reader)
    text, _, product = form.text("wish").partition(":")
    if guest is None or pupil is None or guest.tap != form.number("tap") or day_number(text) is None or not product.isdecimal():
        return RedirectResponse(path, 303)
    guest.until_ms = visit.office.now_ms() + STAYS_MS
    wish = Wish(pupil.id, site.id, date.fromisoformat(text), By.PUPIL, visit.office.now_ms())
    if not await _order(form, guest, wish, int(product)):
        return await page(visit, "kiosk.html", _context(visit, device, reader, has_failed=True), _block(visit), status=409)
    return RedirectResponse(path, 303)


@router.post("/kiosk/{device}/{reader}/done")
async def done(form: PostedAtKiosk, device: str, reader: str) -> Response:
    """Goodbye: the next one."""
    guest = _guest(form.visit, device, reader)
    if guest is not None and guest.tap == form.number("tap"):
        guest.until_ms = 0
    return RedirectResponse(_path(device, reader), 303)


async def _order(form: Form, guest: Guest, wish: Wish, product: int) -> bool:
    """Whether it is as the pupil wants it now. What somebody else ordered is changed here, never taken off."""
    desk, day = form.visit.office.desk, day_code(wish.day)
    ask = derived(form.ask, form.text("wish"))  # one form, many pictures: two of them touched quickly are two choices
    meal = desk.books.meals.get((wish.pupil, wish.site, day))
    if meal is None:
        answer = await desk.do(ask, canteen.order, ask, wish, product)
    elif meal.product != product:
        answer = await desk.do(ask, canteen.change, ask, wish, product)
    elif day in guest.ordered:
        answer = await desk.do(ask, canteen.cancel, ask, wish)
    else:
        return True
    if not answer.refusal and meal is None:
        guest.ordered.add(day)
    return answer.refusal is None


# --- what is shown --------------------------------------------------------------------------------


def two_weeks(school: School, books: Books, site: Site, pupil: Pupil, now_ms: int) -> tuple[tuple[DayMenu, ...], ...]:
    """The present week and the next, Monday to Friday, and a weekend that has a menu."""
    today = day_of(now_ms, site.zone)
    monday = today - timedelta(days=today.weekday())
    days = [monday + timedelta(days=ahead) for ahead in range(DAYS)]
    shown = [day for day in days if day.weekday() < 5 or (site.id, day) in school.menus]
    menus = [
        (day, DayMenu(instant_ms(day, NOON_MIN, site.zone), day == today, tuple(dishes(school, books, site, pupil, day, now_ms))))
        for day in shown
    ]
    return tuple(tuple(menu for day, menu in menus if (day >= monday + timedelta(days=7)) is later) for later in (False, True))


def dishes(school: School, books: Books, site: Site, pupil: Pupil, day: date, now_ms: int) -> Iterator[Dish]:
    """What is ordered, and what this pupil may still order; what they must not eat is left out."""
    menu, meal = school.menus.get((site.id, day)), books.meals.get((pupil.id, site.id, day_code(day)))
    wish, diet = Wish(pupil.id, site.id, day, By.PUPIL, now_ms), school.diets.get(pupil.id, Diet(pupil.id))
    for offer in menu.offers if menu else ():
        product = school.products.get(offer.product)
        if product is None:
            continue
        is_chosen = meal is not None and meal.product == product.id and not meal.late
        if is_chosen or (canteen.fit(diet, product, offer).is_good and _can(school, books, wish, meal, product)):
            yield Dish(product, product.picture or PLATE, is_chosen, f"{day.isoformat()}:{product.id}")


def _can(school: School, books: Books, wish: Wish, meal: Meal | None, product: Product) -> bool:
    rule = canteen.order if meal is None else canteen.change
    return not isinstance(rule(school, books, ANY_ASK, wish, product.id), Refusal)


def _context(visit: Visit, device: str, reader: str, *, has_failed: bool = False) -> KioskPage:
    school, books, now_ms = visit.school, visit.office.desk.books, visit.office.now_ms()
    site, guest, pupil = _site(visit, device, reader), _guest(visit, device, reader), _pupil(visit, device, reader)
    version, path = visit.request.app.state.live.version, _path(device, reader)
    if guest is None or pupil is None:
        return KioskPage(version, path, site, None, 0, 0, ())
    weeks = two_weeks(school, books, site, pupil, now_ms)
    return KioskPage(version, path, site, pupil, guest.tap, guest.until_ms, weeks, has_failed)


def _guest(visit: Visit, device: str, reader: str) -> Guest | None:
    guests: Guests = visit.request.app.state.guests
    return guests.at(_path(device, reader), _taps(visit, device, reader), visit.office.now_ms())


def _pupil(visit: Visit, device: str, reader: str) -> Pupil | None:
    """Whoever tapped last."""
    taps = _taps(visit, device, reader)
    return visit.school.pupils.get(taps[0].pupil) if taps else None


def _taps(visit: Visit, device: str, reader: str) -> tuple[ScanTaken, ...]:
    live: Live = visit.request.app.state.live
    return live.taps_at(device, reader)


def _site(visit: Visit, device: str, reader: str) -> Site:
    """Where the kiosk stands; 404 when its reader is none any more."""
    found = visit.school.readers.get((device, reader))
    if found is None or found.use is not Use.KIOSK or device not in visit.school.devices:
        raise HTTPException(404)
    return visit.school.sites[visit.school.devices[device].site]


def _path(device: str, reader: str) -> str:
    return f"/kiosk/{quote(device, safe='')}/{quote(reader, safe='')}"


def _block(visit: Visit) -> str:
    return "kiosk" if visit.is_fragment else ""
