"""The rules of the house told anew: what an act has to come to, given what was booked before it. It asks no code of the hub's.

The answer is what must be booked, as effects without ids; or the code of the refusal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tests import schools
from tests.sim.acts import Act, Kind, Place
from tests.sim.reckoning import DRINK, MEAL, PARC_MEAL, SANDWICH, SOUP, Order, Reckoning
from tests.sim.setting import PARC, TILLEULS, Known, children, code, day_at, day_code, payers

Effect = tuple[object, ...]
Effects = list[Effect]

PRICES_CENTS = {SANDWICH: 3_20, DRINK: 1_50, MEAL: 4_50, SOUP: 2_00, PARC_MEAL: 4_00}
LOWEST_CENTS = {SANDWICH: 0, DRINK: -10_00}
"""How low what is available may be after a sale of this article; a meal is served whatever the balance. Articles have a daily limit."""
MEALS = {MEAL: TILLEULS, SOUP: TILLEULS, PARC_MEAL: PARC}
MENUS = {TILLEULS: (MEAL, SOUP, SANDWICH), PARC: (PARC_MEAL,)}
ARTICLES = {"drink-till": DRINK, "sandwich-till": SANDWICH}
TILLS = {**ARTICLES, "meal-till": MEAL}
HORIZON = timedelta(days=15)
UNDO_MS, VOID_LIMIT_CENTS = 300_000, 10_00
DESK_SITE = TILLEULS
MENU_DAYS = range(-2, 8)
"""The days around a world's own on which there is a menu."""


@dataclass(frozen=True, slots=True)
class Lunch:
    """When orders close and when portions are resold no more, in minutes of each day; the world's first day."""

    first: date
    cut_off_min: int
    waiting_until_min: int

    def is_late(self, day: date, at_ms: int) -> bool:
        """From the very first instant of the minute on."""
        return at_ms >= _instant_ms(day, self.cut_off_min)

    def is_over(self, day: date, at_ms: int) -> bool:
        return at_ms >= _instant_ms(day, self.waiting_until_min)

    def is_on_menu(self, site: int, day: date, product: int) -> bool:
        return product in MENUS.get(site, ()) and (day - self.first).days in MENU_DAYS


@dataclass(frozen=True, slots=True)
class Case:
    """An act at its moment, with the books before it."""

    books: Reckoning
    lunch: Lunch
    act: Act
    at_ms: int

    @property
    def key(self) -> tuple[int, int, int]:
        return self.act.pupil, self.act.site, code(self.act.day)

    @property
    def order(self) -> Order | None:
        return self.books.orders.get(self.key)

    @property
    def today(self) -> date:
        return day_at(self.at_ms)


def expected(case: Case) -> Effects | str:
    """What this act has to come to."""
    return _EXPECTED[case.act.kind](case)


# --- what is bought ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sale:
    """What somebody would buy; `day` of service as YYYYMMDD, `hold` that it settles."""

    pupil: int
    site: int
    product: int
    cents: int
    day: int
    at_ms: int
    hold: int = 0


def _sold(books: Reckoning, sale: Sale, before: Effects) -> Effect | str:
    """A charge, or why not; in a pilot nothing stops it. `before`: what the same ask has decided already."""
    place = books.place(sale.site, sale.pupil, sale.product, sale.day)
    if books.setting.in_pilot(sale.site, sale.day):
        return _charged(sale, place, "pilot")
    return _short(books, sale, place, before) or _charged(sale, place)


def _charged(sale: Sale, place: Place, stage: str = "posted", reason: str = "") -> Effect:
    """With the day whose limit of the parents' it counts for; a meal counts for none."""
    return "charge", place, sale.pupil, sale.product, sale.cents, stage, reason, sale.day if sale.product in LOWEST_CENTS else 0


def _short(books: Reckoning, sale: Sale, place: Place, before: Effects) -> str:
    if sale.product not in LOWEST_CENTS:
        return ""
    left_cents = (
        books.balance(place) - books.held(place, sale.at_ms, sale.hold) + sum(_moved(effect, place) for effect in before) - sale.cents
    )
    if left_cents < LOWEST_CENTS[sale.product]:
        return "shortage"
    limit_cents = books.limits.get(sale.pupil, 0)
    spent_cents = books.spent.get((sale.pupil, sale.day), 0) + sum(_spent(effect, sale.pupil) for effect in before)
    return "daily_limit" if limit_cents and spent_cents + sale.cents > limit_cents else ""


def _moved(effect: Effect, place: Place) -> int:
    sign = {"charge": -1, "back": 1}.get(str(effect[0]), 0)
    return sign * int(str(effect[4])) if sign and effect[1] == place and effect[5] == "posted" else 0


