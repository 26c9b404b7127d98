"""What people write about facts: a note and a document's reference, under the fact's number. In the register, so that it can be erased.

A fact holds a reason code and never a word (design.md, What is remembered). Which facts may have a note is the pages' matter.
"""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from hub import tables as t
from hub.core.papers import Note
from hub.register import Register


class Notes:
    """Implements `hub.web.office.Notes`."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def write(self, note: Note) -> None:
        """What is known of a fact from now on; empty erases it."""
        if not (note.text or note.document):
            await self._register.changed(delete(t.note).where(t.note.c.number == note.number))
            return
        values = asdict(note)
        number = values.pop("number")
        new = insert(t.note).values(number=number, **values)
        await self._register.changed(new.on_conflict_do_update(index_elements=["number"], set_=values))

    async def noted(self, numbers: Collection[int]) -> dict[int, Note]:
        """The notes about these facts, by number."""
        return await self._found(t.note.c.number.in_(numbers))

    async def about(self, pupils: Collection[int], day: int) -> dict[int, Note]:
        """The notes about a day (YYYYMMDD) of a pupil, under each of its ids, in the order of their facts."""
        return await self._found(t.note.c.pupil.in_(pupils) & (t.note.c.day == day))

    async def _found(self, which: Any) -> dict[int, Note]:
        async with self._register.reading() as connection:
            rows = (await connection.execute(select(t.note).where(which).order_by(t.note.c.number))).mappings()
            return {row["number"]: Note(**row) for row in rows}
