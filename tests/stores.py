"""The hub's real stores in a temporary folder, and random but sensible facts to put in them: `asks(seed, count)`."""

import asyncio
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

from hub.core import facts as f
from hub.core.codes import Code, Reason
from hub.core.ledger import move, opening_account, sales_account, wallet_account
from hub.core.whys import Rule, Why
from hub.folder import Folder
from hub.journal import Journal
from proto.messages import Light

EIGHT_MS = 1_736_148_000_000
"""Monday 6 January 2025, just before half past seven."""
PUPILS = 30
WALLETS = 12


class DiedError(Exception):
    """The hub ended itself."""


class Deaths:
    """Stands for `hub.folder.stop_at_once`: notes why the hub would have ended, and ends nothing."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.happened = asyncio.Event()

    def __call__(self, reason: str) -> None:
        self.reasons.append(reason)
        self.happened.set()


def alive(reason: str) -> None:
    """For tests in which no write may fail."""
    raise DiedError(reason)


async def write(journal: Journal, asks: Iterable[f.Facts], waiting: int = 64) -> None:
    """Append the facts of each ask, `waiting` asks at a time, and wait until they are on disk."""
    free = asyncio.Semaphore(waiting)
    for facts in asks:
        await free.acquire()
        journal.append(facts, free.release)
    for _ in range(waiting):
        await free.acquire()


async def written(folder: Folder, asks: Iterable[f.Facts], waiting: int = 64) -> None:
    """The same, with a journal opened and closed for it."""
    journal = await Journal.open(folder, alive)
    await write(journal, asks, waiting)
    await journal.close()


async def all_facts(journal: Journal, number: int = 1) -> list[f.Fact]:
    """What the journal reads out."""
    return [fact async for commit in journal.read(number) for fact in commit.facts]


def log_of(path: Path) -> Path:
    """Where SQLite keeps the write-ahead log of a database."""
    return path.with_name(path.name + "-wal")


def asks(seed: int, count: int) -> Iterator[f.Facts]:
    """The facts of `count` asks in an order that can happen: openings, stays, charges, and charges taken back."""
    luck = random.Random(seed)
    open_stays: dict[int, f.StayOpened] = {}
    charges: list[f.Charged] = []
    yield tuple(_opening(wallet) for wallet in range(1, WALLETS + 1))
    inc = f"{seed:016x}"
    for n in range(1, count):
        ask = f.scan_ask("care-door", inc, n)
        pupil = luck.randint(1, PUPILS)
        at_ms = EIGHT_MS + n * 1000
        scan = f.ScanTaken(ask, "care-door", inc, n, "door", "B" * 20, pupil, at_ms, 200, Code.IN, Light.ACCEPTED, taken_ms=at_ms + 5)
        match luck.randrange(4):
            case 0 if pupil in open_stays:
                yield scan, _closed(ask, open_stays.pop(pupil), at_ms)
            case 0:
                open_stays[pupil] = f.StayOpened(ask, f.derived(ask, "stay"), pupil, 1, seed + 1, at_ms)
                yield scan, open_stays[pupil]
            case 1:
                charges.append(_charged(ask, pupil, luck.randint(1, 900), at_ms))
                yield scan, charges[-1]
            case 2 if charges:
                yield (_reversed(ask, charges.pop(luck.randrange(len(charges))), at_ms),)
            case _:
                yield (scan,)


def _opening(wallet: int) -> f.BalanceOpened:
    return f.BalanceOpened(1, wallet, EIGHT_MS, move(opening_account(1), wallet_account(wallet), 1000 * wallet))


def _closed(ask: int, stay: f.StayOpened, at_ms: int) -> f.StayClosed:
    return f.StayClosed(ask, stay.stay, stay.pupil, stay.site, stay.programme, stay.at_ms, at_ms)


def _charged(ask: int, pupil: int, cents: int, at_ms: int) -> f.Charged:
    wallet = pupil % WALLETS + 1
    entries = move(wallet_account(wallet), sales_account(1, 3), cents)
    why = Why(Rule.PRICE, unit_tenths=cents * 10)
    return f.Charged(ask, f.derived(ask, "charge"), wallet, wallet, pupil, 1, 3, cents, at_ms, why, Reason.NONE, entries)


def _reversed(ask: int, charge: f.Charged, at_ms: int) -> f.Reversed:
    entries = move(sales_account(1, 3), wallet_account(charge.wallet), charge.cents)
    return f.Reversed(ask, charge.charge, charge.wallet, charge.cents, at_ms, Reason.CORRECTED, entries)
