"""Badges: print cards for a class, give a badge by scanning it, find whose one is, block, declare lost, replace.

A code is never stored: only its keyed hash is. A sheet can therefore be printed only at the moment its codes are made.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, HTTPException, Response
from starlette.responses import RedirectResponse

from hub.core import badges as rules
from hub.core.facts import Refusal, derived
from hub.core.school import Badge, BadgeState, Pupil, School
from hub.web.render import page
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit
from hub.web.sheet import Card, draw
from proto.badge import CODE_BYTES, badge_hash, code, read_code

MARK = 4
"""Letters of a code that are kept, to tell two badges apart on a page: a 20th of what would be needed to copy it."""
MOST_CARDS = 60
"""Cards of one print run: two classes, six sheets, some seconds of drawing."""
LISTED = 120
"""Pupils to choose from on one page: four classes; more are counted, and a class narrows them."""
KEPT_SHEETS = 4
KEPT_S = 600
"""A sheet is kept in memory for ten minutes: a form sent twice gives the same cards instead of new ones."""
TAG = re.compile(r"[A-Z][A-Z0-9]{1,7}:(?:[0-9A-F]{2}){4,10}")
"""A tag in its canonical form, such as `EM:6F007B3972` (proto.badge.tag)."""
ENDED = {state.value: state for state in (BadgeState.BLOCKED, BadgeState.LOST)}
WITHOUT = "-"
"""The choice "everyone without a badge" in the list of classes."""

Looks = Annotated[Visit, Depends(Sees(Right.BADGES))]
Gives = Annotated[Form, Depends(Does(Right.BADGES))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Choice:
    """One pupil to print a card for. `marks`: of the badges they hold now."""

    pupil: Pupil
    marks: tuple[str, ...]
    chosen: bool


@dataclass(frozen=True, slots=True)
class BadgesPage:
    """`problem`: empty, or a refusal's code. `most`: cards of one run."""

    groups: tuple[str, ...]
    group: str
    choices: tuple[Choice, ...]
    more: int
    without: int
    problem: str
    most: int = MOST_CARDS
    nobody: str = WITHOUT


@dataclass(frozen=True, slots=True)
class GivePage:
    """Give a scanned or typed badge to one pupil. `holder`: who has it already."""

    pupil: Pupil
    typed: str
    problem: str = ""
    holder: Pupil | None = None


@dataclass(frozen=True, slots=True)
class BadgePage:
    """One badge: whose it is and was, and what can be done with it. `badge` is its newest state."""

    badge: Badge
    pupil: Pupil | None
    states: tuple[Badge, ...]
    zone: ZoneInfo
    problem: str = ""


class Sheets:
    """The print runs of the last minutes, by the id of their form."""

    def __init__(self) -> None:
        self._runs: OrderedDict[int, asyncio.Future[bytes | Refusal]] = OrderedDict()

    async def once(self, ask: int, run: Callable[[], Awaitable[bytes | Refusal]]) -> bytes | Refusal:
        """The cards of this form: made now, or those that were (or are just being) made for it."""
        if ask not in self._runs:
            self._runs[ask] = asyncio.ensure_future(run())
            self._runs[ask].add_done_callback(lambda made: self._keep(ask, made))
            if len(self._runs) > KEPT_SHEETS:
                self._runs.popitem(last=False)
        # A browser that goes away must not stop a run half-way: its second request waits for the same one.
        return await asyncio.shield(self._runs[ask])

    def _keep(self, ask: int, made: asyncio.Future[bytes | Refusal]) -> None:
        """Cards that were printed are kept for a while; a run that came to nothing may be tried again at once."""
        if made.cancelled() or made.exception() or isinstance(made.result(), Refusal):
            self._runs.pop(ask, None)
        else:
            asyncio.get_running_loop().call_later(KEPT_S, self._runs.pop, ask, None)


@router.get("/badges")
async def badges(visit: Looks, group: str = "") -> Response:
    """Choose a class, then the pupils to print cards for."""
    return await page(visit, "badges.html", _choose(visit, group))


@router.post("/badges/find")
async def find(form: Gives) -> Response:
    """Whose badge is this?"""
    office = form.visit.office
    canonical = _canonical(form.text("code"))
    states = office.desk.school.badges.get(badge_hash(office.badge_key, canonical), ()) if canonical else ()
    if not states or not _holds(form.visit, states[-1].pupil):
        problem = "nobodys_badge" if canonical else "no_badge_code"
        return await page(form.visit, "badges.html", _choose(form.visit, "", problem), status=409)
    return RedirectResponse(f"/badges/{states[-1].id}", 303)


@router.post("/badges/sheet.pdf")
async def sheet(form: Gives) -> Response:
    """New cards for the chosen pupils, given and printed in one go."""
    chosen, sheets = form.numbers("pupil"), form.visit.request.app.state.sheets
    problem = "none_chosen" if not chosen else "too_many" if len(chosen) > MOST_CARDS else ""
    if not problem:
        made = await sheets.once(form.ask, lambda: _print(form, chosen))
        if isinstance(made, bytes):
            # As a file: the page stays, and a reload of a viewer cannot print other cards.
            return Response(made, media_type="application/pdf", headers={"content-disposition": 'attachment; filename="badges.pdf"'})
        problem = made.code
    context = _choose(form.visit, form.text("group"), problem, chosen)
    return await page(form.visit, "badges.html", context, status=409)


