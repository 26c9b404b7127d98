"""Days that close, what is gathered until a run posts it, what waits for staff, and a pilot that costs nothing."""

from dataclasses import replace
from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core import corrections, settlement
from hub.core.attendance import AT_ONCE, upkeep
from hub.core.books import replay
from hub.core.codes import Level, Reason, Stage
from hub.core.corrections import Moment, Place, Staff
from hub.core.facts import Charged, ChargesPosted, DayClosed, Facts, LowBalance, Refusal, Reversed, SettlementDone, StayClosed
from hub.core.school import Badge, BadgeState, Pupil, TariffGroup
from hub.core.settlement import Run
from proto.messages import Direction
from tests.schools import CARE_LINE, LONG_DAY, MONDAY, SHORT_DAY, STUDY_LINE, TUESDAY, Day, badge, hours, moment, number, tariff

CARE, TILLEULS = number("care"), number("Tilleuls")
FRIDAY = date(2025, 1, 10)
NEXT_MONDAY = date(2025, 1, 13)


@pytest.fixture
def day() -> Day:
    """Care is posted every week on Friday."""
    return weekly(Day())


def weekly(lived: Day, **site: object) -> Day:
    care = lived.school.programmes[CARE]
    lived.change((replace(care, post_days=7, post_weekday=4), replace(lived.school.sites[TILLEULS], **site)))  # type: ignore[arg-type]
    lived.bring("Vanderzande", 20_00)
    return lived


def come(day: Day, *, who: str = "Léa", until: str = "16:40") -> None:
    """Two started half hours, or what `until` says."""
    day.tap(who, "care-in", "15:40")
    if until:
        day.tap(who, "care-out", until)


def run(day: Day, through: int, *, on: date | None = None) -> Facts | Refusal:
    """A whole run, as the shell asks for it."""
    this = Run(CARE, through, moment("23:00", on or day.date))
    wallets = day.do(_start, this)
    if isinstance(wallets, Refusal):
        return wallets
    facts: Facts = ()
    for wallet in tuple(day.books.gathered):
        posted = day.do(settlement.post, this, wallet)
        assert not isinstance(posted, Refusal)
        facts += posted
    posts = [fact for fact in facts if isinstance(fact, ChargesPosted)]
    done = day.do(settlement.finish, this, sum(len(one.charges) for one in posts), sum(one.cents for one in posts))
    assert not isinstance(done, Refusal)
    return (*facts, *done)


def _start(school: object, books: object, _ask: int, this: Run) -> Facts | Refusal:
    found = settlement.start(school, books, this)  # type: ignore[arg-type]
    return found if isinstance(found, Refusal) else ()


def test_what_is_gathered_is_priced_at_once_and_taken_from_the_wallet_by_the_run(day: Day) -> None:
    come(day)
    (charged,) = [fact for fact in day.last if isinstance(fact, Charged)]
    assert (charged.cents, charged.stage, charged.entries) == (1_50, Stage.GATHERED, ())
    assert day.balance_cents("Vanderzande") == 20_00
    day.close("19:31")

    facts = run(day, 20250106)

    assert isinstance(facts, tuple)
    posted, done = facts
    assert isinstance(posted, ChargesPosted)
    assert (posted.charges, posted.cents) == ((charged.charge,), 1_50)
    assert done == SettlementDone(done.ask, TILLEULS, CARE, 20250106, 1, 1_50, (), moment("23:00"))
    assert day.balance_cents("Vanderzande") == 18_50


def test_a_run_tells_who_started_it(day: Day) -> None:
    come(day)
    day.close("19:31")
    by_hand = Run(CARE, 20250106, moment("23:00"), who=15)
    (wallet,) = day.books.gathered
    day.do(settlement.post, by_hand, wallet)
    day.do(settlement.finish, by_hand, 1, 1_50)
    assert [fact.who for fact in day.last if isinstance(fact, ChargesPosted | SettlementDone)] == [15]


def test_a_run_posts_a_charge_once_however_often_it_is_run(day: Day) -> None:
    come(day)
    day.close("19:31")
    run(day, 20250106)
    facts = run(day, 20250106)
    assert isinstance(facts, tuple)
    assert [type(fact) for fact in facts] == [SettlementDone]
    assert day.balance_cents("Vanderzande") == 18_50


def test_a_run_that_was_cut_off_posts_the_rest_when_it_is_run_again(day: Day) -> None:
    for who in ("Léa", "Noé"):
        come(day, who=who)
    day.close("19:31")
    first, second = tuple(day.books.gathered)
    day.do(settlement.post, Run(CARE, 20250106, moment("23:00")), first)
    assert tuple(day.books.gathered) == (second,)
    run(day, 20250106)
    assert day.books.gathered == {}
    assert (day.balance_cents("Vanderzande"), day.balance_cents("Quintelier")) == (18_50, -1_50)


