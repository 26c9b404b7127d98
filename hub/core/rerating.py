"""Regularisation: past charges priced again with the family file that came since, or charged to who pays by the custody that came
since, and corrected line by line (M3, Q12). Nothing is corrected before staff ask for it.

With a file only the price is made anew: payer and wallet stand, and so does what others pay. With another payer the price is that
household's. A charge that is not right is taken back whole, which is its credit note, and made again as far as it was: posted, gathered,
or of a pilot. Done again, it finds nothing more to do; so a run that was cut off is simply run again.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from hub.core.books import Books
from hub.core.calendar import day_code, day_coded, day_of
from hub.core.codes import By, Reason, Stage
from hub.core.facts import Charged, Facts, MealReserved, StayClosed, StayOpened, StayVoided, WalletOpened, derived
from hub.core.families import rank_of
from hub.core.kept import Charge, Meal, Place
from hub.core.ledger import move, sales_account, wallet_account
from hub.core.payers import payer_on, payers
from hub.core.school import School, Tariff
from hub.core.tariffs import Filling, is_by_income, line_on, reprice, tariff_on
from hub.core.wallets import charge_id, lowered, moved_cents, place_of, reverse, wallet_of
from hub.core.whys import Rule, Why

Past = Charged | StayOpened | StayClosed | StayVoided
"""Facts that a day is priced again from: what was charged, and who was there."""


class Rerated(Struct, frozen=True):
    """A charge, its day of service, what it comes to now, and the household that pays it now."""

    charged: Charged
    day: date
    cents: int
    why: Why
    payer: int

    @property
    def more_cents(self) -> int:
        """How much dearer it is now; below zero where the family gets money back."""
        return self.cents - self.charged.cents

    @property
    def moves(self) -> bool:
        """Whether another household pays it now."""
        return self.payer != self.charged.payer


def family(school: School, household: int) -> frozenset[int]:
    """The pupils a household may have to pay for, and whoever may be a sibling of theirs."""
    children = (school.pupils[child] for child in school.kin.get(household, ()))
    others = {other for child in children for payer in payers(school, child) for other in school.kin.get(payer, ())}
    return frozenset(number for other in others for number in school.ids_of(other))


def rerated(school: School, books: Books, past: Iterable[Past], household: int, since: date) -> tuple[Rerated, ...]:
    """What a household's charges from a day of service on come to in this school, where it is not what they were; by day.

    `past`: in order, all charges and stays of its `family`.
    """

    def due(charges: list[Charged], day: _Past) -> set[int]:
        own = (one for one in charges if day.payer(one) == one.payer and school.home(one.payer) == household)
        return {one.charge for one in own if _goes_by_file(day.tariff(one))}

    return tuple(each for each in _again_priced(school, books, past, since, due) if each.more_cents)


def _goes_by_file(tariff: Tariff | None) -> bool:
    return tariff is not None and (tariff.group > 0 or is_by_income(tariff))


def repaid(school: School, books: Books, past: Iterable[Past], pupil: int, since: date) -> tuple[Rerated, ...]:
    """What of a pupil's charges from a day of service on is another household's to pay in this school, at that household's price; by day.

    With it comes what changes because of it: others of its tariff group, and brothers and sisters whose rank by payer is another now.
    `past`: in order, all charges and stays of the `families` of the pupil.
    """
    own = frozenset(school.ids_of(pupil))

    def due(charges: list[Charged], day: _Past) -> set[int]:
        stays = {one.charge for one in charges if day.payer(one) == one.payer}
        found = {one.charge for one in charges if (_rank_changes(one, day) if one.charge in stays else one.pupil in own)}
        groups = {_group(day.tariff(one)) for one in charges if one.charge in found} - {0}
        return found | {one.charge for one in charges if one.charge in stays and _group(day.tariff(one)) in groups}

    return tuple(each for each in _again_priced(school, books, past, since, due) if each.moves or each.more_cents)


def _group(tariff: Tariff | None) -> int:
    return tariff.group if tariff is not None else 0


def families(school: School, pupil: int) -> frozenset[int]:
    """The children of everybody who pays, or has paid, for a pupil on some day, and whoever may be a sibling of theirs."""
    return frozenset(school.ids_of(pupil)).union(*(family(school, household) for household in payers(school, school.pupils[pupil])))


def here_now(books: Books, pupils: Iterable[int]) -> list[StayOpened]:
    """The stays that nobody has ended yet, as facts: who is there counts for its brothers and sisters, too."""
    stays = (stay for pupil in pupils for stay in books.inside.get(pupil, {}).values())
    return [StayOpened(0, stay.id, stay.pupil, stay.site, stay.programme, stay.from_ms, stay.day) for stay in stays]


def per_wallet(school: School, books: Books, changes: Iterable[Rerated]) -> Mapping[Place, int]:
    """By how much the balance of each wallet changes at once, in cents; what is gathered or of a pilot is on none yet."""
    found: Counter[Place] = Counter()
    for each in changes:
        taken = books.charges[each.charged.charge]
        if taken.stage is Stage.POSTED:
            found[books.owners[taken.wallet].place] += taken.cents
            found[_place(school, books, each)] -= each.cents
    return {place: cents for place, cents in sorted(found.items()) if cents}


class _Past(Struct, frozen=True):
    """A day that has been, and who was there."""

    school: School
    day: date
    present: frozenset[int]

    def payer(self, one: Charged) -> int:
        """Who pays for a charge of this day, as it is set up now; the same as was charged where that is the same family, entered twice."""
        payer = payer_on(self.school, self.school.pupils[one.pupil], one.item, self.day)
        return one.payer if self.school.home(one.payer) == payer else payer

    def tariff(self, one: Charged) -> Tariff | None:
        """The tariff of a charge of this day; None where it was priced by none."""
        return tariff_on(self.school, one.item, self.day) if one.why.tariff else None


_Due = Callable[[list[Charged], _Past], set[int]]
"""Which of a pupil's charges of a day have to be made anew."""


