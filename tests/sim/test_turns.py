"""The scheduler: time jumps, order is drawn by the seed, and whoever waits for nothing is told so."""

from random import Random

import pytest

from tests.sim.turns import DeadlockError, Turns

HOUR_S = 3_600.0


def order(seed: int) -> list[int]:
    """In which order twenty callbacks run that are all ready at once."""
    loop, ran = Turns(Random(seed)), list[int]()
    for number in range(20):
        loop.call_soon(ran.append, number)
    loop.run_until_complete(loop.pause(1.0))
    loop.close()
    return ran


def test_the_order_is_the_seeds() -> None:
    assert order(1) == order(1)
    assert order(1) != order(2)
    assert sorted(order(1)) == list(range(20))


def test_an_hour_takes_no_time_and_timers_come_in_their_order() -> None:
    loop, ran = Turns(Random(1)), list[str]()
    loop.after_s(2.0, ran.append, "later")
    loop.after_s(1.0, ran.append, "sooner")
    loop.run_until_complete(loop.pause(HOUR_S))
    assert (loop.now_s, ran) == (HOUR_S, ["sooner", "later"])
    loop.close()


def test_waiting_for_what_nobody_will_do_is_a_deadlock() -> None:
    loop = Turns(Random(1))
    never = loop.create_future()
    with pytest.raises(DeadlockError):
        loop.run_until_complete(never)
    loop.close()


def test_there_are_no_threads() -> None:
    loop = Turns(Random(1))
    with pytest.raises(AssertionError, match="no threads"):
        loop.run_until_complete(_in_a_thread(loop))
    loop.close()


async def _in_a_thread(loop: Turns) -> None:
    await loop.run_in_executor(None, print)
