"""Who uses the school: people with badges at the readers, and the office at its pages. They behave as people do: they try again."""

import functools
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hub.core import badges
from hub.core.facts import derived
from hub.core.menus import Canteen, Menu, Offer
from hub.core.school import (
    Badge,
    BadgeState,
    Household,
    Policy,
    Product,
    ProductKind,
    Pupil,
    Rows,
    School,
    WalletScope,
    edited,
)
from hub.desk import Answer
from proto.messages import Do, Light, Scan, Shown
from tests import schools
from tests.sim.acts import Act, Kind
from tests.sim.faults import DEVICES, Fault
from tests.sim.reckoning import SOUP
from tests.sim.rules import ARTICLES, MENU_DAYS, MENUS, PRICES_CENTS, Lunch
from tests.sim.setting import (
    CARE,
    HOUSEHOLDS,
    PARC,
    PUPILS,
    TILLEULS,
    Setting,
    born,
    code,
    rows,
)

if TYPE_CHECKING:
    from tests.sim.device import Device
    from tests.sim.world import World

STRANGERS = 2
OPENING_CENTS, PILOT_CENTS = 12_00, 2_00
"""What a family or pupil brings along; and a family where nothing costs yet: what is ordered there for later is soon too much."""
DAILY_LIMIT_CENTS = 9_00
"""What the parents of every third pupil allow."""
LAST_WEEK = (schools.MONDAY - timedelta(days=4), schools.MONDAY - timedelta(days=3))
LATE_PUPILS = 8
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
def a_school(lunch: Lunch, setting: Setting) -> School:
    """The small school with more people, some with a daily limit, a menu, wallets by pupil at Le Parc, care that is settled by runs."""
    since_ms, small = schools.moment("00:00") - 90 * 86_400_000, schools.small_school()
    days = [lunch.first + timedelta(days=ahead) for ahead in MENU_DAYS]
    people: Rows = (
        replace(small.sites[PARC], wallet_scope=WalletScope.PUPIL),
        replace(small.programmes[CARE], post_days=1),
        Product(SOUP, TILLEULS, ProductKind.MEAL, "Potage", 2_50, Policy.MUST_SERVE),
        *(Menu(site, day, tuple(Offer(each, PRICES_CENTS[each]) for each in MENUS[site])) for site in MENUS for day in days),
        *(Canteen(site, cut_off_min=lunch.cut_off_min, waiting_until_min=lunch.waiting_until_min) for site in MENUS),
        *(Household(schools.number(f"family {n}"), f"family {n}") for n in range(HOUSEHOLDS)),
        *(_pupil(n) for n in range(PUPILS)),
        *(
            Badge(schools.number(f"badge {n}"), schools.badge(f"B{n}"), schools.number(f"pupil {n}"), BadgeState.ACTIVE, since_ms)
            for n in range(PUPILS)
        ),
    )
    school = edited(small, people)
    return edited(school, tuple(rows(setting, school)))


def _pupil(n: int) -> Pupil:
    limit_cents = DAILY_LIMIT_CENTS if n % 3 == 0 else 0
    return Pupil(
        schools.number(f"pupil {n}"),
        schools.number(f"family {n % HOUSEHOLDS}"),
        TILLEULS,
        f"P{n}",
        f"F{n}",
        daily_limit_cents=limit_cents,
        born=born(schools.number(f"pupil {n}")),
    )


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
        if self.tap(device, who, reader) and reader in ARTICLES and who.pupil:
            self._world.counters.tapped(who.pupil, ARTICLES[reader])
        drawn = self._chance.random()
        if drawn < 0.2:
            self._world.loop.after_s(self._chance.uniform(0.05, 1.0), self.tap, device, self.anyone(), reader)
        elif drawn < 0.3:
            self._world.loop.after_s(self._chance.uniform(0.2, 4.0), self.tap, device, who, reader)

    def last_week(self, device: "Device") -> None:
        """Days ago pupils came and went at this device, which answered alone and told nobody yet."""
        in_, out = DEVICES[device.name][0], DEVICES[device.name][min(1, len(DEVICES[device.name]) - 1)]
        taps: list[tuple[int, Person, str]] = []
        for day in LAST_WEEK:
            for who in self._chance.sample(self.people, LATE_PUPILS):
                came_ms = schools.moment("15:32", day) + self._chance.randrange(4_000_000)
                taps += ((came_ms, who, in_), (came_ms + self._chance.randrange(100_000, 6_000_000), who, out))
        inc, boot = self._world.random16(), self._world.random16()
        for n, (at_ms, who, reader) in enumerate(sorted(taps, key=lambda tap: tap[0]), 1):
            shown = Shown(Light.ACCEPTED, "offline")
            scan = Scan(inc=inc, n=n, reader=reader, badge=who.hash, boot=boot, mono_ms=n * 1000, wall_ms=at_ms, err_ms=10, shown=shown)
            device.card.content.append((), (scan,))
            self._world.oracle.remember((device.name, inc, n), who, reader, at_ms)

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
    """Staff at their pages: badges and doors."""

    def __init__(self, world: "World", crowd: Crowd) -> None:
        self._world = world
        self._crowd = crowd
        self._chance = world.chance

    def set_up(self) -> None:
        """Families and pupils bring their balances along."""
        pilot = self._world.plan.setting.in_pilot(TILLEULS, code(self._world.oracle.witness.lunch.first))
        cents = PILOT_CENTS if pilot else OPENING_CENTS
        homes = ((TILLEULS, schools.number(f"family {n}"), cents) for n in range(HOUSEHOLDS))
        pupils = ((PARC, schools.number(f"pupil {n}"), OPENING_CENTS) for n in range(0, PUPILS, 2))
        self._world.forms.ask(Act(Kind.OPENING, balances=(*homes, *pupils)))

    def change_badge(self, who: Person | None = None) -> None:
        """Somebody lost a badge: the old one is replaced or blocked, and a new one given."""
        who = who or self._chance.choice(self._crowd.people)
        old, text, new_id = who.badge, f"new {self._world.random16()}", self._world.random63()
        now_ms = self._world.hub_wall_ms()
        new = Badge(derived(new_id, "new"), schools.badge(text), who.pupil, BadgeState.ACTIVE, now_ms)
        swap = functools.partial(badges.swap, old_hash=schools.badge(old), new=new, now_ms=now_ms, new_id=new_id)

        def told(_answer: Answer) -> None:
            who.old, who.badge = old, text
            self._world.oracle.blocked(schools.badge(old))
            if any(device.away() for device in self._world.devices.values()):
                self._world.struck(Fault.BADGES)

        self._world.forms.send(lambda ask, desk: desk.edit(ask, swap), told)

    def open_door(self) -> None:
        """Somebody rings at the gate."""
        hub = self._world.hub
        if hub is not None and "gate" in self._world.devices and hub.link.command("gate", Do.OPEN, "care-gate"):
            self._world.oracle.requested("gate", "care-gate")
