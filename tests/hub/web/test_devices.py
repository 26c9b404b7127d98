"""Devices: what each one is and what staff should do about it, in words."""

from typing import Any

import pytest
from msgspec.structs import replace

from hub.fleet import Seen
from hub.web.devices.charts import latencies
from hub.web.devices.listed import device_row
from proto.messages import LATENCY_EDGES_MS, Direction, Do, Health, ReaderHealth, ReaderState, State, Status, Use
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
    assert "caractères perdus" not in page
    assert "<dt>Passages en attente</dt><dd>3</dd>" in page


@pytest.mark.parametrize(
    ("alarms", "said"),
    [
        (["disk_low", "disk_full"], "une réserve permet de finir la journée"),
        (["disk_low"], "Le disque du serveur est presque plein"),
        ([], ""),
    ],
)
async def test_a_disk_that_fills_up_is_named_beside_the_devices(hub: Hub, anne: Browser, alarms: list[str], said: str) -> None:
    hub.alarms += alarms
    page = (await anne.get("/devices")).text
    assert said in page
    assert ("disque du serveur" in page) == bool(alarms)


@pytest.mark.parametrize(
    ("alarms", "said"),
    [
        (["mail_down"], "Aucun courrier aux familles ne passe"),
        (["mail_down", "mail_stopped"], "Plus aucun courrier n’est envoyé aux familles"),
        (["mail_failed"], "Des courriers aux familles ont définitivement échoué cette semaine"),
        ([], ""),
    ],
)
async def test_letters_that_do_not_go_out_are_told_beside_the_devices(hub: Hub, anne: Browser, alarms: list[str], said: str) -> None:
    hub.alarms += alarms
    page = (await anne.get("/devices")).text
    assert said in page
    assert page.count("aux familles") == bool(alarms)


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
        ({"store_ok": False, "alarms": ["storage"]}, "carte mémoire est pleine"),
        ({"undervoltage": True}, "alimentation est trop faible"),
        ({"away": True}, "n’a pas de connexion au serveur"),
        ({"alarms": ["on_fire"]}, "Il signale : on_fire"),
        ({"alarms": ["outbox_damaged"]}, "passages qu’il conservait sont abîmés"),
        ({"rubbish": {"not_json": 4, "old_session": 7}}, "<dt>Messages illisibles</dt><dd>4</dd>"),
        ({"readers": [ReaderHealth("main", ok=False)]}, "débranché ou en panne"),
    ],
)
async def test_what_is_wrong_with_a_device_is_said_once(hub: Hub, anne: Browser, health: dict[str, Any], said: str) -> None:
    heard(hub, **health)
    page = (await anne.get("/devices")).text.replace("\u00a0", " ")
    assert page.count(said) == 1


async def test_what_the_device_and_what_the_hub_could_not_read_is_added_up(hub: Hub, anne: Browser) -> None:
    heard(hub, rubbish={"not_json": 4, "wrong_version": 1})
    hub.fleet.of("porte-parc").rubbish.update(not_json=2, old_session=9)
    assert "<dt>Messages illisibles</dt><dd>7</dd>" in (await anne.get("/devices")).text


async def test_two_devices_under_one_identity_are_named(hub: Hub, anne: Browser) -> None:
    heard(hub)
    hub.fleet.cloned.add("porte-parc")
    assert "Deux appareils utilisent les réglages de celui-ci" in (await anne.get("/devices")).text


async def test_a_device_s_own_page_says_what_is_wrong_with_it_as_it_happens(hub: Hub, anne: Browser) -> None:
    assert "alimentation est trop faible" not in (await anne.get("/devices/porte-parc")).text
    heard(hub, undervoltage=True)
    block = (await anne.get("/devices/porte-parc", **{"hx-request": "true"})).text
    assert "alimentation est trop faible" in block
    assert "<form" not in block, "what is typed beside it stays"


async def test_strangers_and_a_lost_broker_are_told(hub: Hub, anne: Browser) -> None:
    hub.fleet.strangers["caisse-pirate"] = 12
    page = (await anne.get("/devices")).text
    assert "caisse-pirate\u00a0: 12 messages" in page
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


async def test_a_device_is_added_with_its_reader_and_its_settings_are_one_step_away(hub: Hub, anne: Browser) -> None:
    fields = {"name": "Porte du préau", "place": "à gauche", "site": "1", "use": "entrance"}
    answer = await anne.fill("/devices/new", "/devices/new", fields)
    assert answer.headers["location"] == "/devices/porte-du-preau?done=added"
    device, reader = hub.desk.school.devices["porte-du-preau"], hub.desk.school.readers["porte-du-preau", "main"]
    assert (device.place, reader.use, reader.direction) == ("à gauche", Use.ENTRANCE, Direction.TOGGLE)
    shown = await anne.fill("/devices/porte-du-preau", "/setup/devices/porte-du-preau", {})
    assert "secret of the device" in shown.text
    assert "secret of the device" not in (await anne.get("/devices/porte-du-preau")).text
    again = await anne.fill("/devices/new", "/devices/new", fields)
    assert again.status_code == 409
    assert "Ce nom est déjà pris" in again.text
    assert 'value="à gauche"' in again.text


