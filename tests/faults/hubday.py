"""A short day of a hub, in a process of its own: its real stores, desk and rules, without broker and pages.

`python -m tests.faults.hubday FOLDER TAPS` says what it finds ("had scan 1"), sets a small school up if there is none, takes taps and
changes names, says each thing once it has been promised ("scan 1"), and at the end what is there ("has scan 1"). The same day again
promises the same: what is known is answered from what is on disk.
"""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from hub.core import scans
from hub.core.facts import ScanTaken
from hub.core.school import Household, Rows, School
from hub.errors import HubError
from hub.memory import Memory, memory
from tests import schools
from tests.faults.disks import fill
from tests.schools import MONDAY, number, scan

REFUSED = 2
"""Exit status of a hub that does not start, as `preau-hub` has it."""
EVERY_TAPS = 4
"""Then a name is changed, too."""
SET_UP = 1
"""Ask of the first edit; the later ones count on."""
END = "end"


def main(arguments: Sequence[str] | None = None) -> int:
    """One day, or what a full or failing disk leaves of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("taps", type=int)
    parser.add_argument("--leave", type=int, default=-1, metavar="BYTES", help="once open, fill the disk but for so much")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.ERROR, format="%(message)s", stream=sys.stderr)
    try:
        asyncio.run(_day(options.folder, options.taps, options.leave))
    except HubError as error:
        print(error, file=sys.stderr)
        return REFUSED
    return 0


async def _day(folder: Path, taps: int, leave_bytes: int) -> None:
    async with memory(folder) as stores:
        for alarm in stores.folder.alarms():
            _tell(f"had alarm {alarm}")
        if leave_bytes >= 0:
            fill(folder.parent / "ballast", leave_bytes)
        await _say(stores, "had", taps)
        await stores.desk.edit(SET_UP, lambda _school: _town())
        _tell(f"edit {SET_UP}")
        for n in range(1, taps + 1):
            await tap(stores, n)
            _tell(f"scan {n}")
            if n % EVERY_TAPS == 0:
                ask = SET_UP + n // EVERY_TAPS
                await stores.desk.edit(ask, _named, ask)
                _tell(f"edit {ask}")
        await stores.history.caught_up(stores.desk.books.number)
        await _say(stores, "has", taps)
    _tell(END)


async def _say(stores: Memory, word: str, taps: int) -> None:
    """What is on disk: each scan as often as it is booked, each edit whose row is there, and the sum of all accounts."""
    async for commit in stores.journal.read():
        for fact in commit.facts:
            if isinstance(fact, ScanTaken):
                _tell(f"{word} scan {fact.n}")
    school = await stores.register.read_school()
    for ask in range(SET_UP, SET_UP + taps // EVERY_TAPS + 1):
        if (number("Tilleuls") in school.sites) if ask == SET_UP else (household(ask).id in school.households):
            _tell(f"{word} edit {ask}")
    _tell(f"{word} sum {stores.desk.books.total_cents()}")


async def tap(stores: Memory, n: int) -> None:
    """Record `n` of the meal till: children in turn, one a minute, ten hours a day."""
    days, minute = divmod(n, 600)
    who = ("Léa", "Tom", "Noé")[n % 3]
    arrived = scan(who, "meal-till", f"{7 + minute // 60:02}:{minute % 60:02}", day=MONDAY + timedelta(days=days), n=n)
    await stores.desk.do(arrived.ask, scans.take, arrived)


def _named(_school: School, ask: int) -> Rows:
    return (household(ask),)


def household(ask: int) -> Household:
    """What this edit leaves behind."""
    return Household(1_000_000 + ask, f"family {ask}")


def _town() -> Rows:
    return (*schools._places(), *schools._offers(), *schools._readers(), *schools._people())


def _tell(promised: str) -> None:
    os.write(sys.stdout.fileno(), f"{promised}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
