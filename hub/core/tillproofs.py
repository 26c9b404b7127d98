"""What is proved of canteen and till in a journal: orders and meals, cash desk sessions, receipts, and the cashier's acts.

Like moneyproofs.py: reckoned from the facts alone, held against the books at the end, complaints and never a failure.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from hub.core import facts as f
from hub.core.books import Books
from hub.core.kept import TillAct
from hub.core.ledger import cash_account, imbalance_account, move, vault_account, wallet_account
from hub.core.money import write_cents
from hub.core.moneyproofs import Charges, Sees, Wallets, differ
from hub.core.wallets import charge_id


class Order(Struct, gc=False):
    """A pupil's meal of a day. `meal` 0: came without an order. `ask`: of the order or its last change; it was paid by that."""

    meal: int
    product: int
    ask: int
    late: bool = False
    served: bool = False


class Meals:
    """Ordered before it is handed out, handed out once; what is cancelled in time, changed or resold is paid back."""

    topic = "meals"
    advice = "Ask the canteen about the pupil's day, and pay back by hand what was paid for nothing: `preau-hub wallet`."

    def __init__(self, charges: Charges) -> None:
        self._charges = charges
        self._orders: dict[tuple[int, int, int], Order] = {}
        """(pupil, site, day) -> what stands."""
        self._deferred: dict[tuple[int, int, int], None] = {}
        """Ordered in a pilot, and not charged yet."""
        self._known: set[int] = set()
        self._back: list[tuple[int, int]] = []
        """(meal, the ask that paid it) of what had to be paid back."""
        self._served = 0
        self._returned = 0

    @property
    def sees(self) -> Sees:
        return {
            f.MealReserved: self._reserved,
            f.MealServed: self._handed_out,
            f.MealCancelled: self._cancelled,
            f.MealResold: self._resold,
        }

    def _reserved(self, fact: f.MealReserved) -> Iterator[str]:
        key = (fact.pupil, fact.site, fact.day)
        before = self._orders.get(key)
        late = before is not None and before.late and key in self._deferred and not fact.deferred  # a pilot's, charged at last
        if before is not None and (before.meal != fact.meal or before.served or (before.late and not late)):
            yield f"pupil {fact.pupil} has a second order for {fact.day} at site {fact.site}: meal {fact.meal}"
        elif before is not None:
            self._back.append((fact.meal, before.ask))
        elif fact.meal in self._known:
            yield f"meal {fact.meal} is ordered again after its end"
        self._known.add(fact.meal)
        self._deferred.pop(key, None)
        if fact.deferred:
            self._deferred[key] = None
        self._orders[key] = Order(fact.meal, fact.product, fact.ask, late=late)

    def _handed_out(self, fact: f.MealServed) -> Iterator[str]:
        self._served += 1
        key = (fact.pupil, fact.site, fact.day)
        order = self._orders.get(key)
        if order is not None and order.served:
            yield f"pupil {fact.pupil} is handed out a second meal on {fact.day} at site {fact.site}"
        elif (order.meal, order.product) != (fact.meal, fact.product) if order else fact.meal:
            yield f"meal {fact.meal} is handed out, and pupil {fact.pupil} has not ordered it for {fact.day}"
        self._orders[key] = Order(fact.meal, fact.product, 0, served=True)

    def _stands(self, fact: f.MealCancelled | f.MealResold, *, late: bool) -> Iterator[str]:
        order = self._orders.get((fact.pupil, fact.site, fact.day))
        if order is None or order.served or (order.meal, order.product, order.late) != (fact.meal, fact.product, late):
            told = "resold, and was not cancelled late" if late else "cancelled, and does not stand"
            yield f"meal {fact.meal} of pupil {fact.pupil} on {fact.day} is {told}"

    def _cancelled(self, fact: f.MealCancelled) -> Iterator[str]:
        yield from self._stands(fact, late=False)
        order = self._orders.get((fact.pupil, fact.site, fact.day))
        if order is not None and fact.late:
            order.late = True
        elif order is not None:
            self._ended(fact)

    def _resold(self, fact: f.MealResold) -> Iterator[str]:
        yield from self._stands(fact, late=True)
        if (fact.pupil, fact.site, fact.day) in self._orders:
            self._ended(fact)

    def _ended(self, fact: f.MealCancelled | f.MealResold) -> None:
        key = (fact.pupil, fact.site, fact.day)
        order = self._orders.pop(key)
        self._deferred.pop(key, None)
        self._back.append((fact.meal, order.ask))

    def end(self, books: Books) -> Iterator[str]:
        for meal, ask in self._back:
            paid = self._charges.known.get(charge_id(ask))
            self._returned += paid is not None
            if paid is not None and not paid.back:
                yield f"meal {meal} was cancelled in time, changed or resold, and charge {charge_id(ask)} was not paid back"
        ours = {key: (one.meal, one.product, one.served, one.late) for key, one in self._orders.items()}
        theirs = {key: (one.id, one.product, one.served_ms != 0, one.late) for key, one in books.meals.items()}
        yield from differ("the meal of (pupil, site, day)", ours, theirs)
        yield from differ("the order of a pilot of (pupil, site, day)", self._deferred, books.deferred)

    def sentence(self) -> str:
        return (
            f"{len(self._known)} orders, {self._served} meals handed out, at most one a pupil and day; {self._returned} paid back, "
            f"{len(self._deferred)} not charged yet"
        )


class Act(Struct, gc=False):
    """A cashier's sale or top-up."""

    site: int
    cents: int
    charges: tuple[int, ...] = ()
    wallet: int = 0
    voided: bool = False
    pupil: int = 0


