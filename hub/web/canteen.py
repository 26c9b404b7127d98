"""The canteen: menus by week, what the kitchen cooks, the orders of a day with late changes, who waits, diets and allergies.

Menus and diets are rows of the school; orders are facts, and go by the rules of hub/core/canteen.py. What somebody else has changed
meanwhile is shown, and not overwritten.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response
from starlette.responses import RedirectResponse

from hub.core import canteen as rules
from hub.core.books import Books
from hub.core.calendar import day_code, day_of, instant_ms
from hub.core.canteen import Count, Fit, Wish
from hub.core.codes import By
from hub.core.facts import Facts, MealAwaited, Refusal
from hub.core.kept import Meal
from hub.core.lists import by_name, fold
from hub.core.menus import Allergen, Diet, Menu, Offer
from hub.core.money import bare, read_cents, write_cents
from hub.core.people import put_diet
from hub.core.school import Product, ProductKind, Pupil, School, Site, Tariff
from hub.core.tariffs import tariff_on
from hub.web.render import as_shown, page, stamp
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit

LISTED = 100
QUESTION = 80
NOON_MIN = 720
WEEKDAYS = 5
BOUGHT = {"order": rules.order_by_staff, "change": rules.change, "wait": rules.wait}
"""Acts about a product."""
ENDED = {"cancel": rules.cancel, "leave": rules.leave}

Looks = Annotated[Visit, Depends(Sees(Right.MEALS))]
Cooks = Annotated[Form, Depends(Does(Right.MEALS))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a site: `iso` as addresses have it."""

    site: Site
    date: date
    ms: int

    @property
    def iso(self) -> str:
        return self.date.isoformat()


@dataclass(frozen=True, slots=True)
class Column:
    """A day of the week's table. `has_menu`: anything is offered; `ordered`: portions so far."""

    day: Day
    is_today: bool
    has_menu: bool
    ordered: int


@dataclass(frozen=True, slots=True)
class Row:
    """A product, and on each day of the week its offer and its tariff, None where there is none."""

    product: Product
    offers: tuple[tuple[Offer | None, Tariff | None], ...]


@dataclass(frozen=True, slots=True)
class CanteenPage:
    sites: tuple[Site, ...]
    site: Site | None
    week: str
    before: str
    after: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    may_change: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A product on the form of a day: whether it is offered, its price as typed (a tariff goes before it), what it also contains."""

    product: Product
    is_offered: bool
    price: str
    allergens: frozenset[Allergen]
    tariff: Tariff | None


@dataclass(frozen=True, slots=True)
class MenuPage:
    """`now`: what somebody else has made of this menu meanwhile."""

    day: Day
    choices: tuple[Choice, ...]
    was: str
    allergens: tuple[str, ...]
    may_change: bool
    problem: Refusal | None = None
    now: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class KitchenPage:
    """`lines`: product, its portions, and its counts by diet and class."""

    day: Day
    lines: tuple[tuple[Product | None, int, tuple[Count, ...]], ...]


@dataclass(frozen=True, slots=True)
class Order:
    """A pupil with what is ordered, or waited for, that day."""

    pupil: Pupil
    meal: Meal | None
    product: Product | None
    awaited: Product | None


@dataclass(frozen=True, slots=True)
class OrdersPage:
    """`chosen`: the pupil whose order is being changed, with the stamp of what it was; `dishes`: what there is, what suits first.

    `diet`: the pupil's; None where nobody is chosen, and on a shared device before the PIN (`locked`). `typed`: the product on the form.
    """

    day: Day
    before: str
    after: str
    question: str
    orders: tuple[Order, ...]
    more: int
    waiting: tuple[Order, ...]
    chosen: Order | None
    was: str
    dishes: tuple[tuple[Product, Fit], ...]
    diet: Diet | None
    locked: bool
    typed: int
    may_change: bool
    problem: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Eater:
    pupil: Pupil
    diet: Diet


@dataclass(frozen=True, slots=True)
class DietsPage:
    """`chosen`: the pupil whose diet is being written down, with the stamp of what it was."""

    site: Site
    question: str
    eaters: tuple[Eater, ...]
    more: int
    chosen: Eater | None
    was: str
    codes: tuple[str, ...]
    allergens: tuple[str, ...]
    may_change: bool
    problem: Refusal | None = None
    now: Diet | None = None


# --- menus ----------------------------------------------------------------------------------------


@router.get("/canteen")
async def canteen(visit: Looks, site: int = 0, week: str = "") -> Response:
    """The menus of a site's week as a table."""
    return await page(visit, "canteen.html", await asyncio.to_thread(_week, visit, site, week))


