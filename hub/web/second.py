"""The second factor: a code of six digits from a telephone (TOTP, RFC 6238). Set up, asked for after the password, taken away.

A code is accepted once, and half a minute early or late. Which pages ask for it is said in session.py. For the day the telephone is lost
there are ten recovery codes on paper: shown once, kept as keyed hashes, each opens once. Whoever has neither is let in by a colleague who
manages accounts (staff.py), or by `preau-hub account` at the hub.
"""

import asyncio
import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from urllib.parse import quote

import pyotp
from fastapi import APIRouter, Response
from starlette.responses import RedirectResponse

from hub.web import session
from hub.web.passwords import Tried
from hub.web.render import page
from hub.web.rights import Staff
from hub.web.session import Anyone, Posted, PostedByAnyone, SignedIn, SignInNeededError, Visit, own_path
from hub.web.sheet import Code, square

SECRET_BYTES = 20
"""160 bits, as RFC 4226 recommends."""
SECRET = re.compile(r"[A-Z2-7]{32}")
STEP_MS = 30_000
DIGITS = 6
ISSUER = "Préau"
RECOVERY_CODES = 10
RECOVERY_BYTES = 10
"""80 bits: sixteen letters and digits in four groups."""
RECOVERY = re.compile(r"[A-Z2-7]{16}")
HASH_BYTES = 16
FRESH_MS = 10 * 60_000
"""So long after the second factor was shown, new recovery codes need no password."""

router = APIRouter()


@dataclass(frozen=True, slots=True)
class SecondPage:
    """`secret` empty: its code is asked for; else it is to be set up. `problem`: empty, wrong, wait, busy, no_code or no_recovery."""

    back: str
    secret: str
    drawing: Code | None
    problem: str = ""
    pause_s: int = 0


@dataclass(frozen=True, slots=True)
class CodesPage:
    """`codes`: the one time that they are shown, else empty; `left`: how many are unused. `problem`: as for a password."""

    login: str
    codes: tuple[str, ...]
    left: int
    asks_password: bool
    back: str
    problem: str = ""
    pause_s: int = 0


