"""Wallets: one per household and site; opening, charging by policy, taking back.

The policy of the product says whether a lack of money may stop a sale; it never decides whether a child is served care or a meal.
"""

from datetime import date

from msgspec import Struct

from hub.core.books import Books, Charge
from hub.core.calendar import day_of
from hub.core.facts import BalanceOpened, Charged, Facts, Level, LowBalance, Reason, Refusal, Reversed, WalletOpened, Why, derived
from hub.core.ledger import move, opening_account, sales_account, wallet_account
from hub.core.payers import payer_on
from hub.core.school import Policy, Pupil, School, Site


class Sale(Struct, frozen=True):
    """What is charged to whom. `item` is a programme or a product; `forced`: it has already happened, it can only be booked.

    `day`: the day of service where it is not the site's day of `at_ms`; it says who pays.
    """

    pupil: Pupil
    site: Site
    item: int
    cents: int
    why: Why
    policy: Policy
    at_ms: int
    forced: bool = False
    day: date | None = None


def charge(school: School, books: Books, ask: int, sale: Sale, earlier: Facts = ()) -> Facts | Refusal:
    """The facts of a sale, its wallet opened if missing; Refusal `shortage` where the policy says so.

    A limit is passed only by what has already happened, and then the charge says so (promise P7). `earlier`: what the same ask has
    decided before this; the money it moves counts.
    """
    payer = _payer(school, sale)
    wallet, opened = wallet_of(books, ask, sale.site.id, payer, sale.at_ms)
    opened = tuple(fact for fact in opened if fact not in earlier)
    after_cents = books.balance_cents(wallet_account(wallet)) + moved_cents(earlier, wallet) - sale.cents
    short = sale.cents > 0 and after_cents < lowest_cents(sale.policy, sale.site, after_cents)
    if short and not sale.forced:
        return Refusal("shortage", {"balance_cents": after_cents + sale.cents, "price_cents": sale.cents})
    booked = Charged(
        ask=ask,
        charge=charge_id(ask, sum(isinstance(fact, Charged) for fact in earlier)),
        wallet=wallet,
        payer=payer,
        pupil=sale.pupil.id,
        site=sale.site.id,
        item=sale.item,
        cents=sale.cents,
        at_ms=sale.at_ms,
        why=sale.why,
        reason=Reason.OFFLINE if short else Reason.NONE,
        entries=move(wallet_account(wallet), sales_account(sale.site.id, sale.item), sale.cents),
    )
    level = fallen(sale.site, after_cents + sale.cents, after_cents)
    if level is None:
        return (*opened, booked)
    return (*opened, booked, LowBalance(ask, wallet, payer, level, after_cents, sale.at_ms))


def fallen(site: Site, before_cents: int, after_cents: int) -> Level | None:
    """The worst threshold a balance has passed on its way down. Where it is reached again, it may be passed again."""
    if after_cents >= site.low_cents:
        return None
    if before_cents >= site.floor_cents > after_cents and site.floor_cents < 0:
        return Level.MINIMUM
    if before_cents >= 0 > after_cents:
        return Level.DEBT
    return Level.LOW if before_cents >= site.low_cents else None


def _payer(school: School, sale: Sale) -> int:
    """Most pupils have one household all the time."""
    if sale.pupil.id not in school.custody and sale.pupil.id not in school.overrides:
        return sale.pupil.household
    return payer_on(school, sale.pupil, sale.item, sale.day or day_of(sale.at_ms, sale.site.zone))


def lowest_cents(policy: Policy, site: Site, after_cents: int) -> int:
    """How low a wallet may be after a sale under this policy; under MUST_SERVE however low it gets."""
    match policy:
        case Policy.MUST_SERVE:
            return after_cents
        case Policy.MUST_HAVE_FUNDS:
            return 0
        case Policy.LIMIT:
            return site.floor_cents


def charge_id(ask: int, place: int = 0) -> int:
    """The id of the charge an ask makes; of several, those at a till, by their place."""
    return derived(ask, f"charge|{place}" if place else "charge")


def moved_cents(facts: Facts, wallet: int) -> int:
    """By how much these facts change a balance."""
    account = wallet_account(wallet)
    entries = (entry for fact in facts for entry in getattr(fact, "entries", ()))
    return sum(entry.cents for entry in entries if entry.account == account)


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
    facts: list[WalletOpened | BalanceOpened | LowBalance] = []
    for (site, household), cents in sorted(balances.items()):
        wallet, opened = wallet_of(books, ask, site, household, at_ms)
        facts += [fact for fact in opened if isinstance(fact, WalletOpened)]
        facts.append(BalanceOpened(ask, wallet, at_ms, move(opening_account(site), wallet_account(wallet), cents)))
        before_cents = books.balance_cents(wallet_account(wallet))
        level = fallen(school.sites[site], before_cents, before_cents + cents)
        if level is not None:
            facts.append(LowBalance(ask, wallet, household, level, before_cents + cents, at_ms))
    return tuple(facts)
