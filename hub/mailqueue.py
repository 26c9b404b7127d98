"""The mail queue: which letter goes to whom, and how far it is. Ids and codes only: its words are made when it is sent (letters.py).

In `office.db`: one row for each cause (a fact's number) and adult, so that a letter is queued once however often the hub starts again.
An adult who is erased takes the rows along. Times are Unix ms of the machine's clock.
"""

import contextlib
import enum
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from hub import tables as t
from hub.errors import StartError
from hub.register import Register

KEEP_MS = 90 * 86_400_000
"""What is over is forgotten after a term: nobody asks any more, and it tells who was short of money."""
WAIT_S = 5.0
"""How long `listed` waits for a hub that is just writing."""


class State(enum.StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"  # for good: nobody tries again by itself


@dataclass(frozen=True, slots=True)
class Queued:
    """A letter to be sent. `fact` is the number of its cause; `tries` made so far."""

    fact: int
    adult: int
    tries: int
    queued_ms: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A letter as staff see it. `next_ms`: when it is tried next, or when it was over. `trouble`: what came of the last try."""

    fact: int
    state: State
    first_name: str
    last_name: str
    email: str
    tries: int
    next_ms: int
    trouble: str


class MailQueue:
    """The table, through the register's connections."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def begin(self, durable: int) -> int:
        """From which fact on the journal is followed: where the queue had got to, or `durable` when letters are new here."""
        async with self._register.reading() as connection:
            number = await connection.scalar(select(t.mail_head.c.number))
        if number is None or number > durable:
            number = durable
            await self.put([], number, 0)
        return number

    async def forget_head(self) -> None:
        """Letters are not sent from here: what happens from now on is no news when they will be."""
        async with self._register.reading() as connection:
            known = await connection.scalar(select(t.mail_head.c.number))
        if known is not None:
            async with self._register.writing() as connection:
                await connection.execute(delete(t.mail_head))

    async def put(self, letters: Sequence[tuple[int, int]], number: int, now_ms: int) -> None:
        """Queue letters (fact, adult), and note that the journal was followed up to `number`, in one transaction."""
        rows = [
            {"fact": fact, "adult": adult, "state": State.QUEUED, "tries": 0, "queued_ms": now_ms, "next_ms": now_ms, "trouble": ""}
            for fact, adult in letters
        ]
        async with self._register.writing() as connection:
            if rows:
                await connection.execute(insert(t.mail_queue).on_conflict_do_nothing(), rows)
            head = insert(t.mail_head).values(id=1, number=number)
            await connection.execute(head.on_conflict_do_update(index_elements=["id"], set_={"number": number}))

    async def due(self, now_ms: int, limit: int) -> list[Queued]:
        """What may be sent now, the longest waiting first."""
        row = t.mail_queue.c
        query = select(row.fact, row.adult, row.tries, row.queued_ms).where(row.state == State.QUEUED, row.next_ms <= now_ms)
        async with self._register.reading() as connection:
            return [Queued(*found) for found in await connection.execute(query.order_by(row.next_ms, row.fact).limit(limit))]

    async def note(self, letter: Queued, state: State, next_ms: int, trouble: str) -> None:
        """What came of one more try; `trouble` is a code (`451`, `timeout`), empty when the letter went out."""
        row = t.mail_queue.c
        changed = {"state": state, "tries": letter.tries + 1, "next_ms": next_ms, "trouble": trouble}
        async with self._register.writing() as connection:
            await connection.execute(update(t.mail_queue).where(row.fact == letter.fact, row.adult == letter.adult).values(changed))

    async def again(self, now_ms: int) -> int:
        """Queue once more what failed for good, its reason being mended; how many."""
        row = t.mail_queue.c
        changed = {"state": State.QUEUED, "tries": 0, "queued_ms": now_ms, "next_ms": now_ms}
        async with self._register.writing() as connection:
            return (await connection.execute(update(t.mail_queue).where(row.state == State.FAILED).values(changed))).rowcount

    async def failed_since(self, since_ms: int) -> int:
        """How many letters have failed for good since an instant."""
        row = t.mail_queue.c
        query = select(func.count()).select_from(t.mail_queue).where(row.state == State.FAILED, row.next_ms >= since_ms)
        async with self._register.reading() as connection:
            return await connection.scalar(query) or 0

    async def tidy(self, now_ms: int) -> None:
        """Forget what was over long ago."""
        row = t.mail_queue.c
        async with self._register.writing() as connection:
            await connection.execute(delete(t.mail_queue).where(row.state != State.QUEUED, row.next_ms < now_ms - KEEP_MS))


def listed(office: Path) -> list[Listed]:
    """The whole queue, oldest first, read beside a running hub or without one. Raises StartError when there is none to read."""
    query = """SELECT fact, state, first_name, last_name, email, tries, next_ms, trouble FROM mail_queue
    JOIN adult ON adult.id = mail_queue.adult ORDER BY state, fact, adult.id"""
    try:
        with contextlib.closing(sqlite3.connect(f"{office.absolute().as_uri()}?mode=ro", uri=True, timeout=WAIT_S)) as database:
            return [Listed(fact, State(state), *rest) for fact, state, *rest in database.execute(query)]
    except sqlite3.Error as error:
        raise StartError(f"{office}: cannot be read: {error}: start the hub once, it brings its tables up to date") from error
