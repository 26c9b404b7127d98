"""Writers that are cut off: the real journal and the real outbox in a process of their own that says each receipt it gives.

`python -m tests.faults.writers STORE FOLDER` goes on where the folder ends, until it is killed or its disk fails. `survived` then
says how much of it there is, and whether it is what was written. Records are numbered from 1: what number n is follows from n.
"""

import argparse
import asyncio
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from edge.errors import EdgeError, StoreError
from edge.outbox import SqliteOutbox
from hub.core.facts import Fact
from hub.errors import HubError
from hub.folder import EXIT_DISK, Folder, stop_at_once
from hub.journal import Journal
from proto.messages import ClockQuality, Light, Line, Scan, Shown
from tests.stores import alive, all_facts, asks

STORES = ("journal", "outbox")
SEED = 19
"""Of all facts written here: the same in each life, so that what is found can be compared."""
MANY = 10_000_000
WAITING = 4
"""Asks that wait for the journal at once: commits of one row and of several."""
LIFE_RECORDS = 500
"""Records of one incarnation of the device."""
SECTOR = 512
_LETTERS = str.maketrans("0123456789", "BCDEFGHIJK")
REFUSED = 2
"""Exit status of a store that cannot be opened."""
FULL = 75
"""Exit status of an outbox whose card is full and not broken (EX_TEMPFAIL)."""
WAIT_S = 60.0

Told = Callable[[int], None]
"""Receipt: everything up to this number is safe."""


class LostError(Exception):
    """What was acknowledged is not there, or what is there was never written; the text says what.

    `missing`: how many records only the end lacks; 0 for anything else.
    """

    def __init__(self, text: str, missing: int = 0) -> None:
        super().__init__(text)
        self.missing = missing


# --- the writing process --------------------------------------------------------------------------


def main() -> int:
    """Write until something ends us."""
    parser = argparse.ArgumentParser()
    parser.add_argument("store", choices=STORES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--careless", action="store_true", help="synchronous=OFF: what the checks must find")
    parser.add_argument("--mark", nargs=2, metavar=("FILE", "OFFSET"), help="write each receipt there too, past every cache")
    options = parser.parse_args()
    told = _marking(Path(options.mark[0]), int(options.mark[1])) if options.mark else _saying
    try:
        if options.store == "journal":
            asyncio.run(_write_journal(options.folder, told, careless=options.careless))
        else:
            _write_outbox(options.folder, told, careless=options.careless)
    except (HubError, EdgeError, OSError) as error:
        print(error, file=sys.stderr)
        if isinstance(error, StoreError):
            os._exit(EXIT_DISK if error.fatal else FULL)  # as the device does
        return REFUSED
    return 0


async def _write_journal(path: Path, told: Told, *, careless: bool) -> None:
    journal = await Journal.open(Folder(path), stop_at_once)
    if careless:
        await journal._writing.execute("PRAGMA synchronous=OFF")
    free = asyncio.Semaphore(WAITING)
    number, begun = 0, journal.durable

    def done(number: int) -> None:
        told(number)
        free.release()

    for facts in asks(SEED, MANY):
        number += len(facts)
        if number > begun:
            await free.acquire()
            journal.append(facts, partial(done, number))


def _write_outbox(path: Path, told: Told, *, careless: bool) -> None:
    path.mkdir(exist_ok=True)
    box = SqliteOutbox(path, lambda: 0)
    if careless:
        box._db.execute("PRAGMA synchronous=OFF")
    for number in range(box.archived() + box.unsettled() + 1, MANY, 3):
        answered, own = [scan(number, by_hub=True), scan(number + 1, by_hub=True)], scan(number + 2)
        box.append(answered, [own])
        told(number + 2)
        if number % 8 == 0:
            box.settle([Line(own.inc, own.n, own.n)])


def scan(number: int, *, by_hub: bool = False) -> Scan:
    """Record `number` of all; the device was started anew every LIFE_RECORDS records."""
    life, n = divmod(number - 1, LIFE_RECORDS)
    shown = Shown(Light.ACCEPTED, "arrived", by_hub=by_hub)
    return Scan(
        inc=f"{life:016x}",
        n=n + 1,
        reader="door-1",
        badge=f"{number:020}".translate(_LETTERS),
        boot="0" * 16,
        mono_ms=number,
        wall_ms=number,
        err_ms=15,
        clock=ClockQuality.NTP,
        shown=shown,
    )


def _saying(number: int) -> None:
    os.write(sys.stdout.fileno(), b"%d\n" % number)


def _marking(disk: Path, offset: int) -> Told:
    """Each receipt in turn over the one before: what reaches the disk there was given before."""
    file = os.open(disk, os.O_WRONLY)

    def told(number: int) -> None:
        os.pwrite(file, number.to_bytes(8, "big").ljust(SECTOR, b"\0"), offset)
        _saying(number)

    return told


# --- the same, seen from outside ------------------------------------------------------------------


@dataclass(slots=True)
class Writer:
    """A writing process. `acknowledged`: the last receipt that came out of it; `said`: what it wrote on stderr."""

    process: "subprocess.Popen[bytes]"
    log: Path
    acknowledged: int = 0
    _rest: bytes = b""

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def listen(self, seconds: float, until: int = MANY) -> None:
        """Take receipts for so long, until this one has come, or until it ends."""
        deadline_s = time.monotonic() + seconds
        while self.acknowledged < until and (left_s := deadline_s - time.monotonic()) > 0:
            if select.select([self._pipe], [], [], left_s)[0] and not self._take():
                return

    def stop(self) -> None:
        """SIGSTOP, and every receipt given before it."""
        assert self.process.poll() is None, f"the writer ended by itself: {self.said}"
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        while select.select([self._pipe], [], [], 0)[0] and self._take():
            pass

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def ended(self) -> int:
        """Its exit status, once it has ended by itself; what it acknowledged until then counts."""
        self.listen(WAIT_S)
        return self.process.wait(WAIT_S)

    @property
    def _pipe(self) -> int:
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def _take(self) -> bool:
        """What the pipe holds; False at its end."""
        came = os.read(self._pipe, 65536)
        *whole, self._rest = (self._rest + came).split(b"\n")
        if whole:
            self.acknowledged = int(whole[-1])
        return bool(came)


@contextmanager
def writer(store: str, folder: Path, log: Path, *words: str, environ: dict[str, str] | None = None) -> Iterator[Writer]:
    """A writer at work, killed afterwards."""
    command = [sys.executable, "-m", "tests.faults.writers", store, str(folder), *words]
    with (
        log.open("wb") as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, env={**os.environ, **(environ or {})}) as one,
    ):
        try:
            yield Writer(one, log)
        finally:
            one.kill()


