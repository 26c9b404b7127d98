"""The school years of a made-up commune, through the real rules: always the same pupils, days and taps.

2,000 pupils at four sites, of which two have a wallet for each household and two have a pupil's two. Care is scanned both ways and
priced by started periods and by sibling rank; at two sites also by effort rate, with siblings present, a late supplement and a group's
daily maximum. Two school years make about a million facts: so few of the pupils come on one day. Nothing is measured here.
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from hub.core import attendance, canteen, scans, settlement, till, transfers
from hub.core.books import Books
from hub.core.calendar import day_code
from hub.core.canteen import Wish
from hub.core.codes import By, Clearing, Compartment
from hub.core.facts import Facts, Refusal
from hub.core.formulas import ByEffort, Kin, Late, Line, Periods, Siblings
from hub.core.ledger import wallet_account
from hub.core.menus import Canteen, Menu, Offer
from hub.core.scans import Arrived
from hub.core.school import (
    Badge,
    BadgeState,
    Custody,
    Device,
    FamilyFile,
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
    TariffGroup,
    WalletScope,
    Weeks,
    edited,
)
from hub.core.settlement import Run
from hub.core.tariffs import Occasion, price
from hub.core.till import Cashier, Goods
from hub.core.transfers import Move, Payment
from hub.core.wallets import open_balances, place_of
from hub.core.why import sentences
from proto.messages import Direction, Scan, Use
from tests import schools
from tests.schools import CARE_HOURS, CARE_LINE, STUDY_HOURS, STUDY_LINE, ZONE, moment, number

PUPILS = 2_000
SITES = 4
FIRST_DAY = date(2024, 9, 2)
YEARS, SCHOOL_YEAR = 4, 175
"""For so many years, of so many school days, there are menus."""
CLOSED_WEEKS = frozenset({43, 44, 52, 53, 1, 9, 10, 18, 19, *range(27, 36)})
"""ISO weeks without school."""
SIZES = (1, 2, 1, 2, 3, 1, 2, 2)
"""Children of the households, in turn."""
FRIDAY = 4
"""What care costs is gathered, and posted in the evening."""
AHEAD = timedelta(days=14)
"""Meals are ordered for one of the school days until then."""
LOW_CENTS = 15_00
FORM_MS = 15_000
"""Between the tap that identifies and the cashier's form."""
TOP_UP_CENTS = 100_00
MORNINGS, EVENINGS, STUDIES, ORDERS, CANCELS, WALK_UPS, DRINKS = 34, 116, 50, 250, 8, 10, 66
"""Households that come to care, pupils who do the rest, on a day."""
PAID_IN, TRANSFERS, PRICED, TOP_UPS = 7, 10, 20, 8

EFFORT_LINE = Line(
    Periods(ByEffort(1_200, 30, 1_20), period_min=30, tolerance_min=5),
    max_cents=8_00,
    siblings=Siblings((0, 25, 50), Kin.PAYER, present=True),
    late=Late(18 * 60, 5_00),
)
RANK_LINE = Line(CARE_LINE.formula, max_cents=CARE_LINE.max_cents, siblings=Siblings((0, 25, 50), Kin.HOUSEHOLD))


class Act(NamedTuple):
    """One decision that is asked for, and what the table calls it."""

    rule: str
    decide: Callable[[School, Books], Facts | Refusal]


class Entry(NamedTuple):
    """A line of a day's diary: who does what when; `detail` is a day's ordinal, a number of goods, an amount or a site."""

    at_ms: int
    kind: str
    pupil: int = 0
    detail: int = 0


# --- what is set up ------------------------------------------------------------------------------


def school_days(since: date) -> Iterator[date]:
    """From this day on, for ever."""
    day = since
    while True:
        if day.weekday() < 5 and day.isocalendar().week not in CLOSED_WEEKS:
            yield day
        day += timedelta(days=1)


@functools.cache
def school() -> School:
    """All that is set up, for all years."""
    return edited(School(), rows())


def rows() -> Rows:
    """The same, row by row."""
    return (*(row for site in range(SITES) for row in _site(site)), *_families())


