"""What staff correct in a pupil's day, the money that follows, and the undo of five minutes."""

from dataclasses import replace
from datetime import date

import pytest

from hub.core import corrections
from hub.core.books import replay
from hub.core.codes import Act, Code, Reason
from hub.core.corrections import Moment, Place, Staff, wrong_ways
from hub.core.facts import Charged, Corrected, Refusal, Reversed, StayClosed
from hub.core.ledger import balanced
from hub.core.stays import read
from hub.core.timetable import AbsenceReason, Plan
from proto.messages import Direction, Light
from tests.schools import MONDAY, TUESDAY, ZONE, Day, moment, number

JANE, MARC = 77, 78
TODAY = 20250106
CARE = number("care")


def by(clock: str, *, day: date = MONDAY, who: int = JANE, reason: Reason = Reason.FORGOTTEN) -> Staff:
    return Staff(who, reason, moment(clock, day))


def place(who: str = "Léa", programme: str = "care", day: int = TODAY) -> Place:
    return Place(number(who), number(programme), day)


def marks(day: Day, who: str = "Léa") -> list[int]:
    """The marks of a pupil's day that count, by the clock."""
    return [mark.id for mark in sorted(day.books.sheet(number(who), CARE, TODAY).marks.values()) if not mark.void]


def stays(day: Day, who: str = "Léa") -> list[tuple[str, str]]:
    found = sorted(day.books.sheet(number(who), CARE, TODAY).stays.values(), key=lambda stay: stay.from_ms)
    return [(_clock(stay.from_ms), _clock(stay.until_ms)) for stay in found]


def _clock(at_ms: int) -> str:
    return next((f"{minute // 60:02}:{minute % 60:02}" for minute in range(24 * 60) if moment(_hm(minute)) == at_ms), "") if at_ms else ""


