"""Who pays for a pupil on a day: exactly one household, by custody, then by override (requirement Q12). What it pays is not known here."""

from datetime import date

from hub.core.school import Custody, PayerOverride, Pupil, School, Weeks


def payer_on(school: School, pupil: Pupil, item: int, day: date) -> int:
    """The household that pays for this programme or product; `day`: the site's day of service, not the day of booking.

    A day that nobody covers is the pupil's own household's. Where two rows cover a day, an override for this very item goes before
    one for everything, then what began last.
    """
    for overrides in (item, 0):
        for row in reversed(school.overrides.get(pupil.id, ())):
            if row.item == overrides and _covers(row, day):
                return row.household
    for turn in reversed(school.custody.get(pupil.id, ())):
        if _covers(turn, day) and _has_turn(turn, day):
            return turn.household
    return pupil.household


def payers(school: School, pupil: Pupil) -> frozenset[int]:
    """Every household that pays for a pupil on some day."""
    turns, overrides = school.custody.get(pupil.id, ()), school.overrides.get(pupil.id, ())
    return frozenset((pupil.household, *(row.household for row in turns), *(row.household for row in overrides)))


def _covers(row: Custody | PayerOverride, day: date) -> bool:
    return row.from_day <= day and (row.until_day is None or day < row.until_day)


def _has_turn(row: Custody, day: date) -> bool:
    """Whether the weekday and the ISO week of a day are this household's."""
    is_even = day.isocalendar().week % 2 == 0
    return day.weekday() in row.weekdays and (row.weeks is Weeks.EVERY or is_even is (row.weeks is Weeks.EVEN))
