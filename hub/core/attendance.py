"""Presence in care and study: what a scan does to a pupil's day, and what the day then costs.

A day is worked out anew from all its scans (stays.py), and what is recorded is made equal to it by further facts: a stay that turns
out to be another one is voided, a charge that is not right any more is taken back whole and made again. So the order in which scans
arrive changes nothing, but for prices that look at siblings or at other programmes: those see what was known when they were made.
Care and study are always served: their charges never depend on a balance.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from msgspec import Struct

from hub.core.books import Books
from hub.core.calendar import MINUTE_MS, Span, day_code, day_coded, day_of, window_of
from hub.core.codes import Code, Reason
from hub.core.facts import Fact, Facts, Marked, Refusal, Resolved, StayClosed, StayOpened, StayVoided, Unresolved, derived
from hub.core.formulas import Session
from hub.core.payers import payer_on
from hub.core.school import Policy, Programme, Pupil, Scans, School, Site, Tariff
from hub.core.sheets import Line, Mark, Sheet, Stay
from hub.core.stays import REACH_MS, Reading, care_day, read
from hub.core.tap import Outcome, Tap
from hub.core.tariffs import Occasion, price, tariff_on
from hub.core.wallets import Sale, charge, reverse
from hub.core.whys import Why


class Care(Struct, frozen=True):
    """Whose day at which programme is worked out, and on whose behalf. `now_ms`: of the booking; hours may be over by then."""

    school: School
    ask: int
    pupil: Pupil
    site: Site
    programme: Programme
    day: int
    now_ms: int


def take(school: School, books: Books, tap: Tap) -> Outcome:
    """An arrival or a departure at the programme this reader is for."""
    programme = school.programme_for(tap.site.id, tap.reader.use)
    if programme is None:
        return Outcome(Code.CLOSED)
    care = _care(school, tap.ask, tap, programme)
    mark = Mark(tap.at_ms, tap.ask, tap.reader.direction, not tap.unlit)
    facts, found = _with(books, care, mark)
    return Outcome(found.codes[mark.id], (*_forgotten(school, books, care), *facts))


def unlit(school: School, books: Books, ask: int, tap: Tap) -> Facts:
    """A mark for which no yes was seen after all: the presence stays, and costs nothing until staff have verified it."""
    programme = school.programme_for(tap.site.id, tap.reader.use)
    if programme is None:
        return ()
    care = _care(school, ask, tap, programme)
    if tap.ask not in books.sheet(tap.pupil.id, programme.id, care.day).marks:
        return ()
    facts, _ = _with(books, care, Mark(tap.at_ms, tap.ask, tap.reader.direction, lit=False))
    return facts


def close_due(school: School, books: Books, ask: int, now_ms: int) -> Facts:
    """End every stay whose hours are over: silently where no exit is expected, else to be verified, and nothing charged."""
    due = (stay for stays in books.inside.values() for stay in stays.values() if now_ms >= _due_ms(school, stay))
    return tuple(fact for stay in due for fact in _ended(school, books, ask, stay, now_ms))


def _due_ms(school: School, stay: Stay) -> int:
    """When nobody waits for an exit any more. Asked of everybody who is in, each minute: no day is worked out for it."""
    return _hours_end_ms(school, stay) + (REACH_MS if school.programmes[stay.programme].scans is not Scans.ENTRY else 0)


def _hours_end_ms(school: School, stay: Stay) -> int:
    """When the hours that this stay began in are over; hours that touch are one."""
    span = window_of(school.programmes[stay.programme].windows, stay.from_ms, school.sites[stay.site].zone, REACH_MS // MINUTE_MS)
    return span[1] if span else stay.from_ms


def _forgotten(school: School, books: Books, care: Care) -> Facts:
    """A stay of an earlier day that nobody ended is ended now that its pupil is back."""
    stay = books.inside.get(care.pupil.id, {}).get(care.programme.id)
    return _ended(school, books, care.ask, stay, care.now_ms) if stay and stay.day < care.day else ()


def _ended(school: School, books: Books, ask: int, stay: Stay, now_ms: int) -> Facts:
    care = Care(school, ask, school.pupils[stay.pupil], school.sites[stay.site], school.programmes[stay.programme], stay.day, now_ms)
    if not stay.day:  # older journals kept no marks: there is nothing to read it from
        end_ms, asked = _hours_end_ms(school, stay), care.programme.scans is not Scans.ENTRY
        reason = Reason.NO_EXIT if asked else Reason.NONE
        closed = StayClosed(ask, stay.id, stay.pupil, stay.site, stay.programme, stay.from_ms, end_ms, reason)
        return (closed, _question(care, derived(stay.id, "no_exit"), stay.id, Code.IN, reason, end_ms)) if asked else (closed,)
    sheet = books.sheet(stay.pupil, stay.programme, stay.day)
    return _even(books, care, sheet.marks, read(care.programme, care.site.zone, care.day, sheet.marks.values()))


def _care(school: School, ask: int, tap: Tap, programme: Programme) -> Care:
    day = day_code(care_day(programme, tap.site.zone, tap.at_ms))
    return Care(school, ask, tap.pupil, tap.site, programme, day, tap.taken_ms)


def _with(books: Books, care: Care, mark: Mark) -> tuple[Facts, Reading]:
    """The facts that put one more mark (or the same one again) on its day, and what all marks mean then."""
    marks = {**books.sheet(care.pupil.id, care.programme.id, care.day).marks, mark.id: mark}
    found = read(care.programme, care.site.zone, care.day, marks.values())
    marked = Marked(care.ask, mark.id, care.pupil.id, care.site.id, care.programme.id, care.day, mark.at_ms, mark.direction, mark.lit)
    return (marked, *_even(books, care, marks, found)), found


# --- making what is recorded equal to what was read --------------------------------------------


def _even(books: Books, care: Care, marks: Mapping[int, Mark], found: Reading) -> Facts:
    """The facts that make the recorded day equal to this reading of it."""
    sheet = books.sheet(care.pupil.id, care.programme.id, care.day)
    since = books.inside.get(care.pupil.id, {}).get(care.programme.id)
    wanted = tuple(_stays(care, sheet, found, back=since is not None and since.day > care.day))
    return (
        *_money(books, care, sheet.lines, _due(books, care, sheet.lines, found), {stay.id for stay in wanted}),
        *_presence(care, sheet.stays, wanted),
        *_questions(books, care, marks, found, sheet.stays, wanted),
    )


def _stays(care: Care, sheet: Sheet, found: Reading, *, back: bool) -> Iterator[Stay]:
    """The visits as stays: what nobody ended is over when the hours are, or when its pupil is `back` on a later day, and stays over."""
    flagged = care.programme.scans is not Scans.ENTRY
    for place, visit in enumerate(found.visits, 1):
        stay, until_ms, reason = derived(visit.id, "stay"), visit.until_ms, Reason.NONE
        if not until_ms:
            known = sheet.stays.get(stay)
            due_ms = visit.span[1] + (REACH_MS if flagged else 0)
            over = back or place < len(found.visits) or not found.present or care.now_ms >= due_ms or (known is not None and known.until_ms)
            until_ms = max(visit.span[1], visit.from_ms) if over else 0
            reason = Reason.NO_EXIT if over and flagged else Reason.NONE
        yield Stay(stay, care.pupil.id, care.site.id, care.programme.id, visit.from_ms, care.day, until_ms, reason)


def _presence(care: Care, known: Mapping[int, Stay], wanted: tuple[Stay, ...]) -> Iterator[Fact]:
    keys = (care.pupil.id, care.site.id, care.programme.id)
    kept = {stay.id for stay in wanted if _same(known.get(stay.id), stay)}
    wrong = (stay for stay in known.values() if stay.id not in kept and (stay.until_ms or stay.id not in {one.id for one in wanted}))
    yield from (StayVoided(care.ask, stay.id, *keys, care.day) for stay in wrong)
    for stay in wanted:
        if stay.id in kept:
            continue
        if stay.until_ms:
            yield StayClosed(care.ask, stay.id, *keys, stay.from_ms, stay.until_ms, stay.reason, care.day)
        else:
            yield StayOpened(care.ask, stay.id, *keys, stay.from_ms, care.day)


def _same(known: Stay | None, stay: Stay) -> bool:
    return known is not None and (known.from_ms, known.until_ms, known.reason) == (stay.from_ms, stay.until_ms, stay.reason)


def _due(books: Books, care: Care, lines: Mapping[int, Line], found: Reading) -> dict[int, tuple[int, Why] | None]:
    """What each stay costs, by its id: those whose end was seen, and lit; a session once a day.

    None where it was charged for these very times: a price once made stands, whatever the tariff has become since.
    """
    due: dict[int, tuple[int, Why] | None] = {}
    at_once = care.programme.scans is Scans.ENTRY
    tariff = tariff_on(care.school, care.programme.id, day_coded(care.day))
    once = tariff is not None and any(isinstance(line.formula, Session) for line in tariff.lines)
    charged_cents = 0
    for visit in found.visits:
        if not visit.lit or not (visit.until_ms or at_once) or (due and once):
            continue
        to_ms = visit.from_ms if at_once else visit.until_ms
        stay = derived(visit.id, "stay")
        line = lines.get(stay)
        if line is not None and (line.from_ms, line.to_ms) == (visit.from_ms, to_ms):
            due[stay] = None
            charged_cents += line.cents
            continue
        cents, why = price(care.school, _occasion(books, care, tariff, (visit.from_ms, to_ms), charged_cents))
        if cents:
            due[stay] = (cents, why)
            charged_cents += cents
    return due


def _occasion(books: Books, care: Care, tariff: Tariff | None, span: Span, charged_cents: int) -> Occasion:
    """What is priced, with the siblings seen that day and what its tariff group has cost so far, where the tariff asks for them."""
    present = _seen(books, care, tariff) if tariff else frozenset()
    before_cents = charged_cents + _before_cents(books, care, tariff) if tariff and tariff.group else 0
    return Occasion(care.pupil, care.site, care.programme.id, *span, present, before_cents)


def _seen(books: Books, care: Care, tariff: Tariff) -> frozenset[int]:
    """The children of the same families who came that day, where the tariff asks for them."""
    if not any(line.siblings is not None and line.siblings.present for line in tariff.lines):
        return frozenset()
    households = {care.pupil.household, payer_on(care.school, care.pupil, care.programme.id, day_coded(care.day))}
    children = {child for household in households for child in care.school.kin.get(household, ())}
    return frozenset(child for child in children for programme in care.school.programmes if (child, programme, care.day) in books.sheets)


def _before_cents(books: Books, care: Care, tariff: Tariff) -> int:
    """What the tariff group has cost the pupil that day at other programmes; what was taken back does not count."""
    zone = care.site.zone
    same_day = (one for one in books.grouped.get((care.pupil.id, tariff.group), ()) if day_code(day_of(one.from_ms, zone)) == care.day)
    charges = (books.charges[one.charge] for one in same_day)
    return sum(one.cents for one in charges if not one.reversed and one.item != care.programme.id)


def _money(
    books: Books, care: Care, lines: Mapping[int, Line], due: Mapping[int, tuple[int, Why] | None], stays: AbstractSet[int]
) -> list[Fact]:
    """Charges that are not right any more are taken back whole, those that are missing are made (requirement M3)."""
    facts: list[Fact] = []
    for stay, line in lines.items():
        if due.get(stay, ()) is not None:
            reason = Reason.NOT_LIT if stay in stays - due.keys() else Reason.CORRECTED
            facts += reverse(care.ask, books.charges[line.charge], care.now_ms, reason)
    for stay, priced in due.items():
        if priced is not None:
            facts += _charged(books, care, stay, *priced, tuple(facts))
    return facts


def _charged(books: Books, care: Care, stay: int, cents: int, why: Why, earlier: Facts) -> Facts:
    day = day_coded(care.day)
    sale = Sale(care.pupil, care.site, care.programme.id, cents, why, Policy.MUST_SERVE, care.now_ms, day=day, stay=stay)
    booked = charge(care.school, books, care.ask, sale, earlier)
    assert not isinstance(booked, Refusal), "care is always served"
    return booked


def _questions(
    books: Books, care: Care, marks: Mapping[int, Mark], found: Reading, known: Mapping[int, Stay], wanted: tuple[Stay, ...]
) -> Iterator[Fact]:
    """Exits nobody saw are asked of staff; what a late scan answers is asked no more."""
    missing = {stay.id: stay for stay in wanted if stay.reason is Reason.NO_EXIT}
    for stay in known.keys() - missing.keys() if books.unresolved else ():
        yield from _answered(books, care, derived(stay, "no_exit"))
    for stay in missing.keys() - {one.id for one in known.values() if one.reason is Reason.NO_EXIT}:
        yield _question(care, derived(stay, "no_exit"), stay, Code.IN, Reason.NO_EXIT, missing[stay].until_ms)
    for mark in marks.values():
        alone = found.codes[mark.id] is Code.NO_ENTRY
        if not alone and books.unresolved:
            yield from _answered(books, care, derived(mark.id, "question"))
        elif alone and mark.id != care.ask and derived(mark.id, "question") not in books.unresolved:
            yield _question(care, derived(mark.id, "question"), mark.id, Code.NO_ENTRY, Reason.NO_ENTRY, mark.at_ms)


def _answered(books: Books, care: Care, item: int) -> Facts:
    asked = books.unresolved.get(item)
    return (Resolved(care.ask, item),) if asked and asked.reason in {Reason.NO_ENTRY, Reason.NO_EXIT} else ()


def _question(care: Care, item: int, subject: int, code: Code, reason: Reason, at_ms: int) -> Unresolved:
    return Unresolved(care.ask, item, subject, care.pupil.id, care.site.id, code, reason, at_ms)
