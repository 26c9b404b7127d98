"""The embedded broker's life: start, death and restart, reload, end; its configuration and its log as text."""

import asyncio
import logging
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hub.broker import Account, EmbeddedBroker, log_line, mosquitto_passwords, nats_config, server_binary
from hub.errors import BrokerError
from proto.topics import Kind, everyone, topic
from tests.brokers import DEVICES, DOOR, HUB, TILL, WAIT_S, Peer, Running, free_port, mosquitto

pytestmark = pytest.mark.broker


CONFIG = topic(DOOR.user, Kind.CONFIG)


@pytest.fixture
async def child(tmp_path: Path) -> AsyncIterator[EmbeddedBroker]:
    broker = EmbeddedBroker("127.0.0.1", free_port(), tmp_path / "broker", HUB, DEVICES)
    yield broker
    await broker.stop()


@dataclass
class LogLines:
    """What the hub logs about its broker, to wait for."""

    lines: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)

    def note(self, record: logging.LogRecord) -> bool:
        self.lines.put_nowait(record.getMessage())
        return True

    async def until(self, text: str) -> str:
        """The next line with this text."""
        async with asyncio.timeout(WAIT_S):
            while text not in (line := await self.lines.get()):
                pass
            return line


@pytest.fixture
async def lines(caplog: pytest.LogCaptureFixture) -> AsyncIterator[LogLines]:
    caplog.set_level(logging.DEBUG, "hub.broker")
    noted = LogLines()
    logging.getLogger("hub.broker").addFilter(noted.note)
    yield noted
    logging.getLogger("hub.broker").removeFilter(noted.note)


def running(child: EmbeddedBroker) -> Running:
    return Running("embedded", child.host, child.port, embedded=child)


async def test_a_taken_port_is_named_with_what_to_do(child: EmbeddedBroker) -> None:
    with socket.create_server((child.host, child.port)), pytest.raises(BrokerError) as refused:
        await child.start()
    assert f"port {child.port}" in str(refused.value)
    assert "choose another [broker] port" in str(refused.value)
    assert child.pid is None


@pytest.mark.parametrize("host", ["192.0.2.1", "a b"])
async def test_an_address_of_another_machine_or_of_none_is_refused(tmp_path: Path, host: str) -> None:
    child = EmbeddedBroker(host, free_port(), tmp_path, HUB, DEVICES)
    with pytest.raises(BrokerError, match=rf"{re.escape(host)}.*correct \[broker\] host"):
        await child.start()


async def test_no_process_is_left_after_stop(child: EmbeddedBroker) -> None:
    await child.start()
    pid = child.pid
    assert pid
    await child.stop()
    assert child.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_killed_broker_is_started_again_with_what_it_had_kept(child: EmbeddedBroker, lines: LogLines) -> None:
    await child.start()
    async with Peer(running(child), HUB) as hub:
        await hub.publish(CONFIG, b"kept", 1, retain=True)
        for death in (1, 2):
            assert child.pid
            os.kill(child.pid, signal.SIGKILL)
            assert await lines.until("the broker ended (code -9)")
            assert await lines.until(f"the broker runs again (restart {death})")
        await hub.until_lost()
    assert child.restarts == 2
    async with Peer(running(child), DOOR) as door:
        assert await door.subscribe(CONFIG)
        assert (await door.next()).payload == b"kept"


async def test_a_broker_that_cannot_come_back_is_tried_again_until_it_can(child: EmbeddedBroker, lines: LogLines) -> None:
    await child.start()
    assert child.pid
    os.kill(child.pid, signal.SIGKILL)
    await lines.until("the broker ended")
    with socket.create_server((child.host, child.port)):
        assert f"port {child.port}" in await lines.until("could not be started again")
    await lines.until("the broker runs again")
    async with Peer(running(child), DOOR):
        pass


