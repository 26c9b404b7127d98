"""The journal: every fact, in order, on disk before anyone is answered (design.md, What is remembered). The truth.

One SQLite file with one writing connection. A row is one group commit: while one is being written, the next one collects. Each
row holds the hash of the row before, and row 0 the journal's own id; nothing is ever changed or removed. It decides nothing.
"""

import asyncio
import contextlib
import json
import logging
import secrets
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import aiosqlite

from hub import beside
from hub.beside import Walker
from hub.bodies import pack, unpack, unpack_joined, unpacking, verified
from hub.chain import Row, first_row
from hub.core.facts import Fact, Facts
from hub.errors import DamageError, StartError
from hub.folder import Die, Folder, disk_full

log = logging.getLogger(__name__)

FORMAT = 1
"""The file's user_version; a later one is refused."""
PAGE_BYTES = 2048
"""Measured for lone commits and for 64 waiting, in bytes to disk per scan: 1024 8,450 and 300; 2048 8,300 and 350; 4096 10,000 and 450."""
BATCH_FACTS = 512
"""Facts of one commit at most, so that packing one and answering for it does not block the loop for more than a few ms."""
PIECE_FACTS = 100
"""Facts of one commit that are unpacked at once: less than a millisecond of the loop."""
WAITING_FACTS = 200_000
"""Devices wait for their answers, so this many waiting facts (some 80 MB) mean that the disk no longer answers."""
CHECKPOINT_BYTES = 4 * 1024 * 1024
"""Of the log: read and checked in 0.1 s at the next start, and rarely enough written twice."""
IDLE_S = 0.5
"""Without a commit for so long, the log is written into the file: nothing waits, and the next start has nothing to check."""
CHUNK_ROWS = 200
"""Rows read at once: some ms of the reading thread."""
START_ROWS = 1000
"""Rows read at once while nobody waits for the loop."""
LEFT_BEHIND_MS = 5000
"""How long the walker of a hub that was killed may take to notice."""
REPORT_FACTS = 100_000
"""A long check says how far it is this often: every second or so."""
NEARLY_FACTS = 50_000
"""A start is nearly through the journal when no more are left: they take as long as a broker needs to start beside it, some 0.1 s."""

Done = Callable[[], None]

_SCHEMA = (
    """CREATE TABLE journal (
    number INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    before BLOB NOT NULL,
    body BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT""",
    "CREATE TRIGGER no_delete BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
    "CREATE TRIGGER no_update BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
)
_INSERT = "INSERT INTO journal VALUES (?, ?, ?, ?, ?)"
_FROM = "SELECT number, count, before, body, hash FROM journal WHERE number >= ? ORDER BY number LIMIT ?"
_HOLDING = """SELECT DISTINCT row.number, row.count, row.before, row.body, row.hash FROM json_each(?) AS wanted
JOIN journal AS row ON row.number = (SELECT max(number) FROM journal WHERE number <= wanted.value) ORDER BY row.number"""


@dataclass(frozen=True, slots=True)
class Commit:
    """One row: its facts, the number of the first one, and the row's hash."""

    number: int
    facts: Facts
    hash: bytes

    @property
    def last(self) -> int:
        """The number of the last fact."""
        return self.number + len(self.facts) - 1


@dataclass(slots=True)
class _Batch:
    """What waits for one commit: its facts, and who is told when they are on disk."""

    facts: list[Fact] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)


def nobody_waits() -> None:
    """For who begins nothing before the journal is whole."""


@dataclass(slots=True)
class _Progress:
    """How far a start is along a journal of about `total` facts (0: nobody knows). `nearly` is called once."""

    path: Path
    total: int
    nearly: Callable[[], None]

    def checked(self, first: int, last: int) -> None:
        """These facts are whole."""
        if last // REPORT_FACTS > first // REPORT_FACTS:
            log.info("%s: %d facts checked", self.path, last)
        if self.total - last <= NEARLY_FACTS:
            nearly, self.nearly = self.nearly, nobody_waits
            nearly()


