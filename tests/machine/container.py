"""A small machine of its own: a real systemd as process 1 in systemd-nspawn, on this machine's kernel.

It has this machine's /usr, read-only, an /etc and /var of its own, no network but its loopback, and this checkout laid out under
/opt/preau as the guide installs it. It has no kernel of its own, no USB and no GPIO lines: those are the QEMU guest's business.
"""

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAMS, SOURCES = ("edge", "hub", "proto"), ("provisioning", "systemd")
"""What the machine sees of it."""
WAIT_S = 120.0
"""Deadline of every wait: what takes longer on a busy machine has failed."""
LOOK_S = 0.05
FROM_HOST = ("adduser.conf", "login.defs", "os-release", "pam.d", "security")
"""Of this machine's /etc: what the commands of the guide read."""
FOLDERS = (
    *("usr", "tmp", "run", "proc", "sys", "dev", "root", "srv", "home/pupil", "var/lib", "var/log/journal"),
    *("etc/systemd/system", "etc/udev/rules.d"),
)
NOT_STARTED = ("console-getty", "dbus", "systemd-logind", "systemd-update-utmp")
"""Nobody logs in; without these it is up in half a second."""
LAST_WORDS = "journalctl --no-pager --output=short-precise --lines=40"
SHUTDOWN = signal.SIGRTMIN + 4
"""What systemd as process 1 takes for `systemctl poweroff`."""
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
IN_OWN_GROUPS = 'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done; shift; exec "$@"'


def why_not() -> str:
    """Why such a machine cannot run here, and what to install; empty when it can."""
    if os.geteuid() != 0:
        return "needs root: systemd-nspawn makes namespaces"
    if shutil.which("systemd-nspawn") is None:
        return "needs systemd-nspawn: apt-get install systemd-container"
    if not any(kind == "cgroup2" for kind, *_ in _group_mounts()):
        return "needs a mounted cgroup2: boot with systemd.unified_cgroup_hierarchy=1"
    tried = subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "true"], capture_output=True, text=True, check=False)
    return f"may make no namespaces here: {tried.stderr.strip()}" if tried.returncode else ""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that is up. `root` is its root folder, seen from outside."""

    root: Path
    first: int
    """Process 1, as this machine numbers it."""

    def run(self, command: str) -> "subprocess.CompletedProcess[str]":
        """A line of shell inside, as root, in the folder of the source."""
        entered = ["nsenter", "--target", str(self.first), "--all", "sh", "-ec", f"cd /opt/preau/source && {command}"]
        environ = {"PATH": PATH, "LANG": "C.UTF-8"}
        return subprocess.run(entered, capture_output=True, text=True, check=False, timeout=WAIT_S, env=environ)

    def said(self, command: str) -> str:
        """What a command inside prints; it must succeed."""
        done = self.run(command)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}{self.run(LAST_WORDS).stdout}"
        return done.stdout

    def shows(self, unit: str, key: str) -> str:
        """A property of a unit, as `systemctl show` has it."""
        return self.said(f"systemctl show --value --property={key} {unit}").strip()

    def log(self, unit: str) -> str:
        return self.said(f"journalctl --no-pager --output=cat --unit={unit}")

    def put(self, path: str, text: str) -> None:
        """Write a file of the machine."""
        inside = self.root / path.lstrip("/")
        inside.parent.mkdir(parents=True, exist_ok=True)
        inside.write_text(text, encoding="utf-8")


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition, with a deadline."""
    deadline_s, pause = time.monotonic() + WAIT_S, threading.Event()
    while not condition():
        assert time.monotonic() < deadline_s, f"never came: {what}"
        pause.wait(LOOK_S)


