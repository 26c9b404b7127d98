"""`preau-hub day` and `preau-hub settle` on a data folder: what they print, what they refuse, what they leave."""

import asyncio
import re
from pathlib import Path

import pytest

from hub.__main__ import REFUSED, main
from hub.accounts import Accounts
from hub.core import corrections, settlement
from hub.core.attendance import upkeep
from hub.core.facts import ChargesPosted
from hub.core.settlement import close_days
from hub.daybook import SENTENCES
from hub.meant import pupil_called
from hub.memory import memory
from hub.notes import Notes
from tests.schools import moment

SCHOOL = """\
[[sites]]
name = "Les Tilleuls"
[[sites.programmes]]
name = "Garderie"
use = "care"
price = "0,75"
period_min = 30
tolerance_min = 5
at_most = "6,00"
hours = [{ days = ["mon", "tue", "wed", "thu", "fri"], start = "15:30", end = "18:00" }]
posting = { every_days = 7, weekday = "fri" }
"""
PUPILS = "household;site;last_name;first_name;group;badge\nDupont;Les Tilleuls;Dupont;Léa;3A;\n"
LEA = ("Léa Dupont", "Garderie", "2025-01-06")
NATIONAL = "the note holds what looks like a national register number, which Préau never stores: leave it out"


class Told:
    """What the command says to these words."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys

    def says(self, *words: str) -> list[str]:
        assert self._run(words) == 0, self._capsys.readouterr().err
        return self._capsys.readouterr().out.splitlines()

    def refuses(self, *words: str) -> str:
        assert self._run(words) == REFUSED
        return self._capsys.readouterr().err.strip().removeprefix("preau-hub: ")

    def _run(self, words: tuple[str, ...]) -> int:
        return main([*words, "--config", str(self.folder / "hub.toml")])


@pytest.fixture
def told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    """A hub's folder with a school, and anne, who may act."""
    (tmp_path / "hub.toml").write_text(f'[hub]\ndata = "{tmp_path / "data"}"\n')
    (tmp_path / "school.toml").write_text(SCHOOL)
    (tmp_path / "pupils.csv").write_text(PUPILS)
    told = Told(tmp_path, capsys)
    told.says("setup", str(tmp_path / "school.toml"))
    told.says("import", "pupils", str(tmp_path / "pupils.csv"), "--yes")
    asyncio.run(_hire(tmp_path / "data"))
    return told


async def _hire(data: Path) -> None:
    async with memory(data) as stores:
        await Accounts(stores.register).add_staff(71, "anne", "Anne", "no password")


async def _evening(data: Path, clock: str) -> None:
    """What the hub does by itself when the hours are over."""
    async with memory(data) as stores:
        for decide in (upkeep, close_days):
            ask = stores.new_ask()
            await stores.desk.do(ask, decide, ask, moment(clock))


async def _posted(data: Path) -> list[int]:
    """When charges were posted."""
    async with memory(data) as stores:
        facts = [fact async for commit in stores.journal.read() for fact in commit.facts]
    return [fact.at_ms for fact in facts if isinstance(fact, ChargesPosted)]


async def _noted(data: Path) -> list[str]:
    """The notes about the day of the pupil."""
    async with memory(data) as stores:
        pupil = pupil_called(stores.desk.school, LEA[0]).id
        return [note.text for note in (await Notes(stores.register).about([pupil], 20250106)).values()]


def correct(*words: str, clock: str = "19:00") -> tuple[str, ...]:
    return ("day", *words, "--by", "anne", "--at-ms", str(moment(clock)))