# --- what is there --------------------------------------------------------------------------------


def survived(store: str, folder: Path, acknowledged: int) -> int:
    """How many records are there. Raises LostError when that is fewer than were acknowledged, or when they are not as they were written."""
    try:
        found = asyncio.run(_facts_in(folder)) if store == "journal" else _scans_in(folder)
    except (HubError, EdgeError) as error:
        raise LostError(f"the {store} does not open: {error}") from error
    if found < acknowledged:
        raise LostError(f"{acknowledged - found} of {acknowledged} acknowledged records of the {store} are lost", acknowledged - found)
    return found


async def _facts_in(path: Path) -> int:
    folder = Folder(path)
    try:
        journal = await Journal.open(folder, alive)
        try:
            facts = await all_facts(journal)
        finally:
            await journal.close()
    finally:
        folder.close()
    if facts != list(islice(_all_facts(), len(facts))):
        raise LostError("the journal holds facts that were never written so")
    return len(facts)


def _all_facts() -> Iterator[Fact]:
    return (fact for ask in asks(SEED, MANY) for fact in ask)


def _scans_in(folder: Path) -> int:
    """Everything is asked for again, as by a hub restored from a backup: the archive counts too."""
    folder.mkdir(exist_ok=True)
    with closing(SqliteOutbox(folder, lambda: 0)) as box:
        count = box.archived() + box.unsettled()
        box.settle([Line(line.inc, 0, 0) for line in box.lines()])
        found = list(box._contiguous({}))
        if box.damaged or box.unreadable or list(folder.glob("*damaged*")):
            raise LostError("the outbox was damaged")
    wanted = [scan(number, by_hub=number % 3 != 0) for number in range(1, count + 1)]
    if found != wanted:
        raise LostError("the outbox holds records that were never written so, or not in order")
    return count


if __name__ == "__main__":
    sys.exit(main())
