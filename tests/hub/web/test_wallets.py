"""Wallets: found, aged and kept as a file; money moves after a look at what it leads to, and never behind somebody's back."""

from dataclasses import replace
from datetime import date

import pytest

from hub.accounts import Role
from hub.core import facts as f
from hub.core.codes import Reason
from hub.core.ledger import opening_account, sales_account, wallet_account
from hub.core.school import Household, Pupil, WalletScope
from hub.core.whys import Rule, Why
from hub.web.table import amount, defused
from tests.hub.web.conftest import MONDAY_1602_MS, Browser, Hub, sealed

DAY_MS = 86_400_000


async def owe(hub: Hub, wallet: int, household: int, cents: int, days: int, site: int = 1) -> None:
    """A household that has been below zero for so many days."""
    at_ms = MONDAY_1602_MS - days * DAY_MS
    entries = (f.Entry(opening_account(site), cents), f.Entry(wallet_account(wallet), -cents))
    await hub.book(f.WalletOpened(wallet, wallet, site, household, at_ms), f.BalanceOpened(wallet, wallet, at_ms, entries))


async def sandwich(hub: Hub, charge: int = 601) -> None:
    """Léa's sandwich of 3,50 €."""
    paid = (f.Entry(wallet_account(500), -350), f.Entry(sales_account(1, 30), 350))
    why = Why(Rule.PRICE, unit_tenths=3500)
    await hub.book(f.Charged(charge, charge, 500, 10, 100, 1, 30, 350, hub.now_ms, why, Reason.NONE, paid, limit_day=20260921))


def taken_back(hub: Hub) -> f.Facts:
    """The charge of 2,25 € is in the wallet again."""
    entries = (f.Entry(wallet_account(500), 225), f.Entry(sales_account(1, 20), -225))
    return (f.Reversed(9_003, 600, 500, 2_25, hub.now_ms, Reason.TWICE, entries),)


async def asked(browser: Browser, path: str, **fields: str) -> str:
    """The page that shows what an act leads to."""
    answer = await browser.fill(path, path.split("?", maxsplit=1)[0], {"step": "try", **fields})
    assert answer.status_code == 200, answer.text
    return answer.text


async def confirmed(browser: Browser, path: str, **fields: str) -> str:
    """Done, and the wallet's page after it."""
    page = await asked(browser, path, **fields)
    action = path.split("?", maxsplit=1)[0]
    answer = await browser.post(action, {**sealed(page, action), "step": "do"})
    assert answer.status_code == 303, answer.text
    return (await browser.get(answer.headers["location"])).text