def build(root: Path) -> None:
    """The root folder: a fresh Debian's accounts, and the programs of this checkout under /opt/preau."""
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
    for link in ("bin", "sbin", "lib", "lib64"):
        if Path("/", link).is_symlink():
            (root / link).symlink_to(f"usr/{link}")
    for name in FROM_HOST:
        found = Path("/etc", name)
        if found.is_dir():
            shutil.copytree(found, root / "etc" / name)
        elif found.exists():
            shutil.copy(found, root / "etc" / name)
    for name in ("passwd", "group"):
        shutil.copy(f"/usr/share/base-passwd/{name}.master", root / "etc" / name)
    with (root / "etc/group").open("a") as groups:
        groups.write("input:x:995:\ngpio:x:997:\n")  # as Raspberry Pi OS has them
    (root / "etc/shadow").touch(0o600)
    (root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    (root / "etc/machine-id").write_text(f"{os.getpid():032x}\n")
    for unit in NOT_STARTED:
        (root / f"etc/systemd/system/{unit}.service").symlink_to("/dev/null")
    (root / "etc/systemd/system/dbus.socket").symlink_to("/dev/null")
    _install(root / "opt/preau")


def _install(preau: Path) -> None:
    """What the guide's `pip install` leaves there, by links: nothing is fetched, and the code is this checkout's."""
    venv, packages = Path(sys.prefix), Path("lib", f"python{sys.version_info.major}.{sys.version_info.minor}", "site-packages")
    for folder in (packages, Path("bin"), Path("source"), Path("checkout"), Path("packages")):
        (preau / folder).mkdir(parents=True, exist_ok=True)
    shutil.copy(venv / "pyvenv.cfg", preau)
    (preau / "bin/python").symlink_to(Path(sys.executable).resolve())
    shutil.copy(venv / "bin/nats-server", preau / "bin")
    for name in ("preau-edge", "preau-hub"):
        script = (venv / "bin" / name).read_text().partition("\n")[2]
        (preau / "bin" / name).write_text(f"#!/opt/preau/bin/python\n{script}")
        (preau / "bin" / name).chmod(0o755)
    for entry in (venv / packages).iterdir():
        if "preau" not in entry.name or entry.is_dir():  # not the link to where the checkout is on this machine
            (preau / packages / entry.name).symlink_to(f"/opt/preau/packages/{entry.name}")
    for program in PROGRAMS:
        (preau / packages / program).symlink_to(f"/opt/preau/checkout/{program}")
    for name in SOURCES:
        (preau / "source" / name).symlink_to(f"/opt/preau/checkout/{name}")


@contextlib.contextmanager
def booted(root: Path, binds: Sequence[str]) -> Iterator[Machine]:
    """The machine, up until the block ends. `binds` are nspawn's: path outside, colon, path inside."""
    address = str(root.with_name("notify"))
    with _own_groups() as groups, root.with_name("console").open("wb") as console, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as word:
        word.bind(address)
        command = ["/bin/sh", "-c", IN_OWN_GROUPS, "sh", *map(str, groups), "--", *_nspawn(root, binds)]
        # cgroup2 inside wherever it can be had, and bpf allowed: systemd enforces DeviceAllow= with both.
        environ = {"PATH": PATH, "NOTIFY_SOCKET": address, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, env=environ) as nspawn:
            try:
                first = _up(word, console.name)
                word.close()  # systemd goes on telling, and would wait for ever for a socket that is full
                with _ended_at_last(first):
                    yield Machine(root, first)
            finally:
                word.close()
                nspawn.terminate()
                nspawn.wait(WAIT_S)


@contextlib.contextmanager
def _ended_at_last(first: int) -> Iterator[None]:
    """Shut process 1 down in order, and kill it when that fails: it would outlive nspawn."""
    known = os.pidfd_open(first)
    try:
        yield
        signal.pidfd_send_signal(known, SHUTDOWN)
        assert select.select([known], [], [], WAIT_S)[0], "the machine does not shut down"
    finally:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(known, signal.SIGKILL)
        os.close(known)


def _nspawn(root: Path, binds: Sequence[str]) -> list[str]:
    site = Path(sys.prefix, "lib", f"python{sys.version_info.major}.{sys.version_info.minor}", "site-packages")
    # Each folder by itself: the checkout may be its owner's alone, and the programs run as users of their own.
    ours = (f"{CHECKOUT / name}:/opt/preau/checkout/{name}" for name in (*PROGRAMS, *SOURCES, "tests"))
    read_only = ["/usr", *ours, f"{site}:/opt/preau/packages"]
    if not sys.base_prefix.startswith("/usr"):
        read_only.append(sys.base_prefix)
    return [
        *("setpriv", "--pdeathsig", "TERM", "--", "systemd-nspawn", "--quiet", f"--directory={root}", "--boot", "--console=read-only"),
        *("--register=no", "--keep-unit", "--private-network", "--notify-ready=yes", "--system-call-filter=bpf", "--capability=CAP_BPF"),
        *(f"--bind-ro={path}" for path in read_only),
        *(f"--bind={path}" for path in binds),
        "systemd.unit=multi-user.target",
    ]


def _up(word: socket.socket, console: str) -> int:
    """Wait until everything inside has started; process 1 as this machine numbers it."""
    word.settimeout(WAIT_S)
    first, said = 0, ""
    while "READY=1" not in said.split("\n"):
        try:
            said = word.recv(4096).decode()
        except TimeoutError:
            raise AssertionError(f"not up: {Path(console).read_text(errors='replace')[-3000:]}") from None
        leader = [line.partition("=")[2] for line in said.split("\n") if line.startswith("X_NSPAWN_LEADER_PID=")]
        first = int(leader[0]) if leader else first
    assert first, "nspawn did not say which process it started"
    return first


# --- control groups -------------------------------------------------------------------------------


def _group_mounts() -> list[tuple[str, Path]]:
    """The trees nspawn uses: cgroup2, and systemd's own where old and new are mixed. Kind, and where we are in it."""
    ours = dict(line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines())
    trees = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, at, kind, options, *_ = line.split()
        name = "" if kind == "cgroup2" else "name=systemd"
        if kind == "cgroup2" or (kind == "cgroup" and name in options.split(",")):
            trees.append((kind, Path(at, ours[name].lstrip("/"))))
    return trees


@contextlib.contextmanager
def _own_groups() -> Iterator[list[Path]]:
    """A group of our own in each tree, gone afterwards: nspawn would leave its own where we are."""
    groups = [place / f"preau-machine-{os.getpid()}" for _, place in _group_mounts()]
    for group in groups:
        group.mkdir()
    try:
        yield groups
    finally:
        for group in groups:
            for folder, _, _ in os.walk(group, topdown=False):
                Path(folder).rmdir()
