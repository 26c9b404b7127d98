"""Before billing: what staff still have to verify of a programme up to the end of a week, one by one, or all that is complete at once."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from starlette.responses import RedirectResponse

from hub.core import questions
from hub.core.calendar import day_code, day_coded, day_of
from hub.core.codes import Reason
from hub.core.corrections import Staff
from hub.core.facts import Unresolved, derived
from hub.core.questions import Asked, Way, asked
from hub.core.school import Programme, Site
from hub.web import asking
from hub.web.asking import LastAct, Question, day_in, last_act
from hub.web.render import page
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit
from hub.web.turns import in_turns

SHOWN = 60
"""Questions on the page, oldest first; more are counted."""
REASONS = (Reason.CONFIRMED, Reason.REQUESTED, Reason.FORGOTTEN)
"""Why staff verify many at once."""

Looks = Annotated[Visit, Depends(Sees(Right.PRESENCE))]
Verifies = Annotated[Form, Depends(Does(Right.PRESENCE))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class VerificationPage:
    """`complete`: questions that only wait for a word; `holding`: how many hold a stay back from billing.

    `closed`, `settled`: the last day that is over, and the last that was billed; None = none yet. `done`: of how many it was just said.
    """

    programme: Programme
    site: Site
    monday: date
    sunday: date
    questions: tuple[Question, ...]
    more: int
    holding: int
    complete: tuple[int, ...]
    reasons: tuple[str, ...]
    closed: date | None
    settled: date | None
    last: LastAct | None
    may_verify: bool
    here: str
    done: int
    problem: str = ""


@router.get("/presence/verify/{programme}")
async def verification(visit: Looks, programme: int, week: str = "", done: int = 0) -> Response:
    """What is still to verify."""
    await visit.office.desk.seen()
    return await page(visit, "verification.html", await _context(visit, visit.programme(programme), day_in(week), max(0, done)))


@router.post("/presence/verify/{programme}")
async def verify(form: Verifies, programme: int) -> Response:
    """All that was shown as complete is as it is recorded: an act for each, so that taps go between and each has its author."""
    visit, ask, desk = form.visit, form.ask, form.visit.office.desk
    found, week = visit.programme(programme), form.text("week")
    reason = next((each for each in REASONS if each.value == form.text("reason")), None)
    if reason is None:
        context = await _context(visit, found, day_in(week), 0, "no_reason")
        return await page(visit, "verification.html", context, status=409)
    assert visit.person is not None, "signed in"
    staff, count = Staff(visit.person.id, reason, visit.office.now_ms()), 0
    about = await in_turns(_asked(visit, found, _through(visit, found, day_in(week))))
    shown = {one.question.item for one in about if is_complete(one)}
    for item in form.numbers("item"):
        own = derived(ask, str(item))
        if item in shown or own in desk.books.asks:
            answer = await desk.do(own, questions.answer, own, staff, item, Way.RECORDED)
            count += answer.refusal is None
    return RedirectResponse(f"/presence/verify/{found.id}?week={week}&done={count}", 303)


def is_complete(one: Asked) -> bool:
    """Whether the stay has both its ends from scans, and only waits for a word: a presumed end is nobody's to confirm in passing."""
    return Way.RECORDED in one.ways and one.question.reason is not Reason.NO_EXIT


def _through(visit: Visit, programme: Programme, on: int) -> date:
    """The Sunday of the week that is looked at."""
    day = day_coded(on) if on else day_of(visit.office.now_ms(), visit.school.sites[programme.site].zone)
    return day + timedelta(days=6 - day.weekday())


def _asked(visit: Visit, programme: Programme, through: date) -> Generator[None, None, list[Asked]]:
    """What is asked about a programme up to a day, oldest first."""
    school, books, now_ms = visit.school, visit.office.desk.books, visit.office.now_ms()
    mine: list[Unresolved] = [fact for fact in books.unresolved.values() if fact.site == programme.site]
    about = []
    for fact in mine:
        yield
        one = asked(school, books, fact, now_ms)
        about += [one] if one.place and one.place.programme == programme.id and one.place.day <= day_code(through) else []
    return sorted(about, key=lambda one: (one.question.at_ms, one.question.item))


def _told(visit: Visit, found: list[Asked]) -> Generator[None, None, tuple[Question, ...]]:
    """As the page says it."""
    told = []
    for one in found:
        yield
        told.append(asking.question(visit, one.question))
    return tuple(told)


async def _context(visit: Visit, programme: Programme, on: int, done: int, problem: str = "") -> VerificationPage:
    books, sunday = visit.office.desk.books, _through(visit, programme, on)
    monday, found = sunday - timedelta(days=6), await in_turns(_asked(visit, programme, sunday))
    closed, settled = books.closed.get(programme.site, 0), books.settled.get(programme.id, 0)
    return VerificationPage(
        programme=programme,
        site=visit.school.sites[programme.site],
        monday=monday,
        sunday=sunday,
        questions=await in_turns(_told(visit, found[:SHOWN])),
        more=max(0, len(found) - SHOWN),
        holding=sum(one.holds_up for one in found),
        complete=tuple(one.question.item for one in found if is_complete(one))[: SHOWN * 5],
        reasons=tuple(reason.value for reason in REASONS),
        closed=day_coded(closed) if closed else None,
        settled=day_coded(settled) if settled else None,
        last=last_act(visit),
        may_verify=asking.may_answer(visit, programme.site),
        here=f"/presence/verify/{programme.id}?week={monday}",
        done=done,
        problem=problem,
    )
