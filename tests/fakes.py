"""Small real programs that stand in for a device's surroundings: clock, card, lamps, link. And a station that is driven by hand."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import msgspec

from edge import events as e
from edge import station
from edge.errors import StoreError
from edge.outbox import KEEP_MS
from edge.state import State
from edge.vitals import Vitals
from proto import badge, codec
from proto.messages import (
    MAX_LINES,
    MAX_RECORDS,
    ClockQuality,
    DeviceConfig,
    Direction,
    Grant,
    Hole,
    HubState,
    Light,
    Line,
    ReaderConfig,
    RosterManifest,
    RosterRow,
    Scan,
    Settled,
    Status,
    Use,
    Verdict,
    VerdictMessage,
)
from proto.topics import Kind

T = TypeVar("T")

INC, SESSION, HUB, BOOT = "1" * 16, "2" * 16, "3" * 16, "4" * 16
NOON_MS = 1_790_000_000_000
KEY = b"a badge key for tests, 32 bytes."


def code(name: str) -> str:
    """What is printed on the badge of somebody of this name."""
    return badge.code(hashlib.sha256(name.encode()).digest()[:10])


def hashed(name: str) -> str:
    """The same badge as the wire has it."""
    return badge.badge_hash(KEY, code(name))


def config(**readers: tuple[Use, int]) -> DeviceConfig:
    """A device's config: `config(door=(Use.CARE, 800))`, reader = what it is for and how long its door is pulsed (ms, 0 = none)."""
    named = [ReaderConfig(id=reader, use=use, direction=Direction.TOGGLE, door_ms=door_ms) for reader, (use, door_ms) in readers.items()]
    return DeviceConfig(device="device", badge_key=KEY.hex(), readers=named)


def rows(*names: str, rights: str = "cstke") -> tuple[RosterRow, ...]:
    return tuple(RosterRow(badge=hashed(name), rights=rights) for name in names)


def manifest(version: int = 1, parts: int = 1, sha256: str = "", issued_ms: int = NOON_MS) -> RosterManifest:
    return RosterManifest(version=version, parts=parts, rows=0, sha256=sha256, issued_ms=issued_ms, sig="")


@dataclass
class Clock:
    """Clocks that stand still until a test moves them."""

    ms: int = 1_000_000
    wall_ms: int = NOON_MS
    quality: ClockQuality = ClockQuality.NTP
    err_ms: int = 10
    boot: str = BOOT

    def mono_ms(self) -> int:
        return self.ms

    def now(self) -> e.Clock:
        return e.Clock(self.boot, self.wall_ms, self.err_ms, self.quality)

    def forward(self, ms: int) -> None:
        self.ms += ms
        self.wall_ms += ms


@dataclass
class Lamps:
    """Remembers what was shown: pattern, reader, and the number of the scan it answers (0: none). And which doors were pulsed."""

    shown: list[tuple[e.Pattern, str, int]] = field(default_factory=list)
    pulses: list[tuple[str, int]] = field(default_factory=list)

    def show(self, pattern: e.Pattern, reader: str = "", **marks: str | int) -> None:
        self.shown.append((pattern, reader, int(marks.get("n", 0))))

    def pulse(self, reader: str, ms: int, **marks: str | int) -> None:
        self.pulses.append((reader, ms))


@dataclass
class Wire:
    """A link that keeps what is published, as it is read back from its bytes."""

    sent: list[tuple[Kind, codec.Versioned]] = field(default_factory=list)
    rubbish: dict[str, int] = field(default_factory=dict)

    def publish(self, kind: Kind, message: codec.Versioned) -> None:
        again = codec.decode(codec.encode(message), type(message))
        assert not isinstance(again, codec.Rubbish), f"{again}: {message}"
        self.sent.append((kind, again))

    def of(self, kind: type[T]) -> list[T]:
        """All messages of a type, oldest first."""
        return [message for _, message in self.sent if isinstance(message, kind)]


def vitals() -> Vitals:
    return Vitals(rss_kb=30_000, disk_free_mb=1_000, undervoltage=None, uptime_s=60)


@dataclass(frozen=True, slots=True)
class _Record:
    scan: Scan
    settled: bool
    stored_ms: int

    @property
    def rank(self) -> int:
        """Who answered the person: 0 nobody, 1 the hub, 2 the device."""
        return 0 if self.scan.shown is None else 1 if self.scan.shown.by_hub else 2


