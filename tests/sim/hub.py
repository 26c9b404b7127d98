"""The hub in the simulated world: the real desk, link, orders, rules and books on a simulated disk and wire. It lives many times.

Pages, history and mail are not here; the office speaks to the desk as the pages do.
"""

import asyncio
import itertools
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from hub.clock import Clock
from hub.core.school import Device
from hub.desk import Desk
from hub.fleet import Fleet
from hub.keeping import keep_up
from hub.link import Link
from hub.mqtt import Listener
from hub.orders import Orders
from proto import codec, topics
from proto.messages import VerdictMessage
from tests import schools
from tests.sim.broker import Connection
from tests.sim.disk import DiskJournal, DiskRegister, HubDisk

if TYPE_CHECKING:
    from tests.sim.world import World

UPKEEP_S = 60.0
RETRY_S = (0.2, 5.0)
UNPLUGGED_S = 15.0
"""Until the broker misses a hub or device that lost its power."""


def password(device: Device) -> str:
    """What device and hub share."""
    return f"password of {device.id} {device.generation}"


class HubWire:
    """What the link needs of mqtt.Wire, on the simulated broker."""

    def __init__(self, life: "HubLife", listener: Listener, filters: list[str]) -> None:
        self._life = life
        self._listener = listener
        self._kinds = frozenset(one.rsplit("/", 1)[1] for one in filters)
        self._will = ("", b"")
        self._closed = False
        self.connection: Connection | None = None
        self.up = False

    def start(self, will: tuple[str, bytes]) -> None:
        self._will = will
        self._again(0.05, 0.3)

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        if self._life.alive and self.up and self.connection is not None:
            self._life.step()
            if b'"grant"' in payload:
                self._granted(topic, payload)
            self._life.world.broker.publish(self.connection, topic, payload, retain=retain)

    async def close(self, farewell: tuple[str, bytes]) -> None:
        self.publish(*farewell, qos=1, retain=True)
        self._closed, self.up = True, False
        if self.connection is not None:
            self._life.world.broker.close(self.connection, told=False)

    def _wants(self, topic: str) -> bool:
        return topic.rsplit("/", 1)[1] in self._kinds

    def _knock(self) -> None:
        if not self._life.alive or self._closed:
            return
        connection = Connection("hub", self._wants, self._will, self._hear, self._lost)
        if self._life.world.broker.connect(connection):
            self.connection, self.up = connection, True
            self._listener.up()
        else:
            self._again(*RETRY_S)

    def _again(self, least_s: float, most_s: float) -> None:
        world = self._life.world
        world.loop.after_s(world.chance.uniform(least_s, most_s), self._knock)

    def _lost(self) -> None:
        if self._life.alive and self.up:
            self.up = False
            self._listener.down()
            self._again(*RETRY_S)

    def _hear(self, topic: str, payload: bytes, retained: bool) -> None:
        if self._life.alive and self.up:
            self._listener.message(topic, payload, retained)

    def _granted(self, topic: str, payload: bytes) -> None:
        address, message = topics.address(topic), codec.decode(payload, VerdictMessage)
        assert address is not None
        assert isinstance(message, VerdictMessage)
        for verdict in message.verdicts:
            if verdict.grant is not None:
                self._life.world.oracle.granted((address.device, verdict.inc, verdict.n))


class HubLife:
    """One process: from the replay of its journal to its death."""

    name = "hub"

    def __init__(self, world: "World", disk: HubDisk) -> None:
        self.world = world
        self.disk = disk
        self.alive = True
        self.fuse = 0
        """Steps until it dies; 0: it does not."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self.journal = DiskJournal(self, disk)
        world.oracle.found(disk.unsure())
        books = disk.opened()
        self.desk = Desk(disk.school, books, self.journal, DiskRegister(self, disk))
        self.clock = Clock(wall_ns=lambda: world.hub_wall_ms() * 1_000_000, mono_ns=lambda: int(world.loop.now_s * 1e9))
        self.wire: HubWire | None = None
        orders = Orders(schools.BADGE_KEY, password, lambda device: world.fail(f"{device} was taken for a clone"))
        self.link = Link(self.desk, Fleet(), orders, self.clock, self._connect, world.random16)
        self.link.start()
        self._tell_set_up()
        self.desk.watch(lambda facts: None if facts else self._tell_set_up())
        self.task(self._upkeep())

    def step(self) -> None:
        """A point at which this process may die."""
        self.world.step(self)

    def task(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Something this process does; it ends with it."""
        task = self.world.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def die(self, *, cut: bool) -> None:
        """Without a warning."""
        if self.alive:
            self._hold_against_replay()
            self._end()
            if self.wire is not None and self.wire.connection is not None:
                after_s = UNPLUGGED_S if cut else 0.02
                self.world.broker.close(self.wire.connection, told=True, after_s=after_s)
            if cut:
                self.disk.cut(kept=self.world.chance.random() < 0.3)
            self.world.hub_died(cut=cut)

    async def stop(self) -> None:
        """In order: what waits is written, and the hub says that it goes."""
        await self.link.stop()
        await self.desk.seen()
        if self.alive:
            self._hold_against_replay()
            self._end()
            self.world.hub_died(cut=False)

    def _tell_set_up(self) -> None:
        """An edit is seen by all at once; what was decided before it was decided without it."""
        self.world.oracle.witness.set_up(self.desk.books.number, self.desk.school)

    def _hold_against_replay(self) -> None:
        """The books must hold all that is durable, and what waits to be. Who starts next has what was replayed, if it finds just that."""
        waits = self.journal.pending()
        replayed = self.world.check_books([*self.disk.facts(), *waits], self.desk.books)
        if not waits:
            self.disk.keep(replayed)

    def _end(self) -> None:
        self.alive = False
        current = asyncio.current_task(self.world.loop)
        for task in itertools.chain(tuple(self._tasks), tuple(self.desk._running)):
            if task is not current:
                task.cancel()

    def _connect(self, listener: Listener, filters: list[str]) -> HubWire:
        self.wire = HubWire(self, listener, filters)
        return self.wire

    async def _upkeep(self) -> None:
        """As hub.run does: what time alone brings; renew rosters that grow old."""
        while True:
            await keep_up(self.desk, self.world.random63, self.clock.now_ms())
            self.link.republish()
            await self.world.loop.pause(UPKEEP_S)
