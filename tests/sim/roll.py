"""Class mornings told anew: who was seen when, who is late or missing by that, and what staff may say of it; asking no code."""

from collections.abc import Iterator, Sequence
from typing import Any

from hub.core import facts as f
from hub.core.facts import Facts
from tests import schools
from tests.sim.acts import Act
from tests.sim.daysheet import Mark
from tests.sim.reckoning import Morning, Reckoning
from tests.sim.setting import PUPILS, TILLEULS, code, decoded

Effect = tuple[object, ...]

ENTRANCES = frozenset({"entrance"})
MINUTE_MS = 60_000
EXPECTED = (*(schools.number(f"pupil {n}") for n in range(PUPILS)), *(schools.number(name) for name in ("Léa", "Tom", "Noé")))
"""Pupils with a class and a badge at the site that has a timetable."""
_FRIDAY = 4


def seen(books: Reckoning, pupil: int, day: int, at_ms: int) -> list[Effect]:
    """What a scan that is no way out changes in what is noted of its morning."""
    return _noted(books, pupil, day, at_ms) if books.setting.lesson and decoded(day).weekday() <= _FRIDAY else []


def called(books: Reckoning, day: int) -> list[Effect]:
    """What the roll of a morning comes to."""
    return [effect for pupil in EXPECTED for effect in _noted(books, pupil, day)]


def corrected(books: Reckoning, effects: Sequence[tuple[Any, ...]]) -> list[Effect]:
    """What marks that staff put, moved or struck change in what is noted of mornings: of who was called that day, or noted before."""
    days: dict[tuple[int, int], dict[int, Mark]] = {}
    for kind, *what in effects:
        if kind == "mark":
            pupil, _, day, number, *mark = what
            days.setdefault((pupil, day), {})[number] = Mark(mark[0], number, *mark[1:])
    called = {pupil for pupil in EXPECTED if books.setting.lesson}
    known = [key for key in days if key in books.mornings or (key[0] in called and key[1] == books.rolled)]
    return [effect for pupil, day in known for effect in _noted(books, pupil, day, changed=days[pupil, day])]


def justified(books: Reckoning, act: Act, today: int) -> list[Effect] | str:
    """What staff say of a morning that is late or missing, or still to come."""
    day = code(act.day)
    known = books.mornings.get((act.pupil, day))
    ahead = today <= day and books.setting.lesson is not None and decoded(day).weekday() <= _FRIDAY
    counts = known is not None and (not known.arrived_ms or known.late_min > 0)
    if not (counts if known else ahead):
        return "nothing_to_justify"
    if act.way == "justified" and not act.excuse:
        return "no_excuse"
    word = (act.way, act.excuse, act.act)
    return "said_already" if word == books.said.get((act.pupil, day), ("open", "", 0)) else [("justified", act.pupil, day, *word)]


def effects_of(group: Facts) -> Iterator[Effect]:
    """What the facts of one ask say of the entrance and of mornings."""
    for fact in group:
        match fact:
            case f.EntrancePassed():
                yield "pass", fact.pupil, fact.site, fact.day, fact.at_ms
            case f.MorningNoted():
                yield "morning", fact.pupil, fact.day, fact.arrived_ms, fact.late_min
            case f.MorningJustified():
                yield "justified", fact.pupil, fact.day, fact.state.value, fact.excuse.value, fact.document


def passed(pupil: int, day: int, at_ms: int) -> Effect:
    """A badge at the entrance."""
    return "pass", pupil, TILLEULS, day, at_ms


def never_called(books: Reckoning, day: int, now_ms: int) -> Iterator[str]:
    """Who was seen nowhere that day is noted as missing, some minutes after the hour."""
    lesson = books.setting.lesson
    if lesson is None or now_ms < _instant_ms(day, lesson.missed_min) + 3 * MINUTE_MS:
        return
    for pupil in EXPECTED:
        known = books.mornings.get((pupil, day))
        if not _sightings(books, pupil, day) and (known is None or known.arrived_ms):
            yield f"{pupil} was seen by nobody on {day}, and is noted as {known}"


def _noted(books: Reckoning, pupil: int, day: int, at_ms: int = 0, changed: dict[int, Mark] | None = None) -> list[Effect]:
    """Nothing for who came in time and was never noted otherwise."""
    lesson = books.setting.lesson
    assert lesson is not None, "nobody is called where there is no class"
    begins_ms, over_ms = _instant_ms(day, lesson.begins_min), _instant_ms(day, lesson.ends_min)
    first_ms = min((each for each in (*_sightings(books, pupil, day, changed), at_ms) if 0 < each < over_ms), default=0)
    if at_ms and not first_ms:
        return []
    late_min = -(-(first_ms - begins_ms) // MINUTE_MS) if first_ms > _instant_ms(day, lesson.late_min) else 0
    known, morning = books.mornings.get((pupil, day)), Morning(first_ms, late_min)
    if morning == known or (known is None and first_ms and not late_min):
        return []
    return [("morning", pupil, day, first_ms, late_min)]


def _sightings(books: Reckoning, pupil: int, day: int, changed: dict[int, Mark] | None = None) -> list[int]:
    """At the entrance, and at care and study, where a way out is none; with some marks as they are `changed`."""
    known = {number: mark for (who, _, on), marks in books.marks.items() if (who, on) == (pupil, day) for number, mark in marks.items()}
    marks = {**known, **(changed or {})}.values()
    return [*books.sightings.get((pupil, day), ()), *(mark.at_ms for mark in marks if not mark.void and mark.way != "out")]


def _instant_ms(day: int, minute: int) -> int:
    return schools.moment(f"{minute // 60:02}:{minute % 60:02}", decoded(day))
