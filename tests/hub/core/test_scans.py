"""From a scan of the wire to facts: whose badge it was, whether it was done before, what is lit, and whether a door opens."""

from dataclasses import replace

import pytest

from hub.core import scans
from hub.core.badges import block
from hub.core.codes import Code, Reason
from hub.core.facts import HoleDeclared, Unresolved
from hub.core.scans import FOR_STAFF, LIGHTS
from hub.core.school import Badge, BadgeState, Rows, School
from proto.messages import YES, Hole, Light
from tests.schools import FIRST_LIFE, NONCE, SECOND_LIFE, Day, badge, moment, number, scan


def blocked_at(school: School, who: str, clock: str) -> Rows:
    rows = block(school, badge(who), BadgeState.BLOCKED, moment(clock), number("a state of a badge"))
    assert isinstance(rows, tuple)
    return rows


def test_every_code_has_a_light_and_none_tells_money() -> None:
    assert set(Code) - set(LIGHTS) == {Code.SOLD, Code.SHORTAGE, Code.NOT_ORDERED}, "these are in older journals only"
    assert Light.AGAIN not in LIGHTS.values()
    assert {code for code, light in LIGHTS.items() if light not in YES} == {Code.UNKNOWN, Code.BLOCKED, Code.NO_READER}


# --- who -----------------------------------------------------------------------------------------


def test_a_badge_nobody_knows_is_told_to_ask_an_adult_and_asked_of_staff(day: Day) -> None:
    taken = day.tap("a stranger", "care-door", "16:00")
    assert (taken.code, taken.light, taken.pupil) == (Code.UNKNOWN, Light.ADULT, 0)
    assert [(question.code, question.site, question.subject) for question in day.questions()] == [
        (Code.UNKNOWN, number("Tilleuls"), taken.ask)
    ]


def test_a_blocked_badge_opens_nothing_and_is_asked_of_staff(day: Day) -> None:
    day.change(blocked_at(day.school, "Léa", "15:00"))
    taken = day.tap("Léa", "care-door", "16:00", nonce=NONCE)
    assert (taken.code, taken.light, taken.pupil) == (Code.BLOCKED, Light.ADULT, number("Léa"))
    assert not day.is_in("Léa")
    assert [question.pupil for question in day.questions()] == [number("Léa")]


def test_a_late_scan_is_judged_by_the_state_its_badge_had_then(day: Day) -> None:
    day.change(blocked_at(day.school, "Léa", "16:00"))
    assert day.tap("Léa", "care-in", "15:59", shown=Light.ACCEPTED).code is Code.IN
    assert day.tap("Léa", "care-in", "16:01").code is Code.BLOCKED


def test_a_badge_is_unknown_before_it_was_given(day: Day) -> None:
    given = Badge(number("a new badge"), badge("a new card"), number("Léa"), BadgeState.ACTIVE, moment("15:00"))
    day.change((given,))
    assert day.tap("a new card", "care-in", "14:59").code is Code.UNKNOWN
    assert day.tap("a new card", "care-in", "15:00").code is Code.IN


@pytest.mark.parametrize(
    ("clock", "err_ms", "code"),
    [
        ("15:59:59", 0, Code.IN),
        ("15:59:59", 999, Code.IN),
        ("15:59:59", 1000, Code.UNCERTAIN),
        ("16:00", 0, Code.BLOCKED),
        ("16:00", 1, Code.UNCERTAIN),
        ("16:30", 3_600_000, Code.UNCERTAIN),
        ("16:30", 60_000, Code.BLOCKED),
    ],
)
def test_a_clock_that_may_be_before_or_after_a_change_of_the_badge_is_never_guessed(day: Day, clock: str, err_ms: int, code: Code) -> None:
    day.change(blocked_at(day.school, "Léa", "16:00"))
    assert day.tap("Léa", "care-in", clock, err_ms=err_ms).code is code
    assert day.is_in("Léa") is (code is Code.IN)


def test_an_uncertain_tap_opens_no_door(day: Day) -> None:
    day.change(blocked_at(day.school, "Léa", "16:00"))
    taken = day.tap("Léa", "care-gate", "15:59:59.900", err_ms=200, nonce=NONCE)
    assert (taken.code, taken.door) == (Code.UNCERTAIN, False)


def test_a_reader_the_hub_does_not_know_serves_nobody_and_is_asked_of_staff(day: Day) -> None:
    taken = day.tap("Léa", "spare", "16:00")
    assert (taken.code, taken.light, taken.pupil) == (Code.NO_READER, Light.ADULT, number("Léa"))
    assert [question.code for question in day.questions()] == [Code.NO_READER]


def test_a_badge_of_a_pupil_who_was_erased_is_unknown(day: Day) -> None:
    day.school = replace(day.school, pupils={})
    assert day.tap("Léa", "care-door", "16:00").code is Code.UNKNOWN


