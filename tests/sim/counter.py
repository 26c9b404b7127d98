"""Who comes to the desk: families with their orders, cashiers with their drawers, the bursar with wallets. They err as people do."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import TYPE_CHECKING

from hub.core.calendar import day_of
from hub.core.codes import By
from hub.core.facts import CashPaidIn, Facts, HoldPlaced, TillSold
from hub.core.ledger import wallet_account
from hub.core.school import Rows, School, WalletScope
from hub.desk import Answer, Desk
from tests import schools
from tests.sim.acts import Act, Kind, Place
from tests.sim.forms import Told
from tests.sim.reckoning import DRINK, MEAL, PARC_MEAL, SANDWICH, SOUP
from tests.sim.rules import PRICES_CENTS, heirs
from tests.sim.setting import PARC, PUPILS, TILLEULS, decoded, known_in

if TYPE_CHECKING:
    from tests.sim.world import World

REGULARS = 10
"""So many pupils eat at the canteen: few enough that their orders meet."""
CASHIERS, DESKS = (901, 902), ("till", "hall")
BURSAR = 903
REMEMBERED = 12
SOLD_SHARE = 0.7
"""So many of those who tap at a till for an article buy it."""
SWITCH_SHARE, SWITCH_BACK_SHARE = 0.3, 0.5
"""In so many worlds Le Parc changes whose its wallets are, and in so many of them back again."""
LOOKS_SHARE = 0.8
"""Of those who change an order, so many look first which there are."""
MISCOUNTED_SHARE = 0.5
"""Of the times that somebody says who gets how much of a wallet, it is a cent too much or too little in so many."""
ORDERS = ((Kind.ORDER, 40), (Kind.CANCEL, 24), (Kind.CHANGE, 10), (Kind.WAIT, 14), (Kind.LEAVE, 4), (Kind.COLLECT, 8), (Kind.RESERVE, 8))
LATE_ORDERS = ((Kind.ORDER, 14), (Kind.CANCEL, 36), (Kind.WAIT, 36), (Kind.LEAVE, 3), (Kind.COLLECT, 6))
"""After orders have closed."""
SALES = ((Kind.OPEN, 20), (Kind.CLOSE, 5), (Kind.SELL, 34), (Kind.PAY_IN, 26), (Kind.VOID, 14), (Kind.UNDO, 12))
TRANSFERS = (
    (Kind.TOP_UP, 20),
    (Kind.REFUND, 12),
    (Kind.PAYOUT, 4),
    (Kind.TRANSFER, 18),
    (Kind.SET_ASIDE, 16),
    (Kind.RELEASE, 12),
    (Kind.HOLD, 18),
    (Kind.SETTLE, 14),
)
HOLDS_MS = (20_000, 90_000, 600_000, 86_400_000)


class Counters:
    """All of them, at the pace of the world."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._chance, self._slips = world.chance, Random(f"slips {world.seed}")
        self._drawers: Counter[str] = Counter()
        """What coins are in them."""
        self._done: deque[tuple[int, int, int]] = deque(maxlen=REMEMBERED)
        """Sales and top-ups: who did it, its number, and the cash."""
        self._holds: deque[tuple[Place, HoldPlaced]] = deque(maxlen=REMEMBERED)

    def begin(self) -> None:
        """From now on they come."""
        world = self._world
        self._list()
        pace_s = 6 + world.plan.tap_s * 0.6
        world.often(pace_s, self.order)
        world.often(pace_s * 1.5, self.sell)
        world.often(pace_s * 1.5, self.pay)
        if self._chance.random() < SWITCH_SHARE:
            world.loop.after_s(world.plan.storm_s * self._chance.uniform(0.2, 0.8), self.switch)
        for early_ms in (1, 0, 0, -1):
            world.loop.after_s(world.plan.lunch_s - early_ms / 1000 + 1e-5, self.last_minute)

    def _list(self) -> None:
        """Some who never come to the desk have a meal or a sandwich today: what their badges are handed, with the hub or without."""
        today = day_of(self._world.hub_wall_ms(), schools.ZONE)
        for n in range(REGULARS, PUPILS, 2):
            kind, product = (Kind.ORDER, SANDWICH) if n % 3 == 0 else (Kind.RESERVE, MEAL)
            self._ask(Act(kind, schools.number(f"pupil {n}"), TILLEULS, today, product, By.STAFF))

    # --- families ---

    def order(self, kind: Kind | None = None, day: date | None = None) -> None:
        """Something about a meal: mostly of today at Les Tilleuls; now and then of a day that cannot be."""
        kind = kind or self._of(LATE_ORDERS if self._world.loop.now_s > self._world.plan.lunch_s else ORDERS)
        site = PARC if kind is not Kind.COLLECT and self._chance.random() < 0.15 else TILLEULS
        product = PARC_MEAL if site == PARC else self._chance.choice((MEAL, SOUP, SANDWICH, SANDWICH))
        if kind in {Kind.COLLECT, Kind.RESERVE}:
            product = PARC_MEAL if site == PARC else MEAL
        by = By.STAFF if kind is Kind.COLLECT else self._chance.choice(list(By))
        act = Act(kind, self._regular(), site, day or self._day(), product, by)
        there = self._waiting() if kind is Kind.CHANGE and site == TILLEULS and day is None else None
        self._ask(replace(act, pupil=there[0], day=decoded(there[1])) if there else act)

    def _waiting(self) -> tuple[int, int] | None:
        """Whose order is not handed out yet, and of which day, as far as the page knows; now and then nobody looks."""
        hub = self._world.hub
        meals = hub.desk.books.meals if hub is not None else {}
        there = [(pupil, day) for (pupil, site, day), meal in meals.items() if site == TILLEULS and not meal.served_ms and not meal.late]
        return self._slips.choice(there) if there and self._slips.random() < LOOKS_SHARE else None

    def last_minute(self) -> None:
        """Just before orders close, and at the very instant."""
        today = day_of(self._world.hub_wall_ms(), schools.ZONE)
        for kind in (Kind.CANCEL, Kind.CANCEL, Kind.ORDER, Kind.CHANGE, Kind.WAIT):
            self.order(kind, today)

    # --- cashiers ---

    def sell(self, kind: Kind | None = None) -> None:
        """Something at a cash desk. The first one opens it."""
        kind = kind or self._of(SALES)
        desk, who = self._chance.choice(DESKS), self._chance.choice(CASHIERS)
        match kind:
            case Kind.OPEN | Kind.CLOSE:
                wrong_cents = self._chance.choice((0, 0, 0, -50, 20))
                cents = max(self._drawers[desk] + wrong_cents, 0)
                self._ask(Act(kind, desk=desk, who=who, cents=cents), lambda _: self._counted(desk, cents))
            case Kind.SELL:
                goods = tuple((product, self._chance.choice((1, 1, 2, 3))) for product in self._basket())
                cents = sum(PRICES_CENTS[product] * quantity for product, quantity in goods) + self._chance.choice((0,) * 9 + (10,))
                self._ask(Act(kind, self._regular(), desk=desk, who=who, goods=goods, cents=cents), self._sold)
            case Kind.PAY_IN:
                cents = self._chance.choice((2_00, 5_00, 10_00, 20_00, 0))
                self._ask(Act(kind, self._regular(), desk=desk, who=who, cents=cents), lambda answer: self._took(desk, answer))
            case _:
                by, number, cents = self._latest()
                who = by if kind is Kind.UNDO and self._chance.random() < 0.8 else who
                self._ask(Act(kind, desk=desk, who=who, act=number), lambda _: self._paid_out(desk, cents))

    def tapped(self, pupil: int, product: int) -> None:
        """Somebody has held a badge to a till, which sells nothing: mostly the cashier does, a moment later."""
        if self._chance.random() < SOLD_SHARE:
            self._world.loop.after_s(self._chance.uniform(1.0, 15.0), self._sell, pupil, product)

    def _sell(self, pupil: int, product: int) -> None:
        if not self._world.calm:
            desk, who = self._chance.choice(DESKS), self._chance.choice(CASHIERS)
            form = Act(Kind.SELL, pupil, desk=desk, who=who, goods=((product, 1),), cents=PRICES_CENTS[product])
            self._ask(form, self._sold)

    def _latest(self) -> tuple[int, int, int]:
        """Mostly the last act that was done."""
        if not self._done:
            return CASHIERS[0], 12345, 0
        return self._done[-1] if self._chance.random() < 0.6 else self._chance.choice(self._done)

    def _basket(self) -> tuple[int, ...]:
        return self._chance.choice(((DRINK,), (SANDWICH,), (SANDWICH, DRINK), ()))

    def _counted(self, desk: str, cents: int) -> None:
        self._drawers[desk] = cents

    def _sold(self, answer: Answer) -> None:
        self._done += ((fact.who, fact.act, 0) for fact in answer.facts if isinstance(fact, TillSold))

    def _took(self, desk: str, answer: Answer) -> None:
        for fact in answer.facts:
            if isinstance(fact, CashPaidIn):
                self._done.append((fact.who, fact.act, fact.cents))
                self._drawers[desk] += fact.cents

    def _paid_out(self, desk: str, cents: int) -> None:
        self._drawers[desk] -= cents

    # --- the bursar ---

    def pay(self, kind: Kind | None = None) -> None:
        """Something with a wallet."""
        kind = kind or self._of(TRANSFERS)
        pupil, cents = self._regular(), self._chance.choice((50, 1_00, 3_00, 5_00, 8_00, 15_00))
        match kind:
            case Kind.TRANSFER:
                general, reserve = (PARC, pupil, "general"), (PARC, pupil, "reserve")
                source, target = self._chance.choice(((general, reserve), (general, reserve), (reserve, general)))
                self._ask(Act(kind, place=source, target=target, cents=cents if self._chance.random() < 0.95 else 0, who=BURSAR))
            case Kind.RELEASE if self._holds:
                place, held = self._chance.choice(self._holds)
                self._ask(Act(kind, place=place, act=held.hold))
            case Kind.HOLD:
                site_act = Act(kind, pupil, TILLEULS, product=self._chance.choice((SANDWICH, DRINK)), for_ms=self._chance.choice(HOLDS_MS))
                self._ask(site_act, lambda answer: self._held(self._wallet(pupil, TILLEULS), answer.facts))
            case Kind.SETTLE if self._holds:
                _, held = self._chance.choice(self._holds)
                product = held.item or DRINK
                self._ask(Act(kind, held.pupil or pupil, TILLEULS, product=product, act=held.hold))
            case Kind.TOP_UP | Kind.REFUND | Kind.PAYOUT:
                self._ask(Act(kind, place=self._wallet(pupil), cents=0 if kind is Kind.PAYOUT else cents, who=BURSAR))
            case _:
                place = self._wallet(pupil)
                aside = Act(Kind.SET_ASIDE, place=place, cents=cents, for_ms=self._chance.choice(HOLDS_MS))
                self._ask(aside, lambda answer: self._held(place, answer.facts))

    def switch(self, scope: WalletScope = WalletScope.HOUSEHOLD) -> None:
        """Le Parc has one wallet for each household from now on, or those of its pupils again; what is left in the others is moved, and
        whatever comes there later."""

        def row(school: School) -> Rows:
            return (replace(school.sites[PARC], wallet_scope=scope),)

        def told(_answer: Answer) -> None:
            self.regroup()
            self._world.often(120, self.regroup)
            if scope is WalletScope.HOUSEHOLD and self._chance.random() < SWITCH_BACK_SHARE:
                self._world.loop.after_s(self._chance.uniform(60, 900), self.switch, WalletScope.PUPIL)

        if not self._world.calm:
            self._world.forms.send(lambda ask, desk: desk.edit(ask, row), told)

    def regroup(self) -> None:
        """All money to whose it is now, as far as the page knows; now and then somebody forgets to say who gets how much, or miscounts."""
        hub = self._world.hub
        if hub is not None:
            to_pupils = hub.desk.school.sites[PARC].wallet_scope is WalletScope.PUPIL
            shares = () if self._chance.random() < 0.1 else tuple(self._shares(hub.desk, to_pupils=to_pupils))
            if shares and self._slips.random() < MISCOUNTED_SHARE:
                owner, ((heir, cents), *others) = shares[0]
                shares = ((owner, ((heir, cents + self._slips.choice((-1, 1))), *others)), *shares[1:])
            self._ask(Act(Kind.REGROUP, site=PARC, shares=shares))

    def _shares(self, desk: Desk, *, to_pupils: bool) -> Iterator[tuple[int, tuple[tuple[int, int], ...]]]:
        """Equal shares, where there are several heirs; what cannot be shared is the first one's."""
        left, known = Counter[int](), known_in(desk.school)
        for wallet in desk.books.owners.values():
            cents = desk.books.balance_cents(wallet_account(wallet.id))
            if wallet.site == PARC and bool(wallet.compartment) is not to_pupils and cents:
                left[wallet.pupil or wallet.household] += cents
        for owner, cents in left.items():
            able = heirs(owner, known, to_pupils=to_pupils)
            if len(able) > 1:
                each = abs(cents) // len(able) * (1 if cents > 0 else -1)
                yield owner, ((able[0], cents - each * (len(able) - 1)), *((heir, each) for heir in able[1:]))

    def _held(self, place: Place, facts: Facts) -> None:
        self._holds += ((place, fact) for fact in facts if isinstance(fact, HoldPlaced))

    def _wallet(self, pupil: int, site: int = 0) -> Place:
        """The family's at Les Tilleuls, or one of the pupil's at Le Parc."""
        if site == TILLEULS or self._chance.random() < 0.5:
            return TILLEULS, self._world.disk.school.pupils[pupil].household, ""
        return PARC, pupil, self._chance.choice(("general", "general", "reserve"))

    # --- all of them ---

    def _ask(self, act: Act, told: Told | None = None) -> None:
        self._world.saw(act.kind.value)
        self._world.forms.ask(act, told)

    def _of(self, weights: tuple[tuple[Kind, int], ...]) -> Kind:
        return self._chance.choices([kind for kind, _ in weights], [weight for _, weight in weights])[0]

    def _regular(self) -> int:
        return schools.number(f"pupil {self._chance.randrange(REGULARS)}")

    def _day(self) -> date:
        ahead = self._chance.choice((0, 0, 0, 0, 1, 1, 2, -1, 20))
        return day_of(self._world.hub_wall_ms(), schools.ZONE) + timedelta(days=ahead)
