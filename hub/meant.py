"""What was meant: whom or what a word on the command line names, what its amounts and days are, and the options all commands share.

It decides nothing. What a word does not surely name is a RefusedError that has the word in it and says what to write instead.
"""

import argparse
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from hub.accounts import Accounts, Staff
from hub.core.books import Books
from hub.core.kept import Wallet
from hub.core.money import read_cents
from hub.core.references import printed, read_reference
from hub.core.school import Pupil, School, Site
from hub.errors import RefusedError

if TYPE_CHECKING:
    from hub.register import Register

# --- acts and instants ----------------------------------------------------------------------------


def act_of(acts: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, words: str) -> argparse.ArgumentParser:
    """An act of a command; `--config` may stand behind it too."""
    act = acts.add_parser(name, help=words)
    act.add_argument("--config", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return act


def add_instant(act: argparse.ArgumentParser) -> None:
    """The option of an act that is asked at an instant."""
    act.add_argument("--at-ms", type=int, default=0, help="when it is asked, Unix ms (exercises; default: now)")


def asked_ms(options: argparse.Namespace) -> int:
    """The instant at which an act is asked."""
    return int(options.at_ms) or time.time_ns() // 1_000_000


# --- people and places ----------------------------------------------------------------------------


def pupil_called(school: School, text: str) -> Pupil:
    """The pupil with this number or these first and last names. Raises RefusedError for nobody, and for two, naming their numbers."""
    if text.isdecimal() and int(text) in school.pupils:
        return school.pupils[int(text)]
    found = [pupil for pupil in school.pupils.values() if f"{pupil.first_name} {pupil.last_name}".casefold() == text.casefold()]
    if len(found) == 1:
        return found[0]
    numbers = ", ".join(str(pupil.id) for pupil in found)
    raise RefusedError(f"`{text}` is {f'several pupils: name one by its number: {numbers}' if found else 'no pupil of this school'}")


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
    return staff


def wallet_called(books: Books, written: str) -> Wallet:
    """The wallet with this structured communication. Raises RefusedError."""
    reference = read_reference(written)
    if reference is None:
        raise RefusedError(f"`{written}` is no structured communication: its check digits do not fit")
    if reference not in books.references:
        raise RefusedError(f"no wallet has {printed(reference)}: `preau-hub wallet list` shows them")
    return books.owners[books.references[reference]]


# --- amounts and days -----------------------------------------------------------------------------


def cents_written(written: str) -> int:
    """The cents of `12,50`. Raises RefusedError."""
    cents = read_cents(written)
    if cents is None:
        raise RefusedError(f"`{written}` is not an amount: write it as 12,50")
    return cents


def day_written(written: str) -> date:
    """The day `2025-01-31`. Raises RefusedError."""
    try:
        return date.fromisoformat(written)
    except ValueError as error:
        raise RefusedError(f"`{written}` is no day: write it as 2025-01-31") from error
