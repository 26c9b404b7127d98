"""Meals reserved from a list: all of it or nothing, every bad line named, the same file twice once."""

from dataclasses import replace
from datetime import date

import pytest

from hub.core.books import Books
from hub.core.canteen import reserve
from hub.core.facts import MealReserved, Refusal
from hub.core.school import edited
from hub.errors import ImportRefusedError
from hub.setup import Reservation, reservations
from tests.schools import small_school

HEAD = "site;household;last_name;first_name;meal;day\n"
LEA = "Les Tilleuls;Vanderzande;Vanderzande;Léa;Repas;2025-01-06\n"
TOM = "Les Tilleuls;Vanderzande;Vanderzande;Tom;Repas;2025-01-06\n"


def read(text: str, books: Books | None = None) -> tuple[Reservation, ...]:
    return reservations(HEAD + text, "meals.csv", small_school(), books or Books())


def booked(books: Books, found: tuple[Reservation, ...]) -> None:
    for one in found:
        facts = reserve(small_school(), books, one.ask, one.pupil, one.product, one.day, 1)
        assert not isinstance(facts, Refusal)
        for fact in facts:
            books.apply(fact)


def test_each_line_becomes_one_reservation_that_can_be_booked() -> None:
    books = Books()
    booked(books, read(LEA + TOM))
    assert len(books.meals) == 2
    assert books.total_cents() == 0


def test_the_same_file_asks_for_the_same_and_another_file_does_not() -> None:
    assert read(LEA + TOM) == read(LEA + TOM)
    assert {one.ask for one in read(LEA)}.isdisjoint(one.ask for one in read(LEA + TOM))


def test_a_file_that_was_booked_may_be_read_again() -> None:
    books = Books()
    booked(books, read(LEA + TOM))
    assert [one.ask in books.asks for one in read(LEA + TOM, books)] == [True, True]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (LEA.replace("Léa", "Zoé"), "meals.csv:3: `Zoé Vanderzande` of household `Vanderzande` is not known: import the pupils first"),
        (
            LEA.replace("Repas", "Sandwich"),
            "meals.csv:3: `Sandwich` is no meal of site `Les Tilleuls`: use the names they have in the school",
        ),
        (LEA.replace("Les Tilleuls", "Lune"), "meals.csv:3: `Repas` is no meal of site `Lune`: use the names they have in the school"),
        (LEA.replace("2025-01-06", "6/1/25"), "meals.csv:3: `6/1/25` is no day: write it as 2025-01-31"),
        (TOM, "meals.csv:3: `Tom Vanderzande` has a meal on 2025-01-06 already: remove the line"),
    ],
)
def test_a_bad_line_is_named_with_what_to_do_and_nothing_of_the_file_is_used(line: str, sentence: str) -> None:
    with pytest.raises(ImportRefusedError, match=r"meals\.csv:3") as refused:
        read(TOM + line)
    assert str(refused.value) == sentence


def test_a_line_of_who_has_left_by_that_day_is_named_and_what_the_file_booked_before_stands() -> None:
    school = small_school()
    lea = next(pupil for pupil in school.everyone if pupil.first_name == "Léa")
    gone, books = edited(school, (replace(lea, left_day=date(2025, 1, 6)),)), Books()
    with pytest.raises(ImportRefusedError) as refused:
        reservations(HEAD + LEA, "meals.csv", gone, books)
    assert str(refused.value) == "meals.csv:2: `Léa Vanderzande` is no longer at the school on 2025-01-06: remove the line"
    booked(books, read(LEA))
    assert reservations(HEAD + LEA, "meals.csv", gone, books) == read(LEA)


def test_a_meal_that_another_file_has_reserved_is_refused() -> None:
    books = Books()
    booked(books, read(LEA))
    with pytest.raises(ImportRefusedError, match=r"meals\.csv:3: `Léa Vanderzande` has a meal on 2025-01-06 already"):
        read(TOM + LEA, books)


def test_a_reservation_is_a_fact_of_its_day() -> None:
    (one,) = read(LEA)
    facts = reserve(small_school(), Books(), one.ask, one.pupil, one.product, one.day, 1)
    assert not isinstance(facts, Refusal)
    assert [fact.day for fact in facts if isinstance(fact, MealReserved)] == [20250106]
