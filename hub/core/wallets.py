"""Wallets: whose they are, charging by policy, holds, balances brought along, and who is told that one is low.

The policy of the product says whether a lack of money may stop a sale; it never decides whether a child is served care or a meal.
Money between wallets, and to and from the world, is in transfers.py; what staff take back, in givenback.py.
"""

from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from hub.core.books import Books, next_reference
from hub.core.calendar import day_code, day_of
from hub.core.codes import Compartment, Level, Reason, Stage
from hub.core.facts import BalanceOpened, Charged, Facts, HoldPlaced, HoldReleased, LowBalance, Refusal, Reversed, WalletOpened, derived
from hub.core.kept import Charge, Place
from hub.core.ledger import move, opening_account, sales_account, wallet_account
from hub.core.payers import payer_on
from hub.core.school import Policy, Pupil, School, Site, WalletScope
from hub.core.whys import Why

_SERVED, _BY_HOUSEHOLD, _WHOLE, _POSTED = Policy.MUST_SERVE, WalletScope.HOUSEHOLD, Compartment.WHOLE, Stage.POSTED
_NO_REASON = Reason.NONE
"""Members of an enum are looked up slowly, and these are for every charge."""
_NO_HOLD: tuple[int, int, Facts] = (0, 0, ())


class Sale(Struct, frozen=True):
    """What is charged to whom. `item` is a programme or a product.

    `day`: the day of service where it is not the site's day of `at_ms`; it says who pays, and whose daily limit counts.
    `hold`: the hold that this charge settles, 0 = none. `stage`: how far it goes at once; in the pilot of its site it goes nowhere.
    `who`: the member of staff who makes the charge, 0 = it comes by itself, or another fact of the ask says it.
    `despite`: why a limit does not stop it, NONE = it does.
    """

    pupil: Pupil
    site: Site
    item: int
    cents: int
    why: Why
    policy: Policy
    at_ms: int
    day: date | None = None
    hold: int = 0
    stay: int = 0
    stage: Stage = Stage.POSTED
    who: int = 0
    despite: Reason = Reason.NONE


def charge(school: School, books: Books, ask: int, sale: Sale, earlier: Facts = ()) -> Facts | Refusal:
    """The facts of a sale, its wallet opened if missing; Refusal `shortage` or `daily_limit` where the policy says so.

    A limit is passed only by what has already happened, and then the charge says so (promise P7). `earlier`: what the same ask has
    decided before this; the money it moves counts. Who was low before the ask, and got money back in it first, has been told (S36).
    """
    payer, place = _paid_from(school, sale)
    wallet, opened = wallet_of(books, ask, place, sale.at_ms, earlier)
    account, stage = wallet_account(wallet), Stage.PILOT if sale.site.live_from and in_pilot(sale.site, _day(sale)) else sale.stage
    posted = stage is _POSTED
    began_cents = books.balance_cents(account)
    before_cents = began_cents + (moved_cents(earlier, wallet) if earlier else 0)
    after_cents = before_cents - (sale.cents if posted else 0)
    held, kept, released = _settled(books, ask, wallet, sale) if wallet in books.holds else _NO_HOLD
    limit_day = 0 if sale.policy is _SERVED else _limit_day(sale)
    short = _stopped(books, sale, limit_day, after_cents - kept, earlier) if limit_day and posted else None
    if short and sale.despite is _NO_REASON:
        return short
    booked = Charged(
        ask=ask,
        charge=charge_id(ask, sum(isinstance(fact, Charged) for fact in earlier) if earlier else 0),
        wallet=wallet,
        payer=payer,
        pupil=sale.pupil.id,
        site=sale.site.id,
        item=sale.item,
        cents=sale.cents,
        at_ms=sale.at_ms,
        why=sale.why,
        reason=sale.despite if short else _NO_REASON,
        entries=move(account, sales_account(sale.site.id, sale.item), sale.cents) if posted else (),
        limit_day=limit_day,
        stay=sale.stay,
        day=day_code(sale.day) if sale.day else 0,
        stage=stage,
        who=sale.who,
    )
    low = posted and after_cents - kept < sale.site.low_cents
    level = fallen(sale.site, (min(began_cents, before_cents), held), (after_cents, kept)) if low else None
    if level is None or (earlier and _was_told(earlier, wallet, level)):
        return (*opened, booked, *released)
    return (*opened, booked, *released, LowBalance(ask, wallet, payer, level, after_cents, sale.at_ms))


