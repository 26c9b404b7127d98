"""The processes of a made-up school on this machine: a broker, the hub and three devices, each as a real child of ours.

Everything lives in one folder and on the loopback. It starts, kills and stops; it plays no tap and decides nothing.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import tomllib
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from tests.brokers import free_port, mosquitto_config
from tests.demo import school
from tests.demo.cable import Cable
from tests.demo.pace import SchoolTime, monday_of, until
from tests.demo.scanners import QrScanner, Scanner, TagReader, keyboard

START_S = 30.0
"""A loaded machine may take long to start a Python program."""
STOP_S = 8.0
"""The hub lets its pages end for 3 s, and its broker for 5."""
DRAINED_S = 60.0
"""An outbox that is still not empty so long after the day has a reason that we want to see."""
LOG_LINES = 15
"""Of a program that failed, shown at once."""
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")
DEVICES = ("care-door", "till", "hall")
BEFORE_MS = 30 * 86_400_000
"""Badges and balances are this old when the day begins."""

BrokerKind = Literal["embedded", "mosquitto"]
FoundingOf = Callable[[Sequence[school.Child], date, int], school.Founding]
"""Of everyone, the first day, and since when (Unix ms) badges and balances are there."""


class TownError(Exception):
    """A program of the town failed; the text names it and ends with what it said."""


class Program:
    """One child process with a log of its own. It dies with us, whatever happens, and never hears the terminal's Ctrl-C itself."""

    def __init__(self, name: str, command: Sequence[str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._command = (*DIES_WITH_US, *command)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Of the running process; 0 when there is none."""
        return self._process.pid if self._process and self._process.returncode is None else 0

    async def start(self) -> None:
        with self.log.open("ab") as log:
            quiet = asyncio.subprocess.DEVNULL
            # An installed program has its bytecode; one that is started a thousand times must not compile itself each time.
            variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
            self._process = await asyncio.create_subprocess_exec(
                *self._command, env=variables, stdin=quiet, stdout=log, stderr=log, start_new_session=True
            )

    async def kill(self) -> None:
        """With -9: it has no time for anything."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Orderly; its exit status, negative when it had to be killed."""
        await self._end(signal.SIGTERM)
        return self._process.returncode or 0 if self._process else 0

    async def ended(self) -> str:
        """Wait until it ends; the end of its log."""
        assert self._process is not None, f"{self.name} was never started"
        await self._process.wait()
        return f"{self.name} ended with status {self._process.returncode}:\n{self.tail()}"

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_LINES:]) if self.log.exists() else ""

    async def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how)
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):  # it may have ended while we were held up
                process.kill()
            await process.wait()


@dataclass(slots=True)
class DevicePlace:
    """A device as it stands on its shelf: its program, its scanners by reader, its cable, its files."""

    id: str
    program: Program
    scanners: dict[str, Scanner]
    cable: Cable | None
    folder: Path
    trace: Path

    def lit(self) -> list[dict[str, str | int]]:
        """Everything its lamps have shown so far, oldest first."""
        lines = self.trace.read_text(encoding="utf-8").splitlines() if self.trace.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]

    def unsettled(self) -> int:
        """Scans on its card that the hub has not answered yet."""
        return self._card("SELECT count(*) FROM record WHERE settled = 0")

    def is_ready(self) -> bool:
        """Whether it knows its config and roster, and has last shown that the hub is there."""
        rings = [line["pattern"] for line in self.lit() if line["pattern"] in {"away", "ready"}]
        return rings[-1:] == ["ready"] and self._card("SELECT count(*) FROM kept WHERE key IN ('config', 'roster')") == 2

    def _card(self, question: str) -> int:
        """A number from its outbox; -1 while it cannot be read."""
        return _of_copy(self.folder / "outbox.db", question)


def _of_copy(store: Path, question: str) -> int:
    """A number from a copy of a database, which may be locked: what would be found after a power cut. -1 while it cannot be read."""
    if not store.exists():
        return -1
    with tempfile.TemporaryDirectory(dir=store.parent) as copy:
        try:
            for name in (store.name, f"{store.name}-wal"):
                if store.with_name(name).exists():
                    shutil.copy(store.with_name(name), copy)
            with contextlib.closing(sqlite3.connect(f"{copy}/{store.name}")) as opened:
                return int(opened.execute(question).fetchone()[0])
        except (OSError, sqlite3.DatabaseError):  # copied in the middle of a write, or not made yet
            return -1


