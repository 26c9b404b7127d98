"""The menu: every word leads to a page, and is shown to exactly those who may open it."""

import pytest

from hub.web.chapters import CHAPTERS, Entry, chapters
from hub.web.rights import Right
from tests.hub.web.conftest import Hub
from tests.hub.web.test_rights import guarded

ENTRIES = [entry for entries in CHAPTERS for entry in entries]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.path)
async def test_a_word_of_the_menu_leads_to_a_page_with_the_same_right(hub: Hub, entry: Entry) -> None:
    (policy,) = (policy for route, policy in guarded(hub) if route.path == entry.path and "GET" in (route.methods or ()))
    assert policy.right is entry.right


@pytest.mark.parametrize(
    ("path", "chapter"),
    [
        ("/", "/"),
        ("/pupils/7", "/pupils"),
        ("/families", "/pupils"),
        ("/wallets/7", "/wallets"),
        ("/statements", "/wallets"),
        ("/trail", "/sites"),
    ],
)
def test_the_chapter_of_the_page_is_marked(path: str, chapter: str) -> None:
    assert [found.first for found in chapters(path, lambda entry: True) if found.current] == [chapter]


def test_no_chapter_is_marked_on_a_page_outside_the_menu() -> None:
    assert not any(found.current for found in chapters("/account", lambda entry: True))


def test_a_chapter_begins_with_the_first_page_that_may_be_opened() -> None:
    (menu,) = chapters("/", lambda entry: entry.path in ("/staff", "/trail"))
    assert (menu.first, menu.pages) == ("/sites", ("/staff", "/trail"))


def test_door_staff_see_no_page_that_only_others_can_use() -> None:
    shown = chapters("/", lambda entry: entry.right in (Right.TODAY, Right.PRESENCE, Right.PUPILS) and not entry.does)
    assert [chapter.pages for chapter in shown] == [("/",), ("/presence",), ("/pupils", "/families"), ("/roster",)]
