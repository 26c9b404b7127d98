"""The short form of `full`: some sizes of a disk, and that a broken promise or a day that is not finished would be seen."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from hub.folder import EXIT_DISK
from tests.faults import full
from tests.faults.result import Order, complaints
from tests.faults.shimmed import Ended


def test_on_a_full_disk_nothing_is_promised_and_the_reserve_lets_the_day_finish(tmp_path: Path) -> None:
    result = full.inject(Order(1, tmp_path, print, count=1))
    if result.skipped:
        pytest.skip(result.skipped)
    assert complaints(result) == []


FULL = Ended(EXIT_DISK, ["scan 1"], "stopping: database or disk is full", 0)
ALARMED = Ended(0, ["had alarm disk_full", "had scan 1", "scan 1", "scan 2", "has scan 1", "has scan 2", "has sum 0", "end"], "", 0)


def test_a_day_that_the_reserve_finished_is_nothing_to_complain_of() -> None:
    assert full.complaints_of(FULL, ALARMED) == []


@pytest.mark.parametrize(
    ("first", "again", "said"),
    [
        (replace(FULL, said="stopping: no reason"), ALARMED, "does not say that the disk is full"),
        (replace(FULL, status=1), ALARMED, "it ended with 1"),
        (FULL, replace(ALARMED, told=ALARMED.told[1:]), "without an alarm"),
        (FULL, replace(ALARMED, told=[line for line in ALARMED.told if line != "had scan 1"]), "is lost"),
        (FULL, replace(ALARMED, told=[*ALARMED.told, "has scan 2"]), "the stores hold"),
        (FULL, replace(ALARMED, told=ALARMED.told[:-1]), "the reserve does not finish the day"),
        (FULL, replace(ALARMED, status=EXIT_DISK), "the reserve does not finish the day"),
    ],
)
def test_each_lie_on_a_full_disk_is_seen(first: Ended, again: Ended, said: str) -> None:
    assert any(said in sentence for sentence in full.complaints_of(first, again))


def test_the_pages_left_are_all_of_them_or_further_and_further_apart() -> None:
    assert list(islice(full.steps(0), 5)) == [0, 1, 2, 3, 4]
    assert list(islice(full.steps(1), 6)) == [0, 1, 2, 4, 8, 16]
