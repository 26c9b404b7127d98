"""The loop on real and on remembered cards: what is sent in which order, what outlives a restart, what ends the process."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import events as e
from edge.errors import PinsError, StoreError
from edge.events import Pattern
from edge.loop import HEALTH_PAUSE_MS, RECORDS_BYTES, TIDY_MS, WATCHDOG_MS, Loop, Parts
from edge.outbox import KEEP_MS, Outbox, SqliteOutbox
from edge.state import RESTART_MS
from proto import roster
from proto.messages import (
    Ask,
    ClockQuality,
    Do,
    Health,
    Hole,
    HubState,
    Light,
    Line,
    Result,
    RosterPart,
    Scan,
    ScanMessage,
    Settled,
    Shown,
    Status,
    Use,
    Verdict,
    VerdictMessage,
    WantPart,
)
from proto.messages import Command as Order
from proto.messages import State as WireState
from tests.fakes import HUB, INC, KEY, NOON_MS, SESSION, Clock, Lamps, MemoryOutbox, Wire, code, config, manifest, rows, vitals

OPEN_CARD = Callable[[], Outbox]
SECOND_LIFE = "8" * 16


class DiedError(Exception):
    """What stands for the end of the process."""


class NoSocket:
    """A link that never connects."""

    def fileno(self) -> int:
        return -1

    def writing(self) -> bool:
        return False

    def serve(self, *, ready: bool) -> None:
        assert not ready


def die(reason: str) -> None:
    raise DiedError(reason)


@dataclass
class Box:
    """A device from its loop down, its surroundings made of small fakes."""

    card: Outbox
    inc: str = INC
    clock: Clock = field(default_factory=Clock)
    lamps: Lamps = field(default_factory=Lamps)
    wire: Wire = field(default_factory=Wire)
    alive: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.loop = Loop(self.inc, {"till": "hid"})
        tell = lambda: self.alive.append(self.clock.ms)  # noqa: E731
        self.parts = Parts(self.card, self.lamps, self.wire, self.clock, vitals, tell, die, "1.0")
        self.loop.begin(self.parts)

    def turn(self, *events: e.Event) -> None:
        for event in events:
            self.loop.turn(self.parts, event)

    def configure(self, *known: str) -> None:
        parts = roster.pack(list(rows(*known)))
        self.turn(e.ConfigIn(3, config(till=(Use.TILL, 0), door=(Use.CARE, 800))))
        self.turn(e.RosterOffered(roster.manifest(KEY, "device", 7, parts, NOON_MS)))
        for number, body in enumerate(parts):
            self.turn(e.RosterPartIn(roster_part(number, body)))

    def connect(self) -> None:
        self.turn(e.LinkUp(SESSION), e.HubChanged(HubState(status=Status.ON, session=HUB)))

    def settle(self, *lines: Line) -> None:
        self.turn(e.SettledIn(Settled(session=SESSION, q=self.loop.state.q, lines=list(lines))))

    def tap(self, name: str, reader: str = "till") -> int:
        self.turn(e.ReadIn(reader, e.Text(code(name)), self.clock.now(), "a" * 16))
        return self.loop.state.n

    def verdict(self, n: int) -> None:
        self.turn(e.VerdictIn(VerdictMessage(session=SESSION, verdicts=[Verdict(self.inc, n, Light.ACCEPTED, "ok")])))

    def wait(self, ms: int) -> None:
        self.clock.forward(ms)
        self.turn(e.Tick())

    def records(self) -> list[tuple[int, bool]]:
        """The newest scan message: number, and whether it was answered here."""
        return [(record.n, bool(record.shown)) for record in self.wire.of(ScanMessage)[-1].records if isinstance(record, Scan)]


def roster_part(number: int, body: str) -> RosterPart:
    return RosterPart(version=7, part=number, body=body)


@pytest.fixture(params=["in memory", "on a real card"])
def card(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OPEN_CARD]:
    """Opens the device's card; once more after a restart."""
    memory, opened = MemoryOutbox(), contextlib.ExitStack()

    def again() -> Outbox:
        opened.close()
        box: Outbox = memory if request.param == "in memory" else SqliteOutbox(tmp_path, lambda: NOON_MS)
        opened.callback(box.close)
        return box

    with opened:
        yield again
        opened.close()


