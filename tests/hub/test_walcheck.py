"""The log is read before SQLite does: a flipped bit anywhere in it is damage, a torn end is not."""

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hub.errors import DamageError
from hub.walcheck import FRAME_BYTES, HEADER_BYTES, WalReport, inspect
from tests.stores import log_of

PAGE_BYTES = 512
SIZE = FRAME_BYTES + PAGE_BYTES
ENTRIES = 12


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The log of a real SQLite: twelve transactions of one to some frames."""
    return sqlite_log(tmp_path_factory.mktemp("log") / "some.db")


def sqlite_log(path: Path) -> bytes:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in (f"PRAGMA page_size={PAGE_BYTES}", "PRAGMA journal_mode=WAL", "CREATE TABLE book (entry)"):
            database.execute(statement)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for number in range(ENTRIES):
            database.execute("INSERT INTO book VALUES (?)", (bytes([65 + number]) * (number % 3 * 300 + 100),))
        return log_of(path).read_bytes()


def ends(log: bytes) -> list[int]:
    """Where each transaction of a log ends, in bytes."""
    frames = range(HEADER_BYTES, len(log), SIZE)
    return [at + SIZE for at in frames if int.from_bytes(log[at + 4 : at + 8], "big")]


def flipped(log: bytes, bit: int) -> bytes:
    changed = bytearray(log)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_a_whole_log_is_counted(log: bytes) -> None:
    assert inspect(log) == WalReport(ENTRIES, (len(log) - HEADER_BYTES) // SIZE, 0)
    assert len(ends(log)) == ENTRIES


@pytest.mark.parametrize("size", [0, 1, 31, 32])
def test_a_log_without_frames_is_empty(log: bytes, size: int) -> None:
    assert inspect(log[:size]) == WalReport()
    assert inspect(bytes(size)) == WalReport()


def test_every_flipped_bit_of_a_transaction_in_the_middle_is_found(log: bytes) -> None:
    """All bits of the frames' heads, every 97th of the pages."""
    for bit in range(ends(log)[3] * 8, ends(log)[4] * 8):
        in_head = (bit // 8 - HEADER_BYTES) % SIZE < FRAME_BYTES
        if in_head or bit % 97 == 0:
            with pytest.raises(DamageError, match="frame"):
                inspect(flipped(log, bit))


def test_any_flipped_bit_is_found_in_the_last_transaction_too(log: bytes) -> None:
    """A torn write loses sectors; one bit is explained by damage only."""
    luck = random.Random(1)
    bits = [
        *range(HEADER_BYTES * 8),
        *(luck.randrange(len(log) * 8) for _ in range(500)),
        *range(len(log) * 8 - SIZE * 8, len(log) * 8, 23),
    ]
    for bit in bits:
        with pytest.raises(DamageError):
            inspect(flipped(log, bit))


def test_a_torn_end_is_left_over_wherever_it_is_cut(log: bytes) -> None:
    whole = [HEADER_BYTES, *ends(log)]
    for size in range(HEADER_BYTES, len(log), 13):
        report = inspect(log[:size])
        last = max(end for end in whole if end <= size)
        assert report == WalReport(whole.index(last), (last - HEADER_BYTES) // SIZE, size - last)


def test_any_lost_sectors_of_the_last_transaction_are_a_torn_end(log: bytes) -> None:
    """The file had its new length, but some of its sectors never reached the disk, in any combination."""
    begin, end = ends(log)[-2:]
    sectors = range(begin // 512 * 512, end, 512)
    for lost in range(1, 2 ** len(sectors)):
        torn = bytearray(log)
        for place, at in enumerate(sectors):
            if lost >> place & 1:
                span = slice(max(at, begin), min(at + 512, end))
                torn[span] = bytes(len(torn[span]))
        report = inspect(bytes(torn))
        assert report.transactions in {ENTRIES - 1, ENTRIES}, "sectors that were zero anyway lose nothing"


def test_a_lost_sector_with_a_later_transaction_behind_it_is_damage(log: bytes) -> None:
    for begin in [HEADER_BYTES, *ends(log)][:-2]:
        middle = bytearray(log)
        middle[begin + FRAME_BYTES : begin + FRAME_BYTES + PAGE_BYTES] = bytes(PAGE_BYTES)
        with pytest.raises(DamageError, match="later transaction"):
            inspect(bytes(middle))


def test_frames_of_an_older_log_behind_the_end_are_normal(tmp_path: Path) -> None:
    """SQLite begins at the front again when another program has written the log into the file."""
    path = tmp_path / "some.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE book (entry)")
        for number in range(20):
            database.execute("INSERT INTO book VALUES (?)", (number,))
        database.execute("PRAGMA wal_checkpoint(PASSIVE)")
        database.execute("INSERT INTO book VALUES (20)")
        log = log_of(path).read_bytes()
        report = inspect(log)
        assert report.transactions == 1
        assert report.left_over == len(log) - HEADER_BYTES - report.frames * (FRAME_BYTES + 4096)


def test_what_is_left_over_is_what_sqlite_leaves_out(log: bytes, tmp_path: Path) -> None:
    """SQLite itself reads as many transactions from a cut log as the report says."""
    source = tmp_path / "source.db"
    log = sqlite_log(source)
    for place, size in enumerate(range(HEADER_BYTES, len(log), 700)):
        with closing(sqlite3.connect(tmp_path / f"{place}.db", isolation_level=None)) as database:
            for statement in (f"PRAGMA page_size={PAGE_BYTES}", "PRAGMA journal_mode=WAL", "CREATE TABLE book (entry)"):
                database.execute(statement)
        copy = tmp_path / f"{place}.db"
        shutil.copy(copy, tmp_path / "before.db")
        log_of(copy).write_bytes(log[:size])
        with closing(sqlite3.connect(copy)) as database:
            (count,) = database.execute("SELECT count(*) FROM book").fetchone()
        assert count == inspect(log[:size]).transactions
