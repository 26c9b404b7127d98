"""What comes off the wire: rubbish is named and dropped, and never raises."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto import codec
from proto.codec import MAX_BYTES, Rubbish
from proto.errors import TooLongError
from proto.messages import AskMessage, Config, DeviceConfig, HubState, ReaderConfig, RosterMessage, ScanMessage, Status
from tests.proto.samples import KINDS, MESSAGES, MOST, SESSION

HUB = b'{"v":1,"status":"on","session":"5e55101100000001"%s}'


def scan(**changed: object) -> bytes:
    """The plain scan message with some fields of its only record changed."""
    fields = msgspec.json.decode(codec.encode(MESSAGES["scan"]))
    fields["records"][0].update(changed)
    return msgspec.json.encode(fields)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        pytest.param(b"", Rubbish.NOT_JSON, id="empty"),
        pytest.param(b"\x00\xff\xfe", Rubbish.NOT_JSON, id="noise"),
        pytest.param(HUB[:-4], Rubbish.NOT_JSON, id="cut"),
        pytest.param(HUB % b"" + b"x", Rubbish.NOT_JSON, id="something behind it"),
        pytest.param(b"\xef\xbb\xbf" + HUB % b"", Rubbish.NOT_JSON, id="byte order mark"),
        pytest.param(HUB % b',"x":NaN', Rubbish.NOT_JSON, id="NaN"),
        pytest.param(HUB % b',"x":Infinity', Rubbish.NOT_JSON, id="infinity"),
        pytest.param(b'{"v":1,"status":"\xff","session":"5e55101100000001"}', Rubbish.NOT_JSON, id="no UTF-8"),
        pytest.param(b'{"v":1,"status":"on","session":"\\ud800"}', Rubbish.NOT_JSON, id="half a character"),
        pytest.param(HUB % (b',"x":' + b"[" * 15_000 + b"]" * 15_000), Rubbish.NOT_JSON, id="deep"),
        pytest.param(b"[" * MAX_BYTES, Rubbish.WRONG_SHAPE, id="deep from the start"),
        pytest.param(b"[]", Rubbish.WRONG_SHAPE, id="a list"),
        pytest.param(b"null", Rubbish.WRONG_SHAPE, id="null"),
        pytest.param(b"{}", Rubbish.WRONG_SHAPE, id="nothing in it"),
        pytest.param(b'{"v":1,"status":"maybe","session":"5e55101100000001"}', Rubbish.WRONG_SHAPE, id="unknown status"),
        pytest.param(b'{"v":1,"status":"on","session":"5E55101100000001"}', Rubbish.WRONG_SHAPE, id="capital hex"),
        pytest.param(b'{"v":1,"status":"on","session":"5e55101100000001\\n"}', Rubbish.WRONG_SHAPE, id="line end behind it"),
        pytest.param(b'{"v":"1","status":"on","session":"5e55101100000001"}', Rubbish.WRONG_SHAPE, id="version as text"),
        pytest.param(b'{"v":null,"status":"on","session":"5e55101100000001"}', Rubbish.WRONG_SHAPE, id="no version"),
        pytest.param(HUB % b',"v":2', Rubbish.WRONG_VERSION, id="later version, same shape"),
        pytest.param(b'{"v":2,"what":"is this"}', Rubbish.WRONG_VERSION, id="later version, other shape"),
        pytest.param(b'{"v":0,"status":"on","session":"5e55101100000001"}', Rubbish.WRONG_VERSION, id="version 0"),
        pytest.param(HUB % (b',"v":' + b"9" * 19), Rubbish.WRONG_VERSION, id="huge version"),
        pytest.param(HUB % (b',"x":"' + b"x" * MAX_BYTES + b'"'), Rubbish.TOO_LONG, id="over-long"),
    ],
)
def test_rubbish_is_named(payload: bytes, reason: Rubbish) -> None:
    assert codec.decode(payload, HubState) is reason


@pytest.mark.parametrize(
    "changed",
    [
        {"n": 0},
        {"n": -1},
        {"n": MOST + 1},
        {"n": 10**18},
        {"n": 1.5},
        {"n": "1"},
        {"n": True},
        {"n": None},
        {"inc": "1c1c"},
        {"inc": 7},
        {"reader": ""},
        {"reader": "-qr"},
        {"reader": "a/b"},
        {"reader": "x" * 17},
        {"badge": "KBBBKOVDUBJFIHBPPPPGD"},
        {"badge": "é" * 20},
        {"clock": "sundial"},
        {"shown": "accepted"},
        {"shown": {"light": "green"}},
        {"t": "tap"},
        {"t": None},
    ],
    ids=str,
)
def test_a_scan_of_the_wrong_shape_is_dropped_whole(changed: dict[str, object]) -> None:
    assert codec.decode(scan(**changed), ScanMessage) is Rubbish.WRONG_SHAPE


@pytest.mark.parametrize("digits", [20, 400, 5000, 30_000])
def test_a_number_of_many_digits_is_dropped(digits: int) -> None:
    payload = codec.encode(MESSAGES["scan"]).replace(b'"n":1,', b'"n":' + b"1" * digits + b",")
    assert codec.decode(payload, ScanMessage) is Rubbish.WRONG_SHAPE


@pytest.mark.parametrize("records", [201, 150])
def test_more_records_than_a_message_holds_are_dropped(records: int) -> None:
    hole = b'{"t":"hole","inc":"1c1c1c1c1c1c1c1c","n":1,"to_n":1}'
    payload = codec.encode(MESSAGES["scan-none"]).replace(b"[]", b"[" + b",".join([hole] * records) + b"]")
    got = codec.decode(payload, ScanMessage)
    assert (got is Rubbish.WRONG_SHAPE) is (records > 200)


def test_unknown_fields_are_ignored_and_a_field_said_twice_counts_once() -> None:
    expected = HubState(status=Status.ON, session=SESSION)
    assert codec.decode(HUB % b',"moon":{"phase":[1,2,{"x":null}]}', HubState) == expected
    assert codec.decode(HUB % b',"status":"off","status":"on"', HubState) == expected


def test_a_later_version_said_last_is_not_taken_for_ours() -> None:
    assert codec.decode(b'{"v":1,"v":2,"status":"on","session":"5e55101100000001"}', HubState) is Rubbish.WRONG_VERSION


def test_the_longest_message_passes_and_one_byte_more_does_not() -> None:
    room = MAX_BYTES - len(HUB % b',"x":""')
    assert isinstance(codec.decode(HUB % (b',"x":"' + b"x" * room + b'"'), HubState), HubState)
    assert codec.decode(HUB % (b',"x":"' + b"x" * (room + 1) + b'"'), HubState) is Rubbish.TOO_LONG


def test_a_message_we_would_write_over_long_is_our_own_mistake() -> None:
    with pytest.raises(TooLongError, match=r"Config of \d+ bytes; the limit is 32768"):
        codec.encode(Config(version=1, body="\n" * 20_000, sig=""))


ALSO_READ_AS = {"state": {"hub", "health"}, "ask": {"settled"}}
"""A device's state holds all that a hub's state or a bare health asks for, a question all of its answer: the topic tells them apart."""


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_read_as_no_other_kind(name: str) -> None:
    kind = name.split("-", maxsplit=1)[0]
    readable = {kind, *ALSO_READ_AS.get(kind, ())} | {other for other in KINDS if KINDS[other] is KINDS[kind]}
    payload = codec.encode(MESSAGES[name])
    assert {other for other in KINDS if not isinstance(codec.decode(payload, KINDS[other]), Rubbish)} == readable


@given(st.binary(max_size=200), st.sampled_from(sorted(KINDS)))
def test_no_bytes_ever_raise(payload: bytes, kind: str) -> None:
    """Noise may by chance be a message; what comes back is then one that can be sent again."""
    got = codec.decode(payload, KINDS[kind])
    assert isinstance(got, Rubbish) or codec.encode(got)


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(anything, st.sampled_from(sorted(KINDS)))
def test_no_json_ever_raises(tree: object, kind: str) -> None:
    assert isinstance(codec.decode(msgspec.json.encode(tree), KINDS[kind]), Rubbish)


def test_a_union_tells_its_members_apart() -> None:
    for name in ("ask", "want"):
        assert codec.decode(codec.encode(MESSAGES[name]), AskMessage) == MESSAGES[name]
    for name in ("manifest", "part"):
        assert codec.decode(codec.encode(MESSAGES[name]), RosterMessage) == MESSAGES[name]


def test_the_body_of_a_config_is_a_device_config() -> None:
    config = DeviceConfig(device="porte-1", badge_key="ab" * 32, readers=[ReaderConfig("qr", use="care", direction="toggle")])  # type: ignore[arg-type]
    body = msgspec.json.encode(config)
    assert codec.encode(Config(version=1, body=body.decode(), sig=""))
    assert msgspec.json.decode(body, type=DeviceConfig).readers[0].direction == "toggle"
