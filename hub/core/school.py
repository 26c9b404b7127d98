"""The school as decisions see it: everything that is set up, frozen. Read from the register, never written here.

Ids are random 63-bit numbers, never reused; devices and readers carry the short names they have on the wire.
Names of people live here and in the register only: no fact may hold one.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from hub.core import indexes, timetable
from hub.core.calendar import CalendarDay, DayKind, Windows
from hub.core.formulas import Line
from hub.core.menus import Allergen, Canteen, Diet, Menu, Offer, default_canteen
from hub.core.timetable import AbsenceReason, Attendance, ClassHours, Formerly, LegalClass, Plan
from proto.messages import Direction, Use

Scans = timetable.Scans


class Policy(enum.StrEnum):
    """Whether a lack of money may stop a sale (requirement Q5). Whether a child is served is never decided here alone."""

    MUST_SERVE = "must_serve"
    MUST_HAVE_FUNDS = "must_have_funds"
    LIMIT = "limit"  # down to the site's floor


class ProductKind(enum.StrEnum):
    MEAL = "meal"
    ARTICLE = "article"
    FEE = "fee"  # on no menu and in no shop: what replacing a badge costs (badges.py)


class WalletScope(enum.StrEnum):
    """Whose the wallets of a site are (requirement Q1)."""

    HOUSEHOLD = "household"  # one for each household that pays (S26, S27)
    PUPIL = "pupil"  # two for each pupil, general and reserve (S28)


class Weeks(enum.StrEnum):
    """Which ISO weeks a row of custody holds for; a year of 53 weeks is followed by week 1: two odd ones in a row."""

    EVERY = "every"
    EVEN = "even"
    ODD = "odd"


class BadgeState(enum.StrEnum):
    ACTIVE = "active"
    BLOCKED = "blocked"
    LOST = "lost"
    REPLACED = "replaced"


class Contact(NamedTuple):
    """Whom families write to or call about a topic (`bills`, `presence`, …)."""

    topic: str
    name: str
    phone: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """One place of the school (*implantation*). `floor_cents`: how far below zero the `limit` policy lets a wallet go, ≤ 0.

    `low_cents`: a wallet that falls below this is low, ≥ 0 (requirement S36). Services before `live_from` are priced and cost nothing:
    the pilot, announced from `pilot_from` (S2). `whole_runs`: a settlement with anything left to verify posts nothing at all.
    Raises ValueError for thresholds or dates the wrong way round.
    """

    id: int
    name: str
    zone: ZoneInfo
    floor_cents: int = 0
    wallet_scope: WalletScope = WalletScope.HOUSEHOLD
    low_cents: int = 2_00
    files_due_day: date | None = None
    """By when family files have to be valid to count from their own first day; None = whenever."""
    pilot_from: date | None = None
    live_from: date | None = None
    whole_runs: bool = False
    address: str = ""
    iban: str = ""
    """Where families transfer money to, without spaces; empty = nowhere yet."""
    holder: str = ""
    """Registered name of that account: banks compare it with what a payer writes (Verification of Payee)."""
    contacts: tuple[Contact, ...] = ()

    def __post_init__(self) -> None:
        if self.pilot_from and not (self.live_from and self.pilot_from < self.live_from):
            raise ValueError(f"{self.name}: a pilot begins before it goes live: set `live_from` to a later day")
        if self.floor_cents > 0 or self.low_cents < 0:
            raise ValueError(f"{self.name}: a floor is at most 0,00 and a low balance at least 0,00")


@dataclass(frozen=True, slots=True)
class Programme:
    """Care or study at a site, its hours with the days on which they are valid, and which scans make a stay.

    `within`: the programme whose stays it takes its hours out of, for those planned here (study within care, S44); 0 = none.
    `days`: the kinds of day its hours hold on, empty = all. Charges are posted every `post_days` days on `post_weekday` (0 = Monday)
    by a settlement run, or at once (`post_days` 0; Q3). `formerly`: how it was run on days that are over, oldest first (days.py).
    """

    id: int
    site: int
    use: Use
    name: str
    windows: Windows
    scans: Scans = Scans.BOTH
    attendance: Attendance = Attendance.OPEN
    within: int = 0
    room: str = ""
    legal: LegalClass = LegalClass.OUTSIDE_HOURS
    post_days: int = 0
    post_weekday: int = 0
    days: frozenset[DayKind] = frozenset()
    formerly: tuple[Formerly, ...] = ()


@dataclass(frozen=True, slots=True)
class Product:
    """`price_cents`: where no tariff of its own is in force. `withdrawn`: on sale and on further menus no more; orders are handed out."""

    id: int
    site: int
    kind: ProductKind
    name: str
    price_cents: int
    policy: Policy
    allergens: frozenset[Allergen] = frozenset()
    diets: frozenset[str] = frozenset()
    """Codes of the diets it suits."""
    legal: LegalClass = LegalClass.OPTIONAL
    picture: str = ""
    """Name of its drawing, for those who cannot read yet; empty = none."""
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a programme or product (`item`) costs on the days [from_day, until_day), None = open. One that holds on no day is withdrawn.

    `group`: the tariff group whose daily maximum it counts towards, 0 = none. Versions of an item follow each other without a gap
    (complaints.py), and the last line of each stands for every child and day (requirement S70).
    """

    id: int
    item: int
    from_day: date
    until_day: date | None
    lines: tuple[Line, ...]
    group: int = 0


