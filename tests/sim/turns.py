"""The scheduler of the simulated world: an asyncio loop that is its own selector. Its time is a number, its order is drawn by a seed.

No thread, no file descriptor, no waiting: where nothing is due at once, the clock jumps to the next timer. It knows nothing of schools.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any


class DeadlockError(Exception):
    """Nobody can ever go on: nothing is ready and no timer is set."""


class CutError(asyncio.CancelledError):
    """This process has died here. No `except Exception` of the code may catch it, and a task that meets it ends."""


class ViolationError(asyncio.CancelledError):
    """A promise is broken: the run ends here, whatever the code would catch."""


class Turns(asyncio.BaseEventLoop):
    """A loop whose ready callbacks run in a seeded order. asyncio offers no other way than to inherit its loop."""

    def __init__(self, chance: Random) -> None:
        super().__init__()
        self.now_s = 0.0
        self.turns = 0
        self._chance = chance
        self._selector = self
        self._ready: deque[asyncio.Handle]  # asyncio's own, as is _scheduled
        self._scheduled: list[asyncio.TimerHandle]

    def time(self) -> float:
        return self.now_s

    def select(self, timeout: float | None) -> tuple[()]:
        """What a selector would wait for never comes: jump to the next timer, and shuffle whoever is ready."""
        self.turns += 1
        if timeout is None:
            raise DeadlockError(f"nothing is ready and no timer is set at {self.now_s:.3f} s")
        if timeout > 0:
            self.now_s = max(self.now_s, self._scheduled[0].when())
        if len(self._ready) > 1:
            order = list(self._ready)
            self._chance.shuffle(order)
            self._ready = deque(order)
        return ()

    def run_in_executor(self, *_details: Any) -> Any:  # type: ignore[override]
        raise AssertionError("the simulated world has no threads")

    def after_s(self, delay_s: float, act: Callable[..., object], *details: Any) -> asyncio.TimerHandle:
        """As call_later, spelled for people."""
        return self.call_at(self.now_s + delay_s, act, *details)

    async def pause(self, delay_s: float) -> None:
        """Let virtual time go by."""
        waiting: asyncio.Future[None] = self.create_future()
        self.call_at(self.now_s + delay_s, lambda: None if waiting.done() else waiting.set_result(None))
        await waiting

    def _process_events(self, _events: object) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a system call."""
