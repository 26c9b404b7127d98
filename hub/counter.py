"""`preau-hub meals …` and `preau-hub till …`: one order or one act at a till, asked by its words and answered in a sentence.

It decides nothing: it looks names up, asks the desk, and says what came of it. The hub is stopped meanwhile.
"""

import argparse
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from hub.core import canteen
from hub.core import till as desk_rules
from hub.core.calendar import at, day_of
from hub.core.canteen import Wish
from hub.core.codes import By, Reason
from hub.core.facts import (
    CashCounted,
    CashPaidIn,
    Charged,
    Fact,
    MealAwaited,
    MealCancelled,
    MealReserved,
    MealResold,
    MealServed,
    Refusal,
    Reversed,
    TillSold,
    TillVoided,
)
from hub.core.money import write_cents
from hub.core.named import item_name
from hub.core.school import Product, Pupil, Rows, School, Site
from hub.core.till import Cashier, Goods
from hub.desk import Answer
from hub.errors import RefusedError
from hub.imports import read_text
from hub.meant import act_of, add_instant, asked_ms, cents_written, day_written, pupil_called, site_called, staff_called, whole_written
from hub.settings import Settings
from hub.setup import diets, menus

if TYPE_CHECKING:
    from hub.memory import Memory

ORDERS = {"order": canteen.order, "change": canteen.change, "wait": canteen.wait, "collect": canteen.collect}
"""Acts about a product."""
ENDINGS = {"cancel": canteen.cancel, "leave": canteen.leave}
LISTS: dict[str, Callable[[str, str, School], Rows]] = {"menu": menus, "diets": diets}
COUNTS = {"open": desk_rules.open_desk, "close": desk_rules.close_desk}

SENTENCES = {
    "no_such_pupil": "no such pupil",
    "has_left": "this pupil is no longer at the school on that day",
    "no_such_site": "no such site",
    "no_such_meal": "no such meal at this site",
    "no_such_day": "no such day: write it as 2025-01-31",
    "not_on_menu": "it is not on the menu of that day",
    "past_day": "that day is over",
    "too_early": "orders are not taken so far ahead",
    "changed_meanwhile": "somebody else has changed it meanwhile: look at it again",
    "no_price": "a price is an amount from 0,00 up to what a product may cost",
    "nothing_to_copy": "there is nothing to copy: the other week has no menu, or each day has one already",
    "too_late": "it is too late for that",
    "already_reserved": "there is an order for that day already: change it",
    "already_collected": "it was handed out already",
    "already_cancelled": "it was cancelled already",
    "already_waiting": "this pupil is waiting for it already",
    "nothing_to_change": "there is no order that could be changed to this",
    "nothing_to_cancel": "there is no order to cancel",
    "not_waiting": "this pupil is not waiting",
    "shortage": "there is not enough money for it",
    "daily_limit": "it is more than the parents allow for a day",
    "no_such_desk": "no such till: name a device of the site",
    "already_open": "the till is already open: close it first",
    "not_open": "the till is closed: count the drawer and open it first",
    "no_amount": "this amount cannot be",
    "no_such_article": "a line names no article of this site",
    "no_quantity": "a line has no quantity that can be",
    "not_ordered": "a line names what is sold to order only",
    "nothing_sold": "the form is empty",
    "other_total": "the prices make another total: look at the form again",
    "no_such_act": "no such sale or top-up at this site",
    "no_reason": f"name a reason: one of {', '.join(sorted(desk_rules.VOID_REASONS))}",
    "another_person": "somebody else has to do that",
    "already_voided": "it has already been cancelled",
    "corrected_since": "it was corrected since: take back the charge that stands, in the wallet",
}
"""Every refusal of the canteen and the till, for staff."""


def add_arguments(meals: argparse.ArgumentParser, till: argparse.ArgumentParser) -> None:
    """What `meals` and `till` understand."""
    acts = meals.add_subparsers(dest="act", required=True)
    for name in LISTS:
        act_of(acts, name, f"read in a list (CSV): {name}").add_argument("file", type=Path)
    act_of(acts, "count", "what the kitchens need for a day, by diet and class (CSV)").add_argument(
        "day", type=day_written, help="2025-01-31"
    )
    for name in (*ORDERS, *ENDINGS):
        act = act_of(acts, name, f"{name} for one pupil and day, as if it had just come in")
        act.add_argument("pupil", help=_TILL_WORDS["pupil"])
        act.add_argument("day", type=day_written, help="2025-01-31")
        if name in ORDERS:
            act.add_argument("product", help="its name at the site")
        act.add_argument("--by", required=True, help="parent, pupil, or the login of staff; a forgotten badge needs staff")
        _add_place(act)
    acts = till.add_subparsers(dest="act", required=True)
    for name, words in TILL_ACTS.items():
        act = act_of(acts, name, f"{name}: {', '.join(words)}")
        for word in words:
            act.add_argument(word, nargs="+" if word == "goods" else None, type=_TILL_TYPES.get(word, str), help=_TILL_WORDS[word])
        act.add_argument("--by", required=True, help="the login of the cashier")
        add_instant(act)
    act = act_of(acts, "view", "what the cashier sees of a pupil today: order, allergens, diet")
    act.add_argument("pupil", help=_TILL_WORDS["pupil"])
    _add_place(act)


