"""Settlement runs on a real data folder: what they tell, taps between them, a run that is cut off, and what time brings by itself."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import count
from pathlib import Path

import pytest

from hub.core import scans
from hub.core.codes import Stage
from hub.core.facts import Refusal
from hub.core.school import Badge, BadgeState, Household, Pupil, Row
from hub.core.settlement import Run, Settled
from hub.keeping import keep_up
from hub.memory import Memory, memory
from hub.settlement import AT_ONCE, settle
from tests.schools import badge, moment, number, scan, small_school

CARE, TILLEULS = number("care"), number("Tilleuls")
CHILDREN = 3 * AT_ONCE + 5


def school_rows(**site: object) -> tuple[Row, ...]:
    """Everybody of the small school, and a hundred children of as many families; care is posted on Fridays."""
    school = small_school()
    names = [f"Enfant {nth}" for nth in range(CHILDREN)]
    rows: list[Row] = [*school.sites.values(), *school.devices.values(), *school.readers.values(), *school.programmes.values()]
    rows += [tariff for versions in school.tariffs.values() for tariff in versions]
    rows += [replace(school.sites[TILLEULS], **site), replace(school.programmes[CARE], post_days=7, post_weekday=4)]  # type: ignore[arg-type]
    for name in names:
        rows += [Household(number(f"home of {name}"), name), Pupil(number(name), number(f"home of {name}"), TILLEULS, name, name, "3A")]
        rows.append(Badge(number(f"badge {name}"), badge(name), number(name), BadgeState.ACTIVE, moment("00:00", date(2024, 9, 1))))
    return tuple(rows)


async def lived(stores: Memory, *, left: bool = True, **site: object) -> Iterator[int]:
    """A Monday of all children in care, the last of whom nobody has seen leave (unless `left`), closed. Fresh record numbers."""
    await stores.desk.edit(1, lambda _school: school_rows(**site))
    records = count(1)
    for nth in range(CHILDREN):
        for reader, clock in (("care-in", "15:40"), ("care-out", "16:40"))[: 1 if nth == CHILDREN - 1 and not left else 2]:
            arrived = scan(f"Enfant {nth}", reader, clock, n=next(records))
            await stores.desk.do(arrived.ask, scans.take, arrived)
    await keep_up(stores.desk, stores.new_ask, moment("19:31"))
    return records


def total_cents(stores: Memory) -> int:
    return sum(cents for account, cents in stores.desk.books.balances.items() if account.startswith("wallet:"))


@pytest.mark.parametrize("left", [True, False])
async def test_a_run_posts_wallet_by_wallet_and_tells_how_far_it_is(tmp_path: Path, *, left: bool) -> None:
    told: list[tuple[int, int]] = []
    async with memory(tmp_path) as stores:
        await lived(stores, left=left)
        outcome = await settle(stores.desk, 77, Run(CARE, 20250106, moment("20:00")), lambda done, of: told.append((done, of)))
        charged = CHILDREN if left else CHILDREN - 1
        assert outcome == Settled(charged, charged, charged * 1_50, 0 if left else 1)
        assert [done for done, _ in told] == [AT_ONCE, 2 * AT_ONCE, 3 * AT_ONCE, charged]
        assert total_cents(stores) == -charged * 1_50
    async with memory(tmp_path) as again:
        assert total_cents(again) == -charged * 1_50


async def test_a_tap_that_comes_while_a_run_posts_is_answered_before_the_run_is_done(tmp_path: Path) -> None:
    async with memory(tmp_path) as stores:
        records = await lived(stores)
        run = asyncio.create_task(settle(stores.desk, 77, Run(CARE, 20250106, moment("20:00"))))
        await asyncio.sleep(0)
        arrived = scan("Enfant 1", "entrance", "19:40", n=next(records))
        await stores.desk.do(arrived.ask, scans.take, arrived)
        assert not run.done()
        await run


async def test_a_run_that_was_cut_off_in_the_middle_posts_the_rest_and_nothing_twice(tmp_path: Path) -> None:
    async with memory(tmp_path) as stores:
        await lived(stores)
        some = asyncio.Event()
        run = asyncio.create_task(settle(stores.desk, 77, Run(CARE, 20250106, moment("20:00")), lambda _done, _of: some.set()))
        await some.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
    async with memory(tmp_path) as again:
        assert 0 < len(again.desk.books.gathered) < CHILDREN
        await settle(again.desk, 78, Run(CARE, 20250106, moment("20:05")))
        assert again.desk.books.gathered == {}
        assert total_cents(again) == -CHILDREN * 1_50
        assert {charge.stage for charge in again.desk.books.charges.values()} == {Stage.POSTED}


async def test_time_alone_settles_on_the_posting_day_once(tmp_path: Path) -> None:
    async with memory(tmp_path) as stores:
        await lived(stores)
        assert total_cents(stores) == 0, "it is Monday"
        friday = date(2025, 1, 10)
        await keep_up(stores.desk, stores.new_ask, moment("19:30", friday))
        assert total_cents(stores) == 0, "the day is not over"
        await keep_up(stores.desk, stores.new_ask, moment("19:31", friday))
        assert total_cents(stores) == -CHILDREN * 1_50
        number_then = stores.desk.books.number
        await keep_up(stores.desk, stores.new_ask, moment("19:32", friday))
        assert stores.desk.books.number == number_then


async def test_a_site_that_settles_all_or_nothing_waits_for_its_staff(tmp_path: Path) -> None:
    async with memory(tmp_path) as stores:
        await lived(stores, left=False, whole_runs=True)
        refused = await settle(stores.desk, 77, Run(CARE, 20250106, moment("20:00")))
        assert refused == Refusal("to_verify", {"questions": 1})
        await keep_up(stores.desk, stores.new_ask, moment("19:31", date(2025, 1, 10)))
        assert total_cents(stores) == 0
