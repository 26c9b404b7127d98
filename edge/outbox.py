"""The outbox: scans the hub has not settled, an archive of those it has, and the few things a device must not forget.

One SQLite file on the card; what a method was handed is durable when it returns. It decides nothing: which records are sent,
and what a full or failing card means for a light, is the caller's. It is called by one thread.
"""

import fcntl
import hashlib
import logging
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, Protocol

import msgspec

from edge.errors import StartError, StoreError
from proto.messages import MAX_LINES, MAX_RECORDS, Hole, Line, Scan

KEEP_MS = 30 * 86_400_000
"""How long a settled record stays, so that a hub restored from a backup gets its scans back by itself (design.md)."""
KEEP_RECORDS = 50_000
"""How many settled records stay: 60 school days of 800 scans (edge.md, 8.4), about 8 MB. Unsettled ones always stay."""
WAL_BYTES = 1 << 20
"""Size of the write-ahead log, in bytes, at which it is copied into the file: a page written often is then copied once."""
PAGE_BYTES = 1024
"""Small pages: a lone commit rewrites a few whole ones (performance.md: 5.5 kB against 8.5 kB with 4096)."""

log = logging.getLogger(__name__)

DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_N_BITS = 32
_MAX_N = (1 << _N_BITS) - 1
_NOBODY, _HUB, _DEVICE = 0, 1, 2  # column `shown`: who answered the person

# A record's key is its incarnation's place times 2**32 plus n: one tree, in order of storing, instead of a second index.
# The two partial indexes hold the backlog and what the device answered itself; an archived scan costs neither of them a byte.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS incarnation (place INTEGER PRIMARY KEY, inc TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS record (
    key INTEGER PRIMARY KEY,
    settled INTEGER NOT NULL,
    shown INTEGER NOT NULL,
    stored_at_ms INTEGER NOT NULL,
    sum BLOB NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS waiting ON record (key) WHERE settled = 0;
