"""Configs and rosters as a device takes them: signed for it alone, whole, published again when anything about them changed."""

from dataclasses import replace

import msgspec
import pytest

from hub.core.badges import block
from hub.core.facts import Refusal
from hub.core.school import Badge, BadgeState, Pupil, Reader, School, edited
from hub.orders import REFRESH_MS, Orders, rows
from proto import codec, roster
from proto.messages import AskMessage, Config, DeviceConfig, Direction, RosterManifest, RosterMessage, Use, WantPart
from proto.signing import signing_key, verified
from proto.topics import Kind
from tests.boxes import SESSION, box, switchboard, town, until, whole_roster
from tests.brokers import DOOR, Running
from tests.schools import BADGE_KEY, badge, moment, number

NOW_MS = moment("16:00")
PUPILS = ("Léa", "Tom", "Noé", "Mia")


def orders() -> Orders:
    return Orders(BADGE_KEY, lambda device: f"{device.id}-secret-{device.generation}", lambda _device: None)


def told(made: Orders, school: School, device: str = "door-1", now_ms: int = NOW_MS) -> dict[Kind, bytes]:
    return dict(made.retained(school, school.devices[device], now_ms))


def test_a_config_is_signed_for_its_device_and_says_what_its_readers_are_for() -> None:
    message: Config = codec.decode(told(orders(), town())[Kind.CONFIG], Config)  # type: ignore[assignment]
    key = signing_key("door-1-secret-1")
    assert verified(key, message.sig, "config", "door-1", message.version, message.body)
    assert not verified(key, message.sig, "config", "till-1", message.version, message.body)
    body = msgspec.json.decode(message.body, type=DeviceConfig)
    assert (body.device, bytes.fromhex(body.badge_key)) == ("door-1", BADGE_KEY)
    assert [(one.id, one.use, one.direction, one.door_ms) for one in body.readers] == [
        ("gate", Use.CARE, Direction.TOGGLE, 800),
        ("inner", Use.CARE, Direction.TOGGLE, 0),
    ]


def test_a_roster_is_signed_and_its_parts_are_the_pupils_active_badges() -> None:
    made = orders()
    manifest: RosterManifest = codec.decode(told(made, town())[Kind.ROSTER], RosterMessage)
    assert roster.genuine(signing_key("door-1-secret-1"), "door-1", manifest)
    parts = [part.body for number_of in range(manifest.parts) if (part := made.part(manifest.version, number_of))]
    found = roster.unpack(manifest, parts)
    assert found is not None
    assert {row.badge for row in found} == {badge(name) for name in PUPILS}
    assert manifest.issued_ms == NOW_MS


@pytest.mark.parametrize(("version", "part"), [(0, 1), (1, 0), (0, 10**9)], ids=["no such part", "another version", "far beyond"])
def test_a_part_that_is_not_of_the_present_roster_is_not_served(version: int, part: int) -> None:
    made = orders()
    manifest: RosterManifest = codec.decode(told(made, town())[Kind.ROSTER], RosterMessage)
    assert made.part(manifest.version + version, part) is None


def test_a_roster_of_three_thousand_badges_goes_in_parts_the_wire_can_carry() -> None:
    school, made = town(), orders()
    many = tuple(
        row
        for n in range(3_000)
        for row in (
            Pupil(10_000 + n, number("Quintelier"), number("Parc"), "A", "B"),
            Badge(20_000 + n, badge(f"pupil {n}"), 10_000 + n, BadgeState.ACTIVE, 1),
        )
    )
    manifest: RosterManifest = codec.decode(told(made, edited(school, many))[Kind.ROSTER], RosterMessage)
    bodies = [made.part(manifest.version, each) for each in range(manifest.parts)]
    assert manifest.parts >= 4
    assert all(len(codec.encode(body)) <= codec.MAX_BYTES for body in bodies if body)
    found = roster.unpack(manifest, [body.body for body in bodies if body])
    assert found is not None
    assert len(found) == 3_004


