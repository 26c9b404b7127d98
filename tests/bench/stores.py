"""T7 to T9: commits and bytes for each scan, each measured in a process of its own: `python -m tests.bench.stores hub|card …`.

The hub's stores and rules are the real ones (journal, register, history, desk), without broker and link; `waiting` scans are open at any
moment. The card's are the real loop, station and outbox, on a clock that is set: an hour passes in seconds, and no hub is needed.
"""

import asyncio
import os
import queue
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from edge import events as e
from edge import station
from edge.loop import Loop, Parts
from edge.outbox import SqliteOutbox
from edge.vitals import Vitals
from hub.core import scans
from hub.core.scans import Arrived
from hub.desk import Answer
from hub.keys import badge_key
from hub.memory import Memory, memory
from proto.badge import badge_hash
from proto.codec import Versioned
from proto.messages import (
    Ask,
    ClockQuality,
    DeviceConfig,
    Direction,
    HubState,
    Light,
    Line,
    ReaderConfig,
    Scan,
    ScanMessage,
    Settled,
    Status,
    Use,
    Verdict,
    VerdictMessage,
)
from proto.topics import Kind
from tests.bench import processes, school

STEP_MS = 100
"""Between two scans of the hub's day: nobody is back within 3 s."""
FIRST_DAY_MS = 1_800_000_000_000
LATER_MS = 3_600_000
"""Between two lives of the same scripted devices: no tap is taken for one whose light was lost."""
CARD_STEP_MS = 300
"""200 scans a minute."""
_ID = "a" * 16


class Cost(msgspec.Struct, frozen=True):
    """What `scans` scans cost a disk."""

    scans: int
    commits: int
    bytes: int
    facts: int = 0


def hub_cost(folder: Path, waiting: int, count: int) -> Cost:
    """`count` scans at the hub whose data is in `folder`, `waiting` of them open at any moment."""
    return _child("hub", str(folder), str(waiting), str(count))


def card_cost(folder: Path, count: int) -> Cost:
    """`count` scans on a device, 200 a minute, all answered by the hub."""
    return _child("card", str(folder), str(count))


def _child(*arguments: str) -> Cost:
    return msgspec.json.decode(processes.run(["tests.bench.stores", *arguments]), type=Cost)


# --- the hub's disk ------------------------------------------------------------------------------


@dataclass(slots=True)
class _Rush:
    """Scans of one scripted device a waiting place, each followed by the next one as soon as it is answered."""

    stores: Memory
    inc: str
    badges: list[str]
    left: int
    now_ms: int
    """The time of the last scan: Unix ms of a made-up day."""
    open: int = 0
    unsold: int = 0
    numbers: dict[str, int] = field(default_factory=dict)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def next(self, device: str) -> None:
        """One more scan of this device, while there are any."""
        if not self.left:
            return
        self.left -= 1
        self.open += 1
        n = self.numbers[device] = self.numbers.get(device, 0) + 1
        self.now_ms = at_ms = self.now_ms + STEP_MS
        badge = self.badges[self.left % len(self.badges)]
        scan = Scan(inc=self.inc, n=n, reader=school.READER, badge=badge, boot=self.inc, mono_ms=at_ms, wall_ms=at_ms)
        arrived = Arrived(device, scan, at_ms, 0, at_ms)
        self.stores.desk.submit(lambda answer: self._answered(device, answer), arrived.ask, scans.take, arrived)

    def _answered(self, device: str, answer: Answer) -> None:
        self.unsold += len(answer.facts) < 2
        self.open -= 1
        self.next(device)
        if not self.open:
            self.over.set()


async def _hub(folder: Path, waiting: int, count: int) -> Cost:
    before = processes.written_bytes()
    async with memory(folder) as stores:
        key = badge_key(stores.master)
        badges = [badge_hash(key, school.badge_code(number)) for number in range(school.PUPILS)]
        before_ms = max((tap.at_ms for tap in stores.desk.books.taps.values()), default=FIRST_DAY_MS)
        rush = _Rush(stores, os.urandom(8).hex(), badges, count, before_ms + LATER_MS)
        commits, facts = stores.journal.commits, stores.desk.books.number
        for device in school.SCRIPTED[:waiting]:
            rush.next(device)
        await rush.over.wait()
        assert not rush.unsold, f"{rush.unsold} of {count} scans did not go through the rule that is measured"
        await stores.history.caught_up(stores.desk.books.number)
        cost = (stores.journal.commits - commits, stores.desk.books.number - facts)
    return Cost(count, cost[0], processes.written_bytes() - before, cost[1])


