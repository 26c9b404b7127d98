"""Billing: what is gathered and what waits, a settlement run with its preview and progress, and the runs that were done.

A run belongs to the hub, not to the page that started it: it goes on when the page is closed. Of a site one run goes on at a time.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from starlette.responses import RedirectResponse

from hub.core import settlement
from hub.core.calendar import day_coded, day_of
from hub.core.facts import Refusal, SettlementDone, derived
from hub.core.lists import fold
from hub.core.school import Programme, School, Site
from hub.core.settlement import Run, Settled
from hub.core.wallets import in_pilot
from hub.web import asking
from hub.web.asking import Question, day_in
from hub.web.render import page, stamp
from hub.web.rights import Right, sites_where
from hub.web.session import Does, Form, Sees, Visit

log = logging.getLogger(__name__)

WALLETS = 60
"""Families of a preview; more are counted."""
QUESTIONS = 30
"""Things that wait for staff on one page."""
RUNS = 20
"""Runs of the past on the page."""
AT_ONCE = 64
"""Wallets looked at between two breaths of the loop: a tap waits for no more."""

Looks = Annotated[Visit, Depends(Sees(Right.MONEY))]
Runs = Annotated[Form, Depends(Does(Right.BILLING))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a programme would post through the closed day, and what came after it; what waits for staff is in neither.

    `settled`: through which day it is, None = never.
    """

    programme: Programme
    charges: int
    cents: int
    wallets: int
    later_cents: int
    pending: int
    settled: date | None


@dataclass(frozen=True, slots=True)
class Place:
    """One site. `closed`: its last day that is over, None = no day yet. `running`: a run that is going on."""

    site: Site
    closed: date | None
    is_pilot: bool
    programmes: tuple[Gathered, ...]
    running: bool


@dataclass(frozen=True, slots=True)
class Past:
    """A run that was done."""

    site: Site
    programme: str
    through: date
    at_ms: int
    charges: int
    cents: int
    pending: int
    who: str
    """Empty: the hub by itself."""


