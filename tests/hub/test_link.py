"""The hub's link on both real brokers, spoken to by boxes that also lie: order, freshness, receipts, doors, clones."""

import asyncio
import contextlib
import logging
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from hub.core.facts import HoleDeclared, ShownBooked, scan_ask
from hub.core.school import BadgeState, Device
from proto import codec, topics
from proto.messages import Ask, Do, Grant, Health, Hole, Light, Line, Result, Scan, ScanMessage, Shown, Status
from proto.topics import Kind
from tests.boxes import SESSION, Box, Switchboard, box, switchboard, tap, until
from tests.brokers import TILL, Running
from tests.schools import BOOT, FIRST_LIFE, NONCE, SECOND_LIFE, badge, number

pytestmark = pytest.mark.broker
SECOND_SESSION = "2" * 16
OFFLINE_YES = Shown(Light.ACCEPTED, "offline")


# --- order and receipts --------------------------------------------------------------------------


async def test_a_verdict_leaves_only_after_the_commit(board: Switchboard, door: Box) -> None:
    board.journal.held = True
    await door.send(tap())
    await until(lambda: board.desk.books.line("door-1", FIRST_LIFE).n == 1)
    await board.edit(Device("door-9", number("Tilleuls"), "Neu"))  # something else goes out meanwhile, and arrives
    assert door.counts[Kind.VERDICT] == 0
    assert not door.kept.get(Kind.VERDICT)
    board.journal.memory.commit()
    assert (await door.verdict()).light is Light.ACCEPTED


async def test_a_question_asked_again_gets_the_same_verdict_and_changes_nothing(board: Switchboard, door: Box) -> None:
    verdicts = []
    for _ in range(3):
        await door.send(tap())
        verdicts.append(await door.verdict())
    assert verdicts[0] == verdicts[1] == verdicts[2]
    assert [type(fact).__name__ for fact in board.journal.facts()] == ["ScanTaken", "Marked", "StayOpened"]


async def test_a_question_asked_again_after_a_restart_is_read_back_from_the_journal(board: Switchboard, door: Box) -> None:
    await door.send(tap())
    first = await door.verdict()
    board.desk._recent.clear()
    await door.send(tap())
    assert await door.verdict() == first
    assert board.journal.memory.reads == 1


async def test_records_are_taken_in_order_and_a_gap_stops_them(board: Switchboard, door: Box) -> None:
    await door.send(tap("Léa", 1), tap("Tom", 2), tap("Noé", 4))
    settled = await door.hear(Kind.SETTLED)
    assert settled.lines == [Line(FIRST_LIFE, 2, 0)]
    assert {verdict.n for verdict in (await door.hear(Kind.VERDICT)).verdicts} == {1, 2}
    assert board.desk.books.line("door-1", FIRST_LIFE).n == 2


async def test_a_gap_at_the_head_takes_nothing(board: Switchboard, door: Box) -> None:
    await door.send(tap("Léa", 2))
    assert (await door.hear(Kind.SETTLED)).lines == [Line(FIRST_LIFE, 0, 0)]
    assert board.desk.books.number == 0


async def test_what_was_shown_is_booked_and_settled_covers_it_only_then(board: Switchboard, door: Box) -> None:
    board.journal.held = True
    q = await door.send(tap(shown=OFFLINE_YES))
    await until(lambda: board.desk.books.line("door-1", FIRST_LIFE).shown_n == 1)
    assert not door.kept.get(Kind.SETTLED)
    board.journal.memory.commit()
    settled = await door.hear(Kind.SETTLED)
    assert (settled.q, settled.lines) == (q, [Line(FIRST_LIFE, 1, 1)])
    assert door.counts[Kind.VERDICT] == 0, "a tap the device has answered needs no verdict"


