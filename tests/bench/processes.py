"""Real processes of ours, and what the kernel says about them."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

RUN_S = 600.0
"""A hundred thousand scans, one by one, on a slow disk."""
WAIT_S = 60.0
"""Deadline of a start: a loaded machine is slow, a broken one is caught."""


@dataclass(frozen=True, slots=True)
class Running:
    """A process that has said READY. `ready_ms`: from its start until then."""

    process: "subprocess.Popen[bytes]"
    ready_ms: float

    @property
    def resident_mb(self) -> float:
        """Memory in use."""
        return resident_mb(self.process.pid)

    @property
    def cpu_s(self) -> float:
        """Processor time used so far, in seconds (proc(5), stat: utime and stime)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """An orderly stop."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(WAIT_S)


@contextlib.contextmanager
def started(command: Sequence[str], log: Path, environ: Mapping[str, str] | None = None, *, ready: bool = True) -> Iterator[Running]:
    """`python -m COMMAND`, ready as systemd would know it (at once when not `ready`), ended afterwards. Its words go to `log`."""
    address = f"@preau-bench-{os.getpid()}-{time.monotonic_ns()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told, log.open("ab") as words:
        told.bind("\0" + address[1:])
        since_ns = time.monotonic_ns()
        # An installed program has its bytecode; one that compiles itself at each start would measure the compiler.
        variables = {**os.environ, **(environ or {}), "NOTIFY_SOCKET": address, "PYTHONDONTWRITEBYTECODE": ""}
        process = subprocess.Popen([sys.executable, "-m", *command], env=variables, stdout=words, stderr=words)
        running = Running(process, 0.0)
        try:
            if ready:
                _until_ready(told, process, log)
            running = Running(process, (time.monotonic_ns() - since_ns) / 1e6)
            yield running
        finally:
            running.end()


def _until_ready(told: socket.socket, process: "subprocess.Popen[bytes]", log: Path) -> None:
    told.settimeout(0.5)
    deadline_s = time.monotonic() + WAIT_S
    while True:
        with contextlib.suppress(TimeoutError):
            if b"READY=1" in told.recv(4096):
                return
        assert process.poll() is None, f"it ended: {log.read_text()[-2000:]}"
        assert time.monotonic() < deadline_s, f"it never got ready: {log.read_text()[-2000:]}"


def run(command: Sequence[str], before: Sequence[str] = ()) -> str:
    """`python -m COMMAND` to its end, perhaps under another program; what it printed."""
    done = subprocess.run([*before, sys.executable, "-m", *command], capture_output=True, text=True, check=False, timeout=RUN_S)
    assert done.returncode == 0, f"{' '.join(command[:2])}: {done.stderr[-2000:]}"
    return done.stdout


def bare_start_ms() -> float:
    """`python -c pass`: the floor of every start."""
    since_ns = time.monotonic_ns()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return (time.monotonic_ns() - since_ns) / 1e6


def resident_mb(pid: int | str = "self") -> float:
    """Memory that a process uses (proc(5), VmRSS)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def written_bytes(pid: int | str = "self") -> int:
    """What a process has caused to be written to disk so far (proc(5), write_bytes)."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes:"))
