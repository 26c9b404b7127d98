"""What is wrong with a tariff before it is saved: gaps, overlaps, negative amounts, periods of no minutes, brackets that are missing.

A tariff without a complaint has a price for every child, every kind of day and every day from its first version on.
"""

import enum
from collections.abc import Iterator
from datetime import date
from itertools import pairwise

from msgspec import Struct

from hub.core.formulas import MAX_BRACKET, Band, Bands, ByBracket, ByEffort, Fixed, Late, Line, Periods, Siblings, Unit
from hub.core.school import ProductKind, Programme, Rows, Scans, School, Tariff, TariffGroup, edited


class Wrong(enum.StrEnum):
    """`number` of the complaint is named where there is one."""

    NO_TARIFF = "no_tariff"
    ENDS = "ends"  # the last version ends, and nothing follows
    BACKWARDS = "backwards"  # a version, a band or an effort rate ends before it begins
    GAP = "gap"  # between versions
    OVERLAP = "overlap"
    NO_LINES = "no_lines"
    NOT_FOR_ALL = "not_for_all"  # the last line leaves somebody out
    NEVER = "never"  # a line before this one takes all it is for; number: that line
    NEGATIVE = "negative"
    NO_PERIOD = "no_period"  # a period of 0 minutes
    BRACKET = "bracket"  # number: the first one that is missing, or one too many
    LIMITS = "limits"  # of brackets: not nine, or not rising
    BAND_GAP = "band_gap"  # number: of the band that leaves it
    BAND_OVERLAP = "band_overlap"
    PERCENT = "percent"  # not 0 to 100, or none at all
    NEEDS_EXIT = "needs_exit"  # minutes are counted that nobody would count
    NO_MINUTES = "no_minutes"  # a product has no minutes
    NO_GROUP = "no_group"
    OUTSIDE_GROUP = "outside_group"  # an article, or a meal beside another site's: nothing keeps them below the maximum


class Complaint(Struct, frozen=True):
    """About a version of an item's tariff; `line` from 1, 0 = the version itself."""

    what: Wrong
    item: int
    from_day: date = date.min
    line: int = 0
    number: int = 0


def check_tariffs(school: School, rows: Rows) -> list[Complaint]:
    """Everything that would be wrong, once these rows are saved, with the tariffs they touch. Nothing is saved here."""
    after = edited(school, rows)
    touched = {row.item for row in rows if isinstance(row, Tariff)} | {row.id for row in rows if isinstance(row, Programme)}
    groups = [Complaint(Wrong.NEGATIVE, row.id) for row in rows if isinstance(row, TariffGroup) and row.max_cents < 0]
    new = (row for row in rows if isinstance(row, Tariff) and row.group and not _was_there(school, row))
    groups += [Complaint(Wrong.OUTSIDE_GROUP, row.item, row.from_day) for row in new if not _keeps_a_maximum(after, row)]
    return [*groups, *(found for item in sorted(touched) for found in _item(after, item))]


def _was_there(school: School, version: Tariff) -> bool:
    """Whether a version counted towards its group before: what has made prices only ends."""
    return any((one.id, one.group) == (version.id, version.group) for one in school.tariffs.get(version.item, ()))


def _keeps_a_maximum(school: School, version: Tariff) -> bool:
    """Whether a day of its group cannot cost more than the maximum: stays give way to a meal, of which there is one a day at a site.

    Articles are sold one by one, and nothing that was sold costs less afterwards.
    """
    product = school.products.get(version.item)
    if product is None or version.until_day == version.from_day:
        return True
    beside = (school.products.get(item) for item, each in school.tariffs.items() if any(one.group == version.group for one in each))
    return product.kind is ProductKind.MEAL and all(other is None or other.site == product.site for other in beside)


def _item(school: School, item: int) -> Iterator[Complaint]:
    versions = [one for one in school.tariffs.get(item, ()) if one.until_day != one.from_day]
    if not versions and item in school.programmes:
        yield Complaint(Wrong.NO_TARIFF, item)
    for version in versions:
        if version.until_day is not None and version.until_day < version.from_day:
            yield Complaint(Wrong.BACKWARDS, item, version.from_day)
        if version.group and version.group not in school.groups:
            yield Complaint(Wrong.NO_GROUP, item, version.from_day)
        for what, line, number in _lines(school, version):
            yield Complaint(what, item, version.from_day, line, number)
    for earlier, later in pairwise(versions):
        if earlier.until_day != later.from_day:
            gap = earlier.until_day is not None and earlier.until_day < later.from_day
            yield Complaint(Wrong.GAP if gap else Wrong.OVERLAP, item, later.from_day)
    if versions and versions[-1].until_day is not None:
        yield Complaint(Wrong.ENDS, item, versions[-1].from_day)