async def test_what_was_lit_in_the_meantime_is_booked_under_its_own_key(board: Switchboard, door: Box) -> None:
    await door.send(tap("Nobody"))
    assert (await door.verdict()).light is Light.ADULT
    for _ in range(2):
        await door.send(tap("Nobody", shown=OFFLINE_YES))
        assert (await door.hear(Kind.SETTLED)).lines == [Line(FIRST_LIFE, 1, 1)]
    booked = [fact for fact in board.journal.facts() if isinstance(fact, ShownBooked)]
    assert [(fact.n, fact.light) for fact in booked] == [(1, Light.ACCEPTED)]


async def test_a_badge_that_asks_for_an_adult_is_one_line_in_the_log_without_the_badge(
    board: Switchboard, door: Box, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hub.link")
    (given,) = board.desk.school.badges[badge("Tom")]
    await board.edit(replace(given, state=BadgeState.BLOCKED))
    for who, n in (("Nobody", 1), ("Nobody", 1), ("Tom", 2), ("Léa", 3)):
        await door.send(tap(who, n))
        await door.verdict()
    said = ["a badge at door-1/gate asks for an adult: unknown", "a badge at door-1/gate asks for an adult: blocked"]
    await until(lambda: caplog.messages == said)


async def test_a_receipt_sent_again_is_not_booked_as_shown_by_the_device(board: Switchboard, door: Box) -> None:
    await door.send(tap())
    verdict = await door.verdict()
    await door.send(tap(shown=Shown(verdict.light, verdict.code, by_hub=True)))
    assert (await door.hear(Kind.SETTLED)).lines == [Line(FIRST_LIFE, 1, 0)]


async def test_a_hole_lets_what_stands_behind_it_through(board: Switchboard, door: Box) -> None:
    for _ in range(2):
        await door.send(Hole(FIRST_LIFE, 1, 3), tap("Léa", 4, shown=OFFLINE_YES))
        assert (await door.hear(Kind.SETTLED)).lines == [Line(FIRST_LIFE, 4, 4)]
    assert len([fact for fact in board.journal.facts() if isinstance(fact, HoleDeclared)]) == 1


async def test_a_hole_behind_a_gap_is_not_taken(board: Switchboard, door: Box) -> None:
    await door.send(Hole(FIRST_LIFE, 2, 3))
    assert (await door.hear(Kind.SETTLED)).lines == [Line(FIRST_LIFE, 0, 0)]
    assert board.desk.books.number == 0


async def test_two_lives_of_a_device_are_counted_apart(board: Switchboard, door: Box) -> None:
    await door.send(tap("Léa", 1, inc=SECOND_LIFE, shown=OFFLINE_YES), tap("Tom", 1))
    assert (await door.hear(Kind.SETTLED)).lines == [Line(SECOND_LIFE, 1, 1), Line(FIRST_LIFE, 1, 0)]


async def test_a_restored_hub_says_how_far_it_is_and_that_something_is_missing(
    board: Switchboard, door: Box, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    settled = await door.ask(Line(FIRST_LIFE, 40, 12), Line(SECOND_LIFE), Line(FIRST_LIFE, 40, 12))
    assert settled.lines == [Line(FIRST_LIFE), Line(SECOND_LIFE)]
    assert "door-1 holds receipts that these books do not know" in caplog.text
    caplog.clear()
    await door.ask(Line(FIRST_LIFE, 0, 0))
    assert not caplog.text


# --- what is not heard ---------------------------------------------------------------------------

DEEP = b"[" * 30_000
RUBBISH = (
    (Kind.SCAN, b"\x00\xff garbage", "not_json"),
    (Kind.SCAN, b'{"v":1,"later":' + DEEP, "not_json"),
    (Kind.SCAN, b" " * (codec.MAX_BYTES + 1), "too_long"),
    (Kind.SCAN, b'{"v":99,"anything":true}', "wrong_version"),
    (Kind.SCAN, b'{"v":1,"session":"x"}', "wrong_shape"),
    (Kind.HEALTH, b"{}", "wrong_shape"),
    (Kind.ASK, b"null", "wrong_shape"),
    (Kind.STATE, b"", "not_json"),
    (Kind.RESULT, b'{"v":1,"session":"' + b"1" * 16 + b'","n":0,"code":"done"}', "wrong_shape"),
)


async def test_rubbish_is_counted_by_reason_and_the_next_good_message_arrives(board: Switchboard, door: Box) -> None:
    for kind, payload, reason in RUBBISH:
        before = board.seen("door-1").rubbish.get(reason, 0)
        await door.peer.publish(topics.topic("door-1", kind), payload, topics.qos(kind))
        await until(lambda reason=reason, before=before: board.seen("door-1").rubbish.get(reason, 0) == before + 1)  # type: ignore[misc]
    await door.send(tap())
    assert (await door.verdict()).light is Light.ACCEPTED


async def test_a_message_of_an_old_session_is_dropped_and_counted(board: Switchboard, door: Box) -> None:
    await door.birth(SECOND_SESSION)
    await until(lambda: board.seen("door-1").session == SECOND_SESSION)
    await door.send(tap(), session=SESSION)
    await door.say(Kind.HEALTH, Health(session=SESSION, inc=FIRST_LIFE, outbox=7))
    await door.say(Kind.ASK, Ask(session=SESSION, q=99))
    await door.ask()
    assert board.seen("door-1").rubbish == {"old_session": 3}
    assert board.seen("door-1").health is None
    assert board.desk.books.number == 0


async def test_a_retained_scan_is_never_obeyed(broker: Running) -> None:
    message = ScanMessage(session=SESSION, q=1, boot=BOOT, mono_ms=1_000, records=[tap()])
    async with switchboard(broker) as earlier, box(broker) as door:
        await door.peer.publish(topics.topic("door-1", Kind.SCAN), codec.encode(message), 1, retain=True)
        await until(lambda: earlier.seen("door-1").session == SESSION)
        await earlier.link.stop()
        async with switchboard(broker) as later:
            await until(lambda: later.seen("door-1").session == SESSION)
            await door.ask()
            assert later.seen("door-1").rubbish == {"retained": 1}
            assert later.desk.books.number == 0


async def test_an_unknown_device_is_a_stranger(board: Switchboard) -> None:
    """The broker lets nobody speak for another; one whose row was removed while it was connected may still try."""
    for kind in (Kind.HEALTH, Kind.SCAN, Kind.STATE):
        board.link.receive(topics.topic("ghost-7", kind), b"boo", False)
    board.link.receive("preau/v1/a/b/c", b"boo", False)
    board.link.receive(topics.topic("ghost-7", Kind.CONFIG), b"boo", False)
    assert board.fleet.strangers == {"ghost-7": 3}
    assert "ghost-7" not in board.fleet.devices


async def test_at_most_a_hundred_strangers_are_remembered(board: Switchboard) -> None:
    for place in range(150):
        board.link.receive(f"preau/v1/ghost-{place}/scan", b"", False)
    assert len(board.fleet.strangers) == 100


async def test_a_blocked_device_is_not_heard(board: Switchboard, door: Box) -> None:
    await board.edit(replace(board.desk.school.devices["door-1"], blocked="stolen"))
    await door.send(tap())
    await until(lambda: board.seen("door-1").rubbish.get("blocked", 0) == 1)
    assert board.desk.books.number == 0


async def test_a_flood_of_one_device_does_not_delay_another(board: Switchboard, door: Box, broker: Running) -> None:
    """A thousand messages a second; the till asks meanwhile."""
    over = asyncio.Event()

    async def flood() -> None:
        while not over.is_set():
            for _ in range(10):
                door.peer.paho.publish(topics.topic("door-1", Kind.HEALTH), b"x" * 300)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), 0.01)

    async with box(broker, TILL) as till:
        await until(lambda: board.seen("till-1").session == SESSION)
        running = asyncio.create_task(flood())
        await until(lambda: board.seen("door-1").rubbish.get("flood", 0) > 300)
        waits_s = []
        for n in range(1, 31):
            began_s = time.monotonic()
            await till.send(tap("Léa", n, "till"))
            await till.verdict()
            waits_s.append(time.monotonic() - began_s)
        over.set()
        await running
    assert statistics.median(waits_s) < 0.4, f"a till waits 400 ms; the median was {statistics.median(waits_s) * 1000:.0f} ms"


