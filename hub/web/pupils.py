"""Pupils: find one by name or class, and see all that is known of them: charges, wallet, orders, stays, badges, who may fetch them.

Changes nothing: what is written of a pupil changes in enrolment.py, papers.py and badges.py.
"""

import asyncio
import unicodedata
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Response

from hub.core.books import Books
from hub.core.calendar import day_code, day_of
from hub.core.codes import Compartment, Stage
from hub.core.facts import (
    BalanceOpened,
    CashPaidIn,
    Charged,
    ChargesPosted,
    Cleared,
    Fact,
    Reversed,
    ScanTaken,
    StayClosed,
    TillVoided,
    Transferred,
)
from hub.core.ledger import wallet_account
from hub.core.lists import by_name, fold
from hub.core.menus import Diet
from hub.core.papers import Pickup
from hub.core.payers import payers
from hub.core.references import printed
from hub.core.school import Badge, BadgeState, Household, ProductKind, Programme, Pupil, School, Site
from hub.core.wallets import moved_cents, place_of
from hub.core.whys import Why
from hub.web.asking import NOWHERE
from hub.web.render import page
from hub.web.rights import Right
from hub.web.session import Sees, Visit

FOUND = 60
"""Pupils listed at once; more are counted, and the search narrows them."""
ENTRIES = 50
"""Lines of a wallet, of stays and of scans on one page."""
DAYS_BACK, DAYS_AHEAD = 7, 31
"""Of a pupil's orders; parents order at most 15 days ahead, a site may allow more."""
QUESTION = 80
"""Characters of a search; a longer one is cut."""

Looks = Annotated[Visit, Depends(Sees(Right.PUPILS))]
F = TypeVar("F", Charged, ScanTaken, StayClosed)

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Row:
    """One pupil of the list. `has_badge`: whether a badge of theirs is active."""

    pupil: Pupil
    site: str
    has_badge: bool


@dataclass(frozen=True, slots=True)
class PupilsPage:
    question: str
    rows: tuple[Row, ...]
    more: int
    total: int
    left: int
    """How many of the question have left the school; shown only where they are asked for (`shows_left`)."""
    shows_left: bool
    may_add: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a wallet: `kind` as the template has words for. `cents` as the family sees them: negative was paid."""

    kind: str
    at_ms: int
    cents: int
    item: str = ""
    """Name of the programme or product of a charge."""
    pupil: Pupil | None = None
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class Purse:
    """A wallet that pays for the pupil, and its last entries, newest first. `reference`: what is written on a transfer to it.

    `owner`: the name of the household whose it is; empty for the pupil's own.
    """

    site: Site
    owner: str
    compartment: str
    reference: str
    balance_cents: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class PastStay:
    """One stay; `to_ms` 0 while it is open. `reason`: why a person should look at it, or empty."""

    programme: Programme | None
    from_ms: int
    to_ms: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Bill:
    """One charge of the pupil, at which site's clock. `state`: empty = taken from the wallet, else gathered, pilot or back."""

    charged: Charged
    item: str
    zone: ZoneInfo
    state: str


@dataclass(frozen=True, slots=True)
class Order:
    """A meal of a day. `state`: ordered, collected, late (cancelled too late) or walk_up (came without)."""

    day: date
    site: str
    product: str
    state: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept beside the school's rows, as far as this reader may see it. `diet` is None for those whom it does not concern.

    `locked`: on a shared device, the PIN comes first; the rest is then empty.
    """

    has_photo: bool
    pickups: tuple[Pickup, ...]
    note: str
    diet: Diet | None
    locked: bool = False


@dataclass(frozen=True, slots=True)
class PupilPage:
    pupil: Pupil
    household: Household | None
    site: str
    zone: ZoneInfo
    known: Known
    may_write: bool
    may_give: bool
    """Whether badges may be looked at and given here."""
    bills: tuple[Bill, ...]
    orders: tuple[Order, ...]
    is_here: bool
    """Whether they have not left the school: then badges are given."""
    ordering: str
    """The page where this reader orders meals for the pupil; empty where that cannot be."""
    purses: tuple[Purse, ...]
    sees_money: bool
    stays: tuple[PastStay, ...]
    scans: tuple[ScanTaken, ...]
    badges: tuple[Badge, ...]
    entered_as: tuple[Pupil, ...]
    """The child's second entries, if it was entered twice."""
    done: str
    """What was just done here: given, blocked, lost; else empty."""


