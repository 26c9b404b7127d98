"""The station while the hub answers: what is lit, when, and what moves a door."""

from collections.abc import Sized
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import events as e
from edge import station
from edge.events import Pattern, Spoilt
from edge.state import GRANT_MAX_AGE_MS, RECEIPTS_MAX, RESEND_MS, SAME_TAP_MS, State
from proto.messages import LATENCY_EDGES_MS, YES, Grant, HubState, Light, Scan, Status, Use, Verdict, VerdictMessage
from tests.fakes import HUB, INC, SESSION, Clock, Device, code, config, manifest, rows

NONCE = "a" * 16


def opens(nonce: str = NONCE, ms: int = 500) -> Grant:
    return Grant(nonce, ms)


# --- a tap ---------------------------------------------------------------------------------------


def test_a_tap_ticks_asks_the_hub_and_promises_nothing() -> None:
    device = Device(known=["Léa"])
    n = device.tap("Léa")
    assert [show.pattern for show in device.of(e.Show)] == [Pattern.READING]
    assert [[scan.n for scan in send.open] for send in device.of(e.Send)] == [[n]]
    assert device.of(e.Store) == []


@pytest.mark.parametrize("light", list(Light))
def test_the_hubs_answer_is_what_the_pupil_sees(light: Light) -> None:
    device = Device()
    n = device.tap("Léa")
    device.verdict(n, light)
    assert device.lit(n) == [Pattern(light.value)]


def test_the_same_tap_again_repeats_the_last_answer_and_asks_nobody() -> None:
    device = Device()
    n = device.tap("Léa")
    device.verdict(n, Light.LOOK)
    device.clock.forward(SAME_TAP_MS - 1)
    device.effects.clear()
    device.tap("Léa")
    assert device.effects == [e.Show(Pattern.LOOK, "till")]
    assert device.state.n == n


def test_the_same_tap_before_the_answer_only_ticks_again() -> None:
    device = Device()
    n = device.tap("Léa")
    device.effects.clear()
    device.tap("Léa")
    assert device.effects == [e.Show(Pattern.READING, "till")]
    assert device.state.n == n


def test_after_three_seconds_it_is_a_new_tap() -> None:
    device = Device()
    first = device.tap("Léa")
    device.verdict(first)
    device.clock.forward(SAME_TAP_MS)
    assert device.tap("Léa") == first + 1


def test_siblings_300_ms_apart_both_go_through() -> None:
    device = Device()
    lea = device.tap("Léa")
    device.wait(100)
    device.verdict(lea)
    device.wait(200)
    tom = device.tap("Tom")
    device.verdict(tom, Light.LOOK)
    assert (device.lit(lea), device.lit(tom)) == ([Pattern.ACCEPTED], [Pattern.LOOK])


def test_two_readers_do_not_mix() -> None:
    device = Device()
    at_till, at_door = device.tap("Léa", "till"), device.tap("Léa", "door")
    assert at_door == at_till + 1
    device.verdict(at_door, Light.LOOK)
    device.verdict(at_till, Light.ADULT)
    answers = [(show.reader, show.pattern) for show in device.of(e.Show) if show.n]
    assert answers == [("door", Pattern.LOOK), ("till", Pattern.ADULT)]


def test_a_reader_the_hub_does_not_know_asks_the_hub_all_the_same() -> None:
    device = Device()
    n = device.tap("Léa", "new-reader")
    device.verdict(n, Light.ADULT)
    assert device.lit(n) == [Pattern.ADULT]


def test_before_the_first_config_people_are_sent_to_an_adult() -> None:
    device = Device()
    device.state = State(INC)
    device.tap("Léa")
    assert device.of(e.Show) == [e.Show(Pattern.ADULT, "till")]
    assert device.state.n == 0
    assert len(device.of(e.Log)) == 1


@pytest.mark.parametrize("found", [*Spoilt, e.Text("no badge"), e.Text(""), e.Text("K" * 512)])
def test_a_read_that_is_no_badge_asks_again_and_is_counted(found: e.Found) -> None:
    device = Device()
    for _ in range(2):
        device.read(found)
    reason = found if isinstance(found, Spoilt) else Spoilt.MALFORMED
    assert [show.pattern for show in device.of(e.Show)] == [Pattern.AGAIN] * 2
    assert device.state.faults == {("till", reason.value): 2}
    assert device.state.reads == {"till": 2}
    assert (device.state.n, device.of(e.Send), len(device.of(e.PublishHealth))) == (0, [], 2)


def test_no_log_line_ever_holds_a_badge() -> None:
    device = Device()
    device.read(e.Text(code("Léa")[:-1] + "X"))
    n = device.tap("Léa")
    device.wait(500)
    device.verdict(n)
    assert device.of(e.Log)
    assert all(code("Léa")[:8] not in str(line) for line in device.of(e.Log))