def _hm(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@pytest.fixture
def day() -> Day:
    lived = Day()
    lived.bring("Vanderzande", 20_00)
    return lived


def test_a_departure_that_nobody_scanned_is_added_and_charged(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    day.close("19:31")
    assert [question.reason for question in day.questions()] == [Reason.NO_EXIT]
    assert day.balance_cents("Vanderzande") == 20_00

    facts = day.do(corrections.add, by("19:40"), Moment(number("Léa"), CARE, moment("16:50")), Direction.OUT)

    assert isinstance(facts, tuple)
    assert facts[0] == Corrected(facts[0].ask, Act.ADD, number("Léa"), CARE, TODAY, JANE, Reason.FORGOTTEN, moment("19:40"))
    assert stays(day) == [("15:40", "16:50")]
    assert day.questions() == []
    assert day.balance_cents("Vanderzande") == 20_00 - 3 * 75  # 70 minutes are three started half hours
    assert [fact.who for fact in facts if isinstance(fact, Charged)] == [JANE]


def test_a_charge_whose_departure_is_taken_away_is_taken_back_as_corrected(day: Day) -> None:
    """It says nothing of a light: the pupil saw one, both times."""
    day.tap("Léa", "care-in", "15:40")
    day.tap("Léa", "care-out", "16:50")
    facts = day.do(corrections.void, by("17:00"), place(), marks(day)[1])
    assert isinstance(facts, tuple)
    assert [fact.reason for fact in facts if isinstance(fact, Reversed)] == [Reason.CORRECTED]
    assert day.balance_cents("Vanderzande") == 20_00


def test_a_stay_whose_presumed_end_is_confirmed_is_charged_until_then_and_asked_no_more(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    day.close("19:31")
    (stay,) = day.books.sheet(number("Léa"), CARE, TODAY).stays
    day.do(corrections.verify, by("19:40", reason=Reason.CONFIRMED), place(), stay)
    assert day.questions() == []
    assert day.balance_cents("Vanderzande") == 20_00 - 5 * 75  # 15:40 to 18:00
    assert day.do(corrections.verify, by("19:41"), place(), stay) == Refusal("already_verified")


def test_a_yes_that_nobody_saw_is_charged_once_staff_have_verified_the_stay(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    day.tap("Léa", "care-out", "16:40", shown=Light.ADULT)
    assert day.balance_cents("Vanderzande") == 20_00
    (stay,) = day.books.sheet(number("Léa"), CARE, TODAY).stays
    day.do(corrections.verify, by("17:00"), place(), stay)
    assert day.balance_cents("Vanderzande") == 20_00 - 2 * 75
    assert day.questions() == []


def test_a_mark_that_does_not_count_takes_its_stay_and_its_money_back(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    day.tap("Léa", "care-out", "16:40")
    assert day.balance_cents("Vanderzande") == 18_50
    for mark in marks(day):
        day.do(corrections.void, by("17:00"), place(), mark)
    assert stays(day) == []
    assert day.balance_cents("Vanderzande") == 20_00
    assert day.questions() == []
    assert day.do(corrections.void, by("17:01"), place(), 5) == Refusal("no_such_mark")


def test_a_mark_is_moved_in_time_and_priced_anew(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    day.tap("Léa", "care-out", "17:40")
    day.do(corrections.move, by("18:00"), place(), marks(day)[1], Moment(number("Léa"), CARE, moment("16:10")))
    assert stays(day) == [("15:40", "16:10")]
    assert day.balance_cents("Vanderzande") == 20_00 - 75


def test_a_badge_that_another_child_held_is_moved_to_that_child(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    day.do(corrections.move, by("15:50", reason=Reason.WRONG_PUPIL), place(), marks(day)[0], Moment(number("Tom"), CARE, moment("15:40")))
    assert stays(day) == []
    assert not day.is_in("Léa")
    assert day.is_in("Tom")


def test_what_would_change_nothing_is_refused_with_what_it_would_be(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    add = Moment(number("Léa"), CARE, moment("15:45"))
    assert day.do(corrections.add, by("16:00"), add, Direction.IN) == Refusal("would_be_already_in", {"at_ms": moment("15:45")})
    noon = Moment(number("Tom"), CARE, moment("11:00"))
    assert day.do(corrections.add, by("16:00"), noon, Direction.IN) == Refusal("would_be_closed", {"at_ms": moment("11:00")})


@pytest.mark.parametrize(
    ("who", "programme", "clock", "code"),
    [("Nobody", "care", "15:40", "no_such_pupil"), ("Léa", "sauna", "15:40", "no_such_programme"), ("Léa", "care", "17:00", "not_yet")],
)
def test_who_is_unknown_or_has_not_happened_is_refused_by_name(day: Day, who: str, programme: str, clock: str, code: str) -> None:
    refused = day.do(corrections.add, by("16:00"), Moment(number(who), number(programme), moment(clock)), Direction.IN)
    assert isinstance(refused, Refusal)
    assert refused.code == code


def test_a_pair_held_the_wrong_way_round_is_offered_and_inverted(day: Day) -> None:
    day.tap("Léa", "care-out", "15:40")
    day.tap("Léa", "care-in", "16:40")
    day.close("19:31")
    sheet = day.books.sheet(number("Léa"), CARE, TODAY)
    programme = day.school.programmes[CARE]
    found = read(programme, ZONE, TODAY, sheet.marks.values())
    ((first, second),) = wrong_ways(found, sheet)
    assert {question.reason for question in day.questions()} == {Reason.NO_ENTRY, Reason.NO_EXIT}

    day.do(corrections.invert, by("19:40", reason=Reason.WRONG_WAY), place(), (first, second))

    assert stays(day) == [("15:40", "16:40")]
    assert day.questions() == []
    assert day.balance_cents("Vanderzande") == 18_50
    sheet = day.books.sheet(number("Léa"), CARE, TODAY)
    assert wrong_ways(read(programme, ZONE, TODAY, sheet.marks.values()), sheet) == []


def test_the_last_act_is_undone_within_five_minutes_with_its_money(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    day.tap("Léa", "care-out", "16:40")
    before = day.books.sheet(number("Léa"), CARE, TODAY)
    was = (dict(before.marks), dict(before.stays), day.balance_cents("Vanderzande"))
    act = day.do(corrections.move, by("17:00"), place(), marks(day)[1], Moment(number("Léa"), CARE, moment("16:05")))
    assert isinstance(act, tuple)
    assert day.balance_cents("Vanderzande") == 19_25

    undone = day.do(corrections.undo, by("17:05"))

    assert isinstance(undone, tuple)
    head = undone[0]
    assert isinstance(head, Corrected)
    assert (head.act, head.undone) == (Act.UNDO, act[0].ask)
    after = day.books.sheet(number("Léa"), CARE, TODAY)
    assert (after.marks, after.stays, day.balance_cents("Vanderzande")) == was
    assert day.do(corrections.undo, by("17:05")) == Refusal("nothing_to_undo")


def test_after_five_minutes_an_act_is_not_undone(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    day.do(corrections.void, by("17:00"), place(), marks(day)[0])
    assert day.do(corrections.undo, Staff(JANE, Reason.UNDONE, moment("17:05") + 1)) == Refusal("too_late", {"at_ms": moment("17:00")})


def test_each_member_of_staff_undoes_the_own_last_act_only(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    day.tap("Tom", "care-in", "15:41")
    day.do(corrections.void, by("16:00"), place(), marks(day)[0])
    day.do(corrections.void, by("16:01", who=MARC), place("Tom"), marks(day, "Tom")[0])
    day.do(corrections.undo, by("16:02"))
    assert day.is_in("Léa")
    assert not day.is_in("Tom")


def test_a_scan_that_came_after_an_act_survives_its_undo(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    day.do(corrections.move, by("15:50"), place(), marks(day)[0], Moment(number("Léa"), CARE, moment("15:35")))
    day.tap("Léa", "care-out", "15:52")
    day.do(corrections.undo, by("15:53"))
    assert stays(day) == [("15:40", "15:52")]


def test_an_undone_verification_is_asked_again_and_costs_nothing(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    day.close("19:31")
    (stay,) = day.books.sheet(number("Léa"), CARE, TODAY).stays
    day.do(corrections.verify, by("19:40"), place(), stay)
    day.do(corrections.undo, by("19:41"))
    assert day.balance_cents("Vanderzande") == 20_00
    assert [question.reason for question in day.questions()] == [Reason.NO_EXIT]


def test_what_a_colleague_has_said_of_the_same_day_since_survives_an_undo(day: Day) -> None:
    for clock in ("07:30", "15:40"):
        day.tap("Léa", "care-in", clock)
    day.close("19:31")
    morning, afternoon = day.books.sheet(number("Léa"), CARE, TODAY).stays
    day.do(corrections.verify, by("19:40"), place(), morning)
    day.do(corrections.verify, by("19:41", who=MARC), place(), afternoon)
    day.do(corrections.undo, by("19:42"))
    assert day.books.sheet(number("Léa"), CARE, TODAY).verified == {afternoon}
    day.do(corrections.undo, by("19:43", who=MARC))
    assert day.books.sheet(number("Léa"), CARE, TODAY).verified == frozenset()


ILL, LATE_NOTICE, FEE = (
    AbsenceReason(1, "Malade"),
    AbsenceReason(2, "Prévenu trop tard", percent=50),
    AbsenceReason(3, "Forfait", cents=1_20),
)


@pytest.mark.parametrize(("reason", "cents"), [(ILL, 0), (LATE_NOTICE, 3_01), (FEE, 1_20)])
def test_an_absence_costs_what_its_reason_says(day: Day, reason: AbsenceReason, cents: int) -> None:
    """Half of all planned hours: 07:00 to 08:30 are three half hours, 2,25 €, 15:30 to 18:00 five, 3,75 €; each half is rounded up."""
    day.change((reason, Plan(9, number("Léa"), CARE, MONDAY)))
    facts = day.do(corrections.absent, by("18:00"), place(), reason.id)
    assert isinstance(facts, tuple)
    assert day.balance_cents("Vanderzande") == 20_00 - cents
    day.do(corrections.undo, by("18:01"))
    assert day.balance_cents("Vanderzande") == 20_00


def test_who_was_there_or_was_not_planned_is_not_absent(day: Day) -> None:
    day.change((ILL,))
    assert day.do(corrections.absent, by("18:00"), place(), ILL.id) == Refusal("not_planned", {"day": TODAY})
    day.change((Plan(9, number("Léa"), CARE, MONDAY),))
    assert day.do(corrections.absent, by("18:00"), place(), 99) == Refusal("no_such_absence")
    day.tap("Léa", "care-in", "15:40")
    assert day.do(corrections.absent, by("18:00"), place(), ILL.id) == Refusal("was_there", {"day": TODAY})


def test_who_comes_after_all_pays_the_stay_and_no_absence(day: Day) -> None:
    day.change((FEE, Plan(9, number("Léa"), CARE, MONDAY)))
    day.do(corrections.absent, by("15:35"), place(), FEE.id)
    assert day.balance_cents("Vanderzande") == 18_80
    day.tap("Léa", "care-in", "15:40")
    day.tap("Léa", "care-out", "16:05")
    assert day.balance_cents("Vanderzande") == 19_25


def test_a_split_by_staff_puts_the_study_between_care_and_care(day: Day) -> None:
    study = day.school.programmes[number("study")]
    day.change((replace(study, within=CARE, windows=study.windows[:1]),))
    day.tap("Léa", "care-in", "15:40")
    day.tap("Léa", "care-out", "17:50")
    assert day.balance_cents("Vanderzande") == 20_00 - 5 * 75
    day.do(corrections.split, by("18:00"), place(programme="study"), through=True)
    assert day.balance_cents("Vanderzande") == 20_00 - 75 - 1_00 - 75  # 25 minutes, the study, 35 minutes of which five are forgiven
    day.do(corrections.split, by("18:02"), place(programme="study"), through=None)
    assert day.balance_cents("Vanderzande") == 20_00 - 5 * 75
    assert day.do(corrections.split, by("18:03"), place(), through=True) == Refusal("not_within")


def test_a_correction_after_days_leaves_every_fact_where_it_was(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    day.tap("Léa", "care-out", "16:40")
    day.close("19:31")
    before = [fact for facts in day.facts for fact in facts]
    day.do(corrections.move, by("09:00", day=TUESDAY), place(), marks(day)[1], Moment(number("Léa"), CARE, moment("16:05")))
    facts = [fact for facts in day.facts for fact in facts]
    assert facts[: len(before)] == before
    assert [type(fact) for fact in facts[len(before) :] if isinstance(fact, Reversed | Charged | StayClosed)] == [
        Reversed,
        Charged,
        StayClosed,
    ]
    assert all(balanced(fact.entries) for fact in facts if isinstance(fact, Reversed | Charged))
    assert replay(facts) == day.books


def test_a_day_that_is_not_kept_any_more_is_left_to_staff(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    first = marks(day)[0]
    for _ in range(100):
        day.next_day()
        day.close("23:59")
    assert day.do(corrections.void, by("23:59", day=day.date), place(), first) == Refusal("too_old", {"day": TODAY})
    late = day.do(corrections.add, by("23:59", day=day.date), Moment(number("Léa"), CARE, moment("16:40")), Direction.OUT)
    assert late == Refusal("too_old", {"day": TODAY})
    day.date = MONDAY
    assert day.tap("Léa", "care-out", "16:41").code is Code.LATE_ORDER
    assert day.questions()[-1].code is Code.LATE_ORDER
