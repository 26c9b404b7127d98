"""`preau-hub` with a monitor in its event loop: `python -m tests.bench.watched run …`.

From SIGUSR1 on it times every callback; when the hub ends, the longest ones stand in the file that PREAU_LONGEST names, in ms. Whatever a
callback does counts: messages, rules, pages, and answering for a group commit.
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
    longest: list[tuple[float, str]] = field(default_factory=list)

    def over(self, callback: str, took_ms: float) -> None:
        """Keep it if it is one of the longest."""
        if not self.on:
            return
        keep = heapq.heappush if len(self.longest) < KEPT else heapq.heappushpop
        keep(self.longest, (took_ms, callback))

    def text(self) -> str:
        """A line for each, the longest first."""
        return "".join(f"{took_ms:.3f} {callback}\n" for took_ms, callback in sorted(self.longest, reverse=True))


def install(watch: Watch) -> None:
    """Time every callback of every event loop from now on."""
    run = asyncio.Handle._run

    def timed(handle: Any) -> None:
        since_ns = time.monotonic_ns()
        run(handle)
        took_ms = (time.monotonic_ns() - since_ns) / 1e6
        if took_ms > 0.2:  # naming one costs more than most of them take
            watch.over(repr(handle._callback), took_ms)

    asyncio.Handle._run = timed  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    watching = Watch()
    install(watching)
    signal.signal(signal.SIGUSR1, lambda *_: setattr(watching, "on", True))
    status = main(sys.argv[1:])
    Path(os.environ[LONGEST]).write_text(watching.text())
    sys.exit(status)
