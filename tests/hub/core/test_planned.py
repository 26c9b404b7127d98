"""Planned attendance, in the school's words: who is expected, who is asked about, and who counts as present without a scan."""

from dataclasses import replace
from datetime import date

import msgspec
import pytest

from hub.core.calendar import CalendarDay, DayKind
from hub.core.codes import Code, Reason
from hub.core.corrections import Place, Staff, absent, undo
from hub.core.facts import Refusal
from hub.core.formulas import Late, Siblings
from hub.core.school import Scans, TariffGroup
from hub.core.timetable import AbsenceReason, Attendance, Plan
from tests.planned import (
    CARE,
    STAFF,
    STUDY,
    cheaper_together,
    children,
    expecting,
    minute_by_minute,
    parts,
    reasons,
    stays_in_care,
    total_cents,
    with_study,
)
from tests.schools import (
    CARE_LINE,
    MONDAY,
    SCHOOL_DAYS,
    STUDY_LINE,
    TUESDAY,
    WEDNESDAY,
    Day,
    hours,
    moment,
    number,
    tariff,
)

# --- what changes after the day is planned ----------------------------------------------------------


@pytest.mark.parametrize(
    ("until", "study_ends", "then"),
    [
        (TUESDAY, "18:00", [(CARE, "0,75"), (STUDY, "1,00")]),  # study is longer from now on
        (MONDAY, "17:15", [(CARE, "3,75")]),  # Léa was not planned on Monday after all
    ],
    ids=["hours", "plan"],
)
def test_hours_and_plans_that_change_move_no_price_until_a_scan_or_staff_have_the_day_read_again(
    day: Day, until: date, study_ends: str, then: list[tuple[str, str]]
) -> None:
    """What is set up books nothing by itself: a closed day's price is frozen, and only a further fact corrects it, whole (Q3)."""
    with_study(day)
    stays_in_care(day, ("15:40", "17:50"))
    before = [(CARE, "0,75"), (STUDY, "1,00"), (CARE, "0,75")]
    assert parts(day) == before
    study = replace(day.school.programmes[number(STUDY)], windows=(hours(SCHOOL_DAYS, "16:05", study_ends),))
    day.change((study, Plan(1, number("Léa"), study.id, date(2025, 1, 1), until, SCHOOL_DAYS)))
    day.close("19:31")
    day.next_day()
    day.close("19:31")
    assert parts(day) == before
    day.date = MONDAY
    day.tap("Léa", "care-out", "17:52")  # it waited in an outbox; somebody held the badge there once more
    assert parts(day) == then


def test_who_leaves_after_the_plan_has_changed_is_priced_by_the_new_one(day: Day) -> None:
    """Until a child leaves, the day is as it is planned by then (S44)."""
    with_study(day)
    day.tap("Léa", "care-in", "15:40")
    day.tap("Tom", "care-in", "15:40")
    day.change((Plan(1, number("Léa"), number(STUDY), MONDAY, MONDAY), Plan(2, number("Tom"), number(STUDY), MONDAY)))
    for who in ("Léa", "Tom"):
        day.tap(who, "care-out", "17:50")
    assert (parts(day), parts(day, "Tom")) == ([(CARE, "3,75")], [(CARE, "0,75"), (STUDY, "1,00"), (CARE, "0,75")])


# --- who is expected --------------------------------------------------------------------------------


def test_at_a_programme_that_is_open_nobody_is_asked_about(day: Day) -> None:
    day.tap("Tom", "study-in", "16:10")
    assert (parts(day, "Tom"), day.questions()) == ([(STUDY, "1,00")], [])


