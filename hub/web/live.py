"""What just happened, for every open page: the last taps, and a bell that rings when something has changed.

Only committed facts come here (desk.watch). A page is told "changed" and fetches its block; nothing else is pushed.
"""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from itertools import islice

from hub.core.facts import Facts, ScanTaken

LAST_TAPS = 50
"""Taps kept for the board: more than fit on a screen."""
LAST_HERE = 100
"""Taps kept for each reader: more than a queue at a till is long."""
REMEMBERED = 500
"""Taps read at a start, of all readers: a break's worth."""
BREATH_S = 0.06
"""Between two pushes to one page: a tap is shown within 150 ms, fetch included; at a rush a page is fetched at most 16 times a second."""
TICK_S = 5.0
"""A sign of life on a quiet stream; devices' pages refresh by it, and an ended web session is noticed."""
MAX_STREAMS = 64
"""Streams open at once: a school has ten screens; each costs a connection and a fetch per change."""


class Live:
    """One per hub, on its event loop."""

    def __init__(self, start: str) -> None:
        self.taps: deque[ScanTaken] = deque(maxlen=LAST_TAPS)
        """Newest first."""
        self._here: defaultdict[tuple[str, str], deque[ScanTaken]] = defaultdict(lambda: deque(maxlen=LAST_HERE))
        self.quiet: dict[int, int] = {}
        """Stay -> until when (Unix ms) nobody is asked whether its pupil is still there."""
        self._start = start
        self._turn = 0
        self._bell = asyncio.Event()
        self._open: Counter[str] = Counter()
        self._gone: set[str] = set()

    @property
    def version(self) -> str:
        """Names what a page has seen; differs after every change and after a restart of the hub."""
        return f"{self._start}.{self._turn}"

    def taps_at(self, device: str, reader: str) -> tuple[ScanTaken, ...]:
        """The last taps at one reader, newest first."""
        return tuple(self._here.get((device, reader), ()))

    @property
    def is_full(self) -> bool:
        return self._open.total() >= MAX_STREAMS

    def remember(self, scans: Iterable[ScanTaken]) -> None:
        """The taps of before, newest first; those of devices that were quicker than this page are here already."""
        heard = {tap.ask for here in self._here.values() for tap in here}
        older = [scan for scan in scans if scan.ask not in heard]
        self.taps.extend(islice(older, LAST_TAPS - len(self.taps)))  # a full deque would push out the newest
        for scan in older:
            here = self._here[scan.device, scan.reader]
            if len(here) < LAST_HERE:
                here.append(scan)

    def heard(self, facts: Facts) -> None:
        """The desk has committed facts, or an edit (no facts)."""
        for scan in (fact for fact in facts if isinstance(fact, ScanTaken)):
            self.taps.appendleft(scan)
            self._here[scan.device, scan.reader].appendleft(scan)
        self._ring()

    def keep_quiet(self, stay: int, until_ms: int) -> None:
        """A child is still there, somebody says: no open board asks again for a while."""
        self.quiet[stay] = until_ms
        self._ring()

    def hang_up(self, owner: str) -> None:
        """End the streams of a web session that was signed out."""
        if self._open[owner]:
            self._gone.add(owner)
            self._ring()

    async def events(self, owner: str, seen: str, valid: Callable[[], Awaitable[bool]]) -> AsyncIterator[str]:
        """Server-sent events for one page until its web session ends: `changed` (at once when `seen` is old), `tick`, `gone`."""
        self._open[owner] += 1
        try:
            yield "retry: 1000\n\n"
            while owner not in self._gone:
                if seen != self.version:
                    seen = self.version
                    yield f"event: changed\nid: {seen}\ndata:\n\n"
                    await asyncio.sleep(BREATH_S)
                elif not await self._rang():
                    if not await valid():
                        break
                    yield "event: tick\ndata:\n\n"
            yield "event: gone\ndata:\n\n"
        finally:
            self._open[owner] -= 1
            if not self._open[owner]:
                del self._open[owner]
                self._gone.discard(owner)

    def _ring(self) -> None:
        self._turn += 1
        self._bell.set()
        self._bell = asyncio.Event()

    async def _rang(self) -> bool:
        try:
            await asyncio.wait_for(self._bell.wait(), TICK_S)
        except TimeoutError:
            return False
        return True
