"""A tariff as a table to type in: lines are added, moved and taken away by buttons that send the form back, so it needs no JavaScript.

What is wrong is named at its cell, and everything that was typed is kept. Nothing is saved that a price could not be made of.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from fastapi import APIRouter, Response
from starlette.responses import RedirectResponse

from hub.core import tariffversions as rules
from hub.core.calendar import DayKind
from hub.core.complaints import check_tariffs
from hub.core.drafting import Fault, Faults, LineCells, cell_of, cells_of, read, reshaped, split
from hub.core.facts import derived
from hub.core.formulas import Fixed, Line, Session
from hub.core.lists import fold
from hub.core.school import School, Tariff, TariffGroup
from hub.web.render import as_shown, page, stamp
from hub.web.rights import Right, sites_where
from hub.web.session import Form, Visit
from hub.web.tariffs.drafts import Draft, Looks, Priced, Sets, drafts_of, priced, today_at

router = APIRouter()
SEALED = {"csrf", "ask_id", "act"}
"""Fields of a form that are nobody's typing."""


@dataclass(frozen=True, slots=True)
class EditPage:
    """`since`, `group`: as typed. `waits`: the version, not begun yet, that is being changed; `now`: what somebody else has saved."""

    item: Priced
    lines: tuple[LineCells, ...]
    since: str
    group: str
    groups: tuple[TariffGroup, ...]
    faults: Faults
    child_types: tuple[str, ...]
    kinds: tuple[str, ...]
    today: date
    waits: Tariff | None
    was: str
    problem: str
    may_try: bool
    now: tuple[Tariff, ...] = ()
    names: Mapping[int, TariffGroup] | None = None


@router.get("/tariffs/{priced}/edit")
async def edit(visit: Looks, priced: int, version: str = "", draft: str = "") -> Response:
    """The table: of a draft that was tried, of a version that has not begun yet, or the prices of today to start from."""
    shown = _shown(visit, priced, _start(visit, priced, version, draft))
    if shown.item.site.id not in _changes(visit):
        return RedirectResponse(f"/tariffs/{priced}", 303)
    return await page(visit, "tariff_edit.html", shown)


@router.post("/tariffs/{priced}")
async def save(form: Sets, priced: int) -> Response:
    """Save it from its day on, or keep it to try it; any other button gives the table another shape."""
    visit, typed, act = form.visit, _fields(form), form.text("act")
    shown = _shown(visit, priced, typed)
    if act != "save":
        visit.only_shows()
    if act not in {"save", "try"}:
        return await page(visit, "tariff_edit.html", replace(shown, lines=reshaped(shown.lines, act)))
    version, faults = _understood(visit.school, shown, typed, derived(form.ask, "tariff"))
    if act == "try":
        faults.pop("from", None)  # it is tried on days that have been
    if faults:
        return await page(visit, "tariff_edit.html", replace(shown, faults=faults, problem="faults"), status=409)
    if act == "try":
        drafts_of(visit).keep(Draft(version.id, typed, version))
        return RedirectResponse(f"/tariffs/{priced}/try?draft={version.id}", 303)
    same, moved = as_shown(shown.was), shown.waits.id if shown.waits else 0
    answer = await visit.office.desk.edit(form.ask, rules.put_version, version, shown.today, same, moved)
    if answer.refusal is None:
        return RedirectResponse(f"/tariffs/{priced}?done=saved", 303)
    return await page(visit, "tariff_edit.html", _refused(visit, shown, answer.refusal.code), status=409)


def _start(visit: Visit, item: int, version: str, draft: str) -> Mapping[str, str]:
    """The fields to begin with."""
    kept = drafts_of(visit).of(int(draft), item) if draft.isascii() and draft.isdigit() else None
    if kept is not None:
        return kept.typed
    found = priced(visit, item)
    today, versions = today_at(visit, found.site), rules.in_force(visit.school, item)
    waits = next((one for one in versions if str(one.id) == version and one.from_day > today), None)
    begun = [one for one in versions if one.from_day <= today]
    like = waits or (begun[-1] if begun else None)
    lines = like.lines if like else (Line(Session(Fixed((found.own_cents or 0) * 10))),)
    fields = {"from": waits.from_day.isoformat() if waits else "", "version": str(waits.id) if waits else "", "was": stamp(versions)}
    return {**fields, "group": str(like.group) if like else "", **fields_of(tuple(map(cells_of, lines)))}


def fields_of(lines: tuple[LineCells, ...]) -> dict[str, str]:
    """The fields of a form with these lines."""
    fields = {"lines": str(len(lines))}
    for n, line in enumerate(lines):
        fields |= {f"l{n}_{name}": text for name, text in line.cells.items()} | {f"l{n}_bands": str(len(line.bands))}
        fields |= {f"l{n}b{m}_{name}": text for m, band in enumerate(line.bands) for name, text in band.items()}
    return fields


def _shown(visit: Visit, number: int, typed: Mapping[str, str]) -> EditPage:
    """The table with these fields, nothing said of them yet."""
    school, item = visit.school, priced(visit, number)
    today = today_at(visit, item.site)
    coming = (one for one in rules.in_force(school, number) if one.from_day > today)
    return EditPage(
        item=item,
        lines=split(typed),
        since=typed.get("from", ""),
        group=typed.get("group", ""),
        groups=tuple(sorted(school.groups.values(), key=lambda one: (fold(one.name), one.id))),
        faults={},
        child_types=tuple(sorted({pupil.child_type for pupil in school.pupils.values() if pupil.child_type})),
        kinds=tuple(kind.value for kind in DayKind),
        today=today,
        waits=next((one for one in coming if str(one.id) == typed.get("version")), None),
        was=typed.get("was", ""),
        problem="",
        may_try=item.site.id in visit.where(Right.MONEY),
    )


def _understood(school: School, shown: EditPage, typed: Mapping[str, str], number: int) -> tuple[Tariff, Faults]:
    """The version that was typed, and everything that is wrong with it, by cell."""
    draft, faults = read(typed, shown.lines)
    since = draft.from_day or shown.today
    if since < shown.today:
        faults.setdefault("from", Fault.DAY_PASSED)
    version = Tariff(number, shown.item.id, since, None, draft.lines, draft.group)
    rows = rules.with_version(school, version, shown.today, shown.waits.id if shown.waits else 0)
    for complaint in check_tariffs(school, rows):
        line = f"l{complaint.line - 1}"
        unread = complaint.line and any(name.startswith((f"{line}_", f"{line}b")) for name in faults)
        if complaint.from_day == since and not unread:
            cell, fault = cell_of(complaint)
            faults.setdefault(cell, fault)
    return version, faults


def _refused(visit: Visit, shown: EditPage, code: str) -> EditPage:
    """Why it was not saved; where somebody was quicker, what holds now, to save over it knowingly."""
    if code != "changed_meanwhile":
        return replace(shown, problem=code)
    now = rules.in_force(visit.school, shown.item.id)
    return replace(shown, problem=code, was=stamp(now), now=now, names=visit.school.groups)


def _fields(form: Form) -> Mapping[str, str]:
    return {name: texts[0].strip()[:80] for name, texts in form.fields.items() if texts and name not in SEALED}


def _changes(visit: Visit) -> frozenset[int]:
    return sites_where(visit.person.posts, Right.TARIFFS, visit.school, does=True) if visit.person else frozenset()
