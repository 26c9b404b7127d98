"""Which badges devices may accept alone."""

from hub.core.badges import block
from hub.core.facts import Refusal
from hub.core.school import BadgeState, edited
from hub.orders import rows
from tests.schools import badge, moment, small_school

NOW_MS = moment("07:30")


def test_every_badge_of_a_pupil_is_on_the_roster() -> None:
    assert {row.badge for row in rows(small_school(), NOW_MS)} == {badge(name) for name in ("Léa", "Tom", "Noé", "Mia")}


def test_a_blocked_badge_is_no_longer_on_the_roster_whatever_a_devices_clock_says() -> None:
    """A device whose clock nobody trusts does not look at the days of a row: it would accept a badge that was blocked."""
    school = small_school()
    blocked = block(school, badge("Léa"), BadgeState.BLOCKED, NOW_MS, 99)
    assert not isinstance(blocked, Refusal)
    assert badge("Léa") not in {row.badge for row in rows(edited(school, blocked), NOW_MS)}
