"""Who asks, and whether the request may be answered: web sessions, and the policies that every route names in its signature.

A policy is one of `POLICIES`, or `Sees`/`Does` with a right (rights.py); a route without one fails a test. What belongs to a site
where the visitor has not that right is not found. Unsafe methods pass only from our own pages (Sec-Fetch-Site or Origin) and with the
secret of their web session.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, TypeVar
from urllib.parse import quote, unquote, urlsplit

from fastapi import Depends, HTTPException, Request
from starlette.responses import Response
from starlette.routing import Match

from hub.accounts import Staff, WebSession
from hub.core.school import Device, Household, Product, Programme, Pupil, Reader, School, Site
from hub.web import language
from hub.web.office import Office
from hub.web.passwords import Passwords
from hub.web.rights import Right, is_everywhere, sites_where
from hub.web.sensitive import RIGHTS, is_open
from hub.web.uploads import Upload, is_multipart, read_fields, read_multipart

TOKEN_BYTES = 32
"""256 bits: nobody guesses one, and a fast hash of it is enough in the register."""
IDLE_MS = 2 * 3_600_000
"""A browser left alone for two hours is signed out. An open board counts as used while taps arrive."""
LONGEST_MS = 14 * 3_600_000
"""One school day; nobody stays signed in overnight."""
KIOSK_MS = 5 * 86_400_000
"""A kiosk that staff started goes on for a school week, used or not."""
TOUCH_MS = 60_000
"""The last use of a web session is written down at most this often."""
MAX_TEXT = 500
"""Characters of one field; longer input is no name, login or code."""
PLAIN_COOKIE = "preau_web_session"


MONEY = frozenset({Right.BILLING})
"""Rights that are used only by who has shown a second factor in the same web session."""


class SignInNeededError(Exception):
    """The page is for people who are signed in: they are sent to sign in, and back."""


class SecondNeededError(Exception):
    """A second factor is asked for first: they are sent to show it, or to set it up, and back."""


class SealedBeforeError(Exception):
    """A form of this person, but of a web session before this one: its page is shown again, with what was typed."""


class PinNeededError(Exception):
    """Sensitive data on a shared device: they are sent to type their PIN, and back."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request: who asks, and in which language. `person` and `web_session` are None for a visitor who is not signed in.

    A kiosk has a web session and no `person`: whatever asks for staff is not for it.
    """

    request: Request
    office: Office
    language: str
    person: Staff | None = None
    awaited: Staff | None = None
    """Who has given the password, and not yet the code of the second factor: nobody is signed in before."""
    web_session: WebSession | None = None
    token_hash: str = ""
    sites: frozenset[int] = frozenset()
    """Where the right that the route names holds: nothing else may be shown or changed."""

    @property
    def is_fragment(self) -> bool:
        """Whether htmx asks for a block of the page."""
        return self.request.headers.get("hx-request") == "true"

    @property
    def passwords(self) -> Passwords:
        found: Passwords = self.request.app.state.passwords
        return found

    @property
    def sees_sensitive(self) -> bool:
        """Whether sensitive things (sensitive.py) may be shown: on a shared device only just after its person's PIN."""
        return is_open(self.web_session, self.office.wall_ms(), sends=self.request.method not in {"GET", "HEAD"})

    def only_shows(self) -> None:
        """Of a form that was sent to see what it would do: nothing is done, and the trail says so (trail.py)."""
        self.request.state.only_shows = True

    def ask_pin(self) -> None:
        """For what shows nothing but sensitive things: asks for the PIN first, where it has to be."""
        if not self.sees_sensitive:
            raise PinNeededError

    def ask_second(self) -> None:
        """For what moves money: asks for the second factor first, where this web session has not shown it."""
        if self.web_session is not None and not self.web_session.second_ms:
            raise SecondNeededError

    @property
    def school(self) -> School:
        return self.office.desk.school

    def may(self, right: Right, *, does: bool = False) -> bool:
        """Whether the visitor has a right anywhere: for links to what belongs to no site; of one thing it is asked with `at` or `where`."""
        return self.person is not None and bool(sites_where(self.person.posts, right, self.school, does=does))

    def where(self, right: Right, *, does: bool = False) -> frozenset[int]:
        """The sites where the visitor may see, or do, something else than the route is about: for parts of a page. None before a PIN."""
        closed = self.person is None or (right in RIGHTS and not self.sees_sensitive)
        return frozenset() if closed or self.person is None else sites_where(self.person.posts, right, self.school, does=does)

    def at(self, right: Right, *, does: bool = False) -> "Visit":
        """The same visit as a route of another right has it: whether a link to it leads anywhere for this pupil, or family."""
        return replace(self, sites=self.where(right, does=does))

    def may_everywhere(self, right: Right) -> bool:
        """Whether the visitor may change what belongs to no single site."""
        return self.person is not None and is_everywhere(self.person.posts, right)

    def own_sites(self) -> tuple[Site, ...]:
        """The sites where the route's right holds, by name."""
        return tuple(sorted((self.school.sites[site] for site in self.sites), key=lambda site: (site.name, site.id)))

    def site(self, site: int) -> Site:
        """One of them; 404 for another."""
        return _found(self.school.sites.get(site) if site in self.sites else None)

    def programme(self, programme: int) -> Programme:
        """A programme of one of them; 404 for another."""
        found = _found(self.school.programmes.get(programme))
        return _found(found if found.site in self.sites else None)

    def product(self, product: int) -> Product:
        """A product of one of them; 404 for another."""
        found = _found(self.school.products.get(product))
        return _found(found if found.site in self.sites else None)

    def device(self, device: str) -> Device:
        """A device of one of them; 404 for another."""
        found = _found(self.school.devices.get(device))
        return _found(found if found.site in self.sites else None)

    def reader(self, device: str, reader: str) -> Reader:
        """A reader of such a device; 404 for another."""
        return _found(self.school.readers.get((self.device(device).id, reader)))

    def knows(self, pupil: Pupil) -> bool:
        """Whether a pupil is of one of these sites: by class, or planned at one of its programmes."""
        plans = self.school.plans.get(pupil.id, ())
        return pupil.site in self.sites or any(self.school.programmes[plan.programme].site in self.sites for plan in plans)

    def pupil(self, pupil: int) -> Pupil:
        """Such a pupil; 404 for another."""
        found = _found(self.school.pupils.get(pupil))
        return _found(found if self.knows(found) else None)

    def knows_family(self, household: int) -> bool:
        """Whether a household is that of such a pupil, or of nobody yet."""
        kin = self.school.kin.get(household, ())
        return not kin or any(self.knows(self.school.pupils[pupil]) for pupil in kin)

    def household(self, household: int) -> Household:
        """Such a household; 404 for another."""
        found = _found(self.school.households.get(household))
        return _found(found if self.knows_family(found.id) else None)

    def wallet(self, wallet: int) -> int:
        """A wallet of one of these sites; 404 for another."""
        owner = _found(self.office.desk.books.owners.get(wallet))
        _found(owner if owner.site in self.sites else None)
        return wallet


