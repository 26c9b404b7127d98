"""What a site, a programme, class hours and a reason of absence may be changed to by staff, one edit each.

Every change is of rows as they were shown: `same` says whether they still are that; where somebody was quicker, nothing is overwritten.
How the wallets of a site are set out moves money, and is no matter of these pages (transfers.py).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from hub.core.badges import put_fee
from hub.core.books import Books
from hub.core.calendar import can_be_hours, day_code, following, in_turn, joined, versions
from hub.core.codes import Stage
from hub.core.complaints import check_tariffs
from hub.core.epc import NAME_LETTERS
from hub.core.facts import Refusal
from hub.core.kept import Charge
from hub.core.lists import MAX_NAME, fold
from hub.core.school import Contact, Programme, Rows, Scans, School, Site, edited
from hub.core.timetable import AbsenceReason, ClassHours, Formerly
from hub.core.wallets import charge_id, standing

MAX_TEXT = 200
MAX_CONTACTS = 20
MAX_FEE_CENTS = 100_00
LATEST = date(2200, 1, 1)
"""No hours begin as late as that: the year is a slip of the fingers."""
Same = Callable[[object], bool]
Is = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Said:
    """What staff say of a site; each field as `Site` has it."""

    name: str
    address: str
    iban: str
    holder: str
    contacts: tuple[Contact, ...]
    floor_cents: int
    low_cents: int
    files_due_day: date | None
    pilot_from: date | None
    live_from: date | None
    whole_runs: bool
    badge_fee_cents: int = 0
    """What replacing a badge costs; `badge_fee` is what it is called."""
    badge_fee: str = ""


def put_site(school: School, books: Books, site: int, said: Said, same: Same, is_iban: Is, is_address: Is) -> Rows | Refusal:
    """A site as it is from now on."""
    before = school.sites[site]
    others = (other.name for other in school.sites.values() if other.id != site)
    wrong = named(said.name, others) or _account(said, is_iban) or _contacts(said.contacts, is_address) or _limits(said)
    if wrong:
        return wrong
    fields = {name: getattr(said, name) for name in Said.__dataclass_fields__ if name not in {"badge_fee_cents", "badge_fee"}}
    after = replace(before, **fields)
    moved = live_moved(after, books) if after.live_from != before.live_from else None
    if moved:
        return moved
    return (after, *put_fee(school, site, said.badge_fee_cents, said.badge_fee)) if same(before) else Refusal("changed_meanwhile")


def _account(said: Said, is_iban: Is) -> Refusal | None:
    if len(said.address) > MAX_TEXT:
        return Refusal("address_long")
    if len(said.holder) > NAME_LETTERS:
        return Refusal("holder_long")
    if said.iban and not is_iban(said.iban):
        return Refusal("no_iban")
    return Refusal("no_holder") if said.iban and not said.holder else None


def _contacts(contacts: tuple[Contact, ...], is_address: Is) -> Refusal | None:
    if len(contacts) > MAX_CONTACTS or any(len(text) > MAX_NAME for one in contacts for text in one):
        return Refusal("contact_long")
    if any(not one.topic or not one.name for one in contacts):
        return Refusal("no_contact")
    return Refusal("no_contact_email") if any(one.email and not is_address(one.email) for one in contacts) else None


def _limits(said: Said) -> Refusal | None:
    if said.floor_cents > 0:
        return Refusal("floor_above")
    if said.low_cents < 0:
        return Refusal("low_below")
    if not 0 <= said.badge_fee_cents <= MAX_FEE_CENTS:
        return Refusal("no_badge_fee", {"most_cents": MAX_FEE_CENTS})
    backwards = said.pilot_from and not (said.live_from and said.pilot_from < said.live_from)
    return Refusal("pilot_backwards") if backwards else None


def put_programme(school: School, said: Programme, from_day: date, today: date, same: Same) -> Rows | Refusal:
    """A programme as it is from today on; its hours from a day on, until the next ones that are known. Days that are over keep theirs."""
    before = school.programmes[said.id]
    others = [one for one in school.programmes.values() if one.site == said.site and one.id != said.id]
    wrong = named(said.name, (one.name for one in others)) or _hours(said) or _posting(said)
    if wrong:
        return wrong
    if len(said.room) > MAX_NAME:
        return Refusal("room_long")
    if said.within and said.within not in {one.id for one in others}:
        return Refusal("no_such_programme")
    programme = run_from(before, replace(said, windows=in_turn(versions(before.windows) | {from_day: said.windows})), today)
    untimely = _untimely(from_day, today) if programme.windows != before.windows else None
    if untimely:
        return untimely
    after = edited(school, (programme,))
    around = [one for one in after.programmes.values() if one.site == said.site and one.within]
    nesting = next((found for one in around if (found := nested(one, after.programmes[one.within], today))), None)
    complaints = check_tariffs(school, (programme,))
    if nesting or complaints:
        return nesting or Refusal(f"tariff_{complaints[0].what.value}")
    return (programme,) if same(before) else Refusal("changed_meanwhile")


def run_from(before: Programme, said: Programme, today: date) -> Programme:
    """A programme that is run as it is said from today on, and on the days before as it was (days.py); changed again today, it is once."""
    *older, last = (*before.formerly, _ways(before, today))
    if older and older[-1].until_day >= today:
        *older, last = older
    return replace(said, formerly=tuple(older) if _ways(said, last.until_day) == last else (*older, last))


def _ways(programme: Programme, until_day: date) -> Formerly:
    return Formerly(until_day, programme.scans, programme.attendance, programme.within, programme.days)


def _hours(programme: Programme) -> Refusal | None:
    if not programme.windows or any(not window.weekdays for window in programme.windows):
        return Refusal("no_weekdays")
    return None if all(map(can_be_hours, programme.windows)) else Refusal("no_hours")


def _untimely(from_day: date, today: date) -> Refusal | None:
    """What was valid on a day that is over may have made prices (requirement S70)."""
    if from_day >= LATEST:
        return Refusal("no_date")
    return Refusal("day_passed") if from_day < today else None


def _posting(programme: Programme) -> Refusal | None:
    """A run on a weekday comes every 7, 14, … days."""
    good = 0 <= programme.post_days <= 366 and (not programme.post_weekday or (programme.post_days and programme.post_days % 7 == 0))
    return None if good else Refusal("no_posting")


def put_class_hours(school: School, rows: tuple[ClassHours, ...], today: date, same: Same) -> Rows | Refusal:
    """When class begins for a group, on some weekdays of one site, from a day on, until the next hours that are known.

    `same` is asked about `hours_of` that site.
    """
    if not rows:
        return Refusal("no_weekdays")
    untimely = _untimely(rows[0].from_day, today)
    if untimely or not same(hours_of(school, rows[0].site, today)):
        return untimely or Refusal("changed_meanwhile")
    known = {_place(row): school.class_hours.get(_place(row), ()) for row in rows}
    return tuple(each for row in rows for each in class_rows(known[_place(row)], begins(known[_place(row)]) | {row.from_day: row}))


def end_class_hours(school: School, row: ClassHours, today: date, same: Same) -> Rows | Refusal:
    """They hold on no day from today on; where they have not begun yet, those before them go on. Mornings that were noted stay."""
    known = school.class_hours.get(_place(row), ())
    if row not in known or not same(hours_of(school, row.site, today)):
        return Refusal("changed_meanwhile")
    steps = begins(known)
    if row.from_day > today:
        return class_rows(known, {day: one for day, one in steps.items() if day != row.from_day})
    return class_rows(known, steps | {today: None})


def hours_of(school: School, site: int, today: date) -> tuple[ClassHours, ...]:
    """The class hours of a site that hold today, and those that come; by group, weekday and first day."""
    found = (row for rows in school.class_hours.values() for row in rows if row.site == site)
    holding = (row for row in found if row.until_day is None or row.until_day > max(today, row.from_day))
    return tuple(sorted(holding, key=lambda row: (row.group, row.weekday, row.from_day)))


def begins(known: Iterable[ClassHours]) -> dict[date, ClassHours | None]:
    """The class hours of a group and weekday by the day from which on they are valid, until the next; None: no more."""
    held = [row for row in known if row.until_day != row.from_day]
    ends: dict[date, ClassHours | None] = {row.until_day: None for row in held if row.until_day is not None}
    return ends | {row.from_day: replace(row, from_day=date.min, until_day=None) for row in held}


def class_rows(known: tuple[ClassHours, ...], steps: Mapping[date, ClassHours | None]) -> tuple[ClassHours, ...]:
    """The rows that change once these follow each other; one that is not among them any more is valid on no day."""
    bare = {day: row and replace(row, from_day=date.min, until_day=None) for day, row in steps.items()}
    rows = {first: replace(row, from_day=first, until_day=until) for first, until, row in following(bare) if row is not None}
    gone = (replace(row, until_day=row.from_day) for row in known if row.from_day not in rows)
    return tuple(row for row in (*gone, *rows.values()) if row not in known)


def _place(row: ClassHours) -> tuple[int, str, int]:
    return row.site, row.group, row.weekday


def put_absence(school: School, name: str, absence: int, percent: int, cents: int, same: Same) -> Rows | Refusal:
    """A reason of absence, new or as it is from now on: it costs a share of the planned time's price, or an amount."""
    wrong = named(name, (one.name for one in school.absences.values() if one.id != absence))
    if wrong:
        return wrong
    if not 0 <= percent <= 100:
        return Refusal("no_percent")
    if cents < 0:
        return Refusal("no_amount")
    if percent and cents:
        return Refusal("percent_and_amount")
    before = school.absences.get(absence)
    row = AbsenceReason(absence, name, percent, cents)
    return (row,) if before is None or same(before) else Refusal("changed_meanwhile")