def _site(site: int) -> Rows:
    name, of_pupils = f"site {site}", site % 2 == 1
    care, study, meal = f"care {site}", f"study {site}", f"meal {site}"
    group = number(f"group {site}")
    devices = {kind: f"{kind}-{site}" for kind in ("care", "study", "meals", "drinks")}
    goods = (("meal", ProductKind.MEAL, 4_50, Policy.MUST_SERVE), ("drink", ProductKind.ARTICLE, 1_50, Policy.LIMIT))
    scope = WalletScope.PUPIL if of_pupils else WalletScope.HOUSEHOLD
    offers = (Offer(number(meal), 4_50),)
    days = itertools.islice(school_days(FIRST_DAY), YEARS * SCHOOL_YEAR)
    return (
        Site(number(name), name, ZONE, floor_cents=-30_00, wallet_scope=scope),
        Canteen(number(name)),
        Programme(number(care), number(name), Use.CARE, care, CARE_HOURS, post_days=7, post_weekday=FRIDAY),
        Programme(number(study), number(name), Use.STUDY, study, STUDY_HOURS, scans=Scans.ENTRY),
        TariffGroup(group, f"group {site}", 9_00),
        schools.tariff(care, EFFORT_LINE if of_pupils else RANK_LINE, group=f"group {site}" if of_pupils else ""),
        schools.tariff(study, STUDY_LINE, group=f"group {site}" if of_pupils else ""),
        *(Product(number(f"{kind} {site}"), number(name), what, kind, cents, policy) for kind, what, cents, policy in goods),
        *(Device(device, number(name), device) for device in devices.values()),
        Reader(devices["care"], "reader", "care", Use.CARE, Direction.TOGGLE),
        Reader(devices["study"], "reader", "study", Use.STUDY, Direction.TOGGLE),
        Reader(devices["meals"], "reader", "meals", Use.TILL, Direction.IN, number(meal)),
        Reader(devices["drinks"], "reader", "drinks", Use.TILL, Direction.IN, number(f"drink {site}")),
        *(Menu(number(name), day, offers) for day in days),
    )


def _families() -> Rows:
    rows: list[Household | FamilyFile | Pupil | Badge | Custody] = []
    since_ms, pupils, families = moment("00:00", FIRST_DAY), 0, 0
    while pupils < PUPILS:
        home = number(f"family {families}")
        rows.append(Household(home, f"family {families}"))
        rows.append(
            FamilyFile(number(f"file {families}"), home, FIRST_DAY, qf_cents=200_00 + families % 50 * 25_00, validated_day=FIRST_DAY)
        )
        for _ in range(min(SIZES[families % len(SIZES)], PUPILS - pupils)):
            who, born = number(f"pupil {pupils}"), date(2013 + pupils % 9, 1 + pupils % 12, 1 + pupils % 28)
            name = f"pupil {pupils}"
            rows.append(Pupil(who, home, number(f"site {families % SITES}"), name, name, "3A", born=born))
            rows.append(Badge(number(f"badge {name}"), schools.badge(name), who, BadgeState.ACTIVE, since_ms))
            if families % 7 == 0:
                rows.append(Household(number(f"other {families}"), f"other {families}"))
                rows.append(Custody(number(f"weeks {name}"), who, number(f"other {families}"), FIRST_DAY, weeks=Weeks.ODD))
            pupils += 1
        families += 1
    return tuple(rows)


def brought(day: date = FIRST_DAY) -> Iterator[Act]:
    """The balances that all wallets bring along, site by site."""
    for place in range(SITES):
        site = school().sites[number(f"site {place}")]
        pupils = [pupil for pupil in school().pupils.values() if pupil.site == site.id]
        owners = {place_of(site, payer, pupil.id)[1] for pupil in pupils for payer in _payers(pupil)}
        balances = {(site.id, owner): TOP_UP_CENTS for owner in owners}
        yield Act(
            "opening", functools.partial(open_balances, ask=number(f"opening {place}"), balances=balances, at_ms=moment("00:00", day))
        )


def _payers(pupil: Pupil) -> Iterator[int]:
    yield pupil.household
    yield from (turn.household for turn in school().custody.get(pupil.id, ()))


