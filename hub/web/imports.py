"""Import: a list from the school's other programme is looked through, shown as what it would do, and done as it was shown, all or nothing.

The file is kept in memory between the two, for its owner and for a while: what is done is what was previewed, byte for byte.
"""

import asyncio
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, HTTPException, Response
from starlette.responses import RedirectResponse

from hub.core.calendar import day_of
from hub.core.facts import Refusal
from hub.core.imports import WANTED, Kind, plan, sites_of
from hub.core.lists import Complaint, Readout
from hub.core.plans import Act, Plan, Stamp
from hub.core.school import School
from hub.web.office import Office
from hub.web.render import page
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit

MAX_FORM_BYTES = 9 * 1024 * 1024
"""A list of 8 MB, and what the form has around it."""
KEPT, KEPT_MS = 6, 30 * 60_000
"""Previews kept at once, and for how long."""
SHOWN = 8
"""Of what is new and of what changes, of each kind of thing."""
FAULTS = 60
"""Bad lines on one page; more are counted."""

Looks = Annotated[Visit, Depends(Sees(Right.PUPILS, sensitive=True))]
Brings = Annotated[Form, Depends(Does(Right.PUPILS, MAX_FORM_BYTES, sensitive=True))]
Writes = Annotated[Form, Depends(Does(Right.PUPILS, sensitive=True))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Brought:
    """A file that waits for a word. `staff`: whose it is."""

    staff: int
    kind: Kind
    name: str
    read: Readout
    at_ms: int


@dataclass(frozen=True, slots=True)
class Planned:
    """What a file would do to this very school and, where that counts, to the books as they are at a fact; and at which sites."""

    school: School
    number: int
    plan: Plan
    sites: frozenset[int]


class Uploads:
    """The files of the last half hour, each by an id of its own."""

    def __init__(self) -> None:
        self._brought: OrderedDict[int, Brought] = OrderedDict()
        self.plans: dict[int, Planned] = {}

    def keep(self, upload: int, brought: Brought) -> None:
        """Keep one, and let the oldest go."""
        self._brought[upload] = brought
        if len(self._brought) > KEPT:
            self.plans.pop(self._brought.popitem(last=False)[0], None)

    def of(self, upload: int, staff: int, now_ms: int) -> Brought | None:
        """Somebody's own, while it is kept."""
        found = self._brought.get(upload)
        return found if found and found.staff == staff and now_ms - found.at_ms < KEPT_MS else None


@dataclass(frozen=True, slots=True)
class ImportsPage:
    kind: str
    kinds: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]
    problem: str
    done: str


@dataclass(frozen=True, slots=True)
class Group:
    """What would be done to one kind of thing: how many, and the first of them."""

    thing: str
    new: bool
    count: int
    few: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class PreviewPage:
    """`faults` and `more_faults`: bad lines; with any of them nothing is done."""

    upload: int
    name: str
    kind: str
    lines: int
    groups: tuple[Group, ...]
    unchanged: tuple[tuple[str, int], ...]
    left: tuple[tuple[int, str], ...]
    dropped: tuple[str, ...]
    unknown: tuple[str, ...]
    faults: tuple[Complaint, ...]
    more_faults: int
    problem: str


@router.get("/imports")
async def imports(visit: Looks, kind: str = "pupils", done: str = "") -> Response:
    """Choose what the list is of, and the file."""
    return await page(visit, "imports.html", _choose(kind, "", done))


@router.post("/imports")
async def bring(form: Brings) -> Response:
    """Look a file through. Nothing is written yet."""
    office, upload, number = form.visit.office, form.files.get("file"), form.visit.office.new_id()
    kind = next((each for each in Kind if each.value == form.text("kind")), Kind.PUPILS)
    if upload is None or not upload.content:
        return await page(form.visit, "imports.html", _choose(kind, "no_file"), status=409)
    read = await asyncio.to_thread(office.lists.read, upload.content, kind)
    if isinstance(read, Refusal):
        return await page(form.visit, "imports.html", _choose(kind, read.code), status=409)
    form.visit.only_shows()
    brought = Brought(_staff(form.visit), kind, upload.name, read, office.now_ms())
    # Not the form's own id: the browser's way back leads to the same form, and another file in it is another list.
    _uploads(form.visit).keep(number, brought)
    await _planned(form.visit, number, brought)  # the page that follows has it ready
    return RedirectResponse(f"/imports/{number}", 303)


