"""The device decides: `step(state, event, now_ms) -> (state, effects)`. Sans-I/O: no clock, no file, no thread.

Rule 1: a light is a receipt. A yes is shown only after the hub's committed answer, or after `Stored`.
Rule 2: numbers are used once. A record keeps its number through every repeat; what was shown travels with it and wins.
Rule 3: an answer in time lights, a late one is counted and logged. A door moves on a grant with the nonce of an open question only.
Rule 4: while the hub is away, or anything it has not settled remains, the device answers by itself.
Rule 5: a hub that comes is asked how far it is before it is told anything: it may have been restored from a backup.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from edge import events as e
from edge import orders
from edge.orders import setting_of
from edge.policy import SECOND_MEAL_MS, Question, light
from edge.state import (
    ARCHIVE_MAX,
    ARCHIVE_MS,
    ASK_AWAY_MS,
    ASK_MS,
    BACKLOG_RESEND_MS,
    GRANT_MAX_AGE_MS,
    HEALTH_MS,
    MISSES_AWAY,
    PART_WAIT_MS,
    RECEIPTS_MAX,
    RESEND_MS,
    SAME_TAP_MS,
    UNSAVED_MAX,
    WAITING_MAX,
    Effects,
    LastTap,
    Open,
    State,
    Step,
)
from proto.badge import badge_hash, read_code
from proto.messages import ANSWER_MS, LATENCY_EDGES_MS, YES, Grant, Light, Line, Scan, Shown, Status, Use, Verdict


def step(state: State, event: e.Event, now_ms: int) -> Step:
    """What an event leads to. Also notices when the hub came or went, which people are shown."""
    after, effects = _STEPS[type(event)](state, event, now_ms)
    if after.away != state.away:
        effects = (*effects, e.Show(e.Pattern.AWAY if after.away else e.Pattern.READY), e.PublishHealth())
    if after.ends and not after.waiting and not after.storing:
        return replace(after, ends=False), (*effects, e.Restart())
    return after, effects


def wake_ms(state: State) -> int:
    """When the next Tick is due."""
    times = [state.health_ms, *(question.deadline_ms for question in state.waiting)]
    if _asks(state):
        times.append(state.ask_ms)
    if _sends(state):
        times.append(state.resend_ms)
    if state.answered or state.unsaved:
        times.append(state.archive_ms)
    if state.offer and state.session:
        times.append(state.offer.wanted_ms + PART_WAIT_MS)
    return min(times)


# --- a read --------------------------------------------------------------------------------------


def _read(state: State, event: e.ReadIn, now_ms: int) -> Step:
    found = event.found
    state = replace(state, reads={**state.reads, event.reader: state.reads.get(event.reader, 0) + 1})
    if isinstance(found, e.Layout):
        return state, (e.KeepLayout(event.reader, found), e.Show(e.Pattern.READY, event.reader))
    canonical = found if isinstance(found, e.Spoilt) else read_code(found.text) if isinstance(found, e.Text) else found.canonical
    if canonical is None or isinstance(canonical, e.Spoilt):
        return _spoilt(state, event.reader, canonical or e.Spoilt.MALFORMED)
    if state.config is None:
        return state, (e.Show(e.Pattern.ADULT, event.reader), e.Log("a badge was read before the first config came from the hub"))
    return _tap(state, event, badge_hash(bytes.fromhex(state.config.badge_key), canonical), now_ms)


def _spoilt(state: State, reader: str, reason: e.Spoilt) -> Step:
    """The person is asked again at once; staff see the count and the reason on the devices page."""
    key = (reader, reason.value)
    counted = replace(state, faults={**state.faults, key: state.faults.get(key, 0) + 1})
    return counted, (
        e.Show(e.Pattern.AGAIN, reader),
        e.PublishHealth(),
        e.Log("unreadable scan", {"reader": reader, "reason": reason.value}),
    )


def _tap(state: State, event: e.ReadIn, badge: str, now_ms: int) -> Step:
    key = (event.reader, badge)
    last = state.taps.get(key)
    if last is not None and now_ms - last.at_ms < SAME_TAP_MS:
        return state, (e.Show(last.pattern or e.Pattern.READING, event.reader),)
    if len(state.unsaved) >= UNSAVED_MAX:
        return state, (e.Show(e.Pattern.ADULT, event.reader), e.Log("no room for a scan, on the card or in memory"))
    recent = {tap: at for tap, at in state.taps.items() if now_ms - at.at_ms < SAME_TAP_MS}
    setting = setting_of(state, event.reader)
    scan = Scan(
        inc=state.inc,
        n=state.n + 1,
        reader=event.reader,
        badge=badge,
        boot=event.clock.boot,
        mono_ms=now_ms,
        wall_ms=event.clock.wall_ms,
        err_ms=event.clock.err_ms,
        clock=event.clock.quality,
        nonce=event.nonce if setting and setting.door_ms else "",
    )
    state = replace(state, n=scan.n, taps={**recent, key: LastTap(now_ms, scan.n)})
    if state.alone or len(state.waiting) >= WAITING_MAX:
        # Those who wait are answered too: a later scan is never stored before an earlier one.
        open_scans = tuple(question.scan for question in state.waiting)
        state, effects = _answer_alone(replace(state, waiting=()), (*open_scans, scan), now_ms)
        return state, (e.Show(e.Pattern.READING, event.reader), *effects)
    patience_ms = ANSWER_MS[setting.use] if setting else max(ANSWER_MS.values())
    question = Open(scan, now_ms, now_ms + patience_ms)
    state, effects = _send(replace(state, waiting=(*state.waiting, question)), now_ms)
    return state, (*effects, e.Show(e.Pattern.READING, event.reader))  # the question first: lamps would make it wait


def _send(state: State, now_ms: int) -> Step:
    """Ask again, with everything unsettled: a lost message leaves no gap."""
    q = state.q + 1
    pause_ms = RESEND_MS if state.waiting else state.resend_pause_ms
    open_scans = (*state.unsaved, *(question.scan for question in state.waiting))
    return replace(state, q=q, resend_ms=now_ms + pause_ms), (e.Send(q, open_scans),)


# --- answering alone -----------------------------------------------------------------------------


def _answer_alone(state: State, scans: tuple[Scan, ...], now_ms: int) -> Step:
    """Decide by the roster, make it durable, and only then light (rule 1): the lights follow on Stored."""
    shown = tuple(_with_light(state, scan, now_ms) for scan in scans)
    state = replace(state, storing=shown)
    return state, (_store(state),)


def _store(state: State) -> e.Store:
    """All that is only in memory: whatever makes the card turn takes everything along."""
    return e.Store(state.answered, (*state.unsaved, *state.storing))


def _with_light(state: State, scan: Scan, now_ms: int) -> Scan:
    setting = setting_of(state, scan.reader)
    if setting is None or state.config is None:
        return _shown(scan, Light.ADULT, "offline")
    last_ms = state.last_yes_ms.get((scan.reader, scan.badge))
    question = Question(scan.badge, setting.use, scan.wall_ms, scan.err_ms, None if last_ms is None else now_ms - last_ms)
    return _shown(scan, light(state.config, state.roster, question), "offline")


def _shown(scan: Scan, shown: Light, code: str, *, by_hub: bool = False) -> Scan:
    """The scan with what was lit; the nonce has done its duty and is not kept."""
    return msgspec.structs.replace(scan, nonce="", shown=Shown(shown, code, by_hub))


def _stored(state: State, event: e.Stored, now_ms: int) -> Step:
    """On disk: now the lights may promise."""
    effects: Effects = ()
    taps = dict(state.taps)
    yes = {key: at_ms for key, at_ms in state.last_yes_ms.items() if now_ms - at_ms < SECOND_MEAL_MS}
    for scan in state.storing:
        outcome = scan.shown.light if scan.shown else Light.ADULT
        _note(taps, scan, outcome)
        effects += (e.Show(e.Pattern(outcome.value), scan.reader, scan.n),)
        setting = setting_of(state, scan.reader)
        if outcome in YES and setting and setting.use is Use.TILL:
            yes[scan.reader, scan.badge] = now_ms
    state = replace(state, storing=(), unsaved=(), answered=(), backlog=event.unsettled, taps=taps, last_yes_ms=yes, store_ok=True)
    if event.unsettled and not state.away:
        state, sent = _send(state, now_ms)
        effects += sent
    return state, effects


def _note(taps: dict[tuple[str, str], LastTap], scan: Scan, outcome: Light) -> None:
    """Remember the answer, so that the same tap repeats it, unless a later tap of this badge has taken its place."""
    last = taps.get((scan.reader, scan.badge))
    if last is not None and last.n == scan.n:
        taps[scan.reader, scan.badge] = LastTap(last.at_ms, last.n, e.Pattern(outcome.value))


def _store_failed(state: State, event: e.StoreFailed, now_ms: int) -> Step:
    """The card takes nothing: nobody is promised anything, the alarm goes out, and the scans wait in memory for the hub."""
    told = tuple(_shown(scan, Light.ADULT, "storage") for scan in state.storing)
    taps = dict(state.taps)
    for scan in told:
        _note(taps, scan, Light.ADULT)
    kept = (*state.unsaved, *told)
    state = replace(state, storing=(), unsaved=kept, taps=taps, store_ok=False, archive_ms=now_ms + ARCHIVE_MS)
    shows = tuple(e.Show(e.Pattern.ADULT, scan.reader, scan.n) for scan in told)
    return state, (*shows, e.PublishHealth(), e.Log("the card takes no more records", {"reason": event.reason}))


# --- the hub's answers ---------------------------------------------------------------------------


def _verdicts(state: State, event: e.VerdictIn, now_ms: int) -> Step:
    effects: Effects = ()
    for verdict in event.message.verdicts:
        question = next((one for one in state.waiting if (one.scan.inc, one.scan.n) == (verdict.inc, verdict.n)), None)
        if question is None or event.message.session != state.session:
            if not any((scan.inc, scan.n) == (verdict.inc, verdict.n) for scan in state.answered):  # else it repeats one that was lit
                state = replace(state, late=state.late + 1)
                effects += (e.Log("a late verdict is not shown", {"n": verdict.n, "code": verdict.code}),)
            continue
        state, lit = _verdict(state, question, verdict, now_ms)
        effects += lit
    if len(state.answered) >= ARCHIVE_MAX and state.store_ok:
        effects += (_store(state),)
    return state, effects


def _verdict(state: State, question: Open, verdict: Verdict, now_ms: int) -> Step:
    scan = question.scan
    answered = (*state.answered, _shown(scan, verdict.light, verdict.code, by_hub=True))[-RECEIPTS_MAX:]
    taps = dict(state.taps)
    _note(taps, scan, verdict.light)
    after = replace(
        state,
        waiting=tuple(one for one in state.waiting if one is not question),
        answered=answered,
        archive_ms=state.archive_ms if state.answered else now_ms + ARCHIVE_MS,
        misses=0,
        taps=taps,
        latency=counted(state.latency, now_ms - question.asked_ms),
    )
    show = e.Show(e.Pattern(verdict.light.value), scan.reader, scan.n)
    return after, (show, *_door(state, question, verdict.grant, now_ms))


def _door(state: State, question: Open, grant: Grant | None, now_ms: int) -> Effects:
    """Rule 3: this very question's nonce, young enough, at a reader that guards a door."""
    setting = setting_of(state, question.scan.reader)
    if grant is None or setting is None or not setting.door_ms:
        return ()
    if not question.scan.nonce or grant.nonce != question.scan.nonce or now_ms - question.asked_ms > GRANT_MAX_AGE_MS:
        return (e.Log("a door grant does not fit its question", {"reader": question.scan.reader}),)
    return (e.Pulse(question.scan.reader, min(grant.ms, setting.door_ms)),)


