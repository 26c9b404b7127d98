"""Which pupils were at a programme in an hour, as sets of bits: a quarter of a year is a few hundred rows, and counts in milliseconds.

Made with the history's tables, in the same transactions, from the stays that are over. An hour is one of the clock in every zone whose
time differs from UTC by whole hours, as all of Europe's does. A pupil's place among the bits is given once and kept.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.core.reports import hours_of

Stay = tuple[int, int, int, int]
"""One that is over: pupil, programme, from and until (ms)."""
Cell = tuple[int, int]
"""Programme, hour."""

_KNOWN = "SELECT pupil, programme, from_ms, until_ms FROM history_stay WHERE closed > 0 AND id IN (SELECT value FROM json_each(?))"
_OTHERS = (
    "SELECT s.pupil, s.programme, s.from_ms, s.until_ms FROM json_each(?) AS touched JOIN history_stay AS s "
    "ON s.pupil = touched.value ->> 0 AND s.from_ms BETWEEN (touched.value ->> 1) - 86400000 AND touched.value ->> 2 WHERE s.closed > 0"
)
_NEW_PLACES = "INSERT OR IGNORE INTO history_place (pupil) SELECT value FROM json_each(?)"
_PLACES = "SELECT pupil, place FROM history_place WHERE pupil IN (SELECT value FROM json_each(?))"
_CELLS = (
    "SELECT a.programme, a.hour, a.pupils FROM json_each(?) AS cell CROSS JOIN history_attended AS a "
    "WHERE a.programme = cell.value ->> 0 AND a.hour = cell.value ->> 1"
)
_PUT = "INSERT OR REPLACE INTO history_attended (programme, hour, pupils) VALUES (?, ?, ?)"


async def known(connection: AsyncConnection, stays: Collection[int]) -> list[Stay]:
    """Those of these stays that counted so far, before their rows are replaced."""
    return await _stays(connection, _KNOWN, list(stays))


async def count(connection: AsyncConnection, before: Collection[Stay], after: Collection[Stay]) -> None:
    """Count stays as they are now, `after`, instead of as they were; their rows are written already."""
    come = _cells(after)
    gone = _cells(before)
    others = await _stays(connection, _OTHERS, [(pupil, from_ms, until_ms) for pupil, _, from_ms, until_ms in before]) if before else []
    still = _cells(others)
    pupils = sorted({pupil for those in (*come.values(), *gone.values()) for pupil in those})
    if not pupils:
        return
    await connection.exec_driver_sql(_NEW_PLACES, (json.dumps(pupils),))
    places = {int(row.pupil): int(row.place) for row in await connection.exec_driver_sql(_PLACES, (json.dumps(pupils),))}
    cells = sorted(come.keys() | gone.keys())
    rows = await connection.exec_driver_sql(_CELLS, (json.dumps(cells),))
    bits = {(int(row.programme), int(row.hour)): int.from_bytes(row.pupils, "little") for row in rows}
    for cell in cells:
        here = bits.get(cell, 0) & ~_set(places, gone.get(cell, set()) - still.get(cell, set()))
        bits[cell] = here | _set(places, come.get(cell, ()))
    put = [(*cell, here.to_bytes((here.bit_length() + 7) // 8, "little")) for cell, here in bits.items()]
    await connection.exec_driver_sql(_PUT, put)


async def _stays(connection: AsyncConnection, query: str, asked: list[int] | list[tuple[int, int, int]]) -> list[Stay]:
    return [(row.pupil, row.programme, row.from_ms, row.until_ms) for row in await connection.exec_driver_sql(query, (json.dumps(asked),))]


def cells_of(stay: Stay) -> Iterator[Cell]:
    """Where a stay counts."""
    _, programme, from_ms, until_ms = stay
    return ((programme, hour) for hour in hours_of(from_ms, until_ms))


def _cells(stays: Iterable[Stay]) -> dict[Cell, set[int]]:
    """The pupils of each cell."""
    found: defaultdict[Cell, set[int]] = defaultdict(set)
    for stay in stays:
        for cell in cells_of(stay):
            found[cell].add(stay[0])
    return found


def _set(places: dict[int, int], pupils: Iterable[int]) -> int:
    bits = 0
    for pupil in pupils:
        bits |= 1 << places[pupil]
    return bits