def test_a_tag_counts_like_a_printed_badge() -> None:
    device = Device()
    device.read(e.Tag("EM:6F007B3972"))
    device.verdict(1)
    assert device.lit(1) == [Pattern.ACCEPTED]


def test_the_key_table_that_calibration_found_is_kept() -> None:
    device = Device()
    assert device.read(e.Layout("be", 200)) == [e.KeepLayout("till", e.Layout("be", 200)), e.Show(Pattern.READY, "till")]


# --- time ----------------------------------------------------------------------------------------


def test_an_unanswered_question_is_sent_again_after_150_ms_under_its_number() -> None:
    device = Device()
    n = device.tap("Léa", "door")
    device.effects.clear()
    assert device.wait(RESEND_MS - 1) == []
    device.wait(RESEND_MS + 1)
    assert [[scan.n for scan in send.open] for send in device.of(e.Send)] == [[n], [n]]
    assert [send.q for send in device.of(e.Send)] == [device.state.q - 1, device.state.q]


@pytest.mark.parametrize(("reader", "patience_ms"), [("till", 400), ("door", 700)])
def test_without_an_answer_in_time_the_device_answers_itself(reader: str, patience_ms: int) -> None:
    device = Device(known=["Léa"])
    n = device.tap("Léa", reader)
    device.wait(patience_ms - 1)
    assert device.lit(n) == []
    device.wait(1)
    assert device.lit(n) == [Pattern.ACCEPTED]


def test_a_time_out_answers_every_older_question_too() -> None:
    device = Device(known=["Léa", "Tom", "Noé"])
    lea = device.tap("Léa", "door")  # would wait until 700
    device.wait(100)
    tom = device.tap("Tom", "till")  # waits until 500
    device.wait(100)
    noe = device.tap("Noé", "till")  # waits until 600
    device.wait(300)
    assert [device.lit(n) for n in (lea, tom, noe)] == [[Pattern.ACCEPTED], [Pattern.ACCEPTED], []]
    assert [scan.n for scan in device.of(e.Store)[0].unsettled] == [lea, tom]


def test_a_late_verdict_is_logged_and_never_lit_and_moves_no_door() -> None:
    device = Device(known=[])
    n = device.tap("Léa", "door")
    device.wait(700)
    device.effects.clear()
    device.verdict(n, Light.ACCEPTED, grant=opens())
    assert device.of(e.Show) + device.of(e.Pulse) == []
    assert [line.fields for line in device.of(e.Log)] == [{"n": n, "code": "ok"}]
    assert device.state.late == 1


def test_a_repeated_verdict_changes_nothing_and_is_no_late_one() -> None:
    device = Device()
    n = device.tap("Léa", "door")
    device.verdict(n, grant=opens())
    device.effects.clear()
    device.verdict(n, grant=opens())
    assert (device.effects, device.state.late) == ([], 0)


@pytest.mark.parametrize(("session", "inc"), [("9" * 16, INC), (SESSION, "9" * 16)])
def test_a_verdict_for_another_connection_or_life_lights_nothing(session: str, inc: str) -> None:
    device = Device()
    n = device.tap("Léa", "door")
    device.effects.clear()
    device.verdict(n, session=session, inc=inc, grant=opens())
    assert device.of(e.Show) + device.of(e.Pulse) == []


def test_answers_are_counted_by_how_long_they_took() -> None:
    device = Device()
    for took_ms in (0, 5, 6, 399):
        n = device.tap(f"pupil {took_ms}")
        device.wait(took_ms)
        device.verdict(n)
    assert device.state.latency == (2, 1, 0, 0, 0, 0, 1, 0, 0, 0)
    assert station.counted(device.state.latency, 60_000)[-1] == 1
    assert len(device.state.latency) == len(LATENCY_EDGES_MS) + 1


# --- doors ---------------------------------------------------------------------------------------


def test_a_door_opens_on_the_grant_of_this_very_question() -> None:
    device = Device()
    n = device.tap("Léa", "door")
    device.verdict(n, grant=opens(ms=500))
    assert device.of(e.Pulse) == [e.Pulse("door", 500)]


def test_a_door_is_never_pulsed_longer_than_its_config_says() -> None:
    device = Device()
    device.verdict(device.tap("Léa", "door"), grant=opens(ms=10_000))
    assert device.of(e.Pulse) == [e.Pulse("door", 800)]


