"""Lists that people bring along: which column says what, what must not be kept, what a cell means. Lines in, or complaints.

Headers are understood in French, Dutch, German and English, whatever their case and accents. A column of national register numbers is
dropped before anything else looks at it (law of 8 August 1983; reliability.md, 1.2): no row, message or log sees a value of it.
Reading bytes is the shell's (hub/imports.py); what the lines lead to is decided in imports.py.
"""

import enum
import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from hub.core.money import read_cents

MAX_CELL = 200
"""Characters; a longer cell is a quote that was never closed, or a paragraph."""
MAX_NAME = 80
"""Letters of whatever name staff give to somebody or something: longer ones break the lists they stand in."""
MAX_HEAD = 60
"""Characters that are shown of what a file calls a column."""
BELGIAN_DIGITS = 11
"""Of a national number; the French one is longer."""


class Column(enum.StrEnum):
    """What a column may say."""

    KEY = "key"  # what another programme calls this pupil
    LAST_NAME = "last_name"
    FIRST_NAME = "first_name"
    BORN = "born"
    SITE = "site"
    GROUP = "group"
    HOUSEHOLD_KEY = "household_key"
    HOUSEHOLD = "household"
    ADDRESS = "address"
    CHILD_TYPE = "child_type"
    EMAIL = "email"
    LANGUAGE = "language"
    BADGE = "badge"
    BALANCE = "balance"
    MEAL = "meal"
    DAY = "day"
    PRODUCT = "product"
    PRICE = "price"
    DIET = "diet"
    ALLERGENS = "allergens"
    PROGRAMME = "programme"
    WEEKDAYS = "weekdays"
    FROM = "from"
    UNTIL = "until"  # the last day, included
    EXCLUDED = "excluded"


