"""What grows with the years of a commune: the start (replay), the books in memory, and each kind of decision.

The made-up years of commune.py go into a journal of a row for each decision, written without waiting for the disk. Each measure has a
process of its own: `python -m tests.bench.scale write|replay|decide FOLDER …`. Beside each figure stands what Python needs for something
plain in the same process: decoding the same facts, or a hundred updates of a dict.
"""

import asyncio
import contextlib
import gc
import itertools
import sqlite3
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import msgspec

from hub import bodies, chain
from hub.core.books import Books
from hub.core.calendar import day_of
from hub.core.facts import Facts, Refusal
from hub.folder import Folder, stop_at_once
from hub.journal import Journal
from tests.bench import commune, processes
from tests.bench.commune import Act, Day
from tests.bench.report import Row, middle
from tests.schools import ZONE

YEARS_FACTS = 1_000_000
"""Two school years; the targets of R1 and R2 are for so many."""
REPLAY_S = 5.0
BOOKS_MB = 300.0
DECISION_US = 80.0
WORST_US = 1_000.0
SLOWER = 1.1
"""T11, at most."""
LEAST_SEEN = 25
"""Decisions of a kind in a round; fewer tell nothing."""
UPDATES = 100
RUNS = frozenset({"stays ended", "days closed", "a wallet settled", "a run finished"})
"""What time alone asks for, each minute, day or week: told, but nobody stands and waits for it."""

Took = dict[str, list[float]]
"""Rule -> microseconds of processor of each decision."""


class Written(msgspec.Struct, frozen=True):
    """What the journals are made of: school days, and facts by kind, of the largest one."""

    days: int
    kinds: dict[str, int]


class Replay(msgspec.Struct, frozen=True):
    """One start: `facts` facts checked and replayed, what the books hold of memory, and how long it takes to decode the facts alone."""

    facts: int
    ms: float
    books_mb: float
    decode_ms: float


class Round(msgspec.Struct, frozen=True):
    """A school week at each size of books, smallest first: the same acts, in turns. `plain`: updates of a dict, in µs."""

    took: list[Took]
    plain: list[float]


@dataclass(slots=True)
class Scale:
    """Starts by number of facts, and the decisions by round."""

    sizes: list[int]
    written: Written
    replays: dict[int, list[Replay]] = field(default_factory=dict)
    rounds: list[Round] = field(default_factory=list)


def measure(folder: Path, sizes: Sequence[int], rounds: int) -> Scale:
    """Journals of so many facts, each replayed once a round; then a week a round on books of all sizes."""
    several = sorted(set(sizes))
    places = [str(folder / str(size)) for size in several]
    found = Scale(several, msgspec.json.decode(_child("write", str(folder), *map(str, several)), type=Written))
    for _ in range(rounds):
        for size, place in zip(several, places, strict=True):
            found.replays.setdefault(size, []).append(msgspec.json.decode(_child("replay", place), type=Replay))
    found.rounds = msgspec.json.decode(_child("decide", str(rounds), *places), type=list[Round])
    return found


def _child(*arguments: str) -> str:
    return processes.run(["tests.bench.scale", *arguments])


# --- the made-up years ---------------------------------------------------------------------------


def write(folder: Path, sizes: Sequence[int]) -> Written:
    """A data folder for each size (ascending), named by it. The journal grows once; each folder gets a copy of it."""
    books, kinds, days = Books(), Counter[str](), [commune.FIRST_DAY]
    growing = asyncio.run(empty_journal(folder / "growing"))
    before = chain.Row(*growing.execute("SELECT number, count, before, body, hash FROM journal").fetchone())
    coming = itertools.chain(commune.brought(), _acts(books, commune.FIRST_DAY, days.append))
    for size in sizes:
        while before.last < size:
            facts = booked(books, next(coming))
            if facts:
                kinds.update(type(fact).__name__ for fact in facts)
                before = bodies.pack(before.last + 1, facts, before.hash)
                growing.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?)", before)
        growing.commit()
        _copied(growing, folder / str(size))
    growing.close()
    return Written(len(days) - 1, dict(kinds.most_common()))


def _acts(books: Books, since: date, begun: Callable[[date], None]) -> Iterator[Act]:
    """Everything that is asked for from this day on, for ever; `begun` is told each day."""
    for day in commune.school_days(since):
        begun(day)
        yield from Day(books, day).acts()


def booked(books: Books, act: Act) -> Facts:
    facts = act.decide(commune.school(), books)
    assert not isinstance(facts, Refusal), f"{act.rule}: {facts}"
    for fact in facts:
        books.apply(fact)
    return facts


