"""The rows of `office.db` that say what is set up, read as rows of the school. Nothing is written here (register.py).

By SQLite alone: SQLAlchemy takes as long to load as all the rest of a start, and badges wait for a start.
"""

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from hub.core.calendar import CalendarDay, DayKind, Windows
from hub.core.formulas import Line
from hub.core.menus import Allergen, Canteen, Diet, Menu, Offer, Unordered
from hub.core.school import (
    Adult,
    Badge,
    BadgeState,
    Contact,
    Custody,
    Device,
    FamilyFile,
    Household,
    PayerOverride,
    Policy,
    Product,
    ProductKind,
    Programme,
    Pupil,
    Reader,
    Row,
    Scans,
    School,
    Site,
    Tariff,
    TariffGroup,
    WalletScope,
    Weeks,
    edited,
)
from hub.core.timetable import AbsenceReason, Attendance, ClassHours, Formerly, LegalClass, Plan
from proto.messages import Direction, Use

Stored = Mapping[str, Any]
"""The columns of a row by name; days are dates, JSON is read."""


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write: not even the log into the file, as the last one to be closed would without asking for a sync."""
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as office:
        yield office


def version(office: sqlite3.Connection) -> str:
    """The last step (migrations) that the tables have taken; empty for a database without tables."""
    if not office.execute("SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'").fetchone():
        return ""
    return next((str(stored) for (stored,) in office.execute("SELECT version_num FROM alembic_version")), "")


def seen(office: sqlite3.Connection) -> tuple[int, bytes] | None:
    """The last fact that the history has seen, and the id of the journal it was read from; None before it has seen any."""
    found: tuple[int, bytes] | None = office.execute("SELECT number, journal FROM history_head").fetchone()
    return found


def read_school(office: sqlite3.Connection) -> School:
    """Everything that is set up, in tables of today."""
    return edited(School(), tuple(read(row) for table, read in _READ.items() for row in _rows(office, table)))


def _rows(office: sqlite3.Connection, table: str) -> Iterator[Stored]:
    """The rows of a table as its columns are declared; what may be missing is None."""
    columns = [(name, _MEANT.get(kind)) for _, name, kind, *_ in office.execute(f"PRAGMA table_info({table})")]
    names = [name for name, _ in columns]
    meant = [(name, read) for name, read in columns if read]
    for values in office.execute(f"SELECT {', '.join(map(_quoted, names))} FROM {table}"):  # noqa: S608 - names of our own
        row = dict(zip(names, values, strict=True))
        for name, read in meant:
            row[name] = None if row[name] is None else read(row[name])
        yield row


def _quoted(name: str) -> str:
    return f'"{name}"'


def _site(row: Stored) -> Site:
    contacts = tuple(Contact(*contact) for contact in row["contacts"])
    return Site(**{**row, "zone": ZoneInfo(row["zone"]), "wallet_scope": WalletScope(row["wallet_scope"]), "contacts": contacts})


def _programme(row: Stored) -> Programme:
    days, formerly = frozenset(map(DayKind, row["days"])), msgspec.convert(row["formerly"], tuple[Formerly, ...])
    windows = msgspec.convert(row["windows"], Windows)
    kinds = {"use": Use(row["use"]), "scans": Scans(row["scans"]), "attendance": Attendance(row["attendance"])}
    return Programme(**{**row, **kinds, "windows": windows, "legal": LegalClass(row["legal"]), "days": days, "formerly": formerly})


def _tariff(row: Stored) -> Tariff:
    return Tariff(**{**row, "lines": msgspec.convert(row["lines"], tuple[Line, ...])})


def _product(row: Stored) -> Product:
    kind, policy = ProductKind(row["kind"]), Policy(row["policy"])
    allergens, diets = _allergens(row["allergens"]), frozenset(row["diets"])
    kinds = {"kind": kind, "policy": policy, "allergens": allergens, "diets": diets, "legal": LegalClass(row["legal"])}
    return Product(**{**row, **kinds})


def _canteen(row: Stored) -> Canteen:
    return Canteen(**{**row, "walk_up": Unordered(row["walk_up"]), "unordered": Unordered(row["unordered"])})


def _menu(row: Stored) -> Menu:
    offers = (Offer(product, price_cents, _allergens(allergens)) for product, price_cents, allergens in row["offers"])
    return Menu(row["site"], row["day"], tuple(offers))


def _diet(row: Stored) -> Diet:
    return Diet(row["pupil"], row["code"], _allergens(row["allergens"]))


def _allergens(codes: list[str]) -> frozenset[Allergen]:
    return frozenset(map(Allergen, codes))


def _reader(row: Stored) -> Reader:
    use, direction = Use(row["use"]), Direction(row["direction"])
    return Reader(row["device"], row["id"], row["name"], use, direction, row["product"], row["door_ms"])


def _badge(row: Stored) -> Badge:
    return Badge(**{**row, "state": BadgeState(row["state"])})


def _plan(row: Stored) -> Plan:
    return Plan(**{**row, "weekdays": frozenset(row["weekdays"]), "excluded": frozenset(map(date.fromisoformat, row["excluded"]))})


def _custody(row: Stored) -> Custody:
    return Custody(**{**row, "weeks": Weeks(row["weeks"]), "weekdays": frozenset(row["weekdays"])})


_MEANT: dict[str, Callable[[Any], Any]] = {"DATE": date.fromisoformat, "JSON": json.loads, "BOOLEAN": bool}
"""How a declared type is stored, where not as it is."""
_READ: dict[str, Callable[[Stored], Row]] = {
    "site": _site,
    "programme": _programme,
    "product": _product,
    "device": lambda row: Device(**row),
    "reader": _reader,
    "household": lambda row: Household(**row),
    "adult": lambda row: Adult(**row),
    "pupil": lambda row: Pupil(**row),
    "badge": _badge,
    "custody": _custody,
    "payer_override": lambda row: PayerOverride(**row),
    "plan": _plan,
    "absence_reason": lambda row: AbsenceReason(**row),
    "class_hours": lambda row: ClassHours(**row),
    "canteen": _canteen,
    "menu": _menu,
    "diet": _diet,
    "tariff": _tariff,
    "tariff_group": lambda row: TariffGroup(**row),
    "family_file": lambda row: FamilyFile(**row),
    "calendar_day": lambda row: CalendarDay(**{**row, "kind": DayKind(row["kind"]) if row["kind"] else None}),
}
