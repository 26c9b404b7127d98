"""The canteen's pages: menus of a week, what the kitchen cooks, late changes by staff, who waits, diets."""

import re
from dataclasses import replace
from datetime import date

import pytest

from hub.accounts import Role
from hub.core import canteen as rules
from hub.core import facts as f
from hub.core.codes import By
from hub.core.facts import Refusal
from hub.core.formulas import Fixed, Line, Session
from hub.core.menus import Allergen, Diet, Menu, Offer
from hub.core.school import Policy, Product, ProductKind, School, Tariff
from tests.hub.web.conftest import SCHOOL_ROWS, Browser, Hub

MONDAY, TUESDAY = date(2026, 9, 21), date(2026, 9, 22)
DAY, ORDERS = "/canteen/1/2026-09-22", "/canteen/1/2026-09-22/orders"
SOUP = Product(31, 1, ProductKind.MEAL, "Potage", 200, Policy.MUST_SERVE, allergens=frozenset({Allergen.CELERY}))
PASTA = Product(32, 1, ProductKind.MEAL, "Pâtes", 450, Policy.MUST_SERVE, diets=frozenset({"vegetarian"}))


@pytest.fixture
async def cook(hub: Hub, visitor: Browser) -> Browser:
    """Canteen staff of the park, with two meals and no menu."""
    await hub.desk.edit(70, lambda _school: (SOUP, PASTA))
    await visitor.sign_in_as("carine", frozenset({(Role.CANTEEN, 1)}))
    return visitor


async def offers(hub: Hub, *days: date) -> None:
    await hub.desk.edit(71, lambda _school: tuple(Menu(1, day, (Offer(31, 200), Offer(32, 450))) for day in days))


async def next_morning(hub: Hub, cook: Browser) -> None:
    """Tuesday, 10:02: after the cut-off; somebody else is at work."""
    hub.now_ms += 18 * 3_600_000
    await cook.sign_in_as("denis", frozenset({(Role.CANTEEN, 1)}))


async def asks(cook: Browser, act: str, pupil: int, product: int = 0) -> tuple[int, str]:
    """What staff do for a pupil, and the page that comes of it."""
    cook.hub.now_ms += 1
    fields = {"act": act, "product": str(product), "ask_id": str(cook.hub.now_ms)}
    answer = await cook.fill(f"{ORDERS}?pupil={pupil}", ORDERS, fields)
    return answer.status_code, answer.text


# --- menus ----------------------------------------------------------------------------------------


async def test_a_menu_is_made_on_the_form_of_its_day(hub: Hub, cook: Browser) -> None:
    answer = await cook.fill(
        DAY, f"{DAY}/menu", {"offer": ["31", "32"], "price-31": "2,20", "price-32": "4,50", "allergen-31": ["milk", "eggs"]}
    )
    assert answer.headers["location"] == "/canteen?site=1&week=2026-09-22"
    made = hub.desk.school.menus[1, TUESDAY]
    assert {(offer.product, offer.price_cents, offer.allergens) for offer in made.offers} == {
        (31, 220, frozenset({Allergen.MILK, Allergen.EGGS})),
        (32, 450, frozenset()),
    }
    html = (await cook.get(answer.headers["location"])).text
    assert "2,20" in html
    assert "céleri" in html


async def test_a_price_that_is_none_is_told_and_what_was_typed_stays(hub: Hub, cook: Browser) -> None:
    answer = await cook.fill(DAY, f"{DAY}/menu", {"offer": "31", "price-31": "deux"})
    assert answer.status_code == 409
    assert 'value="deux" aria-invalid="true"' in answer.text
    assert (1, TUESDAY) not in hub.desk.school.menus


async def test_a_meal_whose_price_is_a_tariff_shows_that_and_asks_for_none(hub: Hub, cook: Browser) -> None:
    """What was typed there counted for nobody, and the week showed it."""
    dearer = Tariff(71, SOUP.id, TUESDAY, None, (Line(Session(Fixed(2_600))),))
    await hub.desk.edit(72, lambda _school: (dearer,))
    html = (await cook.get(DAY)).text
    assert re.search(r'<input type="hidden" name="price-31"', html)
    assert "2,60" in html
    assert re.search(r'name="price-32" inputmode', html)
    assert (await cook.fill(DAY, f"{DAY}/menu", {"offer": ["31", "32"], "price-31": "2,00", "price-32": "4,50"})).status_code == 303
    assert re.search(r"2,60.*4,50", (await cook.get("/canteen?week=2026-09-22")).text, re.DOTALL)


