"""A tariff as a form has it: cells of text, to lines and back, with every cell named that is wrong. Saves nothing (tariffversions.py).

What a cell is called: `from` and `group` of the version, `l2_price` of its third line, `l2b0_start` of the first band in that line. A
checkbox is ticked where its cell is not empty. What cannot be read stays as it was typed.
"""

import enum
import re
from collections.abc import Mapping, Sequence
from datetime import date

from msgspec import Struct

from hub.core.calendar import DayKind, clock_of
from hub.core.complaints import Complaint, Wrong
from hub.core.formulas import (
    MAX_BRACKET,
    Band,
    Bands,
    ByBracket,
    ByEffort,
    Fixed,
    Formula,
    Kin,
    Late,
    Line,
    Periods,
    Session,
    Siblings,
    Unit,
)
from hub.core.lists import read_day
from hub.core.money import bare, read_cents, read_rate, read_tenths, write_cents, write_rate, write_tenths

MAX_LINES = 10
MAX_BANDS = 6
"""A form of so many lines and bands has some 400 fields at most."""
_CLOCK = re.compile(r"(\d{1,2})[:hH](\d{2})", re.ASCII)
Cells = Mapping[str, str]


class Counting(enum.StrEnum):
    """How a line counts."""

    SESSION = "session"
    PERIODS = "periods"
    BANDS = "bands"


class Pricing(enum.StrEnum):
    """What a unit price goes by."""

    FIXED = "fixed"
    BRACKET = "bracket"
    EFFORT = "effort"


class Fault(enum.StrEnum):
    """What is wrong with a cell."""

    NO_AMOUNT = "no_amount"
    NEGATIVE = "negative"
    NO_NUMBER = "no_number"
    NO_PERIOD = "no_period"
    NO_TIME = "no_time"
    NO_RATE = "no_rate"
    NO_DATE = "no_date"
    DAY_PASSED = "day_passed"
    BACKWARDS = "backwards"
    PERCENT = "percent"
    LIMITS = "limits"
    GAP = "gap"
    OVERLAP = "overlap"
    NOT_FOR_ALL = "not_for_all"
    NEVER = "never"
    NEEDS_EXIT = "needs_exit"
    NO_MINUTES = "no_minutes"
    NO_GROUP = "no_group"
    OUTSIDE_GROUP = "outside_group"
    NO_LINES = "no_lines"


Faults = dict[str, Fault]
"""By the name of the cell."""


class LineCells(Struct, frozen=True):
    """A line, and the bands of the clock in it; each cell under its bare name."""

    cells: Cells
    bands: tuple[Cells, ...] = ()


class Draft(Struct, frozen=True):
    """What was typed, as values. `from_day` None: it cannot be read. Where there are faults it is not to be used."""

    from_day: date | None
    group: int
    lines: tuple[Line, ...]


def split(typed: Cells) -> tuple[LineCells, ...]:
    """The lines of a form."""
    return tuple(
        LineCells(
            _under(typed, f"l{n}_"), tuple(_under(typed, f"l{n}b{m}_") for m in range(_count(typed.get(f"l{n}_bands", ""), MAX_BANDS)))
        )
        for n in range(_count(typed.get("lines", ""), MAX_LINES))
    )


def read(typed: Cells, lines: Sequence[LineCells]) -> tuple[Draft, Faults]:
    """What the cells mean, and every one that cannot be read."""
    faults: Faults = {}
    head = _At(typed, "", faults)
    from_day = read_day(head.text("from"))
    if from_day is None:
        head.wrong("from", Fault.NO_DATE)
    made = tuple(_line(_At(line.cells, f"l{n}_", faults), [_At(band, f"l{n}b{m}_", faults) for m, band in enumerate(line.bands)])
                 for n, line in enumerate(lines))  # fmt: skip
    return Draft(from_day, head.whole("group"), made), faults


def reshaped(lines: Sequence[LineCells], act: str) -> tuple[LineCells, ...]:
    """The lines after one button: `add` a line, `drop-2` or `up-2` that line, `band-2` adds a band to it, `unband-2-0` takes one away."""
    word, _, places = act.partition("-")
    rows, at = list(lines), [int(place) for place in places.split("-") if place.isascii() and place.isdigit() and len(place) < 3]
    if word == "add" and len(rows) < MAX_LINES:
        rows.insert(max(len(rows) - 1, 0), cells_of(Line(Session(Fixed(0)))))  # the last one is for everybody: it stays the last
    elif at and at[0] < len(rows):
        line = rows[at[0]]
        if word == "drop":
            del rows[at[0]]
        elif word == "up" and at[0]:
            rows[at[0] - 1 : at[0] + 1] = [line, rows[at[0] - 1]]
        elif word == "band" and len(line.bands) < MAX_BANDS:
            rows[at[0]] = LineCells(line.cells, (*line.bands, {"start": line.bands[-1].get("end", "") if line.bands else ""}))
        elif word == "unband" and len(at) == 2:
            rows[at[0]] = LineCells(line.cells, tuple(band for m, band in enumerate(line.bands) if m != at[1]))
    return tuple(_with_bands(row) for row in rows)


