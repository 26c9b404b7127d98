"""Moments that pass between two taps. A stopwatch waits by the clock; tests, which wait on conditions, have no use for this room."""

import asyncio
import threading
from collections.abc import Callable

LOOK_EVERY_S = 0.05


def pause(seconds: float) -> None:
    """Let the time pass; this thread does nothing."""
    threading.Event().wait(seconds)


async def passed(seconds: float) -> None:
    """Let the time pass, while the loop goes on."""
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    ringing = asyncio.get_running_loop().call_later(seconds, over.set_result, None)
    try:
        await over
    finally:
        ringing.cancel()


async def until(condition: Callable[[], bool], deadline_s: float) -> None:
    """Wait for something in another process, which nobody tells us; TimeoutError after `deadline_s`."""
    async with asyncio.timeout(deadline_s):
        while not condition():
            await passed(LOOK_EVERY_S)
