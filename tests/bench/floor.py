"""The floor: what a tap costs when nobody thinks. One MQTT round trip through a broker of the same kind, and one fdatasync.

The same client library as device and hub, TCP_NODELAY on both ends: paho's own thread at the device, its loop at the other end, which is a
process of its own (`python -m tests.bench.floor PORT USER PASSWORD`). Payloads are a real scan and a real verdict.
"""

import contextlib
import os
import queue
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from hub.broker import Account
from proto import codec, topics
from proto.messages import Light, Scan, ScanMessage, Verdict, VerdictMessage
from proto.topics import Kind
from tests.bench.pace import pause

WAIT_S = 10.0
RECORD_BYTES = 400
"""Of the small append: about a scan and a charge in a journal."""
WARM_UP = 50

_ID = "a" * 16
SCAN = codec.encode(
    ScanMessage(
        session=_ID,
        q=1,
        boot=_ID,
        mono_ms=10**9,
        wall_ms=10**12,
        records=[Scan(inc=_ID, n=1, reader="till", badge="b" * 20, boot=_ID, mono_ms=10**9, wall_ms=10**12)],
    )
)
VERDICT = codec.encode(VerdictMessage(session=_ID, verdicts=[Verdict(_ID, 1, Light.ACCEPTED, "seen")]))


@dataclass(frozen=True, slots=True)
class Floor:
    """A device's end that is echoed, and a file on the disk of the hub."""

    client: Client
    account: Account
    came: "queue.SimpleQueue[bytes]"
    file: int

    def measure(self, count: int, pause_s: float) -> list[float]:
        """Milliseconds of `count` round trips, each with one fdatasync behind it.

        They are as far apart as the taps they are held against: what has just run is in the caches, and runs faster.
        """
        return [self._once(pause_s) for _ in range(count)]

    def volleys(self, count: int, size: int, pause_s: float) -> list[float]:
        """Milliseconds of `count` round trips, `size` at once; one fdatasync serves all, and is on the way of each."""
        return [took for first in range(0, count, size) for took in self._volley(min(size, count - first), pause_s)]

    def _once(self, pause_s: float) -> float:
        return self._volley(1, pause_s)[0]

    def _volley(self, size: int, pause_s: float) -> list[float]:
        pause(pause_s)
        sent_ns, came_ns = [], []
        for _ in range(size):
            sent_ns.append(time.monotonic_ns())
            self.client.publish(topics.topic(self.account.user, Kind.SCAN), SCAN)
        for _ in range(size):
            self.came.get(timeout=WAIT_S)
            came_ns.append(time.monotonic_ns())
        synced_ns = self._synced_ns(size)
        return [(came - sent + synced_ns) / 1e6 for sent, came in zip(sent_ns, came_ns, strict=True)]

    def _synced_ns(self, records: int) -> int:
        since_ns = time.monotonic_ns()
        os.write(self.file, bytes(records * RECORD_BYTES))
        os.fdatasync(self.file)
        return time.monotonic_ns() - since_ns


@contextlib.contextmanager
def floor(port: int, hub: Account, device: Account, folder: Path) -> Iterator[Floor]:
    """The echo process and a connected device, warmed up; the file lies in `folder`."""
    file = os.open(folder / "floor", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    echo = subprocess.Popen([sys.executable, "-m", "tests.bench.floor", str(port), hub.user, hub.password], stdout=subprocess.PIPE)
    came: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    client = _client(device, lambda _c, _u, message: came.put(message.payload))
    try:
        assert echo.stdout is not None
        assert echo.stdout.readline() == b"ready\n", "the echo did not start"
        ready: queue.SimpleQueue[bool] = queue.SimpleQueue()
        client.on_subscribe = lambda *_details: ready.put(True)
        client.on_connect = _subscribing(topics.topic(device.user, Kind.VERDICT))
        client.connect("127.0.0.1", port)
        client.loop_start()
        ready.get(timeout=WAIT_S)
        standing = Floor(client, device, came, file)
        standing.measure(WARM_UP, 0.0)
        yield standing
    finally:
        client.disconnect()
        client.loop_stop()
        os.close(file)
        echo.terminate()
        echo.communicate()


def echo(port: int, account: Account) -> None:
    """The other end: a verdict for each scan, without a thought; until it is terminated."""

    def answer(client: Client, _userdata: Any, message: MQTTMessage) -> None:
        device = message.topic.split("/")[2]
        client.publish(topics.topic(device, Kind.VERDICT), VERDICT)

    client = _client(account, answer)
    client.on_subscribe = lambda *_details: print("ready", flush=True)
    client.on_connect = _subscribing(topics.everyone(Kind.SCAN))
    client.connect("127.0.0.1", port)
    client.loop_forever()


def _subscribing(topic: str) -> Any:
    def connected(client: Client, *_details: Any) -> None:
        client.subscribe(topic)

    return connected


def _client(account: Account, heard: Any) -> Client:
    client = Client(CallbackAPIVersion.VERSION2, account.user)
    client.username_pw_set(account.user, account.password)
    client.on_message = heard
    client.on_socket_open = _without_delay
    return client


def _without_delay(_client: Client, _userdata: Any, sock: Any) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


if __name__ == "__main__":
    echo(int(sys.argv[1]), Account(sys.argv[2], sys.argv[3]))
