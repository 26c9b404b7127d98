"""What the hub orders: commands are obeyed once, in their own session; a roster is whole or not used."""

import pytest
from msgspec.structs import replace

from edge import events as e
from edge import station
from edge.events import Pattern
from edge.orders import RESTART
from edge.state import GRANT_MAX_AGE_MS, PART_WAIT_MS, RESTART_MS
from proto.messages import ANSWER_MS, Command, Do, RosterPart, Use
from tests.fakes import SESSION, Device, config, manifest, rows

NONCE = "b" * 16


def order(
    device: Device,
    do: Do,
    n: int = 1,
    *,
    reader: str = "door",
    nonce: str = "",
    ms: int = 0,
    session: str = SESSION,
    retained: bool = False,
) -> list[str]:
    """Give an order; the codes of the answers."""
    message = Command(session=session, n=n, do=do, reader=reader, nonce=nonce, ms=ms)
    return [effect.code for effect in device.do(e.CommandIn(message, retained, NONCE)) if isinstance(effect, e.Answer)]


# --- commands ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("do", "pattern"), [(Do.TEST, Pattern.TEST), (Do.LOCATE, Pattern.LOCATE)])
def test_an_order_to_show_something_is_obeyed_at_its_reader(do: Do, pattern: Pattern) -> None:
    device = Device()
    assert order(device, do) == ["done"]
    assert device.of(e.Show) == [e.Show(pattern, "door")]


def test_a_restart_takes_the_devices_own_nonce_and_comes_once() -> None:
    device = Device()
    device.wait(RESTART_MS)
    assert order(device, Do.RESTART, 1, nonce=NONCE) == ["stale"], "nobody asked for this nonce"
    assert order(device, Do.RESTART, 2) == ["challenge"]
    assert device.of(e.Restart) == []
    assert order(device, Do.RESTART, 3, nonce=NONCE) == ["done"]
    assert order(device, Do.RESTART, 4, nonce=NONCE) == ["stale"]
    assert device.of(e.Restart) == [e.Restart()]


def test_a_device_is_restarted_at_most_once_a_minute() -> None:
    device = Device()
    device.state = replace(device.state, begun_ms=device.clock.ms)
    device.wait(RESTART_MS - 1)
    assert order(device, Do.RESTART, 1) == ["too_soon"]
    device.wait(1)
    assert order(device, Do.RESTART, 2) == ["challenge"]


def test_a_challenge_of_a_door_restarts_nothing_and_that_of_a_restart_opens_no_door() -> None:
    device = Device()
    device.wait(RESTART_MS)
    order(device, Do.OPEN, 1)
    assert order(device, Do.RESTART, 2, nonce=NONCE) == ["stale"]
    order(device, Do.RESTART, 3)
    assert order(device, Do.OPEN, 4, nonce=NONCE) == ["stale"]
    assert order(device, Do.OPEN, 5, reader=RESTART, nonce=NONCE) == ["refused"]
    order(device, Do.RESTART, 6)
    device.wait(GRANT_MAX_AGE_MS + 1)
    assert order(device, Do.RESTART, 7, nonce=NONCE) == ["stale"]
    assert device.of(e.Restart) + device.of(e.Pulse) == []


def test_who_waits_for_an_answer_gets_it_before_the_restart() -> None:
    device = Device(known=["Léa"])
    device.wait(RESTART_MS)
    n = device.tap("Léa")
    order(device, Do.RESTART, 1)
    order(device, Do.RESTART, 2, nonce=NONCE)
    assert device.of(e.Restart) == []
    device.wait(ANSWER_MS[Use.TILL])
    assert device.lit(n) == [Pattern.ACCEPTED], "the hub did not answer: it is on the card, and lit"
    assert device.effects[-1] == e.Restart()
    assert not device.state.waiting
    assert not device.state.storing


def test_an_update_is_refused_until_there_is_one() -> None:
    assert order(Device(), Do.UPDATE) == ["unsupported"]


@pytest.mark.parametrize("do", list(Do))
@pytest.mark.parametrize(
    ("session", "retained", "n"),
    [("9" * 16, False, 6), (SESSION, True, 6), (SESSION, False, 5), (SESSION, False, 4)],
    ids=["an old session", "the broker's memory", "the same order again", "an older order"],
)
def test_an_order_from_the_past_is_refused(do: Do, session: str, retained: bool, n: int) -> None:
    device = Device()
    order(device, Do.LOCATE, 5)
    device.effects.clear()
    assert order(device, do, n, session=session, retained=retained, nonce=NONCE) == ["stale"]
    assert device.of(e.Show) + device.of(e.Pulse) + device.of(e.Restart) == []
    assert len(device.of(e.Log)) == 1


