"""The school as decisions see it: everything that is set up, frozen. Read from the register, never written here.

Ids are random 63-bit numbers, never reused; devices and readers carry the short names they have on the wire.
Names of people live here and in the register only: no fact may hold one.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from zoneinfo import ZoneInfo

from hub.core.calendar import Window
from proto.messages import Direction, Use


class Policy(enum.StrEnum):
    """Whether a lack of money may stop a sale (requirement Q5). Whether a child is served is never decided here alone."""

    MUST_SERVE = "must_serve"
    MUST_HAVE_FUNDS = "must_have_funds"
    LIMIT = "limit"  # down to the site's floor


class Per(enum.StrEnum):
    PERIOD = "period"  # per started period, with a tolerance
    SESSION = "session"  # once a day


class ProductKind(enum.StrEnum):
    MEAL = "meal"
    ARTICLE = "article"


class DayKind(enum.StrEnum):
    """What a day is at a site; tariffs and cut-offs go by it."""

    SCHOOL = "school"
    WEDNESDAY = "wednesday"  # a school day that ends at noon
    WEEKEND = "weekend"
    PUBLIC = "public"  # a public holiday: nobody works
    HOLIDAY = "holiday"  # of the school
    PEDAGOGIC = "pedagogic"  # teachers only
    CAMP = "camp"


class BadgeState(enum.StrEnum):
    ACTIVE = "active"
    BLOCKED = "blocked"
    LOST = "lost"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Site:
    """One place of the school (*implantation*). `floor_cents`: how far below zero the `limit` policy lets a wallet go, ≤ 0."""

    id: int
    name: str
    zone: ZoneInfo
    floor_cents: int = 0


@dataclass(frozen=True, slots=True)
class Tariff:
    """`unit_tenths` in tenths of a cent, per started period of `period_min` or per session; `max_cents` caps a stay, 0 = no cap.

    Raises ValueError for what no price can be made of.
    """

    per: Per
    unit_tenths: int
    period_min: int = 0
    tolerance_min: int = 0
    max_cents: int = 0

    def __post_init__(self) -> None:
        if self.per is Per.PERIOD and self.period_min < 1:
            raise ValueError(f"a tariff per period needs a period of at least a minute, not {self.period_min}")
        if min(self.unit_tenths, self.tolerance_min, self.max_cents) < 0:
            raise ValueError(f"a tariff has no negative price, tolerance or maximum: {self}")


@dataclass(frozen=True, slots=True)
class Programme:
    """Care or study at a site: its hours and its price. `needs_exit`: a stay without an exit scan is flagged.

    Raises ValueError where the price counts minutes that nobody would count.
    """

    id: int
    site: int
    use: Use
    name: str
    windows: tuple[Window, ...]
    tariff: Tariff
    needs_exit: bool = True

    def __post_init__(self) -> None:
        if self.tariff.per is Per.PERIOD and not self.needs_exit:
            raise ValueError(f"{self.name}: a price per period needs an exit scan")


@dataclass(frozen=True, slots=True)
class Product:
    id: int
    site: int
    kind: ProductKind
    name: str
    price_cents: int
    policy: Policy


@dataclass(frozen=True, slots=True)
class Device:
    """`generation` counts its passwords; `blocked` is empty or the reason code why the hub does not listen to it."""

    id: str
    site: int
    name: str
    generation: int = 1
    blocked: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader of a device. `product`: what a tap at this till settles, 0 elsewhere. `door_ms`: its relay's pulse, 0 = no door."""

    device: str
    id: str
    name: str
    use: Use
    direction: Direction
    product: int = 0
    door_ms: int = 0


@dataclass(frozen=True, slots=True)
class Household:
    """Who pays."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Pupil:
    """Who benefits; `household` pays for it, `site` is where the class is."""

    id: int
    household: int
    site: int
    first_name: str
    last_name: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class Badge:
    """One badge in one state from `from_ms` to `until_ms` (0 = open). `mark`: the last letters, to tell two badges apart on a page."""

    id: int
    hash: str
    pupil: int
    state: BadgeState
    from_ms: int
    until_ms: int = 0
    mark: str = ""


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day that is not what its weekday says, or is all the same; `site` 0 = all sites. A site's own word goes before that of all."""

    site: int
    day: date
    kind: DayKind
    name: str = ""


@dataclass(frozen=True, slots=True)
class School:
    """All of it. Mappings are read-only; an edit makes a new School with the changed rows (register.py)."""

    sites: Mapping[int, Site] = field(default_factory=dict)
    programmes: Mapping[int, Programme] = field(default_factory=dict)
    products: Mapping[int, Product] = field(default_factory=dict)
    devices: Mapping[str, Device] = field(default_factory=dict)
    readers: Mapping[tuple[str, str], Reader] = field(default_factory=dict)
    households: Mapping[int, Household] = field(default_factory=dict)
    pupils: Mapping[int, Pupil] = field(default_factory=dict)
    badges: Mapping[str, tuple[Badge, ...]] = field(default_factory=dict)
    """All states a badge hash was ever in, oldest first."""
    days: Mapping[tuple[int, date], CalendarDay] = field(default_factory=dict)

    def programme_for(self, site: int, use: Use) -> Programme | None:
        """The programme of this use at this site; of two, always the same one, in whatever order they were read."""
        found = (programme for programme in self.programmes.values() if programme.site == site and programme.use is use)
        return min(found, key=lambda programme: programme.id, default=None)

    def badges_of(self, pupil: int) -> list[Badge]:
        """Every badge state of a pupil, newest first."""
        found = [badge for states in self.badges.values() for badge in states if badge.pupil == pupil]
        return sorted(found, key=lambda badge: badge.from_ms, reverse=True)


def badge_at(school: School, badge_hash: str, moment_ms: int) -> Badge | None:
    """The state this badge was in at an instant, or None when it was not known then."""
    for badge in reversed(school.badges.get(badge_hash, ())):
        if badge.from_ms <= moment_ms and (badge.until_ms == 0 or moment_ms < badge.until_ms):
            return badge
    return None


Row = Site | Programme | Product | Device | Reader | Household | Pupil | Badge | CalendarDay
Rows = tuple[Row, ...]


def edited(school: School, rows: Rows) -> School:
    """The school with these rows put in or replaced; everything else is shared with the old one."""
    changed: dict[str, dict[object, object]] = {}
    for row in rows:
        name, key, value = _place(school, row, changed)
        changed.setdefault(name, dict(getattr(school, name)))[key] = value
    return replace(school, **changed)  # type: ignore[arg-type]


def _place(school: School, row: Row, changed: Mapping[str, Mapping[object, object]]) -> tuple[str, object, object]:
    """In which mapping a row stands, under which key, as what."""
    match row:
        case Site():
            return "sites", row.id, row
        case Programme():
            return "programmes", row.id, row
        case Product():
            return "products", row.id, row
        case Device():
            return "devices", row.id, row
        case Reader():
            return "readers", (row.device, row.id), row
        case Household():
            return "households", row.id, row
        case Pupil():
            return "pupils", row.id, row
        case CalendarDay():
            return "days", (row.site, row.day), row
        case Badge():
            states = changed.get("badges", school.badges).get(row.hash, ())
            return "badges", row.hash, in_order([*(state for state in states if state.id != row.id), row])  # type: ignore[attr-defined]


def in_order(states: list[Badge]) -> tuple[Badge, ...]:
    """The states of one badge hash, oldest first: the order `badge_at` relies on."""
    return tuple(sorted(states, key=lambda badge: (badge.from_ms, badge.id)))
