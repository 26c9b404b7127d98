"""Tables as files for spreadsheets (CSV): `;` between cells, decimal commas, the mark of UTF-8, nothing that is taken for a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

from starlette.responses import Response

from hub.core.money import bare, write_cents

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would work out."""


def amount(cents: int) -> str:
    """An amount as spreadsheets read it here: `-1234,50`."""
    return bare(write_cents(cents))


def defused(text: str) -> str:
    """A text that begins like a formula is text, not a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_file(name: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Response:
    """The answer with a table to keep; `name` without its ending. What people wrote into a cell has to be `defused`."""
    text = io.StringIO()
    table = csv.writer(text, delimiter=";", lineterminator="\r\n")
    table.writerow(header)
    table.writerows(rows)
    disposition = {"content-disposition": f'attachment; filename="{name}.csv"', "cache-control": "no-store"}
    return Response(text.getvalue().encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=disposition)
