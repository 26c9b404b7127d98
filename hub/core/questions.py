"""What staff are asked, and how each question may be answered: by a correction that is ready to be made, its time filled in.

Questions are asked by attendance.py and scans.py, and go away when the day reads otherwise; what no correction answers is answered by
being noted. Nothing here changes a day but through corrections.py.
"""

import enum
from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from hub.core import corrections
from hub.core.attendance import OF_THE_DAY
from hub.core.books import Books
from hub.core.calendar import MINUTE_MS, day_code, day_coded, day_of, instant_ms, spans_around
from hub.core.codes import Act, Reason
from hub.core.corrections import Moment, Place, Staff
from hub.core.days import as_run_on
from hub.core.dues import Day, reading
from hub.core.facts import Corrected, Facts, Refusal, Resolved, Unresolved, derived
from hub.core.school import Programme, Scans, School
from hub.core.settlement import TO_VERIFY
from hub.core.sheets import Mark, Sheet, Stay
from hub.core.stays import REACH_MS, hours_end_ms
from hub.core.timetable import Attendance
from proto.messages import Direction

HOUR_MS = 60 * MINUTE_MS
GRACE_MS = 5 * MINUTE_MS
"""After the hours, children are still being fetched."""


class Way(enum.StrEnum):
    """How a question is answered."""

    LEFT = "left"  # at a time: the departure is added
    CAME = "came"  # at a time: the arrival is added
    INVERT = "invert"  # in and out were the other way round
    RECORDED = "recorded"  # it was as it is recorded
    NOT_MINE = "not_mine"  # not this pupil: the scans do not count
    NOTED = "noted"  # staff know, and nothing follows


class Asked(Struct, frozen=True):
    """A question with the `ways` it may be answered; `place` None: it is about no day that is kept.

    `at_ms`: the time to fill in for LEFT and CAME. `marks` are those that NOT_MINE takes away, `pair` those that INVERT turns round.
    """

    question: Unresolved
    ways: tuple[Way, ...]
    at_ms: int
    place: Place | None = None
    stay: Stay | None = None
    marks: tuple[int, ...] = ()
    pair: tuple[int, int] | None = None

    @property
    def holds_up(self) -> bool:
        """Whether a stay is not billed until this is answered."""
        return self.question.reason in TO_VERIFY


def asked(school: School, books: Books, question: Unresolved, now_ms: int) -> Asked:
    """A question as it may be answered now."""
    place = place_of(school, books, question)
    if place is None:
        return Asked(question, (Way.NOTED,), question.at_ms)
    sheet = books.sheet(place.pupil, place.programme, place.day)
    stay, pair = _stay(sheet, question), _pair(school, books, place, sheet, question, now_ms)
    marks = tuple(mark.id for mark in _marks(sheet, question, stay))
    ways = tuple(_ways(sheet, question, stay, paired=pair is not None))
    return Asked(question, ways, _at_ms(school, place, question, stay), place, stay, marks, pair)


def answer(school: School, books: Books, ask: int, staff: Staff, item: int, way: Way, at_ms: int = 0) -> Facts | Refusal:
    """Answer a question; `at_ms` with LEFT and CAME. Where staff give no reason, the way says it."""
    question = books.unresolved.get(item)
    if question is None:
        return Refusal("answered_already")
    found = asked(school, books, question, staff.now_ms)
    if way not in found.ways:
        return Refusal("no_such_answer")
    by, place = replace(staff, reason=staff.reason or REASONS[way]), found.place
    if place is None or way is Way.NOTED:
        return _noted(school, ask, by, question)
    match way:
        case Way.LEFT | Way.CAME:
            moment = Moment(place.pupil, place.programme, at_ms)
            return corrections.add(school, books, ask, by, moment, Direction.OUT if way is Way.LEFT else Direction.IN)
        case Way.INVERT if found.pair is not None:
            return corrections.invert(school, books, ask, by, place, found.pair)
        case Way.RECORDED if found.stay is not None:
            return corrections.verify(school, books, ask, by, place, found.stay.id)
        case _:
            return corrections.disown(school, books, ask, by, place, found.marks)


REASONS = {
    Way.LEFT: Reason.FORGOTTEN,
    Way.CAME: Reason.FORGOTTEN,
    Way.INVERT: Reason.WRONG_WAY,
    Way.RECORDED: Reason.CONFIRMED,
    Way.NOT_MINE: Reason.WRONG_PUPIL,
    Way.NOTED: Reason.CONFIRMED,
}
"""What each way says of why a day was corrected."""


def clock_ms(day: int, minute: int, zone: ZoneInfo, after_ms: int = 0) -> int:
    """The instant of a wall clock on a day (YYYYMMDD), or on the next one where it must be after something: a night goes on."""
    found = instant_ms(day_coded(day), minute, zone)
    return found if found >= after_ms else instant_ms(day_coded(day) + timedelta(days=1), minute, zone)


def moment_ms(programme: Programme, zone: ZoneInfo, day: int, minute: int) -> int:
    """The instant of a wall clock on a programme's day (YYYYMMDD); where its hours go past midnight, they may hold the next morning."""
    found, later = instant_ms(day_coded(day), minute, zone), instant_ms(day_coded(day) + timedelta(days=1), minute, zone)
    spans = [span for span in spans_around(programme.windows, day_coded(day), zone) if day_code(day_of(span[0], zone)) == day]
    is_near = any(start_ms - REACH_MS <= found < end_ms + REACH_MS for start_ms, end_ms in spans)
    is_night = any(start_ms < later < end_ms + REACH_MS for start_ms, end_ms in spans)
    return later if is_night and not is_near else found


