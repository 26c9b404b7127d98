"""The outbox on real files: what was acknowledged is there, what is damaged is named, what is full says so."""

import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from edge.errors import StartError, StoreError
from edge.outbox import KEEP_MS, Outbox, SqliteOutbox
from proto.messages import MAX_RECORDS, ClockQuality, Hole, Light, Line, Scan, Shown

MONDAY, TUESDAY = "00000000000000aa", "00000000000000bb"
NOON_MS = 1_790_000_000_000
ROOM = 24 * 1024

BY_HUB = Shown(Light.ACCEPTED, "arrived", by_hub=True)
BY_DEVICE = Shown(Light.ACCEPTED, "offline")


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[SqliteOutbox]:
    box = SqliteOutbox(tmp_path, lambda: NOON_MS)
    yield box
    box.close()


def scan(n: int, shown: Shown | None = BY_DEVICE, inc: str = MONDAY) -> Scan:
    return Scan(
        inc=inc,
        n=n,
        reader="door-1",
        badge="A" * 20,
        boot="0" * 16,
        mono_ms=1_000 + n,
        wall_ms=NOON_MS,
        err_ms=15,
        clock=ClockQuality.NTP,
        shown=shown,
    )


def scans(*numbers: int, shown: Shown | None = BY_DEVICE, inc: str = MONDAY) -> list[Scan]:
    return [scan(n, shown, inc) for n in numbers]


def known(n: int, shown_n: int = 0, inc: str = MONDAY) -> dict[str, Line]:
    return {inc: Line(inc, n, shown_n)}


def damage(box: SqliteOutbox, n: int) -> None:
    """Flip one bit in the body of a stored record, behind the outbox's back."""
    key, body = box._db.execute("SELECT key, body FROM record WHERE key & 4294967295 = ?", (n,)).fetchone()
    box._db.execute("UPDATE record SET body = ? WHERE key = ?", (bytes([body[0] ^ 4]) + body[1:], key))


# --- order and limits ----------------------------------------------------------------------------


def test_scans_come_back_as_they_were_stored_in_order_of_storing(outbox: SqliteOutbox) -> None:
    outbox.append([], scans(1, 2, inc=TUESDAY))
    outbox.append([], scans(1, inc=MONDAY))
    outbox.append([], scans(3, inc=TUESDAY))
    assert outbox.oldest(ROOM, {}) == [*scans(1, 2, 3, inc=TUESDAY), *scans(1, inc=MONDAY)]


def test_a_message_never_holds_more_than_its_bytes(outbox: SqliteOutbox) -> None:
    outbox.append([], scans(*range(1, 301)))
    sent = outbox.oldest(ROOM, {})
    assert sent == scans(*range(1, len(sent) + 1))
    assert ROOM - 300 < len(msgspec.json.encode(sent)) <= ROOM


def test_a_message_never_holds_more_records_than_the_wire_allows(outbox: SqliteOutbox) -> None:
    outbox.append([], scans(*range(1, 401)))
    assert len(outbox.oldest(1 << 30, {})) == MAX_RECORDS


def test_the_same_record_stored_twice_is_there_once(outbox: SqliteOutbox) -> None:
    outbox.append([], scans(1, 2))
    outbox.append([], scans(1, 2))
    assert outbox.oldest(ROOM, {}) == scans(1, 2)


def test_what_was_shown_is_added_to_a_record_that_waited_without_it(outbox: SqliteOutbox) -> None:
    outbox.append([], [scan(1, None)])
    outbox.settle([Line(MONDAY, 1)])
    assert outbox.unsettled() == 0
    outbox.append([], [scan(1, BY_DEVICE)])
    assert outbox.oldest(ROOM, {}) == [scan(1, BY_DEVICE)]


@pytest.mark.parametrize("later", [None, BY_HUB])
def test_what_the_person_saw_is_never_overwritten(outbox: SqliteOutbox, later: Shown | None) -> None:
    outbox.append([], [scan(1, BY_DEVICE)])
    outbox.append([scan(1, later)], [])
    assert outbox.oldest(ROOM, {}) == [scan(1, BY_DEVICE)]


