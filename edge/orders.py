"""What the hub orders: config, roster, commands. The part of the station that no tap passes through; pure like it."""

from msgspec.structs import replace

from edge import events as e
from edge.policy import roster
from edge.state import GRANT_MAX_AGE_MS, RESTART_MS, Offer, State, Step
from proto.messages import Do, ReaderConfig

RESTART = "*restart"
"""Stands for the door in a challenge; no reader can be called so."""


def take_config(state: State, event: e.ConfigIn, _now_ms: int) -> Step:
    """The hub's word on what our readers are for; one we have already is not written to the card again."""
    known = (event.version, event.config) == (state.config_version, state.config)
    keep = () if known else (e.KeepConfig(event.version, event.config),)
    return replace(state, config=event.config, config_version=event.version), (*keep, e.PublishState())


def offer_roster(state: State, event: e.RosterOffered, now_ms: int) -> Step:
    """A roster we have already is not fetched again; absent is not empty: only a manifest can replace one."""
    manifest = event.manifest
    if state.roster is not None and state.roster.manifest.sha256 == manifest.sha256:
        return replace(state, roster=replace(state.roster, manifest=manifest), offer=None), (e.PublishState(),)
    if manifest.parts == 0:
        return state, (e.KeepRoster(manifest, ()),)
    return _want(replace(state, offer=Offer(manifest, (), now_ms)))


def take_part(state: State, event: e.RosterPartIn, now_ms: int) -> Step:
    """The part that was asked for, and no other; with the last one the roster is handed on whole."""
    offer = state.offer
    if offer is None or (event.part.version, event.part.part) != (offer.manifest.version, len(offer.parts)):
        return state, ()
    parts = (*offer.parts, event.part.body)
    if len(parts) == offer.manifest.parts:
        return replace(state, offer=None), (e.KeepRoster(offer.manifest, parts),)
    return _want(replace(state, offer=Offer(offer.manifest, parts, now_ms)))


def _want(state: State) -> Step:
    """Ask for the next part; without a link the station asks when there is one."""
    wanted = (e.Want(state.offer.manifest.version, len(state.offer.parts)),) if state.offer and state.session else ()
    return state, wanted


def load_roster(state: State, event: e.RosterLoaded, _now_ms: int) -> Step:
    """From now on this one is used."""
    return replace(state, roster=roster(event.manifest, event.rows)), (e.PublishState(),)


def obey(state: State, event: e.CommandIn, now_ms: int) -> Step:
    """Obeyed once, in this session, in order, and never from the broker's memory."""
    message = event.message
    if event.retained or message.session != state.session or message.n <= state.command_n:
        return state, (e.Answer(message.n, "stale"), e.Log("a stale command is refused", {"do": message.do.value}))
    state = replace(state, command_n=message.n)
    match message.do:
        case Do.TEST:
            return state, (e.Show(e.Pattern.TEST, message.reader), e.Answer(message.n, "done"))
        case Do.LOCATE:
            return state, (e.Show(e.Pattern.LOCATE, message.reader), e.Answer(message.n, "done"))
        case Do.OPEN:
            return _open(state, event, now_ms)
        case Do.UPDATE:
            return state, (e.Answer(message.n, "unsupported"),)
        case Do.RESTART:
            return _restart(state, event, now_ms)


def _open(state: State, event: e.CommandIn, now_ms: int) -> Step:
    """Two steps: the device makes a nonce, and opens only when the hub sends it back at once (design.md, Time)."""
    message = event.message
    setting = setting_of(state, message.reader)
    if setting is None or not setting.door_ms:
        return state, (e.Answer(message.n, "refused"),)
    if not message.nonce:
        return replace(state, challenge=(message.reader, event.nonce, now_ms + GRANT_MAX_AGE_MS)), (
            e.Answer(message.n, "challenge", event.nonce),
        )
    reader, nonce, until_ms = state.challenge
    state = replace(state, challenge=("", "", 0))
    if not nonce or (message.reader, message.nonce) != (reader, nonce) or now_ms > until_ms:
        return state, (e.Answer(message.n, "stale"),)
    return state, (e.Pulse(message.reader, min(message.ms or setting.door_ms, setting.door_ms)), e.Answer(message.n, "done"))


def _restart(state: State, event: e.CommandIn, now_ms: int) -> Step:
    """Two steps, as a door's; and at most once a minute: a device that is told to restart for ever reads nothing."""
    message = event.message
    if now_ms - state.begun_ms < RESTART_MS:
        return state, (e.Answer(message.n, "too_soon"), e.Log("a restart is refused: it began less than a minute ago"))
    if message.nonce:
        what, nonce, until_ms = state.challenge
        state = replace(state, challenge=("", "", 0))
        if not nonce or (RESTART, message.nonce) != (what, nonce) or now_ms > until_ms:
            return state, (e.Answer(message.n, "stale"),)
        return replace(state, ends=True), (e.Answer(message.n, "done"), e.Log("told to restart"))
    challenged = replace(state, challenge=(RESTART, event.nonce, now_ms + GRANT_MAX_AGE_MS))
    return challenged, (e.Answer(message.n, "challenge", event.nonce),)


def setting_of(state: State, reader: str) -> ReaderConfig | None:
    """What the hub says a reader of this device is for."""
    return next((one for one in state.config.readers if one.id == reader), None) if state.config else None