def _spent(effect: Effect, pupil: int) -> int:
    """Articles only; a charge of the same ask is of the same day."""
    if effect[0] not in {"charge", "back"} or effect[2] != pupil or effect[3] not in LOWEST_CENTS:
        return 0
    return int(str(effect[4])) * (1 if effect[0] == "charge" else -1)


def _ordered(books: Reckoning, key: tuple[int, int, int], product: int, at_ms: int, before: Effects) -> Effects | str:
    """An order and its charge; what is ordered in a pilot for a day after it is charged when the site goes live."""
    pupil, site, day = key
    if books.setting.in_pilot(site, day_code(at_ms)) and not books.setting.in_pilot(site, day):
        return [("order", *key, product, True)]
    paid = _sold(books, Sale(pupil, site, product, PRICES_CENTS[product], day, at_ms), before)
    return paid if isinstance(paid, str) else [("order", *key, product, False), paid]


def paid_at_last(books: Reckoning, key: tuple[int, int, int], at_ms: int) -> Effects:
    """An order of a pilot for a day after it: charged once the site is live, whatever limit it passes; then it says why."""
    pupil, site, day = key
    order = books.orders.get(key)
    if order is None or not order.deferred or books.setting.in_pilot(site, day_code(at_ms)):
        return []
    place, sale = books.place(site, pupil, order.product, day), Sale(pupil, site, order.product, PRICES_CENTS[order.product], day, at_ms)
    return [_charged(sale, place, reason="promised" if _short(books, sale, place, []) else "")]


def paid_back(books: Reckoning, charge: int) -> Effects:
    """The whole charge, once."""
    paid = books.paid.get(charge)
    return [("back", paid.place, paid.pupil, paid.item, paid.cents, paid.stage)] if paid and not paid.back else []


# --- orders ------------------------------------------------------------------------------------


def _not_offered(case: Case) -> str:
    act = case.act
    if act.day < case.today:
        return "past_day"
    if act.day > case.today + HORIZON:
        return "too_early"
    return "" if case.lunch.is_on_menu(act.site, act.day, act.product) else "not_on_menu"


def _order(case: Case) -> Effects | str:
    refused = _not_offered(case) or ("already_reserved" if case.order else "") or _too_late(case)
    return refused or _ordered(case.books, case.key, case.act.product, case.at_ms, [])


def _too_late(case: Case) -> str:
    return "too_late" if case.lunch.is_late(case.act.day, case.at_ms) else ""


def _reserve(case: Case) -> Effects | str:
    return "already_reserved" if case.order else _ordered(case.books, case.key, case.act.product, case.at_ms, [])


def _change(case: Case) -> Effects | str:
    order = case.order
    refused = _not_offered(case)
    if refused or order is None or order.served or order.product == case.act.product:
        return refused or "nothing_to_change"
    if _too_late(case):
        return "too_late"
    back = paid_back(case.books, order.charge)
    bought = _ordered(case.books, case.key, case.act.product, case.at_ms, back)
    return bought if isinstance(bought, str) else [*back, *bought]


def _cancel(case: Case) -> Effects | str:
    order = case.order
    if order is None:
        return "nothing_to_cancel"
    if order.served or order.late:
        return "already_collected" if order.served else "already_cancelled"
    if case.act.day < case.today:
        return "past_day"
    late = bool(_too_late(case))
    cancelled: Effects = [("cancel", *case.key, order.product, late)]
    if not late:
        return [*cancelled, *paid_back(case.books, order.charge)]
    return [*cancelled, *_resold_to_first(case, order)]


def _resold_to_first(case: Case, order: Order) -> Effects:
    if case.lunch.is_over(case.act.day, case.at_ms):
        return []
    for pupil, product in case.books.waiting.get(case.key[1:], {}).items():
        sold = _resold(case, case.act.pupil, order, pupil) if product == order.product else ""
        if not isinstance(sold, str):
            return sold
    return []


def _resold(case: Case, seller: int, order: Order, buyer: int) -> Effects | str:
    back, (_, site, day) = paid_back(case.books, order.charge), case.key
    bought = _ordered(case.books, (buyer, site, day), order.product, case.at_ms, back)
    return bought if isinstance(bought, str) else [("resold", seller, site, day, order.product, buyer), *back, *bought]


def _wait(case: Case) -> Effects | str:
    refused = _not_offered(case) or ("already_reserved" if case.order else "")
    if refused or case.lunch.is_over(case.act.day, case.at_ms):
        return refused or "too_late"
    for seller, product in case.books.portions.get(case.key[1:], {}).items():
        if product == case.act.product:
            return _resold(case, seller, case.books.orders[seller, *case.key[1:]], case.act.pupil)
    if case.books.waiting.get(case.key[1:], {}).get(case.act.pupil) == case.act.product:
        return "already_waiting"
    return [("wait", *case.key, case.act.product)]


