"""The made-up school and the script of its day: as many as promised, the same each time, and readable by the real commands."""

import random
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from hub.core.books import Books
from hub.core.imports import WANTED, Kind, plan
from hub.core.plans import Plan, Stamp
from hub.core.school import School, edited
from hub.imports import is_address, read
from hub.setup import describe, reservations
from tests.demo import dayplan, school
from tests.demo.day import SPEED
from tests.demo.dayplan import DOOR, MEALS, READERS, SIBLING_MS, SNACKS, Blow, Means
from tests.demo.pace import monday_of
from tests.demo.player import SAME_TAP_S
from tests.demo.rules import SANDWICH
from tests.demo.weeks import two_weeks

MONDAY = date(2026, 1, 12)


@pytest.fixture
def read_in() -> School:
    """The school as the real commands read its files."""
    ids = iter(random.Random(1).sample(range(1, 2**62), 5_000))
    everyone = school.children()
    found = edited(School(), describe(school.SCHOOL_TOML, "school.toml", School(), lambda: next(ids), 0))
    return edited(found, _planned(Kind.PUPILS, school.pupils_csv(everyone), found).rows)


def _planned(kind: Kind, text: str, found: School) -> Plan:
    table = read(text.encode(), "list.csv", WANTED[kind]).table
    planned = plan(kind, table, found, Books(), Stamp(b"key" * 11, 1, MONDAY, 77, is_address))
    assert not planned.complaints
    return planned


def test_there_are_120_pupils_in_80_families_on_two_sites_and_one_third_has_a_tag(read_in: School) -> None:
    assert (len(read_in.pupils), len(read_in.households), len(read_in.sites)) == (120, 80, 2)
    assert len(read_in.badges) == 120
    assert Counter(child.badge.startswith("EM:") for child in school.children()) == {False: 80, True: 40}


def test_the_same_seed_makes_the_same_school_and_another_seed_another() -> None:
    assert school.children() == school.children()
    assert school.children() != school.children(seed=7)


def test_balances_and_meals_are_read_whole_and_some_families_owe(read_in: School) -> None:
    everyone = school.children()
    cents = _planned(Kind.BALANCES, school.balances_csv(everyone), read_in).balances
    assert len(cents) == len({(child.site, child.household) for child in everyone})
    assert min(cents.values()) < 0 < max(cents.values())
    meals = reservations(school.reservations_csv(everyone, MONDAY), "meals.csv", read_in, Books())
    assert len(meals) == sum(child.eats for child in everyone)


def test_the_example_of_the_readers_is_what_the_day_uses(read_in: School) -> None:
    assert {f"{device}/{reader}" for device, reader in read_in.readers} == set(READERS)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_day_has_everything_that_happens_in_a_school(seed: int) -> None:
    day = dayplan.whole_day(school.children(), seed)
    counts = Counter(tap.means for tap in day.taps)
    assert min(counts[means] for means in (Means.ARRIVES, Means.LEAVES, Means.EATS, Means.STUDIES)) > 30
    assert counts[Means.ARRIVES] - counts[Means.LEAVES] == 3, "three forget to tap when they leave"
    assert all(counts[means] for means in Means if means is not Means.COMES), "the entrance is of the two weeks"
    unordered = {child.badge for child in school.children() if not child.eats}
    assert sum(tap.reader == MEALS and tap.means is Means.EATS and tap.badge in unordered for tap in day.taps) == 6, "charged at the till"
    assert list(day.taps) == sorted(day.taps, key=lambda tap: (tap.at_s, tap.later_ms, tap.reader, tap.badge))


def test_the_same_seed_makes_the_same_day_and_another_seed_another() -> None:
    everyone = school.children()
    assert dayplan.whole_day(everyone, 1) == dayplan.whole_day(everyone, 1)
    assert dayplan.whole_day(everyone, 1) != dayplan.whole_day(everyone, 2)


def test_brothers_and_sisters_come_one_after_the_other() -> None:
    day = dayplan.whole_day(school.children())
    followers = [tap for tap in day.taps if tap.reader == DOOR and tap.later_ms == SIBLING_MS and tap.means is not Means.DOUBLE]
    starts = {(tap.at_s, tap.means) for tap in day.taps if tap.later_ms == 0}
    assert followers
    assert all((tap.at_s, tap.means) in starts for tap in followers)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_even_the_fast_weeks_leave_a_child_three_real_seconds_between_two_taps_at_a_reader(seed: int) -> None:
    for part in two_weeks(school.children(), MONDAY, seed).parts:
        last: dict[tuple[str, str], int] = {}
        for tap in (tap for tap in part.script.taps if tap.means is not Means.DOUBLE):
            before_s = last.get((tap.reader, tap.badge))
            assert before_s is None or (tap.at_s - before_s) / SPEED > SAME_TAP_S
            last[tap.reader, tap.badge] = tap.at_s


def test_two_weeks_have_ten_days_but_one_every_accident_and_every_kind_of_tap() -> None:
    weeks = two_weeks(school.children(), MONDAY)
    days = list(dict.fromkeys(part.day for part in weeks.parts))
    assert [day.isoweekday() for day in days] == [1, 2, 3, 4, 5, 1, 3, 4, 5]
    assert weeks.day_off not in days
    assert {incident.blow for part in weeks.parts for incident in part.script.incidents} == set(Blow)
    counts = Counter(tap.means for part in weeks.parts for tap in part.script.taps)
    assert all(counts[means] for means in Means)
    assert counts[Means.ARRIVES] - counts[Means.LEAVES] > 5, "some forget to tap when they leave"
    assert [(part.day, part.script.from_s) for part in weeks.parts] == sorted((part.day, part.script.from_s) for part in weeks.parts)


def test_the_office_has_done_everything_a_part_needs_before_it_begins() -> None:
    weeks = two_weeks(school.children(), MONDAY)
    for part in weeks.parts:
        assert all((act.day, act.at_s) < (part.day, part.script.to_s) for act in part.before)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_cashier_sells_to_those_whom_the_till_has_identified_since_noon(seed: int) -> None:
    weeks = two_weeks(school.children(), MONDAY, seed)
    known = {(part.day, tap.badge) for part in weeks.parts for tap in part.script.taps if tap.reader == SNACKS}
    sales = [act for act in weeks.acts if act.words[:2] == ("till", "sell")]
    assert len({act.day for act in sales}) == 4
    assert {(act.day, weeks.child(act.words[3]).badge) for act in sales} <= known


def test_an_ordered_sandwich_is_handed_out_at_the_till_that_sells_them() -> None:
    weeks = two_weeks(school.children(), MONDAY)
    (order,) = [act for act in weeks.acts if act.words[:2] == ("meals", "order") and SANDWICH in act.words]
    taps = [tap for part in weeks.parts if part.day.isoformat() == order.words[3] for tap in part.script.taps if tap.reader == SNACKS]
    assert weeks.child(order.words[2]).badge in {tap.badge for tap in taps}


@pytest.mark.parametrize("today", [date(2026, 1, 12), date(2026, 1, 14), date(2026, 1, 18)])
def test_the_day_is_the_monday_of_this_week(today: date) -> None:
    assert monday_of(today) == MONDAY


def test_the_short_day_uses_every_reader(tmp_path: Path) -> None:
    day = dayplan.short_day(school.children())
    assert {tap.reader for tap in day.taps} == set(READERS)
    assert {incident.blow for incident in day.incidents} == {Blow.NETWORK_CUT, Blow.NETWORK_STALLS, Blow.HUB_KILLED}