CREATE INDEX IF NOT EXISTS own_answer ON record (key) WHERE shown = 2;
CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value BLOB NOT NULL, sum BLOB NOT NULL);
"""

# What the person saw is never replaced by what the hub said later, nor by nothing; the same record again changes nothing.
_APPEND = """
INSERT INTO record (key, settled, shown, stored_at_ms, sum, body) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET settled = excluded.settled, shown = excluded.shown, sum = excluded.sum, body = excluded.body
WHERE excluded.shown > 0 AND excluded.shown >= record.shown AND excluded.body IS NOT record.body
"""


class Outbox(Protocol):
    """What the loop needs of a store; the simulator puts a twin behind it that can lose what was not committed.

    Every method may raise StoreError.
    """

    damaged: bool
    """The file could not be read at the start: it was moved aside, and an empty one begun."""
    unreadable: int
    """Records and kept values met since the start whose checksum is wrong."""

    def append(self, answered: Sequence[Scan], unsettled: Sequence[Scan]) -> None: ...
    def oldest(self, limit_bytes: int, lines: Mapping[str, Line]) -> list[Scan | Hole]: ...
    def settle(self, lines: Sequence[Line]) -> int: ...
    def lines(self) -> list[Line]: ...
    def unsettled(self) -> int: ...
    def archived(self) -> int: ...
    def prune(self, now_ms: int) -> None: ...
    def keep(self, key: str, value: bytes) -> None: ...
    def kept(self, key: str) -> bytes | None: ...
    def close(self) -> None: ...


class SqliteOutbox:
    """The outbox in `folder`, which exists. Raises StartError when another process has it, StoreError when the card fails.

    `wall_ms` says when a record was stored; only `prune` looks at it.
    """

    def __init__(self, folder: Path, wall_ms: Callable[[], int]) -> None:
        self.damaged = False
        self.unreadable = 0
        self._wall_ms = wall_ms
        self._lock = _only_one(folder)
        self._path = folder / "outbox.db"
        try:
            self._db = self._open()
        except BaseException:
            self._lock.close()
            raise

    def append(self, answered: Sequence[Scan], unsettled: Sequence[Scan]) -> None:
        """Both lists, durable on return, in one transaction; a record that is there already is not added twice."""
        with self._writing():
            places = {inc: self._new_place(inc) for inc in dict.fromkeys(scan.inc for scan in (*answered, *unsettled))}
            now_ms = self._wall_ms()
            rows = [_row(places[scan.inc], scan, 1, now_ms) for scan in answered]
            rows += [_row(places[scan.inc], scan, 0, now_ms) for scan in unsettled]
            self._db.executemany(_APPEND, rows)

    def oldest(self, limit_bytes: int, lines: Mapping[str, Line]) -> list[Scan | Hole]:
        """The oldest unsettled records in order of storing, at most `limit_bytes` of JSON and MAX_RECORDS.

        `lines` is what the hub has, by incarnation, as of its newest answer. Above its line the records follow each other
        without a gap: what is missing or unreadable is in the list as a Hole.
        """
        found: list[Scan | Hole] = []
        size = 0
        for record in self._contiguous(lines):
            size += len(msgspec.json.encode(record)) + 1
            if size > limit_bytes or len(found) == MAX_RECORDS:
                break
            found.append(record)
        return found

    def settle(self, lines: Sequence[Line]) -> int:
        """Mark records by what the hub has, upwards or downwards; the number that are unsettled now.

        Incarnations that are not named keep their state. Rows that keep their state are not written.
        """
        with self._writing():
            for line in lines:
                self._settle(line)
        return self.unsettled()

    def lines(self) -> list[Line]:
        """For each incarnation, newest first, how far the hub has given a receipt; at most MAX_LINES."""
        with _translated():
            places = self._db.execute("SELECT place, inc FROM incarnation ORDER BY place DESC LIMIT ?", (MAX_LINES,)).fetchall()
            return [Line(inc, self._highest(place, ""), self._highest(place, "AND shown = 2")) for place, inc in places]

    def unsettled(self) -> int:
        """How many records wait for the hub."""
        return self._count("SELECT COUNT(*) FROM record WHERE settled = 0")

    def archived(self) -> int:
        """How many settled records are kept."""
        return self._count("SELECT COUNT(*) FROM record WHERE settled = 1")

    def prune(self, now_ms: int) -> None:
        """Delete settled records older than KEEP_MS or beyond KEEP_RECORDS. Call it only while the clock can be trusted."""
        with self._writing():
            self._db.execute("DELETE FROM record WHERE settled = 1 AND stored_at_ms < ?", (now_ms - KEEP_MS,))
            surplus = max(0, self.archived() - KEEP_RECORDS)
            oldest = "SELECT key FROM record WHERE settled = 1 ORDER BY key LIMIT ?"
            self._db.execute(f"DELETE FROM record WHERE key IN ({oldest})", (surplus,))  # noqa: S608 (both parts are written here)
            empty = "NOT EXISTS (SELECT 1 FROM record WHERE key BETWEEN place << 32 AND (place << 32) + 4294967295)"
            self._db.execute(f"DELETE FROM incarnation WHERE {empty}")  # noqa: S608 (both parts are written here)

    def keep(self, key: str, value: bytes) -> None:
        """Remember `value`, durable on return, in place of the one before; the same value again writes nothing."""
        with self._writing():
            self._db.execute(
                "INSERT INTO kept VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, sum = excluded.sum"
                " WHERE excluded.value IS NOT kept.value OR excluded.sum IS NOT kept.sum",
                (key, value, _sum(key, 0, value)),
            )

    def kept(self, key: str) -> bytes | None:
        """What was kept under this key; None when there is nothing, or when it cannot be trusted any more."""
        with _translated():
            row = self._db.execute("SELECT value, sum FROM kept WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        value: bytes = row[0]
        if _sum(key, 0, value) == row[1]:
            return value
        self.unreadable += 1
        return None

    def close(self) -> None:
        """Copy the log into the file and let another process have it."""
        try:
            with _translated():
                _checkpoint(self._db)
                self._db.close()
        finally:
            self._lock.close()

    # --- records in order ------------------------------------------------------------------------

    def _contiguous(self, lines: Mapping[str, Line]) -> Iterator[Scan | Hole]:
        due = {inc: line.n + 1 for inc, line in lines.items()}
        for row in self._waiting():
            place, n = row.key >> _N_BITS, row.key & _MAX_N
            scan = _read(row)
            expected = due.get(row.inc, n if scan else 0)
            if scan:
                yield from self._holes(place, row.inc, expected, n)
                yield scan
            else:
                self.unreadable += 1
                # The row's own number may be what broke: it is believed only where this number is due. Elsewhere the next
                # readable record declares the hole.
                if n != expected:
                    continue
                yield Hole(row.inc, n, n)
            due[row.inc] = max(expected, n + 1)

    def _waiting(self) -> Iterator["_Row"]:
        after = 0
        while rows := self._waiting_after(after):
            yield from rows
            after = rows[-1].key

    def _waiting_after(self, key: int) -> list["_Row"]:
        # Fetched whole: an unfinished SELECT would hold a read transaction, and no checkpoint could finish.
        with _translated():
            rows = self._db.execute(
                "SELECT key, inc, sum, body FROM record LEFT JOIN incarnation ON place = key >> 32"
                " WHERE settled = 0 AND key > ? ORDER BY key LIMIT ?",
                (key, MAX_RECORDS),
            )
            return [_Row(*row) for row in rows.fetchall()]

    def _holes(self, place: int, inc: str, first: int, end: int) -> Iterator[Hole]:
        """What is missing from `first` up to before `end`. A settled record is not: the hub answered it, its line here is only old."""
        if first >= end:
            return
        base = place << _N_BITS
        with _translated():
            settled = self._db.execute(
                "SELECT key FROM record WHERE settled = 1 AND key BETWEEN ? AND ? ORDER BY key", (base + first, base + end - 1)
            ).fetchall()
        for (key,) in settled:
            n = key & _MAX_N
            if n > first:
                yield Hole(inc, first, n - 1)
            first = n + 1
        if first < end:
            yield Hole(inc, first, end - 1)

    # --- settling --------------------------------------------------------------------------------

    def _settle(self, line: Line) -> None:
        """A record is settled when the hub has it, and has what was shown where the device answered."""
        place = self._place(line.inc)
        if place is None:
            return
        base = place << _N_BITS
        have, booked, end = base + min(line.n, _MAX_N), base + min(line.shown_n, _MAX_N), base + _MAX_N
        run = self._db.execute
        run("UPDATE record SET settled = 0 WHERE settled = 1 AND key > ? AND key <= ?", (have, end))
        run("UPDATE record INDEXED BY own_answer SET settled = 0 WHERE shown = 2 AND settled = 1 AND key > ? AND key <= ?", (booked, have))
        run(
            "UPDATE record INDEXED BY waiting SET settled = 1 WHERE settled = 0 AND key > ? AND key <= ? AND (shown != 2 OR key <= ?)",
            (base, have, booked),
        )
        # What was shown for an unreadable record can never be told: the hub has its hole, and that settles it.
        stuck = "SELECT key, ?, sum, body FROM record INDEXED BY waiting WHERE settled = 0 AND key > ? AND key <= ?"
        for row in run(stuck, (line.inc, base, have)).fetchall():
            if _read(_Row(*row)) is None:
                run("UPDATE record SET settled = 1 WHERE key = ?", (row[0],))

    def _place(self, inc: str) -> int | None:
        row = self._db.execute("SELECT place FROM incarnation WHERE inc = ?", (inc,)).fetchone()
        return int(row[0]) if row else None

    def _new_place(self, inc: str) -> int:
        self._db.execute("INSERT INTO incarnation (inc) VALUES (?) ON CONFLICT DO NOTHING", (inc,))
        place = self._place(inc)
        assert place is not None
        return place

    def _highest(self, place: int, condition: str) -> int:
        base = place << _N_BITS
        query = f"SELECT key FROM record WHERE settled = 1 {condition} AND key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1"  # noqa: S608
        row = self._db.execute(query, (base, base + _MAX_N)).fetchone()
        return row[0] & _MAX_N if row else 0

    def _count(self, query: str) -> int:
        with _translated():
            return int(self._db.execute(query).fetchone()[0])

    # --- the file --------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        with _translated():
            try:
                return _connect(self._path)
            except sqlite3.DatabaseError as error:
                if _code(error) not in DAMAGED:
                    raise
            self.damaged = True
            log.error("the outbox cannot be read; it is kept as %s and an empty one is begun", _move_aside(self._path))
            return _connect(self._path)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction; nothing is fsynced when nothing was changed."""
        with _translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            if _size(_beside(self._path, "-wal")) >= WAL_BYTES:
                _checkpoint(self._db)


