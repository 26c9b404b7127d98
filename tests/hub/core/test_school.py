"""What is set up: an edit of some rows is the same school as reading all of them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.core.formulas import Line, Siblings
from hub.core.school import Badge, BadgeState, Custody, Household, Programme, Pupil, Row, School, edited
from proto.messages import Use
from tests import schools
from tests.schools import CARE_HOURS, CARE_LINE, Day, badge, number, small_school


def rows_of(school: School) -> list[Row]:
    """Every row there is."""
    plain: tuple[Mapping[Any, Row], ...] = (
        school.sites,
        school.programmes,
        school.products,
        school.devices,
        school.readers,
        school.households,
        school.pupils,
        school.days,
        school.canteens,
        school.menus,
        school.diets,
        school.groups,
        school.adults,
        school.absences,
    )
    together: tuple[Mapping[Any, tuple[Row, ...]], ...] = (
        school.badges,
        school.tariffs,
        school.files,
        school.custody,
        school.overrides,
        school.plans,
        school.class_hours,
    )
    return [row for kind in plain for row in kind.values()] + [row for kind in together for rows in kind.values() for row in rows]


badges = st.builds(
    Badge,
    id=st.integers(1, 6),
    hash=st.sampled_from([badge("Léa"), badge("Tom")]),
    pupil=st.integers(1, 3),
    state=st.sampled_from(BadgeState),
    from_ms=st.integers(0, 5),
)
rows = st.one_of(
    st.builds(Household, id=st.integers(1, 3), name=st.sampled_from("AB")),
    st.builds(Pupil, id=st.integers(1, 3), household=st.integers(1, 3), site=st.just(1), first_name=st.just("x"), last_name=st.just("y")),
)


@given(st.lists(rows))
def test_editing_row_by_row_is_editing_all_at_once_and_the_last_one_stands(each: list[Row]) -> None:
    school = School()
    for row in each:
        school = edited(school, (row,))
    assert school == edited(School(), tuple(each))
    assert edited(School(), tuple(reversed(rows_of(school)))) == school


@given(st.lists(badges, unique_by=lambda state: state.id))
def test_the_states_of_a_badge_stand_in_the_order_of_time_however_they_were_written(each: list[Badge]) -> None:
    assert edited(School(), tuple(each)) == edited(School(), tuple(reversed(each)))
    for states in edited(School(), tuple(each)).badges.values():
        assert [state.from_ms for state in states] == sorted(state.from_ms for state in states)


def test_the_children_a_household_may_pay_for_stand_eldest_first_and_follow_every_edit() -> None:
    school = small_school()
    household, other = number("Vanderzande"), number("Quintelier")
    lea, tom = school.pupils[number("Léa")], school.pupils[number("Tom")]
    twin = replace(lea, id=number("Zoé"), born=date(2016, 5, 1), birth_order=2)
    school = edited(school, (replace(lea, born=date(2016, 5, 1), birth_order=1), tom, twin))
    assert school.kin[household] == (lea.id, twin.id, tom.id)
    school = edited(school, (replace(tom, born=date(2012, 1, 1)), Custody(1, lea.id, other, date(2025, 1, 1))))
    assert school.kin[household] == (tom.id, lea.id, twin.id)
    assert school.kin[other] == (lea.id, number("Noé"))
    school = edited(school, (replace(school.pupils[tom.id], household=other),))
    assert (school.kin[household], school.kin[other]) == ((lea.id, twin.id), (tom.id, lea.id, number("Noé")))


def test_an_edit_leaves_the_old_school_as_it_was_and_shares_what_did_not_change() -> None:
    before = small_school()
    after = edited(before, (replace(before.pupils[number("Léa")], group="4B"),))
    assert (before.pupils[number("Léa")].group, after.pupils[number("Léa")].group) == ("3A", "4B")
    assert after.badges is before.badges


def test_of_two_programmes_for_one_use_the_same_one_is_meant_in_whatever_order_they_were_read() -> None:
    one, two = (Programme(number, 1, Use.CARE, "Garderie", CARE_HOURS) for number in (1, 2))
    assert edited(School(), (one, two)).by_use == edited(School(), (two, one)).by_use == {(1, Use.CARE): (one, two)}


def test_what_was_worked_out_of_a_school_is_worked_out_anew_after_an_edit() -> None:
    """The brothers and sisters of a child are kept with the school they were asked of."""
    day = Day()
    lea, tom = day.school.pupils[number("Léa")], day.school.pupils[number("Tom")]
    day.change((schools.tariff("care", Line(CARE_LINE.formula, siblings=Siblings((0, 25), present=True))),))
    day.tap("Léa", "care-in", "15:35")
    assert [sibling.id for sibling in day.school.siblings[lea.id]] == [tom.id]
    day.change((Household(number("Nobody"), "Nobody"), replace(tom, household=number("Nobody"))))
    day.next_day(1)
    day.tap("Léa", "care-in", "15:35")
    assert day.school.siblings[lea.id] == ()
