"""One wallet: what is in it, what is set aside, and every entry with its reason, its author and the charges behind it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from hub.core.books import Books
from hub.core.calendar import day_coded, day_of
from hub.core.codes import Compartment, Stage
from hub.core.facts import (
    BalanceOpened,
    CashPaidIn,
    Charged,
    ChargesPosted,
    Cleared,
    Fact,
    Reversed,
    TillVoided,
    Transferred,
)
from hub.core.kept import Charge, Wallet
from hub.core.papers import Note
from hub.core.school import Household, Pupil, School, WalletScope
from hub.core.wallets import moved_cents, payer_of
from hub.web.wallets.acts import Act
from hub.web.wallets.listed import Row

ENTRIES = 60
"""Lines on one page."""


@dataclass(frozen=True, slots=True)
class Line:
    """One charge. `day` of service, None where nobody said. `gone`: it was taken back. `held_by_day`: its day is corrected instead."""

    charge: int
    pupil: Pupil | None
    item: str
    cents: int
    day: date | None
    gone: bool
    held_by_day: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """What moved the wallet: `kind` as the template has words for, `cents` as the family sees them. `who`: a name, empty = by itself."""

    kind: str
    at_ms: int
    cents: int
    reason: str
    who: str
    lines: tuple[Line, ...] = ()
    note: Note | None = None


@dataclass(frozen=True, slots=True)
class Held:
    hold: int
    cents: int
    until_ms: int
    who: str


@dataclass(frozen=True, slots=True)
class WalletPage:
    """`payer` is told about it. `waiting`: charges that a settlement run has not posted yet. `acts`: what may be done here."""

    row: Row
    payer: Household | None
    entries: tuple[Entry, ...]
    holds: tuple[Held, ...]
    waiting: tuple[Line, ...]
    waiting_cents: int
    more_waiting: int
    acts: tuple[str, ...]
    done: str


@dataclass(frozen=True, slots=True)
class Looked:
    """Who looks, and when: names of staff by their number, whether money may be changed, what was just done."""

    names: Mapping[int, str]
    may_change: bool
    now_ms: int
    done: str
    notes: Mapping[int, Note]
    """What was written of facts, by number."""


def wallet_page(school: School, books: Books, row: Row, facts: Iterable[Fact], looked: Looked) -> WalletPage:
    """The page. `facts`: what moved the wallet, newest first."""
    now_ms = looked.now_ms
    wallet, holds = row.wallet, books.holds.get(row.wallet.id, {})
    waiting = [books.charges[charge] for charge in books.gathered.get(wallet.id, ())]
    known = wallet.household or wallet.pupil in school.pupils
    return WalletPage(
        row=row,
        payer=school.households.get(payer_of(school, wallet.place, now_ms)) if known else None,
        entries=tuple(
            replace(_entry(school, books, wallet, fact, looked.names), note=looked.notes.get(books.asks[fact.ask])) for fact in facts
        ),
        holds=tuple(
            Held(number, hold.cents, hold.until_ms, looked.names.get(hold.who, ""))
            for number, hold in holds.items()
            if hold.until_ms > now_ms
        ),
        waiting=tuple(line_of(school, books, charge) for charge in waiting[-ENTRIES:]),
        waiting_cents=sum(charge.cents for charge in waiting),
        more_waiting=max(0, len(waiting) - ENTRIES),
        acts=tuple(act.value for act in _acts(school, row)) if looked.may_change else (),
        done=looked.done,
    )


def line_of(school: School, books: Books, charge: Charge, day: date | None = None) -> Line:
    """A charge of the books as a line."""
    item = school.programmes.get(charge.item) or school.products.get(charge.item)
    code = charge.day or charge.limit_day
    return Line(
        charge=charge.id,
        pupil=school.pupils.get(charge.pupil),
        item=item.name if item else "",
        cents=-charge.cents,
        day=day_coded(code) if code else day,
        gone=charge.reversed,
        held_by_day=(bool(charge.stay) and charge.day > books.forgotten) or charge.stage is Stage.PILOT,
    )


def _acts(school: School, row: Row) -> Iterable[Act]:
    """What is offered: what has no money to give back is not asked for."""
    yield Act.TOP_UP
    by_pupil = school.sites[row.wallet.site].wallet_scope is WalletScope.PUPIL and row.wallet.compartment is not Compartment.WHOLE
    if row.available_cents > 0:
        yield Act.REFUND
        yield Act.PAYOUT
        yield Act.HOLD
        if by_pupil and row.wallet.pupil in school.pupils:
            yield Act.TRANSFER


def _entry(school: School, books: Books, wallet: Wallet, fact: Fact, names: Mapping[int, str]) -> Entry:
    """A fact of the history as an entry of this wallet."""
    cents, zone = moved_cents((fact,), wallet.id), school.sites[wallet.site].zone
    match fact:
        case Charged():
            line = line_of(school, books, books.charges[fact.charge], day_of(fact.why.from_ms or fact.at_ms, zone))
            return Entry("charge", fact.at_ms, cents, fact.reason.value, names.get(fact.who, ""), (line,))
        case ChargesPosted():
            lines = tuple(line_of(school, books, books.charges[charge]) for charge in fact.charges)
            return Entry("posted", fact.at_ms, cents, "", names.get(fact.who, ""), lines)
        case Reversed():
            taken = line_of(school, books, books.charges[fact.charge])
            return Entry("reverse", fact.at_ms, cents, fact.reason.value, names.get(fact.who, ""), (taken,))
        case BalanceOpened():
            return Entry("opening", fact.at_ms, cents, "", names.get(fact.who, ""))
        case CashPaidIn():
            return Entry("cash_in", fact.at_ms, cents, "", names.get(fact.who, ""))
        case TillVoided():
            return Entry("void", fact.at_ms, cents, fact.reason.value, names.get(fact.who, ""))
        case Transferred():
            return Entry("transfer", fact.at_ms, cents, fact.reason.value, names.get(fact.who, ""))
        case Cleared():
            return Entry(fact.kind.value, fact.at_ms, cents, fact.reason.value, names.get(fact.who, ""))
    raise AssertionError(f"no entry of a wallet: {type(fact).__name__}")
