"""The least that these parts can take: a hub that does not think. It holds no target; it tells what one could be met by.

`python -m tests.bench.least run --config FILE` is that hub: paho on the loop, for each scan a row of a scan's size through aiosqlite in a
file like the journal's, and a verdict once it is on disk. It decodes nothing, knows nobody, and never says no. `Ledger` is the same for
the desk: a dict of balances, one fact as JSON, one row for all that wait. Whatever a rule, a book or a check costs comes on top.
"""

import argparse
import asyncio
import contextlib
import gc
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Generic, TypeVar

import aiosqlite
import msgspec

from hub.__main__ import SWITCH_S
from hub.broker import HUB_USER, EmbeddedBroker
from hub.broker import Account as BrokerAccount
from hub.core.codes import Code
from hub.keys import device_password, hub_password, load_master
from hub.mqtt import Account, Listener, Wire
from hub.notify import READY, notify
from hub.settings import Settings, load
from proto import codec, topics
from proto.messages import HubState, Light, Status, Verdict, VerdictMessage
from proto.topics import Kind
from tests.bench import school

BODY = bytes(470)
"""As long as the facts of a scan with its charge."""
HASH = b"h" * 32
SESSION = "a" * 16
CALLS, CALL_S = 20, 0.5
"""At its start it says so often, and so far apart, that it is there: it knows nobody, so it cannot know who has missed it."""
_SESSION = re.compile(rb'"session":"([0-9a-f]{16})"')
_RECORD = re.compile(rb'"inc":"([0-9a-f]{16})","n":(\d+)')


Item = TypeVar("Item")

pack_debits = msgspec.json.Encoder().encode
"""As a journal packs its facts."""


@contextlib.asynccontextmanager
async def rows_file(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    """A file as a journal's is: one row, one commit, one sync."""
    async with aiosqlite.connect(path, isolation_level=None, timeout=0) as db:
        for setting in ("page_size=2048", "cell_size_check=ON", "journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=0"):
            await db.execute_fetchall(f"PRAGMA {setting}")
        await db.execute("CREATE TABLE journal (number INTEGER PRIMARY KEY, before BLOB, body BLOB NOT NULL, hash BLOB) STRICT")
        yield db


@dataclass
class Rows(Generic[Item]):
    """Whatever waits goes into one row; a callback is called when its item is on disk."""

    db: aiosqlite.Connection
    pack: Callable[[Sequence[Item]], bytes]
    _number: int = 0
    _items: list[Item] = field(default_factory=list)
    _callbacks: list[Callable[[], None]] = field(default_factory=list)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def append(self, item: Item, callback: Callable[[], None]) -> None:
        """For the next row."""
        self._items.append(item)
        self._callbacks.append(callback)
        self._woken.set()

    async def write(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._items:
                items, callbacks = self._items, self._callbacks
                self._items, self._callbacks, self._number = [], [], self._number + 1
                body = self.pack(items)
                row = (self._number, HASH, body, blake2b(HASH + body, digest_size=32).digest())
                await self.db.execute("INSERT INTO journal VALUES (?, ?, ?, ?)", row)
                for callback in callbacks:
                    callback()

    async def tidy(self) -> None:
        """Empty the log into the file. Nothing may wait meanwhile."""
        await self.db.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")


@contextlib.asynccontextmanager
async def rows_written(path: Path, pack: Callable[[Sequence[Item]], bytes]) -> AsyncIterator[Rows[Item]]:
    """A new file, and its writer."""
    async with rows_file(path) as db:
        rows = Rows(db, pack)
        writer = asyncio.create_task(rows.write())
        try:
            yield rows
        finally:
            writer.cancel()


# --- in place of the desk ------------------------------------------------------------------------


class Debited(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is kept of a debit."""

    ask: int
    wallet: int
    cents: int
    at_ms: int


@dataclass(slots=True)
class Ledger:
    """Balances in a dict: once for each ask, never below nothing."""

    rows: Rows[Debited]
    cents: dict[int, int]
    asks: set[int] = field(default_factory=set)

    def debit(self, debited: Debited, done: Callable[[], None]) -> bool:
        """False, and nothing else, for an ask that is known or too little money."""
        left = self.cents[debited.wallet] - debited.cents
        if debited.ask in self.asks or left < 0:
            return False
        self.cents[debited.wallet] = left
        self.asks.add(debited.ask)
        self.rows.append(debited, done)
        return True


# --- in place of the hub -------------------------------------------------------------------------


@dataclass(slots=True)
class Hub:
    """A verdict for each scan once a row is on disk."""

    rows: Rows[bytes]
    wire: Wire | None = None

    def come(self) -> None:
        """Be seen by all devices."""
        self._publish(topics.HUB, _state(Status.ON), qos=1, retain=True)

    def heard(self, topic: str, payload: bytes, _retained: bool) -> None:
        """A scan; its device is in the topic, its number and its session are picked out of the bytes."""
        device, kind = topic.split("/")[-2:]
        session, record = _SESSION.search(payload), _RECORD.search(payload)
        if kind != Kind.SCAN or session is None or record is None:
            return
        verdict = Verdict(record[1].decode(), int(record[2]), Light.ACCEPTED, Code.SEEN)
        answer = codec.encode(VerdictMessage(session=session[1].decode(), verdicts=[verdict]))
        self.rows.append(BODY, lambda: self._publish(topics.topic(device, Kind.VERDICT), answer))

    def _publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        if self.wire is not None:
            self.wire.publish(topic, payload, qos=qos, retain=retain)


def _state(status: Status) -> bytes:
    return codec.encode(HubState(status=status, session=SESSION))


async def serve(settings: Settings) -> None:
    """Until SIGTERM."""
    data, place = Path(settings.hub.data), settings.broker
    master = load_master(data / "master.key")
    account = Account(place.host, place.port, HUB_USER, hub_password(master))
    async with contextlib.AsyncExitStack() as stack:
        if place.kind == "embedded":
            devices = [BrokerAccount(name, device_password(master, name, 1)) for name in (school.EDGE, *school.SCRIPTED)]
            broker = EmbeddedBroker(place.host, place.port, data / "broker", BrokerAccount(HUB_USER, account.password), devices)
            await broker.start()
            stack.push_async_callback(broker.stop)
        hub = Hub(await stack.enter_async_context(rows_written(data / "least.db", b"".join)))
        filters = [topics.everyone(kind) for kind in topics.FROM_DEVICE]
        hub.wire = Wire(account, Listener(hub.come, lambda: None, hub.heard), filters)
        hub.wire.start((topics.HUB, _state(Status.LOST)))
        stack.push_async_callback(hub.wire.close, (topics.HUB, _state(Status.OFF)))
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        gc.freeze()
        notify(READY)
        for _ in range(CALLS):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), CALL_S)
            hub.come()
        await ended.wait()


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.least")
    parser.add_argument("run")
    parser.add_argument("--config", type=Path, required=True)
    sys.setswitchinterval(SWITCH_S)
    asyncio.run(serve(load(parser.parse_args().config)))


if __name__ == "__main__":
    main()
