"""The tariffs of each site in words and money: what holds today, what comes, what ended; and the daily maxima of groups."""

from dataclasses import dataclass
from datetime import date

from fastapi import APIRouter, HTTPException, Response
from starlette.responses import RedirectResponse

from hub.core import tariffversions as rules
from hub.core.drafting import amount_typed
from hub.core.facts import derived
from hub.core.lists import fold
from hub.core.money import read_cents
from hub.core.school import School, Site, Tariff, TariffGroup
from hub.core.tariffs import tariff_on
from hub.web.render import as_shown, page, stamp
from hub.web.rights import Right, sites_where
from hub.web.session import Visit
from hub.web.tariffs.drafts import Looks, Priced, Sets, priced, today_at

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Listed:
    """What something costs. `now` None: no tariff holds today. `coming` begin later, `ended` are over; both in order."""

    item: Priced
    now: Tariff | None
    coming: tuple[Tariff, ...]
    ended: tuple[Tariff, ...]


@dataclass(frozen=True, slots=True)
class Place:
    site: Site
    services: tuple[Listed, ...]
    products: tuple[Listed, ...]


@dataclass(frozen=True, slots=True)
class Maximum:
    """A tariff group and what its form shows; `row` None: a new one."""

    row: TariffGroup | None
    name: str
    amount: str
    was: str


@dataclass(frozen=True, slots=True)
class TariffsPage:
    """`may_all`: whether the visitor may change daily maxima, which belong to all sites. `at`: whose form has the problem."""

    places: tuple[Place, ...]
    groups: tuple[Maximum, ...]
    names: dict[int, TariffGroup]
    may_change: frozenset[int]
    may_all: bool
    problem: str
    at: int
    done: str


@dataclass(frozen=True, slots=True)
class TariffPage:
    """One of them, with all its versions."""

    listed: Listed
    names: dict[int, TariffGroup]
    may_change: bool
    may_try: bool
    was: str
    problem: str
    done: str


@router.get("/tariffs")
async def tariffs(visit: Looks, done: str = "") -> Response:
    """All of them, by site."""
    return await page(visit, "tariffs.html", _tariffs(visit, done=done))


@router.post("/tariffs/groups")
async def group(form: Sets) -> Response:
    """A daily maximum, new or changed: it belongs to all sites."""
    visit, number = form.visit, form.number("group")
    if not visit.may_everywhere(Right.TARIFFS) or (number and number not in visit.school.groups):
        raise HTTPException(404)
    row = TariffGroup(number or derived(form.ask, "group"), form.text("name"), read_cents(form.text("amount")) or 0)
    answer = await visit.office.desk.edit(form.ask, rules.put_group, row, as_shown(form.text("was")))
    if answer.refusal is None:
        return RedirectResponse("/tariffs?done=saved#maxima", 303)
    typed = Maximum(visit.school.groups.get(number), form.text("name"), form.text("amount"), form.text("was"))
    return await page(visit, "tariffs.html", _tariffs(visit, answer.refusal.code, typed), status=409)


@router.get("/tariffs/{priced}")
async def tariff(visit: Looks, priced: int, done: str = "") -> Response:
    """One of them, with all its versions."""
    return await page(visit, "tariff.html", _tariff(visit, priced, done=done))


@router.post("/tariffs/{priced}/withdraw")
async def withdraw(form: Sets, priced: int) -> Response:
    """A version that has not begun yet holds on no day."""
    visit, shown = form.visit, _tariff(form.visit, priced)
    today, same = today_at(visit, shown.listed.item.site), as_shown(form.text("was"))
    answer = await visit.office.desk.edit(form.ask, rules.withdraw, priced, form.number("version"), today, same)
    if answer.refusal is None:
        return RedirectResponse(f"/tariffs/{priced}?done=withdrawn", 303)
    return await page(visit, "tariff.html", _tariff(visit, priced, answer.refusal.code), status=409)


def listed(school: School, item: Priced, today: date) -> Listed:
    """The versions of one thing, as they stand to a day."""
    versions = rules.in_force(school, item.id)
    coming = tuple(one for one in versions if one.from_day > today)
    ended = tuple(one for one in versions if one.until_day is not None and one.until_day <= today)
    return Listed(item, tariff_on(school, item.id, today), coming, ended)


def _tariffs(visit: Visit, problem: str = "", typed: Maximum | None = None, done: str = "") -> TariffsPage:
    school = visit.school
    groups = [_maximum(row) for row in sorted(school.groups.values(), key=lambda row: (fold(row.name), row.id))]
    at = typed.row.id if typed and typed.row else 0
    if typed and at:
        groups = [typed if one.row and one.row.id == at else one for one in groups]
    empty = typed if typed and not at else Maximum(None, "", "", "")
    return TariffsPage(
        places=tuple(_place(visit, site) for site in visit.own_sites()),
        groups=(*groups, empty),
        names=dict(school.groups),
        may_change=_may_change(visit),
        may_all=visit.may_everywhere(Right.TARIFFS),
        problem=problem,
        at=at,
        done=done,
    )


def _place(visit: Visit, site: Site) -> Place:
    school, today = visit.school, today_at(visit, site)
    services = [one.id for one in sorted(school.programmes.values(), key=lambda one: (fold(one.name), one.id)) if one.site == site.id]
    products = [one.id for one in sorted(school.products.values(), key=lambda one: (fold(one.name), one.id)) if one.site == site.id]
    found = [tuple(listed(school, priced(visit, one), today) for one in each) for each in (services, products)]
    return Place(site, *found)


def _tariff(visit: Visit, number: int, problem: str = "", done: str = "") -> TariffPage:
    item = priced(visit, number)
    found = listed(visit.school, item, today_at(visit, item.site))
    return TariffPage(
        listed=found,
        names=dict(visit.school.groups),
        may_change=item.site.id in _may_change(visit),
        may_try=item.site.id in visit.where(Right.MONEY),
        was=stamp(rules.in_force(visit.school, number)),
        problem=problem,
        done=done,
    )


def _maximum(row: TariffGroup) -> Maximum:
    return Maximum(row, row.name, amount_typed(row.max_cents), stamp(row))


def _may_change(visit: Visit) -> frozenset[int]:
    """The sites whose tariffs this person may change."""
    return sites_where(visit.person.posts, Right.TARIFFS, visit.school, does=True) if visit.person else frozenset()
