"""Who pays for a child on which days: custody weeks and exceptions, as a table, and the next two weeks day by day (requirement Q12).

What was charged already stays where it is: who bills moves it, on a page of its own (repaying.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response
from starlette.responses import RedirectResponse

from hub.core.calendar import day_of
from hub.core.facts import Refusal, derived
from hub.core.lists import fold, read_day
from hub.core.payers import payer_on
from hub.core.people import ended, put_custody, put_override
from hub.core.school import Custody, Household, PayerOverride, Product, Programme, Pupil, Rows, School, Weeks
from hub.web.render import as_shown, page, stamp
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit

DAYS = 14
"""Shown one by one: a whole turn of odd and even weeks."""
HOMES = 20

Looks = Annotated[Visit, Depends(Sees(Right.PUPILS, sensitive=True))]
Writes = Annotated[Form, Depends(Does(Right.PUPILS, sensitive=True))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Turn:
    """A line of custody, or an exception (`item`: what it is for, `*` = everything, empty = custody)."""

    row: Custody | PayerOverride
    household: str
    item: str
    over: bool
    was: str


@dataclass(frozen=True, slots=True)
class PayersPage:
    """`coming`: each of the next days, and the household that pays for what has no exception of its own."""

    pupil: Pupil
    turns: tuple[Turn, ...]
    coming: tuple[tuple[date, str], ...]
    items: tuple[tuple[int, str], ...]
    homes: tuple[Household, ...]
    typed: Mapping[str, str]
    days: tuple[str, ...]
    may_write: bool
    may_bill: bool
    problem: str


@router.get("/pupils/{pupil}/payers")
async def payers(visit: Looks, pupil: int) -> Response:
    """The table, and the next two weeks."""
    return await page(visit, "payers.html", _page(visit, visit.pupil(pupil)))


@router.post("/pupils/{pupil}/payers")
async def add(form: Writes, pupil: int) -> Response:
    """A line more: custody, or an exception for one service or for everything."""
    found = form.visit.pupil(pupil)
    row = _row(form, found)
    if not isinstance(row, Refusal):
        new = as_shown("")
        change = partial(put_custody, turn=row, same=new) if isinstance(row, Custody) else partial(put_override, row=row, same=new)
        refused = (await form.visit.office.desk.edit(form.ask, change)).refusal
        if refused is None:
            return RedirectResponse(_next(form.visit, found, row.from_day), 303)
        row = refused
    return await page(form.visit, "payers.html", _page(form.visit, found, form, row.code), status=409)


@router.post("/pupils/{pupil}/payers/{turn}/end")
async def end(form: Writes, pupil: int, turn: int) -> Response:
    """A line holds no more from today on."""
    found, school = form.visit.pupil(pupil), form.visit.school
    row = next((each for each in _rows(school, found.id) if each.id == turn), None)
    if row is None:
        raise HTTPException(404)
    answer = await form.visit.office.desk.edit(form.ask, partial(_end, row, _today(form.visit, found), form.text("was")))
    if answer.refusal is None:
        return RedirectResponse(f"/pupils/{found.id}/payers", 303)
    return await page(form.visit, "payers.html", _page(form.visit, found, form, answer.refusal.code), status=409)


TYPED = ("home", "household", "from_day", "until_day", "weeks", "what")
NOTHING: Mapping[str, str] = dict.fromkeys(TYPED, "")
WEEK = tuple("0123456")


def _end(row: Custody | PayerOverride, today: date, was: str, school: School) -> Rows | Refusal:
    return (ended(row, today),) if row in _rows(school, row.pupil) and stamp(row) == was else Refusal("changed_meanwhile")


def _row(form: Form, pupil: Pupil) -> Custody | PayerOverride | Refusal:
    """The line that was typed. The last day is included as people write it."""
    homes = _homes(form.visit, form.text("home"))
    chosen = form.number("household")
    household = form.visit.household(chosen).id if chosen else homes[0].id if len(homes) == 1 else 0
    if not household:
        return Refusal("which_payer" if homes else "no_such_household")
    first, last = read_day(form.text("from_day")), read_day(form.text("until_day"))
    if first is None or (form.text("until_day") and last is None):
        return Refusal("no_date")
    until = last + timedelta(days=1) if last else None
    number, what = derived(form.ask, "payer"), form.text("what")
    if what:
        item = form.number("what")  # `*` is no number: everything
        return PayerOverride(number, pupil.id, household, first, until, item)
    weeks = next((each for each in Weeks if each.value == form.text("weeks")), Weeks.EVERY)
    weekdays = frozenset(int(day) for day in form.fields.get("day", []) if day in WEEK)
    return Custody(number, pupil.id, household, first, until, weeks, weekdays)


def _next(visit: Visit, pupil: Pupil, since: date) -> str:
    """Where a line leads to that holds from a day on: of a day that is over, something may have been charged to another household."""
    if since < _today(visit, pupil) and _may_bill(visit, pupil):
        return f"/pupils/{pupil.id}/charged?since={since}"
    return f"/pupils/{pupil.id}/payers"


def _may_bill(visit: Visit, pupil: Pupil) -> bool:
    return visit.at(Right.BILLING, does=True).knows(pupil)


def _page(visit: Visit, pupil: Pupil, form: Form | None = None, problem: str = "") -> PayersPage:
    school, today = visit.school, _today(visit, pupil)
    names = {home.id: home.name for home in school.homes}
    coming = (today + timedelta(days=shift) for shift in range(DAYS))
    known: tuple[Programme | Product, ...] = (*school.programmes.values(), *school.products.values())
    return PayersPage(
        pupil=pupil,
        turns=tuple(_turn(school, row, today) for row in _rows(school, pupil.id)),
        coming=tuple((day, names[payer_on(school, pupil, 0, day)]) for day in coming),
        items=tuple((each.id, each.name) for each in known if each.site == pupil.site),
        homes=_homes(visit, form.text("home")) if form and problem == "which_payer" else (),
        typed={name: form.text(name) for name in TYPED} if form else {**NOTHING, "from_day": today.isoformat()},
        days=tuple(form.fields.get("day", [])) if form else WEEK,
        may_write=visit.at(Right.PUPILS, does=True).knows(pupil),
        may_bill=_may_bill(visit, pupil),
        problem=problem,
    )


def _rows(school: School, pupil: int) -> tuple[Custody | PayerOverride, ...]:
    return (*school.custody.get(pupil, ()), *school.overrides.get(pupil, ()))


def _turn(school: School, row: Custody | PayerOverride, today: date) -> Turn:
    item = ""
    if isinstance(row, PayerOverride):
        found = school.programmes.get(row.item) or school.products.get(row.item)
        item = found.name if found else "*"
    over = row.until_day is not None and row.until_day <= today
    return Turn(row, school.households[row.household].name, item, over, stamp(row))


def _homes(visit: Visit, name: str) -> tuple[Household, ...]:
    """The households of this name that the visitor may know of."""
    called = (home for home in visit.school.homes if name and fold(home.name) == fold(name))
    return tuple(home for home in called if visit.knows_family(home.id))[:HOMES]


def _today(visit: Visit, pupil: Pupil) -> date:
    return day_of(visit.office.now_ms(), visit.school.sites[pupil.site].zone)