@dataclass(frozen=True, slots=True)
class TariffGroup:
    """Programmes, and the meals of one site, that together cost a pupil at most `max_cents` a day (complaints.py)."""

    id: int
    name: str
    max_cents: int


@dataclass(frozen=True, slots=True)
class FamilyFile:
    """A household's income file: `bracket` 1 to 10 or 0 = go by the QF; `qf_cents` the monthly *quotient familial*, -1 = not stated.

    Counts on the days [from_day, until_day), None = open, once it is validated (families.py; requirements S65, S66).
    """

    id: int
    household: int
    from_day: date
    until_day: date | None = None
    bracket: int = 0
    qf_cents: int = -1
    received_day: date | None = None
    validated_day: date | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """`generation` counts its passwords; `blocked` is empty or the reason code why the hub does not listen to it."""

    id: str
    site: int
    name: str
    generation: int = 1
    blocked: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader of a device. `product`: what a tap at this till hands out, 0 elsewhere. `door_ms`: its relay's pulse, 0 = no door."""

    device: str
    id: str
    name: str
    use: Use
    direction: Direction
    product: int = 0
    door_ms: int = 0


@dataclass(frozen=True, slots=True)
class Household:
    """Who pays. `key`: what the school's other programme calls it (imports.py), empty = nothing. `same_as`: as with a pupil."""

    id: int
    name: str
    key: str = ""
    address: str = ""
    same_as: int = 0


@dataclass(frozen=True, slots=True)
class Adult:
    """A grown-up of a household: its letters go to `email` (empty: none do), in `language` (`fr`)."""

    id: int
    household: int
    first_name: str
    last_name: str
    email: str = ""
    language: str = "fr"
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Pupil:
    """Who benefits; `household` pays where no custody says otherwise (payers.py), `site` is where the class is.

    `daily_limit_cents`: what may be spent on articles in a day, set by the parent; 0 = no limit (requirement P12).
    `key`: what the school's other programme calls the pupil (imports.py), empty = nothing; never a national register number.
    `same_as`: the pupil that this child is, entered a second time (merging.py); 0 = itself. `left_day`: the first day on which it is
    of the school no more (leaving.py), None = it does not leave.
    """

    id: int
    household: int
    site: int
    first_name: str
    last_name: str
    group: str = ""
    daily_limit_cents: int = 0
    born: date | None = None
    key: str = ""
    birth_order: int = 0
    child_type: str = ""
    same_as: int = 0
    left_day: date | None = None

    def is_here(self, day: date) -> bool:
        """Whether the pupil is of the school on a day."""
        return self.left_day is None or day < self.left_day


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
class Custody:
    """On which days another household pays for a pupil: [from_day, until_day), None = open; `weekdays` 0 = Monday (requirement Q12)."""

    id: int
    pupil: int
    household: int
    from_day: date
    until_day: date | None = None
    weeks: Weeks = Weeks.EVERY
    weekdays: frozenset[int] = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class PayerOverride:
    """Who pays for a pupil on these days whatever the custody says; `item`: a programme or product, 0 = everything."""

    id: int
    pupil: int
    household: int
    from_day: date
    until_day: date | None = None
    item: int = 0


