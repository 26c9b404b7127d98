"""The history: the journal's facts again, as tables for statements, lists and reports. Deleted and rebuilt at will; decides nothing.

It follows the journal behind the answer, in the register's database and through its writing connection, and keeps the number and
hash of the commit it has reached. Tables hold what is asked for; the facts themselves are read from the journal.
"""

import asyncio
import contextlib
import json
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from functools import cache
from typing import Any, get_args

from msgspec import Struct
from sqlalchemy import Delete, Select, Table, TextClause, bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.dialects.sqlite.aiosqlite import dialect
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import Insert

from hub import attended, sums
from hub import tables as t
from hub.core import facts as f
from hub.core.codes import Reason
from hub.core.ledger import wallet_account
from hub.core.statements import concerning
from hub.core.tryout import Stayed
from hub.core.why import Told
from hub.journal import Commit, Journal
from hub.register import Register

log = logging.getLogger(__name__)

EVERY_S = 5.0
"""How long facts gather before they are copied when nobody waits: each copy writes some ten pages, however few facts it holds."""
FACTS_AT_ONCE = 10_000
"""Facts of one transaction at most. Each rewrites the pages it touches, so few long ones cost a fraction of many short ones."""
PIECE_FACTS = 250
"""Facts prepared at once: a millisecond of the loop."""
ROWS_AT_ONCE = 200
"""Rows of a long answer made at once: half a millisecond of the loop."""
ENTRIES_OF_A_FACT = 16
"""Numbers kept free for the ledger entries of one fact; the largest fact has two."""


def _upsert(table: Table, *columns: str) -> Insert:
    """Put some columns of a row, whatever the others are; parameters: its key, then these."""
    statement = insert(table).values({name: bindparam(name) for name in (*table.primary_key.columns.keys(), *columns)})
    changed = {name: statement.excluded[name] for name in columns}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed)


SCAN = insert(t.history_scan)
ENTRY = insert(t.history_entry)
CHARGE = insert(t.history_charge)
RUN = insert(t.history_settlement)
STAY = insert(t.history_stay).prefix_with("OR REPLACE")
VOID = delete(t.history_stay).where(t.history_stay.c.id == bindparam("stay"))
MORNING = _upsert(t.history_morning, "counts", "noted")
WORD = _upsert(t.history_morning, "justified")
_ORDER = (SCAN, ENTRY, CHARGE, RUN, STAY, VOID, *sums.STATEMENTS, MORNING, WORD)

_MOVES = """SELECT entry.wallet, entry.at_ms, entry.cents FROM json_each(?1) AS wanted JOIN history_entry AS entry ON entry.id IN
(SELECT id FROM history_entry WHERE wallet = wanted.value ORDER BY id DESC LIMIT ?2) ORDER BY entry.id DESC"""

Booked = f.BalanceOpened | f.Charged | f.ChargesPosted | f.Reversed | f.CashPaidIn | f.TillVoided | f.Transferred | f.Cleared
"""Facts that move a wallet."""
_OF_A_CHARGE = (f.ChargesPosted, f.Reversed)
_SALES = (f.Charged, f.MealReserved, f.MealServed)
_STAYS = f.StayOpened | f.StayClosed | f.StayVoided
Statement = Insert | Delete | TextClause
Values = tuple[int | str | None, ...]
"""In the order of the statement's parameters."""


class Noted(Struct, frozen=True):
    """A late or missed class morning, and what staff said of it last: a fact, and its number, under which its note is kept (0: none)."""

    morning: f.MorningNoted
    said: f.MorningJustified | None = None
    number: int = 0


