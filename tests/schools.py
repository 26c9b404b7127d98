"""A small made-up school, and taps in its words: `scan("Léa", "care-door", "16:02")`. Always the same ids, always the same answers.

Two sites, three families, four pupils. `Day` decides taps on books in memory, without desk, journal or clock.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Concatenate, ParamSpec
from zoneinfo import ZoneInfo

import msgspec

from hub.core import attendance, scans
from hub.core.books import Books
from hub.core.calendar import Window
from hub.core.codes import Compartment
from hub.core.facts import Facts, Refusal, ScanTaken, Unresolved, derived
from hub.core.formulas import Fixed, Line, Periods, Session
from hub.core.ledger import wallet_account
from hub.core.scans import Arrived
from hub.core.school import (
    Badge,
    BadgeState,
    Device,
    Household,
    Policy,
    Product,
    ProductKind,
    Programme,
    Pupil,
    Reader,
    Rows,
    Scans,
    School,
    Site,
    Tariff,
    edited,
)
from hub.core.settlement import close_days
from hub.core.tariffs import price_of_product
from hub.core.wallets import Sale, charge, open_balances
from hub.desk import Decide
from proto.badge import badge_hash
from proto.messages import Direction, Light, Scan, Shown, Use

P = ParamSpec("P")

ZONE = ZoneInfo("Europe/Brussels")
MONDAY = date(2025, 1, 6)
TUESDAY = date(2025, 1, 7)
WEDNESDAY = date(2025, 1, 8)
LONG_DAY = date(2025, 10, 26)
"""A Sunday of 25 hours."""
SHORT_DAY = date(2025, 3, 30)
"""A Sunday of 23 hours."""

BADGE_KEY = b"a badge key for tests, 32 bytes."
FIRST_LIFE = "a" * 16
"""The incarnation a device has until it is restarted."""
SECOND_LIFE = "b" * 16
BOOT = "c" * 16
NONCE = "d" * 16

SCHOOL_DAYS = frozenset({0, 1, 3, 4})
WEDNESDAYS = frozenset({2})
WEEK = SCHOOL_DAYS | WEDNESDAYS

CARE_LINE = Line(Periods(Fixed(750), period_min=30, tolerance_min=5), max_cents=600)
"""0,75 € per started half hour, five minutes are forgiven, 6,00 € at most."""
STUDY_LINE = Line(Session(Fixed(1000)))
"""1,00 € a session."""


def number(name: str) -> int:
    """The id of a person, place or thing of the made-up school, by its name."""
    return derived(1, name)


def moment(clock: str, day: date = MONDAY) -> int:
    """Unix ms of a wall-clock time at the school: `16:02`, `16:02:30`."""
    return int(datetime.combine(day, time.fromisoformat(clock), ZONE).timestamp() * 1000)


def badge(name: str) -> str:
    """The hash of a pupil's badge, as the wire has it."""
    return badge_hash(BADGE_KEY, name)


def hours(weekdays: Iterable[int], start: str, end: str) -> Window:
    """`hours(WEEK, "15:30", "18:00")`; an end of 24:00 or later goes past midnight."""
    return Window(frozenset(weekdays), _minute(start), _minute(end))


