"""A family's pages in a real browser: a parent is added, the other household pays every other week, a child leaves."""

import pytest
from playwright.async_api import Browser, expect

from tests.hub.web.browsing import Complaints, looked_at, sign_in
from tests.hub.web.conftest import Hub

pytestmark = pytest.mark.browser


async def test_separated_parents_pay_in_turn(hub: Hub, url: str, chromium: Browser) -> None:
    await hub.open_wallet()
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(locale="fr-BE"), complaints)
    await page.goto(f"{url}/families")
    await page.keyboard.type("lea")
    await page.get_by_role("link", name="Dupont-Lambert").click()
    await page.get_by_role("link", name="Ajouter un adulte").click()
    await page.get_by_label("Prénom").fill("Claire")
    await page.get_by_label("E-mail").fill("claire@example.be")
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_text("Claire Dupont-Lambert")).to_be_visible()
    await page.get_by_text("Ajouter un dossier familial").click()
    await looked_at(page, "family")
    await page.get_by_role("link", name="Qui paie ?").first.click()
    await page.get_by_label("Ménage").fill("Maes")
    await page.get_by_label("Semaines").select_option("even")
    await page.get_by_role("button", name="Ajouter la ligne").click()
    await expect(page.get_by_role("listitem").filter(has_text="28/09/2026")).to_contain_text("Maes")
    await looked_at(page, "payers")
    await page.get_by_role("link", name="Léa Dupont").first.click()
    await page.get_by_role("link", name="Quitte l’école").click()
    await page.get_by_label("Premier jour sans l’enfant").fill("2026-09-30")
    await page.get_by_role("button", name="Enregistrer le jour").click()
    await expect(page.get_by_text("Ne fait plus partie de l’école à partir du 30/09/2026")).to_be_visible()
    await looked_at(page, "leaving")
    assert complaints.texts == []
