"""The real `preau-edge` among devices that are replayed by umockdev: what it finds, under which path, and which keys it reads."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.settings import Settings
from proto import badge
from proto.settings import parse
from tests.edge.readers.recorded import POWER_BUTTON, Keyboard, SerialScanner, events, lines, replay
from tests.edge.readers.scanner import BADGE, types

DEADLINE_S = 30.0
EDGE = (sys.executable, "-m", "edge")
SCANNER, OTHER = Keyboard(3), Keyboard(4)
BUTTON = Keyboard(5, name="Power Button", keys=POWER_BUTTON)
SERIAL = SerialScanner(1)

SETTINGS = """\
device = "hall"
data = "{folder}/data"
broker = {{ host = "127.0.0.1", port = 9, password = "nobody listens there" }}
[[readers]]
id = "in"
kind = "hid"
path = "{path}"
[outputs]
pins = "none"
trace = "{folder}/trace"
"""


@contextmanager
def among(
    folder: Path, *devices: Keyboard | SerialScanner, typed: dict[str, str], command: tuple[str, ...]
) -> Iterator[subprocess.Popen[str]]:
    """A program that meets these devices and no others."""
    if shutil.which("umockdev-run") is None:
        pytest.skip("no scanner is replayed: needs umockdev-run: apt-get install umockdev")
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    replayed = [*replay(folder, devices, typed), *EDGE, *command]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(replayed, stdout=subprocess.PIPE, stderr=log, text=True, env=environ, start_new_session=True) as running,
    ):
        try:
            yield running
        finally:
            running.terminate()  # it ends the program, and removes the /dev it made
            running.wait(DEADLINE_S)


def program(replay: "subprocess.Popen[str]") -> int:
    """The process under the replay: a signal for that too would take its devices away before it ends."""
    return int(Path(f"/proc/{replay.pid}/task/{replay.pid}/children").read_text())


def said(running: "subprocess.Popen[str]", *wanted: str) -> list[str]:
    """What it says, until each of these was said."""
    assert running.stdout
    came: list[str] = []
    while not all(any(want in line for line in came) for want in wanted):
        line = running.stdout.readline()
        assert line, f"the program ended, and never said all of {wanted}: {came}"
        came.append(line.rstrip("\n"))
    return came


@contextmanager
def patterns(trace: Path) -> Iterator[Iterator[str]]:
    """What a device lights, as its trace (a FIFO) tells. Raises TimeoutError when nothing more is lit."""

    def lit() -> Iterator[str]:
        rest = b""
        while select.select([lamp], [], [], DEADLINE_S)[0]:
            *told, rest = (rest + os.read(lamp, 4096)).split(b"\n")
            yield from (json.loads(line)["pattern"] for line in told)
        raise TimeoutError

    lamp = os.open(trace, os.O_RDWR)
    try:
        yield lit()
    finally:
        os.close(lamp)


def test_probe_finds_each_scanner_under_its_port_and_reads_it(tmp_path: Path) -> None:
    """Two of one make, of which only the port tells them apart; a power button is no scanner; the key table is learned."""
    typed = {SCANNER.node: events(types(badge.CALIBRATION, "fr") + types(BADGE)), SERIAL.node: lines(BADGE)}
    with among(tmp_path, SCANNER, OTHER, BUTTON, SERIAL, typed=typed, command=("probe",)) as running:
        seen = said(running, "hid2: ready", f'hid1: "{BADGE}"', f'serial1: "{BADGE}"')
        os.kill(program(running), signal.SIGINT)
        assert running.stdout
        settings = running.stdout.read().partition("settings file of this device:")[2]
    assert f"hid1: ready: {SCANNER.name} at {SCANNER.path}" in seen
    assert f"hid2: ready: {OTHER.name} at {OTHER.path}" in seen
    assert "hid1: the calibration code: its key table is fr, key table fr" in seen
    assert f'hid1: "{BADGE}", a badge, key table fr' in seen
    pasted = parse('device = "d"\ndata = "x"\nbroker = {host = "h", password = "p"}\n' + settings, Settings, "pasted").readers
    assert [(reader.kind, reader.path, reader.layout) for reader in pasted] == [
        ("hid", SCANNER.path, "fr"),
        ("hid", OTHER.path, "auto"),
        ("line", SERIAL.path, "auto"),
    ]


def test_probe_finds_nothing_where_no_scanner_is(tmp_path: Path) -> None:
    with among(tmp_path, BUTTON, typed={}, command=("probe",)) as running:
        assert "No reader found" in said(running, "No reader found")[0]
        assert running.wait(DEADLINE_S) == 1


@pytest.mark.parametrize(("typed", "light"), [(BADGE, "adult"), (BADGE[:-1] + "E", "again")], ids=["a badge", "a misread one"])
def test_the_device_opens_takes_and_reads_the_scanner_at_its_port(tmp_path: Path, typed: str, light: str) -> None:
    """Before its first config it sends every badge to an adult."""
    config, trace = tmp_path / "edge.toml", tmp_path / "trace"
    config.write_text(SETTINGS.format(folder=tmp_path, path=SCANNER.path))
    os.mkfifo(trace)
    keys = {SCANNER.node: events(types(typed))}
    with patterns(trace) as lit, among(tmp_path, OTHER, SCANNER, typed=keys, command=("run", "--config", str(config))):
        try:
            assert next(pattern for pattern in lit if pattern not in {"reading", "away", "ready"}) == light
        except TimeoutError:
            pytest.fail(f"no light: {(tmp_path / 'log').read_text()}")