def _leave(case: Case) -> Effects | str:
    return [("wait", *case.key, 0)] if case.act.pupil in case.books.waiting.get(case.key[1:], {}) else "not_waiting"


def _collect(case: Case) -> Effects | str:
    found = handed_out(case.books, case.act.pupil, case.act.site, case.act.product, case.at_ms)
    return found or "already_collected"


def handed_out(books: Reckoning, pupil: int, site: int, product: int, at_ms: int, *, free: bool = False) -> Effects:
    """The order of the day, which is paid; without one the meal of this reader, whatever the balance. Nothing a second time."""
    key = (pupil, site, day_code(at_ms))
    order = books.orders.get(key)
    if order is not None:
        return [] if order.served else [("served", *key, order.product), *paid_at_last(books, key, at_ms)]
    if free:
        return [("served", *key, product)]
    place, sale = books.place(site, pupil, product, key[2]), Sale(pupil, site, product, PRICES_CENTS[product], key[2], at_ms)
    return [("served", *key, product), _charged(sale, place, "pilot" if books.setting.in_pilot(site, key[2]) else "posted")]


# --- the cash desk -----------------------------------------------------------------------------


def _open(case: Case) -> Effects | str:
    act = case.act
    if act.desk in case.books.sessions:
        return "already_open"
    return [("count", act.desk, False, act.cents, case.books.drawer(DESK_SITE, act.desk))]


def _close(case: Case) -> Effects | str:
    act = case.act
    if act.desk not in case.books.sessions:
        return "not_open"
    return [("count", act.desk, True, act.cents, case.books.drawer(DESK_SITE, act.desk))]


def _sell(case: Case) -> Effects | str:
    act, books = case.act, case.books
    if act.desk not in books.sessions:
        return "not_open"
    lines = [(product, PRICES_CENTS[product] * quantity) for product, quantity in act.goods]
    if not lines or act.cents != sum(cents for _, cents in lines):
        return "other_total" if lines else "nothing_sold"
    effects: Effects = []
    for product, cents in sorted(lines, key=lambda line: LOWEST_CENTS[line[0]]):  # what needs no money first
        sold = _sold(books, Sale(act.pupil, DESK_SITE, product, cents, code(case.today), case.at_ms), effects)
        if isinstance(sold, str):
            return sold
        effects.append(sold)
    return [*effects, ("sold", act.pupil, act.cents)]


def _pay_in(case: Case) -> Effects | str:
    act, books = case.act, case.books
    if act.desk not in books.sessions:
        return "not_open"
    if act.cents <= 0:
        return "no_amount"
    return [("cash", books.place(DESK_SITE, act.pupil, 0, code(case.today)), act.cents, books.receipts[DESK_SITE] + 1)]


def _void(case: Case) -> Effects | str:
    done = case.books.till.get(case.act.act)
    if done and done.who == case.act.who and done.cents > VOID_LIMIT_CENTS:
        return "another_person"
    return _taken_back(case)


def _undo(case: Case) -> Effects | str:
    done = case.books.till.get(case.act.act)
    if done and done.who != case.act.who:
        return "another_person"
    if done and not done.at_ms <= case.at_ms <= done.at_ms + UNDO_MS:
        return "too_late"
    return _taken_back(case)


def _taken_back(case: Case) -> Effects | str:
    act, books = case.act, case.books
    done = books.till.get(act.act)
    if act.desk not in books.sessions or done is None:
        return "not_open" if act.desk not in books.sessions else "no_such_act"
    if done.voided:
        return "already_voided"
    if any(books.paid[charge].back for charge in done.charges):
        return "corrected_since"
    return [("void", act.act, done.cents), *(effect for charge in done.charges for effect in paid_back(books, charge))]


# --- the bursar --------------------------------------------------------------------------------


def _opening(case: Case) -> Effects | str:
    if not case.books.known.by_pupil:
        return "no_such_wallet"
    return [("opening", (site, owner, "general" if site == PARC else ""), cents) for site, owner, cents in case.act.balances]


def _cleared(case: Case) -> Effects | str:
    act, books = case.act, case.books
    if act.place not in books.wallets:
        return "no_such_wallet"
    has_cents = books.available(act.place, case.at_ms)
    cents = has_cents - books.gathered(act.place) if act.kind is Kind.PAYOUT and not act.cents else act.cents
    if cents <= 0:
        return "nothing_to_pay"
    if act.kind is not Kind.TOP_UP and cents > has_cents:
        return "shortage"
    return [("clear", act.kind.name.lower(), act.place, cents)]


