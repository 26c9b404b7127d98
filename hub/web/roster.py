"""The day's paper roster: who is expected at a programme, to print with boxes and codes; and what was written on it, typed in afterwards.

What is typed in is a correction of the day like any other, with the reason that the badge was forgotten; what is known already is
refused at its line, and the rest is kept.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Response
from starlette.responses import RedirectResponse

from hub.core import corrections
from hub.core.calendar import day_code, day_coded, day_of
from hub.core.codes import Reason
from hub.core.corrections import Moment, Staff
from hub.core.facts import derived
from hub.core.paperroster import expected, read_short, short_code
from hub.core.questions import moment_ms
from hub.core.school import Programme, Pupil
from hub.core.sheets import Stay
from hub.web.asking import day_in, minute_of
from hub.web.render import clock, day, page
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit
from hub.web.sheet import Expected, Roster, draw_roster
from proto.messages import Direction, Use

LISTED = 60
"""Lines on a page to type into; a class, or a code, narrows them."""
PRINTED = 300
"""Lines of one print: some fifteen sheets, and seconds of drawing."""
WAYS = (("in", Direction.IN), ("out", Direction.OUT))

Words = Annotated[str, Query(max_length=80)]
Looks = Annotated[Visit, Depends(Sees(Right.PRESENCE))]
Corrects = Annotated[Form, Depends(Does(Right.PRESENCE))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Line:
    """One pupil: `stays` are known already, `typed` (by `in`, `out`) could not be taken for `problem`."""

    pupil: Pupil
    code: str
    stays: tuple[Stay, ...]
    typed: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A programme to choose, with its site's name."""

    programme: Programme
    site: str


@dataclass(frozen=True, slots=True)
class RosterPage:
    """`programme` None: there is none yet. `day` as a field has it. `code`: what was typed to find a pupil; `problem`: why nobody was."""

    choices: tuple[Choice, ...]
    programme: Programme | None
    zone: ZoneInfo
    day: str
    groups: tuple[str, ...]
    group: str
    count: int
    lines: tuple[Line, ...]
    more: int
    code: str
    problem: str
    done: int
    may_type: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """Which roster is meant."""

    programme: Programme
    on: date
    group: str


@router.get("/roster")
async def roster(visit: Looks, programme: int = 0, day: Words = "", group: Words = "", code: Words = "", done: int = 0) -> Response:
    """Choose a programme and a day; print, or type in."""
    own = choices(visit)
    if not own:
        return await page(visit, "roster.html", _nothing())
    chosen = visit.programme(programme) if programme else own[0].programme
    await visit.office.desk.seen()
    context = await asyncio.to_thread(_page, visit, _asked(visit, chosen, day, group), code=code, done=done)
    return await page(visit, "roster.html", context)


@router.get("/roster/{programme}/paper.pdf")
async def paper(visit: Looks, programme: int, day: Words = "", group: Words = "") -> Response:
    """The roster as PDF."""
    asked = _asked(visit, visit.programme(programme), day, group)
    pupils = people(visit, asked)
    if not 0 < len(pupils) <= PRINTED:
        return await page(visit, "roster.html", _page(visit, asked, problem="nobody" if not pupils else "too_many"), status=409)
    drawn = await draw_roster(_on_paper(visit, asked, pupils), visit.language)
    headers = {"content-disposition": f'attachment; filename="roster-{asked.on}.pdf"', "cache-control": "no-store"}
    return Response(drawn, media_type="application/pdf", headers=headers)


@router.post("/roster/{programme}")
async def type_in(form: Corrects, programme: int) -> Response:
    """The times from the paper: each line that has some."""
    asked = _asked(form.visit, form.visit.programme(programme), form.text("day"), form.text("group"))
    pupils = [form.visit.pupil(number) for number in form.numbers("pupil")]
    refused: dict[int, Line] = {}
    done = 0
    for pupil in pupils:
        line, taken = await _take(form, asked, pupil)
        done += taken
        if line.problem:
            refused[pupil.id] = line
    if refused:
        context = _page(form.visit, asked, refused=refused, done=done, code=form.text("code"))
        return await page(form.visit, "roster.html", context, status=409)
    where = {"programme": asked.programme.id, "day": asked.on.isoformat(), "group": asked.group, "done": done}
    return RedirectResponse(f"/roster?{urlencode(where)}", 303)