def in_pilot(site: Site, day: date) -> bool:
    """Whether a service of this day costs nothing yet: what it would have cost is shown (requirements S2, Q4)."""
    return site.live_from is not None and day < site.live_from


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


def standing(books: Books, charge: int) -> Charge | None:
    """The charge with this id, or what was made in its place since: priced again, or charged to who pays by a custody that came late."""
    found = books.charges.get(charge)
    while found is not None and found.again:
        found = books.charges.get(found.again)
    return found


def reverse(ask: int, taken: Charge, at_ms: int, reason: Reason, who: int = 0, again: int = 0) -> Facts:
    """Take a whole charge back; nothing when that was already done. `again`: the charge that the same ask makes in its place."""
    if taken.reversed:
        return ()
    posted = taken.stage is _POSTED
    entries = move(sales_account(taken.site, taken.item), wallet_account(taken.wallet), taken.cents) if posted else ()
    return (Reversed(ask, taken.id, taken.wallet, taken.cents, at_ms, reason, entries, who, again),)


def open_balances(
    school: School, books: Books, ask: int, balances: dict[tuple[int, int], int], at_ms: int, who: int = 0
) -> Facts | Refusal:
    """Bring balances along: (site, owner) -> cents, all or nothing and once. The owner is a household, or a pupil by the site's policy."""
    places: dict[tuple[int, int], Place] = {}
    for site, owner in balances:
        place = places[site, owner] = (site, owner, _compartment(school, site))
        if site not in school.sites or owner not in (school.pupils if place[2] else school.households):
            return Refusal("no_such_wallet", {"site": site, "household": owner})
        if books.wallets.get(place) in books.opened:
            return Refusal("already_opened", {"site": site, "household": owner})
    facts: list[WalletOpened | BalanceOpened | LowBalance] = []
    ahead = 0
    for (site, owner), cents in sorted(balances.items()):
        wallet, opened = wallet_at(books, ask, places[site, owner], at_ms, ahead)
        before_cents = balance_cents(books, wallet)
        facts += (*opened, BalanceOpened(ask, wallet, at_ms, move(opening_account(site), wallet_account(wallet), cents), who))
        level = fallen(school.sites[site], (before_cents, 0), (before_cents + cents, 0))
        if level is not None:
            facts.append(LowBalance(ask, wallet, payer_of(school, places[site, owner], at_ms), level, before_cents + cents, at_ms))
        ahead += len(opened)
    return tuple(facts)


def _compartment(school: School, site: int) -> Compartment:
    """Into which compartment money goes at a site."""
    by_pupil = site in school.sites and school.sites[site].wallet_scope is WalletScope.PUPIL
    return Compartment.GENERAL if by_pupil else Compartment.WHOLE


# --- whose a wallet is ----------------------------------------------------------------------------


def place_of(site: Site, payer: int, pupil: int) -> Place:
    """Where charges go by the site's policy: to the paying household's wallet, or to the pupil's general one; never to a reserve."""
    if site.wallet_scope is _BY_HOUSEHOLD:
        return site.id, payer, _WHOLE
    return site.id, pupil, Compartment.GENERAL


def wallet_of(books: Books, ask: int, place: Place, at_ms: int, earlier: Facts = ()) -> tuple[int, tuple[WalletOpened, ...]]:
    """The wallet at a place, and the fact that opens it, with the next structured communication, if there was none."""
    known = books.wallets.get(place)
    if known is not None:
        return known, ()
    opened = [fact for fact in earlier if isinstance(fact, WalletOpened)]
    for fact in opened:
        if (fact.site, fact.pupil or fact.household, fact.compartment) == place:
            return fact.wallet, ()
    return wallet_at(books, ask, place, at_ms, len(opened))


def wallet_at(books: Books, ask: int, place: Place, at_ms: int, ahead: int) -> tuple[int, tuple[WalletOpened, ...]]:
    """The same, where this decision has opened `ahead` others before."""
    known = books.wallets.get(place)
    if known is not None:
        return known, ()
    site, owner, compartment = place
    household, pupil = (0, owner) if compartment else (owner, 0)
    wallet = derived(ask, f"wallet|{site}|{owner}|{compartment}")
    return wallet, (WalletOpened(ask, wallet, site, household, at_ms, pupil, compartment, next_reference(books, ahead)),)


def payer_of(school: School, place: Place, at_ms: int) -> int:
    """Who is told about a wallet: its household, or who pays for the pupil on that day."""
    site, owner, compartment = place
    if not compartment:
        return owner
    return payer_on(school, school.pupils[owner], 0, day_of(at_ms, school.sites[site].zone))


