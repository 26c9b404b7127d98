"""Custody that was entered late, in a real browser: what the wrong household was charged is looked at, and moved."""

import pytest
from playwright.async_api import Browser, expect

from tests.hub.web.browsing import Complaints, looked_at, sign_in
from tests.hub.web.conftest import Hub
from tests.hub.web.test_repaying import cents_of, lived

pytestmark = pytest.mark.browser


async def test_the_other_household_turns_out_to_pay(hub: Hub, url: str, chromium: Browser) -> None:
    await lived(hub)
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(locale="fr-BE"), complaints)
    await page.goto(f"{url}/pupils/100/payers")
    await page.get_by_label("Ménage").fill("Maes")
    await page.get_by_label("À partir du").fill("2026-09-21")
    await page.get_by_role("button", name="Ajouter la ligne").click()
    await page.get_by_role("link", name="Qui a été facturé").click()
    await expect(page.get_by_role("row").nth(1)).to_contain_text("0,75")
    await looked_at(page, "charged")
    await page.get_by_role("button", name="Corriger 1 prestation").press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("1 prestation a été corrigée")
    assert (cents_of(hub, 10), cents_of(hub, 11)) == (-2_25, -75)
    assert complaints.texts == []
