"""Presence in care and study: entries, exits, what a stay costs, and stays nobody ended.

A programme with exits is charged when the pupil leaves; one without is a session, charged on arrival. A session is charged once a
day, however often the pupil comes and goes. Care and study are always served: their charges never depend on a balance.
"""

from datetime import date

from hub.core.books import Books, Stay
from hub.core.calendar import MINUTE_MS, day_of, window_of
from hub.core.facts import Code, Facts, Reason, Refusal, Rule, StayClosed, StayOpened, Unresolved, derived
from hub.core.payers import payer_on
from hub.core.school import Policy, Programme, School, Site
from hub.core.tap import Outcome, Tap
from hub.core.tariffs import Occasion, price, tariff_on
from hub.core.wallets import Sale, charge
from proto.messages import Direction

RETAP_MS = 120_000
"""On a toggle reader a second tap within this time changes nothing (requirements, section 5; complaint C16)."""
EARLY_MIN = 90
"""A pupil may come this long before the hours, or leave this long after them, and still belong to them."""


def take(school: School, books: Books, tap: Tap) -> Outcome:
    """An arrival or a departure at the programme this reader is for."""
    programme = school.programme_for(tap.site.id, tap.reader.use)
    if programme is None:
        return Outcome(Code.CLOSED)
    if tap.at_ms < books.moved_ms.get((tap.pupil.id, programme.id), 0):
        return Outcome(Code.LATE_ORDER)
    stay = books.inside.get(tap.pupil.id, {}).get(programme.id)
    ended = _lapsed(programme, tap, stay)
    present = None if ended else stay
    if not ended and tap.reader.direction is Direction.TOGGLE and _retapped(books, tap, programme):
        return Outcome(Code.ALREADY_IN if present else Code.ALREADY_OUT)
    if tap.reader.direction is Direction.IN or (tap.reader.direction is Direction.TOGGLE and present is None):
        outcome = _arrive(school, books, tap, programme, present)
    else:
        outcome = _leave(school, books, tap, programme, present)
    return Outcome(outcome.code, ended + outcome.facts)


def close_due(school: School, books: Books, ask: int, now_ms: int) -> Facts:
    """End every stay whose hours are over: silently where no exit is expected, else to be verified, and nothing charged."""
    facts: Facts = ()
    for stays in books.inside.values():
        for stay in stays.values():
            programme, site = school.programmes[stay.programme], school.sites[stay.site]
            grace_ms = EARLY_MIN * MINUTE_MS if programme.needs_exit else 0
            if now_ms >= scheduled_end_ms(programme, site, stay) + grace_ms:
                facts += _end_unseen(ask, programme, site, stay)
    return facts


def scheduled_end_ms(programme: Programme, site: Site, stay: Stay) -> int:
    """When the hours that this stay began in are over; hours that touch are one."""
    span = window_of(programme.windows, stay.from_ms, site.zone, EARLY_MIN)
    return span[1] if span else stay.from_ms


def _arrive(school: School, books: Books, tap: Tap, programme: Programme, present: Stay | None) -> Outcome:
    if present is not None:
        return Outcome(Code.ALREADY_IN)
    if window_of(programme.windows, tap.at_ms, tap.site.zone, EARLY_MIN) is None:
        going = tap.reader.direction is Direction.TOGGLE and _has_left(books, tap, programme)
        return Outcome(Code.ALREADY_OUT if going else Code.CLOSED)
    opened = StayOpened(tap.ask, derived(tap.ask, "stay"), tap.pupil.id, tap.site.id, programme.id, tap.at_ms)
    paid = () if programme.needs_exit else _charged(school, books, tap, programme, tap.at_ms)
    return Outcome(Code.IN, (opened, *paid))


def _leave(school: School, books: Books, tap: Tap, programme: Programme, present: Stay | None) -> Outcome:
    if present is None:
        return Outcome(Code.ALREADY_OUT if _has_left(books, tap, programme) else Code.NO_ENTRY)
    closed = StayClosed(tap.ask, present.id, tap.pupil.id, tap.site.id, programme.id, present.from_ms, tap.at_ms)
    return Outcome(Code.OUT, (closed, *(_charged(school, books, tap, programme, present.from_ms) if programme.needs_exit else ())))


