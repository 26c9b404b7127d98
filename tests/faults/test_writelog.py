"""The short form of `writelog`: some crash points of a logged disk, and how a log is read."""

import struct
from pathlib import Path

import pytest

from tests.faults import writelog
from tests.faults.result import Order, complaints
from tests.faults.writelog import DISCARD, FLUSH, MAGIC, Entry, entries_of

SECTOR = 512


def test_what_was_acknowledged_survives_a_disk_that_forgets_what_it_was_not_told_to_keep(tmp_path: Path) -> None:
    """A violation too: that the same check finds no loss in a store which does not sync."""
    result = writelog.inject(Order(1, tmp_path, print, count=8))
    if result.skipped:
        pytest.skip(result.skipped)
    assert complaints(result) == []
    assert result.injected["crash points"] == 16


def logged(*entries: tuple[int, int, int, bytes]) -> bytes:
    """A log of these (sector, sectors, flags, bytes)."""
    head = struct.pack("<QQQL", MAGIC, 1, len(entries), SECTOR).ljust(SECTOR, b"\0")
    return head + b"".join(struct.pack("<QQQQ", *words, 0).ljust(SECTOR, b"\0") + written for *words, written in entries)


def test_a_log_is_read_as_the_disk_was_told() -> None:
    page = bytes(range(256)) * 16
    log = logged((8, 8, 0, page), (0, 0, FLUSH, b""), (16, 8, DISCARD, b""), (1, 1, 0, page[:SECTOR]))
    assert entries_of(log) == [Entry(4096, 0, page), Entry(0, FLUSH, b""), Entry(8192, DISCARD, b""), Entry(512, 0, page[:SECTOR])]


def test_what_is_no_log_or_holds_what_the_replay_does_not_know_is_refused() -> None:
    with pytest.raises(AssertionError, match="not a log"):
        entries_of(bytes(SECTOR))
    with pytest.raises(AssertionError, match="a flush with bytes"):
        entries_of(logged((8, 1, FLUSH, bytes(SECTOR))))
