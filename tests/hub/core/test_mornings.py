"""Class mornings: late, absent, put right by a scan that comes late, and what staff say of it (requirements S46, S47)."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core import corrections, mornings
from hub.core.calendar import CalendarDay, DayKind
from hub.core.codes import Code, Excuse, Justification, Reason
from hub.core.corrections import Moment, Place, Staff
from hub.core.entrance import Morning, Said
from hub.core.facts import Charged, EntrancePassed, MorningJustified, MorningNoted, Refusal, RollTaken, ScanTaken, StayOpened
from hub.core.mornings import Word
from hub.core.school import BadgeState
from hub.core.settlement import close_days
from hub.core.timetable import ClassHours
from tests.mornings import JANE, PARC, TILLEULS, came, noted, roll, say, told, with_timetable
from tests.schools import LONG_DAY, MONDAY, SHORT_DAY, TUESDAY, WEDNESDAY, Day, badge, moment, number
from tests.schools import scan as scanned

SATURDAY = date(2025, 1, 11)


@pytest.fixture
def morning(day: Day) -> Day:
    """A Monday with class from 08:20, late after 08:25, absent at 10:00, until 15:30."""
    return with_timetable(day)


# --- late -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clock", "what"),
    [
        ("07:00", ""),
        ("08:20", ""),
        ("08:25", ""),  # the last instant of the five minutes
        ("08:25:01", "late 6"),  # started minutes since class began
        ("08:26", "late 6"),
        ("08:31", "late 11"),
        ("09:59:59", "late 100"),
        ("10:00", "late 100"),
        ("14:20", "late 360"),
    ],
)
def test_the_first_scan_at_the_entrance_tells_by_how_many_minutes_a_pupil_is_late(morning: Day, clock: str, what: str) -> None:
    assert came(morning, "Léa", clock).code is Code.SEEN
    assert told(morning, "Léa") == what


def test_an_entrance_scan_opens_no_stay_costs_nothing_and_asks_nothing(morning: Day) -> None:
    morning.bring("Vanderzande", 10_00)
    came(morning, "Léa", "08:31")
    assert [type(fact) for fact in morning.last] == [ScanTaken, EntrancePassed, MorningNoted]
    assert not morning.books.inside
    assert morning.questions() == []
    assert not [fact for each in morning.facts for fact in each if isinstance(fact, Charged | StayOpened)]


def test_only_the_first_scan_of_the_morning_counts(morning: Day) -> None:
    came(morning, "Léa", "08:10")
    came(morning, "Léa", "10:45")
    came(morning, "Tom", "08:31")
    came(morning, "Tom", "10:45")
    assert (told(morning, "Léa"), told(morning, "Tom")) == ("", "late 11")


def test_a_scan_on_the_way_out_is_no_arrival(morning: Day) -> None:
    came(morning, "Léa", "08:40", "way-out")
    assert told(morning, "Léa") == ""
    came(morning, "Léa", "08:50")
    assert told(morning, "Léa") == "late 30"


@pytest.mark.parametrize(
    ("on", "kind", "what"),
    [
        (MONDAY, DayKind.HOLIDAY, ""),
        (MONDAY, DayKind.PUBLIC, ""),
        (MONDAY, DayKind.PEDAGOGIC, ""),
        (MONDAY, DayKind.CAMP, ""),
        (MONDAY, DayKind.SCHOOL, "late 40"),
        (WEDNESDAY, DayKind.WEDNESDAY, "late 40"),
        (SATURDAY, DayKind.WEEKEND, ""),
        (SATURDAY, DayKind.SCHOOL, ""),  # no class hours on a Saturday
    ],
)
def test_nobody_is_late_or_absent_on_a_day_without_class(morning: Day, on: date, kind: DayKind, what: str) -> None:
    morning.change((CalendarDay(TILLEULS, on, kind), CalendarDay(PARC, on, kind)))
    morning.date = on
    came(morning, "Léa", "09:00")
    roll(morning, "10:00")
    assert (told(morning, "Léa"), told(morning, "Tom")) == (what, "missed" if what else "")


def test_a_class_with_hours_of_its_own_goes_by_them(morning: Day) -> None:
    morning.change((ClassHours(TILLEULS, "3A", 0, 9 * 60, 0, 10 * 60),))
    morning.change((replace(morning.school.pupils[number("Tom")], group="4B"),))
    came(morning, "Léa", "08:55")
    came(morning, "Tom", "08:55")
    assert (told(morning, "Léa"), told(morning, "Tom")) == ("", "late 35")


def test_mornings_are_noted_from_the_start_date_on(morning: Day) -> None:
    (hours,) = morning.school.class_hours[TILLEULS, "", 0]
    morning.change((replace(hours, until_day=hours.from_day), replace(hours, from_day=TUESDAY)))
    came(morning, "Léa", "09:00")
    roll(morning, "10:00")
    assert told(morning, "Léa") == told(morning, "Tom") == ""
    morning.next_day()
    came(morning, "Léa", "09:00")
    assert told(morning, "Léa") == "late 40"


def test_a_pupil_may_come_to_school_at_another_site_where_the_first_lesson_is(morning: Day) -> None:
    came(morning, "Mia", "08:30")
    came(morning, "Mia", "09:20", "parc-entrance")
    roll(morning, "10:00")
    assert told(morning, "Mia") == "late 10"
    assert noted(morning, "Mia") == Morning(PARC, moment("08:20"), moment("08:25"), moment("15:30"), moment("08:30"), 10)


# --- absent ---------------------------------------------------------------------------------------


def test_who_has_not_come_when_the_roll_is_due_is_absent(morning: Day) -> None:
    came(morning, "Léa", "08:15")
    assert roll(morning, "09:59") == ()
    facts = roll(morning, "10:00")
    assert {fact.pupil for fact in facts if isinstance(fact, MorningNoted)} == {number(who) for who in ("Tom", "Noé", "Mia")}
    assert [(fact.site, fact.absent) for fact in facts if isinstance(fact, RollTaken)] == sorted([(TILLEULS, 2), (PARC, 1)])
    assert told(morning, "Léa") == ""
    assert told(morning, "Tom") == "missed"


def test_the_roll_is_taken_once_a_morning(morning: Day) -> None:
    roll(morning, "10:00")
    assert [roll(morning, clock) for clock in ("10:00", "10:01", "15:00", "23:59")] == [(), (), (), ()]


def test_a_class_that_begins_later_is_called_later(morning: Day) -> None:
    morning.change((ClassHours(TILLEULS, "4B", 0, 9 * 60, 0, 11 * 60),))
    morning.change((replace(morning.school.pupils[number("Tom")], group="4B"),))
    roll(morning, "10:30")
    assert (told(morning, "Noé"), told(morning, "Tom")) == ("missed", "")
    roll(morning, "11:00")
    assert told(morning, "Tom") == "missed"


def test_a_hub_that_was_off_takes_todays_roll_and_no_older_one(morning: Day) -> None:
    morning.next_day()
    roll(morning, "14:00")
    assert (told(morning, "Tom"), told(morning, "Tom", MONDAY)) == ("missed", "")


def test_who_has_no_badge_cannot_be_seen_and_is_not_absent(morning: Day) -> None:
    (known,) = morning.school.badges[badge("Tom")]
    morning.change((replace(known, until_ms=moment("08:00")), replace(known, id=9, state=BadgeState.LOST, from_ms=moment("08:00"))))
    roll(morning, "10:00")
    assert (told(morning, "Tom"), told(morning, "Noé")) == ("", "missed")


def test_a_site_without_an_entrance_reader_notes_no_absence(day: Day) -> None:
    day.change((ClassHours(PARC, "", 0, 500),))
    assert roll(day, "12:00") == ()


def test_who_was_at_care_that_morning_has_come(morning: Day) -> None:
    morning.tap("Tom", "care-in", "07:40")
    morning.tap("Tom", "care-out", "08:15")
    roll(morning, "10:00")
    assert (told(morning, "Tom"), told(morning, "Noé")) == ("", "missed")


def test_a_scan_at_care_that_staff_took_away_is_no_arrival(morning: Day) -> None:
    taken = morning.tap("Tom", "care-in", "07:40")
    place = Place(number("Tom"), number("care"), 20250106)
    morning.do(corrections.void, Staff(JANE, Reason.WRONG_PUPIL, moment("09:00")), place, taken.ask)
    roll(morning, "10:00")
    assert told(morning, "Tom") == "missed"


def test_who_gets_a_badge_after_the_roll_is_not_called_with_the_next_class(morning: Day) -> None:
    (known,) = morning.school.badges[badge("Tom")]
    morning.change((replace(known, from_ms=moment("10:30")), ClassHours(TILLEULS, "4B", 0, 9 * 60, 0, 11 * 60)))
    roll(morning, "10:00")
    roll(morning, "11:00")
    assert told(morning, "Tom") == ""


# --- put right ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clock", "what"), [("10:30", "late 130"), ("08:31", "late 11"), ("08:20", "in time"), ("15:29", "late 429"), ("15:30", "missed")]
)
def test_a_scan_after_the_absence_was_noted_turns_it_into_what_it_was(morning: Day, clock: str, what: str) -> None:
    """By its own time, not by when it came in; who comes when class is over has missed it."""
    roll(morning, "10:00")
    came(morning, "Tom", clock)
    assert told(morning, "Tom") == what


def test_a_scan_that_comes_ten_days_late_from_an_outbox_puts_the_morning_right(morning: Day) -> None:
    roll(morning, "10:00")
    morning.next_day(10)
    came(morning, "Tom", "08:12", on=MONDAY)
    assert told(morning, "Tom", MONDAY) == "in time"


def test_a_scan_at_care_that_comes_late_puts_the_absence_right(morning: Day) -> None:
    roll(morning, "10:00")
    morning.tap("Tom", "care-in", "07:40")
    assert told(morning, "Tom") == "in time"


def test_a_friends_tap_at_care_hides_an_absence_until_staff_take_it_away_and_the_undo_gives_it_back(morning: Day) -> None:
    taken = morning.tap("Tom", "care-in", "07:40")
    roll(morning, "10:00")
    assert told(morning, "Tom") == ""
    place = Place(number("Tom"), number("care"), 20250106)
    morning.do(corrections.void, Staff(JANE, Reason.WRONG_PUPIL, moment("11:00")), place, taken.ask)
    assert told(morning, "Tom") == "missed"
    morning.do(corrections.undo, Staff(JANE, Reason.NONE, moment("11:02")))
    assert told(morning, "Tom") == "in time"


def test_a_mark_that_staff_move_to_another_pupil_brings_that_one_and_not_the_first(morning: Day) -> None:
    taken = morning.tap("Tom", "care-in", "07:40")
    roll(morning, "10:00")
    place, there = Place(number("Tom"), number("care"), 20250106), Moment(number("Noé"), number("care"), taken.at_ms)
    morning.do(corrections.move, Staff(JANE, Reason.WRONG_PUPIL, moment("11:00")), place, taken.ask, there)
    assert (told(morning, "Tom"), told(morning, "Noé")) == ("missed", "in time")


def test_a_mark_that_is_taken_away_before_the_roll_or_a_day_later_notes_no_absence(morning: Day) -> None:
    place = Place(number("Tom"), number("care"), 20250106)
    taken = morning.tap("Tom", "care-in", "07:40")
    morning.do(corrections.void, Staff(JANE, Reason.WRONG_PUPIL, moment("09:00")), place, taken.ask)
    assert told(morning, "Tom") == ""
    other = morning.tap("Tom", "care-in", "07:50")
    roll(morning, "10:00")
    roll(morning, "10:00", TUESDAY)
    morning.do(corrections.void, Staff(JANE, Reason.WRONG_PUPIL, moment("11:00", TUESDAY)), place, other.ask)
    assert told(morning, "Tom") == ""


def test_a_scan_of_care_in_the_afternoon_is_no_arrival_in_class(morning: Day) -> None:
    roll(morning, "10:00")
    morning.tap("Tom", "care-in", "15:40")
    assert told(morning, "Tom") == "missed"


def test_a_late_scan_of_a_day_that_is_not_kept_any_more_is_left_to_staff(morning: Day) -> None:
    roll(morning, "10:00")
    morning.do(close_days, moment("23:00", MONDAY + timedelta(days=60)))
    assert morning.books.forgotten == 20250106
    assert came(morning, "Tom", "08:12").code is Code.LATE_ORDER
    assert (morning.books.entrance.mornings, morning.books.entrance.passes) == ({}, {})


# --- clocks, midnight, and who moves --------------------------------------------------------------


@pytest.mark.parametrize("on", [LONG_DAY, SHORT_DAY])
def test_class_begins_by_the_clock_on_the_wall_on_the_days_of_25_and_23_hours(morning: Day, on: date) -> None:
    morning.date = on
    morning.change((CalendarDay(0, on, DayKind.SCHOOL), ClassHours(TILLEULS, "", 6, 500, 5, 600, 930)))
    came(morning, "Léa", "08:25")
    came(morning, "Tom", "08:31")
    assert roll(morning, "09:59:59") == ()
    roll(morning, "10:00")
    assert [told(morning, who) for who in ("Léa", "Tom", "Noé")] == ["", "late 11", "missed"]


def test_a_scan_before_midnight_is_no_arrival_of_the_next_day(morning: Day) -> None:
    came(morning, "Léa", "23:59:59")
    morning.next_day()
    roll(morning, "10:00")
    assert (told(morning, "Léa", MONDAY), told(morning, "Léa")) == ("", "missed")


def test_a_morning_that_was_noted_stays_with_the_site_and_hours_it_was_noted_with(morning: Day) -> None:
    """The pupil changes site and class, and only then the scan of the old site comes in."""
    roll(morning, "10:00")
    morning.change((replace(morning.school.pupils[number("Tom")], site=PARC, group="5C"), ClassHours(PARC, "5C", 0, 7 * 60)))
    came(morning, "Tom", "08:32")
    assert noted(morning, "Tom") == Morning(TILLEULS, moment("08:20"), moment("08:25"), moment("15:30"), moment("08:32"), 12)


def test_a_pupil_who_changes_site_during_the_morning_is_not_missing_at_the_new_one(morning: Day) -> None:
    came(morning, "Tom", "08:15")
    morning.change((replace(morning.school.pupils[number("Tom")], site=PARC),))
    roll(morning, "10:00")
    assert (told(morning, "Tom"), told(morning, "Noé")) == ("", "missed")


def test_a_pupil_who_changes_class_is_held_against_the_new_hours_from_the_next_morning_on(morning: Day) -> None:
    came(morning, "Tom", "08:31")
    morning.change((replace(morning.school.pupils[number("Tom")], group="5C"), ClassHours(TILLEULS, "5C", 1, 9 * 60)))
    came(morning, "Tom", "08:28")
    morning.next_day()
    came(morning, "Tom", "08:31")
    assert (told(morning, "Tom", MONDAY), told(morning, "Tom")) == ("late 8", "")


CARE = ("care-in", "care-out", "care-door")
TAPS = st.tuples(
    st.sampled_from(["Léa", "Tom", "Mia"]),
    st.sampled_from(["entrance", "way-out", "revolving", "parc-entrance", *CARE]),
    st.integers(7 * 60, 15 * 60 + 45),
)


@given(st.lists(TAPS, max_size=7, unique_by=lambda tap: (tap[0], tap[2])), st.data())
def test_the_order_in_which_scans_arrive_and_when_the_roll_is_taken_change_nothing(
    taps: list[tuple[str, str, int]], given_data: st.DataObject
) -> None:
    """Against a plain reckoning: the first scan of all that is no way out, before class is over."""
    day, order = with_timetable(Day()), given_data.draw(st.permutations(taps))
    called = given_data.draw(st.integers(0, len(taps)))
    for place, (who, reader, minute) in enumerate(order):
        if place == called:
            roll(day, "16:00")
        clock = f"{minute // 60:02}:{minute % 60:02}"
        if reader in CARE:
            day.take(scanned(who, reader, clock, n=place + 1))
        else:
            came(day, who, clock, reader)
    roll(day, "16:00")
    for who in ("Léa", "Tom", "Mia"):
        seen = [minute for name, reader, minute in taps if name == who and not reader.endswith("out") and minute < 15 * 60 + 30]
        first = min(seen, default=None)
        what = {"missed"} if first is None else {f"late {first - 500}"} if first > 505 else {"", "in time"}
        assert told(day, who) in what


# --- what staff say -------------------------------------------------------------------------------


def test_staff_say_that_a_lateness_is_justified_by_which_document_and_take_it_back(morning: Day) -> None:
    came(morning, "Léa", "09:00")
    assert say(morning, "Léa", Justification.NOT_JUSTIFIED) != ()
    facts = say(morning, "Léa", Justification.JUSTIFIED, Excuse.DOCTOR, 117)
    assert isinstance(facts, tuple)
    (fact,) = facts
    assert isinstance(fact, MorningJustified)
    assert (fact.who, fact.site, fact.day, fact.at_ms) == (JANE, TILLEULS, 20250106, moment("11:00"))
    assert morning.books.entrance.said_of(number("Léa"), 20250106) == Said(Justification.JUSTIFIED, Excuse.DOCTOR, 117)
    say(morning, "Léa", Justification.OPEN)
    assert morning.books.entrance.said_of(number("Léa"), 20250106) == Said()
    assert told(morning, "Léa") == "late 40", "what happened does not change by what is said of it"


def test_what_was_said_of_an_absence_stays_said_when_it_turns_out_to_be_a_lateness(morning: Day) -> None:
    roll(morning, "10:00")
    say(morning, "Tom", Justification.JUSTIFIED, Excuse.DOCTOR)
    came(morning, "Tom", "11:10")
    assert told(morning, "Tom") == "late 170"
    assert morning.books.entrance.said_of(number("Tom"), 20250106).state is Justification.JUSTIFIED


def test_an_absence_is_announced_before_class_begins(morning: Day) -> None:
    assert isinstance(say(morning, "Tom", Justification.JUSTIFIED, Excuse.ILL, on=TUESDAY), tuple)
    morning.next_day()
    roll(morning, "10:00")
    assert told(morning, "Tom") == "missed"
    assert morning.books.entrance.said_of(number("Tom"), 20250107).excuse is Excuse.ILL


@pytest.mark.parametrize(
    ("who", "on", "state", "excuse", "refused"),
    [
        ("Tom", MONDAY, Justification.JUSTIFIED, Excuse.NONE, Refusal("no_excuse")),
        ("Tom", MONDAY, Justification.OPEN, Excuse.NONE, Refusal("said_already", {"day": 20250106})),
        ("Tom", MONDAY - timedelta(days=3), Justification.JUSTIFIED, Excuse.ILL, Refusal("nothing_to_justify", {"day": 20250103})),
        ("Tom", SATURDAY, Justification.JUSTIFIED, Excuse.ILL, Refusal("nothing_to_justify", {"day": 20250111})),
        ("Noé", MONDAY, Justification.JUSTIFIED, Excuse.ILL, Refusal("nothing_to_justify", {"day": 20250106})),
        ("Nobody", MONDAY, Justification.OPEN, Excuse.NONE, Refusal("no_such_pupil")),
    ],
)
def test_what_cannot_be_justified_is_refused(
    morning: Day, who: str, on: date, state: Justification, excuse: Excuse, refused: Refusal
) -> None:
    roll(morning, "10:00")
    came(morning, "Noé", "08:15")  # in time after all
    assert say(morning, who, state, excuse, on=on) == refused


def test_a_morning_of_a_day_that_is_not_kept_any_more_is_not_justified(morning: Day) -> None:
    roll(morning, "10:00")
    morning.do(close_days, moment("23:00", MONDAY + timedelta(days=100)))
    word = Word(number("Tom"), MONDAY, Justification.JUSTIFIED, Excuse.ILL, 0, JANE)
    assert morning.do(mornings.justify, word, moment("23:30", MONDAY + timedelta(days=100))) == Refusal("day_over", {"day": 20250106})
