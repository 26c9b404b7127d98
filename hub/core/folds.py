"""What each fact changes in the books: one small function for each kind of fact. None can fail for a fact that a decision made.

What is kept a million times is a Struct without cycles: made in a third of the time, and nothing for the collector to walk through.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from hub.core import facts as f
from hub.core.calendar import DAY_MS, day_code, day_coded
from hub.core.codes import Act, Code, Stage
from hub.core.kept import CashSession, Charge, DeviceLine, Grouped, Hold, Meal, TillAct, Wallet
from hub.core.ledger import balanced
from hub.core.references import Family, following
from hub.core.sheets import Absence, Line, Mark, Said, Sheet, StaffAct, Stay
from proto.messages import YES

if TYPE_CHECKING:  # the books call these functions
    from hub.core.books import Books

DECIDED_KEPT = 512
"""Decisions kept per device at least, for when it reports what it had lit by itself; it holds far fewer open questions."""
LIMIT_DAYS_KEPT = 20
"""Days back whose articles are kept for a pupil's daily limit, where there are more; days to come always are (requirement S72)."""
DAYS_KEPT = 60
"""Days back whose presence is kept after they are closed: a scan or a correction of an older one is left to staff."""
GROUPED_DAYS_KEPT = 2 * DAYS_KEPT
"""Days back whose products are kept for the maxima of tariff groups: a hub that was off closes its days later."""
_AGAIN, _GATHERED = Code.AGAIN, Stage.GATHERED
"""Members of an enum are looked up slowly, and here it is for every scan of a replay."""


def _book(books: Books, entries: tuple[f.Entry, ...]) -> None:
    assert balanced(entries), f"entries do not sum to zero: {entries}"
    balances = books.balances
    for entry in entries:
        account = entry.account
        balances[account] = balances.get(account, 0) + entry.cents


def _advance(books: Books, device: str, inc: str) -> DeviceLine:
    lives = books.lines.get(device)
    if lives is None:
        lives = books.lines[device] = {}
    line = lives.get(inc)
    if line is None:
        line = lives[inc] = DeviceLine()
    return line


def _scan(books: Books, fact: f.ScanTaken) -> None:
    device, inc, n = fact.device, fact.inc, fact.n
    line = _advance(books, device, inc)
    line.n = max(line.n, n)
    decided = books.decided.get(device)
    if decided is None:
        decided = books.decided[device] = {}
    decided[inc, n] = fact
    if len(decided) > 2 * DECIDED_KEPT:  # many at once: the first key of a dict is found slower the more were removed before it
        for key in list(islice(decided, DECIDED_KEPT)):
            del decided[key]
    if fact.shown:
        line.shown_n = max(line.shown_n, n)
        if fact.shown not in YES:
            return
    if fact.light in YES and fact.code is not _AGAIN:
        books.taps[device, fact.reader, fact.badge] = fact


def _shown(books: Books, fact: f.ShownBooked) -> None:
    """A tap for which no yes was lit does not stand: the next one is the pupil's first."""
    line = _advance(books, fact.device, fact.inc)
    line.shown_n = max(line.shown_n, fact.n)
    decided = books.decided.get(fact.device, {}).get((fact.inc, fact.n))
    if decided is None or fact.light in YES:
        return
    last = books.taps.get((fact.device, decided.reader, decided.badge))
    if last is not None and (last.inc, last.n) == (fact.inc, fact.n):
        del books.taps[fact.device, decided.reader, decided.badge]


def _hole(books: Books, fact: f.HoleDeclared) -> None:
    line = _advance(books, fact.device, fact.inc)
    line.n = max(line.n, fact.to_n)
    line.shown_n = max(line.shown_n, fact.to_n)


def _sheet(books: Books, pupil: int, programme: int, day: int) -> Sheet:
    sheets = books.days.setdefault(day, {}).setdefault(pupil, {})
    sheet = sheets.get(programme)
    if sheet is None:
        sheet = sheets[programme] = Sheet()
    return sheet


def _marked(books: Books, fact: f.Marked) -> None:
    sheet = _sheet(books, fact.pupil, fact.programme, fact.day)
    for act in books.acts.values():
        if act.ask == fact.ask:
            act.marks.setdefault(((fact.pupil, fact.programme, fact.day), fact.mark), sheet.marks.get(fact.mark))
    sheet.marks[fact.mark] = Mark(fact.at_ms, fact.mark, fact.direction, fact.lit, fact.void)