@pytest.mark.parametrize("reader", ["till", "new-reader"])
def test_a_grant_at_a_reader_without_a_door_moves_nothing(reader: str) -> None:
    device = Device()
    n = device.tap("Léa", reader)
    device.verdict(n, grant=opens())
    assert device.of(e.Pulse) == []
    assert device.of(e.Send)[0].open[0].nonce == ""


def test_a_grant_with_another_nonce_moves_nothing() -> None:
    device = Device()
    n = device.tap("Léa", "door")
    device.verdict(n, grant=opens("b" * 16))
    assert device.of(e.Pulse) == []
    assert device.lit(n) == [Pattern.ACCEPTED]


@pytest.mark.parametrize(("age_ms", "moved"), [(GRANT_MAX_AGE_MS, True), (GRANT_MAX_AGE_MS + 1, False)])
def test_a_grant_older_than_three_seconds_moves_nothing(age_ms: int, moved: bool) -> None:
    """The question is still open only because the device itself was stopped meanwhile."""
    device = Device()
    n = device.tap("Léa", "door")
    device.clock.forward(age_ms)
    device.verdict(n, grant=opens())
    assert bool(device.of(e.Pulse)) is moved


def test_a_door_stays_shut_when_the_device_answers_alone() -> None:
    device = Device(known=["Léa"], hub=False)
    n = device.tap("Léa", "door")
    assert device.lit(n) == [Pattern.ACCEPTED]
    assert device.of(e.Pulse) == []


def test_a_stored_scan_holds_no_nonce_so_that_no_later_answer_can_open_a_door() -> None:
    device = Device(known=["Léa"])
    device.tap("Léa", "door")
    device.wait(700)
    assert [scan.nonce for scan in device.of(e.Store)[0].unsettled] == [""]


# --- what others do ------------------------------------------------------------------------------


def test_a_foreign_state_on_our_topic_makes_us_say_who_we_are() -> None:
    from proto.messages import State as WireState

    device = Device()
    device.do(e.ForeignState(WireState(status=Status.LOST, session="9" * 16, inc=INC)))
    assert len(device.of(e.PublishState)) == 1
    device.effects.clear()
    device.do(e.ForeignState(WireState(status=Status.ON, session=SESSION, inc=INC)))
    assert device.effects == []


def test_a_reader_that_is_unplugged_is_told_at_once() -> None:
    device = Device()
    device.do(e.ReaderChanged("till", ok=False, name="scanner"))
    assert device.state.readers == {"till": (False, "scanner")}
    assert [type(effect) for effect in device.effects] == [e.PublishState, e.PublishHealth, e.Log]


# --- always --------------------------------------------------------------------------------------

NAMES = ("Léa", "Tom", "Noé", "a stranger")
ACTS = st.one_of(
    st.tuples(st.just("tap"), st.sampled_from(NAMES), st.sampled_from(["till", "door", "hall"])),
    st.tuples(st.just("verdict"), st.integers(1, 12), st.sampled_from(list(Light))),
    st.tuples(st.just("settled"), st.integers(0, 12), st.integers(0, 12)),
    st.tuples(st.just("wait"), st.sampled_from([0, 1, 150, 400, 700, 3_000, 70_000]), st.just(0)),
    st.tuples(st.just("link"), st.booleans(), st.booleans()),
    st.tuples(st.just("card"), st.booleans(), st.just(0)),
)


def act(device: Device, what: str, first: object, second: object) -> list[e.Effect]:
    from edge.errors import StoreError

    match what, first, second:
        case "tap", str(name), str(reader):
            return device.read(e.Text(code(name)), reader)
        case "verdict", int(n), Light() as light:
            return device.verdict(n, light, session=device.state.session or SESSION)
        case "settled", int(n), int(shown_n):
            return device.settle(n, shown_n, session=device.state.session or SESSION)
        case "wait", int(ms), _:
            return device.wait(ms)
        case "link", bool(link), bool(hub):
            came = device.do(e.LinkUp(SESSION) if link else e.LinkDown())
            return came + device.do(e.HubChanged(HubState(status=Status.ON if hub else Status.LOST, session=HUB)))
        case "card", bool(full), _:
            device.card.refuses = StoreError("full", fatal=False) if full else None
    return []


@settings(max_examples=300)
@given(st.lists(ACTS, max_size=60), st.booleans())
def test_whatever_happens_a_yes_follows_its_verdict_or_is_on_the_card(acts: list[tuple[str, object, object]], hub: bool) -> None:
    device = Device(known=NAMES[:3], hub=hub)
    lit: set[int] = set()
    for what, first, second in acts:
        asked = {question.scan.n for question in device.state.waiting}
        came = act(device, what, first, second)
        on_card = {scan.n for one in device.card.records.values() if (scan := one.scan).shown and scan.shown.light in YES}
        answered = {first} & asked if what == "verdict" and second in YES else set()
        yes = [show.n for show in came if isinstance(show, e.Show) and show.n and show.pattern.value in YES]
        assert set(yes) <= on_card | answered, (what, first, second)
        answers = [show.n for show in came if isinstance(show, e.Show) and show.n]
        assert len(set(answers)) == len(answers)
        assert not lit.intersection(answers), "a scan is answered once"
        lit.update(answers)
    assert device.state.n >= max(lit, default=0)


