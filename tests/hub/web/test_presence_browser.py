"""The grid of a week in a real browser, with the keyboard alone; and every presence page in all its forms."""

from datetime import timedelta

import pytest
from playwright.async_api import Browser, expect

from hub.core.school import Pupil, Rows
from hub.core.timetable import AbsenceReason, Plan
from tests.hub.web.browsing import Complaints, looked_at, sign_in
from tests.hub.web.conftest import MONDAY, Hub

pytestmark = pytest.mark.browser

NAMES = ("Adam", "Emma", "Jade", "Jules", "Lina", "Louis", "Mila", "Nora", "Sacha", "Tom")


async def week(hub: Hub) -> None:
    """Two classes, most of them planned; a forgotten exit last Friday, an absence with its reason to choose."""
    pupils = [Pupil(300 + n, 10, 1, name, "Lambert" if n % 2 else "Martin", "5B") for n, name in enumerate(NAMES)]
    plans = [Plan(400 + n, 300 + n, 20, MONDAY, weekdays=frozenset({0, 1, 3})) for n in range(0, len(NAMES), 2)]
    rows: Rows = (*pupils, *plans, Plan(500, 100, 20, MONDAY), AbsenceReason(900, "Malade, avec certificat"))
    await hub.desk.edit(96, lambda _school: rows)
    await hub.hold(100, "15:35", MONDAY - timedelta(days=3))
    for n, clock in enumerate(("15:31", "15:33", "15:36", "15:50")):
        await hub.hold(300 + n, clock)
    await hub.hold(301, "15:58")
    await hub.wait_until("16:05")


async def test_a_week_is_corrected_with_the_keyboard_alone(hub: Hub, url: str, chromium: Browser) -> None:
    await week(hub)
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(locale="fr-BE"), complaints)
    press = page.keyboard.press
    await page.goto(f"{url}/presence?programme=20&group=5B&week=2026-09-21")
    await page.get_by_role("link", name="Dupont Léa").focus()
    await press("Tab")  # the grid is one stop, wherever one was in it
    await expect(page.locator("#c100-2026-09-21")).to_be_focused()
    await press("ArrowDown")
    await press("ArrowRight")
    await press("Home")
    await expect(page.locator("#c301-2026-09-21")).to_be_focused()  # Lambert Emma
    await press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Emma Lambert")
    add = page.locator("#sheet-20 form.add")
    await add.get_by_label("Ajouter").focus()
    await page.keyboard.type("une")  # an arrival, by its first letters
    await press("Tab")
    await page.keyboard.type("1601")
    await press("Enter")
    await expect(page.get_by_text("Votre correction")).to_contain_text("Emma Lambert")
    await expect(page.locator("#sheet-20")).to_contain_text("16:01–encore là")
    await page.get_by_role("link", name="La semaine").focus()
    await press("Enter")
    await expect(page.locator("#c301-2026-09-21")).to_be_focused()  # back where one was
    await expect(page.locator("#c301-2026-09-21")).to_contain_text("16:01–…")
    await page.get_by_role("button", name="Annuler").focus()
    await press("Enter")
    await expect(page.locator("#c301-2026-09-21")).not_to_contain_text("16:01")
    assert complaints.texts == []


async def test_the_pages_of_presence_fit_their_screens(hub: Hub, url: str, chromium: Browser) -> None:
    await week(hub)
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(locale="fr-BE"), complaints)
    pages = {
        "presence": "/presence?programme=20&week=2026-09-21",
        "day": "/presence/day/100/2026-09-18?at=20",
        "verification": "/presence/verify/20",
    }
    for word, path in pages.items():
        await page.goto(url + path)
        await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        await looked_at(page, word)
    assert complaints.texts == []
