"""The set-up guide: from an empty hub to the first badge scanned, step by step, each with a small form. It never stands in the way.

Every step is open at any time and says what is there already; devices that connect, and the first scan, show as it happens.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from heapq import nsmallest
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Response
from starlette.responses import RedirectResponse

from hub.core import badges
from hub.core.calendar import day_of
from hub.core.facts import ScanTaken, derived
from hub.core.imports import canonical_badge
from hub.core.lists import by_name
from hub.core.money import read_cents
from hub.core.school import Badge, BadgeState, Device, ProductKind, Programme, Pupil, School, Site, WalletScope
from hub.core.setup import USES, Price, device_id, hours, new_device, new_programme, new_site, reader_of
from hub.fleet import Condition, Seen, condition_of
from hub.web.render import page
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit
from proto.badge import badge_hash
from proto.messages import Use

BLOCKS = ("progress", "at_the_door", "connected", "scanned", "live")
"""The parts of the page that follow what happens."""
ZONE = "Europe/Brussels"
PUPILS = 40
"""Pupils without a badge to choose from; the badges' own page has all."""
MARK = 4
STEPS = ("site", "service", "pupils", "device", "badge", "scan")
FIELDS = ("name", "wallets", "site", "use", "start", "end", "price", "period_min", "tolerance_min", "posting", "pupil", "code")
NOTHING: Mapping[str, str] = dict.fromkeys(FIELDS, "")
WEEK = ("0", "1", "2", "3", "4")
CLOCK = re.compile(r"([01]?\d|2[0-3])[:hH.]([0-5]\d)")

