"""T6: scans a second from end to end, 50 devices, and the same hub on one PostgreSQL transaction for each scan. In turns, on like brokers.

Every device taps again as soon as it has its verdict; all hubs run all the time, and only one of them has something to do.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from statistics import median

from tests.bench import rival, school, tappers, world
from tests.bench.pace import kept
from tests.bench.report import Row
from tests.bench.world import World

SHARE = 3.0
"""T6, at least."""


@dataclass(slots=True)
class Crowds:
    """Scans a second by round."""

    ours: list[float] = field(default_factory=list)
    rivals: list[float] = field(default_factory=list)
    least: list[float] = field(default_factory=list)
    """Of a hub that does not think (least.py)."""
    ours_busy: list[float] = field(default_factory=list)
    """Share of one processor core that our hub needed meanwhile."""


async def measure(there: World, folder: Path, socket: str, rounds: int, seconds: float, crowd: int) -> Crowds:
    """`rounds` rounds of three hubs in that one's place, the first round not kept. `socket`: of a running PostgreSQL."""
    found = Crowds()
    own, twin, thoughtless = (world.twin(there, folder / name) for name in ("own", "rival", "least"))
    async with contextlib.AsyncExitStack() as stack:
        hub = stack.enter_context(world.hub_running(own))
        stack.enter_context(world.hub_running(twin, "tests.bench.rival", {rival.SOCKET: socket}))
        stack.enter_context(world.hub_running(thoughtless, "tests.bench.least"))
        names = school.SCRIPTED[:crowd]
        ours, theirs, least = [await stack.enter_async_context(tappers.present(each, names)) for each in (own, twin, thoughtless)]
        badges = cycle(world.hashes(there))
        for keep in kept(rounds):
            before_s = hub.cpu_s
            per_s = await tappers.taps_per_s(ours, badges, seconds)
            busy, rivals = (hub.cpu_s - before_s) / seconds, await tappers.taps_per_s(theirs, badges, seconds)
            most = await tappers.taps_per_s(least, badges, seconds)
            if keep:
                found.least.append(most)
                found.ours.append(per_s)
                found.ours_busy.append(busy)
                found.rivals.append(rivals)
    return found


def rows(found: Crowds, crowd: int) -> Iterator[Row]:
    """The lines of the table."""
    value, most = (median(a / b for a, b in zip(each, found.rivals, strict=True)) for each in (found.ours, found.least))
    beside = f"{median(found.ours):.0f}/s / {median(found.rivals):.0f}/s; the hub's own core {median(found.ours_busy):.0%} busy"
    yield Row("T6", f"scans/s end to end, {crowd} devices / the same on a PostgreSQL transaction a scan", value, SHARE, beside, least=True)
    beside = f"{median(found.least):.0f}/s / {median(found.rivals):.0f}/s"
    yield Row("", "the same of a hub that does not think (least.py)", most, None, beside, least=True)
