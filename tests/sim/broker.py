"""The broker and the wires to it: messages lost, doubled, late, overtaken; connections cut; a memory that dies with its process.

What MQTT promises is kept: one publisher's messages of a retained topic arrive in order. Nothing else is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proto import topics
from tests.sim.faults import Fault

if TYPE_CHECKING:
    from tests.sim.world import World

Hear = Callable[[str, bytes, bool], None]
KEEPALIVE_S = (10.0, 15.0)
"""When a cut is noticed at either end."""
FAULTY = (Fault.LOST, Fault.DOUBLED, Fault.LATE, Fault.REORDERED)
SHARE = 0.04
"""Of all messages, for each of these faults."""


@dataclass(eq=False, slots=True)
class Connection:
    """One client that is let in. `cut`: its packets go nowhere, and nobody knows yet."""

    client: str
    wants: Callable[[str], bool]
    will: tuple[str, bytes]
    hear: Hear
    lost: Callable[[], None]
    open: bool = True
    cut: bool = False
    last_s: dict[str, float] = field(default_factory=dict)
    """Topic -> when its last ordered message arrives."""
    newest: int = 0


class Broker:
    """One broker through its lives."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._loop = world.loop
        self._chance = world.chance
        self._sent = 0
        self._faults: tuple[tuple[float, Fault], ...] = ()
        self.up = True
        self.clients: dict[str, Connection] = {}
        self.retained: dict[str, bytes] = {}
        self.cut: set[str] = set()
        """Clients that cannot be reached."""

    def storm(self, faults: frozenset[Fault]) -> None:
        """Which messages go wrong from now on."""
        chosen = [fault for fault in FAULTY if fault in faults]
        self._faults = tuple(((number + 1) * SHARE, fault) for number, fault in enumerate(chosen))

    def connect(self, connection: Connection) -> bool:
        """Let a client in; it gets what is retained. A second one of the same name takes the first one's place, and its will is said."""
        if not self.up or connection.client in self.cut:
            return False
        old = self.clients.pop(connection.client, None)
        if old is not None:
            self._end(old, told=True)
        self.clients[connection.client] = connection
        for topic, payload in self.retained.items():
            if connection.wants(topic):
                self._carry(connection, topic, payload, retained=True)
        return True

    def publish(self, source: Connection, topic: str, payload: bytes, *, retain: bool) -> None:
        """One message to everybody who wants it."""
        if not source.open or not self.up:
            return
        if source.cut:
            self._world.struck(Fault.PARTITION)
            return
        if retain:
            self.retained[topic] = payload
        for target in tuple(self.clients.values()):
            if target.wants(topic):
                self._carry(target, topic, payload, retained=False)

    def close(self, connection: Connection, *, told: bool, after_s: float = 0.0) -> None:
        """A client goes; `told`: its will is published, once the broker has noticed."""
        connection.cut = True
        self._loop.after_s(after_s, self._drop, connection, told)

    def die(self) -> None:
        """The process ends: nobody is told anything, what it kept in memory is gone."""
        self.up = False
        self.retained.clear()
        clients, self.clients = self.clients, {}
        for connection in clients.values():
            connection.open = False
            self._loop.after_s(self._chance.uniform(0.01, 0.2), connection.lost)

    def partition(self, client: str) -> None:
        """Nothing goes between this client and the broker; both notice after a while."""
        self.cut.add(client)
        connection = self.clients.get(client)
        if connection is not None:
            connection.cut = True
            self._loop.after_s(self._chance.uniform(*KEEPALIVE_S), self._unheard, connection)

    def heal(self, client: str) -> None:
        """Packets go through again; a connection nobody missed goes on."""
        self.cut.discard(client)
        connection = self.clients.get(client)
        if connection is not None and connection.open:
            connection.cut = False

    def _unheard(self, connection: Connection) -> None:
        if connection.open and connection.cut:
            self._drop(connection, told=True)
            connection.lost()

    def _drop(self, connection: Connection, told: bool) -> None:
        if connection.open:
            if self.clients.get(connection.client) is connection:
                del self.clients[connection.client]
            self._end(connection, told=told)

    def _end(self, connection: Connection, *, told: bool) -> None:
        connection.open = False
        if told and self.up:
            topic, payload = connection.will
            self.retained[topic] = payload
            for target in tuple(self.clients.values()):
                if target.wants(topic):
                    self._carry(target, topic, payload, retained=False)

    def _carry(self, target: Connection, topic: str, payload: bytes, *, retained: bool) -> None:
        """On its way, with what the weather makes of it."""
        copies, delay_s = 1, 0.001 + 0.004 * self._chance.random()
        fault = self._weather()
        ordered = topic.endswith(topics.Kind.STATE) or topic == topics.HUB or topic.rsplit("/", 1)[1] in topics.RETAINED
        if fault is Fault.LOST:
            self._world.struck(fault)
            return
        if fault is Fault.DOUBLED:
            self._world.struck(fault)
            copies = 2
        elif fault is Fault.LATE:
            self._world.struck(fault)
            delay_s += self._chance.uniform(1.0, 8.0)
        elif fault is Fault.REORDERED:
            delay_s += self._chance.uniform(0.02, 0.9)
        at_s = self._loop.now_s + delay_s
        for _ in range(copies):
            self._sent += 1
            if ordered:
                at_s = max(at_s, target.last_s.get(topic, 0.0) + 1e-6)
                target.last_s[topic] = at_s
            self._loop.call_at(at_s, self._arrive, target, topic, payload, retained, self._sent)
            at_s += self._chance.choice((0.001, 0.05, 0.5, 3.0)) if copies > 1 and not ordered else 0.001

    def _weather(self) -> Fault | None:
        drawn = self._chance.random()
        return next((fault for below, fault in self._faults if drawn < below), None) if self._faults else None

    def _arrive(self, target: Connection, topic: str, payload: bytes, retained: bool, number: int) -> None:
        if not target.open:
            return
        if target.cut:
            self._world.struck(Fault.PARTITION)
            return
        if number < target.newest and Fault.REORDERED in self._world.plan.faults:
            self._world.struck(Fault.REORDERED)
        target.newest = max(target.newest, number)
        target.hear(topic, payload, retained)
