"""Scripted devices: many on one loop, each with its own connection, speaking proto as an edge does. They time the hub's part alone."""

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from hub.core.codes import Code
from hub.mqtt import Account, Listener, Wire
from proto import codec, topics
from proto.messages import HubState, Scan, ScanMessage, State, Status, VerdictMessage
from proto.topics import Kind
from tests.bench.pace import passed
from tests.bench.school import READER
from tests.bench.world import World

WAIT_S = 30.0
ASK_AGAIN_S = 0.7
"""QoS 0 may lose a message, and a device asks again after its deadline; the clock of that tap goes on."""


@dataclass
class Scripted:
    """One device. `tap` sends a scan; `took_ms` gets one figure for each verdict, in order of arrival."""

    account: Account
    session: str
    took_ms: list[float] = field(default_factory=list)
    sent_ns: dict[int, int] = field(default_factory=dict)
    """Number of a scan -> when it was sent, by the monotonic clock."""
    _open: dict[int, bytes] = field(default_factory=dict)
    """What was sent and is not answered."""
    _wrong: list[str] = field(default_factory=list)
    _n: int = 0

    def __post_init__(self) -> None:
        filters = [topics.HUB, topics.topic(self.account.user, Kind.VERDICT)]
        self._wire = Wire(self.account, Listener(lambda: None, lambda: None, self._heard), filters)
        self._born = asyncio.Event()
        self._answered = asyncio.Event()

    async def start(self) -> None:
        """Connect, see the hub, be born."""
        self._wire.start((self._topic(Kind.STATE), self._state(Status.LOST)))
        async with asyncio.timeout(WAIT_S):
            while not self._born.is_set():
                try:
                    await asyncio.wait_for(self._born.wait(), ASK_AGAIN_S)
                except TimeoutError:
                    self._bear()

    async def stop(self) -> None:
        await self._wire.close((self._topic(Kind.STATE), self._state(Status.OFF)))

    def tap(self, badge: str) -> None:
        """One scan, now."""
        self._n += 1
        now_ms = time.monotonic_ns() // 1_000_000
        scan = Scan(inc=self.session, n=self._n, reader=READER, badge=badge, boot=self.session, mono_ms=now_ms, wall_ms=0)
        message = ScanMessage(session=self.session, q=self._n, boot=self.session, mono_ms=now_ms, records=[scan])
        self._open[self._n] = payload = codec.encode(message)
        self.sent_ns[self._n] = time.monotonic_ns()
        self._wire.publish(self._topic(Kind.SCAN), payload)

    def ask_again(self) -> None:
        """What is open is sent once more, in order."""
        for payload in self._open.values():
            self._wire.publish(self._topic(Kind.SCAN), payload)

    async def answered(self) -> None:
        """Until nothing is open."""
        async with asyncio.timeout(WAIT_S):
            while self._open:
                self._answered.clear()
                try:
                    await asyncio.wait_for(self._answered.wait(), ASK_AGAIN_S)
                except TimeoutError:
                    self.ask_again()
        assert not self._wrong, f"not the rule that is measured: {self._wrong}"

    def _heard(self, topic: str, payload: bytes, _retained: bool) -> None:
        if topic == topics.HUB:
            if codec.decode(payload, HubState).status is Status.ON:  # type: ignore[union-attr]
                self._bear()
                self._born.set()
            return
        now_ns = time.monotonic_ns()
        message = codec.decode(payload, VerdictMessage)
        assert isinstance(message, VerdictMessage), f"not a verdict: {payload!r}"
        for verdict in message.verdicts:
            if self._open.pop(verdict.n, None) is not None:  # else it was asked for twice
                self._wrong += [verdict.code] if verdict.code != Code.SEEN else []
                self.took_ms.append((now_ns - self.sent_ns[verdict.n]) / 1e6)
        self._answered.set()

    def _bear(self) -> None:
        """Tell the birth. Two that come at the same moment may be told nothing of each other by a broker: then a hub calls again."""
        if self._wire.up:
            self._wire.publish(self._topic(Kind.STATE), self._state(Status.ON), qos=1, retain=True)

    def _topic(self, kind: Kind) -> str:
        return topics.topic(self.account.user, kind)

    def _state(self, status: Status) -> bytes:
        return codec.encode(State(status=status, session=self.session, inc=self.session))


@contextlib.asynccontextmanager
async def present(there: World, name: str) -> AsyncIterator[Scripted]:
    """A device that has come, and goes afterwards."""
    device = Scripted(Account("127.0.0.1", there.port, name, there.devices[name]), secrets.token_hex(8))
    await device.start()
    try:
        yield device
    finally:
        await device.stop()


async def one_by_one(device: Scripted, badges: Sequence[str], pause_s: float) -> list[float]:
    """Each tap after the answer to the one before; ms from scan to verdict."""
    before = len(device.took_ms)
    for badge in badges:
        device.tap(badge)
        await device.answered()
        await passed(pause_s)
    return device.took_ms[before:]


async def together(devices: Sequence[Scripted], badges: Sequence[str], per_s: float) -> list[float]:
    """Taps at random moments (always the same ones), `per_s` a second over all devices, whether or not others wait."""
    moments = random.Random(1)
    before = [len(device.took_ms) for device in devices]
    due_s = time.monotonic()
    for badge in badges:
        due_s += moments.expovariate(per_s)
        await passed(max(0.0, due_s - time.monotonic()))
        moments.choice(devices).tap(badge)
    for device in devices:
        await device.answered()
    return [took for device, size in zip(devices, before, strict=True) for took in device.took_ms[size:]]


async def at_once(devices: Sequence[Scripted], badges: Sequence[str], pause_s: float) -> list[float]:
    """Volleys: every device taps in the same instant, and again when all have their verdicts; ms from scan to verdict."""
    before = [len(device.took_ms) for device in devices]
    for first in range(0, len(badges), len(devices)):
        for device, badge in zip(devices, badges[first : first + len(devices)], strict=False):
            device.tap(badge)
        for device in devices:
            await device.answered()
        await passed(pause_s)
    return [took for device, size in zip(devices, before, strict=True) for took in device.took_ms[size:]]
