"""The school calendar: a school year as months, days made something else, the official holidays.

What a change does is said before it is saved.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from starlette.datastructures import QueryParams
from starlette.responses import RedirectResponse

from hub.core import schoolyear as rules
from hub.core.calendar import CalendarDay, DayKind, day_of
from hub.core.days import ALL_SITES, day_kind, said_of
from hub.core.facts import Refusal
from hub.core.lists import read_day
from hub.core.school import Rows, School, Site
from hub.core.schoolyear import Period, Range, Touched
from hub.web.asking import NOWHERE
from hub.web.render import as_shown, page, stamp
from hub.web.rights import Right, sites_where
from hub.web.session import Does, Form, Sees, Visit

COMMUNITIES = {"fr": "French", "nl": "Flemish", "de": "German"}
"""Whose school holidays count, as the calendars of Belgium call them, by the language spoken there."""
YEARS = range(2000, 2100)

Looks = Annotated[Visit, Depends(Sees(Right.SITES))]
Sets = Annotated[Form, Depends(Does(Right.SITES))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of the year. `kind`: empty on an ordinary school day; `own`: this site's own word."""

    day: date
    kind: str
    name: str
    own: bool


@dataclass(frozen=True, slots=True)
class Where:
    """What the calendar is of: one site, or (`site` None) all of them. `may_change` it."""

    site: Site | None
    sites: tuple[Site, ...]
    may_all: bool
    may_change: bool

    @property
    def at(self) -> int:
        return self.site.id if self.site else ALL_SITES


@dataclass(frozen=True, slots=True)
class Typed:
    """A range as it was typed. `kind` empty: ordinary again."""

    first: str = ""
    last: str = ""
    kind: str = "pedagogic"
    name: str = ""
    weekends: str = ""


@dataclass(frozen=True, slots=True)
class CalendarPage:
    """`months`: first day, and its weeks of seven days, None outside the month. `others`: periods of which single sites say otherwise."""

    where: Where
    year: int
    months: tuple[tuple[date, tuple[tuple[Cell | None, ...], ...]], ...]
    periods: tuple[Period, ...]
    others: tuple[tuple[Site, tuple[Period, ...]], ...]
    typed: Typed
    kinds: tuple[str, ...]
    today: date
    done: str


@dataclass(frozen=True, slots=True)
class ChangePage:
    """A change before it is saved. `days`: how many rows change; `touched`: what lies on them, by site; `now`: what is said of them."""

    where: Where
    typed: Typed
    kinds: tuple[str, ...]
    days: int
    touched: tuple[tuple[Site, Touched], ...]
    now: tuple[Period, ...]
    past: bool
    was: str
    problem: str


@dataclass(frozen=True, slots=True)
class OfficialPage:
    """The official holidays of a year that nothing is said of yet, and those days of which staff say something else."""

    where: Where
    year: int
    years: tuple[int, ...]
    community: str
    communities: tuple[str, ...]
    new: tuple[Period, ...]
    kept: tuple[Period, ...]
    touched: tuple[tuple[Site, Touched], ...]
    was: str
    problem: str


# --- the year -------------------------------------------------------------------------------------


@router.get("/calendar")
async def calendar(visit: Looks, year: str = "", at: str = "", done: str = "") -> Response:
    """A school year of one site, or of all."""
    where, today = _where(visit, at), _today(visit)
    shown = _year(year, rules.year_of(today))
    return await page(visit, "calendar.html", await asyncio.to_thread(calendar_page, visit.school, where, shown, today, done))


def calendar_page(school: School, where: Where, year: int, today: date, done: str = "") -> CalendarPage:
    """The page of a year."""
    first, last = rules.span(year)
    starts = [day for day in rules.each_day(first, last) if day.day == 1]
    others = () if where.site else tuple((site, rules.grouped(_own(school, site.id, first, last))) for site in where.sites)
    return CalendarPage(
        where=where,
        year=year,
        months=tuple((start, _weeks(school, where.at, start)) for start in starts),
        periods=rules.periods(school, where.at, first, last),
        others=tuple(each for each in others if each[1]),
        typed=Typed(),
        kinds=tuple(kind.value for kind in DayKind),
        today=today,
        done=done,
    )


