"""Kiosk and canteen in a real browser: a child orders by pictures, a cook makes a menu and counts."""

from datetime import date, timedelta

import pytest
from playwright.async_api import Browser, Page, expect

from hub.core import facts as f
from hub.core.codes import Code
from hub.core.menus import Allergen, Diet, Menu, Offer
from hub.core.school import Device, Policy, Product, ProductKind, Reader
from hub.web.kiosk import STAYS_MS
from proto.messages import Direction, Light, Use
from tests.hub.web.browsing import Complaints, looked_at, served, sign_in
from tests.hub.web.conftest import Hub

pytestmark = pytest.mark.browser
MONDAY = date(2026, 9, 21)
DISHES = ("pasta", "fish", "soup", "pizza", "meat", "vegetarian", "salad")


async def set_out(hub: Hub) -> None:
    """Two weeks of menus from tomorrow on, three things a day, and a kiosk."""
    meals = [Product(40 + n, 1, ProductKind.MEAL, word.title(), 450, Policy.MUST_SERVE, picture=word) for n, word in enumerate(DISHES)]
    sandwich = Product(
        60, 1, ProductKind.MEAL, "Sandwich", 320, Policy.MUST_SERVE, picture="sandwich", allergens=frozenset({Allergen.GLUTEN})
    )
    days = [MONDAY + timedelta(days=ahead) for ahead in range(1, 12) if ahead % 7 < 5]
    menus = [Menu(1, day, (Offer(40 + day.day % 7, 450), Offer(40 + (day.day + 3) % 7, 400), Offer(60, 320))) for day in days]
    reader = Reader("borne-parc", "main", "Borne du réfectoire", Use.KIOSK, Direction.IN)
    await hub.desk.edit(70, lambda _school: (*meals, sandwich, *menus, Device("borne-parc", 1, "Borne du hall"), reader))
    await hub.desk.edit(71, lambda _school: (Diet(101, "vegetarian", frozenset({Allergen.NUTS, Allergen.MILK})),))


async def tap(hub: Hub, pupil: int) -> None:
    hub.now_ms += 1_000
    scan = ("borne-parc", "0" * 16, hub.now_ms, "main", "h" * 20, pupil, hub.now_ms, 200, Code.SEEN, Light.ACCEPTED, "", False, hub.now_ms)
    await hub.book(f.ScanTaken(hub.now_ms, *scan))


async def test_a_child_taps_chooses_pictures_and_is_signed_out_by_itself(hub: Hub, url: str, chromium: Browser) -> None:
    await set_out(hub)
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(viewport={"width": 1280, "height": 800}, has_touch=True), complaints)
    await page.goto(f"{url}/till")
    await looked_at(page, "tills")
    await page.get_by_role("button", name="Démarrer ici la borne").click()
    await expect(page.get_by_role("heading", name="Présente ton badge ici")).to_be_visible()
    await looked_at(page, "kiosk-idle")
    await tap(hub, 100)
    await expect(page.get_by_role("heading", name="Léa")).to_be_visible()
    friday = page.locator(".day").nth(4)
    await friday.get_by_role("button").first.tap()
    await expect(friday.get_by_role("button").first).to_have_attribute("aria-pressed", "true")
    await friday.get_by_role("button").nth(2).tap()
    await expect(friday.get_by_role("button").nth(2)).to_have_attribute("aria-pressed", "true")
    await expect(friday.locator("[aria-pressed=true]")).to_have_count(1)
    await looked_at(page, "kiosk")
    assert [meal.product for meal in hub.desk.books.meals.values()] == [60]
    hub.now_ms += 10_000
    await hub.tap(102, Code.IN)  # something happens elsewhere
    await expect(page.get_by_role("heading", name="Présente ton badge ici")).to_be_visible()
    await page.goto(url)
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Se connecter")
    assert complaints.texts == []


LEAVES = "document.getAnimations().forEach((one) => { one.finish(); })"
"""The ten seconds of the page are over."""


async def test_ten_seconds_after_the_last_touch_the_page_signs_a_child_out_with_and_without_the_hub(hub: Hub, chromium: Browser) -> None:
    await set_out(hub)
    async with served(hub) as port:
        url = f"http://127.0.0.1:{port}"
        page = await sign_in(hub, url, await chromium.new_context(), Complaints())
        await page.goto(f"{url}/till")
        await page.get_by_role("button", name="Démarrer ici la borne").click()
        for motion in ("no-preference", "reduce"):
            await page.emulate_media(reduced_motion=motion)
            await tap(hub, 100)
            await expect(page.get_by_role("heading", name="Léa")).to_be_visible()
            lasts_ms = await page.locator(".left").evaluate("(left) => left.getAnimations()[0].effect.getTiming().duration")
            assert lasts_ms == STAYS_MS, motion
            hub.now_ms += STAYS_MS
            await page.evaluate(LEAVES)
            await expect(page.get_by_role("heading", name="Présente ton badge ici")).to_be_visible()
        await tap(hub, 100)
        await expect(page.get_by_role("heading", name="Léa")).to_be_visible()
    await page.evaluate(LEAVES)
    await expect(page.get_by_role("heading", name="Léa")).to_have_count(0)