def test_in_a_new_session_orders_are_counted_anew() -> None:
    device = Device()
    order(device, Do.LOCATE, 5)
    device.do(e.LinkUp("9" * 16))
    assert order(device, Do.LOCATE, 1, session="9" * 16) == ["done"]
    assert order(device, Do.LOCATE, 6) == ["stale"]


# --- a door opened by staff ----------------------------------------------------------------------


def test_a_door_opens_for_staff_only_with_the_devices_own_nonce() -> None:
    device = Device()
    assert order(device, Do.OPEN, 1) == ["challenge"]
    assert [answer.nonce for answer in device.of(e.Answer)] == [NONCE]
    assert device.of(e.Pulse) == []
    assert order(device, Do.OPEN, 2, nonce=NONCE) == ["done"]
    assert device.of(e.Pulse) == [e.Pulse("door", 800)]


@pytest.mark.parametrize(("asked_ms", "pulsed_ms"), [(0, 800), (300, 300), (5_000, 800)])
def test_a_door_is_pulsed_as_long_as_asked_and_no_longer_than_configured(asked_ms: int, pulsed_ms: int) -> None:
    device = Device()
    order(device, Do.OPEN, 1)
    order(device, Do.OPEN, 2, nonce=NONCE, ms=asked_ms)
    assert device.of(e.Pulse) == [e.Pulse("door", pulsed_ms)]


def test_a_nonce_opens_once() -> None:
    device = Device()
    order(device, Do.OPEN, 1)
    order(device, Do.OPEN, 2, nonce=NONCE)
    assert order(device, Do.OPEN, 3, nonce=NONCE) == ["stale"]
    assert len(device.of(e.Pulse)) == 1


def test_a_wrong_nonce_spends_the_challenge() -> None:
    device = Device()
    order(device, Do.OPEN, 1)
    assert order(device, Do.OPEN, 2, nonce="c" * 16) == ["stale"]
    assert order(device, Do.OPEN, 3, nonce=NONCE) == ["stale"]
    assert device.of(e.Pulse) == []


@pytest.mark.parametrize(("age_ms", "code"), [(GRANT_MAX_AGE_MS, "done"), (GRANT_MAX_AGE_MS + 1, "stale")])
def test_a_challenge_is_worth_three_seconds(age_ms: int, code: str) -> None:
    device = Device()
    order(device, Do.OPEN, 1)
    device.clock.forward(age_ms)
    assert order(device, Do.OPEN, 2, nonce=NONCE) == [code]


def test_a_challenge_for_one_door_opens_no_other() -> None:
    device = Device(readers={"door": (Use.CARE, 800), "gate": (Use.ENTRANCE, 800)})
    order(device, Do.OPEN, 1, reader="door")
    assert order(device, Do.OPEN, 2, reader="gate", nonce=NONCE) == ["stale"]
    assert device.of(e.Pulse) == []


def test_a_challenge_of_the_session_before_opens_nothing() -> None:
    device = Device()
    order(device, Do.OPEN, 1)
    device.do(e.LinkUp("9" * 16))
    assert order(device, Do.OPEN, 1, nonce=NONCE, session="9" * 16) == ["stale"]
    assert device.of(e.Pulse) == []


@pytest.mark.parametrize("reader", ["till", "new-reader", ""])
def test_where_there_is_no_door_none_is_opened(reader: str) -> None:
    device = Device()
    assert order(device, Do.OPEN, 1, reader=reader) == ["refused"]
    assert order(device, Do.OPEN, 2, reader=reader, nonce=NONCE) == ["refused"]
    assert device.of(e.Pulse) == []


# --- config --------------------------------------------------------------------------------------


def test_a_new_config_is_used_kept_and_said() -> None:
    device = Device()
    new = config(till=(Use.KIOSK, 0))
    assert device.do(e.ConfigIn(2, new)) == [e.KeepConfig(2, new), e.PublishState()]
    assert (device.state.config, device.state.config_version) == (new, 2)


