"""Runs inside the guest: the hardware of a device, made of the kernel's own parts. Two scanners on USB ports, and the pins of a Pi.

Started as a program it builds everything; the agent then plugs, types and looks through the functions. Knows nothing of Préau.
Sources: Documentation/usb/gadget_configfs.rst, Documentation/admin-guide/gpio/gpio-sim.rst, USB HID 1.11 appendix B.1.
"""

import contextlib
import os
import re
import subprocess
import threading
import time
import tty
from dataclasses import dataclass
from pathlib import Path

GADGETS = Path("/sys/kernel/config/usb_gadget")
CHIP = Path("/sys/kernel/config/gpio-sim/pi")
LINES = Path("/sys/devices/platform/gpio-sim.0/gpiochip0")
TRACE = Path("/sys/kernel/tracing")
LABEL = "pinctrl-bcm2711"
PI_LINES = 58
"""Lines of a Pi 4's pinctrl-bcm2711."""
PULLED_UP = 27
"""The pin with a resistor: a relay that is on when low needs one (provisioning/README.md, A device, 7)."""

BOOT_KEYBOARD = bytes.fromhex(
    "05010906a101050719e029e71500250175019508810295017508810395057501050819012905910295017503910395067508150025650507190029658100c0"
)
REPORT_BYTES = 8
WATCH_S = 0.01
"""How often the voltmeter looks, in s."""
SHIFT = 0x02
ENTER = 0x28
CTRL_ALT, DELETE = 0x05, 0x4C


@dataclass(frozen=True, slots=True)
class Scanner:
    """One gadget: what it is, which dummy controller it hangs on, what it calls itself."""

    kind: str
    port: int
    product: str

    @property
    def function(self) -> str:
        return f"{self.kind}.usb0"


SCANNERS = {
    "in": Scanner("acm", 0, "Serial Scanner"),
    "out": Scanner("hid", 1, "Wedge Scanner"),
    "third": Scanner("hid", 2, "Wedge Scanner"),
}


def build() -> None:
    """The pins, and every scanner, plugged in except the third."""
    bank = CHIP / "bank0"
    bank.mkdir(parents=True)
    (bank / "num_lines").write_text(str(PI_LINES))
    (bank / "label").write_text(LABEL)
    (CHIP / "live").write_text("1")
    pull(PULLED_UP, "pull-up")
    for name, scanner in SCANNERS.items():
        _solder(GADGETS / name, scanner)
    for name in ("in", "out"):
        plug(name)


def _solder(gadget: Path, scanner: Scanner) -> None:
    function, english = gadget / "functions" / scanner.function, gadget / "strings/0x409"
    for folder in (gadget, function, english, gadget / "configs/c.1"):
        folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("idVendor", "0x1d6b"), ("idProduct", f"0x010{scanner.port + 4}")):
        (gadget / name).write_text(text)
    for name, text in (("manufacturer", "Preau"), ("product", scanner.product), ("serialnumber", f"HIL{scanner.port}")):
        (english / name).write_text(text)
    if scanner.kind == "hid":
        for name, text in (("protocol", "1"), ("subclass", "1"), ("report_length", str(REPORT_BYTES))):
            (function / name).write_text(text)
        (function / "report_desc").write_bytes(BOOT_KEYBOARD)
    (gadget / "configs/c.1" / scanner.function).symlink_to(function)


def plug(name: str) -> None:
    """Push the scanner's plug in."""
    (GADGETS / name / "UDC").write_text(f"dummy_udc.{SCANNERS[name].port}")


def unplug(name: str) -> None:
    """Pull it out."""
    (GADGETS / name / "UDC").write_text("\n")


def say(name: str, text: str) -> None:
    """A serial scanner sends these characters as they are."""
    number = (GADGETS / name / "functions" / SCANNERS[name].function / "port_num").read_text().strip()
    line = os.open(f"/dev/ttyGS{number}", os.O_RDWR | os.O_NOCTTY)
    with contextlib.closing(os.fdopen(line, "wb", buffering=0)) as port:
        tty.setraw(port.fileno())
        port.write(text.encode("ascii"))


