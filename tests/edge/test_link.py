"""The link against a real mosquitto: sessions, last will, rubbish, signatures, reconnecting, and no waiting for Nagle."""

import asyncio
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from edge.errors import StartError
from edge.events import (
    CommandIn,
    ConfigIn,
    Event,
    ForeignState,
    HubChanged,
    LinkDown,
    LinkUp,
    RosterOffered,
    RosterPartIn,
    SettledIn,
    Tick,
    VerdictIn,
)
from edge.inbox import Inbox
from edge.link import BAD_SIGNATURE, Link
from edge.settings import BrokerSettings, ReaderSettings, Settings
from proto import codec, roster
from proto.codec import MAX_BYTES, Rubbish, Versioned
from proto.messages import (
    Command,
    Config,
    DeviceConfig,
    Do,
    HubState,
    Light,
    Line,
    RosterPart,
    RosterRow,
    Settled,
    State,
    Status,
    Verdict,
    VerdictMessage,
)
from proto.signing import sign, signing_key
from proto.topics import HUB as HUB_TOPIC
from proto.topics import Kind, topic
from tests.brokers import DOOR, HUB, Peer, Running, free_port, mosquitto

pytestmark = pytest.mark.broker

WAIT_S = 15.0
INC, HUB_SESSION = "000000000000000a", "000000000000000b"
KEY = signing_key(DOOR.password)


def settings(broker: Running, password: str = DOOR.password, host: str = "127.0.0.1") -> Settings:
    return Settings(
        device=DOOR.user,
        data="unused",
        broker=BrokerSettings(host=host, port=broker.port, password=password),
        readers=[ReaderSettings(id="door-1", kind="line", path="unused")],
    )


class Device:
    """A link whose events a test reads in order. Whoever waits for one serves the link, as the loop does."""

    def __init__(self, broker: Running, password: str = DOOR.password) -> None:
        self.inbox = Inbox()
        self.link = Link(settings(broker, password), INC, self.inbox.put)

    def next(self) -> Event:
        event: Event = self.until(self.take)
        return event

    def until(self, found: Callable[[], Any]) -> Any:
        """Serve until something is found."""
        until_s = time.monotonic() + WAIT_S
        while (it := found()) is None:
            assert time.monotonic() < until_s
            self.link.serve(ready=self.inbox.wait(self.link.fileno(), 0.1, writing=self.link.writing()))
        return it

    def take(self) -> Event | None:
        """The next event, but for those that only wake the loop up."""
        while len(self.inbox):
            event = self.inbox.take()
            if not isinstance(event, Tick):
                return event
        return None

    def up(self) -> str:
        event = self.next()
        assert isinstance(event, LinkUp)
        return event.session

    def state(self, status: Status, session: str) -> State:
        return State(status=status, session=session, inc=INC)

    def socket(self) -> socket.socket:
        assert self.link._sock is not None
        return self.link._sock


@contextmanager
def connected(broker: Running) -> Iterator[tuple[Device, str]]:
    device = Device(broker)
    device.link.start()
    session = device.up()
    try:
        yield device, session
    finally:
        device.link.stop(device.state(Status.OFF, session))


async def subscribed(hub: Peer, device: Device) -> None:
    """Return when the broker has our subscriptions: the hub's state, the last of them, reaches us by one of two ways."""
    state = HubState(status=Status.ON, session=HUB_SESSION)
    await hub.publish(HUB_TOPIC, codec.encode(state), 1, retain=True)
    assert await asyncio.to_thread(device.next) == HubChanged(state)


async def heard_state(hub: Peer) -> State:
    heard = await hub.next()
    state = codec.decode(heard.payload, State)
    assert isinstance(state, State)
    return state


async def test_a_birth_and_a_farewell_are_retained_at_the_broker(mosquitto_broker: Running) -> None:
    async with Peer(mosquitto_broker, HUB) as hub:
        with connected(mosquitto_broker) as (device, session):
            device.link.publish(Kind.STATE, device.state(Status.ON, session))
            await hub.subscribe(topic(DOOR.user, Kind.STATE))
            assert await heard_state(hub) == device.state(Status.ON, session)
        assert await heard_state(hub) == device.state(Status.OFF, session)
    async with Peer(mosquitto_broker, HUB) as later:
        await later.subscribe(topic(DOOR.user, Kind.STATE))
        heard = await later.next()
        assert heard.retained
        assert codec.decode(heard.payload, State) == device.state(Status.OFF, session)


