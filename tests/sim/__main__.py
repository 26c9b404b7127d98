"""`python -m tests.sim`: many worlds on all cores, or one of them with a trace. Exits 1 if a promise is broken or a fault never struck."""

import argparse
import sys
import time
from collections import Counter

from tests.sim.faults import plan_of
from tests.sim.kept import kept_seeds
from tests.sim.runs import Survey, lived, on_all_cores, replay_command, seeds_for
from tests.sim.smallday import a_day, double_deaths, single_deaths

FRESH = 10_000
"""Fresh seeds begin here."""
SHOWN = 3
"""Of so many failures the shortest storm is looked for."""


def main() -> int:
    """The command."""
    options = _parser().parse_args()
    if options.seed is not None:
        return _one(options.seed, options.until, trace=options.trace)
    if options.cuts is not None:
        return _day(tuple(options.cuts), trace=options.trace)
    return _storms(options.hours, options.first) | _days()


def _one(seed: int, until_s: float | None, *, trace: bool) -> int:
    plan = plan_of(seed)
    print(f"seed {seed}: {', '.join(plan.devices)}, {plan.storm_s:.0f} s, {', '.join(sorted(plan.faults)) or 'no fault'}")
    ending = lived(seed, until_s=until_s, tell=print if trace else None)
    print(f"seed {seed}: {ending.violation or 'every promise kept'} ({ending.at_s:.0f} s, digest {ending.digest})")
    return 1 if ending.violation else 0


def _day(cuts: tuple[int, ...], *, trace: bool) -> int:
    ending = a_day(cuts, print if trace else None)
    print(f"a small day, deaths at {cuts}: {ending.violation or 'every promise kept'}")
    return 1 if ending.violation else 0


def _storms(hours: float, first: int) -> int:
    """Kept seeds, then fresh ones, until `hours` are simulated."""
    began_s, survey = time.monotonic(), Survey()
    for ending in on_all_cores(lived, seeds_for(hours, kept_seeds(), first)):
        survey.add(ending)
        if ending.violation:
            print(f"seed {ending.seed} after {ending.at_s:.0f} s: {ending.violation}", flush=True)
    took_s = time.monotonic() - began_s
    print(f"{survey.runs} worlds, {survey.hours:.1f} simulated hours in {took_s:.0f} s", end=", ")
    print(f"{len(survey.failed)} broke a promise")
    _table("injected", survey.struck)
    _table("seen", survey.seen)
    for ending in survey.failed[:SHOWN]:
        print(f"replay: {replay_command(ending)}")
    if survey.idle():
        print(f"never struck, so nothing is proved of them: {', '.join(survey.idle())}")
    return 1 if survey.failed or survey.idle() else 0


def _days() -> int:
    """One small day, with every single death and every pair of deaths close together, power cuts and kills."""
    steps = a_day().steps
    alone = list(single_deaths(steps))
    cases, broken = [*alone, *double_deaths(steps)], 0
    for ending in on_all_cores(a_day, cases, 20):
        if ending.violation:
            broken += 1
            print(f"a small day breaks: .venv/bin/python -m tests.sim --cuts {' '.join(map(str, ending.cuts))} --trace: {ending.violation}")
    print(f"a small day of {steps} steps: {len(alone):,} single and {len(cases) - len(alone):,} double deaths, {broken} broke a promise")
    return 1 if broken else 0


def _table(title: str, counts: Counter[str]) -> None:
    print(f"{title}:")
    for name, count in sorted(counts.items()):
        print(f"  {count:>9,}  {name}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description="The simulated world.")
    parser.add_argument("--hours", type=float, default=3000, help="simulated hours in all")
    parser.add_argument("--first", type=int, default=FRESH, help="the first fresh seed")
    parser.add_argument("--seed", type=int, help="one world only")
    parser.add_argument("--until", type=float, help="with --seed: end its storm after so many seconds")
    parser.add_argument("--cuts", type=int, nargs="+", help="the small day only, with power cuts at these steps; below zero: kills")
    parser.add_argument("--trace", action="store_true", help="with --seed or --cuts: a line for everything that is seen")
    return parser


if __name__ == "__main__":
    sys.exit(main())
