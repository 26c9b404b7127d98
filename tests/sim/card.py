"""A device's card: the outbox in memory, and every way a card fails: full, slow, failing, lying about fsync, rotting, an old image."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edge.errors import StoreError
from proto.messages import Hole, Line, Scan
from tests.fakes import MemoryOutbox
from tests.sim.faults import Fault

if TYPE_CHECKING:
    from tests.sim.device import Device

SYNC_SHARE = 0.05
"""A lying card really writes now and then."""


class Card:
    """Implements `edge.outbox.Outbox`. What a lying card holds since it last really wrote is `unsure`."""

    def __init__(self, device: "Device") -> None:
        self._device = device
        self._chance = device.world.chance
        self.content = MemoryOutbox()
        self.full = False
        self.failing = False
        self.slow_s = 0.0
        self.damaged = False
        self.unreadable = 0
        self.refused_s = -1.0
        """When it last refused a write for lack of room."""
        self._base: MemoryOutbox | None = None
        self._unsure: list[tuple[str, tuple[Any, ...]]] = []

    def append(self, answered: Sequence[Scan], unsettled: Sequence[Scan]) -> None:
        self._commit("append", tuple(answered), tuple(unsettled))

    def settle(self, lines: Sequence[Line]) -> int:
        self._commit("settle", tuple(lines))
        return self.content.unsettled()

    def prune(self, now_ms: int) -> None:
        self._commit("prune", now_ms)

    def keep(self, key: str, value: bytes) -> None:
        self._commit("keep", key, value)

    def oldest(self, limit_bytes: int, lines: Mapping[str, Line]) -> list[Scan | Hole]:
        return self.content.oldest(limit_bytes, lines)

    def lines(self) -> list[Line]:
        return self.content.lines()

    def unsettled(self) -> int:
        return self.content.unsettled()

    def archived(self) -> int:
        return self.content.archived()

    def kept(self, key: str) -> bytes | None:
        return self.content.kept(key)

    def close(self) -> None:
        pass

    # --- what the world does to it ---

    def lie(self) -> None:
        """From now on fsync is a word."""
        if self._base is None:
            self._base = self.content.copy()

    def be_honest(self) -> None:
        """All it was given is really there."""
        self._base = None
        self._unsure.clear()

    def cut(self) -> None:
        """The power fails: a card that lied has kept a beginning of what it took."""
        if self._base is None:
            return
        before = self.scans()
        kept, content = self._chance.randint(0, len(self._unsure)), self._base
        for name, details in self._unsure[:kept]:
            _apply(content, name, details)
        self._unsure.clear()
        self.content, self._base = content, content.copy()
        self._lost(before, Fault.LYING_CARD)

    def replace_content(self, image: MemoryOutbox) -> None:
        """Somebody wrote an old image onto it."""
        before = self.scans()
        self.content, self._base = image.copy(), None
        self._unsure.clear()
        self._lost(before, Fault.OLD_IMAGE)

    def rot(self) -> None:
        """A record that waits for the hub cannot be read any more."""
        waiting = [key for key, record in self.content.records.items() if not record.settled and key not in self.content.rotten]
        if waiting:
            key = self._chance.choice(waiting)
            self.content.rotten.add(key)
            self._device.world.struck(Fault.ROTTEN_CARD)
            scan = self.content.records[key].scan
            self._device.world.oracle.card_lost({(self._device.name, scan.inc, scan.n)})

    def scans(self) -> dict[tuple[str, str, int], Scan]:
        """Whatever is on it and can be read."""
        content = self.content
        found = (one.scan for key, one in content.records.items() if key not in content.rotten)
        return {(self._device.name, scan.inc, scan.n): scan for scan in found}

    def holds(self, inc: str, n: int) -> Scan | None:
        """The record of a scan, as the device was told it is stored."""
        place = self.content.places.get(inc)
        record = self.content.records.get((place, n)) if place else None
        return record.scan if record else None

    def _lost(self, before: dict[tuple[str, str, int], Scan], fault: Fault) -> None:
        after = self.scans()
        lost = {key for key, scan in before.items() if after.get(key) != scan}
        if lost:
            self._device.world.struck(fault)
            self._device.world.oracle.card_lost(lost)

    def _commit(self, name: str, *details: Any) -> None:
        self._device.step()
        if self.failing:
            self.failing = False
            self._device.world.struck(Fault.CARD_ERROR)
            raise StoreError("a simulated card fails", fatal=True)
        if self.full:
            self.refused_s = self._device.world.loop.now_s
            self._device.world.struck(Fault.FULL_CARD)
            raise StoreError("a simulated card is full", fatal=False)
        self.content.wall_ms = self._device.wall_ms()
        _apply(self.content, name, details)
        if self._base is not None:
            self._unsure.append((name, details))
            if self._chance.random() < SYNC_SHARE:
                self._unsure.clear()
                self._base = self.content.copy()
        self._device.step()


def _apply(content: MemoryOutbox, name: str, details: tuple[Any, ...]) -> None:
    act: Callable[..., object] = getattr(content, name)
    act(*details)
