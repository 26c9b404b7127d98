"""What staff correct in a pupil's day: each act is further facts with its author and reason, and the last one can be undone.

Scans are never changed: a mark that counts no more stays where it is. Money follows the day (dues.py). Notes live in the register.
"""

from collections.abc import Iterable
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from hub.core import mornings
from hub.core.attendance import Change, evened, evened_together, marked, put_marks
from hub.core.books import Books
from hub.core.calendar import day_code, day_coded
from hub.core.codes import Act, Code, Reason
from hub.core.days import as_run_on
from hub.core.dues import Day
from hub.core.facts import AbsenceMarked, Corrected, Facts, Refusal, Resolved, StaySplit, StayVerified, derived
from hub.core.school import Programme, School
from hub.core.sheets import Absence, Mark, Said, Sheet, SheetKey, StaffAct
from hub.core.stays import Reading, care_day
from proto.messages import Direction

UNDO_MS = 5 * 60_000
"""How long the last act may be undone (S39 to S47, P1)."""
FOR_STAFF = frozenset({Reason.OFFLINE, Reason.NOT_LIT})
"""Reasons of questions about a scan that only a person answers."""


class Staff(Struct, frozen=True):
    """Who corrects, why, and when."""

    who: int
    reason: Reason
    now_ms: int


class Place(Struct, frozen=True):
    """Whose day (YYYYMMDD) at which programme."""

    pupil: int
    programme: int
    day: int


class Moment(Struct, frozen=True):
    """A pupil at a programme at an instant (Unix ms)."""

    pupil: int
    programme: int
    at_ms: int


def add(school: School, books: Books, ask: int, staff: Staff, moment: Moment, direction: Direction) -> Facts | Refusal:
    """A coming or going that no scan tells of."""
    place = _place(school, staff, moment)
    if isinstance(place, Refusal):
        return place
    day = _day(school, books, ask, staff, place)
    if isinstance(day, Refusal):
        return day
    programme = day.school.programmes[place.programme]
    mark = Mark(moment.at_ms, derived(ask, "mark"), direction)
    head = _head(ask, Act.ADD, staff, place)
    facts, found = marked(day, programme, mark, earlier=(head,))
    return _useless(found, mark) or _with_mornings(day, (head, *facts))


def void(school: School, books: Books, ask: int, staff: Staff, place: Place, mark: int) -> Facts | Refusal:
    """A mark that does not count: a badge held for fun, by somebody else, twice."""
    day, known = _day(school, books, ask, staff, place), _mark(books, place, mark)
    if isinstance(day, Refusal):
        return day
    if known is None:
        return Refusal("no_such_mark")
    head = _head(ask, Act.VOID, staff, place)
    facts, _ = marked(day, day.school.programmes[place.programme], _voided(known), earlier=(head,))
    return _with_mornings(day, (head, *facts))


def disown(school: School, books: Books, ask: int, staff: Staff, place: Place, marks: tuple[int, ...]) -> Facts | Refusal:
    """Marks of one day that are not this pupil's: none of them counts, and nobody is asked about them any more."""
    day, known = _day(school, books, ask, staff, place), [_mark(books, place, mark) for mark in marks]
    if isinstance(day, Refusal):
        return day
    gone = [_voided(mark) for mark in known if mark is not None]
    if not gone or len(gone) != len(marks):
        return Refusal("no_such_mark")
    head = _head(ask, Act.VOID, staff, place)
    facts, _ = marked(day, day.school.programmes[place.programme], *gone, earlier=(head,))
    return (*_with_mornings(day, (head, *facts)), *_answered(books, ask, set(marks)))


def move(school: School, books: Books, ask: int, staff: Staff, place: Place, mark: int, to: Moment) -> Facts | Refusal:
    """The mark was at another time, at another programme, or another pupil's."""
    day, known, target = _day(school, books, ask, staff, place), _mark(books, place, mark), _place(school, staff, to)
    if isinstance(day, Refusal):
        return day
    if isinstance(target, Refusal):
        return target
    if known is None:
        return Refusal("no_such_mark")
    head, programme = _head(ask, Act.MOVE, staff, place), day.school.programmes[place.programme]
    if target == place:
        moved = Mark(to.at_ms, known.id, known.direction, known.lit)
        facts, found = marked(day, programme, moved, earlier=(head,))
        return _useless(found, moved) or _with_mornings(day, (head, *facts))
    there = _day(school, books, ask, staff, target)
    if isinstance(there, Refusal):
        return there
    moved, goal = Mark(to.at_ms, derived(ask, "mark"), known.direction, known.lit), there.school.programmes[to.programme]
    gone, without = put_marks(day, programme, day.sheet(programme.id), _voided(known))
    come, beside = put_marks(there, goal, there.sheet(goal.id), moved)
    put = (head, *gone, *come)
    facts, readings = evened_together(((day, programme, without), (there, goal, beside)), put)
    return _useless(readings[1], moved) or _with_mornings(day, (*put, *facts))