async def test_a_menu_that_somebody_else_has_changed_meanwhile_is_shown_and_not_overwritten(hub: Hub, cook: Browser) -> None:
    fields = {"offer": "31", "price-31": "2,00"}
    shown = (await cook.get(DAY)).text
    await offers(hub, TUESDAY)
    was = re.search(r'name="was" value="(\w+)"', shown)
    assert was
    answer = await cook.fill(DAY, f"{DAY}/menu", {**fields, "was": was[1]})
    assert answer.status_code == 409
    assert "Pâtes\xa0: 4,50 €" in answer.text
    assert len(hub.desk.school.menus[1, TUESDAY].offers) == 2
    now = re.search(r'name="was" value="(\w+)"', answer.text)
    assert now
    assert (await cook.fill(DAY, f"{DAY}/menu", {**fields, "was": now[1], "ask_id": "99"})).status_code == 303
    assert len(hub.desk.school.menus[1, TUESDAY].offers) == 1


async def test_last_week_is_copied_to_the_days_that_are_still_empty(hub: Hub, cook: Browser) -> None:
    await offers(hub, MONDAY, TUESDAY)
    page = "/canteen?site=1&week=2026-09-28"
    assert (await cook.fill(page, "/canteen/1/copy", {})).status_code == 303
    assert {day for _, day in hub.desk.school.menus} == {MONDAY, TUESDAY, date(2026, 9, 28), date(2026, 9, 29)}
    again = await cook.fill(page, "/canteen/1/copy", {"ask_id": "98"})
    assert again.status_code == 409
    assert "rien à copier" in again.text


def test_a_menu_names_products_of_its_own_site_at_prices_that_can_be() -> None:
    school = School(sites={row.id: row for row in SCHOOL_ROWS if row.__class__.__name__ == "Site"}, products={31: SOUP})  # type: ignore[union-attr,misc]
    for menu, code in (
        (Menu(2, TUESDAY, (Offer(31, 200),)), "no_such_meal"),
        (Menu(1, TUESDAY, (Offer(99, 200),)), "no_such_meal"),
        (Menu(1, TUESDAY, (Offer(31, -1),)), "no_price"),
        (Menu(1, TUESDAY, (Offer(31, 100_01),)), "no_price"),
    ):
        refused = rules.put_menu(school, menu, lambda _row: True)
        assert isinstance(refused, Refusal)
        assert refused.code == code


async def test_a_reader_looks_and_changes_nothing(hub: Hub, cook: Browser, visitor: Browser) -> None:
    await offers(hub, TUESDAY)
    await visitor.sign_in_as("rita", frozenset({(Role.READER, 1)}))
    for path in ("/canteen", DAY, ORDERS, f"{ORDERS}?pupil=100", "/diets/1"):
        html = (await visitor.get(path)).text
        assert 'method="post" action="/canteen' not in html.replace(f'method="post" action="{DAY}/menu"', "")
        assert "Enregistrer" not in html


@pytest.mark.parametrize("on", ["2026-02-30", "heute", "99999-01-01", "1999-12-31"])
async def test_a_day_that_is_none_is_not_found(cook: Browser, on: str) -> None:
    assert (await cook.get(f"/canteen/1/{on}")).status_code == 404
    assert (await cook.get(f"/canteen?site=1&week={on}")).status_code == 404


# --- orders ---------------------------------------------------------------------------------------


async def test_staff_order_late_for_a_child_who_is_there_and_the_kitchen_sees_it(hub: Hub, cook: Browser) -> None:
    await offers(hub, TUESDAY)
    await next_morning(hub, cook)
    assert (await asks(cook, "order", 100, 31))[0] == 303
    assert hub.desk.books.meals[100, 1, 20260922].product == 31
    await hub.desk.edit(72, lambda _school: (Diet(100, "vegetarian"),))
    html = (await cook.get(f"{DAY}/kitchen")).text
    assert re.search(r"Potage <span class=\"count\">1</span>", html)
    assert "<td>vegetarian</td><td>5B</td>" in html
    status, text = await asks(cook, "change", 100, 32)
    assert status == 409
    assert "trop tard" in text


