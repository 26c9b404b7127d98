"""The history tells the same as the journal, after anything; and it notices a journal that has lost its end."""

import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hub import history as room
from hub import tables as t
from hub.core import facts as f
from hub.core.books import replay
from hub.core.codes import Excuse, Justification
from hub.core.ledger import wallet_account
from hub.core.statements import concerning
from hub.errors import DamageError
from hub.folder import Folder
from hub.history import History, Noted
from hub.journal import Journal
from hub.register import Register
from tests.stores import PUPILS, WALLETS, alive, all_facts, asks, log_of, write, written


@dataclass(frozen=True, slots=True)
class Stores:
    folder: Folder
    journal: Journal
    register: Register
    history: History


@asynccontextmanager
async def stores(path: Path) -> AsyncIterator[Stores]:
    """Everything opened as the hub does, and closed."""
    async with AsyncExitStack() as stack:
        folder = Folder(path)
        stack.callback(folder.close)
        journal = await Journal.open(folder, alive)
        stack.push_async_callback(journal.close)
        register = await Register.open(folder, alive)
        stack.push_async_callback(register.close)
        history = await History.open(register, journal)
        stack.push_async_callback(history.close)
        yield Stores(folder, journal, register, history)


async def tables_of(found: Stores) -> dict[str, Sequence[object]]:
    """All rows of the history."""
    await found.history.caught_up(found.journal.durable)
    async with found.register.reading() as connection:
        return {
            table.name: (await connection.execute(select(table).order_by(*table.primary_key))).all()
            for table in (
                t.history_scan,
                t.history_entry,
                t.history_charge,
                t.history_settlement,
                t.history_stay,
                t.history_morning,
                t.history_presence,
                t.history_revenue,
                t.history_cash,
                t.history_attended,
                t.history_place,
                t.history_head,
            )
        }


async def check_against_journal(found: Stores) -> None:
    """What the tables add up to is what the books of the same facts say."""
    await found.history.caught_up(found.journal.durable)
    facts = await all_facts(found.journal)
    books = replay(facts)
    assert found.history.number == len(facts)
    async with found.register.reading() as connection:
        entry, stay = t.history_entry.c, t.history_stay.c
        wallets = await connection.execute(select(entry.wallet, func.sum(entry.cents).label("sum")).group_by(entry.wallet))
        balances = {wallet_account(row.wallet): row.sum for row in wallets}
        inside = set((await connection.execute(select(stay.id).where(stay.until_ms == 0))).scalars())
        scans = (await connection.execute(select(func.count()).select_from(t.history_scan))).scalar()
    assert balances == {account: cents for account, cents in books.balances.items() if account in balances}
    others = sum(cents for account, cents in books.balances.items() if account not in balances)
    assert sum(balances.values()) == -others, "no wallet is missing"
    assert inside == {open_stay.id for stays in books.inside.values() for open_stay in stays.values()}
    assert scans == sum(isinstance(fact, f.ScanTaken) for fact in facts)


async def test_the_history_tells_the_same_as_the_journal(tmp_path: Path) -> None:
    async with stores(tmp_path / "hub") as found:
        for seed in range(3):
            await write(found.journal, [ask for ask in asks(seed, 100) if seed == 0 or not isinstance(ask[0], f.BalanceOpened)])
            await check_against_journal(found)


async def test_pages_read_the_facts_themselves_newest_first(tmp_path: Path) -> None:
    made = [fact for ask in asks(1, 400) for fact in ask]
    newest = made[::-1]
    async with stores(tmp_path / "hub") as found:
        await write(found.journal, asks(1, 400))
        history = found.history
        await history.caught_up(found.journal.durable)
        scans = [fact for fact in newest if isinstance(fact, f.ScanTaken)]
        assert await history.scans(20) == scans[:20]
        for pupil in range(1, PUPILS + 1):
            assert await history.scans_of(pupil, 5) == [scan for scan in scans if scan.pupil == pupil][:5]
            closed = [fact for fact in newest if isinstance(fact, f.StayClosed) and fact.pupil == pupil]
            assert await history.stays_of(pupil, 50) == sorted(closed, key=lambda fact: fact.from_ms, reverse=True)
            charged = [fact for fact in newest if isinstance(fact, f.Charged) and fact.pupil == pupil]
            assert await history.charges_of(pupil, 500) == sorted(charged, key=lambda fact: fact.at_ms, reverse=True)
        for wallet in range(1, WALLETS + 1):
            booked = [fact for fact in newest if isinstance(fact, f.Charged | f.Reversed | f.BalanceOpened) and fact.wallet == wallet]
            assert await history.entries_of(wallet, 500) == booked
        assert await history.scans_of(999, 5) == []
        assert await history.charge(999) is None


