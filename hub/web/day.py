"""A pupil's day: at each programme the scans that count, the stays they make, and every correction; what was scanned that day.

Each correction is one form of its own. It carries a stamp of the sheet as it was shown: who corrects second is told, and sees it anew.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, HTTPException, Response
from starlette.responses import RedirectResponse

from hub.core import corrections
from hub.core.calendar import day_code, day_of
from hub.core.codes import Act, Reason
from hub.core.corrections import Moment, Place, Staff
from hub.core.days import as_run_on
from hub.core.dues import Day, reading
from hub.core.facts import Corrected, MorningJustified, Refusal, ScanTaken
from hub.core.lists import fold
from hub.core.papers import Note
from hub.core.questions import moment_ms, place_of
from hub.core.school import Programme, Pupil, School
from hub.core.sheets import Mark, Sheet, Stay
from hub.web import asking
from hub.web.asking import LastAct, Question, last_act, may_answer, minute_of
from hub.web.remarks import keep_remark, remark_in
from hub.web.render import page, stamp
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit, own_path
from proto.messages import Direction

REASONS = (Reason.FORGOTTEN, Reason.WRONG_TIME, Reason.WRONG_WAY, Reason.WRONG_PUPIL, Reason.TWICE, Reason.CONFIRMED, Reason.REQUESTED)
"""Why staff correct."""
SCANS = 400
"""How many of a pupil's last scans are looked through for those of the day."""