async def test_a_cut_cable_brings_the_last_will_of_that_session_and_then_a_new_session(mosquitto_broker: Running) -> None:
    async with Peer(mosquitto_broker, HUB) as hub:
        await hub.subscribe(topic(DOOR.user, Kind.STATE))
        with connected(mosquitto_broker) as (device, first):
            device.socket().shutdown(socket.SHUT_RDWR)
            assert await heard_state(hub) == device.state(Status.LOST, first)
            assert await asyncio.to_thread(device.next) == LinkDown()
            second = await asyncio.to_thread(device.up)
            assert second != first
            device.socket().shutdown(socket.SHUT_RDWR)
            assert await heard_state(hub) == device.state(Status.LOST, second)
            assert await asyncio.to_thread(device.next) == LinkDown()
            await asyncio.to_thread(device.up)


def test_after_a_restart_of_the_broker_the_device_is_back_under_a_new_session(tmp_path: Path) -> None:
    device = None
    sessions = []
    port = None
    for _ in range(2):
        with mosquitto(tmp_path, (HUB, DOOR), port) as port:
            if device is None:
                device = Device(Running("mosquitto", "127.0.0.1", port))
                device.link.start()
            sessions.append(device.up())
        assert device.next() == LinkDown()
    assert sessions[0] != sessions[1]
    assert device is not None
    began_s = time.monotonic()
    device.link.stop(device.state(Status.OFF, sessions[1]))
    assert time.monotonic() - began_s < 3, "stopping is bounded, also without a broker"


def test_a_device_starts_before_its_broker(tmp_path: Path) -> None:
    port = free_port()
    device = Device(Running("mosquitto", "127.0.0.1", port))
    device.link.start()
    device.link.publish(Kind.STATE, device.state(Status.ON, "f" * 16))  # nobody hears it, and nobody will
    with mosquitto(tmp_path, (HUB, DOOR), port):
        session = device.up()
        device.link.stop(device.state(Status.OFF, session))


async def test_what_was_not_acknowledged_in_one_session_is_not_repeated_in_the_next(mosquitto_broker: Running) -> None:
    """A birth of an old session would look like a second device with this identity."""
    async with Peer(mosquitto_broker, HUB) as hub:
        with connected(mosquitto_broker) as (device, first):
            sock = device.socket()
            sock.shutdown(socket.SHUT_RDWR)
            assert device.link._client is not None
            device.link._client.publish(topic(DOOR.user, Kind.STATE), b"old birth", 1)
            assert await asyncio.to_thread(device.next) == LinkDown()
            second = await asyncio.to_thread(device.up)
            await hub.subscribe(topic(DOOR.user, Kind.STATE))
            assert await heard_state(hub) == device.state(Status.LOST, first)
            device.link.publish(Kind.STATE, device.state(Status.ON, second))
            assert await heard_state(hub) == device.state(Status.ON, second)


