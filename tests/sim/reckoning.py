"""The oracle's own books: a double-entry ledger and the state of holds, orders, cash and wallets, folded from what facts say happened.

It never looks at a fact's entries and knows no code of the hub's: what each fact moves is told anew here, and held against the hub's.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from hub.core import facts as f
from hub.core.facts import Fact
from proto.messages import YES
from tests import schools
from tests.sim.acts import Place
from tests.sim.daysheet import Key, Mark, PupilsDay, Sheet, read
from tests.sim.setting import CARE, PARC, STUDY, Known, Pricing, Setting, day_code, older, payer

MEAL, SOUP, SANDWICH, DRINK = (schools.number(name) for name in ("meal", "soup", "sandwich", "drink"))
PARC_MEAL = schools.number("parc-meal")


@dataclass(frozen=True, slots=True)
class Order:
    """What a pupil has at the canteen on a day. `charge` 0: came without an order."""

    product: int
    charge: int = 0
    late: bool = False
    served: bool = False
    deferred: bool = False
    """Ordered in a pilot, and to be charged after it."""


@dataclass(frozen=True, slots=True)
class Paid:
    """A charge. `day`: whose daily limit it counts for, 0 = nobody's; `on`: the day of what is paid."""

    place: Place
    pupil: int
    item: int
    cents: int
    day: int = 0
    back: bool = False
    service: int = 0
    """The day of care or study."""
    stage: str = "posted"
    payer: int = 0
    on: int = 0
    reason: str = ""


