"""Every fact: what happened, as ids, cents, instants and codes. Never a name, never free text (design.md, What is remembered).

A fact is stored as a JSON array, its tag first: fields are only ever added at the end, with a default, and never change
their meaning. Instants are Unix ms (UTC). `ask` is the id under which the fact was asked for; all facts of one ask stand together.
`who` is the member of staff who acted, 0 the hub by itself, or the command line; where `by` stands before it, see codes.By.
"""

import functools
import hashlib

from msgspec import Struct

from hub.core import presence
from hub.core.codes import By, Clearing, Code, Compartment, Level, Reason, Stage
from hub.core.presence import Id
from hub.core.whys import Why
from proto.messages import Light

Marked = presence.Marked
StayOpened = presence.StayOpened
StayClosed = presence.StayClosed
StayVoided = presence.StayVoided
StayVerified = presence.StayVerified
StaySplit = presence.StaySplit
AbsenceMarked = presence.AbsenceMarked
Corrected = presence.Corrected
DayClosed = presence.DayClosed
EntrancePassed = presence.EntrancePassed
MorningNoted = presence.MorningNoted
MorningJustified = presence.MorningJustified
RollTaken = presence.RollTaken


class Entry(Struct, frozen=True, array_like=True, gc=False):
    """One side of a booking: `cents` are added to `account`. All entries of a fact sum to zero."""

    account: str
    cents: int


class ScanTaken(Struct, frozen=True, array_like=True, gc=False, tag="scan"):
    """A device's scan was decided. `shown`: what the device had lit by itself, empty when the hub's light was awaited."""

    ask: Id
    device: str
    inc: str
    n: int
    reader: str
    badge: str
    pupil: int
    at_ms: int
    err_ms: int
    code: Code
    light: Light
    shown: str = ""
    door: bool = False
    taken_ms: int = 0


class ShownBooked(Struct, frozen=True, array_like=True, gc=False, tag="shown"):
    """For a scan that was already decided, the device reports what it had lit in the meantime."""

    ask: Id
    device: str
    inc: str
    n: int
    light: Light


class HoleDeclared(Struct, frozen=True, array_like=True, gc=False, tag="hole"):
    """Records n to to_n of a device can no longer be read by it."""

    ask: Id
    device: str
    inc: str
    n: int
    to_n: int


class Unresolved(Struct, frozen=True, array_like=True, gc=False, tag="unresolved"):
    """Something a person has to settle; `item` is this question's own id, `subject` the scan or stay it is about."""

    ask: Id
    item: Id
    subject: Id
    pupil: int
    site: int
    code: Code
    reason: Reason
    at_ms: int


class Resolved(Struct, frozen=True, array_like=True, gc=False, tag="resolved"):
    """A question for staff is answered, by them or by a scan that came late."""

    ask: Id
    item: Id


class ChargesPosted(Struct, frozen=True, array_like=True, gc=False, tag="posted"):
    """A settlement run takes gathered charges from their wallet, as one entry."""

    ask: Id
    wallet: int
    payer: int
    site: int
    programme: int
    charges: tuple[int, ...]
    cents: int
    at_ms: int
    entries: tuple[Entry, ...]
    who: int = 0


class SettlementDone(Struct, frozen=True, array_like=True, gc=False, tag="settled"):
    """A programme is settled through a day: so many charges, so much money; `pending` are questions that still wait for staff."""

    ask: Id
    site: int
    programme: int
    through_day: int
    charges: int
    cents: int
    pending: tuple[int, ...]
    at_ms: int
    who: int = 0


class WalletOpened(Struct, frozen=True, array_like=True, gc=False, tag="wallet"):
    """A household's at a site (S27), `pupil` 0, or one of a pupil's two (S28), `household` 0. `reference`: 0 = the books count it one."""

    ask: Id
    wallet: Id
    site: int
    household: int
    at_ms: int
    pupil: int = 0
    compartment: Compartment = Compartment.WHOLE
    reference: int = 0


class BalanceOpened(Struct, frozen=True, array_like=True, gc=False, tag="opening"):
    """The balance a wallet brings along (requirement S23)."""

    ask: Id
    wallet: Id
    at_ms: int
    entries: tuple[Entry, ...]
    who: int = 0


