"""A small school with its office, and a browser's worth of HTTP: signed in, or not."""

import asyncio
import contextlib
import functools
import itertools
import re
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx2
import pytest
from fastapi import FastAPI
from playwright.async_api import Browser as Chromium
from sqlalchemy import update

from hub.accounts import Accounts, Posts, WebSession
from hub.core import attendance
from hub.core import facts as f
from hub.core.books import Books
from hub.core.calendar import Window, instant_ms
from hub.core.codes import Code, Reason
from hub.core.formulas import Fixed, Line, Periods, Session
from hub.core.ledger import opening_account, sales_account, wallet_account
from hub.core.school import (
    Badge,
    BadgeState,
    Device,
    Household,
    Policy,
    Product,
    ProductKind,
    Programme,
    Pupil,
    Reader,
    Row,
    Scans,
    Site,
    Tariff,
)
from hub.core.tap import Tap
from hub.core.whys import Rule, Why
from hub.credentials import edge_settings
from hub.days import belgian_days
from hub.desk import Desk
from hub.fleet import Fleet
from hub.folder import Folder
from hub.history import History
from hub.imports import Lists
from hub.journal import Journal
from hub.keeping import keep_up
from hub.notes import Notes
from hub.papers import Papers
from hub.register import Register
from hub.reports import Reports
from hub.settings import BrokerSettings
from hub.settlement import settle
from hub.tables import web_session
from hub.trail import Trail
from hub.web.account import first_account_link
from hub.web.app import make_app
from hub.web.office import Office
from hub.web.render import Pages
from hub.web.session import PLAIN_COOKIE, new_token, token_hash
from proto.badge import badge_hash
from proto.messages import Direction, Do, Light, Use

ZONE = ZoneInfo("Europe/Brussels")
MONDAY = date(2026, 9, 21)
MONDAY_1602_MS = 1_789_999_320_000
"""Monday 21 September 2026, 16:02 in Brussels."""
KEY = bytes(range(32))
LEA_CODE = "KBBBKOVDUBJFIHBPPPPGD"
URL = "http://office.test"
PASSWORD = "trois petits tours"

SCHOOL_ROWS: tuple[Row, ...] = (
    Site(1, "Implantation du Parc", ZONE, floor_cents=-500),
    Site(2, "Implantation de la Gare", ZONE),
    Household(10, "Dupont-Lambert"),
    Household(11, "Maes"),
    Pupil(100, 10, 1, "Léa", "Dupont", "5B"),
    Pupil(101, 10, 1, "Hugo", "Dupont", "2A"),
    Pupil(102, 11, 2, "Noé", "Maes", "5B"),
    Programme(20, 1, Use.CARE, "Garderie", (Window(frozenset(range(5)), 930, 1080),)),
    Programme(21, 1, Use.STUDY, "Étude", (Window(frozenset(range(5)), 930, 1020),), scans=Scans.ENTRY),
    Programme(22, 2, Use.CARE, "Garderie", (Window(frozenset(range(5)), 930, 1080),)),
    Tariff(40, 20, date.min, None, (Line(Periods(Fixed(750), 30, 5)),)),
    Tariff(41, 21, date.min, None, (Line(Session(Fixed(1000))),)),
    Tariff(42, 22, date.min, None, (Line(Periods(Fixed(750), 30, 5)),)),
    Product(30, 1, ProductKind.ARTICLE, "Sandwich", 350, Policy.LIMIT),
    Device("porte-parc", 1, "Porte de la garderie"),
    Device("caisse-parc", 1, "Caisse du réfectoire"),
    Reader("porte-parc", "main", "Porte", Use.CARE, Direction.TOGGLE),
    Reader("caisse-parc", "main", "Caisse", Use.TILL, Direction.IN, product=30),
    Badge(1000, badge_hash(KEY, LEA_CODE), 100, BadgeState.ACTIVE, MONDAY_1602_MS - 86_400_000, mark="PPGD"),
)


Fields = Mapping[str, str | Sequence[str]]


@functools.cache
def all_pages() -> Pages:
    """Compiled once for all tests: that takes longer than most of them."""
    return Pages()


