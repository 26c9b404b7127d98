"""The made-up school: 120 pupils in 80 families on two sites, as the files a real school would bring along. Same seed, same school."""

import csv
import io
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from hub.core.money import write_cents
from proto.badge import CODE_BYTES, code, tag

CENTRE, MOULIN = "Centre", "Moulin"
TAGGED = 40
"""Pupils with an RFID tag, one third: those of Moulin, whose hall has the tag reader. All others have a printed QR code."""
FAMILY_SIZES = (1,) * 45 + (2,) * 30 + (3,) * 5
SEED = 2026
MEAL, SNACK = "Repas chaud", "Sandwich"

FIRST_NAMES = (
    "Adam Adèle Agathe Alice Amina Anaïs Antoine Apolline Aya Basile Camille Capucine Célestin Chloé Clara Clément Diego Éloïse Elias "
    "Emma Émile Ethan Eva Félix Gabin Gaspard Giulia Hélène Hugo Ines Iris Jade Jeanne Jules Juliette Kenza Léa Léo Léonie Lina Lou "
    "Louis Louise Lucas Lucie Maël Malo Manon Margaux Marius Mathis Maya Mia Milo Mohamed Nathan Nina Noah Noé Nora Oscar Pauline "
    "Rayan Robin Rose Sacha Salomé Samuel Sofia Théo Tom Valentin Victor Yasmine Zélie Zoé"
).split()
LAST_NAMES = (
    "Aerts Baudoux Benali Bertrand Bodart Brasseur Carlier Charlier Claes Collard Collignon Cools Cornet Crahay Daoudi De·Backer Debruyne "
    "Declercq Defays Delcourt Delvaux Demeyer Denis Deprez Derycke Dubois Dumont Dupuis El·Amrani Evrard Fontaine Fournier François Gérard "
    "Gillet Goffin Grégoire Guillaume Haddad Hanssens Henrotte Hubert Jacobs Jadot Janssens Kowalski Lambert Lebrun Lecomte Leclercq "
    "Leroy Lejeune Lemaire Maes Marchal Martens Mathieu Mercier Michel Moreau Nguyen Noël Okonkwo Peeters Petit Pirard Poncelet Quintelier "
    "Renard Rossi Simon Smets Stassen Thiry Toussaint Urbain Vanderzande Verhaeghe Wauters Willems"
).split()


@dataclass(frozen=True, slots=True)
class Child:
    """One pupil of the made-up school. `badge` is written as in the pupils' list; `eats`: a meal is reserved for each school day."""

    household: str
    site: str
    last_name: str
    first_name: str
    group: str
    badge: str
    eats: bool
    born: date = date(2017, 9, 1)

    @property
    def name(self) -> str:
        """First and last name: no two are called the same."""
        return f"{self.first_name} {self.last_name}"


def children(seed: int = SEED) -> tuple[Child, ...]:
    """All 120: those of Centre first. Families are named after their number too, for two families may share a name."""
    chance = random.Random(seed)
    places = [family for family, size in enumerate(FAMILY_SIZES) for _ in range(size)]
    last_names = chance.sample(LAST_NAMES, len(FAMILY_SIZES))
    first_names = {family: iter(chance.sample(FIRST_NAMES, size)) for family, size in enumerate(FAMILY_SIZES)}
    tagged = set(chance.sample(range(len(places)), TAGGED))
    found = []
    for place, family in enumerate(places):
        last = last_names[family].replace("·", " ")
        site = MOULIN if place in tagged else CENTRE
        badge = tag("EM", chance.randbytes(5)) if place in tagged else code(chance.randbytes(CODE_BYTES))
        group = f"{chance.randint(1, 6)}{chance.choice('AB')}"
        eats = site == CENTRE and chance.random() < 0.8
        born = date(2020 - int(group[0]), place % 12 + 1, place % 28 + 1)
        found.append(Child(f"{last} ({family + 1})", site, last, next(first_names[family]), group, badge, eats, born))
    return tuple(sorted(found, key=lambda child: child.site))


