"""A school on this machine for one trip: the real hub, the real broker, a real device with a serial and a keyboard scanner, a wire between.

Everything is a process of its own except the wire and the scanners' other ends. Time runs 300 times as fast as life, so that a stay
is long enough to be paid for.
"""

import asyncio
import contextlib
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, Protocol, TypeVar
from zoneinfo import ZoneInfo

from hub.clock import Clock
from hub.core.books import Books
from hub.core.facts import Fact, ScanTaken
from hub.core.school import School
from hub.memory import memory
from proto.badge import code
from proto.messages import YES
from tests.brokers import free_port, mosquitto_config
from tests.demo.pace import after, until
from tests.demo.scanners import FifoKeyboard, QrScanner
from tests.demo.town import DevicePlace, Program
from tests.journey.wires import Kind, Wire

T = TypeVar("T")
BrokerKind = Literal["embedded", "mosquitto"]
BROKERS: tuple[BrokerKind, ...] = ("embedded", "mosquitto")
SPEED = 300
STAY_MS = 5 * 60_000
LOOK_S = 0.05
WAIT_S = 45.0
"""Deadline of every wait: a lossy wire that breaks six times needs some of it, a loaded machine the rest."""
PUPILS = ("Léa", "Tom", "Noé", "Mia", "Zoé", "Ali")
BADGES = {name: code(bytes([number]) * 10) for number, name in enumerate(PUPILS, 1)}
DEVICE = "porte"
SCHOOL_TOML = """\
[[sites]]
name = "Les Tilleuls"

[[sites.programmes]]
name = "Garderie"
use = "care"
price = "0,75"
period_min = 30
hours = [{ days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], start = "00:00", end = "23:59" }]

[[sites.devices]]
id = "porte"
name = "Porte de la garderie"
readers = [
    { id = "in", name = "Entrée", use = "care", direction = "in", door_ms = 800 },
    { id = "out", name = "Sortie", use = "care", direction = "out" },
]
"""