def _corrected(books: Books, fact: f.Corrected) -> None:
    """From now on this is what the member of staff may undo; an undo cannot be undone."""
    if fact.act is Act.UNDO:
        books.acts.pop(fact.who, None)
    else:
        books.acts[fact.who] = StaffAct(fact.ask, fact.at_ms, {}, {})


def _told(books: Books, fact: f.StayVerified | f.AbsenceMarked | f.StaySplit) -> tuple[Sheet, Said]:
    """The sheet that staff say something of, and where to keep what was said before: for an undo, where it is of an act."""
    said = (act.sheets.setdefault((fact.pupil, fact.programme, fact.day), Said()) for act in books.acts.values() if act.ask == fact.ask)
    return _sheet(books, fact.pupil, fact.programme, fact.day), next(said, Said())


def _verified(books: Books, fact: f.StayVerified) -> None:
    sheet, said = _told(books, fact)
    said.verified.setdefault(fact.stay, fact.stay in sheet.verified)
    sheet.verified = sheet.verified | {fact.stay} if fact.verified else sheet.verified - {fact.stay}


def _absent(books: Books, fact: f.AbsenceMarked) -> None:
    sheet, said = _told(books, fact)
    said.absence = said.absence or (sheet.absence,)
    sheet.absence = Absence(fact.absence, fact.percent, fact.cents) if fact.absence else None


def _split(books: Books, fact: f.StaySplit) -> None:
    sheet, said = _told(books, fact)
    said.split = said.split or (sheet.split,)
    sheet.split = fact.split


def _day_closed(books: Books, fact: f.DayClosed) -> None:
    """Days that all sites closed long ago are not worked out again: their sheets are let go."""
    books.closed[fact.site] = fact.day
    forgotten = day_code(day_coded(min(books.closed.values())) - timedelta(days=DAYS_KEPT))
    for day in [day for day in books.days if day <= forgotten]:
        del books.days[day]
    books.entrance.forget(forgotten)
    books.forgotten = max(books.forgotten, forgotten)


def _posted(books: Books, fact: f.ChargesPosted) -> None:
    for charge in fact.charges:
        books.charges[charge] = replace(books.charges[charge], stage=Stage.POSTED)
        _no_longer_gathered(books, fact.wallet, charge)
    _book(books, fact.entries)


def _no_longer_gathered(books: Books, wallet: int, charge: int) -> None:
    waiting = books.gathered.get(wallet)
    if waiting is not None and charge in waiting:
        del waiting[charge]
        if not waiting:
            del books.gathered[wallet]


def _settled(books: Books, fact: f.SettlementDone) -> None:
    books.settled[fact.programme] = max(fact.through_day, books.settled.get(fact.programme, 0))


def _opened(books: Books, fact: f.StayOpened) -> None:
    stay = Stay(fact.stay, fact.pupil, fact.site, fact.programme, fact.at_ms, fact.day)
    _sheet(books, fact.pupil, fact.programme, fact.day).stays[fact.stay] = stay
    books.inside.setdefault(fact.pupil, {})[fact.programme] = stay


def _closed(books: Books, fact: f.StayClosed) -> None:
    stay = Stay(fact.stay, fact.pupil, fact.site, fact.programme, fact.from_ms, fact.day, fact.at_ms, fact.reason)
    _sheet(books, fact.pupil, fact.programme, fact.day).stays[fact.stay] = stay
    _gone(books, fact)


def _voided(books: Books, fact: f.StayVoided) -> None:
    _sheet(books, fact.pupil, fact.programme, fact.day).stays.pop(fact.stay, None)
    _gone(books, fact)


def _gone(books: Books, fact: f.StayClosed | f.StayVoided) -> None:
    """Whoever is in by this stay is not any more; by a later one, still."""
    stays = books.inside.get(fact.pupil, {})
    if fact.programme in stays and stays[fact.programme].id == fact.stay:
        del stays[fact.programme]
        if not stays:
            del books.inside[fact.pupil]


def _resolved(books: Books, fact: f.Resolved) -> None:
    asked = books.unresolved.pop(fact.item, None)
    if asked is not None:
        items = books.asked_of[asked.pupil]
        del items[asked.item]
        if not items:
            del books.asked_of[asked.pupil]


