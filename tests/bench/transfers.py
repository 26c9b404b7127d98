"""T4 and T5: durable decisions a second, with 1 to 512 waiting, against PostgreSQL and SQLite with one transaction for each.

All in one process of its own, in turns: `python -m tests.bench.transfers STORE FOLDER SOCKET ROUNDS MS`. The desk is the real one, on a
real journal; a bare debit is a real `Charged` (limit check, idempotency key). A till tap hands an order out, a sale is a cashier's form
of one drink: both go through every rule and leave their tables. The office's tables follow where that is measured, when the answers are
there: left to its own pace of five seconds, the history falls into one engine's turn or another's by chance.
"""

import asyncio
import contextlib
import gc
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median

import aiosqlite
import msgspec

from hub import history
from hub.core.books import Books
from hub.core.facts import Facts, Refusal
from hub.core.school import Policy, School
from hub.core.wallets import Sale, charge, open_balances
from hub.core.whys import Rule, Why
from hub.desk import Desk
from hub.folder import Folder, stop_at_once
from hub.journal import Journal
from hub.memory import Memory, memory
from tests.bench import postgres, processes, rush
from tests.bench.least import Debited, Ledger, pack_debits, rows_written
from tests.bench.report import Row
from tests.bench.rush import Done, Rush

WAITING = (1, 8, 64, 512)
DEBITS = {64: 10.0, 512: 20.0}
TAPS = {64: 1.5}
"""T4: times PostgreSQL's best, at least; of till taps, and of sales."""
TIGERBEETLE = 1.4
"""Its single transfers / PostgreSQL's best at 64 waiting, as tabled in performance.md."""
SINGLE_TRANSFERS = 7.0
"""T5, at least."""
CENTS = 10
OPENING_CENTS = 10**9
ENDLESS = 10**12
ORDERS_PER_S, MOST_ORDERS_PER_S, ORDERING = 2_000, 10_000, 64
"""Made before the taps, for each second and each tap that waits; when they are handed out, it is over. So many are made at a time."""
POOLS = {"postgres": (postgres.CONNECTIONS, 64), "sqlite": (512,)}
"""Connections of a rival's pools; the better one counts. SQLite has one writer, and 512 may queue for it."""

Debit = Callable[[int, int, int, int], Awaitable[bool]]
"""(ask, wallet, cents, now in ms); durable when it returns. False for an ask that is known."""


class Speeds(msgspec.Struct):
    """Per second: engine -> waiting -> one figure for each round. Engines: debit, least, tap, tap_followed, sale, sale_followed, postgres,
    sqlite."""

    per_s: dict[str, dict[int, list[float]]]

    def keep(self, engine: str, waiting: int, per_s: float) -> None:
        self.per_s.setdefault(engine, {}).setdefault(waiting, []).append(per_s)


def measure(store: Path, folder: Path, socket: str, rounds: int, ms: int) -> Speeds:
    """`rounds` rounds of `ms` milliseconds for each engine and number of waiting; without PostgreSQL when `socket` is empty."""
    command = ["tests.bench.transfers", str(store), str(folder), socket, str(rounds), str(ms)]
    return msgspec.json.decode(processes.run(command), type=Speeds)


# --- the measuring process -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Engines:
    """Everything that is measured, open at once."""

    bare: Desk
    least: Ledger
    sales: Sequence[Sale]
    stores: Memory
    rivals: dict[str, Sequence[Debit]]
    """Name -> connections; each does one debit at a time."""


async def _measured(store: Path, folder: Path, socket: str, rounds: int, seconds: float) -> Speeds:
    found = Speeds({})
    async with contextlib.AsyncExitStack() as stack:
        engines = await _open(stack, store, folder, socket)
        gc.freeze()  # as the hub does once its books are loaded
        gc.enable()
        for number in range(rounds):
            for waiting in WAITING if number % 2 else reversed(WAITING):
                found.keep("debit", waiting, await _debits(engines, waiting, seconds))
                if waiting in DEBITS:
                    found.keep("least", waiting, await _least(engines.least, waiting, seconds))
                for name, connections in engines.rivals.items():
                    sizes = sorted({min(size, waiting) for size in POOLS[name]})
                    found.keep(name, waiting, max([await _rival(connections[:size], seconds) for size in sizes]))
                for what, measured in (("tap", _taps), ("sale", _sales)):
                    answered, followed = await measured(engines.stores, waiting, seconds)
                    found.keep(what, waiting, answered)
                    found.keep(f"{what}_followed", waiting, followed)
    return found


