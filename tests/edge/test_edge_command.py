"""The real `preau-edge`: refuses wrong settings in one sentence, reads, lights, ends when told, and stays small."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from edge.outbox import SqliteOutbox
from proto import roster
from proto.messages import Scan, Use
from tests.edge.readers.scanner import FifoPort, PtyPort, types
from tests.fakes import KEY, NOON_MS, code, config, rows

EDGE = (sys.executable, "-m", "edge")
DEADLINE_S = 20.0
"""A busy machine may be slow; a device that needs longer has failed."""
AGAIN_S = 6.0
"""Much longer than an answer takes; then a child holds the badge again."""
END_S = 3.0
"""An idle device ends within this time (systemd waits 10 s, and then kills it)."""
RSS_KB = 40 * 1024
"""Resident memory of the whole device (performance.md, T10)."""
CARD_FAILED = 70

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
[[readers]]
id = "till"
kind = "hid"
path = "{folder}/keyboard"
[outputs]
pins = "mock"
accepted = 20
adult = 21
trace = "{folder}/trace"
"""


@dataclass
class Running:
    """A device with a serial scanner and a keyboard scanner plugged in, whose lights and words to systemd a test reads."""

    process: subprocess.Popen[str]
    scanner: PtyPort
    keyboard: FifoPort
    trace: int
    systemd: socket.socket

    def told(self) -> str:
        """The next thing it tells systemd."""
        self.systemd.settimeout(DEADLINE_S)
        return self.systemd.recv(100).decode()

    def lit(self, reader: str, within_s: float = DEADLINE_S) -> str:
        """The next answer at a reader."""
        shown = b""
        while True:
            if not select.select([self.trace], [], [], within_s)[0]:
                raise TimeoutError(f"no light at {reader}")
            shown += os.read(self.trace, 1)
            if shown.endswith(b"\n"):
                light, shown = json.loads(shown), b""
                if light["reader"] == reader and light["pattern"] != "reading":
                    return str(light["pattern"])

    def scan(self, reader: str, name: str) -> str:
        """Hold a badge to a reader, and see what is lit; once more where nothing is: the port may just have been opened, and emptied."""
        try:
            self._hold(reader, name)
            return self.lit(reader, AGAIN_S)
        except TimeoutError:
            self._hold(reader, name)
            return self.lit(reader)

    def _hold(self, reader: str, name: str) -> None:
        if reader == "door":
            self.scanner.send(code(name).encode() + b"\r\n")
        else:
            self.keyboard.send(types(code(name)))

    def end(self) -> tuple[int, str]:
        """SIGTERM: its exit status and what it wrote."""
        self.process.send_signal(signal.SIGTERM)
        _, words = self.process.communicate(timeout=END_S)
        return self.process.returncode, words


@contextmanager
def device(folder: Path) -> Iterator[Running]:
    os.mkfifo(folder / "trace")
    trace = os.open(folder / "trace", os.O_RDWR)
    (folder / "edge.toml").write_text(SETTINGS.format(folder=folder))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(folder / "notify"))
        scanner, keyboard = PtyPort(folder / "scanner"), FifoPort(folder / "keyboard")
        environ = {**os.environ, "NOTIFY_SOCKET": str(folder / "notify")}
        command = [*EDGE, "run", "--config", str(folder / "edge.toml")]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environ) as process:
            try:
                running = Running(process, scanner, keyboard, trace, systemd)
                assert running.told() == "READY=1"
                yield running
            finally:
                process.kill()
                scanner.unplug()
                keyboard.unplug()
                os.close(trace)