@router.post("/canteen/{site}/copy")
async def copy(form: Cooks, site: int) -> Response:
    """Last week's menus for the days of this week that have none."""
    place, week = form.visit.site(site), form.text("week")
    monday = _monday(form.visit, place, week)
    answer = await form.visit.office.desk.edit(form.ask, rules.copied_week, place.id, monday)
    if answer.refusal:
        context = await asyncio.to_thread(_week, form.visit, site, week, answer.refusal.code)
        return await page(form.visit, "canteen.html", context, status=409)
    return RedirectResponse(f"/canteen?site={site}&week={monday.isoformat()}", 303)


@router.get("/canteen/{site}/{on}")
async def menu(visit: Looks, site: int, on: str) -> Response:
    """The menu of one day, to change."""
    day = _day(visit, site, on)
    return await page(visit, "menu.html", _menu_page(visit, day, _menu(visit.school, day)))


@router.post("/canteen/{site}/{on}/menu")
async def set_menu(form: Cooks, site: int, on: str) -> Response:
    """What is offered that day from now on."""
    day, was = _day(form.visit, site, on), form.text("was")
    choices = tuple(_typed(form, choice) for choice in _choices(form.visit.school, _menu(form.visit.school, day)))
    offers = tuple(Offer(each.product.id, _cents(each.price), each.allergens) for each in choices if each.is_offered)
    made = Menu(day.site.id, day.date, offers)
    answer = await form.visit.office.desk.edit(form.ask, rules.put_menu, made, as_shown(was))
    if answer.refusal is None:
        return RedirectResponse(f"/canteen?site={site}&week={on}", 303)
    now = _choices(form.visit.school, _menu(form.visit.school, day)) if answer.refusal.code == "changed_meanwhile" else ()
    new = stamp(_menu(form.visit.school, day)) if now else was
    context = MenuPage(day, choices, new, _all_allergens(), may_change=True, problem=answer.refusal, now=now)
    return await page(form.visit, "menu.html", context, status=409)


# --- orders ---------------------------------------------------------------------------------------


@router.get("/canteen/{site}/{on}/kitchen")
async def kitchen(visit: Looks, site: int, on: str) -> Response:
    """What to cook, by product, diet and class: to print."""
    day = _day(visit, site, on)
    await visit.office.desk.seen()
    context = await asyncio.to_thread(_kitchen, visit.school, visit.office.desk.books, day)
    return await page(visit, "kitchen.html", context)


@router.get("/canteen/{site}/{on}/orders")
async def orders(visit: Looks, site: int, on: str, q: str = "", pupil: int = 0) -> Response:
    """Who eats what that day, who waits, and one order to change."""
    day = _day(visit, site, on)
    await visit.office.desk.seen()
    return await page(visit, "orders.html", await _orders(visit, day, q, pupil), block="found" if visit.is_fragment else "")


@router.post("/canteen/{site}/{on}/orders")
async def set_order(form: Cooks, site: int, on: str) -> Response:
    """Order, change, cancel or wait for somebody, as the rules allow at this moment."""
    visit, act = form.visit, form.text("act")
    day, pupil = _day(visit, site, on), visit.pupil(form.number("pupil"))
    assert visit.person is not None, "staff are signed in"
    wish = Wish(pupil.id, day.site.id, day.date, By.STAFF, visit.office.now_ms(), visit.person.id)
    still = partial(_still, form.text("was"))
    if act in BOUGHT:
        answer = await visit.office.desk.do(form.ask, still(BOUGHT[act]), form.ask, wish, visit.product(form.number("product")).id)
    elif act in ENDED:
        answer = await visit.office.desk.do(form.ask, still(ENDED[act]), form.ask, wish)
    else:
        raise HTTPException(422)
    if answer.refusal:
        return await page(visit, "orders.html", await _orders(visit, day, "", pupil.id, answer.refusal, form.number("product")), status=409)
    return RedirectResponse(f"/canteen/{site}/{on}/orders?pupil={pupil.id}", 303)


