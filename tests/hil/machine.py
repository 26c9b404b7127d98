"""A QEMU guest: started, asked, frozen and thawed, cut from the network, watched for its watchdog. TCG only: KVM is not needed.

The flags and why they are so: hardware.md, 3.4. The guest talks to the outside through one address only, 10.0.2.100 port 1883, which
is a port of this machine (`restrict=on`, pitfalls of the same page).
"""

import contextlib
import itertools
import json
import os
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.demo.town import DIES_WITH_US
from tests.hil import kernel
from tests.hil.image import Image

QEMU = "qemu-system-x86_64"
BROKER = "10.0.2.100"
WAIT_S = 600.0
"""Deadline of every wait for the guest: an emulated processor on a busy machine is slow."""
CLOCK = "shift=2,sleep=on"
"""The guest's clock counts its own instructions, 250 million a second, as many as TCG does on an idle machine; while it waits it
follows real time. So a busy machine slows the guest's time down together with the guest, instead of making the device late."""
KERNEL_WORDS = "console=ttyS0 root=/dev/vda rw quiet mitigations=off nokaslr audit=0 no_timer_check cryptomgr.notests"
"""Without `panic=`: a kernel that crashed stands still, as a Pi's does, and only the watchdog brings it back."""


class GuestError(Exception):
    """The guest, or the program in it, did not do what was asked; the text says what."""


@dataclass(slots=True)
class Lines:
    """JSON lines over a unix socket: what was sent is answered, and other things come in between."""

    sock: socket.socket
    _rest: bytes = b""
    _lines: list[dict[str, Any]] = field(default_factory=list)

    def send(self, message: dict[str, Any]) -> None:
        self.sock.sendall(json.dumps(message).encode() + b"\n")

    def take(self, wanted: Callable[[dict[str, Any]], bool], within_s: float) -> dict[str, Any]:
        """The next line that is wanted; others stay for those who want them. Raises GuestError."""
        deadline_s = time.monotonic() + within_s
        while True:
            for line in self._lines:
                if wanted(line):
                    self._lines.remove(line)
                    return line
            ready, _, _ = select.select([self.sock], [], [], max(0, deadline_s - time.monotonic()))
            came = self.sock.recv(65536) if ready else b""
            if not came:
                raise GuestError(f"the guest is silent; unread: {self._lines}" if not ready else "QEMU has ended")
            *whole, self._rest = (self._rest + came).split(b"\n")
            # A port that was cut off in the middle of a line leaves its half behind.
            self._lines += [json.loads(line[line.index(b"{") :]) for line in whole if line.endswith((b"}", b"}\r")) and b"{" in line]


@dataclass(slots=True)
class Machine:
    """A running guest. Made by `running`."""

    folder: Path
    process: "subprocess.Popen[bytes]"
    monitor: Lines
    agent: Lines
    _ids: "itertools.count[int]" = field(default_factory=itertools.count)

    def do(self, what: str, **details: Any) -> Any:
        """Have the agent do something (guest/agent.py). Raises GuestError when it cannot."""
        return self.done(self.ask(what, **details))

    def ask(self, what: str, **details: Any) -> int:
        """Like `do`, without waiting: the number of the request."""
        number = next(self._ids)
        self.agent.send({"id": number, "do": what, "with": details})
        return number

    def done(self, number: int) -> Any:
        """What came of a request."""
        answer = self.agent.take(lambda line: line.get("id") == number, WAIT_S)
        if "failed" in answer:
            raise GuestError(str(answer["failed"]))
        return answer["got"]

    def run(self, *command: str) -> str:
        """What a command in the guest prints. Raises GuestError when it fails."""
        status, out, err = self.do("run", command=list(command))
        if status:
            raise GuestError(f"{' '.join(command)}: status {status}: {out}{err}")
        return str(out)

    def qmp(self, command: str, **arguments: Any) -> Any:
        """A command to QEMU itself."""
        self.monitor.send({"execute": command, "arguments": arguments})
        answer = self.monitor.take(lambda line: "return" in line or "error" in line, WAIT_S)
        if "error" in answer:
            raise GuestError(f"{command}: {answer['error']}")
        return answer["return"]

    def event(self, name: str, within_s: float = WAIT_S) -> None:
        """Wait until QEMU tells of this (WATCHDOG, RESET, ...)."""
        self.monitor.take(lambda line: line.get("event") == name, within_s)

    def hello(self) -> str:
        """Wait until the agent of a new boot speaks: the boot's id."""
        return str(self.agent.take(lambda line: "hello" in line, WAIT_S)["hello"])

    def freeze(self, name: str) -> None:
        """Keep the guest as it is now, memory and disk."""
        self._human(f"savevm {name}")

    def thaw(self, name: str) -> None:
        """Make the guest what it was when it was frozen. Nothing may be under way."""
        self._human(f"loadvm {name}")

    def cable(self, *, plugged: bool) -> None:
        """The network cable."""
        self.qmp("set_link", name="nic0", up=plugged)

    def console(self) -> str:
        """The end of what the guest's kernel said."""
        return (self.folder / "console.log").read_text(errors="replace")[-2000:]

    def _human(self, line: str) -> None:
        said = self.qmp("human-monitor-command", **{"command-line": line})
        if said:
            raise GuestError(f"{line}: {said}")