def _minute(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


CARE_HOURS = (hours(WEEK, "07:00", "08:30"), hours(SCHOOL_DAYS, "15:30", "18:00"), hours(WEDNESDAYS, "12:00", "18:00"))
STUDY_HOURS = (hours(SCHOOL_DAYS, "16:05", "17:15"), hours(SCHOOL_DAYS, "17:15", "18:00"))


def small_school() -> School:
    """Les Tilleuls (care, study, canteen, tills) and Le Parc (care, canteen); Léa and Tom Vanderzande, Noé Quintelier, Mia Okonkwo."""
    return edited(School(), (*_places(), *_offers(), *_readers(), *_people()))


def _places() -> Rows:
    devices = sorted({device for device, *_ in READERS})
    return (
        Site(number("Tilleuls"), "Les Tilleuls", ZONE, floor_cents=-10_00),
        Site(number("Parc"), "Le Parc", ZONE),
        *(Device(device, number(_site_of(device)), device) for device in devices),
    )


def _site_of(device: str) -> str:
    return "Parc" if device.startswith("parc") else "Tilleuls"


def _offers() -> Rows:
    tilleuls, parc = number("Tilleuls"), number("Parc")
    return (
        Programme(number("care"), tilleuls, Use.CARE, "Garderie", CARE_HOURS),
        Programme(number("study"), tilleuls, Use.STUDY, "Étude", STUDY_HOURS, scans=Scans.ENTRY),
        Programme(number("parc-care"), parc, Use.CARE, "Garderie du Parc", CARE_HOURS),
        tariff("care", CARE_LINE),
        tariff("study", STUDY_LINE),
        tariff("parc-care", CARE_LINE),
        Product(number("meal"), tilleuls, ProductKind.MEAL, "Repas", 4_50, Policy.MUST_SERVE),
        Product(number("sandwich"), tilleuls, ProductKind.ARTICLE, "Sandwich", 3_20, Policy.MUST_HAVE_FUNDS),
        Product(number("drink"), tilleuls, ProductKind.ARTICLE, "Boisson", 1_50, Policy.LIMIT),
        Product(number("parc-meal"), parc, ProductKind.MEAL, "Repas du Parc", 4_00, Policy.MUST_SERVE),
    )


def tariff(item: str, *lines: Line, since: date = date.min, until: date | None = None, group: str = "") -> Tariff:
    """A version of the tariff of a programme or product; the same item and first day are the same version."""
    return Tariff(number(f"tariff {item} {since}"), number(item), since, until, lines, number(group) if group else 0)


READERS: tuple[tuple[str, str, Use, Direction, str, int], ...] = (
    ("door", "care-door", Use.CARE, Direction.TOGGLE, "", 0),
    ("door", "care-in", Use.CARE, Direction.IN, "", 0),
    ("door", "care-out", Use.CARE, Direction.OUT, "", 0),
    ("gate", "care-gate", Use.CARE, Direction.TOGGLE, "", 800),
    ("room", "study-door", Use.STUDY, Direction.TOGGLE, "", 0),
    ("room", "study-in", Use.STUDY, Direction.IN, "", 0),
    ("room", "study-out", Use.STUDY, Direction.OUT, "", 0),
    ("till", "meal-till", Use.TILL, Direction.IN, "meal", 0),
    ("till", "sandwich-till", Use.TILL, Direction.IN, "sandwich", 0),
    ("till", "drink-till", Use.TILL, Direction.IN, "drink", 0),
    ("hall", "empty-till", Use.TILL, Direction.IN, "", 0),
    ("hall", "kiosk", Use.KIOSK, Direction.IN, "", 0),
    ("hall", "entrance", Use.ENTRANCE, Direction.IN, "", 0),
    ("parc-door", "parc-care", Use.CARE, Direction.TOGGLE, "", 0),
    ("parc-door", "parc-study", Use.STUDY, Direction.TOGGLE, "", 0),
    ("parc-till", "parc-meal-till", Use.TILL, Direction.IN, "parc-meal", 0),
)
"""Device, reader, use, direction, product, door pulse in ms. No two readers share an id, so a test names the reader alone."""

DEVICE_OF = {reader: device for device, reader, *_ in READERS}


def _readers() -> Rows:
    return tuple(
        Reader(device, reader, reader, use, direction, number(product) if product else 0, door_ms)
        for device, reader, use, direction, product, door_ms in READERS
    )


PEOPLE = (
    ("Léa", "Vanderzande", "Tilleuls"),
    ("Tom", "Vanderzande", "Tilleuls"),
    ("Noé", "Quintelier", "Tilleuls"),
    ("Mia", "Okonkwo", "Parc"),
)
"""First name, family (who pays), site of the class."""


def _people() -> Rows:
    families = dict.fromkeys(family for _, family, _ in PEOPLE)
    since_ms = moment("00:00", date(2024, 9, 1))
    return (
        *(Household(number(family), family) for family in families),
        *(Pupil(number(name), number(family), number(site), name, family, "3A") for name, family, site in PEOPLE),
        *(Badge(number(f"badge {name}"), badge(name), number(name), BadgeState.ACTIVE, since_ms) for name, _, _ in PEOPLE),
    )


def scan(
    who: str,
    reader: str,
    clock: str,
    *,
    day: date = MONDAY,
    n: int = 1,
    inc: str = FIRST_LIFE,
    shown: Shown | Light | None = None,
    nonce: str = "",
    err_ms: int = 0,
) -> Arrived:
    """A tap of this pupil's badge (or of any other name's, unknown to the school) as it comes in: heard 50 ms after it happened."""
    at_ms = moment(clock, day)
    lit = Shown(shown) if isinstance(shown, Light) else shown
    wire = Scan(
        inc=inc, n=n, reader=reader, badge=badge(who), boot=BOOT, mono_ms=at_ms, wall_ms=at_ms, err_ms=err_ms, nonce=nonce, shown=lit
    )
    return Arrived(DEVICE_OF.get(reader, "door"), wire, at_ms, err_ms, at_ms + 50)


def reported(taken: Arrived, light: Light, *, code: str = "", by_hub: bool = False) -> Arrived:
    """The same tap again, with what the device has lit for it."""
    return msgspec.structs.replace(taken, scan=msgspec.structs.replace(taken.scan, shown=Shown(light, code, by_hub)))


@dataclass(slots=True)
class Day:
    """Taps decided and applied at once. `facts` is what a journal would hold; `last` came of the last act."""

    school: School = field(default_factory=small_school)
    date: date = MONDAY
    books: Books = field(default_factory=Books)
    facts: list[Facts] = field(default_factory=list)
    _records: Counter[tuple[str, str]] = field(default_factory=Counter)
    _asks: int = 0

    def tap(
        self,
        who: str,
        reader: str,
        clock: str,
        *,
        inc: str = FIRST_LIFE,
        shown: Shown | Light | None = None,
        nonce: str = "",
        err_ms: int = 0,
    ) -> ScanTaken:
        """A tap and what came of it; record numbers count by themselves."""
        line = (DEVICE_OF.get(reader, "door"), inc)
        self._records[line] += 1
        arrived = scan(who, reader, clock, day=self.date, n=self._records[line], inc=inc, shown=shown, nonce=nonce, err_ms=err_ms)
        return self.take(arrived)

    def take(self, arrived: Arrived) -> ScanTaken:
        """A scan that was built elsewhere."""
        taken = self._booked(scans.take(self.school, self.books, arrived))[0]
        assert isinstance(taken, ScanTaken)
        return taken

    def report(self, arrived: Arrived) -> Facts:
        """What the device had lit for a scan that was taken before."""
        return self._booked(scans.book_shown(self.school, self.books, arrived))

    def close(self, clock: str) -> Facts:
        """What time alone brings: stays and days that are over."""
        now_ms = moment(clock, self.date)
        ended: Facts = ()
        while True:
            self._asks += 1
            brought = self._booked(attendance.upkeep(self.school, self.books, self._asks, now_ms))
            ended += brought
            if not brought:
                break
        self._asks += 1
        self._booked(close_days(self.school, self.books, self._asks, now_ms))
        return ended

    def do(self, decide: Decide[Concatenate[int, P]], *details: P.args, **named: P.kwargs) -> Facts | Refusal:
        """Any other decision, under a fresh ask."""
        self._asks += 1
        outcome = decide(self.school, self.books, self._asks, *details, **named)
        return outcome if isinstance(outcome, Refusal) else self._booked(outcome)

    def buy(self, who: str, product: str, clock: str) -> Facts | Refusal:
        """A product at its price, by its policy, as the cashier's form books it."""
        pupil, what = self.school.pupils[number(who)], self.school.products[number(product)]
        cents, why = price_of_product(self.school, pupil, what, self.date)
        sale = Sale(pupil, self.school.sites[what.site], what.id, cents, why, what.policy, moment(clock, self.date))
        return self.do(charge, sale)

    def bring(self, family: str, cents: int, site: str = "Tilleuls") -> None:
        """The family brings a balance along."""
        self.do(_bring, {(number(site), number(family)): cents})

    def change(self, *rows: Rows) -> None:
        """Change what is set up."""
        for each in rows:
            self.school = edited(self.school, each)

    def next_day(self, days: int = 1) -> None:
        self.date += timedelta(days=days)

    @property
    def last(self) -> Facts:
        return self.facts[-1]

    def balance_cents(self, family: str, site: str = "Tilleuls") -> int:
        """What a family has at a site; 0 without a wallet."""
        wallet = self.books.wallets.get((number(site), number(family), Compartment.WHOLE))
        return self.books.balance_cents(wallet_account(wallet)) if wallet else 0

    def is_in(self, who: str, programme: str = "care") -> bool:
        return number(programme) in self.books.inside.get(number(who), {})

    def questions(self) -> list[Unresolved]:
        """What staff have been asked, oldest first."""
        return list(self.books.unresolved.values())

    def _booked(self, facts: Facts) -> Facts:
        assert len({fact.ask for fact in facts}) <= 1, "facts of one decision are found under one ask"
        for fact in facts:
            self.books.apply(fact)
        if facts:
            self.facts.append(facts)
        return facts


def _bring(school: School, books: Books, ask: int, balances: dict[tuple[int, int], int]) -> Facts | Refusal:
    return open_balances(school, books, ask, balances, moment("00:00"))
