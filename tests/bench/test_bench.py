"""A run of the stopwatch that is far too short to tell anything: all of its parts work on the real processes and servers."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.bench import postgres
from tests.bench.__main__ import PARTS, main
from tests.bench.report import Report

TINY = "--rounds 1 --taps 24 --scans 130 --facts 800 --grown 1600 --ms 20 --crowd 6"
KEYS = {
    "taps": {"T1": 1, "T2": 1, "T3": 1, "": 7},
    "transfers": {"T4": 3, "T5": 1, "": 10},
    "crowds": {"T6": 1},
    "disks": {"T7": 3, "T8": 2, "T9": 1, "": 1},
    "starts": {"T10": 2, "": 3},
    "kills": {"T12": 1},
    "growth": {"T11": 2, "": 2},
}
"""Part -> how many rows of each target it makes."""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user can reach; those of pytest are closed to others."""
    with tempfile.TemporaryDirectory(prefix="preau-test-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def run(folder: Path, *parts: str) -> Report:
    """A tiny run of these parts; nothing of it is left in the folder."""
    kept, picture = folder / "result.json", folder / "result.svg"
    assert main([*TINY.split(), "--folder", str(folder), "--json", str(kept), "--svg", str(picture), "--parts", *parts]) == 0
    assert picture.read_text().startswith("<svg")
    assert {path.name for path in folder.iterdir()} == {kept.name, picture.name}
    assert str(folder) not in kept.read_text()
    return msgspec.json.decode(kept.read_bytes(), type=Report)


def expected(*parts: str) -> Counter[str]:
    """How many rows of each target these parts make."""
    return sum((Counter(KEYS[part]) for part in parts), Counter())


def needs_postgres() -> None:
    if postgres.binaries() is None:
        pytest.skip(postgres.MISSING)


@pytest.mark.broker
def test_a_tiny_run_measures_every_row_and_leaves_its_files(open_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needs_postgres()
    found = run(open_folder, *PARTS)
    assert Counter(row.key for row in found.rows) == expected(*PARTS)
    assert all(row.value >= 0 for row in found.rows)
    assert "T1" in capsys.readouterr().out
