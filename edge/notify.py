"""Tells systemd how the device is: ready, alive, stopping (sd_notify(3)). Without systemd it tells nobody.

How often it says that it lives is the loop's affair (`WATCHDOG_MS`). `hub/notify.py` has the same `notify`: `edge` and `hub` share `proto`
alone, and a socket has no place there. Fifteen lines twice cost less than a fourth package.
"""

import os
import socket
from collections.abc import Mapping

READY = "READY=1"
ALIVE = "WATCHDOG=1"
STOPPING = "STOPPING=1"


def notify(state: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether systemd was told. Never waits and never raises: a program that works is not ended because it could not say so."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.settimeout(0)
        try:
            sock.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError:
            return False  # systemd misses the next watchdog too then, and acts by its own rule
    return True
