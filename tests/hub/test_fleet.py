"""How a device is shown: what it said last, unless it should have been heard since."""

import pytest

from hub.fleet import DEPTH_EVERY_MS, DEPTHS_KEPT, SILENT_MS, Condition, Fleet, Seen, condition_of
from proto.messages import Health, Status

NOW_MS = 1_790_000_000_000


@pytest.mark.parametrize(
    ("status", "session", "heard_ms", "shown"),
    [
        (Status.LOST, "", 0, Condition.NEVER),
        (Status.ON, "1" * 16, NOW_MS, Condition.ON),
        (Status.ON, "1" * 16, NOW_MS - SILENT_MS, Condition.ON),
        (Status.ON, "1" * 16, NOW_MS - SILENT_MS - 1, Condition.SILENT),
        (Status.ON, "1" * 16, 0, Condition.SILENT),
        (Status.LOST, "1" * 16, NOW_MS - SILENT_MS - 1, Condition.LOST),
        (Status.LOST, "1" * 16, 0, Condition.LOST),
        (Status.OFF, "1" * 16, 0, Condition.OFF),
    ],
    ids=["unknown", "just heard", "two healths missed", "three missed", "on by the broker's memory only", "lost long ago", "will", "off"],
)
def test_a_device_is_shown_as_it_said_last_unless_it_fell_silent(status: Status, session: str, heard_ms: int, shown: Condition) -> None:
    assert condition_of(Seen(status=status, session=session, heard_ms=heard_ms), NOW_MS - SILENT_MS) is shown


def test_a_device_that_dies_over_and_over_does_not_fill_the_memory() -> None:
    seen = Fleet().of("door")
    for life in range(5_000):
        seen.superseded.append(f"{life:016x}")
    assert len(seen.superseded) == 1_000
    assert f"{4_999:016x}" in seen.superseded


def test_the_depth_of_an_outbox_is_kept_for_six_hours_in_steps_of_five_minutes() -> None:
    seen, step_ms = Seen(), DEPTH_EVERY_MS
    for at_ms, outbox in ((0, 3), (30_000, 12), (60_000, 5), (step_ms, 0), (4 * step_ms + 1, 7)):
        seen.healthy(Health(session="a" * 16, inc="b" * 16, outbox=outbox), at_ms)
    assert list(seen.depths) == [(0, 12), (step_ms, 0), (4 * step_ms, 7)]
    assert seen.health
    assert seen.health.outbox == 7
    for step in range(5, 200):
        seen.healthy(Health(session="a" * 16, inc="b" * 16), step * step_ms)
    assert seen.depths[0] == ((200 - DEPTHS_KEPT) * step_ms, 0)
