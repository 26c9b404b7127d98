"""Presence in care and study: who is in, what a stay costs, and stays that nobody ended."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.calendar import CalendarDay, DayKind
from hub.core.codes import Code, Reason
from hub.core.facts import Charged, Marked, Reversed, StayClosed, StayOpened, Unresolved
from hub.core.formulas import Fixed, Line, Periods, Siblings
from hub.core.school import Scans, TariffGroup
from hub.core.wallets import reverse
from proto.messages import Light
from tests.journals import check_books
from tests.schools import (
    CARE_LINE,
    LONG_DAY,
    MONDAY,
    SCHOOL_DAYS,
    STUDY_LINE,
    TUESDAY,
    WEDNESDAY,
    WEEK,
    Day,
    hours,
    moment,
    number,
    reported,
    scan,
    tariff,
)

KEY = (number("Léa"), number("care"), 20250106)


def charged_cents(day: Day) -> int:
    """What the family was charged at this site in all."""
    return -day.balance_cents("Vanderzande")


def test_a_pupil_arrives_in_care_leaves_and_is_charged_for_the_half_hours_started(day: Day) -> None:
    assert day.tap("Léa", "care-door", "15:35").code is Code.IN
    assert day.is_in("Léa")
    assert charged_cents(day) == 0
    assert day.tap("Léa", "care-door", "16:45").code is Code.OUT
    assert day.books.inside == {}
    assert charged_cents(day) == 2_25
    assert day.questions() == []


def test_a_stay_of_less_than_the_tolerance_costs_nothing_and_makes_no_charge(day: Day) -> None:
    day.tap("Léa", "care-in", "15:35")
    assert day.tap("Léa", "care-out", "15:40").code is Code.OUT
    assert [type(fact) for fact in day.last[1:]] == [Marked, StayClosed]


def test_care_is_charged_whatever_the_debt(day: Day) -> None:
    day.bring("Vanderzande", -500_00)
    day.tap("Léa", "care-in", "15:35")
    assert day.tap("Léa", "care-out", "16:45").light is Light.ACCEPTED
    assert day.balance_cents("Vanderzande") == -502_25


def test_several_stays_a_day_are_charged_each(day: Day) -> None:
    for clock in ("07:30", "08:20", "15:30", "16:00"):
        day.tap("Léa", "care-door", clock)
    assert charged_cents(day) == 1_50 + 75


@pytest.mark.parametrize(
    ("taps", "codes"),
    [
        ([("care-door", "16:00"), ("care-door", "16:01:59")], [Code.IN, Code.ALREADY_IN]),
        ([("care-door", "16:00"), ("care-door", "16:02")], [Code.IN, Code.OUT]),
        ([("care-door", "16:00"), ("care-door", "16:30"), ("care-door", "16:31")], [Code.IN, Code.OUT, Code.ALREADY_OUT]),
        ([("care-door", "16:00"), ("care-door", "16:30"), ("care-door", "16:32")], [Code.IN, Code.OUT, Code.IN]),
        ([("care-door", "16:00"), ("care-gate", "16:01")], [Code.IN, Code.ALREADY_IN]),  # the other door of the same care
        ([("care-in", "16:00"), ("care-door", "16:01")], [Code.IN, Code.ALREADY_IN]),
        ([("care-in", "16:00"), ("care-out", "16:01")], [Code.IN, Code.OUT]),  # an exit reader means what it says
        ([("care-in", "16:00"), ("care-in", "17:00")], [Code.IN, Code.ALREADY_IN]),
        ([("care-in", "16:00"), ("care-out", "16:30"), ("care-out", "16:31")], [Code.IN, Code.OUT, Code.ALREADY_OUT]),
        ([("care-in", "16:00"), ("care-out", "16:30"), ("care-out", "16:32")], [Code.IN, Code.OUT, Code.NO_ENTRY]),
        ([("care-out", "16:30")], [Code.NO_ENTRY]),
    ],
)
def test_what_a_tap_means_by_the_direction_of_its_reader(day: Day, taps: list[tuple[str, str]], codes: list[Code]) -> None:
    assert [day.tap("Léa", reader, clock).code for reader, clock in taps] == codes


def test_a_second_tap_on_a_toggle_reader_within_two_minutes_changes_nothing(day: Day) -> None:
    day.tap("Léa", "care-door", "16:00")
    again = day.tap("Léa", "care-door", "16:01")
    assert again.light is Light.ACCEPTED
    assert [type(fact) for fact in day.last[1:]] == [Marked]
    assert day.is_in("Léa")


def test_an_exit_without_an_entry_asks_staff_and_charges_nothing(day: Day) -> None:
    taken = day.tap("Léa", "care-out", "16:30")
    assert taken.light is Light.LOOK
    (question,) = day.questions()
    assert (question.code, question.reason, question.pupil) == (Code.NO_ENTRY, Reason.NO_ENTRY, number("Léa"))
    assert charged_cents(day) == 0


def test_siblings_and_programmes_do_not_mix(day: Day) -> None:
    day.tap("Léa", "care-door", "16:00")
    assert day.tap("Tom", "care-door", "16:00:30").code is Code.IN
    assert day.tap("Léa", "study-door", "16:10").code is Code.IN
    assert day.is_in("Léa")
    assert day.is_in("Léa", "study")
    assert day.tap("Léa", "care-door", "17:00").code is Code.OUT
    assert day.is_in("Léa", "study")


def test_a_badge_of_the_other_site_is_served_and_charged_where_it_is_used(day: Day) -> None:
    day.tap("Mia", "care-in", "15:30")
    day.tap("Mia", "care-out", "16:10")
    assert (day.balance_cents("Okonkwo", "Tilleuls"), day.balance_cents("Okonkwo", "Parc")) == (-1_50, 0)


def test_presence_at_two_sites_is_two_stays(day: Day) -> None:
    day.tap("Léa", "care-door", "16:00")
    assert day.tap("Léa", "parc-care", "16:30").code is Code.IN
    assert day.is_in("Léa", "care")
    assert day.is_in("Léa", "parc-care")


# --- hours ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date_", "reader", "clock", "code"),
    [
        (MONDAY, "care-door", "05:29", Code.CLOSED),
        (MONDAY, "care-door", "05:30", Code.IN),
        (MONDAY, "care-door", "08:29", Code.IN),
        (MONDAY, "care-door", "08:30", Code.CLOSED),
        (MONDAY, "care-door", "13:59", Code.CLOSED),
        (MONDAY, "care-door", "14:00", Code.IN),
        (MONDAY, "care-door", "18:00", Code.CLOSED),  # nobody arrives after the end
        (WEDNESDAY, "care-door", "11:00", Code.IN),
        (WEDNESDAY, "study-door", "16:10", Code.CLOSED),  # no study on Wednesday
        (date(2025, 1, 11), "care-door", "16:00", Code.CLOSED),  # a Saturday
        (MONDAY, "parc-study", "16:10", Code.CLOSED),  # Le Parc has no study
    ],
)
def test_a_pupil_arrives_up_to_ninety_minutes_before_the_hours_and_never_outside(
    day: Day, date_: date, reader: str, clock: str, code: Code
) -> None:
    day.date = date_
    assert day.tap("Léa", reader, clock).code is code
    assert len(day.questions()) == (code is Code.CLOSED)


def test_a_pupil_may_leave_up_to_ninety_minutes_after_the_hours_and_pays_for_them(day: Day) -> None:
    day.tap("Léa", "care-door", "17:00")
    assert day.tap("Léa", "care-door", "19:29").code is Code.OUT
    assert charged_cents(day) == 3_75


def test_hours_that_touch_are_one_stay(day: Day) -> None:
    """Care until 16:05 and care from 16:05 are two lines of a plan, and one afternoon of a child."""
    care = day.school.programmes[number("care")]
    day.change((replace(care, windows=(hours({0}, "15:00", "16:05"), hours({0}, "16:05", "18:00"))),))
    day.tap("Léa", "care-door", "15:10")
    assert day.tap("Léa", "care-door", "17:50").code is Code.OUT
    assert charged_cents(day) == 4_50
    assert day.questions() == []


def test_a_forgotten_exit_at_noon_does_not_turn_the_afternoons_arrival_into_an_exit(day: Day) -> None:
    care = day.school.programmes[number("care")]
    day.change((replace(care, windows=(hours({0}, "12:00", "13:30"), hours({0}, "15:00", "18:00"))),))
    day.tap("Léa", "care-door", "12:10")
    assert day.tap("Léa", "care-door", "14:50").code is Code.IN
    assert day.is_in("Léa")
    assert [question.reason for question in day.questions()] == [Reason.NO_EXIT]
    day.tap("Léa", "care-door", "16:00")
    assert charged_cents(day) == 2_25


@pytest.mark.parametrize(("reader", "clock"), [("care-door", "13:40"), ("care-door", "14:14"), ("care-out", "14:50")])
def test_an_exit_nearer_to_the_hours_that_end_or_on_an_exit_reader_is_an_exit(day: Day, reader: str, clock: str) -> None:
    care = day.school.programmes[number("care")]
    day.change((replace(care, windows=(hours({0}, "12:00", "13:30"), hours({0}, "15:00", "18:00"))),))
    day.tap("Léa", "care-door", "12:10")
    assert day.tap("Léa", reader, clock).code is Code.OUT
    assert day.questions() == []


def test_a_stay_across_midnight_is_one_stay(day: Day) -> None:
    care = day.school.programmes[number("care")]
    day.change((replace(care, windows=(hours({0}, "20:00", "25:00"),)),))
    day.tap("Léa", "care-door", "23:30")
    day.next_day()
    assert day.tap("Léa", "care-door", "00:20").code is Code.OUT
    assert charged_cents(day) == 1_50


def test_a_night_of_25_hours_is_charged_for_every_hour_that_passed(day: Day) -> None:
    care = day.school.programmes[number("care")]
    hourly = Line(Periods(Fixed(1000), period_min=60))
    day.change((replace(care, windows=(hours({6}, "00:00", "08:00"),)), tariff("care", hourly)))
    day.date = LONG_DAY
    day.tap("Léa", "care-in", "01:00")
    day.tap("Léa", "care-out", "04:00")
    assert charged_cents(day) == 4_00


@pytest.mark.parametrize(
    ("day_", "clock", "cents"),
    [
        (MONDAY, "16:05", 1_00),
        (TUESDAY, "17:30", 1_00),
        (WEDNESDAY, "16:05", 0),
        (date(2025, 1, 9), "16:30", 1_00),
        (date(2025, 1, 10), "17:59", 1_00),
        (date(2025, 1, 10), "18:00", 0),
        (date(2025, 1, 11), "16:05", 0),
    ],
)
def test_an_evening_study_costs_one_euro_on_monday_tuesday_thursday_and_friday_and_there_is_none_on_wednesday(
    day: Day, day_: date, clock: str, cents: int
) -> None:
    day.date = day_
    day.tap("Léa", "study-door", clock)
    assert charged_cents(day) == cents


def test_care_and_study_of_a_day_cost_a_pupil_at_most_what_their_group_says_and_what_was_taken_back_is_free_again(day: Day) -> None:
    group = TariffGroup(number("day"), "Extrascolaire", 3_00)
    day.change((tariff("care", CARE_LINE, group="day"), tariff("study", STUDY_LINE, group="day"), group))
    for clock in ("07:00", "08:10"):
        day.tap("Léa", "care-door", clock)
    assert charged_cents(day) == 2_25
    day.tap("Léa", "study-door", "16:05")
    assert charged_cents(day) == 3_00
    study = next(charge for charge in day.books.charges.values() if charge.item == number("study"))
    assert study.cents == 75
    day.do(lambda _school, _books, ask: reverse(ask, study, moment("16:30"), Reason.CORRECTED))
    assert charged_cents(day) == 2_25
    for clock in ("17:00", "17:50"):
        day.tap("Léa", "care-door", clock)
    assert charged_cents(day) == 3_00
    day.next_day()
    for clock in ("07:00", "08:10"):
        day.tap("Léa", "care-door", clock)
    assert charged_cents(day) == 3_00 + 2_25


def test_a_sibling_who_was_there_that_day_makes_the_younger_ones_stay_cheaper(day: Day) -> None:
    lea, tom = day.school.pupils[number("Léa")], day.school.pupils[number("Tom")]
    half = Line(Periods(Fixed(750), 30, 5), siblings=Siblings((0, 50), present=True))
    day.change((replace(lea, born=date(2014, 1, 1)), replace(tom, born=date(2017, 1, 1)), tariff("care", half)))
    day.tap("Tom", "care-in", "15:30")
    day.tap("Tom", "care-out", "16:40")
    assert charged_cents(day) == 2_25
    day.next_day()
    day.tap("Léa", "study-in", "16:05")
    day.tap("Tom", "care-in", "16:10")
    day.tap("Tom", "care-out", "17:20")
    assert charged_cents(day) == 2_25 + 1_00 + 1_13


# --- stays nobody ended --------------------------------------------------------------------------


def test_a_forgotten_exit_is_ended_with_the_hours_asked_of_staff_and_not_charged(day: Day) -> None:
    day.tap("Léa", "care-door", "16:00")
    assert day.close("19:29") == ()
    assert day.is_in("Léa")
    closed, question = day.close("19:30")
    assert isinstance(closed, StayClosed)
    assert (closed.at_ms, closed.reason) == (moment("18:00"), Reason.NO_EXIT)
    assert question == day.questions()[0]
    assert not day.is_in("Léa")
    assert charged_cents(day) == 0
    assert day.close("23:00") == ()


def test_a_forgotten_exit_of_yesterday_is_ended_before_todays_arrival(day: Day) -> None:
    day.tap("Léa", "care-door", "16:00")
    day.next_day()
    taken = day.tap("Léa", "care-door", "07:30")
    assert taken.code is Code.IN
    assert [type(fact) for fact in day.last[1:]] == [StayClosed, Unresolved, Marked, StayOpened]
    assert [(question.reason, question.at_ms) for question in day.questions()] == [(Reason.NO_EXIT, moment("18:00"))]
    day.tap("Léa", "care-door", "08:00")
    assert charged_cents(day) == 75


def test_an_exit_on_the_day_after_a_forgotten_exit_is_an_exit_without_entry(day: Day) -> None:
    day.tap("Léa", "care-in", "16:00")
    day.next_day()
    assert day.tap("Léa", "care-out", "08:00").code is Code.NO_ENTRY
    assert [question.reason for question in day.questions()] == [Reason.NO_EXIT, Reason.NO_ENTRY]
    assert charged_cents(day) == 0


def test_an_exit_that_arrives_after_the_stay_was_ended_ends_it_and_answers_the_question(day: Day) -> None:
    """The device was cut off: its 17:40 comes in when the hub has already ended the stay at 18:00."""
    day.tap("Léa", "care-door", "16:00")
    day.close("20:00")
    taken = day.tap("Léa", "care-door", "17:40", shown=Light.ACCEPTED)
    assert (taken.code, taken.light) == (Code.OUT, Light.ACCEPTED)
    assert day.questions() == []
    assert charged_cents(day) == 3_00


def test_an_entry_that_arrives_after_a_later_move_is_where_the_stay_began(day: Day) -> None:
    day.tap("Léa", "care-in", "16:00")
    day.tap("Léa", "care-out", "17:00")
    assert charged_cents(day) == 1_50
    assert day.tap("Léa", "care-in", "15:40", shown=Light.ACCEPTED).code is Code.IN
    assert not day.is_in("Léa")
    assert charged_cents(day) == 2_25
    assert [fact.reason for fact in day.last if isinstance(fact, Reversed)] == [Reason.CORRECTED]


def test_an_entry_ten_days_late_of_a_pupil_who_came_since_leaves_today_as_it_is(day: Day) -> None:
    day.next_day(10)
    day.tap("Léa", "care-in", "16:00")
    day.next_day(-10)
    assert day.tap("Léa", "care-in", "16:00", shown=Light.ACCEPTED).code is Code.IN
    assert [question.reason for question in day.questions()] == [Reason.NO_EXIT]
    day.tap("Léa", "care-out", "16:50", shown=Light.ACCEPTED)
    assert day.questions() == []
    assert day.is_in("Léa")
    assert charged_cents(day) == 1_50


TAPS = [
    ("care-in", "15:35"),
    ("care-door", "16:10"),
    ("care-door", "16:50"),
    ("care-out", "17:05"),
    ("care-door", "17:20"),
    ("care-out", "17:58"),
]


@given(st.permutations(TAPS), st.integers(1, len(TAPS)))
def test_the_order_in_which_scans_arrive_changes_nothing_in_the_end(taps: list[tuple[str, str]], count: int) -> None:
    """Neither who was in when, nor what it costs, nor what staff are asked."""
    late, timely = Day(), Day()
    for day, order in ((late, taps[:count]), (timely, sorted(taps[:count], key=lambda tap: tap[1]))):
        for reader, clock in order:
            day.take(scan("Léa", reader, clock, n=1 + TAPS.index((reader, clock))))
        day.close("23:00")
        check_books([fact for each in day.facts for fact in each], day.books)
    assert late.books.sheet(*KEY).stays == timely.books.sheet(*KEY).stays
    assert charged_cents(late) == charged_cents(timely)
    assert {(one.subject, one.reason) for one in late.questions()} == {(one.subject, one.reason) for one in timely.questions()}


def test_a_stay_of_a_journal_from_before_days_were_kept_is_ended_with_its_hours_and_asked_of_staff(day: Day) -> None:
    day.do(lambda _school, _books, ask: (StayOpened(ask, 7, number("Léa"), number("Tilleuls"), number("care"), moment("16:00")),))
    assert day.close("19:29") == ()
    closed, question = day.close("19:30")
    assert isinstance(closed, StayClosed)
    assert (closed.at_ms, closed.reason, question) == (moment("18:00"), Reason.NO_EXIT, day.questions()[0])
    assert not day.is_in("Léa")


# --- study ---------------------------------------------------------------------------------------


def test_study_costs_a_session_on_arrival_and_ends_by_itself(day: Day) -> None:
    assert day.tap("Léa", "study-door", "16:05").code is Code.IN
    assert charged_cents(day) == 1_00
    assert day.close("17:59") == ()
    (closed,) = day.close("18:00")
    assert isinstance(closed, StayClosed)
    assert closed.reason is Reason.NONE
    assert charged_cents(day) == 1_00
    assert day.questions() == []


def test_study_is_charged_once_a_day_however_often_the_pupil_comes_and_goes(day: Day) -> None:
    codes = [day.tap("Léa", "study-door", clock).code for clock in ("16:10", "16:30", "16:40", "17:00", "17:20")]
    assert codes == [Code.IN, Code.OUT, Code.IN, Code.OUT, Code.IN]
    assert charged_cents(day) == 1_00


def test_study_is_charged_again_the_next_day_also_when_nobody_ended_it(day: Day) -> None:
    day.tap("Léa", "study-door", "16:10")
    day.next_day()
    assert day.tap("Léa", "study-door", "16:10").code is Code.IN
    assert charged_cents(day) == 2_00


def test_a_session_that_ends_by_an_exit_scan_is_charged_once_a_day_too(day: Day) -> None:
    day.change((replace(day.school.programmes[number("study")], scans=Scans.BOTH),))
    for clock in ("16:10", "16:30", "16:40", "17:00"):
        day.tap("Léa", "study-door", clock)
    assert charged_cents(day) == 1_00


def test_study_is_charged_when_the_pupil_comes_back_after_a_tap_that_was_not_lit(day: Day) -> None:
    day.tap("Léa", "study-in", "16:10", shown=Light.ADULT)
    assert charged_cents(day) == 0
    assert day.tap("Léa", "study-in", "16:11").code is Code.ALREADY_IN
    day.tap("Léa", "study-out", "16:30")
    day.tap("Léa", "study-in", "16:40")
    assert charged_cents(day) == 1_00


def test_a_session_whose_charge_was_taken_back_is_charged_when_the_pupil_comes_back(day: Day) -> None:
    first = scan("Léa", "study-in", "16:10", n=1)
    day.take(first)
    day.report(reported(first, Light.ADULT))
    assert charged_cents(day) == 0
    for n, (reader, clock) in enumerate([("study-out", "16:30"), ("study-in", "16:40"), ("study-out", "16:50"), ("study-in", "17:00")], 2):
        day.take(scan("Léa", reader, clock, n=n))
    assert charged_cents(day) == 1_00


@pytest.mark.parametrize("reader", ["study-door", "study-out"])
def test_a_pupil_who_taps_on_leaving_after_study_has_ended_is_no_question_for_staff(day: Day, reader: str) -> None:
    day.tap("Léa", "study-door", "16:10")
    day.close("18:00")
    taken = day.tap("Léa", reader, "18:10")
    assert (taken.code, taken.light) == (Code.OUT, Light.ACCEPTED)
    assert [type(fact) for fact in day.last[1:]] == [Marked]
    assert day.questions() == []
    assert not day.is_in("Léa", "study")


def test_a_departure_that_was_not_lit_ends_the_stay_and_is_not_charged(day: Day) -> None:
    day.tap("Léa", "care-in", "15:30")
    day.tap("Léa", "care-out", "17:00", shown=Light.ADULT)
    assert not day.is_in("Léa")
    assert not [fact for fact in day.last if isinstance(fact, Charged)]
    assert [question.reason for question in day.questions()] == [Reason.NOT_LIT]


# --- which programme a tap is about ---------------------------------------------------------------

CAMP_DAY = date(2025, 1, 9)


def with_mornings_and_camp() -> Day:
    """Care in the morning and in the evening are two programmes, and on days of camp there is another."""
    day = Day()
    care = day.school.programmes[number("care")]
    ordinary = frozenset({DayKind.SCHOOL, DayKind.WEDNESDAY})
    camp_hours = (hours(WEEK, "08:00", "17:00"),)
    day.change(
        (
            replace(care, windows=(hours(SCHOOL_DAYS, "15:30", "18:00"),), days=ordinary),
            replace(care, id=number("morning"), name="Accueil", windows=(hours(WEEK, "07:00", "08:30"),), days=ordinary),
            replace(care, id=number("camp"), name="Stage", windows=camp_hours, days=frozenset({DayKind.CAMP})),
            CalendarDay(number("Tilleuls"), CAMP_DAY, DayKind.CAMP),
            CalendarDay(0, date(2025, 1, 10), DayKind.PUBLIC),
        )
    )
    return day


@pytest.mark.parametrize(
    ("on", "clock", "programme", "code"),
    [
        (MONDAY, "07:20", "morning", Code.IN),
        (MONDAY, "11:00", None, Code.CLOSED),
        (MONDAY, "15:00", "care", Code.IN),
        (CAMP_DAY, "07:20", "camp", Code.IN),
        (CAMP_DAY, "15:40", "camp", Code.IN),
        (date(2025, 1, 10), "15:40", None, Code.CLOSED),
    ],
    ids=["morning", "between", "evening", "camp in the morning", "camp in the afternoon", "public holiday"],
)
def test_the_programme_is_decided_by_use_site_calendar_and_event_time(on: date, clock: str, programme: str | None, code: Code) -> None:
    day = with_mornings_and_camp()
    day.date = on
    assert day.tap("Léa", "care-door", clock).code is code
    assert set(day.books.inside.get(number("Léa"), {})) == ({number(programme)} if programme else set())


def test_the_morning_s_forgotten_exit_does_not_swallow_the_evening_of_another_programme() -> None:
    day = with_mornings_and_camp()
    for clock in ("07:20", "15:40", "16:40"):
        day.tap("Léa", "care-door", clock)
    assert not day.is_in("Léa", "care")
    day.close("19:31")
    assert [question.reason for question in day.questions()] == [Reason.NO_EXIT]


def test_where_only_exits_are_scanned_a_second_one_counts_from_the_first(day: Day) -> None:
    """60 minutes from the beginning of the hours, then 70: not the first 60 twice."""
    day.change((replace(day.school.programmes[number("care")], scans=Scans.EXIT),))
    for clock, cents in (("16:30", 1_50), ("17:40", 1_50 + 2_25)):
        assert day.tap("Léa", "care-out", clock).code is Code.OUT
        assert charged_cents(day) == cents
