"""A draft tariff on days that have been: amounts worked out by hand, and nothing booked."""

from datetime import date

from hypothesis import given

from hub.core.formulas import Fixed, Line, Periods, Session, Siblings
from hub.core.school import FamilyFile, TariffGroup, edited
from hub.core.tryout import Change, Stayed, reckon, together, tryout
from tests.hub.core.test_tariffs import costs, tariff_lines
from tests.schools import CARE_LINE, MONDAY, STUDY_LINE, TUESDAY, moment, number, small_school, tariff

TILLEULS = number("Tilleuls")


def was(who: str, start: str, end: str, day: date = MONDAY, programme: str = "care") -> Stayed:
    return Stayed(number(who), TILLEULS, number(programme), moment(start, day), moment(end, day))


WEEK = (
    was("Léa", "15:30", "16:40"),
    was("Tom", "15:30", "18:00"),
    was("Noé", "17:00", "17:20"),
    was("Léa", "16:05", "16:05", TUESDAY, "study"),
    was("Léa", "17:15", "17:15", TUESDAY, "study"),
)
"""Care at 0,75 € per half hour: 2,25 + 3,75 + 0,75; study once, 1,00 €."""


def test_a_draft_says_what_it_would_bring_in_and_who_would_pay_more() -> None:
    hourly = Line(Periods(Fixed(1200), period_min=60))
    trial = tryout(small_school(), costs(hourly), reversed(WEEK))
    assert trial.total == Change(0, 7_75, 2_40 + 3_60 + 1_20 + 1_00)
    assert trial.households == (Change(number("Quintelier"), 75, 1_20), Change(number("Vanderzande"), 7_00, 7_00))
    worst = trial.each[0]
    assert (trial.stays[worst.of], worst.more_cents) == (WEEK[2], 45)
    assert trial.each[-1].more_cents == -15


def test_days_that_are_tried_one_by_one_come_to_the_same() -> None:
    before, draft = small_school(), costs(Line(Periods(Fixed(1200), period_min=60)))
    assert together([tryout(before, draft, WEEK[:3]), tryout(before, draft, WEEK[3:])]) == tryout(before, draft, WEEK)


def test_one_programme_is_told_of_alone_and_the_others_still_count_towards_the_days_maximum() -> None:
    day = TariffGroup(number("day"), "Journée", 3_00)
    rows = (day, tariff("care", CARE_LINE, group="day"), tariff("study", STUDY_LINE, group="day"))
    dearer = edited(small_school(), (*rows, tariff("study", Line(Session(Fixed(2000))), group="day")))
    stays = (was("Léa", "15:30", "16:40"), was("Léa", "16:41", "16:41", programme="study"))
    trial = tryout(edited(small_school(), rows), dearer, stays, {number("study")})
    assert trial.stays == stays[1:]
    assert trial.total == Change(0, 75, 75)  # 2,25 of 3,00 went to care


def test_families_are_counted_by_the_bracket_of_their_file() -> None:
    file = FamilyFile(1, number("Quintelier"), date(2024, 9, 1), bracket=3, validated_day=date(2024, 9, 1))
    school = edited(small_school(), (file,))
    trial = tryout(school, edited(school, (tariff("care", Line(Session(Fixed(1000)))),)), WEEK)
    assert set(trial.brackets) == {Change(3, 75, 1_00), Change(10, 7_00, 3_00)}


def test_siblings_present_are_those_of_the_day_and_a_groups_day_fills_up_in_order() -> None:
    half = Line(Periods(Fixed(750), 30, 5), siblings=Siblings((0, 50), present=True))
    school = costs(half)
    younger = "Tom" if number("Léa") < number("Tom") else "Léa"
    by_name = dict(zip(("Léa", "Tom", "Noé"), reckon(school, WEEK[:3]), strict=True))
    assert by_name == {"Léa": 2_25, "Tom": 3_75, "Noé": 75} | {younger: {"Léa": 1_13, "Tom": 1_88}[younger]}
    assert reckon(school, WEEK[:1]) == [2_25]
    rows = (tariff("care", CARE_LINE, group="day"), tariff("study", STUDY_LINE, group="day"), TariffGroup(number("day"), "Jour", 3_00))
    day = (was("Léa", "15:30", "16:40"), was("Léa", "16:05", "16:05", programme="study"), was("Léa", "15:30", "16:40", TUESDAY))
    assert reckon(edited(small_school(), rows), day) == [2_25, 75, 2_25]


def test_stays_of_what_is_not_set_up_any_more_are_left_out() -> None:
    lea, care = number("Léa"), number("care")
    gone = (Stayed(1, TILLEULS, care, 0, 1), Stayed(lea, 1, care, 0, 1), Stayed(lea, TILLEULS, 1, 0, 1))
    assert tryout(small_school(), small_school(), gone).stays == ()


@given(tariff_lines)
def test_what_families_and_brackets_pay_is_the_revenue_and_the_same_tariff_changes_nothing(line: Line) -> None:
    school = small_school()
    trial = tryout(school, costs(line), WEEK)
    for parts in (trial.households, trial.brackets, trial.each):
        assert sum(part.before_cents for part in parts) == trial.total.before_cents
        assert sum(part.after_cents for part in parts) == trial.total.after_cents
    assert tryout(school, school, WEEK).total.more_cents == 0
