"""What a device has to be told to find its hub: the settings file that is put on it, its password included. Kept nowhere."""

import json
from collections.abc import Mapping

from hub.core.school import Device, School
from hub.settings import BrokerSettings

Ports = Mapping[str, tuple[str, str]]
"""Reader -> its kind (hid, line, rdm6300) and the path of the port it is plugged into."""
UNKNOWN = ("hid", "/dev/input/by-path/CHANGE-ME")
RELAY = "# door_pin = 17  # the relay that opens its door (BCM number): without this line it opens nothing"
LAMPS = """\
# Lamps and buzzer as they are wired (BCM numbers): without these lines the device shows nothing to whoever taps.
# [outputs]
# pins = "lgpio"
# ring = 22
# accepted = 23
# look = 24
# adult = 25
# buzzer = 18
"""
"""The hub does not know what is wired to a device: whoever has the device in hand takes the marks away. Pins as in provisioning/."""


def edge_settings(broker: BrokerSettings, school: School, device: Device, password: str, host: str, ports: Ports) -> str:
    """What belongs into /etc/preau/edge.toml of this device. `host`: the broker's address as the device sees it, empty: as the hub does."""
    lines = [f'device = "{device.id}"', 'data = "/var/lib/preau-edge"', "", "[broker]", f"host = {json.dumps(host or broker.host)}"]
    lines += [f"port = {broker.port}", f'password = "{password}"', ""]
    for (owner, reader), known in sorted(school.readers.items()):
        if owner == device.id:
            kind, path = ports.get(reader, UNKNOWN)
            named = "" if reader in ports else "  # preau-edge probe names it"
            lines += ["[[readers]]", f'id = "{reader}"', f"kind = {json.dumps(kind)}", f"path = {json.dumps(path)}{named}"]
            lines += [RELAY, ""] if known.door_ms else [""]
    return "\n".join(lines) + LAMPS
