"""Class mornings: who came late or did not come, and what staff say of it: justified or not, for which reason, with which document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Annotated
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, HTTPException, Response
from starlette.responses import RedirectResponse

from hub.core.calendar import day_code, day_coded, day_of
from hub.core.codes import Excuse, Justification
from hub.core.entrance import Said
from hub.core.facts import Refusal
from hub.core.lists import fold
from hub.core.mornings import Word, justify
from hub.core.papers import Note
from hub.core.school import Pupil
from hub.web.asking import NOWHERE, day_in, may_answer
from hub.web.office import NotedMorning
from hub.web.remarks import keep_remark, remark_in
from hub.web.render import page, stamp
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit, own_path

SHOWN = 60
"""Mornings on one page, newest first; more are counted, and the class narrows them."""
LONGEST_DAYS = 366
TYPED = ("state", "excuse", "document", "note")

Looks = Annotated[Visit, Depends(Sees(Right.PRESENCE))]
Says = Annotated[Form, Depends(Does(Right.PRESENCE))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class MorningLine:
    """One morning. `arrived_ms` 0: did not come. `was`: the stamp of what is said of it; `number`: of that fact, 0 = nothing is said.

    `entry`: under which of the child's ids it was noted (merging.py).
    """

    entry: int
    pupil: Pupil
    day: date
    arrived_ms: int
    late_min: int
    state: str
    excuse: str
    document: int
    number: int
    was: str
    zone: ZoneInfo
    may_say: bool


@dataclass(frozen=True, slots=True)
class MorningsPage:
    """`about`: the entry and day of a word that was refused, or None; `typed` with it.

    `notes`: what was written with what is said, by its fact; `locked`: there is some, and the PIN comes first.
    """

    since: date
    until: date
    group: str
    groups: tuple[str, ...]
    lines: tuple[MorningLine, ...]
    more: int
    has_hours: bool
    here: str
    problem: str = ""
    about: tuple[int, str] | None = None
    typed: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[int, Note] = field(default_factory=dict)
    locked: bool = False


@router.get("/presence/mornings")
async def mornings(visit: Looks, since: str = "", until: str = "", group: str = "") -> Response:
    """The late and missed mornings of a period, of all classes or one."""
    return await _shown(visit, day_in(since), day_in(until), group[:100])


@router.post("/presence/mornings/{pupil}/{day}")
async def say(form: Says, pupil: int, day: date) -> Response:
    """What staff say of one morning; another word replaces it."""
    visit, ask, desk, on = form.visit, form.ask, form.visit.office.desk, day_code(day)
    note = remark_in(form, visit.pupil(pupil).id, on)
    if ask not in desk.books.asks and form.text("was") != stamp(desk.books.entrance.said_of(pupil, on)):
        return await _refused(form, pupil, day, "not_as_shown")
    if form.text("document") and not form.number("document"):
        return await _refused(form, pupil, day, "no_document")
    if isinstance(note, Refusal):
        return await _refused(form, pupil, day, note.code)
    done = await desk.do(ask, justify, ask, _word(form, pupil, day), visit.office.now_ms())
    if done.refusal is not None:
        return await _refused(form, pupil, day, done.refusal.code)
    await keep_remark(visit, note, done.number)
    return RedirectResponse(own_path(form.text("next") or "/presence/mornings"), 303)


@router.post("/presence/mornings/{pupil}/{day}/note")
async def erase(form: Says, pupil: int, day: date) -> Response:
    """Erase what was written of a morning; what is said of it stays."""
    visit, on, number = form.visit, day_code(day), form.number("number")
    ids = visit.school.ids_of(visit.pupil(pupil).id)
    mine = [each for each in await visit.office.past.mornings(on, on) if each.morning.pupil in ids and each.morning.site in visit.sites]
    if not number or number not in {each.number for each in mine}:
        raise HTTPException(404)
    await visit.office.notes.write(Note(number, ""))
    return RedirectResponse(own_path(form.text("next") or "/presence/mornings"), 303)


def _word(form: Form, pupil: int, day: date) -> Word:
    """What the form says of a morning."""
    assert form.visit.person is not None, "signed in"
    state = next((each for each in Justification if each.value == form.text("state")), Justification.OPEN)
    excuse = next((each for each in Excuse if each.value == form.text("excuse")), Excuse.NONE)
    return Word(pupil, day, state, excuse, form.number("document"), form.visit.person.id)


async def _refused(form: Form, pupil: int, day: date, problem: str) -> Response:
    since, until = day_in(form.text("since")), day_in(form.text("until"))
    typed = {name: form.text(name) for name in TYPED}
    return await _shown(form.visit, since, until, form.text("group"), problem, (pupil, day.isoformat()), typed)


async def _shown(
    visit: Visit,
    since_day: int,
    until_day: int,
    group: str,
    problem: str = "",
    about: tuple[int, str] | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    past = visit.office.past
    await visit.office.caught_up()
    zone = next((site.zone for site in visit.own_sites()), NOWHERE)
    until = day_coded(until_day) if until_day else day_of(visit.office.now_ms(), zone)
    since = max(day_coded(since_day) if since_day else until - timedelta(days=7), until - timedelta(days=LONGEST_DAYS))
    found = await past.mornings(day_code(since), day_code(until))
    context = replace(mornings_page(visit, since, until, group, found), problem=problem, about=about, typed=typed or {})
    written, seen = await visit.office.notes.noted({line.number for line in context.lines if line.number}), visit.sees_sensitive
    context = replace(context, notes=written if seen else {}, locked=bool(written) and not seen)
    return await page(visit, "mornings.html", context, status=409 if problem else 200)


def mornings_page(visit: Visit, since: date, until: date, group: str, found: Sequence[NotedMorning]) -> MorningsPage:
    """Of the visit's sites, newest first."""
    school = visit.school
    mine = [noted for noted in reversed(found) if noted.morning.site in visit.sites and noted.morning.pupil in school.pupils]
    fits = [noted for noted in mine if not group or school.pupils[noted.morning.pupil].group == group]
    here = f"/presence/mornings?since={since}&until={until}&group={quote(group)}"
    return MorningsPage(
        since=since,
        until=until,
        group=group,
        groups=tuple(sorted({school.pupils[noted.morning.pupil].group for noted in mine} | ({group} if group else set()), key=fold)),
        lines=tuple(_line(visit, noted) for noted in fits[:SHOWN]),
        more=max(0, len(fits) - SHOWN),
        has_hours=any(site in visit.sites for site, *_ in school.class_hours),
        here=here,
    )


def _line(visit: Visit, noted: NotedMorning) -> MorningLine:
    morning, said = noted.morning, noted.said
    kept = Said(said.state, said.excuse, said.document) if said else Said()
    return MorningLine(
        entry=morning.pupil,
        pupil=visit.school.pupils[morning.pupil],
        day=day_coded(morning.day),
        arrived_ms=morning.arrived_ms,
        late_min=morning.late_min,
        state=kept.state.value,
        excuse=kept.excuse.value,
        document=kept.document,
        number=noted.number,
        was=stamp(kept),
        zone=visit.school.sites[morning.site].zone,
        may_say=may_answer(visit, morning.site) and morning.day > visit.office.desk.books.forgotten,
    )
