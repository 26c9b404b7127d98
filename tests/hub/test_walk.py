"""A long journal is read and checked by another process: every fact once and in order, and the same start without it."""

import asyncio
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.core.facts import Fact
from hub.folder import Folder
from hub.journal import Journal, along
from tests.stores import alive, asks, written


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    """Every journal counts as a long one."""
    monkeypatch.setattr("hub.journal.BESIDE_BYTES", 0)
    folder = Folder(tmp_path / "hub")
    yield folder
    folder.close()


async def test_another_process_hands_over_every_fact_of_a_long_journal_in_order(folder: Folder) -> None:
    made = [fact for ask in asks(31, 600) for fact in ask]
    await written(folder, [(fact,) for fact in made], waiting=3)
    found = [stretch async for stretch in along(folder.journal)]
    assert [fact for each in found for fact in each.facts] == made
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
    monkeypatch.setattr("hub.journal.sys.executable", interpreter)
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
    dying = tmp_path / "dying"
    dying.write_text(f'#!/bin/sh\n{shlex.quote(sys.executable)} "$@" | head -c {32 * 1024}\n')
    dying.chmod(0o700)
    monkeypatch.setattr("hub.journal.sys.executable", str(dying))
    found = [stretch async for stretch in along(folder.journal)]
    journal = await Journal.open(folder, alive, replayed.append)
    assert len(found) == 1
    assert replayed == [fact for ask in made for fact in ask]
    await journal.close()


def test_the_other_process_ends_when_nobody_reads_any_more(folder: Folder) -> None:
    """The hub may be killed while it follows; nothing may be left of it. A pipe holds 64 KiB, this journal fills it several times."""
    asyncio.run(written(folder, asks(36, 2000), waiting=3))
    walker = subprocess.Popen([sys.executable, "-m", "hub.walk", str(folder.journal)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert walker.stdout is not None
    assert walker.stdout.read(1000)
    walker.stdout.close()
    _, said = walker.communicate(timeout=60)
    assert (walker.returncode, said) == (-signal.SIGPIPE, b"")


async def test_a_fact_that_cannot_be_booked_stops_the_other_process_too(folder: Folder) -> None:
    await written(folder, asks(34, 600), waiting=3)

    def unbookable(_fact: Fact) -> None:
        raise AssertionError("entries do not sum to zero")

    with pytest.raises(AssertionError, match="do not sum"):
        await Journal.open(folder, alive, unbookable)
