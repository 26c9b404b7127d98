"""`make bench`: one command, one table. Everything real runs on this machine, in a folder that is gone afterwards.

`--rounds`, `--taps`, `--scans` and `--facts` make it shorter; figures of a shorter run are for looking, not for telling.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench import report, starts, stores, taps, world
from tests.bench.report import Report, Row
from tests.bench.stores import Cost
from tests.bench.world import World

WAITING = (1, 8, 64)
SYNCS = {1: 1.0, 8: 1 / 6, 64: 1 / 40}
"""T7: fdatasync for each scan, at most."""
BYTES = {1: 12_000, 64: 1_000}
"""T8: bytes to the hub's disk for each scan, at most."""
CARD_BYTES = 500_000
"""T9: for a thousand scans."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 also when a target is missed: the table says so, and nothing here is a test."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.ERROR)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # whatever was started is ended on the way out
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="preau-bench-") as folder:
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


async def _measured(folder: Path, options: argparse.Namespace) -> list[Row]:
    there = world.set_up(folder, options.broker)
    _say("taps")
    found = await taps.measure(there, options.rounds, options.taps)
    _say("disks")
    costs = {waiting: stores.hub_cost(there.store, waiting, options.scans) for waiting in WAITING}
    (folder / "card").mkdir()
    card = stores.card_cost(folder / "card", options.scans)
    _say("starts")
    facts = _fill(there, options.facts, sum(cost.facts for cost in costs.values()))
    begun = await starts.measure(there, options.rounds)
    longest = await starts.longest_callbacks(there, options.taps * 5)
    return [*taps.rows(found), *disk_rows(costs, card), *starts.rows(begun, found.edge_mb, facts, longest)]


def _fill(there: World, facts: int, held: int) -> int:
    """Scans until the journal holds so many facts, one by one: a school's journal has a row for nearly each scan."""
    missing = max(0, facts - held)
    return held + (stores.hub_cost(there.store, 1, missing // 2).facts if missing > 1 else 0)


def disk_rows(costs: dict[int, Cost], card: Cost) -> Iterator[Row]:
    """The lines of the table for T7 to T9."""
    for waiting, cost in costs.items():
        yield Row("T7", f"commits for each scan at the hub, {waiting} waiting", cost.commits / cost.scans, SYNCS[waiting])
    for waiting, limit in BYTES.items():
        cost = costs[waiting]
        yield Row("T8", f"bytes to the hub's disk for each scan, {waiting} waiting, all files", cost.bytes / cost.scans, limit)
    yield Row("T9", "bytes to a device's card for 1,000 scans, 200 a minute", 1000 * card.bytes / card.scans, CARD_BYTES)


def _say(what: str) -> None:
    print(f"{what} …", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description="The stopwatch: ratios measured side by side in one run.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--taps", type=int, default=300, help="of each kind in a round")
    parser.add_argument("--scans", type=int, default=10_000, help="for each figure about disks")
    parser.add_argument("--facts", type=int, default=100_000, help="in the journal of the hub that is started")
    parser.add_argument("--broker", choices=("embedded", "mosquitto"), default="embedded")
    parser.add_argument("--folder", type=Path, help="where the files lie (default: the system's own place; it must not be in memory)")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--svg", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main())
