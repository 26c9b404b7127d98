"""Structured communications (Belgian OGM-VCS): the number by which a bank transfer says what it is for. Who has which is in the books.

Twelve digits: three for the family of the reference, seven counted in it, two to check (requirements, section 5; Q2).
"""

import enum
import re

COUNT = 10**7
"""References a family has."""
_WRITTEN = re.compile(r"(\+{3}|\*{3}|)(\d{3})/?(\d{4})/?(\d{5})\1", re.ASCII)


class Family(enum.IntEnum):
    """What is paid by it; the first three digits."""

    WALLET = 97
    INVOICE = 98
    REMINDER = 99


def reference(family: Family, number: int) -> int:
    """The reference with this number in its family, from 1. Raises ValueError when the family has no more."""
    if not 0 < number < COUNT:
        raise ValueError(f"reference {number} of family {family.name}: there are {COUNT - 1}")
    digits = family * COUNT + number
    return digits * 100 + _check(digits)


def number_of(of: int) -> int:
    """Which one in its family a reference is."""
    return of // 100 % COUNT


def following(given: dict[int, int], family: Family, ahead: int = 0) -> int:
    """The one that comes next behind the last of those `given`, or one further `ahead`; none is ever given again."""
    return reference(family, number_of(next(reversed(given), 0)) + 1 + ahead)


def printed(of: int) -> str:
    """As people and banks write it: `+++097/0000/00101+++`."""
    digits = f"{of:012}"
    return f"+++{digits[:3]}/{digits[3:7]}/{digits[7:]}+++"


def read_reference(text: str) -> int | None:
    """The reference a person wrote, with or without signs and spaces; None when its check digits do not fit."""
    found = _WRITTEN.fullmatch(re.sub(r"\s", "", text))
    if found is None:
        return None
    read = int("".join(found.groups()[1:]))
    return read if read % 100 == _check(read // 100) else None


def _check(digits: int) -> int:
    """The last two: modulo 97, 97 where nothing remains."""
    return digits % 97 or 97
