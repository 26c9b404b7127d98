"""How a programme is run may change: a day that is over is read as it was run then, however late a scan or a correction of it comes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest

from hub.core import corrections, questions
from hub.core.calendar import DayKind
from hub.core.codes import Code, Reason
from hub.core.corrections import Moment, Place, Staff
from hub.core.days import as_run_on
from hub.core.facts import Refusal
from hub.core.formulas import Fixed, Line, Session
from hub.core.givenback import take_back
from hub.core.school import Programme, Scans, School, TariffGroup, edited
from hub.core.sites import put_programme, run_from
from hub.core.timetable import Attendance, Formerly, Plan
from proto.messages import Direction
from tests.planned import CARE, STUDY, expecting, minute_by_minute, parts, reasons, stays_in_care, total_cents, with_study
from tests.schools import CARE_LINE, MONDAY, TUESDAY, WEDNESDAY, Day, moment, number, small_school, tariff

LEA = number("Léa")
STAFF = Staff(7, Reason.CORRECTED, moment("12:00", TUESDAY))


def same(_: object) -> bool:
    return True


def run(day: Day, programme: str, **said: object) -> None:
    """Staff change how a programme is run, on Tuesday."""
    rows = put_programme(day.school, replace(day.school.programmes[number(programme)], **said), TUESDAY, TUESDAY, same)  # type: ignore[arg-type]
    assert not isinstance(rows, Refusal)
    day.change(rows)


def begun_with_sunday(day: Day) -> None:
    """The day before the first one is closed, and then the hub was off."""
    day.next_day(-1)
    day.close("23:00")
    day.next_day()


CHANGES: Mapping[str, tuple[str, dict[str, object]]] = {
    "only departures are scanned": (CARE, {"scans": Scans.EXIT}),
    "care is on camp days": (CARE, {"days": frozenset({DayKind.CAMP})}),
    "study is no more within care": (STUDY, {"within": 0}),
    "study is for all": (STUDY, {"attendance": Attendance.OPEN}),
    "who is planned for study counts as present": (STUDY, {"attendance": Attendance.AUTO}),
    "study has departures": (STUDY, {"scans": Scans.BOTH}),
}


@pytest.mark.parametrize("change", ["", *CHANGES])
def test_a_day_that_is_over_costs_what_it_cost_whatever_is_changed_and_however_often_it_is_read_again(day: Day, change: str) -> None:
    """Léa and Noé are planned for study, Tom is not. Léa is in care from 15:40 to 17:50, Noé is only seen leaving."""
    with_study(day)
    day.change((Plan(2, number("Noé"), number(STUDY), MONDAY),))
    stays_in_care(day, ("15:40", "17:50"))
    stays_in_care(day, ("15:40", "17:20"), "Tom")
    if change:
        programme, said = CHANGES[change]
        run(day, programme, **said)
    assert day.tap("Léa", "care-in", "15:45").code is Code.ALREADY_IN
    day.tap("Tom", "study-in", "16:10")
    assert day.tap("Noé", "care-out", "17:00").code is Code.NO_ENTRY
    added = day.do(corrections.add, STAFF, Moment(LEA, number(CARE), moment("08:00")), Direction.OUT)
    assert change == "" or isinstance(added, Refusal) == isinstance(day.do(corrections.undo, STAFF), Refusal)
    assert sorted(parts(day)) == [(CARE, "0,75"), (CARE, "0,75"), (STUDY, "1,00")], (
        "25 minutes, study, 35 minutes of which five are forgiven"
    )
    assert sorted(parts(day, "Tom")) == [(CARE, "0,75"), (STUDY, "1,00")], "half an hour, study, and five minutes"
    assert (parts(day, "Noé"), sorted(reasons(day))) == ([], [Reason.NO_ENTRY, Reason.NOT_PLANNED])


def test_from_the_day_of_the_change_on_days_are_read_as_they_are_run_then(day: Day) -> None:
    with_study(day)
    stays_in_care(day, ("15:40", "17:50"))
    run(day, STUDY, within=0)
    day.next_day()
    stays_in_care(day, ("15:40", "17:50"))
    assert parts(day) == [(CARE, "0,75"), (STUDY, "1,00"), (CARE, "0,75"), (CARE, "3,75")], "130 minutes: five half hours"


def test_a_missing_departure_is_no_question_of_a_day_on_which_departures_were_not_scanned(day: Day) -> None:
    day.tap("Léa", "study-in", "16:10")
    day.close("23:00")
    run(day, STUDY, scans=Scans.BOTH)
    day.tap("Tom", "study-in", "16:12")  # it comes from a device that had no network
    day.next_day()
    day.tap("Léa", "study-in", "16:10")
    day.close("23:00")
    assert (parts(day, "Tom"), [(one.pupil, one.reason) for one in day.questions()]) == ([(STUDY, "1,00")], [(LEA, Reason.NO_EXIT)])


def test_who_counted_as_present_until_yesterday_did_so_though_the_hub_was_off(day: Day) -> None:
    expecting(day, Attendance.AUTO)
    begun_with_sunday(day)
    run(day, STUDY, attendance=Attendance.REGISTERED)
    day.next_day()
    minute_by_minute(day, "08:00", "20:00")
    assert [(one.day, one.cents) for one in day.books.charges.values()] == [(20250106, 1_00)]


def test_who_counts_as_present_from_today_on_did_not_yesterday(day: Day) -> None:
    expecting(day, Attendance.REGISTERED)
    begun_with_sunday(day)
    run(day, STUDY, attendance=Attendance.AUTO)
    day.next_day()
    minute_by_minute(day, "08:00", "20:00")
    assert [(one.day, one.cents) for one in day.books.charges.values()] == [(20250107, 1_00)]


def test_a_meal_that_is_taken_back_later_leaves_room_for_the_day_as_it_was_run(day: Day) -> None:
    """6,00 a day together: the meal 4,50, care 0,75, and study 0,75 of its 1,00; without the meal there is room for all."""
    with_study(day)
    meal = tariff("meal", Line(Session(Fixed(4500))), group="day")
    study = tariff(STUDY, Line(Session(Fixed(1000))), group="day")
    day.change((TariffGroup(number("day"), "Journée", 6_00), tariff(CARE, CARE_LINE, group="day"), study, meal))
    day.tap("Léa", "meal-till", "12:05")
    stays_in_care(day, ("15:40", "17:50"))
    assert total_cents(day) == 6_00
    run(day, STUDY, within=0)
    day.do(take_back, next(iter(day.books.charges)), moment("10:00", TUESDAY), Reason.TWICE, 7)
    assert sorted(parts(day)) == [(CARE, "0,75"), (CARE, "0,75"), (STUDY, "1,00")]


def test_staff_say_who_went_through_study_where_it_was_within_care_that_day(day: Day) -> None:
    with_study(day)
    stays_in_care(day, ("15:40", "17:50"))
    run(day, STUDY, within=0)
    assert not isinstance(day.do(corrections.split, STAFF, Place(LEA, number(STUDY), 20250106), through=False), Refusal)
    assert parts(day) == [(CARE, "3,75")]
    assert day.do(corrections.split, STAFF, Place(LEA, number(STUDY), 20250107), through=False) == Refusal("not_within")


def test_a_pair_of_scans_is_offered_for_inversion_by_the_scans_that_were_expected_then(day: Day) -> None:
    for reader, clock in (("care-out", "15:40"), ("care-in", "17:20")):
        day.tap("Léa", reader, clock)
    day.close("20:00")
    run(day, CARE, scans=Scans.EXIT)
    asked = next(one for one in day.questions() if one.reason is Reason.NO_ENTRY)
    place = questions.place_of(day.school, day.books, asked)
    assert place == Place(LEA, number(CARE), 20250106)
    assert questions.Way.INVERT in questions.asked(day.school, day.books, asked, STAFF.now_ms).ways


# --- what is kept ---------------------------------------------------------------------------------

CARE_NOW = small_school().programmes[number(CARE)]
BOTH = Formerly(TUESDAY, Scans.BOTH, Attendance.OPEN)


def test_what_holds_from_today_on_leaves_what_held_before_and_is_changed_once_a_day() -> None:
    exits = run_from(CARE_NOW, replace(CARE_NOW, scans=Scans.EXIT), TUESDAY)
    assert exits.formerly == (BOTH,)
    again = run_from(exits, replace(exits, attendance=Attendance.REGISTERED), TUESDAY)
    assert again.formerly == (BOTH,)
    assert run_from(again, replace(CARE_NOW, name="Accueil"), TUESDAY).formerly == (), "as it was: nothing has changed"
    assert run_from(again, replace(again, name="Accueil"), WEDNESDAY).formerly == (BOTH,)
    later = run_from(again, replace(again, scans=Scans.BOTH), WEDNESDAY)
    assert later.formerly == (BOTH, Formerly(WEDNESDAY, Scans.EXIT, Attendance.REGISTERED))
    school = edited(School(), (later,))
    assert [_ways(as_run_on(school, on)) for on in (MONDAY, TUESDAY, WEDNESDAY)] == [
        (Scans.BOTH, Attendance.OPEN),
        (Scans.EXIT, Attendance.REGISTERED),
        (Scans.BOTH, Attendance.REGISTERED),
    ]


def _ways(school: School) -> tuple[Scans, Attendance]:
    one: Programme = school.programmes[number(CARE)]
    return one.scans, one.attendance


def test_a_school_in_which_nothing_was_run_otherwise_is_that_of_every_day() -> None:
    school = small_school()
    assert as_run_on(school, date.min) is school
    changed = edited(school, (run_from(CARE_NOW, replace(CARE_NOW, scans=Scans.EXIT), TUESDAY),))
    assert as_run_on(changed, TUESDAY) is changed
    assert as_run_on(changed, MONDAY) is as_run_on(changed, date.min)