@dataclass(frozen=True, slots=True)
class Form:
    """What a form of ours sent. `ask` is the id it got when it was rendered: sent twice, it has one effect."""

    visit: Visit
    fields: Mapping[str, list[str]]
    files: Mapping[str, Upload] = field(default_factory=dict)

    @property
    def ask(self) -> int:
        ask = self.number("ask_id")
        if ask == 0:
            raise HTTPException(422)
        return ask

    def text(self, name: str, most: int = MAX_TEXT) -> str:
        """One field without surrounding space; empty when it is missing, cut after `most` characters."""
        return self.fields.get(name, [""])[0].strip()[:most]

    def number(self, name: str) -> int:
        """One field as a 63-bit id; 0 when it is none."""
        return _id(self.text(name))

    def numbers(self, name: str) -> tuple[int, ...]:
        """All values of one field as ids, each once, in order."""
        return tuple(dict.fromkeys(found for text in self.fields.get(name, []) if (found := _id(text))))


async def anyone(request: Request) -> Visit:
    """Policy: open to all. Says who is signed in, if someone is."""
    office: Office = request.app.state.office
    visit = Visit(request, office, language.wished(request, office))
    return await _recognised(visit)


async def signed_in(request: Request) -> Visit:
    """Policy: staff only."""
    visit = await anyone(request)
    if visit.awaited is not None:
        raise SecondNeededError
    if visit.person is None:
        raise SignInNeededError
    return visit


