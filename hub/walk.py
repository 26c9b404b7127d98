"""A long journal is read and checked by a process of its own, while the hub loads and then books what was checked: a start has two cores.

The walker says only what is whole: the facts of rows that follow each other, each with the right hash. Where anything is not as it
should be it ends and says nothing; whoever asked goes on from there alone, and finds out what it is. It writes nothing: it may outlive
a hub that is killed.
"""

import contextlib
import os
import queue
import signal
import sqlite3
import struct
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from hub.chain import Row, verified
from hub.core.facts import Fact, Facts
from hub.errors import StartError

STRETCH_FACTS = 256
"""Handed over at once, some 30 kB: they are booked and let go again before they leave the processor's cache."""
AHEAD = 500
"""Stretches that wait for the hub, which still loads, at most: some 15 MB."""
LENGTH = struct.Struct(">I")
"""Before each thing that is said."""
_FROM = "SELECT number, count, before, body, hash FROM journal ORDER BY number"


class Begun(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """SQLite has read the log: others may open the file. `id` is the hash of row 0, which is whole; `last` the number of the last row."""

    id: bytes
    last: int


class Stretch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The facts of rows that follow each other; `number`, `count` and `hash` are the last one's."""

    number: int
    count: int
    hash: bytes
    facts: Facts

    @property
    def last(self) -> Row:
        """The last row, as what the next one has to follow: without its body."""
        return Row(self.number, self.count, b"", b"", self.hash)


_ENCODER = msgspec.msgpack.Encoder()
_BEGUN, _DECODER = msgspec.msgpack.Decoder(Begun), msgspec.msgpack.Decoder(Stretch)


def begun(told: bytes) -> Begun:
    """What the walker said first, without the length before it."""
    return _BEGUN.decode(told)


def said(told: bytes) -> Stretch:
    """What it said then."""
    return _DECODER.decode(told)


def stretches(rows: Iterator[Row], before: Row) -> Iterator[Stretch]:
    """The facts of rows behind `before`, as long as they are whole. Raises StartError (DamageError) at one that is not."""
    facts: list[Fact] = []
    for row in rows:
        facts += verified(row, before)
        before = row
        if len(facts) >= STRETCH_FACTS:
            yield Stretch(row.number, row.count, row.hash, tuple(facts))
            facts = []
    if facts:
        yield Stretch(before.number, before.count, before.hash, tuple(facts))


def walk(journal: Path) -> Iterator[Begun | Stretch]:
    """What is said of a journal. Raises StartError or sqlite3.Error where it is not whole."""
    with contextlib.closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)) as database:
        rows = (Row(*row) for row in database.execute(_FROM))
        first = next(rows, None)
        if first is None:
            return
        verified(first, None)
        ((last,),) = database.execute("SELECT max(number) FROM journal")
        yield Begun(first.hash, last)
        yield from stretches(rows, first)


def main(journal: Path, out: BinaryIO) -> None:
    """The walker: what it says on `out`, each behind its length. It ends when nobody reads it any more."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the hub, which then lets go of the pipe
    waiting: queue.Queue[bytes] = queue.Queue(AHEAD)
    writing = threading.Thread(target=_write, args=(waiting, out))
    writing.start()
    # Where it stops, who asked finds out why, and says it.
    with contextlib.suppress(StartError, sqlite3.Error, UnicodeDecodeError):
        for each in walk(journal):
            waiting.put(_ENCODER.encode(each))
    waiting.put(b"")
    writing.join()


def _write(waiting: "queue.Queue[bytes]", out: BinaryIO) -> None:
    """While this waits for a hub that still loads, the next rows are checked."""
    while told := waiting.get():
        out.write(LENGTH.pack(len(told)) + told)
    out.flush()


if __name__ == "__main__":
    # Called before anybody knows where; where nobody says it, the hub has no use for it, or is gone.
    if where := os.fsdecode(sys.stdin.buffer.read()):
        main(Path(where), sys.stdout.buffer)