def _connect(path: Path) -> sqlite3.Connection:
    """The one connection to this file, checked, and all that is in its log made durable again before anything is built on it.

    SQLite before 3.51.3 can corrupt a file when two connections write and checkpoint at once. Here exactly one does both, and
    the exclusive mode keeps every other one out (and needs no shared-memory file, which a full card could not hold).
    """
    for file in (path, _beside(path, "-wal")):
        _forget_cached(file)
    db = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in (f"page_size={PAGE_BYTES}", "locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=0"):
            db.execute(f"PRAGMA {pragma}").fetchone()
        _check(db)
        db.executescript(_SCHEMA)
        _checkpoint(db)
    except sqlite3.DatabaseError as error:
        # Closing writes the log into the file and deletes it: after a failed sync that is no longer to be trusted (die).
        if _code(error) in DAMAGED:
            db.close()
        raise
    return db


def _forget_cached(path: Path) -> None:
    """Let the next read of a file ask the card: after a failed fsync the system shows pages that are nowhere, and may never write them."""
    if path.exists():
        with path.open("r+b", buffering=0) as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _check(db: sqlite3.Connection) -> None:
    """Raises SQLite's own error for a damaged file, also where only its check finds the damage."""
    verdict = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if verdict != "ok":
        error = sqlite3.DatabaseError(verdict)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def _checkpoint(db: sqlite3.Connection) -> None:
    """Copy the log into the file. SQLite swallows a failed fsync in a checkpoint of its own: so it is done here, and seen."""
    try:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        # Full: what was committed stays in the log, and is copied when there is room.
        if _code(error) != sqlite3.SQLITE_FULL:
            raise


