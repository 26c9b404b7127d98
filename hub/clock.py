"""The hub's clock: Unix ms, and for exercises a day that runs faster than life.

In life it is the machine's clock. The demo and `make day` give the instant their day begins with, when that was, and a speed; then a
device's ages are stretched alike, so that a scan ten seconds old is ten school-minutes old at speed 60. A hub that is restarted in
the middle of such a day goes on where the day is. Nothing that decides reads it: instants come in as arguments.
"""

import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Clock:
    """`start_ms`: the Unix ms an exercise's day begins with; 0 is life. `since_ms`: when that was; 0: when this object was made."""

    speed: float = 1.0
    start_ms: int = 0
    since_ms: int = 0
    _made_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    _made_s: float = field(default_factory=time.monotonic)

    def now_ms(self) -> int:
        """The school's time, Unix ms."""
        if not self.start_ms:
            return wall_ms()
        # The wall clock is asked once: whoever sets it in the middle of an exercise must not move its day.
        before_ms = self._made_ms - self.since_ms if self.since_ms else 0
        return self.start_ms + int((before_ms + (time.monotonic() - self._made_s) * 1000) * self.speed)

    def stretched(self, age_ms: int) -> int:
        """A device's span of time in the school's."""
        return int(age_ms * self.speed) if self.start_ms else age_ms


def wall_ms() -> int:
    """The machine's own time, Unix ms, whatever the school's day is."""
    return time.time_ns() // 1_000_000


def elapsed_us(since_ns: int) -> int:
    """Microseconds since a `time.monotonic_ns()`."""
    return (time.monotonic_ns() - since_ns) // 1000
