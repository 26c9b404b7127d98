"""Who is in and who is expected at every site, reckoned once for all pages that ask while nothing happens. No route."""

import asyncio
from collections.abc import Mapping

from hub.core.calendar import MINUTE_MS
from hub.core.inside import Room, looking_round
from hub.core.school import School
from hub.web.session import Visit
from hub.web.turns import in_turns


class Rolls:
    """The rooms of each site. One per hub.

    Facts, edits and the minute (hours begin and end with one) change them, and nothing else: without any, the last ones are as good as new.
    """

    def __init__(self) -> None:
        self._school = School()
        self._of = (-1, 0)
        """The last fact that is in them for certain, and the minute."""
        self._begun_s = 0.0
        self._rooms: Mapping[int, tuple[Room, ...]] = {}
        self._reckoning = asyncio.Lock()

    async def of(self, visit: Visit, *, rest_s: float = 0) -> Mapping[int, tuple[Room, ...]]:
        """Site -> its rooms, as they are when this is asked, or later. With `rest_s` they may be so many seconds old."""
        desk, loop = visit.office.desk, asyncio.get_running_loop()
        asked_s = loop.time()
        async with self._reckoning:  # ten boards that ask at once are told the same
            now_ms = visit.office.now_ms()
            of = (desk.books.number, now_ms // MINUTE_MS)
            if desk.school is not self._school or (of != self._of and asked_s - self._begun_s >= rest_s):
                school, begun_s = desk.school, loop.time()
                self._rooms = await in_turns(looking_round(school, desk.books, now_ms))
                self._school, self._of, self._begun_s = school, of, begun_s
            return self._rooms