class History:
    """Implements `hub.web.office.Past`."""

    def __init__(self, register: Register, journal: Journal) -> None:
        self.number = 0
        """Of the last fact that can be queried here."""
        self._register = register
        self._journal = journal
        self._filling = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()

    @classmethod
    async def open(cls, register: Register, journal: Journal) -> "History":
        """Compare with the journal, begin anew where they differ, and follow it from then on; nobody but a page waits for it.

        Raises DamageError when the journal has lost facts that were seen here, or is not the one this was made from.
        """
        history = cls(register, journal)
        async with register.reading() as connection:
            head = (await connection.execute(select(t.history_head))).one_or_none()
        if head is not None:
            journal.refuse_other(head.number, head.journal)
            if await journal.hash_at(head.number) == head.hash:
                history.number = head.number
            else:
                log.warning("the history tells another story than the journal up to fact %d: it is built again", head.number)
                await history._forget()
        history._following = asyncio.create_task(history._follow(), name="history")
        history._following.add_done_callback(history._ended)
        return history

    async def close(self) -> None:
        """Stop following; what is missing is copied at the next start."""
        if self._following is not None:
            self._ending.set()
            await asyncio.wait([self._following])

    async def caught_up(self, number: int) -> None:
        """Wait until everything up to fact `number`, which is on disk, can be queried."""
        assert number <= self._journal.durable, f"fact {number} is not on disk yet"
        if self.number < number:
            async with self._filling:
                while self.number < number:
                    await self._fill()

    async def rebuild(self) -> None:
        """Forget everything here and copy it again from the journal's first fact."""
        async with self._filling:
            await self._forget()
            while self.number < self._journal.durable:
                await self._fill()

    # --- queries, newest first --------------------------------------------------------------------

    async def scans(self, limit: int) -> list[f.ScanTaken]:
        """The scans decided last."""
        return await self._facts(select(t.history_scan.c.number).order_by(t.history_scan.c.number.desc()).limit(limit), f.ScanTaken)

    async def scans_of(self, pupil: int, limit: int) -> list[f.ScanTaken]:
        """A pupil's scans by when they happened."""
        scan = t.history_scan.c
        return await self._facts(select(scan.number).where(scan.pupil == pupil).order_by(scan.at_ms.desc()).limit(limit), f.ScanTaken)

    async def entries_of(self, wallet: int, limit: int) -> list[Booked]:
        """What was booked on a wallet."""
        entry = t.history_entry.c
        query = select(entry.id // ENTRIES_OF_A_FACT).where(entry.wallet == wallet).order_by(entry.id.desc()).limit(limit)
        return await self._facts(query, *get_args(Booked))

    async def facts(self, numbers: Collection[int]) -> dict[int, f.Fact]:
        """The facts with these numbers."""
        return await self._journal.facts(numbers)

    async def charges_of(self, pupil: int, limit: int) -> list[f.Charged]:
        """What was charged for a pupil, by when it was, also what a settlement run has not posted yet."""
        each = t.history_charge.c
        query = select(each.number).where(each.pupil == pupil).order_by(each.at_ms.desc(), each.number.desc()).limit(limit)
        return await self._facts(query, f.Charged)

    async def charge(self, charge: int) -> Told | None:
        """A charge, by its id."""
        each = t.history_charge.c
        facts = await self._facts(select(each.number).where(each.charge == charge).order_by(each.number), f.Charged, *_OF_A_CHARGE)
        if not facts:
            return None
        found = {type(fact): fact for fact in facts}
        return Told(found[f.Charged], found.get(f.ChargesPosted), found.get(f.Reversed))

    async def priced_from(self, pupils: Collection[int]) -> list[f.Charged | f.StayClosed]:
        """What the days of these pupils are priced again from (core/rerating.py): charges, and stays that are over."""
        each, stay = t.history_charge.c, t.history_stay.c
        charges = await self._facts(select(each.number).where(each.pupil.in_(pupils)).order_by(each.number), f.Charged)
        ended = select(stay.closed).where(stay.pupil.in_(pupils), stay.closed > 0).order_by(stay.closed)
        return [*charges, *await self._facts(ended, f.StayClosed)]

    async def moves_of(self, wallets: Collection[int], limit: int) -> dict[int, list[tuple[int, int]]]:
        """Of each wallet the last (Unix ms, cents) that moved it."""
        found: dict[int, list[tuple[int, int]]] = {wallet: [] for wallet in wallets}
        async with self._register.reading() as connection:
            # Each wallet's own rows by their index: a window over all of them would read the whole history of each.
            rows = await connection.exec_driver_sql(_MOVES, (json.dumps(sorted(found)), limit))
            for row in rows:
                found[row.wallet].append((row.at_ms, row.cents))
        return found

    async def told_of(self, wallets: Collection[int]) -> list[f.Fact]:
        """What statements of these wallets are made of, in order."""
        known = frozenset(wallets)
        entry, charge = t.history_entry.c, t.history_charge.c
        numbers = select(entry.id // ENTRIES_OF_A_FACT).where(entry.wallet.in_(known))
        async with self._register.reading() as connection:
            found = await connection.execute(numbers.union(select(charge.number).where(charge.wallet.in_(known))))
            wanted = [int(number) for (number,) in found]
        return [fact async for commit in self._journal.holding(wanted) for fact in concerning(commit.facts, known)]

    async def settlements(self, sites: Collection[int], limit: int) -> list[f.SettlementDone]:
        """The last runs that were done at some sites."""
        run = t.history_settlement.c
        query = select(run.number).where(run.site.in_(sites)).order_by(run.number.desc()).limit(limit)
        return await self._facts(query, f.SettlementDone)

    async def stays_between(self, pupil: int, from_ms: int, until_ms: int) -> list[f.StayClosed]:
        """A pupil's closed stays that lie within or around a time."""
        stay = t.history_stay.c
        touches = (stay.pupil == pupil, stay.closed > 0, stay.from_ms <= until_ms, stay.until_ms >= from_ms)
        return await self._facts(select(stay.closed).where(*touches).order_by(stay.from_ms), f.StayClosed)

    async def stays_of(self, pupil: int, limit: int) -> list[f.StayClosed]:
        """A pupil's closed stays by when they began."""
        stay = t.history_stay.c
        query = select(stay.closed).where(stay.pupil == pupil, stay.closed > 0).order_by(stay.from_ms.desc()).limit(limit)
        return await self._facts(query, f.StayClosed)

    async def stays_at(self, site: int, from_ms: int, until_ms: int) -> tuple[list[Stayed], int]:
        """The stays that began at a site in [from_ms, until_ms) and are over, and how many more there are that nobody ended."""
        stay = t.history_stay.c
        which = (stay.site == site, stay.closed > 0, stay.from_ms >= from_ms, stay.from_ms < until_ms)
        query = select(stay.pupil, stay.programme, stay.from_ms, stay.until_ms, stay.reason).where(*which)
        found: list[Stayed] = []
        unended = 0
        async with self._register.reading() as connection:
            async for rows in (await connection.stream(query)).partitions(ROWS_AT_ONCE):
                ended = [row for row in rows if row.reason != Reason.NO_EXIT]
                unended += len(rows) - len(ended)
                found += (Stayed(row.pupil, site, row.programme, row.from_ms, row.until_ms) for row in ended)
        return found, unended

    async def sold(self, charges: Collection[int]) -> list[f.Fact]:
        """These charges in order, each after the meal it is for. A meal of today may have been charged a year ago."""
        each = t.history_charge.c
        query = select(each.number, each.charge).where(each.pupil > 0).order_by(each.number)
        numbers: list[int] = []
        async with self._register.reading() as connection:
            async for rows in (await connection.stream(query)).partitions(ROWS_AT_ONCE):
                numbers += (row.number for row in rows if row.charge in charges)
        found: list[f.Fact] = []
        for at in range(0, len(numbers), FACTS_AT_ONCE):
            async for commit in self._journal.holding(numbers[at : at + FACTS_AT_ONCE]):
                known = (fact for fact in commit.facts if not isinstance(fact, f.Charged) or fact.charge in charges)
                found += (fact for fact in known if isinstance(fact, _SALES))
        return found

    async def mornings(self, since_day: int, until_day: int, pupil: int = 0) -> list[Noted]:
        """Late and missed class mornings of the days (YYYYMMDD) from one to the other, of one pupil or of all, oldest first (S46)."""
        each = t.history_morning.c
        query = select(each.noted, each.justified).where(each.counts, each.day.between(since_day, until_day)).order_by(each.day, each.noted)
        async with self._register.reading() as connection:
            found = (await connection.execute(query.where(each.pupil == pupil) if pupil else query)).all()
        facts = await self._journal.facts([number for row in found for number in row if number])
        return [Noted(facts[noted], facts.get(justified), justified) for noted, justified in found]  # type: ignore[arg-type]

    async def _facts(self, query: Select[Any], *kinds: type) -> list[Any]:
        """The facts with the numbers that a query finds, in its order."""
        async with self._register.reading() as connection:
            numbers = [int(number) for (number,) in await connection.execute(query)]
        found = await self._journal.facts(numbers)
        assert all(isinstance(fact, kinds) for fact in found.values()), "the history points at facts of another kind"
        return [found[number] for number in numbers]

    # --- following the journal --------------------------------------------------------------------

    async def _follow(self) -> None:
        while not self._ending.is_set():
            await self.caught_up(min(self._journal.durable, self.number + FACTS_AT_ONCE))
            await self._register.tidy()
            if self._journal.durable - self.number < FACTS_AT_ONCE:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), EVERY_S)

    def _ended(self, following: asyncio.Task[None]) -> None:
        """A failed write has ended the process by now; anything else is a defect of ours, and pages would show the past."""
        if not following.cancelled() and (error := following.exception()) is not None:
            self._register.die(f"the history cannot follow the journal: {error!r}")

    async def _forget(self) -> None:
        async with self._register.writing() as connection:
            for name, table in t.metadata.tables.items():
                if name.startswith("history_"):
                    await connection.execute(delete(table))
        self.number = 0

    async def _fill(self) -> None:
        """Copy the next commits, together with the head that is reached, in one transaction."""
        last: Commit | None = None
        async with self._register.writing() as connection:
            async for piece in pieces(self._journal.read(self.number + 1), PIECE_FACTS):
                await _copy(connection, piece)
                last = piece[-1]
                if last.last - self.number >= FACTS_AT_ONCE:
                    break
            assert last is not None, "the journal has facts that it does not read out"
            head = {"journal": self._journal.id, "number": last.last, "hash": last.hash}
            await connection.execute(insert(t.history_head).values(id=1, **head).on_conflict_do_update(index_elements=["id"], set_=head))
        self.number = last.last


