"""A family file that came late, or was wrong: what it changes of what was charged, line by line, and then that it does (requirement M3).

The file is put right first; then the charges of each pupil are corrected, an act for each. What an act that was cut off has left is
shown again, and done by the next one. Charges of sites where the visitor may not bill are counted, and left as they are.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response
from starlette.responses import RedirectResponse

from hub.core.calendar import day_of
from hub.core.codes import Stage
from hub.core.facts import Refusal
from hub.core.families import regularise
from hub.core.lists import read_day
from hub.core.money import bare, write_cents
from hub.core.named import item_name
from hub.core.people import income, put_file
from hub.core.rerating import Rerated, asks, corrected, family, here_now, rerated
from hub.core.school import FamilyFile, Household, Pupil, School, edited
from hub.core.why import sentences
from hub.web.render import as_shown, page, stamp, words
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit

SHOWN = 120
"""Lines of the page; more are counted, and the sums have them."""
TYPED = ("bracket", "quotient", "from_day", "validated_day")

Looks = Annotated[Visit, Depends(Sees(Right.BILLING))]
Corrects = Annotated[Form, Depends(Does(Right.BILLING))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Line:
    """A charge before and after; `sentences`: why it costs what it will. `stage`: posted (empty), waiting for a run, or a trial."""

    day: date
    pupil: Pupil
    item: str
    charge: int
    before_cents: int
    after_cents: int
    stage: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FilePage:
    """`lines` of `count` charges; `back_cents` come back to wallets (below zero: leave them), `waiting_cents` of charges not posted yet.

    `elsewhere`: charges of sites that are not the visitor's. `later`: orders cancelled late, corrected when their day is over.
    `changes`: whether there is anything to do. `done`: how many charges were just corrected, below zero = nothing was done.
    """

    household: Household
    file: FamilyFile
    typed: Mapping[str, str]
    lines: tuple[Line, ...]
    count: int
    back_cents: int
    waiting_cents: int
    elsewhere: int
    later: int
    changes: bool
    was: str
    problem: str
    done: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """The file as it would be, and what it changes at the visitor's sites and at others. `today` is that of the children's site."""

    file: FamilyFile
    own: tuple[Rerated, ...]
    elsewhere: int
    today: date

    @property
    def stamp(self) -> str:
        return stamp((self.file, [(one.charged.charge, one.cents) for one in self.own]))


@router.get("/families/{household}/files/{file}")
async def look(visit: Looks, household: int, file: int, done: int = -1) -> Response:
    """What the file changes as it is, or with what was typed."""
    home = visit.household(household)
    row, asked = _known(visit.school, home, file), visit.request.query_params
    typed = {name: asked.get(name, "").strip()[:80] for name in TYPED} if "from_day" in asked else _typed(visit, row)
    return await page(visit, "file.html", await _page(visit, home, row, typed, done=done))


@router.post("/families/{household}/files/{file}")
async def correct(form: Corrects, household: int, file: int) -> Response:
    """Put the file right, and what was charged with it, as it was shown; what has changed meanwhile is shown first."""
    visit, home = form.visit, form.visit.household(household)
    row, typed = _known(visit.school, home, file), {name: form.text(name, 80) for name in TYPED}
    wanted = await _wanted(visit, row, typed)
    if isinstance(wanted, Refusal):
        return await page(visit, "file.html", await _page(visit, home, row, typed, wanted.code), status=409)
    path = f"/families/{home.id}/files/{row.id}"
    if wanted.file == row and not wanted.own:  # sent twice: it is done
        return RedirectResponse(path, 303)
    if form.text("was") != wanted.stamp:
        return await page(visit, "file.html", await _page(visit, home, row, typed, "changed_meanwhile"), status=409)
    change = partial(put_file, site=_site(visit, home), file=wanted.file, same=as_shown(stamp(row)), chosen_day=wanted.file.from_day)
    answer = await visit.office.desk.edit(form.ask, change)
    if answer.refusal is not None:
        return await page(visit, "file.html", await _page(visit, home, row, typed, answer.refusal.code), status=409)
    return RedirectResponse(f"{path}?done={await _do(form, wanted)}", 303)


async def _do(form: Form, wanted: Wanted) -> int:
    """Correct the charges, pupil by pupil; how many they were."""
    desk, now_ms, who = form.visit.office.desk, form.visit.office.now_ms(), form.visit.person
    done = 0
    for ask, some in asks(desk.books, form.ask, wanted.own, wanted.today).items():
        await desk.do(ask, corrected, ask, some, now_ms, who.id if who else 0)
        done += len(some)
    return done


# --- what it would change -------------------------------------------------------------------------


async def _wanted(visit: Visit, row: FamilyFile, typed: Mapping[str, str]) -> Wanted | Refusal:
    """The file that was typed, and each charge that comes to something else by it."""
    read = _read(row, typed)
    if isinstance(read, Refusal):
        return read
    home = visit.school.households[row.household]
    made = put_file(visit.school, _site(visit, home), read, lambda _row: True, read.from_day)
    if isinstance(made, Refusal):
        return made
    await visit.office.caught_up()
    school, books = edited(visit.school, made), visit.office.desk.books
    children = family(school, home.id)
    past = [*await visit.office.past.priced_from(children), *here_now(books, children)]
    since = min(read.from_day, row.from_day)
    found = await asyncio.to_thread(rerated, school, books, past, home.id, since)
    own = tuple(one for one in found if one.charged.site in visit.sites)
    return Wanted(read, own, len(found) - len(own), _today(visit, home))


def _read(row: FamilyFile, typed: Mapping[str, str]) -> FamilyFile | Refusal:
    """What was typed: it counts from its day on, once it is checked."""
    from_day, validated_day = read_day(typed["from_day"]), read_day(typed["validated_day"])
    if from_day is None or validated_day is None:
        return Refusal("no_date")
    said = income(typed["bracket"], typed["quotient"])
    if isinstance(said, Refusal):
        return said
    bracket, qf_cents = said
    return replace(row, bracket=bracket, qf_cents=qf_cents, from_day=from_day, validated_day=validated_day)


def _typed(visit: Visit, row: FamilyFile) -> Mapping[str, str]:
    """The fields of the file as it is; of one that nobody has checked, as it would count if it were checked today."""
    home = visit.school.households[row.household]
    checked = row if row.validated_day else replace(row, validated_day=_today(visit, home))
    counting = checked if row.validated_day else _first(regularise(visit.school, _site(visit, home), checked), checked)
    return {
        "bracket": str(row.bracket or ""),
        "quotient": bare(write_cents(row.qf_cents)) if row.qf_cents >= 0 else "",
        "from_day": counting.from_day.isoformat(),
        "validated_day": checked.validated_day.isoformat() if checked.validated_day else "",
    }


def _first(made: Sequence[object] | Refusal, otherwise: FamilyFile) -> FamilyFile:
    """The file of an edit; as it was where there is none."""
    found = otherwise if isinstance(made, Refusal) else made[0]
    return found if isinstance(found, FamilyFile) else otherwise


# --- what is shown --------------------------------------------------------------------------------


async def _page(visit: Visit, home: Household, row: FamilyFile, typed: Mapping[str, str], problem: str = "", done: int = -1) -> FilePage:
    """The page; with `problem`, why nothing was done."""
    found = await _wanted(visit, row, typed)
    wanted = Wanted(row, (), 0, _today(visit, home)) if isinstance(found, Refusal) else found
    lines, books = wanted.own, visit.office.desk.books
    stages = [books.charges[one.charged.charge].stage for one in lines]
    together = asks(books, 1, lines, wanted.today)
    more = {stage: -sum(one.more_cents for one, its in zip(lines, stages, strict=True) if its is stage) for stage in Stage}
    return FilePage(
        household=home,
        file=row,
        typed=typed,
        lines=tuple(_line(visit, one, stage) for one, stage in zip(lines[:SHOWN], stages, strict=False)),
        count=len(lines),
        back_cents=more[Stage.POSTED],
        waiting_cents=more[Stage.GATHERED],
        elsewhere=wanted.elsewhere,
        later=len(lines) - sum(len(some) for some in together.values()),
        changes=wanted.file != row or bool(together),
        was=wanted.stamp,
        problem=problem or (found.code if isinstance(found, Refusal) else ""),
        done=done,
    )


def _line(visit: Visit, one: Rerated, stage: Stage) -> Line:
    school, speaks = visit.school, words(visit.language)
    charged, zone = one.charged, school.sites[one.charged.site].zone
    said = tuple(speaks.gettext(each.text) % each.values for each in sentences(one.why, zone))
    return Line(
        one.day, school.pupils[charged.pupil], item_name(school, charged.item), charged.charge, charged.cents, one.cents, stage.value, said
    )


def _known(school: School, home: Household, file: int) -> FamilyFile:
    """A file of this household; 404 for another's."""
    found = next((each for each in school.files.get(home.id, ()) if each.id == file), None)
    if found is None:
        raise HTTPException(404)
    return found


def _site(visit: Visit, home: Household) -> int:
    """The site whose deadline counts: where the eldest child is, or the visitor's first."""
    kin = (visit.school.pupils[pupil].site for pupil in visit.school.kin.get(home.id, ()))
    return next((site for site in kin if site in visit.sites), min(visit.sites))


def _today(visit: Visit, home: Household) -> date:
    return day_of(visit.office.now_ms(), visit.school.sites[_site(visit, home)].zone)
