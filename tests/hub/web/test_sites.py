"""Sites, services, class hours and reasons of absence: what is wrong is named at its field, and nobody overwrites somebody else."""

import re
from dataclasses import replace
from datetime import date

import pytest

from hub.accounts import Role
from hub.core.calendar import DayKind, Window
from hub.core.school import Contact, Scans, Site
from hub.core.timetable import AbsenceReason, Attendance, ClassHours, Formerly
from tests.hub.web.conftest import Browser, Fields, Hub

TODAY = date(2026, 9, 21)
IBAN = "BE68 5390 0754 7034"
SITE = {
    "name": "Implantation du Parc",
    "address": "Rue du Parc 1, 4000 Liège",
    "iban": IBAN,
    "holder": "ASBL École du Parc",
    "floor": "-5,00",
    "low": "3,00",
    "pilot_from": "2026-09-01",
    "live_from": "2026-10-01",
}
CARE = {"name": "Garderie", "scans": "both", "attendance": "open", "day0": ["0", "1", "3", "4"], "start0": "15:30", "end0": "18:15"}


async def save(browser: Browser, path: str, fields: Fields) -> tuple[int, str]:
    answer = await browser.fill(path, path, fields)
    return answer.status_code, answer.text


async def test_a_site_is_changed_with_its_account_contacts_and_pilot(hub: Hub, anne: Browser) -> None:
    people = {
        "contact_topic": ["factures", ""],
        "contact_name": ["Anne Leroy", ""],
        "contact_phone": ["04 1", ""],
        "contact_email": ["", ""],
    }
    assert (await save(anne, "/sites/1", {**SITE, **people, "whole_runs": "yes"}))[0] == 303
    site = hub.desk.school.sites[1]
    assert (site.iban, site.holder) == ("BE68539007547034", "ASBL École du Parc")
    assert site.contacts == (Contact("bills", "Anne Leroy", "04 1"),), "statements look for whom to ask about bills"
    assert (site.floor_cents, site.low_cents, site.whole_runs) == (-500, 300, True)
    assert (site.pilot_from, site.live_from) == (date(2026, 9, 1), date(2026, 10, 1))
    shown = (await anne.get("/sites/1")).text
    assert IBAN in shown
    assert 'name="contact_topic" value="factures"' in shown


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"iban": "BE86 5390 0754 7034"}, "iban", "deux chiffres"),
        ({"holder": ""}, "holder", "à qui est le compte"),
        ({"floor": "beaucoup"}, "floor", "-5,00"),
        ({"live_from": "2026-08-01"}, "pilot_from", "facturation réelle"),
        ({"live_from": "hier"}, "live_from", "31/12/2025"),
        ({"name": "Implantation de la Gare"}, "name", "déjà pris"),
    ],
)
async def test_bad_input_is_named_at_its_field_and_kept(hub: Hub, anne: Browser, typed: dict[str, str], field: str, said: str) -> None:
    before = hub.desk.school.sites[1]
    status, text = await save(anne, "/sites/1", {**SITE, **typed})
    assert status == 409
    at_field = re.search(rf'id="{field}-problem" class="wrong">(.*?)<', text)
    assert at_field, text
    assert said in at_field[1]
    assert f'value="{typed.get(field, SITE[field])}"' in text
    assert hub.desk.school.sites[1] == before


async def test_two_who_change_a_site_see_both_versions(hub: Hub, anne: Browser) -> None:
    shown = re.search(r'name="was" value="(\w+)"', (await anne.get("/sites/1")).text)
    assert shown
    await hub.desk.edit(7_000_000, lambda school: (replace(school.sites[1], address="Rue Neuve 3"),))
    status, text = await save(anne, "/sites/1", {**SITE, "was": shown[1]})
    assert status == 409
    assert "Rue Neuve 3" in text
    assert "Rue du Parc 1" in text
    assert hub.desk.school.sites[1].address == "Rue Neuve 3"