@router.get("/account/second")
async def second_form(visit: Anyone, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    """Asks for the code; or, of somebody who has no second factor, offers to set one up."""
    back = own_path(next)
    if visit.awaited:
        return await page(visit, "second.html", SecondPage(back, "", None))
    if visit.person is None:
        raise SignInNeededError
    if visit.person.totp:
        return RedirectResponse(back, 303)
    return await page(visit, "second.html", await _to_set_up(visit.person, back, new_secret(visit)))


@router.post("/account/second")
async def second(form: PostedByAnyone) -> Response:
    """The code of somebody whose password was right: from now on they are signed in, in a fresh web session."""
    visit, back, now_ms = form.visit, own_path(form.text("next")), form.visit.office.wall_ms()
    if visit.awaited is None or visit.web_session is None:
        raise SignInNeededError
    tried = await _shown(visit, visit.awaited, visit.awaited.totp, form.text("code"))
    if tried.problem:
        return await page(visit, "second.html", SecondPage(back, "", None, tried.problem, tried.pause_s), status=tried.status)
    answer = RedirectResponse(back, 303)
    await session.begin(visit, visit.awaited, answer, second_ms=now_ms, shared=visit.web_session.shared)
    return answer


@router.post("/account/second/new")
async def set_up(form: Posted) -> Response:
    """Set it up: it holds once a code of it was shown. The password keeps others at an open page from doing it."""
    visit, back, person = form.visit, own_path(form.text("next")), form.visit.person
    assert person is not None, "signed in"
    given = form.text("secret")
    secret = given if SECRET.fullmatch(given) and not person.totp else ""
    tried = await visit.passwords.check(person.login, person.password, form.text("password"), visit.office.wall_ms())
    if secret and not tried.problem:
        tried = await _shown(visit, person, secret, form.text("code"), "no_code")
    if not secret or tried.problem:
        context = await _to_set_up(person, back, secret or new_secret(visit), tried)
        return await page(visit, "second.html", context, status=tried.status)
    await visit.office.accounts.change_staff(person.id, totp=secret)
    answer = RedirectResponse(f"/account/second/codes?next={quote(back)}", 303)
    await session.begin(visit, person, answer, second_ms=visit.office.wall_ms(), shared=session.is_shared(visit))
    return answer


@router.post("/account/second/recovery")
async def recover(form: PostedByAnyone) -> Response:
    """A recovery code instead of the telephone, of somebody whose password was right: signed in, in a fresh web session."""
    visit, back, now_ms = form.visit, own_path(form.text("next")), form.visit.office.wall_ms()
    person, held = visit.awaited, visit.web_session
    if person is None or held is None:
        raise SignInNeededError
    name, typed = f"second {person.id}", re.sub(r"[\s-]", "", form.text("recovery")).upper()
    tried = visit.passwords.refused(name, now_ms)
    if tried is None:
        digest = recovery_hash(visit.office.badge_key, person.id, typed)
        right = bool(RECOVERY.fullmatch(typed)) and await visit.office.accounts.use_recovery(person.id, digest)
        visit.passwords.tried(name, now_ms, right=right)
        tried = Tried() if right else Tried("no_recovery")
    if tried.problem:
        return await page(visit, "second.html", SecondPage(back, "", None, tried.problem, tried.pause_s), status=tried.status)
    answer = RedirectResponse("/account?done=recovered", 303)
    await session.begin(visit, person, answer, second_ms=now_ms, shared=held.shared)
    return answer


@router.get("/account/second/codes")
async def codes_form(visit: SignedIn, next: str = "/account") -> Response:  # noqa: A002 - the name in the address
    """How many recovery codes are left, and ten new ones for whoever wants them."""
    return await page(visit, "codes.html", await _codes(visit, own_path(next)))


@router.post("/account/second/codes")
async def codes(form: Posted) -> Response:
    """Ten new recovery codes, shown this once; older ones open nothing any more."""
    visit, back, person = form.visit, own_path(form.text("next")), form.visit.person
    assert person is not None, "signed in"
    if not person.totp:
        return RedirectResponse("/account/second", 303)
    tried = Tried()
    if not _is_fresh(visit):
        tried = await visit.passwords.check(person.login, person.password, form.text("current"), visit.office.wall_ms())
    if tried.problem:
        return await page(visit, "codes.html", await _codes(visit, back, tried=tried), status=tried.status)
    made = [base64.b32encode(visit.office.random_bytes(RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES)]
    await visit.office.accounts.set_recovery(person.id, [recovery_hash(visit.office.badge_key, person.id, code) for code in made])
    return await page(visit, "codes.html", await _codes(visit, back, tuple(map(_grouped, made))))


def recovery_hash(key: bytes, staff: int, code: str) -> str:
    """128 bits under the hub's own key: a stolen register opens nothing."""
    return hashlib.blake2b(f"{staff}:{code}".encode(), key=key, digest_size=HASH_BYTES, person=b"recovery").hexdigest()


def new_secret(visit: Visit) -> str:
    """A fresh one, as telephones take it."""
    return base64.b32encode(visit.office.random_bytes(SECRET_BYTES)).decode()


def step_of(secret: str, code: str, now_ms: int) -> int:
    """The step whose code this is: the present one, the one before or the one after; 0 = none."""
    spoken, now = "".join(code.split()), now_ms // STEP_MS
    made = pyotp.TOTP(secret, digits=DIGITS)
    fits = (step for step in (now, now - 1, now + 1) if hmac.compare_digest(made.generate_otp(step).encode(), spoken.encode()))
    return next(fits, 0)


async def _shown(visit: Visit, person: Staff, secret: str, code: str, wrong: str = "wrong") -> Tried:
    """Try a code; one that was right is used up."""
    now_ms, name, passwords = visit.office.wall_ms(), f"second {person.id}", visit.passwords
    refused = passwords.refused(name, now_ms)
    if refused:
        return refused
    step = step_of(secret, code, now_ms)
    right = bool(step) and await visit.office.accounts.use_step(person.id, step)
    passwords.tried(name, now_ms, right=right)
    return Tried() if right else Tried(wrong)


async def _to_set_up(person: Staff, back: str, secret: str, tried: Tried | None = None) -> SecondPage:
    said = f"otpauth://totp/{quote(ISSUER)}:{quote(person.login)}?secret={secret}&issuer={quote(ISSUER)}"
    drawing = await asyncio.to_thread(square, said)
    return SecondPage(back, secret, drawing, tried.problem if tried else "", tried.pause_s if tried else 0)


def _is_fresh(visit: Visit) -> bool:
    held = visit.web_session
    return held is not None and held.second_ms > 0 and visit.office.wall_ms() - held.second_ms <= FRESH_MS


async def _codes(visit: Visit, back: str, made: tuple[str, ...] = (), tried: Tried | None = None) -> CodesPage:
    person, refusal = visit.person, tried or Tried()
    assert person is not None, "signed in"
    left = await visit.office.accounts.count_recovery(person.id)
    return CodesPage(person.login, made, left, not _is_fresh(visit), back, refusal.problem, refusal.pause_s)


def _grouped(code: str) -> str:
    """`ABCD-EFGH-IJKL-MNOP`."""
    return "-".join(code[place : place + 4] for place in range(0, len(code), 4))
