"""`preau-hub tariff try`: a draft against the journal's own days, printed, with the books as they were."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from hub.__main__ import REFUSED, main
from hub.core.attendance import upkeep
from hub.core.canteen import Wish, cancel, reserve
from hub.core.codes import By, Reason
from hub.core.corrections import Place, Staff, disown
from hub.core.scans import take
from hub.memory import memory
from tests.hub.core.test_school import rows_of
from tests.schools import MONDAY, TUESDAY, moment, number, scan, small_school

FRIDAY = MONDAY - timedelta(days=3)

DRAFT = '[[tariffs]]\nsite = "Les Tilleuls"\nprogramme = "Garderie"\nlines = [{ price = "1,20", period_min = 60 }]\n'


async def two_days(folder: Path) -> None:
    """Monday: Léa 15:30 to 16:40, Noé 17:00 to 17:20, Tom never leaves. Tuesday: Noé 15:30 to 16:00."""
    async with memory(folder / "hub") as stores:
        await stores.desk.edit(1, lambda _school: tuple(rows_of(small_school())))
        taps = [
            scan("Léa", "care-in", "15:30", n=1),
            scan("Tom", "care-in", "15:31", n=2),
            scan("Léa", "care-out", "16:40", n=3),
            scan("Noé", "care-in", "17:00", n=4),
            scan("Noé", "care-out", "17:20", n=5),
            scan("Noé", "care-in", "15:30", day=TUESDAY, n=6),
            scan("Noé", "care-out", "16:00", day=TUESDAY, n=7),
        ]
        for tap in taps:
            await stores.desk.do(tap.ask, take, tap)
        await stores.desk.do(2, upkeep, 2, moment("23:00", TUESDAY))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    asyncio.run(two_days(tmp_path))
    (tmp_path / "hub.toml").write_text(f'[hub]\ndata = "{tmp_path / "hub"}"\n')
    return tmp_path


def trying(folder: Path, draft: str, first: str, last: str) -> int:
    (folder / "draft.toml").write_text(draft)
    return main(["tariff", "try", str(folder / "draft.toml"), "--from", first, "--to", last, "--config", str(folder / "hub.toml")])


def journal_of(folder: Path) -> bytes:
    return (folder / "hub" / "journal.db").read_bytes()


def test_the_commune_sees_what_a_draft_would_change_and_nothing_is_booked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = journal_of(folder)
    assert trying(folder, DRAFT, "2025-01-06", "2025-01-06") == 0
    assert capsys.readouterr().out.replace("\u00a0", " ").splitlines() == [
        "2 stays; 1 that nobody ended are left out",
        "0 sales of meals and articles whose price stands in a tariff",
        "revenue: 3,00 € -> 3,60 € (+0,60 €)",
        "families: 2 pay more, 0 pay less, 0 the same",
        "bracket 10: 3,00 € -> 3,60 € (+0,60 €)",
        "most more: Quintelier: 0,75 € -> 1,20 € (+0,45 €)",
        "most more: Vanderzande: 2,25 € -> 2,40 € (+0,15 €)",
        "dearest: Noé Quintelier, Garderie, 2025-01-06: 0,75 € -> 1,20 € (+0,45 €)",
        "dearest: Léa Vanderzande, Garderie, 2025-01-06: 2,25 € -> 2,40 € (+0,15 €)",
    ]
    assert trying(folder, DRAFT, "2025-01-07", "2025-01-07") == 0
    assert "revenue: 0,75 € -> 1,20 € (+0,45 €)" in capsys.readouterr().out.replace("\u00a0", " ")
    assert journal_of(folder) == before


async def _a_day_of_meals(folder: Path) -> None:
    """Monday, ordered on Friday: Léa's meal, and Tom's, which is cancelled in time; Noé eats without an order. Noé's stay is voided."""
    async with memory(folder / "hub") as stores:
        office = Staff(1, Reason.WRONG_PUPIL, moment("20:00", TUESDAY))
        for ask, who in ((11, "Léa"), (12, "Tom")):
            await stores.desk.do(ask, reserve, ask, number(who), number("meal"), "2025-01-06", moment("09:00", FRIDAY))
        await stores.desk.do(13, cancel, 13, Wish(number("Tom"), number("Tilleuls"), MONDAY, By.PARENT, moment("10:00", FRIDAY)))
        tap = scan("Noé", "meal-till", "12:00", n=1)
        await stores.desk.do(tap.ask, take, tap)
        marks = tuple(stores.desk.books.sheet(number("Noé"), number("care"), 20250106).marks)
        done = await stores.desk.do(14, disown, 14, office, Place(number("Noé"), number("care"), 20250106), marks)
        assert done.refusal is None


def test_meals_are_tried_too_once_a_tariff_has_their_price_and_what_was_voided_is_not(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(_a_day_of_meals(folder))
    draft = '[[tariffs]]\nsite = "Les Tilleuls"\nproduct = "Repas"\nlines = [{ price = "5,00" }]\n'
    assert trying(folder, draft, "2025-01-06", "2025-01-06") == 0
    assert capsys.readouterr().out.replace("\u00a0", " ").splitlines() == [
        "1 stays; 1 that nobody ended are left out",
        "2 sales of meals and articles whose price stands in a tariff",
        "revenue: 11,25 € -> 12,25 € (+1,00 €)",
        "families: 2 pay more, 0 pay less, 0 the same",
        "bracket 10: 11,25 € -> 12,25 € (+1,00 €)",
        "most more: Quintelier: 4,50 € -> 5,00 € (+0,50 €)",
        "most more: Vanderzande: 6,75 € -> 7,25 € (+0,50 €)",
        "dearest: Léa Vanderzande, Repas, 2025-01-06: 4,50 € -> 5,00 € (+0,50 €)",
        "dearest: Noé Quintelier, Repas, 2025-01-06: 4,50 € -> 5,00 € (+0,50 €)",
    ]


def test_a_draft_that_no_tariff_can_be_made_of_is_refused_with_its_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert trying(folder, DRAFT.replace("60", "0"), "2025-01-06", "2025-01-06") == REFUSED
    assert "draft.toml:4: Garderie (Les Tilleuls), line 1: has a period of 0 minutes" in capsys.readouterr().err
