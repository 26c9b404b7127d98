"""The paper roster in a real browser: printed, and typed in again."""

import pytest
from playwright.async_api import Browser, expect

from hub.core.timetable import Plan
from tests.hub.web.browsing import Complaints, looked_at, sign_in
from tests.hub.web.conftest import MONDAY, Hub

pytestmark = pytest.mark.browser


async def test_a_roster_is_printed_and_typed_in(hub: Hub, url: str, chromium: Browser) -> None:
    await hub.desk.edit(70, lambda _school: (Plan(71, 100, 20, MONDAY), Plan(72, 101, 20, MONDAY)))
    hub.now_ms = hub.at("17:45")
    await hub.hold(101, "15:45")
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(locale="fr-BE"), complaints)
    await page.goto(f"{url}/roster?programme=20&day=2026-09-21")
    async with page.expect_download(timeout=60_000) as coming:
        await page.get_by_role("button", name="Imprimer la liste").click(no_wait_after=True, timeout=60_000)
    assert (await (await coming.value).path()).read_bytes().startswith(b"%PDF")
    await page.get_by_label("Arrivée de Léa Dupont").fill("15:50")
    await page.get_by_label("Départ de Léa Dupont").fill("17:10")
    await page.get_by_role("button", name="Enregistrer ces heures").click()
    await expect(page.get_by_role("status").first).to_contain_text("2 heures sont enregistrées")
    await expect(page.get_by_text("15:50–17:10")).to_be_visible()
    await looked_at(page, "roster")
    assert complaints.texts == []
