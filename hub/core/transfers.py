"""Money between wallets, and to and from the world: transfers of a pupil's, top-ups, refunds, leavers' rests, and a site's new policy.

What is sold is charged in wallets.py; this room knows no programme and no product.
"""

from collections.abc import Mapping

from msgspec import Struct

from hub.core.books import Books
from hub.core.codes import By, Clearing, Reason
from hub.core.facts import Cleared, Fact, Facts, HoldReleased, Refusal, Transferred
from hub.core.kept import Place, Wallet
from hub.core.ledger import clearing_account, move, wallet_account
from hub.core.payers import payers
from hub.core.school import School, Site, WalletScope
from hub.core.wallets import available_cents, balance_cents, lowered, payer_of, place_of, wallet_at

Shares = Mapping[int, Mapping[int, int]]
"""Owner that was -> owner that will be -> cents, where there are several."""


class Move(Struct, frozen=True):
    """From one compartment to another, as `by` wishes; `who` wrote it down."""

    source: Place
    target: Place
    cents: int
    by: By
    who: int = 0


class Payment(Struct, frozen=True):
    """Money from or to the world; `cents` > 0, for a payout 0 = all that is available and not waiting to be billed."""

    wallet: int
    kind: Clearing
    cents: int
    reason: Reason = Reason.NONE
    who: int = 0


def transfer(school: School, books: Books, ask: int, wish: Move, at_ms: int) -> Facts | Refusal:
    """Between a pupil's general and reserve (requirements S29, E48), the target opened if missing."""
    refused = _not_between(school, wish)
    source = books.wallets.get(wish.source)
    if refused or source is None:
        return refused or Refusal("shortage", {"balance_cents": 0, "price_cents": wish.cents})
    has_cents = available_cents(books, source, at_ms)
    if wish.cents > has_cents:
        return Refusal("shortage", {"balance_cents": has_cents, "price_cents": wish.cents})
    target, opened = wallet_at(books, ask, wish.target, at_ms, 0)
    entries = move(wallet_account(source), wallet_account(target), wish.cents)
    moved = Transferred(ask, source, target, wish.cents, at_ms, wish.by, wish.who, Reason.NONE, entries)
    return (*opened, moved, *lowered(school, books, ask, source, -wish.cents, at_ms))


def clear(school: School, books: Books, ask: int, wish: Payment, at_ms: int) -> Facts | Refusal:
    """A top-up, a refund, or a leaver's rest (requirement P17); what goes out was available, so no wallet falls below zero by it."""
    owner = books.owners.get(wish.wallet)
    if owner is None:
        return Refusal("no_such_wallet")
    has_cents = available_cents(books, wish.wallet, at_ms)
    rest_cents = has_cents - waiting_cents(books, wish.wallet)  # a leaver's last weeks may still have to be billed
    cents = rest_cents if wish.kind is Clearing.PAYOUT and wish.cents == 0 else wish.cents
    if cents <= 0:
        return Refusal("nothing_to_pay", {"balance_cents": has_cents})
    if wish.kind is not Clearing.TOP_UP and cents > has_cents:
        return Refusal("shortage", {"balance_cents": has_cents, "price_cents": cents})
    outside, inside = clearing_account(owner.site), wallet_account(wish.wallet)
    entries = move(outside, inside, cents) if wish.kind is Clearing.TOP_UP else move(inside, outside, cents)
    paid = Cleared(ask, wish.wallet, payer_of(school, owner.place, at_ms), wish.kind, cents, at_ms, wish.who, wish.reason, entries)
    # A leaver is not asked to fill the wallet up again.
    low = lowered(school, books, ask, wish.wallet, -cents, at_ms) if wish.kind is Clearing.REFUND else ()
    return (paid, *low)


def waiting_cents(books: Books, wallet: int) -> int:
    """What is gathered for a settlement run, and will be taken from a wallet."""
    return sum(books.charges[charge].cents for charge in books.gathered.get(wallet, ()))


