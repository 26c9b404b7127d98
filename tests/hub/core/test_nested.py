"""Study within care, siblings and tariff groups, in the school's words: what each part of a day costs, in whatever order scans arrive."""

from dataclasses import replace
from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.codes import Code, Reason, Stage
from hub.core.corrections import Moment, Place, absent, move, split, undo, void
from hub.core.facts import Charged, Refusal, Reversed, StaySplit
from hub.core.formulas import Fixed, Line, Periods
from hub.core.school import Custody, Scans
from hub.core.settlement import Run, post
from hub.core.timetable import AbsenceReason, Plan
from tests.journals import check_books
from tests.planned import CARE, STAFF, STUDY, cheaper_together, parts, reasons, stays_in_care, total_cents, with_study
from tests.schools import (
    LONG_DAY,
    MONDAY,
    SCHOOL_DAYS,
    SHORT_DAY,
    STUDY_LINE,
    TUESDAY,
    WEDNESDAY,
    Day,
    hours,
    moment,
    number,
    scan,
    tariff,
)

# --- study within care ----------------------------------------------------------------------------

UNTIL_A_QUARTER_PAST_FIVE = [
    ("15:40", "17:50", [(CARE, "0,75"), (STUDY, "1,00"), (CARE, "0,75")]),  # 25 minutes, a session, 35 minutes
    ("15:40", "17:52", [(CARE, "0,75"), (STUDY, "1,00"), (CARE, "1,50")]),  # 37 minutes: seven into the second half hour
    ("15:40", "16:30", [(CARE, "0,75"), (STUDY, "1,00")]),  # leaves during study
    ("16:30", "17:50", [(STUDY, "1,00"), (CARE, "0,75")]),  # arrives during study
    ("16:10", "17:00", [(STUDY, "1,00")]),
    ("16:05", "17:15", [(STUDY, "1,00")]),
    ("16:01", "17:19", [(STUDY, "1,00")]),  # four minutes of care before and after are within the tolerance
    ("15:30", "16:05", [(CARE, "0,75")]),  # leaves as study begins
    ("15:30", "16:00", [(CARE, "0,75")]),
    ("17:15", "17:50", [(CARE, "0,75")]),  # arrives as study ends
    ("17:20", "17:50", [(CARE, "0,75")]),
]
UNTIL_SIX = [
    ("15:40", "17:50", [(CARE, "0,75"), (STUDY, "1,00")]),
    ("15:40", "18:00", [(CARE, "0,75"), (STUDY, "1,00")]),
    ("15:40", "18:20", [(CARE, "0,75"), (STUDY, "1,00"), (CARE, "0,75")]),  # fetched twenty minutes after the end
]


def test_who_is_marked_absent_from_study_pays_care_for_the_whole_stay_and_what_the_reason_says(day: Day) -> None:
    with_study(day)
    day.change((AbsenceReason(4, "Non prévenu", 50),))
    stays_in_care(day, ("15:40", "17:50"))
    place = Place(number("Léa"), number(STUDY), 20250106)
    assert not isinstance(day.do(absent, STAFF, place, 4), Refusal)
    assert sorted(parts(day)) == [(CARE, "3,75"), (STUDY, "0,50")]
    day.do(split, STAFF, place, through=True)
    assert sorted(parts(day)) == [(CARE, "3,75"), (STUDY, "0,50")], "absent is absent"
    day.do(absent, STAFF, place, 0)
    assert sorted(parts(day)) == [(CARE, "0,75"), (CARE, "0,75"), (STUDY, "1,00")]


def test_care_that_waits_for_a_run_waits_on_when_a_session_that_was_posted_is_taken_back(day: Day) -> None:
    """What corrects a posted charge is posted; the care around it was not posted yet."""
    with_study(day)
    day.change((replace(day.school.programmes[number(CARE)], post_days=7),))
    stays_in_care(day, ("15:40", "17:50"))
    day.do(split, STAFF, Place(number("Léa"), number(STUDY), 20250106), through=False)
    stands = [one for one in day.books.charges.values() if not one.reversed]
    assert [(one.item, one.cents, one.stage) for one in stands] == [(number(CARE), 3_75, Stage.GATHERED)]


