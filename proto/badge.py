"""Badge codes and keyed badge hashes (design.md, Badges).

A badge is an opaque 80-bit number written in the 20 letters that sit on the same key in US, French, Belgian and German
layouts: `K`, 19 letters, one Luhn mod-20 check letter. What identifies a person is stored and sent only as a keyed hash.
A printed code identifies, it does not authenticate.
"""

import base64
import hashlib
import hmac

ALPHABET = "BCDEFGHIJKLNOPRSTUVX"
PREFIX = "K"
CODE_BYTES = 10
CODE_LENGTH = 21
MAX_READ = 512
"""Characters of the longest read any reader hands on; longer ones are dropped as over-long."""
CALIBRATION = "KAL:AQZWMY-_0123456789/"
"""Printed on the set-up sheet: exactly one key table turns a scanner's keys into this text (it holds the letters and signs that move)."""

_VALUE = {letter: value for value, letter in enumerate(ALPHABET)}
_DIGITS = CODE_LENGTH - 2


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
    size = len(ALPHABET)
    total = 0
    for place, letter in enumerate(reversed(letters)):
        product = _VALUE[letter] * (2 if place % 2 == 0 else 1)
        total += product // size + product % size
    return ALPHABET[-total % size]


def read_code(text: str) -> str | None:
    """The canonical badge code in what a reader typed (any case), or None when it is not one."""
    upper = text.strip().upper()
    if len(upper) != CODE_LENGTH or upper[0] != PREFIX or any(letter not in _VALUE for letter in upper[1:]):
        return None
    return upper if check_letter(upper[1:-1]) == upper[-1] else None


def tag(technology: str, uid: bytes) -> str:
    """The canonical form of a tag: technology, then its bytes in the order they are sent, e.g. `EM:6F007B3972`."""
    return f"{technology}:{uid.hex().upper()}"


def badge_hash(key: bytes, canonical: str) -> str:
    """What is stored and sent instead of a badge: 120 bits of HMAC-SHA256, as 20 letters."""
    return base64.urlsafe_b64encode(hmac.digest(key, canonical.encode(), hashlib.sha256)[:15]).decode()
