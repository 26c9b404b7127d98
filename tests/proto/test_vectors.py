"""Golden vectors: the exact bytes of the wire, as files that are only ever added to. A device in the field still speaks them."""

import hashlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto import codec
from proto.messages import AnyMessage
from tests.proto.samples import KINDS, MESSAGES, READ_ONLY, kind_of

VECTORS = Path(__file__).parent / "vectors"
INDEX = VECTORS / "SHA256SUMS"


def vector(name: str) -> bytes:
    return (VECTORS / f"{name}.json").read_bytes()


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_written_exactly_as_its_vector(name: str) -> None:
    assert codec.encode(MESSAGES[name]) == vector(name)


@pytest.mark.parametrize("name", MESSAGES | READ_ONLY)
def test_a_vector_is_read_as_its_message(name: str) -> None:
    assert codec.decode(vector(name), kind_of(name)) == (MESSAGES | READ_ONLY)[name]


def test_no_vector_ever_changed() -> None:
    """A vector is never edited: a new shape gets a new file and a new line in the index (`sha256sum` format)."""
    index = [line.split("  ") for line in INDEX.read_text().splitlines()]
    assert {name: digest for digest, name in index} == {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in VECTORS.glob("*.json")
    }


def test_every_vector_has_a_message_and_every_message_a_vector() -> None:
    assert {file.stem for file in VECTORS.glob("*.json")} == set(MESSAGES | READ_ONLY)


def test_every_kind_of_message_has_a_vector() -> None:
    assert {type(message) for message in MESSAGES.values()} == set(AnyMessage.__args__)
    assert {name.split("-")[0] for name in MESSAGES} == set(KINDS)


@given(st.sampled_from(sorted(MESSAGES)), st.data())
def test_a_damaged_vector_never_raises(name: str, data: st.DataObject) -> None:
    """Bytes of a real message, some of them replaced, cut out or doubled: a message or a reason, never an exception."""
    payload = bytearray(vector(name))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(payload)))
        payload[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8) | st.just(bytes(payload[at : at + 40])))
    kind = kind_of(name)
    got = codec.decode(bytes(payload), kind)
    assert isinstance(got, codec.Rubbish) or codec.decode(codec.encode(got), kind) == got


@given(st.sampled_from(sorted(MESSAGES)), st.data())
def test_a_vector_with_one_wrong_value_never_raises(name: str, data: st.DataObject) -> None:
    """Still JSON, but one field of the message holds something else."""
    fields = msgspec.json.decode(vector(name))
    anything = st.none() | st.booleans() | st.integers() | st.text(max_size=40) | st.lists(st.integers(), max_size=3)
    fields[data.draw(st.sampled_from(sorted(fields)))] = data.draw(anything)
    got = codec.decode(msgspec.json.encode(fields), kind_of(name))
    assert isinstance(got, codec.Rubbish) or codec.decode(codec.encode(got), kind_of(name)) == got
