"""What a device answers alone: by its roster, never by money, and never a door (edge.md, 8.4)."""

from collections.abc import Mapping

from msgspec import Struct

from proto.messages import DeviceConfig, Light, RosterManifest, RosterRow, Use
from proto.roster import RIGHTS

SECOND_MEAL_MS = 4 * 3_600_000
"""A second tap at a till within this time makes staff look: a meal is handed out once."""


class Roster(Struct, frozen=True):
    """The badges this device may accept, by keyed hash."""

    manifest: RosterManifest
    rows: Mapping[str, tuple[RosterRow, ...]]


class Question(Struct, frozen=True):
    """A badge at a reader, by the device's own clock, which may be off by `err_ms`.

    `since_yes_ms`: how long ago this till last answered yes to it alone.
    """

    badge: str
    use: Use
    wall_ms: int
    err_ms: int
    since_yes_ms: int | None = None


def roster(manifest: RosterManifest, rows: tuple[RosterRow, ...]) -> Roster:
    """Rows by badge."""
    found: dict[str, tuple[RosterRow, ...]] = {}
    for row in rows:
        found[row.badge] = (*found.get(row.badge, ()), row)
    return Roster(manifest, found)


def light(config: DeviceConfig, known: Roster | None, question: Question) -> Light:
    """A known badge with the right is accepted; a stale roster or a second meal makes staff look; all else asks an adult."""
    rows = known.rows.get(question.badge, ()) if known else ()
    if known is None or not any(_good(row, question) for row in rows):
        return Light.ADULT
    again = question.use is Use.TILL and question.since_yes_ms is not None and question.since_yes_ms < SECOND_MEAL_MS
    return Light.LOOK if again or _stale(config, known, question) else Light.ACCEPTED


def _good(row: RosterRow, question: Question) -> bool:
    """The right is there, and the row may be valid now: a clock that is off refuses nobody, the hub judges afterwards."""
    if RIGHTS[question.use] not in row.rights:
        return False
    earliest_ms, latest_ms = question.wall_ms - question.err_ms, question.wall_ms + question.err_ms
    return row.from_ms <= latest_ms and (row.until_ms == 0 or earliest_ms < row.until_ms)


def _stale(config: DeviceConfig, known: Roster, question: Question) -> bool:
    return question.wall_ms - question.err_ms - known.manifest.issued_ms > config.roster_max_age_s * 1000
