"""What the device knows, frozen, and the times it goes by. `station` and `orders` make the next state from it; nothing here decides."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from edge import events as e
from edge.policy import Roster
from proto.messages import LATENCY_EDGES_MS, DeviceConfig, RosterManifest, Scan

SAME_TAP_MS = 3_000
"""The same badge at the same reader within this time is the same tap: it repeats the last answer."""
RESEND_MS = 150
"""An unanswered question is sent again after this time, under the same number."""
BACKLOG_RESEND_MS = (500, 5_000)
"""First and longest pause between sends of a backlog that does not shrink."""
MISSES_AWAY = 2
"""Time-outs in a row after which the hub counts as away."""
RESTART_MS = 60_000
"""A device that has run for less is not restarted: so it happens at most once a minute, whoever asks for it."""
GRANT_MAX_AGE_MS = 3_000
"""A door grant older than this, by our own clock, moves nothing."""
ARCHIVE_MS = 60_000
"""Answered scans wait this long to be written to the card together."""
ARCHIVE_MAX = 500
"""… or until there are this many."""
RECEIPTS_MAX = 2_000
"""Answered scans kept in memory while the card takes nothing; older ones would be a hole for a restored hub."""
WAITING_MAX = 64
"""Open questions, which fit one message with room to spare; with more, the device answers by itself."""
ASK_MS = 60_000
"""How often a hub that answers is asked how far it is."""
ASK_AWAY_MS = 2_000
"""… and one that has not answered yet, or not in time."""
HEALTH_MS = 30_000
"""How often health goes out by itself."""
UNSAVED_MAX = 1_000
"""Scans kept in memory while neither card nor hub takes them; beyond this no badge is read, and people are told to ask an adult."""
PART_WAIT_MS = 2_000
"""A roster part that does not come is asked for again after this time."""


class Open(Struct, frozen=True):
    """A scan that the hub was asked about."""

    scan: Scan
    asked_ms: int
    deadline_ms: int


class LastTap(Struct, frozen=True):
    """`n` is the scan it made; `pattern` is None while its question is open."""

    at_ms: int
    n: int
    pattern: e.Pattern | None = None


class Offer(Struct, frozen=True):
    """A roster on its way, part by part."""

    manifest: RosterManifest
    parts: tuple[str, ...] = ()
    wanted_ms: int = 0


class State(Struct, frozen=True):
    """Everything the device knows. `storing`, `unsaved` and `answered` hold scans with their `shown`.

    `storing` gets its lights on Stored; `unsaved` has had them, though the card refused it; `answered` is what the hub has.
    The numbers of `waiting` are above all that is stored.
    """

    inc: str
    n: int = 0
    session: str = ""
    hub: str = ""
    """The session of the hub that is there; empty while none is."""
    misses: int = MISSES_AWAY
    waiting: tuple[Open, ...] = ()
    storing: tuple[Scan, ...] = ()
    unsaved: tuple[Scan, ...] = ()
    answered: tuple[Scan, ...] = ()
    backlog: int = 0
    q: int = 0
    settled_q: int = 0
    asked_q: int = 0
    """The last question that named all incarnations we hold."""
    resend_ms: int = 0
    resend_pause_ms: int = BACKLOG_RESEND_MS[0]
    archive_ms: int = 0
    ask_ms: int = 0
    health_ms: int = 0
    config_version: int = 0
    config: DeviceConfig | None = None
    roster: Roster | None = None
    offer: Offer | None = None
    taps: Mapping[tuple[str, str], LastTap] = msgspec.field(default_factory=dict)
    last_yes_ms: Mapping[tuple[str, str], int] = msgspec.field(default_factory=dict)
    """(reader, badge) -> when this device last answered yes alone, at tills."""
    command_n: int = 0
    challenge: tuple[str, str, int] = ("", "", 0)
    """Whose door (or a restart), nonce, and until when it may be used (ms)."""
    begun_ms: int = 0
    ends: bool = False
    """Told to restart: as soon as nobody waits for an answer."""
    readers: Mapping[str, tuple[bool, str]] = msgspec.field(default_factory=dict)
    reads: Mapping[str, int] = msgspec.field(default_factory=dict)
    faults: Mapping[tuple[str, str], int] = msgspec.field(default_factory=dict)
    latency: tuple[int, ...] = (0,) * (len(LATENCY_EDGES_MS) + 1)
    late: int = 0
    store_ok: bool = True

    @property
    def away(self) -> bool:
        """Whether the hub cannot be asked now."""
        return not self.session or not self.hub or self.misses >= MISSES_AWAY

    @property
    def alone(self) -> bool:
        """Whether the device answers by itself (rule 4)."""
        return self.away or self.backlog > 0 or bool(self.unsaved) or bool(self.storing)


Effects = tuple[e.Effect, ...]
Step = tuple[State, Effects]