@router.get("/pupils")
async def pupils(visit: Looks, q: str = "", left: str = "") -> Response:
    """The list, narrowed by name or class; its rows as a block while someone types."""
    question = " ".join(q.split())[:QUESTION]
    # Two thousand names take 15 ms to look through: the school is frozen, so a thread may do it while scans go on.
    own, today = filter(visit.knows, visit.school.everyone), day_of(visit.office.now_ms(), NOWHERE)
    context = await asyncio.to_thread(pupils_page, visit.school, own, question, today, shows_left=bool(left))
    context = replace(context, may_add=visit.may(Right.PUPILS, does=True))
    return await page(visit, "pupils.html", context, block="found" if visit.is_fragment else "")


@router.get("/pupils/{pupil}")
async def pupil(visit: Looks, pupil: int, done: str = "") -> Response:
    """One pupil."""
    desk, past = visit.office.desk, visit.office.past
    await visit.office.caught_up()
    school, books, found = desk.school, desk.books, visit.pupil(pupil)
    site, counted, ids = school.sites[found.site], visit.where(Right.MONEY), school.ids_of(found.id)
    today = day_of(visit.office.now_ms(), site.zone)
    wallets = [(place, wallet) for place, wallet in _wallets(school, books, found) if place.id in counted]
    context = PupilPage(
        pupil=found,
        household=school.households.get(found.household),
        site=site.name,
        zone=site.zone,
        known=await _known(visit, found),
        may_write=visit.at(Right.PUPILS, does=True).knows(found),
        may_give=visit.at(Right.BADGES, does=True).knows(found),
        bills=_bills(school, books, await _last(ids, past.charges_of, _at), counted) if counted else (),
        orders=_orders(school, books, found, today),
        is_here=found.is_here(today),
        ordering=_ordering(visit, found, today),
        purses=tuple([await _purse(visit, wallet, place) for place, wallet in wallets]),
        sees_money=bool(counted),
        stays=_stays(school, books, ids, await _last(ids, past.stays_of, lambda stay: stay.from_ms)),
        scans=tuple(await _last(ids, past.scans_of, _at)),
        badges=tuple(badge for badge in school.badges_of(found.id) if badge.until_ms == 0),
        entered_as=tuple(school.merged[number] for number in ids if number in school.merged),
        done=done,
    )
    return await page(visit, "pupil.html", context)


async def _last(ids: Iterable[int], ask: Callable[[int, int], Awaitable[Sequence[F]]], when: Callable[[F], int]) -> list[F]:
    """The last facts of a child, newest first, under whichever id they were booked."""
    found = [fact for number in ids for fact in await ask(number, ENTRIES)]
    return sorted(found, key=when, reverse=True)[:ENTRIES]


def _at(fact: Charged | ScanTaken) -> int:
    return fact.at_ms


def pupils_page(school: School, pupils: Iterable[Pupil], question: str, today: date, *, shows_left: bool = False) -> PupilsPage:
    """Those pupils whose name and class hold every word of the question, by name; who has left the school, where that is asked for."""
    words, own = _plain(question).split(), list(pupils)
    fits = [pupil for pupil in own if _fits(pupil, words)]
    found = [pupil for pupil in fits if shows_left or pupil.is_here(today)]
    found.sort(key=by_name)
    badged = {
        badge.pupil for states in school.badges.values() for badge in states if badge.until_ms == 0 and badge.state is BadgeState.ACTIVE
    }
    rows = tuple(Row(pupil, school.sites[pupil.site].name, pupil.id in badged) for pupil in found[:FOUND])
    left = sum(not pupil.is_here(today) for pupil in fits)
    return PupilsPage(question, rows, len(found) - len(rows), sum(pupil.is_here(today) for pupil in own), left, shows_left, may_add=False)


def _fits(pupil: Pupil, words: list[str]) -> bool:
    text = _plain(f"{pupil.first_name} {pupil.last_name} {pupil.group}") if words else ""
    return all(word in text for word in words)


def _plain(text: str) -> str:
    """Lower case without accents: `helene` finds Hélène."""
    return "".join(sign for sign in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(sign))


async def _known(visit: Visit, pupil: Pupil) -> Known:
    """Health data is for the kitchen, and for those who write it down."""
    papers, site = visit.office.papers, visit.school.sites[pupil.site]
    has_photo = await papers.photo(pupil.id) is not None
    if not visit.sees_sensitive:
        return Known(has_photo, (), "", None, locked=True)
    concerned = visit.at(Right.MEALS).knows(pupil) or visit.at(Right.PUPILS, does=True).knows(pupil)
    return Known(
        has_photo=has_photo,
        pickups=tuple(await papers.pickups(pupil.id, day_of(visit.office.now_ms(), site.zone))),
        note=await papers.note(pupil.id),
        diet=visit.school.diets.get(pupil.id, Diet(pupil.id)) if concerned else None,
    )


