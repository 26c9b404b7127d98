"""The rows of the journal, and the chain of hashes that finds any change. Values in, values out; what is in a body is bodies.py's.

The hash is BLAKE2b-256 over the hash of the row before, the number of the first fact and the count (8 bytes each) and the body. Row 0
holds the journal's own id. This loads next to nothing: the walker of a start (walk.py) needs no more to know that a row is whole.
"""

import hashlib
import struct
import zlib
from typing import NamedTuple

from hub.errors import DamageError

NOTHING = bytes(32)
"""What row 0 has before it."""
ZLIB = b"\x78"
"""The first byte of every zlib stream; JSON here begins with a bracket."""

_PLACE = struct.Struct(">QQ")


class Row(NamedTuple):
    """One row as it is stored: `number` of its first fact, `size` (how many facts), and what chains it to the row before."""

    number: int
    size: int
    before: bytes
    body: bytes
    hash: bytes

    @property
    def last(self) -> int:
        """The number of its last fact."""
        return self.number + self.size - 1

    @property
    def plain(self) -> bytes:
        """Its facts as they were before they were compressed. Raises zlib.error."""
        return zlib.decompress(self.body) if self.body[:1] == ZLIB else self.body


def first_row(identity: bytes) -> Row:
    """Row 0 of a new journal; `identity` is random, so that no two journals share a hash."""
    return next_row(0, 1, NOTHING, identity)


def next_row(number: int, size: int, before: bytes, body: bytes) -> Row:
    """The row of this body, behind the row with the hash `before`."""
    return Row(number, size, before, body, _digest(before, number, size, body))


def check(row: Row, before: Row | None) -> None:
    """Raise DamageError naming the row, unless it is whole and follows `before` (None: is row 0, which has none)."""
    number, chained = (before.last + 1, before.hash) if before else (0, NOTHING)
    if row.number != number:
        raise DamageError(f"fact {number} is missing: the next row begins at {row.number}")
    if row.before != chained:
        raise DamageError(f"row {row.number} does not belong behind the row before it")
    if row.size < 1 or row.hash != _digest(row.before, row.number, row.size, row.body):
        raise DamageError(f"row {row.number} is damaged: its content does not fit its hash")


def _digest(before: bytes, number: int, size: int, body: bytes) -> bytes:
    return hashlib.blake2b(before + _PLACE.pack(number, size) + body, digest_size=32).digest()
