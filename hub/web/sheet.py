"""What is printed with QR codes: sheets of badge cards (ISO/IEC 7810 ID-1, ten to an A4), day passes on labels, a day's roster. As PDF.

Drawing takes seconds of a core, so a process of its own does it: the hub's loop is never held. Codes go through a pipe, never
through a file or an argument that others on this machine could read.
"""

import asyncio
import enum
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import msgspec

PER_SHEET = 10
"""Two by five on an A4: 171.2 mm by 269.9 mm, as the sheets sold for laser printers."""
LIMIT_S = 120
"""A Pi draws six sheets in a quarter of that."""
QUIET = 4
"""Modules of white around a QR code (ISO/IEC 18004)."""


class SheetError(Exception):
    """The cards could not be drawn; the text is what the drawing process said."""


class Paper(enum.StrEnum):
    """What is drawn: the template of each."""

    CARDS = "sheet.html"
    PASSES = "passes.html"
    ROSTER = "paper.html"


@dataclass(frozen=True, slots=True)
class Card:
    """What is printed on one card. `code` is the whole badge code: keep it nowhere. `until`: the day of a day pass, as people read it."""

    first_name: str
    last_name: str
    group: str
    code: str
    until: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """One line of a roster. `code`: the short code of this pupil on this day."""

    name: str
    group: str
    code: str


@dataclass(frozen=True, slots=True)
class Roster:
    """A day's roster of a programme, as people read it."""

    site: str
    programme: str
    day: str
    printed: str
    lines: tuple[Expected, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """A QR code as a path of unit squares in a box of `size` modules, quiet zone included."""

    size: int
    path: str


@dataclass(frozen=True, slots=True)
class SheetPage:
    language: str
    sheets: tuple[tuple[tuple[Card, Code], ...], ...]


@dataclass(frozen=True, slots=True)
class PassesPage:
    language: str
    passes: tuple[tuple[Card, Code], ...]


@dataclass(frozen=True, slots=True)
class RosterPaper:
    language: str
    roster: Roster
    lines: tuple[tuple[Expected, Code], ...]


async def draw(cards: Sequence[Card], language: str, paper: Paper = Paper.CARDS) -> bytes:
    """Cards or day passes as PDF. Raises SheetError."""
    return await _child(paper, language, cards)


async def draw_roster(roster: Roster, language: str) -> bytes:
    """A roster as PDF. Raises SheetError."""
    return await _child(Paper.ROSTER, language, roster)


async def _child(paper: Paper, language: str, content: object) -> bytes:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        __name__,
        paper.value,
        language,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        drawn, said = await asyncio.wait_for(child.communicate(msgspec.json.encode(content)), LIMIT_S)
    except BaseException:
        child.kill()
        await child.wait()
        raise
    if child.returncode or not drawn.startswith(b"%PDF"):
        raise SheetError(said.decode(errors="replace")[-2000:])
    return drawn


def main() -> None:
    """The drawing process: content as JSON on stdin, PDF on stdout."""
    from weasyprint import HTML

    paper, language = Paper(sys.argv[1]), sys.argv[2]
    sent = sys.stdin.buffer.read()
    content = msgspec.json.decode(sent, type=Roster) if paper is Paper.ROSTER else msgspec.json.decode(sent, type=list[Card])
    sys.stdout.buffer.write(HTML(string=as_html(content, language, paper)).write_pdf())


def as_html(content: Sequence[Card] | Roster, language: str, paper: Paper = Paper.CARDS) -> str:
    """The page to print at 100 %."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from hub.catalogues import catalogue

    here = Path(__file__).parent
    room = Environment(
        loader=FileSystemLoader(here / "templates"), undefined=StrictUndefined, autoescape=True, extensions=["jinja2.ext.i18n"]
    )
    room.install_gettext_translations(catalogue(here / "locales", language), newstyle=True)  # type: ignore[attr-defined]
    page = _page(content, language, paper)
    return room.get_template(paper.value).render({field.name: getattr(page, field.name) for field in fields(page)})


def _page(content: Sequence[Card] | Roster, language: str, paper: Paper) -> Any:
    if isinstance(content, Roster):
        return RosterPaper(language, content, tuple((line, square(line.code)) for line in content.lines))
    drawn = tuple((card, qr(card.code)) for card in content)
    if paper is Paper.PASSES:
        return PassesPage(language, drawn)
    return SheetPage(language, tuple(drawn[at : at + PER_SHEET] for at in range(0, len(drawn), PER_SHEET)))


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
