"""A long journal is read and checked by a process of its own, while the hub loads and then books what was checked: a start has two cores.

The walker says only what is whole: the rows that follow each other, each with the right hash. Where anything is not as it should be it
ends and says nothing; whoever asked goes on from there alone, and finds out what it is. It knows nothing of facts: what is in the rows
is read by who books it, and this loads in half the time. It writes nothing: it may outlive a hub that is killed.
"""

import contextlib
import queue
import signal
import sqlite3
import struct
import sys
import threading
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from hub.chain import Row, check
from hub.errors import DamageError

STRETCH_FACTS = 256
"""Handed over at once, some 40 kB: they are booked and let go again before they leave the processor's cache."""
AHEAD = 500
"""Stretches that wait for the hub, which still loads, at most: some 20 MB."""
LENGTH = struct.Struct(">I")
"""Before each thing that is said."""
_BEGUN = struct.Struct(">32sQ")
_STRETCH = struct.Struct(">Q32sI")
_FROM = "SELECT number, count, before, body, hash FROM journal ORDER BY number"


class Begun(NamedTuple):
    """SQLite has read the log: others may open the file. `id` is the hash of row 0, which is whole; `last` the number of the last row."""

    id: bytes
    last: int

    def packed(self) -> bytes:
        """As it is said."""
        return _BEGUN.pack(*self)


class Stretch(NamedTuple):
    """Rows that follow each other: `number` and `hash` are the last one's. `sizes`: how many facts each has; `plain`: the JSON array of
    what they hold.
    """

    number: int
    hash: bytes
    sizes: tuple[int, ...]
    plain: bytes

    @property
    def last(self) -> Row:
        """The last row, as what the next one has to follow: without its body."""
        return Row(self.number, self.sizes[-1], b"", b"", self.hash)

    def packed(self) -> bytes:
        """As it is said."""
        count = len(self.sizes)
        return _STRETCH.pack(self.number, self.hash, count) + struct.pack(f">{count}I", *self.sizes) + self.plain


def begun(told: bytes) -> Begun:
    """What the walker said first, without the length before it."""
    return Begun(*_BEGUN.unpack(told))


def said(told: bytes) -> Stretch:
    """What it said then."""
    number, last, count = _STRETCH.unpack_from(told)
    sizes = struct.unpack_from(f">{count}I", told, _STRETCH.size)
    return Stretch(number, last, sizes, told[_STRETCH.size + 4 * count :])


def stretches(rows: Iterator[Row], before: Row) -> Iterator[Stretch]:
    """Rows behind `before`, as long as they are whole. Raises DamageError or zlib.error at one that is not."""
    sizes, plain, held = list[int](), list[bytes](), 0
    for row in rows:
        check(row, before)
        before = row
        sizes.append(row.size)
        plain.append(row.plain)
        held += row.size
        if held >= STRETCH_FACTS:
            yield _joined(before, sizes, plain)
            sizes, plain, held = [], [], 0
    if sizes:
        yield _joined(before, sizes, plain)


def _joined(last: Row, sizes: list[int], plain: list[bytes]) -> Stretch:
    return Stretch(last.number, last.hash, tuple(sizes), b"[" + b",".join(plain) + b"]")


def walk(journal: str) -> Iterator[Begun | Stretch]:
    """What is said of the journal with this URI. Raises DamageError, zlib.error or sqlite3.Error where it is not whole."""
    with contextlib.closing(sqlite3.connect(journal, uri=True)) as database:
        rows = (Row(*row) for row in database.execute(_FROM))
        first = next(rows, None)
        if first is None:
            return
        check(first, None)
        ((last,),) = database.execute("SELECT max(number) FROM journal")
        yield Begun(first.hash, last)
        yield from stretches(rows, first)


def main(journal: str, out: BinaryIO) -> None:
    """The walker: what it says on `out`, each behind its length. It ends when nobody reads it any more."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the hub, which then lets go of the pipe
    waiting: queue.Queue[bytes] = queue.Queue(AHEAD)
    writing = threading.Thread(target=_write, args=(waiting, out))
    writing.start()
    # Where it stops, who asked finds out why, and says it.
    with contextlib.suppress(DamageError, zlib.error, sqlite3.Error, struct.error, TypeError, UnicodeDecodeError):
        for each in walk(journal):
            waiting.put(each.packed())
    waiting.put(b"")
    writing.join()


def _write(waiting: "queue.Queue[bytes]", out: BinaryIO) -> None:
    """While this waits for a hub that still loads, the next rows are checked."""
    while told := waiting.get():
        out.write(LENGTH.pack(len(told)) + told)
    out.flush()


if __name__ == "__main__":
    # Called before anybody knows where; where nobody says it, the hub has no use for it, or is gone.
    if where := sys.stdin.read():
        main(where, sys.stdout.buffer)
