"""What a till shows: who is served, who waits, what was keyed in, what was sold. Pure: the school, the books and the taps go in."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from urllib.parse import quote, urlencode

import msgspec

from hub.core import till as rules
from hub.core.books import Books
from hub.core.calendar import day_code, day_of
from hub.core.codes import Code
from hub.core.facts import CashCounted, Refusal, ScanTaken
from hub.core.kept import CashSession, TillAct
from hub.core.lists import by_name, fold
from hub.core.school import Device, Product, ProductKind, Pupil, Reader, School, Site
from hub.core.till import CashierView, Goods
from proto.messages import Use

WAITS_MS = 600_000
"""Whoever tapped longer ago has left the queue."""
SHOWN_MS = 120_000
"""What the device answered alone, with nothing left to do, stays on the page so long when nobody follows."""
QUEUE = 8
"""Names of the queue on the page; more are counted."""
LAST = 6
"""Sales and answered taps listed."""
FACES = 60
MOST_LINES = 20


@dataclass(frozen=True, slots=True)
class Place:
    """One till: its reader, and where its page is."""

    device: Device
    reader: Reader
    site: Site
    path: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the address says: whom to serve, by a tap's ask or by the pupil's number, and what was keyed in so far."""

    tap: int = 0
    pupil: int = 0
    goods: tuple[Goods, ...] = ()

    @property
    def is_held(self) -> bool:
        """Whether somebody is being served: others wait."""
        return bool(self.tap or self.pupil)

    def fields(self) -> list[tuple[str, str]]:
        """As an address or a form has it."""
        who = [("tap", str(self.tap))] if self.tap else [("pupil", str(self.pupil))] if self.pupil else []
        return [*who, *(("goods", f"{line.product}x{line.quantity}") for line in self.goods)]


@dataclass(frozen=True, slots=True)
class Person:
    """Who stands there. `pupil` None: a badge that is nobody's. `hand_out`: what staff may hand out now, by its name."""

    scan: ScanTaken | None
    pupil: Pupil | None
    view: CashierView | None = None
    order: str = ""
    hand_out: Product | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A product key with this pupil's price, and where it leads."""

    product: Product
    cents: int
    href: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the sale, and the ways to one less and one more."""

    product: Product
    quantity: int
    cents: int
    fewer: str
    more: str


@dataclass(frozen=True, slots=True)
class Waiting:
    scan: ScanTaken
    pupil: Pupil | None
    href: str


@dataclass(frozen=True, slots=True)
class Done:
    """A sale to a pupil, or a top-up for one. `can_undo`: by who looks at it, at once.

    `household`: whose wallet was filled, if it is the pupil's own: whoever else pays in its turn is not named to who brings the money.
    """

    number: int
    act: TillAct
    name: str
    household: str
    can_undo: bool


@dataclass(frozen=True, slots=True)
class TillPage:
    """`held`: somebody is being served. `poll`: what the page fetches when something has happened, and `shown_ms` after whoever was
    answered alone came. `problem`: why it was not done.
    """

    version: str
    place: Place
    desk: CashSession | None
    held: bool
    poll: str
    shown_ms: int
    person: Person | None
    keys: tuple[Key, ...]
    lines: tuple[Line, ...]
    total_cents: int
    chosen: Chosen
    waiting: tuple[Waiting, ...]
    more_waiting: int
    answered: tuple[Waiting, ...]
    acts: tuple[Done, ...]
    sees_money: bool
    problem: Refusal | None = None
    typed: str = ""
    counted: CashCounted | None = None


@dataclass(frozen=True, slots=True)
class Spot:
    """A till or a kiosk to open. `is_open`: its cash desk is."""

    place: Place
    is_open: bool


@dataclass(frozen=True, slots=True)
class TillsPage:
    tills: tuple[Spot, ...]
    kiosks: tuple[Place, ...]
    has_devices: bool


@dataclass(frozen=True, slots=True)
class ReceiptPage:
    place: Place
    done: Done
    items: tuple[tuple[int, str, int], ...]
    """What was sold: how many, of what, for how much altogether."""
    back: str
    reasons: tuple[str, ...]
    problem: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Face:
    pupil: Pupil
    is_expected: bool


@dataclass(frozen=True, slots=True)
class FindPage:
    place: Place
    question: str
    faces: tuple[Face, ...]
    more: int


def place_of(school: School, device: Device, reader: Reader) -> Place:
    """The page of a reader."""
    word = "kiosk" if reader.use is Use.KIOSK else "till"
    return Place(device, reader, school.sites[device.site], f"/{word}/{quote(device.id, safe='')}/{quote(reader.id, safe='')}")


def address(place: Place, chosen: Chosen) -> str:
    """A till's page with this in it."""
    return f"{place.path}?{urlencode(chosen.fields())}"


