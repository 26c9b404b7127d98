"""Disks that fail: the n-th write or sync of the real hub's stores and of the real device, and a real EIO of the kernel.

What must hold: the program ends, or nothing was harmed; the next start serves; whatever was promised is there, exactly once, and
nothing else is. After a failed fsync the kernel shows pages that are on no disk (reliability.md, 2.4), so what the next start goes on
with is cut off by a power cut, too.
"""

import random
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hub.folder import EXIT_DISK
from proto.messages import YES
from tests.faults import disks, edgeday, shimmed
from tests.faults.hubday import END, REFUSED
from tests.faults.result import Order, Result
from tests.faults.shimmed import Ended, Fault, Nursery, nursery
from tests.faults.writers import FULL, STORES, WAIT_S, LostError, survived, writer

TAPS = 6
"""Of the hub's short day: about 200 calls to the disk, a new school included."""
ROUNDS = 8
"""Disks that fail inside the kernel, for each store."""
DISK_BYTES, MEMORY_BYTES = 24 << 20, 18 << 20
"""The image promises more than its memory holds."""
LAST_RECORDS = 40
"""Those of the last commit, at most."""
MORE = 200
"""Records of the start after the error, before its power is cut."""
HUB = "tests.faults.hubday"


@dataclass(slots=True)
class Tally:
    """What failed, what was promised, how programs ended, and what was wrong."""

    failed: int = 0
    promised: int = 0
    ends: Counter[int] = field(default_factory=Counter)
    gave_up: int = 0
    """Failing disks whose file system the kernel made read-only."""
    taken_along: int = 0
    """Records that such a file system had reported as synced, and had not."""
    wrong: list[str] = field(default_factory=list)


