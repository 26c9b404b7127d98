"""Every message of the wire, as frozen structs (design.md, Wire). What they mean is decided in edge and hub, not here.

Times: `_ms` is milliseconds; `mono_ms` counts since the boot named beside it; `wall_ms` is Unix time, UTC, as the sender believes it.
Unknown fields are ignored and missing ones take their default, so a newer end may talk to an older one.
"""

import enum
from typing import Annotated

from msgspec import Meta, Struct

WIRE_VERSION = 1

Count = Annotated[int, Meta(ge=0, le=2**53)]
"""Fits every JSON reader exactly."""
Number = Annotated[int, Meta(ge=1, le=2**53)]
MAX_RECORDS = 200
"""Records of one message, or verdicts of one answer."""
MAX_LINES = 400
"""Incarnations of one question: a device adds one at each start."""
MAX_READERS = 16
"""Readers of one device."""
MIN_PULSE_MS, MAX_PULSE_MS = 50, 10_000
"""Of a door's relay: shorter, and no lock moves; longer, and the door guards nothing."""
TEXT_CHARACTERS = 200
PART_BYTES = 24 * 1024
"""Largest part of a roster: with its envelope it stays under the codec's limit."""

Random64 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{16}\Z")]
"""Sixteen lower-case hex digits: link sessions, incarnations, nonces, boots."""
DEVICE = r"[a-z0-9][a-z0-9-]{0,31}"
READER = r"[a-z0-9][a-z0-9-]{0,15}"
DeviceId = Annotated[str, Meta(pattern=rf"\A{DEVICE}\Z")]
"""One MQTT level and one broker user: no separator of any broker can occur in it."""
ReaderId = Annotated[str, Meta(pattern=rf"\A{READER}\Z")]
BadgeHash = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{20}\Z")]
Word = Annotated[str, Meta(max_length=32)]
Text = Annotated[str, Meta(max_length=TEXT_CHARACTERS)]
Hex = Annotated[str, Meta(pattern=r"\A[0-9a-f]{0,64}\Z")]
RosterBody = Annotated[str, Meta(max_length=PART_BYTES)]


class Light(enum.StrEnum):
    """What a person is shown. None of them tells anything about money (requirements C3, C4)."""

    ACCEPTED = "accepted"
    LOOK = "look"  # accepted, and staff should look at their page
    AGAIN = "again"  # the read failed: hold the badge again
    ADULT = "adult"  # ask an adult


YES = frozenset({Light.ACCEPTED, Light.LOOK})
"""The lights that tell a pupil "you may"."""


class ClockQuality(enum.StrEnum):
    NTP = "ntp"
    RTC = "rtc"
    SAVED = "saved"
    NONE = "none"


class Status(enum.StrEnum):
    ON = "on"
    LOST = "lost"
    OFF = "off"


class Use(enum.StrEnum):
    """What a reader is for; the hub decides from it, the site's calendar and the time."""

    CARE = "care"
    STUDY = "study"
    TILL = "till"
    KIOSK = "kiosk"
    ENTRANCE = "entrance"


class Direction(enum.StrEnum):
    IN = "in"
    OUT = "out"
    TOGGLE = "toggle"


ANSWER_MS: dict[Use, int] = {Use.TILL: 400, Use.KIOSK: 400, Use.CARE: 700, Use.STUDY: 700, Use.ENTRANCE: 700}
"""How long a device waits for the hub before it answers itself, in ms (design.md, The device)."""


# --- scan and verdict ---------------------------------------------------------------------------


class Shown(Struct, frozen=True):
    """What the person saw, when the device answered, or when an answered record is sent again to a restored hub."""

    light: Light
    code: Word = ""
    by_hub: bool = False


class Scan(Struct, frozen=True, tag="scan", tag_field="t", omit_defaults=True, kw_only=True):
    """One tap. Its key is (device, inc, n); the device is the topic's, never the payload's."""

    inc: Random64
    n: Number
    reader: ReaderId
    badge: BadgeHash
    boot: Random64
    mono_ms: Count
    wall_ms: Count
    err_ms: Count = 0
    clock: ClockQuality = ClockQuality.NONE
    nonce: str = ""
    """Sixteen hex digits where the reader guards a door: a grant must echo it. Else empty."""
    shown: Shown | None = None


