"""The device's word to systemd, against a real socket in systemd's place."""

import os
import socket
from pathlib import Path

from edge.notify import ALIVE, READY, notify


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