# --- a day ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class Day:
    """One day of the commune, on books as they are: what is done depends on the books, what is meant to be done on the day alone."""

    books: Books
    date: date
    _people: list[Pupil] = field(default_factory=lambda: list(school().pupils.values()))

    def acts(self) -> Iterator[Act]:
        """Everything that is asked for on this day, in order; each has to be booked before the next one is asked for."""
        yield from self.asked(sorted(self._diary()))

    def acts_until(self, clock: str) -> Iterator[Act]:
        """What is asked for before a time of the clock; then every single pupil comes to care, and the day goes on."""
        until_ms = moment(clock, self.date)
        come = [Entry(until_ms + place * 500, "care in", pupil) for place, pupil in enumerate(sorted(school().pupils))]
        yield from self.asked([*sorted(entry for entry in self._diary() if entry.at_ms < until_ms), *come])

    def asked(self, diary: Iterable[Entry]) -> Iterator[Act]:
        """What these lines ask for, one after the other."""
        for entry in diary:
            yield from _ACTS[entry.kind](self, entry)

    def of_everybody(self) -> Iterator[Act]:
        """Another day: every single pupil is in care in the afternoon; then the day is closed."""
        everybody = sorted(school().pupils)
        come = [Entry(moment("15:35", self.date) + place * 500, "care in", pupil) for place, pupil in enumerate(everybody)]
        leave = [Entry(moment("16:40", self.date) + place * 1_500, "care out", pupil) for place, pupil in enumerate(everybody)]
        return self.asked([*come, *leave, Entry(moment("19:40", self.date), "end"), Entry(moment("19:41", self.date), "day over")])

    def _diary(self) -> Iterator[Entry]:
        chance = Random(f"commune {self.date}")
        wednesday = self.date.weekday() == 2
        at = functools.partial(_moments, chance, self.date)
        for site in range(SITES):
            yield Entry(moment("06:45", self.date), "open", detail=site)
            yield Entry(moment("18:30", self.date), "close", detail=site)
        yield from (Entry(moment(clock, self.date), kind) for clock, kind in (("19:40", "end"), ("19:41", "day over"), ("19:42", "settle")))
        yield from self._care(chance, MORNINGS, ("07:05", 50), ("08:20", 9))
        yield from self._care(chance, EVENINGS, *((("12:05", 20), ("14:00", 230)) if wednesday else (("15:35", 25), ("16:25", 98))))
        coming = list(itertools.takewhile(lambda day: day - self.date <= AHEAD, school_days(self.date + timedelta(days=1))))
        for pupil in chance.sample(self._people, ORDERS if coming else 0):
            yield Entry(at("07:00", 110), "order", pupil.id, chance.choice(coming).toordinal())
        for pupil in chance.sample(self._people, PRICED):
            yield Entry(at("09:30", 60), "price", pupil.id)
        for pupil in chance.sample(self._people, PAID_IN):
            yield Entry(at("08:00", 60), "pay in", pupil.id)
        for pupil in chance.sample([each for each in self._people if _of_pupils(each)], TRANSFERS):
            yield Entry(at("10:00", 60), "transfer", pupil.id, chance.choice((1, -1)))
        regular = set(chance.sample([each.id for each in self._people], TOP_UPS))
        for pupil in self._people:
            yield Entry(moment("20:00", self.date), "top up", pupil.id, TOP_UP_CENTS if pupil.id in regular else LOW_CENTS)
        if not wednesday:
            yield from self._noon(chance)

    def _care(self, chance: Random, households: int, come: tuple[str, int], leave: tuple[str, int]) -> Iterator[Entry]:
        """Brothers and sisters come together; some go to study meanwhile, a few are not scanned when they leave."""
        homes = [home for home in school().kin if school().kin[home]]
        study = come[0] == "15:35"
        for place, home in enumerate(chance.sample(homes, households)):
            come_ms, leave_ms = _moments(chance, self.date, *come), _moments(chance, self.date, *leave)
            for sibling, pupil in enumerate(school().kin[home]):
                yield Entry(come_ms + sibling * 2_000, "care in", pupil)
                if study and place * 2 < STUDIES:
                    yield Entry(moment("16:06", self.date) + place * 1_000 + sibling, "study", pupil)
                if place or not study:
                    yield Entry(leave_ms + sibling * 2_000, "care out", pupil)

    def _noon(self, chance: Random) -> Iterator[Entry]:
        at = functools.partial(_moments, chance, self.date)
        ordered = [pupil for pupil in self._people if (pupil.id, pupil.site, day_code(self.date)) in self.books.meals]
        cancelled = {pupil.id for pupil in chance.sample(ordered, min(CANCELS, len(ordered)))}
        yield from (Entry(at("08:00", 59), "cancel", pupil) for pupil in cancelled)
        yield from (Entry(at("12:00", 40), "eat", pupil.id) for pupil in ordered if pupil.id not in cancelled)
        yield from (Entry(at("12:40", 10), "eat", pupil.id) for pupil in chance.sample(self._people, WALK_UPS))
        for pupil in chance.sample(self._people, DRINKS):
            known_ms = at("12:50", 30)
            yield Entry(known_ms, "drink", pupil.id)
            yield Entry(known_ms + FORM_MS, "sell", pupil.id, chance.choice((1, 1, 2)))