@dataclass(frozen=True, slots=True)
class School:
    """All of it. Mappings are read-only; an edit makes a new School with the changed rows (register.py)."""

    sites: Mapping[int, Site] = field(default_factory=dict)
    programmes: Mapping[int, Programme] = field(default_factory=dict)
    products: Mapping[int, Product] = field(default_factory=dict)
    devices: Mapping[str, Device] = field(default_factory=dict)
    readers: Mapping[tuple[str, str], Reader] = field(default_factory=dict)
    households: Mapping[int, Household] = field(default_factory=dict)
    """Also under each id that a family was entered under a second time: what facts say of that one is this family's."""
    homes: tuple[Household, ...] = ()
    """Each family once: made from households."""
    second_homes: Mapping[int, Household] = field(default_factory=dict)
    """Those second entries, as they were."""
    adults: Mapping[int, Adult] = field(default_factory=dict)
    pupils: Mapping[int, Pupil] = field(default_factory=dict)
    """Also under each id that a child was entered under a second time: what facts say of that one is this child's."""
    everyone: tuple[Pupil, ...] = ()
    """Each child once: made from pupils."""
    merged: Mapping[int, Pupil] = field(default_factory=dict)
    """Those second entries, as they were."""
    badges: Mapping[str, tuple[Badge, ...]] = field(default_factory=dict)
    """All states a badge hash was ever in, oldest first."""
    days: Mapping[tuple[int, date], CalendarDay] = field(default_factory=dict)
    canteens: Mapping[int, Canteen] = field(default_factory=dict)
    menus: Mapping[tuple[int, date], Menu] = field(default_factory=dict)
    diets: Mapping[int, Diet] = field(default_factory=dict)
    custody: Mapping[int, tuple[Custody, ...]] = field(default_factory=dict)
    """By pupil, oldest first."""
    overrides: Mapping[int, tuple[PayerOverride, ...]] = field(default_factory=dict)
    """By pupil, oldest first."""
    tariffs: Mapping[int, tuple[Tariff, ...]] = field(default_factory=dict)
    """By item, oldest first."""
    groups: Mapping[int, TariffGroup] = field(default_factory=dict)
    files: Mapping[int, tuple[FamilyFile, ...]] = field(default_factory=dict)
    """By household, oldest first."""
    plans: Mapping[int, tuple[Plan, ...]] = field(default_factory=dict)
    """By pupil, oldest first."""
    absences: Mapping[int, AbsenceReason] = field(default_factory=dict)
    class_hours: Mapping[tuple[int, str, int], tuple[ClassHours, ...]] = field(default_factory=dict)
    """By site, group and weekday, oldest first."""
    kin: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """household -> pupils it may have to pay for, eldest first: made from pupils, custody and overrides."""
    inner: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """programme -> those within it: made from programmes."""
    by_use: Mapping[tuple[int, Use], tuple[Programme, ...]] = field(default_factory=dict)
    """(site, use) -> programmes, those within others last: made from programmes."""
    siblings: dict[int, tuple[Pupil, ...]] = field(init=False, default_factory=dict, compare=False, repr=False)
    """pupil -> the other children of those who may pay for it: made as dues.py asks for them."""
    changed_day: date | None = None
    """The first day on which every programme is run as it is now: made from programmes."""
    runs: dict[date, "School"] = field(init=False, default_factory=dict, compare=False, repr=False)
    """With its programmes as they were run before a day: made as days.py asks for it."""
    by_presence: bool = False
    """Whether any price asks which brothers and sisters were there that day: made from tariffs."""

    def as_entered(self, pupil: int) -> Pupil | None:
        """Under the very id that was asked for, also where it is a second entry: what was booked under it stays there."""
        return self.merged.get(pupil) or self.pupils.get(pupil)

    def home(self, household: int) -> int:
        """The family that a household is, also where it is a second entry."""
        second = self.second_homes.get(household)
        return second.same_as if second else household

    def homes_of(self, household: int) -> tuple[int, ...]:
        """Every id under which facts may speak of a family."""
        return (household, *(old for old, row in self.second_homes.items() if row.same_as == household))

    def ids_of(self, pupil: int) -> tuple[int, ...]:
        """Every id under which facts may speak of a child."""
        return (pupil, *(old for old, row in self.merged.items() if row.same_as == pupil))

    def is_planned(self, pupil: int, programme: int, day: date) -> bool:
        """Whether a pupil is expected at a programme on a day."""
        return any(plan.programme == programme and plan.covers(day) for plan in self.plans.get(pupil, ()))

    def canteen(self, site: int) -> Canteen:
        """How a site takes orders and runs its till."""
        return self.canteens.get(site) or default_canteen(site)

    def offer(self, site: int, day: date, product: int) -> Offer | None:
        """A product as it stands on the menu of a day."""
        menu = self.menus.get((site, day))
        return next((offer for offer in menu.offers if offer.product == product), None) if menu else None

    def badges_of(self, pupil: int) -> list[Badge]:
        """Every badge state of a pupil, newest first."""
        found = [badge for states in self.badges.values() for badge in states if badge.pupil == pupil]
        return sorted(found, key=lambda badge: badge.from_ms, reverse=True)