def test_who_is_not_registered_is_served_charged_and_asked_about_once(day: Day) -> None:
    expecting(day, Attendance.REGISTERED)
    assert day.tap("Léa", "study-in", "16:10").code is Code.IN
    assert day.questions() == []
    assert day.tap("Tom", "study-in", "16:10").code is Code.IN
    (question,) = day.questions()
    assert (question.reason, question.pupil) == (Reason.NOT_PLANNED, number("Tom"))
    day.tap("Tom", "study-out", "17:00")
    assert len(day.questions()) == 1
    assert (parts(day), parts(day, "Tom")) == ([(STUDY, "1,00")], [(STUDY, "1,00")])


def test_who_is_registered_for_other_days_is_asked_about_on_this_one(day: Day) -> None:
    expecting(day, Attendance.REGISTERED)
    day.date = date(2025, 1, 10)
    day.tap("Léa", "study-in", "16:10")
    assert reasons(day) == [Reason.NOT_PLANNED]


def test_who_counts_as_present_without_a_scan_is_so_from_the_beginning_of_the_hours_and_is_charged(day: Day) -> None:
    expecting(day, Attendance.AUTO)
    minute_by_minute(day, "16:04")
    assert (day.is_in("Léa", STUDY), total_cents(day)) == (False, 0)
    minute_by_minute(day, "16:05", "16:06")
    assert (day.is_in("Léa", STUDY), day.is_in("Tom", STUDY), parts(day)) == (True, False, [(STUDY, "1,00")])
    minute_by_minute(day, "18:00", "18:01", "20:00")
    assert (day.is_in("Léa", STUDY), parts(day), day.questions()) == (False, [(STUDY, "1,00")], [])


def test_who_counts_as_present_is_charged_by_the_minute_when_the_hours_are_over(day: Day) -> None:
    expecting(day, Attendance.AUTO, CARE, windows=(hours(SCHOOL_DAYS, "15:30", "17:00"),))
    minute_by_minute(day, "15:30", "16:59")
    assert total_cents(day) == 0
    minute_by_minute(day, "17:00")
    assert (parts(day), day.questions()) == ([(CARE, "2,25")], [])


@pytest.mark.parametrize("on", [WEDNESDAY, date(2025, 1, 5), date(2025, 1, 10), date(2025, 1, 11)])
def test_nobody_counts_as_present_on_a_day_that_is_not_planned(day: Day, on: date) -> None:
    expecting(day, Attendance.AUTO)
    day.date = on
    minute_by_minute(day, "16:05", "18:00")
    assert (day.books.charges, day.books.inside) == ({}, {})


@pytest.mark.parametrize("kind", [DayKind.PUBLIC, DayKind.HOLIDAY, DayKind.PEDAGOGIC])
def test_nobody_counts_as_present_on_a_day_without_school(day: Day, kind: DayKind) -> None:
    expecting(day, Attendance.AUTO)
    day.change((CalendarDay(0, MONDAY, kind),))
    minute_by_minute(day, "16:05", "18:00")
    assert (day.books.charges, day.books.inside) == ({}, {})


def test_who_counts_as_present_does_so_too_when_the_hub_was_off_all_afternoon(day: Day) -> None:
    expecting(day, Attendance.AUTO)
    minute_by_minute(day, "19:00")
    assert (day.is_in("Léa", STUDY), parts(day)) == (False, [(STUDY, "1,00")])


def test_who_counts_as_present_and_comes_later_or_leaves_earlier_by_a_scan_is_charged_once_and_for_that(day: Day) -> None:
    expecting(day, Attendance.AUTO, CARE, windows=(hours(SCHOOL_DAYS, "15:30", "18:00"),))
    minute_by_minute(day, "15:30")
    day.tap("Léa", "care-out", "16:40")
    assert (day.is_in("Léa"), parts(day), day.questions()) == (False, [(CARE, "2,25")], [])
    minute_by_minute(day, "16:41", "18:00", "20:00")
    assert parts(day) == [(CARE, "2,25")]


ABSENCES = [(0, 0, 0), (50, 0, 50), (100, 0, 1_00), (0, 2_50, 2_50)]


