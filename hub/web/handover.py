"""A device is handed over: what is to be done at its side, step by step, with its settings and password to put there in one go.

Shown once it is asked for, and kept nowhere. What stays empty (where the reader is plugged in) is filled in here, not in an editor.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from hub.core.school import Device, Reader
from hub.web.render import page
from hub.web.rights import Right
from hub.web.session import Does, Form

KINDS = ("hid", "line", "rdm6300")
"""How a reader is plugged in, as a device's settings have it."""

Connects = Annotated[Form, Depends(Does(Right.DEVICES))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class HandOverPage:
    """`host`: the hub's address as the device sees it; `is_here`: one that means its own machine. `ports`: (kind, path) by reader."""

    device: Device
    host: str
    is_here: bool
    readers: tuple[Reader, ...]
    kinds: tuple[str, ...]
    ports: Mapping[str, tuple[str, str]]
    settings: str


@router.post("/setup/devices/{device}")
async def hand_over(form: Connects, device: str) -> Response:
    """The steps at the device, with its settings; or the settings as a file to carry there."""
    found, visit = form.visit.device(device), form.visit
    host = form.text("host", 80) or visit.request.url.hostname or ""
    readers = tuple(reader for (owner, _), reader in sorted(visit.school.readers.items()) if owner == device)
    ports = {reader.id: _port(form, reader.id) for reader in readers}
    settings = visit.office.device_settings(found, host, {reader: port for reader, port in ports.items() if port[1]})
    if form.text("as") == "file":
        headers = {"content-disposition": 'attachment; filename="edge.toml"', "cache-control": "no-store"}
        return Response(settings, media_type="text/plain; charset=utf-8", headers=headers)
    return await page(visit, "hand_over.html", HandOverPage(found, host, _is_here(host), readers, KINDS, ports, settings))


def _port(form: Form, reader: str) -> tuple[str, str]:
    """How and where a reader is plugged in, as typed; nothing where nothing is known yet."""
    kind = form.text(f"kind-{reader}")
    return kind if kind in KINDS else KINDS[0], form.text(f"path-{reader}", 200)


def _is_here(host: str) -> bool:
    """Whether an address is the machine's own name for itself, which leads a device to itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
