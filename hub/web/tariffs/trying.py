"""Try a tariff before it is saved: on one child's stay or meal, with its why in words; and on a month that has been. Nothing is booked.

A month is priced day by day on a thread, so that no badge waits for it.
"""

import asyncio
import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from datetime import date, timedelta

from fastapi import APIRouter, HTTPException, Request, Response
from starlette.responses import RedirectResponse

from hub.core.calendar import day_of, instant_ms
from hub.core.facts import Fact
from hub.core.kept import Charge
from hub.core.lists import fold, read_day
from hub.core.school import Pupil, School
from hub.core.tariffs import Occasion, grouped, price, price_of_product
from hub.core.tariffversions import always
from hub.core.tryout import Bought, Change, Stayed, Trial, together, tryout
from hub.core.why import sentences
from hub.web.asking import minute_of
from hub.web.render import clock, page, words
from hub.web.rights import Right
from hub.web.session import Visit
from hub.web.tariffs import drafts
from hub.web.tariffs.drafts import Draft, Month, Priced, Result, Sets, Tries, Worst, drafts_of, priced, today_at

log = logging.getLogger(__name__)

router = APIRouter()
FOUND = 12
REAL = 8
"""A pupil's own stays that are offered."""
LOOKED = 60
"""Stays of a pupil among which those of this service are looked for."""
SHOWN = 10
"""Families and stays that are named."""
MONTHS = 12


@dataclass(frozen=True, slots=True)
class Asked:
    """What a try is about, as it was typed. `day` ISO, `start` and `end` as `15:30`."""

    q: str = ""
    pupil: str = ""
    day: str = ""
    start: str = ""
    end: str = ""


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What it comes to, and why, in the reader's language."""

    cents: int
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TryPage:
    """`now`: by the tariff of that day; `then`: by the draft, where there is one. `real`: day, begin and end of the pupil's own stays."""

    item: Priced
    draft: str
    asked: Asked
    found: tuple[Pupil, ...]
    more: int
    pupil: Pupil | None
    real: tuple[tuple[str, str, str], ...]
    now: Reckoned | None
    then: Reckoned | None
    problem: str
    months: tuple[date, ...]
    month: Month | None
    gone: bool


@router.get("/tariffs/{priced}/try")
async def attempt(visit: Tries, priced: int, request: Request) -> Response:
    """Look for a child, choose a stay, see what it costs; and how far the month is, or what came of it."""
    asked = Asked(**{each.name: request.query_params.get(each.name, "").strip()[:80] for each in fields(Asked)})
    shown = await _shown(visit, priced, request.query_params.get("draft", ""), asked)
    return await page(visit, "tariff_try.html", shown, block="found" if visit.is_fragment else "")


@router.get("/tariffs/{priced}/try/month")
async def progress(visit: Tries, priced: int, draft: str = "") -> Response:
    """How far the month is: an open page asks by itself."""
    shown = await _shown(visit, priced, draft, Asked())
    return await page(visit, "tariff_try.html", shown, block="month" if visit.is_fragment else "")


@router.post("/tariffs/{priced}/try/month")
async def month(form: Sets, priced: int) -> Response:
    """Try a draft on a month. It goes on when the page is closed; another month takes its place."""
    visit, item = form.visit, drafts.priced(form.visit, priced)
    if item.site.id not in visit.where(Right.MONEY):
        raise HTTPException(404)
    visit.only_shows()
    kept, drafted = drafts_of(visit), drafts_of(visit).of(form.number("draft"), priced)
    first = read_day(form.text("month"))
    if drafted is None or first is None or first not in _months(today_at(visit, item.site)):
        return RedirectResponse(f"/tariffs/{priced}/try?draft={form.number('draft')}", 303)
    if drafted.month is None or drafted.month.first != first or drafted.month.failed:
        if drafted.month is not None and drafted.month.task is not None:
            drafted.month.task.cancel()
        drafted.month = Month(first, _length(first))
        drafted.month.task = asyncio.ensure_future(_run(visit, item, kept.turn, drafted, drafted.month))
    return RedirectResponse(f"/tariffs/{priced}/try?draft={drafted.id}#month", 303)


