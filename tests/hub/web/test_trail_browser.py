"""The trail in a real browser: a parent asks who has looked at their child's wallet, and the head finds it and keeps it as a file."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from hub.accounts import EVERYWHERE, Role
from hub.core import facts as f
from hub.core.school import Custody, Weeks
from hub.core.trail import Step
from tests.hub.web.browsing import Complaints, looked_at, sign_in
from tests.hub.web.conftest import MONDAY, Hub

pytestmark = pytest.mark.browser
MARC, OLGA = 71, 72
DAY_MS = 86_400_000

SEEN = (
    (MARC, "GET /pupils/{pupil}", "pupil=100;"),
    (MARC, "GET /pupils/{pupil}/why/{charge}", "pupil=100;charge=600;"),
    (MARC, "GET /wallets/{wallet}", "wallet=500;"),
    (MARC, "POST /wallets/{wallet}/top-up refused", "wallet=500;"),
    (MARC, "POST /wallets/{wallet}/top-up", "wallet=500;"),
    (MARC, "GET /wallets/{wallet}", "wallet=501;"),
    (MARC, "POST /tariffs/{priced}", "priced=20;"),
    (OLGA, "POST /devices/{device}/locate", "device=porte-parc;"),
    (OLGA, "POST /badges/{badge}", "badge=1000;"),
    (OLGA, "POST /presence/day/{pupil}/{day}", "pupil=101;"),
    (OLGA, "POST /staff/{member}/end", "member=71;"),
)


async def days(hub: Hub) -> None:
    """Two colleagues who have worked since yesterday; Léa's other household pays in turn, from a wallet of its own."""
    await hub.open_wallet()
    await hub.book(f.WalletOpened(3, 501, 1, 11, hub.now_ms))
    await hub.desk.edit(77, lambda _school: (Custody(80, 100, 11, MONDAY, None, Weeks.EVEN),))
    await hub.accounts.add_staff(MARC, "marc", "Marc Économe", "no password", EVERYWHERE)
    await hub.accounts.add_staff(OLGA, "olga", "Olga Garderie", "no password", frozenset({(Role.DOOR, 1)}))
    yesterday = [Step(hub.now_ms - DAY_MS - n * 60_000, OLGA, "GET /pupils/{pupil}", "pupil=101;") for n in range(60, 0, -1)]
    today = [Step(hub.now_ms - (len(SEEN) - n) * 90_000, *step) for n, step in enumerate(SEEN)]
    await hub.office.trail.write([*yesterday, *today])


async def test_a_parent_is_told_who_looked_at_the_child_s_wallet(hub: Hub, url: str, chromium: Browser, tmp_path: Path) -> None:
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(accept_downloads=True), complaints)
    await days(hub)
    await page.get_by_role("link", name="Réglages").click()
    await page.get_by_role("link", name="Journal d’activité").click()
    await page.get_by_role("link", name="Plus anciennes").click()
    await expect(page.get_by_role("row").nth(1)).to_contain_text("Hugo Dupont")
    await page.get_by_label("Au sujet de quel élève").fill("lea dupnt")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Personne ne s’appelle")).to_be_visible()
    await page.get_by_label("Au sujet de quel élève").fill("lea dupont")
    await page.get_by_label("Qui", exact=True).select_option("Marc Économe")
    await page.get_by_label("Jour").fill("2026-09-21")
    await page.keyboard.press("Enter")
    rows = page.get_by_role("row")
    await expect(rows).to_have_count(1 + 6)
    await expect(rows.nth(1)).to_contain_text("a vu · Portefeuille Maes")
    await expect(rows.nth(2)).to_contain_text("a fait · Enregistrer un paiement reçu Dupont-Lambert")
    await expect(rows.nth(3)).to_contain_text("a essayé, sans effet")
    await looked_at(page, "trail")
    async with page.expect_download() as starting:
        await page.get_by_role("button", name="En tableau").click()
    await (await starting.value).save_as(tmp_path / "trail.csv")
    lines = (tmp_path / "trail.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "Quand;Qui;Quoi;Au sujet de"
    assert lines[1].endswith(";Marc Économe;a vu · Portefeuille;Maes")
    assert len(lines) == 1 + 6
    await rows.nth(6).get_by_role("link", name="Léa Dupont").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Léa Dupont")
    assert complaints.texts == []
