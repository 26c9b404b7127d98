"""Debts: which wallets are below zero, since when, and how old that makes what they owe. Nothing is refused or asked for here."""

import enum
from collections.abc import Iterable, Mapping
from datetime import timedelta

from msgspec import Struct

from hub.core.books import Books
from hub.core.calendar import day_of
from hub.core.ledger import wallet_account
from hub.core.school import School


class Age(enum.StrEnum):
    """Days since a wallet fell below zero."""

    MONTH = "0-30"
    TWO_MONTHS = "31-60"
    THREE_MONTHS = "61-90"
    OLDER = "older"


_LAST_DAY = {Age.MONTH: 30, Age.TWO_MONTHS: 60, Age.THREE_MONTHS: 90}


class Debt(Struct, frozen=True):
    """What a wallet lacks (`cents` > 0), since when (Unix ms), and how many local days that is."""

    wallet: int
    cents: int
    since_ms: int
    days: int

    @property
    def age(self) -> Age:
        return age_of(self.days)


def age_of(days: int) -> Age:
    """The age of a debt that began so many days ago; the day itself is day 0."""
    return next((age for age, last in _LAST_DAY.items() if days <= last), Age.OLDER)


def below_zero(books: Books, wallets: Iterable[int]) -> tuple[int, ...]:
    """Those of the wallets that are in debt."""
    return tuple(wallet for wallet in wallets if books.balances.get(wallet_account(wallet), 0) < 0)


def fell_ms(balance_cents: int, moves: Iterable[tuple[int, int]]) -> int:
    """When a wallet fell below zero: `moves` are (Unix ms, cents) of what moved it, newest first, as many as are known.

    0 where it is not below zero, or fell before the oldest of them.
    """
    after_cents = balance_cents
    for at_ms, cents in moves:
        if after_cents >= 0:
            return 0
        after_cents -= cents
        if after_cents >= 0:
            return at_ms
    return 0


def debts(school: School, books: Books, since: Mapping[int, int], now_ms: int) -> dict[int, Debt]:
    """By wallet, what it lacks; `since`: when each fell below zero (Unix ms)."""
    found = {}
    for wallet, since_ms in since.items():
        cents, zone = -books.balance_cents(wallet_account(wallet)), school.sites[books.owners[wallet].site].zone
        if cents > 0:
            days = (day_of(now_ms, zone) - day_of(since_ms, zone)) // timedelta(days=1)
            found[wallet] = Debt(wallet, cents, since_ms, max(0, days))
    return found


def by_age(found: Iterable[Debt]) -> dict[Age, tuple[int, int]]:
    """How many wallets and how many cents of each age, the youngest first, those without any too."""
    totals = dict.fromkeys(Age, (0, 0))
    for debt in found:
        wallets, cents = totals[debt.age]
        totals[debt.age] = (wallets + 1, cents + debt.cents)
    return totals