async def test_a_new_device_is_let_in_without_dropping_anybody(child: EmbeddedBroker) -> None:
    newcomer = Account("kiosk-1", "kiosk-secret")
    await child.start()
    async with Peer(running(child), HUB) as hub, Peer(running(child), DOOR) as door:
        assert await hub.subscribe(everyone(Kind.SCAN))
        assert not await Peer(running(child), newcomer).enter()
        await child.reload([*DEVICES, newcomer])
        async with Peer(running(child), newcomer) as kiosk:
            await kiosk.publish(topic("kiosk-1", Kind.SCAN), b"new")
            await door.publish(topic(DOOR.user, Kind.SCAN), b"old")
            assert {(await hub.next()).payload, (await hub.next()).payload} == {b"new", b"old"}
        assert not hub.lost.is_set()
        assert not door.lost.is_set()


@pytest.mark.parametrize(
    ("case", "left"),
    [("removed", [TILL]), ("given a new password", [TILL, Account(DOOR.user, "renewed")])],
    ids=lambda case: str(case)[:12],
)
async def test_a_blocked_device_is_thrown_out_and_stays_out(child: EmbeddedBroker, case: str, left: list[Account]) -> None:
    await child.start()
    async with Peer(running(child), TILL) as till, Peer(running(child), DOOR) as door:
        await child.reload(left)
        await door.until_lost()
        assert not await Peer(running(child), DOOR).enter(), f"a device {case} came back"
        assert not till.lost.is_set()


async def test_devices_changed_while_the_broker_is_down_are_let_in_once_it_is_back(child: EmbeddedBroker) -> None:
    await child.start()
    assert child.pid
    os.kill(child.pid, signal.SIGKILL)
    await child.reload([TILL])
    assert not await Peer(running(child), DOOR).enter()
    async with Peer(running(child), TILL):
        pass


async def test_a_device_that_cannot_be_written_down_changes_nothing(child: EmbeddedBroker) -> None:
    await child.start()
    with pytest.raises(BrokerError, match="cannot be a device"):
        await child.reload([Account("till.1", "x")])
    async with Peer(running(child), DOOR):
        pass


async def test_the_broker_dies_with_a_hub_that_is_killed(tmp_path: Path) -> None:
    hub = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _HUB_TO_KILL, str(free_port()), str(tmp_path / "broker"), stdout=asyncio.subprocess.PIPE
    )
    assert hub.stdout
    async with asyncio.timeout(WAIT_S):
        pid = int(await hub.stdout.readline())
    broker = os.pidfd_open(pid)
    hub.kill()
    await hub.wait()
    await until_dead(broker)


