"""The hub as a target of rubbish: its real link, desk, rules and books, with two devices that are there.

An input is bytes: one line with a topic (`!` before it: from the broker's memory), then the payload. Nothing here is a socket.
"""

import asyncio
import itertools
import queue
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

from hub.clock import Clock
from hub.core.books import Books
from hub.desk import Desk
from hub.fleet import Fleet
from hub.link import Link
from hub.orders import Orders
from proto import codec, topics
from proto.messages import AskMessage, Do, Health, Result, ScanMessage, State, Status
from proto.topics import Kind
from tests.boxes import town
from tests.faults.rubbish import Tree, bytes_of, tree_of
from tests.journals import MemoryJournal, MemoryRegister, check_books
from tests.proto.samples import INC, MESSAGES, OLDER_INC, SESSION
from tests.schools import BADGE_KEY, badge, moment

SHAPES: dict[Kind, Any] = {
    Kind.SCAN: ScanMessage,
    Kind.STATE: State,
    Kind.ASK: AskMessage,
    Kind.HEALTH: Health,
    Kind.RESULT: Result,
}
KINDS = (Kind.SCAN,) * 12 + (Kind.ASK,) * 4 + (Kind.STATE, Kind.HEALTH, Kind.RESULT) * 2
DEVICES = ("door-1",) * 6 + ("till-1",) * 3
STRANGE = ("preau/v1/hub", "preau/v1/nobody/scan", "preau/v1/door-1", "preau/v2/door-1/scan", "preau/v1/DOOR-1/scan", "preau/v1/+/scan", "")
READERS = ("gate", "inner", "till", "qr", "door-1")
BADGES = tuple(badge(name) for name in ("Léa", "Tom", "Noé", "Mia", "nobody"))
MEMORY = "!"
TREES = {name: msgspec.json.decode(codec.encode(message)) for name, message in MESSAGES.items()}
"""The golden vectors, as trees."""
GOLDEN = {
    kind: [tree for name, tree in TREES.items() if name.split("-")[0] in {kind.value, "want" if kind is Kind.ASK else ""}]
    for kind in SHAPES
}
GOOD = 0.05
"""Share of inputs nothing is wrong with: the books must have something to be right about."""


class BrokenError(AssertionError):
    """Something that was promised of rubbish does not hold."""


@dataclass(frozen=True, slots=True)
class Ward:
    """What targets live in: the loop of those that need one, and what was said inside of defects of their own."""

    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    told: "queue.SimpleQueue[Any]" = field(default_factory=queue.SimpleQueue)


def parted(given: bytes) -> tuple[str, bytes, bool]:
    """Topic, payload, and whether it comes from the broker's memory."""
    head, _, payload = given.partition(b"\n")
    topic = head.decode(errors="replace")
    return topic.removeprefix(MEMORY), payload, topic.startswith(MEMORY)


def joined(luck: Random, topic: str, tree: Tree) -> bytes:
    """An input: the tree on this topic, mostly with something wrong with it."""
    way = luck.random()
    spoilt = tree if way < GOOD or way > 0.6 else tree_of(luck, tree)
    payload = msgspec.json.encode(spoilt)
    if way > 0.6:
        payload = bytes_of(luck, payload, codec.encode(luck.choice(list(MESSAGES.values()))))
    return f"{MEMORY * (luck.random() < 0.03)}{topic}\n".encode() + payload


# --- the hub --------------------------------------------------------------------------------------


@dataclass
class Broker:
    """Where the hub's answers go: counted, and read back."""

    up: bool = True
    sent: int = 0

    def start(self, will: tuple[str, bytes]) -> None:
        """Connected from the first moment."""

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        assert topics.address(topic) or topic == topics.HUB, topic
        assert len(payload) <= codec.MAX_BYTES
        msgspec.json.decode(payload)
        self.sent += 1

    async def close(self, farewell: tuple[str, bytes]) -> None:
        """Nothing waits."""


