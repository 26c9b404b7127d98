"""Statements of families: chosen, shown, kept as PDF, and all of a site at once; nobody's of another site."""

from dataclasses import replace
from datetime import date

import pytest

from hub.accounts import Role
from hub.core import facts as f
from hub.core.codes import Clearing, Reason
from hub.core.ledger import clearing_account, opening_account, sales_account, wallet_account
from hub.core.whys import Rule, Why
from hub.web import statements
from hub.web.letter import Family, LetterError
from tests.hub.web.conftest import Browser, Hub, sealed


@pytest.fixture
async def owing(hub: Hub) -> Hub:
    """The Duponts owe 7,75 € at a site with an account; the Maes have 5 € at the other one."""
    await hub.desk.edit(7_001, lambda school: (replace(school.sites[1], iban="BE68539007547034", holder="École libre du Parc ASBL"),))
    await hub.open_wallet()
    back = (f.Entry(wallet_account(500), -1800), f.Entry(opening_account(1), 1800))
    await hub.book(f.BalanceOpened(9_001, 500, hub.now_ms, back))
    entries = (f.Entry(opening_account(2), -500), f.Entry(wallet_account(501), 500))
    await hub.book(f.WalletOpened(9_002, 501, 2, 11, hub.now_ms), f.BalanceOpened(9_002, 501, hub.now_ms, entries))
    return hub


async def test_a_statement_shows_every_line_with_its_class_and_how_to_pay(owing: Hub, anne: Browser) -> None:
    page = (await anne.get("/statements/10?site=1&first=2026-09&months=1")).text
    for words in ("Léa Dupont, Garderie", "extrascolaire", "-7,75\u00a0€", "BE68 5390 0754 7034", "+++ 097/0000/00101 +++", "ASBL"):
        assert words in page, words
    assert "Solde au soir du 21/09/2026" in page, "it is the 21st"
    before = (await anne.get("/statements/10?site=1&first=2026-08&months=1")).text
    assert "31/08/2026" in before
    assert "Rien n’a été comptabilisé" in before


async def test_what_was_paid_since_is_not_asked_for_again(owing: Hub, anne: Browser) -> None:
    """Of the 7,75 € that September lacks, 5,00 € came on 2 October: 2,75 € are left."""
    paid = (f.Entry(clearing_account(1), -500), f.Entry(wallet_account(500), 500))
    at_ms = owing.at("10:00", date(2026, 10, 2))
    await owing.book(f.Cleared(9_003, 500, 10, Clearing.TOP_UP, 500, at_ms, 0, Reason.NONE, paid))
    page = (await anne.get("/statements/10?site=1&first=2026-09&months=1")).text
    for words in ("-7,75\u00a0€", "Paiements depuis lors", "5,00\u00a0€", "2,75\u00a0€"):
        assert words in page, words
    both = (await anne.get("/statements/10?site=1&first=2026-09&months=2")).text
    assert "Paiements depuis lors" not in both, "they are lines of the two months"
    assert "2,75\u00a0€" in both


async def test_what_an_absence_costs_says_that_it_is_one(owing: Hub, anne: Browser) -> None:
    why = Why(Rule.ABSENCE, owing.now_ms, owing.now_ms, unit_tenths=2000)
    paid = (f.Entry(wallet_account(500), -200), f.Entry(sales_account(1, 20), 200))
    await owing.book(f.Charged(9_004, 604, 500, 10, 101, 1, 20, 200, owing.now_ms, why, Reason.NONE, paid, day=20260921))
    page = (await anne.get("/statements/10?site=1&first=2026-09&months=1")).text
    assert "Hugo Dupont, Garderie <small>absent</small>" in page
    assert page.count("<small>absent</small>") == 1


async def test_months_are_one_to_four_and_the_last_whole_one_by_itself(owing: Hub, anne: Browser) -> None:
    assert "01/08/2026–31/08/2026" in (await anne.get("/statements")).text
    assert "01/06/2026–30/09/2026" in (await anne.get("/statements?first=2026-06&months=9")).text
    assert "01/08/2026–31/08/2026" in (await anne.get("/statements?first=junk&months=0")).text
    assert statements._months(date(2026, 2, 28))[:3] == ("2026-02", "2026-01", "2025-12")


async def test_households_are_found_by_name_and_child(owing: Hub, anne: Browser) -> None:
    assert "Dupont-Lambert" in (await anne.get("/statements?site=1&q=hugo")).text
    assert "Personne ne s’appelle" in (await anne.get("/statements?site=1&q=zoulou")).text
    assert "Maes" not in (await anne.get("/statements?site=1")).text


async def test_all_families_of_a_site_are_drawn_behind_the_page_into_one_file(
    owing: Hub, anne: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[Family] = []

    async def drawn(families: list[Family], _language: str, told: object = None) -> bytes:
        got.extend(families)
        return b"%PDF of all"

    monkeypatch.setattr(statements, "draw", drawn)
    answer = await anne.fill("/statements?site=1&first=2026-09", "/statements/all/1", {})
    assert answer.status_code == 303
    await owing.app.state.prints.of[1].task
    page = (await anne.get("/statements?site=1")).text
    assert "Il contient 1 famille." in page
    assert (await anne.get("/statements/all/1/statements.pdf")).content == b"%PDF of all"
    assert [letter.owner for family in got for letter in family] == ["Dupont-Lambert"]
    assert got[0][0].payment.split("\n")[7:] == ["EUR7.75", "", "097000000101"]
    block = (await anne.get("/statements?site=1", **{"hx-request": "true"})).text
    assert "<html" not in block
    assert "Il contient" in block


async def test_a_file_that_could_not_be_drawn_is_said(owing: Hub, anne: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(*_: object) -> bytes:
        raise LetterError("no font")

    monkeypatch.setattr(statements, "draw", breaks)
    fields = sealed((await anne.get("/statements?site=1&first=2026-09")).text, "/statements/all/1")
    await anne.post("/statements/all/1", fields)
    await owing.app.state.prints.of[1].task
    assert "n’a pas pu être fait" in (await anne.get("/statements?site=1")).text
    assert (await anne.get("/statements/all/1/statements.pdf")).status_code == 404


async def test_statements_of_another_site_are_not_there(owing: Hub, visitor: Browser) -> None:
    await visitor.sign_in_as("eva", frozenset({(Role.BURSAR, 2)}))
    for path in (
        "/statements/10",
        "/statements/11?site=1",
        "/statements/10/statement.pdf",
        "/statements?site=1",
        "/statements/all/1/statements.pdf",
    ):
        assert (await visitor.get(path)).status_code == 404, path
    assert "Dupont" not in (await visitor.get("/statements")).text


async def test_a_head_looks_at_statements_and_makes_no_print_of_all(owing: Hub, visitor: Browser) -> None:
    await visitor.sign_in_as("jo", frozenset({(Role.HEAD, 1)}))
    page = (await visitor.get("/statements?first=2026-09")).text
    assert "Dupont-Lambert" in page
    assert "/statements/all/1" not in page
