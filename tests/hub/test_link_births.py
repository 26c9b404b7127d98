"""Who is there: births, wills, what overtakes them, clones, and the hub's call to whoever missed it, on both real brokers."""

from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from hub.link import CALL_S, EARLY_NS
from proto import codec, topics
from proto.messages import Health, HubState, Light, State, Status
from proto.topics import Kind
from tests.boxes import SESSION, Box, Switchboard, box, switchboard, tap, until
from tests.brokers import Running
from tests.schools import FIRST_LIFE, SECOND_LIFE

pytestmark = pytest.mark.broker
SECOND_SESSION = "2" * 16


# --- the hub's call ------------------------------------------------------------------------------


async def test_a_device_whose_birth_was_missed_is_called_and_says_it_again(board: Switchboard, door: Box) -> None:
    """Brokers keep states for those who come later, but at that very moment one may be told nothing."""
    board.seen("door-1").session = ""
    door.kept.pop(Kind.STATE, None)
    board.link._called_s = -CALL_S
    await door.send(tap())
    called = await door.hear(Kind.STATE)
    assert (type(called), called.status) == (HubState, Status.ON)
    await door.birth()
    await until(lambda: bool(board.seen("door-1").session))  # a scan may overtake its birth
    await door.send(tap())
    assert (await door.verdict()).light is Light.ACCEPTED


async def test_a_device_that_the_broker_tells_nothing_of_the_hub_hears_it_at_its_birth(board: Switchboard, broker: Running) -> None:
    """It subscribed while the hub said that it is here: too late to hear it said, too early for the broker's memory."""
    await until(lambda: board.link._wire.up)
    board.link._wire.publish(topics.HUB, b"", qos=1, retain=True)
    async with box(broker):
        await until(lambda: board.seen("door-1").session == SESSION)


async def test_a_device_that_takes_the_hub_for_gone_is_called(board: Switchboard, door: Box) -> None:
    """Its birth was heard, and what the broker kept of the hub never came: nothing else would ever tell it."""
    door.kept.pop(Kind.STATE, None)
    board.link._called_s = -CALL_S
    await door.say(Kind.HEALTH, Health(session=SESSION, inc=FIRST_LIFE, away=True))
    called = await door.hear(Kind.STATE)
    assert (type(called), called.status) == (HubState, Status.ON)


async def test_who_asks_right_behind_a_call_is_called_at_the_end_of_its_pause(board: Switchboard, door: Box) -> None:
    """Of many who come at once each may have missed the one call; nobody else would come and make the hub call again."""
    door.kept.pop(Kind.STATE, None)
    board.link._called_s = board.link._clock.mono_s() - CALL_S + 0.2
    await door.say(Kind.HEALTH, Health(session=SESSION, inc=FIRST_LIFE, away=True))
    called = await door.hear(Kind.STATE)
    assert (type(called), called.status) == (HubState, Status.ON)


async def test_nobody_is_called_by_a_hub_that_goes(board: Switchboard, door: Box) -> None:
    door.kept.pop(Kind.STATE, None)
    await door.say(Kind.HEALTH, Health(session=SESSION, inc=FIRST_LIFE, away=True))
    await until(lambda: board.link._calling is not None)
    await board.link.stop()
    assert (await door.hear(Kind.STATE)).status is Status.OFF
    board.link._call()
    assert board.link._calling is not None
    assert board.link._calling.cancelled()


async def test_scans_that_overtook_their_birth_are_taken_when_it_comes(board: Switchboard, door: Box) -> None:
    await door.send(tap(), session=SECOND_SESSION)
    await until(lambda: bool(board.seen("door-1").rubbish))
    await door.birth(SECOND_SESSION)
    assert (await door.verdict()).light is Light.ACCEPTED
    assert board.link._early == {}


async def test_scans_that_came_long_before_a_birth_are_not_taken(board: Switchboard, door: Box) -> None:
    """Their age was true when they came; their device asks again."""
    await door.send(tap(), session=SECOND_SESSION)
    await until(lambda: "door-1" in board.link._early)
    scans, came_ns = board.link._early["door-1"]
    board.link._early["door-1"] = (scans, came_ns - EARLY_NS)
    await door.birth(SECOND_SESSION)
    await until(lambda: board.seen("door-1").session == SECOND_SESSION)
    await door.ask()
    assert board.desk.books.number == 0


