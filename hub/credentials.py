"""What a device has to be told to find its hub: the settings file that is put on it, its password included. Kept nowhere."""

from hub.core.school import Device, School
from hub.settings import BrokerSettings


def edge_settings(broker: BrokerSettings, school: School, device: Device, password: str, host: str = "") -> str:
    """What belongs into /etc/preau/edge.toml of this device. `host`: the broker's address as the device sees it."""
    lines = [f'device = "{device.id}"', 'data = "/var/lib/preau-edge"', "", "[broker]", f'host = "{host or broker.host}"']
    lines += [f"port = {broker.port}", f'password = "{password}"', ""]
    for owner, reader in sorted(school.readers):
        if owner == device.id:
            path = 'path = "/dev/input/by-path/CHANGE-ME"  # preau-edge probe names it'
            lines += ["[[readers]]", f'id = "{reader}"', 'kind = "hid"', path, ""]
    return "\n".join(lines)
