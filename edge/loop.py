"""The one thread that performs effects, and that serves the link's socket. Readers only put events into its inbox; the station decides.

An event is stepped to its end, with the events its own effects report (Stored, Backlog), before the next one is taken.
A card that fails ends the process at once: after a restart it tells the truth again (reliability.md, 1.1).
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from edge import events as e
from edge import station
from edge.errors import PinsError, StoreError
from edge.inbox import Inbox
from edge.outbox import Outbox
from edge.state import State
from edge.vitals import Vitals
from proto import roster
from proto.codec import Versioned
from proto.messages import (
    MAX_LINES,
    MAX_RECORDS,
    Ask,
    ClockQuality,
    DeviceConfig,
    Health,
    Hole,
    Line,
    ReaderHealth,
    ReaderState,
    Result,
    RosterManifest,
    Scan,
    ScanMessage,
    Status,
    WantPart,
)
from proto.messages import State as WireState
from proto.topics import Kind

log = logging.getLogger(__name__)

RECORDS_BYTES = 24 * 1024
"""JSON bytes of records in one scan message (design.md, Wire)."""
FEW_RECORDS = 20
"""So many always fit: the longest has some 400 bytes."""
HEALTH_PAUSE_MS = 1_000
"""Health goes out at most once in this time, however many faults a reader makes."""
TIDY_MS = 3_600_000
"""How often old records are deleted, and the time is kept for a start without network."""
WATCHDOG_MS = 5_000
"""The watchdog hears from us this often; the unit waits four times as long."""
LINK_S = 1.0
"""The link looks after its connection at least this often."""
TRUSTED = frozenset({ClockQuality.NTP, ClockQuality.RTC})
"""Only by such a clock is anything old enough to be forgotten; a guess must not come back as knowledge after a start."""


class Lamps(Protocol):
    """What the loop needs of outputs.Outputs."""

    def show(self, pattern: e.Pattern, reader: str = "", **marks: str | int) -> None: ...
    def pulse(self, reader: str, ms: int, **marks: str | int) -> None: ...


class Speaker(Protocol):
    """What the loop needs of link.Link."""

    @property
    def rubbish(self) -> dict[str, int]: ...
    def publish(self, kind: Kind, message: Versioned) -> None: ...


class Served(Protocol):
    """What the loop needs of link.Link while it waits: its socket."""

    def fileno(self) -> int: ...
    def writing(self) -> bool: ...
    def serve(self, *, ready: bool) -> None: ...


class Clocks(Protocol):
    """What the loop needs of clock.ClockReader."""

    def mono_ms(self) -> int: ...
    def now(self) -> e.Clock: ...


class Parts(Struct, frozen=True):
    """What the loop works with; each is replaced by a small real fake in tests and in the simulated world."""

    outbox: Outbox
    outputs: Lamps
    link: Speaker
    clock: Clocks
    vitals: Callable[[], Vitals]
    alive: Callable[[], object]
    """Tells the watchdog that the loop turns."""
    die: Callable[[str], None]
    """Ends the process at once; never returns in life."""
    fw: str


class Loop:
    """One device. `put` may be called from any thread; everything else belongs to the thread that calls `run`."""

    def __init__(self, inc: str, kinds: dict[str, str]) -> None:
        self.state = State(inc)
        self._kinds = kinds
        self._inbox = Inbox()
        self._lines: dict[str, Line] = {}
        self._health_ms = -HEALTH_PAUSE_MS
        self._health_due = False
        self._tidy_ms = 0
        self._alive_ms = 0
        self._by_effect: dict[type, Callable[[Parts, Any], e.Event | None]] = {
            e.Show: self._show,
            e.Send: self._send,
            e.SendAsk: self._send_ask,
            e.Store: self._store,
            e.Settle: self._settle,
            e.Pulse: self._pulse,
            e.PublishState: self._publish_state,
            e.PublishHealth: self._publish_health,
            e.Answer: self._answer,
            e.Restart: self._restart,
            e.Want: self._want,
            e.KeepRoster: self._keep_roster,
            e.KeepConfig: self._keep_config,
            e.KeepLayout: self._keep_layout,
            e.Log: self._log,
        }

    def put(self, event: e.Event) -> None:
        """Hand an event to the loop; waits when the loop is far behind."""
        self._inbox.put(event)

    def stop(self) -> None:
        """Let `run` return after the events already in the inbox."""
        self._inbox.put(None)

    def run(self, parts: Parts, link: Served) -> None:
        """Until `stop`: take what came, from the link or from others, or notice that time went by."""
        self.begin(parts)
        inbox = self._inbox
        while True:
            link.serve(ready=inbox.wait(link.fileno(), min(self._wait_s(parts), LINK_S), writing=link.writing()))
            for _ in range(len(inbox)):  # no more than these: the socket gets its turn
                event = inbox.take()
                if event is None:
                    self.end(parts)
                    return
                self.turn(parts, event)
            if not self._wait_s(parts):
                self.turn(parts, e.Tick())

    def begin(self, parts: Parts) -> None:
        """What the card remembers: config, roster, and how much the hub has not settled."""
        self.state = msgspec.structs.replace(self.state, begun_ms=parts.clock.mono_ms())
        parts.outputs.show(e.Pattern.AWAY)
        for event in remembered(parts.outbox):
            self.turn(parts, event)
        self.turn(parts, e.Backlog(parts.outbox.unsettled()))

    def turn(self, parts: Parts, event: e.Event) -> None:
        """Step one event and all that its effects report; then whatever time asks for."""
        now_ms = parts.clock.mono_ms()
        self._step_all(parts, event, now_ms)
        if now_ms >= station.wake_ms(self.state) and not isinstance(event, e.Tick):
            self._step_all(parts, e.Tick(), now_ms)
        self._housekeeping(parts, now_ms)

    def end(self, parts: Parts) -> None:
        """What is only in memory goes to the card: an orderly stop loses no receipt."""
        state = self.state
        if state.answered or state.unsaved:
            self._careful(parts, lambda: self._store(parts, e.Store(state.answered, state.unsaved)))
        self._careful(parts, lambda: self._keep_time(parts))

    def farewell(self) -> WireState:
        """The last state of an orderly stop."""
        return WireState(status=Status.OFF, session=self.state.session or "0" * 16, inc=self.state.inc)

    # --- stepping ---

    def _step_all(self, parts: Parts, event: e.Event, now_ms: int) -> None:
        todo: deque[e.Event] = deque([event])
        while todo:
            self.state, effects = station.step(self.state, todo.popleft(), now_ms)
            reports = [report for effect in effects if (report := self._perform(parts, effect)) is not None]
            todo.extendleft(reversed(reports))

    def _perform(self, parts: Parts, effect: e.Effect) -> e.Event | None:
        """Do one effect; the event it reports, if any."""
        try:
            return self._by_effect[type(effect)](parts, effect)
        except StoreError as error:
            return _refused(parts, error)

    def _careful(self, parts: Parts, work: Callable[[], e.Event | None]) -> e.Event | None:
        """Work on the card that no effect asks for."""
        try:
            return work()
        except StoreError as error:
            return _refused(parts, error)

    def _wait_s(self, parts: Parts) -> float:
        now_ms = parts.clock.mono_ms()
        due_ms = min(station.wake_ms(self.state), self._alive_ms + WATCHDOG_MS)
        if self._health_due:
            due_ms = min(due_ms, self._health_ms + HEALTH_PAUSE_MS)
        return max(due_ms - now_ms, 0) / 1000

    def _housekeeping(self, parts: Parts, now_ms: int) -> None:
        if now_ms - self._alive_ms >= WATCHDOG_MS:
            self._alive_ms = now_ms
            parts.alive()
        report: e.Event | None = None
        if now_ms >= self._tidy_ms:
            self._tidy_ms = now_ms + TIDY_MS
            report = self._careful(parts, lambda: self._tidy(parts))
        if self._health_due and now_ms - self._health_ms >= HEALTH_PAUSE_MS:
            report = self._careful(parts, lambda: self._health(parts, now_ms)) or report
        if report is not None:
            self._step_all(parts, report, now_ms)

    def _tidy(self, parts: Parts) -> None:
        clock = parts.clock.now()
        if clock.quality in TRUSTED:
            parts.outbox.prune(clock.wall_ms)
        self._keep_time(parts)

    def _keep_time(self, parts: Parts) -> None:
        clock = parts.clock.now()
        if clock.quality in TRUSTED:
            parts.outbox.keep("wall_ms", str(clock.wall_ms).encode())

    # --- effects ---

    def _show(self, parts: Parts, effect: e.Show) -> None:
        marks: dict[str, str | int] = {"inc": self.state.inc, "n": effect.n} if effect.n else {}
        parts.outputs.show(effect.pattern, effect.reader, **marks)

    def _send(self, parts: Parts, effect: e.Send) -> None:
        """Stored records first; open ones join only when all stored ones fit, so that the order holds."""
        unsettled = self.state.backlog
        records: list[Scan | Hole] = parts.outbox.oldest(RECORDS_BYTES, self._lines) if unsettled else []
        if unsettled and not records:
            self._send_ask(parts, e.SendAsk(effect.q))  # what cannot be read can only be settled by an answer that names its incarnation
            return
        if not records and len(effect.open) <= FEW_RECORDS:
            records = [*effect.open]  # nearly always; weighing them takes as long as sending them
        # A hole may stand for rows or for none: with one, the open records wait for the hub's next answer.
        elif sum(isinstance(record, Scan) for record in records) >= unsettled:
            size = sum(len(msgspec.json.encode(record)) + 1 for record in records)
            for scan in effect.open:
                size += len(msgspec.json.encode(scan)) + 1
                if size > RECORDS_BYTES or len(records) == MAX_RECORDS:
                    break
                records.append(scan)
        clock = parts.clock.now()
        message = ScanMessage(
            session=self.state.session,
            q=effect.q,
            boot=clock.boot,
            mono_ms=parts.clock.mono_ms(),
            wall_ms=clock.wall_ms,
            records=records,
        )
        parts.link.publish(Kind.SCAN, message)

    def _send_ask(self, parts: Parts, effect: e.SendAsk) -> None:
        held = {line.inc: line for line in parts.outbox.lines()}
        newest = max((scan.n for scan in self.state.answered), default=0)
        mine = held.pop(self.state.inc, Line(self.state.inc))
        lines = [Line(mine.inc, max(mine.n, newest), mine.shown_n), *held.values()]
        parts.link.publish(Kind.ASK, Ask(session=self.state.session, q=effect.q, lines=lines[:MAX_LINES]))

    def _store(self, parts: Parts, effect: e.Store) -> e.Event:
        parts.outbox.append(effect.answered, effect.unsettled)
        return e.Stored(parts.outbox.unsettled())

    def _settle(self, parts: Parts, effect: e.Settle) -> e.Event:
        self._lines.update({line.inc: line for line in effect.lines})
        return e.Backlog(parts.outbox.settle(effect.lines))

    def _pulse(self, parts: Parts, effect: e.Pulse) -> None:
        try:
            parts.outputs.pulse(effect.reader, effect.ms)
        except PinsError:
            log.exception("a door was not opened")

    def _publish_state(self, parts: Parts, _effect: e.PublishState) -> None:
        state = self.state
        if not state.session:
            return
        readers = [ReaderState(one, self._kinds.get(one, ""), ok, name) for one, (ok, name) in state.readers.items()]
        message = WireState(
            status=Status.ON,
            session=state.session,
            inc=state.inc,
            boot=parts.clock.now().boot,
            fw=parts.fw,
            config=state.config_version,
            roster=state.roster.manifest.version if state.roster else 0,
            readers=readers,
        )
        parts.link.publish(Kind.STATE, message)

    def _publish_health(self, _parts: Parts, _effect: e.PublishHealth) -> None:
        self._health_due = True

    def _health(self, parts: Parts, now_ms: int) -> None:
        self._health_ms, self._health_due = now_ms, False
        if self.state.session:
            parts.link.publish(Kind.HEALTH, health(self.state, parts))

    def _answer(self, parts: Parts, effect: e.Answer) -> None:
        if self.state.session:
            parts.link.publish(Kind.RESULT, Result(session=self.state.session, n=effect.n, code=effect.code, nonce=effect.nonce))

    def _restart(self, _parts: Parts, _effect: e.Restart) -> None:
        """As SIGTERM would end it: what is only in memory goes to the card, readers and link are closed; systemd starts it again."""
        self.stop()

    def _want(self, parts: Parts, effect: e.Want) -> None:
        parts.link.publish(Kind.ASK, WantPart(session=self.state.session, version=effect.version, part=effect.part))

    def _keep_roster(self, parts: Parts, effect: e.KeepRoster) -> e.Event | None:
        """Under one key: a power cut leaves the old roster or a whole new one."""
        rows = roster.unpack(effect.manifest, list(effect.parts))
        if rows is None:
            log.error("the roster's parts are not those of its manifest: it is not used")
            return None
        parts.outbox.keep("roster", msgspec.json.encode((effect.manifest, effect.parts)))
        return e.RosterLoaded(effect.manifest, tuple(rows))

    def _keep_config(self, parts: Parts, effect: e.KeepConfig) -> None:
        parts.outbox.keep("config", msgspec.json.encode((effect.version, effect.config)))

    def _keep_layout(self, parts: Parts, effect: e.KeepLayout) -> None:
        parts.outbox.keep(f"layout-{effect.reader}", effect.found.layout.encode())
        parts.outbox.keep(f"idle_ms-{effect.reader}", str(effect.found.idle_ms).encode())

    def _log(self, _parts: Parts, effect: e.Log) -> None:
        log.info("%s%s", effect.text, "".join(f" {key}={value}" for key, value in effect.fields.items()))


def _refused(parts: Parts, error: StoreError) -> e.Event:
    """What the card refused: a full one is reported, a failing one ends the process."""
    if error.fatal:
        log.critical("the card fails: %s", error)
        parts.die(str(error))
    return e.StoreFailed(str(error))


def remembered(outbox: Outbox) -> Sequence[e.Event]:
    """Config and roster of the last life, if whole."""
    found: list[e.Event] = []
    config, kept = outbox.kept("config"), outbox.kept("roster")
    try:
        if config is not None:
            found.append(e.ConfigIn(*msgspec.json.decode(config, type=tuple[int, DeviceConfig])))
        if kept is not None:
            manifest, parts = msgspec.json.decode(kept, type=tuple[RosterManifest, list[str]])
            rows = roster.unpack(manifest, parts)
            found += [e.RosterLoaded(manifest, tuple(rows))] if rows is not None else []
    except msgspec.MsgspecError as error:
        log.warning("what the card remembers of config or roster is from another version and is not used: %s", error)
    return found


def health(state: State, parts: Parts) -> Health:
    """How the device is, for the hub's devices page."""
    vitals = parts.vitals()
    alarms = [name for name, on in (("storage", not state.store_ok), ("outbox_damaged", parts.outbox.damaged)) if on]
    readers = [
        ReaderHealth(one, ok, state.reads.get(one, 0), {why: count for (who, why), count in state.faults.items() if who == one})
        for one, (ok, _) in state.readers.items()
    ]
    return Health(
        session=state.session,
        inc=state.inc,
        fw=parts.fw,
        uptime_s=vitals.uptime_s,
        away=state.away,
        outbox=state.backlog + len(state.unsaved),
        archive=parts.outbox.archived(),
        store_ok=state.store_ok,
        disk_free_mb=vitals.disk_free_mb,
        rss_kb=vitals.rss_kb,
        undervoltage=vitals.undervoltage,
        clock=parts.clock.now().quality,
        rubbish=parts.link.rubbish,
        late=state.late,
        alarms=alarms,
        readers=readers,
        latency=list(state.latency),
    )
