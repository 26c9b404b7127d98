"""The station while the hub is away, while anything is unsettled, and when the card takes nothing."""

import itertools

import pytest

from edge import events as e
from edge import station
from edge.errors import StoreError
from edge.events import Pattern
from edge.state import ARCHIVE_MAX, ARCHIVE_MS, ASK_AWAY_MS, ASK_MS, BACKLOG_RESEND_MS, SAME_TAP_MS, UNSAVED_MAX, WAITING_MAX
from proto.messages import HubState, Light, Status
from tests.fakes import HUB, SESSION, Device

FULL = StoreError("full", fatal=False)


def stored(device: Device) -> list[int]:
    """The numbers on the card that wait for the hub."""
    return sorted(n for (_, n), record in device.card.records.items() if not record.settled)


def sent(device: Device) -> list[list[int]]:
    """The open scans of each scan message."""
    return [[scan.n for scan in send.open] for send in device.of(e.Send)]


# --- alone ---------------------------------------------------------------------------------------


def test_without_a_hub_the_light_comes_at_once_and_only_after_the_card_has_the_scan() -> None:
    device = Device(known=["Léa"], hub=False)
    n = device.tap("Léa")
    kinds = [(type(effect), getattr(effect, "pattern", None)) for effect in device.effects]
    assert kinds == [(e.Show, Pattern.READING), (e.Store, None), (e.Show, Pattern.ACCEPTED)]
    assert (device.lit(n), stored(device)) == ([Pattern.ACCEPTED], [n])


def test_without_a_hub_a_stranger_is_sent_to_an_adult_and_recorded_too() -> None:
    device = Device(known=["Léa"], hub=False)
    n = device.tap("a stranger")
    assert (device.lit(n), stored(device)) == ([Pattern.ADULT], [n])


def test_the_same_tap_alone_repeats_the_answer_and_is_stored_once() -> None:
    device = Device(known=["Léa"], hub=False)
    n = device.tap("Léa")
    device.clock.forward(SAME_TAP_MS - 1)
    device.effects.clear()
    device.tap("Léa")
    assert (device.effects, stored(device)) == ([e.Show(Pattern.ACCEPTED, "till")], [n])


def test_a_reader_without_a_use_sends_people_to_an_adult() -> None:
    device = Device(known=["Léa"], hub=False)
    assert device.lit(device.tap("Léa", "new-reader")) == [Pattern.ADULT]


def test_a_second_meal_within_hours_makes_staff_look() -> None:
    device = Device(known=["Léa"], hub=False)
    first = device.tap("Léa")
    device.clock.forward(60_000)
    second = device.tap("Léa")
    device.clock.forward(4 * 3_600_000)
    third = device.tap("Léa")
    assert [device.lit(n) for n in (first, second, third)] == [[Pattern.ACCEPTED], [Pattern.LOOK], [Pattern.ACCEPTED]]


@pytest.mark.parametrize("gone", [e.LinkDown(), e.HubChanged(HubState(status=Status.LOST, session=HUB))])
def test_when_the_hub_goes_those_who_wait_are_answered_at_once(gone: e.Event) -> None:
    device = Device(known=["Léa", "Tom"])
    lea, tom = device.tap("Léa"), device.tap("Tom", "door")
    device.do(gone)
    assert (device.lit(lea), device.lit(tom)) == ([Pattern.ACCEPTED], [Pattern.ACCEPTED])
    assert device.of(e.Show)[-1].pattern in {Pattern.ACCEPTED, Pattern.AWAY}
    assert Pattern.AWAY in [show.pattern for show in device.of(e.Show)]


def test_people_see_when_the_hub_goes_and_when_it_is_back() -> None:
    device = Device()
    device.do(e.LinkDown())
    device.connect("9" * 16)
    assert [show.pattern for show in device.of(e.Show)] == [Pattern.AWAY], "the hub has not answered yet"
    device.settle(0)
    assert [show.pattern for show in device.of(e.Show)] == [Pattern.AWAY, Pattern.READY]
    assert len(device.of(e.PublishHealth)) == 3


def test_a_hub_that_is_there_before_its_word_reaches_us_is_asked_only_over_a_link() -> None:
    device = Device(hub=False)
    device.do(e.HubChanged(HubState(status=Status.ON, session=HUB)))
    assert device.of(e.SendAsk) + device.of(e.Send) == []
    device.do(e.LinkUp(SESSION))
    assert len(device.of(e.SendAsk)) == 1


# --- time-outs -----------------------------------------------------------------------------------


