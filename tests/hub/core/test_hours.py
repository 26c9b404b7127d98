"""Hours of programmes and classes are those of the day of service: what holds from another day on changes no day before it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core import corrections
from hub.core.calendar import Window, Windows, in_turn, spans_around, versions
from hub.core.codes import Reason
from hub.core.corrections import Moment, Place, Staff
from hub.core.facts import Refusal
from hub.core.school import Programme, Scans, edited
from hub.core.sites import begins, class_rows, end_class_hours, hours_of, put_class_hours, put_programme
from hub.core.stays import care_day
from hub.core.timetable import Attendance, ClassHours, Plan
from proto.messages import Direction
from tests.journals import check_books
from tests.mornings import TILLEULS, came, with_timetable
from tests.schools import MONDAY, SCHOOL_DAYS, TUESDAY, ZONE, Day, hours, moment, number, scan

CARE, STUDY, LEA = number("care"), number("study"), number("Léa")
NOON = hours(SCHOOL_DAYS, "14:30", "18:00")
"""An hour earlier than the care of the school that tests make."""
THURSDAY = MONDAY + timedelta(days=3)


def same(_: object) -> bool:
    return True


def other(_: object) -> bool:
    return False


def opens(day: Day, programme: int, *windows: Window, since: date, today: date) -> str:
    """Staff give a programme other hours from a day on; empty, or why not."""
    rows = put_programme(day.school, replace(day.school.programmes[programme], windows=windows), since, today, same)
    if isinstance(rows, Refusal):
        return rows.code
    day.change(rows)
    return ""


@pytest.fixture
def day() -> Day:
    """Monday, and only departures are scanned in care: a stay begins with the hours, at half past three."""
    day = Day()
    day.change((replace(day.school.programmes[CARE], scans=Scans.EXIT),))
    return day


def stays(day: Day, who: str, on: date, programme: int = CARE) -> list[tuple[int, int]]:
    sheet = day.books.sheet(number(who), programme, int(on.strftime("%Y%m%d")))
    return [(stay.from_ms, stay.until_ms) for stay in sheet.stays.values()]


# --- prices ---------------------------------------------------------------------------------------


def test_a_late_scan_of_a_day_before_the_change_has_the_hours_and_the_price_of_that_day(day: Day) -> None:
    """From 15:30 to 16:45 are three started half hours; from 14:30 they would be five."""
    day.next_day()
    assert opens(day, CARE, NOON, since=TUESDAY, today=TUESDAY) == ""
    day.take(scan("Noé", "care-out", "16:45", day=MONDAY))
    assert stays(day, "Noé", MONDAY) == [(moment("15:30"), moment("16:45"))]
    assert day.balance_cents("Quintelier") == -3 * 75


def test_a_correction_of_a_day_before_the_change_leaves_it_its_hours(day: Day) -> None:
    day.tap("Noé", "care-out", "16:45")
    day.next_day()
    assert opens(day, CARE, NOON, since=TUESDAY, today=TUESDAY) == ""
    assert day.balance_cents("Quintelier") == -3 * 75, "a change of hours moves no price"
    (mark,) = day.books.sheet(number("Noé"), CARE, 20250106).marks
    jane = Staff(77, Reason.FORGOTTEN, moment("09:00", TUESDAY))
    day.do(corrections.void, jane, Place(number("Noé"), CARE, 20250106), mark)
    assert day.balance_cents("Quintelier") == 0
    day.do(corrections.add, jane, Moment(number("Noé"), CARE, moment("17:10")), Direction.OUT)
    assert stays(day, "Noé", MONDAY) == [(moment("15:30"), moment("17:10"))]
    assert day.balance_cents("Quintelier") == -4 * 75
    check_books([fact for facts in day.facts for fact in facts], day.books)


def test_the_day_of_the_change_has_the_new_hours(day: Day) -> None:
    day.next_day()
    assert opens(day, CARE, NOON, since=TUESDAY, today=TUESDAY) == ""
    day.tap("Noé", "care-out", "16:45")
    assert stays(day, "Noé", TUESDAY) == [(moment("14:30", TUESDAY), moment("16:45", TUESDAY))]
    assert day.balance_cents("Quintelier") == -5 * 75


def test_hours_that_come_change_nothing_until_their_day(day: Day) -> None:
    assert opens(day, CARE, NOON, since=THURSDAY, today=MONDAY) == ""
    for _ in range(4):
        day.tap("Noé", "care-out", "16:45")
        day.next_day()
    begun = [stays(day, "Noé", on)[0][0] for on in (MONDAY, TUESDAY, THURSDAY)]
    assert begun == [moment("15:30"), moment("15:30", TUESDAY), moment("14:30", THURSDAY)]


def test_a_night_past_midnight_belongs_to_the_hours_of_the_day_on_which_it_began(day: Day) -> None:
    """From eight to eight until the change, from ten to six from Tuesday on."""
    night, short = (hours(range(7), "20:00", "32:00"),), (hours(range(7), "22:00", "30:00"),)
    care = replace(day.school.programmes[CARE], windows=in_turn({date.min: night, TUESDAY: short}))
    day.change((care,))
    around = spans_around(care.windows, TUESDAY, ZONE)
    assert around[:2] == ((moment("20:00"), moment("08:00", TUESDAY)), (moment("22:00", TUESDAY), moment("06:00", MONDAY + timedelta(2))))
    assert care_day(care, ZONE, moment("07:45", TUESDAY)) == MONDAY
    assert care_day(care, ZONE, moment("21:45", TUESDAY)) == TUESDAY
    day.next_day()
    day.tap("Noé", "care-out", "07:45")
    assert stays(day, "Noé", MONDAY) == [(moment("20:00"), moment("07:45", TUESDAY))]


def test_study_is_taken_out_of_the_care_of_a_day_by_the_hours_of_that_day(day: Day) -> None:
    """Study until 17:15 on Monday, and until 18:00 from Tuesday on: who left at 17:45 on Monday was in care again from 17:15 on."""
    care, study = replace(day.school.programmes[CARE], scans=Scans.BOTH), day.school.programmes[STUDY]
    short = (hours(SCHOOL_DAYS, "16:05", "17:15"),)
    inner = replace(study, within=CARE, scans=Scans.BOTH, attendance=Attendance.REGISTERED, windows=short)
    day.change((care, inner, Plan(1, number("Noé"), STUDY, MONDAY)))
    day.tap("Noé", "care-in", "15:35")
    day.next_day()
    assert opens(day, STUDY, hours(SCHOOL_DAYS, "16:05", "18:00"), since=TUESDAY, today=TUESDAY) == ""
    day.take(scan("Noé", "care-out", "17:45", day=MONDAY, n=2))
    assert day.balance_cents("Quintelier") == -(75 + 1_00 + 75)  # 30 minutes, a session, 30 minutes


# --- what staff may say ---------------------------------------------------------------------------


def valid(programme: Programme, on: date) -> list[tuple[int, int]]:
    return [(one.start_min, one.end_min) for one in programme.windows if one.covers(on)]


def test_hours_from_a_day_on_hold_until_the_next_ones_that_are_known(day: Day) -> None:
    assert opens(day, CARE, NOON, since=THURSDAY, today=MONDAY) == ""
    assert opens(day, CARE, hours(SCHOOL_DAYS, "15:00", "18:00"), since=TUESDAY, today=MONDAY) == ""
    begin = [valid(day.school.programmes[CARE], on)[-1][0] for on in (MONDAY, TUESDAY, THURSDAY)]
    assert begin == [930, 900, 870]
    before = day.school.programmes[CARE].windows
    assert opens(day, CARE, hours(SCHOOL_DAYS, "15:00", "18:00"), since=TUESDAY, today=MONDAY) == ""
    assert day.school.programmes[CARE].windows == before, "the same again changes nothing"
    assert opens(day, CARE, hours(SCHOOL_DAYS, "15:00", "18:00"), since=THURSDAY, today=MONDAY) == ""
    assert len(versions(day.school.programmes[CARE].windows)) == 2, "what comes is taken back by the hours before it"


def test_hours_of_a_day_that_is_over_are_not_changed(day: Day) -> None:
    before = day.school.programmes[CARE]
    assert opens(day, CARE, NOON, since=MONDAY, today=TUESDAY) == "day_passed"
    assert opens(day, CARE, NOON, since=date(2925, 1, 6), today=TUESDAY) == "no_date"
    assert day.school.programmes[CARE] == before
    renamed = put_programme(day.school, replace(before, name="Accueil"), MONDAY, TUESDAY, same)
    assert renamed == (replace(before, name="Accueil"),), "a form that was left open over night still takes a name"


def test_what_is_within_another_service_is_so_from_today_on_and_when_other_hours_come(day: Day) -> None:
    study = replace(day.school.programmes[STUDY], within=CARE, windows=(hours(SCHOOL_DAYS, "16:05", "17:15"),))
    day.change((replace(day.school.programmes[CARE], scans=Scans.BOTH), study))
    assert opens(day, CARE, hours(SCHOOL_DAYS, "15:30", "17:00"), since=THURSDAY, today=MONDAY) == "within_hours"
    assert opens(day, STUDY, hours(SCHOOL_DAYS, "16:05", "18:15"), since=THURSDAY, today=MONDAY) == "within_hours"
    assert opens(day, CARE, hours(SCHOOL_DAYS, "15:30", "18:30"), since=THURSDAY, today=MONDAY) == ""
    assert opens(day, STUDY, hours(SCHOOL_DAYS, "16:05", "18:15"), since=THURSDAY, today=MONDAY) == ""
    assert opens(day, STUDY, hours(SCHOOL_DAYS, "16:05", "18:15"), since=TUESDAY, today=MONDAY) == "within_hours"


DAYS = st.dates(date(2025, 1, 1), date(2025, 1, 12))
HOURS = st.sampled_from([(), (hours(range(7), "07:00", "08:00"),), (NOON, hours(SCHOOL_DAYS, "07:00", "08:00"))])


@given(st.dictionaries(DAYS, HOURS, max_size=5), DAYS)
def test_of_hours_that_follow_each_other_each_day_has_the_last_that_began(found: Mapping[date, Windows], on: date) -> None:
    windows = in_turn(found)
    last = max((day for day in found if day <= on), default=None)
    expected = found[last] if last else ()
    assert [(one.weekdays, one.start_min) for one in windows if one.is_valid(on)] == [(one.weekdays, one.start_min) for one in expected]
    assert in_turn(versions(windows)) == windows


# --- class hours ----------------------------------------------------------------------------------

CLASS = tuple(ClassHours(TILLEULS, "", weekday, 540, 5, 600, 930, TUESDAY) for weekday in range(5))
"""Class begins at nine from Tuesday on; before, at twenty past eight."""


def late_min(day: Day, who: str, on: date) -> int:
    morning = day.books.entrance.morning(number(who), int(on.strftime("%Y%m%d")))
    return morning.late_min if morning else 0


def test_a_late_scan_of_a_morning_before_the_change_goes_by_the_class_hours_of_that_morning() -> None:
    day = with_timetable(Day())
    day.next_day()
    rows = put_class_hours(day.school, CLASS, TUESDAY, same)
    assert not isinstance(rows, Refusal)
    day.change(rows)
    came(day, "Léa", "08:40", on=MONDAY)
    came(day, "Tom", "08:40")
    assert (late_min(day, "Léa", MONDAY), late_min(day, "Tom", TUESDAY)) == (20, 0)


def test_class_hours_end_today_or_do_not_come_and_the_ones_before_go_on() -> None:
    day = with_timetable(Day())
    rows = put_class_hours(day.school, CLASS[:1], MONDAY, same)
    assert not isinstance(rows, Refusal)
    school = edited(day.school, rows)
    begun, coming = (row for row in hours_of(school, TILLEULS, MONDAY) if row.weekday == 0)
    assert (begun.until_day, coming.from_day, coming.until_day) == (TUESDAY, TUESDAY, None)
    gone = end_class_hours(school, coming, MONDAY, same)
    assert not isinstance(gone, Refusal)
    assert hours_of(edited(school, gone), TILLEULS, MONDAY) == hours_of(day.school, TILLEULS, MONDAY)
    over = end_class_hours(school, begun, MONDAY, same)
    assert not isinstance(over, Refusal)
    known = edited(school, over).class_hours[TILLEULS, "", 0]
    assert [row.start_min for row in known if row.covers(MONDAY)] == []
    assert [row.start_min for row in known if row.covers(MONDAY - timedelta(days=7))] == [500]
    assert [row.start_min for row in known if row.covers(MONDAY + timedelta(days=7))] == [540]
    assert begins(known) == {date.min: replace(begun, until_day=None), MONDAY: None, TUESDAY: replace(coming, from_day=date.min)}
    assert class_rows(known, begins(known)) == (), "what stands already is not written again"


def test_class_hours_of_mornings_that_are_over_are_not_changed() -> None:
    day = with_timetable(Day())
    assert put_class_hours(day.school, CLASS, MONDAY + timedelta(days=2), same) == Refusal("day_passed")
    late = tuple(replace(row, from_day=date(2925, 1, 7)) for row in CLASS)
    assert put_class_hours(day.school, late, MONDAY, same) == Refusal("no_date")
    assert put_class_hours(day.school, CLASS, MONDAY, other) == Refusal("changed_meanwhile")
