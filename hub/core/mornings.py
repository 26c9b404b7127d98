"""Class mornings: who came late, who did not come, and what staff say of it (requirements S46, S47).

A morning is worked out anew from all scans that are known of it: those of the entrance, and of care at the same site, for a child that
was at care has come. So it changes nothing in which order they arrive; what turns out to be otherwise, by a late scan or because staff
say that a mark at care was not this child's, is noted again. A morning that is
noted stands with its hours, whatever the timetable or the pupil's class have become since. No prices here, and no lamp depends on it.
"""

from collections.abc import Iterable, Iterator
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from hub.core.books import Books
from hub.core.calendar import MINUTE_MS, day_code, day_coded, day_of
from hub.core.codes import Code, Excuse, Justification
from hub.core.days import CLASS_DAYS, ClassTimes, class_on, class_times, day_kind
from hub.core.entrance import Morning, Said
from hub.core.facts import EntrancePassed, Fact, Facts, Marked, MorningJustified, MorningNoted, Refusal, RollTaken
from hub.core.school import BadgeState, Pupil, School, Site
from hub.core.sheets import Mark
from hub.core.tap import Outcome, Tap
from proto.messages import Direction, Use

_NOTHING: dict[int, Marked] = {}


class Word(Struct, frozen=True):
    """What staff (`who`) say of a pupil's morning. `document`: the reference of what the family brought, 0 = nothing."""

    pupil: int
    day: date
    state: Justification
    excuse: Excuse
    document: int
    who: int


def take(school: School, books: Books, tap: Tap) -> Outcome:
    """A badge at the entrance: it opens no stay and costs nothing; it may tell of a late morning."""
    on = _day(tap)
    if on <= books.forgotten:
        return Outcome(Code.LATE_ORDER)
    passed = EntrancePassed(tap.ask, tap.pupil.id, tap.site.id, on, tap.at_ms, tap.reader.direction)
    return Outcome(Code.SEEN, (passed, *_seen(school, books, tap, on)))


def seen_elsewhere(school: School, books: Books, tap: Tap) -> Facts:
    """A scan at care or study tells that a pupil who was noted as late or missing had been there."""
    if not books.entrance.mornings or tap.reader.direction is Direction.OUT:
        return ()
    on = _day(tap)
    return _seen(school, books, tap, on) if books.entrance.morning(tap.pupil.id, on) else ()


def corrected(school: School, books: Books, put: Iterable[Fact], now_ms: int) -> Facts:
    """What marks that staff put, moved or struck change in what is noted of their mornings.

    A badge that a friend held to the reader hides an absence until somebody says so; then it is noted as the roll of that day would have.
    """
    days: dict[tuple[int, int], dict[int, Marked]] = {}
    for mark in (fact for fact in put if isinstance(fact, Marked)):
        days.setdefault((mark.pupil, mark.day), {})[mark.mark] = mark
    facts: Facts = ()
    for (pupil, on), marks in days.items():
        held = books.entrance.morning(pupil, on) or _called_hours(school, books, pupil, on, now_ms)
        if held is not None:
            ask = next(iter(marks.values())).ask
            facts += _noted(books, ask, pupil, on, _morning(held, _arrival_ms(books, held, pupil, on, changed=marks)))
    return facts


def upkeep(school: School, books: Books, ask: int, now_ms: int) -> Facts:
    """Note who has not come, once a morning and class: today's only, for what nobody watched is held against nobody.

    One site at each ask, so that a tap waits for one roll at most.
    """
    rolls = (_roll(school, books, ask, school.sites[site], now_ms) for site in sorted({site for site, *_ in school.class_hours}))
    return next((facts for facts in rolls if facts), ())


def justify(school: School, books: Books, ask: int, word: Word, now_ms: int) -> Facts | Refusal:
    """What staff say of a late or missed morning, or beforehand of one that is still to come; saying another state undoes it."""
    pupil = school.as_entered(word.pupil)
    if pupil is None:
        return Refusal("no_such_pupil")
    on = day_code(word.day)
    if on <= books.forgotten:
        return Refusal("day_over", {"day": on})
    known = books.entrance.morning(pupil.id, on)
    ahead = day_of(now_ms, school.sites[pupil.site].zone) <= word.day and class_on(school, pupil, word.day) is not None
    if not (known.counts if known else ahead):
        return Refusal("nothing_to_justify", {"day": on})
    if word.state is Justification.JUSTIFIED and not word.excuse:
        return Refusal("no_excuse")
    if word.document < 0:
        return Refusal("no_document")
    if Said(word.state, word.excuse, word.document) == books.entrance.said_of(pupil.id, on):
        return Refusal("said_already", {"day": on})
    site = known.site if known else pupil.site
    return (MorningJustified(ask, pupil.id, site, on, word.state, word.excuse, word.document, word.who, now_ms),)


# --- one morning ----------------------------------------------------------------------------------


def _day(tap: Tap) -> int:
    return day_code(day_of(tap.at_ms, tap.site.zone))


def _seen(school: School, books: Books, tap: Tap, on: int) -> Facts:
    """What a scan changes in what is noted of its morning; a way out is no arrival."""
    if tap.reader.direction is Direction.OUT:
        return ()
    times = class_on(school, tap.pupil, day_coded(on))
    held = books.entrance.morning(tap.pupil.id, on) or (_hours(tap.pupil, times) if times else None)
    if held is None:
        return ()
    first_ms = _arrival_ms(books, held, tap.pupil.id, on, tap.at_ms)
    return _noted(books, tap.ask, tap.pupil.id, on, _morning(held, first_ms)) if first_ms else ()