@contextlib.contextmanager
def running(image: Image, programs: Path, folder: Path, broker_port: int) -> Iterator[Machine]:
    """A guest that has just started to boot; gone afterwards, with everything it wrote."""
    overlay, log = folder / "overlay.qcow2", (folder / "qemu.log").open("wb")
    backing = f"backing_file={image.disk},backing_fmt=raw"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-o", backing, overlay], check=True)
    monitor, agent = listener(folder / "monitor"), listener(folder / "agent")
    with log, monitor, agent:
        command = [*DIES_WITH_US, QEMU, *arguments(image, programs, overlay, folder, broker_port)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            with accepted(monitor) as control, accepted(agent) as port:
                machine = Machine(folder, process, Lines(control), Lines(port))
                machine.monitor.take(lambda line: "QMP" in line, WAIT_S)
                machine.qmp("qmp_capabilities")
                yield machine
        finally:
            process.kill()
            process.wait()
            overlay.unlink()


def listener(path: Path) -> socket.socket:
    """A unix socket for QEMU to connect to: it is there before QEMU is."""
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen()
    sock.settimeout(WAIT_S)
    return sock


def accepted(sock: socket.socket) -> socket.socket:
    connection, _ = sock.accept()
    return connection


def arguments(image: Image, programs: Path, overlay: Path, folder: Path, broker_port: int) -> list[str]:
    """QEMU's command line."""
    machine = f"-machine q35,i8042=off -accel tcg -icount {CLOCK} -cpu Nehalem -smp 1 -m 512 -nodefaults -no-user-config -display none"
    devices = (
        "-device virtio-rng-pci -device qemu-xhci -device i6300esb -action watchdog=reset -device virtio-serial-pci "
        "-device virtserialport,chardev=agent,name=hil -device virtio-net-pci,netdev=n0,id=nic0 -mon chardev=monitor,mode=control"
    )
    options = {
        "-kernel": str(image.linux),
        "-initrd": str(image.initrd),
        "-append": KERNEL_WORDS,
        "-serial": f"file:{folder}/console.log",
    }
    drives = (
        ("-drive", f"if=none,id=d0,file={overlay},format=qcow2,cache=unsafe"),
        ("-device", "virtio-blk-pci,drive=d0"),
        ("-drive", f"if=none,id=d1,file={programs},format=raw,readonly=on"),
        ("-device", "virtio-blk-pci,drive=d1"),
    )
    wires = (
        ("-chardev", f"socket,id=monitor,path={folder}/monitor"),
        ("-chardev", f"socket,id=agent,path={folder}/agent"),
        ("-netdev", f"user,id=n0,restrict=on,guestfwd=tcp:{BROKER}:1883-cmd:socat - TCP4:127.0.0.1:{broker_port},,nodelay"),
    )
    pairs = (*options.items(), *drives, *wires)
    return [*machine.split(), *itertools.chain(*pairs), *devices.split()]


def missing() -> str:
    """Why this machine cannot build and run a guest, in one sentence; empty when it can."""
    tools = (QEMU, "qemu-img", "mmdebstrap", "socat", "mke2fs", "modprobe", "cpio", "make", "gcc", "mosquitto", "setpriv")
    absent = [tool for tool in tools if not shutil.which(tool, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")]
    if os.geteuid() or absent:
        return f"needs root{' and ' if absent else ''}{', '.join(absent)}: as root, run `make hil`, which installs what is missing"
    release = kernel.newest().release
    if not Path(f"/usr/src/linux-headers-{release}").is_dir():
        return f"needs the headers of the newest kernel: apt-get install linux-headers-{release}"
    return ""
