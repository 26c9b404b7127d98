"""Sheets of badge cards as PDF: credit-card size (ISO/IEC 7810 ID-1), ten to an A4, each with its QR code.

Drawing takes seconds of a core, so a process of its own does it: the hub's loop is never held. Codes go through a pipe, never
through a file or an argument that others on this machine could read.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

PER_SHEET = 10
"""Two by five on an A4: 171.2 mm by 269.9 mm, as the sheets sold for laser printers."""
LIMIT_S = 120
"""A Pi draws six sheets in a quarter of that."""
QUIET = 4
"""Modules of white around a QR code (ISO/IEC 18004)."""


class SheetError(Exception):
    """The cards could not be drawn; the text is what the drawing process said."""


@dataclass(frozen=True, slots=True)
class Card:
    """What is printed on one card. `code` is the whole badge code: keep it nowhere."""

    first_name: str
    last_name: str
    group: str
    code: str


@dataclass(frozen=True, slots=True)
class Code:
    """A QR code as a path of unit squares in a box of `size` modules, quiet zone included."""

    size: int
    path: str


@dataclass(frozen=True, slots=True)
class SheetPage:
    language: str
    sheets: tuple[tuple[tuple[Card, Code], ...], ...]


async def draw(cards: Sequence[Card], language: str) -> bytes:
    """The cards as PDF. Raises SheetError."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        __name__,
        language,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        drawn, said = await asyncio.wait_for(child.communicate(msgspec.json.encode(cards)), LIMIT_S)
    except BaseException:
        child.kill()
        await child.wait()
        raise
    if child.returncode or not drawn.startswith(b"%PDF"):
        raise SheetError(said.decode(errors="replace")[-2000:])
    return drawn


def main() -> None:
    """The drawing process: cards as JSON on stdin, PDF on stdout."""
    from weasyprint import HTML

    cards = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Card])
    sys.stdout.buffer.write(HTML(string=as_html(cards, sys.argv[1])).write_pdf())


def as_html(cards: Sequence[Card], language: str) -> str:
    """The sheets as a page to print at 100 %."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    room = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), undefined=StrictUndefined, autoescape=True)
    drawn = [(card, qr(card.code)) for card in cards]
    sheets = tuple(tuple(drawn[at : at + PER_SHEET]) for at in range(0, len(drawn), PER_SHEET))
    page = SheetPage(language, sheets)
    return room.get_template("sheet.html").render(language=page.language, sheets=page.sheets)


def qr(code: str) -> Code:
    """The QR code of a badge: level Q, so that a quarter of it may be scratched or dirty."""
    return _drawn(code, "Q", 2)


def square(text: str) -> Code:
    """The QR code of a text for a telephone at a screen: level M, as large as it has to be."""
    return _drawn(text, "M", None)


def _drawn(text: str, level: str, version: int | None) -> Code:
    import qrcode

    drawing = qrcode.QRCode(version=version, error_correction=getattr(qrcode.constants, f"ERROR_CORRECT_{level}"), border=QUIET)
    drawing.add_data(text)
    drawing.make(fit=version is None)
    modules = drawing.get_matrix()
    squares = (f"M{x} {y}h1v1h-1z" for y, row in enumerate(modules) for x, dark in enumerate(row) if dark)
    return Code(len(modules), "".join(squares))


if __name__ == "__main__":
    main()
