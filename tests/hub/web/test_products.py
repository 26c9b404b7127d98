"""Meals and articles: a school that has just been set up makes its first ones in the office, and they are sold and ordered."""

import re
from datetime import timedelta

import pytest

from hub.accounts import Role
from hub.core.canteen import copied_week, reserve
from hub.core.facts import Refusal
from hub.core.formulas import Fixed, Line, Session
from hub.core.menus import Allergen, Menu, Offer
from hub.core.school import Policy, Product, ProductKind, Tariff
from hub.core.till import Goods, quote
from hub.web.products import PICTURES
from hub.web.render import ROOM
from tests.hub.web.conftest import MONDAY, Browser, Hub

MEAL = {"site": "1", "kind": "meal", "name": "Repas chaud", "price": "4,20", "picture": "pasta", "policy": "",
        "allergen": ["milk", "rubbish"], "diets": "végétarien, sans porc"}  # fmt: skip


def called(hub: Hub, name: str) -> Product:
    (found,) = [one for one in hub.desk.school.products.values() if one.name == name]
    return found


async def test_a_meal_is_made_in_the_office_and_stands_on_the_day_s_menu(hub: Hub, anne: Browser) -> None:
    answer = await anne.fill("/products/new", "/products/new", MEAL)
    assert (answer.status_code, answer.headers["location"]) == (303, "/products?done=saved")
    made = called(hub, "Repas chaud")
    assert (made.site, made.kind, made.price_cents, made.policy, made.picture) == (1, ProductKind.MEAL, 420, Policy.MUST_SERVE, "pasta")
    assert (made.allergens, made.diets) == (frozenset({Allergen.MILK}), frozenset({"végétarien", "sans porc"}))
    assert "Repas chaud" in (await anne.get("/products?done=saved")).text
    assert "Repas chaud" in (await anne.get("/canteen/1/2026-09-22")).text


async def test_an_article_goes_down_to_the_limit_of_the_site_where_nothing_else_is_said(hub: Hub, anne: Browser) -> None:
    await anne.fill("/products/new", "/products/new", {**MEAL, "kind": "article", "name": "Eau", "price": "0,80", "picture": "no such"})
    assert (called(hub, "Eau").policy, called(hub, "Eau").picture) == (Policy.LIMIT, "")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"name": "sandwich "}, "déjà pris"),
        ({"name": "!?"}, "Un nom manque"),
        ({"name": "x" * 81}, "trop long"),
        ({"price": "-1,00"}, "n’est pas un montant"),
        ({"price": "1e9"}, "n’est pas un montant"),
        ({"price": "12.5.3"}, "n’est pas un montant"),
        ({"price": "99999,00"}, "n’est pas un montant"),
        ({"diets": "x" * 41}, "régimes"),
    ],
)
async def test_what_cannot_be_is_said_and_everything_typed_stays(hub: Hub, anne: Browser, said: dict[str, str], words: str) -> None:
    before = hub.desk.school
    answer = await anne.fill("/products/new", "/products/new", {**MEAL, **said})
    assert answer.status_code == 409
    assert words in answer.text
    assert hub.desk.school is before
    kept = re.findall(r'(?:value="(pasta|milk)" checked)', answer.text)
    assert sorted(kept) == ["milk", "pasta"]
    assert f'value="{ {**MEAL, **said}["price"] }"' in answer.text


async def test_a_change_keeps_kind_and_price_which_is_a_matter_of_tariffs(hub: Hub, anne: Browser) -> None:
    said = {**MEAL, "name": "Sandwich au fromage", "price": "0,01", "policy": "must_have_funds"}
    assert (await anne.fill("/products/30", "/products/30", said)).status_code == 303
    after = hub.desk.school.products[30]
    assert (after.name, after.kind, after.price_cents) == ("Sandwich au fromage", ProductKind.ARTICLE, 350)
    assert after.policy is Policy.MUST_HAVE_FUNDS
    assert 'href="/tariffs/30"' in (await anne.get("/products/30")).text


