"""Programs of ours under a shim that fails their n-th call to the disk, forked from one process that has imported them: one takes 50 ms.

`nursery(...)` starts that process, `Nursery.start` a program in a fork of it. As `python -m tests.faults.shimmed` it is that process.
"""

import contextlib
import ctypes
import errno
import gc
import importlib
import json
import logging
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("shim.c")
PROGRAMS = ("tests.faults.hubday", "edge.__main__")
"""Each has a `main(arguments)` that returns its exit status."""
SLOW = ("alembic.runtime.migration", "alembic.operations", "alembic.script", "sqlalchemy.dialects.sqlite.aiosqlite", "paho.mqtt.client")
"""What they import only when they need it."""
COUNTER_BYTES = 8


@dataclass(frozen=True, slots=True)
class Fault:
    """Which call below the folder fails, from 1, and how; 0: none."""

    nth: int = 0
    error: int = errno.EIO
    stays: bool = False
    """All calls after it fail too."""

    def __str__(self) -> str:
        return (
            f"{errno.errorcode[self.error]} from call {self.nth} on" if self.stays else f"{errno.errorcode[self.error]} at call {self.nth}"
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its status, what it printed, what it said on stderr, and its calls to the disk."""

    status: int
    told: list[str]
    said: str
    calls: int


@dataclass(slots=True)
class Nursery:
    """The process that forks. One program at a time."""

    process: "subprocess.Popen[bytes]"
    """Its pipes are not buffered: what was read ahead, `over` could not see."""
    folder: Path

    def start(self, program: str, arguments: Sequence[str], below: Path, fault: Fault) -> int:
        """Its process id. Calls count on files below `below`."""
        calls = self.folder / "calls"
        calls.write_bytes(bytes(COUNTER_BYTES))
        environ = {
            "PREAU_SHIM_FOLDER": str(below),
            "PREAU_SHIM_NTH": str(fault.nth),
            "PREAU_SHIM_ERRNO": str(fault.error),
            "PREAU_SHIM_STAY": str(int(fault.stays)),
            "PREAU_SHIM_CALLS": str(calls),
        }
        order = {"program": program, "arguments": list(arguments), "environ": environ, "words": str(self.folder)}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        return int(self._line())

    def over(self, within_s: float) -> bool:
        """Whether what was started has ended, or does so in this time."""
        assert self.process.stdout is not None
        return bool(select.select([self.process.stdout], [], [], within_s)[0])

    def end(self) -> Ended:
        """Wait for the end of what was started."""
        status = os.waitstatus_to_exitcode(int(self._line()))
        calls = int.from_bytes((self.folder / "calls").read_bytes(), sys.byteorder)
        return Ended(status, (self.folder / "told").read_text().splitlines(), (self.folder / "said").read_text(errors="replace"), calls)

    def run(self, program: str, arguments: Sequence[str], below: Path, fault: Fault) -> Ended:
        """The same at once."""
        self.start(program, arguments, below, fault)
        return self.end()

    def _line(self) -> bytes:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the process that forks has ended"
        return line


def lacking() -> str:
    """What is missing to build the shim, in a sentence; empty when nothing is."""
    return "" if shutil.which("gcc") else "gcc not found: apt-get install --no-install-recommends gcc libc6-dev"


@contextlib.contextmanager
def nursery(folder: Path) -> Iterator[Nursery]:
    """Build the shim in `folder`, and start what forks under it. Ends with its last program."""
    shim = folder / "shim.so"
    built = subprocess.run(
        ["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-o", str(shim), str(SOURCE), "-ldl"], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    environ = {**os.environ, "LD_PRELOAD": str(shim)}
    command = [sys.executable, "-m", "tests.faults.shimmed"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=environ) as process:
        try:
            yield Nursery(process, folder)
        finally:
            assert process.stdin is not None
            process.stdin.close()


# --- the process that forks -----------------------------------------------------------------------


def main() -> None:
    """An order a line; for each the process id and, when it has ended, its status."""
    programs = {name: importlib.import_module(name) for name in (*PROGRAMS, *SLOW)}
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if not pid:
            _be(programs[order["program"]], order)
        print(pid, flush=True)
        print(os.waitpid(pid, 0)[1], flush=True)


def _be(program: Any, order: dict[str, Any]) -> None:
    """Be this program, to the end of the process."""
    words = Path(order["words"])
    for name, end in (("told", 1), ("said", 2)):
        os.dup2(os.open(words / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), end)
    os.environ.update(order["environ"])
    ctypes.CDLL(None).preau_shim_arm()
    status = 1
    try:
        status = program.main(order["arguments"])
    except Exception:
        logging.getLogger(__name__).exception("it broke")
    finally:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
