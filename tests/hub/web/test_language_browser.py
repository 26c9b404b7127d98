"""The longest words of four languages on the narrowest telephone: nothing sticks out at the side."""

import pytest
from playwright.async_api import Browser as Chromium
from playwright.async_api import expect

from tests.hub.web.browsing import SCREENS, Complaints, populate, sign_in
from tests.hub.web.conftest import Hub

pytestmark = pytest.mark.browser


async def test_the_board_and_a_pupil_fit_on_a_telephone_in_dutch_and_german(hub: Hub, url: str, chromium: Chromium) -> None:
    await populate(hub)
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(viewport={"width": 360, "height": 800}), complaints)
    for language, code, today in (("Nederlands", "nl", "Vandaag"), ("Deutsch", "de", "Heute")):
        await page.goto(f"{url}/")
        await page.get_by_role("button", name=language).click()
        await expect(page.locator("html")).to_have_attribute("lang", code)
        for path in ("/", "/pupils/100"):
            await page.goto(f"{url}{path}")
            assert today in await page.locator("nav").first.inner_text()
            await page.screenshot(path=SCREENS / f"{language}-{path.strip('/').replace('/', '-') or 'today'}-360.png", full_page=True)
            over = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert over <= 0, f"{path} in {language} is {over} px too wide"
    assert not complaints.texts
