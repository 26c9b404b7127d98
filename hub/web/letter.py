"""Statements as PDF: A4, tagged for those who listen to them (PDF/UA-1), each with its payment code.

Drawing takes seconds of a core, so a process of its own does it, as for badges (sheet.py). What is on them goes through a pipe.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from hub.core.epc import in_fours
from hub.core.references import printed

LIMIT_S = 900
"""A Pi draws a thousand families in less."""
AT_ONCE = 10
"""Families laid out together: between two of these it is said how far it is."""
QUIET = 4
"""Modules of white around a QR code (ISO/IEC 18004)."""


class LetterError(Exception):
    """The statements could not be drawn; the text is what the drawing process said."""


class Row(Struct, frozen=True):
    """A line as it is read: `kind` and `legal` are codes the template has words for. `charge`, `instead`: numbers, 0 = none."""

    day: str
    kind: str
    child: str
    what: str
    legal: str
    minutes: int
    units: int
    cents: int
    charge: int
    instead: int
    absent: bool = False


class Letter(Struct, frozen=True):
    """The statement of one wallet for one household. `due_cents` > 0 is asked for; `payment`: the text of its code, empty = none.

    `closed`: the day of the closing balance, the last one or today: nobody knows a balance of a day to come.
    """

    owner: str
    address: str
    site: str
    site_address: str
    children: tuple[str, ...]
    compartment: str
    first: str
    last: str
    closed: str
    opening_cents: int
    closing_cents: int
    lines: tuple[Row, ...]
    late: tuple[Row, ...]
    provisional: tuple[Row, ...]
    pilot: tuple[Row, ...]
    totals: tuple[tuple[str, int], ...]
    reference: int
    iban: str
    holder: str
    due_cents: int
    payment: str
    contact: str
    language: str = ""
    """Of the family; empty = that of the print."""
    since_cents: int = 0
    """Paid in after the last day; below zero: paid out."""

    @property
    def communication(self) -> str:
        """As it is written on paper, set apart: `+++ 097/0000/00101 +++`."""
        return f"+++ {printed(self.reference).strip('+')} +++"

    @property
    def account(self) -> str:
        """The IBAN in fours."""
        return in_fours(self.iban)


class Code(Struct, frozen=True):
    """A QR code as a path of bars one unit high in a box of `size` modules, quiet zone included."""

    size: int
    path: str


@dataclass(frozen=True, slots=True)
class LetterPage:
    """What the template of the paper has: statements, each with the code to pay it, None where nothing is due."""

    language: str
    letters: tuple[tuple[Letter, Code | None], ...]


Family = tuple[Letter, ...]
"""The statements of one household: they begin on a page of their own."""


async def draw(families: Sequence[Family], language: str, told: Callable[[int], None] = lambda _done: None) -> bytes:
    """One PDF of all families, each in its own language, or in `language` where it has none; `told` hears how many are laid out.

    Raises LetterError.
    """
    piped = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", __name__, language, stdin=piped, stdout=piped, stderr=piped)
    try:
        drawn, said = await asyncio.wait_for(_talk(child, msgspec.json.encode(families), told), LIMIT_S)
    except BaseException:
        if child.returncode is None:
            child.kill()
        await child.wait()
        raise
    if child.returncode or not drawn.startswith(b"%PDF"):
        raise LetterError(said[-2000:])
    return drawn


async def _talk(child: asyncio.subprocess.Process, wanted: bytes, told: Callable[[int], None]) -> tuple[bytes, str]:
    """Hand over what is wanted, and listen to both: a number on its own line is how far it is, anything else a complaint."""
    assert child.stdin is not None, "piped"
    assert child.stdout is not None, "piped"
    drawing = asyncio.ensure_future(child.stdout.read())
    listening = asyncio.ensure_future(_listen(child, told))
    child.stdin.write(wanted)
    child.stdin.close()
    drawn, said = await drawing, await listening
    await child.wait()
    return drawn, said


async def _listen(child: asyncio.subprocess.Process, told: Callable[[int], None]) -> str:
    assert child.stderr is not None, "piped"
    said = ""
    async for line in child.stderr:
        text = line.decode(errors="replace").strip()
        if text.isdecimal():
            told(int(text))
        else:
            said += text + "\n"
    return said


def main() -> None:
    """The drawing process: families as JSON on stdin, PDF on stdout, how many are laid out on stderr."""
    from weasyprint import HTML
    from weasyprint.text.fonts import FontConfiguration

    families = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Family])
    papers, spoken, fonts, done = [], list[str](), FontConfiguration(), 0
    for language, some in _together(families, sys.argv[1]):
        papers.append(HTML(string=as_html(some, language)).render(font_config=fonts))
        spoken += [language] * len(papers[-1].pages)
        done += len(some)
        print(done, file=sys.stderr, flush=True)
    pages = [page for paper in papers for page in paper.pages]
    sys.stdout.buffer.write(papers[0].copy(pages).write_pdf(finisher=partial(_speak, spoken), pdf_variant="pdf/ua-1"))


def _speak(spoken: Sequence[str], _document: Any, pdf: Any) -> None:
    """Say of each family's part in which language it is (ISO 14289-1, 7.2): the paper as a whole says the first one's."""
    languages, text = dict(zip(pdf.page_references, spoken, strict=True)), type(pdf.catalog["Lang"])
    for part in pdf.objects:
        if isinstance(part, dict) and part.get("S") == "/Art":
            part["Lang"] = text(languages[part["Pg"]])


def _together(families: Sequence[Family], language: str) -> Iterator[tuple[str, Sequence[Family]]]:
    """Families that are laid out at once: neighbours of one language."""
    for spoken, neighbours in groupby(families, lambda family: family[0].language or language):
        some = list(neighbours)
        for first in range(0, len(some), AT_ONCE):
            yield spoken, some[first : first + AT_ONCE]


def as_html(families: Sequence[Family], language: str) -> str:
    """The statements of some families as a page to print, in one language."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from hub.catalogues import catalogue
    from hub.core.money import write_cents

    here = Path(__file__).parent
    room = Environment(
        loader=FileSystemLoader(here / "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    room.install_gettext_translations(catalogue(here / "locales", language), newstyle=True)  # type: ignore[attr-defined]
    room.filters["money"] = write_cents
    letters = tuple((letter, qr(letter.payment) if letter.payment else None) for family in families for letter in family)
    page = LetterPage(language, letters)
    return room.get_template("letter.html").render(language=page.language, letters=page.letters)


def qr(text: str) -> Code:
    """The QR code of a payment: level M, at most version 13 (EPC069-12), one piece of bytes."""
    import qrcode

    drawing = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=QUIET)
    drawing.add_data(text.encode(), optimize=0)
    drawing.make(fit=True)
    modules = drawing.get_matrix()
    bars = (f"M{x} {y}h{width}v1h-{width}z" for y, row in enumerate(modules) for x, width in _bars(row))
    return Code(len(modules), "".join(bars))


def _bars(row: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Where dark modules follow each other, and how many: half as much to draw as one by one."""
    first = 0
    for dark, modules in groupby(row):
        width = len(list(modules))
        if dark:
            yield first, width
        first += width


if __name__ == "__main__":
    main()
