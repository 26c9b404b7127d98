"""Who pays for a child on which day: custody weeks and days, overrides, and always exactly one household."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.canteen import reserve
from hub.core.facts import Charged, Refusal
from hub.core.payers import payer_on
from hub.core.school import Custody, Household, PayerOverride, School, Weeks, edited
from tests.schools import MONDAY, Day, moment, number, small_school

LEA, MEAL, CARE = number("Léa"), number("meal"), number("care")
FATHER, AUNT = Household(number("Delcourt"), "Delcourt"), Household(number("Aunt"), "Aunt")
TURNS = (Custody(1, LEA, FATHER.id, date(2025, 1, 1), weeks=Weeks.ODD),)
"""Odd weeks at the father's from the new year on; the others at Léa's own household's."""


def payer(day: str, *rows: Custody | PayerOverride, item: int = CARE) -> str:
    """Who pays for Léa on a day, by family name."""
    school = edited(small_school(), (FATHER, AUNT, *rows))
    return school.households[payer_on(school, school.pupils[LEA], item, date.fromisoformat(day))].name


@pytest.mark.parametrize(
    ("day", "pays"),
    [
        ("2024-12-31", "Vanderzande"),  # week 1 of 2025, but before the custody begins
        ("2025-01-01", "Delcourt"),
        ("2025-01-05", "Delcourt"),  # a Sunday, still week 1
        ("2025-01-06", "Vanderzande"),  # Monday of week 2
        ("2025-01-13", "Delcourt"),
        ("2026-12-31", "Delcourt"),  # week 53
        ("2027-01-04", "Delcourt"),  # week 1: two odd weeks in a row, as the judgement's words have it
        ("2027-01-11", "Vanderzande"),
    ],
)
def test_in_odd_weeks_the_other_parent_pays(day: str, pays: str) -> None:
    assert payer(day, *TURNS) == pays


@pytest.mark.parametrize(
    ("day", "pays"),
    [("2025-01-08", "Delcourt"), ("2025-01-09", "Vanderzande"), ("2025-01-15", "Vanderzande"), ("2025-01-22", "Delcourt")],
)
def test_custody_may_be_wednesdays_of_even_weeks(day: str, pays: str) -> None:
    assert payer(day, Custody(1, LEA, FATHER.id, date(2025, 1, 1), weeks=Weeks.EVEN, weekdays=frozenset({2}))) == pays


@pytest.mark.parametrize(("day", "pays"), [("2025-02-28", "Delcourt"), ("2025-03-01", "Vanderzande"), ("2025-01-31", "Vanderzande")])
def test_custody_ends_before_its_last_day(day: str, pays: str) -> None:
    assert payer(day, Custody(1, LEA, FATHER.id, date(2025, 2, 1), date(2025, 3, 1))) == pays


@pytest.mark.parametrize(
    ("item", "day", "pays"),
    [
        (MEAL, "2025-01-14", "Aunt"),  # meals are the aunt's, whatever the week
        (CARE, "2025-01-14", "Delcourt"),
        (MEAL, "2025-02-04", "Vanderzande"),  # in the first week of February everything is the mother's but meals
        (CARE, "2025-01-28", "Delcourt"),
    ],
)
def test_an_override_goes_before_custody_and_one_for_this_very_product_before_one_for_everything(item: int, day: str, pays: str) -> None:
    meals = PayerOverride(1, LEA, AUNT.id, date(2025, 1, 1), date(2025, 2, 1), MEAL)
    all_of_it = PayerOverride(2, LEA, number("Vanderzande"), date(2025, 2, 3), date(2025, 2, 10))
    assert payer(day, *TURNS, meals, all_of_it, item=item) == pays
    assert payer("2025-01-15", *TURNS, replaced(all_of_it, date(2025, 1, 1)), meals, item=MEAL) == "Aunt"


def replaced(row: PayerOverride, from_day: date) -> PayerOverride:
    """The same override from an earlier day on."""
    return PayerOverride(row.id, row.pupil, row.household, from_day, row.until_day, row.item)


def test_of_two_custodies_of_one_day_the_one_that_began_last_holds() -> None:
    newer = Custody(2, LEA, AUNT.id, date(2025, 1, 13))
    assert payer("2025-01-14", newer, *TURNS) == "Aunt"
    assert payer("2025-01-02", newer, *TURNS) == "Delcourt"


def test_a_charge_goes_to_the_wallet_of_who_pays_that_day_and_names_payer_and_child() -> None:
    day = Day()
    day.change((FATHER, Custody(1, LEA, FATHER.id, date(2025, 1, 1), weeks=Weeks.EVEN)))
    day.bring("Vanderzande", 20_00)
    day.tap("Léa", "meal-till", "12:00")  # Monday of week 2
    (charged,) = [fact for fact in day.last if isinstance(fact, Charged)]
    assert (charged.payer, charged.pupil) == (FATHER.id, LEA)
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Delcourt")) == (20_00, -4_50)
    day.next_day(7)
    day.tap("Léa", "meal-till", "12:00")
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Delcourt")) == (15_50, -4_50)


def test_a_meal_is_paid_by_who_pays_on_the_day_it_is_eaten_not_on_the_day_it_is_ordered() -> None:
    day = Day()
    day.change((FATHER, *TURNS))
    ordered = day.do(reserve, LEA, MEAL, "2025-01-14", moment("08:00", MONDAY))
    assert not isinstance(ordered, Refusal)
    assert [fact.payer for fact in ordered if isinstance(fact, Charged)] == [FATHER.id]


days = st.dates(date(2024, 12, 20), date(2026, 1, 10))
households = st.sampled_from([FATHER.id, AUNT.id, number("Vanderzande")])
rows = st.lists(
    st.one_of(
        st.builds(
            Custody,
            st.integers(1, 5),
            st.just(LEA),
            households,
            days,
            st.none() | days,
            st.sampled_from(Weeks),
            st.frozensets(st.integers(0, 6), min_size=1),
        ),
        st.builds(PayerOverride, st.integers(1, 5), st.just(LEA), households, days, st.none() | days, st.sampled_from([0, MEAL])),
    ),
    max_size=8,
)


@given(rows, days)
def test_every_day_has_exactly_one_payer_whatever_order_the_rows_were_read_in(each: list[Custody | PayerOverride], day: date) -> None:
    def read(found: list[Custody | PayerOverride]) -> School:
        return edited(small_school(), (FATHER, AUNT, *found))

    kept = {(type(row), row.id): row for row in each}
    school, again = read(each), read(sorted(kept.values(), key=lambda row: (row.id, row.from_day)))
    for shift in range(14):
        that = day + timedelta(days=shift)
        found = payer_on(school, school.pupils[LEA], MEAL, that)
        assert found in school.households
        assert found == payer_on(again, again.pupils[LEA], MEAL, that)
        assert payer_on(school, school.pupils[number("Noé")], MEAL, that) == number("Quintelier")