async def posted(request: Request) -> Form:
    """Policy: a form of staff, from our own page, with its web session's secret."""
    _refuse_foreign(request)
    return await _secret(await signed_in(request))


async def posted_by_anyone(request: Request) -> Form:
    """Policy: a form from our own page, of a visitor who has no web session yet."""
    _refuse_foreign(request)
    request.state.fields = await read_fields(request)
    return Form(await anyone(request), request.state.fields)


async def _secret(visit: Visit, upload_bytes: int = 0) -> Form:
    """The form of somebody who is signed in; 403 without the secret of the web session."""
    multipart = upload_bytes and is_multipart(visit.request)
    fields, files = await read_multipart(visit.request, upload_bytes) if multipart else (await read_fields(visit.request), {})
    visit.request.state.fields = fields
    form, given = Form(visit, fields, files), fields.get("csrf", [""])[0]
    assert visit.web_session is not None, "staff are signed in"
    if hmac.compare_digest(given.encode(), visit.web_session.csrf.encode()):
        return form
    if visit.person is not None and is_seal_of(visit.office, visit.person.id, given):
        raise SealedBeforeError
    raise HTTPException(403)


async def at_kiosk(request: Request) -> Visit:
    """Policy: the browser of the very kiosk that the path names, which may ask for nothing else."""
    visit = await anyone(request)
    if visit.web_session is None or visit.web_session.kiosk != _kiosk(request):
        raise SignInNeededError
    return visit


async def posted_at_kiosk(request: Request) -> Form:
    """Policy: a form of that kiosk, from its own page, with its web session's secret."""
    _refuse_foreign(request)
    return await _secret(await at_kiosk(request))


POLICIES = (anyone, signed_in, posted, posted_by_anyone, at_kiosk, posted_at_kiosk)


@dataclass(frozen=True, slots=True)
class Sees:
    """Policy: staff who may look at this, at the visit's `sites`. 403 for those who may nowhere.

    `sensitive`: a shared device asks for the PIN first (sensitive.py).
    """

    right: Right
    sensitive: bool = False

    async def __call__(self, request: Request) -> Visit:
        """The visit, narrowed."""
        return _narrowed(await signed_in(request), self, does=False)


@dataclass(frozen=True, slots=True)
class Does:
    """Policy: a form of staff who may change this, at the visit's `sites`. 403 for those who may nowhere.

    `upload_bytes`: of a form with files, at most so many altogether; 0 = none may come with it. `sensitive`: as for `Sees`.
    """

    right: Right
    upload_bytes: int = 0
    sensitive: bool = False

    async def __call__(self, request: Request) -> Form:
        """The form, its visit narrowed. Nothing large is read of those who may not send it."""
        _refuse_foreign(request)
        visit = _narrowed(await signed_in(request), self, does=True)
        if self.right in MONEY:
            visit.ask_second()
        return await _secret(visit, self.upload_bytes)


