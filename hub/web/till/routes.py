"""The till's routes: what a cashier asks for and does. Who acts is whoever is signed in; the money goes through the desk."""

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Response
from starlette.responses import RedirectResponse

from hub.core import canteen
from hub.core import till as rules
from hub.core.calendar import day_of
from hub.core.canteen import Wish
from hub.core.codes import By, Reason
from hub.core.facts import CashCounted, CashPaidIn, ScanTaken
from hub.core.kept import TillAct
from hub.core.money import read_cents
from hub.core.school import Pupil
from hub.core.till import Cashier
from hub.web.render import page
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit
from hub.web.till.shown import (
    Chosen,
    Place,
    ReceiptPage,
    Spot,
    TillPage,
    TillsPage,
    acts_of,
    address,
    discreet,
    done_of,
    find_page,
    place_of,
    read_goods,
    receipt_page,
    till_page,
)
from proto.messages import Use

PASSED_KEPT = 500

Looks = Annotated[Visit, Depends(Sees(Right.TILL))]
Sells = Annotated[Form, Depends(Does(Right.TILL))]

router = APIRouter()


class Passed:
    """Taps that a cashier let go without a sale, the last ones. After a restart those of the last minutes stand in the queue again."""

    def __init__(self) -> None:
        self._asks: dict[int, None] = {}

    @property
    def asks(self) -> AbstractSet[int]:
        return self._asks.keys()

    def add(self, ask: int) -> None:
        """Whoever made this tap waits no longer."""
        self._asks[ask] = None
        if len(self._asks) > PASSED_KEPT:
            del self._asks[next(iter(self._asks))]


# --- what is shown --------------------------------------------------------------------------------


@router.get("/till")
async def tills(visit: Looks) -> Response:
    """The tills and kiosks of one's sites."""
    school, books = visit.school, visit.office.desk.books
    found = [(school.devices[device], reader) for (device, _), reader in school.readers.items() if device in school.devices]
    own = [
        (device, reader) for device, reader in sorted(found, key=lambda each: (each[0].name, each[1].name)) if device.site in visit.sites
    ]
    at_tills = [place_of(school, device, reader) for device, reader in own if reader.use is Use.TILL]
    spots = tuple(Spot(place, place.device.id in books.cash_sessions) for place in at_tills)
    kiosks = tuple(place_of(school, device, reader) for device, reader in own if reader.use is Use.KIOSK)
    return await page(visit, "tills.html", TillsPage(spots, kiosks, bool(school.devices)))


@router.get("/till/{device}/{reader}")
async def till(
    visit: Looks, device: str, reader: str, tap: int = 0, pupil: int = 0, goods: Annotated[tuple[str, ...], Query()] = ()
) -> Response:
    """The till: who is served, what was keyed in, who waits."""
    return await _shown(visit, till_of(visit, device, reader), Chosen(tap, pupil, read_goods(goods)))


@router.get("/till/{device}/{reader}/queue")
async def queue(visit: Looks, device: str, reader: str, tap: int = 0, pupil: int = 0) -> Response:
    """Who waits meanwhile: a block of the page, fetched while somebody is served."""
    place = till_of(visit, device, reader)
    return await page(visit, "till.html", await _context(visit, place, Chosen(tap, pupil)), block="queue")


@router.get("/till/{device}/{reader}/photo/{pupil}")
async def photo(visit: Looks, device: str, reader: str, pupil: int) -> Response:
    """A pupil's photo, or a face like any other. Nobody's cache keeps it."""
    till_of(visit, device, reader)
    content = await visit.office.papers.photo(visit.pupil(pupil).id)
    files = visit.request.app.state.pages.files
    kept = {"cache-control": "no-store"}
    return (
        Response(content, media_type="image/webp", headers=kept)
        if content
        else Response(files["face.svg"].content, media_type="image/svg+xml", headers=kept)
    )


@router.get("/till/{device}/{reader}/find")
async def find(visit: Looks, device: str, reader: str, q: str = "") -> Response:
    """A pupil without a badge: by name, or by the face; who is expected to eat today first."""
    place, question = till_of(visit, device, reader), " ".join(q.split())[:80]
    today = day_of(visit.office.now_ms(), place.site.zone)
    known = (pupil for pupil in visit.school.everyone if pupil.is_here(today) and visit.knows(pupil))
    context = await asyncio.to_thread(find_page, visit.office.desk.books, place, known, question, today)
    return await page(visit, "find.html", context, block="found" if visit.is_fragment else "")


