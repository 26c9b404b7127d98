"""Bits of a small journal, flipped one by one: the next start refuses it, or nothing has changed, or nobody was answered for it.

Three folders as a hub may find them: `closed`; `cut` (the power failed when everything was answered, and the log holds the last
commits); `torn` (it failed in the middle of a commit, and a sector of that is lost). Small enough to flip every bit there is.
What a restored or emptied folder does is not tried here.
"""

import asyncio
import enum
import multiprocessing
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path

from hub.core.facts import Fact, Facts
from hub.errors import StartError
from hub.folder import Folder
from hub.journal import Journal
from tests.faults.result import Order, Result
from tests.stores import Deaths, alive, all_facts, asks, log_of, write

MEMORY = Path("/dev/shm")
"""No fsync is tried here, so the files lie in memory where a machine has such a place."""
PROMISED = 100_000
"""A third of all bits, in four minutes where both cores are free; with `--count 300000` it is every bit."""
CORES = 2
SLICE = 400
"""Flips that one core takes at once: a second or two."""
SECTOR_BYTES = 512
MORE = tuple(asks(9, 3))[1:]
"""What is written after a flip that did no harm: it has to be there afterwards, too."""


class Fate(enum.StrEnum):
    """What became of a start on a folder with one flipped bit."""

    REFUSED = "refused, and the file is named"
    HARMLESS = "harmless: same facts, same hash, and what is written next is found again"
    UNANSWERED = "in the commit nobody was answered for, which is cut off as without it"
    BELIEVED = "believed"


@dataclass(frozen=True, slots=True)
class Scene:
    """A folder as it is found: the bytes of its files, and the facts somebody was answered for."""

    name: str
    files: dict[str, bytes]
    facts: tuple[Fact, ...]
    head: bytes
    torn_from: int
    """Where in the log the unanswered commit begins, in bytes; its end where all were answered."""


@dataclass(frozen=True, slots=True)
class Flip:
    scene: str
    file: str
    bit: int

    def __str__(self) -> str:
        return f"{self.scene}/{self.file}/{self.bit}"


@dataclass(slots=True)
class Tally:
    """What became of some flips, and a sentence for each that was believed."""

    fates: Counter[Fate] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def inject(order: Order) -> Result:
    """Flip `count` of the bits, chosen by the seed (a count beyond all: every bit); `case` is one, as `cut/journal.db-wal/1234`."""
    with memory(order.folder) as folder:
        found = asyncio.run(scenes(Path(folder)))
    flips, tally = _chosen(order, found), Tally()
    with ProcessPoolExecutor(CORES, multiprocessing.get_context("spawn")) as cores:
        slices = [flips[at : at + SLICE] for at in range(0, len(flips), SLICE)]
        for number, done in enumerate(as_completed([cores.submit(examine, found, each, order.folder) for each in slices]), 1):
            tally.fates += done.result().fates
            tally.wrong += done.result().wrong
            for sentence in done.result().wrong:
                order.told(sentence)
            if number % 25 == 0:
                order.told(f"{number * SLICE:,} of {len(flips):,} bits")
    injected = Counter(f"bits of {flip.file} ({flip.scene})" for flip in flips)
    proved = [f"{count:,} {fate}" for fate, count in tally.fates.most_common() if fate is not Fate.BELIEVED]
    return Result("flips", injected, proved, sorted(tally.wrong))


def examine(found: Sequence[Scene], flips: Sequence[Flip], elsewhere: Path) -> Tally:
    """What becomes of a start after each of these flips."""
    with memory(elsewhere) as folder:
        return asyncio.run(_examined({scene.name: scene for scene in found}, flips, Path(folder)))


def memory(elsewhere: Path) -> "tempfile.TemporaryDirectory[str]":
    """A folder in memory, or `elsewhere`."""
    return tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else elsewhere, prefix="preau-flips-")


def _chosen(order: Order, found: Sequence[Scene]) -> list[Flip]:
    """In an order of chance, so that both cores have the same work and a sample is one of everything."""
    every = [flip for scene in found for flip in _flips(scene) if order.case in {"", str(flip)}]
    random.Random(order.seed).shuffle(every)
    return every[: order.count or PROMISED]


