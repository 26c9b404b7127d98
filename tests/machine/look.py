"""What a program can reach from where it stands: run inside a unit's walls, it tries each thing once and prints what became of it as JSON.

It stands alone, because it runs in the place of preau-edge and preau-hub. Refusals it looks for are the kernel's (`OSError`).
"""

import ctypes
import errno
import importlib
import json
import mmap
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
NO_DRIVER = (errno.ENXIO, errno.ENODEV)
"""What an open says of a device nobody drives: it got past the walls."""
CLONE_NEWNS, PER_LINUX32, PTRACE_TRACEME = 0x20000, 0x0008, 0


def call(name: str, *arguments: int | bytes) -> None:
    """A function of the C library. Raises OSError when it answers -1."""
    if getattr(LIBC, name)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def device(path: str) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY))
    except OSError as error:
        if error.errno not in NO_DRIVER:
            raise


def netlink() -> None:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close()


def network() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()


def set_uid() -> None:
    (Path(os.environ.get("STATE_DIRECTORY", "/tmp")) / "set-uid").touch()
    (Path(os.environ.get("STATE_DIRECTORY", "/tmp")) / "set-uid").chmod(0o4755)


def own_folder() -> None:
    (Path(os.environ.get("STATE_DIRECTORY", "/tmp")) / "mine").touch()


def mount() -> None:
    call("mount", b"none", b"/srv", b"tmpfs", 0, 0)
    call("umount2", b"/srv", 0)


def powers() -> None:
    """Any capability, or a way to get one."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    if not any(int(status[key], 16) for key in ("CapEff", "CapPrm", "CapBnd", "CapAmb")) and status["NoNewPrivs"] == "1":
        raise PermissionError(errno.EPERM, "none, for ever")


def hardware_libraries() -> None:
    for name in ("evdev", "serial", "gpiozero", "lgpio"):
        importlib.import_module(name)


TRIES: dict[str, Callable[[], object]] = {
    "write in /etc": Path("/etc/open/new").touch,
    "write in /srv": Path("/srv/open/new").touch,
    "read homes": lambda: Path("/home/pupil/diary").read_text(),
    "see others' temporary files": lambda: Path("/tmp/theirs").read_text(),
    "see other processes": lambda: Path("/proc/1/status").read_text(),
    "open any device": lambda: device("/dev/fuse"),
    "open a scanner's port": lambda: device("/dev/scanner"),
    "speak to the kernel's network": netlink,
    "make namespaces": lambda: call("unshare", CLONE_NEWNS),
    "write and run code": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC),
    "be another architecture": lambda: call("personality", PER_LINUX32),
    "make set-uid files": set_uid,
    "hold the processor": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
    "rename the machine": lambda: socket.sethostname(socket.gethostname()),
    "mount": mount,
    "be debugged": lambda: call("ptrace", PTRACE_TRACEME, 0, 0, 0),
    "have powers": powers,
    "read the hub's settings": lambda: Path("/etc/preau/hub.toml").read_text(),
    "read the device's settings": lambda: Path("/etc/preau/edge.toml").read_text(),
    "read the hub's data": lambda: list(Path("/var/lib/preau-hub").iterdir()),
    "write in its own folder": own_folder,
    "reach the network": network,
    "load the hardware's libraries": hardware_libraries,
}


def tried(act: Callable[[], object]) -> str:
    """Empty when it could be done, else why not."""
    try:
        act()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return ""


if __name__ == "__main__":
    json.dump({name: tried(act) for name, act in TRIES.items()}, sys.stdout)
