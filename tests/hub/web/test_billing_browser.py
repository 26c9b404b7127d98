"""Billing in a real browser: a run is looked at, started and followed; then a family's statement is opened."""

from dataclasses import replace

import pytest
from playwright.async_api import Browser, expect

from hub.core.ledger import wallet_account
from tests.hub.web.browsing import Complaints, looked_at, sign_in
from tests.hub.web.conftest import Hub
from tests.hub.web.test_billing import gather, left_open

pytestmark = pytest.mark.browser


async def test_a_week_is_settled_and_a_familys_statement_is_opened(hub: Hub, url: str, chromium: Browser) -> None:
    await gather(hub, 40)
    await left_open(hub)
    await hub.desk.edit(7_005, lambda school: (replace(school.sites[1], iban="BE68539007547034", holder="École du Parc ASBL"),))
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(), complaints)
    await page.goto(f"{url}/billing")
    await looked_at(page, "billing")
    await page.get_by_role("button", name="Voir la prochaine facturation").focus()
    await page.keyboard.press("Enter")
    await looked_at(page, "billing-preview", whole=False)
    await page.get_by_role("button", name="Facturer 40 prestations").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("La facturation est faite")).to_be_visible()
    await looked_at(page, "billing-run", whole=False)
    assert hub.desk.books.balance_cents(wallet_account(4_000)) == -1_50
    await page.get_by_role("button", name="Faire les décomptes").click()
    await page.get_by_label("À partir du mois").select_option("2026-09")
    await page.get_by_label("Ménage ou enfant").fill("famille 7")
    await page.keyboard.press("Enter")
    await looked_at(page, "statements")
    await page.get_by_role("link", name="Famille 7").click()
    await expect(page.get_by_text("Communication structurée")).to_be_visible()
    await looked_at(page, "statement")
    assert complaints.texts == []
