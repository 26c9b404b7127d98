"""Presence over HTTP: the week's grid, a day with every correction, verification before billing, class mornings."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from hub.accounts import Role
from hub.core.codes import Excuse, Justification
from hub.core.facts import MorningJustified, MorningNoted
from hub.core.papers import Note
from hub.core.school import Household, Pupil
from hub.core.timetable import AbsenceReason, Attendance, ClassHours, Plan
from hub.notes import Notes
from tests.hub.web.conftest import MONDAY, Browser, Hub, sealed

DAY = "/presence/day/100/2026-09-21"
ON = 20260921


def stays(hub: Hub, pupil: int = 100) -> list[tuple[int, int]]:
    return sorted((stay.from_ms, stay.until_ms) for stay in hub.desk.books.sheet(pupil, 20, ON).stays.values())


async def correct(hub: Hub, browser: Browser, act: str, **fields: str) -> int:
    """Fill the form of this act on Léa's day; the answer's status."""
    page = (await browser.get(DAY)).text
    known = sealed(page[page.index(f'name="act" value="{act}"') - 400 :], DAY)
    return (await browser.post(DAY, {**known, "reason": "forgotten", **fields})).status_code


async def test_the_grid_shows_who_is_planned_who_came_and_what_is_asked(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(96, lambda _school: (Plan(1, 101, 20, MONDAY), Plan(2, 100, 20, MONDAY, weekdays=frozenset({0, 1}))))
    await hub.hold(100, "15:35", MONDAY - timedelta(days=3))
    await hub.hold(100, "15:40")
    await hub.wait_until("16:05")
    page = (await anne.get("/presence")).text
    assert "lun. 21/09" in page
    assert f'href="{DAY}?at=20"><span>15:40–…' in page
    assert "prévu</span></a>" in page
    before = (await anne.get("/presence?programme=20&week=2026-09-14")).text
    assert "15:35–18:00" in before
    assert "à vérifier" in before
    assert "1 / 0" in before


async def test_a_class_shows_all_its_pupils_and_an_empty_week_says_what_to_do(hub: Hub, anne: Browser) -> None:
    assert "Choisissez une classe" in (await anne.get("/presence")).text
    page = (await anne.get("/presence?programme=20&group=2A&week=2026-09-21")).text
    assert "Dupont Hugo" in page
    assert "Dupont Léa" not in page


async def test_the_way_back_from_a_day_leads_to_the_grid_one_came_from(hub: Hub, anne: Browser) -> None:
    """Whoever verifies a whole school pupil by pupil is not led into one class, nor back to the first page."""
    many = [Pupil(4_000 + n, 11, 1, f"Enfant {n:02d}", "Aaa", "5B") for n in range(40)]
    await hub.desk.edit(96, lambda _school: (*many, *(Plan(n, pupil.id, 20, MONDAY) for n, pupil in enumerate(many, 1))))
    for way, group in (("at=20", ""), ("at=20&group=5B", "5B")):
        day = (await anne.get(f"/presence/day/4035/2026-09-21?{way}")).text
        back = f"/presence?programme=20&group={group}&week=2026-09-21&who=4035"
        assert f'href="{back.replace("&", "&amp;")}#c4035-2026-09-21"' in day
        grid = (await anne.get(back)).text
        assert 'id="c4035-2026-09-21"' in grid
        assert 'aria-current="page">2</a>' in grid


async def test_a_day_is_corrected_by_adding_moving_and_taking_away(hub: Hub, anne: Browser) -> None:
    assert await correct(hub, anne, "add", direction="in", clock="15:40") == 303
    assert await correct(hub, anne, "add", direction="out", clock="15:55") == 303
    assert stays(hub) == [(hub.at("15:40"), hub.at("15:55"))]
    mark = str(sorted(hub.desk.books.sheet(100, 20, ON).marks.values())[1].id)
    assert await correct(hub, anne, "move", mark=mark, clock="16:00") == 303
    assert stays(hub) == [(hub.at("15:40"), hub.at("16:00"))]
    mark = str(min(hub.desk.books.sheet(100, 20, ON).marks.values()).id)
    assert await correct(hub, anne, "move", mark=mark, clock="15:45", to_pupil="Dupont Hugo") == 303
    assert stays(hub, 101) == [(hub.at("15:45"), 0)]
    assert (await anne.fill(DAY, "/undo", {})).status_code == 303
    assert stays(hub, 101) == []
    assert await correct(hub, anne, "void", mark=mark) == 303
    assert stays(hub) == []


async def test_an_absence_is_noted_with_its_reason_and_shown_in_the_grid(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(96, lambda _school: (Plan(1, 100, 20, MONDAY), AbsenceReason(900, "Malade")))
    assert await correct(hub, anne, "absent", absence="900") == 303
    assert "Malade" in (await anne.get("/presence")).text


async def test_a_stay_is_verified(hub: Hub, anne: Browser) -> None:
    await hub.hold(100, "15:35")
    await hub.hold(100, "15:55")
    (stay,) = hub.desk.books.sheet(100, 20, ON).stays
    assert await correct(hub, anne, "verify", stay=str(stay)) == 303
    assert stay in hub.desk.books.sheet(100, 20, ON).verified


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"direction": "in", "clock": "25:00"}, "Ce n’est pas une heure"),
        ({"direction": "in", "clock": "11:00"}, "pas ouvert à cette heure"),
        ({"direction": "in", "clock": "17:00"}, "pas encore eu lieu"),
    ],
)
async def test_a_refused_correction_keeps_what_was_typed_and_says_why(hub: Hub, anne: Browser, fields: dict[str, str], words: str) -> None:
    page = (await anne.get(DAY)).text
    known = sealed(page[page.index('name="act" value="add"') - 400 :], DAY)
    answer = await anne.post(DAY, {**known, "reason": "forgotten", **fields})
    assert answer.status_code == 409
    assert words in answer.text
    assert f'name="clock" value="{fields["clock"]}"' in answer.text


async def test_who_corrects_second_is_told_and_nothing_is_done(hub: Hub, anne: Browser) -> None:
    page = (await anne.get(DAY)).text
    known = sealed(page[page.index('name="act" value="add"') - 400 :], DAY)
    await hub.hold(100, "15:40")
    answer = await anne.post(DAY, {**known, "direction": "in", "clock": "15:50", "reason": "forgotten"})
    assert answer.status_code == 409
    assert "Quelqu’un d’autre a changé cette journée" in answer.text
    assert stays(hub) == [(hub.at("15:40"), 0)]


async def test_a_reader_sees_the_day_without_a_form(hub: Hub, visitor: Browser) -> None:
    await visitor.sign_in_as("lea", frozenset({(Role.READER, 1)}))
    page = (await visitor.get(DAY)).text
    assert "Garderie" in page
    assert f'action="{DAY}"' not in page


async def test_what_is_complete_is_verified_at_once_and_a_forgotten_exit_one_by_one(hub: Hub, visitor: Browser) -> None:
    await hub.desk.edit(96, lambda school: (replace(school.programmes[20], attendance=Attendance.REGISTERED), Plan(1, 101, 20, MONDAY)))
    await hub.hold(100, "15:35")
    await hub.hold(100, "15:55")
    await hub.hold(101, "15:40")
    await hub.wait_until("19:31")
    await visitor.sign_in()
    here = "/presence/verify/20"
    page = (await visitor.get(here)).text
    assert "1 question retient une présence" in page
    assert "Vérifier la présence complète" in page
    fields = sealed(page, here)
    answer = await visitor.post(here, {**fields, "reason": "confirmed"})
    assert answer.headers["location"].endswith("done=1")
    (left,) = hub.desk.books.unresolved.values()
    assert left.pupil == 101
    assert (await visitor.fill(here, f"/questions/{left.item}", {"way": "left", "clock": "17:00"})).status_code == 303
    assert "Tout est vérifié" in (await visitor.get(here)).text


async def test_a_late_morning_is_justified_and_justified_without_a_reason_is_refused(hub: Hub, anne: Browser) -> None:
    await hub.desk.edit(96, lambda _school: (ClassHours(1, "", 0, 510),))
    begins, late = hub.at("08:30"), hub.at("09:10")
    await hub.book(MorningNoted(7001, 100, 1, ON, begins, begins, hub.at("12:00"), late, 40))
    page = (await anne.get("/presence/mornings")).text
    assert "40 minutes de retard" in page
    action = "/presence/mornings/100/2026-09-21"
    refused = await anne.fill("/presence/mornings", action, {"state": "justified", "excuse": "", "document": ""})
    assert refused.status_code == 409
    assert "choisissez un motif" in refused.text
    said = await anne.fill("/presence/mornings", action, {"state": "justified", "excuse": "doctor", "document": "117"})
    assert said.status_code == 303
    assert "justifié, médecin, document 117" in (await anne.get(said.headers["location"])).text


async def test_what_is_written_of_a_morning_stands_with_it_and_on_its_day_until_it_is_erased(hub: Hub, anne: Browser) -> None:
    begins, here, action = hub.at("08:30"), "/presence/mornings", "/presence/mornings/100/2026-09-21"
    await hub.book(MorningNoted(7001, 100, 1, ON, begins, begins, hub.at("12:00"), 0, 0))
    said = {"state": "justified", "excuse": "", "document": "", "note": "Grand-mère décédée."}
    refused = await anne.fill(here, action, said)
    assert refused.status_code == 409
    assert 'value="Grand-mère décédée."' in refused.text, "what was typed is kept"
    assert (await anne.fill(here, action, {**said, "excuse": "family"})).status_code == 303
    page = (await anne.get(here)).text
    assert "Grand-mère décédée." in page
    day = (await anne.get(DAY)).text
    for words in ("Matinée de classe", "Grand-mère décédée.", "par Anne Leroy"):
        assert words in day
    erased = sealed(page, f"{action}/note")
    assert (await anne.post(f"{action}/note", {**erased, "number": "3"})).status_code == 404
    assert (await anne.post(f"{action}/note", erased)).headers["location"].startswith(here)
    page = (await anne.get(here)).text
    assert "décédée" not in page
    assert "justifié, " in page, "what was said of it stays"


async def test_a_note_of_the_command_line_stands_with_its_morning_too(hub: Hub, anne: Browser) -> None:
    begins = hub.at("08:30")
    await hub.book(MorningNoted(7001, 100, 1, ON, begins, begins, hub.at("12:00"), 0, 0))
    await hub.book(MorningJustified(7002, 100, 1, ON, Justification.JUSTIFIED, Excuse.OTHER, 0, 15, hub.now_ms))
    await Notes(hub.register).write(Note(hub.desk.books.asks[7002], "Sortie scolaire."))
    assert "Sortie scolaire." in (await anne.get("/presence/mornings")).text


async def test_the_pages_of_two_thousand_pupils_are_small_and_quick(hub: Hub, anne: Browser) -> None:
    pupils = [Pupil(2000 + n, 10, 1, f"Prénom{n}", f"Nom{n}", f"{1 + n % 6}{'ABCD'[n % 4]}") for n in range(2000)]
    plans = [Plan(9000 + n, 2000 + n, 20, date(2026, 9, 1)) for n in range(2000)]
    await hub.desk.edit(97, lambda _school: (Household(10, "Dupont-Lambert"), *pupils, *plans))
    for path in ("/presence", DAY, "/presence/verify/20", "/"):
        answer = await anne.get(path)
        assert len(answer.content) < 60_000, path


async def test_a_correction_carries_a_note_that_its_day_shows_with_who_and_why_until_it_is_erased(hub: Hub, anne: Browser) -> None:
    words = {
        "act": "add",
        "direction": "in",
        "clock": "15:40",
        "reason": "forgotten",
        "note": "Badge oublié dans le bus.",
        "document": "cahier p. 4",
    }
    sheet = sealed((await anne.get(f"{DAY}?at=20")).text, DAY)
    answer = await anne.post(DAY, {**sheet, "programme": "20", **words})
    assert answer.status_code == 303
    page = (await anne.get(DAY)).text
    for said in ("Badge oublié dans le bus.", "cahier p. 4", "par Anne Leroy"):
        assert said in page
    erased = sealed(page, f"{DAY}/note")
    assert (await anne.post(f"{DAY}/note", erased)).status_code == 303
    page = (await anne.get(DAY)).text
    assert "dans le bus" not in page
    assert "15:40" in page, "the correction stays"
    assert (await anne.post(f"{DAY}/note", {**erased, "number": "3"})).status_code == 404


async def test_a_correction_that_is_refused_keeps_its_note_in_the_form(hub: Hub, anne: Browser) -> None:
    words = {"act": "add", "direction": "in", "clock": "23:59", "reason": "forgotten", "note": "Trop tôt."}
    sheet = sealed((await anne.get(f"{DAY}?at=20")).text, DAY)
    answer = await anne.post(DAY, {**sheet, "programme": "20", **words})
    assert answer.status_code == 409
    assert 'value="Trop tôt."' in answer.text
    assert not await hub.office.notes.about([100], 20260921)
