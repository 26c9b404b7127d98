"""Who watches the simulated world from outside: what people saw, what doors did, what the journal says. It knows no state of the code.

Every light that answers a tap is in the books exactly once and as it was shown; nobody is charged twice, or for a tap that was refused;
nothing else is in the books; no sale passes a limit; a door moves for a fresh grant or request, once.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from edge.events import Pattern
from hub.core.codes import Code
from hub.core.facts import Fact, ScanTaken, SettlementDone
from proto.messages import YES, RosterManifest
from tests.sim import ledgers
from tests.sim.daysheet import READERS
from tests.sim.faults import Fault
from tests.sim.ledgers import Key
from tests.sim.setting import day_code
from tests.sim.witness import Witness

if TYPE_CHECKING:
    from tests.sim.card import Card
    from tests.sim.people import Person
    from tests.sim.world import World

FRESH_S = 6.0
"""A door pulse is at most this much later than the tap or the office's request it is for (promise P10)."""
REPEAT_S = 3.0
MINUTE_S = 61.0
"""What a device that dies may take with it: answered scans wait a minute for the card (design.md, The device)."""
LATE_MS = 15_000
"""A message is at most so long on its way."""
SLOW_S = 12.0
"""… and for a slow card to take them."""


@dataclass(slots=True)
class Tap:
    """Somebody held a badge to a reader, and the device made a scan of it."""

    badge: str
    reader: str
    at_s: float
    at_ms: int
    """The school's true time."""
    lit: str = ""
    lit_s: float = 0.0
    own: bool = False
    """Whether the device answered alone."""
    boot: str = ""
    on_full_card: bool = False
    granted_s: float | None = None
    before: Key | None = None
    """The scan before it of this badge at this reader."""


