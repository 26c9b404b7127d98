"""The last taps of the board, whoever was quicker: the devices or the page."""

from hub.web.live import LAST_HERE, LAST_TAPS, Live
from tests.schools import Day, small_school


def test_a_tap_of_a_device_that_was_quicker_than_the_page_stands_once() -> None:
    day = Day(small_school())
    before, during = day.tap("Léa", "care-gate", "16:00"), day.tap("Léa", "care-gate", "17:00")
    live = Live("start")
    live.heard((during,))
    live.remember([during, before])
    assert list(live.taps) == [during, before]


def test_a_full_board_of_taps_of_before_keeps_the_one_that_came_meanwhile() -> None:
    """Kills, seed 4: the hub came back under load, and the board never showed the tap that came while it was read."""
    day = Day(small_school())
    taps = [day.tap("Léa", "drink-till", f"{9 + nth // 30:02}:{nth % 30 * 2:02}") for nth in range(LAST_TAPS + 2)]
    live = Live("start")
    live.heard((taps[-1],))
    live.remember(reversed(taps[:-1]))
    assert list(live.taps) == list(reversed(taps))[:LAST_TAPS]


def test_the_taps_of_a_till_are_kept_whatever_a_rush_elsewhere_pushes_off_the_board() -> None:
    day = Day(small_school())
    live = Live("start")
    first = day.tap("Léa", "drink-till", "08:00")
    live.heard((first,))
    for nth in range(LAST_TAPS + LAST_HERE):
        live.heard((day.tap("Tom", "care-gate", f"{9 + nth // 30:02}:{nth % 30 * 2:02}"),))
    assert first not in live.taps
    assert live.taps_at(first.device, first.reader) == (first,)
    assert len(live.taps_at(live.taps[0].device, live.taps[0].reader)) == LAST_HERE
    assert live.taps_at("nowhere", "main") == ()
