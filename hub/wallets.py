"""`preau-hub wallet`: what the bursar does with wallets at the command line, the hub stopped. It decides nothing (core/transfers.py).

A wallet is named by its structured communication, whose check digits tell a typing error.
"""

import argparse
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hub.core.books import Books
from hub.core.calendar import day_of, instant_ms
from hub.core.codes import By, Clearing, Compartment, Reason
from hub.core.facts import Refusal
from hub.core.kept import Wallet
from hub.core.money import read_cents, write_cents
from hub.core.named import change, household_name, item_name, pupil_name
from hub.core.references import printed
from hub.core.rerating import Rerated, asks, corrected, families, per_wallet, repaid
from hub.core.school import Pupil, School, Site, WalletScope, edited
from hub.core.transfers import Move, Payment, Shares, clear, regroup, transfer
from hub.core.wallets import available_cents, balance_cents, release, set_aside
from hub.desk import Answer
from hub.errors import ImportRefusedError, RefusedError
from hub.files import past_of
from hub.meant import (
    act_of,
    add_instant,
    asked_ms,
    cents_written,
    day_written,
    households_called,
    one_of,
    pupil_of,
    site_called,
    wallet_called,
    whole_written,
)
from hub.payers import PAYERS, read_lines, read_payers
from hub.settings import Settings

if TYPE_CHECKING:
    from hub.memory import Memory

