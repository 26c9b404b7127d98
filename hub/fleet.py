"""What the hub knows of its devices right now: for the devices page and the alarms. Written by the link, read by pages; not kept.

Durable facts about a device (its name, its readers, whether it is blocked) are in the register.
"""

import enum
from collections import deque
from dataclasses import dataclass, field

from proto.messages import Health, State, Status

SILENT_MS = 90_000
"""Three healths that did not come, in life's ms: a broker that was killed says nobody's last will, and neither does a cut network."""
DEPTH_EVERY_MS = 5 * 60_000
"""How far apart the depths of an outbox are that are kept: the deepest of five minutes."""
DEPTHS_KEPT = 72
"""Six hours: a school day's half, and a chart that can be read."""
SUPERSEDED_KEPT = 1_000
"""Earlier lives of a device that are remembered: a device that dies at once, over and over, has some thousand a day."""


class Condition(enum.StrEnum):
    """How a device is, as far as the hub can know."""

    ON = "on"
    SILENT = "silent"  # it never said that it goes, and was not heard for SILENT_MS
    LOST = "lost"
    OFF = "off"
    NEVER = "never"  # nothing was ever heard of it


@dataclass(slots=True)
class Seen:
    """One device as last heard. `inc` and `session` are the current ones; `superseded` incarnations may never speak again."""

    status: Status = Status.LOST
    session: str = ""
    inc: str = ""
    superseded: deque[str] = field(default_factory=lambda: deque(maxlen=SUPERSEDED_KEPT))
    state: State | None = None
    health: Health | None = None
    heard_ms: int = 0
    """Unix ms of the last message of any kind that the device itself sent to this hub; 0: none since the hub's start."""
    answer_us: int = 0
    """From a scan's arrival to its answer's departure at the hub, last one, in µs."""
    rubbish: dict[str, int] = field(default_factory=dict)
    """Payloads dropped, by reason."""
    depths: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=DEPTHS_KEPT))
    """(Unix ms, most scans that waited in the device) for each DEPTH_EVERY_MS in which it was heard, oldest first."""

    def healthy(self, health: Health, now_ms: int) -> None:
        """It said how it is."""
        self.health = health
        since_ms = now_ms - now_ms % DEPTH_EVERY_MS
        deepest = health.outbox
        if self.depths and self.depths[-1][0] == since_ms:
            deepest = max(deepest, self.depths.pop()[1])
        self.depths.append((since_ms, deepest))


@dataclass(slots=True)
class Fleet:
    """All devices of the register, and what strangers tried."""

    devices: dict[str, Seen] = field(default_factory=dict)
    strangers: dict[str, int] = field(default_factory=dict)
    """Device ids that spoke and are not in the register, with the number of messages (at most 100 ids)."""
    broker_up: bool = False
    cloned: set[str] = field(default_factory=set)
    """Devices of which two were heard under one identity, until one is let in again."""

    def of(self, device: str) -> Seen:
        """What is known of a device, from its first word on."""
        seen = self.devices.get(device)
        if seen is None:  # twice for each scan: one is only made for who is new
            seen = self.devices[device] = Seen()
        return seen


def condition_of(seen: Seen, heard_since_ms: int) -> Condition:
    """How a device is: what it said last, unless it should have been heard since. `heard_since_ms`: now, less SILENT_MS."""
    if not seen.session and not seen.heard_ms:
        return Condition.NEVER
    if seen.status is Status.ON and seen.heard_ms < heard_since_ms:
        return Condition.SILENT
    return Condition(seen.status.value)
