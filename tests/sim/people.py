"""Who uses the school: people with badges at the readers, and the office at its pages. They behave as people do: they try again."""

import asyncio
import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hub.core import badges, canteen
from hub.core.calendar import day_of
from hub.core.facts import derived
from hub.core.school import Badge, BadgeState, Household, Pupil, Rows, School, edited
from hub.core.wallets import open_balances
from hub.desk import Answer, Desk
from proto.messages import Do
from tests import schools
from tests.sim.faults import DEVICES, Fault

if TYPE_CHECKING:
    from tests.sim.device import Device
    from tests.sim.hub import HubLife
    from tests.sim.world import World

PUPILS, HOUSEHOLDS, STRANGERS = 24, 9, 2
OPENING_CENTS = 12_00
PATIENCE_S = 6.0
"""Somebody who sees no light for so long holds the badge there again."""


@dataclass(slots=True)
class Person:
    """Somebody with a badge; pupil 0 is a stranger."""

    pupil: int
    badge: str
    old: str = ""

    @property
    def hash(self) -> str:
        return _hash(self.badge)


@functools.lru_cache(maxsize=4096)
def _hash(badge: str) -> str:
    return schools.badge(badge)


@functools.cache  # it is frozen, and worlds are many
def a_school() -> School:
    """The small school with more people."""
    since_ms = schools.moment("00:00") - 90 * 86_400_000
    site = schools.number("Tilleuls")
    rows: Rows = (
        *(Household(schools.number(f"family {n}"), f"family {n}") for n in range(HOUSEHOLDS)),
        *(Pupil(schools.number(f"pupil {n}"), schools.number(f"family {n % HOUSEHOLDS}"), site, f"P{n}", f"F{n}") for n in range(PUPILS)),
        *(
            Badge(schools.number(f"badge {n}"), schools.badge(f"B{n}"), schools.number(f"pupil {n}"), BadgeState.ACTIVE, since_ms)
            for n in range(PUPILS)
        ),
    )
    return edited(schools.small_school(), rows)


class Crowd:
    """All people, and how they go about it."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._chance = world.chance
        self.people = [Person(schools.number(f"pupil {n}"), f"B{n}") for n in range(PUPILS)]
        self.strangers = [Person(0, f"stranger {n}") for n in range(STRANGERS)]

    def anyone(self) -> Person:
        """Mostly a pupil."""
        return self._chance.choice(self.strangers if self._chance.random() < 0.04 else self.people)

    def come(self, device: "Device") -> None:
        """Somebody comes to a device; now and then a sister is close behind, or the badge is held twice."""
        who, reader = self.anyone(), self._chance.choice(DEVICES[device.name])
        self.tap(device, who, reader)
        drawn = self._chance.random()
        if drawn < 0.2:
            self._world.loop.after_s(self._chance.uniform(0.05, 1.0), self.tap, device, self.anyone(), reader)
        elif drawn < 0.3:
            self._world.loop.after_s(self._chance.uniform(0.2, 4.0), self.tap, device, who, reader)

    def together(self) -> None:
        """Two readers at the very same instant, now and then with the same badge."""
        places = [(device, reader) for device in self._world.devices.values() for reader in DEVICES[device.name]]
        who = self.anyone()
        for device, reader in self._chance.sample(places, min(2, len(places))):
            if self.tap(device, who, reader):
                self._world.struck(Fault.TOGETHER)
            who = who if self._chance.random() < 0.3 else self.anyone()

    def tap(self, device: "Device", who: Person, reader: str, tries: int = 0) -> bool:
        """Hold a badge to a reader, and again when nothing happens. Somebody with a new badge uses the old one for a while."""
        if self._world.calm:
            return False
        old = bool(who.old) and self._chance.random() < 0.3
        held = replace(who, badge=who.old if old else who.badge)  # what is in the hand stays what it is, however slow the device is
        here = device.tap(held, reader)
        if tries < 3 and self._chance.random() < 0.7:
            self._world.loop.after_s(PATIENCE_S, self._doubt, device, who, held, reader, tries + 1)
        return here

    def _doubt(self, device: "Device", who: Person, held: Person, reader: str, tries: int) -> None:
        if not self._world.oracle.answered(device.name, reader, held.hash, PATIENCE_S + 1):
            self.tap(device, who, reader, tries)


class Office:
    """Staff at their pages: badges, reservations, doors. A form is sent again until it is answered, under the same ask."""

    def __init__(self, world: "World", crowd: Crowd) -> None:
        self._world = world
        self._crowd = crowd
        self._chance = world.chance
        self._open: dict[int, Callable[[HubLife], Any]] = {}

    def set_up(self) -> None:
        """The families bring their balances along."""
        site, at_ms = schools.number("Tilleuls"), self._world.true_ms()
        balances = {(site, schools.number(f"family {n}")): OPENING_CENTS for n in range(HOUSEHOLDS)}
        self._send(lambda ask, desk: desk.do(ask, open_balances, ask, balances, at_ms))

    def change_badge(self, who: Person | None = None) -> None:
        """Somebody lost a badge: the old one is replaced or blocked, and a new one given."""
        who = who or self._chance.choice(self._crowd.people)
        old, text, new_id = who.badge, f"new {self._world.random16()}", self._world.random63()
        now_ms = self._world.hub_wall_ms()
        new = Badge(derived(new_id, "new"), schools.badge(text), who.pupil, BadgeState.ACTIVE, now_ms)
        swap = functools.partial(badges.swap, old_hash=schools.badge(old), new=new, now_ms=now_ms, new_id=new_id)

        def told() -> None:
            who.old, who.badge = old, text
            self._world.oracle.blocked(schools.badge(old))
            if any(device.away() for device in self._world.devices.values()):
                self._world.struck(Fault.BADGES)

        self._send(lambda ask, desk: desk.edit(ask, swap), told)

    def reserve(self) -> None:
        """A meal for today; sometimes the button is pressed twice."""
        who, at_ms = self._chance.choice(self._crowd.people), self._world.hub_wall_ms()
        day = day_of(at_ms, schools.ZONE).isoformat()
        meal = schools.number("meal")
        ask = self._send(lambda ask, desk: desk.do(ask, canteen.reserve, ask, who.pupil, meal, day, at_ms))
        if self._chance.random() < 0.3:
            self._try(ask)

    def open_door(self) -> None:
        """Somebody rings at the gate."""
        hub = self._world.hub
        if hub is not None and "gate" in self._world.devices and hub.link.command("gate", Do.OPEN, "care-gate"):
            self._world.oracle.requested("gate", "care-gate")

    def again(self) -> None:
        """The hub is back: what was not answered is sent again."""
        for ask in tuple(self._open):
            self._world.loop.after_s(self._chance.uniform(0.5, 5.0), self._try, ask)

    def waiting(self) -> int:
        """Forms without an answer."""
        return len(self._open)

    def _send(self, form: Callable[[int, Desk], Any], told: Callable[[], None] | None = None) -> int:
        ask = self._world.random63()

        async def sent(hub: "HubLife") -> None:
            answer: Answer = await form(ask, hub.desk)
            if not hub.alive or ask not in self._open:
                return
            del self._open[ask]
            if answer.refusal is None:
                self._world.oracle.promise(ask)
                if told:
                    told()

        self._open[ask] = sent
        self._try(ask)
        return ask

    def _try(self, ask: int) -> asyncio.Task[Any] | None:
        hub, sent = self._world.hub, self._open.get(ask)
        return hub.task(sent(hub)) if hub is not None and sent is not None else None
