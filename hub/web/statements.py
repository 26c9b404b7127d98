"""Statements of families: one to four months, as a page and as PDF; those of all families of a site as one PDF, drawn behind the page."""

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response
from starlette.responses import RedirectResponse

from hub.core.calendar import day_of
from hub.core.codes import Compartment
from hub.core.epc import payload
from hub.core.facts import Fact, Refusal
from hub.core.kept import Wallet
from hub.core.lists import fold
from hub.core.people import language_of
from hub.core.school import Household, School, Site
from hub.core.statements import MOST_MONTHS, Line, Period, Statement, Whose, period_of, statement
from hub.web.letter import Family, Letter, LetterError, Row, draw
from hub.web.render import page
from hub.web.rights import Right
from hub.web.session import Does, Form, Sees, Visit

log = logging.getLogger(__name__)

FOUND = 60
"""Households listed at once; more are counted, and the search narrows them."""
MONTHS_BACK = 18
"""Months to choose from."""
_OF_A_PUPIL = (Compartment.GENERAL, Compartment.RESERVE)
AT_ONCE = 10
"""Families read together for a print of all: a tap waits for no more."""

Looks = Annotated[Visit, Depends(Sees(Right.MONEY))]
Draws = Annotated[Form, Depends(Does(Right.BILLING))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which statements: `first` month (2026-09), how many months, of a site; `today` is the site's."""

    site: Site
    first: str
    months: int
    period: Period
    today: date


@dataclass(frozen=True, slots=True)
class Found:
    household: Household
    children: str


@dataclass(frozen=True, slots=True)
class StatementsPage:
    """`months`: to choose from, newest first (2026-09). `print`: the PDF of all families that is being made, or is ready."""

    chosen: Chosen
    sites: tuple[Site, ...]
    months: tuple[str, ...]
    most: int
    question: str
    households: tuple[Found, ...]
    more: int
    total: int
    print: "Print | None"
    may_print: bool
    problem: str


@dataclass(frozen=True, slots=True)
class StatementPage:
    household: Household
    chosen: Chosen
    letters: tuple[Letter, ...]


@dataclass(slots=True)
class Print:
    """The statements of all families of a site in the making: `done` of `of`; `content` once they are drawn."""

    ask: int
    by: str
    first: str
    months: int
    of: int
    done: int = 0
    content: bytes = b""
    empty: bool = False
    failed: bool = False
    task: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        return self.task is not None and self.task.done()


class Prints:
    """The last print of each site. One per hub."""

    def __init__(self) -> None:
        self.of: dict[int, Print] = {}


@router.get("/statements")
async def statements(visit: Looks, site: int = 0, first: str = "", months: int = 1, q: str = "", problem: str = "") -> Response:
    """Choose a site, months and a household; how far a print is comes as a block."""
    owners = tuple(visit.office.desk.books.owners.values())
    context = await asyncio.to_thread(_page, visit, _site(visit, site), owners, (first, months, " ".join(q.split())[:80]), problem)
    return await page(visit, "statements.html", context, block="print" if visit.is_fragment else "")


@router.post("/statements/all/{site}")
async def print_all(form: Draws, site: int) -> Response:
    """Draw the statements of all families of a site; one print of a site at a time."""
    visit, found, ask = form.visit, form.visit.site(site), form.ask
    chosen = _chosen(visit, found, form.text("first"), form.number("months"))
    prints: Prints = visit.request.app.state.prints
    known = prints.of.get(site)
    if known is None or (known.ask != ask and known.over):
        homes = [one.household for one in _households(visit.school, visit.office.desk.books.owners.values(), found)]
        by = visit.person.name if visit.person else ""
        known = prints.of[site] = Print(ask, by, chosen.first, chosen.months, len(homes))
        known.task = asyncio.ensure_future(_print(visit, known, chosen, homes))
    problem = "" if known.ask == ask else "&problem=going_on"
    return RedirectResponse(f"/statements?site={site}&first={chosen.first}&months={chosen.months}{problem}", 303)


@router.get("/statements/all/{site}/statements.pdf")
async def printed_all(visit: Looks, site: int) -> Response:
    """The last print of a site."""
    found = visit.request.app.state.prints.of.get(visit.site(site).id)
    if found is None or not found.content:
        raise HTTPException(404)
    return _pdf(found.content, f"statements-{found.first}")


@router.get("/statements/{household}")
async def one(visit: Looks, household: int, site: int = 0, first: str = "", months: int = 1) -> Response:
    """The statement of a household as a page."""
    home, chosen = visit.household(household), _chosen(visit, _site(visit, site), first, months)
    letters = await _letters(visit, chosen, home)
    return await page(visit, "statement.html", StatementPage(home, chosen, letters))


@router.get("/statements/{household}/statement.pdf")
async def one_pdf(visit: Looks, household: int, site: int = 0, first: str = "", months: int = 1) -> Response:
    """The same, to print or to send."""
    home, chosen = visit.household(household), _chosen(visit, _site(visit, site), first, months)
    letters = await _letters(visit, chosen, home)
    if not letters:
        raise HTTPException(404)
    return _pdf(await draw([letters], visit.office.language), f"statement-{chosen.first}")


async def _print(visit: Visit, doing: Print, chosen: Chosen, homes: Sequence[Household]) -> None:
    """All families, by name; those without anything in these months get none."""
    try:
        families: list[Family] = []
        for home in homes:
            letters = await _letters(visit, chosen, home, only_told=True)
            families += [letters] if letters else []
            doing.done += 1
        doing.done, doing.of, doing.empty = 0, len(families), not families
        if families:
            doing.content = await draw(families, visit.office.language, lambda done: setattr(doing, "done", done))
    except (LetterError, TimeoutError, OSError):
        doing.failed = True
        log.exception("statements of site %s could not be drawn", chosen.site.id)


async def _letters(visit: Visit, chosen: Chosen, home: Household, *, only_told: bool = False) -> Family:
    """The statements of a household at a site, one for each wallet that says something; `only_told`: none where none does."""
    desk = visit.office.desk
    await visit.office.caught_up()
    wallets = _wallets(visit, chosen.site, home)
    if not wallets:
        return ()
    facts = await visit.office.past.told_of([wallet.id for wallet in wallets])
    owners = {wallet.id: wallet for wallet in wallets} | {number: desk.books.owners[number] for number in _named(facts)}
    return await asyncio.to_thread(letters_of, desk.school, owners, facts, (home, wallets, chosen), only_told=only_told)


def letters_of(
    school: School,
    owners: Mapping[int, Wallet],
    facts: Sequence[Fact],
    asked: tuple[Household, Sequence[Wallet], Chosen],
    *,
    only_told: bool,
) -> Family:
    """What the facts of these wallets make; a household pays its own wallet whole, and of a pupil's its share."""
    home, wallets, chosen = asked
    found = [(wallet, statement(school, owners, facts, Whose(wallet.id, home.id), chosen.period)) for wallet in wallets]
    telling = [one for one in found if _says_something(one[1])]
    if not telling and only_told:
        return ()
    return tuple(letter_of(school, home, wallet, each, chosen) for wallet, each in telling or found[:1])


def letter_of(school: School, home: Household, wallet: Wallet, one: Statement, chosen: Chosen) -> Letter:
    """A statement as it is read: names, days and codes in their place, and what is due."""
    site = chosen.site
    due_cents = max(0, -(one.closing_cents + one.since_cents))
    pupils = school.kin.get(home.id, ()) if wallet.household else (wallet.pupil,)
    contact = next((each for each in site.contacts if each.topic == "bills"), None)
    return Letter(
        owner=home.name,
        address=home.address,
        site=site.name,
        site_address=site.address,
        children=tuple(_name(school, pupil) for pupil in pupils),
        compartment=wallet.compartment.value,
        first=f"{one.period[0]:%d/%m/%Y}",
        last=f"{one.period[1]:%d/%m/%Y}",
        closed=f"{max(one.period[0], min(one.period[1], chosen.today)):%d/%m/%Y}",
        opening_cents=one.opening_cents,
        closing_cents=one.closing_cents,
        since_cents=one.since_cents,
        lines=_rows(school, one.lines),
        late=_rows(school, one.late),
        provisional=_rows(school, one.provisional),
        pilot=_rows(school, one.pilot),
        totals=tuple((legal.value, cents) for legal, cents in sorted(one.totals.items())),
        reference=wallet.reference,
        iban=site.iban,
        holder=site.holder or site.name,
        due_cents=due_cents,
        payment=payload(site.holder or site.name, site.iban, due_cents, wallet.reference) if site.iban and due_cents else "",
        contact=", ".join(part for part in (contact.name, contact.phone, contact.email) if part) if contact else "",
        language=language_of(school, home.id),
    )


def _rows(school: School, lines: Iterable[Line]) -> tuple[Row, ...]:
    return tuple(_row(school, line) for line in lines)


def _row(school: School, line: Line) -> Row:
    item = school.programmes.get(line.item) or school.products.get(line.item)
    return Row(
        day=f"{line.day:%d/%m/%Y}",
        kind=line.kind.value,
        child=_name(school, line.pupil) if line.pupil else "",
        what=item.name if item else "",
        legal=line.legal.value if line.legal else "",
        minutes=line.minutes,
        units=line.units,
        cents=line.cents,
        charge=line.charge,
        instead=line.corrects if line.corrects != line.charge else 0,
        absent=line.absent,
    )


def _name(school: School, pupil: int) -> str:
    one = school.pupils.get(pupil)
    return f"{one.first_name} {one.last_name}" if one else str(pupil)


def _says_something(one: Statement) -> bool:
    return bool(one.lines or one.late or one.provisional or one.pilot or one.opening_cents)


def _named(facts: Iterable[Fact]) -> set[int]:
    """Every wallet that these facts name: money comes from one and goes to another."""
    return {wallet for fact in facts for name in ("wallet", "source", "target") if (wallet := getattr(fact, name, 0))}


def _wallets(visit: Visit, site: Site, home: Household) -> list[Wallet]:
    """The household's own wallet at a site, those of its second entries, and those of its children."""
    books, kin = visit.office.desk.books, visit.school.kin.get(home.id, ())
    own = ((site.id, number, Compartment.WHOLE) for number in visit.school.homes_of(home.id))
    places = [*own, *((site.id, number, part) for pupil in kin for number in visit.school.ids_of(pupil) for part in _OF_A_PUPIL)]
    known = (books.wallets.get(place) for place in places)
    return [books.owners[wallet] for wallet in known if wallet]


def _site(visit: Visit, site: int) -> Site:
    """The site that was asked for, or the first of one's own; 404 without any."""
    own = visit.own_sites()
    if site:
        return visit.site(site)
    if not own:
        raise HTTPException(404)
    return own[0]


def _chosen(visit: Visit, site: Site, first: str, months: int) -> Chosen:
    """What was chosen; the last whole month, and as many months as a statement may have, for what makes no sense."""
    today = day_of(visit.office.now_ms(), site.zone)
    begin = _month(first) or (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    count = min(max(months, 1), MOST_MONTHS)
    last = begin
    for _ in range(count - 1):
        last = (last + timedelta(days=31)).replace(day=1)
    period = period_of(begin, last)
    assert not isinstance(period, Refusal), "one to four months"
    return Chosen(site, f"{begin:%Y-%m}", count, period, today)


def _month(text: str) -> date | None:
    """The first day of `2026-09`."""
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    return found if found.year >= 2000 else None


def _page(visit: Visit, site: Site, owners: Collection[Wallet], typed: tuple[str, int, str], problem: str) -> StatementsPage:
    first, months, question = typed
    chosen = _chosen(visit, site, first, months)
    all_of_site = _households(visit.school, owners, site)
    words = [word for word in map(fold, question.split()) if word]
    found = [one for one in all_of_site if all(word in fold(f"{one.household.name} {one.children}") for word in words)]
    doing = visit.request.app.state.prints.of.get(site.id)
    return StatementsPage(
        chosen=chosen,
        sites=visit.own_sites(),
        months=_months(day_of(visit.office.now_ms(), site.zone)),
        most=MOST_MONTHS,
        question=question,
        households=tuple(found[:FOUND]),
        more=max(0, len(found) - FOUND),
        total=len(all_of_site),
        print=doing,
        may_print=site.id in visit.where(Right.BILLING, does=True),
        problem=problem if problem == "going_on" else "",
    )


def _months(today: date) -> tuple[str, ...]:
    found, month = [], today.replace(day=1)
    for _ in range(MONTHS_BACK):
        found.append(f"{month:%Y-%m}")
        month = (month - timedelta(days=1)).replace(day=1)
    return tuple(found)


def _households(school: School, owners: Collection[Wallet], site: Site) -> list[Found]:
    """Who has a wallet at a site, or a child with one, by name."""
    homes = {school.home(wallet.household) for wallet in owners if wallet.site == site.id and wallet.household}
    owned = {wallet.pupil for wallet in owners if wallet.site == site.id and wallet.pupil}
    owned = {school.pupils[number].id for number in owned if number in school.pupils}
    homes |= {home for home, kin in school.kin.items() if owned.intersection(kin)} if owned else set()
    found = [Found(school.households[home], _children(school, home)) for home in homes if home in school.households]
    return sorted(found, key=lambda one: (fold(one.household.name), one.household.id))


def _children(school: School, home: int) -> str:
    return ", ".join(school.pupils[pupil].first_name for pupil in school.kin.get(home, ()) if pupil in school.pupils)


def _pdf(content: bytes, name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}.pdf"', "cache-control": "no-store"}
    return Response(content, media_type="application/pdf", headers=headers)