async def test_a_device_is_renamed_unless_somebody_else_was_quicker(hub: Hub, anne: Browser) -> None:
    page = (await anne.get("/devices/porte-parc")).text
    fields = sealed(page, "/devices/porte-parc")
    assert (await anne.post("/devices/porte-parc", {**fields, "name": "Porte A", "place": "cour"})).status_code == 303
    late = await anne.post("/devices/porte-parc", {**fields, "ask_id": "9", "name": "Porte B", "place": ""})
    assert late.status_code == 409
    assert "Porte A" in late.text
    assert 'value="Porte B"' in late.text
    assert hub.desk.school.devices["porte-parc"].name == "Porte A"


async def test_readers_are_set_and_added(hub: Hub, anne: Browser) -> None:
    path = "/devices/porte-parc/readers"
    changed = {"name": "Porte", "use": "study", "direction": "in", "product": "30", "door_ms": "500"}
    assert (await anne.fill("/devices/porte-parc", f"{path}/main", changed)).status_code == 303
    reader = hub.desk.school.readers["porte-parc", "main"]
    assert (reader.use, reader.direction, reader.product, reader.door_ms) == (Use.STUDY, Direction.IN, 0, 500)
    new = {"id": "fond", "name": "Porte du fond", "use": "care", "direction": "out", "door_ms": ""}
    assert (await anne.fill("/devices/porte-parc", path, new)).status_code == 303
    assert hub.desk.school.readers["porte-parc", "fond"].direction is Direction.OUT


@pytest.mark.parametrize(
    ("typed", "said"), [({"id": "Deux!"}, "minuscules"), ({"id": "main"}, "déjà un lecteur"), ({"id": "x", "door_ms": "abc"}, "10000 ms")]
)
async def test_a_reader_that_makes_no_sense_is_refused_and_kept_as_typed(anne: Browser, typed: dict[str, str], said: str) -> None:
    fields = {"name": "Au fond", "use": "care", "direction": "out", **typed}
    answer = await anne.fill("/devices/porte-parc", "/devices/porte-parc/readers", fields)
    assert answer.status_code == 409
    assert said in answer.text
    assert 'value="Au fond"' in answer.text


async def test_a_blocked_device_is_let_in_with_a_new_password(hub: Hub, anne: Browser) -> None:
    await anne.fill("/devices/porte-parc", "/devices/porte-parc/block", {})
    assert hub.desk.school.devices["porte-parc"].blocked == "office"
    assert "/devices/porte-parc/block" not in (await anne.get("/devices/porte-parc")).text
    await anne.fill("/devices/porte-parc", "/devices/porte-parc/renew", {})
    device = hub.desk.school.devices["porte-parc"]
    assert (device.blocked, device.generation) == ("", 2)


async def test_its_sounds_are_played_only_where_it_is_connected(hub: Hub, anne: Browser) -> None:
    await anne.fill("/devices/porte-parc", "/devices/porte-parc/try", {"do": "test"})
    assert hub.commands == [("porte-parc", Do.TEST)]
    assert (await anne.fill("/devices/porte-parc", "/devices/porte-parc/try", {"do": "open"})).status_code == 422
    hub.away.add("porte-parc")
    assert (await anne.fill("/devices/porte-parc", "/devices/porte-parc/try", {"do": "locate"})).status_code == 409


async def test_a_device_is_restarted_after_a_second_look(hub: Hub, anne: Browser) -> None:
    page = (await anne.get("/devices/porte-parc")).text
    assert "Oui, le redémarrer" in page
    done = await anne.fill("/devices/porte-parc", "/devices/porte-parc/restart", {})
    assert hub.commands == [("porte-parc", Do.RESTART)]
    assert "Il redémarre" in (await anne.get(done.headers["location"])).text
    hub.away.add("porte-parc")
    assert (await anne.fill("/devices/porte-parc", "/devices/porte-parc/restart", {})).status_code == 409


async def test_charts_have_their_tables(hub: Hub, anne: Browser) -> None:
    seen = heard(hub)
    assert seen.health
    seen.healthy(seen.health, hub.now_ms - 600_000)
    seen.healthy(replace(seen.health, outbox=12), hub.now_ms)
    page = (await anne.get("/devices/porte-parc")).text
    assert page.count('role="img"') == 2
    for cell in (
        '">≤ 10 ms</th><td class="right number">4<',
        '">16:00</th><td class="right number">12<',
        '">15:50</th><td class="right number">3<',
    ):
        assert cell in page


def test_a_bar_that_is_not_nothing_can_be_seen() -> None:
    assert latencies([0, 0]) is None
    found = latencies([0, 1, 1000])
    assert found
    assert len(found.rows) == len(LATENCY_EDGES_MS) + 1
    assert found.rows[:3] == ((f"≤ {LATENCY_EDGES_MS[0]} ms", 0), (f"≤ {LATENCY_EDGES_MS[1]} ms", 1), (f"≤ {LATENCY_EDGES_MS[2]} ms", 1000))
    assert [len(column.parts) for column in found.chart.columns[:3]] == [0, 1, 1], "whatever is not nothing can be seen"
