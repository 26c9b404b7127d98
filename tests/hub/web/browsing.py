"""A real browser for the pages' tests: Debian's Chromium, signed in, watched for complaints; and a look at a page in all its forms."""

import asyncio
import contextlib
import itertools
import shutil
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import axe_playwright_python
import pytest
import uvicorn
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect
from starlette.routing import compile_path

from hub.core import facts as f
from hub.core.codes import Code, Reason
from hub.core.school import Badge, BadgeState, Household, Pupil
from hub.web.account import first_account_link
from proto.badge import badge_hash, code
from proto.messages import Health, ReaderHealth, ReaderState, State, Status
from tests.hub.web.conftest import KEY, PASSWORD, Hub
from tests.hub.web.pictures import PICTURES

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--accept-lang=fr-BE",
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
FAINT = """() => {
  const linear = part => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4;
  const light = colour => colour.match(/[\\d.]+/g).slice(0, 3)
    .reduce((sum, part, at) => sum + linear(part / 255) * [.2126, .7152, .0722][at], .05);
  const behind = field => {
    for (let each = field.parentElement; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (!colour.endsWith(", 0)")) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const contrast = (one, other) => Math.max(one, other) / Math.min(one, other);
  return [...document.querySelectorAll("input:not([type=hidden], [type=file]), select, textarea")]
    .filter(field => field.checkVisibility({visibilityProperty: true}) && !field.disabled && !field.checked)
    .map(field => [field.name, contrast(light(getComputedStyle(field).borderTopColor), light(behind(field)))])
    .filter(([, seen]) => seen < 3).map(([name, seen]) => `${name} ${seen.toFixed(2)} : 1`);
}"""
"""The fields whose edge is less than 3 : 1 from what is around them (WCAG 2.2, 1.4.11), which axe does not look for."""
WITHIN_MS = 10_000
"""How long a page may take on a busy test machine, as any wait (tests/brokers.py); what must be quick is measured by itself."""

FIRST = ("Léa", "Hugo", "Noé", "Jade", "Louis", "Emma", "Adam", "Zoé", "Lina", "Jules", "Mila", "Sacha", "Nora", "Tom", "Inès", "Maxime")
LAST = ("Dubois", "Lambert", "Martin", "Dupuis", "Simon", "Laurent", "Claes", "Renard", "Gérard", "Maes", "Peeters", "Willems", "Lejeune")
CODES = (Code.IN, Code.IN, Code.ALREADY_IN, Code.IN, Code.OUT, Code.IN, Code.SOLD, Code.MEAL, Code.SHORTAGE)
AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
FORMS = {"1280-light": (1280, "light"), "1280-dark": (1280, "dark"), "360-light": (360, "light"), "360-dark": (360, "dark")}
"""A desk and a phone, by day and by night."""
COLOURS = ("color-contrast",)
"""The rule of axe for them."""


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
        till = scan_code in {Code.SOLD, Code.MEAL, Code.SHORTAGE}
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


@contextlib.asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """Chromium, or the test is skipped."""
    if shutil.which(CHROMIUM) is None:
        pytest.skip("Debian's chromium is not installed")
    expect.set_options(timeout=WITHIN_MS)
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
        await page.get_by_label("Répétez le mot de passe").fill(PASSWORD)
    await page.get_by_label("Identifiant").fill("anne")
    await page.get_by_label("Mot de passe", exact=not link).first.fill(PASSWORD)
    await page.locator("main button").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Aujourd’hui" if hub.desk.school.sites else "Guide de mise en route")
    await hub.second_shown()
    return page


async def looked_at(page: Page, word: str, *, whole: bool = True) -> None:
    """Keep a picture of the open page in each of its forms, and hold what every page has to keep.

    Nothing sticks out at the side, every field has its label and an edge that can be seen, there is one heading, and axe finds nothing.
    A `word` of pictures.py is the picture of the page that it stands with there, and of no other.
    """
    shown = next((compile_path(path)[0] for path, name in PICTURES.items() if name == word), None)
    if shown:  # a form that was sent by a key may not have led on yet
        await page.wait_for_url(lambda url: shown.match(urlsplit(url).path) is not None)
    SCREENS.mkdir(parents=True, exist_ok=True)
    before = page.viewport_size
    for form, (width, scheme) in FORMS.items():
        await page.set_viewport_size({"width": width, "height": 800})
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
        await page.screenshot(path=SCREENS / f"{word}-{form}.png", full_page=whole)
        over = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{word} is {over} px too wide at {width}"
        # Only colours differ by day and night; the rest is the same page, and axe takes a second for it.
        found = await faults(page, () if form == "1280-light" else COLOURS)
        found += [f"too faint an edge: {field}" for field in await page.evaluate(FAINT)]
        assert not found, "\n".join([f"{word}, {form}:", *found])
    assert await page.locator("h1").count() == 1
    assert await page.title() not in {"", " – Préau"}
    await page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    if before:
        await page.set_viewport_size(before)


async def faults(page: Page, only: Sequence[str] = ()) -> list[str]:
    """What axe finds on the open page, a line each: the rule, and where. `only`: these rules, none: all."""
    if await page.evaluate("typeof axe") == "undefined":  # half a megabyte of script: once for each page that is opened
        await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = await page.evaluate("only => axe.run(only.length ? {runOnly: only} : {})", list(only))
    return [f"{fault['id']}: {node['target']} {node['failureSummary']}" for fault in found["violations"] for node in fault["nodes"]]
