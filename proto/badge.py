"""Badge codes and keyed badge hashes (design.md, Badges).

A badge is an opaque 80-bit number written in the 20 letters that sit on the same key in US, French, Belgian and German
layouts: `K`, 19 letters, one Luhn mod-20 check letter. What identifies a person is stored and sent only as a keyed hash.
A printed code identifies, it does not authenticate.
"""

import base64
import functools
import hashlib

ALPHABET = "BCDEFGHIJKLNOPRSTUVX"
PREFIX = "K"
CODE_BYTES = 10
CODE_LENGTH = 21
MAX_READ = 512
"""Characters of the longest read any reader hands on; longer ones are dropped as over-long."""
CALIBRATION = "KAL:AQZWMY-_0123456789/"
"""Printed on the set-up sheet: exactly one key table turns a scanner's keys into this text (it holds the letters and signs that move)."""

_VALUE = {letter: value for value, letter in enumerate(ALPHABET)}
_DOUBLED = {letter: sum(divmod(2 * value, len(ALPHABET))) for letter, value in _VALUE.items()}
_LETTERS = frozenset(ALPHABET)
_DIGITS = CODE_LENGTH - 2
_BLOCK_BYTES = 64  # of SHA-256


def code(secret: bytes) -> str:
    """The badge code of ten random bytes: 00112233445566778899 -> KBBBKOVDUBJFIHBPPPPGD."""
    if len(secret) != CODE_BYTES:
        raise ValueError(f"a badge code is made of {CODE_BYTES} bytes, not {len(secret)}")
    number = int.from_bytes(secret, "big")
    letters = ""
    for _ in range(_DIGITS):
        number, digit = divmod(number, len(ALPHABET))
        letters = ALPHABET[digit] + letters
    return PREFIX + letters + check_letter(letters)


def check_letter(letters: str) -> str:
    """Luhn modulo 20 from the right, factors 2, 1, 2, …: finds any single wrong letter."""
    total = sum(map(_DOUBLED.__getitem__, letters[::-2])) + sum(map(_VALUE.__getitem__, letters[-2::-2]))
    return ALPHABET[-total % len(ALPHABET)]


def read_code(text: str) -> str | None:
    """The canonical badge code in what a reader typed (any case), or None when it is not one."""
    upper = text.strip().upper()
    if len(upper) != CODE_LENGTH or upper[0] != PREFIX or not _LETTERS.issuperset(upper[1:]):
        return None
    return upper if check_letter(upper[1:-1]) == upper[-1] else None


def tag(technology: str, uid: bytes) -> str:
    """The canonical form of a tag: technology, then its bytes in the order they are sent, e.g. `EM:6F007B3972`."""
    return f"{technology}:{uid.hex().upper()}"


def badge_hash(key: bytes, canonical: str) -> str:
    """What is stored and sent instead of a badge: 120 bits of HMAC-SHA256, as 20 letters."""
    inside, outside = (begun.copy() for begun in _begun(key))
    inside.update(canonical.encode())
    outside.update(inside.digest())
    return base64.urlsafe_b64encode(outside.digest()[:15]).decode()


@functools.lru_cache(maxsize=4)
def _begun(key: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    """The two hashes of HMAC (RFC 2104) with the key in them: what is the same for each badge costs more than a badge."""
    if len(key) > _BLOCK_BYTES:
        key = hashlib.sha256(key).digest()
    block = key.ljust(_BLOCK_BYTES, b"\0")
    return hashlib.sha256(bytes(byte ^ 0x36 for byte in block)), hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