def test_a_run_that_is_to_be_whole_posts_nothing_while_a_stay_waits(day: Day) -> None:
    come(day)
    come(day, who="Tom", until="")
    day.close("19:31")
    asked = Run(CARE, 20250106, moment("23:00"), whole=True)
    assert settlement.start(day.school, day.books, asked) == Refusal("to_verify", {"questions": 1})
    assert isinstance(settlement.start(day.school, day.books, msgspec.structs.replace(asked, whole=False)), tuple)


def test_a_missing_exit_is_left_pending_named_and_joins_the_next_run_once_verified(day: Day) -> None:
    come(day)
    come(day, who="Tom", until="")
    day.close("19:31")
    facts = run(day, 20250106)
    assert isinstance(facts, tuple)
    done = facts[-1]
    assert isinstance(done, SettlementDone)
    (question,) = day.questions()
    assert done.pending == (question.item,)
    assert day.balance_cents("Vanderzande") == 18_50

    day.do(corrections.verify, Staff(7, Reason.CONFIRMED, moment("09:00", TUESDAY)), Place(number("Tom"), CARE, 20250106), question.subject)
    assert day.balance_cents("Vanderzande") == 18_50, "it is gathered, not posted behind the run's back"
    day.next_day()
    day.close("19:31")
    run(day, 20250107)
    assert day.balance_cents("Vanderzande") == 18_50 - 5 * 75


def test_a_site_may_refuse_a_run_that_would_leave_anything_pending() -> None:
    day = weekly(Day(), whole_runs=True)
    come(day)
    come(day, who="Tom", until="")
    day.close("19:31")
    assert run(day, 20250106) == Refusal("to_verify", {"questions": 1})
    assert day.balance_cents("Vanderzande") == 20_00


def test_a_day_is_settled_only_once_it_is_closed(day: Day) -> None:
    come(day)
    assert run(day, 20250106) == Refusal("day_not_closed", {"day": 20250106, "closed_day": 0})
    assert run(day, 0) == Refusal("day_not_closed", {"day": 0, "closed_day": 0})


@pytest.mark.parametrize(
    ("clock", "closed"), [("19:29", 20250105), ("19:30", 20250105), ("19:31", 20250106)], ids=["open", "the last minute", "over"]
)
def test_a_day_closes_when_nobody_waits_for_an_exit_of_its_last_service_any_more(day: Day, clock: str, closed: int) -> None:
    day.close(clock)
    assert day.books.closed[TILLEULS] == closed


def test_a_site_without_hours_closes_its_day_at_midnight() -> None:
    day = Day()
    day.change((replace(day.school.programmes[number("parc-care")], windows=()),))
    day.close("23:59")
    assert day.books.closed[number("Parc")] == 20250105
    day.next_day()
    day.close("00:01")
    assert day.books.closed[number("Parc")] == 20250106


def test_a_day_is_closed_once(day: Day) -> None:
    day.close("19:31")
    day.close("20:00")
    assert sum(isinstance(fact, DayClosed) and fact.site == TILLEULS and fact.day == 20250106 for facts in day.facts for fact in facts) == 1


def test_a_scan_that_is_ten_days_late_after_its_week_was_settled_becomes_correction_entries(day: Day) -> None:
    come(day, until="16:10")
    day.next_day(4)
    day.close("19:31")
    run(day, 20250110)
    assert day.balance_cents("Vanderzande") == 19_25
    before = [fact for facts in day.facts for fact in facts]

    day.date = MONDAY
    day.tap("Léa", "care-out", "16:09")  # this one came late and changes the end
    day.tap("Léa", "care-in", "16:15")
    day.tap("Léa", "care-out", "17:00")

    facts = [fact for facts in day.facts for fact in facts]
    assert facts[: len(before)] == before
    later = [fact for fact in facts[len(before) :] if isinstance(fact, Charged | Reversed)]
    corrected = [fact for fact in later if isinstance(fact, Reversed)]
    assert [fact.reason for fact in corrected] == [Reason.CORRECTED]
    assert day.balance_cents("Vanderzande") == 19_25, "the correction is posted, the new stay is gathered for the next run"
    day.date = date(2025, 1, 17)
    day.close("19:31")
    run(day, 20250117)
    assert day.balance_cents("Vanderzande") == 20_00 - 75 - 2 * 75


