"""Times are honest: each says where it is from, and by how much it may be wrong."""

import time
from pathlib import Path

import msgspec
import pytest

from edge.clock import (
    OLDEST_MS,
    RTC_ERR_MS,
    SAVED_ERR_MS,
    TRUST_MS,
    UNKNOWN_ERR_MS,
    ClockPaths,
    ClockReader,
    KernelClock,
    kernel_clock,
    mono_ms,
    wall_ms,
)
from proto.messages import ClockQuality, Count, Random64

NOW_MS = 1_790_000_000_000
LAST_WEEK_MS = NOW_MS - 7 * 86_400_000
UNSET_MS = 3_600_000
UNSYNCHRONISED = KernelClock(synchronised=False, maxerror_us=16_000_000)


def reader(
    tmp_path: Path, *, wall: int, saved: int = 0, kernel: KernelClock = UNSYNCHRONISED, rtc: str | None = None, synced: bool = False
) -> ClockReader:
    paths = ClockPaths(tmp_path / "boot_id", tmp_path / "synchronized", tmp_path / "hctosys")
    paths.boot_id.write_text("00112233-4455-6677-8899-aabbccddeeff\n")
    if rtc is not None:
        paths.set_from_rtc.write_text(rtc)
    if synced:
        paths.synchronised.touch()
    return ClockReader(saved, paths, lambda: wall, lambda: kernel)


@pytest.mark.parametrize(
    ("what", "given", "quality", "wall", "err_ms"),
    [
        ("set by NTP", {"wall": NOW_MS, "kernel": KernelClock(True, 1_500_001)}, ClockQuality.NTP, NOW_MS, 1501),
        ("set by NTP hours ago", {"wall": NOW_MS, "synced": True}, ClockQuality.NTP, NOW_MS, 16_000),
        ("battery clock", {"wall": NOW_MS, "rtc": "1\n"}, ClockQuality.RTC, NOW_MS, RTC_ERR_MS),
        ("battery clock that was not used", {"wall": NOW_MS, "rtc": "0\n"}, ClockQuality.NONE, NOW_MS, UNKNOWN_ERR_MS),
        ("battery is empty", {"wall": UNSET_MS, "rtc": "1\n"}, ClockQuality.NONE, UNSET_MS, UNKNOWN_ERR_MS),
        ("battery clock stood still", {"wall": LAST_WEEK_MS, "rtc": "1\n", "saved": NOW_MS}, ClockQuality.SAVED, NOW_MS, SAVED_ERR_MS),
        ("clock was saved", {"wall": NOW_MS, "saved": LAST_WEEK_MS}, ClockQuality.SAVED, NOW_MS, SAVED_ERR_MS),
        ("clock is behind what was saved", {"wall": UNSET_MS, "saved": NOW_MS}, ClockQuality.SAVED, NOW_MS, SAVED_ERR_MS),
        ("nobody knows", {"wall": UNSET_MS}, ClockQuality.NONE, UNSET_MS, UNKNOWN_ERR_MS),
        ("before 1970", {"wall": -5}, ClockQuality.NONE, 0, UNKNOWN_ERR_MS),
    ],
)
def test_a_time_says_where_it_is_from(
    tmp_path: Path, what: str, given: dict[str, object], quality: ClockQuality, wall: int, err_ms: int
) -> None:
    clock = reader(tmp_path, **given).now()  # type: ignore[arg-type]
    assert (clock.quality, clock.err_ms) == (quality, err_ms), what
    assert 0 <= clock.wall_ms - wall < 5000, what
    assert clock.boot == "0011223344556677"


def test_saved_time_goes_on_while_the_clock_is_not_set(tmp_path: Path) -> None:
    clock = reader(tmp_path, wall=UNSET_MS, saved=NOW_MS)
    clock._started_ms -= 60_000
    assert clock.now().wall_ms >= NOW_MS + 60_000


def test_a_clock_that_was_set_in_the_meantime_is_believed_within_a_minute(tmp_path: Path) -> None:
    clock = reader(tmp_path, wall=NOW_MS)
    assert clock.now().quality is ClockQuality.NONE
    (tmp_path / "synchronized").touch()
    assert clock.now().quality is ClockQuality.NONE, "not asked again for each tap"
    clock._asked_ms -= TRUST_MS
    assert clock.now().quality is ClockQuality.NTP


def test_this_machine_has_a_boot_a_monotonic_and_a_wall_clock() -> None:
    clock = ClockReader()
    now = clock.now()
    assert msgspec.convert(now.boot, Random64)
    assert msgspec.convert(now.err_ms, Count) == now.err_ms
    assert now.boot == ClockReader().boot
    assert OLDEST_MS < NOW_MS
    assert now.wall_ms >= wall_ms() - 5000
    assert abs(clock.mono_ms() - time.clock_gettime(time.CLOCK_BOOTTIME) * 1000) < 5000
    assert mono_ms() <= mono_ms()


def test_the_kernels_own_word_is_read_at_the_right_place() -> None:
    """status and maxerror sit where linux/timex.h puts them: the kernel caps maxerror at 16 s, and then calls itself unsynchronised."""
    kernel = kernel_clock()
    assert 0 <= kernel.maxerror_us <= 16_000_000
    assert kernel.synchronised or kernel.maxerror_us >= 0