def test_the_same_config_again_is_not_written_to_the_card_again() -> None:
    device = Device()
    assert device.state.config is not None
    assert device.do(e.ConfigIn(1, device.state.config)) == [e.PublishState()]


def test_another_config_under_the_same_number_is_kept_too() -> None:
    """A hub restored from a backup may count its versions twice."""
    device = Device()
    other = config(till=(Use.KIOSK, 0))
    assert device.do(e.ConfigIn(1, other)) == [e.KeepConfig(1, other), e.PublishState()]


# --- roster --------------------------------------------------------------------------------------


def part(device: Device, number: int, body: str, version: int = 7) -> list[e.Effect]:
    return device.do(e.RosterPartIn(RosterPart(version=version, part=number, body=body)))


def test_a_roster_is_fetched_part_by_part_and_handed_on_whole() -> None:
    device = Device()
    offered = manifest(version=7, parts=3, sha256="f")
    assert device.do(e.RosterOffered(offered)) == [e.Want(7, 0)]
    assert part(device, 0, "a") == [e.Want(7, 1)]
    assert part(device, 1, "b") == [e.Want(7, 2)]
    assert part(device, 2, "c") == [e.KeepRoster(offered, ("a", "b", "c"))]
    assert part(device, 2, "c") == []


@pytest.mark.parametrize(("number", "version"), [(1, 7), (0, 6)], ids=["out of order", "of another roster"])
def test_a_part_nobody_asked_for_is_not_taken(number: int, version: int) -> None:
    device = Device()
    device.do(e.RosterOffered(manifest(version=7, parts=2, sha256="f")))
    assert part(device, number, "a", version) == []
    assert part(device, 0, "a") == [e.Want(7, 1)]


def test_a_part_without_an_offer_is_not_taken() -> None:
    assert part(Device(), 0, "a") == []


def test_a_part_that_does_not_come_is_asked_for_again() -> None:
    device = Device()
    device.do(e.RosterOffered(manifest(version=7, parts=2, sha256="f")))
    part(device, 0, "a")
    device.effects.clear()
    device.wait(PART_WAIT_MS - 1)
    assert device.of(e.Want) == []
    device.wait(1 + PART_WAIT_MS)
    assert device.of(e.Want) == [e.Want(7, 1), e.Want(7, 1)]


def test_without_a_link_no_part_is_asked_for() -> None:
    device = Device()
    device.do(e.RosterOffered(manifest(version=7, parts=2, sha256="f")))
    device.do(e.LinkDown())
    device.effects.clear()
    device.wait(10 * PART_WAIT_MS)
    assert device.of(e.Want) == []


def test_a_newer_offer_replaces_the_one_under_way() -> None:
    device = Device()
    device.do(e.RosterOffered(manifest(version=7, parts=2, sha256="f")))
    part(device, 0, "a")
    assert device.do(e.RosterOffered(manifest(version=8, parts=2, sha256="e"))) == [e.Want(8, 0)]
    assert part(device, 1, "b") == []


def test_a_roster_we_have_already_is_not_fetched_again_but_counts_as_fresh() -> None:
    device = Device()
    old = manifest(version=7, sha256="f", issued_ms=1)
    device.do(e.RosterLoaded(old, rows("Léa")))
    fresh = manifest(version=8, sha256="f", issued_ms=2)
    assert device.do(e.RosterOffered(fresh)) == [e.PublishState()]
    assert device.state.roster is not None
    assert (device.state.roster.manifest, len(device.state.roster.rows)) == (fresh, 1)


def test_absent_is_not_empty_only_an_empty_roster_replaces_a_full_one() -> None:
    device = Device(known=["Léa"])
    device.do(e.LinkDown())
    assert device.state.roster is not None
    assert device.state.roster.rows
    empty = manifest(version=7, parts=0, sha256="e")
    assert device.do(e.RosterOffered(empty)) == [e.KeepRoster(empty, ())]
    device.do(e.RosterLoaded(empty, ()))
    assert device.lit(device.tap("Léa")) == [Pattern.ADULT]


def test_until_a_new_roster_is_whole_the_old_one_is_used() -> None:
    device = Device(known=["Léa"])
    device.do(e.RosterOffered(manifest(version=7, parts=2, sha256="f")))
    part(device, 0, "a")
    device.do(e.LinkDown())
    assert device.lit(device.tap("Léa")) == [Pattern.ACCEPTED]
    assert station.wake_ms(device.state) > device.clock.ms