def counted(latency: tuple[int, ...], took_ms: int) -> tuple[int, ...]:
    """The histogram with one more answer."""
    place = next((place for place, edge_ms in enumerate(LATENCY_EDGES_MS) if took_ms <= edge_ms), len(LATENCY_EDGES_MS))
    return (*latency[:place], latency[place] + 1, *latency[place + 1 :])


def _settled(state: State, event: e.SettledIn, now_ms: int) -> Step:
    """The newest answer wins, even when it is lower: a restored hub gets its scans back."""
    message = event.message
    if message.session != state.session or not state.settled_q < message.q <= state.q:
        return state, ()
    line = next((one for one in message.lines if one.inc == state.inc), None)
    if state.away:
        state = replace(state, resend_ms=now_ms, resend_pause_ms=BACKLOG_RESEND_MS[0])
    # A scan's answer names that scan's incarnation only: it puts off no question about the others.
    ask_ms = now_ms + ASK_MS if message.q == state.asked_q else state.ask_ms
    state = replace(state, settled_q=message.q, misses=0, ask_ms=ask_ms)
    state, first = _hub_has(state, line) if line else (state, ())
    return state, (*first, e.Settle(tuple(message.lines)))


def _hub_has(state: State, line: Line) -> Step:
    """What the hub has is a receipt; what it has lost is told again: from the card, or from memory while the card takes nothing."""
    known = sorted((*state.unsaved, *state.answered), key=lambda scan: scan.n)
    lost = not all(_has(line, scan) for scan in state.answered)
    receipts = tuple(scan for scan in known if _has(line, scan))[-RECEIPTS_MAX:]
    state = replace(state, unsaved=tuple(scan for scan in known if not _has(line, scan)), answered=receipts)
    return state, (_store(state),) if lost else ()


