"""What a family means for a price: how many older siblings a pupil has, and in which income bracket its payer is.

A family file counts from its first day; a file that comes after the site's deadline counts from the day it was validated, unless
staff chose an earlier one (requirements S65, Q7). Without a file that counts, the highest bracket.
"""

from dataclasses import replace
from datetime import date

from hub.core.facts import Refusal
from hub.core.formulas import MAX_BRACKET, Kin, Siblings
from hub.core.payers import payer_on
from hub.core.school import FamilyFile, Pupil, Rows, School

NO_FILE = FamilyFile(id=0, household=0, bracket=MAX_BRACKET, from_day=date.min)


def bracket_on(school: School, household: int, day: date) -> FamilyFile:
    """The file that counts for a household on a day: of several, the one that began last; `NO_FILE` where none does."""
    for file in reversed(school.files.get(household, ())):
        if file.validated_day is not None and file.from_day <= day and (file.until_day is None or day < file.until_day):
            return file
    return NO_FILE


def regularise(school: School, site: int, file: FamilyFile, chosen_day: date | None = None) -> Rows | Refusal:
    """The file as it counts: from its own first day if it was validated by the site's deadline, else from its validation.

    `chosen_day`: staff let it count from then, whenever it came. A file that is not validated counts on no day. Refusal `same_day`
    where another file (its number with it) counts from that day too: which of the two would hold, nobody could tell.
    """
    if file.household not in school.households or site not in school.sites:
        return Refusal("no_such_household")
    if not 0 <= file.bracket <= MAX_BRACKET or not (file.bracket or file.qf_cents >= 0):
        return Refusal("no_bracket")
    due_day = school.sites[site].files_due_day
    late = file.validated_day is not None and due_day is not None and file.validated_day > due_day
    from_day = chosen_day or (max(file.from_day, file.validated_day) if late and file.validated_day else file.from_day)
    if file.until_day is not None and file.until_day <= from_day:
        return Refusal("file_over")
    others = (other for other in school.files.get(file.household, ()) if other.id != file.id and other.from_day == from_day)
    for other in others:
        if other.until_day is None or other.until_day > from_day:
            return Refusal("same_day", {"file": other.id})
    return (replace(file, from_day=from_day),)


def rank_of(school: School, pupil: Pupil, item: int, day: date, siblings: Siblings, present: frozenset[int]) -> int:
    """1 + the older siblings who count; twins by birth order, then id; a pupil without a date of birth comes after those with one."""
    payer, child = payer_on(school, pupil, item, day), pupil.same_as or pupil.id  # a child is no sibling of its second entry
    rank = 1
    for other in school.kin.get(payer if siblings.by is Kin.PAYER else pupil.household, ()):
        if other == child:
            return rank
        if (not siblings.present or other in present) and _counts(school, other, payer, pupil, item, day, siblings):
            rank += 1
    return rank


def _counts(school: School, other: int, payer: int, pupil: Pupil, item: int, day: date, siblings: Siblings) -> bool:
    sibling = school.pupils[other]
    if not sibling.is_here(day):
        return False
    if siblings.by is Kin.HOUSEHOLD:
        return sibling.household == pupil.household
    return payer_on(school, sibling, item, day) == payer
