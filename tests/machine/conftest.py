"""One machine for all tests of this room, installed by the guide's own commands: a hub and a device, not started yet."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.demo.scanners import QrScanner
from tests.demo.town import DevicePlace
from tests.journey.place import BADGES, SCHOOL_TOML
from tests.machine import container, guide
from tests.machine.container import Machine, until

PUPILS_CSV = f"""\
household;site;last_name;first_name;group;badge
Léason;Les Tilleuls;Léason;Léa;3A;{BADGES["Léa"]}
Tomson;Les Tilleuls;Tomson;Tom;3A;{BADGES["Tom"]}
"""
BALANCES_CSV = "site;household;balance\nLes Tilleuls;Léason;20,00\n"
FAMILIES_CSV = "household;first name;last name;email\nLéason;Anne;Léason;anne@example.be\n"
PORT = "/dev/ttyACM0"
DIALOUT = 20
"""Its group on every Debian."""
READERS = f"""
[[readers]]
id = "in"
kind = "line"
path = "{PORT}"
door_pin = 17

[outputs]
pins = "mock"
ring = 22
accepted = 23
look = 24
adult = 25
trace = "/var/lib/preau-edge/trace"
"""


@dataclass(frozen=True, slots=True)
class School:
    """The machine with its scanner."""

    machine: Machine
    scanner: QrScanner


@dataclass(frozen=True, slots=True)
class Site:
    """The machine, its scanner, and what is seen of its device from outside."""

    machine: Machine
    scanner: QrScanner
    device: DevicePlace

    def start(self) -> None:
        """Hub and device, until the device knows hub and school and listens."""
        self.machine.said("systemctl start preau-hub preau-edge")
        until(self.scanner.is_listened_to, "a device at the scanner")
        until(self.device.is_ready, f"a device with hub and roster: {self.machine.log('preau-*')}")

    def tap(self, who: str) -> str:
        """Show a badge; what is lit."""
        before = len(self._answers())
        assert self.scanner.scan(BADGES[who]) is not None, "no device listens to the scanner"
        until(lambda: len(self._answers()) > before, f"a light for {who}: {self.machine.log('preau-*')}")
        return self._answers()[before]

    def _answers(self) -> list[str]:
        return [str(line["pattern"]) for line in self.device.lit() if "n" in line]


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    why = container.why_not()
    if why:
        pytest.skip(f"the units are not tried: {why}")
    folder = tmp_path_factory.mktemp("machine")
    root, scanner = folder / "root", QrScanner(folder / "port")
    port = Path(scanner.path).resolve()
    os.chown(port, 0, DIALOUT)
    port.chmod(0o660)  # as our udev rule leaves it
    container.build(root)
    with contextlib.closing(scanner), container.booted(root, [f"{port}:{PORT}"]) as machine:
        data = root / "var/lib/preau-edge"
        _install(machine)
        yield Site(machine, scanner, DevicePlace("porte", None, {}, None, data, data / "trace"))  # type: ignore[arg-type]


def _install(machine: Machine) -> None:
    """A hub, then a device, as the guide says."""
    machine.put("/opt/preau/source/pupils.csv", PUPILS_CSV)
    machine.put("/opt/preau/source/balances.csv", BALANCES_CSV)
    machine.put("/opt/preau/source/families.csv", FAMILIES_CSV)
    guide.follow(machine, "A hub", {"/etc/preau/school.toml": lambda _printed: SCHOOL_TOML})
    guide.follow(machine, "A device", {"/etc/preau/edge.toml": _device_settings})


def _device_settings(printed: str) -> str:
    """What the hub printed for the device, with the readers it really has."""
    ours = printed[printed.index('device = "porte"') :].partition("[[readers]]")[0]
    return ours.replace("10.0.0.2", "127.0.0.1") + READERS