def _only_one(folder: Path) -> IO[bytes]:
    """The lock that this process holds on the folder for as long as the file is open."""
    lock = (folder / "outbox.lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise StartError(f"{folder}: another preau-edge uses this data folder: stop it, or give this one a folder of its own") from error
    return lock


def _move_aside(path: Path) -> str:
    """Rename a damaged file and its log to `outbox.damaged-<n>`: staff or support may still read them. The new name."""
    number = next(n for n in range(1, 1_000_000) if not (path.parent / f"outbox.damaged-{n}").exists())
    aside = path.parent / f"outbox.damaged-{number}"
    path.rename(aside)
    wal = _beside(path, "-wal")
    if wal.exists():
        wal.rename(_beside(aside, "-wal"))
    return aside.name


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        full = _code(error) == sqlite3.SQLITE_FULL
        raise StoreError(f"the outbox cannot be written: {error}", fatal=not full) from error
    except OSError as error:
        raise StoreError(f"the outbox cannot be reached: {error}", fatal=True) from error


def _code(error: sqlite3.Error) -> int:
    """SQLite's result code without its extension; 0 where Python's module raised by itself."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


# --- a record as a row ---------------------------------------------------------------------------

# A record is the wire's JSON, deflated with these phrases: 92 bytes where the JSON has 248, and each byte is written twice, to
# the log and to the file (performance.md, T9). Never change them: the records on every card were deflated with them.
_PHRASES = (
    b'"nonce":""err_ms":0,1,2,5"clock":"none"saved"rtc"shown":{"light":"again"adult"look"code":"offline"already_in"late"departed"arrived"'
    b'{"t":"scan","inc":"","n":1,"reader":"door-1","badge":"","boot":"","mono_ms":1,"wall_ms":17,"err_ms":10,"clock":"ntp",'
    b'"shown":{"light":"accepted","code":"ok","by_hub":true}}'
)
_BODY_BYTES = 4096
"""Largest record, in bytes of JSON; its fields are limited to a tenth of it."""

_SCAN = msgspec.json.Decoder(Scan)


class _Row(NamedTuple):
    key: int
    inc: str
    sum: bytes
    body: bytes


def _row(place: int, scan: Scan, settled: int, now_ms: int) -> tuple[int, int, int, int, bytes, bytes]:
    assert scan.n <= _MAX_N
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=_PHRASES)
    body = deflate.compress(msgspec.json.encode(scan)) + deflate.flush()
    shown = _NOBODY if scan.shown is None else _HUB if scan.shown.by_hub else _DEVICE
    return place << _N_BITS | scan.n, settled, shown, now_ms, _sum(scan.inc, scan.n, body), body


def _read(row: _Row) -> Scan | None:
    """The scan in a row, or None when its bytes are not those that were stored."""
    if not isinstance(row.body, bytes) or _sum(row.inc, row.key & _MAX_N, row.body) != row.sum:
        return None
    try:
        return _SCAN.decode(zlib.decompressobj(-15, zdict=_PHRASES).decompress(row.body, _BODY_BYTES))
    except (zlib.error, msgspec.DecodeError):
        return None


def _sum(name: str, n: int, body: bytes) -> bytes:
    return hashlib.blake2b(f"{name}|{n}|".encode() + body, digest_size=8).digest()
