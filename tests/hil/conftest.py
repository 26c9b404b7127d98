"""Boots the guest once, thaws it for each test, and tells at the end what was done to it and what held.

Without `--hil` (plain `make test`) everything here is skipped, and says so: it takes minutes, and `make hil` runs it.
"""

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.brokers import free_port
from tests.hil import image, machine
from tests.hil.machine import Machine
from tests.hil.porch import SWITCHED_OFF, WORKING, Porch, porch, prepare, school_toml
from tests.journey.place import SCHOOL_TOML, SetUp, set_up

PROOF = pytest.StashKey["Proof"]()


@dataclass(slots=True)
class Proof:
    """What `make hil` shows people at its end: for each test what was injected, and what held."""

    rows: list[tuple[str, str]] = field(default_factory=list)

    def add(self, injected: str, held: str) -> None:
        self.rows.append((injected, held))

    def __str__(self) -> str:
        width = max(len(injected) for injected, _ in self.rows)
        return "\n".join(f"{injected:<{width}}  {held}" for injected, held in (("injected", "held"), *self.rows))


@dataclass(frozen=True, slots=True)
class Street:
    """What all tests share: a guest frozen before its first tap, a school that was set up, and the one port the guest can reach."""

    machine: Machine
    school: SetUp
    broker_port: int


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--hil", action="store_true", help="boot the virtual machine and run tests/hil (make hil)")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[PROOF] = Proof()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash[PROOF].rows:
        terminalreporter.section("real kernel devices")
        terminalreporter.write_line(str(config.stash[PROOF]))


@pytest.fixture
def proof(request: pytest.FixtureRequest) -> Proof:
    return request.config.stash[PROOF]


@pytest.fixture(scope="session")
def street(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    if not request.config.getoption("hil", default=False):
        pytest.skip("boots a virtual machine, which takes minutes: run `make hil`")
    if lack := machine.missing():
        pytest.skip(lack)
    folder, port = tmp_path_factory.mktemp("hil"), free_port()
    school = set_up(tmp_path_factory.mktemp("school"), school_toml(SCHOOL_TOML))
    image.programs(folder / "programs.tar")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "preau-hil"
    with machine.running(image.cached(cache), folder / "programs.tar", folder, port) as guest:
        prepare(guest, school.device_password)
        yield Street(guest, school, port)


@pytest.fixture
async def here(street: Street, tmp_path: Path) -> AsyncIterator[Porch]:
    """A device that is switched off; hub and broker run."""
    async with porch(street.machine, SWITCHED_OFF, tmp_path, street.school, street.broker_port) as made:
        yield made


@pytest.fixture
async def at_work(street: Street, tmp_path: Path) -> AsyncIterator[Porch]:
    """A device at work."""
    async with porch(street.machine, WORKING, tmp_path, street.school, street.broker_port) as made:
        await made.ready()
        yield made
