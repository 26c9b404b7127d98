"""Accounts of staff: invited by a link that is shown once, roles that nobody gives beyond their own, the last manager who stays."""

import re

import pytest

from hub.accounts import EVERYWHERE, Posts, Role, Staff
from hub.core.school import School, Site
from hub.web.rights import DOES, LENT, SEES, Right, can_still_appoint, may_give, may_handle
from tests.hub.web.conftest import PASSWORD, URL, ZONE, Browser, Hub

SCHOOL = School(sites={1: Site(1, "Parc", ZONE), 2: Site(2, "Gare", ZONE)})
HEAD: Posts = frozenset({(Role.HEAD, 0)})
HEAD_OF_THE_PARK: Posts = frozenset({(Role.HEAD, 1)})


def link_in(text: str) -> str:
    found = re.search(rf"{URL}(/invite/[\w-]+)", text)
    assert found, text
    return found[1]


async def account(hub: Hub, login: str, posts: Posts) -> Staff:
    await hub.accounts.add_staff(int.from_bytes(login.encode()[:7], "big"), login, login.title(), "no password", posts)
    found = await hub.accounts.staff_by_login(login)
    assert found
    return found


def test_nobody_gives_a_right_they_do_not_have() -> None:
    assert may_give(EVERYWHERE, Role.BURSAR, 0, SCHOOL)
    assert may_give(EVERYWHERE, Role.CANTEEN, 2, SCHOOL)
    assert may_give(HEAD, Role.HEAD, 0, SCHOOL)
    assert may_give(HEAD_OF_THE_PARK, Role.DOOR, 1, SCHOOL)
    assert not may_give(HEAD, Role.BURSAR, 1, SCHOOL), "money"
    assert may_give(HEAD_OF_THE_PARK, Role.CANTEEN, 1, SCHOOL), "a head appoints who stands at the till"
    assert not may_give(HEAD_OF_THE_PARK, Role.CANTEEN, 1, SCHOOL, oneself=True), "and not themselves"
    assert not may_give(HEAD_OF_THE_PARK, Role.CANTEEN, 2, SCHOOL), "another site"
    assert not may_give(frozenset({(Role.DOOR, 1), (Role.CANTEEN, 1)}), Role.CANTEEN, 1, SCHOOL), "manages nobody"
    assert not may_give(HEAD_OF_THE_PARK, Role.DOOR, 2, SCHOOL), "another site"
    assert not may_give(HEAD_OF_THE_PARK, Role.DOOR, 0, SCHOOL), "everywhere is more than one site"
    assert not may_give(frozenset({(Role.DOOR, 0)}), Role.READER, 1, SCHOOL), "manages nobody"


def test_what_is_given_beyond_ones_own_rights_is_the_till_by_a_head_and_nothing_else() -> None:
    """The written rule, counted out: every role by every role, at one site and everywhere."""
    for own in Role:
        for role in Role:
            for site in (0, 1):
                more = (DOES[role] - DOES[own]) | (SEES[role] - SEES[own])
                given = may_give(frozenset({(own, site)}), role, site, SCHOOL)
                assert given == (Right.STAFF in DOES[own] and more <= ({Right.TILL} if own is Role.HEAD else set())), (own, role, site)
                assert not given or not may_give(frozenset({(own, 1)}), role, 0, SCHOOL), "everywhere is more than one site"
    assert {right for rights in LENT.values() for right in rights} == {Right.TILL}


async def test_a_head_appoints_canteen_and_door_staff_of_the_own_site(hub: Hub, visitor: Browser) -> None:
    await visitor.sign_in_as("berthe", HEAD_OF_THE_PARK)
    fields = {"name": "Carine Cuisine", "login": "carine", "post": ["canteen:1", "door:1"]}
    assert (await visitor.fill("/staff/new", "/staff/new", fields)).status_code == 200
    carine, berthe = await hub.accounts.staff_by_login("carine"), await hub.accounts.staff_by_login("berthe")
    assert carine
    assert berthe
    assert carine.posts == {(Role.CANTEEN, 1), (Role.DOOR, 1)}
    own = f"/staff/{berthe.id}"
    assert "disabled" in (await visitor.get(own)).text
    assert (await visitor.fill(own, own, {"post": ["head:1", "canteen:1"]})).status_code == 409, "the till is not for oneself"
    assert (await visitor.fill(f"/staff/{carine.id}", f"/staff/{carine.id}", {"post": ["bursar:1"]})).status_code == 409


