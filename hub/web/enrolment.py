"""Write a pupil down, and put right what is written: names, class, site, household, birth date, what may be spent a day."""

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from starlette.responses import RedirectResponse

from hub.core.calendar import day_of
from hub.core.facts import Refusal, derived
from hub.core.lists import fold, read_day
from hub.core.money import read_cents, write_cents
from hub.core.people import put_pupil, twins_of
from hub.core.school import Household, Pupil, Rows, School, Site
from hub.web.render import page, stamp
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit

HOMES = 20
"""Households of one name to choose from."""
NEW = "new"
"""The choice of a household that is made."""

Looks = Annotated[Visit, Depends(Sees(Right.PUPILS))]
Writes = Annotated[Form, Depends(Does(Right.PUPILS))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as it was filled in, right or wrong. `home`: the name of the household; `household`: which one of that name, or `NEW`."""

    first_name: str = ""
    last_name: str = ""
    group: str = ""
    site: str = ""
    home: str = ""
    household: str = ""
    born: str = ""
    limit: str = ""
    child_type: str = ""


@dataclass(frozen=True, slots=True)
class Home:
    """A household to choose, and its children."""

    household: Household
    children: tuple[Pupil, ...]


@dataclass(frozen=True, slots=True)
class EnrolmentPage:
    """`pupil`: None for a new one. `now`: what somebody else has made of it meanwhile. `homes` to choose from, `twins` maybe the same."""

    pupil: Pupil | None
    typed: Typed
    was: str
    sites: tuple[Site, ...]
    groups: tuple[str, ...]
    problem: str
    now: Typed | None = None
    homes: tuple[Home, ...] = ()
    twins: tuple[Pupil, ...] = ()
    new: str = NEW


@router.get("/pupils/new")
async def new_form(visit: Looks, household: int = 0) -> Response:
    """An empty form; `household`: the one whose child it is."""
    home = visit.household(household) if household else None
    site = visit.own_sites()[0].id if len(visit.own_sites()) == 1 else ""
    name, number = (home.name, str(home.id)) if home else ("", "")
    typed = Typed(last_name=name, site=str(site), home=name, household=number)
    return await page(visit, "enrolment.html", await asyncio.to_thread(_page, visit, None, typed))


@router.post("/pupils/new")
async def add(form: Writes) -> Response:
    """Write a new pupil down."""
    return await _write(form, None)


@router.get("/pupils/{pupil}/edit")
async def edit_form(visit: Looks, pupil: int) -> Response:
    """What is written of a pupil, to be put right."""
    found = visit.pupil(pupil)
    return await page(visit, "enrolment.html", await asyncio.to_thread(_page, visit, found, _written(visit.school, found)))


@router.post("/pupils/{pupil}/edit")
async def edit(form: Writes, pupil: int) -> Response:
    """Put it right."""
    return await _write(form, form.visit.pupil(pupil))


async def _write(form: Form, before: Pupil | None) -> Response:
    visit, typed = form.visit, _typed(form)
    made = _made(form, typed, before)
    if isinstance(made, Refusal):
        refusal: Refusal | None = made
    else:
        pupil, household = made
        refusal = (await visit.office.desk.edit(form.ask, partial(_put, form, pupil, household))).refusal
        if refusal is None:
            return RedirectResponse(f"/pupils/{pupil.id}?done=saved", 303)
    context = await asyncio.to_thread(_page, visit, before, typed, refusal, form.text("was"))
    return await page(visit, "enrolment.html", context, status=409)


def _put(form: Form, pupil: Pupil, household: str, school: School) -> Rows | Refusal:
    """The change, decided on the school of that moment."""
    today = day_of(form.visit.office.now_ms(), form.visit.site(pupil.site).zone)
    if pupil.id not in school.pupils and not form.text("another") and twins_of(school, pupil):
        return Refusal("same_name")
    return put_pupil(school, pupil, lambda row: stamp(row) == form.text("was"), today, household)


def _made(form: Form, typed: Typed, before: Pupil | None) -> tuple[Pupil, str] | Refusal:
    """The pupil that was typed, and the name of a household to be made for it, if one is."""
    born, limit_cents = read_day(typed.born), read_cents(typed.limit or "0")
    if typed.born and born is None:
        return Refusal("no_birth_date")
    if limit_cents is None:
        return Refusal("no_limit")
    if not typed.site:
        return Refusal("no_such_site")
    site = form.visit.site(form.number("site")).id
    home = _household(form, typed, before)
    if isinstance(home, Refusal):
        return home
    household, name = home
    known = before or Pupil(derived(form.ask, "pupil"), household, site, "", "")
    said = replace(known, household=household, site=site, first_name=typed.first_name, last_name=typed.last_name, group=typed.group)
    return replace(said, born=born, daily_limit_cents=limit_cents, child_type=typed.child_type), name


def _household(form: Form, typed: Typed, before: Pupil | None) -> tuple[int, str] | Refusal:
    """Which household is meant, or the name of a new one; where several could be, a person says which."""
    school = form.visit.school
    if typed.household == NEW:
        return derived(form.ask, "household"), typed.home
    own = school.households.get(before.household) if before else None
    if own is not None and own.name == typed.home and not form.number("household"):
        return own.id, ""
    chosen = form.number("household")
    if chosen and form.visit.household(chosen).name == typed.home:
        return chosen, ""
    if not typed.home:
        return Refusal("no_household")
    return Refusal("which_household") if before or _homes(form.visit, typed.home) else (derived(form.ask, "household"), typed.home)


def _homes(visit: Visit, name: str) -> tuple[Home, ...]:
    """The households of a name that the visitor may know of."""
    school = visit.school
    called = (home for home in school.homes if name and fold(home.name) == fold(name) and visit.knows_family(home.id))
    return tuple(Home(home, tuple(school.pupils[pupil] for pupil in school.kin.get(home.id, ()))) for home in called)[:HOMES]


def _page(visit: Visit, pupil: Pupil | None, typed: Typed, refusal: Refusal | None = None, was: str = "") -> EnrolmentPage:
    code, now = refusal.code if refusal else "", visit.school.pupils.get(pupil.id) if pupil else None
    same_name = twins_of(visit.school, _named(typed)) if code == "same_name" else ()
    return EnrolmentPage(
        pupil=pupil,
        typed=typed,
        was=stamp(now) if code in {"", "changed_meanwhile"} and now else was,
        sites=visit.own_sites(),
        groups=tuple(sorted({each.group for each in visit.school.pupils.values() if each.group and visit.knows(each)})),
        problem=code,
        now=_written(visit.school, now) if code == "changed_meanwhile" and now else None,
        homes=_homes(visit, typed.home) if code == "which_household" else (),
        twins=tuple(filter(visit.knows, same_name)),
    )


def _named(typed: Typed) -> Pupil:
    return Pupil(0, 0, 0, typed.first_name, typed.last_name, born=read_day(typed.born))


def _typed(form: Form) -> Typed:
    fields = {name: form.text(name) for name in Typed.__dataclass_fields__}
    return Typed(**fields)


def _written(school: School, pupil: Pupil) -> Typed:
    home = school.households.get(pupil.household)
    return Typed(
        first_name=pupil.first_name,
        last_name=pupil.last_name,
        group=pupil.group,
        site=str(pupil.site),
        home=home.name if home else "",
        born=pupil.born.isoformat() if pupil.born else "",
        limit=write_cents(pupil.daily_limit_cents).removesuffix("\u00a0€") if pupil.daily_limit_cents else "",
        child_type=pupil.child_type,
    )
