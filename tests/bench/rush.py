"""A rush at the desk: so many asks open at any moment, each followed by the next one as soon as it is answered.

The real desk, journal and rules, without broker and link. It measures nothing: who starts a rush, counts or times it.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from hub.core import canteen, scans, till
from hub.core.calendar import day_code, day_of
from hub.core.codes import Code
from hub.core.facts import ScanTaken, TillSold
from hub.core.scans import Arrived
from hub.core.till import Cashier, Goods
from hub.desk import Answer
from hub.keys import badge_key
from hub.memory import Memory
from proto.badge import badge_hash
from proto.messages import Scan
from tests.bench import school

STEP_MS = 100
"""Between two scans of the made-up day."""
FIRST_DAY_MS = 1_800_000_000_000
DAY_MS = 86_400_000
CENTS = 10
"""What everything costs (school.py)."""

Done = Callable[[], None]


@dataclass(slots=True)
class Rush:
    """`begin` submits one ask, and calls back when it is answered. It ends when `left` are used up."""

    begin: Callable[[Done], None]
    left: int
    answered: int = 0
    _open: int = 0
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, waiting: int) -> None:
        """Until every ask is answered."""
        for _ in range(waiting):
            self._next()
        if self._open:
            await self._over.wait()

    def stop(self) -> None:
        """Begin no more."""
        self.left = 0

    def _next(self) -> None:
        if self.left:
            self.left -= 1
            self._open += 1
            self.begin(self._done)

    def _done(self) -> None:
        self.answered += 1
        self._open -= 1
        self._next()
        if not self._open:
            self._over.set()


@dataclass(slots=True)
class Tills:
    """Scans of these tills in turn, numbered strictly, each an order that is handed out by all the rules; one that is not is counted.

    Every pupil comes once a day, and a day is over as soon as all have come.
    """

    stores: Memory
    devices: Sequence[str]
    badges: Sequence[str]
    first_ms: int
    inc: str
    unserved: int = 0
    _taps: int = 0

    def tap(self, done: Done) -> None:
        """The next scan of the next till."""
        round_n, place = divmod(self._taps, len(self.devices))
        day, nth = divmod(self._taps, len(self.badges))
        self._taps += 1
        at_ms = self.first_ms + day * DAY_MS + nth * STEP_MS
        scan = Scan(inc=self.inc, n=round_n + 1, reader=school.MEALS, badge=self.badges[nth], boot=self.inc, mono_ms=at_ms, wall_ms=at_ms)
        arrived = Arrived(self.devices[place], scan, at_ms, 0, at_ms)
        self.stores.desk.submit(lambda answer: self._answered(answer, done), arrived.ask, scans.take, arrived)

    def _answered(self, answer: Answer, done: Done) -> None:
        taken = answer.facts[0]
        self.unserved += not (isinstance(taken, ScanTaken) and taken.code is Code.MEAL)
        done()


def tills(stores: Memory, waiting: int) -> Tills:
    """A new life of as many tills as there are waiting places, on the day after everything before."""
    key = badge_key(stores.master)
    badges = [badge_hash(key, school.badge_code(number)) for number in range(school.PUPILS)]
    return Tills(stores, school.SCRIPTED[:waiting], badges, _next_day_ms(stores), os.urandom(8).hex())


async def ordered(stores: Memory, count: int, waiting: int) -> None:
    """The orders that the next tills hand out, of all pupils, for as many days as so many taps need."""
    missing = [*_not_ordered(stores, -(-count // school.PUPILS))]
    places, product, now_ms = iter(missing), _product(stores, school.MEAL), _next_day_ms(stores)
    before = stores.desk.books.number

    def begin(done: Done) -> None:
        pupil, day = next(places)
        ask = _ask()
        stores.desk.submit(lambda _answer: done(), ask, canteen.reserve, ask, pupil, product, day.isoformat(), now_ms)

    await Rush(begin, len(missing)).run(waiting)
    assert stores.desk.books.number == before + 2 * len(missing), "not every order was booked and paid"


def _not_ordered(stores: Memory, days: int) -> Iterator[tuple[int, date]]:
    """(pupil, day); what an earlier rush has left over needs no order."""
    books, (site,) = stores.desk.books, stores.desk.school.sites.values()
    for number in range(days):
        day = day_of(_next_day_ms(stores) + number * DAY_MS, site.zone)
        yield from ((pupil, day) for pupil in stores.desk.school.pupils if (pupil, site.id, day_code(day)) not in books.meals)


def _next_day_ms(stores: Memory) -> int:
    last_ms = max((tap.at_ms for tap in stores.desk.books.taps.values()), default=0)
    days = max(0, -(-(last_ms - FIRST_DAY_MS) // DAY_MS))
    return FIRST_DAY_MS + days * DAY_MS


@dataclass(slots=True)
class Sales:
    """A cashier's forms, one drink each, for the pupils in turn; one that was not sold is counted."""

    stores: Memory
    cashier: Cashier
    goods: tuple[Goods, ...]
    pupils: Sequence[int]
    unsold: int = 0
    _sales: int = 0

    def sell(self, done: Done) -> None:
        """The next form."""
        pupil, ask = self.pupils[self._sales % len(self.pupils)], _ask()
        self._sales += 1
        self.stores.desk.submit(lambda answer: self._answered(answer, done), ask, till.sell, ask, self.cashier, pupil, self.goods, CENTS)

    def _answered(self, answer: Answer, done: Done) -> None:
        self.unsold += not any(isinstance(fact, TillSold) for fact in answer.facts)
        done()


async def cash_desk(stores: Memory) -> Sales:
    """A cash desk that is open."""
    cashier = Cashier(school.SCRIPTED[0], 1, FIRST_DAY_MS)
    if cashier.desk not in stores.desk.books.cash_sessions:
        ask = _ask()
        await stores.desk.do(ask, till.open_desk, ask, cashier, 0)
    return Sales(stores, cashier, (Goods(_product(stores, school.DRINK)),), tuple(stores.desk.school.pupils))


def _product(stores: Memory, name: str) -> int:
    return next(product.id for product in stores.desk.school.products.values() if product.name == name)


def _ask() -> int:
    return int.from_bytes(os.urandom(8), "big") >> 1 or 1
