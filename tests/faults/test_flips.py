"""Some flips of `make faults`, and each guard of the journal taken away once: then flips are believed, and that is seen."""

import asyncio
from pathlib import Path

import pytest

from hub import bodies, walcheck
from hub.chain import Row
from hub.core.facts import Facts
from hub.walcheck import HEADER_BYTES
from tests.faults.flips import Fate, Flip, Scene, examine, inject, scenes
from tests.faults.result import Order, complaints

FEW = 800
LOG = "journal.db-wal"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scene, ...]:
    return asyncio.run(scenes(tmp_path_factory.mktemp("journal")))


def order(folder: Path, count: int = 0, case: str = "") -> Order:
    return Order(1, folder, lambda _line: None, count, case)


def test_a_sample_of_all_bits_is_found_or_changes_nothing(tmp_path: Path) -> None:
    result = inject(order(tmp_path, FEW))
    assert complaints(result) == []
    assert sum(result.injected.values()) == FEW
    assert len(result.injected) == 4, "every file of every folder"
    assert {fate for fate in Fate if any(str(fate) in sentence for sentence in result.proved)} == set(Fate) - {Fate.BELIEVED}


def test_one_flip_is_played_again_by_its_name(tmp_path: Path) -> None:
    result = inject(order(tmp_path, case=f"cut/{LOG}/4000"))
    assert result.injected == {f"bits of {LOG} (cut)": 1}


def test_the_folders_are_what_they_are_called(found: tuple[Scene, ...]) -> None:
    closed, cut, torn = found
    assert list(closed.files) == ["journal.db"]
    assert walcheck.inspect(cut.files[LOG]).transactions == 4
    report = walcheck.inspect(torn.files[LOG])
    assert (report.transactions, report.left_over) == (4, len(torn.files[LOG]) - torn.torn_from)
    assert len(closed.facts) > len(cut.facts) == len(torn.facts)


def believed(found: tuple[Scene, ...], flips: list[Flip], folder: Path) -> int:
    return examine(found, flips, folder).fates[Fate.BELIEVED]


def test_without_the_hashes_a_changed_fact_is_believed(found: tuple[Scene, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flips = [Flip("closed", "journal.db", bit) for bit in range(0, len(found[0].files["journal.db"]) * 8, 397)]
    assert believed(found, flips, tmp_path) == 0

    def trusting(row: Row, before: Row | None) -> Facts:
        return bodies.unpack(row) if before else ()

    monkeypatch.setattr("hub.journal.verified", trusting)
    assert believed(found, flips, tmp_path) > 4


def test_without_the_look_at_the_log_a_shorter_journal_is_believed(
    found: tuple[Scene, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flips = [Flip("cut", LOG, bit) for bit in range(HEADER_BYTES * 8, found[1].torn_from * 8, 2_003)]
    assert believed(found, flips, tmp_path) == 0
    monkeypatch.setattr(walcheck, "inspect", lambda _wal, *, appended: walcheck.WalReport())
    assert believed(found, flips, tmp_path) == len(flips)


def test_without_the_search_for_a_single_bit_the_last_commit_is_taken_for_torn(
    found: tuple[Scene, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = range((found[1].torn_from - 2048) * 8, found[1].torn_from * 8, 997)
    flips = [Flip("cut", LOG, bit) for bit in page]
    assert believed(found, flips, tmp_path) == 0
    monkeypatch.setattr(walcheck, "_one_bit_off", lambda *_sums: False)
    assert believed(found, flips, tmp_path) == len(flips)
