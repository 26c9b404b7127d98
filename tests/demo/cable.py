"""The network cable of one device: a TCP proxy between it and the broker that can really be pulled. It knows no MQTT."""

import asyncio
import contextlib
import socket
import struct

CHUNK_BYTES = 4096
ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER on, 0 s: closing sends a reset, as a switch does that lost its table."""


class Cable:
    """From a free port of the loopback to `target_port`. Plugged in from `start` on."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self.carried_bytes = 0
        self._target_port = target_port
        self._plugged = asyncio.Event()
        self._plugged.set()
        self._open: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0, limit=CHUNK_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]

    @property
    def is_pulled(self) -> bool:
        return not self._plugged.is_set()

    def pull(self) -> None:
        """From now on no byte passes in either direction; nobody is told. New connections get no answer."""
        self._plugged.clear()

    def cut(self) -> None:
        """Pulled, and what is under way is lost: every connection is reset, new ones too."""
        self.pull()
        for connection in tuple(self._open):
            connection.cancel()

    def plug(self) -> None:
        """Whole again. Connections that outlived the pause go on where they stopped."""
        self._plugged.set()

    async def close(self) -> None:
        self.cut()
        if self._server is not None:
            self._server.close()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _carry(self, here: asyncio.StreamReader, there: asyncio.StreamWriter) -> None:
        """One connection, both ways, until either end closes or the cable is cut."""
        task = asyncio.current_task()
        assert task is not None, "the server runs each connection as a task"
        self._open.add(task)
        far: asyncio.StreamWriter | None = None
        try:
            await self._plugged.wait()
            back, far = await asyncio.open_connection("127.0.0.1", self._target_port, limit=CHUNK_BYTES)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._pump(here, far))
                ways.create_task(self._pump(back, there))
        except (OSError, ExceptionGroup):  # an end is gone, or the broker is not there: so is this connection
            pass
        finally:
            self._open.discard(task)
            for writer in (there, far):
                _reset(writer)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Bytes one way. The end of one direction is the end of the connection."""
        _no_delay(sink)
        while True:
            await self._plugged.wait()
            came = await source.read(CHUNK_BYTES)
            if not came:
                raise ConnectionResetError
            await self._plugged.wait()
            sink.write(came)
            self.carried_bytes += len(came)
            await sink.drain()


def _no_delay(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _reset(writer: asyncio.StreamWriter | None) -> None:
    if writer is None:
        return
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
    writer.transport.abort()
