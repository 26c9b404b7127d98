"""A draft tariff on days that have been: what the same stays would bring in, who would pay more or less, and the worst cases (M11).

Both sides are priced anew by the same rule, so that all that differs is the tariff. Nothing is booked.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date

from msgspec import Struct

from hub.core.calendar import day_of
from hub.core.families import bracket_on
from hub.core.payers import payer_on
from hub.core.school import School
from hub.core.tariffs import Occasion, price
from hub.core.whys import Rule


class Stayed(Struct, frozen=True, gc=False):
    """A stay that was ended by an exit, or a session."""

    pupil: int
    site: int
    item: int
    from_ms: int
    to_ms: int


class Change(Struct, frozen=True, gc=False):
    """What somebody or something costs now and with the draft. `of`: a household, a bracket, or the place of a stay."""

    of: int
    before_cents: int
    after_cents: int

    @property
    def more_cents(self) -> int:
        """How much more with the draft; negative where it is less."""
        return self.after_cents - self.before_cents


class Trial(Struct, frozen=True):
    """Who pays the most more comes first. `stays` in order of time, `each` by their place in it."""

    stays: tuple[Stayed, ...]
    total: Change
    households: tuple[Change, ...]
    brackets: tuple[Change, ...]
    each: tuple[Change, ...]


def tryout(school: School, draft: School, stays: Iterable[Stayed], items: Collection[int] = ()) -> Trial:
    """Price the stays in both schools. Stays of pupils, sites or programmes that are not set up any more are left out.

    `items`: tell of these alone; the others still count towards who was there and towards the days of groups. Empty: tell of all.
    """
    known = [one for one in stays if one.pupil in school.pupils and one.site in school.sites and one.item in school.programmes]
    ordered = tuple(sorted(known, key=lambda one: (one.from_ms, one.to_ms, one.pupil, one.item)))
    both = zip(ordered, reckon(school, ordered), reckon(draft, ordered), strict=True)
    told = [(stay, before, after) for stay, before, after in both if not items or stay.item in items]
    ordered = tuple(stay for stay, _, _ in told)
    each = tuple(Change(place, before, after) for place, (_, before, after) in enumerate(told))
    households: defaultdict[int, list[Change]] = defaultdict(list)
    brackets: defaultdict[int, list[Change]] = defaultdict(list)
    for stay, change in zip(ordered, each, strict=True):
        day = _day(school, stay)
        payer = payer_on(school, school.pupils[stay.pupil], stay.item, day)
        households[payer].append(change)
        brackets[bracket_on(school, payer, day).bracket].append(change)
    return Trial(ordered, _sum(0, each), _sums(households), _sums(brackets), tuple(sorted(each, key=_most_more)))


def together(trials: Iterable[Trial]) -> Trial:
    """Trials of different days as one. Nothing that is priced together goes over midnight, so days may be tried one by one."""
    stays: list[Stayed] = []
    each: list[Change] = []
    households: defaultdict[int, list[Change]] = defaultdict(list)
    brackets: defaultdict[int, list[Change]] = defaultdict(list)
    for trial in trials:
        each += (Change(one.of + len(stays), one.before_cents, one.after_cents) for one in trial.each)
        stays += trial.stays
        for sums, parts in ((households, trial.households), (brackets, trial.brackets)):
            for one in parts:
                sums[one.of].append(one)
    return Trial(tuple(stays), _sum(0, each), _sums(households), _sums(brackets), tuple(sorted(each, key=_most_more)))


def reckon(school: School, stays: tuple[Stayed, ...]) -> list[int]:
    """What each stay costs: siblings present are those of the day, groups fill up in order, a session costs once a day."""
    present: defaultdict[date, set[int]] = defaultdict(set)
    for stay in stays:
        present[_day(school, stay)].add(stay.pupil)
    spent: defaultdict[tuple[int, date, int], int] = defaultdict(int)
    paid: set[tuple[int, date, int]] = set()
    found: list[int] = []
    for stay in stays:
        day = _day(school, stay)
        cents = _price(school, stay, frozenset(present[day]), spent, paid)
        found.append(cents)
    return found


def _price(
    school: School,
    stay: Stayed,
    present: frozenset[int],
    spent: defaultdict[tuple[int, date, int], int],
    paid: set[tuple[int, date, int]],
) -> int:
    """One stay, and what it adds to the day's groups (`spent`) and sessions (`paid`)."""
    pupil, site, day = school.pupils[stay.pupil], school.sites[stay.site], _day(school, stay)
    cents, why = price(school, Occasion(pupil, site, stay.item, stay.from_ms, stay.to_ms, present))
    if why.rule is Rule.SESSION:
        if (stay.pupil, day, stay.item) in paid:
            return 0
        paid.add((stay.pupil, day, stay.item))
    if why.terms is None or not why.terms.group:
        return cents
    place = (stay.pupil, day, why.terms.group)
    cents = min(cents, max(why.terms.group_cents - spent[place], 0))
    spent[place] += cents
    return cents


def _day(school: School, stay: Stayed) -> date:
    return day_of(stay.from_ms, school.sites[stay.site].zone)


def _sums(parts: dict[int, list[Change]]) -> tuple[Change, ...]:
    return tuple(sorted((_sum(of, changes) for of, changes in parts.items()), key=_most_more))


def _sum(of: int, changes: Iterable[Change]) -> Change:
    changes = tuple(changes)
    return Change(of, sum(one.before_cents for one in changes), sum(one.after_cents for one in changes))


def _most_more(change: Change) -> tuple[int, int]:
    return -change.more_cents, change.of
