"""Regularisation: charges of a household priced again with the family file that came since, and corrected line by line (M3).

Only the price is made anew: times, payer and wallet of a charge stand, and so does what others pay. A charge that comes to
something else is taken back whole, which is its credit note, and made again as far as it was: posted, gathered, or of a pilot.
Done again, it finds nothing more to do; so a run that was cut off is simply run again.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from hub.core.books import Books
from hub.core.calendar import day_code, day_coded, day_of
from hub.core.codes import By, Reason, Stage
from hub.core.facts import Charged, Facts, MealReserved, StayClosed, StayOpened, StayVoided, derived
from hub.core.kept import Charge, Meal
from hub.core.ledger import move, sales_account, wallet_account
from hub.core.payers import payer_on, payers
from hub.core.school import School
from hub.core.tariffs import is_by_income, reprice, tariff_on
from hub.core.wallets import charge_id, lowered, moved_cents, reverse
from hub.core.whys import Why

Past = Charged | StayOpened | StayClosed | StayVoided
"""Facts that a day is priced again from: what was charged, and who was there."""


class Rerated(Struct, frozen=True):
    """A charge, its day of service, and what it comes to now."""

    charged: Charged
    day: date
    cents: int
    why: Why

    @property
    def more_cents(self) -> int:
        """How much dearer it is now; below zero where the family gets money back."""
        return self.cents - self.charged.cents


def family(school: School, household: int) -> frozenset[int]:
    """The pupils a household may have to pay for, and whoever may be a sibling of theirs."""
    children = (school.pupils[child] for child in school.kin.get(household, ()))
    others = {other for child in children for payer in payers(school, child) for other in school.kin.get(payer, ())}
    return frozenset(number for other in others for number in school.ids_of(other))


def rerated(school: School, books: Books, past: Iterable[Past], household: int, since: date) -> tuple[Rerated, ...]:
    """What a household's charges from a day of service on come to in this school, where it is not what they were; by day.

    `past`: in order, all charges and stays of its `family`.
    """
    present: defaultdict[date, dict[int, int]] = defaultdict(dict)
    charged: defaultdict[tuple[date, int], list[Charged]] = defaultdict(list)
    for fact in past:
        if fact.site not in school.sites or fact.pupil not in school.pupils:
            continue
        if not isinstance(fact, Charged):
            _came(school, present, fact)
        elif fact.why.tariff and not books.charges[fact.charge].reversed:
            charged[_day(school, fact, fact.why.from_ms), fact.pupil].append(fact)
    found: list[Rerated] = []
    for (day, _), charges in sorted(charged.items()):
        if day >= since:
            priced = _of_day(school, charges, household, day, frozenset(present[day].values()))
            found += [each for each in priced if each.more_cents]
    return tuple(found)


def _came(school: School, present: defaultdict[date, dict[int, int]], fact: StayOpened | StayClosed | StayVoided) -> None:
    """Who was there on a day, by stay."""
    if isinstance(fact, StayVoided):
        for stays in present.values():
            stays.pop(fact.stay, None)
        return
    begun_ms = fact.at_ms if isinstance(fact, StayOpened) else fact.from_ms
    present[_day(school, fact, begun_ms)][fact.stay] = fact.pupil


def _day(school: School, fact: Past, begun_ms: int) -> date:
    """The day of service; a night belongs to the day on which it began."""
    return day_coded(fact.day) if fact.day else day_of(begun_ms, school.sites[fact.site].zone)


def _of_day(school: School, charges: list[Charged], household: int, day: date, present: frozenset[int]) -> Iterator[Rerated]:
    """A pupil's charges of a day once more: articles, then what was spent by the clock, as a group's day fills up (dues.py)."""
    spent: defaultdict[int, int] = defaultdict(int)
    for one in sorted(charges, key=lambda one: (one.item not in school.products, one.why.from_ms, one.item, one.stay)):
        tariff, cents, why = tariff_on(school, one.item, day), one.cents, one.why
        group = tariff.group if tariff else 0
        payer = payer_on(school, school.pupils[one.pupil], one.item, day)
        if tariff is not None and (group or is_by_income(tariff)) and payer == one.payer == household:
            cents, why = reprice(school, one, present, spent[group] if group else 0)
        if group:
            spent[group] += cents
        yield Rerated(one, day, cents, why)


# --- credit notes ---------------------------------------------------------------------------------


def asks(books: Books, run: int, changes: Iterable[Rerated], today: date) -> Mapping[int, tuple[Rerated, ...]]:
    """What is corrected together, by ask: a pupil's charges; an order alone, for it is known by the ask of its charge.

    An order that was cancelled late keeps its price until its day is over: it may be resold, and then the price paid comes back.
    """
    found: defaultdict[int, tuple[Rerated, ...]] = defaultdict(tuple)
    for each in changes:
        order = _order(books, each)
        if order is not None and order.late and each.day >= today:
            continue
        found[derived(run, f"rerate|{each.charged.pupil}|{order.id if order else 0}")] += (each,)
    return found


def corrected(school: School, books: Books, ask: int, changes: tuple[Rerated, ...], at_ms: int, who: int = 0) -> Facts:
    """The credit notes and new charges of one ask, by `who`, and who has to be told that a wallet is low by them."""
    facts: Facts = ()
    for each in changes:
        taken = books.charges[each.charged.charge]
        if not taken.reversed:
            facts += (*reverse(ask, taken, at_ms, Reason.CORRECTED, who), *_again(books, ask, taken, each, (at_ms, who)))
    for wallet in sorted({each.charged.wallet for each in changes}):
        less_cents = moved_cents(facts, wallet)
        if less_cents < 0:
            facts += lowered(school, books, ask, wallet, less_cents, at_ms)
    return facts


def _again(books: Books, ask: int, taken: Charge, each: Rerated, stamp: tuple[int, int]) -> Facts:
    """The charge with its new price; an order that is not handed out yet is from now on paid by it."""
    (at_ms, who), order = stamp, _order(books, each)
    entries = move(wallet_account(taken.wallet), sales_account(taken.site, taken.item), each.cents)
    dearer = bool(taken.limit_day) and each.more_cents > 0  # it may pass a limit, and then says why
    made = replace(
        each.charged,
        ask=ask,
        charge=charge_id(ask) if order else derived(ask, f"charge|{taken.id}"),
        cents=each.cents,
        at_ms=at_ms,
        why=each.why,
        reason=Reason.CORRECTED if dearer else each.charged.reason,
        entries=entries if taken.stage is Stage.POSTED else (),
        stage=taken.stage,
        who=who,
    )
    if order is None or order.late:
        return (made,)
    day = day_code(each.day)
    return (MealReserved(ask, order.id, taken.pupil, taken.site, order.product, day, By.STAFF, who, at_ms), made)


def _order(books: Books, each: Rerated) -> Meal | None:
    """The order that this charge is for, as long as it is not handed out."""
    one = each.charged
    meal = books.meals.get((one.pupil, one.site, day_code(each.day)))
    return meal if meal is not None and not meal.served_ms and charge_id(meal.ask) == one.charge else None
