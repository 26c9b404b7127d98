"""Who stands beside the desk: what was asked, when the hub received it, what it answered; and in the end, whether the journal bears it out.

Every act is judged twice: what was booked for it is what the rules, told anew (`rules.py`), make of it at its place in the journal; and a
refusal was right when it was given. What a hub lost with its disk is not expected of a restored one (promise P4): such acts are let go.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from msgspec import Struct

from hub.core import facts as f
from hub.core.books import Books
from hub.core.codes import Reason
from hub.core.facts import Fact, Facts
from hub.core.school import School
from hub.core.wallets import available_cents
from hub.desk import Answer
from tests import schools
from tests.sim import afterwards, corrected, roll, rules, scanned, told
from tests.sim.acts import CORRECTIONS, Act, Kind, done
from tests.sim.reckoning import Reckoning
from tests.sim.roll import EXPECTED
from tests.sim.rules import Case, Lunch
from tests.sim.setting import CARE, STUDY, Known, Setting, Study, day_code, known_in

PROGRAMMES = ((CARE,), (STUDY,))
LATELY_MS = 150_000
"""What is due is done within two rounds of the hub."""
PRESENCE = (f.Marked, f.StayOpened, f.StayClosed, f.StayVoided, f.Unresolved)


class No(Struct, frozen=True):
    """A refusal, decided on the books as they were after fact `number`."""

    number: int
    ask: int
    at_ms: int
    code: str


class Witness:
    """All acts of a world."""

    def __init__(self, limits: Mapping[int, int], lunch: Lunch, setting: Setting) -> None:
        self._limits, self.lunch, self.setting = dict(limits), lunch, setting
        self.wishes: dict[int, Act] = {}
        self.receipts: dict[int, set[int]] = defaultdict(set)
        self.yeses: dict[int, Facts] = {}
        self._numbers: dict[int, int] = {}
        """Of the first fact of each."""
        self._known: dict[tuple[int, int], Known] = {}
        """What was set up when an ask was received."""
        self._knew: list[tuple[int, Known]] = [(0, Known())]
        """The same, and the number of the last fact that a hub had decided before it knew it; in the order in which hubs learnt it."""
        self.noes: list[No] = []
        self.honest_clock = True
        """Whether the hub's clock was right all the time."""
        self.filed: frozenset[int] = frozenset()
        """Households whose family file is there in the end."""
        self.changed: list[str] = []
        """Asks that were answered in two ways."""

    def wished(self, ask: int, act: Act) -> None:
        """Somebody will ask this."""
        self.wishes[ask] = act

    def received(self, ask: int, at_ms: int, school: School) -> None:
        """The hub has it, by its own clock; it decides now, on what is set up now."""
        self.receipts[ask].add(at_ms)
        self._known[ask, at_ms] = known_in(school)

    def set_up(self, number: int, school: School) -> None:
        """This is what a hub goes by after the fact `number`."""
        self._knew.append((number, known_in(school)))

    def answered(self, ask: int, answer: Answer, at_ms: int) -> None:
        """The hub says what came of it; asked again, the same. A refusal is not kept: one that was decided before may come after."""
        if answer.refusal is not None:
            self.noes.append(No(answer.number, ask, at_ms, answer.refusal.code))
            if ask in self.yeses and answer.number >= self._numbers[ask]:
                self.changed.append(f"done, and then refused ({answer.refusal.code}): {self.wishes[ask]}")
            return
        if not answer.facts:
            self.noes.append(No(answer.number, ask, at_ms, ""))
            return
        self._numbers[ask] = answer.number
        if self.yeses.setdefault(ask, answer.facts) != answer.facts:
            self.changed.append(f"asked again, another answer: {self.wishes[ask]}")

    def done(self) -> Counter[str]:
        """How many acts of each kind were answered yes, and did something."""
        return Counter(done(self.wishes[ask].kind) for ask, facts in self.yeses.items() if facts)

    def restored(self, last: int, lost: Iterable[Fact]) -> int:
        """All facts after `last` are gone, with what was answered on them; how many acts that were answered yes."""
        asks = {fact.ask for fact in lost} & self.yeses.keys()
        for ask in asks:
            del self.yeses[ask]
        self.noes = [no for no in self.noes if no.number <= last]
        return len(asks)

    def complaints(self, facts: list[Fact], books: Books, now_ms: int) -> Iterator[str]:
        """Whatever in the journal, or in the books that live, the acts do not account for."""
        yield from self.changed
        noes = sorted(self.noes, key=lambda no: no.number)
        reckoned, number, seen = Reckoning(self.setting, self._limits), 0, set[int]()
        for ask, grouped in groupby(facts, key=lambda fact: fact.ask):
            group = tuple(grouped)
            while noes and noes[0].number <= number:
                yield from self._refused(reckoned, noes.pop(0))
            reckoned.known = next(known for since, known in reversed(self._knew) if since <= number)
            if ask in seen:
                yield f"done twice, or in two pieces: {group[0]}"
            seen.add(ask)
            yield from self._group(reckoned, ask, group)
            number += len(group)
        for no in noes:
            yield from self._refused(reckoned, no)
        yield from (f"answered yes, and not booked: {self.wishes[ask]}" for ask, told in self.yeses.items() if told and ask not in seen)
        yield from _other_balances(reckoned, books, now_ms)
        yield from corrected.left_behind(reckoned)
        yield from self._waits_for_time(reckoned, now_ms)
        yield from corrected.not_priced_again(reckoned, self.filed)

    def _waits_for_time(self, reckoned: Reckoning, now_ms: int) -> Iterator[str]:
        """What time alone should have brought by now, some minutes after its hour."""
        for key, order in reckoned.orders.items():
            if order.deferred and not order.late and not order.served and rules.paid_at_last(reckoned, key, now_ms - LATELY_MS):
                yield f"ordered in the pilot, and not charged since: {key} {order}"
        for place in reckoned.wallets:
            if place[1] in reckoned.known.first and reckoned.balance(place):
                yield f"left in the wallet of a second entry: {reckoned.balance(place)} in {place}"
        for charge, paid in reckoned.paid.items():
            if paid.pupil in reckoned.known.late and afterwards.is_anothers(reckoned, charge, now_ms):
                yield f"another household's to pay, and not moved: {charge} {paid}"
        if self.honest_clock:
            first, today = day_code(schools.moment("12:00", self.lunch.first)), day_code(now_ms)
            yield from roll.never_called(reckoned, first, now_ms)
            for pupil in EXPECTED if self.setting.study is Study.AUTO else ():
                wrong = [corrected.wrong_day(reckoned, (pupil, STUDY, first), at_ms) for at_ms in (now_ms, now_ms - LATELY_MS)]
                yield from wrong[:1] if all(wrong) and first <= today else []

    def _refused(self, reckoned: Reckoning, no: No) -> Iterator[str]:
        right = self._expected(reckoned, no.ask, self.wishes[no.ask], no.at_ms)
        if (right or "") != no.code:
            yield f"refused as {no.code or 'nothing to do'} at {no.at_ms}, not {right or 'nothing'}: {self.wishes[no.ask]}"

    def _group(self, reckoned: Reckoning, ask: int, group: Facts) -> Iterator[str]:
        """One ask: what it should come to, on the books before it; then it is taken in."""
        act, right, wrong = self.wishes.get(ask), None, list(_reasons(group))
        if act is not None:
            right, found = self._asked(reckoned, ask, act, group)
            wrong += found
        elif isinstance(group[0], f.ScanTaken):
            right, found = scanned.decided(reckoned, group[0])
            wrong += found
        elif isinstance(group[0], f.ShownBooked):
            right, found = scanned.shown(reckoned, group)
            wrong += found
        else:
            right = _brought_by_time(reckoned, group)
        before = corrected.paid_before(reckoned, group)
        for fact in group:
            reckoned.take(fact)
        booked = [effect for effect in told.effects_of(reckoned, group) if effect[3:4] not in PROGRAMMES]
        booked += [*corrected.effects_of(group), *roll.effects_of(group)]
        yield from wrong
        if right is None:
            yield from (f"nobody asked for this: {effect} in {group[0]}" for effect in booked)
        elif Counter(booked) != Counter(right):
            yield f"booked {booked}, not {right}: {act or group[0]}"
        yield from corrected.wrong_money(reckoned, group, before)
        yield from _other_payers(reckoned, group)

    def _asked(self, reckoned: Reckoning, ask: int, act: Act, group: Facts) -> tuple[rules.Effects, list[str]]:
        """What the act should come to, and what is wrong with it beside that."""
        now = (fact for fact in group if not isinstance(fact, PRESENCE))  # which tell of other moments
        moments = {at_ms for fact in now if (at_ms := getattr(fact, "at_ms", 0))}
        at_ms = max(moments)
        right = self._expected(reckoned, ask, act, at_ms)
        wrong = [] if moments <= self.receipts[ask] else [f"booked at {moments}, when nobody asked: {act}"]
        if self.yeses.get(ask, group) != group:
            wrong.append(f"answered otherwise than booked: {act}")
        if isinstance(right, str):
            return [], [*wrong, f"done, and not refused as {right} at {at_ms}: {act}"]
        return right, wrong

    def _expected(self, reckoned: Reckoning, ask: int, act: Act, at_ms: int) -> rules.Effects | str:
        reckoned.known = self._known.get((ask, at_ms), reckoned.known)
        if act.kind in CORRECTIONS:
            effects = corrected.expected(reckoned, ask, act, at_ms, day_code(act.moment_ms))
            return effects if isinstance(effects, str) else [*effects, *roll.corrected(reckoned, effects)]
        if act.kind is Kind.JUSTIFY:
            return roll.justified(reckoned, act, day_code(at_ms))
        return rules.expected(Case(reckoned, self.lunch, act, at_ms))


