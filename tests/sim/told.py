"""What the facts of one ask say happened to money, orders and cash, in the words of `rules.py`."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hub.core import facts as f
from hub.core.facts import Fact
from tests.sim.acts import Place
from tests.sim.reckoning import Reckoning
from tests.sim.rules import Effect, Effects


def effects_of(books: Reckoning, group: Iterable[Fact]) -> Effects:
    """What the facts of one ask say happened; `books` know their wallets. What moves no money and no order is left out."""
    return [effect for fact in group if (effect := _effect(books, fact)) is not None]


def _effect(books: Reckoning, fact: Fact) -> Effect | None:
    if isinstance(fact, f.Reversed):
        paid = books.paid.get(fact.charge)
        stage = "posted" if fact.entries else paid.stage if paid and paid.stage != "posted" else "not posted"
        return "back", books.places[fact.wallet], paid.pupil if paid else 0, paid.item if paid else 0, fact.cents, stage
    words = _WORDS.get(type(fact))
    return words(fact, books.places) if words else None


def _charged(fact: f.Charged) -> Effect:
    return fact.pupil, fact.item, fact.cents, fact.stage.name.lower(), fact.reason.value, fact.limit_day


Words = Callable[[Any, Mapping[int, Place]], Effect]

_WORDS: dict[type, Words] = {
    f.Charged: lambda fact, places: ("charge", places[fact.wallet], *_charged(fact)),
    f.MealReserved: lambda fact, _: ("order", fact.pupil, fact.site, fact.day, fact.product, fact.deferred),
    f.MealServed: lambda fact, _: ("served", fact.pupil, fact.site, fact.day, fact.product),
    f.MealCancelled: lambda fact, _: ("cancel", fact.pupil, fact.site, fact.day, fact.product, fact.late),
    f.MealResold: lambda fact, _: ("resold", fact.pupil, fact.site, fact.day, fact.product, fact.to_pupil),
    f.MealAwaited: lambda fact, _: ("wait", fact.pupil, fact.site, fact.day, fact.product),
    f.CashCounted: lambda fact, _: ("count", fact.desk, fact.closing, fact.counted_cents, fact.expected_cents),
    f.CashPaidIn: lambda fact, places: ("cash", places[fact.wallet], fact.cents, fact.receipt),
    f.TillSold: lambda fact, _: ("sold", fact.pupil, fact.cents),
    f.TillVoided: lambda fact, _: ("void", fact.act, fact.cents),
    f.HoldPlaced: lambda fact, places: ("hold", places[fact.wallet], fact.cents, fact.until_ms),
    f.HoldReleased: lambda fact, places: ("free", places[fact.wallet], fact.hold),
    f.Transferred: lambda fact, places: ("transfer", places[fact.source], places[fact.target], fact.cents),
    f.Cleared: lambda fact, places: ("clear", fact.kind.value, places[fact.wallet], fact.cents),
    f.BalanceOpened: lambda fact, places: ("opening", places[fact.wallet], fact.entries[1].cents),
}
