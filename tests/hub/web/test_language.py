"""Each is answered in a language of their own: a person in the account's, a visitor in what the browser asks for, a family in its own."""

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest

from hub.core.codes import Code
from hub.core.school import Adult, Device, FamilyFile, Reader, Site
from hub.web import language, sheet, statements
from hub.web.billing import Outcome, RunPage
from hub.web.letter import Family
from hub.web.own import PinPage
from hub.web.render import Pages
from hub.web.session import Sees
from hub.web.sheet import Card, Paper, Roster
from proto.messages import Direction, Use
from tests.hub.web.conftest import LEA_CODE, MONDAY, MONDAY_1602_MS, ZONE, Browser, Hub, sealed
from tests.hub.web.test_account import sign_in
from tests.hub.web.test_imports import bring
from tests.hub.web.test_pages import CONTEXTS
from tests.hub.web.test_rights import guarded, path_of
from tests.hub.web.test_till import TILL, sell, taps

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


async def test_every_page_is_said_in_every_language(hub: Hub, anne: Browser, visitor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """What each page showed in French is shown again in the others: the same page, in words of that language."""
    pages, shown = hub.app.state.pages, {}

    def text(spoken: str, template: str, values: Mapping[str, Any], block: str = "") -> str:
        if not block:
            shown[template] = values
        return Pages.text(pages, spoken, template, values, block)

    monkeypatch.setattr(pages, "text", text)
    await a_day(hub, anne)
    for path in [*(path_of(route) for route, policy in guarded(hub) if isinstance(policy, Sees)), *BESIDE]:
        await anne.get(path)
    for path in ("/sign-in", "/first/gone", "/invite/gone"):
        await visitor.get(path)
    await start_a_kiosk(hub, anne)
    frame = shown["board.html"]["frame"]
    for template, context in BY_HAND.items():
        shown[template] = {field.name: getattr(context, field.name) for field in fields(context)} | {"frame": frame}
    unseen = {template for template, context in CONTEXTS.items() if context} - set(shown)
    assert unseen == {"letter.html", *PAPERS}, "shown on no way above: add one to BESIDE, a_day or BY_HAND"
    for template, values in shown.items():
        for spoken in pages.languages:
            said = Pages.text(pages, spoken, template, {**values, "frame": replace(values["frame"], language=spoken)})
            assert f'<html lang="{spoken}"' in said, template


BESIDE = (
    "/account",
    "/account/second",
    "/account/second/codes",
    "/nowhere",
    "/badges/give?pupil=100",
    "/wallets/500/top-up",
    "/pupils/100/why/600",
)
BY_HAND: dict[str, Any] = {
    "pin.html": PinPage("/", True),
    "billing_run.html": RunPage(
        Site(1, "Parc", ZONE), "Anne", MONDAY_1602_MS, MONDAY, 1, 2, (Outcome("Garderie", 1, 225, 1, 0, ""),), False, False, (), 0
    ),
}
"""Pages that only a shared device and a run under way show."""
PAPERS = {"sheet.html": Paper.CARDS, "passes.html": Paper.PASSES, "paper.html": Paper.ROSTER}


@pytest.mark.parametrize("spoken", KNOWN)
def test_every_paper_is_printed_in_every_language(spoken: str) -> None:
    card, roster = Card("Léa", "Dupont", "5B", LEA_CODE), Roster("Garderie", "Parc", "21/09/2026", "20/09/2026", ())
    for paper in PAPERS.values():
        assert f'<html lang="{spoken}"' in sheet.as_html(roster if paper is Paper.ROSTER else [card], spoken, paper)


async def a_day(hub: Hub, anne: Browser) -> None:
    """Something of everything at the park: a wallet, a family file, an arrival, a sale, a list, somebody invited, a device handed over."""
    await hub.open_wallet()
    await hub.desk.edit(71, lambda _school: (FamilyFile(77, 10, MONDAY, None, 4),))
    await hub.tap(100, Code.IN)
    await anne.fill(TILL, f"{TILL}/desk", {"act": "open", "counted": "50,00"})
    assert await sell(anne, await taps(hub, 100), "30x1") == 303
    await anne.get(re.findall(rf"{TILL}/receipt/\d+", (await anne.get(TILL)).text)[0])
    await bring(anne, "Nom;Prénom;Classe;Implantation;Ménage\nClaes;Zoé;1A;Implantation du Parc;Claes\n")
    await anne.fill("/staff/new", "/staff/new", {"name": "Jo", "login": "jo", "post": "head:1"})
    await anne.post("/setup/devices/porte-parc", sealed((await anne.get("/")).text, "/sign-out"))


async def start_a_kiosk(hub: Hub, anne: Browser) -> None:
    """In her browser, which can do nothing else from then on."""
    kiosk = Reader("borne-parc", "main", "Borne", Use.KIOSK, Direction.IN)
    await hub.desk.edit(70, lambda _school: (Device("borne-parc", 1, "Borne"), kiosk))
    await anne.fill("/till", "/kiosk/borne-parc/main/start", {})
    await anne.get("/kiosk/borne-parc/main")
