"""A plan of what an import would do, as it grows line by line: what is new, what changes from what to what, what is wrong.

Every line is looked at, whatever was wrong before it; a plan with complaints is never carried out. What a line means is imports.py's.
"""

import enum
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, timedelta

from hub.core.facts import derived
from hub.core.lists import Column, Complaint, Listed, Said, Wrong, fold, read_day
from hub.core.matching import Child, Home, People
from hub.core.school import Adult, Badge, BadgeState, Household, Pupil, Row, Rows, School
from hub.core.timetable import Plan as Planned
from hub.core.weekdays import write_weekdays

Named = Household | Pupil | Adult | Planned
OLDEST = date(1900, 1, 1)
"""An earlier day is a typing error."""
_NAMES = frozenset({"name", "first_name", "last_name"})
"""Fields that say what a thing is called anyway."""


class Thing(enum.StrEnum):
    HOUSEHOLD = "household"
    PUPIL = "pupil"
    ADULT = "adult"
    BADGE = "badge"
    BALANCE = "balance"
    PLANNED = "planned attendance"


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
    who: int = 0
    """The member of staff who brings the list, 0 = the command line."""
    language: str = "fr"
    """In which those are written to of whom a list does not say it."""


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
        self.planned = {pupil: {each.id: each for each in plans} for pupil, plans in school.plans.items()}
        """By pupil and id."""
        self.planned_lines: dict[int, Said] = {}
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

    def add(self, line: Said, thing: Thing, row: Household | Pupil | Adult | Badge | Planned, name: str) -> None:
        """A row that was not there."""
        self._rows[row.id] = row
        self._made.add(row.id)
        told = {} if isinstance(row, Badge) else self._told(row)
        self.acts.append(
            Act(line.number, thing, name, tuple(Change(each, "", word) for each, word in told.items() if word and each not in _NAMES))
        )

    def turn(self, line: Said, thing: Thing, old: Named, new: Named) -> None:
        """A row that is known, as it is from now on; maybe just as it was."""
        if old == new:
            self.unchanged[thing] += thing is not Thing.HOUSEHOLD  # it stands on many lines
            return
        self._rows[new.id] = new
        if new.id not in self._made:
            before, after = self._told(old), self._told(new)
            changes = tuple(Change(each, before[each], after[each]) for each in after if before[each] != after[each])
            self.acts.append(Act(line.number, thing, self.name(old), changes, new=False))

    def name(self, row: Named) -> str:
        """How a person calls it."""
        if isinstance(row, Planned):
            return f"{name_of(self.people.pupils[row.pupil])}, {self.school.programmes[row.programme].name}"
        return name_of(row)

    def _told(self, row: Named) -> dict[str, str]:
        """What a person is shown of a row, by field."""
        if isinstance(row, Planned):
            return told_days(row)
        return {each.name: self._word(each.name, getattr(row, each.name)) for each in fields(row)}

    def _word(self, name: str, value: object) -> str:
        if name == "household" and isinstance(value, int):
            return self.people.homes[value].name
        if name == "site" and isinstance(value, int):
            return self.school.sites[value].name
        return value if isinstance(value, str) else value.isoformat() if isinstance(value, date) else ""


def told_days(plan: Planned) -> dict[str, str]:
    """When a pupil is expected, as a list says it: the last day is included."""
    last = (plan.until_day - timedelta(days=1)).isoformat() if plan.until_day else ""
    excluded = " ".join(day.isoformat() for day in sorted(plan.excluded))
    return {"weekdays": write_weekdays(plan.weekdays), "from": plan.from_day.isoformat(), "until": last, "excluded": excluded}


def name_of(row: Household | Pupil | Adult) -> str:
    """How a person calls it."""
    return row.name if isinstance(row, Household) else f"{row.first_name} {row.last_name}"


# --- who and what a line means, with a complaint where it cannot be told --------------------------------


def site_of(draft: Draft, line: Said) -> int:
    """The site a line names; 0 when it names none, or none that is known."""
    site = draft.sites.get(fold(line[Column.SITE]))
    if line[Column.SITE] and site is None:
        draft.wrong(line, Wrong.NO_SITE, Column.SITE, ", ".join(sorted(each.name for each in draft.school.sites.values())))
    return site.id if site else 0


def born_of(draft: Draft, line: Said) -> date | None:
    """The birth date a line names; with a complaint when it cannot be one."""
    day = read_day(line[Column.BORN])
    if line[Column.BORN] and (day is None or not OLDEST <= day <= draft.stamp.day):
        draft.wrong(line, Wrong.NO_DAY, Column.BORN)
    return day


def found_pupil(draft: Draft, line: Said, said: Child) -> Pupil | None:
    """The pupil a line means; None where there is none, and with a complaint where it cannot be told which."""
    found = draft.people.pupil(said)
    if not isinstance(found, Wrong):
        return found
    if found is Wrong.KEY_OF_OTHER:
        owner = draft.people.pupils.keyed(said.key) or draft.people.second_pupil(said.key)
        draft.wrong(line, found, Column.KEY, name_of(owner) if owner else "")
    else:
        draft.wrong(line, found, Column.LAST_NAME)
    return None


def known_pupil(draft: Draft, line: Said, home: Household | None) -> Pupil | None:
    """The pupil a line means; None with a complaint when there is none like that."""
    before = len(draft.complaints)
    said = Child(line[Column.KEY], line[Column.LAST_NAME], line[Column.FIRST_NAME], born_of(draft, line), home.id if home else 0)
    found = found_pupil(draft, line, said)
    if found is None and len(draft.complaints) == before:
        draft.wrong(line, Wrong.UNKNOWN, Column.LAST_NAME if said.last_name else Column.KEY)
    return found


def known_household(draft: Draft, line: Said) -> Household | None:
    """The household a line names; None with a complaint when there is none like it, and when it names none."""
    said = Home(line[Column.HOUSEHOLD_KEY], line[Column.HOUSEHOLD], line[Column.ADDRESS])
    found = draft.people.home(said)
    column = Column.HOUSEHOLD if said.name else Column.HOUSEHOLD_KEY
    if isinstance(found, Wrong):
        draft.wrong(line, found, column)
        return None
    if found is None and (said.key or said.name):
        draft.wrong(line, Wrong.UNKNOWN, column)
    return found