def test_two_pupils_taps_at_one_reader_do_not_mix(day: Day) -> None:
    codes = [day.tap(who, "care-in", "16:00").code for who in ("Léa", "Tom", "Noé")]
    assert codes == [Code.IN] * 3


# --- one tap or two, and the device that died ----------------------------------------------------


@pytest.mark.parametrize("second", ["12:00", "12:00:02.999", "12:00:03"])
def test_two_records_of_one_life_are_two_taps_however_close_the_wire_brings_them(day: Day, second: str) -> None:
    """The device merges what is one tap, by its own clock; the time of a scan that came late is off by the delay."""
    day.tap("Léa", "sandwich-till", "12:00")
    assert day.tap("Léa", "sandwich-till", second).code is Code.SEEN


def test_a_tap_at_another_reader_is_another_tap(day: Day) -> None:
    day.tap("Léa", "meal-till", "12:00")
    assert day.tap("Léa", "drink-till", "12:00:01", inc=SECOND_LIFE).code is Code.SEEN


def test_a_tap_whose_no_was_lit_does_not_swallow_the_next_one(day: Day) -> None:
    """The device said "ask an adult", the pupil taps again at once."""
    day.tap("Léa", "sandwich-till", "12:00", shown=Light.ADULT)
    assert day.tap("Léa", "sandwich-till", "12:00:02").code is Code.SEEN


@pytest.mark.parametrize(
    ("second", "code"),
    [
        ("12:00:01", Code.AGAIN),
        ("12:00:59.999", Code.AGAIN),
        ("12:01:01", Code.MEAL_AGAIN),
        ("11:59:50", Code.AGAIN),  # its clock was set back by the restart
    ],
)
def test_within_a_minute_of_a_device_s_earlier_life_nothing_is_done_twice(day: Day, second: str, code: Code) -> None:
    day.tap("Léa", "meal-till", "12:00")
    again = day.tap("Léa", "meal-till", second, inc=SECOND_LIFE)
    assert again.code is code
    assert day.balance_cents("Vanderzande") == -4_50


def test_again_does_not_turn_an_arrival_into_a_departure_and_opens_the_door_that_the_first_tap_may_not_have(day: Day) -> None:
    assert day.tap("Léa", "care-gate", "16:00", nonce=NONCE).code is Code.IN
    again = day.tap("Léa", "care-gate", "16:00:40", inc=SECOND_LIFE, nonce=NONCE)
    assert (again.code, again.light, again.door) == (Code.AGAIN, Light.LOOK, True)
    assert day.is_in("Léa")


def test_a_known_badge_out_of_hours_is_seen_by_staff_and_opens_no_door(day: Day) -> None:
    closed = day.tap("Léa", "care-gate", "03:00", nonce=NONCE)
    assert (closed.code, closed.light, closed.door) == (Code.CLOSED, Light.LOOK, False)


def test_after_again_a_third_tap_is_judged_by_the_first_one_that_did_something(day: Day) -> None:
    day.tap("Léa", "sandwich-till", "12:00")
    codes = [day.tap("Léa", "sandwich-till", clock, inc=SECOND_LIFE).code for clock in ("12:00:30", "12:00:32", "12:01:05")]
    assert codes == [Code.AGAIN, Code.AGAIN, Code.SEEN]


def test_another_pupil_after_a_restart_is_no_repetition(day: Day) -> None:
    day.tap("Léa", "care-in", "16:00")
    assert day.tap("Tom", "care-in", "16:00:10", inc=SECOND_LIFE).code is Code.IN


def test_a_tap_of_an_earlier_life_whose_no_was_lit_is_not_asked_again(day: Day) -> None:
    day.tap("Léa", "sandwich-till", "12:00", shown=Light.ADULT)
    assert day.tap("Léa", "sandwich-till", "12:00:30", inc=SECOND_LIFE).code is Code.SEEN


# --- what the device had lit by itself -----------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "reader", "lit", "code", "reason"),
    [
        ("Léa", "care-in", Light.ACCEPTED, Code.IN, None),
        ("Léa", "care-in", Light.LOOK, Code.IN, None),
        ("Léa", "care-in", Light.ADULT, Code.IN, Reason.NOT_LIT),
        ("Léa", "care-out", Light.ACCEPTED, Code.NO_ENTRY, Reason.NO_ENTRY),
        ("Léa", "sandwich-till", Light.ACCEPTED, Code.SEEN, None),
        ("a stranger", "care-in", Light.ACCEPTED, Code.UNKNOWN, Reason.OFFLINE),
        ("a stranger", "care-in", Light.ADULT, Code.UNKNOWN, Reason.NONE),
        ("Léa", "spare", Light.ACCEPTED, Code.NO_READER, Reason.OFFLINE),
    ],
)
def test_a_scan_the_device_answered_alone_is_decided_and_its_difference_is_asked_of_staff(
    day: Day, who: str, reader: str, lit: Light, code: Code, reason: Reason | None
) -> None:
    taken = day.tap(who, reader, "16:00", shown=lit)
    assert (taken.code, taken.shown) == (code, lit)
    assert [question.reason for question in day.questions()] == ([] if reason is None else [reason])


