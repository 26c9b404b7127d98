"""Ten open boards and three open tills: when a tap shows on each, and what the taps pay for being looked at.

The real hub and its broker with the commune's school (town.py); scripted devices tap at random moments, in rounds without and with the
pages open, one after the other. `python -m tests.bench.boards` measures this alone.
"""

import argparse
import asyncio
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx2
import msgspec

from hub.core.facts import scan_ask
from tests.bench import devices, pages, processes, report, town, world
from tests.bench.devices import Scripted
from tests.bench.onlookers import Opened
from tests.bench.pace import kept, passed
from tests.bench.pages import Prepared
from tests.bench.report import Row, middle, ratio
from tests.bench.school import READER
from tests.bench.world import World
from tests.schools import badge

BOARDS, TILLS = 10, 3
SHOWN_MS = 150.0
LATER_MS = 20.0
"""What nobody can see: as much as a settlement may cost a tap."""
PER_S = 2.0
"""Taps a second over all devices, at random moments: two busy doors."""
SETTLED_S = 2.0
"""Streams and pages are quiet again."""


@dataclass(slots=True)
class Looked:
    """By round: ms from scan to verdict, alone and looked at; ms from scan to the bytes on the slowest board, and on each."""

    alone: list[list[float]] = field(default_factory=list)
    busy: list[list[float]] = field(default_factory=list)
    shown: list[list[float]] = field(default_factory=list)
    last: list[list[float]] = field(default_factory=list)
    fetches: list[float] = field(default_factory=list)
    """Of each page for each tap."""


async def measure(there: World, found: Prepared, rounds: int, taps: int) -> Looked:
    """So many rounds of so many taps alone, and as many looked at."""
    looked = Looked()
    hashes = [badge(f"pupil {place}") for place in range(2_000)]
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(world.hub_running(there))
        async with httpx2.AsyncClient(base_url=there.url, timeout=pages.WAIT_S) as asking:
            await pages.opened_doors(asking)
        crowd = [await stack.enter_async_context(devices.present(there, name)) for name in town.TAPPERS]
        for place, keep in enumerate(kept(rounds)):
            first = place * taps * 2 % (len(hashes) - 2 * taps)
            alone = await devices.together(crowd, hashes[first : first + taps], PER_S)
            seen = await _looked_at(there, found, crowd, hashes[first + taps : first + 2 * taps])
            if keep:
                looked.alone.append(alone)
                looked.busy.append(seen.verdicts)
                looked.shown.append([ms for each in seen.shown for ms in each])
                looked.last.append([max(each) for each in seen.shown])
                looked.fetches.append(seen.fetched / (BOARDS + TILLS) / taps)
    return looked


@dataclass(frozen=True, slots=True)
class _Round:
    verdicts: list[float]
    shown: list[list[float]]
    """Of each tap, ms to each board."""
    fetched: int


async def _looked_at(there: World, found: Prepared, crowd: Sequence[Scripted], hashes: Sequence[str]) -> _Round:
    for device in crowd:
        device.sent_ns.clear()
    with _looking(there, _pages(found)) as child:
        await asyncio.to_thread(child.stdout.readline)  # type: ignore[union-attr]
        await passed(SETTLED_S)
        verdicts = await devices.together(crowd, hashes, PER_S)
        await passed(SETTLED_S)
        told, _ = await asyncio.to_thread(child.communicate, None, processes.WAIT_S)
    assert child.returncode == 0, "an open page failed"
    seen = msgspec.json.decode(told, type=list[dict[str, int]])
    boards = seen[:BOARDS]
    shown = []
    for device in crowd:
        for n, sent_ns in device.sent_ns.items():
            ask = str(scan_ask(device.account.user, device.session, n))
            assert all(ask in board for board in boards), "a tap that a board never showed"
            shown.append([(board[ask] - sent_ns) / 1e6 for board in boards])
    return _Round(verdicts, shown, sum(one["fetched"] for one in seen))


def _pages(found: Prepared) -> list[Opened]:
    """The boards of several people, and a till page at three devices."""
    whose = ("bursar", "head", "door", "till")
    boards = [Opened("/", found.tokens[whose[place % len(whose)]]) for place in range(BOARDS)]
    return [*boards, *(Opened(f"/till/{device}/{READER}", found.tokens["till"]) for device in town.TAPPERS[:TILLS])]


@contextlib.contextmanager
def _looking(there: World, opened: Sequence[Opened]) -> "Iterator[subprocess.Popen[bytes]]":
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.onlookers", there.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
    try:
        assert child.stdin
        child.stdin.write(msgspec.json.encode(opened) + b"\n")
        yield child
    finally:
        child.kill()
        child.wait(processes.WAIT_S)


def rows(found: Looked) -> Iterator[Row]:
    """G4 and G5: how soon a tap shows, and what it pays for that."""
    every, last = [ms for one in found.shown for ms in one], [ms for one in found.last for ms in one]
    usual = report.percentile(every, 0.5)
    beside = f"p50 {usual:.0f} ms, worst {max(every):.0f} ms, of {len(last)} taps; {median(found.fetches):.2f} fetches a tap and page"
    what = f"from a scan to the bytes on {BOARDS} boards, {TILLS} tills open, {PER_S:g} taps/s"
    yield Row("G4", f"{what}, p99, ms", report.percentile(every, 0.99), SHOWN_MS, beside)
    later_ms = middle(found.busy, 0.99) - middle(found.alone, 0.99)
    beside = f"{middle(found.busy, 0.99):.2f} ms - {middle(found.alone, 0.99):.2f} ms"
    yield Row("G5", "tap to verdict with these pages open - without, p99, ms", max(later_ms, 0.0), LATER_MS, beside)
    beside = f"{middle(found.busy, 0.5):.2f} ms / {middle(found.alone, 0.5):.2f} ms"
    value = ratio(list(zip(found.busy, found.alone, strict=True)), 0.5)
    yield Row("", "tap to verdict with these pages open / without, p50", value, None, beside)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.boards")
    parser.add_argument("--days", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--taps", type=int, default=60)
    parser.add_argument("--broker", choices=("embedded", "mosquitto"), default="embedded")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="preau-bench-") as folder:
        found = asyncio.run(measure(*pages.set_up(Path(folder), options.broker, options.days), options.rounds, options.taps))
    for row in rows(found):
        print(f"{row.key or '  '} {row.what}: {row.value:.4g}{f' (at most {row.target:g})' if row.target else ''}; {row.beside}")


if __name__ == "__main__":
    main(sys.argv[1:])