async def test_a_service_is_changed(hub: Hub, anne: Browser) -> None:
    fields = {
        **CARE,
        "room": "Salle 2",
        "day1": "2",
        "start1": "12:00",
        "end1": "00:00",
        "kind": "school",
        "post_days": "7",
        "post_weekday": "4",
    }
    assert (await save(anne, "/sites/1/programmes/20", fields))[0] == 303
    care = hub.desk.school.programmes[20]
    assert care.windows == (
        Window(frozenset(range(5)), 930, 1080, until_day=TODAY),
        Window(frozenset({0, 1, 3, 4}), 930, 1095, TODAY),
        Window(frozenset({2}), 720, 1440, TODAY),
    )
    assert (care.room, care.post_days, care.post_weekday) == ("Salle 2", 7, 4)
    assert care.days == {DayKind.SCHOOL}
    assert care.formerly == (Formerly(TODAY, Scans.BOTH, Attendance.OPEN),), "days that are over keep what they had"
    assert 'value="00:00"' in (await anne.get("/sites/1/programmes/20")).text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"end0": "15:00"}, "la fin après le début"),
        ({"start0": "tard"}, "la fin après le début"),
        ({"day0": []}, "au moins un jour"),
        ({"scans": "entry"}, "que les départs soient aussi scannés"),
        ({"name": "Étude"}, "déjà pris"),
        ({"post_days": "10", "post_weekday": "3"}, "7, 14"),
        ({"from_day": "2026-09-20"}, "choisissez aujourd’hui ou un jour"),
        ({"from_day": "lundi"}, "31/12/2025"),
        ({"from_day": "2926-01-06"}, "31/12/2025"),
    ],
)
async def test_a_service_that_is_wrong_says_why(hub: Hub, anne: Browser, typed: dict[str, str | list[str]], said: str) -> None:
    status, text = await save(anne, "/sites/1/programmes/20", {**CARE, **typed})
    assert status == 409
    assert said in text
    assert hub.desk.school.programmes[20].scans is Scans.BOTH
    assert hub.desk.school.programmes[20].windows[0].end_min == 1080


async def test_hours_that_come_are_shown_changed_and_taken_back(hub: Hub, anne: Browser) -> None:
    path, later = "/sites/1/programmes/20", {**CARE, "from_day": "2026-11-30"}
    assert (await save(anne, path, later))[0] == 303
    assert [(one.end_min, one.from_day) for one in hub.desk.school.programmes[20].windows] == [(1080, date.min), (1095, date(2026, 11, 30))]
    now, then = (await anne.get(path)).text, (await anne.get(f"{path}?day=2026-11-30")).text
    assert ('value="18:00"' in now, 'value="18:15"' in now) == (True, False)
    assert "à partir du 30/11/2026" in now
    assert "15:30–18:15" in now
    assert ('value="18:15"' in then, 'value="2026-11-30"' in then) == (True, True)
    assert (await anne.get(f"{path}?day=2026-01-01")).text.count('value="2026-09-21"') == 1, "a day that is over has nothing to change"
    assert (await save(anne, path, {**later, "day0": ["0", "1", "2", "3", "4"], "end0": "18:00"}))[0] == 303
    assert hub.desk.school.programmes[20].windows == (Window(frozenset(range(5)), 930, 1080),)


async def test_an_evening_past_midnight_is_typed_as_it_is_said_and_a_stay_in_it_is_one(hub: Hub, anne: Browser) -> None:
    """From 18:10 to 00:20 are 370 minutes: twelve half hours and ten minutes, of which five are forgiven: 13 × 0,75 €."""
    path = "/sites/1/programmes/20"
    assert (await save(anne, path, {**CARE, "start0": "18:00", "end0": "00:30"}))[0] == 303
    assert hub.desk.school.programmes[20].windows[-1].end_min == 24 * 60 + 30
    shown = (await anne.get(path)).text
    assert ('value="18:00"' in shown, 'value="00:30"' in shown) == (True, True)
    assert (await save(anne, path, {**CARE, "start0": "18:00", "end0": "00:30"}))[0] == 303, "as it is shown it is saved again"
    hub.now_ms = hub.at("12:00", date(2026, 9, 22))
    await hub.hold(100, "18:10")
    await hub.hold(100, "00:20", date(2026, 9, 22))
    (charge,) = hub.desk.books.charges.values()
    assert (charge.cents, charge.day) == (9_75, 20260921)


