"""The two real brokers for tests, and a small real client that waits instead of sleeping.

Fixtures: `mosquitto_broker` runs Debian's mosquitto with our provisioning files, `embedded_broker` runs nats-server as the hub
does, `broker` is each of them in turn.
"""

import asyncio
import contextlib
import getpass
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.client import ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from hub.broker import HUB_USER, Account, EmbeddedBroker, mosquitto_passwords

PROVISIONING = Path(__file__).parent.parent / "provisioning"
WAIT_S = 10.0
"""Deadline of every wait: a loaded machine is slow, a broken one is caught."""
HUB = Account(HUB_USER, "hub-secret")
DOOR = Account("door-1", "door-secret")
TILL = Account("till-1", "till-secret")
DEVICES = (DOOR, TILL)


@dataclass(frozen=True, slots=True)
class Running:
    """A broker that accepts connections from `hub` and `devices`."""

    kind: str
    host: str
    port: int
    hub: Account = HUB
    devices: tuple[Account, ...] = DEVICES
    embedded: EmbeddedBroker | None = None


LISTENING = range(15_000, 32_000)


def free_port() -> int:
    """A TCP port of the loopback nobody listens on, below those that are given to whoever connects: nobody takes it meanwhile."""
    while True:  # the first one or two will do
        port = secrets.choice(LISTENING)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def mosquitto_config(folder: Path, port: int, accounts: Sequence[Account]) -> Path:
    """provisioning/mosquitto.conf with paths, port and user of this machine; everything else as shipped."""
    passwords, acl = folder / "passwords", folder / "acl"
    passwords.write_text(mosquitto_passwords(accounts))
    shutil.copy(PROVISIONING / "mosquitto.acl", acl)
    for secret in (passwords, acl):
        secret.chmod(0o600)
    text = (PROVISIONING / "mosquitto.conf").read_text()
    replaced = {
        "\nlistener 1883\n": f"\nlistener {port} 127.0.0.1\n",
        "\nuser mosquitto\n": f"\nuser {getpass.getuser()}\n",
        "/etc/mosquitto/preau/passwords": str(passwords),
        "/etc/mosquitto/preau/acl": str(acl),
        "\nlog_dest syslog\n": "\nlog_dest stderr\n",
    }
    for shipped, ours in replaced.items():
        assert text.count(shipped) == 1, f"mosquitto.conf should hold {shipped!r} once"
        text = text.replace(shipped, ours)
    config = folder / "mosquitto.conf"
    config.write_text(text)
    return config


@contextlib.contextmanager
def mosquitto(folder: Path, accounts: Sequence[Account], port: int | None = None) -> Iterator[int]:
    """A real mosquitto with these accounts, on the port it yields; gone afterwards. Start it again with the same port at will."""
    binary = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if binary is None:
        pytest.skip("needs Debian's mosquitto: apt-get install mosquitto")
    port = port or free_port()
    output = folder / "mosquitto.log"
    with output.open("ab") as log:
        process = subprocess.Popen([binary, "-c", str(mosquitto_config(folder, port, accounts))], stdout=log, stderr=log)
    try:
        _accepting(process, port, output)
        yield port
    finally:
        process.terminate()
        process.wait(WAIT_S)


def _accepting(process: "subprocess.Popen[bytes]", port: int, output: Path) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while True:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), WAIT_S):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
            pytest.fail(f"mosquitto ended: {output.read_text()}")
        assert time.monotonic() < deadline_s, f"mosquitto does not listen: {output.read_text()}"


@contextlib.asynccontextmanager
async def embedded(folder: Path) -> AsyncIterator[Running]:
    """nats-server, started as the hub starts it."""
    child = EmbeddedBroker("127.0.0.1", free_port(), folder / "broker", HUB, DEVICES)
    await child.start()
    try:
        yield Running("embedded", child.host, child.port, embedded=child)
    finally:
        await child.stop()


@pytest.fixture
def mosquitto_broker(tmp_path: Path) -> Iterator[Running]:
    with mosquitto(tmp_path, (HUB, *DEVICES)) as port:
        yield Running("mosquitto", "127.0.0.1", port)


@pytest.fixture
async def embedded_broker(tmp_path: Path) -> AsyncIterator[Running]:
    async with embedded(tmp_path) as running:
        yield running


@pytest.fixture(params=["mosquitto", "embedded"])
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Running]:
    """The same test on both brokers."""
    if request.param == "embedded":
        async with embedded(tmp_path) as running:
            yield running
    else:
        with mosquitto(tmp_path, (HUB, *DEVICES)) as port:
            yield Running("mosquitto", "127.0.0.1", port)


