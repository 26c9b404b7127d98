"""Everything the pages stand on, put together by hand in `hub/__main__.py`, and the ports they need. No page and no rule."""

import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Protocol

from hub.accounts import Accounts
from hub.core.calendar import CalendarDay
from hub.core.facts import Charged, Fact, MorningJustified, MorningNoted, Refusal, ScanTaken, SettlementDone, StayClosed
from hub.core.school import Device
from hub.desk import Answer, Desk
from hub.fleet import Fleet
from proto.messages import Do

if TYPE_CHECKING:  # pages load them; a hub that starts does not need them yet
    from hub.core.imports import Kind
    from hub.core.lists import Readout, Table
    from hub.core.papers import Note, Pickup
    from hub.core.plans import Plan, Stamp
    from hub.core.reports import DeskSession, Earned, Moved
    from hub.core.settlement import Run, Settled
    from hub.core.trail import Step, Wanted
    from hub.core.tryout import Stayed
    from hub.core.why import Told


class Papers(Protocol):
    """What is kept of pupils beside the school's rows."""

    async def photo(self, pupil: int) -> bytes | None: ...

    async def set_photo(self, pupil: int, content: bytes, at_ms: int) -> bool: ...

    async def pickups(self, pupil: int, day: date) -> Sequence["Pickup"]: ...

    async def pickups_on(self, day: date) -> Mapping[int, Sequence["Pickup"]]: ...

    async def add_pickup(self, pickup: "Pickup") -> None: ...

    async def end_pickup(self, pupil: int, pickup: int, day: date) -> bool: ...

    async def note(self, pupil: int) -> str: ...

    async def set_note(self, pupil: int, text: str) -> None: ...


class Notes(Protocol):
    """What staff wrote of facts, under the facts' numbers."""

    async def write(self, note: "Note") -> None:
        """Empty erases it."""

    async def noted(self, numbers: Collection[int]) -> Mapping[int, "Note"]: ...

    async def about(self, pupils: Collection[int], day: int) -> Mapping[int, "Note"]:
        """Of a day of a pupil (YYYYMMDD), under each of its ids."""


class Trail(Protocol):
    """Who saw and did what."""

    async def write(self, steps: Sequence["Step"]) -> None: ...

    async def steps(self, wanted: "Wanted", limit: int) -> tuple["Step", ...]:
        """Newest first."""


class Lists(Protocol):
    """Lists that staff bring along (hub/core/imports.py): read, and carried out."""

    def read(self, content: bytes, kind: "Kind") -> "Readout | Refusal": ...

    async def carry_out(self, planned: "Plan", kind: "Kind", table: "Table", stamp: "Stamp") -> Answer: ...

    def is_address(self, text: str) -> bool: ...


class NotedMorning(Protocol):
    """A late or missed class morning, and what staff said of it last: a fact, and its number (0: none), under which its note is kept."""

    @property
    def morning(self) -> MorningNoted: ...

    @property
    def said(self) -> MorningJustified | None: ...

    @property
    def number(self) -> int: ...


