"""Signing in and out, the first account by its one-time link, and the language of the pages."""

from dataclasses import dataclass

from fastapi import APIRouter, Response
from starlette.responses import RedirectResponse

from hub.web import session
from hub.web.office import Office
from hub.web.passwords import MAX_LENGTH, MIN_LENGTH, Passwords
from hub.web.render import page
from hub.web.session import Anyone, Form, Posted, PostedByAnyone, new_token, own_path, token_hash

INVITE_MS = 14 * 86_400_000
"""How long a first-account link is good: two weeks, as a school may print it and go on holiday."""
MAX_NAME = 80
"""Characters of a name or login."""
YEAR_S = 365 * 86_400

router = APIRouter()


@dataclass(frozen=True, slots=True)
class SignInPage:
    """`problem`: empty, wrong, wait or busy. `pause_s`: how long to wait."""

    login: str
    back: str
    problem: str = ""
    pause_s: int = 0


@dataclass(frozen=True, slots=True)
class FirstPage:
    """`problems`: field name -> code; what was typed is kept, except the passwords."""

    token: str
    name: str
    login: str
    problems: dict[str, str]
    min_length: int = MIN_LENGTH


async def first_account_link(office: Office, url: str) -> str | None:
    """A one-time link that makes the first account, or None when there is an account. `url`: where browsers reach the hub."""
    if await office.accounts.count_staff():
        return None
    token = new_token(office)
    await office.accounts.add_invite(token_hash(token), office.wall_ms() + INVITE_MS)
    return f"{url.rstrip('/')}/first/{token}"


@router.get("/sign-in")
async def sign_in_form(visit: Anyone, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    """The form; whoever is signed in already goes on."""
    if visit.person:
        return RedirectResponse(own_path(next), 303)
    return await page(visit, "sign_in.html", SignInPage("", own_path(next)))


@router.post("/sign-in")
async def sign_in(form: PostedByAnyone) -> Response:
    """Staff sign in with login and password."""
    visit, passwords, now_ms = form.visit, _passwords(form), form.visit.office.wall_ms()
    login, back = form.text("login").casefold(), own_path(form.text("next"))
    pause_ms = passwords.pause_ms(login, now_ms)
    if pause_ms or passwords.busy():
        problem = "wait" if pause_ms else "busy"
        return await page(visit, "sign_in.html", SignInPage(login, back, problem, -(-pause_ms // 1000)), status=429)
    staff = await visit.office.accounts.staff_by_login(login)
    right = await passwords.fits(staff.password if staff else None, form.text("password"))
    passwords.tried(login, now_ms, right=right)
    if staff is None or not right:
        return await page(visit, "sign_in.html", SignInPage(login, back, "wrong"), status=422)
    answer = RedirectResponse(back, 303)
    await session.begin(visit, staff.id, answer)
    return answer


@router.post("/sign-out")
async def sign_out(form: Posted) -> Response:
    """End this browser's web session."""
    answer = RedirectResponse("/sign-in", 303)
    await session.end(form.visit, answer)
    return answer


@router.get("/first/{token}")
async def first_form(visit: Anyone, token: str) -> Response:
    """The form of the one-time link. Whether the link is good is said when the form is sent: looking must not use it up."""
    return await page(visit, "first.html", FirstPage(token, "", "", {}))


@router.post("/first/{token}")
async def first(form: PostedByAnyone, token: str) -> Response:
    """Make the first account and sign it in."""
    visit, accounts = form.visit, form.visit.office.accounts
    name, login = form.text("name"), form.text("login").casefold()
    problems = _problems(name, login, form.text("password"), form.text("again"))
    if problems:
        return await page(visit, "first.html", FirstPage(token, name, login, problems), status=422)
    if not await accounts.use_invite(token_hash(token), visit.office.wall_ms()):
        return await page(visit, "first.html", FirstPage(token, name, login, {"token": "used"}), status=409)
    staff = visit.office.new_id()
    await accounts.add_staff(staff, login, name, await _passwords(form).hash(form.text("password")))
    answer = RedirectResponse("/", 303)
    await session.begin(visit, staff, answer)
    return answer


@router.post("/language")
async def language(form: PostedByAnyone) -> Response:
    """Remember the language of this browser."""
    answer = RedirectResponse(own_path(form.text("next")), 303)
    chosen = form.text("language")
    if chosen in form.visit.request.app.state.pages.languages:
        secure = form.visit.office.over_https
        answer.set_cookie(session.LANGUAGE_COOKIE, chosen, max_age=YEAR_S, secure=secure, httponly=True, samesite="lax")
    return answer


def _problems(name: str, login: str, password: str, again: str) -> dict[str, str]:
    found = {
        "name": "missing" if not name else "long" if len(name) > MAX_NAME else "",
        "login": "missing" if not login else "long" if len(login) > MAX_NAME else "spaces" if len(login.split()) > 1 else "",
        "password": "short" if len(password) < MIN_LENGTH else "long" if len(password) > MAX_LENGTH else "",
        "again": "differs" if password != again else "",
    }
    return {field: problem for field, problem in found.items() if problem}


def _passwords(form: Form) -> Passwords:
    found: Passwords = form.visit.request.app.state.passwords
    return found
