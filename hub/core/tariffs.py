"""What a stay, a session or an article costs: from the tariff of the day to cents, with the derivation as values.

The version is chosen by day, its line by child type and kind of day, the unit price by the payer's family file, the reduction by
rank. The amount is then worked out of the derivation alone (`cents_of`), so that no price can say anything else than what it is.
"""

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from hub.core.calendar import MINUTE_MS, day_of, instant_ms
from hub.core.days import day_kind
from hub.core.facts import Charged
from hub.core.families import NO_FILE, bracket_on, rank_of
from hub.core.formulas import MAX_BRACKET, Band, Bands, ByBracket, ByEffort, Fixed, Late, Line, Periods, Session, Unit
from hub.core.money import half_up
from hub.core.payers import payer_on
from hub.core.school import FamilyFile, Product, Pupil, School, Site, Tariff
from hub.core.whys import Part, Rule, Terms, Why

NO_TERMS = Terms(line=1)


class Occasion(Struct, frozen=True):
    """What is priced: `item` (a programme or product) for a pupil at a site, from an instant to another, on the first one's day.

    `present`: the pupils who were there that day, where a tariff asks for siblings present. `before_cents`: what the items of the
    same tariff group have cost the pupil that day already (`grouped` names them).
    """

    pupil: Pupil
    site: Site
    item: int
    from_ms: int
    to_ms: int
    present: frozenset[int] = frozenset()
    before_cents: int = 0


def price(school: School, what: Occasion) -> tuple[int, Why]:
    """Cents and derivation. A product without a tariff has its own price; a programme without one costs nothing, and says so."""
    day = day_of(what.from_ms, what.site.zone)
    tariff = tariff_on(school, what.item, day)
    if tariff is None:
        product = school.products.get(what.item)
        why = Why(Rule.PRICE, unit_tenths=product.price_cents * 10) if product else Why(Rule.UNPRICED, units=0)
    else:
        why = _derived(school, what, tariff, day)
    return cents_of(why), why


def price_of_product(
    school: School, pupil: Pupil, product: Product, day: date, quantity: int = 1, supplement_cents: int = 0
) -> tuple[int, Why]:
    """Cents and derivation of a product for a day: by its tariff, else the day's menu, else its own price; a supplement for each."""
    if tariff_on(school, product.id, day) is None:
        offer = school.offer(product.site, day, product.id)
        why = Why(Rule.PRICE, unit_tenths=(offer or product).price_cents * 10)
    else:
        site = school.sites[product.site]
        start_ms = instant_ms(day, 0, site.zone)
        _, why = price(school, Occasion(pupil, site, product.id, start_ms, start_ms))
    if quantity != 1 or supplement_cents:
        why = replace(why, units=why.units * quantity, max_cents=why.max_cents * quantity, supplement_cents=supplement_cents * quantity)
    return cents_of(why), why