def pupils_csv(everyone: Iterable[Child]) -> str:
    """The list `preau-hub import pupils` reads."""
    rows = [
        (child.household, child.site, child.last_name, child.first_name, child.born.isoformat(), child.group, child.badge)
        for child in everyone
    ]
    return csv_text(("household", "site", "last_name", "first_name", "born", "group", "badge"), rows)


def balances_csv(everyone: Iterable[Child], seed: int = SEED) -> str:
    """The list `preau-hub import balances` reads: most have some money, some little, some owe."""
    chance = random.Random(seed + 1)
    wallets = sorted({(child.site, child.household) for child in everyone})
    rows = [(*wallet, write_cents(chance.choices(_PURSES, weights=(7, 2, 1))[0] + chance.randrange(0, 200, 5))) for wallet in wallets]
    return csv_text(("site", "household", "balance"), rows)


_PURSES = (25_00, 1_00, -9_00)
"""Usual, low and owing, in cents."""


def reservations_csv(everyone: Iterable[Child], day: date) -> str:
    """The list `preau-hub reserve` reads: the day's meals."""
    rows = [(child.site, child.household, child.last_name, child.first_name, MEAL, day.isoformat()) for child in everyone if child.eats]
    return csv_text(("site", "household", "last_name", "first_name", "meal", "day"), rows)


@dataclass(frozen=True, slots=True)
class Founding:
    """What a school is set up with: its files by name, and the commands that read them in."""

    files: Mapping[str, str]
    commands: tuple[tuple[str, ...], ...]


def founding(everyone: Sequence[Child], day: date, before_ms: int) -> Founding:
    """The school of one day. Badges and balances are there since `before_ms`."""
    files = {
        "school.toml": SCHOOL_TOML,
        "pupils.csv": pupils_csv(everyone),
        "balances.csv": balances_csv(everyone),
        "meals.csv": reservations_csv(everyone, day),
    }
    since = ("--since-ms", str(before_ms))
    imports = (("import", "pupils", "pupils.csv", "--yes", *since), ("import", "balances", "balances.csv", "--yes", *since))
    return Founding(files, (("setup", "school.toml"), *imports, ("reserve", "meals.csv", *since)))


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A list as a spreadsheet saves it."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


SCHOOL_TOML = f"""\
[[sites]]
name = "{CENTRE}"
floor = "-10,00"

[[sites.programmes]]
name = "Garderie"
use = "care"
price = "0,75"
period_min = 30
tolerance_min = 5
at_most = "6,00"
hours = [
    {{ days = ["mon", "tue", "wed", "thu", "fri"], start = "07:00", end = "08:30" }},
    {{ days = ["mon", "tue", "thu", "fri"], start = "15:30", end = "18:00" }},
    {{ days = ["wed"], start = "12:00", end = "18:00" }},
]

[[sites.products]]
name = "{MEAL}"
kind = "meal"
price = "4,50"
policy = "must_serve"

[[sites.products]]
name = "{SNACK}"
kind = "article"
price = "3,20"
policy = "limit"

[[sites.devices]]
id = "care-door"
name = "Porte de la garderie"
readers = [{{ id = "door", name = "Porte de la garderie", use = "care", direction = "toggle", door_ms = 800 }}]

[[sites.devices]]
id = "till"
name = "Caisse du réfectoire"
readers = [
    {{ id = "meals", name = "Repas", use = "till", direction = "in", product = "{MEAL}" }},
    {{ id = "snacks", name = "Sandwichs", use = "till", direction = "in", product = "{SNACK}" }},
]

[[sites]]
name = "{MOULIN}"

[[sites.programmes]]
name = "Étude"
use = "study"
price = "1,00"
scans = "entry"
hours = [{{ days = ["mon", "tue", "thu", "fri"], start = "16:05", end = "18:00" }}]

[[sites.devices]]
id = "hall"
name = "Borne du hall"
readers = [{{ id = "tags", name = "Borne du hall", use = "study", direction = "in" }}]
"""
"""What `preau-hub setup` reads. The care door takes QR codes, the till has two keyboard scanners, the hall reads RFID tags."""
