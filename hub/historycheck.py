"""Whether the history tells the same as the journal: each row of its tables against the row that the facts make. Changes nothing.

Scans, entries and charges are compared a piece of the journal at a time; of stays, class mornings and sums, what each is in the end.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import attended, sums
from hub import tables as t
from hub.core.audit import Complaints
from hub.core.books import Books
from hub.core.ledger import wallet_account
from hub.history import CHARGE, ENTRIES_OF_A_FACT, ENTRY, MORNING, SCAN, STAY, VOID, WORD, Values, closed, pieces, rows
from hub.journal import Commit, Journal
from hub.register import Register

PIECE_FACTS = 2_000
"""Facts compared at once: some MB."""


@dataclass(slots=True)
class Compared:
    """What came of it. `number`: of the last fact that the history has; `rows` were compared."""

    number: int = 0
    rows: int = 0
    complaints: Complaints = field(default_factory=Complaints)

    def same(self, table: Table, ours: Iterable[Values], theirs: Iterable[Values]) -> None:
        """Name the rows that differ."""
        keys = len(table.primary_key.columns)
        made, has = {row[:keys]: row[keys:] for row in ours}, {row[:keys]: row[keys:] for row in theirs}
        self.rows += len(made)
        if made == has:
            return
        for key in sorted(made.keys() | has.keys()):
            if made.get(key) != has.get(key):
                told = f"the journal makes {_written(made.get(key))}, the table has {_written(has.get(key))}"
                self.complaints.add(f"{table.name} {_written(key)}: {told}")


@dataclass(slots=True)
class _Ends:
    """What stays, class mornings and the sums of reports are after the facts so far."""

    stays: dict[Any, Values] = field(default_factory=dict)
    mornings: dict[Any, Values] = field(default_factory=dict)
    """(pupil, day) -> whether it counts, fact that notes it, fact that justifies it."""
    revenue: dict[Any, Values] = field(default_factory=dict)
    cash: dict[Any, Values] = field(default_factory=dict)

    def take(self, made: Any) -> None:
        """The rows of one more piece."""
        for stay, *_ in made[VOID]:
            self.stays.pop(stay, None)
        self.stays.update({values[0]: values for values in made[STAY]})
        for pupil, day, counts, noted in made[MORNING]:
            self.mornings[pupil, day] = (counts, noted, self.mornings.get((pupil, day), (0, 0, 0))[2])
        for pupil, day, justified in made[WORD]:
            self.mornings[pupil, day] = (*self.mornings.get((pupil, day), (0, 0, 0))[:2], justified)
        for *place, charges, charged, corrections, corrected in made[sums.REVENUE]:
            self.revenue[tuple(place)] = _plus(self.revenue.get(tuple(place), (0, 0, 0, 0)), (charges, charged, corrections, corrected))
        for session, *opened in made[sums.DESK_OPENED]:  # in the order of the table's columns, as all of these
            self.cash[session] = (*opened, 0, 0, 0, 0, 0, 0, 0)
        for *cents, session in made[sums.DESK_MOVED]:
            known = self.cash[session]
            self.cash[session] = (*known[:5], *_plus(known[5:8], cents), *known[8:])
        for *ending, session in made[sums.DESK_CLOSED]:
            self.cash[session] = (*self.cash[session][:8], *ending)


async def compared(register: Register, journal: Journal, books: Books) -> Compared:
    """Compare all of it, up to the fact that the history has reached. Raises DamageError for a journal that is another, or lost facts."""
    found, ends = Compared(), _Ends()
    async with register.reading() as connection:
        head = (await connection.execute(select(t.history_head))).one_or_none()
        if head is not None:
            journal.refuse_other(head.number, head.journal)
            found.number = head.number
            if await journal.hash_at(head.number) != head.hash:
                found.complaints.add(f"it was made of another journal than this one, up to fact {head.number}")
        async for piece in pieces(_up_to(journal, found.number), PIECE_FACTS):
            await _piece(connection, piece, ends, found)
        found.same(t.history_stay, ends.stays.values(), await _rows(connection, select(t.history_stay)))
        mornings = ((*key, *values) for key, values in ends.mornings.items())
        found.same(t.history_morning, mornings, await _rows(connection, select(t.history_morning)))
        await _sums(connection, ends, found)
        await _beyond(connection, found)
        if found.number == books.number:
            await _balances(connection, books, found)
    return found


async def _sums(connection: AsyncConnection, ends: _Ends, found: Compared) -> None:
    """What reports read."""
    there = sums.presence(closed(ends.stays.values()))
    counts = t.history_presence.c
    counted = select(t.history_presence).where(or_(counts.came != 0, counts.gone != 0, counts.ms != 0))
    found.same(t.history_presence, there, await _rows(connection, counted))
    await _attended(connection, ends, found)
    revenue = ((*place, *cents) for place, cents in ends.revenue.items())
    found.same(t.history_revenue, revenue, await _rows(connection, select(t.history_revenue)))
    cash = ((session, *told) for session, told in ends.cash.items())
    found.same(t.history_cash, cash, await _rows(connection, select(t.history_cash)))


async def _attended(connection: AsyncConnection, ends: _Ends, found: Compared) -> None:
    """The sets of pupils, each written as its pupils."""
    places = {int(place or 0): int(pupil or 0) for place, pupil in await _rows(connection, select(t.history_place))}
    made: defaultdict[Any, set[int]] = defaultdict(set)
    for stay in closed(ends.stays.values()):
        for cell in attended.cells_of(stay):
            made[cell].add(stay[0])
    has = {}
    for programme, hour, pupils in await _rows(connection, select(t.history_attended)):
        bits = int.from_bytes(pupils, "little")  # type: ignore[arg-type]  # a blob
        has[programme, hour] = {places.get(place, 0) for place in range(bits.bit_length()) if bits >> place & 1}
    ours = ((*cell, " ".join(map(str, sorted(those)))) for cell, those in made.items())
    theirs = ((*cell, " ".join(map(str, sorted(those)))) for cell, those in has.items() if those)
    found.same(t.history_attended, ours, theirs)


def _plus(one: Iterable[Any], other: Iterable[Any]) -> Values:
    return tuple(sum(pair) for pair in zip(one, other, strict=True))


async def _piece(connection: AsyncConnection, piece: list[Commit], ends: _Ends, found: Compared) -> None:
    made = rows(piece)
    scan, entry, first, last = t.history_scan, t.history_entry, piece[0].number, piece[-1].last
    found.same(scan, made[SCAN], await _rows(connection, select(scan).where(scan.c.number.between(first, last))))
    charge = t.history_charge
    found.same(charge, made[CHARGE], await _rows(connection, select(charge).where(charge.c.number.between(first, last))))
    ids = entry.c.id.between(first * ENTRIES_OF_A_FACT, (last + 1) * ENTRIES_OF_A_FACT - 1)
    found.same(entry, made[ENTRY], await _rows(connection, select(entry).where(ids)))
    ends.take(made)


async def _beyond(connection: AsyncConnection, found: Compared) -> None:
    """Rows of facts that the history cannot have seen."""
    numbers = {table: table.c.number for table in (t.history_scan, t.history_charge)}
    for table, fact in (*numbers.items(), (t.history_entry, t.history_entry.c.id // ENTRIES_OF_A_FACT)):
        outside: ColumnElement[bool] = or_(fact < 1, fact > found.number)
        count = await connection.scalar(select(func.count()).select_from(table).where(outside))
        if count:
            found.complaints.add(f"{table.name}: {count} rows of no fact up to {found.number}")


async def _balances(connection: AsyncConnection, books: Books, found: Compared) -> None:
    """What the entries of each wallet sum to is its balance: what is listed to a family is what it has."""
    entry = t.history_entry.c
    sums = await connection.execute(select(entry.wallet, func.sum(entry.cents)).group_by(entry.wallet))
    listed = {int(wallet): int(cents) for wallet, cents in sums}
    for wallet in sorted(books.owners.keys() | listed.keys()):
        ours, theirs = books.balance_cents(wallet_account(wallet)), listed.get(wallet, 0)
        if ours != theirs:
            found.complaints.add(f"wallet {wallet}: the books have {ours} cents, its entries sum to {theirs}")


async def _rows(connection: AsyncConnection, query: Select[Any]) -> list[Values]:
    return [tuple(row) for row in await connection.execute(query)]


async def _up_to(journal: Journal, number: int) -> AsyncIterator[Commit]:
    """The commits up to a fact."""
    async for commit in journal.read():
        if commit.last > number:
            return
        yield commit


def _written(row: Values | None) -> str:
    return "none" if row is None else " ".join(str(value) for value in row)
