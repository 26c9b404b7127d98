"""What was meant: whom or what a word on the command line names, what its amounts and days are, and the options all commands share.

It decides nothing. What a word does not surely name is a RefusedError that has the word in it and says what to write instead.
"""

import argparse
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from hub.accounts import Accounts, Staff
from hub.clock import wall_ms
from hub.core.books import Books
from hub.core.facts import Refusal
from hub.core.kept import Wallet
from hub.core.money import read_cents
from hub.core.papers import MAX_REMARK, Note, remarked
from hub.core.references import printed, read_reference
from hub.core.school import Household, Pupil, School, Site
from hub.errors import RefusedError

if TYPE_CHECKING:
    from hub.register import Register

T = TypeVar("T")

FIRST_YEAR, LAST_YEAR = 1900, 2199
"""Days beyond are typing errors, and some are more than a calendar can reckon with."""
END_MS = 7_258_118_400_000
"""The end of the last year."""

# --- acts and instants ----------------------------------------------------------------------------


def act_of(acts: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, words: str) -> argparse.ArgumentParser:
    """An act of a command; `--config` may stand behind it too."""
    act = acts.add_parser(name, help=words)
    act.add_argument("--config", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return act


def add_instant(act: argparse.ArgumentParser) -> None:
    """The option of an act that is asked at an instant."""
    act.add_argument("--at-ms", type=instant_written, default=0, help="when it is asked, Unix ms (exercises; default: now)")


def asked_ms(options: argparse.Namespace) -> int:
    """The instant at which an act is asked."""
    return int(options.at_ms) or wall_ms()


# --- people and places ----------------------------------------------------------------------------


def pupil_called(school: School, text: str) -> Pupil:
    """The pupil with this number or these first and last names. Raises RefusedError for nobody, and for two, naming their numbers."""
    numbered = next((pupil for pupil in school.everyone if str(pupil.id) == text), None)
    if numbered is not None:
        return numbered
    found = [pupil for pupil in school.everyone if f"{pupil.first_name} {pupil.last_name}".casefold() == text.casefold()]
    if len(found) == 1:
        return found[0]
    if not found:
        raise RefusedError(f"`{text}` is no pupil of this school: write the first and the last name, or the number")
    raise RefusedError(f"`{text}` is several pupils: name one by its number: {', '.join(str(pupil.id) for pupil in found)}")


def pupil_of(school: School, household: str, last_name: str, first_name: str) -> Pupil | None:
    """The pupil with these names, of the household that is called so; None when nobody is, or several are."""
    homes = {home.id for home in households_called(school, household)}
    names = (last_name, first_name)
    found = [one for one in school.everyone if one.household in homes and (one.last_name, one.first_name) == names]
    return found[0] if len(found) == 1 else None


def pupils_by_names(school: School) -> dict[tuple[str, str, str], int]:
    """The pupils by household, last and first name, for a long list; 0 where two have the same."""
    found: dict[tuple[str, str, str], int] = {}
    for one in school.everyone:
        names = (school.households[one.household].name, one.last_name, one.first_name)
        found[names] = 0 if names in found else one.id
    return found


def households_called(school: School, text: str) -> list[Household]:
    """The households with this name, or the one with this number."""
    return [home for home in school.homes if text in (home.name, str(home.id))]


def household_called(school: School, text: str) -> Household:
    """The one household that is called so. Raises RefusedError."""
    found = households_called(school, text)
    if not found:
        raise RefusedError(f"no household `{text}`: write its name as it was imported, or its number")
    if len(found) > 1:
        raise RefusedError(several(text, found))
    return found[0]


def several(text: str, homes: Sequence[Household]) -> str:
    """What is said of a name that two households have."""
    return f"`{text}` is several households: name one by its number: {', '.join(_numbered(home) for home in homes)}"


def _numbered(home: Household) -> str:
    return f"{home.id} ({home.address})" if home.address else str(home.id)


def site_called(school: School, name: str) -> Site:
    """The site with this name. Raises RefusedError, naming those there are."""
    for site in school.sites.values():
        if site.name == name:
            return site
    raise RefusedError(f"`{name}` is no site: it is one of {', '.join(sorted(site.name for site in school.sites.values()))}")


async def staff_called(register: "Register", login: str) -> Staff:
    """The account with this login. Raises RefusedError."""
    staff = await Accounts(register).staff_by_login(login)
    if staff is None:
        raise RefusedError(f"`{login}` is no login of staff")
    if staff.ended_ms:
        raise RefusedError(f"`{login}` does not work here any more: name the login of who does this")
    return staff


def wallet_called(books: Books, written: str) -> Wallet:
    """The wallet with this structured communication. Raises RefusedError."""
    reference = read_reference(written)
    if reference is None:
        raise RefusedError(f"`{written}` is no structured communication: its check digits do not fit")
    if reference not in books.references:
        raise RefusedError(f"no wallet has {printed(reference)}: `preau-hub wallet list` shows them")
    return books.owners[books.references[reference]]


# --- amounts, days, numbers and notes -------------------------------------------------------------


def cents_written(text: str) -> int:
    """The cents of `12,50`. Raises RefusedError."""
    cents = read_cents(text)
    if cents is None:
        raise RefusedError(f"`{text}` is not an amount: write it as 12,50")
    return cents


def day_written(text: str) -> date:
    """The day `2025-01-31`, of a year that can be meant. Raises RefusedError."""
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise RefusedError(f"`{text}` is no day: write it as 2025-01-31") from error
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise RefusedError(f"`{text}` is too far off: days are from {FIRST_YEAR} to {LAST_YEAR}")
    return day


def in_order(first: date, last: date) -> tuple[date, date]:
    """Two days, both included. Raises RefusedError when the last one comes first."""
    if last < first:
        raise RefusedError(f"{last} is before {first}: give the first day, then the last one")
    return first, last


def whole_written(text: str) -> int:
    """A number from 0 that a 64-bit word can hold. Raises RefusedError."""
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) < 1 << 63):
        raise RefusedError(f"`{text}` is no number: write its digits")
    return int(text)


def instant_written(text: str) -> int:
    """Unix ms. Raises RefusedError."""
    instant_ms = whole_written(text)
    if instant_ms >= END_MS:
        raise RefusedError(f"`{text}` is too far off: an instant is in Unix ms, such as 1736155800000")
    return instant_ms


_NO_NOTE = {
    "note_long": f"the note is too long: write {MAX_REMARK} letters at most",
    "national": "the note holds what looks like a national register number, which Préau never stores: leave it out",
}


def note_written(text: str, pupil: int = 0, day: int = 0) -> Note:
    """What staff write beside an act, about a pupil's day (YYYYMMDD) where it is of one; its fact is not known yet. Raises RefusedError."""
    note = remarked(Note(0, text, pupil=pupil, day=day))
    if isinstance(note, Refusal):
        raise RefusedError(_NO_NOTE[note.code])
    return note


def either(words: Iterable[str]) -> str:
    """`a, b or c`."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def one_of(known: Iterable[T]) -> Callable[[str], T]:
    """How one of a few words is read; that raises RefusedError, naming them."""
    words = {str(each): each for each in known}

    def read(text: str) -> T:
        if text not in words:
            raise RefusedError(f"`{text}`: say {either(words)}")
        return words[text]

    return read
