"""Devices: what each one is and what staff should do about it, in words."""

from typing import Any

import pytest

from hub.fleet import Seen
from hub.web.devices import device_row
from proto.messages import Do, Health, ReaderHealth, ReaderState, State, Status
from tests.hub.web.conftest import Browser, Hub, sealed


def heard(hub: Hub, status: Status = Status.ON, **health: Any) -> Seen:
    """The care door was heard 20 seconds ago."""
    seen = hub.fleet.of("porte-parc")
    seen.status, seen.heard_ms, seen.answer_us = status, hub.now_ms - 20_000, 420
    seen.state = State(
        status=status, session="a" * 16, inc="b" * 16, readers=[ReaderState("main", "hid", ok=True, name="Datalogic QD2430")]
    )
    readers = [ReaderHealth("main", ok=True, reads=40, faults={"malformed": 2, "void": 0})]
    known = {"outbox": 3, "latency": [0, 4, 5, 0, 0, 0, 0, 0, 0, 1], "readers": readers, **health}
    seen.health = Health(session="a" * 16, inc="b" * 16, **known)
    hub.fleet.broker_up = True
    return seen


async def test_a_well_device_shows_its_readers_what_waits_and_how_fast_it_is(hub: Hub, anne: Browser) -> None:
    heard(hub)
    page = " ".join((await anne.get("/devices")).text.split())
    for word in ("Porte de la garderie", "Implantation du Parc", "Connecté", "il y a 20 secondes", "≤ 20 ms", "0,4 ms", "illisibles 2"):
        assert word in page
    assert "touches perdues" not in page
    assert "<dt>Passages en attente</dt><dd>3</dd>" in page


@pytest.mark.parametrize(
    ("alarms", "said"),
    [(["disk_low", "disk_full"], "sa réserve permet de finir la journée"), (["disk_low"], "Le disque du hub est presque plein"), ([], "")],
)
async def test_a_disk_that_fills_up_is_named_beside_the_devices(hub: Hub, anne: Browser, alarms: list[str], said: str) -> None:
    hub.disk_alarms += alarms
    page = (await anne.get("/devices")).text
    assert said in page
    assert ("disque du hub" in page) == bool(alarms)


@pytest.mark.parametrize(
    ("status", "later_ms", "condition"),
    [(Status.ON, 0, "on"), (Status.ON, 90_000, "silent"), (Status.LOST, 0, "lost"), (Status.OFF, 0, "off"), (None, 0, "never")],
)
def test_a_device_is_on_silent_lost_off_or_never_seen(hub: Hub, status: Status | None, later_ms: int, condition: str) -> None:
    if status:
        heard(hub, status)
    device = hub.desk.school.devices["porte-parc"]
    since_ms = hub.now_ms + later_ms - hub.office.silent_ms
    assert device_row(hub.desk.school, hub.fleet, device, since_ms).condition == condition


@pytest.mark.parametrize(
    ("counts", "median_ms"),
    [([], None), ([0] * 10, None), ([1], 5), ([1, 1], 5), ([1, 2], 10), ([0] * 9 + [3], 0), ([0, 0, 0, 0, 7], 100)],
)
def test_the_median_is_the_upper_edge_of_its_bucket(hub: Hub, counts: list[int], median_ms: int | None) -> None:
    heard(hub, latency=counts)
    assert device_row(hub.desk.school, hub.fleet, hub.desk.school.devices["porte-parc"], 0).median_ms == median_ms


@pytest.mark.parametrize(
    ("health", "said"),
    [
        ({"store_ok": False, "alarms": ["storage"]}, "carte est pleine"),
        ({"undervoltage": True}, "alimentation est trop faible"),
        ({"away": True}, "n’atteint pas le serveur"),
        ({"alarms": ["on_fire"]}, "Il signale : on_fire"),
        ({"alarms": ["outbox_damaged"]}, "registre est abîmé"),
        ({"rubbish": {"not_json": 4}}, "not_json 4"),
        ({"readers": [ReaderHealth("main", ok=False)]}, "débranché ou en panne"),
    ],
)
async def test_what_is_wrong_with_a_device_is_said_once(hub: Hub, anne: Browser, health: dict[str, Any], said: str) -> None:
    heard(hub, **health)
    page = (await anne.get("/devices")).text.replace("\u00a0", " ")
    assert page.count(said) == 1


async def test_two_devices_under_one_identity_are_named(hub: Hub, anne: Browser) -> None:
    heard(hub)
    hub.fleet.cloned.add("porte-parc")
    assert "Deux appareils utilisent cette identité" in (await anne.get("/devices")).text


async def test_strangers_and_a_lost_broker_are_told(hub: Hub, anne: Browser) -> None:
    hub.fleet.strangers["caisse-pirate"] = 12
    page = (await anne.get("/devices")).text
    assert "caisse-pirate: 12 messages" in page
    assert "liaison avec les appareils est coupée" in page


async def test_a_device_is_made_to_blink(hub: Hub, anne: Browser) -> None:
    answer = await anne.fill("/devices", "/devices/porte-parc/locate", {})
    assert hub.commands == [("porte-parc", Do.LOCATE)]
    assert "« Porte de la garderie » clignote" in (await anne.get(answer.headers["location"])).text.replace("\u00a0", " ")


async def test_a_device_that_is_away_cannot_blink_and_staff_are_told_what_to_do(hub: Hub, anne: Browser) -> None:
    hub.away.add("porte-parc")
    answer = await anne.fill("/devices", "/devices/porte-parc/locate", {})
    assert answer.status_code == 409
    assert "Vérifiez son alimentation" in answer.text


async def test_a_device_that_is_not_ours_cannot_blink(hub: Hub, anne: Browser) -> None:
    fields = sealed((await anne.get("/devices")).text, "/devices/porte-parc/locate")
    assert (await anne.post("/devices/nobody/locate", fields)).status_code == 404
    assert not hub.commands
