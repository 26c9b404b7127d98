"""The hub's clock: Unix ms, and for exercises a day that runs faster than life.

In life it is the machine's clock. The demo and `make day` give the instant their day begins with, when that was, and a speed; then a
device's ages are stretched alike, so that a scan ten seconds old is ten school-minutes old at speed 60. A hub that is restarted in
the middle of such a day goes on where the day is. Nothing that decides reads it: instants come in as arguments.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Clock:
    """`start_ms`: the Unix ms an exercise's day begins with; 0 is life. `since_ms`: when that was; 0: when this object was made.

    `wall_ns` and `mono_ns` are the machine's clocks; the simulated world has its own.
    """

    speed: float = 1.0
    start_ms: int = 0
    since_ms: int = 0
    wall_ns: Callable[[], int] = time.time_ns
    mono_ns: Callable[[], int] = time.monotonic_ns
    _made_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    _made_s: float = field(default_factory=time.monotonic)

    def now_ms(self) -> int:
        """The school's time, Unix ms."""
        if not self.start_ms:
            return self.wall_ns() // 1_000_000
        # The wall clock is asked once: whoever sets it in the middle of an exercise must not move its day.
        before_ms = self._made_ms - self.since_ms if self.since_ms else 0
        return self.start_ms + int((before_ms + (time.monotonic() - self._made_s) * 1000) * self.speed)

    def mono_s(self) -> float:
        """Seconds of the clock that nobody sets: for everything with a deadline."""
        return self.mono_ns() / 1e9

    def stretched(self, age_ms: int) -> int:
        """A device's span of time in the school's."""
        return int(age_ms * self.speed) if self.start_ms else age_ms


def wall_ms() -> int:
    """The machine's own time, Unix ms, whatever the school's day is."""
    return time.time_ns() // 1_000_000
