"""How the device itself is: memory, disk, power, uptime. It measures; the loop puts it into the Health message."""

import os
import shutil
import subprocess
from pathlib import Path

from msgspec import Struct

UNDERVOLTAGE_NOW, UNDERVOLTAGE_SINCE_BOOT = 1 << 0, 1 << 16
"""Bits of the firmware's get_throttled."""
VCGENCMD_S = 1.0
"""The firmware answers in milliseconds or not at all."""


class VitalPaths(Struct, frozen=True):
    """Where Linux and the Pi's firmware tell how they are."""

    statm: Path = Path("/proc/self/statm")
    uptime: Path = Path("/proc/uptime")
    throttled: Path = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
    vcgencmd: str = "vcgencmd"


class Vitals(Struct, frozen=True):
    rss_kb: int
    disk_free_mb: int
    """Free for this user on the file system of the data folder."""
    undervoltage: bool | None
    """Whether the power supply was too weak at any time since boot; None where the hardware cannot tell."""
    uptime_s: int


def read_vitals(folder: Path, paths: VitalPaths | None = None) -> Vitals:
    """How the device is now. `folder` is where its data is."""
    paths = paths or VitalPaths()
    pages = int(paths.statm.read_text(encoding="ascii").split()[1])
    return Vitals(
        rss_kb=pages * os.sysconf("SC_PAGE_SIZE") // 1024,
        disk_free_mb=shutil.disk_usage(folder).free >> 20,
        undervoltage=_undervoltage(paths),
        uptime_s=int(float(paths.uptime.read_text(encoding="ascii").split()[0])),
    )


def _undervoltage(paths: VitalPaths) -> bool | None:
    text = _throttled(paths).strip().removeprefix("throttled=")
    try:
        bits = int(text, 16)
    except ValueError:
        return None
    return bool(bits & (UNDERVOLTAGE_NOW | UNDERVOLTAGE_SINCE_BOOT))


def _throttled(paths: VitalPaths) -> str:
    """The firmware's word, e.g. `50005` or `throttled=0x50005`; empty on anything that is not a Pi."""
    try:
        return paths.throttled.read_text(encoding="ascii")
    except OSError:
        program = shutil.which(paths.vcgencmd)
    if program is None:
        return ""
    try:
        return subprocess.run([program, "get_throttled"], capture_output=True, text=True, timeout=VCGENCMD_S, check=False).stdout  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
