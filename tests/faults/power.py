"""Power cuts of a real ext4: its loop device's image lies in memory, the writer is stopped, and a copy of the image is what was left.

What the kernel had not yet written to the image is lost with the cut, as on a machine; what the disk had taken stays. Disks that lose
what they had taken without a flush are in `writelog`.
"""

import random
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.disks import blank, free_bytes, lacking, left, mounted, pulled, tmpfs
from tests.faults.result import Order, Result
from tests.faults.writers import STORES, WAIT_S, LostError, Writer, survived, writer

CUTS = 100
"""Of each store."""
CUTS_OF_A_LIFE = 5
"""Then the writer is killed, and the next one begins on what the last cut left."""
LIVES_OF_A_DISK = 3
DISK_BYTES = 24 << 20
EARLY = 0.3
"""Share of the lives whose first cut may meet their start; the others are cut only after a receipt."""
START_S, PAUSE_S = 0.4, 0.1
"""At most so long until the first cut of a life, and between two later ones."""


@dataclass(slots=True)
class Tally:
    """What was cut, acknowledged, found, and wrong."""

    cuts: int = 0
    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)


def inject(order: Order) -> Result:
    """`count` cuts for each store. The same check is first shown to find the loss of a store that does not sync."""
    if why := lacking():
        return Result("power", {}, skipped=why)
    injected: dict[str, int] = {}
    proved, violations = [], []
    for store in STORES:
        order.told(store)
        careless = cut(order.folder, store, order.seed, CUTS_OF_A_LIFE, careless=True)
        if not careless.lost:
            violations.append(f"{store} with synchronous=OFF: nothing is lost, so this check cannot fail")
        tally = cut(order.folder, store, order.seed, order.count or CUTS)
        injected |= {f"cuts of the {store}": tally.cuts, f"{store} acknowledgements": tally.acknowledged}
        violations += tally.lost
        if not tally.lost:
            less = f"synchronous=OFF loses some at {len(careless.lost)} of {careless.cuts} cuts"
            proved.append(f"{store}: 0 of {tally.acknowledged:,} acknowledged records lost; {less}")
    return Result("power", injected, proved, violations)


def cut(folder: Path, store: str, seed: int, cuts: int, *, careless: bool = False) -> Tally:
    """Cut the power so often, and look each time."""
    tally, luck = Tally(), random.Random(f"{seed} {store}")
    with tmpfs(folder / "memory", 6 * DISK_BYTES) as memory:
        while tally.cuts < cuts:
            image, found = blank(memory / "disk", DISK_BYTES), 0
            for _ in range(LIVES_OF_A_DISK):
                found = _life(image, store, tally, luck, found, min(CUTS_OF_A_LIFE, cuts - tally.cuts), careless=careless)
    return tally


def _life(image: Path, store: str, tally: Tally, luck: random.Random, found: int, cuts: int, *, careless: bool) -> int:
    """One process on a disk, cut `cuts` times; the disk is left as after the last cut. How many records that one left."""
    began, held = found, b""
    words = ("--careless",) if careless else ()
    memory = image.parent
    with mounted(image, memory / "there") as there, writer(store, there / "store", memory / "said", *words) as one:
        one.acknowledged = found
        if careless or luck.random() > EARLY:
            one.listen(WAIT_S, found + 1)
        for nth in range(cuts):
            one.listen(luck.random() * (PAUSE_S if nth else START_S))
            one.stop()
            held = pulled(image)
            found = _look(held, memory, one, store, tally)
            one.go_on()
        room = free_bytes(there)
    assert room > DISK_BYTES // 8, "the disk is nearly full: take larger ones"
    if cuts:
        left(image, held)
    tally.acknowledged += max(0, one.acknowledged - began)
    return found


def _look(held: bytes, memory: Path, one: Writer, store: str, tally: Tally) -> int:
    """What the cut left, mounted as after a power cut and opened by the real store."""
    tally.cuts += 1
    with mounted(left(memory / "copy", held), memory / "seen") as seen:
        try:
            return survived(store, seen / "store", one.acknowledged)
        except LostError as lost:
            tally.lost.append(f"cut {tally.cuts}: {lost}")
            return 0
