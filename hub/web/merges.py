"""What was entered twice, a family or a child: those of the same name beside each other, what it would lead to, and made one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from starlette.responses import RedirectResponse

from hub.core.books import Books
from hub.core.facts import derived
from hub.core.lists import fold
from hub.core.merging import brought_over, family_wallets, merge, own_wallets, same_child, stays_and_goes, still_open
from hub.core.school import BadgeState, Household, Pupil, School
from hub.core.wallets import balance_cents
from hub.web.render import as_shown, page, stamp
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit

FOUND = 20

Looks = Annotated[Visit, Depends(Sees(Right.PUPILS, sensitive=True))]
Writes = Annotated[Form, Depends(Does(Right.PUPILS, sensitive=True))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Twin:
    """Another household, and what making the two one leads to.

    `cents`: what is in wallets of the one that goes, where the visitor may see money; None where it has none there.
    """

    household: Household
    children: tuple[Pupil, ...]
    stays: Household
    cents: int | None
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
    found, owners = visit.household(household), _owners(visit.office.desk.books)
    return await page(visit, "merge.html", await asyncio.to_thread(_page, visit, found, owners, q[:80]))


@router.post("/families/{household}/merge")
async def make_one(form: Writes, household: int) -> Response:
    """Make two households one; then the money that was in wallets of the one that goes is in those of the other."""
    desk, one, other = form.visit.office.desk, form.visit.household(household), form.visit.household(form.number("other"))
    owners = _owners(desk.books)
    change = partial(merge, pair=(one.id, other.id), owners=owners, same=as_shown(form.text("was")), ask=form.ask)
    answer = await desk.edit(form.ask, change)
    if answer.refusal is None:
        await _bring_over(form)
        return RedirectResponse(f"/families/{stays_and_goes(one, other, owners)[0].id}?done=merged", 303)
    context = await asyncio.to_thread(_page, form.visit, one, owners, other.name, answer.refusal.code)
    return await page(form.visit, "merge.html", context, status=409)


@dataclass(frozen=True, slots=True)
class SecondEntry:
    """A pupil who may be the same child, and what making it one leads to. `barred`: why it cannot be done yet, empty = it can.

    `cents`: what is in wallets of its own, where the visitor may see money; None where it has none there.
    """

    pupil: Pupil
    household: str
    site: str
    badges: int
    plans: int
    cents: int | None
    barred: str
    was: str


@dataclass(frozen=True, slots=True)
class SameChildPage:
    """`pupil` stays."""

    pupil: Pupil
    household: str
    question: str
    others: tuple[SecondEntry, ...]
    problem: str


@router.get("/pupils/{pupil}/merge")
async def second_entries(visit: Looks, pupil: int, q: str = "") -> Response:
    """Pupils who may be the same child: of the same name, or of the one that is asked for."""
    await visit.office.desk.seen()
    return await page(visit, "same_child.html", await _children_page(visit, visit.pupil(pupil), q[:80]))


@router.post("/pupils/{pupil}/merge")
async def make_one_child(form: Writes, pupil: int) -> Response:
    """Make another pupil this one; then the money that was in wallets of its own goes along."""
    visit, desk, now_ms = form.visit, form.visit.office.desk, form.visit.office.now_ms()
    kept, gone = visit.pupil(pupil), visit.pupil(form.number("other"))
    change = partial(same_child, books=desk.books, pair=(kept.id, gone.id), same=as_shown(form.text("was")), now_ms=now_ms)
    answer = await desk.edit(form.ask, change)
    if answer.refusal is not None:
        name = f"{gone.first_name} {gone.last_name}"
        return await page(visit, "same_child.html", await _children_page(visit, kept, name, answer.refusal.code), status=409)
    await _bring_over(form)
    return RedirectResponse(f"/pupils/{kept.id}?done=merged", 303)


async def _bring_over(form: Form) -> None:
    visit, ask = form.visit, derived(form.ask, "money")
    await visit.office.desk.do(ask, brought_over, ask, visit.office.now_ms(), visit.person.id if visit.person else 0)


async def _children_page(visit: Visit, pupil: Pupil, question: str, problem: str = "") -> SameChildPage:
    found = await asyncio.to_thread(_called, visit, pupil, question or f"{pupil.first_name} {pupil.last_name}")
    others = []
    for other in found[:FOUND]:
        others.append(_second_entry(visit, pupil, other))
        await asyncio.sleep(0)  # the taps that came meanwhile go first
    return SameChildPage(pupil, visit.school.households[pupil.household].name, question, tuple(others), problem)


def _called(visit: Visit, pupil: Pupil, question: str) -> list[Pupil]:
    """Others in whose names all words stand."""
    known = (other for other in visit.school.everyone if other.id != pupil.id and visit.knows(other))
    return [other for other in known if _holds(f"{other.first_name} {other.last_name}", question)]


def _second_entry(visit: Visit, kept: Pupil, gone: Pupil) -> SecondEntry:
    school, books = visit.school, visit.office.desk.books
    return SecondEntry(
        pupil=gone,
        household=school.households[gone.household].name,
        site=school.sites[gone.site].name,
        badges=sum(not badge.until_ms and badge.state is BadgeState.ACTIVE for badge in school.badges_of(gone.id)),
        plans=len(school.plans.get(gone.id, ())),
        cents=_cents_in(visit, own_wallets(school, books, gone.id)),
        barred=still_open(school, books, kept, gone, visit.office.now_ms()),
        was=stamp((kept, gone)),
    )


def _page(visit: Visit, household: Household, owners: frozenset[int], question: str, problem: str = "") -> MergePage:
    others = [other for other in visit.school.homes if other.id != household.id]
    alike = [other for other in others if (_holds(other.name, question) if question else _is_alike(visit.school, household, other))]
    found = [other for other in alike if visit.knows_family(other.id)]
    return MergePage(
        household, _children(visit, household), question, tuple(_twin(visit, household, other, owners) for other in found[:FOUND]), problem
    )


def _twin(visit: Visit, household: Household, other: Household, owners: frozenset[int]) -> Twin:
    stays, goes = stays_and_goes(household, other, owners)
    wallets = family_wallets(visit.school, visit.office.desk.books, goes.id)
    return Twin(other, _children(visit, other), stays, _cents_in(visit, wallets), stamp((household, other)))


def _cents_in(visit: Visit, wallets: Sequence[int]) -> int | None:
    """What is in these wallets, at the sites where the visitor may see money; None where none is."""
    books, counted = visit.office.desk.books, visit.where(Right.MONEY)
    seen = [wallet for wallet in wallets if books.owners[wallet].site in counted]
    return sum(balance_cents(books, wallet) for wallet in seen) if seen else None


def _is_alike(school: School, one: Household, other: Household) -> bool:
    """Whether one name is part of the other, or both have a child of the same name."""
    names, children = (fold(one.name), fold(other.name)), (_names_of(school, one), _names_of(school, other))
    return names[0] in names[1] or names[1] in names[0] or bool(children[0] & children[1])


def _names_of(school: School, household: Household) -> set[str]:
    return {fold(f"{child.first_name}{child.last_name}") for child in map(school.pupils.__getitem__, school.kin.get(household.id, ()))}


def _holds(name: str, question: str) -> bool:
    """Whether all words of a question stand in a name, in whatever order."""
    words, text = [fold(word) for word in question.split()], fold(name)
    return any(words) and all(word in text for word in words)


def _children(visit: Visit, household: Household) -> tuple[Pupil, ...]:
    return tuple(visit.school.pupils[pupil] for pupil in visit.school.kin.get(household.id, ()))


def _owners(books: Books) -> frozenset[int]:
    """Households with a wallet."""
    return frozenset(owner.household for owner in books.owners.values() if owner.household)