def cells_of(line: Line) -> LineCells:
    """A line as it is typed."""
    formula, cells = line.formula, {"child": line.child, "most": amount_typed(line.max_cents) if line.max_cents else ""}
    cells |= {f"on_{kind.value}": "1" for kind in line.days}
    if line.siblings is not None:
        percents, by = line.siblings.percents, line.siblings.by.value
        cells |= {"less": " ".join(map(str, percents)), "by": by, "present": "1" if line.siblings.present else ""}
    if line.late is not None:
        cells |= {"late_after": clock_of(line.late.after_min), "late_price": amount_typed(line.late.unit_cents)}
        cells |= {"late_period": str(line.late.period_min or ""), "late_tolerance": str(line.late.tolerance_min or "")}
    match formula:
        case Bands():
            return LineCells({**cells, "count": Counting.BANDS.value}, tuple(_band_cells(band) for band in formula.bands))
        case Periods():
            counted = {"count": Counting.PERIODS.value, "period": str(formula.period_min), "tolerance": str(formula.tolerance_min or "")}
            return LineCells({**cells, **counted, **_unit_cells(formula.unit)})
    return LineCells({**cells, "count": Counting.SESSION.value, **_unit_cells(formula.unit)})


def cell_of(complaint: Complaint) -> tuple[str, Fault]:
    """The cell that a complaint about a version is shown at; what reading the cells finds itself is not among them."""
    line, number = f"l{complaint.line - 1}_", complaint.number
    match complaint.what:
        case Wrong.BAND_GAP | Wrong.BAND_OVERLAP:
            return f"l{complaint.line - 1}b{number}_start", Fault.GAP if complaint.what is Wrong.BAND_GAP else Fault.OVERLAP
        case Wrong.NOT_FOR_ALL | Wrong.NEVER:
            return f"{line}child", Fault(complaint.what.value)
        case Wrong.NEEDS_EXIT | Wrong.NO_MINUTES:
            return f"{line}count", Fault(complaint.what.value)
        case Wrong.NO_LINES:
            return (f"{line}count" if complaint.line else "from"), Fault.NO_LINES
        case Wrong.NO_GROUP | Wrong.OUTSIDE_GROUP:
            return "group", Fault(complaint.what.value)
        case Wrong.OVERLAP | Wrong.GAP | Wrong.ENDS | Wrong.NO_TARIFF:
            return "from", Fault.OVERLAP if complaint.what is Wrong.OVERLAP else Fault.GAP
    return (f"{line}count" if complaint.line else "from"), Fault.BACKWARDS


# --- cells to values ------------------------------------------------------------------------------


class _At(Struct, frozen=True):
    """Cells, and where it is noted what is wrong with them."""

    cells: Cells
    prefix: str
    faults: Faults

    def text(self, name: str) -> str:
        return self.cells.get(name, "").strip()

    def wrong(self, name: str, fault: Fault) -> None:
        self.faults.setdefault(f"{self.prefix}{name}", fault)

    def tenths(self, name: str) -> int:
        return self._amount(name, read_tenths(self.text(name)))

    def cents(self, name: str, empty: int | None = None) -> int:
        text = self.text(name)
        return empty if empty is not None and not text else self._amount(name, read_cents(text))

    def whole(self, name: str, least: int = 0) -> int:
        """A whole number, 0 where nothing was typed; `least` 1 for a period."""
        text = self.text(name) or "0"
        found = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
        if found < 0:
            self.wrong(name, Fault.NO_NUMBER)
        elif found < least:
            self.wrong(name, Fault.NO_PERIOD)
        return max(found, 0)

    def clock(self, name: str) -> int:
        found = _CLOCK.fullmatch(self.text(name))
        if found is None or int(found[1]) >= 48 or int(found[2]) >= 60:
            self.wrong(name, Fault.NO_TIME)
            return 0
        return int(found[1]) * 60 + int(found[2])

    def _amount(self, name: str, found: int | None) -> int:
        if found is None or found < 0:
            self.wrong(name, Fault.NO_AMOUNT if found is None else Fault.NEGATIVE)
        return max(found or 0, 0)


