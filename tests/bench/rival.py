"""The same hub on PostgreSQL: `python -m tests.bench.rival run …` with the socket's folder in PREAU_POSTGRES. For T6.

Link, desk, rules, books and broker are the real ones; only the journal is another: each ask is one transaction of its own, on one of
many connections, with the scan's facts and its debit in it. It is given every advantage: an answer waits for its own transaction only,
not for those before it, and no tables are made for the office.
"""

import asyncio
import contextlib
import itertools
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import cast

import msgspec

from hub import rows, run
from hub.__main__ import main
from hub.beside import Walker
from hub.core.books import Books
from hub.core.facts import Charged, Fact, Facts
from hub.desk import Desk
from hub.folder import Folder, stop_at_once
from hub.history import History
from hub.journal import Journal
from hub.keys import load_master
from hub.memory import Edits, Memory
from hub.register import Register
from tests.bench import postgres
from tests.bench.postgres import Debit

SOCKET = "PREAU_POSTGRES"
OPENING_CENTS = 10**12
FOLLOWED = 10**12
"""As if the office's tables had every fact there will ever be."""

Done = Callable[[], None]


class PostgresJournal:
    """Implements `hub.desk.Journal`. `number`: of the last fact handed to it."""

    def __init__(self, connections: Sequence[Debit], number: int, wallets: Iterable[int]) -> None:
        self._number = number
        self._turns = itertools.cycle(wallets)
        """An ask that charges nobody debits one of these by nothing, in turn: no two transactions wait for the same row."""
        self._waiting: deque[tuple[int, Facts]] = deque()
        self._told: dict[int, list[Done]] = {}
        """Number of an ask's last fact -> who waits for its transaction."""
        self._work = asyncio.Semaphore(0)
        self._busy = [asyncio.create_task(self._book(debit)) for debit in connections]
        for task in self._busy:
            task.add_done_callback(_ended)

    def append(self, facts: Facts, done: Done) -> None:
        """Queue one ask for the next connection that is free."""
        self._number += len(facts)
        self._told[self._number] = [done]
        self._waiting.append((self._number, facts))
        self._work.release()

    def after(self, number: int, done: Done) -> None:
        """Call `done` when the ask that ends with fact `number` is on disk."""
        waiting = self._told.get(number)
        if waiting is None:
            done()
        else:
            waiting.append(done)

    @property
    def durable(self) -> int:
        """For the pages, which begin beside the taps and ask what can be queried: nothing is, and nothing is waited for."""
        return self._number

    async def facts(self, numbers: Sequence[int]) -> dict[int, Fact]:
        """For the pages: those of an empty history."""
        assert not numbers, "nothing is followed here"
        return {}

    async def find(self, number: int) -> Facts:
        """Nobody asks twice for anything that is not in the desk's memory while this is measured."""
        raise NotImplementedError(f"fact {number} is asked for again")

    async def close(self) -> None:
        """What waits is not answered any more."""
        for task in self._busy:
            task.cancel()
        await asyncio.wait(self._busy)

    async def _book(self, debit: Debit) -> None:
        while True:
            await self._work.acquire()
            number, facts = self._waiting.popleft()
            charged = next((fact for fact in facts if isinstance(fact, Charged)), None)
            wallet, cents = (charged.wallet, charged.cents) if charged else (next(self._turns), 0)
            assert await debit(facts[0].ask, wallet, cents, 0, msgspec.json.encode(facts)), "this ask was booked before"
            for done in self._told.pop(number):
                done()


def _ended(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        stop_at_once(f"PostgreSQL: {error!r}")


async def remember(folder: Folder, stack: contextlib.AsyncExitStack, walker: Walker, *_early: object) -> Memory:
    """In place of `hub.memory.remember`: the same books, read from the journal that `preau-hub import` wrote, and then left alone."""
    books, edits = Books(), Edits()
    opening = await Journal.open(folder, stop_at_once, books.apply, walker)
    stack.push_async_callback(opening.close)
    wallets = dict.fromkeys(books.wallets.values(), OPENING_CENTS)
    connections = await stack.enter_async_context(postgres.debits(os.environ[SOCKET], wallets))
    journal = PostgresJournal(connections, books.number, wallets)
    stack.push_async_callback(journal.close)
    with rows.opened(folder.office) as office:
        desk = Desk(rows.read_school(office), books, journal, edits)
    return Memory(folder, cast("Journal", journal), desk, load_master(folder.master_key), edits)


async def past(register: Register, journal: PostgresJournal) -> History:
    """In place of `History.open`."""
    return nothing_to_follow(register, journal)


def nothing_to_follow(register: Register, journal: PostgresJournal) -> History:
    """For pages, which nobody opens here."""
    followed = History(register, cast("Journal", journal))
    followed.number = FOLLOWED
    return followed


if __name__ == "__main__":
    run.remember = remember  # type: ignore[attr-defined, assignment]
    History.open = past  # type: ignore[method-assign, assignment]
    sys.exit(main(sys.argv[1:]))
