"""The trail: who saw and did what at the office, for a year. Ids and routes only, never a name; in the register's database."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.sqlite import insert

from hub.core.trail import KEPT_MS, Step, Wanted
from hub.register import Register
from hub.tables import trail as t

ROWS_AT_ONCE = 200
"""Rows of a long answer made at once: half a millisecond of the loop."""
_ABOUT = """trail.id IN (SELECT each.id FROM json_each(:things) AS wanted
CROSS JOIN trail AS each ON each.thing >= wanted.value || ';' AND each.thing < wanted.value || '<')"""
"""What begins with one of these, by the index of `thing`: `;` ends an id, and `<` is the sign after it."""


class Trail:
    """Implements `hub.web.office.Trail`."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def write(self, steps: Sequence[Step]) -> None:
        """Steps, oldest first, in one transaction."""
        rows = [asdict(step) for step in steps]
        for row in rows:
            del row["id"]
        async with self._register.writing() as connection:
            await connection.execute(insert(t), rows)

    async def steps(self, wanted: Wanted, limit: int) -> tuple[Step, ...]:
        """Newest first."""
        columns = (t.c.at_ms, t.c.staff, t.c.act, t.c.thing, t.c.id)
        query = select(*columns).where(t.c.at_ms >= wanted.from_ms, t.c.at_ms < wanted.until_ms, t.c.id < wanted.before)
        if wanted.staff is not None:
            query = query.where(t.c.staff.in_(wanted.staff))
        if wanted.things:
            query = query.where(text(_ABOUT).bindparams(things=json.dumps(wanted.things)))
        found: list[Step] = []
        async with self._register.reading() as connection:
            async for rows in (await connection.stream(query.order_by(t.c.id.desc()).limit(limit))).partitions(ROWS_AT_ONCE):
                found += [Step(*row) for row in rows]
        return tuple(found)

    async def forget(self, now_ms: int) -> None:
        """Delete what is older than a year."""
        await self._register.changed(delete(t).where(t.c.at_ms < now_ms - KEPT_MS))
