"""Power cuts of a disk with a cache that forgets: every write and flush that reached it is logged, and replayed up to a random moment.

QEMU's storage daemon shows a file as a disk (FUSE) and logs what it is told (blklogwrites); a loop device with ext4 lies on it. At a
crash point all writes before the last flush are kept; each later one is kept, lost, or torn: only some of its sectors are there. The
writer puts each receipt into the disk's last sector, so the log itself says what had been acknowledged by then. No virtual machine.
"""

import contextlib
import os
import random
import signal
import struct
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.disks import blank, checked, lacking, left, mounted, tmpfs, unmount
from tests.faults.result import Order, Result
from tests.faults.writers import SECTOR, STORES, WAIT_S, LostError, survived, writer

POINTS = 100
"""Crash points of each store."""
CARELESS_POINTS = 20
RECORDS = 3000
"""So many receipts make one log: some thousand writes."""
DISK_BYTES = 16 << 20
MEMORY_BYTES = 512 << 20
"""For the disk, its log and the copies; only what is used is taken."""
MAGIC = 0x6A736677736872
FLUSH, DISCARD = 1, 4
"""Flags of an entry, and before them the log's first bytes: dm-log-writes, as the Linux kernel documents it. A flush has no bytes here."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing the disk was told. `written` is empty for a flush alone, and for a discard."""

    at: int
    """Byte offset."""
    flags: int
    written: bytes


@dataclass(slots=True)
class Tally:
    """What was done at the crash points, and what was wrong after them."""

    points: int = 0
    acknowledged: int = 0
    """Receipts given before the crash points, all together."""
    dropped: int = 0
    torn: int = 0
    lost: list[str] = field(default_factory=list)


def inject(order: Order) -> Result:
    """`count` crash points for each store. The same check is first shown to find the loss of a store that does not sync."""
    if why := lacking("qemu-storage-daemon") or _no_fuse():
        return Result("writelog", {}, skipped=why)
    injected: dict[str, int] = {}
    points = order.count or POINTS
    proved, violations = [], []
    for store in STORES:
        order.told(store)
        careless = replay(order.folder, store, order.seed, min(points, CARELESS_POINTS), careless=True)
        tally = replay(order.folder, store, order.seed, points)
        if not careless.lost:
            violations.append(f"{store} with synchronous=OFF: nothing is lost, so this check cannot fail")
        for what, count in (("crash points", tally.points), ("lost writes", tally.dropped), ("torn writes", tally.torn)):
            injected[what] = injected.get(what, 0) + count
        injected[f"{store} acknowledgements"] = tally.acknowledged
        violations += tally.lost
        if not tally.lost:
            proved.append(
                f"{store}: 0 acknowledged records lost at {tally.points} crash points;"
                f" synchronous=OFF loses some at {len(careless.lost)} of {careless.points}"
            )
    return Result("writelog", injected, proved, violations)


def replay(folder: Path, store: str, seed: int, points: int, *, careless: bool = False) -> Tally:
    """Log one run of a writer, then crash the disk at so many random points of it, in order, and look each time."""
    luck, tally = random.Random(f"{seed} {store}"), Tally()
    with tmpfs(folder / "memory", MEMORY_BYTES) as memory:
        flushed, entries = bytearray(blank(memory / "disk", DISK_BYTES, 1024).read_bytes()), _log(memory, store, careless=careless)
        first = next(number for number, entry in enumerate(entries) if _receipt(entry)) if careless else 0
        crashes = Counter(luck.choices([number for number in _unsafe(entries) if number >= first], k=points))
        pending: list[Entry] = []
        acknowledged = 0
        for number, entry in enumerate(entries):
            if _receipt(entry):
                acknowledged = _receipt(entry)
            elif entry.written:
                pending.append(entry)
            for _ in range(crashes[number]):
                _look(memory, store, _torn(flushed, pending, luck, tally), acknowledged, f"entry {number}", tally)
            if entry.flags & FLUSH:
                for kept in pending:
                    _put(flushed, kept)
                pending = []
    return tally


def entries_of(log: bytes) -> list[Entry]:
    """A log as the disk's driver wrote it: a sector about itself, then for each entry one sector and what was written."""
    magic, version, count, sector_bytes = struct.unpack_from("<QQQL", log)
    assert (magic, version, sector_bytes) == (MAGIC, 1, SECTOR), "not a log of writes"
    found, at = [], SECTOR
    for _ in range(count):
        sector, sectors, flags, _ = struct.unpack_from("<QQQQ", log, at)
        size = 0 if flags & DISCARD else sectors * SECTOR
        assert not size or not flags & FLUSH, "a flush with bytes: this replay would keep them"
        found.append(Entry(sector * SECTOR, flags, log[at + SECTOR : at + SECTOR + size]))
        at += SECTOR + size
    return found


