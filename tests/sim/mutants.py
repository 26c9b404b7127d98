"""`python -m tests.sim.mutants`: plants one bug after the other and lets the simulated world look for it.

Each bug lives in a process of its own, which runs seed after seed until the world complains. Then the code as it is lives through the
very seeds that found something: it must not complain of any.
"""

import argparse
import importlib
import itertools
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tests.sim.planted import every_bug
from tests.sim.planting import Bug, plant

if TYPE_CHECKING:
    from tests.sim.world import Ending

World = tuple[int, bool]
"""A seed, and whether its storm is a crowded one."""

BUDGET_S = 120.0
"""CPU seconds in which a bug has to be found."""
HARMLESS_S = 30.0
"""CPU seconds in which an edit without meaning must not be."""
GRACE_S = 60
"""A process that spins takes no more than this beyond its budget."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one hunt. `check` is the world's complaint, empty when there was none; `error` why the hunt itself failed."""

    name: str
    check: str = ""
    seed: int = -1
    crowded: bool = False
    cpu_s: float = 0.0
    error: str = ""

    @property
    def good(self) -> bool:
        """Whether it came as it should: a bug is found, a harmless edit is not."""
        return not self.error and bool(self.check) is not every_bug()[self.name].harmless


def main() -> int:
    """The command. 1 if a bug is not found, a harmless edit is, or the code as it is breaks a promise."""
    options = _parser().parse_args()
    if options.hunt:
        print(json.dumps(asdict(hunt(every_bug()[options.hunt], options.cpu))))
        return 0
    names = [name for name in every_bug() if not options.name or name in options.name]
    began_s, found = time.monotonic(), []
    for one in hunts(names, options.cpu):
        found.append(one)
        print(_line(one), flush=True)
    return _verdict(found, time.monotonic() - began_s)


def hunts(names: Iterable[str], cpu_s: float = BUDGET_S) -> Iterator[Found]:
    """Hunt each of these bugs, as many at once as there are cores."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from (each.result() for each in as_completed([pool.submit(_apart, name, cpu_s) for name in names]))


def hunt(bug: Bug, cpu_s: float) -> Found:
    """Plant the bug here, and live seed after seed. This process is good for nothing else afterwards."""
    planter = plant(bug)
    importlib.import_module("tests.sim.runs")  # only now: what is imported already cannot be changed
    planter.check()
    began_s, took_s = time.process_time(), 0.0
    for seed, crowded in ((seed, crowded) for seed in itertools.count() for crowded in (True, False)):
        ending = lived((seed, crowded))
        took_s = time.process_time() - began_s
        if ending.violation:
            return Found(bug.name, ending.violation, seed, crowded, took_s)
        if took_s > cpu_s:
            break
    return Found(bug.name, cpu_s=took_s)


def lived(world: World) -> "Ending":
    """One world of `make sim`; a crowded one is short, and everything in it happens close together."""
    runs, faults = importlib.import_module("tests.sim.runs"), importlib.import_module("tests.sim.faults")
    seed, crowded = world
    plan = faults.plan_of(seed)
    ending: Ending = runs.lived(seed, plan=faults.crowded(plan) if crowded else plan)
    return ending


def spotless(worlds: Iterable[World]) -> list[str]:
    """What the code as it is breaks in these worlds; nothing, one hopes."""
    runs = importlib.import_module("tests.sim.runs")
    return [f"seed {ending.seed}: {ending.violation}" for ending in runs.on_all_cores(lived, sorted(set(worlds))) if ending.violation]


def _apart(name: str, cpu_s: float) -> Found:
    """One hunt in a process of its own, which ends when its CPU time is spent."""
    limit_s = int(cpu_s) + GRACE_S
    if every_bug()[name].harmless:
        cpu_s = min(cpu_s, HARMLESS_S)
    done = subprocess.run(
        [sys.executable, "-m", "tests.sim.mutants", "--hunt", name, "--cpu", str(cpu_s)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s)),
    )
    if done.returncode:
        return Found(name, error=f"the hunt ended with {done.returncode}: {done.stderr[-400:]}")
    return Found(**json.loads(done.stdout))


def _line(one: Found) -> str:
    if one.error:
        return f"{one.name:<58} FAILED    {one.error}"
    harmless, complained = every_bug()[one.name].harmless, bool(one.check)
    word = ("FOUND" if complained else "harmless") if harmless else ("found" if complained else "NOT found")
    where = f"seed {one.seed}{' crowded' if one.crowded else ''}" if complained else ""
    return f"{one.name:<58} {word:<9} {one.cpu_s:>6.1f} s  {where:<17} {one.check[:90]}"


def _verdict(found: list[Found], took_s: float) -> int:
    broken = spotless((one.seed, one.crowded) for one in found if one.check)
    bad = [one for one in found if not one.good]
    hit = sum(one.good and bool(one.check) for one in found)
    print(f"{hit} planted bugs found, {len(bad)} not as they should be, in {took_s:.0f} s; {sum(one.cpu_s for one in found):.0f} CPU s")
    print(f"the code as it is, in the same seeds: {'; '.join(broken) or 'every promise kept'}")
    return 1 if bad or broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.sim.mutants", description="Planted bugs, hunted by the simulated world.")
    parser.add_argument("name", nargs="*", help="only these bugs")
    parser.add_argument("--cpu", type=float, default=BUDGET_S, help="CPU seconds for each bug")
    parser.add_argument("--hunt", help="this one, here, as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
