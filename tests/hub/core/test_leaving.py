"""A pupil who leaves: expected, promoted and counted until the day, and no longer; badges stop; nothing that was booked changes."""

from datetime import date, timedelta

import pytest

from hub.core import canteen
from hub.core.badges import badge_at
from hub.core.canteen import Wish
from hub.core.codes import By, Clearing, Code, Reason
from hub.core.days import class_on
from hub.core.facts import MealCancelled, Refusal
from hub.core.families import rank_of
from hub.core.formulas import Kin, Siblings
from hub.core.leaving import Late, call_off, come_back, leave, left_by, too_late
from hub.core.paperroster import expected
from hub.core.promotion import LEAVES, classes, promote
from hub.core.school import BadgeState, School
from hub.core.timetable import ClassHours, Plan
from hub.core.transfers import Payment, clear
from tests.canteen import cancel, order, put_on_the_menu, rules, wait
from tests.hub.core.test_settlement import come, run, weekly
from tests.journals import check_books
from tests.schools import MONDAY, Day, badge, moment, number

LEA, TOM, TILLEULS, STUDY = number("Léa"), number("Tom"), number("Tilleuls"), number("study")
FRIDAY = MONDAY + timedelta(days=4)


def gone(day: Day, pupil: int = LEA, on: date = FRIDAY, clock: str = "09:00") -> str:
    """Write down that a pupil leaves; the code of a refusal."""
    rows = leave(day.school, pupil, on, lambda _row: True, moment(clock, day.date))
    if isinstance(rows, Refusal):
        return rows.code
    day.change(rows)
    return ""


def test_who_leaves_is_expected_and_in_class_until_the_day_before(day: Day) -> None:
    day.change((Plan(1, LEA, STUDY, MONDAY), *(ClassHours(TILLEULS, "", weekday, 510, 5, 720) for weekday in range(5))))
    assert gone(day) == ""
    lea, thursday = day.school.pupils[LEA], FRIDAY - timedelta(days=1)
    assert [day.school.is_planned(LEA, STUDY, each) for each in (thursday, FRIDAY)] == [True, False]
    assert [class_on(day.school, lea, each) is not None for each in (thursday, FRIDAY)] == [True, False]
    listed = [[one.id for one in expected(day.school, day.school.programmes[STUDY], each, "3A")] for each in (thursday, FRIDAY)]
    assert (LEA in listed[0], LEA in listed[1]) == (True, False)


def test_badges_stop_at_the_first_instant_of_the_day_also_for_a_scan_that_comes_late(day: Day) -> None:
    gone(day)
    midnight = moment("00:00", FRIDAY)
    assert left_by(day.school, midnight - 1) == ()
    day.change(left_by(day.school, midnight + 60_000))
    assert left_by(day.school, midnight + 120_000) == ()
    states = [badge_at(day.school, badge("Léa"), midnight + shift) for shift in (-1, 0)]
    assert [state.state for state in states if state] == [BadgeState.ACTIVE, BadgeState.BLOCKED]
    day.next_day(4)
    assert day.tap("Léa", "care-in", "15:40").code is Code.BLOCKED
    assert day.tap("Tom", "care-in", "15:41").code is Code.IN


def test_of_who_has_left_before_it_is_written_down_badges_stop_now(day: Day) -> None:
    day.next_day(7)
    assert gone(day, on=MONDAY) == ""
    states = [badge_at(day.school, badge("Léa"), moment(clock, day.date)) for clock in ("08:59", "09:00")]
    assert [state.state for state in states if state] == [BadgeState.ACTIVE, BadgeState.BLOCKED]


def test_a_sibling_who_has_left_makes_nobody_the_second_child(day: Day) -> None:
    tom, siblings = day.school.pupils[TOM], Siblings((0, 25), Kin.HOUSEHOLD)
    elder = LEA if rank_of(day.school, tom, STUDY, MONDAY, siblings, frozenset()) == 2 else TOM
    younger = day.school.pupils[TOM if elder == LEA else LEA]
    assert rank_of(day.school, younger, STUDY, MONDAY, siblings, frozenset()) == 2
    gone(day, elder)
    younger = day.school.pupils[younger.id]
    assert [rank_of(day.school, younger, STUDY, each, siblings, frozenset()) for each in (MONDAY, FRIDAY)] == [2, 1]