def _weeks(school: School, site: int, start: date) -> tuple[tuple[Cell | None, ...], ...]:
    """A month in weeks from Monday."""
    end = (start + timedelta(days=31)).replace(day=1)
    cells: list[Cell | None] = [None] * start.weekday()
    cells += [_cell(school, site, day) for day in rules.each_day(start, end - timedelta(days=1))]
    cells += [None] * (-len(cells) % 7)
    return tuple(tuple(cells[at : at + 7]) for at in range(0, len(cells), 7))


def _cell(school: School, site: int, day: date) -> Cell:
    row, kind = said_of(school, site, day), day_kind(school, site, day)
    open_weekend = kind is DayKind.SCHOOL and day.weekday() > 4
    return Cell(day, kind.value if kind is not DayKind.SCHOOL or open_weekend else "", row.name if row else "", bool(row and row.site))


def _own(school: School, site: int, first: date, last: date) -> tuple[CalendarDay, ...]:
    return rules.said_in(school, site, first, last)


# --- a range --------------------------------------------------------------------------------------


@router.get("/calendar/change")
async def change(visit: Looks, request: Request) -> Response:
    """What a change would do, before it is saved."""
    asked = request.query_params
    where, typed = _where(visit, asked.get("at", "")), _typed(asked)
    if not where.may_change:
        raise HTTPException(404)
    return await page(visit, "calendar_change.html", await _change(visit, where, typed))


@router.post("/calendar")
async def save(form: Sets) -> Response:
    """Say of these days what they are."""
    visit = form.visit
    where = _changed_at(visit, form.text("at"))
    typed = _typed({name: form.text(name) for name in Typed.__dataclass_fields__})
    said = _said(where, typed)
    refusal = said if isinstance(said, Refusal) else None
    if not isinstance(said, Refusal):
        same = as_shown(form.text("was"))
        refusal = (await visit.office.desk.edit(form.ask, rules.put_range, said, same)).refusal
    if refusal is None and not isinstance(said, Refusal):
        return RedirectResponse(f"/calendar?at={where.at}&year={rules.year_of(said.first)}&done=saved", 303)
    shown = await _change(visit, where, typed)
    return await page(visit, "calendar_change.html", replace(shown, problem=refusal.code if refusal else ""), status=409)


async def _change(visit: Visit, where: Where, typed: Typed) -> ChangePage:
    """The form with these fields, and what they would do."""
    school, said = visit.school, _said(where, typed)
    wrong = said if isinstance(said, Refusal) else rules.wrong_with(said)
    empty = ChangePage(
        where, typed, tuple(kind.value for kind in DayKind), 0, (), (), past=False, was="", problem=wrong.code if wrong else ""
    )
    if wrong or isinstance(said, Refusal):
        return empty
    rows = rules.rows_of(school, said)
    return replace(
        empty,
        days=len(rows),
        touched=await _touched(visit, where, rows),
        now=rules.periods(school, where.at, said.first, said.last),
        past=said.first < _today(visit),
        was=stamp(rules.said_in(school, where.at, said.first, said.last)),
        problem="" if rows else "nothing_changes",
    )


def _typed(asked: "QueryParams | dict[str, str]") -> Typed:
    known = set(Typed.__dataclass_fields__)
    typed = Typed(**{name: text.strip()[:200] for name, text in asked.items() if name in known})
    return replace(typed, last=typed.last or typed.first)


def _said(where: Where, typed: Typed) -> Range | Refusal:
    """The range that was typed, or what cannot be read."""
    first, last = read_day(typed.first), read_day(typed.last)
    if first is None or last is None:
        return Refusal("no_date")
    if typed.kind and typed.kind not in set(DayKind):
        raise HTTPException(422)
    return Range(where.at, first, last, DayKind(typed.kind) if typed.kind else None, typed.name, bool(typed.weekends))


# --- official holidays ----------------------------------------------------------------------------


@router.get("/calendar/official")
async def official(visit: Looks, year: str = "", at: str = "", community: str = "") -> Response:
    """The official holidays of a school year that nothing is said of yet."""
    where = _where(visit, at)
    if not where.may_change:
        raise HTTPException(404)
    shown, _ = await _official(visit, where, _year(year, rules.year_of(_today(visit))), community)
    return await page(visit, "calendar_official.html", shown)


