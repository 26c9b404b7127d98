"""Meals and articles: what the kitchen of a site cooks and its tills sell, each with a picture for those who cannot read yet.

A first price is given here; later ones are tariffs with their first day, on the page of the tariffs: what is in force today is shown.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from starlette.responses import RedirectResponse

from hub.core.calendar import day_of
from hub.core.facts import Refusal, derived
from hub.core.menus import Allergen
from hub.core.money import bare, read_cents, write_cents
from hub.core.products import put_product, sold_at
from hub.core.school import Policy, Product, ProductKind, Site, Tariff
from hub.core.tariffs import tariff_on
from hub.web.render import as_shown, page, stamp
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit

PICTURES = ("plate", "soup", "pasta", "sandwich", "meat", "fish", "vegetarian", "pizza", "salad", "fruit", "dessert")
"""Names of drawings in static/pictures.svg."""
POLICIES = {ProductKind.MEAL: Policy.MUST_SERVE, ProductKind.ARTICLE: Policy.LIMIT}
"""What is usual: a child who is there eats, whatever is in the wallet; an article is sold down to the site's limit."""
_BETWEEN = re.compile(r"[,;\n]")

Looks = Annotated[Visit, Depends(Sees(Right.MEALS))]
Cooks = Annotated[Form, Depends(Does(Right.MEALS))]
Typed = Mapping[str, str]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class ProductsPage:
    """Every site with its meals and articles, each with its tariff of today, if it has one: else its own price counts."""

    places: tuple[tuple[Site, tuple[tuple[Product, Tariff | None], ...]], ...]
    may_change: bool
    done: str


@dataclass(frozen=True, slots=True)
class ProductPage:
    """`product` None: a new one. `typed`: the fields as they are or were typed; `now`: what somebody else has made of it meanwhile.

    `tariff`: that of today, None = its own price counts.
    """

    product: Product | None
    tariff: Tariff | None
    sites: tuple[Site, ...]
    typed: Typed
    chosen: frozenset[str]
    allergens: tuple[str, ...]
    pictures: tuple[str, ...]
    was: str
    may_change: bool
    may_price: bool
    problem: Refusal | None = None
    now: Product | None = None


@router.get("/products")
async def products(visit: Looks, done: str = "") -> Response:
    """What each site has to give."""
    places = tuple((site, tuple((one, _today(visit, one)) for one in sold_at(visit.school, site.id))) for site in visit.own_sites())
    return await page(visit, "products.html", ProductsPage(places, visit.may(Right.MEALS, does=True), done))


@router.get("/products/new")
async def new(visit: Looks, site: int = 0, kind: str = "") -> Response:
    """The form of a further one."""
    article = kind == ProductKind.ARTICLE
    chosen = ProductKind.ARTICLE if article else ProductKind.MEAL
    typed = {"site": str(site), "kind": chosen.value, "policy": "", "name": "", "price": "", "diets": "", "picture": "", "withdrawn": ""}
    return await page(visit, "product.html", _page(visit, None, typed, frozenset()))


@router.get("/products/{product}")
async def product(visit: Looks, product: int) -> Response:
    """One of them, to change."""
    found = visit.product(product)
    return await page(visit, "product.html", _page(visit, found, _fields(found), found.allergens))


@router.post("/products/new")
async def add(form: Cooks) -> Response:
    """A further meal or article."""
    site = form.visit.site(form.number("site"))
    kind = ProductKind.ARTICLE if form.text("kind") == ProductKind.ARTICLE else ProductKind.MEAL
    cents = read_cents(form.text("price"))
    made = _said(form, Product(derived(form.ask, "product"), site.id, kind, "", -1 if cents is None else cents, POLICIES[kind]))
    return await _put(form, None, made)


@router.post("/products/{product}")
async def change(form: Cooks, product: int) -> Response:
    """One of them as it is from now on."""
    found = form.visit.product(product)
    return await _put(form, found, _said(form, found))


async def _put(form: Form, known: Product | None, said: Product) -> Response:
    visit = form.visit
    answer = await visit.office.desk.edit(form.ask, put_product, said, as_shown(form.text("was")))
    if answer.refusal is None:
        return RedirectResponse("/products?done=saved", 303)
    now = visit.product(known.id) if known and answer.refusal.code == "changed_meanwhile" else None
    names = ("site", "kind", "policy", "name", "price", "diets", "picture", "withdrawn")
    typed = {name: form.text(name) for name in names} | ({"kind": known.kind.value} if known else {})
    shown = _page(visit, known, typed, said.allergens, answer.refusal, form.text("was"), now)
    return await page(visit, "product.html", shown, status=409)


def _said(form: Form, product: Product) -> Product:
    """A product with what the form says of it."""
    policy = next((one for one in Policy if one.value == form.text("policy")), POLICIES[product.kind])
    picture = form.text("picture") if form.text("picture") in PICTURES else ""
    diets = frozenset(code.strip() for code in _BETWEEN.split(form.text("diets")) if code.strip())
    allergens = frozenset(one for one in Allergen if one.value in form.fields.get("allergen", ()))
    fields = (product.id, product.site, product.kind, form.text("name"), product.price_cents, policy, allergens, diets)
    return Product(*fields, product.legal, picture, withdrawn=bool(form.text("withdrawn")))


def _fields(product: Product) -> Typed:
    """What the form shows of a product that is there."""
    price, diets = bare(write_cents(product.price_cents)), ", ".join(sorted(product.diets))
    known = {"site": str(product.site), "kind": product.kind.value, "policy": product.policy.value}
    withdrawn = "1" if product.withdrawn else ""
    return {**known, "name": product.name, "price": price, "diets": diets, "picture": product.picture, "withdrawn": withdrawn}


def _today(visit: Visit, product: Product) -> Tariff | None:
    """The tariff that is in force today, if it has one."""
    return tariff_on(visit.school, product.id, day_of(visit.office.now_ms(), visit.school.sites[product.site].zone))


def _page(
    visit: Visit,
    product: Product | None,
    typed: Typed,
    chosen: Iterable[str],
    problem: Refusal | None = None,
    was: str = "",
    now: Product | None = None,
) -> ProductPage:
    cooks, prices = visit.at(Right.MEALS, does=True), visit.where(Right.TARIFFS, does=True)
    return ProductPage(
        product=product,
        tariff=_today(visit, product) if product else None,
        sites=cooks.own_sites() or visit.own_sites(),
        typed=typed,
        chosen=frozenset(chosen),
        allergens=tuple(one.value for one in Allergen),
        pictures=PICTURES,
        was=stamp(now or product) if now or not was else was,
        may_change=product.site in cooks.sites if product else bool(cooks.sites),
        may_price=product is not None and product.site in prices,
        problem=problem,
        now=now,
    )
