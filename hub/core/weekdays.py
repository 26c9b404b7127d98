"""Days of the week as lists write them: `lu ma je ve`, `maandag, woensdag`, `Mon Tue`, `1,2,4` (1 = Monday). 0 = Monday in what comes out.

A French `ma` is Tuesday and a Dutch one Monday: a list is read in the languages in which all of it can be read, and where they differ
even then, nothing is guessed.
"""

import re
from collections.abc import Iterable
from typing import Literal, get_args

from hub.core.lists import fold

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
"""Monday first; how they are shown, and written in a list."""
_NAMES = {
    "fr": "lu lun lundi|ma mar mardi|me mer mercredi|je jeu jeudi|ve ven vendredi|sa sam samedi|di dim dimanche",
    "nl": "ma maa maandag|di din dinsdag|wo woe woensdag|do don donderdag|vr vri vrijdag|za zat zaterdag|zo zon zondag",
    "de": "mo mon montag|di die dienstag|mi mit mittwoch|do don donnerstag|fr fre freitag|sa sam samstag|so son sonntag",
    "en": "mo mon monday|tu tue tues tuesday|we wed wednesday|th thu thur thurs thursday|fr fri friday|sa sat saturday|su sun sunday",
}
_DAYS = {
    language: {name: day for day, words in enumerate(names.split("|")) for name in words.split()} for language, names in _NAMES.items()
}
_BETWEEN = re.compile(r"[\s,;/+.&]+")
Languages = tuple[str, ...]


def languages_of(cells: Iterable[str]) -> Languages:
    """The languages in which every one of these cells names days; all of them where there is none."""
    written = tuple(cells)
    fit = tuple(language for language in _DAYS if all(_read(cell, language) for cell in written))
    return fit or tuple(_DAYS)


def read_weekdays(text: str, languages: Languages) -> frozenset[int] | None:
    """The days that a cell names; None when it names none, names what is no day, or could mean two things."""
    meanings = {found for found in (_read(text, language) for language in languages) if found}
    return meanings.pop() if len(meanings) == 1 else None


def write_weekdays(days: Iterable[int]) -> str:
    """`mon tue thu fri`."""
    return " ".join(WEEKDAYS[day] for day in sorted(days))


def _read(text: str, language: str) -> frozenset[int]:
    """The days in one language; empty when a word of it is none. `lu-ve` is none: it could be two days or five."""
    found: set[int] = set()
    for word in filter(None, _BETWEEN.split(text)):
        days = [_digit(sign) for sign in word] if word.isdecimal() else [_DAYS[language].get(fold(word) if word.isalpha() else "", -1)]
        if not all(0 <= day < len(WEEKDAYS) for day in days):
            return frozenset()
        found.update(days)
    return frozenset(found)


def _digit(sign: str) -> int:
    return int(sign) - 1
