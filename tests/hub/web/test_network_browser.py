"""Live pages on a bad network, in a real browser: what is stale says so and comes back by itself, and nothing is lost without a word."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from playwright.async_api import Browser, Page, Route, expect

from hub.core.codes import Code
from hub.core.school import School
from hub.web import setup
from hub.web.live import MAX_STREAMS
from hub.web.session import Visit
from tests.hub.web import test_canteen_browser as canteen
from tests.hub.web.browsing import Complaints, served, sign_in
from tests.hub.web.conftest import Hub

pytestmark = pytest.mark.browser

SOON_MS = 12_000
"""A first stream is given up after 5 s, and asked for again after 2."""
HIDING = """let hidden = location.search.includes("hidden");
Object.defineProperty(document, "hidden", {get: () => hidden});
window.hide = on => { hidden = on; document.dispatchEvent(new Event("visibilitychange")); };"""
"""A browser without a screen hides no page: this says that it does."""


Fails = Callable[[Route], Awaitable[None]]
"""What is done with a request."""


async def opened(hub: Hub, url: str, chromium: Browser) -> Page:
    """An empty page of somebody who is signed in."""
    context = await chromium.new_context(locale="fr-BE")
    await (await sign_in(hub, url, context, Complaints())).close()
    return await context.new_page()


async def is_live(page: Page) -> None:
    await expect(page.get_by_text("En direct", exact=True)).to_be_visible(timeout=SOON_MS)


async def is_lost(page: Page) -> None:
    await expect(page.get_by_text("Connexion perdue").first).to_be_visible(timeout=SOON_MS)


async def refuse(route: Route) -> None:
    await route.fulfill(status=503, body="<main><h1>Complet</h1></main>", content_type="text/html")


async def cut(route: Route) -> None:
    await route.abort()


async def keep_waiting(_route: Route) -> None:
    """Neither answered nor refused."""


def first_block(fails: Fails) -> tuple[Fails, asyncio.Event]:
    """What makes the first fetch of a block fail, and what says that it did; streams and pages pass."""
    failed = asyncio.Event()

    async def once(route: Route) -> None:
        is_block = route.request.headers.get("hx-request") == "true" and "/events" not in route.request.url
        if failed.is_set() or not is_block:
            await route.continue_()
            return
        failed.set()
        await fails(route)

    return once, failed


@pytest.mark.parametrize("fails", [refuse, cut, keep_waiting])
async def test_a_page_whose_first_stream_fails_says_so_and_becomes_live(hub: Hub, url: str, chromium: Browser, fails: Fails) -> None:
    page = await opened(hub, url, chromium)
    await page.route("**/board/events*", fails, times=1)
    await page.goto(f"{url}/present/20")
    await is_lost(page)
    await is_live(page)
    await hub.tap(101, Code.IN)
    await expect(page.get_by_text("Dupont Hugo")).to_be_visible()


async def test_where_too_many_pages_are_open_a_further_one_says_that_it_is_not_live(hub: Hub, url: str, chromium: Browser) -> None:
    page, live = await opened(hub, url, chromium), hub.app.state.live
    live._open["others"] = MAX_STREAMS
    await page.goto(url)
    await is_lost(page)
    del live._open["others"]
    await is_live(page)


async def test_a_stream_that_hangs_is_opened_anew(hub: Hub, url: str, chromium: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """A router that forgot the connection: nothing comes any more, and nobody is told."""
    page, live = await opened(hub, url, chromium), hub.app.state.live
    await page.clock.install()
    real = live.events

    async def hangs(*_asked: object) -> AsyncIterator[str]:
        monkeypatch.setattr(live, "events", real)
        yield "retry: 1000\n\n"
        await asyncio.Event().wait()

    monkeypatch.setattr(live, "events", hangs)
    await page.goto(f"{url}/present/20")
    await is_live(page)
    await hub.tap(101, Code.IN)
    await page.clock.fast_forward(16_000)
    await expect(page.get_by_text("Dupont Hugo")).to_be_visible()
    await is_live(page)


async def test_a_hub_that_was_away_for_long_is_found_again_within_seconds(hub: Hub, chromium: Browser) -> None:
    async with served(hub) as port:
        page = await opened(hub, f"http://127.0.0.1:{port}", chromium)
        await page.clock.install()
        await page.goto(f"http://127.0.0.1:{port}/present/20")
        await is_live(page)
    await is_lost(page)
    asked = list[str]()
    page.on("request", lambda request: asked.append(request.url))
    for _ in range(60):
        await page.clock.run_for(1000)
    assert len(asked) > 10, "asked ever more rarely, up to a minute apart"
    await hub.tap(101, Code.IN)
    async with served(hub, port):
        await is_live(page)
        await expect(page.get_by_text("Dupont Hugo")).to_be_visible()


async def test_a_session_that_ended_while_the_hub_was_away_leads_to_the_sign_in(hub: Hub, chromium: Browser) -> None:
    async with served(hub) as port:
        page = await opened(hub, f"http://127.0.0.1:{port}", chromium)
        await page.goto(f"http://127.0.0.1:{port}/present/20")
        await is_live(page)
    await is_lost(page)
    hub.now_ms += 3 * 3_600_000
    async with served(hub, port):
        await expect(page.get_by_label("Identifiant")).to_be_visible(timeout=SOON_MS)


@pytest.mark.parametrize("fails", [refuse, cut])
@pytest.mark.parametrize("path", ["/", "/present/20", "/evacuation/1"])
async def test_a_block_that_could_not_be_fetched_stays_says_so_and_is_fetched_again(
    hub: Hub, url: str, chromium: Browser, path: str, fails: Fails
) -> None:
    page = await opened(hub, url, chromium)
    await hub.hold(100, "15:35")
    await page.goto(url + path)
    await is_live(page)
    once, failed = first_block(fails)
    await page.route("**/*", once)
    await hub.hold(101, "16:01")
    await asyncio.wait_for(failed.wait(), SOON_MS / 1000)
    await is_lost(page)
    await expect(page.get_by_text("Léa").first).to_be_visible()
    await expect(page.get_by_text("Hugo").first).to_be_visible()
    await is_live(page)


async def test_a_search_that_did_not_get_through_is_told_until_one_does(hub: Hub, url: str, chromium: Browser) -> None:
    page = await opened(hub, url, chromium)
    await page.goto(f"{url}/pupils")
    search, told = page.get_by_role("searchbox"), page.get_by_text("votre dernière action n’est pas passée")
    await search.fill("Maes")
    await expect(page.locator("#found tbody tr")).to_have_count(1)
    await expect(told).to_be_hidden()
    await page.route("**/pupils?*", cut, times=1)
    await search.fill("Hugo")  # what is shown is still Noé Maes
    await expect(told).to_be_visible()
    await search.fill("Dupont")
    await expect(page.locator("#found tbody tr")).to_have_count(2)
    await expect(told).to_be_hidden()


async def test_a_page_without_its_scripts_says_that_it_is_not_live(hub: Hub, url: str, chromium: Browser) -> None:
    page = await opened(hub, url, chromium)
    await page.route("**/office.*.js", cut)
    await page.route("**/office.js*", cut)
    await page.goto(f"{url}/present/20")
    await expect(page.get_by_text("Connexion perdue").first).to_be_hidden()
    await page.evaluate("document.getAnimations().forEach(late => late.finish())")
    await is_lost(page)


async def test_pages_in_the_background_leave_connections_to_the_one_in_front(hub: Hub, url: str, chromium: Browser) -> None:
    """A browser has six to a server; a seventh page would wait for ever."""
    front, live = await opened(hub, url, chromium), hub.app.state.live
    await front.context.add_init_script(HIDING)
    behind = [await front.context.new_page() for _ in range(6)]
    for page in behind:
        await page.goto(f"{url}/present/20?hidden")
    await front.goto(f"{url}/present/20")
    await is_live(front)
    await behind[0].evaluate("hide(false)")
    await is_live(behind[0])
    await hub.tap(101, Code.IN)
    await expect(behind[0].get_by_text("Dupont Hugo")).to_be_visible()
    assert live._open.total() == 2


async def test_the_set_up_guide_knows_a_scan_that_came_while_it_was_drawn(
    hub: Hub, url: str, chromium: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, loop = await opened(hub, url, chromium), asyncio.get_running_loop()
    taps = itertools.chain([lambda: hub.tap(101, Code.IN)], itertools.repeat(None))
    made = setup._badgeless

    def unlucky(visit: Visit, school: School) -> object:
        tap = next(taps)
        if tap is not None:
            asyncio.run_coroutine_threadsafe(tap(), loop).result()
        return made(visit, school)

    monkeypatch.setattr(setup, "_badgeless", unlucky)
    await page.goto(f"{url}/setup")
    await expect(page.get_by_text("Un badge a été lu").or_(page.locator("#heard .done")).first).to_be_visible()


async def at_the_kiosk(hub: Hub, url: str, chromium: Browser) -> Page:
    await canteen.set_out(hub)
    page = await sign_in(hub, url, await chromium.new_context(), Complaints())
    await page.goto(f"{url}/till")
    await page.get_by_role("button", name="Démarrer ici la borne").click()
    await expect(page.get_by_role("heading", name="Présente ton badge ici")).to_be_visible()
    return page


async def test_two_dishes_touched_quickly_are_both_ordered(hub: Hub, url: str, chromium: Browser) -> None:
    page = await at_the_kiosk(hub, url, chromium)
    await canteen.tap(hub, 100)
    await expect(page.get_by_role("heading", name="Léa")).to_be_visible()
    first, second = (page.locator(".day").nth(day).get_by_role("button").first for day in (3, 4))
    under_way, go_on = asyncio.Event(), asyncio.Event()

    async def slow(route: Route) -> None:
        answer = await route.fetch(max_redirects=0)
        under_way.set()
        await go_on.wait()
        await route.fulfill(response=answer)

    await page.route("**/choose", slow, times=1)
    await first.click()
    await under_way.wait()
    await second.click()
    go_on.set()
    await expect(second).to_have_attribute("aria-pressed", "true")
    await expect(first).to_have_attribute("aria-pressed", "true")
    assert len(hub.desk.books.meals) == 2


async def test_a_dish_touched_twice_is_ordered_once(hub: Hub, url: str, chromium: Browser) -> None:
    page = await at_the_kiosk(hub, url, chromium)
    await canteen.tap(hub, 100)
    await expect(page.get_by_role("heading", name="Léa")).to_be_visible()
    dish = page.locator(".day").nth(3).get_by_role("button").first
    await dish.dblclick()
    await expect(dish).to_have_attribute("aria-pressed", "true")
    assert len(hub.desk.books.meals) == 1


async def test_a_kiosk_whose_hub_is_away_sends_children_to_an_adult_and_comes_back(hub: Hub, chromium: Browser) -> None:
    async with served(hub) as port:
        page = await at_the_kiosk(hub, f"http://127.0.0.1:{port}", chromium)
        await expect(page.get_by_text("Demande à un adulte")).to_be_hidden()
    await expect(page.get_by_text("Demande à un adulte")).to_be_visible()
    await expect(page.get_by_text("Présente ton badge ici")).to_be_hidden()
    async with served(hub, port):
        await expect(page.get_by_text("Demande à un adulte")).to_be_hidden(timeout=SOON_MS)
        await canteen.tap(hub, 100)
        await expect(page.get_by_role("heading", name="Léa")).to_be_visible()


async def test_a_kiosk_whose_first_stream_fails_greets_the_next_child(hub: Hub, url: str, chromium: Browser) -> None:
    page = await at_the_kiosk(hub, url, chromium)
    await page.route("**/events*", cut, times=1)
    await page.reload()
    await expect(page.get_by_text("Demande à un adulte")).to_be_visible()
    await canteen.tap(hub, 100)
    await expect(page.get_by_role("heading", name="Léa")).to_be_visible(timeout=SOON_MS)
