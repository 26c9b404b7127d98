"""A draft tariff on days that have been: what they would bring in, who would pay more or less, and the worst cases (M11).

Both sides are priced anew by the same rule, so that all that differs is the tariff: stays, with the hours that who was planned within
spent there; and the meals and articles whose price stands in a tariff. What staff said of a day is left out. Nothing is booked.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from hub.core.calendar import day_coded, day_of, instant_ms
from hub.core.days import as_run_on
from hub.core.dues import Cut, Part, cut, spans_of
from hub.core.facts import Charged, Fact, MealReserved, MealServed, Reversed
from hub.core.families import bracket_on
from hub.core.payers import payer_on
from hub.core.school import Programme, Scans, School
from hub.core.tariffs import Occasion, cents_of, price, price_of_product, tariff_on
from hub.core.whys import Rule


class Stayed(Struct, frozen=True, gc=False):
    """A stay that was ended by an exit, or a session.

    Of a product: that it was had (`units` of it, with what is to be paid beside the price) on the day that begins at both instants.
    """

    pupil: int
    site: int
    item: int
    from_ms: int
    to_ms: int
    units: int = 1
    supplement_cents: int = 0


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


@dataclass(slots=True)
class Bought:
    """The meals and articles that facts, taken in order, have charged for some days (local, both included) and not taken back."""

    school: School
    first: date
    last: date
    _standing: dict[int, Stayed] = field(default_factory=dict)
    _meal: tuple[int, int, int] = (0, 0, 0)
    """Of the last meal that was ordered or handed out: ask, pupil, day."""

    def take(self, fact: Fact) -> None:
        """Whatever else it is changes nothing."""
        if isinstance(fact, MealReserved | MealServed):
            self._meal = (fact.ask, fact.pupil, fact.day)
        elif isinstance(fact, Reversed):
            self._standing.pop(fact.charge, None)
        elif isinstance(fact, Charged) and fact.item in self.school.products and fact.site in self.school.sites:
            self._charged(fact)

    def _charged(self, fact: Charged) -> None:
        zone, code = self.school.sites[fact.site].zone, fact.limit_day or (self._meal[2] if self._meal[:2] == (fact.ask, fact.pupil) else 0)
        day = day_coded(code) if code else day_of(fact.why.from_ms or fact.at_ms, zone)  # one that was priced again later: its own day
        if self.first <= day <= self.last:
            at_ms, units = instant_ms(day, 0, zone), max(fact.why.units, 1)
            self._standing[fact.charge] = Stayed(fact.pupil, fact.site, fact.item, at_ms, at_ms, units, fact.why.supplement_cents)

    def found(self) -> list[Stayed]:
        """All of them."""
        return list(self._standing.values())


def tryout(school: School, draft: School, stays: Iterable[Stayed], items: Collection[int] = ()) -> Trial:
    """Price the stays in both schools. Stays of pupils, sites or programmes that are not set up any more are left out.

    `items`: tell of these alone; the others still count towards who was there and towards the days of groups. Empty: tell of all.
    """
    known = [one for one in stays if one.pupil in school.pupils and one.site in school.sites and _has_tariff(school, draft, one)]
    ordered = tuple(sorted(_pieces(school, known), key=lambda one: (one.from_ms, one.to_ms, one.pupil, one.item)))
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
    """What each costs: siblings present are those of the day, groups fill up in order, articles first; a session costs once a day."""
    present: defaultdict[date, set[int]] = defaultdict(set)
    for stay in stays:
        if stay.item in school.programmes:
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
    pupil, site, day, product = school.pupils[stay.pupil], school.sites[stay.site], _day(school, stay), school.products.get(stay.item)
    if product is not None:  # what it costs is not less for what the day has cost before (dues.py)
        cents, why = price_of_product(school, pupil, product, day, stay.units, stay.supplement_cents // stay.units)
        if why.terms is not None and why.terms.group:
            spent[stay.pupil, day, why.terms.group] += cents
        return cents
    cents, why = price(school, Occasion(pupil, site, stay.item, stay.from_ms, stay.to_ms, present))
    if why.rule is Rule.SESSION:
        if (stay.pupil, day, stay.item) in paid:
            cents = cents_of(replace(why, units=0))  # what it costs to be fetched late, if anything
        paid.add((stay.pupil, day, stay.item))
    if why.terms is None or not why.terms.group:
        return cents
    place = (stay.pupil, day, why.terms.group)
    cents = min(cents, max(why.terms.group_cents - spent[place], 0))
    spent[place] += cents
    return cents


def _has_tariff(school: School, draft: School, one: Stayed) -> bool:
    """Every programme is priced by its tariff; a product whose price stands with itself or on a menu is none of a tariff's matter."""
    if one.item in school.products:
        return any(tariff_on(each, one.item, _day(school, one)) is not None for each in (school, draft))
    return one.item in school.programmes


def _pieces(school: School, stays: list[Stayed]) -> Iterator[Stayed]:
    """The stays without the hours that were spent within, which are pieces of their own: as scanned there, else as planned (S44)."""
    scanned: defaultdict[tuple[int, date, int], list[Stayed]] = defaultdict(list)
    runs = school.inner or school.changed_day
    for stay in stays if runs else ():
        scanned[stay.pupil, _day(school, stay), stay.item].append(stay)
    for stay in stays:
        then = as_run_on(school, _day(school, stay))
        inner = then.inner.get(stay.item, ())
        cuts = [each for programme in inner for each in _within(then, stay, then.programmes[programme], scanned)]
        for part in cut(Part(0, 0, stay.item, stay.from_ms, stay.to_ms), sorted(cuts)) if cuts else ():
            yield Stayed(stay.pupil, stay.site, part.programme, part.from_ms, part.to_ms)
        if not cuts:
            yield stay


def _within(school: School, stay: Stayed, inner: Programme, scanned: Mapping[tuple[int, date, int], list[Stayed]]) -> Iterator[Cut]:
    day = _day(school, stay)
    spans = spans_of(inner, day, school.sites[inner.site].zone)
    own = scanned.get((stay.pupil, day, inner.id), ())
    for one in own:
        ends_ms = next((end_ms for _, end_ms in spans if one.from_ms < end_ms), one.to_ms) if inner.scans is Scans.ENTRY else one.to_ms
        yield one.from_ms, ends_ms, 0
    if not own and school.is_planned(stay.pupil, inner.id, day):
        yield from ((start_ms, end_ms, inner.id) for start_ms, end_ms in spans)


def _day(school: School, stay: Stayed) -> date:
    return day_of(stay.from_ms, school.sites[stay.site].zone)


def _sums(parts: dict[int, list[Change]]) -> tuple[Change, ...]:
    return tuple(sorted((_sum(of, changes) for of, changes in parts.items()), key=_most_more))


def _sum(of: int, changes: Iterable[Change]) -> Change:
    changes = tuple(changes)
    return Change(of, sum(one.before_cents for one in changes), sum(one.after_cents for one in changes))


def _most_more(change: Change) -> tuple[int, int]:
    return -change.more_cents, change.of
