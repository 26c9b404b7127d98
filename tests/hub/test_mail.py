"""`preau-hub mail`: what the server said, in a sentence; and the queue, beside a running hub."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.__main__ import REFUSED, main
from hub.core.school import Adult, Household
from hub.mailqueue import MailQueue, Queued, State
from hub.memory import memory
from tests.mailserver import SENDER, MailServer, mail_server
from tests.schools import MONDAY, moment

NOW_MS = moment("16:05", MONDAY)
ANNE = "anne@example.be"


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with mail_server() as told:
        yield told


@pytest.fixture
def config(tmp_path: Path, server: MailServer) -> Path:
    path = tmp_path / "hub.toml"
    mail = f'[mail]\nserver = "localhost"\nport = {server.port}\ntls = "none"\nsender = "{SENDER}"\n'
    path.write_text(f'[hub]\ndata = "{tmp_path / "hub"}"\n\n{mail}')
    return path


async def command(*words: str | Path) -> int:
    return await asyncio.to_thread(main, ["mail", *map(str, words)])


async def test_a_trial_says_what_the_server_said(config: Path, server: MailServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert await command("test", ANNE, "--config", config) == 0
    assert capsys.readouterr().out == f"localhost:{server.port}: taken: 2.0.0 kept as number 1\n"
    ((to, mail),) = server.mails
    assert (to, mail["Subject"]) == (ANNE, "Un courrier d’essai")
    server.unknown.add(ANNE)
    assert await command("test", ANNE, "--config", config) == REFUSED
    assert capsys.readouterr().out == f"localhost:{server.port}: refused for good (550): 5.1.1 nobody of that name\n"
    server.greylists.add(ANNE)
    assert await command("test", ANNE, "--config", config) == REFUSED
    assert "not now: the hub would try again (451): 4.7.1 come back later" in capsys.readouterr().out


@pytest.fixture
def no_mail(tmp_path: Path) -> Path:
    path = tmp_path / "without.toml"
    path.write_text('[hub]\ndata = "x"\n')
    return path


async def test_a_trial_without_a_server_or_an_address_is_refused(config: Path, no_mail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await command("test", "anne", "--config", config) == REFUSED
    assert "`anne` is not a mail address" in capsys.readouterr().err
    assert await command("test", ANNE, "--config", no_mail) == REFUSED
    assert "there is no [mail], so no letter is sent" in capsys.readouterr().err


async def test_the_queue_is_listed_by_state_beside_a_running_hub(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with memory(tmp_path / "hub") as stores:
        adults = [Adult(number, 1, name, "Martin", f"{name.lower()}@example.be") for number, name in enumerate(("Anne", "Bob", "Zoé"), 1)]
        await stores.desk.edit(1, lambda _school: (Household(1, "Martin"), *adults))
        queue = MailQueue(stores.register)
        await queue.put([(7, adult.id) for adult in adults], 7, NOW_MS)
        await queue.note(Queued(7, 1, 0, NOW_MS), State.SENT, NOW_MS, "")
        await queue.note(Queued(7, 2, 1, NOW_MS), State.QUEUED, NOW_MS + 180_000, "451")
        await queue.note(Queued(7, 3, 0, NOW_MS), State.FAILED, NOW_MS, "550")
        assert await command("list", "--config", config) == 0
        assert capsys.readouterr().out.splitlines() == [
            "1 queued, 1 sent, 1 failed",
            "failed: fact 7, Zoé Martin <zoé@example.be>, tries: 1, given up 2025-01-06 15:05 UTC, last: 550",
            "queued: fact 7, Bob Martin <bob@example.be>, tries: 2, next try 2025-01-06 15:08 UTC, last: 451",
        ]
    assert await command("again", "--config", config) == 0
    assert await command("list", "--config", config) == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["1 letters queued again", "2 queued, 1 sent, 0 failed"]


async def test_a_folder_without_a_queue_is_named(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "journal.db").touch()
    assert await command("list", "--config", config) == REFUSED
    assert f"{tmp_path / 'hub' / 'office.db'}: cannot be read" in capsys.readouterr().err
