"""Bugs of the rules and the books: `hub/core/`."""

from tests.sim.planting import Bug, Edit

_EVEN_BLOCKED = "    if trouble is not None and not (trouble is Code.BLOCKED and scan.shown is not None and scan.shown.light in YES):"
_HANDED_OUT = (
    "            handed_out = product is not None and (product.kind is ProductKind.MEAL or canteen.is_ordered(books, tap, product))"
)
_SEEN = " if product and handed_out else Outcome(Code.SEEN)"
_POOR = "books.balances.get(f'wallet:{books.wallets.get((tap.site.id, tap.pupil.household, \"\"), 0)}', 0) < 200"
_DISPATCHED = "    return _dispatch(school, books, _tap(school, arrived, badge.pupil))"
_NOT_BOOKED = (
    "    outcome = _dispatch(school, books, _tap(school, arrived, badge.pupil))\n"
    "    return Outcome(outcome.code) if scan.shown is not None and outcome.code is Code.MEAL else outcome"
)

BUGS = (
    Bug(
        "a tap repeated after a device's death is served twice",
        (
            Edit(
                "hub.core.scans",
                "    if last is not None and last.inc != scan.inc and abs(arrived.at_ms - last.at_ms) < AGAIN_MS:",
                "    if last is not None and last.inc == scan.inc and abs(arrived.at_ms - last.at_ms) < 0:",
            ),
        ),
    ),
    Bug(
        "a yes that nobody saw keeps its money",
        (
            Edit(
                "hub.core.scans",
                "    if not facts and charge is not None:",
                "    if not facts and charge is not None and charge.cents < 0:",
            ),
        ),
    ),
    Bug(
        "staff are not asked about a yes that nobody saw",
        (Edit("hub.core.scans", "*_questions(school, arrived, ask, decided.code, Reason.NOT_LIT, decided.pupil)", ""),),
    ),
    Bug("two taps of one life are one", (Edit("hub.core.scans", " and last.inc != scan.inc and ", " and "),)),
    Bug(
        "a yes that was lit is not booked after all",
        (
            Edit(
                "hub.core.scans",
                "    if lit and decided.light not in YES:",
                "    if lit and decided is None:",
            ),
        ),
    ),
    Bug("a yes that was lit offline may still be refused", (Edit("hub.core.scans", _EVEN_BLOCKED, "    if trouble is not None:"),)),
    Bug(
        "a no that was lit offline is charged",
        (Edit("hub.core.scans", "    unlit = shown is not None and shown.light not in YES\n", "    unlit = False\n"),),
    ),
    Bug(
        "a blocked badge is served",
        (Edit("hub.core.scans", "    return then, None if then.state is _ACTIVE else Code.BLOCKED", "    return then, None"),),
    ),
    Bug("a tap at a till sells", (Edit("hub.core.scans", _HANDED_OUT, "            handed_out = True"),)),
    Bug(
        "the light at a till tells the balance",
        (Edit("hub.core.scans", _SEEN, _SEEN.replace("Code.SEEN", f"Code.MEAL_AGAIN if {_POOR} else Code.SEEN")),),
    ),
    Bug(
        "an order handed out while the hub was away is not booked",
        (Edit("hub.core.scans", _DISPATCHED, _NOT_BOOKED),),
    ),
    Bug(
        "a limit holds only for the first article of a form",
        (
            Edit(
                "hub.core.wallets",
                "    if short and sale.despite is _NO_REASON:\n",
                "    if short and sale.despite is _NO_REASON and not earlier:\n",
            ),
        ),
    ),
    Bug(
        "a limit is not kept",
        (
            Edit(
                "hub.core.wallets",
                "        case Policy.MUST_HAVE_FUNDS:\n            return 0\n",
                "        case Policy.MUST_HAVE_FUNDS:\n            return after_cents\n",
            ),
        ),
    ),
    Bug(
        "charges are named by the wall clock",
        (Edit("hub.core.wallets", "        charge=charge_id(ask, ", '        charge=derived(sale.at_ms // 1000, "charge") or (ask, '),),
    ),
    Bug(
        "a decision writes the books",
        (
            Edit(
                "hub.core.wallets",
                "    booked = Charged(\n",
                '    books.balances[f"sales:{ask}"] = 0\n    booked = Charged(\n',
            ),
        ),
    ),
    Bug(
        "entries do not sum to zero",
        (
            Edit(
                "hub.core.ledger",
                "(Entry(source, -cents), Entry(target, cents))",
                "(Entry(source, -cents), Entry(target, cents + (cents > 400)))",
            ),
            Edit("hub.core.ledger", "    return total_cents == 0", "    return total_cents == total_cents"),
        ),
    ),
    Bug(
        "a charge taken back counts twice",
        (
            Edit(
                "hub.core.folds",
                "    _book(books, fact.entries)\n    if taken.limit_day:\n",
                "    _book(books, fact.entries)\n    _book(books, fact.entries)\n    if taken.limit_day:\n",
            ),
        ),
    ),
    Bug(
        "a meal is handed out twice",
        (Edit("hub.core.canteen", "    if meal is not None and meal.served_ms:\n", "    if meal is not None and meal.served_ms < 0:\n"),),
    ),
    Bug(
        "a pupil comes in twice",
        (
            Edit(
                "hub.core.attendance",
                "        if stay.id in kept:\n            continue\n",
                "        if stay.id in kept and stay.until_ms:\n            continue\n",
            ),
        ),
    ),
    Bug(
        "the books forget how far a device is",
        (Edit("hub.core.folds", "    line.n = max(line.n, n)\n", "    line.n = n - (n % 50 == 0)\n"),),
    ),
)
