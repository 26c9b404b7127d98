"""What time alone brings, minute by minute, when the hub was off for weeks."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from hub.core.facts import StayClosed
from hub.core.timetable import Attendance, Plan
from hub.keeping import keep_up
from hub.memory import memory
from tests.hub.core.test_school import rows_of
from tests.schools import MONDAY, SCHOOL_DAYS, Day, moment, number

WEEKS = 4


async def test_a_family_counts_as_present_on_every_day_a_hub_was_off(tmp_path: Path) -> None:
    """More days and children than one minute deals with: no day is closed before they were there."""
    day = Day()
    study = replace(day.school.programmes[number("study")], attendance=Attendance.AUTO)
    plans = (Plan(number(who), number(who), study.id, date(2025, 1, 1), weekdays=SCHOOL_DAYS) for who in ("Léa", "Tom"))
    day.change((study, *plans))
    async with memory(tmp_path / "hub") as stores:
        await stores.desk.edit(1, lambda _school: tuple(rows_of(day.school)))
        await keep_up(stores.desk, stores.new_ask, moment("12:00"))
        last = MONDAY + timedelta(days=7 * WEEKS - 1)
        for minute in range(5):
            await keep_up(stores.desk, stores.new_ask, moment(f"20:0{minute}", last))
        facts = [fact async for commit in stores.journal.read() for fact in commit.facts]
        came = {(fact.pupil, fact.day) for fact in facts if isinstance(fact, StayClosed)}
        assert len(came) == 2 * 4 * WEEKS, "Monday, Tuesday, Thursday and Friday of each week"
        assert stores.desk.books.closed[number("Tilleuls")] == int(f"{last - timedelta(days=1):%Y%m%d}"), "the Sunday is not over"