async def test_a_service_of_another_site_is_not_found_here(anne: Browser) -> None:
    assert (await anne.get("/sites/2/programmes/20")).status_code == 404


async def test_class_hours_are_set_for_a_class_and_end(hub: Hub, anne: Browser) -> None:
    fields = {"group": "5B", "day": ["0", "2"], "start": "08:30", "tolerance": "10", "missed": "10:00", "end": ""}
    assert (await anne.fill("/sites/1", "/sites/1/class-hours", fields)).status_code == 303
    assert hub.desk.school.class_hours[1, "5B", 2] == (ClassHours(1, "5B", 2, 510, 10, 600, from_day=TODAY),)
    past = await anne.fill("/sites/1", "/sites/1/class-hours", {**fields, "from_day": "2026-09-20"})
    assert (past.status_code, "choisissez aujourd’hui" in past.text) == (409, True)
    assert (await anne.fill("/sites/1", "/sites/1/class-hours", {**fields, "start": "08:15", "from_day": "2026-11-30"})).status_code == 303
    assert "jusqu’au 29/11/2026" in (await anne.get("/sites/1")).text
    wrong = await anne.fill("/sites/1", "/sites/1/class-hours", {**fields, "missed": "08:00"})
    assert wrong.status_code == 409
    assert "doivent se suivre" in wrong.text
    assert (await anne.fill("/sites/1", "/sites/1/class-hours", {**fields, "day": []})).status_code == 409
    assert (await anne.fill("/sites/1", "/sites/1/class-hours/end", {})).status_code == 303
    ended, coming = hub.desk.school.class_hours[1, "5B", 0]
    assert (ended.until_day, coming.from_day) == (TODAY, date(2026, 11, 30))
    assert (await anne.fill("/sites/1", "/sites/1/class-hours/end", {"from": "2026-01-01"})).status_code == 409


async def test_reasons_of_absence_are_for_those_with_rights_everywhere(hub: Hub, anne: Browser, visitor: Browser) -> None:
    assert (await anne.fill("/sites", "/sites/absences", {"name": "Non prévenu", "percent": "50 %"})).status_code == 303
    (row,) = hub.desk.school.absences.values()
    assert (row.name, row.percent) == ("Non prévenu", 50)
    both = await anne.fill("/sites", "/sites/absences", {"name": "Non prévenu", "percent": "50", "amount": "2,00"})
    assert both.status_code == 409
    assert "pas les deux" in both.text
    await hub.desk.edit(7_000_000, lambda _school: (AbsenceReason(row.id, "Non prévenu", 60),))
    late = await anne.fill("/sites", "/sites/absences", {"name": "Oublié", "absence": str(row.id), "was": "0" * 16})
    assert late.status_code == 409
    assert hub.desk.school.absences[row.id].percent == 60
    await visitor.sign_in_as("berthe", frozenset({(Role.HEAD, 1)}))
    sealed = {"csrf": "csrf of berthe", "ask_id": "1", "name": "Grève"}
    assert (await visitor.post("/sites/absences", sealed)).status_code == 404
    text = (await visitor.get("/sites")).text
    assert "Non prévenu" in text
    assert "Gare" not in text


async def test_a_service_that_somebody_else_has_changed_shows_both_versions(hub: Hub, anne: Browser) -> None:
    shown = re.search(r'name="was" value="(\w+)"', (await anne.get("/sites/1/programmes/20")).text)
    assert shown
    await hub.desk.edit(7_000_000, lambda school: (replace(school.programmes[20], room="Gymnase"),))
    status, text = await save(anne, "/sites/1/programmes/20", {**CARE, "was": shown[1], "room": "Salle 2"})
    assert status == 409
    assert "Gymnase" in text
    assert "Salle 2" in text
    assert isinstance(hub.desk.school.sites[1], Site)
    assert hub.desk.school.programmes[20].room == "Gymnase"
