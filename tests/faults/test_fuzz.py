"""The short form of `fuzz`: every case that ever failed, some inputs by chance and by hypothesis; and that a failure would be seen."""

import queue
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.faults import fuzz
from tests.faults.fuzz import Tally, Trial
from tests.faults.result import Order, complaints

SOME = 2_000


def test_no_rubbish_ends_or_holds_up_a_program(tmp_path: Path) -> None:
    result = fuzz.inject(Order(1, tmp_path, print, count=SOME))
    assert complaints(result) == []
    assert result.injected["messages to the hub"] > SOME
    assert set(result.injected) == set(fuzz.NAMES.values())


class Fragile:
    """Takes anything but a bang, and a pause only slowly."""

    def __init__(self, told: "queue.SimpleQueue[Any]") -> None:
        self._told = told

    def make(self, luck: Random) -> bytes:
        return luck.choice((b".", b"!"))

    def take(self, given: bytes) -> str:
        if b"!" in given:
            raise ValueError("a bang")
        until_ns = time.thread_time_ns() + 60_000_000 * given.count(b"_")
        while time.thread_time_ns() < until_ns:
            pass
        return "taken"

    def check(self) -> None:
        raise AssertionError("the books are wrong")


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trial:
    monkeypatch.setitem(fuzz.TARGETS, "files", Fragile)
    return Trial("files", tmp_path, queue.SimpleQueue())


def test_an_input_that_raises_is_told_and_kept_as_a_case(trial: Trial, tmp_path: Path) -> None:
    tally = Tally("files")
    assert fuzz.attempt(tally, trial, b".", "here")
    assert tally.wrong == []
    assert not fuzz.attempt(tally, trial, b"!", "here")
    assert "a bang" in tally.wrong[0]
    (kept,) = (tmp_path / "files").iterdir()
    assert bytes.fromhex(kept.read_text()) == b"!"
    again = next(one for one in fuzz.kept(tmp_path) if one.target == "files")
    assert "a bang" in again.wrong[0], "a kept case is tried first, at every run"


def test_an_input_that_takes_too_long_is_told(trial: Trial) -> None:
    tally = Tally("files")
    assert not fuzz.attempt(tally, trial, b"_", "here")
    assert "took" in tally.wrong[0]


def test_books_that_are_wrong_after_a_batch_are_told_with_the_batch(trial: Trial, tmp_path: Path) -> None:
    (tally,) = fuzz.batch("files", 7, 5, tmp_path)
    assert any("the books are wrong" in sentence and "--case files/7" in sentence for sentence in tally.wrong)
