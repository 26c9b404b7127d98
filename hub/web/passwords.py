"""Passwords: argon2id off the event loop, the same time for a login that exists and one that does not, growing pauses after failures."""

import asyncio
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tried:
    """How a try ended. `problem`: empty, wrong, wait or busy; `pause_s`: how long to wait."""

    problem: str = ""
    pause_s: int = 0

    @property
    def status(self) -> int:
        """What the form is answered with."""
        return 429 if self.problem in {"wait", "busy"} else 422


MIN_LENGTH = 10
"""Characters: what an online guesser with growing pauses cannot reach."""
MAX_LENGTH = 200
"""Characters: a longer text only costs us time."""
MAX_NAME = 80
"""Characters of a name or login."""
AT_ONCE = 2
"""Hashes computed at the same time: each takes 19 MiB and a core for some 40 ms (OWASP's second argon2id profile)."""
MAX_WAITING = 16
"""Sign-ins waiting for a core; more than a school's whole staff at half past seven."""
FREE_TRIES = 3
"""Failures without a pause: people mistype."""
MAX_PAUSE_MS = 60_000
"""The longest pause: a guesser gets 1,440 tries a day, and nobody can lock a colleague out for longer than a minute."""
MAX_NAMES = 1000
"""Login names whose failures are remembered; the oldest is forgotten first."""
NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$geYKVuo0hVoluI+nJCAJlA$d9sR3KEoxwMeeBiuxb+TRgMliEqC3Bkcypk9caVXfxQ"
"""The hash of a forgotten random text: checked for unknown logins, so that they take as long as known ones."""


def password_problems(password: str, again: str) -> dict[str, str]:
    """What is wrong with a password that was chosen: field -> code."""
    found = {
        "password": "short" if len(password) < MIN_LENGTH else "long" if len(password) > MAX_LENGTH else "",
        "again": "differs" if password != again else "",
    }
    return {field: problem for field, problem in found.items() if problem}


def name_problems(name: str, login: str) -> dict[str, str]:
    """What is wrong with a person's name or login: field -> code."""
    found = {
        "name": "missing" if not name else "long" if len(name) > MAX_NAME else "",
        "login": "missing" if not login else "long" if len(login) > MAX_NAME else "spaces" if len(login.split()) > 1 else "",
    }
    return {field: problem for field, problem in found.items() if problem}


class Passwords:
    """One per hub: the worker threads are shared, the failures are counted here and forgotten at a restart."""

    def __init__(self) -> None:
        self._argon2 = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._cores = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._failures: OrderedDict[str, tuple[int, int]] = OrderedDict()

    async def check(self, name: str, stored: str | None, secret: str, now_ms: int) -> Tried:
        """Try a password or PIN; `stored` None (there is none) takes as long.

        A try counts while it is looked at: many at once gain nothing.
        """
        refused = self.refused(name, now_ms)
        if refused:
            return refused
        self.tried(name, now_ms, right=False)
        right = await self.fits(stored, secret)
        if right:
            self.tried(name, now_ms, right=True)
        return Tried() if right else Tried("wrong")

    def refused(self, name: str, now_ms: int) -> Tried | None:
        """Why there is no try right now, if so."""
        pause_ms = self.pause_ms(name, now_ms)
        if pause_ms or self.busy():
            return Tried("wait" if pause_ms else "busy", -(-pause_ms // 1000))
        return None

    def busy(self) -> bool:
        """Whether so many sign-ins wait that one more should be asked to come back."""
        return self._waiting >= MAX_WAITING

    async def hash(self, password: str) -> str:
        """The argon2id hash to store."""
        return await self._work(lambda: self._argon2.hash(_plain(password)))

    async def fits(self, stored: str | None, password: str) -> bool:
        """Whether the password belongs to this hash; None (no such login) takes as long and is False."""
        return await self._work(lambda: self._verified(stored or NOBODY, password)) and stored is not None

    def pause_ms(self, login: str, now_ms: int) -> int:
        """How long this login name still has to wait before it is tried again; 0 = try now."""
        failures, last_ms = self._failures.get(login, (0, 0))
        if failures < FREE_TRIES:
            return 0
        pause = min(1000 << min(failures - FREE_TRIES, 10), MAX_PAUSE_MS)
        return max(0, last_ms + pause - now_ms)

    def tried(self, login: str, now_ms: int, *, right: bool) -> None:
        """Remember how a try ended."""
        failures, _ = self._failures.pop(login, (0, 0))
        if not right:
            self._failures[login] = (failures + 1, now_ms)
        if len(self._failures) > MAX_NAMES:
            self._failures.popitem(last=False)

    def _verified(self, stored: str, password: str) -> bool:
        try:
            return self._argon2.verify(stored, _plain(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _work(self, job: Callable[[], T]) -> T:
        self._waiting += 1
        try:
            async with self._cores:
                return await asyncio.to_thread(job)
        finally:
            self._waiting -= 1


def _plain(password: str) -> str:
    """One spelling for what looks the same on two keyboards (NFKC)."""
    return unicodedata.normalize("NFKC", password)
