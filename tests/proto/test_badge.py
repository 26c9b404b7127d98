"""Badge codes and their keyed hashes."""

import base64
import hashlib
import hmac
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto import badge
from proto.messages import BadgeHash

VECTOR = "KBBBKOVDUBJFIHBPPPPGD"
TABLES = Path(__file__).parents[3] / "shared" / "vectors" / "keytables.json"
LAYOUTS = ("us", "fr", "be", "de")
PLAIN, SHIFTED = 1, 2
"""Columns of a key in the tables: the name comes first, then what it types alone and with Shift."""

Table = dict[str, list[str]]


@pytest.fixture(scope="module")
def tables() -> dict[str, Table]:
    if not TABLES.exists():
        pytest.skip("the key tables are kept beside the repository, and are not there")
    loaded: dict[str, Table] = json.loads(TABLES.read_text())
    return {layout: loaded[layout] for layout in LAYOUTS}


def typed(table: Table) -> dict[str, tuple[str, int]]:
    """Character -> the key and the column that type it."""
    return {keys[column]: (key, column) for key, keys in table.items() for column in (SHIFTED, PLAIN)}


def test_the_code_of_the_vector() -> None:
    assert badge.code(bytes.fromhex("00112233445566778899")) == VECTOR


@pytest.mark.parametrize("size", [0, 9, 11])
def test_a_code_is_made_of_ten_bytes_only(size: int) -> None:
    with pytest.raises(ValueError, match=f"10 bytes, not {size}"):
        badge.code(bytes(size))


@given(st.binary(min_size=10, max_size=10))
def test_every_secret_has_a_code_that_reads_back_as_itself(secret: bytes) -> None:
    code = badge.code(secret)
    assert len(code) == badge.CODE_LENGTH
    assert badge.read_code(code) == code


@given(st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_two_secrets_never_share_a_code(one: bytes, other: bytes) -> None:
    assert (badge.code(one) == badge.code(other)) is (one == other)


@pytest.mark.parametrize("secret", [bytes(10), b"\xff" * 10, bytes.fromhex("00112233445566778899")], ids=bytes.hex)
def test_every_single_wrong_letter_is_found(secret: bytes) -> None:
    code = badge.code(secret)
    for place, right in enumerate(code):
        for wrong in set(badge.ALPHABET) - {right}:
            assert badge.read_code(code[:place] + wrong + code[place + 1 :]) is None


def test_two_neighbours_that_changed_places_are_found_but_for_the_first_and_last_letter() -> None:
    """What Luhn's check can do: it misses only the pair of the letters worth 0 and 19."""
    missed = {badge.ALPHABET[0], badge.ALPHABET[-1]}
    for one in badge.ALPHABET:
        for other in badge.ALPHABET:
            right, swapped = "B" * 8 + one + other + "B" * 9, "B" * 8 + other + one + "B" * 9
            assert (badge.check_letter(right) == badge.check_letter(swapped)) is (one == other or {one, other} == missed)


@pytest.mark.parametrize("text", [VECTOR, VECTOR.lower(), f"  {VECTOR}\t", "kBBBkOVDUBJFIHBPPPPgd"])
def test_case_and_blanks_around_a_code_do_not_matter(text: str) -> None:
    assert badge.read_code(text) == VECTOR


@pytest.mark.parametrize(
    "text",
    ["", "K", VECTOR[:-1], VECTOR + "D", VECTOR[1:], "B" + VECTOR[1:], VECTOR.replace("V", "W"), VECTOR.replace("O", "0"), "x" * 100_000],
    ids=lambda text: text[:24],
)
def test_what_is_no_code_is_not_read_as_one(text: str) -> None:
    assert badge.read_code(text) is None


@given(st.text(max_size=40))
def test_no_text_raises_and_what_is_read_is_canonical(text: str) -> None:
    code = badge.read_code(text)
    assert code is None or badge.read_code(code) == code


def test_the_alphabet_is_the_letters_that_sit_on_the_same_key_everywhere(tables: dict[str, Table]) -> None:
    keys = [typed(table) for table in tables.values()]
    letters = {chr(code) for code in range(ord("A"), ord("Z") + 1)}
    same = {letter for letter in letters if len({(key[letter], key[letter.lower()]) for key in keys}) == 1}
    assert sorted(same) == list(badge.ALPHABET)


def test_a_code_needs_no_key_table(tables: dict[str, Table]) -> None:
    for sender in tables.values():
        presses = [typed(sender)[letter] for letter in VECTOR]
        for reader in tables.values():
            assert "".join(reader[key][column] for key, column in presses) == VECTOR


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_calibration_text_comes_out_right_in_exactly_one_table(layout: str, tables: dict[str, Table]) -> None:
    presses = [typed(tables[layout])[sign] for sign in badge.CALIBRATION]
    right = [name for name, table in tables.items() if "".join(table[key][column] for key, column in presses) == badge.CALIBRATION]
    assert right == [layout]


def test_a_tag_is_named_by_its_technology_and_its_bytes() -> None:
    assert badge.tag("EM", bytes.fromhex("6f007b3972")) == "EM:6F007B3972"


def test_a_badge_hash_is_the_first_120_bits_of_a_keyed_hash() -> None:
    whole = hmac.new(b"k" * 32, VECTOR.encode(), hashlib.sha256).digest()
    hashed = badge.badge_hash(b"k" * 32, VECTOR)
    assert hashed == base64.urlsafe_b64encode(whole).decode()[:20]
    assert msgspec.convert(hashed, BadgeHash) == hashed


def test_a_badge_hash_depends_on_key_and_badge() -> None:
    hashes = {badge.badge_hash(key, canonical) for key in (b"one", b"two") for canonical in (VECTOR, "EM:6F007B3972")}
    assert len(hashes) == 4
