"""The paper roster: who is on it, the code that finds a pupil again, and what was written on it typed in."""

from dataclasses import replace

import pytest

from hub.core.codes import Code
from hub.core.paperroster import short_code
from hub.core.timetable import Plan
from hub.web import roster
from hub.web.sheet import Roster
from tests.hub.web.conftest import KEY, MONDAY, Browser, Hub, sealed

CARE = "/roster?programme=20&day=2026-09-21"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Roster]:
    """What is to be drawn, instead of a PDF: drawing is tested by itself."""
    runs: list[Roster] = []

    async def draw(paper: Roster, language: str) -> bytes:
        runs.append(paper)
        return b"%PDF"

    monkeypatch.setattr(roster, "draw_roster", draw)
    return runs


async def plan(hub: Hub) -> None:
    await hub.desk.edit(70, lambda _school: (Plan(71, 100, 20, MONDAY), Plan(72, 101, 20, MONDAY)))


async def test_the_paper_names_who_is_expected_with_a_code_each(hub: Hub, anne: Browser, drawn: list[Roster]) -> None:
    await plan(hub)
    answer = await anne.get("/roster/20/paper.pdf?day=2026-09-21")
    assert answer.headers["content-type"] == "application/pdf"
    (paper,) = drawn
    assert (paper.programme, paper.day) == ("Garderie", "21/09/2026")
    assert [(line.name, line.code) for line in paper.lines] == [
        ("Dupont Hugo", short_code(KEY, 101, MONDAY)),
        ("Dupont Léa", short_code(KEY, 100, MONDAY)),
    ]


async def test_a_class_is_printed_whole_and_an_empty_roster_not_at_all(hub: Hub, anne: Browser, drawn: list[Roster]) -> None:
    empty = await anne.get("/roster/20/paper.pdf?day=2026-09-21")
    assert empty.status_code == 409
    assert "Personne n’y est attendu" in empty.text
    await anne.get("/roster/20/paper.pdf?day=2026-09-21&group=2A")
    assert [line.name for line in drawn[0].lines] == ["Dupont Hugo"]


async def test_times_on_the_paper_become_a_stay(hub: Hub, anne: Browser) -> None:
    await plan(hub)
    hub.now_ms = hub.at("17:45")
    answer = await anne.fill(CARE, "/roster/20", {"pupil": ["100", "101"], "in-100": "15:40", "out-100": "17:05", "in-101": ""})
    assert answer.headers["location"].endswith("done=2")
    (stay,) = hub.desk.books.sheet(100, 20, 20260921).stays.values()
    assert (stay.from_ms, stay.until_ms) == (hub.at("15:40"), hub.at("17:05"))
    assert not hub.desk.books.sheet(101, 20, 20260921).stays
    page = (await anne.get(answer.headers["location"])).text
    assert "2 heures sont enregistrées" in page
    assert "15:40–17:05" in page


async def test_a_line_that_cannot_be_is_said_and_kept_while_the_others_count(hub: Hub, anne: Browser) -> None:
    await plan(hub)
    hub.now_ms = hub.at("17:45")
    await hub.hold(100, "15:40")
    fields = {"pupil": ["100", "101"], "in-100": "15:50", "in-101": "16:00", "out-101": "25:99"}
    answer = await anne.fill(CARE, "/roster/20", fields)
    assert answer.status_code == 409
    for said in ("était déjà", 'value="15:50"', 'value="25:99"', "1 heure est enregistrée"):
        assert said in answer.text
    assert len(hub.desk.books.sheet(101, 20, 20260921).stays) == 1


async def test_the_same_form_sent_twice_counts_once(hub: Hub, anne: Browser) -> None:
    await plan(hub)
    hub.now_ms = hub.at("17:45")
    fields = {**sealed((await anne.get(CARE)).text, "/roster/20"), "pupil": "100", "in-100": "15:40"}
    answers = [await anne.post("/roster/20", fields) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert len(hub.desk.books.sheet(100, 20, 20260921).marks) == 1


async def test_a_code_finds_a_pupil_whoever_was_expected(hub: Hub, anne: Browser) -> None:
    code = short_code(KEY, 102, MONDAY)
    page = (await anne.get(f"{CARE}&code={code.lower()}")).text
    assert 'name="in-102"' in page
    assert 'name="in-100"' not in page
    wrong = (await anne.get(f"{CARE}&code={code[:-1]}Q")).text
    assert "pas un code du jour" in wrong
    other_day = (await anne.get(f"/roster?programme=20&day=2026-09-22&code={code}")).text
    assert "Personne n’a ce code" in other_day


async def test_a_child_that_was_entered_twice_is_found_by_either_code_with_what_is_known_under_both(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(70, lambda school: (replace(school.pupils[101], id=103), Plan(71, 101, 20, MONDAY)))
    hub.now_ms = hub.at("17:45")
    await hub.hold(103, "15:40")
    await hub.hold(101, "16:10")
    await hub.desk.edit(73, lambda school: (replace(school.pupils[103], same_as=101),))
    for code in ("", short_code(KEY, 101, MONDAY), short_code(KEY, 103, MONDAY)):
        page = (await anne.get(f"{CARE}&code={code}")).text
        assert page.count('name="in-10') == page.count('name="in-101"') == 1
        assert "15:40–" in page
        assert "16:10–" in page


async def test_what_was_tapped_is_known_already(hub: Hub, anne: Browser) -> None:
    await plan(hub)
    assert await hub.tap(100, Code.SEEN)
    await hub.hold(100, "15:40")
    assert "15:40–<" in (await anne.get(CARE)).text
