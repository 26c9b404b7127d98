"""Double entry: what leaves one account arrives in another."""

from hypothesis import given
from hypothesis import strategies as st

from hub.core.facts import Entry
from hub.core.ledger import balanced, move, opening_account, sales_account, wallet_account

cents = st.integers(-(10**12), 10**12)


@given(cents)
def test_a_move_sums_to_zero_and_leaves_the_source(amount: int) -> None:
    entries = move("wallet:1", "sales:1:2", amount)
    assert balanced(entries)
    assert {entry.account: entry.cents for entry in entries} == ({"wallet:1": -amount, "sales:1:2": amount} if amount else {})


@given(st.lists(st.builds(Entry, account=st.sampled_from("ab"), cents=cents)))
def test_entries_are_balanced_when_they_sum_to_zero_and_only_then(entries: list[Entry]) -> None:
    rest = sum(entry.cents for entry in entries)
    assert balanced((*entries, Entry("c", -rest)))
    assert not balanced((*entries, Entry("c", 1 - rest)))


def test_no_two_accounts_share_a_name() -> None:
    names = [f(number) for f in (wallet_account, opening_account) for number in (1, 11)]
    names += [sales_account(site, item) for site, item in ((1, 11), (11, 1), (1, 1), (11, 11))]
    assert len(set(names)) == len(names)
