"""The list of wallets as it is shown and kept as a file: whose, what is in it, how old a debt is. Pure; a thread may work it out."""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hub.core.books import Books
from hub.core.debts import Age, Debt, by_age
from hub.core.kept import Hold, Wallet
from hub.core.ledger import wallet_account
from hub.core.lists import fold
from hub.core.references import printed
from hub.core.school import Pupil, School, Site
from hub.web.owing import owner_name

FOUND = 60
"""Wallets listed at once; more are counted, and the search narrows them."""


class Show(enum.StrEnum):
    """Which wallets are listed."""

    ALL = "all"
    BELOW = "below"  # zero
    LOW = "low"  # below what the site calls low, and not below zero
    LIMIT = "limit"  # at the site's limit, or below
    HELD = "held"  # with money set aside
    LEFT = "left"  # of whom nobody stays at the school, and not at zero: to be paid out, or asked for


class State(enum.StrEnum):
    """What staff should see of a balance at a glance."""

    FINE = ""
    LOW = "low"
    BELOW = "below"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the list is narrowed by; `site` 0 and `age` empty = all."""

    q: str = ""
    show: Show = Show.ALL
    site: int = 0
    age: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One wallet. `held_cents` are set aside; `debt` is None where there is none."""

    wallet: Wallet
    owner: str
    pupils: tuple[Pupil, ...]
    site: Site
    reference: str
    balance_cents: int
    held_cents: int
    state: State
    debt: Debt | None

    @property
    def available_cents(self) -> int:
        return self.balance_cents - self.held_cents


@dataclass(frozen=True, slots=True)
class Ages:
    """Debts of one age: how many wallets, and how much together."""

    age: str
    wallets: int
    cents: int


@dataclass(frozen=True, slots=True)
class WalletsPage:
    """`ages` are of all debts at the chosen site; `owed_cents` their sum."""

    asked: Asked
    sites: tuple[Site, ...]
    rows: tuple[Row, ...]
    more: int
    cents: int
    ages: tuple[Ages, ...]
    owed_cents: int
    has_wallets: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The wallets of some sites at one moment, copied so that a thread may look at them while taps go on."""

    school: School
    wallets: tuple[Wallet, ...]
    balances: Mapping[int, int]
    held: Mapping[int, int]
    debts: Mapping[int, Debt]


def snapshot(school: School, books: Books, which: Iterable[int], debts: Mapping[int, Debt], now_ms: int) -> Snapshot:
    """Copy what the list of these wallets is made of."""
    wallets = tuple(books.owners[wallet] for wallet in which)
    balances = {wallet.id: books.balances.get(wallet_account(wallet.id), 0) for wallet in wallets}
    held = {wallet: sum(hold.cents for hold in live(holds, now_ms).values()) for wallet, holds in books.holds.items()}
    return Snapshot(school, wallets, balances, held, debts)


def live(holds: Mapping[int, Hold], now_ms: int) -> dict[int, Hold]:
    """Those that have not expired."""
    return {number: hold for number, hold in holds.items() if hold.until_ms > now_ms}


def wallets_page(seen: Snapshot, asked: Asked, sites: tuple[Site, ...]) -> WalletsPage:
    """The list as a page: cut, with the debts by age above it."""
    found = rows(seen, asked)
    here = [seen.debts[wallet.id] for wallet in seen.wallets if wallet.id in seen.debts and asked.site in (0, wallet.site)]
    ages = tuple(Ages(age.value, wallets, cents) for age, (wallets, cents) in by_age(here).items())
    return WalletsPage(
        asked=asked,
        sites=sites,
        rows=found[:FOUND],
        more=max(0, len(found) - FOUND),
        cents=sum(row.balance_cents for row in found),
        ages=ages,
        owed_cents=sum(age.cents for age in ages),
        has_wallets=bool(seen.wallets),
    )


def rows(seen: Snapshot, asked: Asked) -> tuple[Row, ...]:
    """Every wallet that is asked for: debts deepest first, else by name."""
    words = fold_words(asked.q)
    found = [row_of(seen, wallet) for wallet in seen.wallets if asked.site in (0, wallet.site) and _is_shown(seen, wallet, asked)]
    found = [row for row in found if all(word in _text(row) for word in words)]
    if asked.show in (Show.BELOW, Show.LIMIT):
        found.sort(key=lambda row: row.balance_cents)
    else:
        found.sort(key=lambda row: (fold(row.owner), row.wallet.id))
    return tuple(found)


def row_of(seen: Snapshot, wallet: Wallet) -> Row:
    """One wallet of them."""
    school, site = seen.school, seen.school.sites[wallet.site]
    return Row(
        wallet=wallet,
        owner=owner_name(school, wallet),
        pupils=pupils_of(school, wallet),
        site=site,
        reference=printed(wallet.reference),
        balance_cents=seen.balances[wallet.id],
        held_cents=seen.held.get(wallet.id, 0),
        state=state_of(site, seen.balances[wallet.id], seen.held.get(wallet.id, 0)),
        debt=seen.debts.get(wallet.id),
    )


def state_of(site: Site, balance_cents: int, held_cents: int) -> State:
    """Low looks at the balance less the holds, the others at the balance (requirements, section 5)."""
    if balance_cents < 0:
        return State.LIMIT if balance_cents <= site.floor_cents else State.BELOW
    return State.LOW if balance_cents - held_cents < site.low_cents else State.FINE


def pupils_of(school: School, wallet: Wallet) -> tuple[Pupil, ...]:
    """For whom a wallet pays."""
    known = school.kin.get(wallet.household, ()) if wallet.household else (wallet.pupil,)
    return tuple(school.pupils[pupil] for pupil in known if pupil in school.pupils)


def fold_words(text: str) -> list[str]:
    """The words of a search, each as names are compared."""
    return [word for word in (fold(part) for part in text.split()) if word]


def _is_shown(seen: Snapshot, wallet: Wallet, asked: Asked) -> bool:
    balance_cents, held_cents, site = seen.balances[wallet.id], seen.held.get(wallet.id, 0), seen.school.sites[wallet.site]
    debt = seen.debts.get(wallet.id)
    if asked.age in set(Age) and (debt is None or debt.age != asked.age):
        return False
    match asked.show:
        case Show.BELOW:
            return balance_cents < 0
        case Show.LOW:
            return state_of(site, balance_cents, held_cents) is State.LOW
        case Show.LIMIT:
            return state_of(site, balance_cents, held_cents) is State.LIMIT
        case Show.HELD:
            return held_cents > 0
        case Show.LEFT:
            return balance_cents != 0 and all(pupil.left_day is not None for pupil in pupils_of(seen.school, wallet))
        case Show.ALL:
            return True


def _text(row: Row) -> str:
    """All that a search looks at: names, and the digits of the communication."""
    names = " ".join(f"{pupil.first_name} {pupil.last_name} {pupil.group}" for pupil in row.pupils)
    return fold(f"{row.owner} {names} {row.reference}")
