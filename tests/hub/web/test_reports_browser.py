"""Reports in a real browser: the bursar prepares the subsidy figures of a quarter, and keeps them as a file."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from hub.core import facts as f
from hub.core import till
from hub.core.calendar import day_code
from hub.core.codes import Reason
from hub.core.ledger import move, opening_account, sales_account, wallet_account
from hub.core.school import Household, Pupil
from hub.core.till import Cashier
from hub.core.whys import Rule, Why
from tests.hub.web.browsing import FIRST, LAST, Complaints, looked_at, sign_in
from tests.hub.web.conftest import Hub

pytestmark = pytest.mark.browser
CHILDREN = 60
FIRST_DAY = date(2026, 6, 1)
DAYS = 40


async def three_months(hub: Hub) -> None:
    """Sixty children, most of them in care most days; what they paid; a cash desk; some debts."""
    people = [
        (Household(3_000 + n, LAST[n % 13]), Pupil(2_000 + n, 3_000 + n, 1, FIRST[n % 16], LAST[n % 13], f"{1 + n % 6}A", born=_born(n)))
        for n in range(CHILDREN)
    ]
    await hub.desk.edit(7_001, lambda _school: tuple(row for pair in people for row in pair))
    await hub.open_wallet()
    facts: list[f.Fact] = []
    for days in range(DAYS):
        day = FIRST_DAY + timedelta(days=days)
        for n in range(CHILDREN):
            if day.weekday() < 5 and (n * 7 + days * 5) % 9 > 2:
                facts += _stay(hub, day, n, 10_000 + days * 100 + n)
    for fact in facts:
        await hub.book(fact)
    await _money(hub)


def _born(n: int) -> date | None:
    return None if n == 17 else date(2014 + n % 9, 1 + n % 12, 1 + n % 28)


def _stay(hub: Hub, day: date, n: int, ask: int) -> list[f.Fact]:
    """An afternoon in care or study, and its price."""
    programme, from_ms = (21 if n % 4 == 0 else 20), hub.at("15:35", day) + n * 40_000
    until_ms, cents = from_ms + (20 + n * 2) * 60_000, 75 + n % 4 * 75
    closed = f.StayClosed(ask, ask, 2_000 + n, 1, programme, from_ms, until_ms, day=day_code(day))
    why = Why(Rule.PERIODS, from_ms, until_ms, 60, 2, 30, 5, 750)
    entries = move(wallet_account(500), sales_account(1, programme), cents)
    return [closed, f.Charged(ask + 100_000, ask, 500, 10, 2_000 + n, 1, programme, cents, until_ms, why, Reason.NONE, entries)]


async def _money(hub: Hub) -> None:
    for n in range(12):
        wallet, at_ms = 4_000 + n, hub.now_ms - (n * 9 + 1) * 86_400_000
        entries = move(opening_account(1), wallet_account(wallet), 400 - n * 331)
        await hub.book(f.WalletOpened(wallet, wallet, 1, 3_000 + n, at_ms), f.BalanceOpened(wallet, wallet, at_ms, entries))
    for n in range(4):
        at_ms = hub.at("12:00", FIRST_DAY + timedelta(days=n))
        cashier, ask = Cashier("caisse-parc", 1, at_ms), 90_000 + n * 10
        await hub.desk.do(ask, till.open_desk, ask, cashier, 50_00)
        await hub.desk.do(ask + 1, till.pay_in, ask + 1, cashier, 2_003 + n, 10_00 + n * 5_00)
        await hub.desk.do(ask + 2, till.close_desk, ask + 2, Cashier("caisse-parc", 1, at_ms + 3_600_000), 60_00 + n * 5_00 - (n == 2) * 40)


async def _see(page: Page, url: str, path: str, word: str) -> None:
    await page.goto(f"{url}/reports/{path}")
    await looked_at(page, word)


async def test_the_bursar_prepares_the_subsidy_figures_of_a_quarter(hub: Hub, url: str, chromium: Browser, tmp_path: Path) -> None:
    await three_months(hub)
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(accept_downloads=True), complaints)
    await page.get_by_role("link", name="Rapports").click()
    await looked_at(page, "reports")
    await page.get_by_label("Implantation").select_option("Implantation du Parc")
    await page.get_by_label("Contenant le").fill("2026-06-15")
    await page.get_by_label("Période").select_option("quarter")
    await page.get_by_role("button", name="Afficher").click()
    await page.get_by_role("link", name="Présences pour les subsides").click()
    await expect(page.get_by_role("img", name="Jours de présence")).to_be_visible()
    await expect(page.get_by_text("1 enfant n’a pas de date de naissance")).to_be_visible()
    await page.get_by_label("Étude").uncheck()
    await page.get_by_role("button", name="Afficher").click()
    await expect(page.get_by_label("Garderie")).to_be_checked()
    await looked_at(page, "report-subsidies")
    async with page.expect_download() as starting:
        await page.get_by_role("button", name="Enregistrer en fichier").click()
    await (await starting.value).save_as(tmp_path / "subsides.csv")
    lines = (tmp_path / "subsides.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("Jour;Groupe d’âge;Jours de présence")
    together = lines[-1].split(";")
    row = page.get_by_role("table").first.get_by_role("row").last
    await expect(row.get_by_role("cell").nth(1)).to_have_text(together[2])
    await _see(page, url, "attendance?site=1&span=month&day=2026-06-15&programme=20", "report-attendance")
    await _see(page, url, "revenue?site=1&span=quarter&day=2026-06-15", "report-revenue")
    await page.emulate_media(media="print")
    await expect(page.get_by_role("table")).to_be_visible()
    await expect(page.get_by_role("button", name="Afficher")).to_be_hidden()
    await page.emulate_media(media="screen")
    await _see(page, url, "cash?site=1&span=month&day=2026-06-15", "report-cash")
    await _see(page, url, "debts?site=1", "report-debts")
    assert complaints.texts == []
