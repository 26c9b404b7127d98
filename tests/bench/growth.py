"""What grows with the years: the start (replay), the books in memory, and T11: one decision with a hundred times as many facts.

Days of the made-up school of the tests, with a hundred pupils, go through the real rules; a journal of a row for each scan is written
without waiting for the disk. Each measure has a process of its own: `python -m tests.bench.growth write|replay|decide FOLDER …`.
"""

import asyncio
import contextlib
import gc
import sqlite3
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median

import msgspec
from msgspec.structs import astuple

from hub import chain
from hub.core import scans
from hub.core.books import Books
from hub.core.codes import Code
from hub.core.facts import Facts, ScanTaken
from hub.core.scans import Arrived
from hub.core.school import Badge, BadgeState, Household, Pupil, Rows
from hub.folder import Folder, stop_at_once
from hub.journal import Journal
from tests import schools
from tests.bench import processes
from tests.bench.report import Row
from tests.schools import SCHOOL_DAYS, Day, badge, number, scan

PUPILS = 100
SLOWER = 1.1
"""T11, at most."""
LEAST_SEEN = 20
"""Decisions of a kind; fewer tell nothing."""
TIMES = (
    ("care-in", "07:40"),
    ("meal-till", "12:05"),
    ("meal-till", "12:20"),
    ("sandwich-till", "12:40"),
    ("care-in", "15:35"),
    ("drink-till", "15:50"),
    ("care-out", "16:45"),
    ("care-out", "16:50"),
)
"""A day of each pupil: reader and time. The second meal and the second exit are refused in their own ways."""


class Replay(msgspec.Struct, frozen=True):
    """One start: `facts` facts checked and replayed, and what the books hold of memory."""

    facts: int
    ms: float
    books_mb: float


class Decisions(msgspec.Struct, frozen=True):
    """Code -> microseconds of each decision, with few and with many facts; always the same taps."""

    few: dict[str, list[float]]
    many: dict[str, list[float]]


@dataclass(slots=True)
class Growth:
    """Starts by number of facts, bare interpreters beside them, and the decisions."""

    replays: dict[int, list[Replay]] = field(default_factory=dict)
    bare_ms: list[float] = field(default_factory=list)
    decisions: list[Decisions] = field(default_factory=list)


def measure(folder: Path, sizes: Sequence[int], rounds: int, taps: int) -> Growth:
    """Journals of so many facts (smallest first), each replayed once a round; then `taps` taps a round on the smallest and largest."""
    found = Growth()
    processes.run(["tests.bench.growth", "write", str(folder), *map(str, sizes)])
    for _ in range(rounds):
        found.bare_ms.append(processes.bare_start_ms())
        for size in sizes:
            replayed = msgspec.json.decode(processes.run(["tests.bench.growth", "replay", str(folder / str(size))]), type=Replay)
            found.replays.setdefault(size, []).append(replayed)
    places = [str(folder / str(size)) for size in (min(sizes), max(sizes))]
    told = processes.run(["tests.bench.growth", "decide", *places, str(rounds), str(taps)])
    found.decisions = msgspec.json.decode(told, type=list[Decisions])
    return found


# --- the made-up years ---------------------------------------------------------------------------


def _school() -> Day:
    """The small school with a hundred pupils more, each in a family of its own that has money."""
    day = Day()
    day.change(tuple(row for pupil in range(PUPILS) for row in _family(f"pupil {pupil}")))
    for family in day.school.households.values():
        day.bring(family.name, 10**9)
    return day


def _family(name: str) -> Rows:
    since_ms = schools.moment("00:00", schools.MONDAY - timedelta(days=1))
    return (
        Household(number(f"family of {name}"), f"family of {name}"),
        Pupil(number(name), number(f"family of {name}"), number("Tilleuls"), name, name, "3A"),
        Badge(number(f"badge {name}"), badge(name), number(name), BadgeState.ACTIVE, since_ms),
    )


def _taps(day: Day) -> Iterator[Arrived]:
    """Whole school days, from the day's date on, for ever; numbers go on where the books are."""
    while True:
        if day.date.weekday() in SCHOOL_DAYS:
            for reader, clock in TIMES:
                line = day.books.line(schools.DEVICE_OF[reader], schools.FIRST_LIFE)
                for pupil in range(PUPILS):
                    arrived = scan(f"pupil {pupil}", reader, f"{clock}:{pupil % 60:02}", day=day.date, n=line.n + 1)
                    yield arrived
                    line = day.books.line(arrived.device, schools.FIRST_LIFE)
        day.next_day()


def write(folder: Path, sizes: Sequence[int]) -> None:
    """A data folder for each size, named by it. The journal grows once; each folder gets a copy of it."""
    day = _school()
    growing = asyncio.run(_empty(folder / "growing"))
    before = chain.Row(*growing.execute("SELECT number, count, before, body, hash FROM journal").fetchone())
    coming = _taps(day)
    for facts in day.facts:
        before = _written(growing, facts, before)
    for size in sizes:
        while before.last < size:
            day.take(next(coming))
            before = _written(growing, day.facts.pop(), before)
        growing.commit()
        _copied(growing, folder / str(size))
    growing.close()


async def _empty(folder: Path) -> sqlite3.Connection:
    """A new journal, made by the real one."""
    place = Folder(folder)
    await (await Journal.open(place, stop_at_once)).close()
    place.close()
    return sqlite3.connect(place.journal)


