"""What is remembered when a hub starts: what is set up may be read before the journal is whole, and is believed only behind it."""

import asyncio
import contextlib
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from hub.__main__ import REFUSED
from hub.errors import DamageError
from hub.folder import Folder
from hub.memory import Memory, known_before, memory, remember
from tests.brokers import free_port
from tests.hub.core.test_school import rows_of
from tests.schools import small_school
from tests.stores import asks, write


@contextlib.asynccontextmanager
async def remembered(folder: Folder, *, early: bool) -> AsyncIterator[Memory]:
    async with contextlib.AsyncExitStack() as stack:
        yield await remember(folder, stack, known=known_before(folder) if early else None)


@pytest.fixture
async def place(tmp_path: Path) -> Path:
    """The data folder of a hub with two devices, one of them blocked, that has seen its own journal."""
    async with memory(tmp_path / "hub") as stores:
        await stores.desk.edit(1, lambda _school: tuple(rows_of(small_school())))
        await stores.desk.edit(2, lambda school: (replace(school.devices["parc-till"], blocked="lost"),))
        await write(stores.journal, asks(41, 20))
        await stores.history.caught_up(stores.journal.durable)
    return tmp_path / "hub"


async def test_what_is_set_up_is_the_same_before_the_walk_and_behind_it(place: Path) -> None:
    with contextlib.closing(Folder(place)) as folder:
        known = known_before(folder)
        assert known is not None
        async with remembered(folder, early=False) as late:
            assert known.school == late.desk.school
            assert known.master == late.master
            assert known.accounts() == late.accounts()
            assert {account.user for account in known.accounts()} == set(small_school().devices) - {"parc-till"}
        async with remembered(folder, early=True) as early:
            assert early.desk.school == known.school


def test_nothing_is_made_in_a_new_folder(tmp_path: Path) -> None:
    with contextlib.closing(Folder(tmp_path / "hub")) as folder:
        assert known_before(folder) is None
        assert not folder.office.exists()
        assert not folder.master_key.exists()


async def test_tables_of_before_wait_for_the_journal_and_are_brought_up_to_date_then(place: Path) -> None:
    with contextlib.closing(sqlite3.connect(place / "office.db")) as office, office:
        office.execute("UPDATE alembic_version SET version_num = '0024'")
        office.execute("ALTER TABLE household DROP COLUMN same_as")
    with contextlib.closing(Folder(place)) as folder:
        assert known_before(folder) is None
        async with remembered(folder, early=True) as stores:
            assert set(stores.desk.school.devices) == set(small_school().devices)


async def test_the_journals_complaint_comes_before_that_of_what_is_set_up(place: Path) -> None:
    for name in ("journal.db", "office.db"):
        (place / name).write_bytes(b"no database at all" * 100)
    with contextlib.closing(Folder(place)) as folder:
        assert known_before(folder) is None
        with pytest.raises(DamageError, match=r"journal\.db"):
            async with remembered(folder, early=True):
                pass


async def test_what_was_read_before_is_refused_where_it_has_seen_another_journal(place: Path, tmp_path: Path) -> None:
    async with memory(tmp_path / "other") as stores:
        await write(stores.journal, asks(42, 20))
    shutil.copy(tmp_path / "other" / "journal.db", place)
    with contextlib.closing(Folder(place)) as folder:
        assert known_before(folder) is not None
        with pytest.raises(DamageError, match="belongs to another journal"):
            async with remembered(folder, early=True):
                pass


async def test_a_start_that_is_refused_leaves_no_broker(place: Path, tmp_path: Path) -> None:
    """It was started before the journal was whole: with the hub it goes."""
    with contextlib.closing(sqlite3.connect(place / "journal.db")) as journal, journal:
        journal.execute("DROP TRIGGER no_update")
        journal.execute("UPDATE journal SET hash = zeroblob(32) WHERE number = (SELECT max(number) FROM journal)")
        journal.execute("CREATE TRIGGER no_update BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END")
    port, web = free_port(), free_port()
    broker = f'[broker]\nhost = "127.0.0.1"\nport = {port}\n'
    (tmp_path / "hub.toml").write_text(f'[hub]\ndata = "{place}"\n{broker}[web]\nport = {web}\n')
    command = [sys.executable, "-m", "hub", "run", "--config", str(tmp_path / "hub.toml")]
    ended = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == REFUSED
    assert ended.stderr.splitlines()[-1].startswith("preau-hub: ")
    assert "its content does not fit its hash" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert (place / "broker" / "nats.conf").exists(), "it was never begun"
    socket.create_server(("127.0.0.1", port)).close()