_HUB_TO_KILL = """
import asyncio, pathlib, sys
from hub.broker import Account, EmbeddedBroker

async def main():
    broker = EmbeddedBroker("127.0.0.1", int(sys.argv[1]), pathlib.Path(sys.argv[2]), Account("hub", "x"), [])
    await broker.start()
    print(broker.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_the_native_port_of_the_broker_lets_nobody_in(child: EmbeddedBroker, lines: LogLines) -> None:
    await child.start()
    found = re.search(r" on (127\.0\.0\.1):(\d+)\Z", await lines.until("Listening for client connections"))
    assert found, "it should listen on the loopback only"
    for credentials in ("{}", '{"user":"hub","pass":"hub-secret"}', '{"user":"door-1","pass":"door-secret"}'):
        reader, writer = await asyncio.open_connection(found[1], int(found[2]))
        writer.write(f"CONNECT {credentials}\r\nPING\r\n".encode())
        async with asyncio.timeout(WAIT_S):
            answer = await reader.read()  # until it hangs up
        writer.close()
        assert b"-ERR 'Authorization Violation'" in answer
        assert b"PONG" not in answer


async def test_passwords_are_on_disk_for_the_hub_alone(child: EmbeddedBroker) -> None:
    await child.start()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (child.store, child.store / "nats.conf")}
    assert modes == {"broker": 0o700, "nats.conf": 0o600}


# --- configuration as text ----------------------------------------------------------------------


@pytest.mark.parametrize("password", ['a"b', "a\\b", "a}b # c", "$HOME", "a\\x41", "ü ß €", "12345", "true"])
async def test_any_printable_password_is_the_same_for_both_brokers(tmp_path: Path, password: str) -> None:
    accounts = (HUB, Account("door-1", password))
    child = EmbeddedBroker("127.0.0.1", free_port(), tmp_path / "a folder", HUB, accounts[1:])
    await child.start()
    with mosquitto(tmp_path, accounts) as port:
        for broker in (running(child), Running("mosquitto", "127.0.0.1", port)):
            async with Peer(broker, accounts[1]):
                pass
    await child.stop()


@pytest.mark.parametrize(
    ("case", "device"),
    [
        ("another user's line", Account("door-1", 'x" }\n{ user: "eve')),
        ("a hash instead of a password", Account("door-1", "$2a$11$abc")),
        ("the hub's own name", Account("hub", "x")),
        ("a wildcard", Account("*", "x")),
        ("two levels", Account("door.till", "x")),
        ("no name", Account("", "x")),
    ],
)
def test_an_account_that_would_open_more_than_itself_is_refused(case: str, device: Account) -> None:
    with pytest.raises(BrokerError):
        nats_config("127.0.0.1", 1883, HUB, [device], Path("store"))
    assert case


def test_a_device_is_given_exactly_its_own_subjects() -> None:
    config = nats_config("127.0.0.1", 1883, HUB, [DOOR], Path("store"))
    line = next(line for line in config.splitlines() if '"door-1"' in line)
    subjects = re.findall(r'"(preau[^"]*)"', line)
    assert subjects == [
        *(f"preau.v1.door-1.{kind}" for kind in ("state", "scan", "ask", "result", "health")),
        *(f"preau.v1.door-1.{kind}" for kind in ("verdict", "settled", "command", "config", "roster", "state")),
        "preau.v1.hub",
    ]


def test_the_same_password_never_has_the_same_hash_twice() -> None:
    lines = mosquitto_passwords([Account("a", "same"), Account("b", "same")]).splitlines()
    hashes = [line.partition(":")[2] for line in lines]
    assert len(set(hashes)) == 2
    assert all(text.startswith("$7$101$") for text in hashes)


def test_an_account_shows_no_password_when_it_is_logged() -> None:
    assert "door-secret" not in repr(DOOR)


@pytest.mark.parametrize(
    ("line", "level", "text"),
    [
        (b"[12] [INF] Server is ready\n", logging.DEBUG, "Server is ready"),
        (b"[12] [WRN] slow\n", logging.WARNING, "slow"),
        (
            b"[12] [WRN] Plaintext passwords detected, use nkeys or bcrypt\n",
            logging.DEBUG,
            "Plaintext passwords detected, use nkeys or bcrypt",
        ),
        (b"[12] [ERR] no\n", logging.ERROR, "no"),
        (b"[12] [FTL] end\n", logging.CRITICAL, "end"),
        (b"panic: oops\n", logging.ERROR, "panic: oops"),
        (b"[12] [ERR] a\x1b[31m\rb\xff\n", logging.ERROR, "a\\x1b[31m\\x0db�"),
        (b"[12] [ERR] " + b"x" * 9000 + b"\n", logging.ERROR, "x" * 500),
    ],
)
def test_a_line_of_the_brokers_log_becomes_one_line_of_ours(line: bytes, level: int, text: str) -> None:
    assert log_line(line) == (level, text)


def test_the_broker_is_the_one_of_its_wheel_and_of_the_version_we_pinned() -> None:
    output = subprocess.run([server_binary(), "--version"], check=True, capture_output=True, text=True).stdout
    assert re.fullmatch(r"nats-server: v2\.1[5-9]\.\d+\n", output)


def test_the_broker_is_found_by_what_its_wheel_says_where_it_is_not_beside_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = server_binary()
    monkeypatch.setattr("hub.broker.sys.executable", "/nowhere/python")
    assert server_binary().samefile(usual)


async def until_dead(pidfd: int) -> None:
    """The kernel makes a pidfd readable when its process has ended."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(pidfd, ended.set)
    async with asyncio.timeout(WAIT_S):
        await ended.wait()
    asyncio.get_running_loop().remove_reader(pidfd)
    os.close(pidfd)
