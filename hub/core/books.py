"""The books: balances, who is in, what is booked. A fold over the facts, in memory; `apply` cannot fail, replay equals live.

This room says what is kept; what each fact changes in it stands in folds.py.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from hub.core import facts as f
from hub.core.entrance import Entrance
from hub.core.folds import FOLDS
from hub.core.kept import CashSession, Charge, DeviceLine, Grouped, Hold, Meal, MealPlace, Place, TillAct, Wallet
from hub.core.references import Family, following
from hub.core.sheets import Sheet, StaffAct, Stay

_EMPTY = Sheet()
_NOTHING: dict[int, Sheet] = {}
_NOBODY: dict[int, dict[int, Sheet]] = {}


@dataclass(slots=True)
class Books:
    """All of it. Read by decisions and pages; changed by `apply` alone."""

    number: int = 0
    """Of the last fact applied; facts are numbered from 1."""
    asks: dict[int, int] = field(default_factory=dict)
    """ask id -> number of its first fact."""
    balances: dict[str, int] = field(default_factory=dict)
    wallets: dict[Place, int] = field(default_factory=dict)
    owners: dict[int, Wallet] = field(default_factory=dict)
    """By wallet."""
    references: dict[int, int] = field(default_factory=dict)
    """Structured communication -> wallet, in the order they were given."""
    holds: dict[int, dict[int, Hold]] = field(default_factory=dict)
    """wallet -> hold; those that have expired go when the next one is placed."""
    spent: dict[int, dict[int, int]] = field(default_factory=dict)
    """pupil -> day -> cents for articles, the last days and those to come."""
    grouped: dict[tuple[int, int], tuple[Grouped, ...]] = field(default_factory=dict)
    """(pupil, tariff group) -> charges of its products, the last days and those to come."""
    lines: dict[str, dict[str, DeviceLine]] = field(default_factory=dict)
    """device -> incarnation -> line."""
    decided: dict[str, dict[tuple[str, int], f.ScanTaken]] = field(default_factory=dict)
    """device -> (incarnation, record number) -> what was answered last."""
    taps: dict[tuple[str, str, str], f.ScanTaken] = field(default_factory=dict)
    """(device, reader, badge) -> the last scan for which the pupil saw a yes, or is about to."""
    inside: dict[int, dict[int, Stay]] = field(default_factory=dict)
    """pupil -> programme -> open stay."""
    days: dict[int, dict[int, dict[int, Sheet]]] = field(default_factory=dict)
    """Day as YYYYMMDD -> pupil -> programme -> sheet; the last ones only."""
    forgotten: int = 0
    """The newest day whose sheets are not kept any more."""
    entrance: Entrance = field(default_factory=Entrance)
    closed: dict[int, int] = field(default_factory=dict)
    """Site -> the last day that is closed."""
    settled: dict[int, int] = field(default_factory=dict)
    """Programme -> the last day a settlement run went through."""
    gathered: dict[int, dict[int, None]] = field(default_factory=dict)
    """Wallet -> charges that wait for a settlement run."""
    acts: dict[int, StaffAct] = field(default_factory=dict)
    """Member of staff -> the last correction, as long as it may be undone."""
    charges: dict[int, Charge] = field(default_factory=dict)
    opened: set[int] = field(default_factory=set)
    """Wallets that have brought a balance along."""
    meals: dict[MealPlace, Meal] = field(default_factory=dict)
    deferred: dict[MealPlace, None] = field(default_factory=dict)
    """Ordered in a pilot, to be charged when the site goes live."""
    portions: dict[tuple[int, int], dict[int, int]] = field(default_factory=dict)
    """(site, day) -> pupil -> product, cancelled late and not resold, oldest first."""
    waiting: dict[tuple[int, int], dict[int, f.MealAwaited]] = field(default_factory=dict)
    """(site, day) -> pupil -> what for, who waited longest first."""
    cash_sessions: dict[str, CashSession] = field(default_factory=dict)
    """Open ones, by desk."""
    till: dict[int, TillAct] = field(default_factory=dict)
    receipts: dict[int, int] = field(default_factory=dict)
    """site -> number of the last receipt."""
    unresolved: dict[int, f.Unresolved] = field(default_factory=dict)
    """Questions for staff, by item."""
    asked_of: dict[int, dict[int, None]] = field(default_factory=dict)
    """Pupil -> items of the questions about it; 0 = of nobody who is known."""

    def apply(self, fact: f.Fact) -> None:
        """Take one fact in. Cannot fail for a fact that a decision made."""
        self.number += 1
        self.asks.setdefault(fact.ask, self.number)
        FOLDS[type(fact)](self, fact)

    def line(self, device: str, inc: str) -> DeviceLine:
        """The line of an incarnation; a fresh one (not kept) when it is not known."""
        return self.lines.get(device, {}).get(inc) or DeviceLine()

    def sheet(self, pupil: int, programme: int, day: int) -> Sheet:
        """A pupil's day at a programme; an empty one when nothing is known of it; to read only."""
        return self.days.get(day, _NOBODY).get(pupil, _NOTHING).get(programme, _EMPTY)

    def sheets(self, pupil: int, day: int) -> dict[int, Sheet]:
        """A pupil's sheets of a day, by programme; to read only."""
        return self.days.get(day, _NOBODY).get(pupil, _NOTHING)

    def balance_cents(self, account: str) -> int:
        return self.balances.get(account, 0)

    def total_cents(self) -> int:
        """Of all accounts: zero, or the books are wrong (promise P8)."""
        return sum(self.balances.values())


def replay(facts: Iterable[f.Fact]) -> Books:
    """The books of a whole history."""
    books = Books()
    for fact in facts:
        books.apply(fact)
    return books


def next_reference(books: Books, ahead: int = 0) -> int:
    """The structured communication of the next wallet, or of one further `ahead`: counted on from the last one, never given again."""
    return following(books.references, Family.WALLET, ahead)
