"""Wallets: one per household and site; opening, charging by policy, taking back.

The policy of the product says whether a lack of money may stop a sale; it never decides whether a child is served care or a meal.
"""

from msgspec import Struct

from hub.core.books import Books, Charge
from hub.core.facts import BalanceOpened, Charged, Facts, Reason, Refusal, Reversed, WalletOpened, Why, derived
from hub.core.ledger import move, opening_account, sales_account, wallet_account
from hub.core.school import Policy, Pupil, School, Site


class Sale(Struct, frozen=True):
    """What is charged to whom. `item` is a programme or a product; `forced`: it has already happened, it can only be booked."""

    pupil: Pupil
    site: Site
    item: int
    cents: int
    why: Why
    policy: Policy
    at_ms: int
    forced: bool = False


def charge(books: Books, ask: int, sale: Sale) -> Facts | Refusal:
    """The facts of a sale, its wallet opened if missing; Refusal `shortage` where the policy says so.

    A limit is passed only by what has already happened, and then the charge says so (promise P7).
    """
    wallet, opened = wallet_of(books, ask, sale.site.id, sale.pupil.household, sale.at_ms)
    after_cents = books.balance_cents(wallet_account(wallet)) - sale.cents
    short = sale.cents > 0 and after_cents < lowest_cents(sale.policy, sale.site, after_cents)
    if short and not sale.forced:
        return Refusal("shortage", {"balance_cents": after_cents + sale.cents, "price_cents": sale.cents})
    booked = Charged(
        ask=ask,
        charge=charge_id(ask),
        wallet=wallet,
        payer=sale.pupil.household,
        pupil=sale.pupil.id,
        site=sale.site.id,
        item=sale.item,
        cents=sale.cents,
        at_ms=sale.at_ms,
        why=sale.why,
        reason=Reason.OFFLINE if short else Reason.NONE,
        entries=move(wallet_account(wallet), sales_account(sale.site.id, sale.item), sale.cents),
    )
    return (*opened, booked)


def lowest_cents(policy: Policy, site: Site, after_cents: int) -> int:
    """How low a wallet may be after a sale under this policy; under MUST_SERVE however low it gets."""
    match policy:
        case Policy.MUST_SERVE:
            return after_cents
        case Policy.MUST_HAVE_FUNDS:
            return 0
        case Policy.LIMIT:
            return site.floor_cents


def charge_id(ask: int) -> int:
    """The id of the charge an ask makes; one ask makes at most one."""
    return derived(ask, "charge")


def reverse(ask: int, taken: Charge, at_ms: int, reason: Reason) -> Facts:
    """Take a whole charge back; nothing when that was already done."""
    if taken.reversed:
        return ()
    entries = move(sales_account(taken.site, taken.item), wallet_account(taken.wallet), taken.cents)
    return (Reversed(ask, taken.id, taken.wallet, taken.cents, at_ms, reason, entries),)


def wallet_of(books: Books, ask: int, site: int, household: int, at_ms: int) -> tuple[int, Facts]:
    """The wallet of a household at a site, and the fact that opens it if there was none."""
    known = books.wallets.get((site, household))
    if known is not None:
        return known, ()
    wallet = derived(ask, f"wallet|{site}|{household}")
    return wallet, (WalletOpened(ask, wallet, site, household, at_ms),)


def open_balances(school: School, books: Books, ask: int, balances: dict[tuple[int, int], int], at_ms: int) -> Facts | Refusal:
    """Bring balances along: (site, household) -> cents, all or nothing and once. An unknown site or household is refused."""
    for site, household in balances:
        if site not in school.sites or household not in school.households:
            return Refusal("no_such_wallet", {"site": site, "household": household})
        if books.wallets.get((site, household)) in books.opened:
            return Refusal("already_opened", {"site": site, "household": household})
    facts: list[WalletOpened | BalanceOpened] = []
    for (site, household), cents in sorted(balances.items()):
        wallet, opened = wallet_of(books, ask, site, household, at_ms)
        facts += [fact for fact in opened if isinstance(fact, WalletOpened)]
        facts.append(BalanceOpened(ask, wallet, at_ms, move(opening_account(site), wallet_account(wallet), cents)))
    return tuple(facts)