class Wrong(enum.StrEnum):
    """What can be wrong with a line. The words are the shell's and the pages'."""

    MISSING_COLUMN = "missing_column"
    COLUMN_TWICE = "column_twice"
    TOO_MANY_CELLS = "too_many_cells"
    MISSING = "missing"
    INVISIBLE = "invisible"  # a sign that no eye sees
    TOO_LONG = "too_long"
    NATIONAL = "national"  # looks like a national register number
    NO_DAY = "no_day"
    NO_NAME = "no_name"  # without a letter
    NO_AMOUNT = "no_amount"
    NO_BADGE = "no_badge"
    NO_SITE = "no_site"
    BADGE_TAKEN = "badge_taken"
    BADGE_TWICE = "badge_twice"
    NO_EMAIL = "no_email"
    NO_LANGUAGE = "no_language"
    SAME_PERSON = "same_person"  # as on an earlier line
    SEVERAL_PEOPLE = "several_people"
    SEVERAL_HOUSEHOLDS = "several_households"
    HOUSEHOLD_DIFFERS = "household_differs"  # from what an earlier line says of it
    KEY_OF_OTHER = "key_of_other"
    UNKNOWN = "unknown"  # pupil or household
    ALREADY_OPENED = "already_opened"
    BALANCE_TWICE = "balance_twice"
    NO_DATE = "no_date"
    NO_WEEKDAYS = "no_weekdays"  # or in two languages
    NO_PROGRAMME = "no_programme"
    ENDS_BEFORE = "ends_before"  # it begins
    OVERLAPS = "overlaps"


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with which line. `head`: the column as the file calls it. `other`: the line or the thing it does not go with."""

    line: int
    wrong: Wrong
    head: str = ""
    value: str = ""
    other: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it stands in the file; `number` counts from 1, where it begins."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A whole file. Lines without any text are not in it."""

    header: Line
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Readout:
    """A file as a table, and how it was written."""

    table: Table
    encoding: str
    delimiter: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a line says, by what its columns mean; nothing is left around the words."""

    number: int
    cells: Mapping[Column, str]

    def __getitem__(self, column: Column) -> str:
        """Empty where the line says nothing."""
        return self.cells.get(column, "")


@dataclass(frozen=True, slots=True)
class Listed:
    """A file that is understood. `heads`: how it calls its columns; `dropped`: national register numbers; `unknown`: left out."""

    heads: Mapping[Column, str] = field(default_factory=dict)
    lines: tuple[Said, ...] = ()
    dropped: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    complaints: tuple[Complaint, ...] = ()


_WORDS: dict[Column, str] = {
    Column.KEY: """key id n cle identifiant matricule reference ref numero nummer number no nr pupilid pupilkey studentid schoolid idpupil
        cleeleve ideleve codeeleve numeroeleve numerodeleleve noeleve matriculeeleve identifianteleve leerlingnummer leerlingid idleerling
        stamnummer stamboeknummer schulernummer schulerid sleutel schlussel identifier identificatie""",
    Column.LAST_NAME: """lastname surname familyname name nom nomdefamille nomeleve nomdeleleve nomenfant nomdelenfant nomdusage naam
        familienaam achternaam nachname familienname""",
    Column.FIRST_NAME: """firstname givenname forename prenom prenoms prenomeleve prenomdeleleve prenomenfant prenomdelenfant
        prenomusuel voornaam vorname rufname""",
    Column.BORN: """born birthdate birthday dateofbirth dob datedenaissance datenaissance naissance nele neele nelee neeele datenaiss ddn
        geboortedatum geboren geborenop geburtsdatum geburtstag geborenam""",
    Column.SITE: """site school location ecole etablissement implantation lieu vestiging vestigingsplaats locatie schule standort""",
    Column.GROUP: """group class classe groupe klas groep klasse gruppe form classename nomdelaclasse""",
    Column.HOUSEHOLD_KEY: """householdkey householdid familyid familykey familynumber idfamille codefamille clefamille numerofamille
        numerodefamille nofamille identifiantfamille idmenage codemenage numeromenage gezinsnummer gezinsid idgezin familiennummer
        familienid haushaltsnummer haushaltid householdnumber numerodemenage huishoudnummer""",
    Column.HOUSEHOLD: """household family menage famille foyer gezin huishouden familie haushalt nomfamille nomdumenage nomdelafamille
        gezinsnaam payer payeur debiteur betaler zahler""",
    Column.ADDRESS: """address adresse adres adressepostale adressecomplete street rue straat strasse anschrift woonadres""",
    Column.CHILD_TYPE: """childtype type typeenfant typedenfant categorie typeofchild kindtype kindtyp soortkind""",
    Column.EMAIL: """email mail courriel adressemail adresseemail adresseelectronique emailadres mailadres emailadresse mailadresse""",
    Column.LANGUAGE: """language langue taal sprache lang""",
    Column.BADGE: """badge badgecode codebadge numerobadge code qr qrcode codeqr tag carte card kaart karte uid badgenummer""",
    Column.BALANCE: """balance amount openingbalance solde montant soldeinitial soldedouverture saldo bedrag beginsaldo startsaldo betrag
        anfangssaldo eroffnungssaldo""",
    Column.MEAL: """meal repas menu maaltijd mahlzeit essen""",
    Column.PRODUCT: """product produit produkt article artikel""",
    Column.PRICE: """price prix prijs preis""",
    Column.DIET: """diet regime dieet diat""",
    Column.ALLERGENS: """allergens allergenes allergenen allergene""",
    Column.DAY: """day date jour dag datum tag""",
    Column.PROGRAMME: """programme program activity activite service accueil garderie activiteit opvang dienst aktivitat betreuung
        angebot""",
    Column.WEEKDAYS: """weekdays days jours joursdelasemaine joursdesemaine dagen weekdagen wochentage tage""",
    Column.FROM: """from since start startdate du des depuis apartirdu debut datededebut datedebut van vanaf begindatum von ab beginn""",
    Column.UNTIL: """until to end enddate au jusquau fin datedefin datefin tot totenmet tem einddatum bis ende enddatum""",
    Column.EXCLUDED: """excluded excludeddays except exceptions exclus joursexclus exceptes sauf saufle behalve uitgezonderd
        uitgeslotendagen ausser ausgenommen""",
}
"""How files call their columns, folded (`fold`). Where two columns of a kind share a word, the one that the kind names first has it."""

_NATIONAL_WORDS = frozenset("niss insz ssin nir nn nrn rrn rnn nss bsn rnpp secu national nationale nationaal".split())
_NATIONAL_PARTS = (
    "rijksregister registrenational nationalregister numeronational nationaalnummer nationaalnr nationalnummer nationalnumber nationalid "
    "securitesociale numerosecu nosecu socialsecurity socialezekerheid burgerservicenummer sozialversicherung nissnr insznr"
).split()
_BELGIAN = re.compile(r"(?<!\d)\d(?:[ ./-]?\d){10}(?!\d)", re.ASCII)
_FRENCH = re.compile(r"(?<!\d)[1-478](?:[ ./-]?\d){5}[ ./-]?[\dAB](?:[ ./-]?\d){8}(?!\d)", re.ASCII | re.IGNORECASE)
_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})", re.ASCII)
_NO_LETTER = re.compile(r"[^a-z0-9]+")
_CURRENCY = re.compile(r"\A(?:€|EUR) ?| ?(?:€|EUR)\Z")
_ENGLISH = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d{1,9})\.\d{2}", re.ASCII)
_POINT_FOR_COMMA = str.maketrans(",.", ".,")
_LIGATURES = str.maketrans({"°": "o", "œ": "oe", "æ": "ae", "ø": "o", "ł": "l"})
_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})
"""Categories of signs that no eye sees: what is compared by them would differ for no reason anybody finds."""


def understood(table: Table, wanted: tuple[Column, ...], needed: tuple[tuple[Column, ...], ...]) -> Listed:
    """What a file says in the columns that are wanted; all complaints about its header and its cells at once.

    Of each tuple in `needed` one column has to be there.
    """
    table, dropped = _without_national(table)
    heads, unknown, complaints = _columns(table.header, wanted)
    absent = [either for either in needed if not any(column in heads for column in either)]
    complaints += [Complaint(table.header.number, Wrong.MISSING_COLUMN, value=either[0], other=" ".join(either[1:])) for either in absent]
    names = {column: table.header.cells[place] for column, place in heads.items()}
    if complaints:
        return Listed(names, (), dropped, unknown, tuple(complaints))
    lines: list[Said] = []
    for line in table.lines:
        cells = {column: _clean(line.cells[place]) for column, place in heads.items() if place < len(line.cells)}
        trouble = [*_overlong(line, len(table.header.cells)), *_cell_troubles(line.number, cells, names)]
        complaints += trouble
        if not trouble and any(cells.values()):
            lines.append(Said(line.number, cells))
    return Listed(names, tuple(lines), dropped, unknown, tuple(complaints))


@functools.lru_cache(maxsize=16_384)  # lists are put in order by name for each page
def fold(text: str) -> str:
    """Letters and digits without case and accents: two names that fold to the same are one name."""
    if text.isascii():
        return _NO_LETTER.sub("", text.lower())
    plain = unicodedata.normalize("NFKD", text).casefold().translate(_LIGATURES)
    return "".join(letter for letter in plain if letter.isalnum())


class Called(Protocol):
    """Somebody with a name: a pupil, a grown-up."""

    @property
    def id(self) -> int: ...
    @property
    def last_name(self) -> str: ...
    @property
    def first_name(self) -> str: ...


def by_name(one: Called) -> tuple[str, str, int]:
    """Puts people in the order of their names as people look for them: Çelik stands among the Cs, and every list has the same order."""
    return fold(one.last_name), fold(one.first_name), one.id


def national(text: str) -> bool:
    """Whether a Belgian national number (modulo 97; also of those born since 2000, and BIS) or a French NIR with its key is in a text."""
    if len(text) < BELGIAN_DIGITS:
        return False
    if not text.isascii() or not text.isprintable():  # digits of another script, or what no eye sees between them
        text = "".join(sign for sign in unicodedata.normalize("NFKC", text) if sign.isprintable())
    return any(_belgian(found[0]) for found in _BELGIAN.finditer(text)) or any(_french(found[0]) for found in _FRENCH.finditer(text))


def read_day(text: str) -> date | None:
    """`2015-03-31`, `31/03/2015`, `31.3.2015`, a midnight after it left out; the day before the month. None when it is no day."""
    found = _DAY.fullmatch(text.removesuffix(" 00:00:00").removesuffix(" 00:00").strip())
    if found is None:
        return None
    year, month, day = (found[1], found[2], found[3]) if found[1] else (found[6], found[5], found[4])
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def read_amount(text: str) -> int | None:
    """Cents as `money.read_cents` has them, and of `12.50`, `1,234.50`, `€ 12,50`, `12,50 EUR`; None when it is not surely an amount."""
    bare = _CURRENCY.sub("", text, count=1)
    return read_cents(bare.translate(_POINT_FOR_COMMA) if _ENGLISH.fullmatch(bare) else bare)


# --- columns --------------------------------------------------------------------------------------


def _without_national(table: Table) -> tuple[Table, tuple[str, ...]]:
    """The file without columns of national register numbers, by their header or because most of their cells are such numbers."""
    heads = table.header.cells
    gone = {place for place, head in enumerate(heads) if national_header(head) or _mostly_national(table.lines, place)}
    names = [_name(table.lines, place, head) for place, head in enumerate(heads)]
    header = Line(table.header.number, tuple("" if place in gone else name for place, name in enumerate(names)))
    if not gone:
        return Table(header, table.lines), ()
    lines = tuple(Line(line.number, tuple("" if place in gone else cell for place, cell in enumerate(line.cells))) for line in table.lines)
    return Table(header, lines), tuple(names[place] or f"column {place + 1}" for place in sorted(gone))


def _name(lines: tuple[Line, ...], place: int, head: str) -> str:
    """How a column is called: by its header, by its place where that is none, empty where there is nothing to call.

    A list without a header begins with a person, whose number must not be read out as the name of a column.
    """
    clean = "".join(sign if sign.isprintable() else "?" for sign in _clean(head)[:MAX_HEAD])
    nameless = national(clean) or (not clean and any(line.cells[place].strip() for line in lines if place < len(line.cells)))
    return f"column {place + 1}" if nameless else clean


def national_header(head: str) -> bool:
    """Whether a column says by its name that it holds national register numbers, in one of four languages."""
    words = {fold(word) for word in re.split(r"[\W_]+", head)}
    folded = fold(head)
    return bool(words & _NATIONAL_WORDS) or any(part in folded for part in _NATIONAL_PARTS)


def _mostly_national(lines: tuple[Line, ...], place: int) -> bool:
    cells = [line.cells[place] for line in lines if place < len(line.cells) and line.cells[place].strip()]
    return 2 * sum(national(cell) for cell in cells) > len(cells)


def columns_known(header: Iterable[str], wanted: tuple[Column, ...]) -> int:
    """How many columns of a header are understood."""
    meaning = _meaning(wanted)
    return sum(fold(head) in meaning for head in header)


def _meaning(wanted: tuple[Column, ...]) -> dict[str, Column]:
    """Which column a folded header means."""
    meaning: dict[str, Column] = {}
    for column in reversed(wanted):
        meaning |= dict.fromkeys((fold(column), *_WORDS[column].split()), column)
    return meaning


def _columns(header: Line, wanted: tuple[Column, ...]) -> tuple[dict[Column, int], tuple[str, ...], list[Complaint]]:
    """Where each column stands, the names of those that are not wanted, and which are there twice."""
    meaning = _meaning(wanted)
    heads: dict[Column, int] = {}
    unknown: list[str] = []
    complaints: list[Complaint] = []
    for place, head in enumerate(header.cells):
        column = meaning.get(fold(head))
        if column is None:
            unknown += [head] if head else []
        elif column in heads:
            complaints.append(Complaint(header.number, Wrong.COLUMN_TWICE, head, other=header.cells[heads[column]]))
        else:
            heads[column] = place
    return heads, tuple(unknown), complaints


# --- cells ----------------------------------------------------------------------------------------


def _clean(cell: str) -> str:
    """One way to write the same: composed letters, single spaces."""
    return " ".join(unicodedata.normalize("NFC", cell).split())


def _overlong(line: Line, width: int) -> Iterator[Complaint]:
    """A line with more cells than the header has columns holds a separator that was meant as text: its cells have moved."""
    if any(cell.strip() for cell in line.cells[width:]):
        yield Complaint(line.number, Wrong.TOO_MANY_CELLS, value=str(len(line.cells)), other=str(width))


def _cell_troubles(number: int, cells: Mapping[Column, str], heads: Mapping[Column, str]) -> Iterator[Complaint]:
    for column, cell in cells.items():
        if national(cell):
            yield Complaint(number, Wrong.NATIONAL, heads[column])
        elif len(cell) > MAX_CELL:
            yield Complaint(number, Wrong.TOO_LONG, heads[column], f"{cell[:20]}…", str(MAX_CELL))
        elif not cell.isprintable() and any(unicodedata.category(letter) in _UNSEEN for letter in cell):
            yield Complaint(number, Wrong.INVISIBLE, heads[column], ascii(cell)[1:-1])


def _belgian(written: str) -> bool:
    """Year, month (+20 or +40: BIS), day, order; the check is 97 minus the rest of all by 97, with a 2 before those born since 2000."""
    digits = _NO_LETTER.sub("", written)
    month, day, number = int(digits[2:4]), int(digits[4:6]), int(digits[:9])
    born = month % 20 <= 12 and month < 53 and day <= 31
    return born and int(digits[9:]) in (97 - number % 97, 97 - (2_000_000_000 + number) % 97)


def _french(written: str) -> bool:
    """Thirteen digits (2A and 2B of Corsica count as 19 and 18); the key is 97 minus their rest by 97."""
    digits = _NO_LETTER.sub("", written.lower())
    number = digits[:5] + digits[5:7].replace("2a", "19").replace("2b", "18") + digits[7:13]
    return number.isdigit() and int(digits[13:]) == 97 - int(number) % 97
