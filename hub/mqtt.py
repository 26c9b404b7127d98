"""The hub's connection to its broker: paho on the asyncio loop, no thread. The only room that knows paho; it knows no topic.

Sockets are watched by the loop; TCP_NODELAY is set on each (Nagle alone costs 40 ms a scan). The connection comes back by itself.
"""

import asyncio
import contextlib
import logging
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from proto.topics import HEARD_QOS

log = logging.getLogger(__name__)

KEEPALIVE_S = 10
"""As at the devices (edge/link.py): a cut cable is noticed after 10 to 15 s."""
CONNECT_S = 2.0
"""What a broker on the same network is given to answer."""
FAREWELL_S = 2.0
"""How long `close` waits for the farewell to be acknowledged."""
TEND_S = 1.0
"""Between two looks at the keep-alive."""
RETRY_S = (0.2, 5.0)
"""First and longest pause between attempts to connect."""
IN_FLIGHT = 1_000
"""QoS 1 messages under way at once; paho's 20 would hold back the rosters of a school's devices."""
QUEUED = 2_000
"""QoS 1 messages kept by paho while the broker is away; they are published again at each connect anyway."""


@dataclass(frozen=True, slots=True)
class Account:
    """Where the broker is, and as whom the hub signs in there."""

    host: str
    port: int
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Listener:
    """What the owner is told. `message` gets topic, payload, and whether it is the broker's memory."""

    up: Callable[[], None]
    down: Callable[[], None]
    message: Callable[[str, bytes, bool], None]


class Wire:
    """One connection that is kept up until `close`."""

    def __init__(self, account: Account, listener: Listener, filters: list[str]) -> None:
        self._account = account
        self._listener = listener
        self._filters = filters
        self._lost = asyncio.Event()
        self._flushed = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._told: deque[Callable[[], None]] = deque()
        """What paho told us inside its callbacks; one packet's worth, dealt with as soon as paho is out of them."""
        self._entered = False
        """Whether the present attempt was let in."""
        self.up = False
        self._client = self._make()

    def start(self, will: tuple[str, bytes]) -> None:
        """Keep connecting; `will` is retained by the broker when we vanish."""
        self._client.will_set(will[0], will[1], qos=1, retain=True)
        self._running = asyncio.get_running_loop().create_task(self._keep_up())

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Send at once if connected. QoS 0 is dropped while the broker is away: its messages are worthless later."""
        self._client.publish(topic, payload, qos, retain)
        self._rest()

    async def close(self, farewell: tuple[str, bytes]) -> None:
        """Say goodbye and disconnect; waits at most FAREWELL_S for the broker."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
        if self.up:
            self._client.on_publish = lambda *_details: self._flushed.set()  # only now: each call costs as much as a decision
            said = self._client.publish(farewell[0], farewell[1], 1, True)  # noqa: FBT003 - paho's own order
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL_S):
                    while not said.is_published():
                        self._flushed.clear()
                        await self._flushed.wait()
            self.up = False  # we go: nobody has lost anything
            self._client.disconnect()
            self._client.loop_write()

    def _make(self) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, self._account.user, clean_session=True, protocol=MQTTProtocolVersion.MQTTv311)
        client.username_pw_set(self._account.user, self._account.password)
        client.max_inflight_messages_set(IN_FLIGHT)
        client.max_queued_messages_set(QUEUED)
        client.connect_timeout = CONNECT_S
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_message = self._message
        client.on_socket_open = self._socket_open
        client.on_socket_close = self._socket_close
        return client

    async def _keep_up(self) -> None:
        pause_s = RETRY_S[0]
        while True:
            self._lost.clear()
            self._entered = False
            if await self._reachable():
                try:
                    self._client.connect(self._account.host, self._account.port, KEEPALIVE_S)
                except (OSError, ValueError) as error:
                    log.warning("broker %s:%s: %s", self._account.host, self._account.port, error)
                else:
                    await self._tend()
            # One that was let in may come back at once; one that is refused must not knock five times a second for ever.
            pause_s = RETRY_S[0] if self._entered else min(pause_s * 2, RETRY_S[1])
            await asyncio.sleep(pause_s)

    async def _reachable(self) -> bool:
        """Try the port without blocking the loop, as paho's own connect would while a host does not answer."""
        try:
            async with asyncio.timeout(CONNECT_S):
                _, writer = await asyncio.open_connection(self._account.host, self._account.port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True

    async def _tend(self) -> None:
        """Keep-alives, until the connection is lost."""
        while not self._lost.is_set():
            if self._client.loop_misc() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TEND_S):
                    await self._lost.wait()

    # --- paho's callbacks; an exception in one must not reach paho ---

    def _connected(self, client: Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Properties | None) -> None:
        if reason.is_failure:
            log.error("the broker refuses the hub: %s", reason)
            return
        self.up = self._entered = True
        client.subscribe([(each, HEARD_QOS) for each in self._filters])
        self._told.append(self._listener.up)

    def _disconnected(self, _client: Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Properties | None) -> None:
        was_up, self.up = self.up, False
        self._lost.set()
        if was_up:
            log.warning("the broker is gone: %s", reason)
            self._guarded(self._listener.down)

    def _message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._told.append(lambda: self._listener.message(message.topic, bytes(message.payload), message.retain))

    def _guarded(self, tell: Callable[[], None]) -> None:
        """The one place where an unforeseen error is kept from killing the connection: it is logged whole, and the message is dropped."""
        try:
            tell()
        except Exception:
            log.exception("a message could not be dealt with")

    def _read(self) -> None:
        """One packet; whoever else waits for the loop gets a turn before the next one.

        Its message is dealt with after paho's callback: inside, paho holds a lock that writing an answer needs too.
        """
        self._client.loop_read()
        self._rest()
        while self._told:
            self._guarded(self._told.popleft())

    def _rest(self) -> None:
        """What paho could not write at once: the socket is full, or a callback asked for it."""
        sock = self._client.socket()
        if sock is not None and self._client.want_write():
            asyncio.get_running_loop().add_writer(sock, self._write)

    def _write(self) -> None:
        self._client.loop_write()
        sock = self._client.socket()
        if sock is not None and not self._client.want_write():
            asyncio.get_running_loop().remove_writer(sock)

    def _socket_open(self, _client: Client, _data: Any, sock: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asyncio.get_running_loop().add_reader(sock, self._read)

    def _socket_close(self, _client: Client, _data: Any, sock: Any) -> None:
        asyncio.get_running_loop().remove_reader(sock)
        asyncio.get_running_loop().remove_writer(sock)
