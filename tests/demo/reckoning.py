"""What two weeks must come to, reckoned a second time by the written rules alone (requirements, section 5). It shares none with the hub."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.demo import rules
from tests.demo.dayplan import DOOR, FRONT, HOUR_S, MEALS, TAGS
from tests.demo.fortnight import Act, Fortnight
from tests.demo.school import CENTRE, Child

Event = tuple[date, int, str, str | Act]  # day, ms after midnight, reader, child of a tap with a yes; or "" and an act of the office


@dataclass(slots=True)
class Reckoning:
    """`wallets`: cents by the name in `preau-hub wallet list`; `charged`: by (child, what for), less what was given back.

    `mornings`: by (child, day), minutes late or "missing", and whether that is justified.
    """

    weeks: Fortnight
    wallets: Counter[str] = field(default_factory=Counter)
    charged: Counter[tuple[str, str]] = field(default_factory=Counter)
    came: dict[tuple[str, date, int], int] = field(default_factory=dict)  # in ms, by the end of the hours
    meals: dict[tuple[str, date], tuple[str, int]] = field(default_factory=dict)
    told: dict[tuple[str, str, date], str] = field(default_factory=dict)  # why somebody was absent; "no" for who was not at homework
    seen: dict[tuple[str, date], int] = field(default_factory=dict)  # in ms, first at the entrance or at care
    mornings: dict[tuple[str, str], str] = field(default_factory=dict)
    shelf: dict[tuple[str, date, bool], str] = field(default_factory=dict)  # True: cancelled late, False: waited for; by whom

    def reckon(self, events: Iterable[Event]) -> "Reckoning":
        self.wallets.update({rules.wallet_name(*owner): cents for owner, cents in self.weeks.opening_cents().items()})
        for day, name in self.weeks.reserved():
            self.order(name, day, rules.HOT)
        ordered = sorted(events, key=lambda event: event[:2])
        self.told = {key: word for *_, what in ordered if isinstance(what, Act) for key, word in told(what)}
        for day in self.weeks.lived:
            self.expect(day)
        for day, at_ms, reader, what in ordered:
            if isinstance(what, Act):
                self.act(what)
            else:
                self.scan(day, at_ms, reader, what)
        for child in self.weeks.cast.classmates:
            self.mornings |= {(child.name, f"{day}"): word for day in self.weeks.lived for word in self.late(child, day)}
        return self

    def scan(self, day: date, at_ms: int, reader: str, name: str) -> None:
        ends_ms = rules.ends_ms(at_ms)
        if reader in {DOOR, FRONT}:
            self.seen.setdefault((name, day), at_ms)
        if reader == DOOR and (came_ms := self.came.pop((name, day, ends_ms), None)) is not None:
            if at_ms < ends_ms + rules.REACH_MS:  # who is not seen leaving pays nothing
                self.stayed(name, day, came_ms, at_ms)
        elif reader == DOOR and at_ms < ends_ms:
            self.came[name, day, ends_ms] = at_ms
        elif reader == MEALS:
            self.eat(name, day, rules.HOT, rules.WALK_UP_CENTS)
        elif reader == TAGS and at_ms < ends_ms and self.came.setdefault((name, day, 0), at_ms) == at_ms:  # once a day
            share = (self.weeks.qf_cents.get(self.weeks.child(name).household, 10**9) * rules.STUDY_PPM + 500_000) // 1_000_000
            self.pay(name, rules.STUDY, min(max(share, rules.STUDY_LEAST_CENTS), rules.STUDY_MOST_CENTS), day)

    def expect(self, day: date) -> None:  # who counts as present, and who is absent
        for name, programme in self.weeks.registered(day):
            cents = rules.WORKSHOP_CENTS if programme == rules.WORKSHOP else rules.HOMEWORK_CENTS
            reason = self.told.get((name, programme, day), "")
            if reason in rules.ABSENT:
                self.pay(name, programme, rules.absent_cents(reason, cents), day)
            elif programme == rules.WORKSHOP:
                self.pay(name, programme, cents, day)

    def stayed(self, name: str, day: date, came_ms: int, left_ms: int) -> None:  # care, homework for who is registered, care
        pieces, (from_ms, to_ms) = [(came_ms, left_ms)], rules.HOMEWORK_MS
        goes = (name, rules.HOMEWORK) in self.weeks.registered(day) and not self.told.get((name, rules.HOMEWORK, day))
        if goes and max(came_ms, from_ms) < min(left_ms, to_ms):
            self.pay(name, rules.HOMEWORK, rules.HOMEWORK_CENTS, day)
            pieces = [(came_ms, from_ms), (max(came_ms, to_ms), left_ms)]
        for start_ms, end_ms in pieces:
            self.pay(name, rules.CARE, self.care_cents(self.weeks.child(name), day, max(end_ms - start_ms, 0) // 60_000), day)

    def late(self, child: Child, day: date) -> Iterator[str]:
        came_ms = self.seen.get((child.name, day), rules.CLASS_ENDS_MS)
        minutes = -(-(came_ms - rules.CLASS_MS) // 60_000)
        justified = " justified" if self.told.get((child.name, "", day)) else ""
        if came_ms > rules.LATE_MS:
            yield ("missing" if came_ms >= rules.CLASS_ENDS_MS else f"{minutes} minutes") + justified

    def care_cents(self, me: Child, day: date, minutes: int) -> int:
        tenths, period, most = rules.care_numbers(day.weekday(), later=day >= self.weeks.later)
        units = minutes // period + (minutes % period > rules.TOLERANCE_MIN)
        older = sum(one.born < me.born and self.weeks.payer(one, day) == self.weeks.payer(me, day) for one in self.weeks.everyone)
        return min((units * tenths * (100 - rules.LESS[min(older, 2)]) + 500) // 1000, most)

    def pay(self, name: str, what: str, cents: int, day: date) -> None:
        if self.weeks.child(name).site == CENTRE or day >= self.weeks.live:  # in a pilot it would have cost that
            self.wallets[self.weeks.purse(name, day)] -= cents
        self.charged[name, what] += cents

    def order(self, name: str, day: date, product: str = "") -> None:  # instead of what was ordered, which is given back
        old, cents = self.meals.pop((name, day), ("", 0))
        self.pay(name, old, -cents, day)
        if product:
            self.meals[name, day] = (product, rules.meal_cents(product, day.weekday()))
            self.pay(name, *self.meals[name, day], day)

    def eat(self, name: str, day: date, product: str, surcharge_cents: int = 0) -> None:
        if (name, day) not in self.meals:
            self.order(name, day, product)
            self.pay(name, product, surcharge_cents, day)

    def act(self, act: Act, sign: int = 1) -> None:
        match act.words:
            case ("meals", what, name, text, product, *_):
                self.meal(what, name, date.fromisoformat(text), product, (act.day, act.at_s))
            case ("till", "sell", _, name, _, *goods, "--by", _):
                for count, _, what in (good.rpartition("x") for good in goods):
                    self.pay(name, what, sign * int(count or 1) * rules.ARTICLES_CENTS[what], act.day)
            case ("till", "undo" | "void", _, label, *_):
                self.act(next(other for other in self.weeks.acts if label == f"#{other.label}"), -1)
            case ("till", "pay-in", _, name, euros, *_):
                self.wallets[self.weeks.purse(name, act.day)] += rules.cents(euros)
            case ("wallet", "top-up" | "refund" as what, wallet, euros):
                self.wallets[wallet[1:]] += rules.cents(euros) * (1 if what == "top-up" else -1)
            case ("wallet", "transfer", source, euros, *_):
                self.wallets.update({source[1:]: -rules.cents(euros), rules.other_purse(source[1:]): rules.cents(euros)})
            case ("wallet", "payout", wallet):
                self.wallets[wallet[1:]] = 0

    def meal(self, what: str, name: str, day: date, product: str, now: tuple[date, int]) -> None:
        product = self.meals[name, day][0] if what == "cancel" else product
        worked = next(one for one in (day - timedelta(n) for n in range(1, 9)) if one.weekday() < 5 and one != self.weeks.day_off)
        if what in {"order", "change"}:
            self.order(name, day, product)
        elif what == "collect":
            self.eat(name, day, product)
        elif what == "cancel" and now < ((worked, 15 * HOUR_S) if product == rules.PACKED else (day, 9 * HOUR_S)):
            self.order(name, day)
        elif other := self.shelf.pop((product, day, what == "wait"), ""):  # what one cancels late, another has waited for
            self.order(other if what == "wait" else name, day)
            self.order(name if what == "wait" else other, day, product)
        else:
            self.shelf[product, day, what == "cancel"] = name


def told(act: Act) -> Iterator[tuple[tuple[str, str, date], str]]:
    """What staff said of a day."""
    match act.words:
        case ("day", "absent" | "split", name, programme, text, word, *_):
            yield (name, programme, date.fromisoformat(text)), word
        case ("presence", "justify", name, text, word, *_):
            yield (name, "", date.fromisoformat(text)), word
