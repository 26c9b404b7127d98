"""The printed sheet: real PDF, real measures, and every code readable by a scanner that has never seen ours."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from hub.web.sheet import PER_SHEET, Card, SheetError, draw
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
