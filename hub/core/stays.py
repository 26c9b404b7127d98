"""Stays: what the scans of a pupil at one programme mean, worked out anew from all of them whenever one more is known.

The scans themselves never change. They are read in the order in which they happened, so it does not matter in which order they
arrived: a scan that comes ten days late finds the place it always had (requirements P1, P3). No prices here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

from msgspec import Struct

from hub.core.calendar import DAY_MS, MINUTE_MS, Span, day_coded, day_of, spans_around, window_of
from hub.core.codes import Code
from hub.core.days import as_run_on, day_kind
from hub.core.school import Programme, Scans, School, Site
from hub.core.sheets import Mark
from hub.core.timetable import Attendance
from proto.messages import Direction, Use

RETAP_MS = 120_000
"""On a toggle reader a second tap within this time changes nothing (requirements, section 5; complaint C16)."""
REACH_MS = 90 * MINUTE_MS
"""A pupil may come this long before the hours, or leave this long after them, and still belong to them."""
_ENTRY, _EXIT = Scans.ENTRY, Scans.EXIT
_IN, _OUT, _TOGGLE, _CAME, _LEFT = Direction.IN, Direction.OUT, Direction.TOGGLE, Code.IN, Code.OUT
"""Members of an enum are looked up slowly, and these are for every tap."""


class Visit(Struct, frozen=True, gc=False):
    """From an entry to an exit. `id` of the mark it began with (or ended with, where entries are not scanned).

    `until_ms` 0: nobody has seen the exit. `lit`: a yes was seen at both ends.
    """

    id: int
    from_ms: int
    until_ms: int
    span: Span
    """The hours it belongs to."""
    lit: bool = True


class Reading(Struct, frozen=True):
    """What marks mean: the visits they make, in order, and what each mark did, by its id."""

    visits: tuple[Visit, ...]
    present: bool
    """Whether the last one is not over, as far as scans tell."""
    codes: dict[int, Code]
    """IN, OUT, ALREADY_IN, ALREADY_OUT, NO_ENTRY or CLOSED."""


def read(programme: Programme, zone: ZoneInfo, day: int, marks: Iterable[Mark]) -> Reading:
    """Read all marks of a pupil at a programme on one day (`care_day`, as YYYYMMDD), in whatever order they are given."""
    walk = _Walk(programme, spans_around(programme.windows, day_coded(day), zone))
    for mark in sorted([mark for mark in marks if not mark.void]):
        walk.codes[mark.id] = walk.step(mark)
    return Reading((*walk.ended, walk.present) if walk.present else tuple(walk.ended), walk.present is not None, walk.codes)


def programme_at(school: School, site: Site, use: Use, moment_ms: int, pupil: int) -> Programme | None:
    """The programme that a scan at a reader of this use is about, on a day its calendar allows.

    Of those with hours around the scan one where the pupil is expected, and of these the nearest.
    """
    programmes = school.by_use.get((site.id, use), ())
    if len(programmes) == 1 and not programmes[0].days and school.changed_day is None:
        return programmes[0]
    found: Programme | None = None
    least = (False, False, 0)
    for programme in programmes:
        away_ms, day = _nearest(programme, site.zone, moment_ms)
        then = as_run_on(school, day).programmes[programme.id]
        if then.days and day_kind(school, site.id, day) not in then.days:
            continue
        stranger = then.attendance is not Attendance.OPEN and not school.is_planned(pupil, programme.id, day)
        away = (away_ms >= DAY_MS, stranger, away_ms)
        if found is None or away < least:
            found, least = programme, away
    return found


def care_day(programme: Programme, zone: ZoneInfo, moment_ms: int) -> date:
    """The day whose hours are nearest to an instant: a night that began yesterday is yesterday's."""
    return _nearest(programme, zone, moment_ms)[1]


