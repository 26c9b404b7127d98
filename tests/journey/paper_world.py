"""A world on paper: time that is only a number, a bad wire, and devices made of the real loop and station on cards in memory."""

import heapq
import itertools
from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from edge import events as e
from edge import station
from edge.loop import Loop, Parts
from hub.core.school import Policy, Product, ProductKind, edited
from proto import codec, messages, roster
from proto.messages import ClockQuality, DeviceConfig, Direction, HubState, Status, Use
from proto.topics import Kind
from tests import schools
from tests.fakes import MemoryOutbox, vitals
from tests.journey.paper_hub import PaperHub

DRINK_CENTS = 1_50
MORNING_MS = schools.moment("15:45")
READERS = {"till": (("drink-till", Use.TILL), ("meal-till", Use.TILL)), "door": (("care-door", Use.CARE), ("care-in", Use.CARE))}
EVERYBODY = ("Léa", "Tom", "Mia", "Noé", "Zoé", "a stranger")
ROSTER = roster.pack([messages.RosterRow(schools.badge(name), "cstke") for name in ("Léa", "Tom", "Mia", "Zoé")])
"""The devices do not know Noé, the hub does not know Zoé: both ends have reason to disagree."""

Key = tuple[str, str, int]


class PowerCutError(Exception):
    """The device died here."""


class World:
    """Time, the wire, and what the people at the readers saw."""

    def __init__(self, seed: int) -> None:
        self.chance, self.now_ms, self.calm = Random(seed), 0, False
        self.counts: Counter[str] = Counter()
        self.tapped: dict[Key, str] = {}
        self.lit: dict[Key, str] = {}
        self.gone: set[Key] = set()
        """Lit, but the device died while neither card nor hub had it: a full card or a restored hub, and a death within that minute."""
        drink = Product(schools.number("drink"), schools.number("Tilleuls"), ProductKind.ARTICLE, "Boisson", DRINK_CENTS, Policy.MUST_SERVE)
        self.hub = PaperHub(edited(schools.small_school(), (drink,)), ROSTER)
        self._acts: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self.devices = [Device(self, name) for name in READERS]

    def random64(self) -> str:
        return f"{self.chance.getrandbits(64):016x}"

    def later(self, ms: int, act: Callable[[], None]) -> None:
        heapq.heappush(self._acts, (self.now_ms + ms, next(self._order), act))

    def carry(self, deliver: Callable[[], None]) -> None:
        """The wire: nothing, once or twice, at once or after seconds."""
        for _ in range(1 if self.calm or self.chance.random() < 0.9 else 2):
            if not self.calm and self.chance.random() < 0.15:
                self.counts["lost"] += 1
            else:
                self.later(5 if self.calm else self.chance.choice([5, 5, 5, 20, 60, 300, 900, 4_000]), deliver)

    def run(self, until_ms: int) -> None:
        while True:
            sleeper = min(self.devices, key=lambda device: device.wake_ms())
            act_ms = self._acts[0][0] if self._acts else until_ms + 1
            self.now_ms = max(self.now_ms, min(act_ms, sleeper.wake_ms()))
            if self.now_ms > until_ms:
                return
            if act_ms <= sleeper.wake_ms():
                heapq.heappop(self._acts)[2]()
            else:
                sleeper.turn(e.Tick())
                assert sleeper.wake_ms() > self.now_ms, "a loop is busy with itself"

    def often(self, pause_ms: int, act: Callable[[], None]) -> None:
        """Again and again, about every `pause_ms`, until it is calm."""

        def again() -> None:
            if not self.calm:
                act()
                self.often(pause_ms, act)

        self.later(self.chance.randrange(2 * pause_ms), again)