Looks = Annotated[Visit, Depends(Sees(Right.PRESENCE))]
Corrects = Annotated[Form, Depends(Does(Right.PRESENCE))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class MarkLine:
    """A scan that counts, or what staff put in its place: `scan` None."""

    mark: Mark
    code: str
    scan: ScanTaken | None
    reader: str


@dataclass(frozen=True, slots=True)
class StayLine:
    """A stay. `cents`: what it was charged so far; 0 for who may not see money there."""

    stay: Stay
    verified: bool
    cents: int


@dataclass(frozen=True, slots=True)
class ProgrammeSheet:
    """A day at one programme. `split`: "", "yes" or "no"; `within`: the programme around it, empty = none. `was`: its stamp.

    `entry`: under which of the child's ids it stands, and is corrected; another than its own where it was entered twice (merging.py).
    """

    entry: int
    programme: Programme
    site: str
    zone: ZoneInfo
    planned: bool
    marks: tuple[MarkLine, ...]
    pairs: tuple[tuple[int, int], ...]
    stays: tuple[StayLine, ...]
    absence: int
    split: str
    within: str
    was: str
    may_correct: bool


@dataclass(frozen=True, slots=True)
class Remark:
    """What was written of a correction: whose it is, why and when it was made. `may_erase`: whether the visitor may.

    `programme`, `reason`: empty where it is about a class morning.
    """

    note: Note
    programme: str
    reason: str
    who: str
    at_ms: int
    zone: ZoneInfo
    may_erase: bool


@dataclass(frozen=True, slots=True)
class DayPage:
    """`at`, `group`: the programme and the class of the grid that the visitor came from. `typed`: of a correction that was refused.

    `locked`: there are notes of corrections, and the PIN comes first.
    """

    pupil: Pupil
    day: date
    sheets: tuple[ProgrammeSheet, ...]
    others: tuple[tuple[ScanTaken, str, ZoneInfo], ...]
    questions: tuple[Question, ...]
    last: LastAct | None
    absences: tuple[tuple[int, str], ...]
    reasons: tuple[str, ...]
    goals: tuple[tuple[int, str], ...]
    """Programmes a scan may be moved to."""
    at: int
    group: str
    way: str
    """Both, as they stand in an address."""
    grid: str
    here: str
    before: date
    after: date
    problem: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()
    locked: bool = False


@router.get("/presence/day/{pupil}/{day}")
async def sheet(visit: Looks, pupil: int, day: date, at: int = 0, group: str = "") -> Response:
    """The day."""
    return await _shown(visit, visit.pupil(pupil), day, (at, group[:100]))


@router.post("/presence/day/{pupil}/{day}")
async def correct(form: Corrects, pupil: int, day: date) -> Response:
    """One correction: add, void, move, invert, absent, verify or split."""
    visit, ask, desk = form.visit, form.ask, form.visit.office.desk
    found, programme = visit.pupil(pupil), visit.programme(form.number("programme"))
    place = Place(pupil, programme.id, day_code(day))  # under the very id: what was scanned for a second entry stays there
    at = (form.number("at") or programme.id, form.text("group", 100))
    if ask not in desk.books.asks and form.text("was") != _stamp(desk.books.sheet(*_key(place))):
        return await _shown(visit, found, day, at, problem="not_as_shown", form=form)
    note = remark_in(form, found.id, place.day)
    asked = note if isinstance(note, Refusal) else _asked(form, place)
    if isinstance(asked, Refusal):
        return await _shown(visit, found, day, at, problem=asked.code, form=form)
    assert visit.person is not None, "signed in"
    reason = next((each for each in REASONS if each.value == form.text("reason")), Reason.CORRECTED)
    staff = Staff(visit.person.id, reason, visit.office.now_ms())
    decide, details = asked
    done = await desk.do(ask, decide, ask, staff, *details)
    if done.refusal is not None:
        return await _shown(visit, found, day, at, problem=done.refusal.code, form=form)
    await keep_remark(visit, note, done.number)
    return RedirectResponse(own_path(form.text("next") or f"/presence/day/{found.id}/{day}?{_way(*at)}"), 303)


@router.post("/presence/day/{pupil}/{day}/note")
async def erase(form: Corrects, pupil: int, day: date) -> Response:
    """Erase what was written of a correction; the correction stays."""
    found, notes = form.visit.pupil(pupil), form.visit.office.notes
    number = form.number("number")
    if number not in await notes.about(form.visit.school.ids_of(found.id), day_code(day)):
        raise HTTPException(404)
    await notes.write(Note(number, ""))
    return RedirectResponse(own_path(form.text("next") or f"/presence/day/{found.id}/{day}"), 303)


def _way(at: int, group: str) -> str:
    """What an address of a day says of the grid that one came from."""
    return f"at={at}&group={quote(group)}" if group else f"at={at}"


def _key(place: Place) -> tuple[int, int, int]:
    return place.pupil, place.programme, place.day


# --- what was meant -------------------------------------------------------------------------------

Asked = tuple[Callable[..., Any], tuple[Any, ...]]
"""A rule of corrections.py, and what it is asked beside the ask and the staff."""


def _asked(form: Form, place: Place) -> Asked | Refusal:
    """What a form asks for; Refusal where it cannot be read."""
    match form.text("act"):
        case Act.ADD:
            return _add(form, place)
        case Act.MOVE:
            return _move(form, place)
        case Act.VOID:
            return corrections.void, (place, form.number("mark"))
        case Act.INVERT:
            return corrections.invert, (place, (form.number("mark"), form.number("other")))
        case Act.ABSENT:
            return corrections.absent, (place, form.number("absence"))
        case Act.VERIFY:
            return corrections.verify, (place, form.number("stay"))
        case Act.SPLIT:
            through = {"yes": True, "no": False}.get(form.text("through"))
            return _split, (place, through)
    return Refusal("no_such_answer")


def _add(form: Form, place: Place) -> Asked | Refusal:
    at_ms = _at_ms(form, place.programme, place.day)
    if at_ms is None or form.text("direction") not in (Direction.IN, Direction.OUT):
        return Refusal("no_time")
    return corrections.add, (Moment(place.pupil, place.programme, at_ms), Direction(form.text("direction")))


def _move(form: Form, place: Place) -> Asked | Refusal:
    """To another time, programme or pupil: what is left empty stays as it was."""
    visit = form.visit
    programme = visit.programme(form.number("to_programme")) if form.number("to_programme") else visit.programme(place.programme)
    called = _called(visit, form.text("to_pupil"))
    if form.text("to_pupil") and called is None:
        return Refusal("nobody_called")
    at_ms, whose = _at_ms(form, programme.id, place.day), called.id if called else place.pupil
    return Refusal("no_time") if at_ms is None else (corrections.move, (place, form.number("mark"), Moment(whose, programme.id, at_ms)))


def _split(school: Any, books: Any, ask: int, staff: Staff, place: Place, through: bool | None) -> Any:  # noqa: FBT001
    return corrections.split(school, books, ask, staff, place, through=through)


def _at_ms(form: Form, programme: int, day: int) -> int | None:
    minute, found = minute_of(form.text("clock")), form.visit.programme(programme)
    return None if minute is None else moment_ms(found, form.visit.school.sites[found.site].zone, day, minute)


def _called(visit: Visit, name: str) -> Pupil | None:
    """The one pupil with this name, whichever of its names stands first; None for none and for several."""
    wanted = fold(name)
    both = (pupil for pupil in visit.school.everyone if visit.knows(pupil))
    found = [one for one in both if wanted in (fold(one.first_name + one.last_name), fold(one.last_name + one.first_name))]
    return found[0] if len(found) == 1 else None


# --- what is shown --------------------------------------------------------------------------------


async def _shown(visit: Visit, pupil: Pupil, day: date, at: tuple[int, str], problem: str = "", form: Form | None = None) -> Response:
    """The day as it is now; 409 with what was typed where a correction was refused."""
    await visit.office.caught_up()
    scans = [scan for number in visit.school.ids_of(pupil.id) for scan in await visit.office.past.scans_of(number, SCANS)]
    scans.sort(key=lambda scan: scan.at_ms, reverse=True)
    typed = {name: form.text(name) for name in form.fields} if form else {}
    remarks, seen = await _remarks(visit, pupil, day), visit.sees_sensitive
    context = day_page(visit, pupil, day, at, scans, problem, typed)
    context = replace(context, remarks=remarks if seen else (), locked=bool(remarks) and not seen)
    return await page(visit, "day.html", context, status=409 if problem else 200)


async def _remarks(visit: Visit, pupil: Pupil, day: date) -> tuple[Remark, ...]:
    """What was written of corrections of a day, with the correction it belongs to."""
    office, school = visit.office, visit.school
    notes = await office.notes.about(school.ids_of(pupil.id), day_code(day))
    facts = await office.past.facts(notes.keys()) if notes else {}
    names = {one.id: one.name for one in await office.accounts.everyone()} if notes else {}
    found = []
    for number, note in notes.items():
        fact = facts.get(number)
        if isinstance(fact, Corrected | MorningJustified) and (of := _about(school, fact))[0] in visit.sites:
            site, programme, reason = of
            may, zone = may_answer(visit, site), school.sites[site].zone
            found.append(Remark(note, programme, reason, names.get(fact.who, ""), fact.at_ms, zone, may))
    return tuple(found)


def _about(school: School, fact: Corrected | MorningJustified) -> tuple[int, str, str]:
    """Of what staff did: its site (0: its programme is gone), the programme and why; a class morning has neither."""
    if isinstance(fact, MorningJustified):
        return fact.site, "", ""
    programme = school.programmes.get(fact.programme)
    return (programme.site, programme.name, fact.reason.value) if programme else (0, "", "")


def day_page(
    visit: Visit, pupil: Pupil, day: date, at: tuple[int, str], scans: list[ScanTaken] | Any, problem: str, typed: Mapping[str, str]
) -> DayPage:
    """A pupil's day at the programmes of the visit's sites."""
    school, books, on = visit.school, visit.office.desk.books, day_code(day)
    programmes = [programme for site in visit.own_sites() for programme in school.programmes.values() if programme.site == site.id]
    known = {scan.ask: scan for scan in scans}
    sheets = tuple(_sheet(visit, entry, each, day, known) for each in programmes for entry in _entries(visit, pupil, each, day, at[0]))
    shown = {line.mark.id for each in sheets for line in each.marks}
    facts = [books.unresolved[item] for entry in school.ids_of(pupil.id) for item in books.asked_of.get(entry, ())]
    mine = [fact for fact in facts if fact.site in visit.sites and (place := place_of(school, books, fact)) and place.day == on]
    grid = f"/presence?programme={at[0]}&group={quote(at[1])}&week={day}&who={pupil.id}#c{pupil.id}-{day}"
    return DayPage(
        pupil=pupil,
        day=day,
        sheets=sheets,
        others=tuple(_others(visit, scans, day, shown)),
        questions=tuple(asking.question(visit, fact) for fact in mine),
        last=last_act(visit),
        absences=tuple((reason.id, reason.name) for reason in sorted(school.absences.values(), key=lambda reason: fold(reason.name))),
        reasons=tuple(reason.value for reason in REASONS),
        goals=tuple((programme.id, f"{programme.name} · {school.sites[programme.site].name}") for programme in programmes),
        at=at[0],
        group=at[1],
        way=_way(*at),
        grid=grid,
        here=f"/presence/day/{pupil.id}/{day}?{_way(*at)}",
        before=day - timedelta(days=1),
        after=day + timedelta(days=1),
        problem=problem,
        typed=typed,
    )


def _entries(visit: Visit, pupil: Pupil, programme: Programme, day: date, at: int) -> tuple[int, ...]:
    """Under which of a child's ids a programme stands on its day: those it was there under; none where it is nothing of this child.

    Where it was under none, its own: at the programme that is looked at, one of its site, and where it is planned.
    """
    school, sheets = visit.school, visit.office.desk.books.sheets
    there = tuple(entry for entry in school.ids_of(pupil.id) if programme.id in sheets(entry, day_code(day)))
    running = programme.site == pupil.site and any(window.covers(day) for window in programme.windows)
    concerns = programme.id == at or running or school.is_planned(pupil.id, programme.id, day)
    return there or ((pupil.id,) if concerns else ())


def _sheet(visit: Visit, entry: int, programme: Programme, day: date, scans: Mapping[int, ScanTaken]) -> ProgrammeSheet:
    school, books, on = as_run_on(visit.school, day), visit.office.desk.books, day_code(day)
    programme = school.programmes[programme.id]
    known, site = books.sheet(entry, programme.id, on), school.sites[programme.site]
    pupil = school.as_entered(entry) or school.pupils[entry]
    found = reading(Day(school, books, 0, pupil, site, on, visit.office.now_ms()), programme)
    marks = sorted(mark for mark in known.marks.values() if not mark.void)
    pairs = [
        pair for pair in corrections.wrong_ways(found, known) if all(known.marks[mark].direction is not Direction.TOGGLE for mark in pair)
    ]
    within = school.programmes.get(programme.within)
    counted = site.id in visit.where(Right.MONEY)
    return ProgrammeSheet(
        entry=entry,
        programme=programme,
        site=site.name,
        zone=site.zone,
        planned=school.is_planned(entry, programme.id, day),
        marks=tuple(_mark(visit, mark, found.codes.get(mark.id, ""), scans.get(mark.id)) for mark in marks),
        pairs=tuple(pairs),
        stays=tuple(_stay(known, stay, counted=counted) for stay in sorted(known.stays.values(), key=lambda stay: (stay.from_ms, stay.id))),
        absence=known.absence.reason if known.absence else 0,
        split={None: "", True: "yes", False: "no"}[known.split],
        within=within.name if within else "",
        was=_stamp(known),
        may_correct=may_answer(visit, programme.site) and on > books.forgotten,
    )


def _stamp(sheet: Sheet) -> str:
    """Of what somebody who corrects has before them."""
    return stamp((sorted(sheet.marks.items()), sorted(sheet.stays.items()), sorted(sheet.verified), sheet.absence, sheet.split))


def _mark(visit: Visit, mark: Mark, code: str, scan: ScanTaken | None) -> MarkLine:
    reader = visit.school.readers.get((scan.device, scan.reader)) if scan else None
    return MarkLine(mark, str(code), scan, reader.name if reader else "")


def _stay(sheet: Sheet, stay: Stay, *, counted: bool) -> StayLine:
    line = sheet.lines.get(stay.id)
    return StayLine(stay, stay.id in sheet.verified, line.cents if line and counted else 0)


def _others(visit: Visit, scans: Any, day: date, shown: set[int]) -> Iterator[tuple[ScanTaken, str, ZoneInfo]]:
    """What else was scanned that day at these sites: meals, the entrance, scans that staff took away."""
    school = visit.school
    for scan in scans:
        device = school.devices.get(scan.device)
        if device is None or device.site not in visit.sites or scan.ask in shown:
            continue
        zone = school.sites[device.site].zone
        reader = school.readers.get((scan.device, scan.reader))
        if day_of(scan.at_ms, zone) == day:
            yield scan, reader.name if reader else device.name, zone