def _paid_from(school: School, sale: Sale) -> tuple[int, Place]:
    """Most pupils have one household all the time."""
    pupil = sale.pupil
    payer = pupil.household
    if pupil.id in school.custody or pupil.id in school.overrides:
        payer = payer_on(school, pupil, sale.item, _day(sale))
    return payer, place_of(sale.site, payer, pupil.id)


# --- what is there to spend -----------------------------------------------------------------------


def balance_cents(books: Books, wallet: int) -> int:
    """What is booked on a wallet."""
    return books.balance_cents(wallet_account(wallet))


def moved_cents(facts: Facts, wallet: int) -> int:
    """By how much these facts change a balance."""
    account = wallet_account(wallet)
    entries = (entry for fact in facts for entry in getattr(fact, "entries", ()))
    return sum(entry.cents for entry in entries if entry.account == account)


def held_cents(books: Books, wallet: int, at_ms: int) -> int:
    """What is set aside at an instant; holds that have expired count no more."""
    holds = books.holds.get(wallet)
    return sum(hold.cents for hold in holds.values() if hold.until_ms > at_ms) if holds else 0


def available_cents(books: Books, wallet: int, at_ms: int) -> int:
    """What may be spent: the balance less the live holds (requirements, section 5, Hold)."""
    return balance_cents(books, wallet) - held_cents(books, wallet, at_ms)


def fallen(site: Site, before: tuple[int, int], after: tuple[int, int]) -> Level | None:
    """The worst threshold that was passed on the way down. Where it is reached again, it may be passed again.

    `before` and `after`: balance and what is held of it, in cents. Low looks at the balance less the holds, the others at the balance.
    """
    cents = after[0]
    if cents - after[1] >= site.low_cents:
        return None
    if before[0] >= site.floor_cents > cents and site.floor_cents < 0:
        return Level.MINIMUM
    if before[0] >= 0 > cents:
        return Level.DEBT
    return Level.LOW if before[0] - before[1] >= site.low_cents else None


def _was_told(earlier: Facts, wallet: int, level: Level) -> bool:
    """Whether the same ask has said so already."""
    return any(isinstance(fact, LowBalance) and (fact.wallet, fact.level) == (wallet, level) for fact in earlier)


def lowered(school: School, books: Books, ask: int, wallet: int, cents: int, at_ms: int, earlier: Facts = ()) -> Facts:
    """Who has to be told when a wallet has `cents` (below zero) less; a reserve is nobody's to fill up.

    `earlier`: what of the same ask may have opened it.
    """
    opened = {fact.wallet: fact for fact in earlier if isinstance(fact, WalletOpened)}
    owner, before_cents, held = opened.get(wallet) or books.owners[wallet], balance_cents(books, wallet), held_cents(books, wallet, at_ms)
    level = fallen(school.sites[owner.site], (before_cents, held), (before_cents + cents, held))
    if level is None or owner.compartment is Compartment.RESERVE:
        return ()
    payer = payer_of(school, (owner.site, owner.pupil or owner.household, owner.compartment), at_ms)
    return (LowBalance(ask, wallet, payer, level, before_cents + cents, at_ms),)


def told_of_whole(school: School, books: Books, facts: Facts, earlier: Facts = ()) -> Facts:
    """The same facts, and who has to be told by what a wallet had before the ask and has when all of it is booked.

    A price that falls for a brother in the same ask may bring back what fell for a moment.
    """
    low = {fact.wallet: fact for fact in facts if isinstance(fact, LowBalance)}
    if not low:
        return facts
    kept: Facts = tuple(fact for fact in facts if not isinstance(fact, LowBalance))
    opened = {fact.wallet: fact.site for fact in (*earlier, *kept) if isinstance(fact, WalletOpened)}
    for wallet, said in low.items():
        site = school.sites[opened[wallet] if wallet in opened else books.owners[wallet].site]
        before_cents, held = balance_cents(books, wallet), held_cents(books, wallet, said.at_ms)
        after_cents = before_cents + moved_cents((*earlier, *kept), wallet)
        level = fallen(site, (before_cents, held), (after_cents, held))
        if level is not None:
            kept = (*kept, replace(said, level=level, balance_cents=after_cents))
    return kept


