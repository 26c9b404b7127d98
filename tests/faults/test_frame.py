"""The frame of `make faults`: a part that did nothing, proved nothing or broke is never taken for one that holds."""

from pathlib import Path

import pytest

from tests.faults.__main__ import PARTS, main, table, tried
from tests.faults.result import Order, Result, complaints

GOOD = Result("kills", {"kills": 1_000}, ["3,000 lights"])
BAD = Result("flips", {"flips": 9}, ["8 found"], ["a flip at byte 3 was believed"])


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (GOOD, []),
        (Result("power", {}, skipped="needs root"), []),
        (BAD, ["a flip at byte 3 was believed"]),
        (Result("fuzz", {"payloads": 5, "keys": 0}, ["no crash"]), ["no keys was injected"]),
        (Result("fuzz", {}, ["no crash"]), ["it proved nothing"]),
        (Result("fuzz", {"payloads": 5}), ["it proved nothing"]),
    ],
)
def test_a_result_is_complained_of_when_it_is_wrong_or_idle(result: Result, said: list[str]) -> None:
    assert complaints(result) == said


def test_the_table_shows_what_was_done_and_how_to_see_a_failure_again() -> None:
    text = table([(GOOD, 12.0), (BAD, 1.5), (Result("power", {}, skipped="needs root"), 0.1)], "--seed 7 --count 9")
    assert "kills     holds        12.0 s   1,000 kills\n          proved    3,000 lights\n" in text
    assert "flips     VIOLATED" in text
    assert "          again     .venv/bin/python -m tests.faults flips --seed 7 --count 9\n" in text
    assert "power     SKIPPED" in text
    assert text.count("again") == 1


def test_a_part_that_breaks_is_a_violation_and_keeps_no_other_from_running(tmp_path: Path) -> None:
    def broken(order: Order) -> Result:
        raise OSError(f"no disk for seed {order.seed}")

    result = tried("power", Order(7, tmp_path, print), lambda _name: broken)
    assert "it could not be run to its end: OSError('no disk for seed 7')" in complaints(result)


def test_a_part_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["everything"])
    said = capsys.readouterr().err
    assert [part for part in PARTS if part not in said] == []
