"""What can go wrong, by name, and which of it a seed draws. Each name is a counter too: a fault that never struck proves nothing."""

import enum
from dataclasses import dataclass, replace
from random import Random

from hub.core.calendar import at
from tests import schools
from tests.sim.setting import ORDINARY, Setting, drawn, lesson_in


class Fault(enum.StrEnum):
    """One thing that can go wrong."""

    LOST = "messages lost"
    DOUBLED = "messages doubled"
    REORDERED = "messages overtaken"
    LATE = "messages seconds late"
    PARTITION = "partitions"
    BROKER_DEATH = "brokers dead, memory lost"
    EDGE_KILL = "devices killed"
    EDGE_CUT = "devices' power cut"
    EDGE_AT_WRITE = "devices cut at the k-th step"
    HUB_KILL = "hubs killed"
    HUB_CUT = "hubs' power cut"
    HUB_AT_WRITE = "hubs cut at the k-th step"
    COMMIT_ERROR = "hub commits failed"
    CARD_ERROR = "card writes failed"
    FULL_CARD = "writes to a full card"
    FULL_HUB = "commits to a full disk"
    SLOW_CARD = "cards slow"
    SLOW_HUB = "hub disks slow"
    LYING_CARD = "commits lost by a lying card"
    ROTTEN_CARD = "records a card cannot read"
    OLD_IMAGE = "cards re-imaged"
    RESTORED = "hubs restored from a backup"
    EDGE_CLOCK = "devices' clocks jumped a day"
    HUB_CLOCK = "hub clocks jumped a day"
    TOGETHER = "readers tapped at once"
    BADGES = "badges changed behind a device's back"
    FORGOTTEN = "scans come after their week was settled"


DEVICES = {
    "till": ("drink-till", "sandwich-till", "meal-till"),
    "gate": ("care-gate",),
    "door": ("care-in", "care-out", "care-door"),
    "room": ("study-door",),
    "hall": ("entrance",),
}
"""The devices of tests/schools.py that have people at them here, and their readers."""
HOURS = (("15:10", 1.0), ("11:20", 0.6), ("06:50", 0.4), ("23:20", 0.3), ("16:40", 0.7))
"""When a storm begins, and how often that hour is drawn."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a seed does: its faults, its devices, how long it storms, how busy the readers are (s between two taps of a device)."""

    faults: frozenset[Fault]
    devices: tuple[str, ...]
    storm_s: float
    start_ms: int
    tap_s: float
    rate: float = 1.0
    """How often nemesis strikes, as a multiple."""
    lunch_s: float = 60.0
    """When orders close, from the start; a quarter of an hour later portions are resold no more."""
    setting: Setting = ORDINARY


def plan_of(seed: int) -> Plan:
    """The swarm: each seed leaves some faults out, so that others are seen alone, and some seeds have all."""
    chance = Random(f"plan {seed}")
    keep = chance.choice((0.25, 0.5, 0.5, 0.75, 1.0))
    faults = frozenset(fault for fault in Fault if chance.random() < keep)
    count = chance.choice((2, 3, 3, 4, 5))
    clock = chance.choices([hour for hour, _ in HOURS], [weight for _, weight in HOURS])[0]
    devices = tuple(sorted(chance.sample(sorted(DEVICES), count)))
    storm_s = chance.choice((1_200.0, 3_300.0, 6_900.0, 6_900.0))
    hour, minute = clock.split(":")
    return Plan(
        faults=faults,
        devices=devices,
        storm_s=storm_s,
        start_ms=schools.moment(clock),
        tap_s=chance.choice((12.0, 30.0, 45.0, 90.0)),
        rate=chance.choice((0.5, 1.0, 1.0, 2.0)),
        lunch_s=storm_s // 120 * 60,
        setting=drawn(chance, int(hour) * 60 + int(minute), storm_s),
    )


def crowded(plan: Plan) -> Plan:
    """The same in ten minutes: everything happens close together."""
    begun, setting = at(plan.start_ms, schools.ZONE), plan.setting
    lesson = lesson_in(begun.hour * 60 + begun.minute, CROWDED_S) if setting.lesson else None
    return replace(plan, storm_s=CROWDED_S, tap_s=4.0, rate=5.0, lunch_s=CROWDED_S / 2, setting=replace(setting, lesson=lesson))


CROWDED_S = 600.0
CALM_S = (65.0, 150.0)
"""After the storm everything is mended. A device that had no room for an answer asks again within a minute; then all has to be drained."""