@dataclass
class Hub:
    """A small school on real stores, with its office; `now_ms` stands still until a test moves it."""

    desk: Desk
    register: Register
    history: History
    fleet: Fleet = field(default_factory=Fleet)
    now_ms: int = MONDAY_1602_MS
    away: set[str] = field(default_factory=set)
    alarms: list[str] = field(default_factory=list)
    commands: list[tuple[str, Do]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._asks = itertools.count(5_000)
        self._random = itertools.count(1)
        self.accounts = Accounts(self.register)
        self.office = Office(
            desk=self.desk,
            accounts=self.accounts,
            past=self.history,
            reports=Reports(self.register),
            papers=Papers(self.register),
            notes=Notes(self.register),
            trail=Trail(self.register),
            lists=Lists(self.desk),
            device_settings=lambda device, *seen: edge_settings(BrokerSettings(), self.desk.school, device, "secret of the device", *seen),
            fleet=self.fleet,
            badge_key=KEY,
            command=self._command,
            settle=partial(settle, self.desk),
            now_ms=lambda: self.now_ms,
            official_days=belgian_days,
            wall_ms=lambda: self.now_ms,
            random_bytes=lambda size: next(self._random).to_bytes(size, "big"),
            alarms=lambda: self.alarms,
        )
        self.app: FastAPI = make_app(self.office, all_pages())

    async def book(self, *facts: f.Fact) -> None:
        """Put facts through the desk, as a decision would; the pages have been told."""
        await self.desk.do(facts[0].ask, lambda _school, _books: facts)
        await asyncio.sleep(0)  # pages are told one turn of the loop after who asked

    async def second_shown(self) -> None:
        """Every web session is one whose person has shown a second factor: what is done with money is open to them."""
        await self.register.changed(update(web_session).values(second_ms=self.now_ms))

    async def tap(self, pupil: int, code: Code, **other: object) -> int:
        """A scan of a pupil at the care door, now; its ask. An arrival opens the stay."""
        ask = next(self._asks)
        known = {"device": "porte-parc", "reader": "main", "shown": "", "badge": "h" * 20, **other}
        scan = f.ScanTaken(ask, str(known["device"]), "0" * 16, ask, str(known["reader"]), str(known["badge"]), pupil, self.now_ms, 200,
                           code, Light.ACCEPTED, str(known["shown"]))  # fmt: skip
        stay = (f.StayOpened(ask, ask, pupil, 1, 20, self.now_ms),) if code is Code.IN else ()
        await self.book(scan, *stay)
        return ask

    async def hold(self, pupil: int, clock: str, day: date = MONDAY, device: str = "porte-parc") -> None:
        """A badge held at a care door, that of the park, at `16:02`: it counts for the pupil's day as the link would book it."""
        school, ask, at_ms = self.desk.school, next(self._asks), self.at(clock, day)
        reader, site = school.readers[device, "main"], school.sites[school.devices[device].site]
        tap = Tap(ask, school.pupils[pupil], reader, site, at_ms, max(at_ms, self.now_ms))
        await self.desk.do(ask, lambda school, books: attendance.take(school, books, tap).facts)

    async def wait_until(self, clock: str) -> None:
        """It is later: stays and days whose hours are over are ended."""
        self.now_ms = self.at(clock)
        await self.wait_for_the_minute()

    async def wait_for_the_minute(self) -> None:
        """What time alone brings, at the instant it is."""
        await keep_up(self.desk, lambda: next(self._asks), self.now_ms)

    def at(self, clock: str, day: date = MONDAY) -> int:
        """Unix ms of a wall clock."""
        hour, minute = clock.split(":")
        return instant_ms(day, int(hour) * 60 + int(minute), ZONE)

    async def open_wallet(self) -> None:
        """The Duponts bring 12,50 € and pay 2,25 € of care for Léa."""
        care = Why(Rule.PERIODS, self.now_ms - 5_400_000, self.now_ms, 90, 3, 30, 5, 750)
        wallet = wallet_account(500)
        await self.book(
            f.WalletOpened(1, 500, 1, 10, self.now_ms),
            f.BalanceOpened(1, 500, self.now_ms, (f.Entry(opening_account(1), -1250), f.Entry(wallet, 1250))),
        )
        paid = (f.Entry(wallet, -225), f.Entry(sales_account(1, 20), 225))
        await self.book(f.Charged(2, 600, 500, 10, 100, 1, 20, 225, self.now_ms, care, Reason.NONE, paid))

    def _command(self, device: str, do: Do) -> bool:
        self.commands.append((device, do))
        return device not in self.away


class Browser:
    """Sends requests as a browser does: cookies, and where a form comes from."""

    def __init__(self, hub: Hub) -> None:
        transport = httpx2.ASGITransport(app=hub.app)
        self.http = httpx2.AsyncClient(transport=transport, base_url=URL)
        self.hub = hub

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self.http.get(path, headers=headers)

    async def post(self, path: str, fields: Fields, **headers: str) -> httpx2.Response:
        return await self.http.post(path, data=dict(fields), headers={"origin": URL, **headers})

    async def fill(self, page: str, action: str, fields: Fields, **headers: str) -> httpx2.Response:
        """Open a page, fill the form with this action, and send it."""
        return await self.post(action, {**sealed((await self.get(page)).text, action), **fields}, **headers)

    async def sign_in_as(self, login: str, posts: Posts) -> None:
        """As somebody with these roles: a new account, with a web session of its own."""
        number = int.from_bytes(login.encode()[:7], "big")
        assert await self.hub.accounts.add_staff(number, login, login.title(), "no password", posts), f"{login} is there already"
        token = new_token(self.hub.office)
        now_ms = self.hub.now_ms
        await self.hub.accounts.add_session(token_hash(token), WebSession(number, f"csrf of {login}", now_ms, now_ms, second_ms=now_ms))
        self.http.cookies.set(PLAIN_COOKIE, token)

    async def sign_in(self) -> None:
        """By the first-account link, as at a first start."""
        link = await first_account_link(self.hub.office, URL)
        assert link, "there is no account yet"
        fields = {"name": "Anne Leroy", "login": "anne", "password": PASSWORD, "again": PASSWORD}
        answer = await self.post(link.removeprefix(URL), fields)
        assert answer.status_code == 303, answer.text
        await self.hub.second_shown()


def sealed(html: str, action: str) -> dict[str, str]:
    """The hidden fields of the form with this action."""
    form = re.search(rf'<form[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', html, re.DOTALL)
    assert form, f"no form for {action} in\n{html}"
    return {name: unescape(value) for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[1])}


