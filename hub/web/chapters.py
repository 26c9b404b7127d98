"""The menu: chapters of pages, in the order of a school's day. Its words stand in frame.html; it knows no page, only paths and rights."""

from collections.abc import Callable
from dataclasses import dataclass

from hub.web.rights import Right


@dataclass(frozen=True, slots=True)
class Entry:
    """A page of the menu."""

    path: str
    right: Right
    does: bool = False
    """Only for who may change something there, for pages that are of no use to others."""


CHAPTERS = (
    (Entry("/", Right.TODAY),),
    (Entry("/till", Right.TILL),),
    (Entry("/presence", Right.PRESENCE),),
    (
        Entry("/pupils", Right.PUPILS),
        Entry("/families", Right.PUPILS),
        Entry("/imports", Right.PUPILS, does=True),
        Entry("/promotion", Right.PUPILS, does=True),
    ),
    (Entry("/canteen", Right.MEALS), Entry("/products", Right.MEALS)),
    (Entry("/wallets", Right.MONEY), Entry("/billing", Right.MONEY), Entry("/statements", Right.MONEY)),
    (Entry("/reports", Right.REPORTS),),
    (Entry("/badges", Right.BADGES), Entry("/roster", Right.PRESENCE)),
    (Entry("/devices", Right.DEVICES),),
    (
        Entry("/sites", Right.SITES),
        Entry("/calendar", Right.SITES),
        Entry("/tariffs", Right.TARIFFS),
        Entry("/staff", Right.STAFF),
        Entry("/trail", Right.STAFF),
        Entry("/setup", Right.SITES, does=True),
    ),
)
"""Each chapter is called by its first page's path."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """A word of the menu, for one visitor."""

    first: str
    """Path of the chapter's first page, which names it, whether this visitor may open that page or not."""
    pages: tuple[str, ...]
    """Paths that this visitor may open; the word leads to the first."""
    current: bool
    """Whether the page that is shown belongs to it."""


def chapters(path: str, may: Callable[[Entry], bool]) -> tuple[Chapter, ...]:
    """The menu on the page `path`, for a visitor who may open what `may` says."""
    here = _entry_of(path)
    found = []
    for entries in CHAPTERS:
        pages = tuple(entry.path for entry in entries if may(entry))
        if pages:
            found.append(Chapter(entries[0].path, pages, here in entries))
    return tuple(found)


def _entry_of(path: str) -> Entry | None:
    """The entry that a page belongs to: the longest path that it starts with."""
    under = [entry for entries in CHAPTERS for entry in entries if path == entry.path or path.startswith(f"{entry.path}/")]
    return max(under, key=lambda entry: len(entry.path), default=None)
