"""Questions for staff: one with its answers, and where all pages send them. A refused answer comes back with what was typed."""

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response
from starlette.responses import RedirectResponse

from hub.core import corrections, questions
from hub.core.codes import Reason
from hub.core.corrections import Moment, Staff
from hub.core.facts import Unresolved
from hub.core.questions import Way
from hub.core.sheets import Stay
from hub.web import asking
from hub.web.asking import LastAct, Question, last_act, minute_of
from hub.web.live import Live
from hub.web.render import page
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit, own_path
from proto.messages import Direction

STILL_MS = 20 * 60_000
"""How long nobody is asked again whether a child is still there."""

Looks = Annotated[Visit, Depends(Sees(Right.PRESENCE))]
Answers = Annotated[Form, Depends(Does(Right.PRESENCE))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class QuestionPage:
    """`question` None: it is answered. `next`: where the answer leads back to."""

    question: Question | None
    next: str
    problem: str = ""
    last: LastAct | None = None


@router.get("/questions/{item}")
async def one(visit: Looks, item: int) -> Response:
    """One question, by itself."""
    await visit.office.desk.seen()
    found = _question(visit, item)
    return await _shown(visit, asking.question(visit, found) if found else None, "/", "" if found else "answered_already")


@router.post("/questions/{item}")
async def answer(form: Answers, item: int) -> Response:
    """Answer it, and go back to where it was asked."""
    visit, ask, desk, back = form.visit, form.ask, form.visit.office.desk, own_path(form.text("next"))
    found = _question(visit, item)
    if found is None and ask not in desk.books.asks:
        return await _shown(visit, None, back, "answered_already")
    way = next((way for way in Way if way.value == form.text("way")), None)
    at_ms = _at_ms(visit, found, form.text("clock")) if way in (Way.LEFT, Way.CAME) else 0
    if way is None or at_ms is None:
        return await _again(form, asking.question(visit, found) if found else None, "no_such_answer" if way is None else "no_time")
    done = await desk.do(ask, questions.answer, ask, _staff(visit), item, way, at_ms)
    if done.refusal is not None:
        return await _again(form, asking.question(visit, found) if found else None, done.refusal.code)
    return RedirectResponse(back, 303)


@router.post("/overdue/{stay}")
async def overdue(form: Answers, stay: int) -> Response:
    """A child is still in, and the hours are over: it left at a time, or is still there."""
    visit, ask, desk, back = form.visit, form.ask, form.visit.office.desk, own_path(form.text("next"))
    live: Live = visit.request.app.state.live
    found = _open_stay(visit, stay)
    if found is None and ask not in desk.books.asks:
        return await _shown(visit, None, back, "answered_already")
    if found is None or form.text("way") == asking.STILL:
        live.keep_quiet(stay, visit.office.now_ms() + STILL_MS)
        return RedirectResponse(back, 303)
    shown = asking.overdue(visit, found, found.from_ms)
    minute = minute_of(form.text("clock"))
    if minute is None:
        return await _again(form, shown, "no_time")
    zone = visit.school.sites[found.site].zone
    moment = Moment(found.pupil, found.programme, questions.clock_ms(found.day, minute, zone, found.from_ms))
    done = await desk.do(ask, corrections.add, ask, _staff(visit, Reason.FORGOTTEN), moment, Direction.OUT)
    return await _again(form, shown, done.refusal.code) if done.refusal else RedirectResponse(back, 303)


@router.post("/undo")
async def undo(form: Answers) -> Response:
    """Take one's own last correction back, within five minutes."""
    visit, ask, back = form.visit, form.ask, own_path(form.text("next"))
    done = await visit.office.desk.do(ask, corrections.undo, ask, _staff(visit))
    return await _shown(visit, None, back, done.refusal.code, status=409) if done.refusal else RedirectResponse(back, 303)


def _question(visit: Visit, item: int) -> Unresolved | None:
    """A question of the visit's sites, or of no site at all; 404 for another."""
    found = visit.office.desk.books.unresolved.get(item)
    if found is not None and found.site in visit.school.sites:
        visit.site(found.site)
    return found


def _open_stay(visit: Visit, stay: int) -> Stay | None:
    """Somebody who is in at the visit's sites; 404 at another."""
    open_stays = (each for stays in visit.office.desk.books.inside.values() for each in stays.values())
    found = next((each for each in open_stays if each.id == stay), None)
    if found is not None:
        visit.site(found.site)
    return found


def _at_ms(visit: Visit, question: Unresolved | None, text: str) -> int | None:
    """The instant of a clock on the day a question is about; None for what is no time."""
    minute = minute_of(text)
    if minute is None or question is None:
        return None
    school, books = visit.school, visit.office.desk.books
    found = questions.asked(school, books, question, visit.office.now_ms())
    if found.place is None:
        raise HTTPException(422)
    zone = school.sites[question.site].zone
    return questions.clock_ms(found.place.day, minute, zone, found.stay.from_ms if found.stay else 0)


def _staff(visit: Visit, reason: Reason = Reason.NONE) -> Staff:
    assert visit.person is not None, "signed in"
    return Staff(visit.person.id, reason, visit.office.now_ms())


async def _again(form: Form, question: Question | None, problem: str) -> Response:
    """The same question, with what was typed and why it did not go."""
    kept = replace(question, clock=form.text("clock") or question.clock) if question else None
    return await _shown(form.visit, kept, own_path(form.text("next")), problem, status=409)


async def _shown(visit: Visit, question: Question | None, back: str, problem: str, status: int = 0) -> Response:
    context = QuestionPage(question, back, problem, last_act(visit))
    return await page(visit, "question.html", context, status=status or (200 if question else 404))
