"""Rubbish with a method: good bytes and good trees, spoilt by chance. Pure but for the `Random` it is given; it sends nothing.

`bytes_of` spoils any bytes; `tree_of` any JSON tree, which stays JSON (`raw_of` knows some that no encoder would write).
"""

from random import Random
from typing import Any

import msgspec

Tree = Any
"""What JSON can hold: dicts, lists, strings, numbers, booleans, None."""

NUMBERS = (-1, 0, 1, 49, 200, 10_001, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 2**64 + 1, -(2**63), -(2**63) - 1, 0.5, -0.0, 1e300)
TEXTS = (
    "",
    " ",
    "\0",
    "null",
    "\ufeff",
    "\u202e",
    "\u2028",
    "e\u0301" * 20,
    "\U0001f392" * 100,
    "İıſK",
    "٣" * 16,
    "+",
    "#",
    "../../etc",
    "a" * 16 + "\n",
    "A" * 20,
    "=1+1",
    "%s%n{0}",
    "x" * 9_000,
)
RAW = tuple(
    msgspec.Raw(one)
    for one in (
        b"1e999",
        b"-1e-999",
        b"1" * 400,
        b"1" * 5_000,
        b"0." + b"1" * 2_000,
        b"NaN",
        b"Infinity",
        b"01",
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\\u0000"',
        b'"\xff\xfe"',
        b'"\xed\xa0\x80"',
        b"[" * 600 + b"]" * 600,
        b"[" * 3_000,
        b'{"a":' * 600 + b"1" + b"}" * 600,
        b'{"v":1,"v":2}',
        b"",
    )
)
"""JSON, or nearly, as no encoder here writes it: numbers beyond all limits, half surrogates, bad UTF-8, nesting, the same key twice."""
BYTES = (
    b"",
    b"\0",
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"{",
    b"}",
    b"[",
    b'"',
    b"\\",
    b",",
    b":",
    b"\n",
    b"\r\n",
    b"\t",
    b"[" * 4_000,
    b"1" * 5_000,
)


def bytes_of(luck: Random, good: bytes, other: bytes = b"") -> bytes:
    """Bytes with one to four things wrong with them: cut off, cut out, doubled, turned, replaced, or gone on with those of `other`."""
    spoilt = bytearray(good)
    for _ in range(luck.choice((1, 1, 1, 2, 4))):
        at = luck.randrange(len(spoilt) + 1)
        end = min(len(spoilt), at + luck.choice((1, 1, 2, 8, 64)))
        match luck.randrange(7):
            case 0:
                del spoilt[at:]
            case 1:
                del spoilt[at:end]
            case 2:
                spoilt[at:at] = spoilt[at:end] * luck.choice((1, 1, 2, 50))
            case 3 if at < len(spoilt):
                spoilt[at] ^= 1 << luck.randrange(8)
            case 4:
                spoilt[at:end] = luck.choice(BYTES)
            case 5:
                spoilt[at:] = other[luck.randrange(len(other) + 1) :]
            case _:
                spoilt[at:end] = luck.randbytes(end - at)
    return bytes(spoilt)


def tree_of(luck: Random, good: Tree) -> Tree:
    """The tree with one to three things wrong somewhere in it; `good` itself stays as it is."""
    spoilt = good
    for _ in range(luck.choice((1, 1, 1, 2, 3))):
        spoilt = _spoilt(luck, spoilt)
    return spoilt


def value_of(luck: Random, instead: Tree) -> Tree:
    """Something that may stand where `instead` stood, and should not."""
    match luck.randrange(8):
        case 0:
            return luck.choice(NUMBERS)
        case 1:
            return luck.choice(TEXTS)
        case 2:
            return luck.choice(RAW)
        case 3:
            return luck.choice((None, True, False, [], {}, [[]], [None], {"": 0}))
        case 4:
            return _nested(instead, luck.choice((1, 2, 40, 400)))
        case 5 if isinstance(instead, str):
            return luck.choice((instead * 2, instead[:-1], instead.upper(), instead + "\n", "\u200b" + instead, instead[::-1]))
        case 6 if isinstance(instead, int):
            return luck.choice((instead + 1, instead - 1, -instead, instead * 2**32, str(instead), float(instead)))
        case _:
            return luck.getrandbits(luck.choice((1, 8, 16, 53, 64, 70)))


def _spoilt(luck: Random, tree: Tree) -> Tree:
    """One thing wrong, at a place of chance: here, or further in."""
    inner = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree)) if isinstance(tree, list) else []
    if not inner or luck.random() < 0.1:
        return value_of(luck, tree)
    key, value = luck.choice(inner)
    if isinstance(value, dict | list) and luck.random() < 0.6:
        return _with(tree, key, _spoilt(luck, value))
    match luck.randrange(5):
        case 0:
            return {k: v for k, v in inner if k != key} if isinstance(tree, dict) else [v for k, v in inner if k != key]
        case 1 if isinstance(tree, list):
            return [*tree, *[value] * luck.choice((1, 2, 30, 250))]
        case 1:
            return {**tree, luck.choice(TEXTS): value, f"{key} ": value}
        case 2 if len(inner) > 1:
            return _with(tree, key, luck.choice(inner)[1])
        case _:
            return _with(tree, key, value_of(luck, value))


def _with(tree: Tree, key: Any, value: Tree) -> Tree:
    return {**tree, key: value} if isinstance(tree, dict) else [*tree[:key], value, *tree[key + 1 :]]


def _nested(value: Tree, levels: int) -> Tree:
    for _ in range(levels):
        value = [value] if levels % 2 else {"records": value}
    return value