async def test_a_device_that_comes_is_told_config_and_roster_again(board: Switchboard, door: Box) -> None:
    config = await door.hear(Kind.CONFIG)
    await door.birth(SECOND_SESSION)
    while (await door.hear(Kind.CONFIG)) != config:
        pass
    assert (await door.hear(Kind.ROSTER)).parts > 0


# --- state ---------------------------------------------------------------------------------------


async def test_a_cut_cable_is_a_lost_device_and_its_birth_brings_it_back(board: Switchboard, broker: Running) -> None:
    async with box(broker) as door:
        await until(lambda: board.seen("door-1").status is Status.ON)
        door.peer.drop()
        await until(lambda: board.seen("door-1").status is Status.LOST)
    async with box(broker):
        await until(lambda: board.seen("door-1").status is Status.ON)


async def test_of_many_cut_cables_none_is_missed(embedded_broker: Running) -> None:
    """What is heard at QoS 1, nats-server hands on through a store that loses some of it: two of a thousand wills (topics.HEARD_QOS)."""
    async with switchboard(embedded_broker) as board:
        for _ in range(300):
            board.link._budgets.clear()  # it comes and goes more often than a device may
            async with box(embedded_broker) as door:
                await until(lambda: board.seen("door-1").status is Status.ON)
                door.peer.drop()
                await until(lambda: board.seen("door-1").status is Status.LOST)


async def test_a_will_of_an_older_session_is_ignored(board: Switchboard, door: Box) -> None:
    await door.birth(SECOND_SESSION)
    await door.say(Kind.STATE, State(status=Status.LOST, session=SESSION, inc=FIRST_LIFE))
    await door.say(Kind.STATE, State(status=Status.OFF, session="3" * 16, inc=FIRST_LIFE))
    await door.birth(SECOND_SESSION)
    await door.ask()
    assert board.seen("door-1").status is Status.ON


async def test_two_devices_under_one_identity_are_both_blocked_and_an_alarm_is_given(
    board: Switchboard, door: Box, caplog: pytest.LogCaptureFixture
) -> None:
    await door.birth(SECOND_SESSION, SECOND_LIFE)
    await until(lambda: board.seen("door-1").inc == SECOND_LIFE)
    assert not board.fleet.cloned, "a restart is no clone"
    await door.birth("3" * 16, FIRST_LIFE)
    await until(lambda: board.desk.school.devices["door-1"].blocked == "clone")
    assert board.fleet.cloned == {"door-1"}
    assert "two devices use the identity door-1" in caplog.text
    await door.send(tap())
    await until(lambda: board.seen("door-1").rubbish.get("blocked", 0) == 1)
    assert board.desk.books.number == 0


async def test_after_a_new_password_the_device_is_heard_again_and_the_alarm_ends(board: Switchboard, door: Box) -> None:
    await door.birth(SECOND_SESSION, SECOND_LIFE)
    await door.birth("3" * 16, FIRST_LIFE)
    await until(lambda: board.desk.school.devices["door-1"].blocked == "clone")
    await board.edit(replace(board.desk.school.devices["door-1"], blocked="", generation=2))
    await door.birth("4" * 16, "e" * 16)
    await until(lambda: board.seen("door-1").inc == "e" * 16)
    assert not board.fleet.cloned


async def test_the_brokers_memory_of_an_older_life_is_no_proof_against_a_device(board: Switchboard, door: Box) -> None:
    """A broker that lost its last minutes in a power cut tells the hub of a life that is over."""
    await door.birth(SECOND_SESSION, SECOND_LIFE)
    await until(lambda: board.seen("door-1").inc == SECOND_LIFE)
    old = codec.encode(State(status=Status.ON, session=SESSION, inc=FIRST_LIFE))
    board.link.receive(topics.topic("door-1", Kind.STATE), old, True)
    assert (board.seen("door-1").inc, board.fleet.cloned) == (SECOND_LIFE, set())


async def test_a_hub_that_comes_later_learns_who_is_there_from_the_broker(broker: Running) -> None:
    async with AsyncExitStack() as stack:
        async with switchboard(broker):
            door = await stack.enter_async_context(box(broker))
        later = await stack.enter_async_context(switchboard(broker))
        await until(lambda: later.seen("door-1").session == SESSION)
        assert later.seen("door-1").heard_ms == 0, "the device itself has not spoken to this hub yet"
        await door.ask()
        assert later.seen("door-1").heard_ms > 0