class Past(Protocol):
    """What of the history the pages use: facts, newest first."""

    async def caught_up(self, number: int) -> None:
        """Wait until everything up to fact `number` can be queried."""

    async def scans(self, limit: int) -> Sequence[ScanTaken]: ...

    async def scans_of(self, pupil: int, limit: int) -> Sequence[ScanTaken]: ...

    async def entries_of(self, wallet: int, limit: int) -> Sequence[Fact]: ...

    async def facts(self, numbers: Collection[int]) -> Mapping[int, Fact]: ...

    async def stays_of(self, pupil: int, limit: int) -> Sequence[StayClosed]: ...

    async def mornings(self, since_day: int, until_day: int) -> Sequence["NotedMorning"]: ...

    async def stays_between(self, pupil: int, from_ms: int, until_ms: int) -> Sequence[StayClosed]: ...

    async def stays_at(self, site: int, from_ms: int, until_ms: int) -> tuple[Sequence["Stayed"], int]:
        """Those that began then and are over, and how many more nobody ended."""

    async def sold(self, charges: Collection[int]) -> Sequence[Fact]:
        """These charges in order, each after the meal it is for."""

    async def charges_of(self, pupil: int, limit: int) -> Sequence[Charged]: ...

    async def charge(self, charge: int) -> "Told | None": ...

    async def priced_from(self, pupils: Collection[int]) -> Sequence[Charged | StayClosed]:
        """What the days of these pupils are priced again from: charges, and stays that are over."""

    async def moves_of(self, wallets: Collection[int], limit: int) -> Mapping[int, Sequence[tuple[int, int]]]:
        """Of each wallet the last (Unix ms, cents) that moved it."""

    async def told_of(self, wallets: Collection[int]) -> Sequence[Fact]:
        """What statements of these wallets are made of, oldest first."""

    async def settlements(self, sites: Collection[int], limit: int) -> Sequence[SettlementDone]: ...


class Reports(Protocol):
    """Sums of the history (hub/reports.py); times are [from, until), in the unit they are counted by."""

    async def moved(self, programmes: Collection[int], quarters: tuple[int, int]) -> list["Moved"]:
        """Who came and went, of the stays that are over."""

    async def attended(self, programmes: Collection[int], hours: tuple[int, int]) -> list[tuple[int, int]]:
        """By hour the pupils who were there, as bits; of the stays that are over."""

    async def places(self) -> dict[int, int]:
        """The bit of each pupil."""

    async def earned(self, sites: Collection[int], quarters: tuple[int, int]) -> list["Earned"]: ...

    async def desks(self, sites: Collection[int], times_ms: tuple[int, int]) -> list["DeskSession"]:
        """Newest first."""


def machine_ms() -> int:
    """The time of this machine, Unix ms."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Office:
    """One per hub. `badge_key` keys the badge hashes; `command` tells a device to do something, False when it is away."""

    desk: Desk
    accounts: Accounts
    past: Past
    reports: Reports
    papers: Papers
    notes: Notes
    trail: Trail
    lists: Lists
    device_settings: Callable[[Device, str, Mapping[str, tuple[str, str]]], str]
    """The settings file of a device, its password included; with the hub's address as the device sees it, and its readers' (kind, path)."""
    fleet: Fleet
    badge_key: bytes
    command: Callable[[str, Do], bool]
    settle: Callable[[int, "Run", Callable[[int, int], None]], Awaitable["Settled | Refusal"]]
    """A settlement run, under an ask, that tells how many wallets of how many are done (hub/settlement.py)."""
    now_ms: Callable[[], int]
    """The school's time, Unix ms: what pages show. In an exercise a day may run faster than life."""
    random_bytes: Callable[[int], bytes]
    official_days: Callable[[str, date, date, str], Sequence[CalendarDay]]
    """Belgium's public and school holidays of a community's days [since, until), named in a language. Slow: for a thread."""
    wall_ms: Callable[[], int] = machine_ms
    """The machine's time, Unix ms: how long a web session or an invitation lasts."""
    over_https: bool = False
    """Whether browsers reach the hub over https: cookies are then bound to it."""
    silent_ms: int = 90_000
    """Three health messages missed, in the school's time: a device that is connected and says nothing."""
    alarms: Callable[[], Sequence[str]] = tuple
    """Codes of what is wrong with the hub itself: its disk (`folder.Folder.alarms`), its letters (`post.Post.alarms`)."""
    language: str = "fr"
    """Of a visitor who chose none: a catalogue of `hub/web/locales`, or `en`."""

    async def caught_up(self) -> None:
        """Wait until the history has what the books hold, and all of it is on disk: a page says nothing that a crash would undo."""
        await self.past.caught_up(await self.desk.seen())

    def new_id(self) -> int:
        """A random 63-bit id, never 0: of a form, a badge, an account."""
        return int.from_bytes(self.random_bytes(8), "big") >> 1 or 1
