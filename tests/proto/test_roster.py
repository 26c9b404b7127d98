"""The roster: packed at the hub, checked and unpacked at the device."""

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto import codec, roster
from proto.messages import PART_BYTES, RosterManifest, RosterPart, RosterRow, Use

KEY = b"k" * 32
DEVICE = "porte-1"

badges = st.text(alphabet="abcXYZ019_-", min_size=20, max_size=20)
times = st.integers(0, 2**53)
rows = st.builds(RosterRow, badge=badges, rights=st.lists(st.sampled_from(Use)).map(roster.rights), from_ms=times, until_ms=times)


def described(parts: list[str]) -> RosterManifest:
    return roster.manifest(KEY, DEVICE, 3, parts, issued_ms=1000)


def school(pupils: int) -> list[RosterRow]:
    return [RosterRow(badge=f"{number:020d}", rights="cs", from_ms=number) for number in range(pupils)]


@given(st.lists(rows, max_size=12))
def test_what_is_packed_is_unpacked(written: list[RosterRow]) -> None:
    parts = roster.pack(written)
    read = roster.unpack(described(parts), parts)
    assert read is not None
    assert sorted(map(msgspec.structs.astuple, read)) == sorted(map(msgspec.structs.astuple, written))


@given(st.lists(rows, max_size=6).flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_the_same_roster_has_the_same_parts_in_any_order(orders: tuple[list[RosterRow], list[RosterRow]]) -> None:
    one, other = orders
    assert roster.pack(one) == roster.pack(other)


def test_an_empty_roster_is_a_roster() -> None:
    assert roster.pack([]) == []
    assert roster.unpack(described([]), []) == []


def test_a_whole_school_comes_in_parts_that_each_fit_a_message() -> None:
    parts = roster.pack(school(3000))
    assert len(parts) > 1
    for number, body in enumerate(parts):
        assert len(body.encode()) <= PART_BYTES
        message = RosterPart(version=3, part=number, body=body)
        assert codec.decode(codec.encode(message), RosterPart) == message
    assert roster.unpack(described(parts), parts) == school(3000)


def test_the_fullest_rows_still_fit_a_message() -> None:
    fullest = [RosterRow(badge=f"{number:020d}", rights="cstke", from_ms=2**53, until_ms=2**53) for number in range(1000)]
    for number, body in enumerate(roster.pack(fullest)):
        assert codec.encode(RosterPart(version=2**53, part=number, body=body))


def test_parts_in_another_order_number_or_state_are_refused() -> None:
    parts = roster.pack(school(1000))
    whole = described(parts)
    assert len(parts) == 2
    wrong = [
        parts[::-1],
        parts[:1],
        [*parts, ""],
        ["".join(parts)],
        [parts[0], parts[1].replace(" cs ", " cst ", 1)],
        [parts[0], parts[1][:-1]],
        [],
    ]
    assert [roster.unpack(whole, some) for some in wrong] == [None] * len(wrong)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "no row",
        "0" * 20,
        "0" * 20 + " cs 0",
        "0" * 20 + " cs 0 0 more",
        "0" * 19 + " cs 0 0",
        "0" * 20 + " cs -1 0",
        "0" * 20 + " cs ١ 0",
        "0" * 20 + " cs 0 " + "9" * 5000,
        "0" * 20 + "  0 0",
        "0" * 20 + " cs 0 0\r",
    ],
    ids=lambda line: line[-24:],
)
def test_a_row_in_a_later_hand_refuses_the_roster_whole(line: str) -> None:
    """A roster read in part would turn some pupils away: the device keeps the one it has."""
    parts = [*roster.pack(school(2)), f"{line}\n"]
    assert roster.unpack(described(parts), parts) is None


def test_a_last_row_without_its_end_refuses_the_roster() -> None:
    parts = [roster.pack(school(2))[0] + "0" * 20 + " cs 0 0"]
    assert roster.unpack(described(parts), parts) is None


def test_a_manifest_that_counts_other_rows_than_there_are_is_refused() -> None:
    parts = roster.pack(school(2))
    assert roster.unpack(msgspec.structs.replace(described(parts), rows=3), parts) is None


def test_a_manifest_is_genuine_for_its_own_hub_and_device_only() -> None:
    whole = described(roster.pack(school(2)))
    assert roster.genuine(KEY, DEVICE, whole)
    assert not roster.genuine(b"other" * 6, DEVICE, whole)
    assert not roster.genuine(KEY, "porte-2", whole)


@pytest.mark.parametrize(
    "changed",
    [{"version": 4}, {"parts": 2}, {"rows": 3}, {"sha256": hashlib.sha256().hexdigest()}, {"issued_ms": 1001}, {"sig": ""}],
    ids=str,
)
def test_a_manifest_changed_in_any_field_is_not_genuine(changed: dict[str, object]) -> None:
    whole = described(roster.pack(school(2)))
    assert not roster.genuine(KEY, DEVICE, msgspec.structs.replace(whole, **changed))


def test_each_use_has_a_letter_of_its_own() -> None:
    assert roster.rights(list(Use)) == "cstke"
    assert roster.rights([Use.TILL, Use.CARE, Use.TILL]) == "ct"
    assert roster.rights([]) == ""
