"""What staff do with the money of a wallet: what was typed becomes a decision of core, tried first to show the balance it leads to."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from hub.core.books import Books
from hub.core.calendar import instant_ms
from hub.core.codes import By, Clearing, Compartment, Reason
from hub.core.facts import Facts, HoldPlaced, HoldReleased, LowBalance, Refusal
from hub.core.givenback import take_back
from hub.core.kept import Wallet
from hub.core.money import read_cents
from hub.core.papers import Note, remarked
from hub.core.school import School
from hub.core.transfers import Move, Payment, clear, transfer
from hub.core.wallets import balance_cents, held_cents, moved_cents, release, set_aside
from hub.web.session import Form
from hub.web.wallets.listed import Row

Wish = Callable[[School, Books], Facts | Refusal]


class Act(enum.StrEnum):
    """What may be done; the last part of its address."""

    TOP_UP = "top-up"
    REFUND = "refund"
    PAYOUT = "payout"
    TRANSFER = "transfer"
    HOLD = "hold"
    RELEASE = "release"
    TAKE_BACK = "take-back"


REASONS: Mapping[Act, tuple[Reason, ...]] = {
    Act.REFUND: (Reason.REQUESTED, Reason.OVERPAID, Reason.CORRECTED),
    Act.PAYOUT: (Reason.LEAVER,),
    Act.TAKE_BACK: (Reason.WRONG_PUPIL, Reason.WRONG_PRODUCT, Reason.WRONG_AMOUNT, Reason.TWICE, Reason.CORRECTED),
}
"""Those that ask why."""
_CLEARINGS = {Act.TOP_UP: Clearing.TOP_UP, Act.REFUND: Clearing.REFUND, Act.PAYOUT: Clearing.PAYOUT}


class Typed(NamedTuple):
    """The fields of the form, as they came. `hold` and `charge`: what is released or taken back."""

    amount: str = ""
    until: str = ""
    reason: str = ""
    by: str = ""
    hold: int = 0
    charge: int = 0
    note: str = ""
    document: str = ""


@dataclass(frozen=True, slots=True)
class After:
    """What an act leads to; `told`: the payer gets a letter that the wallet is low."""

    balance_cents: int
    available_cents: int
    told: bool


@dataclass(frozen=True, slots=True)
class ActPage:
    """The form of one act, or (`after`) what it would do, to be confirmed. `was`: stamp of the wallet as it is shown.

    `subject`: what is released or taken back, in words and cents. `numbers`: of a refusal.
    """

    act: str
    row: Row
    typed: Typed
    reasons: tuple[str, ...]
    subject: str
    subject_cents: int
    cents: int
    after: After | None
    was: str
    author: str
    problem: str
    numbers: Mapping[str, int]


def typed_in(form: Form) -> Typed:
    """What the form has of it."""
    return Typed(
        amount=form.text("amount", 40),
        until=form.text("until", 40),
        reason=form.text("reason", 40),
        by=form.text("by", 40),
        hold=form.number("hold"),
        charge=form.number("charge"),
        note=form.text("note", 2000),
        document=form.text("document", 2000),
    )


def wish_of(act: Act, wallet: Wallet, typed: Typed, asked: tuple[int, int, int], school: School) -> Wish | Refusal:
    """The decision that is asked for; `asked`: the ask, who asks, and when (Unix ms)."""
    ask, who, now_ms = asked
    reason = next((one for one in REASONS.get(act, ()) if one.value == typed.reason), None)
    cents = read_cents(typed.amount)
    remark = remarked(Note(0, typed.note, typed.document))
    if isinstance(remark, Refusal):
        return remark
    if act in REASONS and reason is None:
        return Refusal("no_reason")
    if act in {Act.TOP_UP, Act.REFUND, Act.TRANSFER, Act.HOLD} and (cents is None or cents <= 0):
        return Refusal("no_amount")
    if act in _CLEARINGS:
        payment = Payment(wallet.id, _CLEARINGS[act], 0 if act is Act.PAYOUT else cents or 0, reason or Reason.NONE, who)
        return lambda school, books: clear(school, books, ask, payment, now_ms)
    if act is Act.TRANSFER:
        by = next((one for one in By if one.value == typed.by), By.STAFF)
        move = Move(wallet.place, (*wallet.place[:2], other_of(wallet)), cents or 0, by, who)
        return lambda school, books: transfer(school, books, ask, move, now_ms)
    if act is Act.RELEASE:
        return lambda school, books: release(school, books, ask, wallet.id, typed.hold, now_ms, who)
    if act is Act.TAKE_BACK:
        return lambda school, books: (
            _of_wallet(books, wallet, typed.charge) or take_back(school, books, ask, typed.charge, now_ms, reason or Reason.CORRECTED, who)
        )
    until_ms = _until_ms(typed.until, wallet, school)
    if until_ms <= now_ms:
        return Refusal("no_day")
    return lambda school, books: set_aside(school, books, ask, wallet.id, cents or 0, (now_ms, until_ms), who)


def other_of(wallet: Wallet) -> Compartment:
    """The other compartment of a pupil."""
    return Compartment.GENERAL if wallet.compartment is Compartment.RESERVE else Compartment.RESERVE


def after(books: Books, wallet: int, facts: Facts, now_ms: int) -> After:
    """What these facts would make of a wallet."""
    balance = balance_cents(books, wallet) + moved_cents(facts, wallet)
    held = held_cents(books, wallet, now_ms)
    for fact in facts:
        if isinstance(fact, HoldPlaced):
            held += fact.cents
        elif isinstance(fact, HoldReleased):
            held -= books.holds[wallet][fact.hold].cents
    return After(balance, balance - held, any(isinstance(fact, LowBalance) for fact in facts))


def _of_wallet(books: Books, wallet: Wallet, charge: int) -> Refusal | None:
    """A charge of another wallet is none here: who asks may have no right there."""
    known = books.charges.get(charge)
    return None if known and known.wallet == wallet.id else Refusal("no_such_charge")


def _until_ms(text: str, wallet: Wallet, school: School) -> int:
    """The morning after the day that was given; 0 for what is no day."""
    try:
        return instant_ms(date.fromisoformat(text), 24 * 60, school.sites[wallet.site].zone)
    except ValueError:
        return 0
