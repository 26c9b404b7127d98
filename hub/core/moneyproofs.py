"""What is proved of the money in a journal: entries, wallets, what moves between them, charges, holds.

Each proof reckons by itself, fact by fact, from the facts alone, and is held against the books at the end. It yields complaints; it
never fails, whatever a wrong journal says. What a proof is, and who asks them all: audit.py.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, get_args

from msgspec import Struct

from hub.core import facts as f
from hub.core.books import Books
from hub.core.codes import Clearing, Compartment, Level, Reason, Stage
from hub.core.kept import Wallet
from hub.core.ledger import clearing_account, move, opening_account, sales_account, wallet_account
from hub.core.money import write_cents
from hub.core.references import Family, printed, reference
from hub.core.tariffs import cents_of
from hub.core.whys import Rule, Why

Sees = Mapping[type, Callable[[Any], Iterable[str]]]
"""Kind of fact -> who looks at it, and says what is wrong with it."""
Booking = (
    f.BalanceOpened | f.Charged | f.ChargesPosted | f.Reversed | f.Transferred | f.Cleared | f.CashCounted | f.CashPaidIn | f.TillVoided
)
BOOKED = tuple(kind for kind in get_args(f.Fact) if "entries" in kind.__struct_fields__)
"""Every kind of fact that moves money."""
FIRST_WHY = Why(Rule.PRICE)
"""The derivation of the first version: the product's price, which it did not write down."""


class Entries:
    """Double entry."""

    topic = "entries"
    advice = "The journal is only ever continued: keep a backup of this folder, and report these numbers to who looks after Préau."

    def __init__(self) -> None:
        self.balances: dict[str, int] = {}
        self._bookings = 0

    @property
    def sees(self) -> Sees:
        return dict.fromkeys(BOOKED, self._booked)

    def _booked(self, fact: Booking) -> Iterable[str]:
        self._bookings += 1
        total_cents, balances = 0, self.balances
        for entry in fact.entries:
            balances[entry.account] = balances.get(entry.account, 0) + entry.cents
            total_cents += entry.cents
        return (f"its entries sum to {write_cents(total_cents)} instead of zero",) if total_cents else ()

    def of_wallet(self, wallet: int) -> int:
        """What is on a wallet so far, in cents."""
        return self.balances.get(wallet_account(wallet), 0)

    def end(self, books: Books) -> Iterator[str]:
        total_cents = sum(self.balances.values())
        if total_cents:
            yield f"all accounts together sum to {write_cents(total_cents)} instead of zero"
        for account in sorted(self.balances.keys() | books.balances.keys()):
            ours, theirs = self.balances.get(account, 0), books.balance_cents(account)
            if ours != theirs:
                yield f"account {account}: its entries make {write_cents(ours)}, the books say {write_cents(theirs)}"

    def sentence(self) -> str:
        return (
            f"{self._bookings} bookings sum to zero, each of them; {len(self.balances)} accounts have in the books what their entries make"
        )


