"""Structured communications: valid by somebody else's check, counted, never given twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.be import ogm_vcs

from hub.core.books import Books, next_reference, replay
from hub.core.facts import Fact, WalletOpened
from hub.core.references import COUNT, Family, number_of, printed, read_reference, reference
from tests.schools import Day, number

numbers = st.integers(1, COUNT - 1)


@pytest.mark.parametrize(
    ("family", "count", "written"),
    [
        (Family.WALLET, 1, "+++097/0000/00101+++"),  # the example of the requirements, section 5
        (Family.WALLET, 97, "+++097/0000/09797+++"),  # nothing remains: 97
        (Family.INVOICE, 12_345, "+++098/0012/34505+++"),
        (Family.REMINDER, 9_999_999, "+++099/9999/99933+++"),
    ],
)
def test_a_reference_is_written_as_banks_write_it(family: Family, count: int, written: str) -> None:
    assert printed(reference(family, count)) == written
    assert read_reference(written) == reference(family, count)


@given(st.sampled_from(Family), numbers)
def test_every_reference_passes_the_check_of_another_library_and_is_read_back(family: Family, count: int) -> None:
    made = reference(family, count)
    assert ogm_vcs.is_valid(printed(made))
    assert ogm_vcs.calc_check_digits(f"{made:012}"[:10]) == f"{made:012}"[10:]
    assert number_of(made) == count
    for written in (printed(made), f"{made:012}", ogm_vcs.format(f"{made:012}"), f" {printed(made)[:7]} {printed(made)[7:]}"):
        assert read_reference(written) == made


@given(st.sampled_from(Family), numbers, st.integers(0, 11), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(family: Family, count: int, place: int, more: int) -> None:
    digits = f"{reference(family, count):012}"
    wrong = f"{digits[:place]}{(int(digits[place]) + more) % 10}{digits[place + 1 :]}"
    assert read_reference(wrong) is None


@pytest.mark.parametrize(
    "text", ["", "097/0000/0010", "+++097/0000/00101", "097-0000-00101", "09700000010a", "٠٩٧٠٠٠٠٠٠١٠١", "097/0000/00100"]
)
def test_what_is_no_reference_is_not_read_as_one(text: str) -> None:
    assert read_reference(text) is None


@pytest.mark.parametrize("count", [0, -1, COUNT])
def test_a_family_has_ten_million_references_and_not_one_more(count: int) -> None:
    with pytest.raises(ValueError, match="reference"):
        reference(Family.WALLET, count)


def test_every_wallet_gets_its_own_reference_when_it_is_opened(day: Day) -> None:
    day.bring("Vanderzande", 20_00)
    day.tap("Noé", "meal-till", "12:00")
    day.tap("Mia", "parc-meal-till", "12:01")
    day.tap("Léa", "parc-meal-till", "12:02")
    opened = [fact for facts in day.facts for fact in facts if isinstance(fact, WalletOpened)]
    assert [printed(fact.reference) for fact in opened] == [printed(reference(Family.WALLET, count)) for count in (1, 2, 3, 4)]
    assert day.books.references == {fact.reference: fact.wallet for fact in opened}


def test_wallets_of_before_get_theirs_by_the_same_count_at_every_replay() -> None:
    old: list[Fact] = [WalletOpened(n, 100 + n, number("Tilleuls"), n, 0) for n in range(1, 4)]
    books = replay(old)
    assert [books.owners[101 + n].reference for n in range(3)] == [reference(Family.WALLET, count) for count in (1, 2, 3)]
    newer = WalletOpened(9, 900, number("Tilleuls"), 9, 0, reference=next_reference(books))
    assert replay([*old, newer]).owners[900].reference == reference(Family.WALLET, 4)


@given(st.lists(st.booleans(), max_size=30))
def test_old_and_new_wallets_in_any_order_never_share_a_reference(with_reference: list[bool]) -> None:
    books = Books()
    for n, given_one in enumerate(with_reference, 1):
        books.apply(WalletOpened(n, n, 1, n, 0, reference=next_reference(books) if given_one else 0))
    assert len(books.references) == len(with_reference)
    assert {number_of(each) for each in books.references} == set(range(1, len(with_reference) + 1))
