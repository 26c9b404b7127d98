"""The device's word to systemd, against a real socket in systemd's place."""

import os
import socket
from pathlib import Path

import pytest

from edge.notify import ALIVE, READY, alive_every_s, notify


def test_systemd_hears_that_we_are_ready(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        assert notify(READY, {"NOTIFY_SOCKET": address})
        assert systemd.recv(100) == b"READY=1"


def test_systemd_may_listen_in_the_abstract_namespace() -> None:
    name = f"preau-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name)
        assert notify(ALIVE, {"NOTIFY_SOCKET": "@" + name})
        assert systemd.recv(100) == b"WATCHDOG=1"


def test_without_systemd_nobody_is_told(tmp_path: Path) -> None:
    assert not notify(READY, {})
    assert not notify(READY, {"NOTIFY_SOCKET": str(tmp_path / "gone")})


def test_a_systemd_that_does_not_listen_never_makes_us_wait(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        assert not all(notify(ALIVE, {"NOTIFY_SOCKET": address}) for _ in range(10_000))


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "21000000", "WATCHDOG_PID": str(os.getpid())}, 7.0),
        ({"WATCHDOG_USEC": "21000000"}, 7.0),
        ({"WATCHDOG_USEC": "21000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_we_say_that_we_live_three_times_in_the_time_allowed(environ: dict[str, str], seconds: float | None) -> None:
    assert alive_every_s(environ) == seconds
