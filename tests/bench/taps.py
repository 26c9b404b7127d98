"""T1 to T3: from the tap to the light, held against the floor of the same minute (one echo through a like broker + one fdatasync)."""

import asyncio
import contextlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from hub.mqtt import Account
from tests import brokers
from tests.bench import devices, school, world
from tests.bench.devices import Scripted
from tests.bench.floor import Floor, floor
from tests.bench.report import Row, middle, ratio
from tests.bench.world import Edge, World

TAP_EVERY_S = 0.03
"""A light is there long before the next tap: taps do not wait for each other."""
PER_S = 200.0
CROWD = 50


@dataclass(slots=True)
class Taps:
    """Milliseconds by round."""

    floor: list[list[float]] = field(default_factory=list)
    edge: list[list[float]] = field(default_factory=list)
    hub: list[list[float]] = field(default_factory=list)
    crowd: list[list[float]] = field(default_factory=list)
    edge_mb: float = 0.0


@dataclass(frozen=True, slots=True)
class Crew:
    """Everything that is turned in a round."""

    floor: Floor
    edge: Edge
    scripted: Sequence[Scripted]
    hashes: Sequence[str]


async def measure(there: World, rounds: int, taps: int) -> Taps:
    """`rounds` rounds of the floor, the whole way, the hub's part, and the crowd, one after the other."""
    found = Taps()
    async with contextlib.AsyncExitStack() as stack:
        (there.folder / "bare").mkdir()
        bare = await stack.enter_async_context(world.bare_broker(there.kind, there.folder / "bare"))
        stack.enter_context(world.hub_running(there))
        standing = stack.enter_context(floor(bare.port, brokers.HUB, brokers.DOOR, there.folder))
        edge = await stack.enter_async_context(world.edge_running(there))
        crew = Crew(standing, edge, [await _scripted(stack, there, name) for name in school.SCRIPTED[:CROWD]], world.hashes(there))
        for number in range(rounds + 1):
            await _round(found, crew, range(number * taps, (number + 1) * taps), keep=number > 0)
        found.edge_mb = edge.running.resident_mb
    return found


async def _round(found: Taps, crew: Crew, pupils: range, *, keep: bool) -> None:
    """The first round warms up and is not kept. Pupils take turns, so that nobody taps twice within the same few seconds."""
    codes = [school.badge_code(number % school.PUPILS) for number in pupils]
    hashes = [crew.hashes[number % school.PUPILS] for number in pupils]
    quiet = await asyncio.to_thread(crew.floor.measure, len(pupils), TAP_EVERY_S)
    whole = await crew.edge.taps(codes, TAP_EVERY_S)
    alone = await devices.one_by_one(crew.scripted[0], hashes, TAP_EVERY_S)
    crowd = await devices.together(crew.scripted, hashes * 2, PER_S)
    if keep:
        for kept, came in ((found.floor, quiet), (found.edge, whole), (found.hub, alone), (found.crowd, crowd)):
            kept.append(came)


async def _scripted(stack: contextlib.AsyncExitStack, there: World, name: str) -> Scripted:
    device = Scripted(Account("127.0.0.1", there.port, name, there.devices[name]), secrets.token_hex(8))
    await device.start()
    stack.push_async_callback(device.stop)
    return device


def rows(found: Taps) -> Iterator[Row]:
    """The lines of the table."""
    yield _row("T1", "tap to light, 1 device, p50 / floor p50", found.edge, found.floor, 0.50, 1.3)
    yield _row("T2", "tap to light, 1 device, p99 / floor p99", found.edge, found.floor, 0.99, 1.5)
    yield _row("", "p99.9 of all / floor's", [list(chain(*found.edge))], [list(chain(*found.floor))], 0.999, None)
    yield _row("", "the hub's part: scan to verdict, scripted device, p50", found.hub, found.floor, 0.50, None)
    yield _row("T3", "50 devices, 200 scans/s together, p50 / floor p50", found.crowd, found.floor, 0.50, 1.6)
    yield _row("", "the same, p99 / floor p99", found.crowd, found.floor, 0.99, None)


def _row(
    key: str, what: str, measured: Sequence[Sequence[float]], base: Sequence[Sequence[float]], share: float, target: float | None
) -> Row:
    beside = f"{middle(measured, share):.2f} ms / {middle(base, share):.2f} ms"
    return Row(key, what, ratio(list(zip(measured, base, strict=True)), share), target, beside)
