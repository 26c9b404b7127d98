"""Charts as numbers: a scale with round ends, columns that stand on each other, whatever is not nothing can be seen."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.web.charts import BELOW, SMALL, TOP, bars, columns, round_up


@pytest.mark.parametrize(("most", "end"), [(0, 1), (1, 1), (3, 5), (6, 10), (11, 20), (42, 50), (501, 1000)])
def test_a_scale_ends_with_a_round_number(most: int, end: int) -> None:
    assert round_up(most) == end


@given(st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 5_000), st.integers(0, 5_000)), min_size=1, max_size=60))
def test_columns_stay_in_their_box_and_their_parts_on_each_other(stacks: list[tuple[int, int, int]]) -> None:
    chart = columns([f"{n:02d}/09" for n in range(len(stacks))], stacks)
    floor = chart.height - BELOW
    for column, stack in zip(chart.columns, stacks, strict=True):
        assert column.x >= 0
        assert column.x + column.width <= chart.width
        assert len(column.parts) == sum(count > 0 for count in stack)
        assert all(TOP - len(stack) <= part.y and part.y + part.height <= floor for part in column.parts)
        assert all(above.y <= below.y for below, above in pairwise(column.parts))
    assert all(column.x + 7 * len(column.label) <= chart.width for column in chart.columns), "nor is one cut off at the end"
    labelled = [column.x for column in chart.columns if column.label]
    assert all(after - before >= 35 for before, after in pairwise(labelled)), "labels do not touch"


def test_a_peak_lies_over_its_column_and_a_bar_is_as_long_as_its_figure() -> None:
    (column,) = columns(["16:00"], [(5,)], marks=(10,)).columns
    assert column.mark_y == TOP
    assert column.parts[0].y == (SMALL[1] - BELOW + TOP) // 2
    found = bars(["Garderie", "Étude", "Repas"], [200, 50, -3]).bars
    assert [(bar.text, bar.width) for bar in found] == [("200", SMALL[0]), ("50", SMALL[0] // 4), ("-3", 0)]
