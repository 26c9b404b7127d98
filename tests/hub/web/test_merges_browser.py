"""A child that two lists brought under two families, in a real browser: the families become one, then the child."""

from datetime import date

import pytest
from playwright.async_api import Browser, expect

from hub.core import facts as f
from hub.core.codes import Compartment
from hub.core.ledger import opening_account, wallet_account
from hub.core.school import Adult, Badge, BadgeState, Household, Pupil
from hub.core.timetable import Plan
from tests.hub.web.browsing import Complaints, looked_at, sign_in
from tests.hub.web.conftest import Hub

pytestmark = pytest.mark.browser


async def twice(hub: Hub) -> None:
    """Léa Dupont of the Dupont-Lamberts is also Lea Dupont of the Duponts: with a badge, a place at care and 7,00 € of her own."""
    lea = Pupil(103, 12, 1, "Lea", "Dupont", "5B", born=date(2016, 5, 4))
    badge = Badge(1001, "t" * 20, 103, BadgeState.ACTIVE, hub.now_ms - 86_400_000, mark="WXYZ")
    home = (Household(12, "Dupont", address="Rue Haute 1, 4000 Liège"), Adult(700, 12, "Rosa", "Dupont"))
    await hub.desk.edit(77, lambda _school: (*home, lea, badge, Plan(71, 103, 20, date(2026, 9, 1))))
    await hub.open_wallet()
    entries = (f.Entry(opening_account(1), -700), f.Entry(wallet_account(503), 700))
    own = f.WalletOpened(90, 503, 1, 0, hub.now_ms, 103, Compartment.GENERAL)
    await hub.book(own, f.BalanceOpened(90, 503, hub.now_ms, entries))


async def test_a_child_of_two_families_becomes_one_child_of_one(hub: Hub, url: str, chromium: Browser) -> None:
    await twice(hub)
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(locale="fr-BE"), complaints)
    await page.get_by_role("link", name="Élèves").click()
    await expect(page.get_by_role("searchbox")).to_be_focused()
    await page.keyboard.type("lea")
    await expect(page.get_by_role("row")).to_have_count(1 + 2)
    await page.get_by_role("link", name="Dupont Léa", exact=True).click()
    await page.get_by_role("link", name="Encodé deux fois").click()
    await expect(page.get_by_role("article")).to_contain_text("Ils sont de deux ménages")
    await page.get_by_role("link", name="Réunir les familles").click()
    await expect(page.get_by_role("article")).to_contain_text("vont au ménage qui reste : Dupont-Lambert")
    await looked_at(page, "merge")
    await page.get_by_role("button", name="C’est une seule famille").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("une seule famille")
    await expect(page.get_by_text("Rosa Dupont")).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Rue Haute 1")
    await page.get_by_role("link", name="Léa Dupont").click()
    await page.get_by_role("link", name="Encodé deux fois").click()
    await page.get_by_role("searchbox").fill("dupont lea")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("article")).to_contain_text("7,00 € passent de son portefeuille à celui de Léa Dupont")
    await looked_at(page, "same-child")
    await page.get_by_role("button", name="C’est un seul enfant").click()
    await expect(page.get_by_role("status")).to_contain_text("un seul enfant")
    await expect(page.get_by_text("Était encodé deux fois")).to_be_visible()
    await expect(page.get_by_text("Valable")).to_have_count(2)
    school, books = hub.desk.school, hub.desk.books
    assert (school.pupils[103].id, school.merged[103].same_as, len(school.plans[100])) == (100, 100, 1)
    assert books.balance_cents(wallet_account(503)) == 0
    await page.goto(f"{url}/pupils?q=lea")
    await expect(page.get_by_role("row")).to_have_count(1 + 1)
    assert complaints.texts == []
