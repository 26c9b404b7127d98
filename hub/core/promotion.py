"""The change of school year: each class goes on to the next one, leavers go; one edit, decided on the classes that were shown.

Who leaves is out of every class, the badges stop and nothing is planned any more; wallet and history stay until the rest is paid out.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from hub.core.facts import Refusal, derived
from hub.core.lists import MAX_NAME, by_name
from hub.core.school import Badge, BadgeState, Pupil, Row, Rows, School

LEAVES = ""
"""The next class of those who leave."""
LAST = 6
"""The last year of a primary school."""
_YEAR = re.compile(r"[1-9]")


@dataclass(frozen=True, slots=True)
class Year:
    """What the change is made with: the first day of the new year, its instant, and the id of the ask."""

    from_day: date
    at_ms: int
    ask: int


def classes(school: School, sites: Collection[int], day: date) -> dict[tuple[int, str], tuple[Pupil, ...]]:
    """The pupils of each class (site, name) of these sites who are here on a day, by name."""
    found: dict[tuple[int, str], list[Pupil]] = {}
    for pupil in sorted(school.everyone, key=by_name):
        if pupil.group and pupil.site in sites and pupil.is_here(day):
            found.setdefault((pupil.site, pupil.group), []).append(pupil)
    return {key: tuple(found[key]) for key in sorted(found)}


def suggested(group: str) -> str:
    """The class after this one: `5B` is followed by `6B`, the last year leaves, and what has no year stays."""
    year = _YEAR.search(group)
    if year is None:
        return group
    number = int(year[0]) + 1
    return LEAVES if number > LAST else f"{group[: year.start()]}{number}{group[year.end() :]}"


def promote(
    school: School, shown: Mapping[tuple[int, str], frozenset[int]], following: Mapping[tuple[int, str], str], year: Year
) -> Rows | Refusal:
    """Everybody's next class at once. `shown`: who was in each class when it was looked at; `following`: its next class."""
    now = classes(school, {site for site, _ in shown}, year.from_day)
    if {key: frozenset(pupil.id for pupil in pupils) for key, pupils in now.items() if key in shown} != shown:
        return Refusal("changed_meanwhile")
    if any(len(name) > MAX_NAME for name in following.values()):
        return Refusal("too_long", {"most": MAX_NAME})
    moving = [(pupil, name) for key, name in following.items() for pupil in now.get(key, ()) if name != pupil.group]
    rows = (replace(pupil, group=name, left_day=year.from_day if name == LEAVES else pupil.left_day) for pupil, name in moving)
    leavers = {pupil.id for pupil, name in moving if name == LEAVES}
    return (*rows, *_left(school, leavers, year)) or Refusal("nothing_changes")


def _left(school: School, leavers: Collection[int], year: Year) -> Iterator[Row]:
    for plan in (plan for pupil in leavers for plan in school.plans.get(pupil, ())):
        if plan.until_day is None or plan.until_day > year.from_day:
            yield replace(plan, until_day=max(plan.from_day, year.from_day))
    for badge in (badge for states in school.badges.values() for badge in states if badge.pupil in leavers):
        if badge.state is BadgeState.ACTIVE and not badge.until_ms:
            yield from _stopped(badge, year)


def _stopped(badge: Badge, year: Year) -> tuple[Badge, Badge]:
    """The badge is blocked from the instant of the change on."""
    blocked = replace(badge, id=derived(year.ask, badge.hash), state=BadgeState.BLOCKED, from_ms=year.at_ms)
    return replace(badge, until_ms=year.at_ms), blocked