@router.get("/till/{device}/{reader}/receipt/{act}")
async def receipt(
    visit: Looks, device: str, reader: str, act: int, tap: int = 0, pupil: int = 0, goods: Annotated[tuple[str, ...], Query()] = ()
) -> Response:
    """One sale or top-up: to print, or to take back. The address keeps what was keyed in: the way back leads on with it."""
    await visit.office.desk.seen()
    place, chosen = till_of(visit, device, reader), Chosen(tap, pupil, read_goods(goods))
    return await page(visit, "receipt.html", await _receipt(visit, place, act, chosen))


# --- what is done ---------------------------------------------------------------------------------


@router.post("/till/{device}/{reader}/sell")
async def sell(form: Sells, device: str, reader: str) -> Response:
    """Sell what was keyed in, whole or not at all."""
    place, chosen = till_of(form.visit, device, reader), _chosen(form)
    pupil = _pupil(form.visit, place, chosen)
    cashier = _cashier(form.visit, place)
    answer = await form.visit.office.desk.do(form.ask, rules.sell, form.ask, cashier, pupil.id, chosen.goods, form.number("total_cents"))
    if answer.refusal:
        return await _shown(form.visit, place, chosen, problem=answer.refusal)
    return RedirectResponse(place.path, 303)


@router.post("/till/{device}/{reader}/next")
async def pass_on(form: Sells, device: str, reader: str) -> Response:
    """Nothing is sold to who stands there: the next one, please."""
    place = till_of(form.visit, device, reader)
    form.visit.request.app.state.passed.add(form.number("tap"))
    return RedirectResponse(place.path, 303)


@router.post("/till/{device}/{reader}/hand-out")
async def hand_out(form: Sells, device: str, reader: str) -> Response:
    """The badge was forgotten: hand out what was ordered, or the meal of this till."""
    place, chosen, visit = till_of(form.visit, device, reader), _chosen(form), form.visit
    pupil, now_ms = _pupil(visit, place, chosen), visit.office.now_ms()
    wish = Wish(pupil.id, place.site.id, day_of(now_ms, place.site.zone), By.STAFF, now_ms, _who(visit))
    answer = await visit.office.desk.do(form.ask, canteen.collect, form.ask, wish, visit.product(form.number("product")).id)
    if answer.refusal:
        return await _shown(visit, place, chosen, problem=answer.refusal)
    return RedirectResponse(address(place, chosen), 303)


@router.post("/till/{device}/{reader}/cash")
async def cash(form: Sells, device: str, reader: str) -> Response:
    """Cash for the wallet that pays for this pupil, with its receipt."""
    place, chosen, visit = till_of(form.visit, device, reader), _chosen(form), form.visit
    pupil, typed = _pupil(visit, place, chosen), form.text("amount")
    cents = read_cents(typed) or 0
    answer = await visit.office.desk.do(form.ask, rules.pay_in, form.ask, _cashier(visit, place), pupil.id, cents)
    if answer.refusal:
        return await _shown(visit, place, chosen, problem=answer.refusal, typed=typed)
    act = next((fact.act for fact in answer.facts if isinstance(fact, CashPaidIn)), 0)
    if not act:
        raise HTTPException(409)  # the id of another form that was sent before: nothing was taken
    return RedirectResponse(f"{place.path}/receipt/{act}?{urlencode(chosen.fields())}", 303)


@router.post("/till/{device}/{reader}/desk")
async def count(form: Sells, device: str, reader: str) -> Response:
    """Open the cash desk with a count, or close it with one and say what is missing or too much."""
    place, visit, typed = till_of(form.visit, device, reader), form.visit, form.text("counted")
    rule = rules.close_desk if form.text("act") == "close" else rules.open_desk
    cents = read_cents(typed)
    answer = await visit.office.desk.do(form.ask, rule, form.ask, _cashier(visit, place), -1 if cents is None else cents)
    if answer.refusal:
        return await _shown(visit, place, Chosen(), problem=answer.refusal, typed=typed)
    counted = next((fact for fact in answer.facts if isinstance(fact, CashCounted) and fact.closing), None)
    return await _shown(visit, place, Chosen(), counted=counted) if counted else RedirectResponse(place.path, 303)