def hours_end_ms(programme: Programme, zone: ZoneInfo, from_ms: int) -> int:
    """When the hours are over in which, or shortly before which, a stay began; its own beginning where there are none."""
    span = window_of(programme.windows, from_ms, zone, REACH_MS // MINUTE_MS)
    return span[1] if span else from_ms


def _nearest(programme: Programme, zone: ZoneInfo, moment_ms: int) -> tuple[int, date]:
    """How far the nearest hours are (0 within them; a day where there are none within reach), and their day."""
    today = day_of(moment_ms, zone)
    least_ms, near_ms = REACH_MS, moment_ms
    for start_ms, end_ms in spans_around(programme.windows, today, zone):
        away_ms = start_ms - moment_ms if moment_ms < start_ms else moment_ms - end_ms  # below zero within the hours
        if away_ms <= least_ms:
            least_ms, near_ms = max(away_ms, 0), start_ms
    return (DAY_MS, today) if near_ms == moment_ms else (least_ms, day_of(near_ms, zone))


@dataclass(slots=True)
class _Walk:
    """Where a pupil is after the marks read so far."""

    programme: Programme
    spans: tuple[Span, ...]
    ended: list[Visit] = field(default_factory=list)
    present: Visit | None = None
    moved_ms: int | None = None
    """When it last came or went."""
    codes: dict[int, Code] = field(default_factory=dict)

    def step(self, mark: Mark) -> Code:
        toggle = mark.direction is _TOGGLE
        if not self._lapsed(mark) and toggle and self._just_moved(mark):
            return Code.ALREADY_IN if self.present else Code.ALREADY_OUT
        if mark.direction is _IN or (toggle and self.present is None):
            return self._arrive(mark)
        return self._leave(mark)

    def _arrive(self, mark: Mark) -> Code:
        if self.present is not None:
            return Code.ALREADY_IN
        span = self._span(mark, REACH_MS, 0)
        if span is None:
            return Code.ALREADY_OUT if mark.direction is _TOGGLE and self._has_left(mark) else Code.CLOSED
        self.present, self.moved_ms = Visit(mark.id, mark.at_ms, 0, span, mark.lit), mark.at_ms
        return _CAME

    def _leave(self, mark: Mark) -> Code:
        stay = self.present or self._not_scanned(mark)
        if stay is None:
            return Code.ALREADY_OUT if self._has_left(mark) else Code.NO_ENTRY
        optional = self.programme.scans is _ENTRY
        until_ms = min(mark.at_ms, stay.span[1]) if optional else mark.at_ms
        self.ended.append(Visit(stay.id, stay.from_ms, until_ms, stay.span, stay.lit and (mark.lit or optional)))
        self.present, self.moved_ms = None, mark.at_ms
        return _LEFT

    def _not_scanned(self, mark: Mark) -> Visit | None:
        """Where only exits are scanned, a stay began with its hours, or when the pupil had last been seen leaving."""
        span = self._span(mark, 0, REACH_MS) if self.programme.scans is _EXIT else None
        if span is None or self._has_left(mark):
            return None
        return Visit(mark.id, max(min(span[0], mark.at_ms), self.moved_ms or 0), 0, span)

    def _lapsed(self, mark: Mark) -> bool:
        """A stay of earlier hours that nobody ended is ended first, so that an arrival is not taken for its departure.

        It is of earlier hours when its own are long over, or when this mark, not of an exit reader, is nearer to the next ones.
        """
        stay = self.present
        if stay is None:
            return False
        over_ms = mark.at_ms - stay.span[1]
        coming = self._span(mark, REACH_MS, 0) if mark.direction is not _OUT else None
        if over_ms < REACH_MS and not (over_ms >= 0 and coming is not None and coming[0] - mark.at_ms < over_ms):
            return False
        self.ended.append(stay)
        self.present, self.moved_ms = None, max(stay.span[1], stay.from_ms)
        return True

    def _just_moved(self, mark: Mark) -> bool:
        return self.moved_ms is not None and mark.at_ms - self.moved_ms < RETAP_MS

    def _has_left(self, mark: Mark) -> bool:
        """Whether an exit is no news: just seen, or of hours that end by themselves and the pupil was there today."""
        return self._just_moved(mark) or (self.programme.scans is _ENTRY and self.moved_ms is not None)

    def _span(self, mark: Mark, early_ms: int, late_ms: int) -> Span | None:
        """The hours that hold a mark, or begin or ended within so much of it."""
        for span in self.spans:
            if span[0] - early_ms <= mark.at_ms < span[1] + late_ms:
                return span
        return None
