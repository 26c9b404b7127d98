"""Lists of who is expected where: what is new, what changes, every line that cannot be; read in again, nothing changes."""

from dataclasses import replace
from datetime import date

import pytest

from hub.core.books import Books
from hub.core.imports import Kind, plan
from hub.core.lists import Line, Table, Wrong
from hub.core.plans import Plan as Import
from hub.core.plans import Stamp, Thing
from hub.core.school import School, edited
from hub.core.timetable import Plan
from tests.schools import BADGE_KEY, MONDAY, TUESDAY, moment, number, small_school

HEADER = "nom;prénom;activité;école;jours;du;au;sauf"
STAMP = Stamp(BADGE_KEY, moment("09:00", TUESDAY), TUESDAY, 77, lambda _text: True)
LEA = "Vanderzande;Léa;Étude;;lu ma je ve;6/1/2025;30/6/2025;24/2/2025 27/2/2025"


def listed(*lines: str, header: str = HEADER, school: School | None = None, seed: int = 77) -> Import:
    rows = tuple(Line(place, tuple(line.split(";"))) for place, line in enumerate(lines, 2))
    return plan(Kind.PLANS, Table(Line(1, tuple(header.split(";"))), rows), school or small_school(), Books(), replace(STAMP, seed=seed))


def done(*lines: str, school: School | None = None, seed: int = 77) -> School:
    found = listed(*lines, school=school, seed=seed)
    assert not found.complaints, found.complaints
    return edited(school or small_school(), found.rows)


def wrongs(found: Import) -> list[tuple[int, Wrong, str, str]]:
    return [(each.line, each.wrong, each.value, each.other) for each in found.complaints]


def test_a_pupil_is_planned_for_study_on_weekdays_until_the_last_day_but_not_on_excluded_ones() -> None:
    school = done(LEA)
    (planned,) = school.plans[number("Léa")]
    assert (planned.programme, planned.weekdays) == (number("study"), frozenset({0, 1, 3, 4}))
    assert (planned.from_day, planned.until_day) == (MONDAY, date(2025, 7, 1))
    assert planned.covers(date(2025, 6, 30))
    expected = [day for day in range(24, 29) if school.is_planned(number("Léa"), number("study"), date(2025, 2, day))]
    assert expected == [25, 28], "the 26th is a Wednesday"


def test_a_preview_says_who_what_and_when() -> None:
    (act,) = listed(LEA).acts
    assert (act.thing, act.name, act.new) == (Thing.PLANNED, "Léa Vanderzande, Étude", True)
    assert [(each.name, each.after) for each in act.changes] == [
        ("weekdays", "mon tue thu fri"),
        ("from", "2025-01-06"),
        ("until", "2025-06-30"),
        ("excluded", "2025-02-24 2025-02-27"),
    ]


def test_the_same_list_once_more_changes_nothing() -> None:
    lines = (LEA, "Quintelier;Noé;garderie;;1,2;2025-01-06;;", "Vanderzande;Léa;garderie;;me;6/1/2025;;")
    school = done(*lines)
    again = listed(*lines, school=school, seed=78)
    assert (again.acts, again.rows, again.complaints) == ((), (), ())
    assert again.unchanged[Thing.PLANNED] == 3


def test_a_plan_that_begins_on_the_same_day_is_changed_and_keeps_its_id() -> None:
    school = done(LEA)
    found = listed("Vanderzande;Léa;Étude;;lu ma;6/1/2025;;", school=school, seed=78)
    assert [(each.name, each.before, each.after) for act in found.acts for each in act.changes] == [
        ("weekdays", "mon tue thu fri", "mon tue"),
        ("until", "2025-06-30", ""),
        ("excluded", "2025-02-24 2025-02-27", ""),
    ]
    (before,), (after,) = school.plans[number("Léa")], edited(school, found.rows).plans[number("Léa")]
    assert (after.id, after.until_day, after.excluded) == (before.id, None, frozenset())


def test_two_plans_of_a_pupil_may_follow_each_other_or_share_no_weekday() -> None:
    school = done(
        "Vanderzande;Léa;Étude;;lu;6/1/2025;31/1/2025;",
        "Vanderzande;Léa;Étude;;lu;1/2/2025;;",
        "Vanderzande;Léa;Étude;;ma;6/1/2025;;",
        "Vanderzande;Tom;Étude;;lu;6/1/2025;;",
    )
    assert [len(plans) for plans in school.plans.values()] == [3, 1]


