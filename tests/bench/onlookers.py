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
from urllib.parse import urlsplit

import httpx2
import msgspec

from hub.web.session import PLAIN_COOKIE

WAIT_S = 60.0
_TAP = re.compile(rb'id="tap-(\d+)"')
_STREAM = re.compile(r'hx-sse:connect="([^"]+)"')
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"(?i)content-length: (\d+)")
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
    _rung: asyncio.Event = field(default_factory=asyncio.Event)

    async def look(self, ready: asyncio.Event) -> None:
        """Until it is cancelled."""
        async with httpx2.AsyncClient(base_url=self.url, timeout=WAIT_S, headers={"cookie": f"{PLAIN_COOKIE}={self.page.token}"}) as asking:
            opened = await asking.get(self.page.path)
        assert opened.status_code == 200, f"{self.page.path}: {opened.status_code}"
        stream, fetch = (pattern.search(opened.text) for pattern in (_STREAM, _FETCH))
        if stream is None or fetch is None:
            raise ValueError(f"{self.page.path} is not live")
        fetching = asyncio.create_task(self._fetch(fetch[1].replace("&amp;", "&")))
        try:
            events, writing = await self._connected()
            writing.write(self._request(stream[1].replace("&amp;", "&")))
            await events.readuntil(_HEAD_END)
            ready.set()
            while True:
                if await events.readline() == b"event: changed\n":
                    self._rung.set()
        finally:
            fetching.cancel()

    async def _fetch(self, path: str) -> None:
        reading, writing = await self._connected()
        while True:
            await self._rung.wait()
            self._rung.clear()
            writing.write(self._request(path, "hx-request: true\r\n"))
            head = await reading.readuntil(_HEAD_END)
            length = _LENGTH.search(head)
            assert head.startswith(b"HTTP/1.1 200") and length, f"{path}: {head!r}"  # noqa: PT018 - one answer
            block = await reading.readexactly(int(length[1]))
            now_ns = time.monotonic_ns()
            self.fetched += 1
            for tap in _TAP.findall(block):
                self.shown_ns.setdefault(int(tap), now_ns)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.url)
        return await asyncio.open_connection(parts.hostname, parts.port, limit=1 << 20)

    def _request(self, path: str, more: str = "") -> bytes:
        """By hand: thirteen browsers on one machine must not cost what thirteen machines would."""
        return (
            f"GET {path} HTTP/1.1\r\nhost: {urlsplit(self.url).netloc}\r\ncookie: {PLAIN_COOKIE}={self.page.token}\r\n{more}\r\n".encode()
        )


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
    return [{str(tap): at_ns for tap, at_ns in one.shown_ns.items()} | {"fetched": one.fetched} for one in several]


async def _first(looking: list[asyncio.Task[None]], other: Awaitable[object]) -> None:
    """Until the other one is over, or a page has failed."""
    await asyncio.wait([asyncio.ensure_future(other), *looking], return_when=asyncio.FIRST_COMPLETED)


if __name__ == "__main__":
    print(msgspec.json.encode(asyncio.run(look_on(sys.argv[1]))).decode())