# --- settling ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "shown", "line", "waits"),
    [
        ("not answered, hub has it", None, Line(MONDAY, 5, 0), False),
        ("not answered, hub does not have it", None, Line(MONDAY, 4, 4), True),
        ("answered by the hub, which has it", BY_HUB, Line(MONDAY, 5, 0), False),
        ("answered by the hub, which was restored", BY_HUB, Line(MONDAY, 4, 4), True),
        ("answered here, hub has only the scan", BY_DEVICE, Line(MONDAY, 5, 4), True),
        ("answered here, hub has both", BY_DEVICE, Line(MONDAY, 5, 5), False),
        ("hub has far more", BY_DEVICE, Line(MONDAY, 2**53, 2**53), False),
        ("another incarnation", BY_DEVICE, Line(TUESDAY, 5, 5), True),
    ],
)
def test_a_record_is_settled_when_the_hub_has_it_and_what_was_shown(
    outbox: SqliteOutbox, what: str, shown: Shown | None, line: Line, waits: bool
) -> None:
    outbox.append([], [scan(5, shown)])
    assert outbox.settle([line]) == int(waits), what
    assert outbox.unsettled() == int(waits), what


def test_a_restored_hub_gets_back_what_it_had_answered(outbox: SqliteOutbox) -> None:
    outbox.append(scans(1, 2, 3, shown=BY_HUB), [])
    assert outbox.oldest(ROOM, {}) == []
    assert outbox.settle([Line(MONDAY, 1, 0)]) == 2
    assert outbox.oldest(ROOM, known(1)) == scans(2, 3, shown=BY_HUB)


def test_a_lower_shown_line_makes_only_the_devices_own_answers_wait_again(outbox: SqliteOutbox) -> None:
    outbox.append([scan(2, BY_HUB)], [scan(1), scan(3)])
    outbox.settle([Line(MONDAY, 3, 3)])
    assert outbox.settle([Line(MONDAY, 3, 0)]) == 2
    assert outbox.oldest(ROOM, known(3)) == scans(1, 3), "record 2 is between them, and no hole"


def test_settling_what_is_settled_writes_nothing(outbox: SqliteOutbox, tmp_path: Path) -> None:
    outbox.append(scans(1, 2, shown=BY_HUB), scans(3, 4))
    outbox.settle([Line(MONDAY, 4, 4)])
    before = (tmp_path / "outbox.db-wal").stat()
    outbox.settle([Line(MONDAY, 4, 4), Line(TUESDAY, 9, 9)])
    outbox.append(scans(1, 2, shown=BY_HUB), [])
    after = (tmp_path / "outbox.db-wal").stat()
    assert (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)


def test_settling_never_reads_the_whole_archive(outbox: SqliteOutbox) -> None:
    plans: list[str] = []
    outbox._db.set_trace_callback(plans.append)
    outbox.append([], scans(1))
    outbox.settle([Line(MONDAY, 1, 1)])
    outbox._db.set_trace_callback(None)
    updates = [query for query in plans if query.startswith("UPDATE")]
    assert len(updates) == 3
    for query in updates:
        details = [row[3] for row in outbox._db.execute(f"EXPLAIN QUERY PLAN {query}")]
        assert all(detail.startswith("SEARCH") for detail in details), details


def test_the_question_to_the_hub_names_what_it_gave_receipts_for(outbox: SqliteOutbox) -> None:
    outbox.append(scans(1, 2, shown=BY_HUB), scans(3, 4))
    outbox.append([], scans(1, inc=TUESDAY))
    outbox.settle([Line(MONDAY, 3, 3)])
    assert outbox.lines() == [Line(TUESDAY, 0, 0), Line(MONDAY, 3, 3)]


def test_the_question_names_the_400_newest_incarnations(outbox: SqliteOutbox) -> None:
    outbox.append([], [scan(1, inc=f"{number:016x}") for number in range(1, 451)])
    lines = outbox.lines()
    assert [line.inc for line in lines] == [f"{number:016x}" for number in range(450, 50, -1)]