def _has(line: Line, scan: Scan) -> bool:
    """Whether the hub has a scan, and with it what was shown where the device answered."""
    return scan.n <= (line.n if scan.shown and scan.shown.by_hub else line.shown_n)


def _backlog(state: State, event: e.Backlog, now_ms: int) -> Step:
    """What remains is sent on at once while it is new or shrinks, and with growing pauses while it does not."""
    moves = not state.backlog or event.unsettled < state.backlog
    pause_ms = BACKLOG_RESEND_MS[0] if moves else min(state.resend_pause_ms * 2, BACKLOG_RESEND_MS[1])
    state = replace(state, backlog=event.unsettled, resend_pause_ms=pause_ms if event.unsettled else BACKLOG_RESEND_MS[0])
    return _send(state, now_ms) if event.unsettled and moves and not state.away else (state, ())


# --- link and hub come and go --------------------------------------------------------------------


def _link_up(state: State, event: e.LinkUp, now_ms: int) -> Step:
    state = replace(state, session=event.session, command_n=0, challenge=("", "", 0), ask_ms=now_ms, resend_pause_ms=BACKLOG_RESEND_MS[0])
    state, asked = _ask(state, now_ms) if state.hub else (state, ())
    return state, (e.PublishState(), *asked, e.PublishHealth())


