"""Amounts as people write them, and as the office shows them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.money import MAX_CENTS, half_up, read_cents, read_tenths, write_cents, write_tenths


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("12", 12_00),
        ("12,50", 12_50),
        ("0,05", 5),
        ("0", 0),
        ("-3,00", -3_00),
        ("+3,00", 3_00),
        ("\u22123,00", -3_00),  # the minus sign that word processors put
        (" 12,50 € ", 12_50),
        ("12,50€", 12_50),
        ("12.50", 12_50),
        ("-1234.50", -1234_50),
        ("1.234", 1234_00),
        ("12,50\u00a0€", 12_50),
        ("1 234,50", 1234_50),
        ("1.234,50", 1234_50),
        ("1\u202f234,50", 1234_50),
        ("1 234 567", 1_234_567_00),
        ("100 000 000", MAX_CENTS),
    ],
)
def test_an_amount_is_read_as_it_is_written_in_belgium(text: str, cents: int) -> None:
    assert read_cents(text) == cents


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "€",
        "-",
        ",50",
        "12,5",
        "12.5",
        "12.5.3",
        "1.234.50",
        "1,234.50",
        "12 50",
        "1 23,00",
        "--3",
        "- 3",
        "3-",
        "12,50 EUR",
        "douze",
        "1e3",
        "0x10",
        "NaN",
        "12,50 € €",
        "١٢",
        "12\n50",
        "100 000 000,01",
        "999999999",
        "1234567890",
        "1" + " 234" * 10,
        "1" + ".234" * 5000,
        "9" * 5000,
    ],
)
def test_an_unreadable_amount_is_none_and_never_zero(text: str) -> None:
    assert read_cents(text) is None


@given(st.text())
def test_any_text_is_an_amount_or_none(text: str) -> None:
    cents = read_cents(text)
    assert cents is None or abs(cents) <= MAX_CENTS


@given(st.integers(-MAX_CENTS, MAX_CENTS))
def test_what_the_office_shows_can_be_typed_back(cents: int) -> None:
    assert read_cents(write_cents(cents)) == cents


@pytest.mark.parametrize(
    ("cents", "text"),
    [
        (0, "0,00 €"),
        (5, "0,05 €"),
        (-5, "-0,05 €"),
        (5_00, "5,00 €"),
        (1234_50, "1\u202f234,50 €"),
        (-1_234_567_89, "-1\u202f234\u202f567,89 €"),
    ],
)
def test_an_amount_is_shown_as_french_does(cents: int, text: str) -> None:
    assert write_cents(cents) == text.replace(" €", "\u00a0€")


@pytest.mark.parametrize(
    ("tenths", "cents"),
    [(0, 0), (4, 0), (5, 1), (14, 1), (15, 2), (750, 75), (1125, 113), (-4, 0), (-5, -1), (-15, -2)],
)
def test_half_a_cent_is_rounded_away_from_zero(tenths: int, cents: int) -> None:
    assert half_up(tenths, 10) == cents


@pytest.mark.parametrize(
    ("text", "tenths"),
    [("0,075", 75), ("0,75", 750), ("12", 12_000), ("1 234,567", 1_234_567), (" 0,075 € ", 75), ("0,005€", 5), ("-0,75", -750)],
)
def test_a_unit_price_may_have_a_third_digit(text: str, tenths: int) -> None:
    assert read_tenths(text) == tenths


@pytest.mark.parametrize("text", ["", "0,0755", "0,07x", ",075", "-0,075", "1,2", "0.075", "0,075 € €"])
def test_what_is_not_surely_a_unit_price_is_none(text: str) -> None:
    assert read_tenths(text) is None


@given(st.integers(0, 10**9))
def test_a_unit_price_that_was_written_is_read_again(tenths: int) -> None:
    assert read_tenths(write_tenths(tenths)) == tenths


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_a_division_goes_to_the_nearest_and_the_half_away_from_zero(amount: int, by: int) -> None:
    found = half_up(amount, by)
    assert 2 * abs(found * by - amount) <= by
    assert found == -half_up(-amount, by)
    assert half_up(by, 2 * by) == 1
