"""A run of the stopwatch that is far too short to tell anything: all of its parts work on the real processes."""

from pathlib import Path

import msgspec
import pytest

from tests.bench.__main__ import main
from tests.bench.report import Report


@pytest.mark.broker
def test_a_tiny_run_measures_every_row_and_leaves_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept, picture = tmp_path / "result.json", tmp_path / "result.svg"
    short = ["--rounds", "1", "--taps", "12", "--scans", "130", "--facts", "800"]
    assert main([*short, "--folder", str(tmp_path), "--json", str(kept), "--svg", str(picture)]) == 0
    found = msgspec.json.decode(kept.read_bytes(), type=Report)
    assert {row.key for row in found.rows} == {"T1", "T2", "T3", "T7", "T8", "T9", "T10", ""}
    assert all(row.value >= 0 for row in found.rows)
    assert str(tmp_path) not in kept.read_text()
    assert "T1" in capsys.readouterr().out
    assert picture.read_text().startswith("<svg")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("preau-bench-")] == []