@pytest.mark.parametrize(("came", "left", "charged"), UNTIL_A_QUARTER_PAST_FIVE)
def test_care_before_and_after_study_is_charged_by_its_minutes_and_study_by_the_session(
    day: Day, came: str, left: str, charged: list[tuple[str, str]]
) -> None:
    stays_in_care(with_study(day), (came, left))
    assert parts(day) == charged
    assert day.questions() == []
    assert day.books.inside == {}


@pytest.mark.parametrize(("came", "left", "charged"), UNTIL_SIX)
def test_who_is_planned_until_six_has_no_care_after_study(day: Day, came: str, left: str, charged: list[tuple[str, str]]) -> None:
    stays_in_care(with_study(day, long=True), (came, left))
    assert parts(day) == charged


def test_there_is_no_study_on_wednesday(day: Day) -> None:
    with_study(day).date = WEDNESDAY
    stays_in_care(day, ("15:40", "17:50"))
    assert parts(day) == [(CARE, "3,75")]


def test_who_is_not_planned_for_study_is_in_care_all_the_time(day: Day) -> None:
    stays_in_care(with_study(day), ("15:40", "17:50"), "Tom")
    assert parts(day, "Tom") == [(CARE, "3,75")]


def test_of_two_studies_a_scan_is_about_the_one_a_child_is_planned_for(day: Day) -> None:
    """Léa until a quarter past five, Tom until six; a tap on leaving, five minutes after Léa's hours, is no arrival at Tom's."""
    with_study(day)
    study = replace(day.school.programmes[number(STUDY)], scans=Scans.BOTH)
    long = replace(study, id=number("long study"), name="Étude longue", windows=(hours(SCHOOL_DAYS, "16:05", "18:00"),))
    day.change((study, long, tariff("long study", STUDY_LINE), Plan(2, number("Tom"), long.id, MONDAY)))
    for who, came, left in (("Léa", "16:10", "17:20"), ("Tom", "16:12", "17:55")):
        assert [day.tap(who, "study-door", clock).code for clock in (came, left)] == [Code.IN, Code.OUT]
    items = {one.pupil: one.item for one in day.books.charges.values()}
    assert items == {number("Léa"): study.id, number("Tom"): long.id}
    assert day.questions() == []


@pytest.mark.parametrize(
    ("plan", "on", "planned"),
    [
        (Plan(1, 0, 0, MONDAY, weekdays=frozenset({0})), MONDAY, True),
        (Plan(1, 0, 0, MONDAY, weekdays=frozenset({0})), TUESDAY, False),
        (Plan(1, 0, 0, TUESDAY), MONDAY, False),
        (Plan(1, 0, 0, MONDAY, TUESDAY), MONDAY, True),
        (Plan(1, 0, 0, MONDAY, TUESDAY), TUESDAY, False),
        (Plan(1, 0, 0, MONDAY, excluded=frozenset({TUESDAY})), TUESDAY, False),
        (Plan(1, 0, 0, MONDAY, excluded=frozenset({TUESDAY})), MONDAY, True),
    ],
)
def test_a_stay_is_split_on_the_planned_weekdays_and_dates_and_not_on_excluded_days(day: Day, plan: Plan, on: date, planned: bool) -> None:
    with_study(day).date = on
    day.change((replace(plan, pupil=number("Léa"), programme=number("study")),))
    stays_in_care(day, ("15:40", "17:50"))
    assert parts(day) == ([(CARE, "0,75"), (STUDY, "1,00"), (CARE, "0,75")] if planned else [(CARE, "3,75")])


