"""The pages in a real browser: errands as staff do them, with and without JavaScript, on a desk and on a phone.

Screenshots of every page are kept in `out/screens/` for a person to look at.
"""

import asyncio
import contextlib
import itertools
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect

from hub.core import facts as f
from hub.core.codes import Code, Reason
from hub.core.school import Badge, BadgeState, Household, Pupil
from hub.web.account import first_account_link
from proto.badge import badge_hash, code
from proto.messages import Do, Health, ReaderHealth, ReaderState, State, Status
from tests.hub.web.conftest import KEY, PASSWORD, Hub

CHROMIUM = "/usr/bin/chromium"
pytestmark = pytest.mark.browser
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--metrics-recording-only",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
SCREENS = Path(__file__).parents[3] / "out" / "screens"
WITHIN_MS = 5_000
"""How long a page may take on a slow test machine; what must be quick is measured by itself."""

FIRST = ("Léa", "Hugo", "Noé", "Jade", "Louis", "Emma", "Adam", "Zoé", "Lina", "Jules", "Mila", "Sacha", "Nora", "Tom", "Inès", "Maxime")
LAST = ("Dubois", "Lambert", "Martin", "Dupuis", "Simon", "Laurent", "Claes", "Renard", "Gérard", "Maes", "Peeters", "Willems", "Lejeune")
CODES = (Code.IN, Code.IN, Code.ALREADY_IN, Code.IN, Code.OUT, Code.IN, Code.SEEN, Code.MEAL, Code.WALK_UP)