# --- diets ----------------------------------------------------------------------------------------


@router.get("/diets/{site}")
async def diets(visit: Looks, site: int, q: str = "", pupil: int = 0) -> Response:
    """Who eats otherwise, and what they must not eat."""
    place = visit.site(site)
    visit.ask_pin()
    context = await asyncio.to_thread(_diets, visit, place, q, pupil)
    return await page(visit, "diets.html", context, block="found" if visit.is_fragment else "")


@router.post("/diets/{site}")
async def set_diet(form: Cooks, site: int) -> Response:
    """What a pupil eats from now on."""
    place, pupil, was = form.visit.site(site), form.visit.pupil(form.number("pupil")), form.text("was")
    form.visit.ask_pin()
    diet = Diet(pupil.id, form.text("diet"), _allergens(form.fields.get("allergen", ())))
    answer = await form.visit.office.desk.edit(form.ask, put_diet, diet, as_shown(was))
    if answer.refusal:
        shown = await asyncio.to_thread(_diets, form.visit, place, "", pupil.id, answer.refusal, Eater(pupil, diet))
        return await page(form.visit, "diets.html", shown, status=409)
    return RedirectResponse(f"/diets/{site}", 303)


# --- contexts -------------------------------------------------------------------------------------


def _week(visit: Visit, site: int, week: str, problem: str = "") -> CanteenPage:
    sites = visit.own_sites()
    place = visit.site(site) if site else sites[0] if sites else None
    if place is None:
        return CanteenPage((), None, "", "", "", (), (), may_change=False, problem=problem)
    school, monday = visit.school, _monday(visit, place, week)
    days = [monday + timedelta(days=ahead) for ahead in range(7)]
    days = [day for day in days if day.weekday() < WEEKDAYS or (place.id, day) in school.menus]
    today = day_of(visit.office.now_ms(), place.zone)
    columns = tuple(_column(school, visit.office.desk.books, _day_at(place, day), today) for day in days)
    rows = tuple(
        Row(product, tuple((school.offer(place.id, day, product.id), tariff_on(school, product.id, day)) for day in days))
        for product in _products(school, place.id)
        if (product.kind is ProductKind.MEAL and not product.withdrawn) or any(school.offer(place.id, day, product.id) for day in days)
    )
    before, after = ((monday + timedelta(days=by)).isoformat() for by in (-7, 7))
    return CanteenPage(sites, place, monday.isoformat(), before, after, columns, rows, _may_change(visit, place), problem)


def _may_change(visit: Visit, site: Site) -> bool:
    return site.id in visit.where(Right.MEALS, does=True)


def _column(school: School, books: Books, day: Day, today: date) -> Column:
    code = day_code(day.date)
    meals = (books.meals.get((pupil, day.site.id, code)) for pupil in school.pupils)
    ordered = sum(meal is not None and meal.id != 0 for meal in meals)
    return Column(day, day.date == today, bool(_menu(school, day).offers), ordered)


def _products(school: School, site: int) -> list[Product]:
    """Of a site, meals first."""
    own = (product for product in school.products.values() if product.site == site and product.kind is not ProductKind.FEE)
    return sorted(own, key=lambda each: (each.kind is not ProductKind.MEAL, each.name, each.id))


def _menu(school: School, day: Day) -> Menu:
    return school.menus.get((day.site.id, day.date)) or Menu(day.site.id, day.date, ())


