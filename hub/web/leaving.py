"""A pupil leaves the school: from which day on, what ends then by itself, and what staff still have to do: late orders, wallets."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from starlette.responses import RedirectResponse

from hub.core.books import Books
from hub.core.calendar import day_coded, day_of
from hub.core.codes import Compartment
from hub.core.facts import MealCancelled, Refusal, derived
from hub.core.leaving import Late, call_off, come_back, leave, too_late
from hub.core.lists import read_day
from hub.core.school import BadgeState, Pupil, School, Site
from hub.core.transfers import waiting_cents
from hub.core.wallets import balance_cents
from hub.desk import Answer
from hub.web.render import as_shown, page, stamp
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit

Looks = Annotated[Visit, Depends(Sees(Right.PUPILS))]
Writes = Annotated[Form, Depends(Does(Right.PUPILS))]

ANY_ASK = 1
"""To ask a rule what it would say; nothing comes of it."""

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Rest:
    """What is in a wallet. `waiting_cents` are still to be billed from it; `others`: brothers and sisters who go on using it."""

    wallet: int
    site: Site
    cents: int
    waiting_cents: int
    others: tuple[Pupil, ...]


@dataclass(frozen=True, slots=True)
class LeavingPage:
    """`typed`: the day on the form. `in_time`: days whose meals are cancelled with it; `late`: those that staff have to see to, at
    `canteens` where the visitor may.

    `rests`: at the sites where the visitor may see money; `may_pay_out`: where the rest may be paid out. `called_off`: how many meals
    were cancelled just now.
    """

    pupil: Pupil
    typed: str
    plans: int
    badges: int
    in_time: tuple[date, ...]
    late: tuple[tuple[Late, str], ...]
    canteens: frozenset[int]
    rests: tuple[Rest, ...]
    may_pay_out: frozenset[int]
    was: str
    problem: str
    called_off: int


@router.get("/pupils/{pupil}/leave")
async def form(visit: Looks, pupil: int, called_off: int = 0) -> Response:
    """The form, and what is left to do."""
    await visit.office.desk.seen()
    found = visit.pupil(pupil)
    typed = found.left_day.isoformat() if found.left_day else ""
    return await page(visit, "leaving.html", _page(visit, found, typed, called_off=called_off))


@router.post("/pupils/{pupil}/leave")
async def set_day(form: Writes, pupil: int) -> Response:
    """From which day on the pupil is gone, and what it has ordered for later; or (`back`) that it stays after all."""
    visit, found, typed = form.visit, form.visit.pupil(pupil), form.text("day")
    done = await _done(form, found, read_day(typed))
    if done.refusal is not None:
        return await page(visit, "leaving.html", _page(visit, found, typed, done.refusal.code), status=409)
    if form.text("back") == "yes":
        return RedirectResponse(f"/pupils/{found.id}?done=saved", 303)
    return RedirectResponse(f"/pupils/{found.id}/leave?called_off={await _call_off(form, found)}", 303)


async def _call_off(form: Form, pupil: Pupil) -> int:
    """Cancel the meals of the days after it; how many."""
    office, ask, day = form.visit.office, derived(form.ask, "orders"), read_day(form.text("day"))
    assert form.visit.person is not None, "signed in"
    assert day is not None, "else it was refused"
    done = await office.desk.do(ask, call_off, ask, pupil.id, day, office.now_ms(), form.visit.person.id)
    return sum(isinstance(fact, MealCancelled) for fact in done.facts)


async def _done(form: Form, pupil: Pupil, day: date | None) -> Answer:
    desk, same = form.visit.office.desk, as_shown(form.text("was"))
    if form.text("back") == "yes":
        return await desk.edit(form.ask, come_back, pupil.id, same)
    if day is None:
        return Answer(refusal=Refusal("no_leaving_day"))
    return await desk.edit(form.ask, leave, pupil.id, day, same, form.visit.office.now_ms())


def _page(visit: Visit, pupil: Pupil, typed: str, problem: str = "", called_off: int = 0) -> LeavingPage:
    school, books, now_ms, counted = visit.school, visit.office.desk.books, visit.office.now_ms(), visit.where(Right.MONEY)
    today = day_of(now_ms, school.sites[pupil.site].zone)
    since = pupil.left_day or read_day(typed) or today
    plans = (plan for plan in school.plans.get(pupil.id, ()) if plan.until_day is None or plan.until_day > since)
    badges = (badge for badge in school.badges_of(pupil.id) if badge.state is BadgeState.ACTIVE and not badge.until_ms)
    return LeavingPage(
        pupil=pupil,
        typed=typed,
        plans=len(tuple(plans)),
        badges=len(tuple(badges)),
        in_time=tuple(day_coded(fact.day) for fact in _cancelled(school, books, pupil, since, now_ms)),
        late=tuple((each, _named(school, each.product)) for each in too_late(school, books, pupil.id, since, now_ms)),
        canteens=visit.where(Right.MEALS),
        rests=tuple(rest for site in visit.own_sites() if site.id in counted for rest in _rests(school, books, pupil, site)),
        may_pay_out=visit.where(Right.BILLING, does=True),
        was=stamp(pupil),
        problem=problem,
        called_off=called_off,
    )


def _cancelled(school: School, books: Books, pupil: Pupil, since: date, now_ms: int) -> list[MealCancelled]:
    """What leaving would cancel now; nothing comes of asking."""
    tried = call_off(school, books, ANY_ASK, pupil.id, since, now_ms, 0)
    return sorted((fact for fact in tried if isinstance(fact, MealCancelled)), key=lambda fact: fact.day)


def _named(school: School, product: int) -> str:
    found = school.products.get(product)
    return found.name if found else ""


def _rests(school: School, books: Books, pupil: Pupil, site: Site) -> list[Rest]:
    """The family's wallet at a site and the pupil's own, where something is in them or owed."""
    places = [(pupil.household, Compartment.WHOLE), (pupil.id, Compartment.GENERAL), (pupil.id, Compartment.RESERVE)]
    found = [(owner, books.wallets.get((site.id, owner, part), 0)) for owner, part in places]
    kin = [school.pupils[number] for number in school.kin.get(pupil.household, ())]
    stay = tuple(other for other in kin if other.id != pupil.id and other.left_day is None)
    rests = [
        Rest(wallet, site, balance_cents(books, wallet), waiting_cents(books, wallet), stay if owner == pupil.household else ())
        for owner, wallet in found
        if wallet
    ]
    return [rest for rest in rests if rest.cents or rest.waiting_cents]
