"""The trail: who saw and did what at the office, for a year. Ids and routes only, never a name; in the register's database."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict

import msgspec
from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.sqlite import insert

from hub.core.trail import KEPT_MS, Step, Wanted
from hub.register import Register
from hub.tables import trail as t

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
        """Newest first. They come as one text, read on a thread: twenty thousand rows, made one by one, would hold the loop."""
        columns = (t.c.at_ms, t.c.staff, t.c.act, t.c.thing, t.c.id)
        query = select(*columns).where(t.c.at_ms >= wanted.from_ms, t.c.at_ms < wanted.until_ms, t.c.id < wanted.before)
        if wanted.staff is not None:
            query = query.where(t.c.staff.in_(wanted.staff))
        if wanted.act:
            query = query.where(t.c.act == wanted.act)
        if wanted.things:
            query = query.where(text(_ABOUT).bindparams(things=json.dumps(wanted.things)))
        rows = query.order_by(t.c.id.desc()).limit(limit).subquery()
        async with self._register.reading() as connection:
            told = (await connection.execute(select(func.json_group_array(func.json_array(*rows.c))))).scalar_one()
        return await asyncio.to_thread(_read, told)

    async def forget(self, now_ms: int) -> None:
        """Delete what is older than a year."""
        await self._register.changed(delete(t).where(t.c.at_ms < now_ms - KEPT_MS))


def _read(told: str) -> tuple[Step, ...]:
    return tuple(Step(*row) for row in msgspec.json.decode(told, type=list[tuple[int, int, str, str, int]]))