async def test_every_message_for_this_device_becomes_an_event(mosquitto_broker: Running) -> None:
    rows = [RosterRow("A" * 20, "c")]
    parts = roster.pack(rows)
    config = DeviceConfig(DOOR.user, "00" * 32, [])
    body = msgspec.json.encode(config).decode()
    manifest = roster.manifest(KEY, DOOR.user, 7, parts, 0)
    verdicts = VerdictMessage(session=HUB_SESSION, verdicts=[Verdict(INC, 1, Light.ACCEPTED, "arrived")])
    settled = Settled(session=HUB_SESSION, q=1, lines=[Line(INC, 1)])
    part = RosterPart(version=7, part=0, body=parts[0])
    hub_state = HubState(status=Status.ON, session=HUB_SESSION)
    signed = Config(version=3, body=body, sig=sign(KEY, "config", DOOR.user, 3, body))
    sent: list[tuple[str, Versioned, Event]] = [
        (topic(DOOR.user, Kind.VERDICT), verdicts, VerdictIn(verdicts)),
        (topic(DOOR.user, Kind.SETTLED), settled, SettledIn(settled)),
        (topic(DOOR.user, Kind.CONFIG), signed, ConfigIn(3, config)),
        (topic(DOOR.user, Kind.ROSTER), manifest, RosterOffered(manifest)),
        (topic(DOOR.user, Kind.ROSTER), part, RosterPartIn(part)),
        (HUB_TOPIC, hub_state, HubChanged(hub_state)),
    ]
    async with Peer(mosquitto_broker, HUB) as hub:
        with connected(mosquitto_broker) as (device, _):
            await subscribed(hub, device)
            for where, message, event in sent:
                await hub.publish(where, codec.encode(message))
                assert await asyncio.to_thread(device.next) == event
            assert device.link.rubbish == {}


RUBBISH = [
    ("not JSON", Kind.VERDICT, b"\xff{{{", Rubbish.NOT_JSON),
    ("empty", Kind.CONFIG, b"", Rubbish.NOT_JSON),
    ("deep", Kind.COMMAND, b'{"v":1,"unknown":' + b"[" * 20_000, Rubbish.NOT_JSON),
    ("too long", Kind.SETTLED, b" " * (MAX_BYTES + 1), Rubbish.TOO_LONG),
    ("another version", Kind.SETTLED, b'{"v":2}', Rubbish.WRONG_VERSION),
    ("another shape", Kind.COMMAND, b'{"v":1,"session":"short"}', Rubbish.WRONG_SHAPE),
    ("a config nobody signed", Kind.CONFIG, b'{"v":1,"version":9,"body":"{}","sig":"00"}', BAD_SIGNATURE),
    (
        "a roster nobody signed",
        Kind.ROSTER,
        codec.encode(roster.manifest(signing_key("another"), DOOR.user, 9, [], 0)),
        BAD_SIGNATURE,
    ),
    (
        "another device's config",
        Kind.CONFIG,
        codec.encode(Config(version=9, body="{}", sig=sign(KEY, "config", "till-1", 9, "{}"))),
        BAD_SIGNATURE,
    ),
    (
        "a signed config that is none",
        Kind.CONFIG,
        codec.encode(Config(version=9, body="{}", sig=sign(KEY, "config", DOOR.user, 9, "{}"))),
        Rubbish.WRONG_SHAPE,
    ),
]


async def test_rubbish_is_counted_and_dropped_and_the_good_message_behind_it_arrives(mosquitto_broker: Running) -> None:
    good = Settled(session=HUB_SESSION, q=1, lines=[])
    async with Peer(mosquitto_broker, HUB) as hub:
        with connected(mosquitto_broker) as (device, _):
            await subscribed(hub, device)
            expected: dict[str, int] = {}
            for what, kind, payload, reason in RUBBISH:
                await hub.publish(topic(DOOR.user, kind), payload)
                await hub.publish(topic(DOOR.user, Kind.SETTLED), codec.encode(good))
                assert await asyncio.to_thread(device.next) == SettledIn(good), what
                expected[reason] = expected.get(reason, 0) + 1
                assert device.link.rubbish == expected, what


async def test_a_defect_in_what_takes_the_events_does_not_end_the_link(mosquitto_broker: Running, caplog: pytest.LogCaptureFixture) -> None:
    async with Peer(mosquitto_broker, HUB) as hub:
        with connected(mosquitto_broker) as (device, _):
            await subscribed(hub, device)
            good, put = codec.encode(Settled(session=HUB_SESSION, q=1, lines=[])), device.inbox.put
            calls: list[Event] = []

            def fail_once(event: Event) -> None:
                calls.append(event)
                if len(calls) == 1:
                    raise KeyError("a defect")
                put(event)

            device.link._put = fail_once
            await hub.publish(topic(DOOR.user, Kind.SETTLED), good)
            await hub.publish(topic(DOOR.user, Kind.SETTLED), good)
            assert isinstance(await asyncio.to_thread(device.next), SettledIn)
            assert device.link.rubbish == {"defect": 1}
            assert "a defect of ours" in caplog.text


