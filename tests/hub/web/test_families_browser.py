"""A family's pages in a real browser: separated parents pay in turn, one child leaves, another moves to a new household."""

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
    await looked_at(page, "families")
    await page.keyboard.type("lea")
    await page.get_by_role("link", name="Dupont-Lambert").click()
    await page.get_by_role("link", name="Ajouter un adulte").click()
    await page.get_by_label("Prénom").fill("Claire")
    await page.get_by_label("E-mail").fill("claire@example.be")
    await looked_at(page, "adult")
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


async def test_a_household_moves_in_and_a_child_moves_to_it(hub: Hub, url: str, chromium: Browser) -> None:
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(locale="fr-BE"), complaints)
    await page.goto(f"{url}/families")
    await page.get_by_role("button", name="Ajouter un ménage").click()
    await page.get_by_label("Nom du ménage").fill("Renard")
    await page.get_by_label("Numéro dans l’autre logiciel").fill("85.07.30-033.28")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_be_visible()
    await looked_at(page, "household-new")
    await page.get_by_label("Numéro dans l’autre logiciel").fill("R-12")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="Modifier le nom et l’adresse").click()
    await page.get_by_label("Adresse").fill("Rue Haute 12, 4000 Liège")
    await looked_at(page, "household")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Rue Haute 12")
    await page.goto(f"{url}/pupils/102")
    await page.get_by_role("link", name="Modifier les données").click()
    await page.get_by_label("Classe").fill("6B")
    await page.get_by_label("Ménage").fill("Renard")
    await page.get_by_role("button", name="Enregistrer").click()
    await page.get_by_label("Renard aucun enfant").check()
    await looked_at(page, "pupil-edit")
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("6B")
    moved = hub.desk.school.pupils[102]
    assert (hub.desk.school.households[moved.household].name, moved.group) == ("Renard", "6B")
    assert [text for text in complaints.texts if "409" not in text] == [], "a browser writes the refusal in its console"
