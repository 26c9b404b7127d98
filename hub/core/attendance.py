"""Presence in care and study: what a scan, a plan or the end of the hours does to a pupil's day. What it then costs is dues.py's.

A day is worked out anew from all its scans (stays.py), and what is recorded is made equal to it by further facts: a stay that turns
out to be another one is voided. So the order in which scans arrive changes nothing. Care and study are always served.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import islice

from hub.core.books import Books
from hub.core.calendar import Span, day_code, day_coded
from hub.core.codes import Code, Reason
from hub.core.days import as_run_on
from hub.core.dues import Day, counts_as_present, due, due_together, reading, seen_at, spans_of
from hub.core.facts import Fact, Facts, Marked, Resolved, StayClosed, StayOpened, StayVoided, Unresolved, derived
from hub.core.payers import payers
from hub.core.school import Programme, Pupil, Scans, School
from hub.core.sheets import Mark, Sheet, Stay
from hub.core.stays import REACH_MS, Reading, care_day, hours_end_ms, programme_at
from hub.core.tap import Outcome, Tap
from hub.core.timetable import Attendance

AT_ONCE = 100
"""Stays that are ended by one decision."""
_ENTRY, _AUTO, _REGISTERED = Scans.ENTRY, Attendance.AUTO, Attendance.REGISTERED
_NONE, _NO_EXIT, _NO_ENTRY = Reason.NONE, Reason.NO_EXIT, Code.NO_ENTRY
"""Members of an enum are looked up slowly, and these are for every tap."""


def take(school: School, books: Books, tap: Tap) -> Outcome:
    """An arrival or a departure at the programme this reader is for."""
    programme = programme_at(school, tap.site, tap.reader.use, tap.at_ms, tap.pupil.id)
    if programme is None:
        return Outcome(Code.CLOSED)
    day = _day(school, books, tap.ask, tap, programme)
    if day.day <= books.forgotten:
        return Outcome(Code.LATE_ORDER)
    programme = day.school.programmes[programme.id]
    mark = Mark(tap.at_ms, tap.ask, tap.reader.direction, not tap.unlit)
    facts, found = marked(day, programme, mark)
    return Outcome(found.codes[mark.id], (*_forgotten(school, day, programme), *facts))


def unlit(school: School, books: Books, ask: int, tap: Tap) -> Facts:
    """A mark for which no yes was seen after all: the presence stays, and costs nothing until staff have verified it."""
    programme = programme_at(school, tap.site, tap.reader.use, tap.at_ms, tap.pupil.id)
    if programme is None:
        return ()
    day = _day(school, books, ask, tap, programme)
    known = books.sheet(tap.pupil.id, programme.id, day.day).marks.get(tap.ask)
    if known is None:
        return ()
    unseen = Mark(known.at_ms, known.id, known.direction, lit=False, void=known.void)
    return marked(day, day.school.programmes[programme.id], unseen)[0]


def marked(day: Day, programme: Programme, *marks: Mark, earlier: Facts = ()) -> tuple[Facts, Reading]:
    """The facts that put marks (or the same ones again) on a day, and what all its marks mean then. `earlier`: of the same ask."""
    put, after = put_marks(day, programme, day.sheet(programme.id), *marks)
    facts, found = evened(day, programme, after, (*earlier, *put))
    return (*put, *facts), found


def put_marks(day: Day, programme: Programme, sheet: Sheet, *marks: Mark) -> tuple[Facts, Sheet]:
    """The facts that put marks on a sheet, and the sheet with them."""
    keys = (day.pupil.id, programme.site, programme.id, day.day)
    put = tuple([Marked(day.ask, mark.id, *keys, mark.at_ms, mark.direction, mark.lit, mark.void) for mark in marks])
    return put, sheet.with_marks({**sheet.marks, **{mark.id: mark for mark in marks}})


def upkeep(school: School, books: Books, ask: int, now_ms: int) -> Facts:
    """What time alone brings: stays whose hours are over are ended; who counts as present without a scan comes and goes with the hours.

    Of each family one such thing, for prices look at what is booked of it: to be asked again while it brings anything. Only when all
    have come and gone are the other stays ended, which changes no price then.
    """
    facts: Facts = ()
    families: set[int] = set()
    for pupil, programme, on in _without_scan(school, books, now_ms):
        households = payers(school, pupil)
        if families.isdisjoint(households):
            day = Day(as_run_on(school, on), books, ask, pupil, school.sites[programme.site], day_code(on), now_ms)
            made, _ = evened(day, programme, day.sheet(programme.id), facts)
            facts += made
            families |= households if made else frozenset()
    return facts or close_due(school, books, ask, now_ms)


def close_due(school: School, books: Books, ask: int, now_ms: int) -> Facts:
    """End stays whose hours are over: silently where no exit is expected, else to be verified, and nothing charged.

    At most so many that a tap behind it waits for some 10 ms: to be asked again while it brings anything.
    """
    open_stays = (stay for stays in books.inside.values() for stay in stays.values())
    over = (stay for stay in open_stays if now_ms >= _due_ms(school, stay))
    ended = (stay for stay in over if not _is_auto(school, stay.pupil, _as_run(school, stay), stay.day))
    facts: Facts = ()
    for stay in islice(ended, AT_ONCE):
        facts += _ended(school, books, ask, stay, now_ms, facts)
    return facts


def _is_auto(school: School, pupil: int, programme: Programme, day: int) -> bool:
    """Whether a pupil comes and goes with the hours of that day."""
    return programme.attendance is _AUTO and day > 0 and counts_as_present(school, pupil, programme, day_coded(day))


def _without_scan(school: School, books: Books, now_ms: int) -> Iterator[tuple[Pupil, Programme, date]]:
    """Who comes or goes now with the hours of a programme where the planned count as present (requirement S41)."""
    for now in school.programmes.values():
        is_auto = now.attendance is _AUTO or any(was.attendance is _AUTO for was in now.formerly)
        for on in _open_days(school, books, now, now_ms) if is_auto else ():
            programme = as_run_on(school, on).programmes[now.id]
            if programme.attendance is not _AUTO:
                continue
            zone = school.sites[programme.site].zone
            spans = [span for span in spans_of(programme, on, zone) if span[0] <= now_ms]
            planned = (pupil for pupil in school.plans if pupil in school.pupils and counts_as_present(school, pupil, programme, on))
            for pupil in planned if spans else ():
                if _is_news(books.sheet(pupil, programme.id, day_code(on)), spans, now_ms):
                    yield school.pupils[pupil], programme, on


def _open_days(school: School, books: Books, programme: Programme, now_ms: int) -> list[date]:
    """The days that are not closed yet, oldest first: today, and more where the hub was off."""
    today = care_day(programme, school.sites[programme.site].zone, now_ms)
    closed = books.closed.get(programme.site, day_code(today) - 1)
    days = (today - timedelta(days=back) for back in range(_DAYS_OFF, -1, -1))
    return [day for day in days if day_code(day) > closed]


_DAYS_OFF = 31
"""For how long a hub may be off, and still know who was there without a scan."""


def _is_news(sheet: Sheet, spans: list[Span], now_ms: int) -> bool:
    """Whether some hours that have begun have no stay yet, or one that should be over."""
    for start_ms, end_ms in spans if sheet.absence is None else ():
        stays = [stay for stay in sheet.stays.values() if start_ms - REACH_MS <= stay.from_ms < end_ms]
        if not stays or (now_ms >= end_ms and not all(stay.until_ms for stay in stays)):
            return True
    return False


def _due_ms(school: School, stay: Stay) -> int:
    """When nobody waits for an exit any more. Asked of everybody who is in, each minute: no day is worked out for it."""
    programme = _as_run(school, stay)
    end_ms = hours_end_ms(programme, school.sites[stay.site].zone, stay.from_ms)
    return end_ms if programme.scans is _ENTRY else end_ms + REACH_MS


def _as_run(school: School, stay: Stay) -> Programme:
    """The programme of a stay, as it was run on the stay's day; older journals wrote no day down."""
    return (as_run_on(school, day_coded(stay.day)) if stay.day else school).programmes[stay.programme]


