"""The first things of a school, as its set-up guide asks for them: a site, a programme with its hours and price, a device with a reader.

Each is one edit. What a guide does not ask for has its usual value; the pages of sites, tariffs and devices change everything later.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from hub.core.calendar import Window, can_be_hours, night_min
from hub.core.complaints import check_tariffs
from hub.core.facts import Refusal, derived
from hub.core.formulas import Fixed, Line, Periods, Session
from hub.core.lists import MAX_NAME, fold
from hub.core.school import Device, Programme, Reader, Rows, School, Site, Tariff
from proto.messages import Direction, Use
from proto.topics import HUB_NAME

MAX_ID = 24
"""Letters of a device's id that come from its name; the wire takes 32."""
READER = "main"
USES = (Use.CARE, Use.STUDY)
"""Programmes that are scanned and priced; a canteen has its own page."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a stay costs: `cents` for each started period, or once where `period_min` is 0."""

    cents: int
    period_min: int = 0
    tolerance_min: int = 0


def new_site(school: School, site: Site) -> Rows | Refusal:
    """A further site, with a name of its own."""
    taken = (other.name for other in school.sites.values())
    return _name(site.name, taken) or (site,)


def new_programme(school: School, programme: Programme, price: Price) -> Rows | Refusal:
    """A programme of a site with its hours, and its price from always on."""
    others = [other.name for other in school.programmes.values() if other.site == programme.site]
    wrong = _name(programme.name, others)
    if wrong:
        return wrong
    if programme.site not in school.sites:
        return Refusal("no_such_site")
    if any(not window.weekdays for window in programme.windows):
        return Refusal("no_weekdays")
    if not all(map(can_be_hours, programme.windows)):
        return Refusal("no_hours")
    tariff = Tariff(derived(programme.id, "tariff"), programme.id, date.min, None, (Line(_formula(price)),))
    complaints = check_tariffs(school, (programme, tariff))
    return Refusal(f"tariff_{complaints[0].what}") if complaints else (programme, tariff)


def new_device(school: School, device: Device, reader: Reader) -> Rows | Refusal:
    """A device with its one reader; more are added on its page."""
    wrong = _name(device.name, [other.name for other in school.devices.values()])
    if wrong:
        return wrong
    if device.site not in school.sites:
        return Refusal("no_such_site")
    return Refusal("device_taken") if device.id in school.devices or device.id == HUB_NAME else (device, reader)


def device_id(name: str, taken: Collection[str]) -> str:
    """A name for the wire: `porte-de-la-garderie`, with a number where that is taken."""
    words = [fold(word) for word in re.split(r"[\W_]+", name)]
    bare = re.sub(r"[^a-z0-9-]", "", "-".join(word for word in words if word))[:MAX_ID].strip("-") or "device"
    numbered = (bare if number == 1 else f"{bare}-{number}" for number in range(1, len(taken) + 3))
    return next(each for each in numbered if each not in taken and each != HUB_NAME)


def reader_of(device: str, name: str, use: Use) -> Reader:
    """The one reader of a new device: at a till one badge after the other, elsewhere in and out in turn."""
    return Reader(device, READER, name, use, Direction.IN if use in (Use.TILL, Use.KIOSK) else Direction.TOGGLE)


def hours(weekdays: frozenset[int], start_min: int, end_min: int) -> tuple[Window, ...]:
    """The one window of a new programme; an end before the beginning is on the next day."""
    return (Window(weekdays, start_min, night_min(start_min, end_min)),)


def _formula(price: Price) -> Periods | Session:
    unit = Fixed(price.cents * 10)
    return Periods(unit, price.period_min, price.tolerance_min) if price.period_min else Session(unit)


def _name(name: str, taken: Iterable[str]) -> Refusal | None:
    if not any(letter.isalpha() for letter in name):
        return Refusal("no_name")
    if len(name) > MAX_NAME:
        return Refusal("too_long", {"most": MAX_NAME})
    others = {fold(other) for other in taken}
    return Refusal("name_taken") if fold(name) in others else None
