"""A long journal is read and checked by another process: every fact once and in order, and the same start without it."""

import asyncio
import contextlib
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.beside import called, start
from hub.bodies import unpack_joined
from hub.chain import Row, next_row
from hub.core.facts import Fact
from hub.errors import StartError
from hub.folder import Folder
from hub.journal import Journal
from hub.walk import Stretch
from tests.stores import alive, asks, write, written


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    """Every journal counts as a long one."""
    monkeypatch.setattr("hub.beside.BESIDE_BYTES", 0)
    folder = Folder(tmp_path / "hub")
    yield folder
    folder.close()


def told(folder: Folder) -> list[Stretch]:
    """What the other process says behind its first words."""
    with contextlib.closing(start(folder)) as walker:
        walker.begun()
        return list(walker.stretches())


def held(stretch: Stretch) -> list[Fact]:
    """The facts of a stretch that can be read."""
    facts = unpack_joined(stretch.plain, stretch.sizes)
    assert facts is not None
    return list(facts)


async def test_another_process_hands_over_every_fact_of_a_long_journal_in_order(folder: Folder) -> None:
    made = [fact for ask in asks(31, 600) for fact in ask]
    await written(folder, [(fact,) for fact in made], waiting=3)
    found = told(folder)
    assert [fact for each in found for fact in held(each)] == made
    assert len(found) > 1
    replayed: list[Fact] = []
    journal = await Journal.open(folder, alive, replayed.append)
    assert replayed == made
    assert found[-1].last.last == journal.durable == len(made)
    assert found[-1].hash == journal.head
    assert journal.id == await journal.hash_at(0)
    await journal.close()


@pytest.mark.parametrize("interpreter", ["/nowhere/python", "/bin/false", "/bin/true"])
async def test_a_start_is_whole_without_the_other_process(folder: Folder, monkeypatch: pytest.MonkeyPatch, interpreter: str) -> None:
    made = list(asks(33, 30))
    await written(folder, made)
    monkeypatch.setattr("hub.beside.sys.executable", interpreter)
    replayed: list[Fact] = []
    journal = await Journal.open(folder, alive, replayed.append)
    assert replayed == [fact for ask in made for fact in ask]
    await journal.close()


