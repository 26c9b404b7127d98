"""The sums of reports say what the books say, whatever happened and in however many pieces it was copied."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub import sums
from hub import tables as t
from hub.core import facts as f
from hub.core import till
from hub.core.books import Books, replay
from hub.core.codes import Reason
from hub.core.ledger import cash_account, imbalance_account, move, sales_account
from hub.core.reports import hours_of, quarter_of
from hub.core.till import Cashier, Goods
from hub.core.whys import Rule, Why
from hub.historycheck import compared
from hub.journal import Commit
from hub.reports import Reports
from tests.hub.test_history import Stores, stores
from tests.schools import Day, moment, number
from tests.stores import asks, write

TILLEULS = number("Tilleuls")


def commits(facts: Iterable[f.Fact]) -> tuple[Commit, ...]:
    """Each fact in a commit of its own."""
    return tuple(Commit(at, (fact,), b"") for at, fact in enumerate(facts, 1))


def totals(facts: Iterable[f.Fact], statement: object) -> list[sums.Values]:
    return [values for made, values in sums.of_facts(commits(facts)) if made is statement]


@given(st.integers(0, 10_000), st.integers(1, 120))
@settings(max_examples=20)
def test_what_services_earned_is_what_their_accounts_hold(seed: int, count: int) -> None:
    facts = [fact for ask in asks(seed, count) for fact in ask]
    books, earned = replay(facts), Counter[str]()
    for site, item, _, _, charged_cents, _, corrected_cents in totals(facts, sums.REVENUE):
        earned[sales_account(int(site or 0), int(item or 0))] += int(charged_cents or 0) + int(corrected_cents or 0)
    assert earned == {account: cents for account, cents in books.balances.items() if account.startswith("sales:")}


def test_a_run_of_three_charges_and_a_correction_by_hand() -> None:
    """07:10 a sale of 3,50; 07:14 a run posts 1,50 + 2,25 + 0,75 of care; 07:16 one of 2,25 is taken back."""
    at_ms, wallet = moment("07:10"), "wallet:5"
    sold = f.Charged(1, 11, 5, 9, 2, 1, 30, 350, at_ms, Why(Rule.PRICE), Reason.NONE, move(wallet, sales_account(1, 30), 350))
    run = f.ChargesPosted(2, 5, 9, 1, 20, (12, 13, 14), 450, at_ms + 240_000, move(wallet, sales_account(1, 20), 450))
    back = f.Reversed(3, 13, 5, 225, at_ms + 360_000, Reason.CORRECTED, move(sales_account(1, 20), wallet, 225))
    first = at_ms // 900_000
    assert sorted(totals((sold, run, back), sums.REVENUE)) == [
        (1, 20, first, 3, 450, 0, 0),
        (1, 20, first + 1, 0, 0, 1, -225),
        (1, 30, first, 1, 350, 0, 0),
    ]


Step = tuple[str, int]
STEPS = st.lists(st.tuples(st.sampled_from(("in", "sell", "back", "close", "open")), st.integers(1, 40_00)), max_size=25)


@given(STEPS)
@settings(max_examples=30)
def test_cash_desk_sessions_hold_what_the_books_say(steps: Sequence[Step]) -> None:
    day = Day()
    cashier = Cashier("till", 71, moment("08:00"))
    day.do(till.open_desk, cashier, 50_00)
    for kind, cents in steps:
        match kind:
            case "in":
                day.do(till.pay_in, cashier, number("Léa"), cents)
            case "sell":
                day.do(till.sell, cashier, number("Léa"), (Goods(number("sandwich"), 1),), 3_20)
            case "back" if day.books.till:
                day.do(till.undo, cashier, sorted(day.books.till)[cents % len(day.books.till)])
            case "close":
                day.do(till.close_desk, cashier, cents)
            case "open":
                day.do(till.open_desk, cashier, cents)
    facts = [fact for each in day.facts for fact in each]
    check_desks(facts, day.books)


def check_desks(facts: Sequence[f.Fact], books: Books) -> None:
    """Every session adds up; differences are the imbalance account's; what was paid in and not handed back reached wallets."""
    moved = {session: (int(paid or 0), int(back or 0)) for _, paid, back, session in totals(facts, sums.DESK_MOVED)}
    opened = {values[0]: int(values[-1] or 0) for values in totals(facts, sums.DESK_OPENED)}
    closed = {values[-1]: (int(values[2] or 0), int(values[3] or 0)) for values in totals(facts, sums.DESK_CLOSED)}
    for session, (expected_cents, _) in closed.items():
        paid_cents, back_cents = moved.get(session, (0, 0))
        assert opened[session] + paid_cents - back_cents == expected_cents
    assert sum(counted - expected for expected, counted in closed.values()) == books.balance_cents(imbalance_account(TILLEULS))
    live = [session for session in opened if session not in closed]
    drawer_cents = sum(opened[each] + moved.get(each, (0, 0))[0] - moved.get(each, (0, 0))[1] for each in live)
    if live:
        assert drawer_cents == -books.balance_cents(cash_account(TILLEULS, "till"))


def stay(ask: int, from_ms: int, until_ms: int, number: int = 7) -> f.StayClosed:
    return f.StayClosed(ask, number, 100, 1, 20, from_ms, until_ms)


async def presence_of(found: Stores) -> dict[int, tuple[int, int, int]]:
    """By quarter of an hour, what is not nothing."""
    await found.history.caught_up(found.journal.durable)
    async with found.register.reading() as connection:
        rows = (await connection.execute(select(t.history_presence))).all()
    return {row.quarter: (row.came, row.gone, row.ms) for row in rows if (row.came, row.gone, row.ms) != (0, 0, 0)}


async def attended(found: Stores) -> dict[int, set[int]]:
    """By hour, the pupils."""
    tellers = Reports(found.register)
    whose = {place: pupil for pupil, place in (await tellers.places()).items()}
    cells = await tellers.attended([20], (0, 10**9))
    return {hour: {whose[place] for place in range(bits.bit_length()) if bits >> place & 1} for hour, bits in cells if bits}


async def test_a_stay_counts_as_it_is_in_the_end_however_it_was_corrected(tmp_path: Path) -> None:
    came, left, later = moment("16:01"), moment("16:16"), moment("18:00")
    async with stores(tmp_path / "hub") as found:
        await write(found.journal, [(f.StayOpened(1, 7, 100, 1, 20, came),)])
        assert await presence_of(found) == {}, "who is there still is in the books"
        await write(found.journal, [(stay(2, came, left),)])
        assert await presence_of(found) == {quarter_of(came): (1, 0, 900_000), quarter_of(left): (0, 1, 0)}
        await write(found.journal, [(f.StayVoided(3, 7, 100, 1, 20, 20250106), stay(3, came, later))])
        assert await presence_of(found) == {quarter_of(came): (1, 0, later - came), quarter_of(later): (0, 1, 0)}
        assert await attended(found) == {hour: {100} for hour in hours_of(came, later)}
        await write(found.journal, [(stay(4, came, left, number=8),), (f.StayVoided(5, 7, 100, 1, 20, 20250106),)])
        assert await presence_of(found) == {quarter_of(came): (1, 0, 900_000), quarter_of(left): (0, 1, 0)}
        assert await attended(found) == {came // 3_600_000: {100}}
        complaints = (await compared(found.register, found.journal, replay([]))).complaints
        assert not complaints.first
        before = await presence_of(found)
        await found.history.rebuild()
        assert await presence_of(found) == before