def _moments(chance: Random, day: date, since: str, minutes: int) -> int:
    """An instant within so many minutes after a time of the clock."""
    return moment(since, day) + chance.randrange(minutes * 60) * 1_000


def _of_pupils(pupil: Pupil) -> bool:
    return school().sites[pupil.site].wallet_scope is WalletScope.PUPIL


# --- what each line of the diary asks for ---------------------------------------------------------


def tap_at(books: Books, kind: str, pupil: int, at_ms: int) -> Arrived:
    """A tap at the reader of this kind at the pupil's own site, the next one of its device."""
    who = school().pupils[pupil]
    device = f"{kind}-{_place(who.site)}"
    n, badge = books.line(device, schools.FIRST_LIFE).n + 1, schools.badge(who.first_name)
    scan = Scan(inc=schools.FIRST_LIFE, n=n, reader="reader", badge=badge, boot=schools.BOOT, mono_ms=at_ms, wall_ms=at_ms)
    return Arrived(device, scan, at_ms, 0, at_ms + 50)


def _tapping(rule: str, kind: str) -> Callable[[Day, Entry], Iterator[Act]]:
    def tap(day: Day, entry: Entry) -> Iterator[Act]:
        arrived = tap_at(day.books, kind, entry.pupil, entry.at_ms)
        yield Act(rule, lambda school, books: scans.take(school, books, arrived))

    return tap


def _order(day: Day, entry: Entry) -> Iterator[Act]:
    pupil, meant = school().pupils[entry.pupil], date.fromordinal(entry.detail)
    if meant.weekday() != 2 and (pupil.id, pupil.site, day_code(meant)) not in day.books.meals:
        wish, meal = Wish(pupil.id, pupil.site, meant, By.PARENT, entry.at_ms), number(f"meal {_place(pupil.site)}")
        ask = _ask(day, entry)
        yield Act("meal ordered", lambda school, books: canteen.order(school, books, ask, wish, meal))


def _cancel(day: Day, entry: Entry) -> Iterator[Act]:
    ask, wish = _ask(day, entry), Wish(entry.pupil, school().pupils[entry.pupil].site, day.date, By.PARENT, entry.at_ms)
    yield Act("order cancelled", lambda school, books: canteen.cancel(school, books, ask, wish))


def _sell(day: Day, entry: Entry) -> Iterator[Act]:
    place = _place(school().pupils[entry.pupil].site)
    cashier, ask = _cashier(place, entry), _ask(day, entry)
    goods = (Goods(number(f"drink {place}"), entry.detail),)
    yield Act("cashier's form", lambda school, books: till.sell(school, books, ask, cashier, entry.pupil, goods, 1_50 * entry.detail))


def _pay_in(day: Day, entry: Entry) -> Iterator[Act]:
    cashier, ask = _cashier(_place(school().pupils[entry.pupil].site), entry), _ask(day, entry)
    yield Act("top-up in cash", lambda school, books: till.pay_in(school, books, ask, cashier, entry.pupil, 20_00))


def _open(day: Day, entry: Entry) -> Iterator[Act]:
    """Unless it still is, because a journal of so many facts ends in the middle of a day."""
    cashier, ask = _cashier(entry.detail, entry), _ask(day, entry)
    if cashier.desk not in day.books.cash_sessions:
        yield Act("cash desk opened", lambda school, books: till.open_desk(school, books, ask, cashier, 50_00))


def _close(day: Day, entry: Entry) -> Iterator[Act]:
    cashier, ask = _cashier(entry.detail, entry), _ask(day, entry)
    counted_cents = -day.books.balance_cents(f"cash:{number(f'site {entry.detail}')}:{cashier.desk}")
    yield Act("cash desk closed", lambda school, books: till.close_desk(school, books, ask, cashier, counted_cents))


