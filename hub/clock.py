"""The hub's clock: Unix ms, and for exercises a day that runs faster than life.

At speed 1 it is the machine's clock. The demo and `make day` give a first instant and a speed; then a device's ages are stretched alike,
so that a scan ten seconds old is ten school-minutes old at speed 60. Nothing that decides reads it: instants come in as arguments.
"""

import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Clock:
    """`start_ms`: the Unix ms at which a faster day began when this object was made; ignored at speed 1."""

    speed: float = 1.0
    start_ms: int = 0
    _origin_s: float = field(default_factory=time.monotonic)

    def now_ms(self) -> int:
        """The school's time, Unix ms."""
        if self.speed == 1.0:
            return time.time_ns() // 1_000_000
        return self.start_ms + int((time.monotonic() - self._origin_s) * 1000 * self.speed)

    def stretched(self, age_ms: int) -> int:
        """A device's span of time in the school's."""
        return age_ms if self.speed == 1.0 else int(age_ms * self.speed)


def elapsed_us(since_ns: int) -> int:
    """Microseconds since a `time.monotonic_ns()`."""
    return (time.monotonic_ns() - since_ns) // 1000
