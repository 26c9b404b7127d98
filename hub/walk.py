"""A long journal is read and checked by a process of its own, while the hub books what was checked: so a start has two cores.

The walker says only what is whole: the facts of rows that follow each other, each with the right hash. Where anything is not as it should
be it ends and says nothing; whoever asked goes on from there alone, and finds out what it is. It has no loop: it is to start quickly.
"""

import contextlib
import signal
import sqlite3
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from hub.chain import Row, verified
from hub.core.facts import Fact, Facts
from hub.errors import StartError

STRETCH_FACTS = 256
"""Handed over at once, some 30 kB: they are booked and let go again before they leave the processor's cache."""
LENGTH = struct.Struct(">I")
"""Before each stretch."""
_FROM = "SELECT number, count, before, body, hash FROM journal ORDER BY number"


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
_DECODER = msgspec.msgpack.Decoder(Stretch)


def said(told: bytes) -> Stretch:
    """What the walker wrote, without the length before it."""
    return _DECODER.decode(told)


def stretches(rows: Iterator[Row]) -> Iterator[Stretch]:
    """The facts of rows from row 0 on, as long as they are whole. Raises StartError (DamageError) at one that is not."""
    before: Row | None = None
    facts: list[Fact] = []
    for row in rows:
        facts += verified(row, before)
        before = row
        if len(facts) >= STRETCH_FACTS:
            yield Stretch(row.number, row.count, row.hash, tuple(facts))
            facts = []
    if before is not None and facts:
        yield Stretch(before.number, before.count, before.hash, tuple(facts))


def main(journal: Path, out: BinaryIO) -> None:
    """The walker: stretches on `out`, each behind its length. It ends when nobody reads them any more."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the hub, which then lets go of the pipe
    try:
        with contextlib.closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)) as database:
            for stretch in stretches(Row(*row) for row in database.execute(_FROM)):
                told = _ENCODER.encode(stretch)
                out.write(LENGTH.pack(len(told)) + told)
        out.flush()
    except (StartError, sqlite3.Error, UnicodeDecodeError):
        return  # who asked finds out, and says it


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), sys.stdout.buffer)