@dataclass(slots=True)
class Correction:
    """The last act of a member of staff: what it may be undone to, as long as it may. None: the mark was not there."""

    ask: int
    at_ms: int
    marks: dict[tuple[Key, int], Mark | None] = field(default_factory=dict)
    verified: dict[tuple[Key, int], bool] = field(default_factory=dict)
    absences: dict[Key, int] = field(default_factory=dict)
    splits: dict[Key, bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Morning:
    """What is noted of a pupil's class morning. `arrived_ms` 0: has not come."""

    arrived_ms: int
    late_min: int


@dataclass(frozen=True, slots=True)
class TillAct:
    """A sale, or a top-up with its receipt."""

    site: int
    who: int
    cents: int
    at_ms: int
    charges: tuple[int, ...] = ()
    wallet: int = 0
    receipt: int = 0
    voided: bool = False


@dataclass(slots=True)
class Reckoning:
    """All of it, after the facts taken so far. `limits`: pupil -> what the parents allow a day."""

    setting: Setting
    limits: dict[int, int]
    known: Known = field(default_factory=Known)
    """What the office has set up by the moment of the next fact."""
    cents: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    wallets: dict[Place, int] = field(default_factory=dict)
    places: dict[int, Place] = field(default_factory=dict)
    holds: dict[int, dict[int, tuple[int, int]]] = field(default_factory=lambda: defaultdict(dict))
    """Wallet -> hold -> cents, until when; those that are over are forgotten when the next one is placed."""
    orders: dict[tuple[int, int, int], Order] = field(default_factory=dict)
    portions: dict[tuple[int, int], dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    waiting: dict[tuple[int, int], dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    paid: dict[int, Paid] = field(default_factory=dict)
    spent: dict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))
    sessions: dict[str, int] = field(default_factory=dict)
    till: dict[int, TillAct] = field(default_factory=dict)
    receipts: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    marks: dict[Key, dict[int, Mark]] = field(default_factory=lambda: defaultdict(dict))
    verified: dict[Key, frozenset[int]] = field(default_factory=lambda: defaultdict(frozenset))
    absences: dict[Key, int] = field(default_factory=dict)
    """The reason staff gave."""
    splits: dict[Key, bool | None] = field(default_factory=dict)
    sightings: dict[tuple[int, int], list[int]] = field(default_factory=lambda: defaultdict(list))
    """(pupil, day) -> when the badge was held to an entrance."""
    mornings: dict[tuple[int, int], Morning] = field(default_factory=dict)
    rolled: int = 0
    """The day of the last roll."""
    said: dict[tuple[int, int], tuple[str, str, int]] = field(default_factory=dict)
    """What staff said of a morning: state, excuse, document."""
    stays: dict[int, int] = field(default_factory=dict)
    """Stay -> until when, 0 = still there."""
    closed: dict[int, int] = field(default_factory=dict)
    corrections: dict[int, Correction] = field(default_factory=dict)
    """By member of staff."""
    charged: dict[Key, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Charges of a pupil's day that stand."""
    scans: dict[tuple[str, str, int], f.ScanTaken] = field(default_factory=dict)
    taps: dict[tuple[str, str, str], f.ScanTaken] = field(default_factory=dict)
    """(device, reader, badge) -> the last tap that was answered yes, as far as anybody knows; what was the same tap again left out."""
    of_scans: dict[int, list[int]] = field(default_factory=dict)
    """Ask of a scan -> its charges, or those that are there in their place."""
    _moved: tuple[int, int] = (0, 0)
    """A charge that is another household's to pay, and the ask that took it back: it makes it again."""
    _unpaid: tuple[int, tuple[int, int, int]] = (0, (0, 0, 0))
    """The ask of the order that was just booked, and whose it is: its charge follows."""

    def take(self, fact: Fact) -> None:
        """What this fact says happened."""
        told = _TOLD.get(type(fact))
        if told:
            told(self, fact)

    # --- what there is ---

    def place(self, site: int, pupil: int, item: int, day: int) -> Place:
        """Whose money pays for what a pupil has at a site on a day.

        Le Parc may have two wallets for each pupil, Les Tilleuls has one for each household that pays.
        """
        return (site, pupil, "general") if site == PARC and self.known.by_pupil else (site, self.payer(pupil, item, day), "")

    def payer(self, pupil: int, item: int, day: int) -> int:
        """Who pays for a pupil's programme or product on a day; 0 for a stranger."""
        household = payer(pupil, item, day, late=pupil in self.known.late)
        return self.known.first.get(household, household)

    def pupils_day(self, pupil: int, day: int, now_ms: int, more: dict[Key, Mark] | None = None, gone: int = 0) -> PupilsDay:
        """All that is known of a day, with `more` marks in place of those of the same number, and without the one that is `gone`."""
        sheets = {programme: self._sheet((pupil, programme, day), more or {}, gone) for programme in (CARE, STUDY)}
        return PupilsDay(self.setting, pupil, day, sheets, now_ms)

    def elders(self, pupil: int, day: int, now_ms: int) -> int:
        """Older brothers and sisters who were there that day; 0 where no price asks for them."""
        others = older(pupil, day) if self.setting.prices is Pricing.SIBLINGS else ()
        return sum(any(read(self.pupils_day(other, day, now_ms), programme)[0] for programme in (CARE, STUDY)) for other in others)

    def _sheet(self, key: Key, more: dict[Key, Mark], gone: int) -> Sheet:
        marks = {mark.id: mark for mark in (*self.marks.get(key, {}).values(), *([more[key]] if key in more else [])) if mark.id != gone}
        return Sheet(list(marks.values()), self.verified.get(key, frozenset()), self.absences.get(key, 0), self.splits.get(key))

    def balance(self, place: Place) -> int:
        return self.cents.get(f"wallet:{self.wallets.get(place, 0)}", 0)

    def held(self, place: Place, at_ms: int, but: int = 0) -> int:
        """What is set aside at an instant; the hold `but` left out."""
        holds = self.holds.get(self.wallets.get(place, 0), {})
        return sum(cents for hold, (cents, until_ms) in holds.items() if until_ms > at_ms and hold != but)

    def available(self, place: Place, at_ms: int) -> int:
        return self.balance(place) - self.held(place, at_ms)

    def gathered(self, place: Place) -> int:
        """What a run will still take from a wallet: who is paid all that is left is not paid that."""
        return sum(paid.cents for paid in self.paid.values() if paid.stage == "gathered" and not paid.back and paid.place == place)

    def drawer(self, site: int, desk: str) -> int:
        """What has to be in it."""
        return -self.cents.get(f"cash:{site}:{desk}", 0)

    def _move(self, source: str, target: str, cents: int) -> None:
        self.cents[source] -= cents
        self.cents[target] += cents

    # --- facts ---

    def _scanned(self, fact: f.ScanTaken) -> None:
        self.scans[fact.device, fact.inc, fact.n] = fact
        self.of_scans[fact.ask] = []
        if fact.light in YES and (not fact.shown or fact.shown in YES) and fact.code.value != "again":
            self.taps[fact.device, fact.reader, fact.badge] = fact

    def _shown(self, fact: f.ShownBooked) -> None:
        scan = self.scans.get((fact.device, fact.inc, fact.n))
        if scan is not None and fact.light not in YES and self.taps.get((scan.device, scan.reader, scan.badge)) is scan:
            del self.taps[scan.device, scan.reader, scan.badge]

    def _wallet(self, fact: f.WalletOpened) -> None:
        place = (fact.site, fact.pupil or fact.household, fact.compartment.value)
        self.wallets[place], self.places[fact.wallet] = fact.wallet, place

    def _opening(self, fact: f.BalanceOpened) -> None:
        site = self.places[fact.wallet][0]
        cents = sum(entry.cents for entry in fact.entries if entry.account == f"wallet:{fact.wallet}")  # it is said nowhere else
        self._move(f"opening:{site}", f"wallet:{fact.wallet}", cents)

    def _charged(self, fact: f.Charged) -> None:
        stage = fact.stage.name.lower()
        self.paid[fact.charge] = Paid(
            self.places[fact.wallet],
            fact.pupil,
            fact.item,
            fact.cents,
            fact.limit_day,
            service=fact.day,
            stage=stage,
            payer=fact.payer,
            on=fact.day or fact.limit_day or day_code(fact.at_ms),
            reason=fact.reason.value,
        )
        self.spent[fact.pupil, fact.limit_day] += fact.cents
        ask, whose = self._unpaid
        if fact.ask == ask and fact.pupil == whose[0]:
            self.orders[whose] = replace(self.orders[whose], charge=fact.charge)
        if fact.ask in self.of_scans:
            self.of_scans[fact.ask].append(fact.charge)
        elif fact.ask == self._moved[1]:
            for charges in self.of_scans.values():
                charges[:] = [fact.charge if charge == self._moved[0] else charge for charge in charges]
            self._moved = (0, 0)
        if fact.day:
            self.charged[fact.pupil, fact.item, fact.day].add(fact.charge)
        if stage == "posted":
            self._move(f"wallet:{fact.wallet}", f"sales:{fact.site}:{fact.item}", fact.cents)

    def _reversed(self, fact: f.Reversed) -> None:
        paid = self.paid.get(fact.charge)
        if paid is None or paid.back:
            return
        if fact.reason.value == "other_payer":
            self._moved = (fact.charge, fact.ask)
        self.paid[fact.charge] = replace(paid, back=True)
        self.spent[paid.pupil, paid.day] -= paid.cents
        self.charged[paid.pupil, paid.item, paid.service].discard(fact.charge)
        if paid.stage == "posted":
            self._move(f"sales:{paid.place[0]}:{paid.item}", f"wallet:{self.wallets[paid.place]}", paid.cents)

    def _posted(self, fact: f.ChargesPosted) -> None:
        for charge in fact.charges:
            paid = self.paid.get(charge)
            if paid is not None and paid.stage == "gathered" and not paid.back:
                self.paid[charge] = replace(paid, stage="posted")
                self._move(f"wallet:{self.wallets[paid.place]}", f"sales:{paid.place[0]}:{paid.item}", paid.cents)

    def _hold(self, fact: f.HoldPlaced) -> None:
        live = {hold: each for hold, each in self.holds[fact.wallet].items() if each[1] > fact.at_ms}
        self.holds[fact.wallet] = live | {fact.hold: (fact.cents, fact.until_ms)}

    def _released(self, fact: f.HoldReleased) -> None:
        self.holds[fact.wallet].pop(fact.hold, None)

    def _transferred(self, fact: f.Transferred) -> None:
        self._move(f"wallet:{fact.source}", f"wallet:{fact.target}", fact.cents)

    def _cleared(self, fact: f.Cleared) -> None:
        inside, outside = f"wallet:{fact.wallet}", f"clearing:{self.places[fact.wallet][0]}"
        self._move(*((outside, inside) if fact.kind.value == "top_up" else (inside, outside)), fact.cents)

    def _ordered(self, fact: f.MealReserved) -> None:
        key = fact.pupil, fact.site, fact.day
        late = key in self.orders and self.orders[key].late  # charged at last, what a pilot promised stays cancelled
        self.orders[key], self._unpaid = Order(fact.product, deferred=fact.deferred, late=late), (fact.ask, key)
        self.waiting[fact.site, fact.day].pop(fact.pupil, None)

    def _served(self, fact: f.MealServed) -> None:
        key = (fact.pupil, fact.site, fact.day)
        self.orders[key] = replace(self.orders.get(key, Order(fact.product)), served=True)
        self.waiting[key[1:]].pop(fact.pupil, None)
        self.portions[key[1:]].pop(fact.pupil, None)

    def _cancelled(self, fact: f.MealCancelled) -> None:
        key = (fact.pupil, fact.site, fact.day)
        order = self.orders.pop(key, Order(fact.product))
        if fact.late:
            self.orders[key] = replace(order, late=True)
            self.portions[key[1:]][fact.pupil] = fact.product

    def _resold(self, fact: f.MealResold) -> None:
        self.orders.pop((fact.pupil, fact.site, fact.day), None)
        self.portions[fact.site, fact.day].pop(fact.pupil, None)

    def _awaited(self, fact: f.MealAwaited) -> None:
        waiting = self.waiting[fact.site, fact.day]
        if fact.product:
            waiting[fact.pupil] = fact.product
        else:
            waiting.pop(fact.pupil, None)

    def _counted(self, fact: f.CashCounted) -> None:
        drawer, other = f"cash:{fact.site}:{fact.desk}", f"{'imbalance' if fact.closing else 'vault'}:{fact.site}"
        self._move(drawer, other, fact.counted_cents - self.drawer(fact.site, fact.desk))
        if fact.closing:
            self.sessions.pop(fact.desk, None)
        else:
            self.sessions[fact.desk] = fact.cash_session

    def _paid_in(self, fact: f.CashPaidIn) -> None:
        self._move(f"cash:{fact.site}:{self._desk(fact.cash_session)}", f"wallet:{fact.wallet}", fact.cents)
        self.receipts[fact.site] = fact.receipt
        self.till[fact.act] = TillAct(fact.site, fact.who, fact.cents, fact.at_ms, wallet=fact.wallet, receipt=fact.receipt)

    def _sold(self, fact: f.TillSold) -> None:
        self.till[fact.act] = TillAct(fact.site, fact.who, fact.cents, fact.at_ms, fact.charges)

    def _voided(self, fact: f.TillVoided) -> None:
        act = self.till[fact.act]
        if act.receipt and not act.voided:
            self._move(f"wallet:{act.wallet}", f"cash:{fact.site}:{self._desk(fact.cash_session)}", act.cents)
        self.till[fact.act] = replace(act, voided=True)

    def _corrected(self, fact: f.Corrected) -> None:
        if fact.act.value == "undo":
            self.corrections.pop(fact.who, None)
        else:
            self.corrections[fact.who] = Correction(fact.ask, fact.at_ms)

    def _of_ask(self, ask: int) -> Correction | None:
        return next((each for each in self.corrections.values() if each.ask == ask), None)

    def _marked(self, fact: f.Marked) -> None:
        key, act = (fact.pupil, fact.programme, fact.day), self._of_ask(fact.ask)
        if act is not None:
            act.marks.setdefault((key, fact.mark), self.marks[key].get(fact.mark))
        self.marks[key][fact.mark] = Mark(fact.at_ms, fact.mark, fact.direction.value, fact.lit, fact.void)

    def _verified(self, fact: f.StayVerified) -> None:
        key, act = (fact.pupil, fact.programme, fact.day), self._of_ask(fact.ask)
        if act is not None:
            act.verified.setdefault((key, fact.stay), fact.stay in self.verified[key])
        self.verified[key] = self.verified[key] | {fact.stay} if fact.verified else self.verified[key] - {fact.stay}

    def _absent(self, fact: f.AbsenceMarked) -> None:
        key, act = (fact.pupil, fact.programme, fact.day), self._of_ask(fact.ask)
        if act is not None:
            act.absences.setdefault(key, self.absences.get(key, 0))
        self.absences[key] = fact.absence

    def _split(self, fact: f.StaySplit) -> None:
        key, act = (fact.pupil, fact.programme, fact.day), self._of_ask(fact.ask)
        if act is not None:
            act.splits.setdefault(key, self.splits.get(key))
        self.splits[key] = fact.split

    def _passed(self, fact: f.EntrancePassed) -> None:
        self.sightings[fact.pupil, fact.day].append(fact.at_ms)

    def _noted(self, fact: f.MorningNoted) -> None:
        self.mornings[fact.pupil, fact.day] = Morning(fact.arrived_ms, fact.late_min)

    def _rolled(self, fact: f.RollTaken) -> None:
        self.rolled = fact.day

    def _justified(self, fact: f.MorningJustified) -> None:
        self.said[fact.pupil, fact.day] = (fact.state.value, fact.excuse.value, fact.document)

    def _opened(self, fact: f.StayOpened) -> None:
        self.stays[fact.stay] = 0

    def _ended(self, fact: f.StayClosed) -> None:
        self.stays[fact.stay] = fact.at_ms

    def _gone(self, fact: f.StayVoided) -> None:
        self.stays.pop(fact.stay, None)

    def _day_closed(self, fact: f.DayClosed) -> None:
        self.closed[fact.site] = fact.day

    def _desk(self, session: int) -> str:
        return next((desk for desk, each in self.sessions.items() if each == session), "that is closed")


_TOLD: dict[type, Callable[[Reckoning, Any], None]] = {
    f.ScanTaken: Reckoning._scanned,
    f.ShownBooked: Reckoning._shown,
    f.WalletOpened: Reckoning._wallet,
    f.BalanceOpened: Reckoning._opening,
    f.Charged: Reckoning._charged,
    f.Reversed: Reckoning._reversed,
    f.HoldPlaced: Reckoning._hold,
    f.HoldReleased: Reckoning._released,
    f.Transferred: Reckoning._transferred,
    f.Cleared: Reckoning._cleared,
    f.MealReserved: Reckoning._ordered,
    f.MealServed: Reckoning._served,
    f.MealCancelled: Reckoning._cancelled,
    f.MealResold: Reckoning._resold,
    f.MealAwaited: Reckoning._awaited,
    f.CashCounted: Reckoning._counted,
    f.CashPaidIn: Reckoning._paid_in,
    f.TillSold: Reckoning._sold,
    f.TillVoided: Reckoning._voided,
    f.ChargesPosted: Reckoning._posted,
    f.Corrected: Reckoning._corrected,
    f.Marked: Reckoning._marked,
    f.StayVerified: Reckoning._verified,
    f.AbsenceMarked: Reckoning._absent,
    f.StaySplit: Reckoning._split,
    f.EntrancePassed: Reckoning._passed,
    f.MorningNoted: Reckoning._noted,
    f.MorningJustified: Reckoning._justified,
    f.RollTaken: Reckoning._rolled,
    f.StayOpened: Reckoning._opened,
    f.StayClosed: Reckoning._ended,
    f.StayVoided: Reckoning._gone,
    f.DayClosed: Reckoning._day_closed,
}