def test_who_has_left_is_not_promoted_and_leavers_of_the_year_have_their_day(day: Day) -> None:
    gone(day)
    assert [pupil.id for pupil in classes(day.school, {TILLEULS}, FRIDAY)[TILLEULS, "3A"]].count(LEA) == 0
    shown = {key: frozenset(pupil.id for pupil in pupils) for key, pupils in classes(day.school, {TILLEULS}, FRIDAY).items()}
    rows = promote(day.school, shown, {(TILLEULS, "3A"): LEAVES}, FRIDAY)
    assert not isinstance(rows, Refusal)
    day.change(rows)
    assert (day.school.pupils[TOM].left_day, day.school.pupils[TOM].group) == (FRIDAY + timedelta(days=1), "")
    assert day.school.pupils[LEA].group == "3A", "the class it was in when it left"


def test_a_leaver_of_the_year_gets_out_of_care_on_the_last_afternoon_and_in_no_more(day: Day) -> None:
    day.change((Plan(1, LEA, STUDY, MONDAY),))
    assert day.tap("Léa", "care-in", "15:40").code is Code.IN
    shown = {(TILLEULS, "3A"): frozenset(pupil.id for pupil in classes(day.school, {TILLEULS}, MONDAY)[TILLEULS, "3A"])}
    rows = promote(day.school, shown, {(TILLEULS, "3A"): LEAVES}, MONDAY)
    assert not isinstance(rows, Refusal)
    day.change(rows)
    day.change(left_by(day.school, moment("15:45")))
    assert [day.school.is_planned(LEA, STUDY, each) for each in (MONDAY, MONDAY + timedelta(days=1))] == [True, False]
    assert day.tap("Léa", "care-out", "16:30").code is Code.OUT
    day.change(left_by(day.school, moment("00:00", MONDAY + timedelta(days=1))))
    day.next_day()
    assert day.tap("Léa", "care-in", "15:40").code is Code.BLOCKED


@pytest.mark.parametrize(("days", "code"), [(-801, "no_leaving_day"), (-800, ""), (800, ""), (801, "no_leaving_day")])
def test_a_day_that_is_years_away_is_not_believed(day: Day, days: int, code: str) -> None:
    assert gone(day, on=MONDAY + timedelta(days=days)) == code


def test_what_has_changed_meanwhile_is_looked_at_again_and_a_child_may_stay_after_all(day: Day) -> None:
    def changed(_row: object) -> bool:
        return False

    assert leave(day.school, LEA, FRIDAY, changed, moment("09:00")) == Refusal("changed_meanwhile")
    gone(day)
    assert come_back(day.school, LEA, changed) == Refusal("changed_meanwhile")
    back = come_back(day.school, LEA, lambda _row: True)
    assert not isinstance(back, Refusal)
    day.change(back)
    school: School = day.school
    assert school.pupils[LEA].left_day is None
    assert left_by(school, moment("00:00", FRIDAY)) == ()


# --- what was ordered for later -------------------------------------------------------------------


def test_meals_of_the_days_after_it_are_cancelled_and_paid_back_and_those_before_it_stand(day: Day) -> None:
    put_on_the_menu(day)
    for ahead in (3, 4, 7):
        order(day, "Léa", on=MONDAY + timedelta(days=ahead))
    order(day, "Tom", on=FRIDAY)
    assert day.balance_cents("Vanderzande") == -18_00
    done = day.do(call_off, LEA, FRIDAY, moment("08:30"), 15)
    assert not isinstance(done, Refusal)
    cancelled = [fact for fact in done if isinstance(fact, MealCancelled)]
    assert [(fact.day, fact.by, fact.who, fact.late) for fact in cancelled] == [
        (20250110, By.STAFF, 15, False),
        (20250113, By.STAFF, 15, False),
    ]
    assert day.balance_cents("Vanderzande") == -9_00
    assert {(who, on) for who, _, on in day.books.meals} == {(LEA, 20250109), (TOM, 20250110)}
    assert day.do(call_off, LEA, FRIDAY, moment("08:31"), 15) == ()
    check_books([fact for facts in day.facts for fact in facts], day.books)