class Wallets:
    """Whose they are, and their structured communications."""

    topic = "wallets"
    advice = "Two wallets must never share a communication: until it is settled, look by hand at each transfer that names it."

    def __init__(self, entries: Entries) -> None:
        self.known: dict[int, Wallet] = {}
        self._entries = entries
        self._places: dict[tuple[int, int, Compartment], int] = {}
        self._references: dict[int, int] = {}
        self._last = 0

    @property
    def sees(self) -> Sees:
        return {f.WalletOpened: self._opened}

    def _opened(self, fact: f.WalletOpened) -> Iterator[str]:
        given = fact.reference or reference(Family.WALLET, self._last + 1)
        self._last = max(self._last, given // 100 % 10**7)
        wallet = Wallet(fact.wallet, fact.site, fact.household, fact.pupil, fact.compartment, given)
        if fact.wallet in self.known:
            yield f"wallet {fact.wallet} is opened a second time"
        if bool(fact.household) is bool(fact.pupil) or bool(fact.pupil) is not bool(fact.compartment):
            yield f"wallet {fact.wallet} is neither one household's nor one pupil's"
        if self._places.setdefault(wallet.place, fact.wallet) != fact.wallet:
            yield f"wallet {fact.wallet} is a second one for the owner of wallet {self._places[wallet.place]}"
        if given // 10**9 != Family.WALLET or given % 100 != (given // 100 % 97 or 97):
            yield f"the communication {printed(given)} of wallet {fact.wallet} has check digits that do not fit"
        if self._references.setdefault(given, fact.wallet) != fact.wallet:
            yield f"the communication {printed(given)} is given to wallet {fact.wallet}, and wallet {self._references[given]} has it"
        self.known[fact.wallet] = wallet

    def lacks(self, wallet: int, site: int = 0) -> Iterator[str]:
        """What is wrong with booking on a wallet at a site (0: any)."""
        known = self.known.get(wallet)
        if known is None:
            yield f"wallet {wallet} was never opened"
        elif site and known.site != site:
            yield f"wallet {wallet} is of another site"

    def end(self, books: Books) -> Iterator[str]:
        for account in self._entries.balances:
            kind, _, number = account.partition(":")
            if kind == "wallet" and int(number) not in self.known:
                yield f"account {account} has entries, and no fact opened this wallet"
        yield from differ("wallet", self.known, books.owners)
        yield from differ("the wallet of (site, owner, compartment)", self._places, books.wallets)
        yield from differ("the wallet with communication", self._references, books.references)

    def sentence(self) -> str:
        return f"{len(self.known)} wallets, each opened once for one owner, each with a communication of its own whose check digits fit"


class Moves:
    """What wallets bring along, what moves between them, what comes in and goes out."""

    topic = "transfers"
    advice = "Compare with the bank statement, and put right what is wrong with `preau-hub wallet`."

    def __init__(self, entries: Entries, wallets: Wallets) -> None:
        self._entries = entries
        self._wallets = wallets
        self._brought: set[int] = set()
        self._moved = 0

    @property
    def sees(self) -> Sees:
        return {f.BalanceOpened: self._opening, f.Transferred: self._transferred, f.Cleared: self._cleared}

    def _opening(self, fact: f.BalanceOpened) -> Iterator[str]:
        self._brought.add(fact.wallet)
        yield from self._wallets.lacks(fact.wallet)
        owner, account = self._wallets.known.get(fact.wallet), wallet_account(fact.wallet)
        cents = sum(entry.cents for entry in fact.entries if entry.account == account)
        if owner is not None and fact.entries != move(opening_account(owner.site), account, cents):
            yield f"brings a balance along to wallet {fact.wallet}, and books something else"

    def _transferred(self, fact: f.Transferred) -> Iterator[str]:
        self._moved += 1
        source, target = self._wallets.known.get(fact.source), self._wallets.known.get(fact.target)
        yield from self._wallets.lacks(fact.source)
        yield from self._wallets.lacks(fact.target)
        if fact.entries != move(wallet_account(fact.source), wallet_account(fact.target), fact.cents):
            yield f"moves {write_cents(fact.cents)} from wallet {fact.source} to {fact.target}, and books something else"
        if source is None or target is None:
            return
        if fact.source == fact.target or source.site != target.site:
            yield f"wallets {fact.source} and {fact.target} are the same one, or of two sites"
        if fact.reason is Reason.NONE and (not source.pupil or source.pupil != target.pupil):
            yield f"wallets {fact.source} and {fact.target} are not the two of one pupil"
        if fact.reason is Reason.SAME_CHILD and not (source.pupil and target.pupil and source.compartment is target.compartment):
            yield f"wallets {fact.source} and {fact.target} are not the same one of two pupils"
        if fact.reason is Reason.SAME_FAMILY and not (source.household and target.household):
            yield f"wallets {fact.source} and {fact.target} are not those of two households"
        if fact.reason is Reason.NONE and (fact.cents <= 0 or self._entries.of_wallet(fact.source) < 0):
            yield f"moves {write_cents(fact.cents)}, which wallet {fact.source} did not have"

    def _cleared(self, fact: f.Cleared) -> Iterator[str]:
        self._moved += 1
        yield from self._wallets.lacks(fact.wallet)
        owner, account, came = self._wallets.known.get(fact.wallet), wallet_account(fact.wallet), fact.kind is Clearing.TOP_UP
        if owner is None:
            return
        outside = clearing_account(owner.site)
        if fact.cents <= 0 or fact.entries != move(*((outside, account) if came else (account, outside)), fact.cents):
            yield f"{fact.kind} of {write_cents(fact.cents)} at wallet {fact.wallet} books something else"
        if not fact.payer:
            yield f"{fact.kind} at wallet {fact.wallet} names no payer"
        if not came and self._entries.of_wallet(fact.wallet) < 0:
            yield f"{fact.kind} of {write_cents(fact.cents)} is more than wallet {fact.wallet} had"

    def end(self, books: Books) -> Iterator[str]:
        yield from differ("wallet with a balance brought along", dict.fromkeys(self._brought), dict.fromkeys(books.opened))

    def sentence(self) -> str:
        return f"{len(self._brought)} balances brought along, {self._moved} transfers, top-ups and refunds, each booked as it says"


class Known(Struct, gc=False):
    """What there is to know of a charge. `back`: the ask that took it back, 0 = it stands; `again`: the charge made in its place."""

    ask: int
    wallet: int
    pupil: int
    site: int
    item: int
    cents: int
    stay: int
    day: int
    stage: Stage
    back: int = 0
    again: int = 0

    def entries(self) -> tuple[f.Entry, ...]:
        """What it takes from its wallet once it is posted."""
        return move(wallet_account(self.wallet), sales_account(self.site, self.item), self.cents)


class Charges:
    """What was charged, why so much, who pays for whom; and what was cancelled."""

    topic = "charges"
    advice = "`preau-hub why NUMBER` says how a charge came about. Look at it with the family before the next statement."

    def __init__(self, wallets: Wallets) -> None:
        self.known: dict[int, Known] = {}
        self.standing: dict[int, int] = {}
        """Stay -> the charge for it that stands."""
        self._wallets = wallets
        self._cents = 0
        self._backs = 0
        self._early = 0
        self._last: f.Charged | None = None

    @property
    def sees(self) -> Sees:
        return {f.Charged: self._charged, f.ChargesPosted: self._posted, f.Reversed: self._reversed, f.LowBalance: self._low}

    def _charged(self, fact: f.Charged) -> Iterator[str]:
        self._last = fact
        self._cents += fact.cents
        if fact.charge in self.known:
            yield f"charge {fact.charge} is made a second time"
        made = Known(fact.ask, fact.wallet, fact.pupil, fact.site, fact.item, fact.cents, fact.stay, fact.day, fact.stage)
        yield from self._paid(fact)
        yield from self._derived(fact)
        if fact.entries != (made.entries() if fact.stage is Stage.POSTED else ()):
            yield f"charge {fact.charge} of {write_cents(fact.cents)}, {_worded(fact.stage)}, books something else"
        if fact.stay and self.standing.setdefault(fact.stay, fact.charge) != fact.charge:
            yield f"stay {fact.stay} is charged by {fact.charge}, and charge {self.standing[fact.stay]} for it stands"
        self.known[fact.charge] = made

    def _paid(self, fact: f.Charged) -> Iterator[str]:
        """By whom, for whom, from which wallet."""
        if not fact.payer or not fact.pupil:
            yield f"charge {fact.charge} names no {'pupil' if fact.payer else 'payer'}"
        owner = self._wallets.known.get(fact.wallet)
        if owner is None or owner.site != fact.site:
            yield from self._wallets.lacks(fact.wallet, fact.site)
        elif owner.place != (fact.site, *((fact.pupil, Compartment.GENERAL) if owner.pupil else (fact.payer, Compartment.WHOLE))):
            yield f"charge {fact.charge} is paid from wallet {fact.wallet}, which is not its payer's, nor its pupil's general one"

    def _derived(self, fact: f.Charged) -> Iterator[str]:
        cents = cents_of(fact.why)
        if cents == fact.cents:
            return
        if fact.why == FIRST_WHY:
            self._early += 1
        else:
            yield f"charge {fact.charge} is {write_cents(fact.cents)}, its derivation comes to {write_cents(cents)}"

    def _posted(self, fact: f.ChargesPosted) -> Iterator[str]:
        """A settlement run: what was gathered is taken from its wallet, once."""
        total_cents = 0
        for charge in fact.charges:
            one = self.known.get(charge)
            if one is None or (one.wallet, one.site, one.item) != (fact.wallet, fact.site, fact.programme):
                yield f"charge {charge} is posted, and was never made for wallet {fact.wallet} and programme {fact.programme}"
                continue
            if one.stage is not Stage.GATHERED or one.back:
                yield f"charge {charge} is posted, and {'was cancelled' if one.back else 'was ' + _worded(one.stage)}"
            one.stage = Stage.POSTED
            total_cents += one.cents
        posted = move(wallet_account(fact.wallet), sales_account(fact.site, fact.programme), fact.cents)
        if total_cents != fact.cents or fact.entries != posted:
            yield f"{write_cents(fact.cents)} is posted on wallet {fact.wallet}: its charges make {write_cents(total_cents)}"

    def _reversed(self, fact: f.Reversed) -> Iterator[str]:
        self._backs += 1
        taken = self.known.get(fact.charge)
        if taken is None:
            yield f"charge {fact.charge} is cancelled, and was never made"
            return
        if taken.back:
            yield f"charge {fact.charge} is cancelled a second time"
        whole = move(sales_account(taken.site, taken.item), wallet_account(taken.wallet), taken.cents)
        if (fact.wallet, fact.cents, fact.entries) != (taken.wallet, taken.cents, whole if taken.stage is Stage.POSTED else ()):
            yield f"charge {fact.charge} of {write_cents(taken.cents)}, {_worded(taken.stage)}, is not cancelled whole, to its wallet"
        taken.back, taken.again = fact.ask, fact.again
        if self.standing.get(taken.stay) == fact.charge:
            del self.standing[taken.stay]

    def _low(self, fact: f.LowBalance) -> Iterator[str]:
        """Floors change, and facts do not know them; but this one says that a floor was passed, by the charge before it."""
        by = self._last
        if by is None or (by.ask, by.wallet) != (fact.ask, fact.wallet) or fact.level is not Level.MINIMUM:
            return
        if by.limit_day and by.cents > 0 and by.reason is Reason.NONE:
            yield f"charge {by.charge} takes wallet {by.wallet} below the site's minimum, and gives no reason"

    def end(self, books: Books) -> Iterator[str]:
        ours = {
            charge: (one.wallet, one.pupil, one.site, one.item, one.cents, one.stage, bool(one.back), one.again)
            for charge, one in self.known.items()
        }
        charges = books.charges.values()
        theirs = {one.id: (one.wallet, one.pupil, one.site, one.item, one.cents, one.stage, one.reversed, one.again) for one in charges}
        yield from differ("charge", ours, theirs)
        yield from self._never_again()
        waiting = {charge: one.wallet for charge, one in self.known.items() if one.stage is Stage.GATHERED and not one.back}
        yield from differ("gathered charge", waiting, {charge: wallet for wallet, each in books.gathered.items() for charge in each})
        for stay, charge in self.standing.items():
            one = self.known[charge]
            line = books.sheet(one.pupil, one.item, one.day).lines.get(stay)
            if one.day > books.forgotten and (line is None or (line.charge, line.cents) != (charge, one.cents)):
                yield f"charge {charge} stands for stay {stay}, and the books do not have it there"

    def _never_again(self) -> Iterator[str]:
        """What is said to be made in place of another is a charge of the ask that cancelled it, for the same pupil and item."""
        for charge, one in self.known.items():
            again = self.known.get(one.again)
            if one.again and (again is None or (again.ask, again.pupil, again.item) != (one.back, one.pupil, one.item)):
                yield f"charge {charge} is cancelled and made again as {one.again}, which is no such charge"

    def sentence(self) -> str:
        early = f" ({self._early} of the first version, which wrote no price down)" if self._early else ""
        stages = Counter(one.stage for one in self.known.values() if not one.back)
        return (
            f"{len(self.known)} charges of {write_cents(self._cents)} in all, each with payer and pupil, each what its derivation comes to"
            f"{early}; {self._backs} cancelled, once and whole; {stages[Stage.GATHERED]} gathered, {stages[Stage.PILOT]} of a pilot"
        )


def _worded(stage: Stage) -> str:
    return "posted" if stage is Stage.POSTED else f"of a {stage}" if stage is Stage.PILOT else stage


class Holds:
    """Money set aside."""

    topic = "holds"
    advice = "`preau-hub wallet list` shows what is held, `preau-hub wallet release` frees it."

    def __init__(self, wallets: Wallets, charges: Charges) -> None:
        self._wallets = wallets
        self._charges = charges
        self._placed: dict[int, f.HoldPlaced] = {}
        self._released: set[int] = set()
        self._last_ms: dict[int, int] = {}
        """Wallet -> the latest instant at which a hold was placed: what had expired by then, the books have forgotten."""

    @property
    def sees(self) -> Sees:
        return {f.HoldPlaced: self._hold, f.HoldReleased: self._release}

    def _hold(self, fact: f.HoldPlaced) -> Iterator[str]:
        yield from self._wallets.lacks(fact.wallet)
        if fact.hold in self._placed:
            yield f"hold {fact.hold} is placed a second time"
        if fact.cents <= 0 or fact.until_ms <= fact.at_ms:
            yield f"hold {fact.hold} holds nothing, or ends before it begins"
        self._placed[fact.hold] = fact
        self._last_ms[fact.wallet] = max(fact.at_ms, self._last_ms.get(fact.wallet, 0))

    def _release(self, fact: f.HoldReleased) -> Iterator[str]:
        placed = self._placed.get(fact.hold)
        if placed is None or placed.wallet != fact.wallet:
            yield f"hold {fact.hold} is released on wallet {fact.wallet}, and was never placed there"
        if fact.hold in self._released:
            yield f"hold {fact.hold} is released a second time"
        self._released.add(fact.hold)

    def end(self, books: Books) -> Iterator[str]:
        live = {hold: one for hold, one in self._placed.items() if hold not in self._released}
        theirs = {hold: (wallet, one.cents, one.until_ms, one.who) for wallet, holds in books.holds.items() for hold, one in holds.items()}
        kept = {hold: one for hold, one in live.items() if hold in theirs or one.until_ms > self._last_ms[one.wallet]}
        yield from differ("hold", {hold: (one.wallet, one.cents, one.until_ms, one.who) for hold, one in kept.items()}, theirs)

    def sentence(self) -> str:
        return f"{len(self._placed)} holds, {len(self._released)} released, each at most once; the books hold the others"


def differ(what: str, ours: Mapping[Any, object], theirs: Mapping[Any, object]) -> Iterator[str]:
    """Check equals book: what the facts make, and what the books have."""
    if ours == theirs:
        return
    for key in [*ours, *(key for key in theirs if key not in ours)]:
        if key not in theirs:
            yield f"{what} {key}: the facts tell of it, the books do not have it"
        elif key not in ours:
            yield f"{what} {key}: the books have it, no fact tells of it"
        elif ours[key] != theirs[key]:
            yield f"{what} {key}: the facts make {ours[key]}, the books have {theirs[key]}"
