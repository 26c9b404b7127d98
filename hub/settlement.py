"""Settlement runs as they are asked of the desk: wallet by wallet, with progress, and taps in between. What is posted is core's matter."""

import asyncio
from collections.abc import Callable

from hub.core import settlement
from hub.core.facts import ChargesPosted, Refusal, derived
from hub.core.settlement import Run, Settled
from hub.desk import Desk

AT_ONCE = 32
"""Wallets asked for together: one write to the disk serves them, and a tap waits for no more than their decisions."""


async def settle(desk: Desk, ask: int, run: Run, told: Callable[[int, int], None] = lambda _done, _of: None) -> Settled | Refusal:
    """Post what a programme has gathered through a closed day. `told` hears how many wallets of how many are done.

    A run that was cut off is run again under another ask: it posts the rest.
    """
    wallets = settlement.start(desk.school, desk.books, run)
    if isinstance(wallets, Refusal):
        return wallets
    found = Settled(0, 0, 0, 0)
    for first in range(0, len(wallets), AT_ONCE):
        some = wallets[first : first + AT_ONCE]
        asks = ((derived(ask, f"wallet|{wallet}"), wallet) for wallet in some)
        answers = await asyncio.gather(*(desk.do(one, settlement.post, one, run, wallet) for one, wallet in asks))
        posted = [fact for answer in answers for fact in answer.facts if isinstance(fact, ChargesPosted)]
        charges, cents = sum(len(one.charges) for one in posted), sum(one.cents for one in posted)
        found = Settled(found.wallets + len(posted), found.charges + charges, found.cents + cents, 0)
        told(min(first + AT_ONCE, len(wallets)), len(wallets))
    done = derived(ask, "done")
    await desk.do(done, settlement.finish, done, run, found.charges, found.cents)
    return Settled(found.wallets, found.charges, found.cents, len(settlement.pending(desk.school, desk.books, run)))


async def settle_due(desk: Desk, new_ask: Callable[[], int], now_ms: int) -> list[tuple[Run, Settled | Refusal]]:
    """Run what is due by itself: every programme whose posting day is closed."""
    found = []
    for programme in desk.school.programmes.values():
        day = settlement.run_due(desk.books, programme)
        if day:
            run = Run(programme.id, day, now_ms)
            found.append((run, await settle(desk, new_ask(), run)))
    return found
