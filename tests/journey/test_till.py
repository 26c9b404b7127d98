"""The till's whole errand: bytes of a scanner, the real device, the broker, the hub, the tablet's page, and a receipt."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from hub.core.codes import Code
from hub.core.facts import CashPaidIn, Charged, TillSold
from tests.hub.web.browsing import launched
from tests.journey.place import WAIT_S, SetUp, everything_lit_is_booked_once, place, set_up
from tests.journey.test_trip import sign_up

pytestmark = [pytest.mark.broker, pytest.mark.browser]
WITHIN_MS = WAIT_S * 1000
SCHOOL_TOML = """\
[[sites]]
name = "Les Tilleuls"

[[sites.programmes]]
name = "Garderie"
use = "care"
price = "0,75"
period_min = 30
hours = [{ days = ["mon"], start = "07:00", end = "08:00" }]

[[sites.products]]
name = "Sandwich"
kind = "article"
price = "3,20"
policy = "must_have_funds"

[[sites.devices]]
id = "porte"
name = "Caisse du réfectoire"
readers = [
    { id = "in", name = "Caisse", use = "till", direction = "in" },
    { id = "out", name = "Sortie", use = "care", direction = "out" },
]
"""
TILL = "/till/porte/in"


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> SetUp:
    """A site with a till, and sandwiches."""
    return set_up(tmp_path_factory.mktemp("till"), SCHOOL_TOML)


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A real browser."""
    async with launched() as browser:
        yield browser


async def test_a_scanned_badge_is_sold_a_sandwich_on_the_tablet_and_the_receipt_says_so(
    tmp_path: Path, school: SetUp, chromium: Browser
) -> None:
    async with place(tmp_path, school, "embedded", speed=1) as here:
        page = await (await chromium.new_context(viewport={"width": 768, "height": 1024}, locale="fr-BE")).new_page()
        page.set_default_timeout(WITHIN_MS)
        await sign_up(here, page)
        await page.goto(f"{here.url}{TILL}")
        await page.get_by_label("Contenu du tiroir").fill("50,00")
        await page.get_by_role("button", name="Compter et ouvrir").click()
        await expect(page.get_by_role("heading", name="En attente d’un badge")).to_be_visible()
        assert (await here.tap("Léa")).pattern == "accepted", "the device answers whatever the tablet does"
        await expect(page.get_by_role("heading", name="Léa")).to_be_visible(timeout=WITHIN_MS)
        await page.get_by_role("button", name="Sandwich").click()
        assert (await here.tap("Tom")).pattern == "accepted"
        await expect(page.locator("#queue li")).to_have_count(1, timeout=WITHIN_MS)
        await page.get_by_role("button", name="Vendre").click()
        await expect(page.get_by_role("alert")).to_contain_text("pas assez d’argent")
        await page.get_by_text("Argent liquide pour le portefeuille").click()
        await page.get_by_label("Montant reçu").fill("10,00")
        await page.get_by_role("button", name="Encaisser").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Reçu 1")
        await page.get_by_role("link", name="Retour à la caisse").click()
        await page.get_by_role("button", name="Vendre").click()
        await expect(page.get_by_role("heading", name="Tom")).to_be_visible(timeout=WITHIN_MS)
        await page.get_by_role("link", name=re.compile(r"Vente\s: 3,20")).click()
        await expect(page.locator(".receipt")).to_contain_text("Léa")
        await expect(page.locator(".receipt")).to_contain_text("Sandwich")
        kept = await here.stop()
    everything_lit_is_booked_once(here, kept)
    assert [scan.code for scan in kept.scans] == [Code.SEEN, Code.SEEN], "a tap at a till identifies, and sells nothing"
    (paid,) = (fact for fact in kept.facts if isinstance(fact, CashPaidIn))
    (sold,) = (fact for fact in kept.facts if isinstance(fact, TillSold))
    assert (paid.cents, paid.receipt, sold.cents) == (1000, 1, 320)
    (charged,) = (fact for fact in kept.facts if isinstance(fact, Charged))
    assert kept.school.pupils[charged.pupil].first_name == "Léa"
    assert kept.books.total_cents() == 0