async def test_a_start_is_whole_when_the_other_process_is_killed_on_its_way(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies in the middle of a stretch: here, of the second one."""
    made, replayed = list(asks(35, 600)), list[Fact]()
    await written(folder, made, waiting=3)
    cut = len(told(folder)[0].packed()) * 3 // 2
    dying = tmp_path / "dying"
    dying.write_text(f'#!/bin/sh\n{shlex.quote(sys.executable)} "$@" | head -c {cut}\n')
    dying.chmod(0o700)
    monkeypatch.setattr("hub.beside.sys.executable", str(dying))
    found = told(folder)
    journal = await Journal.open(folder, alive, replayed.append)
    assert len(found) == 1
    assert replayed == [fact for ask in made for fact in ask]
    await journal.close()


@pytest.mark.parametrize(
    ("size", "body", "complaint"),
    [
        (1, b'[["Novelty",1]]', "is intact, but this version cannot read its facts"),
        (2, b"[]", "holds 0 facts instead of 2"),
        (1, b"[],[]", "is intact, but"),
        (1, b"],[", "is intact, but"),
        (1, b"\x78 no zlib", "is intact, but"),
    ],
)
async def test_a_row_that_nobody_can_read_is_named_though_the_other_process_found_it_whole(
    folder: Folder, size: int, body: bytes, complaint: str
) -> None:
    """It knows nothing of facts: who books them does, and says what is wrong as without it."""
    made = list(asks(41, 40))
    await written(folder, made)
    with contextlib.closing(sqlite3.connect(folder.journal, isolation_level=None)) as database:
        head = Row(*database.execute("SELECT number, count, before, body, hash FROM journal ORDER BY number DESC").fetchone())
        worse = next_row(head.last + 1, size, head.hash, body)
        database.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?)", worse)
    replayed: list[Fact] = []
    with pytest.raises(StartError, match=f"row {worse.number} {complaint}"):
        await Journal.open(folder, alive, replayed.append)
    assert replayed == [fact for ask in made for fact in ask]


def test_the_other_process_ends_when_nobody_reads_any_more(folder: Folder) -> None:
    """The hub may be killed while it follows; nothing may be left of it. A pipe holds 64 KiB, this journal fills it several times."""
    asyncio.run(written(folder, asks(36, 2000), waiting=3))
    command, pipe = [sys.executable, "-m", "hub.walk"], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stderr is not None
        other.stdin.write(f"{folder.journal.as_uri()}?mode=ro".encode())
        other.stdin.close()
        assert other.stdout.read(1000)
        other.stdout.close()
        said = other.stderr.read()
    assert (other.returncode, said) == (-signal.SIGPIPE, b"")


def test_one_that_is_told_nothing_ends(folder: Folder) -> None:
    """It was called for a journal that is short, or its hub is gone before it has read its settings."""
    early = called()
    assert early is not None
    with contextlib.closing(start(folder, early)) as walker:
        assert walker.begun() is None
    assert early.poll() is not None
    command, pipe = [sys.executable, "-m", "hub.walk"], subprocess.PIPE
    alone = subprocess.run(command, input=b"", stdout=pipe, stderr=pipe, check=True, timeout=60)
    assert (alone.stdout, alone.stderr) == (b"", b"")


async def test_one_that_was_called_early_walks_where_it_is_told(folder: Folder) -> None:
    made = list(asks(38, 300))
    await written(folder, made, waiting=3)
    early, replayed = called(), list[Fact]()
    journal = await Journal.open(folder, alive, replayed.append, start(folder, early))
    assert replayed == [fact for ask in made for fact in ask]
    await journal.close()
    assert early is not None
    assert early.poll() is not None


async def test_whoever_waits_for_the_end_of_a_start_is_told_when_little_is_left(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.journal.NEARLY_FACTS", 400)
    made, replayed, then = list(asks(39, 2000)), list[Fact](), list[int]()
    await written(folder, made, waiting=3)
    journal = await Journal.open(folder, alive, replayed.append, nearly=lambda: then.append(len(replayed)))
    await journal.close()
    assert len(then) == 1
    assert 0 < len(replayed) - then[0] <= 400


async def test_a_short_journal_is_nearly_read_before_it_is_begun(folder: Folder) -> None:
    await written(folder, list(asks(40, 20)))
    replayed, then = list[Fact](), list[int]()
    journal = await Journal.open(folder, alive, replayed.append, nearly=lambda: then.append(len(replayed)))
    await journal.close()
    assert then == [0]


async def test_a_log_that_the_last_run_left_is_as_it_was_when_the_other_process_is_gone(folder: Folder, tmp_path: Path) -> None:
    """It may be the first to open the file, and the last to close it: only the hub writes the log into the file, and asks for the sync."""
    made, image = list(asks(37, 40)), Folder(tmp_path / "image")
    journal = await Journal.open(folder, alive)
    for ask in made:
        await write(journal, [ask])
    for name in ("journal.db", "journal.db-wal"):
        shutil.copy(folder.path / name, image.path / name)
    await journal.close()
    before = [(image.path / name).read_bytes() for name in ("journal.db", "journal.db-wal")]
    assert [fact for each in told(image) for fact in held(each)] == [fact for ask in made for fact in ask]
    assert [(image.path / name).read_bytes() for name in ("journal.db", "journal.db-wal")] == before
    assert len(before[1]) > 0
    image.close()


async def test_a_fact_that_cannot_be_booked_stops_the_other_process_too(folder: Folder) -> None:
    await written(folder, asks(34, 600), waiting=3)

    def unbookable(_fact: Fact) -> None:
        raise AssertionError("entries do not sum to zero")

    with pytest.raises(AssertionError, match="do not sum"):
        await Journal.open(folder, alive, unbookable)
