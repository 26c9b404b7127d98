"""`preau-hub tariff try`: the closed stays of the journal, and what was bought, against a draft tariff, as lines to read.

It reads, and writes nothing.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from hub.core.calendar import day_of
from hub.core.codes import Reason
from hub.core.facts import StayClosed, StayVoided
from hub.core.named import change, household_name, item_name, pupil_name
from hub.core.school import School
from hub.core.tryout import Bought, Change, Stayed, Trial
from hub.journal import Journal

SHOWN = 5
"""Families and things of each kind that are named."""


async def had_between(journal: Journal, school: School, first: date, last: date) -> tuple[list[Stayed], int]:
    """What was had on these days (local, both included), and how many stays more there are that nobody ended.

    Stays that an exit or a session's end closed, by the last word on each; meals and articles that were charged.
    """
    found: dict[int, StayClosed] = {}
    bought = Bought(school, first, last)
    async for commit in journal.read():
        for fact in commit.facts:
            bought.take(fact)
            site = school.sites.get(fact.site) if isinstance(fact, StayClosed) else None
            if isinstance(fact, StayVoided):
                found.pop(fact.stay, None)
            elif isinstance(fact, StayClosed) and site is not None and first <= day_of(fact.from_ms, site.zone) <= last:
                found[fact.stay] = fact
    ended = [one for one in found.values() if one.reason is not Reason.NO_EXIT]
    closed = [Stayed(one.pupil, one.site, one.programme, one.from_ms, one.at_ms) for one in ended]
    return [*closed, *bought.found()], len(found) - len(closed)


def report(trial: Trial, unended: int, school: School) -> Iterator[str]:
    """Revenue, families by what changes for them and by bracket, and the worst cases."""
    bought = sum(one.item in school.products for one in trial.stays)
    yield f"{len(trial.stays) - bought} stays; {unended} that nobody ended are left out"
    yield f"{bought} sales of meals and articles whose price stands in a tariff"
    yield f"revenue: {_change(trial.total)}"
    more, less = ([one for one in trial.households if one.more_cents * sign > 0] for sign in (1, -1))
    yield f"families: {len(more)} pay more, {len(less)} pay less, {len(trial.households) - len(more) - len(less)} the same"
    for bracket in sorted(trial.brackets, key=lambda one: one.of):
        yield f"bracket {bracket.of or 'by QF'}: {_change(bracket)}"
    yield from _families("most more", more, school)
    yield from _families("most less", less[::-1], school)
    for one in [each for each in trial.each if each.more_cents > 0][:SHOWN]:
        stay = trial.stays[one.of]
        day = day_of(stay.from_ms, school.sites[stay.site].zone)
        yield f"dearest: {pupil_name(school, stay.pupil)}, {item_name(school, stay.item)}, {day}: {_change(one)}"


def _families(title: str, changes: Sequence[Change], school: School) -> Iterator[str]:
    for one in changes[:SHOWN]:
        yield f"{title}: {household_name(school, one.of)}: {_change(one)}"


def _change(of: Change) -> str:
    return change(of.before_cents, of.after_cents)
