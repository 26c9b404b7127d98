"""A hub's link on a real broker with a desk in memory, and boxes that speak to it: devices as the wire knows them.

A `Box` has no readers and no lamps. It says what a test tells it to say, lies included; `edge` is not in it.
"""

import asyncio
import contextlib
import itertools
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from hub.broker import Account as BrokerAccount
from hub.clock import Clock
from hub.core.books import Books
from hub.core.facts import Fact, Facts
from hub.core.school import Device, Reader, Rows, School, edited
from hub.desk import Desk
from hub.fleet import Fleet, Seen
from hub.link import Link
from hub.mqtt import Account, Wire
from hub.orders import Orders
from proto import codec, topics
from proto.codec import Versioned
from proto.messages import (
    Ask,
    Command,
    Config,
    Direction,
    Hole,
    HubState,
    Line,
    RosterManifest,
    RosterMessage,
    RosterPart,
    Scan,
    ScanMessage,
    Settled,
    Shown,
    State,
    Status,
    Use,
    Verdict,
    VerdictMessage,
)
from proto.topics import Kind
from tests.brokers import DEVICES, WAIT_S, Heard, Peer, Running
from tests.journals import MemoryJournal, MemoryRegister
from tests.schools import BADGE_KEY, BOOT, FIRST_LIFE, badge, moment, number, small_school

SESSION = "1" * 16
LOOK_S = 0.002
"""How often a condition is looked at that nobody announces."""
TOLD_S = 1.0
"""A box that was told nothing of the hub for so long says its birth."""
SHAPES: dict[Kind, Any] = {
    Kind.VERDICT: VerdictMessage,
    Kind.SETTLED: Settled,
    Kind.COMMAND: Command,
    Kind.CONFIG: Config,
    Kind.ROSTER: RosterMessage,
}


def town() -> School:
    """The small school with the two devices that the test brokers let in: `door-1` with a gate, `till-1` with a canteen till."""
    rows: Rows = (
        Device("door-1", number("Tilleuls"), "Porte"),
        Reader("door-1", "gate", "Porte", Use.CARE, Direction.TOGGLE, 0, 800),
        Reader("door-1", "inner", "Couloir", Use.CARE, Direction.TOGGLE),
        Device("till-1", number("Tilleuls"), "Caisse"),
        Reader("till-1", "till", "Caisse", Use.TILL, Direction.IN, number("meal")),
    )
    return edited(small_school(), rows)


@dataclass(slots=True)
class PacedJournal:
    """A journal in memory that commits at the next turn of the loop, or, while `held`, when the test says so."""

    memory: MemoryJournal = field(default_factory=MemoryJournal)
    held: bool = False

    def append(self, facts: Facts, done: Callable[[], None]) -> None:
        self.memory.append(facts, done)
        if not self.held:
            asyncio.get_running_loop().call_soon(self.memory.commit)

    def after(self, number: int, done: Callable[[], None]) -> None:
        self.memory.after(number, done)

    async def find(self, number: int) -> Facts:
        return await self.memory.find(number)

    def facts(self) -> list[Fact]:
        return self.memory.facts()


@dataclass(slots=True)
class Switchboard:
    """The hub's side of the wire, whole: link, desk, fleet, orders. It is Monday, 16:00."""

    link: Link
    desk: Desk
    fleet: Fleet
    journal: PacedJournal
    running: Running
    asks: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1_000_000))

    def seen(self, device: str) -> Seen:
        return self.fleet.of(device)

    def settled(self) -> tuple[list[Fact], Books]:
        """Everything committed, and the live books."""
        self.journal.memory.commit()
        return self.journal.facts(), self.desk.books

    def edit(self, *rows: Any) -> "asyncio.Task[Any]":
        return asyncio.ensure_future(self.desk.edit(next(self.asks), lambda _school: rows))


@contextlib.asynccontextmanager
async def switchboard(running: Running, books: Books | None = None) -> AsyncIterator[Switchboard]:
    """A link that is connected, or about to be."""
    school, journal = town(), PacedJournal()
    desk = Desk(school, books or Books(), journal, MemoryRegister(school))
    fleet, sessions = Fleet(), itertools.count(1)
    passwords = {account.user: account.password for account in running.devices}
    pending: set[asyncio.Task[Any]] = set()

    def block(device: str) -> None:
        pending.add(board.edit(replace(desk.school.devices[device], blocked="clone")))

    orders = Orders(BADGE_KEY, lambda device: passwords.get(device.id, "nobody"), block)
    account = Account(running.host, running.port, running.hub.user, running.hub.password)
    clock = Clock(start_ms=moment("16:00"))
    link = Link(desk, fleet, orders, clock, partial(Wire, account), lambda: f"{next(sessions):016x}")
    board = Switchboard(link, desk, fleet, journal, running)
    link.start()
    try:
        yield board
    finally:
        await link.stop()
        await asyncio.gather(*pending)


