"""A journal in memory that behaves as hub.desk.Journal: group commits when the test says so, and power cuts that lose the rest.

With it, a register in memory, and what must hold of every desk when its test is over.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import msgspec
import pytest

from hub.core.audit import audit
from hub.core.books import Books, replay
from hub.core.facts import Fact, Facts
from hub.core.school import Rows, School, edited
from hub.desk import Desk

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(tuple[Fact, ...])


@dataclass(slots=True)
class MemoryJournal:
    """Facts wait until `commit()`; `lose()` is a power cut: what waited is gone, and nobody is told anything."""

    committed: list[bytes] = field(default_factory=list)
    """One JSON array of facts for each ask, as bytes: what is kept is what can be read back."""
    number: int = 0
    """Of the last fact on disk."""
    reads: int = 0
    """How often facts were read back."""
    _first: dict[int, int] = field(default_factory=dict)
    """Number of an ask's first fact -> its place in `committed`."""
    _waiting: list[tuple[Facts, Callable[[], None]]] = field(default_factory=list)
    _after: list[tuple[int, Callable[[], None]]] = field(default_factory=list)

    def append(self, facts: Facts, done: Callable[[], None]) -> None:
        self._waiting.append((facts, done))

    def after(self, number: int, done: Callable[[], None]) -> None:
        if number <= self.number:
            done()
        else:
            self._after.append((number, done))

    async def find(self, number: int) -> Facts:
        """Takes a turn of the loop, as a disk does."""
        await asyncio.sleep(0)
        self.reads += 1
        return _DECODER.decode(self.committed[self._first[number]])

    def commit(self) -> None:
        """One group commit of all that waits; then everybody it made wait is told, in the order of the facts."""
        group, self._waiting = self._waiting, []
        told: list[tuple[int, Callable[[], None]]] = []
        for facts, done in group:
            self._first[self.number + 1] = len(self.committed)
            self.committed.append(_ENCODER.encode(facts))
            self.number += len(facts)
            told.append((self.number, done))
        told += [waiter for waiter in self._after if waiter[0] <= self.number]
        self._after = [waiter for waiter in self._after if waiter[0] > self.number]
        for _, done in sorted(told, key=lambda waiter: waiter[0]):
            done()

    def lose(self) -> None:
        """The power fails: what was not committed is gone."""
        self._waiting, self._after = [], []

    def facts(self) -> list[Fact]:
        """Everything on disk, in order, decoded."""
        return [fact for ask in self.committed for fact in _DECODER.decode(ask)]


@dataclass(slots=True)
class MemoryRegister:
    """Rows and asks in one transaction. With a `gate`, a write waits until the test opens it."""

    school: School
    """What a full read would give."""
    asks: set[int] = field(default_factory=set)
    gate: asyncio.Event | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def knows(self, ask: int) -> bool:
        return ask in self.asks

    async def write(self, ask: int, rows: Rows) -> bool:
        self.begun.set()
        if self.gate is not None:
            await self.gate.wait()
        if ask in self.asks:
            return False
        self.asks.add(ask)
        self.school = edited(self.school, rows)
        return True


@dataclass(slots=True)
class Hub:
    """A desk on a journal and a register in memory."""

    desk: Desk
    journal: MemoryJournal
    register: MemoryRegister

    def restart(self) -> None:
        """The power fails and comes back: what was on disk is read again."""
        self.journal.lose()
        self.desk = Desk(self.register.school, replay(self.journal.facts()), self.journal, self.register)

    def settled(self) -> tuple[Iterable[Fact], Books]:
        """Everything committed, and the live books."""
        self.journal.commit()
        return self.journal.facts(), self.desk.books


def hub_of(school: School) -> Hub:
    """A hub that has just been set up: empty books."""
    journal, register = MemoryJournal(), MemoryRegister(school)
    return Hub(Desk(school, Books(), journal, register), journal, register)


def check_books(facts: Iterable[Fact], books: Books) -> None:
    """Replay equals live, also of the facts' bytes, money is conserved, and the audit finds nothing but how a test numbers its scans."""
    facts = list(facts)
    assert replay(facts) == books
    assert replay(_DECODER.decode(_ENCODER.encode(facts))) == books
    assert books.total_cents() == 0
    assert [one for one in audit(facts, School(), books).verdicts if one.complaints and one.topic != "scans"] == []


ReplayEqualsLive = Callable[[Callable[[], tuple[Iterable[Fact], Books]]], None]


@pytest.fixture
def replay_equals_live() -> Iterator[ReplayEqualsLive]:
    """Given how to get at facts and live books (e.g. `hub.settled`): when the test is over, the facts make the same books again."""
    settled: list[Callable[[], tuple[Iterable[Fact], Books]]] = []
    yield settled.append
    for each in settled:
        check_books(*each())