DAY_MS = 86_400_000
MONDAY_MS = 1_736_148_000_000


def noted(ask: int, pupil: int, day: int, late_min: int, *, missed: bool = False) -> f.MorningNoted:
    """Class from 08:20 of that day on, whenever that is."""
    begins_ms = MONDAY_MS + (day - 20250106) * DAY_MS
    arrived_ms = 0 if missed else begins_ms + late_min * 60_000
    return f.MorningNoted(ask, pupil, 2, day, begins_ms, begins_ms + 300_000, begins_ms + DAY_MS // 4, arrived_ms, late_min)


def said(ask: int, pupil: int, day: int, state: Justification) -> f.MorningJustified:
    return f.MorningJustified(ask, pupil, 2, day, state, Excuse.ILL, 0, 77, MONDAY_MS)


async def test_the_history_of_late_arrivals_tells_the_last_word_of_each_morning_that_counts(tmp_path: Path) -> None:
    """Requirement S46, "rapport historique d'arrivées tardives": late, missed, and not what turned out to be in time."""
    late, missed, after_all = noted(1, 5, 20250106, 11), noted(2, 5, 20250107, 0, missed=True), noted(3, 5, 20250108, 30)
    other, announced = noted(4, 6, 20250106, 15), said(5, 5, 20250109, Justification.JUSTIFIED)
    in_time, put_right = noted(6, 5, 20250108, 0), noted(7, 5, 20250107, 70)
    first, last = said(8, 5, 20250106, Justification.NOT_JUSTIFIED), said(9, 5, 20250106, Justification.JUSTIFIED)
    came_late = noted(10, 5, 20250109, 5)
    asked = [(fact,) for fact in (late, missed, after_all, other, announced, in_time, put_right, first, last, came_late)]
    async with stores(tmp_path / "hub") as found:
        history = found.history
        await write(found.journal, asked)
        await history.caught_up(found.journal.durable)
        told = [Noted(late, last, 9), Noted(put_right), Noted(came_late, announced, 5)]
        assert await history.mornings(20250101, 20251231, 5) == told
        assert await history.mornings(20250107, 20250108, 5) == told[1:2]
        assert await history.mornings(20250106, 20250106) == [Noted(late, last, 9), Noted(other)]
        assert await history.mornings(20250101, 20251231, 99) == []
        before = await tables_of(found)
        await history.rebuild()
        assert await tables_of(found) == before


async def test_a_page_that_waits_is_served_at_once(tmp_path: Path) -> None:
    async with stores(tmp_path / "hub") as found:
        await write(found.journal, asks(2, 10))
        assert found.history.number == 0, "nobody waits: facts gather first"
        await found.history.caught_up(3)
        assert found.history.number == found.journal.durable


async def test_a_long_way_is_caught_up_in_several_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "FACTS_AT_ONCE", 50)
    monkeypatch.setattr(room, "PIECE_FACTS", 7)
    async with stores(tmp_path / "hub") as found:
        await write(found.journal, asks(3, 500), waiting=5)
        await check_against_journal(found)


async def test_what_is_missing_is_copied_at_the_next_start(tmp_path: Path) -> None:
    async with stores(tmp_path / "hub") as found:
        await write(found.journal, asks(4, 50))
        await found.history.caught_up(1)
    folder = Folder(tmp_path / "hub")
    await written(folder, [ask for ask in asks(5, 50) if not isinstance(ask[0], f.BalanceOpened)])
    folder.close()
    async with stores(tmp_path / "hub") as found:
        await check_against_journal(found)


async def test_a_hub_killed_at_any_moment_finds_its_history_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "FACTS_AT_ONCE", 20)
    async with stores(tmp_path / "hub") as found:
        await write(found.journal, asks(6, 200), waiting=5)
        for step in range(6):
            await found.history.caught_up(min(found.history.number + 1, found.journal.durable))
            (tmp_path / f"killed-{step}").mkdir()
            for path in (found.folder.journal, found.folder.office):
                shutil.copy(path, tmp_path / f"killed-{step}" / path.name)
                if log_of(path).exists():
                    shutil.copy(log_of(path), tmp_path / f"killed-{step}" / log_of(path).name)
    for step in range(6):
        async with stores(tmp_path / f"killed-{step}") as found:
            await check_against_journal(found)