def named(name: str, taken: Iterable[str]) -> Refusal | None:
    """What is wrong with a name; None when it may be."""
    if not any(letter.isalpha() for letter in name):
        return Refusal("no_name")
    if len(name) > MAX_NAME:
        return Refusal("name_long")
    return Refusal("name_taken") if fold(name) in {fold(other) for other in taken} else None


# --- programmes within others ---------------------------------------------------------------------


def nested(inner: Programme, outer: Programme, since: date) -> Refusal | None:
    """Why one cannot be within the other (requirement S44), by the hours from a day on; None when it can.

    `day` 0 = Monday, from `start_min` to `end_min`.
    """
    if outer.id == inner.id:
        return Refusal("within_itself")
    if outer.within:
        return Refusal("within_another")
    if outer.scans is Scans.ENTRY:
        return Refusal("within_entries")
    first_days = {max(day, since) for day in (since, *versions(inner.windows), *versions(outer.windows))}
    for day in (first + timedelta(days=shift) for first in sorted(first_days) for shift in range(7)):
        around = _joined(outer, day)
        for start_min, end_min in _joined(inner, day):
            if not any(begin_min <= start_min and end_min <= finish_min for begin_min, finish_min in around):
                return Refusal("within_hours", {"day": day.weekday(), "start_min": start_min, "end_min": end_min})
    return None


