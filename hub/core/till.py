"""The till: cash desk sessions, sales from the cashier's form, top-ups in cash, and taking back.

At a reader a tap identifies, or hands out what was ordered (canteen.py). The pupil's light is the same whatever the balance: a shortage
is a refusal to the form only. The money of a drawer is booked as minus: it is what the school holds of others.
"""

from datetime import date

from msgspec import Struct

from hub.core.books import Books
from hub.core.calendar import day_code, day_of
from hub.core.codes import Reason
from hub.core.facts import CashCounted, CashPaidIn, Charged, Facts, Refusal, TillSold, TillVoided, derived
from hub.core.kept import CashSession
from hub.core.ledger import cash_account, imbalance_account, move, vault_account, wallet_account
from hub.core.menus import Allergen, Diet, Unordered
from hub.core.money import MAX_CENTS
from hub.core.payers import payer_on
from hub.core.school import Policy, Product, ProductKind, Pupil, School, Site
from hub.core.tariffs import price_of_product
from hub.core.wallets import Sale, charge, lowered, place_of, reverse, wallet_of

UNDO_MS = 300_000
"""A cashier may take the last act back within five minutes, with its money, and needs nobody (complaint C23)."""
MAX_PAID_IN_CENTS = 1_000_00
"""More cash than this in one go is a typing error."""
MAX_QUANTITY = 99
"""Of one article on a form."""
VOID_REASONS = frozenset({Reason.WRONG_PUPIL, Reason.WRONG_PRODUCT, Reason.WRONG_AMOUNT, Reason.TWICE, Reason.CORRECTED})
_STRICTEST_LAST = (Policy.MUST_SERVE, Policy.LIMIT, Policy.MUST_HAVE_FUNDS)
"""What needs no money is counted first, so that the rest has to be paid beside it."""


class Cashier(Struct, frozen=True):
    """Who acts at which desk (a device's id); `at_ms`: when the hub received it."""

    desk: str
    who: int
    at_ms: int


class Goods(Struct, frozen=True):
    """One line of a cashier's form."""

    product: int
    quantity: int = 1


# --- the cashier's form ---------------------------------------------------------------------------


def sell(
    school: School, books: Books, ask: int, cashier: Cashier, pupil: int, goods: tuple[Goods, ...], total_cents: int
) -> Facts | Refusal:
    """Sell a whole form or nothing. `total_cents`: what the form showed; prices that have changed since are refused."""
    session = _session(books, cashier)
    if isinstance(session, Refusal):
        return session
    if pupil not in school.pupils:
        return Refusal("no_such_pupil")
    sales = _lines(school, school.sites[session.site], school.pupils[pupil], goods, cashier.at_ms)
    if isinstance(sales, Refusal):
        return sales
    cents = sum(sale.cents for sale in sales)
    if cents != total_cents:
        return Refusal("other_total", {"total_cents": cents})
    booked: Facts = ()
    for sale in sorted(sales, key=lambda sale: _STRICTEST_LAST.index(sale.policy)):
        paid = charge(school, books, ask, sale, booked)
        if isinstance(paid, Refusal):
            return Refusal(paid.code, paid.numbers | {"total_cents": cents})
        booked += paid
    charges = tuple(fact.charge for fact in booked if isinstance(fact, Charged))
    return (*booked, TillSold(ask, derived(ask, "till"), session.id, pupil, session.site, cashier.who, charges, cents, cashier.at_ms))


def quote(school: School, site: Site, pupil: Pupil, goods: tuple[Goods, ...], at_ms: int) -> tuple[int, ...] | Refusal:
    """What each line of a form would cost this pupil now: what it has to show, and what `sell` asks for."""
    sales = _lines(school, site, pupil, goods, at_ms)
    return sales if isinstance(sales, Refusal) else tuple(sale.cents for sale in sales)