def test_staff_split_the_stay_of_a_child_who_was_not_planned_and_leave_that_of_one_who_was_whole(day: Day) -> None:
    with_study(day)
    for who in ("Léa", "Tom"):
        stays_in_care(day, ("15:40", "17:50"), who)
    for who, through in (("Tom", True), ("Léa", False)):
        assert not isinstance(day.do(split, STAFF, Place(number(who), number("study"), 20250106), through=through), Refusal)
    assert parts(day, "Tom") == [(CARE, "0,75"), (STUDY, "1,00"), (CARE, "0,75")]
    assert parts(day, "Léa") == [(CARE, "3,75")]
    day.do(split, STAFF, Place(number("Léa"), number("study"), 20250106), through=None)
    assert parts(day, "Léa") == [(CARE, "0,75"), (STUDY, "1,00"), (CARE, "0,75")]


def test_what_staff_said_before_the_scans_came_counts_for_them_too(day: Day) -> None:
    with_study(day)
    day.do(lambda _school, _books, ask: (StaySplit(ask, number("Tom"), number("study"), 20250106, split=True),))
    stays_in_care(day, ("15:40", "17:50"), "Tom")
    assert total_cents(day, "Tom") == 2_50


@pytest.mark.parametrize("who", ["Léa", "Tom"])
def test_a_study_that_is_scanned_at_its_own_reader_is_taken_out_of_care_planned_or_not(day: Day, who: str) -> None:
    """Only entries are scanned there: study is from 16:20 to its end."""
    with_study(day)
    for reader, clock in (("care-in", "15:40"), ("study-in", "16:20"), ("care-out", "17:50")):
        day.tap(who, reader, clock)
    assert sorted(parts(day, who)) == [(CARE, "0,75"), (CARE, "1,50"), (STUDY, "1,00")]
    assert reasons(day) == ([] if who == "Léa" else [Reason.NOT_PLANNED])


def test_a_study_with_exits_is_taken_out_of_care_from_its_entry_to_its_exit(day: Day) -> None:
    with_study(day)
    day.change((replace(day.school.programmes[number("study")], scans=Scans.BOTH),))
    for reader, clock in (("care-in", "15:40"), ("study-in", "16:10"), ("study-out", "16:40"), ("care-out", "17:50")):
        day.tap("Léa", reader, clock)
    assert total_cents(day) == 75 + 1_00 + 2_25, "30 minutes, a session, 70 minutes"


TAPS = [("care-in", "15:40"), ("study-in", "16:10"), ("study-out", "17:00"), ("care-out", "17:50")]


@given(st.permutations(TAPS), st.sampled_from([Scans.ENTRY, Scans.BOTH]), st.sampled_from(["Léa", "Tom"]))
def test_the_order_in_which_scans_of_care_and_study_arrive_changes_no_amount(taps: list[tuple[str, str]], scans: Scans, who: str) -> None:
    late, timely = with_study(Day()), with_study(Day())
    for day, order in ((late, taps), (timely, TAPS)):
        day.change((replace(day.school.programmes[number("study")], scans=scans),))
        for reader, clock in order:
            day.take(scan(who, reader, clock, n=1 + TAPS.index((reader, clock))))
        day.close("23:00")
        check_books([fact for each in day.facts for fact in each], day.books)
    assert sorted(parts(late, who)) == sorted(parts(timely, who))
    assert sorted(reasons(late)) == sorted(reasons(timely))


# --- brothers and sisters, groups ---------------------------------------------------------------------


def test_a_sister_who_comes_later_that_day_makes_the_price_of_a_stay_that_is_over_right(day: Day) -> None:
    cheaper_together(day)
    stays_in_care(day, ("15:30", "16:40"), "Tom")
    assert parts(day, "Tom") == [(CARE, "2,25")]
    day.tap("Léa", "care-in", "16:50")
    assert parts(day, "Tom") == [(CARE, "1,13")]
    day.tap("Léa", "care-out", "17:50")
    assert (parts(day), parts(day, "Tom")) == ([(CARE, "1,50")], [(CARE, "1,13")])


