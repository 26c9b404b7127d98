"""Run inside the machine while the device is off: the state that the broker keeps for it, heard with the device's own account."""

import tomllib
from pathlib import Path

from paho.mqtt import subscribe

if __name__ == "__main__":
    settings = tomllib.loads(Path("/etc/preau/edge.toml").read_text(encoding="utf-8"))
    device, broker = settings["device"], settings["broker"]
    kept = subscribe.simple(  # type: ignore[no-untyped-call]
        f"preau/v1/{device}/state",
        hostname=broker["host"],
        port=broker["port"],
        client_id=device,
        auth={"username": device, "password": broker["password"]},
    )
    print(kept.payload.decode())