def read_goods(texts: Iterable[str]) -> tuple[Goods, ...]:
    """`30x2` each; what is none is left out, and so is what a till would not take."""
    found: dict[int, int] = {}
    for text in islice(texts, MOST_LINES):
        product, times, quantity = text.partition("x")
        if times and product.isascii() and product.isdigit() and quantity.isascii() and quantity.isdigit() and len(text) < MOST_LINES + 3:
            found[int(product)] = min(found.get(int(product), 0) + int(quantity), rules.MAX_QUANTITY)
    return tuple(Goods(product, quantity) for product, quantity in found.items() if quantity)


def till_page(
    school: School, books: Books, place: Place, taps: Sequence[ScanTaken], chosen: Chosen, now_ms: int, passed: AbstractSet[int]
) -> TillPage:
    """The till of this moment. `taps`: of its reader, newest first."""
    queued = waiting(school, books, place.site.id, taps, now_ms, passed)
    scan = _served(taps, queued, chosen, now_ms)
    pupil = school.pupils.get(scan.pupil if scan else chosen.pupil)
    person = _person(school, books, place, scan, pupil, now_ms) if scan or pupil else None
    now = replace(chosen, tap=scan.ask if scan else 0, pupil=0 if scan else chosen.pupil)
    lines = _lines(school, place, pupil, now, now_ms) if pupil else ()
    others = [tap for tap in queued if tap is not scan]
    answered = [tap for tap in taps if tap.code is not Code.SEEN and tap is not scan and now_ms - tap.at_ms < WAITS_MS]
    held = chosen.is_held or bool(queued)
    return TillPage(
        version="",
        place=place,
        desk=books.cash_sessions.get(place.device.id),
        held=held,
        poll=f"{place.path}/queue?{urlencode(replace(now, goods=()).fields())}" if held else place.path,
        shown_ms=SHOWN_MS,
        person=person,
        keys=_keys(school, place, pupil, now, now_ms) if pupil else (),
        lines=lines,
        total_cents=sum(line.cents for line in lines),
        chosen=now,
        waiting=tuple(_waiting(school, place, tap) for tap in others[:QUEUE]),
        more_waiting=max(0, len(others) - QUEUE),
        answered=tuple(_waiting(school, place, tap) for tap in answered[:LAST]),
        acts=(),
        sees_money=False,
    )


def waiting(school: School, books: Books, site: int, taps: Sequence[ScanTaken], now_ms: int, passed: AbstractSet[int]) -> list[ScanTaken]:
    """Who was identified and has had nothing yet, who came first first; each pupil once."""
    since_ms = now_ms - WAITS_MS
    sold = _sold(books, site, since_ms)
    found: dict[int, ScanTaken] = {}
    for tap in reversed(taps):
        served = tap.ask in passed or sold.get(tap.pupil, 0) >= tap.at_ms
        if tap.code is Code.SEEN and tap.at_ms >= since_ms and tap.pupil in school.pupils and not served:
            found.setdefault(tap.pupil, tap)
    return list(found.values())


def _sold(books: Books, site: int, since_ms: int) -> dict[int, int]:
    """Pupil -> when something was last sold to them, and not taken back."""
    found: dict[int, int] = {}
    for act in reversed(books.till.values()):
        if act.at_ms < since_ms:
            break
        if act.site == site and act.charges and not act.voided:
            found.setdefault(books.charges[act.charges[0]].pupil, act.at_ms)
    return found


def _served(taps: Sequence[ScanTaken], queued: Sequence[ScanTaken], chosen: Chosen, now_ms: int) -> ScanTaken | None:
    """The tap on the page: the one that was chosen, else who waits longest, else what the device answered last."""
    if chosen.is_held:
        return next((tap for tap in taps if tap.ask == chosen.tap), None)
    newest = taps[0] if taps and taps[0].code is not Code.SEEN and now_ms - taps[0].at_ms < SHOWN_MS else None
    return queued[0] if queued else newest


def _person(school: School, books: Books, place: Place, scan: ScanTaken | None, pupil: Pupil | None, now_ms: int) -> Person:
    if pupil is None:
        return Person(scan, None)
    view = rules.cashier_view(school, books, place.site.id, pupil.id, day_of(now_ms, place.site.zone))
    ordered = school.products.get(view.product)
    own = school.products.get(place.reader.product)
    walk_up = own if own and own.kind is ProductKind.MEAL and scan is None else None
    return Person(scan, pupil, view, ordered.name if ordered else "", None if view.collected else ordered or walk_up)


