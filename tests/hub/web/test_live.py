"""The last taps of the board, whoever was quicker: the devices or the page."""

from hub.web.live import Live
from tests.schools import Day, small_school


def test_a_tap_of_a_device_that_was_quicker_than_the_page_stands_once() -> None:
    day = Day(small_school())
    before, during = day.tap("Léa", "care-gate", "16:00"), day.tap("Léa", "care-gate", "17:00")
    live = Live("start")
    live.heard(1, (during,))
    live.remember([during, before])
    assert list(live.taps) == [during, before]
