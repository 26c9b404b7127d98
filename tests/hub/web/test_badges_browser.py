"""Badges in a real browser: a tag is held at a reader and given while the page is open; cards, the list and a badge are looked at."""

import pytest
from playwright.async_api import Browser, expect

from hub.core.codes import Code
from proto.badge import badge_hash
from tests.hub.web.browsing import Complaints, looked_at, populate, sign_in
from tests.hub.web.conftest import KEY, Hub

pytestmark = pytest.mark.browser


async def test_a_tag_is_held_at_the_reader_and_given(hub: Hub, url: str, chromium: Browser) -> None:
    await populate(hub)
    hub.now_ms += 1000
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(locale="fr-BE"), complaints)
    await page.goto(f"{url}/badges")
    await looked_at(page, "badges", whole=False)
    await page.get_by_role("searchbox").fill("dupont lea")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="…PPGD").click()
    await looked_at(page, "badge")
    await page.get_by_role("button", name="Par un autre tag").click()
    await page.get_by_label("À quel lecteur").select_option("Porte de la garderie – Porte")
    await page.get_by_role("button", name="Attendre un tag").click()
    await expect(page.get_by_text("Présentez maintenant le nouveau tag")).to_be_visible()
    hub.now_ms += 1000
    await hub.tap(0, Code.UNKNOWN, badge=badge_hash(KEY, "EM:6F007B3972"))
    await expect(page.get_by_role("button", name="Donner ce tag à Léa Dupont")).to_be_visible()
    await looked_at(page, "give")
    await page.get_by_role("button", name="Donner ce tag à Léa Dupont").click()
    await expect(page.get_by_role("status").first).to_contain_text("Le badge est donné")
    await expect(page.get_by_role("link", name="Tag", exact=True)).to_be_visible()
    await page.goto(f"{url}/badges/print?group=5A")
    await looked_at(page, "cards")
    assert complaints.texts == []
