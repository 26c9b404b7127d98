"""Sites: address, account, contacts, pilot and limits; their services, class hours; and the reasons of absence.

A site and a service are added by the set-up guide. What is wrong is named at its field, and what was typed is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response
from starlette.responses import RedirectResponse

from hub.core import sites as rules
from hub.core.badges import fee_of
from hub.core.calendar import DAY_MIN, DayKind, Window, Windows, clock_of, day_of, night_min, versions
from hub.core.epc import in_fours
from hub.core.facts import Refusal, derived
from hub.core.lists import fold, read_day
from hub.core.money import read_cents, write_cents
from hub.core.school import Contact, Programme, Scans, School, Site
from hub.core.timetable import AbsenceReason, Attendance, ClassHours
from hub.web.asking import minute_of
from hub.web.render import as_shown, page, stamp, words
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit

EMPTY_ROWS = 2
"""Rows of contacts and of hours to fill in, below those that are there."""
MOST_ROWS = 30
TOPICS = ("bills", "absences", "meals", "registrations")
"""Topics that are known whatever they are called in the reader's language: statements name whom to ask about bills."""

Looks = Annotated[Visit, Depends(Sees(Right.SITES))]
Sets = Annotated[Form, Depends(Does(Right.SITES))]
Typed = Mapping[str, str]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Place:
    site: Site
    programmes: tuple[Programme, ...]


@dataclass(frozen=True, slots=True)
class Absence:
    """A reason of absence and what its form shows."""

    row: AbsenceReason | None
    name: str
    percent: str
    amount: str
    was: str


@dataclass(frozen=True, slots=True)
class SitesPage:
    places: tuple[Place, ...]
    absences: tuple[Absence, ...]
    may_all: bool
    problem: str
    at: int
    done: str


@dataclass(frozen=True, slots=True)
class SitePage:
    """`typed`: the form's fields, as they are or were typed; `contacts`: topic, name, phone, mail. `at`: which form has the problem."""

    site: Site
    typed: Typed
    contacts: tuple[tuple[str, str, str, str], ...]
    was: str
    hours: tuple[ClassHours, ...]
    """Those of today, and those that come."""
    hours_was: str
    today: date
    class_typed: Typed
    class_days: tuple[str, ...]
    groups: tuple[str, ...]
    programmes: tuple[Programme, ...]
    problem: str
    at: str
    done: str
    now: Site | None = None


@dataclass(frozen=True, slots=True)
class ProgrammePage:
    """`windows`: weekdays, begin and end of each line of hours; `coming`: those from later days on. `others`: what it may be within."""

    site: Site
    programme: Programme
    typed: Typed
    windows: tuple[tuple[tuple[str, ...], str, str], ...]
    coming: tuple[tuple[date, Windows], ...]
    today: date
    kinds: tuple[str, ...]
    all_kinds: tuple[str, ...]
    scans: tuple[str, ...]
    attendances: tuple[str, ...]
    others: tuple[Programme, ...]
    was: str
    problem: str
    now: Programme | None = None


# --- the list, and reasons of absence -------------------------------------------------------------


@router.get("/sites")
async def sites(visit: Looks, done: str = "") -> Response:
    """The sites, their services, and the reasons of absence of the whole school."""
    return await page(visit, "sites.html", _sites(visit, done=done))


@router.post("/sites/absences")
async def absence(form: Sets) -> Response:
    """A reason of absence, new or changed: it belongs to all sites."""
    visit, number = form.visit, form.number("absence")
    if not visit.may_everywhere(Right.SITES) or (number and number not in visit.school.absences):
        raise HTTPException(404)
    percent, cents = form.text("percent").removesuffix("%").strip() or "0", read_cents(form.text("amount") or "0")
    share = int(percent) if percent.isascii() and percent.isdigit() else -1
    row = number or derived(form.ask, "absence")
    same = as_shown(form.text("was"))
    change = partial(rules.put_absence, name=form.text("name"), absence=row, percent=share, cents=-1 if cents is None else cents, same=same)
    answer = await visit.office.desk.edit(form.ask, change)
    if answer.refusal is None:
        return RedirectResponse("/sites?done=saved#absences", 303)
    typed = Absence(visit.school.absences.get(number), form.text("name"), form.text("percent"), form.text("amount"), form.text("was"))
    return await page(visit, "sites.html", _sites(visit, answer.refusal.code, typed), status=409)


