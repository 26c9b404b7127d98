"""Who strikes: each fault of a seed's plan at its own pace, and in the end all is mended."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from proto.messages import ClockQuality
from tests.fakes import MemoryOutbox
from tests.sim.disk import Image
from tests.sim.faults import Fault

if TYPE_CHECKING:
    from tests.sim.device import Device
    from tests.sim.world import World

DAY_MS = 86_400_000
OFFICE_LATER_S = 20.0
CLOCKS = ((ClockQuality.NTP, 10), (ClockQuality.RTC, 300_000), (ClockQuality.SAVED, 70 * DAY_MS), (ClockQuality.NONE, 50 * 365 * DAY_MS))


class Nemesis:
    """All that goes wrong beside messages, which the broker spoils by itself."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._chance = world.chance
        self._backup: Image | None = None
        self._images: dict[str, MemoryOutbox] = {}
        self._pauses_s: dict[Fault, tuple[float, Callable[[], None]]] = {
            Fault.PARTITION: (300, self._partition),
            Fault.BROKER_DEATH: (600, self._kill_broker),
            Fault.EDGE_KILL: (240, lambda: self._kill(cut=False)),
            Fault.EDGE_CUT: (300, lambda: self._kill(cut=True)),
            Fault.EDGE_AT_WRITE: (180, self._light_fuse),
            Fault.HUB_KILL: (1_200, lambda: self._kill_hub(cut=False)),
            Fault.HUB_CUT: (1_200, lambda: self._kill_hub(cut=True)),
            Fault.HUB_AT_WRITE: (700, self._light_hub_fuse),
            Fault.COMMIT_ERROR: (1_200, self._fail_commit),
            Fault.CARD_ERROR: (400, self._fail_card),
            Fault.FULL_CARD: (400, self._fill_card),
            Fault.FULL_HUB: (1_800, self._fill_hub),
            Fault.SLOW_CARD: (400, self._slow_card),
            Fault.SLOW_HUB: (400, self._slow_hub),
            Fault.LYING_CARD: (400, self._lie),
            Fault.ROTTEN_CARD: (300, self._rot),
            Fault.OLD_IMAGE: (700, self._image),
            Fault.RESTORED: (1_200, self._restore),
            Fault.EDGE_CLOCK: (500, self._jump),
            Fault.HUB_CLOCK: (700, self._jump_hub),
            Fault.TOGETHER: (60, world.crowd.together),
            Fault.BADGES: (300, self._change_badges),
        }

    def begin(self) -> None:
        """From now on everything strikes at its pace."""
        plan = self._world.plan
        self._world.broker.storm(plan.faults)
        for fault, (pause_s, strike) in self._pauses_s.items():
            if fault in plan.faults:
                self._world.often(pause_s / plan.rate, strike)
        if Fault.RESTORED in plan.faults:
            self._world.often(400, self._back_up)

    def mend(self) -> None:
        """All is well from now on."""
        world = self._world
        world.broker.storm(frozenset())
        world.broker.up = True
        for client in (*world.devices, "hub"):
            world.broker.heal(client)
        world.disk.full, world.disk.failing, world.disk.slow_s = False, False, 0.0
        world.hub_offset_ms = 0
        if world.hub is not None:
            world.hub.fuse = 0
        for device in world.devices.values():
            device.card.full, device.card.failing, device.card.slow_s = False, False, 0.0
            device.card.be_honest()
            self._set_clock(device, 0, *CLOCKS[0])
            if device.life is not None:
                device.life.fuse = 0

    # --- wires ---

    def _partition(self) -> None:
        client = self._chance.choice([*self._world.devices, "hub"])
        self._world.broker.partition(client)
        self._later(2, 120, lambda: self._world.broker.heal(client))

    def _kill_broker(self) -> None:
        broker = self._world.broker
        if broker.up:
            self._world.struck(Fault.BROKER_DEATH)
            broker.die()
            self._later(0.5, 30, lambda: setattr(broker, "up", True))

    # --- processes ---

    def _kill(self, *, cut: bool) -> None:
        life = self._device().life
        if life is not None:
            self._world.struck(Fault.EDGE_CUT if cut else Fault.EDGE_KILL)
            life.die(cut=cut)

    def _kill_hub(self, *, cut: bool) -> None:
        if self._world.hub is not None:
            self._world.struck(Fault.HUB_CUT if cut else Fault.HUB_KILL)
            self._world.hub.die(cut=cut)

    def _light_fuse(self) -> None:
        life = self._device().life
        if life is not None:
            life.fuse = self._chance.randint(1, 12)

    def _light_hub_fuse(self) -> None:
        if self._world.hub is not None:
            self._world.hub.fuse = self._chance.randint(1, 12)

    # --- disks ---

    def _fail_commit(self) -> None:
        self._world.disk.failing = True

    def _fail_card(self) -> None:
        self._device().card.failing = True

    def _fill_card(self) -> None:
        card = self._device().card
        card.full = True
        self._later(10, 150, lambda: setattr(card, "full", False))

    def _fill_hub(self) -> None:
        disk = self._world.disk
        disk.full = True
        self._later(2, 15, lambda: setattr(disk, "full", False))

    def _slow_card(self) -> None:
        card = self._device().card
        card.slow_s = self._chance.choice((0.3, 1.0, 9.0))
        self._later(20, 90, lambda: setattr(card, "slow_s", 0.0))

    def _slow_hub(self) -> None:
        disk = self._world.disk
        disk.slow_s = self._chance.choice((0.3, 1.0, 4.0))
        self._later(20, 90, lambda: setattr(disk, "slow_s", 0.0))

    def _lie(self) -> None:
        """The card begins to lie, and after a while its power is cut."""
        device = self._device()
        device.card.lie()

        def cut() -> None:
            if device.life is not None and not self._world.calm:
                device.life.die(cut=True)

        self._later(30, 240, cut)

    def _rot(self) -> None:
        self._device().card.rot()

    def _image(self) -> None:
        """Take an image of a card, or write it back."""
        device = self._device()
        image = self._images.pop(device.name, None)
        if image is None:
            self._images[device.name] = device.card.content.copy()
        elif device.life is not None:
            device.life.die(cut=True)
            device.card.replace_content(image)

    def _back_up(self) -> None:
        """As hub.backup does: the journal first, and the register some moments later. A disk that is lost in between leaves none."""
        rows = self._world.disk.image().rows

        def whole() -> None:
            image = self._world.disk.image()
            if image.rows[: len(rows)] == rows:
                self._backup = replace(image, rows=rows)

        self._later(0.0, OFFICE_LATER_S, whole)

    def _restore(self) -> None:
        """The hub's disk is lost, and replaced by the last backup."""
        if self._backup is not None and self._world.hub is not None:
            self._world.hub.die(cut=True)
            disk = self._world.disk
            before = disk.facts()
            self._world.check_promises()
            disk.restore(self._backup)
            lost = before[disk.rows[-1].last :]
            self._world.oracle.restored(disk.rows[-1].last, lost, {fact.ask for fact in disk.facts()} | disk.asks)
            if lost:
                self._world.struck(Fault.RESTORED)

    # --- clocks and badges ---

    def _jump(self) -> None:
        device = self._device()
        self._world.struck(Fault.EDGE_CLOCK)
        self._set_clock(device, self._chance.choice((-1, 1)) * DAY_MS, *self._chance.choice(CLOCKS))
        self._later(30, 600, lambda: self._set_clock(device, 0, *CLOCKS[0]))

    def _set_clock(self, device: "Device", offset_ms: int, quality: ClockQuality, err_ms: int) -> None:
        device.offset_ms, device.quality, device.err_ms = offset_ms, quality, err_ms

    def _jump_hub(self) -> None:
        self._world.struck(Fault.HUB_CLOCK)
        self._world.hub_offset_ms = self._chance.choice((-1, 1)) * DAY_MS
        self._later(30, 600, lambda: setattr(self._world, "hub_offset_ms", 0))

    def _change_badges(self) -> None:
        """While a device cannot hear of it."""
        device = self._device()
        self._world.broker.partition(device.name)
        self._later(16, 17, self._world.office.change_badge)
        self._later(25, 90, lambda: self._world.broker.heal(device.name))

    def _device(self) -> "Device":
        return self._chance.choice(list(self._world.devices.values()))

    def _later(self, least_s: float, most_s: float, act: Callable[[], object]) -> None:
        self._world.loop.after_s(self._chance.uniform(least_s, most_s), act)
