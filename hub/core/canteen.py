"""Meals: reserving, and handing out at a till. A child who is there eats; what it costs is the payer's matter."""

from datetime import date

from hub.core.books import Books
from hub.core.calendar import day_of
from hub.core.facts import Code, Facts, MealReserved, MealServed, Refusal, Rule, Why, derived
from hub.core.school import Policy, Product, ProductKind, School
from hub.core.tap import Outcome, Tap
from hub.core.wallets import Sale, charge


def take(school: School, books: Books, tap: Tap, product: Product) -> Outcome:
    """Hand out the reserved meal of the day, once; without a reservation the child is served and charged."""
    day = _number(day_of(tap.at_ms, tap.site.zone))
    meal = books.meals.get((tap.pupil.id, tap.site.id, day))
    if meal is not None and meal.served_ms:
        return Outcome(Code.MEAL_AGAIN)
    served = MealServed(tap.ask, meal.id if meal else 0, tap.pupil.id, tap.site.id, meal.product if meal else product.id, day, tap.at_ms)
    if meal is not None:
        return Outcome(Code.MEAL, (served,))
    if tap.unlit:
        return Outcome(Code.WALK_UP, (served,))
    why = Why(Rule.PRICE, unit_tenths=product.price_cents * 10)
    paid = charge(
        school, books, tap.ask, Sale(tap.pupil, tap.site, product.id, product.price_cents, why, Policy.MUST_SERVE, tap.at_ms, tap.forced)
    )
    assert not isinstance(paid, Refusal), "a child who is there eats"
    return Outcome(Code.WALK_UP, (served, *paid))


def reserve(school: School, books: Books, ask: int, pupil: int, product: int, day: str, at_ms: int) -> Facts | Refusal:
    """Reserve a meal for a day (YYYY-MM-DD), paid at ordering (requirement S77), whatever the balance and the product's policy."""
    who, what = school.pupils.get(pupil), school.products.get(product)
    if who is None or what is None or what.kind is not ProductKind.MEAL:
        return Refusal("no_such_meal")
    number = day_number(day)
    if number is None:
        return Refusal("no_such_day")
    if (pupil, what.site, number) in books.meals:
        return Refusal("already_reserved", {"day": number})
    why = Why(Rule.PRICE, unit_tenths=what.price_cents * 10)
    sale = Sale(who, school.sites[what.site], product, what.price_cents, why, Policy.MUST_SERVE, at_ms, day=date.fromisoformat(day))
    paid = charge(school, books, ask, sale)
    return paid if isinstance(paid, Refusal) else (MealReserved(ask, derived(ask, "meal"), pupil, what.site, product, number), *paid)


def day_number(day: str) -> int | None:
    """`2025-01-06` as 20250106; None when it is no day."""
    try:
        return _number(date.fromisoformat(day))
    except ValueError:
        return None


def _number(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day