async def test_the_price_that_is_shown_is_the_one_that_holds_today(hub: Hub, anne: Browser) -> None:
    lines = (Line(Session(Fixed(40_00))),)
    await hub.desk.edit(70, lambda _school: (Tariff(44, 30, MONDAY, None, lines),))
    for path in ("/products", "/products/30"):
        page = (await anne.get(path)).text
        assert "4,00" in page, path
        assert "3,50" not in page, path
    hub.now_ms -= 86_400_000
    assert "3,50" in (await anne.get("/products")).text


async def test_what_is_withdrawn_leaves_the_till_and_further_menus_and_may_come_back(hub: Hub, anne: Browser) -> None:
    def on_sale() -> bool:
        school = hub.desk.school
        return not isinstance(quote(school, school.sites[1], school.pupils[100], (Goods(30),), hub.now_ms), Refusal)

    monday, offers = Menu(1, MONDAY, (Offer(30, 350), Offer(31, 450))), (Offer(31, 450),)
    soup = Product(31, 1, ProductKind.MEAL, "Potage", 450, Policy.MUST_SERVE)
    await hub.desk.edit(70, lambda _school: (soup, monday))
    said = {"name": "Sandwich", "policy": "limit"}
    await anne.fill("/products/30", "/products/30", {**said, "withdrawn": "1"})
    assert hub.desk.school.products[30].withdrawn
    assert not on_sale()
    assert "n’est plus vendu" in (await anne.get("/products")).text
    assert 'value="30"' not in (await anne.get("/canteen/1/2026-09-22")).text
    assert 'value="30" checked' in (await anne.get("/canteen/1/2026-09-21")).text, "a menu that is made stays"
    assert copied_week(hub.desk.school, 1, MONDAY + timedelta(days=7)) == (Menu(1, MONDAY + timedelta(days=7), offers),)
    assert (await hub.register.read_school()).products[30].withdrawn
    await anne.fill("/products/30", "/products/30", said)
    assert on_sale()


async def test_a_meal_that_is_withdrawn_is_reserved_for_nobody(hub: Hub) -> None:
    soup = Product(31, 1, ProductKind.MEAL, "Potage", 450, Policy.MUST_SERVE, withdrawn=True)
    await hub.desk.edit(70, lambda _school: (soup,))
    answer = await hub.desk.do(71, reserve, 71, 100, 31, "2026-09-22", hub.now_ms)
    assert answer.refusal == Refusal("no_such_meal")


async def test_two_people_change_the_same_product_and_nothing_is_overwritten(hub: Hub, anne: Browser) -> None:
    page = await anne.get("/products/30")
    was = re.search(r'name="was" value="(\w+)"', page.text)
    assert was
    await anne.fill("/products/30", "/products/30", {**MEAL, "name": "Tartine"})
    answer = await anne.fill("/products/30", "/products/30", {**MEAL, "name": "Bagel", "was": was[1]})
    assert answer.status_code == 409
    assert "Tartine" in answer.text
    assert 'value="Bagel"' in answer.text
    assert hub.desk.school.products[30].name == "Tartine"


async def test_a_cook_makes_a_meal_of_their_own_site_and_of_no_other(hub: Hub, visitor: Browser) -> None:
    await visitor.sign_in_as("cook", frozenset({(Role.CANTEEN, 2)}))
    assert (await visitor.fill("/products/new", "/products/new", {**MEAL, "site": "1"})).status_code == 404
    assert (await visitor.fill("/products/new", "/products/new", {**MEAL, "site": "2"})).status_code == 303
    assert called(hub, "Repas chaud").site == 2


async def test_a_canteen_without_meals_leads_to_the_first_one(anne: Browser) -> None:
    assert 'href="/products/new?site=1"' in (await anne.get("/canteen?site=1")).text


def test_every_picture_to_choose_is_drawn() -> None:
    drawn = set(re.findall(r'symbol id="(\w+)"', (ROOM / "static" / "pictures.svg").read_text(encoding="utf-8")))
    assert drawn == {*PICTURES, "badge"}
