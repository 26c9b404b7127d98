"""All nouns of the device: what a reader finds, what happens (events), and what is to be done about it (effects).

`station.step(state, event, now_ms) -> (state, effects)` is the only place where one becomes the other. `now_ms` and every
`mono_ms` are milliseconds of the same monotonic clock (CLOCK_BOOTTIME on a Pi).
"""

import enum

import msgspec
from msgspec import Struct

from proto.messages import (
    ClockQuality,
    Command,
    DeviceConfig,
    HubState,
    Line,
    RosterManifest,
    RosterPart,
    RosterRow,
    Scan,
    Settled,
    State,
    VerdictMessage,
)

# --- what a reader hands on (readers/framing.py) -------------------------------------------------


class Spoilt(enum.StrEnum):
    """Why a read is no read."""

    OVERLONG = "overlong"  # more than badge.MAX_READ characters without an end
    PARTIAL = "partial"  # ended by a pause, and what came is no badge
    MALFORMED = "malformed"  # ended properly, and is no badge
    CHECKSUM = "checksum"  # a framed reader's own checksum is wrong
    VOID = "void"  # the kernel dropped keys (SYN_DROPPED) or the reader vanished in the middle


class Text(Struct, frozen=True):
    """Characters, without their end mark: a printed code, or a calibration text."""

    text: str


class Tag(Struct, frozen=True):
    """A tag in its canonical form (proto.badge.tag)."""

    canonical: str


class Layout(Struct, frozen=True):
    """The calibration code was typed: this key table reads it, and `idle_ms` is the pause that ends a scan of so slow a typist."""

    layout: str
    idle_ms: int


Found = Text | Tag | Spoilt | Layout

# --- events --------------------------------------------------------------------------------------


class Clock(Struct, frozen=True):
    """The device's clocks at one instant."""

    boot: str
    wall_ms: int
    err_ms: int
    quality: ClockQuality


class ReadIn(Struct, frozen=True):
    """A reader finished a read. `nonce` is fresh randomness, used only if the reader guards a door."""

    reader: str
    found: Found
    clock: Clock
    nonce: str


class ReaderChanged(Struct, frozen=True):
    reader: str
    ok: bool
    name: str = ""


class LinkUp(Struct, frozen=True):
    """Connected to the broker, under a link session that is new each time."""

    session: str


class LinkDown(Struct, frozen=True):
    pass


class HubChanged(Struct, frozen=True):
    state: HubState


class VerdictIn(Struct, frozen=True):
    message: VerdictMessage


class SettledIn(Struct, frozen=True):
    message: Settled


class CommandIn(Struct, frozen=True):
    """`retained` commands are never obeyed. `nonce` is fresh randomness for a challenge."""

    message: Command
    retained: bool
    nonce: str


class ForeignState(Struct, frozen=True):
    """A state on our own topic that we did not publish."""

    message: State


class ConfigIn(Struct, frozen=True):
    """A config whose signature was checked."""

    version: int
    config: DeviceConfig


class RosterOffered(Struct, frozen=True):
    """A manifest whose signature was checked."""

    manifest: RosterManifest


class RosterPartIn(Struct, frozen=True):
    part: RosterPart


class RosterLoaded(Struct, frozen=True):
    """A whole roster, verified against its manifest, from the wire or from the card."""

    manifest: RosterManifest
    rows: tuple[RosterRow, ...]


class Stored(Struct, frozen=True):
    """Everything handed to the last Store is on disk; `unsettled`: how many stored records the hub has not settled."""

    unsettled: int = 0


class StoreFailed(Struct, frozen=True):
    reason: str


class Backlog(Struct, frozen=True):
    """How many stored records the hub has not settled."""

    unsettled: int


class Tick(Struct, frozen=True):
    """Time went by: `station.wake_ms` has passed."""


Event = (
    ReadIn
    | ReaderChanged
    | LinkUp
    | LinkDown
    | HubChanged
    | VerdictIn
    | SettledIn
    | CommandIn
    | ForeignState
    | ConfigIn
    | RosterOffered
    | RosterPartIn
    | RosterLoaded
    | Stored
    | StoreFailed
    | Backlog
    | Tick
)

# --- effects -------------------------------------------------------------------------------------


class Pattern(enum.StrEnum):
    """What lamps and buzzer play; the four of proto.messages.Light, and the device's own. None tells money."""

    ACCEPTED = "accepted"
    LOOK = "look"
    AGAIN = "again"
    ADULT = "adult"
    READING = "reading"  # a short tick: the reader has read something
    AWAY = "away"  # not ready or no hub: a dim slow ring, silent, until something else is shown
    READY = "ready"  # ends AWAY
    LOCATE = "locate"  # blink for a person who looks for this device
    TEST = "test"  # every outcome one after the other, for the person who installs it


class Show(Struct, frozen=True):
    """`n`: which scan of this incarnation it answers; 0 where it answers none."""

    pattern: Pattern
    reader: str = ""
    n: int = 0


class Send(Struct, frozen=True):
    """Publish the oldest unsettled records as question `q`: stored ones first, then `open` ones (in memory, not yet shown)."""

    q: int
    open: tuple[Scan, ...]


class SendAsk(Struct, frozen=True):
    """Publish question `q` without records."""

    q: int


class Store(Struct, frozen=True):
    """Append to the outbox in order, fdatasync, then report Stored or StoreFailed. `unsettled` ones wait for the hub."""

    answered: tuple[Scan, ...]
    """The hub has them: archived, so that a restored hub gets them back."""
    unsettled: tuple[Scan, ...]
    """Answered by the device: the hub has to book what was shown."""


class Settle(Struct, frozen=True):
    """Mark stored records by what the hub has, upwards or downwards, then report Backlog."""

    lines: tuple[Line, ...]


class Pulse(Struct, frozen=True):
    """Pull the door relay of this reader once, for `ms`."""

    reader: str
    ms: int


class PublishState(Struct, frozen=True):
    pass


class PublishHealth(Struct, frozen=True):
    pass


class Answer(Struct, frozen=True):
    """Result of command `n`."""

    n: int
    code: str
    nonce: str = ""


class Restart(Struct, frozen=True):
    """End the process in order: systemd starts it again."""


class Want(Struct, frozen=True):
    """Ask for one part of the offered roster."""

    version: int
    part: int


class KeepRoster(Struct, frozen=True):
    """Verify the parts against the manifest and keep them on the card; report RosterLoaded."""

    manifest: RosterManifest
    parts: tuple[str, ...]


class KeepConfig(Struct, frozen=True):
    """Keep this config on the card, for a start without hub."""

    version: int
    config: DeviceConfig


class KeepLayout(Struct, frozen=True):
    """Remember what the calibration code found for this reader."""

    reader: str
    found: Layout


class Log(Struct, frozen=True):
    """One line for the journal of the device; names readers and reasons, never a badge."""

    text: str
    fields: dict[str, str | int] = msgspec.field(default_factory=dict)


Effect = (
    Show
    | Send
    | SendAsk
    | Store
    | Settle
    | Pulse
    | PublishState
    | PublishHealth
    | Answer
    | Restart
    | Want
    | KeepRoster
    | KeepConfig
    | KeepLayout
    | Log
)
