"""`python -m tests.sim`: many worlds on all cores, or one of them with a trace. Exits 1 if a promise is broken or a fault never struck."""

import argparse
import itertools
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator

from tests.sim.faults import Fault, plan_of
from tests.sim.kept import kept_seeds
from tests.sim.runs import lived, shortest
from tests.sim.world import Ending

FRESH = 10_000
"""Fresh seeds begin here."""


def main() -> int:
    """The command."""
    options = _parser().parse_args()
    if options.seed is not None:
        return _one(options.seed, options.until, trace=options.trace)
    return _many(options.hours, options.first)


def _one(seed: int, until_s: float | None, *, trace: bool) -> int:
    plan = plan_of(seed)
    print(f"seed {seed}: {', '.join(plan.devices)}, {plan.storm_s:.0f} s, {', '.join(sorted(plan.faults)) or 'no fault'}")
    ending = lived(seed, until_s=until_s, tell=print if trace else None)
    print(f"seed {seed}: {ending.violation or 'every promise kept'} ({ending.at_s:.0f} s, digest {ending.digest})")
    return 1 if ending.violation else 0


def _many(hours: float, first: int) -> int:
    """Kept seeds, then fresh ones, until `hours` are simulated."""
    began_s, total_s, runs = time.monotonic(), 0.0, 0
    struck: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    failed: list[Ending] = []
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        for ending in pool.imap_unordered(lived, _seeds(hours, first)):
            total_s, runs = total_s + ending.at_s, runs + 1
            struck.update(ending.struck)
            seen.update(ending.seen)
            if ending.violation:
                failed.append(ending)
                print(f"seed {ending.seed} after {ending.at_s:.0f} s: {ending.violation}", flush=True)
    _report(runs, total_s / 3600, time.monotonic() - began_s, struck, seen)
    for ending in failed[:3]:
        print(f"replay: python -m tests.sim --seed {ending.seed} --until {shortest(ending):.0f} --trace")
    missing = [fault.value for fault in Fault if not struck[fault.value]]
    if missing:
        print(f"never struck, so nothing is proved of them: {', '.join(missing)}")
    return 1 if failed or missing else 0


def _seeds(hours: float, first: int) -> Iterator[int]:
    left_s = hours * 3600
    for seed in itertools.chain(kept_seeds(), itertools.count(first)):
        if left_s <= 0:
            return
        left_s -= plan_of(seed).storm_s
        yield seed


def _report(runs: int, hours: float, took_s: float, struck: Counter[str], seen: Counter[str]) -> None:
    print(f"{runs} worlds, {hours:.1f} simulated hours in {took_s:.0f} s ({hours * 3600 / took_s:.0f} times as fast as life)")
    for title, counts in (("injected", struck), ("seen", seen)):
        print(f"{title}:")
        for name, count in sorted(counts.items()):
            print(f"  {count:>9,}  {name}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description="The simulated world.")
    parser.add_argument("--hours", type=float, default=3000, help="simulated hours in all")
    parser.add_argument("--first", type=int, default=FRESH, help="the first fresh seed")
    parser.add_argument("--seed", type=int, help="one world only")
    parser.add_argument("--until", type=float, help="with --seed: end its storm after so many seconds")
    parser.add_argument("--trace", action="store_true", help="with --seed: a line for everything that is seen")
    return parser


if __name__ == "__main__":
    sys.exit(main())
