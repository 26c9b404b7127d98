"""Long reckonings of pages, in turns with the taps: a page may take its time, a badge may not wait for it."""

import asyncio
import time
from collections.abc import Generator
from typing import TypeVar

TURN_S = 0.002
"""How long a reckoning holds the loop before everybody else has a turn."""

T = TypeVar("T")


async def in_turns(steps: Generator[object, None, T]) -> T:
    """What a generator returns in the end. At its yields whoever else wants the loop has it, so what it reads may change in between."""
    until_s = time.perf_counter() + TURN_S
    while True:
        try:
            next(steps)
        except StopIteration as done:
            found: T = done.value
            return found
        if time.perf_counter() >= until_s:
            await asyncio.sleep(0)
            until_s = time.perf_counter() + TURN_S
