"""How a device is shown: what it said last, unless it should have been heard since."""

import pytest

from hub.fleet import SILENT_MS, Condition, Fleet, Seen, condition_of
from proto.messages import Status

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