async def empty_journal(folder: Path) -> sqlite3.Connection:
    """A new journal, made by the real one."""
    place = Folder(folder)
    await (await Journal.open(place, stop_at_once)).close()
    place.close()
    return sqlite3.connect(place.journal)


def _copied(growing: sqlite3.Connection, folder: Path) -> None:
    folder.mkdir()
    with contextlib.closing(sqlite3.connect(folder / "journal.db")) as copy:
        growing.backup(copy)


# --- starts --------------------------------------------------------------------------------------


async def replay(folder: Path, books: Books) -> Replay:
    """The journal opened as the hub opens it: checked from its first row on, every fact applied. Then decoded only."""
    place = Folder(folder)
    before_mb, since_ns = processes.resident_mb(), time.monotonic_ns()
    journal = await Journal.open(place, stop_at_once, books.apply)
    took_ms, books_mb = (time.monotonic_ns() - since_ns) / 1e6, processes.resident_mb() - before_mb
    await journal.close()
    place.close()
    return Replay(books.number, took_ms, books_mb, _decode_ms(folder))


def _decode_ms(folder: Path) -> float:
    with contextlib.closing(sqlite3.connect(folder / "journal.db")) as db:
        since_ns = time.monotonic_ns()
        for row in db.execute("SELECT number, count, before, body, hash FROM journal WHERE number > 0 ORDER BY number"):
            bodies.unpack(chain.Row(*row))
        return (time.monotonic_ns() - since_ns) / 1e6


# --- decisions -----------------------------------------------------------------------------------


def decide(rounds: int, folders: Sequence[Path]) -> list[Round]:
    """Whole school weeks at the end of the longest history, act by act in turns on the books of each journal."""
    several = [Books() for _ in folders]
    for books, folder in zip(several, folders, strict=True):
        asyncio.run(replay(folder, books))
    last_ms = max(tap.at_ms for books in several for tap in books.taps.values())
    monday = day_of(last_ms, ZONE) + timedelta(days=7 - day_of(last_ms, ZONE).weekday())
    coming = itertools.groupby(commune.school_days(monday), key=lambda day: day.isocalendar().week)
    weeks = (list(days) for _, days in coming)
    gc.freeze()  # as the hub does once its books are loaded
    gc.enable()
    _week(several, next(weeks))  # warms up, and orders the first meals on the books that have none
    return [_week(several, next(weeks)) for _ in range(rounds)]


def _week(several: Sequence[Books], days: Sequence[date]) -> Round:
    took: list[defaultdict[str, list[float]]] = [defaultdict(list) for _ in several]
    balances, plain = dict.fromkeys(range(commune.PUPILS), 0), []
    for day in days:
        for turn, acts in enumerate(itertools.zip_longest(*(Day(books, day).acts() for books in several))):
            plain.append(_plain_us(balances, turn))
            for place in sorted(range(len(acts)), key=lambda place: (place + turn) % len(acts)):
                act = acts[place]
                if act is not None:
                    took[place][act.rule].append(_decision_us(several[place], act))
    return Round([dict(each) for each in took], plain)


def _decision_us(books: Books, act: Act) -> float:
    """The decision alone, by the processor's clock, which leaves out what other programs took of it; it is booked behind it."""
    school = commune.school()
    since_ns = time.thread_time_ns()
    facts = act.decide(school, books)
    took_ns = time.thread_time_ns() - since_ns
    assert not isinstance(facts, Refusal), f"{act.rule}: {facts}"
    for fact in facts:
        books.apply(fact)
    return took_ns / 1e3


def _plain_us(balances: dict[int, int], turn: int) -> float:
    first = turn * UPDATES % (len(balances) - UPDATES)
    since_ns = time.thread_time_ns()
    for key in range(first, first + UPDATES):
        balances[key] = balances.get(key, 0) + 1
    return (time.thread_time_ns() - since_ns) / 1e3


# --- the table -----------------------------------------------------------------------------------


