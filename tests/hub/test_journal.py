"""The journal: what was answered is on disk in order, and whatever is not as it was written stops the start."""

import asyncio
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

import pytest

from hub.core.books import Books, replay
from hub.core.facts import Fact
from hub.errors import DamageError, StartError
from hub.folder import Folder
from hub.history import History
from hub.journal import BATCH_FACTS, PAGE_BYTES, Journal
from hub.register import Register
from hub.walcheck import FRAME_BYTES, HEADER_BYTES, inspect
from tests.stores import Deaths, alive, all_facts, asks, log_of, write, written

DEADLINE_S = 20


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    folder = Folder(tmp_path / "hub")
    yield folder
    folder.close()


@pytest.fixture
async def journal(folder: Folder) -> AsyncIterator[Journal]:
    journal = await Journal.open(folder, alive)
    yield journal
    await journal.close()


# --- what is written ------------------------------------------------------------------------------


async def test_facts_come_back_in_order_after_a_restart(folder: Folder) -> None:
    made = list(asks(1, 200))
    await written(folder, made)
    books = Books()
    journal = await Journal.open(folder, alive, books.apply)
    facts = [fact for ask in made for fact in ask]
    assert await all_facts(journal) == facts
    assert books == replay(facts)
    assert journal.durable == len(facts)
    assert await journal.hash_at(journal.durable) == journal.head
    await journal.close()


async def test_all_that_waits_shares_one_commit_and_is_told_in_order(journal: Journal) -> None:
    told: list[int] = []
    everyone = asyncio.Event()
    for place, facts in enumerate(asks(2, 64)):
        journal.append(facts, lambda place=place: told.append(place))  # type: ignore[misc]
    journal.after(1, lambda: told.append(-1))
    journal.append((), everyone.set)
    assert not told, "nobody is told before the commit"
    await everyone.wait()
    assert told == [*range(64), -1]
    assert journal.commits == 1


async def test_facts_that_arrive_during_a_commit_share_the_next_one(journal: Journal) -> None:
    await write(journal, asks(3, 1000), waiting=8)
    assert 1000 / 8 <= journal.commits <= 1000 / 6


async def test_a_commit_has_a_limit_and_never_parts_an_ask(journal: Journal) -> None:
    made = list(asks(4, 2000))
    await write(journal, made, waiting=2000)
    commits = [commit async for commit in journal.read()]
    assert max(len(commit.facts) for commit in commits) <= BATCH_FACTS
    assert journal.commits < 10
    for ask in made:
        (at,) = [commit for commit in commits if ask[0] in commit.facts]
        assert set(ask) <= set(at.facts)


async def test_a_wait_for_what_is_on_disk_is_none(journal: Journal) -> None:
    await write(journal, asks(5, 3))
    told: list[str] = []
    journal.after(journal.durable, lambda: told.append("at once"))
    journal.after(0, lambda: told.append("nothing yet happened"))
    assert told == ["at once", "nothing yet happened"]


async def test_the_facts_of_an_ask_are_found_by_the_number_of_the_first(journal: Journal) -> None:
    made = list(asks(6, 300))
    number = 1
    await write(journal, made, waiting=50)
    for ask in made:
        assert await journal.find(number) == ask
        number += len(ask)


async def test_an_ask_that_is_still_being_written_is_found_after_its_commit(journal: Journal) -> None:
    (first, *_) = asks(7, 2)
    journal.append(first, lambda: None)
    assert await journal.find(1) == first


async def test_single_facts_are_found_by_number(journal: Journal) -> None:
    await write(journal, asks(8, 300), waiting=20)
    facts = await all_facts(journal)
    wanted = {1, 2, 77, journal.durable}
    assert await journal.facts(wanted) == {number: facts[number - 1] for number in wanted}
    assert await journal.facts([]) == {}


