"""Sums that reports read: who comes and goes at a quarter of an hour, what programmes and products earn, what happens at a cash desk.

They are made with the history's tables, commit by commit, in the same transactions, and again like them: long periods are read in
milliseconds. No queries here (hub/reports.py).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import TextClause, text

from hub.attended import Stay
from hub.core import facts as f
from hub.core.ledger import SALES
from hub.core.reports import QUARTER_MS, quarter_of
from hub.journal import Commit

PRESENCE = text(
    "INSERT INTO history_presence (programme, quarter, came, gone, ms) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
    "came = came + excluded.came, gone = gone + excluded.gone, ms = ms + excluded.ms"
)
REVENUE = text(
    "INSERT INTO history_revenue (site, item, quarter, charges, charged_cents, corrections, corrected_cents) VALUES (?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET charges = charges + excluded.charges, charged_cents = charged_cents + excluded.charged_cents, "
    "corrections = corrections + excluded.corrections, corrected_cents = corrected_cents + excluded.corrected_cents"
)
DESK_OPENED = text(
    "INSERT INTO history_cash (session, desk, site, opened_by, from_ms, opening_cents) VALUES (?, ?, ?, ?, ?, ?)"  # the rest is 0
)
DESK_MOVED = text(
    "UPDATE history_cash SET sold_cents = sold_cents + ?, paid_in_cents = paid_in_cents + ?, paid_back_cents = paid_back_cents + ? "
    "WHERE session = ?"
)
DESK_CLOSED = text("UPDATE history_cash SET closed_by = ?, until_ms = ?, expected_cents = ?, counted_cents = ? WHERE session = ?")

STATEMENTS = (PRESENCE, REVENUE, DESK_OPENED, DESK_MOVED, DESK_CLOSED)

_BOOKED = f.Charged | f.ChargesPosted | f.Reversed
Values = tuple[int | str | None, ...]
"""In the order of the statement's parameters."""


def presence(stays: Iterable[Stay], sign: int = 1) -> list[Values]:
    """What these stays add to the sums, or (`sign` -1) take from them."""
    found: defaultdict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for _, programme, from_ms, until_ms in stays:
        came = found[programme, quarter_of(from_ms)]
        came[0] += sign
        came[2] += sign * (until_ms - from_ms)
        found[programme, quarter_of(until_ms)][1] += sign
    return [(*key, *counts) for key, counts in found.items()]


def of_facts(commits: Iterable[Commit]) -> Iterator[tuple[TextClause, Values]]:
    """What the facts of these commits add to revenue and cash desk sessions."""
    earned: defaultdict[tuple[int, int, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    moved: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for commit in commits:
        for fact in commit.facts:
            _earn(earned, fact)
            yield from _counted(fact)
            _move(moved, fact)
    for place, counts in earned.items():
        yield REVENUE, (*place, *counts)
    for session, cents in moved.items():
        yield DESK_MOVED, (cents["sold"], cents["in"], cents["back"], session)


def _earn(earned: Mapping[tuple[int, int, int], list[int]], fact: f.Fact) -> None:
    """Whatever is booked on a sales account: more than zero is earned, less is taken back."""
    if not isinstance(fact, _BOOKED):
        return
    for entry in fact.entries:
        account, _, place = entry.account.partition(":")
        if account == SALES:
            site, _, item = place.partition(":")
            counts = earned[int(site), int(item), fact.at_ms // QUARTER_MS]
            kind = 0 if entry.cents > 0 else 2
            counts[kind] += len(fact.charges) if isinstance(fact, f.ChargesPosted) else 1
            counts[kind + 1] += entry.cents


def _counted(fact: f.Fact) -> Iterator[tuple[TextClause, Values]]:
    """A session begins or ends."""
    if isinstance(fact, f.CashCounted):
        if fact.closing:
            yield DESK_CLOSED, (fact.who, fact.at_ms, fact.expected_cents, fact.counted_cents, fact.cash_session)
        else:
            yield DESK_OPENED, (fact.cash_session, fact.desk, fact.site, fact.who, fact.at_ms, fact.counted_cents)


def _move(moved: Mapping[int, Counter[str]], fact: f.Fact) -> None:
    """What is sold in a session, paid in and handed back; what is taken back of a sale was paid from a wallet."""
    match fact:
        case f.TillSold():
            moved[fact.cash_session]["sold"] += fact.cents
        case f.CashPaidIn():
            moved[fact.cash_session]["in"] += fact.cents
        case f.TillVoided():
            moved[fact.cash_session]["back" if fact.entries else "sold"] += fact.cents if fact.entries else -fact.cents
