"""A tariff as cells of text: what was typed comes back, and each cell that is wrong is named."""

from datetime import date

import pytest
from hypothesis import given

from hub.core.calendar import DayKind
from hub.core.complaints import Complaint, Wrong
from hub.core.drafting import Draft, Fault, Faults, LineCells, cell_of, cells_of, read, reshaped, split
from hub.core.formulas import Band, Bands, ByBracket, ByEffort, Fixed, Kin, Late, Line, Periods, Session, Siblings
from tests.hub.core.test_tariffs import tariff_lines

JANUARY = date(2027, 1, 1)


def typed(*lines: LineCells, start: str = "01/01/2027") -> dict[str, str]:
    """The fields of a form with these lines."""
    fields = {"from": start, "group": "", "lines": str(len(lines))}
    for n, line in enumerate(lines):
        fields |= {f"l{n}_{name}": text for name, text in line.cells.items()} | {f"l{n}_bands": str(len(line.bands))}
        fields |= {f"l{n}b{m}_{name}": text for m, band in enumerate(line.bands) for name, text in band.items()}
    return fields


def meant(fields: dict[str, str]) -> tuple[Draft, Faults]:
    return read(fields, split(fields))


@given(tariff_lines)
def test_a_line_that_is_shown_and_sent_back_is_the_same(line: Line) -> None:
    draft, faults = meant(typed(cells_of(line)))
    assert (draft, faults) == (Draft(JANUARY, 0, (line,)), {})


def test_prices_are_typed_as_a_school_writes_them() -> None:
    cells = {"count": "periods", "unit": "fixed", "price": "0,125", "period": "15", "tolerance": "", "most": "6", "child": " CPAS "}
    siblings = {"less": "0 25% 50", "by": "household", "present": "1", "on_camp": "1", "on_wednesday": "1"}
    late = {"late_after": "18h05", "late_price": "5,00 €"}
    assert meant(typed(LineCells({**cells, **siblings, **late})))[0].lines == (
        Line(
            Periods(Fixed(125), 15),
            "CPAS",
            (DayKind.WEDNESDAY, DayKind.CAMP),
            6_00,
            Siblings((0, 25, 50), Kin.HOUSEHOLD, present=True),
            Late(18 * 60 + 5, 5_00),
        ),
    )


