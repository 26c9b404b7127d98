"""A rush at the desk: so many asks open at any moment, each followed by the next one as soon as it is answered.

The real desk, journal and rules, without broker and link. It measures nothing: who starts a rush, counts or times it.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hub.core import scans
from hub.core.scans import Arrived
from hub.desk import Answer
from hub.keys import badge_key
from hub.memory import Memory
from proto.badge import badge_hash
from proto.messages import Scan
from tests.bench import school

STEP_MS = 100
"""Between two scans of the made-up day."""
FIRST_DAY_MS = 1_800_000_000_000
LATER_MS = 3_600_000
"""Between two lives of the same scripted devices: no tap is taken for one whose light was lost."""

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
    """Scans of these tills in turn, numbered strictly, each sold by all the rules; one that was not is counted."""

    stores: Memory
    devices: Sequence[str]
    badges: Sequence[str]
    now_ms: int
    inc: str
    unsold: int = 0
    _taps: int = 0

    def tap(self, done: Done) -> None:
        """The next scan of the next till."""
        round_n, place = divmod(self._taps, len(self.devices))
        badge = self.badges[self._taps % len(self.badges)]
        self._taps += 1
        self.now_ms = at_ms = self.now_ms + STEP_MS
        scan = Scan(inc=self.inc, n=round_n + 1, reader=school.READER, badge=badge, boot=self.inc, mono_ms=at_ms, wall_ms=at_ms)
        arrived = Arrived(self.devices[place], scan, at_ms, 0, at_ms)
        self.stores.desk.submit(lambda answer: self._answered(answer, done), arrived.ask, scans.take, arrived)

    def _answered(self, answer: Answer, done: Done) -> None:
        self.unsold += len(answer.facts) < 2
        done()


def tills(stores: Memory, waiting: int) -> Tills:
    """A new life of as many tills as there are waiting places, later than everything before."""
    key = badge_key(stores.master)
    badges = [badge_hash(key, school.badge_code(number)) for number in range(school.PUPILS)]
    before_ms = max((tap.at_ms for tap in stores.desk.books.taps.values()), default=FIRST_DAY_MS)
    return Tills(stores, school.SCRIPTED[:waiting], badges, before_ms + LATER_MS, os.urandom(8).hex())
