"""What reports ask the history: sums of long periods, worked out by SQLite on a reading connection's own thread.

Each answer comes as one text and is read on a thread too: a year of a large school holds the loop for no more than a page does.
What the figures mean is said in core/reports.py.
"""

import asyncio
import json
from collections.abc import Collection
from typing import TypeVar

import msgspec

from hub.core.reports import DeskSession, Earned, Moved
from hub.register import Register

T = TypeVar("T")
Times = tuple[int, int]
"""From and until, not included."""

_MOVED = """SELECT json_group_array(json_array(programme, quarter, came, gone, ms)) FROM history_presence
WHERE programme IN (SELECT value FROM json_each(?1)) AND quarter >= ?2 AND quarter < ?3"""

_EARNED = """SELECT json_group_array(json_array(site, item, charges, charged, corrections, corrected)) FROM
(SELECT site, item, sum(charges) AS charges, sum(charged_cents) AS charged, sum(corrections) AS corrections,
sum(corrected_cents) AS corrected FROM history_revenue
WHERE site IN (SELECT value FROM json_each(?1)) AND quarter >= ?2 AND quarter < ?3 GROUP BY site, item)"""

_DESKS = """SELECT json_group_array(json_array(session, site, desk, opened_by, from_ms, opening_cents, sold_cents, paid_in_cents,
paid_back_cents, closed_by, until_ms, expected_cents, counted_cents)) FROM (SELECT * FROM history_cash
WHERE site IN (SELECT value FROM json_each(?1)) AND from_ms >= ?2 AND from_ms < ?3 ORDER BY from_ms DESC, session)"""

_ATTENDED = """SELECT json_group_array(json_array(programme, hour, hex(pupils))) FROM history_attended
WHERE programme IN (SELECT value FROM json_each(?1)) AND hour >= ?2 AND hour < ?3"""

_PLACES = "SELECT json_group_array(json_array(place, pupil)) FROM history_place"


class Reports:
    """Implements `hub.web.office.Reports`."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def moved(self, programmes: Collection[int], quarters: Times) -> list[Moved]:
        """Who came and went at some programmes, of the stays that are over."""
        return await self._told(_MOVED, (_listed(programmes), *quarters), list[Moved])

    async def earned(self, sites: Collection[int], quarters: Times) -> list[Earned]:
        """What was booked for each programme and product."""
        return await self._told(_EARNED, (_listed(sites), *quarters), list[Earned])

    async def desks(self, sites: Collection[int], times_ms: Times) -> list[DeskSession]:
        """The cash desk sessions that began in a time, newest first."""
        return await self._told(_DESKS, (_listed(sites), *times_ms), list[DeskSession])

    async def attended(self, programmes: Collection[int], hours: Times) -> list[tuple[int, int]]:
        """By hour the pupils who were at any of some programmes, as bits; of the stays that are over."""
        found = await self._told(_ATTENDED, (_listed(programmes), *hours), list[tuple[int, int, str]])
        return [(hour, int.from_bytes(bytes.fromhex(pupils), "little")) for _, hour, pupils in found]

    async def places(self) -> dict[int, int]:
        """Whose each bit is: the pupil's place, by pupil."""
        return {pupil: place for place, pupil in await self._told(_PLACES, (), list[tuple[int, int]])}

    async def _told(self, query: str, params: tuple[str | int, ...], kind: type[T]) -> T:
        async with self._register.reading() as connection:
            told = (await connection.exec_driver_sql(query, params)).scalar_one()
        return await asyncio.to_thread(msgspec.json.decode, told, type=kind)


def _listed(numbers: Collection[int]) -> str:
    return json.dumps(sorted(numbers))
