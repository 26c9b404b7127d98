"""The addresses of the wallets: the list, its file, one wallet, and the acts."""

import asyncio
from collections.abc import Callable, Collection
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response
from starlette.responses import RedirectResponse

from hub.core.codes import Compartment
from hub.core.facts import Refusal
from hub.core.ledger import wallet_account
from hub.core.papers import Note
from hub.core.references import printed
from hub.web.owing import owing
from hub.web.remarks import keep_remark, remark_in
from hub.web.render import day, page, stamp, words
from hub.web.rights import Right, sites_where
from hub.web.session import Does, Form, Sees, Visit
from hub.web.table import amount, csv_file, defused
from hub.web.wallets.acts import REASONS, Act, ActPage, After, Typed, after, typed_in, wish_of
from hub.web.wallets.listed import Asked, Row, Show, Snapshot, row_of, rows, snapshot, wallets_page
from hub.web.wallets.one import ENTRIES, Looked, line_of, wallet_page

QUESTION = 80
"""Characters of a search; a longer one is cut."""
HEADER = ("Communication", "Site", "Household or pupil", "Wallet", "Balance", "Set aside", "Available", "Below zero since", "Days")
"""Of the file; the list has the same words."""
_COMPARTMENTS = {Compartment.WHOLE: "", Compartment.GENERAL: "general wallet", Compartment.RESERVE: "reserve"}

Looks = Annotated[Visit, Depends(Sees(Right.MONEY))]
Prepares = Annotated[Visit, Depends(Sees(Right.BILLING))]
Changes = Annotated[Form, Depends(Does(Right.BILLING))]

router = APIRouter()


@router.get("/wallets")
async def wallets(visit: Looks, q: str = "", show: str = "", site: int = 0, age: str = "") -> Response:
    """The list; its rows as a block while someone types."""
    asked, seen = _asked(q, show, site, age), await _snapshot(visit)
    context = await asyncio.to_thread(wallets_page, seen, asked, visit.own_sites())
    return await page(visit, "wallets.html", context, block="found" if visit.is_fragment else "")


@router.get("/wallets.csv")
async def as_file(visit: Looks, q: str = "", show: str = "", site: int = 0, age: str = "") -> Response:
    """The same list, all of it, to keep."""
    asked, seen = _asked(q, show, site, age), await _snapshot(visit)
    found = await asyncio.to_thread(rows, seen, asked)
    say = words(visit.language).gettext
    return await asyncio.to_thread(csv_file, "wallets", [say(each) for each in HEADER], (_cells(row, say) for row in found))


@router.get("/wallets/{wallet}")
async def wallet(visit: Looks, wallet: int, done: str = "") -> Response:
    """One wallet."""
    visit.wallet(wallet)
    row = await _row(visit, wallet)
    desk, office = visit.office.desk, visit.office
    facts = await office.past.entries_of(wallet, ENTRIES)
    names = {one.id: one.name for one in await office.accounts.everyone()}
    notes = await office.notes.noted({desk.books.asks[fact.ask] for fact in facts})
    looked = Looked(names, _may_change(visit, row), office.now_ms(), done, notes)
    context = wallet_page(desk.school, desk.books, row, facts, looked)
    return await page(visit, "wallet.html", context)


@router.post("/wallets/{wallet}/note")
async def erase_note(form: Changes, wallet: int) -> Response:
    """Erase what was written of an entry; the entry stays."""
    office, number = form.visit.office, form.number("number")
    form.visit.wallet(wallet)
    if number not in {office.desk.books.asks[fact.ask] for fact in await office.past.entries_of(wallet, ENTRIES)}:
        raise HTTPException(404)
    await office.notes.write(Note(number, ""))
    return RedirectResponse(f"/wallets/{wallet}", 303)


@router.get("/wallets/{wallet}/{act}")
async def act_form(visit: Prepares, wallet: int, act: str, hold: int = 0, charge: int = 0) -> Response:
    """The form of one act."""
    visit.wallet(wallet)
    return await _shown(visit, _act(act), await _row(visit, wallet), Typed(hold=hold, charge=charge))


