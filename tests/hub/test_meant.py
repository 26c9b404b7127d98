"""Words of the command line: what each names, and that a word that names nothing, or two things, is said back with what to do."""

from dataclasses import replace

import pytest

from hub.core.school import Household, Pupil, School, edited
from hub.errors import ImportRefusedError, RefusedError
from hub.meant import day_written, household_called, instant_written, one_of, pupil_called, pupil_of, pupils_by_names, whole_written
from hub.payers import read_payers
from hub.setup import diets
from tests.schools import number, small_school


def test_a_pupil_is_called_by_number_or_name_and_two_of_one_name_by_number() -> None:
    school = small_school()
    assert pupil_called(school, "léa vanderzande") is pupil_called(school, str(number("Léa"))) is school.pupils[number("Léa")]
    lea = school.pupils[number("Léa")]
    twins = School(everyone=(*school.everyone, replace(lea, id=5)))
    with pytest.raises(RefusedError, match="several pupils: name one by its number"):
        pupil_called(twins, "Léa Vanderzande")


def test_of_two_households_with_one_name_neither_is_taken_for_the_other() -> None:
    school = edited(School(), (Household(1, "Dupont", "", "Rue Haute 3"), Household(2, "Dupont")))
    with pytest.raises(RefusedError, match=r"^`Dupont` is several households: name one by its number: 1 \(Rue Haute 3\), 2$"):
        household_called(school, "Dupont")
    assert household_called(school, "2").id == 2


@pytest.mark.parametrize("text", ["", "5 ", "-5", "٣", "²", "1.5", "9223372036854775808", "9" * 5000])
def test_what_is_no_number_is_none(text: str) -> None:
    with pytest.raises(RefusedError, match="is no number: write its digits"):
        whole_written(text)


def test_days_and_instants_that_no_calendar_can_reckon_with_are_refused() -> None:
    assert (day_written("1900-01-01").year, day_written("2199-12-31").year) == (1900, 2199)
    for text in ("0001-01-01", "1899-12-31", "2200-01-01", "9999-12-31"):
        with pytest.raises(RefusedError, match=f"`{text}` is too far off"):
            day_written(text)
    assert instant_written("7258118399999") == 7_258_118_399_999
    with pytest.raises(RefusedError, match="too far off"):
        instant_written("7258118400000")


def test_one_of_a_few_words_is_asked_for_by_all_of_them() -> None:
    assert one_of((1, 2))("2") == 2
    for known, said in (((1,), "`x`: say 1"), ((1, 2), "`x`: say 1 or 2"), ((1, 2, 3), "`x`: say 1, 2 or 3")):
        with pytest.raises(RefusedError, match=f"^{said}$"):
            one_of(known)("x")


def test_two_pupils_of_the_same_names_and_households_are_nobody_for_sure() -> None:
    everyone = (Pupil(4, 1, 9, "Léa", "Dupont"), Pupil(5, 2, 9, "Léa", "Dupont"), Pupil(6, 2, 9, "Noé", "Dupont"))
    homes = (Household(1, "Dupont"), Household(2, "Dupont"), Household(3, "Martin"))
    school = edited(School(), (*homes, *everyone))
    assert pupils_by_names(school) == {("Dupont", "Dupont", "Léa"): 0, ("Dupont", "Dupont", "Noé"): 6}
    assert pupil_of(school, "Dupont", "Dupont", "Léa") is None
    assert pupil_of(school, "2", "Dupont", "Léa") is school.pupils[5]
    with pytest.raises(ImportRefusedError, match=r"^d\.csv:2: `Léa Dupont` of household `Dupont` is several pupils: "):
        diets("household;last_name;first_name;diet;allergens\nDupont;Dupont;Léa;;\n", "d.csv", school)
    payers = [(2, ["Dupont", "Dupont", "Noé", "Dupont", "2025-01-01", "", "", "", ""])]
    with pytest.raises(ImportRefusedError, match=r"^p\.csv:2: `Dupont` is several households: name one by its number: 1, 2$"):
        read_payers(payers, "p.csv", school)
