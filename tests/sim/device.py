"""A device in the simulated world: the real loop, station and link, on a simulated card, clock and connection. It lives many times."""

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from edge import events as e
from edge import station
from edge.link import Link
from edge.loop import HEALTH_PAUSE_MS, Loop, Parts
from edge.settings import BrokerSettings, Settings
from proto import codec, topics
from proto.messages import Ask, ClockQuality, State, Status, WantPart
from proto.topics import Kind
from tests.fakes import vitals
from tests.sim.broker import Connection
from tests.sim.card import Card
from tests.sim.faults import Fault
from tests.sim.hub import UNPLUGGED_S, password
from tests.sim.turns import CutError

if TYPE_CHECKING:
    from tests.sim.world import World

KNOCK_S = (0.2, 9.0)
"""Pause between two attempts to connect, with its jitter (edge.link.RECONNECT_S, JITTER_MS)."""
BUSY_TICKS = 50
FIRST_MONO_MS = 1_000
OPEN_PATTERNS = frozenset({e.Pattern.ACCEPTED, e.Pattern.LOOK, e.Pattern.AGAIN, e.Pattern.ADULT})


class Device:
    """One device through its lives. Only the card and the battery clock outlive one."""

    def __init__(self, world: "World", name: str) -> None:
        self.world = world
        self.name = name
        self.card = Card(self)
        self.life: Life | None = None
        self.settings = Settings(
            device=name,
            data="nowhere",
            broker=BrokerSettings("nowhere", password(world.disk.school.devices[name])),
            readers=[],
        )
        self.boots = 0
        self.boot = ""
        self.boot_s = 0.0
        self.offset_ms = 0
        """How far its wall clock is off."""
        self.quality, self.err_ms = ClockQuality.NTP, 10
        self.power_on()

    def power_on(self) -> None:
        """Another boot: monotonic time begins again."""
        self.boot, self.boot_s = self.world.random16(), self.world.loop.now_s

    def start(self) -> None:
        """Another life, unless there is one."""
        if self.life is None:
            self.life = Life(self)
            self.life.begin()

    def step(self) -> None:
        if self.life is not None:
            self.world.step(self.life)

    def wall_ms(self) -> int:
        return self.world.true_ms() + self.offset_ms

    def mono_ms(self) -> int:
        return FIRST_MONO_MS + int((self.world.loop.now_s - self.boot_s) * 1000)

    def tap(self, who: "Any", reader: str) -> bool:
        """Somebody holds a badge to a reader; False where nothing is switched on."""
        if self.life is None:
            return False
        self.life.read(who, reader)
        return True

    def away(self) -> bool:
        """Whether the device cannot ask the hub just now."""
        return self.life is None or self.life.loop.state.away

    def drained(self) -> str:
        """What is left to do; empty when nothing is."""
        if self.life is None:
            return "switched off"
        state = self.life.loop.state
        left = {
            "unsettled": self.card.unsettled(),
            "waiting": len(state.waiting),
            "unsaved": len(state.unsaved),
            "away": int(state.away),
            "queue": len(self.life.queue),
        }
        return ", ".join(f"{count} {name}" for name, count in left.items() if count)