# --- what a scan message holds -------------------------------------------------------------------


def test_stored_scans_are_sent_first_then_the_open_ones(card: OPEN_CARD) -> None:
    box = Box(card())
    box.configure("Léa", "Tom")
    box.tap("Léa")
    box.connect()
    box.settle(Line(INC, 1, 0))
    box.wait(1_000)
    assert box.records() == [(1, True)]
    box.settle(Line(INC, 1, 1))
    box.tap("Tom")
    box.wait(400)
    box.tap("Noé")
    assert box.records() == [(2, True), (3, True)]


def test_an_open_scan_joins_the_stored_ones_it_follows(card: OPEN_CARD) -> None:
    box = Box(card())
    box.configure("Léa", "Tom")
    box.connect()
    box.settle(Line(INC))
    box.tap("Léa")
    box.wait(300)
    box.tap("Tom")
    box.wait(100)
    assert box.records() == [(1, True), (2, False)]


def test_an_open_scan_waits_while_not_all_stored_ones_fit(card: OPEN_CARD) -> None:
    box = Box(card())
    box.configure("Léa")
    for n in range(150):
        box.tap(f"pupil {n}")
    box.connect()
    box.loop._send(box.parts, e.Send(9, (scan(151),)))
    message = box.wire.of(ScanMessage)[-1]
    assert [record.n for record in message.records] == list(range(1, len(message.records) + 1))
    assert 50 < len(message.records) < 150
    assert RECORDS_BYTES - 400 < len(msgspec.json.encode(message.records)) <= RECORDS_BYTES


def test_open_scans_alone_keep_to_the_limit_too(card: OPEN_CARD) -> None:
    box = Box(card())
    box.connect()
    box.loop._send(box.parts, e.Send(9, tuple(scan(n) for n in range(1, 301))))
    message = box.wire.of(ScanMessage)[-1]
    assert RECORDS_BYTES - 400 < len(msgspec.json.encode(message.records)) <= RECORDS_BYTES
    assert [record.n for record in message.records] == list(range(1, len(message.records) + 1))


def scan(n: int, shown: Shown | None = None, inc: str = INC) -> Scan:
    return Scan(inc=inc, n=n, reader="till", badge="A" * 20, boot="0" * 16, mono_ms=n, wall_ms=NOON_MS, shown=shown)


def test_the_question_names_first_how_far_this_life_was_answered(card: OPEN_CARD) -> None:
    old = card()
    old.append([scan(1, Shown(Light.ACCEPTED, "ok", by_hub=True), "7" * 16)], [])
    box = Box(old)
    box.configure()
    box.connect()
    box.settle()
    box.verdict(box.tap("Léa"))
    box.wait(60_000)
    assert box.wire.of(Ask)[-1].lines == [Line(INC, 1, 0), Line("7" * 16, 1, 0)]


def test_a_record_nobody_can_read_any_more_does_not_keep_the_device_alone_for_ever(tmp_path: Path) -> None:
    """After a restart the device does not know which numbers the hub has: it asks first, and then declares the hole."""
    with contextlib.closing(SqliteOutbox(tmp_path, lambda: NOON_MS)) as card:
        card.append([], [scan(1, Shown(Light.ACCEPTED, "offline"), "7" * 16)])
        card._db.execute("UPDATE record SET body = x'00'")
        box = Box(card)
        box.configure("Léa")
        box.connect()
        assert [line.inc for line in box.wire.of(Ask)[-1].lines] == [INC, "7" * 16]
        box.settle(Line(INC), Line("7" * 16))
        box.wait(5_000)
        assert box.wire.of(ScanMessage)[-1].records == [Hole("7" * 16, 1, 1)]
        box.settle(Line("7" * 16, 1, 1))
        box.verdict(box.tap("Léa"))
        assert box.lamps.shown[-1] == (Pattern.ACCEPTED, "till", 1)