def _written(growing: sqlite3.Connection, facts: Facts, before: chain.Row) -> chain.Row:
    row = chain.pack(before.last + 1, facts, before.hash)
    growing.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?)", astuple(row))
    return row


def _copied(growing: sqlite3.Connection, folder: Path) -> None:
    folder.mkdir()
    with contextlib.closing(sqlite3.connect(folder / "journal.db")) as copy:
        growing.backup(copy)


# --- starts --------------------------------------------------------------------------------------


async def _replayed(folder: Path, books: Books) -> Replay:
    """The journal opened as the hub opens it: checked from its first row on, every fact applied."""
    place = Folder(folder)
    before_mb, since_ns = processes.resident_mb(), time.monotonic_ns()
    journal = await Journal.open(place, stop_at_once, books.apply)
    replayed = Replay(books.number, (time.monotonic_ns() - since_ns) / 1e6, processes.resident_mb() - before_mb)
    await journal.close()
    place.close()
    return replayed


# --- decisions -----------------------------------------------------------------------------------


def decide(few: Path, many: Path, rounds: int, taps: int) -> list[Decisions]:
    """The next `taps` taps of both schools, tap by tap in turns, for each round."""
    days = [_opened(folder) for folder in (few, many)]
    coming = [_taps(day) for day in days]
    gc.freeze()  # as the hub does once its books are loaded
    gc.enable()
    return [_decided(days, coming, taps) for _ in range(rounds)]


def _opened(folder: Path) -> Day:
    """The made-up school with the books of a journal, on the morning after its last day."""
    day = _school()
    day.books = Books()
    asyncio.run(_replayed(folder, day.books))
    last_ms = max(tap.at_ms for tap in day.books.taps.values())
    while schools.moment("00:00", day.date) <= last_ms:
        day.next_day()
    return day


def _decided(days: Sequence[Day], coming: Sequence[Iterator[Arrived]], taps: int) -> Decisions:
    took: list[defaultdict[str, list[float]]] = [defaultdict(list), defaultdict(list)]
    for turn in range(taps):
        for place in (0, 1) if turn % 2 else (1, 0):
            arrived = next(coming[place])
            since_ns = time.perf_counter_ns()
            facts = scans.take(days[place].school, days[place].books, arrived)
            took_us = (time.perf_counter_ns() - since_ns) / 1e3
            for fact in facts:
                days[place].books.apply(fact)
            took[place][_code(facts)].append(took_us)
    return Decisions(dict(took[0]), dict(took[1]))


def _code(facts: Facts) -> Code:
    assert isinstance(facts[0], ScanTaken), "the scan comes first"
    return facts[0].code


# --- the table -----------------------------------------------------------------------------------


def rows(found: Growth) -> Iterator[Row]:
    """The lines of the table for T11, and for starts by number of facts."""
    few, many = (min(found.replays), max(found.replays))
    ratios = _ratios(found.decisions)
    all_us = [median(us for each in found.decisions for kind in side(each).values() for us in kind) for side in (_many, _few)]
    what = f"one decision at {many} facts / at {few}"
    worst = max(ratios, key=lambda code: ratios[code])
    yield Row("T11", f"{what}, all rules, p50", _ratio_of_all(found.decisions), SLOWER, f"{all_us[0]:.1f} µs / {all_us[1]:.1f} µs")
    yield Row("T11", f"{what}, the worst rule, p50", ratios[worst], SLOWER, f"`{worst}`, of {len(ratios)} kinds")
    for size, replays in found.replays.items():
        value = median(replay.ms / bare for replay, bare in zip(replays, found.bare_ms, strict=True))
        ms = median(replay.ms for replay in replays)
        beside = f"{ms:.0f} ms, {1000 * ms / size:.1f} µs a fact"
        yield Row("", f"check and replay of {size} facts / python -c pass", value, None, beside)
        books_mb = median(replay.books_mb for replay in replays)
        yield Row("", f"books of {size} facts in memory, MB", books_mb, None, f"{1e6 * books_mb / size:.0f} bytes a fact")


def _few(each: Decisions) -> dict[str, list[float]]:
    return each.few


def _many(each: Decisions) -> dict[str, list[float]]:
    return each.many


def _ratio_of_all(decisions: Sequence[Decisions]) -> float:
    """The median over the rounds of (median of all decisions with many facts) / (with few)."""
    medians = [[median(us for kind in side(each).values() for us in kind) for side in (_many, _few)] for each in decisions]
    return median(many / few for many, few in medians)


def _ratios(decisions: Sequence[Decisions]) -> dict[str, float]:
    """The same for each kind of decision that was seen often enough in every round."""
    kinds = {code for each in decisions for code, us in each.many.items() if min(len(us), len(each.few.get(code, ()))) >= LEAST_SEEN}
    seen = [code for code in kinds if all(len(side(each).get(code, ())) >= LEAST_SEEN for each in decisions for side in (_many, _few))]
    return {code: median(median(each.many[code]) / median(each.few[code]) for each in decisions) for code in seen}


def main(which: str, *arguments: str) -> None:
    """The child: write journals, or measure and print."""
    gc.disable()  # as the hub does until its books are loaded
    match which:
        case "write":
            gc.enable()
            write(Path(arguments[0]), [int(size) for size in arguments[1:]])
        case "replay":
            print(msgspec.json.encode(asyncio.run(_replayed(Path(arguments[0]), Books()))).decode())
        case "decide":
            print(msgspec.json.encode(decide(Path(arguments[0]), Path(arguments[1]), *map(int, arguments[2:]))).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
