"""Backups of a data folder, and the way back: journal, register, master key and settings, under a manifest that seals them.

A backup is a folder, made beside a running hub or without one, and is done only when its copy was replayed from the first fact.
The journal is read first and the register after it: an edit is written before the facts that use it, so the later register knows
everything the earlier journal speaks of. The history is left out: the next start makes it again. What the devices scanned after the
backup they send again by themselves (design.md, The device). Nothing here is kept secret from who can read the files.
"""

import contextlib
import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import msgspec

from hub.bodies import verified
from hub.chain import Row
from hub.core.books import Books
from hub.errors import BackupError, BusyError, DamageError
from hub.folder import JOURNAL, MASTER_KEY, OFFICE, locked, restoring, settle_log
from hub.keys import MASTER_BYTES

FORMAT = 1
"""Of the manifest; a later one is refused."""
MANIFEST = "manifest.json"
SETTINGS = "hub.toml"
NEEDED = (JOURNAL, OFFICE, MASTER_KEY)
KNOWN = (*NEEDED, SETTINGS)
ROWS_AT_ONCE = 200
"""Of the journal: a hub that wants to tidy up waits a few ms for one step, never for a whole copy."""
WAIT_S = 10.0
"""For a hub that holds a database for itself: while it recovers a log, for instance."""
COPY_BYTES = 1 << 20


class Seal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file of the backup must be: its size, and its BLAKE2b-256 in hex."""

    bytes: int
    hash: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup holds: the journal up to fact `number`, whose row has the hash `head` (hex), and its files by name.

    On disk: one line of JSON, and a line with its BLAKE2b-256 in hex.
    """

    format: int
    program: str
    made_at: datetime
    number: int
    head: str
    files: dict[str, Seal]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a journal's rows: the last fact, the hash of its row, and the books of all facts."""

    number: int
    head: bytes
    books: Books


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was verified: every file as sealed, the journal replayed, its books in balance."""

    path: Path
    manifest: Manifest
    books: Books


def backup(folder: Path, target: Path, settings: Path | None = None) -> Backup:
    """Copy a data folder to the new folder `target`, and verify the copy. The hub may run. `settings`: a file to keep with it.

    Until it is whole it stands under a name of its own beside the target. Raises BackupError; DamageError, naming the row, when
    the data folder itself is not what was written.
    """
    folder, target = folder.absolute(), target.absolute()
    with _told(target, "no backup was made"):
        _refuse_target(folder, target)
        with _whole_or_not_at_all(target) as work:
            with _at_rest_or_running(folder):
                _copy_journal(folder / JOURNAL, work / JOURNAL)
                last = _last_row(work / JOURNAL)
                _copy_office(folder / OFFICE, work / OFFICE, last.last)
            _write(work / MASTER_KEY, (folder / MASTER_KEY).read_bytes())
            if settings is not None:
                _write(work / SETTINGS, settings.read_bytes())
            _write(work / MANIFEST, _sealed_manifest(work, last))
            _make_durable(work)
            with _damage_told(folder, "no backup was made; keep the last one"):
                made = _verified(work)
    return replace(made, path=target)


def verify(path: Path) -> Backup:
    """Read a backup as if it were needed: seals, chain, books, register. Raises BackupError or DamageError; changes nothing."""
    with _told(path, "take another backup"), _damage_told(path, "take another backup"):
        return _verified(path)


def restore(source: Path, folder: Path) -> Backup:
    """Verify a backup and put it into a data folder that is empty or not there yet. Raises BackupError, DamageError or BusyError.

    A machine that stops in the middle leaves a folder on which no hub starts, and into which a backup can be restored again.
    """
    source, folder = source.absolute(), folder.absolute()
    found = verify(source)
    with _told(folder, "nothing was restored"), _claimed(folder):
        _refuse_folder(folder)
        _write(restoring(folder), b"")
        _sync(folder)
        with _told(folder, "not restored: run this again"):
            for name in NEEDED:
                _put(source / name, folder / name, found.manifest.files[name])
            _sync(folder)
            restoring(folder).unlink()
            _sync(folder)
    return found


def replayed(rows: Iterable[Row]) -> Replayed:
    """The books of a journal's rows, from row 0 on. Raises DamageError, naming the row that does not follow or does not balance."""
    books, before = Books(), None
    for row in rows:
        facts = verified(row, before)
        try:
            for fact in facts:
                books.apply(fact)
        except AssertionError as error:
            raise DamageError(f"row {row.number} cannot be booked: {error}") from error
        before = row
    if before is None:
        raise DamageError("row 0, the journal's own id, is missing")
    return Replayed(before.last, before.hash, books)


# --- copying what a hub may be writing ------------------------------------------------------------