async def test_reading_begins_where_it_is_told(journal: Journal) -> None:
    await write(journal, asks(9, 1000), waiting=2)
    commits = [commit async for commit in journal.read()]
    later = commits[len(commits) // 2]
    assert [commit async for commit in journal.read(later.number)] == commits[len(commits) // 2 :]


async def test_the_file_refuses_to_change_or_forget_a_row(folder: Folder) -> None:
    await written(folder, asks(10, 5))
    with closing(sqlite3.connect(folder.journal)) as other:
        for statement in ("UPDATE journal SET count = 2", "DELETE FROM journal"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                other.execute(statement)


async def test_no_two_journals_are_taken_for_each_other(tmp_path: Path) -> None:
    ids = []
    for name in ("a", "b"):
        folder = Folder(tmp_path / name)
        journal = await Journal.open(folder, alive)
        ids.append(journal.id)
        await journal.close()
        folder.close()
    assert ids[0] != ids[1]


def last_without_log(path: Path) -> int:
    """Number of the last fact that the file alone holds."""
    with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as database:
        try:
            return int(database.execute("SELECT max(number + count - 1) FROM journal").fetchone()[0])
        except sqlite3.DatabaseError:  # read in the middle of a write
            return 0


async def test_the_log_is_written_into_the_file_when_nothing_waits(folder: Folder, journal: Journal) -> None:
    await write(journal, asks(11, 200))
    async with asyncio.timeout(DEADLINE_S):
        while last_without_log(folder.journal) < journal.durable:  # noqa: ASYNC110 - a file's content has no event
            await asyncio.sleep(0)
    tidied, length = journal.durable, log_of(folder.journal).stat().st_size
    await write(journal, [next(asks(12, 1))])
    assert last_without_log(folder.journal) == tidied < journal.durable, "what comes after goes into the log again"
    assert log_of(folder.journal).stat().st_size == length, "which is written over from its start: it need not grow"


async def test_a_reader_beside_us_only_delays_the_tidying_up(folder: Folder, journal: Journal) -> None:
    await write(journal, asks(13, 20))
    with closing(sqlite3.connect(folder.journal)) as other:
        reading = other.execute("SELECT body FROM journal")
        reading.fetchone()
        await write(journal, asks(14, 20))
        await journal._checkpoint()
        assert last_without_log(folder.journal) < journal.durable
        reading.close()
    await journal._checkpoint()
    assert last_without_log(folder.journal) == journal.durable


# --- what fails -----------------------------------------------------------------------------------


async def test_a_full_disk_ends_the_hub_and_nobody_is_answered(folder: Folder) -> None:
    died = Deaths()
    journal = await Journal.open(folder, died)
    await write(journal, asks(15, 5))
    ((pages,),) = await journal._writing.execute_fetchall("PRAGMA page_count")
    await journal._writing.execute_fetchall(f"PRAGMA max_page_count={pages}")
    answered: list[int] = []
    for facts in asks(16, 100):
        journal.append(facts, lambda: answered.append(1))
    async with asyncio.timeout(DEADLINE_S):
        await died.happened.wait()
    assert "full" in died.reasons[0]
    assert not answered
    await journal.close()
    assert not answered


@contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    """The kernel refuses to write any file of ours beyond this size, in bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_log_that_cannot_be_written_into_the_file_ends_the_hub(folder: Folder) -> None:
    await written(folder, asks(17, 400), waiting=1)
    died = Deaths()
    journal = await Journal.open(folder, died)
    size = folder.journal.stat().st_size
    with files_no_longer_than(size):
        await write(journal, asks(18, 20), waiting=1)
        assert log_of(folder.journal).stat().st_size < size, "or the log would be refused"
        async with asyncio.timeout(DEADLINE_S):
            await died.happened.wait()
        assert "cannot go on writing" in died.reasons[0]
        await journal.close()
    journal = await Journal.open(folder, alive)
    assert len(await all_facts(journal)) == journal.durable
    await journal.close()


KILLED = """
import asyncio, sys
from pathlib import Path
from hub.folder import Folder, stop_at_once
from hub.journal import Journal
from tests.stores import asks

async def main():
    journal = await Journal.open(Folder(Path(sys.argv[1])), stop_at_once)
    free = asyncio.Semaphore(20)
    number = 0
    for facts in asks(19, 1_000_000):
        await free.acquire()
        number += len(facts)
        journal.append(facts, lambda number=number: (print(number, flush=True), free.release()))

asyncio.run(main())
"""


def test_what_was_answered_survives_kill_9(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True) as hub:
        assert hub.stdout is not None
        answered = [int(hub.stdout.readline()) for _ in range(500)]
        hub.send_signal(signal.SIGKILL)
        answered += [int(line) for line in hub.stdout.read().splitlines()]
    facts = asyncio.run(facts_in(tmp_path))
    assert len(facts) >= answered[-1]
    assert facts == [fact for ask in islice(asks(19, 1_000_000), len(facts)) for fact in ask][: len(facts)]


async def facts_in(path: Path) -> list[Fact]:
    folder = Folder(path)
    journal = await Journal.open(folder, alive)
    facts = await all_facts(journal)
    await journal.close()
    folder.close()
    return facts


# --- what is found at the next start --------------------------------------------------------------


def crash_image(folder: Folder, target: Path) -> Folder:
    """What a hub killed this moment leaves behind: file and log, without the index beside them."""
    target.mkdir()
    for path in (folder.journal, log_of(folder.journal)):
        if path.exists():
            shutil.copy(path, target / path.name)
    return Folder(target)


async def test_a_torn_last_write_is_cut_off_and_everything_before_it_is_there(folder: Folder, tmp_path: Path, journal: Journal) -> None:
    made = list(asks(20, 30))
    await write(journal, made[:-1], waiting=1)
    before, whole = journal.durable, log_of(folder.journal).stat().st_size
    await write(journal, made[-1:])
    for lost, size in enumerate((whole, whole + 40, whole + PAGE_BYTES)):
        image = crash_image(folder, tmp_path / f"torn-{lost}")
        with log_of(image.journal).open("r+b") as log:
            log.truncate(size)
        found = await Journal.open(image, alive)
        assert found.durable == before
        await write(found, made[-1:])
        assert await all_facts(found) == [fact for ask in made for fact in ask]
        await found.close()
        image.close()


def break_row(folder: Folder, statement: str) -> None:
    """Change the file as its triggers would not allow, and put them back."""
    with closing(sqlite3.connect(folder.journal, isolation_level=None)) as other:
        triggers = other.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            other.execute(f"DROP TRIGGER {name}")
        other.execute(statement)
        for _, sql in triggers:
            other.execute(sql)


DAMAGE = [
    ("DELETE FROM journal WHERE number = 16", "fact 16 is missing: the next row begins at 17"),
    ("DELETE FROM journal WHERE number = 0", "fact 0 is missing"),
    ("UPDATE journal SET body = CAST(body || ' ' AS BLOB) WHERE number = 17", "row 17 is damaged"),
    ("UPDATE journal SET count = 2 WHERE number = 17", "row 17 is damaged"),
    ("UPDATE journal SET hash = zeroblob(32) WHERE number = 17", "row 17 is damaged"),
    ("UPDATE journal SET before = zeroblob(32) WHERE number = 17", "row 17 does not belong behind the row before it"),
    ("UPDATE journal SET number = 1000 WHERE number = 17", "fact 17 is missing"),
    ("ALTER TABLE journal ADD COLUMN more TEXT", "not those of a journal"),
    ("CREATE TABLE other (x)", "not those of a journal"),
    ("PRAGMA user_version = 0", "not those of a journal"),
]


@pytest.mark.parametrize("beside_bytes", [0, 10**9], ids=["long", "short"])
@pytest.mark.parametrize(("statement", "sentence"), DAMAGE)
async def test_a_changed_file_stops_the_start_and_names_the_row(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, statement: str, sentence: str, beside_bytes: int
) -> None:
    """A long one is walked along by another process first, which does not know these words."""
    monkeypatch.setattr("hub.beside.BESIDE_BYTES", beside_bytes)
    await written(folder, [(fact,) for ask in asks(21, 30) for fact in ask], waiting=1)
    break_row(folder, statement)
    with pytest.raises(DamageError, match=sentence):
        await Journal.open(folder, alive)


async def test_a_journal_of_a_newer_version_is_refused_as_such(folder: Folder) -> None:
    await written(folder, asks(22, 3))
    break_row(folder, "PRAGMA user_version = 2")
    with pytest.raises(StartError, match="install that version") as refused:
        await Journal.open(folder, alive)
    assert not isinstance(refused.value, DamageError)


async def test_a_file_that_was_emptied_is_not_taken_for_a_new_one(folder: Folder, tmp_path: Path, journal: Journal) -> None:
    await write(journal, asks(23, 3))
    image = crash_image(folder, tmp_path / "image")
    image.journal.write_bytes(b"")
    with pytest.raises(DamageError, match="empty"):
        await Journal.open(image, alive)
    image.close()


async def test_a_full_disk_at_the_start_is_not_called_damage(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(_writing: object) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    monkeypatch.setattr("hub.journal._prepare", full)
    with pytest.raises(StartError, match="the disk is full: make room") as refused:
        await Journal.open(folder, alive)
    assert not isinstance(refused.value, DamageError)


async def test_a_commit_lost_whole_before_the_last_one_is_not_taken_for_a_torn_write(folder: Folder, journal: Journal) -> None:
    """Its frame's head is lost too, so that only the shape of the commit behind it tells: it begins anew, or does not grow the file."""
    await write(journal, asks(26, 30), waiting=1)
    log, size = log_of(folder.journal).read_bytes(), FRAME_BYTES + PAGE_BYTES
    ends = [at + size for at in range(HEADER_BYTES, len(log), size) if int.from_bytes(log[at + 4 : at + 8], "big")]
    for number in range(1, len(ends) - 1):  # the log ends behind commit number + 1, and the first frame of `number` is lost
        cut = bytearray(log[: ends[number + 1]])
        cut[ends[number - 1] : ends[number - 1] + size] = bytes(size)
        with pytest.raises(DamageError, match="later transaction"):
            inspect(bytes(cut), appended=True)
        torn = log[: ends[number - 1]] + bytes(size) + log[ends[number - 1] + size : ends[number]]
        assert inspect(torn, appended=True).transactions == number, "lost at the end, nobody was answered for it"


async def test_a_file_that_can_only_be_read_stops_the_start(folder: Folder) -> None:
    """One bit of the header says that a later SQLite alone may write: the hub would start, and end at the first scan, over and over."""
    await written(folder, asks(25, 3))
    content = bytearray(folder.journal.read_bytes())
    content[18] ^= 0x80
    folder.journal.write_bytes(content)
    with pytest.raises(DamageError, match="readonly"):
        await Journal.open(folder, alive)


async def opened(image: Folder, expected: Journal) -> str:
    """What becomes of a damaged folder: `refused`, `harmless` (same facts), or `shorter` and then refused by the history."""
    try:
        journal = await Journal.open(image, alive)
    except StartError:
        return "refused"
    same = journal.head == expected.head and await all_facts(journal) == await all_facts(expected)
    shorter = not same and await history_refuses(image, journal)
    await journal.close()
    return "harmless" if same else "shorter" if shorter else "believed"


async def history_refuses(image: Folder, journal: Journal) -> bool:
    register = await Register.open(image, alive)
    try:
        await History.open(register, journal)
    except DamageError as error:
        return f"row {journal.durable + 1}" in str(error)
    finally:
        await register.close()
    return False


@pytest.mark.parametrize("damaged", ["file", "log"])
async def test_a_flipped_bit_is_found_or_changes_nothing(folder: Folder, tmp_path: Path, damaged: str) -> None:
    """300 random bits of the file, and of the log of a hub that was killed. The history knows how far the journal was."""
    journal = await Journal.open(folder, alive)
    await write(journal, asks(24, 40), waiting=3)
    register = await Register.open(folder, alive)
    history = await History.open(register, journal)
    await history.close()
    await register.close()
    if damaged == "file":
        await journal._checkpoint()
    image = crash_image(folder, tmp_path / "image")
    shutil.copy(folder.office, image.office)
    if damaged == "file":
        os.truncate(log_of(image.journal), 0)  # it holds the same again until something is written, and would mend the file
    target = image.journal if damaged == "file" else log_of(image.journal)
    whole = {path: path.read_bytes() for path in (image.journal, log_of(image.journal), image.office)}
    luck = random.Random(24)
    fates = []
    for _ in range(300):
        for path, content in whole.items():
            path.write_bytes(content)
        flipped = bytearray(whole[target])
        bit = luck.randrange(len(flipped) * 8)
        flipped[bit // 8] ^= 1 << bit % 8
        target.write_bytes(flipped)
        fates.append((await opened(image, journal), bit))
    assert [bit for fate, bit in fates if fate == "believed"] == []
    assert sum(fate == "refused" for fate, _ in fates) > (150 if damaged == "file" else 299)
    await journal.close()
    image.close()