def regroup(school: School, books: Books, ask: int, site: int, shares: Shares, at_ms: int) -> Facts | Refusal:
    """Empty the wallets of the policy a site has left into those of the policy it has (requirement Q1): they end at zero.

    `shares` says where the money of an owner with several heirs goes: a household that pays for several pupils, a pupil for whom
    several households pay. All or nothing; done again, it moves what has come to the old wallets since. It tells nobody that a wallet
    is low: who owes money was told when it happened.
    """
    if site not in school.sites:
        return Refusal("no_such_site", {"site": site})
    left = _left(books, school.sites[site])
    strangers = [owner for owner in shares if owner not in left]
    if strangers:
        return Refusal("no_such_wallet", {"owner": strangers[0]})
    facts: list[Fact] = []
    ahead, heirs = 0, _heirs(school, school.sites[site])
    for owner, wallets in left.items():
        cents = sum(balance_cents(books, wallet.id) for wallet in wallets)
        split = _split(owner, cents, heirs.get(owner, []), shares.get(owner, {}))
        if isinstance(split, Refusal):
            return split
        facts += _gathered(books, ask, wallets, at_ms)
        for heir, share_cents in split.items():
            target, opened = wallet_at(books, ask, place_of(school.sites[site], heir, heir), at_ms, ahead)
            ahead += len(opened)
            facts += (*opened, _moved(ask, wallets[0].id, target, share_cents, at_ms))
    return tuple(facts)


def _left(books: Books, site: Site) -> dict[int, list[Wallet]]:
    """By owner, the wallets with money or debt that are not of the site's policy; of a pupil's two the general one first."""
    found: dict[int, list[Wallet]] = {}
    by_pupil = site.wallet_scope is WalletScope.PUPIL
    for wallet in books.owners.values():
        if wallet.site == site.id and bool(wallet.compartment) is not by_pupil and balance_cents(books, wallet.id):
            found.setdefault(wallet.pupil or wallet.household, []).append(wallet)
    return found


def _heirs(school: School, site: Site) -> dict[int, list[int]]:
    """By owner that was: the pupils a household pays for, or the households that pay for a pupil, on whatever days."""
    found: dict[int, list[int]] = {}
    for pupil in school.everyone:
        for household in sorted(payers(school, pupil)):
            owner, heir = (household, pupil.id) if site.wallet_scope is WalletScope.PUPIL else (pupil.id, household)
            found.setdefault(owner, []).append(heir)
    return found


def _split(owner: int, cents: int, heirs: list[int], given: Mapping[int, int]) -> dict[int, int] | Refusal:
    """Who gets how much of what an owner has: all of it the only heir, else as given, and then not a cent more or less."""
    if not given and len(heirs) == 1:
        return {heirs[0]: cents}
    if not given and cents:
        return Refusal("shares_needed", {"owner": owner, "cents": cents, "heirs": len(heirs)})
    strangers = [heir for heir in given if heir not in heirs]
    if strangers:
        return Refusal("not_an_heir", {"owner": owner, "heir": strangers[0]})
    if sum(given.values()) != cents or any(share * cents < 0 for share in given.values()):
        return Refusal("shares_differ", {"owner": owner, "cents": cents, "given_cents": sum(given.values())})
    return dict(given)


def _gathered(books: Books, ask: int, wallets: list[Wallet], at_ms: int) -> Facts:
    """Free what is set aside in wallets that are left, and bring a pupil's reserve to the general one."""
    first, *others = wallets
    freed = (HoldReleased(ask, hold, wallet.id, at_ms, Reason.POLICY) for wallet in wallets for hold in books.holds.get(wallet.id, {}))
    return (*freed, *(_moved(ask, other.id, first.id, balance_cents(books, other.id), at_ms) for other in others))


def _moved(ask: int, source: int, target: int, cents: int, at_ms: int) -> Transferred:
    entries = move(wallet_account(source), wallet_account(target), cents)
    return Transferred(ask, source, target, cents, at_ms, By.STAFF, 0, Reason.POLICY, entries)


def _not_between(school: School, wish: Move) -> Refusal | None:
    """Why this is no transfer between a pupil's two compartments."""
    (site, owner, source), (target_site, target_owner, target) = wish.source, wish.target
    if wish.source == wish.target:
        return Refusal("same_wallet")
    if owner != target_owner or owner not in school.pupils or not source or not target:
        return Refusal("not_the_same_pupil", {"owner": owner, "target": target_owner})
    if site != target_site or site not in school.sites or school.sites[site].wallet_scope is not WalletScope.PUPIL:
        return Refusal("no_such_wallet", {"site": target_site, "owner": owner})
    return Refusal("no_amount", {"cents": wish.cents}) if wish.cents <= 0 else None
