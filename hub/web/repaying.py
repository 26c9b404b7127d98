"""Charges that are another household's to pay, by a custody that was entered late: each is shown first, then moved (requirement Q12).

Who pays is put right on its own page (payers.py), and moves nothing that was charged. Charges of sites where the visitor may not bill are
counted, and left as they are; so is what a move that was cut off has left, until it is asked for again.
"""

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from starlette.responses import RedirectResponse

from hub.core.calendar import day_of
from hub.core.kept import Place
from hub.core.lists import read_day
from hub.core.named import household_name, item_name
from hub.core.rerating import Rerated, asks, corrected, families, here_now, per_wallet, repaid
from hub.core.school import Pupil, School
from hub.core.why import sentences
from hub.web.render import page, stamp, words
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit

SHOWN = 120
"""Lines of the page; more are counted, and the sums have them."""

Looks = Annotated[Visit, Depends(Sees(Right.BILLING, sensitive=True))]
Moves = Annotated[Form, Depends(Does(Right.BILLING, sensitive=True))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Line:
    """A charge before and after, and the households that were charged and that pay. `stage`: posted (empty), waiting, or a trial."""

    day: date
    pupil: Pupil
    item: str
    charge: int
    before_cents: int
    after_cents: int
    charged_to: str
    pays: str
    stage: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RepayingPage:
    """`lines` of `count` charges; `purses`: site, whose wallet, and by how much it changes now. `since`: as it was typed.

    `elsewhere`: charges of sites that are not the visitor's. `later`: orders cancelled late, moved when their day is over.
    `done`: how many charges were just moved, below zero = nothing was done.
    """

    pupil: Pupil
    since: str
    lines: tuple[Line, ...]
    count: int
    purses: tuple[tuple[str, str, int], ...]
    elsewhere: int
    later: int
    was: str
    problem: str
    done: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What moves, or comes to something else by it, at the visitor's sites; by ask, and without what has to wait."""

    own: tuple[Rerated, ...]
    elsewhere: int

    @property
    def stamp(self) -> str:
        return stamp([(one.charged.charge, one.cents, one.payer) for one in self.own])


@router.get("/pupils/{pupil}/charged")
async def look(visit: Looks, pupil: int, done: int = -1) -> Response:
    """The charges that are not with who pays, from a day on: that of the first line, until another is chosen."""
    found, since = visit.pupil(pupil), visit.request.query_params.get("since", "").strip()[:40]
    return await page(visit, "repaying.html", await _page(visit, found, since or _first(visit, found).isoformat(), done=done))


@router.post("/pupils/{pupil}/charged")
async def move(form: Moves, pupil: int) -> Response:
    """Move them, as they were shown; what has changed meanwhile is shown first."""
    visit, found, typed = form.visit, form.visit.pupil(pupil), form.text("since", 40)
    since = read_day(typed)
    wanted = await _wanted(visit, found, since) if since else None
    if wanted is None or form.text("was") != wanted.stamp:
        problem = "no_date" if wanted is None else "changed_meanwhile"
        if wanted is not None and not wanted.own:  # sent twice: it is done
            return RedirectResponse(f"/pupils/{found.id}/charged?since={typed}", 303)
        return await page(visit, "repaying.html", await _page(visit, found, typed, problem), status=409)
    return RedirectResponse(f"/pupils/{found.id}/charged?since={typed}&done={await _do(form, found, wanted)}", 303)


async def _do(form: Form, pupil: Pupil, wanted: Wanted) -> int:
    """Correct the charges, pupil by pupil; how many they were."""
    desk, now_ms, who = form.visit.office.desk, form.visit.office.now_ms(), form.visit.person
    done = 0
    for ask, some in asks(desk.books, form.ask, wanted.own, _today(form.visit, pupil)).items():
        await desk.do(ask, corrected, ask, some, now_ms, who.id if who else 0)
        done += len(some)
    return done


async def _wanted(visit: Visit, pupil: Pupil, since: date) -> Wanted:
    await visit.office.caught_up()
    school, books = visit.school, visit.office.desk.books
    children = families(school, pupil.id)
    past = [*await visit.office.past.priced_from(children), *here_now(books, children)]
    found = await asyncio.to_thread(repaid, school, books, past, pupil.id, since)
    own = tuple(one for one in found if one.charged.site in visit.sites)
    return Wanted(own, len(found) - len(own))


# --- what is shown --------------------------------------------------------------------------------


async def _page(visit: Visit, pupil: Pupil, typed: str, problem: str = "", done: int = -1) -> RepayingPage:
    """The page; with `problem`, why nothing was done."""
    since, books = read_day(typed), visit.office.desk.books
    wanted = await _wanted(visit, pupil, since) if since else Wanted((), 0)
    together = [one for some in asks(books, 1, wanted.own, _today(visit, pupil)).values() for one in some]
    changed = per_wallet(visit.school, books, together)
    return RepayingPage(
        pupil=pupil,
        since=since.isoformat() if since else typed,
        lines=tuple(_line(visit, one) for one in wanted.own[:SHOWN]),
        count=len(wanted.own),
        purses=tuple((visit.school.sites[place[0]].name, _owner(visit.school, place), cents) for place, cents in changed.items()),
        elsewhere=wanted.elsewhere,
        later=len(wanted.own) - len(together),
        was=wanted.stamp,
        problem=problem or ("" if since else "no_date"),
        done=done,
    )


def _line(visit: Visit, one: Rerated) -> Line:
    school, speaks, charged = visit.school, words(visit.language), one.charged
    said = tuple(speaks.gettext(each.text) % each.values for each in sentences(one.why, school.sites[charged.site].zone))
    return Line(
        day=one.day,
        pupil=school.pupils[charged.pupil],
        item=item_name(school, charged.item),
        charge=charged.charge,
        before_cents=charged.cents,
        after_cents=one.cents,
        charged_to=household_name(school, charged.payer),
        pays=household_name(school, one.payer),
        stage=visit.office.desk.books.charges[charged.charge].stage.value,
        sentences=said,
    )


def _owner(school: School, place: Place) -> str:
    """Whose a wallet is, maybe one that is not opened yet."""
    _, owner, compartment = place
    return school.pupils[owner].first_name if compartment else household_name(school, owner)


def _first(visit: Visit, pupil: Pupil) -> date:
    """The first day of the lines of who pays; today where there are none."""
    school = visit.school
    turns = [turn.from_day for turn in school.custody.get(pupil.id, ())]
    return min([*turns, *(row.from_day for row in school.overrides.get(pupil.id, ()))], default=_today(visit, pupil))


def _today(visit: Visit, pupil: Pupil) -> date:
    return day_of(visit.office.now_ms(), visit.school.sites[pupil.site].zone)
