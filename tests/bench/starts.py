"""T10 and what belongs to it: how long a device and a hub take to be ready, and what may hold up the hub's loop."""

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.bench import devices, processes, school, watched, world
from tests.bench.pace import kept
from tests.bench.report import Row
from tests.bench.world import World

HUB_START_S = 2.0
EDGE_START = 15.0
LOOP_MS = 5.0
PER_S = 200.0
TAP_EVERY_S = 0.02


class Callback(NamedTuple):
    """One turn of the hub's loop. By the clock it also holds what other programs took of the machine meanwhile."""

    processor_ms: float
    wall_ms: float
    name: str


@dataclass(slots=True)
class Starts:
    """Milliseconds by round, started one after the other."""

    bare: list[float] = field(default_factory=list)
    edge: list[float] = field(default_factory=list)
    hub: list[float] = field(default_factory=list)
    edge_mb: float = 0.0
    hub_mb: float = 0.0
    """Resident, after all taps of the last round."""


async def measure(there: World, rounds: int, taps: int) -> Starts:
    """A bare interpreter, a device and a hub, in turns; the device meets a running hub, as on a school morning.

    In the last round it is tapped `taps` times, before anybody asks how much memory is in use.
    """
    found = Starts()
    turns = kept(rounds)
    for number, keep in enumerate(turns, 1):
        bare_ms = processes.bare_start_ms()
        with world.hub_running(there) as hub:
            async with world.edge_running(there) as edge:
                edge_ms = edge.running.ready_ms
                if number == len(turns):
                    await edge.taps([school.badge_code(tap % school.PUPILS) for tap in range(taps)], TAP_EVERY_S)
                    found.edge_mb, found.hub_mb = edge.running.resident_mb, hub.resident_mb
        if keep:  # the first round fills the disk cache
            found.bare.append(bare_ms)
            found.edge.append(edge_ms)
            found.hub.append(hub.ready_ms)
    return found


async def longest_callbacks(there: World, scans: int, size: int) -> list[Callback]:
    """The hub's longest callbacks while `size` devices come and tap."""
    report = there.folder / "longest"
    async with contextlib.AsyncExitStack() as stack:
        hub = stack.enter_context(world.hub_running(there, "tests.bench.watched", {watched.LONGEST: str(report)}))
        hub.process.send_signal(signal.SIGUSR1)
        crowd = [await stack.enter_async_context(devices.present(there, name)) for name in school.FRESH[:size]]
        hashes = world.hashes(there)
        await devices.together(crowd, [hashes[number % len(hashes)] for number in range(scans)], PER_S)
        hub.process.send_signal(signal.SIGUSR1)
    return callbacks(report)


def callbacks(report: Path) -> list[Callback]:
    """What a watched hub (watched.py) left: the longest callback of each name, the longest first."""
    return [_line(line) for line in report.read_text().splitlines()]


def _line(line: str) -> Callback:
    processor_ms, wall_ms, name = line.split(" ", 2)
    return Callback(float(processor_ms), float(wall_ms), name)


def rows(found: Starts, facts: int, longest: list[Callback], crowd: int) -> Iterator[Row]:
    """The lines of the table."""
    bare_ms = median(found.bare)
    edge = median(edge / bare for edge, bare in zip(found.edge, found.bare, strict=True))
    hub = median(hub / bare for hub, bare in zip(found.hub, found.bare, strict=True))
    hub_s = median(found.hub) / 1000
    yield Row("T10", "preau-edge resident, MB", found.edge_mb, 40)
    yield Row("T10", "preau-edge start to ready / python -c pass", edge, EDGE_START, f"{median(found.edge):.0f} ms / {bare_ms:.0f} ms")
    yield Row("", f"hub start to ready with {facts} facts, s", hub_s, HUB_START_S, f"{hub:.0f} x python -c pass")
    yield Row("", f"hub resident with {facts} facts, MB", found.hub_mb, None)
    worst = max(longest, default=Callback(0.0, 0.0, "none"))
    beside = f"{max((one.wall_ms for one in longest), default=0.0):.1f} ms by the clock; {worst.name}"
    yield Row("", f"hub: longest callback, {crowd} devices come and tap, ms of processor", worst.processor_ms, LOOP_MS, beside)
