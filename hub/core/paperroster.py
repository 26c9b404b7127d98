"""A day's roster on paper: who is on it, and the short code by which a pupil is found again when the times are typed in.

Badge codes are kept nowhere, so none can be printed here: the code names a pupil for one day, and opens nothing.
"""

import hashlib
import hmac
from datetime import date

from hub.core.calendar import day_code
from hub.core.dues import counts_as_present
from hub.core.lists import fold
from hub.core.school import Programme, Pupil, School
from proto.badge import ALPHABET, check_letter

LETTERS = 5
"""Of a code, without its check letter: two of a roster of 300 have the same once in a hundred days, and are then both shown."""


def expected(school: School, programme: Programme, day: date, group: str = "") -> tuple[Pupil, ...]:
    """Who is expected at a programme on a day, by class and name; of a class (`group`), all its pupils at the programme's site."""
    if group:
        found = [pupil for pupil in school.everyone if pupil.group == group and pupil.site == programme.site and pupil.is_here(day)]
    else:
        found = [school.pupils[number] for number in school.plans if counts_as_present(school, number, programme, day)]
    return tuple(sorted(found, key=lambda pupil: (fold(pupil.group), fold(pupil.last_name), fold(pupil.first_name), pupil.id)))


def short_code(key: bytes, pupil: int, day: date) -> str:
    """The code of a pupil on a day: six letters that every keyboard layout has in the same place, the last one checks the others."""
    number = int.from_bytes(hmac.digest(key, f"roster|{day_code(day)}|{pupil}".encode(), hashlib.sha256)[:8], "big")
    letters = ""
    for _ in range(LETTERS):
        number, digit = divmod(number, len(ALPHABET))
        letters += ALPHABET[digit]
    return letters + check_letter(letters)


def read_short(text: str) -> str | None:
    """The code in what was typed or scanned; None when it is none, or a letter of it is wrong."""
    upper = "".join(text.split()).upper()
    is_one = len(upper) == LETTERS + 1 and set(upper) <= set(ALPHABET)
    return upper if is_one and check_letter(upper[:-1]) == upper[-1] else None
