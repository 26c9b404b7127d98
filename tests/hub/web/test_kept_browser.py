"""A secretary whose session ends while she types, in a real browser: with JavaScript, and without it."""

import pytest
from playwright.async_api import Browser, Page, expect

from hub.web.session import IDLE_MS
from tests.hub.web.browsing import Complaints, looked_at, sign_in
from tests.hub.web.conftest import PASSWORD, Hub

pytestmark = pytest.mark.browser


async def type_a_site(page: Page, url: str) -> None:
    """Of every kind of field one."""
    await page.goto(f"{url}/pupils/100/edit")
    await page.get_by_label("Prénom").fill('Léa "Lili" <3')
    await page.get_by_label("Date de naissance").fill("2015-04-03")
    await page.get_by_label("Implantation").select_option(label="Implantation de la Gare")


async def sign_in_in_place(page: Page) -> None:
    await expect(page.get_by_role("alert")).to_contain_text("rien n’a été envoyé")
    await page.get_by_label("Identifiant").fill("anne")
    await page.get_by_label("Mot de passe").fill(PASSWORD)
    await page.get_by_role("button", name="Se connecter").click()
    await expect(page.get_by_role("alert")).to_contain_text("n’a pas encore été envoyé")


@pytest.mark.parametrize("script", [True, False])
async def test_what_was_typed_comes_back_and_is_sent_by_hand(hub: Hub, url: str, chromium: Browser, script: bool) -> None:
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(java_script_enabled=script), complaints)
    await type_a_site(page, url)
    hub.now_ms += IDLE_MS + 1
    await page.get_by_role("button", name="Enregistrer").click()
    if script:
        await looked_at(page, "signed-out")
    await sign_in_in_place(page)
    if script:
        await looked_at(page, "kept")
    await expect(page.get_by_label("Prénom")).to_have_value('Léa "Lili" <3')
    await expect(page.get_by_label("Date de naissance")).to_have_value("2015-04-03")
    await expect(page.get_by_label("Implantation")).to_have_value("2")
    assert hub.desk.school.pupils[100].first_name == "Léa"
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_role("status")).to_be_visible()
    assert hub.desk.school.pupils[100].first_name == 'Léa "Lili" <3'
    assert [text for text in complaints.texts if "401" not in text] == []


async def test_a_colleague_who_signs_in_there_finds_nothing_of_it(hub: Hub, url: str, chromium: Browser) -> None:
    hashed = await hub.app.state.passwords.hash(PASSWORD)
    page = await sign_in(hub, url, await chromium.new_context(), Complaints())
    await hub.accounts.add_staff(77, "berthe", "Berthe", hashed)
    await type_a_site(page, url)
    other = await page.context.new_page()
    await other.goto(f"{url}/pupils")
    await other.get_by_role("button", name="Se déconnecter").click()
    await page.get_by_role("button", name="Enregistrer").click()
    await page.get_by_label("Identifiant").fill("berthe")
    await page.get_by_label("Mot de passe").fill(PASSWORD)
    await page.get_by_role("button", name="Se connecter").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Aujourd’hui")
    assert "Lili" not in await page.content()
    await page.goto(f"{url}/pupils/100/edit")
    await expect(page.get_by_label("Prénom")).to_have_value("Léa")
