"""The arithmetic of the stopwatch: what a figure is, and what the table says of it. No figure is asserted anywhere."""

import msgspec
import pytest

from tests.bench import report
from tests.bench.report import Report, Row


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([7.0], 0.5, 7.0),
        ([7.0], 0.99, 7.0),
        ([4.0, 1.0, 3.0, 2.0], 0.5, 2.0),
        ([4.0, 1.0, 3.0, 2.0], 0.75, 3.0),
        ([float(n) for n in range(1, 101)], 0.99, 99.0),
        ([float(n) for n in range(1, 101)], 1.0, 100.0),
        ([float(n) for n in range(1, 1001)], 0.999, 999.0),
    ],
)
def test_a_percentile_is_a_value_that_was_measured(values: list[float], share: float, expected: float) -> None:
    assert report.percentile(values, share) == expected


def test_nothing_measured_is_no_figure() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        report.percentile([], 0.5)


def test_a_ratio_is_taken_within_each_round_before_the_median() -> None:
    slow_round, quick_round, middle_round = ([20.0], [10.0]), ([1.0], [1.0]), ([3.0], [2.0])
    assert report.ratio([slow_round, quick_round, middle_round], 0.5) == 1.5


def test_the_table_says_what_holds_what_is_missed_and_what_is_only_told() -> None:
    rows = (Row("T1", "tap to light", 1.2, 1.3, "2 ms"), Row("T8", "bytes", 12_345.0, 12_000), Row("", "p99.9", 4.0, None))
    found = Report("2026-01-01", "a machine", (0.1, 0.2), 5, "embedded", rows)
    lines = report.as_text(found).splitlines()
    assert [line.split()[-2:] for line in lines[-3:-1]] == [["2", "ms"], ["12000", "MISSED"]]
    assert "holds" in lines[-3]
    assert not {"holds", "MISSED"} & set(lines[-1].split())
    assert msgspec.json.decode(report.as_json(found), type=Report) == found


@pytest.mark.parametrize(("value", "holds", "used"), [(12.0, True, 10 / 12), (10.0, True, 1.0), (5.0, False, 2.0)])
def test_some_targets_are_to_be_reached_at_least(value: float, holds: bool, used: float) -> None:
    row = Row("T4", "debits", value, 10.0, least=True)
    assert (row.holds, row.used, row.limit) == (holds, used, ">=10")


def test_the_picture_has_a_bar_for_each_target_and_escapes_its_words() -> None:
    rows = (Row("T1", "tap <to> light", 2.6, 1.3), Row("T2", "p99", 0.75, 1.5), Row("", "told", 1.0, None))
    svg = report.as_svg(Report("2026-01-01", "a & b", (0.0, 0.0), 5, "embedded", rows))
    assert svg.count("<rect") == 1 + 2
    assert 'width="400.0"' in svg
    assert 'width="100.0"' in svg
    assert "tap &lt;to&gt; light" in svg