@dataclass(frozen=True, slots=True)
class Light:
    """One answer to a tap, as its trace has it: which record, what was lit."""

    inc: str
    n: int
    pattern: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What is on disk when everything has stopped."""

    facts: tuple[Fact, ...]
    books: Books
    school: School

    @property
    def scans(self) -> list[ScanTaken]:
        return [fact for fact in self.facts if isinstance(fact, ScanTaken)]


class Lit(Protocol):
    """Whatever shows the lights of one device."""

    def lights(self) -> list[Light]: ...


@dataclass(frozen=True, slots=True)
class SetUp:
    """A data folder that was set up and never run, and what its commands printed."""

    folder: Path
    device_password: str
    mosquitto_passwords: str


@dataclass(slots=True)
class Place:
    """Use: `async with place(...) as here`."""

    folder: Path
    broker: BrokerKind
    wire: Wire
    broker_port: int
    web_port: int = field(default_factory=free_port)
    mosquitto: Program | None = None
    hub: Program = field(init=False)
    device: DevicePlace = field(init=False)
    entry: QrScanner = field(init=False)
    exit: FifoKeyboard = field(init=False)

    clock: Clock = field(default_factory=lambda: Clock(SPEED, morning_ms(), time.time_ns() // 1_000_000))
    """The school's, as the hub has it."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def store(self) -> Path:
        return self.folder / "hub"

    def first_link(self) -> str:
        """The one-time link that the hub prints; empty while it has not."""
        words = self.hub.log.read_text(errors="replace").split() if self.hub.log.exists() else []
        return next((word for word in words if "/first/" in word), "")

    def lights(self) -> list[Light]:
        """Every answer to a tap so far."""
        return [Light(str(line["inc"]), int(line["n"]), str(line["pattern"])) for line in self.device.lit() if "n" in line]

    def pulses(self) -> int:
        """How often the door was opened."""
        return sum(line["pattern"] == "pulse" for line in self.device.lit())

    def unplug(self) -> None:
        """Pull the entry's scanner: its port vanishes."""
        self.entry.close()
        Path(self.entry.path).unlink()

    def plug(self) -> None:
        """Plug a scanner in at the same place."""
        self.entry = QrScanner(Path(self.entry.path))

    def twin(self) -> Program:
        """A second machine with a copy of the device's settings, and no scanners."""
        settings = (self.folder / "porte.toml").read_text(encoding="utf-8")
        for mine, its in ((str(self.device.folder), f"{self.folder}/twin"), (".port", ".nothing"), ("porte.trace", "twin.trace")):
            settings = settings.replace(mine, its)
        config = self.folder / "twin.toml"
        config.write_text(settings, encoding="utf-8")
        return Program("twin", [_program("preau-edge"), "run", "--config", str(config)], self.folder)

    def give_password(self, password: str) -> None:
        """What staff do with the settings that the hub printed."""
        config = self.folder / "porte.toml"
        config.write_text(_device_settings(self, password, self.device.trace), encoding="utf-8")

    async def tap(self, who: str, scanner: "QrScanner | FifoKeyboard | None" = None) -> Light:
        """Show a badge at the entry, or at another scanner, and wait for the light."""
        before = len(self.lights())
        assert (scanner or self.entry).scan(BADGES[who]) is not None, "no device listens to the scanner"
        await until(lambda: len(self.lights()) > before, WAIT_S, f"a light for {who}")
        return self.lights()[before]

    async def stay(self) -> None:
        """Long enough to be paid for: five minutes of the school go by."""
        over_ms = self.clock.now_ms() + STAY_MS
        await until(lambda: self.clock.now_ms() > over_ms, WAIT_S, "time going by")

    async def start(self) -> None:
        """All programs; return when the device can be used."""
        if self.mosquitto is not None:
            await self.mosquitto.start()
        await self.hub.start()
        await self.device.program.start()
        await self.ready()

    async def ready(self) -> None:
        """The hub prints where it is, the device has hub and roster and listens to both scanners."""

        def is_ready() -> bool:
            listens = self.entry.is_listened_to() and self.exit.is_listened_to()
            return bool(self.first_link()) and listens and self.device.is_ready()

        await until(lambda: not (self.hub.pid and self.device.program.pid) or is_ready(), WAIT_S, "a device with hub and roster")
        assert self.hub.pid, self.hub.tail()
        assert self.device.program.pid, self.device.program.tail()

    async def settled(self) -> None:
        """The hub has booked everything this device has answered."""
        await until(lambda: self.device.unsettled() == 0, WAIT_S, "an empty outbox")

    async def stop(self) -> Kept:
        """Everything ends in order; what is kept is read as the next start would."""
        await self.settled()
        assert await self.device.program.stop() == 0, self.device.program.tail()
        assert self.device.unsettled() == 0
        assert await self.hub.stop() == 0, self.hub.tail()
        return await read_kept(self.store)

    async def run_hub(self, *words: str) -> tuple[int, str, str]:
        """A `preau-hub` command that ends by itself: its status, stdout and stderr."""
        process = await asyncio.create_subprocess_exec(
            *(_program("preau-hub"), *words, "--config", str(self.folder / "hub.toml")),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(WAIT_S):
            out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()


@contextlib.asynccontextmanager
async def place(
    folder: Path, school: SetUp, broker: BrokerKind, wire: Kind = Kind.WHOLE, seed: int = 1, speed: int = SPEED
) -> AsyncIterator[Place]:
    """The school at work; whatever is left of it ends with the test."""
    print(f"wire {wire}, seed {seed}, broker {broker}")
    broker_port = free_port()
    clock = Clock(speed, morning_ms(), time.time_ns() // 1_000_000)
    here = Place(folder, broker, Wire(wire, seed, broker_port), broker_port, clock=clock)
    await here.wire.start()
    try:
        _build(here, school)
        await here.start()
        yield here
    finally:
        for program in (here.device.program, here.hub, here.mosquitto):
            if program is not None:
                await program.kill()
        await here.wire.stop()
        here.entry.close()
        here.exit.close()


async def sees(look: Callable[[], Awaitable[T]], wanted: Callable[[T], bool]) -> T:
    """Look again and again until what is seen is what is wanted."""
    async with asyncio.timeout(WAIT_S):
        while not wanted(seen := await look()):
            await after(LOOK_S)
    return seen


async def read_kept(store: Path) -> Kept:
    """What the data folder of a hub that has stopped holds, read as its next start would."""
    async with memory(store) as stores:
        facts = [fact async for commit in stores.journal.read() for fact in commit.facts]
        return Kept(tuple(facts), stores.desk.books, stores.desk.school)


def everything_lit_is_booked_once(here: Lit, kept: Kept) -> None:
    """Every tap a light was given for is in the books exactly once, nothing else is, and money is conserved."""
    lit = [(light.inc, light.n) for light in here.lights()]
    assert len(set(lit)) == len(lit), "a tap was answered twice"
    assert sorted((scan.inc, scan.n) for scan in kept.scans) == sorted(lit)
    yes = {(light.inc, light.n) for light in here.lights() if light.pattern in YES}
    booked = {(scan.inc, scan.n): scan for scan in kept.scans}
    assert all(booked[key].light in YES and booked[key].pupil for key in yes), "a yes that was lit is not in the books as a yes"
    assert kept.books.total_cents() == 0


def set_up(folder: Path, school: str = SCHOOL_TOML) -> SetUp:
    """A school set up by its own commands, in `folder`; trips begin with a copy of it."""
    (folder / "school.toml").write_text(school, encoding="utf-8")
    rows = (f"{name}son;Les Tilleuls;{name}son;{name};3A;{BADGES[name]}" for name in PUPILS)
    (folder / "pupils.csv").write_text("\n".join(("household;site;last_name;first_name;group;badge", *rows)), encoding="utf-8")
    config = folder / "hub.toml"
    config.write_text(f'[hub]\ndata = "{folder / "hub"}"\n', encoding="utf-8")

    def command(*words: str) -> str:
        called = (_program("preau-hub"), *words, "--config", str(config))
        return subprocess.run(called, check=True, capture_output=True, text=True, timeout=WAIT_S).stdout

    pupils, since = str(folder / "pupils.csv"), str(morning_ms() - 86_400_000)
    command("setup", str(folder / "school.toml"))
    command("import", "pupils", pupils, "--yes", "--since-ms", since)
    return SetUp(folder / "hub", tomllib.loads(command("device", DEVICE))["broker"]["password"], command("passwords"))


def _build(here: Place, school: SetUp) -> None:
    """Copy the school, and give the device the password that the hub prints for it."""
    shutil.copytree(school.folder, here.store)
    (here.folder / "hub.toml").write_text(_hub_settings(here), encoding="utf-8")
    if here.broker == "mosquitto":
        config = mosquitto_config(here.folder, here.broker_port, ())
        (here.folder / "passwords").write_text(school.mosquitto_passwords, encoding="utf-8")
        here.mosquitto = Program("mosquitto", ["/usr/sbin/mosquitto", "-c", str(config)], here.folder)
    here.hub = Program("hub", [_program("preau-hub"), "run", "--config", str(here.folder / "hub.toml")], here.folder)
    here.entry, here.exit = QrScanner(here.folder / "in.port"), FifoKeyboard(here.folder / "out.port")
    config, trace = here.folder / "porte.toml", here.folder / "porte.trace"
    config.write_text(_device_settings(here, school.device_password, trace), encoding="utf-8")
    program = Program(DEVICE, [_program("preau-edge"), "run", "--config", str(config)], here.folder)
    scanners = {"in": here.entry, "out": here.exit}
    here.device = DevicePlace(DEVICE, program, scanners, None, here.folder / DEVICE, trace)  # type: ignore[arg-type]


def _hub_settings(here: Place) -> str:
    return f"""\
[hub]
data = "{here.store}"

[broker]
kind = "{here.broker}"
port = {here.broker_port}

[web]
port = {here.web_port}

[clock]
speed = {here.clock.speed}
start_ms = {here.clock.start_ms}
since_ms = {here.clock.since_ms}
"""


def _device_settings(here: Place, password: str, trace: Path) -> str:
    return f"""\
device = "{DEVICE}"
data = "{here.folder / DEVICE}"

[broker]
host = "127.0.0.1"
port = {here.wire.port}
password = "{password}"

[[readers]]
id = "in"
kind = "line"
path = "{here.entry.path}"
door_pin = 17

[[readers]]
id = "out"
kind = "hid"
path = "{here.exit.path}"

[outputs]
pins = "mock"
ring = 22
accepted = 23
look = 24
adult = 25
trace = "{trace}"
"""


def morning_ms() -> int:
    """Yesterday, 02:00: a device's own clock is then later than the roster, and not by a week."""
    yesterday = datetime.now(ZoneInfo("Europe/Brussels")) - timedelta(days=1)
    return int(yesterday.replace(hour=2, minute=0, second=0, microsecond=0).timestamp() * 1000)


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))
