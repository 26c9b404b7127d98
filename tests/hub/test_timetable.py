"""What a school's file says of study within care, mornings, absences and pilots: set up as written, or refused in a sentence."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from hub.__main__ import REFUSED, main
from hub.core.canteen import reserve
from hub.core.codes import Reason
from hub.core.days import hours_of_class
from hub.core.facts import Refusal
from hub.core.school import Programme, Pupil, School, edited
from hub.core.tariffs import price_of_product
from hub.core.timetable import AbsenceReason, Attendance, ClassHours, LegalClass
from hub.core.wallets import Sale, charge, open_balances, reverse
from hub.errors import ImportRefusedError
from hub.memory import memory
from hub.setup import describe
from hub.timetable import check_live
from proto.errors import SettingsError
from tests.schools import MONDAY, TUESDAY, WEDNESDAY, Day, moment, number

SCHOOL = """\
[[sites]]
name = "Les Tilleuls"
pilot_from = 2024-11-04
live_from = 2025-01-06
settlement = "whole"

[[sites.programmes]]
name = "Garderie"
use = "care"
price = "0,75"
period_min = 30
hours = [{ days = ["mon", "tue", "thu", "fri"], start = "15:30", end = "17:00" },
         { days = ["mon", "tue", "wed", "thu", "fri"], start = "17:00", end = "18:00" }]
posting = { every_days = 7, weekday = "fri" }

[[sites.programmes]]
name = "Étude"
use = "study"
price = "1,00"
hours = [{ days = ["mon", "tue", "thu", "fri"], start = "16:05", end = "17:15" }]
attendance = "registered"
within = "Garderie"
room = "Salle 4"
legal = "optional"

[[sites.programmes]]
name = "Étude longue"
use = "study"
price = "1,00"
hours = [{ days = ["mon", "tue", "thu", "fri"], start = "16:05", end = "18:00" }]
attendance = "auto"
within = "Garderie"

[[sites.products]]
name = "Excursion"
kind = "article"
price = "12,00"
policy = "limit"
legal = "mandatory"

[[sites.class_hours]]
groups = ["3A", "3B"]
days = ["mon", "wed"]
start = "08:30"
tolerance_min = 5
absent_at = "10:00"
end = "15:30"
from = 2025-10-01

[[sites.class_hours]]
days = ["mon"]
start = "08:45"

[[absences]]
name = "Malade"

[[absences]]
name = "Non prévenu"
percent = 50