Anyone = Annotated[Visit, Depends(anyone)]
SignedIn = Annotated[Visit, Depends(signed_in)]
Posted = Annotated[Form, Depends(posted)]
PostedByAnyone = Annotated[Form, Depends(posted_by_anyone)]
AtKiosk = Annotated[Visit, Depends(at_kiosk)]
PostedAtKiosk = Annotated[Form, Depends(posted_at_kiosk)]


async def begin(visit: Visit, person: Staff, response: Response, *, second_ms: int = 0, shared: bool = False) -> None:
    """Sign in: a fresh web session (an older one of this browser ends), its token in a cookie that scripts cannot read.

    `second_ms`: when the second factor was shown; who has one and has not shown it is not signed in yet.
    """
    now_ms = visit.office.wall_ms()
    visit.request.state.staff = person.id
    opened = WebSession(person.id, new_seal(visit.office, person.id), now_ms, now_ms, second_ms, shared=shared)
    await _begin(visit, opened, response, LONGEST_MS)
    if person.language in visit.request.app.state.pages.languages:
        speak(visit, person.language, response)


def speak(visit: Visit, tongue: str, response: Response) -> None:
    """Note the language of this browser."""
    language.remember(tongue, response, secure=visit.office.over_https)


async def begin_kiosk(form: Form, response: Response) -> None:
    """Make this browser the kiosk that the path names, and nothing else: the person who did it is signed out in it."""
    assert form.visit.person is not None, "staff start a kiosk"
    form.visit.request.app.state.live.hang_up(form.visit.token_hash)
    now_ms = form.visit.office.wall_ms()
    opened = WebSession(form.visit.person.id, new_token(form.visit.office), now_ms, now_ms, kiosk=_kiosk(form.visit.request))
    await _begin(form.visit, opened, response, KIOSK_MS)


