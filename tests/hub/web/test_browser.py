"""The pages in a real browser: errands as staff do them, with and without JavaScript, on a desk and on a phone.

Screenshots of every page are kept in `out/screens/` for a person to look at.
"""

import pytest
from playwright.async_api import Browser, expect

from hub.core.codes import Code
from hub.web.account import first_account_link
from proto.badge import code
from proto.messages import Do
from tests.hub.web.browsing import Complaints, looked_at, populate, served, sign_in
from tests.hub.web.conftest import Hub

pytestmark = pytest.mark.browser


async def test_a_tap_shows_on_the_open_board_by_itself(hub: Hub, url: str, chromium: Browser) -> None:
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(), complaints)
    await expect(page.get_by_text("En direct", exact=True)).to_be_visible()
    await hub.tap(100, Code.IN)
    tap = page.get_by_role("listitem").filter(has_text="Arrivée")
    await expect(tap).to_contain_text("Léa Dupont")
    await expect(page.locator("article", has_text="Implantation du Parc").locator(".programme", has_text="Garderie")).to_contain_text(
        "Léa Dupont"
    )
    await hub.tap(100, Code.OUT)
    await expect(page.get_by_text("Départ")).to_be_visible()
    assert complaints.texts == []


async def test_the_board_says_that_it_is_no_longer_live_and_comes_back_by_itself(hub: Hub, chromium: Browser) -> None:
    async with served(hub) as port:
        page = await sign_in(hub, f"http://127.0.0.1:{port}", await chromium.new_context(), Complaints())
        await expect(page.get_by_text("En direct", exact=True)).to_be_visible()
    await expect(page.get_by_text("Connexion perdue")).to_be_visible()
    await hub.tap(101, Code.IN)
    async with served(hub, port):
        await expect(page.get_by_text("En direct", exact=True)).to_be_visible()
        await expect(page.get_by_role("listitem").filter(has_text="Arrivée")).to_contain_text("Hugo Dupont")


async def test_signing_out_in_one_tab_empties_the_board_in_the_other(hub: Hub, url: str, chromium: Browser) -> None:
    context = await chromium.new_context()
    board = await sign_in(hub, url, context, Complaints())
    await expect(board.get_by_text("En direct", exact=True)).to_be_visible()
    other = await context.new_page()
    await other.goto(f"{url}/pupils")
    await other.get_by_role("button", name="Se déconnecter").click()
    await expect(board.get_by_role("heading", level=1)).to_contain_text("Se connecter")


async def test_a_pupil_is_found_while_typing_with_the_keyboard_alone(hub: Hub, url: str, chromium: Browser) -> None:
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(), complaints)
    await page.keyboard.press("Tab")
    await expect(page.get_by_text("Aller au contenu")).to_be_focused()
    await page.goto(f"{url}/pupils")
    await expect(page.get_by_role("searchbox")).to_be_focused()
    await page.keyboard.type("noe")
    await expect(page.get_by_role("row")).to_have_count(2)
    await page.get_by_role("link", name="Maes Noé").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Noé Maes")
    assert complaints.texts == []


async def test_cards_are_chosen_and_printed(hub: Hub, url: str, chromium: Browser) -> None:
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(), complaints)
    await page.goto(f"{url}/badges/print")
    await page.get_by_label("Pour qui").select_option("5B")
    await page.get_by_role("button", name="Afficher").click()
    await page.get_by_label("tous").check()
    async with page.expect_download(timeout=60_000) as coming:
        await page.get_by_role("button", name="Créer et imprimer").click()
    download = await coming.value
    assert (await download.path()).read_bytes().startswith(b"%PDF")
    assert len(hub.desk.school.badges_of(102)) == 1
    assert complaints.texts == []


async def test_the_office_works_without_javascript(hub: Hub, url: str, chromium: Browser) -> None:
    page = await sign_in(hub, url, await chromium.new_context(java_script_enabled=False), Complaints())
    await page.get_by_role("link", name="Élèves").click()
    await page.get_by_role("searchbox").fill("hugo")
    await page.get_by_role("button", name="Chercher").click()
    await page.get_by_role("link", name="Dupont Hugo").click()
    await page.get_by_role("button", name="Donner un badge").click()
    await page.get_by_label("Scannez le badge").fill("bonjour")
    await page.get_by_role("button", name="Donner").click()
    await expect(page.get_by_role("alert")).to_contain_text("pas un code de badge")
    await page.get_by_label("Scannez le badge").fill(code(bytes(10)).lower())
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("Le badge est donné")
    await page.get_by_role("link", name="Appareils").click()
    await page.get_by_role("button", name="Faire clignoter « Porte de la garderie »").click()
    await expect(page.get_by_text("clignote quelques secondes")).to_be_visible()
    assert hub.commands == [("porte-parc", Do.LOCATE)]


async def test_every_page_fits_its_screen_and_breaks_no_rule(hub: Hub, url: str, chromium: Browser) -> None:
    await populate(hub)
    complaints = Complaints()
    page = complaints.watch(await (await chromium.new_context(locale="fr-BE")).new_page())
    for word, path in {"first": (await first_account_link(hub.office, url) or "").removeprefix(url), "sign-in": "/sign-in"}.items():
        await page.goto(url + path)
        await looked_at(page, word)
    page = await sign_in(hub, url, page.context, complaints)
    inside = {
        "board": "/",
        "present": "/present/20",
        "pupils": "/pupils",
        "pupil": "/pupils/100",
        "devices": "/devices",
    }
    for word, path in inside.items():
        await page.goto(url + path)
        if await page.locator("[data-live]").count():
            await expect(page.get_by_text("En direct", exact=True)).to_be_visible()
        await looked_at(page, word, whole=word not in {"board", "pupils", "present"})
    assert complaints.texts == []
    await page.goto(f"{url}/nothing")
    await looked_at(page, "oops")