def _told(acts: Mapping[int, Act | TillAct]) -> dict[int, tuple[object, ...]]:
    return {number: (act.site, act.cents, act.charges, act.wallet, act.voided, act.pupil) for number, act in acts.items()}


class CashDesks:
    """Counts, receipts, and the cashier's acts."""

    topic = "tills"
    advice = "Count the drawer, and compare the receipts with the cashier's copies."

    def __init__(self, wallets: Wallets, charges: Charges) -> None:
        self._wallets = wallets
        self._charges = charges
        self._open: dict[str, tuple[int, int]] = {}
        """Desk -> session, site."""
        self._sessions: dict[int, str] = {}
        self._drawers: dict[tuple[int, str], int] = {}
        """What is in the drawer (site, desk), in cents: counted, paid in, handed back."""
        self._receipts: dict[int, int] = {}
        self._acts: dict[int, Act] = {}

    @property
    def sees(self) -> Sees:
        return {f.CashCounted: self._counted, f.CashPaidIn: self._paid_in, f.TillSold: self._sold, f.TillVoided: self._voided}

    def _counted(self, fact: f.CashCounted) -> Iterator[str]:
        session, drawer = (fact.cash_session, fact.site), (fact.site, fact.desk)
        if fact.closing:
            if self._open.pop(fact.desk, None) != session:
                yield f"session {fact.cash_session} of desk {fact.desk} is closed, and was not open"
        elif fact.desk in self._open or fact.cash_session in self._sessions:
            yield f"session {fact.cash_session} of desk {fact.desk} is opened a second time, or while another one is open"
        if not fact.closing:
            self._open[fact.desk], self._sessions[fact.cash_session] = session, fact.desk
        expected_cents = self._drawers.get(drawer, 0)
        if fact.expected_cents != expected_cents:
            had, made = write_cents(fact.expected_cents), write_cents(expected_cents)
            yield f"desk {fact.desk} expected {had} in its drawer: counts, top-ups and what was handed back make {made}"
        other = imbalance_account(fact.site) if fact.closing else vault_account(fact.site)
        if fact.entries != move(cash_account(fact.site, fact.desk), other, fact.counted_cents - fact.expected_cents):
            yield f"the difference that desk {fact.desk} counted is not what is booked"
        self._drawers[drawer] = fact.counted_cents

    def _desk(self, session: int, site: int) -> Iterator[str]:
        if self._open.get(self._sessions.get(session, "")) != (session, site):
            yield f"session {session} is not open at this site"

    def _paid_in(self, fact: f.CashPaidIn) -> Iterator[str]:
        yield from self._desk(fact.cash_session, fact.site)
        yield from self._wallets.lacks(fact.wallet, fact.site)
        desk, last = self._sessions.get(fact.cash_session, ""), self._receipts.get(fact.site, 0)
        if fact.receipt != last + 1:
            yield f"receipt {fact.receipt} of site {fact.site} follows receipt {last}"
        if (
            fact.cents <= 0
            or not fact.payer
            or fact.entries != move(cash_account(fact.site, desk), wallet_account(fact.wallet), fact.cents)
        ):
            yield f"receipt {fact.receipt} of {write_cents(fact.cents)} books something else, or names no payer"
        self._receipts[fact.site] = fact.receipt
        self._drawers[fact.site, desk] = self._drawers.get((fact.site, desk), 0) + fact.cents
        yield from self._new(fact.act, Act(fact.site, fact.cents, wallet=fact.wallet, pupil=fact.pupil))

    def _sold(self, fact: f.TillSold) -> Iterator[str]:
        yield from self._desk(fact.cash_session, fact.site)
        made = [self._charges.known.get(charge) for charge in fact.charges]
        if not made or any(one is None or (one.ask, one.pupil, one.site) != (fact.ask, fact.pupil, fact.site) for one in made):
            yield f"sale {fact.act} names charges that it did not make for this pupil"
        if sum(one.cents for one in made if one) != fact.cents or len(set(fact.charges)) != len(fact.charges):
            yield f"the charges of sale {fact.act} do not sum to {write_cents(fact.cents)}"
        yield from self._new(fact.act, Act(fact.site, fact.cents, fact.charges, pupil=fact.pupil))

    def _new(self, number: int, act: Act) -> Iterator[str]:
        if number in self._acts:
            yield f"act {number} is done a second time"
        self._acts[number] = act

    def _voided(self, fact: f.TillVoided) -> Iterator[str]:
        yield from self._desk(fact.cash_session, fact.site)
        act, desk = self._acts.get(fact.act), self._sessions.get(fact.cash_session, "")
        if act is None or act.voided:
            yield f"act {fact.act} is cancelled {'a second time' if act else 'and was never done'}"
            return
        act.voided = True
        entries = move(wallet_account(act.wallet), cash_account(fact.site, desk), act.cents) if act.wallet else ()
        if (fact.site, fact.wallet, fact.cents, fact.entries) != (act.site, act.wallet, act.cents, entries):
            yield f"act {fact.act} of {write_cents(act.cents)} is not cancelled whole"
        if not all(one is None or one.back for one in map(self._charges.known.get, act.charges)):
            yield f"act {fact.act} is cancelled, and a charge of it stands"
        if act.wallet:
            self._drawers[fact.site, desk] = self._drawers.get((fact.site, desk), 0) - act.cents

    def end(self, books: Books) -> Iterator[str]:
        yield from differ("open desk", self._open, {desk: (one.id, one.site) for desk, one in books.cash_sessions.items()})
        yield from differ("the last receipt of site", self._receipts, books.receipts)
        yield from differ("act", _told(self._acts), _told(books.till))

    def sentence(self) -> str:
        receipts = sum(self._receipts.values())
        return f"{len(self._sessions)} sessions expected what went in and out; {receipts} receipts without a gap; {len(self._acts)} acts"
