"""Families: households with their children, grown-ups, income files and wallets; put right what is written of them."""

import asyncio
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response
from starlette.responses import RedirectResponse

from hub.core.codes import Compartment
from hub.core.facts import Refusal, derived
from hub.core.ledger import wallet_account
from hub.core.lists import by_name, read_day
from hub.core.people import LANGUAGES, income, put_adult, put_file, put_household
from hub.core.references import printed
from hub.core.school import Adult, FamilyFile, Household, Pupil, Rows, School, Site
from hub.web.render import as_shown, page, stamp
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit

FOUND = 60
QUESTION = 80

Looks = Annotated[Visit, Depends(Sees(Right.PUPILS))]
Writes = Annotated[Form, Depends(Does(Right.PUPILS))]
Reads = Annotated[Visit, Depends(Sees(Right.PUPILS, sensitive=True))]
Rewrites = Annotated[Form, Depends(Does(Right.PUPILS, sensitive=True))]
Rates = Annotated[Form, Depends(Does(Right.MONEY))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Family:
    """One household of the list."""

    household: Household
    children: tuple[Pupil, ...]
    adults: tuple[Adult, ...]


@dataclass(frozen=True, slots=True)
class FamiliesPage:
    question: str
    families: tuple[Family, ...]
    more: int
    may_write: bool


@dataclass(frozen=True, slots=True)
class Purse:
    """A wallet of the household, or of one of its children."""

    wallet: int
    site: str
    pupil: Pupil | None
    compartment: str
    reference: str
    balance_cents: int


@dataclass(frozen=True, slots=True)
class FamilyPage:
    """`files` and `purses` are None for those who see no money. `pays_for`: children of other households, too.

    `locked`: a shared device before the PIN; what is sensitive is left out.
    """

    family: Family
    pays_for: tuple[Pupil, ...]
    files: tuple[FamilyFile, ...] | None
    purses: tuple[Purse, ...] | None
    sites: tuple[Site, ...]
    may_write: bool
    may_rate: bool
    may_bill: bool
    typed: Mapping[str, str]
    problem: str
    done: str
    locked: bool


@dataclass(frozen=True, slots=True)
class HouseholdPage:
    """`household`: None for a new one. `now`: as somebody else has made it meanwhile."""

    household: Household | None
    typed: Household
    was: str
    problem: str
    now: Household | None = None


@dataclass(frozen=True, slots=True)
class AdultPage:
    household: Household
    adult: Adult | None
    typed: Adult
    was: str
    problem: str
    languages: tuple[str, ...] = LANGUAGES
    now: Adult | None = None


@router.get("/families")
async def families(visit: Looks, q: str = "") -> Response:
    """The list, narrowed by the name of the household, a child or a grown-up."""
    question = " ".join(q.split())[:QUESTION]
    found = await asyncio.to_thread(_found, visit, _plain(question).split())
    context = FamiliesPage(question, tuple(found[:FOUND]), max(0, len(found) - FOUND), visit.may(Right.PUPILS, does=True))
    return await page(visit, "families.html", context, block="found" if visit.is_fragment else "")


@router.get("/families/new")
async def new_form(visit: Looks) -> Response:
    """A household that is not there yet."""
    return await page(visit, "household.html", HouseholdPage(None, Household(0, ""), "", ""))


@router.post("/families/new")
async def add(form: Writes) -> Response:
    """Write a household down."""
    return await _write(form, None)


@router.get("/families/{household}")
async def family(visit: Looks, household: int, done: str = "") -> Response:
    """One household."""
    await visit.office.desk.seen()
    return await page(visit, "family.html", _family_page(visit, visit.household(household), done=done))


@router.get("/families/{household}/edit")
async def edit_form(visit: Reads, household: int) -> Response:
    """Its name and address."""
    found = visit.household(household)
    return await page(visit, "household.html", HouseholdPage(found, found, stamp(found), ""))


@router.post("/families/{household}/edit")
async def edit(form: Rewrites, household: int) -> Response:
    """Put them right."""
    return await _write(form, form.visit.household(household))


@router.get("/families/{household}/adult")
async def adult_form(visit: Reads, household: int, adult: int = 0) -> Response:
    """A grown-up of it: a new one, or one that is there."""
    home = visit.household(household)
    known = _adult(visit.school, home, adult) if adult else None
    typed = known or Adult(0, home.id, "", home.name, "", visit.office.language)
    return await page(visit, "adult.html", AdultPage(home, known, typed, stamp(known) if known else "", ""))


@router.post("/families/{household}/adult")
async def put(form: Rewrites, household: int) -> Response:
    """Write a grown-up down."""
    office, home = form.visit.office, form.visit.household(household)
    known = _adult(form.visit.school, home, form.number("adult")) if form.number("adult") else None
    names = (form.text("first_name"), form.text("last_name"), form.text("email"))
    typed = Adult(
        known.id if known else derived(form.ask, "adult"), home.id, *names, form.text("language") or office.language, form.text("phone")
    )
    change = partial(put_adult, adult=typed, same=as_shown(form.text("was")), is_address=office.lists.is_address)
    answer = await office.desk.edit(form.ask, change)
    if answer.refusal is None:
        return RedirectResponse(f"/families/{home.id}?done=saved", 303)
    code, now = answer.refusal.code, form.visit.school.adults.get(typed.id)
    meanwhile = now if code == "changed_meanwhile" else None
    context = AdultPage(home, known, typed, stamp(now) if meanwhile else form.text("was"), code, now=meanwhile)
    return await page(form.visit, "adult.html", context, status=409)


@router.post("/families/{household}/files")
async def add_file(form: Rates, household: int) -> Response:
    """An income file of the household: a bracket or a quotient, and when it counts."""
    home = form.visit.household(household)
    made = _file(form, home)
    if isinstance(made, FamilyFile):
        site = form.visit.site(form.number("site")).id
        change = partial(put_file, site=site, file=made, same=as_shown(form.text("was")))
        made = (await form.visit.office.desk.edit(form.ask, change)).refusal or made
    if isinstance(made, FamilyFile) and made.validated_day and _may_bill(form.visit, home):
        return RedirectResponse(f"/families/{home.id}/files/{made.id}", 303)  # what was charged already may change by it
    if isinstance(made, FamilyFile):
        return RedirectResponse(f"/families/{home.id}?done=saved", 303)
    typed = {name: form.text(name) for name in TYPED}
    return await page(form.visit, "family.html", _family_page(form.visit, home, typed, made.code), status=409)


@router.post("/families/{household}/files/end")
async def end_file(form: Rates, household: int) -> Response:
    """The file counts no more from a day on."""
    home, until_day = form.visit.household(household), read_day(form.text("until_day"))
    file = next((each for each in form.visit.school.files.get(home.id, ()) if each.id == form.number("file")), None)
    if file is None:
        raise HTTPException(404)
    problem = "no_date" if until_day is None else "ends_before_it_begins" if until_day < file.from_day else ""
    if not problem:
        answer = await form.visit.office.desk.edit(form.ask, partial(_end, file, until_day, form.text("was")))
        problem = answer.refusal.code if answer.refusal else ""
    if problem:
        return await page(form.visit, "family.html", _family_page(form.visit, home, NOTHING, problem), status=409)
    return RedirectResponse(f"/families/{home.id}?done=saved", 303)


TYPED = ("bracket", "quotient", "from_day", "until_day", "received_day", "validated_day")
NOTHING: Mapping[str, str] = dict.fromkeys(TYPED, "")


def _end(file: FamilyFile, until_day: date | None, was: str, school: School) -> Rows | Refusal:
    now = next((each for each in school.files.get(file.household, ()) if each.id == file.id), None)
    return (replace(file, until_day=until_day),) if now is not None and stamp(now) == was else Refusal("changed_meanwhile")


def _file(form: Form, home: Household) -> FamilyFile | Refusal:
    """The income file that was typed. The last day is included as people write it."""
    days = {name: read_day(form.text(name)) for name in TYPED[2:]}
    if any(form.text(name) and day is None for name, day in days.items()) or days["from_day"] is None:
        return Refusal("no_date")
    said = income(form.text("bracket"), form.text("quotient"))
    if isinstance(said, Refusal):
        return said
    last = days["until_day"]
    until_day = last + timedelta(days=1) if last else None
    return FamilyFile(derived(form.ask, "file"), home.id, days["from_day"], until_day, *said, days["received_day"], days["validated_day"])


async def _write(form: Form, before: Household | None) -> Response:
    typed = Household(before.id if before else derived(form.ask, "household"), form.text("name"), form.text("key"), form.text("address"))
    change = partial(put_household, household=typed, same=as_shown(form.text("was")))
    answer = await form.visit.office.desk.edit(form.ask, change)
    if answer.refusal is None:
        return RedirectResponse(f"/families/{typed.id}?done=saved", 303)
    code, now = answer.refusal.code, form.visit.school.households.get(typed.id)
    meanwhile = now if code == "changed_meanwhile" else None
    context = HouseholdPage(before, typed, stamp(now) if meanwhile else form.text("was"), code, meanwhile)
    return await page(form.visit, "household.html", context, status=409)


def _family_page(visit: Visit, home: Household, typed: Mapping[str, str] = NOTHING, problem: str = "", done: str = "") -> FamilyPage:
    school, counting, rating = visit.school, visit.at(Right.MONEY), visit.at(Right.MONEY, does=True)
    kin = [school.pupils[pupil] for pupil in school.kin.get(home.id, ())]
    children = tuple(pupil for pupil in kin if pupil.household == home.id)
    adults, locked = _adults(school, home.id).get(home.id, ()), not visit.sees_sensitive
    if locked:
        home, adults = replace(home, address=""), tuple(replace(adult, email="", phone="") for adult in adults)
    return FamilyPage(
        family=Family(home, children, adults),
        pays_for=tuple(pupil for pupil in kin if pupil.household != home.id and not locked),
        files=tuple(reversed(school.files.get(home.id, ()))) if counting.sites and counting.knows_family(home.id) else None,
        purses=_purses(visit, home, children, counting.sites) if counting.sites else None,
        sites=rating.own_sites(),
        may_write=visit.at(Right.PUPILS, does=True).knows_family(home.id),
        may_rate=bool(rating.sites) and rating.knows_family(home.id),
        may_bill=_may_bill(visit, home),
        typed=typed,
        problem=problem,
        done=done,
        locked=locked,
    )


def _may_bill(visit: Visit, home: Household) -> bool:
    billing = visit.at(Right.BILLING, does=True)
    return bool(billing.sites) and billing.knows_family(home.id)


def _purses(visit: Visit, home: Household, children: tuple[Pupil, ...], sites: frozenset[int]) -> tuple[Purse, ...]:
    """The wallets of the household and of its children, at the sites where the reader may see money."""
    books, own = visit.office.desk.books, {child.id: child for child in children}
    found = []
    for site in sorted(sites):
        for owner, pupil in ((home.id, None), *own.items()):
            for compartment in Compartment:
                wallet = books.wallets.get((site, owner, compartment))
                if wallet is not None:
                    reference, cents = printed(books.owners[wallet].reference), books.balance_cents(wallet_account(wallet))
                    found.append(Purse(wallet, visit.school.sites[site].name, pupil, compartment.value, reference, cents))
    return tuple(found)


def _found(visit: Visit, words: list[str]) -> list[Family]:
    """Households the visitor may know of, in whose names all words stand."""
    school, adults, found = visit.school, _adults(visit.school), []
    for home in school.homes:
        children = tuple(school.pupils[pupil] for pupil in school.kin.get(home.id, ()))
        if visit.knows_family(home.id):
            people = adults.get(home.id, ())
            known: tuple[Pupil | Adult, ...] = (*children, *people)
            names = [f"{each.first_name} {each.last_name}" for each in known]
            text = _plain(" ".join((home.name, *names)))
            if all(word in text for word in words):
                found.append(Family(home, children, people))
    return sorted(found, key=lambda family: (family.household.name, family.household.id))


def _adults(school: School, home: int = 0) -> dict[int, tuple[Adult, ...]]:
    """By household; with `home`, of that one only."""
    found: dict[int, tuple[Adult, ...]] = {}
    those = (adult for adult in school.adults.values() if home in (0, adult.household))
    for adult in sorted(those, key=by_name):
        found[adult.household] = (*found.get(adult.household, ()), adult)
    return found


def _adult(school: School, home: Household, adult: int) -> Adult:
    """A grown-up of this household; 404 for another's."""
    found = school.adults.get(adult)
    if found is None or found.household != home.id:
        raise HTTPException(404)
    return found


def _plain(text: str) -> str:
    """Lower case without accents."""
    return "".join(sign for sign in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(sign))
