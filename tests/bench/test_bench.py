"""A run of the stopwatch that is far too short to tell anything: all of its parts work on the real processes and servers."""

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from tests.bench import postgres
from tests.bench.__main__ import PARTS, main
from tests.bench.report import Report

TINY = "--rounds 1 --taps 24 --scans 130 --facts 800 --grown 10000 --days 2 --ms 20 --crowd 6"
KEYS = {
    "taps": {"T1": 1, "T2": 1, "T3": 1, "": 10},
    "transfers": {"T4": 4, "T5": 1, "": 16},
    "crowds": {"T6": 1, "": 1},
    "disks": {"T7": 3, "T8": 2, "T9": 1, "": 1},
    "starts": {"T10": 2, "": 3},
    "kills": {"T12": 1},
    "scale": {"T11": 2, "R1": 1, "R2": 1, "R3": 15, "R4": 1, "R5": 1, "R6": 1, "": 2},
    "office": {"G1": 2, "G2": 1, "G3": 1, "G4": 1, "G5": 1, "": 1},
}
"""Part -> how many rows of each target it makes."""


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


@pytest.mark.broker
def test_a_tiny_run_measures_every_row_and_leaves_its_files(open_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    against_postgres = Counter({"T6": 1, "T4": 4, "T5": 1, "": 13})
    missing = postgres.binaries() is None
    found = run(open_folder, *PARTS)
    assert Counter(row.key for row in found.rows) == expected(*PARTS) - (against_postgres if missing else Counter())
    assert all(row.value >= 0 for row in found.rows)
    printed = capsys.readouterr()
    assert "T1" in printed.out
    assert (postgres.MISSING in printed.err) == missing
    if missing:
        pytest.skip(f"all other rows are there, but {postgres.MISSING}")
