"""The hub's connection: it answers from inside a message, comes back by itself, does not knock too often, and says goodbye."""

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hub.mqtt import Account, Listener, Wire
from tests.boxes import until
from tests.brokers import DOOR, HUB, TILL, WAIT_S, Peer, Running, free_port, mosquitto

pytestmark = pytest.mark.broker
TOPIC = "preau/v1/door-1/health"
WILL = ("preau/v1/hub", b"lost")


@dataclass
class Ear:
    """Hears, and answers each message at once, as the link does for what is settled."""

    account: Account
    heard: list[bytes] = field(default_factory=list)
    ups: int = 0
    downs: int = 0
    fails: bool = False

    def __post_init__(self) -> None:
        self.wire = Wire(self.account, Listener(self._up, self._down, self._message), [TOPIC])

    def _up(self) -> None:
        self.ups += 1

    def _down(self) -> None:
        self.downs += 1

    def _message(self, _topic: str, payload: bytes, _retained: bool) -> None:
        self.heard.append(payload)
        if self.fails:
            raise RuntimeError("a defect of ours")
        self.wire.publish("preau/v1/door-1/settled", payload)


@contextlib.asynccontextmanager
async def ear(port: int, password: str = HUB.password) -> AsyncIterator[Ear]:
    listening = Ear(Account("127.0.0.1", port, HUB.user, password))
    listening.wire.start(WILL)
    try:
        yield listening
    finally:
        await listening.wire.close((WILL[0], b"off"))


async def listened(hub: Ear, door: Peer) -> None:
    """The broker lets the hub hear this device."""
    while not hub.heard:
        await door.publish(TOPIC, b"are you there?")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(door.lost.wait(), 0.02)
    hub.heard.clear()


async def test_a_message_is_answered_from_within_its_own_receipt(broker: Running) -> None:
    """paho holds a lock while it tells of a message, and takes the same one when an answer was written: never both at once."""
    async with ear(broker.port) as hub, Peer(broker, DOOR) as door:
        await listened(hub, door)
        assert await door.subscribe("preau/v1/door-1/settled")
        for n in range(100):
            await door.publish(TOPIC, b"%d" % n)
        assert [(await door.next()).payload for _ in range(100)] == [b"%d" % n for n in range(100)]


async def test_nodelay_is_set_on_the_hubs_socket(broker: Running) -> None:
    async with ear(broker.port) as hub:
        await until(lambda: hub.ups == 1)
        sock = hub.wire._client.socket()
        assert isinstance(sock, socket.socket)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_a_defect_in_a_listener_is_logged_and_the_next_message_comes(broker: Running, caplog: pytest.LogCaptureFixture) -> None:
    async with ear(broker.port) as hub, Peer(broker, DOOR) as door:
        await listened(hub, door)
        hub.fails = True
        await door.publish(TOPIC, b"one")
        await door.publish(TOPIC, b"two")
        await until(lambda: hub.heard == [b"one", b"two"])
    assert caplog.text.count("a message could not be dealt with") == 2
    assert (hub.ups, hub.downs) == (1, 0), "saying goodbye is not losing the broker"


async def test_the_connection_comes_back_when_the_broker_does(tmp_path: Path) -> None:
    port = free_port()
    async with ear(port) as hub:
        for times in (1, 2):
            with mosquitto(tmp_path, (HUB, DOOR, TILL), port):
                await until(lambda times=times: hub.ups == times)  # type: ignore[misc]
                assert hub.wire.up
            await until(lambda times=times: hub.downs == times)  # type: ignore[misc]
            assert not hub.wire.up


async def test_what_is_published_while_the_broker_is_away_is_no_error(tmp_path: Path) -> None:
    port = free_port()
    async with ear(port) as hub:
        hub.wire.publish("preau/v1/door-1/verdict", b"worthless later")
        hub.wire.publish("preau/v1/door-1/config", b"kept", qos=1, retain=True)
        with mosquitto(tmp_path, (HUB, DOOR, TILL), port):
            async with Peer(Running("mosquitto", "127.0.0.1", port), DOOR) as door:
                assert await door.subscribe("preau/v1/door-1/#")
                heard = await door.next()
                assert (heard.topic, heard.payload) == ("preau/v1/door-1/config", b"kept")


async def test_a_killed_broker_is_noticed_and_found_again(embedded_broker: Running) -> None:
    assert embedded_broker.embedded
    async with ear(embedded_broker.port) as hub:
        await until(lambda: hub.ups == 1)
        pid = embedded_broker.embedded.pid
        assert pid
        os.kill(pid, signal.SIGKILL)
        await until(lambda: hub.ups == 2)
        assert hub.downs == 1


async def test_a_hub_that_is_refused_knocks_less_and_less_often(mosquitto_broker: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    loop = asyncio.get_running_loop()
    async with ear(mosquitto_broker.port, "wrong") as hub:
        times_s: list[float] = []
        async with asyncio.timeout(WAIT_S):
            while len(times_s) < 4:
                knocks = len(times_s) + 1
                await until(lambda knocks=knocks: caplog.text.count("the broker refuses the hub") >= knocks)  # type: ignore[misc]
                times_s.append(loop.time())
        pauses_s = [later - earlier for earlier, later in itertools.pairwise(times_s)]
        assert pauses_s == sorted(pauses_s), "each pause is longer than the one before"
        assert pauses_s[-1] > 2 * pauses_s[0]
        assert hub.ups == 0


async def test_the_hub_says_goodbye_and_its_will_stays_unsaid(broker: Running) -> None:
    async with Peer(broker, DOOR) as door:
        assert await door.subscribe(WILL[0])
        async with ear(broker.port) as hub:
            await until(lambda: hub.ups == 1)
        heard = await door.next()
        assert (heard.topic, heard.payload) == (WILL[0], b"off")
        assert await door.subscribe("preau/v1/door-1/config")
        assert door.heard.empty()