# --- holes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "stored", "broken", "line", "sent"),
    [
        ("nothing is missing", [1, 2, 3], [], 0, ["1", "2", "3"]),
        ("the hub's line is not known", [4, 5], [], None, ["4", "5"]),
        ("the first ones are gone", [4, 5], [], 0, ["1-3", "4", "5"]),
        ("a gap in the middle", [1, 2, 6], [], 0, ["1", "2", "3-5", "6"]),
        ("one cannot be read", [1, 2, 3], [2], 0, ["1", "2-2", "3"]),
        ("the last one cannot be read", [1, 2], [2], 0, ["1", "2-2"]),
        ("all cannot be read", [1, 2], [1, 2], 0, ["1-1", "2-2"]),
        ("a broken number far away is not believed", [1, 2, 900], [900], 0, ["1", "2"]),
        ("a broken number far away is not believed before a good one", [1, 900, 901], [900], 0, ["1", "2-900", "901"]),
        ("unreadable, and the hub has told nothing", [1, 2], [1], None, ["2"]),
        ("unreadable, but the hub has it", [1, 2], [1], 1, ["2"]),
    ],
)
def test_what_cannot_be_sent_is_declared_a_hole(
    outbox: SqliteOutbox, what: str, stored: list[int], broken: list[int], line: int | None, sent: list[str]
) -> None:
    outbox.append([], scans(*stored))
    for n in broken:
        damage(outbox, n)
    records = outbox.oldest(ROOM, {} if line is None else known(line))
    assert [f"{r.n}-{r.to_n}" if isinstance(r, Hole) else str(r.n) for r in records] == sent, what
    assert outbox.unreadable == len(broken)


def test_records_the_hub_answered_since_its_last_line_are_no_hole(outbox: SqliteOutbox) -> None:
    outbox.append(scans(6, 7, shown=BY_HUB), scans(8))
    assert outbox.oldest(ROOM, known(5)) == scans(8)


def test_a_hole_the_hub_has_is_settled_though_what_was_shown_is_lost(outbox: SqliteOutbox) -> None:
    outbox.append([], scans(1, 2))
    damage(outbox, 1)
    assert outbox.settle([Line(MONDAY, 2, 0)]) == 1
    assert outbox.oldest(ROOM, known(2)) == scans(2)


def test_unreadable_records_of_a_whole_page_do_not_hide_the_ones_behind(outbox: SqliteOutbox) -> None:
    outbox.append([], scans(*range(2, MAX_RECORDS + 10)))
    outbox._db.execute(f"UPDATE record SET sum = x'00' WHERE key & 4294967295 < {MAX_RECORDS + 9}")
    assert outbox.oldest(ROOM, known(0)) == [Hole(MONDAY, 1, MAX_RECORDS + 8), scan(MAX_RECORDS + 9)]


# --- forgetting and keeping ----------------------------------------------------------------------


def test_settled_records_are_forgotten_after_30_days_and_unsettled_ones_never(tmp_path: Path) -> None:
    clock = [NOON_MS]
    outbox = SqliteOutbox(tmp_path, lambda: clock[0])
    outbox.append(scans(1, shown=BY_HUB), scans(2))
    outbox.append(scans(1, shown=BY_HUB, inc=TUESDAY), [])
    clock[0] += 1
    outbox.append(scans(3, shown=BY_HUB), [])
    outbox.prune(NOON_MS + KEEP_MS)
    assert (outbox.archived(), outbox.unsettled()) == (3, 1)
    outbox.prune(NOON_MS + KEEP_MS + 1)
    assert (outbox.archived(), outbox.unsettled()) == (1, 1)
    assert [line.inc for line in outbox.lines()] == [MONDAY], "an incarnation without records is asked for no more"
    outbox.close()