def _bills(school: School, books: Books, charges: Iterable[Charged], sites: frozenset[int]) -> tuple[Bill, ...]:
    """The charges of these sites, newest first, with what became of each."""
    found = []
    for charged in charges:
        if charged.site in sites:
            item, now = school.programmes.get(charged.item) or school.products.get(charged.item), books.charges[charged.charge]
            state = "back" if now.reversed else now.stage.value if now.stage is not Stage.POSTED else ""
            found.append(Bill(charged, item.name if item else "", school.sites[charged.site].zone, state))
    return tuple(found)


def _orders(school: School, books: Books, pupil: Pupil, today: date) -> tuple[Order, ...]:
    """The meals of the last and of the coming days."""
    found = []
    for day in (today + timedelta(days=shift) for shift in range(-DAYS_BACK, DAYS_AHEAD)):
        for site in school.sites.values():
            meals = (books.meals.get((number, site.id, day_code(day))) for number in school.ids_of(pupil.id))
            for meal in filter(None, meals):
                product = school.products.get(meal.product)
                state = "walk_up" if not meal.id else "collected" if meal.served_ms else "late" if meal.late else "ordered"
                found.append(Order(day, site.name, product.name if product else "", state))
    return tuple(found)


def _ordering(visit: Visit, pupil: Pupil, today: date) -> str:
    has_meals = any(product.site == pupil.site and product.kind is ProductKind.MEAL for product in visit.school.products.values())
    may = has_meals and pupil.is_here(today) and pupil.site in visit.where(Right.MEALS, does=True)
    return f"/canteen/{pupil.site}/{today}/orders?pupil={pupil.id}" if may else ""


def _wallets(school: School, books: Books, pupil: Pupil) -> list[tuple[Site, int]]:
    """The wallets that pay for the pupil at each site, in turns too, its own household's first; and the pupil's reserve there."""
    names = {payer: school.households[payer].name for payer in payers(school, pupil) if payer in school.households}
    homes = sorted(names, key=lambda payer: (payer != pupil.household, fold(names[payer]), payer))
    places = {place_of(site, home, pupil.id): site for site in school.sites.values() for home in homes}
    places |= {(site.id, pupil.id, Compartment.RESERVE): site for site in school.sites.values()}
    return [(site, wallet) for place, site in places.items() if (wallet := books.wallets.get(place))]


async def _purse(visit: Looks, wallet: int, site: Site) -> Purse:
    desk = visit.office.desk
    facts = await visit.office.past.entries_of(wallet, ENTRIES)
    balance = desk.books.balance_cents(wallet_account(wallet))
    owner = desk.books.owners[wallet]
    home, entries = desk.school.households.get(owner.household), tuple(_entry(desk.school, wallet, fact) for fact in facts)
    return Purse(site, home.name if home else "", owner.compartment.value, printed(owner.reference), balance, entries)


def _entry(school: School, wallet: int, fact: Fact) -> Entry:
    """A fact of the history as a line of this wallet."""
    match fact:
        case Charged():
            item = school.programmes.get(fact.item) or school.products.get(fact.item)
            return Entry("charge", fact.at_ms, -fact.cents, item.name if item else "", school.pupils.get(fact.pupil), fact.why)
        case ChargesPosted():
            programme = school.programmes.get(fact.programme)
            return Entry("charge", fact.at_ms, -fact.cents, programme.name if programme else "")
        case Reversed():
            return Entry("reverse", fact.at_ms, fact.cents)
        case CashPaidIn():
            return Entry("cash_in", fact.at_ms, fact.cents)
        case TillVoided():
            return Entry("void", fact.at_ms, -fact.cents)
        case BalanceOpened():
            return Entry("opening", fact.at_ms, moved_cents((fact,), wallet))
        case Transferred():
            return Entry("transfer", fact.at_ms, moved_cents((fact,), wallet))
        case Cleared():
            return Entry(fact.kind.value, fact.at_ms, moved_cents((fact,), wallet))
    raise AssertionError(f"no entry of a wallet: {type(fact).__name__}")


def _stays(school: School, books: Books, ids: Iterable[int], closed: Sequence[StayClosed]) -> tuple[PastStay, ...]:
    """The open ones first, then those that ended, newest first."""
    still = [
        PastStay(school.programmes.get(stay.programme), stay.from_ms) for number in ids for stay in books.inside.get(number, {}).values()
    ]
    past = [PastStay(school.programmes.get(stay.programme), stay.from_ms, stay.at_ms, stay.reason.value) for stay in closed]
    return (*still, *past)
