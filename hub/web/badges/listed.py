"""All badges with their state, searched by pupil or last letters; one badge with its history; block it, or declare it lost."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Query, Response
from starlette.responses import RedirectResponse

from hub.core import badges as rules
from hub.core.facts import derived
from hub.core.kept import Charge
from hub.core.lists import fold
from hub.core.school import Badge, BadgeState, Pupil
from hub.web.badges.known import MARK, Gives, Looks, canonical, fee_cents, is_ours, states_of
from hub.web.render import page
from hub.web.rights import Right
from hub.web.session import Visit
from proto.badge import badge_hash

LISTED = 60
"""Badges on one page; more are counted, and a search narrows them."""
VALID, TODAY, ENDED = "valid", "today", "ended"
"""What an active state is at an instant: lasting, a day pass of today, or over. The other states speak for themselves."""
KINDS = (VALID, TODAY, ENDED, BadgeState.LOST.value, BadgeState.BLOCKED.value, BadgeState.REPLACED.value)
ENDING = {state.value: state for state in (BadgeState.BLOCKED, BadgeState.LOST)}
NOWHERE = ZoneInfo("Europe/Brussels")
"""The zone of a badge whose pupil is gone."""

Words = Annotated[str, Query(max_length=80)]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Line:
    """One badge as it is now. `kind`: one of KINDS. `pupil` None: who had it is gone."""

    badge: Badge
    kind: str
    pupil: Pupil | None
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class BadgesPage:
    """`q`, `kind`: what was searched for. `kinds`: how many badges there are of each. `problem`: why a code was not found."""

    lines: tuple[Line, ...]
    more: int
    kinds: tuple[tuple[str, int], ...]
    q: str
    kind: str
    problem: str


@dataclass(frozen=True, slots=True)
class BadgePage:
    """One badge: whose it is and was, and what can be done with it. `line`: as it is now. `others`: the pupil's other badges.

    `states`: each with its holder, and what was charged for replacing it, where the visitor may see money. `fee_cents`: what that may
    cost, 0 = nothing, or charged already. `may_take_back`: the sites whose charges the visitor may take back.
    """

    line: Line
    states: tuple[tuple[Badge, Pupil | None, Charge | None], ...]
    others: tuple[Line, ...]
    fee_cents: int
    may_take_back: frozenset[int]
    problem: str


@router.get("/badges")
async def badges(visit: Looks, q: Words = "", kind: str = "") -> Response:
    """All of them, newest first; or those that were searched for, by name."""
    return await page(visit, "badges.html", await asyncio.to_thread(_listed, visit, q.strip(), kind if kind in KINDS else ""))


@router.post("/badges/find")
async def find(form: Gives) -> Response:
    """Whose badge is this?"""
    office = form.visit.office
    form.visit.only_shows()
    code = canonical(form.text("code"))
    states = office.desk.school.badges.get(badge_hash(office.badge_key, code), ()) if code else ()
    if not states or not is_ours(form.visit, states[-1].pupil):
        problem = "nobodys_badge" if code else "no_badge_code"
        return await page(form.visit, "badges.html", _listed(form.visit, "", "", problem), status=409)
    return RedirectResponse(f"/badges/{states[-1].id}", 303)


@router.get("/badges/{badge}")
async def badge(visit: Looks, badge: int) -> Response:
    """One badge, by the id of any of its states."""
    return await page(visit, "badge.html", _badge_page(visit, badge))


@router.post("/badges/{badge}")
async def end(form: Gives, badge: int) -> Response:
    """Block a badge, or declare it lost."""
    office, state = form.visit.office, ENDING.get(form.text("state"))
    before = states_of(form.visit, badge)[-1]
    if state is None:
        raise HTTPException(422)
    answer = await office.desk.edit(form.ask, rules.block, before.hash, state, office.now_ms(), derived(form.ask, "ended"))
    if answer.refusal:
        return await page(form.visit, "badge.html", _badge_page(form.visit, badge, answer.refusal.code), status=409)
    return RedirectResponse(f"/pupils/{before.pupil}?done={state.value}", 303)


def kind_of(badge: Badge, now_ms: int) -> str:
    """What a badge is at an instant."""
    if badge.state is not BadgeState.ACTIVE:
        return badge.state.value
    if not rules.is_valid(badge, now_ms):
        return ENDED
    return TODAY if badge.until_ms else VALID


def _listed(visit: Visit, q: str, kind: str, problem: str = "") -> BadgesPage:
    own = [_line(visit, states[-1]) for states in visit.school.badges.values() if is_ours(visit, states[-1].pupil)]
    found = [line for line in own if (not kind or line.kind == kind) and (not q or _is_meant(line, q))]
    found.sort(key=_by_name if q else lambda line: (-line.badge.from_ms, line.badge.id))
    return BadgesPage(
        lines=tuple(found[:LISTED]),
        more=max(0, len(found) - LISTED),
        kinds=tuple((each, count) for each in KINDS if (count := sum(line.kind == each for line in own))),
        q=q,
        kind=kind,
        problem=problem,
    )


def _line(visit: Visit, badge: Badge) -> Line:
    pupil = visit.school.pupils.get(badge.pupil)
    zone = visit.school.sites[pupil.site].zone if pupil else NOWHERE
    return Line(badge, kind_of(badge, visit.office.now_ms()), pupil, zone)


def _is_meant(line: Line, q: str) -> bool:
    """By all words of a name or class, or by the last letters as they stand on the card."""
    letters = "".join(q.split()).upper()
    if line.badge.mark and len(letters) <= MARK and line.badge.mark.endswith(letters):
        return True
    name = fold(f"{line.pupil.first_name} {line.pupil.last_name} {line.pupil.group}") if line.pupil else ""
    return all(fold(word) in name for word in q.split())


def _by_name(line: Line) -> tuple[str, str, int, int]:
    last, first = (line.pupil.last_name, line.pupil.first_name) if line.pupil else ("", "")
    return fold(last), fold(first), -line.badge.from_ms, line.badge.id


def _badge_page(visit: Visit, badge: int, problem: str = "") -> BadgePage:
    states = states_of(visit, badge)
    line = _line(visit, states[-1])
    return BadgePage(
        line=line,
        states=tuple((state, _told(visit, state), _fee(visit, state)) for state in reversed(states)),
        others=tuple(_others(visit, states[-1])),
        fee_cents=fee_cents(visit, line.pupil, line.badge) if line.pupil else 0,
        may_take_back=visit.where(Right.BILLING, does=True),
        problem=problem,
    )


def _told(visit: Visit, state: Badge) -> Pupil | None:
    """Whose a state was, if the visitor may know that child."""
    pupil = visit.school.pupils.get(state.pupil)
    return pupil if pupil and visit.knows(pupil) else None


def _fee(visit: Visit, state: Badge) -> Charge | None:
    """What was charged for replacing it, if the visitor may see money there."""
    fee = rules.fee_charged(visit.office.desk.books, state)
    return fee if fee and fee.site in visit.where(Right.MONEY) else None


def _others(visit: Visit, badge: Badge) -> Iterator[Line]:
    for states in visit.school.badges.values():
        if states[-1].pupil == badge.pupil and states[-1].hash != badge.hash:
            yield _line(visit, states[-1])