def _lines(school: School, site: Site, pupil: Pupil, goods: tuple[Goods, ...], at_ms: int) -> list[Sale] | Refusal:
    """The lines of a form as sales, in its order."""
    today, sales = day_of(at_ms, site.zone), []
    for place, line in enumerate(goods, 1):
        product = school.products.get(line.product)
        if product is None or product.site != site.id or product.kind is not ProductKind.ARTICLE or product.withdrawn:
            return Refusal("no_such_article", {"line": place})
        if not 1 <= line.quantity <= MAX_QUANTITY:
            return Refusal("no_quantity", {"line": place})
        surcharge_cents = _surcharge_cents(school, product, today)
        if surcharge_cents is None:
            return Refusal("not_ordered", {"line": place})
        cents, why = price_of_product(school, pupil, product, today, line.quantity, surcharge_cents)
        sales.append(Sale(pupil, site, product.id, cents, why, product.policy, at_ms))
    return sales or Refusal("nothing_sold")


def pay_in(school: School, books: Books, ask: int, cashier: Cashier, pupil: int, cents: int) -> Facts | Refusal:
    """A top-up in cash for who pays for this pupil today, with the site's next receipt number."""
    session = _session(books, cashier)
    if isinstance(session, Refusal):
        return session
    if pupil not in school.pupils:
        return Refusal("no_such_pupil")
    if not 0 < cents <= MAX_PAID_IN_CENTS:
        return Refusal("no_amount", {"most_cents": MAX_PAID_IN_CENTS})
    site = school.sites[session.site]
    payer = payer_on(school, school.pupils[pupil], 0, day_of(cashier.at_ms, site.zone))
    wallet, opened = wallet_of(books, ask, place_of(site, payer, pupil), cashier.at_ms)
    paid = CashPaidIn(
        ask=ask,
        act=derived(ask, "till"),
        cash_session=session.id,
        wallet=wallet,
        payer=payer,
        pupil=pupil,
        site=site.id,
        who=cashier.who,
        receipt=books.receipts.get(site.id, 0) + 1,
        cents=cents,
        at_ms=cashier.at_ms,
        entries=move(cash_account(site.id, session.desk), wallet_account(wallet), cents),
    )
    return (*opened, paid)


def _surcharge_cents(school: School, product: Product, day: date) -> int | None:
    """For one that nobody ordered and that is on the day's menu; None where the site sells none of it (requirement Q11)."""
    if school.offer(product.site, day, product.id) is None:
        return 0
    rules = school.canteen(product.site)
    if rules.unordered is Unordered.ALLOW:
        return 0
    return rules.unordered_cents if rules.unordered is Unordered.SURCHARGE else None


# --- taking back ----------------------------------------------------------------------------------


def void(school: School, books: Books, ask: int, cashier: Cashier, act: int, reason: Reason) -> Facts | Refusal:
    """Take a sale or a top-up back whole, for a reason; above the site's limit only somebody else may (complaint C18)."""
    done = books.till.get(act)
    if reason not in VOID_REASONS:
        return Refusal("no_reason")
    if done is not None and done.who == cashier.who and done.cents > (limit := school.canteen(done.site).void_limit_cents):
        return Refusal("another_person", {"limit_cents": limit})
    return _taken_back(school, books, ask, cashier, act, reason)


def undo(school: School, books: Books, ask: int, cashier: Cashier, act: int) -> Facts | Refusal:
    """Take one's own act back within five minutes."""
    done = books.till.get(act)
    if done is not None and done.who != cashier.who:
        return Refusal("another_person")
    if done is not None and not 0 <= cashier.at_ms - done.at_ms <= UNDO_MS:
        return Refusal("too_late", {"undo_ms": UNDO_MS})
    return _taken_back(school, books, ask, cashier, act, Reason.UNDONE)


def _taken_back(school: School, books: Books, ask: int, cashier: Cashier, act: int, reason: Reason) -> Facts | Refusal:
    """With its money: a sale's goes back to the wallet, a top-up's is handed over from the drawer of this desk."""
    session, done = _session(books, cashier), books.till.get(act)
    if isinstance(session, Refusal):
        return session
    if done is None or done.site != session.site:
        return Refusal("no_such_act")
    if done.voided:
        return Refusal("already_voided")
    if any(books.charges[taken].reversed for taken in done.charges):  # priced again, paid by somebody else, or taken back by the office
        return Refusal("corrected_since")
    back: Facts = ()
    for taken in done.charges:
        back += reverse(ask, books.charges[taken], cashier.at_ms, reason, cashier.who)
    entries = move(wallet_account(done.wallet), cash_account(session.site, session.desk), done.cents) if done.receipt else ()
    voided = TillVoided(ask, act, session.id, done.wallet, session.site, cashier.who, reason, done.cents, cashier.at_ms, entries)
    low = lowered(school, books, ask, done.wallet, -done.cents, cashier.at_ms) if done.receipt else ()
    return (*back, voided, *low)


