"""What a price is made of, as values: a unit price, how units are counted, what is taken off and what is put on.

A tariff (school.py) is lines of these, as the register keeps them; what they come to for one stay is worked out in tariffs.py, and
whether they make sense in complaints.py. `_tenths` are tenths of a cent; `_min` in a clock's place counts from the midnight the
stay's day began with, and may pass 1440.
"""

import enum

from msgspec import Struct

from hub.core.calendar import DayKind

MAX_BRACKET = 10
"""The highest of the brackets 1 to 10, and the one without a valid family file (requirement S65)."""


class Fixed(Struct, frozen=True, tag="fixed"):
    tenths: int


class ByBracket(Struct, frozen=True, tag="bracket"):
    """`tenths`: of bracket 1, 2, … 10. `limits_cents`: the highest QF of brackets 1 to 9, for files that state a QF only; may be empty."""

    tenths: tuple[int, ...]
    limits_cents: tuple[int, ...] = ()


class ByEffort(Struct, frozen=True, tag="effort"):
    """QF × rate, in whole cents, within bounds (requirements, section 5). `rate_ppm`: millionths, 0,12 % is 1200."""

    rate_ppm: int
    least_cents: int
    most_cents: int


Unit = Fixed | ByBracket | ByEffort
"""What one unit costs."""


class Session(Struct, frozen=True, tag="session"):
    """One unit, however long it lasts."""

    unit: Unit


class Periods(Struct, frozen=True, tag="periods"):
    """A unit for each started period; a rest within the tolerance starts none."""

    unit: Unit
    period_min: int
    tolerance_min: int = 0


class Band(Struct, frozen=True):
    """Hours of the clock with a price of their own, per started period of the minutes spent in them; end not included."""

    start_min: int
    end_min: int
    unit: Unit
    period_min: int
    tolerance_min: int = 0


class Bands(Struct, frozen=True, tag="bands"):
    """Bands that follow each other without a gap. What lies before the first and after the last is free."""

    bands: tuple[Band, ...]


Formula = Session | Periods | Bands


class Kin(enum.StrEnum):
    """Who counts as a sibling."""

    PAYER = "payer"  # pupils for whom the same household pays that day
    HOUSEHOLD = "household"  # pupils of the same household, whoever pays


class Siblings(Struct, frozen=True):
    """What is taken off by rank: percents of the first, the second, … child; the last one for all who follow.

    Rank = 1 + number of older siblings: of all, or of those `present` that day (requirements, section 5).
    """

    percents: tuple[int, ...]
    by: Kin = Kin.PAYER
    present: bool = False


class Late(Struct, frozen=True):
    """A supplement for being fetched after an hour: per started period, or once where `period_min` is 0."""

    after_min: int
    unit_cents: int
    period_min: int = 0
    tolerance_min: int = 0


class Line(Struct, frozen=True):
    """One line of a tariff. `child`: the child type it is for, `days`: the kinds of day; empty = all. The first line that fits counts.

    `max_cents` caps a stay before the supplement, 0 = no cap.
    """

    formula: Formula
    child: str = ""
    days: tuple[DayKind, ...] = ()
    max_cents: int = 0
    siblings: Siblings | None = None
    late: Late | None = None