def _joined(programme: Programme, day: date) -> list[tuple[int, int]]:
    """Beginnings and ends of the hours of a day, in minutes; hours that touch are one."""
    return joined((one.start_min, one.end_min) for one in programme.windows if one.covers(day))


# --- pilots -----------------------------------------------------------------------------------------


def live_moved(site: Site, books: Books) -> Refusal | None:
    """Why a site cannot go live on its day: a `day` that cost nothing would cost something, or the other way round (S2, Q4)."""
    live = day_code(site.live_from) if site.live_from else 0
    meals = ((standing(books, charge_id(meal.ask)), day) for (_, place, day), meal in books.meals.items() if place == site.id)
    days = {charge.id: day for charge, day in meals if charge is not None}
    mine = [one for one in books.charges.values() if one.site == site.id and one.cents and not one.reversed]
    stands = [(_day(one, days), one) for one in mine if _day(one, days)]
    free = max((day for day, one in stands if one.stage is Stage.PILOT and day >= live), default=0)
    if free:
        return Refusal("live_was_pilot", {"day": free})
    paid = min(((day, one.cents) for day, one in stands if one.stage is not Stage.PILOT and day < live), default=None)
    return Refusal("live_was_paid", {"day": paid[0], "cents": paid[1]}) if paid else None


def _day(charge: Charge, meals: dict[int, int]) -> int:
    """The day of service, 0 where the books do not say."""
    return charge.day or charge.limit_day or meals.get(charge.id, 0)
