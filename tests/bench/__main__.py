"""`make bench`: one command, one table. Everything real runs on this machine, in a folder that is gone afterwards.

`--parts` runs some of it only; `--rounds`, `--taps`, `--scans`, `--facts`, `--grown`, `--days` and `--ms` make it shorter. Figures of a
shorter run are for looking, not for telling.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import boards, crowds, kills, pages, postgres, report, scale, settling, starts, stores, taps, town, transfers, world
from tests.bench.report import Report, Row
from tests.bench.stores import Cost
from tests.bench.world import World

WAITING = (1, 8, 64)
SYNCS = {1: 1.0, 8: 1 / 6, 64: 1 / 40}
"""T7: fdatasync for each scan, at most."""
BYTES = {1: 12_000, 64: 1_000}
"""T8: bytes to the hub's disk for each scan, at most."""
CROWD_MS = 4
"""Of the crowds, for each ms of the transfers: a crowd needs longer to be in full swing."""
LOOKED = 10
"""Of the taps, for each one that open boards look on at: these come at a school's pace."""
CARD_BYTES = 500_000
"""T9: for a thousand scans."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 also when a target is missed: the table says so, and nothing here is a test."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.ERROR)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # whatever was started is ended on the way out
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="preau-bench-") as folder:
        Path(folder).chmod(0o711)  # whoever PostgreSQL runs as has to get through
        found = asyncio.run(bench(Path(folder), options))
    print(report.as_text(found), end="")
    for path, content in ((options.json, report.as_json(found)), (options.svg, report.as_svg(found).encode())):
        if path:
            path.write_bytes(content)
    return 0


async def bench(folder: Path, options: argparse.Namespace) -> Report:
    """Everything, one after the other: nothing else of ours runs while something is measured."""
    before = os.getloadavg()[0]
    rows = [*await _measured(folder, options)]
    load = (before, os.getloadavg()[0])
    return Report(report.today(), report.machine(), load, options.rounds, options.broker, tuple(rows))


@dataclass(frozen=True, slots=True)
class Ground:
    """What the parts have in common. `socket`: of our PostgreSQL, empty where none is installed."""

    there: World
    folder: Path
    options: argparse.Namespace
    socket: str

    def room(self, name: str) -> Path:
        """A folder of its own for a part."""
        path = self.folder / name
        path.mkdir()
        return path


async def _measured(folder: Path, options: argparse.Namespace) -> list[Row]:
    rows: list[Row] = []
    with contextlib.ExitStack() as stack:
        socket = ""
        if postgres.binaries() is None:
            _say(postgres.MISSING)
        elif {"crowds", "transfers"} & set(options.parts):
            socket = stack.enter_context(postgres.running(folder / "postgres"))
        ground = Ground(world.set_up(folder, options.broker), folder, options, socket)
        for name in [name for name in PARTS if name in options.parts]:
            since_s = time.monotonic()
            _say(f"{name} …")
            rows += await PARTS[name](ground)
            _say(f"{name}: {time.monotonic() - since_s:.0f} s")
    return rows


# --- the parts, in the order in which they run ---------------------------------------------------


async def _taps(ground: Ground) -> list[Row]:
    options = ground.options
    return [*taps.rows(await taps.measure(ground.there, options.rounds, options.taps, options.crowd), options.crowd)]


async def _transfers(ground: Ground) -> list[Row]:
    room = ground.room("transfers")
    there = world.twin(ground.there, room / "school")
    found = await asyncio.to_thread(transfers.measure, there.store, room, ground.socket, ground.options.rounds, ground.options.ms)
    return [*transfers.rows(found)]


async def _crowds(ground: Ground) -> list[Row]:
    if not ground.socket:
        return []
    options, room = ground.options, ground.room("crowds")
    found = await crowds.measure(ground.there, room, ground.socket, options.rounds, options.ms * CROWD_MS / 1000, options.crowd)
    return [*crowds.rows(found, options.crowd)]


async def _disks(ground: Ground) -> list[Row]:
    count = ground.options.scans
    costs = {waiting: stores.hub_cost(ground.there.store, waiting, count) for waiting in WAITING}
    card, alone = stores.card_cost(ground.room("card"), count), stores.lone_card_cost(ground.room("lone-card"), count)
    return [*disk_rows(costs, card, alone)]


async def _starts(ground: Ground) -> list[Row]:
    options, (there, facts) = ground.options, _filled(ground, "starts")
    begun = await starts.measure(there, options.rounds, options.taps)
    longest = await starts.longest_callbacks(there, options.taps * 5, options.crowd)
    return [*starts.rows(begun, facts, longest, options.crowd)]


async def _kills(ground: Ground) -> list[Row]:
    there, facts = _filled(ground, "kills")
    return [*kills.rows(await kills.measure(there, ground.options.rounds), facts)]


def _filled(ground: Ground, name: str) -> tuple[World, int]:
    """A school of its own with as many facts as are asked for, not those of the parts before as well."""
    there = world.set_up(ground.room(name), ground.options.broker)
    return there, stores.fill(there.store, ground.options.facts)


async def _scale(ground: Ground) -> list[Row]:
    options, room = ground.options, ground.room("scale")
    weeks = settling.measure(ground.room("settling"), options.rounds)
    return [*scale.rows(scale.measure(room, options.grown, options.rounds)), *settling.rows(weeks)]


async def _office(ground: Ground) -> list[Row]:
    """The pages and the open boards of one town."""
    options = ground.options
    there, found = await asyncio.to_thread(pages.set_up, ground.room("office"), options.broker, options.days)
    asked = await pages.measure(there, found, options.rounds)
    looked = await boards.measure(there, found, options.rounds, options.taps // LOOKED)
    return [*pages.rows(*asked), *boards.rows(looked)]


PARTS: dict[str, Callable[[Ground], Awaitable[list[Row]]]] = {
    "crowds": _crowds,
    "transfers": _transfers,
    "taps": _taps,
    "disks": _disks,
    "starts": _starts,
    "kills": _kills,
    "scale": _scale,
    "office": _office,
}
"""T6; T4 and T5; T1 to T3; T7 to T9; T10; T12; T11 and R1 to R6; G1 to G5."""


def disk_rows(costs: dict[int, Cost], card: Cost, alone: Cost) -> Iterator[Row]:
    """The lines of the table for T7 to T9."""
    for waiting, cost in costs.items():
        what = f"commits for each scan at the hub, {waiting} waiting"
        yield Row("T7", what, cost.commits / cost.scans, SYNCS[waiting], _calls(cost, cost.scans))
    for waiting, limit in BYTES.items():
        cost = costs[waiting]
        yield Row("T8", f"bytes to the hub's disk for each scan, {waiting} waiting, all files", cost.bytes / cost.scans, limit)
    thousands = card.scans / 1000
    yield Row("T9", "bytes to a device's card for 1,000 scans, 200 a minute", card.bytes / thousands, CARD_BYTES, _calls(card, thousands))
    yield Row("", "the same without a hub: each scan is kept before its light", alone.bytes / thousands, None, _calls(alone, thousands))


def _calls(cost: Cost, shares: float) -> str:
    """What strace saw; the start and the end of the process are in it."""
    return "fsync and fdatasync calls: strace is missing" if cost.syncs is None else f"{cost.syncs / shares:.3g} fsync and fdatasync calls"


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description="The stopwatch: ratios measured side by side in one run.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--taps", type=int, default=300, help="of each kind in a round")
    parser.add_argument("--scans", type=int, default=10_000, help="for each figure about disks")
    parser.add_argument("--facts", type=int, default=100_000, help="in the journal of the hub that is started")
    parser.add_argument("--grown", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="facts of the commune's journals")
    parser.add_argument("--days", type=int, default=town.TWO_YEARS, help="school days of the town whose pages are asked for")
    parser.add_argument("--ms", type=int, default=800, help="of each engine and number of waiting in a round")
    parser.add_argument("--crowd", type=int, default=50, help="devices that tap together")
    parser.add_argument("--parts", nargs="+", choices=tuple(PARTS), default=tuple(PARTS), help="default: all of them")
    parser.add_argument("--broker", choices=("embedded", "mosquitto"), default="embedded")
    parser.add_argument("--folder", type=Path, help="where the files lie (default: the system's own place; it must not be in memory)")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--svg", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main())
