"""What was entered twice: households that are one family, pupils that are one child. One goes on with everything; no fact is rewritten.

A family or a child that was entered twice has both ids from then on (`same_as`, indexes.py): what is to come is under the one that
stays, what was booked stays under the one it was booked for. Money that is in a wallet of the second entry's goes to the one of the
first, by transfers that say so, now and whenever some comes there. Of two households the one with a wallet stays.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import date

from hub.core.books import Books
from hub.core.calendar import day_code, day_coded, day_of
from hub.core.codes import By, Compartment, Reason
from hub.core.facts import Fact, Facts, HoldReleased, Refusal, Transferred, derived
from hub.core.ledger import move, wallet_account
from hub.core.menus import Diet
from hub.core.school import Custody, Household, PayerOverride, Pupil, Row, Rows, School
from hub.core.wallets import balance_cents, wallet_at

Same = Callable[[object], bool]
_OWN = (Compartment.GENERAL, Compartment.RESERVE)


def merge(school: School, pair: tuple[int, int], owners: Collection[int], same: Same, ask: int) -> Rows | Refusal:
    """Make two households one. `owners`: households with a wallet; where both or none have one, the first stays. `same`: as shown."""
    one, other = (school.households.get(each) for each in pair)
    if one is None or other is None or one.id == other.id:
        return Refusal("same_one")
    if not same((one, other)):
        return Refusal("changed_meanwhile")
    kept, gone = stays_and_goes(one, other, owners)
    earlier = (replace(row, same_as=kept.id) for row in school.second_homes.values() if row.same_as == gone.id)
    return (*_both(kept, gone), *earlier, *_moved(school, kept.id, gone.id), *_files(school, kept.id, gone.id, ask))


def stays_and_goes(one: Household, other: Household, owners: Collection[int]) -> tuple[Household, Household]:
    """Which of two stays: the only one with a wallet, else the first."""
    return (other, one) if other.id in owners and one.id not in owners else (one, other)


def _both(kept: Household, gone: Household) -> tuple[Household, Household]:
    """What only one of them had said of itself stays known. A second key does too: the school's other programme goes on to say it."""
    merged = replace(kept, key=kept.key or gone.key, address=kept.address or gone.address)
    return merged, replace(gone, key=gone.key if kept.key else "", same_as=kept.id)


def _moved(school: School, kept: int, gone: int) -> list[Row]:
    """Everybody and everything of the one that goes, at the one that stays."""
    rows: list[Row] = [replace(pupil, household=kept) for pupil in school.everyone if pupil.household == gone]
    rows += [replace(adult, household=kept) for adult in school.adults.values() if adult.household == gone]
    rows += [replace(turn, household=kept) for turns in school.custody.values() for turn in turns if turn.household == gone]
    rows += [replace(row, household=kept) for those in school.overrides.values() for row in those if row.household == gone]
    return rows


def _files(school: School, kept: int, gone: int, ask: int) -> list[Row]:
    """The income files once more: the old ones stay where prices that were made with them point."""
    return [replace(file, id=derived(ask, f"file {file.id}"), household=kept) for file in school.files.get(gone, ())]


# --- one child, entered twice ---------------------------------------------------------------------


def same_child(school: School, books: Books, pair: tuple[int, int], same: Same, now_ms: int) -> Rows | Refusal:
    """Make the second of two pupils the first. `same`: still as shown."""
    kept, gone = (school.pupils.get(each) for each in pair)
    if kept is None or gone is None or kept.id == gone.id:
        return Refusal("same_one")
    if not same((kept, gone)):
        return Refusal("changed_meanwhile")
    barred = still_open(school, books, kept, gone, now_ms)
    if barred:
        return Refusal(barred)
    earlier = (replace(row, same_as=kept.id) for row in school.merged.values() if row.same_as == gone.id)
    second = replace(gone, same_as=kept.id, key=gone.key if kept.key else "")  # which the school's other programme goes on to say
    return (_filled(kept, gone), second, *earlier, *_theirs(school, kept.id, gone.id))


