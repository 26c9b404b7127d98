"""A walk through the office: from page to page by their links, each kind of page once."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from html import unescape

BEGIN = ("/", "/account", "/trail", "/canteen/1/2026-09-22", "/devices/caisse-parc", "/kiosk/borne-parc/main")
"""Where a walk begins: the first page, and what it does not lead to."""
MOST = 250

Ask = Callable[[str], Awaitable[str]]
"""The HTML of an address; empty for what is no page."""


async def walked(ask: Ask, *more: str) -> AsyncIterator[tuple[str, str]]:
    """Each address with its page. Addresses that differ by numbers only are one kind: two of each are looked at."""
    seen, kinds, ahead = set[str](), dict[str, int](), [*BEGIN, *more]
    while ahead and len(seen) < MOST:
        target = ahead.pop(0)
        kind = re.sub(r"\d+", "0", target)
        if target in seen or kinds.get(kind, 0) == 2:
            continue
        seen.add(target)
        kinds[kind] = kinds.get(kind, 0) + 1
        page = await ask(target)
        yield target, page
        ahead += links_of(page)


def links_of(page: str) -> list[str]:
    """The addresses of ours that a page leads to or fetches, but for files and streams."""
    links = (unescape(link).split("#")[0] for link in re.findall(r'(?:href|hx-get|src)="(/[^"]*)"', page))
    return [link for link in links if not re.match(r"/static/|.*(\.pdf|/events)\b", link)]