@dataclass(frozen=True, slots=True)
class Heard:
    topic: str
    payload: bytes
    qos: int
    retained: bool


@dataclass
class Peer:
    """An MQTT client on the test's event loop: `async with Peer(broker, DOOR) as door`. It never reconnects."""

    running: Running
    account: Account | None
    will: tuple[str, bytes] | None = None
    heard: "asyncio.Queue[Heard]" = field(default_factory=asyncio.Queue)
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._connected: asyncio.Future[bool] = self._loop.create_future()
        self._acked: dict[int, asyncio.Future[list[int]]] = {}
        name = self.account.user if self.account else "nobody"
        self.paho = client = PahoClient(CallbackAPIVersion.VERSION2, client_id=name, reconnect_on_failure=False)
        if self.account:
            client.username_pw_set(self.account.user, self.account.password)
        if self.will:
            client.will_set(*self.will, qos=1, retain=True)
        client.on_socket_open = self._on_socket_open
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish

    async def __aenter__(self) -> Self:
        assert await self.enter(), f"{self.account} was refused"
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.leave()

    async def enter(self) -> bool:
        """Connect; whether the broker let us in."""
        await asyncio.to_thread(self.paho.connect, self.running.host, self.running.port, 10)
        self.paho.loop_start()
        async with asyncio.timeout(WAIT_S):
            entered = await self._connected
        if not entered:
            await self.leave()
        return entered

    async def leave(self) -> None:
        self.paho.disconnect()
        await asyncio.to_thread(self.paho.loop_stop)
        self.paho._reset_sockets()  # paho closes its wake-up pair only when the client is collected, which warns

    def drop(self) -> None:
        """Cut the cable: the broker sees the socket end without a farewell."""
        sock = self.paho.socket()
        assert isinstance(sock, socket.socket)
        sock.shutdown(socket.SHUT_RDWR)

    async def subscribe(self, topic: str, qos: int = 0) -> bool:
        """Whether the broker granted it (a broker may grant, and then deliver nothing)."""
        _, mid = self.paho.subscribe(topic, qos)
        assert mid is not None
        codes = await self._answered(mid)
        return all(code < 0x80 for code in codes)

    async def publish(self, topic: str, payload: bytes, qos: int = 0, *, retain: bool = False) -> None:
        """Return when it was written (QoS 0) or acknowledged (QoS 1)."""
        await self._answered(self.paho.publish(topic, payload, qos, retain).mid)

    async def next(self) -> Heard:
        async with asyncio.timeout(WAIT_S):
            return await self.heard.get()

    async def until_lost(self) -> None:
        async with asyncio.timeout(WAIT_S):
            await self.lost.wait()

    async def _answered(self, mid: int) -> list[int]:
        answer = self._acked.setdefault(mid, self._loop.create_future())
        async with asyncio.timeout(WAIT_S):
            codes = await answer
        del self._acked[mid]
        return codes

    def _tell(self, callback: Any, *arguments: object) -> None:
        """From paho's thread to the loop; a test that is over wants to hear nothing."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *arguments)

    def _ack(self, mid: int, codes: list[int]) -> None:
        answer = self._acked.setdefault(mid, self._loop.create_future())
        if not answer.done():
            answer.set_result(codes)

    def _entered(self, entered: bool) -> None:
        if not self._connected.done():
            self._connected.set_result(entered)

    def _on_socket_open(self, _c: PahoClient, _u: object, sock: object) -> None:
        assert isinstance(sock, socket.socket)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _on_connect(self, _c: PahoClient, _u: object, _f: ConnectFlags, code: ReasonCode, _p: Properties | None) -> None:
        self._tell(self._entered, not code.is_failure)

    def _on_disconnect(self, *_arguments: object) -> None:
        self._tell(self.lost.set)

    def _on_message(self, _c: PahoClient, _u: object, message: MQTTMessage) -> None:
        self._tell(self.heard.put_nowait, Heard(message.topic, bytes(message.payload), message.qos, message.retain))

    def _on_subscribe(self, _c: PahoClient, _u: object, mid: int, codes: list[ReasonCode], _p: Properties | None) -> None:
        self._tell(self._ack, mid, [code.value for code in codes])

    def _on_publish(self, _c: PahoClient, _u: object, mid: int, _code: ReasonCode, _p: Properties | None) -> None:
        self._tell(self._ack, mid, [0])
