"""The periodic statement of a wallet or of a payer: what it had, every line of one to four months, and what it has then.

The law asks for the object of each line and its class, and nothing that is on no statement can be claimed (requirements, section 6).
A charge, and what corrects it, stands on its day of service; other money on the day it was booked. What is gathered is provisional,
what a pilot would have cost is shown apart: neither is in a sum. It works from facts, prices nothing anew, and knows no words.
"""

import enum
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from msgspec import Struct
from msgspec.structs import replace

from hub.core.calendar import day_coded, day_of
from hub.core.codes import Stage
from hub.core.facts import (
    BalanceOpened,
    CashPaidIn,
    Charged,
    ChargesPosted,
    Cleared,
    Entry,
    Fact,
    MealReserved,
    MealServed,
    Refusal,
    Reversed,
    TillVoided,
    Transferred,
)
from hub.core.kept import Wallet
from hub.core.ledger import wallet_account
from hub.core.payers import payer_on
from hub.core.school import School
from hub.core.timetable import LegalClass
from hub.core.whys import Rule

MOST_MONTHS = 4
"""What a statement may cover at most (requirements, section 6)."""
Period = tuple[date, date]
"""First and last day, both included."""

Told = (
    BalanceOpened
    | Charged
    | ChargesPosted
    | Reversed
    | CashPaidIn
    | TillVoided
    | Transferred
    | Cleared
    | MealReserved
    | MealServed
)  # fmt: skip
"""Facts that a statement is made of; a meal's say of which day its charge is."""


class Kind(enum.StrEnum):
    CHARGE = "charge"
    CREDIT = "credit"  # a charge is taken back whole
    BROUGHT = "brought"  # the balance a wallet brought along
    TOP_UP = "top_up"
    REFUND = "refund"
    PAYOUT = "payout"
    CASH = "cash"
    CASH_BACK = "cash_back"  # a top-up in cash was taken back
    TRANSFER = "transfer"


class Line(Struct, frozen=True):
    """`cents` are added to the wallet: a charge is below zero. `day`: of service, or of booking for other money.

    `charge`: whose derivation `preau-hub why` prints; `corrects`: the charge that a credit takes back, or that this one is made
    instead of. `pupil`, `item`, `legal` (None), `minutes` and `units` are those of charges and credits only;
    `absent`: what it costs that the pupil did not come.
    """

    day: date
    kind: Kind
    wallet: int
    payer: int
    cents: int
    booked_ms: int
    pupil: int = 0
    item: int = 0
    legal: LegalClass | None = None
    minutes: int = 0
    units: int = 0
    charge: int = 0
    corrects: int = 0
    absent: bool = False


class Statement(Struct, frozen=True):
    """Opening balance and lines make the closing balance. `totals`: what each legal class cost, more than zero where it was paid.

    `late`: charges and corrections of days before the period that were booked in it; the opening balance has them already.
    `provisional` and `pilot` are in no sum. `since_cents`: what was paid in (more than zero) or out after the period: whoever has paid
    what the closing balance lacks is not asked for it again.
    """

    period: Period
    opening_cents: int
    lines: tuple[Line, ...]
    closing_cents: int
    totals: dict[LegalClass, int]
    late: tuple[Line, ...] = ()
    provisional: tuple[Line, ...] = ()
    pilot: tuple[Line, ...] = ()
    since_cents: int = 0


class Whose(Struct, frozen=True):
    """A wallet's lines, those of a payer (a household), or of the two together; 0 = any."""

    wallet: int = 0
    payer: int = 0

    def has(self, line: Line) -> bool:
        return self.wallet in (0, line.wallet) and self.payer in (0, line.payer)


def period_of(first: date, last: date) -> Period | Refusal:
    """From the first day of a month to the last of another (any days of them): one to four months, else Refusal `months`."""
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    if not 1 <= months <= MOST_MONTHS:
        return Refusal("months", {"months": months, "most": MOST_MONTHS})
    after = (last.replace(day=1) + timedelta(days=31)).replace(day=1)
    return first.replace(day=1), after - timedelta(days=1)


def concerning(facts: Iterable[Fact], wallets: Collection[int]) -> Iterator[Told]:
    """What of the facts of one commit statements of these wallets are made of: also the meals that were charged to them."""
    told = [fact for fact in facts if isinstance(fact, Told)]
    paid = {fact.ask for fact in told if isinstance(fact, Charged) and fact.wallet in wallets}
    return (fact for fact in told if _concerns(fact, wallets, paid))


def _concerns(fact: Told, wallets: Collection[int], paid: set[int]) -> bool:
    match fact:
        case MealReserved() | MealServed():
            return fact.ask in paid
        case Transferred():
            return fact.source in wallets or fact.target in wallets
        case _:
            return fact.wallet in wallets


def statement(school: School, owners: Mapping[int, Wallet], facts: Iterable[Fact], whose: Whose, period: Period) -> Statement:
    """What these facts (all of the wallets in question, in order) make for a period. `owners`: whose each wallet is."""
    told = _Told(school, owners)
    for fact in facts:
        told.take(fact)
    (first, last), moved = period, sorted(filter(whose.has, told.lines), key=_by_day)
    lines = tuple(line for line in moved if first <= line.day <= last)
    late = tuple(line for line in moved if line.day < first and line.charge and first <= told.booked(line) <= last)
    totals: Counter[LegalClass] = Counter()
    for line in lines:
        if line.legal is not None:
            totals[line.legal] -= line.cents
    opening_cents = sum(line.cents for line in moved if line.day < first)
    closing_cents = opening_cents + sum(line.cents for line in lines)
    waiting = sorted(filter(whose.has, told.waiting.values()), key=_by_day)
    apart = {stage: tuple(line for line in waiting if told.stages[line.charge] is stage and first <= line.day <= last) for stage in Stage}
    since_cents = sum(line.cents for line in moved if line.day > last and not line.charge)
    return Statement(
        period, opening_cents, lines, closing_cents, dict(totals), late, apart[Stage.GATHERED], apart[Stage.PILOT], since_cents
    )


