"""Give a badge: hold a new tag at a reader of one's choice, or scan or type its code. It may take another badge's place.

A tag that nobody has is seen as an unknown badge's scan; the page that waits for it offers it. The tag's code never comes here, only
its keyed hash, which the reader's device has made.
"""

from dataclasses import dataclass
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Response
from starlette.responses import RedirectResponse

from hub.core import badges as rules
from hub.core.codes import Code
from hub.core.facts import Refusal, ScanTaken, derived
from hub.core.school import Badge, BadgeState, Pupil, School
from hub.desk import Answer
from hub.web.badges.known import Gives, Looks, canonical, charge_fee, fee_cents, hashed, made, states_of
from hub.web.live import Live
from hub.web.render import page
from hub.web.session import Form, Visit

WITHIN_MS = 60_000
"""How long a page waits for a tag: whoever holds an unknown badge there later meant something else."""
TAKEN_MS = 10 * 60_000
"""How long a tag that was seen may be given: a name is looked up, the telephone rings."""

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Place:
    """A reader to hold a tag at. `key`: `device/reader`."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Waited:
    """What was held at the reader since (Unix ms). `tap`: the first tag that nobody has. `other`: a badge that is somebody's (`holder`, if
    it may be told), held instead. `is_over`: the minute is.
    """

    place: Place
    since_ms: int
    zone: ZoneInfo
    tap: ScanTaken | None
    other: ScanTaken | None
    holder: Pupil | None
    is_over: bool


@dataclass(frozen=True, slots=True)
class GivePage:
    """Give a badge to one pupil. `holder`: who has the typed one already. `old`: the badge it takes the place of."""

    version: str
    pupil: Pupil
    old: Badge | None
    typed: str
    problem: str
    holder: Pupil | None
    places: tuple[Place, ...]
    waited: Waited | None
    address: str
    fee_cents: int
    """What replacing the old one may cost."""


@router.get("/badges/give")
async def give_form(visit: Looks, pupil: int, old: int = 0, at: str = "", since: int = 0) -> Response:
    """The form; or its live block, while a tag is waited for."""
    found = visit.pupil(pupil)
    if at and not since:
        asked = {"pupil": pupil, "old": old, "at": at, "since": visit.office.now_ms()}
        return RedirectResponse(f"/badges/give?{urlencode(asked)}", 303)
    await visit.office.desk.seen()
    waited = _waited(visit, at, since) if at else None
    return await page(visit, "give.html", _give_page(visit, found, old, waited), block="live" if visit.is_fragment else "")


@router.post("/badges/give")
async def give(form: Gives) -> Response:
    """Give the badge that was held, scanned or typed."""
    visit, typed, old = form.visit, form.text("code"), form.number("old")
    pupil = visit.pupil(form.number("pupil"))
    new = _badge(form, pupil, typed)
    if isinstance(new, Refusal):
        return await _again(form, pupil, new)
    answer = await _given(form, pupil, new, old)
    if answer.refusal:
        return await _again(form, pupil, answer.refusal)
    await charge_fee(form, old)
    return RedirectResponse(f"/pupils/{pupil.id}?done=given", 303)


async def _given(form: Form, pupil: Pupil, new: Badge, old: int) -> Answer:
    desk, now_ms = form.visit.office.desk, form.visit.office.now_ms()
    if not old:
        return await desk.edit(form.ask, rules.give, pupil.id, new)
    replaced = states_of(form.visit, old)[-1]
    if replaced.pupil != pupil.id:
        raise HTTPException(404)
    if replaced.state is not BadgeState.ACTIVE:  # it was declared lost before
        return await desk.edit(form.ask, rules.give, pupil.id, new)
    return await desk.edit(form.ask, rules.swap, replaced.hash, new, now_ms, derived(form.ask, "ended"))


def _badge(form: Form, pupil: Pupil, typed: str) -> Badge | Refusal:
    """The badge that a form is about: a tag that was held, or a code."""
    scan, code = form.number("scan"), canonical(typed)
    if not scan:
        return made(form, pupil.id, code) if code else Refusal("no_badge_code")
    device, _, reader = form.text("at").partition("/")
    found = form.visit.reader(device, reader)
    live: Live = form.visit.request.app.state.live
    since_ms = form.visit.office.now_ms() - TAKEN_MS
    tap = next((tap for tap in live.taps_at(found.device, found.id) if tap.ask == scan and tap.code is Code.UNKNOWN), None)
    return hashed(form, pupil.id, tap.badge) if tap and tap.at_ms >= since_ms else Refusal("tag_gone")


async def _again(form: Form, pupil: Pupil, refusal: Refusal) -> Response:
    """The same form, with what was typed."""
    holder = form.visit.school.pupils.get(refusal.numbers.get("pupil", 0))
    told = holder if holder and form.visit.knows(holder) else None
    context = _give_page(form.visit, pupil, form.number("old"), None, (form.text("code"), refusal.code), told)
    return await page(form.visit, "give.html", context, status=409)


def _give_page(
    visit: Visit, pupil: Pupil, old: int, waited: Waited | None, tried: tuple[str, str] = ("", ""), holder: Pupil | None = None
) -> GivePage:
    replaced = states_of(visit, old)[-1] if old else None
    asked = {"pupil": pupil.id, "old": old, **({"at": waited.place.key, "since": waited.since_ms} if waited else {})}
    return GivePage(
        version=visit.request.app.state.live.version,
        pupil=pupil,
        old=replaced,
        fee_cents=fee_cents(visit, pupil, replaced),
        typed=tried[0],
        problem=tried[1],
        holder=holder,
        places=places(visit),
        waited=waited,
        address=f"/badges/give?{urlencode(asked)}",
    )


def places(visit: Visit) -> tuple[Place, ...]:
    """The readers at the visitor's sites."""
    readers = (reader for reader in visit.school.readers.values() if visit.school.devices[reader.device].site in visit.sites)
    found = (Place(f"{reader.device}/{reader.id}", f"{visit.school.devices[reader.device].name} – {reader.name}") for reader in readers)
    return tuple(sorted(found, key=lambda place: (place.name, place.key)))


