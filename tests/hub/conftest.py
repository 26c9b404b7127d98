"""What every test of the hub gets: books that are the replay of their facts; and, on a broker, a link and the device at the door."""

from collections.abc import AsyncIterator

import pytest

from tests.boxes import SESSION, Box, Switchboard, box, switchboard, until
from tests.brokers import Running
from tests.journals import ReplayEqualsLive, replay_equals_live

__all__ = ["replay_equals_live"]


@pytest.fixture
async def board(broker: Running, replay_equals_live: ReplayEqualsLive) -> AsyncIterator[Switchboard]:
    async with switchboard(broker) as connected:
        replay_equals_live(connected.settled)
        yield connected


@pytest.fixture
async def door(board: Switchboard) -> AsyncIterator[Box]:
    """The device `door-1`; the hub has heard its birth."""
    async with box(board.running) as born:
        await until(lambda: board.seen("door-1").session == SESSION)
        yield born
