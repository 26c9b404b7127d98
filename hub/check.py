"""`preau-hub check`: audit a data folder, say what was proved, and what is wrong and what to do about it. The hub is stopped meanwhile.

It only looks, unless it is told to make the history again. The rules are in core/audit.py and historycheck.py.
"""

import argparse
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hub.core.audit import Audit, Report
from hub.settings import Settings

if TYPE_CHECKING:
    from hub.historycheck import Compared
    from hub.journal import Journal
    from hub.register import Register

WRONG = 1
"""Exit status when something was not proved; the sentences are on stdout."""
_REBUILD = "`preau-hub check --rebuild` makes the tables again from the journal, which is the truth."


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `preau-hub check` understands."""
    parser.add_argument("--rebuild", action="store_true", help="make the history's tables again from the journal, after they were compared")


async def run(settings: Settings, options: argparse.Namespace) -> int:
    """Audit a data folder: chain, entries, wallets, charges, meals, days, scans, tills, and the history; say what was proved."""
    from hub.historycheck import compared

    audit = Audit()
    async with _opened(Path(settings.hub.data), audit) as (journal, register):
        print(f"proved: journal: {audit.number} facts, every row fits the one before, head {journal.head.hex()[:16]}")
        report = audit.report(await register.read_school())
        for line in _lines(report):
            print(line)
        found = await compared(register, journal, audit.books)
        for line in _of_history(found, journal.durable):
            print(line)
        if options.rebuild:
            await _rebuild(register, journal)
    wrong = [verdict.topic for verdict in report.verdicts if verdict.complaints] + ["history"] * bool(found.complaints.first)
    print(f"not everything was proved: {', '.join(wrong)}" if wrong else "everything was proved")
    return WRONG if wrong else 0


@contextlib.asynccontextmanager
async def _opened(data: Path, audit: Audit) -> AsyncIterator[tuple["Journal", "Register"]]:
    """The folder, locked; its journal verified and taken by the audit on the way; its register. The history is left as it is found."""
    from hub.folder import Folder, stop_at_once
    from hub.journal import Journal
    from hub.register import Register

    async with contextlib.AsyncExitStack() as stack:
        folder = Folder(data)
        stack.callback(folder.close)
        journal = await Journal.open(folder, stop_at_once, audit.take)
        stack.push_async_callback(journal.close)
        register = await Register.open(folder, stop_at_once)
        stack.push_async_callback(register.close)
        yield journal, register


async def _rebuild(register: "Register", journal: "Journal") -> None:
    from hub.history import History

    history = await History.open(register, journal)
    try:
        await history.rebuild()
    finally:
        await history.close()
    print(f"history: made again from the journal, up to fact {history.number}")


def _lines(report: Report) -> Iterator[str]:
    for verdict in report.verdicts:
        if verdict.complaints:
            yield from _wrong(verdict.topic, verdict.complaints, verdict.more, verdict.advice)
        else:
            yield f"proved: {verdict.topic}: {verdict.sentence}"
    yield from (f"note: {note}" for note in report.notes)


def _of_history(found: "Compared", durable: int) -> Iterator[str]:
    behind = f"; facts {found.number + 1} to {durable} are copied at the next start" if found.number < durable else ""
    if found.complaints.first:
        yield from _wrong("history", tuple(found.complaints.first), found.complaints.more, _REBUILD)
    else:
        yield f"proved: history: {found.rows} rows are what the journal makes, up to fact {found.number}{behind}"


def _wrong(topic: str, complaints: tuple[str, ...], more: int, advice: str) -> Iterator[str]:
    yield f"WRONG:  {topic}"
    yield from (f"          {complaint}" for complaint in complaints)
    if more:
        yield f"          and {more} more of this kind"
    yield f"        what to do: {advice}"