def test_a_tariff_that_changes_after_the_day_does_not_touch_what_was_gathered(day: Day) -> None:
    come(day)
    day.close("19:31")
    (tariff,) = day.school.tariffs[CARE]
    (line,) = tariff.lines
    day.change((replace(tariff, lines=(msgspec.structs.replace(line, max_cents=10),)),))
    run(day, 20250106)
    assert day.balance_cents("Vanderzande") == 18_50


def test_a_low_balance_is_told_once_for_a_run_and_looks_at_what_is_posted(day: Day) -> None:
    for who in ("Léa", "Tom"):
        come(day, who=who, until="18:00")
    assert not any(isinstance(fact, LowBalance) for facts in day.facts[1:] for fact in facts)
    day.bring("Quintelier", 2_50)
    come(day, who="Noé")
    day.close("19:31")
    facts = run(day, 20250106)
    assert isinstance(facts, tuple)
    assert [fact.balance_cents for fact in facts if isinstance(fact, LowBalance)] == [1_00]


def test_a_child_in_at_two_sites_at_once_is_asked_about_and_not_posted_until_verified(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    day.tap("Léa", "parc-care", "15:50")
    day.tap("Léa", "care-out", "16:40")
    assert [each.site for each in day.questions()] == [number("Parc"), TILLEULS]
    day.close("19:31")
    run(day, 20250106)
    assert day.balance_cents("Vanderzande") == 20_00
    (mark,) = day.books.sheet(number("Léa"), number("parc-care"), 20250106).marks
    by = Staff(7, Reason.WRONG_PUPIL, moment("20:00"))
    day.do(corrections.void, by, Place(number("Léa"), number("parc-care"), 20250106), mark)
    assert day.questions() == []
    run(day, 20250106)
    assert day.balance_cents("Vanderzande") == 18_50


@pytest.mark.parametrize(
    ("closed", "settled", "expected"),
    [
        (20250109, 0, 20250103),
        (20250109, 20250103, 0),
        (20250110, 0, 20250110),
        (20250112, 0, 20250110),
        (20250113, 20250110, 0),
        (20250117, 20250110, 20250117),
        (20250127, 20250110, 20250124),
    ],
)
def test_a_run_is_due_on_its_weekday_once_its_day_is_closed(closed: int, settled: int, expected: int) -> None:
    day = weekly(Day())
    day.books.closed[TILLEULS] = closed
    if settled:
        day.books.settled[CARE] = settled
    assert settlement.run_due(day.books, day.school.programmes[CARE]) == expected


@pytest.mark.parametrize(
    ("closed", "settled", "expected"), [(20250110, 0, 20250110), (20250112, 20250110, 0), (20250113, 20250110, 20250113)]
)
def test_a_period_that_is_no_week_counts_from_the_last_run(closed: int, settled: int, expected: int) -> None:
    day = Day()
    day.change((replace(day.school.programmes[CARE], post_days=3),))
    day.books.closed[TILLEULS] = closed
    if settled:
        day.books.settled[CARE] = settled
    assert settlement.run_due(day.books, day.school.programmes[CARE]) == expected


def test_what_a_programme_gathered_before_it_was_posted_at_once_is_posted_when_its_day_is_closed(day: Day) -> None:
    come(day)
    day.change((replace(day.school.programmes[CARE], post_days=0),))
    assert settlement.run_due(day.books, day.school.programmes[CARE]) == 0, "the day is not closed"
    day.close("19:31")
    assert settlement.run_due(day.books, day.school.programmes[CARE]) == 20250106
    run(day, 20250106)
    assert day.balance_cents("Vanderzande") == 18_50
    day.next_day()
    day.close("19:31")
    assert settlement.run_due(day.books, day.school.programmes[CARE]) == 0, "nothing is left of it"


@pytest.mark.parametrize("begun", [MONDAY, SHORT_DAY, LONG_DAY])
def test_an_exit_of_the_night_that_nobody_saw_waits_for_staff_on_days_of_25_and_23_hours_too(day: Day, begun: date) -> None:
    night = replace(day.school.programmes[CARE], windows=(hours(range(7), "22:00", "24:30"),))
    day.change((night,))
    day.date = begun
    day.tap("Léa", "care-in", "22:10")
    day.next_day()
    day.close("03:00")
    asked = Run(CARE, int(f"{begun:%Y%m%d}"), moment("04:00", day.date), whole=True)
    assert settlement.start(day.school, day.books, asked) == Refusal("to_verify", {"questions": 1})


def test_care_that_a_run_posts_is_served_whatever_the_balance_and_the_payer_is_told(day: Day) -> None:
    """`must_serve` has no limit that it could pass, gathered or at once: the debt is told, and needs no reason (Q5, S36)."""
    come(day)
    day.bring("Quintelier", -9_00)
    come(day, who="Noé")
    day.close("19:31")
    run(day, 20250106)
    told = [fact for facts in day.facts for fact in facts if isinstance(fact, LowBalance)]
    assert [(fact.level, fact.balance_cents) for fact in told if fact.payer == number("Quintelier")][-1:] == [(Level.MINIMUM, -10_50)]
    assert {fact.reason for facts in day.facts for fact in facts if isinstance(fact, Charged)} == {Reason.NONE}


# --- properties -----------------------------------------------------------------------------------

TAPS = st.lists(
    st.tuples(st.sampled_from(["Léa", "Tom", "Noé"]), st.sampled_from(["care-in", "care-out", "care-door"]), st.integers(0, 170)),
    min_size=1,
    max_size=12,
    unique_by=lambda tap: (tap[0], tap[2]),
)


@given(TAPS, st.randoms(use_true_random=False), st.sets(st.integers(0, 12)))
def test_the_order_of_late_scans_and_the_runs_between_do_not_matter_to_the_final_amounts(
    taps: list[tuple[str, str, int]],
    shuffled: object,
    runs: set[int],
) -> None:
    timely = _lived(taps, set())
    others = list(taps)
    shuffled.shuffle(others)  # type: ignore[attr-defined]
    late = _lived(others, runs)
    for family in ("Vanderzande", "Quintelier"):
        assert late.balance_cents(family) == timely.balance_cents(family)
    assert late.books.total_cents() == 0
    assert replay(fact for facts in late.facts for fact in facts) == late.books


def _lived(taps: list[tuple[str, str, int]], runs: set[int]) -> Day:
    """All taps of a Monday as they became known, with runs between them, and one in the end."""
    day = weekly(Day())
    day.close("19:31")
    for nth, (who, reader, minute) in enumerate(taps):
        if nth in runs:
            run(day, 20250106)
        day.tap(who, reader, f"{15 + (30 + minute) // 60:02}:{(30 + minute) % 60:02}")
    day.next_day()
    day.close("19:31")
    day.date = MONDAY
    run(day, 20250107, on=TUESDAY)
    return day


def test_care_that_was_settled_as_free_and_costs_something_after_all_is_posted_at_once(day: Day) -> None:
    """The day was full when the run came, so that nothing was taken for care: it was posted all the same."""
    group = TariffGroup(number("day"), "Journée", 1_00)
    day.change((group, tariff("care", CARE_LINE, group="day"), tariff("study", STUDY_LINE, group="day")))
    day.tap("Léa", "study-in", "16:06")
    day.tap("Léa", "care-in", "16:30")
    day.tap("Léa", "care-out", "17:30")
    day.close("19:31")
    run(day, 20250106)
    (mark,) = day.books.sheet(number("Léa"), number("study"), 20250106).marks
    day.do(corrections.void, Staff(7, Reason.WRONG_PUPIL, moment("20:00")), Place(number("Léa"), number("study"), 20250106), mark)
    stands = [(one.item, one.cents, one.stage) for one in day.books.charges.values() if not one.reversed]
    assert (stands, day.balance_cents("Vanderzande")) == ([(CARE, 1_00, Stage.POSTED)], 19_00)


def test_an_added_mark_of_a_settled_day_joins_the_next_run(day: Day) -> None:
    day.tap("Léa", "care-in", "15:40")
    day.close("19:31")
    run(day, 20250106)
    by = Staff(7, Reason.FORGOTTEN, moment("09:00", TUESDAY))
    day.do(corrections.add, by, Moment(number("Léa"), CARE, moment("16:40")), Direction.OUT)
    assert day.balance_cents("Vanderzande") == 20_00
    day.next_day()
    day.close("19:31")
    run(day, 20250107)
    assert day.balance_cents("Vanderzande") == 18_50


def test_of_many_forgotten_exits_a_hundred_are_closed_at_an_ask_so_that_a_tap_waits_for_no_more() -> None:
    day, names = Day(), [f"child {place}" for place in range(AT_ONCE + 3)]
    for name in names:
        pupil = Pupil(number(name), number("Vanderzande"), number("Tilleuls"), name, name)
        day.change((pupil, Badge(number(f"badge {name}"), badge(name), pupil.id, BadgeState.ACTIVE, moment("00:00"))))
        day.tap(name, "care-in", "16:00")
    asked = [day.do(upkeep, moment("19:31")) for _ in range(3)]
    assert [sum(isinstance(fact, StayClosed) for fact in facts) for facts in asked if isinstance(facts, tuple)] == [AT_ONCE, 3, 0]
