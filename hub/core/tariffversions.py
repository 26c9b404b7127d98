"""Versions of a tariff as staff change them: a new one from a day on, one that has not begun yet changed or withdrawn; daily maxima.

What has priced days that are over is never rewritten: the version of then ends where the new one begins (requirement S70).
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

from hub.core.complaints import check_tariffs
from hub.core.facts import Refusal
from hub.core.lists import MAX_NAME, fold
from hub.core.school import Rows, School, Tariff, TariffGroup, edited

Same = Callable[[object], bool]


def in_force(school: School, item: int) -> tuple[Tariff, ...]:
    """The versions of a programme or product that hold on some day, oldest first."""
    return tuple(one for one in school.tariffs.get(item, ()) if one.until_day != one.from_day)


def put_version(school: School, version: Tariff, today: date, same: Same, moved: int = 0) -> Rows | Refusal:
    """A version from its `from_day` on; the one before ends there, and it holds until the next. `same` is asked about all versions.

    `moved`: the version, not begun yet, that this one takes the place of, on whatever day; 0 = none.
    """
    if not same(in_force(school, version.item)):
        return Refusal("changed_meanwhile")
    if version.from_day < today:
        return Refusal("day_passed")
    rows = with_version(school, version, today, moved)
    complaints = check_tariffs(school, rows)
    return Refusal(f"tariff_{complaints[0].what.value}") if complaints else rows


def with_version(school: School, version: Tariff, today: date, moved: int = 0) -> Rows:
    """The rows that change once this version holds; nothing is checked here."""
    gone = next((one for one in in_force(school, version.item) if one.id == moved and one.from_day > today), None)
    rows = _without(school, gone) if gone is not None and gone.from_day != version.from_day else ()
    now = edited(school, rows)
    known = next((one.id for one in now.tariffs.get(version.item, ()) if one.from_day == version.from_day), version.id)
    others = [one for one in in_force(now, version.item) if one.from_day != version.from_day]
    before = [one for one in others if one.from_day < version.from_day]
    after = [one for one in others if one.from_day > version.from_day]
    rows = (*rows, replace(version, id=known, until_day=after[0].from_day if after else None))
    if before:
        rows = (*rows, replace(before[-1], until_day=version.from_day))
    return tuple({row.id: row for row in rows if isinstance(row, Tariff)}.values())  # of one row the last word


def withdraw(school: School, item: int, version: int, today: date, same: Same) -> Rows | Refusal:
    """A version that has not begun yet holds on no day; the one before goes on."""
    found = in_force(school, item)
    gone = next((one for one in found if one.id == version), None)
    if gone is None or not same(found):
        return Refusal("changed_meanwhile")
    if gone.from_day <= today:
        return Refusal("day_passed")
    rows = _without(school, gone)
    complaints = check_tariffs(school, rows)
    return Refusal(f"tariff_{complaints[0].what.value}") if complaints else rows


def always(school: School, version: Tariff) -> School:
    """The school as if this version had held on every day: what a draft is tried in."""
    withdrawn = tuple(replace(one, until_day=one.from_day) for one in in_force(school, version.item))
    return edited(school, (*withdrawn, replace(version, from_day=date.min, until_day=None)))


def put_group(school: School, group: TariffGroup, same: Same) -> Rows | Refusal:
    """What programmes and products of a group cost a pupil together on one day, at most."""
    if not any(letter.isalpha() for letter in group.name):
        return Refusal("no_name")
    if len(group.name) > MAX_NAME:
        return Refusal("name_long")
    if fold(group.name) in {fold(other.name) for other in school.groups.values() if other.id != group.id}:
        return Refusal("name_taken")
    if group.max_cents <= 0:
        return Refusal("no_amount")
    before = school.groups.get(group.id)
    return (group,) if before is None or same(before) else Refusal("changed_meanwhile")


def _without(school: School, gone: Tariff) -> Rows:
    """It holds on no day, and the one before it until it would have ended."""
    before = [one for one in in_force(school, gone.item) if one.from_day < gone.from_day]
    withdrawn = replace(gone, until_day=gone.from_day)
    return (withdrawn, replace(before[-1], until_day=gone.until_day)) if before else (withdrawn,)
