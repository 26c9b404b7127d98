"""What is proved of the days in a journal: stays, what scans and staff say of them, scans themselves, questions for staff.

Like moneyproofs.py: reckoned from the facts alone, held against the books at the end, complaints and never a failure.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec import Struct

from hub.core import facts as f
from hub.core.books import Books
from hub.core.calendar import MINUTE_MS
from hub.core.codes import Justification, Reason
from hub.core.entrance import Morning
from hub.core.moneyproofs import Charges, Sees, differ
from hub.core.sheets import Sheet


class Recorded(Struct, frozen=True, gc=False):
    """A stay as it is recorded now; `until_ms` 0: open."""

    pupil: int
    programme: int
    day: int
    from_ms: int
    until_ms: int = 0
    reason: Reason = Reason.NONE


class Stays:
    """Opened once, ended once, after they began."""

    topic = "stays"
    advice = "Ask who was there that day, and look at the pupil's page; what is billed for that day needs a look as well."

    def __init__(self, charges: Charges) -> None:
        self._charges = charges
        self._stays: dict[int, Recorded] = {}
        self._inside: dict[tuple[int, int, int], int] = {}
        """(pupil, programme, day) -> open stay."""
        self._absent: dict[tuple[int, int, int], None] = {}
        """(pupil, programme, day)."""
        self._voided = 0
        self._by_staff = 0
        """The last ask by which staff corrected something: a stay may begin at another time then."""

    @property
    def sees(self) -> Sees:
        said: Sees = {f.AbsenceMarked: self._missed, f.Corrected: self._corrected}
        return {f.StayOpened: self._opened, f.StayClosed: self._closed, f.StayVoided: self._gone, **said}

    def _corrected(self, fact: f.Corrected) -> Iterable[str]:
        self._by_staff = fact.ask
        return ()

    def _opened(self, fact: f.StayOpened) -> Iterator[str]:
        key = (fact.pupil, fact.programme, fact.day)
        before = self._stays.get(fact.stay)
        if before is not None and (before.until_ms or fact.ask != self._by_staff):
            yield f"stay {fact.stay} of pupil {fact.pupil} begins a second time"
        elif self._inside.get(key, fact.stay) != fact.stay:
            yield f"pupil {fact.pupil} is in twice at programme {fact.programme}: stays {self._inside[key]} and {fact.stay}"
        self._inside[key] = fact.stay
        self._stays[fact.stay] = Recorded(*key, fact.at_ms)

    def _closed(self, fact: f.StayClosed) -> Iterator[str]:
        key, before = (fact.pupil, fact.programme, fact.day), self._stays.get(fact.stay)
        if before is not None and before.until_ms:
            yield f"stay {fact.stay} of pupil {fact.pupil} ends a second time"
        elif before is not None and before.from_ms != fact.from_ms and fact.ask != self._by_staff:
            yield f"stay {fact.stay} of pupil {fact.pupil} ends, and began at another time"
        if before is not None and (before.pupil, before.programme, before.day) != key:
            yield f"stay {fact.stay} ends for pupil {fact.pupil}, and another one began under this number"
        if fact.at_ms < fact.from_ms:
            yield f"stay {fact.stay} of pupil {fact.pupil} ends before it begins"
        self._left(key, fact.stay)
        self._stays[fact.stay] = Recorded(*key, fact.from_ms, fact.at_ms, fact.reason)

    def _gone(self, fact: f.StayVoided) -> Iterator[str]:
        self._voided += 1
        self._left((fact.pupil, fact.programme, fact.day), fact.stay)
        if self._stays.pop(fact.stay, None) is None:
            yield f"stay {fact.stay} of pupil {fact.pupil} is voided, and was not there"

    def _left(self, key: tuple[int, int, int], stay: int) -> None:
        if self._inside.get(key) == stay:
            del self._inside[key]

    def _missed(self, fact: f.AbsenceMarked) -> Iterable[str]:
        key = (fact.pupil, fact.programme, fact.day)
        if fact.absence:
            self._absent[key] = None
        else:
            self._absent.pop(key, None)
        return ()

    def end(self, books: Books) -> Iterator[str]:
        days = {(one.pupil, one.day) for one in self._stays.values()} | {(pupil, day) for pupil, _, day in self._absent}
        for stay, charge in self._charges.standing.items():
            one = self._charges.known[charge]
            if (one.pupil, one.day) not in days:
                yield f"charge {charge} stands for stay {stay}, and pupil {one.pupil} was neither there nor marked absent on {one.day}"
        theirs = {
            one.id: Recorded(one.pupil, one.programme, one.day, one.from_ms, one.until_ms, one.reason)
            for sheet in _sheets(books).values()
            for one in sheet.stays.values()
        }
        yield from differ("stay", {stay: one for stay, one in self._stays.items() if _kept(books, one.day)}, theirs)
        inside = {stay.id: (pupil, programme) for pupil, stays in books.inside.items() for programme, stay in stays.items()}
        yield from differ("who is in by stay", {stay: key[:2] for key, stay in self._inside.items()}, inside)

    def sentence(self) -> str:
        return (
            f"{len(self._stays)} stays, none begins or ends twice or ends before it begins; {len(self._inside)} open, {self._voided} "
            f"voided; a charge for each only of who was there or marked absent"
        )


class Sheets:
    """What counts for a pupil's day: scans, what staff say of it, and when it is over."""

    topic = "days"
    advice = "Look at the pupil's day, and correct it again where it is wrong."

    def __init__(self) -> None:
        self._marks: dict[int, f.Marked] = {}
        self._said: dict[tuple[int, int, int], _Said] = {}
        """(pupil, programme, day) -> what staff said."""
        self._acts: dict[int, f.Corrected] = {}
        """By ask; what was undone is out."""
        self._author = (0, 0)
        """Ask and author of the last correction: what it costs is booked by the same person."""
        self._corrections = 0
        self._closed: dict[int, int] = {}
        """Site -> last day that is closed."""
        self._settled: dict[int, int] = {}
        """Programme -> last day that is settled."""

    @property
    def sees(self) -> Sees:
        said: Sees = dict.fromkeys((f.StayVerified, f.AbsenceMarked, f.StaySplit), self._told)
        ends: Sees = {f.DayClosed: self._over, f.SettlementDone: self._run}
        costs: Sees = {f.Charged: self._costs, f.Reversed: self._costs}
        return {f.Marked: self._marked, f.Corrected: self._corrected, **said, **ends, **costs}

    def _marked(self, fact: f.Marked) -> Iterator[str]:
        before = self._marks.get(fact.mark)
        if before is not None and before.pupil != fact.pupil:
            yield f"scan {fact.mark} counts for pupils {before.pupil} and {fact.pupil}"
        self._marks[fact.mark] = fact

    def _corrected(self, fact: f.Corrected) -> Iterator[str]:
        self._corrections += 1
        if not fact.who:
            yield f"pupil {fact.pupil} is corrected on {fact.day} by nobody"
        undone = self._acts.pop(fact.undone, None) if fact.undone else fact
        if undone is None or undone.who != fact.who:
            yield f"correction {fact.undone} is undone, and {'another person made it' if undone else 'does not stand'}"
        if not fact.undone:
            self._acts[fact.ask] = fact
        self._author = (fact.ask, fact.who)

    def _costs(self, fact: f.Charged | f.Reversed) -> Iterator[str]:
        ask, who = self._author
        if fact.who and fact.ask == ask and fact.who != who:
            yield f"charge {fact.charge} is changed by {fact.who} in a correction of {who}"

    def _told(self, fact: f.StayVerified | f.AbsenceMarked | f.StaySplit) -> Iterable[str]:
        said = self._said.setdefault((fact.pupil, fact.programme, fact.day), _Said())
        match fact:
            case f.StayVerified():
                said.verified = said.verified | {fact.stay} if fact.verified else said.verified - {fact.stay}
            case f.AbsenceMarked():
                said.absence = (fact.absence, fact.percent, fact.cents) if fact.absence else None
            case f.StaySplit():
                said.split = fact.split
        return ()

    def _over(self, fact: f.DayClosed) -> Iterator[str]:
        last = self._closed.get(fact.site, 0)
        if fact.day <= last:
            yield f"{fact.day} is closed at site {fact.site}, where {last} is closed already"
        self._closed[fact.site] = fact.day

    def _run(self, fact: f.SettlementDone) -> Iterator[str]:
        if fact.through_day > self._closed.get(fact.site, 0):
            yield f"programme {fact.programme} is settled through {fact.through_day}, which is not closed at site {fact.site}"
        self._settled[fact.programme] = max(fact.through_day, self._settled.get(fact.programme, 0))

    def end(self, books: Books) -> Iterator[str]:
        sheets = _sheets(books)
        marked = {
            mark: (fact.pupil, fact.programme, fact.day, fact.at_ms, fact.direction, fact.lit, fact.void)
            for mark, fact in self._marks.items()
            if _kept(books, fact.day)
        }
        marks = (
            ((*key, one.at_ms, one.direction, one.lit, one.void), one.id) for key, each in sheets.items() for one in each.marks.values()
        )
        yield from differ("what counts of scan", marked, {mark: what for what, mark in marks})
        said = {key: one.told for key, one in self._said.items() if _kept(books, key[2]) and one != _Said()}
        told = {
            key: (each.verified, msgspec.structs.astuple(each.absence) if each.absence else None, each.split)
            for key, each in sheets.items()
        }
        yield from differ("what staff said of", said, {key: one for key, one in told.items() if one != _Said().told})
        yield from differ("the last closed day of site", self._closed, books.closed)
        yield from differ("the last settled day of programme", self._settled, books.settled)

    def sentence(self) -> str:
        return (
            f"{len(self._marks)} scans count for a pupil's day; {self._corrections} corrections, each by somebody; "
            f"days closed at {len(self._closed)} sites, one after the other, and before {len(self._settled)} programmes were settled"
        )