def test_beyond_the_limit_the_oldest_settled_records_go(outbox: SqliteOutbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.outbox.KEEP_RECORDS", 3)
    outbox.append(scans(2, 3, 4, 5, shown=BY_HUB), scans(1))
    outbox.prune(NOON_MS)
    outbox.settle([Line(MONDAY, 0, 0)])
    assert outbox.oldest(ROOM, known(0)) == [scan(1), Hole(MONDAY, 2, 2), *scans(3, 4, 5, shown=BY_HUB)]


def test_config_roster_and_layouts_are_kept_over_a_restart(tmp_path: Path) -> None:
    first: Outbox = SqliteOutbox(tmp_path, lambda: NOON_MS)
    first.keep("config", b"old")
    first.keep("config", b"new")
    first.keep("roster", b"r" * 100_000)
    first.close()
    second = SqliteOutbox(tmp_path, lambda: NOON_MS)
    assert (second.kept("config"), second.kept("roster"), second.kept("layout/door-1")) == (b"new", b"r" * 100_000, None)
    second.close()


def test_a_kept_value_that_was_damaged_is_not_handed_out(outbox: SqliteOutbox) -> None:
    outbox.keep("config", b"right")
    outbox._db.execute("UPDATE kept SET value = x'00'")
    assert (outbox.kept("config"), outbox.unreadable) == (None, 1)
    outbox.keep("config", b"right")
    assert outbox.kept("config") == b"right"


# --- opening -------------------------------------------------------------------------------------


def test_a_second_process_is_refused(outbox: SqliteOutbox, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="another preau-edge uses this data folder"):
        SqliteOutbox(tmp_path, lambda: NOON_MS)


def spoil(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "no database at all":
        content = bytearray(b"not a database" * 1000)
    elif how == "a page of zeros":
        content[1024:2048] = bytes(1024)
    else:
        content = content[: len(content) // 2]
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["no database at all", "a page of zeros", "cut in half"])
def test_a_damaged_file_is_moved_aside_and_the_device_works_on(tmp_path: Path, how: str) -> None:
    for number in (1, 2):
        box = SqliteOutbox(tmp_path, lambda: NOON_MS)
        assert box.damaged == (number > 1)
        box.append([], scans(*range(1, 200)))
        box.close()
        spoil(tmp_path / "outbox.db", how)
    again = SqliteOutbox(tmp_path, lambda: NOON_MS)
    assert again.damaged
    assert again.unsettled() == 0
    again.append([], scans(1))
    assert again.oldest(ROOM, {}) == scans(1)
    again.close()
    assert {path.name for path in tmp_path.glob("outbox.damaged-?")} == {"outbox.damaged-1", "outbox.damaged-2"}


# --- full and failing cards ----------------------------------------------------------------------


def test_a_full_card_refuses_the_record_keeps_the_others_and_takes_it_when_there_is_room(outbox: SqliteOutbox) -> None:
    outbox.append([], scans(1))
    pages = outbox._db.execute("PRAGMA page_count").fetchone()[0]
    outbox._db.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreError) as refused:
        outbox.append([], scans(*range(2, 100)))
    assert not refused.value.fatal
    assert outbox.oldest(ROOM, {}) == scans(1)
    outbox._db.execute("PRAGMA max_page_count=1000000")
    outbox.append([], scans(2))
    assert outbox.oldest(ROOM, {}) == scans(1, 2)


@pytest.fixture
def tiny_card(tmp_path: Path) -> Iterator[Path]:
    card = tmp_path / "card"
    card.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", card], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield card
    subprocess.run(["umount", card], check=True)


def test_a_really_full_file_system_is_no_fatal_error_and_the_device_even_starts_on_it(tiny_card: Path) -> None:
    box = SqliteOutbox(tiny_card, lambda: NOON_MS)
    ballast = tiny_card / "ballast"
    ballast.write_bytes(bytes(64 * 1024))
    with pytest.raises(StoreError) as refused:
        store_until_refused(box)
    assert not refused.value.fatal
    stored = box.unsettled()
    box.close()
    again = SqliteOutbox(tiny_card, lambda: NOON_MS)
    assert not again.damaged
    assert again.unsettled() == stored > 0
    ballast.unlink()
    again.append([], scans(stored + 1))
    assert again.unsettled() == stored + 1
    again.close()


def store_until_refused(box: SqliteOutbox) -> None:
    for n in range(1, 10_000):
        box.append([], scans(n))


def run(tmp_path: Path, program: str) -> "subprocess.Popen[str]":
    prelude = f"""
        import resource, sys
        from pathlib import Path
        from edge.errors import StoreError
        from edge.outbox import SqliteOutbox
        from tests.edge.test_outbox import scan, scans
        box = SqliteOutbox(Path({str(tmp_path)!r}), lambda: 0)
    """
    source = textwrap.dedent(prelude) + textwrap.dedent(program)
    return subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


def test_a_card_that_fails_to_write_is_fatal(tmp_path: Path) -> None:
    child = run(
        tmp_path,
        """
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        try:
            for n in range(1, 1000):
                box.append([], scans(n))
        except StoreError as error:
            print("fatal" if error.fatal else "full")
        sys.stdout.flush()
        import os
        os._exit(0)
        """,
    )
    assert child.communicate(timeout=30)[0] == "fatal\n"


def test_a_start_whose_sync_fails_leaves_the_log_where_it_is(outbox: SqliteOutbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second sync seems to succeed: SQLite would write the log into the file, and delete it, though the card has neither."""
    outbox.append([], scans(1, 2))
    left = tmp_path / "left"
    left.mkdir()
    for name in ("outbox.db", "outbox.db-wal"):
        shutil.copy(tmp_path / name, left / name)

    def fails(_db: sqlite3.Connection) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise error

    monkeypatch.setattr("edge.outbox._checkpoint", fails)
    with pytest.raises(StoreError) as failed:
        SqliteOutbox(left, lambda: NOON_MS)
    assert failed.value.fatal
    assert (left / "outbox.db-wal").stat().st_size


def test_after_kill_9_every_acknowledged_record_is_there(tmp_path: Path) -> None:
    child = run(
        tmp_path,
        """
        for n in range(1, 1_000_000):
            box.append([], scans(n))
            print(n, flush=True)
        """,
    )
    assert child.stdout is not None
    acknowledged = 0
    for line in child.stdout:
        acknowledged = int(line)
        if acknowledged == 300:
            child.kill()
    child.wait(timeout=30)
    child.stdout.close()
    box = SqliteOutbox(tmp_path, lambda: NOON_MS)
    assert not box.damaged
    assert box.unsettled() in {acknowledged, acknowledged + 1}
    box.close()


def test_a_broken_log_loses_no_checkpointed_record(tmp_path: Path) -> None:
    box = SqliteOutbox(tmp_path, lambda: NOON_MS)
    box.append([], scans(1, 2))
    box.close()
    (tmp_path / "outbox.db-wal").write_bytes(os.urandom(5000))
    again = SqliteOutbox(tmp_path, lambda: NOON_MS)
    assert again.oldest(ROOM, {}) == scans(1, 2)
    again.close()


def test_every_error_of_the_store_is_ours(outbox: SqliteOutbox) -> None:
    outbox._db.execute("DROP TABLE record")
    outbox._db.execute("DROP TABLE kept")
    calls = [
        lambda: outbox.append([], scans(1)),
        lambda: outbox.oldest(ROOM, {}),
        lambda: outbox.prune(NOON_MS),
        lambda: outbox.keep("a", b""),
        lambda: outbox.kept("a"),
        outbox.unsettled,
        outbox.archived,
    ]
    for call in calls:
        with pytest.raises(StoreError) as failed:
            call()
        assert failed.value.fatal


def test_the_log_is_copied_into_the_file_when_it_has_grown(outbox: SqliteOutbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.outbox.WAL_BYTES", 20_000)
    for n in range(1, 50):
        outbox.append([], scans(n))
        assert (tmp_path / "outbox.db-wal").stat().st_size < 30_000
    assert (tmp_path / "outbox.db").stat().st_size > 4_000
    assert outbox._db.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
    assert outbox._db.execute("PRAGMA synchronous").fetchone() == (2,)