def _by_day(line: Line) -> date:
    """Those of one day stay as they were booked."""
    return line.day


@dataclass(slots=True)
class _Told:
    """What the facts so far have told: lines that moved money, and charges that have not."""

    school: School
    owners: Mapping[int, Wallet]
    lines: list[Line] = field(default_factory=list)
    waiting: dict[int, Line] = field(default_factory=dict)
    """Charge -> its line, where nothing is posted."""
    stages: dict[int, Stage] = field(default_factory=dict)
    _charges: dict[int, Line] = field(default_factory=dict)
    _meals: dict[tuple[int, int], int] = field(default_factory=dict)
    """(ask, pupil) -> day of the meal."""
    _paid_in: dict[int, CashPaidIn] = field(default_factory=dict)
    _replaced: dict[tuple[int, int, int], list[int]] = field(default_factory=dict)
    """(ask, pupil, item) -> the charges it took back, and made no others instead of yet."""

    def take(self, fact: Fact) -> None:
        """Whatever is no `Told` changes nothing."""
        match fact:
            case MealReserved() | MealServed():
                self._meals[fact.ask, fact.pupil] = fact.day
            case Charged():
                self._charged(fact)
            case ChargesPosted():
                for charge in fact.charges:
                    if charge in self.waiting:
                        self.lines.append(replace(self.waiting.pop(charge), booked_ms=fact.at_ms))
            case Reversed():
                self._reversed(fact)
            case _:
                self.lines += self._money(fact)

    def booked(self, line: Line) -> date:
        """The local day a line was booked."""
        return self._local(line.wallet, line.booked_ms)

    def _charged(self, fact: Charged) -> None:
        what = self.school.programmes.get(fact.item) or self.school.products.get(fact.item)
        replaced = self._replaced.get((fact.ask, fact.pupil, fact.item))
        line = Line(
            day=self._told_day(fact),
            kind=Kind.CHARGE,
            wallet=fact.wallet,
            payer=self.school.home(fact.payer),
            cents=-fact.cents,
            booked_ms=fact.at_ms,
            pupil=fact.pupil,
            item=fact.item,
            legal=what.legal if what else LegalClass.OPTIONAL,
            minutes=fact.why.minutes,
            units=fact.why.units,
            charge=fact.charge,
            corrects=replaced.pop(0) if replaced else 0,
            absent=fact.why.rule is Rule.ABSENCE,
        )
        self._charges[fact.charge], self.stages[fact.charge] = line, fact.stage
        if fact.stage is Stage.POSTED:
            self.lines.append(line)
        else:
            self.waiting[fact.charge] = line

    def _reversed(self, fact: Reversed) -> None:
        """What was not posted yet leaves no line: it never cost anything."""
        line = self._charges.get(fact.charge)
        if line is None:
            return
        self._replaced.setdefault((fact.ask, line.pupil, line.item), []).append(fact.charge)
        if self.waiting.pop(fact.charge, None) is None:
            self.lines.append(replace(line, kind=Kind.CREDIT, cents=fact.cents, booked_ms=fact.at_ms, corrects=fact.charge))

    def _told_day(self, fact: Charged) -> date:
        """Of a stay, an article or a meal; else of when the price counts, or of the booking."""
        code = fact.day or fact.limit_day or self._meals.get((fact.ask, fact.pupil), 0)
        return day_coded(code) if code else self._local(fact.wallet, fact.why.from_ms or fact.at_ms)

    def _money(self, fact: Fact) -> Iterator[Line]:
        match fact:
            case BalanceOpened():
                yield self._moved(Kind.BROUGHT, fact.wallet, fact.at_ms, fact.entries)
            case Cleared():
                yield self._moved(Kind(fact.kind), fact.wallet, fact.at_ms, fact.entries, fact.payer)
            case CashPaidIn():
                self._paid_in[fact.act] = fact
                yield self._moved(Kind.CASH, fact.wallet, fact.at_ms, fact.entries, fact.payer)
            case TillVoided() if fact.entries:
                paid = self._paid_in.get(fact.act)
                yield self._moved(Kind.CASH_BACK, fact.wallet, fact.at_ms, fact.entries, paid.payer if paid else 0)
            case Transferred():
                for wallet in (fact.source, fact.target):
                    yield self._moved(Kind.TRANSFER, wallet, fact.at_ms, fact.entries)

    def _moved(self, kind: Kind, wallet: int, at_ms: int, entries: tuple[Entry, ...], payer: int = 0) -> Line:
        """The wallet's side of other money. Whose it is, where the fact does not say: the household's, or who pays for the pupil."""
        owner, day, account = self.owners[wallet], self._local(wallet, at_ms), wallet_account(wallet)
        payer = self.school.home(payer or owner.household) or payer_on(self.school, self.school.pupils[owner.pupil], 0, day)
        return Line(day, kind, wallet, payer, sum(entry.cents for entry in entries if entry.account == account), at_ms)

    def _local(self, wallet: int, at_ms: int) -> date:
        return day_of(at_ms, self.school.sites[self.owners[wallet].site].zone)
