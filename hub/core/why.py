"""Why this price: the derivation of a charge as sentences a parent understands (requirement M3). Works nothing out anew.

A sentence is an English text with its values; whoever shows it asks the catalogue for the reader's language.
"""

from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo

from msgspec import Struct

from hub.core.calendar import at, day_coded
from hub.core.codes import Stage
from hub.core.days import as_run_on
from hub.core.facts import Charged, ChargesPosted, Reversed, StayClosed
from hub.core.formulas import MAX_BRACKET
from hub.core.money import write_cents, write_rate, write_tenths
from hub.core.school import School
from hub.core.tariffs import before_cap, cents_of
from hub.core.whys import Part, Rule, Terms, Why


class Sentence(Struct, frozen=True):
    """`text` is what catalogues are asked for; `values` stand in it as `%(name)s`."""

    text: str
    values: dict[str, str | int] = {}


class Told(Struct, frozen=True):
    """A charge, and what became of it: the settlement run that posted it, and what took it back; None where nothing did."""

    charged: Charged
    posted: ChargesPosted | None = None
    taken_back: Reversed | None = None


def explained(school: School, told: Told, stays: Iterable[StayClosed]) -> tuple[Sentence, ...]:
    """Who and what, why so much, and what became of it. `stays`: the pupil's around the time that was charged."""
    charged, back = told.charged, told.taken_back
    zone = school.sites[charged.site].zone
    became = () if back and told.posted is None else standing(charged, told.posted, zone)
    said = (_heading(school, charged), *around(charged, stays, school), *sentences(charged.why, zone), *became)
    if back is None:
        return said
    taken: dict[str, str | int] = {"day": f"{at(back.at_ms, zone):%d/%m/%Y}", "amount": write_cents(back.cents)}
    return (*said, Sentence("Cancelled on %(day)s: %(amount)s.", taken))


def sentences(why: Why, zone: ZoneInfo) -> tuple[Sentence, ...]:
    """When, how many units at which price, what was taken off and put on, and what it makes; times in the site's zone."""
    if why.rule is Rule.UNPRICED:
        return (Sentence("No tariff was in force on that day: nothing is charged."),)
    result = Sentence("Total: %(amount)s.", {"amount": write_cents(cents_of(why))})
    terms = why.terms if why.rule is not Rule.ABSENCE else None
    return (*_counted(why, zone), *(_terms(why, terms) if terms else _capped(why)), result)


def standing(charged: Charged, posted: ChargesPosted | None, zone: ZoneInfo) -> tuple[Sentence, ...]:
    """What a charge that was not posted at once has done to the wallet so far; `posted`: the run that took it, if one has."""
    if charged.stage is Stage.PILOT:
        return (Sentence("Trial: this is what it would have cost; nothing is taken from the wallet."),)
    if charged.stage is Stage.GATHERED and posted is None:
        return (Sentence("Provisional: not yet taken from the wallet."),)
    return (Sentence("Taken from the wallet on %(day)s.", {"day": f"{at(posted.at_ms, zone):%d/%m/%Y}"}),) if posted else ()


def around(charged: Charged, stays: Iterable[StayClosed], school: School) -> tuple[Sentence, ...]:
    """That a charge is for a part of a stay, where one programme goes on within another; `stays` are the pupil's of that day."""
    why, school = charged.why, as_run_on(school, day_coded(charged.day)) if charged.day else school
    item = school.programmes.get(charged.item)
    if item is None or why.rule is Rule.ABSENCE:
        return ()
    inner = school.inner.get(item.id, ())
    for stay in stays:
        holds = stay.from_ms <= why.from_ms and why.to_ms <= stay.at_ms
        zone = school.sites[stay.site].zone
        whole: dict[str, str | int] = {"start": f"{at(stay.from_ms, zone):%H:%M}", "end": f"{at(stay.at_ms, zone):%H:%M}"}
        if holds and inner and stay.programme == item.id and (stay.from_ms, stay.at_ms) != (why.from_ms, why.to_ms):
            planned = [each for each in inner if school.is_planned(charged.pupil, each, day_coded(charged.day))]
            others = ", ".join(school.programmes[each].name for each in planned or inner)
            part: dict[str, str | int] = {**whole, "others": others}
            return (Sentence("A part of the stay from %(start)s to %(end)s; the time of %(others)s is counted separately.", part),)
        if holds and item.within == stay.programme and charged.stay not in {each.stay for each in stays}:
            outer = school.programmes[item.within].name
            return (Sentence("During the stay from %(start)s to %(end)s: %(outer)s.", {**whole, "outer": outer}),)
    return ()


