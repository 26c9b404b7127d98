"""What people ask of the desk: orders, cash, wallets. An Act is plain words and numbers; `asked` puts it as the pages and shells do.

It knows which question belongs to which act, and nothing of what the answer should be: that is told anew in `rules.py`.
"""

import enum
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from hub.core import canteen, corrections, mornings, till
from hub.core.books import Books
from hub.core.calendar import day_of
from hub.core.canteen import Wish
from hub.core.codes import By, Clearing, Compartment, Excuse, Justification, Reason
from hub.core.corrections import Moment, Staff
from hub.core.facts import Facts, Refusal
from hub.core.school import School
from hub.core.tariffs import price_of_product
from hub.core.till import Cashier, Goods
from hub.core.transfers import Move, Payment, clear, regroup, transfer
from hub.core.wallets import Sale, charge, hold, open_balances, release, set_aside
from hub.desk import Answer, Desk
from proto.messages import Direction

Place = tuple[int, int, str]
"""Site, owner, compartment: where a wallet is."""


class Kind(enum.StrEnum):
    """What is asked. Each name is a counter too."""

    OPENING = "balances brought along"
    RESERVE = "meals put on the office's list"
    ORDER = "orders"
    CHANGE = "orders changed"
    CANCEL = "orders cancelled"
    WAIT = "portions waited for"
    LEAVE = "waited no longer"
    COLLECT = "badges forgotten"
    OPEN = "cash desks opened"
    CLOSE = "cash desks closed"
    SELL = "forms sold"
    PAY_IN = "cash taken"
    VOID = "acts voided"
    UNDO = "acts undone"
    TOP_UP = "top-ups"
    REFUND = "refunds"
    PAYOUT = "payouts"
    TRANSFER = "transfers"
    SET_ASIDE = "amounts set aside"
    HOLD = "articles held"
    RELEASE = "holds released"
    SETTLE = "holds settled"
    REGROUP = "wallets moved to a site's new policy"
    ADD = "marks added"
    STRIKE = "marks voided"
    MOVE = "marks moved"
    INVERT = "marks inverted"
    VERIFY = "stays verified"
    TAKE_BACK = "corrections undone"
    ABSENT = "pupils marked absent"
    SPLIT = "stays split or not by staff"
    JUSTIFY = "words on a morning"


def done(kind: Kind) -> str:
    """The counter of those that were answered yes."""
    return f"yes: {kind.value}"


_NOTHING = (date.min, (0, 0, ""), (0, 0, 0))
CORRECTIONS = (Kind.ADD, Kind.STRIKE, Kind.MOVE, Kind.INVERT, Kind.VERIFY, Kind.ABSENT, Kind.SPLIT, Kind.TAKE_BACK)
Shares = tuple[tuple[int, tuple[tuple[int, int], ...]], ...]
"""Owner that was -> owner that will be -> cents."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing somebody asks; what a kind does not need is left empty. `act`: the sale, top-up or hold it is about."""

    kind: Kind
    pupil: int = 0
    site: int = 0
    day: date = date.min
    product: int = 0
    by: By = By.PARENT
    who: int = 0
    desk: str = ""
    cents: int = 0
    goods: tuple[tuple[int, int], ...] = ()
    place: Place = (0, 0, "")
    target: Place = (0, 0, "")
    act: int = 0
    for_ms: int = 0
    """How long a hold lives."""
    balances: tuple[tuple[int, int, int], ...] = ()
    """Site, owner, cents."""
    key: tuple[int, int, int] = (0, 0, 0)
    """Pupil, programme, day as YYYYMMDD: what staff correct. `act`: the mark or stay, `other` a second mark."""
    other: int = 0
    moment_ms: int = 0
    way: str = ""
    """Of a mark; `yes`, `no` or nothing of a split; the state of a morning."""
    excuse: str = ""
    shares: Shares = ()

    def __str__(self) -> str:
        """What was asked, without what was left empty."""
        said = ((each.name, getattr(self, each.name)) for each in fields(self)[1:])
        return f"{self.kind.name} {' '.join(f'{name}={value}' for name, value in said if value and value not in _NOTHING)}"


def asked(desk: Desk, ask: int, act: Act, at_ms: int) -> Coroutine[Any, Any, Answer]:
    """The question of this act, received at `at_ms` by the hub's clock."""
    return _ASKED[act.kind](desk, ask, act, at_ms)


_Asked = Callable[[Desk, int, Act, int], Coroutine[Any, Any, Answer]]


def _opening(desk: Desk, ask: int, act: Act, at_ms: int) -> Coroutine[Any, Any, Answer]:
    return desk.do(ask, open_balances, ask, {(site, owner): cents for site, owner, cents in act.balances}, at_ms)


def _reserve(desk: Desk, ask: int, act: Act, at_ms: int) -> Coroutine[Any, Any, Answer]:
    return desk.do(ask, canteen.reserve, ask, act.pupil, act.product, act.day.isoformat(), at_ms)


_CHOICES = {Kind.ORDER: canteen.order, Kind.CHANGE: canteen.change, Kind.WAIT: canteen.wait, Kind.COLLECT: canteen.collect}
_ENDINGS = {Kind.CANCEL: canteen.cancel, Kind.LEAVE: canteen.leave}
_COUNTS = {Kind.OPEN: till.open_desk, Kind.CLOSE: till.close_desk}