def type_text(name: str, text: str, gap_ms: float = 4) -> None:
    """A keyboard scanner types capitals, digits and line ends; `gap_ms` between two keys, 0 for as fast as the bus takes them."""
    press(name, [key(sign) for sign in text], gap_ms)


def press(name: str, keys: list[tuple[int, int]], gap_ms: float = 4) -> None:
    """Press and release keys, each as (modifiers, usage) of the HID tables."""
    device = (GADGETS / name / "functions" / SCANNERS[name].function / "dev").read_text().strip().partition(":")[2]
    pause = threading.Event()
    with Path(f"/dev/hidg{device}").open("wb", buffering=0) as port:
        for modifiers, usage in keys:
            port.write(bytes((modifiers, 0, usage)).ljust(REPORT_BYTES, b"\0"))
            port.write(bytes(REPORT_BYTES))
            if gap_ms:
                pause.wait(gap_ms / 1000)


def ctrl_alt_del(name: str) -> None:
    """What a scanner types whose paper says so."""
    press(name, [(CTRL_ALT, DELETE)])


def key(sign: str) -> tuple[int, int]:
    """The key for a capital, a digit or a line end, as (modifiers, usage)."""
    if sign == "\n":
        return 0, ENTER
    if sign.isdigit():
        return 0, 0x1E + "1234567890".index(sign)
    return SHIFT, 0x04 + ord(sign) - ord("A")


def lines(numbers: list[int]) -> list[int]:
    """The levels of these pins, as a voltmeter on the Pi's header would show them."""
    return [int(_value(number).read_text()) for number in numbers]


def pull(number: int, way: str) -> None:
    """Solder a resistor to a pin: `pull-up` or `pull-down`."""
    (LINES / f"sim_gpio{number}" / "pull").write_text(way)


def watch(numbers: list[int], notebook: str) -> None:
    """From now on note each change of these pins: one line `ms number level`, ms since boot. Sees what lasts longer than WATCH_S."""

    def look() -> None:
        pause, dials = threading.Event(), [os.open(_value(number), os.O_RDONLY) for number in numbers]
        before = [os.pread(dial, 1, 0) for dial in dials]
        with Path(notebook).open("w", buffering=1) as notes:
            while not pause.wait(WATCH_S):
                now = [os.pread(dial, 1, 0) for dial in dials]
                for number, was, level in zip(numbers, before, now, strict=True):
                    if level != was:
                        notes.write(f"{time.monotonic_ns() // 1_000_000} {number} {level.decode()}\n")
                before = now

    threading.Thread(target=look, daemon=True).start()


def changes(notebook: str) -> list[list[int]]:
    """What was noted so far: [ms, number, level], oldest first."""
    return [[int(word) for word in line.split()] for line in Path(notebook).read_text().splitlines()]


def spy(numbers: list[int]) -> None:
    """From now on the kernel notes every level a program gives to these pins, however short (Documentation/trace/events.rst)."""
    if not (TRACE / "events").is_dir():
        subprocess.run(["mount", "-t", "tracefs", "tracefs", str(TRACE)], check=True)
    base = _first_pin()
    event = TRACE / "events/gpio/gpio_value"
    (event / "filter").write_text(" || ".join(f"gpio == {base + number}" for number in numbers))
    (event / "enable").write_text("1")
    (TRACE / "trace").write_text("")


def driven(number: int) -> list[int]:
    """The levels a program gave to a pin since then, oldest first."""
    notes = re.findall(r"gpio_value: (\d+) set (\d)", (TRACE / "trace").read_text())
    return [int(level) for pin, level in notes if int(pin) == _first_pin() + number]


def _value(number: int) -> Path:
    return LINES / f"sim_gpio{number}" / "value"


def _first_pin() -> int:
    """The kernel's own number of pin 0."""
    (chip,) = (place for place in Path("/sys/class/gpio").glob("gpiochip*") if (place / "label").read_text().strip() == LABEL)
    return int((chip / "base").read_text())


if __name__ == "__main__":
    build()
