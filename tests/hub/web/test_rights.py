"""Every route against every role, foreign things and foreign pages: what is not given is refused (requirement: default deny).

The routes are those of the application: a new one is tested by being there, once its parameters have their samples here.
"""

import re

import pytest
from fastapi.routing import APIRoute

from hub.accounts import EVERYWHERE, Posts, Role
from hub.core.school import School, Site
from hub.web.rights import DOES, SEES, Right, sites_where
from hub.web.session import Does, Sees
from tests.hub.web.conftest import SCHOOL_ROWS, ZONE, Browser, Hub
from tests.hub.web.test_pages import routes

AT_THE_PARK = {
    "pupil": "100",
    "programme": "20",
    "badge": "1000",
    "device": "caisse-parc",
    "reader": "main",
    "act": "1",
    "on": "2026-09-22",
    "site": "1",
    "item": "1",
    "stay": "1",
    "day": "2026-09-21",
    "charge": "600",
    "wallet": "500",
    "pickup": "77",
    "household": "10",
    "adult": "700",
    "upload": "77",
    "turn": "77",
    "file": "77",
    "override": "77",
    "kind": "pupil",
    "one": "100",
    "member": "77",
    "priced": "20",
    "product": "30",
}
"""What each parameter of a path may name: something of site 1, which staff of site 2 alone must not find."""
STRANGER: Posts = frozenset({(Role.READER, 2)})


def guarded(hub: Hub) -> list[tuple[APIRoute, Sees | Does]]:
    """Routes that name a right."""
    found = []
    for route in routes(hub.app.routes):
        found += [(route, wanted.call) for wanted in route.dependant.dependencies if isinstance(wanted.call, Sees | Does)]
    assert len(found) > 10
    return found


def path_of(route: APIRoute) -> str:
    return re.sub(r"{(\w+)(?::\w+)?}", lambda name: AT_THE_PARK[name[1]], route.path)


@pytest.mark.parametrize("role", Role)
async def test_a_role_opens_what_it_is_given_and_nothing_else(hub: Hub, visitor: Browser, role: Role) -> None:
    await visitor.sign_in_as(f"r{role}", frozenset({(role, 1)}))
    for route, policy in guarded(hub):
        given = (DOES if isinstance(policy, Does) else SEES)[role]
        if isinstance(policy, Does):
            answer = await visitor.post(path_of(route), {"csrf": f"csrf of r{role}", "ask_id": "0"})
        else:
            answer = await visitor.get(path_of(route))
        assert (answer.status_code == 403) == (policy.right not in given), f"{role} at {route.path}: {answer.status_code}"
        assert answer.status_code < 500, f"{route.path}: {answer.text}"


@pytest.mark.parametrize("role", Role)
async def test_staff_of_one_site_find_nothing_of_another(hub: Hub, visitor: Browser, role: Role) -> None:
    await visitor.sign_in_as(f"r{role}", frozenset({(role, 2)}))
    for route, policy in guarded(hub):
        if "{" not in route.path or policy.right not in (DOES if isinstance(policy, Does) else SEES)[role]:
            continue
        sealed = {"csrf": f"csrf of r{role}", "ask_id": "77"}
        answer = await (visitor.post(path_of(route), sealed) if isinstance(policy, Does) else visitor.get(path_of(route)))
        assert answer.status_code == 404, f"{role} of the station at {path_of(route)}: {answer.status_code}"


async def test_nobody_is_let_in_without_signing_in(hub: Hub, visitor: Browser) -> None:
    for route, policy in guarded(hub):
        answer = await (visitor.post(path_of(route), {}) if isinstance(policy, Does) else visitor.get(path_of(route)))
        assert answer.status_code == 303, route.path
        assert answer.headers["location"].startswith("/sign-in"), route.path


async def test_no_form_is_taken_from_a_foreign_page_or_without_its_secret(hub: Hub, anne: Browser) -> None:
    for route, policy in guarded(hub):
        if isinstance(policy, Does):
            assert (await anne.post(path_of(route), {"ask_id": "1"}, origin="https://elsewhere.test")).status_code == 403, route.path
            assert (await anne.post(path_of(route), {"ask_id": "1", "csrf": "guess"})).status_code == 403, route.path


async def test_whoever_has_left_is_signed_out_everywhere(hub: Hub, visitor: Browser) -> None:
    await visitor.sign_in_as("marc", EVERYWHERE)
    assert (await visitor.get("/")).status_code == 200
    marc = await hub.accounts.staff_by_login("marc")
    assert marc
    await hub.accounts.change_staff(marc.id, ended_ms=hub.now_ms)
    assert (await visitor.get("/")).headers["location"].startswith("/sign-in")


async def test_the_menu_shows_what_its_reader_may_open(visitor: Browser) -> None:
    await visitor.sign_in_as("paul", frozenset({(Role.DOOR, 1)}))
    text = (await visitor.get("/")).text
    assert 'href="/pupils"' in text
    assert 'href="/devices"' not in text


def test_a_right_holds_at_the_sites_of_its_role() -> None:
    school = School(sites={row.id: row for row in SCHOOL_ROWS if isinstance(row, Site)} | {3: Site(3, "Ferme", ZONE)})
    both = frozenset({(Role.DOOR, 1), (Role.CANTEEN, 2)})
    assert sites_where(both, Right.TODAY, school) == {1, 2}
    assert sites_where(both, Right.MEALS, school) == {2}
    assert sites_where(both, Right.PUPILS, school) == {1}
    assert sites_where(both, Right.PUPILS, school, does=True) == frozenset()
    assert sites_where(EVERYWHERE, Right.BILLING, school) == {1, 2, 3}
    assert sites_where(STRANGER, Right.MONEY, school) == frozenset()


def test_whoever_changes_something_may_look_at_it() -> None:
    for role in Role:
        assert DOES[role] <= SEES[role]
    assert not DOES[Role.READER]
