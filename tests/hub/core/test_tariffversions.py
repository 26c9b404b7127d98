"""A new version of a tariff: from a day on, the old one kept; what has priced a day that is over is never rewritten."""

from dataclasses import replace
from datetime import date

import pytest

from hub.core.facts import Refusal
from hub.core.formulas import Fixed, Line, Periods, Session
from hub.core.school import Rows, School, Tariff, TariffGroup, edited
from hub.core.tariffs import tariff_on
from hub.core.tariffversions import always, in_force, put_group, put_version, withdraw
from tests.schools import CARE_LINE, STUDY_LINE, number, small_school, tariff

CARE, DRINK = number("care"), number("drink")
TODAY, JANUARY, APRIL = date(2026, 11, 22), date(2027, 1, 1), date(2027, 4, 1)
DEARER = Line(Periods(Fixed(900), 30, 5))
DEAREST = Line(Periods(Fixed(1100), 30, 5))


def same(_: object) -> bool:
    return True


def saved(school: School, outcome: Rows | Refusal) -> School:
    assert not isinstance(outcome, Refusal), outcome
    return edited(school, outcome)


def prices(school: School, item: int = CARE) -> list[tuple[date, date | None]]:
    return [(one.from_day, one.until_day) for one in in_force(school, item)]


def test_a_new_version_ends_the_old_one_where_it_begins() -> None:
    school = saved(small_school(), put_version(small_school(), tariff("care", DEARER, since=JANUARY), TODAY, same))
    assert prices(school) == [(date.min, JANUARY), (JANUARY, None)]
    first = tariff_on(school, CARE, date(2026, 12, 31))
    assert first
    assert first.lines == (CARE_LINE,)


def test_a_version_between_two_holds_until_the_next() -> None:
    school = saved(small_school(), put_version(small_school(), tariff("care", DEAREST, since=APRIL), TODAY, same))
    school = saved(school, put_version(school, tariff("care", DEARER, since=JANUARY), TODAY, same))
    assert prices(school) == [(date.min, JANUARY), (JANUARY, APRIL), (APRIL, None)]


def test_a_version_that_has_not_begun_is_changed_in_its_place_or_moved() -> None:
    school = saved(small_school(), put_version(small_school(), tariff("care", DEARER, since=JANUARY), TODAY, same))
    waits = in_force(school, CARE)[1]
    changed = saved(school, put_version(school, replace(waits, id=77, lines=(DEAREST,)), TODAY, same, waits.id))
    assert [one.id for one in in_force(changed, CARE)] == [in_force(school, CARE)[0].id, waits.id]
    moved = saved(school, put_version(school, replace(waits, id=77, from_day=APRIL), TODAY, same, waits.id))
    assert prices(moved) == [(date.min, APRIL), (APRIL, None)]


def test_days_that_are_over_keep_their_price() -> None:
    assert put_version(small_school(), tariff("care", DEARER, since=date(2026, 11, 21)), TODAY, same) == Refusal("day_passed")
    school = saved(small_school(), put_version(small_school(), tariff("care", DEARER, since=TODAY), TODAY, same))
    begun = in_force(school, CARE)[1]
    assert withdraw(school, CARE, begun.id, TODAY, same) == Refusal("day_passed")
    kept = saved(school, put_version(school, tariff("care", DEAREST, since=JANUARY), TODAY, same, begun.id))
    assert prices(kept) == [(date.min, TODAY), (TODAY, JANUARY), (JANUARY, None)]


def test_a_version_that_has_not_begun_can_be_withdrawn_and_the_one_before_goes_on() -> None:
    school = saved(small_school(), put_version(small_school(), tariff("care", DEARER, since=JANUARY), TODAY, same))
    waits = in_force(school, CARE)[1]
    again = saved(school, withdraw(school, CARE, waits.id, TODAY, same))
    assert prices(again) == [(date.min, None)]
    assert withdraw(again, CARE, waits.id, TODAY, same) == Refusal("changed_meanwhile")
    back = saved(again, put_version(again, tariff("care", DEAREST, since=JANUARY), TODAY, same))
    assert prices(back) == [(date.min, JANUARY), (JANUARY, None)]


def test_a_product_has_its_own_price_until_its_first_version() -> None:
    school = saved(small_school(), put_version(small_school(), tariff("drink", STUDY_LINE, since=JANUARY), TODAY, same))
    assert prices(school, DRINK) == [(JANUARY, None)]
    waits = in_force(school, DRINK)[0]
    assert prices(saved(school, withdraw(school, DRINK, waits.id, TODAY, same)), DRINK) == []


@pytest.mark.parametrize(
    ("version", "code"),
    [
        (tariff("care", since=JANUARY), "tariff_no_lines"),
        (tariff("care", Line(CARE_LINE.formula, "CPAS"), since=JANUARY), "tariff_not_for_all"),
        (tariff("drink", CARE_LINE, since=JANUARY), "tariff_no_minutes"),
    ],
)
def test_what_no_price_can_be_made_of_is_refused(version: Tariff, code: str) -> None:
    assert put_version(small_school(), version, TODAY, same) == Refusal(code)


def test_nobody_is_overwritten() -> None:
    seen = in_force(small_school(), CARE)
    school = saved(small_school(), put_version(small_school(), tariff("care", DEARER, since=JANUARY), TODAY, seen.__eq__))
    assert put_version(school, tariff("care", DEAREST, since=APRIL), TODAY, seen.__eq__) == Refusal("changed_meanwhile")


def test_a_draft_is_tried_as_if_it_had_always_held() -> None:
    school = saved(small_school(), put_version(small_school(), tariff("care", DEARER, since=JANUARY), TODAY, same))
    tried = always(school, tariff("care", Line(Session(Fixed(1))), since=APRIL))
    for day in (date(2024, 9, 2), JANUARY, APRIL):
        found = tariff_on(tried, CARE, day)
        assert found
        assert found.lines == (Line(Session(Fixed(1))),)


@pytest.mark.parametrize(
    ("name", "cents", "code"), [("7", 1, "no_name"), ("x" * 81, 1, "name_long"), ("journée", 1, "name_taken"), ("Soir", 0, "no_amount")]
)
def test_a_days_maximum_has_a_name_and_an_amount(name: str, cents: int, code: str) -> None:
    school = edited(small_school(), (TariffGroup(5, "Journée", 15_00),))
    assert put_group(school, TariffGroup(6, name, cents), same) == Refusal(code)


def test_a_days_maximum_is_changed_by_one_at_a_time() -> None:
    before = TariffGroup(5, "Journée", 15_00)
    school = edited(small_school(), (before,))
    after = TariffGroup(5, "Journée", 16_00)
    assert put_group(school, after, before.__eq__) == (after,)
    assert put_group(edited(school, (after,)), after, before.__eq__) == Refusal("changed_meanwhile")