Row = (
    Site
    | Programme
    | Product
    | Device
    | Reader
    | Household
    | Adult
    | Pupil
    | Badge
    | CalendarDay
    | Custody
    | PayerOverride
    | Tariff
    | TariffGroup
    | FamilyFile
    | Canteen
    | Menu
    | Diet
    | Plan
    | AbsenceReason
    | ClassHours
)
Rows = tuple[Row, ...]


def edited(school: School, rows: Rows) -> School:
    """The school with these rows put in or replaced; everything else is shared with the old one."""
    changed: dict[str, dict[object, object]] = {}
    for row in rows:
        name, key, value = _place(school, row, changed)
        changed.setdefault(name, dict(getattr(school, name)))[key] = value
    school = replace(school, **changed)  # type: ignore[arg-type]
    if "programmes" in changed:
        school = replace(school, inner=indexes.inner(school), by_use=indexes.by_use(school), changed_day=indexes.changed_day(school))
    if "tariffs" in changed:
        school = replace(school, by_presence=any(by_presence(tariff) for versions in school.tariffs.values() for tariff in versions))
    if {"households", "second_homes"} & changed.keys():
        school = replace(school, **indexes.families(school))
    if {"pupils", "merged", "custody", "overrides"} & changed.keys():
        school = replace(school, **indexes.children(school))
        school = replace(school, kin=indexes.kin(school))
    return school


def by_presence(tariff: Tariff | None) -> bool:
    """Whether a price depends on which brothers and sisters came that day."""
    return tariff is not None and any(line.siblings is not None and line.siblings.present for line in tariff.lines)


def _place(school: School, row: Row, changed: Mapping[str, Mapping[object, object]]) -> tuple[str, object, object]:
    """In which mapping a row stands, under which key, as what."""
    match row:
        case Pupil() if row.same_as:
            return "merged", row.id, row
        case Household() if row.same_as:
            return "second_homes", row.id, row
        case Badge():
            states = changed.get("badges", school.badges).get(row.hash, ())
            return "badges", row.hash, in_order([*(state for state in states if state.id != row.id), row])  # type: ignore[attr-defined]
    name, *fields = _PLACES[type(row)]
    found = tuple(getattr(row, each) for each in fields)
    key = found if len(fields) > 1 else found[0]
    return name, key, _beside(changed.get(name, getattr(school, name)).get(key, ()), row) if isinstance(row, _Dated) else row


_PLACES: dict[type, tuple[str, ...]] = {
    Site: ("sites", "id"),
    Programme: ("programmes", "id"),
    Product: ("products", "id"),
    Device: ("devices", "id"),
    Reader: ("readers", "device", "id"),
    Household: ("households", "id"),
    Adult: ("adults", "id"),
    Pupil: ("pupils", "id"),
    CalendarDay: ("days", "site", "day"),
    TariffGroup: ("groups", "id"),
    Canteen: ("canteens", "site"),
    Menu: ("menus", "site", "day"),
    Diet: ("diets", "pupil"),
    AbsenceReason: ("absences", "id"),
    Custody: ("custody", "pupil"),
    PayerOverride: ("overrides", "pupil"),
    Tariff: ("tariffs", "item"),
    FamilyFile: ("files", "household"),
    Plan: ("plans", "pupil"),
    ClassHours: ("class_hours", "site", "group", "weekday"),
}
"""The mapping in which a row stands, and the fields of its key."""
_Dated = Custody | PayerOverride | Tariff | FamilyFile | Plan | ClassHours  # several stand under one key, each with its days


def _beside(rows: Any, row: _Dated) -> tuple[Any, ...]:
    """The rows that stand together with this one put in or replaced, oldest first; class hours have no name but their first day."""
    name = "from_day" if isinstance(row, ClassHours) else "id"
    others = (other for other in rows if getattr(other, name) != getattr(row, name))
    return tuple(sorted((*others, row), key=lambda each: (each.from_day, getattr(each, name))))


def in_order(states: list[Badge]) -> tuple[Badge, ...]:
    """The states of one badge hash, oldest first: the order `badge_at` relies on."""
    return tuple(sorted(states, key=lambda badge: (badge.from_ms, badge.id)))