def _reasons(group: Facts) -> Iterator[str]:
    """Care has no limit to pass, so no charge of it needs a reason; what else is charged is held against the rules whole."""
    cared = (fact for fact in group if isinstance(fact, f.Charged) and (fact.item,) in PROGRAMMES)
    yield from (f"a charge with a reason: {fact}" for fact in cared if fact.reason)


def _brought_by_time(reckoned: Reckoning, group: Facts) -> rules.Effects | None:
    """What nobody asked for: the roll of a morning, what was ordered in a pilot that is over, what came to a second entry's wallet."""
    if any(isinstance(fact, f.Transferred | f.HoldReleased) and fact.reason is Reason.SAME_FAMILY for fact in group):
        return afterwards.brought_over(reckoned)
    moved = [fact for fact in group if isinstance(fact, f.Reversed) and fact.reason is Reason.OTHER_PAYER]
    if moved:
        return afterwards.repaid(reckoned, [fact.charge for fact in moved], moved[0].at_ms)
    called, ordered = (next((fact for fact in group if isinstance(fact, kind)), None) for kind in (f.RollTaken, f.MealReserved))
    if isinstance(called, f.RollTaken):
        return roll.called(reckoned, called.day)
    if not isinstance(ordered, f.MealReserved):
        return None
    key = (ordered.pupil, ordered.site, ordered.day)
    paid = rules.paid_at_last(reckoned, key, ordered.at_ms)
    return [("order", *key, reckoned.orders[key].product, False), *paid] if paid else []