def discreet(shown: TillPage) -> TillPage:
    """Without a diet that today's meal suits: an alert is never held back (sensitive.py)."""
    person = shown.person
    if person is None or person.view is None or not person.view.suits:
        return shown
    return replace(shown, person=replace(person, view=msgspec.structs.replace(person.view, diet="")))


def _keys(school: School, place: Place, pupil: Pupil, chosen: Chosen, now_ms: int) -> tuple[Key, ...]:
    """The articles this pupil can be sold, those of today's menu first."""
    today = day_of(now_ms, place.site.zone)
    articles = [product for product in school.products.values() if product.site == place.site.id and product.kind is ProductKind.ARTICLE]
    found = []
    for product in sorted(articles, key=lambda each: (school.offer(place.site.id, today, each.id) is None, each.name, each.id)):
        cents = rules.quote(school, place.site, pupil, (Goods(product.id),), now_ms)
        if not isinstance(cents, Refusal):
            found.append(Key(product, cents[0], address(place, _with(chosen, product.id, 1))))
    return tuple(found)


def _lines(school: School, place: Place, pupil: Pupil, chosen: Chosen, now_ms: int) -> tuple[Line, ...]:
    """What was keyed in and can be sold, with its price."""
    found = []
    for line in chosen.goods:
        cents = rules.quote(school, place.site, pupil, (line,), now_ms)
        if not isinstance(cents, Refusal):
            ways = (address(place, _with(chosen, line.product, by)) for by in (-1, 1))
            found.append(Line(school.products[line.product], line.quantity, cents[0], *ways))
    return tuple(found)


def _with(chosen: Chosen, product: int, by: int) -> Chosen:
    """One more or one less of a product."""
    amounts = {line.product: line.quantity for line in chosen.goods}
    amounts[product] = min(amounts.get(product, 0) + by, rules.MAX_QUANTITY)
    return replace(chosen, goods=tuple(Goods(each, quantity) for each, quantity in amounts.items() if quantity > 0))


def _waiting(school: School, place: Place, tap: ScanTaken) -> Waiting:
    return Waiting(tap, school.pupils.get(tap.pupil), address(place, Chosen(tap.ask)))


def acts_of(books: Books, place: Place, desk: CashSession | None) -> Iterable[tuple[int, TillAct]]:
    """The last acts at the site since this desk was opened, newest first."""
    if desk is None:
        return ()
    here = ((number, act) for number, act in reversed(books.till.items()) if act.site == place.site.id)
    return ((number, act) for number, act in islice(here, LAST) if act.at_ms >= desk.from_ms)


def done_of(school: School, books: Books, number: int, act: TillAct, who: int, now_ms: int) -> Done:
    """A sale or top-up as the page lists it for whoever looks."""
    mine = act.who == who and not act.voided and 0 <= now_ms - act.at_ms <= rules.UNDO_MS
    pupil, owner = school.pupils.get(act.pupil), books.owners.get(act.wallet)
    home = school.households.get(pupil.household) if pupil and owner and owner.household == pupil.household else None
    return Done(number, act, f"{pupil.first_name} {pupil.last_name}" if pupil else "", home.name if home else "", mine)


def find_page(books: Books, place: Place, pupils: Iterable[Pupil], question: str, today: date) -> FindPage:
    """Those whose name or class holds every word, who has an order of today to collect first, then those of the site."""
    words, code = [fold(word) for word in question.split()], day_code(today)

    def rank(pupil: Pupil) -> tuple[bool, bool, str, str, int]:
        return not expected(pupil), pupil.site != place.site.id, *by_name(pupil)

    def expected(pupil: Pupil) -> bool:
        meal = books.meals.get((pupil.id, place.site.id, code))
        return meal is not None and not meal.served_ms

    found = [pupil for pupil in pupils if all(word in fold(f"{pupil.first_name}{pupil.last_name}{pupil.group}") for word in words)]
    found.sort(key=rank)
    return FindPage(place, question, tuple(Face(pupil, expected(pupil)) for pupil in found[:FACES]), max(0, len(found) - FACES))


def receipt_page(school: School, books: Books, place: Place, done: Done, quantities: Mapping[int, int], back: str) -> ReceiptPage:
    """One act with what was sold; `quantities` by charge."""
    charges = [books.charges[charge] for charge in done.act.charges]
    items = tuple(
        (quantities.get(each.id, 1), school.products[each.item].name if each.item in school.products else "", each.cents)
        for each in charges
    )
    return ReceiptPage(place, done, items, back, tuple(sorted(reason.value for reason in rules.VOID_REASONS)))
