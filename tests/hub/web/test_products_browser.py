"""Meals and articles in a real browser: a cook makes an article with its allergens, puts it right, and withdraws another."""

import pytest
from playwright.async_api import Browser, expect

from hub.core.menus import Allergen
from hub.core.school import Policy
from tests.hub.web.browsing import Complaints, looked_at, sign_in
from tests.hub.web.conftest import Hub
from tests.hub.web.test_products import called

pytestmark = pytest.mark.browser


async def test_an_article_is_made_and_put_right_and_another_is_withdrawn(hub: Hub, url: str, chromium: Browser) -> None:
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(locale="fr-BE"), complaints)
    await page.get_by_role("link", name="Cantine").click()
    await page.get_by_role("link", name="Repas et articles").click()
    await page.get_by_role("button", name="Ajouter un repas ou un article").click()
    await page.get_by_label("Implantation", exact=True).select_option("Implantation du Parc")
    await page.get_by_role("radio", name="Article").check()
    await page.get_by_label("Nom").fill("Gaufre de Liège")
    await page.get_by_label("Prix").fill("1,5O")
    await page.get_by_label("dessert").check()
    await page.get_by_text("Allergènes et régimes").click()
    await page.get_by_label("gluten").check()
    await page.get_by_label("lait").check()
    await page.get_by_label("Régimes auxquels il convient").fill("végétarien, sans porc")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("n’est pas un montant")
    await expect(page.get_by_label("lait")).to_be_checked()
    await looked_at(page, "product-new")
    await page.get_by_label("Prix").fill("1,50")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("row", name="Gaufre de Liège")).to_contain_text("gluten, lait")
    await page.get_by_role("link", name="Gaufre de Liège").click()
    await page.get_by_label("lait").uncheck()
    await page.get_by_label("Servi quand le portefeuille est vide").select_option("seulement s’il y reste assez d’argent")
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_role("status")).to_contain_text("Enregistré")
    made = called(hub, "Gaufre de Liège")
    assert (made.price_cents, made.policy, made.allergens) == (1_50, Policy.MUST_HAVE_FUNDS, frozenset({Allergen.GLUTEN}))
    assert made.diets == frozenset({"végétarien", "sans porc"})
    await page.get_by_role("link", name="Sandwich").click()
    await page.get_by_label("n’est plus vendu").check()
    await looked_at(page, "product")
    await page.get_by_role("button", name="Enregistrer").press("Enter")
    await expect(page.get_by_role("row").last).to_contain_text("n’est plus vendu")
    await looked_at(page, "products")
    assert called(hub, "Sandwich").withdrawn
    assert [text for text in complaints.texts if "409" not in text] == [], "a browser writes the refusal in its console"
