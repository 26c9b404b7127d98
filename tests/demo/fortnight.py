"""Two weeks of the made-up school: who comes when, what the office does, what breaks. Pure: the same seed, the same weeks.

What all of it comes to is reckoning.py's to say.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tests.demo import rules, school
from tests.demo.dayplan import Day
from tests.demo.rules import (
    HOMEWORK,
    HOT,
    LIGHT,
    PACKED,
    SANDWICH,
    WEDNESDAY,
    WORKSHOP,
    WORKSHOP_DAYS,
    care_tariff,
    description,
    euros,
    wallet_name,
)
from tests.demo.school import CENTRE, MOULIN, Child, Founding, csv_text

LOGIN = "bureau"
"""Of the office's account, made by its first link (browser.py)."""


@dataclass(frozen=True, slots=True)
class Act:
    """One command of the office, the hub stopped, as if received at `at_s` of the day.

    In `words`, `@…` is the wallet of who is named, and `#…` the number that the act with this `label` was given.
    `refused`: a part of the sentence it is refused with; empty where it is done.
    """

    day: date
    at_s: int
    words: tuple[str, ...]
    refused: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Some hours of a day in which the hub runs; `before` it is started, the office acts."""

    day: date
    script: Day
    before: tuple[Act, ...] = ()


@dataclass(frozen=True, slots=True)
class Fortnight:
    """All that is planned. `after`: what the office does when the last part is over.

    `qf_cents`: household -> *quotient familial*, counted from the first day on; the file of a third one comes in the second week.
    """

    monday: date
    everyone: tuple[Child, ...]
    cast: "Cast"
    qf_cents: Mapping[str, int]
    parts: tuple[Part, ...] = ()
    after: tuple[Act, ...] = ()

    @property
    def acts(self) -> tuple[Act, ...]:
        return (*(act for part in self.parts for act in part.before), *self.after)

    @property
    def later(self) -> date:
        """The day from which the second version of the care tariff holds."""
        return self.monday + timedelta(days=7)

    @property
    def day_off(self) -> date:
        """A public holiday, by the school's calendar: the Tuesday of the second week."""
        return self.monday + timedelta(days=8)

    @property
    def live(self) -> date:
        """The day from which on Moulin's services are charged: until then it tries them out."""
        return self.monday + timedelta(days=2)

    @property
    def lived(self) -> tuple[date, ...]:
        """The days on which the hub runs."""
        return tuple(dict.fromkeys(part.day for part in self.parts))

    def registered(self, day: date) -> Iterator[tuple[str, str]]:
        """Who is expected where on a day: child and programme."""
        if day in self.lived and day.weekday() != WEDNESDAY:
            yield from ((child.name, HOMEWORK) for child in self.cast.helped)
        if day in self.lived and day.weekday() in WORKSHOP_DAYS:
            yield from ((child.name, WORKSHOP) for child in self.cast.makers if (child.name, day) != self.excluded)

    @property
    def excluded(self) -> tuple[str, date]:
        """Who does not come to the workshop on one day, as it was planned from the start."""
        return self.cast.makers[3].name, self.monday + timedelta(days=9)

    @property
    def custody(self) -> Mapping[str, tuple[str, int]]:
        """Child -> the household that pays in ISO weeks of this parity (0 even): those of the second week; else its own pays."""
        return {self.cast.shared.name: (self.cast.other.household, self.later.isocalendar().week % 2)}

    def payer(self, child: Child, day: date) -> str:
        """The household that has this child on a day."""
        household, parity = self.custody.get(child.name, ("", -1))
        return household if day.isocalendar().week % 2 == parity else child.household

    def child(self, name: str) -> Child:
        return next(child for child in self.everyone if child.name == name)

    def purse(self, name: str, day: date) -> str:
        """The wallet that pays for a child on a day."""
        child = self.child(name)
        return wallet_name(child.site, self.payer(child, day) if child.site == CENTRE else list_name(child))

    def opening_cents(self) -> dict[tuple[str, str], int]:
        """(site, household or pupil) -> what its wallet brings along: most have some money, some little, some owe."""
        return opening_cents(self.everyone)

    def founding(self, everyone: Sequence[Child], monday: date, before_ms: int) -> Founding:
        """What the school is set up with (town.FoundingOf)."""
        since = ("--since-ms", str(before_ms))
        names = ("household", "last_name", "first_name")
        who = {child.name: (child.household, child.last_name, child.first_name) for child in everyone}
        who |= {list_name(child): who[child.name] for child in everyone}
        balances = [(site, *_owner(site, owner, who), euros(cents)) for (site, owner), cents in self.opening_cents().items()]
        child, (household, parity) = next(iter(self.custody.items()))
        payer = (*who[child], household, monday.isoformat(), "", ("even", "odd")[parity], "", "")
        meals = [(CENTRE, *who[name], HOT, day.isoformat()) for day, name in sorted(self.reserved())]
        files = {
            "school.toml": description(self.day_off, self.parts[-1].day, self.live, self.cast.group),
            "later.toml": description(self.day_off, self.parts[-1].day, self.live, self.cast.group, self.later),
            "draft.toml": care_tariff(rules.CARE_TENTHS_LATER),
            "pupils.csv": school.pupils_csv(everyone),
            "balances.csv": csv_text(("site", *names, "balance"), balances),
            "menus.csv": csv_text(("site", "day", "product", "price", "allergens"), _menus(self)),
            "meals.csv": csv_text(("site", *names, "meal", "day"), meals),
            "plans.csv": csv_text((*names, "programme", "weekdays", "from", "until", "excluded"), _plans(self, who)),
            "payers.csv": csv_text((*names, "payer", "from", "until", "weeks", "weekdays", "what"), [payer]),
        }
        commands = (
            ("setup", "school.toml"),
            ("import", "pupils", "pupils.csv", "--yes", *since),
            ("import", "balances", "balances.csv", "--yes", *since),
            ("meals", "menu", "menus.csv"),
            ("wallet", "payers", "payers.csv"),
            ("import", "plans", "plans.csv", "--yes", *since),
            *(file_words(*file, monday, "--validated", monday.isoformat()) for file in list(self.qf_cents.items())[:2]),
            ("reserve", "meals.csv", *since),
        )
        return Founding(files, commands)

    def reserved(self) -> set[tuple[date, str]]:
        """Meals from the office's list: (day, child)."""
        eaters, days = self.cast.eaters, [day for day in days_of(self.monday) if _cooks(self, day)]
        return {(day, child.name) for day in days for child in (eaters if day < self.later else eaters[:9])}


