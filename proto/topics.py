"""The topics of design.md (Wire): `preau/v1/<device>/<kind>`, and `preau/v1/hub`."""

import enum
import functools
import re
from typing import NamedTuple

from proto.messages import DEVICE

PREFIX = "preau/v1"
HUB_NAME = "hub"
"""The hub's own name on the broker, and the level of its topic: no device may have it."""
HUB = f"{PREFIX}/{HUB_NAME}"

_DEVICE = re.compile(DEVICE)


class Kind(enum.StrEnum):
    STATE = "state"
    SCAN = "scan"
    VERDICT = "verdict"
    ASK = "ask"
    SETTLED = "settled"
    COMMAND = "command"
    RESULT = "result"
    CONFIG = "config"
    ROSTER = "roster"
    HEALTH = "health"


FROM_DEVICE = (Kind.STATE, Kind.SCAN, Kind.ASK, Kind.RESULT, Kind.HEALTH)
TO_DEVICE = (Kind.VERDICT, Kind.SETTLED, Kind.COMMAND, Kind.CONFIG, Kind.ROSTER)
RETAINED = frozenset({Kind.STATE, Kind.CONFIG, Kind.ROSTER})
"""Kinds that describe a state: QoS 1, retained. All others are QoS 0 and never retained."""


_KINDS = {kind.value: kind for kind in Kind}


class Address(NamedTuple):
    device: str
    kind: Kind


def topic(device: str, kind: Kind) -> str:
    """The topic of one kind of message of one device."""
    return f"{PREFIX}/{device}/{kind}"


def everyone(kind: Kind) -> str:
    """The filter by which the hub hears one kind from all devices."""
    return f"{PREFIX}/+/{kind}"


def qos(kind: Kind) -> int:
    """At which messages are said: 0 where freshness matters and the outbox gives exactly once; 1 for what describes a state."""
    return 1 if kind in RETAINED else 0


HEARD_QOS = 0
"""At which everything is heard. Sessions are clean, so 1 would bring nothing again that a new subscription does not; and nats-server, which
hands on what is heard at 1 through a store, loses some of it (2 last wills of 1,000; none of 2,400 at 0)."""


@functools.lru_cache(maxsize=4096)  # each message asks, and they are the same few hundred
def address(text: str) -> Address | None:
    """Whose topic this is and what it carries; None for a topic that is not ours."""
    levels = text.split("/")
    if len(levels) != 4 or levels[3] not in _KINDS or f"{levels[0]}/{levels[1]}" != PREFIX or not _DEVICE.fullmatch(levels[2]):
        return None
    return Address(levels[2], _KINDS[levels[3]])
