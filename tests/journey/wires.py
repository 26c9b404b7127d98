"""The four wires between a device and its broker: whole, byte by byte, lossy and repeating, delayed. A TCP proxy that knows MQTT packets.

TCP itself loses nothing, so a lossy wire does what a bad network does to the people at its ends: whole messages of QoS 0 vanish or come
twice, and now and then the connection breaks in the middle of a packet. What happens when is drawn from the seed, per direction.
"""

import asyncio
import enum
import random
import socket
from collections import Counter
from dataclasses import dataclass, field

from tests.demo.pace import after

PUBLISH = 3
QOS_BITS = 0b0110
"""Of a PUBLISH packet's first byte (MQTT 3.1.1, 3.3.1)."""
CHUNK_BYTES = 65_536
LOSS, REPEAT = 0.25, 0.25
"""Of the QoS 0 messages on a lossy wire."""
CUT_AFTER_BYTES = (3_000, 12_000)
"""A lossy connection breaks after so many bytes in one direction, in the middle of whatever passes then."""
CUTS = 6
"""Times a lossy wire breaks; then it only loses and repeats, so that every trip ends."""
DELAY_MS = (0, 600)


class Kind(enum.StrEnum):
    WHOLE = "whole"
    BYTES = "byte-by-byte"
    LOSSY = "lossy"
    DELAYED = "delayed"


class _CutError(Exception):
    """The wire breaks here."""


@dataclass(slots=True)
class Wire:
    """From a free port of the loopback to `target_port`. `did` counts what was done to the traffic."""

    kind: Kind
    seed: int
    target_port: int
    port: int = 0
    did: Counter[str] = field(default_factory=Counter)
    _ways: int = 0
    _server: asyncio.Server | None = None
    _open: set["asyncio.Task[None]"] = field(default_factory=set)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cut, and nobody gets through any more."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._open):
            connection.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _carry(self, here: asyncio.StreamReader, there: asyncio.StreamWriter) -> None:
        """One connection, both ways, until either end closes or the wire breaks."""
        task = asyncio.current_task()
        assert task is not None, "the server runs each connection as a task"
        self._open.add(task)
        far: asyncio.StreamWriter | None = None
        try:
            back, far = await asyncio.open_connection("127.0.0.1", self.target_port)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._way(here, far))
                ways.create_task(self._way(back, there))
        except* (OSError, EOFError, _CutError):
            self.did["ended"] += 1
        finally:
            self._open.discard(task)
            for writer in (there, far):
                if writer is not None:
                    writer.transport.abort()

    async def _way(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """One direction, until it ends; it never returns."""
        sink.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._ways += 1
        chance = random.Random(f"{self.kind} {self.seed} {self._ways}")
        match self.kind:
            case Kind.WHOLE:
                await self._whole(source, sink)
            case Kind.BYTES:
                await self._byte_by_byte(source, sink)
            case Kind.LOSSY:
                await self._lossy(source, sink, chance)
            case Kind.DELAYED:
                await self._delayed(source, sink, chance)

    async def _whole(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while True:
            sink.write(await _some(source))
            await sink.drain()
            self.did["chunks"] += 1

    async def _byte_by_byte(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Each byte a segment of its own, and everybody else may run in between."""
        while True:
            for byte in await _some(source):
                sink.write(bytes([byte]))
                await asyncio.sleep(0)
                self.did["bytes"] += 1
            await sink.drain()

    async def _lossy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, chance: random.Random) -> None:
        left_bytes = chance.randint(*CUT_AFTER_BYTES)
        while True:
            packet = await packet_of(source)
            left_bytes -= len(packet)
            if left_bytes < 0 and self.did["cut"] < CUTS:
                self.did["cut"] += 1
                sink.write(packet[: chance.randrange(1, len(packet))])
                await sink.drain()
                raise _CutError
            fate = chance.random()
            if is_fleeting(packet) and fate < LOSS:
                self.did["lost"] += 1
                continue
            twice = is_fleeting(packet) and fate < LOSS + REPEAT
            self.did["repeated"] += twice
            sink.write(packet * (2 if twice else 1))
            await sink.drain()

    async def _delayed(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, chance: random.Random) -> None:
        """Each chunk is held for a while of its own, in order: one that comes early waits for those before it."""
        held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        clock = asyncio.get_running_loop().time
        async with asyncio.TaskGroup() as both:
            both.create_task(_let_go(held, sink))
            while True:
                came = await _some(source)
                held.put_nowait((clock() + chance.uniform(*DELAY_MS) / 1000, came))
                self.did["held"] += 1


async def packet_of(source: asyncio.StreamReader) -> bytes:
    """One MQTT packet: its first byte, the length of the rest in seven-bit bytes, the rest (MQTT 3.1.1, 2.2.3)."""
    head = await source.readexactly(1)
    size = shift = 0
    while True:
        byte = await source.readexactly(1)
        head += byte
        size |= (byte[0] & 0x7F) << shift
        shift += 7
        if not byte[0] & 0x80:
            return head + (await source.readexactly(size) if size else b"")


def is_fleeting(packet: bytes) -> bool:
    """Whether it is a message that nobody acknowledges."""
    return packet[0] >> 4 == PUBLISH and not packet[0] & QOS_BITS


async def _some(source: asyncio.StreamReader) -> bytes:
    came = await source.read(CHUNK_BYTES)
    if not came:
        raise EOFError
    return came


async def _let_go(held: "asyncio.Queue[tuple[float, bytes]]", sink: asyncio.StreamWriter) -> None:
    clock = asyncio.get_running_loop().time
    while True:
        due_s, content = await held.get()
        await after(max(due_s - clock(), 0))
        sink.write(content)
        await sink.drain()