def invert(school: School, books: Books, ask: int, staff: Staff, place: Place, marks: tuple[int, int]) -> Facts | Refusal:
    """The badge was held in and out the other way round."""
    day, known = _day(school, books, ask, staff, place), [_mark(books, place, mark) for mark in marks]
    if isinstance(day, Refusal):
        return day
    turned = [_turned(mark) for mark in known if mark is not None and mark.direction is not Direction.TOGGLE]
    if len(turned) != len(marks):
        return Refusal("no_such_pair")
    head = _head(ask, Act.INVERT, staff, place)
    facts, _ = marked(day, day.school.programmes[place.programme], *turned, earlier=(head,))
    return _with_mornings(day, (head, *facts))


def absent(school: School, books: Books, ask: int, staff: Staff, place: Place, absence: int) -> Facts | Refusal:
    """A pupil who was planned did not come, for this reason, which says what it costs; 0 takes it back."""
    day = _day(school, books, ask, staff, place)
    if isinstance(day, Refusal):
        return day
    reason, programme = school.absences.get(absence), day.school.programmes[place.programme]
    if absence and reason is None:
        return Refusal("no_such_absence")
    if absence and not school.is_planned(place.pupil, place.programme, day_coded(place.day)):
        return Refusal("not_planned", {"day": place.day})
    if absence and any(not mark.void for mark in day.sheet(place.programme).marks.values()):
        return Refusal("was_there", {"day": place.day})
    percent, cents = (reason.percent, reason.cents) if reason else (0, 0)
    head = _head(ask, Act.ABSENT, staff, place)
    told = AbsenceMarked(ask, place.pupil, programme.site, place.programme, place.day, absence, percent, cents)
    after = replace(day.sheet(place.programme), absence=Absence(absence, percent, cents) if absence else None)
    return (head, told, *evened(day, programme, after, (head, told))[0])


def verify(school: School, books: Books, ask: int, staff: Staff, place: Place, stay: int) -> Facts | Refusal:
    """A stay was as it is recorded, its presumed end included: it is charged, and nobody is asked any more."""
    day = _day(school, books, ask, staff, place)
    if isinstance(day, Refusal):
        return day
    sheet = day.sheet(place.programme)
    known = sheet.stays.get(stay)
    if known is None or not known.until_ms:
        return Refusal("no_such_stay" if known is None else "still_there")
    if stay in sheet.verified:
        return Refusal("already_verified")
    head, told = _head(ask, Act.VERIFY, staff, place), StayVerified(ask, stay, place.pupil, place.programme, place.day)
    after = replace(sheet, verified=sheet.verified | {stay})
    facts, _ = evened(day, day.school.programmes[place.programme], after, (head, told))
    return (head, told, *facts, *_answered(books, ask, sheet.marks))


def split(school: School, books: Books, ask: int, staff: Staff, place: Place, *, through: bool | None) -> Facts | Refusal:
    """Whether that day's stay goes through this inner programme: yes, no, or (None) as planned (requirement S44)."""
    day = _day(school, books, ask, staff, place)
    if isinstance(day, Refusal):
        return day
    programme = day.school.programmes[place.programme]
    if not programme.within:
        return Refusal("not_within")
    head, told = _head(ask, Act.SPLIT, staff, place), StaySplit(ask, place.pupil, place.programme, place.day, through)
    after = replace(day.sheet(place.programme), split=through)
    return (head, told, *evened(day, programme, after, (head, told))[0])


def undo(school: School, books: Books, ask: int, staff: Staff) -> Facts | Refusal:
    """Take the last act of this member of staff back, with its money, within `UNDO_MS`."""
    act = books.acts.get(staff.who)
    if act is None:
        return Refusal("nothing_to_undo")
    if staff.now_ms - act.at_ms > UNDO_MS:
        return Refusal("too_late", {"at_ms": act.at_ms})
    keys = dict.fromkeys((*act.sheets, *(key for key, _ in act.marks)))
    if not keys:
        return Refusal("nothing_to_undo")  # a question was noted
    facts: Facts = ()
    changes: list[Change] = []
    for key in keys:
        place = Place(*key)
        day = _day(school, books, ask, staff, place)
        if isinstance(day, Refusal):
            return day
        if not facts:
            facts = (Corrected(ask, Act.UNDO, *key, staff.who, Reason.UNDONE, staff.now_ms, act.ask),)
        told, after = _put_back(day, day.school.programmes[place.programme], key, act)
        facts += told
        changes.append((day, day.school.programmes[place.programme], after))
    return (*facts, *evened_together(changes, facts)[0], *mornings.corrected(school, books, facts, staff.now_ms))


