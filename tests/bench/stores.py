"""T7 to T9: commits and bytes for each scan, each measured in a process of its own: `python -m tests.bench.stores hub|card|lone_card …`.

The hub's stores and rules are the real ones (journal, register, history, desk), without broker and link; `waiting` scans are open at any
moment. The card's are the real loop, station and outbox, on a clock that is set: an hour passes in seconds, and no hub is needed.
"""

import asyncio
import contextlib
import queue
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec

from edge import events as e
from edge import station
from edge.loop import Loop, Parts
from edge.outbox import SqliteOutbox
from edge.vitals import Vitals
from hub.core.codes import Code
from hub.memory import Memory, memory
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
from tests.bench import processes, rush, school
from tests.bench.rush import Rush

CARD_STEP_MS = 300
"""200 scans a minute."""
ORDERING = 64
"""Orders that are made at a time."""
_ID = "a" * 16


class Cost(msgspec.Struct, frozen=True):
    """What `scans` scans cost a disk."""

    scans: int
    commits: int
    bytes: int
    facts: int = 0
    syncs: int | None = None
    """fsync and fdatasync calls of the whole process, its start and end included; None without strace."""


def hub_cost(folder: Path, waiting: int, count: int) -> Cost:
    """`count` orders handed out at the hub whose data is in `folder`, `waiting` of them open at any moment; they are made before."""
    processes.run(["tests.bench.stores", "order", str(folder), str(count)])
    return _child("hub", str(folder), str(waiting), str(count))


def card_cost(folder: Path, count: int) -> Cost:
    """`count` scans on a device, 200 a minute, all answered by the hub."""
    return _child("card", str(folder), str(count))


def lone_card_cost(folder: Path, count: int) -> Cost:
    """The same without a hub: the device keeps every scan itself before it lights anything."""
    return _child("lone_card", str(folder), str(count))


def fill(folder: Path, facts: int) -> int:
    """Orders, and scans that hand them out, one by one and without waiting for the disk, until the journal holds at least so many facts.

    Returns how many it holds then. A school's journal has a row for nearly each of them. An order is two facts, and so is its scan.
    """
    missing = facts - facts_held(folder)
    if missing > 3:
        processes.run(["tests.bench.stores", "fill", str(folder), str(missing // 4)])
    return facts_held(folder)


def facts_held(folder: Path) -> int:
    """How many facts the journal in a hub's data folder holds."""
    with contextlib.closing(sqlite3.connect(f"file:{folder / 'journal.db'}?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT max(number + count) - 1 FROM journal").fetchone()[0])


def _child(*arguments: str) -> Cost:
    with tempfile.NamedTemporaryFile(prefix="preau-bench-calls-") as calls:
        tracer = shutil.which("strace")
        # The kernel stops the program at these calls only: the others go on as ever.
        traced = (
            [tracer, "-f", "--seccomp-bpf", "-qq", "-e", "trace=fsync,fdatasync", "-e", "signal=none", "-o", calls.name] if tracer else []
        )
        cost = msgspec.json.decode(processes.run(["tests.bench.stores", *arguments], traced), type=Cost)
        lines = calls.read().decode().splitlines()
    begun = sum((" = " in line and "resumed" not in line) or "unfinished" in line for line in lines)
    return msgspec.structs.replace(cost, syncs=begun) if tracer else cost


# --- the hub's disk ------------------------------------------------------------------------------


async def _hub(folder: Path, waiting: int, count: int) -> Cost:
    before = processes.written_bytes()
    async with memory(folder) as stores:
        commits, facts = stores.journal.commits, stores.desk.books.number
        await _handed_out(stores, waiting, count)
        await stores.history.caught_up(stores.desk.books.number)
        cost = (stores.journal.commits - commits, stores.desk.books.number - facts)
    return Cost(count, cost[0], processes.written_bytes() - before, cost[1])


async def _handed_out(stores: Memory, waiting: int, count: int) -> None:
    tills = rush.tills(stores, waiting)
    await Rush(tills.tap, count).run(waiting)
    assert not tills.unserved, f"{tills.unserved} of {count} scans did not go through the rule that is measured"


async def _order(folder: Path, count: int) -> Cost:
    """In a process of its own: what it writes is no scan's."""
    async with memory(folder) as stores:
        await rush.ordered(stores, count, ORDERING)
        await stores.history.caught_up(stores.desk.books.number)
    return Cost(0, 0, 0)


async def _fill(folder: Path, count: int) -> Cost:
    async with memory(folder) as stores:
        await stores.journal._writing.execute("PRAGMA synchronous=OFF")
        await rush.ordered(stores, count, 1)
        await _handed_out(stores, 1, count)
        await stores.history.caught_up(stores.desk.books.number)
    return Cost(count, 0, 0)


# --- the card of a device ------------------------------------------------------------------------


@dataclass
class _SetClock:
    """A clock that goes when it is told to."""

    now_ms: int = 1_000_000

    def mono_ms(self) -> int:
        return self.now_ms

    def now(self) -> e.Clock:
        return e.Clock(_ID, rush.FIRST_DAY_MS + self.now_ms, 0, ClockQuality.NTP)


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
            verdicts = [Verdict(scan.inc, scan.n, Light.ACCEPTED, Code.SEEN) for scan in asked]
            self.answers.put(e.VerdictIn(VerdictMessage(session=_ID, verdicts=verdicts)))
        elif isinstance(message, Ask):
            self.answers.put(e.SettledIn(Settled(session=_ID, q=message.q, lines=[Line(_ID, self.n, self.n)])))


@dataclass
class _Lamps:
    lit: int = 0

    def show(self, pattern: e.Pattern, reader: str = "", **marks: str | int) -> None:
        self.lit += pattern in {e.Pattern.ACCEPTED, e.Pattern.ADULT}  # alone, without a roster, it sends everybody to an adult

    def pulse(self, reader: str, ms: int, **marks: str | int) -> None:
        raise AssertionError("a till has no door")


def _card(folder: Path, count: int, *, reachable: bool = True) -> Cost:
    before = processes.written_bytes()
    clock, hub, lamps = _SetClock(), _PromptHub(), _Lamps()
    outbox = SqliteOutbox(folder, lambda: clock.now().wall_ms)
    parts = Parts(outbox, lamps, hub, clock, lambda: Vitals(0, 0, None, 0), lambda: None, _die, "bench")
    loop = Loop(_ID, {school.READER: "line"})
    config = DeviceConfig(school.EDGE, "0" * 64, [ReaderConfig(school.READER, Use.TILL, Direction.IN)])
    loop.begin(parts)
    coming = (e.LinkUp(_ID), e.HubChanged(HubState(status=Status.ON, session=_ID))) if reachable else ()
    for event in (e.ConfigIn(1, config), *coming):
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
    measures: dict[str, Callable[..., Cost]] = {
        "hub": lambda *more: asyncio.run(_hub(*more)),
        "order": lambda *more: asyncio.run(_order(*more)),
        "fill": lambda *more: asyncio.run(_fill(*more)),
        "card": _card,
        "lone_card": partial(_card, reachable=False),
    }
    print(msgspec.json.encode(measures[which](Path(folder), *map(int, numbers))).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
