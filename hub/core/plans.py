"""A plan of what an import would do, as it grows line by line: what is new, what changes from what to what, what is wrong.

Every line is looked at, whatever was wrong before it; a plan with complaints is never carried out. What a line means is imports.py's.
"""

import enum
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date

from hub.core.facts import derived
from hub.core.lists import Column, Complaint, Listed, Said, Wrong, fold
from hub.core.matching import People
from hub.core.school import Adult, Badge, BadgeState, Household, Pupil, Row, Rows, School

_NAMES = frozenset({"name", "first_name", "last_name"})
"""Fields that say what a thing is called anyway."""


class Thing(enum.StrEnum):
    HOUSEHOLD = "household"
    PUPIL = "pupil"
    ADULT = "adult"
    BADGE = "badge"
    BALANCE = "balance"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an import is made with. `at_ms`: from when on its badges hold, on that `day`. `seed`: a fresh random number for its ids.

    `is_address`: whether a mail could be sent to a text.
    """

    badge_key: bytes
    at_ms: int
    day: date
    seed: int
    is_address: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Change:
    """A field, and its words before and after; empty is nothing."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Act:
    """What a line does to one thing, new or known, and to which of its fields."""

    line: int
    thing: Thing
    name: str
    changes: tuple[Change, ...]
    new: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done with a list. `unchanged`: how many are as it says already.

    `left`: lines with a badge that was taken from its owner since; it stays as it is. `balances`: (site, owner) -> cents, to be
    booked under `ask`, which is the same for the same list; 0 where nothing is to be booked.
    """

    listed: Listed
    acts: tuple[Act, ...] = ()
    unchanged: Mapping[Thing, int] = field(default_factory=dict)
    complaints: tuple[Complaint, ...] = ()
    left: tuple[tuple[int, BadgeState], ...] = ()
    rows: Rows = ()
    balances: Mapping[tuple[int, int], int] = field(default_factory=dict)
    ask: int = 0


class Draft:
    """A plan in the making: everybody as they are after the lines so far."""

    def __init__(self, school: School, listed: Listed, stamp: Stamp) -> None:
        self.school = school
        self.stamp = stamp
        self.people = People(school)
        self.sites = {fold(site.name): site for site in school.sites.values()}
        self.only_site = next(iter(school.sites)) if len(school.sites) == 1 else 0
        """Nobody has to name it."""
        self.badges = {badge: states[-1] for badge, states in school.badges.items()}
        self.badge_lines: dict[str, int] = {}
        self.acts: list[Act] = []
        self.complaints: list[Complaint] = []
        self.left: list[tuple[int, BadgeState]] = []
        self.unchanged: Counter[Thing] = Counter()
        self._rows: dict[int, Row] = {}
        self._made: set[int] = set()
        self._listed = listed

    def plan(self) -> Plan:
        """What has come together, complaints in the order of the lines."""
        complaints = sorted((*self._listed.complaints, *self.complaints), key=lambda each: each.line)
        rows = tuple(self._rows.values())
        return Plan(self._listed, tuple(self.acts), self.unchanged, tuple(complaints), tuple(self.left), rows)

    def wrong(self, line: Said, wrong: Wrong, column: Column, other: object = "", value: str | None = None) -> None:
        """Complain of what a line says in a column; `value` where the cell itself is not to be shown."""
        shown = line[column] if value is None else value
        self.complaints.append(Complaint(line.number, wrong, self._listed.heads.get(column, ""), shown, str(other)))

    def missing(self, line: Said, column: Column) -> None:
        """Complain of what a line does not say."""
        self.complaints.append(Complaint(line.number, Wrong.MISSING, self._listed.heads.get(column, ""), column))

    def new_id(self, line: Said, thing: Thing) -> int:
        """Of the one thing of its kind that a line makes."""
        return derived(self.stamp.seed, f"{thing} {line.number}")

    def add(self, line: Said, thing: Thing, row: Household | Pupil | Adult | Badge, name: str) -> None:
        """A row that was not there."""
        self._rows[row.id] = row
        self._made.add(row.id)
        told = {} if isinstance(row, Badge) else self._told(row)
        self.acts.append(
            Act(line.number, thing, name, tuple(Change(each, "", word) for each, word in told.items() if word and each not in _NAMES))
        )

    def turn(self, line: Said, thing: Thing, old: Household | Pupil | Adult, new: Household | Pupil | Adult) -> None:
        """A row that is known, as it is from now on; maybe just as it was."""
        if old == new:
            self.unchanged[thing] += thing is not Thing.HOUSEHOLD  # it stands on many lines
            return
        self._rows[new.id] = new
        if new.id not in self._made:
            before, after = self._told(old), self._told(new)
            changes = tuple(Change(each, before[each], after[each]) for each in after if before[each] != after[each])
            self.acts.append(Act(line.number, thing, name_of(old), changes, new=False))

    def _told(self, row: Household | Pupil | Adult) -> dict[str, str]:
        """What a person is shown of a row, by field."""
        return {each.name: self._word(each.name, getattr(row, each.name)) for each in fields(row)}

    def _word(self, name: str, value: object) -> str:
        if name == "household" and isinstance(value, int):
            return self.people.homes[value].name
        if name == "site" and isinstance(value, int):
            return self.school.sites[value].name
        return value if isinstance(value, str) else value.isoformat() if isinstance(value, date) else ""


def name_of(row: Household | Pupil | Adult) -> str:
    """How a person calls it."""
    return row.name if isinstance(row, Household) else f"{row.first_name} {row.last_name}"
