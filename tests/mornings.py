"""The words of class mornings for tests: a school with a timetable and entrances at both sites, and `came(day, "Léa", "08:31")`."""

from datetime import date

from msgspec.structs import replace

from hub.core import mornings
from hub.core.codes import Excuse, Justification
from hub.core.entrance import Morning
from hub.core.facts import Facts, Refusal, ScanTaken
from hub.core.mornings import Word
from hub.core.school import Device, Reader
from hub.core.timetable import ClassHours
from proto.messages import Direction, Use
from tests.schools import Day, moment, number, scan

TILLEULS, PARC = number("Tilleuls"), number("Parc")
ENTRANCES = {
    "entrance": Direction.IN,
    "way-out": Direction.OUT,
    "revolving": Direction.TOGGLE,
    "parc-entrance": Direction.IN,
    "parc-revolving": Direction.TOGGLE,
}
"""Reader -> direction; those of the park are at the other site."""
JANE = 77


def with_timetable(day: Day, **changed: object) -> Day:
    """Class for everybody of both sites from 08:20, late after 08:25, absent at 10:00, until 15:30, on Wednesdays until 12:00."""
    hours = {"start_min": 500, "tolerance_min": 5, "missed_min": 600, "end_min": 930} | changed
    rows = (
        ClassHours(site, "", weekday, **{**hours, "end_min": 720} if weekday == 2 else hours)  # type: ignore[arg-type]
        for site in (TILLEULS, PARC)
        for weekday in range(5)
    )
    day.change((Device("front", TILLEULS, "Entrée"), Device("parc-front", PARC, "Entrée du Parc"), *rows))
    day.change(tuple(Reader(front(reader), reader, reader, Use.ENTRANCE, way) for reader, way in ENTRANCES.items()))
    return day


def front(reader: str) -> str:
    """The device of an entrance."""
    return "parc-front" if reader.startswith("parc") else "front"


def came(day: Day, who: str, clock: str, reader: str = "entrance", on: date | None = None) -> ScanTaken:
    """A badge at an entrance, today or (`on`) on a day whose scans come late."""
    device = front(reader)
    taken = sum(isinstance(fact, ScanTaken) and fact.device == device for facts in day.facts for fact in facts)
    return day.take(replace(scan(who, reader, clock, day=on or day.date, n=taken + 1), device=device))


def roll(day: Day, clock: str, on: date | None = None) -> Facts:
    """What a minute at this time brings: one site's roll after the other."""
    found: Facts = ()
    while facts := day.do(mornings.upkeep, moment(clock, on or day.date)):
        assert isinstance(facts, tuple), "a roll is never refused"
        found += facts
    return found


def noted(day: Day, who: str, on: date | None = None) -> Morning | None:
    return day.books.entrance.morning(number(who), code_of(on or day.date))


def told(day: Day, who: str, on: date | None = None) -> str:
    """What is noted of a morning, in a word: `late 11`, `missed`, `in time` where that was put right, empty where nothing was said."""
    morning = noted(day, who, on)
    if morning is None:
        return ""
    return "missed" if morning.missed else f"late {morning.late_min}" if morning.late_min else "in time"


def say(
    day: Day,
    who: str,
    state: Justification,
    excuse: Excuse = Excuse.NONE,
    document: int = 0,
    *,
    on: date | None = None,
    clock: str = "11:00",
) -> Facts | Refusal:
    """Jane of the office says something of a morning."""
    word = Word(number(who), on or day.date, state, excuse, document, JANE)
    return day.do(mornings.justify, word, moment(clock, day.date))


def code_of(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day