def _flips(scene: Scene) -> Iterator[Flip]:
    for file, content in scene.files.items():
        if scene.name != "torn" or file.endswith("-wal"):  # the file beside a torn log is that of `cut`
            yield from (Flip(scene.name, file, bit) for bit in range(len(content) * 8))


# --- one flip -------------------------------------------------------------------------------------


async def _examined(found: dict[str, Scene], flips: Sequence[Flip], path: Path) -> Tally:
    folder, tally = Folder(path), Tally()
    for flip in flips:
        put(folder, found[flip.scene], flip)
        fate, what = await fate_of(folder, found[flip.scene], flip)
        tally.fates[fate] += 1
        if fate is Fate.BELIEVED:
            tally.wrong.append(f"{what} (--case {flip})")
    folder.close()
    return tally


def put(folder: Folder, scene: Scene, flip: Flip | None = None) -> None:
    """The scene's files and no others, one bit of them flipped."""
    for stale in folder.path.glob("journal.db*"):
        stale.unlink()
    for name, content in scene.files.items():
        changed = bytearray(content)
        if flip and flip.file == name:
            changed[flip.bit // 8] ^= 1 << flip.bit % 8
        (folder.path / name).write_bytes(changed)


async def fate_of(folder: Folder, scene: Scene, flip: Flip) -> tuple[Fate, str]:
    """Start as the hub does; and where it starts, go on, and start again."""
    facts: list[Fact] = []
    died = Deaths()
    try:
        journal = await Journal.open(folder, died, facts.append)
    except StartError as error:
        named = str(error).startswith(str(folder.journal))
        return (Fate.REFUSED, "") if named else (Fate.BELIEVED, f"refused without naming the file: {error}")
    same = tuple(facts) == scene.facts and journal.head == scene.head
    if same:
        for ask in MORE:
            journal.append(ask, died.happened.set)  # on disk, or the hub has ended itself
        await died.happened.wait()
    await journal.close()
    if not same or died.reasons:
        return Fate.BELIEVED, died.reasons[0] if died.reasons else f"{len(facts)} facts instead of {len(scene.facts)}, or others"
    again = await found_again(folder)
    if again != (*scene.facts, *(fact for ask in MORE for fact in ask)):
        return Fate.BELIEVED, f"what was written next is not found again: {again}"
    torn = flip.file.endswith("-wal") and flip.bit // 8 >= scene.torn_from
    return Fate.UNANSWERED if torn else Fate.HARMLESS, ""


async def found_again(folder: Folder) -> tuple[Fact, ...] | str:
    """All facts at the next start, or why there is none."""
    try:
        journal = await Journal.open(folder, alive)
    except StartError as error:
        return str(error)
    facts = tuple(await all_facts(journal))
    await journal.close()
    return facts


# --- the three folders ----------------------------------------------------------------------------


async def scenes(path: Path) -> tuple[Scene, ...]:
    """A journal of a few pages, at three moments of its life."""
    folder = Folder(path)
    journal = await Journal.open(folder, alive)
    made = list(asks(24, 12))
    await write(journal, made[:3], waiting=3)
    await journal._checkpoint()
    await write(journal, made[3:7], waiting=1)
    cut = _scene("cut", folder, made[:7], journal.head)
    await write(journal, made[7:], waiting=5)
    whole = log_of(folder.journal).read_bytes()
    await journal.close()
    closed = _scene("closed", folder, made, journal.head)
    folder.close()
    lost = whole[:-SECTOR_BYTES] + bytes(SECTOR_BYTES)
    torn = replace(cut, name="torn", files={**cut.files, log_of(folder.journal).name: lost})
    return closed, cut, torn


def _scene(name: str, folder: Folder, made: Sequence[Facts], head: bytes) -> Scene:
    log = log_of(folder.journal)
    files = {path.name: path.read_bytes() for path in (folder.journal, log) if path.exists()}
    return Scene(name, files, tuple(fact for ask in made for fact in ask), head, len(files.get(log.name, b"")))
