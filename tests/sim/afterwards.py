"""The rules of what is put right late, told anew: money of families that are one, and charges that are another household's to pay."""

from collections.abc import Iterable

from tests.sim.reckoning import Paid, Reckoning
from tests.sim.rules import LOWEST_CENTS, MEALS, Effect, Effects, paid_back
from tests.sim.setting import day_code


def repaid(books: Reckoning, charges: Iterable[int], at_ms: int) -> Effects:
    """Charges that staff move to who has the turn now, at the same price; an order that is not handed out goes along.

    What is not another's to pay, or may still be resold, is not moved. What care and study come to is told by their days (`corrected.py`).
    """
    effects: Effects = []
    for charge in charges:
        paid = books.paid[charge]
        if paid.item in MEALS or paid.item in LOWEST_CENTS:
            effects += _repaid(books, charge, paid) if is_anothers(books, charge, at_ms) else ()
    return effects


def _repaid(books: Reckoning, charge: int, paid: Paid) -> Effects:
    order = books.orders.get((paid.pupil, paid.place[0], paid.on))
    ordered: Effects = []
    if order is not None and order.charge == charge and not order.served and not order.late:
        ordered = [("order", paid.pupil, paid.place[0], paid.on, order.product, False)]
    place = books.place(paid.place[0], paid.pupil, paid.item, paid.on)
    reason = "corrected" if paid.day else paid.reason
    again: Effect = ("charge", place, paid.pupil, paid.item, paid.cents, paid.stage, reason, paid.day)
    return [*paid_back(books, charge), *ordered, again]


def is_anothers(books: Reckoning, charge: int, at_ms: int) -> bool:
    """Whether a charge stands, and is another household's to pay; not what was cancelled late, as long as it may be resold."""
    paid = books.paid[charge]
    order = books.orders.get((paid.pupil, paid.place[0], paid.on))
    waits = order is not None and order.charge == charge and order.late and not order.served and paid.on >= day_code(at_ms)
    payer = books.known.first.get(paid.payer, paid.payer)
    return not paid.back and not waits and payer != books.payer(paid.pupil, paid.item, paid.on)


def brought_over(books: Reckoning) -> Effects:
    """All that is in wallets of families that were entered a second time, to the same wallet of the first; what was set aside is free."""
    effects: Effects = []
    for place in [place for place in books.wallets if place[1] in books.known.first]:
        effects += [("free", place, hold) for hold in books.holds.get(books.wallets[place], {})]
        if books.balance(place):
            effects.append(("transfer", place, (place[0], books.known.first[place[1]], place[2]), books.balance(place)))
    return effects