REASONS = (Reason.REQUESTED, Reason.OVERPAID, Reason.CORRECTED, Reason.LEAVER)
"""Why money is paid back."""
_COLUMNS = ("household", "last_name", "first_name", "amount")
_SENTENCES = {
    "shortage": "{price} is more than the {balance} that are available",
    "nothing_to_pay": "there is nothing to pay: {balance} are available",
    "no_amount": "an amount is more than zero",
    "no_hold": "what is set aside has an amount, and is free again on a day to come",
    "no_such_hold": "nothing is set aside in this wallet under that number",
    "no_such_wallet": "there is no such wallet: `preau-hub wallet list` shows them",
    "not_the_same_pupil": "transfers are between the general wallet and the reserve of one pupil: this wallet is a household's",
    "shares_needed": "{owner} has {cents} and {heirs} who may get it: say in --shares how much goes to whom",
    "shares_differ": "the shares of {owner} come to {given}, and have to come to {cents}, each with its sign",
    "not_an_heir": "{owner} and {heir} have nothing to do with each other: correct the shares",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `preau-hub wallet` understands."""
    acts = parser.add_subparsers(dest="act", required=True)
    made = {name: act_of(acts, name, (act.__doc__ or "").splitlines()[0]) for name, act in _ACTS.items()}
    for name in made.keys() - {"payers", "limit"}:
        add_instant(made[name])
    for name in ("top-up", "refund", "payout", "transfer", "hold", "release"):
        made[name].add_argument("wallet", help="its structured communication, such as 097/0000/00101")
    for name in ("top-up", "refund", "transfer", "hold"):
        made[name].add_argument("amount", type=cents_written, help="in euros: 12,50")
    for name, reason in (("refund", Reason.REQUESTED), ("payout", Reason.LEAVER)):
        made[name].add_argument("--reason", type=one_of(REASONS), choices=REASONS, default=reason)
    made["transfer"].add_argument("--by", type=one_of(By), choices=list(By), default=By.STAFF, help="who wishes it")
    made["hold"].add_argument("--until", type=day_written, required=True, help="the first day it is free again, 2025-01-31")
    made["release"].add_argument("hold", type=whole_written, help="the number of what is set aside")
    made["payers"].add_argument("file", type=Path, help=f"{'; '.join(PAYERS)} (CSV)")
    for name in ("limit", "repay"):
        for word in ("household", "last_name", "first_name"):
            made[name].add_argument(word)
    made["repay"].add_argument("--from", dest="since", type=day_written, required=True, help="the first day whose charges are moved")
    made["repay"].add_argument("--yes", action="store_true", help="do it; without, only show what would be done")
    made["limit"].add_argument("amount", type=cents_written, help="0 = no limit")
    made["switch"].add_argument("site", help="its name")
    made["switch"].add_argument("scope", type=one_of(WalletScope), choices=list(WalletScope), help="whose its wallets are from now on")
    made["switch"].add_argument("--shares", type=Path, help=f"who gets what, where several may: {'; '.join(_COLUMNS)} (CSV)")


async def run(settings: Settings, options: argparse.Namespace) -> int:
    """Look at wallets, or move money: list, top-up, refund, payout, transfer, hold, release, switch, repay."""
    from hub.memory import memory

    async with memory(Path(settings.hub.data)) as stores:
        await _ACTS[options.act](stores, options)
    return 0


async def _list(stores: "Memory", options: argparse.Namespace) -> None:
    """Every wallet: communication, site, owner, balance, and what is set aside in it."""
    books, school, now_ms = stores.desk.books, stores.desk.school, asked_ms(options)
    for wallet in sorted(books.owners.values(), key=lambda one: one.reference):
        balance, free = balance_cents(books, wallet.id), available_cents(books, wallet.id, now_ms)
        held = f"  {write_cents(balance - free)} set aside" if balance != free else ""
        print(f"{printed(wallet.reference)}  {school.sites[wallet.site].name}  {_owner(school, wallet)}  {write_cents(balance)}{held}")
        for hold, each in books.holds.get(wallet.id, {}).items():
            if each.until_ms > now_ms:
                print(f"    set aside {hold}: {write_cents(each.cents)}")


async def _top_up(stores: "Memory", options: argparse.Namespace) -> None:
    """Money came in."""
    await _cleared(stores, options, Clearing.TOP_UP, Reason.NONE)


async def _refund(stores: "Memory", options: argparse.Namespace) -> None:
    """Give back some of what is available."""
    await _cleared(stores, options, Clearing.REFUND, options.reason)


async def _payout(stores: "Memory", options: argparse.Namespace) -> None:
    """Give a leaver all that is available."""
    await _cleared(stores, options, Clearing.PAYOUT, options.reason)


async def _cleared(stores: "Memory", options: argparse.Namespace, kind: Clearing, reason: Reason) -> None:
    wallet, ask = wallet_called(stores.desk.books, options.wallet), stores.new_ask()
    cents = 0 if kind is Clearing.PAYOUT else options.amount
    if not cents and kind is not Clearing.PAYOUT:
        raise RefusedError(_SENTENCES["no_amount"])
    _told(stores, wallet, await stores.desk.do(ask, clear, ask, Payment(wallet.id, kind, cents, reason), asked_ms(options)))


async def _transfer(stores: "Memory", options: argparse.Namespace) -> None:
    """To the pupil's other wallet, from general to reserve or back."""
    wallet, ask = wallet_called(stores.desk.books, options.wallet), stores.new_ask()
    other = Compartment.GENERAL if wallet.compartment is Compartment.RESERVE else Compartment.RESERVE
    wish = Move(wallet.place, (*wallet.place[:2], other), options.amount, options.by)
    _told(stores, wallet, await stores.desk.do(ask, transfer, ask, wish, asked_ms(options)))


async def _hold(stores: "Memory", options: argparse.Namespace) -> None:
    """Set an amount aside until a day."""
    wallet, ask = wallet_called(stores.desk.books, options.wallet), stores.new_ask()
    until_ms = instant_ms(options.until, 0, stores.desk.school.sites[wallet.site].zone)
    span = (asked_ms(options), until_ms)
    _told(stores, wallet, await stores.desk.do(ask, set_aside, ask, wallet.id, options.amount, span))


async def _release(stores: "Memory", options: argparse.Namespace) -> None:
    """Free a hold before its time."""
    wallet, ask = wallet_called(stores.desk.books, options.wallet), stores.new_ask()
    _told(stores, wallet, await stores.desk.do(ask, release, ask, wallet.id, options.hold, asked_ms(options)))


async def _switch(stores: "Memory", options: argparse.Namespace) -> None:
    """Make a site's wallets the households' or the pupils', and move what is in them; again, to move what came later."""
    desk, ask = stores.desk, stores.new_ask()
    site = site_called(desk.school, options.site)
    after = replace(site, wallet_scope=options.scope)
    shares = _shares(desk.school, after, options.shares) if options.shares else {}
    now_ms = asked_ms(options)
    tried = regroup(edited(desk.school, (after,)), desk.books, ask, site.id, shares, now_ms)
    if isinstance(tried, Refusal):  # before anything is written
        raise RefusedError(_sentence(desk.school, tried))
    await desk.edit(stores.new_ask(), lambda _school: (after,))
    answer = await desk.do(ask, regroup, ask, site.id, shares, now_ms)
    print(f"{site.name}: one wallet per {'household' if options.scope is WalletScope.HOUSEHOLD else 'pupil, and a reserve'}; ", end="")
    print(f"{sum(bool(getattr(fact, 'entries', ())) for fact in answer.facts)} amounts moved")


async def _limit(stores: "Memory", options: argparse.Namespace) -> None:
    """What a pupil may spend on articles in a day, as the parent wishes; 0 = as much as there is."""
    pupil, cents = _pupil(stores.desk.school, options), options.amount
    if cents < 0:
        raise RefusedError(f"{write_cents(cents)} is no limit: it is an amount, or 0 for none")
    await stores.desk.edit(stores.new_ask(), lambda _school: (replace(pupil, daily_limit_cents=cents),))
    print(f"{pupil.last_name} {pupil.first_name}: {write_cents(cents) if cents else 'no limit'}")


async def _payers(stores: "Memory", options: argparse.Namespace) -> None:
    """Which household pays for whom on which days, from a list; the same line again changes nothing, another `until` ends it."""
    rows = read_payers(read_lines(options.file, PAYERS), str(options.file), stores.desk.school)
    await stores.desk.edit(stores.new_ask(), lambda _school: rows)
    print(f"{len(rows)} lines read in; what was charged stays where it is until `preau-hub wallet repay` moves it")


async def _repay(stores: "Memory", options: argparse.Namespace) -> None:
    """Charge to the household that pays what another was charged for a pupil, line by line, at its price: after custody that came late."""
    school, desk, now_ms = stores.desk.school, stores.desk, asked_ms(options)
    pupil = _pupil(school, options)
    past = await past_of(stores.journal, families(school, pupil.id))
    changes = repaid(school, desk.books, past, pupil.id, options.since)
    together = asks(desk.books, stores.new_ask(), changes, day_of(now_ms, school.sites[pupil.site].zone))
    for line in _repaid(school, desk.books, changes, [one for some in together.values() for one in some]):
        print(line)
    if not options.yes:
        print("nothing was written: add --yes to do this")
        return
    for ask, some in together.items():
        await desk.do(ask, corrected, ask, some, now_ms)
    print("done")


_ACTS: dict[str, Callable[["Memory", argparse.Namespace], Awaitable[None]]] = {
    "list": _list,
    "top-up": _top_up,
    "refund": _refund,
    "payout": _payout,
    "transfer": _transfer,
    "hold": _hold,
    "release": _release,
    "switch": _switch,
    "limit": _limit,
    "payers": _payers,
    "repay": _repay,
}


# --- words in, words out --------------------------------------------------------------------------


def _pupil(school: School, options: argparse.Namespace) -> Pupil:
    """Raises RefusedError."""
    pupil = pupil_of(school, options.household, options.last_name, options.first_name)
    if pupil is None:
        raise RefusedError(f"no pupil `{options.last_name} {options.first_name}` of household `{options.household}`")
    return pupil


def _repaid(school: School, books: Books, changes: Sequence[Rerated], now: Sequence[Rerated]) -> Iterator[str]:
    """Each charge, who was charged and who pays; `now`: those that are moved at once, and by how much they change wallets."""
    for one in changes:
        what = f"{one.day}  {pupil_name(school, one.charged.pupil)}, {item_name(school, one.charged.item)}"
        whose = f"{household_name(school, one.charged.payer)} -> {household_name(school, one.payer)}"
        yield f"{what}: {whose}: {change(one.charged.cents, one.cents)}  no. {one.charged.charge}"
    yield f"{len(now)} charges to correct" + (f", {later} orders when their day is over" if (later := len(changes) - len(now)) else "")
    for (site, owner, compartment), cents in per_wallet(school, books, now).items():
        whose = pupil_name(school, owner) if compartment else household_name(school, owner)
        yield f"{school.sites[site].name}  {whose}  {'+' if cents > 0 else ''}{write_cents(cents)}"


def _told(stores: "Memory", wallet: Wallet, answer: Answer) -> None:
    """What the wallet has now. Raises RefusedError with a sentence for a refusal."""
    if answer.refusal is not None:
        raise RefusedError(_sentence(stores.desk.school, answer.refusal))
    balance = write_cents(balance_cents(stores.desk.books, wallet.id))
    print(f"{printed(wallet.reference)}  {_owner(stores.desk.school, wallet)}  {balance}")


def _sentence(school: School, refusal: Refusal) -> str:
    numbers = refusal.numbers
    words = {name: write_cents(numbers.get(f"{name}_cents", 0)) for name in ("price", "balance", "given")}
    words |= {"cents": write_cents(numbers.get("cents", 0)), "heirs": str(numbers.get("heirs", 0))}
    words |= {name: _name(school, numbers.get(name, 0)) for name in ("owner", "heir")}
    return _SENTENCES[refusal.code].format(**words)


def _owner(school: School, wallet: Wallet) -> str:
    name = _name(school, wallet.pupil or wallet.household)
    return f"{name} ({wallet.compartment})" if wallet.compartment else name


def _name(school: School, owner: int) -> str:
    if owner in school.pupils:
        return f"{school.pupils[owner].last_name} {school.pupils[owner].first_name}"
    return school.households[owner].name if owner in school.households else str(owner)


def _shares(school: School, site: Site, path: Path) -> Shares:
    """Who gets what, from a list; every bad line is named in the one ImportRefusedError."""
    pupils = {(one.last_name, one.first_name, one.household): one.id for one in school.everyone}
    known = {(last, first): pupil for (last, first, _), pupil in pupils.items()}
    found: dict[int, dict[int, int]] = {}
    wrong: list[str] = []
    for number, (household, last, first, amount) in read_lines(path, _COLUMNS):
        homes = households_called(school, household)
        home = homes[0].id if len(homes) == 1 else 0
        pupil, cents = pupils.get((last, first, home)) or known.get((last, first)), read_cents(amount)
        if not home or not pupil or cents is None:
            wrong.append(f"{path}:{number}: needs a known household, a known pupil and an amount such as 12,50")
            continue
        owner, heir = (home, pupil) if site.wallet_scope is WalletScope.PUPIL else (pupil, home)
        if heir in found.setdefault(owner, {}):
            wrong.append(f"{path}:{number}: a second line for `{household}` and `{last} {first}`: keep one")
        found[owner][heir] = cents
    if wrong:
        raise ImportRefusedError("\n".join(wrong))
    return found
