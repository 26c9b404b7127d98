"""The words for people in their languages: .po files of a folder, compiled in memory (no build step), and English, that of the msgids."""

from functools import lru_cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path

ENGLISH = "en"
WORDS = Path(__file__).parent / "locales"
"""The catalogues of what is written without a page; those of the pages stand beside them."""


def languages(folder: Path) -> tuple[str, ...]:
    """Every language there is a catalogue of, and English."""
    return (*sorted(path.stem for path in folder.glob("*.po")), ENGLISH)


def catalogues(folder: Path) -> dict[str, NullTranslations]:
    """All of them, by language."""
    return {language: catalogue(folder, language) for language in languages(folder)}


@lru_cache
def catalogue(folder: Path, language: str) -> NullTranslations:
    """One of them. Babel, which reads it, is slow to import."""
    if language == ENGLISH:
        return NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po
    from babel.support import Translations

    with (folder / f"{language}.po").open("rb") as source:
        found = read_po(source, locale=language)
    compiled = BytesIO()
    write_mo(compiled, found)
    compiled.seek(0)
    return Translations(compiled)