class HubTarget:
    """Link, desk and books of a hub with two born devices. Each message that is no message is counted once; the books stay right."""

    def __init__(self, ward: Ward) -> None:
        self._told, self._loop = ward.told, ward.loop
        self._loop.set_exception_handler(lambda _loop, context: ward.told.put(context))
        self._journal, self._fleet, self._ns = MemoryJournal(), Fleet(), 0
        school = town()
        self._desk = Desk(school, Books(), self._journal, MemoryRegister(school))
        sessions = (f"{number:016x}" for number in itertools.count(1))
        clock = Clock(wall_ns=lambda: moment("15:40") * 1_000_000 + self._ns, mono_ns=lambda: self._ns)
        orders = Orders(BADGE_KEY, lambda device: device.id, lambda _device: None)
        self.link = Link(self._desk, self._fleet, orders, clock, lambda _listener, _filters: Broker(), lambda: next(sessions))
        for device in set(DEVICES):
            self._born(device)

    def make(self, luck: Random) -> bytes:
        device = luck.choice(DEVICES)
        if luck.random() < 0.02:
            return joined(luck, luck.choice(STRANGE), TREES["scan"])
        if luck.random() < 0.01:
            self.link.command(device, Do.OPEN, "gate")
        kind = luck.choice(KINDS)
        return joined(luck, topics.topic(device, kind), self._scans(luck, device) if kind is Kind.SCAN else luck.choice(GOLDEN[kind]))

    def take(self, given: bytes) -> str:
        """What became of it. Raises BrokenError, or whatever the hub raises."""
        topic, payload, retained = parted(given)
        self._ns += 100_000_000  # ten messages a second: it is not the flood that is tried here
        address = topics.address(topic)
        known = address is not None and address.kind in topics.FROM_DEVICE and address.device in self._desk.school.devices
        seen = self._fleet.of(address.device if known and address else "door-1")
        expected, before = self._expected(topic, payload, retained=retained) if known else "", dict(seen.rubbish)
        self._loop.run_until_complete(self._received(topic, payload, retained=retained))
        if expected:
            before[expected] = before.get(expected, 0) + 1
        if dict(seen.rubbish) != before:
            raise BrokenError(f"counted {seen.rubbish} instead of {before}")
        if not self._told.empty():
            raise BrokenError(f"somebody inside failed: {self._told.get()}")
        if known and address:
            self._born(address.device)
        return expected or ("taken" if known else "no device's topic")

    def check(self) -> None:
        """Replay equals live, and all money is somewhere."""
        self._journal.commit()
        check_books(self._journal.facts(), self._desk.books)

    async def _received(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """All turns of the loop a message takes, and the commits it waits for."""
        self.link.receive(topic, payload, retained)
        self._journal.commit()
        while self._loop._ready:  # type: ignore[attr-defined]  # asyncio tells nobody whether it has something to do
            await asyncio.sleep(0)
            self._journal.commit()

    def _expected(self, topic: str, payload: bytes, *, retained: bool) -> str:
        """Why the hub must drop it; empty: it is a message."""
        address = topics.address(topic)
        assert address is not None
        if retained and address.kind is not Kind.STATE:
            return "retained"
        message = codec.decode(payload, SHAPES[address.kind])
        if isinstance(message, codec.Rubbish):
            return message.value
        return "old_session" if address.kind is not Kind.STATE and message.session != SESSION else ""

    def _born(self, device: str) -> None:
        """Whatever a false birth has said: the device is there, in its session."""
        seen = self._fleet.of(device)
        seen.status, seen.session, seen.inc = Status.ON, SESSION, INC
        seen.superseded.clear()
        self._fleet.cloned.clear()

    def _scans(self, luck: Random, device: str) -> Tree:
        """A message of records that fit the books: taps, lit taps, and now and then a hole or very many."""
        inc = luck.choice((INC, INC, OLDER_INC))
        line = self._desk.books.line(device, inc)
        n = max(1, min(luck.choice((line.n + 1, line.n + 1, line.n, line.shown_n + 1)), 2**53 - 300))
        count = luck.choice((1, 1, 2, 3, 3, 90 if luck.random() < 0.05 else 1))
        mono_ms = self._ns // 1_000_000
        records: list[Tree] = [self._record(luck, inc, n + more, mono_ms) for more in range(count)]
        if luck.random() < 0.05:
            records.append({"t": "hole", "inc": inc, "n": n + count, "to_n": n + count + luck.randrange(5)})
        return {**TREES["scan"], "q": luck.randint(1, 99), "mono_ms": mono_ms, "records": records}

    def _record(self, luck: Random, inc: str, n: int, mono_ms: int) -> Tree:
        record = {**TREES["scan-door"]["records"][0], "inc": inc, "n": n, "reader": luck.choice(READERS), "badge": luck.choice(BADGES)}
        record["mono_ms"] = max(0, mono_ms - luck.choice((0, 50, 5_000, 10**9)))
        if luck.random() < 0.4:
            light = luck.choice(("accepted", "look", "adult", "again"))
            record |= {"shown": {"light": light, "code": "offline", "by_hub": luck.random() < 0.3}, "nonce": ""}
        return record
