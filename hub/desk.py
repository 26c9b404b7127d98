"""The desk: the one writer (design.md, The desk).

It decides on the books as they are, applies the facts at once, and answers when they are on disk. It knows no rule and no table.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, Protocol

from hub.core.books import Books
from hub.core.facts import Facts, Refusal
from hub.core.school import Rows, School, edited

log = logging.getLogger(__name__)

P = ParamSpec("P")
RECENT_ANSWERS = 4096
"""Answers kept in memory for repeated asks; older ones are read back from the journal."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an ask led to. `number`: of its first fact, or for a refusal of the last fact it was decided on."""

    facts: Facts = ()
    refusal: Refusal | None = None
    number: int = 0


Decide = Callable[Concatenate[School, Books, P], Facts | Refusal]
Change = Callable[Concatenate[School, P], Rows | Refusal]
Done = Callable[[Answer], None]
Watcher = Callable[[int, Facts], None]


class Journal(Protocol):
    """The port behind which facts become durable; its simulated twin can lose what was not committed."""

    def append(self, facts: Facts, done: Callable[[], None]) -> None:
        """Queue the facts of one ask for the next group commit; `done` is called on the loop when they are on disk."""

    def after(self, number: int, done: Callable[[], None]) -> None:
        """Call `done` when fact `number` is on disk; at once if it is."""

    async def find(self, number: int) -> Facts:
        """The facts of the ask whose first fact has this number."""


class Register(Protocol):
    """The port to what is set up."""

    async def write(self, ask: int, rows: Rows) -> bool:
        """Write rows and the ask id in one transaction; False when this ask was already written."""


class Desk:
    """One instance, on one event loop. `school` and `books` may be read by anyone; wait for `seen()` before showing them."""

    def __init__(self, school: School, books: Books, journal: Journal, register: Register) -> None:
        self.school = school
        self.books = books
        self._journal = journal
        self._register = register
        self._editing = asyncio.Lock()
        self._recent: OrderedDict[int, Answer] = OrderedDict()
        self._watchers: list[Watcher] = []
        self._reading: set[asyncio.Future[None]] = set()

    def submit(self, done: Done, ask: int, decide: Decide[P], *details: P.args, **named: P.kwargs) -> None:
        """Decide now; call `done` with the answer when everything it rests on is on disk."""
        known = self.books.asks.get(ask)
        if known is not None:
            self._again(ask, known, done)
            return
        outcome = decide(self.school, self.books, *details, **named)
        if isinstance(outcome, Refusal) or not outcome:
            refusal = outcome if isinstance(outcome, Refusal) else None
            answer = Answer(refusal=refusal, number=self.books.number)
            self._journal.after(answer.number, lambda: done(answer))
            return
        answer = Answer(outcome, number=self.books.number + 1)
        for fact in outcome:
            self.books.apply(fact)
        self._remember(ask, answer)
        self._journal.append(outcome, lambda: self._committed(answer, done))

    async def do(self, ask: int, decide: Decide[P], *details: P.args, **named: P.kwargs) -> Answer:
        """Decide, and return the answer after its commit. A known ask gets its old answer."""
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def arrived(answer: Answer) -> None:
            if not waiting.done():
                waiting.set_result(answer)

        self.submit(arrived, ask, decide, *details, **named)
        return await waiting

    async def edit(self, ask: int, change: Change[P], *details: P.args, **named: P.kwargs) -> Answer:
        """Change what is set up, once per ask: decided on the school of that moment, written, then seen by all."""
        async with self._editing:
            outcome = change(self.school, *details, **named)
            if isinstance(outcome, Refusal):
                return Answer(refusal=outcome, number=self.books.number)
            if await self._register.write(ask, outcome):
                self.school = edited(self.school, outcome)
        for watcher in tuple(self._watchers):
            watcher(self.books.number, ())
        return Answer(number=self.books.number)

    def when_seen(self, done: Callable[[], None]) -> None:
        """Call `done` when everything the books hold now is on disk."""
        self._journal.after(self.books.number, done)

    async def seen(self) -> int:
        """Wait until everything the books hold now is on disk; its number."""
        number = self.books.number
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.when_seen(lambda: None if waiting.done() else waiting.set_result(None))
        await waiting
        return number

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher(first number, facts)` after each commit, with no facts after an edit; returns how to stop it."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def _committed(self, answer: Answer, done: Done) -> None:
        done(answer)
        for watcher in tuple(self._watchers):
            watcher(answer.number, answer.facts)

    def _remember(self, ask: int, answer: Answer) -> None:
        self._recent[ask] = answer
        if len(self._recent) > RECENT_ANSWERS:
            self._recent.popitem(last=False)

    def _again(self, ask: int, number: int, done: Done) -> None:
        recent = self._recent.get(ask)
        if recent is not None:
            last = recent.number + len(recent.facts) - 1
            self._journal.after(last, lambda: done(recent))
            return
        reading = asyncio.ensure_future(self._read_back(number, done))
        self._reading.add(reading)
        reading.add_done_callback(self._reading.discard)

    async def _read_back(self, number: int, done: Done) -> None:
        done(Answer(await self._journal.find(number), number=number))