# --- a month --------------------------------------------------------------------------------------


async def _run(visit: Visit, item: Priced, turn: asyncio.Lock, draft: Draft, month: Month) -> None:
    """Day after day; one month at a time in the whole hub."""
    try:
        async with turn:
            await visit.office.caught_up()
            school, trials, unended = visit.school, [], 0
            drafted = always(school, draft.version)
            bought = await _bought(visit, item, (school, drafted), month)
            for place in range(month.of):
                day = month.first + timedelta(days=place)
                trial, left = await _day(visit, item, (school, drafted), day, bought)
                trials.append(trial)
                unended += left
                month.done += 1
            month.result = await asyncio.to_thread(_result, school, trials, unended)
    except Exception:
        month.failed = True
        log.exception("a draft tariff could not be tried on %s", month.first)


async def _day(visit: Visit, item: Priced, both: tuple[School, School], day: date, bought: list[Stayed]) -> tuple[Trial, int]:
    """One day of the site, and how many of its stays nobody ended."""
    zone = item.site.zone
    from_ms, until_ms = instant_ms(day, 0, zone), instant_ms(day + timedelta(days=1), 0, zone)
    stays, left = await visit.office.past.stays_at(item.site.id, from_ms, until_ms)
    had = (*stays, *(one for one in bought if one.from_ms == from_ms))
    return await asyncio.to_thread(tryout, *both, had, _counting(both, item, day)), left if item.is_programme else 0


def _counting(both: tuple[School, School], item: Priced, day: date) -> set[int]:
    """The programmes and products whose prices of a day hang together with this one's, itself among them."""
    return {item.id}.union(*(grouped(school, item.id, day) for school in both))


async def _bought(visit: Visit, item: Priced, both: tuple[School, School], month: Month) -> list[Stayed]:
    """The month's meals and articles that are tried, or count towards a day's maximum."""
    days = [month.first + timedelta(days=place) for place in range(month.of)]
    products = {one for day in days for one in _counting(both, item, day) if one in both[0].products}
    if not products:
        return []
    charges = await asyncio.to_thread(_standing, tuple(visit.office.desk.books.charges.values()), products)
    facts, bought = await visit.office.past.sold(charges), Bought(both[0], days[0], days[-1])
    return await asyncio.to_thread(_found_in, bought, facts)


def _standing(charges: Iterable[Charge], products: Collection[int]) -> set[int]:
    """What was charged for products and not taken back: of years."""
    return {one.id for one in charges if one.item in products and not one.reversed}


def _found_in(bought: Bought, facts: Iterable[Fact]) -> list[Stayed]:
    for fact in facts:
        bought.take(fact)
    return bought.found()


def _result(school: School, trials: list[Trial], unended: int) -> Result:
    """The days together, and of them what is shown."""
    trial = together(trials)
    sales = sum(one.item in school.products for one in trial.stays)
    more, less = ([one for one in trial.households if one.more_cents * sign > 0] for sign in (1, -1))
    dearest = [one for one in trial.each if one.more_cents > 0][:SHOWN]
    return Result(
        stays=len(trial.stays) - sales,
        sales=sales,
        unended=unended,
        total=trial.total,
        families=len(trial.households),
        more=tuple((school.households[one.of], one) for one in more[:SHOWN]),
        gains=len(less),
        less=tuple((school.households[one.of], one) for one in less[::-1][:SHOWN]),
        losses=len(more),
        brackets=tuple(sorted(trial.brackets, key=lambda one: one.of)),
        worst=tuple(_worst(school, trial, one) for one in dearest),
    )


def _worst(school: School, trial: Trial, change: Change) -> Worst:
    stay = trial.stays[change.of]
    return Worst(school.pupils[stay.pupil], stay.from_ms, stay.to_ms, change)


