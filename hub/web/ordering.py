"""How a site takes orders: how far ahead, until when, what becomes of a child who comes without one, and what a cashier may take back."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from starlette.responses import RedirectResponse

from hub.core.calendar import clock_of
from hub.core.canteen import MAX_PRICE_CENTS
from hub.core.facts import Refusal
from hub.core.menus import Canteen, Unordered
from hub.core.money import bare, read_cents, write_cents
from hub.core.products import MAX_HORIZON_DAYS, put_canteen
from hub.core.school import Site
from hub.web.asking import minute_of
from hub.web.render import as_shown, page, stamp
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit

Looks = Annotated[Visit, Depends(Sees(Right.SITES))]
Sets = Annotated[Form, Depends(Does(Right.SITES))]
Typed = Mapping[str, str]
AMOUNTS = ("walk_up_cents", "unordered_cents", "void_limit_cents")
CLOCKS = ("cut_off_min", "waiting_until_min")
DAYS = ("horizon_days", "days_before")

router = APIRouter()


@dataclass(frozen=True, slots=True)
class OrderingPage:
    """`typed`: the fields as they are or were typed, `wrong` those that cannot be; `now`: what somebody else has made of them meanwhile."""

    site: Site
    typed: Typed
    was: str
    problem: Refusal | None
    wrong: frozenset[str]
    now: Typed | None
    done: str


@router.get("/sites/{site}/ordering")
async def ordering(visit: Looks, site: int, done: str = "") -> Response:
    """As it is."""
    place, known = visit.site(site), visit.school.canteen(site)
    return await page(visit, "ordering.html", OrderingPage(place, typed_of(known), stamp(known), None, frozenset(), None, done))


@router.post("/sites/{site}/ordering")
async def change(form: Sets, site: int) -> Response:
    """As it is from now on."""
    visit, place = form.visit, form.visit.site(site)
    typed = {each.name: form.text(each.name) for each in fields(Canteen) if each.name != "site"}
    said = _read(place.id, typed)
    if isinstance(said, Canteen):
        answer = await visit.office.desk.edit(form.ask, put_canteen, said, as_shown(form.text("was")))
        if answer.refusal is None:
            return RedirectResponse(f"/sites/{site}/ordering?done=saved", 303)
        said = answer.refusal
    known, late = visit.school.canteen(site), said.code == "changed_meanwhile"
    was, now = (stamp(known), typed_of(known)) if late else (form.text("was"), None)
    return await page(visit, "ordering.html", OrderingPage(place, typed, was, said, _wrong(typed, said), now, ""), status=409)


def typed_of(canteen: Canteen) -> Typed:
    """The fields of a form that shows it."""
    cents = {name: bare(write_cents(getattr(canteen, name))) for name in AMOUNTS}
    clocks = {name: clock_of(getattr(canteen, name)) for name in CLOCKS}
    days = {name: str(getattr(canteen, name)) for name in DAYS}
    return {**cents, **clocks, **days, "walk_up": canteen.walk_up.value, "unordered": canteen.unordered.value}


def _read(site: int, typed: Typed) -> Canteen | Refusal:
    """What was typed; a field that cannot be read is refused."""
    cut_off, waiting = minute_of(typed["cut_off_min"]), minute_of(typed["waiting_until_min"])
    amounts = [read_cents(typed[name] or "0") for name in AMOUNTS]
    days = [_days(typed[name]) for name in DAYS]
    if cut_off is None or waiting is None:
        return Refusal("no_time")
    cents = [each for each in amounts if each is not None and each >= 0]
    if len(cents) < len(amounts):
        return Refusal("no_amount")
    walk_up = Unordered.SURCHARGE if typed["walk_up"] == Unordered.SURCHARGE else Unordered.ALLOW
    unordered = next((each for each in Unordered if each.value == typed["unordered"]), Unordered.ALLOW)
    return Canteen(site, days[0], cut_off, days[1], waiting, walk_up, cents[0], unordered, cents[1], cents[2])


def _wrong(typed: Typed, problem: Refusal) -> frozenset[str]:
    """The fields that a refusal is about: of several of a kind, those that are not possible."""
    match problem.code:
        case "no_time":
            return frozenset(name for name in CLOCKS if minute_of(typed[name]) is None)
        case "no_days":
            most = dict(zip(DAYS, (problem.numbers["most"], problem.numbers["before"]), strict=True))
            return frozenset(name for name in DAYS if _days(typed[name]) > most[name])
        case "no_amount" | "no_price":
            most_cents = problem.numbers.get("most_cents", MAX_PRICE_CENTS)
            amounts = {name: read_cents(typed[name] or "0") for name in AMOUNTS}
            return frozenset(name for name, cents in amounts.items() if cents is None or not 0 <= cents <= most_cents)
        case _:
            return frozenset()


def _days(text: str) -> int:
    """A number of days; too many for what is none, so that the rule refuses it."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(MAX_HORIZON_DAYS)) else MAX_HORIZON_DAYS + 1
