"""The end of a school year in a real browser: every class goes on, the last one leaves, and a leaver's family gets its money back."""

from datetime import date

import pytest
from playwright.async_api import Browser, expect

from hub.core import facts as f
from hub.core.canteen import reserve
from hub.core.ledger import opening_account, wallet_account
from hub.core.school import Badge, BadgeState, Household, Policy, Product, ProductKind, Pupil
from hub.core.timetable import Plan
from tests.hub.web.browsing import Complaints, looked_at, sign_in
from tests.hub.web.conftest import Hub

pytestmark = pytest.mark.browser

FRIDAY, MONDAY = date(2027, 6, 25), date(2027, 6, 28)
CLASS = ("Adam", "Emma", "Jade", "Jules", "Lina", "Louis", "Mila", "Nora", "Sacha")


async def last_friday(hub: Hub) -> None:
    """Zoé Renard is in the last year: with a badge, a place at care, 18,40 €, and a meal ordered for Monday at 4,50 €."""
    hub.now_ms = hub.at("14:10", FRIDAY)
    zoe = (Household(12, "Renard"), Pupil(110, 12, 1, "Zoé", "Renard", "6A"), Plan(71, 110, 20, date(2026, 9, 1)))
    others = (Pupil(120 + n, 11, 1, name, "Maes", "6A") for n, name in enumerate(CLASS))
    badge = Badge(1010, "z" * 20, 110, BadgeState.ACTIVE, hub.at("09:00", date(2026, 9, 1)), mark="ZREN")
    meal = Product(31, 1, ProductKind.MEAL, "Pâtes", 450, Policy.MUST_SERVE)
    await hub.desk.edit(77, lambda _school: (*zoe, *others, Pupil(111, 10, 1, "Tom", "Dupont", "Accueil"), badge, meal))
    entries = (f.Entry(opening_account(1), -1840), f.Entry(wallet_account(512), 1840))
    await hub.book(f.WalletOpened(90, 512, 1, 12, hub.now_ms), f.BalanceOpened(90, 512, hub.now_ms, entries))
    await hub.desk.do(91, reserve, 91, 110, 31, MONDAY.isoformat(), hub.now_ms)


async def test_a_year_ends_and_a_leaver_is_paid_out(hub: Hub, url: str, chromium: Browser) -> None:
    await last_friday(hub)
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(locale="fr-BE"), complaints)
    press, books = page.keyboard.press, hub.desk.books
    await page.get_by_role("link", name="Élèves").click()
    await page.get_by_role("link", name="Changement d’année scolaire").click()
    await expect(page.get_by_label("6A, Implantation du Parc part")).to_be_checked()
    await page.get_by_label("6A, Implantation du Parc part").focus()
    await press("Tab")  # to the class that has no year: what is proposed is there to be typed over
    await page.keyboard.type("M1")
    await press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("4 élèves changent de classe, 10 partent. Rien n’est encore enregistré.")
    assert hub.desk.school.pupils[110].group == "6A"
    await looked_at(page, "promotion")
    await page.get_by_role("button", name="Changer d’année scolaire maintenant").focus()
    await press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("Chaque élève est dans sa nouvelle classe")
    await expect(page.get_by_role("row")).to_have_count(1 + 4)
    assert hub.desk.school.pupils[111].group == "M1"
    assert not books.meals

    await page.get_by_role("link", name="Portefeuilles de qui part").click()
    await expect(page.get_by_role("row")).to_have_count(1 + 1)
    await page.get_by_role("link", name="Renard").click()
    await page.get_by_role("button", name="Rendre le solde (départ)").click()
    await looked_at(page, "payout")
    await page.get_by_role("button", name="Voir le nouveau solde").click()
    await page.get_by_role("button", name="Confirmer").click()
    await expect(page.get_by_role("status")).to_contain_text("faites maintenant le virement")
    await expect(page.get_by_role("row").nth(1)).to_contain_text("-18,40")
    assert books.balance_cents(wallet_account(512)) == 0

    await page.get_by_role("link", name="Élèves").click()
    await expect(page.get_by_role("searchbox")).to_be_focused()
    await page.keyboard.type("renard")
    await expect(page.get_by_role("row").filter(has_text="Renard Zoé")).to_contain_text("part le 26/06/2027")
    await page.get_by_role("link", name="Renard Zoé").click()
    await expect(page.locator("li").filter(has_text="ZREN")).to_contain_text("Valable")  # until tonight: she is still at care
    await page.get_by_role("link", name="Quitte l’école").click()
    await expect(page.get_by_text("à partir du 26/06/2027")).to_be_visible()
    await expect(page.get_by_role("listitem")).to_have_text("1 badge cesse d’être valable ce jour-là")
    assert complaints.texts == []
