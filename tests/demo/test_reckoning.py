"""The reckoning of the two weeks: amounts worked out by hand, and that one wrong cent in the books or on a page is found."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest

from hub.core import facts as f
from hub.core.calendar import instant_ms
from hub.core.codes import Code
from proto.messages import Light
from tests.demo import school
from tests.demo.amounts import Amounts, differences, events
from tests.demo.dayplan import DOOR, FRONT, MEALS, SNACKS, TAGS
from tests.demo.fortnight import Act, Fortnight, list_name
from tests.demo.pace import ZONE
from tests.demo.reckoning import Event, Reckoning
from tests.demo.rules import CARE, DRINK, HOMEWORK, HOT, ILL, LIGHT, PACKED, SANDWICH, STUDY, UNEXCUSED, WORKSHOP
from tests.demo.weeks import two_weeks

MONDAY = date(2026, 1, 12)
"""Of week 3; the second week is week 4: an even one."""


@pytest.fixture
def weeks() -> Fortnight:
    return two_weeks(school.children(), MONDAY)


def on(number: int) -> date:
    return MONDAY + timedelta(days=number)


def tap(number: int, clock: str, reader: str, child: str) -> Event:
    hour, minute = clock.split(":")
    return on(number), (int(hour) * 60 + int(minute)) * 60_000, reader, child


def did(number: int, clock: str, *words: str) -> Event:
    hour, minute = clock.split(":")
    at_s = int(hour) * 3600 + int(minute) * 60
    return on(number), at_s * 1000, "", Act(on(number), at_s, words)


def charged(weeks: Fortnight, *events: Event) -> dict[tuple[str, str], int]:
    """What these events alone have cost."""
    return dict(Reckoning(weeks).reckon(events).charged - Reckoning(weeks).reckon(()).charged)


def moved(weeks: Fortnight, *events: Event) -> dict[str, int]:
    """By how much these events alone have changed wallets."""
    after, before = Reckoning(weeks).reckon(events).wallets, Reckoning(weeks).reckon(()).wallets
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


HUBERT = ("Yasmine Hubert", "Ethan Hubert", "Emma Hubert")
"""Three of one family, in classes 4A, 5A and 3A: Ethan is the eldest, then Yasmine, then Emma."""


@pytest.mark.parametrize(
    ("child", "number", "came", "left", "cents"),
    [
        ("Ethan Hubert", 0, "15:40", "16:45", 1_50),  # 65 minutes: two half-hours, and five that are tolerated
        ("Ethan Hubert", 0, "15:40", "16:46", 2_25),
        ("Yasmine Hubert", 0, "15:40", "16:46", 1_69),  # a quarter off 2,25, half a cent rounded up
        ("Emma Hubert", 0, "15:40", "16:46", 1_13),
        ("Ethan Hubert", 7, "15:40", "16:45", 1_70),  # 0,85 from the second week on
        ("Ethan Hubert", 2, "12:00", "14:05", 2_01),  # Wednesday: two hours of 1,005
        ("Ethan Hubert", 2, "12:00", "14:06", 3_02),
        ("Ethan Hubert", 2, "12:00", "17:00", 4_00),  # no more than the maximum
    ],
)
def test_care_is_counted_by_started_periods_with_tolerance_rank_and_maximum(
    weeks: Fortnight, child: str, number: int, came: str, left: str, cents: int
) -> None:
    assert charged(weeks, tap(number, left, DOOR, child), tap(number, came, DOOR, child)) == {(child, CARE): cents}


def test_who_is_never_seen_leaving_pays_nothing_and_the_evening_is_another_stay(weeks: Fortnight) -> None:
    taps = [tap(0, clock, DOOR, "Ethan Hubert") for clock in ("07:10", "15:40", "16:10")]
    assert charged(weeks, *taps) == {("Ethan Hubert", CARE): 75}


@pytest.mark.parametrize(
    ("came", "left", "cents"), [("17:59", "19:29", 2_25), ("17:59", "19:30", 0), ("18:00", "18:20", 0), ("08:29", "09:00", 75)]
)
def test_nobody_comes_when_the_hours_are_over_or_is_waited_for_longer_than_an_hour_and_a_half(
    weeks: Fortnight, came: str, left: str, cents: int
) -> None:
    assert sum(charged(weeks, *(tap(0, clock, DOOR, "Ethan Hubert") for clock in (came, left))).values()) == cents


def test_the_household_of_the_week_pays_for_a_child_of_two(weeks: Fortnight) -> None:
    ((name, (household, _)),) = weeks.custody.items()
    stay = [[tap(number, clock, DOOR, name) for clock in ("15:40", "16:10")] for number in (0, 7)]
    assert moved(weeks, *stay[0]) == {f"Centre/{weeks.child(name).household}": -75}
    assert moved(weeks, *stay[1]) == {f"Centre/{household}": -85}


@pytest.mark.parametrize(
    ("came", "left", "tenths"),
    [
        ("15:40", "17:20", (750, 0, 750)),  # 25 minutes, homework, 20 minutes
        ("15:40", "16:30", (750, 0)),  # leaves during homework
        ("16:10", "17:40", (0, 1500)),  # comes during it; 40 minutes
        ("15:35", "16:04", (750,)),
    ],
)
def test_who_is_registered_pays_care_a_session_of_homework_and_care(
    weeks: Fortnight, came: str, left: str, tenths: tuple[int, ...]
) -> None:
    name = weeks.cast.helped[0].name
    cents = [(each * (100 - rank_less(weeks, name)) + 500) // 1000 for each in tenths]
    expected = {(name, CARE): sum(cents)} | ({(name, HOMEWORK): 1_20} if 0 in tenths else {})
    assert charged(weeks, tap(0, came, DOOR, name), tap(0, left, DOOR, name)) == expected
    whole = did(0, "18:50", "day", "split", name, HOMEWORK, on(0).isoformat(), "no", "--by", "bureau")
    assert (name, HOMEWORK) not in charged(weeks, tap(0, came, DOOR, name), tap(0, left, DOOR, name), whole)


def rank_less(weeks: Fortnight, name: str) -> int:
    """Percents off for this child, by its own hour of care on a Wednesday."""
    cents = charged(weeks, tap(2, "12:00", DOOR, name), tap(2, "13:00", DOOR, name))[name, CARE]
    return {1_01: 0, 75: 25, 50: 50}[cents]


def test_who_is_absent_costs_what_the_reason_says_and_who_counts_as_present_costs_a_session(weeks: Fortnight) -> None:
    first, _, third, excused = (child.name for child in weeks.cast.makers[:4])
    alone = Reckoning(weeks).reckon(())
    assert [alone.charged[name, WORKSHOP] for name in (first, third, excused)] == [7_20, 7_20, 4_80], "three afternoons, or two"
    assert alone.wallets[weeks.purse(third, on(0))] == weeks.opening_cents()["Moulin", list_name(weeks.child(third))] - 4_80
    absent = did(2, "18:50", "day", "absent", first, WORKSHOP, on(2).isoformat(), UNEXCUSED, "--by", "bureau")
    ill = did(1, "18:50", "day", "absent", third, WORKSHOP, on(1).isoformat(), ILL, "--by", "bureau")
    assert moved(weeks, absent, ill) == {weeks.purse(first, on(0)): 40}, "2,00 instead of 2,40; the other one in the pilot"
    assert Reckoning(weeks).reckon([ill]).charged[third, WORKSHOP] == 6_00
    helped = weeks.cast.helped[0].name
    missing = did(0, "18:50", "day", "absent", helped, HOMEWORK, on(0).isoformat(), ILL, "--by", "bureau")
    assert charged(weeks, missing) == {(helped, HOMEWORK): 60}


def test_what_is_served_in_a_pilot_would_have_cost_that_and_costs_nothing(weeks: Fortnight) -> None:
    student = weeks.cast.students[0].name
    assert charged(weeks, tap(1, "16:10", TAGS, student)) == {(student, STUDY): 1_08}
    assert moved(weeks, tap(1, "16:10", TAGS, student)) == {}
    assert moved(weeks, tap(3, "16:10", TAGS, student)) == {weeks.purse(student, on(3)): -1_08}
    eater = weeks.cast.students[1].name
    order = did(0, "18:43", "meals", "order", eater, on(3).isoformat(), PACKED, "--by", "parent")
    assert moved(weeks, order) == {weeks.purse(eater, on(3)): -4_10}, "ordered in the pilot for a day after it"


def test_a_morning_is_late_from_six_minutes_on_or_missing_unless_care_has_seen_the_child(weeks: Fortnight) -> None:
    first, second, third, *others = (child.name for child in weeks.cast.classmates)
    justified = did(1, "09:00", "presence", "justify", others[0], on(0).isoformat(), "justified", "--reason", "ill", "--by", "bureau")
    taps = [tap(0, "08:45", FRONT, first), tap(0, "08:46", FRONT, second), tap(0, "07:10", DOOR, third), tap(0, "15:30", FRONT, others[0])]
    mornings = Reckoning(weeks).reckon([*taps, justified]).mornings
    found = [mornings.get((name, on(0).isoformat()), "in time") for name in (first, second, third, *others[:2])]
    assert found == ["in time", "6 minutes", "in time", "missing justified", "missing"]


def test_study_is_paid_once_a_day_by_effort_rate_within_its_bounds(weeks: Fortnight) -> None:
    students = [child for child in weeks.everyone if child.site == "Moulin"]
    taps = [tap(0, clock, TAGS, child.name) for child in (*students[:3], students[9]) for clock in ("16:10", "16:20")]
    homes = [child.household for child in students[:3]]
    expected = [{900_00: 1_08, 150_00: 40, 600_00: 72}[weeks.qf_cents[home]] for home in homes]
    assert sorted(expected) == [40, 72, 1_08]
    assert students[9].household not in weeks.qf_cents, "without a file it is the most"
    pairs = zip((*students[:3], students[9]), (*expected, 1_50), strict=True)
    assert charged(weeks, *taps) == {(child.name, STUDY): cents for child, cents in pairs}


def test_a_meal_without_an_order_costs_its_surcharge_and_a_reserved_one_is_paid(weeks: Fortnight) -> None:
    (reserved,) = [name for day, name in sorted(weeks.reserved()) if day == on(0)][:1]
    assert charged(weeks, tap(0, "12:05", MEALS, reserved)) == {}
    assert charged(weeks, tap(3, "12:05", MEALS, "Ethan Hubert"), tap(3, "12:06", MEALS, "Ethan Hubert")) == {("Ethan Hubert", HOT): 4_70}


ORDER = ("meals", "order", "Ethan Hubert", "2026-01-15", HOT, "--by", "parent")
CANCEL = ("meals", "cancel", "Ethan Hubert", "2026-01-15", "--by", "parent")
WAIT = ("meals", "wait", "Emma Hubert", "2026-01-15", HOT, "--by", "parent")


@pytest.mark.parametrize(
    ("acts", "cents"),
    [
        ([(0, "10:00", ORDER)], {("Ethan Hubert", HOT): 4_20}),
        ([(0, "10:00", ("meals", "order", *ORDER[2:4], SANDWICH, "--by", "parent"))], {("Ethan Hubert", SANDWICH): 3_20}),
        ([(0, "10:00", ORDER), (3, "08:59", CANCEL)], {}),
        ([(0, "10:00", ORDER), (3, "09:00", CANCEL)], {("Ethan Hubert", HOT): 4_20}),
        ([(0, "10:00", ORDER), (3, "08:00", WAIT), (3, "09:00", CANCEL)], {("Emma Hubert", HOT): 4_20}),
        ([(0, "10:00", ORDER), (3, "09:00", CANCEL), (3, "09:30", WAIT)], {("Emma Hubert", HOT): 4_20}),
        ([(0, "10:00", ORDER), (3, "08:00", ("meals", "change", *ORDER[2:4], LIGHT, "--by", "parent"))], {("Ethan Hubert", LIGHT): 3_40}),
    ],
)
def test_an_order_is_given_back_in_time_or_when_it_is_resold(
    weeks: Fortnight, acts: list[tuple[int, str, tuple[str, ...]]], cents: dict[tuple[str, str], int]
) -> None:
    assert charged(weeks, *(did(number, clock, *words) for number, clock, words in acts)) == cents


def test_moulin_orders_close_a_working_day_before_at_three(weeks: Fortnight) -> None:
    child = next(child.name for child in weeks.everyone if child.site == "Moulin")
    order = ("meals", "order", child, "2026-01-21", PACKED, "--by", "parent")
    cancel = ("meals", "cancel", child, "2026-01-21", "--by", "parent")
    assert charged(weeks, did(7, "10:00", *order), did(7, "14:59", *cancel)) == {}
    assert charged(weeks, did(7, "10:00", *order), did(7, "15:00", *cancel)) == {(child, PACKED): 4_10}


def test_sales_cash_and_transfers_move_the_wallets_they_name(weeks: Fortnight) -> None:
    pupil = "Moulin/Benali Léa (general)"
    acts = (
        did(0, "13:00", "till", "sell", "till", "Ethan Hubert", "7,55", f"2x{SANDWICH}", DRINK, "--by", "bureau"),
        did(0, "13:05", "till", "pay-in", "till", "Ethan Hubert", "20,00", "--by", "bureau"),
        did(0, "18:00", "wallet", "top-up", f"@{pupil}", "30,00"),
        did(0, "18:01", "wallet", "transfer", f"@{pupil}", "12,00", "--by", "parent"),
        did(0, "18:02", "wallet", "refund", f"@{pupil}", "0,50"),
    )
    reserve = pupil.replace("general", "reserve")
    assert moved(weeks, *acts) == {"Centre/Hubert (78)": 12_45, pupil: 17_50, reserve: 12_00}
    assert moved(weeks, *acts, did(1, "09:00", "wallet", "payout", f"@{pupil}")) == {"Centre/Hubert (78)": 12_45, reserve: 12_00}


def test_the_two_weeks_use_everything_and_a_sale_that_is_taken_back_costs_nothing(weeks: Fortnight) -> None:
    done = [act for act in weeks.acts if not act.refused]
    words = Counter(act.words[:2] for act in done)
    assert {("till", "void"), ("till", "undo"), ("wallet", "payout"), ("wallet", "refund"), ("meals", "wait")} <= words.keys()
    everything: list[Event] = [(act.day, act.at_s * 1000, "", act) for act in done]
    without = [(act.day, act.at_s * 1000, "", act) for act in done if not act.label and not {"undo", "void"} & set(act.words)]
    assert Reckoning(weeks).reckon(everything).wallets == Reckoning(weeks).reckon(without).wallets


def scan(number: int, reader: str, child: str, light: Light) -> f.ScanTaken:
    device, name = reader.split("/")
    at_ms = instant_ms(MONDAY, 16 * 60 + number, ZONE)
    return f.ScanTaken(number, device, "life", number, name, f"hash of {child}", 7, at_ms, 200, Code.IN, light)


def test_only_taps_that_got_a_yes_and_corrections_that_stand_are_reckoned(weeks: Fortnight) -> None:
    emma = weeks.child("Emma Hubert")
    facts = (
        scan(1, DOOR, emma.name, Light.ACCEPTED),
        scan(2, DOOR, emma.name, Light.LOOK),
        scan(3, MEALS, emma.name, Light.LOOK),
        scan(4, DOOR, emma.name, Light.ADULT),
        scan(5, DOOR, emma.name, Light.ACCEPTED),
        f.ShownBooked(6, "care-door", "life", 5, Light.ADULT),
    )
    add = ("day", "add", emma.name, CARE, MONDAY.isoformat())
    acts = (*(Act(on(1), 0, (*add, hours, "out", "--by", "bureau")) for hours in ("17:00", "17:30")), Act(on(1), 60, ("day", "undo")))
    found = list(events(weeks, acts, facts, {emma.badge: f"hash of {emma.name}"}))
    assert found == [tap(0, "16:01", DOOR, emma.name), tap(0, "16:03", MEALS, emma.name), tap(0, "17:00", DOOR, emma.name)]


def test_a_tap_at_the_sandwiches_costs_nothing_whether_one_was_ordered_or_not(weeks: Fortnight) -> None:
    assert charged(weeks, tap(3, "12:15", SNACKS, "Ethan Hubert")) == {}
    order = did(0, "10:00", "meals", "order", *ORDER[2:4], SANDWICH, "--by", "parent")
    assert charged(weeks, order, tap(3, "12:15", SNACKS, "Ethan Hubert")) == {("Ethan Hubert", SANDWICH): 3_20}


def test_one_wrong_cent_in_a_wallet_in_a_charge_or_on_a_page_is_found(weeks: Fortnight) -> None:
    reckoned = Reckoning(weeks).reckon([tap(0, "15:40", DOOR, "Ethan Hubert"), tap(0, "16:10", DOOR, "Ethan Hubert")])
    shown = {"Centre/Hubert (78)": reckoned.wallets["Centre/Hubert (78)"]}
    honest = Amounts(dict(reckoned.wallets), dict(reckoned.charged), shown, reckoned.mornings)
    assert list(differences(reckoned, honest)) == []
    for doctored in (
        replace(honest, wallets={**honest.wallets, "Centre/Hubert (78)": honest.wallets["Centre/Hubert (78)"] + 1}),
        replace(honest, charged={**honest.charged, ("Ethan Hubert", CARE): 76}),
        replace(honest, shown={"Centre/Hubert (78)": honest.shown["Centre/Hubert (78)"] - 1}),
        replace(honest, wallets={**honest.wallets, "Centre/Nobody": 1}),
        replace(honest, mornings=dict(list(honest.mornings.items())[1:])),
    ):
        assert len(list(differences(reckoned, doctored))) == 1
