"""Reads a SQLite write-ahead log before SQLite does. SQLite silently drops everything behind the first bad frame; here that is told
apart from the torn end of a write that nobody was answered for.

Values in, values out. The format is SQLite's ("WAL-mode file format"): a header of 32 bytes, then frames of 24 bytes and one page.
The checksum of a frame goes on from that of the frame before, so a later frame can be checked with what its predecessor stores.
"""

import itertools
import struct
import sys
from array import array
from dataclasses import dataclass

from hub.errors import DamageError

HEADER_BYTES = 32
FRAME_BYTES = 24
MAGIC = 0x377F0682
"""The last bit says in which byte order the checksums read their words: 1 is big-endian."""
MASK = 0xFFFF_FFFF

Sums = tuple[int, int]


@dataclass(frozen=True, slots=True)
class WalReport:
    """What SQLite will find: whole transactions, their frames, and bytes of an unfinished or older write behind them."""

    transactions: int = 0
    frames: int = 0
    left_over: int = 0


@dataclass(frozen=True, slots=True)
class _Header:
    big: bool
    page_bytes: int
    salts: bytes
    sums: Sums


@dataclass(frozen=True, slots=True)
class _Frame:
    """`page` is which page it holds. `pages` is not 0 where a transaction ends: the size of the database after it. `summed` is what the
    checksum is over.
    """

    page: int
    pages: int
    salts: bytes
    sums: Sums
    summed: bytes


def inspect(wal: bytes, *, appended: bool = False) -> WalReport:
    """What a log holds. Raises DamageError for a bad frame that is not the torn end of the last write, naming frame and reason.

    A torn write loses whole sectors of the transaction written last. So it is damage when one flipped bit explains the frame,
    and when a later transaction stands behind it: that one was begun only after the damaged one was on disk.
    `appended`: every transaction adds one row at the end of one table, as the journal's do; what that looks like tells more of them apart.
    """
    if len(wal) <= HEADER_BYTES:
        return WalReport()  # SQLite syncs the header before it writes the first frame
    header = _header(wal)
    size = FRAME_BYTES + header.page_bytes
    frames = [_frame(wal, at, size) for at in range(HEADER_BYTES, len(wal) - size + 1, size)]
    good, transactions, whole, sums = 0, 0, 0, header.sums
    for frame in frames:
        if not _follows(frame, sums, header):
            _refuse_damage(frames, good, sums, header)
            if appended and whole:
                _refuse_lost(frames, good, frames[whole - 1].pages, header.salts)
            break
        good, sums = good + 1, frame.sums
        if frame.pages:
            transactions, whole = transactions + 1, good
    return WalReport(transactions, whole, len(wal) - HEADER_BYTES - whole * size)


def _header(wal: bytes) -> _Header:
    magic, version, page_bytes = struct.unpack_from(">3I", wal)
    sums = struct.unpack_from(">2I", wal, 24)
    big = bool(magic & 1)
    if magic & ~1 != MAGIC or version != 3_007_000 or _checksum(wal[:24], (0, 0), big=big) != sums:
        raise DamageError("its header is damaged, and frames stand behind it")
    return _Header(big, page_bytes, wal[16:24], sums)


def _frame(wal: bytes, at: int, size: int) -> _Frame:
    page, pages = struct.unpack_from(">2I", wal, at)
    sums = struct.unpack_from(">2I", wal, at + 16)
    return _Frame(page, pages, wal[at + 8 : at + 16], sums, wal[at : at + 8] + wal[at + FRAME_BYTES : at + size])


def _follows(frame: _Frame, before: Sums, header: _Header) -> bool:
    """Whether a frame is intact and stands right behind the one with these checksums."""
    return frame.salts == header.salts and _checksum(frame.summed, before, big=header.big) == frame.sums


def _refuse_damage(frames: list[_Frame], bad: int, before: Sums, header: _Header) -> None:
    """Raise DamageError unless frame `bad` (from 0) is the torn end of the last write, or a leftover of an older log."""
    frame = frames[bad]
    computed = _checksum(frame.summed, before, big=header.big)
    if computed == frame.sums or (frame.salts == header.salts and _one_bit_off(len(frame.summed) // 4, computed, frame.sums)):
        raise DamageError(f"frame {bad + 1} is damaged: one bit is flipped")
    ended = frame.pages != 0 and frame.salts == header.salts
    for number, (earlier, later) in enumerate(itertools.pairwise(frames[bad:]), bad + 2):
        if _follows(later, earlier.sums, header):
            ended |= earlier.pages != 0 and earlier.salts == header.salts
            if ended:
                raise DamageError(f"frame {bad + 1} is damaged, and a later transaction stands behind it (frame {number})")


def _refuse_lost(frames: list[_Frame], bad: int, pages: int, salts: bytes) -> None:
    """Raise DamageError when the frame behind `bad` begins a transaction, where nothing is left of `bad` that could have said so.

    A row added at the end changes the last page of its table and nothing else, or the database grows: then page 1 says so, and comes
    first, because SQLite writes the pages of a transaction in their order. `pages`: the size of the database before it.
    """
    if bad + 1 < len(frames) and frames[bad].salts != salts and frames[bad + 1].salts == salts:
        behind = frames[bad + 1]
        if behind.page == 1 or behind.pages == pages:
            raise DamageError(f"frame {bad + 1} is lost, and a later transaction begins behind it")


def _checksum(summed: bytes, before: Sums, *, big: bool) -> Sums:
    words = array("I", summed)
    if big != (sys.byteorder == "big"):
        words.byteswap()
    first, second = before
    pairs = iter(words)
    for even, odd in zip(pairs, pairs, strict=True):
        first = (first + even + second) & MASK
        second = (second + odd + first) & MASK
    return first, second


def _one_bit_off(words: int, computed: Sums, stored: Sums) -> bool:
    """Whether one flipped bit explains the difference: in the stored checksum, or in one of the words it is over.

    The checksum is linear: adding d to a word adds d times that word's weights, which depend on its place from the end only.
    """
    difference = ((stored[0] - computed[0]) & MASK, (stored[1] - computed[1]) & MASK)
    flips = [sign << bit & MASK for bit in range(32) for sign in (1, -1)]
    odd, even = (0, 1), (1, 1)
    weights = [(1, 0), (0, 1)]
    for _ in range(words // 2):
        weights += [odd, even]
        odd, even = _step(odd), _step(even)
    near = [(one, two) for one, two in weights if (one * difference[1] - two * difference[0]) & MASK == 0]  # whatever d was
    return any((one * flip & MASK, two * flip & MASK) == difference for one, two in near for flip in flips)


def _step(weight: Sums) -> Sums:
    """The weights of a word one pair further from the end."""
    first = (weight[0] + weight[1]) & MASK
    return first, (weight[1] + first) & MASK
