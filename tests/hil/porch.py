"""A school's porch for one test: the device in the guest with its two scanners, lamps and relays; a real mosquitto and the real hub here.

It plugs, taps, looks at pins from outside the device's program, and reads the books when all has stopped. It judges nothing.
"""

import contextlib
import json
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.brokers import free_port, mosquitto_config
from tests.demo.pace import after
from tests.demo.town import Program
from tests.hil.machine import BROKER, GuestError, Machine
from tests.journey.place import BADGES, DEVICE, Kept, Light, SetUp, read_kept

PATHS = {
    "in": "/dev/serial/by-path/platform-dummy_hcd.0-usb-0:1:1.0",
    "out": "/dev/input/by-path/platform-dummy_hcd.1-usb-0:1:1.0-event-kbd",
}
RELAYS = {"in": 17, "out": 27}
"""The entry's relay is on when high, the exit's when low: that one has the pull-up which provisioning/README.md demands."""
OFF, OPEN = {"in": 0, "out": 1}, {"in": 1, "out": 0}
LAMPS = {"accepted": 23, "look": 24, "adult": 25}
DOOR_MS = 3_000
WITHIN_S = 300.0
"""Deadline of every wait: the guest is slow, and may share this machine."""
DATA = "/var/lib/preau-edge"
OUTBOX = f"{DATA}/outbox.db"
LOOK_S = 0.1
"""How often the guest is looked at: each look costs it a little of its only processor."""
NOTEBOOK = "/run/voltmeter"
SWITCHED_OFF, WORKING = "off", "working"


def settings(password: str) -> str:
    """/etc/preau/edge.toml of the guest."""
    return f"""\
device = "{DEVICE}"
data = "{DATA}"

[broker]
host = "{BROKER}"
password = "{password}"

[[readers]]
id = "in"
kind = "line"
path = "{PATHS["in"]}"
door_pin = {RELAYS["in"]}

[[readers]]
id = "out"
kind = "hid"
path = "{PATHS["out"]}"
door_pin = {RELAYS["out"]}
door_active_high = false

[outputs]
pins = "lgpio"
ring = 22
accepted = {LAMPS["accepted"]}
look = {LAMPS["look"]}
adult = {LAMPS["adult"]}
buzzer = 18
trace = "{DATA}/trace"
"""


def school_toml(journey: str) -> str:
    """The journey's school, with a door at both readers that stays open long enough to be looked at."""
    return journey.replace("door_ms = 800", f"door_ms = {DOOR_MS}").replace('"out" }', f'"in", door_ms = {DOOR_MS} }}')