def _end(day: Day, entry: Entry) -> Iterator[Act]:
    ask = _ask(day, entry)
    yield Act("stays ended", lambda school, books: attendance.upkeep(school, books, ask, entry.at_ms))


def _day_over(day: Day, entry: Entry) -> Iterator[Act]:
    ask = _ask(day, entry)
    yield Act("days closed", lambda school, books: settlement.close_days(school, books, ask, entry.at_ms))


def _settle(day: Day, entry: Entry) -> Iterator[Act]:
    """All that is due, wallet by wallet."""
    for programme in school().programmes.values():
        through = settlement.run_due(day.books, programme)
        if through:
            run = Run(programme.id, through, entry.at_ms)
            wallets = settlement.start(school(), day.books, run)
            assert not isinstance(wallets, Refusal), wallets
            for wallet in wallets:
                ask = number(f"wallet {wallet} after {day.books.number}")
                yield Act("a wallet settled", functools.partial(settlement.post, ask=ask, run=run, wallet=wallet))
            done = functools.partial(settlement.finish, ask=_ask(day, entry), run=run, charges=0, cents=0)
            yield Act("a run finished", done)


def _top_up(day: Day, entry: Entry) -> Iterator[Act]:
    """By a parent who has seen that there is not much left, or does so every month."""
    pupil = school().pupils[entry.pupil]
    for payer in _payers(pupil):
        wallet = day.books.wallets[place_of(school().sites[pupil.site], payer, pupil.id)]
        if day.books.balance_cents(wallet_account(wallet)) < entry.detail:
            pay = functools.partial(transfers.clear, ask=_ask(day, entry), wish=Payment(wallet, Clearing.TOP_UP, TOP_UP_CENTS))
            yield Act("top-up", functools.partial(pay, at_ms=entry.at_ms))


def _transfer(day: Day, entry: Entry) -> Iterator[Act]:
    """Into the reserve, or back."""
    pupil, ask = school().pupils[entry.pupil], _ask(day, entry)
    places = [(pupil.site, pupil.id, Compartment.GENERAL), (pupil.site, pupil.id, Compartment.RESERVE)][:: entry.detail]
    source = day.books.wallets.get(places[0])
    if source is not None and day.books.balance_cents(wallet_account(source)) > 5_00:
        move = Move(places[0], places[1], 5_00, By.PARENT)
        yield Act("transfer", lambda school, books: transfers.transfer(school, books, ask, move, entry.at_ms))


def _price(_day: Day, entry: Entry) -> Iterator[Act]:
    """What an evening of this pupil would cost, and why: nothing is booked."""
    pupil = school().pupils[entry.pupil]
    site, care = school().sites[pupil.site], number(f"care {_place(pupil.site)}")
    siblings, from_ms = frozenset(school().kin[pupil.household]), moment("15:40", FIRST_DAY)
    what = Occasion(pupil, site, care, from_ms, from_ms + 8_700_000, siblings, 1_00)

    def priced(school: School, _books: Books) -> Facts:
        price(school, what)
        return ()

    _, why = price(school(), what)

    def told(_school: School, _books: Books) -> Facts:
        assert sentences(why, ZONE)
        return ()

    rule = "priced by effort, rank, group" if _of_pupils(pupil) else "priced by rank"
    yield Act(rule, priced)
    yield Act("a price in words", told)


def _place(site: int) -> int:
    return _places()[site]


@functools.cache
def _places() -> dict[int, int]:
    return {number(f"site {place}"): place for place in range(SITES)}


def _cashier(place: int, entry: Entry) -> Cashier:
    return Cashier(f"drinks-{place}", number("cashier"), entry.at_ms)


def _ask(day: Day, entry: Entry) -> int:
    """An ask of its own, in each of several books."""
    return number(f"{entry.kind} after {day.books.number}")


_ACTS: dict[str, Callable[[Day, Entry], Iterator[Act]]] = {
    "care in": _tapping("care: in", "care"),
    "care out": _tapping("care: out", "care"),
    "study": _tapping("study", "study"),
    "eat": _tapping("meal handed out", "meals"),
    "drink": _tapping("tap at a till", "drinks"),
    "order": _order,
    "cancel": _cancel,
    "sell": _sell,
    "pay in": _pay_in,
    "open": _open,
    "close": _close,
    "end": _end,
    "day over": _day_over,
    "settle": _settle,
    "top up": _top_up,
    "transfer": _transfer,
    "price": _price,
}
