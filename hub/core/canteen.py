"""Meals: ordering, changing and cancelling in time, reselling what is cancelled late, and handing out at a till.

A child who is there eats; what it costs is the payer's matter. A pupil has at most one order a day at a site: a meal, or a sandwich.
The menu says what can be ordered and for how much; who is told of what happens here is not this room's matter.
"""

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta

from msgspec import Struct

from hub.core.books import Books
from hub.core.calendar import day_code, day_coded, day_of, instant_ms
from hub.core.codes import By, Code, Reason
from hub.core.days import as_run_on, cut_off_ms
from hub.core.dues import Day, refilled
from hub.core.facts import Facts, MealAwaited, MealCancelled, MealReserved, MealResold, MealServed, Refusal, derived
from hub.core.kept import Meal, MealPlace
from hub.core.menus import Allergen, Diet, Menu, Offer, Unordered
from hub.core.school import Policy, Product, ProductKind, Pupil, Rows, School, Site
from hub.core.tap import Outcome, Tap
from hub.core.tariffs import price_of_product
from hub.core.wallets import Sale, charge, charge_id, in_pilot, reverse, told_of_whole

MAX_PRICE_CENTS = 100_00
"""More for one portion is a typing error."""


class Wish(Struct, frozen=True):
    """Whose order of which day, asked by whom; `at_ms`: when the hub received it, which alone decides (requirement Q10).

    `who`: the person's own number where one signed in.
    """

    pupil: int
    site: int
    day: date
    by: By
    at_ms: int
    who: int = 0


class Coming(Struct, frozen=True):
    """A pupil who comes to eat; the hub hears of it at `heard_ms`, maybe days later. `unlit` as of a tap; `by` STAFF: forgotten badge."""

    ask: int
    pupil: Pupil
    site: Site
    at_ms: int
    heard_ms: int
    unlit: bool = False
    by: By = By.PUPIL
    who: int = 0


class Fit(Struct, frozen=True):
    """Whether somebody may eat what is on a menu: what it contains that they must not eat, and whether it is of their diet."""

    contains: frozenset[Allergen]
    is_of_diet: bool

    @property
    def is_good(self) -> bool:
        return self.is_of_diet and not self.contains


def fit(diet: Diet, product: Product, offer: Offer) -> Fit:
    """How an offer suits a diet. It is said, and never refused: staff and parents know more of a child than a list does."""
    return Fit(diet.allergens & (product.allergens | offer.allergens), not diet.code or diet.code in product.diets)


# --- handing out ----------------------------------------------------------------------------------


def take(school: School, books: Books, tap: Tap, product: Product) -> Outcome:
    """Hand out the order of the day, once; without one the child is served and charged, whatever the balance."""
    return _hand_out(school, books, Coming(tap.ask, tap.pupil, tap.site, tap.at_ms, tap.taken_ms, tap.unlit), product)


def collect(school: School, books: Books, ask: int, wish: Wish, product: int) -> Facts | Refusal:
    """The same for a pupil whose badge was forgotten, by staff who know the pupil; it is the day of `at_ms`.

    `product`: what is handed out where nothing is ordered; what is no meal is handed out to whoever ordered it only.
    """
    pupil, what = school.pupils.get(wish.pupil), school.products.get(product)
    if pupil is None:
        return Refusal("no_such_pupil")
    if what is None or what.site != wish.site:
        return Refusal("no_such_meal")
    coming = Coming(ask, pupil, school.sites[wish.site], wish.at_ms, wish.at_ms, by=wish.by, who=wish.who)
    today = day_code(day_of(wish.at_ms, coming.site.zone))
    meal = books.meals.get((pupil.id, wish.site, today))
    if what.kind is not ProductKind.MEAL and (meal is None or meal.product != product):
        return Refusal("no_such_meal")
    return _hand_out(school, books, coming, what).facts or Refusal("already_collected", {"day": today})


def is_ordered(books: Books, tap: Tap, product: Product) -> bool:
    """Whether this very product is the pupil's order of the day: then a tap hands it out, and sells nothing."""
    meal = books.meals.get((tap.pupil.id, tap.site.id, day_code(day_of(tap.at_ms, tap.site.zone))))
    return meal is not None and meal.product == product.id


