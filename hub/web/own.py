"""One's own account: password, language, PIN for shared devices, second factor, signing out everywhere."""

from dataclasses import dataclass

from fastapi import APIRouter, Response
from starlette.responses import RedirectResponse

from hub.web import session
from hub.web.passwords import MIN_LENGTH, Tried, password_problems
from hub.web.render import page
from hub.web.rights import Staff
from hub.web.session import Form, Posted, SignedIn, Visit, own_path

PIN_DIGITS = range(4, 9)

router = APIRouter()


@dataclass(frozen=True, slots=True)
class OwnPage:
    """`posts`: role and site, empty = everywhere. `problem`: a code, `at` which form; `done`: what was just done."""

    login: str
    posts: tuple[tuple[str, str], ...]
    language: str
    has_pin: bool
    has_second: bool
    shared: bool
    done: str
    problem: str = ""
    at: str = ""
    pause_s: int = 0
    min_length: int = MIN_LENGTH


@dataclass(frozen=True, slots=True)
class PinPage:
    back: str
    has_pin: bool
    problem: str = ""
    pause_s: int = 0


@router.get("/account")
async def own(visit: SignedIn, done: str = "") -> Response:
    """What one may change of one's own account."""
    return await page(visit, "own.html", _page(visit, done=done))


@router.post("/account/password")
async def password(form: Posted) -> Response:
    """Another password; all other browsers are signed out."""
    person, visit = _person(form), form.visit
    wrong = list(password_problems(form.text("password"), form.text("again")).values())
    tried = Tried(wrong[0]) if wrong else await _allowed(form)
    if tried.problem:
        return await _refused(form, "password", tried)
    await visit.office.accounts.change_staff(person.id, password=await visit.passwords.hash(form.text("password")))
    return await _signed_in_afresh(form, person, "password")


@router.post("/account/language")
async def language(form: Posted) -> Response:
    """The language of one's pages, wherever one signs in."""
    chosen = form.text("language")
    if chosen not in form.visit.request.app.state.pages.languages:
        return await _refused(form, "language", Tried("no_language"))
    await form.visit.office.accounts.change_staff(_person(form).id, language=chosen)
    answer = RedirectResponse("/account?done=language", 303)
    session.speak(form.visit, chosen, answer)
    return answer


@router.post("/account/new-pin")
async def new_pin(form: Posted) -> Response:
    """Another PIN, or none any more."""
    person, visit, pin = _person(form), form.visit, form.text("pin")
    erase = form.text("erase") == "yes"
    good = erase or (pin.isascii() and pin.isdigit() and len(pin) in PIN_DIGITS)
    tried = Tried("no_pin") if not good else Tried("differs") if pin != form.text("again") and not erase else await _allowed(form)
    if tried.problem:
        return await _refused(form, "pin", tried)
    await visit.office.accounts.change_staff(person.id, pin="" if erase else await visit.passwords.hash(pin))
    return RedirectResponse("/account?done=pin", 303)


@router.post("/account/second/end")
async def end_second(form: Posted) -> Response:
    """No second factor any more; what asks for it is closed again in every browser."""
    person, tried = _person(form), await _allowed(form)
    if tried.problem:
        return await _refused(form, "second", tried)
    await form.visit.office.accounts.end_second(person.id)
    return RedirectResponse("/account?done=no_second", 303)


@router.post("/account/everywhere")
async def everywhere(form: Posted) -> Response:
    """Signed out in every browser, this one too."""
    answer = RedirectResponse("/sign-in", 303)
    await form.visit.office.accounts.end_sessions_of(_person(form).id)
    await session.end(form.visit, answer)
    return answer


@router.get("/account/pin")
async def pin_form(visit: SignedIn, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    """Asks for the PIN, on a shared device."""
    if visit.sees_sensitive:
        return RedirectResponse(own_path(next), 303)
    return await page(visit, "pin.html", PinPage(own_path(next), bool(visit.person and visit.person.pin)))


@router.post("/account/pin")
async def pin(form: Posted) -> Response:
    """The PIN: sensitive data shows for two minutes."""
    visit, person, back = form.visit, _person(form), own_path(form.text("next"))
    now_ms = visit.office.wall_ms()
    tried = await visit.passwords.check(f"pin {person.id}", person.pin or None, form.text("pin"), now_ms)
    if tried.problem:
        return await page(visit, "pin.html", PinPage(back, bool(person.pin), tried.problem, tried.pause_s), status=tried.status)
    await visit.office.accounts.touch_session(visit.token_hash, now_ms, pin=True)
    return RedirectResponse(back, 303)


def _person(form: Form) -> Staff:
    assert form.visit.person is not None, "signed in"
    return form.visit.person


async def _allowed(form: Form) -> Tried:
    """Whether the password that is asked for again is right."""
    person = _person(form)
    return await form.visit.passwords.check(person.login, person.password, form.text("current"), form.visit.office.wall_ms())


async def _signed_in_afresh(form: Form, person: Staff, done: str) -> Response:
    """Only this browser goes on, under a new token."""
    visit = form.visit
    assert visit.web_session is not None, "signed in"
    await visit.office.accounts.end_sessions_of(person.id)
    answer = RedirectResponse(f"/account?done={done}", 303)
    await session.begin(visit, person, answer, second_ms=visit.web_session.second_ms, shared=visit.web_session.shared)
    return answer


async def _refused(form: Form, at: str, tried: Tried) -> Response:
    return await page(form.visit, "own.html", _page(form.visit, tried, at), status=tried.status if tried.pause_s else 422)


def _page(visit: Visit, tried: Tried | None = None, at: str = "", done: str = "") -> OwnPage:
    person, school = visit.person, visit.school
    assert person is not None, "signed in"
    posts = ((role.value, school.sites[site].name if site in school.sites else "") for role, site in sorted(person.posts))
    return OwnPage(
        login=person.login,
        posts=tuple(posts),
        language=person.language or visit.language,
        has_pin=bool(person.pin),
        has_second=bool(person.totp),
        shared=session.is_shared(visit),
        done=done,
        problem=tried.problem if tried else "",
        at=at,
        pause_s=tried.pause_s if tried else 0,
    )