def _again_priced(school: School, books: Books, past: Iterable[Past], since: date, due: _Due) -> Iterator[Rerated]:
    """Every charge that stands, by day and pupil, as it comes out in this school where it is due, and as it is elsewhere."""
    present: defaultdict[date, dict[int, int]] = defaultdict(dict)
    charged: defaultdict[tuple[date, int], list[Charged]] = defaultdict(list)
    for fact in past:
        if fact.site not in school.sites or fact.pupil not in school.pupils:
            continue
        if not isinstance(fact, Charged):
            _came(school, present, fact)
        elif not books.charges[fact.charge].reversed:
            charged[_day(school, fact, fact.why.from_ms or fact.at_ms), fact.pupil].append(fact)
    for (day, _), charges in sorted(charged.items()):
        if day >= since:
            yield from _of_day(school, charges, _Past(school, day, frozenset(present[day].values())), due)


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
    code = fact.day or (fact.limit_day if isinstance(fact, Charged) else 0)
    return day_coded(code) if code else day_of(begun_ms, school.sites[fact.site].zone)


def _of_day(school: School, charges: list[Charged], day: _Past, due: _Due) -> Iterator[Rerated]:
    """A pupil's charges of a day once more: articles, then what was spent by the clock, as a group's day fills up (dues.py)."""
    filling, wanted = Filling(), due(charges, day)
    for one in sorted(charges, key=lambda one: (one.item not in school.products, one.why.from_ms, one.item, one.stay)):
        group, is_due = _group(day.tariff(one)), one.charge in wanted
        before_cents = filling.before_cents(group, absent=one.why.rule is Rule.ABSENCE) if group else 0
        cents, why = reprice(school, one, day.present, before_cents) if is_due else (one.cents, one.why)
        if group:
            filling.add(group, cents, why)
        yield Rerated(one, day.day, cents, why, day.payer(one) if is_due else one.payer)


def _rank_changes(one: Charged, day: _Past) -> bool:
    """Whether a child is another one of the family's now: an elder one is paid for by somebody else, or by the same household."""
    school, tariff = day.school, day.tariff(one)
    if tariff is None or one.why.terms is None:
        return False
    pupil = school.pupils[one.pupil]
    _, line = line_on(school, pupil, one.site, tariff, day.day)
    return line.siblings is not None and rank_of(school, pupil, one.item, day.day, line.siblings, day.present) != one.why.terms.rank


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
    opened: tuple[WalletOpened, ...] = ()
    wallets: set[int] = set()
    for each in changes:
        taken = books.charges[each.charged.charge]
        if taken.reversed:
            continue
        wallet, new = wallet_of(books, ask, _place(school, books, each), at_ms, opened)
        reason = Reason.OTHER_PAYER if each.moves else Reason.CORRECTED
        ordered, made = _again(books, ask, taken, each, wallet, (at_ms, who))
        facts += (*reverse(ask, taken, at_ms, reason, who, made.charge), *new, *ordered, made)
        opened, wallets = (*opened, *new), wallets | {taken.wallet, wallet}
    for wallet in sorted(wallets):
        less_cents = moved_cents(facts, wallet)
        if less_cents < 0:
            facts += lowered(school, books, ask, wallet, less_cents, at_ms, opened)
    return facts


def _place(school: School, books: Books, each: Rerated) -> Place:
    """Where the new charge goes: to the wallet that had it, or, of another payer, where charges go by the site's policy."""
    one = each.charged
    if not each.moves:
        return books.owners[one.wallet].place
    return place_of(school.sites[one.site], each.payer, one.pupil)


def _again(books: Books, ask: int, taken: Charge, each: Rerated, wallet: int, stamp: tuple[int, int]) -> tuple[Facts, Charged]:
    """The charge as it is right, and before it the order that is not handed out yet: it is paid by it from now on."""
    (at_ms, who), order = stamp, _order(books, each)
    entries = move(wallet_account(wallet), sales_account(taken.site, taken.item), each.cents)
    passes = bool(taken.limit_day) and (each.moves or each.more_cents > 0)  # it may pass a limit, and then says why
    made = replace(
        each.charged,
        ask=ask,
        charge=charge_id(ask) if order else derived(ask, f"charge|{taken.id}"),
        wallet=wallet,
        payer=each.payer,
        cents=each.cents,
        at_ms=at_ms,
        why=each.why,
        reason=Reason.CORRECTED if passes else each.charged.reason,
        entries=entries if taken.stage is Stage.POSTED else (),
        stage=taken.stage,
        who=who,
    )
    if order is None or order.late:
        return (), made
    day = day_code(each.day)
    return (MealReserved(ask, order.id, taken.pupil, taken.site, order.product, day, By.STAFF, who, at_ms),), made


def _order(books: Books, each: Rerated) -> Meal | None:
    """The order that this charge is for, as long as it is not handed out."""
    one = each.charged
    meal = books.meals.get((one.pupil, one.site, day_code(each.day)))
    return meal if meal is not None and not meal.served_ms and charge_id(meal.ask) == one.charge else None
