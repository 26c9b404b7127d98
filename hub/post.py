"""The post: letters because of facts, queued behind the journal and sent until they have arrived. It knows no words and no wire.

It follows the journal in its own time, so no tap waits for it. A letter is sent at least once: it is noted as sent after the server has
answered for it, and a hub that dies between these two sends it again, under the same Message-ID. Pauses between tries grow from a minute
to six hours; after three days a letter is given up, and staff are told (requirement S36, issue 4).
"""

import asyncio
import contextlib
import enum
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from hub.addresses import Sender, read_address
from hub.core.facts import LowBalance
from hub.core.references import printed
from hub.core.school import Adult, School, Site
from hub.desk import Desk
from hub.journal import Journal
from hub.mailqueue import MailQueue, Queued, State
from hub.settings import MailSettings

if TYPE_CHECKING:
    from hub.letters import Envelope

log = logging.getLogger(__name__)

EVERY_S = 30.0
"""How often the journal is looked at and letters are sent: nobody waits for one by the second."""
AT_ONCE = 15
"""Letters of one round, over one connection: thirty a minute, which is what large providers take."""
HEAD_FACTS = 10_000
"""Without a letter, how far the journal is followed before that is written down: read again in a tenth of a second."""
FIRST_PAUSE_S = 60.0
GROWTH = 3
LONGEST_PAUSE_S = 6 * 3600.0
JITTER = 0.25
"""Of a pause at most, added by luck: many letters that were sent away together do not come back together."""
GIVE_UP_MS = 3 * 86_400_000
DOWN_AFTER = 3
"""Failures in a row before staff are told that no letter gets through: four minutes, longer than a server takes to start again."""
FAILED_MS = 7 * 86_400_000
"""How long staff are told of a letter that failed for good."""
END_S = 3.0
"""What a letter under way is given when the hub is told to end."""


class Result(enum.StrEnum):
    """What came of a try."""

    SENT = "sent"
    LATER = "later"  # this letter; others may go
    REFUSED = "refused"  # this letter, for good
    DOWN = "down"  # no letter gets through now


@dataclass(frozen=True, slots=True)
class Outcome:
    """`code` is what the queue keeps: the server's number, or a word of ours. `said` may name a person: it is never kept."""

    result: Result
    code: str
    said: str


class Carrier(Protocol):
    """The port to the mail server (hub/smtp.py)."""

    async def deliver(self, content: bytes, envelope: "Envelope") -> Outcome:
        """Hand one letter over."""

    async def close(self) -> None:
        """Say goodbye to the server."""


@dataclass(frozen=True, slots=True)
class Clockwork:
    """The machine's clock (Unix ms), luck in [0, 1), and how often the post does its round."""

    wall_ms: Callable[[], int]
    luck: Callable[[], float]
    every_s: float = EVERY_S


