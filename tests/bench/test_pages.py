"""What the pages of a school of 2,000 pupils weigh, with a few days of facts. Sizes only: time is the stopwatch's (`make bench`)."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.bench import addresses, town
from tests.bench.addresses import asked_of
from tests.hub.web.conftest import Hub, opened

URL = "http://office.test"
DAYS = 2
PAGE_BYTES = 60_000
WIDEST = ("bursar", "kiosk")
"""Who sees most; the stopwatch asks as the others, too."""


@pytest.fixture
async def commune(tmp_path: Path) -> AsyncIterator[Hub]:
    built = await town.built(tmp_path / "hub", DAYS)
    async with opened(tmp_path / "hub") as hub:
        hub.now_ms = built.now_ms
        yield hub


async def test_every_page_of_a_large_school_is_light_and_there(commune: Hub) -> None:
    tokens = await addresses.welcomed(commune, commune.now_ms)
    wrong = []
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=commune.app), base_url=URL) as asking:
        found = await addresses.bring_list(asking, tokens, URL, await addresses.addresses(commune))
        for address in [one for one in found if one.who in WIDEST]:
            answer = await asking.get(address.path, headers=asked_of(address, tokens))
            if answer.status_code != 200:
                wrong.append(f"{answer.status_code} {address}")
            elif answer.headers["content-type"].startswith("text/html") and answer.num_bytes_downloaded > PAGE_BYTES:
                wrong.append(f"{answer.num_bytes_downloaded} bytes: {address}")
    assert wrong == []