def _menu_page(visit: Visit, day: Day, menu: Menu) -> MenuPage:
    return MenuPage(day, _choices(visit.school, menu), stamp(menu), _all_allergens(), _may_change(visit, day.site))


def _choices(school: School, menu: Menu) -> tuple[Choice, ...]:
    offers = {offer.product: offer for offer in menu.offers}
    found = []
    for product in _products(school, menu.site):
        offer = offers.get(product.id)
        if product.withdrawn and offer is None:
            continue
        cents, contains = (offer.price_cents, offer.allergens) if offer else (product.price_cents, frozenset())
        found.append(Choice(product, offer is not None, bare(write_cents(cents)), contains, tariff_on(school, product.id, menu.day)))
    return tuple(found)


def _typed(form: Form, choice: Choice) -> Choice:
    """What the form says of a product."""
    number = choice.product.id
    allergens = _allergens(form.fields.get(f"allergen-{number}", ()))
    return Choice(choice.product, number in form.numbers("offer"), form.text(f"price-{number}"), allergens, choice.tariff)


def _kitchen(school: School, books: Books, day: Day) -> KitchenPage:
    found: dict[int, list[Count]] = {}
    for count in rules.counts(school, books, day.date, day.site.id):
        found.setdefault(count.product, []).append(count)
    lines = ((school.products.get(product), sum(each.ordered for each in counts), tuple(counts)) for product, counts in found.items())
    return KitchenPage(day, tuple(sorted(lines, key=lambda line: line[0].name if line[0] else "")))


async def _orders(visit: Visit, day: Day, q: str, pupil: int, problem: Refusal | None = None, typed: int = 0) -> OrdersPage:
    school, books, question = visit.school, visit.office.desk.books, " ".join(q.split())[:QUESTION]
    chosen = order_of(school, books, day, visit.pupil(pupil)) if pupil else None
    pupils = filter(visit.knows, school.everyone) if question else school.everyone
    found = await asyncio.to_thread(_found, school, books, day, pupils, question)
    waiting = [order_of(school, books, day, school.pupils[each], each) for each in _awaited(books, day) if each in school.pupils]
    locked = bool(pupil) and not visit.sees_sensitive
    diet = school.diets.get(pupil, Diet(pupil)) if pupil and not locked else None
    before, after = ((day.date + timedelta(days=by)).isoformat() for by in (-1, 1))
    may_change = _may_change(visit, day.site)
    more = max(0, len(found) - LISTED)
    was, listed = stamp(_stands(books, pupil, day.site.id, day_code(day.date))), tuple(found[:LISTED])
    dishes, on_form = _dishes(school, day, diet or Diet(pupil)), typed or (chosen.meal.product if chosen and chosen.meal else 0)
    return OrdersPage(
        day, before, after, question, listed, more, tuple(waiting), chosen, was, dishes, diet, locked, on_form, may_change, problem
    )


def _dishes(school: School, day: Day, diet: Diet) -> tuple[tuple[Product, Fit], ...]:
    """What is on the menu of the day, what suits first."""
    offers = {offer.product: offer for offer in _menu(school, day).offers}
    products = (product for product in _products(school, day.site.id) if product.id in offers)
    fits = [(product, rules.fit(diet, product, offers[product.id])) for product in products]
    return tuple(sorted(fits, key=lambda dish: not dish[1].is_good))


def _found(school: School, books: Books, day: Day, pupils: Iterable[Pupil], question: str) -> list[Order]:
    """Who has ordered, by class and name; with a question, those at the school who are called so, whether they have or not.

    Each order that the kitchen counts is there: that of who has left too, and under the id of a child's second entry.
    """
    words = [fold(word) for word in question.split()]
    found = []
    for pupil in pupils:
        if all(word in fold(f"{pupil.first_name}{pupil.last_name}{pupil.group}") for word in words):
            entries = [order_of(school, books, day, pupil, number) for number in school.ids_of(pupil.id)]
            ordered = [order for order in entries if order.meal]
            found += ordered or (entries[:1] if words and pupil.is_here(day.date) else [])
    return sorted(found, key=lambda one: (fold(one.pupil.group), *by_name(one.pupil)))