def test_only_who_may_do_as_much_lets_somebody_in_again() -> None:
    assert may_handle(EVERYWHERE, HEAD, SCHOOL)
    assert not may_handle(HEAD, EVERYWHERE, SCHOOL)
    assert may_handle(HEAD, frozenset(), SCHOOL)
    assert not may_handle(HEAD_OF_THE_PARK, frozenset(), SCHOOL)


def test_the_last_who_manages_staff_is_one_who_can_sign_in() -> None:
    anne, invited = Staff(1, "a", "A", "hash", posts=EVERYWHERE), Staff(2, "b", "B", "", posts=EVERYWHERE)
    assert can_still_appoint([anne, invited])
    assert not can_still_appoint([invited])
    assert not can_still_appoint([Staff(1, "a", "A", "hash", ended_ms=1, posts=EVERYWHERE)])
    assert not can_still_appoint([Staff(1, "a", "A", "hash", posts=HEAD_OF_THE_PARK)])


async def test_somebody_is_invited_by_a_link_that_is_shown_once_and_works_once(hub: Hub, anne: Browser, visitor: Browser) -> None:
    fields = {"name": "Paul Door", "login": "Paul", "post": ["door:1", "canteen:1"]}
    shown = await anne.fill("/staff/new", "/staff/new", fields)
    assert shown.status_code == 200
    link = link_in(shown.text)
    paul = await hub.accounts.staff_by_login("paul")
    assert paul is not None
    assert paul.password == ""
    assert paul.posts == {(Role.DOOR, 1), (Role.CANTEEN, 1)}
    assert "/invite/" not in (await anne.get(f"/staff/{paul.id}")).text
    assert (await visitor.post("/sign-in", {"login": "paul", "password": ""})).status_code == 422
    assert "Paul Door" in (await visitor.get(link)).text
    short = await visitor.post(link, {"password": "court", "again": "autre"})
    assert short.status_code == 422
    assert (await visitor.post(link, {"password": PASSWORD, "again": PASSWORD})).status_code == 303
    assert (await visitor.get("/")).status_code == 200
    assert (await visitor.get(link)).status_code == 410
    assert (await visitor.post(link, {"password": PASSWORD, "again": PASSWORD})).status_code == 410


async def test_an_invitation_is_good_for_two_weeks_and_until_the_next_one(hub: Hub, anne: Browser, visitor: Browser) -> None:
    paul = await account(hub, "paul", frozenset({(Role.DOOR, 1)}))
    links = [link_in((await anne.fill(f"/staff/{paul.id}", f"/staff/{paul.id}/invite", {})).text) for _ in range(2)]
    assert [(await visitor.get(link)).status_code for link in links] == [410, 200]
    hub.now_ms += 14 * 86_400_000
    assert (await visitor.get(links[1])).status_code == 410


async def test_an_invitation_that_cannot_be_made_keeps_what_was_typed(anne: Browser) -> None:
    good = {"name": "Paul Door", "login": "paul", "post": "door:1"}
    for typed, said in (
        ({"name": ""}, "Indiquez le nom"),
        ({"login": "paul door"}, "un seul mot"),
        ({"login": "anne"}, "a déjà cet identifiant"),
        ({"post": []}, "Cochez au moins un rôle"),
    ):
        answer = await anne.fill("/staff/new", "/staff/new", {**good, **typed})
        assert answer.status_code == 409
        assert said in answer.text
        assert str(typed.get("login", "paul")) in answer.text


async def test_roles_are_kept_where_the_reader_may_not_give_them(hub: Hub, visitor: Browser) -> None:
    paul = await account(hub, "paul", frozenset({(Role.BURSAR, 2), (Role.DOOR, 1)}))
    await visitor.sign_in_as("berthe", HEAD)
    page = f"/staff/{paul.id}"
    assert (await visitor.fill(page, page, {"post": ["head:1", "bursar:0"]})).status_code == 409
    assert (await visitor.fill(page, page, {"post": "head:1"})).status_code == 303
    now = await hub.accounts.staff(paul.id)
    assert now is not None
    assert now.posts == {(Role.BURSAR, 2), (Role.HEAD, 1)}