@dataclass(frozen=True, slots=True)
class BillingPage:
    places: tuple[Place, ...]
    past: tuple[Past, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """What a run would take from one wallet."""

    wallet: int
    owner: str
    charges: int
    cents: int


@dataclass(frozen=True, slots=True)
class PreviewPage:
    """What a run would post. `by_hand`: who started the run that is going on, with `problem` `running`."""

    place: Place
    through: str
    chosen: tuple[int, ...]
    whole: bool
    programmes: tuple[Gathered, ...]
    shares: tuple[Share, ...]
    more: int
    charges: int
    cents: int
    wallets: int
    questions: tuple[Question, ...]
    more_questions: int
    was: str
    problem: str
    by_hand: str
    may_run: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one programme: `problem` is why nothing was posted, else empty."""

    programme: str
    charges: int
    cents: int
    wallets: int
    pending: int
    problem: str


@dataclass(frozen=True, slots=True)
class RunPage:
    """`done` of `of` wallets; `outcomes` of the programmes that are through; `over`: all of them are. `failed`: it broke off."""

    site: Site
    by: str
    since_ms: int
    through: date
    done: int
    of: int
    outcomes: tuple[Outcome, ...]
    over: bool
    failed: bool
    questions: tuple[Question, ...]
    more_questions: int


@dataclass(slots=True)
class Going:
    """A run that was started here: of which programmes, how far it is, what came of them."""

    ask: int
    by: str
    since_ms: int
    runs: tuple[Run, ...]
    done: int = 0
    of: int = 0
    outcomes: list[Settled | Refusal] = field(default_factory=list)
    task: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        return self.task is not None and self.task.done()


class Goings:
    """The run of each site that was started last. One per hub."""

    def __init__(self) -> None:
        self.of: dict[int, Going] = {}

    def start(self, visit: Visit, site: int, going: Going) -> bool:
        """Start it, and let nobody's page be what it hangs on; False while another one goes on there."""
        known = self.of.get(site)
        if known is not None and not known.over:
            return known.ask == going.ask
        self.of[site] = going
        going.task = asyncio.ensure_future(_run(visit, going))
        going.task.add_done_callback(_told)
        return True


@router.get("/billing")
async def billing(visit: Looks) -> Response:
    """What is gathered at each site, and the runs that were done."""
    office = visit.office
    await office.caught_up()
    places = tuple([await _place(visit, site) for site in visit.own_sites()])
    done = await office.past.settlements(sorted(visit.sites), RUNS)
    names = {one.id: one.name for one in await office.accounts.everyone()}
    past = tuple(_past(visit.school, fact, names.get(fact.who, "")) for fact in done if fact.site in visit.school.sites)
    return await page(visit, "billing.html", BillingPage(places, past))


@router.get("/billing/{site}")
async def preview(visit: Looks, site: int, through: str = "", whole: str = "", programme: str = "") -> Response:
    """What a run would post at a site, per programme and family."""
    found, chosen = visit.site(site), tuple(int(each) for each in programme.split(",") if each.isdigit())
    context = await _preview(visit, found, _day(visit, found, through), chosen, whole=bool(whole))
    return await page(visit, "billing_preview.html", context)


@router.post("/billing/{site}")
async def start(form: Runs, site: int) -> Response:
    """Start the run that was looked at. Another one that goes on is told of; what has changed meanwhile is shown first."""
    visit, found, ask = form.visit, form.visit.site(site), form.ask
    day, whole, chosen = _day(visit, found, form.text("through")), bool(form.text("whole")), form.numbers("programme")
    goings: Goings = visit.request.app.state.goings
    going = goings.of.get(site)
    if going is not None and going.ask == ask:
        return RedirectResponse(f"/billing/{site}/run", 303)
    context = await _preview(visit, found, day, chosen, whole=whole)
    problem = _problem(context, form, going)
    if not problem:
        who = visit.person.id if visit.person else 0
        runs = tuple(Run(one.programme.id, day, visit.office.now_ms(), whole, who) for one in context.programmes)
        new = Going(ask, visit.person.name if visit.person else "", visit.office.now_ms(), runs)
        problem = "" if goings.start(visit, site, new) else "running"
    if problem:
        by = goings.of[site].by if problem == "running" else ""
        return await page(visit, "billing_preview.html", replace(context, problem=problem, by_hand=by), status=409)
    return RedirectResponse(f"/billing/{site}/run", 303)


@router.get("/billing/{site}/run")
async def progress(visit: Looks, site: int) -> Response:
    """How far the last run of a site is, and what came of it; a page that is open asks again by itself."""
    found, goings = visit.site(site), visit.request.app.state.goings
    going: Going | None = goings.of.get(site)
    if going is None:
        return RedirectResponse("/billing", 303)
    return await page(visit, "billing_run.html", _run_page(visit, found, going), block="live" if visit.is_fragment else "")


async def _run(visit: Visit, going: Going) -> None:
    """Programme after programme; each goes wallet by wallet, with taps in between (hub/settlement.py)."""
    for run in going.runs:
        before = going.done

        def told(done: int, of: int, before: int = before) -> None:
            going.done, going.of = before + done, max(going.of, before + of)

        going.outcomes.append(await visit.office.settle(derived(going.ask, f"programme|{run.programme}"), run, told))


def _told(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("a settlement run broke off: what is still gathered is posted by the next one", exc_info=task.exception())


def _problem(context: PreviewPage, form: Form, going: Going | None) -> str:
    """Why a run is not started now; empty where it is."""
    if going is not None and not going.over:
        return "running"
    if not context.programmes:
        return "none_chosen"
    if form.text("was") != context.was:
        return "changed"
    pending = sum(one.pending for one in context.programmes)
    return "to_verify" if pending and (context.whole or context.place.site.whole_runs) else ""


async def _place(visit: Visit, site: Site) -> Place:
    books, goings = visit.office.desk.books, visit.request.app.state.goings
    closed = books.closed.get(site.id, 0)
    going = goings.of.get(site.id)
    found = await _gathered(visit, site, closed)
    today = day_of(visit.office.now_ms(), site.zone)
    return Place(site, day_coded(closed) if closed else None, in_pilot(site, today), found, going is not None and not going.over)


async def _gathered(visit: Visit, site: Site, through: int) -> tuple[Gathered, ...]:
    """What each programme of a site has gathered, those that post by runs and those that have something all the same."""
    school, books = visit.school, visit.office.desk.books
    charges, cents, later, wallets = Counter[int](), Counter[int](), Counter[int](), Counter[int]()
    for place, (_, waiting) in enumerate(list(books.gathered.items())):
        if place % AT_ONCE == 0:
            await asyncio.sleep(0)
        here = set()
        for charge in [books.charges[number] for number in waiting]:
            if charge.site == site.id and charge.day <= through:
                if settlement.in_doubt(books, charge):
                    continue
                charges[charge.item] += 1
                cents[charge.item] += charge.cents
                here.add(charge.item)
            elif charge.site == site.id:
                later[charge.item] += charge.cents
        wallets.update(here)
    own = [each for each in school.programmes.values() if each.site == site.id and (each.post_days or charges[each.id] or later[each.id])]
    return tuple(
        Gathered(
            programme=each,
            charges=charges[each.id],
            cents=cents[each.id],
            wallets=wallets[each.id],
            later_cents=later[each.id],
            pending=len(settlement.pending(school, books, Run(each.id, through, 0))),
            settled=day_coded(books.settled[each.id]) if each.id in books.settled else None,
        )
        for each in sorted(own, key=lambda each: fold(each.name))
    )


async def _preview(visit: Visit, site: Site, through: int, chosen: Sequence[int], *, whole: bool) -> PreviewPage:
    """What a run through a day would post; `chosen` programmes, none = all that have something."""
    await visit.office.desk.seen()
    school, books, place = visit.school, visit.office.desk.books, await _place(visit, site)
    found = tuple(one for one in await _gathered(visit, site, through) if not chosen or one.programme.id in chosen)
    runs = [Run(one.programme.id, through, 0) for one in found]
    shares: list[Share] = []
    for number, wallet in enumerate(list(books.gathered)):
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)
        dues = [settlement.gathered(books, run, wallet) for run in runs]
        if charges := sum(len(due.charges) for due in dues):
            shares.append(Share(wallet, _owner(school, visit, wallet), charges, sum(due.cents for due in dues)))
    shares.sort(key=lambda share: (fold(share.owner), share.wallet))
    asked = [one for run in runs for one in settlement.pending(school, books, run)]
    questions = tuple(asking.question(visit, one) for one in asked[:QUESTIONS])
    return PreviewPage(
        place=place,
        through=day_coded(through).isoformat() if through else "",
        chosen=tuple(chosen) or tuple(one.programme.id for one in found),
        whole=whole,
        programmes=found,
        shares=tuple(shares[:WALLETS]),
        more=max(0, len(shares) - WALLETS),
        charges=sum(share.charges for share in shares),
        cents=sum(share.cents for share in shares),
        wallets=len(shares),
        questions=questions,
        more_questions=max(0, len(asked) - QUESTIONS),
        was=stamp([(share.wallet, share.charges, share.cents) for share in shares]),
        problem="",
        by_hand="",
        may_run=site.id in _may_run(visit),
    )


def _run_page(visit: Visit, site: Site, going: Going) -> RunPage:
    school, books = visit.school, visit.office.desk.books
    names = [school.programmes[run.programme].name for run in going.runs]
    outcomes = tuple(_outcome(name, came) for name, came in zip(names, going.outcomes, strict=False))
    asked = [one for run in going.runs for one in settlement.pending(school, books, run)] if going.over else []
    return RunPage(
        site=site,
        by=going.by,
        since_ms=going.since_ms,
        through=day_coded(going.runs[0].through_day),
        done=going.done,
        of=going.of,
        outcomes=outcomes,
        over=going.over,
        failed=going.over and len(going.outcomes) < len(going.runs),
        questions=tuple(asking.question(visit, one) for one in asked[:QUESTIONS]),
        more_questions=max(0, len(asked) - QUESTIONS),
    )


def _outcome(name: str, came: Settled | Refusal) -> Outcome:
    if isinstance(came, Refusal):
        return Outcome(name, 0, 0, 0, came.numbers.get("questions", 0), came.code)
    return Outcome(name, came.charges, came.cents, came.wallets, came.pending, "")


def _past(school: School, fact: SettlementDone, who: str) -> Past:
    programme = school.programmes.get(fact.programme)
    name = programme.name if programme else str(fact.programme)
    through = day_coded(fact.through_day)
    return Past(school.sites[fact.site], name, through, fact.at_ms, fact.charges, fact.cents, len(fact.pending), who)


def _owner(school: School, visit: Visit, wallet: int) -> str:
    owner = visit.office.desk.books.owners[wallet]
    household, pupil = school.households.get(owner.household), school.pupils.get(owner.pupil)
    return household.name if household else f"{pupil.last_name} {pupil.first_name}" if pupil else str(wallet)


def _day(visit: Visit, site: Site, text: str) -> int:
    """A closed day: the one that was asked for, or the last one; 0 where no day is over yet."""
    closed = visit.office.desk.books.closed.get(site.id, 0)
    wanted = day_in(text)
    return min(wanted, closed) if wanted else closed


def _may_run(visit: Visit) -> frozenset[int]:
    posts = visit.person.posts if visit.person else frozenset()
    return sites_where(posts, Right.BILLING, visit.school, does=True)
