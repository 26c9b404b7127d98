"""A pupil leaves the school: from which day on, what ends then by itself, and what staff still have to do: orders, wallets."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from starlette.responses import RedirectResponse

from hub.core.books import Books
from hub.core.calendar import day_of
from hub.core.codes import Compartment
from hub.core.facts import Refusal
from hub.core.leaving import come_back, leave, orders_after
from hub.core.lists import read_day
from hub.core.school import BadgeState, Pupil, School, Site
from hub.core.wallets import balance_cents
from hub.desk import Answer
from hub.web.render import as_shown, page, stamp
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit

Looks = Annotated[Visit, Depends(Sees(Right.PUPILS))]
Writes = Annotated[Form, Depends(Does(Right.PUPILS))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Rest:
    """What is in a wallet. `others`: brothers and sisters who go on using it."""

    wallet: int
    site: Site
    cents: int
    others: tuple[Pupil, ...]


@dataclass(frozen=True, slots=True)
class LeavingPage:
    """`typed`: the day on the form. `orders`: days for which meals stay ordered after it. `rests`: empty for who may not see money."""

    pupil: Pupil
    typed: str
    plans: int
    badges: int
    orders: tuple[date, ...]
    rests: tuple[Rest, ...]
    may_pay_out: bool
    was: str
    problem: str


@router.get("/pupils/{pupil}/leave")
async def form(visit: Looks, pupil: int) -> Response:
    """The form, and what is left to do."""
    await visit.office.desk.seen()
    found = visit.pupil(pupil)
    return await page(visit, "leaving.html", _page(visit, found, found.left_day.isoformat() if found.left_day else ""))


@router.post("/pupils/{pupil}/leave")
async def set_day(form: Writes, pupil: int) -> Response:
    """From which day on the pupil is gone; or (`back`) that it stays after all."""
    visit, found, typed = form.visit, form.visit.pupil(pupil), form.text("day")
    done = await _done(form, found, read_day(typed))
    if done.refusal is not None:
        return await page(visit, "leaving.html", _page(visit, found, typed, done.refusal.code), status=409)
    if form.text("back") == "yes":
        return RedirectResponse(f"/pupils/{found.id}?done=saved", 303)
    return RedirectResponse(f"/pupils/{found.id}/leave", 303)


async def _done(form: Form, pupil: Pupil, day: date | None) -> Answer:
    desk, same = form.visit.office.desk, as_shown(form.text("was"))
    if form.text("back") == "yes":
        return await desk.edit(form.ask, come_back, pupil.id, same)
    if day is None:
        return Answer(refusal=Refusal("no_leaving_day"))
    return await desk.edit(form.ask, leave, pupil.id, day, same, form.visit.office.now_ms())


def _page(visit: Visit, pupil: Pupil, typed: str, problem: str = "") -> LeavingPage:
    school, books = visit.school, visit.office.desk.books
    today = day_of(visit.office.now_ms(), school.sites[pupil.site].zone)
    since = pupil.left_day or read_day(typed) or today
    plans = (plan for plan in school.plans.get(pupil.id, ()) if plan.until_day is None or plan.until_day > since)
    badges = (badge for badge in school.badges_of(pupil.id) if badge.state is BadgeState.ACTIVE and not badge.until_ms)
    return LeavingPage(
        pupil=pupil,
        typed=typed,
        plans=len(tuple(plans)),
        badges=len(tuple(badges)),
        orders=orders_after(books, school, pupil.id, since),
        rests=tuple(rest for site in visit.own_sites() for rest in _rests(school, books, pupil, site)) if visit.where(Right.MONEY) else (),
        may_pay_out=visit.may(Right.BILLING, does=True),
        was=stamp(pupil),
        problem=problem,
    )


def _rests(school: School, books: Books, pupil: Pupil, site: Site) -> list[Rest]:
    """The family's wallet at a site and the pupil's own, where something is in them or owed."""
    places = [(pupil.household, Compartment.WHOLE), (pupil.id, Compartment.GENERAL), (pupil.id, Compartment.RESERVE)]
    found = [(owner, books.wallets.get((site.id, owner, part), 0)) for owner, part in places]
    kin = [school.pupils[number] for number in school.kin.get(pupil.household, ())]
    stay = tuple(other for other in kin if other.id != pupil.id and other.left_day is None)
    rests = [(owner, wallet, balance_cents(books, wallet)) for owner, wallet in found if wallet]
    return [Rest(wallet, site, cents, stay if owner == pupil.household else ()) for owner, wallet, cents in rests if cents]