def _link_down(state: State, _event: e.LinkDown, now_ms: int) -> Step:
    return _nobody_answers(replace(state, session="", hub="", misses=MISSES_AWAY), now_ms)


def _hub_changed(state: State, event: e.HubChanged, now_ms: int) -> Step:
    """A hub that starts may come from a backup: it is asked how far it is before it is told anything, and no older answer counts."""
    hub = event.state.session if event.state.status is Status.ON else ""
    if hub and hub == state.hub and not state.away:
        return state, ()
    answered: Effects = ()
    if hub != state.hub or not hub:
        state, answered = _nobody_answers(replace(state, hub=hub, misses=MISSES_AWAY, settled_q=state.q), now_ms)
    if not hub or not state.session:
        return state, answered
    state, asked = _ask(state, now_ms)
    return state, (*answered, e.PublishState(), *asked)  # it may have missed our birth: a broker's memory is no promise


def _nobody_answers(state: State, now_ms: int) -> Step:
    """Nobody can answer any more: those who wait are not kept waiting."""
    return _time_out(state, state.waiting, now_ms) if state.waiting else (state, ())


def _ask(state: State, now_ms: int) -> Step:
    """Ask how far the hub is with all we hold: only this finds what a restored hub lost of earlier lives of ours."""
    q = state.q + 1
    return replace(state, q=q, asked_q=q, ask_ms=now_ms + (ASK_AWAY_MS if state.misses else ASK_MS)), (e.SendAsk(q),)


def _sends(state: State) -> bool:
    """Whether there is something to send, and a hub that has answered."""
    return not state.away and bool(state.waiting or state.backlog or state.unsaved)