def _forgotten(school: School, day: Day, programme: Programme) -> Facts:
    """A stay of an earlier day that nobody ended is ended now that its pupil is back."""
    stay = day.books.inside.get(day.pupil.id, {}).get(programme.id)
    return _ended(school, day.books, day.ask, stay, day.now_ms, ()) if stay and stay.day < day.day else ()


def _ended(school: School, books: Books, ask: int, stay: Stay, now_ms: int, earlier: Facts) -> Facts:
    pupil = school.as_entered(stay.pupil) or school.pupils[stay.pupil]
    then = as_run_on(school, day_coded(stay.day)) if stay.day else school
    day, programme = Day(then, books, ask, pupil, school.sites[stay.site], stay.day, now_ms), then.programmes[stay.programme]
    if stay.day:
        return evened(day, programme, day.sheet(stay.programme), earlier)[0]
    # Older journals kept no marks: there is nothing to read it from.
    end_ms, asked = hours_end_ms(programme, day.site.zone, stay.from_ms), programme.scans is not _ENTRY
    reason = _NO_EXIT if asked else _NONE
    closed = StayClosed(ask, stay.id, stay.pupil, stay.site, stay.programme, stay.from_ms, end_ms, reason)
    return (closed, _question(day, derived(stay.id, "no_exit"), stay.id, Code.IN, reason, end_ms)) if asked else (closed,)


