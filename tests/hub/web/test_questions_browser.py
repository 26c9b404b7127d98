"""A question of last week, in a real browser: a time that cannot be is refused on the question's own page, and put right there."""

from datetime import timedelta

import pytest
from playwright.async_api import Browser, expect

from tests.hub.web.browsing import Complaints, looked_at, sign_in
from tests.hub.web.conftest import MONDAY, Hub

pytestmark = pytest.mark.browser


async def test_a_forgotten_exit_is_answered_with_a_time(hub: Hub, url: str, chromium: Browser) -> None:
    await hub.hold(100, "15:35", MONDAY - timedelta(days=3))
    await hub.wait_until("16:05")
    (asked,) = hub.desk.books.unresolved.values()
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(locale="fr-BE"), complaints)
    await page.get_by_label("Parti à").fill("")
    await page.get_by_role("button", name="Noter").first.click()
    await expect(page).to_have_url(f"{url}/questions/{asked.item}")
    await expect(page.get_by_role("alert")).to_be_visible()
    await looked_at(page, "question")
    await page.get_by_label("Parti à").fill("17:20")
    await page.get_by_role("button", name="Noter").click()
    await expect(page.get_by_text("Votre correction")).to_contain_text("Léa Dupont")
    assert not hub.desk.books.unresolved
    assert [text for text in complaints.texts if "409" not in text] == [], "a browser writes the refusal in its console"