async def test_rebuilding_changes_nothing(tmp_path: Path) -> None:
    async with stores(tmp_path / "hub") as found:
        await write(found.journal, asks(7, 200), waiting=1)
        await found.history.caught_up(found.journal.durable)
        before = await tables_of(found)
        assert Counter({name: len(rows) for name, rows in before.items()})["history_entry"] > 25
        await found.history.rebuild()
        assert await tables_of(found) == before


async def test_a_history_that_tells_another_story_is_built_again(tmp_path: Path) -> None:
    async with stores(tmp_path / "hub") as found:
        await write(found.journal, asks(8, 100))
        await found.history.caught_up(found.journal.durable)
        before = await tables_of(found)
    with closing(sqlite3.connect(tmp_path / "hub" / "office.db", isolation_level=None)) as other:
        other.execute("UPDATE history_head SET hash = zeroblob(32)")
        other.execute("UPDATE history_entry SET cents = cents + 1")
    async with stores(tmp_path / "hub") as found:
        assert await tables_of(found) == before


async def history_only(path: Path, made: Iterable[f.Facts]) -> None:
    async with stores(path) as found:
        await write(found.journal, made, waiting=1)
        await found.history.caught_up(found.journal.durable)


async def test_a_journal_that_lost_its_end_stops_the_start_and_names_the_row(tmp_path: Path) -> None:
    await history_only(tmp_path / "hub", list(asks(9, 10)))
    backup = (tmp_path / "hub" / "journal.db").read_bytes()
    await history_only(tmp_path / "hub", [(fact,) for ask in asks(10, 10) for fact in ask if isinstance(fact, f.ScanTaken)])
    (tmp_path / "hub" / "journal.db").write_bytes(backup)
    facts = sum(len(ask) for ask in asks(9, 10))
    with pytest.raises(DamageError, match=f"row {facts + 1} and what follows are lost: restore"):
        async with stores(tmp_path / "hub"):
            pass


async def test_files_of_two_hubs_are_not_put_together(tmp_path: Path) -> None:
    for name in ("ours", "theirs"):
        await history_only(tmp_path / name, list(asks(11, 10)))
    shutil.copy(tmp_path / "theirs" / "journal.db", tmp_path / "ours" / "journal.db")
    with pytest.raises(DamageError, match="belongs to another journal"):
        async with stores(tmp_path / "ours"):
            pass


async def test_the_last_moves_of_wallets_come_newest_first_and_end_at_the_balance(tmp_path: Path) -> None:
    async with stores(tmp_path / "hub") as found:
        await write(found.journal, asks(3, 200))
        await found.history.caught_up(found.journal.durable)
        books = replay(await all_facts(found.journal))
        known = _charged(await all_facts(found.journal))
        moves = await found.history.moves_of(known, 10_000)
        assert {wallet: sum(cents for _, cents in moves[wallet]) for wallet in known} == {
            wallet: books.balance_cents(wallet_account(wallet)) for wallet in known
        }
        few = await found.history.moves_of(known, 3)
        assert any(few.values())
        assert all(few[wallet] == moves[wallet][:3] for wallet in known)


async def test_statements_find_in_the_history_what_the_whole_journal_has_of_their_wallets(tmp_path: Path) -> None:
    async with stores(tmp_path / "hub") as found:
        await write(found.journal, asks(4, 300))
        await found.history.caught_up(found.journal.durable)
        owners = _charged(await all_facts(found.journal))
        for known in (frozenset(owners[:1]), frozenset(owners)):
            told = await found.history.told_of(known)
            assert told == [fact async for commit in found.journal.read() for fact in concerning(commit.facts, known)]
            assert {type(fact) for fact in told} >= {f.Charged, f.BalanceOpened}


async def test_runs_that_were_done_come_newest_first_by_site(tmp_path: Path) -> None:
    runs = [f.SettlementDone(9000 + nth, 1 + nth % 2, 20, 20250106 + nth, nth, nth * 100, (), nth) for nth in range(5)]
    async with stores(tmp_path / "hub") as found:
        await write(found.journal, [(run,) for run in runs])
        await found.history.caught_up(found.journal.durable)
        assert await found.history.settlements([1], 2) == [runs[4], runs[2]]
        assert await found.history.settlements([2], 9) == [runs[3], runs[1]]


def _charged(facts: Iterable[f.Fact]) -> tuple[int, ...]:
    """The wallets that something was charged to."""
    return tuple(sorted({fact.wallet for fact in facts if isinstance(fact, f.Charged)}))
