"""The till: an article sold by the tap. Money is never shown to the pupil."""

import pytest

from hub.core.codes import Code, Reason
from hub.core.facts import Charged, EntrancePassed, ScanTaken
from proto.messages import Light, Shown
from tests.schools import Day


def test_an_article_is_sold_by_the_tap_and_each_later_tap_sells_another(day: Day) -> None:
    day.bring("Vanderzande", 10_00)
    assert [day.tap("Léa", "sandwich-till", clock).code for clock in ("12:00", "12:01")] == [Code.SOLD, Code.SOLD]
    assert day.balance_cents("Vanderzande") == 3_60


def test_a_pupil_sees_the_same_light_whether_the_family_has_money_or_not(day: Day) -> None:
    day.bring("Vanderzande", 3_20)
    sold, short = day.tap("Léa", "sandwich-till", "12:00"), day.tap("Tom", "sandwich-till", "12:01")
    assert (sold.code, short.code) == (Code.SOLD, Code.SHORTAGE)
    assert sold.light is short.light is Light.ACCEPTED
    assert day.balance_cents("Vanderzande") == 0
    assert day.questions() == []


def test_a_shortage_tapped_again_at_once_is_the_same_shortage(day: Day) -> None:
    assert [day.tap("Léa", "sandwich-till", clock).code for clock in ("12:00", "12:00:02")] == [Code.SHORTAGE, Code.SHORTAGE]


def test_a_drink_is_sold_down_to_the_floor_of_the_site(day: Day) -> None:
    day.bring("Vanderzande", -7_00)
    codes = [day.tap("Léa", "drink-till", clock).code for clock in ("12:00", "12:01", "12:02")]
    assert codes == [Code.SOLD, Code.SOLD, Code.SHORTAGE]
    assert day.balance_cents("Vanderzande") == -10_00


def test_what_a_device_handed_over_offline_is_booked_with_its_reason_each_time(day: Day) -> None:
    for clock in ("12:00", "12:01"):
        assert day.tap("Léa", "sandwich-till", clock, shown=Light.ACCEPTED).code is Code.SOLD
        assert [fact.reason for fact in day.last if isinstance(fact, Charged)] == [Reason.OFFLINE]
    assert day.balance_cents("Vanderzande") == -6_40


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


def test_a_till_without_an_article_only_recognises(day: Day) -> None:
    assert day.tap("Léa", "empty-till", "12:00").code is Code.SEEN
    assert len(day.last) == 1


@pytest.mark.parametrize("reader", ["kiosk", "entrance"])
def test_kiosk_and_entrance_open_no_stay_and_sell_nothing(day: Day, reader: str) -> None:
    assert day.tap("Léa", reader, "16:00").code is Code.SEEN
    assert {type(fact) for fact in day.last} <= {ScanTaken, EntrancePassed}
    assert not day.books.inside
