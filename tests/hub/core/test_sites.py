"""What a site, a service, class hours and a reason of absence may be changed to."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from hub.core.books import Books
from hub.core.calendar import Window
from hub.core.facts import Refusal
from hub.core.formulas import Fixed, Line, Periods
from hub.core.school import Contact, Programme, Rows, Scans, School, Site, Tariff, edited
from hub.core.sites import Said, end_class_hours, hours_of, put_absence, put_class_hours, put_programme, put_site
from hub.core.timetable import AbsenceReason, ClassHours
from proto.messages import Use

ZONE = ZoneInfo("Europe/Brussels")
TODAY = date(2026, 11, 23)
WEEK = frozenset(range(5))
CARE = Programme(20, 1, Use.CARE, "Garderie", (Window(WEEK, 930, 1080),))
STUDY = Programme(21, 1, Use.STUDY, "Étude", (Window(WEEK, 930, 1020),))
SCHOOL = edited(
    School(),
    (
        Site(1, "Parc", ZONE),
        Site(2, "Gare", ZONE),
        CARE,
        STUDY,
        *(Tariff(item + 20, item, date.min, None, (Line(Periods(Fixed(750), 30)),)) for item in (20, 21)),
        AbsenceReason(70, "Malade"),
        ClassHours(1, "5B", 0, 510),
    ),
)
SAID = Said(
    "Parc", "", "BE68539007547034", "ASBL Parc", (Contact("factures", "Anne", "", "a@parc.be"),), -500, 200, None, None, None, False
)


def same(_: object) -> bool:
    return True


def other(_: object) -> bool:
    return False


def code(outcome: Rows | Refusal) -> str:
    return outcome.code if isinstance(outcome, Refusal) else ""


def site(said: Said, check: Callable[[object], bool] = same) -> str:
    return code(put_site(SCHOOL, Books(), 1, said, check, lambda text: text.startswith("BE68"), lambda text: "@" in text))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, ""),
        ({"name": "12"}, "no_name"),
        ({"name": "x" * 81}, "name_long"),
        ({"name": "gare"}, "name_taken"),
        ({"address": "x" * 201}, "address_long"),
        ({"iban": "BE69"}, "no_iban"),
        ({"holder": ""}, "no_holder"),
        ({"holder": "x" * 71}, "holder_long"),
        ({"iban": "", "holder": ""}, ""),
        ({"contacts": (Contact("", "Anne"),)}, "no_contact"),
        ({"contacts": (Contact("a", "Anne", "", "nowhere"),)}, "no_contact_email"),
        ({"contacts": (Contact("a", "A"),) * 21}, "contact_long"),
        ({"floor_cents": 1}, "floor_above"),
        ({"low_cents": -1}, "low_below"),
        ({"pilot_from": date(2025, 1, 6)}, "pilot_backwards"),
        ({"pilot_from": date(2025, 1, 6), "live_from": date(2025, 1, 6)}, "pilot_backwards"),
        ({"pilot_from": date(2025, 1, 6), "live_from": date(2025, 1, 7)}, ""),
    ],
)
def test_a_site_says_what_is_wrong_with_it(changed: dict[str, object], expected: str) -> None:
    assert site(replace(SAID, **changed)) == expected  # type: ignore[arg-type]


def test_a_site_that_somebody_else_has_changed_is_not_overwritten() -> None:
    assert site(SAID, other) == "changed_meanwhile"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (replace(CARE, name="Garderie du soir", room="Salle 2"), ""),
        (replace(CARE, name="étude"), "name_taken"),
        (replace(CARE, room="x" * 81), "room_long"),
        (replace(CARE, windows=()), "no_weekdays"),
        (replace(CARE, windows=(Window(frozenset(), 930, 1080),)), "no_weekdays"),
        (replace(CARE, windows=(Window(WEEK, 1080, 930),)), "no_hours"),
        (replace(CARE, windows=(Window(WEEK, 1080, 1470),)), ""),
        (replace(CARE, windows=(Window(WEEK, 510, 1860),)), "no_hours"),
        (replace(CARE, scans=Scans.ENTRY), "tariff_needs_exit"),
        (replace(STUDY, within=20), ""),
        (replace(STUDY, within=21), "no_such_programme"),
        (replace(STUDY, within=99), "no_such_programme"),
        (replace(STUDY, within=20, windows=(Window(WEEK, 900, 1020),)), "within_hours"),
        (replace(CARE, post_days=14, post_weekday=4), ""),
        (replace(CARE, post_days=10, post_weekday=4), "no_posting"),
        (replace(CARE, post_days=400), "no_posting"),
    ],
)
def test_a_service_says_what_is_wrong_with_it(changed: Programme, expected: str) -> None:
    assert code(put_programme(SCHOOL, changed, TODAY, TODAY, same)) == expected


def test_the_hours_around_a_service_do_not_shrink_below_it() -> None:
    school = edited(SCHOOL, (replace(STUDY, within=20),))
    assert code(put_programme(school, replace(CARE, windows=(Window(WEEK, 960, 1080),)), TODAY, TODAY, same)) == "within_hours"


def test_class_hours_end_and_what_was_noted_stays() -> None:
    rows = put_class_hours(SCHOOL, tuple(ClassHours(1, "", day, 500, from_day=TODAY) for day in (0, 1)), TODAY, same)
    assert not isinstance(rows, Refusal)
    school = edited(SCHOOL, rows)
    assert [(row.group, row.weekday) for row in hours_of(school, 1, TODAY)] == [("", 0), ("", 1), ("5B", 0)]
    ended = end_class_hours(school, ClassHours(1, "5B", 0, 510), TODAY, same)
    assert not isinstance(ended, Refusal)
    assert [(row.group, row.weekday) for row in hours_of(edited(school, ended), 1, TODAY)] == [("", 0), ("", 1)]
    assert code(put_class_hours(SCHOOL, (), TODAY, same)) == "no_weekdays"
    assert code(put_class_hours(SCHOOL, (ClassHours(1, "", 0, 500, from_day=TODAY),), TODAY, other)) == "changed_meanwhile"
    assert code(end_class_hours(SCHOOL, ClassHours(1, "6A", 0, 510), TODAY, same)) == "changed_meanwhile"


@pytest.mark.parametrize(
    ("name", "percent", "cents", "expected"),
    [
        ("Non prévenu", 100, 0, ""),
        ("Non prévenu", 0, 250, ""),
        ("Malade", 0, 0, "name_taken"),
        ("", 0, 0, "no_name"),
        ("Non prévenu", 101, 0, "no_percent"),
        ("Non prévenu", -1, 0, "no_percent"),
        ("Non prévenu", 0, -1, "no_amount"),
        ("Non prévenu", 50, 100, "percent_and_amount"),
    ],
)
def test_a_reason_of_absence_costs_a_share_or_an_amount(name: str, percent: int, cents: int, expected: str) -> None:
    assert code(put_absence(SCHOOL, name, 71, percent, cents, same)) == expected