[[absences]]
name = "Trop tard"
amount = "1,00"
"""


def ids() -> Callable[[], int]:
    return itertools.count(1).__next__


def described(text: str = SCHOOL, school: School | None = None, new_id: Callable[[], int] | None = None, on: date = MONDAY) -> School:
    """A school after its description was read on a day."""
    known = school or School()
    return edited(known, describe(text, "school.toml", known, new_id or ids(), moment("09:00", on)))


def refused(text: str, school: School | None = None) -> str:
    with pytest.raises((ImportRefusedError, SettingsError)) as caught:
        described(text, school)
    return str(caught.value)


def programmes(school: School) -> dict[str, Programme]:
    return {one.name: one for one in school.programmes.values()}


def test_study_within_care_is_set_up_as_the_file_says() -> None:
    by_name = programmes(described())
    care, study, long = by_name["Garderie"], by_name["Étude"], by_name["Étude longue"]
    assert (care.within, care.attendance, care.post_days, care.post_weekday) == (0, Attendance.OPEN, 7, 4)
    assert (study.within, study.attendance, study.room, study.legal) == (care.id, Attendance.REGISTERED, "Salle 4", LegalClass.OPTIONAL)
    assert (long.within, long.attendance, long.post_days, long.legal) == (care.id, Attendance.AUTO, 0, LegalClass.OUTSIDE_HOURS)


def test_mornings_absences_pilot_and_legal_class_are_set_up_as_the_file_says() -> None:
    school = described()
    (site,) = school.sites.values()
    assert (site.pilot_from, site.live_from, site.whole_runs) == (date(2024, 11, 4), date(2025, 1, 6), True)
    own = [ClassHours(site.id, group, weekday, 510, 5, 600, 930, date(2025, 10, 1)) for group in ("3A", "3B") for weekday in (0, 2)]
    assert list(school.class_hours.values()) == [(row,) for row in (*own, ClassHours(site.id, "", 0, 525, 0, 720))]
    told = [(one.name, one.percent, one.cents) for one in school.absences.values()]
    assert told == [("Malade", 0, 0), ("Non prévenu", 50, 0), ("Trop tard", 0, 100)]
    assert [one.legal for one in school.products.values()] == [LegalClass.MANDATORY]


def test_a_changed_file_keeps_every_id() -> None:
    counting = ids()
    first = described(new_id=counting)
    assert described(school=first, new_id=counting) == first
    changed = SCHOOL.replace('room = "Salle 4"', 'room = "Salle 5"').replace("percent = 50", "percent = 60").replace('"08:45"', '"08:40"')
    second = described(changed, first, counting)
    assert second.programmes.keys() == first.programmes.keys()
    assert second.absences.keys() == first.absences.keys()
    assert second.class_hours.keys() == first.class_hours.keys()
    assert programmes(second)["Étude"].room == "Salle 5"
    assert AbsenceReason(next(iter(second.absences)) + 1, "Non prévenu", 60) in second.absences.values()


def test_class_hours_that_the_file_does_not_name_any_more_hold_from_today_on_no_more() -> None:
    """A class without hours of its own has those of the whole site again."""
    first = described()
    shorter = SCHOOL.replace('days = ["mon", "wed"]', 'days = ["mon"]').replace('groups = ["3A", "3B"]', 'groups = ["3A"]')
    second = described(shorter, first, on=date(2025, 11, 3))
    monday, wednesday = date(2025, 11, 3), date(2025, 11, 5)
    pupil = Pupil(9, 9, next(iter(second.sites)), "Zoé", "Claes", "3B")
    begins = [(row and row.start_min) for row in (hours_of_class(second, pupil, day) for day in (monday, wednesday))]
    assert begins == [8 * 60 + 45, None]
    before = [hours_of_class(second, pupil, day) for day in (date(2025, 10, 27), date(2025, 10, 29))]
    assert [row and row.start_min for row in before] == [510, 510], "mornings that are over keep their hours"
    again = described(SCHOOL, second, on=date(2025, 11, 3))
    assert [(row and row.start_min) for row in (hours_of_class(again, pupil, day) for day in (monday, wednesday))] == [510, 510]


def test_hours_in_a_file_that_is_read_again_change_no_day_that_is_over() -> None:
    first = described()
    longer = SCHOOL.replace('start = "17:00", end = "18:00" }', 'start = "17:00", end = "18:30" }')
    second = described(longer, first, on=TUESDAY)
    care = programmes(second)["Garderie"]
    assert [max(one.end_min for one in care.windows if one.covers(day)) for day in (MONDAY, TUESDAY)] == [18 * 60, 18 * 60 + 30]
    assert described(longer, second, on=date(2025, 2, 3)) == second, "read again, it says the same"


def test_hours_in_a_file_may_come_on_a_later_day() -> None:
    later = ', { days = ["mon"], start = "16:10", end = "17:15", from = 2025-09-01 }]\nattendance = "registered"'
    text = SCHOOL.replace(']\nattendance = "registered"', later)
    school = described(text)
    study = programmes(school)["Étude"]
    days = (MONDAY, date(2025, 8, 26), date(2025, 9, 1), date(2025, 9, 2))
    assert [[one.start_min for one in study.windows if one.covers(day)] for day in days] == [[965], [965], [970], []], "all before are over"
    assert described(text, school, on=TUESDAY) == school
    assert "key `from`: 2925-09-01 is too late" in refused(text.replace("2025-09-01", "2925-09-01"))
    assert "key `from`: 2925-10-01 is too late" in refused(SCHOOL.replace("from = 2025-10-01", "from = 2925-10-01"))


def test_the_one_programme_of_its_use_that_has_another_name_is_the_same_one() -> None:
    first = described(SCHOOL)
    second = described(SCHOOL.replace('"Garderie"', '"Accueil"'), first, itertools.count(1000).__next__)
    assert programmes(second)["Accueil"].id == programmes(first)["Garderie"].id
    assert programmes(second)["Étude"] == programmes(first)["Étude"]


def test_a_second_study_does_not_take_the_place_of_the_first() -> None:
    start = SCHOOL.index('[[sites.programmes]]\nname = "Étude longue"')
    first = described(SCHOOL[:start])
    second = described(SCHOOL, first, itertools.count(1000).__next__)
    assert programmes(second)["Étude"].id == programmes(first)["Étude"].id
    assert programmes(second)["Étude longue"].id >= 1000


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ('within = "Garderie"\nroom', 'within = "Cantine"\nroom', "programme `Étude`: key `within`: `Cantine` is no programme of"),
        ('within = "Garderie"\nroom', 'within = "Étude"\nroom', "programme `Étude`: key `within`: it cannot be within itself"),
        ('within = "Garderie"\nroom', 'within = "Étude longue"\nroom', "`Étude longue` is within another one already: name that one"),
        ("period_min = 30\n", 'scans = "entry"\n', "of `Garderie` only entries are scanned"),
        ('"fri"], start = "16:05", end = "17:15"', '"wed"], start = "16:05", end = "17:15"', "its hours on wed, 16:05 to 17:15"),
        ('end = "17:15"', 'end = "18:15"', "its hours on mon, 16:05 to 18:15, are not all within those of `Garderie`"),
        ("every_days = 7, ", "", "programme `Garderie`: key `posting`: `weekday` without `every_days`"),
        ("every_days = 7", "every_days = 10", "key `posting`: 10 days do not end on the same weekday: leave `weekday` out"),
        ('end = "15:30"\nfrom', 'end = "09:59"\nfrom', "then absence, then class is over"),
        ("every_days = 7", "every_days = -7", "key `sites[0].programmes[0].posting.every_days`"),
        ('weekday = "fri"', 'weekday = "friday"', "key `sites[0].programmes[0].posting.weekday`"),
        ('attendance = "auto"', 'attendance = "maybe"', "key `sites[0].programmes[2].attendance`"),
        ('legal = "optional"', 'legal = "free"', "key `sites[0].programmes[1].legal`"),
        ('"Étude longue"', '"Étude"', "programme `Étude` is described twice"),
        ("pilot_from = 2024-11-04", "pilot_from = 2025-01-06", "a pilot begins before it goes live: set `live_from` to a later day"),
        ("live_from = 2025-01-06\n", "", "set `live_from` to a later day"),
        ('settlement = "whole"', 'settlement = "none"', "key `sites[0].settlement`"),
        ("percent = 50", 'percent = 50\namount = "1,00"', "absence `Non prévenu`: `percent` and `amount` together: keep one"),
        ("percent = 50", "percent = 101", "key `absences[1].percent`"),
        ('amount = "1,00"', 'amount = "-1,00"', "absence `Trop tard`: key `amount`: `-1,00` is not an amount from 0"),
        ('amount = "1,00"', 'amount = "peu"', "absence `Trop tard`: key `amount`: `peu` is not an amount"),
        ('"Trop tard"', '"Malade"', "absence `Malade` is described twice"),
        ('absent_at = "10:00"', 'absent_at = "08:35"', "class begins, then lateness, then absence"),
        ("tolerance_min = 5", "tolerance_min = -5", "key `sites[0].class_hours[0].tolerance_min`"),
        ('groups = ["3A", "3B"]', 'groups = ["3A", "3A"]', "key `class_hours`: group `3A` has two beginnings on mon: keep one"),
        ('days = ["mon"]\nstart', 'days = ["mon", "mon"]\nstart', "key `class_hours`: every group has two beginnings on mon"),
        ('start = "08:45"', 'start = "8h45"', "key `sites[0].class_hours[1].start`"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_file_and_key(wrong: str, right: str, said: str) -> None:
    assert SCHOOL.count(wrong) == 1, wrong
    text = refused(SCHOOL.replace(wrong, right))
    assert text.startswith("school.toml:")
    assert said in text


def test_hours_around_a_programme_that_is_described_elsewhere_are_looked_at_too() -> None:
    """Care is narrowed by a file that says nothing of study."""
    first = described()
    only_care = SCHOOL[: SCHOOL.index('[[sites.programmes]]\nname = "Étude"')].replace('start = "15:30"', 'start = "16:30"')
    assert "programme `Étude`: key `within`: its hours on mon, 16:05 to 17:15" in refused(only_care, first)


def test_the_example_has_study_within_care_on_four_days_at_one_euro_a_session() -> None:
    text = (Path(__file__).parent.parent.parent / "provisioning" / "school.example.toml").read_text()
    school = described(text)
    by_name = programmes(school)
    for name, end_min in (("Étude", 17 * 60 + 15), ("Étude longue", 18 * 60)):
        (window,) = by_name[name].windows
        assert by_name[name].within == by_name["Garderie"].id
        assert (window.weekdays, window.start_min, window.end_min) == (frozenset({0, 1, 3, 4}), 16 * 60 + 5, end_min)
        assert school.tariffs[by_name[name].id][-1].lines[-1].formula.unit.tenths == 1000  # type: ignore[union-attr]
    assert {one.name: (one.percent, one.cents) for one in school.absences.values()}["Non prévenu"] == (100, 0)


# --- going live -----------------------------------------------------------------------------------


def two_days_of_care(live_from: date | None) -> Day:
    """Care on Monday and on Tuesday, at a site that goes live on this day."""
    day = Day()
    day.change((replace(day.school.sites[number("Tilleuls")], live_from=live_from),))
    for _ in range(2):
        day.tap("Léa", "care-in", "15:35")
        day.tap("Léa", "care-out", "16:45")
        day.next_day()
    return day


def moved(day: Day, live_from: date | None) -> str:
    """What is said of a live day that is moved; empty when it may be."""
    row = replace(day.school.sites[number("Tilleuls")], live_from=live_from)
    try:
        check_live((row,), day.school, day.books, "school.toml")
    except ImportRefusedError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        (WEDNESDAY, WEDNESDAY, ""),
        (WEDNESDAY, date(2025, 2, 1), ""),
        (WEDNESDAY, TUESDAY, "2025-01-07 was a day of the pilot and cost nothing: set it to a later day"),
        (WEDNESDAY, MONDAY, "2025-01-07 was a day of the pilot"),
        (WEDNESDAY, None, "2025-01-07 was a day of the pilot"),
        (None, MONDAY, ""),
        (None, TUESDAY, "2025-01-06 has cost 2,25\u00a0€ already: set it to that day or an earlier one"),
        (TUESDAY, TUESDAY, ""),
        (TUESDAY, MONDAY, "2025-01-06 was a day of the pilot"),
        (TUESDAY, WEDNESDAY, "2025-01-07 has cost 2,25\u00a0€ already"),
        (MONDAY, date(2024, 9, 1), ""),
    ],
)
def test_a_live_day_moves_only_where_no_day_was_priced_otherwise(was: date | None, becomes: date | None, said: str) -> None:
    text = moved(two_days_of_care(was), becomes)
    assert text == "" if not said else text.startswith(f"school.toml: site `Les Tilleuls`: key `live_from`: {said}")


def test_meals_and_articles_of_the_pilot_count_too_and_what_was_taken_back_does_not() -> None:
    day = Day()
    day.change((replace(day.school.sites[number("Tilleuls")], live_from=WEDNESDAY),))
    meal = day.do(reserve, number("Léa"), number("meal"), TUESDAY.isoformat(), moment("07:00"))
    assert not isinstance(meal, Refusal)
    assert "2025-01-07 was a day of the pilot" in moved(day, TUESDAY)
    (charge,) = day.books.charges.values()
    day.do(lambda _school, _books, ask: reverse(ask, charge, moment("08:00"), Reason.CORRECTED))
    assert moved(day, TUESDAY) == ""
    day.buy("Léa", "drink", "10:00")
    assert "2025-01-06 was a day of the pilot" in moved(day, MONDAY)


def test_setup_refuses_to_move_the_live_day_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hub.toml").write_text(f'[hub]\ndata = "{tmp_path / "hub"}"\n')
    (tmp_path / "school.toml").write_text(SCHOOL)
    command = ["setup", str(tmp_path / "school.toml"), "--config", str(tmp_path / "hub.toml")]
    assert main(command) == 0
    (tmp_path / "families.csv").write_text("Nom;Prénom;École;Famille\nClaes;Zoé;Les Tilleuls;Claes\n")
    assert main(["import", "pupils", str(tmp_path / "families.csv"), "--yes", *command[2:]]) == 0
    asyncio.run(_bought(tmp_path / "hub"))
    (tmp_path / "school.toml").write_text(SCHOOL.replace("live_from = 2025-01-06", "live_from = 2025-02-03"))
    assert main(command) == REFUSED
    assert "key `live_from`: 2025-01-07 has cost 12,00\u00a0€ already" in capsys.readouterr().err
    assert asyncio.run(_live_days(tmp_path / "hub")) == [MONDAY]


async def _bought(folder: Path) -> None:
    """An outing, after the site has gone live."""
    async with memory(folder) as stores:
        school, at_ms = stores.desk.school, moment("10:00", TUESDAY)
        (pupil,), (site,), (outing,) = school.pupils.values(), school.sites.values(), school.products.values()
        cents, why = price_of_product(school, pupil, outing, TUESDAY)
        sale = Sale(pupil, site, outing.id, cents, why, outing.policy, at_ms)
        await stores.desk.do(6, open_balances, 6, {(site.id, pupil.household): 20_00}, at_ms)
        await stores.desk.do(7, charge, 7, sale)


async def _live_days(folder: Path) -> list[date | None]:
    async with memory(folder) as stores:
        return [site.live_from for site in stores.desk.school.sites.values()]
