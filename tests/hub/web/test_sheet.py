"""The printed sheet: real PDF, real measures, and every code readable by a scanner that has never seen ours."""

import asyncio
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from hub.core.paperroster import short_code
from hub.web.sheet import PER_SHEET, Card, Expected, Paper, Roster, SheetError, draw, draw_roster
from proto.badge import code

DPI = 300
CARDS = [Card(f"Prénom{n}", "Nom", "5B", code(bytes([n] * 10))) for n in range(PER_SHEET + 1)]
CARDS[1] = Card("Marie-Antoinette-Joséphine-Wilhelmine", "Vanden Broeck", "3e maternelle", CARDS[1].code)


def mm(pixels: float) -> float:
    return pixels / DPI * 25.4


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Image.Image]:
    """The sheets as a printer would put them on paper."""
    folder = tmp_path_factory.mktemp("sheet")
    (folder / "badges.pdf").write_bytes(asyncio.run(draw(CARDS, "fr")))
    pdftoppm = shutil.which("pdftoppm")
    assert pdftoppm, "install poppler-utils"
    subprocess.run([pdftoppm, "-r", str(DPI), "-gray", "-png", "badges.pdf", "page"], cwd=folder, check=True)
    return [_opened(path) for path in sorted(folder.glob("page*.png"))]


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.copy()


def test_eleven_cards_are_two_sheets_of_a4(pages: list[Image.Image]) -> None:
    assert len(pages) == 2
    assert [round(mm(side)) for side in pages[0].size] == [210, 297]


def test_a_scanner_reads_all_ten_codes_of_a_sheet(pages: list[Image.Image]) -> None:
    found = zxingcpp.read_barcodes(pages[0])
    assert sorted(read.text for read in found) == sorted(card.code for card in CARDS[:PER_SHEET])
    assert {read.ec_level for read in found} == {"Q"}


def test_codes_are_large_enough_and_cards_lie_as_far_apart_as_credit_cards(pages: list[Image.Image]) -> None:
    found = zxingcpp.read_barcodes(pages[0])
    corners = {read.text: read.position.top_left for read in found}
    first, right, below = (corners[CARDS[n].code] for n in (0, 1, 2))
    assert mm(right.x - first.x) == pytest.approx(85.6, abs=0.3)
    assert mm(below.y - first.y) == pytest.approx(53.98, abs=0.3)
    for read in found:
        symbol_mm = mm(read.position.top_right.x - read.position.top_left.x)
        assert symbol_mm * 33 / 25 >= 25, "25 modules of code and 4 of white on each side"


def test_no_card_leaves_a_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert asyncio.run(draw(CARDS[:1], "fr")).startswith(b"%PDF")
    assert not list(tmp_path.iterdir())


async def test_a_card_that_cannot_be_drawn_says_why() -> None:
    with pytest.raises(SheetError, match="DataOverflowError"):
        await draw([Card("Léa", "Dupont", "5B", "K" * 200)], "fr")


def _read(pdf: bytes, folder: Path) -> list[set[str]]:
    """The codes that a scanner finds on each page."""
    (folder / "one.pdf").write_bytes(pdf)
    pdftoppm = shutil.which("pdftoppm")
    assert pdftoppm
    subprocess.run([pdftoppm, "-r", "200", "-gray", "-png", "one.pdf", "one"], cwd=folder, check=True)
    return [{read.text for read in zxingcpp.read_barcodes(_opened(path))} for path in sorted(folder.glob("one*.png"))]


async def test_a_day_pass_is_a_label_each(tmp_path: Path) -> None:
    passes = [Card("Léa", "Dupont", "5B", card.code, "21/09/2026") for card in CARDS[:2]]
    assert _read(await draw(passes, "fr", Paper.PASSES), tmp_path) == [{card.code} for card in passes]


async def test_a_scanner_reads_the_codes_of_a_roster(tmp_path: Path) -> None:
    lines = tuple(Expected(f"Nom{n} Prénom", "5B", short_code(b"k" * 32, n, date(2026, 9, 21))) for n in range(30))
    roster = Roster("Implantation du Parc", "Garderie", "21/09/2026", "20/09/2026 17:00", lines)
    assert set().union(*_read(await draw_roster(roster, "fr"), tmp_path)) == {line.code for line in lines}
