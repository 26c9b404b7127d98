"""T1 to T3: from the tap to the light, held against the floor of the same minute (one echo through a like broker + one fdatasync)."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from tests import brokers
from tests.bench import devices, school, world
from tests.bench.devices import Scripted
from tests.bench.floor import Floor, floor
from tests.bench.pace import kept
from tests.bench.report import Row, middle, ratio
from tests.bench.world import Edge, World

TAP_EVERY_S = 0.03
"""A light is there long before the next tap: taps do not wait for each other."""
PER_S = 200.0
VOLLEY_EVERY_S = 0.1


@dataclass(slots=True)
class Taps:
    """Milliseconds by round."""

    floor: list[list[float]] = field(default_factory=list)
    edge: list[list[float]] = field(default_factory=list)
    hub: list[list[float]] = field(default_factory=list)
    least: list[list[float]] = field(default_factory=list)
    """The hub's part where it does not think (least.py)."""
    crowd: list[list[float]] = field(default_factory=list)
    volleys: list[list[float]] = field(default_factory=list)
    """All devices in the same instant."""
    volley_floor: list[list[float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Crew:
    """Everything that is turned in a round."""

    floor: Floor
    edge: Edge
    scripted: Sequence[Scripted]
    least: Scripted
    hashes: Sequence[str]


async def measure(there: World, rounds: int, taps: int, size: int) -> Taps:
    """`rounds` rounds of the floor, the whole way, the hub's part, and the crowd, one after the other."""
    found = Taps()
    async with contextlib.AsyncExitStack() as stack:
        (there.folder / "bare").mkdir()
        bare = await stack.enter_async_context(world.bare_broker(there.kind, there.folder / "bare"))
        thoughtless = world.twin(there, there.folder / "least")
        stack.enter_context(world.hub_running(there))
        stack.enter_context(world.hub_running(thoughtless, "tests.bench.least"))
        standing = stack.enter_context(floor(bare.port, brokers.HUB, brokers.DOOR, there.folder))
        edge = await stack.enter_async_context(world.edge_running(there))
        crowd = [await stack.enter_async_context(devices.present(there, name)) for name in school.SCRIPTED[:size]]
        least = await stack.enter_async_context(devices.present(thoughtless, school.SCRIPTED[0]))
        crew = Crew(standing, edge, crowd, least, world.hashes(there))
        for number, keep in enumerate(kept(rounds)):
            await _round(found, crew, range(number * taps, (number + 1) * taps), keep=keep)
    return found


async def _round(found: Taps, crew: Crew, pupils: range, *, keep: bool) -> None:
    """The first round warms up and is not kept. Pupils take turns, so that nobody taps twice within the same few seconds."""
    codes = [school.badge_code(number % school.PUPILS) for number in pupils]
    hashes = [crew.hashes[number % school.PUPILS] for number in pupils]
    quiet = await asyncio.to_thread(crew.floor.measure, len(pupils), TAP_EVERY_S)
    whole = await crew.edge.taps(codes, TAP_EVERY_S)
    alone = await devices.one_by_one(crew.scripted[0], hashes, TAP_EVERY_S)
    least = await devices.one_by_one(crew.least, hashes, TAP_EVERY_S)
    crowd = await devices.together(crew.scripted, hashes * 2, PER_S)
    echoes = await asyncio.to_thread(crew.floor.volleys, len(pupils), len(crew.scripted), VOLLEY_EVERY_S)
    volleys = await devices.at_once(crew.scripted, hashes, VOLLEY_EVERY_S)
    if keep:
        lone = ((found.floor, quiet), (found.edge, whole), (found.hub, alone), (found.least, least))
        for all_rounds, came in (*lone, (found.crowd, crowd)):
            all_rounds.append(came)
        found.volley_floor.append(echoes)
        found.volleys.append(volleys)


def rows(found: Taps, crowd: int) -> Iterator[Row]:
    """The lines of the table."""
    at_once = f"{crowd} devices in the same instant, p50 / {crowd} echoes and one fdatasync"
    yield _row("T1", "tap to light, 1 device, p50 / floor p50", found.edge, found.floor, 0.50, 1.3)
    yield _row("T2", "tap to light, 1 device, p99 / floor p99", found.edge, found.floor, 0.99, 1.5)
    yield _rare("tap to light, 1 device, p99.9 / floor p99.9, all rounds", found.edge, found.floor)
    yield _row("", "the hub's part: scan to verdict, scripted device, p50", found.hub, found.floor, 0.50, None)
    yield _row("", "the same of a hub that does not think (least.py)", found.least, found.floor, 0.50, None)
    yield _row("", "the hub's part, p99 / floor p99", found.hub, found.floor, 0.99, None)
    yield _row("", "the same of a hub that does not think (least.py)", found.least, found.floor, 0.99, None)
    yield _row("T3", f"{crowd} devices, 200 scans/s together, p50 / floor p50", found.crowd, found.floor, 0.50, 1.6)
    yield _row("", "the same, p99 / floor p99", found.crowd, found.floor, 0.99, None)
    yield _rare("the same, p99.9 / floor p99.9, all rounds", found.crowd, found.floor)
    yield _row("", at_once, found.volleys, found.volley_floor, 0.50, None)
    yield _row("", "the same, p99 / p99", found.volleys, found.volley_floor, 0.99, None)
    yield _rare("the same, p99.9 / p99.9, all rounds", found.volleys, found.volley_floor)


def _rare(what: str, measured: Sequence[Sequence[float]], base: Sequence[Sequence[float]]) -> Row:
    """One in a thousand: only all rounds together have seen that."""
    return _row("", what, [list(chain(*measured))], [list(chain(*base))], 0.999, None)


def _row(
    key: str, what: str, measured: Sequence[Sequence[float]], base: Sequence[Sequence[float]], share: float, target: float | None
) -> Row:
    beside = f"{middle(measured, share):.2f} ms / {middle(base, share):.2f} ms"
    return Row(key, what, ratio(list(zip(measured, base, strict=True)), share), target, beside)
