"""The evacuation list of a site: every child that may be in the building, to tick off on a phone or on paper (requirement M8).

As it is at every look, from the books alone. Ticks stay in the browser; when the hub is gone, the open page goes on as it was.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from hub.core.calendar import day_of
from hub.core.inside import Missing, Present, grown_ups
from hub.core.lists import by_name, fold
from hub.core.papers import Pickup
from hub.core.school import Adult, Pupil, School, Site
from hub.web.render import packed, page
from hub.web.rights import Right
from hub.web.session import Sees, Visit, is_shared

BY_CLASS, BY_ROOM = "class", "room"

Looks = Annotated[Visit, Depends(Sees(Right.TODAY))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Child:
    """One line. `also`: names of other sites where the child may be as well. `adults`: its own; `pickups`: who else may fetch it today."""

    present: Present
    also: tuple[str, ...]
    adults: tuple[Adult, ...]
    pickups: tuple[Pickup, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A class or a room; `name` empty: of no class, or came in by the entrance."""

    name: str
    children: tuple[Child, ...]


@dataclass(frozen=True, slots=True)
class EvacuationPage:
    """`by`: how `groups` are made. `at_ms`: the state this is. `sees_people`: whether grown-ups and their numbers are shown.

    `asks_pin`: they would be, after the PIN of this person on this `shared` device, where the browser keeps no numbers.
    """

    version: str
    site: Site
    by: str
    groups: tuple[Group, ...]
    count: int
    missing: tuple[Missing, ...]
    at_ms: int
    sees_people: bool
    asks_pin: bool
    shared: bool


@router.get("/evacuation/{site}")
async def evacuation(visit: Looks, site: int, by: str = BY_CLASS) -> Response:
    """The list, or its block."""
    office, found = visit.office, visit.site(site)
    await office.desk.seen()
    now_ms, version = office.now_ms(), visit.request.app.state.live.version
    known = (await visit.request.app.state.rolls.of(visit))[found.id]
    present = [one for room in known for one in room.present]
    missing = {one.pupil.id: one for room in known for one in room.missing if not one.seen}
    may_see = found.id in visit.where(Right.PUPILS)
    sees_people = may_see and visit.sees_sensitive
    pickups = await office.papers.pickups_on(day_of(now_ms, found.zone)) if sees_people else {}
    groups = await asyncio.to_thread(groups_of, visit.school, present, pickups if sees_people else None, by)
    context = EvacuationPage(
        version=version,
        site=found,
        by=BY_ROOM if by == BY_ROOM else BY_CLASS,
        groups=groups,
        count=len(present),
        missing=tuple(sorted(missing.values(), key=lambda one: _named(one.pupil))),
        at_ms=now_ms,
        sees_people=sees_people,
        asks_pin=may_see and not visit.sees_sensitive,
        shared=is_shared(visit),
    )
    return await packed(visit, await page(visit, "evacuation.html", context, block="list" if visit.is_fragment else ""))


def groups_of(school: School, present: Sequence[Present], pickups: Mapping[int, Sequence[Pickup]] | None, by: str) -> tuple[Group, ...]:
    """By class (those of none last) or by room, and by name; without `pickups` nobody who may fetch a child is named."""
    adults = grown_ups(school, [one.pupil for one in present]) if pickups is not None else {}

    def child(one: Present) -> Child:
        also = tuple(school.sites[site].name for site in one.also)
        return Child(one, also, adults.get(one.pupil.id, ()), tuple((pickups or {}).get(one.pupil.id, ())))

    def name(one: Present) -> str:
        return one.room if by == BY_ROOM else one.pupil.group

    ordered = sorted(present, key=lambda one: (not name(one), fold(name(one)), name(one), *_named(one.pupil)))
    return tuple(Group(key, tuple(map(child, those))) for key, those in groupby(ordered, key=name))


def _named(pupil: Pupil) -> tuple[str, str, str, int]:
    return fold(pupil.group), *by_name(pupil)
