"""Class mornings in a real browser: a secretary writes down what families brought for a late and a missed morning."""

import pytest
from playwright.async_api import Browser, expect

from hub.core.codes import Excuse, Justification
from hub.core.facts import MorningNoted
from hub.core.timetable import ClassHours
from tests.hub.web.browsing import Complaints, looked_at, sign_in
from tests.hub.web.conftest import Hub

pytestmark = pytest.mark.browser
MONDAY, FRIDAY = 20260921, 20260918


async def week(hub: Hub) -> None:
    """Léa was late today, Hugo late last week and missing today."""
    await hub.desk.edit(96, lambda _school: (ClassHours(1, "", 0, 510), ClassHours(1, "", 4, 510)))
    for ask, pupil, day, late_min in ((7001, 101, FRIDAY, 10), (7002, 101, MONDAY, 0), (7003, 100, MONDAY, 40)):
        days_ms = 3 * 86_400_000 if day == FRIDAY else 0
        begins, ends = hub.at("08:30") - days_ms, hub.at("12:00") - days_ms
        arrived_ms = begins + late_min * 60_000 if late_min else 0
        await hub.book(MorningNoted(ask, pupil, 1, day, begins, begins, ends, arrived_ms, late_min))


async def test_late_and_missed_mornings_are_excused_with_a_document(hub: Hub, url: str, chromium: Browser) -> None:
    await week(hub)
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(locale="fr-BE"), complaints)
    await page.get_by_role("link", name="Présences").click()
    await page.get_by_role("link", name="Retards et absences du matin").click()
    lea, hugo = (page.locator(".mornings > li", has_text=name).filter(has_text="21") for name in ("Léa Dupont", "Hugo Dupont"))
    await expect(lea).to_contain_text("40 minutes de retard")
    await expect(hugo).to_contain_text("n’est pas venu")
    await hugo.get_by_text("Justifier").click()
    await hugo.get_by_label("Motif").select_option("maladie")
    await hugo.get_by_label("Numéro du document").fill("certificat")
    await hugo.get_by_label("Note").fill("Fièvre, retour mercredi.")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("document")
    await expect(hugo.get_by_label("Numéro du document")).to_have_attribute("aria-invalid", "true")
    await expect(hugo.get_by_label("Note")).to_have_value("Fièvre, retour mercredi.")
    await looked_at(page, "mornings-refused")
    await hugo.get_by_label("Numéro du document").fill("57")
    await page.keyboard.press("Enter")
    await expect(hugo).to_contain_text("justifié, maladie, document 57")
    await expect(hugo).to_contain_text("Fièvre, retour mercredi.")
    await expect(hugo.get_by_text("57")).to_have_count(1)
    await lea.get_by_text("Justifier").press("Enter")
    await lea.get_by_label("C’est").select_option("non justifié")
    await lea.get_by_role("button", name="Noter").press("Enter")
    await expect(lea).to_contain_text("non justifié")
    await page.get_by_label("Classe").select_option("2A")
    await page.get_by_role("button", name="Afficher").click()
    await expect(lea).to_have_count(0)
    await page.get_by_label("Classe").select_option("")
    await page.get_by_role("button", name="Afficher").click()
    await looked_at(page, "mornings")
    await hugo.get_by_role("button", name="Effacer la note").click()
    await expect(hugo).not_to_contain_text("Fièvre")
    said = {pupil: hub.desk.books.entrance.said_of(pupil, MONDAY) for pupil in (100, 101)}
    assert said[101].state is Justification.JUSTIFIED
    assert (said[101].excuse, said[101].document) == (Excuse.ILL, 57)
    assert said[100].state is Justification.NOT_JUSTIFIED
    assert [text for text in complaints.texts if "409" not in text] == [], "a browser writes the refusal in its console"
