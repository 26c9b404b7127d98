"""What a family means for a price: older siblings, and the family file that counts on a day."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.codes import Reason
from hub.core.facts import Charged, Refusal
from hub.core.families import NO_FILE, bracket_on, rank_of, regularise
from hub.core.formulas import ByBracket, Fixed, Kin, Line, Periods, Session, Siblings
from hub.core.school import Custody, FamilyFile, Pupil, School, edited
from hub.core.tariffs import Occasion, price, price_of_product, reprice
from hub.core.whys import Rule, Terms, Why
from tests.schools import MONDAY, TUESDAY, moment, number, small_school, tariff

CARE, TILLEULS = number("care"), number("Tilleuls")
HALF_OFF = Siblings((0, 25, 50))
"""Nothing off for the first child, 25 % for the second, half for the third and those after."""


def child(name: str, born: date | None, birth_order: int = 0, family: str = "Claes") -> Pupil:
    return Pupil(number(name), number(family), TILLEULS, name, family, born=born, birth_order=birth_order)


def family(*pupils: Pupil, siblings: Siblings = HALF_OFF) -> School:
    """The small school with more children, and a session of 2,00 € that is cheaper for siblings."""
    return edited(small_school(), (*pupils, tariff("care", Line(Session(Fixed(2000)), siblings=siblings))))


FOUR = (
    child("Ana", date(2013, 3, 1)),
    child("Bo", date(2015, 6, 2), 1),
    child("Cléo", date(2015, 6, 2), 2),
    child("Dan", None),
)


def rank(school: School, name: str, siblings: Siblings = HALF_OFF, *present: str, day: date = MONDAY) -> int:
    return rank_of(school, school.pupils[number(name)], CARE, day, siblings, frozenset(number(one) for one in present))


def cents(school: School, name: str, *present: str) -> int:
    there = frozenset(number(one) for one in present)
    what = Occasion(school.pupils[number(name)], school.sites[TILLEULS], CARE, moment("16:00"), moment("17:00"), there)
    return price(school, what)[0]


# --- rank -----------------------------------------------------------------------------------------


def test_a_rank_is_one_and_the_older_siblings_twins_by_birth_order_and_unknown_ages_last() -> None:
    school = family(*FOUR)
    assert [rank(school, name) for name in ("Ana", "Bo", "Cléo", "Dan")] == [1, 2, 3, 4]
    assert [cents(school, name) for name in ("Ana", "Bo", "Cléo", "Dan")] == [2_00, 1_50, 1_00, 1_00]


def test_twins_without_a_birth_order_are_told_apart_by_their_numbers_and_never_have_the_same_rank() -> None:
    one, two = child("Eva", date(2016, 1, 1)), child("Fia", date(2016, 1, 1))
    school = family(one, two)
    assert sorted(rank(school, name) for name in ("Eva", "Fia")) == [1, 2]
    assert rank(school, "Eva" if one.id < two.id else "Fia") == 1


def test_a_child_that_was_entered_twice_is_no_elder_sibling_of_itself_under_its_second_number() -> None:
    lea, tom = (
        replace(small_school().pupils[number(name)], born=born) for name, born in (("Léa", date(2014, 1, 1)), ("Tom", date(2017, 1, 1)))
    )
    school = edited(small_school(), (lea, tom, replace(lea, id=77, same_as=lea.id)))
    entered = school.as_entered(77)
    assert entered is not None
    ranks = [rank_of(school, one, number("care"), MONDAY, Siblings((0, 25, 50)), frozenset()) for one in (lea, entered, tom)]
    assert ranks == [1, 1, 2]


def test_where_only_siblings_present_count_an_absent_older_one_makes_no_difference() -> None:
    present = Siblings((0, 25, 50), present=True)
    school = family(*FOUR, siblings=present)
    assert rank(school, "Cléo", present, "Cléo", "Dan") == 1
    assert rank(school, "Cléo", present, "Ana", "Cléo") == 2
    assert (cents(school, "Dan", "Ana", "Dan"), cents(school, "Dan")) == (1_50, 2_00)


def test_siblings_are_whom_the_same_household_pays_for_that_day_or_who_belong_to_it() -> None:
    away = Custody(1, number("Ana"), number("Quintelier"), TUESDAY)
    school = edited(family(*FOUR), (away,))
    by_household = replace_by(HALF_OFF, Kin.HOUSEHOLD)
    assert (rank(school, "Bo", day=MONDAY), rank(school, "Bo", day=TUESDAY)) == (2, 1)
    assert rank(school, "Bo", by_household, day=TUESDAY) == 2
    assert rank(school, "Ana", day=TUESDAY) == 1
    assert rank(school, "Noé", day=TUESDAY) == 2  # Ana has a date of birth, Noé has none
    assert rank(school, "Noé", by_household, day=TUESDAY) == 1


def replace_by(siblings: Siblings, by: Kin) -> Siblings:
    return Siblings(siblings.percents, by, siblings.present)


def test_a_price_says_the_rank_and_the_reduction() -> None:
    school = family(*FOUR)
    what = Occasion(school.pupils[number("Cléo")], school.sites[TILLEULS], CARE, moment("16:00"), moment("17:00"))
    terms = price(school, what)[1].terms
    assert terms is not None
    assert (terms.rank, terms.percent) == (3, 50)


@pytest.mark.parametrize(("percent", "cents_"), [(0, 2_25), (25, 1_69), (33, 1_51), (50, 1_13), (100, 0)])
def test_a_reduction_is_rounded_half_up_once_for_the_stay(percent: int, cents_: int) -> None:
    line = Line(Periods(Fixed(750), 30, 5), siblings=Siblings((percent,)))
    school = edited(small_school(), (tariff("care", line),))
    what = Occasion(school.pupils[number("Léa")], school.sites[TILLEULS], CARE, moment("15:30"), moment("16:40"))
    assert price(school, what)[0] == cents_


born = st.none() | st.dates(date(2012, 1, 1), date(2012, 1, 4))


@given(st.lists(st.tuples(born, st.integers(0, 2)), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_the_order_in_which_siblings_were_written_down_makes_no_difference(ages: list[tuple[date | None, int]], luck: object) -> None:
    children = [child(f"child {place}", *age) for place, age in enumerate(ages)]
    shuffled = list(children)
    luck.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = family(*children), family(*shuffled)
    ranks = [rank(one, each.first_name) for each in children]
    assert ranks == [rank(other, each.first_name) for each in children]
    assert sorted(ranks) == list(range(1, len(children) + 1))


# --- the family file --------------------------------------------------------------------------------

HOUSEHOLD = number("Vanderzande")
SEPTEMBER = date(2024, 9, 1)
DUE = date(2024, 8, 23)


def file(bracket: int = 4, **rest: object) -> FamilyFile:
    return FamilyFile(**{"id": 7, "household": HOUSEHOLD, "from_day": SEPTEMBER, "bracket": bracket, "validated_day": DUE, **rest})  # type: ignore[arg-type]


def filed(*files: FamilyFile) -> School:
    school = small_school()
    return edited(school, (replace(school.sites[TILLEULS], files_due_day=DUE), *files))


def test_without_a_file_that_is_valid_that_day_the_bracket_is_the_tenth() -> None:
    for school in (filed(), filed(file(validated_day=None)), filed(file(until_day=MONDAY)), filed(file(from_day=TUESDAY))):
        assert bracket_on(school, HOUSEHOLD, MONDAY) == NO_FILE
        assert bracket_on(school, HOUSEHOLD, MONDAY).bracket == 10
    assert bracket_on(filed(file(from_day=MONDAY, until_day=TUESDAY)), HOUSEHOLD, MONDAY).bracket == 4


def test_of_two_valid_files_the_one_that_began_last_counts() -> None:
    school = filed(file(4), file(2, id=8, from_day=MONDAY))
    assert bracket_on(school, HOUSEHOLD, MONDAY - timedelta(days=1)).bracket == 4
    assert bracket_on(school, HOUSEHOLD, MONDAY).bracket == 2


@pytest.mark.parametrize(
    ("why", "validated", "chosen", "counts_from"),
    [
        ("in time", date(2024, 8, 1), None, SEPTEMBER),
        ("on the last day", DUE, None, SEPTEMBER),
        ("late: from its validation", date(2024, 10, 5), None, date(2024, 10, 5)),
        ("late, but before it begins", date(2024, 8, 30), None, SEPTEMBER),
        ("late, and staff chose an earlier day", date(2024, 10, 5), date(2024, 9, 15), date(2024, 9, 15)),
    ],
)
def test_a_file_that_comes_late_counts_from_its_validation_unless_staff_choose_an_earlier_day(
    why: str, validated: date, chosen: date | None, counts_from: date
) -> None:
    school = filed()
    rows = regularise(school, TILLEULS, file(validated_day=validated), chosen)
    assert not isinstance(rows, Refusal)
    school = edited(school, rows)
    assert bracket_on(school, HOUSEHOLD, counts_from).bracket == 4
    assert bracket_on(school, HOUSEHOLD, counts_from - timedelta(days=1)).bracket == 10


def charged(school: School, item: str, cents: int, why: Why) -> Charged:
    """A charge of Monday, as a decision would have made it."""
    return Charged(1, 2, 3, HOUSEHOLD, number("Léa"), TILLEULS, number(item), cents, moment("18:00"), why, Reason.NONE, ())


def test_a_stay_of_before_the_regularisation_is_priced_again_with_the_file_that_came_since() -> None:
    grid = ByBracket(tuple(range(100, 1100, 100)))
    school = edited(filed(), (tariff("care", Line(Periods(grid, 30, 5))), tariff("sandwich", Line(Session(grid)))))
    lea, site = school.pupils[number("Léa")], school.sites[TILLEULS]
    before = price(school, Occasion(lea, site, CARE, moment("15:30"), moment("16:40")))
    rows = regularise(school, TILLEULS, file(validated_day=TUESDAY), MONDAY)
    assert not isinstance(rows, Refusal)
    regularised = edited(school, rows)
    assert before[0] == 3_00
    assert reprice(school, charged(school, "care", *before)) == before
    cents, why = reprice(regularised, charged(school, "care", *before))
    assert (cents, why.units, why.terms) == (1_20, 3, Terms(1, bracket=4, file=7))
    three = price_of_product(school, lea, school.products[number("sandwich")], MONDAY, 3, 50)
    assert three[0] == 3 * (1_00 + 50)
    assert reprice(regularised, charged(school, "sandwich", *three))[0] == 3 * (40 + 50)


def test_a_price_that_no_tariff_made_stays_as_it_was_when_files_come() -> None:
    school = filed()
    menu = Why(Rule.PRICE, unit_tenths=9_990)
    assert reprice(edited(school, (file(),)), charged(school, "meal", 9_99, menu)) == (9_99, menu)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"household": 1}, "no_such_household"),
        ({"bracket": 0}, "no_bracket"),
        ({"bracket": 11}, "no_bracket"),
        ({"until_day": date(2024, 10, 5), "validated_day": date(2024, 10, 5)}, "file_over"),
    ],
)
def test_a_file_that_could_never_count_is_refused(wrong: dict[str, object], code: str) -> None:
    assert regularise(filed(), TILLEULS, file(**wrong)) == Refusal(code)  # type: ignore[arg-type]
