"""What the hub knows of its devices right now: for the devices page and the alarms. Written by the link, read by pages; not kept.

Durable facts about a device (its name, its readers, whether it is blocked) are in the register.
"""

from dataclasses import dataclass, field

from proto.messages import Health, State, Status


@dataclass(slots=True)
class Seen:
    """One device as last heard. `inc` and `session` are the current ones; `superseded` incarnations may never speak again."""

    status: Status = Status.LOST
    session: str = ""
    inc: str = ""
    superseded: set[str] = field(default_factory=set)
    state: State | None = None
    health: Health | None = None
    heard_ms: int = 0
    """Unix ms of the last message of any kind; 0: never."""
    answer_us: int = 0
    """From a scan's arrival to its answer's departure at the hub, last one, in µs."""
    rubbish: dict[str, int] = field(default_factory=dict)
    """Payloads dropped, by reason."""


@dataclass(slots=True)
class Fleet:
    """All devices of the register, and what strangers tried."""

    devices: dict[str, Seen] = field(default_factory=dict)
    strangers: dict[str, int] = field(default_factory=dict)
    """Device ids that spoke and are not in the register, with the number of messages (at most 100 ids)."""
    broker_up: bool = False
    cloned: set[str] = field(default_factory=set)
    """Devices of which two were heard under one identity."""

    def of(self, device: str) -> Seen:
        """What is known of a device, from its first word on."""
        return self.devices.setdefault(device, Seen())
