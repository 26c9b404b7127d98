"""The trail: who saw and did what at the office, for a year. Ids and routes only, never a name; in the register's database."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy.dialects.sqlite import insert

from hub.core.trail import KEPT_MS, Step, Wanted
from hub.register import Register
from hub.tables import trail as t


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
        query = select(t).where(t.c.at_ms >= wanted.from_ms, t.c.at_ms < wanted.until_ms, t.c.id < wanted.before)
        if wanted.staff is not None:
            query = query.where(t.c.staff.in_(wanted.staff))
        if wanted.things:
            query = query.where(or_(*map(_begins, wanted.things)))
        async with self._register.reading() as connection:
            rows = (await connection.execute(query.order_by(t.c.id.desc()).limit(limit))).mappings().all()
        return tuple(Step(**row) for row in rows)

    async def forget(self, now_ms: int) -> None:
        """Delete what is older than a year."""
        await self._register.changed(delete(t).where(t.c.at_ms < now_ms - KEPT_MS))


def _begins(thing: str) -> ColumnElement[bool]:
    """By the index: `;` ends an id, and `<` is the sign after it."""
    column: Any = t.c.thing
    return and_(column >= f"{thing};", column < f"{thing}<")
