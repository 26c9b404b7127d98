"""A draft tariff on days that have been: amounts worked out by hand, and nothing booked."""

from datetime import date

import pytest
from hypothesis import given
from msgspec.structs import replace

from hub.core.canteen import reserve
from hub.core.codes import Reason
from hub.core.facts import Charged, Reversed
from hub.core.formulas import Fixed, Line, Periods, Session, Siblings
from hub.core.givenback import take_back
from hub.core.school import FamilyFile, TariffGroup, edited
from hub.core.tryout import Bought, Change, Stayed, reckon, together, tryout
from tests.hub.core.test_nested import UNTIL_A_QUARTER_PAST_FIVE
from tests.hub.core.test_tariffs import costs, tariff_lines
from tests.planned import stays_in_care, total_cents, with_study
from tests.schools import CARE_LINE, MONDAY, STUDY_LINE, TUESDAY, Day, moment, number, small_school, tariff

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


@pytest.mark.parametrize(("came", "left", "expected"), UNTIL_A_QUARTER_PAST_FIVE)
def test_hours_within_another_programme_are_tried_as_the_day_itself_prices_them(
    came: str, left: str, expected: list[tuple[str, str]]
) -> None:
    """Study takes its hours out of the care of who is planned there (S44): what it costs now is what was charged."""
    day = with_study(Day())
    stays_in_care(day, (came, left))
    assert total_cents(day) == sum(round(float(euros.replace(",", ".")) * 100) for _, euros in expected)
    dearer = edited(day.school, (tariff("study", Line(Session(Fixed(2500)))),))
    trial = tryout(day.school, dearer, [was("Léa", came, left)])
    sessions = sum(what == "study" for what, _ in expected)
    assert trial.total == Change(0, total_cents(day), total_cents(day) + 1_50 * sessions)


def test_who_scanned_at_study_is_tried_there_and_care_is_tried_around_it() -> None:
    day = with_study(Day())
    stays = (was("Tom", "15:40", "17:50"), was("Tom", "16:10", "16:10", programme="study"))
    assert tryout(day.school, day.school, stays).total.before_cents == 75 + 1_00 + 75


def had(who: str, product: str, units: int = 1, supplement_cents: int = 0) -> Stayed:
    """Bought for Monday."""
    return Stayed(number(who), TILLEULS, number(product), moment("00:00"), moment("00:00"), units, supplement_cents)


def test_meals_and_articles_are_tried_where_a_tariff_has_their_price_now_or_in_the_draft() -> None:
    """A surcharge stays what it was; what no tariff has to do with is left out."""
    school = edited(small_school(), (tariff("meal", Line(Session(Fixed(4000)))),))
    draft = edited(school, (tariff("meal", Line(Session(Fixed(4500)))), tariff("drink", Line(Session(Fixed(1000))))))
    trial = tryout(school, draft, [had("Léa", "meal", supplement_cents=50), had("Noé", "drink", 3), had("Noé", "sandwich")])
    assert {(trial.stays[one.of].item, one.before_cents, one.after_cents) for one in trial.each} == {
        (number("meal"), 4_50, 5_00),
        (number("drink"), 4_50, 3_00),
    }


def test_a_meal_counts_towards_the_days_maximum_before_care_does_and_makes_nobody_present() -> None:
    rows = (TariffGroup(number("day"), "Jour", 6_00), tariff("meal", Line(Session(Fixed(4000))), group="day"))
    half = Line(Periods(Fixed(750), 30, 5), siblings=Siblings((0, 50), present=True))
    school = edited(small_school(), (*rows, tariff("care", half, group="day")))
    stays = (had("Tom", "meal"), had("Léa", "meal"), was("Léa", "15:30", "17:40"))
    assert reckon(school, stays) == [4_00, 4_00, 2_00]  # of 3,75 for care
    assert reckon(school, (had("Tom", "meal"), was("Léa", "15:30", "16:40"))) == [4_00, 2_25]
    assert reckon(school, (was("Tom", "15:30", "16:40"), was("Léa", "15:30", "16:40"))) != [2_25, 2_25]


def test_what_was_bought_is_what_stands_charged_on_its_day_of_service() -> None:
    """A meal ordered before, a drink taken back, another at a till; a meal of the day after is not of this one."""
    day, office = Day(), moment("08:00", date(2025, 1, 3))
    day.bring("Vanderzande", 50_00)
    bought = Bought(day.school, MONDAY, MONDAY)
    day.do(reserve, number("Léa"), number("meal"), "2025-01-06", office)
    day.do(reserve, number("Léa"), number("meal"), "2025-01-07", office)
    day.buy("Tom", "drink", "10:15")
    (wrong,) = [fact for fact in day.last if isinstance(fact, Charged)]
    day.do(take_back, wrong.charge, moment("10:16"), Reason.WRONG_PUPIL)
    day.buy("Léa", "drink", "10:17")
    for fact in (fact for facts in day.facts for fact in facts):
        bought.take(fact)
    assert bought.found() == [had("Léa", "meal"), had("Léa", "drink")]


def test_a_meal_that_was_priced_again_weeks_later_is_still_of_its_own_day() -> None:
    """With the family's file: the credit note and the new charge are of the day on which it was eaten (M3)."""
    day = Day()
    day.change((tariff("meal", Line(Session(Fixed(4000)))),))
    day.tap("Léa", "meal-till", "12:00")
    (first,) = [fact for fact in day.last if isinstance(fact, Charged)]
    later_ms = moment("09:00", date(2025, 2, 20))
    back = Reversed(9, first.charge, first.wallet, first.cents, later_ms, Reason.CORRECTED, ())
    bought = Bought(day.school, MONDAY, MONDAY)
    for fact in (*day.last, back, replace(first, ask=9, charge=10, at_ms=later_ms)):
        bought.take(fact)
    assert bought.found() == [had("Léa", "meal")]


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
