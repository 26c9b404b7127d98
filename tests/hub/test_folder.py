"""The data folder: one hub at a time, nobody else's eyes, and some room kept back for a full disk."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from hub import folder as room
from hub.errors import BusyError, StartError
from hub.folder import EXIT_DISK, RESERVE_BYTES, Folder


class Usage(NamedTuple):
    """What `shutil.disk_usage` returns."""

    total: int
    used: int
    free: int


HOLD = """
import sys
from pathlib import Path
from hub.folder import Folder
folder = Folder(Path(sys.argv[1]))
print("held", flush=True)
input()
"""


def test_a_second_hub_refuses_the_folder_until_the_first_is_gone(tmp_path: Path) -> None:
    first = Folder(tmp_path / "hub")
    with pytest.raises(BusyError, match="another hub uses this data folder"):
        Folder(tmp_path / "hub")
    first.close()
    Folder(tmp_path / "hub").close()


def test_a_killed_hub_leaves_no_lock_behind(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "hub")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(BusyError):
            Folder(tmp_path / "hub")
        other.kill()
    Folder(tmp_path / "hub").close()


def test_only_the_owner_may_look(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "hub"
    path.mkdir(parents=True, mode=0o755)
    folder = Folder(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    folder.close()


def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match=f"{tmp_path}/file: cannot be used"):
        Folder(tmp_path / "file")


def disk(monkeypatch: pytest.MonkeyPatch, free: int, total: int = 100 << 30) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(total, total - free, free))


def test_room_is_really_kept_back(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "hub")
    status = (folder.path / "reserve").stat()
    assert status.st_size == RESERVE_BYTES
    assert status.st_blocks * 512 >= RESERVE_BYTES
    folder.close()


def test_a_disk_that_fills_up_raises_an_alarm_long_before_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(tmp_path / "hub")
    disk(monkeypatch, free=50 << 30)
    assert folder.alarms() == []
    disk(monkeypatch, free=9 << 30)
    assert folder.alarms() == ["disk_low"]
    disk(monkeypatch, free=200 << 20, total=1 << 30)
    assert folder.alarms() == ["disk_low"]
    folder.close()


def test_on_a_full_disk_the_reserve_is_given_up_with_an_alarm_and_taken_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Folder(tmp_path / "hub").close()
    disk(monkeypatch, free=1 << 20)
    for _ in range(2):
        folder = Folder(tmp_path / "hub")
        assert not (folder.path / "reserve").exists()
        assert folder.alarms() == ["disk_low", "disk_full"]
        folder.close()
    disk(monkeypatch, free=50 << 30)
    folder = Folder(tmp_path / "hub")
    assert (folder.path / "reserve").stat().st_size == RESERVE_BYTES
    assert folder.alarms() == []
    folder.close()


def test_a_log_however_short_is_written_again_before_it_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as db:
        for statement in ("PRAGMA page_size=2048", "PRAGMA journal_mode=WAL", "PRAGMA user_version=1"):
            db.execute(statement)
        size = (tmp_path / "db-wal").stat().st_size
        synced: list[int] = []
        monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.lseek(file, 0, os.SEEK_CUR)))
        assert room.settle_log(tmp_path / "db") == size < 4096
    assert synced[-1] == size


def test_a_failed_write_ends_the_process_with_one_line(tmp_path: Path) -> None:
    end = "import logging, hub.folder as f; logging.basicConfig(format='%(message)s'); f.stop_at_once('no more'); print('still here')"
    done = subprocess.run([sys.executable, "-c", end], capture_output=True, text=True, check=False, cwd=Path(room.__file__).parent.parent)
    assert (done.returncode, done.stdout, done.stderr) == (EXIT_DISK, "", "stopping: no more\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StartError, match="cannot be used as data folder"):
        Folder(tmp_path / "hub")
    tmp_path.chmod(0o700)
