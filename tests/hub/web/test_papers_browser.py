"""A child's page in a real browser: a new child is written down, photographed, and a parent is told why a price is what it is."""

import pytest
from playwright.async_api import Browser, FilePayload, expect

from tests.hub.test_papers import picture
from tests.hub.web.browsing import Complaints, looked_at, sign_in
from tests.hub.web.conftest import Hub

pytestmark = pytest.mark.browser


async def test_a_child_is_written_down_and_its_price_explained(hub: Hub, url: str, chromium: Browser) -> None:
    await hub.open_wallet()
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(locale="fr-BE"), complaints)
    await page.goto(f"{url}/pupils/new")
    await page.get_by_label("Prénom").fill("Zoé")
    await page.get_by_label("Nom", exact=True).fill("Maes")
    await page.get_by_label("Implantation").select_option("Implantation du Parc")
    await page.get_by_label("Ménage").fill("Maes")
    await page.get_by_role("button", name="Enregistrer").click()
    await page.get_by_label("Noé Maes").check()
    await looked_at(page, "enrolment")
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_role("status")).to_contain_text("Enregistré")
    await page.goto(f"{url}/pupils/100/papers")
    photo = FilePayload(name="l.jpg", mimeType="image/jpeg", buffer=picture(600, 800))
    await page.get_by_label("Une photo du visage").set_input_files(photo)
    await page.get_by_role("button", name="Enregistrer la photo").click()
    await expect(page.get_by_role("img", name="Photo de Léa Dupont")).to_be_visible()
    await page.get_by_role("link", name="Pourquoi ce prix ?").click()
    await expect(page.get_by_text("Périodes entamées de 30 minutes")).to_be_visible()
    await looked_at(page, "pupil")
    await page.goto(f"{url}/pupils/100/papers")
    await looked_at(page, "papers")
    assert [text for text in complaints.texts if "409" not in text] == [], "but the question which household"
