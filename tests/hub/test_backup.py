"""A backup is whole or is not there, a restored folder is one a hub starts on, and neither disturbs what it must not touch.

The way of the scans that came after the backup, through real programs: tests/journey/test_restore.py.
"""

import asyncio
import itertools
import os
import random
import re
import shlex
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from hub import backup as room
from hub import bodies, chain
from hub.__main__ import REFUSED, main
from hub.backup import FORMAT, KNOWN, MANIFEST, SETTINGS, backup, replayed, restore, verify
from hub.core import facts as f
from hub.core.books import Books, replay
from hub.core.papers import Note
from hub.core.school import Row, Rows, School
from hub.errors import BackupError, BusyError, DamageError, StartError
from hub.folder import JOURNAL, MASTER_KEY, OFFICE, Folder, restoring
from hub.memory import Memory, memory
from hub.notes import Notes
from tests.schools import number, small_school
from tests.stores import all_facts, asks, log_of, write

ROOT = Path(__file__).resolve().parent.parent.parent
FLIPS = 60
"""Of one file, at random places."""


@pytest.fixture(scope="module")
def rested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small hub that has been stopped: a school, 60 asks, and a note on fact 3."""
    path = tmp_path_factory.mktemp("rested") / "hub"

    async def live() -> None:
        async with memory(path) as stores:
            await set_up(stores)
            await write(stores.journal, asks(1, 60), waiting=5)
            await Notes(stores.register).write(Note(3, "asked at the desk"))
            await stores.history.caught_up(stores.journal.durable)

    asyncio.run(live())
    return path


@pytest.fixture
def hub(rested: Path, tmp_path: Path) -> Path:
    """A copy of it to work on."""
    shutil.copytree(rested, tmp_path / "hub")
    return tmp_path / "hub"


@pytest.fixture
def made(hub: Path, tmp_path: Path) -> Path:
    """A backup of it."""
    (tmp_path / SETTINGS).write_text(f'[hub]\ndata = "{hub}"\n')
    return backup(hub, tmp_path / "kept", tmp_path / SETTINGS).path


async def set_up(stores: Memory) -> None:
    await stores.desk.edit(stores.new_ask(), lambda _school: rows_of(small_school()))


def rows_of(school: School) -> Rows:
    found: list[Row] = [*school.sites.values(), *school.programmes.values(), *school.products.values(), *school.devices.values()]
    found += [*school.readers.values(), *school.households.values(), *school.pupils.values()]
    return (*found, *itertools.chain(*school.badges.values()), *itertools.chain(*school.tariffs.values()))


async def kept_in(path: Path) -> tuple[list[f.Fact], Books, School, bytes]:
    """What a hub that starts on this folder knows; its history is made again."""
    async with memory(path) as stores:
        await stores.history.caught_up(stores.journal.durable)
        assert stores.history.number == stores.journal.durable
        assert await stores.history.scans(1) == [fact for fact in await all_facts(stores.journal) if isinstance(fact, f.ScanTaken)][-1:]
        return await all_facts(stores.journal), stores.desk.books, stores.desk.school, stores.master


def files(path: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in sorted(path.iterdir()) if each.is_file()}


def alone(path: Path) -> bool:
    """Nothing lies beside it that a backup or restore left."""
    return not [each for each in path.parent.iterdir() if each.name.startswith(".")]


# --- there and back -------------------------------------------------------------------------------


async def test_a_hub_starts_on_what_was_restored_and_knows_what_it_knew(hub: Path, tmp_path: Path) -> None:
    made = backup(hub, tmp_path / "kept")
    before = await kept_in(hub)
    found = restore(tmp_path / "kept", tmp_path / "new" / "hub")
    assert await kept_in(tmp_path / "new" / "hub") == before
    assert before[0]
    assert before[2].pupils
    assert made.books == found.books == before[1]
    assert made.manifest == found.manifest == verify(tmp_path / "kept").manifest
    assert made.manifest.number == len(before[0])
    async with memory(tmp_path / "new" / "hub") as stores:
        assert await Notes(stores.register).noted([3]) == {3: Note(3, "asked at the desk")}


def test_only_the_owner_may_read_a_backup_and_a_restored_folder(made: Path, tmp_path: Path) -> None:
    restore(made, tmp_path / "new")
    assert set(files(made)) == {*KNOWN, MANIFEST}
    for path in (made, tmp_path / "new"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert {stat.S_IMODE(each.stat().st_mode) for each in path.iterdir()} == {0o600}


async def test_what_a_killed_hub_left_in_its_logs_is_backed_up_too(tmp_path: Path) -> None:
    async with memory(tmp_path / "hub") as stores:
        await set_up(stores)
        await write(stores.journal, asks(2, 40), waiting=3)
        (tmp_path / "killed").mkdir()
        for path in (stores.folder.journal, stores.folder.office, log_of(stores.folder.journal), log_of(stores.folder.office)):
            shutil.copy(path, tmp_path / "killed" / path.name)
        shutil.copy(stores.folder.master_key, tmp_path / "killed" / MASTER_KEY)
        facts = await all_facts(stores.journal)
    assert log_of(tmp_path / "killed" / JOURNAL).stat().st_size > 1000
    before = files(tmp_path / "killed")
    restore(backup(tmp_path / "killed", tmp_path / "kept").path, tmp_path / "new")
    assert before.items() <= files(tmp_path / "killed").items(), "a log is not written into its file by anyone but the hub"
    assert (await kept_in(tmp_path / "new"))[0] == facts


def test_a_log_that_is_damaged_in_the_middle_is_no_backup(tmp_path: Path) -> None:
    async def live() -> None:
        async with memory(tmp_path / "hub") as stores:
            await write(stores.journal, asks(3, 40), waiting=3)
            shutil.copytree(tmp_path / "hub", tmp_path / "killed")

    asyncio.run(live())
    flip(log_of(tmp_path / "killed" / JOURNAL), 3000)
    with pytest.raises(DamageError, match=r"journal\.db-wal: frame"):
        backup(tmp_path / "killed", tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
    assert alone(tmp_path / "kept")


# --- beside a running hub -------------------------------------------------------------------------


async def test_a_backup_under_load_is_a_prefix_of_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "ROWS_AT_ONCE", 7)
    async with memory(tmp_path / "hub") as stores:
        await set_up(stores)
        await write(stores.journal, asks(4, 300), waiting=1)
        before = stores.journal.durable
        over = asyncio.Event()

        async def taps() -> int:
            for count, scan in enumerate(ask for ask in asks(5, 100_000) if isinstance(ask[0], f.ScanTaken)):
                await write(stores.journal, [scan], waiting=1)
                if over.is_set():
                    return count
            raise AssertionError("the backup never came to an end")

        tapping = asyncio.create_task(taps())
        made = await asyncio.to_thread(backup, tmp_path / "hub", tmp_path / "kept")
        over.set()
        assert await tapping > 10, "the hub had to wait"
        facts = await all_facts(stores.journal)
        last = made.manifest.number
        assert before <= last < len(facts)
        assert (await stores.journal.hash_at(last)).hex() == made.manifest.head
    restore(tmp_path / "kept", tmp_path / "new")
    assert await kept_in(tmp_path / "new") == (facts[:last], replay(facts[:last]), small_school(), stores.master)


async def test_the_register_of_a_backup_knows_everybody_its_journal_speaks_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the two copies a child arrives, is scanned, and somebody writes a note about it."""
    child = replace(small_school().pupils[number("Léa")], id=number("Zoé"), first_name="Zoé")
    async with memory(tmp_path / "hub") as stores:
        await set_up(stores)
        await write(stores.journal, asks(6, 30))
        loop, before = asyncio.get_running_loop(), stores.journal.durable
        await Notes(stores.register).write(Note(before, "of before"))

        async def arrives() -> None:
            await stores.desk.edit(stores.new_ask(), lambda _school: (child,))
            for scan in (ask[0] for ask in asks(7, 20)):
                if isinstance(scan, f.ScanTaken):
                    await write(stores.journal, [(msgspec.structs.replace(scan, pupil=child.id),)])
            await Notes(stores.register).write(Note(before + 1, "of a fact that the backup lacks"))
            await stores.history.caught_up(stores.journal.durable)

        def followed(copy: Callable[..., None]) -> Callable[..., None]:
            def copied(*paths: object) -> None:
                copy(*paths)
                if child.id not in stores.desk.school.pupils:
                    asyncio.run_coroutine_threadsafe(arrives(), loop).result()

            return copied

        monkeypatch.setattr(room, "_copy_journal", followed(room._copy_journal))
        monkeypatch.setattr(room, "_copy_office", followed(room._copy_office))
        made = await asyncio.to_thread(backup, tmp_path / "hub", tmp_path / "kept")
        assert made.manifest.number == before < stores.journal.durable
    restore(tmp_path / "kept", tmp_path / "new")
    assert child.id in (await kept_in(tmp_path / "new"))[2].pupils
    async with memory(tmp_path / "new") as restored:
        noted = await Notes(restored.register).noted([before, before + 1])
        assert noted == {before: Note(before, "of before")}, "the other number will be another fact's"