@settings(max_examples=300)
@given(st.lists(ACTS, max_size=60), st.booleans())
def test_whatever_happens_numbers_are_used_once_and_open_scans_are_younger_than_stored_ones(
    acts: list[tuple[str, object, object]], hub: bool
) -> None:
    device = Device(known=NAMES[:3], hub=hub)
    taps: dict[int, tuple[str, str, int]] = {}
    stored = 0
    for one in acts:
        for effect in act(device, *one):
            for scan in _scans(effect):
                tap = (scan.badge, scan.reader, scan.mono_ms)
                assert taps.setdefault(scan.n, tap) == tap, "a number stands for one tap for ever"
            if isinstance(effect, e.Send):
                numbers = [scan.n for scan in effect.open]
                assert numbers == sorted(set(numbers))
                assert all(n > stored for n in numbers)
        stored = max((n for (_, n), record in device.card.records.items() if not record.settled), default=0)


def _scans(effect: e.Effect) -> tuple[Scan, ...]:
    match effect:
        case e.Send():
            return effect.open
        case e.Store():
            return (*effect.answered, *effect.unsettled)
        case _:
            return ()


@settings(max_examples=300)
@given(st.lists(ACTS, max_size=60), st.booleans())
def test_whatever_happens_the_device_never_wakes_for_nothing(acts: list[tuple[str, object, object]], hub: bool) -> None:
    """After a tick at the time asked for, the next one is later: no loop is busy with itself. And nothing is sent without a link."""
    device = Device(known=NAMES[:3], hub=hub)
    for one in acts:
        came = act(device, *one)
        device.clock.forward(max(station.wake_ms(device.state) - device.clock.ms, 0))
        came += device.do(e.Tick())
        assert station.wake_ms(device.state) > device.clock.ms
        assert device.state.session or not any(isinstance(effect, e.Send | e.SendAsk | e.Want) for effect in device.do(e.Tick()))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("hub", [False, True])
def test_in_a_hundred_thousand_events_memory_stays_bounded(hub: bool, full: bool) -> None:
    chance, clock, state = Random(hub + 2 * full), Clock(), Device(known=NAMES, hub=hub).state
    reads = [e.Text(code(f"pupil {n}")) for n in range(3_000)] + [e.Text("no badge")]
    here: list[e.Event] = [e.LinkUp(SESSION), e.HubChanged(HubState(status=Status.ON, session=HUB))]
    orders: list[e.Event] = [e.Tick(), e.ConfigIn(1, config(till=(Use.TILL, 0))), e.RosterLoaded(manifest(), rows(*NAMES))]
    sizes: dict[str, int] = {}
    for turn in range(8_500):
        clock.forward(chance.choice([0, 1, 20, 200, 1_000]))
        read = e.ReadIn(chance.choice(["till", "door", "hall"]), chance.choice(reads), clock.now(), NONCE)
        for event in (chance.choice(here) if hub else e.LinkDown(), read, chance.choice(orders)):
            state = _alive(state, event, clock.ms, full=full)
        if turn % 50 == 0:
            sizes |= {name: max(size, sizes.get(name, 0)) for name, size in _sizes(state)}
        if hub and chance.random() < 0.9:
            state = _alive(state, _verdicts(state), clock.ms, full=full)
    assert all(size <= RECEIPTS_MAX for size in sizes.values()), sizes


def _sizes(state: State) -> list[tuple[str, int]]:
    values = ((one.name, getattr(state, one.name)) for one in msgspec.structs.fields(state))
    return [(name, len(value)) for name, value in values if isinstance(value, Sized)]


def _verdicts(state: State) -> e.Event:
    verdicts = [Verdict(INC, question.scan.n, Light.ACCEPTED, "ok") for question in state.waiting]
    return e.VerdictIn(VerdictMessage(session=state.session or SESSION, verdicts=verdicts))


def _alive(state: State, event: e.Event, now_ms: int, *, full: bool) -> State:
    """One event and its reports, on a card that takes everything and settles it at once, or nothing."""
    todo = [event]
    while todo:
        state, effects = station.step(state, todo.pop(0), now_ms)
        todo += [e.StoreFailed("full") if full else e.Stored(0) for effect in effects if isinstance(effect, e.Store)]
    return state