def rows(found: Scale) -> Iterator[Row]:
    """R1 to R4: starts, memory, decisions, the worst of them; T11: whether they cost more with the years."""
    most, written = found.sizes[-1], found.written
    shares = ", ".join(f"{kind} {100 * count / sum(written.kinds.values()):.1f} %" for kind, count in written.kinds.items())
    yield Row("", f"facts of {written.days} school days of {commune.PUPILS} pupils", sum(written.kinds.values()), None, shares)
    for size in found.sizes:
        yield from _starts(size, found.replays[size])
    for place, size in enumerate(found.sizes):
        yield from _decisions(size, place, found.rounds)
    plain_us = middle([each.plain for each in found.rounds], 0.5)
    for rule in sorted(_rules(found.rounds)):
        p50, p99, worst = (middle([each.took[-1][rule] for each in found.rounds], share) for share in (0.5, 0.99, 1.0))
        few_us = middle([each.took[0][rule] for each in found.rounds], 0.5)
        beside = f"p99 {p99:.0f}, worst {worst:.0f}; {few_us:.1f} at {found.sizes[0]}; {p50 / plain_us:.1f} x {UPDATES} updates of a dict"
        yield Row("" if rule in RUNS else "R3", f"{rule}, with {most} facts, p50, µs", p50, None if rule in RUNS else DECISION_US, beside)
    yield from _growth(found)


def _starts(size: int, replays: Sequence[Replay]) -> Iterator[Row]:
    took_s, decode_s = median(each.ms for each in replays) / 1e3, median(each.decode_ms for each in replays) / 1e3
    books_mb, full = median(each.books_mb for each in replays), size == YEARS_FACTS
    ratio = median(each.ms / each.decode_ms for each in replays)
    beside = f"{1e6 * took_s / size:.1f} µs a fact; {ratio:.1f} x decoding them ({decode_s:.2f} s)"
    yield Row("R1", f"check and replay of {size} facts, s", took_s, REPLAY_S if full else None, beside)
    yield Row(
        "R2", f"books of {size} facts in memory, MB", books_mb, BOOKS_MB if full else None, f"{1e6 * books_mb / size:.0f} bytes a fact"
    )


def _decisions(size: int, place: int, rounds: Sequence[Round]) -> Iterator[Row]:
    """All decisions of a week, and the slowest kind of them."""
    everything = [_of_all(each.took[place]) for each in rounds]
    p50, p99 = middle(everything, 0.5), middle(everything, 0.99)
    plain_us = middle([each.plain for each in rounds], 0.5)
    beside = f"p99 {p99:.0f}; {p50 / plain_us:.1f} x {UPDATES} updates of a dict ({plain_us:.1f} µs)"
    yield Row("R3", f"one decision with {size} facts, all rules, p50, µs", p50, DECISION_US, beside)
    by_rule = {rule: middle([each.took[place][rule] for each in rounds], 0.99) for rule in _rules(rounds) - RUNS}
    worst = max(by_rule, key=lambda rule: by_rule[rule])
    yield Row(
        "R4", f"one decision with {size} facts, the worst rule, p99, µs", by_rule[worst], WORST_US, f"`{worst}`, of {len(by_rule)} kinds"
    )


def _growth(found: Scale) -> Iterator[Row]:
    """T11: the median over the rounds of (median with many facts) / (with few)."""
    what = f"one decision at {found.sizes[-1]} facts / at {found.sizes[0]}"
    medians = [[median(_of_all(each.took[place])) for place in (-1, 0)] for each in found.rounds]
    yield Row("T11", f"{what}, all rules, p50", median(many / few for many, few in medians), SLOWER)
    ratios = {
        rule: median(median(each.took[-1][rule]) / median(each.took[0][rule]) for each in found.rounds) for rule in _rules(found.rounds)
    }
    worst = max(ratios, key=lambda rule: ratios[rule])
    yield Row("T11", f"{what}, the worst rule, p50", ratios[worst], SLOWER, f"`{worst}`, of {len(ratios)} kinds")


def _of_all(took: Took) -> list[float]:
    """Of all decisions that somebody waits for."""
    return [us for rule, each in took.items() if rule not in RUNS for us in each]


def _rules(rounds: Sequence[Round]) -> set[str]:
    """The rules that were asked for often enough in each round, on all books."""
    return {rule for rule in rounds[0].took[0] if all(len(took.get(rule, ())) >= LEAST_SEEN for each in rounds for took in each.took)}


def main(which: str, *arguments: str) -> None:
    """The child: write journals, or measure and print."""
    gc.disable()  # as the hub does until its books are loaded
    found: Written | Replay | list[Round]
    match which:
        case "write":
            gc.enable()
            found = write(Path(arguments[0]), [int(size) for size in arguments[1:]])
        case "replay":
            found = asyncio.run(replay(Path(arguments[0]), Books()))
        case _:
            found = decide(int(arguments[0]), [Path(folder) for folder in arguments[1:]])
    print(msgspec.json.encode(found).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
