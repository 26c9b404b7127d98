"""Who is in, now: per room, who is expected, and the list to read out when the house is left, right within one scan."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as but

from hub.core import attendance, corrections
from hub.core.calendar import CalendarDay, DayKind, at
from hub.core.codes import Excuse, Justification, Reason
from hub.core.corrections import Place, Staff
from hub.core.inside import evacuation, grown_ups, rooms
from hub.core.school import Adult, Custody
from hub.core.timetable import AbsenceReason, Attendance, Plan
from proto.messages import Direction, Use
from tests.mornings import ENTRANCES, PARC, TILLEULS, came, front, roll, say, with_timetable
from tests.schools import LONG_DAY, MONDAY, SHORT_DAY, TUESDAY, ZONE, Day, hours, moment, number, scan

CARE, STUDY = number("care"), number("study")


@pytest.fixture
def house(day: Day) -> Day:
    """A Monday with class from 08:20 to 15:30, care in the refectory, study in room 4."""
    with_timetable(day)
    care, study = day.school.programmes[CARE], day.school.programmes[STUDY]
    day.change((replace(care, room="Réfectoire"), replace(study, room="Salle 4", within=CARE)))
    return day


def read_out(day: Day, clock: str, site: int = TILLEULS, on: date | None = None) -> list[str]:
    """The evacuation list of a site at a time, as `Léa 3A 08:15`: first name, room, since."""
    now_ms = moment(clock, on or day.date)
    found = evacuation(day.school, day.books, site, now_ms)
    return [f"{one.pupil.first_name} {one.room} {at(one.since_ms, ZONE):%H:%M}" for one in found]


def missing(day: Day, clock: str, site: int = TILLEULS) -> dict[str, list[str]]:
    """Room -> first names of those who are expected there; with where they are instead, if they are in the building."""
    found = rooms(day.school, day.books, site, moment(clock, day.date))
    return {room.name: [f"{one.pupil.first_name} {one.seen}".strip() for one in room.missing] for room in found if room.missing}


def plan(day: Day, who: str, programme: str = "care") -> None:
    day.change((Plan(number(f"plan {who} {programme}"), number(who), number(programme), date(2024, 9, 1)),))


# --- where a child is -----------------------------------------------------------------------------


def test_who_came_in_by_the_entrance_is_in_class_until_it_leaves(house: Day) -> None:
    assert read_out(house, "08:10") == []
    came(house, "Léa", "08:15")
    assert read_out(house, "08:16") == ["Léa 3A 08:15"]
    came(house, "Léa", "11:50", "way-out")
    assert read_out(house, "11:51") == []
    came(house, "Léa", "13:10")
    assert read_out(house, "13:11") == ["Léa 3A 13:10"]


def test_a_second_scan_on_the_way_in_changes_nothing(house: Day) -> None:
    came(house, "Léa", "08:15")
    came(house, "Léa", "08:16")
    assert read_out(house, "09:00") == ["Léa 3A 08:15"]


def test_a_reader_for_both_ways_begins_the_day_with_an_arrival_and_takes_a_second_tap_for_the_same(house: Day) -> None:
    said = []
    for clock in ("08:15", "08:16:59", "08:17", "12:00", "12:01", "13:00"):
        came(house, "Léa", clock, "revolving")
        said.append(read_out(house, clock))
    assert said == [["Léa 3A 08:15"], ["Léa 3A 08:15"], [], ["Léa 3A 12:00"], ["Léa 3A 12:00"], []]


def test_who_is_at_care_is_in_its_room_and_who_left_in_the_afternoon_went_home(house: Day) -> None:
    came(house, "Léa", "08:15")
    house.tap("Léa", "care-in", "15:40")
    assert read_out(house, "15:41") == ["Léa Réfectoire 15:40"]
    house.tap("Léa", "care-out", "16:50")
    assert read_out(house, "16:51") == []


def test_who_left_care_before_class_is_in_class(house: Day) -> None:
    house.tap("Léa", "care-in", "07:30")
    assert read_out(house, "07:31") == ["Léa Réfectoire 07:30"]
    house.tap("Léa", "care-out", "08:14")
    assert read_out(house, "09:00") == ["Léa 3A 08:14"]
    came(house, "Léa", "08:18", "revolving")
    assert read_out(house, "09:00") == ["Léa 3A 08:14"], "the first tap at the entrance is an arrival"


def test_who_is_planned_for_study_is_in_its_room_while_it_lasts(house: Day) -> None:
    plan(house, "Léa", "study")
    house.tap("Léa", "care-in", "15:40")
    house.tap("Tom", "care-in", "15:41")
    assert read_out(house, "16:04") == ["Léa Réfectoire 15:40", "Tom Réfectoire 15:41"]
    assert read_out(house, "16:05") == ["Léa Salle 4 15:40", "Tom Réfectoire 15:41"]
    assert [(room.name, len(room.present)) for room in rooms(house.school, house.books, TILLEULS, moment("16:05"))] == [
        ("Réfectoire", 1),
        ("Salle 4", 1),
    ]


def test_who_is_at_two_programmes_of_a_site_is_where_it_came_last(house: Day) -> None:
    house.tap("Léa", "care-in", "15:40")
    house.tap("Léa", "study-in", "16:10")
    assert read_out(house, "16:11") == ["Léa Salle 4 16:10"]


def test_who_is_sent_to_study_by_staff_is_in_its_room(house: Day) -> None:
    house.tap("Léa", "care-in", "15:40")
    house.do(corrections.split, Staff(77, Reason.CONFIRMED, moment("16:00")), Place(number("Léa"), STUDY, 20250106), through=True)
    assert read_out(house, "16:30") == ["Léa Salle 4 15:40"]


def test_a_child_that_is_in_at_two_sites_is_on_both_lists_and_marked(house: Day) -> None:
    came(house, "Léa", "08:15")
    came(house, "Tom", "08:16")
    came(house, "Léa", "10:00", "parc-entrance")
    lists = {site: evacuation(house.school, house.books, site, moment("10:01")) for site in (TILLEULS, PARC)}
    assert [(one.pupil.first_name, one.also) for one in lists[TILLEULS]] == [("Léa", (PARC,)), ("Tom", ())]
    assert [(one.pupil.first_name, one.room, one.also) for one in lists[PARC]] == [("Léa", "", (TILLEULS,))]


def test_where_the_way_out_is_not_scanned_class_ends_by_the_timetable(house: Day) -> None:
    kept = {
        key: reader for key, reader in house.school.readers.items() if reader.use is not Use.ENTRANCE or reader.direction is Direction.IN
    }
    house.school = replace(house.school, readers=kept)
    came(house, "Léa", "08:15")
    came(house, "Tom", "15:45")
    assert read_out(house, "15:29") == ["Léa 3A 08:15", "Tom 3A 15:45"]
    assert read_out(house, "15:46") == ["Tom 3A 15:45"], "Tom came when class was over"


def test_on_a_day_without_class_the_entrance_tells_who_is_in_all_the_same(house: Day) -> None:
    house.change((CalendarDay(0, MONDAY, DayKind.CAMP),))
    came(house, "Léa", "09:00")
    assert read_out(house, "16:00") == ["Léa 3A 09:00"]
    came(house, "Léa", "16:30", "way-out")
    assert read_out(house, "16:31") == []


@pytest.mark.parametrize("on", [MONDAY, LONG_DAY, SHORT_DAY])
def test_what_the_entrance_tells_ends_at_midnight_and_a_night_at_a_programme_does_not(house: Day, on: date) -> None:
    """Also on the days of 25 and 23 hours."""
    house.date = on
    night = replace(house.school.programmes[CARE], windows=(hours(range(7), "20:00", "32:00"),))
    house.change((night,))
    came(house, "Léa", "19:00")
    house.tap("Tom", "care-in", "20:10")
    assert read_out(house, "23:59") == ["Léa 3A 19:00", "Tom Réfectoire 20:10"]
    house.next_day()
    assert [name.split()[0] for name in read_out(house, "00:00")] == ["Tom"]
    assert [name.split()[0] for name in read_out(house, "07:59")] == ["Tom"]


def test_a_stay_that_is_long_over_is_nobody_who_is_in_even_if_the_hub_was_off(house: Day) -> None:
    house.tap("Léa", "care-in", "15:40")
    assert read_out(house, "19:29") == ["Léa Réfectoire 15:40"]
    assert read_out(house, "19:30") == []
    assert read_out(house, "15:40", on=TUESDAY) == []


def test_a_scan_that_comes_late_from_an_outbox_counts_at_its_own_time(house: Day) -> None:
    came(house, "Léa", "08:15")
    came(house, "Léa", "13:10")
    came(house, "Léa", "12:00", "way-out")
    assert read_out(house, "13:11") == ["Léa 3A 13:10"]
    came(house, "Léa", "14:00", "way-out")
    assert read_out(house, "14:01") == []


def test_a_pupil_who_changes_class_or_site_is_listed_as_it_is_now(house: Day) -> None:
    came(house, "Léa", "08:15")
    house.change((replace(house.school.pupils[number("Léa")], group="4B"),))
    assert read_out(house, "09:00") == ["Léa 4B 08:15"]
    house.change((replace(house.school.pupils[number("Léa")], site=PARC),))
    assert read_out(house, "09:00") == ["Léa  08:15"], "still in the building, but no class of it"
    assert read_out(house, "09:00", PARC) == []


# --- the list -------------------------------------------------------------------------------------


def test_the_list_is_read_out_by_class_and_name_with_the_grown_ups_of_the_child(house: Day) -> None:
    house.change((replace(house.school.pupils[number("Léa")], group="2A"), replace(house.school.pupils[number("Tom")], group="4B")))
    house.change((replace(house.school.pupils[number("Noé")], group="2A", last_name="Élan"),))
    house.change((Adult(1, number("Vanderzande"), "Anne", "Vanderzande"), Adult(2, number("Okonkwo"), "Chidi", "Okonkwo")))
    house.change((Custody(9, number("Léa"), number("Okonkwo"), date(2024, 9, 1)),))
    for who in ("Tom", "Léa", "Noé"):
        came(house, who, "08:15")
    found = evacuation(house.school, house.books, TILLEULS, moment("09:00"))
    adults = grown_ups(house.school, [one.pupil for one in found])
    assert [(one.pupil.first_name, [adult.first_name for adult in adults[one.pupil.id]]) for one in found] == [
        ("Noé", []),
        ("Léa", ["Anne", "Chidi"]),
        ("Tom", ["Anne"]),
    ]


# --- who is expected ------------------------------------------------------------------------------


def test_who_is_planned_and_has_not_come_is_expected_and_seen_where_it_is(house: Day) -> None:
    for who in ("Léa", "Tom", "Noé"):
        plan(house, who)
        came(house, who, "08:15")
    house.tap("Tom", "care-in", "15:40")
    came(house, "Noé", "15:35", "way-out")
    assert missing(house, "15:29") == {}
    assert missing(house, "15:45") == {"Réfectoire": ["Noé", "Léa 3A"]}
    house.tap("Léa", "care-in", "15:46")
    house.tap("Tom", "care-out", "15:50")
    assert missing(house, "15:51") == {"Réfectoire": ["Noé"]}, "Tom has been there and left"


def test_who_is_planned_for_study_within_care_is_expected_in_one_room(house: Day) -> None:
    plan(house, "Léa", "care")
    plan(house, "Léa", "study")
    assert missing(house, "15:45") == {"Réfectoire": ["Léa"]}
    assert missing(house, "16:30") == {"Salle 4": ["Léa"]}
    house.tap("Léa", "care-in", "16:31")
    assert missing(house, "16:32") == {}


def test_who_is_marked_absent_is_not_expected(house: Day) -> None:
    house.change((AbsenceReason(5, "Malade"),))
    plan(house, "Léa")
    house.do(corrections.absent, Staff(77, Reason.CONFIRMED, moment("15:00")), Place(number("Léa"), CARE, 20250106), 5)
    assert missing(house, "15:45") == {}


def test_nobody_is_expected_on_a_day_without_school(house: Day) -> None:
    plan(house, "Léa")
    house.change((CalendarDay(0, MONDAY, DayKind.PUBLIC),))
    assert missing(house, "09:00") == missing(house, "15:45") == {}


def test_who_counts_as_present_without_a_scan_is_in(house: Day) -> None:
    house.change((replace(house.school.programmes[CARE], attendance=Attendance.AUTO),))
    plan(house, "Léa")
    house.do(attendance.upkeep, moment("15:30"))
    assert read_out(house, "15:31") == ["Léa Réfectoire 15:30"]
    assert missing(house, "15:31") == {}


def test_who_has_not_been_seen_is_expected_in_class_while_it_lasts(house: Day) -> None:
    came(house, "Léa", "08:15")
    came(house, "Léa", "09:00", "way-out")  # to the doctor
    assert missing(house, "08:19") == {}
    assert missing(house, "09:01") == {"3A": ["Noé", "Tom"]}
    roll(house, "10:00")
    say(house, "Tom", Justification.JUSTIFIED, Excuse.ILL)
    assert missing(house, "11:00") == {"3A": ["Noé"]}
    assert missing(house, "15:30") == {}


def test_a_site_without_an_entrance_reader_expects_nobody_in_class(house: Day) -> None:
    kept = {key: reader for key, reader in house.school.readers.items() if reader.use is not Use.ENTRANCE}
    house.school = replace(house.school, readers=kept)
    assert missing(house, "09:00") == {}


# --- within one scan ------------------------------------------------------------------------------

NOW = "17:50"
CARE_WAYS = {"care-in": "in", "care-out": "out", "care-door": "toggle", "parc-care": "toggle"}
ANY_TIME = st.integers(7 * 60, 17 * 60 + 45)
CARE_TIME = st.one_of(st.integers(7 * 60, 8 * 60 + 15), st.integers(15 * 60 + 30, 17 * 60 + 45))
WHO = st.sampled_from(["Léa", "Tom", "Mia"])
SCAN = st.one_of(
    st.tuples(WHO, st.sampled_from(sorted(ENTRANCES)), ANY_TIME), st.tuples(WHO, st.sampled_from(sorted(CARE_WAYS)), CARE_TIME)
)
Scanned = tuple[str, str, int]


@given(st.lists(SCAN, max_size=9, unique_by=lambda one: (one[0], one[2])), st.data())
def test_after_every_single_scan_in_whatever_order_they_come_in_the_list_is_what_all_of_them_say(
    scans: list[Scanned], choice: st.DataObject
) -> None:
    day, known = with_timetable(Day()), []
    for place, one in enumerate(choice.draw(st.permutations(scans))):
        who, reader, minute = one
        arrived = scan(who, reader, f"{minute // 60:02}:{minute % 60:02}", n=place + 1)
        if reader in ENTRANCES:
            arrived = but(arrived, device=front(reader))
        day.take(but(arrived, taken_ms=moment(NOW)))
        known.append(one)
        for site in ("Tilleuls", "Parc"):
            listed = evacuation(day.school, day.books, number(site), moment(NOW))
            also = {one.pupil.first_name for one in listed if one.also}
            assert {f"{one.pupil.first_name} {at(one.since_ms, ZONE):%H:%M}" for one in listed} == reckoned(known, site)
            other = {name.split()[0] for name in reckoned(known, "Parc" if site == "Tilleuls" else "Tilleuls")}
            assert also == {one.pupil.first_name for one in listed} & other


def reckoned(scans: Sequence[Scanned], site: str) -> set[str]:
    """Who is in at ten to six, by walking through the day minute by minute with all scans of it."""
    return {
        f"{who} {since // 60:02}:{since % 60:02}"
        for who in ("Léa", "Tom", "Mia")
        if (
            since := _since(
                {minute: reader for name, reader, minute in scans if name == who and reader.startswith("parc") == (site == "Parc")},
                who,
                site,
            )
        )
    }


def _since(scans: dict[int, str], who: str, site: str) -> int:
    """Since which minute, 0 = not in. Class is at the pupil's own site; care has its morning until half past eight."""
    house = care = passed = moved = 0
    has_class = (who == "Mia") == (site == "Parc")
    for minute in range(7 * 60, 17 * 60 + 50):
        if care and minute == 8 * 60 + 30:  # nobody saw the exit
            care, house = 0, (house or minute) * has_class
        reader = scans.get(minute, "")
        if reader in CARE_WAYS:
            way = CARE_WAYS[reader]
            if way == "toggle" and moved and minute - moved < 2:
                continue
            if care and way != "in":
                care, moved, house = 0, minute, (house or minute) * (has_class and minute < 10 * 60)
            elif not care and way != "out":
                care = moved = minute
                house = 0
        elif reader:
            way = ENTRANCES[reader].value
            if way == "toggle" and passed and minute - passed < 2:
                continue
            goes_out = way == "out" or (way == "toggle" and bool(passed) and bool(house))
            house, passed = 0 if goes_out else house or minute, minute
    return care or house