@dataclass(slots=True)
class Oracle:
    """All that was seen. Each method checks what can be checked at once; `ledgers` checks the rest at the end."""

    world: "World"
    witness: Witness
    taps: dict[Key, Tap] = field(default_factory=dict)
    booked: dict[Key, set[str]] = field(default_factory=dict)
    """Every light a scan was ever booked with, by a hub that had it on disk."""
    requests: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    """(device, reader) -> when the office asked for the door."""
    lost_by_card: set[Key] = field(default_factory=set)
    lost_by_hub: set[Key] = field(default_factory=set)
    gone: set[Key] = field(default_factory=set)
    """Scans that nobody can have any more, for a reason that design.md admits."""
    blocked_ms: dict[str, int] = field(default_factory=dict)
    """Badge -> when the office was told that it is blocked."""
    over_ms: dict[str, int] = field(default_factory=dict)
    """The same, by a hub's clock that is right, whatever the devices' clocks are."""
    promised: set[int] = field(default_factory=set)
    """Asks of the office that were answered yes."""
    pulses: int = 0
    settled: int = 0
    """Through which day care was settled."""
    _last: dict[tuple[str, str, str], Key] = field(default_factory=dict)
    """(device, reader, badge) -> last scan."""
    _hubs: dict[str, str] = field(default_factory=dict)
    """Device -> the life of the hub that it hears."""
    _to_ask: dict[str, int] = field(default_factory=dict)
    """Device that has to ask that hub how far it is -> the number of its question, 0 = not asked yet."""

    # --- at the readers ---

    def tapped(self, key: Key, who: "Person", reader: str) -> None:
        if key in self.taps:
            self.world.fail(f"number {key} is used a second time")
        place = (key[0], reader, who.hash)
        boot = self.world.devices[key[0]].boot
        self.taps[key] = Tap(who.hash, reader, self.world.loop.now_s, self.world.true_ms(), boot=boot, before=self._last.get(place))
        self._last[place] = key

    def remember(self, key: Key, who: "Person", reader: str, at_ms: int) -> None:
        """A tap of an earlier week, which the device has lit and stored by itself."""
        at_s = (at_ms - self.world.plan.start_ms) / 1000
        self.taps[key] = Tap(who.hash, reader, at_s, at_ms, lit=Pattern.ACCEPTED.value, lit_s=at_s, own=True)

    def merged(self, key: Key) -> None:
        """The device took this tap for the one before, or has no number for it."""
        tap = self.taps.pop(key)
        del self._last[key[0], tap.reader, tap.badge]
        if tap.before:
            self._last[key[0], tap.reader, tap.badge] = tap.before

    def lit(self, key: Key, reader: str, pattern: Pattern, card: "Card") -> None:
        """A lamp answers a tap: somebody has it on disk, with this very outcome."""
        self.world.saw("lit", *key, pattern)
        tap = self.taps.get(key)
        if tap is None or tap.reader != reader:
            self.world.fail(f"{pattern} at {reader} answers no tap: {key}")
        if tap.lit and tap.lit != pattern.value:
            self.world.fail(f"one tap, two answers: {key} {tap.lit}, then {pattern}")
        if tap.lit:
            self.world.fail(f"one tap is answered twice: {key} {pattern}")
        tap.lit, tap.lit_s, tap.on_full_card = pattern.value, self.world.loop.now_s, card.full
        stored = card.holds(key[1], key[2])
        own = stored is not None and stored.shown is not None and not stored.shown.by_hub and stored.shown.light == pattern.value
        if not own and pattern.value not in self.booked.get(key, ()) and not (card.full and pattern is Pattern.ADULT):
            self.world.fail(f"{pattern} for {key} is no receipt: neither card nor hub has it so")
        tap.own = own
        if pattern.value in YES:
            self._may_be_lit(tap, card)

    def repeated(self, device: str, reader: str, pattern: Pattern, who: "Person | None") -> None:
        """A lamp that answers no scan of its own: a tap that was taken for the one before, or no badge, or no room."""
        if pattern.value not in YES:
            return
        key = self._last.get((device, reader, who.hash)) if who else None
        before = self.taps[key].before if key else None
        tap = self.taps.get(before) if before else None
        if tap is None or tap.lit != pattern.value or self.world.loop.now_s - tap.at_s > REPEAT_S:
            self.world.fail(f"{pattern} at {reader} of {device} repeats no answer")

    def granted(self, key: Key) -> None:
        """The hub has sent leave for a door."""
        if key in self.taps:
            self.taps[key].granted_s = self.world.loop.now_s

    def requested(self, device: str, reader: str) -> None:
        """The office asked for a door."""
        self.requests.setdefault((device, reader), []).append(self.world.loop.now_s)

    def pulsed(self, device: str, reader: str) -> None:
        """A door moves: for one tap or request, once, while it is fresh."""
        now_s = self.world.loop.now_s
        self.pulses += 1
        self.world.saw("pulse", device, reader)
        for key, tap in reversed(self.taps.items()):
            if now_s - tap.at_s > FRESH_S:
                break
            if key[0] == device and tap.reader == reader and tap.granted_s is not None:
                tap.granted_s = None
                return
        asked = self.requests.get((device, reader), [])
        fresh = next((at_s for at_s in asked if now_s - at_s <= FRESH_S), None)
        if fresh is None:
            self.world.fail(f"the door at {reader} of {device} moves for nobody")
        asked.remove(fresh)

    def answered(self, device: str, reader: str, badge: str, within_s: float) -> bool:
        """Whether somebody has seen a light for a tap of this badge lately."""
        key = self._last.get((device, reader, badge))
        tap = self.taps.get(key) if key else None
        return tap is not None and bool(tap.lit) and self.world.loop.now_s - tap.lit_s <= within_s

    # --- on the wire ---

    def hears(self, device: str, hub: str) -> None:
        """A device takes notice of a life of the hub, empty = of none any more: one that comes may be from a backup."""
        if self._hubs.get(device) != hub:
            self._hubs[device], self._to_ask[device] = hub, 0

    def asks(self, device: str, q: int) -> None:
        """A device asks the hub how far it is."""
        self._to_ask.update({device: q} if self._to_ask.get(device) == 0 else {})

    def is_told(self, device: str, q: int) -> None:
        """The hub has answered a question of a device's."""
        if 0 < self._to_ask.get(device, 0) <= q:
            del self._to_ask[device]

    def tells(self, device: str) -> None:
        """A device sends scans: only to a hub that has said how far it is."""
        if device in self._to_ask:
            self.world.fail(f"{device} sends scans to a hub that has come, and has not said how far it is")

    # --- at the office ---

    def promise(self, ask: int) -> None:
        """The office was answered yes."""
        self.promised.add(ask)

    def blocked(self, badge: str) -> None:
        """The office was told that this badge is good for nothing any more."""
        if not self.world.clocks_lie:
            self.blocked_ms[badge] = self.world.hub_wall_ms()
        if Fault.HUB_CLOCK not in self.world.plan.faults:
            self.over_ms[badge] = self.world.hub_wall_ms()

    # --- at the stores ---

    def committed(self, facts: Iterable[Fact]) -> None:
        """These facts are durable now."""
        for fact in facts:
            if isinstance(fact, ScanTaken):
                self.booked.setdefault((fact.device, fact.inc, fact.n), set()).add(fact.light.value)
                self.world.saw("booked", fact.device, fact.inc, fact.n, fact.code)
                self._heeds_blocks(fact)
                self._in_time(fact)
                if fact.reader in READERS and day_code(fact.at_ms) <= self.settled:
                    self.world.struck(Fault.FORGOTTEN)
            elif isinstance(fact, SettlementDone):
                self.settled = fact.through_day

    def found(self, facts: Iterable[Fact]) -> None:
        """A start makes these facts durable, which the process before it had written and told nobody of."""
        for fact in facts:
            if isinstance(fact, ScanTaken):
                self.booked.setdefault((fact.device, fact.inc, fact.n), set()).add(fact.light.value)

    def restored(self, last: int, lost: Sequence[Fact], kept: AbstractSet[int]) -> None:
        """The hub comes from a backup without these facts, those after `last`; of the asks that were answered yes these are `kept`.

        What staff were promised since is gone with them (promise P4); a device's scans come back by themselves.
        """
        gone = self.witness.restored(last, lost)
        self.world.saw("acts of staff lost with a disk", gone)
        for fact in lost:
            if isinstance(fact, ScanTaken):
                self.lost_by_hub.add((fact.device, fact.inc, fact.n))
        self.promised &= kept
        self.blocked_ms.clear()
        self.over_ms.clear()

    def card_lost(self, keys: set[Key]) -> None:
        """A card has these, or had them, in doubt."""
        self.lost_by_card |= keys

    def died(self, device: str, inc: str, card: "Card", *, orderly: bool) -> None:
        """What was in the device's memory only: the minute before its death, and what a full card had refused (an orderly one: refuses)."""
        since_s = self.world.loop.now_s - MINUTE_S - (SLOW_S if Fault.SLOW_CARD in self.world.plan.faults else 0.0)
        for key, tap in reversed(self.taps.items()):
            fleeting = card.full if orderly else tap.lit_s >= since_s or tap.on_full_card or card.refused_s >= tap.lit_s
            if key[:2] == (device, inc) and tap.lit and fleeting and card.holds(inc, key[2]) is None:
                self.gone.add(key)

    # --- at the end ---

    def judge(self, facts: list[Fact], holes: bool) -> None:
        """Everything is drained: hold what was seen against what is booked."""
        complaint = next(iter(ledgers.complaints(self.taps, facts, self._excused())), None)
        if complaint is None and not holes:
            complaint = next((f"a hole nobody made: {fact}" for fact in ledgers.holes(facts)), None)
        if complaint is not None:
            self.world.fail(complaint)

    def _excused(self) -> set[Key]:
        """Lit, and rightly not in the books: the card lost it, or it was in one memory only when that died."""
        full = {key for key in self.gone if self.taps[key].on_full_card}
        return self.lost_by_card | full | (self.gone & self.lost_by_hub)

    def _may_be_lit(self, tap: Tap, card: "Card") -> None:
        """A yes: never for somebody whom nobody knows, nor by a device that was told since that the badge is over."""
        if tap.badge in {one.hash for one in self.world.crowd.strangers}:
            self.world.fail(f"a stranger is shown {tap.lit}: {tap}")
        over_ms, kept = self.over_ms.get(tap.badge), card.kept("roster")
        if tap.own and over_ms is not None and kept is not None:
            manifest, _ = msgspec.json.decode(kept, type=tuple[RosterManifest, list[str]])
            if manifest.issued_ms > over_ms:
                self.world.fail(f"a badge is accepted that was over before the device's roster was issued: {tap}")

    def _in_time(self, fact: ScanTaken) -> None:
        """A device that has not lost its power since tells when a scan was, whatever its wall clock says."""
        tap = self.taps.get((fact.device, fact.inc, fact.n))
        if tap is None or Fault.HUB_CLOCK in self.world.plan.faults or tap.boot != self.world.devices[fact.device].boot:
            return
        if not 0 <= fact.at_ms + 1 - tap.at_ms <= LATE_MS:
            self.world.fail(f"booked {fact.at_ms - tap.at_ms} ms after it was: {fact}")

    def _heeds_blocks(self, fact: ScanTaken) -> None:
        since_ms = self.blocked_ms.get(fact.badge)
        lit = fact.light in YES and fact.code is not Code.AGAIN and not fact.shown
        if since_ms is not None and lit and fact.at_ms - fact.err_ms > since_ms + 1_000:
            self.world.fail(f"a blocked badge is accepted: {fact}")
