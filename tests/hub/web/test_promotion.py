"""The change of school year: previewed, then every class at once; leavers are gone from the next day on, and keep their money."""

import re
from datetime import date

import pytest

from hub.accounts import Role
from hub.core.promotion import suggested
from hub.core.school import BadgeState
from hub.core.timetable import Plan
from hub.web.promotion import RECENT_MS
from tests.hub.web.conftest import Browser, Hub, sealed


@pytest.mark.parametrize(
    ("group", "following"),
    [
        ("5B", "6B"),
        ("6A", ""),
        ("M1", "M2"),
        ("M3", "P1"),
        ("K3A", "L1A"),
        ("Accueil", "Accueil"),
        ("P3 rouge", "P4 rouge"),
        ("1", "2"),
    ],
)
def test_the_usual_next_class(group: str, following: str) -> None:
    assert suggested(group) == following


async def test_every_class_goes_on_and_leavers_go_in_one_edit(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(77, lambda _school: (Plan(5, 100, 20, date(2026, 9, 1)),))
    page = (await anne.get("/promotion")).text
    typed = dict(re.findall(r'name="(next-[^"]+)" value="([^"]*)"', page))
    assert typed == {"next-1-2A": "3A", "next-1-5B": "6B", "next-2-5B": "6B"}
    fields = {**typed, "leave-1-5B": "yes"}
    preview = await anne.post("/promotion", {**sealed(page, "/promotion"), **fields})
    assert preview.status_code == 200
    assert "2 élèves changent de classe," in preview.text
    assert "1 part." in preview.text
    assert hub.desk.school.pupils[101].group == "2A"
    hub.now_ms += 1000
    assert (await anne.post("/promotion", {**sealed(preview.text, "/promotion"), **fields, "do": "yes"})).status_code == 303
    assert [hub.desk.school.pupils[pupil].group for pupil in (100, 101, 102)] == ["", "3A", "6B"]
    (plan,) = hub.desk.school.plans[100]
    assert plan.until_day == hub.desk.school.pupils[100].left_day == date(2026, 9, 22)
    assert hub.desk.school == await hub.register.read_school()
    await hub.wait_until("23:59")
    assert [badge.state for badge in hub.desk.school.badges_of(100)] == [BadgeState.ACTIVE], "still here today"
    hub.now_ms = hub.at("00:01", date(2026, 9, 22))
    await hub.wait_for_the_minute()
    assert [badge.state for badge in hub.desk.school.badges_of(100)] == [BadgeState.BLOCKED, BadgeState.ACTIVE]


async def test_what_was_just_done_is_not_proposed_a_second_time(hub: Hub, anne: Browser) -> None:
    fields = {"next-1-2A": "3A", "next-1-5B": "6B", "do": "yes"}
    done = await anne.fill("/promotion", "/promotion", fields)
    page = (await anne.get(done.headers["location"])).text
    assert dict(re.findall(r'name="(next-[^"]+)" value="([^"]*)"', page)) == {"next-1-3A": "3A", "next-1-6B": "6B", "next-2-5B": "5B"}
    assert " checked" not in page


async def test_whoever_comes_later_is_told_that_the_year_was_changed(hub: Hub, anne: Browser, visitor: Browser) -> None:
    told = "La dernière fois, Anne Leroy a changé d’année scolaire le 21/09/2026."
    await anne.fill("/promotion", "/promotion", {"next-1-2A": "3A"})
    await hub.app.state.footsteps.write()
    assert told not in (await anne.get("/promotion")).text, "looked at only"
    await anne.fill("/promotion", "/promotion", {"next-1-2A": "3A", "do": "yes"})
    await hub.app.state.footsteps.write()
    assert told in (await anne.get("/promotion")).text
    hub.now_ms += RECENT_MS + 1
    await visitor.sign_in_as("jeanne", frozenset({(Role.HEAD, 1)}))
    page = (await visitor.get("/promotion")).text
    assert 'name="next-1-3A"' in page
    assert told not in page, "of the summer before"


async def test_a_class_that_has_changed_since_it_was_looked_at_is_not_moved(hub: Hub, anne: Browser) -> None:
    page = (await anne.get("/promotion")).text
    stale = {**sealed(page, "/promotion"), "next-1-2A": "3A", "do": "yes"}
    details = {"first_name": "Hugo", "last_name": "Dupont", "site": "1", "home": "Dupont-Lambert", "group": "2B"}
    await anne.fill("/pupils/101/edit", "/pupils/101/edit", details)
    late = await anne.post("/promotion", stale)
    assert late.status_code == 409
    assert "entre-temps" in late.text
    assert hub.desk.school.pupils[101].group == "2B"


async def test_the_head_of_one_site_moves_its_own_classes_only(hub: Hub, visitor: Browser) -> None:
    await visitor.sign_in_as("jeanne", frozenset({(Role.HEAD, 1)}))
    page = (await visitor.get("/promotion")).text
    assert "next-2-5B" not in page
    fields = {**sealed(page, "/promotion"), "next-2-5B": "6B", "next-1-2A": "3A", "do": "yes"}
    assert (await visitor.post("/promotion", fields)).status_code == 303
    assert [hub.desk.school.pupils[pupil].group for pupil in (101, 102)] == ["3A", "5B"]
