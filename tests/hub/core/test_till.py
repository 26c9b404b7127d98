"""The till: a tap identifies, with a light that tells nothing about money; sales are the cashier's form (test_cash.py)."""

import pytest

from hub.core.codes import Code, Reason
from hub.core.facts import EntrancePassed, ScanTaken
from proto.messages import Light, Shown
from tests.schools import Day, number


@pytest.mark.parametrize("cents", [100_00, 0, -100_00])
@pytest.mark.parametrize("reader", ["sandwich-till", "drink-till", "empty-till"])
def test_a_tap_at_the_till_identifies_with_the_same_light_whatever_the_balance_and_sells_nothing(day: Day, reader: str, cents: int) -> None:
    day.bring("Vanderzande", cents)
    taken = day.tap("Léa", reader, "12:00")
    assert (taken.code, taken.light, taken.pupil) == (Code.SEEN, Light.ACCEPTED, number("Léa"))
    assert day.last == (taken,)
    assert day.balance_cents("Vanderzande") == cents


def test_what_a_device_lit_offline_at_a_till_sells_nothing_either(day: Day) -> None:
    assert day.tap("Léa", "sandwich-till", "12:00", shown=Light.ACCEPTED).code is Code.SEEN
    assert day.balance_cents("Vanderzande") == 0
    assert day.questions() == []


def test_what_a_device_refused_is_not_sold_and_staff_are_told(day: Day) -> None:
    day.bring("Vanderzande", 10_00)
    taken = day.tap("Léa", "sandwich-till", "12:00", shown=Light.ADULT)
    assert (taken.code, day.balance_cents("Vanderzande")) == (Code.SEEN, 10_00)
    assert [question.reason for question in day.questions()] == [Reason.NOT_LIT]


def test_a_shortage_that_comes_back_from_an_archive_does_not_become_a_sale(day: Day) -> None:
    """A hub restored from a backup gets its answered scans again; meanwhile the family may have paid in."""
    day.bring("Vanderzande", 10_00)
    shown = Shown(Light.ACCEPTED, Code.SHORTAGE, by_hub=True)
    taken = day.tap("Léa", "sandwich-till", "12:00", shown=shown)
    assert taken.light is Light.ACCEPTED
    assert day.balance_cents("Vanderzande") == 10_00


@pytest.mark.parametrize("reader", ["kiosk", "entrance"])
def test_kiosk_and_entrance_open_no_stay_and_sell_nothing(day: Day, reader: str) -> None:
    assert day.tap("Léa", reader, "16:00").code is Code.SEEN
    assert {type(fact) for fact in day.last} <= {ScanTaken, EntrancePassed}
    assert not day.books.inside