@dataclass
class MemoryOutbox:
    """The outbox as a dictionary. It outlives the device as a card does: hand it to the next one. Full or failing when told.

    tests/sim/test_twins.py holds it and the real one to the same contract.
    """

    wall_ms: int = NOON_MS
    refuses: StoreError | None = None
    damaged: bool = False
    unreadable: int = 0
    commits: int = 0
    places: dict[str, int] = field(default_factory=dict)
    records: dict[tuple[int, int], _Record] = field(default_factory=dict)
    rotten: set[tuple[int, int]] = field(default_factory=set)
    """Records whose bytes are no longer what was stored."""
    values: dict[str, bytes] = field(default_factory=dict)
    _waiting: set[tuple[int, int]] = field(default_factory=set)
    _tops: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By place: the highest settled record, and the highest of those that the device had answered."""

    def append(self, answered: Sequence[Scan], unsettled: Sequence[Scan]) -> None:
        self._write()
        for scan, settled in [*((one, True) for one in answered), *((one, False) for one in unsettled)]:
            place = self.places.setdefault(scan.inc, max(self.places.values(), default=0) + 1)
            new, old = _Record(scan, settled, self.wall_ms), self.records.get((place, scan.n))
            if old is None or (new.rank and new.rank >= old.rank and new.scan != old.scan):
                self._put(place, scan.n, new)
                self.rotten.discard((place, scan.n))

    def oldest(self, limit_bytes: int, lines: Mapping[str, Line]) -> list[Scan | Hole]:
        found: list[Scan | Hole] = []
        size = 0
        for record in self._contiguous(lines):
            size += len(msgspec.json.encode(record)) + 1
            if size > limit_bytes or len(found) == MAX_RECORDS:
                break
            found.append(record)
        return found

    def settle(self, lines: Sequence[Line]) -> int:
        self._write()
        for line in lines:
            place = self.places.get(line.inc, 0)
            top, own = self._tops.get(place, (0, 0))
            down = top > line.n or own > line.shown_n  # the hub was restored: else what waits is all that can change
            for where, n in [key for key in (self.records if down else self._waiting) if key[0] == place]:
                record = self.records[where, n]
                readable = (where, n) not in self.rotten
                settled = n <= line.n and (record.rank < 2 or n <= line.shown_n or (not readable and not record.settled))
                if settled is not record.settled:
                    self._put(where, n, replace(record, settled=settled))
        return self.unsettled()

    def lines(self) -> list[Line]:
        newest_first = sorted(self.places.items(), key=lambda item: -item[1])[:MAX_LINES]
        return [Line(inc, *self._tops.get(place, (0, 0))) for inc, place in newest_first]

    def unsettled(self) -> int:
        return len(self._waiting)

    def archived(self) -> int:
        return len(self.records) - len(self._waiting)

    def prune(self, now_ms: int) -> None:
        self._write()
        self.records = {key: one for key, one in self.records.items() if not one.settled or one.stored_ms >= now_ms - KEEP_MS}
        left = {place for place, _ in self.records}
        self.places = {inc: place for inc, place in self.places.items() if place in left}
        for place in list(self._tops):
            self._find_tops(place)

    def keep(self, key: str, value: bytes) -> None:
        self._write()
        self.values[key] = value

    def kept(self, key: str) -> bytes | None:
        return self.values.get(key)

    def close(self) -> None:
        pass

    def copy(self) -> "MemoryOutbox":
        """Another card with the same content."""
        return replace(
            self,
            places=dict(self.places),
            records=dict(self.records),
            rotten=set(self.rotten),
            values=dict(self.values),
            _waiting=set(self._waiting),
            _tops=dict(self._tops),
        )

    def _write(self) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.commits += 1

    def _put(self, place: int, n: int, record: _Record) -> None:
        self.records[place, n] = record
        top, own = self._tops.get(place, (0, 0))
        if not record.settled:
            self._waiting.add((place, n))
            if n in {top, own}:
                self._find_tops(place)
            return
        self._waiting.discard((place, n))
        self._tops[place] = (max(top, n), max(own, n) if record.rank == 2 else own)

    def _find_tops(self, place: int) -> None:
        settled = [(n, one.rank) for (where, n), one in self.records.items() if where == place and one.settled]
        self._tops[place] = (max((n for n, _ in settled), default=0), max((n for n, rank in settled if rank == 2), default=0))

    def _contiguous(self, lines: Mapping[str, Line]) -> Iterator[Scan | Hole]:
        due = {inc: line.n + 1 for inc, line in lines.items()}
        for place, n in sorted(self._waiting):
            scan = self.records[place, n].scan
            readable = (place, n) not in self.rotten
            first = due.get(scan.inc, n if readable else 0)
            if readable:
                yield from self._holes(place, scan.inc, first, n)
                yield scan
            else:
                self.unreadable += 1
                if n != first:
                    continue
                yield Hole(scan.inc, n, n)
            due[scan.inc] = max(first, n + 1)

    def _holes(self, place: int, inc: str, first: int, end: int) -> Iterator[Hole]:
        for there in [n for n in range(first, end) if (place, n) in self.records and self.records[place, n].settled] + [end]:
            if first < there:
                yield Hole(inc, first, there - 1)
            first = there + 1


class Device:
    """A station driven by hand, with a card in memory: every effect is kept, Store and Settle are performed at once."""

    def __init__(self, *, readers: Mapping[str, tuple[Use, int]] | None = None, known: Iterable[str] = (), hub: bool = True) -> None:
        self.state = State(INC)
        self.clock = Clock()
        self.card = MemoryOutbox()
        self.effects: list[e.Effect] = []
        self.do(e.ConfigIn(1, config(**(readers or {"till": (Use.TILL, 0), "door": (Use.CARE, 800)}))))
        self.do(e.RosterLoaded(manifest(), rows(*known)))
        if hub:
            self.connect()
            self.settle(0)
        self.do(e.Tick())
        self.effects.clear()

    def connect(self, session: str = SESSION) -> None:
        """Broker and hub are there; the hub was asked how far it is."""
        self.do(e.LinkUp(session))
        self.do(e.HubChanged(HubState(status=Status.ON, session=HUB)))

    def do(self, event: e.Event) -> list[e.Effect]:
        """Step an event and all it leads to; the effects, in order."""
        came: list[e.Effect] = []
        todo = [event]
        while todo:
            self.state, effects = station.step(self.state, todo.pop(0), self.clock.ms)
            came += effects
            todo = [report for effect in effects for report in self._perform(effect)] + todo
        self.effects += came
        return came

    def wait(self, ms: int) -> list[e.Effect]:
        """Let time go by, ticking whenever the station wants to be woken."""
        end_ms, came = self.clock.ms + ms, []
        while (wake_ms := station.wake_ms(self.state)) <= end_ms:
            self.clock.forward(max(wake_ms - self.clock.ms, 0))
            came += self.do(e.Tick())
            assert station.wake_ms(self.state) > self.clock.ms, "the station is busy with itself"
        self.clock.forward(end_ms - self.clock.ms)
        return came

    def read(self, found: e.Found, reader: str = "till", nonce: str = "a" * 16) -> list[e.Effect]:
        return self.do(e.ReadIn(reader, found, self.clock.now(), nonce))

    def tap(self, name: str, reader: str = "till") -> int:
        """Somebody holds a badge to a reader; the number of the scan this made, or the last one's where it made none."""
        self.read(e.Text(code(name)), reader)
        return self.state.n

    def verdict(
        self, n: int, light: Light = Light.ACCEPTED, *, grant: Grant | None = None, session: str = SESSION, inc: str = INC
    ) -> list[e.Effect]:
        return self.do(e.VerdictIn(VerdictMessage(session=session, verdicts=[Verdict(inc, n, light, "ok", grant)])))

    def settle(self, n: int, shown_n: int = 0, *, q: int | None = None, session: str | None = None) -> list[e.Effect]:
        """The hub says how far it has this incarnation; the answer to the newest question unless told otherwise."""
        line = Line(INC, n, shown_n)
        return self.do(e.SettledIn(Settled(session=session or self.state.session, q=self.state.q if q is None else q, lines=[line])))

    def of(self, kind: type[T]) -> list[T]:
        """All effects of a kind, oldest first."""
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def lit(self, n: int) -> list[e.Pattern]:
        """What was shown for a scan."""
        return [show.pattern for show in self.of(e.Show) if show.n == n]

    def _perform(self, effect: e.Effect) -> list[Any]:
        try:
            match effect:
                case e.Store():
                    self.card.append(effect.answered, effect.unsettled)
                    return [e.Stored(self.card.unsettled())]
                case e.Settle():
                    return [e.Backlog(self.card.settle(effect.lines))]
        except StoreError as error:
            return [e.StoreFailed(str(error))]
        return []
