"""Every page of the office as an address to ask for: made from the application's routes, with real ids of the commune.

A new route is asked for by being there. One whose parameters have no sample here, or that nobody can open, fails by its name.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from string import Formatter
from typing import NamedTuple

import httpx2
from fastapi.routing import APIRoute
from sqlalchemy import func, select

from hub import tables as t
from hub.accounts import Posts
from hub.core.calendar import day_of
from hub.web.rights import SEES
from hub.web.session import PLAIN_COOKIE, Sees, at_kiosk, token_hash
from tests.bench import town
from tests.bench.commune import SITES
from tests.hub.web.conftest import Hub
from tests.hub.web.test_pages import routes
from tests.schools import ZONE, number

UPLOAD = "brought"
"""What addresses call a list that nobody has brought yet."""
INVITED = "a token of an invitation"
NO_PAGES = re.compile(r"/events$|\.pdf$|/photo\b")
"""Paths of what is no page: a stream has no end, a sheet to print is drawn in a process of its own, a photo is what its pupil brought."""
SHUT = frozenset({"/first/{token}", "/sign-in", "/account/pin", "/billing/{site}/run"})
"""Pages that are not there at such a moment: all are signed in, on devices of their own, and no run is going on."""
ASKED_ONLY = frozenset({"/badges/give"})
"""Routes that ask for something in any case: their bare path is none."""
ONLY = {"/pupils/{pupil}/papers": ("bursar", "head"), "/tariffs/{priced}/edit": ("bursar",), "/imports/{upload}": ("bursar",)}
"""Who opens what asks for more than the right it names: to change something, or to have brought it."""
WORDS = {
    ("/wallets/{wallet}/{act}", "act"): "refund",
    ("/kiosk/{device}/{reader}", "device"): town.KIOSK,
    ("/kiosk/{device}/{reader}", "reader"): "kiosk",
}
"""What a parameter names in one route, where elsewhere it names something else."""
ASKED = {
    "/pupils": ("q=a",),
    "/families": ("q=a",),
    "/wallets": ("q=a", "show=debts"),
    "/badges": ("q=a", "kind=lost"),
    "/badges/print": ("group={group}",),
    "/badges/give": ("pupil={pupil}",),
    "/pupils/{pupil}/merge": ("q=a",),
    "/presence": ("programme={programme}", "programme={programme}&group={group}", "programme={programme}&page=9"),
    "/roster": ("programme={programme}&group={group}",),
    "/billing/{site}": ("programme={programme}",),
    "/trail": ("pupil=a",),
    "/statements": ("site={site}&q=a",),
    "/till/{device}/{reader}": ("pupil={pupil}",),
    "/till/{device}/{reader}/queue": ("pupil={pupil}",),
    "/till/{device}/{reader}/find": ("q=a",),
    "/canteen/{site}/{on}/orders": ("q=a", "pupil={pupil}"),
    "/diets/{site}": ("q=a", "pupil={pupil}"),
    "/families/{household}/merge": ("q=a",),
}
"""Route -> how it is asked for beside its bare path."""


class Address(NamedTuple):
    """A path of a route, and who opens it (a name of `town.WHO`, or `kiosk`)."""

    route: str
    path: str
    who: str
    block: str = ""
    """`true`: htmx asks for its live block only."""


async def addresses(hub: Hub) -> list[Address]:
    """All of them, each for everybody who may open it."""
    known, found = await samples(hub), []
    for route in routes(hub.app.routes):
        if "GET" not in (route.methods or ()) or NO_PAGES.search(route.path) or route.path in SHUT:
            continue
        for who in ONLY.get(route.path) or _readers(route):
            found += [Address(route.path, path, who) for path in _paths(route.path, known)]
            if route.path in {"/", "/till/{device}/{reader}"}:
                found.append(Address(route.path, _filled(route.path, route.path, known), who, "true"))
    return found


async def samples(hub: Hub) -> dict[str, str]:
    """What each parameter of a path names: of each kind the largest there is, so that no page is smaller than it can be."""
    school, books = hub.desk.school, hub.desk.books
    pupil = school.pupils[await _most(hub, t.history_charge.c.pupil)]
    wallet = await _most(hub, t.history_entry.c.wallet)
    place = next(place for place in range(SITES) if number(f"site {place}") == pupil.site)
    charges = await hub.history.charges_of(pupil.id, 1)
    adult = next(adult for adult in school.adults.values() if adult.household == pupil.household)
    static = hub.app.state.pages.files["office.css"]
    today = day_of(hub.now_ms, ZONE)
    ids = {
        "pupil": pupil.id,
        "household": pupil.household,
        "adult": adult.id,
        "wallet": wallet,
        "charge": charges[0].charge,
        "site": pupil.site,
        "file": school.files[pupil.household][0].id,
        "product": number(f"drink {place}"),
        "programme": number(f"care {place}"),
        "priced": number(f"care {place}"),
        "badge": school.badges_of(pupil.id)[0].id,
        "member": number("staff 0"),
        "item": next(iter(books.unresolved)),
        "act": next(act for act, sold in reversed(books.till.items()) if sold.site == pupil.site),
    }
    words = {"device": f"drinks-{place}", "reader": "reader", "day": today.isoformat(), "on": today.isoformat(), "group": pupil.group}
    made = {"token": INVITED, "upload": UPLOAD, "version": static.version, "name": "office.css"}
    return {**{name: str(number) for name, number in ids.items()}, **words, **made}


async def welcomed(hub: Hub, wall_ms: int) -> dict[str, str]:
    """Everybody signed in, an invitation sent: the cookies."""
    await hub.accounts.add_invite(token_hash(INVITED), wall_ms + 3_600_000, number("staff 5"))
    return await town.let_in(hub.accounts, wall_ms, f"{town.KIOSK}/kiosk")


async def bring_list(asking: httpx2.AsyncClient, tokens: Mapping[str, str], url: str, found: Iterable[Address]) -> list[Address]:
    """The bursar brings a list of as many new pupils as there are: its preview is a page too. The addresses, with the number it got."""
    lines = "".join(f"Ménage {n};Implantation {n % SITES};Nouveau {n};Élève;1A\n" for n in range(2_000))
    form = {"csrf": "csrf-of-bursar", "ask_id": "77", "kind": "pupils"}
    listed = {"file": ("pupils.csv", f"household;site;last_name;first_name;group\n{lines}".encode(), "text/csv")}
    asking.cookies.set(PLAIN_COOKIE, tokens["bursar"])
    answer = await asking.post(f"{url}/imports", data=form, files=listed, headers={"origin": url})
    asking.cookies.clear()
    preview = answer.headers.get("location", "")
    assert preview.startswith("/imports/"), answer.text
    return [one._replace(path=one.path.replace(f"/imports/{UPLOAD}", preview)) for one in found]


def asked_of(address: Address, tokens: Mapping[str, str]) -> dict[str, str]:
    """The headers a browser sends with it."""
    headers = {"cookie": f"{PLAIN_COOKIE}={tokens[address.who]}", "accept-encoding": "gzip"}
    return headers | ({"hx-request": "true"} if address.block else {})


def _readers(route: APIRoute) -> Iterator[str]:
    """Who may open a route."""
    for wanted in route.dependant.dependencies:
        if isinstance(wanted.call, Sees):
            right = wanted.call.right
            yield from (who for who, posts in town.WHO.items() if _sees(posts, right))
            return
        if wanted.call is at_kiosk:
            yield "kiosk"
            return
    yield "bursar"


def _sees(posts: Posts, right: str) -> bool:
    return any(right in SEES[role] for role, _ in posts)


def _paths(route: str, known: Mapping[str, str]) -> Iterator[str]:
    if route not in ASKED_ONLY:
        yield _filled(route, route, known)
    yield from (_filled(route, f"{route}?{asked}", known) for asked in ASKED.get(route, ()))


def _filled(route: str, pattern: str, known: Mapping[str, str]) -> str:
    """A pattern with what its parameters name. AssertionError for one that nothing is known for."""
    names = [name.partition(":")[0] for _, name, _, _ in Formatter().parse(pattern) if name]
    words = {name: WORDS.get((route, name), known.get(name, "")) for name in names}
    assert all(words.values()), f"{route}: say in `samples` what {sorted(name for name in words if not words[name])} names"
    return Formatter().vformat(pattern.replace(":path", ""), (), words)


async def _most(hub: Hub, column: object) -> int:
    """The id that stands in most rows of a column of the history."""
    query = select(column).where(column > 0).group_by(column).order_by(func.count().desc()).limit(1)  # type: ignore[call-overload, operator]
    async with hub.register.reading() as connection:
        return int(await connection.scalar(query))