async def test_a_flood_of_full_messages_counts_for_the_work_it_makes(board: Switchboard, door: Box) -> None:
    """Sixty messages are no flood by their number; with a hundred new scans in each they would keep the hub busy for a second."""
    now_ns = board.link._clock.mono_ns()
    board.link._clock = replace(board.link._clock, mono_ns=lambda: now_ns)  # no allowance comes back meanwhile
    for life in range(60):
        await door.send(*(tap("Léa", n, inc=f"{life:016x}") for n in range(1, 101)))
    await until(lambda: board.seen("door-1").rubbish.get("flood", 0) > 20)
    await until(lambda: board.desk.books.line("door-1", f"{5:016x}").n == 100)


async def test_a_defect_of_ours_drops_one_message_and_not_the_connection(
    board: Switchboard, door: Box, caplog: pytest.LogCaptureFixture
) -> None:
    await board.edit(replace(board.desk.school.devices["door-1"], site=4711))  # there is no such site
    await door.send(tap())
    await until(lambda: "a message could not be dealt with" in caplog.text)
    await board.edit(replace(board.desk.school.devices["door-1"], site=number("Tilleuls")))
    await door.send(tap())
    assert (await door.verdict()).light is Light.ACCEPTED


# --- doors and commands --------------------------------------------------------------------------


