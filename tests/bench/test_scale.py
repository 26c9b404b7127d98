"""The made-up commune does what its table says, and the arithmetic of what grows with the years. No figure is asserted."""

import itertools
from collections import Counter

from hub.core.books import Books
from hub.core.facts import Facts
from hub.core.school import WalletScope
from tests.bench import commune, scale
from tests.bench.commune import FIRST_DAY, Day, school_days
from tests.bench.scale import Replay, Round, Scale, Written


def lived(days: int) -> tuple[Counter[str], list[Facts], Books]:
    """So many first days of the commune: how often each rule was asked, all facts, and the books."""
    asked, facts, books = Counter[str](), [], Books()
    for act in itertools.chain(commune.brought(), *(Day(books, day).acts() for day in itertools.islice(school_days(FIRST_DAY), days))):
        asked[act.rule] += 1
        facts.append(scale.booked(books, act))
    return asked, facts, books


def test_two_days_of_the_commune_ask_for_its_rules_and_leave_balanced_books() -> None:
    asked, facts, books = lived(2)
    assert asked.keys() >= {"care: in", "care: out", "study", "meal ordered", "meal handed out", "transfer"}
    assert books.total_cents() == 0
    assert {type(fact).__name__ for each in facts for fact in each} >= {"Charged", "MealReserved", "StayClosed", "CashPaidIn", "Cleared"}
    scopes = {site.wallet_scope for site in commune.school().sites.values()}
    assert scopes == {WalletScope.HOUSEHOLD, WalletScope.PUPIL}


def test_the_same_days_are_always_the_same_facts() -> None:
    assert lived(1)[1] == lived(1)[1]


def test_the_rule_that_grew_slower_is_found_and_one_seen_too_rarely_is_not_judged() -> None:
    few = {"sold": [10.0] * 30, "in": [20.0] * 30, "out": [5.0] * 3}
    many = {"sold": [10.0] * 30, "in": [26.0] * 30, "out": [500.0] * 3}
    replays = {size: [Replay(size, 1.0, 1.0, 0.5)] for size in (10, 99)}
    found = Scale([10, 99], Written(1, {"ScanTaken": 99}), replays, [Round([few, many], [2.0])] * 3)
    usual, worst = [row for row in scale.rows(found) if row.key == "T11"]
    assert (worst.value, worst.holds, "`in`" in worst.beside) == (1.3, False, True)
    assert (usual.value, usual.holds) == (2.6, False)
    assert [(row.value, row.holds) for row in scale.rows(found) if row.key == "R4"] == [(20.0, True), (26.0, True)]