class Post:
    """One task beside the hub. `make_carrier` is called for the first letter, on a thread: what it loads is slow."""

    def __init__(
        self, desk: Desk, journal: Journal, queue: MailQueue, sender: Sender, make_carrier: Callable[[], Carrier], clock: Clockwork
    ) -> None:
        self._desk = desk
        self._journal = journal
        self._queue = queue
        self._sender = sender
        self._make_carrier = make_carrier
        self._clock = clock
        self._carrier: Carrier | None = None
        self._number = 0
        """Of the last fact that was looked at."""
        self._stored = 0
        """The same, as it is written down."""
        self._failures = 0
        """In a row, of the way to the server."""
        self._rest_until_ms = 0
        self._failed = 0
        self._broken = False
        self._ending = asyncio.Event()
        self._working: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, behind everything else."""
        self._working = asyncio.create_task(self._work(), name="post")
        self._working.add_done_callback(self._ended)

    async def close(self) -> None:
        """Let the letter under way arrive, if that is soon, and stop."""
        self._ending.set()
        if self._working is not None:
            await asyncio.wait([self._working])

    def alarms(self) -> list[str]:
        """`mail_down`: no letter gets through. `mail_failed`: one failed for good this week. `mail_stopped`: a defect; none is tried."""
        return ["mail_down"] * (self._failures >= DOWN_AFTER) + ["mail_failed"] * (self._failed > 0) + ["mail_stopped"] * self._broken

    # --- the round --------------------------------------------------------------------------------

    async def _work(self) -> None:
        self._number = self._stored = await self._queue.begin(self._journal.durable)
        await self._queue.tidy(self._clock.wall_ms())
        while not self._ending.is_set():
            await self._follow()
            await self._send_due()
            self._failed = await self._queue.failed_since(self._clock.wall_ms() - FAILED_MS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), self._clock.every_s)
        if self._number > self._stored:
            await self._queue.put([], self._number, 0)

    def _ended(self, working: asyncio.Task[None]) -> None:
        """A defect of ours stops the letters, and nothing else: children are at the door."""
        if not working.cancelled() and (error := working.exception()) is not None:
            self._broken = True
            log.error("no letters are sent until the hub is started again", exc_info=error)

    async def _follow(self) -> None:
        """Queue the letters of what has happened since, together with how far that was."""
        low: dict[int, LowBalance] = {}
        async for commit in self._journal.read(self._number + 1):
            low |= {number: fact for number, fact in enumerate(commit.facts, commit.number) if isinstance(fact, LowBalance)}
            self._number = commit.last
            await asyncio.sleep(0)  # a badge comes first
        if low or self._number - self._stored >= HEAD_FACTS:
            due = [(number, adult.id) for number, adult in readers(self._desk.school, low)]
            await self._queue.put(due, self._number, self._clock.wall_ms())
            self._stored = self._number

    async def _send_due(self) -> None:
        """A few of the letters whose time has come, over one connection; none of them while the way is known to be closed."""
        if self._clock.wall_ms() < self._rest_until_ms:
            return
        for letter in await self._queue.due(self._clock.wall_ms(), AT_ONCE):
            outcome = await self._try(letter)
            if outcome is None:
                break
            await self._note(letter, outcome)
            if outcome.result is Result.DOWN or self._ending.is_set():
                break
        if self._carrier is not None:
            await self._carrier.close()

    async def _try(self, letter: Queued) -> Outcome | None:
        """What came of sending it; None when the hub ends before that is known."""
        if self._clock.wall_ms() - letter.queued_ms > GIVE_UP_MS:
            return Outcome(Result.REFUSED, "too_late", "")
        written = await self._written(letter)
        if written is None:
            return Outcome(Result.REFUSED, "no_reader", "")
        if self._carrier is None:
            self._carrier = await asyncio.to_thread(self._make_carrier)
        delivery = asyncio.create_task(self._carrier.deliver(*written))
        ending = asyncio.create_task(self._ending.wait())
        await asyncio.wait((delivery, ending), return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait((delivery,), timeout=END_S)
        ending.cancel()
        if delivery.done():
            outcome = delivery.result()
            self._failures = self._failures + 1 if outcome.result is Result.DOWN else 0
            return outcome
        delivery.cancel()
        await asyncio.wait((delivery,))
        return None

    async def _written(self, letter: Queued) -> "tuple[bytes, Envelope] | None":
        """The mail, in the words and to the address of now; None when there is nobody left to write to."""
        fact = (await self._journal.facts([letter.fact])).get(letter.fact)
        if not isinstance(fact, LowBalance):
            return None
        # Asked again: who has left the household since must not read its balance.
        adult = next((one for _, one in readers(self._desk.school, {letter.fact: fact}) if one.id == letter.adult), None)
        if adult is None:
            return None
        now_at = datetime.fromtimestamp(self._clock.wall_ms() / 1000, UTC)
        # On a thread: what letters are made of takes a while to load, and a badge comes first.
        return await asyncio.to_thread(_compose, fact, adult, _wallet(self._desk, fact.wallet), self._sender, now_at)

    # --- what came of it --------------------------------------------------------------------------

    async def _note(self, letter: Queued, outcome: Outcome) -> None:
        now_ms = self._clock.wall_ms()
        match outcome.result:
            case Result.SENT:
                await self._queue.note(letter, State.SENT, now_ms, "")
            case Result.REFUSED:
                log.error("the letter of fact %d to adult %d failed for good: %s", letter.fact, letter.adult, outcome.code)
                await self._queue.note(letter, State.FAILED, now_ms, outcome.code)
            case Result.LATER:
                await self._queue.note(letter, State.QUEUED, now_ms + self._pause_ms(letter.tries), outcome.code)
            case Result.DOWN:
                # This letter steps back, in case it is the one that the server cannot bear; all wait for the way to be open again.
                self._rest_until_ms = now_ms + self._pause_ms(self._failures - 1)
                log.warning("no letter gets through (%s); the next try is at %s", outcome.code, _clock_time(self._rest_until_ms))
                await self._queue.note(letter, State.QUEUED, now_ms + self._pause_ms(letter.tries), outcome.code)

    def _pause_ms(self, tries: int) -> int:
        return pause_ms(tries, self._clock.luck())


def readers(school: School, low: Mapping[int, LowBalance]) -> list[tuple[int, Adult]]:
    """Who gets a letter because of which fact (by number): the adults of the paying household who have an address, and nobody else.

    A settlement may bring hundreds at once, so the adults are gone through once.
    """
    numbers: defaultdict[int, list[int]] = defaultdict(list)
    for number, fact in low.items():
        numbers[school.home(fact.payer)].append(number)
    return [(number, adult) for adult in school.adults.values() if adult.email for number in numbers.get(adult.household, ())]


def over_smtp(mail: MailSettings) -> Carrier:
    """The way to the mail server. What it loads is slow, so it is loaded when there is a letter."""
    from hub.smtp import Carrier as OverSmtp

    return OverSmtp(mail)


def _compose(
    fact: LowBalance, adult: Adult, wallet: tuple[Site, str, str], sender: Sender, now_at: datetime
) -> "tuple[bytes, Envelope] | None":
    """The mail about a wallet; None where the address is none."""
    from hub import letters

    address = read_address(adult.email)
    if address is None:
        return None
    envelope = letters.Envelope(sender, address, f"{adult.first_name} {adult.last_name}", letters.mark(fact, adult))
    return letters.message(letters.low_balance(fact, *wallet, adult), envelope, now_at).as_bytes(), envelope


def _wallet(desk: Desk, wallet: int) -> tuple[Site, str, str]:
    """Where a wallet is, its structured communication as people write it, and the first name of the child where each has its own."""
    opened = desk.books.owners[wallet]
    child = desk.school.pupils.get(opened.pupil)
    return desk.school.sites[opened.site], printed(opened.reference), child.first_name if child else ""


def _clock_time(moment_ms: int) -> str:
    return f"{datetime.fromtimestamp(moment_ms / 1000, UTC):%H:%M:%S} UTC"


def pause_ms(tries: int, luck: float) -> int:
    """How long to wait after a failure, when `tries` failed before it: a minute, three, nine, … six hours, and up to a quarter more."""
    return int(min(FIRST_PAUSE_S * GROWTH ** min(tries, 9), LONGEST_PAUSE_S) * (1 + JITTER * luck) * 1000)
