"""Runs inside the guest, as root: does what the test at the other end of the virtio port asks. One JSON line each way.

    {"id": 1, "do": "lines", "with": {"numbers": [17]}}   ->   {"id": 1, "got": [0]}   or   {"id": 1, "failed": "why"}

The first line after a boot is {"hello": boot id}. Requests are done side by side, each on a thread of its own.
"""

import contextlib
import json
import logging
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from tests.hil.guest import hardware

PORT = Path("/dev/virtio-ports/hil")
LATE_S = 120.0
LOG = logging.getLogger(__name__)


def run(command: list[str], within_s: float = LATE_S) -> tuple[int, str, str]:
    """A command: its exit status, what it printed, and what it printed as errors."""
    ended = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=within_s)
    return ended.returncode, ended.stdout.decode(errors="replace"), ended.stderr.decode(errors="replace")


def put(path: str, text: str, mode: int = 0o644) -> None:
    """Write a file."""
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    place.chmod(mode)


def get(path: str) -> str:
    """A file's text, empty when there is none."""
    return Path(path).read_text(errors="replace") if Path(path).exists() else ""


def count(database: str, question: str) -> int:
    """A number from a copy of an SQLite database in use: what would be there after a power cut. -1 while it cannot be read."""
    with tempfile.TemporaryDirectory() as copy:
        try:
            for name in (database, f"{database}-wal"):
                if Path(name).exists():
                    shutil.copy(name, copy)
            with contextlib.closing(sqlite3.connect(Path(copy) / Path(database).name)) as opened:
                return int(opened.execute(question).fetchone()[0])
        except (OSError, sqlite3.DatabaseError):  # copied in the middle of a write, or not made yet
            return -1


def kill(pid: int, number: int) -> None:
    """Send a signal."""
    os.kill(pid, number)


def stalled(pid: int, name: str, text: str, stall_s: float = 0.1) -> None:
    """A scanner types at full speed while the process gets no time, for `stall_s` at least."""
    since_s = time.monotonic()
    os.kill(pid, signal.SIGSTOP)
    try:
        hardware.type_text(name, text, 0)
        threading.Event().wait(max(0, since_s + stall_s - time.monotonic()))
    finally:
        os.kill(pid, signal.SIGCONT)


DOES: dict[str, Callable[..., Any]] = {
    do.__name__: do
    for do in (
        *(run, put, get, count, kill, stalled),
        *(hardware.plug, hardware.unplug, hardware.say, hardware.type_text, hardware.ctrl_alt_del),
        *(hardware.lines, hardware.pull, hardware.watch, hardware.changes, hardware.spy, hardware.driven),
    )
}


def main() -> None:
    """Until the other end hangs up."""
    sending = threading.Lock()
    # Unbuffered both ways: a line must not wait for the next one.
    with PORT.open("r+b", buffering=0) as port:

        def send(message: dict[str, Any]) -> None:
            with sending:
                _write(port, json.dumps(message).encode() + b"\n")

        send({"hello": Path("/proc/sys/kernel/random/boot_id").read_text().strip()})
        for line in _lines(port):
            threading.Thread(target=lambda line=line: send(_answer(json.loads(line))), daemon=True).start()


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"id": request["id"], "got": DOES[request["do"]](**request["with"])}
    except Exception as error:  # whatever it is, the test is told
        LOG.exception("%s", request["do"])
        return {"id": request["id"], "failed": f"{type(error).__name__}: {error}"}


def _lines(port: BinaryIO) -> Any:
    rest = b""
    while came := port.read(65536):
        *whole, rest = (rest + came).split(b"\n")
        yield from whole


def _write(port: BinaryIO, message: bytes) -> None:
    while message:
        message = message[port.write(message) or 0 :]


if __name__ == "__main__":
    main()