def _wallet(books: Books, fact: f.WalletOpened) -> None:
    reference = fact.reference or following(books.references, Family.WALLET)
    books.wallets[fact.site, fact.pupil or fact.household, fact.compartment] = fact.wallet
    books.owners[fact.wallet] = Wallet(fact.wallet, fact.site, fact.household, fact.pupil, fact.compartment, reference)
    books.references[reference] = fact.wallet


def _opening(books: Books, fact: f.BalanceOpened) -> None:
    books.opened.add(fact.wallet)
    _book(books, fact.entries)


def _charged(books: Books, fact: f.Charged) -> None:
    books.charges[fact.charge] = Charge(
        fact.charge, fact.wallet, fact.pupil, fact.site, fact.item, fact.cents, fact.stay, fact.day, fact.limit_day, fact.stage
    )
    if fact.stage is _GATHERED:
        books.gathered.setdefault(fact.wallet, {})[fact.charge] = None
    if fact.limit_day:
        _spend(books, fact.pupil, fact.limit_day, fact.cents, fact.at_ms)
    if fact.why.terms is not None and fact.why.terms.group:
        _group(books, fact, fact.why.terms.group)
    if fact.stay:
        line = Line(fact.charge, fact.cents, fact.why.from_ms, fact.why.to_ms)
        _sheet(books, fact.pupil, fact.item, fact.day).lines[fact.stay] = line
    _book(books, fact.entries)


def _group(books: Books, fact: f.Charged, group: int) -> None:
    """Keep which products a day's maximum is compared with, as long as the day may be priced again; stays are on their sheets."""
    if fact.stay:
        return
    before = books.grouped.get((fact.pupil, group), ())
    kept = tuple(one for one in before if one.from_ms > fact.at_ms - GROUPED_DAYS_KEPT * DAY_MS)
    books.grouped[fact.pupil, group] = (*kept, Grouped(fact.charge, fact.why.from_ms))


def _reversed(books: Books, fact: f.Reversed) -> None:
    taken = books.charges[fact.charge] = replace(books.charges[fact.charge], reversed=True, again=fact.again)
    if taken.stay:
        _sheet(books, taken.pupil, taken.item, taken.day).lines.pop(taken.stay, None)
    if taken.stage is _GATHERED:
        _no_longer_gathered(books, taken.wallet, taken.id)
    _book(books, fact.entries)
    if taken.limit_day:
        _spend(books, taken.pupil, taken.limit_day, -taken.cents, fact.at_ms)