async def test_an_order_cancelled_late_is_resold_to_who_waits(hub: Hub, cook: Browser) -> None:
    await offers(hub, TUESDAY)
    await hub.book(f.MealReserved(73, 74, 100, 1, 32, 20260922, By.PARENT, 0, hub.now_ms))
    await next_morning(hub, cook)
    assert (await asks(cook, "wait", 101, 32))[0] == 303
    html = (await cook.get(ORDERS)).text
    assert html.index("Liste d’attente") < html.index("Hugo Dupont")
    assert (await asks(cook, "cancel", 100))[0] == 303
    meals = {pupil: meal.product for (pupil, _, _), meal in hub.desk.books.meals.items()}
    assert meals == {101: 32}
    assert "Personne n’attend" in (await cook.get(ORDERS)).text


async def test_an_order_is_changed_in_time_and_who_has_none_is_found_by_name(hub: Hub, cook: Browser) -> None:
    await offers(hub, TUESDAY)
    assert "Rien n’est encore commandé" in (await cook.get(ORDERS)).text
    assert "Dupont Hugo" in (await cook.get(f"{ORDERS}?q=hugo")).text
    assert (await asks(cook, "order", 101, 31))[0] == 303
    assert (await asks(cook, "change", 101, 32))[0] == 303
    html = (await cook.get(ORDERS)).text
    assert "Pâtes" in html
    assert re.search(r'orders" aria-label="[^"]*: 1">1</a>', (await cook.get("/canteen?week=2026-09-22")).text)


async def test_an_order_that_a_colleague_has_changed_meanwhile_is_shown_and_not_overwritten(hub: Hub, cook: Browser) -> None:
    await offers(hub, TUESDAY)
    await asks(cook, "order", 100, 31)
    shown = re.search(r'name="was" value="(\w+)"', (await cook.get(f"{ORDERS}?pupil=100")).text)
    assert shown
    await asks(cook, "change", 100, 32)
    stale = {"act": "cancel", "pupil": "100", "was": shown[1], "ask_id": "97"}
    answer = await cook.fill(f"{ORDERS}?pupil=100", ORDERS, stale)
    assert answer.status_code == 409
    assert "Quelqu’un d’autre" in answer.text
    assert "Commandé\xa0: Pâtes" in answer.text
    assert hub.desk.books.meals[100, 1, 20260922].product == 32
    now = re.search(r'name="was" value="(\w+)"', answer.text)
    assert now
    again = {**stale, "was": now[1], "ask_id": "96"}
    assert (await cook.fill(f"{ORDERS}?pupil=100", ORDERS, again)).status_code == 303
    assert (await cook.fill(f"{ORDERS}?pupil=100", ORDERS, again)).status_code == 303, "sent twice, done once"
    assert not hub.desk.books.meals


async def test_what_the_kitchen_counts_is_in_the_list_whoever_has_left_or_was_entered_twice(hub: Hub, cook: Browser) -> None:
    await offers(hub, TUESDAY)
    twice = replace(hub.desk.school.pupils[101], id=103, same_as=101)
    await hub.desk.edit(74, lambda school: (replace(school.pupils[100], left_day=TUESDAY), twice))
    for ask, pupil in ((75, 100), (76, 101), (77, 103)):
        await hub.book(f.MealReserved(ask, ask, pupil, 1, 32, 20260922, By.PARENT, 0, hub.now_ms))
    assert re.search(r"Pâtes <span class=\"count\">3</span>", (await cook.get(f"{DAY}/kitchen")).text)
    for page in (ORDERS, f"{ORDERS}?q=dupont"):
        listed = (await cook.get(page)).text
        assert (listed.count(">Dupont Léa</a>"), listed.count(">Dupont Hugo</a>")) == (1, 2)


async def test_nothing_is_ordered_for_who_is_no_longer_there_that_day_and_it_is_said_why(hub: Hub, cook: Browser) -> None:
    await offers(hub, TUESDAY)
    await hub.desk.edit(74, lambda school: (replace(school.pupils[100], left_day=TUESDAY),))
    status, text = await asks(cook, "order", 100, 31)
    assert status == 409
    assert "ne fait plus partie de l’école ce jour-là" in text
    assert "Dupont Léa" not in (await cook.get(f"{ORDERS}?q=lea")).text