async def pieces(commits: AsyncIterator[Commit], facts: int) -> AsyncIterator[list[Commit]]:
    """Commits in order, so many together that they hold some `facts`."""
    piece: list[Commit] = []
    async for commit in commits:
        piece.append(commit)
        if commit.last - piece[0].number >= facts:
            yield piece
            piece = []
    if piece:
        yield piece


async def _copy(connection: AsyncConnection, commits: Iterable[Commit]) -> None:
    """Put the facts of some commits into the tables."""
    made = rows(commits)
    stays = [*(int(values[0] or 0) for values in made[STAY]), *(int(values[0] or 0) for values in made[VOID])]
    before = await attended.known(connection, stays) if stays else []
    made[sums.PRESENCE] += sums.presence(before, -1)
    for statement in _ORDER:
        if made[statement]:
            await connection.exec_driver_sql(_text(statement), made[statement])
    await attended.count(connection, before, tuple(closed(made[STAY])))


@cache
def _text(statement: Statement) -> str:
    """For the driver itself: SQLAlchemy would take ten times as long over the values of so many rows, and compile it each time."""
    return str(statement.compile(dialect=dialect()))


def rows(commits: Iterable[Commit]) -> defaultdict[Statement, list[Values]]:
    """What the facts of these commits change, by statement; of each stay only what it is in the end."""
    found: defaultdict[Statement, list[Values]] = defaultdict(list)
    stays: dict[int, tuple[Statement, Values]] = {}
    piece = tuple(commits)
    for commit in piece:
        for number, fact in enumerate(commit.facts, commit.number):
            if isinstance(fact, _STAYS):
                stays[fact.stay] = _stay(number, fact)  # each tells all of a stay: only the last one counts
            for statement, values in _of(number, fact):
                found[statement].append(values)
            if isinstance(fact, f.SettlementDone):
                found[RUN].append((number, fact.site))
    for statement, values in stays.values():
        found[statement].append(values)
    found[sums.PRESENCE] += sums.presence(closed(found[STAY]))
    for added, numbers in sums.of_facts(piece):
        found[added].append(numbers)
    return found


