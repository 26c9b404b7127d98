"""Disks that are full: at each page of a short day, for the real hub's stores and the real device; and how far the hub's reserve carries.

A file system in memory is filled until so many pages are free, and the day goes on. What must hold: nothing is promised that is not
there; the hub ends and says why; its next start gives up the reserve, raises an alarm and finishes the day; the device lights nothing
that promises while its card is full, and goes on when there is room.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hub.folder import EXIT_DISK, RESERVE_BYTES
from proto.messages import YES
from tests.faults import disks, edgeday, hubday, shimmed
from tests.faults.ioerrors import promises
from tests.faults.result import Order, Result
from tests.faults.shimmed import Ended, Fault, Nursery, nursery

PAGE_BYTES = 4096
TAPS = 12
"""Of the short day."""
SCHOOL_DAY_SCANS = 3_000
"""A school of 1,000 children: care, a meal and the way home. So much must fit into what a full disk gives back."""
HUB_BYTES, CARD_BYTES = 64 << 20, 1 << 20
"""The reserve is only taken where four times as much is free."""
HUB = "tests.faults.hubday"


@dataclass(slots=True)
class Tally:
    """Days on a disk with less and less room."""

    full: int = 0
    promised: int = 0
    ends: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def inject(order: Order) -> Result:
    """Every number of free pages until a day fits, or every `count`-th part of them; then one long day on the reserve alone."""
    if why := disks.lacking() or shimmed.lacking():
        return Result("full", {}, skipped=why)
    hub, device = Tally(), Tally()
    with nursery(order.folder) as forks:
        order.told("a hub's day, page by page")
        hub_days(forks, order.folder, order.count, hub)
        order.told("a device's day, page by page")
        device_days(forks, order.folder, order.count, device)
        order.told("a school day on the reserve alone")
        carried = on_the_reserve(forks, order.folder, SCHOOL_DAY_SCANS // 10 if order.count else SCHOOL_DAY_SCANS, hub)
    injected = {"full disks under the hub": hub.full, "full cards": device.full, "promises": hub.promised + device.promised}
    violations = [*hub.wrong, *device.wrong]
    proved = []
    if not violations:
        proved = [
            f"hub: 0 of {hub.promised:,} promises broken; each day was finished on the reserve, with the alarm disk_full",
            f"hub: the reserve of {RESERVE_BYTES >> 20} MB alone carries a day of {carried:,} scans",
            f"device: 0 of {device.promised:,} lights broken; it lit again when there was room",
        ]
    return Result("full", injected, proved, violations)


# --- the hub --------------------------------------------------------------------------------------


def hub_days(forks: Nursery, folder: Path, count: int, tally: Tally) -> None:
    """More and more pages are free, until the day fits."""
    for pages in steps(count):
        with disks.tmpfs(folder / "disk", HUB_BYTES) as disk:
            if _hub_fits(forks, disk, pages, tally):
                return


def steps(count: int) -> Iterator[int]:
    """0, 1, 2, … pages; with `count`, in steps that many times as long as the one before is far."""
    pages = 0
    while True:
        yield pages
        pages += max(1, pages // count) if count else 1


def _hub_fits(forks: Nursery, disk: Path, pages: int, tally: Tally) -> bool:
    """A day that begins with room, and then has so many pages left; its end on the reserve. Whether it did not need it."""
    at = f"hub, {pages} pages free"
    _hub_day(forks, disk)
    first = _hub_day(forks, disk, 2 * TAPS, "--leave", str(pages * PAGE_BYTES))
    again = _hub_day(forks, disk, 2 * TAPS)
    tally.ends[first.status] += 1
    tally.promised += len(promises(first))
    tally.wrong += [f"{at}: {sentence}" for sentence in complaints_of(first, again)]
    tally.full += first.status != 0
    return first.status == 0


def complaints_of(first: Ended, again: Ended) -> list[str]:
    """Everything wrong with a day on a full disk and the one after it."""
    return [*_unsaid(first, again), *_untrue(first, again)] if first.status else list(_untrue(first, again))


def _unsaid(first: Ended, again: Ended) -> Iterator[str]:
    if "full" not in first.said:
        yield f"it ended with {first.status} and does not say that the disk is full: {first.said[-200:]}"
    if "had alarm disk_full" not in again.told:
        yield f"the reserve was given up without an alarm: {again.said[-200:]}"


def _hub_day(forks: Nursery, disk: Path, taps: int = TAPS, *words: str) -> Ended:
    return forks.run(HUB, [str(disk / "hub"), str(taps), *words], disk / "hub", Fault())


def on_the_reserve(forks: Nursery, folder: Path, scans: int, tally: Tally) -> int:
    """A disk without a free byte but for the reserve: how many scans of a whole school day it takes."""
    with disks.tmpfs(folder / "disk", HUB_BYTES) as disk:
        _hub_day(forks, disk)
        full = _hub_day(forks, disk, 2 * TAPS, "--leave", "0")
        day = _hub_day(forks, disk, scans)
        if full.status != EXIT_DISK or day.status or hubday.END not in day.told:
            tally.wrong.append(f"the reserve does not carry a day of {scans} scans: {full.status}, then {day.status}, {day.said[-200:]}")
        return sum(line.startswith("has scan") for line in day.told)


def _untrue(first: Ended, again: Ended) -> Iterator[str]:
    """What was promised on the full disk and is not there, and a day that the reserve does not finish."""
    if first.status not in (0, EXIT_DISK) or "Traceback" in first.said:
        yield f"it ended with {first.status}: {first.said[-300:]}"
    if again.status or hubday.END not in again.told:
        yield f"the reserve does not finish the day: {again.status}, {again.said[-300:]}"
    yield from (f"{promise} was promised and is lost" for promise in promises(first) if f"had {promise}" not in again.told)
    if again.status == 0 and Counter(once(again.told)) != Counter(promises(again)) + Counter(["sum 0"]):
        yield f"after the day the stores hold {sorted(once(again.told))}"


def once(told: Sequence[str]) -> list[str]:
    """What the stores held at the end of a day."""
    return [line.removeprefix("has ") for line in told if line.startswith("has ")]


# --- the device -----------------------------------------------------------------------------------


def device_days(forks: Nursery, folder: Path, count: int, tally: Tally) -> None:
    """More and more pages are free on the card, until the day fits; in the end there is room again, and everybody is let in."""
    for pages in steps(count):
        place = folder / f"edge-{pages}"
        (place / "data").mkdir(parents=True)
        with disks.tmpfs(place / "data", CARD_BYTES) as mounted:
            edgeday.card(place)
            ballast = mounted / "ballast"
            disks.fill(ballast, pages * PAGE_BYTES)
            shown = edgeday.day(forks, place, Fault())
            kept = edgeday.stored(place)
            ballast.unlink()
            again = edgeday.day(forks, place, Fault())
        tally.promised += sum(light in YES for light in shown.lit.values())
        tally.ends[shown.ended.status] += 1
        tally.wrong += [f"device, {pages} pages free: {sentence}" for sentence in edgeday.unkept(shown, kept)]
        if not edgeday.serves(again):
            tally.wrong.append(f"device, {pages} pages free: with room again it does not serve: {again}")
        if edgeday.serves(shown):
            return
        tally.full += 1