def _months(today: date) -> tuple[date, ...]:
    """The first days of the months that may be tried, the last whole one first."""
    at = today.year * 12 + today.month - 1
    return tuple(date((at - n) // 12, (at - n) % 12 + 1, 1) for n in range(1, MONTHS + 1))


def _length(first: date) -> int:
    return ((first + timedelta(days=31)).replace(day=1) - first).days


# --- a child --------------------------------------------------------------------------------------


async def _shown(visit: Visit, number: int, draft: str, asked: Asked) -> TryPage:
    """The page, with what has been chosen so far."""
    item, kept = priced(visit, number), None
    if draft.isascii() and draft.isdigit():
        kept = drafts_of(visit).of(int(draft), number)
    pupil = visit.pupil(int(asked.pupil)) if asked.pupil.isascii() and asked.pupil.isdigit() else None
    found = await asyncio.to_thread(_found, visit, asked.q) if asked.q and pupil is None else []
    what = _occasion(visit.school, item, pupil, asked) if pupil and asked.day else None
    return TryPage(
        item=item,
        draft=str(kept.id) if kept else "",
        asked=asked,
        found=tuple(found[:FOUND]),
        more=max(0, len(found) - FOUND),
        pupil=pupil,
        real=await _real(visit, item, pupil) if pupil and item.is_programme else (),
        now=_reckoned(visit, visit.school, item, what) if isinstance(what, Occasion) else None,
        then=_reckoned(visit, always(visit.school, kept.version), item, what) if kept and isinstance(what, Occasion) else None,
        problem=what if isinstance(what, str) else "",
        months=_months(today_at(visit, item.site)),
        month=kept.month if kept else None,
        gone=bool(draft) and kept is None,
    )


def _found(visit: Visit, question: str) -> list[Pupil]:
    """Pupils whose name and class hold every word, by name."""
    asked = [fold(word) for word in question.split()]
    known = (pupil for pupil in visit.school.everyone if visit.knows(pupil))
    found = [one for one in known if all(word in fold(f"{one.first_name} {one.last_name} {one.group}") for word in asked)]
    return sorted(found, key=lambda one: (fold(one.last_name), fold(one.first_name), one.id))


async def _real(visit: Visit, item: Priced, pupil: Pupil) -> tuple[tuple[str, str, str], ...]:
    """Stays the pupil had there."""
    await visit.office.caught_up()
    stays = await visit.office.past.stays_of(pupil.id, LOOKED)
    own, zone = [stay for stay in stays if stay.programme == item.id][:REAL], item.site.zone
    return tuple((day_of(stay.from_ms, zone).isoformat(), clock(stay.from_ms, zone), clock(stay.at_ms, zone)) for stay in own)


def _occasion(school: School, item: Priced, pupil: Pupil, asked: Asked) -> Occasion | str:
    """The stay that was typed, or what is wrong with it. Brothers and sisters are taken to be there."""
    day, zone = read_day(asked.day), item.site.zone
    if day is None:
        return "no_date"
    start_min, end_min = (minute_of(asked.start), minute_of(asked.end)) if item.is_programme else (0, 0)
    if start_min is None or end_min is None:
        return "no_time"
    if end_min < start_min:
        return "backwards"
    present = frozenset(school.kin.get(pupil.household, ()))
    return Occasion(pupil, item.site, item.id, instant_ms(day, start_min, zone), instant_ms(day, end_min, zone), present)


def _reckoned(visit: Visit, school: School, item: Priced, what: Occasion) -> Reckoned:
    """Its price in a school, and why, in words."""
    zone, speaks = item.site.zone, words(visit.language)
    if item.is_programme:
        cents, why = price(school, what)
    else:
        cents, why = price_of_product(school, what.pupil, school.products[item.id], day_of(what.from_ms, zone))
    return Reckoned(cents, tuple(speaks.gettext(each.text) % each.values for each in sentences(why, zone)))
