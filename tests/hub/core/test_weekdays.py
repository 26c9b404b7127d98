"""Days of the week in the languages of the country: what is sure is read, what could mean two things is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.weekdays import WEEKDAYS, languages_of, read_weekdays, write_weekdays

SCHOOL_DAYS = frozenset({0, 1, 3, 4})


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("lu ma je ve", SCHOOL_DAYS),
        ("Lun., Mar., Jeu., Ven.", SCHOOL_DAYS),
        ("lundi/mardi/jeudi/vendredi", SCHOOL_DAYS),
        ("mon tue thu fri", SCHOOL_DAYS),
        ("ma di do vr", SCHOOL_DAYS),
        ("maandag, dinsdag, donderdag, vrijdag", SCHOOL_DAYS),
        ("Mo Di Do Fr", SCHOOL_DAYS),
        ("1,2,4,5", SCHOOL_DAYS),
        ("1245", SCHOOL_DAYS),
        ("7", frozenset({6})),
        ("zo", frozenset({6})),
        ("samedi", frozenset({5})),
        ("lu lu", frozenset({0})),
        ("ma", None),  # Tuesday in French, Monday in Dutch
        ("di", None),
        ("lu-ve", None),  # two days, or five?
        ("0", None),
        ("8", None),
        ("lu xx", None),
        ("lu vr", None),  # no language has both
        ("", None),
        (" , ", None),
    ],
)
def test_a_cell_names_days_or_nothing_is_guessed(text: str, days: frozenset[int] | None) -> None:
    assert read_weekdays(text, languages_of([])) == days


def test_the_other_lines_of_a_list_tell_what_a_day_means() -> None:
    french, dutch = languages_of(["ma", "lu je"]), languages_of(["ma", "wo"])
    assert (read_weekdays("ma", french), read_weekdays("ma", dutch)) == (frozenset({1}), frozenset({0}))
    mixed = languages_of(["lu", "wo"])
    assert (read_weekdays("lu", mixed), read_weekdays("ma", mixed)) == (frozenset({0}), None)


@given(st.frozensets(st.integers(0, 6), min_size=1))
def test_days_read_back_as_they_are_shown(days: frozenset[int]) -> None:
    assert read_weekdays(write_weekdays(days), languages_of([])) == days
    assert read_weekdays("".join(str(day + 1) for day in days), languages_of([])) == days
    assert len(WEEKDAYS) == 7