@router.get("/imports/{upload}")
async def preview(visit: Looks, upload: int) -> Response:
    """What the file would do."""
    brought = _brought(visit, upload)
    if brought is None:
        return await page(visit, "imports.html", _choose(Kind.PUPILS, "upload_gone"), status=404)
    if brought.kind is Kind.BALANCES:
        visit.ask_pin()
    planned = await _planned(visit, upload, brought)
    context = await asyncio.to_thread(_preview, upload, brought, planned.plan, _barred(visit, brought, planned))
    return await page(visit, "import.html", context)


@router.post("/imports/{upload}")
async def carry_out(form: Writes, upload: int) -> Response:
    """Do what was shown, all or nothing."""
    visit, brought = form.visit, _brought(form.visit, upload)
    if brought is None:
        return await page(visit, "imports.html", _choose(Kind.PUPILS, "upload_gone"), status=404)
    if brought.kind is Kind.BALANCES:
        visit.ask_pin()
        visit.ask_second()
    planned = await _planned(visit, upload, brought)
    problem = "list_has_faults" if planned.plan.complaints else _barred(visit, brought, planned)
    if not problem:
        stamp = _stamp(visit.office, upload, brought)
        answer = await visit.office.lists.carry_out(planned.plan, brought.kind, brought.read.table, stamp)
        problem = answer.refusal.code if answer.refusal else ""
    if not problem:
        return RedirectResponse(f"/imports?kind={brought.kind}&done=yes", 303)
    return await page(visit, "import.html", _preview(upload, brought, planned.plan, problem), status=409)


async def _planned(visit: Visit, upload: int, brought: Brought) -> Planned:
    """On a thread: a commune's list takes half a second, and scans go on. Worked out again only where what it rests on has changed."""
    desk, plans = visit.office.desk, _uploads(visit).plans
    school, number = desk.school, desk.books.number if brought.kind is Kind.BALANCES else 0
    known = plans.get(upload)
    if known is None or known.school is not school or known.number != number:
        stamp = _stamp(visit.office, upload, brought)
        planned = await asyncio.to_thread(plan, brought.kind, brought.read.table, school, desk.books, stamp)
        known = plans[upload] = Planned(school, number, planned, await asyncio.to_thread(sites_of, planned, school))
    return known


def _barred(visit: Visit, brought: Brought, planned: Planned) -> str:
    """Why this person may not do it: it touches another site, or money."""
    sites = visit.where(Right.BILLING, does=True) & visit.sites if brought.kind is Kind.BALANCES else visit.sites
    barred = not planned.sites <= sites or (brought.kind is Kind.BALANCES and not sites)
    return "list_elsewhere" if barred else ""


def _stamp(office: Office, upload: int, brought: Brought) -> Stamp:
    """The same each time, so that a preview and what is done have the same ids."""
    day = day_of(brought.at_ms, ZoneInfo("UTC"))
    return Stamp(office.badge_key, brought.at_ms, day, upload, office.lists.is_address, brought.staff, office.language)


def _preview(upload: int, brought: Brought, planned: Plan, problem: str) -> PreviewPage:
    hidden = problem == "list_elsewhere"
    counts = Counter((act.thing, act.new) for act in planned.acts if not hidden)
    few = {key: tuple([act for act in planned.acts if (act.thing, act.new) == key][:SHOWN]) for key in counts}
    listed, faults = planned.listed, () if hidden else planned.complaints
    return PreviewPage(
        upload=upload,
        name=brought.name,
        kind=brought.kind.value,
        lines=len(brought.read.table.lines),
        groups=tuple(Group(thing.value, new, count, few[thing, new]) for (thing, new), count in counts.items()),
        unchanged=tuple((thing.value, count) for thing, count in planned.unchanged.items() if count),
        left=tuple((line, state.value) for line, state in planned.left),
        dropped=listed.dropped,
        unknown=listed.unknown,
        faults=faults[:FAULTS],
        more_faults=max(0, len(faults) - FAULTS),
        problem=problem or ("list_has_faults" if faults else ""),
    )


def _choose(kind: str, problem: str, done: str = "") -> ImportsPage:
    kinds = tuple(each.value for each in Kind)
    columns = {each.value: tuple(column.value for column in WANTED[each]) for each in Kind}
    return ImportsPage(kind if kind in kinds else kinds[0], kinds, columns, problem, done)


def _brought(visit: Visit, upload: int) -> Brought | None:
    return _uploads(visit).of(upload, _staff(visit), visit.office.now_ms())


def _uploads(visit: Visit) -> Uploads:
    found: Uploads = visit.request.app.state.uploads
    return found


def _staff(visit: Visit) -> int:
    if visit.person is None:
        raise HTTPException(403)
    return visit.person.id