@pytest.mark.parametrize(("percent", "amount_cents", "costs_cents"), ABSENCES)
@pytest.mark.parametrize("when", ["15:00", "16:30", "19:00"])
def test_who_is_marked_absent_costs_what_the_reason_says_before_during_and_after_the_hours(
    day: Day, when: str, percent: int, amount_cents: int, costs_cents: int
) -> None:
    expecting(day, Attendance.AUTO)
    day.change((AbsenceReason(4, "Non prévenu", percent, amount_cents),))
    place = Place(number("Léa"), number(STUDY), 20250106)
    clocks = [clock for clock in ("16:05", "16:20", "18:00", "18:30") if clock < when]
    minute_by_minute(day, *clocks)
    assert not isinstance(day.do(absent, replaced(STAFF, when), place, 4), Refusal)
    minute_by_minute(day, *(clock for clock in ("16:05", "16:20", "18:00", "19:01", "20:00") if clock > when))
    assert (day.is_in("Léa", STUDY), total_cents(day), day.questions()) == (False, costs_cents, [])
    day.do(absent, replaced(STAFF, "20:00"), place, 0)
    assert total_cents(day) == 1_00


IN_PIECES = [
    # percent, planned for study, what each piece costs: care 07:00-08:30, then 15:30-18:00, or around study from 16:05 to 17:15
    (100, False, ["2,25", "3,75"]),
    (60, False, ["1,35", "2,25"]),
    (50, False, ["1,13", "1,88"]),  # half of 2,25 is 1,125, half of 3,75 is 1,875: each line is rounded once, half up
    (100, True, ["2,25", "0,75", "1,50"]),  # 35 minutes of which five are forgiven, and 45 minutes
    (50, True, ["1,13", "0,38", "0,75"]),
]


@pytest.mark.parametrize(("percent", "for_study", "costs"), IN_PIECES)
def test_a_percentage_of_an_absence_is_of_all_the_hours_of_the_planned_day_at_what_they_would_have_cost(
    day: Day, percent: int, for_study: bool, costs: list[str]
) -> None:
    if for_study:
        with_study(day)
    day.change((Plan(2, number("Léa"), number(CARE), MONDAY, weekdays=SCHOOL_DAYS), AbsenceReason(4, "Non prévenu", percent)))
    assert not isinstance(day.do(absent, STAFF, Place(number("Léa"), number(CARE), 20250106), 4), Refusal)
    assert parts(day) == [(CARE, cost) for cost in costs]
    day.do(absent, STAFF, Place(number("Léa"), number(CARE), 20250106), 0)
    assert total_cents(day) == 0


def test_a_session_is_paid_once_for_an_absence_from_morning_and_afternoon(day: Day) -> None:
    expecting(day, Attendance.REGISTERED, CARE)
    day.change((tariff(CARE, STUDY_LINE), AbsenceReason(4, "Non prévenu", 60)))
    day.do(absent, STAFF, Place(number("Léa"), number(CARE), 20250106), 4)
    assert parts(day) == [(CARE, "0,60")]


def test_nobody_who_did_not_come_was_fetched_late(day: Day) -> None:
    """Care is until 18:00, and 5,00 more after 17:30; absent, it is 2,25 and 3,75."""
    expecting(day, Attendance.REGISTERED, CARE)
    late = msgspec.structs.replace(CARE_LINE, late=Late(after_min=17 * 60 + 30, unit_cents=5_00))
    day.change((tariff(CARE, late), AbsenceReason(4, "Non prévenu", 100)))
    day.do(absent, STAFF, Place(number("Léa"), number(CARE), 20250106), 4)
    assert parts(day) == [(CARE, "2,25"), (CARE, "3,75")]


