"""The calendar in a real browser: the official holidays are put in, and the head adds a pedagogical day."""

from datetime import date

import pytest
from playwright.async_api import Browser, expect

from hub.core.calendar import DayKind
from hub.core.days import day_kind
from tests.hub.web.browsing import Complaints, looked_at, sign_in
from tests.hub.web.conftest import Hub

pytestmark = pytest.mark.browser


async def test_the_head_puts_the_holidays_in_and_adds_a_pedagogical_day(hub: Hub, url: str, chromium: Browser) -> None:
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(), complaints)
    await page.goto(f"{url}/calendar")
    await page.get_by_role("button", name="Proposer ceux de 2026–2027").click()
    await looked_at(page, "calendar-official")
    await page.get_by_role("button", name="Inscrire ceux qui sont cochés").click()
    await page.get_by_role("link", name="Implantation du Parc", exact=True).click()
    await page.locator("td[data-day='2026-10-05']").click()
    await page.get_by_label("Nom").fill("Journée pédagogique")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Ce que cela change")).to_be_visible()
    await looked_at(page, "calendar-change")
    await page.get_by_role("button", name="Enregistrer 1 jour").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("Enregistré")
    await looked_at(page, "calendar")
    assert day_kind(hub.desk.school, 1, date(2026, 10, 5)) is DayKind.PEDAGOGIC
    assert day_kind(hub.desk.school, 2, date(2026, 10, 5)) is DayKind.SCHOOL
    assert complaints.texts == []