def test_after_one_time_out_the_next_pupil_still_gets_the_hubs_answer_once_all_is_settled() -> None:
    device = Device(known=["Léa"])
    device.tap("Léa")
    device.wait(400)
    device.settle(1, 1)
    n = device.tap("Tom")
    assert device.lit(n) == []
    device.verdict(n)
    assert device.lit(n) == [Pattern.ACCEPTED]


def test_two_time_outs_in_a_row_mean_away_until_the_hub_answers_and_nothing_is_left() -> None:
    device = Device(known=["Léa", "Tom", "Noé"])
    device.tap("Léa", "door")
    device.wait(600)
    device.tap("Tom", "door")
    device.wait(100)
    assert device.state.misses == 1, "Léa's was the first"
    device.wait(600)
    assert device.state.away, "Tom's was the second"
    assert device.of(e.Show)[-2:] == [e.Show(Pattern.AWAY), e.Show(Pattern.ACCEPTED, "door", 2)]
    n = device.tap("Noé")
    assert device.lit(n) == [Pattern.ACCEPTED], "at once, without waiting"
    device.settle(2, 2)
    assert (device.state.away, device.state.alone) == (False, True)
    device.settle(n, n)
    assert not device.state.alone


def test_a_verdict_in_time_forgives_the_time_out_before_it() -> None:
    device = Device(known=["Léa"])
    device.tap("Léa")
    device.wait(400)
    device.settle(1, 1)
    n = device.tap("Tom")
    device.verdict(n)
    device.tap("Noé")
    device.wait(400)
    assert device.state.misses == 1


def test_while_a_backlog_remains_the_device_answers_alone_though_the_hub_is_there() -> None:
    device = Device(known=["Léa", "Tom"])
    device.tap("Léa")
    device.wait(400)
    assert not device.state.away
    n = device.tap("Tom")
    assert device.lit(n) == [Pattern.ACCEPTED]
    assert stored(device) == [1, 2]


def test_a_tap_answered_alone_answers_those_who_wait_so_that_the_order_holds() -> None:
    """A later scan stored before an earlier one would make the hub's books skip the earlier one as a hole."""
    device = Device(known=["Léa", "Tom", "Noé"])
    device.tap("Léa")
    device.wait(300)
    device.tap("Tom")
    device.wait(100)
    assert (stored(device), [one.scan.n for one in device.state.waiting]) == ([1], [2])
    device.tap("Noé")
    assert (stored(device), device.state.waiting) == ([1, 2, 3], ())
    assert [device.lit(n) for n in (1, 2, 3)] == [[Pattern.ACCEPTED]] * 3


def test_more_open_questions_than_fit_a_message_are_answered_alone() -> None:
    device = Device()
    for n in range(WAITING_MAX):
        device.tap(f"pupil {n}")
    assert len(device.state.waiting) == WAITING_MAX
    device.tap("one more")
    assert (device.state.waiting, stored(device)) == ((), list(range(1, WAITING_MAX + 2)))


# --- the backlog ---------------------------------------------------------------------------------


def test_what_was_answered_alone_goes_to_the_hub_as_soon_as_it_is_back() -> None:
    device = Device(known=["Léa"], hub=False)
    device.tap("Léa")
    device.connect()
    assert (sent(device), len(device.of(e.SendAsk))) == ([], 1), "it is asked how far it is before it is told anything"
    device.settle(0)
    device.do(e.Tick())
    assert sent(device) == [[]], "the stored ones are the loop's to add"
    device.settle(1, 1)
    assert (stored(device), device.state.alone) == ([], False)


def test_a_backlog_that_shrinks_is_sent_on_at_once() -> None:
    device = Device(known=["Léa", "Tom"], hub=False)
    device.tap("Léa")
    device.tap("Tom")
    device.connect()
    device.settle(0)
    device.do(e.Tick())
    device.effects.clear()
    device.settle(1, 1)
    assert len(device.of(e.Send)) == 1


def test_a_backlog_that_does_not_shrink_is_sent_with_growing_pauses() -> None:
    device = Device(known=["Léa"], hub=False)
    device.tap("Léa")
    device.connect()
    device.settle(0)
    times = []
    for _ in range(8):
        device.effects.clear()
        while not device.of(e.Send):
            device.clock.forward(max(0, station.wake_ms(device.state) - device.clock.ms))
            device.do(e.Tick())
        times.append(device.clock.ms)
    pauses = [after - before for before, after in itertools.pairwise(times)]
    assert pauses == sorted(pauses)
    assert pauses[-1] <= BACKLOG_RESEND_MS[1]