def _hand_out(school: School, books: Books, coming: Coming, product: Product) -> Outcome:
    """An order that was cancelled late and not resold is still the pupil's own: it is paid."""
    today = day_of(coming.at_ms, coming.site.zone)
    day = day_code(today)
    meal = books.meals.get((coming.pupil.id, coming.site.id, day))
    if meal is not None and meal.served_ms:
        return Outcome(Code.MEAL_AGAIN)
    number, what = (meal.id, meal.product) if meal else (0, product.id)
    place = (coming.pupil.id, coming.site.id, what, day)
    served = MealServed(coming.ask, number, *place, coming.at_ms, coming.by, coming.who)
    if meal is not None:
        late = _paid_at_last(school, books, coming.ask, (coming.pupil.id, coming.site.id, day), coming.heard_ms) if books.deferred else ()
        return Outcome(Code.MEAL, (served, *late))
    if coming.unlit:
        return Outcome(Code.WALK_UP, (served,))
    return Outcome(Code.WALK_UP, (served, *_walk_up(school, books, coming, product, today)))


def _walk_up(school: School, books: Books, coming: Coming, product: Product, today: date) -> Facts:
    rules = school.canteen(coming.site.id)
    surcharge_cents = rules.walk_up_cents if rules.walk_up is Unordered.SURCHARGE else 0
    cents, why = price_of_product(school, coming.pupil, product, today, supplement_cents=surcharge_cents)
    sale = Sale(coming.pupil, coming.site, product.id, cents, why, Policy.MUST_SERVE, coming.heard_ms, day=today)
    paid = charge(school, books, coming.ask, sale)
    assert not isinstance(paid, Refusal), "a child who is there eats"
    wish = Wish(coming.pupil.id, coming.site.id, today, coming.by, coming.heard_ms)
    return _with_care(school, books, coming.ask, wish, paid)


# --- ordering -------------------------------------------------------------------------------------


def reserve(school: School, books: Books, ask: int, pupil: int, product: int, day: str, at_ms: int) -> Facts | Refusal:
    """Reserve a meal for a day (YYYY-MM-DD) from the office's list: at any time, on no menu, whatever the product's policy."""
    who, what = school.pupils.get(pupil), school.products.get(product)
    if who is None or what is None or what.kind is not ProductKind.MEAL or what.withdrawn:
        return Refusal("no_such_meal")
    number = day_number(day)
    if number is None:
        return Refusal("no_such_day")
    if (pupil, what.site, number) in books.meals:
        return Refusal("already_reserved", {"day": number})
    return _ordered(school, books, ask, Wish(pupil, what.site, date.fromisoformat(day), By.STAFF, at_ms), what)


def order(school: School, books: Books, ask: int, wish: Wish, product: int) -> Facts | Refusal:
    """Order what is on the menu, until the cut-off, paid at once (requirements S72, S73, S77)."""
    what = _offered(school, wish, product)
    if isinstance(what, Refusal):
        return what
    if _meal(books, wish) is not None:
        return Refusal("already_reserved", {"day": day_code(wish.day)})
    return _in_time(school, wish) or _ordered(school, books, ask, wish, what)


def order_by_staff(school: School, books: Books, ask: int, wish: Wish, product: int) -> Facts | Refusal:
    """The same for staff, who may order a meal after the cut-off too: a child who is there eats."""
    booked, what = order(school, books, ask, wish, product), school.products.get(product)
    late = isinstance(booked, Refusal) and booked.code == "too_late" and what is not None and what.kind is ProductKind.MEAL
    return _ordered(school, books, ask, wish, what) if late and what else booked


def change(school: School, books: Books, ask: int, wish: Wish, product: int) -> Facts | Refusal:
    """Another product instead, until the cut-off: what was paid comes back, the new price is paid, so the difference is booked."""
    what, meal = _offered(school, wish, product), _meal(books, wish)
    if isinstance(what, Refusal):
        return what
    if meal is None or meal.served_ms or meal.product == product:
        return Refusal("nothing_to_change", {"day": day_code(wish.day)})
    late = _in_time(school, wish)
    if late is not None:
        return late
    back = _paid_back(books, ask, meal, wish.at_ms, Reason.CHANGED, _staff(wish))
    booked = _ordered(school, books, ask, wish, what, back, meal.id)
    return booked if isinstance(booked, Refusal) else (*back, *booked)


