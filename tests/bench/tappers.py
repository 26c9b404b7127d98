"""Fifty devices that cost next to nothing: what a device says to the broker, as bytes, and a tap behind each verdict.

Where it is counted how much a hub can do, the fifty stand for fifty machines: with paho they needed more of this one than the hub did, and
what was counted was how fast they can tap. Only what such a device needs of MQTT 3.1.1 (OASIS standard, chapters 2 and 3) is spoken here.
"""

import asyncio
import contextlib
import secrets
import struct
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field

from hub.core.codes import Code
from hub.mqtt import Account
from proto import codec, topics
from proto.messages import HubState, Scan, ScanMessage, State, Status, VerdictMessage
from proto.topics import Kind
from tests.bench.devices import ASK_AGAIN_S, WAIT_S
from tests.bench.school import READER
from tests.bench.world import World

_CONNECT, _PUBLISH, _SUBSCRIBE = 0x10, 0x30, 0x82
_CONNACK, _PUBLISHED = 2, 3
"""Kinds of packets as they come: the upper half of the first byte."""
_NAMED = 0xC2
"""With name and password, and nothing kept of an earlier session."""
_AT_LEAST_ONCE, _RETAIN = 0x02, 0x01
_U16 = struct.Struct(">H")
CHUNK_BYTES = 65_536
"""Read at once: more than fifty verdicts."""


def packet(first: int, body: bytes) -> bytes:
    """A whole packet: the length goes in front, seven bits a byte."""
    left, length = len(body), bytearray()
    while True:
        left, low = divmod(left, 0x80)
        length.append(low | (0x80 if left else 0))
        if not left:
            return bytes((first, *length)) + body


def packets(buffer: bytearray) -> Iterator[tuple[int, bytes]]:
    """The whole packets at the head of a buffer, first byte and body; they are taken out of it."""
    while len(buffer) > 1:
        length, at = 0, 1
        while at < len(buffer):
            length |= (buffer[at] & 0x7F) << 7 * (at - 1)
            at += 1
            if not buffer[at - 1] & 0x80:
                break
        else:
            return
        if len(buffer) < at + length:
            return
        yield buffer[0], bytes(buffer[at : at + length])
        del buffer[: at + length]


def _text(value: str) -> bytes:
    data = value.encode()
    return _U16.pack(len(data)) + data


