"""The link: messages of devices to the desk, answers back. It knows sessions, order and freshness; it decides no rule.

The device is the topic's, never the payload's. Rubbish is counted and dropped. A verdict leaves after its commit, with no task in between.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from hub.clock import Clock
from hub.core import scans
from hub.core.calendar import happened
from hub.core.facts import Facts, ScanTaken, derived, scan_ask
from hub.core.school import Device
from hub.desk import Answer, Desk
from hub.fleet import Fleet, Seen
from hub.mqtt import Listener
from hub.orders import Orders
from proto import codec, topics
from proto.codec import Rubbish
from proto.messages import (
    Ask,
    AskMessage,
    Command,
    Do,
    Grant,
    Health,
    Hole,
    HubState,
    Light,
    Line,
    Result,
    Scan,
    ScanMessage,
    Settled,
    State,
    Status,
    Verdict,
    VerdictMessage,
    WantPart,
)
from proto.topics import Kind

log = logging.getLogger(__name__)

GRANT_MAX_AGE_US = 3_000_000
"""A door grant leaves within this time of the question's arrival, or not at all (design.md, Time)."""
FLOOD_PER_S = 200
"""Messages a second a device may send, full ones counting for more; a faulty one may not starve the others (threat 23)."""
FLOOD_RECORDS = 4
"""So many records of a scan message count for one more message: some 700 scans a second, which empties a week's outbox in seconds."""
TURN_DEVICES = 2
"""Devices that are told their config and roster before others get a turn: 1 to 2 ms."""
TURN_PAUSE_S = 0.005
"""Between two such turns: at a start all devices come back at once, and who taps goes before who is told what it has on its card."""
TURN_RECORDS = 20
"""Records of a message that are taken in one turn of the loop: 1 ms, 3 on a Pi. A full message has some 120; others come in between."""
STRANGERS = 100
"""Unknown device ids that are remembered for the devices page."""
OPEN_WITHIN_S = 3.0
"""A challenge (of a door, or of a restart) is answered within this time of the request at the office, or not at all."""
EARLY_NS = 1_000_000_000
"""Scans may be so much earlier than the birth of their session; older ones are asked again by their device."""
CALL_S = 2.0
"""Between two calls of the hub to all devices."""

Random = Callable[[], str]
"""Sixteen hex digits of fresh randomness."""


class Wire(Protocol):
    """What the link needs of mqtt.Wire."""

    up: bool

    def start(self, will: tuple[str, bytes]) -> None: ...
    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None: ...
    async def close(self, farewell: tuple[str, bytes]) -> None: ...


Connect = Callable[[Listener, list[str]], Wire]
"""Makes the connection, given who listens and the topic filters."""

_NONCE = re.compile(r"[0-9a-f]{16}")


@dataclass(slots=True)
class Budget:
    """A device's allowance of messages, refilled with time."""

    left: float = FLOOD_PER_S
    at_s: float = 0.0

    def spend(self, now_s: float) -> bool:
        """Whether one more message is within the allowance."""
        self.left = min(FLOOD_PER_S, self.left + (now_s - self.at_s) * FLOOD_PER_S)
        self.at_s = now_s
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass(slots=True)
class Reply:
    """What one scan message will be answered with, once all of it is on disk."""

    device: str
    session: str
    q: int
    since_ns: int
    open: int = 1
    verdicts: list[Verdict] = field(default_factory=list)
    reported: bool = False
    """Whether there was anything beside fresh questions."""
    lines: list[Line] | None = None
    """How far the device is, where it reported something or asked."""


