"""Pupils: found by any part of the name, and what their page tells of wallet, stays and badges."""

import re

import pytest

from hub.accounts import Role
from hub.core import facts as f
from hub.core.codes import Code, Reason, Stage
from hub.core.ledger import opening_account, sales_account, wallet_account
from hub.core.school import Custody, Pupil, Weeks
from hub.core.whys import Rule, Why
from hub.web import pupils
from hub.web.pupils import pupils_page
from tests.hub.web.conftest import MONDAY, Browser, Hub


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("", ["Hugo", "Léa", "Noé"]),
        ("lea", ["Léa"]),
        ("DUPONT", ["Hugo", "Léa"]),
        ("dup 2a", ["Hugo"]),
        ("5b", ["Léa", "Noé"]),
        ("noe  maes", ["Noé"]),
        ("zoé", []),
    ],
)
def test_pupils_are_found_by_parts_of_name_and_class(hub: Hub, question: str, found: list[str]) -> None:
    school = hub.desk.school
    assert [row.pupil.first_name for row in pupils_page(school, school.pupils.values(), question, MONDAY).rows] == found


async def test_the_list_comes_as_a_block_while_someone_types_and_as_a_page_without_javascript(anne: Browser) -> None:
    block = (await anne.get("/pupils?q=lea", **{"hx-request": "true"})).text
    page = (await anne.get("/pupils?q=lea")).text
    assert "<html" not in block
    assert block.strip() in page
    assert "Dupont Léa" in block
    assert "Hugo" not in block


async def test_a_name_nobody_has_is_said_and_harmless(anne: Browser) -> None:
    page = (await anne.get("/pupils?q=%3Cscript%3Ealert(1)")).text
    assert "Personne ne s’appelle" in page
    assert "<script>alert" not in page


async def test_a_long_list_is_cut_and_says_how_many_more(hub: Hub, anne: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pupils, "FOUND", 2)
    page = (await anne.get("/pupils")).text
    assert "1 autre" in page
    assert "Maes Noé" not in page


async def test_a_pupils_page_shows_the_wallet_of_the_household_and_why_a_charge_was_made(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    page = (await anne.get("/pupils/100")).text
    assert "10,25\u00a0€" in page
    assert "Solde de départ" in page
    assert "+++097/0000/00101+++" in page, "what a bank transfer to it has to say"
    assert "-2,25\u00a0€" in page
    assert "14:32–16:02, 3 périodes de 30 min" in " ".join(page.split())
    sibling = (await anne.get("/pupils/101")).text
    assert "Léa Dupont" in sibling, "a charge in a shared wallet says for whom it was"


async def test_a_pupils_page_shows_the_wallet_of_every_household_that_pays_in_its_turn_by_name(
    hub: Hub, anne: Browser, visitor: Browser
) -> None:
    await hub.desk.edit(77, lambda _school: (Custody(800, 100, 11, MONDAY, weeks=Weeks.ODD),))
    await hub.open_wallet()
    entries = (f.Entry(opening_account(1), -3300), f.Entry(wallet_account(501), 3300))
    await hub.book(f.WalletOpened(3, 501, 1, 11, hub.now_ms), f.BalanceOpened(3, 501, hub.now_ms, entries))
    page = (await anne.get("/pupils/100")).text
    assert re.findall(r"<h3>(.*?)</h3> <strong[^>]*><span class=\"money\">(.*?)</span>", page) == [
        ("Implantation du Parc · ménage Dupont-Lambert", "10,25\u00a0€"),
        ("Implantation du Parc · ménage Maes", "33,00\u00a0€"),
    ]
    assert "33,00" not in (await anne.get("/pupils/101")).text, "of whom the other household pays nothing"
    await visitor.sign_in_as("paul", frozenset({(Role.DOOR, 1)}))
    page = (await visitor.get("/pupils/100")).text
    assert ("Léa Dupont" in page, "33,00" in page) == (True, False), "who may not see money"


async def test_a_pupils_page_shows_what_a_settlement_run_has_posted(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    gathered = f.Charged(
        3, 601, 500, 10, 100, 1, 20, 75, hub.now_ms, Why(Rule.PERIODS, unit_tenths=750), Reason.NONE, (), stage=Stage.GATHERED
    )
    paid = (f.Entry(wallet_account(500), -75), f.Entry(sales_account(1, 20), 75))
    await hub.book(gathered)
    assert "-0,75\u00a0€" not in (await anne.get("/pupils/100")).text
    await hub.book(f.ChargesPosted(4, 500, 10, 1, 20, (601,), 75, hub.now_ms, paid))
    page = (await anne.get("/pupils/100")).text
    assert "-0,75\u00a0€" in page
    assert "9,50\u00a0€" in page


async def test_a_pupils_page_shows_open_and_closed_stays(hub: Hub, anne: Browser) -> None:
    yesterday_ms = hub.now_ms - 86_400_000
    await hub.book(
        f.StayOpened(7, 70, 100, 1, 20, yesterday_ms),
        f.StayClosed(7, 70, 100, 1, 20, yesterday_ms, yesterday_ms + 3_600_000, Reason.NO_EXIT),
    )
    await hub.tap(100, Code.IN)
    page = " ".join((await anne.get("/pupils/100")).text.split())
    assert "là depuis 16:02" in page
    assert "20/09/2026</span> 16:02–17:02" in page
    assert "Aucun départ scanné" in page


async def test_a_name_is_shown_as_it_is_and_never_as_markup(hub: Hub, anne: Browser) -> None:
    pupil = Pupil(103, 11, 2, "<b>Zoé", "O'Neil & Fils", "M1")
    await hub.desk.edit(77, lambda _school: (pupil,))
    page = (await anne.get("/pupils/103")).text
    assert "&lt;b&gt;Zoé O&#39;Neil &amp; Fils" in page
    assert "<b>Zoé" not in page


async def test_every_list_puts_names_in_the_order_people_look_for_them(hub: Hub, anne: Browser) -> None:
    """Accents and small letters stand where the letter stands: Çelik before Dupont, de Wit after it."""
    names = ("Çelik", "de Wit")
    await hub.desk.edit(88, lambda _school: tuple(Pupil(880 + n, 10, 1, "Ali", name, "5B") for n, name in enumerate(names)))
    till = "/till/caisse-parc/main/find"
    for path in ("/pupils", "/badges/print?group=5B", till, "/canteen/1/2026-09-22/orders?q=5b", "/diets/1?q=5b", "/setup"):
        text = (await anne.get(path)).text
        places = [max(text.find(f"{name} Ali"), text.find(f"Ali {name}")) for name in names]
        assert -1 < places[0] < places[1], path