@contextlib.contextmanager
def _at_rest_or_running(folder: Path) -> Iterator[None]:
    """A running hub has checked its logs when it started. One at rest has not, and is kept from starting while they are copied."""
    with contextlib.ExitStack() as stack:
        try:
            stack.callback(os.close, locked(folder))
        except BusyError:
            pass
        else:
            settle_log(folder / JOURNAL, appended=True)
            settle_log(folder / OFFICE)
        yield


def _copy_journal(live: Path, copy: Path) -> None:
    """Rows are only ever added, so they can be copied a few at a time: up to the one that is last now."""
    with _beside(live, copy) as database:
        ((end,),) = database.execute("SELECT coalesce(max(number), -1) FROM live.journal")
        number = -1
        while number < end:
            span = "WHERE number > ? AND number <= ? ORDER BY number LIMIT ?"
            database.execute(f"INSERT INTO main.journal SELECT * FROM live.journal {span}", (number, end, ROWS_AT_ONCE))  # noqa: S608
            ((number,),) = database.execute("SELECT max(number) FROM main.journal")


def _copy_office(live: Path, copy: Path, last: int) -> None:
    """What is set up, at one moment; without the history, and without notes on, or letters about, facts that the copied journal lacks.

    The numbers of those facts are given again after a restore: a note must not stand under a stranger's fact, nor a letter go to another.
    """
    with _beside(live, copy) as database:
        database.execute("BEGIN")
        for (table,) in database.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'").fetchall():
            if not table.startswith("history_"):
                database.execute(f'INSERT INTO main."{table}" SELECT * FROM live."{table}"')  # noqa: S608 - our own table's name
        database.execute("DELETE FROM main.note WHERE number > ?", (last,))
        if database.execute("SELECT 1 FROM main.sqlite_schema WHERE name = 'mail_queue'").fetchone():  # a folder of before letters has none
            database.execute("DELETE FROM main.mail_queue WHERE fact > ?", (last,))
            database.execute("UPDATE main.mail_head SET number = min(number, ?)", (last,))
        database.execute("COMMIT")


@contextlib.contextmanager
def _beside(live: Path, copy: Path) -> Iterator[sqlite3.Connection]:
    """A new database with the tables of another one, which is attached as `live`, for reading only.

    Without journal and fsync: the copy counts only once its files were made durable as a whole.
    """
    _write(copy, b"")
    with contextlib.closing(sqlite3.connect(copy.as_uri(), uri=True, isolation_level=None, timeout=WAIT_S)) as database:
        database.execute("ATTACH ? AS live", (f"{live.as_uri()}?mode=ro",))
        for setting in ("page_size", "user_version"):
            ((value,),) = database.execute(f"PRAGMA live.{setting}")
            database.execute(f"PRAGMA main.{setting}={value}")
        for setting in ("journal_mode=OFF", "synchronous=OFF"):
            database.execute(f"PRAGMA main.{setting}")
        for (sql,) in database.execute("SELECT sql FROM live.sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid").fetchall():
            database.execute(sql)
        yield database


# --- reading a copy -------------------------------------------------------------------------------


def _verified(path: Path) -> Backup:
    """Raises DamageError that names file and row."""
    manifest = _read_manifest(path)
    for name, seal in manifest.files.items():
        if _seal(path / name) != seal:
            raise DamageError(f"{name} is not as it was backed up")
    told = replayed(_rows(path / JOURNAL))
    if (told.number, told.head.hex()) != (manifest.number, manifest.head):
        raise DamageError(f"{JOURNAL} ends with fact {told.number}, the manifest says {manifest.number}")
    _require_sound(path / OFFICE)
    return Backup(path, manifest, told.books)


@contextlib.contextmanager
def _reading(copy: Path) -> Iterator[sqlite3.Connection]:
    """As it lies there: no log is looked for and none is made."""
    with contextlib.closing(sqlite3.connect(f"{copy.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
        yield database


def _rows(journal: Path, order: str = "ORDER BY number") -> Iterator[Row]:
    with _reading(journal) as database:
        for row in database.execute(f"SELECT number, count, before, body, hash FROM journal {order}"):  # noqa: S608 - from here only
            yield Row(*row)


def _last_row(journal: Path) -> Row:
    row = next(_rows(journal, "ORDER BY number DESC LIMIT 1"), None)
    if row is None:
        raise DamageError(f"{JOURNAL}: row 0, the journal's own id, is missing")
    return row


def _require_sound(office: Path) -> None:
    with _reading(office) as database:
        found = [str(row[0]) for row in database.execute("PRAGMA integrity_check(1)")]
        found += [f"a row of {row[0]} points nowhere" for row in database.execute("PRAGMA foreign_key_check")]
    if found != ["ok"]:
        raise DamageError(f"{OFFICE}: {found[-1]}")


# --- the manifest ---------------------------------------------------------------------------------


def _sealed_manifest(work: Path, last: Row) -> bytes:
    files = {name: _seal(work / name) for name in KNOWN if (work / name).exists()}
    line = msgspec.json.encode(Manifest(FORMAT, metadata.version("preau"), datetime.now(UTC), last.last, last.hash.hex(), files))
    return line + b"\n" + _hash(line).encode() + b"\n"


def _read_manifest(path: Path) -> Manifest:
    """Raises BackupError for a folder that is no backup, one of a newer version, and one that was changed."""
    if not (path / MANIFEST).is_file():
        raise BackupError(f"{path}: no backup: it has no {MANIFEST}")
    line, _, seal = (path / MANIFEST).read_bytes().partition(b"\n")
    if seal != _hash(line).encode() + b"\n":
        raise BackupError(f"{path / MANIFEST}: not as it was written: take another backup")
    try:
        manifest = msgspec.json.decode(line, type=Manifest)
    except msgspec.DecodeError as error:
        raise BackupError(f"{path / MANIFEST}: this version cannot read it: {error}: install the version that made the backup") from error
    if manifest.format > FORMAT or not set(NEEDED) <= set(manifest.files) <= set(KNOWN) or manifest.files[MASTER_KEY].bytes != MASTER_BYTES:
        raise BackupError(f"{path / MANIFEST}: not a backup of a hub, or of a newer version ({manifest.program}): install that version")
    return manifest


def _seal(path: Path) -> Seal:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32))
        return Seal(file.tell(), digest.hexdigest())


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=32).hexdigest()


