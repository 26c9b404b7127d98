"""What time alone brings, once a minute: who has not come, what is over, a pilot's end, runs that are due."""

import logging
from collections.abc import Callable

from hub.core import attendance, mornings
from hub.core.canteen import charge_deferred
from hub.core.facts import Refusal
from hub.core.leaving import left_by
from hub.core.merging import brought_over
from hub.core.settlement import close_days
from hub.desk import Decide, Desk
from hub.settlement import settle_due

log = logging.getLogger(__name__)

ROUNDS = 20
"""So many sites, or children and programmes of one family, have their turn in the same minute; what is left has it in the next one."""


async def keep_up(desk: Desk, new_ask: Callable[[], int], now_ms: int) -> None:
    """The roll of the morning; stays, then the days they belong to, then what can be posted of them.

    A day is closed only when no stay of it is left to be made or ended: what was not counted before is never counted.
    """
    await _rounds(desk, new_ask, mornings.upkeep, now_ms)
    if await _rounds(desk, new_ask, attendance.upkeep, now_ms):
        ask = new_ask()
        await desk.do(ask, close_days, ask, now_ms)
    for place in tuple(desk.books.deferred):
        ask = new_ask()
        await desk.do(ask, charge_deferred, ask, place, now_ms)
    if desk.school.merged or desk.school.second_homes:  # what a late charge or a transfer from the bank still brought to a second entry
        ask = new_ask()
        await desk.do(ask, brought_over, ask, now_ms)
    if left_by(desk.school, now_ms):
        await desk.edit(new_ask(), left_by, now_ms)
    for run, outcome in await settle_due(desk, new_ask, now_ms):
        if isinstance(outcome, Refusal):
            log.debug("programme %d is not settled through %d: %s", run.programme, run.through_day, outcome)
        else:
            log.info("programme %d is settled through %d: %s", run.programme, run.through_day, outcome)


async def _rounds(desk: Desk, new_ask: Callable[[], int], decide: Decide[[int, int]], now_ms: int) -> bool:
    """Ask again while it brings anything; False where the next minute has to go on."""
    for _ in range(ROUNDS):
        ask = new_ask()
        if not (await desk.do(ask, decide, ask, now_ms)).facts:
            return True
    return False
