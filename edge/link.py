"""The link to the hub through the broker: bytes in, events out; messages in, bytes out. The only room that knows paho.

It decides nothing and keeps nothing: what cannot be published now is dropped, because the outbox has it or the station says it
again. A thread of its own only connects; from then on the loop's thread serves the socket (`serve`), so that no tap waits for another
thread to wake up. Callbacks only decode, check signatures and put events. No exception leaves them.
"""

import contextlib
import functools
import gc
import logging
import secrets
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

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
from edge.settings import Settings
from proto import codec, roster, topics
from proto.codec import Rubbish, Versioned
from proto.messages import (
    Command,
    Config,
    DeviceConfig,
    HubState,
    RosterManifest,
    RosterMessage,
    RosterPart,
    Settled,
    State,
    Status,
    VerdictMessage,
)
from proto.signing import signing_key, verified
from proto.topics import Kind

KEEPALIVE_S = 10
"""A cut cable is noticed after 10 to 15 s (edge.md, section 6); the station has its own, shorter deadlines."""
RECONNECT_S = (1, 8)
"""Shortest and longest pause between two attempts to connect."""
JITTER_MS = 1000
"""Added to each pause at random: after a power cut the devices of a school must not knock all at once."""
INFLIGHT = 100
"""QoS 1 messages under way; paho's 20 would make a reconnecting device wait (performance.md)."""
QUEUED = 100
"""QoS 1 messages waiting in memory. Only births are sent at QoS 1, so this is never reached; without it there is no limit."""
FAREWELL_S = 1.0
"""How long stop() waits for the farewell to be acknowledged."""
MISC_S = 1.0
"""Between two looks at the keep-alive."""
BAD_SIGNATURE = "bad_signature"

if TYPE_CHECKING:
    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

log = logging.getLogger(__name__)


