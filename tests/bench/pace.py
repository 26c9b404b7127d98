"""Moments that pass between two taps. A stopwatch waits by the clock; tests, which wait on conditions, have no use for this room."""

import asyncio
import threading
from collections.abc import Callable

LOOK_EVERY_S = 0.05


def kept(rounds: int) -> list[bool]:
    """A turn for each round, and one before them that warms up and is not kept; a single round is for looking only, and needs none."""
    return [False] * (rounds > 1) + [True] * rounds


def pause(seconds: float) -> None:
    """Let the time pass; this thread does nothing."""
    threading.Event().wait(seconds)


async def passed(seconds: float) -> None:
    """Let the time pass, while the loop goes on."""
    over = asyncio.Event()
    ringing = asyncio.get_running_loop().call_later(seconds, over.set)
    try:
        await over.wait()
    finally:
        ringing.cancel()


async def until(condition: Callable[[], bool], deadline_s: float) -> None:
    """Wait for something in another process, which nobody tells us; TimeoutError after `deadline_s`."""
    async with asyncio.timeout(deadline_s):
        while not condition():
            await passed(LOOK_EVERY_S)
