"""When pupils are expected: class hours, planned attendance, reasons of absence; how a programme is run, and what it is by law.

Rows of what is set up only; what follows from them is decided in stays.py, dues.py and mornings.py.
"""

import enum
from dataclasses import dataclass, field
from datetime import date

from msgspec import Struct

from hub.core.calendar import DayKind


class LegalClass(enum.StrEnum):
    """What a statement has to say of each line (requirement M17)."""

    MANDATORY = "mandatory"
    OPTIONAL = "optional"
    OUTSIDE_HOURS = "outside_hours"


class Attendance(enum.StrEnum):
    """Who is expected at a programme."""

    OPEN = "open"  # everybody
    REGISTERED = "registered"  # those who are planned; others are served, and staff are asked
    AUTO = "auto"  # those who are planned count as present without a scan


class Scans(enum.StrEnum):
    """Which scans make a stay of a programme (requirement S41)."""

    BOTH = "both"
    ENTRY = "entry"  # the stay ends with its hours
    EXIT = "exit"  # the stay began with its hours


class Formerly(Struct, frozen=True):
    """How a programme was run on the days before `until_day`, back to that of an older one: fields as those of a programme."""

    until_day: date
    scans: Scans
    attendance: Attendance
    within: int = 0
    days: frozenset[DayKind] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """A pupil is expected at a programme on these weekdays (0 = Monday) of [from_day, until_day), None = open, but on no `excluded` day."""

    id: int
    pupil: int
    programme: int
    from_day: date
    until_day: date | None = None
    weekdays: frozenset[int] = frozenset(range(7))
    excluded: frozenset[date] = field(default_factory=frozenset)

    def covers(self, day: date) -> bool:
        """Whether the pupil is expected on a day."""
        in_time = self.from_day <= day and (self.until_day is None or day < self.until_day)
        return in_time and day.weekday() in self.weekdays and day not in self.excluded


@dataclass(frozen=True, slots=True)
class AbsenceReason:
    """Why a planned pupil did not come, and what that costs: `percent` of what all planned hours of the day would have cost, or an amount.

    Raises ValueError for both at once, a percentage that is none, a negative amount.
    """

    id: int
    name: str
    percent: int = 0
    cents: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.percent <= 100 or self.cents < 0 or (self.percent and self.cents):
            raise ValueError(f"absence `{self.name}`: give a percentage from 0 to 100, or an amount, not both")


@dataclass(frozen=True, slots=True)
class ClassHours:
    """When class begins for a group (empty = every group of the site) on a weekday, in minutes after midnight.

    Later than `tolerance_min` after that is late; who has not come by `missed_min` is absent (requirements S46, S47). Class is over at
    `end_min`, 24 hours where nobody said. Valid on the days [from_day, until_day), None = open: a row that is valid on no day is withdrawn.
    """

    site: int
    group: str
    weekday: int
    start_min: int
    tolerance_min: int = 0
    missed_min: int = 12 * 60
    end_min: int = 24 * 60
    from_day: date = date.min
    until_day: date | None = None

    def covers(self, day: date) -> bool:
        """Whether class begins like this on a day."""
        return day.weekday() == self.weekday and self.from_day <= day and (self.until_day is None or day < self.until_day)

    def __post_init__(self) -> None:
        if not 0 <= self.start_min + self.tolerance_min < self.missed_min <= self.end_min <= 24 * 60:
            raise ValueError(f"class hours of `{self.group}`: class begins, then lateness, then absence, then class is over")
