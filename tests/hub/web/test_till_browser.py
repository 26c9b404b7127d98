"""The till in a real browser: a cashier's whole errand from the keyboard alone, taps coming meanwhile, on a tablet that stands upright."""

import pytest
from playwright.async_api import Browser, Page, expect

from hub.core import facts as f
from hub.core.codes import Code
from hub.core.ledger import opening_account, wallet_account
from hub.core.menus import Allergen, Diet
from hub.core.school import Policy, Product, ProductKind
from tests.hub.web.browsing import SCREENS, Complaints, looked_at, sign_in
from tests.hub.web.conftest import Hub

pytestmark = pytest.mark.browser
TILL = "/till/caisse-parc/main"
TABS = 60
"""A page from top to bottom."""
FOCUSED = """() => { const e = document.activeElement;
  return e === document.body ? '' : e.labels?.[0]?.innerText ?? e.ariaLabel ?? e.innerText ?? ''; }"""
"""The words of what has the focus."""


async def reach(page: Page, words: str) -> None:
    """Press Tab until the focus is on what has these words."""
    for _ in range(TABS):
        await page.keyboard.press("Tab")
        if words in await page.evaluate(
            "(e => e === document.body ? '' : e.labels?.[0]?.innerText ?? e.ariaLabel ?? e.innerText ?? '')(document.activeElement)"
        ):
            return
    raise AssertionError(f"the keyboard does not reach “{words}”")


async def press(page: Page, words: str) -> None:
    await reach(page, words)
    await page.keyboard.press("Enter")


async def set_out(hub: Hub) -> None:
    """Ten euros, an allergy, an ordered soup, and more to sell."""
    articles = [
        Product(31, 1, ProductKind.MEAL, "Potage aux légumes", 200, Policy.MUST_SERVE, allergens=frozenset({Allergen.CELERY})),
        Product(30, 1, ProductKind.ARTICLE, "Sandwich", 350, Policy.LIMIT, picture="sandwich"),
        Product(32, 1, ProductKind.ARTICLE, "Pomme", 60, Policy.LIMIT, picture="fruit"),
        Product(33, 1, ProductKind.ARTICLE, "Gaufre", 120, Policy.LIMIT, picture="dessert"),
        Product(34, 1, ProductKind.ARTICLE, "Eau", 80, Policy.LIMIT),
    ]
    await hub.desk.edit(70, lambda _school: (*articles, Diet(101, "", frozenset({Allergen.CELERY}))))
    entries = (f.Entry(opening_account(1), -1000), f.Entry(wallet_account(500), 1000))
    await hub.book(f.WalletOpened(1, 500, 1, 10, hub.now_ms), f.BalanceOpened(1, 500, hub.now_ms, entries))
    await hub.book(f.MealReserved(71, 72, 101, 1, 31, 20260921))


async def tap(hub: Hub, pupil: int) -> None:
    hub.now_ms += 4_000
    await hub.tap(pupil, Code.SEEN, device="caisse-parc")


async def takes_cash(page: Page) -> None:
    """Twenty euros from Hugo, who then buys nothing, like Noé after him."""
    await press(page, "Argent liquide")
    await reach(page, "Montant reçu")
    await page.keyboard.type("20,00")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Reçu 1")
    await looked_at(page, "till-receipt")
    await press(page, "Retour à la caisse")
    await expect(page.get_by_role("heading", name="Hugo Dupont")).to_be_visible()
    await press(page, "Suivant")
    await expect(page.get_by_role("heading", name="Noé Maes")).to_be_visible()
    await press(page, "Suivant")
    await expect(page.get_by_role("heading", name="En attente d’un badge")).to_be_visible()


async def finds_a_face(page: Page) -> None:
    """Léa comes again without her badge; it was a mistake."""
    await press(page, "Badge oublié")
    await expect(page.get_by_role("searchbox")).to_be_focused()
    await looked_at(page, "till-find")
    await page.keyboard.type("lea")
    await expect(page.locator(".faces li")).to_have_count(1)
    await press(page, "Léa Dupont")
    await expect(page.get_by_role("heading", name="Léa Dupont")).to_be_visible()
    await press(page, "Sandwich")
    await expect(page.locator(".cart")).to_contain_text("1 × Sandwich")
    await press(page, "Vendre")
    await expect(page.locator(".acts li").first).to_contain_text("3,50")
    await press(page, "Annuler")
    await expect(page.locator(".acts li").first).to_contain_text("annulé")


async def test_a_cashier_serves_the_queue_from_the_keyboard_alone(hub: Hub, url: str, chromium: Browser) -> None:
    await set_out(hub)
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(viewport={"width": 768, "height": 1024}), complaints)
    await press(page, "Caisse")
    await expect(page.get_by_role("heading", name="Caisse", exact=True)).to_be_visible()
    await press(page, "Ouvrir la caisse")
    await expect(page.get_by_role("heading", name="La caisse est fermée")).to_be_visible()
    await reach(page, "Contenu du tiroir")
    await page.keyboard.type("50,00")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="En attente d’un badge")).to_be_visible()
    await expect(page.get_by_text("En direct", exact=True)).to_be_visible()
    await tap(hub, 100)
    await expect(page.get_by_role("heading", name="Léa Dupont")).to_be_visible()
    await press(page, "Sandwich")
    await expect(page.locator(".cart")).to_contain_text("1 × Sandwich")
    for pupil in (101, 102):
        await tap(hub, pupil)
    await expect(page.locator("#queue li")).to_have_count(2)
    await expect(page.get_by_role("heading", name="Léa Dupont")).to_be_visible()
    await press(page, "Un de plus")
    await expect(page.locator(".cart")).to_contain_text("2 × Sandwich")
    await looked_at(page, "till")
    await page.screenshot(path=SCREENS / "till-768-light.png")
    await press(page, "Vendre")
    await expect(page.get_by_role("heading", name="Hugo Dupont")).to_be_visible()
    await expect(page.get_by_role("alert")).to_contain_text("céleri")
    await expect(page.locator(".acts")).to_contain_text("7,00")
    await takes_cash(page)
    await finds_a_face(page)
    await press(page, "Fermer la caisse")
    await reach(page, "Contenu du tiroir")
    await page.keyboard.type("70,00")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").filter(has_text="Le compte est bon")).to_be_visible()
    assert hub.desk.books.balance_cents(wallet_account(500)) == 1000 - 700 + 2000
    assert complaints.texts == []


async def test_a_thumb_sells_without_javascript_and_a_shortage_is_told(hub: Hub, url: str, chromium: Browser) -> None:
    await set_out(hub)
    context = await chromium.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740}, has_touch=True)
    page = await sign_in(hub, url, context, Complaints())
    await page.goto(f"{url}{TILL}")
    await page.get_by_label("Contenu du tiroir").fill("0")
    await page.get_by_role("button", name="Compter et ouvrir").tap()
    await expect(page.get_by_role("heading", name="En attente d’un badge")).to_be_visible()
    await tap(hub, 100)
    await page.goto(f"{url}{TILL}")
    await page.get_by_role("button", name="Gaufre").tap()
    for _ in range(12):
        await page.get_by_role("button", name="Un de plus : Gaufre").tap()
    await page.get_by_role("button", name="Vendre").tap()
    await expect(page.get_by_role("alert")).to_contain_text("pas assez d’argent")
    await page.screenshot(path=SCREENS / "till-shortage-360-light.png", full_page=True)
    await page.get_by_role("button", name="Un de moins : Gaufre").tap()
    await page.get_by_role("button", name="Vendre").tap()
    await expect(page.locator(".acts li")).to_have_count(1)
