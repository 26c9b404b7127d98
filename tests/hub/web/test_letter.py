"""Statements on paper: A4, tagged, one family after the other, and a payment code that a bank's application reads."""

import asyncio
import re
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
import zxingcpp
from msgspec.structs import replace
from PIL import Image

from hub.core.epc import payload
from hub.web.letter import AT_ONCE, Letter, LetterError, Row, _together, as_html, draw

LINE = Row("07/09/2026", "charge", "Léa Dupont", "Garderie", "outside_hours", 70, 3, -225, 600, 0)
PAYMENT = payload("École libre du Parc ASBL", "BE68539007547034", 12_50, 97_0000_00101)
DUE = Letter(
    owner="Dupont-Lambert",
    address="rue du Parc 1, 5000 Namur",
    site="École du Parc",
    site_address="rue des Écoles 2",
    children=("Léa Dupont", "Hugo Dupont"),
    compartment="",
    first="01/09/2026",
    last="30/09/2026",
    closed="30/09/2026",
    opening_cents=10_00,
    closing_cents=-12_50,
    lines=(LINE,) * 10,
    late=(),
    provisional=(LINE,),
    pilot=(),
    totals=(("outside_hours", 22_50),),
    reference=97_0000_00101,
    iban="BE68539007547034",
    holder="École libre du Parc ASBL",
    due_cents=12_50,
    payment=PAYMENT,
    contact="Mme Noël, 081 00 00 00",
)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two families in one file, the second of which owes nothing; how far it was is in `told`."""
    folder = tmp_path_factory.mktemp("letters")
    told: list[int] = []
    nothing_due = replace(DUE, owner="Maes", closing_cents=5_00, due_cents=0, payment="")
    (folder / "letters.pdf").write_bytes(asyncio.run(draw([(DUE,), (nothing_due,)], "fr", told.append)))
    assert told == [2]
    return folder / "letters.pdf"


def of(command: str, *arguments: str) -> str:
    found = shutil.which(command)
    assert found, "install poppler-utils"
    return subprocess.run([found, *arguments], check=True, capture_output=True, text=True).stdout


def test_statements_are_tagged_a4_in_one_file_each_family_on_its_own_page(drawn: Path) -> None:
    said = of("pdfinfo", str(drawn))
    assert "Tagged:          yes" in said
    assert "(A4)" in said
    assert "Pages:           2" in said
    first, second = (of("pdftotext", "-layout", "-f", page, "-l", page, str(drawn), "-") for page in "12")
    assert "Dupont-Lambert" in first
    assert "Maes" in second
    assert "Dupont-Lambert" not in second


def test_the_paper_says_object_and_class_of_each_line_and_how_to_pay(drawn: Path) -> None:
    text = of("pdftotext", "-layout", "-l", "1", str(drawn), "-")
    for words in (
        "Léa Dupont, Garderie",
        "extrascolaire",
        "12,50",
        "BE68 5390 0754 7034",
        "+++ 097/0000/00101 +++",
        "École libre du Parc ASBL",
    ):
        assert words in text, words


def test_the_payment_code_is_read_and_stands_only_where_something_is_due(drawn: Path) -> None:
    of("pdftoppm", "-r", "150", "-gray", "-png", str(drawn), str(drawn.parent / "page"))
    codes = []
    for path in sorted(drawn.parent.glob("page*.png")):
        with Image.open(path) as image:
            codes.append(zxingcpp.read_barcodes(image))
    ((code,), none) = codes
    assert code.text == PAYMENT
    assert code.ec_level == "M"
    assert none == []


@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_is_written_in_a_name_stays_text(language: str) -> None:
    html = as_html([(replace(DUE, owner="<script>alert(1)</script>"),)], language)
    assert "<script>alert" not in html
    assert f'lang="{language}"' in html


@pytest.mark.parametrize(("compartment", "words"), [("general", "portefeuille général"), ("reserve", "réserve"), ("", "")])
def test_of_a_pupils_two_wallets_each_paper_says_which_one_it_is_of(compartment: str, words: str) -> None:
    heading = as_html([(replace(DUE, compartment=compartment),)], "fr").partition("<h2>")[2].partition("</h2>")[0]
    assert "Léa Dupont, Hugo Dupont" in heading
    assert words in heading
    assert bool(compartment) == ("<small>" in heading)


def test_each_family_is_written_to_in_its_own_language_and_all_keep_their_order() -> None:
    dutch = replace(DUE, language="nl")
    families = [(DUE,), (dutch,), (dutch, dutch), (DUE,), *[(dutch,)] * (AT_ONCE + 1)]
    laid_out = list(_together(families, "fr"))
    assert [(language, len(some)) for language, some in laid_out] == [("fr", 1), ("nl", 2), ("fr", 1), ("nl", AT_ONCE), ("nl", 1)]
    assert [family for _, some in laid_out for family in some] == families


async def test_each_part_of_a_paper_of_several_families_says_its_own_language() -> None:
    """For who listens to it: a voice that reads Dutch as if it were French is understood by nobody."""
    drawn = await draw([(DUE,), (replace(DUE, language="nl"),), (replace(DUE, language="de"), replace(DUE, language="de"))], "fr")
    pieces = [zlib.decompress(piece) for piece in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", drawn, re.DOTALL) if piece[:1] == b"x"]
    objects = next(piece for piece in pieces if b"/StructElem" in piece)
    parts = re.findall(rb"/S /Art[^>]*/Lang \((\w+)\)", objects)
    assert parts == [b"fr", b"nl", b"de", b"de"]
    assert '<article lang="nl">' in as_html([(DUE,)], "nl")


async def test_a_drawing_that_fails_says_why() -> None:
    with pytest.raises(LetterError, match=r"IndexError|Traceback"):
        await draw([], "fr")
