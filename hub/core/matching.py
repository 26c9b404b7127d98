"""Who is meant by a line of a list: which household and pupil of the school, or of an earlier line; nobody; or it cannot be told.

A key of the school's other programme says it surely. Else a pupil is found by name and birth date, a household by name and address.
What is found is never guessed: of two that fit, none is taken.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from hub.core.lists import Wrong, fold
from hub.core.school import Adult, Household, Pupil, School

R = TypeVar("R", Household, Pupil, Adult)


@dataclass(frozen=True, slots=True)
class Home:
    """What a line says of a household; all of it may be empty."""

    key: str = ""
    name: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Child:
    """What a line says of a pupil. `household`: its id, 0 = the line does not say."""

    key: str = ""
    last_name: str = ""
    first_name: str = ""
    born: date | None = None
    household: int = 0


class Roll(Generic[R]):
    """All of a kind by key and by name, as they are after the lines so far. `line_of`: which line spoke of whom."""

    def __init__(self, rows: Iterable[R]) -> None:
        self.line_of: dict[int, int] = {}
        self._rows: dict[int, R] = {}
        self._by_key: dict[str, int] = {}
        self._by_name: defaultdict[str, set[int]] = defaultdict(set)
        for row in rows:
            self.put(row)

    def put(self, row: R) -> None:
        """A row that is new, or as it is from now on; under its old name and key it is found no more."""
        old = self._rows.get(row.id)
        if old is not None:
            self._by_name[_name(old)].discard(old.id)
            self._by_key.pop(_key(old), None)
        self._rows[row.id] = row
        self._by_name[_name(row)].add(row.id)
        if _key(row):
            self._by_key[_key(row)] = row.id

    def __getitem__(self, number: int) -> R:
        return self._rows[number]

    def keyed(self, key: str) -> R | None:
        """The one with this key; None also for no key."""
        return self._rows.get(self._by_key.get(key, 0))

    def named(self, name: str) -> list[R]:
        """All with this name, folded."""
        return [self._rows[each] for each in sorted(self._by_name.get(name, ()))]


class People:
    """Everybody a line may mean."""

    def __init__(self, school: School) -> None:
        self.homes: Roll[Household] = Roll(school.homes)
        self.second_homes = {row.key: row.same_as for row in school.second_homes.values() if row.key}
        """By the key under which the other programme still has a family a second time: which one it is."""
        self.pupils: Roll[Pupil] = Roll(school.everyone)
        self._second_pupils = {row.key: row for row in school.merged.values() if row.key}
        self.adults: Roll[Adult] = Roll(school.adults.values())

    def home(self, said: Home) -> Household | Wrong | None:
        """The household of a line, None where there is none like it. With a key, only one that has no other key."""
        keyed = self.homes.keyed(said.key)
        if keyed is None and said.key in self.second_homes:
            keyed = self.homes[self.second_homes[said.key]]
        if keyed is not None:
            return keyed
        fit = [each for each in self.homes.named(fold(said.name)) if not (said.key and each.key)] if said.name else []
        if said.address:
            there = fold(said.address)
            fit = [each for each in fit if fold(each.address) == there] or [each for each in fit if not each.address]
        return Wrong.SEVERAL_HOUSEHOLDS if len(fit) > 1 else fit[0] if fit else None

    def pupil(self, said: Child) -> Pupil | Wrong | None:
        """The pupil of a line, None where there is none like it. Without birth dates, the household has to be the same."""
        keyed, second = self.pupils.keyed(said.key), self.second_pupil(said.key)
        if keyed is not None:
            return Wrong.KEY_OF_OTHER if _another(keyed, said) else keyed
        if second is not None:
            first = self.pupils[second.same_as]
            return Wrong.KEY_OF_OTHER if _another(second, said) and _another(first, said) else first
        named = self.pupils.named(_both(said.last_name, said.first_name))
        fit = [each for each in named if not (said.key and each.key) and _may_be(each, said)]
        surely = [each for each in fit if said.born and each.born == said.born] or fit
        return Wrong.SEVERAL_PEOPLE if len(surely) > 1 else surely[0] if surely else None

    def second_pupil(self, key: str) -> Pupil | None:
        """The second entry of a child, as it was, by the key under which the other programme still has it; None for any other key."""
        return self._second_pupils.get(key) if self.pupils.keyed(key) is None else None

    def adult(self, household: int, last_name: str, first_name: str) -> Adult | Wrong | None:
        """The grown-up of a household with this name."""
        fit = [each for each in self.adults.named(_both(last_name, first_name)) if each.household == household]
        return Wrong.SEVERAL_PEOPLE if len(fit) > 1 else fit[0] if fit else None


def _name(row: Household | Pupil | Adult) -> str:
    return fold(row.name) if isinstance(row, Household) else _both(row.last_name, row.first_name)


def _both(last_name: str, first_name: str) -> str:
    return f"{fold(last_name)}|{fold(first_name)}"


def _key(row: Household | Pupil | Adult) -> str:
    """Grown-ups are known by their name in their household."""
    return "" if isinstance(row, Adult) else row.key


def _may_be(pupil: Pupil, said: Child) -> bool:
    """Whether nothing but the name has to be believed: the birth date where both are known, else the household where it is said."""
    if said.born and pupil.born:
        return said.born == pupil.born
    return said.household in (0, pupil.household)


def _another(pupil: Pupil, said: Child) -> bool:
    """Whether a key has passed on to somebody else: one of name, first name and birth date may have been put right, not two at once."""
    last, first = fold(said.last_name), fold(said.first_name)
    differs = (
        bool(last) and last != fold(pupil.last_name),
        bool(first) and first != fold(pupil.first_name),
        said.born is not None and pupil.born is not None and said.born != pupil.born,
    )
    return sum(differs) > 1
