"""Debts as pages show them: since when wallets are below zero, by what moved them last; and whose they are. No page."""

import asyncio
from collections.abc import Collection, Mapping

from hub.core.debts import Debt, below_zero, debts, fell_ms
from hub.core.kept import Wallet
from hub.core.ledger import wallet_account
from hub.core.school import School
from hub.web.session import Visit

STEPS = (30, 1000, 1_000_000)
"""Entries of each wallet that are looked at for when it fell below zero: most debts are young, and few need all."""


async def owing(visit: Visit, wallets: Collection[int]) -> Mapping[int, Debt]:
    """What those of the wallets that are below zero lack, on disk now."""
    desk, now_ms = visit.office.desk, visit.office.now_ms()
    await visit.office.caught_up()
    await asyncio.sleep(0)  # looking for them among all takes some ms: the taps that came meanwhile go first
    since = await _since(visit, below_zero(desk.books, wallets))
    return debts(desk.school, desk.books, since, now_ms)


async def _since(visit: Visit, wallets: Collection[int]) -> Mapping[int, int]:
    """Since when each of these wallets is below zero (Unix ms)."""
    books, found, left = visit.office.desk.books, dict[int, int](), list(wallets)
    for most in STEPS:
        moves = await visit.office.past.moves_of(left, most) if left else {}
        found |= {wallet: fell_ms(books.balance_cents(wallet_account(wallet)), moves[wallet]) for wallet in left}
        left = [wallet for wallet in left if not found[wallet]]
    # What moved between the two readings is of this moment.
    return found | dict.fromkeys(left, visit.office.now_ms())


def owner_name(school: School, wallet: Wallet) -> str:
    """The household, or the pupil with the family name first; an erased one is a number."""
    if wallet.household:
        household = school.households.get(wallet.household)
        return household.name if household else str(wallet.household)
    pupil = school.pupils.get(wallet.pupil)
    return f"{pupil.last_name} {pupil.first_name}" if pupil else str(wallet.pupil)