class Hole(Struct, frozen=True, tag="hole", tag_field="t"):
    """Records n to to_n of an incarnation that the device can no longer read."""

    inc: Random64
    n: Number
    to_n: Number


class ScanMessage(Struct, frozen=True, kw_only=True):
    """The device's oldest unsettled records, in order; also question number `q`."""

    v: int = WIRE_VERSION
    session: Random64
    q: Number
    boot: Random64
    mono_ms: Count
    wall_ms: Count = 0
    records: Annotated[list[Scan | Hole], Meta(max_length=MAX_RECORDS)]


class Grant(Struct, frozen=True):
    """Leave to pulse the door of the reader that asked with this nonce, once, for `ms`."""

    nonce: Random64
    ms: Annotated[int, Meta(ge=MIN_PULSE_MS, le=MAX_PULSE_MS)]


class Verdict(Struct, frozen=True, omit_defaults=True):
    """The hub's answer to one scan, committed before it was sent. `code` is for logs and tests, never for the pupil."""

    inc: Random64
    n: Number
    light: Light
    code: Word
    grant: Grant | None = None


class VerdictMessage(Struct, frozen=True, kw_only=True):
    v: int = WIRE_VERSION
    session: Random64
    verdicts: Annotated[list[Verdict], Meta(max_length=MAX_RECORDS)]


# --- ask and settled ----------------------------------------------------------------------------


class Line(Struct, frozen=True, omit_defaults=True):
    """How far one incarnation of a device is: records up to `n`, shown outcomes up to record `shown_n`."""

    inc: Random64
    n: Count = 0
    shown_n: Count = 0


class Ask(Struct, frozen=True, kw_only=True, tag="ask", tag_field="t"):
    """Numbered question: how far do you have these incarnations? `n` is what the device holds a receipt for."""

    v: int = WIRE_VERSION
    session: Random64
    q: Number
    lines: Annotated[list[Line], Meta(max_length=MAX_LINES)] = []


class WantPart(Struct, frozen=True, kw_only=True, tag="want", tag_field="t"):
    """Ask for one part of a roster."""

    v: int = WIRE_VERSION
    session: Random64
    version: Number
    part: Count


AskMessage = Ask | WantPart


class Settled(Struct, frozen=True, kw_only=True):
    """Answer to question `q`; the newest wins even when it is lower (a restored hub)."""

    v: int = WIRE_VERSION
    session: Random64
    q: Number
    lines: Annotated[list[Line], Meta(max_length=MAX_LINES)]


# --- state, health ------------------------------------------------------------------------------


class ReaderState(Struct, frozen=True, omit_defaults=True):
    id: ReaderId
    kind: Word
    ok: bool
    name: Text = ""


class State(Struct, frozen=True, kw_only=True):
    """Birth, last will and farewell of a device. `session` is new at each connection, `inc` at each start."""

    v: int = WIRE_VERSION
    status: Status
    session: Random64
    inc: Random64
    boot: str = ""
    fw: Word = ""
    config: Count = 0
    roster: Count = 0
    readers: Annotated[list[ReaderState], Meta(max_length=MAX_READERS)] = []


class HubState(Struct, frozen=True, kw_only=True):
    v: int = WIRE_VERSION
    status: Status
    session: Random64


LATENCY_EDGES_MS = (5, 10, 20, 50, 100, 200, 400, 700, 1500)
"""Upper edges of the latency histogram, in ms; one more count follows for everything slower."""


class ReaderHealth(Struct, frozen=True, omit_defaults=True):
    id: ReaderId
    ok: bool
    reads: Count = 0
    faults: dict[Word, Count] = {}
    """Unreadable scans by reason: malformed, overlong, void, partial, checksum."""


