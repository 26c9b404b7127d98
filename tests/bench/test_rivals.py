"""What we are held against does what we do: it debits once for each ask, never below nothing, and durably. And what is told of it."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import pytest

from hub.core.facts import Facts, HoleDeclared
from hub.folder import Folder
from hub.register import Register
from tests.bench import postgres, transfers
from tests.bench.least import Debited, Ledger, pack_debits, rows_written
from tests.bench.pace import until
from tests.bench.rival import PostgresJournal, nothing_to_follow
from tests.bench.rush import Rush
from tests.bench.transfers import Speeds

WAIT_S = 10.0


async def test_sqlite_debits_once_for_each_ask_and_never_below_nothing(tmp_path: Path) -> None:
    async with transfers.sqlite_debits(tmp_path / "rival.db", {1: 100}) as debit:
        assert await debit(7, 1, 60, 0)
        assert not await debit(7, 1, 60, 0)
        with pytest.raises(sqlite3.IntegrityError):
            await debit(8, 1, 60, 0)
        assert await debit(8, 1, 40, 0)


async def test_postgresql_debits_once_for_each_ask_and_never_below_nothing(open_folder: Path) -> None:
    if postgres.binaries() is None:
        pytest.skip(postgres.MISSING)
    with postgres.running(open_folder / "postgres") as socket:
        async with postgres.debits(socket, {1: 100}, 2) as (one, other):
            assert await one(7, 1, 60, 0)
            assert not await other(7, 1, 60, 0)
            with pytest.raises(asyncpg.PostgresError, match="shortage"):
                await other(8, 1, 60, 0)
            assert await other(8, 1, 40, 0)  # what was refused has left nothing behind


async def test_the_desk_that_does_not_think_debits_once_never_below_nothing_and_answers_from_the_disk(tmp_path: Path) -> None:
    told: list[str] = []
    async with rows_written(tmp_path / "least.db", pack_debits) as rows:
        ledger = Ledger(rows, {1: 100})
        assert ledger.debit(Debited(7, 1, 60, 0), lambda: told.append("first"))
        assert not ledger.debit(Debited(7, 1, 10, 0), lambda: told.append("again"))
        assert not ledger.debit(Debited(8, 1, 60, 0), lambda: told.append("shortage"))
        assert ledger.debit(Debited(8, 1, 40, 0), lambda: told.append("second"))
        assert not told
        await until(lambda: len(told) == 2, WAIT_S)
        assert told == ["first", "second"]
        with contextlib.closing(sqlite3.connect(tmp_path / "least.db")) as other:
            assert other.execute("SELECT body FROM journal").fetchall() == [(b"[[7,1,60,0],[8,1,40,0]]",)]


async def test_the_rival_hub_answers_an_ask_when_its_own_transaction_is_over() -> None:
    gates: dict[int, asyncio.Event] = {1: asyncio.Event(), 2: asyncio.Event()}
    told: list[str] = []

    async def debit(ask: int, *_rest: object) -> bool:
        await gates[ask].wait()
        return True

    journal = PostgresJournal([debit, debit], 0, [1])  # type: ignore[list-item]
    journal.append(_facts(1), lambda: told.append("first"))
    journal.append(_facts(2), lambda: told.append("second"))
    journal.after(2, lambda: told.append("after the second"))
    journal.after(0, lambda: told.append("nothing to wait for"))
    assert told == ["nothing to wait for"]
    gates[2].set()
    await until(lambda: len(told) == 3, WAIT_S)
    assert told == ["nothing to wait for", "second", "after the second"]
    gates[1].set()
    await until(lambda: told[-1] == "first", WAIT_S)
    await journal.close()


async def test_the_rivals_pages_wait_for_nothing_however_many_taps_came_before_they_began(tmp_path: Path) -> None:
    folder, journal = Folder(tmp_path), PostgresJournal([], 800, [1])
    register = await Register.open(folder, pytest.fail)
    journal.append(_facts(1), lambda: None)
    past = nothing_to_follow(register, journal)
    await past.caught_up(801)
    assert await past.scans(10) == []
    await register.close()
    folder.close()


def _facts(ask: int) -> Facts:
    return (HoleDeclared(ask, "door", "a" * 16, 1, 1),)


async def test_a_rush_keeps_as_many_open_as_wait_and_ends_when_it_is_stopped() -> None:
    open_asks: list[Callable[[], None]] = []
    rush = Rush(open_asks.append, 100)
    running = asyncio.create_task(rush.run(3))
    await until(lambda: len(open_asks) == 3, WAIT_S)
    open_asks.pop()()
    assert (len(open_asks), rush.answered) == (3, 1)
    rush.stop()
    while open_asks:
        open_asks.pop()()
    await running
    assert rush.answered == 4


def _speeds(**per_s: float) -> Speeds:
    return Speeds({name: {waiting: [value, value, value] for waiting in transfers.WAITING} for name, value in per_s.items()})


FOLLOWED = {"tap_followed": 100.0, "sale_followed": 100.0}


def test_debits_are_held_against_the_same_number_waiting() -> None:
    rows = list(transfers.rows(_speeds(debit=1_000, least=1_500, tap=149, sale=151, postgres=100, sqlite=50, **FOLLOWED)))
    assert [(row.value, row.holds) for row in rows if row.key == "T4"] == [(10, True), (10, False), (1.49, False), (1.51, True)]
    assert [round(row.value, 2) for row in rows if row.key == "T5"] == [7.14]
    assert [row.value for row in rows if "SQLite" in row.what] == [20] * 4


def test_without_postgresql_nothing_is_said_of_it() -> None:
    rows = list(transfers.rows(_speeds(debit=1_000, tap=149, sale=151, sqlite=50, **FOLLOWED)))
    assert len(rows) == 4
    assert all("SQLite" in row.what and row.holds is None for row in rows)
