"""Tells systemd how the hub is: ready, alive, stopping (sd_notify(3)). Without systemd it tells nobody.

`edge/notify.py` has the same `notify`: `edge` and `hub` share `proto` alone, and a socket has no place there. Fifteen lines twice cost less
than a fourth package.
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


def alive_every_s(environ: Mapping[str, str] = os.environ) -> float | None:
    """Seconds between two ALIVE, a third of WatchdogSec so that one may be late; None when nobody watches."""
    watched = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(environ["WATCHDOG_USEC"]) / 3_000_000 if watched and environ.get("WATCHDOG_USEC", "").isdecimal() else None