class Health(Struct, frozen=True, kw_only=True):
    """How the device is, every 30 s and at once when a reader or the store changes."""

    v: int = WIRE_VERSION
    session: Random64
    inc: Random64
    fw: Word = ""
    uptime_s: Count = 0
    away: bool = False
    outbox: Count = 0
    archive: Count = 0
    store_ok: bool = True
    disk_free_mb: Count = 0
    rss_kb: Count = 0
    undervoltage: bool | None = None
    clock: ClockQuality = ClockQuality.NONE
    rubbish: dict[Word, Count] = {}
    late: Count = 0
    alarms: Annotated[list[Word], Meta(max_length=16)] = []
    readers: Annotated[list[ReaderHealth], Meta(max_length=MAX_READERS)] = []
    latency: Annotated[list[Count], Meta(max_length=len(LATENCY_EDGES_MS) + 1)] = []


# --- command and result -------------------------------------------------------------------------


class Do(enum.StrEnum):
    TEST = "test"  # play every pattern
    LOCATE = "locate"  # blink
    OPEN = "open"  # pulse the door: needs the device's own nonce, see Result
    UPDATE = "update"  # reserved: refused as "unsupported" until the update issue
    RESTART = "restart"  # end the process, and come again: needs the device's own nonce, see Result


class Command(Struct, frozen=True, kw_only=True):
    """Never retained; obeyed only in the current session and with a number above the last."""

    v: int = WIRE_VERSION
    session: Random64
    n: Number
    do: Do
    reader: str = ""
    nonce: str = ""
    ms: Annotated[int, Meta(ge=0, le=MAX_PULSE_MS)] = 0


class Result(Struct, frozen=True, kw_only=True):
    """`code`: done, challenge (send the command again with this nonce within 3 s), stale, unsupported, refused, too_soon."""

    v: int = WIRE_VERSION
    session: Random64
    n: Number
    code: Word
    nonce: str = ""


# --- config and roster --------------------------------------------------------------------------


class ReaderConfig(Struct, frozen=True, omit_defaults=True):
    """What the hub decides about a reader; which port it is on is in the device's own settings."""

    id: ReaderId
    use: Use
    direction: Direction
    door_ms: Annotated[int, Meta(ge=0, le=MAX_PULSE_MS)] = 0
    """Length of the door pulse on a grant; 0 where the reader guards no door."""


class DeviceConfig(Struct, frozen=True):
    """The body of a Config message."""

    device: DeviceId
    badge_key: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    readers: Annotated[list[ReaderConfig], Meta(max_length=MAX_READERS)]
    roster_max_age_s: Count = 7 * 86_400


class Config(Struct, frozen=True, kw_only=True):
    """`sig` is over the bytes of `body` as sent, never over a re-encoding (signing.py)."""

    v: int = WIRE_VERSION
    version: Number
    body: Annotated[str, Meta(max_length=16 * 1024)]
    sig: Hex


class RosterManifest(Struct, frozen=True, kw_only=True, tag="manifest", tag_field="t"):
    """What a complete roster is: `parts` bodies whose concatenation has this SHA-256."""

    v: int = WIRE_VERSION
    version: Number
    parts: Count
    rows: Count
    sha256: Hex
    issued_ms: Count
    sig: Hex


class RosterPart(Struct, frozen=True, kw_only=True, tag="part", tag_field="t"):
    """Lines `<badge hash> <rights> <from_ms> <until_ms>`; until 0 = open (written and read by roster.py)."""

    v: int = WIRE_VERSION
    version: Number
    part: Count
    body: RosterBody


RosterMessage = RosterManifest | RosterPart

AnyMessage = (
    ScanMessage
    | VerdictMessage
    | Ask
    | WantPart
    | Settled
    | State
    | HubState
    | Health
    | Command
    | Result
    | Config
    | RosterManifest
    | RosterPart
)


class RosterRow(Struct, frozen=True):
    """One badge a device may accept alone. No name, no money."""

    badge: BadgeHash
    rights: Word
    """Letters: one per use the badge may be used for (roster.RIGHTS)."""
    from_ms: Count = 0
    until_ms: Count = 0
