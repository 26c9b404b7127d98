"""Wallets in a real browser: a secretary looks for a debt, and pays a family back with the keyboard."""

import pytest
from playwright.async_api import Browser, expect

from hub.core import facts as f
from hub.core.codes import Clearing, Reason
from hub.core.ledger import clearing_account, opening_account, wallet_account
from hub.core.school import Household, Pupil
from tests.hub.web.browsing import FIRST, LAST, Complaints, looked_at, sign_in
from tests.hub.web.conftest import Hub

pytestmark = pytest.mark.browser
DAY_MS = 86_400_000


async def families(hub: Hub) -> None:
    """Forty families with more or less money, and some who have owed it for long."""
    rows = [
        (Household(3_000 + n, LAST[n % 13]), Pupil(2_000 + n, 3_000 + n, 1, FIRST[n % 16], LAST[n % 13], f"{1 + n % 6}A"))
        for n in range(40)
    ]
    await hub.desk.edit(7_001, lambda _school: tuple(row for pair in rows for row in pair))
    await hub.open_wallet()
    for n in range(40):
        wallet, at_ms = 4_000 + n, hub.now_ms - (n * 3 + 1) * DAY_MS
        cents = (n * 731) % 6_000 - 1_500
        entries = (f.Entry(opening_account(1), -cents), f.Entry(wallet_account(wallet), cents))
        await hub.book(f.WalletOpened(wallet, wallet, 1, 3_000 + n, at_ms), f.BalanceOpened(wallet, wallet, at_ms, entries))
    back = (f.Entry(clearing_account(1), -2_000), f.Entry(wallet_account(500), 2_000))
    await hub.book(f.Cleared(9_500, 500, 10, Clearing.TOP_UP, 2_000, hub.now_ms - DAY_MS, 0, Reason.NONE, back))
    await hub.book(f.HoldPlaced(9_501, 9_501, 500, 10, 0, 0, 300, hub.now_ms, hub.now_ms + 9 * DAY_MS))


async def test_a_debt_is_found_and_a_family_is_paid_back_with_the_keyboard(hub: Hub, url: str, chromium: Browser) -> None:
    await families(hub)
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(), complaints)
    await page.goto(f"{url}/wallets")
    await looked_at(page, "wallets", whole=False)
    await page.get_by_role("link", name="61 à 90 jours").click()
    await expect(page.get_by_role("row")).not_to_have_count(1)
    await page.get_by_label("Lesquels").select_option("all")
    await page.get_by_role("searchbox").fill("")
    await page.goto(f"{url}/wallets")
    await page.get_by_role("searchbox").focus()
    await page.keyboard.type("lambert hugo")
    await expect(page.get_by_role("link", name="Dupont-Lambert")).to_be_visible()
    await page.get_by_role("link", name="Dupont-Lambert").focus()
    await page.keyboard.press("Enter")
    await looked_at(page, "wallet")
    await page.get_by_role("button", name="Rembourser").focus()
    await page.keyboard.press("Enter")
    await page.get_by_label("Montant en euros").focus()
    await page.keyboard.type("5,00")
    await page.get_by_label("Trop-perçu").check()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Solde après")).to_be_visible()
    await looked_at(page, "wallet-act")
    await page.get_by_role("button", name="Confirmer").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("faites maintenant le virement")
    assert hub.desk.books.balance_cents(wallet_account(500)) == 25_25
    assert complaints.texts == []