async def test_a_backup_writes_nothing_into_a_running_hubs_files(tmp_path: Path) -> None:
    async with memory(tmp_path / "hub") as stores:
        await set_up(stores)
        await write(stores.journal, asks(8, 50), waiting=2)
        before = {name: content for name, content in files(tmp_path / "hub").items() if not name.endswith("-shm")}
        backup(tmp_path / "hub", tmp_path / "kept")
        assert {name: content for name, content in files(tmp_path / "hub").items() if not name.endswith("-shm")} == before


# --- damage ---------------------------------------------------------------------------------------


def flip(path: Path, place: int, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(content)


@pytest.mark.parametrize("name", [*KNOWN, MANIFEST])
def test_a_flipped_bit_anywhere_in_a_backup_is_refused_and_nothing_is_touched(made: Path, tmp_path: Path, name: str) -> None:
    luck, content = random.Random(name), (made / name).read_bytes()
    for place in (0, len(content) - 1, *(luck.randrange(len(content)) for _ in range(FLIPS))):
        flip(made / name, place, luck.randrange(8))
        with pytest.raises((BackupError, DamageError), match=f"{name}.*take another backup"):
            restore(made, tmp_path / "new")
        assert not (tmp_path / "new").exists()
        (made / name).write_bytes(content)
    restore(made, tmp_path / "new")


def reseal(path: Path) -> None:
    """What somebody does who changes a backup and knows how it is sealed."""
    (path / MANIFEST).write_bytes(room._sealed_manifest(path, room._last_row(path / JOURNAL)))


def test_a_changed_fact_under_a_new_seal_breaks_the_chain(made: Path, tmp_path: Path) -> None:
    content = (made / JOURNAL).read_bytes()
    flip(made / JOURNAL, content.rindex(b'"scan"') + 1)
    reseal(made)
    with pytest.raises(DamageError, match=r"kept: row \d+ is damaged: .*: take another backup"):
        restore(made, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_backup_with_a_journal_of_another_length_is_refused(made: Path) -> None:
    with closing(sqlite3.connect(made / JOURNAL, isolation_level=None)) as journal:
        journal.execute("DROP TRIGGER no_delete")
        journal.execute("DELETE FROM journal WHERE number = (SELECT max(number) FROM journal)")
    manifest = room._read_manifest(made)
    shorter = msgspec.structs.replace(manifest, files=manifest.files | {JOURNAL: room._seal(made / JOURNAL)})
    line = msgspec.json.encode(shorter)
    (made / MANIFEST).write_bytes(line + b"\n" + room._hash(line).encode() + b"\n")
    with pytest.raises(DamageError, match=r"journal\.db ends with fact \d+, the manifest says \d+"):
        verify(made)


def test_a_backup_that_changes_under_a_restore_is_not_put_in_place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(path: Path) -> room.Backup:
        found = verify(path)
        flip(path / JOURNAL, 5000)
        return found

    monkeypatch.setattr(room, "verify", changed)
    with pytest.raises(BackupError, match=r"journal\.db: changed while it was read: run this again"):
        restore(made, tmp_path / "new")
    with pytest.raises(StartError, match="run preau-hub restore again"):
        Folder(tmp_path / "new")


def test_a_register_that_points_nowhere_is_refused(made: Path) -> None:
    with closing(sqlite3.connect(made / OFFICE, isolation_level=None)) as office:
        office.execute("DELETE FROM household")
    reseal(made)
    with pytest.raises(DamageError, match=r"office\.db: a row of pupil points nowhere"):
        verify(made)


def test_a_damaged_journal_is_not_backed_up_and_its_row_is_named(hub: Path, tmp_path: Path) -> None:
    flip(hub / JOURNAL, (hub / JOURNAL).read_bytes().rindex(b'"scan"') + 1)
    with pytest.raises(DamageError, match=rf"{hub}: row \d+ is damaged: .* no backup was made; keep the last one"):
        backup(hub, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
    assert alone(tmp_path / "kept")


def test_books_that_do_not_balance_are_refused() -> None:
    def rows(facts: f.Facts) -> Iterator[chain.Row]:
        first = chain.first_row(b"an id of 16 byte")
        yield first
        yield bodies.pack(1, facts, first.hash)

    (opening, *_) = next(asks(9, 1))
    assert isinstance(opening, f.BalanceOpened)
    assert replayed(rows((opening,))).number == 1
    with pytest.raises(DamageError, match="row 1 cannot be booked: entries do not sum to zero"):
        replayed(rows((msgspec.structs.replace(opening, entries=opening.entries[:1]),)))


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "target", "said"),
    [
        ("hub", "full", "is there already: nothing is overwritten"),
        ("hub", "empty", "is there already"),
        ("hub", "hub/kept", "lies inside the data folder"),
        ("hub", "link/kept", "lies inside the data folder"),
        ("hub", "nowhere/kept", "no such folder: make it, or mount the disk"),
        ("empty", "kept", r"no data folder of a hub: it has no journal\.db"),
        ("nowhere", "kept", "no data folder of a hub"),
    ],
)
def test_a_backup_that_cannot_be_is_refused_in_a_sentence(hub: Path, tmp_path: Path, folder: str, target: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept").write_text("of yesterday")
    (tmp_path / "link").symlink_to(hub)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BackupError, match=said):
        backup(tmp_path / folder, tmp_path / target)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("left", [JOURNAL, OFFICE, MASTER_KEY, f"{JOURNAL}-wal", f"{OFFICE}-wal", f"{OFFICE}-shm", f"{JOURNAL}-journal"])
def test_nothing_of_a_hub_is_overwritten(made: Path, tmp_path: Path, left: str) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / left).write_bytes(b"precious")
    with pytest.raises(BackupError, match=f"new: has {left} already.*move the folder's content away"):
        restore(made, tmp_path / "new")
    assert {name: content for name, content in files(tmp_path / "new").items() if name != "lock"} == {left: b"precious"}