def _sites(visit: Visit, problem: str = "", typed: Absence | None = None, done: str = "") -> SitesPage:
    school = visit.school
    rows = sorted(school.absences.values(), key=lambda row: row.name)
    listed = [_absence(row) for row in rows]
    at = typed.row.id if typed and typed.row else 0
    if typed:
        listed = [replace(typed, was=one.was) if one.row and one.row.id == at else one for one in listed]
    empty = typed if typed and typed.row is None else Absence(None, "", "", "", "")
    return SitesPage(
        places=tuple(Place(site, _programmes(school, site.id)) for site in visit.own_sites()),
        absences=(*listed, empty),
        may_all=visit.may_everywhere(Right.SITES),
        problem=problem,
        at=at,
        done=done,
    )


def _absence(row: AbsenceReason) -> Absence:
    return Absence(row, row.name, str(row.percent or ""), _euros(row.cents) if row.cents else "", stamp(row))


# --- one site -------------------------------------------------------------------------------------


@router.get("/sites/{site}")
async def site(visit: Looks, site: int, done: str = "") -> Response:
    """One site."""
    return await page(visit, "site.html", _site(visit, visit.site(site), done=done))


@router.post("/sites/{site}")
async def set_site(form: Sets, site: int) -> Response:
    """Change it."""
    visit, before = form.visit, form.visit.site(site)
    said = _said(form)
    if isinstance(said, Refusal):
        refusal: Refusal | None = said
    else:
        desk = visit.office.desk
        same, is_address = as_shown(form.text("was")), visit.office.lists.is_address
        answer = await desk.edit(form.ask, lambda school: rules.put_site(school, desk.books, site, said, same, is_iban, is_address))
        refusal = answer.refusal
    if refusal is None:
        return RedirectResponse(f"/sites/{site}?done=saved", 303)
    shown = _site(visit, visit.site(before.id), refusal.code, "site")
    context = replace(shown, typed=_fields(form), contacts=_contacts(form), was=form.text("was"))
    if refusal.code == "changed_meanwhile":
        context = replace(context, was=shown.was, now=shown.site)
    return await page(visit, "site.html", context, status=409)


@router.post("/sites/{site}/class-hours")
async def set_class_hours(form: Sets, site: int) -> Response:
    """When class begins for a group, on some weekdays."""
    visit, place = form.visit, form.visit.site(site)
    rows, today = _hours(form, place), _today(visit, place)
    refusal = rows if isinstance(rows, Refusal) else None
    if not isinstance(rows, Refusal):
        change = partial(rules.put_class_hours, rows=rows, today=today, same=as_shown(form.text("was")))
        refusal = (await visit.office.desk.edit(form.ask, change)).refusal
    if refusal is None:
        return RedirectResponse(f"/sites/{site}?done=saved#class-hours", 303)
    context = replace(_site(visit, place, refusal.code, "class"), class_typed=_fields(form), class_days=tuple(form.fields.get("day", [])))
    return await page(visit, "site.html", context, status=409)


@router.post("/sites/{site}/class-hours/end")
async def end_class_hours(form: Sets, site: int) -> Response:
    """They hold from today on no more, or do not come."""
    visit, place = form.visit, form.visit.site(site)
    today, key = _today(visit, place), (form.text("group"), form.text("weekday"), form.text("from"))
    shown = rules.hours_of(visit.school, place.id, today)
    row = next((row for row in shown if (row.group, str(row.weekday), row.from_day.isoformat()) == key), None)
    refusal: Refusal | None = Refusal("changed_meanwhile")
    if row is not None:
        refusal = (await visit.office.desk.edit(form.ask, rules.end_class_hours, row, today, as_shown(form.text("was")))).refusal
    if refusal is None:
        return RedirectResponse(f"/sites/{site}?done=saved#class-hours", 303)
    return await page(visit, "site.html", _site(visit, place, refusal.code, "class"), status=409)


def is_iban(text: str) -> bool:
    """Whether an account number has the right length and check digits (ISO 13616). A bank nobody has heard of yet is no mistake."""
    from stdnum import iban  # takes a fifth of a second to load, and is needed once a year

    return bool(iban.is_valid(text, check_country=False))


def _said(form: Form) -> rules.Said | Refusal:
    """The site that was typed; a day or an amount that is none is named."""
    floor_cents, low_cents = read_cents(form.text("floor") or "0"), read_cents(form.text("low") or "0")
    days = {name: read_day(form.text(name)) for name in ("files_due", "pilot_from", "live_from")}
    for name, found in days.items():
        if form.text(name) and found is None:
            return Refusal(f"no_{name}")
    if floor_cents is None or low_cents is None:
        return Refusal("no_floor" if floor_cents is None else "no_low")
    fee_cents = read_cents(form.text("badge_fee") or "0")
    if fee_cents is None:
        return Refusal("no_badge_fee")
    return rules.Said(
        name=form.text("name"),
        address=form.text("address"),
        iban="".join(form.text("iban").split()).upper(),
        holder=form.text("holder"),
        contacts=tuple(Contact(_topic(form.visit, topic), *who) for topic, *who in _contacts(form) if topic or any(who)),
        floor_cents=-abs(floor_cents),
        low_cents=low_cents,
        files_due_day=days["files_due"],
        pilot_from=days["pilot_from"],
        live_from=days["live_from"],
        whole_runs=form.text("whole_runs") == "yes",
        badge_fee_cents=fee_cents,
        badge_fee=words(form.visit.office.language).gettext("Badge replaced"),
    )