@pytest.mark.parametrize(("percent", "costs"), [(100, ["2,25", "1,75"]), (50, ["1,13", "0,88"])])
def test_an_absence_costs_a_percentage_of_what_a_groups_day_would_have_let_it_cost(day: Day, percent: int, costs: list[str]) -> None:
    """4,00 a day together: the morning would have cost 2,25, and the afternoon the 1,75 that were left."""
    expecting(day, Attendance.REGISTERED, CARE)
    group = TariffGroup(number("day"), "Journée", 4_00)
    day.change((group, tariff(CARE, CARE_LINE, group="day"), AbsenceReason(4, "Non prévenu", percent)))
    day.do(absent, STAFF, Place(number("Léa"), number(CARE), 20250106), 4)
    assert parts(day) == [(CARE, cost) for cost in costs]
    day.do(absent, STAFF, Place(number("Léa"), number(CARE), 20250106), 4)
    assert parts(day) == [(CARE, cost) for cost in costs], "said again, it changes nothing"


@pytest.mark.parametrize("for_study", [False, True])
def test_who_is_absent_at_a_hundred_percent_pays_what_the_planned_day_costs_who_comes(day: Day, for_study: bool) -> None:
    came = Day()
    for each in (day, came):
        if for_study:
            with_study(each)
        each.change((Plan(2, number("Léa"), number(CARE), MONDAY, weekdays=SCHOOL_DAYS), AbsenceReason(4, "Non prévenu", 100)))
    for programme in (CARE, STUDY) if for_study else (CARE,):
        day.do(absent, STAFF, Place(number("Léa"), number(programme), 20250106), 4)
    stays_in_care(came, ("07:00", "08:30"))
    stays_in_care(came, ("15:30", "18:00"))
    assert sorted(parts(day)) == sorted(parts(came))


def test_another_reason_of_an_absence_is_another_price_and_the_same_again_changes_nothing(day: Day) -> None:
    expecting(day, Attendance.AUTO)
    day.change((AbsenceReason(4, "Non prévenu", 0, 2_50), AbsenceReason(5, "Malade", 50), AbsenceReason(6, "Excusé")))
    place = Place(number("Léa"), number(STUDY), 20250106)
    costs = []
    for reason in (4, 5, 5, 6, 4):
        assert not isinstance(day.do(absent, STAFF, place, reason), Refusal)
        costs.append(total_cents(day))
    assert costs == [2_50, 50, 50, 0, 2_50]
    day.do(undo, STAFF)
    assert total_cents(day) == 0


def test_who_counts_as_present_morning_and_afternoon_is_charged_for_both(day: Day) -> None:
    expecting(day, Attendance.AUTO, CARE, windows=(hours(SCHOOL_DAYS, "07:30", "08:30"), hours(SCHOOL_DAYS, "15:30", "16:30")))
    minute_by_minute(day, "07:30", "08:30", "12:00", "15:30")
    assert (day.is_in("Léa"), parts(day)) == (True, [(CARE, "1,50")])
    minute_by_minute(day, "16:30")
    assert parts(day) == [(CARE, "1,50"), (CARE, "1,50")]


def test_who_scanned_in_the_morning_only_counts_as_present_in_the_afternoon_all_the_same(day: Day) -> None:
    expecting(day, Attendance.AUTO, CARE, windows=(hours(SCHOOL_DAYS, "07:30", "08:30"), hours(SCHOOL_DAYS, "15:30", "16:30")))
    for reader, clock in (("care-in", "08:00"), ("care-out", "08:28")):
        day.tap("Léa", reader, clock)
    minute_by_minute(day, "08:30", "15:30", "16:30")
    assert parts(day) == [(CARE, "0,75"), (CARE, "1,50")]


def test_a_scan_in_without_one_out_is_no_question_where_the_planned_count_as_present_and_one_for_who_is_not_planned(day: Day) -> None:
    expecting(day, Attendance.AUTO, CARE, windows=(hours(SCHOOL_DAYS, "15:30", "17:00"),))
    for who in ("Léa", "Tom"):
        day.tap(who, "care-in", "15:40")
    minute_by_minute(day, "17:00", "18:30")
    assert (parts(day), parts(day, "Tom")) == ([(CARE, "2,25")], [])
    assert [(question.reason, question.pupil) for question in day.questions()] == [(Reason.NO_EXIT, number("Tom"))]


