"""`preau-hub` with a monitor in its event loop: `python -m tests.bench.watched run …`.

From one SIGUSR1 to the next it times every callback. When the hub ends, the longest stand in the file that PREAU_LONGEST names: ms of
processor, ms by the clock, name. Whatever a callback does counts: messages, rules, pages, and answering for a group commit.
"""

import asyncio
import heapq
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.__main__ import main

KEPT = 20
LONGEST = "PREAU_LONGEST"


@dataclass(slots=True)
class Watch:
    """The longest callbacks seen while `on`."""

    on: bool = False
    longest: list[tuple[float, float, str]] = field(default_factory=list)

    def over(self, callback: str, processor_ms: float, wall_ms: float) -> None:
        """Keep it if it is one of the longest."""
        keep = heapq.heappush if len(self.longest) < KEPT else heapq.heappushpop
        keep(self.longest, (processor_ms, wall_ms, callback))

    def text(self) -> str:
        """A line for each, the longest first."""
        return "".join(
            f"{processor_ms:.3f} {wall_ms:.3f} {callback}\n" for processor_ms, wall_ms, callback in sorted(self.longest, reverse=True)
        )


def _name(callback: Any) -> str:
    """What ran: the coroutine of a task, or the function itself."""
    task = getattr(callback, "__self__", None)
    return (
        f"task {getattr(task.get_coro(), '__qualname__', task)}"
        if isinstance(task, asyncio.Task)
        else getattr(callback, "__qualname__", repr(callback))
    )


def install(watch: Watch) -> None:
    """Time every callback of every event loop from now on."""
    run = asyncio.Handle._run

    def timed(handle: Any) -> None:
        on, processor_ns, wall_ns = watch.on, time.thread_time_ns(), time.monotonic_ns()
        run(handle)
        wall_ms = (time.monotonic_ns() - wall_ns) / 1e6
        if on and wall_ms > 0.2:  # naming one costs more than most of them take
            watch.over(_name(handle._callback), (time.thread_time_ns() - processor_ns) / 1e6, wall_ms)

    asyncio.Handle._run = timed  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    watching = Watch()
    install(watching)
    signal.signal(signal.SIGUSR1, lambda *_: setattr(watching, "on", not watching.on))
    status = main(sys.argv[1:])
    Path(os.environ[LONGEST]).write_text(watching.text())
    sys.exit(status)
