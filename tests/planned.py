"""Planned attendance in the made-up school: study within care, who is expected, brothers and sisters, and what time alone brings."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import msgspec

from hub.core.attendance import upkeep
from hub.core.codes import Reason
from hub.core.corrections import Staff
from hub.core.formulas import Siblings
from hub.core.money import write_cents
from hub.core.school import Programme, Pupil, TariffGroup
from hub.core.timetable import Attendance, Plan
from tests.schools import (
    CARE_LINE,
    MONDAY,
    SCHOOL_DAYS,
    STUDY_LINE,
    Day,
    hours,
    moment,
    number,
    tariff,
)

CARE, STUDY = "care", "study"
STAFF = Staff(1, Reason.CORRECTED, moment("20:00"))


def with_study(day: Day, *, long: bool = False) -> Day:
    """Study until 17:15 (`long`: until 18:00) goes on within care; Léa is planned for it, Tom is not."""
    study = replace(
        day.school.programmes[number("study")],
        within=number("care"),
        windows=(hours(SCHOOL_DAYS, "16:05", "18:00" if long else "17:15"),),
        attendance=Attendance.REGISTERED,
    )
    day.change((study, Plan(1, number("Léa"), study.id, date(2025, 1, 1), weekdays=SCHOOL_DAYS)))
    return day


def parts(day: Day, who: str = "Léa") -> list[tuple[str, str]]:
    """What stands charged to a pupil, by programme and amount, in the order it was made."""
    names = {number(name): name for name in ("care", "study", "parc-care")}
    stands = (one for one in day.books.charges.values() if one.pupil == number(who) and not one.reversed and one.cents)
    return [(names[one.item], write_cents(one.cents)[:-2]) for one in stands]


def total_cents(day: Day, who: str = "Léa") -> int:
    return sum(one.cents for one in day.books.charges.values() if one.pupil == number(who) and not one.reversed)


def stays_in_care(day: Day, clocks: Sequence[str], who: str = "Léa") -> None:
    for reader, clock in zip(("care-in", "care-out"), clocks, strict=True):
        day.tap(who, reader, clock)


def reasons(day: Day) -> list[Reason]:
    return [question.reason for question in day.questions()]


def expecting(day: Day, attendance: Attendance, programme: str = "study", **changes: object) -> None:
    """Léa is planned at a programme from the sixth of January on; Tom is not."""
    row: Programme = replace(day.school.programmes[number(programme)], attendance=attendance, **changes)  # type: ignore[arg-type]
    day.change((row, Plan(1, number("Léa"), row.id, MONDAY, weekdays=SCHOOL_DAYS, excluded=frozenset({date(2025, 1, 10)}))))


def minute_by_minute(day: Day, *clocks: str) -> None:
    """What time alone brings at these times; days are not closed."""
    for clock in clocks:
        while day.do(upkeep, moment(clock, day.date)):
            pass


def children(day: Day) -> tuple[Pupil, ...]:
    """Léa is the elder one."""
    lea, tom = day.school.pupils[number("Léa")], day.school.pupils[number("Tom")]
    return replace(lea, born=date(2014, 1, 1)), replace(tom, born=date(2017, 1, 1))


def cheaper_together(day: Day, most_cents: int = 0) -> Day:
    """Half price for the second child that is there on a day; with `most_cents`, a day of care and study costs that at most."""
    half = Siblings((0, 50), present=True)
    lines = {CARE: msgspec.structs.replace(CARE_LINE, siblings=half), STUDY: msgspec.structs.replace(STUDY_LINE, siblings=half)}
    rows = (tariff(item, line, group="day" if most_cents else "") for item, line in lines.items())
    day.change((*children(day), TariffGroup(number("day"), "Extrascolaire", most_cents), *rows))
    return day
