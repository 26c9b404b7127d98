"""Today and the evacuation list in a real browser: a day's questions settled, and a list that goes on when the hub is gone."""

import asyncio

import pytest
from playwright.async_api import Browser, Page, Route, expect
from sqlalchemy import update

from hub.core import facts as f
from hub.core.codes import Code, Reason
from hub.core.school import Adult
from hub.core.timetable import Plan
from hub.tables import web_session
from tests.hub.web.browsing import WITHIN_MS, Complaints, looked_at, populate, served, sign_in
from tests.hub.web.conftest import MONDAY, PASSWORD, Hub

pytestmark = pytest.mark.browser


async def afternoon(hub: Hub) -> None:
    """A full house, a forgotten exit of last week, somebody expected, somebody who can be called."""
    await populate(hub)
    plans = [Plan(7000 + n, 2000 + n, 20, MONDAY) for n in range(0, 40, 2)]
    await hub.desk.edit(96, lambda _school: (*plans, Adult(1, 10, "Marie", "Dupont", phone="0470 12 34 56")))
    await hub.hold(100, "15:35")
    await hub.book(f.Unresolved(97, 3, 97, 0, 1, Code.UNKNOWN, Reason.NONE, hub.now_ms))


async def lists_are_kept(page: Page, name: str = "") -> None:
    """The lists of both sites are fetched, one of them with this name."""
    async with asyncio.timeout(WITHIN_MS / 1000):
        while await page.evaluate("sessionStorage.length") < 2 or name not in await page.evaluate("Object.values(sessionStorage).join()"):
            pass


async def test_a_question_is_settled_on_one_board_and_gone_from_the_other(hub: Hub, url: str, chromium: Browser) -> None:
    complaints = Complaints()
    await hub.hold(100, "15:35")
    await hub.wait_until("18:06")
    context = await chromium.new_context(locale="fr-BE")
    other = await sign_in(hub, url, context, complaints)
    page = complaints.watch(await context.new_page())
    await page.goto(url)
    await expect(page.get_by_text("En direct", exact=True)).to_be_visible()
    clock = page.get_by_label("Parti à")
    await clock.fill("17:25")
    await hub.hold(101, "16:10")  # a tap meanwhile redraws the board, and keeps what is being typed
    await expect(page.get_by_role("button", name="Encore là")).to_have_count(2)
    await expect(clock.last).to_have_value("18:00")
    await expect(clock.first).to_have_value("17:25")
    await page.get_by_role("button", name="Noter").first.click()
    await expect(page.get_by_text("Votre correction")).to_contain_text("Léa Dupont")
    await expect(other.get_by_role("button", name="Encore là")).to_have_count(1)
    await page.get_by_role("button", name="Annuler").click()
    await expect(other.get_by_role("button", name="Encore là")).to_have_count(2)
    assert complaints.texts == []


@pytest.mark.parametrize("script", ["hx-sse-", "office."])
async def test_a_board_is_live_also_when_one_of_its_scripts_comes_late(hub: Hub, url: str, chromium: Browser, script: str) -> None:
    """htmx that is ready between two scripts looks at the page before it knows what a stream is, and the board would never be live."""
    context = await chromium.new_context(locale="fr-BE")
    await sign_in(hub, url, context, Complaints())
    page = await context.new_page()

    async def late(route: Route) -> None:
        while not await page.evaluate("'htmx' in window"):
            pass
        await page.evaluate("() => new Promise(done => setTimeout(done, 50))")  # what htmx put off until later has happened
        await route.continue_()

    await page.route(f"**/{script}*.js", late)
    await page.goto(url)
    await expect(page.get_by_text("En direct", exact=True)).to_be_visible(timeout=2500)  # less than a tick
    await hub.tap(101, Code.IN)
    await expect(page.get_by_role("link", name="Hugo Dupont").first).to_be_visible(timeout=2500)


async def test_what_was_opened_on_today_stays_open_when_somebody_taps(hub: Hub, url: str, chromium: Browser) -> None:
    await hub.hold(100, "15:35")
    page = await sign_in(hub, url, await chromium.new_context(locale="fr-BE"), Complaints())
    await expect(page.get_by_text("En direct", exact=True)).to_be_visible()
    await page.get_by_text("Classe par classe").first.click()
    await hub.hold(101, "16:10")
    await expect(page.locator("#classes-1 tbody tr")).to_have_count(2)
    await expect(page.locator("#classes-1 tbody tr").first).to_be_visible()


