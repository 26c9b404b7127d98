"""The school's time in an exercise, and waiting for it: until an hour of the day has come, or until something is so."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from hub.core.calendar import instant_ms

ZONE = ZoneInfo("Europe/Brussels")
LOOK_S = 0.02
"""How often a condition of another process is looked at."""
HELD_UP_S = 1.0


class TooLateError(Exception):
    """Something did not come about in time; the text says what."""


@dataclass(frozen=True, slots=True)
class SchoolTime:
    """A day of the school that runs `speed` times as fast as life and was at `from_s` (seconds after midnight) at `since_ms` (Unix ms)."""

    day: date
    from_s: float
    speed: float
    since_ms: int

    @property
    def midnight_ms(self) -> int:
        return instant_ms(self.day, 0, ZONE)

    @property
    def start_ms(self) -> int:
        """The school's Unix ms at `since_ms`."""
        return self.midnight_ms + int(self.from_s * 1000)

    def now_s(self) -> float:
        """Seconds after the school's midnight."""
        return self.from_s + (time.time() - self.since_ms / 1000) * self.speed

    async def until(self, at_s: float) -> None:
        """Return when the school's day has come so far."""
        while (left_s := (at_s - self.now_s()) / self.speed) > 0:
            await after(left_s)


def monday_of(today: date) -> date:
    """The Monday of this week: in the past, but not so long that a device would call its roster stale."""
    return today - timedelta(days=today.weekday())


async def until(condition: Callable[[], bool], within_s: float, what: str) -> None:
    """Return when the condition holds. Raises TooLateError, naming what did not come, after `within_s`.

    A machine that stood still as a whole has kept nobody waiting: a pause between two looks counts for a second at most.
    """
    waited_s, looked_s = 0.0, time.monotonic()
    while not condition():
        since_s, looked_s = looked_s, time.monotonic()
        waited_s += min(looked_s - since_s, HELD_UP_S)
        if waited_s > within_s:
            raise TooLateError(f"{what}: not within {within_s:.0f} s")
        await after(LOOK_S)


async def after(seconds: float) -> None:
    """Return when this much real time has gone by."""
    rung: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    alarm = asyncio.get_running_loop().call_later(seconds, rung.set_result, None)
    try:
        await rung
    finally:
        alarm.cancel()