async def test_wallets_are_found_by_household_child_and_communication(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    await owe(hub, 501, 11, 12_50, 40, site=2)
    for question in ("dupont", "léa", "097 0000 00101", "+++097/0000/00101+++"):
        page = (await anne.get("/wallets?q=" + question.replace("+", "%2B"))).text
        assert "Dupont-Lambert" in page, question
        assert 'href="/wallets/501"' not in page, question
    assert "Aucun portefeuille" in (await anne.get("/wallets?q=zoulou")).text


async def test_debts_stand_by_age_and_each_age_can_be_listed(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    await owe(hub, 501, 11, 12_50, 40, site=2)
    page = (await anne.get("/wallets")).text
    assert "31 à 60 jours" in page
    assert "40 jours" in page
    listed = (await anne.get("/wallets?show=below&age=31-60")).text
    assert 'href="/wallets/501"' in listed
    assert 'href="/wallets/500"' not in listed
    assert 'href="/wallets/501"' not in (await anne.get("/wallets?show=below&age=0-30")).text


@pytest.mark.parametrize(
    ("show", "found"), [("below", {501}), ("limit", {501}), ("low", {502}), ("held", {500}), ("all", {500, 501, 502}), ("left", {501})]
)
async def test_the_list_shows_the_wallets_that_need_a_look(hub: Hub, anne: Browser, show: str, found: set[int]) -> None:
    await hub.open_wallet()
    noe = replace(hub.desk.school.pupils[102], left_day=date(2027, 7, 1))
    await hub.desk.edit(7_001, lambda _school: (Household(12, "Claes"), Pupil(112, 12, 1, "Ida", "Claes", "5B"), noe))
    await owe(hub, 501, 11, 12_50, 3, site=2)
    await owe(hub, 502, 12, -1_50, 3)
    await hub.book(f.HoldPlaced(9, 90, 500, 10, 0, 0, 100, hub.now_ms, hub.now_ms + DAY_MS))
    page = (await anne.get(f"/wallets?show={show}")).text
    assert {wallet for wallet in (500, 501, 502) if f'href="/wallets/{wallet}"' in page} == found


async def test_the_list_is_kept_as_a_file_that_spreadsheets_read(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(7_001, lambda school: (replace(school.households[11], name="=cmd()"),))
    await owe(hub, 501, 11, 1234_50, 40, site=2)
    answer = await anne.get("/wallets.csv")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    head, line = answer.text.removeprefix("\ufeff").split("\r\n")[:2]
    assert head.split(";")[:5] == ["Communication", "Implantation", "Ménage ou élève", "Portefeuille", "Solde"]
    assert line.split(";")[1:] == ["Implantation de la Gare", "'=cmd()", "", "-1234,50", "0,00", "-1234,50", "12/08/2026", "40"]
    assert (amount(-5), defused("@x"), defused("Léa")) == ("-0,05", "'@x", "Léa")


async def test_a_wallet_shows_its_entries_with_reason_author_and_why(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    await confirmed(anne, "/wallets/500/refund", amount="2,00", reason="overpaid")
    page = (await anne.get("/wallets/500")).text
    assert "8,25\u00a0€" in page
    assert "+++097/0000/00101+++" in page
    assert "Trop-perçu" in page
    assert "par Anne Leroy" in page
    assert "/pupils/100/why/600" in page


async def test_money_moves_only_after_its_outcome_was_shown(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    page = await asked(anne, "/wallets/500/refund", amount="2,00", reason="requested")
    assert "8,25\u00a0€" in page
    assert "Anne Leroy" in page
    assert hub.desk.books.balance_cents(wallet_account(500)) == 10_25
    action = "/wallets/500/refund"
    fields = {**sealed(page, action), "step": "do"}
    for _ in range(2):  # sent twice, one effect
        assert (await anne.post(action, fields)).status_code == 303
    assert hub.desk.books.balance_cents(wallet_account(500)) == 8_25


async def test_what_changed_between_the_look_and_the_act_is_said_and_nothing_is_booked(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    page = await asked(anne, "/wallets/500/refund", amount="2,00", reason="requested")
    await sandwich(hub)
    action = "/wallets/500/refund"
    answer = await anne.post(action, {**sealed(page, action), "step": "do"})
    assert answer.status_code == 409
    assert "changé entre-temps" in answer.text
    assert "4,75\u00a0€" in answer.text
    assert hub.desk.books.balance_cents(wallet_account(500)) == 6_75


@pytest.mark.parametrize(
    ("act", "typed", "said"),
    [
        ("refund", {"amount": "99,00", "reason": "requested"}, "10,25"),
        ("refund", {"amount": "deux", "reason": "requested"}, "montant"),
        ("refund", {"amount": "2,00"}, "motif"),
        ("hold", {"amount": "2,00", "until": "2020-01-01"}, "à venir"),
        ("hold", {"amount": "2,00", "until": "demain"}, "à venir"),
        ("top-up", {"amount": "-2,00"}, "montant"),
        ("take-back", {"reason": "twice", "charge": "600"}, "déjà"),
    ],
)
async def test_a_refused_act_keeps_what_was_typed(hub: Hub, anne: Browser, act: str, typed: dict[str, str], said: str) -> None:
    await hub.open_wallet()
    if act == "take-back":
        await hub.book(*taken_back(hub))
    path = f"/wallets/500/{act}" + ("?charge=600" if act == "take-back" else "")
    answer = await anne.fill(path, f"/wallets/500/{act}", {"step": "try", **typed})
    assert answer.status_code == 409
    assert said in answer.text
    assert 'role="alert"' in answer.text
    if "amount" in typed:
        assert f'value="{typed["amount"]}"' in answer.text


async def test_an_amount_is_set_aside_and_freed(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    page = await confirmed(anne, "/wallets/500/hold", amount="4,00", until="2026-10-01")
    assert "jusqu’au 01/10/2026" in page
    assert "6,25\u00a0€" in page
    assert "par Anne Leroy" in page
    (hold,) = hub.desk.books.holds[500]
    await confirmed(anne, f"/wallets/500/release?hold={hold}")
    assert 500 not in hub.desk.books.holds


async def test_a_leaver_gets_all_that_is_available(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    await confirmed(anne, "/wallets/500/payout", reason="leaver")
    assert hub.desk.books.balance_cents(wallet_account(500)) == 0


async def test_a_charge_is_taken_back_with_its_reason(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    await sandwich(hub)
    page = await confirmed(anne, "/wallets/500/take-back?charge=601", reason="wrong_product")
    assert "Produit erroné" in page
    assert "par Anne Leroy" in page
    assert hub.desk.books.balance_cents(wallet_account(500)) == 10_25
    assert hub.desk.books.charges[601].reversed


async def test_money_goes_to_the_reserve_where_wallets_are_the_pupils(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(7_001, lambda school: (replace(school.sites[1], wallet_scope=WalletScope.PUPIL),))
    entries = (f.Entry(opening_account(1), -2000), f.Entry(wallet_account(510), 2000))
    await hub.book(f.WalletOpened(1, 510, 1, 0, hub.now_ms, 100, "general"), f.BalanceOpened(1, 510, hub.now_ms, entries))  # type: ignore[arg-type]
    page = await confirmed(anne, "/wallets/510/transfer", amount="5,00", by="parent")
    assert "15,00\u00a0€" in page
    assert "réserve" in (await anne.get("/wallets")).text


async def test_a_charge_of_another_wallet_is_not_found_and_not_taken_back(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    await owe(hub, 501, 11, 12_50, 3, site=2)
    assert (await anne.get("/wallets/501/take-back?charge=600")).status_code == 404
    fields = sealed((await anne.get("/wallets/501/top-up")).text, "/wallets/501/top-up")
    assert (await anne.post("/wallets/501/take-back", {**fields, "charge": "600", "reason": "twice", "step": "do"})).status_code == 404
    assert not hub.desk.books.charges[600].reversed


async def test_wallets_of_another_site_are_not_there(hub: Hub, visitor: Browser) -> None:
    await hub.open_wallet()
    await owe(hub, 501, 11, 12_50, 3, site=2)
    await visitor.sign_in_as("eva", frozenset({(Role.BURSAR, 2)}))
    for path in ("/wallets/500", "/wallets/500/refund"):
        assert (await visitor.get(path)).status_code == 404
    for path in ("/wallets", "/wallets.csv"):
        text = (await visitor.get(path)).text
        assert "Dupont" not in text
        assert "Maes" in text


async def test_a_head_looks_at_wallets_and_changes_nothing(hub: Hub, visitor: Browser) -> None:
    await hub.open_wallet()
    await visitor.sign_in_as("jo", frozenset({(Role.HEAD, 1)}))
    page = (await visitor.get("/wallets/500")).text
    assert "10,25\u00a0€" in page
    assert "/wallets/500/refund" not in page
    assert (await visitor.get("/wallets/500/refund")).status_code == 403


async def test_a_refund_carries_a_note_and_a_document_that_can_be_erased_and_never_stand_in_the_journal(hub: Hub, anne: Browser) -> None:
    await hub.open_wallet()
    words = {"amount": "2,00", "reason": "requested", "note": "Papa a téléphoné.", "document": "mail du 3/9"}
    shown = await asked(anne, "/wallets/500/refund", **words)
    assert "Papa a téléphoné." in shown
    page = await confirmed(anne, "/wallets/500/refund", **words)
    assert "Papa a téléphoné." in page
    assert "mail du 3/9" in page
    fact = (await hub.history.entries_of(500, 1))[0]
    assert "téléphoné" not in repr(fact)
    note = sealed(page, "/wallets/500/note")
    assert (await hub.office.notes.noted([hub.desk.books.asks[fact.ask]]))[int(note["number"])].document == "mail du 3/9"
    assert (await anne.post("/wallets/500/note", note)).status_code == 303
    page = (await anne.get("/wallets/500")).text
    assert "Papa a téléphoné." not in page
    assert "2,00\u00a0€" in page, "the refund stays"
    assert (await anne.post("/wallets/500/note", {**note, "number": "99"})).status_code == 404


@pytest.mark.parametrize(("note", "said"), [("93.05.18-223.61", "registre national"), ("a" * 501, "trop long")])
async def test_a_note_that_may_not_be_kept_is_refused_and_nothing_is_booked(hub: Hub, anne: Browser, note: str, said: str) -> None:
    await hub.open_wallet()
    typed = {"step": "do", "amount": "2,00", "reason": "requested", "note": note}
    answer = await anne.fill("/wallets/500/refund", "/wallets/500/refund", typed)
    assert answer.status_code == 409
    assert said in answer.text
    assert hub.desk.books.balance_cents(wallet_account(500)) == 10_25
