"""Two households that are one family, entered twice: one goes on with everybody and everything of both; what is booked is never rewritten.

A household that owns a wallet is the one that stays. Where both do, their money would have to move, and that is a transfer of its own.
The other one stays without a name, so that nothing that ever spoke of it points nowhere.
"""

from collections.abc import Callable, Collection
from dataclasses import replace

from hub.core.facts import Refusal, derived
from hub.core.school import Household, Row, Rows, School

Same = Callable[[object], bool]


def merge(school: School, pair: tuple[int, int], owners: Collection[int], same: Same, ask: int) -> Rows | Refusal:
    """Make two households one. `owners`: households with a wallet; of two without one, the first stays. `same`: still as shown."""
    one, other = (school.households.get(each) for each in pair)
    if one is None or other is None or one.id == other.id:
        return Refusal("same_one")
    if not same((one, other)):
        return Refusal("changed_meanwhile")
    if one.id in owners and other.id in owners:
        return Refusal("both_have_facts")
    kept, gone = stays_and_goes(one, other, owners)
    return (*_both(kept, gone), *_moved(school, kept.id, gone.id), *_files(school, kept.id, gone.id, ask))


def stays_and_goes(one: Household, other: Household, owners: Collection[int]) -> tuple[Household, Household]:
    """Which of two stays: the one with a wallet, else the first."""
    return (other, one) if other.id in owners else (one, other)


def _both(kept: Household, gone: Household) -> tuple[Household, Household]:
    """What only one of them had said of itself stays known."""
    merged = replace(kept, key=kept.key or gone.key, address=kept.address or gone.address)
    return merged, replace(gone, name="", key="", address="")


def _moved(school: School, kept: int, gone: int) -> list[Row]:
    """Everybody and everything of the one that goes, at the one that stays."""
    rows: list[Row] = [replace(pupil, household=kept) for pupil in school.pupils.values() if pupil.household == gone]
    rows += [replace(adult, household=kept) for adult in school.adults.values() if adult.household == gone]
    rows += [replace(turn, household=kept) for turns in school.custody.values() for turn in turns if turn.household == gone]
    rows += [replace(row, household=kept) for those in school.overrides.values() for row in those if row.household == gone]
    return rows


def _files(school: School, kept: int, gone: int, ask: int) -> list[Row]:
    """The income files once more: the old ones stay where prices that were made with them point."""
    return [replace(file, id=derived(ask, f"file {file.id}"), household=kept) for file in school.files.get(gone, ())]