def _transfer(case: Case) -> Effects | str:
    act, books = case.act, case.books
    if not books.known.by_pupil or act.cents <= 0:
        return "no_amount" if books.known.by_pupil else "no_such_wallet"
    if act.place not in books.wallets or act.cents > books.available(act.place, case.at_ms):
        return "shortage"
    return [("transfer", act.place, act.target, act.cents)]


def _regroup(case: Case) -> Effects | str:
    """What is left in wallets of the old policy goes to who has them now; what was set aside there is free, and a reserve goes along."""
    books, given, left = case.books, dict(case.act.shares), dict[int, list[Place]]()
    for place in books.wallets:
        if place[0] == PARC and bool(place[2]) is not books.known.by_pupil and books.balance(place):
            left.setdefault(place[1], []).append(place)
    if given.keys() - left.keys():
        return "no_such_wallet"
    effects: Effects = []
    for owner, places in left.items():
        cents = sum(books.balance(place) for place in places)
        shares = _shares(cents, heirs(owner, books.known, to_pupils=books.known.by_pupil), dict(given.get(owner, ())))
        if isinstance(shares, str):
            return shares
        effects += [("free", place, hold) for place in places for hold in books.holds.get(books.wallets[place], {})]
        effects += [("transfer", place, places[0], books.balance(place)) for place in places[1:]]
        compartment = "general" if books.known.by_pupil else ""
        effects += [("transfer", places[0], (PARC, heir, compartment), share) for heir, share in shares.items()]
    return effects


def heirs(owner: int, known: Known, *, to_pupils: bool) -> list[int]:
    """Whose an owner's money may be under the other policy; what a family's second entry has is nobody's until it is brought over."""
    return children(owner, known) if to_pupils else payers(owner, known)


def _shares(cents: int, able: list[int], given: dict[int, int]) -> dict[int, int] | str:
    """All of it the only heir's, else as staff say, to the cent."""
    if not given and len(able) == 1:
        return {able[0]: cents}
    if not given and cents:
        return "shares_needed"
    if given.keys() - set(able):
        return "not_an_heir"
    return given if sum(given.values()) == cents and all(share * cents >= 0 for share in given.values()) else "shares_differ"


def _set_aside(case: Case) -> Effects | str:
    act, books = case.act, case.books
    if act.place not in books.wallets:
        return "no_such_wallet"
    if act.cents > books.available(act.place, case.at_ms):
        return "shortage"
    return [("hold", act.place, act.cents, case.at_ms + act.for_ms)]


def _hold(case: Case) -> Effects | str:
    sale = _article(case)
    place = case.books.place(sale.site, sale.pupil, sale.product, sale.day)
    return _short(case.books, sale, place, []) or [("hold", place, sale.cents, case.at_ms + case.act.for_ms)]


def _article(case: Case, hold: int = 0) -> Sale:
    act = case.act
    return Sale(act.pupil, act.site, act.product, PRICES_CENTS[act.product], code(case.today), case.at_ms, hold)


def _release(case: Case) -> Effects | str:
    act = case.act
    known = case.books.holds.get(case.books.wallets.get(act.place, 0), {})
    return [("free", act.place, act.act)] if act.act in known else "no_such_hold"


def _settle(case: Case) -> Effects | str:
    act, books = case.act, case.books
    sale = _article(case, act.act)
    place, sold = books.place(sale.site, sale.pupil, sale.product, sale.day), _sold(books, sale, [])
    freed: Effects = [("free", place, act.act)] if act.act in books.holds.get(books.wallets.get(place, 0), {}) else []
    return sold if isinstance(sold, str) else [sold, *freed]


_EXPECTED: dict[Kind, Callable[[Case], Effects | str]] = {
    Kind.OPENING: _opening,
    Kind.RESERVE: _reserve,
    Kind.ORDER: _order,
    Kind.CHANGE: _change,
    Kind.CANCEL: _cancel,
    Kind.WAIT: _wait,
    Kind.LEAVE: _leave,
    Kind.COLLECT: _collect,
    Kind.OPEN: _open,
    Kind.CLOSE: _close,
    Kind.SELL: _sell,
    Kind.PAY_IN: _pay_in,
    Kind.VOID: _void,
    Kind.UNDO: _undo,
    Kind.TOP_UP: _cleared,
    Kind.REFUND: _cleared,
    Kind.PAYOUT: _cleared,
    Kind.TRANSFER: _transfer,
    Kind.SET_ASIDE: _set_aside,
    Kind.REGROUP: _regroup,
    Kind.HOLD: _hold,
    Kind.RELEASE: _release,
    Kind.SETTLE: _settle,
}


# --- days --------------------------------------------------------------------------------------


def _instant_ms(day: date, minute: int) -> int:
    return int(datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=schools.ZONE).timestamp() * 1000)