def _asks(state: State) -> bool:
    """Whether questions go out: soon to a hub that has not answered yet, and now and then to one that has."""
    return bool(state.session and state.hub)


# --- time ----------------------------------------------------------------------------------------


def _tick(state: State, _event: e.Tick, now_ms: int) -> Step:
    effects: Effects = ()
    for due in (_overdue, _resend, _archive, _ask_again, _want_again, _health):
        state, more = due(state, now_ms)
        effects += more
    return state, effects


def _overdue(state: State, now_ms: int) -> Step:
    """A time-out answers every older question too, so that what was shown is reported in order."""
    late = [question for question in state.waiting if question.deadline_ms <= now_ms]
    if not late:
        return state, ()
    newest = max(question.asked_ms for question in late)
    state = replace(state, misses=state.misses + 1, ask_ms=min(state.ask_ms, now_ms + ASK_AWAY_MS))
    return _time_out(state, tuple(question for question in state.waiting if question.asked_ms <= newest), now_ms)


def _time_out(state: State, questions: tuple[Open, ...], now_ms: int) -> Step:
    remaining = tuple(question for question in state.waiting if question not in questions)
    return _answer_alone(replace(state, waiting=remaining), tuple(question.scan for question in questions), now_ms)


def _resend(state: State, now_ms: int) -> Step:
    if not _sends(state) or now_ms < state.resend_ms:
        return state, ()
    pause_ms = state.resend_pause_ms if state.waiting else min(state.resend_pause_ms * 2, BACKLOG_RESEND_MS[1])
    return _send(replace(state, resend_pause_ms=pause_ms), now_ms)


def _archive(state: State, now_ms: int) -> Step:
    if not (state.answered or state.unsaved) or now_ms < state.archive_ms or state.storing:
        return state, ()
    return replace(state, archive_ms=now_ms + ARCHIVE_MS), (_store(state),)


def _ask_again(state: State, now_ms: int) -> Step:
    return _ask(state, now_ms) if _asks(state) and now_ms >= state.ask_ms else (state, ())


def _want_again(state: State, now_ms: int) -> Step:
    if state.offer is None or not state.session or now_ms < state.offer.wanted_ms + PART_WAIT_MS:
        return state, ()
    offer = replace(state.offer, wanted_ms=now_ms)
    return replace(state, offer=offer), (e.Want(offer.manifest.version, len(offer.parts)),)


def _health(state: State, now_ms: int) -> Step:
    return (replace(state, health_ms=now_ms + HEALTH_MS), (e.PublishHealth(),)) if now_ms >= state.health_ms else (state, ())


# --- others ------------------------------------------------------------------------------------


def _foreign(state: State, event: e.ForeignState, _now_ms: int) -> Step:
    """Somebody spoke under our name: say who we are again; the hub notices two of us."""
    if not state.session or event.message.session == state.session:
        return state, ()
    return state, (e.PublishState(), e.Log("a foreign state on our own topic", {"status": event.message.status.value}))


def _reader_changed(state: State, event: e.ReaderChanged, _now_ms: int) -> Step:
    known = {**state.readers, event.reader: (event.ok, event.name)}
    what = "reader is back" if event.ok else "reader is gone"
    return replace(state, readers=known), (e.PublishState(), e.PublishHealth(), e.Log(what, {"reader": event.reader}))


_STEPS: dict[type, Callable[[State, Any, int], Step]] = {
    e.ReadIn: _read,
    e.ReaderChanged: _reader_changed,
    e.LinkUp: _link_up,
    e.LinkDown: _link_down,
    e.HubChanged: _hub_changed,
    e.VerdictIn: _verdicts,
    e.SettledIn: _settled,
    e.CommandIn: orders.obey,
    e.ForeignState: _foreign,
    e.ConfigIn: orders.take_config,
    e.RosterOffered: orders.offer_roster,
    e.RosterPartIn: orders.take_part,
    e.RosterLoaded: orders.load_roster,
    e.Stored: _stored,
    e.StoreFailed: _store_failed,
    e.Backlog: _backlog,
    e.Tick: _tick,
}