def reprice(school: School, charged: Charged, present: frozenset[int] = frozenset(), before_cents: int = 0) -> tuple[int, Why]:
    """What the same charge comes to in another school: with a file that came since, or another tariff (requirement M3).

    A price that stood with the product or on a menu stays as it was. The pupil and the site must be in the school.
    """
    why, pupil, site = charged.why, school.pupils[charged.pupil], school.sites[charged.site]
    if not why.tariff:
        return charged.cents, why
    product = school.products.get(charged.item)
    if product is not None:
        return price_of_product(school, pupil, product, day_of(why.from_ms, site.zone), why.units, why.supplement_cents // why.units)
    occasion = Occasion(pupil, site, charged.item, why.from_ms, why.to_ms, present, before_cents)
    if why.rule is Rule.ABSENCE and why.terms is not None:
        return price_of_absence(school, occasion, 100 - why.terms.percent)
    cents, now = price(school, occasion)
    if why.rule is Rule.SESSION is now.rule and not why.units:  # the session was paid at an earlier stay of the day
        now = replace(now, units=0)
        cents = cents_of(now)
    return cents, now


@dataclass(slots=True)
class Filling:
    """How much the items of tariff groups have cost a pupil on a day so far, in cents, while its day is priced in order.

    An absence costs a percentage of what would have been left of the day: what it would have cost counts for the next piece of one.
    """

    spent: dict[int, int] = field(default_factory=dict)
    forgiven: dict[int, int] = field(default_factory=dict)
    """What absences have cost less than the planned time would have."""

    def before_cents(self, group: int, *, absent: bool) -> int:
        """What the next piece of a day finds spent."""
        return self.spent.get(group, 0) + (self.forgiven.get(group, 0) if absent else 0)

    def add(self, group: int, cents: int, why: Why) -> None:
        """Count what a piece costs."""
        self.spent[group] = self.spent.get(group, 0) + cents
        if why.rule is Rule.ABSENCE and why.terms is not None:
            self.forgiven[group] = self.forgiven.get(group, 0) + why.units * why.unit_tenths // 10 - cents


def price_of_absence(school: School, what: Occasion, percent: int) -> tuple[int, Why]:
    """A percentage of what the planned time would have cost (a check type of AGORA's kind): nobody is fetched late who did not come."""
    _, why = price(school, what)
    if why.terms is not None and why.terms.late_units:
        why = replace(why, terms=replace(why.terms, late_units=0))
    terms = Terms(line=1, percent=100 - percent)
    of_it = Why(Rule.ABSENCE, what.from_ms, what.to_ms, why.minutes, unit_tenths=cents_of(why) * 10, tariff=why.tariff, terms=terms)
    return cents_of(of_it), of_it


def is_by_income(tariff: Tariff) -> bool:
    """Whether some price of it asks for the payer's family file."""
    return any(type(unit) is not Fixed for line in tariff.lines for unit in _units(line))


def _units(line: Line) -> list[Unit]:
    return [band.unit for band in line.formula.bands] if isinstance(line.formula, Bands) else [line.formula.unit]


def tariff_on(school: School, item: int, day: date) -> Tariff | None:
    """The version of a programme or product that is in force on a day."""
    for tariff in reversed(school.tariffs.get(item, ())):
        if tariff.from_day <= day and (tariff.until_day is None or day < tariff.until_day):
            return tariff
    return None


def grouped(school: School, item: int, day: date) -> frozenset[int]:
    """The items whose prices of a day count towards the same maximum as this one's, itself among them; empty without a group."""
    tariff = tariff_on(school, item, day)
    if tariff is None or not tariff.group:
        return frozenset()
    others = ((other, tariff_on(school, other, day)) for other in school.tariffs)
    return frozenset(other for other, its in others if its is not None and its.group == tariff.group)


def cents_of(why: Why) -> int:
    """What a derivation comes to: units, less the reduction, at most the maximum, plus supplements, within the group's day."""
    cents, terms = before_cap(why), why.terms
    if why.max_cents:
        cents = min(cents, why.max_cents)
    cents += why.supplement_cents
    if terms is None:
        return cents
    cents += terms.late_units * terms.late_cents
    return min(cents, max(terms.group_cents - terms.before_cents, 0)) if terms.group else cents


def before_cap(why: Why) -> int:
    """Units and reduction only. Tenths of a cent are rounded once, half up (requirements, section 5)."""
    terms = why.terms
    if terms is None:
        return half_up(why.units * why.unit_tenths, 10)
    tenths = sum(part.units * part.unit_tenths for part in terms.parts) if terms.parts else why.units * why.unit_tenths
    return half_up(tenths * (100 - terms.percent), 1000)


def started_periods(minutes: int, period_min: int, tolerance_min: int) -> int:
    """How many periods were started, a rest within the tolerance not counting: whole minutes, the started one not counted."""
    whole, rest = divmod(minutes, period_min)
    return whole + (1 if rest > tolerance_min else 0)


def _derived(school: School, what: Occasion, tariff: Tariff, day: date) -> Why:
    """Everything the price comes from; `terms` only where there is more to it than units and a unit price."""
    number, line = line_on(school, what.pupil, what.site.id, tariff, day)
    formula = line.formula
    asks = any(type(band.unit) is not Fixed for band in formula.bands) if isinstance(formula, Bands) else type(formula.unit) is not Fixed
    file = bracket_on(school, payer_on(school, what.pupil, what.item, day), day) if asks else NO_FILE
    why = _counted(school, what, line, tariff.id, file, day)
    if not (asks or line.siblings or line.late or tariff.group or why.terms or len(tariff.lines) > 1):
        return why
    terms = replace(why.terms or NO_TERMS, line=number)
    if asks:
        terms = _by_income(terms, None if isinstance(formula, Bands) else formula.unit, file)
    if line.siblings is not None:
        rank = rank_of(school, what.pupil, what.item, day, line.siblings, what.present)
        percents = line.siblings.percents
        terms = replace(terms, rank=rank, percent=percents[min(rank, len(percents)) - 1])
    if line.late is not None:
        terms = _fetched(terms, line.late, what, day)
    group = school.groups.get(tariff.group)
    if group is not None:
        terms = replace(terms, group=group.id, group_cents=group.max_cents, before_cents=what.before_cents)
    return replace(why, terms=terms)


def line_on(school: School, pupil: Pupil, site: int, tariff: Tariff, day: date) -> tuple[int, Line]:
    """The first line for this child and this kind of day, and its number; the last is for everybody."""
    lines = tariff.lines
    if len(lines) > 1:
        kind = day_kind(school, site, day)
        for number, line in enumerate(lines, 1):
            if line.child in ("", pupil.child_type) and (not line.days or kind in line.days):
                return number, line
    return len(lines), lines[-1]


def _counted(school: School, what: Occasion, line: Line, tariff: int, file: FamilyFile, day: date) -> Why:
    """Units and unit prices."""
    start, end, formula, most = what.from_ms, what.to_ms, line.formula, line.max_cents
    minutes = (end - start) // MINUTE_MS if end > start else 0
    if isinstance(formula, Periods):
        period_min, tolerance_min = formula.period_min, formula.tolerance_min
        units = started_periods(minutes, period_min, tolerance_min)
        return Why(Rule.PERIODS, start, end, minutes, units, period_min, tolerance_min, _tenths(formula.unit, file), most, tariff)
    if isinstance(formula, Session):
        rule = Rule.PRICE if what.item in school.products else Rule.SESSION
        return Why(rule, start, end, minutes, 1, 0, 0, _tenths(formula.unit, file), most, tariff)
    bands = formula.bands
    edges = _instants((*[band.start_min for band in bands], bands[-1].end_min), day, what.site.zone)
    spans = zip(bands, pairwise(edges), strict=True)
    parts = tuple([_part(band, max(start, start_ms), min(end, end_ms), file) for band, (start_ms, end_ms) in spans])
    units = sum([part.units for part in parts])
    return Why(Rule.BANDS, start, end, minutes, units, 0, 0, 0, most, tariff, Terms(line=1, parts=parts))


def _part(band: Band, from_ms: int, to_ms: int, file: FamilyFile) -> Part:
    minutes = max(to_ms - from_ms, 0) // MINUTE_MS
    units = started_periods(minutes, band.period_min, band.tolerance_min)
    return Part(band.start_min, band.end_min, minutes, units, band.period_min, band.tolerance_min, _tenths(band.unit, file))


@lru_cache(maxsize=1024)  # asked for with every stay of a day
def _instants(minutes: tuple[int, ...], day: date, zone: ZoneInfo) -> tuple[int, ...]:
    """The instants of these minutes of a day."""
    return tuple(instant_ms(day, minute, zone) for minute in minutes)


def _tenths(unit: Unit, file: FamilyFile) -> int:
    """The unit price for a household with this file."""
    if isinstance(unit, Fixed):
        return unit.tenths
    if isinstance(unit, ByBracket):
        return unit.tenths[_bracket(unit, file) - 1]
    return 10 * (unit.most_cents if file.qf_cents < 0 else _effort_cents(unit, file.qf_cents))


def _bracket(unit: ByBracket, file: FamilyFile) -> int:
    """The bracket that was decided, or that of the QF; the highest when neither is known."""
    by_qf = 1 + bisect_left(unit.limits_cents, file.qf_cents) if unit.limits_cents and file.qf_cents >= 0 else MAX_BRACKET
    return file.bracket or by_qf


def _effort_cents(unit: ByEffort, qf_cents: int) -> int:
    return min(max(half_up(qf_cents * unit.rate_ppm, 1_000_000), unit.least_cents), unit.most_cents)


def _by_income(terms: Terms, unit: Unit | None, file: FamilyFile) -> Terms:
    """What the family file had to do with it; `unit`: the one unit price there was, None for bands, whose parts have their own."""
    terms = replace(terms, file=file.id, bracket=file.bracket, qf_cents=file.qf_cents)
    match unit:
        case ByBracket():
            return replace(terms, bracket=_bracket(unit, file))
        case ByEffort():
            return replace(terms, bracket=0, rate_ppm=unit.rate_ppm, least_cents=unit.least_cents, most_cents=unit.most_cents)
    return terms


def _fetched(terms: Terms, late: Late, what: Occasion, day: date) -> Terms:
    """The supplement for a pupil who was still there after the hour."""
    (after_ms,) = _instants((late.after_min,), day, what.site.zone)
    minutes = max(what.to_ms - max(after_ms, what.from_ms), 0) // MINUTE_MS
    flat = 1 if minutes > late.tolerance_min else 0
    units = started_periods(minutes, late.period_min, late.tolerance_min) if late.period_min else flat
    return replace(terms, late_after_min=late.after_min, late_min=minutes, late_units=units, late_cents=late.unit_cents)
