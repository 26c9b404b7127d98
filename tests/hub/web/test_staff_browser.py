"""Staff, account and sites in a real browser: whole errands, as a head and an invited colleague do them."""

from urllib.parse import urljoin

import pyotp
import pytest
from playwright.async_api import Browser, Page, expect

from hub.core.school import Contact, Site
from hub.core.timetable import ClassHours
from hub.web.second import STEP_MS
from tests.hub.web.browsing import Complaints, looked_at, sign_in
from tests.hub.web.conftest import PASSWORD, ZONE, Hub

pytestmark = pytest.mark.browser


async def accepts(marc: Page, link: str, now_ms: int) -> None:
    """An invited bursar on a shared computer: a password, the second factor with its codes on paper, a PIN (2580)."""
    await marc.goto(link)
    await looked_at(marc, "invite")
    await marc.get_by_label("Nouveau mot de passe").fill(PASSWORD)
    await marc.get_by_label("Répétez le mot de passe").fill(PASSWORD)
    await marc.get_by_label("Plusieurs personnes").check()
    await marc.get_by_role("button", name="Enregistrer et se connecter").click()
    await marc.goto(urljoin(link, "/account"))
    await looked_at(marc, "account")
    await marc.get_by_role("button", name="La mettre en place").or_(marc.get_by_role("link", name="La mettre en place")).click()
    await looked_at(marc, "second-new")
    secret = (await marc.locator("code.secret").inner_text()).replace(" ", "")
    await marc.get_by_label("Code à six chiffres").fill(pyotp.TOTP(secret).generate_otp(now_ms // STEP_MS))
    await marc.get_by_label("Mot de passe").fill(PASSWORD)
    await marc.get_by_role("button", name="La mettre en place").click()
    await marc.get_by_role("button", name="Créer dix nouveaux codes").click()
    await expect(marc.locator("code.secret")).to_have_count(10)
    await looked_at(marc, "codes")
    await marc.get_by_role("main").get_by_role("button", name="Fini").click()
    await marc.get_by_label("Nouveau code PIN").fill("2580")
    await marc.get_by_label("Répétez le code PIN").fill("2580")
    await marc.locator("#pin-password").fill(PASSWORD)
    await marc.get_by_role("button", name="Enregistrer le code PIN").click()


async def test_a_colleague_is_invited_signs_in_with_a_second_factor_and_is_seen_in_the_trail(hub: Hub, url: str, chromium: Browser) -> None:
    complaints = Complaints()
    head = await sign_in(hub, url, await chromium.new_context(), complaints)
    await head.goto(f"{url}/staff")
    await looked_at(head, "staff")
    await head.get_by_role("button", name="Inviter quelqu’un").click()
    await head.get_by_label("Nom", exact=True).fill("Marc Économe")
    await head.get_by_label("Identifiant").fill("marc")
    await head.get_by_role("checkbox", name="Économe, Implantation du Parc").check()
    await looked_at(head, "staff-new")
    await head.get_by_role("button", name="Créer le compte").click()
    link = await head.get_by_label("Lien").input_value()
    await looked_at(head, "invited")

    marc = complaints.watch(await (await chromium.new_context()).new_page())
    await accepts(marc, link, hub.now_ms)
    await marc.goto(f"{url}/pupils/100/papers")
    await looked_at(marc, "pin")
    await marc.get_by_label("Votre code PIN").fill("2580")
    await marc.keyboard.press("Enter")
    await expect(marc.get_by_role("heading", level=1)).to_contain_text("Photo")

    await hub.app.state.footsteps.write()
    await head.goto(f"{url}/trail")
    await head.get_by_label("Au sujet de quel élève").fill("lea dupont")
    await head.get_by_role("button", name="Chercher").click()
    await expect(head.get_by_role("row").filter(has_text="Marc").first).to_contain_text("Léa Dupont")
    await head.goto(f"{url}/staff")
    await head.get_by_role("link", name="Marc Économe").click()
    await looked_at(head, "member")
    await head.get_by_role("button", name="clôturer le compte").click()
    await expect(head.get_by_role("status")).to_contain_text("clôturé")
    await marc.goto(f"{url}/pupils")
    await expect(marc.get_by_role("heading", level=1)).to_contain_text("Se connecter")
    assert complaints.texts == []


async def test_a_site_gets_its_account_hours_and_reasons_of_absence(hub: Hub, url: str, chromium: Browser) -> None:
    contact = Contact("factures", "Anne Leroy", "04 123 45 67", "economat@parc.be")
    site = Site(
        2, "Implantation de la Gare", ZONE, iban="BE67363225044787", holder="ASBL Gare", address="Place de la Gare 1", contacts=(contact,)
    )
    await hub.desk.edit(7_000_000, lambda _school: (site, *(ClassHours(1, "", day, 510, 5) for day in (0, 1))))
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(), complaints)
    await page.goto(f"{url}/sites")
    await looked_at(page, "sites")
    await page.get_by_role("link", name="Implantation du Parc").click()
    await page.get_by_label("IBAN").fill("BE86 5390 0754 7034")
    await page.get_by_label("Titulaire").fill("ASBL École du Parc")
    await page.get_by_role("button", name="Enregistrer", exact=True).click()
    await expect(page.get_by_label("IBAN")).to_have_attribute("aria-invalid", "true")
    await looked_at(page, "site")
    await page.get_by_label("IBAN").fill("BE68 5390 0754 7034")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("Enregistré")
    await page.get_by_role("link", name="Garderie").click()
    await page.get_by_label("Local").fill("Salle 2")
    await page.locator("#end0").fill("18:30")
    await page.get_by_label("Valable à partir du").fill("2026-11-30")
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_role("status")).to_contain_text("Enregistré")
    assert hub.desk.school.programmes[20].room == "Salle 2"
    await page.get_by_role("link", name="Garderie").click()
    await expect(page.locator("#end0")).to_have_value("18:00")
    await expect(page.get_by_text("à partir du 30/11/2026")).to_be_visible()
    await looked_at(page, "programme")
    await page.get_by_role("link", name="Modifier").click()
    await expect(page.locator("#end0")).to_have_value("18:30")
    await expect(page.get_by_label("Valable à partir du")).to_have_value("2026-11-30")
    # A refused form is answered with 409, which a browser writes in its console.
    assert [text for text in complaints.texts if "409" not in text] == []