def test_when_the_sister_was_not_there_after_all_the_full_price_is_back(day: Day) -> None:
    cheaper_together(day)
    stays_in_care(day, ("15:30", "16:40"), "Tom")
    arrives = day.tap("Léa", "care-in", "16:50")
    day.do(void, STAFF, Place(number("Léa"), number(CARE), 20250106), arrives.ask)
    assert (parts(day), parts(day, "Tom")) == ([], [(CARE, "2,25")])


def test_who_comes_on_another_day_makes_nothing_cheaper(day: Day) -> None:
    cheaper_together(day)
    stays_in_care(day, ("15:30", "16:40"), "Tom")
    day.next_day()
    day.tap("Léa", "care-in", "16:50")
    assert parts(day, "Tom") == [(CARE, "2,25")]


FAMILY_TAPS = [
    ("Tom", "care-in", "15:35"),
    ("Léa", "care-in", "15:40"),
    ("Léa", "study-in", "16:10"),
    ("Tom", "care-out", "16:50"),
    ("Tom", "study-in", "17:00"),
    ("Léa", "care-out", "17:50"),
    ("Tom", "care-in", "17:30"),
    ("Tom", "care-out", "17:58"),
]


@pytest.mark.parametrize("nested", [False, True])
@given(st.permutations(FAMILY_TAPS), st.sampled_from([0, 2_00, 3_00]))
def test_the_order_of_a_days_scans_of_two_children_changes_no_amount(
    nested: bool, taps: list[tuple[str, str, str]], most_cents: int
) -> None:
    late, timely = cheaper_together(Day(), most_cents), cheaper_together(Day(), most_cents)
    for day, order in ((late, taps), (timely, FAMILY_TAPS)):
        if nested:
            with_study(day)
        for who, reader, clock in order:
            day.take(scan(who, reader, clock, n=1 + FAMILY_TAPS.index((who, reader, clock))))
        day.close("23:00")
        check_books([fact for each in day.facts for fact in each], day.books)
    for who in ("Léa", "Tom"):
        assert sorted(parts(late, who)) == sorted(parts(timely, who))
        if most_cents:
            assert total_cents(late, who) <= most_cents


def test_a_scan_that_staff_move_from_study_to_care_is_priced_once_and_undone_with_its_money(day: Day) -> None:
    """The exit of study was care's: Léa had left at 16:40, and study has no exit any more."""
    with_study(day)
    day.change((replace(day.school.programmes[number(STUDY)], scans=Scans.BOTH),))
    taps = (("care-in", "15:40"), ("study-in", "16:10"), ("study-out", "16:40"), ("care-out", "17:50"))
    left = [day.tap("Léa", reader, clock).ask for reader, clock in taps][2]
    assert sorted(parts(day)) == [(CARE, "0,75"), (CARE, "2,25"), (STUDY, "1,00")]
    to = Moment(number("Léa"), number(CARE), moment("16:40"))
    assert not isinstance(day.do(move, STAFF, Place(number("Léa"), number(STUDY), 20250106), left, to), Refusal)
    assert parts(day) == [(CARE, "0,75"), (STUDY, "1,00")]
    day.do(undo, STAFF)
    assert sorted(parts(day)) == [(CARE, "0,75"), (CARE, "2,25"), (STUDY, "1,00")]


def test_a_scan_that_staff_move_to_a_brother_is_priced_once_for_both(day: Day) -> None:
    """It was Tom who came back at 16:55 with Léa's badge: she was never there, so he pays in full."""
    cheaper_together(day, 5_00)
    stays_in_care(day, ("15:35", "16:50"), "Tom")
    came = day.tap("Léa", "care-in", "16:55").ask
    assert (parts(day), parts(day, "Tom")) == ([], [(CARE, "1,13")])
    to = Moment(number("Tom"), number(CARE), moment("16:55"))
    assert not isinstance(day.do(move, STAFF, Place(number("Léa"), number(CARE), 20250106), came, to), Refusal)
    day.tap("Tom", "care-out", "17:50")
    assert (parts(day), parts(day, "Tom")) == ([], [(CARE, "2,25"), (CARE, "1,50")])