def _charged(school: School, books: Books, tap: Tap, programme: Programme, from_ms: int) -> Facts:
    """The charge of a stay that ends (or a session that begins) with this tap; none where the pupil saw no yes."""
    cents, why = price(school, _occasion(school, books, tap, programme, from_ms))
    if tap.unlit or cents == 0 or (why.rule is Rule.SESSION and _paid_today(books, tap, programme)):
        return ()
    booked = charge(school, books, tap.ask, Sale(tap.pupil, tap.site, programme.id, cents, why, Policy.MUST_SERVE, tap.at_ms))
    assert not isinstance(booked, Refusal), "care is always served"
    return booked


def _occasion(school: School, books: Books, tap: Tap, programme: Programme, from_ms: int) -> Occasion:
    """What is priced, with the siblings seen that day and what its tariff group has cost so far, where the tariff asks for them."""
    day = day_of(from_ms, tap.site.zone)
    tariff = tariff_on(school, programme.id, day)
    asks = tariff is not None and any(line.siblings is not None and line.siblings.present for line in tariff.lines)
    present = _seen(school, books, tap, programme, day) if asks else frozenset()
    before_cents = _before_cents(books, tap, tariff.group, day) if tariff is not None and tariff.group else 0
    return Occasion(tap.pupil, tap.site, programme.id, from_ms, tap.at_ms, present, before_cents)


def _seen(school: School, books: Books, tap: Tap, programme: Programme, day: date) -> frozenset[int]:
    """The children of the same families who came or went that day."""
    households = {tap.pupil.household, payer_on(school, tap.pupil, programme.id, day)}
    children = {child for household in households for child in school.kin.get(household, ())}
    moves = ((child, books.moved_ms.get((child, each))) for child in children for each in school.programmes)
    return frozenset(child for child, moved_ms in moves if moved_ms is not None and day_of(moved_ms, tap.site.zone) == day)


def _before_cents(books: Books, tap: Tap, group: int, day: date) -> int:
    """What the tariff group has cost the pupil that day already; what was taken back does not count."""
    found = (books.charges[one.charge] for one in books.grouped.get((tap.pupil.id, group), ()) if day_of(one.from_ms, tap.site.zone) == day)
    return sum(one.cents for one in found if not one.reversed)


def _retapped(books: Books, tap: Tap, programme: Programme) -> bool:
    moved_ms = books.moved_ms.get((tap.pupil.id, programme.id))
    return moved_ms is not None and tap.at_ms - moved_ms < RETAP_MS


def _has_left(books: Books, tap: Tap, programme: Programme) -> bool:
    """Whether an exit is no news: just seen, or of hours that end by themselves and the pupil was there today."""
    moved_ms = books.moved_ms.get((tap.pupil.id, programme.id))
    ended = moved_ms is not None and not programme.needs_exit and _same_day(moved_ms, tap)
    return ended or _retapped(books, tap, programme)


def _paid_today(books: Books, tap: Tap, programme: Programme) -> bool:
    _, charged_ms = books.charged.get((tap.pupil.id, programme.id), (0, None))
    return charged_ms is not None and _same_day(charged_ms, tap)


def _same_day(moment_ms: int, tap: Tap) -> bool:
    return day_of(moment_ms, tap.site.zone) == day_of(tap.at_ms, tap.site.zone)


def _lapsed(programme: Programme, tap: Tap, stay: Stay | None) -> Facts:
    """A stay of earlier hours that nobody ended is ended first, so that an arrival is not taken for its departure.

    It is of earlier hours when its own are long over, or when this tap, not on an exit reader, is nearer to the next ones.
    """
    if stay is None:
        return ()
    over_ms = tap.at_ms - scheduled_end_ms(programme, tap.site, stay)
    nearest = window_of(programme.windows, tap.at_ms, tap.site.zone, EARLY_MIN) if tap.reader.direction is not Direction.OUT else None
    arriving = over_ms >= 0 and nearest is not None and nearest[0] - tap.at_ms < over_ms
    return _end_unseen(tap.ask, programme, tap.site, stay) if arriving or over_ms >= EARLY_MIN * MINUTE_MS else ()


def _end_unseen(ask: int, programme: Programme, site: Site, stay: Stay) -> Facts:
    end_ms = max(scheduled_end_ms(programme, site, stay), stay.from_ms)
    reason = Reason.NO_EXIT if programme.needs_exit else Reason.NONE
    closed = StayClosed(ask, stay.id, stay.pupil, site.id, programme.id, stay.from_ms, end_ms, reason)
    if not programme.needs_exit:
        return (closed,)
    question = Unresolved(ask, derived(stay.id, "no_exit"), stay.id, stay.pupil, site.id, Code.IN, reason, end_ms)
    return (closed, question)
