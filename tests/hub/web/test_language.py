"""Each is answered in a language of their own: a person in the account's, a visitor in what the browser asks for, a family in its own."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from hub.core.codes import Code
from hub.core.school import Adult
from hub.web import language, statements
from hub.web.letter import Family
from hub.web.render import Pages
from hub.web.session import Sees
from tests.hub.web.conftest import Browser, Hub
from tests.hub.web.test_account import sign_in
from tests.hub.web.test_rights import guarded, path_of

KNOWN = ("de", "fr", "nl", "en")


@pytest.mark.parametrize(
    ("header", "answered"),
    [
        ("", ""),
        ("nl", "nl"),
        ("nl-BE,nl;q=0.9,fr;q=0.8", "nl"),
        ("es-ES, de-AT;q=0.7, fr;q=0.5", "de"),
        ("fr;q=0.2, NL-be;q=0.7", "nl"),
        ("nl;q=0, fr;q=0.1", "fr"),
        ("tlh, *;q=0.5", ""),
        ("nl;q=x, ;;, fr;q=..9, de;q=0.9.9", ""),
        ("nl;q=-1", ""),
        ("nl;q=²", ""),
        (",".join(["tlh"] * 1000 + ["nl"]), ""),
    ],
)
def test_what_a_browser_asks_for(header: str, answered: str) -> None:
    assert language.accepted(header, KNOWN) == answered


def spoken(text: str) -> str:
    return text.partition('<html lang="')[2][:2]


async def test_a_visitor_reads_what_the_browser_asks_for_until_another_language_is_chosen(hub: Hub, visitor: Browser) -> None:
    dutch = {"accept-language": "nl-BE,nl;q=0.9,en;q=0.5"}
    assert spoken((await visitor.get("/sign-in")).text) == hub.office.language == "fr"
    assert "Aanmelden" in (await visitor.get("/sign-in", **dutch)).text
    await visitor.fill("/sign-in", "/language", {"language": "en"})
    assert spoken((await visitor.get("/sign-in", **dutch)).text) == "en"


async def test_the_language_of_the_account_goes_before_that_of_the_browser(hub: Hub, anne: Browser, visitor: Browser) -> None:
    await anne.fill("/", "/language", {"language": "nl"})
    await visitor.fill("/sign-in", "/language", {"language": "en"})
    await sign_in(visitor)
    assert "Vandaag" in (await visitor.get("/", **{"accept-language": "en"})).text


async def test_nobody_is_answered_in_a_language_that_is_not_there(hub: Hub, anne: Browser) -> None:
    await anne.fill("/", "/language", {"language": "tlh"})
    anne.http.cookies.set(language.COOKIE, "tlh")
    assert spoken((await anne.get("/")).text) == "fr"


async def test_a_family_gets_its_statement_in_its_own_language(hub: Hub, anne: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    await hub.open_wallet()
    mother, father = Adult(701, 10, "Eva", "Lambert", "eva@example.be", "nl"), Adult(700, 10, "Jo", "Dupont", "", "de")
    await hub.desk.edit(88, lambda _school: (mother, father))
    got: list[Family] = []

    async def drawn(families: list[Family], spoken: str, told: object = None) -> bytes:
        got.extend(families)
        assert spoken == hub.office.language, "of families that have none"
        return b"%PDF"

    monkeypatch.setattr(statements, "draw", drawn)
    await anne.get("/statements/10/statement.pdf?site=1&first=2026-09")
    assert [letter.language for (letter,) in got] == ["nl"], "who gets the letters decides"


async def test_every_page_is_said_in_every_language(hub: Hub, anne: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """What each page showed in French is shown again in the others: the same page, in words of that language."""
    pages, shown = hub.app.state.pages, {}

    def text(spoken: str, template: str, values: Mapping[str, Any], block: str = "") -> str:
        shown[template] = values
        return Pages.text(pages, spoken, template, values, block)

    monkeypatch.setattr(pages, "text", text)
    await a_day(hub, anne)
    for path in [*(path_of(route) for route, policy in guarded(hub) if isinstance(policy, Sees)), *OF_ONES_OWN]:
        await anne.get(path)
    assert len(shown) > 40
    for template, values in shown.items():
        for spoken in pages.languages:
            said = Pages.text(pages, spoken, template, {**values, "frame": replace(values["frame"], language=spoken)})
            assert f'<html lang="{spoken}"' in said, template


OF_ONES_OWN = ("/account", "/account/pin", "/account/second", "/sign-in", "/nowhere")


async def a_day(hub: Hub, anne: Browser) -> None:
    """Something of everything at the park."""
    await hub.open_wallet()
    await hub.tap(100, Code.IN)
