"""The words for people: a folder of .po files for each language, compiled in memory (no build step), and English, that of the msgids.

Which file of its folder a text stands in is for people to find it: by the page that says it first.
"""

from functools import lru_cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path

ENGLISH = "en"
WORDS = Path(__file__).parent / "locales"
"""The catalogues of what is written without a page; those of the pages stand beside them."""


def languages(folder: Path) -> tuple[str, ...]:
    """Every language there is a catalogue of, and English."""
    return (*sorted(path.name for path in folder.iterdir() if path.is_dir()), ENGLISH)


@lru_cache
def catalogue(folder: Path, language: str) -> NullTranslations:
    """One of them. Babel, which reads it, is slow to import."""
    if language == ENGLISH:
        return NullTranslations()
    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po
    from babel.support import Translations

    whole = Catalog(locale=language)
    for path in sorted((folder / language).glob("*.po")):
        with path.open("rb") as source:
            for message in read_po(source, locale=language):
                if message.id:
                    whole[message.id] = message
    compiled = BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    return Translations(compiled)
