"""The settings that a hub prints for a device: it starts with them as they are, and with what is wired to it."""

from pathlib import Path

import pytest

from edge.settings import OutputSettings, load
from hub.credentials import edge_settings
from hub.settings import BrokerSettings
from proto.messages import MAX_PULSE_MS
from tests.schools import small_school

PROVISIONING = Path(__file__).parents[2] / "provisioning"
SCHOOL = small_school()
DOOR = next(reader.device for reader in SCHOOL.readers.values() if 0 < reader.door_ms <= MAX_PULSE_MS)


def printed(device: str) -> str:
    return edge_settings(BrokerSettings(), SCHOOL, SCHOOL.devices[device], "secret", "10.0.0.2", {})


@pytest.mark.parametrize("device", sorted(SCHOOL.devices))
def test_a_device_starts_with_what_its_hub_prints(tmp_path: Path, device: str) -> None:
    (tmp_path / "edge.toml").write_text(printed(device))
    settings = load(tmp_path / "edge.toml")
    assert (settings.device, settings.broker.host, settings.broker.password) == (device, "10.0.0.2", "secret")
    assert {reader.id for reader in settings.readers} == {reader for owner, reader in SCHOOL.readers if owner == device}
    assert settings.outputs == OutputSettings()


def test_lamps_and_relay_need_their_marks_taken_away_only(tmp_path: Path) -> None:
    (tmp_path / "edge.toml").write_text(printed(DOOR).replace("\n# ", "\n").replace("\nLamps and", "\n# Lamps and"))
    settings = load(tmp_path / "edge.toml")
    assert settings.outputs == load(PROVISIONING / "edge.example.toml").outputs
    doors = {reader.id for reader in settings.readers if reader.door_pin is not None}
    assert doors == {reader.id for reader in SCHOOL.readers.values() if reader.device == DOOR and reader.door_ms}
