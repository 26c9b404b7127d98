"""Every page of the menu on a telephone of 360 px and with letters of twice the size, and the way through a page by Tab."""

import pytest
from playwright.async_api import Browser, Page

from hub.core.school import Reader
from hub.web.chapters import CHAPTERS
from proto.messages import Direction, Use
from tests.hub.web.browsing import Complaints, populate, sign_in
from tests.hub.web.conftest import Hub

pytestmark = pytest.mark.browser

FORMS = ((360, 100), (640, 200))
"""Width in px, size of letters in %: 640 px at 200 % are the 320 px of WCAG 1.4.10."""
INSIDE = ("/pupils/100", "/families/10", "/present/20", "/evacuation/1", "/till/caisse-parc/main", "/account", "/badges/print?group=5B")
"""Of the pages that others lead to: those with the most on them."""
SIDEWAYS = """() => {
  const page = document.documentElement, over = page.scrollWidth - page.clientWidth;
  if (over <= 0) return "";
  const all = [...document.querySelectorAll("main *, header *, footer *")];
  const wide = all.find((one) => one.getBoundingClientRect().right > page.clientWidth + 1);
  return `${over} px too wide, at ${wide ? wide.outerHTML.slice(0, 120) : "nothing"}`;
}"""
WHERE = """() => {
  const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")].filter(
    (one) => !one.disabled && one.type !== "hidden" && one.tabIndex >= 0 && one.checkVisibility({visibilityProperty: true}));
  const here = document.activeElement, out = here === document.body || here === null;
  return [all.length, out ? "out" : here === all[0] ? "first" : here === all.at(-1) ? "last" : "inside"];
}"""
"""How many elements can have the focus, and which one has it."""


async def test_no_page_of_the_menu_sticks_out_on_a_telephone_or_with_large_letters(hub: Hub, url: str, chromium: Browser) -> None:
    await populate(hub)
    page = await sign_in(hub, url, await chromium.new_context(), Complaints())
    paths = [*(entry.path for chapter in CHAPTERS for entry in chapter), *INSIDE]
    assert len(paths) > 15
    wrong = []
    for path in paths:
        await page.goto(url + path, wait_until="domcontentloaded")
        for width, letters in FORMS:
            await page.set_viewport_size({"width": width, "height": 800})
            await page.evaluate(f"document.documentElement.style.fontSize = '{letters}%'")
            found = await page.evaluate(SIDEWAYS)
            if found:
                wrong.append(f"{path} at {width} px, {letters} %: {found}")
    assert not wrong, "\n".join(wrong)


async def test_tab_leads_through_every_page_of_the_day_and_out_of_it(hub: Hub, url: str, chromium: Browser) -> None:
    await populate(hub)
    await hub.desk.edit(95, lambda _school: (Reader("caisse-parc", "borne", "Borne", Use.KIOSK, Direction.IN),))
    page = await sign_in(hub, url, await chromium.new_context(), Complaints())
    for path in ("/", "/till/caisse-parc/main", "/till/caisse-parc/main/find", "/presence?programme=20"):
        await page.goto(url + path)
        await _goes_through(page, path)
    await page.goto(f"{url}/till")
    await page.get_by_role("button", name="Borne").click()
    await page.wait_for_url("**/kiosk/**")
    await _goes_through(page, "the kiosk where nobody stands")


async def _goes_through(page: Page, name: str) -> None:
    """Tab comes from the first element to the last one and out of the page, to the browser's bar. What scrolls has a stop of its own."""
    await page.evaluate("getSelection().removeAllRanges()")
    await page.locator("body").evaluate("(body) => { body.tabIndex = -1; body.focus(); body.removeAttribute('tabindex'); }")
    count, _ = await page.evaluate(WHERE)
    stops: list[str] = []
    while "out" not in stops and len(stops) < 2 * count + 10:
        await page.keyboard.press("Tab")
        stops.append((await page.evaluate(WHERE))[1])
    assert stops[0] == ("first" if count else "out"), f"{name}: Tab begins {stops[0]}"  # a kiosk where nobody stands has nothing to press
    assert not count or stops[-2:] == ["last", "out"], f"{name}: after {len(stops)} steps through {count} elements Tab is {stops[-2:]}"