Looks = Annotated[Visit, Depends(Sees(Right.SITES))]
Sets = Annotated[Form, Depends(Does(Right.SITES))]
Connects = Annotated[Form, Depends(Does(Right.DEVICES))]
Gives = Annotated[Form, Depends(Does(Right.BADGES))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Heard:
    """The last scan: whose, where, and when."""

    scan: ScanTaken
    pupil: Pupil | None
    place: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class SetupPage:
    """`done`: the steps that are, and of what comes after them. `devices`: with how each is.

    `typed`: what a refused form held, `problem` its refusal's code, `at` which step.
    """

    version: str
    steps: tuple[str, ...]
    done: frozenset[str]
    sites: tuple[Site, ...]
    services: tuple[Programme, ...]
    devices: tuple[tuple[Device, str], ...]
    pupils: int
    without: tuple[Pupil, ...]
    badged: int
    heard: Heard | None
    typed: Mapping[str, str]
    days: tuple[str, ...]
    problem: str
    at: str


@router.get("/setup")
async def guide(visit: Looks, part: str = "live") -> Response:
    """The guide, or one of its live parts."""
    await visit.office.desk.seen()
    block = part if visit.is_fragment and part in BLOCKS else ""
    return await page(visit, "setup.html", await _page(visit), block=block)


@router.post("/setup/site")
async def add_site(form: Sets) -> Response:
    """A site. Only whoever has the right everywhere may add one."""
    scope = WalletScope.PUPIL if form.text("wallets") == WalletScope.PUPIL else WalletScope.HOUSEHOLD
    site = Site(derived(form.ask, "site"), form.text("name"), ZoneInfo(ZONE), wallet_scope=scope)
    if not form.visit.may_everywhere(Right.SITES):
        return await _refused(form, "site", "not_everywhere")
    answer = await form.visit.office.desk.edit(form.ask, new_site, site)
    return await _refused(form, "site", answer.refusal.code) if answer.refusal else _next("service")


@router.post("/setup/service")
async def add_programme(form: Sets) -> Response:
    """A service with its hours and its price."""
    start_min, end_min, cents = _minutes(form.text("start")), _minutes(form.text("end")), read_cents(form.text("price"))
    wrong = "no_hours" if start_min is None or end_min is None else "no_amount" if cents is None else ""
    if wrong or start_min is None or end_min is None or cents is None:
        return await _refused(form, "service", wrong)
    site, use = form.visit.site(form.number("site")), Use.STUDY if form.text("use") == Use.STUDY else Use.CARE
    weekdays = frozenset(int(day) for day in form.fields.get("day", []) if day in set("0123456"))
    post_days = 7 if form.text("posting") == "weekly" else 0
    windows = hours(weekdays, start_min, end_min)
    programme = Programme(derived(form.ask, "service"), site.id, use, form.text("name"), windows, post_days=post_days)
    price = Price(cents, form.number("period_min"), form.number("tolerance_min"))
    answer = await form.visit.office.desk.edit(form.ask, new_programme, programme, price)
    return await _refused(form, "service", answer.refusal.code) if answer.refusal else _next("pupils")


@router.post("/setup/device")
async def add_device(form: Connects) -> Response:
    """A device with its reader."""
    site, known = form.visit.site(form.number("site")), {each.value: each for each in Use}
    device = device_id(form.text("name"), form.visit.school.devices)
    use = known.get(form.text("use"), Use.CARE)
    rows = (Device(device, site.id, form.text("name")), reader_of(device, form.text("name"), use))
    answer = await form.visit.office.desk.edit(form.ask, new_device, *rows)
    return await _refused(form, "device", answer.refusal.code) if answer.refusal else _next("device")


@router.post("/setup/badge")
async def give(form: Gives) -> Response:
    """The first badge, by scanning it or typing its code."""
    office, canonical = form.visit.office, canonical_badge("".join(form.text("code").split()).upper())
    pupil = form.visit.pupil(form.number("pupil"))
    if canonical is None:
        return await _refused(form, "badge", "no_badge_code")
    hashed = badge_hash(office.badge_key, canonical)
    new = Badge(derived(form.ask, hashed), hashed, pupil.id, BadgeState.ACTIVE, office.now_ms(), mark=canonical[-MARK:])
    answer = await office.desk.edit(form.ask, partial(badges.give, pupil=pupil.id, new=new))
    return await _refused(form, "badge", answer.refusal.code) if answer.refusal else _next("scan")


def _next(step: str) -> Response:
    return RedirectResponse(f"/setup#{step}", 303)


async def _refused(form: Form, at: str, problem: str) -> Response:
    typed = {name: form.text(name) for name in FIELDS}
    context = await _page(form.visit, typed, tuple(form.fields.get("day", WEEK)), (at, problem))
    return await page(form.visit, "setup.html", context, status=409)


async def _page(
    visit: Visit, typed: Mapping[str, str] = NOTHING, days: tuple[str, ...] = WEEK, trouble: tuple[str, str] = ("", "")
) -> SetupPage:
    school, live = visit.school, visit.request.app.state.live
    version = live.version  # what happens from here on may be missing, and rings again
    services = tuple(each for each in school.programmes.values() if each.site in visit.sites and each.use in USES)
    devices = tuple(each for each in school.devices.values() if each.site in visit.sites)
    places = {each.id for each in devices}
    heard = _heard(school, next((tap for tap in live.taps if tap.device in places), None))
    pupils, without, listed = await asyncio.to_thread(_badgeless, visit, school)
    states = tuple((each, _condition(visit, each)) for each in devices)
    here = any(condition != Condition.NEVER for _, condition in states) or heard
    parts = (visit.own_sites(), services, pupils, here, without < pupils, heard)
    done = {step for step, part in zip(STEPS, parts, strict=True) if part}
    at, problem = trouble
    return SetupPage(
        version=version,
        steps=STEPS,
        done=frozenset(done | _further(visit)),
        sites=visit.own_sites(),
        services=services,
        devices=states,
        pupils=pupils,
        without=listed,
        badged=pupils - without,
        heard=heard,
        typed=typed,
        days=days,
        problem=problem,
        at=at,
    )


def _badgeless(visit: Visit, school: School) -> tuple[int, int, tuple[Pupil, ...]]:
    """How many pupils there are, how many have no badge, and the first of those by name."""
    today = day_of(visit.office.now_ms(), ZoneInfo(ZONE))
    pupils = [each for each in school.everyone if visit.knows(each) and each.is_here(today)]
    held = {states[-1].pupil for states in school.badges.values() if states[-1].state is BadgeState.ACTIVE and not states[-1].until_ms}
    without = [each for each in pupils if each.id not in held]
    return len(pupils), len(without), tuple(nsmallest(PUPILS, without, key=by_name))


def _further(visit: Visit) -> set[str]:
    """What is there of what a school goes on with once badges are scanned."""
    school, sites = visit.school, visit.own_sites()
    sold = any(one.site in visit.sites and one.kind is not ProductKind.FEE for one in school.products.values())
    found = {"calendar": bool(school.days), "account": bool(sites) and all(one.iban for one in sites), "products": sold}
    return {name for name, is_there in found.items() if is_there}


def _condition(visit: Visit, device: Device) -> str:
    office = visit.office
    seen = office.fleet.devices.get(device.id) or Seen()
    return "blocked" if device.blocked else condition_of(seen, office.now_ms() - office.silent_ms).value


def _heard(school: School, scan: ScanTaken | None) -> Heard | None:
    if scan is None:
        return None
    device = school.devices[scan.device]
    return Heard(scan, school.pupils.get(scan.pupil), device.name, school.sites[device.site].zone)


def _minutes(text: str) -> int | None:
    """`15:30`, `15h30` as minutes after midnight; None when it is no time."""
    found = CLOCK.fullmatch(text)
    return int(found[1]) * 60 + int(found[2]) if found else None
