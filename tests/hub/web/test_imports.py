"""Imports in the browser: a list is shown as what it would do, every bad line named, then done all or nothing as it was shown."""

import re
from html import unescape

import httpx2
import pytest

from hub.accounts import Role
from hub.core.imports import WANTED, Kind
from hub.core.ledger import wallet_account
from hub.core.lists import Line, Table, understood
from hub.web.render import LOCALES
from tests.hub.web.conftest import URL, Browser, Hub, sealed

PUPILS = """Nom;Prénom;Classe;Né le;Implantation;Ménage;Registre national
Claes;Zoé;1A;05/03/2018;Implantation du Parc;Claes;18.03.05-002.59
Dupont;Léa;6B;;Implantation du Parc;Dupont-Lambert;
"""


async def bring(browser: Browser, content: str | bytes, kind: str = "pupils") -> httpx2.Response:
    """Send a file; where it is a list, its preview."""
    fields = {**sealed((await browser.get("/imports")).text, "/imports"), "kind": kind}
    body = content.encode() if isinstance(content, str) else content
    answer = await browser.http.post("/imports", data=fields, files={"file": ("liste.csv", body, "text/csv")}, headers={"origin": URL})
    return await browser.get(answer.headers["location"]) if answer.status_code == 303 else answer


def path_of(preview: httpx2.Response) -> str:
    return preview.url.path


async def test_a_list_is_shown_and_then_done_as_it_was_shown(hub: Hub, anne: Browser) -> None:
    before = hub.desk.school
    preview = await bring(anne, PUPILS)
    assert preview.status_code == 200
    assert "Zoé Claes" in preview.text
    assert "5B → 6B" in preview.text
    assert "Registre national" in preview.text
    assert "05/03/2018" in preview.text
    assert "18.03.05" not in preview.text
    assert hub.desk.school is before
    fields = sealed(preview.text, path_of(preview))
    assert (await anne.post(path_of(preview), fields)).status_code == 303
    assert hub.desk.school.pupils[100].group == "6B"
    assert "Claes" in {pupil.last_name for pupil in hub.desk.school.pupils.values()}
    assert (await anne.post(path_of(preview), fields)).status_code == 303, "once more changes nothing"
    assert len(hub.desk.school.pupils) == 4
    assert "rien à faire" in (await anne.get(path_of(preview))).text


async def test_another_file_in_the_same_form_after_going_back_is_another_list(hub: Hub, anne: Browser) -> None:
    form = sealed((await anne.get("/imports")).text, "/imports")
    for name in ("Zoé", "Tom"):
        content = f"Nom;Prénom;Implantation;Ménage\nClaes;{name};Implantation du Parc;Claes {name}\n".encode()
        sent = await anne.http.post("/imports", data=form, files={"file": ("liste.csv", content)}, headers={"origin": URL})
        preview = await anne.get(sent.headers["location"])
        assert f"{name} Claes" in preview.text
        assert (await anne.post(path_of(preview), sealed(preview.text, path_of(preview)))).status_code == 303
    assert {"Zoé", "Tom"} <= {pupil.first_name for pupil in hub.desk.school.pupils.values()}


async def test_every_bad_line_is_named_and_nothing_is_written(hub: Hub, anne: Browser) -> None:
    before = hub.desk.school
    lines = ("Nom;Prénom;Né le;Implantation;Ménage", "Claes;Zoé;2018;Parc;Claes", "12;Tom;;Implantation du Parc;Claes", "Ok;Ok;;;Ok")
    preview = await bring(anne, "\n".join(lines))
    text = " ".join(preview.text.split())
    assert "<strong>ligne 2</strong>" in text
    assert "« Parc » est inconnu : les implantations sont Implantation de la Gare, Implantation du Parc" in text
    assert "« 12 » n’est pas un nom" in text
    assert 'action="/imports/' not in text, "there is no button to do it"
    secret = sealed((await anne.get("/imports")).text, "/imports")
    refused = await anne.post(path_of(preview), secret)
    assert refused.status_code == 409
    assert hub.desk.school is before


async def test_a_file_that_is_no_list_is_told_by_what_it_is(anne: Browser) -> None:
    assert "classeur" in (await bring(anne, b"PK\x03\x04 a workbook")).text
    assert "vide" in (await bring(anne, "\n\n")).text
    assert "Choisissez d’abord" in (await bring(anne, "")).text


async def test_opening_balances_are_for_those_who_book_money(hub: Hub, anne: Browser, visitor: Browser) -> None:
    money = "Ménage;Implantation;Solde\nDupont-Lambert;Implantation du Parc;12,50\n"
    await visitor.sign_in_as("jeanne", frozenset({(Role.HEAD, 1)}))
    assert "vous ne pouvez rien modifier" in (await bring(visitor, money, "balances")).text
    preview = await bring(anne, money, "balances")
    assert (await anne.post(path_of(preview), sealed(preview.text, path_of(preview)))).status_code == 303
    (wallet,) = hub.desk.books.owners
    assert hub.desk.books.balance_cents(wallet_account(wallet)) == 1250


async def test_a_list_that_speaks_of_another_site_is_refused_and_tells_nothing(hub: Hub, visitor: Browser) -> None:
    await visitor.sign_in_as("jeanne", frozenset({(Role.HEAD, 1)}))
    preview = await bring(visitor, "Nom;Prénom;Classe\nMaes;Noé;6B\n")
    assert "vous ne pouvez rien modifier" in preview.text
    assert "5B" not in preview.text
    answer = await visitor.post(path_of(preview), sealed((await visitor.get("/imports")).text, "/imports"))
    assert answer.status_code == 409
    assert hub.desk.school.pupils[102].group == "5B"


async def test_a_preview_is_its_owners_and_ends(hub: Hub, anne: Browser, visitor: Browser) -> None:
    path = path_of(await bring(anne, PUPILS))
    await visitor.sign_in_as("jeanne", frozenset({(Role.HEAD, 1)}))
    assert (await visitor.get(path)).status_code == 404
    hub.now_ms += 31 * 60_000
    gone = await anne.get(path)
    assert gone.status_code == 404
    assert "trop ancien" in gone.text


@pytest.mark.parametrize("language", LOCALES)
async def test_columns_called_as_the_page_names_them_are_understood(anne: Browser, language: str) -> None:
    anne.http.cookies.set("preau_language", language)
    told = re.findall(r"<dt>[^<]*</dt><dd>([^<]*)</dd>", (await anne.get("/imports")).text)
    for kind, line in zip(Kind, told, strict=True):
        heads = dict(zip(WANTED[kind], unescape(line).split(", "), strict=True))
        assert understood(Table(Line(1, tuple(heads.values())), ()), WANTED[kind], ()).heads == heads