class Link:
    """The connection of one device, under a new random link session at each attempt.

    `inc` is this start's incarnation, for the last will. `put` takes events and may be called from another thread.
    Raises StartError for a host name that cannot be one.
    """

    def __init__(self, settings: Settings, inc: str, put: Callable[[Event], None]) -> None:
        self._device = settings.device
        self._broker = settings.broker
        self._key = signing_key(settings.broker.password)
        self._inc = inc
        self._put = put
        self._topics = {kind: topics.topic(self._device, kind) for kind in Kind}
        self._session = ""
        self._up = False
        self._served = False
        """Whether the connection is the serving thread's; until then, and after it is lost, it is the connecting one's."""
        self._admitted = False
        self._lost = threading.Event()
        self._stopping = threading.Event()
        self._rubbish: Counter[str] = Counter()
        self._misc_s = 0.0
        self._sock: socket.socket | None = None
        self._client: Client | None = None
        """Once paho is loaded, which takes as long as a third of all the rest: badges are read already, and answered without a hub."""
        _refuse_strange(self._broker.host)

    @property
    def rubbish(self) -> dict[str, int]:
        """How many messages were dropped since the start, by reason (codec.Rubbish, or a wrong signature)."""
        return dict(self._rubbish)

    def start(self) -> None:
        """Connect, and go on trying for ever; LinkUp and LinkDown tell how it goes."""
        threading.Thread(target=self._keep_connecting, name="link", daemon=True).start()

    def publish(self, kind: Kind, message: Versioned) -> None:
        """Publish on our own topic of this kind; dropped while there is no connection. Raises TooLongError for a defect of ours."""
        payload = codec.encode(message)
        # Not even QoS 1 is queued: a birth that is sent minutes later would speak for a session that is over.
        client = self._client
        if not self._up or client is None:
            return
        client.publish(self._topics[kind], payload, topics.qos(kind), retain=kind in topics.RETAINED)
        self._acknowledge_at_once()

    def fileno(self) -> int:
        """The socket to wait for; -1 while there is none."""
        return self._sock.fileno() if self._served and self._sock is not None else -1

    def writing(self) -> bool:
        """Whether to wait until the socket can be written, too."""
        client = self._client
        return self._served and client is not None and client.want_write()

    def serve(self, *, ready: bool) -> None:
        """Read and write what there is (`ready`: the socket can be), and look after the connection, at least once in MISC_S."""
        client = self._client
        if not self._served or client is None:
            return
        try:
            if ready:
                client.loop_read()
                if self.writing():
                    client.loop_write()
            if self._served and time.monotonic() - self._misc_s >= MISC_S:
                self._misc_s = time.monotonic()
                client.loop_misc()
        except Exception:
            self._rubbish["defect"] += 1
            log.exception("a defect of ours or of the connection's: it is made anew")
            self._hang_up()

    def stop(self, farewell: State) -> None:
        """Publish the farewell, disconnect and end, within about FAREWELL_S. By the thread that serves."""
        self._stopping.set()
        client = self._client
        if client is not None and self._up:
            try:
                said = client.publish(self._topics[Kind.STATE], codec.encode(farewell), topics.qos(Kind.STATE), retain=True)
                until_s = time.monotonic() + FAREWELL_S
                while not said.is_published() and self._served and (left_s := until_s - time.monotonic()) > 0:
                    self.serve(ready=any(select.select([self.fileno()], [self.fileno()] if self.writing() else [], [], left_s)))
            except (RuntimeError, ValueError) as error:
                log.warning("the farewell was not sent, the broker will publish our last will: %s", error)
        if client is not None:
            client.disconnect()
        self._lost.set()

    # --- the connection --------------------------------------------------------------------------

    def _keep_connecting(self) -> None:
        """Look the broker up, connect, and hand the connection over; wait until it is lost."""
        client = self._client = self._make_client()
        gc.freeze()  # paho came after the first freezing, and stays as well: no collection is to walk through it
        client.connect_async(self._broker.host, self._broker.port, KEEPALIVE_S)
        pause_s = 0.0
        while not self._stopping.wait(pause_s):
            self._admitted = False
            self._lost.clear()
            if self._reached(client):
                if self._stopping.is_set():
                    client.disconnect()
                    return
                self._served = True
                self._put(Tick())  # the loop waits without it
                self._lost.wait()
            first_s, longest_s = RECONNECT_S
            waited_s = 0.0 if self._admitted else pause_s
            pause_s = min(max(first_s, 2 * waited_s), longest_s) + secrets.randbelow(JITTER_MS) / 1000

    def _reached(self, client: "Client") -> bool:
        """One attempt, up to the moment where the broker has our name and password."""
        try:
            return not client.reconnect()
        except OSError:
            log.warning("no broker at %s:%d: trying again", self._broker.host, self._broker.port)
            return False

    def _hang_up(self) -> None:
        """Reading finds the end, and all that follows happens as ever."""
        if self._sock is not None:
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)

    def _acknowledge_at_once(self) -> None:
        """For brokers that cannot be told to set TCP_NODELAY. The kernel forgets it, so it is set after each message.

        Here and not in paho's `on_publish`, for which paho makes objects that take 0.2 ms.
        """
        if self._sock is not None and hasattr(socket, "TCP_QUICKACK"):
            with contextlib.suppress(OSError):  # it is gone, and reading will tell
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    # --- paho ------------------------------------------------------------------------------------

    def _make_client(self) -> "Client":
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

        client = Client(CallbackAPIVersion.VERSION2, self._device, clean_session=True, protocol=MQTTProtocolVersion.MQTTv311)
        client.username_pw_set(self._device, self._broker.password)
        client.max_inflight_messages_set(INFLIGHT)
        client.max_queued_messages_set(QUEUED)
        client.on_pre_connect = self._safe(self._on_pre_connect)
        client.on_socket_open = self._safe(self._on_socket_open)
        client.on_connect = self._safe(self._on_connect)
        client.on_disconnect = self._safe(self._on_disconnect)
        client.on_message = self._safe(self._on_message)
        return client

    def _safe(self, callback: Callable[..., None]) -> Callable[..., None]:
        """The callback, logged and counted instead of raising: one bad message must not cost the connection."""

        @functools.wraps(callback)
        def safe(*arguments: Any, **named: Any) -> None:
            try:
                callback(*arguments, **named)
            except Exception:
                self._rubbish["defect"] += 1
                log.exception("a defect of ours in %s", callback.__name__)

        return safe

    def _on_pre_connect(self, client: "Client", _userdata: object) -> None:
        # What paho would send again belongs to the session before; a birth of an old session looks like a second device.
        client.drop_out_messages()
        self._session = secrets.token_hex(8)
        will = State(status=Status.LOST, session=self._session, inc=self._inc)
        client.will_set(topics.topic(self._device, Kind.STATE), codec.encode(will), topics.qos(Kind.STATE), retain=True)

    def _on_socket_open(self, _client: object, _userdata: object, sock: socket.socket) -> None:
        self._sock = sock
        # Without it a scan waits 40 ms for Nagle's algorithm and a delayed acknowledgement (performance.md).
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _on_connect(
        self, client: "Client", _userdata: object, _flags: "ConnectFlags", code: "ReasonCode", _properties: "Properties | None"
    ) -> None:
        if code.is_failure:
            log.error("%s", _refusal(self._broker.host, self._broker.port, self._device, str(code)))
            return
        own = [topics.topic(self._device, kind) for kind in (Kind.STATE, *topics.TO_DEVICE)]
        client.subscribe([(each, topics.HEARD_QOS) for each in (*own, topics.HUB)])
        self._up = self._admitted = True
        log.info("connected to the broker")
        self._put(LinkUp(self._session))

    def _on_disconnect(
        self, _c: "Client", _u: object, _flags: "DisconnectFlags", code: "ReasonCode", _properties: "Properties | None"
    ) -> None:
        was_up, self._up, self._served = self._up, False, False
        self._lost.set()
        if was_up:
            log.warning("the link is down: %s", code)
            self._put(LinkDown())

    def _on_message(self, _client: object, _userdata: object, message: "MQTTMessage") -> None:
        event = self._event(_topic(message), bytes(message.payload), retained=message.retain)
        if isinstance(event, str):
            self._rubbish[event] += 1
            log.warning("a message of %d bytes was dropped: %s", len(message.payload), event)
        elif event is not None:
            self._put(event)

    # --- bytes to events -------------------------------------------------------------------------

    def _event(self, topic: str, payload: bytes, *, retained: bool) -> Event | str | None:
        """The event in a message; a reason (Rubbish or BAD_SIGNATURE) when it is dropped; None when it is our own echo."""
        if topic == topics.HUB:
            return _wrapped(HubChanged, payload, HubState)
        address = topics.address(topic)
        if address is None or address.device != self._device:
            return Rubbish.WRONG_TOPIC
        match address.kind:
            case Kind.VERDICT:
                return _wrapped(VerdictIn, payload, VerdictMessage)
            case Kind.SETTLED:
                return _wrapped(SettledIn, payload, Settled)
            case Kind.COMMAND:
                return _wrapped(functools.partial(CommandIn, retained=retained, nonce=secrets.token_hex(8)), payload, Command)
            case Kind.STATE:
                return self._state(payload, retained=retained)
            case Kind.CONFIG:
                return self._config(payload)
            case Kind.ROSTER:
                return self._roster(payload)
            case _:
                return Rubbish.WRONG_TOPIC

    def _state(self, payload: bytes, *, retained: bool) -> Event | str | None:
        """Any live state but that of this connection is foreign: a late will of ours, or a second device with our identity.

        A retained one is what the broker held before our birth, which replaces it.
        """
        state: State | Rubbish = codec.decode(payload, State)
        if isinstance(state, Rubbish):
            return state
        return None if retained or state.session == self._session else ForeignState(state)

    def _config(self, payload: bytes) -> Event | str:
        message: Config | Rubbish = codec.decode(payload, Config)
        if isinstance(message, Rubbish):
            return message
        if not verified(self._key, message.sig, "config", self._device, message.version, message.body):
            return BAD_SIGNATURE
        try:
            config = msgspec.json.decode(message.body, type=DeviceConfig)
        except msgspec.DecodeError:
            return Rubbish.WRONG_SHAPE
        return ConfigIn(message.version, config) if config.device == self._device else Rubbish.WRONG_SHAPE

    def _roster(self, payload: bytes) -> Event | str:
        """A manifest carries a signature; a part is held against the manifest's hash when all are there."""
        message: RosterManifest | RosterPart | Rubbish = codec.decode(payload, RosterMessage)
        if isinstance(message, RosterPart):
            return RosterPartIn(message)
        if isinstance(message, Rubbish):
            return message
        return RosterOffered(message) if roster.genuine(self._key, self._device, message) else BAD_SIGNATURE


def _wrapped(kind: Callable[[Any], Event], payload: bytes, shape: Any) -> Event | Rubbish:
    message = codec.decode(payload, shape)
    return message if isinstance(message, Rubbish) else kind(message)


def _topic(message: "MQTTMessage") -> str:
    try:
        return message.topic
    except UnicodeDecodeError:
        return ""


def _refuse_strange(host: str) -> None:
    """Raises StartError for what cannot be a host name."""
    try:
        host.encode("idna")
    except UnicodeError as error:
        raise StartError(f"key `broker.host`: `{host}` cannot be a host name: {error}") from error


def _refusal(host: str, port: int, device: str, reason: str) -> str:
    if reason in {"Not authorized", "Bad user name or password"}:
        return (
            f"the broker at {host}:{port} refuses the name or password of device `{device}`: set `broker.password` to what the hub shows "
            "for this device, and check that it is not blocked there; trying again"
        )
    return f"the broker at {host}:{port} refuses us: {reason}; trying again"