def test_what_was_published_is_published_again_only_when_it_changed() -> None:
    made, school = orders(), town()
    assert set(told(made, school)) == {Kind.CONFIG, Kind.ROSTER}
    assert not told(made, school)
    school = edited(school, (replace(school.readers["door-1", "gate"], door_ms=500),))
    assert set(told(made, school)) == {Kind.CONFIG}
    school = edited(school, (Badge(1, badge("new"), number("Léa"), BadgeState.ACTIVE, 1),))
    assert set(told(made, school)) == {Kind.ROSTER}
    assert not told(made, edited(school, (Reader("till-1", "second", "Caisse 2", Use.TILL, Direction.IN),)))


def test_a_new_password_signs_everything_anew() -> None:
    made, school = orders(), town()
    told(made, school)
    renewed = edited(school, (replace(school.devices["door-1"], generation=2),))
    again = told(made, renewed)
    manifest: RosterManifest = codec.decode(again[Kind.ROSTER], RosterMessage)
    assert roster.genuine(signing_key("door-1-secret-2"), "door-1", manifest)
    assert set(again) == {Kind.CONFIG, Kind.ROSTER}


def test_a_roster_is_issued_anew_before_devices_find_it_old() -> None:
    made, school = orders(), town()
    first: RosterManifest = codec.decode(told(made, school)[Kind.ROSTER], RosterMessage)
    assert not told(made, school, now_ms=NOW_MS + REFRESH_MS)
    later: RosterManifest = codec.decode(told(made, school, now_ms=NOW_MS + REFRESH_MS + 1)[Kind.ROSTER], RosterMessage)
    assert (later.sha256, later.version) == (first.sha256, first.version)
    assert later.issued_ms > first.issued_ms


def test_after_a_broker_lost_its_memory_everything_is_published_again() -> None:
    made, school = orders(), town()
    told(made, school)
    made.forget()
    assert set(told(made, school)) == {Kind.CONFIG, Kind.ROSTER}


def test_every_badge_of_a_pupil_is_on_the_roster() -> None:
    assert {row.badge for row in rows(town(), NOW_MS)} == {badge(name) for name in PUPILS}


def test_a_blocked_badge_is_no_longer_on_the_roster_whatever_a_devices_clock_says() -> None:
    """A device whose clock nobody trusts does not look at the days of a row: it would accept a badge that was blocked."""
    school = town()
    blocked = block(school, badge("Léa"), BadgeState.BLOCKED, NOW_MS, 99)
    assert not isinstance(blocked, Refusal)
    assert badge("Léa") not in {row.badge for row in rows(edited(school, blocked), NOW_MS)}


@pytest.mark.broker
async def test_a_device_gets_config_and_roster_at_connect_and_after_an_edit(broker: Running) -> None:
    async with switchboard(broker) as board, box(broker) as door:
        await until(lambda: board.seen("door-1").session == SESSION)
        config = await door.hear(Kind.CONFIG)
        key = signing_key(DOOR.password)
        assert verified(key, config.sig, "config", "door-1", config.version, config.body)

        def want(manifest: RosterManifest, part: int) -> AskMessage:
            return WantPart(session=SESSION, version=manifest.version, part=part)

        manifest, parts = await whole_roster(door, want)
        assert roster.genuine(key, "door-1", manifest)
        assert len(roster.unpack(manifest, parts) or []) == len(PUPILS)
        door.kept.clear()
        await board.edit(Badge(1, badge("new"), number("Léa"), BadgeState.ACTIVE, 1))
        manifest, parts = await whole_roster(door, want)
        assert len(roster.unpack(manifest, parts) or []) == len(PUPILS) + 1


@pytest.mark.broker
async def test_a_device_that_comes_later_finds_its_config_at_the_broker(broker: Running) -> None:
    async with switchboard(broker):
        async with box(broker) as earlier:
            await earlier.hear(Kind.CONFIG)
        async with box(broker) as door:
            await door.hear(Kind.CONFIG)
            assert door.raw[Kind.CONFIG][0].retained