def _log(memory: Path, store: str, *, careless: bool) -> list[Entry]:
    """The log of one writer on one disk, from its first mount on."""
    disk, log = memory / "disk", memory / "log"
    with disk.open("ab") as file:
        file.truncate(DISK_BYTES + SECTOR)  # the receipts lie behind the file system
    words = ["--mark", str(memory / "shown"), str(DISK_BYTES), *(["--careless"] if careless else [])]
    with (
        _shown(disk, log, memory / "shown") as shown,
        mounted(shown, memory / "there", DISK_BYTES) as there,
        writer(store, there / "store", memory / "said", *words) as one,
    ):
        one.listen(WAIT_S, RECORDS)
        assert one.acknowledged >= RECORDS, f"the writer did not get so far: {one.acknowledged} records; {one.said}"
    return entries_of(log.read_bytes())


@contextlib.contextmanager
def _shown(disk: Path, log: Path, shown: Path) -> Iterator[Path]:
    """The file `disk` as the disk `shown`, whose writes and flushes go to `log` as well."""
    for path in (log, shown):
        path.touch()
    command = (
        *("qemu-storage-daemon", "--blockdev", f"driver=file,node-name=disk,filename={disk}"),
        *("--blockdev", f"driver=file,node-name=log,filename={log}"),
        *("--blockdev", f"driver=blklogwrites,node-name=both,file=disk,log=log,log-sector-size={SECTOR}"),
        *("--export", f"type=fuse,id=shown,node-name=both,mountpoint={shown},writable=on"),
    )
    daemon = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        _until_shown(daemon, shown)
        yield shown
    finally:
        daemon.send_signal(signal.SIGTERM)  # it writes its log to the end
        _, words = daemon.communicate(timeout=WAIT_S)
        if os.path.ismount(shown):
            unmount(shown)
    assert daemon.returncode == 0, f"qemu-storage-daemon: {words}"


def _until_shown(daemon: "subprocess.Popen[str]", shown: Path) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not os.path.ismount(shown):
        with contextlib.suppress(subprocess.TimeoutExpired):
            daemon.wait(0.01)
        assert daemon.returncode is None, f"qemu-storage-daemon: {daemon.communicate()[1]}"
        assert time.monotonic() < deadline_s, "qemu-storage-daemon shows no disk"


def _unsafe(entries: Sequence[Entry]) -> list[int]:
    """The entries after which something waits for a flush: between the others nothing can be lost."""
    found, waits = [], False
    for number, entry in enumerate(entries):
        waits = not entry.flags & FLUSH and (waits or (bool(entry.written) and entry.at < DISK_BYTES))
        found += [number] * waits
    return found


def _torn(flushed: bytearray, pending: Sequence[Entry], luck: random.Random, tally: Tally) -> bytearray:
    """The disk at a crash: of what was not flushed, each write is whole, gone, or there in some sectors only."""
    disk = bytearray(flushed)
    for entry in pending:
        fate = luck.randrange(3)
        if fate == 0:
            _put(disk, entry)
        elif fate == 1:
            tally.dropped += 1
        else:
            tally.torn += 1
            for sector in range(0, len(entry.written), SECTOR):
                if luck.random() < 0.5:
                    disk[entry.at + sector : entry.at + sector + SECTOR] = entry.written[sector : sector + SECTOR]
    return disk


def _put(disk: bytearray, entry: Entry) -> None:
    disk[entry.at : entry.at + len(entry.written)] = entry.written


def _receipt(entry: Entry) -> int:
    """The number of a receipt; 0 for any other entry."""
    return int.from_bytes(entry.written[:8], "big") if entry.at == DISK_BYTES else 0


def _look(memory: Path, store: str, disk: bytearray, acknowledged: int, case: str, tally: Tally) -> None:
    """Mount what is left, as at the next start, and open it with the real store."""
    tally.points += 1
    tally.acknowledged += acknowledged
    with mounted(checked(left(memory / "copy", disk)), memory / "seen") as seen:
        try:
            survived(store, seen / "store", acknowledged)
        except LostError as lost:
            tally.lost.append(f"{case}: {lost}")


def _no_fuse() -> str:
    return "" if Path("/dev/fuse").exists() else "this kernel has no FUSE (/dev/fuse): run it on one that has"