async def test_nothing_is_restored_under_a_running_hub(made: Path, tmp_path: Path) -> None:
    running = Folder(tmp_path / "new")
    with pytest.raises(BusyError, match="another hub uses this data folder: stop it"):
        restore(made, tmp_path / "new")
    running.close()
    restore(made, tmp_path / "new")


def test_what_is_no_backup_or_a_newer_one_is_refused(made: Path, hub: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=f"no backup: it has no {MANIFEST}"):
        restore(hub, tmp_path / "new")
    later = msgspec.json.encode(msgspec.structs.replace(room._read_manifest(made), format=FORMAT + 1))
    unread = later.replace(b'"format"', b'"shape"')
    for line, said in ((later, "newer version"), (unread, "install the version that made the backup")):
        (made / MANIFEST).write_bytes(line + b"\n" + room._hash(line).encode() + b"\n")
        with pytest.raises(BackupError, match=said):
            restore(made, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_folder_of_somebody_else_is_refused(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "new").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(BackupError, match=r"belongs to user .* run this as that user"):
        restore(made, tmp_path / "new")
    assert not files(tmp_path / "new")


# --- killed, and out of space ---------------------------------------------------------------------

STEPS = {"open", "os.mkdir", "os.rename", "os.remove", "os.chmod", "sqlite3.connect", "fcntl.flock"}
"""What Python tells its audit hooks: the moments between them are all alike for the names on the disk."""


def killed_at(step: int, act: Callable[[], object]) -> bool:
    """Do it in a child that is killed with -9 before its given step; False when it was over by then."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    try:
        steps = itertools.count(1)
        sys.addaudithook(lambda event, _: os.kill(os.getpid(), signal.SIGKILL) if event in STEPS and next(steps) == step else None)
        act()
        os._exit(0)
    finally:
        os._exit(1)


def test_a_backup_killed_at_any_step_leaves_nothing_half_made_under_its_name(hub: Path, tmp_path: Path) -> None:
    target, whole = tmp_path / "kept", 0
    for step in itertools.count(1):
        if not killed_at(step, lambda: backup(hub, target)):
            break
        if target.exists():
            whole += 1
            verify(target)
            shutil.rmtree(target)
    assert step > 30
    assert whole in {1, 2}, "only the name in its folder was still to be made durable"
    verify(target)
    assert len([each for each in tmp_path.iterdir() if each.name.endswith(".partial")]) > 20, "nobody was killed in the middle"


def test_a_restore_killed_at_any_step_leaves_a_folder_no_hub_starts_on_and_that_can_be_restored_again(made: Path, tmp_path: Path) -> None:
    found, refused = tmp_path / "new", 0
    for step in itertools.count(1):
        if not killed_at(step, lambda: restore(made, found)):
            break
        if restoring(found).exists():
            refused += 1
            with pytest.raises(StartError, match="run preau-hub restore again"):
                Folder(found)
            with pytest.raises(BackupError, match=r"no data folder|being restored here"):
                backup(found, tmp_path / "of-a-part")
            restore(made, found)
        if (found / JOURNAL).exists():
            assert {name: content for name, content in files(found).items() if name in KNOWN} == {
                name: content for name, content in files(made).items() if name in (JOURNAL, OFFICE, MASTER_KEY)
            }
            shutil.rmtree(found)
        else:
            assert not set(files(found) if found.exists() else ()) & set(KNOWN)
    assert step > 30
    assert refused > 10


@pytest.mark.parametrize("work", ["backup", "restore"])
def test_on_a_full_disk_a_sentence_is_said_and_nothing_usable_is_left(hub: Path, made: Path, tmp_path: Path, work: str) -> None:
    """A file system of its own, which is gone with the process that made it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    words = f"backup {hub} {disk}/kept" if work == "backup" else f"restore {made} {disk}/new"
    script = f"mount -t tmpfs -o size=60k tmpfs {disk} || exit 77\n{sys.executable} -m hub {words}; echo $?; find {disk} -type f"
    done = subprocess.run(["unshare", "--map-root-user", "--mount", "sh", "-c", script], capture_output=True, text=True, check=False)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"NOT TESTED, a full disk: this machine gives no mount namespace ({done.stderr.strip()}); run as root")
    status, *left = done.stdout.split()
    assert (int(status), "Traceback" in done.stderr) == (REFUSED, False), done.stderr
    assert "full" in done.stderr or "No space left" in done.stderr
    assert left == [] if work == "backup" else f"{disk}/new/restoring" in left, "no hub starts on a part"


