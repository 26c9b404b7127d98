"""The desk: the one writer (design.md, The desk).

It decides on the books as they are, applies the facts at once, and answers when they are on disk. It knows no rule and no table.
Books that cannot take what was decided, or a journal that cannot be read, end the process: the next start replays what is on disk.
"""

import asyncio
import logging
import os
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from itertools import chain
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from msgspec import Struct

from hub.core.books import Books
from hub.core.facts import Facts, Refusal
from hub.core.school import Rows, School, edited

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
RECENT_ANSWERS = 4096
"""Answers kept in memory for repeated asks; older ones are read back from the journal."""


class Answer(Struct, frozen=True):
    """What an ask led to. `number`: of its first fact, or for a refusal of the last fact it was decided on."""

    facts: Facts = ()
    refusal: Refusal | None = None
    number: int = 0


Decide = Callable[Concatenate[School, Books, P], Facts | Refusal]
Change = Callable[Concatenate[School, P], Rows | Refusal]
Done = Callable[[Answer], None]
Watcher = Callable[[Facts], None]
Aside = Callable[..., Awaitable[Any]]
"""Calls a function and waits for it, as `asyncio.to_thread` does."""


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

    async def knows(self, ask: int) -> bool:
        """Whether this ask was written before."""

    async def write(self, ask: int, rows: Rows) -> bool:
        """Write rows and the ask id in one transaction; False when this ask was already written."""


async def at_once(work: Callable[P, R], *details: P.args, **named: P.kwargs) -> R:
    """Aside for those who have one thread, or a school that is small."""
    return work(*details, **named)


class Desk:
    """One instance, on one event loop. `school` and `books` may be read by anyone; wait for `seen()` before showing them.

    `aside`: where an edit is worked out that changes a whole school, so that nobody waits for it.
    """

    def __init__(self, school: School, books: Books, journal: Journal, register: Register, aside: Aside = at_once) -> None:
        self.school = school
        self.books = books
        self._journal = journal
        self._register = register
        self._aside = aside
        self._editing = asyncio.Lock()
        self._recent: OrderedDict[int, Answer] = OrderedDict()
        self._watchers: list[Watcher] = []
        self._news: list[Facts] = []
        """Committed, and not yet told to those who watch."""
        self._running: set[asyncio.Future[Any]] = set()

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
            self._journal.after(answer.number, lambda: _call(done, answer))
            return
        assert all(fact.ask == ask for fact in outcome), "facts of another ask would not be found again under this one"
        answer = Answer(outcome, number=self.books.number + 1)
        try:
            for fact in outcome:
                self.books.apply(fact)
            _remember(self._recent, ask, answer)
            self._journal.append(outcome, lambda: self._committed(answer, done))
        except Exception:
            log.critical("what was decided could not be booked (ask %d): stopping, to replay at the next start", ask, exc_info=True)
            os._exit(1)

    async def do(self, ask: int, decide: Decide[P], *details: P.args, **named: P.kwargs) -> Answer:
        """Decide, and return the answer after its commit. A known ask gets its old answer."""
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def arrived(answer: Answer) -> None:
            if not waiting.done():
                waiting.set_result(answer)

        self.submit(arrived, ask, decide, *details, **named)
        return await waiting

    async def edit(self, ask: int, change: Change[P], *details: P.args, **named: P.kwargs) -> Answer:
        """Change what is set up, once per ask: decided on the school of that moment, written, then seen by all.

        A caller who goes away in the middle (a browser that is closed) does not stop what is being written.
        """
        return await asyncio.shield(self._run(self._edit(ask, lambda school: change(school, *details, **named), at_once)))

    async def edit_aside(self, ask: int, change: Change[P], *details: P.args, **named: P.kwargs) -> Answer:
        """The same for a change of thousands of rows, which is decided aside: on the school alone, while the books go on."""
        return await asyncio.shield(self._run(self._edit(ask, lambda school: change(school, *details, **named), self._aside)))

    def when_seen(self, done: Callable[[], None]) -> None:
        """Call `done` when everything the books hold now is on disk."""
        self._journal.after(self.books.number, lambda: _call(done))

    async def seen(self) -> int:
        """Wait until everything the books hold now is on disk; its number."""
        number = self.books.number
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.when_seen(lambda: None if waiting.done() else waiting.set_result(None))
        await waiting
        return number

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher(facts)` with what was committed together, in order, and with nothing after an edit; returns how to stop it.

        A watcher that raises is logged, and keeps nobody else from being told.
        """
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    async def _edit(self, ask: int, change: Callable[[School], Rows | Refusal], aside: Aside) -> Answer:
        async with self._editing:
            if await self._register.knows(ask):  # decided again it would meet its own effect
                return Answer(number=self.books.number)
            outcome: Rows | Refusal = await aside(change, self.school)
            if isinstance(outcome, Refusal):
                return Answer(refusal=outcome, number=self.books.number)
            if await self._register.write(ask, outcome):
                self.school = await self._aside(edited, self.school, outcome)
        self._tell(())
        return Answer(number=self.books.number)

    def _committed(self, answer: Answer, done: Done) -> None:
        _call(done, answer)
        if not self._news:
            asyncio.get_running_loop().call_soon(self._tell_all)  # those who asked have their answers first
        self._news.append(answer.facts)

    def _tell_all(self) -> None:
        """Tell all watchers once of all that was committed: fifty taps of a group commit are one piece of news."""
        news, self._news = self._news, []
        self._tell(tuple(chain.from_iterable(news)))

    def _tell(self, facts: Facts) -> None:
        for watcher in tuple(self._watchers):
            _call(watcher, facts)

    def _again(self, ask: int, number: int, done: Done) -> None:
        recent = self._recent.get(ask)
        if recent is not None:
            last = recent.number + len(recent.facts) - 1
            self._journal.after(last, lambda: _call(done, recent))
            return

        def committed() -> None:
            self._run(self._read_back(number, done))

        self._journal.after(number, committed)

    async def _read_back(self, number: int, done: Done) -> None:
        try:
            facts = await self._journal.find(number)
        except Exception:
            log.critical("the journal cannot be read at fact %d: stopping", number, exc_info=True)
            os._exit(1)
        _call(done, Answer(facts, number=number))

    def _run(self, work: Coroutine[object, object, R]) -> asyncio.Future[R]:
        """A task of the desk's own, kept until it is over."""
        running = asyncio.ensure_future(work)
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        return running


def _remember(answers: OrderedDict[int, Answer], ask: int, answer: Answer) -> None:
    answers[ask] = answer
    if len(answers) > RECENT_ANSWERS:
        answers.popitem(last=False)


def _call(told: Callable[P, object], *details: P.args, **named: P.kwargs) -> None:
    """Tell one; that it fails is its own defect, and must not keep the others from being told."""
    try:
        told(*details, **named)
    except Exception:
        log.exception("somebody who was told of committed facts failed")
