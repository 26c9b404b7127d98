"""Every text is there in every language, once, with its variables and its plurals; and no language is English under another name."""

import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest
from babel.messages import Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import hub.web
from hub.catalogues import ENGLISH, WORDS, languages
from hub.core.people import LANGUAGES
from hub.web.render import LOCALES, ROOM, Pages

PAGES = ROOM / "locales"
VARIABLES = re.compile(r"%(?:\(\w+\)[sd]|.)")
TRANSLATED = sorted(set(LANGUAGES) - {ENGLISH})
GLUED = re.compile(r"[}%]\}(?:</\w+>)*:(?=[\s<])")
"""What a template says, and a colon right after it."""
BREAKS = re.compile("[ \\u202f](?:[:;!?»€]|%%)|«(?!\\u00a0)|\\w[;!?»]")
"""A mark of French without its no-break space (one kind, as keyboards set it): alone at the head of a line it is read as something else."""
A_NAME = 3
"""So many words may be the same in two languages: a name, a unit, a brand."""
Key = str | tuple[str, ...]


def test_there_is_a_catalogue_of_every_language_that_a_family_or_a_person_may_have() -> None:
    assert set(languages(PAGES)) == set(languages(WORDS)) == set(LANGUAGES) == set(LOCALES)


def of_pages() -> set[Key]:
    """What templates say, what is said without one, and the sentences of why a price is what it is."""
    found = extract_from_dir(
        PAGES.parent / "templates",
        method_map=[("**.html", "jinja2.ext.babel_extract")],
        options_map={"**.html": {"silent": "false", "newstyle_gettext": "true"}},
        keywords={"_": None, "gettext": None, "ngettext": (1, 2)},
    )
    told = extract_from_dir(WORDS.parent, method_map=[("**/why.py", "python")], keywords={"Sentence": (1,)})
    said = extract_from_dir(PAGES.parent, method_map=[("**.py", "python")], keywords={"gettext": None, "word": None})
    return {message if isinstance(message, str) else tuple(message) for _, _, message, _, _ in (*found, *told, *said)}


def of_letters() -> set[Key]:
    """What is written to families without a page."""
    rooms = [("*.py", "python"), ("**", "ignore")]
    found = extract_from_dir(WORDS.parent, method_map=rooms, keywords={"_": None})
    return {message if isinstance(message, str) else tuple(message) for _, _, message, _, _ in found}


def entries(folder: Path, language: str) -> Iterator[tuple[str, Message]]:
    """Every entry of a language, and the name of its file."""
    for path in sorted((folder / language).iterdir()):
        with path.open("rb") as source:
            catalogue = read_po(source, locale=language)
        assert catalogue.num_plurals == 2, f"{path.name} of {language}: the plural forms of its head"
        for message in catalogue:
            if message.id:
                yield path.name, message


def forms(message: Message) -> list[tuple[str, str]]:
    """The English text and its translation: one pair, or those of one and of many."""
    if isinstance(message.id, str):
        assert isinstance(message.string, str)
        return [(message.id, message.string)]
    assert not isinstance(message.string, str)
    return list(zip(message.id, message.string or (), strict=True))


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize(("folder", "said"), [(PAGES, of_pages), (WORDS, of_letters)], ids=["pages", "letters"])
def test_a_catalogue_has_every_text_once_and_no_other(folder: Path, said: Callable[[], set[Key]], language: str) -> None:
    known: dict[Key, str] = {}
    for name, message in entries(folder, language):
        key = message.id if isinstance(message.id, str) else tuple(message.id)
        assert key not in known, f"{key!r} stands in {name} and in {known[key]}: one is enough"
        known[key] = name
        assert not message.fuzzy
    wanted = said()
    missing, idle = wanted - set(known), set(known) - wanted
    assert not missing, f"{language} has no word for: {missing}"
    assert not idle, f"nobody asks {language} for: {idle}"


def test_a_colon_after_a_word_is_set_as_the_language_does_and_glued_to_it_nowhere() -> None:
    pages = Pages()
    said = {language: pages.room(language).from_string("{{ marks.colon('A & B') }}").render() for language in sorted(LANGUAGES)}
    assert said == {"de": "A &amp; B:", "en": "A &amp; B:", "fr": "A &amp; B\u00a0:", "nl": "A &amp; B:"}
    glued = [path.name for path in sorted((ROOM / "templates").iterdir()) if GLUED.search(path.read_text(encoding="utf-8"))]
    assert not glued, "ask marks.colon: French has a space before it"


def test_a_mark_of_french_never_stands_alone_at_the_head_of_a_line() -> None:
    said = [(name, text) for folder in (PAGES, WORDS) for name, message in entries(folder, "fr") for _, text in forms(message)]
    assert len([text for _, text in said if "\u00a0" in text]) > 300
    assert not [f"{name}: {text}" for name, text in said if BREAKS.search(text)]


def test_every_column_of_a_file_to_keep_has_its_word() -> None:
    known = {message.id for _, message in entries(PAGES, "fr")}
    headers = {room.name: getattr(import_module(room.name), "HEADER", ()) for room in walk_packages(hub.web.__path__, "hub.web.")}
    assert sum(map(bool, headers.values())) > 5
    assert {word for header in headers.values() for word in header} <= known


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_is_one_and_has_the_variables_of_its_text(language: str) -> None:
    for folder in (PAGES, WORDS):
        for name, message in entries(folder, language):
            for text, translated in forms(message):
                where = f"{name} of {language}: {text!r}"
                assert translated.strip() == translated != "", where
                assert translated != text or len(text.split()) <= A_NAME, f"{where} is English still"
                wanted, found = sorted(VARIABLES.findall(text)), sorted(VARIABLES.findall(translated))
                # Of one thing its number may be said in words.
                assert found == wanted or (message.pluralizable and sorted([*found, "%(num)s"]) == wanted), where
