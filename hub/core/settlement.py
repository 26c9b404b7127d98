"""Settlement: when a site's day is closed, and the run that posts what a programme has gathered (requirement Q3, S43).

A run posts wallet by wallet, each an ask of its own, so that taps go between them and a run that was cut off is simply run again:
what is still gathered is what is still to be posted. Stays that staff have to verify have no charge yet, or one that is held back.
"""

from datetime import date, timedelta

from msgspec import Struct

from hub.core.books import Books
from hub.core.calendar import day_code, day_coded, day_of, instant_ms
from hub.core.codes import Reason
from hub.core.dues import spans_of
from hub.core.facts import ChargesPosted, DayClosed, Facts, Refusal, SettlementDone, Unresolved
from hub.core.kept import Charge
from hub.core.ledger import move, sales_account, wallet_account
from hub.core.school import Programme, School, Site
from hub.core.stays import REACH_MS
from hub.core.wallets import lowered, payer_of

TO_VERIFY = frozenset({Reason.NO_EXIT, Reason.NO_ENTRY, Reason.NOT_LIT, Reason.TWO_SITES})
"""Questions that keep a stay from being posted until they are answered."""
WEEK_DAYS = 7


class Run(Struct, frozen=True):
    """One settlement of a programme through a closed day (YYYYMMDD). `whole`: with anything left to verify it posts nothing at all.

    `who` started it, 0 = it was due.
    """

    programme: int
    through_day: int
    now_ms: int
    whole: bool = False
    who: int = 0


class Due(Struct, frozen=True):
    """What a wallet is about to be charged by a run."""

    wallet: int
    charges: tuple[Charge, ...]

    @property
    def cents(self) -> int:
        return sum(charge.cents for charge in self.charges)


class Settled(Struct, frozen=True):
    """What a run has posted. `pending`: questions that keep stays from it."""

    wallets: int
    charges: int
    cents: int
    pending: int


# --- days that are over ---------------------------------------------------------------------------


def close_days(school: School, books: Books, ask: int, now_ms: int) -> Facts:
    """Close every site's days whose last service is over; stays whose hours are over must have been ended before."""
    facts: Facts = ()
    for site in school.sites.values():
        day = _over(school, site, now_ms)
        if day_code(day) > books.closed.get(site.id, 0):
            facts += (DayClosed(ask, site.id, day_code(day), now_ms),)
    return facts


def _over(school: School, site: Site, now_ms: int) -> date:
    """The last day of a site whose services are over: when nobody waits for an exit any more; without hours, at midnight."""
    today = day_of(now_ms, site.zone)
    days = (today - timedelta(days=back) for back in range(2))
    return next((day for day in days if now_ms > _over_ms(school, site, day)), today - timedelta(days=2))


def _over_ms(school: School, site: Site, day: date) -> int:
    programmes = (programme for programme in school.programmes.values() if programme.site == site.id)
    ends = (end_ms + REACH_MS for programme in programmes for _, end_ms in spans_of(programme, day, site.zone))
    return max(ends, default=instant_ms(day + timedelta(days=1), 0, site.zone))


def run_due(books: Books, programme: Programme) -> int:
    """Through which closed day (YYYYMMDD) this programme is to be settled now; 0 = not yet.

    One that is posted at once now may have gathered before: what is left of that is posted when its day is closed.
    """
    closed, last = books.closed.get(programme.site, 0), books.settled.get(programme.id, 0)
    if closed <= last:
        return 0
    if not programme.post_days:
        return closed if _has_gathered(books, programme.id, closed) else 0
    for back in range(max(programme.post_days, WEEK_DAYS)):
        day = day_coded(closed) - timedelta(days=back)
        if day_code(day) <= last:
            return 0
        fits = programme.post_days % WEEK_DAYS or day.weekday() == programme.post_weekday
        if fits and (not last or (day - day_coded(last)).days >= programme.post_days):
            return day_code(day)
    return 0


def _has_gathered(books: Books, programme: int, through_day: int) -> bool:
    charges = (books.charges[charge] for waiting in books.gathered.values() for charge in waiting)
    return any(charge.item == programme and charge.day <= through_day for charge in charges)


# --- a run ----------------------------------------------------------------------------------------


def start(school: School, books: Books, run: Run) -> tuple[int, ...] | Refusal:
    """The wallets that a run may have to charge; Refusal where it may not be run at all."""
    programme = school.programmes.get(run.programme)
    if programme is None:
        return Refusal("no_such_programme")
    if not 0 < run.through_day <= books.closed.get(programme.site, 0):
        return Refusal("day_not_closed", {"day": run.through_day, "closed_day": books.closed.get(programme.site, 0)})
    waiting = pending(school, books, run)
    if waiting and (run.whole or school.sites[programme.site].whole_runs):
        return Refusal("to_verify", {"questions": len(waiting)})
    return tuple(books.gathered)


def gathered(books: Books, run: Run, wallet: int) -> Due:
    """What a run takes from a wallet: charges of the programme up to the day, but for those that wait for staff."""
    found = (books.charges[charge] for charge in books.gathered.get(wallet, ()))
    mine = (charge for charge in found if charge.item == run.programme and charge.day <= run.through_day)
    return Due(wallet, tuple(charge for charge in mine if not in_doubt(books, charge)))


def in_doubt(books: Books, charge: Charge) -> bool:
    """Whether staff are still asked at which of two sites the pupil was."""
    questions = (books.unresolved[item] for item in books.asked_of.get(charge.pupil, ()))
    stays = books.sheet(charge.pupil, charge.item, charge.day).stays
    return any(question.reason is Reason.TWO_SITES and question.subject in stays for question in questions)


def post(school: School, books: Books, ask: int, run: Run, wallet: int) -> Facts:
    """The entry that takes a wallet's gathered charges; nothing where there are none."""
    due = gathered(books, run, wallet)
    if not due.charges:
        return ()
    site = school.programmes[run.programme].site
    entries = move(wallet_account(wallet), sales_account(site, run.programme), due.cents)
    payer = payer_of(school, books.owners[wallet].place, run.now_ms)
    charges = tuple(charge.id for charge in due.charges)
    posted = ChargesPosted(ask, wallet, payer, site, run.programme, charges, due.cents, run.now_ms, entries, run.who)
    return (posted, *lowered(school, books, ask, wallet, -due.cents, run.now_ms))


def finish(school: School, books: Books, ask: int, run: Run, charges: int, cents: int) -> Facts:
    """The programme is settled through the day; what waits for staff is named, and joins a later run."""
    site, waiting = school.programmes[run.programme].site, tuple(question.item for question in pending(school, books, run))
    return (SettlementDone(ask, site, run.programme, run.through_day, charges, cents, waiting, run.now_ms, run.who),)


def pending(school: School, books: Books, run: Run) -> tuple[Unresolved, ...]:
    """Questions about stays of this programme, up to the day of a run, that staff have not answered."""
    programme = school.programmes[run.programme]
    asked = (question for question in books.unresolved.values() if question.reason in TO_VERIFY and question.site == programme.site)
    return tuple(question for question in asked if _is_about(books, school, question, programme, run.through_day))


def _is_about(books: Books, school: School, question: Unresolved, programme: Programme, through_day: int) -> bool:
    today = day_of(question.at_ms, school.sites[programme.site].zone)
    for begun in (today, today - timedelta(days=1)):  # a night belongs to the day on which it began
        day = day_code(begun)
        sheet = books.sheet(question.pupil, programme.id, day)
        if day <= through_day and (question.subject in sheet.stays or question.subject in sheet.marks):
            return True
    return False
