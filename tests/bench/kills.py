"""T12: kill -9 of a hub under load, and how long until a verdict leaves again. It is started again in the same instant, as by systemd."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from statistics import median

from tests.bench import devices, processes, school, world
from tests.bench.pace import passed
from tests.bench.processes import Running
from tests.bench.report import Row
from tests.bench.world import World

AGAIN = 40.0
"""T12: times the start of a bare interpreter, at most."""
LOAD_S = 1.0
PER_S = 200.0
CROWD = 10
WAIT_S = 60.0
KNOCK_EVERY_S = 0.005
ASK_EVERY_S = 0.02
"""A scan that came before its device was known is sent again; a real device does so after its deadline."""


@dataclass(slots=True)
class Kills:
    """Milliseconds by round."""

    bare: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)


async def measure(there: World, rounds: int) -> Kills:
    """`rounds` kills, each with a bare interpreter started before it."""
    found = Kills()
    for number in range(rounds):
        found.bare.append(processes.bare_start_ms())
        found.again.append(await _killed(there, school.FRESH[CROWD + number % (len(school.FRESH) - CROWD)]))
    return found


async def _killed(there: World, witness: str) -> float:
    """From the kill to a verdict that a device gets which comes as soon as the broker takes it."""
    with world.broker_running(there), world.hub_alone(there) as hub, contextlib.ExitStack() as later:
        async with _load(there):
            since_ns = time.monotonic_ns()
            hub.process.kill()
            hub.process.wait()
            restarted = later.enter_context(world.hub_alone(there, ready=False))
            return (await _verdict_ns(there, witness, restarted) - since_ns) / 1e6


@contextlib.asynccontextmanager
async def _load(there: World) -> AsyncIterator[None]:
    """Devices tap all the while; whoever is cut off comes back, as on a school morning."""
    async with contextlib.AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(devices.present(there, name)) for name in school.FRESH[:CROWD]]
        hashes = world.hashes(there)
        tapping = asyncio.create_task(devices.together(crowd, hashes * 100, PER_S))
        stack.callback(tapping.cancel)
        await passed(LOAD_S)
        assert any(device.took_ms for device in crowd), "there was no load"
        yield


async def _verdict_ns(there: World, name: str, hub: Running) -> int:
    """When it came, by the monotonic clock."""
    deadline_s = time.monotonic() + WAIT_S
    while not _knocked(there.port):
        log = (there.folder / "hub.log").read_text()[-2000:]
        assert hub.process.poll() is None, f"the hub did not come back: {log}"
        assert time.monotonic() < deadline_s, f"nobody answers for the broker: {log}"
        await passed(KNOCK_EVERY_S)
    async with asyncio.timeout(WAIT_S), devices.present(there, name) as device:
        device.tap(world.hashes(there)[0])
        while not device.took_ms:
            await passed(ASK_EVERY_S)
            device.ask_again()
        return device.sent_ns[1] + round(device.took_ms[0] * 1e6)


def _knocked(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def rows(found: Kills, facts: int) -> Iterator[Row]:
    """The line of the table."""
    value = median(again / bare for again, bare in zip(found.again, found.bare, strict=True))
    beside = f"{median(found.again):.0f} ms / {median(found.bare):.0f} ms"
    yield Row("T12", f"kill -9 of the hub under load, {facts} facts: verdict again / python -c pass", value, AGAIN, beside)