def place_of(school: School, books: Books, question: Unresolved) -> Place | None:
    """The day that a question is about, as far as it is kept; a night belongs to the day on which it began."""
    site = school.sites.get(question.site)
    on = day_of(question.at_ms, site.zone) if site else None
    for shift in (0, -1, 1) if on else ():
        day = day_code(on + timedelta(days=shift)) if on else 0
        for programme, sheet in books.sheets(question.pupil, day).items():
            if programme in school.programmes and (question.subject in sheet.stays or question.subject in sheet.marks):
                return Place(question.pupil, programme, day)
    return None


def overdue(school: School, books: Books, now_ms: int) -> Iterator[tuple[Stay, int] | None]:
    """Who is still in though the hours are over, and since when they are: soon this will be a question. None for each other child."""
    spans: dict[int, tuple[int, int]] = {}
    for stays in tuple(books.inside.values()):
        yield None
        for stay in tuple(stays.values()):
            programme = school.programmes[stay.programme]
            if programme.scans is not Scans.ENTRY and programme.attendance is not Attendance.AUTO:
                from_ms, end_ms = spans.get(programme.id, (0, 0))
                if not from_ms <= stay.from_ms < end_ms:  # hundreds came in the same hours
                    zone = school.sites[programme.site].zone
                    spans[programme.id] = stay.from_ms, (end_ms := hours_end_ms(programme, zone, stay.from_ms))
                if now_ms >= end_ms + GRACE_MS:
                    yield stay, end_ms


# --- what a question is about ---------------------------------------------------------------------


def _stay(sheet: Sheet, question: Unresolved) -> Stay | None:
    """The stay a question is about: its subject, or the one that a scan began, ended, or fell into."""
    subject = sheet.stays.get(question.subject) or sheet.stays.get(derived(question.subject, "stay"))
    if subject is not None or question.subject not in sheet.marks:
        return subject
    at_ms = sheet.marks[question.subject].at_ms
    return next((stay for stay in sheet.stays.values() if stay.from_ms <= at_ms and (not stay.until_ms or at_ms <= stay.until_ms)), None)


def _marks(sheet: Sheet, question: Unresolved, stay: Stay | None) -> list[Mark]:
    """The scans that count and are in question: this one, or all that made the stay."""
    known = sheet.marks.get(question.subject)
    if known is not None:
        return [known] if not known.void else []
    if stay is None:
        return []
    return [mark for mark in sheet.marks.values() if not mark.void and stay.from_ms <= mark.at_ms <= (stay.until_ms or mark.at_ms)]


def _pair(school: School, books: Books, place: Place, sheet: Sheet, question: Unresolved, now_ms: int) -> tuple[int, int] | None:
    """An exit and then an entry that would be right the other way round."""
    if question.reason not in (Reason.NO_ENTRY, Reason.NO_EXIT) or place.pupil not in school.pupils:
        return None
    then = as_run_on(school, day_coded(place.day))
    programme = then.programmes[place.programme]
    day = Day(then, books, 0, school.pupils[place.pupil], school.sites[programme.site], place.day, now_ms)
    pairs = corrections.wrong_ways(reading(day, programme), sheet)
    turnable = (pair for pair in pairs if all(sheet.marks[mark].direction is not Direction.TOGGLE for mark in pair))
    return next((pair for pair in turnable if question.subject in (pair[0], derived(pair[1], "stay"))), None)


def _ways(sheet: Sheet, question: Unresolved, stay: Stay | None, *, paired: bool) -> Iterator[Way]:
    """The likeliest answer first."""
    if paired:
        yield Way.INVERT
    if question.reason is Reason.NO_EXIT:
        yield Way.LEFT
    if question.reason is Reason.NO_ENTRY:
        yield Way.CAME
    if question.reason not in (Reason.NO_ENTRY, Reason.NONE) and stay is not None and stay.until_ms and stay.id not in sheet.verified:
        yield Way.RECORDED
    elif question.reason not in OF_THE_DAY:  # to note these would change nothing
        yield Way.NOTED
    if _marks(sheet, question, stay):
        yield Way.NOT_MINE


def _at_ms(school: School, place: Place, question: Unresolved, stay: Stay | None) -> int:
    """A departure is presumed at the end of the hours, an arrival at their beginning."""
    if question.reason is not Reason.NO_ENTRY:
        return stay.until_ms if stay is not None and stay.until_ms else question.at_ms
    programme = school.programmes[place.programme]
    spans = spans_around(programme.windows, day_coded(place.day), school.sites[programme.site].zone)
    begun = [start_ms for start_ms, end_ms in spans if start_ms < question.at_ms < end_ms + REACH_MS]
    return begun[-1] if begun else question.at_ms - HOUR_MS


def _noted(school: School, ask: int, staff: Staff, question: Unresolved) -> Facts:
    """Who noted it and when stands in the journal; of no programme, so that there is nothing to undo."""
    site = school.sites.get(question.site)
    day = day_code(day_of(question.at_ms, site.zone)) if site else 0
    head = Corrected(ask, Act.VERIFY, question.pupil, 0, day, staff.who, staff.reason, staff.now_ms)
    return (head, Resolved(ask, question.item))
