"""What staff are asked, and the one-tap answers: each makes the correction it promises, and the question goes away."""

from dataclasses import replace

import pytest

from hub.core import corrections, questions
from hub.core.codes import Act, Code, Reason
from hub.core.corrections import Staff
from hub.core.facts import Corrected, Refusal, Resolved
from hub.core.questions import Asked, Way
from hub.core.school import Programme
from hub.core.timetable import Attendance
from proto.messages import Light, Use
from tests.schools import MONDAY, TUESDAY, WEEK, ZONE, Day, hours, moment, number

JANE = 77
TODAY = 20250106
CARE = number("care")


def by(clock: str) -> Staff:
    return Staff(JANE, Reason.NONE, moment(clock))


def only(day: Day, clock: str = "20:00") -> Asked:
    """The one question that is open."""
    (question,) = day.questions()
    return questions.asked(day.school, day.books, question, moment(clock))


def stays(day: Day, who: str = "Léa", programme: str = "care") -> list[tuple[int, int]]:
    found = day.books.sheet(number(who), number(programme), TODAY).stays.values()
    return sorted((stay.from_ms, stay.until_ms) for stay in found)


@pytest.fixture
def day() -> Day:
    lived = Day()
    lived.bring("Vanderzande", 20_00)
    return lived


def test_a_forgotten_exit_is_answered_by_a_time_or_as_it_is_recorded_or_as_somebody_elses(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    day.close("19:31")
    found = only(day)
    assert found.ways == (Way.LEFT, Way.RECORDED, Way.NOT_MINE)
    assert found.at_ms == moment("18:00")
    assert found.holds_up
    day.do(questions.answer, by("20:00"), found.question.item, Way.LEFT, moment("16:50"))
    assert stays(day) == [(moment("15:40"), moment("16:50"))]
    assert day.questions() == []
    assert day.balance_cents("Vanderzande") == 20_00 - 3 * 75


@pytest.mark.parametrize(("way", "cents"), [(Way.RECORDED, 20_00 - 5 * 75), (Way.NOT_MINE, 20_00)])
def test_an_answer_charges_the_stay_or_takes_it_away(day: Day, way: Way, cents: int) -> None:
    day.tap("Léa", "care-in", "15:40")
    day.close("19:31")
    facts = day.do(questions.answer, by("20:00"), only(day).question.item, way)
    assert isinstance(facts, tuple)
    assert isinstance(facts[0], Corrected)
    assert facts[0].reason is questions.REASONS[way]
    assert day.questions() == []
    assert day.balance_cents("Vanderzande") == cents


def test_an_exit_without_an_entry_is_answered_by_an_arrival_at_the_beginning_of_the_hours(day: Day) -> None:
    day.tap("Léa", "care-out", "16:40")
    found = only(day)
    assert found.ways == (Way.CAME, Way.NOT_MINE)
    assert found.at_ms == moment("15:30")
    day.do(questions.answer, by("17:00"), found.question.item, Way.CAME, found.at_ms)
    assert stays(day) == [(moment("15:30"), moment("16:40"))]
    assert day.questions() == []


def test_a_pair_the_wrong_way_round_is_turned_with_one_answer(day: Day) -> None:
    day.tap("Léa", "care-out", "15:40")
    day.tap("Léa", "care-in", "16:40")
    found = only(day, "17:00")
    assert found.ways[0] is Way.INVERT
    day.do(questions.answer, by("17:00"), found.question.item, Way.INVERT)
    assert stays(day) == [(moment("15:40"), moment("16:40"))]
    assert day.questions() == []


def test_a_badge_on_two_sites_is_answered_where_it_was_not_the_pupil(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    day.tap("Léa", "parc-care", "15:50")
    (question,) = day.questions()
    assert question.reason is Reason.TWO_SITES
    found = only(day, "16:00")
    assert found.ways == (Way.NOT_MINE,)  # still there: nothing can be confirmed yet
    day.do(questions.answer, by("16:00"), question.item, Way.NOT_MINE)
    assert day.questions() == []
    assert day.is_in("Léa")
    assert not day.is_in("Léa", "parc-care")


def test_who_was_not_planned_is_confirmed_once_gone(day: Day) -> None:
    day.change((replace(day.school.programmes[CARE], attendance=Attendance.REGISTERED),))
    day.tap("Léa", "care-in", "15:40")
    assert only(day).ways == (Way.NOT_MINE,)
    day.tap("Léa", "care-out", "16:40")
    found = only(day)
    assert (found.question.reason, found.holds_up) == (Reason.NOT_PLANNED, False)
    day.do(questions.answer, by("17:00"), found.question.item, Way.RECORDED)
    assert day.questions() == []


def test_a_yes_that_nobody_saw_is_confirmed_or_another_childs(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    day.tap("Léa", "care-out", "16:40", shown=Light.ADULT)
    found = only(day)
    assert found.ways == (Way.RECORDED, Way.NOT_MINE)
    day.do(questions.answer, by("17:00"), found.question.item, Way.NOT_MINE)
    assert [question.reason for question in day.questions()] == []
    assert stays(day) == [(moment("15:40"), 0)]


def test_an_unknown_badge_is_noted_with_who_noted_it_and_leaves_nothing_to_undo(day: Day) -> None:
    day.tap("Nobody", "care-in", "15:40")
    found = only(day)
    assert (found.question.code, found.ways, found.place) == (Code.UNKNOWN, (Way.NOTED,), None)
    facts = day.do(questions.answer, by("17:00"), found.question.item, Way.NOTED)
    assert isinstance(facts, tuple)
    ask = facts[0].ask
    head = Corrected(ask, Act.VERIFY, 0, 0, TODAY, JANE, Reason.CONFIRMED, moment("17:00"))
    assert facts == (head, Resolved(ask, found.question.item))
    assert day.questions() == []
    assert day.do(corrections.undo, by("17:01")) == Refusal("nothing_to_undo")


def test_a_scan_outside_the_hours_is_noted(day: Day) -> None:
    day.tap("Léa", "care-in", "11:00")
    found = only(day)
    assert (found.question.code, found.ways) == (Code.CLOSED, (Way.NOTED, Way.NOT_MINE))
    day.do(questions.answer, by("17:00"), found.question.item, Way.NOTED)
    assert day.questions() == []


def test_what_somebody_else_has_answered_or_nobody_offered_is_refused(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    day.close("19:31")
    item = only(day).question.item
    assert day.do(questions.answer, by("20:00"), item, Way.NOTED) == Refusal("no_such_answer")
    day.do(questions.answer, by("20:00"), item, Way.RECORDED)
    assert day.do(questions.answer, by("20:00"), item, Way.RECORDED) == Refusal("answered_already")


def test_whoever_is_still_in_when_the_hours_are_over_is_named_before_it_is_a_question(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    day.tap("Tom", "study-in", "16:10")
    assert [one for one in questions.overdue(day.school, day.books, moment("18:04")) if one] == []
    ((stay, end_ms),) = filter(None, questions.overdue(day.school, day.books, moment("18:05")))
    assert (stay.pupil, end_ms) == (number("Léa"), moment("18:00"))  # a study stay ends with its hours


def test_a_clock_of_a_night_programme_is_of_the_next_morning_where_its_hours_go_on() -> None:
    night = Programme(1, 1, Use.CARE, "Internat", (hours(WEEK, "20:00", "31:00"),))
    assert questions.moment_ms(night, ZONE, TODAY, 21 * 60) == moment("21:00")
    assert questions.moment_ms(night, ZONE, TODAY, 6 * 60) == moment("06:00", TUESDAY)
    care = Programme(2, 1, Use.CARE, "Garderie", (hours(WEEK, "15:30", "18:00"),))
    assert questions.moment_ms(care, ZONE, TODAY, 6 * 60) == moment("06:00")


def test_a_clock_after_midnight_belongs_to_the_night_that_began_before() -> None:
    assert questions.clock_ms(TODAY, 18 * 60, ZONE) == moment("18:00")
    assert questions.clock_ms(TODAY, 30, ZONE, after_ms=moment("22:00")) == moment("00:30", MONDAY.replace(day=7))