class Link:
    """All devices of the hub on one connection."""

    def __init__(self, desk: Desk, fleet: Fleet, orders: Orders, clock: Clock, connect: Connect, random: Random) -> None:
        self._desk = desk
        self._fleet = fleet
        self._orders = orders
        self._clock = clock
        self._random = random
        self._session = random()
        self._budgets: dict[str, Budget] = {}
        self._command_n: dict[str, int] = {}
        self._opening: dict[str, tuple[Command, float]] = {}
        """The last request to open or to restart of each device, and when it left (monotonic)."""
        self._called_s = -CALL_S
        self._calling: asyncio.TimerHandle | None = None
        """The next call, where one was asked for before CALL_S was over."""
        self._leaving = False
        self._early: dict[str, tuple[ScanMessage, int]] = {}
        """By device: scans of a session whose birth is not here yet, and when they came. A broker may take longer over QoS 1."""
        self._spoken: set[str] = set()
        """Devices that told their state live on this connection: what the broker remembers of it can only be older."""
        filters = [topics.everyone(kind) for kind in topics.FROM_DEVICE]
        self._wire = connect(Listener(self._up, self._down, self.receive), filters)
        self._hear: dict[Kind, tuple[Any, Callable[[Device, Seen, Any], None]]] = {
            Kind.SCAN: (ScanMessage, self._scans),
            Kind.STATE: (State, self._state),
            Kind.ASK: (AskMessage, self._ask),
            Kind.HEALTH: (Health, self._health),
            Kind.RESULT: (Result, self._result),
        }

    def start(self) -> None:
        """Connect and stay connected; follow edits of what is set up."""
        self._wire.start((topics.HUB, codec.encode(HubState(status=Status.LOST, session=self._session))))
        self._desk.watch(self._committed)

    async def stop(self) -> None:
        """Say that the hub goes, and go."""
        self._leaving = True
        if self._calling is not None:
            self._calling.cancel()
        await self._wire.close((topics.HUB, codec.encode(HubState(status=Status.OFF, session=self._session))))

    def receive(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001 - the shape of Listener.message
        """One message from the broker."""
        address = topics.address(topic)
        if address is None or address.kind not in topics.FROM_DEVICE:
            return
        device = self._desk.school.devices.get(address.device)
        if device is None:
            self._stranger(address.device)
            return
        seen = self._fleet.of(device.id)
        reason = self._unheard(device, address.kind, retained=retained)
        if reason is None:
            reason = self._heard(device, seen, address.kind, payload, retained=retained)
        if reason is not None:
            seen.rubbish[reason] = seen.rubbish.get(reason, 0) + 1

    def command(self, device: str, do: Do, reader: str = "") -> bool:
        """Send a command to a device that is there; False when it is not."""
        seen = self._fleet.of(device)
        if seen.status is not Status.ON or not self._wire.up:
            return False
        n = self._command_n[device] = self._command_n.get(device, 0) + 1
        message = Command(session=seen.session, n=n, do=do, reader=reader)
        if do in {Do.OPEN, Do.RESTART}:
            self._opening[device] = (message, self._clock.mono_s())
        self._send(device, Kind.COMMAND, message)
        return True

    def _committed(self, facts: Facts) -> None:
        """An edit is told to the devices. A badge that asks for an adult is a line in the log, with why: never the badge itself."""
        if not facts:
            self.republish()
        for fact in facts:
            if isinstance(fact, ScanTaken) and fact.light is Light.ADULT:
                log.info("a badge at %s/%s asks for an adult: %s", fact.device, fact.reader, fact.code.value)

    def republish(self) -> None:
        """Tell every device its config and roster; the broker keeps them for those who are away."""
        self._tell(tuple(self._desk.school.devices))

    def _tell(self, devices: tuple[str, ...]) -> None:
        """A few devices, then whoever waits, then the next few. A new roster takes a turn of its own."""
        if not self._wire.up:
            return
        if self._orders.pack(self._desk.school, self._clock.now_ms()):
            asyncio.get_running_loop().call_soon(self._tell, devices)
            return
        for device in [known for name in devices[:TURN_DEVICES] if (known := self._desk.school.devices.get(name))]:
            for kind, payload in self._orders.retained(self._desk.school, device, self._clock.now_ms()):
                self._wire.publish(topics.topic(device.id, kind), payload, qos=1, retain=True)
        if devices[TURN_DEVICES:]:
            asyncio.get_running_loop().call_later(TURN_PAUSE_S, self._tell, devices[TURN_DEVICES:])

    # --- the connection ---

    def _up(self) -> None:
        self._fleet.broker_up = True
        self._spoken.clear()
        self._called_s = -CALL_S
        self._call()
        self._orders.forget()
        asyncio.get_running_loop().call_soon(self.republish)

    def _call(self) -> None:
        """Say that the hub is here: whoever missed it, or whose birth we missed, answers with its birth. Once in CALL_S; at its end, if
        that was just before.

        Brokers keep states for those who come later, but one that comes at that very moment may be told nothing.
        """
        if self._leaving:
            return
        now_s = self._clock.mono_s()
        wait_s = self._called_s + CALL_S - now_s
        if wait_s <= 0:
            self._called_s = now_s
            self._wire.publish(topics.HUB, codec.encode(HubState(status=Status.ON, session=self._session)), qos=1, retain=True)
        elif self._calling is None:
            self._calling = asyncio.get_running_loop().call_later(wait_s, self._call_again)

    def _call_again(self) -> None:
        self._calling = None
        self._call()

    def _greet(self, device: Device) -> None:
        """A device has come: it is told again what the broker should have kept for it."""
        self._call()
        self._orders.forget(device.id)
        asyncio.get_running_loop().call_soon(self._tell, (device.id,))  # whoever taps meanwhile goes first

    def _down(self) -> None:
        self._fleet.broker_up = False

    def _stranger(self, device: str) -> None:
        strangers = self._fleet.strangers
        if device in strangers or len(strangers) < STRANGERS:
            strangers[device] = strangers.get(device, 0) + 1

    def _unheard(self, device: Device, kind: Kind, *, retained: bool) -> str | None:
        """Why a message is not even looked at."""
        if device.blocked:
            return "blocked"
        if retained and kind is not Kind.STATE:
            return "retained"
        return None if self._budgets.setdefault(device.id, Budget()).spend(self._clock.mono_s()) else "flood"

    def _heard(self, device: Device, seen: Seen, kind: Kind, payload: bytes, *, retained: bool) -> str | None:
        """Take a message in, or say why not."""
        shape, hear = self._hear[kind]
        message = codec.decode(payload, shape)
        if isinstance(message, Rubbish):
            return message.value
        if kind is not Kind.STATE and message.session != seen.session:
            self._call()
            if kind is Kind.SCAN:
                self._early[device.id] = (message, self._clock.mono_ns())
            return "old_session"
        if retained and (device.id in self._spoken or message.inc in seen.superseded):
            return None  # the broker's memory: older than what we know, and no proof against a device
        if not retained:
            seen.heard_ms = self._clock.now_ms()
            self._spoken.update({device.id} if kind is Kind.STATE else ())
        hear(device, seen, message)
        return None

    def _send(self, device: str, kind: Kind, message: codec.Versioned) -> None:
        self._wire.publish(topics.topic(device, kind), codec.encode(message), qos=topics.qos(kind))

    # --- scans ---

    def _scans(self, device: Device, _seen: Seen, message: ScanMessage, came_ns: int = 0) -> None:
        # A full message counts for the work it makes: else one device could keep the hub busy all by itself.
        self._budgets[device.id].left -= len(message.records) // FLOOD_RECORDS
        self._take(message, Reply(device.id, message.session, message.q, came_ns or self._clock.mono_ns()), 0)

    def _take(self, message: ScanMessage, reply: Reply, start: int) -> None:
        """Apply the records strictly in order; stop at a gap, and say how far we are.

        A repetition of the message that comes in between finds done what is done, and does the rest itself.
        """
        records, end = message.records, start + TURN_RECORDS
        gap = False
        for record in records[start:end]:
            gap = not (self._hole(reply, record) if isinstance(record, Hole) else self._scan(message, record, reply))
            reply.reported |= gap or isinstance(record, Hole) or record.shown is not None
            if gap:
                break
        if end < len(records) and not gap:
            asyncio.get_running_loop().call_soon(self._take, message, reply, end)
            return
        if reply.reported or not records:
            reply.lines = self._lines(reply.device, [record.inc for record in records])
        self._desk.when_seen(lambda: self._done(reply))

    def _scan(self, message: ScanMessage, scan: Scan, reply: Reply) -> bool:
        """One scan; False where one before it is missing."""
        line = self._desk.books.line(reply.device, scan.inc)
        if scan.n > line.n + 1:
            return False
        arrived = self._arrived(reply.device, message, scan)
        if scan.n > line.n or scan.shown is None:
            reply.open += 1
            self._desk.submit(lambda answer: self._decided(reply, scan, answer), arrived.ask, scans.take, arrived)
        elif scan.n > line.shown_n and not scan.shown.by_hub:
            reply.open += 1
            self._desk.submit(lambda _answer: self._done(reply), derived(arrived.ask, "shown"), scans.book_shown, arrived)
        return True

    def _hole(self, reply: Reply, hole: Hole) -> bool:
        line = self._desk.books.line(reply.device, hole.inc)
        if hole.n > line.n + 1:
            return False
        if hole.to_n > line.n:
            reply.open += 1
            ask = derived(scan_ask(reply.device, hole.inc, hole.n), f"hole|{hole.to_n}")
            self._desk.submit(lambda _answer: self._done(reply), ask, scans.declare_hole, reply.device, hole, ask)
        return True

    def _arrived(self, device: str, message: ScanMessage, scan: Scan) -> scans.Arrived:
        """The scan with the time it really happened."""
        now_ms = self._clock.now_ms()
        at_ms, err_ms = happened(
            same_boot=scan.boot == message.boot,
            age_ms=self._clock.stretched(message.mono_ms - scan.mono_ms),
            arrived_ms=now_ms,
            wall_ms=scan.wall_ms,
            wall_err_ms=scan.err_ms,
        )
        return scans.Arrived(device, scan, at_ms, err_ms, now_ms)

    def _decided(self, reply: Reply, scan: Scan, answer: Answer) -> None:
        """On disk: the verdict may leave."""
        fact = next((fact for fact in answer.facts if isinstance(fact, ScanTaken)), None)
        if fact is not None and scan.shown is None:
            reply.verdicts.append(Verdict(scan.inc, scan.n, fact.light, fact.code, self._grant(reply, scan, fact)))
        self._done(reply)

    def _grant(self, reply: Reply, scan: Scan, fact: ScanTaken) -> Grant | None:
        """Leave for the door, bound to this question's nonce, while the question is young."""
        reader = self._desk.school.readers.get((fact.device, fact.reader))
        if not fact.door or reader is None or not reader.door_ms or not _NONCE.fullmatch(scan.nonce):
            return None
        if self._elapsed_us(reply) > GRANT_MAX_AGE_US:
            return None
        return Grant(scan.nonce, reader.door_ms)

    def _elapsed_us(self, reply: Reply) -> int:
        return (self._clock.mono_ns() - reply.since_ns) // 1000

    def _done(self, reply: Reply) -> None:
        reply.open -= 1
        if reply.open:
            return
        if reply.verdicts:
            self._send(reply.device, Kind.VERDICT, VerdictMessage(session=reply.session, verdicts=reply.verdicts))
            self._fleet.of(reply.device).answer_us = self._elapsed_us(reply)
        if reply.lines is not None:
            self._send(reply.device, Kind.SETTLED, Settled(session=reply.session, q=reply.q, lines=reply.lines))

    def _lines(self, device: str, incs: Sequence[str]) -> list[Line]:
        """How far these incarnations are, now; true once everything seen until now is on disk."""
        books = self._desk.books
        return [Line(inc, line.n, line.shown_n) for inc in dict.fromkeys(incs) for line in (books.line(device, inc),)]

    # --- the rest ---

    def _ask(self, device: Device, _seen: Seen, message: Ask | WantPart) -> None:
        if isinstance(message, WantPart):
            part = self._orders.part(message.version, message.part)
            if part is not None:
                self._send(device.id, Kind.ROSTER, part)
            return
        lines = self._lines(device.id, [line.inc for line in message.lines])
        behind = [held.inc for held in message.lines if self._desk.books.line(device.id, held.inc).n < held.n]
        if behind:
            log.error("device %s holds receipts that these books do not know (%s): a backup was restored?", device.id, ", ".join(behind))
        reply = Reply(device.id, message.session, message.q, self._clock.mono_ns(), lines=lines)
        self._desk.when_seen(lambda: self._done(reply))

    def _state(self, device: Device, seen: Seen, message: State) -> None:
        """A birth, a will, a farewell. A will of an older session says nothing about the present one."""
        if message.status is not Status.ON:
            if message.session == seen.session or not seen.session:
                seen.status, seen.session, seen.inc = message.status, message.session, message.inc
            return
        if message.inc in seen.superseded:
            self._cloned(device)
            return
        if seen.inc and seen.inc != message.inc:
            seen.superseded.append(seen.inc)
        if message.session != seen.session:
            self._command_n[device.id] = 0
            self._greet(device)
        self._fleet.cloned.discard(device.id)
        seen.status, seen.session, seen.inc, seen.state = Status.ON, message.session, message.inc, message
        scans, came_ns = self._early.pop(device.id, (None, 0))
        if scans is not None and scans.session == message.session and self._clock.mono_ns() - came_ns < EARLY_NS:
            self._scans(device, seen, scans, came_ns)

    def _cloned(self, device: Device) -> None:
        """An earlier life of this device speaks again: there are two of them, and neither is believed (design.md, Wire)."""
        if device.id in self._fleet.cloned:
            return
        log.error("two devices use the identity %s: both are blocked until staff give it a new password", device.id)
        self._fleet.cloned.add(device.id)
        self._orders.block(device.id)

    def _health(self, _device: Device, seen: Seen, message: Health) -> None:
        seen.healthy(message, self._clock.now_ms())
        if message.away:
            self._call()  # it speaks to us and takes us for gone: it was told nothing of us, or too early

    def _result(self, device: Device, seen: Seen, message: Result) -> None:
        """A challenge is answered at once, with the device's own nonce, and only while the request is fresh."""
        asked, since_s = self._opening.get(device.id, (None, 0.0))
        if asked is None or (asked.session, asked.n) != (message.session, message.n):
            return
        del self._opening[device.id]
        if message.code != "challenge" or self._clock.mono_s() - since_s > OPEN_WITHIN_S:
            return
        n = self._command_n[device.id] = self._command_n[device.id] + 1
        self._send(device.id, Kind.COMMAND, Command(session=seen.session, n=n, do=asked.do, reader=asked.reader, nonce=message.nonce))
