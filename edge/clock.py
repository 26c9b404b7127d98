"""The device's clocks, and how far each can be trusted. It reads them; it never sets one, and no deadline uses the wall clock.

A Pi has no clock it can trust: an event carries boot id, monotonic milliseconds, wall clock and its quality, and the hub
corrects once it knows better (edge.md, section 5, Time).
"""

import ctypes
import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from edge.events import Clock
from proto.messages import ClockQuality

OLDEST_MS = 1_767_225_600_000
"""1 January 2026: this program is not older, so a wall clock that shows an earlier time was never set."""
TRUST_MS = 60_000
"""How long an answer of kernel and files about the clock's quality holds: asking costs more than all else a tap asks of the card."""
RTC_ERR_MS = 5 * 60_000
"""What a battery clock may be wrong by when the network was away for months: 20 ppm make 52 s a month."""
SAVED_ERR_MS = 70 * 86_400_000
"""The device may have been switched off since the time was saved: no school is closed for longer than a summer."""
UNKNOWN_ERR_MS = 50 * 365 * 86_400_000
"""No idea: whoever reads it has to go by the hub's own clock."""

_STA_UNSYNC = 0x0040  # linux/timex.h
_TIMEX_BYTES = 256  # struct timex has 208 at most
_MAXERROR, _STATUS = 3, 5  # long fields of struct timex: modes, offset, freq, maxerror, esterror, status (an int)


class KernelClock(NamedTuple):
    """What the kernel thinks of its own wall clock: set by NTP or not, and the largest error it grants, in microseconds."""

    synchronised: bool
    maxerror_us: int


class ClockPaths(Struct, frozen=True):
    """Where Linux tells about its clocks."""

    boot_id: Path = Path("/proc/sys/kernel/random/boot_id")
    synchronised: Path = Path("/run/systemd/timesync/synchronized")
    """Made by systemd-timesyncd at its first synchronisation of this boot."""
    set_from_rtc: Path = Path("/sys/class/rtc/rtc0/hctosys")
    """Holds 1 when the kernel set the wall clock from this battery clock at boot."""


def mono_ms() -> int:
    """Milliseconds since boot, asleep or not (CLOCK_BOOTTIME): the clock of all deadlines."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def wall_ms() -> int:
    """The system's wall clock, right or wrong: Unix time in ms, UTC."""
    return time.time_ns() // 1_000_000


def kernel_clock() -> KernelClock:
    """Ask the kernel (adjtimex, reading only)."""
    timex = (ctypes.c_long * (_TIMEX_BYTES // ctypes.sizeof(ctypes.c_long)))()
    if _libc().adjtimex(ctypes.byref(timex)) < 0:
        return KernelClock(synchronised=False, maxerror_us=0)
    return KernelClock(not timex[_STATUS] & _STA_UNSYNC, int(timex[_MAXERROR]))


@functools.cache
def _libc() -> ctypes.CDLL:
    """Loaded once: each tap asks for the time."""
    return ctypes.CDLL(None)


class ClockReader:
    """Reads the clocks of this boot.

    `saved_wall_ms` is the last good time the device kept before this start (0: none): while nobody has set the clock, time is
    at least that, and goes on from there. `wall` and `kernel` are the system's, unless a test says otherwise.
    """

    def __init__(
        self,
        saved_wall_ms: int = 0,
        paths: ClockPaths | None = None,
        wall: Callable[[], int] = wall_ms,
        kernel: Callable[[], KernelClock] = kernel_clock,
    ) -> None:
        self._paths = paths or ClockPaths()
        self._wall = wall
        self._kernel = kernel
        self._saved_ms = saved_wall_ms
        self._started_ms = mono_ms()
        self._asked_ms = -TRUST_MS
        self._kernel_says = KernelClock(synchronised=False, maxerror_us=0)
        self._from_rtc = False
        self.boot = self._paths.boot_id.read_text(encoding="ascii").replace("-", "")[:16]

    def mono_ms(self) -> int:
        """Milliseconds since boot, asleep or not."""
        return mono_ms()

    def now(self) -> Clock:
        """All clocks at this instant, with an honest bound of the error."""
        wall, floor = self._wall(), self._floor_ms()
        if mono_ms() - self._asked_ms >= TRUST_MS:
            self._asked_ms, self._kernel_says, self._from_rtc = mono_ms(), self._ask_kernel(), self._set_from_rtc()
        if self._kernel_says.synchronised:
            return Clock(self.boot, wall, -(-self._kernel_says.maxerror_us // 1000), ClockQuality.NTP)
        # A battery clock without a battery starts in 1970, and one that runs behind what was saved has stopped.
        if wall >= max(floor, OLDEST_MS) and self._from_rtc:
            return Clock(self.boot, wall, RTC_ERR_MS, ClockQuality.RTC)
        if floor:
            return Clock(self.boot, max(wall, floor), SAVED_ERR_MS, ClockQuality.SAVED)
        return Clock(self.boot, max(wall, 0), UNKNOWN_ERR_MS, ClockQuality.NONE)

    def _ask_kernel(self) -> KernelClock:
        """What the kernel says, or timesyncd where the kernel was not told."""
        says = self._kernel()
        return says if says.synchronised else KernelClock(self._paths.synchronised.exists(), says.maxerror_us)

    def _floor_ms(self) -> int:
        return self._saved_ms + mono_ms() - self._started_ms if self._saved_ms else 0

    def _set_from_rtc(self) -> bool:
        try:
            return self._paths.set_from_rtc.read_text(encoding="ascii").strip() == "1"
        except OSError:
            return False
