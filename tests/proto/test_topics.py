"""Topics: whose message this is, and what it carries."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto import topics
from proto.messages import DeviceId
from proto.topics import Address, Kind


@pytest.mark.parametrize("kind", Kind)
def test_a_topic_tells_device_and_kind_back(kind: Kind) -> None:
    assert topics.topic("porte-1", kind) == f"preau/v1/porte-1/{kind.value}"
    assert topics.address(topics.topic("porte-1", kind)) == Address("porte-1", kind)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "preau/v1/hub",
        "preau/v1/porte-1",
        "preau/v1/porte-1/",
        "preau/v1/porte-1/scan/",
        "preau/v1/porte-1/scan/more",
        "preau/v1/porte-1/Scan",
        "preau/v1/porte-1/tap",
        "preau/v1//scan",
        "preau/v1/+/scan",
        "preau/v1/Porte/scan",
        "preau/v1/-porte/scan",
        "preau/v1/porte 1/scan",
        "preau/v1/porte\n/scan",
        "preau/v1/" + "x" * 33 + "/scan",
        "preau/v2/porte-1/scan",
        "/preau/v1/porte-1/scan",
    ],
)
def test_a_topic_that_is_not_ours_has_no_address(text: str) -> None:
    assert topics.address(text) is None


@given(st.text(max_size=60) | st.from_regex(r"preau/v1/.{0,40}/(scan|state|health)", fullmatch=True))
def test_no_topic_raises_and_every_device_found_could_be_in_a_message(text: str) -> None:
    found = topics.address(text)
    assert found is None or (topics.topic(*found) == text and msgspec.convert(found.device, DeviceId))


def test_every_kind_goes_one_way_only() -> None:
    ways = (*topics.FROM_DEVICE, *topics.TO_DEVICE)
    assert sorted(ways) == sorted(Kind)


def test_only_what_describes_a_state_is_retained_and_acknowledged() -> None:
    assert {Kind.STATE, Kind.CONFIG, Kind.ROSTER} == topics.RETAINED
    assert {kind for kind in Kind if topics.qos(kind) == 1} == topics.RETAINED


def test_the_hub_hears_all_devices_by_one_filter() -> None:
    assert topics.everyone(Kind.SCAN) == "preau/v1/+/scan"
