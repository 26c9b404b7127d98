"""A family that was entered twice: households of the same name beside each other, what it would lead to, and made one."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from starlette.responses import RedirectResponse

from hub.core.books import Books
from hub.core.lists import fold
from hub.core.merging import merge, stays_and_goes
from hub.core.school import Household, Pupil
from hub.web.render import page, stamp
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit

FOUND = 20

Looks = Annotated[Visit, Depends(Sees(Right.PUPILS))]
Writes = Annotated[Form, Depends(Does(Right.PUPILS))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Twin:
    """Another household, and what making the two one leads to. `barred`: both have a wallet, so nothing is rewritten."""

    household: Household
    children: tuple[Pupil, ...]
    stays: Household
    goes: Household
    barred: bool
    was: str


@dataclass(frozen=True, slots=True)
class MergePage:
    household: Household
    children: tuple[Pupil, ...]
    question: str
    twins: tuple[Twin, ...]
    problem: str


@router.get("/families/{household}/merge")
async def twins(visit: Looks, household: int, q: str = "") -> Response:
    """Households that may be the same family: of the same name, or of the one that is asked for."""
    return await page(visit, "merge.html", _page(visit, visit.household(household), q[:80]))


@router.post("/families/{household}/merge")
async def make_one(form: Writes, household: int) -> Response:
    """Make two households one."""
    one, other = form.visit.household(household), form.visit.household(form.number("other"))
    owners = _owners(form.visit.office.desk.books)
    change = partial(merge, pair=(one.id, other.id), owners=owners, same=partial(_is, form.text("was")), ask=form.ask)
    answer = await form.visit.office.desk.edit(form.ask, change)
    if answer.refusal is None:
        return RedirectResponse(f"/families/{stays_and_goes(one, other, owners)[0].id}?done=merged", 303)
    return await page(form.visit, "merge.html", _page(form.visit, one, other.name, answer.refusal.code), status=409)


def _page(visit: Visit, household: Household, question: str, problem: str = "") -> MergePage:
    wanted, owners, found = fold(question or household.name), _owners(visit.office.desk.books), []
    for other in visit.school.households.values():
        children = _children(visit, other)
        if other.id != household.id and wanted and wanted in fold(other.name) and (not children or any(map(visit.knows, children))):
            stays, goes = stays_and_goes(household, other, owners)
            both = household.id in owners and other.id in owners
            found.append(Twin(other, children, stays, goes, both, stamp((household, other))))
    return MergePage(household, _children(visit, household), question, tuple(found[:FOUND]), problem)


def _children(visit: Visit, household: Household) -> tuple[Pupil, ...]:
    return tuple(visit.school.pupils[pupil] for pupil in visit.school.kin.get(household.id, ()))


def _owners(books: Books) -> frozenset[int]:
    """Households with a wallet."""
    return frozenset(owner.household for owner in books.owners.values() if owner.household)


def _is(was: str, pair: object) -> bool:
    return stamp(pair) == was
