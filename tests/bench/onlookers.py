"""Open pages that look on while badges are tapped: what a browser's htmx does, without the browser (`python -m tests.bench.onlookers URL`).

Each one opens its page, listens to its stream, and fetches its block at every "changed", one at a time and the last one again if
something came meanwhile. A process of their own, so that they cost the taps what browsers on other machines would cost, and little more.
Its orders come on standard input: the pages, a line of JSON; at the end of the input it prints when each board had which tap.
"""

import asyncio
import re
import sys
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field

import httpx2
import msgspec

from hub.web.session import PLAIN_COOKIE

WAIT_S = 60.0
_TAP = re.compile(rb'id="tap-(\d+)"')
_STREAM = re.compile(r'hx-sse:connect="([^"]+)"')
_FETCH = re.compile(r'hx-get="([^"]+)" hx-trigger="changed from')


class Opened(msgspec.Struct, frozen=True):
    """A page that is open: its path, and the token of who has it open."""

    path: str
    token: str


@dataclass(slots=True)
class Onlooker:
    """One open page. `shown_ns`: tap (its ask) -> when the bytes that show it were there, by the monotonic clock of the machine."""

    url: str
    page: Opened
    shown_ns: dict[int, int] = field(default_factory=dict)
    fetched: int = 0
    bytes: int = 0
    _rung: asyncio.Event = field(default_factory=asyncio.Event)

    async def look(self, ready: asyncio.Event) -> None:
        """Until it is cancelled."""
        async with httpx2.AsyncClient(base_url=self.url, timeout=WAIT_S, headers={"cookie": f"{PLAIN_COOKIE}={self.page.token}"}) as asking:
            opened = await asking.get(self.page.path)
            assert opened.status_code == 200, f"{self.page.path}: {opened.status_code}"
            stream, fetch = (pattern.search(opened.text) for pattern in (_STREAM, _FETCH))
            if stream is None or fetch is None:
                raise ValueError(f"{self.page.path} is not live")
            fetching = asyncio.create_task(self._fetch(asking, fetch[1].replace("&amp;", "&")))
            try:
                async with asking.stream("GET", stream[1].replace("&amp;", "&")) as events:
                    ready.set()
                    async for line in events.aiter_lines():
                        if line == "event: changed":
                            self._rung.set()
            finally:
                fetching.cancel()

    async def _fetch(self, asking: httpx2.AsyncClient, path: str) -> None:
        while True:
            await self._rung.wait()
            self._rung.clear()
            block = await asking.get(path, headers={"hx-request": "true"})
            now_ns = time.monotonic_ns()
            assert block.status_code == 200, f"{path}: {block.status_code}"
            self.fetched += 1
            self.bytes += len(block.content)
            for tap in _TAP.findall(block.content):
                self.shown_ns.setdefault(int(tap), now_ns)


async def look_on(url: str) -> list[dict[str, int]]:
    """All pages of the first line, until the input ends; what each has seen when."""
    several = [Onlooker(url, page) for page in msgspec.json.decode(await asyncio.to_thread(sys.stdin.readline), type=list[Opened])]
    ready = [asyncio.Event() for _ in several]
    looking = [asyncio.create_task(one.look(here)) for one, here in zip(several, ready, strict=True)]
    await _first(looking, asyncio.gather(*(here.wait() for here in ready)))
    print("looking", flush=True)
    await _first(looking, asyncio.to_thread(sys.stdin.read))
    for one in looking:
        if one.done():
            one.result()
        one.cancel()
    return [{str(tap): at_ns for tap, at_ns in one.shown_ns.items()} | {"fetched": one.fetched, "bytes": one.bytes} for one in several]


async def _first(looking: list[asyncio.Task[None]], other: Awaitable[object]) -> None:
    """Until the other one is over, or a page has failed."""
    await asyncio.wait([asyncio.ensure_future(other), *looking], return_when=asyncio.FIRST_COMPLETED)


if __name__ == "__main__":
    print(msgspec.json.encode(asyncio.run(look_on(sys.argv[1]))).decode())