def _wish(desk: Desk, ask: int, act: Act, at_ms: int) -> Coroutine[Any, Any, Answer]:
    wish = Wish(act.pupil, act.site, act.day, act.by, at_ms, act.who)
    if act.kind in _ENDINGS:
        return desk.do(ask, _ENDINGS[act.kind], ask, wish)
    return desk.do(ask, _CHOICES[act.kind], ask, wish, act.product)


def _cash(desk: Desk, ask: int, act: Act, at_ms: int) -> Coroutine[Any, Any, Answer]:
    cashier = Cashier(act.desk, act.who, at_ms)
    match act.kind:
        case Kind.SELL:
            goods = tuple(Goods(product, quantity) for product, quantity in act.goods)
            return desk.do(ask, till.sell, ask, cashier, act.pupil, goods, act.cents)
        case Kind.PAY_IN:
            return desk.do(ask, till.pay_in, ask, cashier, act.pupil, act.cents)
        case Kind.VOID:
            return desk.do(ask, till.void, ask, cashier, act.act, Reason.WRONG_AMOUNT)
        case Kind.UNDO:
            return desk.do(ask, till.undo, ask, cashier, act.act)
        case _:
            return desk.do(ask, _COUNTS[act.kind], ask, cashier, act.cents)


def _bursar(desk: Desk, ask: int, act: Act, at_ms: int) -> Coroutine[Any, Any, Answer]:
    wallet = desk.books.wallets.get(_place(act.place), 0)
    match act.kind:
        case Kind.TRANSFER:
            return desk.do(ask, transfer, ask, Move(_place(act.place), _place(act.target), act.cents, act.by, act.who), at_ms)
        case Kind.SET_ASIDE:
            return desk.do(ask, set_aside, ask, wallet, act.cents, (at_ms, at_ms + act.for_ms))
        case Kind.REGROUP:
            return desk.do(ask, regroup, ask, act.site, {owner: dict(shares) for owner, shares in act.shares}, at_ms)
        case Kind.RELEASE:
            return desk.do(ask, release, ask, wallet, act.act, at_ms)
        case _:
            kind = {Kind.TOP_UP: Clearing.TOP_UP, Kind.REFUND: Clearing.REFUND, Kind.PAYOUT: Clearing.PAYOUT}[act.kind]
            return desk.do(ask, clear, ask, Payment(wallet, kind, act.cents, who=act.who), at_ms)


def _hold(desk: Desk, ask: int, act: Act, at_ms: int) -> Coroutine[Any, Any, Answer]:
    """An article is set aside for a pupil, or paid out of what was."""

    def held(school: School, books: Books) -> Facts | Refusal:
        product, pupil, site = school.products[act.product], school.pupils[act.pupil], school.sites[act.site]
        cents, why = price_of_product(school, pupil, product, day_of(at_ms, site.zone))
        sale = Sale(pupil, site, product.id, cents, why, product.policy, at_ms, hold=act.act)
        return charge(school, books, ask, sale) if act.kind is Kind.SETTLE else hold(school, books, ask, sale, at_ms + act.for_ms)

    return desk.do(ask, held)


def _correction(desk: Desk, ask: int, act: Act, at_ms: int) -> Coroutine[Any, Any, Answer]:
    """Staff correct a pupil's day."""
    staff, place = Staff(act.who, Reason.FORGOTTEN, at_ms), corrections.Place(*act.key)
    moment = Moment(act.key[0], act.key[1], act.moment_ms)
    match act.kind:
        case Kind.ADD:
            return desk.do(ask, corrections.add, ask, staff, moment, Direction(act.way))
        case Kind.STRIKE:
            return desk.do(ask, corrections.void, ask, staff, place, act.act)
        case Kind.MOVE:
            return desk.do(ask, corrections.move, ask, staff, place, act.act, moment)
        case Kind.INVERT:
            return desk.do(ask, corrections.invert, ask, staff, place, (act.act, act.other))
        case Kind.VERIFY:
            return desk.do(ask, corrections.verify, ask, staff, place, act.act)
        case Kind.ABSENT:
            return desk.do(ask, corrections.absent, ask, staff, place, act.act)
        case Kind.SPLIT:
            return desk.do(ask, corrections.split, ask, staff, place, through={"yes": True, "no": False}.get(act.way))
        case _:
            return desk.do(ask, corrections.undo, ask, staff)


def _justify(desk: Desk, ask: int, act: Act, at_ms: int) -> Coroutine[Any, Any, Answer]:
    """What staff say of a morning; `act` is the document's number."""
    word = mornings.Word(act.pupil, act.day, Justification(act.way), Excuse(act.excuse), act.act, act.who)
    return desk.do(ask, mornings.justify, ask, word, at_ms)


def _place(place: Place) -> tuple[int, int, Compartment]:
    return place[0], place[1], Compartment(place[2])


_ASKED: Mapping[Kind, _Asked] = {
    Kind.OPENING: _opening,
    Kind.RESERVE: _reserve,
    **dict.fromkeys((*_CHOICES, *_ENDINGS), _wish),
    **dict.fromkeys((*_COUNTS, Kind.SELL, Kind.PAY_IN, Kind.VOID, Kind.UNDO), _cash),
    **dict.fromkeys((Kind.TOP_UP, Kind.REFUND, Kind.PAYOUT, Kind.TRANSFER, Kind.SET_ASIDE, Kind.RELEASE, Kind.REGROUP), _bursar),
    **dict.fromkeys((Kind.HOLD, Kind.SETTLE), _hold),
    **dict.fromkeys(CORRECTIONS, _correction),
    Kind.JUSTIFY: _justify,
}
