"""T10 and what belongs to it: how long a device and a hub take to be ready, and what may hold up the hub's loop."""

import contextlib
import secrets
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from hub.mqtt import Account
from tests.bench import devices, processes, school, watched, world
from tests.bench.devices import Scripted
from tests.bench.report import Row
from tests.bench.world import World

HUB_START_S = 2.0
EDGE_START = 15.0
LOOP_MS = 5.0
PER_S = 200.0


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


async def measure(there: World, rounds: int) -> Starts:
    """A bare interpreter, a device and a hub, in turns; the device meets a running hub, as on a school morning."""
    found = Starts()
    for number in range(rounds + 1):
        bare_ms = processes.bare_start_ms()
        with world.hub_running(there) as hub:
            async with world.edge_running(there) as edge:
                edge_ms = edge.running.ready_ms
        if number:  # the first round fills the disk cache
            found.bare.append(bare_ms)
            found.edge.append(edge_ms)
            found.hub.append(hub.ready_ms)
    return found


async def longest_callbacks(there: World, scans: int) -> list[Callback]:
    """The hub's longest callbacks while 50 devices come and tap."""
    report = there.folder / "longest"
    async with contextlib.AsyncExitStack() as stack:
        hub = stack.enter_context(world.hub_running(there, "tests.bench.watched", {watched.LONGEST: str(report)}))
        hub.process.send_signal(signal.SIGUSR1)
        crowd = []
        for name in school.FRESH:
            device = Scripted(Account("127.0.0.1", there.port, name, there.devices[name]), secrets.token_hex(8))
            await device.start()
            stack.push_async_callback(device.stop)
            crowd.append(device)
        hashes = world.hashes(there)
        await devices.together(crowd, [hashes[number % len(hashes)] for number in range(scans)], PER_S)
        hub.process.send_signal(signal.SIGUSR1)
    return [_line(line) for line in report.read_text().splitlines()]


def _line(line: str) -> Callback:
    processor_ms, wall_ms, name = line.split(" ", 2)
    return Callback(float(processor_ms), float(wall_ms), name)


def rows(found: Starts, edge_mb: float, facts: int, longest: list[Callback]) -> Iterator[Row]:
    """The lines of the table."""
    bare_ms = median(found.bare)
    edge = median(edge / bare for edge, bare in zip(found.edge, found.bare, strict=True))
    hub = median(hub / bare for hub, bare in zip(found.hub, found.bare, strict=True))
    hub_s = median(found.hub) / 1000
    yield Row("T10", "preau-edge resident, MB", edge_mb, 40)
    yield Row("T10", "preau-edge start to ready / python -c pass", edge, EDGE_START, f"{median(found.edge):.0f} ms / {bare_ms:.0f} ms")
    yield Row("", f"hub start to ready with {facts} facts, s", hub_s, HUB_START_S, f"{hub:.0f} x python -c pass")
    worst = max(longest, default=Callback(0.0, 0.0, "none"))
    beside = f"{max((one.wall_ms for one in longest), default=0.0):.1f} ms by the clock; {worst.name}"
    yield Row("", "hub: longest callback, 50 devices come and tap, ms of processor", worst.processor_ms, LOOP_MS, beside)
