"""The rows of the journal: facts packed into a body, and the chain of hashes that finds any change. Values in, values out.

A body is the JSON array of the facts of one commit, zlib-compressed where there are many. The hash is BLAKE2b-256 over the hash of
the row before, the number of the first fact and the count (8 bytes each) and the body. Row 0 holds the journal's own id.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterator

import msgspec

from hub.core.facts import Fact, Facts
from hub.errors import DamageError, StartError

NOTHING = bytes(32)
"""What row 0 has before it."""
ZLIB = b"\x78"
"""The first byte of every zlib stream; JSON here begins with a bracket."""
PLAIN_BYTES = 1000
"""A lone scan's facts (some 470 bytes) stay as they are: packing them would save no write of a page, and cost 20 µs there and back."""

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Facts)
_RAW, _ONE = msgspec.json.Decoder(list[msgspec.Raw]), msgspec.json.Decoder(Fact)
_PLACE = struct.Struct(">QQ")


class Row(msgspec.Struct, frozen=True):
    """One row as it is stored: `number` of its first fact, how many facts, and what chains it to the row before."""

    number: int
    count: int
    before: bytes
    body: bytes
    hash: bytes

    @property
    def last(self) -> int:
        """The number of its last fact."""
        return self.number + self.count - 1


def first_row(identity: bytes) -> Row:
    """Row 0 of a new journal; `identity` is random, so that no two journals share a hash."""
    return Row(0, 1, NOTHING, identity, _digest(NOTHING, 0, 1, identity))


def pack(number: int, facts: Facts, before: bytes) -> Row:
    """The row of these facts, behind the row with the hash `before`."""
    plain = _ENCODER.encode(facts)
    body = plain if len(plain) < PLAIN_BYTES else zlib.compress(plain, 1)
    return Row(number, len(facts), before, body, _digest(before, number, len(facts), body))


def unpack(row: Row) -> Facts:
    """The facts of a row whose hash is right. Raises StartError when they are of a kind this version does not know."""
    try:
        facts: Facts = _DECODER.decode(_plain(row))
    except (msgspec.DecodeError, zlib.error) as error:
        raise StartError(
            f"row {row.number} is intact, but this version cannot read its facts: {error}: a newer version wrote them, install that one"
        ) from error
    if len(facts) != row.count:
        raise DamageError(f"row {row.number} holds {len(facts)} facts instead of {row.count}")
    return facts


def unpacking(row: Row) -> Iterator[Fact]:
    """The facts of a row that was unpacked before, one by one: a list that was brought along may be a row of thousands."""
    return map(_ONE.decode, _RAW.decode(_plain(row)))


def _plain(row: Row) -> bytes:
    return zlib.decompress(row.body) if row.body[:1] == ZLIB else row.body


def verified(row: Row, before: Row | None) -> Facts:
    """The facts of a row that follows `before` (None: of row 0, which has none). Raises DamageError naming the row."""
    number, chained = (before.last + 1, before.hash) if before else (0, NOTHING)
    if row.number != number:
        raise DamageError(f"fact {number} is missing: the next row begins at {row.number}")
    if row.before != chained:
        raise DamageError(f"row {row.number} does not belong behind the row before it")
    if row.count < 1 or row.hash != _digest(row.before, row.number, row.count, row.body):
        raise DamageError(f"row {row.number} is damaged: its content does not fit its hash")
    return unpack(row) if before else ()


def _digest(before: bytes, number: int, count: int, body: bytes) -> bytes:
    return hashlib.blake2b(before + _PLACE.pack(number, count) + body, digest_size=32).digest()
