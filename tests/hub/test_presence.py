"""`preau-hub presence`: what it prints on a folder whose hub is stopped, and what it refuses."""

import asyncio
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace as but

from hub.__main__ import REFUSED, main
from hub.accounts import Accounts
from hub.core import mornings
from hub.core.facts import MorningNoted, RollTaken
from hub.core.scans import take
from hub.core.school import Adult
from hub.core.timetable import Plan
from hub.folder import Folder
from hub.keeping import keep_up
from hub.memory import Memory, memory
from hub.presence import SENTENCES, STOPPED
from tests.hub.core.test_school import rows_of
from tests.mornings import PARC, TILLEULS, front, with_timetable
from tests.schools import MONDAY, TUESDAY, Day, moment, number, scan

ANNE = 71


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A Monday: Léa is late, Tom at care, Noé absent; Mia is in at two sites. Anne is of the office."""
    asyncio.run(_lived(tmp_path))
    (tmp_path / "hub.toml").write_text(f'[hub]\ndata = "{tmp_path / "hub"}"\n')
    return tmp_path


async def _lived(folder: Path) -> None:
    day = with_timetable(Day())
    day.change((replace(day.school.programmes[number("care")], room="Réfectoire"),))
    day.change((Adult(1, number("Vanderzande"), "Anne", "Vanderzande"), Adult(2, number("Vanderzande"), "Jan", "Vanderzande")))
    day.change((Plan(5, number("Noé"), number("care"), date(2024, 9, 1)),))
    async with memory(folder / "hub") as stores:
        await stores.desk.edit(1, lambda _school: tuple(rows_of(day.school)))
        await Accounts(stores.register).add_staff(ANNE, "anne", "Anne", "no password")
        await _scanned(stores, "Léa", "entrance", "08:31", 1)
        await _scanned(stores, "Mia", "parc-entrance", "08:15", 1)
        await _scanned(stores, "Mia", "entrance", "09:40", 2)
        await _scanned(stores, "Tom", "entrance", "08:20", 3)
        for clock in ("09:59", "10:00", "10:01"):
            await keep_up(stores.desk, stores.new_ask, moment(clock))
        await _scanned(stores, "Tom", "care-in", "15:40", 1)


async def _scanned(stores: Memory, who: str, reader: str, clock: str, n: int) -> None:
    arrived = scan(who, reader, clock, n=n)
    if "entrance" in reader:
        arrived = but(arrived, device=front(reader))
    await stores.desk.do(arrived.ask, take, arrived)


def says(folder: Path, capsys: pytest.CaptureFixture[str], *words: str, clock: str = "15:45") -> list[str]:
    assert main(["presence", *words, "--at-ms", str(moment(clock)), "--config", str(folder / "hub.toml")]) == 0
    return capsys.readouterr().out.splitlines()


def refuses(folder: Path, capsys: pytest.CaptureFixture[str], *words: str, clock: str = "15:45") -> str:
    assert main(["presence", *words, "--at-ms", str(moment(clock)), "--config", str(folder / "hub.toml")]) == REFUSED
    return capsys.readouterr().err.strip().removeprefix("preau-hub: ")


def test_who_is_in_is_told_room_by_room_with_who_is_expected(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tilleuls = [
        "Les Tilleuls, 06/01/2025 15:45: 3 in",
        "  by the entrance: 1",
        "    Mia Okonkwo (3A) since 09:40  ALSO AT Le Parc",
        "  3A: 1",
        "    Léa Vanderzande (3A) since 08:31",
        "  Réfectoire: 1",
        "    Tom Vanderzande (3A) since 15:40",
        "    expected: Noé Quintelier (3A)",
    ]
    parc = ["Le Parc, 06/01/2025 15:45: 1 in", "  3A: 1", "    Mia Okonkwo (3A) since 08:15  ALSO AT Les Tilleuls"]
    assert says(folder, capsys, "inside", "Les Tilleuls") == tilleuls
    assert says(folder, capsys, "inside", "Le Parc") == parc
    assert sorted(says(folder, capsys, "inside")) == sorted([*tilleuls, *parc])


def test_the_evacuation_list_is_fit_for_paper(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert says(folder, capsys, "evacuation", "Les Tilleuls") == [
        "EVACUATION LIST   Les Tilleuls   06/01/2025 15:45:00",
        f"3 children may be in the building. {STOPPED}",
        "",
        "Class 3A",
        "  [ ] Okonkwo Mia      by the entrance  since 09:40    ALSO AT Le Parc",
        "  [ ] Vanderzande Léa  3A               since 08:31  Anne Vanderzande, Jan Vanderzande",
        "  [ ] Vanderzande Tom  Réfectoire       since 15:40  Anne Vanderzande, Jan Vanderzande",
        "",
        "Expected, and not seen at this site: 1",
        "  [ ] Noé Quintelier (3A)",
    ]
    assert says(folder, capsys, "evacuation", "Le Parc", clock="23:59")[-1].startswith("  [ ] Okonkwo Mia  3A  since 08:15")


def test_an_empty_house_has_an_empty_list(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tomorrow = str(moment("07:00", TUESDAY))
    assert main(["presence", "evacuation", "Le Parc", "--at-ms", tomorrow, "--config", str(folder / "hub.toml")]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("0 children may be in the building.")


def test_late_and_missed_mornings_are_listed_with_what_staff_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    period = ("mornings", "--from", "2025-01-01", "--to", "2025-01-31")
    late = "06/01/2025  Léa Vanderzande (3A)  late 11 min, came at 08:31"
    absent = "06/01/2025  Noé Quintelier (3A)  absent"
    assert says(folder, capsys, *period) == [f"{late}  open", f"{absent}  open"]
    by = ("--by", "anne")
    said = (
        "justify",
        "Noé Quintelier",
        "2025-01-06",
        "justified",
        "--reason",
        "ill",
        "--document",
        "117",
        "--note",
        "certificat reçu",
        *by,
    )
    assert says(folder, capsys, *said) == ["06/01/2025  Noé Quintelier (3A)  justified, ill, document 117"]
    assert says(folder, capsys, *period, "--pupil", "Noé Quintelier") == [f"{absent}  justified, ill, document 117  “certificat reçu”"]
    assert says(folder, capsys, "justify", "Noé Quintelier", "2025-01-06", "open", *by) == ["06/01/2025  Noé Quintelier (3A)  open"]
    assert says(folder, capsys, *period, "--group", "3A") == [f"{late}  open", f"{absent}  open"]
    assert says(folder, capsys, *period, "--group", "4B") == []
    assert says(folder, capsys, "mornings", "--from", "2025-01-07", "--to", "2025-01-31") == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("inside", "Le Bois"), "`Le Bois` is no site: it is one of Le Parc, Les Tilleuls"),
        (
            ("justify", "Zoé", "2025-01-06", "open", "--by", "anne"),
            "`Zoé` is no pupil of this school: write the first and the last name, or the number",
        ),
        (("justify", "Noé Quintelier", "2025-01-06", "open", "--by", "boris"), "`boris` is no login of staff"),
        (("justify", "Noé Quintelier", "2025-01-06", "justified", "--by", "anne"), SENTENCES["no_excuse"]),
        (("justify", "Noé Quintelier", "2025-01-06", "open", "--document", "a", "--by", "anne"), "`a` is no number: write its digits"),
        (("justify", "Noé Quintelier", "2025-01-06", "open", "--by", "anne"), SENTENCES["said_already"]),
        (("justify", "Tom Vanderzande", "2025-01-03", "not_justified", "--by", "anne"), SENTENCES["nothing_to_justify"]),
    ],
)
def test_what_is_refused_says_why_and_books_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    assert refuses(folder, capsys, *words) == sentence
    assert says(folder, capsys, "mornings", "--from", "2025-01-06", "--to", "2025-01-06")[1].endswith("absent  open")


def test_a_running_hub_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running = Folder(folder / "hub")
    assert "another hub uses this data folder" in refuses(folder, capsys, "evacuation", "Les Tilleuls")
    running.close()


def test_every_refusal_of_a_justification_has_its_sentence() -> None:
    written = Path(str(mornings.__file__)).read_text()
    assert set(re.findall(r'Refusal\("(\w+)"', written)) == set(SENTENCES)


async def test_the_roll_is_taken_by_the_minute_it_is_due_and_once(folder: Path) -> None:
    async with memory(folder / "hub") as stores:
        before = stores.desk.books.number
        facts = [fact async for commit in stores.journal.read() for fact in commit.facts]
        rolls = {(fact.site, fact.day): fact.absent for fact in facts if isinstance(fact, RollTaken)}
        assert rolls == {(TILLEULS, 20250106): 1, (PARC, 20250106): 0}
        assert sum(isinstance(fact, RollTaken) for fact in facts) == 2, "one for each site, however often a minute passes"
        await keep_up(stores.desk, stores.new_ask, moment("10:00", MONDAY + timedelta(days=1)))
        made = [fact async for commit in stores.journal.read(before + 1) for fact in commit.facts if isinstance(fact, MorningNoted)]
        assert {fact.pupil for fact in made} == {number(who) for who in ("Léa", "Tom", "Noé", "Mia")}