async def _begin(visit: Visit, opened: WebSession, response: Response, lasts_ms: int) -> None:
    office = visit.office
    if visit.token_hash:
        await office.accounts.end_session(visit.token_hash)
    token = new_token(office)
    await office.accounts.add_session(token_hash(token), opened)
    response.set_cookie(_cookie(office), token, max_age=lasts_ms // 1000, secure=office.over_https, httponly=True, samesite="lax")


async def end(visit: Visit, response: Response) -> None:
    """Sign out: the web session ends here and in the register, its streams end with it."""
    await visit.office.accounts.end_session(visit.token_hash)
    visit.request.app.state.live.hang_up(visit.token_hash)
    response.delete_cookie(_cookie(visit.office), secure=visit.office.over_https, httponly=True, samesite="lax")


async def still_valid(visit: Visit) -> bool:
    """Whether the web session of an open stream is still one."""
    now = await _recognised(Visit(visit.request, visit.office, visit.language), touch=False)
    return now.web_session is not None and now.awaited is None


def new_token(office: Office) -> str:
    """256 random bits for a cookie or a link."""
    return base64.urlsafe_b64encode(office.random_bytes(TOKEN_BYTES)).rstrip(b"=").decode()


def token_hash(token: str) -> str:
    """How a token is stored: a stolen register opens no session."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_seal(office: Office, staff: int) -> str:
    """The secret of a web session's forms: random, and marked with whose it is. A form tells that also when its web session is gone."""
    token = new_token(office)
    return f"{token}.{_mark(office, staff, token)}"


def is_seal_of(office: Office, staff: int, seal: str) -> bool:
    """Whether a form stood on a page of this person, in whatever web session."""
    token, _, mark = seal.partition(".")
    return hmac.compare_digest(mark.encode(), _mark(office, staff, token).encode())


def _mark(office: Office, staff: int, token: str) -> str:
    return hashlib.blake2b(f"{staff}:{token}".encode(), key=office.badge_key, digest_size=16, person=b"seal").hexdigest()


def own_path(text: str) -> str:
    """A path of this site to return to; `/` for anything that could lead elsewhere."""
    parts = urlsplit(text)
    foreign = parts.scheme or parts.netloc or not text.startswith("/") or text.startswith("//") or "\\" in text
    return "/" if foreign or any(ord(sign) < 32 for sign in text) else text


def is_shared(visit: Visit) -> bool:
    """Whether several people use this device."""
    return visit.web_session is not None and visit.web_session.shared


def way_back(request: Request) -> str:
    """The page that was asked for; for a form, the page it stood on, if that is one that can be opened."""
    came = urlsplit(str(request.url) if request.method == "GET" else request.headers.get("referer", ""))
    if request.method != "GET" and (came.netloc != request.headers.get("host") or not _opens(request, unquote(came.path))):
        return "/"
    return own_path(f"{came.path or '/'}?{came.query}" if came.query else came.path or "/")


def _opens(request: Request, path: str) -> bool:
    """Whether there is a page at a path: a form that was refused stands at an address that only takes forms."""
    asked = {"type": "http", "method": "GET", "path": path, "headers": []}
    return any(route.matches(asked)[0] is Match.FULL for route in request.app.routes)


def sign_in_path(request: Request) -> str:
    """The sign-in page, with the way back to a page."""
    back = way_back(request)
    return f"/sign-in?next={quote(back)}" if back != "/" else "/sign-in"


def _narrowed(visit: Visit, policy: Sees | Does, *, does: bool) -> Visit:
    assert visit.person is not None, "signed in"
    sites = sites_where(visit.person.posts, policy.right, visit.school, does=does)
    # Whoever sets a school up has rights everywhere before there is any site.
    if not sites and (visit.school.sites or not visit.may_everywhere(policy.right)):
        raise HTTPException(403)
    if policy.sensitive or policy.right in RIGHTS:
        visit.ask_pin()
    return replace(visit, sites=sites)


T = TypeVar("T")


def _found(thing: T | None) -> T:
    if thing is None:
        raise HTTPException(404)
    return thing


def _cookie(office: Office) -> str:
    return f"__Host-{PLAIN_COOKIE}" if office.over_https else PLAIN_COOKIE


async def _recognised(visit: Visit, *, touch: bool = True) -> Visit:
    office = visit.office
    token = visit.request.cookies.get(_cookie(office), "")
    if not token:
        return visit
    hashed, now_ms = token_hash(token), office.wall_ms()
    found = await office.accounts.session(hashed)
    idle_ms, longest_ms = (KIOSK_MS, KIOSK_MS) if found and found.kiosk else (IDLE_MS, LONGEST_MS)
    if found is None or now_ms - found.seen_ms > idle_ms or now_ms - found.from_ms > longest_ms:
        return visit
    person = await office.accounts.staff(found.staff)
    if person is None or person.ended_ms:
        return visit
    if touch and now_ms - found.seen_ms >= TOUCH_MS:
        await office.accounts.touch_session(hashed, now_ms)
    known = replace(visit, web_session=found, token_hash=hashed)
    if found.kiosk:  # its browser is the school's, not the pupil's: what it asks for says nothing
        return replace(known, language=language.chosen(visit.request) or office.language)
    if person.totp and not found.second_ms:
        return replace(known, awaited=person)
    visit.request.state.staff = person.id
    own = person.language in visit.request.app.state.pages.languages
    return replace(known, person=person, language=person.language if own else known.language)


def _kiosk(request: Request) -> str:
    """The kiosk that a path names, as its web session has it."""
    return f"{request.path_params['device']}/{request.path_params['reader']}"


def _refuse_foreign(request: Request) -> None:
    """Browsers say where a form comes from; Sec-Fetch-Site is missing on plain http, Origin then stands in."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        allowed = site in {"same-origin", "none"}
    else:
        allowed = urlsplit(request.headers.get("origin", "")).netloc == request.headers.get("host", "-")
    if not allowed:
        raise HTTPException(403)


def _id(text: str) -> int:
    found = int(text) if text.isascii() and text.isdigit() and len(text) <= 19 else 0
    return found if found < 2**63 else 0
