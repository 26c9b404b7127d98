"""Runs of the simulated world: one seed, many seeds, the shortest failing prefix. Logs and exits of the code count as violations."""

import contextlib
import itertools
import logging
import math
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar

from tests.sim.acts import Kind, done
from tests.sim.faults import Fault, Plan, plan_of
from tests.sim.setting import Feature
from tests.sim.world import Ending, Tell, World

A = TypeVar("A")

SEARCH_S = 5
"""How exactly the shortest failing storm is found."""


class Complaints:
    """Where the code's log goes: an exception that is only logged is a defect all the same."""

    def __init__(self, world: World) -> None:
        self._world = world

    def write(self, text: str) -> None:
        if "Traceback" in text:
            self._world.violation = self._world.violation or f"logged: {' '.join(text.split())[-400:]}"
            self._world.loop.stop()

    def flush(self) -> None:
        """Nothing is kept back."""


@contextlib.contextmanager
def heard(world: World) -> Iterator[None]:
    """While a world lives, what the code logs as a defect or would end its process for is a violation."""

    def ended(status: int) -> NoReturn:
        world.fail(f"a process of ours ended itself with {status}")

    ears, exit_, rooms = logging.StreamHandler(Complaints(world)), os._exit, [logging.getLogger(name) for name in ("hub", "edge")]
    levels = [room.level for room in rooms]
    os._exit = ended
    for room in rooms:
        room.addHandler(ears)
        room.setLevel(logging.ERROR)
        room.propagate = False
    try:
        yield
    finally:
        os._exit = exit_
        for room, level in zip(rooms, levels, strict=True):
            room.removeHandler(ears)
            room.setLevel(level)
            room.propagate = True


def lived(seed: int, *, until_s: float | None = None, tell: Tell | None = None, plan: Plan | None = None) -> Ending:
    """One world, from storm to judgement. `until_s`: when the storm ends, if it is to end before its plan."""
    world = World(seed, plan or plan_of(seed), tell, until_s=until_s)
    with heard(world):
        return world.live()


@dataclass(slots=True)
class Survey:
    """Many runs together."""

    runs: int = 0
    hours: float = 0.0
    struck: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    failed: list[Ending] = field(default_factory=list)

    def add(self, ending: Ending) -> None:
        self.runs += 1
        self.hours += ending.at_s / 3600
        self.struck.update(ending.struck)
        self.seen.update(ending.seen)
        if ending.violation:
            self.failed.append(ending)

    def idle(self) -> list[str]:
        """Faults that never struck, rules that never spoke, acts that were never answered yes: nothing is proved of them."""
        never = [fault.value for fault in Fault if not self.struck[fault.value]]
        return never + [what for what in (*(feature.value for feature in Feature), *map(done, Kind)) if not self.seen[what]]


def on_all_cores(live: Callable[[A], Ending], cases: Iterable[A], chunk: int = 1) -> Iterator[Ending]:
    """Each case in one of as many processes as there are cores, in no order."""
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        yield from pool.imap_unordered(live, cases, chunk)


def seeds_for(hours: float, first: Iterable[int], fresh: int) -> Iterator[int]:
    """These seeds first, then fresh ones, until their storms last `hours` together."""
    left_s = hours * 3600
    for seed in itertools.chain(first, itertools.count(fresh)):
        if left_s <= 0:
            return
        left_s -= plan_of(seed).storm_s
        yield seed


def replay_command(ending: Ending) -> str:
    """What shows the failure of a seed again, in as short a storm as possible."""
    return f".venv/bin/python -m tests.sim --seed {ending.seed} --until {shortest(ending)} --trace"


def hunted(seeds: Iterator[int], cpu_s: float) -> tuple[Ending | None, float]:
    """The first violation in these seeds, and the CPU seconds it took; None when none came within `cpu_s`."""
    began_s = time.process_time()
    for seed in seeds:
        ending = lived(seed)
        took_s = time.process_time() - began_s
        if ending.violation:
            return ending, took_s
        if took_s > cpu_s:
            break
    return None, time.process_time() - began_s


def shortest(ending: Ending) -> int:
    """The shortest storm (s) after which this seed still fails, by halving; the storm's own length where nothing shorter does."""
    good_s, bad_s, soon_s = 0, math.ceil(plan_of(ending.seed).storm_s), math.ceil(ending.at_s) + 1
    middle_s = soon_s if soon_s < bad_s else bad_s // 2
    while bad_s - good_s > SEARCH_S:
        if lived(ending.seed, until_s=middle_s).violation:
            bad_s = middle_s
        else:
            good_s = middle_s
        middle_s = (good_s + bad_s) // 2
    return bad_s