def test_a_record_that_breaks_after_the_hub_took_its_scan_keeps_nobody_alone(tmp_path: Path) -> None:
    """What was lit can never be told; an answer that names its incarnation settles it, so the device asks for one."""
    with contextlib.closing(SqliteOutbox(tmp_path, lambda: NOON_MS)) as card:
        box = Box(card)
        box.configure("Léa")
        box.connect()
        n = box.tap("Léa")
        box.settle(Line(INC, n, 0))
        card._db.execute("UPDATE record SET body = x'00'")
        box.wire.sent.clear()
        box.wait(5_000)
        assert [line.inc for line in box.wire.of(Ask)[-1].lines] == [INC]
        box.settle(Line(INC, n, 0))
        assert (card.unsettled(), box.loop.state.alone) == (0, False)


# --- lights and doors ----------------------------------------------------------------------------


def test_a_light_of_the_devices_own_comes_after_the_card_has_the_scan(card: OPEN_CARD, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Box(card())
    box.configure("Léa")
    on_card: list[tuple[Pattern, int]] = []

    def look(pattern: Pattern, *_: str, **__: str | int) -> None:
        on_card.append((pattern, box.card.unsettled()))

    monkeypatch.setattr(box.lamps, "show", look)
    box.tap("Léa")
    assert on_card == [(Pattern.READING, 0), (Pattern.ACCEPTED, 1)]


def test_lamps_that_fail_end_the_device_instead_of_being_ignored(card: OPEN_CARD, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Box(card())

    def broken(*_: object, **__: object) -> None:
        raise PinsError("the outputs stopped")

    monkeypatch.setattr(box.lamps, "show", broken)
    with pytest.raises(PinsError):
        box.tap("Léa")


def test_a_defect_in_an_effect_is_not_swallowed(card: OPEN_CARD, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Box(card())
    box.configure()
    box.connect()
    box.settle(Line(INC))

    def defect(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(box.wire, "publish", defect)
    with pytest.raises(ZeroDivisionError):
        box.tap("Léa")


def test_a_door_without_a_relay_is_said_and_the_device_goes_on(
    card: OPEN_CARD, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    box = Box(card())
    box.configure()
    box.connect()

    def no_pin(reader: str, _ms: int) -> None:
        raise PinsError(f"reader `{reader}` has no `door_pin`")

    monkeypatch.setattr(box.lamps, "pulse", no_pin)
    for n, nonce in ((1, ""), (2, "b" * 16)):
        box.turn(e.CommandIn(Order(session=SESSION, n=n, do=Do.OPEN, reader="door", nonce=nonce), retained=False, nonce="b" * 16))
    assert "a door was not opened" in caplog.text
    assert [result.code for result in box.wire.of(Result)] == ["challenge", "done"]


# --- the card ------------------------------------------------------------------------------------


def test_a_card_that_fails_ends_the_process_at_once() -> None:
    card = MemoryOutbox()
    box = Box(card)
    box.configure("Léa")
    card.refuses = StoreError("the outbox cannot be written: disk I/O error", fatal=True)
    with pytest.raises(DiedError, match="disk I/O error"):
        box.tap("Léa")
    assert Pattern.ACCEPTED not in [pattern for pattern, _, _ in box.lamps.shown]


def test_a_card_that_fails_while_it_is_tidied_ends_the_process_too() -> None:
    card = MemoryOutbox()
    box = Box(card)
    card.refuses = StoreError("disk I/O error", fatal=True)
    with pytest.raises(DiedError):
        box.wait(TIDY_MS)


def test_a_full_card_is_reported_and_the_device_goes_on() -> None:
    card = MemoryOutbox()
    box = Box(card)
    box.configure("Léa")
    box.connect()
    card.refuses = StoreError("full", fatal=False)
    box.wait(TIDY_MS)
    box.tap("Léa", "door")
    box.wait(HEALTH_PAUSE_MS)
    assert (box.wire.of(Health)[-1].store_ok, box.wire.of(Health)[-1].alarms) == (False, ["storage"])
    assert (box.wire.of(Health)[-1].outbox, box.lamps.shown[-1][0]) == (1, Pattern.ADULT)
    card.refuses = None
    box.wait(60_000)
    box.wait(HEALTH_PAUSE_MS)
    assert (box.wire.of(Health)[-1].store_ok, card.unsettled()) == (True, 1)


@pytest.mark.parametrize(
    ("quality", "forgets"),
    [(ClockQuality.NTP, True), (ClockQuality.RTC, True), (ClockQuality.SAVED, False), (ClockQuality.NONE, False)],
)
def test_only_a_clock_to_trust_makes_the_device_forget_or_remember_the_time(quality: ClockQuality, forgets: bool) -> None:
    card = MemoryOutbox()
    card.append([scan(1, Shown(Light.ACCEPTED, "ok", by_hub=True))], [])
    box = Box(card, clock=Clock(wall_ms=NOON_MS + KEEP_MS + 1, quality=quality))
    box.wait(TIDY_MS)
    assert (card.archived() == 0, card.kept("wall_ms") is not None) == (forgets, forgets)


@settings(max_examples=30)
@given(st.data())
def test_the_card_in_memory_is_the_twin_of_the_real_one(data: st.DataObject) -> None:
    shown = [None, Shown(Light.ACCEPTED, "ok", by_hub=True), Shown(Light.ADULT, "offline")]
    incs = ["1" * 16, "2" * 16]
    scans = st.lists(st.builds(scan, st.integers(1, 6), st.sampled_from(shown), st.sampled_from(incs)), max_size=3)
    lines = st.lists(st.builds(Line, st.sampled_from(incs), st.integers(0, 7), st.integers(0, 7)), max_size=2)
    acts = st.lists(st.one_of(st.tuples(scans, scans), lines), max_size=12)
    with TemporaryDirectory() as folder, contextlib.closing(SqliteOutbox(Path(folder), lambda: NOON_MS)) as real:
        twin = MemoryOutbox()
        for act in data.draw(acts):
            for box in (twin, real):
                box.append(*act) if isinstance(act, tuple) else box.settle(act)
            known = {line.inc: line for line in data.draw(lines)}
            for limit in (10_000, 300):
                assert twin.oldest(limit, known) == real.oldest(limit, known)
            assert (twin.lines(), twin.unsettled(), twin.archived()) == (real.lines(), real.unsettled(), real.archived())


# --- a restart -----------------------------------------------------------------------------------


def test_after_a_restart_config_roster_and_backlog_are_remembered(card: OPEN_CARD) -> None:
    first = Box(card())
    first.configure("Léa")
    first.tap("Léa")
    second = Box(card(), inc=SECOND_LIFE)
    assert second.loop.state.backlog == 1
    second.tap("Léa", "door")
    assert second.lamps.shown == [(Pattern.AWAY, "", 0), (Pattern.READING, "door", 0), (Pattern.ACCEPTED, "door", 1)]
    second.connect()
    second.settle(Line(SECOND_LIFE), Line(INC))
    assert [(record.inc, record.n) for record in second.wire.of(ScanMessage)[-1].records] == [(INC, 1), (SECOND_LIFE, 1)]
    assert (second.wire.of(WireState)[0].config, second.wire.of(WireState)[0].roster) == (3, 7)


def test_an_orderly_end_loses_no_receipt(card: OPEN_CARD) -> None:
    box = Box(card())
    box.configure()
    box.connect()
    box.settle(Line(INC))
    box.verdict(box.tap("Léa"))
    box.loop.end(box.parts)
    assert card().lines() == [Line(INC, 1, 0)]


def test_what_a_newer_version_kept_is_not_used_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    card = MemoryOutbox(values={"config": b'["a", "b"]', "roster": b"[]"})
    assert Box(card).loop.state.config is None
    assert "another version" in caplog.text


def test_a_roster_goes_to_the_card_in_one_piece(card: OPEN_CARD, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut between two writes must not leave the device without any roster."""
    box = Box(card())
    writes: list[str] = []
    keep = box.card.keep

    def noted(key: str, value: bytes) -> None:
        writes.append(key)
        keep(key, value)

    monkeypatch.setattr(box.card, "keep", noted)
    box.configure(*(f"pupil {n}" for n in range(2_000)))
    assert writes == ["config", "roster"]
    box.connect()
    assert Box(card(), inc=SECOND_LIFE).loop.state.roster == box.loop.state.roster


def test_each_part_of_a_roster_is_asked_for_in_turn(card: OPEN_CARD) -> None:
    box = Box(card())
    box.connect()
    box.configure(*(f"pupil {n}" for n in range(2_000)))
    assert [(want.version, want.part) for want in box.wire.of(WantPart)] == [(7, 0), (7, 1), (7, 2)]
    assert box.loop.state.roster is not None
    assert len(box.loop.state.roster.rows) == 2_000


def test_a_roster_that_is_not_its_manifests_is_not_used(card: OPEN_CARD, caplog: pytest.LogCaptureFixture) -> None:
    box = Box(card())
    box.configure("Léa")
    box.turn(e.RosterOffered(manifest(version=7, sha256="f" * 64)), e.RosterPartIn(roster_part(0, "forged")))
    assert "not used" in caplog.text
    box.tap("Léa")
    assert box.lamps.shown[-1][0] is Pattern.ACCEPTED, "the old one still is"
    assert len(Box(card(), inc=SECOND_LIFE).loop.state.roster.rows) == 1  # type: ignore[union-attr]


# --- health, watchdog, running -------------------------------------------------------------------


def test_health_goes_out_once_a_second_however_many_faults_a_reader_makes(card: OPEN_CARD) -> None:
    box = Box(card())
    box.connect()
    box.wait(HEALTH_PAUSE_MS)
    before = len(box.wire.of(Health))
    for _ in range(50):
        box.clock.forward(100)
        box.turn(e.ReadIn("till", e.Spoilt.VOID, box.clock.now(), ""))
    assert len(box.wire.of(Health)) - before == 5
    box.wait(HEALTH_PAUSE_MS)
    assert box.loop.state.faults == {("till", "void"): 50}


def test_the_watchdog_hears_from_the_loop_in_time(card: OPEN_CARD) -> None:
    box = Box(card())
    for _ in range(10):
        wait_ms = box.loop._wait_s(box.parts) * 1000
        assert 0 <= wait_ms <= WATCHDOG_MS
        box.wait(round(wait_ms))
    pauses = {after - before for before, after in zip(box.alive, box.alive[1:], strict=False)}
    assert len(box.alive) > 3
    assert max(pauses) <= WATCHDOG_MS


def test_the_loop_takes_events_from_any_thread_until_it_is_stopped() -> None:
    box = Box(MemoryOutbox())
    box.loop.state = Loop(INC, {}).state
    box.loop.put(e.ConfigIn(3, config(till=(Use.TILL, 0))))
    running = threading.Thread(target=box.loop.run, args=(box.parts, NoSocket()))
    running.start()
    box.loop.put(e.ReadIn("till", e.Text(code("Léa")), box.clock.now(), ""))
    box.loop.stop()
    running.join(10)
    assert not running.is_alive()
    assert box.lamps.shown[-1] == (Pattern.ADULT, "till", 1)


def test_a_restart_ends_the_loop_with_everything_on_the_card() -> None:
    box = Box(MemoryOutbox())
    box.configure("Léa")
    box.connect()
    box.wait(RESTART_MS)
    box.settle(Line(INC))
    box.verdict(box.tap("Léa"))
    assert box.loop.state.answered, "a receipt is still in memory"
    for n, nonce in ((1, ""), (2, "b" * 16)):
        box.turn(e.CommandIn(Order(session=SESSION, n=n, do=Do.RESTART, nonce=nonce), retained=False, nonce="b" * 16))
    running = threading.Thread(target=box.loop.run, args=(box.parts, NoSocket()))
    running.start()
    running.join(10)
    assert not running.is_alive()
    assert [line.n for line in box.card.lines()] == [box.loop.state.n]


def test_the_farewell_is_of_this_life(card: OPEN_CARD) -> None:
    box = Box(card())
    assert (box.loop.farewell().status, box.loop.farewell().inc) == (Status.OFF, INC)
    box.connect()
    assert box.loop.farewell().session == SESSION
