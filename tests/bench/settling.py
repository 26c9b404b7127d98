"""A week's settlement of every pupil of the commune, and how long a tap waits meanwhile: `python -m tests.bench.settling FOLDER`.

The real desk, journal and run, without broker and link. All 2,000 pupils were in care on five days; what it costs is gathered. Taps come
every few ms: first alone, then while the runs of all sites follow each other, then alone again.
"""

import asyncio
import gc
import itertools
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

import msgspec

from hub import settlement
from hub.core import scans
from hub.core.books import Books
from hub.core.facts import Refusal
from hub.core.settlement import Run, Settled, run_due
from hub.desk import Answer, Desk
from hub.folder import Folder, stop_at_once
from hub.journal import Journal
from tests.bench import commune, processes, scale
from tests.bench.commune import Day
from tests.bench.pace import passed
from tests.bench.report import Row
from tests.journals import MemoryRegister
from tests.schools import moment, number

SETTLED_S = 3.0
DELAYED_MS = 20.0
TAP_EVERY_S = 0.005
ALONE_S = 1.0
"""Of taps before the runs, and as long after them."""


class Week(msgspec.Struct, frozen=True):
    """One settlement: `took_s` of all runs, how often progress was told, and the ms of each tap meanwhile and alone."""

    pupils: int
    charges: int
    wallets: int
    told: int
    took_s: float
    meanwhile_ms: list[float]
    alone_ms: list[float]


def measure(folder: Path, rounds: int) -> list[Week]:
    """A settlement a round, each of a new school in a process of its own."""
    return [msgspec.json.decode(processes.run(["tests.bench.settling", str(folder / str(n))]), type=Week) for n in range(rounds)]


def rows(weeks: Sequence[Week]) -> Iterator[Row]:
    """R5 and R6: the settlement, and what it costs a tap."""
    week = weeks[0]
    size = f"{week.charges} charges, {week.wallets} wallets; progress told {week.told} times"
    yield Row("R5", f"a week's settlement of {week.pupils} pupils, s", median(each.took_s for each in weeks), SETTLED_S, size)
    delayed_ms = median(max(each.meanwhile_ms) - max(each.alone_ms) for each in weeks)
    usual = [median(median(getattr(each, name)) for each in weeks) for name in ("meanwhile_ms", "alone_ms")]
    beside = f"p50 {usual[0]:.2f} ms / {usual[1]:.2f} ms, of {sum(len(each.meanwhile_ms) for each in weeks)} taps"
    yield Row("R6", "the slowest tap during a settlement - the slowest without, ms", max(delayed_ms, 0.0), DELAYED_MS, beside)


@dataclass(slots=True)
class _Taps:
    """A tap after the other at the tills of the canteens, whoever's turn it is, until it is over; `ms` of those since the last look."""

    desk: Desk
    ms: list[float] = field(default_factory=list)
    over: bool = False

    async def come(self) -> None:
        """Each as soon as its moment has come, whether the one before is answered or not."""
        at_ms = moment("21:00", commune.FIRST_DAY)
        for place, pupil in enumerate(itertools.cycle(commune.school().pupils)):
            if self.over:
                return
            arrived = commune.tap_at(self.desk.books, "meals", pupil, at_ms + place * 100)
            since_ns = time.monotonic_ns()
            self.desk.submit(partial(self._answered, since_ns), arrived.ask, scans.take, arrived)
            await passed(TAP_EVERY_S)

    def looked_at(self) -> list[float]:
        """What was measured since the last time."""
        ms, self.ms = self.ms, []
        return ms

    def _answered(self, since_ns: int, _answer: Answer) -> None:
        self.ms.append((time.monotonic_ns() - since_ns) / 1e6)


async def settled(folder: Path) -> Week:
    """The week, then the runs with taps around and between them."""
    place = Folder(folder)
    journal = await Journal.open(place, stop_at_once)
    desk = Desk(commune.school(), Books(), journal, MemoryRegister(commune.school()))
    _lived(desk, journal)
    await desk.seen()
    gc.freeze()  # as the hub does once its books are loaded
    taps = _Taps(desk)
    coming = asyncio.create_task(taps.come())
    await passed(ALONE_S)
    alone_ms, since_ns = taps.looked_at(), time.monotonic_ns()
    outcomes = [outcome async for outcome in _runs(desk)]
    took_s, meanwhile_ms = (time.monotonic_ns() - since_ns) / 1e9, taps.looked_at()
    await passed(ALONE_S)
    taps.over = True
    await coming
    await desk.seen()
    alone_ms += taps.looked_at()
    await journal.close()
    place.close()
    told = sum(times for times, _ in outcomes)
    charges, wallets = sum(one.charges for _, one in outcomes), sum(one.wallets for _, one in outcomes)
    return Week(commune.PUPILS, charges, wallets, told, took_s, meanwhile_ms, alone_ms)


def _lived(desk: Desk, journal: Journal) -> None:
    """All of them in care from Monday to Friday, through the real rules, into the journal."""
    days = itertools.islice(commune.school_days(commune.FIRST_DAY), 5)
    for act in itertools.chain(commune.brought(), *(Day(desk.books, day).of_everybody() for day in days)):
        facts = scale.booked(desk.books, act)
        if facts:
            journal.append(facts, lambda: None)


async def _runs(desk: Desk) -> AsyncIterator[tuple[int, Settled]]:
    """Every run that is due, with how often it told of its progress."""
    for programme in desk.school.programmes.values():
        through = run_due(desk.books, programme)
        if through:
            told: list[tuple[int, int]] = []
            run = Run(programme.id, through, moment("19:42", commune.FIRST_DAY))
            outcome = await settlement.settle(desk, number(f"run {programme.id}"), run, partial(_hear, told))
            assert not isinstance(outcome, Refusal), outcome
            yield len(told), outcome


def _hear(told: list[tuple[int, int]], done: int, of: int) -> None:
    told.append((done, of))


if __name__ == "__main__":
    print(msgspec.json.encode(asyncio.run(settled(Path(sys.argv[1])))).decode())
