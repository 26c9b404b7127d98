"""From an empty hub to the first badge scanned, as a secretary does it on her first day; and a list with a bad line on the way."""

import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, FilePayload, Page, expect

from hub.core.scans import Arrived, take
from proto.badge import badge_hash, code
from proto.messages import Scan
from tests.hub.web.browsing import Complaints, looked_at, served, sign_in
from tests.hub.web.conftest import KEY, Hub, opened

pytestmark = pytest.mark.browser

log = logging.getLogger(__name__)
CHILDREN = (f"Peeters;Élève {letter};1A;0{n}/03/2018;Peeters {letter}" for n, letter in enumerate("ABCDEFGH", 1))
LIST = "\n".join(("Nom;Prénom;Classe;Né le;Ménage", *CHILDREN))
CODE = code(bytes(range(10)))


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[Hub]:
    async with opened(tmp_path / "empty") as hub:
        yield hub


async def choose(page: Page, text: str) -> None:
    await page.get_by_label("Le fichier").set_input_files(FilePayload(name="eleves.csv", mimeType="text/csv", buffer=text.encode("cp1252")))
    await page.get_by_role("button", name="Vérifier la liste").click()


async def scanned(hub: Hub) -> None:
    """A minute later the badge is held in front of the reader, and the hub decides."""
    hub.now_ms += 60_000
    scan = Scan(inc="0" * 16, n=1, reader="main", badge=badge_hash(KEY, CODE), boot="0" * 16, mono_ms=1, wall_ms=hub.now_ms, err_ms=0)
    arrived = Arrived("porte-de-la-garderie", scan, hub.now_ms, 200, hub.now_ms)
    await hub.desk.do(arrived.ask, take, arrived)


async def test_from_an_empty_hub_to_the_first_badge_scanned(empty: Hub, chromium: Browser) -> None:
    complaints, began_s = Complaints(), time.perf_counter()
    async with served(empty) as port:
        page = await sign_in(empty, f"http://127.0.0.1:{port}", await chromium.new_context(locale="fr-BE"), complaints)
        await page.get_by_label("Nom de l’implantation").fill("École de Julémont")
        await page.get_by_role("button", name="Ajouter l’implantation").click()
        await page.get_by_label("Prix").fill("0,75")
        await page.get_by_role("button", name="Ajouter le service").click()
        await page.get_by_role("button", name="Importer une liste").click()
        await choose(page, LIST.replace("01/03/2018", "hier"))
        await expect(page.get_by_text("« hier » n’est pas une date de naissance")).to_be_visible()
        await page.get_by_role("link", name="← Importer une liste").click()
        await choose(page, LIST)
        await page.get_by_role("button", name="Importer maintenant").click()
        await page.get_by_role("link", name="Guide de mise en route").click()
        await page.get_by_label("Nom de l’appareil").fill("Porte de la garderie")
        await page.get_by_role("button", name="Ajouter l’appareil").click()
        await page.get_by_role("button", name="Connecter « Porte de la garderie »").click()
        await page.get_by_label("Chemin du lecteur").fill("/dev/input/by-path/usb-kbd")
        await page.get_by_role("button", name="Compléter le texte").click()
        await expect(page.get_by_text('path = "/dev/input/by-path/usb-kbd"')).to_be_visible()
        await looked_at(page, "hand-over")
        await page.get_by_role("link", name="← Guide de mise en route").click()
        await page.get_by_label("Scannez le badge").fill(CODE)
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Présentez le badge au lecteur")).to_be_visible()
        await scanned(empty)
        await expect(page.locator("#heard")).to_contain_text("Élève A")
        await expect(page.locator("#progress")).to_contain_text("6 étapes sur 6")
        for step in ("#device", "#scan"):
            await expect(page.locator(f"{step} > header")).to_contain_text("fait")
        errand_s = time.perf_counter() - began_s
        log.info("the errand took %.1f s", errand_s)
        await looked_at(page, "setup")
    assert errand_s < 120, "of ten minutes: what is left is for a person who reads and types"
    assert complaints.texts == []


async def test_a_list_is_looked_through_before_it_is_done(hub: Hub, url: str, chromium: Browser) -> None:
    page = await sign_in(hub, url, await chromium.new_context(locale="fr-BE"), Complaints())
    await page.goto(f"{url}/imports")
    await looked_at(page, "imports")
    await choose(page, "Nom;Prénom;Implantation;Ménage\nClaes;Zoé;Implantation du Parc;Claes\n;Tom;;\n")
    await looked_at(page, "import-faults")
    await page.get_by_role("link", name="← Importer une liste").click()
    await choose(
        page, "Nom;Prénom;Classe;Implantation;Ménage\nClaes;Zoé;1A;Implantation du Parc;Claes\nDupont;Léa;6B;Implantation du Parc;\n"
    )
    await looked_at(page, "import")
