"""The change of school year: each class goes on to the next one, leavers go; one edit, decided on the classes that were shown.

Who leaves is out of every class at once, and of the school from the next day on: the year is often changed on its last afternoon, when
leavers are still in care and have to get out by their badge. Then nothing is planned any more and badges stop (leaving.py); wallet and
history stay until the rest is paid out.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta

from hub.core.facts import Refusal
from hub.core.lists import MAX_NAME, by_name
from hub.core.school import Pupil, Row, Rows, School

LEAVES = ""
"""The next class of those who leave."""
LAST = 6
"""The last year of a primary school."""
NURSERY = {"M3": "P1", "K3": "L1"}
"""The last year of a nursery school, and the first one of a primary school that follows it (maternelle, kleuter)."""
_YEAR = re.compile(r"[1-9]")


def classes(school: School, sites: Collection[int], day: date) -> dict[tuple[int, str], tuple[Pupil, ...]]:
    """The pupils of each class (site, name) of these sites who are here on a day, by name."""
    found: dict[tuple[int, str], list[Pupil]] = {}
    for pupil in sorted(school.everyone, key=by_name):
        if pupil.group and pupil.site in sites and pupil.is_here(day):
            found.setdefault((pupil.site, pupil.group), []).append(pupil)
    return {key: tuple(found[key]) for key in sorted(found)}


def suggested(group: str) -> str:
    """The class after this one: `5B` is followed by `6B`, `M3A` by `P1A`, the last year leaves, and what has no year stays."""
    if group[:2] in NURSERY:
        return NURSERY[group[:2]] + group[2:]
    year = _YEAR.search(group)
    if year is None:
        return group
    number = int(year[0]) + 1
    return LEAVES if number > LAST else f"{group[: year.start()]}{number}{group[year.end() :]}"


def first_day_without(today: date) -> date:
    """Of who leaves by a change of year that is made today: they are still here."""
    return today + timedelta(days=1)


def promote(
    school: School, shown: Mapping[tuple[int, str], frozenset[int]], following: Mapping[tuple[int, str], str], today: date
) -> Rows | Refusal:
    """Everybody's next class at once. `shown`: who was in each class when it was looked at; `following`: its next class."""
    now = classes(school, {site for site, _ in shown}, today)
    if {key: frozenset(pupil.id for pupil in pupils) for key, pupils in now.items() if key in shown} != shown:
        return Refusal("changed_meanwhile")
    if any(len(name) > MAX_NAME for name in following.values()):
        return Refusal("too_long", {"most": MAX_NAME})
    moving = [(pupil, name) for key, name in following.items() for pupil in now.get(key, ()) if name != pupil.group]
    gone_on = first_day_without(today)
    rows = (replace(pupil, group=name, left_day=gone_on if name == LEAVES else pupil.left_day) for pupil, name in moving)
    leavers = {pupil.id for pupil, name in moving if name == LEAVES}
    return (*rows, *_plans(school, leavers, gone_on)) or Refusal("nothing_changes")


def _plans(school: School, leavers: Collection[int], gone_on: date) -> Iterator[Row]:
    for plan in (plan for pupil in leavers for plan in school.plans.get(pupil, ())):
        if plan.until_day is None or plan.until_day > gone_on:
            yield replace(plan, until_day=max(plan.from_day, gone_on))
