"""The data folder of a hub: where its files are, who may use it, and what happens when its disk is full or fails.

It opens no database, but looks after their logs. One hub per folder: a lock on the file `lock` makes the second one refuse.
"""

import contextlib
import fcntl
import logging
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from hub import walcheck
from hub.errors import BusyError, DamageError, StartError

log = logging.getLogger(__name__)

Die = Callable[[str], object]
"""Ends the process because of a failed write; given to whoever writes, so that a test can see it."""

JOURNAL, OFFICE, MASTER_KEY = "journal.db", "office.db", "master.key"
"""What a hub cannot do without: what happened, what is set up, and the key of its secrets."""
EXIT_DISK = 70
"""EX_SOFTWARE: systemd starts the hub again, and replay rebuilds (design.md, The desk)."""
RESERVE_BYTES = 8 * 1024 * 1024
"""Enough for a full school day of facts (20,000 scans at 64 waiting), and for SQLite to tidy up on a full disk."""
READ_BYTES = 1024 * 1024
LOW_BYTES = 256 * 1024 * 1024
LOW_SHARE = 0.10
"""Below either of these it is time to make room: SQLite can neither checkpoint nor delete once a disk is full."""


def stop_at_once(reason: str) -> None:
    """Log one line and end the process without running anything else: nothing may be answered after a failed write."""
    log.critical("stopping: %s", reason)
    logging.shutdown()
    os._exit(EXIT_DISK)


class Folder:
    """The folder at `path`, made if missing, readable by its owner only, and locked until `close()`.

    Raises BusyError while another hub holds it, StartError when it cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = path / JOURNAL
        self.office = path / OFFICE
        self.master_key = path / MASTER_KEY
        self.broker = path / "broker"
        self._reserve = path / "reserve"
        self._reserve_spent = False
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)
            self._lock = locked(path)
            if restoring(path).exists():
                os.close(self._lock)
                raise StartError(f"{path}: a backup was being restored here when the machine stopped: run preau-hub restore again")
            self._keep_reserve()
        except OSError as error:
            raise StartError(f"{path}: cannot be used as data folder: {error.strerror}") from error

    def alarms(self) -> list[str]:
        """`disk_low`: make room soon. `disk_full`: the reserve was given up at this start, so that the day can be finished."""
        disk = shutil.disk_usage(self.path)
        low = disk.free < LOW_BYTES or disk.free < LOW_SHARE * disk.total
        return ["disk_low"] * low + ["disk_full"] * self._reserve_spent

    def close(self) -> None:
        """Let another hub have the folder."""
        os.close(self._lock)

    def _keep_reserve(self) -> None:
        """Hold space back while there is some; give it up when the disk is full, for a write that failed ended the last run."""
        if self._reserve.exists() and self._reserve.stat().st_size == RESERVE_BYTES:
            if shutil.disk_usage(self.path).free < RESERVE_BYTES:
                self._reserve.unlink()
                self._reserve_spent = True
                log.error("%s: the disk is full; the reserve of %d MB was given up to finish the day", self.path, RESERVE_BYTES >> 20)
        elif shutil.disk_usage(self.path).free > 4 * RESERVE_BYTES:
            with self._reserve.open("wb") as reserve:
                os.posix_fallocate(reserve.fileno(), 0, RESERVE_BYTES)
        else:
            self._reserve_spent = True


def settle_log(path: Path, *, appended: bool = False) -> int:
    """Check a database's log of the last run before SQLite silently drops a part of it, and make it durable again; its size.

    `appended`: as walcheck.inspect has it. After a failed fsync the system shows pages that are on no disk, and may never write them in
    place (reliability.md, 2.4): so what is read here, and by SQLite afterwards, comes from the disk.
    """
    log_path = path.with_name(path.name + "-wal")
    try:
        for each in (path, log_path):
            _reread(each)
    except OSError as error:
        raise StartError(f"{path}: the disk fails: {error.strerror}") from error
    if not log_path.exists():
        return 0
    content = log_path.read_bytes()
    try:
        report = walcheck.inspect(content, appended=appended)
    except DamageError as error:
        raise DamageError(f"{log_path}: {error}: restore the folder from a backup; the devices send their scans again") from error
    if report.transactions and not path.stat().st_size:
        raise DamageError(f"{path}: empty, but {log_path.name} goes on with it: restore the folder from a backup")
    with log_path.open("r+b") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return len(content)


def _reread(path: Path) -> None:
    """Read a file from the disk, whatever the system has of it. What waits to be written is written first; only what is clean is forgotten.

    From its begin to its end at once: SQLite, which reads it page by page, waits for the disk five times as long. Where that fails, it
    meets the same error, and says where.
    """
    if path.exists():
        with path.open("r+b", buffering=0) as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            chunk = bytearray(READ_BYTES)
            with contextlib.suppress(OSError):
                while file.readinto(chunk):
                    pass


def disk_full(path: Path, error: BaseException | None) -> StartError | None:
    """What to say of a database that a full disk keeps from being opened; None for any other error. No backup would help here."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_FULL:
        return None
    return StartError(f"{path}: the disk is full: make room, then start the hub again")


def locked(folder: Path) -> int:
    """Take a folder for this process, until the file descriptor is closed. Raises BusyError while another one has it."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise BusyError(f"{folder}: another hub uses this data folder: stop it, or give this one its own folder") from error
    return lock


def restoring(folder: Path) -> Path:
    """The file that stands in a folder while a backup is put there (backup.py): no hub may start on a part of it."""
    return folder / "restoring"