@dataclass(slots=True)
class Porch:
    """Use: `async with porch(...) as here`."""

    machine: Machine
    folder: Path
    hub: Program
    mosquitto: Program
    _seen: dict[str, None] = field(default_factory=dict)

    # --- what is seen ---

    def trace(self) -> list[dict[str, Any]]:
        """Everything shown so far. What was seen once is remembered: a guest that crashes may forget the end of the file."""
        lines = self.machine.do("get", path=f"{DATA}/trace").splitlines()
        self._seen.update(dict.fromkeys(line for line in lines if line.endswith("}")))
        return [json.loads(line) for line in self._seen]

    def lights(self) -> list[Light]:
        """Every answer to a tap."""
        return [Light(str(line["inc"]), int(line["n"]), str(line["pattern"])) for line in self.trace() if "n" in line]

    def shown(self, pattern: str) -> int:
        """How often this was shown."""
        return sum(line["pattern"] == pattern for line in self.trace())

    def relay(self, reader: str) -> int:
        """The level of a relay's pin."""
        return self.pins(RELAYS[reader])[0]

    def pins(self, *numbers: int) -> list[int]:
        levels: list[int] = self.machine.do("lines", numbers=list(numbers))
        return levels

    def changes(self, number: int) -> list[tuple[int, int]]:
        """What a voltmeter saw of a pin since the test began: (ms since boot, new level)."""
        return [(ms, level) for ms, pin, level in self.machine.do("changes", notebook=NOTEBOOK) if pin == number]

    def log(self) -> str:
        """What the device's program said since the boot."""
        return self.machine.run("journalctl", "--boot", "--unit=preau-edge", "--output=cat", "--no-pager")

    def pid(self) -> int:
        """Of the device's program; 0 when it does not run."""
        return int(self.machine.run("systemctl", "show", "--property=MainPID", "--value", "preau-edge"))

    def unsettled(self) -> int:
        """Scans on the device's card that the hub has not answered."""
        count: int = self.machine.do("count", database=OUTBOX, question="SELECT count(*) FROM record WHERE settled = 0")
        return count

    # --- what is done ---

    def scan(self, who: str, reader: str) -> None:
        """Hold a badge to a scanner; nobody waits for the light."""
        if reader == "in":
            self.machine.do("say", name="in", text=f"{BADGES[who]}\r\n")
        else:
            self.machine.do("type_text", name="out", text=f"{BADGES[who]}\n")

    async def tap(self, who: str, reader: str) -> Light:
        """Hold a badge to a scanner and wait for the light."""
        before = len(self.lights())
        self.scan(who, reader)
        await self.until(lambda: len(self.lights()) > before, f"a light for {who}")
        return self.lights()[before]

    async def enter(self, reader: str, pupils: Sequence[str]) -> int:
        """Tap pupil after pupil until the door opens, and return how many that took: on a busy machine the hub's answer may be late."""
        for taps, who in enumerate(pupils, 1):
            opened = self.shown("pulse")
            assert (await self.tap(who, reader)).pattern == "accepted"
            if self.shown("pulse") > opened:
                return taps
        raise AssertionError(f"the hub answered none of {len(pupils)} taps in time")

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Return when this is so. Raises GuestError, with what the device said, when it does not come about."""
        deadline_s = time.monotonic() + WITHIN_S
        while not condition():
            if time.monotonic() > deadline_s:
                raise GuestError(f"{what}: not within {WITHIN_S:.0f} s\n{self.log()}\n{self.hub.tail()}")
            await after(LOOK_S)

    def start_device(self) -> None:
        self.machine.run("systemctl", "start", "preau-edge")

    def stop_device(self) -> None:
        self.machine.run("systemctl", "stop", "preau-edge")

    async def ready(self, times: int = 1) -> None:
        """The device has config and roster, and has shown `times` that the hub is there."""
        question = "SELECT count(*) FROM kept WHERE key IN ('config', 'roster')"
        await self.until(lambda: self.shown("ready") >= times, "a device with a hub")
        await self.until(lambda: self.machine.do("count", database=OUTBOX, question=question) == 2, "config and roster")

    async def listens(self, scanners: int = 2) -> None:
        """The device has found its scanners; after a replug, one more."""
        await self.until(lambda: self.log().count(" is ready") >= scanners, "a device that has its scanners")

    async def books(self) -> Kept:
        """The hub ends in order, once it has everything the device has; what is kept, as its next start would read it."""
        await self.until(lambda: self.unsettled() == 0, "an empty outbox")
        assert await self.hub.stop() == 0, self.hub.tail()
        return await read_kept(self.folder / "hub")


@contextlib.asynccontextmanager
async def porch(machine: Machine, state: str, folder: Path, school: SetUp, broker_port: int) -> AsyncIterator[Porch]:
    """A guest thawed in this state (see `prepare`), with hub and broker beside it, which run and end with the test."""
    machine.thaw(state)
    shutil.copytree(school.folder, folder / "hub")
    (folder / "hub.toml").write_text(_hub_settings(folder, broker_port), encoding="utf-8")
    config = mosquitto_config(folder, broker_port, ())
    (folder / "passwords").write_text(school.mosquitto_passwords, encoding="utf-8")
    hub = Program("hub", [str(Path(sys.executable).with_name("preau-hub")), "run", "--config", str(folder / "hub.toml")], folder)
    here = Porch(machine, folder, hub, Program("mosquitto", ["/usr/sbin/mosquitto", "-c", str(config)], folder))
    machine.run("date", "--set", f"@{time.time():.3f}")
    try:
        await here.mosquitto.start()
        await here.hub.start()
        machine.cable(plugged=True)
        yield here
    finally:
        for program in (here.hub, here.mosquitto):
            await program.kill()


def prepare(machine: Machine, password: str) -> None:
    """Give a guest that boots its settings, and freeze it twice, without a network: before its start, and at work."""
    machine.hello()
    machine.do("put", path="/etc/preau/edge.toml", text=settings(password))
    machine.do("watch", numbers=[*RELAYS.values(), *LAMPS.values()], notebook=NOTEBOOK)
    machine.cable(plugged=False)
    machine.freeze(SWITCHED_OFF)
    machine.run("systemctl", "start", "preau-edge")
    machine.run("sh", "-c", "until [ $(journalctl -b -u preau-edge | grep -c ' is ready') = 2 ]; do sleep 0.5; done")
    machine.freeze(WORKING)


def _hub_settings(folder: Path, broker_port: int) -> str:
    return f"""\
[hub]
data = "{folder / "hub"}"

[broker]
kind = "mosquitto"
port = {broker_port}

[web]
port = {free_port()}
"""