def _spend(books: Books, pupil: int, day: int, cents: int, at_ms: int) -> None:
    days = books.spent.setdefault(pupil, {})
    days[day] = days.get(day, 0) + cents
    if len(days) > LIMIT_DAYS_KEPT:
        over = day_code(datetime.fromtimestamp(at_ms // 1000, UTC).date() - timedelta(days=LIMIT_DAYS_KEPT))
        for old in [each for each in days if each < over]:
            del days[old]


def _hold_placed(books: Books, fact: f.HoldPlaced) -> None:
    """What has expired by then is forgotten, so that old holds do not pile up."""
    live = {hold: each for hold, each in books.holds.get(fact.wallet, {}).items() if each.until_ms > fact.at_ms}
    books.holds[fact.wallet] = live | {fact.hold: Hold(fact.cents, fact.until_ms, fact.who)}


def _hold_released(books: Books, fact: f.HoldReleased) -> None:
    holds = books.holds.get(fact.wallet, {})
    holds.pop(fact.hold, None)
    if not holds:
        books.holds.pop(fact.wallet, None)


def _moved(books: Books, fact: f.Transferred | f.Cleared) -> None:
    _book(books, fact.entries)


def _reserved(books: Books, fact: f.MealReserved) -> None:
    place = (fact.pupil, fact.site, fact.day)
    before = books.meals.get(place)
    late = before is not None and before.late  # what a pilot promised was cancelled late, and is charged all the same
    books.meals[place] = Meal(fact.meal, fact.product, ask=fact.ask, late=late)
    if fact.deferred:
        books.deferred[place] = None
    else:
        books.deferred.pop(place, None)
    _forget(books.waiting, fact)


def _served(books: Books, fact: f.MealServed) -> None:
    books.meals[fact.pupil, fact.site, fact.day] = Meal(fact.meal, fact.product, fact.at_ms)
    books.deferred.pop((fact.pupil, fact.site, fact.day), None)
    _forget(books.waiting, fact)
    _forget(books.portions, fact)


def _cancelled(books: Books, fact: f.MealCancelled) -> None:
    key = (fact.pupil, fact.site, fact.day)
    if fact.late:
        books.meals[key] = replace(books.meals[key], late=True)
        books.portions.setdefault((fact.site, fact.day), {})[fact.pupil] = fact.product
    else:
        del books.meals[key]
        books.deferred.pop(key, None)


def _resold(books: Books, fact: f.MealResold) -> None:
    del books.meals[fact.pupil, fact.site, fact.day]
    books.deferred.pop((fact.pupil, fact.site, fact.day), None)
    _forget(books.portions, fact)


def _awaited(books: Books, fact: f.MealAwaited) -> None:
    if fact.product:
        books.waiting.setdefault((fact.site, fact.day), {})[fact.pupil] = fact
    else:
        _forget(books.waiting, fact)


def _forget(lists: dict[tuple[int, int], dict[int, Any]], fact: f.MealReserved | f.MealServed | f.MealResold | f.MealAwaited) -> None:
    """Take a pupil off a day's list; most days have none."""
    pupils = lists.get((fact.site, fact.day))
    if pupils is not None and pupils.pop(fact.pupil, None) is not None and not pupils:
        del lists[fact.site, fact.day]


def _cash_counted(books: Books, fact: f.CashCounted) -> None:
    if fact.closing:
        del books.cash_sessions[fact.desk]
    else:
        books.cash_sessions[fact.desk] = CashSession(fact.cash_session, fact.site, fact.desk, fact.who, fact.at_ms)
    _book(books, fact.entries)


def _cash_in(books: Books, fact: f.CashPaidIn) -> None:
    books.till[fact.act] = TillAct(fact.site, fact.who, fact.cents, fact.at_ms, wallet=fact.wallet, receipt=fact.receipt, pupil=fact.pupil)
    books.receipts[fact.site] = fact.receipt
    _book(books, fact.entries)


def _till_sold(books: Books, fact: f.TillSold) -> None:
    books.till[fact.act] = TillAct(fact.site, fact.who, fact.cents, fact.at_ms, fact.charges, pupil=fact.pupil)


def _till_voided(books: Books, fact: f.TillVoided) -> None:
    books.till[fact.act] = replace(books.till[fact.act], voided=True)
    _book(books, fact.entries)


def _unresolved(books: Books, fact: f.Unresolved) -> None:
    books.unresolved[fact.item] = fact
    books.asked_of.setdefault(fact.pupil, {})[fact.item] = None


def _low(_books: Books, _fact: f.LowBalance) -> None:
    """Who is told of it is told by the mail room; balances say the rest."""


def _entrance(books: Books, fact: f.EntrancePassed | f.MorningNoted | f.MorningJustified | f.RollTaken) -> None:
    books.entrance.take(fact)


FOLDS: dict[type, Callable[[Books, Any], None]] = {
    f.ScanTaken: _scan,
    f.ShownBooked: _shown,
    f.HoleDeclared: _hole,
    f.Unresolved: _unresolved,
    f.StayOpened: _opened,
    f.StayClosed: _closed,
    f.StayVoided: _voided,
    f.Marked: _marked,
    f.Resolved: _resolved,
    f.WalletOpened: _wallet,
    f.BalanceOpened: _opening,
    f.Charged: _charged,
    f.Reversed: _reversed,
    f.MealReserved: _reserved,
    f.MealServed: _served,
    f.LowBalance: _low,
    f.HoldPlaced: _hold_placed,
    f.HoldReleased: _hold_released,
    f.Transferred: _moved,
    f.Cleared: _moved,
    f.MealCancelled: _cancelled,
    f.MealResold: _resold,
    f.MealAwaited: _awaited,
    f.CashCounted: _cash_counted,
    f.CashPaidIn: _cash_in,
    f.TillSold: _till_sold,
    f.TillVoided: _till_voided,
    f.Corrected: _corrected,
    f.StayVerified: _verified,
    f.AbsenceMarked: _absent,
    f.StaySplit: _split,
    f.DayClosed: _day_closed,
    f.ChargesPosted: _posted,
    f.SettlementDone: _settled,
    f.EntrancePassed: _entrance,
    f.MorningNoted: _entrance,
    f.MorningJustified: _entrance,
    f.RollTaken: _entrance,
}