@pytest.mark.parametrize(
    ("cells", "cell", "fault"),
    [
        ({"price": "beaucoup"}, "price", Fault.NO_AMOUNT),
        ({"price": ""}, "price", Fault.NO_AMOUNT),
        ({"price": "1,5"}, "price", Fault.NO_AMOUNT),
        ({"price": "-1,50"}, "price", Fault.NEGATIVE),
        ({"most": "-6"}, "most", Fault.NEGATIVE),
        ({"count": "periods", "period": "0"}, "period", Fault.NO_PERIOD),
        ({"count": "periods", "period": ""}, "period", Fault.NO_PERIOD),
        ({"count": "periods", "period": "30", "tolerance": "-5"}, "tolerance", Fault.NO_NUMBER),
        ({"unit": "effort", "rate": "douze", "highest": "3"}, "rate", Fault.NO_RATE),
        ({"unit": "effort", "rate": "0,12", "least": "5", "highest": "3"}, "highest", Fault.BACKWARDS),
        ({"less": "0 120"}, "less", Fault.PERCENT),
        ({"late_price": "5"}, "late_after", Fault.NO_TIME),
        ({"count": "bands"}, "count", Fault.NO_LINES),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(cells: dict[str, str], cell: str, fault: Fault) -> None:
    line = LineCells({"count": "session", "unit": "fixed", "price": "1,00", **cells})
    assert meant(typed(line))[1] == {f"l0_{cell}": fault}


def test_brackets_need_ten_prices_and_nine_rising_limits_or_none() -> None:
    prices = {f"b{n}": f"0,{n:02d}" for n in range(1, 11)}
    limits = {f"q{n}": str(n * 100) for n in range(1, 10)}
    line = LineCells({"count": "session", "unit": "bracket", **prices, **limits})
    assert meant(typed(line))[1] == {}
    wrong = LineCells({**line.cells, "b10": "", "q3": "150"})
    assert meant(typed(wrong))[1] == {"l0_b10": Fault.NO_AMOUNT, "l0_q3": Fault.LIMITS}


@pytest.mark.parametrize("day", ["", "demain", "31/02/2027"])
def test_a_day_that_is_none_is_named(day: str) -> None:
    draft, faults = meant(typed(cells_of(Line(Session(Fixed(1000)))), start=day))
    assert (draft.from_day, faults) == (None, {"from": Fault.NO_DATE})


def test_a_band_that_ends_before_it_begins_is_named() -> None:
    band = {"start": "17:00", "end": "16:00", "period": "30", "unit": "fixed", "price": "1"}
    assert meant(typed(LineCells({"count": "bands"}, (band,))))[1] == {"l0b0_end": Fault.BACKWARDS}


FREE, DEAR = cells_of(Line(Session(Fixed(0)))), cells_of(Line(Session(Fixed(1000))))


def test_lines_are_added_before_the_one_for_everybody_and_moved_and_taken_away() -> None:
    assert reshaped((DEAR,), "add") == (FREE, DEAR)
    assert reshaped((FREE, DEAR), "up-1") == (DEAR, FREE)
    assert reshaped((FREE, DEAR), "drop-0") == (DEAR,)
    for strange in ("drop-7", "up-0", "up-x", "unband-0", "", "drop", "drop-²", "band-99"):
        assert reshaped((FREE, DEAR), strange) == (FREE, DEAR)
    assert len(reshaped((DEAR,) * 10, "add")) == 10


def test_a_line_by_the_clock_gets_bands_that_follow_each_other() -> None:
    (line,) = reshaped((LineCells({"count": "bands"}),), "shape")
    assert line.bands == ({},)
    (line,) = reshaped((LineCells({"count": "bands"}, ({"start": "15:30", "end": "17:00"},)),), "band-0")
    assert line.bands[1] == {"start": "17:00"}
    assert reshaped((line,), "unband-0-0")[0].bands == ({"start": "17:00"},)


@pytest.mark.parametrize(
    ("complaint", "cell"),
    [
        (Complaint(Wrong.BAND_GAP, 1, JANUARY, 2, 1), ("l1b1_start", Fault.GAP)),
        (Complaint(Wrong.BAND_OVERLAP, 1, JANUARY, 1, 2), ("l0b2_start", Fault.OVERLAP)),
        (Complaint(Wrong.NOT_FOR_ALL, 1, JANUARY, 3), ("l2_child", Fault.NOT_FOR_ALL)),
        (Complaint(Wrong.NEVER, 1, JANUARY, 3, 1), ("l2_child", Fault.NEVER)),
        (Complaint(Wrong.NEEDS_EXIT, 1, JANUARY, 1), ("l0_count", Fault.NEEDS_EXIT)),
        (Complaint(Wrong.NO_MINUTES, 1, JANUARY, 1), ("l0_count", Fault.NO_MINUTES)),
        (Complaint(Wrong.NO_LINES, 1, JANUARY), ("from", Fault.NO_LINES)),
        (Complaint(Wrong.NO_GROUP, 1, JANUARY), ("group", Fault.NO_GROUP)),
        (Complaint(Wrong.OUTSIDE_GROUP, 1, JANUARY), ("group", Fault.OUTSIDE_GROUP)),
        (Complaint(Wrong.GAP, 1, JANUARY), ("from", Fault.GAP)),
        (Complaint(Wrong.OVERLAP, 1, JANUARY), ("from", Fault.OVERLAP)),
    ],
)
def test_every_complaint_finds_its_cell(complaint: Complaint, cell: tuple[str, Fault]) -> None:
    assert cell_of(complaint) == cell


def test_bands_and_effort_rates_come_back_too() -> None:
    effort, brackets = ByEffort(1200, 50, 3_00), ByBracket(tuple(range(100, 1100, 100)))
    bands = Bands((Band(930, 1020, effort, 30, 5), Band(1020, 1440, brackets, 15)))
    assert meant(typed(cells_of(Line(bands))))[0].lines == (Line(bands),)