def cancel(school: School, books: Books, ask: int, wish: Wish) -> Facts | Refusal:
    """In time: the price that was paid comes back. Later: only if the portion is resold to somebody who waits (S76, M12)."""
    meal = _meal(books, wish)
    if meal is None:
        return Refusal("nothing_to_cancel", {"day": day_code(wish.day)})
    if meal.served_ms or meal.late:
        return Refusal("already_collected" if meal.served_ms else "already_cancelled", {"day": day_code(wish.day)})
    if wish.day < day_of(wish.at_ms, school.sites[wish.site].zone):
        return Refusal("past_day", {"day": day_code(wish.day)})
    late = _in_time(school, wish) is not None
    place = (wish.pupil, wish.site, meal.product, day_code(wish.day))
    cancelled = MealCancelled(ask, meal.id, *place, wish.by, wish.who, wish.at_ms, late)
    if not late:
        back = _paid_back(books, ask, meal, wish.at_ms, Reason.CANCELLED, _staff(wish))
        return _with_care(school, books, ask, wish, (cancelled, *back))
    return (cancelled, *_resold_to_first(school, books, ask, wish, meal.product))


def _ordered(school: School, books: Books, ask: int, wish: Wish, product: Product, earlier: Facts = (), meal: int = 0) -> Facts | Refusal:
    """The order and its charge, of who is at the school that day.

    In a pilot, an order for a day after it is charged when the site goes live (`charge_deferred`; section 5, pilot).
    """
    left = _left(school, wish)
    if left is not None:
        return left
    pupil, site = school.pupils[wish.pupil], school.sites[wish.site]
    number, day = meal or derived(ask, "meal"), day_code(wish.day)
    place = (number, wish.pupil, wish.site, product.id, day, wish.by, wish.who, wish.at_ms)
    if in_pilot(site, day_of(wish.at_ms, site.zone)) and not in_pilot(site, wish.day):
        return (MealReserved(ask, *place, deferred=True),)
    cents, why = price_of_product(school, pupil, product, wish.day)
    sale = Sale(pupil, site, product.id, cents, why, _policy(product), wish.at_ms, day=wish.day)
    paid = charge(school, books, ask, sale, earlier)
    if isinstance(paid, Refusal):
        return paid
    return _with_care(school, books, ask, wish, (MealReserved(ask, *place), *paid), earlier)


def charge_deferred(school: School, books: Books, ask: int, place: MealPlace, now_ms: int) -> Facts:
    """Charge what was ordered in the pilot for a day after it, once the site is live; it has been promised, so nothing stops it.

    An article that its policy or the parents' daily limit would stop passes that limit for this reason, and says so (promise P7).
    """
    (pupil, site, day), meal = place, books.meals.get(place)
    paid = _paid_at_last(school, books, ask, place, now_ms)
    return (MealReserved(ask, meal.id, pupil, site, meal.product, day, at_ms=now_ms), *paid) if meal and paid else ()


def _policy(product: Product) -> Policy:
    """A meal is ordered whatever the balance; another product as its policy says."""
    return Policy.MUST_SERVE if product.kind is ProductKind.MEAL else product.policy


def _paid_at_last(school: School, books: Books, ask: int, place: MealPlace, now_ms: int) -> Facts:
    (pupil, site, code), meal = place, books.meals.get(place)
    if (
        place not in books.deferred
        or meal is None
        or pupil not in school.pupils
        or in_pilot(school.sites[site], _today(school, site, now_ms))
    ):
        return ()
    product, day = school.products[meal.product], day_coded(code)
    who, where = school.pupils[pupil], school.sites[site]
    cents, why = price_of_product(school, who, product, day)
    sale = Sale(who, where, product.id, cents, why, _policy(product), now_ms, day=day, despite=Reason.PROMISED)
    paid = charge(school, books, ask, sale)
    assert not isinstance(paid, Refusal), "what was promised is served"
    return _with_care(school, books, ask, Wish(pupil, site, day, By.STAFF, now_ms), paid)


def _with_care(school: School, books: Books, ask: int, wish: Wish, made: Facts, earlier: Facts = ()) -> Facts:
    """These facts, and what the pupil's stays of the day cost now, where they and the meal have a maximum together."""
    pupil, site = school.pupils.get(wish.pupil), school.sites[wish.site]
    if pupil is None:
        return made
    then = as_run_on(school, wish.day)
    care = refilled(Day(then, books, ask, pupil, site, day_code(wish.day), wish.at_ms, bought=(*earlier, *made)))
    return told_of_whole(school, books, (*made, *care), earlier) if care else made


def _today(school: School, site: int, now_ms: int) -> date:
    return day_of(now_ms, school.sites[site].zone)


