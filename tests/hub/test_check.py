"""`preau-hub check` on real folders: what it proves, what it complains of, and that it changes nothing unless it is told to."""

import asyncio
import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from hub.__main__ import REFUSED, main
from hub.check import WRONG
from hub.core.codes import Reason
from hub.core.facts import Fact, Facts, Resolved, Reversed, StayClosed, derived
from hub.core.ledger import move
from hub.folder import Folder
from hub.memory import memory
from tests.hub.core.test_audit import FIRST_VERSION
from tests.hub.core.test_school import rows_of
from tests.lives import lived
from tests.schools import number
from tests.stores import written


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a hub that was run for a day, with its history up to the end."""
    day = lived()

    async def live() -> None:
        async with memory(tmp_path / "hub") as stores:
            await stores.desk.edit(1, lambda _school: tuple(rows_of(day.school)))
        folder = Folder(tmp_path / "hub")
        await written(folder, day.facts)
        folder.close()
        async with memory(tmp_path / "hub") as stores:
            await stores.history.caught_up(stores.journal.durable)

    asyncio.run(live())
    return tmp_path


def check(folder: Path, *words: str) -> int:
    (folder / "hub.toml").write_text(f'[hub]\ndata = "{folder / "hub"}"\n')
    return main(["check", *words, "--config", str(folder / "hub.toml")])


def change(folder: Path, statement: str) -> None:
    """Somebody writes into the history with another program."""
    with closing(sqlite3.connect(folder / "hub" / "office.db", isolation_level=None)) as other:
        assert other.execute(statement).rowcount, "the statement changed nothing"


def go_on(folder: Path, asks: Iterable[Facts]) -> None:
    """A hub with a defect writes these facts."""

    async def write() -> None:
        stores = Folder(folder / "hub")
        await written(stores, asks)
        stores.close()

    asyncio.run(write())


def test_a_folder_in_order_is_proved_and_says_what_was_proved(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(folder) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "everything was proved"
    assert [line.split(":")[0] for line in lines[:-1]] == ["proved"] * (len(lines) - 1)
    topics = {line.split(": ")[1] for line in lines[:-1]}
    assert topics >= {
        "journal",
        "facts",
        "entries",
        "wallets",
        "charges",
        "holds",
        "tills",
        "meals",
        "stays",
        "days",
        "scans",
        "history",
    }
    assert "every row fits the one before, head " in lines[0]


def test_a_folder_without_a_hub_is_not_called_in_order_and_an_empty_hub_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path) == REFUSED
    assert "there is no hub here" in capsys.readouterr().err
    go_on(tmp_path, [])
    assert check(tmp_path) == 0
    assert "proved: journal: 0 facts" in capsys.readouterr().out


def test_a_folder_of_the_first_version_is_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts: Facts = msgspec.json.decode(FIRST_VERSION, type=tuple[Fact, ...])
    go_on(tmp_path, [(fact,) for fact in facts])
    for words in (("--rebuild",), ()):
        assert check(tmp_path, *words) == 0
    out = capsys.readouterr().out
    assert "1 of the first version, which wrote no price down" in out
    assert "proved: history: 13 rows are what the journal makes, up to fact 10" in out


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        (
            "UPDATE history_entry SET cents = cents + 1 WHERE id = (SELECT min(id) FROM history_entry)",
            "history_entry .*: the journal makes ",
        ),
        ("UPDATE history_charge SET pupil = 55 WHERE pupil > 0", "history_charge .* the table has 55 "),
        (
            "UPDATE history_charge SET number = 9999 WHERE number = (SELECT min(number) FROM history_charge)",
            "history_charge: 1 rows of no fact",
        ),
        ("DELETE FROM history_entry WHERE id = (SELECT max(id) FROM history_entry)", "history_entry .* the table has none"),
        ("UPDATE history_scan SET pupil = 5 WHERE number = (SELECT min(number) FROM history_scan)", "history_scan .* the table has 5 "),
        ("UPDATE history_scan SET number = 9999 WHERE number = (SELECT min(number) FROM history_scan)", "history_scan: 1 rows of no fact"),
        ("UPDATE history_entry SET id = 9999 WHERE id = (SELECT min(id) FROM history_entry)", "history_entry: 1 rows of no fact"),
        ("UPDATE history_stay SET until_ms = until_ms + 1 WHERE closed > 0", "history_stay .*: the journal makes "),
        ("INSERT INTO history_stay VALUES (5, 5, 5, 5, 5, 5, '', 5)", "history_stay 5: the journal makes none, the table has 5 5 "),
        ("UPDATE history_morning SET counts = NOT counts", "history_morning .*: the journal makes 1 "),
        ("UPDATE history_morning SET justified = justified + 1", "history_morning .*: the journal makes 1 "),
        ("DELETE FROM history_morning", "history_morning .* the table has none"),
        ("UPDATE history_head SET hash = zeroblob(32)", "it was made of another journal than this one"),
    ],
)
def test_a_history_that_was_tampered_with_is_told_and_made_again_only_on_demand(
    folder: Path, capsys: pytest.CaptureFixture[str], statement: str, complaint: str
) -> None:
    change(folder, statement)
    for words in ((), ("--rebuild",)):
        assert check(folder, *words) == WRONG
        out = capsys.readouterr().out
        assert any(re.search(complaint, line) for line in out.splitlines()), out
        assert "WRONG:  history" in out
        assert "not everything was proved: history" in out
    assert "history: made again from the journal" in out
    assert check(folder) == 0


def test_a_wallet_s_list_that_does_not_make_its_balance_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(folder, "UPDATE history_entry SET cents = cents + 1 WHERE id = (SELECT min(id) FROM history_entry)")
    assert check(folder) == WRONG
    assert " cents, its entries sum to " in capsys.readouterr().out


def test_what_the_history_has_not_copied_yet_is_no_complaint(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = derived(1, "question")
    go_on(folder, [(StayClosed(asked, asked, number("Mia"), number("Parc"), number("parc-care"), 1, 2),)])
    assert check(folder) == 0
    assert re.search(r"facts \d+ to \d+ are copied at the next start", capsys.readouterr().out)


def test_facts_that_cannot_be_are_told_with_their_number_and_what_to_do(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    go_on(folder, [(Resolved(derived(n, "answer"), derived(n, "item")),) for n in range(1, 31)])
    assert check(folder) == WRONG
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("WRONG:  questions")
    assert f"(ask {derived(1, 'answer')}): question {derived(1, 'item')} is answered, and nobody asked it" in lines[start + 1]
    assert lines[start + 11] == "          and 20 more of this kind"
    assert lines[start + 12].startswith("        what to do: ")
    assert lines[-1] == "not everything was proved: questions"


def test_facts_that_the_books_cannot_take_are_told_where_the_hub_would_not_start(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    back = Reversed(derived(1, "back"), 5, 6, 7, 8, Reason.CORRECTED, move("sales:1:2", "wallet:6", 7))
    go_on(folder, [(back,)])
    assert check(folder) == WRONG
    out = capsys.readouterr().out
    assert "the books cannot take it: KeyError: 5" in out
    assert "charge 5 is cancelled, and was never made" in out


def test_who_is_not_in_the_register_is_a_note(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = derived(1, "question")
    go_on(folder, [(StayClosed(asked, asked, 12345, number("Parc"), number("parc-care"), 1, 2),)])
    assert check(folder) == 0
    assert "note: 1 of the pupils in the facts are not in the register, erased or never there: 12345" in capsys.readouterr().out


def test_a_folder_that_a_hub_uses_is_left_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running = Folder(folder / "hub")
    assert check(folder) == REFUSED
    running.close()
    assert capsys.readouterr().err.startswith("preau-hub: ")


def test_a_damaged_journal_is_refused_and_names_the_row(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(folder / "hub" / "journal.db", isolation_level=None)) as other:
        other.execute("DROP TRIGGER no_update")
        trigger = "CREATE TRIGGER no_update BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
        other.execute("UPDATE journal SET body = CAST(body || ' ' AS BLOB) WHERE number = 1")
        other.execute(trigger)
    assert check(folder) == REFUSED
    assert "row 1 is damaged: its content does not fit its hash" in capsys.readouterr().err
