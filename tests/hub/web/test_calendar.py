"""The school calendar: what a change does is said before it is saved; official holidays are proposed; nobody is overwritten."""

import re
from datetime import date

import pytest

from hub.accounts import Role
from hub.core.calendar import CalendarDay, DayKind
from hub.core.days import day_kind
from hub.core.formulas import Fixed, Line, Session
from hub.core.school import Programme, Tariff
from tests.hub.web.conftest import Browser, Fields, Hub, sealed

PARK, STATION = 1, 2
MONDAY = date(2026, 10, 5)
DAY = {"at": "1", "first": "2026-10-05", "last": "2026-10-05", "kind": "pedagogic", "name": "Journée pédagogique"}


def plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).replace("\u00a0", " ").split())


def asked(fields: dict[str, str]) -> str:
    return "/calendar/change?" + "&".join(f"{name}={value}" for name, value in fields.items())


async def save(browser: Browser, fields: dict[str, str], changed: Fields | None = None) -> tuple[int, str]:
    """Look at what it does, and save it."""
    hidden = sealed((await browser.get(asked(fields))).text, "/calendar")
    answer = await browser.post("/calendar", {**hidden, **(changed or {})})
    return answer.status_code, answer.headers.get("location", answer.text)


async def test_a_pedagogic_day_is_looked_at_and_saved(hub: Hub, anne: Browser) -> None:
    care = hub.desk.school.programmes[20]
    rows = (Programme(20, 1, care.use, care.name, care.windows, days=frozenset({DayKind.SCHOOL, DayKind.WEDNESDAY})),)
    await hub.desk.edit(7_001, lambda _school: rows)
    text = plain((await anne.get(asked(DAY))).text)
    assert "Garderie n’ouvre plus" in text
    assert day_kind(hub.desk.school, PARK, MONDAY) is DayKind.SCHOOL
    assert await save(anne, DAY) == (303, "/calendar?at=1&year=2026&done=saved")
    assert day_kind(hub.desk.school, PARK, MONDAY) is DayKind.PEDAGOGIC
    assert day_kind(hub.desk.school, STATION, MONDAY) is DayKind.SCHOOL
    assert "Journée pédagogique" in (await anne.get("/calendar?at=1&year=2026")).text
    assert "Différent à Implantation du Parc" in (await anne.get("/calendar?at=0&year=2026")).text
    assert "Journée pédagogique" not in (await anne.get("/calendar?at=2&year=2026")).text
    assert (await save(anne, {**DAY, "kind": ""}))[0] == 303
    assert day_kind(hub.desk.school, PARK, MONDAY) is DayKind.SCHOOL


async def test_stays_and_other_prices_of_these_days_are_told(hub: Hub, anne: Browser) -> None:
    await hub.hold(100, "16:00")
    await hub.hold(100, "17:00")
    lines = (Line(Session(Fixed(0)), days=(DayKind.CAMP,)), Line(Session(Fixed(1000))))
    await hub.desk.edit(7_001, lambda _school: (Tariff(40, 20, date.min, None, lines),))
    text = plain((await anne.get(asked({**DAY, "first": "2026-09-21", "last": "2026-09-21", "kind": "camp"}))).text)
    assert "1 présence d’enfant est notée" in text
    assert "Garderie a d’autres prix ces jours-là." in text
    other = plain((await anne.get(asked({**DAY, "first": "2026-09-22", "last": "2026-09-22"}))).text)
    assert "Il n’y a rien ces jours-là" in other


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"first": "demain"}, "31/12/2025"),
        ({"last": "2026-10-01"}, "précède le début"),
        ({"last": "2028-10-01"}, "plus d’un an"),
        ({"kind": ""}, "rien ne changerait"),
    ],
)
async def test_days_that_cannot_be_meant_are_told_and_kept(hub: Hub, anne: Browser, typed: dict[str, str], said: str) -> None:
    text = (await anne.get(asked({**DAY, **typed}))).text
    assert said in text
    for name, value in typed.items():
        assert name == "kind" or f'value="{value}"' in text
    status, text = await save(anne, DAY, typed)
    assert status == 409
    assert said in text
    assert not hub.desk.school.days


async def test_two_who_change_a_day_are_told_of_each_other(hub: Hub, anne: Browser) -> None:
    hidden = sealed((await anne.get(asked(DAY))).text, "/calendar")
    await hub.desk.edit(7_001, lambda _school: (CalendarDay(PARK, MONDAY, DayKind.CAMP, "Stage de cirque"),))
    answer = await anne.post("/calendar", hidden)
    assert answer.status_code == 409
    assert "Stage de cirque" in answer.text
    assert "Journée pédagogique" in answer.text
    assert day_kind(hub.desk.school, PARK, MONDAY) is DayKind.CAMP


async def test_the_official_holidays_of_a_year_are_proposed_and_taken(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(7_001, lambda _school: (CalendarDay(0, date(2026, 11, 11), DayKind.SCHOOL, "Ouvert"),))
    page = await anne.get("/calendar/official?at=0&year=2026&community=French")
    assert "Vacances d&#39;automne" in page.text
    assert "Ouvert" in page.text
    periods = re.findall(r'name="period" value="([\d-]+)"', page.text)
    autumn = next(first for first in periods if first.startswith("2026-10"))
    assert (await anne.fill("/calendar/official?at=0&year=2026", "/calendar/official/take", {})).status_code == 409
    answer = await anne.post("/calendar/official/take", {**sealed(page.text, "/calendar/official/take"), "period": [autumn]})
    assert answer.headers["location"] == "/calendar?at=0&year=2026&done=saved"
    assert day_kind(hub.desk.school, STATION, date.fromisoformat(autumn)) is DayKind.HOLIDAY
    assert day_kind(hub.desk.school, PARK, date(2026, 11, 11)) is DayKind.SCHOOL
    assert day_kind(hub.desk.school, PARK, date(2026, 12, 25)) is DayKind.SCHOOL  # was not ticked
    assert autumn not in (await anne.get("/calendar/official?at=0&year=2026")).text


async def test_a_head_of_one_site_changes_the_days_of_that_site_alone(hub: Hub, visitor: Browser) -> None:
    await visitor.sign_in_as("head", frozenset({(Role.HEAD, STATION)}))
    page = (await visitor.get("/calendar?year=2026")).text
    assert 'name="at" value="2"' in page
    assert (await visitor.get("/calendar?at=1")).status_code == 404
    assert (await visitor.get(asked({**DAY, "at": "0"}))).status_code == 404
    assert (await visitor.post("/calendar", {"csrf": "csrf of head", "ask_id": "9", **DAY, "at": "0"})).status_code == 404
    assert (await save(visitor, {**DAY, "at": "2"}))[0] == 303
    assert list(hub.desk.school.days) == [(STATION, MONDAY)]


async def test_a_year_of_holidays_stays_within_the_weight_of_a_page(hub: Hub, anne: Browser) -> None:
    page = await anne.get("/calendar/official?at=0&year=2026")
    every = re.findall(r'name="period" value="([\d-]+)"', page.text)
    await anne.post("/calendar/official/take", {**sealed(page.text, "/calendar/official/take"), "period": every})
    answer = await anne.get("/calendar?at=0&year=2026")
    assert len(answer.content) < 60_000
    assert "nothing_changes" not in answer.text
