"""The commune (commune.py) as its office sees it, in a data folder: two years in the journal, and names, classes, families, staff.

It is the afternoon of a school day, everybody has just come to care, and the tills have sold at noon. Always the same; nothing is
measured here.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from hub import bodies, chain
from hub.accounts import Accounts, Posts, Role, WebSession
from hub.core.books import Books
from hub.core.menus import Allergen, Diet
from hub.core.school import Adult, Device, Household, Pupil, Reader, Row, Rows, Site
from hub.core.timetable import Plan
from hub.core.trail import Step
from hub.keys import load_master
from hub.web.session import token_hash
from proto.messages import Direction, Use
from tests.bench import commune, school
from tests.bench.commune import FIRST_DAY, SITES, Day, school_days
from tests.bench.scale import booked, empty_journal
from tests.hub.web.conftest import Hub, opened
from tests.schools import moment, number

TWO_YEARS = 2 * commune.SCHOOL_YEAR
FIRST = ("Léa", "Hugo", "Noé", "Jade", "Louis", "Emma", "Adam", "Zoé", "Lina", "Jules", "Mila", "Sacha", "Nora", "Tom", "Inès", "Maxime")
LAST = (
    "Vandenbroucke",
    "Lambert",
    "Martin",
    "Dupuis",
    "Simon",
    "Laurent",
    "Claes",
    "Renard-Delvaux",
    "Gérard",
    "Maes",
    "Peeters",
    "Willems",
)
CLASSES = 24
"""Of each site: some twenty pupils in each."""
TAPPERS = tuple(f"tap-{place}" for place in range(SITES))
"""Tills where a tap identifies, one at each site; scripted devices of the stopwatch stand there."""
KIOSK = "kiosk-0"
STAFF = 40
WEDNESDAY = 2
STEPS = 20_000
"""Lines of the trail: some weeks of a busy office."""
COMES, NOW = "15:35", "16:20"
BURSAR = frozenset({(Role.BURSAR, 0), (Role.HEAD, 0)})
WHO: dict[str, Posts] = {
    "bursar": BURSAR,
    "head": frozenset({(Role.HEAD, 0)}),
    "door": frozenset({(Role.DOOR, 0)}),
    "till": frozenset({(Role.CANTEEN, 0)}),
}
"""Who asks for pages, everywhere: a page of all sites is the largest."""


@dataclass(frozen=True, slots=True)
class Town:
    """A data folder, and the instant (Unix ms) at which its school is looked at."""

    folder: Path
    now_ms: int


async def built(folder: Path, days: int) -> Town:
    """So many school days, the last one (no Wednesday) until everybody is in care."""
    last = await lived(folder, days)
    load_master(folder / "master.key")
    async with opened(folder) as hub:
        hub.now_ms = moment(NOW, last)
        assert not (await hub.desk.edit(number("town"), lambda _school: rows())).refusal
        await _staffed(hub)
    return Town(folder, hub.now_ms)


async def let_in(accounts: Accounts, wall_ms: int, kiosk: str = "") -> dict[str, str]:
    """Each of `WHO` signed in, second factor and all: their tokens. With `kiosk` (`device/reader`), that one too."""
    tokens = {}
    for place, who in enumerate([*WHO, *(["kiosk"] if kiosk else [])]):
        tokens[who] = secret = f"token-of-{who}-{wall_ms}"
        of = WebSession(number(f"staff {place if who in WHO else 0}"), f"csrf-of-{who}", wall_ms, wall_ms, second_ms=wall_ms)
        await accounts.add_session(token_hash(secret), of if who in WHO else replace(of, kiosk=kiosk, second_ms=0))
    return tokens


async def lived(folder: Path, days: int) -> date:
    """The days in a new journal, written without waiting for the disk; the last of them."""
    *before, last = itertools.islice((day for day in school_days(FIRST_DAY) if day.weekday() != WEDNESDAY), days)
    books, journal = Books(), await empty_journal(folder)
    row = chain.Row(*journal.execute("SELECT number, count, before, body, hash FROM journal").fetchone())
    acts = (act for day in before for act in Day(books, day).acts())
    for act in itertools.chain(commune.brought(), acts, Day(books, last).acts_until(COMES)):
        facts = booked(books, act)
        if facts:
            row = bodies.pack(row.last + 1, facts, row.hash)
            journal.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?)", row)
    journal.commit()
    journal.close()
    return last


# --- what is set up beyond what decisions need ----------------------------------------------------


def rows() -> Rows:
    """The commune's rows with names and classes, and what else the office shows."""
    named = [_named(row) for row in commune.rows()]
    pupils = [row for row in named if isinstance(row, Pupil)]
    homes = [row for row in named if isinstance(row, Household)]
    return (*named, *_places(), *_adults(homes), *_plans(pupils), *_diets(pupils))