async def populate(hub: Hub) -> None:
    """An afternoon at a school of 120 pupils."""
    names = itertools.islice(((LAST[n % 13], FIRST[n * 5 % 16]) for n in itertools.count()), 120)
    pupils = [Pupil(2000 + n, 3000 + n // 2, 1 + n % 2, first, last, f"{1 + n % 6}{'AB'[n % 2]}") for n, (last, first) in enumerate(names)]
    households = [Household(3000 + n, pupils[2 * n].last_name) for n in range(60)]
    badges = [
        Badge(4000 + n, badge_hash(KEY, code(n.to_bytes(10, "big"))), pupil.id, BadgeState.ACTIVE, hub.now_ms - 86_400_000, mark="BKOV")
        for n, pupil in enumerate(pupils[:100])
    ]
    await hub.desk.edit(90, lambda _school: (*households, *pupils, *badges))
    await hub.open_wallet()
    for n in range(60):
        hub.now_ms += 21_000
        scan_code = CODES[n % len(CODES)]
        till = scan_code in {Code.SEEN, Code.MEAL, Code.WALK_UP}
        await hub.tap(pupils[n].id, scan_code, device="caisse-parc" if till else "porte-parc", shown="accepted" if n % 17 == 3 else "")
    await hub.tap(0, Code.UNKNOWN)
    await hub.tap(100, Code.IN)
    await hub.book(f.Unresolved(91, 1, 91, 0, 1, Code.UNKNOWN, Reason.NONE, hub.now_ms))
    await hub.book(f.Unresolved(92, 2, 92, 101, 1, Code.OUT, Reason.NO_EXIT, hub.now_ms - 80_000_000))
    speaks(hub, "porte-parc", Health(session="a" * 16, inc="b" * 16, latency=[0, 40, 300, 20, 1], readers=[ReaderHealth("main", ok=True)]))
    lame = [ReaderHealth("main", ok=False, faults={"malformed": 4})]
    speaks(hub, "caisse-parc", Health(session="a" * 16, inc="b" * 16, outbox=12, away=True, latency=[0, 0, 3, 9], readers=lame))


def speaks(hub: Hub, device: str, health: Health) -> None:
    seen = hub.fleet.of(device)
    seen.status, seen.heard_ms, seen.answer_us, seen.health = Status.ON, hub.now_ms - 12_000, 430, health
    readers = [ReaderState("main", "hid", ok=True, name="Datalogic QuickScan QD2430")]
    seen.state = State(status=Status.ON, session="a" * 16, inc="b" * 16, readers=readers)
    hub.fleet.broker_up = True


@contextlib.asynccontextmanager
async def served(hub: Hub, port: int = 0) -> AsyncIterator[int]:
    """The office on a port of this machine."""
    server = uvicorn.Server(uvicorn.Config(hub.app, log_config=None, lifespan="off", timeout_graceful_shutdown=0))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    with socket.create_server(("127.0.0.1", port)) as listening:
        serving = asyncio.ensure_future(server.serve(sockets=[listening]))
        yield int(listening.getsockname()[1])
        server.should_exit = True
        await serving


@pytest.fixture
async def url(hub: Hub) -> AsyncIterator[str]:
    async with served(hub) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    if shutil.which(CHROMIUM) is None:
        pytest.skip("Debian's chromium is not installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


class Complaints:
    """What the browser's console said: a violated policy, a failed script, a missing file."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def watch(self, page: Page) -> Page:
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.texts.append(str(error)))
        page.set_default_timeout(WITHIN_MS)
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.texts.append(message.text)


async def sign_in(hub: Hub, url: str, context: BrowserContext, complaints: Complaints) -> Page:
    """A new page of staff: by the first-account link, or with its account once it is there."""
    page = complaints.watch(await context.new_page())
    link = await first_account_link(hub.office, url)
    await page.goto(link or f"{url}/sign-in")
    if link:
        await page.get_by_label("Votre nom").fill("Anne Leroy")
        await page.get_by_label("Le mot de passe, encore une fois").fill(PASSWORD)
    await page.get_by_label("Identifiant").fill("anne")
    await page.get_by_label("Mot de passe", exact=not link).first.fill(PASSWORD)
    await page.locator("main button").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Aujourd’hui")
    return page


async def test_a_tap_shows_on_the_open_board_within_a_second(hub: Hub, url: str, chromium: Browser) -> None:
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(), complaints)
    await expect(page.get_by_text("En direct", exact=True)).to_be_visible()
    await hub.tap(100, Code.IN)
    tap = page.get_by_role("listitem").filter(has_text="Arrivée")
    await expect(tap).to_contain_text("Léa Dupont", timeout=1_000)
    await expect(page.locator(".programme", has_text="Garderie").first).to_contain_text("Léa Dupont")
    await hub.tap(100, Code.OUT)
    await expect(page.get_by_text("Départ")).to_be_visible(timeout=1_000)
    assert complaints.texts == []


async def test_the_board_says_that_it_is_no_longer_live_and_comes_back_by_itself(hub: Hub, chromium: Browser) -> None:
    async with served(hub) as port:
        page = await sign_in(hub, f"http://127.0.0.1:{port}", await chromium.new_context(), Complaints())
        await expect(page.get_by_text("En direct", exact=True)).to_be_visible()
    await expect(page.get_by_text("Connexion perdue")).to_be_visible()
    await hub.tap(101, Code.IN)
    async with served(hub, port):
        await expect(page.get_by_text("En direct", exact=True)).to_be_visible(timeout=15_000)
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
    await page.goto(f"{url}/badges")
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
async def test_every_page_fits_its_screen_and_breaks_no_policy(hub: Hub, url: str, chromium: Browser, width: int, scheme: str) -> None:
    await populate(hub)
    complaints = Complaints()
    context = await chromium.new_context(
        viewport={"width": width, "height": 800}, color_scheme="dark" if scheme == "dark" else "light", locale="fr-BE"
    )
    page = complaints.watch(await context.new_page())
    SCREENS.mkdir(parents=True, exist_ok=True)
    visits = {"first": (await first_account_link(hub.office, url) or "").removeprefix(url), "sign-in": "/sign-in"}
    await seen(page, url, visits, f"{width}-{scheme}")
    await sign_in(hub, url, context, complaints)
    inside = {
        "board": "/",
        "present": "/present/20",
        "pupils": "/pupils",
        "pupil": "/pupils/100",
        "badges": "/badges?group=5A",
        "give": "/badges/give?pupil=101",
        "badge": "/badges/1000",
        "devices": "/devices",
    }
    await seen(page, url, inside, f"{width}-{scheme}")
    assert complaints.texts == []
    await seen(page, url, {"oops": "/nothing"}, f"{width}-{scheme}")


async def seen(page: Page, url: str, visits: dict[str, str], name: str) -> None:
    """Open pages, keep a picture of each, and hold that nothing sticks out at the side and every field has a label."""
    for word, path in visits.items():
        await page.goto(url + path)
        if await page.locator("[data-live]").count():
            await expect(page.get_by_text("En direct", exact=True)).to_be_visible()
        await page.screenshot(path=SCREENS / f"{word}-{name}.png", full_page=word not in {"board", "pupils", "present"})
        over = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{word} is {over} px too wide"
        bare = await page.evaluate(
            "[...document.querySelectorAll('input:not([type=hidden]), select')].filter(one => !one.labels.length).map(one => one.name)"
        )
        assert bare == [], f"fields without a label on {word}"
        assert await page.locator("h1").count() == 1
        assert await page.title() not in {"", " – Préau"}
