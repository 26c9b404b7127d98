"""The text of a payment QR code, line by line as the standard has them."""

import pytest

from hub.core.epc import payload
from hub.core.references import Family, reference


def test_a_payment_code_says_who_where_how_much_and_what_for() -> None:
    text = payload("École libre de l’Étang – Œuvres", "BE68 5390 0754 7034", 12_05, reference(Family.WALLET, 1))
    assert text.split("\n") == [
        "BCD", "002", "1", "SCT", "", "Ecole libre de l'Etang Oeuvres", "BE68539007547034", "EUR12.05", "", "097000000101",
    ]  # fmt: skip


def test_a_long_name_is_cut_and_the_whole_stays_within_the_standard() -> None:
    text = payload("É" * 200, "BE68539007547034", 999_999_999_99, 97_0000_00101)
    assert text.split("\n")[5] == "E" * 70
    assert len(text.encode()) <= 331


@pytest.mark.parametrize("cents", [0, -1, 100_000_000_000])
def test_what_is_no_amount_is_no_payment(cents: int) -> None:
    with pytest.raises(ValueError, match="cannot be asked for"):
        payload("École", "BE68539007547034", cents, 1)
