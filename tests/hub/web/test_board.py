"""The live board: what was tapped, who is in, what is to settle, and the stream that says so."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.core import facts as f
from hub.core.codes import Code, Reason
from hub.web import live as live_room
from hub.web.live import Live
from tests.hub.web.conftest import Browser, Hub, opened


async def test_a_tap_is_on_the_board_with_time_name_class_place_and_what_it_did(hub: Hub, anne: Browser) -> None:
    await hub.tap(100, Code.IN)
    page = (await anne.get("/")).text
    taps = page[page.index('id="taps-title"') :]
    for word in ("16:02", "Léa Dupont", "5B", "Arrivée", "Porte · Implantation du Parc"):
        assert word in taps


async def test_the_newest_tap_stands_first_and_the_oldest_leave(hub: Hub, anne: Browser) -> None:
    for _ in range(live_room.LAST_TAPS):
        await hub.tap(101, Code.SEEN)
    last = await hub.tap(100, Code.OUT)
    page = (await anne.get("/")).text
    assert page.count('<li id="tap-') == live_room.LAST_TAPS
    assert page.index(f"tap-{last}") < page.index("Hugo Dupont")


async def test_the_taps_of_before_a_restart_are_on_the_board(hub_folder: Path) -> None:
    async with opened(hub_folder) as hub:
        await hub.tap(100, Code.IN)
        await hub.tap(101, Code.OUT)
    async with opened(hub_folder) as again:
        assert [scan.pupil for scan in again.app.state.live.taps] == [101, 100]


async def test_who_is_in_is_counted_per_site_and_programme(hub: Hub, anne: Browser) -> None:
    await hub.tap(100, Code.IN)
    await hub.tap(101, Code.IN)
    page = (await anne.get("/")).text
    assert '<h3>Implantation du Parc</h3> <strong class="count">2</strong>' in page
    assert '<h3>Implantation de la Gare</h3> <strong class="count">0</strong>' in page
    names = (await anne.get("/present/20")).text
    assert "2 enfants présents" in names
    assert names.index("Dupont Hugo") < names.index("Dupont Léa")


async def test_an_unknown_badge_has_no_name_and_asks_for_a_look(hub: Hub, anne: Browser) -> None:
    ask = await hub.tap(0, Code.UNKNOWN)
    await hub.book(f.Unresolved(9, 9, ask, 0, 1, Code.UNKNOWN, Reason.NONE, hub.now_ms))
    page = (await anne.get("/")).text
    assert page.count("Badge inconnu") == 2
    assert "élève inconnu" in page


async def test_only_the_newest_questions_stand_on_the_board_and_the_rest_are_counted(hub: Hub, anne: Browser) -> None:
    for item in range(1, 26):
        await hub.book(f.Unresolved(8000 + item, item, item, 100, 1, Code.OUT, Reason.NO_EXIT, hub.now_ms + item))
    page = (await anne.get("/")).text
    assert page.count('class="question"') == 20
    assert 'id="question-25"' in page
    assert "et 5 plus anciens" in page
    assert '<span class="count">25</span>' in page


async def test_htmx_gets_the_block_alone_and_a_signed_out_page_is_told_to_reload(hub: Hub, anne: Browser, visitor: Browser) -> None:
    block = (await anne.get("/", **{"hx-request": "true"})).text
    assert "<html" not in block
    assert 'id="taps-title"' in block
    answer = await visitor.get("/", **{"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-refresh"]) == (401, "true")


async def test_an_empty_school_says_what_to_do_next(hub: Hub, anne: Browser) -> None:
    assert "Présentez un badge à un lecteur" in (await anne.get("/")).text


@pytest.mark.parametrize("path", ["/present/999", "/present/x", "/nothing", "/pupils/999", "/badges/999", "/pupils/-1"])
async def test_what_is_not_there_is_said_in_words(anne: Browser, path: str) -> None:
    answer = await anne.get(path)
    assert answer.status_code == 404
    assert "Il n’y a rien ici" in answer.text


async def test_a_defect_of_ours_shows_no_trace(hub: Hub, anne: Browser) -> None:
    hub.desk.books.unresolved[1] = None  # type: ignore[assignment]
    with pytest.raises(AttributeError):
        await anne.get("/")
    anne.http._transport.raise_app_exceptions = False  # type: ignore[attr-defined]
    answer = await anne.get("/")
    assert answer.status_code == 500
    assert "Quelque chose s’est mal passé" in answer.text
    assert "Traceback" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_every_answer_carries_the_security_headers(anne: Browser, visitor: Browser) -> None:
    for answer in (await anne.get("/"), await visitor.get("/"), await visitor.get("/nothing"), await visitor.get("/sign-in")):
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_static_files_may_be_kept_for_ever_under_their_version(anne: Browser) -> None:
    files = anne.hub.app.state.pages.files
    answer = await anne.get(f"/static/{files['office.css'].version}/office.css")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    assert (await anne.get("/static/000000000000/office.css")).status_code == 404


# --- the stream ----------------------------------------------------------------------------------


async def always() -> bool:
    return True


async def next_event(stream: AsyncIterator[str]) -> str:
    return await asyncio.wait_for(anext(stream), 2)


@pytest.fixture
async def live() -> Live:
    return Live("start")


async def test_a_stream_says_changed_after_a_commit(live: Live) -> None:
    stream = live.events("anne", live.version, always)
    assert (await next_event(stream)).startswith("retry:")
    waiting = asyncio.ensure_future(next_event(stream))
    await asyncio.sleep(0)
    live.heard(())
    assert await waiting == f"event: changed\nid: {live.version}\ndata:\n\n"


async def test_a_page_that_missed_something_is_told_at_once(live: Live) -> None:
    stream = live.events("anne", "start.old", always)
    await next_event(stream)
    assert "event: changed" in await next_event(stream)


async def test_a_rush_of_taps_is_one_push_per_breath(live: Live) -> None:
    stream = live.events("anne", live.version, always)
    await next_event(stream)
    for _ in range(200):
        live.heard(())
    assert "changed" in await next_event(stream)
    for _ in range(200):
        live.heard(())
    started = asyncio.get_running_loop().time()
    assert "changed" in await next_event(stream)
    assert asyncio.get_running_loop().time() - started >= live_room.BREATH_S * 0.9


async def test_a_stream_ends_when_its_web_session_is_signed_out(live: Live) -> None:
    stream = live.events("anne", live.version, always)
    other = live.events("bob", live.version, always)
    await next_event(stream)
    await next_event(other)
    waiting = asyncio.ensure_future(next_event(stream))
    await asyncio.sleep(0)
    live.hang_up("anne")
    assert "event: changed" in await waiting or "gone" in waiting.result()
    rest = [event async for event in stream]
    assert "event: gone\ndata:\n\n" in [waiting.result(), *rest]
    assert "changed" in await next_event(other)


async def test_a_quiet_stream_ticks_and_ends_with_an_expired_web_session(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_room, "TICK_S", 0.01)
    answers = iter([True, False])

    async def valid() -> bool:
        return next(answers)

    events = [event async for event in live.events("anne", live.version, valid)]
    assert [event.split("\n")[0] for event in events] == ["retry: 1000", "event: tick", "event: gone"]


async def test_there_is_a_limit_of_open_streams(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_room, "MAX_STREAMS", 1)
    stream = live.events("anne", live.version, always)
    await next_event(stream)
    assert live.is_full
    await stream.aclose()  # type: ignore[attr-defined]
    assert not live.is_full
