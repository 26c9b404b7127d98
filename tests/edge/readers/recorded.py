"""What umockdev-record would have written down of devices on a Pi's USB ports, in its own formats, for a replay without them.

Nothing here was recorded: the values are written from the structures of the kernel (linux/input.h) and the descriptors of a boot keyboard,
because the machines the tests run on have no input devices. `make hil` holds the same code against the kernel's own gadgets.
A replay answers each question by its exact size, so the sizes are those python-evdev asks with.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge.readers.framing import EV_KEY, EV_SYN, Key

EV_MSC, EV_LED, EV_REP = 4, 17, 20
BOOT_KEYBOARD = (*range(1, 84), 87, 88, *range(96, 101), *range(102, 112), 125, 126, 127)
"""The keys of every USB keyboard."""
POWER_BUTTON = (116,)
NAME_BYTES, TYPE_BYTES, KEY_BYTES = 256, 4, 96
START_S = 0.5
"""Keys are typed at once, this long after the replay began: they wait for whoever opens the keyboard."""
REPEATS = 40


@dataclass(frozen=True, slots=True)
class Keyboard:
    """An input device at a port of the hub on a Pi."""

    port: int
    name: str = "Honeywell Imaging & Mobility Scanner"
    keys: tuple[int, ...] = BOOT_KEYBOARD
    vendor: int = 0x0C2E
    product: int = 0x0B61

    @property
    def node(self) -> str:
        return f"/dev/input/event{self.port}"

    @property
    def path(self) -> str:
        return f"/dev/input/by-path/platform-3f980000.usb-usb-0:1.{self.port}:1.0-event-kbd"

    def device(self) -> str:
        return _device(self.node, self.path, f"1-1.{self.port}:1.0/0003:{self.vendor:04X}/input/input{self.port}/event{self.port}", "input")

    def ioctl(self) -> str:
        """Its answers: who it is, which keys it has, which are down (none)."""
        identity = struct.pack("<HHHH", 3, self.vendor, self.product, 0x0110)
        types = {EV_SYN, EV_KEY, EV_MSC, EV_LED, EV_REP}
        answers = {
            "EVIOCGVERSION": (0, struct.pack("<I", 0x010001)),
            "EVIOCGID": (0, identity),
            "EVIOCGNAME(0)": (len(self.name) + 1, self.name.encode().ljust(NAME_BYTES, b"\0")),
            "EVIOCGPHYS(0)": (1, bytes(NAME_BYTES)),
            "EVIOCGUNIQ(0)": (1, bytes(NAME_BYTES)),
            "EVIOCGBIT(0)": (TYPE_BYTES, _bits(types, TYPE_BYTES)),
            f"EVIOCGBIT({EV_KEY})": (KEY_BYTES, _bits(self.keys, KEY_BYTES)),
            **{f"EVIOCGBIT({kind})": (8, _bits((), KEY_BYTES)) for kind in sorted(types - {EV_SYN, EV_KEY})},
            "EVIOCGKEY(0)": (KEY_BYTES, bytes(KEY_BYTES)),
            "EVIOCGEFFECTS": (0, bytes(4)),
        }
        return "".join(f"{name} {status} {data.hex().upper()}\n" for name, (status, data) in answers.items())


@dataclass(frozen=True, slots=True)
class SerialScanner:
    """A CDC-ACM scanner at a port of the hub."""

    port: int

    @property
    def node(self) -> str:
        return f"/dev/ttyACM{self.port}"

    @property
    def path(self) -> str:
        return f"/dev/serial/by-path/platform-3f980000.usb-usb-0:1.{self.port}:1.0"

    def device(self) -> str:
        return _device(self.node, self.path, f"1-1.{self.port}:1.0/tty/ttyACM{self.port}", "tty")


def events(keys: Iterable[Key]) -> str:
    """Keys as evemu's lines: time, kind and code in hexadecimal, value."""
    return "".join(f"E: {START_S:.6f} {kind:04x} {code:04x} {value:04d}\n" for kind, code, value in keys)


def lines(text: str) -> str:
    """A serial scanner's line, again and again: what comes before the port was opened is thrown away, as by a real port."""
    return f"r 500 {text}^M\n" * REPEATS


def replay(folder: Path, devices: Iterable[Keyboard | SerialScanner], typed: dict[str, str]) -> list[str]:
    """The command line under which a program meets these devices. `typed`: by node, what a keyboard or port sends."""
    command = ["umockdev-run"]
    for device in devices:
        files = folder / device.node.replace("/", "-")
        files.with_suffix(".umockdev").write_text(device.device())
        command += ["--device", str(files.with_suffix(".umockdev"))]
        if isinstance(device, Keyboard):
            files.with_suffix(".ioctl").write_text(device.ioctl())
            # By both names: the replay does not follow links when it looks for the answers.
            command += [word for name in (device.node, device.path) for word in ("--ioctl", f"{name}={files.with_suffix('.ioctl')}")]
        if device.node in typed:
            files.with_suffix(".sent").write_text(typed[device.node])
            kind = "--evemu-events" if isinstance(device, Keyboard) else "--script"
            command += [kind, f"{device.node}={files.with_suffix('.sent')}"]
    return [*command, "--"]


def _device(node: str, link: str, place: str, subsystem: str) -> str:
    name = node.removeprefix("/dev/")
    return f"""\
P: /devices/platform/soc/3f980000.usb/usb1/1-1/1-1.{place}
N: {name}
S: {link.removeprefix("/dev/")}
E: DEVNAME={node}
E: SUBSYSTEM={subsystem}

"""


def _bits(numbers: Iterable[int], size: int) -> bytes:
    """A bitmap as the kernel has it: bit n for number n, lowest first."""
    return sum(1 << number for number in numbers).to_bytes(size, "little")