def _lines(school: School, tariff: Tariff) -> Iterator[tuple[Wrong, int, int]]:
    """What is wrong, in which line, and its number."""
    if not tariff.lines:
        yield Wrong.NO_LINES, 0, 0
        return
    last = tariff.lines[-1]
    if last.child or last.days:
        yield Wrong.NOT_FOR_ALL, len(tariff.lines), 0
    for place, line in enumerate(tariff.lines, 1):
        before = next((number for number, other in enumerate(tariff.lines[: place - 1], 1) if _takes_all(other, line)), 0)
        if before:
            yield Wrong.NEVER, place, before
        for what, number in (*_formula(line), *_place(school, tariff.item, line)):
            yield what, place, number


def _takes_all(line: Line, later: Line) -> bool:
    """Whether nothing is left for the later line."""
    days = not line.days or bool(later.days and set(later.days) <= set(line.days))
    return line.child in ("", later.child) and days


def _place(school: School, item: int, line: Line) -> Iterator[tuple[Wrong, int]]:
    """Whether minutes can be counted where this line is used."""
    counts = isinstance(line.formula, Periods | Bands) or line.late is not None
    programme = school.programmes.get(item)
    if counts and programme is None:
        yield Wrong.NO_MINUTES, 0
    elif counts and programme is not None and programme.scans is Scans.ENTRY:
        yield Wrong.NEEDS_EXIT, 0


def _formula(line: Line) -> Iterator[tuple[Wrong, int]]:
    formula = line.formula
    if line.max_cents < 0:
        yield Wrong.NEGATIVE, 0
    if isinstance(formula, Bands):
        yield from _bands(formula.bands)
    else:
        yield from _unit(formula.unit)
    if isinstance(formula, Periods):
        yield from _period(formula)
    if line.siblings is not None:
        yield from _siblings(line.siblings)
    if line.late is not None:
        yield from _late(line.late)


def _bands(bands: tuple[Band, ...]) -> Iterator[tuple[Wrong, int]]:
    if not bands:
        yield Wrong.NO_LINES, 0
    for band in bands:
        if not 0 <= band.start_min < band.end_min:
            yield Wrong.BACKWARDS, 0
        yield from _unit(band.unit)
        yield from _period(band)
    for number, (one, following) in enumerate(pairwise(bands), 1):
        if one.end_min != following.start_min:
            yield (Wrong.BAND_GAP if one.end_min < following.start_min else Wrong.BAND_OVERLAP), number


def _period(counted: Periods | Band) -> Iterator[tuple[Wrong, int]]:
    if counted.period_min < 1:
        yield Wrong.NO_PERIOD, 0
    if counted.tolerance_min < 0:
        yield Wrong.NEGATIVE, 0


def _unit(unit: Unit) -> Iterator[tuple[Wrong, int]]:
    match unit:
        case Fixed():
            amounts: tuple[int, ...] = (unit.tenths,)
        case ByBracket():
            amounts = (*unit.tenths, *unit.limits_cents)
            if len(unit.tenths) != MAX_BRACKET:
                yield Wrong.BRACKET, len(unit.tenths) + 1
            rising = all(one < following for one, following in pairwise(unit.limits_cents))
            if unit.limits_cents and not (rising and len(unit.limits_cents) == MAX_BRACKET - 1):
                yield Wrong.LIMITS, 0
        case ByEffort():
            amounts = (unit.rate_ppm, unit.least_cents, unit.most_cents)
            if unit.least_cents > unit.most_cents:
                yield Wrong.BACKWARDS, 0
    if min(amounts, default=0) < 0:
        yield Wrong.NEGATIVE, 0


def _siblings(siblings: Siblings) -> Iterator[tuple[Wrong, int]]:
    if not siblings.percents or not all(0 <= percent <= 100 for percent in siblings.percents):
        yield Wrong.PERCENT, 0


def _late(late: Late) -> Iterator[tuple[Wrong, int]]:
    if min(late.unit_cents, late.period_min, late.tolerance_min, late.after_min) < 0:
        yield Wrong.NEGATIVE, 0