def run(*arguments: str) -> tuple[int, str]:
    """A command that ends by itself: exit status, and its error output."""
    ended = subprocess.run([*EDGE, *arguments], capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    return ended.returncode, ended.stderr


# --- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "text", "named"),
    [
        (1, 'device = "hall"\ncolour = 3', "edge.toml:2: unknown key `colour`"),
        (1, 'device = "Hall 1"', "edge.toml:1: key `device`"),
        (2, 'data = ""', "edge.toml:2: key `data`"),
        (4, 'host = ""', "edge.toml:4: key `broker.host`"),
        (10, r'path = "a\u0000"', "edge.toml:10: key `readers[0].path`"),
        (19, 'trace = "/nowhere/trace"', "key `outputs.trace`: /nowhere/trace cannot be written: No such file or directory"),
        (5, 'port = "nine"', "edge.toml:5: key `broker.port`"),
        (7, "[[readers", "edge.toml: not TOML: Expected ']]' at the end of an array declaration (at line 7"),
        (9, 'kind = "barcode"', "edge.toml:9: key `readers[0].kind`"),
        (13, 'kind = "hid"\nbaut = 9600', "edge.toml:14: unknown key `readers[1].baut`"),
        (12, 'id = "door"', "edge.toml: key `readers`: two readers have the same `id`"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_file_line_and_key(tmp_path: Path, line: int, text: str, named: str) -> None:
    lines = SETTINGS.format(folder=tmp_path).splitlines()
    lines[line - 1] = text
    (tmp_path / "edge.toml").write_text("\n".join(lines))
    status, words = run("run", "--config", str(tmp_path / "edge.toml"))
    assert status == 2
    assert named in words
    assert len(words.splitlines()) == 1


def test_a_missing_settings_file_is_named(tmp_path: Path) -> None:
    status, words = run("run", "--config", str(tmp_path / "none.toml"))
    assert (status, len(words.splitlines())) == (2, 1)
    assert "none.toml: cannot be read" in words


def test_settings_that_are_no_text_in_utf_8_are_named(tmp_path: Path) -> None:
    (tmp_path / "edge.toml").write_bytes("# école\n".encode("cp1252"))
    status, words = run("run", "--config", str(tmp_path / "edge.toml"))
    assert (status, len(words.splitlines())) == (2, 1)
    assert "edge.toml: is no text in UTF-8: save it as that" in words


def test_a_card_that_cannot_be_used_at_all_is_another_end_than_wrong_settings(tmp_path: Path) -> None:
    (tmp_path / "data" / "outbox.db").mkdir(parents=True)
    (tmp_path / "edge.toml").write_text(SETTINGS.format(folder=tmp_path))
    status, words = run("run", "--config", str(tmp_path / "edge.toml"))
    assert status == CARD_FAILED
    assert "Traceback" not in words


def test_a_second_device_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with device(tmp_path):
        status, words = run("run", "--config", str(tmp_path / "edge.toml"))
        assert status == 2
        assert "another preau-edge uses this data folder" in words


def test_outputs_can_be_switched_off_though_no_reader_is_there(tmp_path: Path) -> None:
    (tmp_path / "edge.toml").write_text(SETTINGS.format(folder=tmp_path))
    assert run("outputs-off", "--config", str(tmp_path / "edge.toml")) == (0, "")


# --- running -------------------------------------------------------------------------------------


def test_an_idle_device_ends_when_told_and_says_so(tmp_path: Path) -> None:
    with device(tmp_path) as running:
        status, words = running.end()
        assert status == 0
        assert "Traceback" not in words
        while (word := running.told()) != "STOPPING=1":
            assert word == "WATCHDOG=1"


def test_before_the_first_config_real_badges_are_sent_to_an_adult_and_rubbish_is_asked_again(tmp_path: Path) -> None:
    with device(tmp_path) as running:
        assert running.scan("door", "Léa") == "adult"
        assert running.scan("till", "Léa") == "adult"
        running.scanner.send(b"rubbish\r\n")
        assert running.lit("door") == "again"


def test_a_device_that_knows_its_school_answers_alone_and_the_card_has_it_before_the_light(tmp_path: Path) -> None:
    """Ended by kill -9 right after the light: the scan is there."""
    (tmp_path / "data").mkdir()
    remember(tmp_path / "data")
    with device(tmp_path) as running:
        assert running.scan("door", "Léa") == "accepted"
        assert running.scan("till", "Tom") == "adult"
        running.process.kill()
        running.process.wait(DEADLINE_S)
    with closing(SqliteOutbox(tmp_path / "data", lambda: NOON_MS)) as card:
        records = [record for record in card.oldest(9_999, {}) if isinstance(record, Scan)]
    kept = [(record.n, record.reader, record.shown and record.shown.light.value) for record in records]
    assert kept == [(1, "door", "accepted"), (2, "till", "adult")]


def remember(folder: Path) -> None:
    """What the hub told this device in an earlier life."""
    parts = roster.pack(list(rows("Léa")))
    manifest = roster.manifest(KEY, "hall", 1, parts, NOON_MS)
    with closing(SqliteOutbox(folder, lambda: NOON_MS)) as card:
        card.keep("config", msgspec.json.encode((1, config(door=(Use.CARE, 0), till=(Use.TILL, 0)))))
        card.keep("roster", msgspec.json.encode((manifest, parts)))


def test_the_whole_device_stays_under_40_mb(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    remember(tmp_path / "data")
    with device(tmp_path) as running:
        assert running.scan("door", "Léa") == "accepted"
        assert running.scan("till", "Léa") == "accepted"
        status = Path(f"/proc/{running.process.pid}/status").read_text()
        rss_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        assert rss_kb < RSS_KB


def test_the_device_imports_nothing_of_the_hub_nor_what_only_the_hub_needs() -> None:
    program = (
        "import pkgutil, sys, importlib, edge, edge.readers\n"
        "rooms = [m.name for p in (edge, edge.readers) for m in pkgutil.iter_modules(p.__path__, p.__name__ + '.')]\n"
        "for room in [*rooms, 'paho.mqtt.client']: importlib.import_module(room)\n"  # the link's, once it connects
        "print(' '.join(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=DEADLINE_S, check=True).stdout.split()
    assert {"edge", "proto", "paho", "serial", "evdev"} <= set(loaded)
    assert {"hub", "fastapi", "sqlalchemy", "jinja2", "aiosqlite", "tests"}.isdisjoint(loaded)
