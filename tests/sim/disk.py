"""The hub's disk: a twin of the journal and of the register that forgets what was not made durable.

Rows are packed and verified by the real chain. A process that is killed leaves what it wrote in the page cache; a power cut loses it,
whole or torn, or by luck keeps it. A start makes durable again what it read, as hub.folder does.
"""

import bisect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from hub import bodies, chain
from hub.core.books import Books, replay
from hub.core.facts import Fact, Facts
from hub.core.school import Rows, School, edited
from tests.sim.faults import Fault

if TYPE_CHECKING:
    from tests.sim.world import World

Done = Callable[[], None]
BATCH_FACTS = 512


class Owner(Protocol):
    """What the twins need of the process they belong to."""

    world: "World"
    alive: bool

    def step(self) -> None: ...
    def die(self, *, cut: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Image:
    """What a backup holds, or a start finds."""

    rows: tuple[chain.Row, ...]
    school: School
    asks: frozenset[int]


@dataclass(slots=True)
class HubDisk:
    """What outlives the hub. `rows` past `durable` are in the page cache only. `full`, `slow_s`, `failing`: how the disk is just now."""

    school: School
    rows: list[chain.Row] = field(default_factory=lambda: [chain.first_row(bytes(16))])
    durable: int = 1
    asks: frozenset[int] = frozenset()
    full: bool = False
    slow_s: float = 0.0
    failing: bool = False
    _read: list[chain.Row] = field(default_factory=list)
    """Rows that were verified: nothing here flips bits, so each is unpacked once. A row is the last of one chain only."""
    _facts: list[Fact] = field(default_factory=list)
    """What is in them."""
    _replayed: tuple[chain.Row, Books] | None = None

    def image(self) -> Image:
        """A backup: what is durable now."""
        return Image(tuple(self.rows[: self.durable]), self.school, self.asks)

    def restore(self, image: Image) -> None:
        """All since the backup is gone."""
        self.rows, self.school, self.asks = list(image.rows), image.school, image.asks
        self.durable = len(self.rows)

    def cut(self, *, kept: bool) -> None:
        """The power fails: what was only in the page cache is gone, unless the disk had it by luck."""
        if not kept:
            del self.rows[self.durable :]

    def settle(self) -> None:
        """A start makes durable what it read."""
        self.durable = len(self.rows)

    def unsure(self) -> list[Fact]:
        """What is in the page cache only: a dead process wrote it, and a start will make it durable."""
        return [fact for row in self.rows[self.durable :] for fact in bodies.unpack(row)]

    def facts(self) -> list[Fact]:
        """Everything durable, each row checked against the row before."""
        same = min(self.durable, len(self._read))
        while same and self._read[same - 1] is not self.rows[same - 1]:
            same -= 1
        del self._read[same:]
        del self._facts[self._read[-1].last if self._read else 0 :]
        for row in self.rows[same : self.durable]:
            self._facts += bodies.verified(row, self._read[-1] if self._read else None)
            self._read.append(row)
        return self._facts.copy()

    def keep(self, books: Books) -> None:
        """Books that were just replayed from all that is on this disk, for a start that finds nothing else."""
        assert self.durable == len(self.rows), "something is in the page cache only"
        self._replayed = (self.rows[-1], books)

    def opened(self) -> Books:
        """As a start does: settle, verify, replay."""
        self.settle()
        kept, self._replayed = self._replayed, None
        return kept[1] if kept and kept[0] is self.rows[-1] else replay(self.facts())


class DiskJournal:
    """Implements `hub.desk.Journal` on a HubDisk for one life of the hub. Any failed commit ends that life."""

    def __init__(self, life: Owner, disk: HubDisk) -> None:
        self._life = life
        self._disk = disk
        self._loop = life.world.loop
        self._chance = life.world.chance
        self._written = disk.rows[-1].last
        self.queued = self._written
        self._waiting: list[tuple[Facts, Done]] = []
        self._after: list[tuple[int, Done]] = []
        self._busy = False

    @property
    def durable(self) -> int:
        return self._written

    def append(self, facts: Facts, done: Done) -> None:
        if self._life.alive:
            self.queued += len(facts)
            self._waiting.append((facts, done))
            if not self._busy:
                self._busy = True
                self._loop.call_soon(self._write)

    def after(self, number: int, done: Done) -> None:
        if not self._life.alive:
            return  # what it still had to do ends with the process
        assert number <= self.queued, f"nobody has appended fact {number}; the last one is {self.queued}"
        if number <= self._written:
            done()
        else:
            self._after.append((number, done))

    async def find(self, number: int) -> Facts:
        """The facts of the ask whose first fact has this number; takes as long as a disk does."""
        await self._loop.pause(0.001)
        rows = self._disk.rows
        row = rows[bisect.bisect_right(rows, number, key=lambda one: one.number) - 1]
        facts = bodies.unpack(row)[number - row.number :]
        return tuple(fact for fact in facts if fact.ask == facts[0].ask)

    def pending(self) -> Facts:
        """What was handed over and is not durable."""
        return tuple(fact for facts, _ in self._waiting for fact in facts)

    def _write(self) -> None:
        """One row for all that waits; it is in the page cache now, and durable after the fsync."""
        if not self._life.alive:
            return
        group: list[tuple[Facts, Done]] = []
        size = 0
        for facts, done in self._waiting:
            if group and size + len(facts) > BATCH_FACTS:
                break
            group.append((facts, done))
            size += len(facts)
        self._life.step()
        facts = tuple(fact for each, _ in group for fact in each)
        self._disk.rows.append(bodies.pack(self._written + 1, facts, self._disk.rows[-1].hash))
        if self._disk.slow_s:
            self._life.world.struck(Fault.SLOW_HUB)
        delay_s = self._chance.uniform(0.0002, 0.004) + self._chance.random() * self._disk.slow_s
        self._loop.after_s(delay_s, self._synced, group, facts)

    def _synced(self, group: list[tuple[Facts, Done]], facts: Facts) -> None:
        if not self._life.alive:
            return
        if self._disk.full or self._disk.failing:
            self._fail()
            return
        self._disk.durable = len(self._disk.rows)
        del self._waiting[: len(group)]
        self._written += len(facts)
        self._life.world.oracle.committed(facts)
        self._life.step()
        self._tell(group)
        self._busy = bool(self._waiting)
        if self._busy:
            self._loop.call_soon(self._write)

    def _tell(self, group: list[tuple[Facts, Done]]) -> None:
        """Whoever waits for these facts, in the order of the facts."""
        number = self._written - sum(len(facts) for facts, _ in group)
        told: list[tuple[int, Done]] = []
        for facts, done in group:
            number += len(facts)
            told.append((number, done))
        told += [waiter for waiter in self._after if waiter[0] <= self._written]
        self._after = [waiter for waiter in self._after if waiter[0] > self._written]
        for _, done in sorted(told, key=lambda waiter: waiter[0]):
            done()

    def _fail(self) -> None:
        """After a failed fsync nobody knows what is on disk: the cache may show the row or not; the process ends."""
        self._life.world.struck(Fault.FULL_HUB if self._disk.full else Fault.COMMIT_ERROR)
        self._disk.failing = False
        if self._disk.full or self._chance.random() < 0.5:
            self._disk.rows.pop()
        self._life.die(cut=False)


class DiskRegister:
    """Implements `hub.desk.Register`: rows and ask id in one transaction."""

    def __init__(self, life: Owner, disk: HubDisk) -> None:
        self._life = life
        self._disk = disk

    async def knows(self, ask: int) -> bool:
        await self._life.world.loop.pause(0.0005)
        return ask in self._disk.asks

    async def write(self, ask: int, rows: Rows) -> bool:
        self._life.step()
        await self._life.world.loop.pause(self._life.world.chance.uniform(0.001, 0.005))
        if not self._life.alive or ask in self._disk.asks:
            return False
        if self._disk.full:
            self._life.world.struck(Fault.FULL_HUB)
            self._life.die(cut=False)
            return False
        self._disk.school, self._disk.asks = edited(self._disk.school, rows), self._disk.asks | {ask}
        self._life.step()
        return True