def _add_place(act: argparse.ArgumentParser) -> None:
    act.add_argument("--site", help="its name (default: the pupil's own)")
    add_instant(act)


TILL_ACTS = {
    "open": ("desk", "count"),
    "close": ("desk", "count"),
    "sell": ("desk", "pupil", "total", "goods"),
    "pay-in": ("desk", "pupil", "amount"),
    "void": ("desk", "number", "reason"),
    "undo": ("desk", "number"),
}
_TILL_WORDS = {
    "desk": "a device of the site",
    "count": "what is in the drawer: 50,00",
    "pupil": "number, or first and last name",
    "total": "what the form shows: 4,70",
    "goods": "articles: Sandwich, or 2xSandwich",
    "amount": "20,00",
    "number": "of the sale or top-up",
    "reason": ", ".join(sorted(desk_rules.VOID_REASONS)),
}


_TILL_TYPES = {"count": cents_written, "total": cents_written, "amount": cents_written, "number": whole_written}
"""How words are read that are no names."""


async def meals(settings: Settings, options: argparse.Namespace) -> int:
    """Order, change, cancel, wait for or hand out a meal; read menus and diets; count for the kitchen."""
    from hub.memory import memory

    async with memory(Path(settings.hub.data)) as stores:
        if options.act in LISTS:
            await _read_in(stores, options)
        elif options.act == "count":
            _print_counts(stores, options.day)
        else:
            await _order(stores, options)
    return 0


async def till(settings: Settings, options: argparse.Namespace) -> int:
    """Open and close a till, sell, take cash for a wallet, cancel, and see a pupil as the cashier does."""
    from hub.memory import memory

    async with memory(Path(settings.hub.data)) as stores:
        if options.act == "view":
            _print_view(stores, options)
        else:
            await _act(stores, options)
    return 0


async def _read_in(stores: "Memory", options: argparse.Namespace) -> None:
    rows = LISTS[options.act](read_text(options.file), str(options.file), stores.desk.school)
    await stores.desk.edit(stores.new_ask(), lambda _school: rows)
    print(f"{options.act}: {len(rows)} read")


async def _order(stores: "Memory", options: argparse.Namespace) -> None:
    school, ask = stores.desk.school, stores.new_ask()
    pupil = pupil_called(school, options.pupil)
    site = _site(school, options, pupil)
    by, who = await _by(stores, options.by)
    if options.act == "collect" and by is not By.STAFF:
        raise RefusedError("a forgotten badge needs the login of staff: --by LOGIN")
    wish = Wish(pupil.id, site.id, options.day, by, asked_ms(options), who)
    if options.act in ORDERS:
        product = _product(school, site, options.product)
        answer = await stores.desk.do(ask, ORDERS[options.act], ask, wish, product.id)
    else:
        answer = await stores.desk.do(ask, ENDINGS[options.act], ask, wish)
    _say(school, site, answer)


async def _act(stores: "Memory", options: argparse.Namespace) -> None:
    desk, ask = stores.desk, stores.new_ask()
    device = desk.school.devices.get(options.desk)
    if device is None:
        raise RefusedError(f"`{options.desk}`: {SENTENCES['no_such_desk']}")
    site = desk.school.sites[device.site]
    by, who = await _by(stores, options.by)
    if by is not By.STAFF:
        raise RefusedError(f"`{options.by}` is no cashier: name a login")
    cashier = Cashier(options.desk, who, asked_ms(options))
    match options.act:
        case "open" | "close":
            answer = await desk.do(ask, COUNTS[options.act], ask, cashier, options.count)
        case "sell":
            goods = tuple(_goods(desk.school, site, text) for text in options.goods)
            pupil = pupil_called(desk.school, options.pupil)
            answer = await desk.do(ask, desk_rules.sell, ask, cashier, pupil.id, goods, options.total)
        case "pay-in":
            pupil = pupil_called(desk.school, options.pupil)
            answer = await desk.do(ask, desk_rules.pay_in, ask, cashier, pupil.id, options.amount)
        case "undo":
            answer = await desk.do(ask, desk_rules.undo, ask, cashier, options.number)
        case _:
            answer = await desk.do(ask, desk_rules.void, ask, cashier, options.number, _reason(options.reason))
    _say(desk.school, site, answer)


# --- what was meant -------------------------------------------------------------------------------