def test_who_counts_as_present_did_so_on_the_days_on_which_the_hub_was_off(day: Day) -> None:
    expecting(day, Attendance.AUTO)
    day.date = date(2025, 1, 5)
    day.close("23:00")
    day.date = date(2025, 1, 9)
    day.close("08:00")
    assert [one.day for one in day.books.charges.values()] == [20250106, 20250107]
    day.close("23:00")
    assert [one.day for one in day.books.charges.values()] == [20250106, 20250107, 20250109]
    day.date = date(2025, 1, 12)
    day.close("23:00")
    assert len(day.books.charges) == 3, "the tenth is excluded, then comes the weekend"


def test_who_counts_as_present_and_comes_back_is_charged_until_the_hours_are_over(day: Day) -> None:
    expecting(day, Attendance.AUTO, CARE, windows=(hours(SCHOOL_DAYS, "15:30", "18:00"),))
    for reader, clock in (("care-out", "16:30"), ("care-in", "17:00")):
        day.tap("Léa", reader, clock)
    minute_by_minute(day, "18:00")
    assert (day.is_in("Léa"), parts(day), day.questions()) == (False, [(CARE, "1,50"), (CARE, "1,50")], [])


def test_stays_of_one_family_that_end_in_the_same_minute_are_charged_once(day: Day) -> None:
    """Tom's forgotten exit at the door is ended as study, where he counts as present, changes what Léa's stay costs."""
    cheaper_together(day, 5_00)
    with_study(day)
    expecting(day, Attendance.AUTO, scans=Scans.BOTH)
    day.change((Plan(3, number("Tom"), number(STUDY), MONDAY),))
    for who, reader, clock in (("Tom", "care-in", "15:40"), ("Léa", "care-in", "15:45"), ("Léa", "study-out", "17:00")):
        day.tap(who, reader, clock)
    minute_by_minute(day, "23:00", "23:01")
    assert (parts(day), parts(day, "Tom")) == ([(STUDY, "1,00")], [(STUDY, "0,50")])
    assert reasons(day) == [Reason.NO_EXIT, Reason.NO_EXIT]


def test_brothers_and_sisters_and_programmes_that_begin_in_the_same_minute_are_charged_as_if_one_came_after_the_other(day: Day) -> None:
    """Care ends as study begins, a group caps both, and the younger one is cheaper because the elder is there."""
    half = Siblings((0, 50), present=True)
    care = replace(day.school.programmes[number(CARE)], attendance=Attendance.AUTO, windows=(hours(SCHOOL_DAYS, "15:00", "16:05"),))
    study = replace(day.school.programmes[number(STUDY)], attendance=Attendance.AUTO)
    plans = tuple(Plan(number(f"{who} {at.name}"), number(who), at.id, MONDAY) for who in ("Léa", "Tom") for at in (care, study))
    group = TariffGroup(number("day"), "Extrascolaire", 2_50)
    rows = (
        tariff(CARE, msgspec.structs.replace(CARE_LINE, siblings=half), group="day"),
        tariff(STUDY, msgspec.structs.replace(STUDY_LINE, siblings=half), group="day"),
    )
    day.change((care, study, group, *plans, *rows, *children(day)))
    minute_by_minute(day, "15:00", "16:05", "18:00")
    assert (parts(day), parts(day, "Tom")) == ([(CARE, "1,50"), (STUDY, "1,00")], [(CARE, "0,75"), (STUDY, "0,50")])


def replaced(staff: Staff, clock: str) -> Staff:
    """The same person at another time."""
    return Staff(staff.who, staff.reason, moment(clock))