@router.post("/till/{device}/{reader}/receipt/{act}")
async def take_back(form: Sells, device: str, reader: str, act: int) -> Response:
    """Undo one's own act at once, or void one for a reason; above the site's limit somebody else has to."""
    place, visit, reason = till_of(form.visit, device, reader), form.visit, form.text("reason")
    _act(visit, place, act)
    desk, cashier = visit.office.desk, _cashier(visit, place)
    if form.text("act") == "undo":
        answer = await desk.do(form.ask, rules.undo, form.ask, cashier, act)
    else:
        answer = await desk.do(form.ask, rules.void, form.ask, cashier, act, Reason(reason) if reason in set(Reason) else Reason.NONE)
    at_till = form.text("to") == "till"
    if answer.refusal and at_till:
        return await _shown(visit, place, Chosen(), problem=answer.refusal)
    if answer.refusal:
        context = replace(await _receipt(visit, place, act, Chosen()), problem=answer.refusal)
        return await page(visit, "receipt.html", context, status=409)
    return RedirectResponse(place.path if at_till else f"{place.path}/receipt/{act}", 303)


# --- from the address and the form ----------------------------------------------------------------


def till_of(visit: Visit, device: str, reader: str) -> Place:
    """A till of one's sites; 404 for anything else."""
    found = visit.reader(device, reader)
    if found.use is not Use.TILL:
        raise HTTPException(404)
    return place_of(visit.school, visit.school.devices[device], found)


def _chosen(form: Form) -> Chosen:
    return Chosen(form.number("tap"), form.number("pupil"), read_goods(form.fields.get("goods", ())))


def _cashier(visit: Visit, place: Place) -> Cashier:
    return Cashier(place.device.id, _who(visit), visit.office.now_ms())


def _who(visit: Visit) -> int:
    assert visit.person is not None, "staff are signed in"
    return visit.person.id


def _taps(visit: Visit, place: Place) -> Sequence[ScanTaken]:
    found: Sequence[ScanTaken] = visit.request.app.state.live.taps_at(place.device.id, place.reader.id)
    return found


def _pupil(visit: Visit, place: Place, chosen: Chosen) -> Pupil:
    """Whoever tapped here, of whichever site; by name only those of one's own."""
    tap = next((tap for tap in _taps(visit, place) if tap.ask == chosen.tap), None)
    if tap is not None and tap.pupil in visit.school.pupils:
        return visit.school.pupils[tap.pupil]
    return visit.pupil(chosen.pupil)


async def _shown(visit: Visit, place: Place, chosen: Chosen, **more: Any) -> Response:
    await visit.office.desk.seen()
    context = replace(await _context(visit, place, chosen), **more)
    return await page(visit, "till.html", context, block="till" if visit.is_fragment else "", status=409 if more.get("problem") else 200)


async def _context(visit: Visit, place: Place, chosen: Chosen) -> TillPage:
    """Whoever is named in the address and was never here, or is of another site, is not found."""
    taps, passed = _taps(visit, place), visit.request.app.state.passed.asks
    if chosen.is_held and not any(tap.ask == chosen.tap for tap in taps):
        _pupil(visit, place, chosen)
    school, books, now_ms = visit.school, visit.office.desk.books, visit.office.now_ms()
    context = till_page(school, books, place, taps, chosen, now_ms, passed)
    if not visit.sees_sensitive:
        context = discreet(context)
    who = _who(visit)
    acts = tuple(done_of(school, books, number, act, who, now_ms) for number, act in acts_of(books, place, context.desk))
    return replace(context, version=visit.request.app.state.live.version, acts=acts, sees_money=place.site.id in visit.where(Right.MONEY))


def _act(visit: Visit, place: Place, number: int) -> TillAct:
    """A sale or top-up of this site; 404 for another."""
    act = visit.office.desk.books.till.get(number)
    if act is None or act.site != place.site.id:
        raise HTTPException(404)
    return act


async def _receipt(visit: Visit, place: Place, number: int, chosen: Chosen) -> ReceiptPage:
    school, books, act = visit.school, visit.office.desk.books, _act(visit, place, number)
    await visit.office.caught_up()
    sold = [await visit.office.past.charge(charge) for charge in act.charges]
    quantities = {told.charged.charge: told.charged.why.units for told in sold if told}
    done = done_of(school, books, number, act, _who(visit), visit.office.now_ms())
    return receipt_page(school, books, place, done, quantities, address(place, chosen) if chosen.is_held else place.path)