def _contacts(form: Form) -> tuple[tuple[str, str, str, str], ...]:
    columns = [form.fields.get(f"contact_{name}", [])[:MOST_ROWS] for name in ("topic", "name", "phone", "email")]
    return tuple((a.strip(), b.strip(), c.strip(), d.strip()) for a, b, c, d in zip(*columns, strict=False))


def _topic(visit: Visit, typed: str) -> str:
    """The topic that is meant, by its word in the reader's language or the school's; one of the school's own as it was typed."""
    spoken = [words(language).gettext for language in (visit.language, visit.office.language)]
    return next((topic for topic in TOPICS if fold(typed) in {fold(say(topic)) for say in spoken}), typed)


def _said_of(visit: Visit, topic: str) -> str:
    """A topic as its reader calls it."""
    return words(visit.language).gettext(topic) if topic in TOPICS else topic


def _today(visit: Visit, site: Site) -> date:
    return day_of(visit.office.now_ms(), site.zone)


def _from_day(form: Form, site: Site) -> date | None:
    """From which day on hours are to be valid: today where nothing is typed; None where it is no day."""
    return read_day(form.text("from_day")) if form.text("from_day") else _today(form.visit, site)


def _hours(form: Form, site: Site) -> tuple[ClassHours, ...] | Refusal:
    start_min, end_min = minute_of(form.text("start")), minute_of(form.text("end") or "23:59")
    missed_min, from_day = minute_of(form.text("missed") or "12:00"), _from_day(form, site)
    tolerance = form.text("tolerance") or "0"
    if start_min is None or end_min is None or missed_min is None or not tolerance.isdigit():
        return Refusal("no_time")
    if from_day is None:
        return Refusal("no_date")
    weekdays = [int(day) for day in form.fields.get("day", []) if day in set("0123456")]
    last_min = end_min if form.text("end") else DAY_MIN
    try:
        return tuple(
            ClassHours(site.id, form.text("group"), day, start_min, int(tolerance), missed_min, last_min, from_day) for day in weekdays
        )
    except ValueError:
        return Refusal("class_order")


def _site(visit: Visit, found: Site, problem: str = "", at: str = "", done: str = "") -> SitePage:
    school, today, fee = visit.school, _today(visit, found), fee_of(visit.school, found.id)
    hours = rules.hours_of(school, found.id, today)
    return SitePage(
        site=found,
        typed={
            "name": found.name,
            "address": found.address,
            "iban": in_fours(found.iban),
            "holder": found.holder,
            "floor": _euros(found.floor_cents),
            "low": _euros(found.low_cents),
            "files_due": found.files_due_day.isoformat() if found.files_due_day else "",
            "pilot_from": found.pilot_from.isoformat() if found.pilot_from else "",
            "live_from": found.live_from.isoformat() if found.live_from else "",
            "whole_runs": "yes" if found.whole_runs else "",
            "badge_fee": _euros(fee.price_cents) if fee else "",
        },
        contacts=(
            *((_said_of(visit, one.topic), one.name, one.phone, one.email) for one in found.contacts),
            *[("", "", "", "")] * EMPTY_ROWS,
        ),
        was=stamp(found),
        hours=hours,
        hours_was=stamp(hours),
        today=today,
        class_typed={"group": "", "start": "08:30", "tolerance": "5", "missed": "12:00", "end": "15:30", "from_day": today.isoformat()},
        class_days=("0", "1", "3", "4"),
        groups=tuple(sorted({pupil.group for pupil in school.pupils.values() if pupil.site == found.id and pupil.group})),
        programmes=_programmes(school, found.id),
        problem=problem,
        at=at,
        done=done,
    )


# --- one service ----------------------------------------------------------------------------------


@router.get("/sites/{site}/programmes/{programme}")
async def programme(visit: Looks, site: int, programme: int, day: str = "") -> Response:
    """One service, with the hours of today or those that come on a day."""
    return await page(visit, "programme.html", _programme(visit, site, programme, read_day(day)))


