"""A short day of the real `preau-edge` without a hub: it reads badges from a pseudo-terminal, and its lights and its card are compared."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge.outbox import SqliteOutbox
from hub.folder import EXIT_DISK
from proto import roster
from proto.messages import YES, Line, Scan, Use
from tests.demo.scanners import QrScanner
from tests.fakes import KEY, NOON_MS, code, config, rows
from tests.faults.shimmed import Ended, Fault, Nursery
from tests.faults.writers import WAIT_S

WHO = ("Léa", "Tom", "Noé", "Mia")
REFUSED = 2
"""Exit status of a device that does not start as it is configured."""
LOOK_S = 0.01
AGAIN_S = 0.5
"""Whoever sees no light taps again: what came while the reader was still being opened is lost."""
SETTINGS = """\
device = "hall"
data = "{folder}/data"
[broker]
host = "127.0.0.1"
port = 9
password = "nobody listens there"
[[readers]]
id = "door"
kind = "line"
path = "{folder}/scanner"
[outputs]
pins = "mock"
accepted = 20
adult = 21
trace = "{folder}/trace"
"""

Record = tuple[str, int]
"""Incarnation and number."""


@dataclass(frozen=True, slots=True)
class Day:
    """How a device ended, and the light for each record it numbered."""

    ended: Ended
    lit: dict[Record, str]


def card(folder: Path) -> Path:
    """A device that was set up earlier, and knows its school. `folder` may hold a mounted `data` already."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "edge.toml").write_text(SETTINGS.format(folder=folder))
    parts = roster.pack(list(rows(*WHO)))
    with closing(SqliteOutbox(folder / "data", lambda: NOON_MS)) as box:
        box.keep("config", msgspec.json.encode((1, config(door=(Use.CARE, 0)))))
        box.keep("roster", msgspec.json.encode((roster.manifest(KEY, "hall", 1, parts, NOON_MS), parts)))
    return folder


def day(forks: Nursery, folder: Path, fault: Fault) -> Day:
    """Everybody taps once, one after the other; the device is killed right after the last light, if it has not ended by itself."""
    (folder / "trace").unlink(missing_ok=True)
    scanner = QrScanner(folder / "scanner")
    pid = forks.start("edge.__main__", ["run", "--config", str(folder / "edge.toml")], folder / "data", fault)
    deadline_s = time.monotonic() + WAIT_S
    try:
        while not forks.over(LOOK_S) and not scanner.is_listened_to():
            assert time.monotonic() < deadline_s, "the device listens to no scanner"
        for taps, who in enumerate(WHO, 1):
            tapped_s = 0.0
            while not forks.over(LOOK_S) and len(lights(folder)) < taps:
                assert time.monotonic() < deadline_s, "the device lights nothing"
                if time.monotonic() > tapped_s + AGAIN_S:
                    tapped_s = time.monotonic()
                    scanner.scan(code(who))
    finally:
        if not forks.over(0):
            os.kill(pid, signal.SIGKILL)
        ended = forks.end()
        scanner.close()
        Path(scanner.path).unlink()
    return Day(ended, lights(folder))


def serves(shown: Day) -> bool:
    """Whether everybody was let in."""
    return len(shown.lit) >= len(WHO) and set(shown.lit.values()) == {"accepted"}


def lights(folder: Path) -> dict[Record, str]:
    """The answers of the last life; the tick that says "reading" is none."""
    trace = folder / "trace"
    lines = trace.read_text().splitlines(keepends=True) if trace.exists() else []
    shown = [msgspec.json.decode(line) for line in lines if line.endswith("\n")]
    return {(light["inc"], light["n"]): light["pattern"] for light in shown if "n" in light and light["pattern"] != "reading"}


def stored(folder: Path) -> dict[Record, str]:
    """What the card says was shown, by record."""
    with closing(SqliteOutbox(folder / "data", lambda: NOON_MS)) as box:
        box.settle([Line(line.inc, 0, 0) for line in box.lines()])
        found = box.oldest(1 << 30, {})
    return {(one.inc, one.n): one.shown.light.value for one in found if isinstance(one, Scan) and one.shown}


def unkept(shown: Day, kept: dict[Record, str]) -> Iterator[str]:
    """Lights that promise something the card does not hold, and other ends than the ones that are meant."""
    if shown.ended.status not in (-signal.SIGKILL, EXIT_DISK, REFUSED) or "Traceback" in shown.ended.said:
        yield f"it ended with {shown.ended.status}: {shown.ended.said[-300:]}"
    for record, light in shown.lit.items():
        if light in YES and kept.get(record) != light:
            yield f"{light} was lit for {record}, and the card has {kept.get(record)}"
