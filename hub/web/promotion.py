"""Change of school year: a table of classes and the next ones, what it would do, then all of it at once."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Response
from starlette.responses import RedirectResponse

from hub.core.calendar import day_of
from hub.core.facts import derived
from hub.core.leaving import call_off
from hub.core.promotion import LEAVES, classes, first_day_without, promote, suggested
from hub.core.school import Pupil
from hub.core.trail import Wanted
from hub.web.asking import NOWHERE
from hub.web.render import page, stamp
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit

NAMES = 8
"""Names of a class that are shown; more are counted."""
ACT = "POST /promotion"
"""As the trail has a change that was made."""
RECENT_MS = 300 * 86_400_000
"""A change that is younger than this may be that of the same summer."""
_FIELD = re.compile(r"next-(\d+)-(.+)", re.DOTALL)

Looks = Annotated[Visit, Depends(Sees(Right.PUPILS))]
Writes = Annotated[Form, Depends(Does(Right.PUPILS))]
Key = tuple[int, str]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Step:
    """One class: `field` is its next class on the form. `leaves`: whether its pupils go."""

    field: str
    site: str
    group: str
    following: str
    leaves: bool
    count: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Before:
    """The last change of year: when, and who made it. It may have been of other sites."""

    at_ms: int
    zone: ZoneInfo
    by: str


@dataclass(frozen=True, slots=True)
class PromotionPage:
    """`preview`: whether it was looked at and can be done. `was`: who was in which class. `before`: None = none within `RECENT_MS`."""

    steps: tuple[Step, ...]
    was: str
    preview: bool
    moving: int
    leaving: int
    problem: str
    done: str
    before: Before | None


@router.get("/promotion")
async def table(visit: Looks, done: str = "") -> Response:
    """Every class, and the one that usually follows; just after a change, the classes as they are: nobody is to be moved twice."""
    found = await asyncio.to_thread(classes, visit.school, visit.sites, _today(visit))
    return await _shown(visit, {key: key[1] if done else suggested(key[1]) for key in found}, done=done)


@router.post("/promotion")
async def change(form: Writes) -> Response:
    """Show what it would do, or do it."""
    visit, office, today = form.visit, form.visit.office, _today(form.visit)
    found = await asyncio.to_thread(classes, visit.school, visit.sites, today)
    following = _typed(form, found)
    if form.text("do") != "yes":
        visit.only_shows()
        return await _shown(visit, following, preview=True)
    if not visit.own_sites() or form.text("was") != _was(found):
        return await _shown(visit, following, problem="changed_meanwhile")
    shown = {key: frozenset(pupil.id for pupil in pupils) for key, pupils in found.items()}
    answer = await office.desk.edit_aside(form.ask, promote, shown, following, today)
    if answer.refusal is None:
        leavers = [pupil.id for key, pupils in found.items() if following[key] == LEAVES for pupil in pupils]
        await _call_off(form, leavers, first_day_without(today))
        return RedirectResponse("/promotion?done=yes", 303)
    return await _shown(visit, following, problem=answer.refusal.code)


async def _call_off(form: Form, leavers: Iterable[int], since: date) -> None:
    """Cancel the meals that leavers have ordered for later, one pupil after the other: taps go in between."""
    assert form.visit.person is not None, "signed in"
    now_ms = form.visit.office.now_ms()
    for pupil in leavers:
        ask = derived(form.ask, f"orders {pupil}")
        await form.visit.office.desk.do(ask, call_off, ask, pupil, since, now_ms, form.visit.person.id)
        await asyncio.sleep(0)  # who has ordered nothing is answered without waiting


def _today(visit: Visit) -> date:
    return day_of(visit.office.now_ms(), _zone(visit))


def _zone(visit: Visit) -> ZoneInfo:
    return next((site.zone for site in visit.own_sites()), NOWHERE)


def _typed(form: Form, found: Mapping[Key, tuple[Pupil, ...]]) -> dict[Key, str]:
    """The next class of each class; what the form does not name, or leaves empty without a word, stays."""
    following = {key: key[1] for key in found}
    for name in form.fields:
        field = _FIELD.fullmatch(name)
        key = (int(field[1]), field[2]) if field else None
        if key in following:
            leaves = form.text(name.replace("next-", "leave-", 1)) == "yes"
            following[key] = LEAVES if leaves else form.text(name) or key[1]
    return following


def _was(found: Mapping[Key, tuple[Pupil, ...]]) -> str:
    return stamp([(site, group, [pupil.id for pupil in pupils]) for (site, group), pupils in found.items()])


async def _shown(visit: Visit, following: Mapping[Key, str], *, preview: bool = False, problem: str = "", done: str = "") -> Response:
    before = None if done else await _before(visit)
    context = await asyncio.to_thread(_page, visit, following, preview=preview, problem=problem, done=done, before=before)
    return await page(visit, "promotion.html", context, status=409 if problem else 200)


async def _before(visit: Visit) -> Before | None:
    office = visit.office
    steps = await office.trail.steps(Wanted(from_ms=office.wall_ms() - RECENT_MS, act=ACT), 1)
    if not steps:
        return None
    names = {one.id: one.name for one in await office.accounts.everyone()}
    return Before(steps[0].at_ms, _zone(visit), names[steps[0].staff])


def _page(visit: Visit, following: Mapping[Key, str], *, preview: bool, problem: str, done: str, before: Before | None) -> PromotionPage:
    found = classes(visit.school, visit.sites, _today(visit))
    steps = []
    for (site, group), pupils in found.items():
        name = following.get((site, group), group)
        names = tuple(f"{pupil.first_name} {pupil.last_name}" for pupil in pupils[:NAMES])
        place = visit.school.sites[site].name
        steps.append(Step(f"{site}-{group}", place, group, name, name == LEAVES, len(pupils), names))
    return PromotionPage(
        steps=tuple(steps),
        was=_was(found),
        preview=preview,
        moving=sum(step.count for step in steps if not step.leaves and step.following != step.group),
        leaving=sum(step.count for step in steps if step.leaves),
        problem=problem,
        done=done,
        before=before,
    )