async def test_a_retained_command_is_marked_and_each_command_gets_a_fresh_nonce(mosquitto_broker: Running) -> None:
    command = Command(session=HUB_SESSION, n=1, do=Do.OPEN)
    async with Peer(mosquitto_broker, HUB) as hub:
        await hub.publish(topic(DOOR.user, Kind.COMMAND), codec.encode(command), 1, retain=True)
        with connected(mosquitto_broker) as (device, _):
            old = await asyncio.to_thread(device.next)
            await subscribed(hub, device)
            await hub.publish(topic(DOOR.user, Kind.COMMAND), codec.encode(command), 1)
            new = await asyncio.to_thread(device.next)
    assert isinstance(old, CommandIn)
    assert isinstance(new, CommandIn)
    assert (old.retained, new.retained) == (True, False)
    assert len({old.nonce, new.nonce}) == 2
    assert replace(old, nonce="", retained=False) == replace(new, nonce="")


async def test_a_live_state_of_another_session_is_foreign_and_our_own_echo_is_not(mosquitto_broker: Running) -> None:
    async with Peer(mosquitto_broker, HUB) as hub:
        stranger = State(status=Status.LOST, session="e" * 16, inc=INC)
        await hub.publish(topic(DOOR.user, Kind.STATE), codec.encode(stranger), 1, retain=True)
        with connected(mosquitto_broker) as (device, session):
            await subscribed(hub, device)
            device.link.publish(Kind.STATE, device.state(Status.ON, session))
            await hub.subscribe(topic(DOOR.user, Kind.STATE))
            await hub.next()
            await hub.publish(topic(DOOR.user, Kind.STATE), codec.encode(stranger), 1)
            assert await asyncio.to_thread(device.next) == ForeignState(stranger), "neither the retained state nor our birth came first"


def test_a_wrong_password_is_said_in_words_and_tried_again(
    mosquitto_broker: Running, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Device(mosquitto_broker, "wrong")
    refusals: deque[str] = deque()
    monkeypatch.setattr(caplog.handler, "emit", lambda record: refusals.append(record.getMessage()))
    device.link.start()
    for _ in range(2):
        sentence = device.until(lambda: refusals.popleft() if refusals else None)
        assert "refuses the name or password of device `door-1`: set `broker.password`" in sentence
    device.link.stop(device.state(Status.OFF, "f" * 16))
    assert device.take() is None


def test_a_host_name_that_cannot_be_one_stops_the_start() -> None:
    with pytest.raises(StartError, match=r"broker\.host"):
        Link(settings(Running("none", "", 1), host="hub..school"), INC, lambda _event: None)


def test_the_socket_waits_for_nobody(mosquitto_broker: Running) -> None:
    """TCP_NODELAY: without it a scan waits 40 ms (performance.md)."""
    with connected(mosquitto_broker) as (device, _):
        assert device.socket().getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


async def test_twenty_scans_and_answers_take_less_than_ten_ms_each(mosquitto_broker: Running) -> None:
    """The regression test for Nagle: two small messages in a row, as a scan and its question are, cost 40 ms where it is on."""
    async with Peer(mosquitto_broker, HUB) as hub:
        await hub.subscribe(topic(DOOR.user, Kind.HEALTH))
        with connected(mosquitto_broker) as (device, session):
            await subscribed(hub, device)
            times_ms = []
            for q in range(1, 21):
                began_s = time.perf_counter()
                settled = Settled(session=session, q=q, lines=[])
                device.link.publish(Kind.HEALTH, settled)
                device.link.publish(Kind.HEALTH, settled)
                await hub.next()
                await hub.next()
                await hub.publish(topic(DOOR.user, Kind.SETTLED), codec.encode(settled))
                assert await asyncio.to_thread(device.next) == SettledIn(settled)
                times_ms.append((time.perf_counter() - began_s) * 1000)
            assert sorted(times_ms)[10] < 10