def inject(order: Order) -> Result:
    """Every n of both short days, or `count` of them spread evenly; and a tenth as many failing disks."""
    if why := shimmed.lacking():
        return Result("ioerrors", {}, skipped=why)
    hub, device, kernel = Tally(), Tally(), Tally()
    with nursery(order.folder) as forks:
        order.told("every call of a hub's day")
        hub_days(forks, order.folder, order.count, hub)
        order.told("every call of a device's day")
        device_days(forks, order.folder, order.count, device)
    why = disks.lacking()
    if not why:
        order.told("errors of the kernel")
        for store in STORES:
            overcommitted(order.folder, store, order.seed, max(1, order.count // 10) if order.count else ROUNDS, kernel)
    tallies = (("failed calls of the hub", hub), ("failed calls of the device", device), *([] if why else [("failed disks", kernel)]))
    injected = {what: tally.failed for what, tally in tallies}
    injected["promises"] = sum(tally.promised for _, tally in tallies)
    violations = [sentence for _, tally in tallies for sentence in tally.wrong]
    proved = [f"{what}: 0 of {tally.promised:,} promises broken; {_ends(tally)}" for what, tally in tallies if not tally.wrong]
    if kernel.gave_up:
        proved.append(
            f"of the failed disks {kernel.gave_up} lost their file system (read-only), and with it {kernel.taken_along} last records"
        )
    return Result("ioerrors", injected, [*proved, *([f"NOT the kernel's own errors: {why}"] if why else [])], violations)


def _ends(tally: Tally) -> str:
    words = {0: "went on unharmed", EXIT_DISK: "ended at once", REFUSED: "refused to start", FULL: "full", -signal.SIGKILL: "went on"}
    return ", ".join(f"{count} {words.get(status, f'ended with {status}')}" for status, count in tally.ends.items())


# --- the hub --------------------------------------------------------------------------------------


def hub_days(forks: Nursery, folder: Path, count: int, tally: Tally) -> None:
    """A new hub's day for each call that fails, and the same day again on what it left."""
    calls = _hub_day(forks, folder / "hub-0", Fault()).calls
    for nth in spread(calls, count):
        fault = Fault(nth)
        first = _hub_day(forks, folder / f"hub-{nth}", fault)
        again = _hub_day(forks, folder / f"hub-{nth}", Fault())
        tally.failed += first.calls >= nth
        tally.promised += len(promises(first))
        tally.ends[first.status] += 1
        tally.wrong += [f"hub, {fault}: {sentence}" for sentence in broken(first, again)]


def spread(calls: int, count: int) -> Sequence[int]:
    """All numbers from 1 to `calls`, or `count` of them."""
    return range(1, calls + 1) if not count else sorted({1 + calls * nth // count for nth in range(count)})


def _hub_day(forks: Nursery, folder: Path, fault: Fault) -> Ended:
    return forks.run(HUB, [str(folder), str(TAPS)], folder, fault)


def promises(day: Ended) -> list[str]:
    """What a day said it had done."""
    return [line for line in day.told if not line.startswith(("had ", "has ")) and line != END]


def broken(first: Ended, again: Ended) -> Iterator[str]:
    """What does not hold of a day that failed and of the same day afterwards."""
    if first.status not in (0, EXIT_DISK, REFUSED) or "Traceback" in first.said:
        yield f"it ended with {first.status}: {first.said[-300:]}"
    if first.status == 0 and END not in first.told:
        yield "it ended as if nothing had happened"
    if first.status and not first.said:
        yield "it ended without a word"
    if again.status or END not in again.told:
        yield f"the next start does not serve: {again.status}, {again.said[-300:]}"
        return
    for promise in promises(first):
        if f"had {promise}" not in again.told:
            yield f"{promise} was promised and is lost"
    there = Counter(line for line in again.told if line.startswith("has "))
    if there != Counter(f"has {promise}" for promise in promises(again)) + Counter(["has sum 0"]):
        yield f"after the next day the stores hold {sorted(there.items())}"


# --- the device -----------------------------------------------------------------------------------


def device_days(forks: Nursery, folder: Path, count: int, tally: Tally) -> None:
    """A device's day without a hub for each call that fails; then it is started again, and must light again."""
    calls = edgeday.day(forks, edgeday.card(folder / "edge-0"), Fault()).ended.calls
    for nth in spread(calls, count):
        card, fault = edgeday.card(folder / f"edge-{nth}"), Fault(nth)
        day = edgeday.day(forks, card, fault)
        kept = edgeday.stored(card)
        again = edgeday.day(forks, card, Fault())
        tally.failed += day.ended.calls >= nth
        tally.promised += sum(light in YES for light in day.lit.values())
        tally.ends[day.ended.status] += 1
        tally.wrong += [f"device, {fault}: {sentence}" for sentence in edgeday.unkept(day, kept)]
        if not edgeday.serves(again):
            tally.wrong.append(f"device, {fault}: the next start does not serve: {again}")


# --- the kernel -----------------------------------------------------------------------------------


def overcommitted(folder: Path, store: str, seed: int, rounds: int, tally: Tally) -> None:
    """The image of a disk grows in a memory that is suddenly used up: the kernel's own EIO or ENOSPC, at a write or a sync.

    Then there is room again, and the next start goes on, where the kernel lets it, on what the page cache shows; at last the power is cut.
    """
    luck = random.Random(f"{seed} {store}")
    for nth in range(1, rounds + 1):
        with disks.tmpfs(folder / "memory", MEMORY_BYTES) as memory:
            image = disks.blank(memory / "disk", DISK_BYTES)
            with disks.mounted(image, memory / "there") as there:
                if nth % 2:
                    disks.wear(there)
                status, acknowledged = _failing(there, folder / "said", store, luck)
                tally.failed += status in (EXIT_DISK, FULL)
                tally.ends[status] += 1
                acknowledged, sentence, gave_up = _after(there, folder / "said", store, acknowledged)
                held = disks.pulled(image)
            tally.promised += acknowledged
            _judge(tally, f"{store}, failing disk {nth}", sentence, _lost(held, folder, store, acknowledged), gave_up=gave_up)


def _failing(there: Path, said: Path, store: str, luck: random.Random) -> tuple[int, int]:
    """A writer whose disk fails after some receipts: its exit status, and the last receipt it gave."""
    with writer(store, there / "store", said) as one:
        one.listen(WAIT_S, luck.randint(1, 400))
        ballast = there.parent / "ballast"
        disks.fill(ballast, luck.randrange(8) * 4096)
        status = one.ended()
        ballast.unlink()
        return status, one.acknowledged


def _judge(tally: Tally, case: str, sentence: str, lost: LostError | None, *, gave_up: bool) -> None:
    """A file system that gave up itself may take along the end of what it had reported as synced: that is told, and is not our promise."""
    tally.gave_up += gave_up
    if lost is not None and gave_up and 0 < lost.missing <= LAST_RECORDS:
        tally.taken_along += lost.missing
    elif lost is not None:
        tally.wrong.append(f"{case}: {lost}")
    if sentence:
        tally.wrong.append(f"{case}: {sentence}")


def _after(there: Path, said: Path, store: str, acknowledged: int) -> tuple[int, str, bool]:
    """The next start on the same mount: it goes on, or it says why not.

    The last receipt of both, what is wrong, and whether the kernel has made the file system read-only.
    """
    with writer(store, there / "store", said) as one:
        one.acknowledged = acknowledged
        one.listen(WAIT_S, acknowledged + MORE)
        going_on = one.process.poll() is None
        if going_on:
            one.stop()
        wrong = "" if going_on or (one.ended() in (EXIT_DISK, REFUSED, FULL) and one.said) else f"the next start fails: {one.said[-300:]}"
        return one.acknowledged, wrong, "Read-only file system" in one.said


def _lost(held: bytes, folder: Path, store: str, acknowledged: int) -> LostError | None:
    """What the medium lacks, mounted as by the next boot."""
    with (
        disks.tmpfs(folder / "other", 2 * DISK_BYTES) as memory,
        disks.mounted(disks.checked(disks.left(memory / "disk", held)), memory / "there") as there,
    ):
        try:
            survived(store, there / "store", acknowledged)
        except LostError as lost:
            return lost
    return None
