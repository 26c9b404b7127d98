"""The twins keep the contract of what they stand for: the journal's real one and the simulated one, fed alike, tell alike.

The outbox in memory is held to the real one in tests/edge/test_loop.py; here with records that can no longer be read.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.outbox import SqliteOutbox
from hub.core.books import Books, replay
from hub.core.facts import Facts
from hub.desk import Journal as Port
from hub.folder import Folder
from hub.journal import Journal
from proto.messages import ClockQuality, Light, Line, Scan, Shown
from tests import schools
from tests.fakes import INC, NOON_MS, MemoryOutbox
from tests.sim.disk import DiskJournal, HubDisk
from tests.sim.faults import Plan
from tests.sim.world import World
from tests.stores import alive, asks

Told = list[object]


# --- the journal --------------------------------------------------------------------------------


@dataclass
class Owner:
    """A process that never dies."""

    world: World
    alive: bool = True

    def step(self) -> None:
        """Nothing happens at it."""

    def die(self, *, cut: bool) -> None:
        raise AssertionError("nothing fails here")


async def driven(journal: Port, made: list[Facts]) -> tuple[Told, list[Facts]]:
    """Append everything at once, ask for some numbers in between and afterwards; what is told, in order, and what is found again."""
    told: Told = []
    over = asyncio.Event()
    firsts, number = [], 0
    for place, facts in enumerate(made):
        firsts.append(number + 1)
        number += len(facts)
        journal.append(facts, _note(told, place))
        if place % 3 == 0:
            journal.after(number, _note(told, f"after {number}"))
    assert not told, "nobody is told before the commit"
    journal.after(number, over.set)
    await over.wait()
    journal.after(number, _note(told, "at once"))
    return told, [await journal.find(first) for first in firsts]


def _note(told: Told, what: object) -> Callable[[], None]:
    return lambda: told.append(what)


async def real(folder: Path, made: list[Facts]) -> tuple[Told, list[Facts], Books]:
    with contextlib.closing(Folder(folder)) as room:
        journal = await Journal.open(room, alive)
        told, found = await driven(journal, made)
        await journal.close()
        books = Books()
        await (await Journal.open(room, alive, books.apply)).close()
    return told, found, books


def simulated(made: list[Facts]) -> tuple[Told, list[Facts], Books]:
    world, disk = World(1, Plan(frozenset(), (), 5.0, schools.moment("15:00"), 1.0)), HubDisk(schools.small_school())
    told, found = world.loop.run_until_complete(driven(DiskJournal(Owner(world), disk), made))
    world.loop.close()
    return told, found, disk.opened()


def test_both_journals_tell_alike_find_alike_and_replay_alike(tmp_path: Path) -> None:
    made = list(islice(asks(3, 300), 300))
    twin = simulated(made)
    told, found, books = asyncio.run(real(tmp_path / "hub", made))
    assert twin == (told, found, books)
    assert found == made
    assert books == replay(fact for facts in made for fact in facts)
    assert told[-1] == "at once"
    assert [what for what in told if isinstance(what, int)] == list(range(len(made)))


def test_what_a_power_cut_takes_from_the_simulated_disk_is_what_nobody_was_told() -> None:
    world, disk = World(1, Plan(frozenset(), (), 5.0, schools.moment("15:00"), 1.0)), HubDisk(schools.small_school())
    made = list(islice(asks(4, 20), 20))
    told, _ = world.loop.run_until_complete(driven(DiskJournal(Owner(world), disk), made[:10]))
    late = DiskJournal(Owner(world), disk)
    late.append(made[10], _note(told, "never"))
    late._write()
    assert len(disk.rows) == disk.durable + 1
    disk.cut(kept=False)
    assert "never" not in told
    assert disk.opened() == replay(fact for facts in made[:10] for fact in facts)
    world.loop.close()


# --- the outbox ---------------------------------------------------------------------------------


def scan(n: int, shown: Shown | None) -> Scan:
    return Scan(
        inc=INC,
        n=n,
        reader="door",
        badge="A" * 20,
        boot="0" * 16,
        mono_ms=n,
        wall_ms=NOON_MS,
        clock=ClockQuality.NTP,
        shown=shown,
    )


@settings(max_examples=40)
@given(st.data())
def test_the_card_in_memory_is_the_twin_of_one_that_cannot_read_some_records(data: st.DataObject) -> None:
    shown = [None, Shown(Light.ACCEPTED, "ok", by_hub=True), Shown(Light.ADULT, "offline")]
    made = [scan(n, data.draw(st.sampled_from(shown))) for n in sorted(data.draw(st.sets(st.integers(1, 8), min_size=1)))]
    rotten = data.draw(st.sets(st.sampled_from([one.n for one in made])))
    with TemporaryDirectory() as folder, contextlib.closing(SqliteOutbox(Path(folder), lambda: NOON_MS)) as card:
        twin = MemoryOutbox()
        for box in (twin, card):
            box.append([], made)
        for n in rotten:
            card._db.execute("UPDATE record SET body = x'00' WHERE key & 4294967295 = ?", (n,))
            twin.rotten.add((1, n))
        known: dict[str, Line] = {}
        for _ in range(4):
            assert twin.oldest(10_000, known) == card.oldest(10_000, known)
            assert (twin.lines(), twin.unsettled(), twin.archived()) == (card.lines(), card.unsettled(), card.archived())
            line = Line(INC, data.draw(st.integers(0, 9)), data.draw(st.integers(0, 9)))
            assert twin.settle([line]) == card.settle([line])
            known = {INC: line}
