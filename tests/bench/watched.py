"""`preau-hub` with a monitor in its event loop: `python -m tests.bench.watched run …`.

From one SIGUSR1 to the next it times every callback. When the hub ends, the longest of each name stand in the file that PREAU_LONGEST
names: ms of processor, ms by the clock, name. Whatever a callback does counts: messages, rules, pages (by their path), and answering for
a group commit.
"""

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.__main__ import main

LONGEST = "PREAU_LONGEST"


@dataclass(slots=True)
class Watch:
    """The longest callback of each name seen while `on`: ms of processor, ms by the clock."""

    on: bool = False
    longest: dict[str, tuple[float, float]] = field(default_factory=dict)

    def over(self, callback: str, processor_ms: float, wall_ms: float) -> None:
        """Keep it if it is the longest of its name."""
        self.longest[callback] = max(self.longest.get(callback, (0.0, 0.0)), (processor_ms, wall_ms))

    def text(self) -> str:
        """A line for each, the longest first."""
        found = sorted(((*took, callback) for callback, took in self.longest.items()), reverse=True)
        return "".join(f"{processor_ms:.3f} {wall_ms:.3f} {callback}\n" for processor_ms, wall_ms, callback in found)


def _page(callback: Any) -> str:
    """The path that a task of the web server answers; empty for any other callback. To be asked before it runs: it may end there."""
    coroutine = callback.__self__.get_coro() if isinstance(getattr(callback, "__self__", None), asyncio.Task) else None
    frame = getattr(coroutine, "cr_frame", None)
    if frame is None or frame.f_code.co_name != "run_asgi":
        return ""
    scope = frame.f_locals["self"].scope
    return f"{scope['method']} {scope['path']}" if scope["type"] == "http" else ""


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
        on, page = watch.on, _page(handle._callback) if watch.on else ""
        processor_ns, wall_ns = time.thread_time_ns(), time.monotonic_ns()
        run(handle)
        wall_ms = (time.monotonic_ns() - wall_ns) / 1e6
        if on and wall_ms > 0.2:  # naming one costs more than most of them take
            watch.over(page or _name(handle._callback), (time.thread_time_ns() - processor_ns) / 1e6, wall_ms)

    asyncio.Handle._run = timed  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    watching = Watch()
    install(watching)
    signal.signal(signal.SIGUSR1, lambda *_: setattr(watching, "on", not watching.on))
    status = main(sys.argv[1:])
    Path(os.environ[LONGEST]).write_text(watching.text())
    sys.exit(status)