# --- days that are not like others --------------------------------------------------------------------


@pytest.mark.parametrize(("on", "study_hours"), [(LONG_DAY, 3), (SHORT_DAY, 1), (date(2025, 10, 19), 2)])
def test_on_days_of_25_and_23_hours_every_hour_that_passed_is_care_or_study(day: Day, on: date, study_hours: int) -> None:
    """Care from 01:00 to 05:00, study in it from 01:30 to 03:30: an hour of study comes twice, or never."""
    study = replace(day.school.programmes[number(STUDY)], within=number(CARE), windows=(hours({6}, "01:30", "03:30"),), scans=Scans.BOTH)
    care = replace(day.school.programmes[number(CARE)], windows=(hours({6}, "00:00", "08:00"),))
    hourly = Line(Periods(Fixed(1000), period_min=60))
    day.change((care, study, Plan(1, number("Léa"), study.id, MONDAY), tariff(CARE, hourly), tariff(STUDY, hourly)))
    day.date = on
    stays_in_care(day, ("01:00", "05:00"))
    assert parts(day) == [(CARE, "1,00"), (STUDY, f"{study_hours},00"), (CARE, "2,00")]


def test_a_pupil_who_changes_class_and_site_during_a_stay_is_charged_where_the_stay_was(day: Day) -> None:
    with_study(day).tap("Léa", "care-in", "15:40")
    day.change((replace(day.school.pupils[number("Léa")], site=number("Parc"), group="4B"),))
    day.tap("Léa", "care-out", "17:50")
    assert (total_cents(day), day.balance_cents("Vanderzande"), day.balance_cents("Vanderzande", "Parc")) == (2_50, -2_50, 0)


def test_the_payer_is_that_of_the_day_of_the_stay_whenever_it_is_charged(day: Day) -> None:
    with_study(day).tap("Léa", "care-in", "15:40")
    day.change((Custody(1, number("Léa"), number("Quintelier"), TUESDAY),))
    day.tap("Léa", "care-out", "17:50")
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (-2_50, 0)
    day.change((Custody(1, number("Léa"), number("Quintelier"), MONDAY),))
    day.tap("Léa", "care-in", "15:30")
    assert day.balance_cents("Vanderzande") + day.balance_cents("Quintelier") == -2_50 - 75 + 75
    assert total_cents(day) == 2_50


def test_a_scan_ten_days_late_corrects_what_a_run_has_posted_and_the_correction_is_posted_at_once(day: Day) -> None:
    """Care on the sixth, posted with its week; the device of the door is back on the sixteenth: Léa had come at 15:20, not at 15:58."""
    with_study(day)
    day.change((replace(day.school.programmes[number(CARE)], post_days=7),))
    stays_in_care(day, ("15:58", "17:50"))
    assert [(one.stage, one.cents) for one in day.books.charges.values()] == [
        (Stage.GATHERED, 75),
        (Stage.POSTED, 1_00),
        (Stage.GATHERED, 75),
    ]
    day.close("23:00")
    day.do(post, Run(number(CARE), 20250106, moment("23:00")), next(iter(day.books.gathered)))
    assert day.balance_cents("Vanderzande") == -2_50
    late = msgspec.structs.replace(scan("Léa", "care-in", "15:20", n=90), taken_ms=moment("08:00", date(2025, 1, 16)))
    day.take(late)
    taken = [fact.cents for fact in day.last if isinstance(fact, Reversed) and fact.entries]
    made = [(fact.cents, fact.stage, fact.day) for fact in day.last if isinstance(fact, Charged)]
    assert sorted(taken) == [75, 75, 1_00]
    assert made == [(1_50, Stage.POSTED, 20250106), (1_00, Stage.POSTED, 20250106), (75, Stage.POSTED, 20250106)]
    assert (total_cents(day), day.balance_cents("Vanderzande"), day.books.gathered) == (3_25, -3_25, {})