@dataclass
class Tapper:
    """One device. While `keep_tapping`, each verdict is followed by the next tap; `answered` counts verdicts."""

    account: Account
    session: str = field(default_factory=lambda: secrets.token_hex(8))
    answered: int = 0
    _badges: Iterator[str] = field(default_factory=lambda: iter(()))
    _until_s: float = 0.0
    _open: bytes = b""
    """The packet that waits for its verdict."""
    _sent_s: float = 0.0
    _n: int = 0
    _wrong: str = ""

    def __post_init__(self) -> None:
        self.born, self.still = asyncio.Event(), asyncio.Event()
        self._scans = _text(topics.topic(self.account.user, Kind.SCAN))
        self._verdicts = topics.topic(self.account.user, Kind.VERDICT).encode()
        self._hub = topics.HUB.encode()

    async def connect(self) -> None:
        """Sign in, and listen from then on; `born` is set when the hub was seen and has been told."""
        reading, self._writing = await asyncio.open_connection(self.account.host, self.account.port, limit=CHUNK_BYTES)
        names = (self.account.user, self.account.user, self.account.password)
        self._writing.write(packet(_CONNECT, _text("MQTT") + bytes((4, _NAMED, 0, 0)) + b"".join(_text(name) for name in names)))
        self._listening = asyncio.create_task(self._listen(reading))

    async def _listen(self, reading: asyncio.StreamReader) -> None:
        buffer = bytearray()
        while chunk := await reading.read(CHUNK_BYTES):
            buffer += chunk
            for first, body in packets(buffer):
                self._came(first >> 4, body)
        self._wrong = self._wrong or "the broker hung up"

    def _came(self, kind: int, body: bytes) -> None:
        if kind == _PUBLISHED:
            end = 2 + _U16.unpack_from(body)[0]
            self._heard(body[2:end], body[end:])
        elif kind == _CONNACK:
            self._wrong = f"refused: {body!r}" if body[1] else ""
            wanted = b"".join(_text(name.decode()) + b"\0" for name in (self._hub, self._verdicts))
            self._writing.write(packet(_SUBSCRIBE, _U16.pack(1) + wanted))

    def keep_tapping(self, badges: Iterator[str], until_s: float) -> None:
        """Begin; `still` is set once the last verdict is there. The first tap counts, however late it is."""
        self._badges, self._until_s, self.answered = badges, until_s, 0
        self.still.clear()
        self._tap()

    def ask_again(self) -> None:
        """QoS 0 may lose a message, and a device asks again after its deadline."""
        if self._open and time.monotonic() - self._sent_s > ASK_AGAIN_S:
            self._writing.write(self._open)

    def bear(self) -> None:
        """Tell the birth, as a device does when it sees the hub."""
        payload = codec.encode(State(status=Status.ON, session=self.session, inc=self.session))
        topic = _text(topics.topic(self.account.user, Kind.STATE))
        self._writing.write(packet(_PUBLISH | _AT_LEAST_ONCE | _RETAIN, topic + _U16.pack(1) + payload))

    def failed(self) -> str:
        """What went wrong; nothing, in a measurement that counts."""
        return self._wrong

    def leave(self) -> None:
        """Hang up."""
        self._listening.cancel()
        self._writing.close()

    def _tap(self) -> None:
        self._n += 1
        self._sent_s = time.monotonic()
        now_ms = int(self._sent_s * 1000)
        scan = Scan(inc=self.session, n=self._n, reader=READER, badge=next(self._badges), boot=self.session, mono_ms=now_ms, wall_ms=0)
        message = ScanMessage(session=self.session, q=self._n, boot=self.session, mono_ms=now_ms, records=[scan])
        self._open = packet(_PUBLISH, self._scans + codec.encode(message))
        self._writing.write(self._open)

    def _heard(self, topic: bytes, payload: bytes) -> None:
        if topic == self._hub:
            if codec.decode(payload, HubState).status is Status.ON:  # type: ignore[union-attr]
                self.bear()
                self.born.set()
            return
        message = codec.decode(payload, VerdictMessage)
        assert isinstance(message, VerdictMessage), f"not a verdict: {payload!r}"
        for verdict in message.verdicts:
            if verdict.n == self._n and self._open:  # else it was asked for twice
                self._open = b""
                self.answered += 1
                self._wrong = self._wrong or ("" if verdict.code == Code.SEEN else verdict.code)
        if self._open:
            return
        if time.monotonic() < self._until_s:
            self._tap()
        else:
            self.still.set()


@contextlib.asynccontextmanager
async def present(there: World, names: Sequence[str]) -> AsyncIterator[list[Tapper]]:
    """Devices that have come and been seen by the hub, and go afterwards."""
    crowd = [Tapper(Account("127.0.0.1", there.port, name, there.devices[name])) for name in names]
    try:
        async with asyncio.timeout(WAIT_S):
            for one in crowd:
                await one.connect()
            for one in crowd:
                await one.born.wait()
        yield crowd
    finally:
        for one in crowd:
            one.leave()


async def taps_per_s(crowd: Sequence[Tapper], badges: Iterator[str], seconds: float) -> float:
    """All of them, each as fast as it gets its verdicts."""
    since_s = time.monotonic()
    for one in crowd:
        one.keep_tapping(badges, since_s + seconds)
    async with asyncio.timeout(seconds + WAIT_S):
        for one in crowd:
            while not one.still.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(one.still.wait(), ASK_AGAIN_S)
                for late in crowd:
                    late.ask_again()
    wrong = {one.failed() for one in crowd} - {""}
    assert not wrong, f"not the rule that is measured: {wrong}"
    return sum(one.answered for one in crowd) / (time.monotonic() - since_s)