# --- the card of a device ------------------------------------------------------------------------


@dataclass
class _SetClock:
    """A clock that goes when it is told to."""

    now_ms: int = 1_000_000

    def mono_ms(self) -> int:
        return self.now_ms

    def now(self) -> e.Clock:
        return e.Clock(_ID, 1_800_000_000_000 + self.now_ms, 0, ClockQuality.NTP)


@dataclass
class _PromptHub:
    """Answers every question at once, and says that it has everything."""

    answers: "queue.SimpleQueue[e.Event]" = field(default_factory=queue.SimpleQueue)
    rubbish: dict[str, int] = field(default_factory=dict)
    n: int = 0

    def publish(self, kind: Kind, message: Versioned) -> None:
        if isinstance(message, ScanMessage):
            asked = [scan for scan in message.records if isinstance(scan, Scan)]
            self.n = max(self.n, *(scan.n for scan in asked))
            verdicts = [Verdict(scan.inc, scan.n, Light.ACCEPTED, "sold") for scan in asked]
            self.answers.put(e.VerdictIn(VerdictMessage(session=_ID, verdicts=verdicts)))
        elif isinstance(message, Ask):
            self.answers.put(e.SettledIn(Settled(session=_ID, q=message.q, lines=[Line(_ID, self.n, self.n)])))


@dataclass
class _Lamps:
    lit: int = 0

    def show(self, pattern: e.Pattern, reader: str = "", **marks: str | int) -> None:
        self.lit += pattern is e.Pattern.ACCEPTED

    def pulse(self, reader: str, ms: int, **marks: str | int) -> None:
        raise AssertionError("a till has no door")


def _card(folder: Path, count: int) -> Cost:
    before = processes.written_bytes()
    clock, hub, lamps = _SetClock(), _PromptHub(), _Lamps()
    outbox = SqliteOutbox(folder, lambda: clock.now().wall_ms)
    parts = Parts(outbox, lamps, hub, clock, lambda: Vitals(0, 0, None, 0), lambda: None, _die, "bench")
    loop = Loop(_ID, {school.READER: "line"})
    config = DeviceConfig(school.EDGE, "0" * 64, [ReaderConfig(school.READER, Use.TILL, Direction.IN)])
    loop.begin(parts)
    for event in (e.ConfigIn(1, config), e.LinkUp(_ID), e.HubChanged(HubState(status=Status.ON, session=_ID))):
        _turn(loop, parts, hub, event)
    for number in range(count):
        _until(loop, parts, hub, clock, clock.now_ms + CARD_STEP_MS)
        code = school.badge_code(number % school.PUPILS)
        _turn(loop, parts, hub, e.ReadIn(school.READER, e.Text(code), clock.now(), _ID))
    _until(loop, parts, hub, clock, clock.now_ms + 120_000)
    outbox.close()
    assert lamps.lit == count, f"{lamps.lit} of {count} taps were lit"
    return Cost(count, 0, processes.written_bytes() - before)


def _turn(loop: Loop, parts: Parts, hub: _PromptHub, event: e.Event) -> None:
    loop.turn(parts, event)
    while not hub.answers.empty():
        loop.turn(parts, hub.answers.get())


def _until(loop: Loop, parts: Parts, hub: _PromptHub, clock: _SetClock, end_ms: int) -> None:
    """Time passes; whatever falls due on the way is done at its time."""
    while (due_ms := station.wake_ms(loop.state)) < end_ms:
        clock.now_ms = max(clock.now_ms, due_ms)
        _turn(loop, parts, hub, e.Tick())
    clock.now_ms = end_ms


def _die(reason: str) -> None:
    raise SystemExit(reason)


def main(which: str, folder: str, *numbers: str) -> None:
    """The child: measure, and print a Cost."""
    measures: dict[str, Callable[..., Cost]] = {"hub": lambda *more: asyncio.run(_hub(*more)), "card": _card}
    print(msgspec.json.encode(measures[which](Path(folder), *map(int, numbers))).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