def _paid_back(books: Books, ask: int, meal: Meal, at_ms: int, reason: Reason, who: int = 0) -> Facts:
    """What an order costs so far; nothing where nothing was charged."""
    paid = books.charges.get(charge_id(meal.ask))
    return reverse(ask, paid, at_ms, reason, who) if paid else ()


def _staff(wish: Wish) -> int:
    """The member of staff who wishes it; 0 for a parent or a pupil, who are nobody of theirs."""
    return wish.who if wish.by is By.STAFF else 0


def _offered(school: School, wish: Wish, product: int) -> Product | Refusal:
    """What is ordered, if this pupil can be served there and it is on the menu of a day within the horizon."""
    if wish.pupil not in school.pupils or wish.site not in school.sites:
        return Refusal("no_such_pupil" if wish.pupil not in school.pupils else "no_such_site")
    left = _left(school, wish)
    if left is not None:
        return left
    today, rules = day_of(wish.at_ms, school.sites[wish.site].zone), school.canteen(wish.site)
    if wish.day < today:
        return Refusal("past_day", {"day": day_code(wish.day)})
    if wish.day > today + timedelta(days=rules.horizon_days):
        return Refusal("too_early", {"day": day_code(wish.day), "horizon_days": rules.horizon_days})
    if school.offer(wish.site, wish.day, product) is None or product not in school.products:
        return Refusal("not_on_menu", {"day": day_code(wish.day)})
    return school.products[product]


def _left(school: School, wish: Wish) -> Refusal | None:
    """Who has left, or will have, orders for no day from then on."""
    return None if school.pupils[wish.pupil].is_here(wish.day) else Refusal("has_left", {"day": day_code(wish.day)})


def _in_time(school: School, wish: Wish) -> Refusal | None:
    """Whether the order of that day may still be placed, changed or cancelled: not from the very instant of the cut-off on."""
    rules = school.canteen(wish.site)
    last_ms = cut_off_ms(school, school.sites[wish.site], wish.day, rules.days_before, rules.cut_off_min)
    return None if wish.at_ms < last_ms else Refusal("too_late", {"cut_off_ms": last_ms, "received_ms": wish.at_ms})


def _meal(books: Books, wish: Wish) -> Meal | None:
    return books.meals.get((wish.pupil, wish.site, day_code(wish.day)))


# --- waiting for what is cancelled late -----------------------------------------------------------


def wait(school: School, books: Books, ask: int, wish: Wish, product: int) -> Facts | Refusal:
    """Wait for a portion; one that was cancelled late and not resold is bought at once, after the cut-off too (requirement M12)."""
    what, day = _offered(school, wish, product), day_code(wish.day)
    if isinstance(what, Refusal):
        return what
    if _meal(books, wish) is not None:
        return Refusal("already_reserved", {"day": day})
    if not _still_resold(school, wish):
        return Refusal("too_late", {"day": day})
    portions = books.portions.get((wish.site, day), {})
    seller = next((pupil for pupil, portion in portions.items() if portion == product), None)
    if seller is not None:
        return _resold(school, books, ask, seller, wish)
    known = books.waiting.get((wish.site, day), {}).get(wish.pupil)
    if known is not None and known.product == product:
        return Refusal("already_waiting", {"day": day})
    return (MealAwaited(ask, wish.pupil, wish.site, product, day, wish.by, wish.who, wish.at_ms),)


def leave(_school: School, books: Books, ask: int, wish: Wish) -> Facts | Refusal:
    """Wait no longer."""
    day = day_code(wish.day)
    if wish.pupil not in books.waiting.get((wish.site, day), {}):
        return Refusal("not_waiting", {"day": day})
    return (MealAwaited(ask, wish.pupil, wish.site, 0, day, wish.by, wish.who, wish.at_ms),)


def _resold_to_first(school: School, books: Books, ask: int, wish: Wish, product: int) -> Facts:
    """To who has waited longest for this product and can pay for it; nothing where nobody does, or the meal is over."""
    waiting = books.waiting.get((wish.site, day_code(wish.day)), {}).values() if _still_resold(school, wish) else ()
    for first in waiting:
        if first.product == product and first.pupil in school.pupils:
            bought = _resold(school, books, ask, wish.pupil, Wish(first.pupil, wish.site, wish.day, first.by, wish.at_ms, first.who))
            if not isinstance(bought, Refusal):
                return bought
    return ()