async def test_a_cook_makes_a_menu_counts_and_orders_late(hub: Hub, url: str, chromium: Browser) -> None:
    await set_out(hub)
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(), complaints)
    await page.get_by_role("link", name="Cantine").click()
    await page.get_by_role("link", name="Implantation du Parc").click()
    await page.get_by_role("link", name="lun. 21", exact=True).click()
    await page.get_by_label("Soup").check()
    await page.get_by_role("group", name="Soup").get_by_label("Prix").fill("2,50")
    await looked_at(page, "canteen-menu")
    await page.get_by_role("button", name="Enregistrer le menu").click()
    await expect(page.get_by_role("row", name="Soup")).to_contain_text("2,50")
    await looked_at(page, "canteen")
    await page.get_by_role("link", name="Commandes de lun. 21 : 0").click()
    await page.get_by_role("searchbox").fill("hugo")
    await page.get_by_role("link", name="Dupont Hugo").click()
    await page.get_by_role("button", name="Commander").click()
    await expect(page.get_by_text("Commandé : Soup")).to_be_visible()
    await looked_at(page, "canteen-orders")
    await page.get_by_role("button", name="Pour la cuisine").click()
    await expect(page.get_by_role("row", name="vegetarian")).to_contain_text("2A")
    await looked_at(page, "canteen-kitchen")
    await page.goto(f"{url}/diets/1?pupil=101")
    await looked_at(page, "canteen-diets")
    assert complaints.texts == []


FOCUS = """() => {
  const here = document.activeElement, box = here.getBoundingClientRect(), look = getComputedStyle(here);
  const is_seen = look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2 && box.top >= 0 && box.bottom <= innerHeight;
  return [here === document.body ? "out" : here.id, is_seen];
}"""
"""Which element has the focus, and whether one sees it: an outline of its own, within the window."""


async def test_a_child_who_ordered_nothing_chooses_with_the_keyboard_alone(hub: Hub, url: str, chromium: Browser) -> None:
    await set_out(hub)
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(viewport={"width": 1280, "height": 800}), complaints)
    await page.goto(f"{url}/till")
    await page.get_by_role("button", name="Démarrer ici la borne").press("Enter")
    await expect(page.get_by_role("heading", name="Présente ton badge ici")).to_be_visible()
    await page.keyboard.press("Tab")
    assert await page.evaluate(FOCUS) == ["out", False], "where nobody stands there is nothing to press"
    await tap(hub, 100)
    await expect(page.get_by_role("heading", name="Léa")).to_be_visible()
    stops = await _walk(page)
    buttons = await page.locator("button").evaluate_all("all => all.map(one => one.id)")
    assert [name for name, _ in stops] == [*buttons, "out"], "in the order of the page, and out of it"
    assert [name for name, is_seen in stops if not is_seen] == ["out"]
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    dish = page.locator(":focus")
    name = await dish.get_attribute("id")
    await page.keyboard.press("Space")
    await expect(page.locator(f"#{name}")).to_have_attribute("aria-pressed", "true")
    assert await page.evaluate(FOCUS) == [name, True], "who chose stays where they were"
    await page.keyboard.press("Shift+Tab")
    assert (await page.evaluate(FOCUS))[0] == "done"
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Présente ton badge ici")).to_be_visible()
    assert len(hub.desk.books.meals) == 1
    assert complaints.texts == []


async def _walk(page: Page) -> list[tuple[str, bool]]:
    """Tab from the top of the page until it leads out."""
    await page.locator("body").evaluate("(body) => { body.tabIndex = -1; body.focus(); body.removeAttribute('tabindex'); }")
    stops: list[tuple[str, bool]] = []
    while not stops or (stops[-1][0] != "out" and len(stops) < 100):
        await page.keyboard.press("Tab")
        name, is_seen = await page.evaluate(FOCUS)
        stops.append((name, is_seen))
    return stops


async def test_a_secretary_orders_for_a_child_by_telephone_with_the_keyboard(hub: Hub, url: str, chromium: Browser) -> None:
    await set_out(hub)
    await hub.desk.edit(72, lambda _school: (Diet(101, "", frozenset({Allergen.GLUTEN})),))
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(locale="fr-BE"), complaints)
    await page.goto(f"{url}/pupils/101")
    await page.get_by_role("link", name="Commander un repas").click()
    await expect(page.get_by_text("pas encore de menu")).to_be_visible()
    await page.get_by_role("button", name="Jour suivant").click()
    await expect(page.get_by_text("sans gluten")).to_be_visible()
    await page.get_by_role("combobox").focus()
    await page.keyboard.type("sand")
    await looked_at(page, "canteen-order")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("article").locator(".outcome")).to_contain_text("contient gluten")
    await expect(page.get_by_role("row").filter(has_text="Dupont Hugo")).to_contain_text("Sandwich")
    await page.get_by_role("combobox").select_option("Meat")
    await page.get_by_role("button", name="Changer la commande").press("Enter")
    await expect(page.get_by_role("article")).to_contain_text("Commandé : Meat")
    await expect(page.get_by_role("row").filter(has_text="Dupont Hugo")).to_contain_text("Meat")
    assert [hub.desk.school.products[meal.product].name for meal in hub.desk.books.meals.values()] == ["Meat"]
    await page.get_by_role("link", name="Hugo Dupont").click()
    await expect(page.get_by_role("listitem").filter(has_text="22/09/2026")).to_contain_text("Meat commandé")
    await page.go_back()
    await page.get_by_role("button", name="Annuler la commande").press("Enter")
    await expect(page.get_by_text("Rien n’est commandé.")).to_be_visible()
    assert not hub.desk.books.meals
    assert complaints.texts == []