class Journal:
    """Implements `hub.desk.Journal`. `durable` is the number of the last fact on disk, `head` the hash of its row.

    Any failed write ends in `die`: after a failed fsync nobody knows what is on disk.
    """

    def __init__(self, folder: Folder, writing: aiosqlite.Connection, reading: aiosqlite.Connection, die: Die) -> None:
        self.durable = 0
        self.head = b""
        self.id = b""
        """The hash of row 0: tells this journal from every other."""
        self.commits = 0
        self.bytes = 0
        """Of all bodies written since the start."""
        self._folder = folder
        self._writing = writing
        self._reading = reading
        self._die = die
        self._waiting: deque[_Batch] = deque()
        self._committing: _Batch | None = None
        self._queued = 0
        """Number of the last fact handed to `append`."""
        self._wake = asyncio.Event()
        self._closing = False
        self._log_bytes = 0
        self._writer: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        folder: Folder,
        die: Die,
        replay: Callable[[Fact], None] | None = None,
        walker: Walker | None = None,
        nearly: Callable[[], None] = nobody_waits,
    ) -> "Journal":
        """Check everything from the first row on, handing each fact to `replay`, then be ready to write.

        `walker`: one that was started before, else a long journal gets one now. `nearly` is called when no more than NEARLY_FACTS are
        left, or all. Raises DamageError, naming the row and what is wrong with it; StartError for a journal of a newer version.
        """
        with contextlib.closing(walker or beside.start(folder)) as walking:
            begun = walking.begun()
            journal = cls(folder, await _connect(folder.journal), await _connect(folder.journal), die)
            journal._log_bytes, journal.id = walking.log_bytes, begun.id if begun else b""
            try:
                await journal._verify(walking, replay or _only_checked, _Progress(folder.journal, begun.last if begun else 0, nearly))
            except BaseException:
                await journal._disconnect()
                raise
        journal._writer = asyncio.create_task(journal._write(), name="journal")
        journal._writer.add_done_callback(journal._ended)
        return journal

    def append(self, facts: Facts, done: Done) -> None:
        """Queue the facts of one ask for the next group commit; `done` is called on the loop when they are on disk."""
        batch = self._collecting(len(facts))
        batch.facts.extend(facts)
        batch.done.append(done)
        self._queued += len(facts)
        if self._queued - self.durable > WAITING_FACTS:
            self._die(f"{self._folder.journal}: {WAITING_FACTS} facts wait for the disk: it no longer answers")
        self._wake.set()

    def after(self, number: int, done: Done) -> None:
        """Call `done` when fact `number` is on disk; at once if it is."""
        assert number <= self._queued, f"nobody has appended fact {number}; the last one is {self._queued}"
        if number <= self.durable:
            done()
            return
        last = self.durable
        for batch in self._batches():
            last += len(batch.facts)
            if number <= last:
                batch.done.append(done)
                return

    async def find(self, number: int) -> Facts:
        """The facts of the ask whose first fact has this number, once they are on disk."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.after(number, lambda: None if waiting.done() else waiting.set_result(None))
        await waiting
        (commit,) = [commit async for commit in self.holding([number])]
        first = number - commit.number
        ask = commit.facts[first].ask
        end = next((at for at in range(first, len(commit.facts)) if commit.facts[at].ask != ask), len(commit.facts))
        return commit.facts[first:end]

    async def facts(self, numbers: Iterable[int]) -> dict[int, Fact]:
        """The facts with these numbers, all on disk."""
        wanted = set(numbers)
        found: dict[int, Fact] = {}
        async for commit in self.holding(wanted):
            found |= {number: fact for number, fact in enumerate(commit.facts, commit.number) if number in wanted}
        return found

    async def holding(self, numbers: Iterable[int]) -> AsyncIterator[Commit]:
        """The commits that hold these facts, in order. Unpacking leaves the loop free between two of them."""
        for found in await self._reading.execute_fetchall(_HOLDING, (json.dumps(sorted(numbers)),)):
            row = Row(*found)
            yield Commit(row.number, await _unpacked(row), row.hash)
            await asyncio.sleep(0)

    async def read(self, number: int = 1) -> AsyncIterator[Commit]:
        """The commits on disk in order, from the one that begins at fact `number`."""
        async for chunk in self._chunks(number):
            for row in chunk:
                yield Commit(row.number, unpack(row), row.hash)

    async def hash_at(self, number: int) -> bytes:
        """The hash of the commit that ends with fact `number` (0: row 0); empty when none does."""
        found = await self._reading.execute_fetchall("SELECT hash FROM journal WHERE number + count = ? + 1", (number,))
        return next((bytes(row[0]) for row in found), b"")

    def refuse_other(self, number: int, journal: bytes) -> None:
        """Refuse to be another journal than the one of which fact `number` was seen on disk. Raises DamageError."""
        if journal != self.id:
            raise DamageError(
                "office.db belongs to another journal than journal.db: bring back the two that belong together, from one backup"
            )
        if number > self.durable:
            raise DamageError(
                f"journal.db ends with fact {self.durable}, but fact {number} was on disk before: row {self.durable + 1} and what "
                "follows are lost: restore the folder from a backup; the devices send their scans again"
            )

    async def close(self) -> None:
        """Write what waits, tidy up, and let go of the file."""
        self._closing = True
        self._wake.set()
        if self._writer is not None:
            await asyncio.wait([self._writer])
        await self._disconnect()

    # --- writing ----------------------------------------------------------------------------------

    async def _write(self) -> None:
        """The one writer: commits as long as something waits, and tidies up when nothing does."""
        while not self._closing or self._waiting:
            if not self._waiting and not await self._woken():
                await self._checkpoint()
            if self._waiting:
                await self._commit(self._waiting.popleft())
            if self._log_bytes > CHECKPOINT_BYTES:
                await self._checkpoint()
        await self._checkpoint()

    async def _woken(self) -> bool:
        """Wait for something to write; False when there is time to tidy up instead."""
        self._wake.clear()
        idle = asyncio.get_running_loop().call_later(IDLE_S, self._wake.set) if self._log_bytes else None
        await self._wake.wait()
        if idle is not None:
            idle.cancel()
        return bool(self._waiting) or self._closing

    async def _commit(self, batch: _Batch) -> None:
        """One row, one fsync, then everyone who waits for it, in order."""
        if batch.facts:
            self._committing = batch
            row = pack(self.durable + 1, tuple(batch.facts), self.head)
            await self._writing.execute(_INSERT, row)
            self._committing = None
            self.durable, self.head = row.last, row.hash
            self.commits += 1
            self.bytes += len(row.body)
            self._log_bytes += len(row.body) + 2 * PAGE_BYTES  # about: the log's frames are whole pages
        for done in batch.done:
            done()

    async def _checkpoint(self) -> None:
        """Write the log into the file. SQLite would do it by itself, but swallow a failed fsync then (reliability.md, 2.4).

        The log keeps its length and is written over from its start: an fsync is quicker where a file need not grow.
        """
        if not self._log_bytes:
            return
        ((busy, _, _),) = await self._writing.execute_fetchall("PRAGMA wal_checkpoint(RESTART)")
        if not busy:  # else someone is reading: the next one takes it along
            self._log_bytes = 0

    def _ended(self, writer: asyncio.Task[None]) -> None:
        """Whatever stops the writer stops the hub: a write that failed, or a defect of ours in `done`."""
        if not writer.cancelled() and (error := writer.exception()) is not None:
            self._die(f"{self._folder.journal}: cannot go on writing: {error!r}")

    def _collecting(self, more: int) -> _Batch:
        """The batch that takes the facts of one more ask; those of one ask are never parted."""
        if not self._waiting or len(self._waiting[-1].facts) + more > BATCH_FACTS:
            self._waiting.append(_Batch())
        return self._waiting[-1]

    def _batches(self) -> Iterable[_Batch]:
        return self._waiting if self._committing is None else (self._committing, *self._waiting)

    # --- reading ----------------------------------------------------------------------------------

    async def _verify(self, walker: Walker, take: Callable[[Fact], None], progress: "_Progress") -> None:
        """Walk the whole chain. Books are built in the same pass: what was verified is what is replayed."""
        before: Row | None = None
        try:
            progress.checked(0, 0)
            before = await self._beside(walker, take, progress)
            async for chunk in self._ahead(before.last + 1 if before else 0):
                for row in chunk:
                    for fact in verified(row, before):
                        take(fact)
                    before = row
                self.id = self.id or chunk[0].hash
                progress.checked(chunk[0].number, chunk[-1].last)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # SQLite quotes damaged names in its complaints
            damage = DamageError(f"{self._folder.journal}: damaged after fact {before.last if before else 0}: {error}")
            raise disk_full(self._folder.journal, error) or damage from error
        except StartError as error:
            raise type(error)(f"{self._folder.journal}: {error}") from error
        if before is None:
            raise DamageError(f"{self._folder.journal}: row 0, the journal's own id, is missing")
        self.durable, self._queued, self.head = before.last, before.last, before.hash

    async def _beside(self, walker: Walker, take: Callable[[Fact], None], progress: "_Progress") -> Row | None:
        """Prepare the file; meanwhile replay what the walker finds whole. Returns the last row that was replayed.

        What is damaged is left to the walk of our own, and the file's own complaint comes first.
        """
        await _settings(self._writing)
        preparing = asyncio.ensure_future(_prepare(self._writing))
        before, number = None, 1
        try:
            await asyncio.sleep(0)  # its thread begins
            for stretch in walker.stretches():
                facts = unpack_joined(stretch.plain, stretch.sizes)
                if facts is None:
                    break
                for fact in facts:
                    take(fact)
                before = stretch.last
                progress.checked(number, before.last)
                number = before.last + 1
                await asyncio.sleep(0)
        finally:
            await preparing
        return before

    async def _chunks(self, number: int) -> AsyncIterator[list[Row]]:
        while found := await self._rows(number, CHUNK_ROWS):
            yield found
            number = found[-1].number + 1

    async def _ahead(self, number: int) -> AsyncIterator[list[Row]]:
        """All chunks from this row on. The next one is read while this one is worked on."""
        coming = asyncio.ensure_future(self._rows(number, START_ROWS))
        try:
            while chunk := await coming:
                coming = asyncio.ensure_future(self._rows(chunk[-1].number + 1, START_ROWS))
                yield chunk
        finally:
            coming.cancel()
            await asyncio.wait([coming])

    async def _rows(self, number: int, limit: int) -> list[Row]:
        return [Row(*row) for row in await self._reading.execute_fetchall(_FROM, (number, limit))]

    async def _disconnect(self) -> None:
        await self._reading.close()
        await self._writing.close()


async def _unpacked(row: Row) -> Facts:
    """The facts of one row that was verified at the start; the loop is free between two pieces of a long one."""
    if row.size <= PIECE_FACTS:
        return unpack(row)
    facts, found = unpacking(row), list[Fact]()
    while piece := tuple(islice(facts, PIECE_FACTS)):
        found += piece
        await asyncio.sleep(0)
    return tuple(found)


async def _connect(path: Path) -> aiosqlite.Connection:
    """A connection that commits each statement by itself and never waits for another one."""
    return await aiosqlite.connect(path, isolation_level=None, timeout=0)


def _only_checked(_fact: Fact) -> None:
    """For who wants to know that a journal is whole, and no more."""


async def _settings(writing: aiosqlite.Connection) -> None:
    """How the file is written; the first statement also makes SQLite read the log of a hub that was killed, which its walker may be at."""
    modes = (f"page_size={PAGE_BYTES}", "cell_size_check=ON", "journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=0")
    for setting in (f"busy_timeout={LEFT_BEHIND_MS}", *modes, "busy_timeout=0"):
        await writing.execute_fetchall(f"PRAGMA {setting}")


async def _prepare(writing: aiosqlite.Connection) -> None:
    """Set the file up if it is new, and refuse one that SQLite itself, or we, find not to be a journal."""
    ((found,),) = await writing.execute_fetchall("PRAGMA quick_check(1)")
    if found != "ok":
        raise DamageError(f"damaged: {found}")
    ((version,),) = await writing.execute_fetchall("PRAGMA user_version")
    schema = [row[0] for row in await writing.execute_fetchall("SELECT sql FROM sqlite_schema ORDER BY type, name")]
    if version == 0 and not schema:
        await _create(writing)
    elif version > FORMAT:
        raise StartError(f"format {version} of a newer version; this one knows {FORMAT}: install that version")
    elif version != FORMAT or schema != list(_SCHEMA):
        raise DamageError("its tables are not those of a journal")
    for statement in ("BEGIN", f"PRAGMA user_version={FORMAT}", "ROLLBACK"):  # a flipped bit can leave a file that is read, but not written
        await writing.execute(statement)


async def _create(writing: aiosqlite.Connection) -> None:
    """Tables, triggers and row 0 in one transaction."""
    await writing.execute("BEGIN IMMEDIATE")
    for statement in (*_SCHEMA, f"PRAGMA user_version={FORMAT}"):
        await writing.execute(statement)
    await writing.execute(_INSERT, first_row(secrets.token_bytes(16)))
    await writing.execute("COMMIT")
