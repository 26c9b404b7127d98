"""One device: how it was in the last hours, in charts with their tables; its name, place and readers; let it in, shut it out, try it.

What is set here reaches the device by itself, when it is there. Which port a reader is on stands in the device's own settings file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter, HTTPException, Response
from starlette.responses import RedirectResponse

from hub.core import devices as rules
from hub.core.facts import Refusal
from hub.core.school import Device, Product, ProductKind, Reader, Rows, School, Site
from hub.core.setup import device_id, new_device, reader_of
from hub.desk import Answer
from hub.web.devices.charts import Measured, depths, latencies
from hub.web.devices.listed import Commands, DeviceRow, Looks, device_row
from hub.web.render import page, stamp
from hub.web.session import Form, Visit
from proto.messages import Direction, Do, Use

TRIES = {do.value: do for do in (Do.LOCATE, Do.TEST)}
"""What the office may tell a device to do. Doors are opened by grants, and no device updates itself yet."""

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Typed:
    """What a form holds: as it is set up, or as it was typed when it was refused."""

    name: str = ""
    place: str = ""
    reader: str = ""
    use: str = Use.CARE.value
    direction: str = Direction.TOGGLE.value
    product: int = 0
    door_ms: str = ""


@dataclass(frozen=True, slots=True)
class DevicePage:
    """`at`: the form refused for `problem` (`device`, `reader/<id>`, `new`, `try`), with what was `typed`. `done`: what was done."""

    version: str
    row: DeviceRow
    site: Site
    firmware: str
    latencies: Measured | None
    depths: Measured | None
    readers: tuple[Reader, ...]
    products: tuple[Product, ...]
    uses: tuple[str, ...]
    directions: tuple[str, ...]
    typed: Typed
    at: str
    problem: str
    done: str


@dataclass(frozen=True, slots=True)
class NewDevicePage:
    """A device is added, with its first reader."""

    sites: tuple[Site, ...]
    uses: tuple[str, ...]
    name: str
    place: str
    site: int
    use: str
    problem: str


@router.get("/devices/new")
async def new(visit: Looks) -> Response:
    """The form for a further device."""
    return await page(visit, "new_device.html", _new_page(visit))


@router.post("/devices/new")
async def add(form: Commands) -> Response:
    """A device, and its first reader."""
    visit, name, place = form.visit, form.text("name"), form.text("place")
    site, use = visit.site(form.number("site")), _use(form.text("use"))
    device = device_id(name, {*visit.school.devices, "new"})
    answer = await visit.office.desk.edit(form.ask, new_device, Device(device, site.id, name, place=place), reader_of(device, name, use))
    if answer.refusal:
        return await page(visit, "new_device.html", _new_page(visit, (name, place, site.id, use.value), answer.refusal.code), status=409)
    added = next((each.id for each in visit.school.devices.values() if each.name == name), device)
    return RedirectResponse(f"/devices/{added}?done=added", 303)


@router.get("/devices/{device}")
async def one(visit: Looks, device: str, done: str = "") -> Response:
    """A device, all that is known of it; how it is, as the live block."""
    return await page(visit, "device.html", _page(visit, visit.device(device), done=done), block="live" if visit.is_fragment else "")


@router.post("/devices/{device}")
async def change(form: Commands, device: str) -> Response:
    """Its name and place."""
    found = form.visit.device(device)
    typed = Typed(name=form.text("name"), place=form.text("place"))
    change = _if_same(
        form, lambda school: school.devices.get(device), partial(rules.rename, device=device, name=typed.name, place=typed.place)
    )
    answer = await form.visit.office.desk.edit(form.ask, change)
    return await _answered(form, found, "device", answer, typed)


@router.post("/devices/{device}/readers")
async def add_reader(form: Commands, device: str) -> Response:
    """A further reader."""
    found, typed = form.visit.device(device), _typed(form)
    answer = await form.visit.office.desk.edit(form.ask, rules.add_reader, _reader(device, typed.reader, typed))
    return await _answered(form, found, "new", answer, typed)


@router.post("/devices/{device}/readers/{reader}")
async def change_reader(form: Commands, device: str, reader: str) -> Response:
    """What a reader is for."""
    known, found, typed = form.visit.reader(device, reader), form.visit.device(device), _typed(form)
    after = _reader(known.device, known.id, typed)
    change = _if_same(form, lambda school: school.readers.get((device, reader)), partial(rules.change_reader, reader=after))
    answer = await form.visit.office.desk.edit(form.ask, change)
    return await _answered(form, found, f"reader/{reader}", answer, typed)


@router.post("/devices/{device}/block")
async def block(form: Commands, device: str) -> Response:
    """The hub listens to it no longer."""
    found = form.visit.device(device)
    return await _answered(form, found, "try", await form.visit.office.desk.edit(form.ask, rules.shut_out, device), done="blocked")


@router.post("/devices/{device}/renew")
async def renew(form: Commands, device: str) -> Response:
    """A new password; it has to be put on the device."""
    found = form.visit.device(device)
    change = _if_same(form, lambda school: school.devices.get(device), partial(rules.renew, device=device))
    return await _answered(form, found, "try", await form.visit.office.desk.edit(form.ask, change), done="renewed")


@router.post("/devices/{device}/try")
async def attempt(form: Commands, device: str) -> Response:
    """Make it blink, or play its sounds and lights, for the person who stands there."""
    found, do = form.visit.device(device), TRIES.get(form.text("do"))
    if do is None:
        raise HTTPException(422)
    if not form.visit.office.command(device, do):
        return await _refused(form, found, "try", "away", Typed())
    return RedirectResponse(f"/devices/{device}?done={do.value}", 303)


@router.post("/devices/{device}/restart")
async def restart(form: Commands, device: str) -> Response:
    """End its program, which begins again: what was scanned is on its card. A device refuses it within a minute of its start."""
    found = form.visit.device(device)
    if not form.visit.office.command(device, Do.RESTART):
        return await _refused(form, found, "try", "away", Typed())
    return RedirectResponse(f"/devices/{device}?done=restart", 303)


def _if_same(form: Form, row: Callable[[School], object], change: Callable[[School], Rows | Refusal]) -> Callable[[School], Rows | Refusal]:
    """The change, where the row is still what the form was made from: asked within the edit, so that nobody comes between."""
    was = form.text("was")
    return lambda school: change(school) if stamp(row(school)) == was else Refusal("changed_meanwhile")


async def _answered(form: Form, device: Device, at: str, answer: Answer, typed: Typed | None = None, done: str = "saved") -> Response:
    if answer.refusal:
        return await _refused(form, device, at, answer.refusal.code, typed or Typed())
    return RedirectResponse(f"/devices/{device.id}?done={done}", 303)


async def _refused(form: Form, device: Device, at: str, problem: str, typed: Typed) -> Response:
    return await page(form.visit, "device.html", _page(form.visit, device, (at, problem), typed), status=409)


def _page(visit: Visit, device: Device, trouble: tuple[str, str] = ("", ""), typed: Typed | None = None, done: str = "") -> DevicePage:
    office, school = visit.office, visit.school
    seen = office.fleet.devices.get(device.id)
    health, state = (seen.health, seen.state) if seen else (None, None)
    site = school.sites[device.site]
    readers = (reader for reader in school.readers.values() if reader.device == device.id)
    return DevicePage(
        version=visit.request.app.state.live.version,
        row=device_row(school, office.fleet, device, office.now_ms() - office.silent_ms),
        site=site,
        firmware=(health.fw if health and health.fw else state.fw if state else ""),
        latencies=latencies(health.latency if health else []),
        depths=depths(tuple(seen.depths) if seen else (), site.zone),
        readers=tuple(sorted(readers, key=lambda reader: reader.id)),
        products=tuple(product for product in school.products.values() if product.site == site.id and product.kind is not ProductKind.FEE),
        uses=tuple(use.value for use in Use),
        directions=tuple(way.value for way in Direction),
        typed=typed or Typed(),
        at=trouble[0],
        problem=trouble[1],
        done=done,
    )


def _new_page(visit: Visit, typed: tuple[str, str, int, str] = ("", "", 0, Use.CARE.value), problem: str = "") -> NewDevicePage:
    name, place, site, use = typed
    return NewDevicePage(visit.own_sites(), tuple(use.value for use in Use), name, place, site, use, problem)


def _typed(form: Form) -> Typed:
    return Typed(
        name=form.text("name"),
        reader=form.text("id"),
        use=_use(form.text("use")).value,
        direction=form.text("direction"),
        product=form.number("product"),
        door_ms=form.text("door_ms"),
    )


def _reader(device: str, reader: str, typed: Typed) -> Reader:
    """The reader of a form. A door's time that is no number is one that the rule refuses."""
    ways = {way.value: way for way in Direction}
    door_ms = int(typed.door_ms) if typed.door_ms.isascii() and typed.door_ms.isdigit() else -1 if typed.door_ms else 0
    use = Use(typed.use)
    product = typed.product if use is Use.TILL else 0
    return Reader(device, reader, typed.name, use, ways.get(typed.direction, Direction.TOGGLE), product, door_ms)


def _use(text: str) -> Use:
    return next((use for use in Use if use.value == text), Use.CARE)
