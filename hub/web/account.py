"""Signing in and out, the first account by its one-time link, and the language of the pages."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from hub.web import kept, session
from hub.web.office import Office
from hub.web.passwords import MIN_LENGTH, name_problems, password_problems
from hub.web.render import page
from hub.web.rights import Staff
from hub.web.session import Anyone, Posted, PostedByAnyone, Visit, anyone, new_token, own_path, token_hash, way_back

INVITE_MS = 14 * 86_400_000
"""How long a first-account link is good: two weeks, as a school may print it and go on holiday."""

router = APIRouter()


@dataclass(frozen=True, slots=True)
class SignInPage:
    """`problem`: empty, wrong, wait or busy. `pause_s`: how long to wait. `typed`: the form that could not be taken, if one was sent.

    `lost`: whether one was sent that cannot be kept, as one with a file.
    """

    login: str
    back: str
    problem: str = ""
    pause_s: int = 0
    shared: bool = False
    typed: kept.Typed | None = None
    lost: bool = False


@dataclass(frozen=True, slots=True)
class FirstPage:
    """`problems`: field name -> code; what was typed is kept, except the passwords."""

    token: str
    name: str
    login: str
    problems: dict[str, str]
    min_length: int = MIN_LENGTH


@dataclass(frozen=True, slots=True)
class InvitePage:
    """`token` empty: the link is not good any more."""

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
async def sign_in_form(visit: Anyone, next: str = "/", lost: str = "") -> Response:  # noqa: A002 - the name in the address
    """The form; whoever is signed in already goes on."""
    if visit.person:
        return RedirectResponse(own_path(next), 303)
    return await page(visit, "sign_in.html", SignInPage("", own_path(next), lost=lost == "yes"))


@router.post("/sign-in")
async def sign_in(form: PostedByAnyone) -> Response:
    """Staff sign in with login and password."""
    visit, login, back = form.visit, form.text("login").casefold(), own_path(form.text("next"))
    shared, typed = form.text("shared") == "yes", kept.carried(form)
    staff = await visit.office.accounts.staff_by_login(login)
    tried = await visit.passwords.check(login, staff.password or None if staff else None, form.text("password"), visit.office.wall_ms())
    if staff is None or tried.problem:
        return await _asked(visit, SignInPage(login, back, tried.problem or "wrong", tried.pause_s, shared, typed), tried.status)
    answer = RedirectResponse(kept.keep(visit, staff.id, back, typed), 303)
    await session.begin(visit, staff, answer, shared=shared)
    return answer


async def ask_again(request: Request, typed: kept.Typed) -> Response:
    """The answer to a form whose web session has ended: sign in, and it is there again."""
    return await _asked(await anyone(request), SignInPage("", way_back(request), typed=typed), 401)


async def _asked(visit: Visit, context: SignInPage, status: int) -> Response:
    answer = await page(visit, "sign_in.html", context, status=status)
    if context.typed:  # what was typed does not lie in an open page for longer
        answer.headers["refresh"] = f"{kept.KEEP_MS // 1000};url=/sign-in"
    return answer


@router.post("/sign-out")
async def sign_out(form: Posted) -> Response:
    """End this browser's web session."""
    answer = RedirectResponse("/sign-in", 303)
    await session.end(form.visit, answer)
    return answer


@router.get("/first/{token}")
async def first_form(visit: Anyone, token: str) -> Response:
    """The form of the one-time link, while there is no account. Whether the link is good is said when the form is sent."""
    there = await visit.office.accounts.count_staff() > 0
    return await page(visit, "first.html", FirstPage(token, "", "", {"token": "used"} if there else {}), status=410 if there else 200)


@router.post("/first/{token}")
async def first(form: PostedByAnyone, token: str) -> Response:
    """Make the first account and sign it in."""
    visit, accounts = form.visit, form.visit.office.accounts
    name, login = form.text("name"), form.text("login").casefold()
    problems = name_problems(name, login) | password_problems(form.text("password"), form.text("again"))
    if problems:
        return await page(visit, "first.html", FirstPage(token, name, login, problems), status=422)
    if not await accounts.use_invite(token_hash(token), visit.office.wall_ms()):
        return await page(visit, "first.html", FirstPage(token, name, login, {"token": "used"}), status=409)
    staff = visit.office.new_id()
    hashed = await visit.passwords.hash(form.text("password"))
    await accounts.add_staff(staff, login, name, hashed)
    answer = RedirectResponse("/" if visit.school.sites else "/setup", 303)
    await session.begin(visit, Staff(staff, login, name, hashed), answer)
    return answer


@router.get("/invite/{token}")
async def invite_form(visit: Anyone, token: str) -> Response:
    """The form of an invitation: whose it is, and a password to choose."""
    person = await visit.office.accounts.invited(token_hash(token), visit.office.wall_ms())
    return await page(visit, "invite.html", _invite(token, person), status=200 if person else 410)


@router.post("/invite/{token}")
async def invite(form: PostedByAnyone, token: str) -> Response:
    """Take the password that was chosen; whoever was signed in to this account is signed out, and its owner signed in."""
    visit, accounts, now_ms = form.visit, form.visit.office.accounts, form.visit.office.wall_ms()
    person = await accounts.invited(token_hash(token), now_ms)
    problems = password_problems(form.text("password"), form.text("again"))
    if person is None or problems:
        return await page(visit, "invite.html", _invite(token, person, problems), status=422 if person else 410)
    hashed = await visit.passwords.hash(form.text("password"))
    if person.ended_ms or not await accounts.use_invite(token_hash(token), now_ms, person.id):
        return await page(visit, "invite.html", _invite(token, None), status=410)
    await accounts.change_staff(person.id, password=hashed)
    await accounts.end_sessions_of(person.id)
    answer = RedirectResponse("/", 303)
    await session.begin(visit, person, answer, shared=form.text("shared") == "yes")
    return answer


@router.post("/language")
async def language(form: PostedByAnyone) -> Response:
    """Remember the language: of this browser, and with the account of who is signed in."""
    answer = RedirectResponse(own_path(form.text("next")), 303)
    visit, chosen = form.visit, form.text("language")
    if chosen in visit.request.app.state.pages.languages:
        session.speak(visit, chosen, answer)
        if visit.person is not None:
            await visit.office.accounts.change_staff(visit.person.id, language=chosen)
    return answer


def _invite(token: str, person: Staff | None, problems: dict[str, str] | None = None) -> "InvitePage":
    good = person is not None and not person.ended_ms
    return InvitePage(token if good else "", person.name if person else "", person.login if person else "", problems or {})