@pytest.mark.parametrize(("clock", "left"), [("08:59:59", ()), ("09:00", (Late(TILLEULS, MONDAY, number("meal")),))])
def test_a_meal_that_it_is_too_late_for_stays_ordered_and_paid_and_is_named(day: Day, clock: str, left: tuple[Late, ...]) -> None:
    put_on_the_menu(day)
    order(day, "Léa")
    assert too_late(day.school, day.books, LEA, MONDAY, moment(clock)) == left
    day.do(call_off, LEA, MONDAY, moment(clock), 15)
    assert too_late(day.school, day.books, LEA, MONDAY, moment(clock)) == left
    assert len(day.books.meals) == len(left)
    assert day.balance_cents("Vanderzande") == -450 * len(left)


def test_a_meal_that_was_eaten_or_was_of_a_day_that_is_over_is_left_alone(day: Day) -> None:
    put_on_the_menu(day)
    order(day, "Léa")
    order(day, "Léa", on=MONDAY + timedelta(days=1))
    day.next_day()
    day.do(canteen.collect, Wish(LEA, TILLEULS, day.date, By.STAFF, moment("12:00", day.date)), number("meal"))
    assert day.do(call_off, LEA, MONDAY, moment("12:30", day.date), 15) == ()
    assert too_late(day.school, day.books, LEA, MONDAY, moment("12:30", day.date)) == ()


def test_who_leaves_orders_for_no_day_after_it(day: Day) -> None:
    put_on_the_menu(day)
    gone(day, clock="08:00")
    outcomes = [order(day, "Léa", on=each) for each in (FRIDAY - timedelta(days=1), FRIDAY)]
    assert [isinstance(outcome, Refusal) and outcome.code for outcome in outcomes] == [False, "has_left"]


def test_who_leaves_has_nothing_reserved_for_a_day_after_it_and_buys_no_portion_of_it(day: Day) -> None:
    put_on_the_menu(day)
    rules(day, waiting_until_min=720)
    order(day, "Tom")
    wait(day, "Léa")
    gone(day, on=MONDAY)
    done = [day.do(canteen.reserve, LEA, number("meal"), each.isoformat(), moment("08:00")) for each in (FRIDAY, MONDAY)]
    assert [isinstance(outcome, Refusal) and outcome.code for outcome in done] == ["has_left", "has_left"]
    assert cancel(day, "Tom", "09:30")
    assert {(who, meal.late) for (who, *_), meal in day.books.meals.items()} == {(TOM, True)}, "cancelled late, and resold to nobody"


def test_who_leaves_waits_for_no_portion_any_more(day: Day) -> None:
    put_on_the_menu(day)
    rules(day, waiting_until_min=720)
    wait(day, "Léa")
    wait(day, "Tom")
    day.do(call_off, LEA, MONDAY, moment("09:40"), 15)
    assert list(day.books.waiting[TILLEULS, 20250106]) == [TOM]


# --- the rest of a wallet -------------------------------------------------------------------------


def test_a_leaver_s_rest_is_what_the_last_run_leaves_and_ends_at_zero(day: Day) -> None:
    weekly(day)
    come(day)
    (wallet,) = day.books.gathered
    rest = Payment(wallet, Clearing.PAYOUT, 0, Reason.LEAVER, 7)
    assert not isinstance(day.do(clear, rest, moment("18:00")), Refusal)
    assert day.balance_cents("Vanderzande") == 1_50, "what the run will take"
    again = day.do(clear, rest, moment("18:01"))
    assert isinstance(again, Refusal)
    assert again.code == "nothing_to_pay"
    day.close("19:31")
    run(day, 20250106)
    assert day.balance_cents("Vanderzande") == 0