class _Said(Struct, gc=False):
    """What staff said of a pupil's day."""

    verified: frozenset[int] = frozenset()
    absence: tuple[int, int, int] | None = None
    split: bool | None = None

    @property
    def told(self) -> tuple[frozenset[int], tuple[int, int, int] | None, bool | None]:
        return self.verified, self.absence, self.split


class Mornings:
    """Who was late, who did not come, and what staff say of it."""

    topic = "class mornings"
    advice = "Look at the class's mornings, and say again what is known of them."

    def __init__(self) -> None:
        self._noted: dict[tuple[int, int], tuple[int, ...]] = {}
        """(pupil, day) -> site, hours, arrival, minutes late."""
        self._said: dict[tuple[int, int], tuple[str, str, int]] = {}
        self._passes: dict[int, tuple[int, int, int]] = {}
        """Scan -> pupil, site, day."""
        self._rolls: dict[int, int] = {}
        """Site -> instant up to which absences are noted."""
        self._missing: tuple[int, int, int] = (0, 0, 0)
        """How many are noted as missing by an ask at a site: ask, site, number."""

    @property
    def sees(self) -> Sees:
        notes: Sees = {f.MorningNoted: self._morning, f.MorningJustified: self._justified}
        return {f.EntrancePassed: self._passed, **notes, f.RollTaken: self._roll}

    def _passed(self, fact: f.EntrancePassed) -> Iterator[str]:
        if fact.ask in self._passes:
            yield f"pupil {fact.pupil} passes the entrance a second time by one scan"
        self._passes[fact.ask] = (fact.pupil, fact.site, fact.day)

    def _morning(self, fact: f.MorningNoted) -> Iterator[str]:
        late_min = -((fact.begins_ms - fact.arrived_ms) // MINUTE_MS) if fact.arrived_ms > fact.late_ms else 0
        if fact.late_min != late_min or fact.arrived_ms >= fact.ends_ms or not fact.begins_ms <= fact.late_ms:
            yield f"pupil {fact.pupil} is noted {fact.late_min} minutes late on {fact.day}, by its arrival it is {late_min}"
        ask, site, missing = self._missing
        before = missing if (ask, site) == (fact.ask, fact.site) else 0
        self._missing = (fact.ask, fact.site, before + (not fact.arrived_ms))
        self._noted[fact.pupil, fact.day] = _morning(fact)

    def _justified(self, fact: f.MorningJustified) -> Iterator[str]:
        if not fact.who or (fact.state is Justification.JUSTIFIED and not fact.excuse):
            yield f"the morning of pupil {fact.pupil} on {fact.day} is {fact.state} by nobody, or without an excuse"
        self._said[fact.pupil, fact.day] = (fact.state, fact.excuse, fact.document)

    def _roll(self, fact: f.RollTaken) -> Iterator[str]:
        ask, site, missing = self._missing
        found = missing if (ask, site) == (fact.ask, fact.site) else 0
        if fact.absent != found:
            yield f"{fact.absent} are absent at roll call on {fact.day} at site {fact.site}, {found} are noted"
        if fact.through_ms <= self._rolls.get(fact.site, 0):
            yield f"the roll of {fact.day} at site {fact.site} was called before"
        self._rolls[fact.site] = fact.through_ms

    def end(self, books: Books) -> Iterator[str]:
        entrance = books.entrance
        noted = {(pupil, day): _morning(one) for day, pupils in entrance.mornings.items() for pupil, one in pupils.items()}
        yield from differ("the morning of", _of_kept(books, self._noted), _of_kept(books, noted))
        said = {
            (pupil, day): (one.state, one.excuse, one.document) for day, pupils in entrance.said.items() for pupil, one in pupils.items()
        }
        yield from differ("what staff said of the morning of", _of_kept(books, self._said), _of_kept(books, said))
        passes = {
            one.id: (pupil, one.site, day)
            for day, pupils in entrance.passes.items()
            for pupil, each in pupils.items()
            for one in each
            if _kept(books, day)
        }
        yield from differ("entrance scan", {ask: one for ask, one in self._passes.items() if _kept(books, one[2])}, passes)
        yield from differ("the last roll call of site", self._rolls, entrance.rolls)

    def sentence(self) -> str:
        return f"{len(self._passes)} scans at entrances; {len(self._noted)} mornings late or missed, {len(self._said)} of them explained"


def _morning(one: f.MorningNoted | Morning) -> tuple[int, ...]:
    return one.site, one.begins_ms, one.late_ms, one.ends_ms, one.arrived_ms, one.late_min


def _of_kept(books: Books, found: Mapping[tuple[int, int], object]) -> dict[tuple[int, int], object]:
    """What there is by (pupil, day), of the days that are kept."""
    return {key: one for key, one in found.items() if _kept(books, key[1])}


def _kept(books: Books, day: int) -> bool:
    """Whether the books still keep a day; stays of older journals have day 0."""
    return day > books.forgotten or not books.forgotten


def _sheets(books: Books) -> dict[tuple[int, int, int], Sheet]:
    """(pupil, programme, day) -> sheet, of the days that are kept."""
    days = ((day, pupil, sheets) for day, pupils in books.days.items() if _kept(books, day) for pupil, sheets in pupils.items())
    return {(pupil, programme, day): sheet for day, pupil, sheets in days for programme, sheet in sheets.items()}


class Scans:
    """What each device has read, in its own numbers."""

    topic = "scans"
    advice = "A device sends again what the hub does not have: leave it switched on and connected, and check again."

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], int] = {}
        """(device, incarnation) -> last record."""
        self._holes: dict[tuple[str, str], list[tuple[int, int]]] = {}
        """What is declared lost, from a record to another."""
        self._found: set[tuple[str, str, int]] = set()
        """What turned up again all the same."""
        self._scans = 0
        self._lost = 0

    @property
    def sees(self) -> Sees:
        return {f.ScanTaken: self._scan, f.HoleDeclared: self._hole, f.ShownBooked: self._shown}

    def _scan(self, fact: f.ScanTaken) -> Iterator[str]:
        self._scans += 1
        key, n = (fact.device, fact.inc), fact.n
        last = self._last.get(key, 0)
        if n > last + 1:
            yield f"record {n} of {fact.device} ({fact.inc[:6]}) follows record {last}, and no hole is declared"
        elif n <= last and ((*key, n) in self._found or not any(first <= n <= end for first, end in self._holes.get(key, ()))):
            yield f"record {n} of {fact.device} ({fact.inc[:6]}) is taken a second time"
        elif n <= last:
            self._found.add((*key, n))
        self._last[key] = max(last, n)

    def _hole(self, fact: f.HoleDeclared) -> Iterator[str]:
        key = (fact.device, fact.inc)
        last = self._last.get(key, 0)
        if not (fact.n <= last + 1 and last < fact.to_n):
            yield f"the hole {fact.n} to {fact.to_n} of {fact.device} ({fact.inc[:6]}) does not follow record {last}"
        else:
            self._lost += fact.to_n - last
            self._holes.setdefault(key, []).append((last + 1, fact.to_n))
        self._last[key] = max(last, fact.to_n)

    def _shown(self, fact: f.ShownBooked) -> Iterator[str]:
        if fact.n > self._last.get((fact.device, fact.inc), 0):
            yield f"{fact.device} ({fact.inc[:6]}) tells what it lit for record {fact.n}, which was never taken"

    def end(self, books: Books) -> Iterator[str]:
        theirs = {(device, inc): line.n for device, lives in books.lines.items() for inc, line in lives.items()}
        yield from differ("the last record of (device, life)", self._last, theirs)

    def sentence(self) -> str:
        lost = f"{self._lost} declared lost, {len(self._found)} of them found again"
        return f"{self._scans} scans in {len(self._last)} lives of devices, each number once and in order; {lost}"


class Questions:
    """What staff are asked."""

    topic = "questions"
    advice = "Answer what is open by hand: the list of questions may be wrong."

    def __init__(self) -> None:
        self._open: dict[int, None] = {}
        self._answered = 0

    @property
    def sees(self) -> Sees:
        return {f.Unresolved: self._asked, f.Resolved: self._resolved}

    def _asked(self, fact: f.Unresolved) -> Iterator[str]:
        if fact.item in self._open:
            yield f"question {fact.item} is asked a second time"
        self._open[fact.item] = None

    def _resolved(self, fact: f.Resolved) -> Iterator[str]:
        self._answered += 1
        if fact.item not in self._open:
            yield f"question {fact.item} is answered, and nobody asked it"
        self._open.pop(fact.item, None)

    def end(self, books: Books) -> Iterator[str]:
        yield from differ("question", self._open, dict.fromkeys(books.unresolved))

    def sentence(self) -> str:
        return f"{self._answered} questions for staff were answered, {len(self._open)} are open"