class Device:
    """One device through its lives. It is its loop's lamps, link and clock; only the card outlives it."""

    rubbish: dict[str, int] = {}  # noqa: RUF012 - the seam asks for it, and nothing writes it

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name, self.card = world, name, MemoryOutbox()
        self.alive, self.linked, self.lights_left, self.boots = False, False, 0, 0
        self.boot()

    # --- what the loop sees ---

    def mono_ms(self) -> int:
        return 1_000 + self.world.now_ms - self.since_ms

    def now(self) -> e.Clock:
        return e.Clock(self.boot_id, MORNING_MS + self.world.now_ms, 10, ClockQuality.NTP)

    def show(self, pattern: e.Pattern, reader: str = "", **marks: str | int) -> None:
        self.lights_left -= 1
        if self.lights_left == 0:
            raise PowerCutError
        if "n" in marks:
            assert self.world.lit.setdefault((self.name, self.inc, int(marks["n"])), pattern) is pattern, "one tap, two answers"

    def pulse(self, reader: str, ms: int, **marks: str | int) -> None:
        raise AssertionError("no door was granted")

    def publish(self, kind: Kind, message: codec.Versioned) -> None:
        if self.linked and kind is Kind.STATE:
            self.world.hub.sessions[self.name] = getattr(message, "session", "")
        elif self.linked and kind in {Kind.SCAN, Kind.ASK}:
            sent, shape, life = codec.encode(message), type(message), self.world.hub.life
            self.world.carry(lambda: self._answered(codec.decode(sent, shape)) if life == self.world.hub.life else None)

    # --- what happens to it ---

    def boot(self) -> None:
        """A new life, sometimes on a kernel of its own."""
        self.inc = self.world.random64()
        if self.boots == 0 or self.world.chance.random() < 0.5:
            self.since_ms, self.boot_id = self.world.now_ms, self.world.random64()
        self.boots, self.alive, self.lights_left = self.boots + 1, True, 0
        self.loop = Loop(self.inc, {})
        self.parts = Parts(self.card, self, self, self, vitals, int, pytest.fail, "1.0")
        self.loop.begin(self.parts)
        readers = [messages.ReaderConfig(reader, use, Direction.TOGGLE) for reader, use in READERS[self.name]]
        self.turn(e.ConfigIn(1, DeviceConfig(self.name, schools.BADGE_KEY.hex(), readers)))
        self.link(up=True)

    def die(self) -> None:
        """Without a warning; what was only in memory is gone, but not from the hub's next backup too: both at once may cost a minute."""
        if self.alive:
            self.world.counts["deaths"] += 1
            self.alive = self.linked = False
            hub, state = self.world.hub, self.loop.state
            line = hub.books.line(self.name, self.inc)
            for scan in (*state.answered, *state.unsaved):
                if scan.n > (line.n if scan.shown and scan.shown.by_hub else line.shown_n):
                    self.world.gone.add((self.name, self.inc, scan.n))
            hub.backup = len(hub.log)
            self.world.later(self.world.chance.choice([500, 5_000, 70_000]), self.boot)

    def link(self, *, up: bool) -> None:
        if self.alive and up != self.linked:
            self.linked = up
            self.turn(e.LinkUp(self.world.random64()) if up else e.LinkDown())
            self.turn(e.RosterOffered(roster.manifest(b"key", self.name, 1, ROSTER, MORNING_MS)))
            self.hear_of_hub()

    def hear_of_hub(self) -> None:
        if self.linked:
            self.turn(e.HubChanged(HubState(status=Status.ON if self.world.hub.up else Status.LOST, session=f"{self.world.hub.life:016x}")))

    def tap(self) -> None:
        """Somebody holds a badge to a reader; now and then a sister is close behind."""
        if self.world.chance.random() < 0.3:
            self.world.later(250, self.tap)
        if self.alive:
            name, (reader, _) = self.world.chance.choice(EVERYBODY), self.world.chance.choice(READERS[self.name])
            before = self.loop.state.n
            self.turn(e.ReadIn(reader, e.Tag(name), self.now(), ""))
            if self.loop.state.n > before:
                self.world.tapped[self.name, self.inc, self.loop.state.n] = f"{name} at {reader}"

    def turn(self, event: e.Event) -> None:
        try:
            self.loop.turn(self.parts, event)
        except PowerCutError:
            self.die()

    def wake_ms(self) -> int:
        """When its loop wants to be woken, in the world's time."""
        return station.wake_ms(self.loop.state) + self.since_ms - 1_000 if self.alive else self.world.now_ms + 1_000_000

    def _answered(self, message: codec.Versioned | codec.Rubbish) -> None:
        assert not isinstance(message, codec.Rubbish)
        for answer in self.world.hub.hear(self.name, message, MORNING_MS + self.world.now_ms):
            self.world.carry(lambda answer=answer: self._hear(answer))  # type: ignore[misc]

    def _hear(self, message: codec.Versioned) -> None:
        if self.linked:
            match message:
                case messages.VerdictMessage():
                    self.turn(e.VerdictIn(message))
                case messages.Settled():
                    self.turn(e.SettledIn(message))
                case messages.RosterPart():
                    self.turn(e.RosterPartIn(message))