# --- the commands ---------------------------------------------------------------------------------


def test_the_commands_say_what_they_proved(hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / SETTINGS
    config.write_text(f'[hub]\ndata = "{tmp_path / "new"}"\n')
    assert main(["backup", str(hub), str(tmp_path / "kept"), "--config", str(config)]) == 0
    said = capsys.readouterr().out
    manifest = room._read_manifest(tmp_path / "kept")
    proved = (
        f"journal: {manifest.number} facts, every row fits the one before, head {manifest.head[:16]}\nbooks: 14 accounts sum to 0 cents"
    )
    assert proved in said
    assert "read back and verified" in said
    assert (tmp_path / "kept" / SETTINGS).read_text() == config.read_text()
    config.unlink()
    assert main(["restore", str(tmp_path / "kept"), str(tmp_path / "new"), "--config", str(config)]) == 0
    said = capsys.readouterr().out
    assert proved in said
    assert f"copy {tmp_path / 'kept' / SETTINGS} there" in said
    assert main(["backup", str(hub), str(tmp_path / "kept")]) == REFUSED
    assert "preau-hub: " in capsys.readouterr().err


def test_the_nightly_unit_makes_a_backup_and_lets_go_of_those_that_no_device_could_complete(hub: Path, tmp_path: Path) -> None:
    unit = (ROOT / "systemd" / "preau-backup.service").read_text()
    kept = tmp_path / "backups"
    for age_days, name in ((32, "of-last-month"), (32, ".of-last-month.cut.partial"), (29, "of-this-month")):
        (kept / name).mkdir(parents=True)
        os.utime(kept / name, (time.time() - age_days * 86_400,) * 2)
    for key in ("ExecStart", "ExecStartPost"):
        (line,) = re.findall(rf"^{key}=(.*)$", unit, re.MULTILINE)
        for written, meant in (("/opt/preau/bin/", f"{Path(sys.executable).parent}/"), ("$$", "$"), ("%%", "%")):
            line = line.replace(written, meant)
        line = line.replace("/var/lib/preau-hub", str(hub)).replace("/var/lib/preau-backup", str(kept))
        subprocess.run(shlex.split(line), check=True)
    of_tonight, of_this_month = sorted(kept.iterdir())
    assert of_this_month.name == "of-this-month"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d-\d{4}", of_tonight.name)
    verify(of_tonight)
