"""The same trip on four wires and both brokers: a badge, its light, the board, the departure, the wallet, the books."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from hub.core.facts import Charged, StayClosed, StayOpened
from tests.demo.browser import PASSWORD, Browser
from tests.hub.web.browsing import ARGUMENTS, CHROMIUM
from tests.journey.place import BROKERS, PUPILS, WAIT_S, BrokerKind, Place, SetUp, everything_lit_is_booked_once, place, sees
from tests.journey.wires import Kind

pytestmark = pytest.mark.broker
SEEDS = {Kind.WHOLE: 1, Kind.BYTES: 2, Kind.LOSSY: 3, Kind.DELAYED: 4}
WITHIN_MS = WAIT_S * 1000


@pytest.fixture
async def chromium(tmp_path: Path) -> AsyncIterator[Page]:
    if not shutil.which(CHROMIUM):
        pytest.skip("needs Debian's Chromium: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = await browser.new_page(locale="fr-BE")
        page.set_default_timeout(WITHIN_MS)
        yield page
        await browser.close()


async def everybody_comes_and_goes(here: Place) -> None:
    for who in PUPILS[1:]:
        assert (await here.tap(who)).pattern == "accepted"
    await here.settled()
    await here.stay()
    for who in PUPILS[1:]:
        assert (await here.tap(who, here.exit)).pattern == "accepted"


async def the_books_tell_the_trip(here: Place) -> None:
    """Everybody came, went and paid, once."""
    kept = await here.stop()
    everything_lit_is_booked_once(here, kept)
    for kind in (StayOpened, StayClosed, Charged):
        pupils = [fact.pupil for fact in kept.facts if isinstance(fact, kind)]
        assert sorted(pupils) == sorted(kept.school.pupils), f"{kind.__name__} not exactly once for each pupil"
    assert not kept.books.inside
    assert not kept.books.unresolved


@pytest.mark.browser
@pytest.mark.parametrize("broker", BROKERS)
@pytest.mark.parametrize("wire", [Kind.WHOLE, Kind.LOSSY])
async def test_staff_see_the_trip_in_their_browser(tmp_path: Path, school: SetUp, chromium: Page, broker: BrokerKind, wire: Kind) -> None:
    async with place(tmp_path, school, broker, wire, SEEDS[wire]) as here:
        await sign_up(here, chromium)
        await expect(chromium.locator("[id^=tap-]")).to_have_count(0)
        assert (await here.tap("Léa")).pattern == "accepted"
        await expect(chromium.locator("[id^=tap-]").filter(has_text="Léa")).to_be_visible(timeout=WITHIN_MS)
        await expect(chromium.locator('a[href^="/present/"] + .count')).to_have_text("1", timeout=WITHIN_MS)
        await here.stay()
        assert (await here.tap("Léa", here.exit)).pattern == "accepted"
        await expect(chromium.locator('a[href^="/present/"] + .count')).to_have_text("0", timeout=WITHIN_MS)
        await chromium.goto(f"{here.url}/pupils?q=L%C3%A9a")
        await chromium.get_by_role("link", name=re.compile("Léa")).first.click()
        await expect(chromium.locator("main")).to_contain_text("Garderie")
        await expect(chromium.locator(".balance")).to_have_text(re.compile(r"[−-]\s?\d+,\d\d"))
        await everybody_comes_and_goes(here)
        await the_books_tell_the_trip(here)
        if wire is Kind.WHOLE:
            assert here.pulses() == len(PUPILS), "with the hub there, the door opens for each arrival"
        else:
            assert here.wire.did["lost"], here.wire.did
            assert here.wire.did["repeated"], here.wire.did
            assert here.wire.did["cut"], here.wire.did


@pytest.mark.parametrize("broker", BROKERS)
@pytest.mark.parametrize("wire", [Kind.BYTES, Kind.DELAYED])
async def test_the_trip_is_the_same_on_a_slow_wire(tmp_path: Path, school: SetUp, broker: BrokerKind, wire: Kind) -> None:
    async with place(tmp_path, school, broker, wire, SEEDS[wire]) as here, Browser(here.url) as staff:
        await staff.sign_up(here.first_link())
        assert (await here.tap("Léa")).pattern == "accepted"
        board = await sees(staff.board, lambda board: list(board.inside.values()) == [1])
        assert len(board.taps) == 1
        await here.stay()
        assert (await here.tap("Léa", here.exit)).pattern == "accepted"
        (pupil,) = await staff.pupils(["L%C3%A9a"])
        balances = await sees(lambda: staff.balances(pupil), bool)
        assert balances["Les Tilleuls · ménage Léason"] <= -75
        await everybody_comes_and_goes(here)
        await the_books_tell_the_trip(here)


async def sign_up(here: Place, page: Page) -> None:
    """Make the first account by the link the hub printed, and look at the board."""
    await page.goto(here.first_link())
    for field, text in (("name", "Secrétariat"), ("login", "bureau"), ("password", PASSWORD), ("again", PASSWORD)):
        await page.fill(f"input[name={field}]", text)
    await page.locator("main form button").click()
    await page.wait_for_url(f"{here.url}/")
