"""What staff are asked, as pages show it: about whom and where, the answers this person may give, the act that may still be undone.

No route: several pages show questions, and one (questions.py) takes the answers.
"""

import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from hub.core.calendar import day_code, day_coded
from hub.core.corrections import UNDO_MS
from hub.core.facts import Unresolved
from hub.core.questions import Way, asked
from hub.core.school import Pupil
from hub.core.sheets import Stay
from hub.web.render import clock
from hub.web.rights import Right, sites_where
from hub.web.session import Visit

NOWHERE = ZoneInfo("Europe/Brussels")
"""The zone of what belongs to no known site."""
STILL = "still"
"""The answer that a child is still there, to what is no question yet."""
OVERDUE = "overdue"
"""The kind of what is no question yet: still in, and the hours are over."""


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to settle. `path` takes the answer, one of `ways` (none: this person may give none); `clock` is filled in with a time.

    `kind`: a reason, OVERDUE, or empty where the scan's `code` says it. `day`: whose sheet has more (ISO), empty = none to open.
    """

    item: int
    path: str
    kind: str
    code: str
    pupil: Pupil | None
    site: str
    zone: ZoneInfo
    at_ms: int
    programme: str
    ways: tuple[str, ...]
    clock: str
    day: str
    holds_up: bool = False


@dataclass(frozen=True, slots=True)
class LastAct:
    """What this member of staff corrected last, and may undo until `until_ms`."""

    pupil: Pupil | None
    programme: str
    day: str
    at_ms: int
    until_ms: int
    zone: ZoneInfo


def question(visit: Visit, fact: Unresolved) -> Question:
    """A question of the books."""
    school, books = visit.school, visit.office.desk.books
    found = asked(school, books, fact, visit.office.now_ms())
    site, place = school.sites.get(fact.site), found.place
    zone = site.zone if site else NOWHERE
    return Question(
        item=fact.item,
        path=f"/questions/{fact.item}",
        kind=fact.reason.value,
        code=fact.code.value,
        pupil=school.pupils.get(fact.pupil),
        site=site.name if site else "",
        zone=zone,
        at_ms=fact.at_ms,
        programme=school.programmes[place.programme].name if place else "",
        ways=tuple(way.value for way in found.ways) if may_answer(visit, fact.site) else (),
        clock=clock(found.at_ms, zone),
        day=day_coded(place.day).isoformat() if place and opens_day(visit, fact.pupil) else "",
        holds_up=found.holds_up,
    )


def overdue(visit: Visit, stay: Stay, end_ms: int) -> Question:
    """A stay whose hours are over, and whose exit nobody has seen."""
    school = visit.school
    site = school.sites[stay.site]
    return Question(
        item=stay.id,
        path=f"/overdue/{stay.id}",
        kind=OVERDUE,
        code="in",
        pupil=school.pupils.get(stay.pupil),
        site=site.name,
        zone=site.zone,
        at_ms=end_ms,
        programme=school.programmes[stay.programme].name,
        ways=(Way.LEFT.value, STILL) if may_answer(visit, stay.site) else (),
        clock=clock(max(end_ms, stay.from_ms), site.zone),
        day=day_coded(stay.day).isoformat() if stay.day and opens_day(visit, stay.pupil) else "",
    )


def may_answer(visit: Visit, site: int) -> bool:
    """Whether this person may correct days at a site; what belongs to none is for everybody who corrects anywhere."""
    assert visit.person is not None, "signed in"
    allowed = sites_where(visit.person.posts, Right.PRESENCE, visit.school, does=True)
    return site in allowed if site in visit.school.sites else bool(allowed)


def opens_day(visit: Visit, pupil: int) -> bool:
    """Whether this person may look at a pupil's days."""
    found = visit.school.pupils.get(pupil)
    return found is not None and visit.at(Right.PRESENCE).knows(found)


def last_act(visit: Visit) -> LastAct | None:
    """What may still be undone."""
    assert visit.person is not None, "signed in"
    school, now_ms = visit.school, visit.office.now_ms()
    act = visit.office.desk.books.acts.get(visit.person.id)
    keys = [*act.sheets, *(key for key, _ in act.marks)] if act else []
    if act is None or not keys or now_ms - act.at_ms > UNDO_MS:
        return None
    pupil, number, day = keys[0]
    programme = school.programmes.get(number)
    zone = school.sites[programme.site].zone if programme else NOWHERE
    return LastAct(
        school.pupils.get(pupil), programme.name if programme else "", day_coded(day).isoformat(), act.at_ms, act.at_ms + UNDO_MS, zone
    )


def minute_of(text: str) -> int | None:
    """Minutes after midnight of `16:05`, as a time field sends it; None for anything else."""
    found = re.fullmatch(r"([01]?\d|2[0-3])[:hH.]([0-5]\d)(:[0-5]\d)?", text)
    return int(found[1]) * 60 + int(found[2]) if found else None


def day_in(text: str) -> int:
    """A day as facts have it (20250106), from `2025-01-06`; 0 for what is none."""
    found = re.fullmatch(r"(20\d\d)-(\d\d)-(\d\d)", text)
    try:
        return day_code(day_coded(int("".join(found.groups())))) if found else 0
    except ValueError:
        return 0