def test_with_nothing_to_do_the_hub_is_asked_once_a_minute() -> None:
    device = Device()
    device.wait(ASK_MS - 1)
    assert device.of(e.SendAsk) == []
    device.wait(1)
    assert len(device.of(e.SendAsk)) == 1


def test_taps_do_not_put_off_the_question_about_earlier_lives() -> None:
    """Their answers name this life only; a restored hub whose first answer was lost would never ask for the earlier ones."""
    device = Device(known=["Léa"])
    device.effects.clear()
    for n in range(1, 13):
        device.tap("Léa")
        device.verdict(n)
        device.settle(n)
        device.wait(ASK_MS // 10)
    assert len(device.of(e.SendAsk)) == 1


def test_a_hub_that_does_not_answer_the_first_question_is_asked_again_soon() -> None:
    device = Device(hub=False)
    device.connect()
    device.wait(3 * ASK_AWAY_MS)
    assert [ask.q for ask in device.of(e.SendAsk)] == [1, 2, 3, 4]


def test_a_hub_that_was_started_again_unnoticed_is_asked_before_it_is_told_anything() -> None:
    """It may come from a backup: told of later scans first, it would never learn what it lost of earlier ones."""
    device = Device(known=["Léa", "Tom"])
    device.tap("Léa")
    device.wait(400)
    device.tap("Tom")
    device.effects.clear()
    device.do(e.HubChanged(HubState(status=Status.ON, session="9" * 16)))
    assert device.state.away
    assert (len(device.of(e.SendAsk)), device.of(e.Send)) == (1, [])
    device.settle(0)
    device.do(e.Tick())
    assert len(device.of(e.Send)) == 1


def test_an_answer_the_hub_gave_before_it_was_started_again_does_not_count() -> None:
    device = Device(known=["Léa"])
    device.wait(ASK_MS)
    before = device.state.q
    device.do(e.HubChanged(HubState(status=Status.ON, session="9" * 16)))
    device.effects.clear()
    device.settle(0, q=before)
    assert (device.effects, device.state.away) == ([], True)


def test_the_hub_s_word_that_it_is_there_said_again_changes_nothing_for_those_who_wait() -> None:
    device = Device()
    n = device.tap("Léa")
    device.do(e.HubChanged(HubState(status=Status.ON, session=HUB)))
    device.verdict(n)
    assert device.lit(n) == [Pattern.ACCEPTED]


# --- settled answers -----------------------------------------------------------------------------


def test_the_newest_answer_wins_even_when_it_is_lower() -> None:
    device = Device(known=["Léa"], hub=False)
    device.tap("Léa")
    device.connect()
    device.settle(1, 1)
    assert stored(device) == []
    device.wait(ASK_MS)
    device.settle(0, 0)
    assert stored(device) == [1]


@pytest.mark.parametrize(
    ("newer", "session"),
    [(-1, SESSION), (0, SESSION), (2, SESSION), (1, "9" * 16)],
    ids=["an older question", "the same question again", "a question never asked", "another connection"],
)
def test_answers_to_anything_but_a_newer_question_of_this_connection_are_ignored(newer: int, session: str) -> None:
    device = Device(known=["Léa"], hub=False)
    device.tap("Léa")
    device.connect()
    device.settle(1, 1)
    device.wait(ASK_MS)
    assert device.state.q == device.state.settled_q + 1
    device.effects.clear()
    device.settle(0, 0, q=device.state.settled_q + newer, session=session)
    assert (device.effects, stored(device)) == ([], [])


def test_scans_the_hub_had_answered_go_to_the_card_when_a_restored_hub_is_behind() -> None:
    device = Device()
    n = device.tap("Léa")
    device.verdict(n, Light.LOOK)
    device.wait(ASK_MS - 1_000)
    device.do(e.HubChanged(HubState(status=Status.ON, session="9" * 16)))
    device.effects.clear()
    device.settle(0)
    assert [type(effect) for effect in device.effects][:2] == [e.Store, e.Settle]
    record = device.card.records[1, n].scan
    assert record.shown is not None
    assert (record.shown.light, record.shown.by_hub, stored(device)) == (Light.LOOK, True, [n])
    assert device.state.alone, "until the hub has it back"


def test_answered_scans_are_written_to_the_card_together_once_a_minute() -> None:
    device = Device()
    for name in ("Léa", "Tom"):
        device.verdict(device.tap(name))
    device.wait(ARCHIVE_MS - 1)
    assert device.of(e.Store) == []
    device.wait(1)
    assert [[scan.n for scan in store.answered] for store in device.of(e.Store)] == [[1, 2]]
    assert device.state.answered == ()


def test_many_answered_scans_do_not_wait_for_the_minute() -> None:
    device = Device()
    for n in range(ARCHIVE_MAX):
        device.verdict(device.tap(f"pupil {n}"))
    assert [len(store.answered) for store in device.of(e.Store)] == [ARCHIVE_MAX]


def test_each_commit_takes_along_what_the_hub_had_answered_before() -> None:
    device = Device(known=["Tom"])
    device.verdict(device.tap("Léa"))
    device.tap("Tom")
    device.wait(400)
    store = device.of(e.Store)[0]
    assert ([scan.n for scan in store.answered], [scan.n for scan in store.unsettled]) == ([1], [2])


# --- a full card ---------------------------------------------------------------------------------


def test_a_card_that_takes_nothing_promises_nothing_and_raises_the_alarm() -> None:
    device = Device(known=["Léa"], hub=False)
    device.card.refuses = FULL
    n = device.tap("Léa")
    assert device.lit(n) == [Pattern.ADULT]
    assert not device.state.store_ok
    assert len(device.of(e.PublishHealth)) == 1


def test_scans_the_card_refused_are_kept_and_reported_when_the_hub_is_back() -> None:
    device = Device(known=["Léa", "Tom"], hub=False)
    device.card.refuses = FULL
    device.tap("Léa")
    device.tap("Tom")
    device.connect()
    device.settle(0)
    device.do(e.Tick())
    assert sent(device) == [[1, 2]]
    assert {scan.shown.light for scan in device.of(e.Send)[0].open if scan.shown} == {Light.ADULT}
    device.card.refuses = None
    device.settle(2, 2)
    assert (device.state.unsaved, device.state.alone) == ((), False)


def test_what_the_card_refused_and_the_hub_has_is_a_receipt_that_a_restored_hub_gets_back() -> None:
    device = Device(known=["Léa"], hub=False)
    device.card.refuses = FULL
    n = device.tap("Léa")
    device.connect()
    device.settle(0)
    device.do(e.Tick())
    device.settle(n, n)
    assert (device.state.unsaved, [scan.n for scan in device.state.answered]) == ((), [n])
    device.card.refuses = None
    device.wait(ASK_MS)
    device.settle(n, n - 1)
    assert stored(device) == [n], "it has the scan, and has lost what was shown"


def test_a_restored_hub_gets_its_answers_back_from_memory_while_the_card_is_full() -> None:
    device = Device()
    device.card.refuses = FULL
    for name in ("Léa", "Tom"):
        device.verdict(device.tap(name))
    device.do(e.HubChanged(HubState(status=Status.ON, session="9" * 16)))
    device.settle(1)
    device.do(e.Tick())
    assert sent(device)[-1] == [2]
    device.settle(2, 2)
    assert ([scan.n for scan in device.state.answered], device.state.alone) == ([1, 2], False)


def test_only_the_new_pupil_gets_a_light_when_the_card_has_room_again() -> None:
    device = Device(known=["Léa", "Tom"], hub=False)
    device.card.refuses = FULL
    lea = device.tap("Léa", "door")
    device.card.refuses = None
    tom = device.tap("Tom", "till")
    assert (device.lit(lea), device.lit(tom)) == ([Pattern.ADULT], [Pattern.ACCEPTED])
    assert (stored(device), device.state.unsaved, device.state.store_ok) == ([lea, tom], (), True)


def test_the_card_is_tried_again_after_a_minute_without_any_tap() -> None:
    device = Device(known=["Léa"], hub=False)
    device.card.refuses = FULL
    n = device.tap("Léa")
    device.wait(ARCHIVE_MS)
    device.card.refuses = None
    device.wait(ARCHIVE_MS)
    assert (stored(device), device.state.store_ok, device.lit(n)) == ([n], True, [Pattern.ADULT])


def test_with_a_full_card_the_hubs_answers_still_light() -> None:
    device = Device()
    device.card.refuses = FULL
    n = device.tap("Léa")
    device.verdict(n)
    assert device.lit(n) == [Pattern.ACCEPTED]


def test_with_no_room_left_at_all_people_are_told_and_no_number_is_spent() -> None:
    device = Device(known=["Léa"], hub=False)
    device.card.refuses = FULL
    for n in range(UNSAVED_MAX):
        device.tap(f"pupil {n}")
    device.effects.clear()
    assert device.tap("Léa") == UNSAVED_MAX
    assert device.of(e.Show) == [e.Show(Pattern.ADULT, "till")]
    assert len(device.of(e.Log)) == 1
    assert [scan.n for scan in device.state.unsaved] == list(range(1, UNSAVED_MAX + 1))