def test_a_day_is_shown_corrected_and_undone_by_its_numbers(told: Told) -> None:
    told.says(*correct("add", *LEA, "15:40", "in"))
    shown = told.says(*correct("add", *LEA, "16:40", "out"))
    assert shown[:4] == ["Garderie (Les Tilleuls)", "  mark 1: 15:40 in", "  mark 2: 16:40 out", "  stay 1: 15:40 to 16:40"]
    assert re.fullmatch(r"  charge \d+: 1,50\u00a0€ \(gathered\)", shown[4])
    moved = told.says(*correct("move", *LEA, "2", "16:05", clock="19:01"))
    assert "  stay 1: 15:40 to 16:05" in moved
    assert told.says(*correct("undo", clock="19:02")) == ["undone"]
    assert "  stay 1: 15:40 to 16:40" in told.says("day", "show", "Léa Dupont", "2025-01-06", "--at-ms", str(moment("19:03")))


def test_a_missing_exit_is_listed_verified_and_settled(told: Told) -> None:
    told.says(*correct("add", *LEA, "15:40", "in", clock="16:00"))
    asyncio.run(_evening(told.folder / "data", "19:31"))
    assert told.says("day", "questions") == ["06/01/2025 18:00  Les Tilleuls  Léa Dupont: no_exit"]
    preview = told.says("settle", "preview", "Garderie")
    assert preview == ["together 0,00\u00a0€ from 0 wallets", "left: 06/01/2025 18:00  Les Tilleuls  Léa Dupont: no_exit"]
    told.says(*correct("verify", *LEA, "1", "--reason", "confirmed", "--note", "La maman confirme 18 h", clock="19:40"))
    assert asyncio.run(_noted(told.folder / "data")) == ["La maman confirme 18 h"], "it stands with the pupil's day, as a page shows it"
    assert told.says("day", "questions") == []
    assert told.says("settle", "preview", "Garderie", "--at-ms", str(moment("20:00")))[0] == "Dupont: 1 charges, 3,75\u00a0€"
    ran = told.says("settle", "run", "Garderie", "--at-ms", str(moment("20:30")))
    assert "Garderie: 1 charges, 3,75\u00a0€, from 1 wallets" in ran
    assert any("-3,75" in line for line in told.says("wallet", "list"))
    assert asyncio.run(_posted(told.folder / "data")) == [moment("20:30")], "a run of an exercise is of the instant it was given"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (correct("add", *LEA, "11:00", "in"), "the programme has no hours at that time"),
        (correct("add", *LEA, "16:00", "in", "--note", "85.07.30-033.28"), NATIONAL),
        (correct("add", *LEA, "16:00", "in", "--note", "x" * 501), "the note is too long: write 500 letters at most"),
        (correct("add", *LEA, "25:00", "in"), "`25:00` is no time: write it as 16:05"),
        (correct("add", *LEA, "16:00", "up"), "`up`: say in or out"),
        (correct("void", *LEA, "1"), "`1` is no mark of that day: `preau-hub day show` numbers them"),
        (correct("void", "Léa Dupont", "Sauna", "2025-01-06", "1"), "`Sauna` is no programme: it is one of Garderie@Les Tilleuls"),
        (correct("void", "Léa Dupont", "Garderie", "Monday", "1"), "`Monday` is no day: write it as 2025-01-31"),
        (correct("absent", *LEA, "Grippe"), "`Grippe` is no reason of absence: say none"),
        (correct("undo"), "there is no act of yours to undo"),
        (("day", "undo", "--by", "zoe"), "`zoe` is no login of staff"),
        (("settle", "run", "Garderie", "--through", "2025-01-06"), "that day is not over yet, or the hub has not run since"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nonsense_is_refused_by_name(told: Told, words: tuple[str, ...], sentence: str) -> None:
    assert told.refuses(*words) == sentence


def test_every_refusal_has_its_sentence() -> None:
    written = "".join(Path(str(room.__file__)).read_text() for room in (corrections, settlement))
    codes = set(re.findall(r'Refusal\(\s*"(\w+)"', written)) | set(re.findall(r'" if .* else "(\w+)"\)', written))
    assert codes >= {"no_such_pupil", "no_such_programme", "still_there", "to_verify"}
    assert codes <= set(SENTENCES)
    assert {code for code in SENTENCES if code.startswith("would_be_")} == {
        f"would_be_{code}" for code in ("already_in", "already_out", "closed", "no_entry")
    }
