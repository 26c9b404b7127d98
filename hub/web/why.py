"""Why this price: a charge of a pupil with its derivation, as a page of its own and as a piece of the pupil's page (requirement M3)."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response

from hub.core.school import Pupil
from hub.core.why import explained
from hub.web.render import page, words
from hub.web.rights import Right
from hub.web.session import Sees, Visit

Looks = Annotated[Visit, Depends(Sees(Right.MONEY))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class WhyPage:
    """`sentences` in the reader's language."""

    pupil: Pupil
    sentences: tuple[str, ...]


@router.get("/pupils/{pupil}/why/{charge}")
async def why(visit: Looks, pupil: int, charge: int) -> Response:
    """How a charge came about."""
    found, past = visit.pupil(pupil), visit.office.past
    await visit.office.caught_up()
    told = await past.charge(charge)
    if told is None or told.charged.pupil not in visit.school.ids_of(found.id) or told.charged.site not in visit.sites:
        raise HTTPException(404)
    charged = told.charged
    stays = await past.stays_between(charged.pupil, charged.why.from_ms, charged.why.to_ms) if charged.day else ()
    speaks = words(visit.language)
    sentences = tuple(speaks.gettext(each.text) % each.values for each in explained(visit.school, told, stays))
    return await page(visit, "why.html", WhyPage(found, sentences), block="sentences" if visit.is_fragment else "")
