"""What a school's rows are put in order by, so that decisions look things up instead of searching: made anew where the rows change."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from proto.messages import Use

if TYPE_CHECKING:  # the school calls these functions
    from hub.core.school import Custody, PayerOverride, Programme, School


def by_use(school: School) -> dict[tuple[int, Use], tuple[Programme, ...]]:
    """(site, use) -> programmes, those within others last."""
    found: dict[tuple[int, Use], list[Programme]] = {}
    for programme in sorted(school.programmes.values(), key=lambda each: (each.within > 0, each.id)):
        found.setdefault((programme.site, programme.use), []).append(programme)
    return {place: tuple(programmes) for place, programmes in found.items()}


def inner(school: School) -> dict[int, tuple[int, ...]]:
    """Programme -> those within it."""
    found: dict[int, list[int]] = {}
    for programme in sorted(school.programmes.values(), key=lambda each: each.id):
        if programme.within:
            found.setdefault(programme.within, []).append(programme.id)
    return {programme: tuple(those) for programme, those in found.items()}


def changed_day(school: School) -> date | None:
    """The first day on which every programme is run as it is now; None where none was ever run otherwise."""
    return max((was.until_day for programme in school.programmes.values() for was in programme.formerly), default=None)


def children(school: School) -> dict[str, Any]:
    """What of a school depends on which children were entered twice: each is there once, and known under both ids.

    Who pays is asked under either; what is to come, plans and diet, is under the child's own.
    """
    merged = school.merged
    own = {number: pupil for number, pupil in school.pupils.items() if pupil.id == number and number not in merged}
    found: dict[str, Any] = {"everyone": tuple(sorted(own.values(), key=lambda pupil: pupil.id))}
    if not merged:
        return found
    again = {old: row.same_as for old, row in merged.items() if row.same_as in own}
    found["pupils"] = own | {old: own[child] for old, child in again.items()}
    for name in ("plans", "diets", "custody", "overrides"):
        found[name] = {number: rows for number, rows in getattr(school, name).items() if number not in merged}
    for name in ("custody", "overrides"):
        found[name] |= {old: found[name][child] for old, child in again.items() if child in found[name]}
    return found


def families(school: School) -> dict[str, Any]:
    """What of a school depends on which families were entered twice: each is there once, and known under both ids.

    One without a name was made another before that was kept (migration 25).
    """
    second = school.second_homes
    own = {number: home for number, home in school.households.items() if home.id == number and number not in second}
    again = {old: own[row.same_as] for old, row in second.items() if row.same_as in own}
    homes = tuple(home for _, home in sorted(own.items()) if home.name)
    return {"homes": homes, "households": own | again if second else school.households}


def kin(school: School) -> dict[int, tuple[int, ...]]:
    """Who may have to pay for whom, eldest first; twins by birth order, then id; without a date of birth last."""
    found: dict[int, list[int]] = {}
    for pupil in sorted(school.everyone, key=lambda each: (each.born or date.max, each.birth_order, each.id)):
        turns: tuple[Custody | PayerOverride, ...] = (*school.custody.get(pupil.id, ()), *school.overrides.get(pupil.id, ()))
        for household in {pupil.household, *(turn.household for turn in turns)} if turns else (pupil.household,):
            found.setdefault(household, []).append(pupil.id)
    return {household: tuple(pupils) for household, pupils in found.items()}
