"""Pupils who hold their badges to the readers of a town whose programs are being killed, and who hold them again when nothing is lit.

They know no hub and look at lamps only. What they did is noted; whether it came out right is for others to say.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from proto.badge import CODE_BYTES, code, tag
from tests.demo.dayplan import READERS, TAGS, Means
from tests.demo.pace import after, until
from tests.demo.player import GAP_S, SAME_TAP_S, SentTap
from tests.demo.scanners import boot_us
from tests.demo.school import CENTRE, MOULIN, Child
from tests.demo.town import Town
from tests.faults.lamps import Lamps

APART_S = 75.0
"""Between two wishes of a pupil at one reader: within a minute of a device's death the second would be taken for the first."""
DARK_S = 90.0
"""How long pupils wait at a dark device before the run counts as failed."""


def pupils(count: int, seed: int) -> list[Child]:
    """Made-up pupils, two of three with a printed code and the others with a tag, each in a family of its own, all with a meal."""
    chance = random.Random(seed)
    return [_pupil(number, chance) for number in range(count)]


def _pupil(number: int, chance: random.Random) -> Child:
    site, badge = (MOULIN, tag("EM", chance.randbytes(5))) if number % 3 == 2 else (CENTRE, code(chance.randbytes(CODE_BYTES)))
    return Child(f"Famille {number}", site, f"Nom {number}", f"Élève {number}", f"{number // 30 + 1}A", badge, eats=site == CENTRE)


@dataclass(slots=True)
class Wish:
    """One pupil who wants one thing at one reader, and the taps it took. `life`: the process that got the last one."""

    place: str
    badge: str
    taps: list[SentTap] = field(default_factory=list)
    life: int = 0


@dataclass(frozen=True, slots=True)
class Pace:
    """Where they tap and how fast. `pauses_s`: shortest and longest between two pupils; `apart_s`: between two wishes of one."""

    places: tuple[str, ...] = READERS
    pauses_s: tuple[float, float] = (GAP_S, 0.4)
    apart_s: float = APART_S


@dataclass(slots=True)
class Crowd:
    """All pupils at all readers of a town."""

    town: Town
    everyone: Sequence[Child]
    seed: int
    pace: Pace = Pace()
    lamps: dict[str, Lamps] = field(init=False)
    wishes: list[Wish] = field(default_factory=list)
    open: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Device -> places (in `wishes`) of those who stand there and have seen no light yet."""
    _tapped: dict[str, asyncio.Event] = field(default_factory=dict)
    """Device, or empty for any -> rung at the next tap."""
    _hands: dict[str, asyncio.Lock] = field(default_factory=dict)
    """Place -> one hand at a time."""
    _last_us: dict[tuple[str, str], int] = field(default_factory=dict)
    """(place, badge) -> when it was last held there."""

    def __post_init__(self) -> None:
        self.lamps = {device.id: Lamps(device.trace) for device in self.town.devices.values()}
        self._hands = {place: asyncio.Lock() for place in READERS}

    def sent(self) -> tuple[SentTap, ...]:
        """Every tap whose bytes left a scanner."""
        return tuple(sent for wish in self.wishes for sent in wish.taps)

    async def tapped(self, device: str = "") -> None:
        """Return at the very moment of the next tap, at this device or at any."""
        await self._tapped.setdefault(device, asyncio.Event()).wait()

    def waiting(self, device: str) -> int:
        """How many stand at this device with a tap that nothing was lit for."""
        self.lamps[device].look()
        return sum(bool(self.wishes[number].taps) and not self._is_answered(self.wishes[number]) for number in self.open[device])

    async def play(self, enough: asyncio.Event) -> None:
        """Tap until it is enough, and everybody has seen a light. Raises an ExceptionGroup when somebody waits in vain."""
        async with asyncio.TaskGroup() as all_of_them:
            for place in self.pace.places:
                all_of_them.create_task(self._queue(all_of_them, place, enough))

    # --- pupils ---

    async def _queue(self, all_of_them: asyncio.TaskGroup, place: str, enough: asyncio.Event) -> None:
        """The pupils at one reader, one after the other, for ever the same ones in the same order."""
        chance = random.Random(f"{self.seed} {place}")
        for badge in self._order(place, chance):
            await self._apart(place, badge, enough)
            if enough.is_set():
                return
            self.wishes.append(Wish(place, badge))
            all_of_them.create_task(self._wish(len(self.wishes) - 1))
            await after(chance.uniform(*self.pace.pauses_s))

    def _order(self, place: str, chance: random.Random) -> Iterator[str]:
        site = MOULIN if place == TAGS else CENTRE
        badges = [child.badge for child in self.everyone if child.site == site]
        chance.shuffle(badges)
        while True:
            yield from badges

    async def _apart(self, place: str, badge: str, enough: asyncio.Event) -> None:
        """Wait until this badge may come again; not when it is enough."""
        last_us = self._last_us.get((place, badge))
        if last_us is not None:
            ready_us = last_us + int(self.pace.apart_s * 1e6)
            await until(lambda: enough.is_set() or boot_us() >= ready_us, 2 * self.pace.apart_s, "a pupil's turn")

    async def _wish(self, number: int) -> None:
        """Hold the badge until something is lit. A device that died in between is asked again; one that lives is waited for."""
        wish = self.wishes[number]
        device = wish.place.split("/")[0]
        self.open[device].add(number)
        while not self._is_answered(wish):
            await self._hold(wish)
            await until(lambda: self._is_answered(wish) or self._is_unheard(wish), DARK_S, f"a light at {wish.place}")
        self.open[device].remove(number)

    async def _hold(self, wish: Wish) -> None:
        """Hold the badge, once the device listens and no other hand is there."""
        device, reader = wish.place.split("/")
        scanner, program = self.town.scanner(wish.place), self.town.devices[device].program
        async with self._hands[wish.place]:
            sent_us = scanner.scan(wish.badge)
            while sent_us is None:
                await until(scanner.is_listened_to, DARK_S, f"a device at {wish.place}")
                sent_us = scanner.scan(wish.badge)
            wish.taps.append(SentTap(device, reader, wish.badge, Means.SHOWS, sent_us, self.town.time.now_s()))
            wish.life = program.pid
            self._last_us[wish.place, wish.badge] = sent_us
            for heard in (device, ""):
                self._tapped.pop(heard, asyncio.Event()).set()
            await after(GAP_S)

    def _is_answered(self, wish: Wish) -> bool:
        device, reader = wish.place.split("/")
        self.lamps[device].look()
        return bool(wish.taps) and self.lamps[device].answered_us.get(reader, 0) >= wish.taps[-1].sent_us

    def _is_unheard(self, wish: Wish) -> bool:
        """Whether the tap died with its device, or came while the device was still opening its port: it has shown no sign of reading it."""
        device, reader = wish.place.split("/")
        sent_us = wish.taps[-1].sent_us
        if self.town.devices[device].program.pid != wish.life:
            return True
        return self.lamps[device].read_us.get(reader, 0) < sent_us and boot_us() - sent_us > SAME_TAP_S * 1e6
