"""The evacuation list: who is on it, for whom with which numbers, class by class or room by room."""

from datetime import timedelta

from hub.accounts import Role
from hub.core.codes import Code
from hub.core.papers import Pickup
from hub.core.school import Adult, Pupil
from hub.core.timetable import Plan
from tests.hub.web.conftest import MONDAY, Browser, Hub


async def test_who_came_is_on_the_list_with_class_room_and_time_and_who_left_is_not(hub: Hub, anne: Browser) -> None:
    await hub.hold(100, "15:35")
    await hub.hold(101, "15:40")
    await hub.hold(101, "15:55")
    page = (await anne.get("/evacuation/1")).text
    assert 'id="child-100"' in page
    assert 'id="child-101"' not in page
    assert "Garderie · <time>15:35</time>" in page
    assert "0</span> / 1" in page
    assert "21/09/2026 16:02:00" in page
    rooms = (await anne.get("/evacuation/1?by=room")).text
    assert '<h2 id="group-1">Garderie' in rooms


async def test_an_expected_child_nobody_has_seen_stands_apart(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(95, lambda _school: (Plan(1, 101, 20, MONDAY),))
    page = (await anne.get("/evacuation/1")).text
    assert "personne n’est dans l’école" in page
    assert page.index("pas vus aujourd’hui") < page.index("Dupont Hugo")
    board = (await anne.get("/")).text
    assert "1 encore attendu" in board
    assert "Hugo Dupont" in (await anne.get("/present/20")).text
    await hub.hold(101, "15:45")
    assert "encore attendu" not in (await anne.get("/", **{"hx-request": "true"})).text


async def test_numbers_of_grown_ups_are_for_those_who_may_look_at_families(hub: Hub, anne: Browser, visitor: Browser) -> None:
    await hub.desk.edit(95, lambda _school: (Adult(1, 10, "Marie", "Dupont", phone="0470 12 34 56"),))
    await hub.office.papers.add_pickup(Pickup(1, 100, "Nadia Roux", "0471 00 00 01", "voisine", MONDAY))
    await hub.office.papers.add_pickup(Pickup(2, 100, "Yves Roux", "0471 00 00 02", "", MONDAY - timedelta(days=9), MONDAY))
    await hub.hold(100, "15:35")
    page = (await anne.get("/evacuation/1")).text
    assert 'href="tel:0470123456"' in page
    assert 'Nadia Roux (voisine) <a href="tel:0471000001">' in page
    assert "Yves Roux" not in page  # until yesterday
    await visitor.sign_in_as("cuisine", frozenset({(Role.CANTEEN, 1)}))
    page = (await visitor.get("/evacuation/1")).text
    assert 'id="child-100"' in page
    assert "0470" not in page


async def test_a_full_house_weighs_little_on_the_way_to_a_phone(hub: Hub, anne: Browser) -> None:
    pupils = [Pupil(2000 + n, 10, 1, f"Prénom{n}", f"Nom{n}", f"{1 + n % 6}{'ABCD'[n % 4]}") for n in range(300)]
    await hub.desk.edit(95, lambda _school: tuple(pupils))
    for pupil in pupils:
        await hub.tap(pupil.id, Code.IN)
    answer = await anne.get("/evacuation/1")
    assert answer.text.count('type="checkbox"') == 300
    assert (answer.headers["content-encoding"], int(answer.headers["content-length"]) < 30_000) == ("gzip", True)
    assert "content-encoding" not in (await anne.get("/evacuation/1", **{"accept-encoding": "identity"})).headers


async def test_the_list_of_another_site_is_not_found(visitor: Browser) -> None:
    await visitor.sign_in_as("zoe", frozenset({(Role.DOOR, 2)}))
    assert (await visitor.get("/evacuation/2")).status_code == 200
    assert (await visitor.get("/evacuation/1")).status_code == 404