def _line(at: _At, bands: Sequence[_At]) -> Line:
    days = tuple(kind for kind in DayKind if at.text(f"on_{kind.value}"))
    late = _late(at) if any(at.text(f"late_{name}") for name in ("after", "price", "period", "tolerance")) else None
    return Line(_formula(at, bands), at.text("child")[:80], days, at.cents("most", 0), _siblings(at), late)


def _formula(at: _At, bands: Sequence[_At]) -> Formula:
    match at.text("count"):
        case Counting.BANDS.value:
            if not bands:
                at.wrong("count", Fault.NO_LINES)
            return Bands(tuple(_band(band) for band in bands))
        case Counting.PERIODS.value:
            return Periods(_unit(at), at.whole("period", 1), at.whole("tolerance"))
    return Session(_unit(at))


def _band(at: _At) -> Band:
    start_min, end_min = at.clock("start"), at.clock("end")
    if end_min <= start_min and f"{at.prefix}start" not in at.faults:
        at.wrong("end", Fault.BACKWARDS)
    return Band(start_min, end_min, _unit(at), at.whole("period", 1), at.whole("tolerance"))


def _unit(at: _At) -> Unit:
    match at.text("unit"):
        case Pricing.BRACKET.value:
            return ByBracket(tuple(at.tenths(f"b{n}") for n in range(1, MAX_BRACKET + 1)), _limits(at))
        case Pricing.EFFORT.value:
            least_cents, most_cents = at.cents("least", 0), at.cents("highest")
            if least_cents > most_cents:
                at.wrong("highest", Fault.BACKWARDS)
            return ByEffort(_rate(at), least_cents, most_cents)
    return Fixed(at.tenths("price"))


def _limits(at: _At) -> tuple[int, ...]:
    """The highest quotients of the first nine brackets: all of them, or none."""
    names = [f"q{n}" for n in range(1, MAX_BRACKET)]
    if not any(map(at.text, names)):
        return ()
    limits = [at.cents(name) for name in names]
    for place in range(1, len(limits)):
        if limits[place] <= limits[place - 1]:
            at.wrong(names[place], Fault.LIMITS)
    return tuple(limits)


def _rate(at: _At) -> int:
    rate_ppm = read_rate(at.text("rate"))
    if rate_ppm is None:
        at.wrong("rate", Fault.NO_RATE)
    return rate_ppm or 0


def _siblings(at: _At) -> Siblings | None:
    words = at.text("less").replace("%", " ").replace(";", " ").split()
    if not words:
        return None
    percents = tuple(int(word) if word.isascii() and word.isdigit() and len(word) < 4 else -1 for word in words)
    if not all(0 <= percent <= 100 for percent in percents):
        at.wrong("less", Fault.PERCENT)
    return Siblings(percents, Kin.HOUSEHOLD if at.text("by") == Kin.HOUSEHOLD.value else Kin.PAYER, bool(at.text("present")))


def _late(at: _At) -> Late:
    return Late(at.clock("late_after"), at.cents("late_price"), at.whole("late_period"), at.whole("late_tolerance"))


def _under(typed: Cells, prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): text for name, text in typed.items() if name.startswith(prefix)}


def _count(text: str, most: int) -> int:
    return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _with_bands(line: LineCells) -> LineCells:
    """A line that goes by bands has one to fill in."""
    return LineCells(line.cells, ({},)) if line.cells.get("count") == Counting.BANDS.value and not line.bands else line


# --- values to cells ------------------------------------------------------------------------------


def _band_cells(band: Band) -> Cells:
    hours = {"start": clock_of(band.start_min), "end": clock_of(band.end_min)}
    return {**hours, "period": str(band.period_min), "tolerance": str(band.tolerance_min or ""), **_unit_cells(band.unit)}


def _unit_cells(unit: Unit) -> dict[str, str]:
    match unit:
        case ByBracket():
            prices = {f"b{n}": bare(write_tenths(tenths)) for n, tenths in enumerate(unit.tenths, 1)}
            return {
                "unit": Pricing.BRACKET.value,
                **prices,
                **{f"q{n}": amount_typed(cents) for n, cents in enumerate(unit.limits_cents, 1)},
            }
        case ByEffort():
            bounds = {"least": amount_typed(unit.least_cents), "highest": amount_typed(unit.most_cents)}
            return {"unit": Pricing.EFFORT.value, "rate": write_rate(unit.rate_ppm), **bounds}
    return {"unit": Pricing.FIXED.value, "price": bare(write_tenths(unit.tenths))}


def amount_typed(cents: int) -> str:
    """An amount as it is typed: `1234,50`."""
    return bare(write_cents(cents))