@router.get("/badges/give")
async def give_form(visit: Looks, pupil: int) -> Response:
    """The form to give a pupil a badge by scanning it."""
    return await page(visit, "give.html", GivePage(visit.pupil(pupil), ""))


@router.post("/badges/give")
async def give(form: Gives) -> Response:
    """Give the badge whose code was scanned or typed."""
    office, typed = form.visit.office, form.text("code")
    pupil = form.visit.pupil(form.number("pupil"))
    canonical = _canonical(typed)
    if canonical is None:
        return await page(form.visit, "give.html", GivePage(pupil, typed, "no_badge_code"), status=409)
    answer = await office.desk.edit(form.ask, rules.give, pupil.id, _new(form, pupil.id, canonical))
    if answer.refusal:
        holder = office.desk.school.pupils.get(answer.refusal.numbers.get("pupil", 0))
        return await page(form.visit, "give.html", GivePage(pupil, typed, answer.refusal.code, holder), status=409)
    return RedirectResponse(f"/pupils/{pupil.id}?done=given", 303)


@router.get("/badges/{badge}")
async def badge(visit: Looks, badge: int) -> Response:
    """One badge, by the id of any of its states."""
    return await page(visit, "badge.html", _badge_page(visit, badge))


@router.post("/badges/{badge}")
async def end(form: Gives, badge: int) -> Response:
    """Block a badge, or declare it lost."""
    office, state = form.visit.office, ENDED.get(form.text("state"))
    before = _badge_page(form.visit, badge)
    if state is None:
        raise HTTPException(422)
    new_id = derived(form.ask, "ended")
    answer = await office.desk.edit(form.ask, rules.block, before.badge.hash, state, office.now_ms(), new_id)
    if answer.refusal:
        return await page(form.visit, "badge.html", _badge_page(form.visit, badge, answer.refusal.code), status=409)
    return RedirectResponse(f"/pupils/{before.badge.pupil}?done={state.value}", 303)


async def _print(form: Form, chosen: tuple[int, ...]) -> bytes | Refusal:
    """Draw first, give then: a card that could not be drawn is nobody's badge."""
    office = form.visit.office
    school = office.desk.school
    pupils = [form.visit.pupil(pupil) for pupil in chosen if pupil in school.pupils]
    codes = [code(office.random_bytes(CODE_BYTES)) for _ in pupils]
    cards = [Card(pupil.first_name, pupil.last_name, pupil.group, text) for pupil, text in zip(pupils, codes, strict=True)]
    drawn = await draw(cards, form.visit.language)
    new = tuple(_new(form, pupil.id, text) for pupil, text in zip(pupils, codes, strict=True))
    answer = await office.desk.edit(form.ask, rules.give_each, new, form.ask, replace_old=form.text("old") == "replace")
    if answer.refusal:
        return answer.refusal
    # The same form, sent before a restart of the hub: its cards were given, these were not.
    return drawn if all(badge.hash in office.desk.school.badges for badge in new) else Refusal("printed_before")


def _new(form: Form, pupil: int, canonical: str) -> Badge:
    office = form.visit.office
    hashed = badge_hash(office.badge_key, canonical)
    return Badge(derived(form.ask, hashed), hashed, pupil, BadgeState.ACTIVE, office.now_ms(), mark=canonical[-MARK:])


def _canonical(typed: str) -> str | None:
    """A printed code (spaces do not matter), or a tag in its canonical form; None for anything else."""
    upper = "".join(typed.split()).upper()
    return read_code(upper) or (upper if TAG.fullmatch(upper) else None)


def _choose(visit: Visit, group: str, problem: str = "", chosen: tuple[int, ...] = ()) -> BadgesPage:
    held, own = _held(visit.school), [pupil for pupil in visit.school.pupils.values() if visit.knows(pupil)]
    if group == WITHOUT:
        pupils = [pupil for pupil in own if pupil.id not in held]
    else:
        pupils = [pupil for pupil in own if group and pupil.group == group]
    pupils.sort(key=lambda pupil: (pupil.group, pupil.last_name, pupil.first_name))
    return BadgesPage(
        groups=tuple(sorted({pupil.group for pupil in own if pupil.group})),
        group=group,
        choices=tuple(Choice(pupil, tuple(held.get(pupil.id, ())), pupil.id in chosen) for pupil in pupils[:LISTED]),
        more=max(0, len(pupils) - LISTED),
        without=sum(pupil.id not in held for pupil in own),
        problem=problem,
    )


def _holds(visit: Visit, pupil: int) -> bool:
    """Whether a badge's holder is of the visitor's sites; whose pupil is gone is anybody's."""
    return pupil not in visit.school.pupils or visit.knows(visit.school.pupils[pupil])


def _held(school: School) -> dict[int, list[str]]:
    """Marks of the badges that pupils hold now, by pupil."""
    found: dict[int, list[str]] = {}
    for states in school.badges.values():
        if states[-1].state is BadgeState.ACTIVE and states[-1].until_ms == 0:
            found.setdefault(states[-1].pupil, []).append(states[-1].mark)
    return found


def _badge_page(visit: Visit, badge: int, problem: str = "") -> BadgePage:
    school = visit.school
    states = next((states for states in school.badges.values() if any(state.id == badge for state in states)), None)
    if states is None or not _holds(visit, states[-1].pupil):
        raise HTTPException(404)
    pupil = school.pupils.get(states[-1].pupil)
    zone = school.sites[pupil.site].zone if pupil else ZoneInfo("Europe/Brussels")
    return BadgePage(states[-1], pupil, tuple(reversed(states)), zone, problem)