def _day(school: School, books: Books, ask: int, tap: Tap, programme: Programme) -> Day:
    on = care_day(programme, tap.site.zone, tap.at_ms)
    return Day(as_run_on(school, on), books, ask, tap.pupil, tap.site, day_code(on), tap.taken_ms)


# --- making what is recorded equal to what was read --------------------------------------------


def evened(day: Day, programme: Programme, after: Sheet, earlier: Facts = ()) -> tuple[Facts, Reading]:
    """The facts that make the recorded day equal to what this sheet says, and what that is. `earlier`: of the same ask."""
    day = _with_sheet(day, programme, after)
    found = reading(day, programme)
    return (*due(day, programme, found, earlier), *_recorded(day, programme, found)), found


Change = tuple[Day, Programme, Sheet]
"""A pupil's day, and the sheet of one programme as it is from now on."""


def evened_together(changes: Sequence[Change], earlier: Facts = ()) -> tuple[Facts, list[Reading]]:
    """The same where one ask changes several sheets, maybe of several pupils and days: what hangs together is priced once."""
    days: dict[tuple[int, int], Day] = {}
    for day, programme, after in changes:
        key = (day.day, day.pupil.id)
        days[key] = _with_sheet(days.get(key, day), programme, after)
    found = [reading(days[day.day, day.pupil.id], programme) for day, programme, _ in changes]
    told: dict[tuple[int, int], dict[int, Reading]] = {key: {} for key in days}
    for (day, programme, _), read in zip(changes, found, strict=True):
        told[day.day, day.pupil.id][programme.id] = read
    facts: Facts = ()
    for on in dict.fromkeys(day for day, _ in days):
        facts += due_together([(days[key], told[key]) for key in days if key[0] == on], (*earlier, *facts))
    for (day, programme, _), read in zip(changes, found, strict=True):
        facts += _recorded(days[day.day, day.pupil.id], programme, read)
    return facts, found


def _recorded(day: Day, programme: Programme, found: Reading) -> Facts:
    """Presence and questions made equal to a reading."""
    since = day.books.inside.get(day.pupil.id, {}).get(programme.id)
    wanted = tuple(_stays(day, programme, found, back=since is not None and since.day > day.day))
    before, after = day.books.sheet(day.pupil.id, programme.id, day.day), day.sheet(programme.id)
    return (*_presence(day, programme, before, wanted), *_questions(day, programme, after, found, wanted))


def _with_sheet(day: Day, programme: Programme, after: Sheet) -> Day:
    """The same day with another sheet of a programme."""
    return Day(day.school, day.books, day.ask, day.pupil, day.site, day.day, day.now_ms, {**day.sheets, programme.id: after}, day.who)


def _stays(day: Day, programme: Programme, found: Reading, *, back: bool) -> Iterator[Stay]:
    """The visits as stays: what nobody ended is over when the hours are, or when its pupil is `back` on a later day, and stays over."""
    flagged = programme.scans is not _ENTRY and not _is_auto(day.school, day.pupil.id, programme, day.day)
    sheet = day.sheet(programme.id)
    for place, visit in enumerate(found.visits, 1):
        stay, until_ms, reason = derived(visit.id, "stay"), visit.until_ms, _NONE
        if not until_ms:
            known = sheet.stays.get(stay)
            due_ms = visit.span[1] + (REACH_MS if flagged else 0)
            over = (
                back
                or place < len(found.visits)
                or not found.present
                or day.now_ms >= due_ms
                or (known is not None and known.reason is _NO_EXIT)
            )
            until_ms = max(visit.span[1], visit.from_ms) if over else 0
            reason = _NO_EXIT if over and flagged else _NONE
        yield Stay(stay, day.pupil.id, programme.site, programme.id, visit.from_ms, day.day, until_ms, reason)


def _presence(day: Day, programme: Programme, before: Sheet, wanted: tuple[Stay, ...]) -> Iterator[Fact]:
    keys, known = (day.pupil.id, programme.site, programme.id), before.stays
    kept = {stay.id for stay in wanted if _same(known.get(stay.id), stay)} if known else ()
    for stay in known.values():
        if stay.id not in kept and (stay.until_ms or all(stay.id != one.id for one in wanted)):
            yield StayVoided(day.ask, stay.id, *keys, day.day)
    for stay in wanted:
        if stay.id in kept:
            continue
        if stay.until_ms:
            yield StayClosed(day.ask, stay.id, *keys, stay.from_ms, stay.until_ms, stay.reason, day.day)
        else:
            yield StayOpened(day.ask, stay.id, *keys, stay.from_ms, day.day)


