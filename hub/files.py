"""`preau-hub files`: family files at the command line, the hub stopped, and what was charged priced again when one is regularised.

It decides nothing (core/families.py, core/rerating.py). First the file is edited, then each pupil's charges are corrected under an
ask of their own; a run that was cut off is run again, and finds what is left to do.
"""

import argparse
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from hub.core import families
from hub.core.calendar import day_of
from hub.core.facts import Refusal
from hub.core.formulas import MAX_BRACKET
from hub.core.money import read_cents, write_cents
from hub.core.named import change, household_name, item_name, pupil_name
from hub.core.rerating import Past, Rerated, asks, corrected, family, rerated
from hub.core.school import FamilyFile, School, edited
from hub.errors import RefusedError
from hub.meant import act_of, add_instant, asked_ms, day_written, household_called, site_called, whole_written
from hub.settings import Settings

if TYPE_CHECKING:
    from hub.journal import Journal
    from hub.memory import Memory

_SENTENCES = {
    "no_such_household": "no such household, or no such site",
    "no_bracket": f"give a bracket from 1 to {MAX_BRACKET}, or the quotient familial",
    "file_over": "the file ends before it would count: look at its days",
    "same_day": "file {file} of this household counts from the same day on: correct that one with `regularise`",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `preau-hub files` understands."""
    acts = parser.add_subparsers(dest="act", required=True)
    made = {name: act_of(acts, name, (act.__doc__ or "").splitlines()[0]) for name, act in _ACTS.items()}
    made["list"].add_argument("household", nargs="?", default="", help="only this one")
    made["add"].add_argument("household", help="its name")
    made["add"].add_argument("--from", dest="since", type=day_written, required=True, help="its own first day, YYYY-MM-DD")
    made["add"].add_argument("--until", type=day_written, help="the first day it is over")
    made["add"].add_argument("--received", type=day_written, help="when it came in")
    made["regularise"].add_argument("file", type=whole_written, help="its number, as `list` shows it")
    made["regularise"].add_argument("--since", type=day_written, help="let it count from this earlier day on")
    made["regularise"].add_argument("--yes", action="store_true", help="do it; without, only show what would be done")
    add_instant(made["regularise"])
    for name in ("add", "regularise"):
        income = made[name].add_mutually_exclusive_group()
        income.add_argument("--bracket", type=whole_written, default=0, help=f"1 to {MAX_BRACKET}")
        income.add_argument("--qf", default="", help="the monthly quotient familial instead: 1 234,50")
        made[name].add_argument("--validated", type=day_written, help="when it was found in order (regularise: default today)")
        made[name].add_argument("--site", default="", help="whose deadline counts, where sites have different ones")


async def run(settings: Settings, options: argparse.Namespace) -> int:
    """Family files: list, add, regularise; what was charged is priced again, with a credit note for each line."""
    from hub.memory import memory

    async with memory(Path(settings.hub.data)) as stores:
        await _ACTS[options.act](stores, options)
    return 0


async def _list(stores: "Memory", options: argparse.Namespace) -> None:
    """Every family file: number, household, bracket or quotient, from when on it counts."""
    school = stores.desk.school
    wanted = household_called(school, options.household).id if options.household else 0
    for household, files in school.files.items():
        for file in files if wanted in (0, household) else ():
            print(_told(school, file))


async def _add(stores: "Memory", options: argparse.Namespace) -> None:
    """A file of a household; until it is validated it counts on no day."""
    school, desk = stores.desk.school, stores.desk
    household, qf_cents = household_called(school, options.household).id, _quotient(options.qf)
    file = FamilyFile(
        stores.new_ask(), household, options.since, options.until, options.bracket, qf_cents, options.received, options.validated
    )
    counting = _counting(school, _site(school, options.site), file, None)
    await desk.edit(stores.new_ask(), lambda _school: (counting,))
    print(_told(school, counting))
    if counting.validated_day is None:
        return
    changes = await _changes(stores.journal, desk.school, stores, counting)
    if changes:
        print(f"charges since then that would change: {len(changes)} (`preau-hub files regularise {file.id}` shows them)")


async def _regularise(stores: "Memory", options: argparse.Namespace) -> None:
    """Let a file count, from its validation or the day staff choose; charges since then are taken back and made again."""
    desk, now_ms = stores.desk, asked_ms(options)
    site, known = _site(desk.school, options.site), _file(desk.school, options.file)
    today = day_of(now_ms, desk.school.sites[site].zone)
    after = replace(known, validated_day=options.validated or known.validated_day or today)
    if options.bracket or options.qf:
        after = replace(after, bracket=options.bracket, qf_cents=_quotient(options.qf))
    if known.validated_day is not None and options.since and options.since > known.from_day:
        raise RefusedError(f"it counts from {known.from_day} on already: choose an earlier day")
    counting = _counting(desk.school, site, after, options.since or (known.from_day if known.validated_day else None))
    changes = await _changes(stores.journal, edited(desk.school, (counting,)), stores, counting)
    print(_told(desk.school, counting))
    for line in report(changes, desk.school):
        print(line)
    if not options.yes:
        print("nothing was written: add --yes to do this")
        return
    await desk.edit(stores.new_ask(), lambda _school: (counting,))
    together = asks(desk.books, stores.new_ask(), changes, today)
    for ask, some in together.items():
        await desk.do(ask, corrected, ask, some, now_ms)
    left = len(changes) - sum(len(some) for some in together.values())
    print(f"done; orders cancelled late, to be corrected when their day is over: {left}; do this again then" if left else "done")


_ACTS: dict[str, Callable[["Memory", argparse.Namespace], Awaitable[None]]] = {"list": _list, "add": _add, "regularise": _regularise}


def report(changes: Sequence[Rerated], school: School) -> Iterator[str]:
    """Each charge before and after, and what it makes together."""
    for one in changes:
        what = f"{one.day}  {pupil_name(school, one.charged.pupil)}, {item_name(school, one.charged.item)}"
        yield f"{what}: {change(one.charged.cents, one.cents)}  no. {one.charged.charge}"
    before_cents, after_cents = sum(one.charged.cents for one in changes), sum(one.cents for one in changes)
    yield f"{len(changes)} charges to correct: {change(before_cents, after_cents)}"


async def _changes(journal: "Journal", school: School, stores: "Memory", file: FamilyFile) -> tuple[Rerated, ...]:
    """What a household's charges come to in this school."""
    past = await past_of(journal, family(school, file.household))
    return rerated(school, stores.desk.books, past, file.household, file.from_day)


async def past_of(journal: "Journal", children: frozenset[int]) -> list[Past]:
    """What days are priced again from; of the journal, only what concerns these children is kept."""
    past: list[Past] = []
    async for commit in journal.read():
        past += [fact for fact in commit.facts if isinstance(fact, Past) and fact.pupil in children]
    return past


# --- words in, words out --------------------------------------------------------------------------


def _counting(school: School, site: int, file: FamilyFile, chosen_day: date | None) -> FamilyFile:
    """The file with the days on which it counts. Raises RefusedError."""
    rows = families.regularise(school, site, file, chosen_day)
    if isinstance(rows, Refusal):
        raise RefusedError(_SENTENCES[rows.code].format(**rows.numbers))
    (row,) = rows
    assert isinstance(row, FamilyFile)
    return row


def _file(school: School, number: int) -> FamilyFile:
    found = next((file for files in school.files.values() for file in files if file.id == number), None)
    if found is None:
        raise RefusedError(f"no file {number}: `preau-hub files list` shows them")
    return found


def _site(school: School, name: str) -> int:
    """The site whose deadline counts: the one that is named, or any where all have the same."""
    sites = [site_called(school, name)] if name else list(school.sites.values())
    if len({site.files_due_day for site in sites}) > 1:
        raise RefusedError("the sites have different deadlines for files: say with --site whose counts")
    return sites[0].id


def _quotient(written: str) -> int:
    """In cents; -1 where it is not stated."""
    cents = read_cents(written) if written else -1
    if cents is None or (written and cents < 0):
        raise RefusedError(f"`{written}` is no quotient familial: write it as 1 234,50")
    return cents


def _told(school: School, file: FamilyFile) -> str:
    """`7  Vanderzande  bracket 4  counts from 2025-01-06  validated 2025-01-06`."""
    income = f"bracket {file.bracket}" if file.bracket else f"QF {write_cents(file.qf_cents)}"
    counts = f"counts from {file.from_day}" if file.validated_day else "not validated, counts on no day"
    days = [f"until {file.until_day}"] if file.until_day else []
    days += [f"received {file.received_day}"] if file.received_day else []
    days += [f"validated {file.validated_day}"] if file.validated_day else []
    return "  ".join((str(file.id), household_name(school, file.household), income, counts, *days))