def _named(row: Row) -> Row:
    """A row with the names a school would have in it."""
    if isinstance(row, Pupil):
        place = int(row.first_name.split()[-1])
        group = f"{1 + place // SITES % CLASSES // 4}{'ABCD'[place // SITES % 4]}"
        family = LAST[row.household % len(LAST)]
        return replace(row, first_name=FIRST[place % len(FIRST)], last_name=family, group=group, key=f"{100_000 + place}")
    if isinstance(row, Household):
        return replace(row, name=LAST[row.id % len(LAST)], address=f"Rue de la Station {row.id % 200}, 5000 Namur")
    if isinstance(row, Site):
        return replace(row, name=f"Implantation {row.name[-1]}", iban="BE68539007547034", holder="Commune", address="Rue de l’École 1")
    return row


def _places() -> Iterator[Row]:
    for place, device in enumerate(TAPPERS):
        yield Device(device, number(f"site {place}"), f"Caisse {place}")
        yield Reader(device, school.READER, "Caisse", Use.TILL, Direction.IN, number(f"drink {place}"))
    yield Device(KIOSK, number("site 0"), "Borne")
    yield Reader(KIOSK, "kiosk", "Borne", Use.KIOSK, Direction.IN)


def _adults(homes: Iterable[Household]) -> Iterator[Adult]:
    for place, home in enumerate(homes):
        for first in ("Anne", "Marc"):
            who = number(f"{first} of {home.id}")
            yield Adult(who, home.id, first, home.name, f"{first.lower()}.{place}@famille.example", phone=f"0470 {place:06d}")


def _plans(pupils: Iterable[Pupil]) -> Iterator[Plan]:
    """Every second pupil is expected at care on the days without a Wednesday afternoon."""
    for pupil in itertools.islice(pupils, None, None, 2):
        place = next(site for site in range(SITES) if number(f"site {site}") == pupil.site)
        yield Plan(number(f"plan {pupil.id}"), pupil.id, number(f"care {place}"), FIRST_DAY, weekdays=frozenset({0, 1, 3, 4}))


def _diets(pupils: Iterable[Pupil]) -> Iterator[Diet]:
    for pupil in itertools.islice(pupils, None, None, 15):
        yield Diet(pupil.id, "halal", frozenset({Allergen.NUTS}))


async def _staffed(hub: Hub) -> None:
    """Accounts, and what they did in the last weeks."""
    for place in range(STAFF):
        posts = [*WHO.values(), frozenset({(Role.READER, number(f"site {place % SITES}"))})][min(place, len(WHO))]
        assert await hub.accounts.add_staff(
            number(f"staff {place}"), f"staff{place}", f"{FIRST[place % 16]} {LAST[place % 12]}", "none", posts
        )
    pupils = sorted(hub.desk.school.pupils)
    begun_ms = hub.now_ms - timedelta(days=30) // timedelta(milliseconds=1)
    steps = (
        Step(begun_ms + place * 60_000, number(f"staff {place % STAFF}"), "GET /pupils/{pupil}", f"pupil={pupils[place % len(pupils)]};")
        for place in range(STEPS)
    )
    await hub.office.trail.write(list(steps))
