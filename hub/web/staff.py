"""Staff: accounts and their roles at each site, invitations, who has left. Who may give what is said in rights.py."""

import asyncio
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response
from starlette.responses import RedirectResponse

from hub.core.facts import derived
from hub.web.passwords import MAX_NAME, name_problems
from hub.web.render import page, stamp
from hub.web.rights import Posts, Right, Role, Staff, can_still_appoint, is_everywhere, may_give, may_handle
from hub.web.session import Does, Form, Sees, Visit, new_token, token_hash

INVITE_MS = 14 * 86_400_000
"""How long an invitation is good."""

Looks = Annotated[Visit, Depends(Sees(Right.STAFF))]
Appoints = Annotated[Form, Depends(Does(Right.STAFF))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Row:
    """An account of the list. `state`: here, invited or ended; `posts`: role and site, empty = everywhere."""

    person: Staff
    state: str
    posts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class StaffPage:
    rows: tuple[Row, ...]
    done: str


@dataclass(frozen=True, slots=True)
class Box:
    """A role at a site (0 = everywhere), and whether this reader may give or take it."""

    value: str
    chosen: bool
    mine: bool


@dataclass(frozen=True, slots=True)
class MemberPage:
    """An account, or (`person` None) a new one. `table`: of each role its boxes, in the order of `places`."""

    person: Staff | None
    name: str
    login: str
    places: tuple[str, ...]
    table: tuple[tuple[str, tuple[Box, ...]], ...]
    was: str
    state: str
    may_handle: bool
    problems: dict[str, str]
    done: str = ""
    max_name: int = MAX_NAME


@dataclass(frozen=True, slots=True)
class InvitedPage:
    """The one time that an invitation is shown."""

    person: Staff
    link: str
    days: int = INVITE_MS // 86_400_000


@router.get("/staff")
async def staff(visit: Looks, done: str = "") -> Response:
    """Everybody with an account, as far as the reader's sites go."""
    known = [one for one in await visit.office.accounts.everyone() if _knows(visit, one)]
    rows = [Row(one, _state(one), _posts(visit, one)) for one in known]
    return await page(visit, "staff.html", StaffPage(tuple(sorted(rows, key=lambda row: row.state == "ended")), done))


@router.get("/staff/new")
async def new_form(visit: Looks) -> Response:
    """An empty form."""
    return await page(visit, "member.html", _member(visit, None, frozenset()))


@router.post("/staff/new")
async def invite(form: Appoints) -> Response:
    """A new account without a password, and the link with which its owner chooses one."""
    visit, name, login = form.visit, form.text("name"), form.text("login").casefold()
    posts, problems = _chosen(form), name_problems(name, login)
    if not all(_may_give(visit, post) for post in posts):
        problems["posts"] = "not_yours"
    elif not posts:
        problems["posts"] = "none"
    person = Staff(derived(form.ask, "staff"), login, name, "", posts=posts)
    if not problems and not await visit.office.accounts.add_staff(person.id, login, name, "", posts):
        problems["login"] = "taken"
    if problems:
        return await page(visit, "member.html", replace(_member(visit, None, posts, problems), name=name, login=login), status=409)
    return await _invited(visit, person)


@router.get("/staff/{member}")
async def member(visit: Looks, member: int, done: str = "") -> Response:
    """One account."""
    found = await _person(visit, member)
    return await page(visit, "member.html", _member(visit, found, found.posts, done=done))


@router.post("/staff/{member}")
async def appoint(form: Appoints, member: int) -> Response:
    """What a person does from now on; what this reader may not give stays as it is."""
    visit = form.visit
    async with _one_at_a_time(visit):
        found = await _person(visit, member)
        kept = frozenset(post for post in found.posts if not _may_give(visit, post, found))
        posts = kept | _chosen(form)
        problem = "changed_meanwhile" if form.text("was") != _stamp(found) else ""
        if not all(_may_give(visit, post, found) for post in posts - kept):
            problem = "not_yours"
        elif not problem and not await _can_still_appoint(visit, replace(found, posts=posts)):
            problem = "last"
        if problem:
            return await page(visit, "member.html", _member(visit, found, posts, {"posts": problem}), status=409)
        await visit.office.accounts.set_posts(found.id, posts)
    return RedirectResponse(f"/staff/{member}?done=saved", 303)


@router.post("/staff/{member}/end")
async def end(form: Appoints, member: int) -> Response:
    """They do not work here any more: signed out everywhere at once. The name stays, for the trail."""
    visit = form.visit
    async with _one_at_a_time(visit):
        found = await _handled(visit, member)
        gone = replace(found, ended_ms=visit.office.wall_ms())
        if not await _can_still_appoint(visit, gone):
            return await page(visit, "member.html", _member(visit, found, found.posts, {"end": "last"}), status=409)
        await visit.office.accounts.change_staff(found.id, ended_ms=gone.ended_ms)
        await visit.office.accounts.end_sessions_of(found.id)
    return RedirectResponse("/staff?done=ended", 303)


@router.post("/staff/{member}/invite")
async def invite_again(form: Appoints, member: int) -> Response:
    """A new link: the password was forgotten, the first link was lost, or somebody is back (whose old password is worth nothing)."""
    found = await _handled(form.visit, member)
    if found.ended_ms:
        await form.visit.office.accounts.change_staff(found.id, ended_ms=0, password="", pin="")
        await form.visit.office.accounts.end_second(found.id)
    return await _invited(form.visit, found)


@router.post("/staff/{member}/second")
async def end_second(form: Appoints, member: int) -> Response:
    """Somebody has lost the telephone: no second factor any more, and signed out everywhere."""
    found = await _handled(form.visit, member)
    if form.visit.person and found.id == form.visit.person.id:
        raise HTTPException(403)  # one's own goes only with the password
    await form.visit.office.accounts.end_second(found.id)
    await form.visit.office.accounts.end_sessions_of(found.id)
    return RedirectResponse(f"/staff/{member}?done=no_second", 303)


async def _invited(visit: Visit, person: Staff) -> Response:
    token = new_token(visit.office)
    await visit.office.accounts.add_invite(token_hash(token), visit.office.wall_ms() + INVITE_MS, person.id)
    return await page(visit, "invited.html", InvitedPage(person, f"{visit.request.base_url}invite/{token}"))


def _one_at_a_time(visit: Visit) -> asyncio.Lock:
    """Two who end each other's accounts at once must not both succeed."""
    lock: asyncio.Lock = visit.request.app.state.appointing
    return lock


async def _can_still_appoint(visit: Visit, after: Staff) -> bool:
    return can_still_appoint(after if one.id == after.id else one for one in await visit.office.accounts.everyone())


async def _person(visit: Visit, member: int) -> Staff:
    found = await visit.office.accounts.staff(member)
    if found is None or not _knows(visit, found):
        raise HTTPException(404)
    return found


async def _handled(visit: Visit, member: int) -> Staff:
    """An account that this reader may end or let in again; 403 for one that can do more than they may give."""
    found = await _person(visit, member)
    if not _may_handle(visit, found):
        raise HTTPException(403)
    return found


def _own(visit: Visit) -> Posts:
    assert visit.person is not None, "signed in"
    return visit.person.posts


def _knows(visit: Visit, person: Staff) -> bool:
    return is_everywhere(_own(visit), Right.STAFF) or any(site in visit.sites for _, site in person.posts)


def _may_give(visit: Visit, post: tuple[Role, int], to: Staff | None = None) -> bool:
    oneself = to is not None and visit.person is not None and to.id == visit.person.id
    return may_give(_own(visit), *post, visit.school, oneself=oneself)


def _may_handle(visit: Visit, person: Staff) -> bool:
    return may_handle(_own(visit), person.posts, visit.school)


def _chosen(form: Form) -> Posts:
    """The boxes that were ticked; 422 for one that is none, 404 for a foreign site."""
    found = set()
    for value in form.fields.get("post", []):
        role, _, site = value.partition(":")
        if role not in set(Role) or not site.isdigit():
            raise HTTPException(422)
        found.add((Role(role), form.visit.site(int(site)).id if int(site) else 0))
    return frozenset(found)


def _state(person: Staff) -> str:
    return "ended" if person.ended_ms else "here" if person.password else "invited"


def _stamp(person: Staff | None) -> str:
    return stamp((person.name, sorted(person.posts), person.ended_ms)) if person else ""


def _posts(visit: Visit, person: Staff) -> tuple[tuple[str, str], ...]:
    sites = visit.school.sites
    return tuple((role.value, sites[site].name if site in sites else "") for role, site in sorted(person.posts))


def _member(visit: Visit, person: Staff | None, posts: Posts, problems: dict[str, str] | None = None, done: str = "") -> MemberPage:
    everywhere = [(0, "")] if is_everywhere(_own(visit), Right.STAFF) else []
    places = [*everywhere, *((site.id, site.name) for site in visit.own_sites())]
    table = ((role.value, tuple(_box(visit, person, posts, (role, site)) for site, _ in places)) for role in Role)
    return MemberPage(
        person=person,
        name=person.name if person else "",
        login=person.login if person else "",
        places=tuple(name for _, name in places),
        table=tuple(table),
        was=_stamp(person),
        state=_state(person) if person else "",
        may_handle=bool(person and _may_handle(visit, person)),
        problems=problems or {},
        done=done,
    )


def _box(visit: Visit, person: Staff | None, posts: Posts, post: tuple[Role, int]) -> Box:
    role, site = post
    return Box(f"{role}:{site}", post in posts, _may_give(visit, post, person))