class Charged(Struct, frozen=True, array_like=True, gc=False, tag="charge"):
    """`payer` is a household, `pupil` the beneficiary. `item`: the programme or product. `reason` says why a limit was passed.

    `limit_day`: the day of service (YYYYMMDD) whose daily limit an article counts for; 0 for what is always served.
    `stage`: where it is not posted, `entries` are empty: gathered for a settlement run, or of a pilot. `who`: where no other fact
    of the ask says it (a sale's, an order's).
    """

    ask: Id
    charge: Id
    wallet: int
    payer: int
    pupil: int
    site: int
    item: int
    cents: int
    at_ms: int
    why: Why
    reason: Reason
    entries: tuple[Entry, ...]
    limit_day: int = 0
    stay: int = 0
    day: int = 0
    stage: Stage = Stage.POSTED
    who: int = 0


class HoldPlaced(Struct, frozen=True, array_like=True, gc=False, tag="hold"):
    """Money set aside until an instant, when it is free again by itself (requirement P8)."""

    ask: Id
    hold: Id
    wallet: int
    payer: int
    pupil: int
    item: int
    cents: int
    at_ms: int
    until_ms: int
    who: int = 0


class HoldReleased(Struct, frozen=True, array_like=True, gc=False, tag="hold_released"):
    """Money is free again before its time; `reason` SETTLED: by the charge of the same ask."""

    ask: Id
    hold: Id
    wallet: int
    at_ms: int
    reason: Reason
    who: int = 0


class Transferred(Struct, frozen=True, array_like=True, gc=False, tag="transfer"):
    """From one wallet to another: between a pupil's two, or (`reason` POLICY) to those of the site's new policy."""

    ask: Id
    source: int
    target: int
    cents: int
    at_ms: int
    by: By
    who: int
    reason: Reason
    entries: tuple[Entry, ...]


class Cleared(Struct, frozen=True, array_like=True, gc=False, tag="clear"):
    """Money came in from outside or went out, against the site's clearing account; `cents` > 0, `kind` says which way."""

    ask: Id
    wallet: int
    payer: int
    kind: Clearing
    cents: int
    at_ms: int
    who: int
    reason: Reason
    entries: tuple[Entry, ...]


class Reversed(Struct, frozen=True, array_like=True, gc=False, tag="reverse"):
    """A charge is taken back whole; without entries where it was not posted. `again`: the charge made in its place, 0 = none."""

    ask: Id
    charge: Id
    wallet: int
    cents: int
    at_ms: int
    reason: Reason
    entries: tuple[Entry, ...]
    who: int = 0
    again: int = 0


class MealReserved(Struct, frozen=True, array_like=True, gc=False, tag="meal"):
    """`day` is the site's calendar day as YYYYMMDD. The same `meal` again: this product instead, by the charge of this ask.

    `deferred`: ordered in a pilot for a day after it; it is charged when the site goes live.
    """

    ask: Id
    meal: Id
    pupil: int
    site: int
    product: int
    day: int
    by: By = By.STAFF
    who: int = 0
    at_ms: int = 0
    deferred: bool = False


class MealServed(Struct, frozen=True, array_like=True, gc=False, tag="served"):
    """`meal` is 0 when none was reserved. `by` STAFF: the badge was forgotten, `who` knows the pupil."""

    ask: Id
    meal: int
    pupil: int
    site: int
    product: int
    day: int
    at_ms: int
    by: By = By.PUPIL
    who: int = 0


class MealCancelled(Struct, frozen=True, array_like=True, gc=False, tag="meal_cancelled"):
    """`late`: after the cut-off; it stays paid, and its portion may be resold."""

    ask: Id
    meal: Id
    pupil: int
    site: int
    product: int
    day: int
    by: By
    who: int
    at_ms: int
    late: bool


class MealResold(Struct, frozen=True, array_like=True, gc=False, tag="meal_resold"):
    """The portion that `pupil` had cancelled late is the order of `to_pupil`, who was waiting (requirement M12)."""

    ask: Id
    meal: Id
    pupil: int
    site: int
    product: int
    day: int
    to_pupil: int
    at_ms: int


