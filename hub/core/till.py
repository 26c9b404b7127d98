"""The till: one configured article, sold by the tap. A shortage shows only to staff; the pupil's light is the same."""

from hub.core.books import Books
from hub.core.facts import Code, Refusal, Rule, Why
from hub.core.school import Product, School
from hub.core.tap import Outcome, Tap
from hub.core.wallets import Sale, charge


def take(school: School, books: Books, tap: Tap, product: Product) -> Outcome:
    """Sell the article, or say why not; one that was already handed over is only booked."""
    if tap.unlit:
        return Outcome(Code.SEEN)
    why = Why(Rule.PRICE, unit_tenths=product.price_cents * 10)
    sale = Sale(tap.pupil, tap.site, product.id, product.price_cents, why, product.policy, tap.at_ms, tap.forced)
    paid = charge(school, books, tap.ask, sale)
    return Outcome(Code.SHORTAGE) if isinstance(paid, Refusal) else Outcome(Code.SOLD, paid)
