"""Print cards for a class or chosen pupils, ten to an A4, or day passes, one to a label. Codes are made, given and printed in one go."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from fastapi import APIRouter, Response

from hub.core import badges as rules
from hub.core.calendar import day_of, instant_ms
from hub.core.facts import Refusal
from hub.core.lists import by_name, fold
from hub.core.school import Pupil, School
from hub.web.asking import NOWHERE
from hub.web.badges.known import Gives, Looks, charge_fee, made
from hub.web.render import day, page
from hub.web.session import Form, Visit
from hub.web.sheet import Card, Paper, SheetError, draw
from proto.badge import CODE_BYTES, code

log = logging.getLogger(__name__)

MOST_CARDS = 60
"""Cards of one print run: two classes, six sheets, some seconds of drawing."""
LISTED = 120
"""Pupils to choose from on one page: four classes; more are counted, and a class narrows them."""
KEPT_SHEETS = 4
KEPT_S = 600
"""A sheet is kept in memory for ten minutes: a form sent twice gives the same cards instead of new ones."""
WITHOUT = "-"
"""The choice "everyone without a badge" in the list of classes."""
TODAY = "today"
"""The choice of a day pass instead of a card."""

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Choice:
    """One pupil to print a card for. `marks`: of the badges they hold now."""

    pupil: Pupil
    marks: tuple[str, ...]
    chosen: bool


@dataclass(frozen=True, slots=True)
class CardsPage:
    """`problem`: empty, or a refusal's code. `most`: cards of one run. `paper`: cards, or day passes.

    `lost_run`: the ask of an earlier run whose sheet got lost, where this one is to take its place; 0 = none.
    """

    groups: tuple[str, ...]
    group: str
    choices: tuple[Choice, ...]
    more: int
    without: int
    problem: str
    paper: str
    lost_run: int
    most: int = MOST_CARDS
    nobody: str = WITHOUT


class Sheets:
    """The print runs of the last minutes, by the id of their form."""

    def __init__(self) -> None:
        self._runs: OrderedDict[int, asyncio.Future[bytes | Refusal]] = OrderedDict()

    async def once(self, ask: int, run: Callable[[], Awaitable[bytes | Refusal]]) -> bytes | Refusal:
        """The cards of this form: made now, or those that were (or are just being) made for it."""
        if ask not in self._runs:
            self._runs[ask] = asyncio.ensure_future(run())
            self._runs[ask].add_done_callback(lambda made: self._keep(ask, made))
            if len(self._runs) > KEPT_SHEETS:
                self._runs.popitem(last=False)
        # A browser that goes away must not stop a run half-way: its second request waits for the same one.
        return await asyncio.shield(self._runs[ask])

    def _keep(self, ask: int, made: asyncio.Future[bytes | Refusal]) -> None:
        """Cards that were printed are kept for a while; a run that came to nothing may be tried again at once."""
        if made.cancelled() or made.exception() or isinstance(made.result(), Refusal):
            self._runs.pop(ask, None)
        else:
            asyncio.get_running_loop().call_later(KEPT_S, self._runs.pop, ask, None)


@router.get("/badges/print")
async def choose(visit: Looks, group: str = "", pupil: int = 0) -> Response:
    """Choose a class, then the pupils; or one pupil, chosen already."""
    chosen = (visit.pupil(pupil).id,) if pupil else ()
    return await page(visit, "cards.html", await asyncio.to_thread(choice, visit, group, chosen=chosen))


@router.post("/badges/sheet.pdf")
async def sheet(form: Gives) -> Response:
    """New cards or passes for the chosen pupils, given and printed in one go."""
    chosen, sheets = form.numbers("pupil"), form.visit.request.app.state.sheets
    lost_run = form.number("lost_run")
    problem = "none_chosen" if not chosen else "too_many" if len(chosen) > MOST_CARDS else ""
    if not problem:
        drawn = await sheets.once(form.ask, lambda: _print(form, chosen))
        if isinstance(drawn, bytes):
            # As a file: the page stays, and a reload of a viewer cannot print other cards.
            return Response(drawn, media_type="application/pdf", headers={"content-disposition": 'attachment; filename="badges.pdf"'})
        problem, lost_run = drawn.code, form.ask if drawn.code == "printed_before" else lost_run
    context = replace(choice(form.visit, form.text("group"), problem, chosen, form.text("paper")), lost_run=lost_run)
    return await page(form.visit, "cards.html", context, status=409)


async def _print(form: Form, chosen: tuple[int, ...]) -> bytes | Refusal:
    """Draw first, give then: a card that could not be drawn is nobody's badge."""
    office, passes = form.visit.office, form.text("paper") == TODAY
    pupils = [form.visit.pupil(pupil) for pupil in chosen if pupil in form.visit.school.pupils]
    ends = [_end_of_day(form.visit, pupil) if passes else 0 for pupil in pupils]
    codes = [code(office.random_bytes(CODE_BYTES)) for _ in pupils]
    cards = [_card(form.visit, pupil, text, end) for pupil, text, end in zip(pupils, codes, ends, strict=True)]
    try:
        drawn = await draw(cards, form.visit.language, Paper.PASSES if passes else Paper.CARDS)
    except (SheetError, TimeoutError, OSError):
        log.exception("a sheet of %d badges could not be drawn", len(cards))
        return Refusal("not_drawn")
    new = tuple(made(form, pupil.id, text, end) for pupil, text, end in zip(pupils, codes, ends, strict=True))
    replaces, lost_run = form.text("old") == "replace" and not passes, form.number("lost_run") if form.text("old") == "lost" else 0
    answer = await office.desk.edit(form.ask, rules.give_each, new, form.ask, replace_old=replaces, lost_run=lost_run)
    if answer.refusal:
        return answer.refusal
    await charge_fee(form, form.number("badge"))
    # The same form, sent before a restart of the hub: its cards were given, these were not.
    return drawn if all(badge.hash in office.desk.school.badges for badge in new) else Refusal("printed_before")


