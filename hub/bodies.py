"""What is in the rows of the journal (chain.py): facts, packed into a body and unpacked again. Values in, values out.

A body is the JSON array of the facts of one commit, zlib-compressed where there are many.
"""

import zlib
from collections.abc import Iterator, Sequence
from itertools import chain

import msgspec

from hub.chain import Row, check, next_row
from hub.core.facts import Fact, Facts
from hub.errors import DamageError, StartError

PLAIN_BYTES = 1000
"""A lone scan's facts (some 470 bytes) stay as they are: packing them would save no write of a page, and cost 20 µs there and back."""

_ENCODER = msgspec.json.Encoder()
_DECODER, _ROWS = msgspec.json.Decoder(Facts), msgspec.json.Decoder(tuple[Facts, ...])
_RAW, _ONE = msgspec.json.Decoder(list[msgspec.Raw]), msgspec.json.Decoder(Fact)


def pack(number: int, facts: Facts, before: bytes) -> Row:
    """The row of these facts, behind the row with the hash `before`."""
    plain = _ENCODER.encode(facts)
    return next_row(number, len(facts), before, plain if len(plain) < PLAIN_BYTES else zlib.compress(plain, 1))


def unpack(row: Row) -> Facts:
    """The facts of a row whose hash is right. Raises StartError when they are of a kind this version does not know."""
    try:
        facts: Facts = _DECODER.decode(row.plain)
    except (msgspec.DecodeError, zlib.error) as error:
        raise StartError(
            f"row {row.number} is intact, but this version cannot read its facts: {error}: a newer version wrote them, install that one"
        ) from error
    if len(facts) != row.size:
        raise DamageError(f"row {row.number} holds {len(facts)} facts instead of {row.size}")
    return facts


def unpack_joined(plain: bytes, sizes: Sequence[int]) -> Iterator[Fact] | None:
    """The facts of rows that follow each other, in one go: `plain` is the JSON array of what they hold. None where `unpack` would raise."""
    try:
        rows: tuple[Facts, ...] = _ROWS.decode(plain)
    except msgspec.DecodeError:
        return None
    return chain.from_iterable(rows) if tuple(map(len, rows)) == tuple(sizes) else None


def unpacking(row: Row) -> Iterator[Fact]:
    """The facts of a row that was unpacked before, one by one: a list that was brought along may be a row of thousands."""
    return map(_ONE.decode, _RAW.decode(row.plain))


def verified(row: Row, before: Row | None) -> Facts:
    """The facts of a row that follows `before` (None: of row 0, which has none). Raises StartError, and DamageError naming the row."""
    check(row, before)
    return unpack(row) if before else ()