# --- who ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cast:
    """Who does what. `care`: with brothers and sisters; `shared`: a child of two households; `lost`: whose badge is blocked.

    `helped` of those in care are registered for homework, `makers` for the workshop; `group`: the class that is waited for at the entrance.
    """

    care: tuple[Child, ...]
    eaters: tuple[Child, ...]
    walk_ups: tuple[Child, ...]
    buyers: tuple[Child, ...]
    students: tuple[Child, ...]
    shared: Child
    other: Child
    lost: Child
    helped: tuple[Child, ...]
    makers: tuple[Child, ...]
    group: str
    classmates: tuple[Child, ...]


def cast_of(everyone: Sequence[Child]) -> Cast:
    centre = [child for child in everyone if child.site == CENTRE]
    homes = [child.household for child in everyone]
    siblings = sorted((child for child in centre if homes.count(child.household) > 1), key=lambda child: -homes.count(child.household))
    alone = [child for child in centre if homes.count(child.household) == 1]
    shared, other, lost = alone[0], alone[1], alone[2]
    students = tuple(child for child in everyone if child.site == MOULIN)
    hungry = [child for child in centre if child.eats and child not in (lost, other)]
    opening = opening_cents(everyone)
    sizes = Counter(child.group for child in centre)
    group = next(name for name in sorted(sizes) if 5 <= sizes[name] <= 8 and name != lost.group)
    return Cast(
        (*siblings[:12], shared, *alone[3:9]),
        tuple(hungry[:16]),
        tuple(hungry[16:19]),
        tuple(child for child in hungry[19:] if opening[CENTRE, child.household] > 20_00)[:5],
        students,
        shared,
        other,
        lost,
        tuple(siblings[7:12]),
        students[4:9],
        group,
        tuple(child for child in centre if child.group == group),
    )


def poor(weeks: Fortnight) -> Child:
    """Somebody whose household owes from the start."""
    opening = weeks.opening_cents()
    return next(child for child in weeks.cast.eaters if opening[CENTRE, child.household] < 0)


def list_name(child: Child) -> str:
    """Last name first."""
    return f"{child.last_name} {child.first_name}"


def qf_cents_of(cast: Cast, households: int) -> dict[str, int]:
    incomes = zip(cast.students, (900_00, 150_00, 600_00)[:households], strict=False)
    return {child.household: cents for child, cents in incomes}


def file_words(household: str, qf_cents: int, monday: date, *more: str) -> tuple[str, ...]:
    return ("files", "add", household, "--from", monday.isoformat(), "--qf", euros(qf_cents), *more)


def opening_cents(everyone: Sequence[Child]) -> dict[tuple[str, str], int]:
    owners = dict.fromkeys((child.site, child.household if child.site == CENTRE else list_name(child)) for child in everyone)
    return {owner: (28_00, 31_50, 1_20, 24_15, -9_00)[place % 5] for place, owner in enumerate(owners)}


def days_of(monday: date) -> list[date]:
    return [monday + timedelta(days=week + day) for week in (0, 7) for day in range(5)]


def _cooks(weeks: Fortnight, day: date) -> bool:
    return day.weekday() != WEDNESDAY and day != weeks.day_off


# --- the school's files -------------------------------------------------------------------------------


def _owner(site: str, owner: str, who: Mapping[str, tuple[str, str, str]]) -> tuple[str, str, str]:
    return (owner, "", "") if site == CENTRE else who[owner]


def _plans(weeks: Fortnight, who: Mapping[str, tuple[str, str, str]]) -> Iterator[tuple[str, ...]]:
    since, (excused, day) = weeks.monday.isoformat(), weeks.excluded
    for child in weeks.cast.helped:
        yield *who[child.name], HOMEWORK, "mon tue thu fri", since, "", ""
    for child in weeks.cast.makers:
        yield *who[child.name], WORKSHOP, "tue wed", since, "", day.isoformat() if child.name == excused else ""


def _menus(weeks: Fortnight) -> Iterator[tuple[str, ...]]:
    for day in days_of(weeks.monday):
        meals = [(CENTRE, HOT), (CENTRE, LIGHT), (CENTRE, SANDWICH)] if _cooks(weeks, day) else []
        for site, product in [*meals, (MOULIN, PACKED)]:
            yield site, day.isoformat(), product, euros(rules.meal_cents(product, day.weekday())), "milk" if product == HOT else ""