def _hours(pupil: Pupil, times: ClassTimes) -> Morning:
    """A morning of which nothing is known but its hours."""
    return Morning(pupil.site, times.begins_ms, times.late_ms, times.ends_ms, 0, 0)


def _morning(held: Morning, arrived_ms: int) -> Morning:
    late_min = -((held.begins_ms - arrived_ms) // MINUTE_MS) if arrived_ms > held.late_ms else 0
    return replace(held, arrived_ms=arrived_ms, late_min=late_min)


def _noted(books: Books, ask: int, pupil: int, on: int, morning: Morning) -> tuple[MorningNoted, ...]:
    """Nothing for who came in time and was never noted otherwise."""
    known = books.entrance.morning(pupil, on)
    if morning == known or (known is None and not morning.counts):
        return ()
    hours = (morning.begins_ms, morning.late_ms, morning.ends_ms)
    return (MorningNoted(ask, pupil, morning.site, on, *hours, morning.arrived_ms, morning.late_min),)


def _arrival_ms(books: Books, held: Morning, pupil: int, on: int, seen_ms: int = 0, changed: dict[int, Marked] = _NOTHING) -> int:
    """When a pupil was first seen before class was over; 0 = not at all. At whichever site: the first lesson may be at another one."""
    known = (each for each in (seen_ms, *_sightings(books, pupil, on, changed)) if 0 < each < held.ends_ms)
    return min(known, default=0)


def _sightings(books: Books, pupil: int, on: int, changed: dict[int, Marked]) -> Iterator[int]:
    for each in books.entrance.passes.get(on, {}).get(pupil, ()):
        if each.direction is not Direction.OUT:
            yield each.at_ms
    known: dict[int, Mark | Marked] = {mark.id: mark for sheet in books.sheets(pupil, on).values() for mark in sheet.marks.values()}
    yield from (mark.at_ms for mark in (known | changed).values() if not mark.void and mark.direction is not Direction.OUT)


# --- who has not come -----------------------------------------------------------------------------


def _roll(school: School, books: Books, ask: int, site: Site, now_ms: int) -> Facts:
    """The absences of the classes of a site that should have come by now, and have not been looked at today."""
    today = day_of(now_ms, site.zone)
    since_ms, through_ms = books.entrance.rolls.get(site.id, 0), _through_ms(school, books, site, today, now_ms)
    if not through_ms or day_kind(school, site.id, today) not in CLASS_DAYS or not _watched(school, site.id):
        return ()
    on, with_badge = day_code(today), _with_badge(school, now_ms)
    facts: tuple[MorningNoted, ...] = ()
    for pupil in school.everyone:
        times = class_on(school, pupil, today) if pupil.site == site.id and pupil.id in with_badge else None
        if times is not None and since_ms < times.missed_ms <= now_ms:
            facts += _called(books, ask, pupil, on, times)
    return (*facts, RollTaken(ask, site.id, on, through_ms, sum(not fact.arrived_ms for fact in facts)))


def _called(books: Books, ask: int, pupil: Pupil, on: int, times: ClassTimes) -> tuple[MorningNoted, ...]:
    held = books.entrance.morning(pupil.id, on) or _hours(pupil, times)
    return _noted(books, ask, pupil.id, on, _morning(held, _arrival_ms(books, held, pupil.id, on)))


def _called_hours(school: School, books: Books, pupil: int, on: int, now_ms: int) -> Morning | None:
    """The hours of a morning whose roll was the last one that was taken, and called this pupil."""
    child = school.pupils.get(pupil)
    times = class_on(school, child, day_coded(on)) if child else None
    if child is None or times is None:
        return None
    through_ms = books.entrance.rolls.get(child.site, 0)
    called = times.missed_ms <= through_ms and day_code(day_of(through_ms, school.sites[child.site].zone)) == on
    return _hours(child, times) if called and pupil in _with_badge(school, now_ms) else None


def _through_ms(school: School, books: Books, site: Site, today: date, now_ms: int) -> int:
    """The last instant by which classes of today should have come, if it is over and not dealt with; 0 = none. Asked each minute."""
    since_ms = books.entrance.rolls.get(site.id, 0)
    rows = (hours for (place, *_), versions in school.class_hours.items() if place == site.id for hours in versions)
    missed = (class_times(hours, today, site.zone).missed_ms for hours in rows if hours.covers(today))
    return max((each for each in missed if since_ms < each <= now_ms), default=0)


def _watched(school: School, site: int) -> bool:
    """Whether a reader sees who comes in there."""
    readers = (reader for reader in school.readers.values() if reader.use is Use.ENTRANCE and reader.direction is not Direction.OUT)
    return any(school.devices[reader.device].site == site for reader in readers)


def _with_badge(school: School, now_ms: int) -> frozenset[int]:
    """Pupils with a badge that is good now: who has none cannot be seen, and is not noted as missing."""
    states = (state for states in school.badges.values() for state in states if state.state is BadgeState.ACTIVE)
    return frozenset(state.pupil for state in states if state.from_ms <= now_ms and not 0 < state.until_ms <= now_ms)