@router.post("/sites/{site}/programmes/{programme}")
async def set_programme(form: Sets, site: int, programme: int) -> Response:
    """Change it. What was charged stays as it was."""
    visit, before = form.visit, _programme(form.visit, site, programme)
    made, from_day = _made(form, before.programme), _from_day(form, before.site)
    refusal = made if isinstance(made, Refusal) else Refusal("no_date") if from_day is None else None
    if not isinstance(made, Refusal) and from_day is not None:
        same = as_shown(form.text("was"))
        refusal = (await visit.office.desk.edit(form.ask, rules.put_programme, made, from_day, before.today, same)).refusal
    if refusal is None:
        return RedirectResponse(f"/sites/{site}?done=saved", 303)
    lines = range(max(len(before.windows), min(sum(name.startswith("start") for name in form.fields), MOST_ROWS)))
    windows = tuple((tuple(form.fields.get(f"day{n}", [])), form.text(f"start{n}"), form.text(f"end{n}")) for n in lines)
    kinds, now = tuple(form.fields.get("kind", [])), visit.programme(programme)
    context = replace(before, typed=_fields(form), windows=windows, kinds=kinds, problem=refusal.code, was=form.text("was"))
    if refusal.code == "changed_meanwhile":
        context = replace(context, now=now, was=stamp(now))
    return await page(visit, "programme.html", context, status=409)


def _made(form: Form, before: Programme) -> Programme | Refusal:
    windows = []
    for n in range(MOST_ROWS):
        start, end, days = form.text(f"start{n}"), form.text(f"end{n}"), form.fields.get(f"day{n}", [])
        if start or end or days:
            start_min, end_min = minute_of(start), DAY_MIN if end == "24:00" else minute_of(end)
            if start_min is None or end_min is None:
                return Refusal("no_hours")
            weekdays = frozenset(int(day) for day in days if day in set("0123456"))
            windows.append(Window(weekdays, start_min, night_min(start_min, end_min)))
    post_days, weekday = form.text("post_days") or "0", form.text("post_weekday") or "0"
    if not (post_days.isascii() and post_days.isdigit() and len(post_days) < 4 and weekday in set("0123456")):
        return Refusal("no_posting")
    try:
        scans, attendance = Scans(form.text("scans")), Attendance(form.text("attendance"))
        kinds = frozenset(map(DayKind, form.fields.get("kind", [])))
    except ValueError as error:
        raise HTTPException(422) from error
    within = form.visit.programme(form.number("within")).id if form.number("within") else 0
    said = replace(before, name=form.text("name"), room=form.text("room"), windows=tuple(windows), scans=scans, attendance=attendance)
    return replace(said, within=within, days=kinds, post_days=int(post_days), post_weekday=int(weekday) if int(post_days) else 0)


def _programme(visit: Visit, site: int, programme: int, day: date | None = None) -> ProgrammePage:
    """`day`: whose hours stand in the form, to be changed from then on; a day that is over has nothing to change."""
    place, found = visit.site(site), visit.programme(programme)
    if found.site != place.id:
        raise HTTPException(404)
    today = _today(visit, place)
    shown = max(day or today, today)
    windows = [one for one in found.windows if one.is_valid(shown)]
    lines = ((tuple(map(str, sorted(one.weekdays))), clock_of(one.start_min), clock_of(one.end_min % DAY_MIN)) for one in windows)
    return ProgrammePage(
        site=place,
        programme=found,
        typed={
            "name": found.name,
            "room": found.room,
            "scans": found.scans.value,
            "attendance": found.attendance.value,
            "within": str(found.within or ""),
            "post_days": str(found.post_days),
            "post_weekday": str(found.post_weekday),
            "from_day": shown.isoformat(),
        },
        windows=(*lines, *[((), "", "")] * EMPTY_ROWS),
        coming=tuple((day, hours) for day, hours in versions(found.windows).items() if day > today),
        today=today,
        kinds=tuple(sorted(kind.value for kind in found.days)),
        all_kinds=tuple(kind.value for kind in DayKind),
        scans=tuple(one.value for one in Scans),
        attendances=tuple(one.value for one in Attendance),
        others=tuple(one for one in _programmes(visit.school, place.id) if one.id != found.id and not one.within),
        was=stamp(found),
        problem="",
    )


def _programmes(school: School, site: int) -> tuple[Programme, ...]:
    return tuple(sorted((one for one in school.programmes.values() if one.site == site), key=lambda one: (one.name, one.id)))


def _fields(form: Form) -> Typed:
    return {name: texts[0].strip()[:500] for name, texts in form.fields.items() if texts}


def _euros(cents: int) -> str:
    """As it is typed: `5,00`."""
    return write_cents(cents).removesuffix("\u00a0€")
