"""Who is expected where: a list of planned attendance, on which days, to rows and complaints (requirement S44). Nothing is written here.

A plan is known again by its pupil, programme and first day, so the same list once more changes nothing. What follows from plans is decided
in attendance.py and dues.py.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from hub.core.lists import Column, Said, Wrong, fold, read_day
from hub.core.plans import OLDEST, Draft, Plan, Thing, known_household, known_pupil, site_of
from hub.core.school import Programme
from hub.core.timetable import Plan as Planned
from hub.core.weekdays import Languages, languages_of, read_weekdays

C = Column
LATEST = date(2200, 1, 1)
"""A later day is a typing error."""


def expected(draft: Draft, lines: tuple[Said, ...]) -> Plan:
    """What a list of plans would do, and everything that is wrong with it."""
    languages = languages_of(line[C.WEEKDAYS] for line in lines if line[C.WEEKDAYS])
    for line in lines:
        _planned(draft, line, languages)
    for number, line in draft.planned_lines.items():
        for other in _overlapping(draft, number):
            earlier = draft.planned_lines.get(other.id)
            if earlier is None or earlier.number < line.number:
                draft.wrong(line, Wrong.OVERLAPS, C.FROM, f"line {earlier.number}" if earlier else f"the plan from {other.from_day}")
    return draft.plan()


def _planned(draft: Draft, line: Said, languages: Languages) -> None:
    before = len(draft.complaints)
    home = known_household(draft, line)
    pupil = known_pupil(draft, line, home) if len(draft.complaints) == before else None
    programme, since, last = _programme(draft, line), _date(draft, line, C.FROM), _date(draft, line, C.UNTIL)
    for column in (column for column in (C.PROGRAMME, C.WEEKDAYS, C.FROM) if not line[column]):
        draft.missing(line, column)
    weekdays = read_weekdays(line[C.WEEKDAYS], languages) if line[C.WEEKDAYS] else None
    if line[C.WEEKDAYS] and weekdays is None:
        draft.wrong(line, Wrong.NO_WEEKDAYS, C.WEEKDAYS)
    if since and last and last < since:
        draft.wrong(line, Wrong.ENDS_BEFORE, C.UNTIL, since)
    excluded = _excluded(draft, line)
    if pupil is None or programme is None or since is None or weekdays is None or len(draft.complaints) > before:
        return
    until = last + timedelta(days=1) if last else None
    _expect(draft, line, Planned(draft.new_id(line, Thing.PLANNED), pupil.id, programme.id, since, until, weekdays, excluded))


def _expect(draft: Draft, line: Said, said: Planned) -> None:
    """Put a plan in, or in the place of the one it is known to be."""
    plans = draft.planned.setdefault(said.pupil, {})
    like = [
        each
        for each in plans.values()
        if (each.programme, each.from_day) == (said.programme, said.from_day)
        and each.weekdays & said.weekdays
        and each.id not in draft.planned_lines
    ]
    if len(like) == 1:
        said = replace(said, id=like[0].id)
        draft.turn(line, Thing.PLANNED, like[0], said)
    else:
        draft.add(line, Thing.PLANNED, said, draft.name(said))
    plans[said.id] = said
    draft.planned_lines[said.id] = line


def _overlapping(draft: Draft, number: int) -> Iterator[Planned]:
    """Other plans of the same pupil and programme that hold on days of this one."""
    plan = next(plans[number] for plans in draft.planned.values() if number in plans)
    for other in draft.planned[plan.pupil].values():
        apart = other.id == plan.id or other.programme != plan.programme or not other.weekdays & plan.weekdays
        ends, begins = min(plan.until_day or date.max, other.until_day or date.max), max(plan.from_day, other.from_day)
        if not apart and begins < ends:
            yield other


def _programme(draft: Draft, line: Said) -> Programme | None:
    """The programme a line names: of the site it names, or the only one of that name."""
    before = len(draft.complaints)
    site = site_of(draft, line)
    if not line[C.PROGRAMME] or len(draft.complaints) > before:
        return None
    programmes = [each for each in draft.school.programmes.values() if site in (0, each.site)]
    found = [each for each in programmes if fold(each.name) == fold(line[C.PROGRAMME])]
    if len(found) > 1:
        draft.missing(line, C.SITE)
    elif not found:
        draft.wrong(line, Wrong.NO_PROGRAMME, C.PROGRAMME, ", ".join(sorted({each.name for each in programmes})))
    return found[0] if len(found) == 1 else None


def _date(draft: Draft, line: Said, column: Column) -> date | None:
    day = read_day(line[column])
    if line[column] and (day is None or not OLDEST <= day < LATEST):
        draft.wrong(line, Wrong.NO_DATE, column)
    return day


def _excluded(draft: Draft, line: Said) -> frozenset[date]:
    """Days set apart by spaces, commas or bars."""
    words = [word for word in re.split(r"[\s,;|]+", line[C.EXCLUDED]) if word]
    days = {word: read_day(word) for word in words}
    for word in (word for word, day in days.items() if day is None):
        draft.wrong(line, Wrong.NO_DATE, C.EXCLUDED, value=word)
    return frozenset(day for day in days.values() if day is not None)
