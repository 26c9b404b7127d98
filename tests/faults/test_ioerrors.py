"""The short form of `ioerrors`: some calls of each day, and that every kind of lie would be seen."""

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from hub.folder import EXIT_DISK
from tests.faults import edgeday, ioerrors
from tests.faults.edgeday import Day
from tests.faults.ioerrors import broken, spread
from tests.faults.result import Order, complaints
from tests.faults.shimmed import Ended
from tests.faults.writers import LostError


def test_whatever_call_fails_what_was_promised_is_there_and_the_next_start_serves(tmp_path: Path) -> None:
    result = ioerrors.inject(Order(1, tmp_path, print, count=8))
    if result.skipped:
        pytest.skip(result.skipped)
    assert complaints(result) == []
    for sentence in result.proved:
        if sentence.startswith("NOT"):
            pytest.skip(sentence)


FAILED = Ended(EXIT_DISK, ["edit 1", "scan 1"], "stopping: no more", 7)
SERVED = Ended(
    0, ["had edit 1", "had scan 1", "edit 1", "scan 1", "scan 2", "has edit 1", "has scan 1", "has scan 2", "has sum 0", "end"], "", 90
)


def without(day: Ended, line: str) -> Ended:
    return replace(day, told=[told for told in day.told if told != line])


def test_a_day_that_failed_and_was_finished_is_nothing_to_complain_of() -> None:
    assert list(broken(FAILED, SERVED)) == []


@pytest.mark.parametrize(
    ("first", "again", "said"),
    [
        (FAILED, without(SERVED, "had scan 1"), "scan 1 was promised and is lost"),
        (FAILED, without(SERVED, "has scan 2"), "the stores hold"),
        (FAILED, replace(SERVED, told=[*SERVED.told, "has scan 2"]), "the stores hold"),
        (FAILED, replace(SERVED, told=[*SERVED.told, "has sum 5"]), "the stores hold"),
        (FAILED, without(SERVED, "end"), "the next start does not serve"),
        (FAILED, replace(SERVED, status=2), "the next start does not serve"),
        (replace(FAILED, status=-signal.SIGSEGV), SERVED, "it ended with -11"),
        (replace(FAILED, said="Traceback …"), SERVED, "it ended with 70"),
        (replace(FAILED, said=""), SERVED, "without a word"),
        (replace(FAILED, status=0), SERVED, "as if nothing had happened"),
    ],
)
def test_each_lie_of_a_hub_is_seen(first: Ended, again: Ended, said: str) -> None:
    assert any(said in sentence for sentence in broken(first, again))


def test_a_light_that_the_card_does_not_know_is_seen() -> None:
    day = Day(replace(FAILED, status=-signal.SIGKILL), {("a", 1): "accepted", ("a", 2): "adult"})
    assert list(edgeday.unkept(day, {("a", 1): "accepted"})) == []
    assert len(list(edgeday.unkept(day, {}))) == 1
    assert len(list(edgeday.unkept(day, {("a", 1): "adult"}))) == 1
    assert len(list(edgeday.unkept(replace(day, ended=replace(FAILED, status=1)), {("a", 1): "accepted"}))) == 1


@pytest.mark.parametrize(
    ("missing", "gave_up", "wrong"),
    [(3, True, 0), (3, False, 1), (500, True, 1), (0, True, 1)],
    ids=["last", "still there", "many", "damaged"],
)
def test_only_a_file_system_that_gave_up_may_take_its_last_records_along(missing: int, gave_up: bool, wrong: int) -> None:
    tally = ioerrors.Tally()
    ioerrors._judge(tally, "disk 1", "", LostError("lost", missing), gave_up=gave_up)
    assert len(tally.wrong) == wrong
    assert tally.taken_along == (0 if wrong else missing)


def test_a_short_run_is_spread_over_the_whole_day() -> None:
    assert list(spread(5, 0)) == [1, 2, 3, 4, 5]
    assert list(spread(200, 4)) == [1, 51, 101, 151]
    assert list(spread(3, 9)) == [1, 2, 3]
