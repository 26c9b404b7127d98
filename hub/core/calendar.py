"""Days and times of a school: local days, windows of the week, and when a scan really happened.

Instants are Unix milliseconds (`_ms`, UTC); local time exists only inside these functions, with the site's zone.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MINUTE_MS = 60_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of the week, local: `weekdays` 0 = Monday; minutes after midnight, end not included."""

    weekdays: frozenset[int]
    start_min: int
    end_min: int


def at(instant_ms: int, zone: ZoneInfo) -> datetime:
    """The instant as an aware local time."""
    return datetime.fromtimestamp(instant_ms // 1000, UTC).replace(microsecond=instant_ms % 1000 * 1000).astimezone(zone)


def day_of(instant_ms: int, zone: ZoneInfo) -> date:
    """The school's calendar day of an instant."""
    return at(instant_ms, zone).date()


def instant_ms(day: date, minute: int, zone: ZoneInfo) -> int:
    """The instant of a local wall-clock minute; where the clock jumps, the first instant with that reading or after it."""
    return int(datetime.combine(day + timedelta(days=minute // 1440), time(minute % 1440 // 60, minute % 60), zone).timestamp()) * 1000


def window_of(windows: tuple[Window, ...], moment_ms: int, zone: ZoneInfo, margin_min: int = 0) -> tuple[int, int] | None:
    """Start and end (ms) of the window that holds this instant, give or take a margin; the nearest one where two do."""
    local = at(moment_ms, zone)
    found = [
        (instant_ms(local.date(), window.start_min, zone), instant_ms(local.date(), window.end_min, zone))
        for window in windows
        if local.weekday() in window.weekdays
    ]
    margin_ms = margin_min * MINUTE_MS
    near = [span for span in found if span[0] - margin_ms <= moment_ms < span[1] + margin_ms]
    return min(near, key=lambda span: max(span[0] - moment_ms, moment_ms - span[1], 0), default=None)


def happened(
    *, same_boot: bool, age_ms: int, arrived_ms: int, wall_ms: int, wall_err_ms: int, transit_err_ms: int = 200
) -> tuple[int, int]:
    """When a scan happened, and how far off that may be, both in ms (design.md, Time).

    Same boot as the message's sender: the arrival minus the scan's age on the device's own monotonic clock.
    An earlier boot: the wall clock the device believed, with its error. Never later than the arrival.
    """
    if same_boot and age_ms >= 0:
        return arrived_ms - age_ms, transit_err_ms
    return min(wall_ms, arrived_ms), wall_err_ms
