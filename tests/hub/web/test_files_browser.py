"""A family file that came late, in a real browser: the bursar checks it, asks why a price was what it was, and corrects the charges."""

import pytest
from playwright.async_api import Browser, expect

from tests.hub.web.browsing import Complaints, looked_at, sign_in
from tests.hub.web.conftest import Hub
from tests.hub.web.test_files import family_cents, lived

pytestmark = pytest.mark.browser


async def test_a_file_that_came_late_brings_money_back(hub: Hub, url: str, chromium: Browser) -> None:
    await lived(hub)
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(locale="fr-BE"), complaints)
    await page.goto(f"{url}/families/10")
    await page.get_by_role("link", name="Corriger, et voir ce qui change").click()
    await page.get_by_label("Tranche").fill("5")
    await page.get_by_role("button", name="Montrer ce qu’il change").press("Enter")
    await expect(page.get_by_role("row").nth(1)).to_contain_text("1,50")
    await looked_at(page, "file")
    await page.get_by_role("link", name="3,00").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Pourquoi ce prix")
    await looked_at(page, "why")
    await page.go_back()
    await page.get_by_role("button", name="Enregistrer et corriger 2 prestations").press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("2 prestations ont été corrigées")
    assert family_cents(hub) == -2_00, "half of it came back"
    assert complaints.texts == []