def test_a_blocked_badge_that_a_device_let_in_is_in_and_staff_are_told(day: Day) -> None:
    day.change(blocked_at(day.school, "Léa", "15:00"))
    assert day.tap("Léa", "care-in", "16:00", shown=Light.ACCEPTED).code is Code.IN
    assert day.is_in("Léa")
    assert [(question.code, question.reason) for question in day.questions()] == [(Code.IN, Reason.OFFLINE)]


# --- doors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("why", "who", "reader", "nonce", "shown", "door"),
    [
        ("a yes with a nonce at a reader that guards a door", "Léa", "care-gate", NONCE, None, True),
        ("no nonce", "Léa", "care-gate", "", None, False),
        ("no door", "Léa", "care-in", NONCE, None, False),
        ("a no", "a stranger", "care-gate", NONCE, None, False),
        ("the device has answered already", "Léa", "care-gate", NONCE, Light.ACCEPTED, False),
        ("the device has refused already", "Léa", "care-gate", NONCE, Light.ADULT, False),
        ("no such reader", "Léa", "spare", NONCE, None, False),
    ],
)
def test_a_door_opens_on_a_fresh_yes_to_a_nonce_and_on_nothing_else(
    day: Day, why: str, who: str, reader: str, nonce: str, shown: Light | None, door: bool
) -> None:
    assert day.tap(who, reader, "16:00", nonce=nonce, shown=shown).door is door, why


# --- holes and lines -----------------------------------------------------------------------------


def test_nothing_waits_behind_records_that_can_no_longer_be_read(day: Day) -> None:
    day.tap("Léa", "care-in", "16:00")
    day.do(lambda school, books, ask: scans.declare_hole(school, books, "door", Hole(FIRST_LIFE, 2, 5), ask))
    line = day.books.line("door", FIRST_LIFE)
    assert (line.n, line.shown_n) == (5, 5)
    assert isinstance(day.last[0], HoleDeclared)


def test_a_hole_behind_what_is_known_takes_nothing_back(day: Day) -> None:
    day.take(scan("Léa", "care-in", "16:00", n=9, shown=Light.ACCEPTED))
    day.do(lambda school, books, ask: scans.declare_hole(school, books, "door", Hole(FIRST_LIFE, 2, 5), ask))
    line = day.books.line("door", FIRST_LIFE)
    assert (line.n, line.shown_n) == (9, 9)


def test_a_record_that_turns_up_in_a_hole_is_taken_and_takes_nothing_back(day: Day) -> None:
    day.do(lambda school, books, ask: scans.declare_hole(school, books, "door", Hole(FIRST_LIFE, 1, 5), ask))
    assert day.take(scan("Léa", "care-in", "16:00", n=3, shown=Light.ACCEPTED)).code is Code.IN
    line = day.books.line("door", FIRST_LIFE)
    assert (line.n, line.shown_n) == (5, 5)


def test_each_life_of_a_device_has_its_own_line(day: Day) -> None:
    day.take(scan("Léa", "care-in", "16:00", n=7))
    day.take(scan("Tom", "care-in", "16:01", n=1, inc=SECOND_LIFE))
    assert (day.books.line("door", FIRST_LIFE).n, day.books.line("door", SECOND_LIFE).n) == (7, 1)
    assert day.books.line("elsewhere", FIRST_LIFE).n == 0


def test_every_scan_yields_its_own_fact_first_even_the_refused_one(day: Day) -> None:
    for n, (who, reader) in enumerate([("a stranger", "care-in"), ("Léa", "spare"), ("Léa", "sandwich-till"), ("Léa", "care-out")], 1):
        taken = day.tap(who, reader, f"12:0{n}")
        assert taken == day.last[0]
        assert all(fact.ask == taken.ask for fact in day.last)


def test_a_code_for_staff_leaves_exactly_one_question() -> None:
    seen: dict[Code, int] = {}
    for who, reader, clock in [
        ("a stranger", "care-in", "16:00"),
        ("Léa", "spare", "16:00"),
        ("Léa", "care-out", "16:00"),
        ("Léa", "care-in", "03:00"),
    ]:
        day = Day()
        code = day.tap(who, reader, clock).code
        seen[code] = len([fact for fact in day.last if isinstance(fact, Unresolved)])
    assert seen == dict.fromkeys((Code.UNKNOWN, Code.NO_READER, Code.NO_ENTRY, Code.CLOSED), 1)
    assert set(seen) <= FOR_STAFF
