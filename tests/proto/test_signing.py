"""Signatures over what the hub leaves on the broker."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.signing import sign, signing_key, verified

KEY = signing_key("a device's password")

parts = st.lists(st.text(max_size=6) | st.integers(0, 99), max_size=4)


def test_a_signature_is_a_keyed_hash_of_lengths_and_parts() -> None:
    expected = hmac.new(KEY, "6:config7:porte-11:3".encode(), hashlib.sha256).hexdigest()  # noqa: UP012
    assert sign(KEY, "config", "porte-1", 3) == expected


def test_the_key_is_derived_from_the_password_and_is_not_the_password() -> None:
    assert signing_key("one") != signing_key("two")
    assert len(KEY) == 32
    assert b"password" not in KEY


@given(parts)
def test_what_was_signed_is_verified(signed: list[str | int]) -> None:
    assert verified(KEY, sign(KEY, "roster", *signed), "roster", *signed)


@given(parts, parts)
def test_parts_never_run_into_each_other(one: list[str | int], other: list[str | int]) -> None:
    same = [str(part) for part in one] == [str(part) for part in other]
    assert verified(KEY, sign(KEY, "roster", *one), "roster", *other) is same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c"), ("a", "bc")),
        (("a", ""), ("", "a")),
        (("a",), ("a", "")),
        (("1:a",), ("a",)),
        ((12, 3), (1, 23)),
        (("1:x1:y",), ("x", "y")),
    ],
)
def test_cuts_in_other_places_give_other_signatures(one: tuple[str | int, ...], other: tuple[str | int, ...]) -> None:
    assert sign(KEY, "roster", *one) != sign(KEY, "roster", *other)


def test_a_signature_counts_for_its_purpose_and_key_only() -> None:
    sig = sign(KEY, "roster", "porte-1")
    assert not verified(KEY, sig, "config", "porte-1")
    assert not verified(signing_key("another"), sig, "roster", "porte-1")


@pytest.mark.parametrize("sig", ["", "0" * 64, "é"])
def test_a_signature_that_is_none_is_refused(sig: str) -> None:
    assert not verified(KEY, sig, "roster", "porte-1")
