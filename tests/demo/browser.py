"""A member of staff at the office pages, by HTTP: makes the first account, blocks a badge, reads the board and the wallets."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import unescape
from typing import Self
from urllib.parse import urlsplit

import httpx2

from hub.core.money import read_cents

PASSWORD = "quatre mots pour un exercice"
PATIENCE_S = 60.0
"""A loaded machine answers late; whether pages are quick is not asked here."""
COMPARTMENTS = {"general": "portefeuille général", "reserve": "réserve"}
"""What a pupil's own wallets are called."""
_TAP = re.compile(r'id="tap-(\d+)"')
_INSIDE = re.compile(r'href="/present/(\d+)">[^<]*</a>\s*<span class="count">(\d+)</span>')
_QUESTIONS = re.compile(r'id="settle-title">[^<]*<span class="count">(\d+)</span>')
_PURSE = re.compile(r'<header><h3>([^<]*)</h3>\s*<strong class="balance"><span class="money[^"]*">([^<]*)</span>')
_PUPIL = re.compile(r'href="/pupils/(\d+)"')
_FIELD = re.compile(r'name="(csrf|ask_id)" value="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Board:
    """What the board shows: asks of the last taps (newest first), programme -> how many are in, questions for staff."""

    taps: tuple[int, ...]
    inside: dict[int, int]
    questions: int


class Browser:
    """Signed in from `sign_up` on; a hub that was restarted knows it still."""

    def __init__(self, url: str) -> None:
        self._http = httpx2.AsyncClient(base_url=url, headers={"origin": url}, timeout=PATIENCE_S)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._http.aclose()

    async def sign_up(self, first_link: str) -> None:
        """Make the first account through its one-time link."""
        form = {"name": "Secrétariat", "login": "bureau", "password": PASSWORD, "again": PASSWORD}
        answer = await self._http.post(urlsplit(first_link).path, data=form)
        assert answer.status_code == 303, f"the first account was not made: {answer.status_code}"

    async def board(self) -> Board:
        return read_board(await self._page("/"))

    async def balances(self, pupil: int) -> dict[str, int]:
        """Wallet, as the page calls it -> cents."""
        return read_balances(await self._page(f"/pupils/{pupil}"))

    async def silent_devices(self) -> int:
        """How many devices the page calls connected, but silent."""
        return (await self._page("/devices")).count("mais muet")

    async def pupils(self, groups: Iterable[str]) -> list[int]:
        """Everyone in these classes."""
        found: dict[int, None] = {}
        for group in groups:
            page = await self._page(f"/pupils?q={group}")
            found |= dict.fromkeys(int(pupil) for pupil in _PUPIL.findall(page))
        return list(found)

    async def block(self, code: str) -> None:
        """Block the badge with this printed code."""
        sealed = dict(_FIELD.findall(await self._page("/badges")))
        found = await self._http.post("/badges/find", data={**sealed, "code": code})
        assert found.status_code == 303, f"the badge to block was not found: {found.status_code}"
        where = found.headers["location"]
        sealed = dict(_FIELD.findall(await self._page(where)))
        answer = await self._http.post(where, data={**sealed, "state": "blocked"})
        assert answer.status_code == 303, f"the badge was not blocked: {answer.status_code}"

    async def _page(self, path: str) -> str:
        answer = await self._http.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.text


def read_board(page: str) -> Board:
    """The board from its page."""
    taps = tuple(int(ask) for ask in _TAP.findall(page))
    questions = _QUESTIONS.search(page)
    return Board(taps, {int(programme): int(count) for programme, count in _INSIDE.findall(page)}, int(questions[1]) if questions else 0)


def read_balances(page: str) -> dict[str, int]:
    """Wallet -> cents, from a pupil's page."""
    found = {unescape(name): read_cents(text) for name, text in _PURSE.findall(page)}
    assert None not in found.values(), f"amounts that cannot be read: {found}"
    return {name: cents for name, cents in found.items() if cents is not None}


def wallet_name(site: str, household: str, compartment: str) -> str:
    """A wallet as a pupil's page calls it: of a household, or one of the pupil's own."""
    return f"{site} · {COMPARTMENTS[compartment] if compartment else f'ménage {household}'}"
