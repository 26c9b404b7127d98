"""Tables as files for spreadsheets (CSV): `;` between cells, decimal commas, the mark of UTF-8, nothing that is taken for a formula."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence

from starlette.responses import Response, StreamingResponse

from hub.core.money import bare, write_cents

BLOCK = 64 * 1024
"""Bytes that are sent at once: whoever waits for the loop goes in between."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would work out."""


def amount(cents: int) -> str:
    """An amount as spreadsheets read it here: `-1234,50`."""
    return bare(write_cents(cents))


def defused(text: str) -> str:
    """A text that begins like a formula is text, not a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_file(name: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Response:
    """The answer with a table to keep; `name` without its ending. What people wrote into a cell has to be `defused`.

    For a thread: a year of a large school has tens of thousands of rows.
    """
    text = io.StringIO()
    table = csv.writer(text, delimiter=";", lineterminator="\r\n")
    table.writerow(header)
    table.writerows(rows)
    content = text.getvalue().encode("utf-8-sig")
    length, disposition = str(len(content)), f'attachment; filename="{name}.csv"'
    headers = {"content-disposition": disposition, "content-length": length, "cache-control": "no-store"}
    return StreamingResponse(_blocks(content), media_type="text/csv; charset=utf-8", headers=headers)


async def _blocks(content: bytes) -> AsyncIterator[bytes]:
    for begin in range(0, len(content), BLOCK):
        yield content[begin : begin + BLOCK]
        await asyncio.sleep(0)