# --- refusing -------------------------------------------------------------------------------------


def _refuse_target(folder: Path, target: Path) -> None:
    for name in NEEDED:
        if not (folder / name).is_file():
            raise BackupError(f"{folder}: no data folder of a hub: it has no {name}")
    if restoring(folder).exists():
        raise BackupError(f"{folder}: a backup is being restored here: run preau-hub restore again first")
    if target.is_symlink() or target.exists():
        raise BackupError(f"{target}: is there already: nothing is overwritten, choose another name")
    if target.resolve().is_relative_to(folder.resolve()):
        raise BackupError(f"{target}: lies inside the data folder: what destroys the one would destroy the other")
    if not target.parent.is_dir():
        raise BackupError(f"{target.parent}: no such folder: make it, or mount the disk")


def _refuse_folder(folder: Path) -> None:
    """Nothing of a hub may be there; a log least of all, for SQLite would put it on top of the restored file."""
    if restoring(folder).exists():
        return
    found = [name for each in NEEDED for name in (each, f"{each}-wal", f"{each}-shm", f"{each}-journal") if (folder / name).exists()]
    if found:
        raise BackupError(f"{folder}: has {', '.join(found)} already, and nothing is overwritten: move the folder's content away first")


# --- files ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _told(path: Path, consequence: str) -> Iterator[None]:
    """What the disk or SQLite refuses becomes a sentence: where, why, and what that means."""
    try:
        yield
    except OSError as error:
        raise BackupError(f"{error.filename or path}: {error.strerror}: {consequence}") from error
    except sqlite3.Error as error:
        raise BackupError(f"{path}: {error}: {consequence}") from error


@contextlib.contextmanager
def _damage_told(path: Path, consequence: str) -> Iterator[None]:
    """Damage is told with where it is, and what to do."""
    try:
        yield
    except DamageError as error:
        raise DamageError(f"{path}: {error}: {consequence}") from error


@contextlib.contextmanager
def _whole_or_not_at_all(target: Path) -> Iterator[Path]:
    """A folder beside the target, only ours to read, that gets the target's name once everything in it is done."""
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    try:
        yield work
        work.rename(target)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    _sync(target.parent)


@contextlib.contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """The folder is there, only ours to read, and no hub runs on it."""
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
        _sync(folder.parent)
    if (owner := folder.stat().st_uid) != os.geteuid():
        raise BackupError(f"{folder}: belongs to user {owner}, who could not read what you restore: run this as that user (runuser -u …)")
    folder.chmod(0o700)
    lock = locked(folder)
    try:
        yield
    finally:
        os.close(lock)


def _put(source: Path, path: Path, seal: Seal) -> None:
    """Copy a file, make it durable, and give it its name if what was read is still what was sealed."""
    fresh = _write(path.with_name(path.name + ".new"), b"")
    digest = hashlib.blake2b(digest_size=32)
    with source.open("rb") as reading, fresh.open("r+b") as writing:
        while piece := reading.read(COPY_BYTES):
            digest.update(piece)
            writing.write(piece)
        size = writing.tell()
    _sync(fresh)
    if Seal(size, digest.hexdigest()) != seal:
        raise BackupError(f"{source}: changed while it was read: run this again")
    fresh.replace(path)


def _write(path: Path, content: bytes) -> Path:
    """A file only we can read; one that an interrupted restore left is begun anew."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)
    return path


def _make_durable(work: Path) -> None:
    """On disk, and out of memory: what is verified next is read from the medium again."""
    for path in work.iterdir():
        _sync(path)
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    _sync(work)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
