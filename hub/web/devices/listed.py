"""Devices: are they there, are their readers well, does anything wait in them, how fast do they answer. "Locate" makes one blink."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from starlette.responses import RedirectResponse

from hub.core.school import Device, Reader, School
from hub.fleet import Fleet, Seen, condition_of
from hub.web.render import page
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit
from proto.messages import LATENCY_EDGES_MS, Do, Health

Looks = Annotated[Visit, Depends(Sees(Right.DEVICES))]
Commands = Annotated[Form, Depends(Does(Right.DEVICES))]

router = APIRouter()


LATE = "old_session"
"""What a device said before it was restarted, and that arrives after: nothing is wrong with it."""


@dataclass(frozen=True, slots=True)
class ReaderRow:
    """A reader as set up, and as the device reports it. `ok` is None when nothing was heard of it."""

    id: str
    setup: Reader | None
    ok: bool | None
    name: str
    reads: int
    faults: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """`condition`: on, silent, lost, off, never or blocked. `median_ms`: upper edge of the median's bucket, 0 = slower, None = no taps."""

    device: Device
    site: str
    condition: str
    heard_ms: int
    health: Health | None
    readers: tuple[ReaderRow, ...]
    median_ms: int | None
    answer_us: int
    alarms: tuple[str, ...]
    rubbish: int
    """Messages that could not be read, by either side."""


@dataclass(frozen=True, slots=True)
class DevicesPage:
    """`done`, `problem`: what became of the last "locate", for the device `about`."""

    version: str
    rows: tuple[DeviceRow, ...]
    broker_up: bool
    server_alarms: tuple[str, ...]
    strangers: tuple[tuple[str, int], ...]
    edges_ms: tuple[int, ...]
    about: str = ""
    done: str = ""
    problem: str = ""


@router.get("/devices")
async def devices(visit: Looks, located: str = "") -> Response:
    """All devices, or the live block."""
    context = _page(visit, about=located, done="locate" if located in visit.office.desk.school.devices else "")
    return await page(visit, "devices.html", context, block="live" if visit.is_fragment else "")


@router.post("/devices/{device}/locate")
async def locate(form: Commands, device: str) -> Response:
    """Make a device blink, for the person who looks for it."""
    office = form.visit.office
    form.visit.device(device)
    if not office.command(device, Do.LOCATE):
        return await page(form.visit, "devices.html", _page(form.visit, about=device, problem="away"), status=409)
    return RedirectResponse(f"/devices?located={device}", 303)


def device_row(school: School, fleet: Fleet, device: Device, heard_since_ms: int) -> DeviceRow:
    """One device as it is set up and as it was last heard; silent when it was not heard since then."""
    seen = fleet.devices.get(device.id) or Seen()
    site = school.sites.get(device.site)
    return DeviceRow(
        device=device,
        site=site.name if site else "",
        condition=_condition(device, seen, heard_since_ms),
        heard_ms=seen.heard_ms,
        health=seen.health,
        readers=_readers(school, device, seen),
        median_ms=_median_ms(seen.health.latency) if seen.health else None,
        answer_us=seen.answer_us,
        alarms=_alarms(fleet, device, seen),
        rubbish=_unreadable(seen.rubbish) + (_unreadable(seen.health.rubbish) if seen.health else 0),
    )


def _page(visit: Visit, about: str = "", done: str = "", problem: str = "") -> DevicesPage:
    office = visit.office
    school, fleet, heard_since_ms = office.desk.school, office.fleet, office.now_ms() - office.silent_ms
    rows = [device_row(school, fleet, device, heard_since_ms) for device in school.devices.values() if device.site in visit.sites]
    return DevicesPage(
        version=visit.request.app.state.live.version,
        rows=tuple(sorted(rows, key=lambda row: (row.site, row.device.name))),
        broker_up=fleet.broker_up,
        server_alarms=tuple(office.alarms()),
        strangers=tuple(sorted(fleet.strangers.items())),
        edges_ms=LATENCY_EDGES_MS,
        about=school.devices[about].name if about in school.devices else "",
        done=done,
        problem=problem,
    )


def _unreadable(counts: Mapping[str, int]) -> int:
    return sum(count for reason, count in counts.items() if reason != LATE)


def _condition(device: Device, seen: Seen, heard_since_ms: int) -> str:
    return "blocked" if device.blocked else condition_of(seen, heard_since_ms).value


def _readers(school: School, device: Device, seen: Seen) -> tuple[ReaderRow, ...]:
    setup = {reader.id: reader for reader in school.readers.values() if reader.device == device.id}
    reported = {reader.id: reader for reader in seen.state.readers} if seen.state else {}
    health = {reader.id: reader for reader in seen.health.readers} if seen.health else {}
    rows = []
    for reader in sorted({*setup, *reported, *health}):
        well = health.get(reader)
        said = reported.get(reader)
        ok = well.ok if well else said.ok if said else None
        faults = tuple(sorted((name, count) for name, count in well.faults.items() if count)) if well else ()
        rows.append(ReaderRow(reader, setup.get(reader), ok, said.name if said else "", well.reads if well else 0, faults))
    return tuple(rows)


def _alarms(fleet: Fleet, device: Device, seen: Seen) -> tuple[str, ...]:
    """Codes of what staff should act on; the device's own alarms follow."""
    found = ["clone"] if device.blocked == "clone" or device.id in fleet.cloned else []
    if seen.health is not None:
        found += ["storage"] if not seen.health.store_ok else []
        found += ["power"] if seen.health.undervoltage else []
        found += ["away"] if seen.health.away else []
        found += [alarm for alarm in seen.health.alarms if alarm not in found]
    return tuple(found)


def _median_ms(counts: list[int]) -> int | None:
    """Upper edge of the bucket that holds the median; 0 when it is slower than the last edge, None without any tap."""
    half, passed = (sum(counts) + 1) // 2, 0
    if not half:
        return None
    for count, edge_ms in zip(counts, (*LATENCY_EDGES_MS, 0), strict=False):
        passed += count
        if passed >= half:
            return edge_ms
    return 0