def _counted(why: Why, zone: ZoneInfo) -> Iterator[Sentence]:
    unit = write_tenths(why.unit_tenths)
    if why.rule is Rule.PRICE:
        if why.units == 1:
            yield Sentence("Price: %(unit)s.", {"unit": unit})
        else:
            yield Sentence("Price: %(units)s × %(unit)s.", {"units": why.units, "unit": unit})
        return
    start, end = at(why.from_ms, zone), at(why.to_ms, zone)
    when: dict[str, str | int] = {"day": f"{start:%d/%m/%Y}", "start": f"{start:%H:%M}", "end": f"{end:%H:%M}", "minutes": why.minutes}
    if why.rule is Rule.ABSENCE:
        yield from _absent(why, when)
        return
    if why.rule is Rule.SESSION:
        if why.units:
            yield Sentence("%(day)s from %(start)s: one session at %(unit)s.", {**when, "unit": unit})
        return
    yield Sentence("%(day)s from %(start)s to %(end)s: %(minutes)s minutes.", when)
    if why.rule is Rule.PERIODS:
        counted: dict[str, str | int] = {"units": why.units, "period": why.period_min, "unit": unit}
        yield Sentence("Started periods of %(period)s minutes: %(units)s at %(unit)s.", counted)
        yield from _forgiven(why.tolerance_min)
    for part in why.terms.parts if why.terms else ():
        yield from _band(part)


def _absent(why: Why, when: dict[str, str | int]) -> Iterator[Sentence]:
    """What the reason of an absence costs: an amount, or a percentage of the planned time's price."""
    yield Sentence("%(day)s: absent, though expected from %(start)s to %(end)s.", when)
    unit = write_tenths(why.unit_tenths)
    if why.terms is None:
        yield Sentence("For such an absence: %(unit)s.", {"unit": unit})
    else:
        share: dict[str, str | int] = {"percent": 100 - why.terms.percent, "unit": unit}
        yield Sentence("For such an absence: %(percent)s %% of the price of this time, %(unit)s.", share)


def _forgiven(tolerance_min: int) -> Iterator[Sentence]:
    if tolerance_min:
        yield Sentence("The first %(minutes)s minutes of a new period are not counted.", {"minutes": tolerance_min})


def _band(part: Part) -> Iterator[Sentence]:
    """One band of the clock, if the child was there in it."""
    if not part.minutes:
        return
    span: dict[str, str | int] = {"start": _clock(part.start_min), "end": _clock(part.end_min), "minutes": part.minutes}
    counted: dict[str, str | int] = {"units": part.units, "period": part.period_min, "unit": write_tenths(part.unit_tenths)}
    yield Sentence(
        "Between %(start)s and %(end)s: %(minutes)s minutes, started periods of %(period)s minutes: %(units)s at %(unit)s.",
        {**span, **counted},
    )
    yield from _forgiven(part.tolerance_min)


def _terms(why: Why, terms: Terms) -> Iterator[Sentence]:
    """Income, rank, maximum, supplement, and the day of the tariff group; only what counted."""
    if terms.bracket or terms.rate_ppm:
        yield from _income(terms)
    if terms.percent:
        reduction: dict[str, str | int] = {"rank": terms.rank, "percent": terms.percent}
        yield Sentence("Child number %(rank)s of the family: %(percent)s %% less.", reduction)
    yield from _capped(why)
    if terms.late_units:
        yield Sentence(
            "Collected %(minutes)s minutes after %(hour)s: supplement %(units)s × %(unit)s.",
            {
                "minutes": terms.late_min,
                "hour": _clock(terms.late_after_min),
                "units": terms.late_units,
                "unit": write_cents(terms.late_cents),
            },
        )
    if terms.group:
        day: dict[str, str | int] = {"most": write_cents(terms.group_cents), "before": write_cents(terms.before_cents)}
        yield Sentence("At most %(most)s a day for the services of this group together; %(before)s had already been charged.", day)


def _income(terms: Terms) -> Iterator[Sentence]:
    if not terms.file:
        yield Sentence("No valid family file on that day: the highest price applies until the file is there.")
    if terms.rate_ppm and terms.qf_cents >= 0:
        effort: dict[str, str | int] = {
            "quotient": write_cents(terms.qf_cents),
            "rate": write_rate(terms.rate_ppm),
            "least": write_cents(terms.least_cents),
            "most": write_cents(terms.most_cents),
        }
        yield Sentence("Family quotient %(quotient)s × %(rate)s %%, at least %(least)s and at most %(most)s.", effort)
    elif terms.bracket:
        yield Sentence("Price for income bracket %(bracket)s of %(last)s.", {"bracket": terms.bracket, "last": MAX_BRACKET})


def _capped(why: Why) -> Iterator[Sentence]:
    if why.max_cents and before_cap(why) > why.max_cents:
        yield Sentence("At most %(most)s for one stay.", {"most": write_cents(why.max_cents)})
    if why.supplement_cents:
        yield Sentence("Not ordered in advance: supplement of %(amount)s.", {"amount": write_cents(why.supplement_cents)})


def _clock(minute: int) -> str:
    return f"{minute // 60 % 24:02d}:{minute % 60:02d}"


def _heading(school: School, charged: Charged) -> Sentence:
    pupil, item = school.pupils.get(charged.pupil), school.programmes.get(charged.item) or school.products.get(charged.item)
    day = day_coded(charged.day) if charged.day else at(charged.at_ms, school.sites[charged.site].zone)
    return Sentence(
        "%(amount)s for %(pupil)s: %(item)s, %(site)s, %(day)s.",
        {
            "amount": write_cents(charged.cents),
            "pupil": f"{pupil.first_name} {pupil.last_name}" if pupil else str(charged.pupil),
            "item": item.name if item else str(charged.item),
            "site": school.sites[charged.site].name,
            "day": f"{day:%d/%m/%Y}",
        },
    )