def test_a_plan_ends_by_a_list_and_the_next_one_begins_in_whatever_order_they_stand() -> None:
    school = done("Vanderzande;Léa;Étude;;lu ma;6/1/2025;;")
    lines = ("Vanderzande;Léa;Étude;;lu;1/2/2025;;", "Vanderzande;Léa;Étude;;lu ma;6/1/2025;31/1/2025;")
    assert len(done(*lines, school=school, seed=78).plans[number("Léa")]) == 2


@pytest.mark.parametrize(
    ("line", "wrong", "value", "other"),
    [
        ("Vanderzande;Zoé;Étude;;lu;6/1/2025;;", Wrong.UNKNOWN, "Vanderzande", ""),
        ("Vanderzande;Léa;Judo;;lu;6/1/2025;;", Wrong.NO_PROGRAMME, "Judo", "Garderie, Garderie du Parc, Étude"),
        ("Vanderzande;Léa;Étude;Le Parc;lu;6/1/2025;;", Wrong.NO_PROGRAMME, "Étude", "Garderie du Parc"),
        ("Vanderzande;Léa;Étude;Lune;lu;6/1/2025;;", Wrong.NO_SITE, "Lune", "Le Parc, Les Tilleuls"),
        ("Vanderzande;Léa;;;lu;6/1/2025;;", Wrong.MISSING, "programme", ""),
        ("Vanderzande;Léa;Étude;;;6/1/2025;;", Wrong.MISSING, "weekdays", ""),
        ("Vanderzande;Léa;Étude;;lu-ve;6/1/2025;;", Wrong.NO_WEEKDAYS, "lu-ve", ""),
        ("Vanderzande;Léa;Étude;;ma;6/1/2025;;", Wrong.NO_WEEKDAYS, "ma", ""),
        ("Vanderzande;Léa;Étude;;lu;;;", Wrong.MISSING, "from", ""),
        ("Vanderzande;Léa;Étude;;lu;30/2/2025;;", Wrong.NO_DATE, "30/2/2025", ""),
        ("Vanderzande;Léa;Étude;;lu;6/1/2025;31/12/9999;", Wrong.NO_DATE, "31/12/9999", ""),
        ("Vanderzande;Léa;Étude;;lu;6/1/2025;5/1/2025;", Wrong.ENDS_BEFORE, "5/1/2025", "2025-01-06"),
        ("Vanderzande;Léa;Étude;;lu;6/1/2025;;24/2/2025, 30/2", Wrong.NO_DATE, "30/2", ""),
    ],
)
def test_a_line_that_cannot_be_is_named_with_what_is_wrong(line: str, wrong: Wrong, value: str, other: str) -> None:
    found = listed(line)
    assert wrongs(found) == [(2, wrong, value, other)]
    assert found.rows == ()


def test_a_programme_that_two_sites_have_needs_its_site() -> None:
    school = small_school()
    school = edited(school, (replace(school.programmes[number("parc-care")], name="Garderie"),))
    assert wrongs(listed("Okonkwo;Mia;Garderie;;lu;6/1/2025;;", school=school)) == [(2, Wrong.MISSING, "site", "")]
    assert done("Okonkwo;Mia;Garderie;Le Parc;lu;6/1/2025;;", school=school).plans[number("Mia")][0].programme == number("parc-care")


def test_plans_that_overlap_are_named_by_line_or_by_their_first_day() -> None:
    school = done(LEA)
    twice = listed("Vanderzande;Léa;Étude;;lu;1/2/2025;;", "Vanderzande;Léa;Étude;;ve lu;1/3/2025;1/4/2025;", school=school, seed=78)
    assert wrongs(twice) == [
        (2, Wrong.OVERLAPS, "1/2/2025", "the plan from 2025-01-06"),
        (3, Wrong.OVERLAPS, "1/3/2025", "the plan from 2025-01-06"),
        (3, Wrong.OVERLAPS, "1/3/2025", "line 2"),
    ]
    assert wrongs(listed(LEA, LEA))[0] == (3, Wrong.OVERLAPS, "6/1/2025", "line 2")


def test_a_list_needs_a_programme_weekdays_and_a_first_day() -> None:
    assert [each.value for each in listed("x", header="nom;prénom").complaints] == ["programme", "weekdays", "from"]


def test_pupils_are_found_by_their_key_and_no_plan_of_another_pupil_is_touched() -> None:
    school = small_school()
    school = edited(school, (replace(school.pupils[number("Tom")], key="T7"), Plan(9, number("Léa"), number("study"), MONDAY)))
    found = listed("T7;Étude;lu;2025-01-06", header="matricule;activité;jours;du", school=school)
    assert not found.complaints
    after = edited(school, found.rows)
    assert (len(after.plans[number("Tom")]), after.plans[number("Léa")]) == (1, school.plans[number("Léa")])