def _waited(visit: Visit, at: str, since_ms: int) -> Waited:
    device, _, reader = at.partition("/")
    found, name = visit.reader(device, reader), visit.device(device).name
    live: Live = visit.request.app.state.live
    tap, other = seen_since(visit.school, live.taps_at(device, reader), since_ms)
    holder = visit.school.pupils.get(other.pupil) if other else None
    return Waited(
        place=Place(at, f"{name} – {found.name}"),
        since_ms=since_ms,
        zone=visit.school.sites[visit.device(device).site].zone,
        tap=tap,
        other=other,
        holder=holder if holder and visit.knows(holder) else None,
        is_over=visit.office.now_ms() - since_ms > WITHIN_MS,
    )


def seen_since(school: School, taps: tuple[ScanTaken, ...], since_ms: int) -> tuple[ScanTaken | None, ScanTaken | None]:
    """Of the taps at a reader (newest first): the first unknown tag within the minute, and the last badge that is somebody's."""
    within = [tap for tap in taps if since_ms <= tap.at_ms <= since_ms + WITHIN_MS]
    unknown = [tap for tap in within if tap.code is Code.UNKNOWN and not _is_somebodys(school, tap)]
    others = [tap for tap in within if tap.code is not Code.UNKNOWN or _is_somebodys(school, tap)]
    return unknown[-1] if unknown else None, others[0] if others else None


def _is_somebodys(school: School, tap: ScanTaken) -> bool:
    return any(rules.is_valid(state, tap.at_ms) or state.from_ms > tap.at_ms for state in school.badges.get(tap.badge, ()))
