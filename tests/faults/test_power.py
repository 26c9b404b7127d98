"""The short form of `power`: some cuts of a real ext4, and that the check would see a loss."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from edge.outbox import SqliteOutbox
from hub.folder import Folder
from tests.faults import power
from tests.faults.result import Order, complaints
from tests.faults.writers import LostError, scan, survived
from tests.stores import asks, written


def test_what_was_acknowledged_survives_power_cuts(tmp_path: Path) -> None:
    """A violation too: that the same check finds no loss in a store which does not sync."""
    result = power.inject(Order(1, tmp_path, print, count=4))
    if result.skipped:
        pytest.skip(result.skipped)
    assert complaints(result) == []
    assert result.injected["cuts of the journal"] == result.injected["cuts of the outbox"] == 4


def test_a_journal_with_fewer_or_other_facts_is_a_loss(tmp_path: Path) -> None:
    async def write(seed: int, count: int) -> None:
        folder = Folder(tmp_path / f"hub-{seed}")
        await written(folder, asks(seed, count))
        folder.close()

    asyncio.run(write(19, 20))
    asyncio.run(write(20, 20))
    found = survived("journal", tmp_path / "hub-19", 12)
    with pytest.raises(LostError, match=f"1 of {found + 1} acknowledged records"):
        survived("journal", tmp_path / "hub-19", found + 1)
    with pytest.raises(LostError, match="never written so"):
        survived("journal", tmp_path / "hub-20", 0)
    (tmp_path / "hub-19" / "journal.db").write_bytes(b"rubbish")
    with pytest.raises(LostError, match="does not open"):
        survived("journal", tmp_path / "hub-19", 0)


def test_an_outbox_with_fewer_or_other_records_is_a_loss(tmp_path: Path) -> None:
    with closing(SqliteOutbox(tmp_path, lambda: 0)) as box:
        for number in (1, 4):
            box.append([scan(number, by_hub=True), scan(number + 1, by_hub=True)], [scan(number + 2)])
    assert survived("outbox", tmp_path, 6) == 6
    with pytest.raises(LostError, match="1 of 7 acknowledged records"):
        survived("outbox", tmp_path, 7)
    with closing(sqlite3.connect(tmp_path / "outbox.db", isolation_level=None)) as other:
        other.execute("DELETE FROM record WHERE key & 4294967295 = 2")
    with pytest.raises(LostError, match="never written so"):
        survived("outbox", tmp_path, 5)