async def _take(form: Form, asked: Asked, pupil: Pupil) -> tuple[Line, int]:
    """One line: arrival, then departure; what did not go stays on it. And how many times were taken."""
    visit, typed, problem, taken = form.visit, dict[str, str](), "", 0
    assert visit.person is not None, "signed in"
    staff, zone = Staff(visit.person.id, Reason.FORGOTTEN, visit.office.now_ms()), visit.school.sites[asked.programme.site].zone
    for way, direction in WAYS:
        text = form.text(f"{way}-{pupil.id}")
        minute = minute_of(text)
        if not text:
            continue
        wrong = "no_time"
        if minute is not None:
            at_ms = moment_ms(asked.programme, zone, day_code(asked.on), minute)
            moment, ask = Moment(pupil.id, asked.programme.id, at_ms), derived(form.ask, f"{way}|{pupil.id}")
            answer = await visit.office.desk.do(ask, corrections.add, ask, staff, moment, direction)
            wrong = answer.refusal.code if answer.refusal else ""
        taken += not wrong
        if wrong:
            typed[way], problem = text, problem or wrong
    return Line(pupil, "", (), typed, problem), taken


def choices(visit: Visit) -> tuple[Choice, ...]:
    """The programmes of the visitor's sites that children come to, by site and name."""
    school = visit.school
    own = (each for each in school.programmes.values() if each.site in visit.sites and each.use in (Use.CARE, Use.STUDY))
    found = (Choice(each, school.sites[each.site].name) for each in own)
    return tuple(sorted(found, key=lambda choice: (choice.site, choice.programme.name, choice.programme.id)))


def people(visit: Visit, asked: Asked) -> tuple[Pupil, ...]:
    """Who is on a roster."""
    return tuple(pupil for pupil in expected(visit.school, asked.programme, asked.on, asked.group) if visit.knows(pupil))


def _asked(visit: Visit, programme: Programme, text: str, group: str) -> Asked:
    """The day of an address, or today."""
    coded = day_in(text)
    zone = visit.school.sites[programme.site].zone
    return Asked(programme, day_coded(coded) if coded else day_of(visit.office.now_ms(), zone), group)


def _page(
    visit: Visit, asked: Asked, *, code: str = "", refused: Mapping[int, Line] | None = None, done: int = 0, problem: str = ""
) -> RosterPage:
    school, site = visit.school, asked.programme.site
    pupils = people(visit, asked)
    short = read_short(code) if code else None
    everyone = tuple(pupil for pupil in school.everyone if visit.knows(pupil)) if short else pupils
    if short:
        everyone = tuple(pupil for pupil in everyone if short in _codes(visit, asked, pupil))
    lines = list(_lines(visit, asked, everyone, refused or {}))
    if (code and not lines) or (code and not short):
        lines, problem = list(_lines(visit, asked, pupils, refused or {})), "no_code" if short is None else "nobodys_code"
    lines.sort(key=lambda line: not line.problem)
    return RosterPage(
        choices=choices(visit),
        programme=asked.programme,
        zone=school.sites[site].zone,
        day=asked.on.isoformat(),
        groups=tuple(sorted({pupil.group for pupil in school.pupils.values() if pupil.site == site and pupil.group})),
        group=asked.group,
        count=len(pupils),
        lines=tuple(lines[:LISTED]),
        more=max(0, len(lines) - LISTED),
        code=code,
        problem=problem,
        done=done,
        may_type=site in visit.where(Right.PRESENCE, does=True),
    )


def _lines(visit: Visit, asked: Asked, pupils: tuple[Pupil, ...], refused: Mapping[int, Line]) -> Iterator[Line]:
    for pupil in pupils:
        sheets = (visit.office.desk.books.sheet(number, asked.programme.id, day_code(asked.on)) for number in visit.school.ids_of(pupil.id))
        known = tuple(sorted((stay for sheet in sheets for stay in sheet.stays.values()), key=lambda stay: stay.from_ms))
        kept, code = refused.get(pupil.id), _codes(visit, asked, pupil)[0]
        yield Line(pupil, code, known, kept.typed if kept else {}, kept.problem if kept else "")


def _codes(visit: Visit, asked: Asked, pupil: Pupil) -> tuple[str, ...]:
    """A child's code of that day; and those that were printed of its second entries before they were known as such."""
    return tuple(short_code(visit.office.badge_key, number, asked.on) for number in visit.school.ids_of(pupil.id))


def _on_paper(visit: Visit, asked: Asked, pupils: tuple[Pupil, ...]) -> Roster:
    site = visit.school.sites[asked.programme.site]
    key, now_ms = visit.office.badge_key, visit.office.now_ms()
    lines = (Expected(f"{each.last_name} {each.first_name}", each.group, short_code(key, each.id, asked.on)) for each in pupils)
    printed = f"{day(now_ms, site.zone)} {clock(now_ms, site.zone)}"
    return Roster(site.name, asked.programme.name, f"{asked.on:%d/%m/%Y}", printed, tuple(lines))


def _nothing() -> RosterPage:
    return RosterPage((), None, ZoneInfo("Europe/Brussels"), "", (), "", 0, (), 0, "", "", 0, may_type=False)