@dataclass
class Box:
    """A device that says what it is told to. `heard` holds what came for each kind and was not yet taken."""

    peer: Peer
    device: str
    inc: str = FIRST_LIFE
    session: str = SESSION
    q: int = 0
    kept: dict[Kind, deque[Any]] = field(default_factory=dict)
    raw: dict[Kind, deque[Heard]] = field(default_factory=dict)
    counts: Counter[Kind] = field(default_factory=Counter)

    async def say(self, kind: Kind, message: Versioned | bytes) -> None:
        payload = message if isinstance(message, bytes) else codec.encode(message)
        await self.peer.publish(topics.topic(self.device, kind), payload, topics.qos(kind), retain=kind in topics.RETAINED)

    async def birth(self, session: str = SESSION, inc: str = "") -> None:
        self.session, self.inc = session, inc or self.inc
        await self.say(Kind.STATE, State(status=Status.ON, session=self.session, inc=self.inc))

    async def send(self, *records: Scan | Hole, session: str = "", mono_ms: int = 1_000) -> int:
        """The next question."""
        self.q += 1
        message = ScanMessage(session=session or self.session, q=self.q, boot=BOOT, mono_ms=mono_ms, records=list(records))
        await self.say(Kind.SCAN, message)
        return self.q

    async def ask(self, *lines: Line) -> Settled:
        """How far are you? It goes behind everything sent before: what has not come by then does not come."""
        self.q += 1
        await self.say(Kind.ASK, Ask(session=self.session, q=self.q, lines=list(lines)))
        while True:
            settled: Settled = await self.hear(Kind.SETTLED)
            if settled.q == self.q:
                return settled

    async def verdict(self) -> Verdict:
        """The only verdict of the next message."""
        message: VerdictMessage = await self.hear(Kind.VERDICT)
        assert message.session == self.session
        (verdict,) = message.verdicts
        return verdict

    async def told(self) -> bool:
        """Whether the hub says soon that it is here. A broker may tell nothing to who subscribes while the hub says it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TOLD_S):
                while (await self.hear(Kind.STATE)).status is not Status.ON:
                    pass
                return True
        return False

    async def hear(self, kind: Kind) -> Any:
        """The next message of this kind."""
        while not self.kept.get(kind):
            await self.listen()
        return self.kept[kind].popleft()

    async def listen(self) -> None:
        """Take one message of any kind."""
        heard = await self.peer.next()
        address = topics.address(heard.topic)
        kind = address.kind if address else Kind.STATE
        message = codec.decode(heard.payload, SHAPES.get(kind, State) if address else HubState)
        self.counts[kind] += 1
        self.kept.setdefault(kind, deque()).append(message)
        self.raw.setdefault(kind, deque()).append(heard)


@contextlib.asynccontextmanager
async def box(running: Running, account: BrokerAccount = DEVICES[0], *, will: bool = True) -> AsyncIterator[Box]:
    """A connected device, born under the first session once it heard the hub: the hub hears whoever comes from then on."""
    last = (topics.topic(account.user, Kind.STATE), codec.encode(State(status=Status.LOST, session=SESSION, inc=FIRST_LIFE)))
    async with Peer(running, account, last if will else None) as peer:
        speaking = Box(peer, account.user)
        for kind in topics.TO_DEVICE:
            assert await peer.subscribe(topics.topic(account.user, kind), topics.HEARD_QOS)
        assert await peer.subscribe(topics.HUB, topics.HEARD_QOS)
        async with asyncio.timeout(WAIT_S):
            while not await speaking.told():
                await speaking.birth()  # as a device does at once: it makes the hub call
        await speaking.birth()
        yield speaking


def tap(who: str = "Léa", n: int = 1, reader: str = "gate", *, shown: Shown | None = None, nonce: str = "", inc: str = FIRST_LIFE) -> Scan:
    """A tap that happened just now, by the device's own clock."""
    return Scan(inc=inc, n=n, reader=reader, badge=badge(who), boot=BOOT, mono_ms=1_000, wall_ms=0, nonce=nonce, shown=shown)


async def until(condition: Callable[[], bool]) -> None:
    """Let others work until this holds; the deadline is that of every wait."""
    async with asyncio.timeout(WAIT_S):
        while not condition():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), LOOK_S)


async def whole_roster(device: Box, want: Callable[[RosterManifest, int], Any]) -> tuple[RosterManifest, list[str]]:
    """The roster that is offered, asked for part by part. What the broker kept may be offered again at a birth."""
    manifest = await device.hear(Kind.ROSTER)
    assert isinstance(manifest, RosterManifest)
    parts = []
    for number_of_part in range(manifest.parts):
        await device.say(Kind.ASK, want(manifest, number_of_part))
        while not isinstance(part := await device.hear(Kind.ROSTER), RosterPart):
            assert part == manifest
        parts.append(part.body)
    return manifest, parts