def closed(stays: Iterable[Values]) -> Iterator[attended.Stay]:
    """Of stays as they are in the end, those that are over."""
    for _, pupil, _, programme, from_ms, until_ms, _, number in stays:
        if number:
            yield pupil, programme, from_ms, until_ms  # type: ignore[misc]  # the columns of these are numbers


def _stay(number: int, fact: f.StayOpened | f.StayClosed | f.StayVoided) -> tuple[Statement, Values]:
    """What a fact makes of its stay."""
    match fact:
        case f.StayOpened():
            return STAY, (fact.stay, fact.pupil, fact.site, fact.programme, fact.at_ms, 0, Reason.NONE, 0)
        case f.StayClosed():
            return STAY, (fact.stay, fact.pupil, fact.site, fact.programme, fact.from_ms, fact.at_ms, fact.reason, number)
        case f.StayVoided():
            return VOID, (fact.stay,)


def _of(number: int, fact: f.Fact) -> Iterator[tuple[Statement, Values]]:
    """What one fact changes."""
    match fact:
        case f.ScanTaken():
            yield SCAN, (number, fact.pupil, fact.at_ms, fact.device, fact.code)
        case f.BalanceOpened():
            yield from _entries(number, fact, ("opening", 0, 0, Reason.NONE))
        case f.Charged():
            yield from _entries(number, fact, ("charge", fact.item, fact.pupil, fact.reason))
            yield CHARGE, (number, fact.charge, fact.pupil, fact.at_ms, fact.wallet)
        case f.ChargesPosted():
            yield from _entries(number, fact, ("charge", fact.programme, 0, Reason.NONE))
            yield from ((CHARGE, (number, charge, 0, fact.at_ms, fact.wallet)) for charge in fact.charges)
        case f.Reversed():
            yield from _entries(number, fact, ("reverse", 0, 0, fact.reason))
            yield CHARGE, (number, fact.charge, 0, fact.at_ms, fact.wallet)
        case f.CashPaidIn():
            yield from _entries(number, fact, ("cash_in", 0, fact.pupil, Reason.NONE))
        case f.TillVoided():
            yield from _entries(number, fact, ("void", 0, 0, fact.reason))
        case f.Transferred() | f.Cleared():
            yield from _entries(number, fact, (fact.kind if isinstance(fact, f.Cleared) else "transfer", 0, 0, fact.reason))
        case f.MorningNoted() | f.MorningJustified():
            yield _morning(number, fact)


def _morning(number: int, fact: f.MorningNoted | f.MorningJustified) -> tuple[Statement, Values]:
    if isinstance(fact, f.MorningJustified):
        return WORD, (fact.pupil, fact.day, number)
    return MORNING, (fact.pupil, fact.day, int(not fact.arrived_ms or fact.late_min > 0), number)


def _entries(number: int, fact: Booked, what: Values) -> Iterator[tuple[Statement, Values]]:
    """The wallets' entries of one fact; `what`: kind, item, pupil, reason. The other side is the same cents: nobody asks for it here."""
    wallets = (fact.source, fact.target) if isinstance(fact, f.Transferred) else (fact.wallet,)
    accounts = {wallet_account(wallet): wallet for wallet in wallets}
    for place, entry in enumerate(fact.entries):
        if entry.account in accounts:
            yield ENTRY, (number * ENTRIES_OF_A_FACT + place, accounts[entry.account], entry.cents, fact.at_ms, *what)