Act = Callable[..., Facts | Refusal]


def _still(was: str, act: Act) -> Act:
    """The same act, as long as the pupil's order is the one that the form showed."""

    def decided(school: School, books: Books, ask: int, wish: Wish, *product: int) -> Facts | Refusal:
        stands = _stands(books, wish.pupil, wish.site, day_code(wish.day))
        return act(school, books, ask, wish, *product) if as_shown(was)(stands) else Refusal("changed_meanwhile")

    return decided


def _stands(books: Books, pupil: int, site: int, day: int) -> tuple[Meal | None, MealAwaited | None]:
    """What a pupil has ordered, and waits for."""
    return books.meals.get((pupil, site, day)), books.waiting.get((site, day), {}).get(pupil)


def order_of(school: School, books: Books, day: Day, pupil: Pupil, entered_as: int = 0) -> Order:
    """A pupil's order of a day, and what they wait for; of a second entry of the child's, what was booked under it."""
    meal, awaited = _stands(books, entered_as or pupil.id, day.site.id, day_code(day.date))
    return Order(
        pupil, meal, school.products.get(meal.product) if meal else None, school.products.get(awaited.product) if awaited else None
    )


def _awaited(books: Books, day: Day) -> dict[int, MealAwaited]:
    return books.waiting.get((day.site.id, day_code(day.date)), {})


def _diets(visit: Visit, site: Site, q: str, pupil: int, problem: Refusal | None = None, typed: Eater | None = None) -> DietsPage:
    school, question = visit.school, " ".join(q.split())[:QUESTION]
    words = [fold(word) for word in question.split()]
    today = day_of(visit.office.now_ms(), site.zone)
    known = [each for each in school.everyone if visit.knows(each) and each.is_here(today) and (each.site == site.id or words)]
    named = [each for each in known if all(word in fold(f"{each.first_name}{each.last_name}{each.group}") for word in words)]
    eaters = [Eater(each, school.diets.get(each.id, Diet(each.id))) for each in named]
    found = [each for each in eaters if words or each.diet.code or each.diet.allergens]
    found.sort(key=lambda one: (fold(one.pupil.group), *by_name(one.pupil)))
    now = school.diets.get(pupil, Diet(pupil))
    codes = {diet.code for diet in school.diets.values()} | {code for product in _products(school, site.id) for code in product.diets}
    return DietsPage(
        site=site,
        question=question,
        eaters=tuple(found[:LISTED]),
        more=max(0, len(found) - LISTED),
        chosen=typed or (Eater(visit.pupil(pupil), now) if pupil else None),
        was=stamp(now),
        codes=tuple(sorted(codes - {""})),
        allergens=_all_allergens(),
        may_change=_may_change(visit, site),
        problem=problem,
        now=now if problem and problem.code == "changed_meanwhile" else None,
    )


# --- from the address and the form ----------------------------------------------------------------


def _monday(visit: Visit, site: Site, text: str) -> date:
    """The Monday of the week a day is in; of this week without one."""
    day = _read(text) if text else day_of(visit.office.now_ms(), site.zone)
    return day - timedelta(days=day.weekday())


def _day(visit: Visit, site: int, text: str) -> Day:
    return _day_at(visit.site(site), _read(text))


def _day_at(site: Site, day: date) -> Day:
    return Day(site, day, instant_ms(day, NOON_MIN, site.zone))


def _read(text: str) -> date:
    """A day of this century; 404 for anything else."""
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise HTTPException(404) from error
    if not 2000 <= day.year < 2100:
        raise HTTPException(404)
    return day


def _allergens(codes: Iterable[str]) -> frozenset[Allergen]:
    return frozenset(Allergen(code) for code in codes if code in set(Allergen))


def _all_allergens() -> tuple[str, ...]:
    return tuple(allergen.value for allergen in Allergen)


def _cents(text: str) -> int:
    """-1 for what is no amount: the rule refuses it."""
    found = read_cents(text)
    return -1 if found is None else found