@contextlib.asynccontextmanager
async def town(
    folder: Path,
    everyone: Sequence[school.Child],
    speed: float,
    broker: "BrokerKind",
    *,
    with_cables: bool,
    founding: FoundingOf = school.founding,
) -> AsyncIterator["Town"]:
    """A town that is built, and stopped whatever happens."""
    built = Town(folder, SchoolTime(monday_of(datetime.now(UTC).date()), 0, speed, 0), broker, with_cables)
    try:
        await built.build(founding(everyone, built.time.day, built.time.midnight_ms - BEFORE_MS))
        yield built
    finally:
        await built.stop()
        await built.clear_away()


@dataclass(slots=True)
class Town:
    """All of it, in `folder`: made by `town`, then started by `start`."""

    folder: Path
    time: SchoolTime
    broker: BrokerKind = "embedded"
    with_cables: bool = False
    web_port: int = field(default_factory=free_port)
    broker_port: int = field(default_factory=free_port)
    devices: dict[str, DevicePlace] = field(default_factory=dict)
    hub: Program = field(init=False)
    mosquitto: Program | None = None
    written: list[tuple[int, int]] = field(default_factory=list)
    """From and to how many facts the journal had with each command."""

    def __post_init__(self) -> None:
        self.hub = Program("hub", [*_hub(), "run", "--config", str(self.folder / "hub.toml")], self.folder)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def hub_folder(self) -> Path:
        return self.folder / "hub"

    def programs(self) -> list[Program]:
        """All children."""
        return [self.hub, *(device.program for device in self.devices.values()), *([self.mosquitto] if self.mosquitto else [])]

    def scanner(self, place: str) -> Scanner:
        """By `device/reader`."""
        device, reader = place.split("/")
        return self.devices[device].scanners[reader]

    async def build(self, founding: school.Founding) -> None:
        """Set the school up through the real commands, and give each device its settings and scanners."""
        for name, text in {"hub.toml": self._settings(), **founding.files}.items():
            (self.folder / name).write_text(text, encoding="utf-8")
        for words in founding.commands:
            await self.command(*words)
        if self.broker == "mosquitto":
            await self._build_mosquitto()
        printed = (await self.command("device", *DEVICES)).split("device = ")[1:]
        for text in printed:
            place = await self._place(tomllib.loads(f"device = {text}"))
            self.devices[place.id] = place

    async def start(self, from_s: float) -> None:
        """Start everything, the school's day at `from_s`; return when every device can be used."""
        if self.mosquitto is not None:
            await self.mosquitto.start()
        await self._open_hub(self.time.day, from_s)
        # A device that finds no broker waits a second or two before it tries again: it is not made to.
        await until(lambda: self.first_link() != "" or not self.hub.pid, START_S, "the hub")
        for device in self.devices.values():
            await device.program.start()
        await self.ready()

    async def close_hub(self) -> int:
        """Stop the hub in order; its exit status, when every device has noticed."""
        status = await self.hub.stop()
        await until(lambda: not any(one.is_ready() for one in self.devices.values()), START_S, "devices that notice")
        return status

    async def open_hub(self, day: date, from_s: float) -> None:
        """Start the hub again, at another hour of another day; return when every device has found it."""
        await self._open_hub(day, from_s)
        await self.ready()

    async def _open_hub(self, day: date, from_s: float) -> None:
        self.time = replace(self.time, day=day, from_s=from_s, since_ms=time.time_ns() // 1_000_000)
        (self.folder / "hub.toml").write_text(self._settings(), encoding="utf-8")
        await self.hub.start()

    async def ready(self, devices: Collection[DevicePlace] = ()) -> None:
        """Return when these devices (none: all) know their roster and have the hub. Raises TownError when the hub or one of them ends."""
        wanted = devices or self.devices.values()
        programs = [self.hub, *(one.program for one in wanted), *([self.mosquitto] if self.mosquitto else [])]
        await until(lambda: not all(one.pid for one in programs) or all(one.is_ready() for one in wanted), START_S, "devices with the hub")
        for one in programs:
            if not one.pid:
                raise TownError(await one.ended())

    async def drained(self, devices: Collection[DevicePlace] = ()) -> None:
        """Return when these devices (none: all) have the hub, and nothing waits on their cards."""
        wanted = devices or self.devices.values()
        await until(lambda: all(one.is_ready() and not one.unsettled() for one in wanted), DRAINED_S, "empty outboxes")

    async def stop(self) -> dict[str, int]:
        """Orderly, devices first; exit statuses by program."""
        places = list(self.devices.values())
        statuses = dict(zip(self.devices, await asyncio.gather(*(one.program.stop() for one in places)), strict=True))
        statuses["hub"] = await self.hub.stop()
        if self.mosquitto is not None:
            statuses["mosquitto"] = await self.mosquitto.stop()
        return statuses

    async def clear_away(self) -> None:
        """Scanners and cables; the programs are stopped."""
        for device in self.devices.values():
            for scanner in device.scanners.values():
                scanner.close()
            if device.cable is not None:
                await device.cable.close()

    async def kill_broker(self) -> None:
        """With -9. The embedded one is the hub's own child, which starts it again; mosquitto is started again by us."""
        if self.mosquitto is not None:
            await self.mosquitto.kill()
            await self.mosquitto.start()
            return
        for child in _brokers(self.hub.pid):
            os.kill(child, signal.SIGKILL)

    def first_link(self) -> str:
        """The one-time link the hub printed; empty while it has not."""
        words = self.hub.log.read_text(errors="replace").split() if self.hub.log.exists() else []
        return next((word for word in words if "/first/" in word), "")

    def _settings(self) -> str:
        return f"""\
[hub]
data = "{self.hub_folder}"

[broker]
kind = "{self.broker}"
port = {self.broker_port}

[web]
port = {self.web_port}

[clock]
speed = {float(self.time.speed)}
start_ms = {self.time.start_ms}
since_ms = {self.time.since_ms}
"""

    async def command(self, *words: str) -> str:
        """One `preau-hub` command, the hub stopped; what it printed. Raises TownError when it refuses."""
        before = self._booked()
        process = await asyncio.create_subprocess_exec(
            *(*DIES_WITH_US, *_hub(), *words, "--config", "hub.toml"),
            cwd=self.folder,
            start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()  # its pipes are closed while there is a loop to close them
        if process.returncode:
            raise TownError(f"preau-hub {' '.join(words[:2])}: {(err + out).decode(errors='replace')}")
        self.written.append((before, self._booked()))
        return out.decode()

    def _booked(self) -> int:
        """How many facts the journal has."""
        return max(_of_copy(self.hub_folder / "journal.db", "SELECT coalesce(max(number + count - 1), 0) FROM journal"), 0)

    async def _build_mosquitto(self) -> None:
        """Debian's mosquitto with our provisioning files, and the passwords the hub gives."""
        config = mosquitto_config(self.folder, self.broker_port, ())
        (self.folder / "passwords").write_text(await self.command("passwords"))
        self.mosquitto = Program("mosquitto", ["/usr/sbin/mosquitto", "-c", str(config)], self.folder)

    async def _place(self, printed: dict[str, Any]) -> DevicePlace:
        """A device with the settings the hub printed for it, its own ports put in."""
        device = str(printed["device"])
        folder, trace, config = self.folder / device, self.folder / f"{device}.trace", self.folder / f"{device}.toml"
        scanners = {reader["id"]: self._scanner(f"{device}-{reader['id']}", reader["id"]) for reader in printed["readers"]}
        cable = None
        if self.with_cables:
            cable = Cable(self.broker_port)
            await cable.start()
        lines = [f'device = "{device}"', f'data = "{folder}"', "[broker]", 'host = "127.0.0.1"']
        lines += [f"port = {cable.port if cable else self.broker_port}", f'password = "{printed["broker"]["password"]}"']
        for reader, scanner in scanners.items():
            lines += ["[[readers]]", f'id = "{reader}"', f'kind = "{scanner.kind}"', f'path = "{scanner.path}"']
            lines += ["door_pin = 17"] if reader == "door" else []
        lines += ["[outputs]", 'pins = "mock"', "ring = 22", "accepted = 23", "look = 24", "adult = 25", f'trace = "{trace}"']
        config.write_text("\n".join(lines) + "\n")
        command = [str(Path(sys.executable).with_name("preau-edge")), "run", "--config", str(config)]
        return DevicePlace(device, Program(device, command, self.folder), scanners, cable, folder, trace)

    def _scanner(self, name: str, reader: str) -> Scanner:
        path = self.folder / f"{name}.port"
        match reader:
            case "door":
                return QrScanner(path)
            case "tags":
                return TagReader(path)
            case _:
                return keyboard(path)


def _hub() -> list[str]:
    return [str(Path(sys.executable).with_name("preau-hub"))]


def _brokers(pid: int) -> list[int]:
    """The brokers this process has started; a hub that has just begun also has a child that translates its pages, and ends by itself."""
    tasks = Path(f"/proc/{pid}/task")
    children = [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]
    return [child for child in children if _program(child) == "nats-server"]


def _program(pid: int) -> str:
    """The name of a program that runs; empty for one that has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