@router.post("/wallets/{wallet}/{act}")
async def do_act(form: Changes, wallet: int, act: str) -> Response:
    """Try it, show what it leads to, and do it once that is confirmed."""
    visit, desk = form.visit, form.visit.office.desk
    deed, owner = _act(act) if visit.wallet(wallet) else Act.HOLD, desk.books.owners[wallet]
    typed, ask, now_ms = typed_in(form), form.ask, visit.office.now_ms()
    if ask in desk.books.asks:
        return RedirectResponse(f"/wallets/{wallet}?done={deed.value}", 303)
    row, was = await _row(visit, wallet), _was(visit, wallet)
    wish = wish_of(deed, owner, typed, (ask, _who(visit), now_ms), desk.school)
    if isinstance(wish, Refusal):
        return await _shown(visit, deed, row, typed, refusal=wish)
    tried = wish(desk.school, desk.books)
    if isinstance(tried, Refusal):
        return await _shown(visit, deed, row, typed, refusal=tried)
    leads_to = after(desk.books, wallet, tried, now_ms)
    if form.text("step") != "do":
        visit.only_shows()
        return await _shown(visit, deed, row, typed, leads_to if form.text("step") == "try" else None)
    if form.text("was") != was:
        return await _shown(visit, deed, row, typed, leads_to, Refusal("balance_changed"))
    answer = await desk.do(ask, wish)
    if answer.refusal:
        return await _shown(visit, deed, row, typed, refusal=answer.refusal)
    await keep_remark(visit, remark_in(form), answer.number)
    return RedirectResponse(f"/wallets/{wallet}?done={deed.value}", 303)


async def _shown(visit: Visit, act: Act, row: Row, typed: Typed, leads_to: After | None = None, refusal: Refusal | None = None) -> Response:
    """The form with what was typed, or what it would do; 409 with a refusal."""
    subject, cents = _subject(visit, act, row, typed)
    context = ActPage(
        act=act.value,
        row=row,
        typed=typed,
        reasons=tuple(reason.value for reason in REASONS.get(act, ())),
        subject=subject,
        subject_cents=cents,
        cents=abs(leads_to.balance_cents - row.balance_cents or leads_to.available_cents - row.available_cents) if leads_to else 0,
        after=leads_to,
        was=_was(visit, row.wallet.id),
        author=visit.person.name if visit.person else "",
        problem=refusal.code if refusal else "",
        numbers=refusal.numbers if refusal else {},
    )
    return await page(visit, "wallet_act.html", context, status=409 if refusal else 200)


def _subject(visit: Visit, act: Act, row: Row, typed: Typed) -> tuple[str, int]:
    """What is released or taken back; 404 where this wallet has no such thing."""
    school, books = visit.school, visit.office.desk.books
    if act is Act.RELEASE:
        hold = books.holds.get(row.wallet.id, {}).get(typed.hold)
        return "", hold.cents if hold else 0
    if act is Act.TAKE_BACK:
        charge = books.charges.get(typed.charge)
        if charge is None or charge.wallet != row.wallet.id:
            raise HTTPException(404)
        line = line_of(school, books, charge)
        name = f"{line.pupil.first_name} {line.pupil.last_name}, " if line.pupil else ""
        return f"{name}{line.item}{f', {line.day:%d/%m/%Y}' if line.day else ''}", -line.cents
    return "", 0


def _was(visit: Visit, wallet: int) -> str:
    books = visit.office.desk.books
    holds = sorted(books.holds.get(wallet, ()))
    return stamp((books.balance_cents(wallet_account(wallet)), holds))


def _act(text: str) -> Act:
    if text not in set(Act):
        raise HTTPException(404)
    return Act(text)


def _who(visit: Visit) -> int:
    assert visit.person is not None, "signed in"
    return visit.person.id


def _may_change(visit: Visit, row: Row) -> bool:
    """Whether this person may change money at the site of a wallet."""
    posts = visit.person.posts if visit.person else frozenset()
    return row.wallet.site in sites_where(posts, Right.BILLING, visit.school, does=True)


def _asked(q: str, show: str, site: int, age: str) -> Asked:
    """What the address asks for; what it cannot mean is all."""
    return Asked(" ".join(q.split())[:QUESTION], Show(show) if show in set(Show) else Show.ALL, site, age)


async def _row(visit: Visit, wallet: int) -> Row:
    """One wallet as the list has it."""
    seen = await _snapshot(visit, (wallet,))
    return row_of(seen, visit.office.desk.books.owners[wallet])


async def _snapshot(visit: Visit, only: Collection[int] = ()) -> Snapshot:
    """The wallets of the visit's sites as they are on disk now; with the debts of all, or of `only` some."""
    desk, now_ms = visit.office.desk, visit.office.now_ms()
    own = only or [wallet.id for wallet in desk.books.owners.values() if wallet.site in visit.sites]
    found = await owing(visit, own)
    await asyncio.sleep(0)  # the taps that came meanwhile go first
    return snapshot(desk.school, desk.books, own, found, now_ms)


def _cells(row: Row, say: Callable[[str], str]) -> list[str]:
    debt, compartment = row.debt, _COMPARTMENTS[row.wallet.compartment]
    since = [day(debt.since_ms, row.site.zone), str(debt.days)] if debt else ["", ""]
    texts = [defused(row.site.name), defused(row.owner), say(compartment) if compartment else ""]
    cents = [row.balance_cents, row.held_cents, row.available_cents]
    return [printed(row.wallet.reference).strip("+"), *texts, *map(amount, cents), *since]
