"""Tariffs in a real browser: the bursar raises the price of the morning care from 1 January, having tried it on last month."""

import re
from datetime import date

import pytest
from playwright.async_api import Browser, expect

from hub.core.calendar import instant_ms
from hub.core.formulas import Fixed, Line, Periods
from hub.core.school import Household, Pupil, Tariff
from hub.core.tariffs import tariff_on
from tests.hub.web.browsing import Complaints, looked_at, sign_in
from tests.hub.web.conftest import MONDAY, ZONE, Hub

pytestmark = pytest.mark.browser


async def a_month(hub: Hub) -> None:
    """Some children of ten families who were there on a day of September; today is in October."""
    families = [Household(3_000 + n, f"Famille {n}") for n in range(10)]
    pupils = [Pupil(2_000 + n, 3_000 + n // 2, 1, "Zoé" if n % 2 else "Tom", f"Famille {n // 2}", "3A") for n in range(12)]
    lines = (Line(Periods(Fixed(0), 30), "CPAS"), Line(Periods(Fixed(750), 30, 5), max_cents=6_00))
    await hub.desk.edit(7_001, lambda _school: (*families, *pupils, Tariff(40, 20, date.min, None, lines)))
    for n, pupil in enumerate(pupils):
        await hub.hold(pupil.id, f"16:{n:02d}", MONDAY)
        await hub.hold(pupil.id, f"17:{2 * n:02d}", MONDAY)
    hub.now_ms = instant_ms(date(2026, 10, 20), 600, ZONE)


async def test_the_price_of_care_is_raised_from_january_and_tried_on_last_month(hub: Hub, url: str, chromium: Browser) -> None:
    await a_month(hub)
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(), complaints)
    await page.goto(f"{url}/tariffs")
    await looked_at(page, "tariffs")
    await page.locator("a[href='/tariffs/20/edit']").click()
    await page.locator("#l1_price").fill("0,90")
    await looked_at(page, "tariff-edit")
    await page.locator("#l0_count").select_option("bands")
    await expect(page.locator("#l0b0_start")).to_be_visible()
    assert await page.locator("#l1_price").input_value() == "0,90"
    await page.get_by_label("Valable à partir du").fill("2027-01-01")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("Ligne 1.1, Montant")
    await page.get_by_role("button", name=re.compile(r"^Retirer la ligne\s:\sLigne 1$")).click()
    await page.get_by_role("button", name="Essayer d’abord").click()
    await page.get_by_role("button", name="Essayer pour ce mois").click()
    await expect(page.get_by_text("6 familles paieraient plus")).to_be_visible()
    await page.get_by_label("Nom ou classe").fill("zoé famille 3")
    await page.get_by_role("link", name="Zoé Famille 3").click()
    await page.locator(".chips a").first.click()
    await expect(page.get_by_role("heading", name="Avec les prix saisis")).to_be_visible()
    await looked_at(page, "tariff-try")
    await page.get_by_role("link", name="Retour aux prix saisis").click()
    await page.get_by_label("Valable à partir du").fill("2027-01-01")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("Enregistré")
    await looked_at(page, "tariff")
    found = tariff_on(hub.desk.school, 20, date(2027, 1, 1))
    assert found
    assert found.lines == (Line(Periods(Fixed(900), 30, 5), max_cents=6_00),)
    assert [text for text in complaints.texts if "409" not in text] == [], "a browser writes the refusal in its console"