class MealAwaited(Struct, frozen=True, array_like=True, gc=False, tag="meal_awaited"):
    """A pupil waits for a portion that somebody cancels late; `product` 0: no longer."""

    ask: Id
    pupil: int
    site: int
    product: int
    day: int
    by: By
    who: int
    at_ms: int


class CashCounted(Struct, frozen=True, array_like=True, gc=False, tag="cash_counted"):
    """The count that a cash desk session begins or ends (`closing`) with, and what the books expected (requirement P16).

    The difference is booked: at the beginning from or to the vault, at the end to the imbalance account.
    """

    ask: Id
    cash_session: Id
    site: int
    desk: str
    who: int
    closing: bool
    counted_cents: int
    expected_cents: int
    at_ms: int
    entries: tuple[Entry, ...]


class CashPaidIn(Struct, frozen=True, array_like=True, gc=False, tag="cash_in"):
    """A top-up in cash. `receipt` counts up by one at each site."""

    ask: Id
    act: Id
    cash_session: Id
    wallet: int
    payer: int
    pupil: int
    site: int
    who: int
    receipt: int
    cents: int
    at_ms: int
    entries: tuple[Entry, ...]


class TillSold(Struct, frozen=True, array_like=True, gc=False, tag="till_sold"):
    """A cashier's form was sold whole; `charges` are of the same ask, one for each product."""

    ask: Id
    act: Id
    cash_session: Id
    pupil: int
    site: int
    who: int
    charges: tuple[int, ...]
    cents: int
    at_ms: int


class TillVoided(Struct, frozen=True, array_like=True, gc=False, tag="till_voided"):
    """A sale or a top-up was taken back whole. `entries` are a top-up's; a sale's charges are reversed under the same ask."""

    ask: Id
    act: Id
    cash_session: Id
    wallet: int
    site: int
    who: int
    reason: Reason
    cents: int
    at_ms: int
    entries: tuple[Entry, ...]


class LowBalance(Struct, frozen=True, array_like=True, gc=False, tag="low"):
    """A wallet has just fallen below a threshold, by entries of the same ask: for its payer, a household, and nobody else."""

    ask: Id
    wallet: int
    payer: int
    level: Level
    balance_cents: int
    at_ms: int


Fact = (
    ScanTaken
    | ShownBooked
    | HoleDeclared
    | Unresolved
    | StayOpened
    | StayClosed
    | StayVoided
    | Marked
    | Resolved
    | WalletOpened
    | BalanceOpened
    | Charged
    | Reversed
    | MealReserved
    | MealServed
    | LowBalance
    | HoldPlaced
    | HoldReleased
    | Transferred
    | Cleared
    | MealCancelled
    | MealResold
    | MealAwaited
    | CashCounted
    | CashPaidIn
    | TillSold
    | TillVoided
    | Corrected
    | StayVerified
    | AbsenceMarked
    | StaySplit
    | DayClosed
    | ChargesPosted
    | SettlementDone
    | EntrancePassed
    | MorningNoted
    | MorningJustified
    | RollTaken
)
Facts = tuple[Fact, ...]


class Refusal(Struct, frozen=True):
    """A normal "no": a code and its numbers, as a value."""

    code: str
    numbers: dict[str, int] = {}


@functools.lru_cache(maxsize=1024)  # one scan asks for it several times
def scan_ask(device: str, inc: str, n: int) -> int:
    """The ask id of a scan, from its key: the same everywhere and at every replay."""
    return _number(f"scan|{device}|{inc}|{n}")


@functools.lru_cache(maxsize=8192)  # a pupil's day asks for those of its scans again at each of them
def derived(ask: int, part: str) -> int:
    """An id of something that came about with an ask: no randomness is needed where decisions are made."""
    return _number(f"{ask}|{part}")


_HASH = hashlib.blake2b(digest_size=8)
"""Copied for each id: a copy is made in half the time."""


def _number(text: str) -> int:
    """63 bits of BLAKE2b, never zero."""
    found = _HASH.copy()
    found.update(text.encode())
    return int.from_bytes(found.digest(), "big") >> 1 or 1