def _site(school: School, options: argparse.Namespace, pupil: Pupil) -> Site:
    return school.sites[pupil.site] if options.site is None else site_called(school, options.site)


def _product(school: School, site: Site, name: str) -> Product:
    for product in school.products.values():
        if (product.site, product.name) == (site.id, name):
            return product
    known = ", ".join(sorted(product.name for product in school.products.values() if product.site == site.id))
    raise RefusedError(f"`{name}` is no product of `{site.name}`: it is one of {known or 'none, for none is set up'}")


def _goods(school: School, site: Site, text: str) -> Goods:
    """`Sandwich`, or `2xSandwich`."""
    count, times, name = text.partition("x")
    if times and count.isdecimal():
        return Goods(_product(school, site, name).id, int(count))
    return Goods(_product(school, site, text).id)


async def _by(stores: "Memory", text: str) -> tuple[By, int]:
    """In which role, and whose number."""
    if text in (By.PARENT, By.PUPIL):
        return By(text), 0
    return By.STAFF, (await staff_called(stores.register, text)).id


def _reason(text: str) -> Reason:
    return Reason(text) if text in set(Reason) else Reason.NONE


# --- what came of it ------------------------------------------------------------------------------


def _say(school: School, site: Site, answer: Answer) -> None:
    """Print what was booked. Raises RefusedError with the sentence of a refusal."""
    if answer.refusal is not None:
        raise RefusedError(refused(answer.refusal, site))
    for fact in answer.facts:
        sentence = _of_a_meal(school, fact) or _of_money(fact)
        if sentence:
            print(sentence)


def refused(refusal: Refusal, site: Site) -> str:
    """The sentence of a refusal with its numbers in the site's words."""
    numbers = ", ".join(f"{key.rsplit('_', 1)[0].replace('_', ' ')} {_written(key, value, site)}" for key, value in refusal.numbers.items())
    return f"{SENTENCES[refusal.code]}{f' ({numbers})' if numbers else ''}"


def _written(key: str, value: int, site: Site) -> str:
    """A number by the unit at the end of its name."""
    if key.endswith("_cents"):
        return write_cents(value)
    if key == "undo_ms":
        return f"{value // 60_000} minutes"
    return f"{at(value, site.zone):%d/%m/%Y %H:%M:%S}" if key.endswith("_ms") else str(value)


def _of_a_meal(school: School, fact: Fact) -> str:
    match fact:
        case MealReserved():
            return f"{school.products[fact.product].name} is ordered for {fact.day}"
        case MealServed():
            return f"{school.products[fact.product].name} is handed out{'' if fact.meal else ', without an order'}"
        case MealCancelled():
            return f"the order for {fact.day} is cancelled{': late, so nothing is paid back unless it is resold' if fact.late else ''}"
        case MealResold():
            return f"the portion of {fact.day} is resold"
        case MealAwaited():
            return f"waiting for {school.products[fact.product].name} on {fact.day}" if fact.product else "no longer waiting"
    return ""


def _of_money(fact: Fact) -> str:
    match fact:
        case Charged():
            return f"{write_cents(fact.cents)} charged"
        case Reversed():
            return f"a charge of {write_cents(fact.cents)} is cancelled"
        case TillSold():
            return f"sold for {write_cents(fact.cents)}: number {fact.act}"
        case CashPaidIn():
            return f"{write_cents(fact.cents)} paid in, receipt {fact.receipt}: number {fact.act}"
        case TillVoided():
            return f"{write_cents(fact.cents)} cancelled ({fact.reason})"
        case CashCounted():
            difference = write_cents(fact.counted_cents - fact.expected_cents)
            return f"{'closed' if fact.closing else 'opened'} with {write_cents(fact.counted_cents)}, difference {difference}"
    return ""


def _print_counts(stores: "Memory", day: date) -> None:
    school = stores.desk.school
    print("site;product;diet;class;ordered;collected;waiting")
    for count in canteen.counts(school, stores.desk.books, day):
        name = item_name(school, count.product)
        amounts = f"{count.ordered};{count.collected};{count.waiting}"
        print(f"{school.sites[count.site].name};{name};{count.diet};{count.group};{amounts}")


def _print_view(stores: "Memory", options: argparse.Namespace) -> None:
    school = stores.desk.school
    pupil = pupil_called(school, options.pupil)
    site = _site(school, options, pupil)
    view = desk_rules.cashier_view(school, stores.desk.books, site.id, pupil.id, day_of(asked_ms(options), site.zone))
    print(f"order: {item_name(school, view.product) if view.product else 'none'}{', handed out' if view.collected else ''}")
    print(f"allergens met: {', '.join(sorted(view.allergens)) or 'none'}")
    print(f"diet: {view.diet or 'none'}{'' if view.suits else ', which this does not suit'}")
