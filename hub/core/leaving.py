"""A pupil who leaves the school: from a day on nobody expects, promotes or counts the child any more, and its badges stop.

Nothing that was booked changes, and what is in a wallet stays there until it is paid out (transfers.py). Orders for later days stay too:
they are cancelled one by one, for what they cost depends on when that is done.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta

from hub.core.books import Books
from hub.core.calendar import day_coded, day_of, instant_ms
from hub.core.facts import Refusal, derived
from hub.core.school import Badge, BadgeState, Pupil, Row, Rows, School

FARTHEST = timedelta(days=800)
"""How far a day of leaving may be away: a year in which one is mistyped is not believed."""


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


def orders_after(books: Books, school: School, pupil: int, day: date) -> tuple[date, ...]:
    """The days from `day` on for which meals are ordered."""
    ids = set(school.ids_of(pupil))
    return tuple(sorted(day_coded(on) for who, _, on in books.meals if who in ids and day_coded(on) >= day))


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