def _put_back(day: Day, programme: Programme, key: SheetKey, act: StaffAct) -> tuple[Facts, Sheet]:
    """What makes one sheet again what it was before an act, and that sheet."""
    sheet, said = day.sheet(programme.id), act.sheets.get(key, Said())
    again = {stay for stay, was in said.verified.items() if was}
    verified = (sheet.verified - said.verified.keys()) | again  # of what colleagues have said since nothing changes
    (absence,), (was_split,) = said.absence or (sheet.absence,), said.split or (sheet.split,)
    place = (day.pupil.id, programme.id, day.day)
    facts: Facts = tuple(StayVerified(day.ask, stay, *place, verified=stay in verified) for stay in sorted(verified ^ sheet.verified))
    if absence != sheet.absence:
        was = absence or Absence(0, 0, 0)
        facts += (AbsenceMarked(day.ask, day.pupil.id, programme.site, programme.id, day.day, was.reason, was.percent, was.cents),)
    if was_split != sheet.split:
        facts += (StaySplit(day.ask, *place, was_split),)
    after = replace(sheet, verified=verified, absence=absence, split=was_split)
    marks = [_before(sheet, mark, act.marks[key, mark]) for its, mark in act.marks if its == key]
    put, after = put_marks(day, programme, after, *marks)
    return (*facts, *put), after


def _before(sheet: Sheet, mark: int, was: Mark | None) -> Mark:
    return was or _voided(sheet.marks[mark])


def wrong_ways(found: Reading, sheet: Sheet) -> list[tuple[int, int]]:
    """Pairs of marks to offer for inversion: an exit without an entry, then an entry without an exit (requirement P3)."""
    marks = sorted(mark for mark in sheet.marks.values() if not mark.void)
    never_left = {visit.id for visit in found.visits if not visit.until_ms}
    return [(one.id, other.id) for one, other in pairwise(marks) if found.codes[one.id] is Code.NO_ENTRY and other.id in never_left]


# --- whose day, and whether it may be corrected ---------------------------------------------------


def _place(school: School, staff: Staff, moment: Moment) -> Place | Refusal:
    programme = school.programmes.get(moment.programme)
    if programme is None:
        return Refusal("no_such_programme")
    if moment.at_ms > staff.now_ms:
        return Refusal("not_yet", {"at_ms": moment.at_ms})
    zone = school.sites[programme.site].zone
    return Place(moment.pupil, moment.programme, day_code(care_day(programme, zone, moment.at_ms)))


def _day(school: School, books: Books, ask: int, staff: Staff, place: Place) -> Day | Refusal:
    """The day to correct, if it is one that is kept, of a pupil and a programme that there are."""
    pupil, programme = school.as_entered(place.pupil), school.programmes.get(place.programme)
    if pupil is None or programme is None:
        return Refusal("no_such_pupil" if pupil is None else "no_such_programme")
    if place.day <= books.forgotten:
        return Refusal("too_old", {"day": place.day})
    then = as_run_on(school, day_coded(place.day))
    return Day(then, books, ask, pupil, school.sites[programme.site], place.day, staff.now_ms, who=staff.who)


def _mark(books: Books, place: Place, mark: int) -> Mark | None:
    """A mark that counts."""
    known = books.sheet(place.pupil, place.programme, place.day).marks.get(mark)
    return known if known is not None and not known.void else None


def _voided(mark: Mark) -> Mark:
    return Mark(mark.at_ms, mark.id, mark.direction, mark.lit, void=True)


def _turned(mark: Mark) -> Mark:
    """The same mark the other way round."""
    turned = Direction.OUT if mark.direction is Direction.IN else Direction.IN
    return Mark(mark.at_ms, mark.id, turned, mark.lit, mark.void)


def _useless(found: Reading, mark: Mark) -> Refusal | None:
    """A mark of staff that would do nothing is a mistake, and said at once."""
    code = found.codes[mark.id]
    return None if code in {Code.IN, Code.OUT} else Refusal(f"would_be_{code}", {"at_ms": mark.at_ms})


def _head(ask: int, act: Act, staff: Staff, place: Place) -> Corrected:
    return Corrected(ask, act, place.pupil, place.programme, place.day, staff.who, staff.reason, staff.now_ms)


def _with_mornings(day: Day, facts: Facts) -> Facts:
    """The facts of an act, and what its marks tell of class mornings."""
    return (*facts, *mornings.corrected(day.school, day.books, facts, day.now_ms))


def _answered(books: Books, ask: int, marks: Iterable[int]) -> Facts:
    """What was asked about scans that staff have spoken of."""
    items = (derived(part, "question") for mark in marks for part in (mark, derived(mark, "shown")))
    return tuple(Resolved(ask, item) for item in items if item in books.unresolved and books.unresolved[item].reason in FOR_STAFF)