class Life:
    """One process on a device. It is its loop's lamps, clock and speaker (Parts), and the paho client of its link."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.world = device.world
        self.name = device.name
        self.alive = True
        self.fuse = 0
        self.queue: deque[tuple[e.Event, Any]] = deque()
        self.tapping: Any = None
        inc = self.world.random16()
        self.loop = Loop(inc, {})
        self.link = Link(device.settings, inc, self._hear_event)
        self.link._client = self  # type: ignore[assignment] # paho's part of the link: `publish` below
        self.connection: Connection | None = None
        self._scans, self._asks = topics.topic(self.name, Kind.SCAN), topics.topic(self.name, Kind.ASK)
        self._own = frozenset(topics.topic(self.name, kind) for kind in (Kind.STATE, *topics.TO_DEVICE)) | {topics.HUB}
        self._pumping = False
        self._timer: Any = None
        self._ticks = (0, 0)
        self.parts = Parts(device.card, self, self.link, self, vitals, int, self._card_failed, "1.0")

    @property
    def inc(self) -> str:
        """What its numbers begin with: the code's own word for it, so that one used twice is seen."""
        return self.loop.state.inc

    def begin(self) -> None:
        """What the card remembers, and the first attempt to connect."""
        self.world.oracle.hears(self.name, "")
        self._guarded(lambda: self.loop.begin(self.parts))
        if self.alive:
            self._rearm()
            self.world.loop.after_s(self.world.chance.uniform(0.05, 1.0), self._knock)

    def die(self, *, cut: bool, orderly: bool = False) -> None:
        """Without a warning, unless `orderly`."""
        if self.alive:
            self.alive, self.device.life = False, None
            self.world.oracle.died(self.name, self.inc, self.device.card, orderly=orderly)
            if self.connection is not None:
                self.world.broker.close(self.connection, told=True, after_s=UNPLUGGED_S if cut else 0.02)
            if cut:
                self.device.card.cut()
            self.world.device_died(self.device, cut=cut)

    def stop(self) -> None:
        """In order, as systemd asks: what is in memory goes to the card, then farewell."""
        self._guarded(lambda: self.loop.end(self.parts))
        if self.alive:
            farewell = self.loop.farewell()
            self.link.publish(Kind.STATE, farewell)
            if self.connection is not None:
                self.world.broker.close(self.connection, told=False)
            self.connection = None
            self.die(cut=False, orderly=True)

    # --- what the loop and the link see ---

    def mono_ms(self) -> int:
        return self.device.mono_ms()

    def now(self) -> e.Clock:
        device = self.device
        return e.Clock(device.boot, max(device.wall_ms(), 0), device.err_ms, device.quality)

    def show(self, pattern: e.Pattern, reader: str = "", **marks: str | int) -> None:
        self.device.step()
        n = int(marks.get("n", 0))
        if n:
            self.world.oracle.lit((self.name, self.inc, n), reader, pattern, self.device.card)
        elif pattern in OPEN_PATTERNS:
            self.world.oracle.repeated(self.name, reader, pattern, self.tapping)

    def pulse(self, reader: str, ms: int, **marks: str | int) -> None:
        self.device.step()
        self.world.oracle.pulsed(self.name, reader)

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:
        """The paho client of the real link: bytes to the broker."""
        self.device.step()
        if topic == self._scans:
            self.world.oracle.tells(self.name)
        elif topic == self._asks:
            question = codec.decode(payload, Ask | WantPart)
            self.world.oracle.asks(self.name, question.q if isinstance(question, Ask) else 0)
        if self.connection is not None:
            self.world.broker.publish(self.connection, topic, payload, retain=retain)

    def socket(self) -> None:
        """The link sets options on the socket of its client; this one has none."""

    def _card_failed(self, _reason: str) -> None:
        self.die(cut=False)
        raise CutError

    # --- events ---

    def read(self, who: Any, reader: str) -> None:
        """A reader finished a read."""
        self._put(e.ReadIn(reader, e.Tag(who.badge), self.now(), self.world.random16()), who)

    def _hear_event(self, event: e.Event) -> None:
        self._put(event, None)

    def _put(self, event: e.Event, who: Any) -> None:
        self.queue.append((event, who))
        if not self._pumping:
            self._pumping = True
            slow_s = self.device.card.slow_s
            if slow_s and self.world.chance.random() < 0.3:
                self.world.struck(Fault.SLOW_CARD)
                self.world.loop.after_s(self.world.chance.random() * slow_s, self._pump)
            else:
                self.world.loop.call_soon(self._pump)

    def _pump(self) -> None:
        """The loop's thread gets its turn."""
        self._pumping = False
        while self.queue and self.alive:
            event, who = self.queue.popleft()
            self._guarded(partial(self._turn, event, who))
        if self.alive:
            self._rearm()

    def _turn(self, event: e.Event, who: Any) -> None:
        self._noticed(event)
        if who is None:
            self.loop.turn(self.parts, event)
            return
        assert isinstance(event, e.ReadIn)
        key = (self.name, self.inc, self.loop.state.n + 1)
        self.tapping = who
        self.world.oracle.tapped(key, who, event.reader)
        try:
            self.loop.turn(self.parts, event)
        finally:
            self.tapping = None
            if self.loop.state.n < key[2]:
                self.world.oracle.merged(key)

    def _noticed(self, event: e.Event) -> None:
        """What the oracle hears of the hub at the very moment at which the device takes notice of it."""
        oracle = self.world.oracle
        match event:
            case e.HubChanged():
                oracle.hears(self.name, event.state.session if event.state.status is Status.ON else "")
            case e.SettledIn() if event.message.session == self.loop.state.session:
                oracle.is_told(self.name, event.message.q)
            case e.LinkDown():
                oracle.hears(self.name, "")

    def _guarded(self, work: Any) -> None:
        """A device that dies in the middle of its turn does nothing more."""
        try:
            work()
        except CutError:
            assert not self.alive, "only this process can have died here"

    def _due_ms(self) -> int:
        due_ms = station.wake_ms(self.loop.state)
        return min(due_ms, self.loop._health_ms + HEALTH_PAUSE_MS) if self.loop._health_due else due_ms

    def _rearm(self) -> None:
        at_s = max(self.device.boot_s + (self._due_ms() - FIRST_MONO_MS) / 1000 + 1e-4, self.world.loop.now_s)
        if self._timer is None or at_s < self._timer.when():
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self.world.loop.call_at(at_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if not self.alive:
            return
        if self.loop._health_due or self.mono_ms() >= station.wake_ms(self.loop.state):
            now_ms, count = self.mono_ms(), self._ticks[1] + 1
            self._ticks = (now_ms, count if self._ticks[0] == now_ms else 1)
            if self._ticks[1] > BUSY_TICKS:
                self.world.fail(f"the loop of {self.name} is busy with itself")
            self._put(e.Tick(), None)
        else:
            self._rearm()

    # --- the connection ---

    def _knock(self) -> None:
        if not self.alive or self.connection is not None:
            return
        session = self.world.random16()
        will = (topics.topic(self.name, Kind.STATE), codec.encode(State(status=Status.LOST, session=session, inc=self.inc)))
        connection = Connection(self.name, self._wants, will, self._hear, self._lost)
        if self.world.broker.connect(connection):
            self.connection = connection
            self.link._session, self.link._up = session, True
            self._put(e.LinkUp(session), None)
        else:
            self.world.loop.after_s(self.world.chance.uniform(*KNOCK_S), self._knock)

    def _wants(self, topic: str) -> bool:
        return topic in self._own

    def _hear(self, topic: str, payload: bytes, retained: bool) -> None:
        if not self.alive or self.connection is None:
            return
        event = self.link._event(topic, payload, retained=retained)
        if isinstance(event, str):
            self.world.fail(f"{self.name} dropped a message of {topic}: {event}")
        elif isinstance(event, e.CommandIn):
            self._put(replace(event, nonce=self.world.random16()), None)
        elif event is not None:
            self._put(event, None)

    def _lost(self) -> None:
        if self.alive and self.connection is not None:
            self.connection, self.link._up = None, False
            self._put(e.LinkDown(), None)
            self.world.loop.after_s(self.world.chance.uniform(*KNOCK_S), self._knock)