def _other_payers(reckoned: Reckoning, group: Facts) -> Iterator[str]:
    """From the wallet of who pays on the day of service: of an order, of a stay, else of the act itself."""
    day = 0
    for fact in group:
        if isinstance(fact, f.MealReserved):
            day = fact.day
        elif isinstance(fact, f.Charged):
            on = fact.day or fact.limit_day or day or day_code(fact.at_ms)
            right = reckoned.payer(fact.pupil, fact.item, on)
            if fact.payer != right or reckoned.places[fact.wallet] != reckoned.place(fact.site, fact.pupil, fact.item, on):
                yield f"another one pays than {right}: {fact}"


def _other_balances(reckoned: Reckoning, books: Books, now_ms: int) -> Iterator[str]:
    """Every account, and what is available in each wallet."""
    for account in sorted({*reckoned.cents, *books.balances}):
        if books.balances.get(account, 0) != reckoned.cents.get(account, 0):
            yield f"{account} has {books.balances.get(account, 0)}, not {reckoned.cents.get(account, 0)}"
    for wallet, place in reckoned.places.items():
        if available_cents(books, wallet, now_ms) != reckoned.available(place, now_ms):
            yield f"{available_cents(books, wallet, now_ms)} are available in {place}, not {reckoned.available(place, now_ms)}"
