"""The till on a slow or failing network, in a real browser: every press counts or is told, and no child gets another one's money."""

import asyncio

import pytest
from playwright.async_api import Browser, Page, Route, expect

from hub.core.codes import Code
from tests.hub.web.conftest import Hub
from tests.hub.web.test_network_browser import Fails, cut, first_block, is_live, keep_waiting, opened, refuse
from tests.hub.web.test_till_browser import TILL, set_out, tap

pytestmark = pytest.mark.browser

TOO_MANY = 14
"""Waffles, for the money that is there."""
GIVEN_UP_MS = 18_000
"""A request is given up after 15 s."""


@pytest.fixture
async def till(hub: Hub, url: str, chromium: Browser) -> Page:
    """An open till with nobody at it."""
    await set_out(hub)
    page = await opened(hub, url, chromium)
    await page.goto(url + TILL)
    await page.get_by_label("Contenu du tiroir").fill("50,00")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="En attente d’un badge")).to_be_visible()
    await is_live(page)
    return page


async def chosen(till: Page, name: str) -> None:
    """One of it is on the form."""
    await till.get_by_role("button", name=name).click()
    await expect(till.locator(".cart")).to_contain_text(f"1 × {name}")


class Slow:
    """Some requests that take their time: `begun` when one is under way, done when `go_on` is set."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()

    async def on(self, page: Page, glob: str) -> "Slow":
        await page.route(glob, self._later)
        return self

    async def _later(self, route: Route) -> None:
        self.begun.set()
        await self.go_on.wait()
        await route.continue_()


@pytest.mark.parametrize("fails", [cut, keep_waiting])
async def test_a_sale_that_did_not_go_out_is_told_and_sold_once(hub: Hub, till: Page, fails: Fails) -> None:
    await tap(hub, 100)
    await till.get_by_role("button", name="Sandwich").click()
    await till.clock.install()
    await till.route("**/sell", fails, times=1)
    async with till.expect_request("**/sell"):
        await till.get_by_role("button", name="Vendre").click()
    told = till.get_by_text("votre dernière action n’est pas passée")
    await till.clock.fast_forward(GIVEN_UP_MS)
    await expect(told).to_be_visible()
    await till.get_by_role("button", name="Vendre").click()
    await expect(till.locator(".acts li")).to_have_count(1)
    await expect(told).to_be_hidden()


async def test_cash_typed_for_one_child_is_not_there_for_the_next(hub: Hub, till: Page) -> None:
    await tap(hub, 100)
    await tap(hub, 102)
    await expect(till.get_by_role("heading", name="Léa Dupont")).to_be_visible()
    await till.get_by_text("Argent liquide").click()
    await till.get_by_label("Montant reçu").fill("20,00")
    await till.get_by_role("button", name="Suivant").click()
    await expect(till.get_by_role("heading", name="Noé Maes")).to_be_visible()
    await expect(till.get_by_label("Montant reçu")).to_have_value("")


async def test_cash_that_is_being_typed_stays_when_others_tap_and_something_is_sold(hub: Hub, till: Page) -> None:
    await tap(hub, 100)
    await till.get_by_text("Argent liquide").click()
    await till.get_by_label("Montant reçu").fill("20,00")
    await tap(hub, 102)
    await expect(till.locator("#queue li")).to_have_count(1)
    await expect(till.get_by_label("Montant reçu")).to_be_focused()
    await chosen(till, "Sandwich")
    await expect(till.get_by_label("Montant reçu")).to_have_value("20,00")


async def test_a_key_pressed_while_a_sale_is_under_way_does_not_bring_the_form_back(hub: Hub, till: Page) -> None:
    await tap(hub, 100)
    await chosen(till, "Gaufre")
    slow = await Slow().on(till, "**/sell")
    await till.get_by_role("button", name="Vendre").click()
    await slow.begun.wait()
    await till.get_by_role("button", name="Un de plus").press("Enter")  # a pointer does nothing meanwhile
    slow.go_on.set()
    await expect(till.locator(".acts li")).to_have_count(1)
    await expect(till.locator(".cart")).to_have_count(0)


async def test_a_refusal_is_told_though_next_was_pressed_at_once(hub: Hub, till: Page) -> None:
    await tap(hub, 100)
    await chosen(till, "Gaufre")
    for count in range(2, TOO_MANY):
        await till.get_by_role("button", name="Un de plus").click()
        await expect(till.locator(".cart")).to_contain_text(f"{count} × Gaufre")
    slow = await Slow().on(till, "**/sell")
    await till.get_by_role("button", name="Vendre").click()
    await slow.begun.wait()
    await till.get_by_role("button", name="Suivant").press("Enter")
    slow.go_on.set()
    await expect(till.locator(".problem[role=alert]:visible")).to_contain_text("pas assez")


@pytest.mark.parametrize(("second", "cart"), [("Sandwich", ["2 × Sandwich"]), ("Gaufre", ["1 × Sandwich", "1 × Gaufre"])])
async def test_two_quick_presses_are_two(hub: Hub, till: Page, second: str, cart: list[str]) -> None:
    await tap(hub, 100)
    await expect(till.get_by_role("heading", name="Léa Dupont")).to_be_visible()
    slow = await Slow().on(till, "**/main?*goods*")
    await till.get_by_role("button", name="Sandwich").click()
    await slow.begun.wait()
    await till.get_by_role("button", name=second).click()
    slow.go_on.set()
    await expect(till.locator(".cart li")).to_have_count(len(cart))
    for line in cart:
        await expect(till.locator(".cart")).to_contain_text(line)


async def test_who_is_served_does_not_wait_as_well(hub: Hub, till: Page) -> None:
    await tap(hub, 100)
    await tap(hub, 102)
    await chosen(till, "Gaufre")
    slow, asked = await Slow().on(till, "**/sell"), list[str]()
    await till.get_by_role("button", name="Vendre").click()
    await slow.begun.wait()
    await till.evaluate("document.addEventListener('changed', () => { window.rang = true; })")
    await hub.tap(0, Code.UNKNOWN)  # what has to be fetched then waits for the sale's answer
    while not await till.evaluate("window.rang"):
        pass
    before = await till.locator("#poll-held").get_attribute("hx-get")
    till.on("request", lambda request: asked.append(request.url))
    slow.go_on.set()
    await expect(till.get_by_role("heading", name="Noé Maes")).to_be_visible()
    async with till.expect_response(lambda answer: answer.ok and TILL in answer.url):
        await hub.tap(0, Code.UNKNOWN)
    await expect(till.locator("#queue")).to_contain_text("Personne")
    assert before is not None
    assert not [url for url in asked if url.endswith(before)], "asked who waits beside the one who was served before"


async def test_whoever_was_answered_alone_leaves_the_page_after_two_minutes(hub: Hub, url: str, till: Page) -> None:
    await till.clock.install()
    await till.goto(url + TILL)
    await is_live(till)
    await hub.tap(101, Code.MEAL, device="caisse-parc")
    await expect(till.get_by_role("heading", name="Hugo Dupont")).to_be_visible()
    hub.now_ms += 130_000
    await till.clock.run_for(130_000)
    await expect(till.get_by_role("heading", name="En attente d’un badge")).to_be_visible()


@pytest.mark.parametrize("fails", [refuse, cut])
async def test_a_face_whose_fetch_failed_is_shown_a_moment_later(hub: Hub, till: Page, fails: Fails) -> None:
    once, failed = first_block(fails)
    await till.route("**/*", once)
    await tap(hub, 100)
    await failed.wait()
    await expect(till.get_by_role("heading", name="Léa Dupont")).to_be_visible()
    await is_live(till)