def _resold(school: School, books: Books, ask: int, seller: int, buyer: Wish) -> Facts | Refusal:
    """The portion is the buyer's order, at the day's price; only now the seller has back what was paid."""
    day = day_code(buyer.day)
    meal = books.meals[seller, buyer.site, day]
    back = _paid_back(books, ask, meal, buyer.at_ms, Reason.RESOLD)
    booked = _ordered(school, books, ask, buyer, school.products[meal.product], back)
    if isinstance(booked, Refusal):
        return booked
    sold = (MealResold(ask, meal.id, seller, buyer.site, meal.product, day, buyer.pupil, buyer.at_ms), *back, *booked)
    return _with_care(school, books, ask, Wish(seller, buyer.site, buyer.day, buyer.by, buyer.at_ms), sold)


def _still_resold(school: School, wish: Wish) -> bool:
    """Whether a portion of that day can still be eaten by another."""
    until_min = school.canteen(wish.site).waiting_until_min
    return wish.at_ms < instant_ms(wish.day, until_min, school.sites[wish.site].zone)


# --- menus ----------------------------------------------------------------------------------------


def put_menu(school: School, menu: Menu, same: Callable[[object], bool]) -> Rows | Refusal:
    """A day's menu as it is from now on; `same` says whether it still is what it was made from. Orders that were placed stay."""
    if not same(school.menus.get((menu.site, menu.day), Menu(menu.site, menu.day, ()))):
        return Refusal("changed_meanwhile")
    for offer in menu.offers:
        product = school.products.get(offer.product)
        if product is None or product.site != menu.site:
            return Refusal("no_such_meal", {"product": offer.product})
        if not 0 <= offer.price_cents <= MAX_PRICE_CENTS:
            return Refusal("no_price", {"product": offer.product, "most_cents": MAX_PRICE_CENTS})
    return (menu,)


def copied_week(school: School, site: int, monday: date) -> Rows | Refusal:
    """The menus of the week before, for those days of a week that have none yet, without what is withdrawn."""
    week = [monday + timedelta(days=ahead) for ahead in range(7)]
    before = {day: _still_served(school, school.menus.get((site, day - timedelta(days=7)))) for day in week}
    empty = [(day, offers) for day, offers in before.items() if offers and not _has_menu(school, site, day)]
    return tuple(Menu(site, day, offers) for day, offers in empty) or Refusal("nothing_to_copy")


def _still_served(school: School, menu: Menu | None) -> tuple[Offer, ...]:
    """What of a menu can be put on another one."""
    products = school.products
    return tuple(offer for offer in menu.offers if not (offer.product in products and products[offer.product].withdrawn)) if menu else ()


def _has_menu(school: School, site: int, day: date) -> bool:
    menu = school.menus.get((site, day))
    return menu is not None and bool(menu.offers)


# --- for the kitchen ------------------------------------------------------------------------------


class Count(Struct, frozen=True):
    """Portions of one product for one diet and class: ordered (what was cancelled late is cooked), handed out, waited for.

    More may be handed out than were ordered: a child who comes without an order eats.
    """

    site: int
    product: int
    diet: str
    group: str
    ordered: int = 0
    collected: int = 0
    waiting: int = 0


def counts(school: School, books: Books, day: date, at: int = 0) -> tuple[Count, ...]:
    """What the kitchens need for a day, by site, product, diet and class (requirement P21); at the cost of pupils, not of history.

    `at`: one site's kitchen alone; 0 = all of them.
    """
    ordered: Counter[Line] = Counter()
    collected: Counter[Line] = Counter()
    waiting: Counter[Line] = Counter()
    code = day_code(day)
    for site in [at] if at else school.sites:
        awaited = books.waiting.get((site, code), {})
        for number, pupil in school.pupils.items():
            meal = books.meals.get((number, site, code))
            if meal is not None:
                line = _line(school, site, meal.product, pupil)
                ordered[line] += meal.id != 0
                collected[line] += meal.served_ms != 0
            if number in awaited:
                waiting[_line(school, site, awaited[number].product, pupil)] += 1
    lines = sorted({*ordered, *collected, *waiting})
    return tuple(Count(*line, ordered[line], collected[line], waiting[line]) for line in lines)


Line = tuple[int, int, str, str]
"""Site, product, diet, class."""


def _line(school: School, site: int, product: int, pupil: Pupil) -> Line:
    diet = school.diets.get(pupil.id)
    return site, product, diet.code if diet else "", pupil.group


def day_number(day: str) -> int | None:
    """`2025-01-06` as 20250106; None when it is no day."""
    try:
        return day_code(date.fromisoformat(day))
    except ValueError:
        return None