async def test_who_orders_for_a_child_sees_what_it_must_not_eat_and_is_offered_what_suits_first(hub: Hub, cook: Browser) -> None:
    await offers(hub, TUESDAY)
    await hub.desk.edit(75, lambda _school: (Diet(100, "", frozenset({Allergen.CELERY})), Diet(101, "vegetarian")))
    page = (await cook.get(f"{ORDERS}?pupil=100")).text
    assert "<strong>sans céleri</strong>" in page
    assert re.findall(r"<option [^>]*>([^<]*)</option>", page) == ["Pâtes", "Potage – contient céleri"]
    assert "Potage – hors régime" in (await cook.get(f"{ORDERS}?pupil=101")).text
    assert (await asks(cook, "order", 100, 31))[0] == 303, "it is said, and not refused"
    assert re.search(
        r"Commandé\xa0: Potage\s*<br><span class=\"outcome look\">.*contient céleri", (await cook.get(f"{ORDERS}?pupil=100")).text
    )


async def test_what_was_refused_stays_chosen_on_the_form(hub: Hub, cook: Browser) -> None:
    await offers(hub, TUESDAY)
    assert (await asks(cook, "order", 100, 31))[0] == 303
    assert '<option value="31" selected>' in (await cook.get(f"{ORDERS}?pupil=100")).text
    await hub.desk.edit(76, lambda school: (replace(school.pupils[101], left_day=MONDAY),))
    status, text = await asks(cook, "order", 101, 31)
    assert status == 409
    assert '<option value="31" selected>' in text


async def test_the_child_that_was_chosen_stays_chosen_on_the_next_day(hub: Hub, cook: Browser) -> None:
    page = (await cook.get(f"{ORDERS}?pupil=100")).text
    assert 'href="/canteen/1/2026-09-23/orders?pupil=100"' in page
    assert 'href="/canteen/1/2026-09-21/orders?pupil=100"' in page
    assert 'href="/canteen/1/2026-09-23/orders"' in (await cook.get(ORDERS)).text


async def test_a_child_s_page_leads_to_its_orders_for_who_may_order_and_where_meals_are_sold(hub: Hub, cook: Browser) -> None:
    await cook.sign_in_as("jeanne", frozenset({(Role.HEAD, 1)}))
    path = "/canteen/1/2026-09-21/orders?pupil=100"
    assert f'href="{path}"' in (await cook.get("/pupils/100")).text
    assert (await cook.get(path)).status_code == 200
    await cook.sign_in_as("rita", frozenset({(Role.READER, 1)}))
    assert path not in (await cook.get("/pupils/100")).text
    await hub.desk.edit(76, lambda school: (replace(school.pupils[100], left_day=MONDAY),))
    await cook.sign_in_as("jules", frozenset({(Role.HEAD, 1)}))
    assert path not in (await cook.get("/pupils/100")).text


async def test_the_kitchen_reads_the_day_once(cook: Browser) -> None:
    title = re.search(r"<h1>(.*?)</h1>", (await cook.get(f"{DAY}/kitchen")).text)
    assert title
    assert title[1].count("2026") == 1


# --- diets ----------------------------------------------------------------------------------------


async def test_a_diet_is_written_down_and_not_over_somebody_elses(hub: Hub, cook: Browser) -> None:
    assert "Personne n’a encore de régime" in (await cook.get("/diets/1")).text
    page = "/diets/1?pupil=100"
    shown = (await cook.get(page)).text
    fields = {"diet": "vegetarian", "allergen": ["nuts", "milk", "nonsense"]}
    assert (await cook.fill(page, "/diets/1", fields)).status_code == 303
    assert hub.desk.school.diets[100] == Diet(100, "vegetarian", frozenset({Allergen.NUTS, Allergen.MILK}))
    html = (await cook.get("/diets/1")).text
    assert "fruits à coque, lait" in html or "lait, fruits à coque" in html
    was = re.search(r'name="was" value="(\w+)"', shown)
    assert was
    answer = await cook.fill(page, "/diets/1", {"diet": "", "was": was[1], "ask_id": "97"})
    assert answer.status_code == 409
    assert hub.desk.school.diets[100].code == "vegetarian"