async def _debits(engines: _Engines, waiting: int, seconds: float) -> float:
    desk, turns, before = engines.bare, count(), engines.bare.books.number

    def begin(done: Done) -> None:
        ask = _ask()
        desk.submit(lambda _answer: done(), ask, _charge, ask, engines.sales[next(turns) % len(engines.sales)])

    going = Rush(begin, ENDLESS)
    took_s = await _timed(going, waiting, seconds)
    assert desk.books.number - before == going.answered, "not every debit was booked as one fact"
    return going.answered / took_s


async def _least(ledger: Ledger, waiting: int, seconds: float) -> float:
    turns, before = count(), len(ledger.asks)

    def begin(done: Done) -> None:
        ledger.debit(Debited(_ask(), next(turns) % WALLETS + 1, CENTS, time.time_ns() // 1_000_000), done)

    going = Rush(begin, ENDLESS)
    took_s = await _timed(going, waiting, seconds)
    await ledger.rows.tidy()  # so much is written that the disk would be at it still when the next engine's turn comes
    assert len(ledger.asks) - before == going.answered, "not every debit was kept"
    return going.answered / took_s


async def _taps(stores: Memory, waiting: int, seconds: float) -> tuple[float, float]:
    """Taps a second until they are answered, and until the office's tables have them as well."""
    orders = max(waiting, int(seconds * min(waiting * ORDERS_PER_S, MOST_ORDERS_PER_S)))
    await rush.ordered(stores, orders, ORDERING)
    await stores.history.caught_up(stores.desk.books.number)
    gc.freeze()  # the orders of a day are there when it begins
    tills = rush.tills(stores, waiting)
    going = Rush(tills.tap, orders)
    since_s = time.monotonic()
    took_s = await _timed(going, waiting, seconds)
    await stores.history.caught_up(stores.desk.books.number)
    assert not tills.unserved, f"{tills.unserved} of {going.answered} taps did not go through the rule that is measured"
    return going.answered / took_s, going.answered / (time.monotonic() - since_s)


async def _sales(stores: Memory, waiting: int, seconds: float) -> tuple[float, float]:
    """Sales a second, likewise."""
    sales = await rush.cash_desk(stores)
    going = Rush(sales.sell, ENDLESS)
    since_s = time.monotonic()
    took_s = await _timed(going, waiting, seconds)
    await stores.history.caught_up(stores.desk.books.number)
    assert not sales.unsold, f"{sales.unsold} of {going.answered} forms were not sold"
    return going.answered / took_s, going.answered / (time.monotonic() - since_s)


async def _timed(going: Rush, waiting: int, seconds: float) -> float:
    since_s = time.monotonic()
    asyncio.get_running_loop().call_later(seconds, going.stop)
    await going.run(waiting)
    return time.monotonic() - since_s


async def _rival(connections: Sequence[Debit], seconds: float) -> float:
    """Who waits beyond the connections waits in a queue: each connection takes the next one as soon as it is free."""
    turns, answered = count(), 0
    since_s = time.monotonic()

    async def busy(debit: Debit) -> None:
        nonlocal answered
        over = False
        while not over:  # the first one counts, however late it is
            assert await debit(_ask(), next(turns) % WALLETS + 1, CENTS, time.time_ns() // 1_000_000)
            answered += 1
            over = time.monotonic() > since_s + seconds

    await asyncio.gather(*(busy(debit) for debit in connections))
    return answered / (time.monotonic() - since_s)


def _charge(school: School, books: Books, ask: int, sale: Sale) -> Facts | Refusal:
    return charge(school, books, ask, sale)


def _ask() -> int:
    return int.from_bytes(os.urandom(8), "big") >> 1 or 1


WALLETS = 400
"""Of a rival; as many as the school has families."""


async def _open(stack: contextlib.AsyncExitStack, store: Path, folder: Path, socket: str) -> _Engines:
    stores = await stack.enter_async_context(memory(store))
    bare = await _bare(stack, folder / "bare", stores)
    balances = dict.fromkeys(range(1, WALLETS + 1), OPENING_CENTS)
    least = Ledger(await stack.enter_async_context(rows_written(folder / "least.db", pack_debits)), dict(balances))
    sqlite = await stack.enter_async_context(sqlite_debits(folder / "rival.db", balances))
    rivals: dict[str, Sequence[Debit]] = {"sqlite": [sqlite] * max(POOLS["sqlite"])}
    if socket:
        rivals["postgres"] = await stack.enter_async_context(postgres.debits(socket, balances, max(POOLS["postgres"])))
    site, (product, *_) = next(iter(stores.desk.school.sites.values())), stores.desk.school.products.values()
    why, now_ms = Why(Rule.PRICE, unit_tenths=CENTS * 10), time.time_ns() // 1_000_000
    pupils = stores.desk.school.pupils.values()
    sales = [Sale(pupil, site, product.id, CENTS, why, Policy.MUST_HAVE_FUNDS, now_ms) for pupil in pupils]
    return _Engines(bare, least, sales, stores, rivals)


async def _bare(stack: contextlib.AsyncExitStack, folder: Path, stores: Memory) -> Desk:
    """A desk on a journal of its own, every family with money, nobody following it."""
    place = Folder(folder)
    stack.callback(place.close)
    journal = await Journal.open(place, stop_at_once)
    stack.push_async_callback(journal.close)
    desk = Desk(stores.desk.school, Books(), journal, stores.register)
    (site,) = desk.school.sites
    opening = {(site, household): OPENING_CENTS for household in desk.school.households}
    ask = _ask()
    answer = await desk.do(ask, open_balances, ask, opening, 0)
    assert answer.facts, f"no balances were opened: {answer.refusal}"
    return desk


@contextlib.asynccontextmanager
async def sqlite_debits(path: Path, balances: dict[int, int]) -> AsyncIterator[Debit]:
    """SQLite's best form: one statement, which is one commit; a trigger checks the limit and debits, an ask that is known does nothing."""
    async with aiosqlite.connect(path, isolation_level=None) as db:
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            await db.execute_fetchall(f"PRAGMA {pragma}")
        await db.executescript(
            """CREATE TABLE wallet (id INTEGER PRIMARY KEY, cents INTEGER NOT NULL CHECK (cents >= 0)) STRICT;
            CREATE TABLE transfer (
                ask INTEGER PRIMARY KEY, wallet INTEGER NOT NULL, cents INTEGER NOT NULL, at_ms INTEGER NOT NULL
            ) STRICT;
            CREATE TRIGGER debit AFTER INSERT ON transfer BEGIN
                UPDATE wallet SET cents = cents - new.cents WHERE id = new.wallet;
            END;"""
        )
        await db.executemany("INSERT INTO wallet VALUES (?, ?)", balances.items())

        async def debit(ask: int, wallet: int, cents: int, at_ms: int) -> bool:
            done = await db.execute("INSERT INTO transfer VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", (ask, wallet, cents, at_ms))
            return done.rowcount == 1

        yield debit


# --- the table -----------------------------------------------------------------------------------


def rows(found: Speeds) -> Iterator[Row]:
    """The lines of the table for T4 and T5, and the same against SQLite."""
    if "postgres" in found.per_s:
        yield from (_row(found, "debit", waiting, "postgres", DEBITS.get(waiting)) for waiting in WAITING)
        yield from (_row(found, "least", waiting, "postgres", None) for waiting in DEBITS)
        yield from (_row(found, what, waiting, "postgres", TAPS.get(waiting)) for what in ("tap", "sale") for waiting in WAITING)
        yield from (_row(found, f"{what}_followed", 64, "postgres", None) for what in ("tap", "sale"))
        value = _ratio(found, "debit", 64, "postgres") / TIGERBEETLE
        beside = f"not measured: tabled as {TIGERBEETLE:g} x PostgreSQL"
        yield Row("T5", "bare debits/s / TigerBeetle's single transfers/s, 64 waiting", value, SINGLE_TRANSFERS, beside, least=True)
    yield from (_row(found, "debit", waiting, "sqlite", None) for waiting in WAITING)


_WHAT = {
    "debit": "bare debits/s",
    "least": "debits/s of a desk that does not think",
    "tap": "till taps/s, all rules",
    "sale": "cashier's sales/s, all rules",
    "tap_followed": "till taps/s until the office's tables follow",
    "sale_followed": "sales/s until the office's tables follow",
}
_WHOSE = {"postgres": "PostgreSQL's debits/s", "sqlite": "SQLite's, a commit each"}


def _row(found: Speeds, engine: str, waiting: int, rival: str, target: float | None) -> Row:
    ours, theirs = (median(found.per_s[name][waiting]) for name in (engine, rival))
    what = f"{_WHAT[engine]} / {_WHOSE[rival]}, {waiting} waiting"
    return Row("T4" if target else "", what, _ratio(found, engine, waiting, rival), target, f"{ours:.0f}/s / {theirs:.0f}/s", least=True)


def _ratio(found: Speeds, engine: str, waiting: int, rival: str) -> float:
    ours, theirs = (found.per_s[name][waiting] for name in (engine, rival))
    return median(our / their for our, their in zip(ours, theirs, strict=True))


def main(store: str, folder: str, socket: str, rounds: str, ms: str) -> None:
    """The child: measure, and print Speeds."""
    gc.disable()
    history.EVERY_S = ENDLESS
    found = asyncio.run(_measured(Path(store), Path(folder), socket, int(rounds), int(ms) / 1000))
    print(msgspec.json.encode(found).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
