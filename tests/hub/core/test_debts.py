"""Debts: since when a wallet is below zero, and how old that makes what it owes."""

from datetime import date
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.debts import Age, age_of, below_zero, by_age, debts, fell_ms
from tests.schools import Day, moment, number

TILLEULS = number("Tilleuls")


@pytest.mark.parametrize(
    ("moves", "since"),
    [
        ([(1, 5_00), (2, -6_00)], 2),
        ([(1, -1_00), (2, -2_00)], 1),  # deeper in debt is no new debt
        ([(1, -1_00), (2, 1_00), (3, -50)], 3),  # paid in between: the debt is young again
        ([(1, -5_00), (2, 4_99), (3, -1)], 1),  # not paid whole: it is as old as it was
        ([(1, 5_00), (2, -5_00)], 0),
        ([], 0),
    ],
)
def test_a_debt_is_as_old_as_the_last_time_the_wallet_fell_below_zero(moves: list[tuple[int, int]], since: int) -> None:
    assert fell_ms(sum(cents for _, cents in moves), reversed(moves)) == since


@given(st.lists(st.integers(-500, 500), max_size=40))
def test_walking_back_finds_what_walking_forward_finds(cents: list[int]) -> None:
    balances = list(accumulate(cents, initial=0))
    falls = [at for at in range(1, len(balances)) if balances[at - 1] >= 0 > balances[at]]
    since = falls[-1] if falls and balances[-1] < 0 else 0
    assert fell_ms(balances[-1], [(at, one) for at, one in enumerate(cents, 1)][::-1]) == since


def test_what_is_not_known_whole_has_no_beginning_yet() -> None:
    assert fell_ms(-3_00, [(9, -1_00), (8, -1_00)]) == 0


@pytest.mark.parametrize(
    ("days", "age"),
    [(0, Age.MONTH), (30, Age.MONTH), (31, Age.TWO_MONTHS), (60, Age.TWO_MONTHS), (61, Age.THREE_MONTHS), (91, Age.OLDER)],
)
def test_the_ages_meet_without_a_gap(days: int, age: Age) -> None:
    assert age_of(days) is age


def test_debts_count_local_days_and_add_up_by_age(day: Day) -> None:
    for family, cents in (("Vanderzande", -12_50), ("Quintelier", 3_00)):
        day.bring(family, cents)
    owing = day.books.wallets[TILLEULS, number("Vanderzande"), ""]  # type: ignore[index]
    assert below_zero(day.books, day.books.owners) == (owing,)
    found = debts(day.school, day.books, {owing: moment("23:59")}, moment("00:01", date(2025, 2, 6)))
    assert (found[owing].cents, found[owing].days, found[owing].age) == (12_50, 31, Age.TWO_MONTHS)
    assert by_age(found.values()) == {Age.MONTH: (0, 0), Age.TWO_MONTHS: (1, 12_50), Age.THREE_MONTHS: (0, 0), Age.OLDER: (0, 0)}
