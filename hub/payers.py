"""Who pays for whom on which days, from a list at the office: lines in, rows of custody and overrides out, or every bad line named.

It decides nothing and opens no store; who pays on a day is decided in core/payers.py, whose days are taken in core/people.py.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from hub.core.facts import derived
from hub.core.people import clash
from hub.core.school import Custody, PayerOverride, School, Weeks
from hub.core.weekdays import WEEKDAYS
from hub.errors import ImportRefusedError, RefusedError
from hub.imports import read_text, records
from hub.meant import day_written, households_called, pupil_of, several

PAYERS = ("household", "last_name", "first_name", "payer", "from", "until", "weeks", "weekdays", "what")
"""`weeks`: every, even, odd. `weekdays`: mon tue …, empty = all. `what`: empty = custody; `*` or a programme's or product's name =
whatever the custody says."""

Row = Custody | PayerOverride
Lines = Iterable[tuple[int, list[str]]]


def read_payers(lines: Lines, name: str, school: School) -> tuple[Row, ...]:
    """The rows of a list. Raises ImportRefusedError, naming every line that is not understood or claims another household's days."""
    custody = {row.id: row for rows in school.custody.values() for row in rows}
    found: list[Row] = []
    wrong: list[str] = []
    for number, cells in lines:
        row = _row(cells, school)
        if isinstance(row, str):
            wrong.append(f"{name}:{number}: {row}")
            continue
        found.append(row)
        if isinstance(row, Custody):
            custody[row.id] = row
            if any(clash(row, other) for other in custody.values()):
                wrong.append(f"{name}:{number}: another household has some of these days already: end its line first, or use `what`")
    if wrong:
        raise ImportRefusedError("\n".join(wrong))
    return tuple(found)


def read_lines(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, list[str]]]:
    """Numbered lines of a `;` list with exactly these columns, the one that names them left out. Raises ImportRefusedError."""
    first, *rest = records(read_text(path), str(path), ";")
    if [cell.strip().lower() for cell in first.cells] != list(columns):
        raise ImportRefusedError(f"{path}:{first.number}: the columns are: {'; '.join(columns)}")
    for line in rest:
        yield line.number, [cell.strip() for cell in (*line.cells, *[""] * len(columns))[: len(columns)]]


def _row(cells: list[str], school: School) -> Row | str:
    """The row of one line, or what is wrong with it. Its id comes from what it says but for its end."""
    household, last, first, payer_name, since, until, weeks, weekdays, what = cells
    pupil, item = pupil_of(school, household, last, first), _item(school, what)
    payers = households_called(school, payer_name)
    if pupil is None or not payers:
        return f"`{first} {last}` of `{household}`, or `{payer_name}` who pays, is not known: import the families first"
    if len(payers) > 1:
        return several(payer_name, payers)
    if item is None:
        return f"`{what}` is no programme and no product: leave it empty, or write * for everything"
    try:
        from_day, until_day = day_written(since), day_written(until) if until else None
        which = Weeks(weeks or "every")
        days = frozenset(WEEKDAYS.index(word) for word in weekdays.lower().split()) or frozenset(range(len(WEEKDAYS)))
    except (ValueError, RefusedError) as error:
        return f"days are written 2025-01-31, weeks every, even or odd, weekdays mon tue …: {error}"
    row = derived(pupil.id, f"{payer_name}|{since}|{weeks}|{weekdays}|{what}")
    if not what:
        return Custody(row, pupil.id, payers[0].id, from_day, until_day, which, days)
    if weeks or weekdays:
        return "weeks and weekdays are of a custody: leave `what` empty, or leave them out"
    return PayerOverride(row, pupil.id, payers[0].id, from_day, until_day, item)


def _item(school: School, what: str) -> int | None:
    if what in ("", "*"):
        return 0
    programmes = (one.id for one in school.programmes.values() if one.name == what)
    products = (one.id for one in school.products.values() if one.name == what)
    return next(programmes, None) or next(products, None)