async def test_the_list_is_ticked_and_outlives_the_hub(hub: Hub, chromium: Browser) -> None:
    await afternoon(hub)
    complaints = Complaints()
    async with served(hub) as port:
        page = await sign_in(hub, f"http://127.0.0.1:{port}", await chromium.new_context(locale="fr-BE"), complaints)
        await expect(page.get_by_text("En direct", exact=True)).to_be_visible()
        await lists_are_kept(page)
        await page.get_by_role("button", name="Liste d’évacuation").last.click()
        await expect(page.get_by_text("En direct", exact=True)).to_be_visible()
        await page.get_by_label("Dupont Léa").check()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Space")
        await expect(page.locator("[data-found]")).to_have_text("2")
        await hub.hold(101, "16:20")  # a child comes: the list is drawn anew, and the ticks stay
        await expect(page.get_by_label("Dupont Hugo")).to_be_visible()
        await expect(page.locator("[data-found]")).to_have_text("2")
        await looked_at(page, "evacuation")
        assert complaints.texts == []
    await expect(page.get_by_text("Cette liste reste telle quelle")).to_be_visible()
    await page.get_by_label("Dupont Hugo").check()
    await expect(page.locator("[data-found]")).to_have_text("3")


async def test_one_tap_on_today_shows_the_last_list_when_the_hub_is_gone(hub: Hub, chromium: Browser) -> None:
    await hub.hold(100, "15:35")
    async with served(hub) as port:
        page = await sign_in(hub, f"http://127.0.0.1:{port}", await chromium.new_context(locale="fr-BE"), Complaints())
        await lists_are_kept(page)
    await page.get_by_role("button", name="Liste d’évacuation").last.click()
    await expect(page.get_by_role("alert")).to_contain_text(
        "la dernière liste que cette page a reçue : Implantation du Parc, 21/09/2026 16:02:00"
    )
    await page.get_by_label("Dupont Léa").check()
    await expect(page.locator("[data-found]")).to_have_text("1")
    await page.locator("[data-again]").click()  # the hub is away still: the list stays, with its ticks
    await expect(page.locator("[data-again][aria-busy]")).to_have_count(0)
    await expect(page.get_by_label("Dupont Léa")).to_be_checked()
    page.once("dialog", lambda question: question.dismiss())
    await page.locator("[data-untick]").click()
    await expect(page.locator("[data-found]")).to_have_text("1")
    page.once("dialog", lambda question: question.accept())
    await page.locator("[data-untick]").click()
    await expect(page.locator("[data-found]")).to_have_text("0")


async def test_the_way_to_today_shows_the_last_list_from_any_page_when_the_hub_is_gone(hub: Hub, chromium: Browser) -> None:
    await hub.hold(100, "15:35")
    async with served(hub) as port:
        page = await sign_in(hub, f"http://127.0.0.1:{port}", await chromium.new_context(locale="fr-BE"), Complaints())
        await lists_are_kept(page)
        await page.clock.install()
        await page.clock.fast_forward(61_000)
        await hub.hold(101, "16:01")
        await page.get_by_role("link", name="Élèves").click()  # a page that is opened brings the lists up to date
        await lists_are_kept(page, "Hugo")
        await page.get_by_role("link", name="Aujourd’hui").click()
        await expect(page.get_by_text("En direct", exact=True)).to_be_visible()
        await page.get_by_role("link", name="Élèves").click()
        await expect(page.get_by_role("searchbox")).to_be_focused()
    await page.get_by_role("link", name="Aujourd’hui").click()
    await expect(page.get_by_role("alert")).to_contain_text("Le serveur ne répond pas")
    await page.get_by_role("link", name="Implantation du Parc").click()
    await page.get_by_label("Dupont Hugo").check()
    await expect(page.locator("[data-found]")).to_have_text("1")
    await page.clock.fast_forward(7_200_000)
    await page.get_by_role("link", name="Préau").click()
    await expect(page.get_by_role("alert")).to_have_count(0)  # longer than a browser left alone stays signed in: the browser's own error


async def test_a_shared_device_keeps_no_numbers_and_nothing_behind_a_sign_out(hub: Hub, url: str, chromium: Browser) -> None:
    await afternoon(hub)
    page = await sign_in(hub, url, await chromium.new_context(locale="fr-BE"), Complaints())
    await lists_are_kept(page)
    assert "0470" in await page.evaluate("Object.values(sessionStorage).join()")
    await page.get_by_role("button", name="Se déconnecter").click()
    await expect(page.get_by_label("Identifiant")).to_be_visible()
    assert await page.evaluate("sessionStorage.length") == 0
    await page.get_by_label("Identifiant").fill("anne")
    await page.get_by_label("Mot de passe").fill(PASSWORD)
    await page.get_by_label("Plusieurs personnes").check()
    await page.get_by_role("button", name="Se connecter").click()
    await hub.register.changed(update(web_session).values(pin_ms=hub.now_ms))
    await page.goto(f"{url}/evacuation/1")
    await expect(page.get_by_text("0470 12 34 56")).to_be_visible()
    await page.goto(url)
    await lists_are_kept(page)
    assert "0470" not in await page.evaluate("Object.values(sessionStorage).join()")