def _same(known: Stay | None, stay: Stay) -> bool:
    return known is not None and (known.from_ms, known.until_ms, known.reason) == (stay.from_ms, stay.until_ms, stay.reason)


# --- what staff are asked -------------------------------------------------------------------------


def _questions(day: Day, programme: Programme, sheet: Sheet, found: Reading, wanted: tuple[Stay, ...]) -> list[Fact]:
    """Exits nobody saw are asked of staff, and the like; what a late scan or a correction answers is asked no more."""
    asked = _asked(day, programme, sheet, found, wanted)
    facts: list[Fact] = []
    known = day.books.unresolved
    for item in day.books.asked_of.get(day.pupil.id, ()):
        question = known[item]
        if item not in asked and question.reason in OF_THE_DAY and _is_settled(day, programme, sheet, wanted, question):
            facts.append(Resolved(day.ask, item))
    facts += [question for item, question in asked.items() if item not in known and question is not None]
    return facts


OF_THE_DAY = frozenset({Reason.NO_ENTRY, Reason.NO_EXIT, Reason.NOT_PLANNED, Reason.TWO_SITES})
"""Reasons of questions that a pupil's day asks and answers by itself: as long as it reads the same, it asks them again."""


def _is_settled(day: Day, programme: Programme, sheet: Sheet, wanted: tuple[Stay, ...], question: Unresolved) -> bool:
    """Whether a question that this day does not ask (any more) was its own, or is about another site's stay that is alone now."""
    subject = question.subject
    if subject in sheet.marks or subject in sheet.stays or any(stay.id == subject for stay in wanted):
        return True
    if question.reason is not Reason.TWO_SITES:
        return False
    others = [other for other in seen_at(day.books, day.school, day.pupil.id, day.day) if other.site != programme.site]
    doubted = next((stays[subject] for other in others if subject in (stays := day.sheet(other.id).stays)), None)
    return doubted is not None and not any(_overlap(doubted, mine, day.now_ms) for mine in wanted)


def _asked(day: Day, programme: Programme, sheet: Sheet, found: Reading, wanted: tuple[Stay, ...]) -> dict[int, Unresolved | None]:
    """Every question that this day asks, by its item; None where the scan itself asks it (scans.py)."""
    asked: dict[int, Unresolved | None] = {}
    is_stranger = programme.attendance is _REGISTERED and not day.school.is_planned(day.pupil.id, programme.id, day_coded(day.day))
    sheets = day.books.sheets(day.pupil.id, day.day)
    moves = len(sheets) > (programme.id in sheets)
    for stay in wanted:
        if stay.id in sheet.verified:
            continue
        if stay.reason is _NO_EXIT:
            _ask(asked, day, stay, "no_exit", stay.reason)
        if is_stranger:
            _ask(asked, day, stay, "not_planned", Reason.NOT_PLANNED)
        if moves and _elsewhere(day, programme, stay):
            _ask(asked, day, stay, "two_sites", Reason.TWO_SITES)
    for mark in sheet.marks.values():
        if found.codes.get(mark.id) is _NO_ENTRY:
            item = derived(mark.id, "question")
            question = _question(day, item, mark.id, Code.NO_ENTRY, Reason.NO_ENTRY, mark.at_ms)
            asked[item] = None if mark.id == day.ask else question
    return asked


def _elsewhere(day: Day, programme: Programme, stay: Stay) -> bool:
    """Whether the pupil was at another site at the same time: one of the two badges is somebody else's (requirement P3)."""
    others = (other for other in seen_at(day.books, day.school, day.pupil.id, day.day) if other.site != programme.site)
    there = (other for each in others for other in day.sheet(each.id).stays.values())
    return any(_overlap(stay, other, day.now_ms) for other in there)


def _overlap(one: Stay, other: Stay, now_ms: int) -> bool:
    return one.from_ms < (other.until_ms or now_ms) and other.from_ms < (one.until_ms or now_ms)


def _ask(asked: dict[int, Unresolved | None], day: Day, stay: Stay, kind: str, reason: Reason) -> None:
    at_ms = stay.until_ms if reason is _NO_EXIT else stay.from_ms
    item = derived(stay.id, kind)
    asked[item] = Unresolved(day.ask, item, stay.id, day.pupil.id, stay.site, Code.IN, reason, at_ms)


def _question(day: Day, item: int, subject: int, code: Code, reason: Reason, at_ms: int) -> Unresolved:
    return Unresolved(day.ask, item, subject, day.pupil.id, day.site.id, code, reason, at_ms)