@contextlib.asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Hub]:
    """The hub of a data folder, started."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Folder(path)
        stack.callback(folder.close)
        books = Books()
        journal = await Journal.open(folder, pytest.fail, books.apply)
        stack.push_async_callback(journal.close)
        register = await Register.open(folder, pytest.fail)
        stack.push_async_callback(register.close)
        history = await History.open(register, journal)
        stack.push_async_callback(history.close)
        hub = Hub(Desk(await register.read_school(), books, journal, register), register, history)
        await stack.enter_async_context(hub.app.router.lifespan_context(hub.app))
        yield hub


@pytest.fixture(scope="session")
def school_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The register of the small school, set up once for all tests."""
    path = tmp_path_factory.mktemp("school")

    async def set_up() -> None:
        async with opened(path) as hub:
            await hub.register.write(1, SCHOOL_ROWS)

    asyncio.run(set_up())
    return path / "office.db"


@pytest.fixture
def hub_folder(tmp_path: Path, school_file: Path) -> Path:
    """A data folder of one's own."""
    (tmp_path / "hub").mkdir()
    shutil.copy(school_file, tmp_path / "hub")
    return tmp_path / "hub"


@pytest.fixture
async def hub(hub_folder: Path) -> AsyncIterator[Hub]:
    async with opened(hub_folder) as running:
        yield running


@pytest.fixture
async def visitor(hub: Hub) -> AsyncIterator[Browser]:
    """A browser nobody is signed in with."""
    browser = Browser(hub)
    async with browser.http:
        yield browser


@pytest.fixture
async def anne(hub: Hub) -> AsyncIterator[Browser]:
    """The secretary, signed in."""
    browser = Browser(hub)
    async with browser.http:
        await browser.sign_in()
        yield browser


@pytest.fixture
async def url(hub: Hub) -> AsyncIterator[str]:
    """The office on a port of this machine."""
    from tests.hub.web.browsing import served

    async with served(hub) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def chromium() -> AsyncIterator[Chromium]:
    """A real browser."""
    from tests.hub.web.browsing import launched

    async with launched() as browser:
        yield browser