def _stopped(books: Books, sale: Sale, limit_day: int, after_cents: int, earlier: Facts) -> Refusal | None:
    """Why this sale may not be made. The parent's daily limit is for articles, never for care and meals (requirement P12)."""
    if sale.cents <= 0 or sale.policy is _SERVED:
        return None
    if after_cents < lowest_cents(sale.policy, sale.site, after_cents):
        return Refusal("shortage", {"balance_cents": after_cents + sale.cents, "price_cents": sale.cents})
    limit_cents = sale.pupil.daily_limit_cents
    if not limit_cents:
        return None
    spent_cents = books.spent.get(sale.pupil.id, {}).get(limit_day, 0)
    spent_cents += sum(fact.cents for fact in earlier if isinstance(fact, Charged) and fact.limit_day == limit_day)
    back = (books.charges[fact.charge] for fact in earlier if isinstance(fact, Reversed))
    spent_cents -= sum(taken.cents for taken in back if (taken.pupil, taken.limit_day) == (sale.pupil.id, limit_day))
    if spent_cents + sale.cents <= limit_cents:
        return None
    return Refusal("daily_limit", {"limit_cents": limit_cents, "spent_cents": spent_cents, "price_cents": sale.cents})


def _day(sale: Sale) -> date:
    return sale.day or day_of(sale.at_ms, sale.site.zone)


def _limit_day(sale: Sale) -> int:
    return day_code(_day(sale))


# --- holds ----------------------------------------------------------------------------------------


def hold(school: School, books: Books, ask: int, sale: Sale, until_ms: int) -> Facts | Refusal:
    """Set the price of a sale aside until an instant, by the same policy as the sale itself; it is free again by itself then."""
    payer, place = _paid_from(school, sale)
    wallet, opened = wallet_of(books, ask, place, sale.at_ms)
    before_cents, before_held = balance_cents(books, wallet), held_cents(books, wallet, sale.at_ms)
    if sale.cents <= 0 or until_ms <= sale.at_ms:
        return Refusal("no_hold", {"price_cents": sale.cents})
    short = _stopped(books, sale, _limit_day(sale), before_cents - before_held - sale.cents, ())
    if short:
        return short
    placed = HoldPlaced(ask, hold_id(ask), wallet, payer, sale.pupil.id, sale.item, sale.cents, sale.at_ms, until_ms, sale.who)
    level = fallen(sale.site, (before_cents, before_held), (before_cents, before_held + sale.cents))
    low = () if level is None else (LowBalance(ask, wallet, payer, level, before_cents, sale.at_ms),)
    return (*opened, placed, *low)


def set_aside(school: School, books: Books, ask: int, wallet: int, cents: int, span_ms: tuple[int, int], who: int = 0) -> Facts | Refusal:
    """Hold an amount on a wallet from an instant to another, for nothing in particular; it has to be there."""
    owner, (at_ms, until_ms) = books.owners.get(wallet), span_ms
    if owner is None:
        return Refusal("no_such_wallet")
    if cents <= 0 or until_ms <= at_ms:
        return Refusal("no_hold", {"price_cents": cents})
    has_cents = available_cents(books, wallet, at_ms)
    if cents > has_cents:
        return Refusal("shortage", {"balance_cents": has_cents, "price_cents": cents})
    payer = payer_of(school, owner.place, at_ms)
    placed = HoldPlaced(ask, hold_id(ask), wallet, payer, owner.pupil, 0, cents, at_ms, until_ms, who)
    before_cents, held = balance_cents(books, wallet), held_cents(books, wallet, at_ms)
    level = fallen(school.sites[owner.site], (before_cents, held), (before_cents, held + cents))
    if level is None or owner.compartment is Compartment.RESERVE:
        return (placed,)
    return (placed, LowBalance(ask, wallet, payer, level, before_cents, at_ms))


def hold_id(ask: int) -> int:
    """The id of the hold an ask places."""
    return derived(ask, "hold")


def release(_school: School, books: Books, ask: int, wallet: int, hold: int, at_ms: int, who: int = 0) -> Facts | Refusal:
    """Free what was set aside before its time."""
    if hold not in books.holds.get(wallet, {}):
        return Refusal("no_such_hold")
    return (HoldReleased(ask, hold, wallet, at_ms, Reason.REQUESTED, who),)


def _settled(books: Books, ask: int, wallet: int, sale: Sale) -> tuple[int, int, Facts]:
    """What is held before and after a charge that settles its hold, and the fact that says so."""
    before_cents = held_cents(books, wallet, sale.at_ms)
    own = books.holds[wallet].get(sale.hold)
    if own is None:
        return before_cents, before_cents, ()
    after_cents = before_cents - (own.cents if own.until_ms > sale.at_ms else 0)
    return before_cents, after_cents, (HoldReleased(ask, sale.hold, wallet, sale.at_ms, Reason.SETTLED),)
