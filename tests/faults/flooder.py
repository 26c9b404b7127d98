"""A device gone mad, as a process of its own: `python -m tests.faults.flooder PORT USER PASSWORD READER BADGE`.

It is born like any device and says `ready`; then for each line `KIND MESSAGES` it sends that many, 1,000 a second, and says how many
seconds it took. It reads no answer: that is what is mad about it.
"""

import random
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from proto import codec, topics
from proto.codec import MAX_BYTES
from proto.messages import Hole, Scan, ScanMessage, State, Status
from proto.topics import Kind
from tests.bench.pace import pause

PER_S = 1_000
BATCH = 5
"""Messages that leave together: 200 batches a second are within what a sleeping process can keep."""
WAIT_S = 10.0
MANY = 100
"""Scans of a full message: about 20 KB."""


@dataclass(slots=True)
class Words:
    """What it says; `badge` as the wire has it. Each message claims a life of its own, so that the hub has never seen its scans."""

    session: str
    reader: str
    badge: str
    questions: "count[int]"
    chance: random.Random

    def scans(self, records: int) -> bytes:
        """A question with scans that the hub has to take."""
        now_ms, q = time.monotonic_ns() // 1_000_000, next(self.questions)
        found: list[Scan | Hole] = [
            Scan(inc=f"{q:016x}", n=n, reader=self.reader, badge=self.badge, boot=self.session, mono_ms=now_ms, wall_ms=0)
            for n in range(1, records + 1)
        ]
        return codec.encode(ScanMessage(session=self.session, q=q, boot=self.session, mono_ms=now_ms, records=found))

    def rubbish(self) -> bytes:
        """A question with some bytes turned over: it is JSON, or nearly."""
        torn = bytearray(self.scans(1))
        for _ in range(self.chance.randint(1, 8)):
            torn[self.chance.randrange(len(torn))] = self.chance.randrange(256)
        return bytes(torn)

    def huge(self) -> bytes:
        """As long as the broker lets through, and longer than the hub reads."""
        return b'{"v":1,"records":"' + b"9" * MAX_BYTES + b'"}'


def flood(client: Client, topic: str, messages: int, word: Callable[[], bytes]) -> float:
    """Send so many, at most PER_S a second; the seconds it took."""
    since_s = time.monotonic()
    for sent in range(0, messages, BATCH):
        for _ in range(BATCH):
            client.publish(topic, word())
        pause(max(0.0, since_s + (sent + BATCH) / PER_S - time.monotonic()))
    while client.want_write():
        pause(0.01)
    return time.monotonic() - since_s


def main(port: int, user: str, password: str, reader: str, badge: str) -> None:
    """Born, then a flood for each line, until the lines end."""
    session = secrets.token_hex(8)
    client = Client(CallbackAPIVersion.VERSION2, user)
    client.username_pw_set(user, password)
    client.connect("127.0.0.1", port)
    client.loop_start()
    birth = codec.encode(State(status=Status.ON, session=session, inc=session))
    client.publish(topics.topic(user, Kind.STATE), birth, 1, True).wait_for_publish(WAIT_S)
    words = Words(session, reader, badge, count(1), random.Random(1))
    kinds = {"scan": lambda: words.scans(1), "scans": lambda: words.scans(MANY), "rubbish": words.rubbish, "huge": words.huge}
    print("ready", flush=True)
    for line in sys.stdin:
        kind, messages = line.split()
        print(f"{flood(client, topics.topic(user, Kind.SCAN), int(messages), kinds[kind]):.3f}", flush=True)
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