def _end_of_day(visit: Visit, pupil: Pupil) -> int:
    """Midnight of the pupil's site: whoever stays until 23:00 leaves with the pass."""
    zone = visit.school.sites[pupil.site].zone
    return instant_ms(day_of(visit.office.now_ms(), zone) + timedelta(days=1), 0, zone)


def _card(visit: Visit, pupil: Pupil, text: str, end_ms: int) -> Card:
    until = day(end_ms - 1, visit.school.sites[pupil.site].zone) if end_ms else ""
    return Card(pupil.first_name, pupil.last_name, pupil.group, text, until)


def choice(visit: Visit, group: str, problem: str = "", chosen: tuple[int, ...] = (), paper: str = "") -> CardsPage:
    """Whom to print for: a class, those without a badge, or (no class) those who are chosen."""
    held, own = held_marks(visit.school, visit.office.now_ms()), _here(visit)
    if group == WITHOUT:
        pupils = [pupil for pupil in own if pupil.id not in held]
    elif group:
        pupils = [pupil for pupil in own if pupil.group == group]
    else:
        pupils = [pupil for pupil in own if pupil.id in chosen]
    pupils.sort(key=lambda pupil: (fold(pupil.group), *by_name(pupil)))
    return CardsPage(
        groups=tuple(sorted({pupil.group for pupil in own if pupil.group})),
        group=group,
        choices=tuple(Choice(pupil, tuple(held.get(pupil.id, ())), pupil.id in chosen) for pupil in pupils[:LISTED]),
        more=max(0, len(pupils) - LISTED),
        without=sum(pupil.id not in held for pupil in own),
        problem=problem,
        paper=TODAY if paper == TODAY else "",
        lost_run=0,
    )


def _here(visit: Visit) -> list[Pupil]:
    """The pupils of the visitor's sites who have not left."""
    today = day_of(visit.office.now_ms(), NOWHERE)
    return [pupil for pupil in visit.school.everyone if visit.knows(pupil) and pupil.is_here(today)]


def held_marks(school: School, now_ms: int) -> dict[int, list[str]]:
    """Marks of the lasting badges that pupils hold now, by pupil: a day pass is none."""
    found: dict[int, list[str]] = {}
    for states in school.badges.values():
        if rules.is_valid(states[-1], now_ms) and not states[-1].until_ms:
            found.setdefault(states[-1].pupil, []).append(states[-1].mark)
    return found
