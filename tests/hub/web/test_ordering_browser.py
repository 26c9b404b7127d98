"""How meals are ordered, in a real browser: a head lets families order until the evening before, and makes the unordered meal dearer."""

import pytest
from playwright.async_api import Browser, expect

from tests.hub.web.browsing import Complaints, looked_at, sign_in
from tests.hub.web.conftest import Hub

pytestmark = pytest.mark.browser


async def test_the_last_hour_of_orders_is_moved(hub: Hub, url: str, chromium: Browser) -> None:
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(locale="fr-BE"), complaints)
    await page.goto(f"{url}/sites/1")
    await page.get_by_role("link", name="Comment les repas se commandent").click()
    await page.get_by_label("Jusqu’à combien de jours ouvrables avant").fill("99")
    await page.get_by_label("et jusqu’à quelle heure").fill("18:30")
    await page.get_by_label("Un repas").select_option("peut l’avoir, et paie plus")
    await page.get_by_label("supplément").first.fill("0,50")
    await page.get_by_role("button", name="Enregistrer").press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("au plus")
    await looked_at(page, "ordering")
    await page.get_by_label("Jusqu’à combien de jours ouvrables avant").fill("1")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("Enregistré")
    rules = hub.desk.school.canteen(1)
    assert (rules.days_before, rules.cut_off_min, rules.walk_up_cents) == (1, 18 * 60 + 30, 50)
    assert [text for text in complaints.texts if "409" not in text] == [], "a browser writes the refusal in its console"