async def test_a_head_of_one_site_knows_its_staff_only(hub: Hub, visitor: Browser) -> None:
    here, there = await account(hub, "paul", frozenset({(Role.DOOR, 1)})), await account(hub, "rita", frozenset({(Role.DOOR, 2)}))
    await visitor.sign_in_as("berthe", HEAD_OF_THE_PARK)
    text = (await visitor.get("/staff")).text
    assert "Paul" in text
    assert "Rita" not in text
    assert (await visitor.get(f"/staff/{here.id}")).status_code == 200
    assert (await visitor.get(f"/staff/{there.id}")).status_code == 404
    sealed = {"csrf": "csrf of berthe", "ask_id": "1", "name": "X Y", "login": "x"}
    assert (await visitor.post("/staff/new", {**sealed, "post": "door:2"})).status_code == 404
    assert (await visitor.post("/staff/new", {**sealed, "post": "door:0"})).status_code == 409
    assert (await visitor.post("/staff/new", {**sealed, "post": "boss:1"})).status_code == 422


async def test_two_who_change_the_same_account_do_not_overwrite_each_other(hub: Hub, anne: Browser) -> None:
    paul = await account(hub, "paul", frozenset({(Role.DOOR, 1)}))
    page = f"/staff/{paul.id}"
    shown = (await anne.get(page)).text
    was = re.search(r'name="was" value="(\w+)"', shown)
    assert was
    await hub.accounts.set_posts(paul.id, frozenset({(Role.READER, 2)}))
    answer = await anne.fill(page, page, {"post": "canteen:1", "was": was[1]})
    assert answer.status_code == 409
    assert "Quelqu’un" in answer.text


async def test_the_last_who_manages_staff_can_neither_be_ended_nor_lose_the_role(hub: Hub, anne: Browser) -> None:
    me = await hub.accounts.staff_by_login("anne")
    assert me
    page = f"/staff/{me.id}"
    assert (await anne.fill(page, f"{page}/end", {})).status_code == 409
    assert (await anne.fill(page, page, {"post": "door:1"})).status_code == 409
    await account(hub, "marc", EVERYWHERE)
    assert (await anne.fill(page, f"{page}/end", {})).status_code == 303
    assert (await anne.get("/staff")).headers["location"].startswith("/sign-in")


async def test_whoever_has_left_is_signed_out_and_comes_back_with_nothing_of_before(hub: Hub, anne: Browser, visitor: Browser) -> None:
    await visitor.sign_in_as("marc", EVERYWHERE)
    marc = await hub.accounts.staff_by_login("marc")
    assert marc
    page = f"/staff/{marc.id}"
    assert (await anne.fill(page, f"{page}/end", {})).headers["location"] == "/staff?done=ended"
    assert (await visitor.get("/")).headers["location"].startswith("/sign-in")
    assert "Marc" in (await anne.get("/staff")).text
    assert (await anne.fill(page, f"{page}/invite", {})).status_code == 200
    back = await hub.accounts.staff(marc.id)
    assert back is not None
    assert (back.ended_ms, back.password) == (0, "")


async def test_a_lost_telephone_is_taken_away_by_another_person(hub: Hub, anne: Browser) -> None:
    marc = await account(hub, "marc", EVERYWHERE)
    await hub.accounts.change_staff(marc.id, totp="A" * 32)
    await hub.accounts.set_recovery(marc.id, ["0" * 32])
    page = f"/staff/{marc.id}"
    assert (await anne.fill(page, f"{page}/second", {})).status_code == 303
    now = await hub.accounts.staff(marc.id)
    assert now is not None
    assert now.totp == ""
    assert not await hub.accounts.use_recovery(marc.id, "0" * 32), "the codes go with it"
    me = await hub.accounts.staff_by_login("anne")
    assert me
    await hub.accounts.change_staff(me.id, totp="A" * 32)
    assert (await anne.fill(f"/staff/{me.id}", f"/staff/{me.id}/second", {})).status_code == 403


@pytest.mark.parametrize("act", ["end", "invite", "second"])
async def test_a_head_takes_over_no_bursar(hub: Hub, visitor: Browser, act: str) -> None:
    bursar = await account(hub, "anne", EVERYWHERE)
    await visitor.sign_in_as("berthe", HEAD)
    assert (await visitor.post(f"/staff/{bursar.id}/{act}", {"csrf": "csrf of berthe", "ask_id": "1"})).status_code == 403
