"""Bugs of what is asked at the desk: orders, the till, wallets, holds. `hub/core/{canteen,till,wallets,transfers}.py` and their folds."""

from tests.sim.planting import Bug, Edit

_HELD = "    return sum(hold.cents for hold in holds.values() if hold.until_ms > at_ms) if holds else 0"
_RESOLD = (
    "    del books.meals[fact.pupil, fact.site, fact.day]\n"
    "    books.deferred.pop((fact.pupil, fact.site, fact.day), None)\n"
    "    _forget(books.portions, fact)\n"
)
_GIVEN_BACK = "    if taken.limit_day:\n        _spend(books, taken.pupil, taken.limit_day, -taken.cents, fact.at_ms)\n"
_OTHER_HALF = '            return Refusal(paid.code, paid.numbers | {"total_cents": cents})\n'

BUGS = (
    Bug(
        "a hold is not counted in what is available",
        (
            Edit(
                "hub.core.wallets",
                "    return balance_cents(books, wallet) - held_cents(books, wallet, at_ms)",
                "    return balance_cents(books, wallet)",
            ),
        ),
    ),
    Bug(
        "an article is paid with what is set aside for another",
        (Edit("hub.core.wallets", "limit_day, after_cents - kept, earlier)", "limit_day, after_cents, earlier)"),),
    ),
    Bug("a hold that has expired still counts", (Edit("hub.core.wallets", _HELD, _HELD.replace(" if hold.until_ms > at_ms", "")),)),
    Bug("a hold is released twice", (Edit("hub.core.wallets", "    if hold not in books.holds.get(wallet, {}):", "    if hold < 0:"),)),
    Bug(
        "a hold outlives the charge that settles it",
        (Edit("hub.core.wallets", "(HoldReleased(ask, sale.hold, wallet, sale.at_ms, Reason.SETTLED),)", "()"),),
    ),
    Bug(
        "an order is charged once more when it is handed out",
        (
            Edit(
                "hub.core.canteen",
                "        return Outcome(Code.MEAL, (served, *late))",
                "        return Outcome(Code.MEAL, (served, *_walk_up(school, books, coming, product, today)))",
            ),
        ),
    ),
    Bug(
        "what comes at the very instant of the cut-off is in time",
        (Edit("hub.core.canteen", "    return None if wish.at_ms < last_ms else", "    return None if wish.at_ms <= last_ms else"),),
    ),
    Bug(
        "a late cancellation is refunded",
        (
            Edit(
                "hub.core.canteen",
                "    if not late:\n        back = _paid_back(",
                "    if meal.id:\n        back = _paid_back(",
            ),
        ),
    ),
    Bug("a portion is resold twice", (Edit("hub.core.folds", _RESOLD, "    _forget(books.waiting, fact)\n"),)),
    Bug(
        "who cancelled late is not paid when the portion is resold",
        (Edit("hub.core.canteen", "_paid_back(books, ask, meal, buyer.at_ms, Reason.RESOLD)", "Facts()"),),
    ),
    Bug(
        "who waited longest comes last",
        (Edit("hub.core.canteen", "    for first in waiting:", "    for first in reversed(tuple(waiting)):"),),
    ),
    Bug(
        "a changed order is paid twice",
        (Edit("hub.core.canteen", "_paid_back(books, ask, meal, wish.at_ms, Reason.CHANGED, _staff(wish))", "Facts()"),),
    ),
    Bug(
        "the number of a voided receipt is given again",
        (
            Edit(
                "hub.core.till",
                "        receipt=books.receipts.get(site.id, 0) + 1,",
                "        receipt=1 + sum(act.receipt > 0 and not act.voided for act in books.till.values()),",
            ),
        ),
    ),
    Bug(
        "a top-up is given back twice",
        (Edit("hub.core.till", "    if done.voided:", "    if done.voided and done.charges:"),),
    ),
    Bug(
        "a cashier voids a large act alone",
        (Edit("hub.core.till", "done.cents > (limit := school.canteen(done.site).void_limit_cents)", "(limit := done.cents) < 0"),),
    ),
    Bug(
        "an act is undone after five minutes",
        (Edit("hub.core.till", "cashier.at_ms - done.at_ms <= UNDO_MS:", "cashier.at_ms - done.at_ms <= 2 * UNDO_MS:"),),
    ),
    Bug("half a form is sold", (Edit("hub.core.till", _OTHER_HALF, "            break\n"),)),
    Bug(
        "the difference of a count is not booked",
        (Edit("hub.core.till", "move(drawer, other, counted_cents - expected_cents)", "move(drawer, other, 0)"),),
    ),
    Bug(
        "a transfer arrives in the wallet it came from",
        (
            Edit(
                "hub.core.transfers",
                "    entries = move(wallet_account(source), wallet_account(target), wish.cents)",
                "    entries = move(wallet_account(source), wallet_account(source), wish.cents)",
            ),
        ),
    ),
    Bug("what was voided still counts for the daily limit", (Edit("hub.core.folds", _GIVEN_BACK, ""),)),
    Bug(
        "the daily limit is that of the day of the order",
        (Edit("hub.core.wallets", "    return day_code(_day(sale))", "    return day_code(day_of(sale.at_ms, sale.site.zone))"),),
    ),
    Bug(
        "the reserve pays for meals",
        (Edit("hub.core.wallets", "    return site.id, pupil, Compartment.GENERAL", "    return site.id, pupil, Compartment.RESERVE"),),
    ),
    Bug(
        "what was set aside outlives the switch of a site's policy",
        (Edit("hub.core.transfers", "    return (*freed, *(_moved(", "    return (*(), *(_moved("),),
    ),
)