async def test_a_door_opens_by_this_very_questions_nonce(board: Switchboard, door: Box) -> None:
    await door.send(tap(nonce=NONCE))
    assert (await door.verdict()).grant == Grant(NONCE, 800)


@pytest.mark.parametrize(
    ("who", "reader", "nonce"),
    [("Léa", "inner", NONCE), ("Nobody", "gate", NONCE), ("Léa", "gate", ""), ("Léa", "gate", "D" * 16), ("Léa", "gate", "d" * 15)],
    ids=["no door", "a no", "no nonce", "capitals", "too short"],
)
async def test_no_door_opens_without_door_yes_and_nonce(board: Switchboard, door: Box, who: str, reader: str, nonce: str) -> None:
    await door.send(tap(who, 1, reader, nonce=nonce))
    assert (await door.verdict()).grant is None


async def test_no_door_opens_when_the_disk_took_too_long(board: Switchboard, door: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    board.journal.held = True
    await door.send(tap(nonce=NONCE))
    await until(lambda: board.desk.books.line("door-1", FIRST_LIFE).n == 1)
    monkeypatch.setattr("hub.link.GRANT_MAX_AGE_US", -1)
    board.journal.memory.commit()
    verdict = await door.verdict()
    assert (verdict.light, verdict.grant) == (Light.ACCEPTED, None)


async def test_the_office_opens_a_door_by_the_devices_own_nonce(board: Switchboard, door: Box) -> None:
    assert board.link.command("door-1", Do.OPEN, "gate")
    asked = await door.hear(Kind.COMMAND)
    assert (asked.do, asked.reader, asked.nonce, asked.n) == (Do.OPEN, "gate", "", 1)
    await door.say(Kind.RESULT, Result(session=SESSION, n=asked.n, code="challenge", nonce=NONCE))
    opened = await door.hear(Kind.COMMAND)
    assert (opened.do, opened.reader, opened.nonce, opened.n) == (Do.OPEN, "gate", NONCE, 2)
    await door.say(Kind.RESULT, Result(session=SESSION, n=asked.n, code="challenge", nonce=NONCE))
    await door.ask()
    assert not door.kept[Kind.COMMAND], "one request, one opening"


async def test_a_restart_is_asked_for_by_the_devices_own_nonce_too(board: Switchboard, door: Box) -> None:
    assert board.link.command("door-1", Do.RESTART)
    asked = await door.hear(Kind.COMMAND)
    assert (asked.do, asked.nonce, asked.n) == (Do.RESTART, "", 1)
    await door.say(Kind.RESULT, Result(session=SESSION, n=asked.n, code="challenge", nonce=NONCE))
    told = await door.hear(Kind.COMMAND)
    assert (told.do, told.nonce, told.n) == (Do.RESTART, NONCE, 2)


async def test_a_late_or_foreign_challenge_opens_nothing(board: Switchboard, door: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    await door.say(Kind.RESULT, Result(session=SESSION, n=1, code="challenge", nonce=NONCE))
    await door.ask()
    board.link.command("door-1", Do.OPEN, "gate")
    asked = await door.hear(Kind.COMMAND)
    await door.say(Kind.RESULT, Result(session=SECOND_SESSION, n=asked.n, code="challenge", nonce=NONCE))
    monkeypatch.setattr("hub.link.OPEN_WITHIN_S", -1.0)
    await door.say(Kind.RESULT, Result(session=SESSION, n=asked.n, code="challenge", nonce=NONCE))
    await door.ask()
    assert not door.kept[Kind.COMMAND]


async def test_no_command_goes_to_a_device_that_is_away(board: Switchboard, broker: Running) -> None:
    async with box(broker) as door:
        await until(lambda: board.seen("door-1").session == SESSION)
        assert board.link.command("door-1", Do.LOCATE)
        assert (await door.hear(Kind.COMMAND)).do is Do.LOCATE
        door.peer.drop()
        await until(lambda: board.seen("door-1").status is Status.LOST)
        assert not board.link.command("door-1", Do.LOCATE)
    assert not board.link.command("till-1", Do.LOCATE)


# --- how long the loop is held -------------------------------------------------------------------


async def test_a_full_message_holds_the_loop_for_a_few_milliseconds_only(
    mosquitto_broker: Running, record_property: Callable[[str, object], None]
) -> None:
    """24 KiB of records, as many as fit; the bound asserted is generous, what was measured is reported."""
    took_ms, records = [], 0
    async with switchboard(mosquitto_broker) as board:
        seen = board.seen("door-1")
        seen.session = SESSION
        for life in range(40):
            inc = f"{life:016x}"
            taps: list[Scan | Hole] = []
            while len(msgspec.json.encode(taps)) < 24 * 1024 - 300:
                taps.append(tap(("Léa", "Tom", "Noé", "Mia")[len(taps) % 4], len(taps) + 1, "inner", shown=OFFLINE_YES, inc=inc))
            records = len(taps)
            payload = codec.encode(ScanMessage(session=SESSION, q=life + 1, boot=BOOT, mono_ms=1_000, records=taps))
            board.link._budgets.clear()  # the allowance of a device is not what is measured here
            began_s = time.perf_counter()
            board.link.receive("preau/v1/door-1/scan", payload, False)
            took_ms.append((time.perf_counter() - began_s) * 1000)
            assert board.desk.books.line("door-1", inc).n < records, "the rest waits its turn"
            await until(lambda inc=inc, records=records: board.desk.books.line("door-1", inc).n == records)  # type: ignore[misc]
    record_property("records", records)
    record_property("median_ms", statistics.median(took_ms))
    print(f"{records} records: median {statistics.median(took_ms):.2f} ms, worst {max(took_ms):.2f} ms")
    assert statistics.median(took_ms) < 50


def test_the_ask_of_a_scan_is_its_key() -> None:
    """What the link's answers rest on: the same key is the same ask, and every part of the key counts."""
    keys = [("door-1", FIRST_LIFE, 1), ("till-1", FIRST_LIFE, 1), ("door-1", SECOND_LIFE, 1), ("door-1", FIRST_LIFE, 2)]
    assert len({scan_ask(*key) for key in keys}) == len(keys)
    assert scan_ask(*keys[0]) == scan_ask("door-1", FIRST_LIFE, 1)