@router.post("/calendar/official/take")
async def take(form: Sets) -> Response:
    """Put in those that are ticked."""
    visit, where = form.visit, _changed_at(form.visit, form.text("at"))
    year = _year(form.text("year"), rules.year_of(_today(visit)))
    shown, new = await _official(visit, where, year, form.text("community"))
    wanted = [period for period in shown.new if period.first.isoformat() in form.fields.get("period", [])]
    rows = tuple(row for row in new if any(one.first <= row.day <= one.last and one.name == row.name for one in wanted))
    if not rows:
        return await page(visit, "calendar_official.html", replace(shown, problem="none_chosen"), status=409)
    span, same = rules.span(year), as_shown(form.text("was"))
    edit = partial(_put_official, rows=rows, where=where, span=span, same=same)
    refusal = (await visit.office.desk.edit(form.ask, edit)).refusal
    if refusal is None:
        return RedirectResponse(f"/calendar?at={where.at}&year={year}&done=saved", 303)
    return await page(visit, "calendar_official.html", replace(shown, problem=refusal.code), status=409)


def _put_official(school: School, rows: tuple[CalendarDay, ...], where: Where, span: tuple[date, date], same: rules.Same) -> Rows | Refusal:
    return rules.put_days(school, rows, rules.said_in(school, where.at, *span), same)


async def _official(visit: Visit, where: Where, year: int, community: str) -> tuple[OfficialPage, tuple[CalendarDay, ...]]:
    """The page, and the days on it that are new."""
    chosen = community if community in COMMUNITIES.values() else COMMUNITIES.get(visit.office.language, COMMUNITIES["fr"])
    first, last = rules.span(year)
    found = await asyncio.to_thread(visit.office.official_days, chosen, first, last + timedelta(days=1), visit.language)
    new, kept = rules.proposed(visit.school, where.at, found)
    this = rules.year_of(_today(visit))
    shown = OfficialPage(
        where=where,
        year=year,
        years=tuple(range(this - 1, this + 3)),
        community=chosen,
        communities=tuple(COMMUNITIES.values()),
        new=rules.grouped(new),
        kept=rules.grouped(kept),
        touched=await _touched(visit, where, new),
        was=stamp(rules.said_in(visit.school, where.at, first, last)),
        problem="",
    )
    return shown, new


# --- all of them ----------------------------------------------------------------------------------


async def _touched(visit: Visit, where: Where, rows: Sequence[CalendarDay]) -> tuple[tuple[Site, Touched], ...]:
    """What lies on the days that change, by site. What was recorded is counted day by day, so that no badge waits for it."""
    school, books = visit.school, visit.office.desk.books
    places = (where.site,) if where.site else visit.own_sites()
    days, meals = sorted({row.day for row in rows}), tuple(books.meals)
    found: list[tuple[Site, Touched]] = []
    for site in places:
        recorded: dict[date, int] = {}
        for day in days:
            recorded[day] = rules.recorded_on(books, site.id, day)
            await asyncio.sleep(0)
        one = await asyncio.to_thread(rules.touched, school, tuple(rows), site.id, meals, recorded)
        found += [(site, one)] if one is not None else []
    return tuple(found)


def _where(visit: Visit, at: str) -> Where:
    """The site that is asked for; without one all sites, or the only one a visitor may change."""
    own, may_all = visit.own_sites(), visit.may_everywhere(Right.SITES)
    number = int(at) if at.isascii() and at.isdigit() and len(at) < 20 else -1
    site = visit.site(number) if number > 0 else None
    if number < 0 and not may_all and own:
        site = own[0]
    may = sites_where(visit.person.posts, Right.SITES, visit.school, does=True) if visit.person else frozenset[int]()
    return Where(site, own, may_all, site.id in may if site else may_all)


def _changed_at(visit: Visit, at: str) -> Where:
    """The same for a form: 404 where this person may not change it."""
    where = _where(visit, at or "0")
    if not where.may_change:
        raise HTTPException(404)
    return where


def _today(visit: Visit) -> date:
    """The school's day: at its first site."""
    sites: Iterable[Site] = visit.own_sites() or visit.school.sites.values()
    return day_of(visit.office.now_ms(), next((site.zone for site in sites), NOWHERE))


def _year(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) == 4 and int(text) in YEARS else otherwise
