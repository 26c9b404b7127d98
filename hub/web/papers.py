"""What is kept of a pupil beside the school's rows: photo, who may fetch the child, note; and diet and allergies, for whom they concern."""

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response
from starlette.responses import RedirectResponse

from hub.core.calendar import day_of
from hub.core.facts import Refusal, derived
from hub.core.lists import read_day
from hub.core.menus import Allergen, Diet
from hub.core.papers import MAX_NOTE, Pickup, authorise, written
from hub.core.people import put_diet
from hub.core.school import Pupil
from hub.web.render import as_shown, page, stamp
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit

MAX_PHOTO_BYTES = 12 * 1024 * 1024
"""What phones make; kept are some 20 kB."""

Looks = Annotated[Visit, Depends(Sees(Right.PUPILS))]
Writes = Annotated[Form, Depends(Does(Right.PUPILS))]
Uploads = Annotated[Form, Depends(Does(Right.PUPILS, MAX_PHOTO_BYTES))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Typed:
    """What a refused form held, to be put right."""

    name: str = ""
    phone: str = ""
    relation: str = ""
    from_day: str = ""
    until_day: str = ""
    note: str = ""
    diet: str = ""


@dataclass(frozen=True, slots=True)
class PapersPage:
    """`problem`: a refusal's code, `at` which form. `now`: a note that somebody else has written meanwhile."""

    pupil: Pupil
    has_photo: bool
    photo_was: str
    pickups: tuple[Pickup, ...]
    note: str
    note_was: str
    diet: Diet
    diet_was: str
    allergens: tuple[str, ...]
    typed: Typed
    problem: str
    at: str
    now: str
    max_note: int = MAX_NOTE


@router.get("/pupils/{pupil}/papers")
async def papers(visit: Looks, pupil: int) -> Response:
    """Everything of it, to be changed. Only for those who may: what others may see stands on the pupil's page."""
    found = visit.at(Right.PUPILS, does=True).pupil(pupil)
    visit.ask_pin()
    return await page(visit, "papers.html", await _page(visit, found))


@router.get("/pupils/{pupil}/photo")
async def photo(visit: Looks, pupil: int) -> Response:
    """The photo; 404 where there is none."""
    content = await visit.office.papers.photo(visit.pupil(pupil).id)
    if content is None:
        raise HTTPException(404)
    return Response(content, media_type="image/webp", headers={"cache-control": "no-store"})


@router.post("/pupils/{pupil}/photo")
async def set_photo(form: Uploads, pupil: int) -> Response:
    """Another photo, or none any more."""
    found, upload = form.visit.pupil(pupil), form.files.get("photo")
    erase = form.text("erase") == "yes"
    if not erase and (upload is None or not upload.content):
        return await _refused(form, found, "photo", "no_file")
    if form.text("was") != await _photo_stamp(form.visit, found):
        return await _refused(form, found, "photo", "changed_meanwhile")
    content = b"" if erase or upload is None else upload.content
    if not await form.visit.office.papers.set_photo(found.id, content, form.visit.office.now_ms()):
        return await _refused(form, found, "photo", "no_picture")
    return _saved(found)


@router.post("/pupils/{pupil}/pickups")
async def add_pickup(form: Writes, pupil: int) -> Response:
    """Somebody more may fetch the child."""
    found = form.visit.pupil(pupil)
    since, until = form.text("from_day"), form.text("until_day")
    from_day, until_day = read_day(since) if since else _today(form.visit, found), read_day(until)
    if from_day is None or (until and until_day is None):
        return await _refused(form, found, "pickup", "no_date")
    said = Pickup(derived(form.ask, "pickup"), found.id, form.text("name"), form.text("phone"), form.text("relation"), from_day, until_day)
    made = authorise(said)
    if isinstance(made, Refusal):
        return await _refused(form, found, "pickup", made.code)
    await form.visit.office.papers.add_pickup(made)
    return _saved(found)


@router.post("/pupils/{pupil}/pickups/{pickup}/end")
async def end_pickup(form: Writes, pupil: int, pickup: int) -> Response:
    """From today on they may not any more."""
    found = form.visit.pupil(pupil)
    await form.visit.office.papers.end_pickup(found.id, pickup, _today(form.visit, found))
    return _saved(found)


@router.post("/pupils/{pupil}/note")
async def set_note(form: Writes, pupil: int) -> Response:
    """What staff should know."""
    found, kept = form.visit.pupil(pupil), written(form.text("note", MAX_NOTE + 100))
    before = await form.visit.office.papers.note(found.id)
    if isinstance(kept, Refusal):
        return await _refused(form, found, "note", kept.code)
    if form.text("was") != stamp(before):
        return await _refused(form, found, "note", "changed_meanwhile", before)
    await form.visit.office.papers.set_note(found.id, kept)
    return _saved(found)


@router.post("/pupils/{pupil}/diet")
async def set_diet(form: Writes, pupil: int) -> Response:
    """What the child does not eat, and must not."""
    found = form.visit.pupil(pupil)
    chosen = frozenset(allergen for allergen in Allergen if allergen.value in form.fields.get("allergen", []))
    diet = Diet(found.id, form.text("diet"), chosen)
    same = as_shown(form.text("was"))
    answer = await form.visit.office.desk.edit(form.ask, lambda school: put_diet(school, diet, same))
    return await _refused(form, found, "diet", answer.refusal.code) if answer.refusal else _saved(found)


async def _photo_stamp(visit: Visit, pupil: Pupil) -> str:
    """Of the photo that is there, or of none."""
    return stamp(hashlib.sha256(await visit.office.papers.photo(pupil.id) or b"").hexdigest())


def _saved(pupil: Pupil) -> Response:
    return RedirectResponse(f"/pupils/{pupil.id}?done=saved", 303)


async def _refused(form: Form, pupil: Pupil, at: str, problem: str, now: str = "") -> Response:
    form.visit.ask_pin()
    names = Typed.__dataclass_fields__
    typed = Typed(**{name: form.text(name, MAX_NOTE + 100) for name in names})
    return await page(form.visit, "papers.html", await _page(form.visit, pupil, typed, (problem, at, now)), status=409)


async def _page(visit: Visit, pupil: Pupil, typed: Typed | None = None, trouble: tuple[str, str, str] = ("", "", "")) -> PapersPage:
    kept, (problem, at, now) = visit.office.papers, trouble
    note, diet = await kept.note(pupil.id), visit.school.diets.get(pupil.id, Diet(pupil.id))
    return PapersPage(
        pupil=pupil,
        has_photo=await kept.photo(pupil.id) is not None,
        photo_was=await _photo_stamp(visit, pupil),
        pickups=tuple(await kept.pickups(pupil.id, _today(visit, pupil))),
        note=typed.note if typed and at == "note" else note,
        note_was=stamp(note),
        diet=diet,
        diet_was=stamp(diet),
        allergens=tuple(allergen.value for allergen in Allergen),
        typed=typed or Typed(),
        problem=problem,
        at=at,
        now=now,
    )


def _today(visit: Visit, pupil: Pupil) -> date:
    return day_of(visit.office.now_ms(), visit.school.sites[pupil.site].zone)
