"""The whole house on one machine: broker, hub and edge as real processes, set up from files by the real commands."""

import contextlib
import fcntl
import json
import os
import shutil
import termios
import time
import tomllib
import tty
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hub.broker import HUB_USER, Account
from hub.keys import badge_key, device_password, hub_password, load_master
from proto.badge import badge_hash
from tests import brokers
from tests.bench import processes, school
from tests.bench.pace import passed, pause, until
from tests.bench.processes import Running

WAIT_S = 30.0
TYPED_S = 0.002
"""Between the letters of a code and its end mark: the letters have been read when the end comes, as on a real line."""


@dataclass(frozen=True, slots=True)
class World:
    """A school that is set up in `folder`, and where its broker listens. `kind`: embedded or mosquitto."""

    folder: Path
    kind: str
    port: int
    hub: Account
    devices: dict[str, str]
    """Device -> broker password."""

    @property
    def hub_config(self) -> Path:
        return self.folder / "hub.toml"

    @property
    def url(self) -> str:
        """Where the pages are."""
        web = tomllib.loads(self.hub_config.read_text())["web"]
        return f"http://{web['host']}:{web['port']}"

    @property
    def store(self) -> Path:
        return self.folder / "hub"


def set_up(folder: Path, kind: str) -> World:
    """The made-up school in a new data folder: described, pupils listed, balances booked."""
    port = brokers.free_port()
    for name, text in (("school.toml", school.description()), ("pupils.csv", school.pupils()), ("balances.csv", school.balances())):
        (folder / name).write_text(text)
    config = configured(folder, kind, port)
    names = [str(folder / name) for name in ("school.toml", "pupils.csv", "balances.csv")]
    processes.run(["hub", "setup", "--config", str(config), names[0]])
    for what, name in (("pupils", names[1]), ("balances", names[2])):
        processes.run(["hub", "import", "--config", str(config), "--yes", what, name])
    master = load_master(folder / "hub" / "master.key")
    devices = {name: device_password(master, name, 1) for name in (school.EDGE, *school.SCRIPTED, *school.FRESH)}
    return World(folder, kind, port, Account(HUB_USER, hub_password(master)), devices)


def twin(world: World, folder: Path) -> World:
    """The same school once more, as far as it is now: its own data folder, broker and ports. No hub may be running in the first.

    `folder` must not exist yet.
    """
    folder.mkdir()
    shutil.copytree(world.store, folder / "hub")
    port = brokers.free_port()
    configured(folder, world.kind, port)
    return replace(world, folder=folder, port=port)


def configured(folder: Path, kind: str, port: int) -> Path:
    """The settings of a hub in this folder."""
    config = folder / "hub.toml"
    web = f'[web]\nhost = "127.0.0.1"\nport = {brokers.free_port()}\n'
    config.write_text(f'[hub]\ndata = "{folder}/hub"\n\n[broker]\nkind = "{kind}"\nhost = "127.0.0.1"\nport = {port}\n\n{web}')
    return config


def hashes(world: World) -> list[str]:
    """The badges of all pupils, as the wire has them."""
    key = badge_key(load_master(world.store / "master.key"))
    return [badge_hash(key, school.badge_code(number)) for number in range(school.PUPILS)]


@contextlib.contextmanager
def hub_running(world: World, module: str = "hub", environ: dict[str, str] | None = None) -> Iterator[Running]:
    """The hub; with mosquitto, that as well. `module` may be a program that is the hub with a monitor in it."""
    with broker_running(world), hub_alone(world, module, environ) as hub:
        yield hub


@contextlib.contextmanager
def broker_running(world: World) -> Iterator[None]:
    """The broker that outlives a hub; nothing where the hub brings its own."""
    with contextlib.ExitStack() as stack:
        if world.kind == "mosquitto":
            everyone = (world.hub, *(Account(*device) for device in world.devices.items()))
            stack.enter_context(brokers.mosquitto(world.folder, everyone, world.port))
        yield


@contextlib.contextmanager
def hub_alone(world: World, module: str = "hub", environ: dict[str, str] | None = None, *, ready: bool = True) -> Iterator[Running]:
    """The hub, on a broker that runs or that it brings; with `ready` once it says so, else at once."""
    command = [module, "run", "--config", str(world.hub_config)]
    with processes.started(command, world.folder / "hub.log", environ, ready=ready) as hub:
        yield hub


@contextlib.asynccontextmanager
async def bare_broker(kind: str, folder: Path) -> AsyncIterator[brokers.Running]:
    """A broker of the same kind for the floor alone."""
    if kind == "mosquitto":
        with brokers.mosquitto(folder, (brokers.HUB, *brokers.DEVICES)) as port:
            yield brokers.Running(kind, "127.0.0.1", port)
    else:
        async with brokers.embedded(folder) as running:
            yield running


@dataclass(slots=True)
class Edge:
    """The real device, its line scanner in our hand, and what it has shown."""

    running: Running
    scanner: int
    trace: Path
    _pressed_us: list[int]

    def tap(self, code: str) -> None:
        """The scanner sends a code; the clock starts with its end mark."""
        os.write(self.scanner, code.encode())
        pause(TYPED_S)
        self._pressed_us.append(time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000)
        os.write(self.scanner, b"\r")

    async def lit(self) -> list[float]:
        """Wait until every tap has its light; ms from end mark to light, of all taps since the start, in order."""
        await until(lambda: len(_answers(self.trace)) >= len(self._pressed_us), WAIT_S)
        shown = _answers(self.trace)
        return [(shown[n] - pressed_us) / 1000 for n, pressed_us in enumerate(self._pressed_us, 1)]

    async def taps(self, codes: Sequence[str], pause_s: float) -> list[float]:
        """Taps at a steady pace; ms from end mark to light."""
        before = len(self._pressed_us)
        for code in codes:
            self.tap(code)
            await passed(pause_s)
        return (await self.lit())[before:]


@contextlib.asynccontextmanager
async def edge_running(world: World) -> AsyncIterator[Edge]:
    """preau-edge with a line scanner on a pseudo-terminal, once it sees the hub and its reader."""
    ours, theirs = os.openpty()
    for end in (ours, theirs):
        tty.setraw(end, termios.TCSANOW)
    fcntl.fcntl(ours, fcntl.F_SETFL, os.O_NONBLOCK)
    trace, config = world.folder / "trace.jsonl", world.folder / "edge.toml"
    trace.unlink(missing_ok=True)
    config.write_text(
        f'device = "{school.EDGE}"\ndata = "{world.folder}/edge"\n[broker]\nhost = "127.0.0.1"\nport = {world.port}\n'
        f'password = "{world.devices[school.EDGE]}"\n[[readers]]\nid = "{school.READER}"\nkind = "line"\npath = "{os.ttyname(theirs)}"\n'
        f'[outputs]\npins = "mock"\nring = 22\naccepted = 23\nbuzzer = 18\ntrace = "{trace}"\n'
    )
    try:
        with processes.started(["edge", "run", "--config", str(config)], world.folder / "edge.log") as running:
            edge = Edge(running, ours, trace, [])
            await until(lambda: '"pattern": "ready"' in trace.read_text(), WAIT_S)
            yield edge
    finally:
        os.close(ours)
        os.close(theirs)


def _answers(trace: Path) -> dict[int, int]:
    """Number of each scan -> when its light came, µs since boot; the tick that says "reading" is none."""
    lines = [json.loads(line) for line in trace.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return {line["n"]: line["mono_us"] for line in lines if "n" in line and line["pattern"] != "reading"}