def still_open(school: School, books: Books, kept: Pupil, gone: Pupil, now_ms: int) -> str:
    """Why two pupils cannot be made one yet, as a code; empty = they can.

    What is under way goes by the id it began with, so it has to be over: today at school, orders to come, questions for staff.
    """
    if kept.household != gone.household:
        return "other_household"
    today = min(day_of(now_ms, site.zone) for site in school.sites.values())
    if gone.id in books.inside or _was_there(books, gone.id, today):
        return "there_today"
    if any(pupil == gone.id and day_coded(day) >= today and not meal.served_ms for (pupil, _, day), meal in books.meals.items()):
        return "has_orders"
    if any(gone.id in waiting for (_, day), waiting in books.waiting.items() if day_coded(day) >= today):
        return "has_orders"
    if books.asked_of.get(gone.id):
        return "has_questions"
    turns = [{_turn(turn) for turn in school.custody.get(each.id, ())} for each in (kept, gone)]
    return "custody_differs" if all(turns) and turns[0] != turns[1] else ""


def _was_there(books: Books, pupil: int, today: date) -> bool:
    days = (day for day in {*books.days, *books.entrance.passes} if day >= day_code(today))
    return any(pupil in books.days.get(day, ()) or pupil in books.entrance.passes.get(day, ()) for day in days)


def _turn(turn: Custody) -> tuple[object, ...]:
    return turn.household, turn.from_day, turn.until_day, turn.weeks, turn.weekdays


def _filled(kept: Pupil, gone: Pupil) -> Pupil:
    """What only the second entry says of the child is said of it."""
    return replace(
        kept,
        group=kept.group or gone.group,
        born=kept.born or gone.born,
        key=kept.key or gone.key,
        birth_order=kept.birth_order or gone.birth_order,
        child_type=kept.child_type or gone.child_type,
        daily_limit_cents=kept.daily_limit_cents or gone.daily_limit_cents,
    )


def _theirs(school: School, kept: int, gone: int) -> Iterator[Row]:
    """Badges, plans, who pays, and what must not be eaten: both entries' together."""
    yield from (replace(badge, pupil=kept) for badge in school.badges_of(gone))
    yield from (replace(plan, pupil=kept) for plan in school.plans.get(gone, ()))
    turns: tuple[Custody | PayerOverride, ...] = school.overrides.get(gone, ())
    if not school.custody.get(kept):
        turns += school.custody.get(gone, ())
    yield from (replace(turn, pupil=kept) for turn in turns)
    if gone in school.diets:
        mine, theirs = school.diets.get(kept, Diet(kept)), school.diets[gone]
        yield Diet(kept, mine.code or theirs.code, mine.allergens | theirs.allergens)
        yield Diet(gone)


def own_wallets(school: School, books: Books, pupil: int) -> list[int]:
    """The wallets of a pupil's own, at every site."""
    places = ((site, pupil, part) for site in school.sites for part in _OWN)
    return [books.wallets[place] for place in places if place in books.wallets]


def family_wallets(school: School, books: Books, household: int) -> list[int]:
    """The wallets of a household, at every site."""
    places = ((site, household, Compartment.WHOLE) for site in school.sites)
    return [books.wallets[place] for place in places if place in books.wallets]


def brought_over(school: School, books: Books, ask: int, at_ms: int, who: int = 0) -> Facts:
    """What is in wallets of second entries, and owed there, goes to those of the first, from general to general, from reserve to reserve.

    Money that is set aside there is free again. Nothing where nothing is left to move; who owed money was told when it happened.
    """
    facts: list[Fact] = []
    ahead = 0
    for wallet, first, why in _second_wallets(school, books):
        cents, (site, _, part) = balance_cents(books, wallet), books.owners[wallet].place
        facts += (HoldReleased(ask, hold, wallet, at_ms, why, who) for hold in books.holds.get(wallet, ()))
        if cents:
            target, opened = wallet_at(books, ask, (site, first, part), at_ms, ahead)
            ahead += len(opened)
            entries = move(wallet_account(wallet), wallet_account(target), cents)
            facts += (*opened, Transferred(ask, wallet, target, cents, at_ms, By.STAFF, who, why, entries))
    return tuple(facts)


def _second_wallets(school: School, books: Books) -> Iterator[tuple[int, int, Reason]]:
    """The wallets of second entries, whose each one is, and why."""
    for old, child in school.merged.items():
        yield from ((wallet, child.same_as, Reason.SAME_CHILD) for wallet in own_wallets(school, books, old))
    for old, home in school.second_homes.items():
        yield from ((wallet, home.same_as, Reason.SAME_FAMILY) for wallet in family_wallets(school, books, old))
