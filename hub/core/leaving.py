"""A pupil who leaves the school: from a day on nobody expects, promotes or counts the child any more, and its badges stop.

Nothing that was booked changes, and what is in a wallet stays there until it is paid out (transfers.py). Orders for later days are
cancelled as the family could still do it (canteen.py), and paid back; what it is too late for is left to staff.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta

from msgspec import Struct

from hub.core import canteen
from hub.core.books import Books
from hub.core.calendar import day_code, day_of, instant_ms
from hub.core.canteen import Wish
from hub.core.codes import By
from hub.core.facts import Facts, MealCancelled, Refusal, derived
from hub.core.school import Badge, BadgeState, Pupil, Row, Rows, School

FARTHEST = timedelta(days=800)
"""How far a day of leaving may be away: a year in which one is mistyped is not believed."""
AHEAD_DAYS = 366
"""How far ahead orders of who leaves are looked for; a canteen takes none for as long."""
_NO_ASK = 1
"""To ask a rule what it would say; nothing comes of it."""


class Late(Struct, frozen=True):
    """A meal of who leaves that cannot be cancelled in time any more: it is cooked, paid, and offered to who waits if staff cancel it."""

    site: int
    day: date
    product: int


def leave(school: School, pupil: int, day: date, same: Callable[[object], bool], now_ms: int) -> Rows | Refusal:
    """A pupil is of the school until the day before `day`; plans end then, and badges stop then or now. `same`: still as shown."""
    known = school.pupils[pupil]
    if not same(known):
        return Refusal("changed_meanwhile")
    if abs(day - day_of(now_ms, school.sites[known.site].zone)) > FARTHEST:
        return Refusal("no_leaving_day")
    gone = replace(known, left_day=day)
    return (gone, *_plans(school, gone, day), *_badges(school, gone, now_ms))


def come_back(school: School, pupil: int, same: Callable[[object], bool]) -> Rows | Refusal:
    """The pupil does not leave after all. Plans that have ended and badges that have stopped are given anew."""
    known = school.pupils[pupil]
    return (replace(known, left_day=None),) if same(known) else Refusal("changed_meanwhile")


def left_by(school: School, now_ms: int) -> Rows:
    """The badges that stop because their pupils' day of leaving has come; asked for every minute."""
    rows: list[Row] = []
    for states in school.badges.values():
        pupil = school.pupils.get(states[-1].pupil)
        if pupil is not None and pupil.left_day is not None:
            rows += _stopped(school, pupil, states[-1], now_ms)
    return tuple(rows)


def call_off(school: School, books: Books, ask: int, pupil: int, since: date, now_ms: int, who: int) -> Facts:
    """Cancel what a pupil has ordered from a day on, where that is still in time, and pay it back; it waits for no meal any more."""
    found: Facts = ()
    for wish in _wishes(school, books, pupil, since, now_ms, who):
        done = canteen.cancel(school, books, ask, wish)
        if not isinstance(done, Refusal) and not _is_late(done):
            found += done
        waited = canteen.leave(school, books, ask, wish)
        found += () if isinstance(waited, Refusal) else waited
    return found


def too_late(school: School, books: Books, pupil: int, since: date, now_ms: int) -> tuple[Late, ...]:
    """The orders that `call_off` leaves where they are, by day."""
    found = []
    for wish in _wishes(school, books, pupil, since, now_ms, 0):
        meal, done = books.meals.get((wish.pupil, wish.site, day_code(wish.day))), canteen.cancel(school, books, _NO_ASK, wish)
        if meal is not None and not isinstance(done, Refusal) and _is_late(done):
            found.append(Late(wish.site, wish.day, meal.product))
    return tuple(sorted(found, key=lambda each: (each.day, each.site)))


def _wishes(school: School, books: Books, pupil: int, since: date, now_ms: int, who: int) -> Iterator[Wish]:
    """Whatever is ordered, or waited for, from a day on, but not before today."""
    ids = school.ids_of(pupil)
    waits = {(number, *place) for place, waiting in books.waiting.items() for number in ids if number in waiting}
    for site in school.sites.values():
        for day, code in _ahead(max(since, day_of(now_ms, site.zone))):
            for number in ids:
                place = number, site.id, code
                if place in books.meals or place in waits:
                    yield Wish(number, site.id, day, By.STAFF, now_ms, who)


@functools.lru_cache(maxsize=4)  # asked for at every site, of every pupil of the classes that leave together
def _ahead(first: date) -> tuple[tuple[date, int], ...]:
    """The days from one on, and as facts have them."""
    days = [first + timedelta(days=ahead) for ahead in range(AHEAD_DAYS)]
    return tuple((day, day_code(day)) for day in days)


def _is_late(cancelled: Facts) -> bool:
    return any(isinstance(fact, MealCancelled) and fact.late for fact in cancelled)


def _plans(school: School, pupil: Pupil, day: date) -> Iterator[Row]:
    for plan in school.plans.get(pupil.id, ()):
        if plan.until_day is None or plan.until_day > day:
            yield replace(plan, until_day=max(plan.from_day, day))


def _badges(school: School, pupil: Pupil, now_ms: int) -> Iterator[Row]:
    for badge in school.badges_of(pupil.id):
        yield from _stopped(school, pupil, badge, now_ms)


def _stopped(school: School, pupil: Pupil, badge: Badge, now_ms: int) -> tuple[Badge, ...]:
    """A badge is blocked from the day of leaving on: from its first instant, if that is noticed within the day, else from now on."""
    assert pupil.left_day is not None, "who leaves has a day"
    begins_ms = instant_ms(pupil.left_day, 0, school.sites[pupil.site].zone)
    if badge.state is not BadgeState.ACTIVE or begins_ms > now_ms or (badge.until_ms and badge.until_ms <= now_ms):
        return ()
    at_ms = max(begins_ms, badge.from_ms + 1) if now_ms - begins_ms < 24 * 3_600_000 else now_ms
    blocked = replace(badge, id=derived(badge.id, "left"), state=BadgeState.BLOCKED, from_ms=at_ms, until_ms=0)
    return replace(badge, until_ms=at_ms), blocked