# --- cash desk sessions ---------------------------------------------------------------------------


def open_desk(school: School, books: Books, ask: int, cashier: Cashier, counted_cents: int) -> Facts | Refusal:
    """Begin with a count; what the drawer did not hold when it was closed comes from the vault, or went there."""
    device = school.devices.get(cashier.desk)
    if device is None:
        return Refusal("no_such_desk")
    if cashier.desk in books.cash_sessions:
        return Refusal("already_open")
    return _counted(books, ask, CashSession(derived(ask, "cash"), device.site, cashier.desk, cashier.who, 0), cashier, counted_cents)


def close_desk(_school: School, books: Books, ask: int, cashier: Cashier, counted_cents: int) -> Facts | Refusal:
    """End with a count; the difference to what the books expect is booked to the site's imbalance account (requirement P16)."""
    session = _session(books, cashier)
    return session if isinstance(session, Refusal) else _counted(books, ask, session, cashier, counted_cents)


def _counted(books: Books, ask: int, session: CashSession, cashier: Cashier, counted_cents: int) -> Facts | Refusal:
    if not 0 <= counted_cents <= MAX_CENTS:
        return Refusal("no_amount", {"most_cents": MAX_CENTS})
    drawer, closing = cash_account(session.site, session.desk), session.from_ms != 0
    expected_cents = -books.balance_cents(drawer)
    other = imbalance_account(session.site) if closing else vault_account(session.site)
    entries = move(drawer, other, counted_cents - expected_cents)
    place = (session.id, session.site, session.desk, cashier.who)
    return (CashCounted(ask, *place, closing, counted_cents, expected_cents, cashier.at_ms, entries),)


def _session(books: Books, cashier: Cashier) -> CashSession | Refusal:
    return books.cash_sessions.get(cashier.desk) or Refusal("not_open")


# --- for the cashier's eyes -----------------------------------------------------------------------


class CashierView(Struct, frozen=True):
    """What the cashier sees of a pupil, and nobody else: the order, the allergens that today's meal would meet, and the diet.

    `product` 0: nothing is ordered; then `allergens` are those of all meals on the menu. `suits`: whether it suits the diet.
    """

    product: int
    collected: bool
    allergens: frozenset[Allergen]
    diet: str
    suits: bool


def cashier_view(school: School, books: Books, site: int, pupil: int, day: date) -> CashierView:
    """The alert of a pupil at a till (requirement P11); it changes no light and no sale."""
    meal = books.meals.get((pupil, site, day_code(day)))
    diet = school.diets.get(pupil) or Diet(pupil)
    eaten = [meal.product] if meal else _meals_of(school, site, day)
    allergens = {allergen for product in eaten for allergen in _contained(school, site, day, product)}
    suits = not diet.code or all(diet.code in school.products[product].diets for product in eaten if product in school.products)
    collected = meal is not None and meal.served_ms != 0
    return CashierView(meal.product if meal else 0, collected, diet.allergens & allergens, diet.code, suits)


def _meals_of(school: School, site: int, day: date) -> list[int]:
    menu = school.menus.get((site, day))
    offered = [offer.product for offer in menu.offers if offer.product in school.products] if menu else []
    return [product for product in offered if school.products[product].kind is ProductKind.MEAL]


def _contained(school: School, site: int, day: date, product: int) -> frozenset[Allergen]:
    """What a product always contains, and what it does on this day."""
    known, offer = school.products.get(product), school.offer(site, day, product)
    return (known.allergens if known else frozenset()) | (offer.allergens if offer else frozenset())
